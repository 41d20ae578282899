"""The backward pass, and the table of single flows.

Oracles (tests/oracles.py): brute force, which multiplies out dh_t/dh_k for every pair (t, k) and accumulates nothing
backwards, and the complex step over a textbook forward pass, which knows no derivative. Neither shares a line with
the package, nor with the other.
"""

import sys

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import for_each
from oracles import (
    assert_gradients_agree,
    brute_force,
    complex_step,
    flow_by_hand,
    problems,
    spoiled,
    trace_of,
    weighted_problems,
)

from d2lbptt import Params, Trace, backward, forward, init_params, itemized, loss, loss_and_gradients
from d2lbptt._recursion import CACHED, SHORTEST, cached_stretches
from d2lbptt.experiments._memory import peak
from d2lbptt.total_derivative import forward_accumulation

# --- the oracles themselves ---


@settings(max_examples=40)
@given(problems(dtypes=(np.float64,)))
def test_the_two_oracles_agree(problem):
    want, size = brute_force(problem), oracles.magnitude(problem)
    for name in problem.names:
        assert np.all(np.abs(complex_step(problem, name) - want[name]) <= 1e-13 * size[name])


@settings(max_examples=40)
@given(problems(dtypes=(np.float64,)))
def test_the_shaken_sweep_is_the_gradient_where_nothing_is_shaken(problem):
    want, size = brute_force(problem), oracles.magnitude(problem)
    got = oracles.shaken_gradients(problem, None, draws=2)
    for name in problem.names:
        assert got[name].shape == (2, *want[name].shape)
        assert np.all(np.abs(got[name] - want[name]) <= 1e-13 * size[name])


# --- the full gradient ---


@settings(max_examples=300)
@given(problems())
def test_every_field_is_the_sum_over_all_pairs(problem):
    assert_gradients_agree(backward(trace_of(problem), problem.y, **problem.options), problem)


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)))
def test_every_parameter_against_the_complex_step(problem):
    got, size = backward(trace_of(problem), problem.y, **problem.options), oracles.magnitude(problem)
    for name in problem.names:
        assert np.all(np.abs(getattr(got, name) - complex_step(problem, name)) <= 1e-13 * size[name])


@settings(max_examples=50)
@given(problems() | weighted_problems())
def test_dtype_rank_and_absence_follow_the_input(problem):
    got = backward(trace_of(problem), problem.y, **problem.options)
    assert {f.dtype for f in got if f is not None} == {problem.x.dtype}
    assert (got.b_h is None, got.b_q is None) == (problem.params.b_h is None, problem.params.b_q is None)
    assert got.h.shape == (*problem.x.shape[:-1], len(problem.params.W_hh))
    assert got.h0.shape == got.h.shape[1:]


@settings(max_examples=50)
@given(problems(dtypes=(np.float64,), batches=(2, 3, 4)))
def test_a_batch_is_the_mean_of_its_sequences(problem):
    """The package against itself, but one path is for batches and the other for single sequences."""
    B = problem.x.shape[1]
    whole = backward(trace_of(problem), problem.y, **problem.options)
    each = [backward(trace_of(s), s.y, **s.options) for s in problem.sequences()]
    size = oracles.magnitude(problem)
    for name in problem.names[:-1]:
        mean = sum(getattr(g, name) for g in each) / B
        assert np.all(np.abs(getattr(whole, name) - mean) <= 1e-13 * size[name]), name
    for name, axis in (("h0", 0), ("h", 1), ("o", 1)):
        rows = np.stack([getattr(g, name) for g in each], axis) / B
        assert np.all(np.abs(getattr(whole, name) - rows) <= 1e-13 * size[name]), name


def test_a_step_of_zero_slope_lets_nothing_through():
    """Where tanh is saturated its slope is exactly 0 in float64: what lies before such a step has no gradient."""
    params = Params(np.eye(2), np.eye(2), np.eye(2))
    x = np.array([[0.1, 0.2], [0.3, 0.1], [50.0, 50.0], [0.2, 0.1]])
    got = backward(forward(params, x, activation="tanh"), np.zeros((4, 2)), reduction="last")
    assert np.all(got.h[2:] != 0)
    assert not np.any(got.h[:2]) and not np.any(got.h0)


