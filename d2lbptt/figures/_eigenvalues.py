"""The eigenvalues of W_hh beside the unit circle, and its singular values: in the long run, and in one step."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._panels import Panel, line
from ._paper import drawn

RADII = (1.25, 2.2, 4.4, 7, 20, 50, 100, 1000, 10**6)


@drawn
def eigenvalues(ax: Axes, values: ArrayLike) -> Axes:
    """Draw eigenvalues in the complex plane, with the unit circle.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array of complex numbers, shape (h,)

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Eigenvalues alone decide for the identity activation only, and there only in the long run: a matrix that is far
    from normal may make a gradient grow first, and with tanh the slopes shrink it.
    """
    values = _validation.finite(
        "values", _validation.shaped("values", _validation.numeric("values", values), (None,), "(h,)")
    )
    if np.abs(values).max() > RADII[-1]:
        raise ValueError(f"values has the modulus {np.abs(values).max():.3g}, wanted up to {RADII[-1]:g}")
    picture = _Eigenvalues(ax)
    picture.set_limits(radius(np.abs(values).max()))
    picture.update(values)


def radius(reach):
    """Return how far axes go that show what is so far from 0."""
    return style.next_limit(1.05 * reach, RADII)


class _Eigenvalues(Panel):
    """The picture of ``eigenvalues``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "real", "imaginary"))
        ax.set_aspect("equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 3, 5, 10]))
        ax.set_title("eigenvalues of W$_{hh}$", **style.TITLE)
        ax.add_patch(Circle((0, 0), 1, color=style.BANDS[0], zorder=0))
        style.baseline(ax, linewidth=0.6, zorder=0)
        ax.axvline(0, color=style.FAINT, linewidth=0.6, zorder=0)
        self.points = line(ax, style.EIGENVALUES, markersize=5, markeredgewidth=0)
        # Above the points, which may cover it where the axes reach far.
        self.circle = ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=style.INK, linewidth=1.8, zorder=3))

    def set_limits(self, radius):
        """Let the axes go from -radius to radius."""
        self.ax.set(xlim=(-radius, radius), ylim=(-radius, radius))

    def update(self, values):
        """Show other eigenvalues."""
        self.points.set_data(values.real, values.imag)


class _Sizes(Panel):
    """|lambda_i| and sigma_i of one matrix, the largest first, with rho and sigma_max.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Beside those of ``_Eigenvalues`` and as high: both have the same scale.

    Notes
    -----
    The two largest decide different things: rho^k is the long run of W^k, sigma_max what a single step can do at
    most. No |lambda| is above sigma_max. The i-th of one row has nothing else to do with the i-th of the other.
    """

    def __init__(self, ax):
        super().__init__(ax)
        ax.set_axis_off()
        ax.set_xlim(-0.12, 1.05)
        ax.plot([-0.12, 1.05], [0, 0], color=style.FAINT, linewidth=0.8)
        ax.plot([-0.12, 1.05], [1, 1], color=style.INK, linewidth=1.5)
        ax.set_title("|λ|, σ", **style.TITLE)
        self.rows, self.largest, self.words = [], [], []
        for look, y, size in ((style.SINGULAR_VALUES, 0.33, 11), (style.EIGENVALUES, 0.12, 8)):
            self.rows.append(line(ax, look, markersize=3))
            self.largest.append(line(ax, look, markersize=size, alpha=1))
            ax.plot([0.05], [y], transform=ax.transAxes, **look | {"markersize": 9, "alpha": 1})
            font = style.BOLD | {"fontsize": style.NOTE, "color": look["color"], "va": "center_baseline"}
            self.words.append(ax.text(0.13, y, "", transform=ax.transAxes, **font))

    def set_limits(self, radius):
        """Let the axis go from -radius to radius."""
        self.ax.set_ylim(-radius, radius)

    def update(self, eigenvalues, singular_values):
        """Show other values, the largest first."""
        for i, (values, name) in enumerate(((singular_values, "σₘₐₓ"), (np.abs(eigenvalues), "ρ"))):
            self.rows[i].set_data(np.linspace(0, 1, len(values)), values)
            self.largest[i].set_data([0], values[:1])
            self.words[i].set_text(f"{name} = {_two_places(values[0])}")


def _two_places(size):
    return f"{size:.2f}" if size == 0 or 0.1 <= size < 100 else style.short(size)
