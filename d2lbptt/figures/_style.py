"""One look for every picture: what a colour means, how large type is, what axes look like.

Numbers that move with a slider are short, and their texts are made once.

Colours are from the Okabe-Ito palette, which colour-blind readers can tell apart; lines differ in style as well.
"""

from .._progress import quiet_fonts

with quiet_fonts():
    import matplotlib.font_manager  # noqa: F401  looks for fonts when it is first loaded
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, ScalarFormatter

FULL = {"color": "#0072B2", "linewidth": 3, "linestyle": "-"}
TRUNCATED = {"color": "#D55E00", "linewidth": 3, "linestyle": (0, (2.5, 1.2))}
IDENTITY = {"color": "#CC79A7", "linewidth": 3, "linestyle": (0, (1, 1))}
THEORY = {"color": "#595959", "linewidth": 2, "linestyle": (0, (6, 3))}
DROPPED = {"facecolor": "none", "edgecolor": "#D55E00", "alpha": 0.3, "hatch": "//", "linewidth": 0}
EIGENVALUES = {"color": "#009E73", "marker": "o", "markersize": 6, "linestyle": "none", "alpha": 0.85}
CLIPPED, CLIPPED_DARK = {"color": "#E69F00", "linewidth": 2, "linestyle": "-", "marker": "o"}, "#8A5F00"  # its words
SINGULAR_VALUES = {"color": "#882255", "marker": "s", "markersize": 6, "linestyle": "none", "alpha": 0.85}
BOUND = {"color": "#595959", "linewidth": 2, "linestyle": (0, (1, 1.5))}  # what theory excludes, not what it predicts
WORST, WORST_DARK = {"color": "#E69F00", "linewidth": 5, "linestyle": "-"}, CLIPPED_DARK  # of all gradients, not one
FINITE, FINITE_DARK = (
    {"color": "#CC79A7", "linewidth": 6, "linestyle": "-"},
    "#97446F",
)  # a perturbed run, not a derivative
INK, FAINT = "#222222", "#6A6A6A"
POINT = {"color": FULL["color"], "marker": "o", "markersize": 11, "linestyle": "none"}  # where a slider stands
POINT |= {"markeredgecolor": "white", "markeredgewidth": 1.5}
BEST = {"marker": "D", "markersize": 9, "linestyle": "none"}  # where theory has its best, or its largest
BEST |= {"markerfacecolor": "white", "markeredgecolor": THEORY["color"], "markeredgewidth": 2}
SEVERAL = (  # of lines side by side, when none of them has a meaning of its own
    FULL,
    TRUNCATED,
    {"color": "#009E73", "linewidth": 3, "linestyle": (0, (5, 1, 1, 1))},
    {"color": "#CC79A7", "linewidth": 2, "linestyle": "-"},
    {"color": "#B26B00", "linewidth": 3, "linestyle": (0, (1, 1))},
    {"color": INK, "linewidth": 2, "linestyle": (0, (4, 1, 1, 1, 1, 1))},
)
NOW = "#F0E442"  # a marker pen behind what the words are about
SHADE = "#DCDCDC"  # a parameter
BANDS = ("#F1F1F1", "#DEDEDE")  # outside float32, outside float64

LABEL, TICK, NOTE = 15, 13, 13  # points; readable from the back of a room at 960 x 400 pixels
BOLD = {"fontsize": LABEL, "fontweight": "bold"}
TITLE = {"fontsize": LABEL, "color": INK}
SMALL = {"fontsize": NOTE, "color": INK}
ASIDE = {"fontsize": NOTE, "color": FAINT}


def axes(ax, xlabel, ylabel, *, whole=None):
    """Give Axes the house's frame, tick labels and axis labels, whatever they were made with.

    With ``whole`` the ticks across are about as many whole numbers.
    """
    ax.set_xlabel(xlabel, fontsize=LABEL, color=INK, labelpad=4)
    ax.set_ylabel(ylabel, fontsize=LABEL, color=INK, labelpad=4)
    ax.margins(0.05)
    ax.minorticks_off()
    ax.tick_params(which="both", direction="out", width=0.8, length=4, pad=3.5, labelsize=TICK, colors=INK)
    ax.tick_params(which="both", bottom=True, left=True, top=False, right=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(ScalarFormatter())
    ax.grid(False)
    ax.spines[:].set(visible=True, linewidth=0.8, color=FAINT)
    ax.spines[["top", "right"]].set_visible(False)
    if whole:
        ax.xaxis.set_major_locator(MaxNLocator(whole, integer=True))
    return ax


def bare(ax, xlim, ylim, **more):
    """Leave nothing of Axes but their limits."""
    ax.set_axis_off()
    ax.set(xlim=xlim, ylim=ylim, **more)
    return ax


def logarithmic(axis, ticks):
    """Give a logarithmic axis these ticks and no others, with plain numbers."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def baseline(ax, **look):
    """Draw the line at 0, which is 1 on an axis of decades."""
    ax.axhline(0, **{"color": FAINT, "linewidth": 1, **look})


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")  # of the font itself: MathText is slow where T moves


def decade(value, _=None):
    """Return the label of a power of ten, for an axis that counts decades."""
    return f"$10^{{{value:g}}}$" if value else "1"


def power(value, _=None):
    """Return the label of a number, for an axis that counts its decades."""
    return f"{10**value:g}"


def nines(value, _=None):
    """Return the label of a share, for an axis that counts the decades of what lacks to 1."""
    return f"{1 - 10**-value:g}"


def power_of_ten(exponent):
    """Return 10^exponent, a whole one, with superscripts, for texts that are no mathematics."""
    return f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def decades(axis, ticks=6):
    """Give an axis that counts decades whole ones as its ticks, with powers of ten as labels."""
    axis.set_major_formatter(decade)
    axis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))


def paper(pad=0.1, alpha=0.8):
    """Return the box that keeps words legible on a line: padding in units of the type size; None is wholly opaque."""
    return {"boxstyle": f"square,pad={pad}", "facecolor": "white", "edgecolor": "none", "alpha": alpha}


def short(number, digits=3):
    """Return a number in few characters."""
    number += 0.0  # makes 0 of -0
    return f"{number:.0f}" if 100 <= abs(number) < 1e5 else f"{number:.{digits}g}"


def minus(words):
    """Return words with a minus sign for each hyphen."""
    return words.replace("-", "−")


def scientific(number, places=0):
    """Return a positive number in words such as 3 · 10⁻⁵ or 10⁻³."""
    mantissa, exponent = f"{number:.{places}e}".split("e")
    power = power_of_ten(exponent)
    return power if float(mantissa) == 1 else f"{mantissa} · {power}"


def next_limit(value, limits):
    """Return the first of the limits that value does not exceed, so that an axis rarely moves; else the last."""
    return next((limit for limit in limits if value <= limit), limits[-1])
