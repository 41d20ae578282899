"""All singular values of a long product of Jacobians, in decades, beside the Lyapunov exponents times its length."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .. import _validation
from ..growth.spectra import Exponents, Spectrum
from ..laws import LN10
from . import _style as style
from ._flow import bands
from ._paper import drawn

LARGEST = np.log10(float(np.finfo("f4").max))


@drawn
def product_spectrum(ax: Axes, spectrum: Spectrum, exponents: Exponents, steps: int) -> Axes:
    """Draw the singular values of dh_t/dh_k, the largest first, and what the Lyapunov exponents make of them, dashed.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    spectrum : spectra.Spectrum
        Of the product.
    exponents : spectra.Exponents
        Of a run of the same network.
    steps : int
        t - k, the number of Jacobians in the product.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The exponents are rates in the limit of infinitely many steps; the singular values belong to this one product. That
    they nearly agree does not make them the same thing. A singular value of zero has no place on a log axis.
    """
    _validation.instance("spectrum", spectrum, Spectrum)
    _validation.instance("exponents", exponents, Exponents)
    steps = _validation.whole_number("steps", steps, 1, 2**53)
    style.axes(ax, "i, from the largest", "singular value σ$_i$")
    i = np.arange(1, len(spectrum.log) + 1)
    theory = steps * exponents.rate / LN10
    shown, expected = (np.where(np.isfinite(rows), rows, np.nan) for rows in (spectrum.log10, theory))
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
    apart = np.nanmax(np.abs(shown - expected))
    words = f"dashed: {steps} steps of the Lyapunov exponents,\nat most {apart:.0f} of {top - bottom:.0f} decades off"
    ax.text(0.03, 0.06, words, transform=ax.transAxes, linespacing=1.3, color=style.THEORY["color"], **style.BOLD)
