"""Derivatives from values alone.

Oracle: functions whose derivatives are known in closed form, or from mpmath with many digits.
"""

import math

import mpmath
import numpy as np
import pytest
from loops import for_each

from d2lbptt.checking.finite_differences import Difference, _AlongEntries, central_difference, complex_step, ridders

# f of an array, as a sum over its entries of a function, and the derivative of that.
KNOWN = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "cubic": (lambda z: z**3 - 2 * z, lambda z: 3 * z**2 - 2),
    "bell": (lambda z: 1 / (1 + z**2), lambda z: -2 * z / (1 + z**2) ** 2),
    "wave": (lambda z: np.sin(30 * z), lambda z: 30 * np.cos(30 * z)),
    "linear": (lambda z: 3 * z, lambda z: 3 + 0 * z),
    "constant": (lambda z: 0 * z + 1, lambda z: 0 * z),
}
THETAS = {
    "number": np.array(0.7),
    "vector": np.array([-1.3, 0.0, 1e-3, 0.4, 2.5]),
    "matrix": np.random.default_rng(0).normal(size=(3, 4)),
    "large": np.array([10.0, -20.0, 31.4]),
}


def one_sided(f, theta):
    """The slopes from the left and from the right, as the check of a function takes them."""
    return _AlongEntries(f, theta).slopes()[1:]


def total(f):
    return lambda theta: f(theta).sum()


@for_each("name", KNOWN)
@for_each("theta", THETAS.values())
def test_the_complex_step_is_exact_but_for_rounding(name, theta):
    f, slope = KNOWN[name]
    got = complex_step(total(f), theta)
    assert got.shape == theta.shape and got.dtype == np.float64
    np.testing.assert_allclose(got, slope(theta), rtol=1e-13, atol=1e-15)


@for_each("h", [1e-10, 1e-30, 1e-200])
def test_its_step_may_be_as_small_as_one_likes(h):
    np.testing.assert_allclose(complex_step(total(np.exp), THETAS["vector"], h), np.exp(THETAS["vector"]), rtol=1e-14)


def test_it_reads_whole_numbers():
    assert complex_step(lambda theta: (theta**2).sum(), np.array([1, 2, 3])).tolist() == [2, 4, 6]


@for_each("name", KNOWN)
@for_each("theta", THETAS.values())
def test_the_central_difference_knows_how_wrong_it_is(name, theta):
    f, slope = KNOWN[name]
    # The estimate counts the rounding of the number f alone. The constant keeps f above the terms it is summed from.
    got = central_difference(lambda theta: 20 + f(theta).sum(), theta)
    assert got.value.shape == got.error.shape == theta.shape
    # A thousandth more: the estimate is right to the leading order in the step.
    assert np.all(np.abs(got.value - slope(theta)) <= 1.001 * got.error)


@for_each("name", [name for name in KNOWN if name != "wave"])
def test_its_estimate_is_no_excuse(name):
    """An estimate of 1 would cover everything: away from large arguments it stays below a millionth."""
    f, _ = KNOWN[name]
    assert np.all(central_difference(total(f), THETAS["vector"]).error < 1e-6)


def test_they_differ_where_f_is_not_analytic():
    """|z|^2 has no complex derivative: the complex step sees nothing, the central difference does."""
    square = total(lambda z: np.abs(z) ** 2)
    assert complex_step(square, np.array([1.5])) == 0
    assert central_difference(square, np.array([1.5])).value == pytest.approx(3)


# --- Ridders: extrapolated differences ---

# The estimate is the larger distance of a number from its two parents, so it tells how wrong the parents are, and it
# bounds the noise at twice what independent roundings do. It is seldom below the error; but chance may unite parents.
HONEST = 3


def honest(found, slope):
    """Whether the error is within HONEST times the estimate, everywhere."""
    assert isinstance(found, Difference) and found.value.shape == found.error.shape == np.shape(slope)
    return np.all(np.abs(found.value - slope) <= HONEST * found.error)


@for_each("name", KNOWN)
@for_each("theta", THETAS.values())
def test_ridders_knows_how_wrong_it_is_and_is_not_very_wrong(name, theta):
    f, slope = KNOWN[name]
    found = ridders(total(f), theta)
    assert honest(found, slope(theta))
    assert np.all(found.error <= 1e-10 * (1 + np.abs(slope(theta)).max()))


@for_each("name", KNOWN)
@for_each("theta", THETAS.values())
def test_both_sides_agree_where_f_is_smooth(name, theta):
    f, slope = KNOWN[name]
    left, right = one_sided(total(f), theta)
    assert honest(left, slope(theta)) and honest(right, slope(theta))
    assert np.all(np.abs(left.value - right.value) <= left.error + right.error)
    assert np.all(np.maximum(left.error, right.error) <= 1e-4 * (1 + np.abs(slope(theta)).max()))


