"""Perplexity against epochs for training runs side by side, and what models without a memory could reach, dashed."""

from itertools import cycle

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from . import style
from .influence import LOOKS
from .labels import end_axis, name_ends

TICKS = (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)


def perplexity(ax, runs, levels=None):
    """Draw the perplexity of each epoch on a log axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to array, shape (epochs,)
        By a name for each; those without an epoch are left out.
    levels : mapping of str to float, optional
        Perplexities to compare with, by a name for each: that of a uniform guess, of the frequencies alone.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Perplexity is measured on the text that is learned, before each minibatch changes the parameters: a low one says
    that the text is known by heart, not that another text would be.
    """
    style.axes(ax, "epoch", "perplexity").set_yscale("log")
    runs, levels = {name: values for name, values in runs.items() if len(values)}, levels or {}
    longest = max([1, *map(len, runs.values())])
    top = 1.15 * max([2, *levels.values(), *(np.max(values) for values in runs.values())])
    ax.set(xlim=(0, 1.5 * longest), ylim=(0.95, top))
    ax.yaxis.set_major_locator(FixedLocator(TICKS))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    end_axis(ax, longest)
    for name, level in levels.items():
        ax.plot([0, longest], [level, level], **style.THEORY)
        ax.annotate(
            name, (longest, level), (-4, 2), textcoords="offset points",
            color=style.THEORY["color"], ha="right", va="bottom", fontsize=style.NOTE,
        )  # fmt: skip
    names = []
    for (name, values), look in zip(runs.items(), cycle(LOOKS), strict=False):
        ax.plot(np.arange(1, len(values) + 1), values, **look)
        names.append((f"{name}: {values[-1]:.2f}", look["color"], len(values), values[-1]))
    name_ends(ax, names, longest)
    return ax
