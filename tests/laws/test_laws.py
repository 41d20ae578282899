"""Each law against computation, and the popular forms that are wrong.

Oracles: whole numbers of unlimited size, and fractions, for powers; mpmath for what has a closed form; sums that are
exact for polynomials (Gauss-Hermite) for moments of small Gaussian matrices; the package's own gradients, which are
tested elsewhere; else simulation. There every tolerance comes from the statistics of the experiment:

- a mean of S draws may be off by Z = 5 standard errors (false alarm 6e-7, if the seeds were drawn again; where the
  error is itself measured on 16 networks, below 2e-4, by Student's t);
- a distribution function from S draws may be off by sqrt(log(2/ALARM) / 2S) anywhere, ALARM = 1e-6 (the inequality of
  Dvoretzky, Kiefer, Wolfowitz with Massart's constant: no approximation);
- a share of S draws has the exact binomial limits at ALARM.

What holds for many units alone is extrapolated to 1/n = 0 by a straight line, with its standard error.
"""

import math
from fractions import Fraction
from functools import cache
from itertools import product

import mpmath
import numpy as np
import pytest
from scipy import stats

from d2lbptt import Params, backward, forward, init_params, log10_gradient_norms
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.growth.cliff import STEPS as CLIFF_STEPS
from d2lbptt.growth.cliff import TARGET as CLIFF_TARGET
from d2lbptt.growth.cliff import cut, steepest
from d2lbptt.laws import (
    MOST_STEPS,
    angle,
    angle_quantiles,
    conditions,
    edge_of_chaos,
    folds,
    fresh_products,
    log10_bound,
    log10_repeated_bound,
    log10_tan,
    mean_field,
    modes,
    repeated_mean,
    separatrix,
    triangle,
)

Z, ALARM = 5, 1e-6
LN10 = math.log(10)
VANISHED = math.log10(np.finfo(np.float32).tiny)


def assert_mean(draws, want):
    """The mean of the draws is the wanted one, within Z of its standard errors."""
    mean, error = np.mean(draws, axis=0), stats.sem(draws)
    assert np.all(np.abs(mean - want) <= Z * error), (mean, want, error)


def distance(draws, below):
    """The largest difference of two distribution functions, and what chance allows for it."""
    found = stats.kstest(draws, below).statistic
    return found, math.sqrt(math.log(2 / ALARM) / 2 / len(draws))


def share_limits(successes, draws):
    limits = stats.binomtest(int(successes), draws).proportion_ci(1 - ALARM, "exact")
    return limits.low, limits.high


# --- powers of one matrix ---


TRANSIENT = np.array([[0.9, 20.0], [0.0, 0.8]])  # rho < 1, and yet its powers grow first

WHOLE = {
    "growing": [[2, 3], [-3, 5]],
    "one mode stays": [[5, 0], [0, 1]],
    "opposite signs": [[0, 4], [1, 0]],
    "not normal": [[9, 500], [0, 8]],
    "singular": [[1, 2], [2, 4]],
    "three": [[1, 2, 0], [0, 3, 1], [4, -1, -2]],
}


def exact_power(W, k):
    power, factor = np.eye(len(W), dtype=object).astype(int).astype(object), np.array(W, object)
    for _ in range(k):
        power = power @ factor
    return power


def log10_norm(v):
    size = sum(int(a) ** 2 for a in v)
    return math.log10(size) / 2 if size else -math.inf


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("k", [0, 1, 7, 40])
def test_the_power_is_right_within_its_own_error(name, k):
    found, want = modes(WHOLE[name]), exact_power(WHOLE[name], k).astype(float)
    off = np.linalg.norm(found.power(k) - want, 2) / found.radius**k
    assert off <= found.error(k)
    assert found.error(k) < 1e-6  # and that is no idle promise


@pytest.mark.parametrize("name", WHOLE)
def test_norms_of_powers_in_whole_numbers(name):
    W, v, k = WHOLE[name], list(range(1, len(WHOLE[name]) + 1)), np.array([0, 1, 2, 3, 50, 700])
    found = modes(W)
    want = np.array([log10_norm(exact_power(W, int(steps)) @ np.array(v, object)) for steps in k])
    in_v = found.error(k) * np.linalg.norm(v) * 10 ** (k * math.log10(found.radius) - want)
    assert np.all(np.abs(found.log10_norms(v, k) - want) <= 2 * in_v / LN10)
    assert found.log10_norms(v, 3) == found.log10_norms(v, k)[3]


def test_a_million_steps_are_no_more_than_two():
    half = modes(np.diag([0.5, 0.25]))
    np.testing.assert_allclose(half.log10_norms([0, 3], 10**6), math.log10(3) - 2e6 * math.log10(2), rtol=1e-12)
    assert half.log10_norms([0, 0], 3) == -np.inf
    assert modes(np.diag([2.0, 0.0])).log10_norms([0, 1], [0, 1]).tolist() == [0, -np.inf]
    assert modes(np.zeros((2, 2))).log10_norms([1, 0], [0, 5]).tolist() == [0, -np.inf]


def test_the_law_that_is_approached_keeps_the_largest_modes_alone():
    law, k = modes(np.diag([0.999, -1.0, 1.0])), np.array([0, 1, 10])
    np.testing.assert_allclose(law.log10_norms([9, 3, 4], k, dominant=True), math.log10(5), atol=1e-12)
    assert law.log10_norms([9, 0, 0], k, dominant=True).tolist() == [-np.inf] * 3


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric"])
def test_what_the_powers_of_a_network_do_is_what_its_gradient_does(kind):
    """The loss at the last step alone: dL/dh_t is (W^T)^(T - t) times one vector."""
    T, params = 2000, init_params(1, 16, 1, kind=kind, scale=0.9, seed=2)
    got = log10_gradient_norms(forward(params, np.zeros((T, 1))), np.ones((T, 1)), reduction="last")[::-1]
    law = modes(params.W_hh.T)
    np.testing.assert_allclose(law.log10_norms(params.W_qh[0], np.arange(T)), got, atol=1e-9)
    if kind != "orthogonal":
        assert abs(got[1] - law.log10_norms(params.W_qh[0], 1, dominant=True)) > 0.01
    far = law.log10_norms(params.W_qh[0], np.arange(1900, T), dominant=True)
    np.testing.assert_allclose(far, got[1900:], atol=1e-6)