def test_relu_has_slope_zero_at_zero():
    """The convention of torch and JAX; no derivative decides it."""
    trace = forward(Params(np.eye(1), np.eye(1), np.eye(1)), np.zeros((1, 1)), activation="relu")
    got = backward(trace, np.ones((1, 1)))
    assert got.h.item() == -1
    assert got.W_hx.item() == got.h0.item() == 0


# --- weights of the losses ---


def weighed(p):
    """All that takes the weights of a problem: fields and numbers in one list."""
    trace, itself = trace_of(p), {name: value for name, value in p.options.items() if name != "reduction"}
    found = [*backward(trace, p.y, **p.options), itemized(trace, p.y, **itself), loss(trace, p.y, **p.options)]
    return [a for a in found if a is not None]


def same_bits(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def four_problems(T=7):
    """Both losses, each with and without a batch; weights are drawn by the tests."""
    rng = np.random.default_rng(3)
    for name in oracles.LOSSES:
        for B in (None, 4):
            yield oracles.random_problem(rng, T, B, 2, 4, 3, activation="tanh", loss=name, reduction="mean")


@settings(max_examples=300)
@given(weighted_problems())
def test_with_weights_every_field_is_the_sum_over_all_pairs(problem):
    assert_gradients_agree(backward(trace_of(problem), problem.y, **problem.options), problem)


@settings(max_examples=100)
@given(weighted_problems(dtypes=(np.float64,)))
def test_with_weights_every_parameter_against_the_complex_step(problem):
    got, size = backward(trace_of(problem), problem.y, **problem.options), oracles.magnitude(problem)
    for name in problem.names:
        assert np.all(np.abs(getattr(got, name) - complex_step(problem, name)) <= 1e-13 * size[name])


@settings(max_examples=100)
@given(weighted_problems())
def test_where_a_weight_is_0_the_target_is_not_looked_at(problem):
    assert same_bits(weighed(problem), weighed(problem._replace(y=spoiled(problem))))


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)), st.booleans())
def test_weights_that_are_all_1_change_nothing(problem, for_each_sequence):
    """The package against itself, but without weights it divides by T, and with them by their sum."""
    ones = np.ones(problem.x.shape[:-1] if for_each_sequence else len(problem.x))
    one, other = (backward(trace_of(p), p.y, **p.options) for p in (problem, problem._replace(weights=ones)))
    size = oracles.magnitude(problem)
    for name in (*problem.names, "h", "o"):
        assert np.all(np.abs(getattr(one, name) - getattr(other, name)) <= 1e-13 * size[name]), name


@for_each("reduction", ["mean", "last"])
@for_each("power", [1, 900, -1000])
def test_a_mean_does_not_change_with_the_size_of_the_weights(reduction, power):
    """Times a power of two, which takes nothing from a number; the sum of the largest ones is beyond float64."""
    rng = np.random.default_rng(0)
    for p in four_problems():
        for shape in {p.x.shape[:1], p.x.shape[:-1]}:
            w = rng.uniform(1, 2, size=shape) * 2.0 ** (123 if power == 900 else 0)
            one, other = (p._replace(reduction=reduction, weights=v) for v in (w, 2.0**power * w))
            assert same_bits(*(backward(trace_of(p), p.y, **v.options) for v in (one, other)))
            assert loss(trace_of(p), p.y, **one.options) == loss(trace_of(p), p.y, **other.options)


def test_the_smallest_numbers_are_weights():
    for p in four_problems():
        w = np.arange(7.0) % 3
        one, other = (p._replace(weights=v) for v in (w, 5e-324 * w))
        assert loss(trace_of(p), p.y, **one.options) == loss(trace_of(p), p.y, **other.options) > 0