def random_function(rng):
    """A function of a number, of random parts and scales; ``m`` is NumPy or mpmath."""
    a, b, c = (
        (rng.normal(size=4) * 10 ** rng.uniform(-2, 2, 4)).tolist(),
        rng.normal(size=4).tolist(),
        rng.normal(size=4),
    )
    b = [k * 10 ** rng.uniform(-1, 2) for k in b]

    def f(z, m=np):
        waves = a[0] * m.sin(b[0] * z + c[0]) + a[1] * m.tanh(b[1] * z + c[1])
        return waves + a[2] / (1 + (b[2] * z) ** 2) + a[3] * z**3 * m.exp(-z * z)

    return f


def slope_of(f, x, *arguments):
    with mpmath.workdps(60):
        return float(mpmath.diff(lambda z: f(z, *arguments), mpmath.mpf(float(x))))


def test_its_estimate_is_honest_for_hundreds_of_random_functions():
    rng = np.random.default_rng(0)
    ratios, sizes = [], []
    for _ in range(400):
        f, x = random_function(rng), rng.normal() * 10 ** rng.uniform(-3, 1)
        found, slope = ridders(lambda z, f=f: f(z.item()), np.array(x)), slope_of(f, x, mpmath)
        ratios.append(abs(found.value - slope) / found.error)
        sizes.append(found.error / (abs(slope) + abs(f(x))))
    assert np.max(ratios) <= HONEST and np.mean(np.array(ratios) <= 1) >= 0.99
    assert np.median(sizes) < 1e-11 and np.quantile(sizes, 0.95) < 1e-7


# An exploding linear network of one unit: h_t = w h_{t-1}, h_0 = 1, L = (h_T - 1)^2 / 2.
@for_each("w", [0.5, 0.99, 1.1, 1.5])
@for_each("T", [10, 100, 500])
def test_exploding_and_vanishing(w, T):
    def loss(theta):
        h = 1.0
        for _ in range(T):
            h = theta.item() * h
        return (h - 1) ** 2 / 2

    slope = float((mpmath.mpf(w) ** T - 1) * T * mpmath.mpf(w) ** (T - 1))
    found = ridders(loss, np.array(w))
    assert honest(found, slope)
    assert found.error <= 1e-8 * abs(slope) + 1e-13
    assert all(honest(side, slope) for side in one_sided(loss, np.array(w)))


def logistic(x, steps):
    for _ in range(steps):
        x = 4 * x * (1 - x)
    return x


@for_each("steps", [1, 5, 10, 14, 16, 18, 20, 25, 30])
def test_chaos(steps):
    """The logistic map doubles a distance in every step: 2^30 needs steps far below eps^(1/3)."""
    for x in np.random.default_rng(steps).uniform(0.05, 0.95, 20):
        slope = slope_of(logistic, x, steps)
        assert honest(ridders(lambda z: logistic(z.item(), steps), np.array(x)), slope)
        assert all(honest(side, slope) for side in one_sided(lambda z: logistic(z.item(), steps), np.array(x)))


NOISY = {
    "cancellation": lambda z: ((1e6 + np.sin(z)) - 1e6).sum(),
    "much of it": lambda z: ((1e9 + np.sin(z)) - 1e9).sum(),
    "float32 inside": lambda z: float(np.sin(z.astype(np.float32)).sum(dtype=np.float32)),
    "noise": lambda z: np.sin(z).sum() + 1e-7 * np.sin(1e20 * z).sum(),
    "many roundings": lambda z: sum(np.sin(z).sum() / 100 for _ in range(100)),
}


@pytest.mark.slow
@for_each("name", NOISY)
def test_rounding_inside_f_counts(name):
    rng, ratios, sizes = np.random.default_rng(0), [], []
    for _ in range(40):
        theta = rng.normal(size=3)
        found = ridders(NOISY[name], theta)
        ratios.append(np.abs(found.value - np.cos(theta)) / found.error)
        sizes.append(found.error)
    assert np.max(ratios) <= HONEST
    assert np.median(sizes) < 1e-3


def test_stairs_in_one_entry_alone():
    """Where one entry is rounded inside f and another is not, the far smaller step sees nothing of the first."""
    found = ridders(lambda z: ((1e8 + np.sin(z[0])) - 1e8) + np.cos(z[1]), np.array([0.7, -0.4]))
    assert honest(found, np.array([np.cos(0.7), np.sin(0.4)]))
    assert found.error.max() < 1e-3


