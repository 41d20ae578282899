"""Randomized truncation of one linear unit: mean, variance, the condition, the trade against the window.

Oracles: all 2^T draws of the gates, one by one, with the package's ``backward`` and ``forward_accumulation`` (which are
tested elsewhere); simulation at a stated error rate; sums written out; exact limits.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, backward, forward, randomized
from d2lbptt.truncation.pairs import pair_table, variance_terms
from d2lbptt.truncation.randomized_variance import (
    _window_error,
    is_bounded,
    moments,
    simulate,
    steps_kept,
    trade,
)

SIGMAS = 5  # a true law fails once in 1.7 million tests, were the seeds not fixed


def unit(w, T, seed=0):
    """One linear unit on random input: its trace, targets, b_t and e_t."""
    rng = np.random.default_rng(seed)
    one = np.ones((1, 1))
    trace = forward(Params(one, w * one, one), rng.normal(size=(T, 1)), h0=np.array([0.7]))
    y = rng.normal(size=(T, 1))
    return trace, y, trace.h[:-1, 0], (trace.o - y)[:, 0]


def at_rest(w, T):
    """A unit with h_t = 1, and targets with which every loss has the slope 1."""
    one = np.ones((1, 1))
    trace = forward(Params(one, w * one, one), np.full((T, 1), 1 - w), h0=np.ones(1))
    return trace, trace.o - 1


def variance(trace, y, pi):
    """That of dL/dW_hh, by the table of all pairs."""
    table = pair_table(trace, y)
    return variance_terms(table).variance(pi)[0] * table.norm**2


@for_each("pi", [0.3, 0.8, 1.0])
@for_each("w", [0.6, -1.2])
def test_the_moments_are_those_of_all_draws(w, pi):
    T = 9
    trace, y, b, e = unit(w, T)
    weight = last = whole = np.zeros(0)
    for kept in itertools.product([0, 1], repeat=T - 1):  # the first gate leads to h_0, not to the weight
        xi = np.array([1, *kept]) / np.array([1, *[pi] * (T - 1)])
        chance = math.prod(pi if k else 1 - pi for k in kept)
        weight = np.append(weight, chance)
        last = np.append(last, backward(trace, y, reduction="last", gates=xi).W_hh.item() / e[-1])
        whole = np.append(whole, backward(trace, y, gates=xi).W_hh.item())
    law, full = moments(b, w, pi), backward(trace, y).W_hh.item()
    assert weight.sum() == pytest.approx(1)
    assert law.mean[-1] == pytest.approx(weight @ last, rel=1e-10)
    assert law.variance[-1] == pytest.approx(weight @ (last - law.mean[-1]) ** 2, rel=1e-10, abs=1e-12)
    assert weight @ whole == pytest.approx(full, rel=1e-10)  # unbiased
    assert variance(trace, y, pi) == pytest.approx(weight @ (whole - full) ** 2, rel=1e-10, abs=1e-12)


def test_drawn_gates_are_unbiased_and_spread_as_the_law_says():
    w, T, pi, draws = 0.8, 40, 0.9, 4000
    trace, y, _, _ = unit(w, T, seed=1)
    full, law, rng = backward(trace, y).W_hh.item(), variance(trace, y, pi), np.random.default_rng(2)
    found = np.array([backward(trace, y, gates=randomized(T, pi, rng)).W_hh.item() for _ in range(draws)])
    assert abs(found.mean() - full) < SIGMAS * math.sqrt(law / draws)
    squares = (found - full) ** 2  # of which the mean is the variance
    assert abs(squares.mean() - law) < SIGMAS * squares.std(ddof=1) / math.sqrt(draws)
    # What a biased scheme of the same reach gives is told apart from the truth by the same test.
    window = backward(trace, y, window=round(float(steps_kept(pi, T)))).W_hh.item()
    wrong = backward(trace, y, gates=np.array([1.0, *[pi] * (T - 1)])).W_hh.item()  # gates without 1/pi, in the mean
    assert abs(wrong - full) > SIGMAS * math.sqrt(law / draws)
    assert window != full


@for_each(("w", "pi"), [(0.7, 0.5), (0.5, 0.26), (0.9, 0.82), (0.71, 0.5), (0.9, 0.8), (0.5, 0.2)])
def test_the_variance_is_bounded_where_w_squared_is_below_pi(w, pi):
    b = np.random.default_rng(0).uniform(0.5, 1.5, 2000)
    variance = moments(b, w, pi).variance
    early, late = variance[500:1000].max(), variance[1500:].max()
    if is_bounded(w, pi):
        assert late < 2 * early
        a = (1.5 / (1 - w)) ** 2  # no a_t^2 is larger
        assert late <= w**2 * (1 / pi - 1) * a / (1 - w**2 / pi)
    else:
        assert late > 1e3 * early
    assert is_bounded(w, pi) == (w**2 < pi)


def test_at_the_border_the_variance_grows_like_a_line():
    w, pi = 0.5, 0.25
    variance = moments(np.ones(2001), w, pi).variance
    assert not is_bounded(w, pi)
    assert variance[2000] - variance[1000] == pytest.approx(1000 * w**2 * (1 / pi - 1) * 4, rel=1e-9)  # a tends to 2
    assert is_bounded(3.0, 1.0) and not moments(np.ones(9), 3.0, 1.0).variance.any()


def test_the_mean_over_time_falls_as_one_over_T_or_explodes():
    one = {T: variance(*at_rest(0.5, T), 0.5) for T in (500, 1000, 2000)}
    assert one[1000] / one[2000] == pytest.approx(2, rel=0.01) and one[500] / one[1000] == pytest.approx(2, rel=0.02)
    two = [variance(*at_rest(0.9, T), 0.5) for T in (100, 200)]
    assert math.log(two[1] / two[0]) == pytest.approx(100 * math.log(0.81 / 0.5) - math.log(4), rel=0.02)


@for_each(("w", "pi"), [(0.7, 0.6), (-0.5, 0.9), (0.6, 1.0)])
def test_the_simulation_follows_the_recursion_and_the_law(w, pi):
    b, draws = np.random.default_rng(3).uniform(0.5, 1.5, 30), 40_000
    found, law = simulate(b, w, pi, draws), moments(b, w, pi)
    error = np.sqrt(law.variance / draws)
    assert np.all(np.abs(found.mean(0) - law.mean) <= SIGMAS * error + 1e-10)
    squares = (found - law.mean) ** 2
    assert np.all(np.abs(squares.mean(0) - law.variance) <= SIGMAS * squares.std(0) / math.sqrt(draws) + 1e-10)
    for t in range(1, 30):  # each step is one gate, 0 or 1/pi, on what was before
        xi = (found[:, t] - b[t]) / (w * found[:, t - 1])
        assert np.all(np.isclose(xi, 0, atol=1e-9) | np.isclose(xi, 1 / pi))


@for_each("tau", [1, 3, 12])
def test_the_window_drops_the_terms_before(tau):
    w, T = -0.9, 12
    trace, y, b, e = unit(w, T, seed=3)
    off = _window_error(b, w, tau)
    for t in range(1, T + 1):
        terms = [w ** (t - k) * b[k - 1] for k in range(1, t + 1)]
        assert off[t - 1] == pytest.approx(-sum(terms[: max(t - tau, 0)]), abs=1e-12)
    error = backward(trace, y, window=tau).W_hh.item() - backward(trace, y).W_hh.item()
    assert error == pytest.approx(np.mean(e * off), abs=1e-12)


def test_beyond_the_border_a_sample_shows_the_variance_at_first_and_not_in_the_long_run():
    """Ten seeds of inputs and draws; the law is tested against all draws. Seen at t = 200: 3e-13 to 3e-12 of it."""
    for seed in range(10):
        b = np.random.default_rng(seed).uniform(0.5, 1.5, 200)
        inside, beyond = (simulate(b, 0.8, pi, 20_000, seed=seed).var(0) for pi in (0.8, 0.55))
        inside, beyond = (
            sample[[19, 199]] / moments(b, 0.8, pi).variance[[19, 199]]
            for sample, pi in ((inside, 0.8), (beyond, 0.55))
        )
        assert np.all((inside > 0.8) & (inside < 1.25)) and 0.1 < beyond[0] < 10 and beyond[1] < 1e-9


def test_steps_kept_counts_arrows():
    rng, pi, T = np.random.default_rng(0), 0.7, 6
    lengths = []
    for _ in range(4000):
        gates = randomized(T, pi, rng)[::-1]  # going back from T: step T always counts
        ended = np.flatnonzero(gates[:-1] == 0)
        lengths.append(1 + (ended[0] if len(ended) else T - 1))
    assert abs(np.mean(lengths) - steps_kept(pi, T)) < SIGMAS * np.std(lengths) / math.sqrt(4000)
    assert steps_kept([0.5, 1.0], 1000) == pytest.approx([2, 1000])


def test_the_trade_at_equal_reach():
    _, _, b, _ = unit(0.9, 60, seed=4)
    found = trade(b, 0.9)
    np.testing.assert_allclose(steps_kept(found.pi[1:], 60), found.steps[1:], rtol=1e-9)
    assert found.window[-1] == found.randomized[-1] == 0 and found.randomized[0] == np.inf
    a = moments(b, 0.9, 1.0).mean
    for i in (4, 30):
        tau, pi = found.steps[i], found.pi[i]
        assert found.window[i] == pytest.approx(math.sqrt(np.mean(_window_error(b, 0.9, tau) ** 2) / np.mean(a**2)))
        spread = moments(b, 0.9, pi).variance
        assert found.randomized[i] == pytest.approx(math.sqrt(np.mean(spread) / np.mean(a**2)))
    # For a single gradient chance costs more than bias does; only a mean over many draws turns it round.
    assert np.all(found.randomized[1:-1] > found.window[1:-1])


def test_what_overflows_is_infinite():
    assert moments(np.ones(3000), 0.9, 0.3).variance[-1] == np.inf
    assert simulate([1.0] * 4, 1e200, 0.5, 3).shape == (3, 4)


def test_what_is_extreme_is_still_right():
    for w, pi in ((0.0, 0.5), (1e200, 1.0)):  # no arrow, and no chance: no variance, however large the mean
        assert moments([1.0] * 5, w, pi).variance.tolist() == [0] * 5
    tiny = 1e-300  # z_2 = w xi / pi
    assert moments([1.0, 0.0], 1e-149, tiny).variance[1] == pytest.approx(1e2, rel=1e-12)
    assert is_bounded(1e200, 0.5) is False and is_bounded(1e200, 1) is True
    np.testing.assert_array_equal(_window_error([1e300] * 3, 1e200, 1)[1:], -np.inf)


def test_what_overflows_on_the_way_is_refused():
    with pytest.raises(FloatingPointError, match="w/pi overflows float64"):
        simulate([1.0], 1e300, 1e-300, 3)
    with pytest.raises(FloatingPointError, match=r"\(dh_t/dw\)\^2 overflows float64: w is 1e\+200"):
        trade([1.0, 1.0, 1.0], 1e200)


def test_steps_kept_needs_no_row_of_T_numbers():
    for pi in (0.3, 0.999, 1.0, 1e-300):
        wanted = sum(Fraction(pi) ** k for k in range(50))
        assert steps_kept(pi, 50) == pytest.approx(float(wanted), rel=1e-14)
    assert steps_kept(0.75, 10**300) == 4 and steps_kept(1.0, 10**30) == 1e30
    np.testing.assert_array_equal(steps_kept([0.5, 1.0], 2), [1.5, 2])


def test_infinite_is_never_nan():
    assert _window_error([0.0, 1.0, 1.0], 1e200, 2).tolist() == [0, 0, 0]  # 1e200^2 is beyond float64, 0 times it is 0
    assert not np.isnan(trade([1e200, 1e200, 1e200], 0.5).window).any()
    np.testing.assert_allclose(trade([1e200, 1e200, 1e200], 0.5).window, trade([1.0, 1.0, 1.0], 0.5).window)


def test_bad_arguments():
    for call, words in (
        (lambda: trade([0.0, 0.0], 0.5), "b is zero everywhere, wanted a number that is not"),
        (lambda: steps_kept([], 3), r"pi is|pi has shape \(0,\), wanted at least one number"),
        (lambda: steps_kept(0.5, 10**400), r"T is 10\*\*400 or more, wanted a number in the range of float64"),
        (lambda: simulate([1.0], 0.5, 0.5, 10, seed=-1), "seed is -1, wanted a whole number from 0 on"),
        (lambda: moments([1.0], 0.5, 0.0), r"pi is 0\.0, wanted above 0 and at most 1"),
        (lambda: moments([[1.0]], 0.5, 0.5), r"b has shape \(1, 1\), wanted \(T,\)"),
        (lambda: moments([np.nan], 0.5, 0.5), "b is nan at index"),
        (lambda: steps_kept(1.5, 3), r"pi is 1\.5"),
        (lambda: is_bounded(np.inf, 0.5), "w is inf"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