@for_each("reduction", oracles.REDUCTIONS)
@for_each("weights", [[0.0, 3, 1], [0, 1, 1]])
def test_a_loss_that_has_no_weight_may_overflow(reduction, weights):
    """(1e200)^2 / 2 is beyond float64; the rest of the sequence is what it is without that step."""
    params, x = Params(np.eye(1), np.zeros((1, 1)), np.eye(1)), np.array([[1e200], [0.5], [0.25]])
    y = np.array([[0.0], [1.5], [0.5]])
    got = loss(forward(params, x), y, reduction=reduction, weights=weights)
    assert got == loss(forward(params, x[1:]), y[1:], reduction=reduction, weights=weights[1:])
    with pytest.raises(FloatingPointError, match="l_t overflows float64, first at t = 1"):
        loss(forward(params, x), y, weights=[1e-300, 1, 1])
    last = loss(forward(params, x), y, reduction="last")
    assert last == loss(forward(params, x), y, reduction="last", weights=np.ones(3)) == 0.25**2 / 2


def test_a_sum_with_weights_that_overflows_is_no_loss():
    trace = forward(Params(*np.ones((3, 1, 1))), np.ones((2, 1)))
    with pytest.raises(FloatingPointError, match="overflows float64"):
        loss(trace, np.full((2, 1), 30.0), reduction="sum", weights=[1e308, 1e308])
    with pytest.raises(FloatingPointError, match="overflows float64"):
        backward(trace, np.full((2, 1), 30.0), reduction="sum", weights=[1e308, 1e308])


# --- complex numbers pass through, analytically ---


def made_complex(problem, name, rng):
    """The problem with an imaginary part on one of its arrays: small, so that no pole is near."""
    value = problem.x if name == "x" else problem.value(name)
    return problem.replaced(name, value + 0.05j * rng.normal(size=value.shape))


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)), st.sampled_from(["x", "h0", "W_hx", "W_hh", "W_qh"]), st.integers(0, 99))
def test_a_complex_gradient_is_the_analytic_one(problem, name, seed):
    """The brute force multiplies complex matrices without a conjugate anywhere."""
    problem = made_complex(problem, name, np.random.default_rng(seed))
    got = backward(trace_of(problem), problem.y, **problem.options)
    assert np.iscomplexobj(got.W_hh)
    assert_gradients_agree(got, problem, factor=1000)


@settings(max_examples=50)
@given(problems(dtypes=(np.float64,)), st.data())
def test_the_package_s_own_loss_serves_the_complex_step(problem, data):
    name = data.draw(st.sampled_from(problem.names))
    value = problem.value(name)
    index = tuple(data.draw(st.integers(0, n - 1)) for n in value.shape)
    moved = value.astype(complex)
    moved[index] += 1e-30j
    stepped = problem.replaced(name, moved)
    derivative = loss(trace_of(stepped), problem.y, **problem.options).imag / 1e-30
    difference = derivative - brute_force(problem)[name][index]
    assert abs(difference) <= 1e-13 * oracles.magnitude(problem)[name][index]


@pytest.mark.parametrize("B", [None, 2])
def test_complex_targets_of_a_real_network_pass_through(B):
    rng = np.random.default_rng(0)
    p = oracles.random_problem(rng, 4, B, 2, 3, 2, activation="tanh", loss="squared_error", reduction="mean")
    p = p._replace(y=p.y + 1j * rng.normal(size=p.y.shape))
    assert_gradients_agree(backward(trace_of(p), p.y, **p.options), p)


# --- what is given is left alone ---


def frozen(a):
    """A read-only copy: writing into it raises."""
    if a is not None:
        a = a.copy()
        a.setflags(write=False)
    return a