def test_a_radius_below_one_may_grow_first():
    """More than an order of magnitude; then it goes with rho^k, and no power exceeds kappa rho^k."""
    law, k = modes(TRANSIENT), np.arange(1001)
    got = law.log10_norms([0, 1], k)
    by_hand = [np.linalg.norm(np.linalg.matrix_power(TRANSIENT, int(steps)) @ [0, 1]) for steps in k[:100]]
    np.testing.assert_allclose(got[:100], np.log10(by_hand), atol=1e-9)
    assert law.radius == pytest.approx(0.9) and got.max() > 1.5 and got[-1] < -40
    np.testing.assert_allclose(np.diff(got)[200:], math.log10(0.9), atol=1e-9)
    assert np.all(got <= math.log10(law.condition) + k * math.log10(law.radius) + 1e-12)
    assert np.all(got <= log10_bound(TRANSIENT, k) + 1e-12)


@pytest.mark.parametrize(
    ("W", "error", "words"),
    [
        ([[0.5, 1.0], [0.0, 0.5]], ValueError, "wanted a diagonalizable matrix"),
        (np.eye(8, k=1), ValueError, "wanted a diagonalizable matrix"),
        (np.ones((2, 3)), ValueError, r"W has shape \(2, 3\), wanted \(n, n\)"),
        (np.float64(1), ValueError, r"W has shape \(\), wanted \(n, n\)"),
        (np.diag([1, np.nan]), ValueError, r"W is nan at index \(1, 1\)"),
        (1j * np.eye(2), TypeError, "W has dtype complex128"),
    ],
)
def test_matrices_that_are_refused(W, error, words):
    with pytest.raises(error, match=words):
        modes(W)


def test_steps_and_vectors_that_are_refused():
    law = modes(np.eye(2) * 1e10)
    for k, error in ((-1, ValueError), (1.5, TypeError)):
        for f in (law.error, lambda k: law.log10_norms([1, 1], k), lambda k: log10_bound(np.eye(2), k)):
            with pytest.raises(error, match=r"k .*wanted whole numbers"):
                f(k)
    with pytest.raises(ValueError, match=r"v has shape \(3,\), wanted \(n,\) = \(2,\)"):
        law.log10_norms([1, 1, 1], 1)
    with pytest.raises(FloatingPointError, match="overflows float64 at k = 31"):
        law.power(31)


TRIANGLES = [
    ("0.95", "0.85", "25"),
    ("0.95", "0.95", "5"),
    ("0.95", "0.94", "-0.5"),
    ("0.5", "-0.5", "50"),
    ("0.9", "0", "3"),
    ("0.9", "-0.2", "3"),
    ("1", "0.75", "2"),
    ("1", "1", "2"),
    ("1.05", "0.2", "7"),
    ("0.8", "0.8", "0"),
]
each_triangle = pytest.mark.parametrize("entries", TRIANGLES)


def exact_triangle_norms(entries, steps):
    """log10 |W^k| for k = 0 .. steps - 1: powers as fractions, their norm with 60 digits."""
    a, b, c = map(Fraction, entries)
    power, found = (Fraction(1), Fraction(0), Fraction(1)), []
    with mpmath.workdps(60):
        for _ in range(steps):
            F2, D = (mpmath.mpf(q.numerator) / q.denominator for q in (sum(q * q for q in power), power[0] * power[2]))
            found.append(float(mpmath.log10((F2 + mpmath.sqrt(F2**2 - 4 * D**2)) / 2) / 2))
            power = a * power[0], a * power[1] + c * power[2], b * power[2]
    return np.array(found)


@each_triangle
def test_the_powers_of_a_triangle_in_fractions(entries):
    found = triangle(*map(float, entries)).log10_norms(np.arange(120))
    np.testing.assert_allclose(found, exact_triangle_norms(entries, 120), atol=1e-12)


@pytest.mark.parametrize("b", [0, Fraction(-1, 4), Fraction(-1, 2), -1])
def test_with_a_radius_of_one_and_a_second_eigenvalue_below_zero_the_first_corner_is_the_largest(b):
    sums = [sum(b**j for j in range(k)) for k in range(1, 60)]
    assert max(sums) == sums[0] and triangle(1.0, float(b), 3.0).peak == 1


@each_triangle
def test_the_corner_is_largest_beside_its_peak(entries):
    law, (a, b, _) = triangle(*map(float, entries)), map(Fraction, entries)
    sums = [sum(a ** (k - 1 - j) * b**j for j in range(k)) for k in range(1, 60)]
    if law.peak == math.inf:
        assert a >= 1 and max(sums) == sums[-1] and sums == sorted(sums)
    else:
        assert 1 + sums.index(max(sums)) in (math.floor(law.peak), math.ceil(law.peak))


@each_triangle
def test_the_eigenvectors_of_a_triangle(entries):
    law = triangle(*map(float, entries))
    W = np.array([[law.a, law.c], [0, law.b]])
    steps = np.arange(200)
    assert np.all(law.log10_norms(steps) <= np.log10(law.condition) + steps * np.log10(law.a) + 1e-12)
    if law.a == law.b:
        assert (law.angle, law.condition) == ((0, math.inf) if law.c else (90, 1))
        return
    V = np.linalg.eig(W)[1]
    cosine = abs(V[:, 0] @ V[:, 1])
    assert law.angle == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-6)
    assert law.condition == pytest.approx(np.linalg.cond(V), rel=1e-9) == modes(W).condition
    if abs(law.b) < law.a:  # what remains is a^k times a projection, whose norm is 1 / sin(angle)
        far = 3000
        assert law.log10_norms(far) - far * np.log10(law.a) == pytest.approx(
            -np.log10(np.sin(np.radians(law.angle))), abs=1e-9
        )


