"""Powers that grow first: every number of the experiment.

Oracles: W^k in fractions, entry by entry, and its norm by mpmath; the same W^T on one vector for the gradient of the
linear network; for other activations, states and Jacobians multiplied out step by step.
"""

from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest
from cases import TRANSIENT
from loops import for_each

from d2lbptt.activations import ACTIVATIONS
from d2lbptt.experiments import transient

START = {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10}
FAR = 1500  # steps that the oracle looks ahead


def entries(values):
    rho, gap, c = (Fraction(str(values[key])) for key in ("rho", "gap", "c"))
    return rho, rho - gap, c


def decimal(q):
    return mpmath.mpf(q.numerator) / q.denominator


@cache
def exact_powers(a, b, c, steps):
    """Diagonal and corner of W^k for k = 0 .. steps - 1, to 60 digits; no power is rounded but by those."""
    with mpmath.workdps(60):
        a, b, c = map(decimal, (a, b, c))
        power, found = (mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(1)), []
        for _ in range(steps):
            found.append(power)
            power = a * power[0], a * power[1] + c * power[2], b * power[2]
        return found


@cache
def exact_norms(a, b, c, steps=FAR):
    """|W^k|."""
    with mpmath.workdps(60):
        found = []
        for power in exact_powers(a, b, c, steps):
            F2, D = sum(q * q for q in power), power[0] * power[2]
            found.append(mpmath.sqrt((F2 + mpmath.sqrt(F2**2 - 4 * D**2)) / 2))
        return found


def exact_gradient(a, b, c, steps, v):
    """|(W^T)^k v|."""
    with mpmath.workdps(60):
        v = [mpmath.mpf(entry) for entry in v]
        return [mpmath.hypot(p * v[0], q * v[0] + r * v[1]) for p, q, r in exact_powers(a, b, c, steps)]


def log10(numbers):
    with mpmath.workdps(60):  # mpmath 1.3: with 15 digits, the logarithm of such a number near 1/4 comes out as 0
        return np.array([float(mpmath.log10(number)) for number in numbers])


names = {"ids": lambda values: "-".join(map(str, values.values()))}


@pytest.mark.slow
@for_each("values", TRANSIENT)
def test_every_number(values):
    data, (a, b, c), T = transient(**values), entries(values), values["T"]
    norms = exact_norms(a, b, c)
    np.testing.assert_allclose(data.norms, log10(norms[:T]), atol=1e-12)
    np.testing.assert_allclose(data.law, data.norms, atol=1e-12)
    np.testing.assert_allclose(data.radius, np.arange(T) * float(mpmath.log10(decimal(a))), atol=1e-11)
    np.testing.assert_allclose(data.bound, np.arange(T) * log10(norms[1:2]), atol=1e-11)
    np.testing.assert_allclose(data.gradient, log10(exact_gradient(a, b, c, T, data.v)), atol=1e-11)
    check_kappa(data, norms, a, b, c)
    if a >= 1:
        assert data.peak is data.below is None and (c == 0 or norms[-1] > 1)
    else:
        assert norms[data.peak] == max(norms)
        assert norms[data.below - 1] >= 1 > max(norms[data.below :])


def check_kappa(data, norms, a, b, c):
    if a == b and c:
        assert np.isposinf(data.limit).all() and data.angle == 0
        return
    kappa = 10 ** data.limit[0]
    assert kappa == pytest.approx(
        1.0 if c == 0 else np.linalg.cond(np.linalg.eig(np.array([[a, c], [0, b]], float))[1]), rel=1e-6
    )
    np.testing.assert_allclose(data.limit - data.limit[0], data.radius, atol=1e-11)
    assert all(norm <= kappa * (1 + 1e-12) * decimal(a) ** k for k, norm in enumerate(norms[:200]))


BY_HAND = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 1 / (2 + 2 * np.cosh(z))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
}


