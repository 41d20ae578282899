"""The book's figure "comparing strategies", drawn from the gates: where each cuts a text, and what a loss reaches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.font_manager import FontProperties, findfont, get_font

from .. import _validation
from . import _style as style
from ._arguments import first_steps, named
from ._panels import Handle, Panel, Picture, box, line, place
from ._paper import drawn
from ._style import short

NAMES = ("randomized truncation", "regular truncation", "full computation", "sliding window")
ROOM = (24, 32, 40, 48, 64)  # for so many characters
CELL, LANE = 30, 6  # pixels: the height of a cell, and of a lane of arrows of the window
SAMPLE = (286, 326, 336)  # pixels: from where to where a piece of theory's line, and its name
CUT = {"colors": style.INK, "linewidths": 4, "snap": False}  # a PNG has them where they are, as an SVG does
FULL, TRUNCATED = style.FULL["color"], style.TRUNCATED["color"]
DARK = {FULL: FULL, TRUNCATED: "#A34700"}  # of words


@drawn
def strategies(ax: Axes, text: str, first: dict, t: int, *, mean_reach: float | None = None) -> Axes:
    """Draw where each strategy cuts a text, how the gradient flows, and what the loss of step t reaches.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        As wide and high as a figure of 9.6 x 4.4 inches.
    text : str
        Of T characters.
    first : dict of str to array, shape (T,)
        ``gates.first_kept`` of "randomized truncation", "regular truncation", "full computation" and
        "sliding window".
    t : int
        From 1 to T.
    mean_reach : float, optional
        How many steps randomized truncation follows that loss back on average, in theory: see
        ``randomized_variance.steps_kept``.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A character is a step. An arrow says that gradients flow, not how large they are: along the whole row of the full
    computation they may vanish. Randomized truncation weighs the long ways, 1/pi for each arrow, and this is not seen.
    The sliding window has an arrow for each loss, of which only some are drawn where tau is large.
    """
    T = len(_validation.instance("text", text, str))
    if not text:
        raise ValueError("text is empty, wanted at least one character")
    first = named("first", first, lambda symbol, row: first_steps(symbol, row, T))
    if not set(NAMES) <= set(first):
        raise ValueError(f"first has {', '.join(first) or 'nothing'}, wanted {', '.join(NAMES)}")
    t = _validation.whole_number("t", t, 1, T, "T = ")
    if mean_reach is not None:
        mean_reach = _validation.real_number("mean_reach", mean_reach, low=0, high=t)
    picture = _Strategies(ax, text)
    picture.arrange(WIDE, style.next_limit(T, ROOM) if T <= ROOM[-1] else T)
    picture.update(first, t, mean_reach)


class _Form(NamedTuple):
    """How the picture stands on the page; lengths in pixels.

    Attributes
    ----------
    width, top, row : int
        Of the picture; of a strategy.
    head : int
        What its words take above the cells.
    line, longest : int
        From one line of cells to the next, and the most cells in one where there are two lines.
    lanes : int
        Of arrows of the window.
    """

    width: int
    top: int
    row: int
    head: int
    line: int
    longest: int
    lanes: int

    def lines(self, room):
        """Return how many lines of how many cells have room for so many characters."""
        return (1, room) if room <= self.longest else (2, room // 2)


WIDE = _Form(960, 438, 105, 25, 60, 10**9, 5)
NARROW = _Form(470, 700, 174, 48, 60, 32, 3)


class _Strategies(Panel):
    """The picture of ``strategies``, for a text as long as the largest T."""

    def __init__(self, ax, text):
        super().__init__(ax)
        self.rows = [_Row(ax, name, _printable(text)) for name in NAMES]
        self.theory = line(ax, style.THEORY)
        look = {"fontsize": style.NOTE, "color": style.THEORY["color"], "va": "center_baseline"}
        self.words = ax.text(0, 0, "", **look)
        self._sample = line(ax, style.THEORY)

    def arrange(self, form, room):
        """Make room for so many characters, in this form."""
        lines, columns = form.lines(room)
        margin = 0.1 * lines**2  # wider where arrows go on from line to line
        style.bare(self.ax, (-margin, columns + margin), (0, form.top))
        for i, row in enumerate(self.rows):
            row.arrange(form, form.top - 6 - form.row * i, lines, columns)
        (left, right, words), height = np.array(SAMPLE) * columns / form.width, form.top - 16
        self._sample.set_data([left, right], [height, height])
        self.words.set_position((words, height))

    def update(self, first, t, mean_reach=None):
        """Show another T, other strategies, or another loss."""
        for row in self.rows:
            row.update(np.asarray(first[row.name]), t)
        for artist in (self.theory, self.words, self._sample):
            artist.set_visible(mean_reach is not None)
        if mean_reach is not None:
            self.theory.set_data(*self.rows[0].bracket(t - mean_reach, t))
            self.words.set_text(f"theory: {short(mean_reach)}")


class _Row(Panel):
    """One strategy: its name and what is to be said, the characters, the cuts, and the arrows."""

    def __init__(self, ax, name, text):
        super().__init__(ax)
        self.name = name
        self.colour = FULL if name == "full computation" else TRUNCATED
        # The whole text stands still under what moves, and white paper is over what lies beyond T.
        look = {"ha": "center", "va": "center_baseline", "color": style.INK, "parse_math": False, "zorder": 0.5}
        self._text = text
        self._letters = [(k, ax.text(0, 0, c, clip_on=True, **look)) for k, c in enumerate(text) if c != " "]
        self.rest = self._polygons(facecolor="white")
        self.reached = self._polygons(facecolor=self.colour, alpha=0.3, linewidth=0)
        self.struck = self._polygons(**style.DROPPED | {"alpha": 0.6})
        self.here = self._polygons(facecolor=style.NOW, edgecolor="none")
        self.letter = ax.text(0, 0, "", clip_on=True, **look | {"zorder": 3})
        self.cells = self._polygons(facecolor="none", edgecolor=style.FAINT, linewidth=0.8)
        self.cuts, self.ways, self.way = (
            ax.add_collection(LineCollection([], **face), autolim=False)
            for face in (CUT, {"colors": self.colour, "linewidths": 1.5, "alpha": 0.5}, {"colors": self.colour})
        )
        self.way.set_linewidths(3.5)
        self.heads = self._polygons(facecolor=self.colour, linewidth=0)
        look = style.TITLE | {"va": "center_baseline"}
        self._title = ax.text(0, 0, name, fontweight="bold", **look | {"color": DARK[self.colour]})
        self.facts = ax.text(0, 0, "", **look)

    def _polygons(self, **look):
        return self.ax.add_collection(PolyCollection([], **look), autolim=False)

    def arrange(self, form, top, lines, columns):
        """Put the row below this height, with so many lines of cells."""
        self._form, self._lines, self._columns, self._T = form, lines, columns, None
        self._bottom, self._pixel = top - form.head - CELL, columns / form.width
        for k, letter in self._letters:
            letter.set_fontsize(min(17.0, 0.82 / self._pixel))
            self._put(letter, k)
        self.letter.set_fontsize(min(17.0, 0.82 / self._pixel))
        self.cuts.set_linewidths(min(4, max(2, 0.1 / self._pixel)))  # letters stay legible between many cuts
        self._title.set_y(top - 10)
        self.facts.set(
            **{"x": columns, "y": top - 10, "ha": "right"} if form is WIDE else {"x": 0, "y": top - 33, "ha": "left"}
        )

    def _put(self, letter, k):
        """Put a letter into a cell, counted from 0, if that is in sight."""
        line, column = divmod(k, self._columns)
        y = self._bottom - line * self._form.line + 0.45 * CELL
        letter.set(x=column + 0.5, y=y, visible=line < self._lines)

    def _pieces(self, start, stop):
        """Yield of a stretch of the text, from start to stop, the pieces on each line: left, right, bottom."""
        for i in range(self._lines):
            left, right = max(start - i * self._columns, 0), min(stop - i * self._columns, self._columns)
            if left < right:
                yield left, right, self._bottom - i * self._form.line

    def _boxes(self, start, stop, margin=0):
        pieces = self._pieces(start, stop)
        return [box(a, y - margin, b - a, CELL + 1.5 * margin) for a, b, y in pieces]

    def update(self, first, t):
        """Show another T, another strategy, or another loss."""
        T, start = len(first), first[t - 1]
        if T != self._T:
            self._T = T
            self.rest.set_verts(self._boxes(T, T + 1000, margin=6))
            self.cells.set_verts([cell for k in range(T) for cell in self._boxes(k, k + 1)])
        self.reached.set_verts(self._boxes(start - 1, t - 1))
        self.here.set_verts(self._boxes(t - 1, t))
        self.letter.set_text(self._text[t - 1])
        self._put(self.letter, t - 1)
        self.struck.set_verts(self._boxes(0, start - 1))
        if self.name == "sliding window":
            words, ways = "no cuts", _overlapping(first, t, self._form.lanes)
        else:
            starts = np.unique(first)
            self.cuts.set_segments([self._cut(s) for s in starts[1:] if s <= self._lines * self._columns])
            words = f"{len(starts)} segment{'s' * (len(starts) > 1)}"
            ways = [(s, stop, 0) for s, stop in zip(starts, [*starts[1:] - 1, T], strict=True)]
        self._show_ways(ways, start, t)
        self.facts.set_text(f"{words}; the loss at {t} reaches {t - start + 1}")

    def _cut(self, start):
        x, _, bottom = next(self._pieces(start - 1, start))
        return [(x, bottom - 4), (x, bottom + CELL + 4)]

    def _show_ways(self, ways, start, t):
        """Draw an arrow for each (start, stop, lane), and a strong one for the loss of step t."""
        self.ways.set_segments([shaft for a, b, lane in ways for shaft in self._shafts(a, b, lane)])
        self.way.set_segments(self._shafts(start, t, 0))
        heads = [head for a, _, lane in ways for head in self._head(a, lane, 5, 4)]
        self.heads.set_verts([*heads, *self._head(start, 0, 9, 7)])

    def _shafts(self, start, stop, lane):
        return [
            [(a, y - 10 - LANE * lane), (b, y - 10 - LANE * lane)] for a, b, y in self._pieces(start - 0.5, stop - 0.5)
        ]

    def _head(self, start, lane, length, half):
        """Return the head of an arrow whose shaft ends in this step, if it is in sight."""
        length *= self._pixel
        for x, _, y in self._pieces(start - 0.5, start):
            y -= 10 + LANE * lane
            yield [(x - 0.4 * length, y), (x + 0.6 * length, y + half), (x + 0.6 * length, y - half)]

    def handles(self, t):
        """Return the characters up to T, a line each, with the cell of step t where one takes hold of it."""
        for i, (left, right, bottom) in enumerate(self._pieces(0, self._T)):
            here = t - 0.5 - i * self._columns
            at = (here, bottom + CELL / 2) if left <= here <= right else None
            yield Handle(
                self.ax, {"t": (i * self._columns + 0.5, 1, 0)}, at, (left, right, bottom - 3, bottom + CELL + 3)
            )

    def bracket(self, start, stop):
        """Return a line below the arrows, from stop back to start, where it turns up."""
        x, y = [], []
        for left, right, bottom in self._pieces(start, stop):
            turn = [left] * (not x), [bottom - 14] * (not x)
            x, y = [*x, np.nan, *turn[0], left, right], [*y, np.nan, *turn[1], bottom - 20, bottom - 20]
        return x, y


def _overlapping(first, t, lanes):
    """Return the ways of losses near t, side by side in lanes: of each loss, or of each n-th one."""
    longest = np.max(np.arange(1, len(first) + 1) - first + 1)
    every = -(-int(longest) // lanes)
    losses = [s for s in range(1, len(first) + 1) if (s - t) % every == 0]
    return [(first[s - 1], s, (s - t) // every % lanes) for s in losses]


def _printable(text):
    """Return a text with a space for each line end, and a box for each character that the font does not have."""
    font = get_font(findfont(FontProperties()))
    return "".join(" " if c.isspace() else c if c.isprintable() and font.get_char_index(ord(c)) else "□" for c in text)


class _StrategiesPicture(Picture):
    """The picture of ``strategies`` on a figure, for a text as long as the largest T."""

    def __init__(self, figure, text):
        super().__init__(figure)
        self.strategies, self._room = _Strategies(figure.add_axes((0, 0, 1, 1)), text), ROOM[0]
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Give each strategy one line or, where the page is narrow and the text long, two."""
        self._form = NARROW if narrow else WIDE
        self.figure.set_size_inches(*((4.8, 7.0) if narrow else (9.6, 4.4)))
        place(self.strategies.ax, 0.1, 0, *((4.6, 7.0) if narrow else (9.4, 4.38)))
        self.set_limits(self._room)

    def limits(self, data):
        """Return for how many characters there is room."""
        return (style.next_limit(len(data.text), ROOM),)

    def set_limits(self, room):
        """Make room for so many characters."""
        self._room = room
        self.strategies.arrange(self._form, room)

    def update(self, data):
        """Show ``first``, ``t`` and ``mean_reach``, attributes of data."""
        self.strategies.update(data.first, data.t, data.mean_reach)
        self._t = data.t

    def handles(self):
        """Return the characters of all rows, whose places are t."""
        return [handle for row in self.strategies.rows for handle in row.handles(self._t)]
