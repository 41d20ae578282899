"""How far two runs that start close together are apart, beside what the product of the Jacobians predicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from . import _style as style
from ._arguments import named, pair_of_rows, some
from ._paper import drawn

COLOURS = ("#E69F00", "#56B4E9", "#009E73")


@drawn
def distances(ax: Axes, runs: Mapping) -> Axes:
    """Draw the distance of two runs against t on a log axis, and the prediction, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to pair of arrays, shape (T,)
        By a name for each, three at most: the distance that was measured, and the one that was predicted.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A curve that runs flat at the top has met the bounds of the states; the two runs have not come together.
    """
    runs = some("runs", named("runs", runs, pair_of_rows))
    if len(runs) > len(COLOURS):
        raise ValueError(f"runs has {len(runs)} entries, wanted at most {len(COLOURS)}")
    style.axes(ax, "time step t", "distance of the two runs").set_yscale("log")
    for (name, (measured, predicted)), colour in zip(runs.items(), COLOURS, strict=False):
        t = np.arange(1, len(measured) + 1)
        ax.plot(t, measured, color=colour, linewidth=3)
        ax.plot(t, predicted, **style.THEORY)
        ax.annotate(name, (t[-1], measured[-1]), (8, 0), textcoords="offset points", va="center", fontsize=style.LABEL)
    ax.annotate("dashed: predicted", (0.02, 0.93), xycoords="axes fraction", **style.ASIDE)
