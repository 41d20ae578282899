"""log10 |dL/dh_t|, also where no float64 could hold |dL/dh_t|.

Oracles: inside the range of float64 the brute force of tests/oracles.py. Outside it whole numbers of unlimited size:
with whole numbers in the weights and targets, slopes of 0 or 1 and all states known, every dL/dh_t is a vector of
whole numbers, followed from each loss by itself, and ``math.log10`` takes a whole number of any size. For tanh, mpmath,
whose exponents are unlimited too. None of them rescales anything, which is what the package does.
"""

import math

import mpmath
import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import for_each
from oracles import problems, trace_of, weighted_problems, window_pairs

from d2lbptt import Params, backward, forward, init_params, laws, log10_gradient_norms
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.growth.gradient_norms import log10_slopes_in_front

# --- inside the range of float64 ---


def assert_powers_agree(got, norms, sizes, eps):
    """10^got is the norm, within rounding; got is -inf where the norm is zero."""
    with np.errstate(divide="ignore"):
        assert np.all(np.abs(10.0**got - norms) <= 1000 * eps * sizes)
    assert np.array_equal(np.isneginf(got), norms == 0)


def row_norms(rows):
    return np.array([np.linalg.norm(row) for row in rows])


@settings(max_examples=200)
@given(problems() | weighted_problems(), st.data())
def test_inside_the_range_it_is_the_logarithm_of_the_norm(problem, data):
    window = data.draw(st.none() | st.integers(1, len(problem.x)))
    pair = oracles.every_pair if window is None else window_pairs(window)
    got = log10_gradient_norms(trace_of(problem), problem.y, **problem.options, window=window)
    steps = data.draw(st.lists(st.integers(1, len(problem.x)), max_size=5))
    some = log10_gradient_norms(
        trace_of(problem), problem.y, **problem.options, window=window, steps=np.array(steps, int)
    )
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(10.0**some, 10.0 ** got[np.array(steps, int) - 1], rtol=1e-9, atol=1e-300)
    assert got.shape == (len(problem.x),) and got.dtype == np.float64
    norms = row_norms(oracles.brute_force(problem, pair)["h"])
    assert_powers_agree(got, norms, row_norms(oracles.magnitude(problem, pair)["h"]), np.finfo(problem.x.dtype).eps)


@for_each("activation", oracles.ACTIVATIONS)
@for_each("reduction", oracles.REDUCTIONS)
@for_each("window", [None, 1, 40, 59, 60])
def test_sixty_steps_against_the_backward_pass(activation, reduction, window):
    rng = np.random.default_rng(0)
    p = oracles.random_problem(rng, 60, 2, 3, 8, 2, activation=activation, loss="squared_error", reduction=reduction)
    trace = trace_of(p)
    h = backward(trace, p.y, reduction=reduction, window=window).h
    with np.errstate(divide="ignore"):
        want = np.log10(row_norms(h))
    np.testing.assert_allclose(log10_gradient_norms(trace, p.y, reduction=reduction, window=window), want, atol=1e-10)


# --- outside it: laws ---


@pytest.mark.slow
@for_each("kind", ["orthogonal", "identity"])
@for_each("g", [1e-250, 1e-3, 0.5, 1.0, 1.5, 20.0, 1e250])
@for_each("window", [None, 3000])
def test_a_scaled_rotation_loses_the_same_decades_at_every_step(kind, g, window):
    """|W^T v| = g |v|, so log10 |dL/dh_t| falls by exactly log10 g for every step back: here 5000 of them."""
    T = 5000
    params = init_params(1, 4, 2, kind=kind, scale=g)
    trace = forward(params, np.zeros((T, 1)))
    y = np.random.default_rng(0).normal(size=(T, 2))
    got = log10_gradient_norms(trace, y, reduction="last", window=window)
    lags = np.arange(T)[::-1]
    want = math.log10(np.linalg.norm(params.W_qh.T @ y[-1])) + lags * math.log10(g)
    if window:
        want[lags >= window] = -np.inf
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)


