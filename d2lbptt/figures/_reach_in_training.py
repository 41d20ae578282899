"""How far the gradient reaches while a network is trained, and how its held-out perplexity falls and rises again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import _validation
from ..experiments import ReachInTraining
from ..experiments._reach_in_training import HUNDREDTH
from . import _style as style
from ._arguments import named, some
from ._labels import end_axis, name_ends
from ._paper import drawn

LOWEST = -16  # decades; beside the gradient of its own step, float64 does not see what is smaller
TICKS = (5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 50, 100, 1000)


@drawn
def reach_in_training(ax: Axes, data: ReachInTraining) -> Axes:
    """Draw what is left of the gradient of one loss against the steps back, a line for each epoch.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.ReachInTraining

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    What is below the dashed line counts as gone. A line that ends at the bottom goes on below it.
    """
    data = _validation.instance("data", data, ReachInTraining)
    style.axes(ax, "steps back", "gradient beside that of its own step")
    far = data.decades.shape[1] - 1
    ax.set(xlim=(0, 1.6 * far), ylim=(LOWEST, 1))
    style.decades(ax.yaxis)
    end_axis(ax, far)
    ax.plot([0, far], [HUNDREDTH] * 2, **style.THEORY)
    names = []
    for epoch, decades, reach, look in zip(data.epochs, data.decades, data.reach, cycle(style.SEVERAL), strict=False):
        ax.plot(np.arange(far + 1), decades, **look)
        words = f"epoch {epoch}: {_steps(reach, far)}"
        names.append((words, look["color"], far, max(decades[-1], LOWEST)))
    name_ends(ax, names, far)


@drawn
def held_out(ax: Axes, epochs: ArrayLike, runs: Mapping, levels: Mapping | None = None) -> Axes:
    """Draw the perplexity of held-out text against the epochs, a line for each seed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    epochs : array of int, shape (n,)
    runs : mapping of str to array, shape (seeds, n)
        By a name for each way to train: finite perplexities.
    levels : mapping of str to float, optional
        Perplexities to compare with, by a name for each.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The axis ends at two and a half times the lowest perplexity: the first epochs, which know nothing yet, are above it.
    """
    epochs = _validation.shaped("epochs", _validation.whole("epochs", epochs), (None,), "(n,)")
    runs = some("runs", named("runs", runs, lambda symbol, rows: _perplexities(symbol, rows, len(epochs))))
    levels = named(
        "levels",
        {} if levels is None else levels,
        lambda symbol, level: _validation.real_number(symbol, level, above=0),
    )
    style.axes(ax, "epoch", "perplexity, held-out text").set_yscale("log")
    lowest, longest = min(rows.min() for rows in runs.values()), max(1, int(epochs[-1]))
    ax.set(xlim=(0, 1.5 * longest), ylim=(0.95 * lowest, 2.5 * lowest))
    style.logarithmic(ax.yaxis, TICKS)
    end_axis(ax, longest)
    for name, level in levels.items():
        ax.plot([0, longest], [level, level], **style.THEORY)
        ax.annotate(name, (0.32 * longest, level), (0, 2), textcoords="offset points", ha="center", **style.ASIDE)
    names = []
    for (name, rows), look in zip(runs.items(), cycle(style.SEVERAL), strict=False):
        ax.plot(epochs, rows.T, **{**look, "linewidth": 1.5})
        names.append((name, look["color"], longest, np.median(rows[:, -1])))
    name_ends(ax, names, longest)


def _perplexities(symbol, rows, n):
    found = _validation.shaped(symbol, _validation.real(symbol, rows), (None, n), f"(seeds, n) with n = {n}")
    if not found.size or not (found > 0).all():
        raise ValueError(f"{symbol} is {_validation.shown(rows)}, wanted perplexities above 0")
    return _validation.finite(symbol, found)


def _steps(reach, far):
    return f"{far} or more steps" if reach == far else "1 step" if reach == 1 else f"{reach} steps"
