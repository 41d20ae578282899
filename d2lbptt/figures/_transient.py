"""A gradient that grows although every eigenvalue is below 1: the powers of a matrix that is not normal (9.7.15)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..experiments import Transient
from . import _style as style
from ._panels import Panel, Picture, band, line, set_texts
from ._paper import drawn

STEPS = (10, 20, 50, 100, 200, 500, 1000)
TOPS = (1, 2, 3, 4, 6, 10, 15, 30)  # decades
BOTTOMS = (1, 2, 5, 10, 20, 30, 50, 100, 200, 330)
KEY = (style.WORST_DARK, "bold"), (style.FULL["color"], "bold"), (style.THEORY["color"], "normal")


@drawn
def transient(ax: Axes, data: Transient) -> Axes:
    """Draw the size of gradients that go back k steps against k, with rho^k, kappa rho^k and (sigma_max)^k dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.Transient

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The thick line is the worst of all gradients, and the worst one at k = 5 is not the worst one at k = 50: no single
    gradient follows it. How far the thin line stays below depends on its direction. On an axis that reaches far down
    a growth by two decades looks small.
    """
    _Growth(ax).update(_validation.instance("data", data, Transient))


class _Growth(Panel):
    """The picture of ``transient``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k", "|∂L/∂h$_{T−k}$|  ÷  |∂L/∂h$_T$|"))
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        style.decades(ax.yaxis)
        style.baseline(ax)
        self.now = band(ax, color=style.NOW, linewidth=0, zorder=1)
        self.worst = line(ax, style.WORST, zorder=2)
        self.theory = {name: line(ax, style.THEORY, zorder=3) for name in ("law", "ρᵏ", "κ ρᵏ", "σᵏ")}
        self.gradient = line(ax, style.FULL, zorder=4)
        self.peak = line(ax, style.BEST, zorder=5)
        look = {"va": "center", "zorder": 6, "bbox": style.paper()}
        grey = look | {"fontsize": style.LABEL, "color": style.THEORY["color"], "ha": "center"}
        self.names = {name: ax.text(0, 0, name, **grey) for name in self.theory if name != "law"}
        look |= {"transform": ax.transAxes, "ha": "right", "fontsize": style.NOTE}
        self.key = [ax.text(0.99, 0, "", color=colour, fontweight=weight, **look) for colour, weight in KEY]

    def update(self, data):
        """Show other gradients."""
        k = np.arange(data.T)
        curves = {"law": data.law, "ρᵏ": data.radius, "κ ρᵏ": data.limit, "σᵏ": data.bound}
        self._set_limits(data)
        self.worst.set_data(k, data.norms)
        self.gradient.set_data(k, data.gradient)
        for name, curve in self.theory.items():
            curve.set_data(k, curves[name])
        at = [data.peak] if data.peak and data.peak < data.T else []
        self.peak.set_data(at, data.law[at] if at else [])
        (_, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        self.now.set_bounds(data.k - 0.008 * right, bottom, 0.016 * right, top - bottom)
        self._name(data)

    def _set_limits(self, data):
        highest = max(data.norms.max(), min(data.limit[0], data.norms.max() + 1))
        lowest = min(data.norms.min(), data.radius.min())
        end = style.next_limit(data.T - 1, STEPS)
        top = style.next_limit(1.05 * highest + 0.3, TOPS)
        bottom = -style.next_limit(min(0.15 - lowest, 10 * top), BOTTOMS)  # the growth is to be seen, not the far end
        self.ax.set(xlim=(-0.01 * end, 1.01 * end), ylim=(bottom, top))

    def _name(self, data):
        """Write each name beside its line, and the key in the corner that the lines leave free."""
        (_, right), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        height, last = top - bottom, data.T - 1
        at = min(int(0.37 * right), last)
        apart = np.isfinite(data.limit[0]) and data.limit[0] > 0.05 * height
        side = -0.075 if apart else 0.075
        places = {"ρᵏ": (at, data.radius[at] + side * height), "κ ρᵏ": (at, data.limit[at] + 0.075 * height)}
        rate = data.bound[1]
        out = min(0.9 * top / rate, 0.2 * last) if rate > 0 else 0
        places["σᵏ"] = out + 0.04 * right, out * rate
        shown = {"ρᵏ": True, "κ ρᵏ": apart, "σᵏ": out * rate > 0.08 * height}
        for name, text in self.names.items():
            x, y = places[name]
            inside = bottom + 0.04 * height < y < top - 0.02 * height
            text.set(x=x, y=y, visible=shown[name] and (inside or name == "σᵏ"))
        which = "worst gradient," if data.activation == "identity" else "worst, identity:"
        set_texts(self.key, (f"{which} |Wᵏ|", f"this gradient, {data.activation}", "dashed: theory"))
        first = 0.96 if data.norms[-1] < 0.6 * top else 0.19
        for row, text in enumerate(self.key):
            text.set_y(first - 0.075 * row)


class _Directions(Panel):
    """How large gradients are after k steps back, by their direction: the unit circle, pushed out or pulled in.

    The radius counts decades, as the axis of ``_Growth`` does: its lower end is the centre, its upper end the rim.
    """

    def __init__(self, ax):
        super().__init__(style.bare(ax, (-1.08, 1.08), (-1.08, 1.08), aspect="equal"))
        self.turn = np.linspace(0, 2 * np.pi, 181)
        self.rings = ax.add_collection(LineCollection([], color=style.SHADE, linewidth=1, zorder=1))
        self.fill = ax.fill([], [], color=style.WORST["color"], alpha=0.3, linewidth=0, zorder=2)[0]
        self.shape = line(ax, style.WORST, linewidth=3, zorder=3)
        look = {"color": style.EIGENVALUES["color"], "linewidth": 2, "linestyle": (0, (2, 1)), "zorder": 3}
        self.eigenvectors = [line(ax, look) for _ in range(2)]
        self.start = line(ax, {"color": style.INK}, linewidth=1.5, zorder=4)
        self.law = line(ax, style.THEORY, zorder=4)
        self.path = line(ax, style.FULL, zorder=5)
        self.point = line(ax, style.POINT, zorder=6)
        look = {"fontsize": style.NOTE, "ha": "center", "linespacing": 1.3, "clip_on": False}
        self.title = ax.text(0, 1.1, "", va="bottom", color=style.INK, **look)
        self.words = ax.text(0, -1.1, "", va="top", color="#00694D", fontweight="bold", **look)
        self.one = ax.text(0, 0, "1", va="center", color=style.INK, bbox=style.paper(), zorder=7, **look)

    def update(self, data, ticks, bottom, top):
        """Show another power of W, on an axis of decades from bottom to top with these ticks."""

        def at(direction, decades):
            radius = np.clip((np.asarray(decades) - bottom) / (top - bottom), 0, 1)
            return np.array([radius * np.cos(direction), radius * np.sin(direction)])

        shape = at(data.directions, data.sizes)
        self.rings.set_segments([at(self.turn, tick).T for tick in ticks])
        self.fill.set_xy(shape.T)
        self.shape.set_data(*shape)
        self.start.set_data(*at(self.turn, 0))
        self.law.set_data(*at(self.turn, data.law[data.k]))
        for axis, vector in zip(self.eigenvectors, data.eigenvectors, strict=True):
            axis.set_data(*np.outer(vector, [-1, 1]))
        direction = np.arctan2(*data.v[::-1])
        ends = np.column_stack([at(direction, 0), at(direction, data.gradient[data.k])])
        self.path.set_data(*ends)
        self.point.set_data(*ends[:, 1:])
        self.one.set(position=at(-0.25 * np.pi, 0), visible=-bottom > 0.15 * (top - bottom))
        self.title.set_text(f"{data.k} step{'s' * (data.k != 1)} back:\nsize by direction of ∂L/∂h$_T$")
        self.words.set_text(_eigenvectors(data.angle))


def _eigenvectors(angle):
    return f"eigenvectors {angle:.2g}° apart" if angle else "one eigenvector only"


class _TransientPicture(Picture):
    """The size of gradients after k steps back by their direction, and against k."""

    def __init__(self, figure):
        super().__init__(figure)
        self.directions = _Directions(figure.add_axes((0.0, 0.09, 0.36, 0.76)))
        self.growth = _Growth(figure.add_axes((0.475, 0.15, 0.495, 0.83)))

    def update(self, data):
        """Show data, with the attributes of ``experiments.Transient``."""
        self.growth.update(data)
        self.directions.update(data, self.growth.ax.get_yticks(), *self.growth.ax.get_ylim())
