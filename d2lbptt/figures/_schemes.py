"""All schemes of truncation side by side: the cells (t, k) that each keeps, where it updates, and what that costs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from .. import _validation
from ..experiments import Schemes
from . import _style as style
from ._panels import box
from ._paper import drawn
from ._truncation import STRUCK, as_said

KEPT = {"facecolor": style.FULL["color"], "edgecolor": "white", "linewidth": 0.8}
WEIGHED = {"facecolor": "#CFE5F2", "edgecolor": style.FULL["color"], "hatch": "...", "linewidth": 0.8}
DROPPED = {"facecolor": "none", "edgecolor": STRUCK, "hatch": "//", "linewidth": 0}
UPDATE = {"color": style.INK, "linewidth": 2.5, "marker": "o", "markersize": 5, "markevery": [1]}
KEY, STEP = 1.62, 1.2  # widths, where a triangle has 1: of the column of names, and from one triangle to the next
LINE = 0.24  # from one line of numbers to the next
NUMBERS = {  # of a pass, by what they are called
    "updates": lambda cost: f"{len(cost.ends)}",
    "products in each": lambda cost: f"{'≤ ' * (len(cost.ends) > 1)}{cost.products_of_an_update}",
    "products in all": lambda cost: f"{cost.products}",
    "states held": lambda cost: f"{cost.states}",
}


@drawn
def schemes(ax: Axes, data: Schemes) -> Axes:
    """Draw for each scheme the triangle of all cells (t, k), and below it what a pass costs.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        As wide and high as a figure of 9.6 x 3.8 inches.
    data : experiments.Schemes

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Row t holds the loss of step t, column k the use of the weight in step k. A line with a dot at its end stands below
    the last loss of an update. A product is one of a vector with a Jacobian, one step back.
    """
    data = _validation.instance("data", data, Schemes)
    style.bare(ax, (-KEY, STEP * len(data.costs) - 0.1), (-1.32 - LINE * len(NUMBERS), 0.56))
    _key(ax)
    says = {"full": "all of it", "tbptt": f"k₁ = {data.k1}, k₂ = {data.tau}", "randomized": f"π = {data.pi:g}"}
    for i, (scheme, cost) in enumerate(data.costs.items()):
        x = STEP * i
        ax.text(x + 0.5, 0.36, as_said(scheme), ha="center", va="center_baseline", color=style.INK, **style.BOLD)
        ax.text(x + 0.5, 0.14, says.get(scheme, f"τ = {data.tau}"), ha="center", va="center_baseline", **style.SMALL)
        _triangle(ax, x, cost)
        for line, count in enumerate(NUMBERS.values()):
            ax.text(x + 0.5, _height(line), count(cost), ha="center", va="center_baseline", **style.TITLE)


def _height(line):
    return -1.38 - LINE * line


def _key(ax):
    """Name the cells, the lines and the numbers in the left column."""
    looks = {"kept": KEPT, "kept, × 1/πᵗ⁻ᵏ": WEIGHED, "dropped": DROPPED}
    for i, (name, look) in enumerate(looks.items()):
        ax.add_collection(PolyCollection([box(-KEY, -0.17 - LINE * i, 0.16, 0.16)], **look))
        ax.text(0.24 - KEY, -0.09 - LINE * i, name, va="center_baseline", **style.SMALL)
    y = -0.09 - LINE * len(looks)
    ax.plot([-KEY, 0.16 - KEY], [y, y], **UPDATE)
    ax.text(0.24 - KEY, y, "update", va="center_baseline", **style.SMALL)
    ax.text(-0.06, -0.5, "t ↓", ha="right", va="center_baseline", **style.SMALL)
    for line, name in enumerate(NUMBERS):
        ax.text(-KEY, _height(line), name, va="center_baseline", **style.SMALL)


def _triangle(ax, x, cost):
    """Draw the cells of a scheme from x to x + 1, and a line under the last row of each update."""
    T = len(cost.weights)
    thin, (t, k) = min(1, 12 / T), np.indices((T, T)) + 1
    kinds = {"kept": cost.weights == 1, "weighed": cost.weights > 1, "dropped": cost.weights == 0}
    for kind, look in zip(kinds.values(), (KEPT, WEIGHED, DROPPED), strict=True):
        cells = [box(x + c / T, -(r + 1) / T, 1 / T, 1 / T) for r, c in np.argwhere(kind & (k <= t))]
        ax.add_collection(PolyCollection(cells, **look | {"linewidth": look["linewidth"] * thin}))
    look = UPDATE | {"linewidth": UPDATE["linewidth"] * thin, "markersize": UPDATE["markersize"] * thin}
    for e in cost.ends:
        ax.plot([x + (cost.first[e - 1] - 1) / T, x + (e + 0.7) / T], [-e / T, -e / T], **look)
    ax.text(x + 0.5, -1.13, "k →", ha="center", va="center_baseline", **style.SMALL)
