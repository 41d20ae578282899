"""Where things are in a picture, for a page: what its axes say, and what on it sets which control.

Places on the page are in units of the picture's ``viewBox``, counted from its upper left corner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, ScalarFormatter, StrMethodFormatter

from ..._typeset import as_plain
from ...figures import _style as style
from ...figures._panels import Handle, Spots

MEANINGS = {style.decade: "decades", style.power: "powers", style.nines: "nines"}  # of the numbers along an axis
_DIGITS = 7  # of the factors from a place to a value


def curve_names(artists: Iterable) -> dict[Line2D, str]:
    """Return those of the artists that are curves with a name, and the names."""
    lines = (artist for artist in artists if isinstance(artist, Line2D))
    return {line: str(line.get_label()) for line in lines if not str(line.get_label()).startswith("_")}


def axes(figure, artists: Iterable) -> dict[str, dict]:
    """Return what a page must know to say what is at a place: for each Axes that can be read, by number in the figure.

    Returns
    -------
    dict of str to dict
        ``box`` (left, top, width, height), and for ``x`` and ``y`` the ``ends``, at the left and the right or below
        and above; ``label``; ``meaning`` of the numbers, "linear", "log" (their ends are logarithms), "decades",
        "powers" or "nines" as in ``MEANINGS``, or "" where they mean nothing; and whether they are ``whole``.
    """
    curves = curve_names(artists)
    return {
        str(i): _of_one(ax, [line for line in curves if line.axes is ax])
        for i, ax in enumerate(figure.axes)
        if ax.get_visible() and ax.axison and _is_read(ax, curves)
    }


def _is_read(ax, curves):
    named = any(line.axes is ax for line in curves)
    return named or bool(ax.get_xlabel() and ax.get_ylabel())


def _of_one(ax: Axes, curves):
    (left, bottom, width, height), high = ax.bbox.bounds, ax.figure.bbox.height
    box = [round(float(length), 2) for length in (left, high - bottom - height, width, height)]
    return {"box": box, "x": _along(ax.xaxis, curves), "y": _along(ax.yaxis, ())}


def _along(axis: Axis, curves) -> Mapping:
    ends, scale = np.array(axis.get_view_interval()), axis.get_scale()
    if axis.get_inverted():
        ends = np.sort(ends)[::-1]
    meaning = _meaning(axis) if scale == "linear" else "log" if scale == "log" else ""
    along = [np.asarray(line.get_xdata()) for line in curves]
    whole = meaning == "linear" and (_all_whole(along) if any(map(len, along)) else _has_whole_cells(axis))
    shown = np.log10(ends) if meaning == "log" else ends
    label = " ".join(as_plain(axis.get_label_text()).split())
    return {"ends": [float(f"{end:.10g}") for end in shown], "label": label, "meaning": meaning, "whole": whole}


def _meaning(axis):
    formatter = axis.get_major_formatter()
    if isinstance(formatter, FuncFormatter):
        return MEANINGS.get(formatter.func, "")
    return "linear" if isinstance(formatter, (ScalarFormatter, StrMethodFormatter)) else ""


def _all_whole(rows):
    return all(bool(np.all(row == np.floor(row))) for row in rows)


def _has_whole_cells(axis):
    """Whether there are cells, and ticks at whole numbers alone, however near to one another the ends are."""
    locator = axis.get_major_locator()
    return (
        bool(axis.axes.images)
        and isinstance(locator, (MaxNLocator, FixedLocator))
        and _all_whole([locator.tick_values(0, 1)])
    )


def touch(handles: Iterable[Handle | Spots]) -> list[dict]:
    """Return what a page must know to let a reader set controls on the picture.

    Returns
    -------
    list of dict
        ``box`` (left, top, width, height) of the region, ``at``, the place of its grip, or None, and either ``sets``:
        by the name of a control the factors of 1, x and y of its value; or ``key``, a control, and ``spots``: x, y and
        its values there.
    """
    handles = list(handles)
    ways = {ax: _to_page(ax) for ax in {handle.ax for handle in handles}}
    return [(_of_spots if isinstance(each, Spots) else _of_handle)(each, *ways[each.ax]) for each in handles]


def _to_page(ax):
    """Return the matrix that leads from the data of Axes, neither of them logarithmic, to the page, and that back."""
    matrix = np.array([[1, 0, 0], [0, -1, ax.figure.bbox.height], [0, 0, 1]]) @ ax.transData.get_matrix()
    return matrix, np.linalg.inv(matrix)


def _place(matrix, at):
    return None if at is None else [round(float(length), 1) for length in matrix[:2] @ (*at, 1)]


def _region(matrix, left, right, bottom, top):
    corners = np.array([[left, right], [bottom, top], [1, 1]])
    (x, y), (ends, heights) = (matrix[:2] @ corners).min(1), (matrix[:2] @ corners).max(1)
    return [round(float(length), 1) for length in (x, y, ends - x, heights - y)]


def _of_handle(handle, matrix, back):
    sets = {key: np.array([a, b, c]) @ back for key, (c, a, b) in handle.sets.items()}
    factors = {key: [float(f"{f:.{_DIGITS}g}") for f in (c, a, b)] for key, (a, b, c) in sets.items()}
    within = handle.within or (*handle.ax.get_xlim(), *handle.ax.get_ylim())
    return {"box": _region(matrix, *within), "at": _place(matrix, handle.at), "sets": factors}


def _of_spots(spots, matrix, _):
    places = spots.places @ matrix[:2, :2].T + matrix[:2, 2]
    listed = [
        [*place, *values] for place, values in zip(places.round().astype(int).tolist(), spots.values, strict=True)
    ]
    box = _region(matrix, *spots.ax.get_xlim(), *spots.ax.get_ylim())
    return {"box": box, "at": _place(matrix, spots.at), "key": spots.key, "spots": listed}
