"""Closed forms that the pictures are held against: what theory says of powers, products, chaos, walls and angles.

    |W^k v| -> c rho^k,    |dh_t/dh_{t-k}| <= (gamma sigma_max)^k                    9.7.14, 9.7.15
    [[a, c], [0, b]]^k = [[a^k, c S_k], [0, b^k]],  S_k = (a^k - b^k) / (a - b)      two units, and how far they grow
    lambda_i = log g + (log(2/n) + psi((n - i + 1) / 2)) / 2                        a fresh W in each step
    E |W^k v|^2 = g^2k (1 + O(k^4 / n^2))                                           one W, repeated
    q = g^2 E phi(z)^2 + s^2,  chi_1 = g^2 E phi'(z)^2,  lambda = log(chi_1) / 2    mean field, z ~ N(0, q)
    b = x - w sigma(x),  w sigma'(x) = 1;    b = x_0 - w sigma(x_0)                 folds and wall of one unit
    tan^2 = sum_{i>=2} (lambda_i / lambda_1)^2k x_i^2 / x_1^2                       the angle of exercise 1

Each function says where its law comes from and where it holds. Exponents are natural logarithms per step; what may
leave the range of float64 is a log10, in decades. Gradients flow through W^T, which has the same eigenvalues,
singular values and, if W is Gaussian, the same distribution.

Shapes: W is (n, n), v is (n,); k is a number of steps or an array of them, and so is what belongs to it.
"""

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, ndtri, polygamma

from . import _validation
from .activations import _gaussian_moments, _named

__all__ = [
    "Modes",
    "modes",
    "Triangle",
    "triangle",
    "log10_bound",
    "Conditions",
    "conditions",
    "FreshProducts",
    "fresh_products",
    "repeated_mean",
    "log10_repeated_bound",
    "MeanField",
    "mean_field",
    "edge_of_chaos",
    "Folds",
    "folds",
    "Separatrix",
    "separatrix",
    "Angle",
    "angle",
    "angle_quantiles",
    "log10_tan",
]

EPS = np.finfo(float).eps.item()
LN10 = np.log(10)
MOST = 2**53  # float64 counts no further by ones


