"""Weight scale against lag: where the gradient vanishes, where it explodes, and the edge between the two."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from scipy.ndimage import minimum_filter

from .. import _validation
from . import _style as style
from ._arguments import decades
from ._flow import DECADES
from ._labels import Room
from ._panels import Panel, Picture, Words, line
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
    _PhaseDiagram(ax).update(scales, by_lag, theory)


class _PhaseDiagram(Panel):
    """The picture of ``phase_diagram``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "weight scale g", "lag k = T − t"))
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        self.image = ax.imshow(np.zeros((1, 1, 3)), aspect="auto", origin="lower", interpolation="nearest")
        self.theory = [line(ax, {"color": style.INK}, linewidth=1.6) for _ in BORDERS]
        self.cursor = [ax.axvline(0, color=colour, linewidth=width) for colour, width in (("white", 5), (style.INK, 2))]
        look = style.BOLD | {"color": style.INK, "ha": "center", "va": "center", "bbox": style.paper(0.15, 0.75)}
        self.words = [ax.text(0, 0, word, **look) for word in ("vanishing", "exploding")]

    def update(self, scales, by_lag, theory=None, g=None, bound=False):
        """Show other numbers, and a line at g; dotted for a theory that is a bound. See ``phase_diagram``."""
        T = by_lag.shape[1]
        lags = np.unique(np.linspace(0, T - 1, ROWS).round().astype(int))
        across = (scales[1] - scales[0]) / 2
        up = max(T - 1, 1) / max(len(lags) - 1, 1) / 2
        self.ax.set(xlim=(scales[0] - across, scales[-1] + across), ylim=(0, max(T - 1, 1)))
        classes = np.searchsorted(BORDERS, by_lag[:, lags].T)
        self.image.set(data=_RGB[classes], extent=(*self.ax.get_xlim(), -up, T - 1 + up))
        for curve, border in zip(self.theory, BORDERS, strict=True):
            lag = np.full(len(scales), np.nan) if theory is None else _first_beyond(theory, border)
            curve.set_data(scales, lag)
            curve.set_linestyle(_dashes(bound))
        for stroke in self.cursor:
            stroke.set(xdata=[g, g], visible=g is not None)
        for text, mask in zip(self.words, (classes < 3, classes > 3), strict=True):
            self._place(text, mask, scales, lags)

    def _place(self, text, mask, scales, lags):
        """Put a word where its box lies inside the mask, upright if it must be; nowhere if it fits nowhere."""
        mask[[0, -1]] = mask[:, [0, -1]] = False  # half of these cells is outside
        for (width, height), turn in (((0.27, 0.1), 0), ((0.085, 0.42), 90)):
            size = np.maximum(1, np.round(np.array([height, width]) * mask.shape)).astype(int)
            fits = np.argwhere(minimum_filter(mask, size=tuple(size), mode="constant", cval=False))
            text.set(visible=len(fits) > 0, rotation=turn)
            if len(fits):  # in the middle of all such places
                row, column = fits[np.argmin((((fits - fits.mean(0)) / mask.shape) ** 2).sum(1))]
                return text.set_position((scales[column], lags[row]))


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
        ax.yaxis.set_label_coords(-0.26, 0.5)
        for low, high, colour in zip([-1e9, *BORDERS], [*BORDERS, 1e9], COLOURS, strict=True):
            ax.axhspan(low, high, color=colour, linewidth=0, zorder=0)
        style.baseline(ax)
        self.bands = Words(ax, len(NAMES), ha="left")
        self.seeds = [line(ax, style.FULL, linewidth=1, alpha=0.55) for _ in range(10)]
        self.halo = line(ax, {"color": "white"}, linewidth=6, alpha=0.8)
        self.median = line(ax, style.FULL)
        self.theory = line(ax, style.THEORY, color=style.INK)
        look = style.BOLD | {"bbox": style.paper(0.12, 0.75)}
        self.names = [ax.text(0, 0, "", color=colour, **look) for colour in (style.FULL["color"], style.INK)]
        self.title = ax.set_title("", **style.TITLE)

    def update(self, g, by_lag, median, theory, law):
        """Show ``by_lag``, shape (S, T), its median and the theory, shape (T,), for one g."""
        lags = np.arange(len(median))
        curves, median, theory = (np.where(np.isfinite(rows), rows, np.nan) for rows in (by_lag, median, theory))
        reach = max(np.nanmax(np.abs(curves)), np.nanmax(np.abs(theory)) if law != "bound" else 0)
        limit = style.next_limit(1.04 * reach, DECADES)
        self.ax.set(xlim=(0, max(len(lags) - 1, 1)), ylim=(-limit, limit))
        for seed, curve in zip_longest(self.seeds, curves, fillvalue=()):
            seed.set_data(lags[: len(curve)], curve)
        self.halo.set_data(lags, median)
        self.median.set_data(lags, median)
        self.theory.set_data(lags, theory)
        self.theory.set_linestyle(_dashes(law == "bound"))
        self._name_bands(limit)
        self._name(f"median of {len(by_lag)}", law)
        self.title.set_text(f"the cut at g = {g:g}")

    def _name_bands(self, limit):
        """Write the name of each band that is high enough, on the left, where the curves are near 1 and it is not."""
        ends = np.clip([-limit, *BORDERS, limit], -limit, limit)
        bands = [band for band in zip(ends, ends[1:], NAMES, strict=False) if band[1] - band[0] > 0.14 * limit]
        x, inset = 0.02 * self.ax.get_xlim()[1], 0.07 * limit
        self.bands.show([(x, low + inset if low < 0 else high - inset, name) for low, high, name in bands])

    def _name(self, *words):
        standing = [text for text in self.bands.texts if text.get_visible()]
        room = Room(self.ax, [self.median.get_data(), self.theory.get_data()], standing)
        for number, (text, word) in enumerate(zip(self.names, words, strict=True)):
            text.set_text(word)
            room.beside(text, number)


class _PhaseDiagramPicture(Picture):
    """The map, and beside it the cut at one g."""

    def __init__(self, figure):
        super().__init__(figure)
        self.map = _PhaseDiagram(figure.add_axes((0.085, 0.155, 0.455, 0.72)))
        ax = self.map.ax
        self.expected = line(ax, MARK, color="white", markeredgecolor=style.INK, markeredgewidth=1.8)
        self.found = line(ax, MARK, color=style.FULL["color"], markeredgecolor="white")
        words = {"fontsize": style.NOTE, "va": "bottom", "transform": ax.transAxes}
        self.law = ax.text(0, 1.07, "", color=style.INK, **words)
        self.seeds = ax.text(1, 1.07, "", color=style.FULL["color"], ha="right", **words)
        self.cut = _Cut(figure.add_axes((0.655, 0.155, 0.335, 0.745)))

    def update(self, data):
        """Show an ``experiments.PhaseDiagram``."""
        g = data.scales[data.row]
        self.map.update(data.scales, data.median, data.theory, g, data.law == "bound")
        self.cut.update(g, *(rows[data.row] for rows in (data.by_lag, data.median, data.theory)), data.law)
        for marks, edges in ((self.found, data.edges), (self.expected, np.array([data.law_edge]))):
            shown = edges[np.isfinite(edges)]
            marks.set_data(shown, np.full(len(shown), self.map.ax.get_ylim()[1]))
        self.law.set_text(f"{'dotted' if data.law == 'bound' else 'dashed'}, ▽: {data.law}")
        self.seeds.set_text("▼ edge, by seed" if np.isfinite(data.edges).any() else "")
