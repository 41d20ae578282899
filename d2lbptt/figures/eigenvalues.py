"""The eigenvalues of W_hh beside the unit circle: inside it powers vanish, outside it they explode."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import style

RADII = (1.5, 3.5, 8, 20, 50, 100, 1000, 10**6)


def eigenvalues(ax, values):
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
    Eigenvalues(ax).update(values)
    return ax


class Eigenvalues:
    """The picture of ``eigenvalues``, drawn once; ``update`` moves its artists."""

    def __init__(self, ax):
        self.ax = style.axes(ax, "real", "imaginary")
        ax.set_aspect("equal")
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        ax.set_title("eigenvalues of W$_{hh}$", fontsize=style.LABEL, color=style.INK)
        turn = np.linspace(0, 2 * np.pi, 181)
        ax.fill(np.cos(turn), np.sin(turn), color=style.BANDS[0], zorder=0)
        ax.plot(np.cos(turn), np.sin(turn), color=style.INK, linewidth=1.5)
        ax.axhline(0, color=style.FAINT, linewidth=0.6, zorder=0)
        ax.axvline(0, color=style.FAINT, linewidth=0.6, zorder=0)
        (self.points,) = ax.plot([], [], **style.EIGENVALUES)
        self.artists = [self.points]

    def update(self, values):
        """Show other eigenvalues."""
        radius = style.next_limit(1.05 * np.abs(values).max(), RADII)
        self.ax.set(xlim=(-radius, radius), ylim=(-radius, radius))
        self.points.set_data(values.real, values.imag)
