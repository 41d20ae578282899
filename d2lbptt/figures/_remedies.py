"""The gradient on its way back under several remedies, each beside its law, and what is left of it at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .. import _validation
from ..experiments import Remedy
from . import _style as style
from ._arguments import named, some
from ._flow import STEPS, bands
from ._labels import apart
from ._panels import Panel, Picture, line
from ._paper import drawn

LOOKS = {  # of the lines; darker, of their words
    "gaussian": (style.FULL, style.FULL["color"]),
    "window": (style.TRUNCATED, "#A84A00"),
    "orthogonal": ({"color": "#000000", "linewidth": 3, "linestyle": (0, (5, 1, 1, 1))}, "#000000"),
    "identity": (style.IDENTITY, "#97446F"),
    "gated": ({"color": "#009E73", "linewidth": 3, "linestyle": (0, (7, 1))}, "#00694D"),
}
DECADES = (3, 10, 30, 60, 100, 150, 250, 400, 1000, 2500)
HEIGHTS = 0.19, 0.09, 0.86  # of names, relative to that of the axes: between two, of the lowest, of the highest


@drawn
def remedies(ax: Axes, found: Mapping, names: Mapping | None = None) -> Axes:
    """Draw |dL/dh_{T-k}| / |dL/dh_T| against the lag k for several remedies, each beside its law, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With room for names on the right: about half of its width.
    found : mapping of str to experiments.Remedy
        By keys of ``LOOKS``.
    names : mapping of str to str, optional
        What to call them; by default what they are called there.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A gradient that arrives is not yet a good one: with a window it is another gradient, and a cell that keeps its state
    hardly listens to its inputs. A line that falls to the bottom is exactly zero from there on.
    """
    found = some("found", named("found", found, lambda symbol, entry: _validation.instance(symbol, entry, Remedy)))
    for key in found:
        _validation.one_of("found", key, LOOKS)
    names = {key: key for key in found} | ({} if names is None else named("names", names, _text))
    _Remedies(ax).update(found, names)


def _text(symbol, value):
    return _validation.instance(symbol, value, str)


class _Remedies(Panel):
    """The picture of ``remedies``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "steps back, k = T − t", "|∂L/∂h$_{T-k}$|  ÷  |∂L/∂h$_T$|", whole=6))
        style.decades(ax.yaxis)
        ax.yaxis.set_label_coords(-0.125, 0.5)
        style.baseline(ax)
        bands(ax)
        ax.text(1.06, 1.0, "dashed: the law", transform=ax.transAxes, va="top", **style.ASIDE)
        self._rows = {key: _Row(ax, *look) for key, look in LOOKS.items()}
        # All lines, then all laws ...: the law of one lies on the line of the next.
        self.layers = list(zip(*(row.artists for row in self._rows.values()), strict=True))

    def update(self, found, names):
        """Show other remedies; see ``remedies``."""
        finite = np.concatenate([curve[np.isfinite(curve)] for r in found.values() for curve in (r.decades, r.law)])
        T = max(len(r.decades) for r in found.values())
        low, high = (style.next_limit(1.04 * reach, DECADES) for reach in (-finite.min(), finite.max()))
        self.ax.set(xlim=(0, style.next_limit(T - 1, STEPS)), ylim=(-low, high))
        ends = {key: (_end(r.decades) + low) / (low + high) for key, r in found.items()}
        order = sorted(found, key=lambda key: (ends[key], -list(LOOKS).index(key)))
        heights = dict(zip(order, apart([ends[key] for key in order], *HEIGHTS), strict=True))
        for key, row in self._rows.items():
            row.show(key in found)
            if key in found:
                row.update(found[key], names[key], heights[key])


class _Row(Panel):
    """A line, its law, its name at the right and the numbers at its end."""

    def __init__(self, ax, look, dark):
        super().__init__(ax)
        self.line = line(ax, look)
        self.law = line(ax, style.THEORY, zorder=4)
        self.leader = line(ax, {"color": look["color"]}, linewidth=1, clip_on=False)
        self.name = ax.text(1.06, 0, "", transform=ax.transAxes, color=dark, va="bottom", **style.BOLD)
        self.number = ax.text(1.06, 0, "", transform=ax.transAxes, va="top", **style.SMALL)

    def show(self, whether):
        for artist in self.artists:
            artist.set_visible(whether)

    def update(self, remedy, name, height):
        k = np.arange(len(remedy.decades))
        (low, high), (_, right) = self.ax.get_ylim(), self.ax.get_xlim()
        self.line.set_data(k, _falling(remedy.decades))
        self.law.set_data(k, np.where(np.isfinite(remedy.law), remedy.law, np.nan))
        end = remedy.decades[-1]
        self.leader.set_visible(bool(np.isfinite(end)))
        self.leader.set_data([k[-1], 1.045 * right], [end, low + height * (high - low)])
        self.name.set(text=name, y=height)
        law = "no law" if np.isnan(remedy.law[-1]) else f"law: {_size(remedy.law[-1])}"
        self.number.set(text=f"{_size(end)}  ({law})", y=height - 0.01)


def _falling(decades):
    """Return decades for a line that falls to the bottom where they are -inf, and ends there."""
    dead = np.isneginf(decades)
    return np.where(dead, np.where(np.cumsum(dead) == 1, -1e6, np.nan), decades)


def _end(decades):
    return decades[-1] if np.isfinite(decades[-1]) else -np.inf


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

    def __init__(self, figure):
        super().__init__(figure)
        self.remedies = _Remedies(figure.add_axes((0.11, 0.155, 0.58, 0.82)))

    def update(self, data):
        """Show an ``experiments.Remedies``."""
        names = {
            "gaussian": f"gaussian, g = {data.g:.2f}",
            "window": f"window τ = {data.tau}",
            "orthogonal": "orthogonal, tanh",
            "identity": "identity, relu",
            "gated": f"gated, b$_f$ = {data.b_f:.1f}".replace("-", "−"),
        }
        self.remedies.update({key: getattr(data, key) for key in names}, names)
