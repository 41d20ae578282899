"""The experiment under the explorer of truncation.

Oracles: the package's ``backward`` for one draw at a time (tested elsewhere) on a network built anew; pairs (t, k)
counted one by one; and, for the law of the randomized scheme, thousands of draws at a stated error rate.
"""

import itertools

import numpy as np
import pytest
from loops import for_each
from oracles import weighted_sum
from schemes import CASES, START, kept_pairs, network, options

from d2lbptt import backward, experiments, init_params, randomized
from d2lbptt.experiments._truncation import CURVE
from d2lbptt.gates import SCHEMES

SIGMAS = 5


def truncated(**values):
    return experiments.truncation(**START | values)


@for_each("values", CASES)
def test_cells_are_counted_one_by_one(values):
    data = truncated(**values)
    how, _ = options(**values)
    T, last = (START | values)["T"], values["reduction"] == "last"
    pairs, total = kept_pairs(T, how, last), T if last else T * (T + 1) // 2
    assert (data.T, data.dropped, data.all, data.network.overflow) == (T, total - len(pairs), total, "")
    assert data.mean_reach == pytest.approx(len(pairs) / (1 if last else T))
    seen = {(t, k) for t, k in np.argwhere(data.weights > 0) + 1}
    assert seen == pairs
    pi = (START | values)["pi"] if values["scheme"] == "randomized" else 1
    assert all(data.weights[t - 1, k - 1] == pytest.approx(pi ** -float(t - k)) for t, k in pairs)


@for_each("values", CASES)
def test_error_cosine_and_component_are_those_of_backward(values):
    data = truncated(**values)
    trace, y, full = network(**values)
    how, gates = options(**values)
    part = backward(trace, y, reduction=values["reduction"], **how).W_hh
    size = np.linalg.norm(full)
    np.testing.assert_array_equal(data.network.full, full)
    assert data.error == pytest.approx(np.linalg.norm(part - full) / size, rel=1e-9, abs=1e-14)
    assert data.cosine == pytest.approx(np.sum(part * full) / size / np.linalg.norm(part), rel=1e-9)
    assert data.along == pytest.approx(np.sum(part * full) / size**2, rel=1e-9)
    # the cells that are kept add up to it
    np.testing.assert_allclose(weighted_sum(data.network.table, data.weights), part / size, rtol=0, atol=1e-12)
    if data.draws is not None:
        each = np.array([backward(trace, y, reduction=values["reduction"], gates=row).W_hh for row in gates])
        along = np.einsum("nij,ij->n", each, full) / size**2
        np.testing.assert_allclose(data.draws.along, along, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            data.draws.error, np.linalg.norm(each - full, axis=(1, 2)) / size, rtol=1e-9, atol=1e-12
        )
        n, mean = len(each), sum(along) / len(each)
        wanted = sum(data.draws.reach) / n, np.linalg.norm(each - full) / size / n**0.5, mean
        found = data.draws.mean_reach, data.draws.rms_error, data.draws.mean_along
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        assert data.draws.std_along == pytest.approx(np.linalg.norm(along - mean) / n**0.5, rel=1e-9, abs=1e-12)


def test_the_dropped_cells_are_the_error():
    for scheme, tau in itertools.product(("window", "chunks", "tbptt"), (1, 4, 29)):
        data = truncated(scheme=scheme, tau=tau, k1=min(3, tau))
        trace, y, full = network()
        how, _ = options(scheme=scheme, tau=tau, k1=min(3, tau))
        lost, size = data.network.table.truncation_error(data.first), np.linalg.norm(full)
        np.testing.assert_allclose(lost, (full - backward(trace, y, **how).W_hh) / size, atol=1e-14)
        assert np.linalg.norm(lost) == pytest.approx(data.error, rel=1e-9)


def test_the_curves_pass_through_every_point_that_is_shown():
    for scheme, last in itertools.product(("window", "chunks", "tbptt"), ("mean", "last")):
        for tau, k1 in ((1, 1), (5, 3), (5, 5), (30, 3), (30, 30)):
            data = truncated(scheme=scheme, tau=tau, k1=k1, reduction=last)
            here = tau - k1 if scheme == "tbptt" else tau - 1  # its curve begins at k2 = k1
            kept, error = data.curves[scheme]
            assert kept[here] == pytest.approx(data.mean_reach)
            assert error[here] == pytest.approx(data.error, rel=1e-9, abs=1e-13)
            assert data.laws[scheme][1][here] == pytest.approx(data.law)


def test_window_chunks_and_full_are_special_cases_of_k1_and_k2():
    for special, scheme in (
        ({"tau": 7, "k1": 1}, {"scheme": "window", "tau": 7}),
        ({"tau": 6, "k1": 6}, {"scheme": "chunks", "tau": 6}),
        ({"tau": 30, "k1": 30}, {"scheme": "full"}),
    ):
        one, other = truncated(scheme="tbptt", **special), truncated(**scheme)
        assert one.first.tolist() == other.first.tolist() and one.dropped == other.dropped
        assert (one.error, one.law) == pytest.approx((other.error, other.law), rel=1e-9, abs=1e-13)


