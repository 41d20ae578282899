"""The truncated gradients: chunks, randomized gates, any gates, the sliding window, k1 and k2, and any first steps.

Oracle: the brute force of tests/oracles.py over single pairs (t, k), the loss of step t and the use of a parameter in
step k, in which a scheme is nothing but a weight for each pair. It accumulates nothing backwards and knows no lags.
The exact variance of randomized truncation is held against all 2^(T-1) gates, each with its probability, and against
``variance``, which has another recursion for one linear unit.
"""

from fractions import Fraction
from itertools import product

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import for_each
from oracles import (
    assert_gradients_agree,
    brute_force,
    first_pairs,
    gate_pairs,
    problems,
    trace_of,
    weighted_problems,
    window_pairs,
)

from d2lbptt import Params, backward, chunks, forward, randomized
from d2lbptt.gates import first_kept, scheme_options, tbptt
from d2lbptt.graph import computational_graph
from d2lbptt.truncation import influence, pairs, randomized_variance


def truncated(problem, **how):
    return backward(trace_of(problem), problem.y, **problem.options, **how)


def chunk_pairs(tau):
    """Keep the pairs in the same chunk; h_0 belongs to the first one."""
    return lambda t, k: float((t - 1) // tau == (max(k, 1) - 1) // tau)


def a_problem(T=6, B=None, activation="tanh", reduction="mean", seed=0):
    rng = np.random.default_rng(seed)
    return oracles.random_problem(rng, T, B, 2, 4, 3, activation=activation, loss="squared_error", reduction=reduction)


# --- gates ---


@settings(max_examples=200)
@given(problems(), st.integers(0, 2**32 - 1))
def test_gates_weigh_each_pair_with_their_product(problem, seed):
    """Any numbers, also negative ones, some of them 0."""
    rng = np.random.default_rng(seed)
    xi = rng.normal(size=len(problem.x)) * (rng.random(len(problem.x)) < 0.7)
    assert_gradients_agree(truncated(problem, gates=xi), problem, gate_pairs(xi))


@settings(max_examples=100)
@given(problems(batches=(1, 2, 3, 4)), st.integers(0, 2**32 - 1))
def test_gates_of_each_sequence_weigh_its_own_pairs(problem, seed):
    rng, shape = np.random.default_rng(seed), problem.x.shape[:2]
    xi = rng.normal(size=shape) * (rng.random(shape) < 0.7)
    assert_gradients_agree(truncated(problem, gates=xi), problem, [gate_pairs(each) for each in xi.T])


@settings(max_examples=150)
@given(problems(), st.data())
def test_chunks_keep_the_pairs_in_the_same_chunk(problem, data):
    T = len(problem.x)
    tau = data.draw(st.integers(1, T))
    assert_gradients_agree(truncated(problem, gates=chunks(T, tau)), problem, chunk_pairs(tau))


@for_each("T", [1, 2, 7, 12])
def test_chunks_cut_where_a_chunk_begins(T):
    for tau in range(1, T + 1):
        xi = chunks(T, tau)
        cut = {t for t in range(1, T + 1) if xi[t - 1] == 0}
        assert cut == {t for t in range(2, T + 1) if t % tau == 1 % tau}
        assert xi.shape == (T,) and set(xi) <= {0.0, 1.0}


def test_whole_numbers_and_lists_are_gates():
    problem = a_problem(4)
    listed, arrays = truncated(problem, gates=[1, 0, 1, 1]), truncated(problem, gates=np.array([1.0, 0, 1, 1]))
    assert all(np.array_equal(a, b) for a, b in zip(listed, arrays, strict=True))


def test_the_first_gate_is_the_arrow_to_h0():
    problem = a_problem()
    open_, shut = truncated(problem), truncated(problem, gates=[0, 1, 1, 1, 1, 1])
    assert open_.h0.all() and not shut.h0.any()
    assert all(np.array_equal(getattr(open_, n), getattr(shut, n)) for n in ("W_hx", "W_hh", "W_qh", "h", "o"))


# --- randomized truncation ---


@for_each("pi", [0.2, 0.5, 1, np.linspace(0.1, 1, 2000)])
def test_a_randomized_gate_is_0_or_1_over_pi_and_1_on_average(pi):
    draws = np.array([randomized(2000, pi, np.random.default_rng(seed)) for seed in range(50)])
    inverse = np.broadcast_to(1 / np.asarray(pi), 2000)
    assert np.all((draws == 0) | (draws == inverse))
    deviation = np.sqrt(np.sum(inverse - 1) * 50) / draws.size  # Var[xi_t] = 1/pi_t - 1
    assert abs(draws.mean() - 1) <= 5 * deviation
    kept = np.count_nonzero(draws, axis=0)  # Binomial(50, pi_t)
    assert np.all(np.abs(kept - 50 / inverse) <= 6 * np.sqrt(50 / inverse * (1 - 1 / inverse)))


def test_randomized_gates_follow_their_generator():
    one, same, other = (randomized(100, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@for_each("activation", ["identity", "tanh"])
@for_each("reduction", oracles.REDUCTIONS)
def test_the_randomized_gradient_is_right_on_average(activation, reduction):
    """All 2^T gates, each with its probability: the exact mean, without a draw, is the full gradient."""
    problem, pi = a_problem(4, activation=activation, reduction=reduction), np.array([0.3, 0.9, 0.5, 0.2])
    mean = dict.fromkeys(("W_hx", "W_hh", "W_qh", "b_h", "h0", "h"), 0)
    for kept in product([False, True], repeat=4):
        probability = np.prod(np.where(kept, pi, 1 - pi))
        got = truncated(problem, gates=np.array(kept) / pi)
        mean = {name: total + probability * getattr(got, name) for name, total in mean.items()}
    want = brute_force(problem)
    for name, total in mean.items():
        np.testing.assert_allclose(total, want[name], rtol=1e-11, atol=1e-14)


# --- the window ---


@settings(max_examples=200)
@given(problems(), st.data())
def test_a_window_keeps_the_pairs_that_are_near(problem, data):
    tau = data.draw(st.integers(1, len(problem.x)))
    assert_gradients_agree(truncated(problem, window=tau), problem, window_pairs(tau))


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)))
def test_a_window_of_all_steps_is_the_full_gradient(problem):
    """The package against itself, but the window follows lags where the full gradient sweeps once."""
    windowed, full, size = truncated(problem, window=len(problem.x)), truncated(problem), oracles.magnitude(problem)
    for name in (*problem.names, "h", "o"):
        assert np.all(np.abs(getattr(windowed, name) - getattr(full, name)) <= 1e-13 * size[name])


