"""Where a gradient is wrong: the errors of a ``Report`` over parameters and time steps."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from PIL import Image

from .. import _validation
from ..checking.finding import Key
from ..checking.report import Report
from . import _style as style
from ._described import bundle
from ._graph import NAMES
from ._panels import Picture, Words, box, line
from ._paper import house, picture
from ._style import short

SIZE = (9.6, 4)  # inches
LABELS = NAMES | {"b_h": "b$_h$", "b_q": "b$_q$", "h0": "h$_0$", "h": "h$_t$", "o": "o$_t$"}
NOTHING, WITHIN, BEYOND = "#FFFFFF", "#DFE8EE", "#080010"
DECADES = 3  # for each colour
COLOURS = ("#F8CD37", "#FB8A0A", "#D8483F", "#8F2469", "#4A0C6B")  # of inferno: ever darker, for every eye
PALETTE = np.array([[*bytes.fromhex(colour[1:]), 255] for colour in (NOTHING, WITHIN, *COLOURS, BEYOND)], np.uint8)
VERDICTS = {"PASS": style.FULL["color"], "FAIL": style.TRUNCATED["color"], "BLIND": style.THEORY["color"]}
BLIND = {"facecolor": "none", "edgecolor": style.FAINT, "hatch": "///", "linewidth": 0}
BAND, GAP = 60, 8  # rows of pixels for one parameter, and to the next
COLUMNS = 600  # of pixels for the steps, at most
SUM = (0.02, 0.09)  # where the column of the sum begins and ends, in sequences after t = T
TOP, STRIP, BOTTOM = -0.75, -0.5, -0.3  # of the strip with the wrong steps: its ends and its middle, in parameters
MOST = 8  # parameters
LENGTHS = (10, 20, 30, 50, 75, 100, *(k * 10**n for n in range(2, 9) for k in (2, 5, 10)))  # of the axis of steps

# The size in inches, where the errors stand and their scale, and where the verdict and the title.
WIDE = SIZE, (0.12, 0.15, 0.66, 0.72), (0.905, 0.15, 0.022, 0.72), (0.015, 0.94), (0.15, 0.94)
NARROW = (4.8, 5.4), (0.19, 0.265, 0.605, 0.57), (0.19, 0.105, 0.7, 0.03), (0.03, 0.935), (0.245, 0.935)
RING = {"marker": "o", "markersize": 17, "markerfacecolor": "none", "clip_on": False}


def errors(report: Report) -> _ErrorsPicture:
    """Draw where a gradient is wrong, and by how many tolerances.

    Parameters
    ----------
    report : Report
        From ``check_gradients``.

    Returns
    -------
    ErrorsPicture
        A notebook shows it if it stands last in a cell; its ``figure`` can be saved.

    Raises
    ------
    TypeError, ValueError
        If it is no report, or one of ``check_gradient``, which knows no parameters and no steps.

    Notes
    -----
    A band for each parameter, and in it a row for each unit, which is the first index; of the other indices the
    largest error counts. Columns are the uses of the parameter in the steps t, and, set apart, the sum of all. The
    colour goes by tolerances, not by the size of the gradient: an error of 10^4 tolerances may be a small part of
    a gradient whose tolerance is smaller still. Pale is what rounding explains.
    """
    _validation.instance("report", report, Report)
    if unknown := [row.parameter for row in report.rows if row.parameter not in LABELS]:
        raise ValueError(f"report is about {unknown[0]}, wanted a report of check_gradients")
    shown = picture(_ErrorsPicture, *SIZE)
    with house():
        shown.show(report)
    return shown


class _ErrorsPicture(Picture):
    """The picture of ``errors``."""

    def __init__(self, figure):
        super().__init__(figure)
        self._words = "no report"
        self.ax = ax = style.axes(figure.add_axes((0, 0, 1, 1)), "time step t", "")
        ax.spines[:].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.set_yticks([])
        look = {"aspect": "auto", "interpolation": "none"}
        self.steps, self.sums = (ax.imshow(PALETTE[:1, None], **look) for _ in range(2))
        self.blind = ax.add_collection(PolyCollection([], **BLIND), autolim=False)
        self.wrong = ax.add_collection(PolyCollection([], facecolor=style.INK, linewidth=0), autolim=False)
        self.ring = [
            line(ax, RING, markeredgecolor=colour, markeredgewidth=width)
            for colour, width in (("white", 6), (style.INK, 2.5))
        ]
        across = {"transform": ax.get_yaxis_transform()}
        self._names = Words(ax, MOST, ha="right", fontsize=style.LABEL, **across)
        self.verdicts = Words(ax, MOST, ha="left", **across)
        self.lacking, self.note = Words(ax, 1, color=style.FAINT), Words(ax, 1, ha="left", color=style.FAINT)
        self._sum = Words(ax, 1, ha="left", color=style.FAINT)
        self._strip = Words(ax, 1, ha="right", **across)
        self.title = self.write(0, 0, fontsize=style.LABEL, va="center", linespacing=1.4)
        look = style.BOLD | {"fontsize": 18, "color": "white", "va": "center_baseline"}
        self.verdict = self.write(0, 0, bbox={"boxstyle": "square,pad=0.25", "linewidth": 0}, **look)
        self._scales = [_scale(figure.add_axes((0, 0, 1, 1)), lying) for lying in (False, True)]
        self.arrange(narrow=False)
        self.set_limits((), None)

    def arrange(self, narrow):
        """Put the scale beside the errors or, where the page is narrow, below them."""
        self._narrow, (size, place, scale, verdict, title) = narrow, NARROW if narrow else WIDE
        self.place(size, (place, scale, scale))
        for lying, ax in enumerate(self._scales):
            ax.set_visible(lying == narrow)
        self.verdict.set_position(verdict)
        self.title.set_position(title)

    def limits(self, data):
        """Return the names of the parameters, and the last step in sight."""
        return tuple(row.parameter for row in data.report.rows), style.next_limit(data.T, LENGTHS)

    def set_limits(self, *limits):
        """Leave room for these parameters and so many steps; without a number of steps there is no axis."""
        names, self._length = limits
        ticks, T = _ticks(self._length) if self._length else [], self._length or 1
        self._edges = tuple(T + 0.5 + T * share for share in SUM)
        self.ax.set(xlim=(0.5, self._edges[1]), ylim=(len(names), TOP), xticks=ticks)
        self._names.show([(-0.012, i + 0.5, LABELS[name]) for i, name in enumerate(names)])
        self._strip.show([(-0.012, STRIP, "wrong at")])
        self._sum.show([(self._edges[0], STRIP, "sum")])

    def update(self, data):
        """Show ``report`` and ``T``, attributes of data."""
        self._draw(data.report, _bands(data.report), data.T)

    def show(self, report, T=None):
        """Show another Report; where the sums alone were compared it does not know T, and without T has no axis."""
        bands = _bands(report)
        T = next((band.steps.shape[1] for band in bands if band.steps is not None), T)
        self.set_limits(tuple(band.name for band in bands), T)
        self._draw(report, bands, T or 1)

    def _draw(self, report, bands, T):
        seen = min(T, self._length or 1)  # more would lie on the column of the sum
        self._show(self.steps, [None if b.steps is None else b.steps[:, :seen] for b in bands], (0.5, seen + 0.5))
        self._show(self.sums, [None if b.total is None else b.total[:, None] for b in bands], self._edges)
        self._tell(bands, report, self._length or 1)
        self._mark(bands, report, thin=max(0.5, 0.002 * T), middle=sum(self._edges) / 2)
        self.wrong.set_visible(self._length is not None)
        self.verdict.set_text(report.verdict)
        self.verdict.get_bbox_patch().set_facecolor(VERDICTS[report.verdict])
        self.title.set_text(("\n" if self._narrow else " ").join(_headline(report)))
        self._words = _in_words(report, bands)

    def _repr_png_(self):
        canvas, out = FigureCanvasAgg(self.figure), io.BytesIO()
        canvas.draw()
        # A few colours are all there are, and a notebook has many of these pictures.
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
        return out.getvalue()

    def _repr_mimebundle_(self, **kwargs):
        return bundle(self._repr_png_(), self._words)

    def __repr__(self):
        """Return what a page shows that shows no pictures."""
        return self._words

    def _show(self, image, tables, edges):
        rows = [np.zeros((BAND, 1), np.uint8) if table is None else _rows(table) for table in tables]
        stacked = np.zeros((len(rows), BAND + GAP, max(len(row[0]) for row in rows)), np.uint8)
        for band, row in zip(stacked, rows, strict=True):
            band[GAP // 2 : GAP // 2 + BAND] = row
        image.set_data(PALETTE[stacked.reshape(-1, stacked.shape[-1])])
        image.set_extent((*edges, len(rows), 0))

    def _tell(self, bands, report, T):
        centers = np.arange(len(bands)) + 0.5
        self.verdicts.show([(1.012, y, band.words) for y, band in zip(centers, bands, strict=True)])
        empty = [y for y, band in zip(centers, bands, strict=True) if band.steps is None]
        words = ("\n" if self._narrow else " ").join(("only sums were given:", "no steps to compare"))
        self.lacking.show([((T + 1) / 2, np.mean(empty), words)] if empty else [])
        note = ""
        if not report.time_steps:
            note = "no step" if report.verdict == "PASS" else "not known"
        elif self._length is None:
            note = f"t = {report.time_steps[-1]}"
        self.note.show([(0.5 + 0.015 * T, STRIP, note)])

    def _mark(self, bands, report, thin, middle):
        runs = _runs(report.time_steps)
        self.wrong.set_verts([box(a - thin, TOP, b - a + 2 * thin, BOTTOM - TOP) for a, b in runs])
        edge = GAP / 2 / (BAND + GAP)
        sides = [image.get_extent()[:2] for image in (self.steps, self.sums)]
        blind = [i for i, band in enumerate(bands) if band.blind]
        self.blind.set_verts([box(left, i + edge, right - left, 1 - 2 * edge) for i in blind for left, right in sides])
        place = ([], [])
        if report.verdict == "FAIL":
            worst = report.worst
            at = next(i for i, band in enumerate(bands) if band.name == worst.parameter)
            units = bands[at].units
            share = (worst.index[_unit_axis(worst.parameter)] + 0.5) / units if worst.index else 0.5
            place = [middle if worst.t is None else worst.t], [at + edge + share * (1 - 2 * edge)]
        for ring in self.ring:
            ring.set_data(*place)


def _runs(steps):
    """Return the first and the last of each run of steps, which rise."""
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1) if len(steps) else []
    return [(run[0], run[-1]) for run in runs]


class _Band(NamedTuple):
    """One parameter: the ratios of its units over the steps, and of the sum; None for what was not compared."""

    name: str
    steps: np.ndarray | None
    total: np.ndarray | None
    words: str
    blind: bool

    @property
    def units(self):
        return len(self.steps if self.total is None else self.total)


def _bands(report):
    return [
        _Band(
            row.parameter,
            _by_unit(row.parameter, report.ratios.get(Key(row.parameter, True)), 1),
            _by_unit(row.parameter, report.ratios.get(Key(row.parameter)), 0),
            f"✗ {_times(row.ratio)}" if row.ratio > 1 else "blind" if row.blind else "✓",
            row.blind,
        )
        for row in report.rows
    ]


def _unit_axis(name):
    # h_0, h_t and o_t may have the axis of the batch in front of the unit.
    return -1 if name in ("h0", "h", "o") else 0


def _by_unit(name, ratios, leading):
    """Return the largest ratio of each unit: (units,), or (units, T) if there is a leading axis of time."""
    if ratios is None:
        return None
    unit = ratios.ndim - 1 if _unit_axis(name) else leading
    others = tuple(axis for axis in range(leading, ratios.ndim) if axis != unit)
    return np.fmax.reduce(ratios, others).T  # nan stands for what was not looked at


def _rows(table):
    """Return the levels of one parameter in BAND rows; where there are more units or steps than that, the largest."""
    level = _level(_fewer(_fewer(table, BAND).T, COLUMNS).T)
    return level[np.arange(BAND) * len(level) // BAND]


def _fewer(table, most):
    if len(table) <= most:
        return table
    return np.maximum.reduceat(table, np.arange(most) * len(table) // most)


def _level(ratio):
    """Return the row of PALETTE: nothing, within the tolerance, so many times DECADES beyond it."""
    with np.errstate(divide="ignore"):
        above = np.floor(np.log10(ratio) / DECADES)
    above = 2 + np.minimum(np.nan_to_num(above, nan=0), len(COLOURS))
    return np.where(np.isnan(ratio), 0, np.where(ratio <= 1, 1, above)).astype(np.uint8)


def _scale(ax, lying):
    """Draw what the colours mean on Axes and return them: from below to above, or lying from left to right."""
    levels = len(PALETTE) - 1
    bar, extent = (PALETTE[None, 1:], (0, levels, 0, 1)) if lying else (PALETTE[1:, None], (0, 1, 0, levels))
    ax.imshow(bar, aspect="auto", origin="lower", extent=extent, interpolation="none")
    bounds = np.arange(1, len(COLOURS) + 1)
    ticks = [0.5, *(1 + bounds)], ["≤ 1", *(style.power_of_ten(DECADES * bound) for bound in bounds)]
    along, across = (ax.xaxis, ax.yaxis) if lying else (ax.yaxis, ax.xaxis)
    along.set_ticks(*ticks, **style.SMALL)
    along.set_label_text("times the tolerance", **style.SMALL)
    if not lying:
        along.set(ticks_position="right", label_position="right")
        along.set_label_coords(-1.0, 0.5)
    across.set_ticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _ticks(T):
    """Return steps to label, the first and the last among them."""
    if T <= 12:
        return range(1, T + 1)
    every = next(n * 10**k for k in range(9) for n in (1, 2, 5) if n * 10**k * 8 >= T)
    return [1, *(t for t in range(every, T, every) if 0.04 * T < t < 0.94 * T), T]


def _headline(report):
    """Return the title in two parts, for a line each where the page is narrow."""
    worst = report.worst
    if report.verdict == "FAIL":
        entry = worst.parameter + (f"[{', '.join(map(str, worst.index))}]" if worst.index else "")
        where = "in the sum" if worst.t is None else f"at t = {worst.t}"
        far = "not finite" if np.isinf(worst.ratio) else f"{_times(worst.ratio)} times the tolerance"
        return f"◯ worst: {entry} {where},", far
    if report.verdict == "BLIND":
        return "hatched: an error of 1 %", "could hide in the rounding"
    return "every error is", "within its tolerance"


def _in_words(report, bands):
    """Return what does not differ from machine to machine, for whoever does not see the picture."""
    wrong = ", ".join(band.name for band in bands if band.words.startswith("✗"))
    blind = ", ".join(band.name for band in bands if band.words == "blind")
    told = [f"wrong: {wrong}" * bool(wrong), f"cannot be judged: {blind}" * bool(blind)]
    return "; ".join([report.verdict, *filter(None, told)])


def _times(ratio):
    if not np.isfinite(ratio):
        return "∞" if ratio > 0 else "?"
    if ratio < 1000:
        return short(ratio, 2)
    digit, power = f"{ratio:.0e}".split("e")
    return f"{digit}·{style.power_of_ten(power)}"
