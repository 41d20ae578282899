"""One matrix repeated, or a fresh one in each step? How a vector grows under both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..growth.spectra import gaussian_growth


class FreshOrRepeated(NamedTuple):
    """Growth under products of Gaussian matrices, divided by g^k.

    Attributes
    ----------
    fresh, repeated : array, shape (samples, K + 1)
        log |W_k .. W_1 v| - k log g for k = 0 .. K, |v| = 1, natural logarithms: W drawn anew in each step, or once.
    n : int
        W is (n, n).
    """

    fresh: np.ndarray
    repeated: np.ndarray
    n: int


def fresh_or_repeated(n: int = 64, K: int = 64, samples: int = 400, seed: int = 0) -> FreshOrRepeated:
    """Follow a vector through products of fresh Gaussian matrices, and through the powers of one of them.

    Parameters
    ----------
    n : int
        The matrices are (n, n), with entries N(0, g^2/n); g only adds k log g.
    K : int
        Steps.
    samples : int
        How many products of each kind.
    seed : int

    Returns
    -------
    FreshOrRepeated

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the matrices do not fit in memory.

    Notes
    -----
    The laws are ``laws.fresh_products`` and ``laws.log10_repeated_bound``.
    """
    fresh, repeated = (gaussian_growth(n, K, samples, repeated=one, seed=seed) for one in (False, True))
    return FreshOrRepeated(fresh, repeated, n)
