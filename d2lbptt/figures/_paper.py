"""Pictures look as we drew them: the reader's rcParams are set aside while we draw, and come back unchanged.

On the reader's own Axes three things remain theirs: size and place, what they drew, and the background. Where
that is dark, our colours become as light as they were dark, so that every word and line can be read.
"""

import colorsys
import threading
from contextlib import contextmanager
from functools import wraps
from inspect import signature

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection
from matplotlib.colors import ListedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import AutoLocator

from .. import _validation

# Matplotlib's own, and a font that comes with it by its name, so that it is the same when the picture is drawn later;
# names within an SVG are not drawn at random.
_OURS = {key: value for key, value in dict.items(matplotlib.rcParamsDefault) if not key.startswith(("backend", "int"))}
_OURS |= {"font.family": ["DejaVu Sans"], "svg.hashsalt": "d2lbptt"}
_ONE_AT_A_TIME = threading.RLock()  # there is one set of rcParams, and JupyterLab calls back on threads


@contextmanager
def house():
    """Set the reader's rcParams aside."""
    with _ONE_AT_A_TIME:
        other = {key: value for key, value in _OURS.items() if dict.get(matplotlib.rcParams, key) != value}
        with matplotlib.rc_context(other):
            yield


class _Paper(Figure):
    """A figure of our own, drawn and saved as we meant it, whenever that is."""

    def draw(self, renderer):
        with house():
            super().draw(renderer)

    def savefig(self, *args, **kwargs):
        with house():
            super().savefig(*args, **kwargs)


def figure(width, height):
    """Return a figure of our own, in inches."""
    with house():
        return _Paper(figsize=(width, height), dpi=100)


def picture(kind, width, height, *rest):
    """Return a picture of a kind on a figure of its own, in inches."""
    with house():
        return kind(figure(width, height), *rest)


def drawn(function):
    """Let a function draw on the reader's Axes, its first argument, in the house's look, and return them."""
    form = signature(function)
    symbol = next(iter(form.parameters))

    @wraps(function)
    def draws(*args, **kwargs):
        given = form.bind(*args, **kwargs).arguments
        papers = _papers(symbol, given[symbol])
        with house():
            before = [ax.get_children() for ax in papers]
            for ax in papers:
                ax.set_prop_cycle(None)
            function(*args, **kwargs)
            for ax, old in zip(papers, before, strict=True):
                _settle(ax, old)
        for ax in papers:
            ax.set_prop_cycle(None)  # to the reader's, for what they draw next
        return given[symbol]

    return draws


def _papers(symbol, given):
    if symbol == "ax":
        return [_validation.instance("ax", given, Axes, "Matplotlib's Axes")]
    two = given.shape == (2,) if isinstance(given, np.ndarray) else isinstance(given, (list, tuple)) and len(given) == 2
    found = list(given) if two else []
    if not found or not all(isinstance(ax, Axes) for ax in found):
        raise TypeError(f"{symbol} is {_validation.shown(given)}, wanted a pair of Matplotlib's Axes")
    return found


class _OurTicks(AutoLocator):
    """The usual ticks, where Matplotlib would look at the reader's axes.autolimit_mode each time they are drawn."""

    def tick_values(self, vmin, vmax):
        with house():
            return super().tick_values(vmin, vmax)


def _settle(ax, old):
    """Let what Matplotlib would look up when the figure is drawn be the house's already, and turn colours on black."""
    ax.autoscale_view()
    for axis in (ax.xaxis, ax.yaxis):
        if type(axis.get_major_locator()) is AutoLocator:
            axis.set_major_locator(_OurTicks())
    for artist in (ax.patch, *_frame(ax)):
        artist.set_sketch_params(None)
        artist.set_path_effects([])
        if isinstance(artist, Text):
            artist.set_usetex(False)
            artist.set_fontproperties(FontProperties(size=artist.get_fontsize()))
    dark_paper, dark_around = _is_dark(ax.get_facecolor(), ax.figure), _is_dark((0, 0, 0, 0), ax.figure)
    if dark_paper:
        for artist in ax.get_children():
            if artist not in old:
                _turn(artist)
    if dark_around:
        for artist in _frame(ax):
            _turn(artist)


def _frame(ax):
    """Return what belongs to the Axes themselves: lines, ticks and words around them."""
    ticks = [tick for axis in (ax.xaxis, ax.yaxis) for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]
    words = [text for axis in (ax.xaxis, ax.yaxis) for text in (axis.label, axis.offsetText)]
    lines = [artist for tick in ticks for artist in tick.get_children()]
    return [*ax.spines.values(), *lines, *words, ax.title]


def _is_dark(colour, figure):
    """Whether a colour, on that of the figure, is nearer to black than to white."""
    over, under = to_rgba_array(colour)[0], to_rgba_array(figure.get_facecolor())[0]
    around = under[3] * under[:3] + (1 - under[3])
    return float((over[3] * over[:3] + (1 - over[3]) * around) @ (0.299, 0.587, 0.114)) < 0.5


def _turned(colours):
    """Return colours as light as they were dark."""
    found = to_rgba_array(colours)
    for colour in found:
        hue, light, saturation = colorsys.rgb_to_hls(*colour[:3])
        colour[:3] = colorsys.hls_to_rgb(hue, 1 - light, saturation)
    return found


_COLOURS = {
    Text: ["color"],
    Line2D: ["color", "markerfacecolor", "markeredgecolor"],
    Patch: ["edgecolor", "facecolor"],
    Collection: ["edgecolor", "facecolor"],
}


def _turn(artist):
    """Turn the colours of an artist, and of what hangs on it."""
    if isinstance(artist, Axes):
        for part in (artist.patch, *artist.get_children()):
            _turn(part)
        return
    for kind, names in _COLOURS.items():
        if isinstance(artist, kind):
            _turn_each(artist, names)
    for part in ("get_bbox_patch", "arrow_patch"):
        found = getattr(artist, part, None)
        found = found() if callable(found) else found
        if isinstance(found, Patch):
            _turn_each(found, _COLOURS[Patch])
    if isinstance(artist, ScalarMappable) and artist.get_array() is not None:
        artist.set_cmap(ListedColormap(_turned(artist.get_cmap()(np.linspace(0, 1, 256)))))


def _turn_each(artist, names):
    before = {name: getattr(artist, f"get_{name}")() for name in names}
    for name, colour in before.items():
        if not isinstance(colour, str) or colour not in ("none", "auto"):
            turned = _turned(colour)
            getattr(artist, f"set_{name}")(turned if isinstance(artist, Collection) else turned[0])
