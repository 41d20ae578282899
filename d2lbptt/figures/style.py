"""One look for every picture: what a colour means, how large type is, what axes look like.

Colours are from the Okabe-Ito palette, which colour-blind readers can tell apart; lines differ in style as well.
"""

FULL = {"color": "#0072B2", "linewidth": 3, "linestyle": "-"}
TRUNCATED = {"color": "#D55E00", "linewidth": 3, "linestyle": (0, (2.5, 1.2))}
IDENTITY = {"color": "#CC79A7", "linewidth": 3, "linestyle": (0, (1, 1))}
THEORY = {"color": "#595959", "linewidth": 2, "linestyle": (0, (6, 3))}
DROPPED = {"facecolor": "none", "edgecolor": "#D55E00", "alpha": 0.3, "hatch": "//", "linewidth": 0}
EIGENVALUES = {"color": "#009E73", "marker": "o", "markersize": 6, "linestyle": "none", "alpha": 0.85}
INK, FAINT = "#222222", "#6A6A6A"
BANDS = ("#F1F1F1", "#DEDEDE")  # outside float32, outside float64

LABEL, TICK, NOTE = 15, 13, 13  # points; readable from the back of a room at 960 x 400 pixels


def axes(ax, xlabel, ylabel):
    """Give Axes the house's frame, tick labels and axis labels."""
    ax.set_xlabel(xlabel, fontsize=LABEL, color=INK)
    ax.set_ylabel(ylabel, fontsize=LABEL, color=INK)
    ax.tick_params(labelsize=TICK, colors=INK, length=4)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    return ax


def next_limit(value, limits):
    """Return the first of the limits that value does not exceed, so that an axis rarely moves; else the last."""
    return next((limit for limit in limits if value <= limit), limits[-1])
