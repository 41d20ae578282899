"""Two routes to one gradient: the table of all pairs (loss of step t, use in step k), its row and its column sums."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._arguments import square
from ._graph import NAMES
from ._panels import Panel, Picture, Words, box, place
from ._paper import drawn
from ._style import minus, short

SHADES = LinearSegmentedColormap.from_list("shades", ["white", "#7FB8D8"])  # to half of the gradient's blue
BY_LOSS = {"facecolor": "white", "edgecolor": style.FULL["color"], "hatch": "///", "linewidth": 1.5}
BY_USE = {"facecolor": style.FULL["color"], "edgecolor": style.FULL["color"], "linewidth": 1.5}
TOO_OFTEN = {"facecolor": "white", "edgecolor": style.FAINT, "hatch": "xxx", "linewidth": 1.5}
TOO_FEW = {"facecolor": "white", "edgecolor": style.TRUNCATED["color"], "hatch": "...", "linewidth": 1.5}
FRAME = {"facecolor": "none", "edgecolor": TOO_FEW["edgecolor"], "linewidth": 2.5, "linestyle": (0, (3, 1.5))}
FOUR = {
    "forward accumulation: row by row": BY_LOSS,
    "BPTT: column by column": BY_USE,
    "both total: far cells too often": TOO_OFTEN,
    "both immediate: the frames only": TOO_FEW,
}
PAPER = style.paper(alpha=None)
LOW, HIGH, LONGEST_BAR = -0.1, 3.3, 2.3  # gradients; of the four sums, what is in sight
SIZES, FILLING = (3, 5, 8), (0.5, 1)  # steps for which the table has room; sums that fill the room for bars


@drawn
def pairs(ax: Axes, shares: ArrayLike) -> Axes:
    """Draw the table of all pairs.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About square.
    shares : array, shape (T, T)
        Entry [t - 1, k - 1]: what the loss of step t contributes to the gradient through the use in step k, as a
        share of that gradient, up to 10^300; see ``untied.by_pair``. Only k <= t is shown.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The numbers are per cent, rounded to whole ones, and of the gradient, whose own size is not seen. The shade
    follows the size without the sign, and is darkest in the largest cell.
    """
    shares = _validation.finite("shares", square("shares", shares))
    if np.abs(shares).max() > 1e300:
        raise ValueError(f"shares has {np.abs(shares).max()}, wanted numbers up to 1e300")
    table = _Pairs(ax, len(shares))
    table.set_limits(len(shares))
    table.update(shares)


class _Pairs(Panel):
    """The picture of ``pairs``, up to T = ``longest``, of which ``set_limits`` puts some in sight."""

    def __init__(self, ax, longest):
        super().__init__(style.axes(ax, "", "loss of step t"))
        ax.xaxis.set(label_position="top", ticks_position="top")
        ax.set_xlabel("used in step k", loc="right", **style.TITLE)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.tick_params(length=0)
        self.cells = ax.imshow([[0]], cmap=SHADES, vmin=0, vmax=1, aspect="auto")
        self.diagonal = ax.add_collection(PolyCollection([], **FRAME), autolim=False)
        self.numbers = Words(ax, longest * (longest + 1) // 2)

    def set_limits(self, size):
        """Make room for so many steps."""
        self._size, edges, steps = size, (0.5, size + 0.5), range(1, size + 1)
        self.ax.set(xlim=edges, ylim=edges[::-1], xticks=steps, yticks=steps)

    def update(self, shares):
        """Show another table; see ``pairs``."""
        T, sizes = len(shares), np.abs(shares)
        edges, steps = (0.5, T + 0.5), range(1, min(T, self._size) + 1)
        self.cells.set_data(np.where(np.tri(T), sizes / (sizes.max() or 1), np.nan))
        self.cells.set_extent((*edges, *edges[::-1]))
        self.diagonal.set_verts([box(t - 0.44, t - 0.44, 0.88, 0.88) for t in steps])
        self.numbers.show([(k, t, _percent(shares[t - 1, k - 1])) for t in steps for k in range(1, t + 1)])


class _Bars(Panel):
    """One bar for each step with its per cent at the end, beside or below the table of pairs."""

    def __init__(self, ax, longest, look, upright):
        super().__init__(ax)
        self.upright = upright
        ax.set_axis_off()
        self.bars = ax.add_collection(PolyCollection([], **look), autolim=False)
        self.words = Words(ax, longest, **({} if upright else {"ha": "left"}))

    def set_limits(self, size, filling):
        """Make room for so many steps, and for shares up to ``filling``."""
        self._size, self._filling, edges = size, filling, (0.5, size + 0.5)
        if self.upright:
            self.ax.set(xlim=edges, ylim=(1.3 * filling, 0))
        else:
            self.ax.set(ylim=edges[::-1], xlim=(0, 1.45 * filling))

    def update(self, shares):
        """Show these shares."""
        shares, aside = shares[: self._size], self._filling * (0.16 if self.upright else 0.05)
        ends = list(enumerate(np.minimum(shares, self._filling), 1))
        bars = [(t - 0.3, 0, 0.6, end) if self.upright else (0, t - 0.3, end, 0.6) for t, end in ends]
        places = [(t, end + aside) if self.upright else (end + aside, t) for t, end in ends]
        self.bars.set_verts([box(*bar) for bar in bars])
        self.words.show([(*place, _percent(share)) for place, share in zip(places, shares, strict=True)])


class _Sums(Panel):
    """What the four combinations add up to, in gradients."""

    def __init__(self, ax):
        super().__init__(style.bare(ax, (LOW, HIGH), (4.05, -0.45)))
        ax.plot([1, 1], [-0.12, 4], **style.THEORY, zorder=0)
        Words(ax, 1, color=style.THEORY["color"]).show([(1, -0.3, "1 gradient")])
        Words(ax, 4, ha="left", bbox=PAPER).show([(0, i + 0.12, name) for i, name in enumerate(FOUR)])
        self.bars = [ax.add_collection(PolyCollection([], **look), autolim=False) for look in FOUR.values()]
        self.words = Words(ax, 4, ha="left", fontweight="bold", bbox=PAPER)

    def update(self, ratios):
        """Show the four sums, each divided by the gradient; nan where that is zero, as they all are then."""
        ends = np.clip(np.nan_to_num(ratios), 0, LONGEST_BAR)
        for i, (bar, end) in enumerate(zip(self.bars, ends, strict=True)):
            bar.set_verts([box(0, i + 0.32, end, 0.38)])
        words = [_verdict(ratio) for ratio in ratios]
        self.words.show([(end + 0.06, i + 0.52, word) for i, (end, word) in enumerate(zip(ends, words, strict=True))])


class _TwoRoutesPicture(Picture):
    """The table of pairs with the sums of its rows and its columns, and the four combinations; T is up to longest."""

    def __init__(self, figure, longest):
        super().__init__(figure)
        table, rows, columns, sums = (figure.add_axes((0, 0, 1, 1)) for _ in range(4))
        self.pairs = _Pairs(table, longest)
        self.by_loss = _Bars(rows, longest, BY_LOSS, upright=False)
        self.by_use = _Bars(columns, longest, BY_USE, upright=True)
        self.sums = _Sums(sums)
        self.title = self.write(0, 0, **style.TITLE)
        self._names = self.write(0, 0, "row sums", **style.TITLE), self.write(0, 0, "column\nsums", **style.TITLE)
        self.arrange(narrow=False)
        self.set_limits(SIZES[0], FILLING[0])

    def arrange(self, narrow):
        """Put the four sums beside the table or, where the page is narrow, below it."""
        self.figure.set_size_inches(*((4.8, 8.0) if narrow else (9.6, 4.4)))
        bottom, width = (4.6, 2.5) if narrow else (1.3, 3.4)  # of the table, in inches
        right = 0.85 + width
        place(self.pairs.ax, 0.8, bottom, width, 2.5)
        place(self.by_loss.ax, right, bottom, 1.4, 2.5)
        place(self.by_use.ax, 0.8, bottom - 1.3, width, 1.25)
        place(self.sums.ax, *((0.1, 0, 4.7, 3.25) if narrow else (5.85, 0, 3.75, 4.4)))
        place(self.title, 0.1, bottom + (3.1 if narrow else 2.8))
        place(self._names[0], right, bottom + 2.55)
        place(self._names[1], 0.05, bottom - 0.38)

    def limits(self, data):
        """Return for how many steps there is room, and which share fills the room for bars."""
        longest = max(data.by_loss.max(), data.by_use.max())
        return style.next_limit(len(data.shares), SIZES), style.next_limit(longest, FILLING)

    def set_limits(self, size, filling):
        """Make room for so many steps, and for sums up to ``filling``."""
        self.pairs.set_limits(size)
        self.by_loss.set_limits(size, filling)
        self.by_use.set_limits(size, filling)

    def update(self, data):
        """Show ``shares``, ``by_loss``, ``by_use``, ``ratios`` and ``parameter``, attributes of data."""
        self.pairs.update(data.shares)
        self.by_loss.update(data.by_loss)
        self.by_use.update(data.by_use)
        self.sums.update(data.ratios)
        self.title.set_text(f"per cent of ∂L/∂{NAMES[data.parameter]}:")


def _percent(share):
    return minus(f"{100 * share:.0f}")


def _verdict(ratio):
    if np.isnan(ratio):
        return "0 of 0"
    longer = "→ " if ratio > LONGEST_BAR else ""
    return f"{longer}{short(ratio)}  {'✓' if abs(ratio - 1) < 1e-9 else '✗'}"
