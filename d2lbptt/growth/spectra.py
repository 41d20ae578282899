"""How matrices stretch: eigenvalues and singular values, of W_hh and of long products of Jacobians, in logarithms.

    dh_t/dh_k = J_t J_{t-1} ... J_{k+1},    J_t = diag(phi'(z_t)) W_hh        the product inside 9.7.7, 9.7.15
    dl_t/dh_k = (dh_t/dh_k)^T dl_t/dh_t                                       what vanishes or explodes

Two different things are told apart here. The log singular values of ONE product say what that product does:
``jacobian_spectrum``. Lyapunov exponents are rates per step in the limit of infinitely many steps:
``lyapunov_exponents`` estimates them. T times an estimate over the SAME T steps, and where the exponents are apart, the
two differ by a number that does not grow with T. Over other steps, and against the limit itself, they differ by what
the rates of single steps add up to by chance: of the order of sqrt(T) in a chaotic network, 1/sqrt(T) per step.

All logarithms are natural ones; the property ``log10`` gives decades, as ``log10_gradient_norms`` does.
Shapes: one sequence, h has T + 1 rows; an array of n = h numbers for n units.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .. import _validation
from .._recursion import rescaled, row_norms
from ..activations import ACTIVATIONS
from ..rnn import Trace, checked_trace

__all__ = [
    "Spectrum",
    "Exponents",
    "Growth",
    "Horizon",
    "spectral_radius",
    "singular_values",
    "jacobian_spectrum",
    "lyapunov_exponents",
    "power_growth",
    "gaussian_growth",
    "horizon",
]

EPS = np.finfo(float).eps
NOISE = 2.0**-40  # relative; a second run that carries 12 digits in place of 16 shows what the last digits are worth
_ZERO = -(2**60)  # the exponent of two of a row of zeros: far below any other, and still a number to subtract


class Spectrum(NamedTuple):
    """Singular values, the largest first.

    Attributes
    ----------
    log : array, shape (n,)
        Their natural logarithms; -inf for a singular value of zero.
    error : array, shape (n,)
        An estimated bound of |log - truth|; inf where the 16 digits of float64 do not settle it.
    """

    log: np.ndarray
    error: np.ndarray

    @property
    def log10(self) -> np.ndarray:
        """The logarithms to base ten: decades."""
        return self.log / math.log(10)


class Exponents(NamedTuple):
    """Lyapunov exponents, the largest first.

    Attributes
    ----------
    rate : array, shape (n,)
        Natural logarithm per step; -inf where a direction ends.
    error : array, shape (n,)
        The standard error, from the spread between blocks of steps; inf where float64 does not settle the rate.
    """

    rate: np.ndarray
    error: np.ndarray


class Growth(NamedTuple):
    """A vector that is multiplied by a matrix again and again.

    Attributes
    ----------
    log : array, shape (K + 1,)
        Natural logarithm of its Euclidean norm after 0 .. K steps; -inf where it is zero.
    direction : array, shape (K + 1, n)
        The vector divided by its norm; zeros where it is zero.
    """

    log: np.ndarray
    direction: np.ndarray

    @property
    def log10(self) -> np.ndarray:
        """The logarithms to base ten: decades."""
        return self.log / math.log(10)


class Horizon(NamedTuple):
    """The first k at which a size, rounded once to a dtype, has left its range; inf where it never does.

    Attributes
    ----------
    overflow : int or inf
        It is rounded to inf: it is the largest number and half a unit in its last place, or more.
    subnormal : int or inf
        It is rounded to less than the smallest normal number: from here on digits are lost one by one.
    zero : int or inf
        It is rounded to 0: it is half the smallest subnormal number, or less.
    """

    overflow: float
    subnormal: float
    zero: float


# --- one matrix ---


def spectral_radius(W: ArrayLike) -> float:
    """Return the largest modulus of an eigenvalue of W, shape (n, n).

    Raises
    ------
    TypeError, ValueError
        If W is not a square matrix of finite real numbers.

    Notes
    -----
    It decides about W^k v in the long run, for one W repeated; what happens on the way it does not say.
    """
    return float(np.abs(np.linalg.eigvals(_validation.square("W", W))).max())


def singular_values(W: ArrayLike) -> np.ndarray:
    """Return the singular values of W, shape (n, n), the largest first; that one is sigma_max, the spectral norm.

    Raises
    ------
    TypeError, ValueError
        As for ``spectral_radius``.
    FloatingPointError
        If sigma_max overflows.
    """
    found = np.linalg.svd(_validation.square("W", W), compute_uv=False)
    if not np.isfinite(found).all():
        raise FloatingPointError(f"sigma_max of W overflows {found.dtype}")
    return found


# --- the product of Jacobians ---


def jacobian_spectrum(trace: Trace, start: int = 0, stop: int | None = None) -> Spectrum:
    """Return the logarithms of all singular values of dh_stop/dh_start, with an estimate of their errors.

    Parameters
    ----------
    trace : Trace
        Of one sequence, in real numbers.
    start, stop : int
        0 <= start < stop <= T; stop is T if it is not given.

    Returns
    -------
    Spectrum

    Raises
    ------
    TypeError, ValueError
        If the trace is none, is complex or is that of a batch, or if start and stop are out of range.
    numpy.linalg.LinAlgError
        If the last stage does not converge.

    Notes
    -----
    Every J_t is taken through a QR factorization, J_t Q_{t-1} = Q_t R_t, with a random Q_0, which lets the columns sort
    themselves by growth. The product of all R_t is stored as diag(2^e) X with whole numbers e and rows of X near 1, so
    nothing overflows for any T. One-sided Jacobi rotations find the singular values of diag(2^e) X from e and X alone,
    each of them to the relative accuracy that X allows, also where many are equal. A product that is short is no
    special case. For what is computed and when it is stable: D. E. Stewart (1997), ETNA 5, 29-47. For the
    rotations: Demmel and Veselic (1992), SIAM J. Matrix Anal. Appl. 13, 1204-1245, and Drmac (1997),
    SIAM J. Sci. Comput. 18, 1200-1222.

    The error is four times the distance to a second run, from another Q_0 and with noise in every step: 2^-40 of the
    norm of each row of J_t. Where the two are apart by more than 1 the digits have run out, and the error is inf: so it
    is with large Jordan blocks, and where a direction that shrinks for long grows as long afterwards.

    Units without any connection to others are followed each by itself, and a unit that is at rest (slope 0) is left out
    of its step, so that the zeros it causes are exact. A zero with another cause, as in a dense W of low rank, is not
    told from rounding: its error is inf.
    """
    W, slopes = _jacobians(trace, start, stop)
    apart, together, coupled = _split(W, slopes)
    logs = [np.ascontiguousarray(apart.T).sum(1)]  # contiguous, so that NumPy sums pairwise
    errors = [4 * EPS * np.where(np.isfinite(logs[0]), np.abs(apart) + 1, 0).sum(0)]
    if len(together):
        exact, noisy = (_log_singular_values(*_product(together, coupled, *run)) for run in ((0, 0.0), (1, NOISE)))
        logs.append(exact)
        errors.append(_disagreement(exact, noisy, EPS * len(exact) * (len(slopes) + np.abs(exact))))
    log, error = np.concatenate(logs), np.concatenate(errors)
    order = np.argsort(-log, kind="stable")
    return Spectrum(log[order], error[order])


def lyapunov_exponents(trace: Trace, *, discard: int | None = None, blocks: int = 10) -> Exponents:
    """Return the Lyapunov exponents, lim 1/T log sigma_i(dh_T/dh_0), as averages over a trace.

    Parameters
    ----------
    trace : Trace
        Of one sequence, in real numbers.
    discard : int, optional
        Steps at the beginning that do not count: the network and Q_t settle. A tenth of T if it is not given.
    blocks : int
        At least 2; the other steps are cut into so many blocks, and the spread of their averages gives the error.

    Returns
    -------
    Exponents

    Raises
    ------
    TypeError, ValueError
        If the trace is none, is complex or is that of a batch, or if fewer steps are left than blocks.

    Notes
    -----
    With J_t Q_{t-1} = Q_t R_t the exponents are the averages over t of log |R_t[i, i]| (Benettin, Galgani, Giorgilli,
    Strelcyn 1980, Meccanica 15, 9-30; Geist, Parlitz, Lauterborn 1990, Progress of Theoretical Physics 83, 875-893).
    The error is that of batch means (Schmeiser 1982, Operations Research 30, 556-568), and what noise changes, as in
    ``jacobian_spectrum``. It knows nothing of a drift, nor of what the trace never visits. These are NOT the log
    singular values divided by T, which some call finite-time Lyapunov exponents: see ``jacobian_spectrum``.
    """
    W, slopes = _jacobians(trace, 0, None)
    T = len(slopes)
    blocks = _validation.whole_number("blocks", blocks, 2, T, "T = ")
    discard = _validation.whole_number(
        "discard", T // 10 if discard is None else discard, 0, T - blocks, "T - blocks = "
    )
    steps = slice(discard + (T - discard) % blocks, None)
    exact, noisy = (_log_growth(W, slopes, noise)[steps].reshape(blocks, -1, len(W)).mean(1) for noise in (0.0, NOISE))
    order = np.argsort(-exact.mean(0), kind="stable")
    exact, noisy = exact[:, order], noisy[:, order]
    rate = exact.mean(0)
    error = _disagreement(rate, noisy.mean(0), EPS * len(W) * (1 + np.abs(rate)))
    exact[:, np.isneginf(rate)] = 0  # what has ended has no spread
    return Exponents(rate, error + exact.std(0, ddof=1) / math.sqrt(blocks))


def _log_growth(W, slopes, noise):
    """Return log |R_t[i, i]|, shape (T, n); -inf for the columns that have ended."""
    apart, together, coupled = _split(W, slopes)
    growth = np.full((len(slopes), len(together)), -np.inf)
    with np.errstate(divide="ignore"):
        for row, R in zip(growth, _triangles(together, coupled, noise=noise), strict=True):
            row[: len(R)] = np.log(np.abs(R.diagonal()))
    return np.hstack([apart, growth])


def _jacobians(trace, start, stop):
    """Return W_hh and the slopes phi'(z_t), t = start + 1 .. stop, in float64."""
    trace = checked_trace(trace)
    if trace.h.ndim == 3:
        B = trace.h.shape[1]
        raise ValueError(f"trace is a batch of B = {B} sequences, wanted one sequence: each has Jacobians of its own")
    W = trace.params.W_hh
    if np.iscomplexobj(trace.h) or np.iscomplexobj(W):
        raise TypeError("trace is complex, wanted real numbers")
    T = len(trace.h) - 1
    stop = _validation.whole_number("stop", T if stop is None else stop, 1, T, "T = ")
    start = _validation.whole_number("start", start, 0, stop - 1, "stop - 1 = ")
    slopes = ACTIVATIONS[trace.activation].slope(trace.h[start + 1 : stop + 1].astype(float))
    return W.astype(float), slopes


