"""The table of the scalar RNN, filled from its last row upwards, and what the newest row is calculated from."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from .. import _validation
from ..scalar import Table
from . import _style as style
from ._panels import Panel, Picture, box
from ._paper import drawn
from ._style import SUBSCRIPTS, minus, short

WIDTH, HEIGHT, PITCH, TOP = 960, 400, 36, 374  # pixels; of a row; the middle of the head
COLUMNS = {"t": 40, "xₜ": 108, "sₜ": 190, "hₜ": 272, "ŷₜ": 354, "∂L/∂hₜ": 452, "∂L/∂sₜ": 560}
RIGHT = [55, *(x + (38 if x > 400 else 28) for x in list(COLUMNS.values())[1:])]  # where the numbers of each column end
HALF = 49  # half the width of a cell of the last two columns
BEFORE = (
    "forward pass: done",
    "∂L/∂hₜ needs ∂L/∂sₜ₊₁ :",
    "every row waits",
    "for the row below it,",
    "down to the last.",
)


@drawn
def backward_table(ax: Axes, table: Table, *, filled: int | None = None) -> Axes:
    """Draw the table of s, h, dL/dh and dL/ds, the last rows of the slopes being filled.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About 960 x 400 pixels; the table takes the left two thirds.
    table : scalar.Table
        With T up to 8, or the rows run out of the Axes.
    filled : int, optional
        How many rows of the slopes are shown, from t = T backwards; all of them if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The grey row T + 1 belongs to no step of the sequence: its zeros say that nothing depends on what comes later.
    """
    T = len(_validation.instance("table", table, Table).x)
    filled = _validation.whole_number("filled", T if filled is None else filled, 0, T, "T = ")
    _BackwardTable(ax, T).update(table, filled)


class _BackwardTable(Panel):
    """The picture of ``backward_table``, up to T = ``longest``."""

    def __init__(self, ax, longest):
        super().__init__(style.bare(ax, (0, WIDTH), (0, HEIGHT)))
        for name, x in COLUMNS.items():
            ax.text(x, TOP, name, ha="center", va="center_baseline", **style.TITLE)
        ax.plot([12, COLUMNS["∂L/∂sₜ"] + HALF], 2 * [TOP - PITCH / 2], color=style.FAINT, linewidth=1)
        self.now = ax.add_collection(PolyCollection([], facecolor=style.NOW, edgecolor=style.INK, linewidth=1.5))
        self.sources = ax.add_collection(PolyCollection([], facecolor="none", edgecolor=style.INK, linewidth=1.5))
        self.sources.set_linestyle((0, (3, 2)))
        look = style.SMALL | {"ha": "right", "va": "center_baseline"}
        self.cells = [[ax.text(x, _row(t), "", **look) for x in RIGHT] for t in range(1, longest + 2)]
        self.arrows = ax.add_collection(PolyCollection([], facecolor=style.INK, linewidth=0))

    def update(self, table, filled):
        """Show another table, or more of it."""
        T = len(table.x)
        rows = [_words(numbers, t > T - filled) for t, numbers in enumerate(table.rows(), 1)]
        rows.append([str(T + 1), "", "", "", "", "0", "0"])
        for t, cells in enumerate(self.cells, 1):
            colour = style.INK if t <= T else style.FAINT
            for cell, words in zip(cells, rows[t - 1] if t <= T + 1 else 7 * [""], strict=True):
                cell.set(text=words, color=colour)
        self._mark(T + 1 - filled if filled else None)

    def _mark(self, t):
        """Frame the row t that was filled last, and what it is calculated from; nothing if t is None."""
        for marks in (self.now, self.sources, self.arrows):
            marks.set_visible(t is not None)
        if t is None:
            return
        o, h, s = COLUMNS["ŷₜ"], COLUMNS["∂L/∂hₜ"], COLUMNS["∂L/∂sₜ"]
        y = _row(t)
        self.now.set_verts([_cell(h, t), _cell(s, t)])
        self.sources.set_verts([_cell(o, t, 38), _cell(s, t + 1)])
        across = _arrow((o + 38, y), (h - HALF, y)), _arrow((h + HALF, y), (s - HALF, y))
        self.arrows.set_verts([*across, _arrow((s - HALF, y - PITCH), (h + 16, y - PITCH / 2 + 2))])


def _row(t):
    """Return the height of the middle of row t, in pixels."""
    return TOP - PITCH * t


def _words(numbers, known):
    t, *forwards, dh, ds = numbers
    return [str(t), *(_fixed(number, 3) for number in forwards), *(_slope(d) if known else "?" for d in (dh, ds))]


def _cell(x, t, half=HALF):
    return box(x - half, _row(t) - PITCH / 2 + 2, 2 * half, PITCH - 4)


def _arrow(start, end):
    start, end = np.array(start), np.array(end)
    along = (end - start) / np.hypot(*(end - start))
    across, base = along[::-1] * [-1, 1], end - 9 * along
    return [start - across, base - across, base - 5 * across, end, base + 5 * across, base + across, start + across]


class _ScalarPicture(Picture):
    """The table of slopes up to T = ``longest``, and beside it what its newest row is calculated from."""

    def __init__(self, figure, longest):
        super().__init__(figure)
        self.table = _BackwardTable(figure.add_axes((0, 0, 1, 1)), longest)
        look = style.TITLE | {"va": "top", "linespacing": 1.4}
        self.title = self.table.ax.text(632, 386, "", fontweight="bold", **look)
        self.lines = self.table.ax.text(632, 352, "", **look)

    def update(self, data, step):
        """Show an ``experiments.ScalarRNN`` with ``step`` rows filled."""
        self.table.update(data.table, step)
        title, *lines = _workings(data, len(data.table.x) + 1 - step) if step else BEFORE
        self.title.set_text(title)
        self.lines.set_text("\n".join(lines))


def _workings(data, t):
    T, (dh, ds) = len(data.table.x), (data.table.dL_dh, data.table.dL_ds)
    i, j = (str(number).translate(SUBSCRIPTS) for number in (t, t + 1))
    later, own = ds[t] if t < T else 0, data.own[t - 1]
    so_far = "so far" if t > 1 else "="
    return [
        f"row {t}: the start" if t == T else f"row {t}, from row {t + 1}",
        f"∂L/∂h{i} = w ∂L/∂s{j} + ℓ′ θ′(h{i}) / T",
        f"    = {minus(short(data.w))} · {_factor(later)} {'−' if own < 0 else '+'} {_slope(abs(own))}",
        f"    = {_slope(dh[t - 1])}",
        f"∂L/∂s{i} = ∂L/∂h{i} φ′(s{i})",
        f"    = {_slope(dh[t - 1])} · {_slope(data.slopes[t - 1])}",
        f"    = {_slope(ds[t - 1])}",
        "",
        "∂L/∂w = Σ ∂L/∂sₜ hₜ₋₁",
        f"    {so_far} {_slope(data.dL_dw[t - 1])}",
        "∂L/∂v = Σ ∂L/∂sₜ xₜ",
        f"    {so_far} {_slope(data.dL_dv[t - 1])}",
    ]


def _slope(number):
    return _fixed(number, 4)


def _factor(number):
    return f"({_slope(number)})" if number < 0 else _slope(number)


def _fixed(number, decimals):
    """Return a number with so many decimals if they show it, for columns whose points stand in line."""
    shown = number != 0 and 10.0**-decimals <= abs(number) < 10
    return minus(f"{number:.{decimals}f}" if shown else short(number))
