"""Randomized truncation of one linear unit: its variance against t, simulated and exact, and bias against variance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from .. import _validation
from ..truncation.randomized_variance import Trade
from . import _style as style
from ._arguments import named, pair_of_rows, some
from ._labels import end_axis, name_ends
from ._paper import drawn

ERRORS = (1e-4, 1e3)  # relative; what is in sight
FAINTER = {"color": "#4A90C2", "linewidth": 2, "linestyle": (0, (5, 1, 1, 1))}
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
FAINTEST = {"color": "#7FA9C9", "linewidth": 2, "linestyle": (0, (1, 1))}


@drawn
def variance(ax: Axes, runs: Mapping) -> Axes:
    """Draw the variance of z_t against t on a log axis: simulated, and the exact law, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to pair of arrays, shape (T,)
        By a name for each: the variance of a sample, and that of the law.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Where the law grows without bound the sample falls behind it in the end: the variance is then carried by draws that
    are too rare to be in the sample.
    """
    runs = some("runs", named("runs", runs, pair_of_rows))
    style.axes(ax, "time step t", "variance of z$_t$").set_yscale("log")
    longest, names = max(len(law) for _, law in runs.values()), []
    ax.set_xlim(0, 1.5 * longest)
    end_axis(ax, longest)
    for (name, (sample, law)), look in zip(runs.items(), cycle(style.SEVERAL), strict=False):
        t = np.arange(1, len(law) + 1)
        ax.plot(t, np.where(law > 0, sample, np.nan), **look)
        ax.plot(t, np.where(law > 0, law, np.nan), **style.THEORY)
        names.append((name, look["color"], len(law), law[-1]))
    ax.yaxis.set_major_locator(LogLocator(numticks=6))
    ax.yaxis.set_major_formatter(lambda value, _: style.decade(round(np.log10(value))))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(ax.get_ylim())
    ax.text(0.02, 0.95, "dashed: the law", transform=ax.transAxes, va="top", color=style.THEORY["color"], **style.BOLD)
    name_ends(ax, names, longest)


@drawn
def trade(ax: Axes, data: Trade) -> Axes:
    """Draw the error of the sliding window and of randomized truncation against their common reach, on log axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : Trade

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    One error is all bias and the other all chance. The mean over many independent draws makes the second smaller, by
    the root of their number, and the first never.
    """
    _validation.instance("data", data, Trade)
    style.axes(ax, "steps that a loss is followed back", "relative error").set(xscale="log", yscale="log")
    inside = slice(1, len(data.steps) - 1)
    steps = data.steps[inside]
    ax.set(xlim=(0.9 * steps[0], 12 * steps[-1]), ylim=ERRORS)
    style.logarithmic(ax.xaxis, [step for step in STEPS if steps[0] <= step <= steps[-1]])
    ax.spines["bottom"].set_bounds(steps[0], steps[-1])
    names = []
    for draws, look in ((1, style.FULL), (100, FAINTER), (10_000, FAINTEST)):
        values = data.randomized[inside] / np.sqrt(draws)
        ax.plot(steps, values, **look)
        name = "randomized: chance" if draws == 1 else f"mean of {draws:,} draws"
        names.append((name, look["color"], steps[-1], values[-1]))
    ax.plot(steps, data.window[inside], **style.TRUNCATED)
    names.append(("sliding window: bias", style.TRUNCATED["color"], steps[-1], max(data.window[inside][-1], ERRORS[0])))
    name_ends(ax, names, 1.1 * steps[-1])
