"""Perplexity of training runs side by side, by epochs and by seeds, and what simple readers could reach, dashed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes

from .. import _validation
from . import _style as style
from ._labels import end_axis, name_ends
from ._paper import drawn

TICKS = (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
LEVEL = {"color": style.THEORY["color"], "fontsize": style.NOTE, "textcoords": "offset points"}
RING = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgewidth": 2.5, "linestyle": "none"}


@drawn
def perplexity(ax: Axes, runs: Mapping, levels: Mapping | None = None, held_out: Mapping | None = None) -> Axes:
    """Draw the perplexity of each epoch on a log axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to array, shape (epochs,)
        Finite numbers above 0, by a name for each run; those without an epoch are left out.
    levels : mapping of str to float, optional
        Perplexities to compare with, by a name for each: that of a uniform guess, of the frequencies alone.
    held_out : mapping of str to float, optional
        For some of the runs, by the same names: the perplexity of their last parameters on a text that was not learned;
        a ring behind the end of the run.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A line is the perplexity of the text that is learned, before each minibatch changes the parameters: a low one says
    that the text is known by heart, not that another text would be. That is what the rings say.
    """
    style.axes(ax, "epoch", "perplexity").set_yscale("log")
    runs = {name: values for name, values in _rows(runs).items() if len(values)}
    levels = _each("levels", levels)
    held_out = {name: value for name, value in _each("held_out", held_out).items() if name in runs}
    longest = max([1, *map(len, runs.values())])
    top = 1.15 * max([2, *levels.values(), *held_out.values(), *(np.max(values) for values in runs.values())])
    ax.set(xlim=(0, 1.5 * longest), ylim=(0.95, top))
    style.logarithmic(ax.yaxis, TICKS)
    end_axis(ax, longest)
    for name, level in levels.items():
        ax.plot([0, longest], [level, level], **style.THEORY)
        ax.annotate(name, (0.8 * longest, level), (-4, 2), ha="right", va="bottom", **LEVEL)
    names = []
    for (name, values), look in zip(runs.items(), cycle(style.SEVERAL), strict=False):
        ax.plot(np.arange(1, len(values) + 1), values, **look)
        names.append((f"{name}: {values[-1]:.2f}", look["color"], len(values), values[-1]))
        if name in held_out:
            ax.plot(1.06 * longest, held_out[name], **RING, color=look["color"])
    name_ends(ax, names, longest)
    if held_out:
        middle = np.exp(np.mean(np.log(list(held_out.values()))))
        ax.text(1.1 * longest, middle, "rings: text\nnot learned", va="center", **style.SMALL)


@drawn
def by_seed(ax: Axes, runs: Mapping, levels: Mapping | None = None) -> Axes:
    """Draw one perplexity for each seed, in a row for each way to train.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to array, shape (n,)
        By a name for each: the perplexities of n seeds, finite numbers above 0.
    levels : mapping of str to float, optional
        Perplexities to compare with, by a name for each.

    Returns
    -------
    matplotlib.axes.Axes
    """
    runs, levels = _rows(runs), _each("levels", levels)
    style.axes(ax, "perplexity at the end, one mark for each seed", "").set_ylim(-len(runs) + 0.4, 1)
    for row, values in enumerate(runs.values()):
        ax.plot(values, np.linspace(0.25, -0.25, len(values)) - row, **RING, color=style.FULL["color"])
    ax.set_yticks(-np.arange(len(runs)), list(runs))
    for i, (name, level) in enumerate(levels.items()):
        ax.axvline(level, **style.THEORY)
        side = {"ha": "left", "xytext": (5, 0)} if i else {"ha": "right", "xytext": (-5, 0)}
        ax.annotate(name, (level, 0.75), va="center", **side, **LEVEL)
    ends = np.concatenate([[*levels.values()] or [1.0], *runs.values()])
    ax.set_xlim(ends.min() - 0.15 * np.ptp(ends) - 0.01, ends.max() + 0.05 * np.ptp(ends) + 0.01)


def _rows(runs):
    _validation.instance("runs", runs, Mapping, "rows of numbers by names")
    return {name: _row(values) for name, values in runs.items()}


def _row(values):
    found = _validation.real("runs", values)
    if found.ndim != 1 or not (found > 0).all():
        raise ValueError(f"runs has {_validation.shown(values)} in it, wanted rows of numbers above 0")
    return _validation.finite("runs", found)


def _each(symbol, numbers):
    _validation.instance(symbol, {} if numbers is None else numbers, Mapping, "numbers by names")
    return {name: _validation.real_number(symbol, value, above=0) for name, value in (numbers or {}).items()}