# --- powers of one matrix ---


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
    drift : float
        A bound of V^-1 W V - diag(lambda), over rho: what rounding has left of it.
    """

    values: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray
    condition: float
    drift: float

    @property
    def radius(self):
        """The spectral radius rho."""
        return abs(self.values[0]).item()

    def power(self, k):
        """Return W^k = V diag(lambda^k) V^-1, shape (n, n); FloatingPointError if it overflows."""
        k = _validation.whole_number("k", k, 0, MOST)
        with np.errstate(over="ignore", invalid="ignore"):
            found = ((self.vectors * self.values**k) @ self.inverse).real
        if not np.isfinite(found).all():
            raise FloatingPointError(f"W^k overflows float64 at k = {k}")
        return found

    def log10_norms(self, v, k, *, dominant=False):
        """Return log10 |W^k v| for each k; -inf where it is zero.

        With ``dominant``, only the modes with |lambda_i| = rho count (to a part in 10^9): the law c rho^k that the
        norm approaches. With one such mode c is a number; two of opposite sign let it alternate, a complex pair lets it
        turn for ever. A v without a share in these modes has no such law: the result is -inf, or rounding.
        """
        v = _validation.real_array("v", v, (len(self.values),), "(n,)")
        k, modulus, c = _steps(k)[..., None], np.abs(self.values), self.inverse @ v
        if _validation.flag("dominant", dominant):
            c = np.where(modulus >= (1 - 1e-9) * modulus[0], c, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log(np.abs(c)) + np.where(k == 0, 0, k * np.log(modulus))
            top = size.max(-1, keepdims=True)  # the largest term, which is taken out before it can leave float64
            terms = np.exp(size - np.where(top > -np.inf, top, 0) + 1j * (np.angle(c) + k * np.angle(self.values)))
            return (top[..., 0] + np.log(np.linalg.norm((terms @ self.vectors.T).real, axis=-1))) / LN10

    def error(self, k):
        """Return a bound of the error of W^k by rounding, to first order, in the spectral norm and in units of rho^k.

        An eigenvalue that is off moves its k-th power k times as far; kappa carries that back into W's own coordinates.
        """
        return self.condition * (len(self.values) * EPS + _steps(k) * self.drift)


def modes(W):
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
    order = np.argsort(-np.abs(values), kind="stable")
    values, V, size = values[order], V[:, order], len(W) * EPS
    condition, rho = np.linalg.cond(V).item(), np.abs(values[0]).item()
    if not condition**2 * size < 1e-3:
        raise ValueError(f"W has eigenvectors of condition number {condition:.0e}, wanted a diagonalizable matrix")
    inverse = np.linalg.inv(V)
    with np.errstate(over="ignore", invalid="ignore"):
        difference = inverse @ (W @ V - V * values)
        if not (np.isfinite(difference).all() and np.isfinite(rho)):
            raise FloatingPointError("W V overflows float64, V being the eigenvectors of W")
        off = np.linalg.norm(difference, 2) + condition * size * np.linalg.norm(W, 2)
    return Modes(values, V, inverse, condition, float(off) / rho if rho else 0.0)


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
    def angle(self):
        """The angle between the two eigenvectors, (1, 0) and (-c, a - b), from 0 to 90 degrees; 0 if there is one."""
        return float(np.degrees(np.arctan2(self.a - self.b, abs(self.c)))) if self.a > self.b or self.c else 90.0

    @property
    def condition(self):
        """kappa, of eigenvectors of length 1: |W^k| <= kappa a^k. It is inf where there is one eigenvector only."""
        gap, c = self.a - self.b, abs(self.c)
        if gap == 0:
            return np.inf if c else 1.0
        return float((np.hypot(c, gap) + c) / gap)

    @property
    def peak(self):
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

    def log10_norms(self, k):
        """Return log10 |W^k|, of the spectral norm, for each k.

        Of a 2 x 2 matrix with Frobenius norm F and determinant D it is (sqrt(F^2 + 2|D|) + sqrt(F^2 - 2|D|)) / 2.
        """
        k, gap = _steps(k), (self.a - self.b) / self.a  # all in units of a^k, which may leave float64
        with np.errstate(divide="ignore", invalid="ignore"):
            last = np.where(k == 0, 1.0, (1 - gap) ** k.astype(float))  # (b/a)^k
            sums = (-np.expm1(k * np.log1p(-gap)) if gap < 1 else 1 - last) / gap if gap else k
        off, last = self.c / self.a * sums, np.abs(last)
        return k * np.log10(self.a) + np.log10((np.hypot(off, 1 + last) + np.hypot(off, 1 - last)) / 2)


def triangle(a, b, c):
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

    Raises
    ------
    TypeError, ValueError

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


def log10_bound(W, k, activation="identity"):
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

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    dh_t/dh_{t-1} = diag(phi'(z_t)) W has a norm of at most gamma sigma_max, with gamma the largest |phi'|: Pascanu,
    Mikolov, Bengio 2013, section 2.1. It holds for all inputs, states and k, and for W^k with the identity. It is
    reached where every slope is gamma and W is normal (symmetric, say), by a gradient along its largest eigenvalue.
    """
    k, gamma = _steps(k), _named(activation).bound
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
    rho, rho_abs : tuple of float
        The spectral radius of W and that of |W|, the matrix of the |W_ij|, each with a bound of its rounding.
    vanishing, exploding : str
        "certain" or "excluded", for every input and every loss; "undecided"; or "certain for the product" and "excluded
        for the product" of the Jacobians: so for almost every gradient, but not for one without a share in what grows.
    because : str
        The condition that says so.
    """

    gamma: float
    sigma_max: float
    rho: tuple
    rho_abs: tuple
    vanishing: str
    exploding: str
    because: str

    def __str__(self):
        numbers = f"gamma sigma_max = {self.gamma * self.sigma_max:.4g}, rho = {self.rho[0]:.4g}"
        return f"vanishing {self.vanishing}, exploding {self.exploding}: {self.because} ({numbers})"


def conditions(W, activation="tanh"):
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
    2. Linear (phi is the identity) and rho < 1: it vanishes in the long run, and may grow first.
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
    return Conditions(gamma, sigma_max, tuple(rho), tuple(rho_abs), *next(answer for holds, *answer in rules if holds))


_OF_THE_PRODUCT = "excluded for the product", "certain for the product"


def _moduli(W):
    """Return the least and the largest |lambda_i| of W, and a bound of their rounding."""
    (values, V), n, norm = np.linalg.eig(W), len(W), np.linalg.norm(W, 2)
    off = 10 * n * EPS * norm
    error = min(np.linalg.cond(V) * off, (2 * norm) ** (1 - 1 / n) * off ** (1 / n))
    return np.abs(values).min().item(), np.abs(values).max().item(), float(error)


def _steps(k):
    k = _validation.finite("k", _validation.whole("k", k))
    if k.size and not 0 <= k.min() <= k.max() <= MOST:
        raise ValueError(f"k is {k.min() if k.min() < 0 else k.max()}, wanted whole numbers from 0 to 2^53")
    return k.astype(int)


# --- Gaussian matrices ---


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


def fresh_products(n, g=1.0):
    """Return the Lyapunov exponents of products of FRESH n x n matrices with entries N(0, g^2/n).

    Parameters
    ----------
    n : int
    g : float
        The weight scale, above 0.

    Returns
    -------
    FreshProducts

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    Newman 1986, Communications in Mathematical Physics 103, 121-126. A Gaussian matrix knows no direction: if Q is
    orthogonal and W Q = Q' R, the diagonal of R does not depend on Q, its entries are independent, and (n/g^2) R_ii^2
    is chi^2 with n - i + 1 degrees of freedom: mean and variance of log R_ii are a digamma and a trigamma function.
    Exact for every n; for i = 1, the growth of one vector, after every k as well. The sum of all is E log |det W|.

    The largest is near log g - 1/(2n), although E |W_k .. W_1 v|^2 = g^2k |v|^2 exactly: the mean is not typical.
    One W that is REPEATED, as in a recurrent network, follows other laws: ``repeated_mean``.
    """
    n, g = _validation.whole_number("n", n, 1), _validation.real_number("g", g, above=0)
    _validation.fits_in_memory("n", 4 * n, float, f"n = {_validation.shown(n)}")
    half = np.arange(n, 0, -1) / 2
    return FreshProducts(np.log(g) + (np.log(2 / n) + digamma(half)) / 2, np.sqrt(polygamma(1, half)) / 2)


MOST_STEPS = 6  # 1 * 3 * .. * 11 = 10395 pairings


def repeated_mean(n, k):
    """Return E |W^k v|^2 / (g^2k |v|^2) for ONE n x n matrix W with entries N(0, g^2/n), repeated k times.

    Parameters
    ----------
    n : int
    k : int
        From 0 to 6: the work grows as 1 * 3 * 5 * .. * (2k - 1). For any k there is ``log10_repeated_bound``.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    Wick's theorem. |W^k v|^2 is a sum over two paths of k arrows that begin together and end together, where an arrow
    from i to j stands for W_ji. The mean of a product of Gaussian entries is the sum over all ways to pair the arrows
    so that the two of a pair have the same ends; a pairing that leaves f vertices free contributes n^f. That makes
    1 + 2/n^2 for k = 2 and 1 + 10/n^2 + 4/n^3 for k = 3. The popular g^2k is right for fresh matrices; for a repeated
    one it is too small from k = 2 on.

    The mean is carried by few W, and says little of a single one: look at the median and the spread. Where k is far
    above sqrt(n), |W^k v| goes with rho(W)^k, and the rho of the W that was drawn is near g, not g (Bar et al. 2025,
    arXiv 2505.19827, on long sequences).
    """
    n, k = _validation.whole_number("n", n, 1), _validation.whole_number("k", k, 0, MOST_STEPS)
    return sum(count * n**free for free, count in _pairings(k).items()) / n ** (k + 1) if k else 1.0


@lru_cache
def _pairings(k):
    """Return how many pairings of the 2k arrows leave how many vertices free."""
    paths = [0, *range(2, k + 1), 1], [0, *range(k + 1, 2 * k), 1]  # from vertex 0 to vertex 1
    found = Counter()

    def pair(arrows, free):
        if not arrows:
            found[free] += 1
        for i in range(1, len(arrows)):
            left, group = free, [arrows[0], arrows[i], *arrows[1:i], *arrows[i + 1 :]]
            for end in (0, 1):
                kept, lost = group[0][end], group[1][end]
                if kept != lost:
                    left -= 1
                    group = [tuple(kept if vertex == lost else vertex for vertex in arrow) for arrow in group]
            pair(group[2:], left)

    pair([(path[t], path[t + 1]) for path in paths for t in range(k)], 2 * k)
    return found


def log10_repeated_bound(n, k):
    """Return log10 of what E |W^k v|^2 / (g^2k |v|^2) is at least, for ONE Gaussian W that is repeated k times.

    Parameters
    ----------
    n : int
        Up to 2^53.
    k : int or array of int

    Returns
    -------
    array, shaped as k

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
        (n (n+1) .. (n+k+1) - n (n-1) .. (n-k-1)) / ((k+1) (k+2) n^(k+1))

    is the exact mean for a COMPLEX Gaussian W, where an arrow pairs only with one of the other path, and the pairings
    that leave f vertices free are counted by the Hultman numbers (Doignon and Labarre 2007, Journal of Integer
    Sequences 10, 07.6.2; in this form by Stanley 2011, Two enumerative results on cycles of permutations). A real W
    has these pairings and more, and none is negative: so it is a lower bound, for all n and k. With x = k^2/n held
    fixed and n growing it tends to sinh(x/2) / (x/2).
    """
    n, k = _validation.whole_number("n", n, 1, MOST), _steps(k)
    _validation.fits_in_memory("k", 8 * k.max(initial=0).item(), float, f"k = {k.max(initial=0)}")
    step = np.arange(1, k.max(initial=0) + 2)
    with np.errstate(divide="ignore"):
        rising, falling = np.cumsum(np.log1p(step / n)), np.cumsum(np.log1p(-np.minimum(step / n, 1)))
    return ((rising + np.log(-np.expm1(falling - rising)) + np.log(n / (step * (step + 1)))) / LN10)[k]


# --- the mean field ---


class MeanField(NamedTuple):
    """The limit of infinitely many units.

    Attributes
    ----------
    q : float
        The variance of z over the units, once it has settled.
    chi : float
        chi_1, by which the mean square of a small difference, or of a gradient, grows in each step.
    exponent : float
        log(chi_1) / 2, the largest Lyapunov exponent: natural logarithm per step, -inf for g = 0.
    """

    q: float
    chi: float
    exponent: float


def mean_field(g, input_variance=0.0, activation="tanh"):
    """Return the mean field of z_{t+1} = W phi(z_t) + u, with entries of W from N(0, g^2/n) and Gaussian input u.

    Parameters
    ----------
    g : float
        The weight scale, from 0 to 1000: the work grows with sqrt(q).
    input_variance : float
        s^2, the variance of each entry of u, from 0 to 10^6: drawn anew in each step, or once and held.
    activation : str
        Of a phi that is bounded and analytic, as tanh and the sigmoid are; others are refused.

    Returns
    -------
    MeanField

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    Sompolinsky, Crisanti, Sommers 1988 in continuous time; Molgedey, Schuchhardt, Schuster 1992 in discrete time with
    noise; Poole et al. 2016 for layers. With many units z is Gaussian with variance q = g^2 E phi(z)^2 + s^2, and
    chi_1 = g^2 E phi'(z)^2. The right side of the first is concave in q: it has one solution q > 0 for the sigmoid, and
    one for tanh if s > 0 or g > 1; else q = 0.

    It is right for the growth of |dh_t/dh_{t-k} v|^2, and of |dL/dh_{t-k}|^2 for a loss at t: their mean goes as
    chi_1^k, for a repeated W as for fresh ones, with k held fixed and n growing. The long run of one network of n units
    is another matter. If it is kept moving, by chaos or by fresh input, its largest Lyapunov exponent is off by chance
    and by about 1/n, most near the edge (seen in simulation, not proved). If it comes to rest, below the edge without
    input or with held input, it repeats one Jacobian and goes with the spectral radius of that, which for some hundred
    units can still be well above sqrt(chi_1). Of the other exponents the mean field says nothing.
    """
    g, s2, phi = _validation.real_number("g", g, low=0, high=1000), _variance(input_variance), _bounded(activation)
    q = _settled(g, s2, phi)
    chi = g**2 * _means(phi, q)[1]
    return MeanField(q, chi, float(np.log(chi)) / 2 if chi else -np.inf)


def edge_of_chaos(input_variance=0.0, activation="tanh"):
    """Return the weight scale g with chi_1 = 1: in the mean field gradients vanish below it and explode above it.

    Parameters
    ----------
    input_variance, activation
        As for ``mean_field``.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    For tanh it is 1 without input. Input moves it up, steeply at first: g = 1 + (3 s^2 / 4)^(1/3) + .. for small s^2.
    With chi_1 = 1, g^2 is 1 / E phi'^2, so that s^2 = q - E phi^2 / E phi'^2: this is solved for q.
    """
    s2, phi = _variance(input_variance), _bounded(activation)

    def excess(q):
        square, slope = _means(phi, q)
        return q - square / slope - s2

    top = 1 + s2
    while excess(top) <= 0:
        top *= 2
    q = brentq(excess, 0, top, xtol=1e-16, rtol=4 * EPS) if excess(0.0) < 0 else 0.0
    return _means(phi, q)[1] ** -0.5


def _bounded(activation):
    return _named(activation, lambda phi: phi.settles)


def _means(phi, q):
    """Return E phi(z)^2 and E phi'(z)^2, z ~ N(0, q)."""
    return [mean.item() for mean in _gaussian_moments(phi, q)]