def _split(W, slopes):
    """Return log |w_ii phi'(z_t)| of the units without connections, and W and the slopes of the others."""
    linked = (W != 0) & ~np.eye(len(W), dtype=bool)
    linked = linked.any(0) | linked.any(1)
    with np.errstate(divide="ignore"):
        apart = np.log(np.abs(W.diagonal()[~linked])) + np.log(slopes[:, ~linked])
    return apart, W[np.ix_(linked, linked)], slopes[:, linked]


def _triangles(W, slopes, seed=0, noise=0.0):
    """Yield R_t with J_t Q_{t-1} = Q_t R_t, from a random Q_0; a row of J_t Q_{t-1} that is zero is left out."""
    rng, n = np.random.default_rng(seed), len(W)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    row_sizes = np.linalg.norm(W, axis=1)
    for slope in slopes:
        A = slope[:, None] * (W @ Q)
        size = np.abs(A).max(1, initial=0)
        # Large rows first: then Householder's rounding is small in each row, not only in the largest ones.
        rows = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
        A = A[rows]
        if noise:
            A += (noise * slope * row_sizes)[rows, None] * rng.standard_normal(A.shape)
        Q_rows, R = np.linalg.qr(A)
        Q = np.zeros((n, len(R)))
        Q[rows] = Q_rows
        yield R


