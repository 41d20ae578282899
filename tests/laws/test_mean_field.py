"""The mean field against many digits (mpmath) and simulation (see chance.py).

What holds for many units alone is extrapolated to 1/n = 0 by a straight line, with its standard error.
"""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from chance import Z
from loops import for_each
from scipy import stats

from d2lbptt import Params, forward, log10_gradient_norms
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.laws import (
    edge_of_chaos,
    mean_field,
)

LN10 = math.log(10)


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


@pytest.mark.slow
@for_each(
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


@pytest.mark.slow
@for_each("name", MOVING)
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


@pytest.mark.slow
@for_each("name", [*MOVING, *HELD])
@for_each("k", [1, 4])
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


@for_each(
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
