"""The network, its forward pass and loss, and the initial parameters.

Oracles: the textbook forward pass of tests/oracles.py, one sequence and one time step after the other in float64,
which shares no line with the package; whole numbers of unlimited size for where a forward pass overflows;
for random matrices the theorems about them (the chi-square law, the circular law, Wigner's semicircle).
"""

import time

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import for_each
from oracles import problems, spoiled, textbook_forward, textbook_loss, trace_of, weighted_problems
from scipy import stats

from d2lbptt import Params, Trace, backward, forward, init_params, loss
from d2lbptt.rnn import checked_params, checked_trace, targets

# --- forward and loss ---


def textbook_states(problem):
    """h and o as the package lays them out: time first, then the batch."""
    each = [textbook_forward(s) for s in problem.sequences()]
    if problem.x.ndim == 2:
        return each[0][1:]
    return np.stack([h for _, h, _ in each], 1), np.stack([o for *_, o in each], 1)


def assert_forward_agrees(problem, factor=100):
    got = trace_of(problem)
    larger = textbook_states(oracles.larger(problem))  # the sizes of all terms, added without cancelling
    for a, want, size in zip((got.h, got.o), textbook_states(problem), larger, strict=True):
        assert a.shape == want.shape
        assert np.all(np.abs(a - want) <= factor * np.finfo(a.dtype).eps * size)


def loss_error(problem, dtype):
    """What rounding may do to the loss: its slope in o, and the loss itself, times the size of o."""
    o = textbook_states(oracles.larger(problem))[1]
    y = np.abs(problem.y).max() if problem.loss == "squared_error" else 1
    steps = len(problem.x) if problem.reduction == "sum" else 1
    if problem.weights is not None and problem.reduction == "sum":
        steps *= problem.weights.max()
    return 100 * np.finfo(dtype).eps * steps * o.shape[-1] * (o.max() + y + 1) ** 2


@settings(max_examples=300)
@given(problems())
def test_states_and_outputs_are_the_textbook_s(problem):
    assert_forward_agrees(problem)


@settings(max_examples=300)
@given(problems())
def test_the_loss_is_the_textbook_s(problem):
    got = loss(trace_of(problem), problem.y, **problem.options)
    assert type(got) is float
    assert abs(got - textbook_loss(problem)) <= loss_error(problem, problem.x.dtype)


@settings(max_examples=200)
@given(weighted_problems())
def test_the_loss_with_weights_is_the_textbook_s(problem):
    for y in (problem.y, spoiled(problem)):
        got = loss(trace_of(problem), y, **problem.options)
        assert type(got) is float
        assert abs(got - textbook_loss(problem)) <= loss_error(problem, problem.x.dtype)


def test_a_mean_is_over_the_weights_and_a_sum_over_the_sequences():
    """By hand: o = 1, 2 in one sequence and 3, 4 in the other, y = 0, so that l = 1/2, 2 and 9/2, 8."""
    trace = forward(Params(*np.eye(1)[None].repeat(3, 0)), np.array([[[1.0], [3.0]], [[1.0], [1.0]]]))
    y = np.zeros((2, 2, 1))
    assert trace.o[..., 0].tolist() == [[1, 3], [2, 4]]
    for weights, wanted in (
        ([1, 3], {"mean": (0.5 + 4.5 + 3 * 2 + 3 * 8) / 8, "sum": (0.5 + 4.5 + 3 * 2 + 3 * 8) / 2, "last": 5}),
        ([[1, 0], [3, 1]], {"mean": (0.5 + 3 * 2 + 8) / 5, "sum": (0.5 + 3 * 2 + 8) / 2, "last": (3 * 2 + 8) / 4}),
        ([[True, False], [True, True]], {"mean": (0.5 + 2 + 8) / 3, "sum": (0.5 + 2 + 8) / 2, "last": (2 + 8) / 2}),
    ):
        for reduction, value in wanted.items():
            assert loss(trace, y, reduction=reduction, weights=weights) == pytest.approx(value, rel=1e-15)


