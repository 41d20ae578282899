"""Influence balancing: the spans at which a truncated gradient changes its sign, and where theta goes.

Oracles: exact powers of the matrix in fractions, the complex step through the whole network, and the solution that the
network has in closed form.
"""

from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from loops import for_each

from d2lbptt import forward_accumulation, rnn
from d2lbptt.truncation.influence import (
    RATE,
    START,
    Spans,
    _gradient,
    balance,
    observed_span,
    partial_sums,
    predicted_spans,
    trajectory,
)


def exact_sums(tau, n, p):
    """S_1 .. S_tau by powers of A, in fractions."""
    v = [Fraction(1 if i < p else -1) for i in range(n)]
    total, found = Fraction(0), []
    for _ in range(tau):
        total += v[0]
        found.append(total)
        v = [(v[i] + (v[i + 1] if i + 1 < n else 0)) / 2 for i in range(n)]
    return found


@for_each(("n", "p"), [(23, 10), (5, 2), (7, 0), (4, 4), (1, 1)])
def test_the_partial_sums_are_those_of_the_powers(n, p):
    assert partial_sums(60, n, p) == exact_sums(60, n, p)
    network = balance(n, p)
    for tau in (1, 7, 60):
        powers = sum(np.linalg.matrix_power(network.A, j) @ network.s for j in range(tau))
        assert float(partial_sums(tau, n, p)[-1]) == pytest.approx(powers[0], abs=1e-9)


def test_at_rest_and_solved():
    network = balance()
    rest = network.rest(0.3)
    np.testing.assert_allclose(network.A @ rest + 0.3 * network.s, rest, atol=1e-12)
    assert network.solution == pytest.approx(-1 / 6)
    assert network.rest(network.solution)[0] == pytest.approx(1)


@pytest.mark.slow
@for_each(("n", "p"), [(23, 10), (11, 5), (15, 4), (9, 4)])
@for_each("theta", [START, -0.6])
def test_predicted_and_observed_spans_are_the_same_whole_numbers(n, p, theta):
    predicted, network = predicted_spans(n, p, 300), balance(n, p)
    observed = Spans(*(observed_span(scheme, theta, 300, network) for scheme in ("window", "chunks")))
    assert observed == predicted
    sums = exact_sums(300, n, p)
    chunk_sums = [sum(sums[:tau]) for tau in range(1, 301)]
    for span, values in zip(predicted, (sums, chunk_sums), strict=True):
        assert values[span - 2] >= 0 and all(value < 0 for value in values[span - 1 :])


@for_each("n", range(1, 8))
def test_after_the_span_every_sign_is_right_and_before_it_one_is_not(n):
    for p in (p for p in range(n + 1) if 2 * p != n):
        sums = exact_sums(120, n, p)
        for span, values in zip(predicted_spans(n, p, 120), (sums, list(accumulate(sums))), strict=True):
            right = [value * (2 * p - n) > 0 for value in values]
            assert all(right[span - 1 :]) and (span == 1 or not right[span - 2])


def test_a_network_without_a_wrong_span_and_one_that_is_not_long_enough():
    assert predicted_spans(5, 5) == Spans(1, 1)
    with pytest.raises(ValueError, match="longest is 40, wanted a span that is long enough"):
        predicted_spans(longest=40)
    with pytest.raises(ValueError, match="longest is 100"):
        observed_span("chunks", longest=100)
    with pytest.raises(ValueError, match="scheme is 'full', wanted one of window, chunks"):
        observed_span("full")


@for_each("reduction", ["last", "sum"])
def test_the_gradient_is_that_of_the_complex_step(reduction):
    network, tau, h0 = balance(), 17, np.linspace(1, 2, 23)
    thetas = np.linspace(0.2, 0.6, tau)

    def error(nudge):
        h, total = h0.astype(complex), 0
        for t, theta in enumerate(thetas):
            h = network.A @ h + (theta + nudge) * network.s
            if reduction == "sum" or t == tau - 1:
                total = total + (h[0] - 1) ** 2 / 2
        return total

    want = error(1e-30j).imag / 1e-30
    assert _gradient(network, thetas, h0, reduction) == pytest.approx(want, rel=1e-12)


