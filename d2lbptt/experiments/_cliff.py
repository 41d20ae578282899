"""What does a gradient step do at a cliff? Descent over the error surface of one unit, and what a difference sees."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .. import _validation, laws
from ..growth.cliff import PLANE, SIGMOID, START, Cut, Path, Steepest, cut, descend, steepest, surface

NEAR = 0.005  # half a step of a slider: none would ever hit the steepest b
TINY = 1e-12  # an E that is as good as 0


class Cliff(NamedTuple):
    """Descent from (w, b), and the cut along b through the start.

    Attributes
    ----------
    T : int
    step : array, shape (2,)
        (w, b) after one step that is not clipped.
    clip : float or None
    path : growth.cliff.Path
    steepest : growth.cliff.Steepest
        For the w of the start.
    cut : growth.cliff.Cut
    wall : array, shape (2, K)
        w, and the b of ``laws.separatrix``, for the w of ``growth.cliff.PLANE`` where x_0 repels.
    folds : array, shape (3, M)
        w, and the two b of ``laws.folds``, for the w of ``PLANE`` from 4 on.
    """

    T: int
    step: np.ndarray
    clip: float | None
    path: Path
    steepest: Steepest
    cut: Cut
    wall: np.ndarray
    folds: np.ndarray

    @property
    def surface(self) -> np.ndarray:
        """E over ``growth.cliff.PLANE``, calculated where it is asked for: see ``growth.cliff.surface``."""
        return surface(self.T)


def cliff(
    w: float = 5.0,
    b: float = -2.61,
    rate: float = -1.0,
    clip: float | None = None,
    T: int = 50,
    h: float = -3.0,
    steps: int = 100,
) -> Cliff:
    """Follow the gradient downhill from (w, b), and cut the error surface there.

    Parameters
    ----------
    w, b : float
        The start, from -1000 to 1000. Where the steepest b of this w is within 0.005 of b, it is taken for b.
    rate : float
        log10 of the learning rate, from -10 to 10.
    clip : float, optional
        The threshold, above 0: a longer gradient is made as long as that. None for none.
    T : int
        Steps of the unit.
    h : float
        log10 of the step of the central difference, from -15 to 0.
    steps : int
        Of descent, at most.

    Returns
    -------
    Cliff

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    The unit and its error, and descent and clipping, are those of ``growth.cliff``.
    """
    w, b = (_validation.real_number(name, value, low=-1e3, high=1e3) for name, value in (("w", w), ("b", b)))
    rate = 10 ** _validation.real_number("rate", rate, low=-10, high=10)
    h = 10 ** _validation.real_number("h", h, low=-15, high=0)
    at = steepest(w, T)
    b = at.b if abs(at.b - b) <= NEAR else b
    path = descend(w, b, rate=rate, clip=clip, steps=steps, T=T)
    return Cliff(T, np.array([w, b]) - rate * path.gradient[0], clip, path, at, cut(w, b, h, T), *_theory())


@cache
def _theory():
    """Return the wall and the folds over the w of the plane."""
    w = np.linspace(*PLANE[0], 801)
    repels = w[w * SIGMOID.slope(1 / (1 + np.exp(-START))) > 1]
    folded = w[w >= 4]
    wall = np.array([repels, [laws.separatrix(v, START).b for v in repels]])
    folds = np.vstack([folded, np.transpose([laws.folds(v).b for v in folded])])
    for curves in (wall, folds):
        curves.flags.writeable = False
    return wall, folds
