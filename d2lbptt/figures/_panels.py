"""What a picture that moves is made of: panels on Axes, several of them on a figure, and artists without data yet."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Bbox, ScaledTranslation

from . import _style as style


class Panel:
    """What is drawn once on Axes, and shows other data by ``update``, which moves its artists.

    An artist, a panel, or several of them, set as an attribute, is what ``update`` changes; they are set in the order
    back to front. What stands still is no attribute, or one with a leading underscore.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    """

    def __init__(self, ax):
        self.ax = ax

    @property
    def artists(self):
        """All artists that ``update`` changes, back to front."""
        return [artist for name, value in vars(self).items() if name[0] != "_" for artist in _artists(value)]


class Handle(NamedTuple):
    """A region of a picture whose places stand for values of controls, so that a reader can set them there.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
        With a straight scale both ways.
    sets : dict of str to triple of float
        By the name of a control c, a and b: at a place (x, y) of the data its value is c + a x + b y.
    at : pair of float or None
        Where it is to be taken hold of now, in data.
    within : tuple of float, optional
        Left, right, bottom and top of the region, in data; by default all of the Axes.
    """

    ax: Axes
    sets: Mapping[str, tuple[float, float, float]]
    at: tuple[float, float] | None = None
    within: tuple[float, float, float, float] | None = None


class Spots(NamedTuple):
    """Places of a picture, each of which stands for one value of a control, or for several.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
        With a straight scale both ways.
    key : str
        The name of the control.
    places : array, shape (n, 2)
        In data.
    values : sequence of sequences
        Of each place, one or more.
    at : pair of float or None
        Where it is to be taken hold of now, in data.
    """

    ax: Axes
    key: str
    places: np.ndarray
    values: Sequence[Sequence[float]]
    at: tuple[float, float] | None = None


class Picture(Panel):
    """Panels that move together, and words above them.

    ``update`` moves artists and leaves the limits of the axes alone. Where a limit has to follow the data, ``limits``
    says which are wanted, and ``set_limits`` sets them: at rest, never while a slider is being dragged.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Of the size that the panels' places and the type are made for.
    """

    def __init__(self, figure):
        self.figure = figure

    def limits(self, data, **display):
        """Return the limits that show these data best, as a tuple; empty if they never change."""
        return ()

    def set_limits(self, *limits):
        """Let the axes end there, and move what hangs on them."""

    def handles(self):
        """Return what a reader can take hold of, ``Handle`` and ``Spots``, as it was shown last."""
        return ()

    def arrange(self, narrow):
        """Put the panels beside one another or, where the page is narrow, below one another."""

    def place(self, size, places):
        """Make the figure as large as this, in inches, and move its Axes to these places in it."""
        self.figure.set_size_inches(size)
        for ax, where in zip(self.figure.axes, places, strict=True):
            ax.set_position(where)

    def write(self, x, y, words="", **look):
        """Return a text at a place of the figure, from 0 to 1; it belongs to the first Axes, which redraw it."""
        return self.figure.axes[0].text(x, y, words, transform=self.figure.transFigure, **look)


class Words(Panel):
    """Texts that are made once, and then say something else at other places, or nothing.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    number : int
        The most that will ever be shown.
    **look
        Of all of them.
    """

    def __init__(self, ax, number, **look):
        look = {"ha": "center", "va": "center_baseline", "fontsize": style.NOTE, "color": style.INK, **look}
        self.texts = [ax.text(0, 0, "", **look) for _ in range(number)]

    def show(self, items):
        """Show these: triples x, y, words."""
        for text, (x, y, words) in zip_longest(self.texts, items, fillvalue=(0, 0, "")):
            text.set(x=x, y=y, text=words, visible=bool(words))


class Name(Panel):
    """The name of a line behind a sample of it, at a fixed place beside the Axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    look : dict
        Of the line.
    *words : str
        What it may be called; the first is shown.
    dark : str, optional
        Colour of the words, if not that of the line.
    """

    SAMPLE, GAP, BETWEEN, ROW = 26, 5, 14, 20  # points: length of the sample, to its name, to the next one, a row

    def __init__(self, ax, look, *words, dark=None):
        super().__init__(ax)
        font = style.BOLD | {"fontsize": style.NOTE, "color": dark or look["color"], "va": "center_baseline"}
        self.sample = line(ax, look, transform=points_above(ax), clip_on=False)
        self.text = ax.text(0, 0, words[0], transform=points_above(ax), **font)
        self._width = self.SAMPLE + self.GAP + max(width(name, style.NOTE, "bold") for name in words)

    def place(self, right, up, corner=(0, 1)):
        """Put it so many points right of a corner of the Axes, and above."""
        for artist in self.artists:
            artist.set_transform(points_above(self.ax, corner))
        self.sample.set_data([right, right + self.SAMPLE], [up, up])
        self.text.set_position((right + self.SAMPLE + self.GAP, up))

    def show(self, words):
        """Show another name, or hide it all where there is none."""
        self.text.set_text(words)
        for artist in self.artists:
            artist.set_visible(bool(words))

    @classmethod
    def rows(cls, names, columns, *, right=0, up=13):
        """Put names in rows, so many points right of the Axes' corner and above it; return how high they reach."""
        rows = [names[i : i + columns] for i in range(0, len(names), columns)]
        widths = [max(name._width for name in names[i::columns]) + cls.BETWEEN for i in range(min(columns, len(names)))]
        for i, row in enumerate(reversed(rows)):
            for name, at in zip(row, np.cumsum([right, *widths]), strict=False):
                name.place(at, up + i * cls.ROW)
        return up + (len(rows) - 0.5) * cls.ROW