@settings(max_examples=50)
@given(problems(dtypes=(np.float64,)))
def test_a_window_of_one_keeps_the_immediate_term_alone(problem):
    got = truncated(problem, window=1)
    want = got.o @ problem.params.W_qh
    np.testing.assert_allclose(got.h, want, rtol=1e-12, atol=1e-14)
    if len(problem.x) > 1:  # for l_2, h_0 is two arrows away
        first = problem._replace(x=problem.x[:1], y=problem.y[:1], reduction="sum")
        weight = oracles.step_weights(problem)[0]
        np.testing.assert_allclose(got.h0, weight * brute_force(first)["h0"], rtol=1e-12, atol=1e-14)


@for_each("B", [None, 2])
@for_each("how", [{}, {"gates": [1, 0.5, 0, 2, -1, 1]}, {"window": 3}, {"first": [1, 1, 3, 1, 5, 2]}])
@for_each("activation", oracles.ACTIVATIONS)
def test_h_is_what_multiplies_the_slope_in_the_weight_gradients(how, B, activation):
    problem = a_problem(6, B, activation)
    got = truncated(problem, **how)
    want = {"W_hx": 0, "W_hh": 0, "b_h": 0}
    for b, sequence in enumerate(problem.sequences()):
        z, h, _ = oracles.textbook_forward(sequence)
        dz = oracles.SLOPES[activation](z) * got.h.reshape(6, -1, 4)[:, b]
        want["W_hx"] += sum(map(np.outer, dz, sequence.x))
        want["W_hh"] += sum(map(np.outer, dz, h))  # h_0 .. h_{T-1}: h_T has no partner
        want["b_h"] += sum(dz)
    for name, total in want.items():
        np.testing.assert_allclose(getattr(got, name), total, rtol=1e-11, atol=1e-13)


# --- any first step for each loss, and k1 and k2 ---