@for_each("activation", oracles.ACTIVATIONS)
@for_each("loss_name", oracles.LOSSES)
@for_each("B", [None, 3])
def test_nothing_that_is_given_is_written_into(activation, loss_name, B):
    rng = np.random.default_rng(0)
    p = oracles.random_problem(rng, 4, B, 2, 3, 2, activation=activation, loss=loss_name, reduction="mean")
    params, y, gates = Params(*map(frozen, p.params)), frozen(p.y), frozen(np.array([1.0, 0, 2, 1]))
    weights, of_each = frozen(np.array([1.0, 0, 2, 1])), frozen(np.arange(1.0, 1 + p.x[..., 0].size))
    of_each, steps = frozen(of_each.reshape(p.x.shape[:-1])), frozen(np.array([1, 1, 3, 2]))
    trace = forward(params, frozen(p.x), h0=frozen(p.h0), activation=activation)
    trace = Trace(params, frozen(trace.x), frozen(trace.h), frozen(trace.o), activation)
    for reduction in oracles.REDUCTIONS:
        loss(trace, y, loss=loss_name, reduction=reduction)
        loss(trace, y, loss=loss_name, reduction=reduction, weights=weights)
        for how in (
            *({}, {"gates": gates}, {"gates": of_each}, {"window": 2}, {"window": 4}, {"first": steps}),
            *({"weights": weights}, {"weights": of_each, "first": steps}),
        ):
            first = backward(trace, y, loss=loss_name, reduction=reduction, **how)
            again = backward(trace, y, loss=loss_name, reduction=reduction, **how)
            assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    itemized(trace, y, loss=loss_name)


# --- overflow ---


@for_each("dtype", [np.float32, np.float64])
@for_each("B", [None, 2])
@for_each("window", [None, 1000])
def test_overflow_going_back_names_the_largest_t(dtype, B, window):
    """All states are 0 and y_T = -1, so dL/dh_t = 10^(T - t): whole numbers say where that ends."""
    T, largest = 1000, int(np.finfo(dtype).max)
    first_too_large = next(lag for lag in range(T) if 10**lag > largest)
    batch = () if B is None else (B,)
    params = Params(*(np.array([[w]], dtype) for w in (1, 10, 1)))
    trace = forward(params, np.zeros((T, *batch, 1), dtype))
    y = np.full((T, *batch, 1), -1.0 if B is None else -B, dtype)
    with pytest.raises(FloatingPointError) as info:
        backward(trace, y, reduction="last", window=window)
    words = f"dL/dh_t overflows {np.dtype(dtype)}, going back first at t = {T - first_too_large}"
    assert words == str(info.value)
    backward(trace, y, reduction="last", window=first_too_large)  # inside the window nothing overflows


def test_overflow_of_a_weight_gradient_alone():
    """dL/dh_t and the states fit, their product does not."""
    trace = forward(Params(np.array([[1e200]]), np.zeros((1, 1)), np.eye(1)), np.ones((1, 1)))
    with pytest.raises(FloatingPointError, match=r"dL/dW_qh overflows float64"):
        backward(trace, np.zeros((1, 1)))


# --- the table of single flows ---


@settings(max_examples=100)
@given(problems())
def test_itemized_against_the_norms_of_unrolled_jacobians(problem):
    got = itemized(trace_of(problem), problem.y, loss=problem.loss)
    T, B = len(problem.x), len(problem.sequences())
    flows = [flow_by_hand(s)[0] for s in problem.sequences()]
    sizes = [flow_by_hand(s)[0] for s in oracles.larger(problem).sequences()]
    assert got.shape == (T, T) and got.dtype == problem.x.dtype
    for t in range(1, T + 1):
        for k in range(1, T + 1):
            if k > t:
                assert np.isnan(got[t - 1, k - 1])
                continue
            want = np.linalg.norm([f[t, k] for f in flows]) / B
            size = np.linalg.norm([f[t, k] for f in sizes]) / B
            assert abs(got[t - 1, k - 1] - want) <= 100 * np.finfo(got.dtype).eps * size


