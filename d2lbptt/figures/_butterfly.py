"""Two runs from nearly the same state: one unit of both, and their distance beside what Jacobians and theory say."""

import numpy as np
from matplotlib.ticker import MultipleLocator

from ..laws import LN10
from . import _style as style
from ._flow import STEPS
from ._panels import Panel, Picture, band, line, set_texts

TOP, BOTTOMS = 3, (20, 40, 80, 160, 330)  # decades
FREE = -13.5  # where nothing is drawn near the step at which two runs part
THEORIES = {"rest": "dashed: spectral radius", "mean field": "dashed: mean field", "": "no theory"}
WINDOW, STRIDE = 60, 20  # steps in sight on the left, and by how many the window moves


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
        self.unit = _Unit(figure.add_axes((0.09, 0.155, 0.365, 0.655)))
        self.distance = _Distance(figure.add_axes((0.575, 0.155, 0.395, 0.655)))
        look = style.BOLD | {"va": "center"}
        self.write(0.012, 0.945, "one unit of a run", color=style.INK, **look)
        places = (0.012, 0.875), (0.49, 0.945), (0.49, 0.875), (0.97, 0.945)
        colours = style.FINITE_DARK, style.FINITE_DARK, style.FULL["color"], style.THEORY["color"]
        self.words = [self.write(x, y, color=c, **look) for (x, y), c in zip(places, colours, strict=True)]
        self.words[-1].set_horizontalalignment("right")

    def update(self, data):
        """Show an ``experiments.Butterfly``."""
        self.unit.update(data.runs)
        self.distance.update(data.runs, data.theory, data.farthest)
        other = f"and of its neighbour, {style.power_of_ten(data.delta)} away"
        set_texts(self.words, (other, "their distance", "by the Jacobians", THEORIES[data.name]))


class _Unit(Panel):
    """h_t of the first unit in both runs."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "h$_t$", whole=4))
        ax.set(ylim=(-1.08, 1.08))
        ax.yaxis.set_major_locator(MultipleLocator(0.5))
        style.baseline(ax)
        self.mark = ax.axvline(0, color=style.FAINT, linewidth=1.5, linestyle=":")
        self.other = line(ax, style.FINITE, linewidth=4.5)
        self.first = line(ax, {"color": style.INK}, linewidth=1.5)

    def update(self, runs):
        """Show another pair of runs."""
        T, parted, begin = len(runs.h) - 1, runs.parted, 0
        if parted is not None and T > WINDOW:
            begin = min(max(parted - WINDOW // 2, 0), T - WINDOW) // STRIDE * STRIDE
        steps = WINDOW if T > WINDOW else style.next_limit(T, STEPS)
        t = np.arange(begin, min(begin + steps, T) + 1)
        self.ax.set_xlim(begin - 0.02 * steps, begin + 1.02 * steps)
        self.first.set_data(t, runs.h[t, 0])
        self.other.set_data(t, runs.other[t, 0])
        self.mark.set(xdata=[parted or 0] * 2, visible=parted is not None)


class _Distance(Panel):
    """The distance of two runs in decades, what the Jacobians make of the first one, and the growth of theory."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "distance", whole=5))
        style.decades(ax.yaxis)
        self.floor = ax.fill([], [], color=style.BANDS[1], linewidth=0)[0]
        self.far = band(ax, color=style.BANDS[0], linewidth=0)
        self.bounds = ax.text(0, 0, "out of reach", va="center_baseline", **style.ASIDE)
        self.rounding = ax.text(0.01, 0, "lost in rounding", va="bottom", **style.ASIDE)
        self.mark = line(ax, {"color": style.FAINT}, linewidth=1.5, linestyle=":")
        self.measured = line(ax, style.FINITE)
        self.predicted = line(ax, style.FULL, linewidth=2)
        self.theory = line(ax, style.THEORY, zorder=3)
        self.at = ax.text(0, 0, "", va="bottom", **style.SMALL)

    def update(self, runs, theory, most):
        """Show another pair of runs, the distance by theory or None, and the largest there can be, both log10."""
        measured, predicted, floor = (natural / LN10 for natural in (runs.log, runs.predicted, runs.floor))
        low = -style.next_limit(1 - measured[np.isfinite(measured)].min(), BOTTOMS)
        t = np.arange(len(measured))
        reach = style.next_limit(t[-1], STEPS)
        self.ax.set(xlim=(-0.02 * reach, 1.02 * reach), ylim=(low, TOP))
        self.theory.set_visible(theory is not None)
        for curve, y in ((self.measured, measured), (self.predicted, predicted), (self.theory, theory)):
            if y is not None:  # a line of infinite numbers would be broken
                curve.set_data(t, np.clip(y, low - 50, TOP + 50))
        self.floor.set_xy([(t[0], low), *zip(t, floor, strict=True), (t[-1], low)])
        self.far.set_bounds(-0.02 * reach, most, 1.04 * reach, TOP - most)
        self._name_bands(floor, low, most, reach)
        self._mark(runs.parted, reach, floor, measured)

    def _name_bands(self, floor, low, most, reach):
        height, T = TOP - low, len(floor) - 1
        band = (low, low + 0.1 * height)
        # A band that is too thin for words, or does not reach so far, is not named.
        ends = [reach, 0.3 * reach] if low == -BOTTOMS[0] else []
        self._place(self.bounds, [(end, -0.3 * reach) for end in ends], (most - 0.2, TOP), (most + TOP) / 2)
        ends = [T, 0.42 * reach] if floor[-1] > band[1] else [0.42 * reach]
        self._place(self.rounding, [(end, -0.37 * reach) for end in ends], band, low + 0.02 * height)

    def _mark(self, parted, reach, floor, measured):
        self.mark.set_visible(parted is not None)
        if parted is not None:
            self.mark.set_data([parted, parted], [floor[parted], measured[parted]])
            self.at.set_text(f"they part: t = {parted}")
        beside = [] if parted is None else [(parted, 0.45 * reach), (parted, -0.45 * reach)]
        self._place(self.at, [(at, by) for at, by in beside if 0 <= at + by <= reach], (FREE, FREE + 2), FREE)

    def _place(self, text, places, strip, y):
        """Put a text at the first place where no line runs, or hide it. A place begins at x; its width has a sign."""
        shown = [curve for curve in (self.measured, self.predicted, self.theory) if curve.get_visible()]
        text.set_visible(False)
        for x, width in places:
            begin, end = sorted((x, x + width))
            if not any(_passes(*curve.get_data(), begin, end, strip) for curve in shown):
                text.set(x=x + 0.03 * width, y=y, ha="left" if width > 0 else "right", visible=True)
                return


def _passes(t, y, begin, end, strip):
    """Whether a line runs through a part of a strip between two heights."""
    low, high = np.minimum(y[1:], y[:-1]), np.maximum(y[1:], y[:-1])
    return np.any((t[1:] > begin) & (t[:-1] < end) & (low < strip[1]) & (high > strip[0]))
