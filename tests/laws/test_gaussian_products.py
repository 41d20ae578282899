"""Fresh Gaussian matrices, and one that is repeated, against computation, and the popular forms that are wrong.

Oracles: mpmath for what has a closed form; sums that are exact for polynomials (Gauss-Hermite) for moments of small
Gaussian matrices; Wick's theorem; else simulation (see chance.py).
"""

import math
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest
from chance import ALARM, MOST_STEPS, Z, assert_mean, distance, share_limits, wick_mean
from loops import for_each
from scipy import stats

from d2lbptt.laws import (
    fresh_products,
    log10_repeated_bound,
    modes,
)

LN10 = math.log(10)


# --- fresh Gaussian matrices ---


@for_each(("n", "g"), [(1, 1.0), (2, 0.3), (5, 1.0), (16, 2.0)])
def test_newmans_exponents_by_simulation(n, g):
    """Re-orthonormalised products; the standard error is the law's own, spread / sqrt(T)."""
    T, rng, law = 4000, np.random.default_rng(n), fresh_products(n, g)
    Q, logs = np.linalg.qr(rng.normal(size=(n, n)))[0], np.empty((T, n))
    for t in range(T):
        Q, R = np.linalg.qr(g / np.sqrt(n) * rng.normal(size=(n, n)) @ Q)
        logs[t] = np.log(np.abs(np.diag(R)))
    assert np.all(np.abs(logs.mean(0) - law.exponents) <= Z * law.spread / np.sqrt(T))
    # The variance of a sample variance, from its fourth moment.
    assert_mean((logs - law.exponents) ** 2, law.spread**2)
    assert abs(logs.mean(0)[0] - math.log(g)) > Z * law.spread[0] / np.sqrt(T)  # log g is not it