def test_k1_is_looked_at_where_it_counts():
    with pytest.raises(ValueError, match="k1 is 8, wanted a whole number from 1 to k2 = tau = 7"):
        truncated(scheme="tbptt", k1=8)
    assert truncated(scheme="window", k1=8).k1 == 7
    with pytest.raises(ValueError, match="k1 is 0, wanted a whole number from 1 on"):
        truncated(scheme="window", k1=0)


@for_each("reduction", ["mean", "last"])
def test_draws_spread_as_theory_says(reduction):
    values = {"pi": 0.85, "T": 40, "g": 1.2, "reduction": reduction}
    data = truncated(scheme="randomized", **values)
    trace, y, full = network(**values)
    rng, n, size = np.random.default_rng(9), 4000, np.linalg.norm(full)
    draws = [backward(trace, y, reduction=reduction, gates=randomized(40, 0.85, rng)).W_hh / size for _ in range(n)]
    along = np.array([np.sum(draw * full) / size for draw in draws])
    squares = np.array([np.sum((draw - full / size) ** 2) for draw in draws])
    assert abs(along.mean() - 1) < SIGMAS * data.draws.spread / np.sqrt(n)
    whole = data.network.terms.variance(0.85)[0]
    for found, want in (((along - 1) ** 2, data.draws.spread**2), (squares, whole)):
        assert abs(found.mean() - want) < SIGMAS * found.std() / np.sqrt(n)


def test_reach_of_the_randomized_scheme_in_theory():
    """The x of its curve, against the mean over draws; its y is the variance of the table."""
    for last in ("mean", "last"):
        data = truncated(scheme="randomized", T=20, reduction=last)
        kept, error = data.network.curves["randomized"]
        assert np.all(np.diff(kept) > 0) and np.all(np.diff(error) < 0)
        pi = CURVE[15]
        assert error[15] == pytest.approx(np.sqrt(data.network.terms.variance(pi)[0]))
        rng = np.random.default_rng(1)
        found = []
        for _ in range(2000):
            pairs = kept_pairs(20, {"gates": randomized(20, pi, rng)}, last == "last")
            found.append(len(pairs) / (1 if last == "last" else 20))
        assert abs(np.mean(found) - kept[15]) < SIGMAS * np.std(found) / np.sqrt(2000)


def test_what_overflows_is_truncated_for_a_T_that_does_not():
    big = {"units": 1, "kind": "gaussian", "activation": "identity", "g": 3.0, "T": 200, "tau": 199}
    seeds = [s for s in range(100) if abs(init_params(1, 1, 1, scale=3.0, seed=s).W_hh.item()) > 6.5]  # 6.5^400 > 1e308
    assert seeds
    for scheme in ("full", "window", "tbptt", "randomized"):
        data = truncated(**big, scheme=scheme, seed=seeds[0], k1=199)
        assert (data.k1, data.k2) == (data.T, data.T)
        assert 150 < data.T < 200 and "overflows float64" in data.network.overflow
        assert np.isfinite([data.error, data.cosine]).all() and np.isfinite(data.network.full).all()


def test_what_overflows_at_once_is_refused():
    with pytest.raises(FloatingPointError, match="overflows"):
        truncated(T=2, tau=1, g=1e307, activation="identity")


def test_a_gradient_that_is_zero_has_nothing_to_lose():
    """One unit with relu, no recurrence and a negative weight of the input is never active."""
    seeds = [s for s in range(100) if init_params(1, 1, 1, seed=s).W_hx.item() < 0]
    for scheme in SCHEMES:
        data = truncated(units=1, activation="relu", g=0.0, T=1, tau=1, k1=1, scheme=scheme, seed=seeds[0])
        assert not data.network.full.any() and data.network.table.norm == 0
        assert data.error == data.along == 0 and np.isnan(data.cosine)


def test_without_recurrence_nothing_is_lost():
    for scheme in ("window", "chunks", "tbptt"):
        data = truncated(g=0.0, scheme=scheme)
        assert data.dropped and data.law == 0 and data.error < 1e-13


def test_the_weights_of_a_loss_at_the_last_step_are_those_of_its_cells():
    data = truncated(scheme="randomized", reduction="last", T=200)
    assert data.weights.max() == pytest.approx(START["pi"] ** -float(200 - data.first[-1]))
    assert not data.weights[:-1].any()


def test_moving_a_slider_does_not_repeat_what_it_does_not_change():
    data = truncated()
    assert truncated(tau=3).network is data.network and truncated(g=1.11).network is not data.network
    drawn = truncated(scheme="randomized")
    assert truncated(scheme="randomized", draw=9).draws is drawn.draws and drawn.network is data.network
