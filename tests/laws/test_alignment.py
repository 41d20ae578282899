"""The angle of exercise 1, against simulation (see chance.py), whole numbers, and laws that mpmath and SciPy know."""

import math

import mpmath
import numpy as np
import pytest
from chance import ALARM, distance, share_limits
from loops import for_each
from scipy import stats
from scipy.optimize import brentq

from d2lbptt.laws import (
    angle,
    angle_quantiles,
    log10_tan,
)

LN10 = math.log(10)


# --- the angle of exercise 1 ---


VALUES = np.array([2.0, -1.6, 1.6, 1.0, -0.5, 0.0])


def quantile(law, p):
    """The d with P(log10 tan <= d) = p, by bisection."""
    d = float(law.log_a[0]) / 2 / LN10
    return brentq(lambda x: law.below(x) - p, d - 12, d + 12, xtol=1e-10)


@for_each("k", [1, 3, 10])
def test_the_law_of_the_angle_by_simulation(k):
    rng, draws = np.random.default_rng(k), 20_000
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    M, v_1 = (Q * VALUES) @ Q.T, Q[:, 0]
    y = rng.normal(size=(draws, 6)) @ np.linalg.matrix_power(M, k)
    along = y @ v_1
    d = np.log10(np.linalg.norm(y - np.outer(along, v_1), axis=1) / np.abs(along))
    law = angle(rng.permutation(VALUES), k)
    at = np.unique(np.quantile(d, np.linspace(0, 1, 300)))
    below = np.searchsorted(np.sort(d), at, side="right") / draws
    chance = math.sqrt(math.log(2 / ALARM) / 2 / draws)
    assert np.abs(below - law.below(at)).max() <= chance + 1 / draws
    # The bound is no less, and the quantiles hold what they say.
    assert np.all(law.bound(at) >= law.above(at))
    for p in (0.05, 0.5, 0.95):
        low, high = share_limits((d <= quantile(law, p)).sum(), draws)
        assert low <= p <= high


@for_each("d", [-9.0, -2.0, -0.5, 0.0, 0.3, 4.0, 30.0, 150.0])
@for_each("k", [0, 1, 4])
def test_two_dimensions_are_half_a_cauchy_law(k, d):
    law, scale = angle([1.0, -3.0], k), mpmath.mpf(3) ** -k
    above = 2 / mpmath.pi * mpmath.atan(scale / mpmath.mpf(10) ** d)
    below = 2 / mpmath.pi * mpmath.atan(mpmath.mpf(10) ** d / scale)
    assert law.above(d) == pytest.approx(float(above), rel=1e-12)
    assert law.below(d) == pytest.approx(float(below), rel=1e-12)
    if 1e-10 < below < 1 - 1e-4:
        assert quantile(law, float(below)) == pytest.approx(d, abs=1e-6)