def points_above(ax, corner=(0, 1)):
    """Return a transform of points, 72 to an inch, from a corner of Axes, the upper left one if it is not given."""
    return Affine2D().scale(1 / 72) + ax.figure.dpi_scale_trans + ScaledTranslation(*corner, ax.transAxes)


class RoomAbove:
    """A locator that keeps so many points free above Axes, within the place that they were given."""

    def __init__(self, points):
        self._points = points

    def __call__(self, ax, renderer):
        place, inch = ax.get_position(original=True), ax.figure.dpi / ax.figure.bbox.height
        height = max(place.height / 3, place.height - self._points / 72 * inch)
        return Bbox.from_bounds(place.x0, place.y0, place.width, height)


def width(words, size, weight="normal"):
    """Return the width of words without mathematics in points, without drawing them."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(words, font, False)[0]


def line(ax, look, **more):
    """Return a new line without points."""
    return ax.plot([], [], **look | more)[0]


def band(ax, **look):
    """Return a new rectangle without a size, in the coordinates of the data."""
    return ax.add_patch(Rectangle((0, 0), 0, 0, **look))


def box(x, y, width, height):
    """Return the corners of a box, for a collection of polygons."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def above(ax, row, words="", *, right=False, **look):
    """Return a text above the axes, in the lower row, 0, or the upper, 1; it begins at the left, or ends at the right.

    The rows are as far from the axes as their type is large, whatever the size of the axes.
    """
    look = {"ha": "right" if right else "left", "va": "center", "fontsize": style.NOTE, **look}
    place = {"xytext": (0, 12 + 20 * row), "xycoords": "axes fraction", "textcoords": "offset points"}
    return ax.annotate(words, (float(right), 1), annotation_clip=False, **place, **look)


def place(artist, *inches):
    """Put Axes (left, bottom, width, height) or a text of ``write`` (x, y) at a place of their figure, in inches."""
    shares = [length / whole for length, whole in zip(inches, 2 * tuple(artist.figure.get_size_inches()), strict=False)]
    artist.set_position(shares)


def handle_across(ax, key, x, y):
    """Return Axes across which a control goes, to be taken hold of at this place, or where it leaves them."""
    return Handle(ax, {key: (0, 1, 0)}, (x, float(np.clip(y, *sorted(ax.get_ylim())))))


def set_texts(texts, words):
    """Let each text say something else."""
    for text, said in zip(texts, words, strict=True):
        text.set_text(said)


def _artists(value):
    if isinstance(value, Panel):
        return value.artists
    if isinstance(value, (list, tuple, dict)):
        parts = value.values() if isinstance(value, dict) else value
        return [artist for part in parts for artist in _artists(part)]
    return [value] if isinstance(value, Artist) and not isinstance(value, (Axes, FigureBase)) else []