@settings(max_examples=60)
@given(weighted_problems(dtypes=(np.float64,)))
def test_itemized_with_weights_is_weighed_row_by_row(problem):
    """dl_t/dh_k of each sequence times its own w, whatever the other weights are."""
    got = itemized(trace_of(problem), problem.y, loss=problem.loss, weights=problem.weights)
    each, B = problem.sequences(), len(problem.sequences())
    w = problem.weights.reshape(len(problem.x), -1) * np.ones((1, B))
    flows = [flow_by_hand(s)[0] for s in each]
    sizes = [flow_by_hand(s)[0] for s in oracles.larger(problem).sequences()]
    for t, k in zip(*np.tril_indices(len(problem.x)), strict=True):
        want, size = (
            np.linalg.norm([w[t, b] * f[t + 1, k + 1] for b, f in enumerate(of)]) / B for of in (flows, sizes)
        )
        assert abs(got[t, k] - want) <= 1e-13 * size


def test_a_table_that_cannot_fit_is_refused_at_once():
    """The states of a million steps fit anywhere; the pairs of these steps do not."""
    T = 10**6
    rest = Trace(Params(*(np.zeros((1, 1)),) * 3), np.zeros((T, 1)), np.zeros((T + 1, 1)), np.zeros((T, 1)), "identity")
    with pytest.raises(ValueError, match=f"{8 * T * T:,} bytes .*T = {T}"):
        itemized(rest, np.zeros((T, 1)))


def test_itemized_overflow_names_the_largest_t():
    """|dl_t/dh_k| = 10^(t - k), as above, so that the first entries beyond 10^308 are those of k = T - 309."""
    params = Params(np.eye(1), np.array([[10.0]]), np.eye(1))
    with pytest.raises(FloatingPointError, match=r"overflows float64, going back first at t = 91$"):
        itemized(forward(params, np.zeros((400, 1))), np.ones((400, 1)))


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_itemized_norms_of_entries_whose_squares_leave_the_range(unit):
    trace = forward(Params(np.eye(2), np.eye(2), np.eye(2)), np.zeros((2, 2)))
    got = itemized(trace, unit * np.array([[3.0, 4], [5, 12]]))
    np.testing.assert_allclose(got, unit * np.array([[5, np.nan], [13, 13]]), rtol=1e-15)


# --- what does not fit ---

RNG = np.random.default_rng(0)
TRACE = forward(Params(np.eye(3, 2), np.eye(3), np.eye(4, 3)), RNG.normal(size=(5, 2)))
BATCH = forward(Params(np.eye(3, 2), np.eye(3), np.eye(4, 3)), RNG.normal(size=(5, 6, 2)))
Y, LABELS = np.zeros((5, 4)), np.zeros(5, int)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"gates": np.ones(4)}, ValueError, ["gates", "(4,)", "(T,)", "(5,)"]),
        ({"gates": np.ones((5, 1))}, ValueError, ["gates", "(5, 1)", "(T,)", "(5,)"]),
        ({"gates": np.ones((5, 6))}, ValueError, ["gates", "(5, 6)", "(T,)", "(5,)"]),
        ({"gates": 1.0}, ValueError, ["gates", "()", "(T,)"]),
        ({"gates": [1, 1, np.nan, 1, 1]}, ValueError, ["gates", "nan", "(2,)", "finite"]),
        ({"gates": np.ones(5) * 1j}, TypeError, ["gates", "complex128", "real"]),
        ({"gates": ["1"] * 5}, TypeError, ["gates", "dtype"]),
        ({"window": 0}, ValueError, ["window", "0", "1", "T = 5"]),
        ({"window": 6}, ValueError, ["window", "6", "1", "T = 5"]),
        ({"window": -1}, ValueError, ["window", "-1", "1", "T = 5"]),
        ({"window": 2.5}, TypeError, ["window", "2.5", "whole number"]),
        ({"window": "2"}, TypeError, ["window", "'2'", "whole number"]),
        ({"gates": np.ones(5), "window": 2}, ValueError, ["gates and window are both given, wanted at most one"]),
        ({"gates": np.ones(5), "first": np.ones(5, int)}, ValueError, ["gates and first are both given, wanted at"]),
        ({"window": 2, "first": np.ones(5, int)}, ValueError, ["window and first are both given, wanted at most one"]),
        (
            {"gates": np.ones(5), "window": 2, "first": [1] * 5},
            ValueError,
            ["gates, window and first are all given, wanted at most one"],
        ),
        ({"first": [1, 1, 1, 1]}, ValueError, ["first", "(4,)", "(T,) = (5,)"]),
        ({"first": np.ones((1, 5), int)}, ValueError, ["first", "(1, 5)", "(T,)"]),
        ({"first": 1}, ValueError, ["first", "()", "(T,)"]),
        ({"first": np.ones(5)}, TypeError, ["first", "float64", "whole numbers"]),
        ({"first": [1, 2, 4, 1, 1]}, ValueError, ["first is 4 for a step t, wanted whole numbers from 1 to t"]),
        ({"first": [0, 1, 1, 1, 1]}, ValueError, ["first is 0 for a step t, wanted whole numbers from 1 to t"]),
        ({"loss": "hinge"}, ValueError, ["loss", "'hinge'", "squared_error, cross_entropy"]),
        ({"reduction": "median"}, ValueError, ["reduction", "'median'", "mean, sum, last"]),
    ],
)
def test_options_that_do_not_fit(options, error, words):
    with pytest.raises(error) as info:
        backward(TRACE, Y, **options)
    assert all(word in str(info.value) for word in words), info.value