def _product(W, slopes, seed, noise):
    """Return X and e: the product of all R_t is diag(2^e) X."""
    X, e = np.eye(len(W)), np.zeros(len(W), int)
    for R in _triangles(W, slopes, seed, noise):
        top = np.maximum.accumulate(e[::-1])[::-1][: len(R)]
        X = np.ldexp(R, np.clip(e - top[:, None], -2000, 0).astype(np.intc)) @ X
        size = np.abs(X).max(1, initial=0)
        shift = np.frexp(size)[1]
        X = np.ldexp(X, -shift[:, None])
        e = np.where(size > 0, top + shift, _ZERO)
    return X, e


def _log_singular_values(X, e):
    """Return the n log singular values of diag(2^e) X, X of at most n rows in n columns, by one-sided Jacobi."""
    rank, n = X.shape
    rounds = list(_rounds(rank))
    for _ in range(60):
        if max((_rotate(X, e, pairs) for pairs in rounds), default=0) <= 16 * n * EPS:
            break
    else:
        raise np.linalg.LinAlgError("the rotations did not converge")
    with np.errstate(divide="ignore"):
        log = e * math.log(2) + np.log(np.linalg.norm(X, axis=1))
    return np.sort(np.append(log, np.full(n - rank, -np.inf)))[::-1]