@for_each("m", [1, 2, 7, 200])
@for_each("t", [1e-2, 0.5, 3.0, 30.0, 1e4])
def test_equal_eigenvalues_are_an_F_distribution(m, t):
    law, a = angle([3.0] + [2.0] * (m // 2) + [-2.0] * (m - m // 2), 3), (2 / 3) ** 6
    F = stats.f(m, 1)
    assert law.above(math.log10(t)) == pytest.approx(F.sf(t**2 / (a * m)), rel=1e-9)
    assert law.below(math.log10(t)) == pytest.approx(F.cdf(t**2 / (a * m)), rel=1e-9, abs=1e-300)


@for_each("d", [-2.0, -0.7, 0.0, 1.0])
def test_the_general_case_is_imhofs_integral(d):
    """P(Q > 0) for Q = sum c_i x_i^2 is 1/2 + 1/pi int sin(theta) / (u rho) du; here c = (a_i, -t^2)."""
    c = [*(np.abs(VALUES[1:5]) / 2) ** 4, -(100**d)]
    # From 0 on, u = e^s; sin of the sum of half the arctangents, over the product of the roots.
    integral = mpmath.quad(
        lambda s: (
            mpmath.sin(sum(mpmath.atan(a * mpmath.exp(s)) for a in c) / 2)
            / mpmath.nprod(lambda i: (1 + (c[int(i)] * mpmath.exp(s)) ** 2) ** 0.25, [0, len(c) - 1])
        ),
        list(range(-30, 50, 4)),
    )
    assert angle(VALUES, 2).above(d) == pytest.approx(float(0.5 + integral / mpmath.pi), abs=1e-9)


def test_far_beyond_the_range_of_float64():
    law = angle([3.0, 2.0, 1.0], 10**6)
    shift = 10**6 * math.log10(1.5)  # from here on lambda_3 is nothing: half a Cauchy law
    np.testing.assert_allclose(
        [quantile(law, p) + shift for p in (0.25, 0.5, 0.75)], np.log10(np.tan(np.pi / 8 * np.arange(1, 4))), atol=1e-6
    )
    assert law.above(0.0) == 0 == law.bound(0.0) and law.below(0.0) == 1


@for_each("k", [1, 5])
def test_the_bound_that_a_student_can_prove(k):
    law, d = angle(VALUES, k), np.linspace(-4, 20, 49)
    a = (VALUES[1:] / VALUES[0]) ** (2 * k)
    np.testing.assert_allclose(law.bound(d), np.minimum(1, np.sqrt(2 * a.sum() / np.pi) / 10**d))
    assert np.all(law.above(d) <= law.bound(d))
    # Far out it is good to sqrt(pi/2), the worst case of E sqrt(Y) <= sqrt(E Y).
    assert 1 <= law.bound(20.0) / law.above(20.0) <= math.sqrt(math.pi / 2)


@for_each(
    ("eigenvalues", "k", "error", "words"),
    [
        ([2.0, -2.0], 1, ValueError, r"wanted \|lambda_1\| > \|lambda_2\| > 0"),
        ([2.0, 0.0], 1, ValueError, r"wanted \|lambda_1\| > \|lambda_2\| > 0"),
        ([2.0], 1, ValueError, r"wanted \|lambda_1\| > \|lambda_2\| > 0"),
        (np.eye(2), 1, ValueError, r"eigenvalues has shape \(2, 2\), wanted \(n,\)"),
        ([2.0, 1.0], -1, ValueError, "k is -1"),
        ([2.0, 1.0], 0.5, TypeError, "k is 0.5"),
    ],
)
def test_an_angle_that_is_refused(eigenvalues, k, error, words):
    with pytest.raises(error, match=words):
        angle(eigenvalues, k)


@for_each("p", [0, 1, -0.5])
def test_probabilities_that_are_refused(p):
    with pytest.raises(ValueError, match="wanted a number above 0 and below 1"):
        angle([2.0, 1.0], 1).bound_quantile(p)


SPECTRA = {
    "one other": [1.0, -0.6],
    "equal": [1.0] + [0.9] * 63,
    "falling": list(0.8 ** np.arange(20)),
    "both signs, and zero": [2.0, -1.6, 1.6, 1.0, -0.5, 0.0],
}


@for_each("name", SPECTRA)
def test_quantiles_for_many_k_are_those_of_each(name):
    k, p = [0, 1, 7, 150, 10**5], [0.001, 0.05, 0.5, 0.95, 0.999]
    found = angle_quantiles(SPECTRA[name], k, p)
    np.testing.assert_allclose(
        found, [[quantile(angle(SPECTRA[name], steps), one) for one in p] for steps in k], rtol=0, atol=1e-8
    )


def test_quantiles_of_equal_eigenvalues_are_those_of_an_F_distribution():
    p = np.array([0.01, 0.5, 0.99])
    want = np.log10(15 * stats.f(15, 1).ppf(p)) / 2 + 20 * np.log10(0.7)
    np.testing.assert_allclose(angle_quantiles([1.0] + [0.7] * 15, [20], p), want[None], atol=1e-8)


@for_each("k", [0, 1, 5, 400])
def test_the_bound_promises_what_its_quantile_says(k):
    law, p = angle(VALUES, k), np.array([0.5, 0.95, 0.999])
    np.testing.assert_allclose(law.bound(law.bound_quantile(p)), 1 - p)
    assert np.all(law.bound_quantile(p) >= [quantile(law, one) for one in p])


def test_the_angle_of_one_x_in_whole_numbers():
    """M = diag(5, -4, 3, 0); x and its powers are whole numbers."""
    values, rows, k = [5, -4, 3, 0], [[1, -2, 3, 4], [-7, 1, 0, 0]], np.array([0, 1, 2, 9, 600])
    want = []
    for x in rows:
        y = [[value ** int(steps) * entry for value, entry in zip(values, x, strict=True)] for steps in k]
        rest = [sum(entry**2 for entry in row[1:]) for row in y]
        want.append([(math.log10(r) / 2 - math.log10(abs(row[0]))) for r, row in zip(rest, y, strict=True)])
    found = log10_tan(values, rows, k)
    np.testing.assert_allclose(found, want, rtol=1e-13)
    np.testing.assert_array_equal(log10_tan(values, rows[1], k), found[1])
    np.testing.assert_array_equal(log10_tan(values, rows, 9), found[:, 3])
    assert log10_tan(values, [1, 0, 0, 0], 3) == -np.inf and log10_tan(values, [0, 1, 0, 0], 3) == np.inf


def test_the_law_of_the_angle_is_that_of_the_x_that_are_drawn():
    d = log10_tan(VALUES, np.random.default_rng(5).normal(size=(20_000, 6)), 4)
    found, chance = distance(d, angle(VALUES, 4).below)
    assert found <= chance


@for_each(
    ("call", "words"),
    [
        (lambda: log10_tan([1.0, 2.0], [1, 1], 1), "wanted the one with the largest modulus first"),
        (lambda: log10_tan([2.0, 1.0], [1, 1, 1], 1), r"x has shape \(3,\), wanted \(n,\) or \(S, n\)"),
        (lambda: log10_tan([2.0, -2.0], [1, 1], 1), r"wanted \|lambda_1\| > \|lambda_2\| > 0"),
        (lambda: angle_quantiles([2.0, 1.0], [1], [0.0]), "wanted numbers from 0.001 to 0.999"),
        (lambda: angle_quantiles([2.0, 1.0], 1, [0.5]), r"k has shape \(\), wanted \(K,\)"),
        (lambda: angle_quantiles([2.0, 1.0], [-1], [0.5]), "k is -1"),
        (lambda: angle([2.0, 1.0], 1).bound_quantile(1), "wanted a number above 0 and below 1"),
    ],
)
def test_angles_of_what_is_no_such_thing(call, words):
    with pytest.raises(ValueError, match=words):
        call()
