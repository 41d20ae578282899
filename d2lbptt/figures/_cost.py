"""What a forward and backward pass costs against the length of the sequence, beside the straight line."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._paper import drawn

LINES = (
    ("time, forward and back", "o", style.FULL, 0.03, 0.95, {"ha": "left", "va": "top"}),
    ("memory of the states", "s", style.TRUNCATED, 0.97, 0.06, {"ha": "right", "va": "bottom"}),
)


@drawn
def cost(ax: Axes, lengths: ArrayLike, milliseconds: ArrayLike, megabytes: ArrayLike) -> Axes:
    """Draw time and memory against T on log axes, and lines proportional to T, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lengths : sequence of int
        T, rising, all of them above 0.
    milliseconds, megabytes : sequence of float
        Of one forward and backward pass, and of the states that it caches; above 0.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Both share one axis, which has two units. Short sequences take a little longer for each step than the line says:
    every call has a price of its own. Times are those of one machine and one run.
    """
    style.axes(ax, "length T", "milliseconds, megabytes")
    T = _above_zero("lengths", lengths, None)
    rows = _above_zero("milliseconds", milliseconds, len(T)), _above_zero("megabytes", megabytes, len(T))
    ax.set(xscale="log", yscale="log", xlim=(0.9 * T[0], 1.1 * T[-1]))
    style.logarithmic(ax.xaxis, T)
    ax.yaxis.set_major_formatter("{x:g}")
    for values, (name, marker, look, x, y, corner) in zip(rows, LINES, strict=True):
        law = np.exp(np.mean(np.log(values / T))) * T
        off = np.abs(values / law - 1).max()
        ax.plot(T, law, **style.THEORY)
        ax.plot(T, values, **look, marker=marker, markersize=9)
        words = f"{name}: at most\n{off:.0%} off the line"
        ax.text(x, y, words, transform=ax.transAxes, color=look["color"], linespacing=1.3, **corner, **style.BOLD)


def _above_zero(symbol, values, length):
    found = _validation.real_array(symbol, values, (length,), "(n,)").astype(float)
    if not (found > 0).all() or (length is None and not (np.diff(found) > 0).all()):
        raise ValueError(f"{symbol} is {_validation.shown(values)}, wanted {'rising ' * (not length)}numbers above 0")
    return found
