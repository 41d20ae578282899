"""Products of Gaussian matrices, fresh ones and one that is repeated.

    lambda_i = log g + (log(2/n) + psi((n - i + 1) / 2)) / 2                        a fresh W in each step
    E |W^k v|^2 = g^2k (1 + O(k^4 / n^2))                                           one W, repeated

Shapes: W is (n, n), v is (n,); k is a number of steps or an array of them, and so is what belongs to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ._common import LN10, MOST, checked_steps


class FreshProducts(NamedTuple):
    """Products of independent Gaussian matrices.

    Attributes
    ----------
    exponents : array, shape (n,)
        The Lyapunov exponents, the largest first: natural logarithms per step.
    spread : array, shape (n,)
        The standard deviation of what one step adds. The mean over T steps scatters by spread / sqrt(T).
    """

    exponents: np.ndarray
    spread: np.ndarray


def fresh_products(n: int, g: float = 1.0) -> FreshProducts:
    """Return the Lyapunov exponents of products of FRESH n x n matrices with entries N(0, g^2/n).

    Parameters
    ----------
    n : int
    g : float
        The weight scale, above 0.

    Returns
    -------
    FreshProducts

    Notes
    -----
    Newman 1986, Communications in Mathematical Physics 103, 121-126. A Gaussian matrix knows no direction: if Q is
    orthogonal and W Q = Q' R, the diagonal of R does not depend on Q, its entries are independent, and (n/g^2) R_ii^2
    is chi^2 with n - i + 1 degrees of freedom: mean and variance of log R_ii are a digamma and a trigamma function.
    Exact for every n; for i = 1, the growth of one vector, after every k as well. The sum of all is E log |det W|.

    The largest is near log g - 1/(2n), although E |W_k .. W_1 v|^2 = g^2k |v|^2 exactly: the mean is not typical.
    One W that is REPEATED, as in a recurrent network, follows other laws: ``log10_repeated_bound``.
    """
    from scipy.special import digamma, polygamma  # loaded when they are first used

    n, g = _validation.whole_number("n", n, 1), _validation.real_number("g", g, above=0)
    _validation.fits_in_memory("n", 4 * n, float, f"n = {_validation.shown(n)}")
    half = np.arange(n, 0, -1) / 2
    return FreshProducts(np.log(g) + (np.log(2 / n) + digamma(half)) / 2, np.sqrt(polygamma(1, half)) / 2)


def log10_repeated_bound(n: int, k: ArrayLike) -> np.ndarray:
    """Return log10 of what E |W^k v|^2 / (g^2k |v|^2) is at least, for ONE Gaussian W that is repeated k times.

    Parameters
    ----------
    n : int
        Up to 2^53.
    k : int or array of int

    Returns
    -------
    array, shaped as k

    Notes
    -----
        (n (n+1) .. (n+k+1) - n (n-1) .. (n-k-1)) / ((k+1) (k+2) n^(k+1))

    is the exact mean for a COMPLEX Gaussian W, where an arrow pairs only with one of the other path, and the pairings
    that leave f vertices free are counted by the Hultman numbers (Doignon and Labarre 2007, Journal of Integer
    Sequences 10, 07.6.2; in this form by Stanley 2011, Two enumerative results on cycles of permutations). A real W
    has these pairings and more, and none is negative: so it is a lower bound, for all n and k. With x = k^2/n held
    fixed and n growing it tends to sinh(x/2) / (x/2).

    The real mean is 1 + 2/n^2 for k = 2 and 1 + 10/n^2 + 4/n^3 for k = 3: the popular g^2k is right for fresh matrices,
    and for a repeated one too small from k = 2 on. It is carried by few W, and says little of a single one: look at the
    median and the spread. Where k is far above sqrt(n), |W^k v| goes with rho(W)^k, and the rho of the W that was drawn
    is near g, not g (Bar et al. 2025, arXiv 2505.19827, on long sequences).
    """
    n, k = _validation.whole_number("n", n, 1, MOST), checked_steps(k)
    _validation.fits_in_memory("k", 8 * k.max(initial=0).item(), float, f"k = {k.max(initial=0)}")
    step = np.arange(1, k.max(initial=0) + 2)
    with np.errstate(divide="ignore"):
        rising, falling = np.cumsum(np.log1p(step / n)), np.cumsum(np.log1p(-np.minimum(step / n, 1)))
    return ((rising + np.log(-np.expm1(falling - rising)) + np.log(n / (step * (step + 1)))) / LN10)[k]
