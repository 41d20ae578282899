"""The truncated gradients: chunks, randomized gates, any gates, and the sliding window.

Oracle: the brute force of tests/oracles.py over single pairs (t, k), the loss of step t and the use of a parameter in
step k, in which a scheme is nothing but a weight for each pair. It accumulates nothing backwards and knows no lags.
"""

from itertools import product

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import assert_gradients_agree, brute_force, gate_pairs, problems, trace_of, window_pairs

from d2lbptt import backward, chunks, randomized


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


@settings(max_examples=150)
@given(problems(), st.data())
def test_chunks_keep_the_pairs_in_the_same_chunk(problem, data):
    T = len(problem.x)
    tau = data.draw(st.integers(1, T))
    assert_gradients_agree(truncated(problem, gates=chunks(T, tau)), problem, chunk_pairs(tau))


@pytest.mark.parametrize("T", [1, 2, 7, 12])
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


@pytest.mark.parametrize("pi", [0.2, 0.5, 1, np.linspace(0.1, 1, 2000)], ids=["0.2", "0.5", "1", "array"])
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


@pytest.mark.parametrize("activation", ["identity", "tanh"])
@pytest.mark.parametrize("reduction", oracles.REDUCTIONS)
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


@pytest.mark.parametrize("B", [None, 2])
@pytest.mark.parametrize("how", [{}, {"gates": [1, 0.5, 0, 2, -1, 1]}, {"window": 3}, {"window": 1}])
@pytest.mark.parametrize("activation", oracles.ACTIVATIONS)
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


def test_schemes_of_the_same_tau_differ():
    """The window sees back from every loss; a chunk that has just begun sees nothing."""
    problem = a_problem(6)
    window, chunk = truncated(problem, window=3), truncated(problem, gates=chunks(6, 3))
    assert not np.allclose(window.W_hh, chunk.W_hh)


# --- what does not fit (the options of backward are in test_bptt.py) ---

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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
