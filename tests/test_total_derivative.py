"""Forward accumulation. Oracles: torch's autograd, the complex step, brute-force sums, and `backward`."""

import numpy as np
import oracles
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from loops import for_each

from d2lbptt import backward, chunks, forward, init_params, loss, randomized
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.total_derivative import (
    closed_sum,
    forward_accumulation,
    mixtures,
    partials,
    recursion,
    total_derivatives,
    weight_gradient,
)

PARAMETERS = ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")


def problem(T=5, batch=(), activation="tanh", dtype=float, bias=True, sizes=(3, 4, 2)):
    d, h, q = sizes
    rng = np.random.default_rng(5)
    params = init_params(d, h, q, scale=1.3, bias=bias, seed=2, dtype=dtype)
    if bias:
        params = params._replace(b_h=rng.normal(size=h).astype(dtype), b_q=rng.normal(size=q).astype(dtype))
    x, h0 = rng.normal(size=(T, *batch, d)).astype(dtype), rng.normal(size=(*batch, h)).astype(dtype)
    return forward(params, x, h0=h0, activation=activation), rng.normal(size=(T, *batch, q)).astype(dtype)


def assert_same_gradients(ours, theirs, rtol=1e-12):
    for name in PARAMETERS:
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=name)


# --------------------------------------------------------------------------- the two routes


@for_each("activation", ["identity", "tanh", "sigmoid", "relu"])
@for_each("batch", [(), (3,)])
@for_each("gates", [None, "chunks", "randomized"])
def test_forwards_and_backwards_give_the_same_gradient(activation, batch, gates):
    trace, y = problem(batch=batch, activation=activation)
    xi = {None: None, "chunks": chunks(5, 2), "randomized": randomized(5, 0.5, np.random.default_rng(1))}[gates]
    assert_same_gradients(forward_accumulation(trace, y, gates=xi), backward(trace, y, gates=xi))


@for_each("reduction", ["mean", "sum", "last"])
def test_reductions_and_cross_entropy(reduction):
    trace, _ = problem(batch=(2,), bias=False)
    labels = np.random.default_rng(0).integers(0, 2, size=(5, 2))
    options = {"loss": "cross_entropy", "reduction": reduction}
    assert_same_gradients(forward_accumulation(trace, labels, **options), backward(trace, labels, **options))


@settings(max_examples=60, deadline=None)
@given(oracles.weighted_problems(dtypes=(float,)))
def test_with_weights_it_is_the_brute_force(p):
    """Neither route is asked for the other's numbers: the oracle sums over all pairs."""
    want, size = oracles.brute_force(p), oracles.magnitude(p)
    got = forward_accumulation(oracles.trace_of(p), oracles.spoiled(p), **p.options)
    for name in (*p.names, "o"):
        assert np.all(np.abs(getattr(got, name) - want[name]) <= 1e-13 * size[name]), name


@for_each("reduction", oracles.REDUCTIONS)
def test_gates_of_each_sequence_are_the_brute_force(reduction):
    rng = np.random.default_rng(1)
    p = oracles.random_problem(rng, 6, 3, 2, 4, 3, activation="tanh", loss="squared_error", reduction=reduction)
    gates = rng.normal(size=(6, 3)) * (rng.random((6, 3)) < 0.7)
    want = oracles.brute_force(p, [oracles.gate_pairs(xi) for xi in gates.T])
    got = forward_accumulation(oracles.trace_of(p), p.y, reduction=reduction, gates=gates)
    for name in p.names:
        np.testing.assert_allclose(getattr(got, name), want[name], rtol=1e-12, atol=1e-14)


def test_single_precision_stays_single():
    trace, y = problem(dtype=np.float32)
    assert_same_gradients(forward_accumulation(trace, y), backward(trace, y), rtol=1e-5)


def test_a_gate_cuts_the_first_arrow_too():
    trace, y = problem()
    assert not forward_accumulation(trace, y, gates=np.zeros(5)).h0.any()


def test_against_torch():
    torch = pytest.importorskip("torch")
    trace, y = problem()
    p = {s: torch.tensor(v, requires_grad=True) for s, v in trace.params._asdict().items()}
    p["h0"] = torch.tensor(trace.h[0], requires_grad=True)
    h, L = p["h0"], 0
    for x_t, y_t in zip(torch.tensor(trace.x), torch.tensor(y), strict=True):
        h = torch.tanh(p["W_hx"] @ x_t + p["W_hh"] @ h + p["b_h"])
        L = L + ((p["W_qh"] @ h + p["b_q"] - y_t) ** 2).sum() / 2 / len(y)
    L.backward()
    ours = forward_accumulation(trace, y)
    for s in PARAMETERS:
        np.testing.assert_allclose(getattr(ours, s), p[s].grad.numpy(), rtol=1e-12, atol=1e-14)


