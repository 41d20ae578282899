"""Log singular values of long products of Jacobians, Lyapunov exponents, the growth of a vector, the range of a dtype.

Oracles: for products, whole numbers of unlimited size. Every float64 is a whole number times a power of two, so slope
times weight is one too; only the running product is rounded, to as many thousand bits as its singular values
span and a hundred more. mpmath finds the singular values of the result. The package factorizes every step instead, and
rescales. Besides: NumPy's SVD for short products, determinants, and closed forms, each said where it is used.
"""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, forward, init_params
from d2lbptt.growth.spectra import (
    horizon,
    jacobian_spectrum,
    lyapunov_exponents,
    power_growth,
    singular_values,
    spectral_radius,
)

KINDS = ("gaussian", "orthogonal", "symmetric", "identity")


def repeated(W, T):
    """The trace whose Jacobians are all W."""
    n = len(W)
    return forward(Params(np.zeros((n, 1)), np.array(W, float), np.zeros((1, n))), np.zeros((T, 1)))


def driven(n, T, activation, *, g=1.0, kind="gaussian", seed=0):
    rng = np.random.default_rng([seed, 1])
    params = init_params(1, n, 1, scale=g, kind=kind, seed=seed)
    return forward(params, rng.normal(size=(T, 1)), h0=rng.normal(size=n), activation=activation)


def relu_at_rest(W, rest):
    """A relu network in which unit i rests at step t where rest[t - 1, i]: its states are put in by hand."""
    T, n = rest.shape
    trace = forward(Params(np.zeros((n, 1)), W, np.zeros((1, n))), np.zeros((T, 1)), activation="relu")
    return trace._replace(h=np.vstack([np.ones(n), ~rest]))


def slopes_of(trace):
    """phi'(z_t) as the trace's states say it, row t - 1 for step t."""
    h = trace.h[1:].astype(float)
    return {
        "identity": lambda: np.ones_like(h),
        "tanh": lambda: 1 - h * h,
        "sigmoid": lambda: h * (1 - h),
        "relu": lambda: np.where(h > 0, 1.0, 0.0),
    }[trace.activation]()


# --- the oracle ---


def whole(A):
    """Whole numbers and an exponent: A is exactly the numbers times 2^exponent."""
    mantissa, exponent = np.frexp(A)
    low = int(exponent[A != 0].min(initial=10**6))
    numbers = [int(m * 2**53) << max(int(e) - low, 0) for m, e in zip(mantissa.flat, exponent.flat, strict=True)]
    return np.array(numbers, object).reshape(A.shape), low - 53


def multiplied(W, slopes, bits):
    """The product of all diag(slope) W as whole numbers and an exponent, rounded to so many bits of the largest."""
    W, w_exponent = whole(W)
    product, exponent = np.array([[int(i == j) for i in range(len(W))] for j in range(len(W))], object), 0
    for slope in slopes:
        s, s_exponent = whole(slope)
        product = (s[:, None] * W) @ product
        exponent += w_exponent + s_exponent
        surplus = max(abs(number) for number in product.flat).bit_length() - bits
        if surplus > 0:
            product, exponent = product >> surplus, exponent + surplus
    return product, exponent


def log_of(number, exponent):
    return float(mpmath.log(number) + exponent * mpmath.log(2)) if number else -math.inf


def true_spectrum(trace, span, start=0, stop=None):
    """The log singular values by many digits, given how far they are apart (in natural logarithms) at least."""
    bits = int(span / math.log(2)) + 300
    product, exponent = multiplied(trace.params.W_hh, slopes_of(trace)[start:stop], bits)
    with mpmath.workprec(bits):
        sigma = mpmath.svd_r(mpmath.matrix(product.tolist()), compute_uv=False)
        floor = max(sigma) * mpmath.mpf(2) ** (150 - bits)  # what is below it is a zero, rounded
        return np.array([log_of(s if s > floor else 0, exponent) for s in sigma])


def span_of(spectrum):
    finite = spectrum.log[np.isfinite(spectrum.log)]
    return np.ptp(finite) if len(finite) else 0.0