@for_each("tau", [1, 2, 700, 999, 1000])
@for_each("c", [2, 3, -2, 1, 0])
def test_one_weight_is_a_geometric_sum(c, tau):
    """All states are 0 and y = -1: dL/dh_t = (1 + c + ... + c^(n-1)) / T with n = min(tau, T - t + 1) terms."""
    T = 1000
    trace = forward(Params(np.eye(1), np.array([[float(c)]]), np.eye(1)), np.zeros((T, 1)))
    sums = [sum(c**j for j in range(n)) for n in range(tau + 1)]
    terms = [abs(sums[min(tau, T - t + 1)]) for t in range(1, T + 1)]
    want = [math.log10(s) - math.log10(T) if s else -math.inf for s in terms]
    for window in {tau, None} if tau == T else {tau}:
        got = log10_gradient_norms(trace, -np.ones((T, 1)), window=window)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-11)


@for_each("window", [None, 999])
def test_a_late_loss_beside_an_early_one(window):
    """Losses at t = 1 and t = T alone: what has shrunk by 10^-1200 on its way adds nothing to the one that is there."""
    T, y = 1000, np.zeros((1000, 1))
    y[[0, -1]] = -1
    trace = forward(Params(np.eye(1), np.array([[2.0**-4]]), np.eye(1)), np.zeros((T, 1)))
    got = log10_gradient_norms(trace, y, reduction="sum", window=window)
    want = -4 * np.arange(T)[::-1] * math.log10(2)
    want[0] = 0
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@for_each(("window", "multiples"), [(None, [73, 9, 1]), (2, [9, 9, 1]), (1, [1, 1, 1])])
def test_subnormal_numbers(window, multiples):
    """With a weight of 8 and the same error at each of three steps dL/dh_t is 1, 1 + 8, 1 + 8 + 64 times that error."""
    trace = forward(Params(np.eye(1), np.array([[8.0]]), np.eye(1)), np.zeros((3, 1)))
    got = log10_gradient_norms(trace, np.full((3, 1), 2.0**-1060), reduction="sum", window=window)
    np.testing.assert_allclose(got, np.log10(multiples) - 1060 * math.log10(2), rtol=1e-13)


def test_a_subnormal_loss_beside_a_flow_that_has_become_smaller():
    """Losses of 2^-1060 at t = 1 and t = T = 40 alone, a weight of 2^-8: what comes from T is 2^-312 of the other."""
    T, y = 40, np.zeros((40, 1))
    y[[0, -1]] = 2.0**-1060
    trace = forward(Params(np.eye(1), np.array([[2.0**-8]]), np.eye(1)), np.zeros((T, 1)))
    got = log10_gradient_norms(trace, y, reduction="sum")
    want = (-1060 - 8 * np.arange(T)[::-1]) * math.log10(2)
    want[0] = -1060 * math.log10(2)
    np.testing.assert_allclose(got, want, rtol=1e-13)


# --- outside it: whole numbers ---


def exact(W_hh, slopes, dh, tau=None):
    """log10 |sum over t of dl_t/dh_k|, in whole numbers: row t - 1 of ``dh`` is dl_t/dh_t, of ``slopes`` phi'(z_t)."""
    T, W = len(dh), np.array(W_hh, object)
    rows = np.array(dh, object)
    total, slopes = rows.copy(), np.array(slopes, object)
    for lag in range(1, T if tau is None else tau):
        rows = (slopes[1 : len(rows)] * rows[1:]) @ W  # from step k + 1 back to step k
        total[: T - lag] += rows
    squares = (total**2).sum(1)
    return np.array([math.log10(s) / 2 if s else -math.inf for s in squares])


