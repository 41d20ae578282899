"""A picture with the words that stand for it where it is not seen."""

from __future__ import annotations

import base64
import html
import io
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import _validation
from .._typeset import as_html, as_plain

_FIGURE = '<figure style="margin: 0"><img src="data:image/png;base64,{png}" alt="{alt}" style="max-width: 100%">'
_FIGURE += '<figcaption aria-hidden="true">{words}</figcaption></figure>'  # a screen reader says the words once


def described(ax: Axes | Sequence[Axes], words: str) -> _Described:
    r"""Give the figure of some Axes a text alternative.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or a sequence of them
        Of the figure that is to be shown.
    words : str
        One or two sentences that say what is seen. Symbols stand between dollars: ``$\tau = 30$``.

    Returns
    -------
    Described
        A notebook shows it if it stands last in a cell: the figure once, and the words under it. Its ``figure`` can be
        saved; ``str`` of it are the words.

    Raises
    ------
    TypeError, ValueError
        If there are no Axes, Axes of two figures, or no words.

    Notes
    -----
    The figure is taken from pyplot, which would show it once more at the end of the cell. The words are the text
    alternative of the picture, for those who hear a page: in HTML, and in the metadata ``alt`` of the PNG, where the
    classic template of nbconvert looks for it.
    """
    given = [ax] if isinstance(ax, Axes) else _several(ax)
    figures = {id(one.figure.canvas.figure): one.figure.canvas.figure for one in given}
    if len(figures) > 1:
        raise ValueError(f"ax lies in {len(figures)} figures, wanted Axes of one")
    words = " ".join(_validation.instance("words", words, str, "text").split())
    if not words:
        raise ValueError("words is empty, wanted a sentence that says what is seen")
    (figure,) = figures.values()
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)
    return _Described(figure, words)


def _several(given):
    if isinstance(given, np.ndarray):
        found = given.ravel().tolist() if given.dtype == object else []  # numbers may be many
    else:
        found = list(given) if isinstance(given, Sequence) else []
    if not found or not all(isinstance(one, Axes) for one in found):
        raise TypeError(f"ax is {_validation.shown(given)}, wanted Matplotlib's Axes, one or several")
    return found


def bundle(png: bytes, words: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what a notebook is given of a picture: its forms by their types, and the metadata of these.

    The first form that a page can show is the one it shows. JupyterLab has no alternative for a PNG, but for HTML.
    """
    image, alt = base64.b64encode(png).decode(), as_plain(words)
    page = _FIGURE.format(png=image, alt=html.escape(alt), words=as_html(words))
    forms = {"image/png": image, "text/html": page, "text/markdown": words, "text/plain": alt}
    return forms, {"image/png": {"alt": alt}}


class _Described:
    """A figure and the words that stand for it."""

    def __init__(self, figure: Figure, words: str) -> None:
        self.figure, self.words = figure, words

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, str], dict[str, Any]]:
        file = io.BytesIO()
        # As the inline backend does: no border, and the colours of the figure.
        self.figure.savefig(
            file, format="png", dpi="figure", bbox_inches="tight", facecolor=self.figure.get_facecolor()
        )
        return bundle(file.getvalue(), self.words)

    def __repr__(self) -> str:
        """Return what a page shows that shows no pictures."""
        return as_plain(self.words)
