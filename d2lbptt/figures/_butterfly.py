"""Two runs from nearly the same state: one unit of both, and their distance beside what Jacobians and theory say."""

import numpy as np
from matplotlib.ticker import MultipleLocator

from ..laws import LN10
from . import _style as style
from ._flow import STEPS
from ._panels import Panel, Picture, above, band, line

TOP, BOTTOMS = 3, (20, 60, 330)  # decades
THEORIES = {"rest": "dashed: radius ρ", "mean field": "dashed: mean field", "": "no theory"}
WINDOW, STRIDE = 60, 30  # steps in sight of one unit, and by how many the window moves
WIDE = (9.6, 4.4), (0.09, 0.155, 0.365, 0.655), (0.575, 0.155, 0.395, 0.655)
NARROW = (4.8, 7.4), (0.21, 0.615, 0.74, 0.265), (0.21, 0.09, 0.74, 0.325)
HALF = 0.22  # of "they part", half its width in that of the axes
BELOW = 0.02  # how far it is below its mark, in their height


class _ButterflyPicture(Picture):
    """One unit of two runs beside the distance of the runs, for one figure.

    Notes
    -----
    On the right, a distance that runs flat at the top has met the bounds of the states: the two runs have not come to
    terms. On the left one unit is seen, and a part of the time: that in which the runs part, else the beginning.
    The dashed line of theory begins where the distance does: only its slope means something.
    """

    def __init__(self, figure):
        super().__init__(figure)
        self.unit = _Unit(figure.add_axes(WIDE[1]))
        self.distance = _Distance(figure.add_axes(WIDE[2]))

    def arrange(self, narrow):
        """Put the unit on the left of the distance or, on a narrow page, above it."""
        size, *places = NARROW if narrow else WIDE
        self.place(size, places)

    def limits(self, data):
        """Return the first step in sight of one unit and how many, and the decades and the steps of the distance."""
        return *self.unit.limits(data.runs), *self.distance.limits(data.runs)

    def set_limits(self, begin, steps, low, reach):
        """Let the axes begin and end there."""
        self.unit.set_limits(begin, steps)
        self.distance.set_limits(low, reach)

    def update(self, data):
        """Show an ``experiments.Butterfly``."""
        self.unit.update(data.runs, data.delta)
        self.distance.update(data)


class _Unit(Panel):
    """h_t of the first unit in both runs."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "h$_t$", whole=4))
        ax.set(ylim=(-1.08, 1.08))
        ax.yaxis.set_major_locator(MultipleLocator(0.5))
        style.baseline(ax)
        self.mark = ax.axvline(0, color=style.FAINT, linewidth=1.5, linestyle=":")
        self.other = line(ax, style.FINITE, linewidth=4.5, label="its neighbour")
        self.first = line(ax, {"color": style.INK}, linewidth=1.5, label="one unit of a run")
        above(ax, 1, "one unit of a run", color=style.INK, **style.BOLD)
        self.name = above(ax, 0, color=style.FINITE_DARK, **style.BOLD)

    def limits(self, runs):
        """Return the first step in sight and how many there are: those in which the runs part, else the first."""
        T, begin = len(runs.h) - 1, 0
        if runs.parted is not None and T > WINDOW:
            begin = min(max(runs.parted - STRIDE // 2, 0), T - STRIDE) // STRIDE * STRIDE
        return begin, WINDOW if T > WINDOW else style.next_limit(T, STEPS)

    def set_limits(self, begin, steps):
        """Let the axes begin and end there."""
        self.ax.set_xlim(begin - 0.02 * steps, begin + 1.02 * steps)

    def update(self, runs, delta):
        """Show another pair of runs, 10^delta apart at the start."""
        begin, end = self.ax.get_xlim()
        t = np.arange(max(0, int(begin)), min(len(runs.h), int(end) + 1))
        self.first.set_data(t, runs.h[t, 0])
        self.other.set_data(t, runs.other[t, 0])
        self.mark.set(xdata=[runs.parted or 0] * 2, visible=runs.parted is not None)
        self.name.set_text(f"its neighbour, {style.power_of_ten(delta)} away")


class _Distance(Panel):
    """The distance of two runs in decades, what the Jacobians make of the first one, and the growth of theory."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "distance", whole=5))
        style.decades(ax.yaxis)
        self.floor = ax.fill([], [], color=style.BANDS[1], linewidth=0)[0]
        self.far = band(ax, color=style.BANDS[0], linewidth=0)
        self.mark = line(ax, {"color": style.FAINT}, linewidth=1.5, linestyle=":")
        self.measured = line(ax, style.FINITE, label="their distance")
        self.predicted = line(ax, style.FULL, linewidth=2, label="by the Jacobians")
        self.theory = line(ax, style.THEORY, zorder=3, label="theory")
        look = style.ASIDE | {"bbox": style.paper(0) | {"facecolor": style.BANDS[0]}, "transform": ax.transAxes}
        self.bounds = ax.text(0.99, 0.99, "out of reach", ha="right", va="top", zorder=4, **look)
        self.at = ax.text(0, 0, "", ha="center", va="top", zorder=4, **style.SMALL)
        above(ax, 1, "their distance", color=style.FINITE_DARK, **style.BOLD)
        above(ax, 0, "by the Jacobians", color=style.FULL["color"], **style.BOLD)
        self.law = above(ax, 1, right=True, color=style.THEORY["color"])
        above(ax, 0, "grey: rounding", right=True, color=style.FAINT)

    def limits(self, runs):
        """Return the decades at the bottom and the steps to the right end."""
        measured = runs.log[np.isfinite(runs.log)] / LN10
        return -style.next_limit(1 - measured.min(), BOTTOMS), style.next_limit(len(runs.log) - 1, STEPS)

    def set_limits(self, low, reach):
        """Let the axes end there."""
        self.ax.set(xlim=(-0.02 * reach, 1.02 * reach), ylim=(low, TOP))
        self.bounds.set_visible(low == -BOTTOMS[0])  # elsewhere the band is too thin for words

    def update(self, data):
        """Show another ``experiments.Butterfly``."""
        (low, _), (left, right), t = self.ax.get_ylim(), self.ax.get_xlim(), np.arange(len(data.runs.log))
        measured, predicted, floor = (y / LN10 for y in (data.runs.log, data.runs.predicted, data.runs.floor))
        self.theory.set_visible(data.theory is not None)
        for curve, y in ((self.measured, measured), (self.predicted, predicted), (self.theory, data.theory)):
            if y is not None:  # a line of infinite numbers would be broken
                curve.set_data(t, np.clip(y, low - 50, TOP + 50))
        self.floor.set_xy([(t[0], low), *zip(t, floor, strict=True), (t[-1], low)])
        self.far.set_bounds(left, data.farthest, right - left, TOP - data.farthest)
        self.law.set_text(THEORIES[data.name])
        self._mark(data.runs.parted, floor, measured)

    def _mark(self, parted, floor, measured):
        """Mark where the runs part, and say so below the foot of the mark."""
        seen = parted is not None and parted <= self.ax.get_xlim()[1]
        self.mark.set_visible(seen)
        self.at.set_visible(seen)
        if seen:
            (left, right), (low, top) = self.ax.get_xlim(), self.ax.get_ylim()
            self.mark.set_data([parted, parted], [floor[parted], measured[parted]])
            half = HALF * (right - left)
            at = np.clip(parted, left + half, right - half), floor[parted] - BELOW * (top - low)
            self.at.set(position=at, text=f"they part: t = {parted}")