@for_each("of", [loss, backward, loss_and_gradients, itemized, forward_accumulation])
@for_each(
    ("trace", "weights", "error", "words"),
    [
        (TRACE, np.ones(4), ValueError, ["weights", "(4,)", "(T,) = (5,)"]),
        (TRACE, np.ones((5, 1)), ValueError, ["weights", "(5, 1)", "(T,) = (5,)"]),
        (TRACE, 1.0, ValueError, ["weights", "()", "(T,) = (5,)"]),
        (BATCH, np.ones(6), ValueError, ["weights", "(6,)", "(T,) = (5,)"]),
        (BATCH, np.ones((6, 5)), ValueError, ["weights", "(6, 5)", "(T,) or (T, B) = (5, 6)"]),
        (BATCH, np.ones((5, 6, 1)), ValueError, ["weights", "(5, 6, 1)", "(T,) or (T, B) = (5, 6)"]),
        (TRACE, [1, 1, -0.5, 1, 1], ValueError, ["weights has -0.5, wanted numbers from 0 on"]),
        (TRACE, np.zeros(5), ValueError, ["weights are all 0, wanted one above 0"]),
        (BATCH, np.zeros((5, 6)), ValueError, ["weights are all 0, wanted one above 0"]),
        (TRACE, [1, 1, np.nan, 1, 1], ValueError, ["weights", "nan", "(2,)", "finite"]),
        (TRACE, [1, 1, np.inf, 1, 1], ValueError, ["weights", "inf", "(2,)", "finite"]),
        (TRACE, np.ones(5) * 1j, TypeError, ["weights", "complex128", "real"]),
        (TRACE, "mean", TypeError, ["weights", "dtype"]),
    ],
)
def test_weights_that_do_not_fit(of, trace, weights, error, words):
    with pytest.raises(error) as info:
        of(trace, np.zeros(trace.o.shape), weights=weights)
    assert all(word in str(info.value) for word in words), info.value


@pytest.mark.parametrize("of", [loss, backward, loss_and_gradients, forward_accumulation])
def test_for_the_loss_of_the_last_step_its_weight_must_be_above_0(of):
    for trace, weights in ((TRACE, [1, 1, 1, 1, 0]), (BATCH, np.ones((5, 6)) * [[1], [1], [1], [1], [0]])):
        with pytest.raises(ValueError, match="weights are all 0 at step T, the one that counts, wanted one above 0"):
            of(trace, np.zeros(trace.o.shape), weights=weights, reduction="last")


