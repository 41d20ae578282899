"""A gradient that grows although every eigenvalue is below 1: the powers of a matrix that is not normal (9.7.15)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..experiments import Transient
from . import _style as style
from ._panels import Panel, Picture, above, band, handle_across, line, set_texts
from ._paper import drawn

STEPS = (10, 20, 50, 100, 200, 500, 1000)
TOPS, BOTTOMS = (4, 10, 30), (2, 6, 20)  # decades; what sinks below leaves, so that the growth is to be seen
WIDE = (9.6, 4.3), (0.0, 0.09, 0.36, 0.74), (0.475, 0.15, 0.495, 0.715)
NARROW = (4.8, 7.4), (0.1, 0.585, 0.8, 0.33), (0.2, 0.085, 0.745, 0.385)
SHORTEST = 0.25  # of the width, for a line to have its name beside it
MARGIN = 14  # pixels from the middle of a name to the edge
AWAY = 20  # pixels from a line to the middle of its name
KEY = (  # two rows of two above the axes: which row, whether on the right
    (1, False, style.WORST_DARK, "bold"),
    (1, True, style.FULL["color"], "bold"),
    (0, False, style.THEORY["color"], "normal"),
    (0, True, style.INK, "normal"),
)


@drawn
def transient(ax: Axes, data: Transient) -> Axes:
    """Draw the size of gradients that go back k steps against k, with rho^k, kappa rho^k and (sigma_max)^k.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With room for two rows of words above.
    data : experiments.Transient

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The thick line is the worst of all gradients, and the worst one at k = 5 is not the worst one at k = 50: no single
    gradient follows it. How far the thin line stays below depends on its direction. Dashed are the closed form of the
    thick line and rho^k, dotted the two bounds. On an axis that reaches far down a growth by two decades looks small.
    """
    growth = _Growth(ax)
    growth.set_limits(*growth.limits(_validation.instance("data", data, Transient)))
    growth.update(data)


class _Growth(Panel):
    """The picture of ``transient``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k", "|∂L/∂h$_{T−k}$|  ÷  |∂L/∂h$_T$|"))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        style.decades(ax.yaxis)
        style.baseline(ax)
        self.now = band(ax, color=style.NOW, linewidth=0, zorder=1)
        self.worst = line(ax, style.WORST, zorder=2, label="worst gradient")
        theory = {"law": style.THEORY, "ρᵏ": style.THEORY, "κ ρᵏ": style.BOUND, "σᵏ": style.BOUND}
        self.theory = {name: line(ax, look, zorder=3, label=name) for name, look in theory.items()}
        self.gradient = line(ax, style.FULL, zorder=4, label="this one")
        self.peak = line(ax, style.BEST, zorder=5)
        grey = {"fontsize": style.LABEL, "color": style.THEORY["color"], "ha": "center", "va": "center", "zorder": 6}
        self.names = {name: ax.text(0, 0, name, bbox=style.paper(), **grey) for name in self.theory if name != "law"}
        self.key = [above(ax, row, right=right, color=c, fontweight=weight) for row, right, c, weight in KEY]

    def limits(self, data):
        """Return where the axes end: the last step, and the decades at the bottom and at the top."""
        highest = max(data.norms.max(), min(data.limit[0], data.norms.max() + 1))
        lowest = min(data.norms.min(), data.radius.min())
        top, bottom = style.next_limit(1.05 * highest, TOPS), style.next_limit(-lowest, BOTTOMS)
        return style.next_limit(data.T - 1, STEPS), -bottom, top

    def set_limits(self, end, bottom, top):
        """Let the axes end there."""
        self.ax.set(xlim=(-0.01 * end, 1.01 * end), ylim=(bottom, top))

    def update(self, data):
        """Show other gradients."""
        k = np.arange(data.T)
        curves = {"law": data.law, "ρᵏ": data.radius, "κ ρᵏ": data.limit, "σᵏ": data.bound}
        self.worst.set_data(k, data.norms)
        self.gradient.set_data(k, data.gradient)
        for name, curve in self.theory.items():
            curve.set_data(k, curves[name])
        at = [data.peak] if data.peak and data.peak < data.T else []
        self.peak.set_data(at, data.law[at] if at else [])
        (_, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        self.now.set_bounds(data.k - 0.008 * right, bottom, 0.016 * right, top - bottom)
        for name, side, share in (("ρᵏ", -1, 0.65), ("κ ρᵏ", 1, 0.65), ("σᵏ", -1, 0.38)):
            self._name(self.names[name], curves[name], side, share)
        if data.bound[1] <= 0:  # sigma_max is no more than 1: too near to the others
            self.names["σᵏ"].set_visible(False)
        self._explain(data.activation)

    def _name(self, text, curve, side, share):
        """Write the name of a straight line beside it, on its upper side, 1, or lower, -1; at this share of its length.

        Where it leaves the axes sooner, the name is where it does. Where there is no room the name is hidden.
        """
        if np.isinf(curve[0]):
            text.set_visible(False)
            return
        (_, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        wide, high = self.ax.bbox.size / (right, top - bottom)  # pixels of a step, and of a decade
        slope, last = curve[1] - curve[0], min(len(curve) - 1, right)
        room = (0.85 * (top if slope > 0 else bottom) - curve[0]) / slope if slope else right
        at = min(share * last, room)
        across = AWAY * side / np.hypot(slope * high, wide)
        x, y = at - across * slope * high / wide, curve[0] + slope * at + across * wide / high
        inside = MARGIN < x * wide and MARGIN < (y - bottom) * high and MARGIN < (top - y) * high
        text.set(position=(x, y), visible=bool(inside and last > SHORTEST * right))

    def _explain(self, activation):
        whose = "worst gradient" if activation == "identity" else "worst, identity"
        set_texts(self.key, (whose, f"this one, {activation}", "dashed: theory", "dotted: bounds"))


class _Directions(Panel):
    """How large gradients are after k steps back, by their direction: the unit circle, pushed out or pulled in.

    The radius counts decades, as the axis of ``_Growth`` does: its lower end is the centre, its upper end the rim.
    """

    def __init__(self, ax):
        super().__init__(style.bare(ax, (-1.08, 1.08), (-1.08, 1.08), aspect="equal"))
        self._turn, self._ends = np.linspace(0, 2 * np.pi, 181), (-1, 1)
        self._rings = ax.add_collection(LineCollection([], color=style.SHADE, linewidth=1, zorder=1))
        self.fill = ax.fill([], [], color=style.WORST["color"], alpha=0.3, linewidth=0, zorder=2)[0]
        self.shape = line(ax, style.WORST, linewidth=3, zorder=3)
        look = {"color": style.EIGENVALUES["color"], "linewidth": 2, "linestyle": (0, (2, 1)), "zorder": 3}
        self.eigenvectors = [line(ax, look) for _ in range(2)]
        self.law = line(ax, style.THEORY, zorder=4)
        self.start = line(ax, {"color": style.INK}, linewidth=1.5, zorder=4)
        self.path = line(ax, style.FULL, zorder=5)
        self.point = line(ax, style.POINT, zorder=6)
        look = {"fontsize": style.NOTE, "ha": "center", "clip_on": False}
        ax.text(0, 1.1, "size by direction of ∂L/∂h$_T$", va="bottom", color=style.INK, **look)
        self.title = ax.text(0, 1.29, "", va="bottom", color=style.INK, **look | style.BOLD)
        self.words = ax.text(0, -1.1, "", va="top", color="#00694D", fontweight="bold", **look)
        self.one = ax.text(0, 0, "1", va="center", color=style.INK, bbox=style.paper(), zorder=7, **look)

    def set_limits(self, ticks, bottom, top):
        """Let the radius count decades from bottom to top, with rings at these ticks."""
        self._ends = bottom, top
        self._rings.set_segments([self._at(self._turn, tick).T for tick in ticks])
        self.start.set_data(*self._at(self._turn, 0))
        self.one.set(position=self._at(-0.25 * np.pi, 0), visible=-bottom > 0.15 * (top - bottom))

    def _at(self, direction, decades):
        bottom, top = self._ends
        radius = np.clip((np.asarray(decades) - bottom) / (top - bottom), 0, 1)
        return np.array([radius * np.cos(direction), radius * np.sin(direction)])

    def update(self, data):
        """Show another power of W."""
        shape, direction = self._at(data.directions, data.sizes), np.arctan2(*data.v[::-1])
        self.fill.set_xy(shape.T)
        self.shape.set_data(*shape)
        self.law.set_data(*self._at(self._turn, data.law[data.k]))
        for axis, vector in zip(self.eigenvectors, data.eigenvectors, strict=True):
            axis.set_data(*np.outer(vector, [-1, 1]))
        ends = np.column_stack([self._at(direction, 0), self._at(direction, data.gradient[data.k])])
        self.path.set_data(*ends)
        self.point.set_data(*ends[:, 1:])
        self.title.set_text(f"{data.k} step{'s' * (data.k != 1)} back")
        self.words.set_text(f"eigenvectors {data.angle:.2g}° apart" if data.angle else "one eigenvector only")


class _TransientPicture(Picture):
    """The size of gradients after k steps back by their direction, and against k."""

    def __init__(self, figure):
        super().__init__(figure)
        self.directions = _Directions(figure.add_axes(WIDE[1]))
        self.growth = _Growth(figure.add_axes(WIDE[2]))

    def arrange(self, narrow):
        """Put the directions on the left of the growth or, on a narrow page, above it."""
        size, *places = NARROW if narrow else WIDE
        self.place(size, places)

    def limits(self, data):
        """Return those of the growth, whose decades the radius counts too."""
        return self.growth.limits(data)

    def set_limits(self, end, bottom, top):
        """Let the axes end there."""
        self.growth.set_limits(end, bottom, top)
        self.directions.set_limits(self.growth.ax.get_yticks(), bottom, top)

    def update(self, data):
        """Show data, with the attributes of ``experiments.Transient``."""
        self.growth.update(data)
        self.directions.update(data)
        self._at = data.k, data.gradient[min(data.k, len(data.gradient) - 1)]

    def handles(self):
        """Return the growth with k across."""
        return [handle_across(self.growth.ax, "k", *self._at)]
