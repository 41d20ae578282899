"""The cliff in the error surface of one unit.

b = x - w sigma(x),  w sigma'(x) = 1;    b = x_0 - w sigma(x_0)                 folds and separatrix
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation


class Folds(NamedTuple):
    """The two fold bifurcations of x_t = w sigma(x_{t-1}) + b.

    Attributes
    ----------
    b, x : array, shape (2,)
        b, in rising order, and the fixed point that is born or lost there.
    """

    b: np.ndarray
    x: np.ndarray


def folds(w: float) -> Folds:
    """Return where fixed points of x_t = w sigma(x_{t-1}) + b appear and disappear: between the two b there are three.

    Parameters
    ----------
    w : float
        At least 4, where the two are one. Below there is one fixed point for each b, and no fold.

    Returns
    -------
    Folds

    Notes
    -----
    A fixed point x has b = x - w sigma(x). Two of them meet where this b is largest or smallest, w sigma'(x) = 1: with
    s = sigma(x) that is s (1 - s) = 1/w, so s = (1 +- r)/2 with r = sqrt(1 - 4/w), and x = +- 2 artanh(r), which is
    2 arsinh(r sqrt(w)/2). The unit is that of Pascanu, Mikolov, Bengio 2013, figures 3 and 6; the derivation is ours.
    """
    w = _validation.real_number("w", w, low=4)
    r = np.sqrt((w - 4) / w)
    x = 2 * np.arcsinh(r * np.sqrt(w) / 2) * np.array([1, -1])
    return Folds(x - np.array([w * ((1 + r) / 2), 2 / (1 + r)]), x)


class Separatrix(NamedTuple):
    """The wall in the error surface of one unit.

    Attributes
    ----------
    b : float
    multiplier : float
        m = w sigma'(x_0), by which a small distance from x_0 grows in each step.
    """

    b: float
    multiplier: float

    def slope(self, T: int) -> float:
        """Return dx_T/db on the wall, 1 + m + .. + m^(T-1): exact, for x_t stays at x_0.

        It may overflow float64: FloatingPointError.
        """
        T = _validation.whole_number("T", T, 1)
        _validation.fits_in_memory("T", 2 * T, float, f"T = {_validation.shown(T)}")
        with np.errstate(over="ignore", invalid="ignore"):
            found = float(np.sum(self.multiplier ** np.arange(T)))
        if not np.isfinite(found):
            raise FloatingPointError(f"dx_T/db overflows float64 at T = {T}")
        return found


def separatrix(w: float, x_0: float = 0.5) -> Separatrix:
    """Return the b at which the error surface of x_t = w sigma(x_{t-1}) + b has its wall.

    Parameters
    ----------
    w : float
    x_0 : float
        Where the unit starts, from -700 to 700.

    Returns
    -------
    Separatrix

    Raises
    ------
    TypeError
        If w or x_0 is no number.
    ValueError
        If |w sigma'(x_0)| <= 1: x_0 does not repel, and there is no such wall.

    Notes
    -----
    The wall is where x_0 is a fixed point, b = x_0 - w sigma(x_0), and repels: a small step in b to either side sends
    x_T to another attractor. For w > 0 that needs w sigma'(x_0) > 1. Then x_0 lies between the x of the two folds, b
    between their b, and the attractors are the two outer fixed points. In the plane of w and b the wall is a straight
    line that begins at a fold and is tangent to it: the folds are the envelope of all such lines. For
    w sigma'(x_0) < -1 the two sides are, near the wall, the two phases of a cycle of length 2. The derivation is ours.

    E = (sigma(x_T) - y)^2 has dE/db = 2 (sigma(x_0) - y) sigma'(x_0) slope(T) there, and is steepest a hair beside, at
    a distance c / slope(T), with a c that depends on w, x_0 and y and for large T not on T. Where w > 4 but x_0 does
    not repel, E is steep beside a fold instead.
    """
    w, x_0 = _validation.real_number("w", w), _validation.real_number("x_0", x_0, low=-700, high=700)
    s, other = (1 / (1 + np.exp(-x)) for x in (x_0, -x_0))  # sigma(x_0), and 1 - sigma(x_0) with all its digits
    m = float(w * s * other)
    if abs(m) <= 1:
        raise ValueError(f"w is {w}, wanted |w| above 1/sigma'(x_0) = {1 / (s * other):.4f}, where x_0 repels")
    return Separatrix(float(x_0 - w * s), m)
