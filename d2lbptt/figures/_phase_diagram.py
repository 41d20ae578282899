"""Weight scale against lag: where the gradient vanishes, where it explodes, and the edge between the two."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._arguments import decades
from ._panels import Panel, Picture, Words, handle_across, line, set_texts
from ._paper import drawn

# Decades at which the colour changes: a factor of 1000, and where a number that starts at 1 leaves a float.
BORDERS = np.array([*(np.log10(float(np.finfo(f).smallest_subnormal)) for f in ("f8", "f4")), -3, 3])
BORDERS = np.append(BORDERS, [np.log10(float(np.finfo(f).max)) for f in ("f4", "f8")])
COLOURS = ("#8073AC", "#B2ABD2", "#DCDAEB", "#FFFFFF", "#FDDDB3", "#FDB863", "#E08214")
NAMES = (
    *("vanished in float64", "vanished in float32", "vanishing"),
    *("", "exploding", "exploded in float32", "exploded in float64"),
)
ROWS = 240  # of the map; more would not be seen
LAGS = (10, 25, 50, 100, 250, 500, 1000, *(10**k for k in range(4, 9)))  # where an axis of lags may end
DECADES = (10, 40, 150, 600, 2500, *(10**k for k in range(4, 8)))  # and one of decades
BEYOND = "#ECECEC"  # lags that are not there: no white, which has a meaning
MARK = {"marker": "v", "markersize": 10, "clip_on": False, "linestyle": "none"}


@drawn
def phase_diagram(ax: Axes, scales: ArrayLike, by_lag: ArrayLike, theory: ArrayLike | None = None) -> Axes:
    """Draw the size of the gradient as a map, the weight scale across and the lag upwards.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scales : array, shape (G,)
        Evenly spaced.
    by_lag : array, shape (G, T)
        log10 of |dL/dh_{T-k}| / |dL/dh_T|, entry k.
    theory : array, shape (G, T), optional
        The same by a law; dashed where it crosses the borders between two colours.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    White does not mean that the gradient is good, only that it is within a factor of 1000 of its size at the loss. The
    white wedge gets narrower upwards without end: no scale but the edge keeps a gradient for ever, and chance makes
    the edge of one network another than that of the next.
    """
    scales = _validation.series("scales", scales, "(G,)")
    G, gaps = len(scales), np.diff(scales)
    if G < 2 or not (gaps > 0).all() or np.ptp(gaps) > 1e-6 * gaps[0]:
        raise ValueError(f"scales is {_validation.shown(scales.tolist())}, wanted rising, evenly spaced numbers")
    by_lag = decades("by_lag", by_lag, (G, None), f"(G, T) with G = {G}")
    if theory is not None:
        theory = decades("theory", theory, by_lag.shape, "(G, T) as by_lag")
    diagram = _PhaseDiagram(ax)
    left, right = ends(scales)
    diagram.set_limits(left, right, max(by_lag.shape[1] - 1, 1))
    diagram.update(scales, by_lag, theory)


class _PhaseDiagram(Panel):
    """The picture of ``phase_diagram``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "weight scale g", "lag k = T − t"))
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        self._shown = None
        self.image = ax.imshow(np.zeros((1, 1, 3)), aspect="auto", origin="lower", interpolation="none")
        self.theory = [line(ax, {"color": style.INK}, linewidth=1.6) for _ in BORDERS]
        self.cursor = [ax.axvline(0, color=colour, linewidth=width) for colour, width in (("white", 5), (style.INK, 2))]
        for x, side, colour, name in ((-0.02, "left", 2, "vanishing"), (1, "right", 4, "exploding")):
            box = style.paper(0.2, None) | {"facecolor": COLOURS[colour]}
            above(ax, x, 2, name, ha=side, bbox=box, fontweight="bold", **style.SMALL)
        above(ax, 0.5, 2, "deeper: past float32", ha="center", **style.ASIDE)

    def set_limits(self, left, right, top):
        """Let the axes end there."""
        self.ax.set(xlim=(left, right), ylim=(0, top))

    def update(self, scales, by_lag, theory=None, g=None, bound=False):
        """Show other numbers, and a line at g; dotted for a theory that is a bound. See ``phase_diagram``."""
        if by_lag is not self._shown:  # or the map would be coloured anew in each picture
            self._shown = by_lag
            self._colour(scales, by_lag)
            for curve, border in zip(self.theory, BORDERS, strict=True):
                lag = np.full(len(scales), np.nan) if theory is None else _first_beyond(theory, border)
                curve.set(xdata=scales, ydata=lag, linestyle=_dashes(bound))
        for stroke in self.cursor:
            stroke.set(xdata=[g, g], visible=g is not None)

    def _colour(self, scales, by_lag):
        T = by_lag.shape[1]
        lags = np.unique(np.linspace(0, T - 1, ROWS).round().astype(int))
        up = max(T - 1, 1) / max(len(lags) - 1, 1) / 2
        classes = np.searchsorted(BORDERS, by_lag[:, lags].T)
        self.image.set(data=_RGB[classes], extent=(*ends(scales), -up, T - 1 + up))