def test_targets_says_what_multiplies_each_loss_and_makes_y_safe():
    trace = forward(Params(*np.eye(1)[None].repeat(3, 0)), np.array([[1.0], [2.0], [3.0]]))
    rule, y, w = targets(trace, [[5], [np.nan], [7]], "squared_error", "mean", [1, 0, 3])
    assert rule.name == "squared_error" and y.tolist() == [[5], [3], [7]] and w.tolist() == [0.25, 0, 0.75]
    assert targets(trace, [-1, 0, 0], "cross_entropy", "sum", [0, 2, 2])[1].tolist() == [0, 0, 0]
    assert targets(trace, [0, 0, 0], "cross_entropy", "sum", [0, 2, 4])[2].tolist() == [0, 2, 4]
    assert targets(trace, [0, 0, 0], "cross_entropy", "last", [0, 2, 4])[2].tolist() == [0, 0, 1]
    assert targets(trace, [0, 0, 0], "cross_entropy", "mean")[2] is None


@settings(max_examples=50)
@given(problems())
def test_a_trace_keeps_what_it_came_from(problem):
    trace = trace_of(problem)
    assert {a.dtype for a in (*trace.params, trace.x, trace.h, trace.o) if a is not None} == {problem.x.dtype}
    assert np.array_equal(trace.x, problem.x) and trace.activation == problem.activation
    assert np.array_equal(trace.h[0], problem.start)
    assert trace.h.ndim == trace.o.ndim == problem.x.ndim
    for name in problem.names[:-1]:
        assert np.array_equal(getattr(trace.params, name), problem.value(name))


@settings(max_examples=100)
@given(problems(dtypes=(np.float64,)), st.sampled_from(["x", "h0", "W_hx", "W_hh", "W_qh"]), st.integers(0, 99))
def test_complex_numbers_pass_through(problem, name, seed):
    """Squares without conjugates, the softmax shifted by the real maximum, relu switched by the real part."""
    value = problem.x if name == "x" else problem.value(name)
    shift = 0.05j * np.random.default_rng(seed).normal(size=value.shape)
    problem = problem.replaced(name, value + shift)
    assert_forward_agrees(problem, factor=1000)
    got = loss(trace_of(problem), problem.y, **problem.options)
    assert type(got) is complex
    assert abs(got - textbook_loss(problem)) <= 10 * loss_error(problem, float)


@for_each("activation", oracles.ACTIVATIONS)
def test_large_arguments_overflow_nowhere(activation):
    """One step whose z is +-1000: the exponential in a careless sigmoid would overflow."""
    z = np.array([[-1000.0, 1000.0]])
    got = forward(Params(np.eye(2), np.eye(2), np.eye(2)), z, activation=activation).h[1]
    limits = {"identity": [-1000, 1000], "tanh": [-1, 1], "sigmoid": [0, 1], "relu": [0, 1000]}
    assert got.tolist() == limits[activation]


def test_the_cross_entropy_of_large_outputs():
    """The log of the softmax of (1000, 0, -1000) is (0, -1000, -2000) up to exp(-1000)."""
    trace = forward(Params(np.eye(3), np.eye(3), np.eye(3)), np.array([[1000.0, 0, -1000]]))
    got = [loss(trace, [label], loss="cross_entropy") for label in range(3)]
    assert got == [0, 1000, 2000]


@for_each("B", [None, 3])
def test_the_memory_layout_of_the_input_does_not_matter(B):
    rng = np.random.default_rng(0)
    p = oracles.random_problem(rng, 6, B, 2, 5, 3, activation="tanh", loss="squared_error", reduction="mean")
    params = Params(*(np.asfortranarray(a) for a in p.params))
    want = trace_of(p)
    for x in (np.asfortranarray(p.x), p.x[::-1].copy()[::-1], np.repeat(p.x, 2, 0)[::2]):
        got = forward(params, x, h0=p.h0, activation=p.activation)
        np.testing.assert_allclose(got.h, want.h, rtol=1e-13)
        np.testing.assert_allclose(got.o, want.o, rtol=1e-13)


def test_lists_and_whole_numbers_are_numbers():
    params = Params([[1]], [[2]], [[3]], [1], None)
    trace = forward(params, [[1], [2]], h0=[1])
    assert trace.h.tolist() == [[1], [4], [11]] and trace.o.tolist() == [[12], [33]]
    assert trace.h.dtype == np.float64
    assert loss(trace, [[12], [31]]) == (0 + 2**2 / 2) / 2


