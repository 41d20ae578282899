"""How near M^k x comes to the first eigenvector: the angle of exercise 1.

    tan^2 = sum_{i>=2} (lambda_i / lambda_1)^2k x_i^2 / x_1^2

Shapes: W is (n, n), v is (n,); k is a number of steps or an array of them, and so is what belongs to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ._common import LN10, MOST, checked_steps


class Angle(NamedTuple):
    """The angle between M^k x and v_1, up to sign: probabilities and quantiles of d = log10 tan(angle), in decades.

    Attributes
    ----------
    log_a : array, shape (n - 1,)
        log a_i of a_i = (lambda_i/lambda_1)^2k, i >= 2, the largest first: tan^2 = Y / x_1^2 with Y = sum a_i x_i^2.

    Notes
    -----
    tan > t means |x_1| < sqrt(Y)/t, and x_1 knows nothing of Y. With Craig's integral erfc(y) = (2/pi) int_0^(pi/2)
    exp(-(y / cos u)^2) du and E exp(-c Y) = prod (1 + 2 c a_i)^(-1/2),

        P(tan <= t) = (2/pi) int_0^(pi/2) prod_i (1 + a_i / (t cos u)^2)^(-1/2) du.

    For n = 2 that is (2/pi) arctan(t / sqrt(a)), half a Cauchy law; with m equal a_i, tan^2 / (a m) has the F
    distribution with m and 1 degrees of freedom. (Imhof 1961, Biometrika 48, treats all such laws; here nothing
    oscillates.) With cos u = 1/cosh y the trapezoidal rule gives nearly all digits, also of very small probabilities.
    """

    log_a: np.ndarray

    def above(self, d: ArrayLike) -> float | np.ndarray:
        """Return P(log10 tan > d)."""
        return _each(lambda d: self._above(self._near(d)), "d", d)

    def below(self, d: ArrayLike) -> float | np.ndarray:
        """Return P(log10 tan <= d)."""
        return _each(lambda d: self._below(self._near(d)), "d", d)

    def bound(self, d: ArrayLike) -> float | np.ndarray:
        """Return min(1, sqrt(2 A / pi) / t), A = sum a_i and t = 10^d: P(log10 tan > d) is no larger.

        The proof: the density of x_1 is at most 1/sqrt(2 pi), so P(|x_1| < c) <= c sqrt(2/pi) for every c. Take
        c = sqrt(Y)/t, with the Y that was drawn, and average over Y: P(tan > t) <= sqrt(2/pi) E sqrt(Y) / t. The square
        of a mean is at most the mean of the square, so E sqrt(Y) <= sqrt(E Y) = sqrt(A). It holds for all k and t, and
        falls as |lambda_2/lambda_1|^k.
        """
        return _each(lambda d: np.exp(min(0, self._log_bound() - self._near(d) * LN10)), "d", d)

    def bound_quantile(self, p: ArrayLike) -> float | np.ndarray:
        """Return the d for which the bound promises P(log10 tan <= d) >= p, for 0 < p < 1."""
        return _each(lambda p: (self._log_bound() - np.log1p(-_probability(p))) / LN10, "p", p)

    def _log_bound(self):
        return (np.log(2 / np.pi) + np.logaddexp.reduce(self.log_a)) / 2

    def _near(self, d):
        # 400 decades away the probabilities are 0 and 1 in float64.
        return float(np.clip(d, self.log_a[0] / 2 / LN10 - 400, self._log_bound() / LN10 + 400))

    def _terms(self, d, start, end):
        step = min(0.125, 0.5 / np.sqrt(len(self.log_a)))  # cosh y^-n is as narrow as 1/sqrt(n)
        y = np.arange(start, end, step)
        log_cosh = y + np.log1p(np.exp(-2 * y)) - np.log(2)
        log_product = -np.logaddexp(0, self.log_a + 2 * (log_cosh[:, None] - d * LN10)).sum(1) / 2
        return log_product, log_cosh, np.where(y == 0, 1, 2) * step / np.pi

    def _above(self, d):
        peak = max(0, d * LN10 - self.log_a[0] / 2)  # to both sides of it the integrand falls as exp(-|y|)
        log_product, log_cosh, weights = self._terms(d, max(0, peak - 36), peak + 36)
        return weights @ (-np.expm1(log_product) * np.exp(-log_cosh))

    def _below(self, d):
        above = self._above(d)
        if above < 0.5:
            return 1 - above
        log_product, log_cosh, weights = self._terms(d, 0, 36)
        return weights @ np.exp(log_product - log_cosh)


def angle(eigenvalues: ArrayLike, k: int) -> Angle:
    """Return the law of the angle between M^k x and v_1, for symmetric M and x with independent N(0, 1) entries.

    Parameters
    ----------
    eigenvalues : array, shape (n,)
        Of M, in any order; n is 2 or more.
    k : int
        From 0 on.

    Returns
    -------
    Angle

    Raises
    ------
    TypeError, ValueError
        If |lambda_1| > |lambda_2| is not so, or if lambda_2 and all that follow are 0 (the angle is 0 from k = 1 on).

    Notes
    -----
    In the eigenvectors of M the coordinates of x are again Gaussian, and M^k multiplies each by lambda_i^k: exercise 1.
    The variance of x does not matter, nor does its length, as long as all its entries have the same variance.
    """
    k, log_ratios = _validation.whole_number("k", k, 0, MOST), np.sort(_log_ratios(eigenvalues))[::-1]
    return Angle(2 * k * log_ratios if k else np.zeros(len(log_ratios)))


def angle_quantiles(eigenvalues: ArrayLike, k: ArrayLike, p: ArrayLike) -> np.ndarray:
    """Return the quantiles of d = log10 tan(angle) for many k at once: the lines of a picture.

    Parameters
    ----------
    eigenvalues : array, shape (n,)
        As for ``angle``.
    k : array of int, shape (K,)
    p : array, shape (P,)
        Probabilities from 0.001 to 0.999.

    Returns
    -------
    array, shape (K, P)

    Notes
    -----
    The integral of ``Angle``, and Newton's method for log tan(pi P / 2), which is linear in log t for n = 2. It starts
    where tan^2 = A / x_1^2, as for large n.
    """
    log_ratios, multiple = np.unique(_log_ratios(eigenvalues), return_counts=True)
    k = _validation.shaped("k", checked_steps(k), (None,), "(K,)")
    p = _validation.real_array("p", p, (None,), "(P,)")
    if not np.all((p >= 1e-3) & (p <= 1 - 1e-3)):
        raise ValueError(f"p is {p}, wanted numbers from 0.001 to 0.999")
    shift = k[:, None] * log_ratios[-1]
    a = np.exp(2 * (_times(k, log_ratios) - shift))  # in units of the largest
    return (np.array([_log_quantiles(row, multiple, p) for row in a]) + shift) / LN10


def _log_quantiles(a, multiple, p):
    """Return the logarithms of the quantiles of the tangent; each a counts as often as ``multiple`` says."""
    from scipy.special import ndtri  # loaded when it is first used

    a, multiple = a[a > 1e-14], multiple[a > 1e-14]  # the rest is lost beside the largest, 1
    y = np.arange(0, 18, min(0.15, 1.2 / np.sqrt(multiple.sum())))
    weights = np.where(y == 0, 1, 2) * y[1] / np.pi / np.cosh(y)
    log_t, wanted = np.log(a @ multiple) / 2 - np.log(ndtri(1 - p / 2)), np.log(np.tan(np.pi / 2 * p))
    for _ in range(5):
        terms = ((np.cosh(y) / np.exp(log_t)[:, None]) ** 2)[..., None] * a
        product = np.exp(-np.log1p(terms) @ multiple / 2)
        P, slope = product @ weights, (product * ((terms / (1 + terms)) @ multiple)) @ weights
        log_t = log_t + (wanted - np.log(np.tan(np.pi / 2 * P))) * np.sin(np.pi * P) / (np.pi * slope)
    return log_t


def log10_tan(eigenvalues: ArrayLike, x: ArrayLike, k: ArrayLike) -> np.ndarray:
    """Return d = log10 tan of the angle between M^k x and v_1, up to sign, for given x.

    Parameters
    ----------
    eigenvalues : array, shape (n,)
        Of M, lambda_1 first.
    x : array, shape (n,) or (S, n)
        Coordinates in the eigenvectors of M, in the same order; one row for each x.
    k : int or array of int, shape (K,)

    Returns
    -------
    array, shaped as k, or (S,) in front of that
        -inf where M^k x is a multiple of v_1, inf where it has no share of it, nan where it is 0.

    Notes
    -----
    Next to (lambda_2/lambda_1)^2k what is 1e-308 times as large is lost: x should have a share of v_2, as every random
    one has.
    """
    log_ratios, k = _log_ratios(eigenvalues), checked_steps(k)
    if np.argmax(np.abs(eigenvalues)) != 0:
        raise ValueError(
            f"eigenvalues begin with {np.asarray(eigenvalues)[0]}, wanted the one with the largest modulus first"
        )
    n = len(log_ratios) + 1
    x = _validation.finite("x", _validation.real("x", x)).astype(float)
    rows = _validation.shaped("x", x, (n,) if x.ndim == 1 else (None, n), "(n,) or (S, n)").reshape(-1, n)
    rows = np.ldexp(rows, -np.frexp(np.abs(rows).max(1, keepdims=True))[1])  # so that their squares do not overflow
    largest = log_ratios.max()
    a = np.exp(2 * (_times(k.ravel(), log_ratios) - k.reshape(-1, 1) * largest))
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.log(rows[:, 1:] ** 2 @ a.T) / 2 + k.ravel() * largest
        d = (rest - np.log(np.abs(rows[:, :1]))) / LN10
    return d.reshape(x.shape[:-1] + k.shape)


def _log_ratios(eigenvalues):
    """Return log |lambda_i/lambda_1| for i >= 2, of all but the one with the largest modulus, in the order given."""
    size = np.abs(_validation.series("eigenvalues", eigenvalues))
    _validation.fits_in_memory("eigenvalues", 150 * len(size) ** 1.5, float, f"n = {len(size)}")  # for the integral
    first = np.argmax(size)
    rest, largest = np.delete(size, first), np.sort(size)[::-1][:2]
    if len(size) < 2 or not largest[0] > largest[1] > 0:
        raise ValueError(f"eigenvalues have the absolute values {largest}, wanted |lambda_1| > |lambda_2| > 0")
    with np.errstate(divide="ignore"):
        return np.log(rest / size[first])


def _times(k, logs):
    """Return k log_i, shape (K, n - 1), with 0 for k = 0 also where the logarithm is -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(k[:, None] > 0, k[:, None] * logs, 0.0)


def _probability(p) -> float:
    return _validation.real_number("p", p, above=0, below=1)


def _each(f, symbol, numbers):
    numbers = _validation.finite(symbol, _validation.real(symbol, numbers))
    return np.array([f(float(number)) for number in numbers.ravel()]).reshape(numbers.shape)
