"""The slope 1 - h^2 of a saturated tanh: its digits are lost when h is stored."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from .. import _validation
from ..experiments import LostSlope
from . import _style as style
from ._paper import drawn

COLOURS = {"float32": ("#56B4E9", "#1B6E9E"), "float64": (style.INK, style.INK)}  # of the line; darker, of its words
ERRORS = (-18, 3.7)  # decades


@drawn
def lost_slope(ax: Axes, data: LostSlope) -> Axes:
    """Draw the relative error of 1 - h^2 against |z|, and what theory says, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.LostSlope

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The error is relative: where it is large the slope itself is tiny, and one step with such a slope ends any
    gradient that comes through it, whatever its digits. A curve above its dashed line shows a tanh that is off by
    more than rounding, as float32's is on some machines just before it reaches 1.
    """
    _validation.instance("data", data, LostSlope)
    style.axes(ax, "|z|", "relative error of 1 − h²")
    ax.set(xlim=(0, np.abs(data.z).max()), ylim=ERRORS)
    ax.yaxis.set_major_locator(MultipleLocator(4))
    ax.yaxis.set_major_formatter(style.decade)
    style.baseline(ax)
    order = np.argsort(np.abs(data.z))
    z = np.abs(data.z)[order]
    for name, (colour, dark) in COLOURS.items():
        error, law = data.error[name][order], data.law[name][order]
        shown = np.where(error > 0, error, np.nan)  # an error of zero has no place on a log axis
        ax.plot(z, np.log10(shown), color=colour, linewidth=2)
        ax.plot(z[law <= 1], np.log10(law[law <= 1]), **style.THEORY)
        words = f"{name}:\nslope 0 from {data.gone[name]:.3g}"
        ax.text(data.gone[name] + 0.2, 0.3, words, color=dark, va="bottom", linespacing=1.15, **style.BOLD)
    ax.text(12.5, -13, "dashed: u / (1 − tanh² z)", color=style.THEORY["color"], fontsize=style.LABEL)