@for_each("B", [None, 6])
def test_a_list_with_an_array_for_each_step_is_an_array(B):
    rng = np.random.default_rng(0)
    params = init_params(2, 3, 4, bias=True)
    x, y = (rng.normal(size=(5, *(() if B is None else (B,)), n)) for n in (2, 4))
    trace, of_lists = forward(params, x), forward(Params(*map(list, params)), list(x))
    assert np.array_equal(trace.o, of_lists.o) and loss(trace, y) == loss(of_lists, list(y))
    assert all(map(np.array_equal, backward(trace, y), backward(of_lists, list(y))))


@for_each(("label", "more"), [(-100, True), (-1, True), (4, False)])
def test_a_label_below_0_leads_to_the_weights(label, more):
    """It stands for a step that is to be left out, in other people's data."""
    y = np.array([0, 3, label, 1, 0])
    with pytest.raises(ValueError) as info:
        loss(forward(P, X), y, loss="cross_entropy")
    words = f"y is {label} at index (2,), wanted classes from 0 to q - 1 = 3"
    assert str(info.value) == words + "; to leave steps out, give them weight 0: weights=" * more
    assert loss(forward(P, X), y, loss="cross_entropy", weights=[1, 1, 0, 1, 1]) == pytest.approx(np.log(4))


def test_a_wider_dtype_wins():
    params = init_params(2, 3, 2, dtype=np.float32)
    assert forward(params, np.ones((4, 2))).h.dtype == np.float64
    assert forward(params, np.ones((4, 2), np.float32), h0=np.ones(3)).o.dtype == np.float64
    assert forward(params, np.ones((4, 2), int)).o.dtype == np.float32


# --- overflow ---


def first_overflow(weight, dtype):
    """The first t at which h_t = 1 + w + ... + w^(t-1), in whole numbers, is beyond the dtype."""
    t, state = 1, 1
    while state <= int(np.finfo(dtype).max):
        t, state = t + 1, weight * state + 1
    return t


@for_each("dtype", [np.float32, np.float64])
@for_each("activation", ["identity", "relu"])
@for_each("B", [None, 2])
@for_each("weight", [10, 3])
def test_an_exploding_forward_pass_names_the_first_t(dtype, activation, B, weight):
    params = Params(*(np.array([[w]], dtype) for w in (1, weight, 1)))
    t = first_overflow(weight, dtype)
    x = np.ones((2 * t, 1) if B is None else (2 * t, B, 1), dtype)
    with pytest.raises(FloatingPointError) as info:
        forward(params, x, activation=activation)
    assert str(info.value) == f"h_t overflows {np.dtype(dtype)}, first at t = {t}"
    assert np.all(np.isfinite(forward(params, x[: t - 1], activation=activation).o))


def test_float32_overflows_earlier():
    assert first_overflow(10, np.float32) < first_overflow(10, np.float64)


def test_one_sequence_of_a_batch_is_enough():
    params = Params(np.eye(1), np.array([[10.0]]), np.eye(1))
    x = np.zeros((400, 3, 1))
    x[:, 1] = 1
    with pytest.raises(FloatingPointError, match=f"h_t .* t = {first_overflow(10, float)}$"):
        forward(params, x)


def test_an_output_may_overflow_where_no_state_does():
    """h_t = 10^(t-1), o_t = 10^300 h_t: beyond the range, about 1.8e308, from t = 10 on."""
    params = Params(np.eye(1), np.array([[10.0]]), np.array([[1e300]]))
    x = np.zeros((20, 1))
    x[0] = 1
    with pytest.raises(FloatingPointError, match=r"o_t overflows float64, first at t = 10$"):
        forward(params, x)


def test_the_first_t_is_that_of_an_output_if_it_comes_first():
    params = Params(np.eye(1), np.array([[10.0]]), np.array([[1e300]]))
    x = np.zeros((400, 1))
    x[0] = 1
    with pytest.raises(FloatingPointError, match=r"t = 10$"):
        forward(params, x)


