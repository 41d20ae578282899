"""What a forward and backward pass costs against the length of the sequence, beside the straight line."""

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import _validation
from . import _style as style
from ._paper import drawn

__all__ = ["cost"]

WORDS = {"fontsize": style.LABEL, "fontweight": "bold"}


@drawn
def cost(ax, lengths, milliseconds, megabytes):
    """Draw time and memory against T on log axes, and lines proportional to T, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lengths : sequence of int
        T, rising.
    milliseconds, megabytes : sequence of float
        Of one forward and backward pass, and of the states that it keeps.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or a number is not above 0.

    Notes
    -----
    Both share one axis, which has two units. Short sequences take a little longer for each step than the line says:
    every call has a price of its own. Times are those of one machine and one run.
    """
    style.axes(ax, "length T", "milliseconds, megabytes")
    T = _above_zero("lengths", lengths, None)
    rows = _above_zero("milliseconds", milliseconds, len(T)), _above_zero("megabytes", megabytes, len(T))
    ax.set(xscale="log", yscale="log", xlim=(0.9 * T[0], 1.1 * T[-1]))
    ax.xaxis.set_major_locator(FixedLocator(T))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    items = (
        (rows[0], "o", style.FULL, "time, forward and back"),
        (rows[1], "s", style.TRUNCATED, "memory of the states"),
    )
    for values, marker, look, name in items:
        law = np.exp(np.mean(np.log(values / T))) * T
        off = np.abs(values / law - 1).max()
        ax.plot(T, law, **style.THEORY)
        ax.plot(T, values, **look, marker=marker, markersize=9)
        words = f"{name}: at most\n{off:.0%} off the line"
        corner = (0.03, 0.95, "left", "top") if look is style.FULL else (0.97, 0.06, "right", "bottom")
        x, y, ha, va = corner
        ax.text(x, y, words, transform=ax.transAxes, color=look["color"], ha=ha, va=va, linespacing=1.3, **WORDS)
    return ax


def _above_zero(symbol, values, length):
    found = _validation.real_array(symbol, values, (length,), "(n,)").astype(float)
    if not (found > 0).all() or (length is None and not (np.diff(found) > 0).all()):
        raise ValueError(f"{symbol} is {_validation.shown(values)}, wanted {'rising ' * (not length)}numbers above 0")
    return found
