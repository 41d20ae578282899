"""Why does BPTT need no dh_t/dW? Forward accumulation and BPTT as two ways to add up one table (9.7.4, 9.7.16)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..bptt import backward
from ..total_derivative import mixtures
from ..untied import by_loss, by_pair, by_use
from ._inputs import one_unit


class TwoRoutes(NamedTuple):
    """The gradient of one weight, of a network with one unit; all but ``gradient`` are shares of it.

    Attributes
    ----------
    shares : array, shape (T, T)
        What the loss of step t contributes through the use in step k.
    by_loss, by_use : array, shape (T,)
        What forward accumulation adds up (9.7.3), and what BPTT adds up (9.7.16).
    ratios : array, shape (4,)
        What the four ``total_derivative.Mixtures`` add up to; nan where the gradient is zero.
    gradient : float
        From ``backward``.
    parameter : str
    """

    shares: np.ndarray
    by_loss: np.ndarray
    by_use: np.ndarray
    ratios: np.ndarray
    gradient: float
    parameter: str


def two_routes(
    parameter: str = "W_hh", activation: str = "identity", T: int = 5, g: float = 0.8, h0: float = 0.5
) -> TwoRoutes:
    """Take the gradient of a network of one unit apart by losses and by uses of a weight.

    Parameters
    ----------
    parameter : {"W_hh", "W_hx"}
    activation : str
        A name in ``ACTIVATIONS``.
    T : int
        Length of the sequence.
    g, h0 : float
        The weight W_hh and the initial state, at least 0.

    Returns
    -------
    TwoRoutes

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If a state or a derivative overflows.
    """
    trace, y = one_unit(T, g, h0, activation)
    table, losses, uses = (parts(trace, y, parameter)[..., 0, 0] for parts in (by_pair, by_loss, by_use))
    gradient = getattr(backward(trace, y), parameter).item()
    sums = np.array([mixture.item() for mixture in mixtures(trace, y, parameter)])
    size = gradient or 1.0  # all signs are the same here: where the gradient is zero, so is every part of it
    ratios = sums / gradient if gradient else np.full(4, np.nan)
    return TwoRoutes(table / size, losses / size, uses / size, ratios, gradient, parameter)
