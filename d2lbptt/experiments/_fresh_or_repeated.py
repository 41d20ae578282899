"""One matrix repeated, or a fresh one in each step? How a vector grows under both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..growth.spectra import gaussian_growth
from ..laws import LN10, fresh_products, log10_repeated_bound

QUANTILES = (0.05, 0.5, 0.95)
NORMAL = 1.645  # standard deviations from the middle to the outer two, of a normal law


class FreshOrRepeated(NamedTuple):
    """Growth under products of Gaussian matrices, divided by g^k.

    Attributes
    ----------
    fresh, repeated : array, shape (samples, K + 1)
        log |W_k .. W_1 v| - k log g for k = 0 .. K, |v| = 1, natural logarithms: W drawn anew in each step, or once.
    n : int
        W is (n, n).
    fresh_quantiles, repeated_quantiles : array, shape (3, K + 1)
        Of the draws, log10: nine of ten are between the first and the last, the middle one is the median.
    fresh_law : array, shape (3, K + 1)
        The same of fresh matrices by Newman's law: ``laws.fresh_products``, and the normal law for the outer two.
    repeated_bound : array, shape (K + 1,)
        log10 of what the root mean square of the repeated one is at least: ``laws.log10_repeated_bound``.
    apart : float
        How far the median of the fresh ones is from the law after K steps, in decades.
    """

    fresh: np.ndarray
    repeated: np.ndarray
    n: int
    fresh_quantiles: np.ndarray
    repeated_quantiles: np.ndarray
    fresh_law: np.ndarray
    repeated_bound: np.ndarray
    apart: float


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
    """
    fresh, repeated = (gaussian_growth(n, K, samples, repeated=one, seed=seed) for one in (False, True))
    of_fresh, of_repeated = (np.quantile(log / LN10, QUANTILES, axis=0) for log in (fresh, repeated))
    law = _newman(n, K)
    apart = float(abs(of_fresh[1, -1] - law[1, -1]))
    bound = log10_repeated_bound(n, np.arange(K + 1)) / 2
    return FreshOrRepeated(fresh, repeated, n, of_fresh, of_repeated, law, bound, apart)


def _newman(n, K):
    """Return the quantiles of log10 |W_k .. W_1 v| / g^k, shape (3, K + 1)."""
    k, law = np.arange(K + 1), fresh_products(n)
    spread = NORMAL * np.sqrt(k) * law.spread[0]
    return np.array([k * law.exponents[0] + sign * spread for sign in (-1, 0, 1)]) / LN10
