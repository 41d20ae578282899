"""How a vector grows under Gaussian matrices: a fresh one in each step, or the same one again and again."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .. import _validation
from ..laws import LN10, fresh_products, log10_repeated_bound
from . import _style as style
from ._paper import drawn

QUANTILES = (0.05, 0.5, 0.95)


@drawn
def fresh_or_repeated(axes: tuple, fresh: ArrayLike, repeated: ArrayLike, n: int) -> tuple:
    """Draw what one vector does under products of fresh Gaussian matrices, and under the powers of one of them.

    Parameters
    ----------
    axes : pair of matplotlib.axes.Axes
        Side by side, with shared scales.
    fresh, repeated : array, shape (samples, K + 1)
        Natural logarithms of |W_k .. W_1 v|, as ``spectra.gaussian_growth`` returns them.
    n : int
        Of the n x n matrices.

    Returns
    -------
    pair of matplotlib.axes.Axes

    Notes
    -----
    The band holds nine of ten draws; a single draw is no smooth curve. The mean square of the repeated matrix is
    carried by very few draws, so that the mean of a sample usually stays below the dashed line.
    """
    names = "(samples, K + 1)"
    fresh = _validation.real_array("fresh", fresh, (None, None), names)
    repeated = _validation.real_array("repeated", repeated, (None, fresh.shape[1]), names)
    left, right = axes
    law = fresh_products(_validation.whole_number("n", n, 1, 10**6))
    k = np.arange(fresh.shape[1])
    _draws(left, fresh, "a fresh W in each step")
    spread = 1.645 * np.sqrt(k) * law.spread[0]  # the quantiles of a normal law
    for sign in (-1, 0, 1):
        left.plot(k, (k * law.exponents[0] + sign * spread) / LN10, **style.THEORY)
    _draws(right, repeated, "one W, repeated")
    right.plot(k, log10_repeated_bound(n, k) / 2, **style.THEORY)
    left.set_ylabel("|W$_k$ ··· W$_1$ v|  ÷  g$^k$", **style.TITLE)
    apart = abs(np.median(fresh[:, -1]) / LN10 - k[-1] * law.exponents[0] / LN10)
    _say(left, 0.93, f"dashed: Newman's law,\nmedian {apart:.2f} decades off", style.THEORY["color"])
    _say(right, 0.93, "dashed: the root mean\nsquare is at least this", style.THEORY["color"])
    _say(left, 0.68, "line: median of the draws\nband: nine of ten draws", style.FULL["color"])
    words = f"median at k = {k[-1]}:\n{10 ** (np.median(repeated[:, -1]) / LN10):.2g} times g$^k$"
    _say(right, 0.68, words, style.FULL["color"])
    right.text(k[-1], 0, "g$^k$ ", fontsize=style.LABEL, color=style.FAINT, ha="right", va="top")


def _say(ax, height, words, color):
    ax.text(0.03, height, words, transform=ax.transAxes, va="top", linespacing=1.3, color=color, **style.BOLD)


def _draws(ax, log, title):
    decades, k = log / LN10, np.arange(log.shape[1])
    low, middle, high = np.quantile(decades, QUANTILES, axis=0)
    style.axes(ax, "steps k", "", whole=5)
    ax.set_title(title, **style.TITLE)
    style.baseline(ax)
    ax.fill_between(k, low, high, color=style.FULL["color"], alpha=0.2, linewidth=0)
    ax.plot(k, middle, **style.FULL)
    ax.set_xlim(0, k[-1])
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(style.decade)