def test_against_the_complex_step():
    trace, y = problem()

    def L(W):
        params = trace.params._replace(W_hh=W)
        return loss(forward(params, trace.x, h0=trace.h[0], activation="tanh"), y)

    reference = complex_step(L, trace.params.W_hh)
    reference = getattr(reference, "derivative", reference)
    np.testing.assert_allclose(forward_accumulation(trace, y).W_hh, reference, rtol=1e-12)


def test_the_adjoints_never_occur_on_this_route():
    trace, y = problem()
    assert forward_accumulation(trace, y).h is None
    np.testing.assert_array_equal(forward_accumulation(trace, y).o, backward(trace, y).o)


def test_total_derivatives_by_the_complex_step():
    trace, _ = problem(T=4)
    step = 1e-30
    W = trace.params.W_hh.astype(complex)
    *_, last = (D.copy() for D in total_derivatives(trace))
    for b, c in np.ndindex(W.shape):
        nudged = W.copy()
        nudged[b, c] += 1j * step
        h = forward(trace.params._replace(W_hh=nudged), trace.x, h0=trace.h[0], activation="tanh").h
        np.testing.assert_allclose(last[:, b, 3 + c], h[-1].imag / step, rtol=1e-12, atol=1e-15)


# ------------------------------------------------------------------------------ one weight

rows = st.integers(1, 8).flatmap(lambda T: arrays(float, (2, T), elements=st.floats(-2, 2)))


@given(rows)
@settings(max_examples=50, deadline=None)
def test_the_closed_sum_solves_the_recursion(bc):
    b, c = bc
    brute = [sum(np.prod(c[i + 1 : t + 1]) * b[i] for i in range(t + 1)) for t in range(len(b))]
    np.testing.assert_allclose(recursion(b, c), brute, atol=1e-9)
    np.testing.assert_allclose(closed_sum(b, c), brute, atol=1e-9)


ROWS = {
    "whole b": ([1, 2, 3], [0.5, 0.25, 0.5]),
    "whole c": ([0.5, 0.25, 0.5], [1, 2, 3]),
    "uint8": (np.array([200, 200, 200], np.uint8), np.array([100, 100, 100], np.uint8)),
    "beyond int64": ([2**40] * 3, [2**40] * 3),
    "complex c": ([1.0, 2.0, 3.0], [1j, 0.5j, 1 - 1j]),
    "complex b": ([1j, 2.0, 3.0], [1, 2, 3]),
    "float32 and whole": (np.array([0.5, 0.25, 0.5], np.float32), [2**24 + 1] * 3),
    "float32 and float64": (np.array([0.5, 0.25, 0.5], np.float32), [1 / 3] * 3),
}


@for_each("name", ROWS)
@for_each("method", [recursion, closed_sum])
def test_the_dtype_comes_from_both_rows(method, name):
    b, c = ROWS[name]

    def exact(number):
        number = complex(number)
        return sympy.Rational(number.real) + sympy.I * sympy.Rational(number.imag)

    wanted, a = [], 0
    for one, two in zip(b, c, strict=True):
        a = sympy.expand(exact(one) + exact(two) * a)
        wanted.append(complex(a))
    np.testing.assert_allclose(method(b, c), wanted, rtol=1e-15)
    assert method(b, c).dtype == (complex if "complex" in name else float)


def test_two_rows_of_float32_stay_float32():
    b = np.array([1, 2, 3], np.float32)
    assert recursion(b, b).dtype == closed_sum(b, b).dtype == np.float32


def test_a_row_that_overflows_names_the_step():
    for method in (recursion, closed_sum):
        with pytest.raises(FloatingPointError, match=r"a_t overflows float64, first at t = 2"):
            method([1e200, 1.0, 1.0], [1.0, 1e200, 0.0])


@for_each("activation", ["identity", "tanh", "sigmoid"])
def test_the_scalar_recursion_gives_the_gradient(activation):
    # 9.7.6 names the partial derivatives, 9.7.5 sums them, 9.7.3 joins them to the loss.
    trace, y = problem(activation=activation, bias=False, sizes=(2, 1, 1))
    dh_dw = recursion(*partials(trace))
    dl_do = (trace.o - y)[:, 0]
    gradient = weight_gradient(dl_do, trace.params.W_qh.item(), dh_dw)
    assert gradient == pytest.approx(backward(trace, y).W_hh.item(), rel=1e-12)


# ---------------------------------------------------------------------------- four mixtures


@for_each("parameter", ["W_hx", "W_hh", "b_h"])
@for_each("batch", [(), (3,)])
def test_two_of_the_four_mixtures_are_the_gradient(parameter, batch):
    trace, y = problem(batch=batch)
    four, gradient = mixtures(trace, y, parameter), getattr(backward(trace, y), parameter)
    np.testing.assert_allclose(four.total_state_immediate_loss, gradient, rtol=1e-12)
    np.testing.assert_allclose(four.immediate_state_total_loss, gradient, rtol=1e-12)
    errors = four.errors
    assert max(errors[:2]) < 1e-14 and min(errors[2:]) > 0.01