def distance(got, want):
    return np.abs(np.subtract(got, want, out=np.zeros(len(want)), where=got != want))


def checked(trace, atol, **steps):
    """The spectrum, once it is within atol of the truth and its error estimate covers the distance."""
    spectrum = jacobian_spectrum(trace, **steps)
    off = distance(spectrum.log, true_spectrum(trace, span_of(spectrum), **steps))
    assert np.all(off <= spectrum.error), (off, spectrum.error)
    assert off.max() <= atol
    return spectrum


# --- a thousand Jacobians of sixteen units ---

T, N = 1000, 16
PAIRS = np.repeat(np.geomspace(1.05, 0.7, N // 2), 2)


def rotations(moduli):
    """A block diagonal matrix: each two equal moduli become a pair of conjugate eigenvalues."""
    blocks = np.zeros((len(moduli), len(moduli)))
    for i, r in enumerate(moduli[::2]):
        c, s = r * np.cos(1 + i), r * np.sin(1 + i)
        blocks[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
    return blocks


def basis(kind):
    return init_params(1, N, 1, kind=kind, seed=7).W_hh


def similar(A, kind):
    V = basis(kind)
    return V @ A @ np.linalg.inv(V)


CASES = {
    "chaotic tanh": lambda: driven(N, T, "tanh", g=1.5),
    "orthogonal, tanh": lambda: driven(N, T, "tanh", g=1.0, kind="orthogonal"),
    "sigmoid": lambda: driven(N, 300, "sigmoid", g=4.0),
    "repeated gaussian": lambda: repeated(basis("gaussian"), T),
    "repeated orthogonal": lambda: repeated(0.9 * basis("orthogonal"), T),
    "plus and minus lambda": lambda: repeated(similar(np.diag(PAIRS * np.tile([1, -1], N // 2)), "orthogonal"), T),
    "conjugate pairs": lambda: repeated(similar(rotations(PAIRS), "gaussian"), T),
    "one modulus": lambda: repeated(similar(rotations(np.ones(N)), "gaussian"), T),
    "relu with units at rest": lambda: relu_at_rest(
        1.5 * basis("gaussian"), np.random.default_rng(0).random((T, N)) < 0.1
    ),
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] * (case not in ("chaotic tanh", "sigmoid"))) for case in CASES]
)
def test_a_thousand_jacobians(case):
    """1e-3 was wanted; the QR of every step and the rotations together are far better."""
    spectrum = checked(CASES[case](), 1e-8)
    assert np.all(spectrum.error < 1e-3)
    assert np.all(np.diff(spectrum.log[np.isfinite(spectrum.log)]) <= 0)


def test_what_is_equal_in_theory_is_equal():
    """Orthogonal: all; symmetric with plus and minus lambda: by pairs, T log |lambda|."""
    same = jacobian_spectrum(CASES["repeated orthogonal"]())
    assert np.all(np.abs(same.log - T * math.log(0.9)) <= same.error)
    pairs = jacobian_spectrum(CASES["plus and minus lambda"]())
    np.testing.assert_allclose(pairs.log, T * np.log(PAIRS), atol=1e-9)


def test_the_longest_sequence_overflows_nothing():
    """The sum of the logs is log |det|, here of 12,000 factors."""
    trace = driven(3, 12_000, "tanh", g=2.0)
    spectrum = jacobian_spectrum(trace)
    want = 12_000 * np.linalg.slogdet(trace.params.W_hh)[1] + np.log(slopes_of(trace)).sum()
    assert abs(spectrum.log.sum() - want) <= spectrum.error.sum() < 1e-3
    assert spectrum.log10[-1] < -3000


@pytest.mark.slow
@for_each("kind", KINDS)
@for_each("activation", ["identity", "tanh"])
def test_sixty_four_units(kind, activation):
    """The oracle would take minutes here; the determinant is one number that it must give."""
    W = init_params(1, 64, 1, scale=1.2, kind=kind).W_hh
    trace = repeated(W, T) if activation == "identity" else driven(64, T, "tanh", g=1.2, kind=kind)
    spectrum = jacobian_spectrum(trace)
    assert np.all(spectrum.error < 1e-3)
    want = T * np.linalg.slogdet(trace.params.W_hh)[1] + np.log(slopes_of(trace)).sum()
    assert abs(spectrum.log.sum() - want) <= spectrum.error.sum() + 1e-9


# --- short products, and parts of long ones ---


@for_each("kind", KINDS)
@for_each("steps", [(0, 1), (3, 4), (2, 5), (0, 6), (4, None)])
def test_short_products_are_those_of_numpy(kind, steps):
    trace = driven(5, 6, "tanh", g=1.5, kind=kind)
    factors = [np.diag(slope) @ trace.params.W_hh for slope in slopes_of(trace)[slice(*steps)]]
    product, size = np.eye(5), 1.0
    for factor in factors:
        product, size = factor @ product, size * np.linalg.norm(factor)
    got = jacobian_spectrum(trace, *steps)
    sigma = np.linalg.svd(product, compute_uv=False)
    np.testing.assert_allclose(np.exp(got.log), sigma, rtol=0, atol=1e-13 * size)  # what NumPy's are good for
    np.testing.assert_allclose(10**got.log10, np.exp(got.log), rtol=1e-12)


@for_each("steps", [10, 30, 100])
def test_products_of_middling_length(steps):
    """Here neighbouring singular values are close and the outer ones beyond float64."""
    checked(driven(12, 200, "tanh", g=1.5), 1e-10, start=200 - steps)


def test_float32_states_are_taken_as_they_are():
    params = init_params(1, 4, 1, scale=1.5, dtype=np.float32)
    trace = forward(params, np.ones((50, 1), np.float32), activation="tanh", h0=np.full(4, 0.3, np.float32))
    checked(trace._replace(params=params._replace(W_hh=params.W_hh.astype(float))), 1e-10)
    single = jacobian_spectrum(trace)
    double = jacobian_spectrum(trace._replace(h=trace.h.astype(float)))
    assert single.log.dtype == np.float64 and np.array_equal(single.log, double.log)


# --- zeros ---


def test_units_at_rest_make_exact_zeros():
    """At most as many directions survive as units are awake at the worst step: for a Gaussian W, exactly so many."""
    trace = CASES["relu with units at rest"]()
    rank = slopes_of(trace).sum(1).min()
    spectrum = jacobian_spectrum(trace)
    assert 0 < rank < N and np.isfinite(spectrum.log).sum() == rank
    assert np.all(spectrum.error[np.isneginf(spectrum.log)] == 0)


@for_each(
    ("W", "steps", "rank"),
    [
        (np.zeros((3, 3)), 1, 0),
        ([[0, 7], [0, 0]], 1, 1),
        ([[0, 7], [0, 0]], 2, 0),
        (np.triu(np.ones((4, 4)), 1), 1, 3),
        (np.triu(np.ones((4, 4)), 1), 3, 1),
        (np.triu(np.ones((4, 4)), 1), 4, 0),
        (np.diag([2.0, 0.0, 1.0]), 900, 2),
    ],
)
def test_the_rank_of_a_power(W, steps, rank):
    spectrum = jacobian_spectrum(repeated(W, steps))
    assert np.isfinite(spectrum.log).sum() == rank
    assert np.all(spectrum.error < 1e-9)


def test_identity_weights_with_units_at_rest():
    """Unit i survives if it never rests; its singular value is then g^T."""
    rest = np.zeros((300, 4), bool)
    rest[[5, 200], [1, 3]] = True
    spectrum = jacobian_spectrum(relu_at_rest(0.3 * np.eye(4), rest))
    np.testing.assert_allclose(spectrum.log, [300 * math.log(0.3)] * 2 + [-np.inf] * 2, rtol=1e-13)


def test_units_without_connections_keep_their_own_product():
    """They overtake one another again and again, which no orthonormal basis could follow through 16 digits."""
    trace = driven(6, T, "tanh", g=2.5, kind="identity")
    want = np.sort(np.log(2.5 * slopes_of(trace)).sum(0))[::-1]
    spectrum = jacobian_spectrum(trace)
    assert np.all(np.abs(spectrum.log - want) <= spectrum.error) and np.all(spectrum.error < 1e-9)


# --- the error estimate ---


def random_problem(seed):
    rng = np.random.default_rng(seed)
    n, steps = int(rng.integers(1, 7)), int(rng.choice([1, 2, 5, 20, 80]))
    W = rng.normal(size=(n, n)) * 10 ** rng.uniform(-1, 1)
    shape = rng.integers(6)
    if shape == 1:
        W = np.triu(W)
    elif shape == 2:
        W *= 10.0 ** -rng.uniform(0, 8, (n, 1))
    elif shape == 3:
        W *= 10.0 ** -rng.uniform(0, 4, (1, n))
    elif shape == 4:
        W *= rng.random((n, n)) < 0.4
    elif shape == 5:
        V = rng.normal(size=(n, n))
        W = V @ np.diag(rng.choice([1, -1, 0.5], n)) @ np.linalg.inv(V)
    params = Params(rng.normal(size=(n, 1)), W, np.zeros((1, n)), 2 * rng.normal(size=n))
    activation = str(rng.choice(["identity", "tanh", "relu", "sigmoid"]))
    return forward(params, rng.normal(size=(steps, 1)) * 10 ** rng.uniform(-1, 1), activation=activation)


@for_each("seeds", [range(k, k + 40) for k in range(0, 200, 40)])
def test_the_error_estimate_covers_the_error(seeds):
    """Full, triangular, graded, sparse matrices and some with equal moduli; any activation, saturated or not."""
    for seed in seeds:
        trace = random_problem(seed)
        spectrum = jacobian_spectrum(trace)
        off = distance(spectrum.log, true_spectrum(trace, 1.5 * span_of(spectrum) + 300))
        assert np.all(off <= spectrum.error), seed


@for_each("size", [3, 5, 23])
def test_large_jordan_blocks(size):
    """The eigenvalue of a block of n moves with the n-th root of a perturbation: in the end no digit is right."""
    trace = repeated(np.eye(size) / 2 + np.eye(size, k=1) / 2, 300)
    spectrum = jacobian_spectrum(trace)
    off = distance(spectrum.log, true_spectrum(trace, 1000))
    assert np.all(off <= spectrum.error)
    if size == 3:
        assert spectrum.error.max() < 1e-3
    if size == 23:
        assert off.max() > 1 and np.isinf(spectrum.error).any()


def test_a_direction_that_rests_and_then_takes_over():
    """Two units saturate by turns, and a link of 1e-12 decides how the product ends: not a question for 16 digits."""
    W = np.array([[1.5, 0], [1e-12, 1.5]])
    x = np.zeros((400, 2))
    x[:200, 1] = x[200:, 0] = 3
    spectrum = jacobian_spectrum(forward(Params(np.eye(2), W, np.eye(2)), x, activation="tanh"))
    assert np.isinf(spectrum.error).all()


def test_a_zero_that_rounding_hides_is_no_silent_number():
    W = np.outer(*np.random.default_rng(0).normal(size=(2, 4)))
    spectrum = jacobian_spectrum(repeated(W, 10))
    want = 10 * math.log(abs(np.trace(W))) + math.log(np.linalg.norm(W) / abs(np.trace(W)))
    assert abs(spectrum.log[0] - want) <= spectrum.error[0] < 1e-9
    assert np.isinf(spectrum.error[1:]).all()


# --- Lyapunov exponents ---


def test_the_exponents_of_powers_are_eigenvalues():
    moduli = np.array([1.1, 1.1, 0.8, 0.8, 0.3, 0.3])
    V = np.random.default_rng(3).normal(size=(6, 6))
    found = lyapunov_exponents(repeated(V @ rotations(moduli) @ np.linalg.inv(V), 4000))
    assert np.all(np.abs(found.rate - np.log(moduli)) <= 4 * found.error)
    assert np.all(found.error < 1e-3)


@for_each("steps", [200, 400, 800])
def test_a_product_is_not_its_exponents(steps):
    """W^T is about lambda_1^T x y^T: log sigma_1 lies T lambda_1 above by -log cos(x, y), for right and left x, y."""
    V = np.array([[1.0, 1.0], [0.0, 0.05]])
    W = V @ np.diag([0.9, 0.6]) @ np.linalg.inv(V)
    x, y = V[:, 0], np.linalg.inv(V)[0]
    above = -math.log(abs(x @ y) / np.linalg.norm(x) / np.linalg.norm(y))
    assert above > 2
    product, exponents = jacobian_spectrum(repeated(W, steps)), lyapunov_exponents(repeated(W, steps))
    assert product.log[0] - steps * math.log(0.9) == pytest.approx(above, abs=1e-9)
    apart = abs(product.log[0] / steps - exponents.rate[0])
    assert apart > 100 * (product.error[0] / steps + exponents.error[0])
    assert apart == pytest.approx(above / steps, abs=4 * exponents.error[0])


def test_the_exponents_add_up_to_the_determinant():
    trace = driven(16, T, "tanh", g=1.5)
    found = lyapunov_exponents(trace, discard=100, blocks=9)
    want = np.linalg.slogdet(trace.params.W_hh)[1] + np.log(slopes_of(trace)[100:]).sum(1).mean()
    assert found.rate.sum() == pytest.approx(want, abs=1e-9)


def test_the_standard_error_is_the_spread_between_runs():
    """40 inputs: their standard deviation is known to 1 in sqrt(2 * 39), and no better is asked for (4 of them)."""
    params = init_params(1, 3, 1, scale=1.5)
    xs = np.random.default_rng(0).normal(size=(40, 500, 1))
    runs = [lyapunov_exponents(forward(params, x, activation="tanh")) for x in xs]
    spread = np.std([run.rate for run in runs], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([run.error**2 for run in runs], axis=0))
    assert np.all(np.abs(claimed / spread - 1) < 4 / math.sqrt(78))


def test_units_without_connections_have_the_average_of_their_slopes():
    trace = driven(5, 800, "tanh", g=1.5, kind="identity")
    found = lyapunov_exponents(trace, discard=0)
    np.testing.assert_allclose(found.rate, np.sort(np.log(1.5 * slopes_of(trace)).mean(0))[::-1], atol=1e-12)


def test_directions_that_end():
    trace = CASES["relu with units at rest"]()
    found = lyapunov_exponents(trace)
    assert np.isfinite(found.rate).sum() == slopes_of(trace).sum(1).min()
    assert np.all(found.error[np.isneginf(found.rate)] == 0)


def test_an_exponent_that_is_only_rounding_says_so():
    found = lyapunov_exponents(repeated(np.outer(*np.random.default_rng(0).normal(size=(2, 4))), 50))
    assert np.isfinite(found.error[0]) and np.isinf(found.error[1:]).all()


# --- one vector ---


def log_norm(v):
    return math.log(sum(int(a) ** 2 for a in v)) / 2 if any(v) else -math.inf


@for_each("M", [[[2, 3], [-3, 5]], [[3, 1], [0, 3]], [[0, 7], [0, 0]], [[0, 4], [1, 0]]])
def test_powers_in_whole_numbers(M):
    found, v, want = power_growth(M, [1, 2], 700), np.array([1, 2], object), []
    for _ in range(701):
        want.append(log_norm(v))
        v = np.array(M, object) @ v
    assert np.all(distance(found.log, np.array(want)) < 1e-11)
    np.testing.assert_allclose(found.log10, np.array(want) / math.log(10), rtol=1e-12)


def test_the_direction_turns_to_the_eigenvector():
    """M symmetric, v = sum x_i v_i: tan^2 of the angle to v_1 is sum (lambda_i / lambda_1)^2k x_i^2 / x_1^2, i > 1."""
    M, v, k = init_params(1, 5, 1, kind="symmetric", seed=2).W_hh, np.arange(1.0, 6.0), np.arange(61)
    values, vectors = np.linalg.eigh(M)
    order = np.argsort(-np.abs(values))
    values, vectors = values[order], vectors[:, order]
    x = v @ vectors
    want = ((values[1:, None] / values[0]) ** (2 * k) * (x[1:, None] / x[0]) ** 2).sum(0)
    along = power_growth(M, v, 60).direction @ vectors
    np.testing.assert_allclose((along[:, 1:] ** 2).sum(1) / along[:, 0] ** 2, want, rtol=1e-6, atol=1e-28)


def test_a_vector_that_ends():
    found = power_growth([[0, 7], [0, 0]], [3, 4], 4)
    assert np.isneginf(found.log).tolist() == [False] * 2 + [True] * 3 and not found.direction[2:].any()
    np.testing.assert_allclose(found.direction[:2], [[0.6, 0.8], [1, 0]])


@pytest.mark.slow
def test_singular_values_and_exponents_over_ten_networks():
    """What notebook 07 says of their difference; 64 units, g = 1.5, in nats, the largest over the directions.

    Over the same steps it does not grow with T (seen: 3 to 7); with a tenth left out it does (10 to 56), and so does
    the standard error of T times an exponent, as sqrt(T).
    """
    lengths = (250, 1000, 4000)
    same, other, chance = np.empty((3, 10, 3))
    for seed in range(10):
        params = init_params(1, 64, 1, scale=1.5, seed=seed)
        x = 0.1 * np.random.default_rng((seed, 1)).normal(size=(lengths[-1], 1))
        for i, T in enumerate(lengths):
            trace = forward(params, x[:T], activation="tanh")
            values = jacobian_spectrum(trace).log
            own, later = lyapunov_exponents(trace, discard=0), lyapunov_exponents(trace)
            same[seed, i] = np.abs(values - T * own.rate).max()
            other[seed, i] = np.abs(values - T * later.rate).max()
            chance[seed, i] = np.median(T * later.error)
    assert same.max() < 12 and np.abs(same[:, 2] - same[:, 1]).max() < 1
    assert np.median(other[:, 2]) > 1.5 * np.median(other[:, 0]) > 3 * np.median(same[:, 0])
    assert 2 < np.median(chance[:, 2] / chance[:, 0]) < 8  # sqrt(4000 / 250) is 4


# --- the range of a dtype ---

RHOS = [0.0, 1e-300, 0.1, 0.25, 0.3, 0.5, math.sqrt(0.5), 0.9, 0.99, 1.0, 1.01, 1.1, math.sqrt(2), 2.0, 3.0, 4.0, 1e300]


def first(holds, guess):
    """Whether ``guess`` is the first k from 1 on, since sizes rise or fall all the way."""
    return holds(guess) and (guess <= 1 or not holds(guess - 1))


def perturbed_runs(dtype):
    """The largest number, the smallest normal one and the smallest one of a dtype, in fractions."""
    info = np.finfo(dtype)
    return (Fraction(float(number)) for number in (info.max, info.smallest_normal, info.smallest_subnormal))


@for_each("dtype", [np.float32, np.float64])
@for_each("rho", RHOS)
def test_the_horizon_in_exact_fractions(rho, dtype):
    """Rounded to the nearest; halves go to the even neighbour, which is inf, the normal number and 0."""
    (largest, normal, smallest), found, exact = perturbed_runs(dtype), horizon(rho, dtype), Fraction(rho)
    top = Fraction(2) ** round(math.log2(largest))  # the power of two after the largest number
    ends = {
        "overflow": lambda k: exact**k >= (largest + top) / 2,
        "subnormal": lambda k: exact**k < normal - smallest / 2,
        "zero": lambda k: exact**k <= smallest / 2,
    }
    happen = {"overflow": rho > 1, "subnormal": rho < 1, "zero": rho < 1}
    for end, holds in ends.items():
        k = getattr(found, end)
        assert first(holds, k) if happen[end] else k == math.inf, (end, k)


@for_each("rho", [0.5, 0.9, 0.99, 0.999])
def test_the_horizon_is_where_powers_of_high_precision_round_to_zero(rho):
    """mpmath rounds rho^k to 53 bits, and ``ldexp`` once more, to subnormal numbers: half of the smallest goes to 0."""
    k = horizon(rho).zero
    with mpmath.workprec(200):
        last, gone = (float(mpmath.mpf(rho) ** step) for step in (k - 1, k))
    assert last == np.finfo(float).smallest_subnormal and gone == 0
    single = horizon(rho, np.float32).zero  # of float64 digits float32 makes the same, away from a half
    assert np.float32(rho ** (single - 1)) == np.finfo(np.float32).smallest_subnormal and np.float32(rho**single) == 0


@for_each("rho", [1 - 2.0**-53, 1 - 1e-12, 1 + 1e-12, 1 + 2.0**-52, 1 - 2.0**-30, 1 + 2.0**-30])
@for_each("dtype", [np.float32, np.float64])
def test_the_horizon_of_what_is_nearly_one(rho, dtype):
    """With 400 bits, where the rate alone would be off by whole steps, and half a unit in the last place by many."""
    largest, _, smallest = perturbed_runs(dtype)
    unit = largest - Fraction(float(np.nextafter(np.finfo(dtype).max, dtype(0), dtype=dtype)))
    end = largest + unit / 2 if rho > 1 else smallest / 2
    with mpmath.workprec(400):
        wanted = int(mpmath.ceil(mpmath.log(mpmath.mpf(end.numerator) / end.denominator) / mpmath.log(mpmath.mpf(rho))))
    found = horizon(rho, dtype)
    assert (found.overflow if rho > 1 else found.zero) == wanted


def test_the_horizon_is_where_powers_give_out():
    for rho in (1.1, 2.0, 37.0):
        k = horizon(rho).overflow
        with np.errstate(over="ignore"):
            assert np.isfinite(np.float64(rho) ** (k - 1)) and np.isinf(np.float64(rho) ** k)
    for rho in (0.3, 0.5, 0.9):
        assert 0 < rho ** (horizon(rho).zero - 1) < np.finfo(float).smallest_normal
        assert rho ** (horizon(rho).zero + 1) == 0


@for_each("dtype", [np.float32, np.float64])
@for_each("rho", [0.3, 0.5, 0.51, 0.6, 0.9, 0.99])
def test_repeated_multiplication_sticks_above_zero(rho, dtype):
    """At the largest m with rho m rounded to m, in exact fractions; for 1/2 and below there is none."""
    exact, product = Fraction(float(dtype(rho))), dtype(1)
    for _ in range(2 * horizon(rho, dtype).zero):
        product *= dtype(rho)
    stays = [m for m in range(1, 200) if round(exact * m) == m]  # Python rounds halves to the even number as well
    assert product == max(stays, default=0) * np.finfo(dtype).smallest_subnormal
    assert (product == 0) == (rho <= 0.5)


@for_each("rho", [0.4, 0.97, 1.03, 5.0])
@for_each("dtype", [np.float32, np.float64])
def test_the_horizon_is_that_of_a_power_as_it_is_multiplied(rho, dtype):
    log = power_growth(rho * np.eye(2), [0.6, 0.8], 30_000 if rho in (0.97, 1.03) else 2000).log
    info = np.finfo(dtype)
    high, normal, low = (math.log(end) for end in (info.max, info.smallest_normal, info.smallest_subnormal))
    ends = log >= high, log < normal, log <= low - math.log(2)
    assert horizon(rho, dtype) == tuple(int(np.argmax(out)) if out.any() else math.inf for out in ends)


# --- one matrix ---


@for_each("kind", ["orthogonal", "identity"])
def test_radius_and_sigma_of_a_scaled_rotation(kind):
    W = init_params(1, 8, 1, scale=0.7, kind=kind).W_hh
    assert spectral_radius(W) == pytest.approx(0.7, rel=1e-12)
    np.testing.assert_allclose(singular_values(W), 0.7, rtol=1e-12)


def test_two_by_two():
    """rho from the quadratic equation; sigma from sigma_1 sigma_2 = |det| and sigma_1^2 + sigma_2^2 = |W|_F^2."""
    W = np.array([[0.5, 4.0], [0.1, 0.2]])
    trace, det = 0.7, 0.1 - 0.4
    assert spectral_radius(W) == pytest.approx((trace + math.sqrt(trace**2 - 4 * det)) / 2, rel=1e-14)
    sigma = singular_values(W)
    assert sigma[0] >= sigma[1] and sigma.prod() == pytest.approx(-det, rel=1e-13)
    assert (sigma**2).sum() == pytest.approx((W**2).sum(), rel=1e-14)


def test_a_singular_value_beyond_float64():
    """All entries are a, so that sigma_max = 2 a."""
    assert singular_values(np.full((2, 2), 5e307))[0] == pytest.approx(1e308)
    with pytest.raises(FloatingPointError, match="sigma_max of W overflows float64"):
        singular_values(np.full((2, 2), 1e308))


# --- what does not fit ---

ONE, BATCH = np.ones((5, 1)), np.ones((5, 3, 1))
TRACE = forward(init_params(1, 2, 2), ONE)


@for_each(
    ("call", "error", "words"),
    [
        (lambda: jacobian_spectrum(None), TypeError, ["trace", "NoneType", "Trace"]),
        (
            lambda: jacobian_spectrum(forward(init_params(1, 2, 2), BATCH)),
            ValueError,
            ["batch", "B = 3", "one sequence"],
        ),
        (lambda: lyapunov_exponents(forward(init_params(1, 2, 2), BATCH)), ValueError, ["B = 3", "one sequence"]),
        (lambda: jacobian_spectrum(forward(init_params(1, 2, 2), ONE + 0j)), TypeError, ["complex", "real"]),
        (lambda: jacobian_spectrum(TRACE, stop=6), ValueError, ["stop", "6", "T = 5"]),
        (lambda: jacobian_spectrum(TRACE, 3, 3), ValueError, ["start", "3", "stop - 1 = 2"]),
        (lambda: jacobian_spectrum(TRACE, -1), ValueError, ["start", "-1"]),
        (lambda: jacobian_spectrum(TRACE, 0.5), TypeError, ["start", "0.5", "whole number"]),
        (lambda: lyapunov_exponents(TRACE, blocks=1), ValueError, ["blocks", "1", "from 2"]),
        (lambda: lyapunov_exponents(TRACE, blocks=4, discard=2), ValueError, ["discard", "2", "T - blocks = 1"]),
        (lambda: power_growth(np.eye(2), [1, 2, 3], 1), ValueError, ["v", "(3,)", "(n,)"]),
        (lambda: power_growth(np.eye(2), [0, 0], 1), ValueError, ["v is zero"]),
        (lambda: power_growth(np.eye(2), [1, np.nan], 1), ValueError, ["v", "nan", "finite"]),
        (lambda: power_growth(np.ones((2, 3)), [1, 1], 3), ValueError, ["M", "(2, 3)", "(n, n)"]),
        (lambda: power_growth(np.eye(2), [1, 1], -1), ValueError, ["K", "-1"]),
        (lambda: power_growth(np.eye(2), [1, 1], 10**18), ValueError, ["bytes", "K = 1000000000000000000"]),
        (lambda: spectral_radius(3.0), ValueError, ["W", "()", "(n, n)"]),
        (lambda: singular_values([[1, np.inf], [0, 1]]), ValueError, ["W", "inf", "finite"]),
        (lambda: horizon(-1), ValueError, ["rho", "-1", "from 0"]),
        (lambda: horizon(math.nan), ValueError, ["rho", "nan"]),
        (lambda: horizon(2, np.float16), TypeError, ["float16", "float32 or float64"]),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error) as info:
        call()
    assert all(word in str(info.value) for word in words), info.value


@for_each(
    "change",
    [
        {"activation": "x"},
        {"h": TRACE.h * np.nan},
        {"h": TRACE.h[:, :1]},
        {"h": "no"},
        {"params": None},
        {"params": TRACE.params._replace(W_hh=np.ones((3, 3)))},
        {"params": TRACE.params._replace(W_hh="no")},
    ],
)
def test_a_trace_that_was_changed_is_looked_at(change):
    changed = TRACE._replace(**change)
    for look in (jacobian_spectrum, lyapunov_exponents):
        with pytest.raises((TypeError, ValueError), match="wanted"):
            look(changed)
