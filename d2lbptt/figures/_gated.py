"""The gradient on its way back through a plain network, an LSTM and a GRU, and by which of two ways it comes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from .. import _validation
from ..experiments import Gated
from . import _style as style
from ._flow import LENGTHS, bands, hold_label, name_bands
from ._panels import Name, Panel, Picture, line, points_above
from ._paper import drawn
from ._remedies import DECADES, LSTM, _falling, _size

GREEN, WINE = "#00694D", "#882255"  # darker than the lines, of words and of the two ways
LOOKS = {
    "plain": ({**style.FULL, "linewidth": 2.5}, style.FULL["color"]),
    "lstm": ({**LSTM, "linewidth": 2.5}, GREEN),
    "gru": ({"color": "#AA4466", "linewidth": 2.5, "linestyle": (0, (5, 1, 1, 1))}, WINE),
}
CHOSEN = {"linewidth": 8, "linestyle": "-", "alpha": 0.45, "solid_capstyle": "butt"}
DIRECT = {"color": GREEN, "linewidth": 2, "linestyle": "-"}
THROUGH = {"color": GREEN, "linewidth": 3, "linestyle": (0, (1, 1.2))}
NAMES = {"plain": "plain, h", "lstm": "LSTM, c", "gru": "GRU, h", "law": "at rest"}
LOST = 6  # decades: the least that a gate loses in a step and is still seen


@drawn
def gated(ax: Axes, data: Gated) -> Axes:
    """Draw how much of a gradient is left k steps back in a plain network, an LSTM and a GRU, and by which way.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With room for two rows of words above.
    data : experiments.Gated

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The broad line is that of the chosen cell. It is the sum of two: solid what comes by its gates alone, dotted what
    has gone through the weights of gates and candidate at least once. A way that is lost leaves the picture below. All
    are relative to dL/dh_T, so the LSTM, whose state is c, need not start at 1. Dashed in grey is the factor of the
    cell at rest.
    """
    flow = _Flow(ax)
    flow.arrange(narrow=False)
    flow.set_limits(*_limits(_validation.instance("data", data, Gated)))
    flow.update(data)


def _limits(data):
    """Return how many steps, and how many decades down and up, show all three networks."""
    curves = np.concatenate([data.plain, data.lstm, data.gru])
    finite = curves[np.isfinite(curves)]
    low, high = style.next_limit(-1.04 * finite.min(), DECADES[1:]), style.next_limit(1.04 * finite.max(), DECADES)
    return style.next_limit(len(data.plain), LENGTHS), low, high


class _Flow(Panel):
    """The picture of ``gated``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k = T − t", "|∂L/∂state$_{T-k}$|  ÷  |∂L/∂h$_T$|", whole=5))
        style.decades(ax.yaxis)
        style.baseline(ax)
        self._bands = bands(ax, side="left")
        self.lines = {key: line(ax, look, zorder=2, label=NAMES[key]) for key, (look, _) in LOOKS.items()}
        ways = ((THROUGH, "through gates and candidate"), (DIRECT, "directly"))
        self.through, self.direct = (line(ax, look, zorder=4, label=words) for look, words in ways)
        self.law = line(ax, style.THEORY, zorder=3, label=NAMES["law"])
        looks = LOOKS | {"law": (style.THEORY, style.THEORY["color"])}
        self.names = {key: Name(ax, look, NAMES[key], dark=dark) for key, (look, dark) in looks.items()}
        self.left = {key: ax.text(0, 0, "", va="center_baseline", **style.SMALL) for key in looks}

    def arrange(self, narrow):
        """Put names and numbers above the Axes, in one row or in two."""
        for i, (key, name) in enumerate(self.names.items()):
            row, column = divmod(i, 2) if narrow else (1, i)
            right, up = (-60 + 150 * column, 78 - 46 * row) if narrow else (92 * column - 6, 32)
            name.place(right, up)
            self.left[key].set_transform(points_above(self.ax))
            self.left[key].set_position((right + Name.SAMPLE + Name.GAP, up - 19))

    def set_limits(self, steps, low, high):
        """Let the axes show so many steps, and so many decades down and up."""
        self.ax.set(xlim=(0, steps), ylim=(-low, high))
        name_bands(self._bands)

    def update(self, data):
        """Show other data; see ``gated``."""
        k = np.arange(len(data.plain))
        curves = {key: getattr(data, key) for key in self.names}
        for key, curve in self.lines.items():
            look = LOOKS[key][0] | {"alpha": None} | (CHOSEN if key == data.cell else {})
            curve.set(data=(k, _falling(curves[key])), **look)
            self.names[key].sample.set(**look)
        for way, decades in ((self.direct, data.direct), (self.through, data.through)):
            way.set(data=(k, np.where(np.isfinite(decades), decades, np.nan)), color=LOOKS[data.cell][1])
        self.law.set_data(k, data.law)
        for key, text in self.left.items():
            size = "no law" if np.isnan(curves[key][-1]) else _size(curves[key][-1])
            text.set_text(size if key == "law" else f"{size} left")


