"""The book's figure "comparing strategies", drawn from the gates: where each cuts a text, and what a loss reaches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.font_manager import FontProperties, findfont, get_font

from .. import _validation
from . import _style as style
from ._arguments import first_steps, named
from ._panels import Panel, Picture, box, line
from ._paper import drawn
from ._style import short

NAMES = ("randomized truncation", "regular truncation", "full computation", "sliding window")
FEWEST = 24  # columns in sight
TOP, ROW, CELL, LANES, LANE = 438, 105, 30, 5, 6  # pixels: of the picture, a row, a cell; lanes of arrows of the window
LABEL = 235  # pixels: of theory's words
CUT = {"colors": style.INK, "linewidths": 4}
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
    _Strategies(ax, text).update(first, t, mean_reach)


class _Strategies(Panel):
    """The picture of ``strategies``, for a text as long as the largest T."""

    def __init__(self, ax, text):
        super().__init__(style.bare(ax, (0, FEWEST), (0, TOP)))
        self.rows = [_Row(ax, name, TOP - 6 - ROW * i, _printable(text)) for i, name in enumerate(NAMES)]
        self.height = self.rows[0].bottom - 22
        self.theory = line(ax, style.THEORY)
        look = {"fontsize": style.NOTE, "color": style.THEORY["color"], "va": "center_baseline"}
        self.words = ax.text(0, self.height, "", bbox=style.paper(alpha=None), **look)

    def update(self, first, t, mean_reach=None):
        """Show another T, other strategies, or another loss."""
        wide = max(len(first[NAMES[0]]), FEWEST)
        self.ax.set_xlim(-0.1, wide + 0.1)
        for row in self.rows:
            row.update(np.asarray(first[row.name]), t, wide)
        self._show_theory(t, mean_reach, wide)

    def _show_theory(self, t, mean_reach, wide):
        for artist in (self.theory, self.words):
            artist.set_visible(mean_reach is not None)
        if mean_reach is not None:
            start = t - mean_reach
            self.theory.set_data([t, start, start], [self.height, self.height, self.height + 7])
            self.words.set(text=f"theory: {short(mean_reach)} on average", **_beside(start, t, wide))


def _beside(start, t, wide):
    """Return where words stand: left of start, right of t, or between, wherever there is room."""
    needed = LABEL * wide / 960
    if start > needed:
        return {"x": start - 0.3 * wide / FEWEST, "ha": "right"}
    if wide - t > needed:
        return {"x": t + 0.3 * wide / FEWEST, "ha": "left"}
    return {"x": (start + t) / 2, "ha": "center"}


class _Row(Panel):
    """One strategy: its name and what is to be said, the characters, the cuts, and the arrows."""

    def __init__(self, ax, name, top, text):
        super().__init__(ax)
        self.name, self.text = name, text
        self.colour = FULL if name == "full computation" else TRUNCATED
        self.bottom = top - 25 - CELL
        # The whole text stands still under what moves, and white paper is over what lies beyond T.
        look = {"ha": "center", "va": "center_baseline", "color": style.INK, "parse_math": False, "clip_on": True}
        y = self.bottom + 0.45 * CELL
        self._letters = [ax.text(k + 0.5, y, c, **look) for k, c in enumerate(text) if c != " "]
        self.rest = self._polygons(facecolor="white")
        self.reached = self._polygons(facecolor=self.colour, alpha=0.3, linewidth=0)
        self.struck = self._polygons(**style.DROPPED | {"alpha": 0.6})
        self.here = self._polygons(facecolor=style.NOW, edgecolor="none")
        self.letter = ax.text(0, y, "", **look)
        self.cells = self._polygons(facecolor="none", edgecolor=style.FAINT, linewidth=0.8)
        self.cuts, self.ways, self.way = (
            ax.add_collection(LineCollection([], **face), autolim=False)
            for face in (CUT, {"colors": self.colour, "linewidths": 1.5, "alpha": 0.5}, {"colors": self.colour})
        )
        self.way.set_linewidths(3.5)
        self.heads = self._polygons(facecolor=self.colour, linewidth=0)
        look = style.TITLE | {"va": "center_baseline"}
        ax.text(0, top - 10, name, fontweight="bold", **look | {"color": DARK[self.colour]})
        self.facts = ax.text(0, top - 10, "", ha="right", **look)

    def _polygons(self, **look):
        return self.ax.add_collection(PolyCollection([], **look), autolim=False)

    def update(self, first, t, wide):
        """Show another T, another strategy, or another loss; ``wide`` columns are in sight."""
        T, start = len(first), first[t - 1]
        for letter in (*self._letters, self.letter):
            letter.set_fontsize(min(17.0, 0.82 * 960 / wide))
        self.letter.set(text=self.text[t - 1], x=t - 0.5)
        self.rest.set_verts([box(T, self.bottom - 6, wide + 1 - T, CELL + 8)])
        self.cells.set_verts([box(k, self.bottom, 1, CELL) for k in range(T)])
        self.reached.set_verts([box(start - 1, self.bottom, t - start, CELL)] if start < t else [])
        self.here.set_verts([box(t - 1, self.bottom, 1, CELL)])
        self.struck.set_verts([box(0, self.bottom, start - 1, CELL)] if start > 1 else [])
        if self.name == "sliding window":
            words, ways = "no cuts", _overlapping(first, t)
        else:
            starts = np.unique(first)
            self.cuts.set_linewidths(max(2, 4 * FEWEST / wide))  # letters stay legible between many cuts
            self.cuts.set_segments([[(s - 1, self.bottom - 4), (s - 1, self.bottom + CELL + 4)] for s in starts[1:]])
            words = f"{len(starts)} segment{'s' * (len(starts) > 1)}"
            ways = [(s, stop, 0) for s, stop in zip(starts, [*starts[1:] - 1, T], strict=True)]
        self._show_ways(ways, start, t, wide / 960)
        self.facts.set(text=f"{words}; the loss at {t} reaches {t - start + 1}", x=wide)

    def _show_ways(self, ways, start, t, pixel):
        """Draw an arrow for each (start, stop, lane), and a strong one for the loss of step t."""
        top = self.bottom - 10
        self.ways.set_segments([[(a - 0.5, top - LANE * lane), (b - 0.5, top - LANE * lane)] for a, b, lane in ways])
        self.way.set_segments([[(start - 0.5, top), (t - 0.5, top)]] if start < t else [])
        heads = [_head(a - 0.5, top - LANE * lane, 5 * pixel, 4) for a, _, lane in ways]
        self.heads.set_verts([*heads, _head(start - 0.5, top, 9 * pixel, 7)])


def _overlapping(first, t):
    """Return the ways of losses near t, side by side in lanes: of each loss, or of each n-th one."""
    longest = np.max(np.arange(1, len(first) + 1) - first + 1)
    every = -(-int(longest) // LANES)
    losses = [s for s in range(1, len(first) + 1) if (s - t) % every == 0]
    return [(first[s - 1], s, (s - t) // every % LANES) for s in losses]


def _head(x, y, length, half):
    return [(x - 0.4 * length, y), (x + 0.6 * length, y + half), (x + 0.6 * length, y - half)]


def _printable(text):
    """Return a text with a space for each line end, and a box for each character that the font does not have."""
    font = get_font(findfont(FontProperties()))
    return "".join(" " if c.isspace() else c if c.isprintable() and font.get_char_index(ord(c)) else "□" for c in text)


class _StrategiesPicture(Picture):
    """The picture of ``strategies`` on a figure, for a text as long as the largest T."""

    def __init__(self, figure, text):
        super().__init__(figure)
        self.strategies = _Strategies(figure.add_axes((0.01, 0, 0.98, 0.995)), text)

    def update(self, data):
        """Show ``first``, ``t`` and ``mean_reach``, attributes of data."""
        self.strategies.update(data.first, data.t, data.mean_reach)