W = {
    "growing": [[2, 3], [-3, 5]],
    "nilpotent": [[0, 7], [0, 0]],
    "defective": [[3, 1], [0, 3]],
    "reflection": [[0, 4], [1, 0]],
    "one mode stays": [[5, 0], [0, 1]],
}


@for_each("name", W)
@for_each("tau", [None, 1, 600, 699])
@for_each("reduction", ["sum", "last"])
def test_whole_numbers_say_what_it_is(name, tau, reduction):
    T, rng = 700, np.random.default_rng(3)
    y = rng.integers(-9, 10, (T, 2))
    trace = forward(Params(np.eye(2), np.array(W[name], float), np.eye(2)), np.zeros((T, 2)))
    dh = -y if reduction == "sum" else -y * (np.arange(T) == T - 1)[:, None]
    want = exact(W[name], np.ones((T, 2), int), dh.tolist(), tau)
    got = log10_gradient_norms(trace, y, reduction=reduction, window=tau)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-10)


@for_each("tau", [1, 3, 60, 299, 300])
@for_each("name", ["growing", "defective", "one mode stays", "nilpotent"])
@for_each("power", [0, 700, -1000])
def test_losses_of_very_different_sizes_and_some_steps_only(name, tau, power):
    """Errors of the size of 1 at most steps, of 2^power at one in eight, none at half of them; also past 2^1023."""
    T, rng = 300, np.random.default_rng(5)
    y = rng.integers(1, 10, (T, 2)) * rng.integers(0, 2, (T, 1))
    large = (rng.random(T) < 1 / 8)[:, None]
    trace = forward(Params(np.eye(2), np.array(W[name], float), np.eye(2)), np.zeros((T, 2)))
    one, big = 2 ** max(0, -power), 2 ** max(0, power)  # in whole numbers
    dh = -y.astype(object) * np.array([one, big], object)[large.astype(int)]
    want = exact(W[name], np.ones((T, 2), int), dh, tau) - math.log10(one)
    errors = y * np.where(large, 2.0**power, 1)
    for steps in (np.arange(1, T + 1), rng.integers(1, T + 1, 20)):
        got = log10_gradient_norms(trace, errors, reduction="sum", window=tau, steps=steps)
        np.testing.assert_allclose(got, want[steps - 1], rtol=1e-12, atol=1e-10)


def relu_with_states(W_hh, states):
    """A relu network whose states are these: each input takes back what the previous state would do."""
    before = np.vstack([np.zeros((1, states.shape[1])), states[:-1]])
    wanted = np.where(states > 0, states, -1)  # a unit at rest has z = -1
    eye = np.eye(len(W_hh))
    return forward(Params(eye, W_hh, eye), wanted - before @ W_hh.T, activation="relu")


@for_each("tau", [None, 1, 300, 699])
@for_each("reduction", ["sum", "last"])
def test_units_at_rest_let_nothing_through(tau, reduction):
    """At every fifth step or so one of the two units rests, never both."""
    rng = np.random.default_rng(0)
    states = np.ones((700, 2))
    states[np.arange(700), rng.integers(2, size=700)] = rng.random(700) > 0.2
    trace = relu_with_states(np.array(W["growing"], float), states)
    dh = rng.integers(-9, 10, (700, 2)) * (1 if reduction == "sum" else (np.arange(700) == 699)[:, None])
    want = exact(W["growing"], states.astype(int).tolist(), dh.tolist(), tau)
    assert tau in (1, 300) or want.max() > 310  # beyond float64
    got = log10_gradient_norms(trace, trace.o - dh, reduction=reduction, window=tau)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)


@for_each("tau", [None, 750])
def test_losses_count_again_where_a_flow_that_grew_beyond_float64_has_ended(tau):
    """One relu unit, at rest in step 300 alone: 10^500 arrives there, and nothing passes."""
    states = np.ones((800, 1))
    states[299] = 0
    trace = relu_with_states(np.array([[10.0]]), states)
    want = exact([[10]], states.astype(int).tolist(), [[-1]] * 800, tau)
    got = log10_gradient_norms(trace, trace.o + 1, reduction="sum", window=tau)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)