def test_the_mixtures_by_brute_force():
    # dh_t/dW by differentiating each state with torch, the immediate one with h_{t-1} detached.
    torch = pytest.importorskip("torch")
    trace, y = problem(T=3)
    W = torch.tensor(trace.params.W_hh, requires_grad=True)
    start = torch.tensor(trace.x @ trace.params.W_hx.T + trace.params.b_h)
    h, total, immediate = torch.tensor(trace.h[0]), [], []
    for z in start:
        held, h = torch.tanh(z + W @ h.detach()), torch.tanh(z + W @ h)
        for state, rows in ((h, total), (held, immediate)):
            rows.append(torch.stack([torch.autograd.grad(e, W, retain_graph=True)[0] for e in state]).numpy())
    gradients, four = backward(trace, y), mixtures(trace, y)
    slopes = {"total": gradients.h, "immediate": gradients.o @ trace.params.W_qh}
    for state, D in (("total", total), ("immediate", immediate)):
        for of_loss, s in slopes.items():
            wanted = np.einsum("ta,tabc->bc", s, D)
            np.testing.assert_allclose(getattr(four, f"{state}_state_{of_loss}_loss"), wanted, rtol=1e-12)


def test_with_one_step_all_four_are_the_same():
    trace, y = problem(T=1)
    assert max(mixtures(trace, y).errors) < 1e-15


def test_a_zero_gradient_has_no_relative_error():
    trace, y = problem(T=1)
    trace = forward(trace.params, trace.x)  # h_0 = 0: W_hh is never used
    assert np.isnan(mixtures(trace, y).errors.total_state_total_loss)


# ------------------------------------------------------------------------------- complaints


def test_what_would_not_fit_is_refused_with_its_bytes():
    trace = forward(init_params(1, 1000, 1, kind="identity"), np.ones((1, 1000, 1)))
    with pytest.raises(ValueError, match=r"dh_t/dW would take 16,048,000,000,000 bytes \(h = 1000\), wanted"):
        forward_accumulation(trace, np.ones((1, 1000, 1)))


def test_an_overflow_is_not_returned_as_a_gradient():
    trace = forward(init_params(1, 1, 1, kind="identity", scale=1e120), np.zeros((3, 1)), h0=[1e-100])
    with pytest.raises(FloatingPointError, match="gradient overflows float64 on its way forwards"):
        forward_accumulation(trace, np.ones((3, 1)))


@for_each(
    ("call", "error", "words"),
    [
        (lambda trace, y: partials(trace), ValueError, r"h has shape \(6, 4\), wanted \(T \+ 1, 1\): one hidden unit"),
        (lambda trace, y: partials(7), TypeError, "trace is a int, wanted the Trace"),
        (lambda trace, y: forward_accumulation(7, y), TypeError, "trace is a int, wanted the Trace"),
        (lambda trace, y: next(total_derivatives(7)), TypeError, "trace is a int, wanted the Trace"),
        (lambda trace, y: forward_accumulation(trace, y, gates=[1, 0]), ValueError, r"gates has shape \(2,\), wanted"),
        (lambda trace, y: total_derivatives(trace, np.ones((5, 1))), ValueError, r"gates has shape \(5, 1\), wanted"),
        (lambda trace, y: mixtures(trace, y, "W_qh"), ValueError, "parameter is 'W_qh', wanted one of W_hx, W_hh, b_h"),
        (lambda trace, y: recursion([1, 2], [1]), ValueError, r"c has shape \(1,\), wanted \(T,\) = \(2,\)"),
        (lambda trace, y: recursion([1, np.nan], [1, 1]), ValueError, r"b is nan at index \(1,\), wanted finite"),
        (lambda trace, y: closed_sum([1, 1], [1, np.inf]), ValueError, r"c is inf at index \(1,\), wanted finite"),
        (lambda trace, y: recursion([10**400, 1], [1, 1]), TypeError, "b has dtype object, wanted float32"),
        (lambda trace, y: weight_gradient([1, 2], [1, 2, 3], 1), ValueError, r"dg_dh has shape \(3,\), wanted \(T,\)"),
        (lambda trace, y: weight_gradient([1, 2], "no", 1), TypeError, "dg_dh has dtype <U2, wanted float32"),
        (lambda trace, y: weight_gradient([1, 2], 1, [np.nan, 1]), ValueError, "dh_dw is nan at index"),
        (
            lambda trace, y: total_derivatives(trace._replace(h=y)),
            ValueError,
            r"h has shape \(5, 2\), wanted \(T \+ 1, h",
        ),
        (lambda trace, y: closed_sum([[1]], [1]), ValueError, r"b has shape \(1, 1\), wanted \(T,\)"),
    ],
)
def test_complaints_name_what_came_and_what_was_wanted(call, error, words):
    with pytest.raises(error, match=words):
        call(*problem())
