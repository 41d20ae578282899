"""How does the backward recursion ever start? The table of the scalar RNN (9.7.13, 9.7.14 with one unit)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..activations import ACTIVATIONS
from ..scalar import Table
from ..scalar import scalar_rnn as run


class ScalarRNN(NamedTuple):
    """The table of slopes, and what its rows are calculated from.

    Attributes
    ----------
    table : scalar.Table
    w : float
    own : array, shape (T,)
        l'(yhat_t) theta'(h_t) / T: what the loss of step t itself contributes to dL/dh_t.
    slopes : array, shape (T,)
        phi'(z_t).
    dL_dw, dL_dv : array, shape (T,)
        What the steps t .. T contribute: row t - 1 is the sum as far as it is known when row t is filled, and the first
        is the gradient.
    """

    table: Table
    w: float
    own: np.ndarray
    slopes: np.ndarray
    dL_dw: np.ndarray
    dL_dv: np.ndarray


def scalar_rnn(T: int = 5, w: float = 0.9, v: float = 0.5, phi: str = "tanh", theta: str = "identity") -> ScalarRNN:
    """Fill the table of z_t = w h_{t-1} + v x_t, h_t = phi(z_t), yhat_t = theta(h_t), for x_t = cos t and y_t = sin t.

    Parameters
    ----------
    T : int
        Length of the sequence.
    w, v : float
    phi, theta : str
        Names in ``ACTIVATIONS``.

    Returns
    -------
    ScalarRNN

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If a number overflows. The message names the step.
    """
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("x", T, float, f"T = {_validation.shown(T)}")
    w, v = _validation.real_number("w", w), _validation.real_number("v", v)
    phi, theta = _validation.one_of("phi", phi, ACTIVATIONS), _validation.one_of("theta", theta, ACTIVATIONS)
    t = np.arange(1, T + 1)
    y = np.sin(t)
    table = run(w, v, np.cos(t), y, phi=phi, theta=theta)
    own = (table.yhat - y) * ACTIVATIONS[theta].slope(table.yhat) / T
    dw, dv = (np.cumsum((table.dL_dz * entering)[::-1])[::-1] for entering in (table.h[:-1], table.x))
    return ScalarRNN(table, w, own, ACTIVATIONS[phi].slope(table.h[1:]), dw, dv)
