"""Two runs from neighbouring starts: distance, prediction, rates.

Oracles: both runs once more in mpmath, with 60 digits; the product of the Jacobians multiplied out, in mpmath where it
leaves float64; ``lyapunov_exponents``, which has oracles of its own; mean field and spectral radius for the rates.
"""

import math

import mpmath
import numpy as np
import pytest
from cases import two_runs
from loops import for_each

from d2lbptt import Params, forward, laws, lyapunov_exponents, spectral_radius
from d2lbptt.growth.perturbed_runs import EPS, Rate, perturbed_runs, rate

LN10 = math.log(10)


def exact_distances(params, x, h0, start):
    """log d_t of the true runs, which no rounding has touched."""
    with mpmath.workdps(60):
        W, U = mpmath.matrix(params.W_hh.tolist()), mpmath.matrix(params.W_hx.tolist())
        one, other = (mpmath.matrix([mpmath.mpf(float(a)) for a in h]) for h in (h0, start))
        found = [mpmath.log(mpmath.norm(other - one))]
        for x_t in x:
            u = U * mpmath.matrix(x_t.tolist())
            one, other = (mpmath.matrix([mpmath.tanh(z) for z in W * h + u]) for h in (one, other))
            found.append(mpmath.log(mpmath.norm(other - one)))
        return np.array([float(d) for d in found])


@for_each(("g", "s", "delta"), [(1.5, 0.0, 1e-8), (0.8, 0.0, 1e-8), (2.0, 0.5, 1e-3), (0.8, 0.5, 1e-1)])
def test_the_distance_is_that_of_the_true_runs_as_long_as_it_is_above_rounding(g, s, delta):
    params, x, h0, v = two_runs(4, g, 25, s)
    found = perturbed_runs(params, x, h0, v, delta)
    wanted, steps = exact_distances(params, x, h0, h0 + delta * v), found.linear + 1
    assert steps > 10
    np.testing.assert_allclose(found.log[:steps], wanted[:steps], atol=0.05)
    # and there the Jacobians are right up to the first power of the distance
    off = np.abs(found.log - found.predicted)[:steps].max()
    assert found.off == off and off < 0.05 + 3 * np.exp(found.log[:steps] - found.floor[:steps]).max() * EPS


@for_each("kind", ["gaussian", "symmetric"])
@for_each(("g", "s"), [(0.5, 0.0), (1.0, 1.0), (3.0, 0.3)])
def test_the_prediction_is_the_product_of_the_jacobians(g, s, kind):
    params, x, h0, v = two_runs(8, g, 40, s, kind=kind)
    found = perturbed_runs(params, x, h0, v, 1e-6)
    trace = forward(params, x, h0=h0, activation="tanh")
    product = (h0 + 1e-6 * v) - h0
    for t in range(1, 41):
        product = (1 - trace.h[t] ** 2) * (params.W_hh @ product)
        assert found.predicted[t] == pytest.approx(np.log(np.linalg.norm(product)), abs=1e-10)
    np.testing.assert_array_equal(found.h, trace.h)
    np.testing.assert_array_equal(found.other, forward(params, x, h0=h0 + 1e-6 * v, activation="tanh").h)
    np.testing.assert_allclose(np.exp(found.log), np.linalg.norm(found.other - found.h, axis=1), rtol=1e-12)


@pytest.mark.slow
@for_each(("g", "s"), [(0.05, 0.0), (0.9, 0.0), (3.0, 1.0), (1.0, 2.0)])
def test_a_thousand_steps_far_outside_float64_are_those_of_mpmath(g, s):
    """Its exponents are unlimited, so the product is multiplied out as it stands."""
    params, x, h0, v = two_runs(32, g, 1000, s)
    found = perturbed_runs(params, x, h0, v, 1e-3)
    product, W, want = np.array([mpmath.mpf(a) for a in (h0 + 1e-3 * v) - h0]), params.W_hh.astype(object), []
    for h in forward(params, x, h0=h0, activation="tanh").h[1:]:
        product = (1 - h**2) * (W @ product)
        want.append(float(mpmath.log(sum(product**2)) / 2))
    np.testing.assert_allclose(found.predicted[1:], want, rtol=0, atol=1e-9)
    assert g > 0.5 or found.predicted[-1] < -1000 * LN10


def test_parted_lost_merged_and_linear_are_the_first_such_steps():
    for g, s, delta, kind in ((3.0, 0.0, 1e-8, "gaussian"), (0.8, 0.5, 1e-8, "gaussian"), (0.3, 0.5, 1e-8, "identity"),
                              (0.8, 0.0, 1e-1, "gaussian"), (2.0, 0.0, 1e-14, "gaussian")):  # fmt: skip
        params, x, h0, v = two_runs(32, g, 300, s, kind=kind)
        found = perturbed_runs(params, x, h0, v, delta)
        d, size = (np.linalg.norm(rows, axis=1) for rows in (found.other - found.h, found.h))
        parted = [t for t in range(301) if d[t] >= 0.1 * size[t] and d[t] > d[0]]
        lost = [t for t in range(301) if not d[t] > 30 * EPS * size[t]]
        merged = [t for t in range(301) if d[t] == 0]
        for got, steps in ((found.parted, parted), (found.lost, lost), (found.merged, merged)):
            assert got == (steps[0] if steps else None)
        ends = [steps[0] for steps in (parted, lost) if steps]
        assert found.linear == min([301, *ends]) - 1
        if merged:
            assert d[merged[0] :].max() == 0  # what is one stays one