def _settled(g, s2, phi):
    # q is at most g^2 sup phi^2 + s^2, and at least what units with z = 0 would send on.
    square, slope = _means(phi, 0.0)
    low, high = s2 + g**2 * square, s2 + (g * phi.largest) ** 2
    if low == 0:
        if g**2 * slope <= 1 + 1e-12:
            return 0.0
        low = 1e-16 * high

    def gain(log_q):
        q = np.exp(log_q)
        return (g**2 * _means(phi, q)[0] + s2) / q - 1

    return float(np.exp(brentq(gain, np.log(low) - 1e-9, np.log(high) + 1e-9, xtol=1e-15, rtol=4 * EPS)))


# --- the cliff of one unit ---


class Folds(NamedTuple):
    """The two fold bifurcations of x_t = w sigma(x_{t-1}) + b.

    Attributes
    ----------
    b, x : array, shape (2,)
        b, in rising order, and the fixed point that is born or lost there.
    """

    b: np.ndarray
    x: np.ndarray


def folds(w):
    """Return where fixed points of x_t = w sigma(x_{t-1}) + b appear and disappear: between the two b there are three.

    Parameters
    ----------
    w : float
        At least 4, where the two are one. Below there is one fixed point for each b, and no fold.

    Returns
    -------
    Folds

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    A fixed point x has b = x - w sigma(x). Two of them meet where this b is largest or smallest, w sigma'(x) = 1: with
    s = sigma(x) that is s (1 - s) = 1/w, so s = (1 +- r)/2 with r = sqrt(1 - 4/w), and x = +- 2 artanh(r), which is
    2 arsinh(r sqrt(w)/2). The unit is that of Pascanu, Mikolov, Bengio 2013, figures 3 and 6; the derivation is ours.
    """
    w = _validation.real_number("w", w, low=4)
    r = np.sqrt((w - 4) / w)
    x = 2 * np.arcsinh(r * np.sqrt(w) / 2) * np.array([1, -1])
    return Folds(x - np.array([w * ((1 + r) / 2), 2 / (1 + r)]), x)