@for_each("activation", ["tanh", "sigmoid"])
def test_bounded_activations_do_not_overflow(activation):
    trace = forward(Params(np.eye(1), np.array([[1e300]]), np.eye(1)), np.ones((50, 1)), activation=activation)
    assert np.all(np.abs(trace.h) <= 1)


def test_a_loss_that_overflows_names_the_first_t():
    trace = forward(Params(np.eye(1), np.zeros((1, 1)), np.eye(1)), np.array([[1.0], [1e200], [1e200]]))
    with pytest.raises(FloatingPointError, match=r"l_t overflows float64, first at t = 2$"):
        loss(trace, np.zeros((3, 1)))


def test_a_float32_loss_of_a_target_beyond_float32():
    trace = forward(init_params(1, 1, 1, dtype=np.float32), np.zeros((2, 1), np.float32))
    with pytest.raises(FloatingPointError, match="overflows float32"):
        loss(trace, np.full((2, 1), 1e300))


# --- what does not fit ---

P = Params(np.zeros((3, 2)), np.zeros((3, 3)), np.zeros((4, 3)), np.zeros(3), np.zeros(4))
X, XB = np.zeros((5, 2)), np.zeros((5, 6, 2))
RAGGED = [[1, 2], [3]]


def with_nan(shape):
    """An array with its first nan at (..., 1)."""
    a = np.zeros(shape)
    a[..., 1:] = np.nan
    return a