def test_each_regime_is_met_in_these_tests():
    assert perturbed_runs(*two_runs(32, 3.0, 300), 1e-8).parted is not None
    assert perturbed_runs(*two_runs(32, 0.8, 300, 0.5), 1e-8).lost is not None
    assert perturbed_runs(*two_runs(32, 0.3, 300, 0.5, kind="identity"), 1e-8).merged is not None
    calm = perturbed_runs(*two_runs(32, 0.8, 300), 1e-1)  # both runs go to rest, and one is no farther off than it was
    assert calm.parted is calm.lost is None


def test_two_runs_that_come_together_do_not_part_though_the_states_go_to_rest_faster():
    one = np.eye(2)
    params = Params(one, np.diag([0.9, 0.1]), one)
    found = perturbed_runs(params, np.zeros((50, 2)), [0.001, 1.0], [1.0, 0.0], 0.01)
    assert np.all(np.diff(found.log) < 0) and found.log[-1] > found.floor[-1] - math.log(
        EPS
    )  # farther apart than |h_t|
    assert found.parted is None


def test_where_all_slopes_end_the_distance_is_exactly_zero():
    found = perturbed_runs(*two_runs(8, 0.0, 20), 1e-2)
    assert found.merged == found.lost == 1 and found.linear == 0 and found.off < 1e-12
    assert np.isneginf(found.predicted[1:]).all() and np.isneginf(found.log[1:]).all()


def test_subnormal_states_are_no_chaos():
    params, x, h0, v = two_runs(16, 0.3, 1000)
    found = perturbed_runs(params, x, h0, v, 1e-8)
    assert found.parted is None and found.lost is not None and np.abs(found.h[found.lost]).max() < 1e-290


@for_each(
    ("change", "error", "words"),
    [
        ({"delta": 1e-30}, ValueError, "delta is 1e-30, wanted one that moves h_0"),
        ({"v": np.ones(3)}, ValueError, r"v has shape \(3,\), wanted that of h0 = \(8,\)"),
        ({"h0": np.full(8, np.nan)}, ValueError, "h0 is nan at index"),
        ({"delta": "1"}, TypeError, "delta is '1', wanted a number"),
        ({"x": np.ones((4, 2, 8))}, ValueError, "h0 has shape"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    params, x, h0, v = two_runs(8, 1.0, 4)
    with pytest.raises(error, match=words):
        perturbed_runs(**{"params": params, "x": x, "h0": h0, "v": v, "delta": 1e-3, **change})


# --- rates ---


def test_the_rate_of_a_geometric_sequence_is_exact():
    log = np.log(3.0) * np.arange(101) + 5
    assert rate(log, 10, 100) == pytest.approx((math.log(3), 0.0), abs=1e-12)
    assert rate(log, 10, 100).factor == pytest.approx(3)
    assert math.isnan(rate(log, 5, 5).value) and math.isnan(rate(log, 0, 9).error)
    log[50:] = -np.inf
    assert rate(log, 0, 100).value == -np.inf and rate(log, 0, 100).factor == 0
    assert Rate(0.0, 0.1).factor == 1


def test_the_error_of_a_rate_is_that_of_independent_steps():
    rng = np.random.default_rng(0)
    found = [rate(np.cumsum(rng.normal(size=401)), 0, 400) for _ in range(400)]
    values, errors = np.transpose(found)
    assert np.std(values) == pytest.approx(1 / 20, rel=0.1)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(1 / 20, rel=0.1)


@for_each(("g", "s"), [(2.0, 0.0), (3.0, 0.0), (1.5, 0.7)])
def test_the_rate_of_the_product_is_the_largest_lyapunov_exponent(g, s):
    params, x, h0, v = two_runs(32, g, 1500, s)
    found = rate(perturbed_runs(params, x, h0, v, 1e-6).predicted, 150, 1500)
    wanted = lyapunov_exponents(forward(params, x, h0=h0, activation="tanh"))
    assert found.value == pytest.approx(wanted.rate[0], abs=3e-3)
    assert 1 / 4 < found.error / wanted.error[0] < 4


@pytest.mark.slow
@for_each(("g", "s"), [(2.0, 0.0), (2.5, 0.0), (0.8, 0.5), (1.5, 0.7), (2.5, 1.0)])
def test_the_mean_field_is_near_and_nearer_with_more_units(g, s):
    def off(n):
        found = [
            rate(perturbed_runs(*two_runs(n, g, 600, s, seed), 1e-6).predicted, 60, 600).value for seed in range(7)
        ]
        # The median: a small network may be caught in a cycle now and then, where the mean field does not apply.
        return abs(np.median(found) - laws.mean_field(g, s**2).exponent)

    assert off(256) < 0.02 and off(256) < max(off(16), 0.01)


@for_each("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
def test_at_rest_it_is_the_spectral_radius(kind):
    params, *others = two_runs(32, 0.7, 1500, kind=kind)
    rho = spectral_radius(params.W_hh)
    assert rho < 1
    assert rate(perturbed_runs(params, *others, 1e-3).predicted, 700, 1500).value == pytest.approx(
        np.log(rho), abs=2e-3
    )