@for_each("n", [1, 2, 3, 10, 64])
def test_newmans_exponents_in_many_digits(n):
    """The mean of log R_ii, from the density of chi^2 with m degrees of freedom."""
    law = fresh_products(n, 1.7)
    for i in {1, n // 2 + 1, n}:
        m = n - i + 1

        def density(y, m=m):  # of y = log chi^2
            return mpmath.exp(m * y / 2 - mpmath.exp(y) / 2) / (
                2 ** mpmath.mpf(m / 2) * mpmath.gamma(mpmath.mpf(m) / 2)
            )

        grid = [-120, -20, *range(-4, 8), 10]
        mean = mpmath.quad(lambda y, f=density: y * f(y), grid)
        spread = mpmath.sqrt(mpmath.quad(lambda y, f=density, c=mean: (y - c) ** 2 * f(y), grid)) / 2
        assert law.exponents[i - 1] == pytest.approx(float((mean + mpmath.log(1.7**2 / n)) / 2), abs=1e-10)
        assert law.spread[i - 1] == pytest.approx(float(spread), rel=1e-8)


@for_each("n", [1, 2, 7, 40])
def test_the_exponents_add_up_to_the_determinant(n):
    """E log |det W|: by simulation, and as the derivative at 0 of E |det W|^s = prod 2^(s/2) G((m+s)/2) / G(m/2)."""
    law, rng = fresh_products(n, 1.3), np.random.default_rng(n)
    logs = np.linalg.slogdet(1.3 / np.sqrt(n) * rng.normal(size=(2000, n, n)))[1]
    assert_mean(logs, law.exponents.sum())

    def log_moment(s):
        return mpmath.fsum(
            s * mpmath.log(mpmath.mpf(1.3) * mpmath.sqrt(mpmath.mpf(2) / n))
            + mpmath.loggamma((m + s) / 2)
            - mpmath.loggamma(mpmath.mpf(m) / 2)
            for m in range(1, n + 1)
        )

    assert law.exponents.sum() == pytest.approx(float(mpmath.diff(log_moment, 0)), rel=1e-9)


def test_many_units_follow_the_triangle():
    """exp(2 lambda) is spread evenly over 0 to g^2 (Newman): the i-th is near g^2 (1 - i/n)."""
    n = 2000
    assert np.abs(np.exp(2 * fresh_products(n, 3.0).exponents) / 9 - 1 + (np.arange(n) + 0.5) / n).max() < 1 / n


@for_each(("n", "g", "words"), [(0, 1.0, "n is 0"), (3, 0.0, "g is 0"), (3, -1.0, r"g is -1\.0")])
def test_products_that_are_refused(n, g, words):
    with pytest.raises(ValueError, match=words):
        fresh_products(n, g)


# --- one Gaussian matrix, repeated ---


def exact_moment(n, k, parts):
    """E |G^k e_1|^2 by Gauss-Hermite in every entry: exact, because it is a polynomial. Two parts: complex entries."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(k + 1)
    weights = weights / weights.sum()
    index = np.stack(np.meshgrid(*[np.arange(k + 1)] * (parts * n * n), indexing="ij"), -1).reshape(-1, parts, n, n)
    G = nodes[index]
    G = G[:, 0] if parts == 1 else (G[:, 0] + 1j * G[:, 1]) / np.sqrt(2)
    v = np.eye(n)[:, 0]
    for _ in range(k):
        v = G @ v if v.ndim == 1 else np.einsum("sij,sj->si", G, v)
    return np.sum(weights[index].prod((1, 2, 3)) * (np.abs(v) ** 2).sum(1))


@for_each(("n", "most"), [(1, 6), (2, 6), (3, 3)])
def test_the_mean_of_a_repeated_matrix_is_exact(n, most):
    for k in range(1, most + 1):
        assert wick_mean(n, k) == pytest.approx(exact_moment(n, k, 1) / n**k, rel=1e-10)


@for_each("n", [1, 2, 3, 64])
def test_the_mean_of_a_repeated_matrix_for_the_first_steps(n):
    """The polynomials of the docstring of the bound, for every n."""
    want = [1, 1, 1 + 2 / n**2, 1 + 10 / n**2 + 4 / n**3]
    assert [wick_mean(n, k) for k in range(4)] == pytest.approx(want, rel=1e-14)


@for_each(("n", "most"), [(1, 5), (2, 3)])
def test_the_bound_is_exact_for_complex_entries(n, most):
    k = np.arange(1, most + 1)
    want = [math.log10(exact_moment(n, int(steps), 2) / n**steps) for steps in k]
    np.testing.assert_allclose(log10_repeated_bound(n, k), want, atol=1e-12)
    assert log10_repeated_bound(n, 0) == pytest.approx(0, abs=1e-15)


def log10_fraction(ratio):
    return math.log10(ratio.numerator) - math.log10(ratio.denominator)


@for_each("n", [1, 2, 5, 64, 10**6])
def test_the_bound_in_whole_numbers_and_below_the_mean(n):
    k = np.array([0, 1, 2, 3, 6, 30, 63, 64, 400])
    want = []
    for steps in k.tolist():
        rising, falling = math.prod(range(n, n + steps + 2)), math.prod(range(n - steps - 1, n + 1))
        ratio = Fraction(rising - (falling if steps + 1 < n else 0), (steps + 1) * (steps + 2) * n ** (steps + 1))
        want.append(math.log1p(float(ratio - 1)) / LN10 if ratio < 2 else log10_fraction(ratio))
    np.testing.assert_allclose(log10_repeated_bound(n, k), want, rtol=1e-12, atol=1e-13)
    for steps in range(MOST_STEPS + 1):
        assert math.log10(wick_mean(n, steps)) >= log10_repeated_bound(n, steps) - 1e-15


def test_many_units_with_k_squared_over_n_held_fixed():
    for x in (0.5, 1, 4, 16):
        n = 10**8
        k = round(math.sqrt(x * n))
        want = math.log10(math.sinh(x / 2) / (x / 2))
        assert log10_repeated_bound(n, k) == pytest.approx(want, rel=0, abs=10 * x / math.sqrt(n))


def arnoldi(n, k, draws, rng):
    """|G^k e_1|^2 / n^k without G: in the basis of v, G v, G^2 v .. a Gaussian G is upper Hessenberg, all its entries
    are independent, those above the subdiagonal N(0, 1), those on it chi with n - 1, n - 2 .. degrees of freedom."""
    H, v = np.triu(rng.normal(size=(draws, k + 1, k))), np.zeros((draws, k + 1))
    H[:, np.arange(1, k + 1), np.arange(k)] = np.sqrt(rng.chisquare(n - 1 - np.arange(k), size=(draws, k)))
    v[:, 0] = 1
    for _ in range(k):
        v = np.einsum("sij,sj->si", H, v[:, :k]) / np.sqrt(n)
    return (v**2).sum(1)


UNITS, DRAWS = 64, 2000


@cache
def repeated():
    """log10 |W^k v|^2 - 2k log10 g for k = 0 .. 256, of 2000 W: it is the same for every g."""
    rng, rows = np.random.default_rng(0), []
    for _ in range(DRAWS // 100):
        W, v, decades = rng.normal(size=(100, UNITS, UNITS)) / 8, np.eye(UNITS)[0], np.zeros(100)
        v, track = np.tile(v, (100, 1)), [np.zeros(100)]
        for _ in range(256):
            v = np.einsum("sij,sj->si", W, v)
            size = np.linalg.norm(v, axis=1)
            v, decades = v / size[:, None], decades + 2 * np.log10(size)
            track.append(decades)
        rows.append(np.array(track))
    return np.concatenate(rows, 1)


def fresh_below(k):
    """The law of the same for FRESH matrices: k independent terms, log-normal to a good approximation."""
    law = fresh_products(UNITS)
    return stats.norm(2 * k * law.exponents[0] / LN10, 2 * np.sqrt(k) * law.spread[0] / LN10).cdf


@for_each("k", [8, 16, 32, 256])
def test_fresh_matrices_do_follow_the_popular_form(k):
    """The control: the same test, at the same tolerance, that a repeated matrix fails below."""
    factors = np.random.default_rng(k).chisquare(UNITS, size=(DRAWS, k)) / UNITS
    found, chance = distance(np.log10(factors).sum(1), fresh_below(k))
    assert found <= chance
    if k <= 32:  # beyond, the mean is carried by few of these as well
        assert_mean(factors.prod(1), 1.0)


@for_each(("k", "share"), [(16, 0.6), (32, 0.4), (256, 0.1)])
def test_a_repeated_matrix_does_not_follow_g_to_the_2k(k, share):
    """k^2/n is 4, 16 and 1024: the law is another, the spread larger, and few W come within a factor of 2 of g^2k."""
    draws = repeated()[k]
    found, chance = distance(draws, fresh_below(k))
    assert found > 1.5 * chance
    near = np.abs(draws) < math.log10(2)
    assert share_limits(near.sum(), DRAWS)[1] < share
    fresh_sd = 2 * np.sqrt(k) * fresh_products(UNITS).spread[0] / LN10
    assert np.quantile(draws, 0.95) - np.quantile(draws, 0.05) > 1.4 * 2 * 1.645 * fresh_sd


@for_each("k", [2, 6])
def test_the_mean_of_a_repeated_matrix_by_simulation(k):
    draws = arnoldi(16, k, 200_000, np.random.default_rng(k))
    assert_mean(draws, wick_mean(16, k))
    if k == 6:  # g^2k is refused, and so is the mean of a complex W
        excess = draws.mean() - np.array([1, 10 ** log10_repeated_bound(16, k)])
        assert np.all(excess > Z * stats.sem(draws))


@for_each("k", [1, 2, 8, 32])
def test_two_ways_to_draw_a_repeated_matrix(k):
    other = np.log10(arnoldi(UNITS, k, DRAWS, np.random.default_rng(k)))
    assert stats.ks_2samp(repeated()[k], other).pvalue > ALARM


def test_for_large_k_squared_over_n_the_mean_is_carried_by_few():
    """At k^2/n = 16 the mean is over 100 g^2k, most W stay below a tenth of it, and the median below 10 g^2k."""
    mean = log10_repeated_bound(UNITS, 32)
    assert mean > 2
    assert share_limits((repeated()[32] < mean - 1).sum(), DRAWS)[0] > 0.5
    assert share_limits((repeated()[32] < 1).sum(), DRAWS)[0] > 0.5


def test_in_the_long_run_a_repeated_matrix_goes_with_its_own_radius():
    rng, k = np.random.default_rng(0), 20_000
    for _ in range(5):
        W, v = rng.normal(size=(UNITS, UNITS)) / 8, np.eye(UNITS)[0]
        law = modes(W)
        slope = (law.log10_norms(v, 2 * k) - law.log10_norms(v, k)) / k
        # c rho^k: c is between 1/kappa and kappa.
        assert abs(slope - math.log10(law.radius)) < 2 * math.log10(law.condition) / k
        assert abs(slope) > 2 * math.log10(law.condition) / k  # g = 1, and it is not g


def test_steps_of_a_repeated_matrix_that_are_refused():
    with pytest.raises(ValueError, match="k is -1"):
        log10_repeated_bound(3, [0, -1])
