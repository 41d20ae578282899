"""The gradient on its way back under several remedies, each beside its law, and what is left of it at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .. import _validation
from ..experiments import Remedy
from . import _style as style
from ._arguments import named, some
from ._flow import LENGTHS, bands, hold_label, name_bands
from ._panels import Name, Panel, Picture, line, points_above
from ._paper import drawn

LSTM = {"color": "#009E73", "linewidth": 3, "linestyle": (0, (7, 1))}
LOOKS = {  # of the lines; darker, of their words
    "gaussian": (style.FULL, style.FULL["color"]),
    "window": (style.TRUNCATED, "#A84A00"),
    "orthogonal": ({"color": "#000000", "linewidth": 3, "linestyle": (0, (5, 1, 1, 1))}, "#000000"),
    "identity": (style.IDENTITY, "#97446F"),
    "lstm": (LSTM, "#00694D"),
}
DECADES = (3, 10, 38, 100, 400, 1000, 2500)


@drawn
def remedies(ax: Axes, found: Mapping, names: Mapping | None = None) -> Axes:
    """Draw |dL/dh_{T-k}| / |dL/dh_T| against the lag k for several remedies, each beside its law, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With room for names on the right: about 200 points.
    found : mapping of str to experiments.Remedy
        By keys of ``LOOKS``.
    names : mapping of str to str, optional
        What to call them; by default what they are called there.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A gradient that arrives is not yet a good one: with a window it is another gradient, and in an LSTM that keeps its
    state c grows until tanh(c) hardly changes. A line that falls to the bottom is exactly zero from there on.
    """
    found = some("found", named("found", found, lambda symbol, entry: _validation.instance(symbol, entry, Remedy)))
    for key in found:
        _validation.one_of("found", key, LOOKS)
    names = {key: key for key in found} | ({} if names is None else named("names", names, _text))
    picture = _Remedies(ax)
    picture.set_limits(*_limits(found))
    picture.update(found, names)


def _text(symbol, value):
    return _validation.instance(symbol, value, str)


def _limits(found):
    """Return how many steps and how many decades down and up show these remedies."""
    finite = np.concatenate([curve[np.isfinite(curve)] for r in found.values() for curve in (r.decades, r.law)])
    low, high = (style.next_limit(1.04 * reach, DECADES) for reach in (-finite.min(), finite.max()))
    return style.next_limit(max(len(r.decades) for r in found.values()), LENGTHS), low, high


class _Remedies(Panel):
    """The picture of ``remedies``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k = T − t", "|∂L/∂h$_{T-k}$|  ÷  |∂L/∂h$_T$|", whole=6))
        style.decades(ax.yaxis)
        style.baseline(ax)
        self._bands = bands(ax, side="left")
        self._rest = _Row(ax, style.THEORY, style.THEORY["color"])
        self._rest.words.set_text("its law")
        self._rest.number.set_text("numbers: left at h₁")
        self._rows = {key: _Row(ax, *look) for key, look in LOOKS.items()}
        # All lines, then all laws ...: the law of one lies on the line of the next.
        self.layers = list(zip(*(row.artists for row in self._rows.values()), strict=True))
        self.arrange(False)

    def arrange(self, narrow):
        """Put names and numbers beside the Axes, or below."""
        rows = [*self._rows.values(), self._rest]
        for i, row in enumerate(rows):
            if narrow:
                row.place(-60, -66 - 40 * i, (0, 0))
            else:
                row.place(18, 0, (1, 0.96 - 0.19 * i))

    def set_limits(self, steps, low, high):
        """Let the axes show so many steps, and so many decades down and up."""
        self.ax.set(xlim=(0, steps), ylim=(-low, high))
        name_bands(self._bands)

    def update(self, found, names):
        """Show other remedies; see ``remedies``."""
        for key, row in self._rows.items():
            row.show(key in found)
            if key in found:
                row.update(found[key], names[key])


class _Row(Panel):
    """A line, its law, its name in the margin and what is left at its end."""

    def __init__(self, ax, look, dark):
        super().__init__(ax)
        self.line = line(ax, look)
        self.law = line(ax, style.THEORY, zorder=4)
        self._name = Name(ax, look, "", dark=dark)
        self.words, self.number = self._name.text, ax.text(0, 0, "", va="center_baseline", **style.SMALL)

    def place(self, right, up, corner):
        """Put name and number so many points right of a corner of the Axes, and above."""
        self._name.place(right, up, corner)
        self.number.set_transform(points_above(self.ax, corner))
        self.number.set_position((right + Name.SAMPLE + Name.GAP, up - 19))

    def show(self, whether):
        for artist in (*self.artists, *self._name.artists):
            artist.set_visible(whether)

    def update(self, remedy, name):
        k = np.arange(len(remedy.decades))
        self.line.set_data(k, _falling(remedy.decades))
        self.law.set_data(k, np.where(np.isfinite(remedy.law), remedy.law, np.nan))
        law = "no law" if np.isnan(remedy.law[-1]) else f"law {_size(remedy.law[-1])}".replace("exactly ", "")
        self.words.set_text(name)
        self.line.set_label(name)
        self.law.set_label(f"law of {name}")
        self.number.set_text(f"{_size(remedy.decades[-1])}  ({law})")


def _falling(decades):
    """Return decades for a line that falls to the bottom where they are -inf, and ends there."""
    dead = np.isneginf(decades)
    return np.where(dead, np.where(np.cumsum(dead) == 1, -1e6, np.nan), decades)


def _size(decades):
    """Return 10^decades in few characters."""
    if np.isneginf(decades):
        return "exactly 0"
    if -2 <= decades < 3:
        return style.short(10**decades, 2)
    power = np.floor(decades)
    first = round(10 ** (decades - power))
    first, power = (1, power + 1) if first == 10 else (first, power)
    return f"{first}·{style.power_of_ten(power)}"


class _RemediesPicture(Picture):
    """The picture of ``remedies`` on a figure."""

    WIDE, NARROW = (0.122, 0.16, 0.565, 0.81), (0.235, 0.56, 0.71, 0.415)

    def __init__(self, figure):
        super().__init__(figure)
        self.remedies = _Remedies(figure.add_axes(self.WIDE))
        hold_label(self.remedies.ax)

    def arrange(self, narrow):
        """See ``Picture``."""
        self.place((4.8, 7.6) if narrow else (9.6, 4.5), [self.NARROW if narrow else self.WIDE])
        self.remedies.arrange(narrow)

    def limits(self, data):
        """Return steps, and decades down and up."""
        return _limits({key: getattr(data, key) for key in LOOKS})

    def set_limits(self, *limits):
        """See ``Picture``."""
        self.remedies.set_limits(*limits)

    def update(self, data):
        """Show an ``experiments.Remedies``."""
        names = {
            "gaussian": f"gaussian, g = {data.g:.2f}",
            "window": f"window τ = {data.tau}",
            "orthogonal": "orthogonal, tanh",
            "identity": "identity, relu",
            "lstm": style.minus(f"LSTM, bias {data.b_f:.1f}"),
        }
        self.remedies.update({key: getattr(data, key) for key in names}, names)