@settings(max_examples=300)
@given(weighted_problems(), st.data())
def test_any_first_steps_keep_the_pairs_from_there_on(problem, data):
    """Also those that go up and down, as no scheme does; h_0 is reached where step 1 is."""
    first = [data.draw(st.integers(1, t)) for t in range(1, len(problem.x) + 1)]
    assert_gradients_agree(truncated(problem, first=first), problem, first_pairs(first))


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)), st.data())
def test_losses_that_all_begin_in_the_same_chunk_are_the_gates_of_chunks(problem, data):
    """The package against itself, but chunks are a sweep with gates, and first steps are followed by lag."""
    T, size = len(problem.x), oracles.magnitude(problem)
    k = data.draw(st.integers(1, T))
    first = first_kept(T, gates=chunks(T, k))
    one, other = truncated(problem, first=first), truncated(problem, gates=chunks(T, k))
    for name in (*problem.names, "h", "o"):
        assert np.all(np.abs(getattr(one, name) - getattr(other, name)) <= 1e-13 * size[name]), name


def sum_over_updates(problem, k1, k2):
    """Every update by itself: its part of the sequence is cut out, with the state before it as h_0, and its losses."""
    T, names = len(problem.x), ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")
    h = np.array([oracles.textbook_forward(s)[1] for s in problem.sequences()]).swapaxes(0, 1)
    h = h.reshape(T + 1, *problem.start.shape)
    w, total = np.array(oracles.step_weights(problem)), dict.fromkeys(names, 0)
    for begin in range(0, T, k1):
        end = min(begin + k1, T)
        start = max(end - k2, 0)
        part = problem._replace(x=problem.x[start:end], y=problem.y[start:end], h0=h[start], reduction="sum")
        found = brute_force(part._replace(weights=w[start:end] * (np.arange(start, end) >= begin)))
        total = {name: total[name] + found[name] * (name != "h0" or start == 0) for name in names}
    return total


@for_each("reduction", oracles.REDUCTIONS)
@for_each("B", [None, 3])
def test_k1_and_k2_are_a_sum_over_updates(reduction, B):
    for T in (1, 2, 5, 7):
        problem = a_problem(T, B, reduction=reduction, seed=T)
        for k2 in range(1, T + 1):
            for k1 in range(1, k2 + 1):
                got, want = truncated(problem, first=tbptt(T, k1, k2)), sum_over_updates(problem, k1, k2)
                for name, value in want.items():
                    np.testing.assert_allclose(getattr(got, name), value, rtol=1e-11, atol=1e-14, err_msg=name)


@for_each("T", [1, 2, 6, 12])
def test_what_k1_and_k2_become_where_they_are_simple(T):
    assert tbptt(T, T, T).tolist() == [1] * T
    for k in range(1, T + 1):
        assert np.array_equal(tbptt(T, 1, k), first_kept(T, window=k))
        if T % k == 0:
            assert np.array_equal(tbptt(T, k, k), first_kept(T, gates=chunks(T, k)))
        first = tbptt(T, k, T)  # every update goes back to the start
        assert first.dtype == np.int64 and first.tolist() == [1] * T
    assert tbptt(5, 2, 2).tolist() == [1, 1, 3, 3, 4]  # the last update is for one loss, and still goes back over two


@for_each("B", [None, 2])
def test_a_window_is_k1_of_1_and_all_steps_are_the_full_gradient(B):
    problem = a_problem(9, B)
    for tau in range(1, 10):
        one, other = truncated(problem, window=tau), truncated(problem, first=tbptt(9, 1, tau))
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    full, all_steps, size = truncated(problem), truncated(problem, first=tbptt(9, 9, 9)), oracles.magnitude(problem)
    for name in (*problem.names, "h", "o"):
        assert np.all(np.abs(getattr(full, name) - getattr(all_steps, name)) <= 1e-13 * size[name]), name


def test_only_what_reaches_step_1_reaches_h0():
    problem = a_problem(4)
    alone = [truncated(problem._replace(reduction="sum", weights=np.eye(4)[t])).h0 for t in range(4)]
    got = truncated(problem._replace(reduction="sum"), first=[1, 2, 1, 2]).h0
    np.testing.assert_allclose(got, alone[0] + alone[2], rtol=1e-12)


def test_schemes_of_the_same_tau_differ():
    """The window sees back from every loss; a chunk that has just begun sees nothing."""
    problem = a_problem(6)
    window, chunk = truncated(problem, window=3), truncated(problem, gates=chunks(6, 3))
    assert not np.allclose(window.W_hh, chunk.W_hh)


# --- the table of all cells (t, k), and what a scheme drops ---


