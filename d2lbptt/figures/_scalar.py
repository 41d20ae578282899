"""The table of the scalar RNN, filled from its last row upwards, and what the newest row is calculated from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from .. import _validation
from ..scalar import Table
from . import _style as style
from ._panels import Handle, Panel, Picture, box, line
from ._paper import drawn
from ._style import SUBSCRIPTS, minus, scientific, short

PITCH, HEAD = 36, 26  # pixels from row to row; of the middle of the head below the upper edge
HEADS = "t", "xₜ", "zₜ", "hₜ", "ŷₜ", "∂L/∂hₜ", "∂L/∂zₜ"


class _Places(NamedTuple):
    """Where things stand, in pixels: the middle of each column, the right end of its numbers, and the rest."""

    size: tuple[int, int]
    columns: tuple[int, ...]
    right: tuple[int, ...]
    half: tuple[int, int]  # half the width of a cell of yhat and of a slope
    words: tuple[int, int]  # the upper left corner of what is beside or below the table, y from the upper edge
    decimals: tuple[int, int]  # of states and of slopes


WIDE = _Places(
    (960, 400), (40, 108, 190, 272, 354, 452, 560), (55, 136, 218, 300, 386, 490, 598), (38, 49), (624, 14), (3, 4)
)
NARROW = _Places(
    (480, 755), (16, 60, 122, 184, 246, 335, 431), (24, 85, 147, 209, 274, 370, 466), (32, 41), (12, 395), (2, 3)
)
BEFORE = (
    "forward pass: done",
    "∂L/∂hₜ needs ∂L/∂zₜ₊₁ :",
    "every row waits",
    "for the row below it,",
    "down to the last.",
)


@drawn
def backward_table(ax: Axes, table: Table, *, filled: int | None = None) -> Axes:
    """Draw the table of z, h, dL/dh and dL/dz, the last rows of the slopes being filled.

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
        super().__init__(ax)
        self._heads = [ax.text(0, 0, name, ha="center", va="center_baseline", **style.TITLE) for name in HEADS]
        self._rule = line(ax, {"color": style.FAINT}, linewidth=1)
        self.now = ax.add_collection(PolyCollection([], facecolor=style.NOW, edgecolor=style.INK, linewidth=1.5))
        self.sources = ax.add_collection(PolyCollection([], facecolor="none", edgecolor=style.INK, linewidth=1.5))
        self.sources.set_linestyle((0, (3, 2)))
        look = style.SMALL | {"ha": "right", "va": "center_baseline"}
        self.cells = [[ax.text(0, 0, "", **look) for _ in HEADS] for _ in range(longest + 1)]
        self.arrows = ax.add_collection(PolyCollection([], facecolor=style.INK, linewidth=0))
        self.arrange(WIDE)

    def arrange(self, places):
        """Let rows and columns stand at these places."""
        self._places = places
        style.bare(self.ax, (0, places.size[0]), (0, places.size[1]))
        for head, x in zip(self._heads, places.columns, strict=True):
            head.set_position((x, self._row(0)))
        self._rule.set_data([8, places.columns[-1] + places.half[1]], [self._row(0) - PITCH / 2] * 2)
        for t, cells in enumerate(self.cells, 1):
            for cell, x in zip(cells, places.right, strict=True):
                cell.set_position((x, self._row(t)))

    def update(self, table, filled):
        """Show another table, or more of it."""
        T = len(table.x)
        rows = [_words(numbers, t > T - filled, *self._places.decimals) for t, numbers in enumerate(table.rows(), 1)]
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
        (*_, o, h, z), (narrow, half), y = self._places.columns, self._places.half, self._row(t)
        self.now.set_verts([self._cell(h, t, half), self._cell(z, t, half)])
        self.sources.set_verts([self._cell(o, t, narrow), self._cell(z, t + 1, half)])
        across = _arrow((o + narrow, y), (h - half, y)), _arrow((h + half, y), (z - half, y))
        self.arrows.set_verts([*across, _arrow((z - half, y - PITCH), (h + 16, y - PITCH / 2 + 2))])

    def _row(self, t):
        """Return the height of the middle of row t."""
        return self._places.size[1] - HEAD - PITCH * t

    def handle(self, T, filled):
        """Return the rows, whose places are how many are filled, with the number of the newest one."""
        places, t = self._places, T + 1 - filled
        top, right = self._row(1), places.columns[-1] + places.half[1]
        sets = {"step": (T - top / PITCH, 0, 1 / PITCH)}
        within = (4, right, self._row(T + 1) - PITCH / 2, top + PITCH / 2)
        return Handle(self.ax, sets, (places.right[0] - 4, self._row(t)), within)

    def _cell(self, x, t, half):
        return box(x - half, self._row(t) - PITCH / 2 + 2, 2 * half, PITCH - 4)


