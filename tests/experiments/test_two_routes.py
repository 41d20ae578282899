"""The two routes for one unit. What makes the table has its own oracles in test_graph."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import experiments
from d2lbptt.checking.finite_differences import complex_step


def loss(weights, T, h0):
    """The network written out again, with tanh; weights are W_hx and W_hh."""
    h, total = h0, 0
    for t in range(1, T + 1):
        h = np.tanh(weights[0] * (1 + np.cos(t) / 2) + weights[1] * h)
        total += h**2 / 2 / T
    return total


@for_each(("i", "parameter"), [(0, "W_hx"), (1, "W_hh")])
def test_the_shares_are_those_of_the_gradient_by_the_complex_step(i, parameter):
    data = experiments.two_routes(T=6, g=1.21, h0=1.3, parameter=parameter, activation="tanh")
    gradient = complex_step(lambda weights: loss(weights, 6, 1.3), np.array([0.5, 1.21]))[i]
    assert data.gradient == pytest.approx(gradient, rel=1e-12) and data.parameter == parameter
    np.testing.assert_allclose(data.shares.sum(), 1, rtol=1e-12)


@for_each("parameter", ["W_hh", "W_hx"])
@for_each("T", [2, 3, 8])
def test_two_routes_agree_and_the_mixtures_do_not(T, parameter):
    data = experiments.two_routes(parameter=parameter, T=T)
    np.testing.assert_allclose([data.by_loss.sum(), data.by_use.sum(), *data.ratios[:2]], 1, rtol=1e-12)
    np.testing.assert_allclose([data.shares.sum(1), data.shares.sum(0)], [data.by_loss, data.by_use], rtol=1e-12)
    assert data.ratios[2] > 1.05 and data.ratios[3] < 0.95


@for_each("settings", [{"T": 1}, {"g": 0.0}, {"T": 2, "h0": 0.0}])
def test_where_nothing_is_carried_all_four_agree(settings):
    np.testing.assert_allclose(experiments.two_routes(**settings).ratios, 1, rtol=1e-12)


def test_a_gradient_of_zero_has_no_shares():
    data = experiments.two_routes(T=1, h0=0)
    assert data.gradient == 0 and not data.shares.any() and np.isnan(data.ratios).all()


@for_each(("symbol", "value"), [("g", -0.5), ("h0", -1)])
def test_what_would_have_parts_of_two_signs_is_refused(symbol, value):
    with pytest.raises(ValueError, match=f"{symbol} is {float(value)}, wanted a number from 0"):
        experiments.two_routes(**{symbol: value})
