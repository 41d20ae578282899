"""How a vector grows under Gaussian matrices: a fresh one in each step, or the same one again and again."""

from __future__ import annotations

from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..experiments import FreshOrRepeated
from . import _style as style
from ._paper import drawn


@drawn
def fresh_or_repeated(axes: tuple, data: FreshOrRepeated) -> tuple:
    """Draw what one vector does under products of fresh Gaussian matrices, and under the powers of one of them.

    Parameters
    ----------
    axes : pair of matplotlib.axes.Axes
        Side by side, with shared scales.
    data : experiments.FreshOrRepeated

    Returns
    -------
    pair of matplotlib.axes.Axes

    Notes
    -----
    The band holds nine of ten draws; a single draw is no smooth curve. The mean square of the repeated matrix is
    carried by very few draws, so that the mean of a sample usually stays below the dashed line.
    """
    _validation.instance("data", data, FreshOrRepeated)
    left, right = axes
    K = len(data.repeated_bound) - 1
    _draws(left, data.fresh_quantiles, "a fresh W in each step")
    for law in data.fresh_law:
        left.plot(law, **style.THEORY)
    _draws(right, data.repeated_quantiles, "one W, repeated")
    right.plot(data.repeated_bound, **style.THEORY)
    left.set_ylabel("|W$_k$ ··· W$_1$ v|  ÷  g$^k$", **style.TITLE)
    _say(left, 0.93, f"dashed: Newman's law,\nmedian {data.apart:.2f} decades off", style.THEORY["color"])
    _say(right, 0.93, "dashed: the root mean\nsquare is at least this", style.THEORY["color"])
    _say(left, 0.68, "line: median of the draws\nband: nine of ten draws", style.FULL["color"])
    words = f"median at k = {K}:\n{10 ** data.repeated_quantiles[1, -1]:.2g} times g$^k$"
    _say(right, 0.68, words, style.FULL["color"])
    right.text(K, 0, "g$^k$ ", fontsize=style.LABEL, color=style.FAINT, ha="right", va="top")


def _say(ax, height, words, color):
    ax.text(0.03, height, words, transform=ax.transAxes, va="top", linespacing=1.3, color=color, **style.BOLD)


def _draws(ax, quantiles, title):
    low, middle, high = quantiles
    style.axes(ax, "steps k", "", whole=5)
    ax.set_title(title, **style.TITLE)
    style.baseline(ax)
    ax.fill_between(range(len(middle)), low, high, color=style.FULL["color"], alpha=0.2, linewidth=0)
    ax.plot(middle, **style.FULL)
    ax.set_xlim(0, len(middle) - 1)
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(style.decade)
