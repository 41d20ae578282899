"""What does a nonlinearity change? The same weights with the identity and with another activation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..activations import ACTIVATIONS
from ..growth.gradient_norms import log10_gradient_norms
from ..rnn import forward, init_params
from ._inputs import noise
from ._slopes import SlopeBands, slope_bands

UNITS = 64


class WithTanh(NamedTuple):
    """The gradient with the identity and with phi, for the loss at t = T.

    Attributes
    ----------
    activation : str
        Of phi.
    identity, full : array, shape (T,)
        log10 |dL/dh_t| with the identity and with phi.
    slopes : array, shape (T, 64)
        phi'(z_t).
    slope_bands : SlopeBands
    """

    activation: str
    identity: np.ndarray
    full: np.ndarray
    slopes: np.ndarray
    slope_bands: SlopeBands


def with_tanh(
    activation: str = "tanh", T: int = 100, g: float = 1.5, input: float = 0.1, kind: str = "gaussian", seed: int = 0
) -> WithTanh:
    """Compare the gradients of a linear network and of one with an activation phi, the weights and inputs the same.

    Parameters
    ----------
    activation : str
        Of phi, a name in ``ACTIVATIONS``.
    T : int
        Length of the sequence.
    g : float
        Scale of W_hh.
    input : float
        Standard deviation of the inputs.
    kind : str
        Of W_hh, as for ``init_params``.
    seed : int

    Returns
    -------
    WithTanh

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If a state or a gradient overflows.
    """
    x = noise(T, input, seed)
    params = init_params(1, UNITS, 1, scale=g, kind=kind, seed=seed)
    # All slopes of the identity are 1: its gradient is the same along the states that an empty input leaves at 0.
    traces = forward(params, np.zeros_like(x)), forward(params, x, activation=activation)
    identity, full = (log10_gradient_norms(trace, np.ones_like(x), reduction="last") for trace in traces)
    slopes = ACTIVATIONS[activation].slope(traces[1].h[1:])
    return WithTanh(activation, identity, full, slopes, slope_bands(slopes))
