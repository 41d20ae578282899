"""The memory of a pass against the length of the sequence: of all steps, and of the k2 steps of an update."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .. import _validation
from ..experiments import Memory
from . import _style as style
from ._panels import Name, RoomAbove
from ._paper import drawn

DARK = "#A34700"  # of words about what is truncated
MEASURED = {"linestyle": "none", "markersize": 10, "markeredgewidth": 2.5}


@drawn
def memory(ax: Axes, data: Memory) -> Axes:
    """Draw the bytes of the states, as lines, and what was measured, as marks, against T on log axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.Memory

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Lines are the formulas (T + 1) B h and (k2 + 1) B h, times 8 bytes. Hollow marks are a pass forward, full ones a
    pass forward and back, which holds more than the states. How much more depends on the software, and little on T.
    """
    data = _validation.instance("data", data, Memory)
    style.axes(ax, "length T", "megabytes")
    T, whole, part = data.lengths, style.FULL["color"], style.TRUNCATED["color"]
    ax.set(xscale="log", yscale="log", xlim=(0.85 * T[0], 1.18 * T[-1]))
    style.logarithmic(ax.xaxis, T)
    style.logarithmic(ax.yaxis, [step * 10.0**n for n in range(-4, 7) for step in (1, 3)])
    ax.plot(T, data.states / 1e6, **style.FULL)
    ax.plot(T, np.full(len(T), data.states_of_k2 / 1e6), **style.TRUNCATED)
    ax.plot(T, data.forward / 1e6, marker="o", color=whole, markerfacecolor="white", **MEASURED)
    ax.plot(T, data.there_and_back / 1e6, marker="o", color=whole, **MEASURED)
    ax.plot(T, data.there_and_back_of_k2 / 1e6, marker="s", color=part, **MEASURED)
    names = [
        Name(ax, style.FULL, "states of T steps"),
        Name(ax, style.TRUNCATED, f"states of k₂ = {data.k2}", dark=DARK),
        _measured(ax, "o", whole, whole, "measured: forward and back"),
        _measured(ax, "s", part, DARK, "measured: in pieces of k₂"),
        _measured(ax, "o", whole, whole, "measured: forward", hollow=True),
    ]
    ax.set_axes_locator(RoomAbove(Name.rows(names, 2)))
    words = f"(T + 1) B h × 8 bytes\nB = {data.batch_size}, h = {data.num_hiddens}"
    ax.text(0.03, 0.95, words, transform=ax.transAxes, va="top", linespacing=1.4, **style.TITLE)


def _measured(ax, marker, colour, ink, words, hollow=False):
    """Return the name of marks, behind one of them."""
    name = Name(ax, {"color": colour, "marker": marker, **MEASURED}, words, dark=ink)
    name.sample.set(markevery=[0], markerfacecolor="white" if hollow else colour)
    return name