@for_each(
    ("params", "x", "options", "error", "words"),
    [
        (tuple(P), X, {}, TypeError, ["params", "tuple", "Params"]),
        (None, X, {}, TypeError, ["params", "NoneType", "Params"]),
        (P._replace(W_hx=np.zeros((4, 2))), X, {}, ValueError, ["W_hx", "(4, 2)", "(h, d)", "h = 3"]),
        (P._replace(W_hx=np.zeros(3)), X, {}, ValueError, ["W_hx", "(3,)", "(h, d)"]),
        (P._replace(W_hx=np.zeros((3, 0))), X, {}, ValueError, ["W_hx", "(3, 0)", "(h, d)"]),
        (P._replace(W_hh=np.zeros((3, 4))), X, {}, ValueError, ["W_hh", "(3, 4)", "(h, h)", "(3, 3)"]),
        (P._replace(W_hh=np.zeros(3)), X, {}, ValueError, ["W_hh", "(3,)", "(h, h)"]),
        (P._replace(W_hh=1.0), X, {}, ValueError, ["W_hh", "()", "(h, h)"]),
        (P._replace(W_hh=np.zeros((0, 0))), X, {}, ValueError, ["W_hh", "(0, 0)", "(h, h)"]),
        (P._replace(W_qh=np.zeros((4, 3, 1))), X, {}, ValueError, ["W_qh", "(4, 3, 1)", "(q, h)"]),
        (P._replace(b_h=np.zeros(4)), X, {}, ValueError, ["b_h", "(4,)", "(h,)", "(3,)"]),
        (P._replace(b_h=np.zeros((3, 1))), X, {}, ValueError, ["b_h", "(3, 1)", "(h,) = (3,): a column; ravel it"]),
        (P._replace(b_q=np.zeros((1, 4))), X, {}, ValueError, ["b_q", "(1, 4)", "(q,) = (4,): a row; ravel it"]),
        (P._replace(W_qh=np.zeros((3, 4))), X, {}, ValueError, ["W_qh", "(q, h) = (4, 3): yours looks transposed"]),
        (P, np.zeros((2, 5)), {}, ValueError, ["x has shape (2, 5), wanted (T, d) = (5, 2): yours looks transposed"]),
        (P, [1, 0, 1], {}, ValueError, ["x holds whole numbers: make them one-hot, numpy.eye(d)[x] with d = 2"]),
        (P, np.arange(5), {}, ValueError, ["x holds whole numbers", "(5,)", "wanted (T, d) or (T, B, d)"]),
        (P._replace(b_q=np.zeros(3)), X, {}, ValueError, ["b_q", "(3,)", "(q,)", "(4,)"]),
        *[
            (P._replace(**{name: None}), X, {}, TypeError, [name, "dtype object", "float64"])
            for name in ("W_hx", "W_hh", "W_qh")
        ],
        *[
            (P._replace(**{name: with_nan(a.shape)}), X, {}, ValueError, [name, "nan", "1)" if a.ndim > 1 else "(1,)"])
            for name, a in P._asdict().items()
        ],
        *[
            (P._replace(**{name: a.astype(bool)}), X, {}, TypeError, [name, "dtype bool", "float64"])
            for name, a in P._asdict().items()
        ],
        *[(P._replace(**{name: RAGGED}), X, {}, ValueError, [name, "ragged", "array"]) for name in Params._fields],
        *[(P._replace(**{name: "one"}), X, {}, TypeError, [name, "dtype <U3", "float64"]) for name in Params._fields],
        (P, np.zeros(2), {}, ValueError, ["x", "(2,)", "(T, d)", "(T, B, d)"]),
        (P, np.zeros((5, 6, 7, 2)), {}, ValueError, ["x", "(5, 6, 7, 2)", "(T, d)", "(T, B, d)"]),
        (P, np.zeros((5, 3)), {}, ValueError, ["x", "(5, 3)", "(T, d)", "d = 2"]),
        (P, np.zeros((5, 6, 3)), {}, ValueError, ["x", "(5, 6, 3)", "(T, B, d)", "d = 2"]),
        (P, np.zeros((0, 2)), {}, ValueError, ["x", "(0, 2)", "(T, d)", "T > 0"]),
        (P, np.zeros((0, 6, 2)), {}, ValueError, ["x", "(0, 6, 2)", "(T, B, d)", "T > 0"]),
        (P, np.zeros((5, 0, 2)), {}, ValueError, ["x", "(5, 0, 2)", "(T, B, d)"]),
        (P, with_nan((5, 2)), {}, ValueError, ["x", "nan", "(0, 1)", "finite"]),
        (P, -np.inf * np.ones((5, 2)), {}, ValueError, ["x", "-inf", "(0, 0)", "finite"]),
        (P, X.astype(bool), {}, TypeError, ["x", "dtype bool", "float64"]),
        (P, X.astype(np.float16), {}, TypeError, ["x", "dtype float16", "float64"]),
        (P, RAGGED, {}, ValueError, ["x", "ragged"]),
        (P, "abc", {}, TypeError, ["x", "dtype <U3"]),
        (P, None, {}, TypeError, ["x", "dtype object"]),
        (P, X, {"h0": np.zeros(4)}, ValueError, ["h0", "(4,)", "(h,)", "(3,)"]),
        (P, X, {"h0": np.zeros((1, 3))}, ValueError, ["h0", "(1, 3)", "(h,)", "(3,)"]),
        (P, XB, {"h0": np.zeros(3)}, ValueError, ["h0", "(3,)", "(B, h)", "(6, 3)"]),
        (P, XB, {"h0": np.zeros((5, 3))}, ValueError, ["h0", "(5, 3)", "(B, h)", "(6, 3)"]),
        (P, X, {"h0": with_nan((3,))}, ValueError, ["h0", "nan", "(1,)", "finite"]),
        (P, X, {"h0": np.zeros(3, bool)}, TypeError, ["h0", "dtype bool"]),
        (P, X, {"h0": RAGGED}, ValueError, ["h0", "ragged"]),
        (P, X, {"activation": "swish"}, ValueError, ["activation", "'swish'", "identity, tanh, sigmoid, relu"]),
        (P, X, {"activation": np.tanh}, ValueError, ["activation", "tanh", "identity, tanh, sigmoid, relu"]),
        (P, X, {"activation": None}, ValueError, ["activation", "None", "identity, tanh, sigmoid, relu"]),
    ],
)
def test_what_forward_refuses(params, x, options, error, words):
    with pytest.raises(error) as info:
        forward(params, x, **options)
    assert all(word in str(info.value) for word in words), info.value


@for_each("shape", [(10**13, 2), (10**13, 1, 2), (10**7, 10**7, 2)])
def test_states_that_cannot_fit_are_refused_at_once(shape):
    """x itself takes no memory; the T + 1 states of 3 float64 numbers would."""
    x = np.broadcast_to(np.zeros((1,) * (len(shape) - 1) + (2,)), shape)
    need = (shape[0] + 1) * int(np.prod(shape[1:-1], dtype=object)) * 3 * 8
    start = time.process_time()
    with pytest.raises(ValueError, match=f"^h would take {need:,} bytes .*T = {shape[0]}.* wanted no more than"):
        forward(P, x)
    assert time.process_time() - start < 1


