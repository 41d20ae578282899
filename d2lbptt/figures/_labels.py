"""Names of lines at their ends, one above the other."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import _style as style


def apart(ends, gap, low, high):
    """Return heights near the ends, which rise, no closer than the gap and from low to high.

    Where there are too many for that, the lowest go below low.
    """
    heights = np.maximum(ends, low)
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    for i in range(len(heights) - 1, -1, -1):  # and down again, where they have left the top
        heights[i] = min(heights[i], high if i + 1 == len(heights) else heights[i + 1] - gap)
    return heights


def end_axis(ax, longest):
    """End the horizontal axis at ``longest``, before the limit of the axes: what is beyond is room for names."""
    ax.set_xticks([tick for tick in MaxNLocator(4, integer=True).tick_values(0, longest) if tick <= longest])
    ax.spines["bottom"].set_bounds(0, longest)
    ax.xaxis.set_label_coords(0.33, -0.12)


def name_ends(ax, names, longest):
    """Put names at the right edge, in the order of their lines and apart from one another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits are set.
    names : list of (str, colour, x, y)
        With the end of each line.
    longest : float
        Where the longest line ends.
    """
    ends = np.array([ax.transData.transform((x, y))[1] for *_, x, y in names])
    height = 1.5 * style.LABEL * ax.figure.dpi / 72
    order = np.argsort(ends, kind="stable")
    places = apart(ends[order], height, ax.bbox.y0 + height / 2, ax.bbox.y1 - height / 2)
    for i, place in zip(order, places, strict=True):
        name, colour, x, y = names[i]
        arrow = {"arrowstyle": "-", "color": colour, "alpha": 0.5, "relpos": (0, 0.5)}
        at = 1.06 * longest, ax.transData.inverted().transform((0, place))[1]
        ax.annotate(name, (x, y), at, color=colour, arrowprops=arrow, va="center", **style.BOLD)