@pytest.mark.xfail(strict=True, reason="as the Notes say: the entries of a vector share their power of two")
@for_each("tau", [None, 799])
def test_a_small_component_is_there_when_the_large_one_ends(tau):
    """Two relu units apart, one growing by 10 and one constant; the first is at rest in step 300."""
    states = np.ones((800, 2))
    states[299, 0] = 0
    trace = relu_with_states(np.diag([10.0, 1.0]), states)
    y = trace.o + np.eye(800)[:, [-1, -1]]
    want = exact([[10, 0], [0, 1]], states.astype(int).tolist(), (trace.o - y).astype(int).tolist(), tau)
    got = log10_gradient_norms(trace, y, reduction="last", window=tau)
    np.testing.assert_allclose(got, want, atol=1e-10)


# --- outside it: many digits ---


@for_each("g", [0.05, 0.8, 3.0])
@for_each("activation", ["tanh", "sigmoid"])
@for_each("reduction", ["mean", "last"])
def test_five_hundred_steps_of_a_nonlinear_network(g, activation, reduction):
    T = 500
    trace = forward(init_params(2, 3, 2, scale=g), np.random.default_rng(0).normal(size=(T, 2)), activation=activation)
    y = np.zeros((T, 2))
    slopes = 1 - trace.h[1:] ** 2 if activation == "tanh" else trace.h[1:] * (1 - trace.h[1:])
    weights = np.full(T, 1 / T) if reduction == "mean" else np.arange(T) == T - 1
    local = (weights[:, None] * trace.o) @ trace.params.W_qh
    W_T, v, want = mpmath.matrix(trace.params.W_hh.T.tolist()), mpmath.matrix(3, 1), []
    for t in range(T - 1, -1, -1):
        later = mpmath.matrix((slopes[t + 1] if t + 1 < T else np.zeros(3)).tolist())
        v = W_T * mpmath.matrix([a * b for a, b in zip(later, v, strict=True)]) + mpmath.matrix(local[t].tolist())
        want.append(float(mpmath.log10(mpmath.norm(v))))
    got = log10_gradient_norms(trace, y, reduction=reduction)
    if reduction == "last" and g < 0.1:
        assert got[0] < -400  # or this would be a test of numbers that float64 can hold
    np.testing.assert_allclose(got, want[::-1], atol=1e-8)


@for_each("g", [0.05, 0.8, 3.0])
@for_each("activation", ["tanh", "relu"])
def test_some_steps_of_a_window_with_many_digits(g, activation):
    """Each t by itself, from the last loss of its window back to it."""
    T, tau, steps = 400, 130, np.array([400, 1, 17, 130, 271, 272, 17])
    trace = forward(
        init_params(2, 3, 2, scale=g, seed=1), np.random.default_rng(1).normal(size=(T, 2)), activation=activation
    )
    y = np.random.default_rng(2).normal(size=(T, 2))
    slopes = 1 - trace.h[1:] ** 2 if activation == "tanh" else (trace.h[1:] > 0) * 1.0
    local = ((trace.o - y) / T) @ trace.params.W_qh
    W_T, want = mpmath.matrix(trace.params.W_hh.T.tolist()), []
    for t in steps:
        v = mpmath.matrix(3, 1)
        for i in range(min(t + tau - 1, T) - 1, t - 2, -1):
            later = slopes[i + 1].tolist() if i + 1 < T else [0.0] * 3
            v = W_T * mpmath.matrix([a * b for a, b in zip(later, v, strict=True)]) + mpmath.matrix(local[i].tolist())
        want.append(float(mpmath.log10(mpmath.norm(v))))
    np.testing.assert_allclose(log10_gradient_norms(trace, y, window=tau, steps=steps), want, atol=1e-9)