def test_a_complaint_of_ragged_labels_names_them():
    with pytest.raises(ValueError, match=r"^y is ragged"):
        loss(forward(P, X), RAGGED, loss="cross_entropy")


# --- a trace that was changed ---


def changed(trace, **fields):
    """The trace with one of its fields, or of those of its params, replaced."""
    (name,) = fields
    return trace._replace(**fields) if name in Trace._fields else trace._replace(params=trace.params._replace(**fields))


@for_each("B", [None, 2])
@for_each("bias", [True, False])
@for_each("dtype", [np.float32, np.float64, complex])
def test_the_trace_of_forward_passes_as_it_is(B, bias, dtype):
    x = np.ones((4, 2) if B is None else (4, B, 2)).astype(dtype)
    trace = forward(init_params(2, 3, 2, bias=bias, dtype=np.float32), x, activation="tanh")
    assert checked_trace(trace) is trace


@for_each(
    ("fields", "error", "words"),
    [
        ({"params": None}, TypeError, "params is a NoneType, wanted Params"),
        ({"activation": "leaky"}, ValueError, "activation is 'leaky', wanted one of identity, tanh, sigmoid, relu"),
        ({"x": np.ones((3, 2))}, ValueError, "h has shape (6, 3), wanted (T + 1, h) = (4, 3)"),
        ({"x": np.ones(8)}, ValueError, "x has shape (8,), wanted (T, d) or (T, B, d)"),
        ({"x": None}, TypeError, "x has dtype object, wanted float32, float64 or complex numbers"),
        ({"h": np.ones((4, 3))}, ValueError, "h has shape (4, 3), wanted (T + 1, h) = (6, 3)"),
        ({"h": np.full((6, 3), np.nan)}, ValueError, "h is nan at index (0, 0), wanted finite numbers"),
        ({"h": np.ma.masked_array(np.ones((6, 3)), True)}, TypeError, "h is a masked array, wanted a plain one"),
        ({"o": np.ones((4, 4))}, ValueError, "o has shape (4, 4), wanted (T, q) = (5, 4)"),
        ({"o": np.full((5, 4), np.inf)}, ValueError, "o is inf at index (0, 0), wanted finite numbers"),
        (
            {"W_hh": np.ones((2, 2))},
            ValueError,
            "W_hx has shape (3, 2), wanted (h, d) = (2, 3): yours looks transposed",
        ),
        ({"W_qh": np.ones((1, 3))}, ValueError, "b_q has shape (4,), wanted (q,) = (1,)"),
        ({"b_h": np.full(3, np.nan)}, ValueError, "b_h is nan at index (0,), wanted finite numbers"),
        ({"W_hh": [[10**400] * 3] * 3}, TypeError, "W_hh has dtype object, wanted float32"),
    ],
)
def test_a_trace_that_no_longer_fits_is_refused(fields, error, words):
    trace = changed(forward(P, X), **fields)
    for call in (
        checked_trace,
        lambda trace: loss(trace, np.ones((5, 4))),
        lambda trace: backward(trace, np.ones((5, 4))),
    ):
        with pytest.raises(error) as info:
            call(trace)
        assert words in str(info.value)


def test_a_trace_in_several_dtypes_is_taken_in_the_widest():
    trace = forward(init_params(2, 3, 2, dtype=np.float32), np.ones((4, 2), np.float32), activation="tanh")
    wide = trace._replace(h=trace.h.astype(float))
    assert {a.dtype for a in backward(wide, np.ones((4, 2))) if a is not None} == {np.dtype(float)}
    all_wide = Trace(
        Params(*(None if a is None else a.astype(float) for a in trace.params)),
        *(a.astype(float) for a in trace[1:4]),
        "tanh",
    )
    for ours, wanted in zip(backward(wide, np.ones((4, 2))), backward(all_wide, np.ones((4, 2))), strict=True):
        assert np.array_equal(ours, wanted)


