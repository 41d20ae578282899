"""Where M^k x points: the angle to v_1 of one random x and of many, beside the law (exercise 1 of the section)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch, Wedge
from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..experiments import Powers
from . import _style as style
from ._panels import Panel, Picture, above, band, handle_across, line
from ._paper import drawn

TOP, BOTTOMS = 4, (5, 9, 16, 35, 70)  # decades
LENGTHS = (3, 10, 40, 70)
CROWD = {"color": "#56B4E9"}  # the other x
CROWD_WORDS = "#1F6E99"
BOUND = {"color": style.INK, "linewidth": 3, "linestyle": (0, (0.6, 1.6))}
ARC = (1.05, 1.17)  # radii between which the other x are strewn, so that many can be seen in one place
KEY = (  # two rows of two above the axes: which row, whether on the right
    (1, False, "this x", style.FULL["color"], "bold"),
    (1, True, "band: nine of ten x", CROWD_WORDS, "bold"),
    (0, False, "dashed: law", style.THEORY["color"], "normal"),
    (0, True, "dotted: bound", style.INK, "normal"),
)
WIDE = (9.6, 4.4), (0.005, 0.44, 0.375, 0.56), (0.065, 0.15, 0.29, 0.205), (0.465, 0.15, 0.475, 0.71)
NARROW = (4.8, 7.8), (0.04, 0.705, 0.92, 0.29), (0.2, 0.075, 0.7, 0.12), (0.2, 0.305, 0.7, 0.325)


@drawn
def powers(ax: Axes, data: Powers) -> Axes:
    """Draw tan of the angle between M^k x and v_1 against k, for one x, for many, and as the law has it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With room for two rows of words above.
    data : experiments.Powers

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The vertical axis counts decades of the tangent: near v_1 that is the angle in radians, and 1 is 45 degrees. Each
    x has a line of its own, nearly parallel to the others: what chance decides at k = 0 is never made good, only
    outgrown. A band that looks narrow may still be a factor of 30 wide. Band and law are calculated at a dozen k and
    joined by straight lines: band and dashed lines for 5, 50 and 95 % of all x, the dotted bound for 95 %.
    """
    angles = _Angles(ax)
    angles.set_limits(*angles.limits(_validation.instance("data", data, Powers)))
    angles.update(data)


class _Angles(Panel):
    """The picture of ``powers``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps k", "tan of the angle to ±v$_1$"))
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.yaxis.set_major_formatter(style.decade)
        style.baseline(ax)
        self.now = band(ax, color=style.NOW, linewidth=0, zorder=1)
        self.band = ax.fill([], [], alpha=0.35, linewidth=0, zorder=1, **CROWD)[0]
        self.limit = ax.axhline(0, color=style.INK, linewidth=1.2, zorder=2)
        self.law = [line(ax, style.THEORY, zorder=3, label=f"law, {share} %") for share in (5, 50, 95)]
        self.bound = line(ax, BOUND, zorder=3, label="bound, 95 %")
        self.curve = line(ax, style.FULL, zorder=4, label="this x")
        self.point = line(ax, style.POINT, zorder=5)
        self.name = ax.text(1.015, 0, "", transform=ax.get_yaxis_transform(), va="center", **style.SMALL)
        for row, right, words, colour, weight in KEY:
            above(ax, row, words, right=right, color=colour, fontweight=weight)

    def limits(self, data):
        """Return where the axes end: the last step, and the decades at the bottom."""
        lowest = min(data.theory[-1].min(), data.band[-1].min(), data.curve[-1], data.limit)
        return data.steps[-1], -style.next_limit(0.3 - lowest, BOTTOMS)

    def set_limits(self, end, bottom):
        """Let the axes end there."""
        self.ax.set(xlim=(-0.02 * end, 1.02 * end), ylim=(bottom, TOP), xticks=np.linspace(0, end, 5))

    def update(self, data):
        """Show other angles."""
        around = np.r_[data.knots, data.knots[::-1]], np.r_[data.band[:, 0], data.band[::-1, 2]]
        self.band.set_xy(np.column_stack(around))
        for law, quantile in zip(self.law, data.theory.T, strict=True):
            law.set_data(data.knots, quantile)
        self.bound.set_data(data.knots, data.bound)
        self.curve.set_data(data.steps, data.curve)
        self.point.set_data([data.k], [data.curve[data.k]])
        (left, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        width = 0.016 * (right - left)
        self.now.set_bounds(data.k - width / 2, bottom, width, top - bottom)
        self.limit.set_ydata([data.limit] * 2)
        self.name.set(y=data.limit, text=f"{data.within:g}°")


class _Direction(Panel):
    """The direction of M^k x in the half-plane of v_1 and all that is at right angles to it."""

    def __init__(self, ax):
        super().__init__(style.bare(ax, (-1.45, 1.45), (-0.22, 1.36), aspect="equal"))
        turn = np.linspace(0, np.pi, 91)
        ax.plot(np.cos(turn), np.sin(turn), color=style.FAINT, linewidth=1)
        ax.plot([-1.02, 1.02], [0, 0], color=style.FAINT, linewidth=1)
        ax.plot([0, 0], [0, 1.02], color=style.FAINT, linewidth=1)
        words = style.BOLD | {"color": style.EIGENVALUES["color"], "ha": "center", "va": "top"}
        ax.text(1.11, -0.05, "v₁", **words)
        ax.text(-1.11, -0.05, "−v₁", **words)
        ax.text(0, 1.21, "all else", ha="center", va="bottom", **style.ASIDE)
        self.wedges = [ax.add_patch(Wedge((0, 0), 1, 0, 0, color=style.NOW, linewidth=0, zorder=1)) for _ in range(2)]
        self.crowd = line(ax, CROWD, marker=".", linestyle="none", markersize=3, alpha=0.5, zorder=2)
        self.trail = ax.add_collection(LineCollection([], color=style.FULL["color"], linewidth=1, alpha=0.3, zorder=3))
        self.arrow = ax.add_patch(
            FancyArrowPatch((0, 0), (1, 0), arrowstyle="-|>", mutation_scale=24, shrinkA=0, shrinkB=0)
        )
        self.arrow.set(color=style.FULL["color"], linewidth=3, zorder=4)
        self.words = ax.text(0, -0.05, "", ha="center", va="top", fontsize=style.NOTE, color=CROWD_WORDS)

    def update(self, data):
        """Show other directions."""
        for wedge, start in zip(self.wedges, (0, 180 - data.within), strict=True):
            wedge.set(theta1=start, theta2=start + data.within)
        radii = np.linspace(*ARC, 7)[np.arange(len(data.crowd)) % 7]
        self.crowd.set_data(*(radii * _unit(data.crowd)))
        ends = _unit(data.directions).T
        self.trail.set_segments([[(0, 0), end] for end in ends[: data.k]])
        self.arrow.set_positions((0, 0), ends[data.k])
        self.words.set_text(f"dots: {len(data.crowd)} random x")


def _unit(angle):
    return np.array([np.cos(angle), np.sin(angle)])


class _Length(Panel):
    """|M^k x| against k: what size is left of a gradient."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps k", ""))
        ax.set_title("|M$^k$x| ÷ |x|", loc="left", pad=4, **style.SMALL)
        ax.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=2))
        ax.yaxis.set_major_formatter(style.decade)
        style.baseline(ax)
        self.curve = line(ax, style.FULL, label="|Mᵏx| ÷ |x|")
        self.law = line(ax, style.THEORY, zorder=3, label="λ₁ᵏ |x₁|")
        self.point = line(ax, style.POINT, markersize=9, zorder=5)
        look = {"transform": ax.transAxes, "ha": "right", "va": "bottom", "fontsize": style.NOTE}
        ax.text(0.99, 1.03, "dashed: λ$_1^k$ |x$_1$|", color=style.THEORY["color"], **look)

    def limits(self, data):
        """Return the decades at which the axis ends, above and below."""
        return (style.next_limit(1.02 * max(np.abs(data.length).max(), np.abs(data.length_law).max()), LENGTHS),)

    def set_limits(self, end, most):
        """Let the axes end at this step, and so many decades above and below."""
        self.ax.set(xlim=(-0.02 * end, 1.02 * end), ylim=(-most, most), xticks=np.linspace(0, end, 5))

    def update(self, data):
        """Show other lengths."""
        self.curve.set_data(data.steps, data.length)
        self.law.set_data(data.steps, data.length_law)
        self.point.set_data([data.k], [data.length[data.k]])


class _PowersPicture(Picture):
    """Direction and length of M^k x beside its angle to v_1 against k."""

    def __init__(self, figure):
        super().__init__(figure)
        self.direction = _Direction(figure.add_axes(WIDE[1]))
        self.length = _Length(figure.add_axes(WIDE[2]))
        self.angles = _Angles(figure.add_axes(WIDE[3]))

    def arrange(self, narrow):
        """Put the angles on the right or, on a narrow page, between direction and length."""
        size, *places = NARROW if narrow else WIDE
        self.place(size, places)

    def limits(self, data):
        """Return those of the angles and of the length."""
        return *self.angles.limits(data), *self.length.limits(data)

    def set_limits(self, end, bottom, most):
        """Let the axes end there."""
        self.angles.set_limits(end, bottom)
        self.length.set_limits(end, most)

    def update(self, data):
        """Show data, with the attributes of ``experiments.Powers``."""
        self.direction.update(data)
        self.length.update(data)
        self.angles.update(data)

    def handles(self):
        """Return both panels with k across, where their curves are at k."""
        return [handle_across(panel.ax, "k", *panel.point.get_xydata()[0]) for panel in (self.length, self.angles)]
