"""Influence balancing: the gradient that a span of tau sees, and where theta goes when it is trained with it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import _validation
from ..truncation.influence import Spans
from . import _style as style
from ._arguments import decades, named, some
from ._labels import end_axis, name_ends
from ._paper import drawn

WINDOW, CHUNKS = style.SEVERAL[1:3]


@drawn
def seen_by_span(ax: Axes, window: ArrayLike, chunks: ArrayLike, observed: Spans) -> Axes:
    """Draw the gradient that a truncation of tau steps gives, divided by the true one: below zero its sign is wrong.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    window, chunks : array, shape (n,)
        For tau = 1 .. n, as predicted; 1 is the true gradient, of one loss for the window and on average for the chunk.
    observed : influence.Spans
        The first tau with the right sign for good, as measured on the package's gradient.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The network is at rest and theta is held. While theta moves, or before the network has come to rest, the sign may
    be another.
    """
    window = _validation.series("window", window)
    chunks = _validation.real_array("chunks", chunks, window.shape, "(n,) as window").astype(float)
    _validation.instance("observed", observed, Spans)
    for span in observed:
        _validation.whole_number("observed", span, 1, len(window), "n = ")
    style.axes(ax, "span τ", "truncated gradient ÷ gradient")
    tau = np.arange(1, len(window) + 1)
    low = min(window.min(), chunks.min(), 0)
    bottom = 1.15 * low - 0.1
    ax.set(xlim=(0, tau[-1] + 1), ylim=(bottom, 1.2))
    ax.axhspan(bottom, 0, **style.DROPPED | {"alpha": 0.2})
    style.baseline(ax, color=style.INK)
    ax.axhline(1, **style.THEORY)
    ax.text(tau[-1], 0.93, "the true gradient ", color=style.THEORY["color"], ha="right", va="top", **style.BOLD)
    ax.text(tau[-1], 1.1 * low - 0.08, "the wrong way ", color=WINDOW["color"], ha="right", va="bottom", **style.BOLD)
    items = (window, WINDOW, observed.window, "window", 0.3), (chunks, CHUNKS, observed.chunks, "chunks", -0.42)
    for values, look, span, name, height in items:
        ax.plot(tau, values, **look)
        ax.plot(span, values[span - 1], "o", color=look["color"], markersize=9)
        ax.annotate(
            f"{name}: right\nfrom τ = {span}", (span, values[span - 1]), (span + 0.05 * tau[-1], height),
            color=look["color"], arrowprops={"arrowstyle": "-", "color": look["color"]}, va="center", **style.BOLD,
        )  # fmt: skip


@drawn
def trajectories(ax: Axes, runs: Mapping, solution: float) -> Axes:
    """Draw where theta goes under several schemes; the solution is dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    runs : mapping of str to array, shape (steps + 1,)
        theta by the name of the scheme.
    solution : float

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A line that leaves the picture does not come back into it, unless the randomized scheme is too wild for the learning
    rate: the axis shows a small neighbourhood of the solution and of the start.
    """
    runs = some("runs", named("runs", runs, lambda symbol, row: decades(symbol, row, (None,), "(steps + 1,)")))
    solution = _validation.real_number("solution", solution, low=-1e300, high=1e300)
    style.axes(ax, "steps of time", "θ")
    start = next(iter(runs.values()))[0]
    room = 1.4 * abs(start - solution) or 1.0
    low, high = solution - 0.6 * room, start + room
    longest = max(len(theta) for theta in runs.values()) - 1
    ax.set(xlim=(0, 1.55 * longest), ylim=(low, high))
    end_axis(ax, longest)
    ax.plot([0, longest], [solution, solution], **style.THEORY)
    names = []
    for (name, theta), look in zip(runs.items(), cycle(style.SEVERAL), strict=False):
        ax.plot(theta, **look)
        outside = ~((theta > low) & (theta < high))
        last = int(np.argmax(outside)) - 1 if outside.any() else len(theta) - 1
        names.append((name, look["color"], last, theta[last]))
    name_ends(ax, names, longest)