def _rounds(k):
    """Yield every pair of k rows once, in rounds of pairs that have no row in common (a round-robin tournament)."""
    ring, half = np.arange(1, k + k % 2), (k + 1) // 2
    for _ in ring:
        seats = np.append(0, ring)
        pairs = np.array([seats[:half], seats[: half - 1 : -1]])
        yield pairs[:, pairs.max(0) < k]
        ring = np.roll(ring, 1)


def _rotate(X, e, pairs):
    """Make the rows of each pair of diag(2^e) X orthogonal, in place; return the largest cosine that was found."""
    with np.errstate(divide="ignore"):
        size = e + np.log2(np.linalg.norm(X, axis=1))
    i, j = np.where(size[pairs[0]] >= size[pairs[1]], pairs, pairs[::-1])
    u, v = X[i], X[j]
    uu, vv, uv = (np.einsum("pn,pn->p", a, b) for a, b in ((u, u), (v, v), (u, v)))
    r = np.exp2(np.clip(e[j] - e[i], -500, 500))  # of u and r v, u is the longer one
    gap = uu - r * r * vv
    denominator = gap + np.hypot(gap, 2 * r * uv)
    tau = np.divide(2 * uv, denominator, out=np.zeros_like(uv), where=denominator > 0)  # the tangent is r tau
    cosine = 1 / np.hypot(1, r * tau)
    X[i] = cosine[:, None] * (u + (r * r * tau)[:, None] * v)
    X[j] = cosine[:, None] * (v - tau[:, None] * u)
    return np.divide(np.abs(uv), np.sqrt(uu * vv), out=np.zeros_like(uv), where=uv != 0).max(initial=0)


def _disagreement(exact, noisy, rounding):
    """Return the error that two runs, one of them with noise, let us expect of the first; never falling on the way."""
    same = exact == noisy  # also -inf twice
    apart = np.maximum.accumulate(np.abs(np.subtract(exact, noisy, out=np.zeros_like(exact), where=~same)))
    error = np.where(apart > 1, np.inf, 4 * apart + rounding)
    return np.where(np.isneginf(exact) & same, 0, error)


# --- one vector ---


def power_growth(M: ArrayLike, v: ArrayLike, K: int) -> Growth:
    """Follow M^k v for k = 0 .. K.

    Parameters
    ----------
    M : array, shape (n, n)
    v : array, shape (n,)
        Not zero.
    K : int
        From 0 on.

    Returns
    -------
    Growth

    Raises
    ------
    TypeError, ValueError
        If v is zero, K is below 0, or the powers do not fit in memory.

    Notes
    -----
    Where v has no part along the eigenvector that grows fastest, rounding provides one, and in the end it is all that
    is seen.
    """
    M = _validation.square("M", M)
    K = _validation.whole_number("K", K, 0)
    _validation.fits_in_memory("M^k v", 8 * (K + 1) * len(M), float, f"K = {_validation.shown(K)}")
    v = _validation.real_array("v", v, (len(M),), "(n,)").astype(float)
    if not v.any():
        raise ValueError("v is zero, wanted a vector with a direction")
    rows, exponents = map(np.array, zip(*rescaled(lambda _, v: M @ v, v, K, every=1), strict=True))
    norms = row_norms(rows)
    with np.errstate(divide="ignore"):
        log = exponents * math.log(2) + np.log(norms)
    return Growth(log, rows / np.where(norms > 0, norms, 1)[:, None])


