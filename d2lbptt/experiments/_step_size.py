"""How small should the step h be? One entry of dL/dW_hh by three differences, over all steps h."""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from .. import _validation
from ..checking.step_size import METHODS, StepSizes, step_sizes
from ..rnn import init_params

UNITS = 5
STEPS = tuple(10.0 ** (tenths / 10) for tenths in range(-300, -9))
PLACES = {"float32": 8, "float64": 16}  # after the point that the numbers can hold


class StepSize(NamedTuple):
    """The errors of three methods against h, and which of them is looked at.

    Attributes
    ----------
    sizes : step_size.StepSizes
    method : str
    h : float
        One of sizes.h.
    written : tuple of str
        What is found with h, and what is true, in decimals with an exponent, "-1.25e-3": all digits that dtype holds.
    digits : int
        How many of those that are found are right: they stand in the true number, too. A number may be off by less
        than half a unit of its last right digit and still show another one there.
    """

    sizes: StepSizes
    method: str
    h: float
    written: tuple
    digits: int


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
    g = _validation.real_number("g", g)
    _validation.fits_in_memory("x", 2 * T, float, f"T = {_validation.shown(T)}")
    return _looked_at(_sizes(None if h in STEPS else h, dtype, T, g, seed), method, h)


@lru_cache(maxsize=8)
def _sizes(h, dtype, T, g, seed):
    """Return the errors for all steps, and for one more unless it is None."""
    x, y = np.random.default_rng((seed, 1)).normal(size=(2, T, 1))
    params = init_params(1, UNITS, 1, scale=g, seed=seed)
    steps = STEPS if h is None else (*STEPS, h)
    sizes = step_sizes(params, x, y, steps, h0=np.full(UNITS, 0.5), dtype=dtype)
    for array in (sizes.h, *sizes.found.values(), *sizes.error.values(), *sizes.typical.values()):
        array.flags.writeable = False
    return sizes


def _looked_at(sizes, method, h):
    found, error = (values[method][sizes.h == h][0] for values in (sizes.found, sizes.error))
    written = tuple(_e_notation(number, PLACES[found.dtype.name]) for number in (found, sizes.truth))
    return StepSize(sizes, method, h, written, _right_digits(*written, error))


def _right_digits(found, true, error):
    (found, power), (true, true_power) = found.split("e"), true.split("e")
    same = sum(a.isdigit() for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(found, true, strict=False)))
    return int(min(same, -np.log10(max(error, 1e-30)))) if power == true_power and error < 1 else 0


def _e_notation(number, places):
    mantissa, exponent = f"{number:.{places}e}".split("e")
    return f"{mantissa}e{int(exponent)}"