def schemes(T, seed=0):
    """Every window and chunk, every k1 and k2, and some gates: what backward is told, and the weight of each pair."""
    rng = np.random.default_rng(seed)
    yield {}, oracles.every_pair
    for tau in range(1, T + 1):
        yield {"window": tau}, window_pairs(tau)
        yield {"gates": chunks(T, tau)}, chunk_pairs(tau)
        for k1 in range(1, tau + 1):
            yield {"first": tbptt(T, k1, tau)}, update_pairs(T, k1, tau)
    for pi in (0.3, 0.7, 1.0):
        gates = randomized(T, pi, rng)
        yield {"gates": gates}, gate_pairs(gates)


def update_pairs(T, k1, k2):
    """The losses since the last update go back over the k2 steps before it."""

    def pair(t, k):
        update = next(end for end in (*range(k1, T, k1), T) if end >= t)
        return float(update - max(k, 1) < k2)

    return pair


def cells_by_hand(problem):
    """What each pair (t, k) brings to dL/dW_hh: a dictionary of matrices."""
    z, h, _ = oracles.textbook_forward(problem)
    flow, _ = oracles.flow_by_hand(problem)
    slopes, w = oracles.SLOPES[problem.activation](z), oracles.step_weights(problem)
    return {(t, k): w[t - 1] * np.outer(slopes[k - 1] * v, h[k - 1]) for (t, k), v in flow.items() if k}


PROBLEMS = [
    a_problem(activation=activation, reduction=reduction, seed=3)
    for activation, reduction in product(["identity", "tanh", "relu"], oracles.REDUCTIONS)
]
each_problem = for_each("problem", PROBLEMS)


@for_each("T", [1, 2, 6])
def test_first_kept_says_which_pairs_have_a_weight(T):
    for how, pair in schemes(T):
        first = first_kept(T, **how)
        want = {(t, k) for t in range(1, T + 1) for k in range(1, t + 1) if pair(t, k)}
        assert {(t, k) for t in range(1, T + 1) for k in range(first[t - 1], t + 1)} == want


def test_pair_weights_are_products_of_gates():
    for pi in (0.3, 0.8, 1.0):
        gates = randomized(7, pi, np.random.default_rng(4))
        got = pairs.pair_weights(first_kept(7, gates=gates), pi)
        want = [[gate_pairs(gates)(t, k) if k <= t else 0 for k in range(1, 8)] for t in range(1, 8)]
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_rows_of_gates_give_rows():
    gates = np.array([randomized(9, 0.6, np.random.default_rng(seed)) for seed in range(5)])
    got = first_kept(9, gates=gates)
    assert np.array_equal(got, [first_kept(9, gates=row) for row in gates])


@each_problem
def test_every_cell_is_that_of_the_brute_force(problem):
    found, want = pairs.pair_table(trace_of(problem), problem.y, **problem.options), cells_by_hand(problem)
    for (t, k), cell in want.items():
        got = found.norm * np.outer(found.flows[k - 1, t - 1], found.states[k - 1])
        np.testing.assert_allclose(got, cell, rtol=1e-12, atol=1e-15)
        assert found.norm * found.norms[t - 1, k - 1] == pytest.approx(np.linalg.norm(cell), rel=1e-12, abs=1e-15)
    assert np.isnan(found.norms[np.triu_indices(6, 1)]).all()
    np.testing.assert_allclose(found.gradient, sum(want.values()) / found.norm, rtol=1e-12, atol=1e-15)
    assert np.linalg.norm(found.gradient) == pytest.approx(1, rel=1e-14)


@each_problem
def test_dropped_cells_are_the_error_and_kept_cells_the_gradient(problem):
    trace, full = trace_of(problem), brute_force(problem)["W_hh"]
    found = pairs.pair_table(trace, problem.y, **problem.options)
    for how, pair in schemes(6):
        first, part = first_kept(6, **how), brute_force(problem, pair)["W_hh"]
        pi = 1 / max(1.0, np.max(how.get("gates", [1])))
        weights = pairs.pair_weights(first, pi)
        np.testing.assert_allclose(found.norm * oracles.weighted_sum(found, weights), part, rtol=1e-12, atol=1e-14)
        if pi == 1:
            np.testing.assert_allclose(found.norm * found.truncation_error(first), full - part, rtol=1e-12, atol=1e-14)
            np.testing.assert_array_equal(found.truncation_error(first[None])[0], found.truncation_error(first))
    assert not found.truncation_error(first_kept(6)).any()