def test_a_triangle_far_beyond_the_range_of_float64():
    law = triangle(0.5, 0.5, 3)  # |W^k| is nearly c k a^(k-1)
    assert law.log10_norms(10**6) == pytest.approx(math.log10(3e6) - (10**6 - 1) * math.log10(2), abs=1e-6)
    assert triangle(1e-3, 0, 1).log10_norms([0, 1, 2]).tolist() == pytest.approx([0, 0.5 * math.log10(1 + 1e-6), -3])


@pytest.mark.parametrize(
    ("entries", "words"), [((0, 0, 1), "a is 0"), ((0.5, 0.6, 1), r"\|b\| <= a"), ((1, 1, math.inf), "c")]
)
def test_triangles_that_are_refused(entries, words):
    with pytest.raises(ValueError, match=words):
        triangle(*entries)


# --- what is sufficient, what is necessary ---


def gradients(params, T=200, activation="tanh", seed=0, size=1.0):
    """log10 |dL/dh_{T-k}| - log10 |dL/dh_T| by the lag k, of a loss at the last step alone."""
    x = size * np.random.default_rng(seed).normal(size=(T, params.W_hx.shape[1]))
    trace = forward(params, x, activation=activation)
    got = log10_gradient_norms(trace, np.where(trace.o == 0, -1.0, 0.0), reduction="last")[::-1]
    return got - got[0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("g", [0.3, 0.9, 1.6, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_gradient_grows_faster_than_the_bound(activation, g, seed):
    params = init_params(2, 8, 2, scale=g, seed=seed)
    got = gradients(params, T=60, activation=activation, seed=seed)
    k = np.arange(60)
    assert np.all(got <= log10_bound(params.W_hh, k, activation) + 1e-9)


@pytest.mark.parametrize("activation", ["identity", "tanh", "sigmoid"])
def test_the_bound_is_reached_where_every_slope_is_gamma(activation):
    """Symmetric W, and a bias that holds every z_t at 0."""
    params = init_params(1, 4, 4, kind="symmetric", scale=1.3)
    values, Q = np.linalg.eigh(params.W_hh)
    h = np.full(4, 0.5 if activation == "sigmoid" else 0.0)
    params = params._replace(W_qh=Q[:, [np.argmax(np.abs(values))]].T, b_h=-params.W_hh @ h)
    trace = forward(params, np.zeros((200, 1)), h0=h, activation=activation)
    got = log10_gradient_norms(trace, trace.o - 1, reduction="last")[::-1]
    np.testing.assert_allclose(got - got[0], log10_bound(params.W_hh, np.arange(200), activation), atol=1e-9)


def test_the_bound_of_nothing():
    assert log10_bound(np.zeros((2, 2)), [0, 1]).tolist() == [0, -np.inf]


@pytest.mark.parametrize(("activation", "g"), [("tanh", 0.99), ("relu", 0.99), ("identity", 0.99), ("sigmoid", 3.9)])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_largest_singular_value_below_one_over_gamma_is_sufficient_to_vanish(activation, g, size):
    params = init_params(2, 8, 2, kind="orthogonal", scale=g, seed=1)
    assert conditions(params.W_hh, activation)[-3:-1] == ("certain", "excluded")
    got = gradients(params, T=1000, activation=activation, size=size)
    assert np.all(np.diff(got[np.isfinite(got)]) < 0) and got[-1] < -4


@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_a_norm_above_one_need_not_explode(activation):
    """The popular form, "norm above 1 explodes", is wrong: for each of these sigma_max > 1, and they all vanish."""
    for seed in range(20):
        params = init_params(2, 64, 2, scale=0.6, seed=seed)
        known = conditions(params.W_hh, activation)
        assert known.sigma_max * known.gamma > 1
        assert known.exploding == ("excluded" if activation == "identity" else "undecided")
        assert gradients(params, T=400, activation=activation)[-1] < VANISHED


def test_a_norm_above_one_need_not_explode_for_any_input():
    """Triangular with |W_ii| < 1: sigma_max is above 20, and rule 4 proves that every input lets it vanish."""
    known = conditions(TRANSIENT)
    assert known.sigma_max > 20 and known.vanishing == "certain" and "rho(|W|)" in known.because
    for seed, size in product(range(10), (0, 0.01, 1)):
        params = init_params(2, 2, 1, seed=seed)._replace(W_hh=TRANSIENT)
        assert gradients(params, T=1000, seed=seed, size=size)[-1] < VANISHED


def test_a_norm_above_one_is_not_sufficient_and_the_states_decide():
    """One W, with gamma rho > 1: where its states are small the gradient explodes, where they saturate it vanishes."""
    params = init_params(2, 32, 2, scale=1.5, seed=0)
    assert conditions(params.W_hh, "tanh")[-3:-1] == ("undecided", "undecided")
    assert gradients(params, size=0)[-1] > 20 and gradients(params, size=100)[-1] < -20


OF_THE_PRODUCT = "excluded for the product", "certain for the product"


def test_in_the_linear_case_the_eigenvalues_decide_in_the_long_run():
    known, got = conditions(TRANSIENT, "identity"), modes(TRANSIENT).log10_norms([0, 1], np.arange(1001))
    assert known[-3:-1] == ("certain", "excluded") and "long run" in known.because
    assert got.max() > 1 and got[-1] < -40
    assert conditions(TRANSIENT + 0.2 * np.eye(2), "identity")[-3:-1] == OF_THE_PRODUCT


@pytest.mark.parametrize("seed", range(10))
def test_the_direction_of_a_gradient_is_lost_where_there_is_a_gap_and_kept_by_an_orthogonal_matrix(seed):
    """Two random gradients, 100 steps back, by NumPy's powers; with lambda_2 = -lambda_1 two directions are left."""
    rng = np.random.default_rng(seed)
    Q, pair = np.linalg.qr(rng.normal(size=(6, 6)))[0], rng.normal(size=(6, 2))

    def sine(W):
        v, w = (np.linalg.matrix_power(W.T, 100) @ pair).T
        return np.linalg.norm(v - (v @ w) / (w @ w) * w) / np.linalg.norm(v)

    start = sine(np.eye(6))
    assert sine(Q) == pytest.approx(start, abs=1e-9)
    assert sine(Q @ np.diag([1, 0.7, -0.7, 0.5, 0.1, 0]) @ Q.T) < 1e-7
    assert sine(Q @ np.diag([1, -1, 0.7, 0.5, 0.1, 0]) @ Q.T) > 1e-3


def test_with_rho_above_one_a_gradient_without_a_share_in_what_grows_vanishes():
    """The product explodes, and nearly every gradient; the verdict must not say it of all of them."""
    W = np.diag([2.0, 0.5])
    known = conditions(W, "identity")
    assert (known.vanishing, known.exploding) == OF_THE_PRODUCT
    for W_qh, end in (([[0.0, 1.0]], 0.5), ([[1e-9, 1.0]], 2.0)):
        got = gradients(Params(np.ones((2, 1)), W, np.array(W_qh)), T=400, activation="identity", size=0)
        assert got[-1] - got[-2] == pytest.approx(np.log10(end), abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_where_every_eigenvalue_is_above_one_every_gradient_explodes(seed):
    """The least singular value of W^k, from NumPy's powers, is what the gradient that fares worst is multiplied by."""
    rng = np.random.default_rng(seed)
    V = rng.normal(size=(4, 4))
    W = V @ np.diag(rng.choice([-1, 1], 4) * rng.uniform(1.2, 2, 4)) @ np.linalg.inv(V)
    assert conditions(W, "identity")[-3:-1] == ("excluded", "certain")
    assert np.linalg.svd(np.linalg.matrix_power(np.linalg.inv(W), 150), compute_uv=False)[0] < 1e-3


@pytest.mark.parametrize(
    ("W", "activation", "verdict", "words"),
    [
        (0.5 * np.eye(3), "tanh", ("certain", "excluded"), "sufficient, in every step"),
        (3.9 * np.eye(3), "sigmoid", ("certain", "excluded"), "sufficient, in every step"),
        (4.1 * np.eye(3), "sigmoid", ("undecided", "undecided"), "necessary to explode, not sufficient"),
        (np.eye(3), "tanh", ("undecided", "excluded"), "no step lets it grow"),
        (4 * np.eye(3), "sigmoid", ("undecided", "excluded"), "no step lets it grow"),
        (np.eye(3), "identity", ("undecided", "excluded"), "no step lets it grow"),
        (np.eye(3, k=1), "identity", ("certain", "excluded"), "linear and rho < 1"),
        ([[1.0, 1.0], [0.0, 1.0]], "identity", ("undecided", "undecided"), "not sufficient"),  # grows like k
        ([[0.5, 9.0], [0.0, 0.5]], "identity", ("certain", "excluded"), "linear and rho < 1"),
        ([[0.5, 9.0], [0.0, 0.5]], "relu", ("certain", "excluded"), "rho(|W|)"),
        ([[0.0, 2.0], [-2.0, 0.0]], "identity", ("excluded", "certain"), "linear and every |lambda_i| > 1"),
        ([[1.1, 50.0], [0.0, -1.2]], "identity", ("excluded", "certain"), "linear and every |lambda_i| > 1"),
        ([[1.1, 50.0], [0.0, -1.0]], "identity", OF_THE_PRODUCT, "linear and rho > 1"),
        ([[2.0, 0.0], [0.0, 0.5]], "identity", OF_THE_PRODUCT, "linear and rho > 1"),
        (np.zeros((2, 2)), "identity", ("certain", "excluded"), "sufficient, in every step"),
    ],
)
def test_what_is_known(W, activation, verdict, words):
    known = conditions(W, activation)
    assert (known.vanishing, known.exploding) == verdict and words in known.because
    assert f"rho = {known.rho[0]:.4g}" in str(known) and words in str(known)


@pytest.mark.parametrize("seed", range(5))
def test_rounding_does_not_decide(seed):
    """Orthogonal matrices, and triangular ones turned by them, with radii a hair from 1: what they are is known."""
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))[0]
    assert conditions(Q, "tanh")[-3:-1] == conditions(Q, "identity")[-3:-1] == ("undecided", "excluded")
    for radius, verdict in ((1, "undecided"), (0.999, "certain"), (1.001, "excluded for the product")):
        for last in (0, radius):  # coupled to the first: where they are equal, W is not diagonalizable
            known = conditions(Q @ (np.diag([radius, 0.7, -0.6, 0.5, -0.4, last]) + np.eye(6, k=5)) @ Q.T, "identity")
            assert abs(known.rho[0] - radius) <= known.rho[1]
            assert known.vanishing in (verdict, "undecided") if last else known.vanishing == verdict


def test_an_activation_that_is_none():
    for f in (conditions, lambda W, activation: log10_bound(W, 1, activation)):
        with pytest.raises(ValueError, match="activation is 'swish', wanted one of identity, tanh, sigmoid, relu"):
            f(np.eye(2), "swish")


# --- fresh Gaussian matrices ---


@pytest.mark.parametrize(("n", "g"), [(1, 1.0), (2, 0.3), (5, 1.0), (16, 2.0)])
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


@pytest.mark.parametrize("n", [1, 2, 3, 10, 64])
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


@pytest.mark.parametrize("n", [1, 2, 7, 40])
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


@pytest.mark.parametrize(("n", "g", "words"), [(0, 1.0, "n is 0"), (3, 0.0, "g is 0"), (3, -1.0, r"g is -1\.0")])
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


@pytest.mark.parametrize(("n", "most"), [(1, 6), (2, 6), (3, 3)])
def test_the_mean_of_a_repeated_matrix_is_exact(n, most):
    for k in range(1, most + 1):
        assert repeated_mean(n, k) == pytest.approx(exact_moment(n, k, 1) / n**k, rel=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3, 64])
def test_the_mean_of_a_repeated_matrix_for_the_first_steps(n):
    """The polynomials of the docstring, for every n."""
    want = [1, 1, 1 + 2 / n**2, 1 + 10 / n**2 + 4 / n**3]
    assert [repeated_mean(n, k) for k in range(4)] == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize(("n", "most"), [(1, 5), (2, 3)])
def test_the_bound_is_exact_for_complex_entries(n, most):
    k = np.arange(1, most + 1)
    want = [math.log10(exact_moment(n, int(steps), 2) / n**steps) for steps in k]
    np.testing.assert_allclose(log10_repeated_bound(n, k), want, atol=1e-12)
    assert log10_repeated_bound(n, 0) == pytest.approx(0, abs=1e-15)


def log10_fraction(ratio):
    return math.log10(ratio.numerator) - math.log10(ratio.denominator)


@pytest.mark.parametrize("n", [1, 2, 5, 64, 10**6])
def test_the_bound_in_whole_numbers_and_below_the_mean(n):
    k = np.array([0, 1, 2, 3, 6, 30, 63, 64, 400])
    want = []
    for steps in k.tolist():
        rising, falling = math.prod(range(n, n + steps + 2)), math.prod(range(n - steps - 1, n + 1))
        ratio = Fraction(rising - (falling if steps + 1 < n else 0), (steps + 1) * (steps + 2) * n ** (steps + 1))
        want.append(math.log1p(float(ratio - 1)) / LN10 if ratio < 2 else log10_fraction(ratio))
    np.testing.assert_allclose(log10_repeated_bound(n, k), want, rtol=1e-12, atol=1e-13)
    for steps in range(MOST_STEPS + 1):
        assert math.log10(repeated_mean(n, steps)) >= log10_repeated_bound(n, steps) - 1e-15


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


@pytest.mark.parametrize("k", [8, 16, 32, 256])
def test_fresh_matrices_do_follow_the_popular_form(k):
    """The control: the same test, at the same tolerance, that a repeated matrix fails below."""
    factors = np.random.default_rng(k).chisquare(UNITS, size=(DRAWS, k)) / UNITS
    found, chance = distance(np.log10(factors).sum(1), fresh_below(k))
    assert found <= chance
    if k <= 32:  # beyond, the mean is carried by few of these as well
        assert_mean(factors.prod(1), 1.0)


@pytest.mark.parametrize(("k", "share"), [(16, 0.6), (32, 0.4), (256, 0.1)])
def test_a_repeated_matrix_does_not_follow_g_to_the_2k(k, share):
    """k^2/n is 4, 16 and 1024: the law is another, the spread larger, and few W come within a factor of 2 of g^2k."""
    draws = repeated()[k]
    found, chance = distance(draws, fresh_below(k))
    assert found > 1.5 * chance
    near = np.abs(draws) < math.log10(2)
    assert share_limits(near.sum(), DRAWS)[1] < share
    fresh_sd = 2 * np.sqrt(k) * fresh_products(UNITS).spread[0] / LN10
    assert np.quantile(draws, 0.95) - np.quantile(draws, 0.05) > 1.4 * 2 * 1.645 * fresh_sd


@pytest.mark.parametrize("k", [2, 6])
def test_the_mean_of_a_repeated_matrix_by_simulation(k):
    draws = arnoldi(16, k, 200_000, np.random.default_rng(k))
    assert_mean(draws, repeated_mean(16, k))
    if k == 6:  # g^2k is refused, and so is the mean of a complex W
        excess = draws.mean() - np.array([1, 10 ** log10_repeated_bound(16, k)])
        assert np.all(excess > Z * stats.sem(draws))


@pytest.mark.parametrize("k", [1, 2, 8, 32])
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


@pytest.mark.parametrize("k", [-1, MOST_STEPS + 1])
def test_steps_of_a_repeated_matrix_that_are_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}, wanted a whole number from 0 to {MOST_STEPS}"):
        repeated_mean(3, k)
    if k < 0:
        with pytest.raises(ValueError, match="k is -1"):
            log10_repeated_bound(3, [0, k])


