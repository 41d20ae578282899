"""The cliff of one unit: the error over (w, b) with the steps of descent, and a cut that a difference steps across."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import FixedLocator, MultipleLocator

from .. import _validation
from ..experiments._cliff import TINY
from ..growth.cliff import PLANE, Cut
from . import _style as style
from ._panels import Handle, Panel, Picture, line, set_texts
from ._paper import drawn
from ._step_size import LOOKS
from ._style import minus, scientific, short

ZOOM, REACH = 20, 2.5  # of the small picture; in steps h
ACROSS = np.array((-REACH, REACH))
PAPER = LinearSegmentedColormap.from_list("paper", ["#FFFFFF", "#A6A6A6"])  # light enough for any line on it
FOLD = style.THEORY | {"linestyle": (0, (1.5, 1.5))}
CENTRAL, CENTRAL_DARK = LOOKS["central"]
DOT = {"marker": "o", "linestyle": "none"}

# The size in inches, where the plane, its scale and the cut stand, where the words, and the key below the plane.
WIDE = (
    (9.6, 4.6),
    ((0.07, 0.152, 0.445, 0.676), (0.575, 0.152, 0.016, 0.676), (0.715, 0.152, 0.277, 0.676)),
    ((0.012, 0.945), (0.012, 0.88), (0.655, 0.945), (0.655, 0.88), (0.8535, 0.04)),
    (37, 0),
)
NARROW = (
    (4.8, 7.8),
    ((0.15, 0.55, 0.61, 0.345), (0.87, 0.55, 0.032, 0.345), (0.15, 0.085, 0.82, 0.27)),
    ((0.02, 0.975), (0.02, 0.942), (0.02, 0.42), (0.02, 0.387), (0.56, 0.022)),
    (55, 40),
)


@drawn
def cliff(ax: Axes, data: Cut) -> Axes:
    """Draw a cut through the wall, with the slope by BPTT as its tangent and the central difference as a secant.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : growth.cliff.Cut

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    What looks like a jump is smooth: the small picture shows the same curve with b stretched. The derivative that
    BPTT gives is right, and still a bad guide for a step of any size.
    """
    top = 1.3 * _validation.instance("data", data, Cut).E.max()
    _Cut(ax, (-0.06 * top, top), "b, in steps ε from the steepest point").update(data)
    near = ax.inset_axes((0.075, 0.13, 0.27, 0.5))
    _Cut(near, ax.get_ylim(), "", secant=False).update(data)
    near.set(xlim=(-REACH / ZOOM, REACH / ZOOM), xticks=[], yticks=[], ylabel="")
    near.spines[:].set(visible=True, color=style.INK)
    near.set_title(f"b stretched {ZOOM} times", **style.SMALL)
    words = style.BOLD | {"va": "center"}
    ax.text(0.2, 0.9 * top, f"BPTT: dE/db = {minus(short(data.bptt))}", color=style.FULL["color"], **words)
    central = f"ε = {scientific(data.h)}: dE/db = {minus(short(data.central))}"
    factor = f"{short(data.bptt / data.central, 2)} times too flat"
    ax.text(
        0.45, 0.48 * top, f"central difference,\n{central},\n{factor}", color=CENTRAL_DARK, linespacing=1.4, **words
    )


class _Cut(Panel):
    """The cut of ``cliff`` without its words, and without the central difference where ``secant`` is False."""

    def __init__(self, ax, ylim, xlabel, secant=True):
        super().__init__(style.axes(ax, xlabel, "error E"))
        ax.set(xlim=(-REACH, REACH), ylim=ylim)
        ax.xaxis.set_major_locator(MultipleLocator(1))
        self.ends = line(ax, DOT, color=CENTRAL["color"], markersize=10)
        self.secant = line(ax, CENTRAL, linewidth=3, label="by a difference")
        self.tangent = line(ax, style.FULL, label="by BPTT")
        self.curve = line(ax, {"color": style.INK}, linewidth=2, label="error E")
        self.point = line(ax, DOT, color=style.FULL["color"], markersize=8)
        self.ends.set_visible(secant)
        self.secant.set_visible(secant)

    def update(self, data):
        """Show another ``growth.cliff.Cut``."""
        b, E = data.point
        self.curve.set_data((data.b - b) / data.h, data.E)
        self.point.set_data([0], [E])
        self.tangent.set_data(ACROSS, E + data.bptt * data.h * ACROSS)
        self.ends.set_data((data.ends[:, 0] - b) / data.h, data.ends[:, 1])
        self.secant.set_data(ACROSS, data.ends[:, 1].mean() + data.central * data.h * ACROSS)


class _Plane(Panel):
    """E over (w, b), where theory has its wall and its folds, and the steps of descent."""

    def __init__(self, ax):
        (left, right), (low, high) = PLANE
        super().__init__(style.axes(ax, "w", "b"))
        ax.set(xlim=(left, right), ylim=(low, high))
        ax.xaxis.set_major_locator(MultipleLocator(1))
        ax.yaxis.set_major_locator(MultipleLocator(1))
        grey = {"cmap": PAPER, "norm": PowerNorm(0.5, 0, 0.5), "interpolation": "bilinear"}
        self.E = ax.imshow(np.zeros((2, 2)), extent=(left, right, low, high), origin="lower", aspect="auto", **grey)
        self._surface = None
        self.wall, self.folds = line(ax, style.THEORY), [line(ax, FOLD) for _ in range(2)]
        self._name(ax)
        self.steepest = line(ax, style.BEST, markersize=8, clip_on=False)
        self.casing = line(ax, {"color": style.INK}, linewidth=3.5)
        self.path = line(ax, style.CLIPPED, markersize=4.5, markeredgecolor=style.INK, markeredgewidth=0.6)
        self.end = line(ax, DOT, marker="s", markersize=10, markeredgecolor=style.INK)
        arrow = {"arrowstyle": "-|>,head_width=0.5,head_length=0.9", "shrinkA": 0, "shrinkB": 0, "linewidth": 3}
        self.arrow = ax.annotate("", (0, 0), (0, 0), arrowprops=arrow | {"color": style.FULL["color"]})
        self.start = line(ax, style.POINT, color=style.INK, clip_on=False)

    def _name(self, ax):
        """Name the curves where they end, beside the plane, and say below it what else is drawn."""
        for word, b in (("fold", -2.77), ("wall", -3.84), ("fold", -4.22)):
            ax.annotate(word, (7, b), (5, 0), textcoords="offset points", va="center_baseline", **style.SMALL)
        below = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline"} | style.ASIDE
        self._key = [
            ax.annotate("dashed: theory", (0, 0), (0, 0), **below),
            ax.annotate("◇ steepest at this w", (1, 0), (0, 0), ha="right", **below),
        ]

    def key(self, down, out):
        """Put what is said below the plane so many points below it, and its end so many beyond the right edge."""
        for text, right in zip(self._key, (0, out), strict=True):
            text.xyann = right, -down

    def update(self, data):
        """Show ``surface``, ``wall``, ``folds``, ``path``, ``step`` (its end) and ``steepest``, attributes of data."""
        if data.surface is not self._surface:  # or it would be coloured anew in each picture
            self._surface = data.surface
            self.E.set_data(data.surface)
        self.wall.set_data(*data.wall)
        w, *folds = data.folds
        for curve, b in zip(self.folds, folds, strict=True):
            curve.set_data(w, b)
        path, (w, b) = data.path, data.step
        self.start.set_data(path.w[:1], path.b[:1])
        self.steepest.set_data(path.w[:1], [data.steepest.b])
        look = style.FULL if data.clip is None else style.CLIPPED
        for artist in (self.path, self.end):
            artist.set_color(look["color"])
            artist.set_markeredgecolor(style.INK)
        self.path.set_data(path.w, path.b)
        self.casing.set_data(path.w, path.b)
        self.end.set_data(path.w[-1:], path.b[-1:])
        self.arrow.xyann = path.w[0], path.b[0]
        self.arrow.xy = _within(self.arrow.xyann, (w, b))
        self.arrow.set_visible(np.hypot(*np.subtract(self.arrow.xy, self.arrow.xyann)) > 0.2)  # room for its head


def _within(start, end):
    """Return end, or where the straight way to it leaves the plane."""
    start, by = np.array(start), np.subtract(end, start)
    low, high = np.transpose(PLANE)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(by > 0, (high - start) / by, np.where(by < 0, (low - start) / by, np.inf))
    return start + min(1, reach.min()) * by


class _CliffPicture(Picture):
    """The plane beside the cut, with the numbers above them, for one figure.

    Notes
    -----
    The steps of descent look as long as they are only along an axis: one unit of w is not as long as one of b. The
    shades of grey are even in the root of E, so that the valley E = 0 is seen; the scale beside them says so. The
    cut looks the same for every h: its axis counts steps h.
    """

    def __init__(self, figure):
        super().__init__(figure)
        self.plane, scale = _Plane(figure.add_axes((0, 0, 1, 1))), figure.add_axes((0, 0, 1, 1))
        _scale(figure.colorbar(self.plane.E, cax=scale))
        self.cut = _Cut(figure.add_axes((0, 0, 1, 1)), (-0.03, 0.53), "")
        self.cut.ax.yaxis.set_major_locator(MultipleLocator(0.1))
        blue, look = style.FULL["color"], style.BOLD | {"va": "center"}
        colours = blue, blue, blue, CENTRAL_DARK, style.INK
        self.words = [self.write(0, 0, color=colour, **look) for colour in colours]
        self.words[-1].set(fontweight="normal", ha="center")
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Put the cut beside the plane or, where the page is narrow, below it."""
        size, places, words, key = NARROW if narrow else WIDE
        self.place(size, places)
        for text, place in zip(self.words, words, strict=True):
            text.set_position(place)
        self.plane.key(*key)

    def update(self, data):
        """Show data, with the attributes of ``experiments.Cliff``."""
        self.plane.update(data)
        self.cut.update(data.cut)
        set_texts(self.words, _words(data))
        self.words[1].set_color(style.FULL["color"] if data.clip is None else style.CLIPPED_DARK)

    def handles(self):
        """Return the plane, whose places are w and b, with the point where descent starts."""
        (w,), (b,) = self.plane.start.get_data()
        return [Handle(self.plane.ax, {"w": (0, 1, 0), "b": (0, 0, 1)}, at=(w, b))]


def _scale(bar):
    bar.ax.yaxis.set_major_locator(FixedLocator([0, 0.1, 0.3, 0.5]))
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=style.TICK, colors=style.INK, length=4)
    bar.outline.set_visible(False)
    bar.ax.set_title("E", pad=6, **style.TITLE)


def _words(data):
    path, cut = data.path, data.cut
    steps = len(path.norm)
    far = np.hypot(data.step[0] - path.w[0], data.step[1] - path.b[0])
    yield f"one step, not clipped: {_size(far)} long"
    often = "not clipped" if data.clip is None else f"clipped at {data.clip:g}"
    end = "leaves the map" if path.left else f"E = {_size(path.E[-1], 0)}" if path.E[-1] > TINY else "E = 0"
    yield f"{steps} step{'s' * (steps > 1)}, {often}: {end}"
    yield f"dE/db by BPTT: {_size(cut.bptt)}"
    yield f"by a difference: {_size(cut.central)}"
    yield f"b, in steps ε = {scientific(cut.h, 1)}"


def _size(number, places=1):
    """Return a number in few characters, with a power of ten where that is shorter."""
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return minus(short(number))
    return ("−" if number < 0 else "") + scientific(abs(number), places)
