"""How small should the step h be? One entry of dL/dW_hh by three differences, over all steps h."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..checking.step_size import METHODS, StepSizes, step_sizes
from ..rnn import init_params

UNITS = 5
STEPS = 10.0 ** (np.arange(-300, -9) / 10)


class StepSize(NamedTuple):
    """The errors of three methods against h, and which of them is looked at.

    Attributes
    ----------
    sizes : step_size.StepSizes
    method : str
    h : float
        One of sizes.h.
    """

    sizes: StepSizes
    method: str
    h: float


def step_size(
    h: float = -3.0, method: str = "central", dtype: str = "float64", T: int = 12, g: float = 1.0, seed: int = 0
) -> StepSize:
    """Compare the error of a difference with its step h, for the largest entry of dL/dW_hh in a network with tanh.

    Parameters
    ----------
    h : float
        log10 of the step that is looked at, from -30 to 0; many others from 10^-30 to 10^-1 are computed as well.
    method : {"forward", "central", "complex"}
    dtype : {"float64", "float32"}
        What the three methods calculate in.
    T : int
        Length of the sequence.
    g : float
        Scale of W_hh.
    seed : int

    Returns
    -------
    StepSize

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or dL/dW_hh is zero.
    FloatingPointError
        If a state or a gradient overflows.
    """
    h = 10.0 ** _validation.real_number("h", h, low=-30, high=0)
    _validation.one_of("method", method, METHODS)
    _validation.one_of("dtype", dtype, ("float64", "float32"))
    T, seed = _validation.whole_number("T", T, 1), _validation.seed("seed", seed)
    _validation.fits_in_memory("x", 2 * T, float, f"T = {_validation.shown(T)}")
    x, y = np.random.default_rng((seed, 1)).normal(size=(2, T, 1))
    params = init_params(1, UNITS, 1, scale=g, seed=seed)
    sizes = step_sizes(params, x, y, np.append(STEPS, h), h0=np.full(UNITS, 0.5), dtype=dtype)
    return StepSize(sizes, method, h)
