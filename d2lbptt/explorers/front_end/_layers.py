"""A figure as two layers of SVG: what stands still, drawn seldom, and what moves, drawn at each change."""

import io
from contextlib import contextmanager

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.image import AxesImage

from . import _geometry
from ._svg import SMOOTH, SvgRenderer

_CELLS = ("none", "nearest", "auto", "antialiased")  # the last is what Matplotlib 3.8 calls auto


class Layers:
    """A figure whose artists change while all else stands still.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made without pyplot.
    artists : list of matplotlib.artist.Artist
        Those that change, back to front. Lines that have a label keep it, for readers of the curves.

    Attributes
    ----------
    axes : dict of str to dict
        What a page must know of the axes as they were drawn last; see ``_geometry.axes``.
    """

    def __init__(self, figure, artists):
        self.figure, self.artists = figure, artists
        self._patterns = {}
        self._back, self._front = (SvgRenderer(figure, layer, self._patterns) for layer in "bf")
        _Canvas(figure, self._front)
        self._places, self._still, self._last = None, "", None
        self.axes = {}
        for artist in artists:
            artist.set_animated(True)
        self._images = {image: image.get_interpolation() for image in figure.findobj(AxesImage)}
        for image, interpolation in self._images.items():
            if interpolation not in _CELLS:
                image.set_gid(SMOOTH)

    @property
    def width(self):
        """Of the picture, in CSS pixels."""
        return round(self.figure.get_figwidth() * self.figure.dpi, 2)

    @property
    def height(self):
        """Of the picture, in CSS pixels."""
        return round(self.figure.get_figheight() * self.figure.dpi, 2)

    def draw(self):
        """Return the background, or None if it is what it was the last time, and the foreground."""
        with self._as_cells():
            if self._places != self._where():
                with _without_images(self.artists):
                    self._still = self._back.fragment(self.figure.draw)
                self._places = self._where()  # afterwards: drawing puts axes in their places
                self.axes = _geometry.axes(self.figure, self.artists)
            foreground = self._front.fragment(self._draw_artists)
        patterns = "".join(self._patterns.values())
        background = f"<defs>{patterns}</defs>{self._still}" if patterns else self._still
        changed, self._last = background != self._last, background
        return background if changed else None, foreground

    def _draw_artists(self, renderer):
        names = _geometry.curve_names(self.artists)
        numbers = {ax: i for i, ax in enumerate(self.figure.axes)}
        for artist in self.artists:
            renderer.curve = (numbers.get(artist.axes), names[artist]) if artist in names else None
            artist.draw(renderer)
        renderer.curve = None

    def file(self, kind, scale=2):
        """Return the picture as the bytes of a file, ``kind`` "svg" or "png", so many times the size on the screen."""
        out = io.BytesIO()
        self.figure.savefig(
            out, format=kind, dpi=scale * self.figure.dpi, metadata={"Date": None} if kind == "svg" else {}
        )
        return out.getvalue()

    def colours(self):
        """Return the colours that the page has been told, as "#rrggbb"."""
        return self._back.colours() | self._front.colours()

    @contextmanager
    def _as_cells(self):
        """Let images go out as they are, cell by cell: small, sharp at any size, and mixed by the page where smooth."""
        for image in self._images:
            image.set_interpolation("none")
        try:
            yield
        finally:
            for image, interpolation in self._images.items():
                image.set_interpolation(interpolation)

    def _where(self):
        """Return what the background depends on."""
        axes = [
            (ax.get_xlim(), ax.get_ylim(), ax.get_xscale(), ax.get_yscale(), ax.get_position().bounds, ax.get_visible())
            for ax in self.figure.axes
        ]
        return tuple(self.figure.get_size_inches()), axes


class _Canvas(FigureCanvasBase):
    """Measures texts by the renderer that draws them, so that each is measured once."""

    def __init__(self, figure, renderer):
        super().__init__(figure)
        self._renderer = renderer

    def get_renderer(self):
        return self._renderer


@contextmanager
def _without_images(artists):
    """Hide the images that move: up to some version Matplotlib draws them with the background, animated or not."""
    images = [artist for artist in artists if isinstance(artist, AxesImage) and artist.get_visible()]
    for image in images:
        image.set_visible(False)
    try:
        yield
    finally:
        for image in images:
            image.set_visible(True)