def by_hand(data, activation, W, size, seed):
    """The gradient, step by step along the states."""
    phi, slope = BY_HAND[activation]
    h, slopes = np.zeros(2), []
    for x in size * np.random.default_rng((seed, 1)).normal(size=data.T):
        z = W @ h + x
        h = phi(z)
        slopes.append(slope(z))
    v, found = data.v.copy(), [0.0]
    assert np.linalg.norm(v) == pytest.approx(1)
    with np.errstate(divide="ignore"):
        for by in slopes[:0:-1]:
            v = W.T @ (by * v)
            found.append(np.log10(np.linalg.norm(v)))
    return found


@for_each("activation", ["tanh", "sigmoid", "relu"])
@for_each("c", [0.0, 1.0, 25.0])
@for_each("size", [0.0, 0.01, 1.0])
def test_an_activation_step_by_step(activation, c, size):
    T = 120
    data = transient(activation=activation, c=c, T=T, k=5, input=size, seed=3)
    want = by_hand(data, activation, np.array([[0.95, c], [0, 0.85]]), size, 3)
    # 1 - h^2 has lost digits where h is near 1
    np.testing.assert_allclose(data.gradient, want, atol=1e-6)
    if size == 0 and activation == "tanh":
        np.testing.assert_allclose(data.gradient, transient(c=c, T=T, k=5, seed=3).gradient, atol=1e-12)


def test_where_the_states_are_so_large_that_1_beside_them_is_nothing():
    data = transient(activation="relu", c=50, rho=1.05, gap=1, T=1000, k=199, input=1, seed=99)
    want = by_hand(data, "relu", np.array([[1.05, 50], [0, 0.05]]), 1, 99)
    np.testing.assert_allclose(data.gradient, want, atol=1e-6)
    assert data.gradient[-1] > 15


def test_more_than_an_order_of_magnitude_although_every_eigenvalue_is_below_one():
    data = transient()
    values = np.linalg.eigvals([[0.95, 25], [0, 0.85]])
    assert np.all(np.abs(values) < 1) and data.norms.max() > 1.9 and data.gradient.max() > 1.5 and data.norms[-1] < -1
    np.testing.assert_allclose(np.diff(data.norms)[150:], np.log10(0.95), atol=1e-6)


def test_sizes_by_direction():
    for values in ({}, {"rho": 0.5, "gap": 0.0, "T": 1000, "k": 999}, {"rho": 1.05, "T": 1000, "k": 999}, {"c": 0.0}):
        values = START | values
        data = transient(**values)
        power = exact_powers(*entries(values), values["k"] + 1)[-1]
        for angle, size in list(zip(data.directions, data.sizes, strict=True))[::17]:
            with mpmath.workdps(30):
                x, y = mpmath.cos(mpmath.mpf(angle)), mpmath.sin(mpmath.mpf(angle))
                want = mpmath.log10(mpmath.hypot(power[0] * x, power[1] * x + power[2] * y))
            assert size == pytest.approx(float(want), abs=1e-8)
        assert data.sizes.max() == pytest.approx(data.norms[values["k"]], abs=1e-3)
        assert data.sizes.max() <= data.norms[values["k"]] + 1e-9
        assert data.directions[-1] == data.directions[0] and np.ptp(data.directions) < 2 * np.pi
        W_T = np.array(entries(values), float)[[0, 2, 1]]
        W_T = np.array([[W_T[0], 0], [W_T[1], W_T[2]]])
        for vector, value in zip(data.eigenvectors, np.diag(W_T), strict=True):
            np.testing.assert_allclose(W_T @ vector, value * vector, atol=1e-12)


@for_each(
    ("change", "words"),
    [
        ({"k": 200}, "k is 200, wanted a whole number from 0 to 199"),
        ({"rho": 0.9999}, r"rho is 0\.9999, wanted 1 or farther below it: the transient lasts more than 4000 steps"),
        ({"activation": "cube"}, "activation is 'cube', wanted one of identity"),
    ],
)
def test_what_is_no_setting_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        transient(**change)


def test_every_activation_is_taken_and_of_the_identity_the_inputs_are_nothing():
    assert {transient(activation=name, T=9, k=1).activation for name in ACTIVATIONS} == set(ACTIVATIONS)
    np.testing.assert_array_equal(transient(input=0.5).gradient, transient(input=0.1).gradient)
