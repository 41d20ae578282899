"""Powers of one matrix: what is exact, what they tend to, and what bounds them and the gradients of a network.

    |W^k v| -> c rho^k,    |dh_t/dh_{t-k}| <= (gamma sigma_max)^k                    9.7.14, 9.7.15
    [[a, c], [0, b]]^k = [[a^k, c S_k], [0, b^k]],  S_k = (a^k - b^k) / (a - b)      two units, and how far they grow

Shapes: W is (n, n), v is (n,); k is a number of steps or an array of them, and so is what belongs to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..activations import _named
from ._common import EPS, LN10, checked_steps


class Modes(NamedTuple):
    """W = V diag(lambda) V^-1, and what follows for its powers.

    Attributes
    ----------
    values : array, shape (n,)
        The eigenvalues lambda_i, the largest modulus first.
    vectors, inverse : array, shape (n, n)
        V, whose columns have length 1, and V^-1.
    condition : float
        kappa = |V| |V^-1|: 1 for a normal W. No power of W is larger than kappa rho^k.
    """

    values: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray
    condition: float

    @property
    def radius(self) -> float:
        """The spectral radius rho."""
        return abs(self.values[0]).item()

    def log10_norms(self, v: ArrayLike, k: ArrayLike, *, dominant: bool = False) -> np.ndarray:
        """Return log10 |W^k v| for each k; -inf where it is zero.

        With ``dominant``, only the modes with |lambda_i| = rho count (to a part in 10^9): the law c rho^k that the
        norm approaches. With one such mode c is a number; two of opposite sign let it alternate, a complex pair lets it
        turn for ever. A v without a share in these modes has no such law: the result is -inf, or rounding.
        """
        v = _validation.real_array("v", v, (len(self.values),), "(n,)")
        k, modulus, c = checked_steps(k)[..., None], np.abs(self.values), self.inverse @ v
        if _validation.flag("dominant", dominant):
            c = np.where(modulus >= (1 - 1e-9) * modulus[0], c, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log(np.abs(c)) + np.where(k == 0, 0, k * np.log(modulus))
            top = size.max(-1, keepdims=True)  # the largest term, which is taken out before it can leave float64
            terms = np.exp(size - np.where(top > -np.inf, top, 0) + 1j * (np.angle(c) + k * np.angle(self.values)))
            return (top[..., 0] + np.log(np.linalg.norm((terms @ self.vectors.T).real, axis=-1))) / LN10


def modes(W: ArrayLike) -> Modes:
    """Return the eigenvalues and eigenvectors of W, from which all its powers follow.

    Parameters
    ----------
    W : array, shape (n, n)

    Returns
    -------
    Modes

    Raises
    ------
    TypeError, ValueError
        If W is no square matrix of real, finite numbers, or if it cannot be told, within rounding, from one that is
        not diagonalizable: there k^j rho^k takes the place of rho^k.

    Notes
    -----
    Horn and Johnson 2013, Matrix Analysis, section 1.3 (diagonalizable matrices) and 5.6 (norms of powers).
    """
    W = _validation.square("W", W)
    values, V = np.linalg.eig(W)
    if not np.isfinite(values).all():
        raise FloatingPointError("the eigenvalues of W overflow float64")
    order = np.argsort(-np.abs(values), kind="stable")
    values, V = values[order], V[:, order]
    condition = np.linalg.cond(V).item()
    if not condition**2 * len(W) * EPS < 1e-3:
        raise ValueError(f"W has eigenvectors of condition number {condition:.0e}, wanted a diagonalizable matrix")
    return Modes(values, V, np.linalg.inv(V), condition)


class Triangle(NamedTuple):
    """The powers of W = [[a, c], [0, b]] in closed form, also where W has one eigenvector only.

    W^k = [[a^k, c S_k], [0, b^k]] with S_k = a^(k-1) + a^(k-2) b + .. + b^(k-1), by induction. That is
    (a^k - b^k)/(a - b), and k a^(k-1) for a = b.

    Attributes
    ----------
    a, b, c : float
        a is the spectral radius rho: a > 0 and |b| <= a.
    """

    a: float
    b: float
    c: float

    @property
    def angle(self) -> float:
        """The angle between the two eigenvectors, (1, 0) and (-c, a - b), from 0 to 90 degrees; 0 if there is one."""
        return float(np.degrees(np.arctan2(self.a - self.b, abs(self.c)))) if self.a > self.b or self.c else 90.0

    @property
    def condition(self) -> float:
        """kappa, of eigenvectors of length 1: |W^k| <= kappa a^k. It is inf where there is one eigenvector only."""
        gap, c = self.a - self.b, abs(self.c)
        if gap == 0:
            return np.inf if c else 1.0
        return float((np.hypot(c, gap) + c) / gap)

    @property
    def peak(self) -> float:
        """The k, not a whole number, at which |c| S_k is largest; inf where none is, because it never stops to grow.

        For 0 < b < a < 1 the slope of a^k - b^k is 0 where (a/b)^k = log b / log a. For b <= 0, a <= 1
        none is above S_1.
        """
        if self.a <= 1 and self.b <= 0:
            return 1.0
        if self.a >= 1:
            return np.inf
        log_a, log_b = np.log(self.a), np.log(self.b)
        if self.a == self.b:
            return max(1.0, float(-1 / log_a))
        return max(1.0, float(np.log(log_b / log_a) / (log_a - log_b)))

    def log10_norms(self, k: ArrayLike) -> float | np.ndarray:
        """Return log10 |W^k|, of the spectral norm, for each k.

        Of a 2 x 2 matrix with Frobenius norm F and determinant D it is (sqrt(F^2 + 2|D|) + sqrt(F^2 - 2|D|)) / 2.
        """
        k, gap = checked_steps(k), (self.a - self.b) / self.a  # all in units of a^k, which may leave float64
        with np.errstate(divide="ignore", invalid="ignore"):
            last = np.where(k == 0, 1.0, (1 - gap) ** k.astype(float))  # (b/a)^k
            sums = (-np.expm1(k * np.log1p(-gap)) if gap < 1 else 1 - last) / gap if gap else k
        off, last = self.c / self.a * sums, np.abs(last)
        return k * np.log10(self.a) + np.log10((np.hypot(off, 1 + last) + np.hypot(off, 1 - last)) / 2)


def triangle(a: float, b: float, c: float) -> Triangle:
    """Return the closed form of the powers of W = [[a, c], [0, b]]: the smallest W whose powers can grow first.

    Parameters
    ----------
    a, b : float
        The eigenvalues: a > 0 and |b| <= a.
    c : float
        What makes W not normal: |c| is at most 10^150 a.

    Returns
    -------
    Triangle

    Notes
    -----
    Some power has a norm above 1 if and only if |W| > 1, because |W^k| <= |W|^k. For |b| < a, |W^k| / a^k tends to
    1 / sin(angle) = sqrt(1 + (c/(a - b))^2): the price of eigenvectors that are nearly parallel. Trefethen and Embree
    2005, Spectra and Pseudospectra, treat such powers at length.
    """
    a, b, c = _validation.real_number("a", a), _validation.real_number("b", b), _validation.real_number("c", c)
    if not a > 0 or abs(b) > a:
        raise ValueError(f"a is {a} and b is {b}, wanted a > 0 and |b| <= a")
    if not abs(c) / 1e150 <= a:
        raise ValueError(f"c is {c}, wanted |c| up to 1e150 a")
    return Triangle(a, b, c)


def log10_bound(W: ArrayLike, k: ArrayLike, activation: str = "identity") -> np.ndarray:
    """Return k log10(gamma sigma_max): nothing that goes back through k steps grows by more decades than that.

    Parameters
    ----------
    W : array, shape (n, n)
    k : int or array of int
    activation : str
        A name in ``ACTIVATIONS``.

    Returns
    -------
    array, shaped as k
        A bound of log10 |dh_t/dh_{t-k}|; -inf for W = 0 and k > 0.

    Notes
    -----
    dh_t/dh_{t-1} = diag(phi'(z_t)) W has a norm of at most gamma sigma_max, with gamma the largest |phi'|: Pascanu,
    Mikolov, Bengio 2013, section 2.1. It holds for all inputs, states and k, and for W^k with the identity. It is
    reached where every slope is gamma and W is normal (symmetric, say), by a gradient along its largest eigenvalue.
    """
    k, gamma = checked_steps(k), _named(activation).bound
    size = np.linalg.norm(_validation.square("W", W), 2)
    if not np.isfinite(size):
        raise FloatingPointError("the norm of W overflows float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(k == 0, 0.0, k * np.log10(gamma * size))


class Conditions(NamedTuple):
    """What is known of the gradients of a network before it has seen any input.

    Attributes
    ----------
    gamma, sigma_max : float
        The largest |phi'|, and the largest singular value of W.
    rho : tuple of float
        The spectral radius of W, and a bound of its rounding.
    vanishing, exploding : str
        "certain" or "excluded", for every input and every loss; "undecided"; or "certain for the product" and "excluded
        for the product" of the Jacobians: so for almost every gradient, but not for one without a share in what grows.
    because : str
        The condition that says so.
    """

    gamma: float
    sigma_max: float
    rho: tuple
    vanishing: str
    exploding: str
    because: str

    def __str__(self):
        numbers = f"gamma sigma_max = {self.gamma * self.sigma_max:.4g}, rho = {self.rho[0]:.4g}"
        return f"vanishing {self.vanishing}, exploding {self.exploding}: {self.because} ({numbers})"


def conditions(W: ArrayLike, activation: str = "tanh") -> Conditions:
    """Say whether the gradient of a distant loss must vanish, cannot explode, or whether W alone does not decide.

    Parameters
    ----------
    W : array, shape (n, n)
        W_hh.
    activation : str
        A name in ``ACTIVATIONS``.

    Returns
    -------
    Conditions

    Raises
    ------
    TypeError, ValueError
        If W is no square matrix of real, finite numbers, or the name is unknown.

    Notes
    -----
    The first of these that applies is the answer (1, 6, 7: Pascanu, Mikolov, Bengio 2013, sections 2.1 and 2.2; 5: Horn
    and Johnson 2013, Matrix Analysis, section 8.1):

    1. gamma sigma_max < 1 is SUFFICIENT to vanish: every step shrinks every gradient.
    2. Linear, where the eigenvalues are those of gamma W, and rho < 1: it vanishes in the long run, and may grow first.
    3. Linear and every |lambda_i| > 1: it explodes in the long run, because the powers of W^-1 vanish.
    4. Linear and rho > 1: the product of Jacobians explodes in the long run, and with it almost every gradient. One
       that has no share in the modes that grow may vanish: W = diag(2, 1/2) and W_qh = (0, 1).
    5. gamma rho(|W|) < 1: it vanishes in the long run, because no entry of a product of k Jacobians is larger than that
       of (gamma |W|)^k. Sharp for a triangular W, of no use for a Gaussian one.
    6. gamma sigma_max = 1, within rounding: no step lets a gradient grow.
    7. gamma sigma_max > 1 is NECESSARY to explode, and not sufficient: the slopes decide.

    The rounding of the lambda_i is bounded by the theorem of Bauer and Fike, or by that of Elsner (1985, Linear Algebra
    and its Applications 71, 77-80), which needs no eigenvectors: the smaller of the two, for a W that is off by
    10 n eps |W|.
    """
    W = _validation.square("W", W)
    phi = _named(activation)
    gamma, linear = phi.bound, phi.linear
    sigma_max, (least, *rho), (_, *rho_abs) = np.linalg.norm(W, 2).item(), _moduli(W), _moduli(np.abs(W))
    bound, slack = gamma * sigma_max, 10 * len(W) * EPS
    every, largest = gamma * (least - rho[1]), gamma * (rho[0] - rho[1])  # |lambda_i| of gamma W, at least
    rules = (
        (bound < 1 - slack, "certain", "excluded", "gamma sigma_max < 1 is sufficient, in every step"),
        (linear and gamma * sum(rho) < 1, "certain", "excluded", "linear and rho < 1, in the long run"),
        (linear and every > 1, "excluded", "certain", "linear and every |lambda_i| > 1, in the long run"),
        (linear and largest > 1, *_OF_THE_PRODUCT, "linear and rho > 1, in the long run"),
        (gamma * sum(rho_abs) < 1, "certain", "excluded", "gamma rho(|W|) < 1 is sufficient, in the long run"),
        (bound <= 1 + slack, "undecided", "excluded", "gamma sigma_max = 1, no step lets it grow"),
        (True, "undecided", "undecided", "gamma sigma_max > 1 is necessary to explode, not sufficient"),
    )
    return Conditions(gamma, sigma_max, tuple(rho), *next(answer for holds, *answer in rules if holds))


_OF_THE_PRODUCT = "excluded for the product", "certain for the product"


def _moduli(W):
    """Return the least and the largest |lambda_i| of W, and a bound of their rounding."""
    (values, V), n, norm = np.linalg.eig(W), len(W), np.linalg.norm(W, 2)
    off = 10 * n * EPS * norm
    error = min(np.linalg.cond(V) * off, (2 * norm) ** (1 - 1 / n) * off ** (1 / n))
    return np.abs(values).min().item(), np.abs(values).max().item(), float(error)
