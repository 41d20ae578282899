"""What several experiments feed their networks with."""

import numpy as np

from .. import _validation


def noise(T, size, seed, *, symbol="input"):
    """Return T inputs of one number each, normally distributed with standard deviation ``size``: shape (T, 1)."""
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("x", T, float, f"T = {_validation.shown(T)}")
    size, seed = _validation.real_number(symbol, size, low=0), _validation.seed("seed", seed)
    return size * np.random.default_rng((seed, 1)).normal(size=(T, 1))
