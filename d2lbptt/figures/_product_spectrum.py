"""All singular values of a long product of Jacobians, in decades, beside the Lyapunov exponents times its length."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..experiments import ProductSpectrum
from . import _style as style
from ._flow import bands
from ._paper import drawn

LARGEST = np.log10(float(np.finfo("f4").max))


@drawn
def product_spectrum(ax: Axes, data: ProductSpectrum) -> Axes:
    """Draw the singular values of dh_T/dh_0, the largest first, and what the Lyapunov exponents make of them, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : experiments.ProductSpectrum

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If data is something else, or all singular values in it are zero.

    Notes
    -----
    The exponents are rates in the limit of infinitely many steps; the singular values belong to this one product. That
    they nearly agree does not make them the same thing. A singular value of zero has no place on a log axis.
    """
    if not np.isfinite(_validation.instance("data", data, ProductSpectrum).apart):
        raise ValueError("data has singular values of zero alone, wanted one above it")
    style.axes(ax, "i, from the largest", "singular value σ$_i$")
    i = np.arange(1, len(data.theory) + 1)
    shown, expected = (np.where(np.isfinite(rows), rows, np.nan) for rows in (data.spectrum.log10, data.theory))
    top, bottom = np.nanmax([shown, expected]), np.nanmin([shown, expected])
    room = 0.06 * (top - bottom)
    high = max(top, 0) + room
    if high > LARGEST:  # the word in the upper band needs its room
        high = max(high, LARGEST + room)
    ax.set(xlim=(0.5, len(i) + 0.5), ylim=(min(bottom, 0) - room, high))
    ax.yaxis.set_major_formatter(style.decade)
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    style.baseline(ax)
    bands(ax)
    ax.plot(i, shown, **style.SINGULAR_VALUES)
    ax.plot(i, expected, **style.THEORY)
    off = f"at most {data.apart:.0f} of {top - bottom:.0f} decades off"
    words = f"dashed: {data.T} steps of the Lyapunov exponents,\n{off}"
    ax.text(0.03, 0.06, words, transform=ax.transAxes, linespacing=1.3, color=style.THEORY["color"], **style.BOLD)
