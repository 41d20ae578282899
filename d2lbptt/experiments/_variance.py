"""What does randomized truncation cost? Its variance for one linear unit, and a sliding window of the same reach."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..truncation import randomized_variance
from ..truncation.randomized_variance import Trade


class Variance(NamedTuple):
    """The variance of z_t against t: of a sample, and by the exact law.

    Attributes
    ----------
    w : float
    runs : dict of str to pair of arrays, shape (T,)
        By a name such as "π = 0.8, w² < π": the sample's, nan where it leaves float64, and the law's.
    """

    w: float
    runs: dict


def variance(
    w: float = 0.8, pi: ArrayLike = (0.95, 0.8, 0.7, 0.64, 0.55), T: int = 200, draws: int = 20_000, seed: int = 0
) -> Variance:
    """Draw z_t of randomized truncation (9.7.8) many times for one linear unit, and compare its variance with the law.

    Parameters
    ----------
    w : float
        The weight of the unit; b_t = h_{t-1} is drawn from 0.5 to 1.5, so it is bounded and does not die out.
    pi : sequence of float
        The probabilities of keeping an arrow, each above 0 and at most 1.
    T, draws : int
        Steps, and how many times they are drawn.
    seed : int

    Returns
    -------
    Variance

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the draws do not fit in memory.
    FloatingPointError
        If w/pi overflows.
    """
    w, seed = _validation.real_number("w", w), _validation.seed("seed", seed)
    chances, T = _validation.series("pi", pi).tolist(), _validation.whole_number("T", T, 1)
    draws = _validation.whole_number("draws", draws, 1)
    why = f"draws = {_validation.shown(draws)}, T = {_validation.shown(T)}"
    _validation.fits_in_memory("z_t", 3 * draws * T, float, why)
    b, runs = np.random.default_rng(seed).uniform(0.5, 1.5, T), {}
    for probability in chances:
        law = randomized_variance.moments(b, w, probability).variance
        with np.errstate(over="ignore", invalid="ignore"):  # of draws beyond float64
            sample = randomized_variance.simulate(b, w, probability, draws, seed).var(0)
        runs[f"π = {probability:g}, w² {_sign(w, probability)} π"] = sample, law
    return Variance(w, runs)


def _sign(w, pi):
    if np.isclose(w * w, pi):
        return "="
    return "<" if randomized_variance.is_bounded(w, pi) else ">"


def trade(T: int = 100, w: float = 0.9, seed: int = 0) -> Trade:
    """Compare the bias of a sliding window with the chance of randomized truncation, at equal reach, for one unit.

    Parameters
    ----------
    T : int
        Steps; b_t = h_{t-1} is normally distributed.
    w : float
        The weight of the unit.
    seed : int

    Returns
    -------
    randomized_variance.Trade

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If dh_t/dw, or its square, overflows.
    """
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("b", T, float, f"T = {_validation.shown(T)}")
    return randomized_variance.trade(np.random.default_rng(_validation.seed("seed", seed)).normal(size=T), w)