def test_large_numbers_of_which_the_squares_overflow_are_finite():
    trace = forward(Params(*np.ones((3, 1, 1))), np.full((2, 1), 1e200))
    assert checked_trace(trace).h[-1] == 2e200


def test_params_by_hand():
    found = checked_params(Params([[1, 2]], [[3]], [[np.float32(0.5)]], b_h=[0.25]))
    assert {a.dtype for a in found if a is not None} == {np.dtype(float)} and found.b_q is None
    for wrong, words in (
        (tuple(P), "params is a tuple, wanted Params"),
        (P._replace(b_q=np.ones(9)), r"b_q has shape \(9,\), wanted \(q,\)"),
        (P._replace(W_hx=np.full((3, 2), np.inf)), "W_hx is .* at index .*, wanted finite"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            checked_params(wrong)


def test_a_sum_of_losses_that_overflows_is_no_loss():
    trace = forward(Params(*np.ones((3, 1, 1))), np.ones((3, 1)))
    y = np.full((3, 1), 1.3e154)  # each loss is in the range of float64, their sum is not
    assert np.isfinite(loss(trace, y, reduction="last"))
    with pytest.raises(FloatingPointError, match="L overflows float64"):
        loss(trace, y, reduction="sum")


# --- initial parameters ---


@for_each("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
@for_each("dtype", [np.float32, np.float64])
def test_shapes_dtypes_and_biases(kind, dtype):
    without = init_params(2, 3, 4, kind=kind, dtype=dtype)
    assert without.b_h is None and without.b_q is None
    params = init_params(2, 3, 4, kind=kind, dtype=dtype, bias=True)
    assert [a.shape for a in params] == [(3, 2), (3, 3), (4, 3), (3,), (4,)]
    assert {a.dtype for a in params} == {np.dtype(dtype)}
    assert not params.b_h.any() and not params.b_q.any()
    assert all(np.array_equal(a, b) for a, b in zip(without[:3], params[:3], strict=True))


@for_each("g", [0.5, 1.0, 1.7])
@for_each("h", [1, 2, 30])
def test_the_kinds_are_what_they_say(g, h):
    W = {kind: init_params(2, h, 2, scale=g, kind=kind).W_hh for kind in ("orthogonal", "symmetric", "identity")}
    np.testing.assert_allclose(W["orthogonal"].T @ W["orthogonal"], g**2 * np.eye(h), atol=1e-14 * h)
    assert np.array_equal(W["symmetric"], W["symmetric"].T)
    assert np.array_equal(W["identity"], g * np.eye(h))


@for_each("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
def test_scale_multiplies_one_and_the_same_matrix(kind):
    one, three = (init_params(2, 7, 3, scale=g, kind=kind, seed=5) for g in (1.0, 3.0))
    assert np.array_equal(three.W_hh, 3 * one.W_hh)
    assert np.array_equal(three.W_hx, one.W_hx) and np.array_equal(three.W_qh, one.W_qh)
    assert not init_params(2, 7, 3, scale=0, kind=kind).W_hh.any()


def test_a_seed_is_one_network_and_another_is_another():
    one, same, other = (init_params(2, 7, 3, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one[:3], same[:3], strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))


def test_the_global_generator_is_neither_used_nor_moved():
    before = np.random.get_state()  # noqa: NPY002 - the one to be left alone
    init_params(2, 7, 3)
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0] and np.array_equal(before[1], after[1]) and before[2:] == after[2:]


@for_each("g", [0.5, 2.0])
def test_gaussian_entries_have_the_variance_of_the_book(g):
    """n squares of N(0, 1) add up to chi-square(n). Each bound fails by chance for one in a million sets of seeds."""
    networks = [init_params(40, 60, 50, scale=g, seed=seed) for seed in range(50)]
    for name, variance in (("W_hx", 1 / 40), ("W_hh", g**2 / 60), ("W_qh", 1 / 60)):
        W = np.array([getattr(params, name) for params in networks])
        low, high = stats.chi2.interval(1 - 1e-6, W.size)
        assert low < np.sum(W**2) / variance < high
        assert abs(W.mean()) < stats.norm.isf(1e-6 / 2) * np.sqrt(variance / W.size)


@for_each("kind", ["gaussian", "symmetric"])
@for_each("g", [0.5, 1.5])
def test_the_spectral_radius_is_g_in_the_limit(kind, g):
    """At h = 400 the edges still fluctuate: by some h^(-2/3) = 2 %, and a few of these."""
    radius = np.abs(np.linalg.eigvals(init_params(1, 400, 1, scale=g, kind=kind).W_hh)).max()
    assert abs(radius / g - 1) < 0.08


def test_orthogonal_matrices_are_uniform():
    """Over all rotations and reflections, E[Q] = 0 and E[trace(Q)^2] = 1; QR without Mezzadri's signs has neither."""
    Qs = np.array([init_params(1, 3, 1, kind="orthogonal", seed=seed).W_hh for seed in range(2000)])
    assert np.all(np.abs(Qs.mean(0)) < 5 * np.sqrt(1 / 3 / len(Qs)))  # an entry has variance 1/h
    squares = np.trace(Qs, axis1=1, axis2=2) ** 2
    assert abs(squares.mean() - 1) < 5 * squares.std() / np.sqrt(len(Qs))


@for_each(
    ("sizes", "options", "error", "words"),
    [
        ((0, 3, 2), {}, ValueError, ["num_inputs", "0", "1 on"]),
        ((2, 0, 2), {}, ValueError, ["num_hiddens", "0", "1 on"]),
        ((2, 3, -1), {}, ValueError, ["num_outputs", "-1", "1 on"]),
        ((2.5, 3, 2), {}, TypeError, ["num_inputs", "2.5", "whole number"]),
        ((2, "3", 2), {}, TypeError, ["num_hiddens", "'3'", "whole number"]),
        ((2, 3, None), {}, TypeError, ["num_outputs", "None", "whole number"]),
        ((2, 3, 2), {"scale": np.nan}, ValueError, ["scale", "nan", "finite"]),
        ((2, 3, 2), {"scale": "big"}, TypeError, ["scale", "'big'", "number"]),
        ((2, 3, 2), {"scale": [1, 2]}, TypeError, ["scale", "[1, 2]", "number"]),
        ((2, 3, 2), {"kind": "normal"}, ValueError, ["kind", "'normal'", "gaussian, orthogonal, symmetric, identity"]),
        ((2, 3, 2), {"seed": -1}, ValueError, ["seed", "-1", "0 on"]),
        ((2, 3, 2), {"seed": None}, TypeError, ["seed", "None", "whole number"]),
        ((2, 3, 2), {"dtype": int}, TypeError, ["dtype", "int64", "float32 or float64"]),
        ((2, 3, 2), {"dtype": complex}, TypeError, ["dtype", "complex128", "float32 or float64"]),
        ((2, 3, 2), {"dtype": "no"}, TypeError, ["dtype", "'no'", "float32 or float64"]),
        ((2, 3, 2), {"bias": "no"}, TypeError, ["bias", "'no'", "wanted True or False"]),
        ((2, 3, 2), {"bias": 1}, TypeError, ["bias", "1", "wanted True or False"]),
        ((2, 3, 2), {"scale": 10**400}, ValueError, ["scale", "10**400", "range of float64"]),
        ((2, 3, 2), {"scale": 1.5e308}, FloatingPointError, ["W_hh overflows float64", "scale is 1.5e+308"]),
        ((2, 3, 2), {"scale": 1e39, "dtype": np.float32}, FloatingPointError, ["W_hh overflows float32", "1e+39"]),
        ((1, 10, 10**11), {}, ValueError, ["W_qh", "8,000,000,000,000 bytes", "q = 100000000000"]),
        ((10**11, 10, 1), {}, ValueError, ["W_hx", "8,000,000,000,000 bytes", "d = 100000000000"]),
        ((1, 10**400, 1), {}, ValueError, ["W_hh", "10**800 or more bytes", "h = 10**400 or more"]),
        ((2, 10**9, 2), {}, ValueError, ["W_hh", "8,000,000,000,000,000,000 bytes", "h = 1000000000"]),
    ],
)
def test_what_init_params_refuses(sizes, options, error, words):
    with pytest.raises(error) as info:
        init_params(*sizes, **options)
    assert all(word in str(info.value) for word in words), info.value