class _TwoWays(Panel):
    """One step back as a drawing, directly and through gates and candidate, with what is left by each."""

    SIZE, LEFT, RIGHT, UPPER, LOWER = (326, 172), 34, 292, 92, 28  # pixels; of the states, and of the two ways

    def __init__(self, ax):
        super().__init__(style.bare(ax, (0, self.SIZE[0]), (0, self.SIZE[1])))
        left, right, up, low, middle = self.LEFT, self.RIGHT, self.UPPER, self.LOWER, (self.LEFT + self.RIGHT) / 2
        self.direct, self.through = line(ax, DIRECT), line(ax, THROUGH)
        # Both ways end at states and box, and do not pass below: what stands still is drawn first.
        self.direct.set_data([right - 22, left + 32], [up, up])
        ends = [right, right, middle + 84, np.nan, middle - 84, left, left]
        self.through.set_data(ends, [up - 22, low, low, np.nan, low, low, up - 32])
        heads = [_head(left + 22, up, 12, 0), _head(left, up - 22, 0, -12)]
        self.heads = ax.add_collection(PolyCollection(heads, linewidth=0, zorder=3))
        frame = {"markerfacecolor": "white", "markeredgecolor": style.INK, "linestyle": "none", "zorder": 4}
        self._states = line(ax, {"marker": "o", "markersize": 29, **frame})
        self._states.set_data([left, right], [up, up])
        words = {"ha": "center", "va": "center", "fontsize": style.NOTE, "color": style.INK, "zorder": 5}
        ax.text(middle, low, "gates, candidate", bbox=style.paper(0.35, None) | {"edgecolor": style.FAINT}, **words)
        self.names = [ax.text(x, up, "", **words) for x in (left, right)]
        self.title = ax.text(middle, 160, "", **words | style.BOLD | {"fontsize": style.NOTE})
        self.by_gate, self.rest = (ax.text(middle, y, "", **words) for y in (up + 22, low + 29))

    def update(self, data):
        """Show what is left in other data."""
        state, gate = ("c", "f") if data.cell == "lstm" else ("h", "z")
        dark = LOOKS[data.cell][1]
        for artist in (self.direct, self.through, self.heads):
            artist.set_color(dark)
        for text, index in zip(self.names, ("ₜ₋₁", "ₜ"), strict=True):
            text.set_text(state + index)
        self.title.set_text(f"two ways back in the {data.cell.upper()}")
        self.by_gate.set_text(f"directly, × {gate}ₜ:  {_size(data.direct[-1])} left")
        self.rest.set_text(f"{_size(data.through[-1])} left")


def _head(x, y, dx, dy):
    """Return the corners of an arrow's head with its point at x, y; it comes from the side of dx, dy."""
    return [(x, y), (x + dx - dy / 2, y + dy + dx / 2), (x + dx + dy / 2, y + dy - dx / 2)]


class _Gate(Panel):
    """How much the gate keeps in one step, by steps back: the median of all units, and the tenths below and above.

    The axis counts decades of what is lost, 1 - f: one more of them makes the memory ten times as long.
    """

    KEPT = ("0.5", "0.9", "0.99", "0.999", "0.9999")
    LASTS = ("2 steps", "10", "100", "1000", "10⁴")

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k", "", whole=3))
        places = [-np.log10(1 - float(kept)) for kept in self.KEPT]
        ax.set(ylim=(0, 5), yticks=places)
        ax.yaxis.set_major_formatter(style.nines)
        look = style.ASIDE | {"transform": ax.get_yaxis_transform(), "va": "center"}
        for y, words in zip(places, self.LASTS, strict=True):
            ax.text(1.03, y, words, **look)
        self.band = ax.fill([], [], alpha=0.3, linewidth=0)[0]
        self.median = line(ax, {"linewidth": 3}, label="kept, median")
        self.law = line(ax, style.THEORY, zorder=4, label="kept at rest")
        self.title = ax.text(0, 1.06, "", transform=ax.transAxes, ha="left", va="bottom", **style.SMALL)

    def update(self, data):
        """Show the gates of other data."""
        t, low, median, high = data.gate
        k, dark = len(data.plain) - t, LOOKS[data.cell][1]
        self.band.set(xy=np.column_stack([np.r_[k, k[::-1]], np.r_[_kept(low), _kept(high)[::-1]]]), color=dark)
        self.median.set(data=(k, _kept(median)), color=dark)
        at_rest = _kept(1 / (1 + np.exp(-data.bias)))
        self.law.set_data([0, len(data.plain) - 1], [at_rest, at_rest])
        self.title.set_text(f"{'fₜ' if data.cell == 'lstm' else 'zₜ'}: kept in a step, and how long")


def _kept(gate):
    """Return how many decades below 1 is what a gate loses."""
    return -np.log10(np.maximum(1 - np.asarray(gate), 10.0**-LOST))


class _GatedPicture(Picture):
    """The gradient on its way back beside one step of it, and beside what the gate keeps."""

    WIDE = (0.115, 0.14, 0.475, 0.69), (0.66, 0.626, 0.34, 0.374), (0.7, 0.14, 0.2, 0.4)
    NARROW = (0.235, 0.555, 0.71, 0.3), (0.15, 0.29, 0.68, 0.2), (0.235, 0.07, 0.545, 0.17)

    def __init__(self, figure):
        super().__init__(figure)
        flow, ways, gate = (figure.add_axes(place) for place in self.WIDE)
        self.flow, self.ways, self.gate = _Flow(flow), _TwoWays(ways), _Gate(gate)
        hold_label(flow)
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """See ``Picture``."""
        self.place((4.8, 8.6) if narrow else (9.6, 4.6), self.NARROW if narrow else self.WIDE)
        self.flow.arrange(narrow)

    def limits(self, data):
        """Return steps, and decades down and up."""
        return _limits(data)

    def set_limits(self, *limits):
        """See ``Picture``."""
        self.flow.set_limits(*limits)
        self.gate.ax.set_xlim(self.flow.ax.get_xlim())

    def update(self, data):
        """Show an ``experiments.Gated``."""
        self.flow.update(data)
        self.ways.update(data)
        self.gate.update(data)