def test_a_target_that_counts_is_looked_at():
    with pytest.raises(ValueError, match=r"y is -100 at index \(1,\), wanted classes from 0 to q - 1 = 3"):
        loss(TRACE, [-100, -100, 0, 0, 0], loss="cross_entropy", weights=[0, 1, 1, 1, 1])
    y, weights = np.zeros((5, 6, 4)), np.ones((5, 6))
    y[0, 1:3], weights[0, 1] = np.nan, 0
    with pytest.raises(ValueError, match=r"y is nan at index \(0, 2, 0\), wanted finite"):
        loss(BATCH, y, weights=weights)


@for_each("of", [loss, backward, loss_and_gradients, itemized])
@for_each(
    ("trace", "y", "name", "error", "words"),
    [
        ((1, 2), Y, "squared_error", TypeError, ["trace", "tuple", "Trace"]),
        (None, Y, "squared_error", TypeError, ["trace", "NoneType", "Trace"]),
        (TRACE, np.zeros((4, 4)), "squared_error", ValueError, ["y", "(4, 4)", "(T, q)", "(5, 4)"]),
        (TRACE, np.zeros(5), "squared_error", ValueError, ["y", "(5,)", "(T, q)", "(5, 4)"]),
        (TRACE, LABELS, "squared_error", ValueError, ["y", "(5,)", "(T, q)", "(5, 4)"]),
        (BATCH, Y, "squared_error", ValueError, ["y", "(5, 4)", "(T, B, q)", "(5, 6, 4)"]),
        (TRACE, np.full((5, 4), np.inf), "squared_error", ValueError, ["y", "inf", "(0, 0)", "finite"]),
        (TRACE, [[1, 2], [3]], "squared_error", ValueError, ["y", "ragged"]),
        (TRACE, None, "squared_error", TypeError, ["y", "dtype object"]),
        (TRACE, np.zeros((5, 4), bool), "squared_error", TypeError, ["y", "bool"]),
        (TRACE, Y, "cross_entropy", TypeError, ["y", "float64", "whole numbers", "class"]),
        (TRACE, LABELS * 1.0, "cross_entropy", TypeError, ["y", "float64", "whole numbers", "class"]),
        (TRACE, LABELS[:4], "cross_entropy", ValueError, ["y", "(4,)", "(T,)", "(5,)"]),
        (BATCH, LABELS, "cross_entropy", ValueError, ["y", "(5,)", "(T, B)", "(5, 6)"]),
        (TRACE, [0, 3, 4, 0, 9], "cross_entropy", ValueError, ["y", "is 4", "(2,)", "0 to q - 1 = 3"]),
        (TRACE, [0, -1, 0, 0, 0], "cross_entropy", ValueError, ["y", "is -1", "(1,)", "0 to q - 1 = 3"]),
        (TRACE, None, "cross_entropy", TypeError, ["y", "dtype object", "whole numbers"]),
    ],
)
def test_targets_that_do_not_fit(of, trace, y, name, error, words):
    with pytest.raises(error) as info:
        of(trace, y, loss=name)
    assert all(word in str(info.value) for word in words), info.value


# --- loss and gradients together, and the stretches of time in which both passes go ---


@settings(max_examples=100)
@given(problems() | weighted_problems(), st.sampled_from([None, "gates", "window", "first"]), st.randoms())
def test_loss_and_gradients_are_those_of_loss_and_backward(problem, cut, random):
    """The same numbers, to the last bit, from the two functions that compute them one by one."""
    trace, T = trace_of(problem), len(problem.x)
    window, first = random.randint(1, T), [random.randint(1, t) for t in range(1, T + 1)]
    cuts = {"gates": np.array(first) / 2, "window": window, "first": first}
    options = problem.options | ({} if cut is None else {cut: cuts[cut]})
    value, gradients = loss_and_gradients(trace, problem.y, **options)
    assert value == loss(trace, problem.y, **problem.options)
    assert same_bits(*([a for a in g if a is not None] for g in (gradients, backward(trace, problem.y, **options))))


