"""Derivatives from values alone.

Oracle: functions whose derivatives are known in closed form.
"""

import numpy as np
import pytest

from d2lbptt.differences import central_difference, complex_step

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


def total(f):
    return lambda theta: f(theta).sum()


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("theta", THETAS.values(), ids=THETAS)
def test_the_complex_step_is_exact_but_for_rounding(name, theta):
    f, slope = KNOWN[name]
    got = complex_step(total(f), theta)
    assert got.shape == theta.shape and got.dtype == np.float64
    np.testing.assert_allclose(got, slope(theta), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("h", [1e-10, 1e-30, 1e-200])
def test_its_step_may_be_as_small_as_one_likes(h):
    np.testing.assert_allclose(complex_step(total(np.exp), THETAS["vector"], h), np.exp(THETAS["vector"]), rtol=1e-14)


def test_it_reads_whole_numbers():
    assert complex_step(lambda theta: (theta**2).sum(), np.array([1, 2, 3])).tolist() == [2, 4, 6]


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("theta", THETAS.values(), ids=THETAS)
def test_the_central_difference_knows_how_wrong_it_is(name, theta):
    f, slope = KNOWN[name]
    # The estimate counts the rounding of the number f alone. The constant keeps f above the terms it is summed from.
    got = central_difference(lambda theta: 20 + f(theta).sum(), theta)
    assert got.value.shape == got.error.shape == theta.shape
    # A thousandth more: the estimate is right to the leading order in the step.
    assert np.all(np.abs(got.value - slope(theta)) <= 1.001 * got.error)


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "wave"])
def test_its_estimate_is_no_excuse(name):
    """An estimate of 1 would cover everything: away from large arguments it stays below a millionth."""
    f, _ = KNOWN[name]
    assert np.all(central_difference(total(f), THETAS["vector"]).error < 1e-6)


def test_they_differ_where_f_is_not_analytic():
    """|z|^2 has no complex derivative: the complex step sees nothing, the central difference does."""
    square = total(lambda z: np.abs(z) ** 2)
    assert complex_step(square, np.array([1.5])) == 0
    assert central_difference(square, np.array([1.5])).value == pytest.approx(3)