# --- the mean field ---


def many_digits(g, s2, activation):
    phi = mpmath.tanh if activation == "tanh" else lambda z: 1 / (1 + mpmath.exp(-z))

    def mean(f, q):
        root = mpmath.sqrt(q)
        edges = sorted({-12, 12, 0, *(sign * c / max(root, 1) for sign in (-1, 1) for c in (1, 4, 20))})
        return mpmath.quad(lambda x: f(phi(root * x)) * mpmath.npdf(x), [e for e in edges if -12 <= e <= 12])

    def slope(h):
        return 1 - h**2 if activation == "tanh" else h * (1 - h)

    q = mpmath.findroot(
        lambda q: g**2 * mean(lambda h: h**2, q) + s2 - q, (s2 + g**2 * 0.01, s2 + g**2), solver="anderson", tol=1e-24
    )
    return q, g**2 * mean(lambda h: slope(h) ** 2, q)


@pytest.mark.parametrize(
    ("g", "s2", "activation"),
    [
        (1.05, 0, "tanh"),
        (2.0, 0, "tanh"),
        (0.5, 0.3, "tanh"),
        (1.5, 4.0, "tanh"),
        (20.0, 0, "tanh"),
        (3.0, 0, "sigmoid"),
        (12.0, 1.0, "sigmoid"),
    ],
)
def test_the_mean_field_in_many_digits(g, s2, activation):
    q, chi = many_digits(g, s2, activation)
    found = mean_field(g, s2, activation)
    assert found.q == pytest.approx(float(q), rel=1e-11)
    assert found.chi == pytest.approx(float(chi), rel=1e-11)
    assert found.exponent == pytest.approx(float(mpmath.log(chi)) / 2, abs=1e-11)


