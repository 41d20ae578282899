"""Powers of one matrix, and the conditions for vanishing and exploding.

Oracles: whole numbers of unlimited size, and fractions, for powers; the package's own gradients, which are tested
elsewhere; simulation.
"""

import math
from fractions import Fraction
from itertools import product

import mpmath
import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, forward, init_params, log10_gradient_norms
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.laws import (
    conditions,
    log10_bound,
    modes,
    triangle,
)

LN10 = math.log(10)
EPS = np.finfo(float).eps
VANISHED = math.log10(np.finfo(np.float32).tiny)


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


def rounding(W, law, k):
    """A bound of the error of W^k by rounding, to first order, in the spectral norm and in units of rho^k.

    An eigenvalue that is off moves its k-th power k times as far; kappa carries that back into W's own coordinates.
    """
    W, size = np.array(W, float), len(W) * EPS
    off = np.linalg.norm(law.inverse @ (W @ law.vectors - law.vectors * law.values), 2)
    drift = (off + law.condition * size * np.linalg.norm(W, 2)) / law.radius
    return law.condition * (size + k * drift)


@for_each("name", WHOLE)
@for_each("k", [0, 1, 7, 40])
def test_the_modes_make_up_the_power_within_rounding(name, k):
    found, want = modes(WHOLE[name]), exact_power(WHOLE[name], k).astype(float)
    power = (found.vectors * found.values**k) @ found.inverse
    off = np.linalg.norm(power - want, 2) / found.radius**k
    assert off <= rounding(WHOLE[name], found, k) < 1e-6


@for_each("name", WHOLE)
def test_norms_of_powers_in_whole_numbers(name):
    W, v, k = WHOLE[name], list(range(1, len(WHOLE[name]) + 1)), np.array([0, 1, 2, 3, 50, 700])
    found = modes(W)
    want = np.array([log10_norm(exact_power(W, int(steps)) @ np.array(v, object)) for steps in k])
    in_v = rounding(W, found, k) * np.linalg.norm(v) * 10 ** (k * math.log10(found.radius) - want)
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


@for_each("kind", ["gaussian", "orthogonal", "symmetric"])
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


@for_each(
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
        for f in (lambda k: law.log10_norms([1, 1], k), lambda k: log10_bound(np.eye(2), k)):
            with pytest.raises(error, match=r"k .*wanted whole numbers"):
                f(k)
    with pytest.raises(ValueError, match=r"v has shape \(3,\), wanted \(n,\) = \(2,\)"):
        law.log10_norms([1, 1, 1], 1)
    with pytest.raises(FloatingPointError, match="the eigenvalues of W overflow float64"):
        modes(np.full((2, 2), 1e308))


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
each_triangle = for_each("entries", TRIANGLES)


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


@for_each("b", [0, Fraction(-1, 4), Fraction(-1, 2), -1])
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


@for_each(("entries", "words"), [((0, 0, 1), "a is 0"), ((0.5, 0.6, 1), r"\|b\| <= a"), ((1, 1, math.inf), "c")])
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


@for_each("activation", ACTIVATIONS)
@for_each("g", [0.3, 0.9, 1.6, 5.0])
@for_each("seed", range(3))
def test_no_gradient_grows_faster_than_the_bound(activation, g, seed):
    params = init_params(2, 8, 2, scale=g, seed=seed)
    got = gradients(params, T=60, activation=activation, seed=seed)
    k = np.arange(60)
    assert np.all(got <= log10_bound(params.W_hh, k, activation) + 1e-9)


@for_each("activation", ["identity", "tanh", "sigmoid"])
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


@for_each(("activation", "g"), [("tanh", 0.99), ("relu", 0.99), ("identity", 0.99), ("sigmoid", 3.9)])
@for_each("size", [0, 1, 100])
def test_a_largest_singular_value_below_one_over_gamma_is_sufficient_to_vanish(activation, g, size):
    params = init_params(2, 8, 2, kind="orthogonal", scale=g, seed=1)
    assert conditions(params.W_hh, activation)[-3:-1] == ("certain", "excluded")
    got = gradients(params, T=1000, activation=activation, size=size)
    assert np.all(np.diff(got[np.isfinite(got)]) < 0) and got[-1] < -4


@for_each("activation", ["tanh", "identity"])
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


@for_each("seed", range(10))
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


@for_each("seed", range(10))
def test_where_every_eigenvalue_is_above_one_every_gradient_explodes(seed):
    """The least singular value of W^k, from NumPy's powers, is what the gradient that fares worst is multiplied by."""
    rng = np.random.default_rng(seed)
    V = rng.normal(size=(4, 4))
    W = V @ np.diag(rng.choice([-1, 1], 4) * rng.uniform(1.2, 2, 4)) @ np.linalg.inv(V)
    assert conditions(W, "identity")[-3:-1] == ("excluded", "certain")
    assert np.linalg.svd(np.linalg.matrix_power(np.linalg.inv(W), 150), compute_uv=False)[0] < 1e-3


@for_each(
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


@for_each("seed", range(5))
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
