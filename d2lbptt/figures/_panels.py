"""What a picture that moves is made of: panels on Axes, several of them on a figure, and artists without data yet."""

from itertools import zip_longest

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

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

    def arrange(self, narrow):
        """Put the panels beside one another or, where the page is narrow, below one another."""

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


def line(ax, look, **more):
    """Return a new line without points."""
    return ax.plot([], [], **look | more)[0]


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