def test_without_input_the_edge_is_at_one():
    assert edge_of_chaos() == 1
    for g in (0.0, 0.3, 1.0):
        assert mean_field(g) == (0, g**2, math.log(g) if g else -np.inf)
    assert mean_field(0.999).exponent < 0 < mean_field(1.001).exponent
    # With tanh z = z - z^3/3 + 2 z^5/15: q = e + .., chi_1 = 1 + (4/3) e^2 + .. at g = 1 + e.
    for e in (1e-2, 1e-3):
        assert mean_field(1 + e).q == pytest.approx(e, rel=2 * e)
        assert mean_field(1 + e).exponent == pytest.approx(2 / 3 * e**2, rel=5 * e)
    assert mean_field(1 + 1e-14).q < 1e-13


def test_input_moves_the_edge():
    for s2 in (1e-9, 1e-6):
        e = (3 * s2 / 4) ** (1 / 3)
        assert edge_of_chaos(s2) - 1 == pytest.approx(e, rel=5 * e)
    edges = [edge_of_chaos(s2) for s2 in (0, 1e-12, 1e-3, 0.1, 1, 10)]
    assert np.all(np.diff(edges) > 0)
    for activation, s2 in (("tanh", 0.1), ("tanh", 3.0), ("sigmoid", 0.0), ("sigmoid", 1.0)):
        g = edge_of_chaos(s2, activation)
        assert mean_field(g, s2, activation).chi == pytest.approx(1, abs=1e-12)