def test_gradients_of_many_gates_are_those_of_each():
    for problem in PROBLEMS:
        gates = np.random.default_rng(6).normal(size=(4, 6))
        got = pairs.drawn_gradients(trace_of(problem), problem.y, gates, **problem.options)
        for row, gradient in zip(gates, got, strict=True):
            want = brute_force(problem, gate_pairs(row))["W_hh"]
            np.testing.assert_allclose(gradient, want, rtol=1e-11, atol=1e-13)


@for_each("shared", [True, False])
@for_each("last", [True, False])
def test_products_are_counted_arrow_by_arrow(shared, last):
    for how, pair in schemes(7):
        ways = {t: [j for j in range(2, t + 1) if pair(t, j - 1)] for t in ([7] if last else range(1, 8))}
        want = len({j for way in ways.values() for j in way}) if shared else sum(map(len, ways.values()))
        if not shared or not {"window", "first"} & how.keys():
            first = first_kept(7, **how)
            assert pairs.jacobian_products(first, shared=shared, last=last) == want


def test_with_a_loss_at_every_step_a_window_takes_more_work_than_the_full_gradient():
    """Counted by hand; with the loss of the last step alone, every scheme takes less."""
    T, tau = 60, 10
    full, window = first_kept(T), first_kept(T, window=tau)
    cut = first_kept(T, gates=chunks(T, tau))
    count = pairs.jacobian_products
    assert count(full, shared=True) == 59 < count(window, shared=False) == sum(range(10)) + 50 * 9 == 495
    assert count(cut, shared=True) == 6 * 9 == 54
    last = [count(first, shared=True, last=True) for first in (full, window, cut)]
    assert last == [59, 9, 9]


# --- the variance of randomized truncation, for any network ---


@for_each("pi", [0.2, 0.7])
@each_problem
def test_the_variance_is_that_of_all_gates(problem, pi):
    trace, full = trace_of(problem), brute_force(problem)["W_hh"]
    terms = pairs.variance_terms(pairs.pair_table(trace, problem.y, **problem.options))
    chances, off = [], []
    for kept in product([0, 1], repeat=5):
        gates = np.array([1, *kept]) / np.array([1, *[pi] * 5])
        chances.append(np.prod([pi if k else 1 - pi for k in kept]))
        off.append(brute_force(problem, gate_pairs(gates))["W_hh"] - full)
    assert sum(chances) == pytest.approx(1)
    size = np.linalg.norm(full)
    whole = chances @ np.array([np.sum(o**2) for o in off]) / size**2
    along = chances @ np.array([np.sum(o * full) ** 2 for o in off]) / size**4
    assert terms.variance(pi) == pytest.approx((whole, along), rel=1e-10)
    assert 0 < along < whole


def by_recursion(b, e, w, pi):
    """Mean and variance of (1/T) sum_t e_t z_t for one linear unit, z_t = b_t + xi_t w z_{t-1}.

    z_t for different t share gates: with S_t = e_1 z_1 + .. + e_t z_t the recursion goes over the variances of z_t and
    S_t and their covariance.
    """
    a = s = total = cross = spread = 0.0  # E z, Var z, E S, Cov(z, S), Var S
    for b_t, e_t in zip(b, e, strict=True):
        s, cross = w * w * (s + (1 - pi) * a * a) / pi, w * cross  # xi_t knows nothing of z_{t-1} and S_{t-1}
        a = b_t + w * a
        spread += 2 * e_t * cross + e_t**2 * s
        cross += e_t * s
        total += e_t * a
    return total / len(b), spread / len(b) ** 2


@for_each("w", [0.6, -1.1])
def test_for_one_linear_unit_it_is_the_variance_of_the_recursion(w):
    rng, one = np.random.default_rng(7), np.ones((1, 1))
    trace = forward(Params(one, w * one, one), rng.normal(size=(30, 1)), h0=np.array([0.4]))
    y = rng.normal(size=(30, 1))
    terms = pairs.variance_terms(pairs.pair_table(trace, y))
    for pi in (0.3, 0.9, 1.0):
        mean, spread = by_recursion(trace.h[:-1, 0], (trace.o - y)[:, 0], w, pi)
        assert terms.variance(pi) == pytest.approx((spread / mean**2,) * 2, rel=1e-9)


def test_a_variance_beyond_float64_is_infinite_and_powers_of_pi_alone_do_not_overflow():
    one = np.ones((1, 1))
    for w, want in ((0.0, 0.0), (3.0, np.inf)):
        trace = forward(Params(one, w * one, one), np.ones((200, 1)), h0=np.array([0.5]))
        table = pairs.pair_table(trace, np.zeros((200, 1)))
        assert pairs.variance_terms(table).variance(0.005) == (want, want)  # 0.005^-198 is 10^455