class Separatrix(NamedTuple):
    """The wall in the error surface of one unit.

    Attributes
    ----------
    b : float
    multiplier : float
        m = w sigma'(x_0), by which a small distance from x_0 grows in each step.
    """

    b: float
    multiplier: float

    def slope(self, T):
        """Return dx_T/db on the wall, 1 + m + .. + m^(T-1): exact, for x_t stays at x_0.

        It may overflow float64: FloatingPointError.
        """
        T = _validation.whole_number("T", T, 1)
        _validation.fits_in_memory("T", 2 * T, float, f"T = {_validation.shown(T)}")
        with np.errstate(over="ignore", invalid="ignore"):
            found = float(np.sum(self.multiplier ** np.arange(T)))
        if not np.isfinite(found):
            raise FloatingPointError(f"dx_T/db overflows float64 at T = {T}")
        return found


def separatrix(w, x_0=0.5):
    """Return the b at which the error surface of x_t = w sigma(x_{t-1}) + b has its wall.

    Parameters
    ----------
    w : float
    x_0 : float
        Where the unit starts, from -700 to 700.

    Returns
    -------
    Separatrix

    Raises
    ------
    TypeError
        If w or x_0 is no number.
    ValueError
        If |w sigma'(x_0)| <= 1: x_0 does not repel, and there is no such wall.

    Notes
    -----
    The wall is where x_0 is a fixed point, b = x_0 - w sigma(x_0), and repels: a small step in b to either side sends
    x_T to another attractor. For w > 0 that needs w sigma'(x_0) > 1. Then x_0 lies between the x of the two folds, b
    between their b, and the attractors are the two outer fixed points. In the plane of w and b the wall is a straight
    line that begins at a fold and is tangent to it: the folds are the envelope of all such lines. For
    w sigma'(x_0) < -1 the two sides are, near the wall, the two phases of a cycle of length 2. The derivation is ours.

    E = (sigma(x_T) - y)^2 has dE/db = 2 (sigma(x_0) - y) sigma'(x_0) slope(T) there, and is steepest a hair beside, at
    a distance c / slope(T), with a c that depends on w, x_0 and y and for large T not on T. Where w > 4 but x_0 does
    not repel, E is steep beside a fold instead.
    """
    w, x_0 = _validation.real_number("w", w), _validation.real_number("x_0", x_0, low=-700, high=700)
    s, other = (1 / (1 + np.exp(-x)) for x in (x_0, -x_0))  # sigma(x_0), and 1 - sigma(x_0) with all its digits
    m = float(w * s * other)
    if abs(m) <= 1:
        raise ValueError(f"w is {w}, wanted |w| above 1/sigma'(x_0) = {1 / (s * other):.4f}, where x_0 repels")
    return Separatrix(float(x_0 - w * s), m)


