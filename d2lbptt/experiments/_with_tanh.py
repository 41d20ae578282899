"""What does a nonlinearity change? The same weights with the identity and with another activation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
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
    overflow : str
        What overflowed, so that fewer than T steps are shown, or "".
    """

    activation: str
    identity: np.ndarray
    full: np.ndarray
    slopes: np.ndarray
    slope_bands: SlopeBands
    overflow: str


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
        If the first state overflows.
    """
    params = init_params(1, UNITS, 1, scale=g, kind=kind, seed=seed)
    trace, overflow = _longest_run(params, noise(T, input, seed), activation)
    still = np.zeros_like(trace.x)
    # All slopes of the identity are 1: its gradient is the same along the states that an empty input leaves at 0.
    identity, full = (
        log10_gradient_norms(run, np.ones_like(still), reduction="last") for run in (forward(params, still), trace)
    )
    slopes = ACTIVATIONS[activation].slope(trace.h[1:])
    return WithTanh(activation, identity, full, slopes, slope_bands(slopes), overflow)


def _longest_run(params, x, activation):
    """Return the trace of the longest finite run, and what overflowed after it."""
    try:
        return forward(params, x, activation=activation), ""
    except _validation.Overflow as error:
        if error.t == 1:
            raise
        return forward(params, x[: error.t - 1], activation=activation), str(error)