def gaussian_growth(n: int, K: int, samples: int, *, repeated: bool, seed: int = 0) -> np.ndarray:
    """Follow one vector through products of Gaussian matrices, for many draws of them.

    Parameters
    ----------
    n : int
        W is n x n, with entries N(0, 1/n): the weight scale g is 1, and any other adds k log g.
    K : int
        The number of steps.
    samples : int
        How many products are drawn.
    repeated : bool
        Whether one W is used in every step, as in a recurrent network, or a fresh one in each.
    seed : int

    Returns
    -------
    array, shape (samples, K + 1)
        log |W_k .. W_1 v| for k = 0 .. K, |v| = 1: natural logarithms.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the matrices do not fit in memory.

    Notes
    -----
    v is the first unit vector: a Gaussian matrix knows no direction. The laws are ``laws.fresh_products`` and
    ``laws.log10_repeated_bound``.
    """
    n, K = _validation.whole_number("n", n, 1), _validation.whole_number("K", K, 0)
    samples = _validation.whole_number("samples", samples, 1)
    why = f"n = {_validation.shown(n)}, K = {_validation.shown(K)}, samples = {_validation.shown(samples)}"
    _validation.fits_in_memory("W", 2 * samples * n * n, float, why)
    _validation.fits_in_memory("log", samples * (K + 1), float, why)
    repeated, rng = _validation.flag("repeated", repeated), np.random.default_rng(_validation.seed("seed", seed))

    def drawn():
        return rng.normal(size=(samples, n, n)) / math.sqrt(n)

    W = drawn() if repeated else None
    v = np.broadcast_to(np.eye(1, n), (samples, n)).copy()
    powers = rescaled(lambda _, v: ((drawn() if W is None else W) @ v[..., None])[..., 0], v, K)
    return np.stack([exponents * math.log(2) + np.log(np.linalg.norm(v, axis=1)) for v, exponents in powers], 1)


# --- the range of a dtype ---


def horizon(rho: float, dtype: DTypeLike = float) -> Horizon:
    """Return the steps k at which rho^k, rounded once to a dtype, leaves its range.

    Parameters
    ----------
    rho : float
        At least 0: a spectral radius, a sigma_max, the exponential of a rate per step.
    dtype : float or numpy.float32

    Returns
    -------
    Horizon
        By log(end) / log(rho), to 60 digits. With the numbers of ``numpy.finfo`` the ends are
        2^maxexp (1 - 2^-(nmant+2)), 2^minexp (1 - 2^-(nmant+1)) and 2^(minexp-nmant-1): each lies half-way between two
        adjacent numbers (IEEE 754, ties to even).

    Raises
    ------
    TypeError, ValueError
        If rho is below 0, or dtype another one.

    Notes
    -----
    This is about the number rho^k. A power that is found by multiplying again and again, with rounding after each
    step, is another matter: for 1/2 < rho < 1 it never reaches zero, but stays for ever at m 2^(minexp - nmant), where
    m is the largest whole number with rho m rounded to m, near 1 / (2 - 2 rho).
    """
    rho, (high, normal, low) = _validation.real_number("rho", rho, low=0), _ends(dtype)
    if rho in (0, 1):
        return Horizon(math.inf, *(math.inf, math.inf) if rho else (1, 1))
    if rho > 1:
        return Horizon(math.ceil(_steps_to(high, rho)), math.inf, math.inf)
    return Horizon(math.inf, math.floor(_steps_to(normal, rho)) + 1, math.ceil(_steps_to(low, rho)))


def _ends(dtype):
    """Return where rounding goes to inf, to a subnormal number and to 0: pairs m, e that stand for m 2^e."""
    info = np.finfo(_validation.float_dtype("dtype", dtype))
    digits, half = int(info.nmant), int(info.minexp) - int(info.nmant) - 1
    return (2 ** (digits + 2) - 1, int(info.maxexp) - digits - 2), (2 ** (digits + 1) - 1, half), (1, half)


def _steps_to(end, rho):
    """Return log(m 2^e) / log(rho) to so many digits that no rounding decides."""
    with localcontext(Context(prec=60)):
        steps = (Decimal(end[0]).ln() + end[1] * Decimal(2).ln()) / Decimal(rho).ln()
        # A power of two meets a power of two exactly, and nothing else comes so near to a whole number.
        return round(steps) if abs(steps - round(steps)) < Decimal("1e-30") else steps