def test_one_step_has_one_cell_and_no_variance():
    problem = a_problem(1)
    table = pairs.pair_table(trace_of(problem), problem.y)
    assert table.norms.shape == (1, 1) and table.norms[0, 0] == pytest.approx(1)
    assert pairs.variance_terms(table).variance(0.1) == (0, 0)


def test_a_gradient_that_is_zero_has_size_zero():
    params = Params(np.ones((2, 1)), np.eye(2), np.ones((1, 2)))
    table = pairs.pair_table(forward(params, np.zeros((4, 1))), np.ones((4, 1)))
    assert table.norm == 0 and not table.gradient.any() and np.nanmax(table.norms) == 0


# --- the geometric law ---


@for_each("last", [True, False])
@for_each("w", [0.0, 0.5, 0.9])
def test_the_law_is_exact_for_a_unit_at_rest(w, last):
    """h_t = 1 / (1 - w) and the loss slope stay as they are, so that all cells with the same t - k are equal."""
    T, one, rest = 12, np.ones((1, 1)), 1 / (1 - w)
    trace = forward(Params(one, w * one, one), np.ones((T, 1)), h0=np.array([rest]))
    y, options = np.zeros((T, 1)), {"reduction": "last" if last else "mean"}
    full = backward(trace, y, **options).W_hh
    r = pairs.growth_per_step(trace, y)
    assert r == pytest.approx(w)
    for how, _ in schemes(T):
        first = first_kept(T, **how)
        if np.max(how.get("gates", [1])) == 1:
            error = (full - backward(trace, y, **options, **how).W_hh) / full
            assert pairs.geometric_law(r, first, last=last) == pytest.approx(error.item(), abs=1e-12)
            assert pairs.geometric_law(r, first[None], last=last).shape == (1,)


def test_the_growth_of_a_unit_with_tanh_is_the_mean_slope_times_the_weight():
    one, x = np.ones((1, 1)), np.random.default_rng(8).normal(size=(9, 1))
    trace = forward(Params(one, 1.3 * one, one), x, activation="tanh")
    z = x[:, 0] + 1.3 * trace.h[:-1, 0]
    want = np.prod(1.3 / np.cosh(z[1:]) ** 2) ** (1 / 8)  # the arrows 9 .. 2
    assert pairs.growth_per_step(trace, np.zeros((9, 1))) == pytest.approx(want)
    alone = forward(Params(one, one, one), x[:1], activation="tanh")
    assert pairs.growth_per_step(alone, np.zeros((1, 1))) == 0


# --- what does not fit (the options of backward are in test_bptt.py) ---

RNG = np.random.default_rng(0)


@for_each(
    ("T", "tau", "error", "words"),
    [
        (5, 0, ValueError, ["tau", "0", "1", "T = 5"]),
        (5, 6, ValueError, ["tau", "6", "1", "T = 5"]),
        (5, -2, ValueError, ["tau", "-2", "1", "T = 5"]),
        (5, 2.5, TypeError, ["tau", "2.5", "whole number"]),
        (5, 2.0, TypeError, ["tau", "2.0", "whole number"]),
        (5, None, TypeError, ["tau", "None", "whole number"]),
        (0, 1, ValueError, ["T", "0", "1 on"]),
        (5.5, 1, TypeError, ["T", "5.5", "whole number"]),
    ],
)
def test_what_chunks_refuses(T, tau, error, words):
    with pytest.raises(error) as info:
        chunks(T, tau)
    assert all(word in str(info.value) for word in words), info.value