@cache
def networks(n, g, s2, activation, held, count, T=400):
    """log |dL/dh_t| (natural) by lag, and the mean of z^2, of ``count`` networks with a W of their own."""
    logs, q = [], []
    for seed in range(count):
        rng = np.random.default_rng([seed, n])
        params = Params(np.sqrt(s2) * np.eye(n), g / np.sqrt(n) * rng.normal(size=(n, n)), rng.normal(size=(1, n)))
        x = np.tile(rng.normal(size=n), (T, 1)) if held else rng.normal(size=(T, n))
        trace = forward(params, x, h0=np.tanh(rng.normal(size=n)), activation=activation)
        z = trace.h[100:-1] @ params.W_hh.T + x[100:] @ params.W_hx.T
        q.append(np.mean(z**2))
        logs.append(LN10 * log10_gradient_norms(trace, trace.o - 1, reduction="last")[::-1])
    return np.array(logs), np.array(q)


def extrapolated(numbers):
    """Return the value at 1/n = 0 of a straight line through means with standard errors, and its standard error.

    ``numbers`` maps n to the draws."""
    n = np.array(list(numbers))
    mean, error = (np.array([f(draws) for draws in numbers.values()]) for f in (np.mean, stats.sem))
    rows = np.stack([np.ones(len(n)), 1 / n], 1) / error[:, None]
    cov = np.linalg.inv(rows.T @ rows)
    return (cov @ rows.T @ (mean / error))[0], np.sqrt(cov[0, 0])


MOVING = {
    "chaos": (2.0, 0.0, "tanh", False),
    "calm by input": (1.5, 0.5, "tanh", False),
    "calm": (0.9, 0.2, "tanh", False),
    "sigmoid": (6.0, 1.0, "sigmoid", False),
}
HELD = {"held input": (1.5, 0.5, "tanh", True)}
COUNTS = {100: 32, 200: 24, 400: 16}


@pytest.mark.parametrize("name", MOVING)
def test_the_exponent_of_networks_that_keep_moving(name):
    g, s2, activation, _ = MOVING[name]
    law = mean_field(g, s2, activation)
    draws = {n: networks(n, *MOVING[name], count) for n, count in COUNTS.items()}
    slopes = {n: (logs[:, 300] - logs[:, 20]) / 280 for n, (logs, _) in draws.items()}
    found, error = extrapolated(slopes)
    assert abs(found - law.exponent) <= Z * error
    q, q_error = extrapolated({n: q for n, (_, q) in draws.items()})
    assert abs(q - law.q) <= Z * q_error
    linear = math.log(g * ACTIVATIONS[activation].bound)  # as if every slope were gamma
    assert abs(found - linear) > 4 * Z * error


@pytest.mark.parametrize("name", [*MOVING, *HELD])
@pytest.mark.parametrize("k", [1, 4])
def test_the_growth_of_the_gradient_over_few_steps(name, k):
    """|dL/dh_{T-k}|^2 / |dL/dh_T|^2 has the mean chi_1^k, also with held input."""
    setting = (MOVING | HELD)[name]
    ratios = {
        n: np.exp(2 * (r[:, k] - r[:, 0])) for n, r in ((n, networks(n, *setting, c)[0]) for n, c in COUNTS.items())
    }
    found, error = extrapolated(ratios)
    assert abs(found - mean_field(*setting[:3]).chi ** k) <= Z * error


@pytest.mark.slow
def test_at_the_edge_the_gradient_neither_vanishes_nor_explodes():
    s2 = 0.5
    for g, sign in ((edge_of_chaos(s2), 0), (1.0, -1), (2.5, 1)):
        setting = (g, s2, "tanh", False)
        draws = {n: networks(n, *setting, count) for n, count in COUNTS.items()}
        found, error = extrapolated({n: (logs[:, 300] - logs[:, 20]) / 280 for n, (logs, _) in draws.items()})
        assert abs(found) <= Z * error if sign == 0 else sign * found > Z * error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1.0,), r"g is -1\.0, wanted a number from 0 and up to 1000"),
        ((1e4,), r"g is 10000\.0, wanted a number from 0 and up to 1000"),
        ((1.0, -0.5), r"input_variance is -0\.5, wanted a number from 0 and up to 1e\+06"),
        ((1.0, 0.0, "relu"), "activation is 'relu', wanted one of tanh, sigmoid"),
    ],
)
def test_a_mean_field_that_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        mean_field(*arguments)
    if len(arguments) > 1:
        with pytest.raises(ValueError, match=words):
            edge_of_chaos(*arguments[1:])


# --- the cliff of one unit ---


def sigma(x):
    return 1 / (1 + mpmath.exp(-x))


