"""What a forward and backward pass costs against the length of the sequence, beside the straight line."""

from __future__ import annotations

from matplotlib.axes import Axes

from .. import _validation
from ..experiments import Cost
from . import _style as style
from ._paper import drawn

LINES = (
    ("time, forward and back", "o", style.FULL, 0.03, 0.95, {"ha": "left", "va": "top"}),
    ("memory of the states", "s", style.TRUNCATED, 0.97, 0.06, {"ha": "right", "va": "bottom"}),
)


@drawn
def cost(ax: Axes, data: Cost) -> Axes:
    """Draw time and memory against T on log axes, and lines proportional to T, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.Cost

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Both share one axis, which has two units. Short sequences take a little longer for each step than the line says:
    every call has a price of its own. Times are those of one machine and one run.
    """
    style.axes(ax, "length T", "milliseconds, megabytes")
    T, *rows = _validation.instance("data", data, Cost)[:3]
    ax.set(xscale="log", yscale="log", xlim=(0.9 * T[0], 1.1 * T[-1]))
    style.logarithmic(ax.xaxis, T)
    ax.yaxis.set_major_formatter("{x:g}")
    for values, law, off, (name, marker, look, x, y, corner) in zip(rows, data.lines, data.off, LINES, strict=True):
        ax.plot(T, law, **style.THEORY)
        ax.plot(T, values, **look, marker=marker, markersize=9)
        words = f"{name}: at most\n{off:.0%} off the line"
        ax.text(x, y, words, transform=ax.transAxes, color=look["color"], linespacing=1.3, **corner, **style.BOLD)