def ends(scales):
    """Return where a map ends in which each scale is the middle of a column."""
    half = (scales[1] - scales[0]) / 2
    return scales[0] - half, scales[-1] + half


def above(ax, x, row, words="", **look):
    """Return words above the axes, in row 1 or 2."""
    up = ScaledTranslation(0, (10 + 21 * (row - 1)) / 72, ax.figure.dpi_scale_trans)
    return ax.text(x, 1, words, transform=ax.transAxes + up, **look)


_RGB = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS], np.uint8)


def _dashes(bound):
    return (style.BOUND if bound else style.THEORY)["linestyle"]


def _first_beyond(theory, border):
    """Return the first lag at which each row has passed the border; nan where it never does."""
    beyond = theory <= border if border < 0 else theory >= border
    return np.where(beyond.any(1), beyond.argmax(1), np.nan)


class _Cut(Panel):
    """The map along one g: decades against lag, each seed, their median, and a law."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "lag k = T − t", "|∂L/∂h$_{T-k}$|  ÷  |∂L/∂h$_T$|", whole=4))
        style.decades(ax.yaxis)
        for low, high, colour in zip([-1e9, *BORDERS], [*BORDERS, 1e9], COLOURS, strict=True):
            ax.axhspan(low, high, color=colour, linewidth=0, zorder=0)
        style.baseline(ax)
        self._bands = Words(ax, len(NAMES), ha="left")
        self.seeds = [line(ax, style.FULL, linewidth=1, alpha=0.55) for _ in range(10)]
        self.halo = line(ax, {"color": "white"}, linewidth=6, alpha=0.8)
        self.median = line(ax, style.FULL, label="median")
        self.theory = line(ax, style.THEORY, color=style.INK, label="theory")
        self.title = above(ax, 0, 2, **style.TITLE)
        self.names = [
            above(ax, 0, 1, fontsize=style.NOTE, fontweight="bold", color=style.FULL["color"]),
            above(ax, 1, 1, ha="right", **style.SMALL),
        ]

    def decades(self, by_lag, theory, law):
        """Return how many decades up and down are wanted in sight."""
        shown = (by_lag,) if law == "bound" else (by_lag, theory)
        reach = max(np.abs(rows[np.isfinite(rows)]).max(initial=0) for rows in shown)
        return style.next_limit(1.04 * reach, DECADES)

    def set_limits(self, lags, decades):
        """Let the axes end there, and name the bands."""
        self.ax.set(xlim=(0, lags), ylim=(-decades, decades))
        ends = np.clip([-decades, *BORDERS, decades], -decades, decades)
        bands = [band for band in zip(ends, ends[1:], NAMES, strict=False) if band[1] - band[0] > 0.14 * decades]
        x, inset = 0.02 * lags, 0.07 * decades
        self._bands.show([(x, low + inset if low < 0 else high - inset, name) for low, high, name in bands])

    def update(self, g, by_lag, median, theory, law):
        """Show ``by_lag``, shape (S, T), its median and the theory, shape (T,), for one g."""
        lags = np.arange(len(median))
        curves, median, theory = (np.where(np.isfinite(rows), rows, np.nan) for rows in (by_lag, median, theory))
        for seed, curve in zip_longest(self.seeds, curves, fillvalue=()):
            seed.set_data(lags[: len(curve)], curve)
        self.halo.set_data(lags, median)
        self.median.set_data(lags, median)
        self.theory.set(xdata=lags, ydata=theory, linestyle=_dashes(law == "bound"))
        self.title.set_text(f"the cut at g = {g:.3f}")
        self.theory.set_label("bound" if law == "bound" else "theory")
        set_texts(self.names, (f"median of {len(by_lag)}", "dotted: bound" if law == "bound" else "dashed: theory"))


# The size in inches, where the map stands and where the cut, and how far from the cut the label of its axis.
WIDE = (9.6, 4.5), (0.09, 0.15, 0.445, 0.685), (0.65, 0.15, 0.322, 0.685), -0.26
NARROW = (4.8, 7.8), (0.178, 0.578, 0.795, 0.33), (0.225, 0.08, 0.725, 0.33), -0.215


class _PhaseDiagramPicture(Picture):
    """The map, and beside it the cut at one g."""

    def __init__(self, figure):
        super().__init__(figure)
        self.map = _PhaseDiagram(figure.add_axes((0, 0, 1, 1)))
        ax = self.map.ax
        self.expected = line(ax, MARK, color="white", markeredgecolor=style.INK, markeredgewidth=1.8)
        self.found = line(ax, MARK, color=style.FULL["color"], markeredgecolor="white")
        self.law = above(ax, 0, 1, **style.SMALL)
        self.seeds = above(ax, 1, 1, ha="right", fontsize=style.NOTE, color=style.FULL["color"])
        self.cut = _Cut(figure.add_axes((0, 0, 1, 1)))
        ax.set_facecolor(BEYOND)
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Put the cut beside the map or, where the page is narrow, below it."""
        size, *places, label = NARROW if narrow else WIDE
        self.place(size, places)
        self.cut.ax.yaxis.set_label_coords(label, 0.5)

    def handles(self):
        """Return the map with g across."""
        low, high = self.map.ax.get_ylim()
        return [handle_across(self.map.ax, "g", self.map.cursor[0].get_xdata()[0], (low + high) / 2)]

    def limits(self, data):
        """Return the limits of the map, and those of the cut."""
        cut = data.by_lag[data.row], data.theory[data.row], data.law
        lags = style.next_limit(data.median.shape[1] - 1, LAGS)
        return (*ends(data.scales), lags), (lags, self.cut.decades(*cut))

    def set_limits(self, *limits):
        """Let the axes end there."""
        of_the_map, of_the_cut = limits
        self.map.set_limits(*of_the_map)
        self.cut.set_limits(*of_the_cut)

    def update(self, data):
        """Show an ``experiments.PhaseDiagram``."""
        g, top = data.scales[data.row], min(data.median.shape[1] - 1, self.map.ax.get_ylim()[1])
        self.map.update(data.scales, data.median, data.theory, g, data.law == "bound")
        self.cut.update(g, *(rows[data.row] for rows in (data.by_lag, data.median, data.theory)), data.law)
        for marks, edges in ((self.found, data.edges), (self.expected, np.array([data.law_edge]))):
            shown = edges[np.isfinite(edges)]
            marks.set_data(shown, np.full(len(shown), top))
        self.law.set_text(f"{'dotted' if data.law == 'bound' else 'dashed'}, ▽: {data.law}")
        self.seeds.set_text("▼: each seed" if np.isfinite(data.edges).any() else "")