@for_each(
    ("T", "pi", "rng", "error", "words"),
    [
        (5, 0, RNG, ValueError, ["pi", "0", "above 0", "at most 1"]),
        (5, 1.5, RNG, ValueError, ["pi", "1.5", "above 0", "at most 1"]),
        (5, -0.1, RNG, ValueError, ["pi", "-0.1", "above 0"]),
        (5, np.nan, RNG, ValueError, ["pi", "nan", "above 0"]),
        (3, [0.5, 0, 1], RNG, ValueError, ["pi", "0", "above 0"]),
        (5, [0.5, 0.5], RNG, ValueError, ["pi", "(2,)", "a number or (T,)", "(5,)"]),
        (5, "half", RNG, TypeError, ["pi", "dtype"]),
        (5, True, RNG, TypeError, ["pi", "bool"]),
        (0, 0.5, RNG, ValueError, ["T", "0", "1 on"]),
        (2.5, 0.5, RNG, TypeError, ["T", "2.5", "whole number"]),
        (5, 0.5, 0, TypeError, ["rng", "int", "numpy.random.Generator"]),
        (5, 0.5, None, TypeError, ["rng", "NoneType", "numpy.random.Generator"]),
        (5, 0.5, np.random, TypeError, ["rng", "module", "numpy.random.Generator"]),
    ],
)
def test_what_randomized_refuses(T, pi, rng, error, words):
    with pytest.raises(error) as info:
        randomized(T, pi, rng)
    assert all(word in str(info.value) for word in words), info.value


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: first_kept(4, gates=np.ones(4), window=2), ValueError, "gates and window are both given"),
        (lambda: first_kept(4, window=5), ValueError, "window is 5, wanted a whole number from 1 to T = 4"),
        (lambda: first_kept(4, gates=np.ones(3)), ValueError, r"gates has shape \(3,\), wanted \(T,\) or"),
        (lambda: first_kept(2, gates=[1, np.nan]), ValueError, "gates is nan at index"),
    ],
)
def test_what_first_kept_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()


@for_each("T", [10**13, 10**30, 10**400])
@for_each(
    "call",
    [
        lambda T: chunks(T, 2),
        lambda T: randomized(T, 0.5, RNG),
        lambda T: first_kept(T),
        lambda T: first_kept(T, window=2),
        lambda T: scheme_options("chunks", T, tau=2),
        lambda T: scheme_options("randomized", T, pi=0.5, rng=RNG),
        lambda T: randomized_variance.simulate([1.0], 0.5, 0.5, T),
        lambda T: computational_graph(T),
        lambda T: influence.balance(T),
        lambda T: influence.partial_sums(T),
        lambda T: influence.trajectory("full", T),
        lambda T: influence.observed_span("window", longest=T),
    ],
)
def test_what_would_not_fit_is_refused_in_words(T, call):
    with pytest.raises(ValueError, match=r"would take .* bytes .*, wanted no more than"):
        call(T)


def test_a_table_for_steps_that_take_no_memory_themselves():
    first = np.broadcast_to(1, 10**7)
    with pytest.raises(ValueError, match="the table of all weights would take 2,400,000,000,000,000 bytes"):
        pairs.pair_weights(first)