@for_each("scheme", ["window", "chunks"])
@for_each("tau", [1, 2, 5, 40])
def test_each_step_of_training_is_that_of_the_complex_step(scheme, tau):
    # Written again without slices: what theta did within the last tau steps, or within the chunk, is moved a little.
    network, lr, steps = balance(5, 2), 0.1, 12
    thetas, states = [START], [np.ones(5)]
    for t in range(1, steps + 1):
        first = max(t - tau + 1, 1) if scheme == "window" else tau * ((t - 1) // tau) + 1
        h, slope = states[first - 1].astype(complex), 0.0
        for s in range(first, t + 1):
            h = network.A @ h + (thetas[s - 1] + 1e-30j) * network.s
            if scheme == "chunks" or s == t:
                slope += ((h[0] - 1) ** 2 / 2).imag / 1e-30
        states.append(network.A @ states[-1] + thetas[-1] * network.s)
        thetas.append(thetas[-1] - lr * slope * (scheme == "window" or t % tau == 0))
    found = trajectory(scheme, steps, tau=tau, lr=lr, h0=np.ones(5), network=network)
    np.testing.assert_allclose(found, thetas, rtol=1e-12)


@for_each("seed", range(3))
def test_randomized_training_is_that_of_the_recursion(seed):
    network, lr, steps, pi = balance(5, 2), 0.1, 12, 0.6
    kept = np.random.default_rng(seed).random(steps) < pi  # as ``randomized`` draws
    theta, h, influence = START, np.ones(5), np.zeros(5)
    found = trajectory("randomized", steps, pi=pi, lr=lr, h0=np.ones(5), seed=seed, network=network)
    for t in range(steps):
        h = network.A @ h + theta * network.s
        influence = network.s + (network.A @ influence / pi if kept[t] else 0)
        theta -= lr * (h[0] - 1) * influence[0]
        assert found[t + 1] == pytest.approx(theta, rel=1e-12)


def test_forward_accumulation_is_the_packages():
    # Without a step of theta, the influence that `trajectory` carries is the total derivative of the package.
    network, steps, tiny = balance(5, 2), 12, 1e-9
    theta = trajectory("full", steps, lr=tiny, network=network)
    trace = rnn.forward(network.params, np.full((steps, 1), START), h0=np.ones(5))
    total = forward_accumulation(trace, np.ones((steps, 1)), reduction="sum")
    assert (START - theta[-1]) / tiny == pytest.approx(network.s @ total.b_h, rel=1e-6)


def distance(theta):
    return abs(theta + 1 / 6)


@pytest.mark.slow
@for_each(
    ("scheme", "settings"),
    [
        ("full", {}),
        ("window", {"tau": 80}),
        ("chunks", {"tau": 200}),
        *[("randomized", {"pi": 0.99, "seed": s}) for s in (0, 1)],
    ],
)
def test_schemes_that_see_far_enough_converge(scheme, settings):
    assert distance(trajectory(scheme, 9000, **settings)[-1]) < 1e-3


@for_each(("scheme", "tau"), [("window", 10), ("window", 30), ("chunks", 10), ("chunks", 80)])
def test_schemes_that_do_not_go_away_for_ever(scheme, tau):
    theta = trajectory(scheme, 6000, tau=tau)
    kept = theta[np.isfinite(theta)]
    assert distance(kept[-1]) > 2 * distance(START)
    assert np.isfinite(theta[:100]).all()
    # Where theta is no longer followed it was far away, and there is nothing after it.
    assert np.isfinite(theta[-1]) or (abs(kept[-1]) >= 1e6 and np.isnan(theta[len(kept) :]).all())


def test_randomized_truncation_arrives_or_is_thrown_about_in_each_of_ten_draws():
    """The rates of cutting of notebook 08, with the published learning rate. Seen: at most 0.6, and at least 23."""
    for seed in range(10):
        calm, wild = (trajectory("randomized", T, pi=pi, seed=seed) for T, pi in ((3000, 0.99), (10_000, 0.98)))
        assert abs(calm[-1] + 1 / 6) < 0.01 and abs(calm).max() < 2
        assert np.nanmax(abs(wild)) > 5


def test_chunks_move_theta_at_their_ends_only():
    theta = trajectory("chunks", 30, tau=10)
    assert np.flatnonzero(np.diff(theta)).tolist() == [9, 19, 29]
    assert trajectory("full", 10, lr=0.0)[-1] == START
    assert RATE == 1e-4


def test_bad_arguments():
    for call, words in (
        (lambda: trajectory("half", 10), "scheme is 'half', wanted one of full, window, chunks, randomized"),
        (lambda: trajectory("full", 0), "steps is 0"),
        (lambda: trajectory("window", 10), "tau is None, wanted a whole number from 1 on"),
        (lambda: trajectory("randomized", 10, pi=0.0), r"pi is 0\.0, wanted above 0"),
        (lambda: trajectory("randomized", 10, pi=0.5, seed=-1), "seed is -1"),
        (lambda: trajectory("full", 10, h0=np.ones(3)), r"h0 has shape \(3,\), wanted \(n,\) = \(23,\)"),
        (lambda: trajectory("full", 10, theta=np.nan), "theta is nan"),
        (lambda: balance(3, 4), "p is 4, wanted a whole number from 0 to n = 3"),
        (lambda: partial_sums(0), "tau is 0, wanted a whole number from 1 on"),
        (lambda: predicted_spans(6, 3), "p is 3, wanted another number than n/2"),
        (lambda: predicted_spans(longest=2.5), "longest is 2.5, wanted a whole number from 1 on"),
        (lambda: observed_span("window", balance().solution), "wanted another number than the solution"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            call()