def test_float32_is_no_narrower():
    """The weights are exact in float32; 10^-3000 and 10^3000 are as far outside it as outside float64."""
    for g in (0.5, 2.0):
        params = init_params(1, 2, 2, kind="identity", scale=g, dtype=np.float32)
        trace = forward(params, np.zeros((10_000, 1), np.float32))
        got = log10_gradient_norms(trace, np.ones((10_000, 2), np.float32), reduction="last")
        assert got[0] - got[-1] == pytest.approx(9999 * math.log10(g), rel=1e-12)


# --- exactly zero ---


def test_no_error_no_gradient():
    trace = forward(init_params(1, 2, 2), np.ones((5, 1)))
    for window in (None, 1, 3):
        for reduction in oracles.REDUCTIONS:
            got = log10_gradient_norms(trace, trace.o, reduction=reduction, window=window)
            assert np.all(np.isneginf(got)) and len(got) == 5


@for_each("window", [None, 5])
def test_nothing_passes_a_saturated_step(window):
    """tanh 50 is 1 in float64 and its slope 0: dL/dh_t ends before step 4, whether the loss is near or far."""
    x = np.full((6, 1), 0.1)
    x[3] = 50
    trace = forward(Params(np.eye(1), np.eye(1), np.eye(1)), x, activation="tanh")
    got = log10_gradient_norms(trace, np.zeros((6, 1)), reduction="last", window=window)
    assert np.isneginf(got).tolist() == [True, True, True, False, False, False]


# --- the slopes in front ---


def all_modes(W_hh):
    return laws.modes(W_hh.T).log10_norms


@for_each("B", [None, 3])
@for_each("q", [1, 2])
def test_without_slopes_the_law_is_the_gradient(q, B):
    T, rng = 40, np.random.default_rng(0)
    shape = (T,) if B is None else (T, B)
    params = init_params(2, 5, q, scale=1.3, seed=2)
    trace, y = forward(params, rng.normal(size=(*shape, 2))), rng.normal(size=(*shape, q))
    want = np.log10(row_norms(backward(trace, y, reduction="last").h))
    np.testing.assert_allclose(log10_slopes_in_front(trace, y, all_modes(params.W_hh)), want, atol=1e-9)


@for_each("activation", ["tanh", "sigmoid"])
def test_equal_slopes_come_out_in_front(activation):
    """All units get the same input and the same share of the others, W_hh 1 = 1.7: all states of a step are equal."""
    T, h, rng = 30, 6, np.random.default_rng(1)
    W_hh = rng.normal(size=(h, h))
    W_hh += (1.7 - W_hh.sum(1, keepdims=True)) / h
    trace = forward(
        Params(np.ones((h, 1)), W_hh, rng.normal(size=(1, h))), rng.normal(size=(T, 1)), activation=activation
    )
    assert np.ptp(trace.h, axis=1).max() < 1e-10 and np.ptp(trace.h[1:, 0]) > 0.3
    want = np.log10(row_norms(backward(trace, np.ones((T, 1)), reduction="last").h))
    np.testing.assert_allclose(log10_slopes_in_front(trace, np.ones((T, 1)), all_modes(W_hh)), want, atol=1e-8)


@for_each("activation", oracles.ACTIVATIONS)
@for_each(("q", "B"), [(1, None), (3, None), (1, 4), (3, 4)])
def test_each_sequence_has_a_law_of_its_own(activation, q, B):
    T, rng = 12, np.random.default_rng(3)
    params = init_params(2, 5, q, seed=4, scale=1.5)
    shape = (T,) if B is None else (T, B)
    trace = forward(params, rng.normal(size=(*shape, 2)), activation=activation)
    y = rng.normal(size=(*shape, q))
    slopes = ACTIVATIONS[activation].slope(trace.h[1:]).reshape(T, -1, 5)
    errors = (trace.o - y)[-1].reshape(-1, q) / (B or 1)
    squares = np.zeros(T)
    for b, error in enumerate(errors):
        v = params.W_qh.T @ error
        for t in range(T - 1, -1, -1):
            gain = np.prod([np.mean(slopes[s, b] ** 2) for s in range(t + 1, T)])
            squares[t] += gain * np.sum((np.linalg.matrix_power(params.W_hh.T, T - 1 - t) @ v) ** 2)
    got = log10_slopes_in_front(trace, y, all_modes(params.W_hh))
    with np.errstate(divide="ignore"):  # where all units of a relu network rest
        np.testing.assert_allclose(got, np.log10(squares) / 2, atol=1e-10)