@for_each(
    ("first", "error", "words"),
    [
        ([1.0, 2.0], TypeError, "first has dtype float64, wanted whole numbers"),
        ([1, 3], ValueError, "first is 3 for a step t, wanted whole numbers from 1 to t"),
        ([0, 1], ValueError, "first is 0 for a step t, wanted whole numbers from 1 to t"),
        (1, ValueError, r"first has shape \(\), wanted \(T,\)"),
        ("no", TypeError, "first has dtype <U2, wanted whole numbers"),
    ],
)
def test_what_is_not_from_first_kept_is_refused(first, error, words):
    table = pairs.pair_table(trace_of(a_problem(2)), a_problem(2).y)
    for call in (
        lambda: pairs.pair_weights(first),
        lambda: pairs.jacobian_products(first, shared=True),
        lambda: pairs.geometric_law(0.5, first),
        lambda: table.truncation_error(first),
    ):
        with pytest.raises(error, match=words):
            call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pairs.pair_weights([1, 1], pi=0), "pi is 0.0, wanted above 0 and at most 1"),
        (lambda: pairs.pair_weights([1, 1], pi="no"), "pi is 'no', wanted a number"),
        (lambda: pairs.jacobian_products([1, 1], shared=1), "shared is 1, wanted True or False"),
        (lambda: pairs.jacobian_products([1, 1], shared=True, last="no"), "last is 'no', wanted True or False"),
        (lambda: pairs.geometric_law(-0.5, [1, 1]), "r is -0.5, wanted a number from 0"),
        (lambda: pairs.geometric_law(np.nan, [1, 1]), "r is nan, wanted a finite number"),
        (lambda: pairs.geometric_law(0.5, [1, 1], last=0), "last is 0, wanted True or False"),
        (lambda: pairs.growth_per_step(None, [[1.0]]), "trace is a NoneType, wanted the Trace"),
        (lambda: tbptt(5, 3, 2), "k1 is 3, wanted a whole number from 1 to k2 = 2"),
        (lambda: tbptt(5, 0, 2), "k1 is 0, wanted a whole number from 1 to k2 = 2"),
        (lambda: tbptt(5, 2, 6), "k2 is 6, wanted a whole number from 1 to T = 5"),
        (lambda: tbptt(5, 7, 6), "k2 is 6, wanted a whole number from 1 to T = 5"),
        (lambda: tbptt(5, 2.0, 3), "k1 is 2.0, wanted a whole number from 1 to k2 = 3"),
        (lambda: tbptt(0, 1, 1), "T is 0, wanted a whole number from 1"),
        (lambda: tbptt(10**14, 1, 1), "xi_t would take 2,400,000,000,000,000 bytes"),
        (lambda: scheme_options("tbptt", 5, k2=3), "k1 is None, wanted a whole number from 1 on"),
        (lambda: scheme_options("tbptt", 5, k1=3), "k2 is None, wanted a whole number from 1 on"),
        (lambda: scheme_options("tbptt", 5, k1=3, k2=2), "k1 is 3, wanted a whole number from 1 to k2 = 2"),
        (lambda: first_kept(5, window=2, first=[1] * 5), "window and first are both given, wanted at most one"),
        (lambda: first_kept(5, gates=[1] * 5, window=2, first=[1] * 5), "gates, window and first are all given"),
        (lambda: first_kept(5, first=[1] * 4), r"first has shape \(4,\), wanted \(T,\) = \(5,\)"),
        (lambda: first_kept(5, first=[1, 3, 1, 1, 1]), "first is 3 for a step t, wanted whole numbers from 1 to t"),
        (lambda: scheme_options("window", "no", tau=1), "T is 'no', wanted a whole number from 1 on"),
        (lambda: pairs.variance_terms(3), "table is a int, wanted PairTable"),
    ],
)
def test_what_the_laws_of_truncation_refuse(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_what_overflows_is_not_returned():
    with pytest.raises(FloatingPointError, match="pi"):
        pairs.pair_weights(np.ones(600, int), pi=0.25)
    with pytest.raises(FloatingPointError, match="1/pi overflows float64"):
        randomized(5, 5e-324, RNG)


@for_each("kind", [np.uint8, np.int64, np.uint64])
def test_any_whole_numbers_will_do(kind):
    table = pairs.pair_table(trace_of(a_problem(4)), a_problem(4).y)
    first = [1, 1, 3, 3]
    assert pairs.jacobian_products(np.array(first, kind), shared=False) == 0 + 1 + 0 + 1
    assert pairs.geometric_law(0.5, np.array(first, kind)) == pairs.geometric_law(0.5, first)
    assert np.array_equal(table.truncation_error(np.array(first, kind)), table.truncation_error(first))


@for_each("r", [0, 0.5, 1, 3, 10**20, 1e300])
@for_each("last", [False, True])
def test_the_geometric_law_is_a_quotient_of_sums_however_large_r_is(r, last):
    first = first_kept(40, window=7)
    exact = Fraction(r)
    sums = {
        kept: sum(
            exact ** (t - k)
            for t in ([40] if last else range(1, 41))
            for k in range(1, t + 1)
            if (k < first[t - 1]) >= kept
        )
        for kept in (True, False)
    }
    assert pairs.geometric_law(r, first, last=last) == pytest.approx(float(sums[True] / sums[False]), rel=1e-12)


def test_gates_of_any_real_dtype_are_float64():
    for pi in (np.float32(0.5), np.array([0.5] * 3, np.float32), 1):
        assert randomized(3, pi, np.random.default_rng(0)).dtype == float


def test_what_the_table_refuses():
    batch, single = a_problem(4, B=2), a_problem(4)
    with pytest.raises(ValueError, match=r"x has shape \(4, 2, 2\), wanted \(T, d\): one sequence, no batch"):
        pairs.pair_table(trace_of(batch), batch.y)
    with pytest.raises(ValueError, match=r"gates has shape \(4,\), wanted \(n, T\)"):
        pairs.drawn_gradients(trace_of(single), single.y, np.ones(4))
    with pytest.raises(TypeError, match="h has dtype complex128, wanted real numbers"):
        pairs.pair_table(forward(single.params, single.x + 0j), single.y + 0j)
    with pytest.raises(ValueError, match="gates is inf at index"):
        pairs.drawn_gradients(trace_of(single), single.y, np.full((2, 4), np.inf))
    terms = pairs.variance_terms(pairs.pair_table(trace_of(single), single.y))
    for pi in (0, 1.1, np.nan):
        with pytest.raises(ValueError, match="pi is"):
            terms.variance(pi)
