"""What does a gradient step do at a cliff? Descent over the error surface of one unit, and what a difference sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..growth.cliff import Cut, Path, Steepest, cut, descend, steepest

NEAR = 0.005  # half a step of a slider: none would ever hit the steepest b


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
    """

    T: int
    step: np.ndarray
    clip: float | None
    path: Path
    steepest: Steepest
    cut: Cut


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
    return Cliff(T, np.array([w, b]) - rate * path.gradient[0], clip, path, at, cut(w, b, h, T))