KINKS = {
    "abs": (np.abs, -1, 1),
    "relu": (lambda z: np.maximum(z, 0), 0, 1),
    "bend": (lambda z: np.sin(z) + np.abs(z), 0, 2),
}


@for_each("name", KINKS)
def test_a_kink_has_two_slopes_and_the_estimate_of_the_middle_reaches_both(name):
    f, below, above = KINKS[name]
    left, right = one_sided(lambda z: f(z).item(), np.array(0.0))
    assert honest(left, below) and honest(right, above) and max(left.error, right.error) < 1e-10
    found = ridders(lambda z: f(z).item(), np.array(0.0))
    assert found.error == pytest.approx((above - below) / 2, abs=1e-10)
    assert found.value == pytest.approx((above + below) / 2, abs=1e-10)


@for_each("distance", [1e-11, 3e-9, 1e-7, 2e-6, 4e-5, 1e-3, 0.3])
@for_each("sign", [-1, 1])
@for_each("name", KINKS)
def test_a_kink_close_by(name, sign, distance):
    f, below, above = KINKS[name]
    slope = (above if sign > 0 else below) + ((np.cos(distance) - 1) if name == "bend" else 0)
    assert honest(ridders(lambda z: f(z).item(), np.array(sign * distance)), slope)


def test_one_entry_on_its_kink_does_not_spoil_the_others():
    theta = np.array([0.0, 0.8, -1.5])
    found, (left, right) = (find(lambda z: np.abs(z).sum() + z @ z, theta) for find in (ridders, one_sided))
    np.testing.assert_allclose(left.value, [-1, 2.6, -4], atol=1e-8)
    np.testing.assert_allclose(right.value, [1, 2.6, -4], atol=1e-8)
    assert found.error[0] >= 1 and found.error[1:].max() < 1e-10


def test_a_large_step_may_leave_the_domain():
    for f in (lambda z: np.log(z).item(), lambda z: math.log(z)):
        assert honest(ridders(f, np.array(1e-4)), 1e4)

    def overflows(z):
        with np.errstate(over="raise"):
            return np.exp(600 + 1000 * z).item()

    found = ridders(overflows, np.array(0.09))
    assert honest(found, 1000 * math.exp(690)) and found.error < 1e-6 * found.value


def test_a_slope_of_zero_is_found():
    """A weight that f does not use, and a minimum."""
    found = ridders(lambda z: np.cos(z[0]) + 20, np.array([0.0, 0.7]))
    assert honest(found, np.zeros(2)) and found.error.max() < 1e-12


def test_theta_stays_as_it_is_and_no_point_is_calculated_twice():
    theta, seen = np.array([[1, -2], [3, 0]]), []

    def f(z):
        seen.append(z.tobytes())
        z *= 2  # f may spoil what it gets
        return np.sin(z).sum()

    slope = 2 * np.cos(2 * theta)
    assert honest(ridders(f, theta), slope)
    assert theta.tolist() == [[1, -2], [3, 0]]
    assert len(seen) == len(set(seen)) < 200


@for_each("find", [ridders, one_sided])
@for_each(
    ("f", "error", "words"),
    [
        (lambda z: z, TypeError, r"f returned an array of shape \(2,\), wanted a real number"),
        (lambda z: None, TypeError, "f returned None, wanted a real number"),
        (lambda z: 1j, TypeError, "f returned 1j, wanted a real number"),
        (lambda z: "1", TypeError, "f returned '1', wanted a real number"),
        (lambda z: math.nan, ValueError, r"f is nan at theta = \[0.5 2. \], wanted a finite number"),
        (lambda z: -math.inf, ValueError, "f is -inf at theta"),
        (lambda z: 1 / (z[0] == 0.5), ValueError, "f is inf at theta"),
    ],
)
def test_an_f_that_is_none_is_refused(find, f, error, words):
    with pytest.raises(error, match=words):
        find(f, np.array([0.5, 2.0]))


@for_each(
    ("theta", "error", "words"),
    [
        (np.array([1j]), TypeError, "theta has dtype complex128, wanted real numbers"),
        (np.array(["a"]), TypeError, "theta has dtype <U1, wanted"),
        (np.array([1.0, np.nan]), ValueError, r"theta is nan at index \(1,\), wanted finite numbers"),
    ],
)
def test_a_theta_that_is_none_is_refused(theta, error, words):
    with pytest.raises(error, match=words):
        ridders(np.sum, theta)


def test_how_noise_passes_through_the_table():
    """The bounds in the docstrings: the product of (c + 1/4) / (c - 1) over the columns."""
    for base, bound in ((16, 1.09), (4, 1.58)):
        assert math.prod((base**j + 0.25) / (base**j - 1) for j in range(1, 50)) < bound