def fixed_points(w, b):
    """How many x there are with x = w sigma(x) + b, by the changes of sign on a grid that holds them all."""
    x = np.linspace(min(b, b + w) - 1.01, max(b, b + w) + 1, 200_001)
    return np.count_nonzero(np.diff(np.sign(x - w / (1 + np.exp(-x)) - b)))


@pytest.mark.parametrize("w", [4.5, 5.0, 8.0, 20.0])
def test_between_the_folds_there_are_three_fixed_points(w):
    b, x = folds(w)
    assert b[0] < b[1] and b.sum() == pytest.approx(-w)
    inward = np.array([1e-4, -1e-4])
    assert [fixed_points(w, c) for c in (*(b + inward), *(b - inward), -w / 2)] == [3, 3, 1, 1, 3]
    for c, y in zip(b, x, strict=True):
        found = mpmath.findroot(lambda x, c: [w * sigma(x) + c - x, w * sigma(x) * sigma(-x) - 1], (y + 0.01, c + 0.01))
        assert (y, c) == pytest.approx(tuple(map(float, found)), rel=1e-12)


def test_at_four_the_folds_are_one_and_below_there_are_none():
    b, x = folds(4)
    assert b.tolist() == [-2, -2] and x.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"w is 3\.99, wanted a number from 4"):
        folds(3.99)
    assert all(fixed_points(3.99, c) == 1 for c in np.linspace(-4, 0, 41))


def run(w, b, T=CLIFF_STEPS, x_0=0.5):
    x = mpmath.mpf(x_0)
    for _ in range(T):
        x = w * sigma(x) + b
    return x


@pytest.mark.parametrize("w", [4.4, 5.0, 7.0])
def test_the_wall_lies_between_the_folds_and_parts_two_basins(w):
    found, (low, high) = separatrix(w), folds(w).b
    assert low < found.b < high
    b = mpmath.mpf("0.5") - w * sigma(mpmath.mpf("0.5"))
    with mpmath.workdps(60):
        below, above = run(w, b - mpmath.mpf("1e-9"), 2000), run(w, b + mpmath.mpf("1e-9"), 2000)
    assert below < folds(w).x[1] < folds(w).x[0] < above


@pytest.mark.parametrize("w", [4.4, 5.0, 7.0, -5.0, -7.0])
@pytest.mark.parametrize("x_0", [0.5, -0.2])
def test_the_slope_on_the_wall_is_a_geometric_sum(w, x_0):
    found = separatrix(w, x_0)
    with mpmath.workdps(60):
        b = x_0 - w * sigma(mpmath.mpf(x_0))
        want = mpmath.diff(lambda b: run(mpmath.mpf(w), b, CLIFF_STEPS, x_0), b, h=mpmath.mpf("1e-35"))
    assert found.b == pytest.approx(float(b), rel=1e-14)
    assert found.slope(CLIFF_STEPS) == pytest.approx(float(want), rel=1e-9)
    assert found.slope(1) == 1


def test_bptt_on_the_wall_is_the_law():
    """E = (sigma(x_50) - 0.7)^2 as the package computes it; rounding of b grows by m^50 on its way."""
    w, law, one = 5.0, separatrix(5.0), np.ones((1, 1))
    start, y = np.array([1 / (1 + np.exp(-0.5))]), np.full((CLIFF_STEPS, 1), CLIFF_TARGET)
    params = Params(one, w * one, one, b_h=np.array([law.b]))
    trace = forward(params, np.zeros((CLIFF_STEPS, 1)), h0=start, activation="sigmoid")
    got = 2 * backward(trace, y, reduction="last").b_h.item()
    want = 2 * (start - CLIFF_TARGET) * start * (1 - start) * law.slope(CLIFF_STEPS)
    assert got == pytest.approx(want.item(), rel=law.slope(CLIFF_STEPS) * 1e-14)


def along_the_wall(w, c, y=CLIFF_TARGET):
    """(dE/db) / slope(T) at b = wall + c / slope(T), in the limit of large T.

    There x_T = Phi(c), where Phi(m c) = w sigma(Phi(c)) + b and Phi(c) = x_0 + c + .. (Koenigs)."""
    law = separatrix(w)
    steps = math.ceil(18 / math.log(law.multiplier))  # m^-steps is 1e-8, where half of all digits are left
    x, slope = 0.5 + c / law.multiplier**steps, np.ones_like(c)
    for _ in range(steps):
        s = 1 / (1 + np.exp(-x))
        x, slope = w * s + law.b, slope * (w * s * (1 - s) / law.multiplier)
    s = 1 / (1 + np.exp(-x))
    return 2 * (s - y) * s * (1 - s) * slope


@pytest.mark.parametrize("w", [4.6, 4.8, 5.0, 5.2])
def test_the_steepest_point_is_a_hair_beside_the_wall(w):
    """``steepest`` finds it where the limit of large T has it, at c / slope(T) from the wall.

    The tolerance is the next term of the expansion: m itself moves with b, and its T-th power T times as far."""
    law, found = separatrix(w), cut(w, steepest(w).b)
    hair = 1 / law.slope(CLIFF_STEPS)
    c = np.linspace(-2, 2, 40_001)
    steepness, next_term = np.abs(along_the_wall(w, c)), 3 * CLIFF_STEPS * hair
    top = np.argmax(steepness)
    assert (found.point[0] - law.b) / hair == pytest.approx(c[top], rel=next_term)
    assert abs(found.bptt) * hair == pytest.approx(steepness[top], rel=next_term)
    assert abs(c[top]) > 0.5 and steepness[top] > 5 * steepness[20_000]  # on the wall itself it is flatter


def test_where_the_start_does_not_repel_the_steep_place_is_at_a_fold():
    """w = 4.2 has folds, but w sigma'(0.5) < 1: the wall's line means nothing there."""
    w = 4.2
    with pytest.raises(ValueError, match=r"w is 4\.2, wanted \|w\| above 1/sigma'\(x_0\) = 4\.2553"):
        separatrix(w)
    b = steepest(w).b
    line = 0.5 - w / (1 + math.exp(-0.5))
    assert abs(b - folds(w).b[0]) < abs(b - line) and b < folds(w).b[0]