# --- the angle of exercise 1 ---


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

    def above(self, d):
        """Return P(log10 tan > d)."""
        return _each(lambda d: self._above(self._near(d)), "d", d)

    def below(self, d):
        """Return P(log10 tan <= d)."""
        return _each(lambda d: self._below(self._near(d)), "d", d)

    def quantile(self, p):
        """Return the d with P(log10 tan <= d) = p, for 0 < p < 1."""
        return _each(self._quantile, "p", p)

    def bound(self, d):
        """Return min(1, sqrt(2 A / pi) / t), A = sum a_i and t = 10^d: P(log10 tan > d) is no larger.

        The proof: the density of x_1 is at most 1/sqrt(2 pi), so P(|x_1| < c) <= c sqrt(2/pi) for every c. Take
        c = sqrt(Y)/t, with the Y that was drawn, and average over Y: P(tan > t) <= sqrt(2/pi) E sqrt(Y) / t. The square
        of a mean is at most the mean of the square, so E sqrt(Y) <= sqrt(E Y) = sqrt(A). It holds for all k and t, and
        falls as |lambda_2/lambda_1|^k.
        """
        return _each(lambda d: np.exp(min(0, self._log_bound() - self._near(d) * LN10)), "d", d)

    def bound_quantile(self, p):
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

    def _quantile(self, p):
        p = _probability(p)
        # Without all but the largest a_i tan would be smaller; and the bound is one. Both can be solved for d.
        low, high = self.log_a[0] / 2 + np.log(np.tan(np.pi / 2 * p)), self._log_bound() - np.log1p(-p)
        return brentq(lambda d: self._below(d) - p, low / LN10 - 0.01, high / LN10 + 0.01, xtol=1e-10)


