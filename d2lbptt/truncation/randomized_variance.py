"""Randomized truncation in full, for one linear unit: its mean, its exact variance, and a window beside it.

    z_t = b_t + xi_t w z_{t-1},  z_0 = 0,  P(xi_t = 1/pi) = pi,  P(xi_t = 0) = 1 - pi                       9.7.8
    E z_t = a_t,  a_t = b_t + w a_{t-1}                       unbiased: a_t is the total derivative dh_t/dw, 9.7.4
    Var z_t = (w^2/pi) Var z_{t-1} + w^2 (1/pi - 1) a_{t-1}^2                           bounded if and only if w^2 < pi

The unit is h_t = w h_{t-1} + x_t, so b_t = h_{t-1}. The sliding window of tau keeps the last tau terms of a_t instead:
it has no variance, and is off by what it drops.

Shapes: b, e, and what belongs to the steps t = 1 .. T, are (T,), entry t - 1 for step t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation

__all__ = [
    "Moments",
    "Trade",
    "moments",
    "is_bounded",
    "steps_kept",
    "simulate",
    "trade",
]


class Moments(NamedTuple):
    """Mean and variance of an estimate.

    Attributes
    ----------
    mean, variance : array, shape (T,), or float
    """

    mean: np.ndarray
    variance: np.ndarray


def moments(b: ArrayLike, w: float, pi: float) -> Moments:
    """Return the exact mean and variance of z_t for t = 1 .. T.

    Parameters
    ----------
    b : array, shape (T,)
        b_t, the immediate derivatives dh_t/dw with h_{t-1} held.
    w : float
    pi : float
        The probability of keeping an arrow, above 0 and at most 1.

    Returns
    -------
    Moments
        Of shape (T,); what leaves float64 is infinite.

    Notes
    -----
    xi_t knows nothing of z_{t-1}, has mean 1 and mean square 1/pi. Squaring the recursion and taking the mean gives
    E z_t^2 = b_t^2 + 2 b_t w a_{t-1} + (w^2/pi) E z_{t-1}^2; from that a_t^2 is subtracted term by term. The recursion
    is Tallec and Ollivier's (2017, arXiv 1705.08209) in the scalar linear case; the derivation of its moments is ours.
    """
    b, w, pi = _row("b", b), _validation.real_number("w", w), _validation.probability("pi", pi)
    mean, variance = np.empty(len(b)), np.empty(len(b))
    a = s = np.float64(0)
    with np.errstate(over="ignore"):
        for t, b_t in enumerate(b):
            s = _next_variance(s, a, w, pi)
            a = b_t + w * a
            mean[t], variance[t] = a, s
    return Moments(mean, variance)


def _next_variance(s, a, w, pi):
    """Return Var z_t from Var z_{t-1} = s and E z_{t-1} = a, which may be infinite."""
    return w * (w * (s + (1 - pi) * (a * a)) / pi) if w and pi < 1 else np.float64(0)


def is_bounded(w: float, pi: float) -> bool:
    """Say whether Var z_T stays bounded as T grows: if and only if w^2 < pi, for 0 < pi < 1.

    Parameters
    ----------
    w : float
    pi : float

    Returns
    -------
    bool

    Notes
    -----
    For input that is bounded and does not die out. If w^2 < pi the variance is a geometric sum with the factor w^2/pi
    of numbers w^2 (1/pi - 1) a_t^2, and |w| < 1 keeps those bounded. If w^2 >= pi each such number is carried on with a
    factor of 1 or more, and new ones are added for ever. For pi = 1 there is no variance at all.
    """
    w, pi = _validation.real_number("w", w), _validation.probability("pi", pi)
    return w * w < pi or pi == 1


def _window_error(b, w, tau):
    """Return how far the sliding window of tau is off from dh_t/dw: -w^tau a_{t-tau} for t > tau, else 0.

    It is infinite where w^tau or a_{t-tau} leaves float64.
    """
    a = moments(b, w, 1.0).mean
    with np.errstate(over="ignore", invalid="ignore"):
        dropped = np.float64(w) ** tau * a[:-tau]
    # What is nan is 0 times a w^tau beyond float64, or the other way round.
    return np.concatenate([np.zeros(tau), -np.where(np.isnan(dropped), a[:-tau], dropped)])


def steps_kept(pi: ArrayLike, T: int) -> np.ndarray:
    """Return the mean number of steps that a loss at step T is followed back, (1 - pi^T) / (1 - pi).

    Parameters
    ----------
    pi : float or array
    T : int

    Returns
    -------
    array, shaped as pi
        1 for the step itself, and one more for each arrow in a row that is kept: the tau of a window of equal reach.
        Reach is not work: see ``pairs.jacobian_products``.
    """
    pi = _validation.real("pi", pi)
    if not pi.size:
        raise ValueError(f"pi has shape {pi.shape}, wanted at least one number")
    pi = _validation.finite("pi", pi).astype(float)
    arrows = _validation.real_number("T", _validation.whole_number("T", T, 1))
    outside = ~((pi > 0) & (pi <= 1))
    if outside.any():
        raise ValueError(f"pi is {pi[outside].flat[0]}, wanted above 0 and at most 1")
    below = np.where(pi < 1, pi, 0)
    with np.errstate(divide="ignore"):  # of the 0 that stands for 1
        return np.where(pi < 1, -np.expm1(arrows * np.log(below)) / (1 - below), arrows)[()]


def simulate(b: ArrayLike, w: float, pi: float, draws: int, seed: int = 0) -> np.ndarray:
    """Draw z_1 .. z_T many times, by the recursion 9.7.8 itself.

    Parameters
    ----------
    b, w, pi
        As for ``moments``.
    draws : int
    seed : int

    Returns
    -------
    array, shape (draws, T)
        What leaves float64 is infinite.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the draws do not fit in memory.
    FloatingPointError
        If w/pi overflows.
    """
    b, w, pi = _row("b", b), _validation.real_number("w", w), _validation.probability("pi", pi)
    draws = _validation.whole_number("draws", draws, 1)
    # The numbers that are drawn, which of them keep their arrow, and what is found.
    why = f"draws = {_validation.shown(draws)}, T = {len(b)}"
    _validation.fits_in_memory("z_t", 3 * draws * len(b), float, why)
    if not np.isfinite(w / pi):
        raise FloatingPointError("w/pi overflows float64")
    xi = np.random.default_rng(_validation.seed("seed", seed)).random((len(b), draws)) < pi
    z, found = np.zeros(draws), np.empty((draws, len(b)))
    for t, (b_t, kept) in enumerate(zip(b, xi, strict=True)):
        with np.errstate(over="ignore"):
            z = b_t + np.where(kept, w / pi * z, 0)
        found[:, t] = z
    return found


class Trade(NamedTuple):
    """Bias against variance at equal reach.

    Attributes
    ----------
    steps : array, shape (n,)
        How many steps a loss is followed back: tau, and the mean of the randomized scheme.
    pi : array, shape (n,)
        With ``steps_kept(pi, T) = steps``.
    window, randomized : array, shape (n,)
        Root mean square over t = 1 .. T of the error of dh_t/dw, divided by that of dh_t/dw itself: all of the first is
        bias, all of the second is chance.
    """

    steps: np.ndarray
    pi: np.ndarray
    window: np.ndarray
    randomized: np.ndarray


def trade(b: ArrayLike, w: float) -> Trade:
    """Return the errors of the sliding window and of randomized truncation for tau = 1 .. T, at equal reach.

    Parameters
    ----------
    b, w
        As for ``moments``.

    Returns
    -------
    Trade
        An error beyond float64 is inf.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or b is zero everywhere.
    FloatingPointError
        If dh_t/dw itself, or its square, overflows.
    """
    given = _row("b", b)
    if not given.any():
        raise ValueError("b is zero everywhere, wanted a number that is not")
    row = given / np.abs(given).max()
    T, a = len(row), moments(row, w, 1.0).mean
    steps = np.arange(1, T + 1)
    pi = np.array([_with_steps(tau, T) for tau in steps])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        size = np.sqrt(np.mean(a**2))
        if not np.isfinite(size):
            raise FloatingPointError(f"(dh_t/dw)^2 overflows float64: w is {w}")
        window = [np.sqrt(np.mean(_window_error(row, w, tau) ** 2)) for tau in steps]
        chance = [np.sqrt(np.mean(moments(row, w, number).variance)) if number else np.inf for number in pi]
        return Trade(steps, pi, np.array(window) / size, np.array(chance) / size)


def _with_steps(steps, T):
    """Return the pi with steps_kept(pi, T) = steps; 0, which is no scheme, for one step."""
    from scipy.optimize import brentq  # loaded when it is first used

    if steps in (1, T):
        return float(steps == T)
    return brentq(lambda pi: steps_kept(pi, T) - steps, 1e-12, 1, xtol=1e-14)


def _row(symbol, value) -> np.ndarray:
    return _validation.series(symbol, value, "(T,)")