def in_stretches_of(steps, monkeypatch):
    def cut(T, width, least):
        return [(start, min(start + steps, T)) for start in range(0, T, steps)], min(steps, T)

    for module in (sys.modules["d2lbptt.bptt"], sys.modules["d2lbptt.rnn"]):
        monkeypatch.setattr(module, "cached_stretches", cut)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_it_does_not_matter_where_time_is_cut_into_stretches(steps):
    """Brute force knows nothing of stretches; with gates, a window and float32 too."""

    @settings(max_examples=60)
    @given(problems() | weighted_problems())
    def check(problem):
        with pytest.MonkeyPatch.context() as patched:
            whole, trace = trace_of(problem), None
            T = len(problem.x)
            schemes = [{"gates": np.linspace(0, 2, T)}, {"window": (T + 1) // 2}]
            wholly = [backward(whole, problem.y, **problem.options, **scheme) for scheme in schemes]
            in_stretches_of(steps, patched)
            trace = trace_of(problem)
            assert_gradients_agree(backward(trace, problem.y, **problem.options), problem)
            size, eps = oracles.magnitude(problem), np.finfo(problem.x.dtype).eps
            for want, scheme in zip(wholly, schemes, strict=True):
                got = backward(trace, problem.y, **problem.options, **scheme)
                for name in problem.names:
                    assert np.all(np.abs(getattr(got, name) - getattr(want, name)) <= 500 * eps * (1 + size[name]))

    check()


def test_stretches_cover_the_time_once_and_grow_with_the_matrix():
    for T, width, least in ((1, 5, 0), (7, 100_000, 0), (1000, 60, 3000), (1000, 60, 10**9), (100_000, 284, 10**5)):
        found, longest = cached_stretches(T, width, least)
        assert [t for start, stop in found for t in range(start, stop)] == list(range(T))
        assert longest == max(stop - start for start, stop in found)
        assert longest == T or (longest >= 0.6 * SHORTEST and longest * width >= 0.6 * max(CACHED, least))
    assert len(cached_stretches(1000, 60, 10**9)[0]) == 1


@pytest.mark.parametrize(("dtype", "shape"), [(float, (20_000,)), (np.float32, (20_000,)), (float, (1000, 16))])
def test_the_passes_allocate_little_beside_what_they_return(dtype, shape):
    """Beside the states that the trace holds."""
    rng = np.random.default_rng(0)
    params = init_params(8, 64, 4, bias=True, dtype=dtype)
    x, y = rng.normal(size=(*shape, 8)).astype(dtype), rng.integers(0, 4, shape)
    trace = forward(params, x, activation="tanh")
    assert peak(lambda: forward(params, x, activation="tanh")) < 1.3 * trace.h.nbytes
    assert peak(lambda: loss_and_gradients(trace, y, loss="cross_entropy")) < 1.9 * trace.h.nbytes


def test_numbers_whose_squares_overflow_are_taken():
    """A product finds numbers that are not finite, and overflows earlier than they do."""
    params = Params(np.eye(2), 0.5 * np.eye(2), np.eye(2))
    x = np.array([[1e200, -1e190], [1e199, 1e170]])
    got = backward(
        forward(params, x), np.zeros((2, 2)), reduction="sum", loss="squared_error", weights=[1e-200, 1e-200]
    )
    assert np.isfinite(got.h).all() and got.W_hx.shape == (2, 2)


@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_first_step_that_overflows_is_named_in_whatever_stretch_it_is(batch, monkeypatch):
    """h_t = 10 h_{t-1} with h_0 = 1e300: beyond 1.8e308 at t = 9."""
    params = Params(np.zeros((1, 1)), np.full((1, 1), 10.0), np.ones((1, 1)))
    x, h0 = np.zeros((20, *batch, 1)), np.full((*batch, 1), 1e300)
    for steps in (2, 4, 30):
        in_stretches_of(steps, monkeypatch)
        with pytest.raises(FloatingPointError, match=r"^h_t overflows float64, first at t = 9$"):
            forward(params, x, h0=h0)
        trace = forward(params, x, h0=0 * h0)
        with pytest.raises(FloatingPointError, match=r"^dL/dh_t overflows float64, going back first at t = 11$"):
            backward(trace, np.full((20, *batch, 1), -1e300), reduction="last")