def angle(eigenvalues, k):
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


def angle_quantiles(eigenvalues, k, p):
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

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    The integral of ``Angle``, and Newton's method for log tan(pi P / 2), which is linear in log t for n = 2. It starts
    where tan^2 = A / x_1^2, as for large n. It agrees with ``Angle.quantile`` to 1e-8, and is many times as fast.
    """
    log_ratios, multiple = np.unique(_log_ratios(eigenvalues), return_counts=True)
    k = _validation.shaped("k", _steps(k), (None,), "(K,)")
    p = _validation.real_array("p", p, (None,), "(P,)")
    if not np.all((p >= 1e-3) & (p <= 1 - 1e-3)):
        raise ValueError(f"p is {p}, wanted numbers from 0.001 to 0.999")
    shift = k[:, None] * log_ratios[-1]
    a = np.exp(2 * (_times(k, log_ratios) - shift))  # in units of the largest
    return (np.array([_log_quantiles(row, multiple, p) for row in a]) + shift) / LN10


def _log_quantiles(a, multiple, p):
    """Return the logarithms of the quantiles of the tangent; each a counts as often as ``multiple`` says."""
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


def log10_tan(eigenvalues, x, k):
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

    Raises
    ------
    TypeError, ValueError

    Notes
    -----
    Next to (lambda_2/lambda_1)^2k what is 1e-308 times as large is lost: x should have a share of v_2, as every random
    one has.
    """
    log_ratios, k = _log_ratios(eigenvalues), _steps(k)
    if np.argmax(np.abs(eigenvalues)) != 0:
        raise ValueError(f"eigenvalues begin with {eigenvalues[0]}, wanted the one with the largest modulus first")
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


def _probability(p):
    return _validation.real_number("p", p, above=0, below=1)


def _each(f, symbol, numbers):
    numbers = _validation.finite(symbol, _validation.real(symbol, numbers))
    return np.array([f(float(number)) for number in numbers.ravel()]).reshape(numbers.shape)


def _variance(value):
    return _validation.real_number("input_variance", value, low=0, high=10**6)
