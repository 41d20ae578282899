"""The slopes phi'(z_t) of all units, in three lines against t."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEPS = 250  # from more of them the eye sees no more


class SlopeBands(NamedTuple):
    """The lowest tenth of the slopes, their median and the highest tenth.

    Slopes that are 0 or 1, as those of relu, have no such middle: of them all three are the share that is 1.

    Attributes
    ----------
    t : array of int, shape (n,)
        Every step, or 250 at most.
    low, median, high : array, shape (n,)
    """

    t: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def slope_bands(slopes):
    """Return the bands of slopes of shape (T, units)."""
    T = len(slopes)
    shown = slice(0, T, -(-T // STEPS))
    if np.isin(slopes[shown], (0, 1)).all():
        low = median = high = slopes[shown].mean(1)
    else:
        low, median, high = np.quantile(slopes[shown], [0.1, 0.5, 0.9], axis=1)
    return SlopeBands(np.arange(1, T + 1)[shown], low, median, high)
