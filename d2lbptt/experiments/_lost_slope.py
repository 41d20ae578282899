"""How many digits of the slope of a saturated tanh are left when it is calculated from the stored h = tanh(z)?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..activations import ACTIVATIONS

LARGEST = 300  # z: the law is as large as float64 can hold there


class LostSlope(NamedTuple):
    """How wrong the slope of tanh is when it is calculated from h = tanh(z).

    Attributes
    ----------
    z : array, shape (K,)
    error : dict of str to array, shape (K,)
        The relative error by the name of the dtype that z, h and the slope are held in.
    law : dict of str to array, shape (K,)
        eps / (1 - tanh(z)^2).
    gone : dict of str to float
        From which z on the slope is exactly 0.
    """

    z: np.ndarray
    error: dict
    law: dict
    gone: dict


def lost_slope(z: ArrayLike | None = None) -> LostSlope:
    """Return the relative error of tanh'(z) = 1 - h^2, calculated from the stored h, in float32 and float64.

    Parameters
    ----------
    z : array of numbers from -300 to 300, shape (K,), optional
        From 0 to 25 if not given.

    Returns
    -------
    LostSlope

    Raises
    ------
    TypeError, ValueError
        If z is not such an array.

    Notes
    -----
    The truth is 1 / cosh(z)^2 in long double, which loses nothing. The law: below 1 the numbers h are eps / 2 apart,
    so storing h may move it by eps / 4, and the slope by 2 h times that; squaring h rounds by as much as storing
    it does. Together that is less than eps, and the slope it is compared with is 1 - tanh(z)^2.
    """
    z = np.linspace(0, 25, 1001) if z is None else _validation.series("z", z, "(K,)")
    if np.abs(z).max() > LARGEST:
        raise ValueError(f"z is {z[np.argmax(np.abs(z))]}, wanted numbers from -{LARGEST} to {LARGEST}")
    error, law, gone = {}, {}, {}
    for dtype in (np.float32, np.float64):
        held, name = z.astype(dtype), np.dtype(dtype).name
        slope = ACTIVATIONS["tanh"].slope(np.tanh(held))
        truth = 1 / np.cosh(held.astype(np.longdouble)) ** 2
        error[name] = np.abs((slope - truth) / truth).astype(float)
        law[name] = (np.finfo(dtype).eps / truth).astype(float)
        gone[name] = np.min(np.abs(z)[slope == 0], initial=np.inf).item()
    return LostSlope(z, error, law, gone)