def test_a_law_that_is_far_outside_float64_and_units_that_all_rest():
    params = init_params(1, 4, 1, kind="orthogonal", scale=1e-6)
    trace, y = forward(params, np.zeros((200, 1)), activation="tanh"), np.ones((200, 1))
    got = log10_slopes_in_front(trace, y, all_modes(params.W_hh))
    np.testing.assert_allclose(got, np.log10(np.linalg.norm(params.W_qh)) - 6 * np.arange(200)[::-1], atol=1e-9)
    states = np.ones((6, 2))
    states[3] = 0
    resting = log10_slopes_in_front(relu_with_states(np.eye(2), states), np.zeros((6, 2)), all_modes(np.eye(2)))
    assert np.isneginf(resting).tolist() == [True, True, True, False, False, False]
    trace = forward(params, np.ones((3, 1)))
    assert np.all(np.isneginf(log10_slopes_in_front(trace, trace.o, all_modes(params.W_hh))))


# --- what does not fit ---


@for_each(
    ("options", "error", "words"),
    [
        ({"window": 0}, ValueError, ["window", "0", "T = 5"]),
        ({"window": 6}, ValueError, ["window", "6", "T = 5"]),
        ({"window": 1.5}, TypeError, ["window", "1.5", "whole number"]),
        ({"steps": [1, 6]}, ValueError, ["steps", "from 1 to 6", "T = 5"]),
        ({"steps": [0]}, ValueError, ["steps", "from 0 to 0", "T = 5"]),
        ({"steps": 3}, TypeError, ["steps", "shape ()", "list of whole numbers"]),
        ({"steps": [1.5]}, TypeError, ["steps", "float64", "list of whole numbers"]),
        ({"loss": "hinge"}, ValueError, ["loss", "'hinge'"]),
        ({"reduction": "max"}, ValueError, ["reduction", "'max'"]),
        ({"y": np.zeros((4, 2))}, ValueError, ["y", "(4, 2)", "(5, 2)"]),
        ({"trace": None}, TypeError, ["trace", "NoneType", "Trace"]),
    ],
)
def test_what_it_refuses(options, error, words):
    arguments = {"trace": forward(init_params(1, 2, 2), np.ones((5, 1))), "y": np.zeros((5, 2))} | options
    with pytest.raises(error) as info:
        log10_gradient_norms(**arguments)
    assert all(word in str(info.value) for word in words), info.value


@for_each("where", ["x", "y"])
def test_complex_numbers_are_refused(where):
    rng = np.random.default_rng(0)
    p = oracles.random_problem(rng, 4, None, 2, 3, 2, activation="tanh", loss="squared_error", reduction="sum")
    p = p._replace(**{where: getattr(p, where) + 0.1j})
    with pytest.raises(TypeError, match=r"complex, wanted real"):
        log10_gradient_norms(trace_of(p), p.y, **p.options)


def test_a_slope_of_the_loss_that_overflows_is_no_silent_nan():
    trace = forward(init_params(1, 1, 1, dtype=np.float32), np.zeros((3, 1), np.float32))
    with pytest.raises(FloatingPointError, match=r"dL/do_t overflows float32, going back first at t = 2"):
        log10_gradient_norms(trace, np.array([[1.0], [1e300], [1.0]]))
