"""What several laws share: the constants of float64, and numbers of steps."""

from __future__ import annotations

import numpy as np

from .. import _validation

EPS = np.finfo(float).eps.item()
LN10 = np.log(10)
MOST = 2**53  # float64 counts no further by ones


def checked_steps(k) -> np.ndarray:
    """Return k as an array of whole numbers from 0 on."""
    k = _validation.finite("k", _validation.whole("k", k))
    if k.size and not 0 <= k.min() <= k.max() <= MOST:
        raise ValueError(f"k is {k.min() if k.min() < 0 else k.max()}, wanted whole numbers from 0 to 2^53")
    return k.astype(int)