def test_the_wall_is_tangent_to_the_fold_where_it_begins():
    """At w_0 = 1 / sigma'(0.5); and the folds are the envelope of all walls."""
    s = 1 / (1 + math.exp(-0.5))
    w_0 = 1 / (s * (1 - s))
    gaps = np.array([separatrix(w_0 + by).b - folds(w_0 + by).b[0] for by in (1e-3, 2e-3, 4e-3)])
    assert np.all(gaps > 0)
    np.testing.assert_allclose(gaps[1:] / gaps[:-1], 4, rtol=0.01)  # of second order
    for x_0 in np.linspace(-1.9, 1.9, 9):
        s = 1 / (1 + math.exp(-x_0))
        w = 1 / (s * (1 - s)) * (1 + 1e-9)
        assert np.abs(folds(w).b - separatrix(w, x_0).b).min() < 1e-8


def test_a_negative_weight_parts_two_phases():
    w, law = -6.0, separatrix(-6.0)
    ends = [[run(w, mpmath.mpf(law.b) + by, T) for T in (1000, 1001)] for by in (-1e-6, 1e-6)]
    (a, b), (c, d) = ends
    assert abs(a - d) < 1e-3 and abs(b - c) < 1e-3 and abs(a - b) > 1
    with pytest.raises(ValueError, match="x_0 repels"):
        separatrix(-4.0)


# --- the angle of exercise 1 ---


VALUES = np.array([2.0, -1.6, 1.6, 1.0, -0.5, 0.0])


@pytest.mark.parametrize("k", [1, 3, 10])
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
        low, high = share_limits((d <= law.quantile(p)).sum(), draws)
        assert low <= p <= high


@pytest.mark.parametrize("d", [-9.0, -2.0, -0.5, 0.0, 0.3, 4.0, 30.0, 150.0])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_two_dimensions_are_half_a_cauchy_law(k, d):
    law, scale = angle([1.0, -3.0], k), mpmath.mpf(3) ** -k
    above = 2 / mpmath.pi * mpmath.atan(scale / mpmath.mpf(10) ** d)
    below = 2 / mpmath.pi * mpmath.atan(mpmath.mpf(10) ** d / scale)
    assert law.above(d) == pytest.approx(float(above), rel=1e-12)
    assert law.below(d) == pytest.approx(float(below), rel=1e-12)
    if 1e-10 < below < 1 - 1e-4:
        assert law.quantile(float(below)) == pytest.approx(d, abs=1e-6)


@pytest.mark.parametrize("m", [1, 2, 7, 200])
@pytest.mark.parametrize("t", [1e-2, 0.5, 3.0, 30.0, 1e4])
def test_equal_eigenvalues_are_an_F_distribution(m, t):
    law, a = angle([3.0] + [2.0] * (m // 2) + [-2.0] * (m - m // 2), 3), (2 / 3) ** 6
    F = stats.f(m, 1)
    assert law.above(math.log10(t)) == pytest.approx(F.sf(t**2 / (a * m)), rel=1e-9)
    assert law.below(math.log10(t)) == pytest.approx(F.cdf(t**2 / (a * m)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("d", [-2.0, -0.7, 0.0, 1.0])
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
        law.quantile([0.25, 0.5, 0.75]) + shift, np.log10(np.tan(np.pi / 8 * np.arange(1, 4))), atol=1e-6
    )
    assert law.above(0.0) == 0 == law.bound(0.0) and law.below(0.0) == 1


@pytest.mark.parametrize("k", [1, 5])
def test_the_bound_that_a_student_can_prove(k):
    law, d = angle(VALUES, k), np.linspace(-4, 20, 49)
    a = (VALUES[1:] / VALUES[0]) ** (2 * k)
    np.testing.assert_allclose(law.bound(d), np.minimum(1, np.sqrt(2 * a.sum() / np.pi) / 10**d))
    assert np.all(law.above(d) <= law.bound(d))
    # Far out it is good to sqrt(pi/2), the worst case of E sqrt(Y) <= sqrt(E Y).
    assert 1 <= law.bound(20.0) / law.above(20.0) <= math.sqrt(math.pi / 2)


@pytest.mark.parametrize(
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


@pytest.mark.parametrize("p", [0, 1, -0.5])
def test_probabilities_that_are_refused(p):
    with pytest.raises(ValueError, match="wanted a number above 0 and below 1"):
        angle([2.0, 1.0], 1).quantile(p)


SPECTRA = {
    "one other": [1.0, -0.6],
    "equal": [1.0] + [0.9] * 63,
    "falling": list(0.8 ** np.arange(20)),
    "both signs, and zero": [2.0, -1.6, 1.6, 1.0, -0.5, 0.0],
}


@pytest.mark.parametrize("name", SPECTRA)
def test_quantiles_for_many_k_are_those_of_each(name):
    k, p = [0, 1, 7, 150, 10**5], [0.001, 0.05, 0.5, 0.95, 0.999]
    found = angle_quantiles(SPECTRA[name], k, p)
    np.testing.assert_allclose(found, [angle(SPECTRA[name], steps).quantile(p) for steps in k], rtol=0, atol=1e-8)


def test_quantiles_of_equal_eigenvalues_are_those_of_an_F_distribution():
    p = np.array([0.01, 0.5, 0.99])
    want = np.log10(15 * stats.f(15, 1).ppf(p)) / 2 + 20 * np.log10(0.7)
    np.testing.assert_allclose(angle_quantiles([1.0] + [0.7] * 15, [20], p), want[None], atol=1e-8)


@pytest.mark.parametrize("k", [0, 1, 5, 400])
def test_the_bound_promises_what_its_quantile_says(k):
    law, p = angle(VALUES, k), np.array([0.5, 0.95, 0.999])
    np.testing.assert_allclose(law.bound(law.bound_quantile(p)), 1 - p)
    assert np.all(law.bound_quantile(p) >= law.quantile(p))


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


@pytest.mark.parametrize(
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