def _words(numbers, known, states, slopes):
    t, *forwards, dh, dz = numbers
    ends = (_fixed(d, slopes) if known else "?" for d in (dh, dz))
    return [str(t), *(_fixed(number, states) for number in forwards), *ends]


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
        self.title = self.table.ax.text(0, 0, "", color=style.INK, **style.BOLD)
        self.lines = self.table.ax.text(0, 0, "", va="top", linespacing=1.4, **style.TITLE)
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Put the workings beside the table or, on a narrow page, below it."""
        places = NARROW if narrow else WIDE
        (width, height), (x, y) = places.size, places.words
        self.figure.set_size_inches(width / 100, height / 100)
        self.table.arrange(places)
        self.title.set_position((x, height - y - 16))
        self.lines.set_position((x, height - y - 34))

    def update(self, data, step):
        """Show an ``experiments.ScalarRNN`` with ``step`` rows filled."""
        self.table.update(data.table, step)
        title, *lines = _workings(data, len(data.table.x) + 1 - step) if step else BEFORE
        self.title.set_text(title)
        self.lines.set_text("\n".join(lines))
        self._filled = len(data.table.x), step

    def handles(self):
        """Return the rows of the table."""
        return [self.table.handle(*self._filled)]


def _workings(data, t):
    T, (dh, dz) = len(data.table.x), (data.table.dL_dh, data.table.dL_dz)
    i, j = (str(number).translate(SUBSCRIPTS) for number in (t, t + 1))
    later, own = dz[t] if t < T else 0, data.own[t - 1]
    so_far = "so far" if t > 1 else "="
    return [
        f"row {t}: the start" if t == T else f"row {t}, from row {t + 1}",
        f"∂L/∂h{i} = w ∂L/∂z{j} + ℓ′ θ′(h{i}) / T",
        f"    = {minus(short(data.w))} · {_factor(later)} {'−' if own < 0 else '+'} {_slope(abs(own))}",
        f"    = {_slope(dh[t - 1])}",
        f"∂L/∂z{i} = ∂L/∂h{i} φ′(z{i})",
        f"    = {_slope(dh[t - 1])} · {_slope(data.slopes[t - 1])}",
        f"    = {_slope(dz[t - 1])}",
        "",
        "∂L/∂w = Σ ∂L/∂zₜ hₜ₋₁",
        f"    {so_far} {_slope(data.dL_dw[t - 1])}",
        "∂L/∂v = Σ ∂L/∂zₜ xₜ",
        f"    {so_far} {_slope(data.dL_dv[t - 1])}",
    ]


def _slope(number):
    return _fixed(number, 4)


def _factor(number):
    return f"({_slope(number)})" if number < 0 else _slope(number)


def _fixed(number, decimals):
    """Return a number with so many decimals if they show it, for columns whose points stand in line."""
    if number == 0 or abs(number) >= 10:
        return minus(short(number))
    if abs(number) >= 10.0**-decimals:
        return minus(f"{number:.{decimals}f}")
    return ("−" if number < 0 else "") + scientific(abs(number)).replace(" ", "")
