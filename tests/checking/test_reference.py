"""The reference of the gradient check. Oracles, none of which runs backwards along the package's own formulas:

- A literal complex step: every step has copies of its own of all parameters, one number of one copy is moved by
  1e-30 i, and the textbook forward pass is run again. For tame problems, where running it again gives the same states.
- mpmath with 50 digits along the stored states, for chaos, where running it again does not.
- The loop ``oracles.by_hand``, in float64 along stored float32 states.
"""

import mpmath
import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import VALUES, by_hand, random_problem, step_loss, step_weights, trace_of, wide

from d2lbptt import Params, backward, check_gradients, forward, init_params, loss
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.checking import reference

STEP = 1e-30
EPS = np.finfo(float).eps

# --- the literal complex step ---


def untied_loss(sequence, name, t, index, kink_slope=0.0):
    """L of one sequence when one entry of one copy of a parameter, or of h_t or o_t, is moved along i."""

    def moved(symbol, s, value):
        value = np.array(value, complex)
        if (symbol, s) == (name, t):
            value[index] += 1j * STEP
        return value

    def activated(z):
        on_kink = (np.abs(z.real) < 1e-12) & (sequence.activation == "relu")
        return np.where(on_kink, kink_slope * z, VALUES[sequence.activation](z))

    p, L, h = wide_params(sequence), 0, moved("h0", 0, sequence.start)
    for s, (x_s, y_s, w_s) in enumerate(zip(wide(sequence.x), sequence.y, step_weights(sequence), strict=True)):
        W_hx, W_hh, W_qh, b_h, b_q = (None if W is None else moved(n, s, W) for n, W in p._asdict().items())
        h = moved("h", s, activated(W_hx @ x_s + W_hh @ h + (0 if b_h is None else b_h)))
        o = moved("o", s, W_qh @ h + (0 if b_q is None else b_q))
        L = L + w_s * step_loss(sequence, o, y_s)
    return L


def wide_params(problem):
    return Params(*(None if W is None else wide(W) for W in problem.params))


def literal(problem, kink_slope=0.0):
    """What ``reference.along_states`` should return, number by number."""
    each = [_literal(sequence, kink_slope) for sequence in problem.sequences()]
    if problem.x.ndim == 2:
        return each[0]
    summed = {name: sum(found[name] for found in each) / len(each) for name in each[0]}
    return summed | {name: np.stack([found[name] for found in each], 1) / len(each) for name in ("h0", "h", "o")}


def _literal(sequence, kink_slope):
    T = len(sequence.x)
    found = {name: np.zeros((T, *sequence.value(name).shape)) for name in sequence.names}
    found |= {name: np.zeros((T, n)) for name, n in zip("ho", sequence.params.W_qh.shape[::-1], strict=True)}
    for name, rows in found.items():
        for t, *index in np.ndindex(rows.shape):
            rows[t, *index] = untied_loss(sequence, name, t, tuple(index), kink_slope).imag / STEP
    return found


def assert_same(got, want, rtol=1e-14):
    """Within rounding: of the largest entry, these tame cases lose 1e-15 at most."""
    for name, rows in want.items():
        assert got[name].shape == rows.shape and got[name].dtype == float, name
        np.testing.assert_allclose(got[name], rows, rtol=0, atol=rtol * np.abs(rows).max(), err_msg=name)
    assert set(got) - set(want) <= {"b_h", "b_q"}  # of a network without them, as if they were zero


def case(activation="tanh", B=None, T=4, **names):
    """A problem away from the kink of relu."""
    names = {"loss": "squared_error", "reduction": "mean", "activation": activation} | names
    drawn = (random_problem(np.random.default_rng(seed), T, B, 2, 3, 2, **names) for seed in range(100))
    return next(p for p in drawn if activation != "relu" or oracles.distance_from_kink(p) > 1e-3)


@for_each("activation", oracles.ACTIVATIONS)
@for_each("loss", oracles.LOSSES)
@for_each("reduction", oracles.REDUCTIONS)
@for_each(("B", "bias", "with_h0"), [(None, True, True), (2, False, True), (1, True, False)])
def test_it_is_the_literal_complex_step(activation, loss, reduction, B, bias, with_h0):
    problem = case(activation, B, loss=loss, reduction=reduction, bias=bias, with_h0=with_h0)
    answers, kinks = reference.along_states(trace_of(problem), problem.y, **problem.options)
    assert len(answers) == 1 and kinks.shape == (0, 2 if B is None else 3)
    assert_same(answers[0], literal(problem))


@pytest.mark.parametrize("share", [1, 3, 1000])
@pytest.mark.parametrize("B", [None, 2])
def test_blocks_give_the_same_numbers(monkeypatch, share, B):
    """7 steps, followed one at a time, three at a time, and all at once."""
    problem = case(B=B, T=7)
    whole, _ = reference.along_states(trace_of(problem), problem.y)
    monkeypatch.setattr(reference, "BLOCK", share * 3 * (B or 1) * 3)
    parts, _ = reference.along_states(trace_of(problem), problem.y)
    assert_same(parts[0], whole[0])  # a matrix product may be added up in another order


def test_nothing_that_is_given_is_written_into():
    problem = case(B=2)
    trace = trace_of(problem)
    before, _ = reference.along_states(trace, problem.y)
    for a in (*trace.params, trace.x, trace.h, trace.o, problem.y):
        a.setflags(write=False)
    after, _ = reference.along_states(trace, problem.y)
    assert_same(after[0], before[0], rtol=0)


# --- along the states that are stored ---


@for_each("activation", oracles.ACTIVATIONS)
@for_each("loss", oracles.LOSSES)
@for_each("B", [None, 2])
def test_float32_is_judged_along_its_own_states(activation, loss, B):
    """The stored float32 numbers are taken as exact: by the loop in float64, with slopes from z."""
    problem = case(activation, B, T=12, loss=loss, dtype=np.float32)
    trace = trace_of(problem)
    assert trace.h.dtype == np.float32
    exact = trace._replace(params=wide_params(problem), x=wide(trace.x), h=wide(trace.h), o=wide(trace.o))
    found = reference.along_states(trace, problem.y, **problem.options)[0][0]
    want = by_hand(exact, problem.y, **problem.options)
    assert_same({name: found[name] for name in want}, want)


def test_a_fresh_forward_pass_in_float64_is_another_orbit():
    """Its states differ by rounding in float32, so that the literal complex step is off by some 1e-7."""
    problem = case(T=12, dtype=np.float32)
    trace = trace_of(problem)
    found, fresh = reference.along_states(trace, problem.y)[0][0], literal(problem)
    apart = np.abs(found["W_hh"] - fresh["W_hh"]).max() / np.abs(fresh["W_hh"]).max()
    assert EPS * 1e4 < apart < 100 * np.finfo(np.float32).eps


def chaos(seed):
    """12 units, g = 3, T = 100, inputs x 0.1. Seeds 4 and 18 stay chaotic; most others settle into a cycle."""
    rng = np.random.default_rng(seed)
    params = init_params(3, 12, 2, scale=3, seed=seed)
    x, y = 0.1 * rng.normal(size=(100, 3)), rng.normal(size=(100, 2))
    return forward(params, x, h0=0.1 * rng.normal(size=12), activation="tanh"), y


@for_each("seed", [4, 18])
def test_chaos_amplifies_a_fresh_complex_step_and_not_the_reference(seed):
    """One complex step through ``forward`` runs the states anew: off by 1e-7. The reference: by 1e-14."""
    trace, y = chaos(seed)
    W_hh, index = trace.params.W_hh.astype(complex), (3, 4)
    W_hh[index] += 1j * STEP
    again = forward(trace.params._replace(W_hh=W_hh), trace.x, h0=trace.h[0], activation="tanh")
    found, ours = reference.along_states(trace, y)[0][0]["W_hh"].sum(0), backward(trace, y).W_hh
    size = np.abs(ours).max()
    assert abs(loss(again, y).imag / STEP - ours[index]) > 1e-8 * size
    assert np.abs(again.h.real - trace.h).max() > 1e-8
    # 1e-14 was measured. What each step rounds by, some eps, the other 99 make 1e-13 of, if all err to one side.
    np.testing.assert_allclose(found, ours, rtol=0, atol=1e-13 * size)


def z_of(trace):
    return trace.x @ trace.params.W_hx.T + trace.h[:-1] @ trace.params.W_hh.T


def rounding_bounds(trace, y, dh):
    """How far rounding may carry dL/dh_s, and phi'(z_t) relative to its size, to first order.

    M_t = dh_t/dh_s is followed from s to t. What is rounded at t, delta_t, changes L by dL/dh_t . delta_t. A product
    of n terms is off by n eps/2 times the sum of their sizes (Higham 2002, section 3.1); phi' = 1/cosh^2 z by 2 |dz|
    for what z is off by, and by 4 eps (measured: 2.7) in the imaginary part of NumPy's tanh. The other operations of a
    step, three at most, count eps/2 each.
    """
    W_hx, W_hh, W_qh, *_ = (None if W is None else np.abs(W) for W in trace.params)
    T, h, d = len(trace.x), len(W_hh), W_hx.shape[1]
    off = (d + h + 1) * EPS / 2 * (np.abs(trace.x) @ W_hx.T + np.abs(trace.h[:-1]) @ W_hh.T)
    slope_off = 2 * off + 4 * EPS
    slope, do = 1 / np.cosh(z_of(trace)) ** 2, np.abs(trace.o - y) / T
    bound = np.zeros((T, h))
    for s in range(T):
        M = np.eye(h)
        bound[s] = (h + len(W_qh) + T + 3) * EPS / 2 * do[s] @ W_qh
        for t in range(s + 1, T):
            delta = ((h + 3) * EPS / 2 + slope_off[t])[:, None] * slope[t][:, None] * (W_hh @ np.abs(M))
            M = slope[t][:, None] * (trace.params.W_hh @ M)
            bound[s] += np.abs(dh[t]) @ delta + (h + len(W_qh) + T + 3) * EPS / 2 * (do[t] @ W_qh @ np.abs(M))
    return bound, slope_off


@for_each("seed", [4, 18])
def test_chaos_against_fifty_digits(seed):
    """Every step stays within a bound of worst cases, of which it uses 5 % (measured), so that 10 digits are sure."""
    trace, y = chaos(seed)
    T, dh, dz, do = len(trace.x), [], [], []
    with mpmath.workdps(50):
        W_hx, W_hh, W_qh = (mpmath.matrix(W.tolist()) for W in trace.params[:3])
        x, h, o, y_mp = ([mpmath.matrix(row.tolist()) for row in a] for a in (trace.x, trace.h, trace.o, y))
        flow = mpmath.zeros(12, 1)
        for t in range(T - 1, -1, -1):
            z, slope_of_loss = W_hx * x[t] + W_hh * h[t], (o[t] - y_mp[t]) / T
            total = W_qh.T * slope_of_loss + flow
            through = mpmath.matrix([mpmath.sech(z_i) ** 2 * v for z_i, v in zip(z, total, strict=True)])
            flow = W_hh.T * through
            for rows, row in ((dh, total), (dz, through), (do, slope_of_loss)):
                rows.insert(0, np.array(row.tolist(), float)[:, 0])
    dh, dz, do = np.array(dh), np.array(dz), np.array(do)
    bound, slope_off = rounding_bounds(trace, y, dh)
    through_bound = (slope_off + 2 * EPS) * np.abs(dz) + bound / np.cosh(z_of(trace)) ** 2
    found = reference.along_states(trace, y)[0][0]
    within(found["h"], dh, bound)
    within(found["b_h"], dz, through_bound)
    within(found["W_hh"], dz[:, :, None] * trace.h[:-1, None], through_bound[:, :, None] * np.abs(trace.h[:-1, None]))
    within(found["o"], do, 4 * EPS * (np.abs(trace.o) + np.abs(y)) / T)
    assert (bound.max(1) / np.abs(dh).max(1)).max() < 2e-11


def within(got, want, bound):
    assert (np.abs(got - want) <= bound).all(), np.max(np.abs(got - want) / bound)


# --- kinks ---


def on_kinks(where, B=None, T=5, z=0.0, dtype=float):
    """A relu network of 3 units in which unit 1 alone, without a past, stands at z in the steps (and sequences)."""
    problem = case("relu", B, T, dtype=dtype)
    W_hx, W_hh, W_qh, b_h, b_q = (W.copy() for W in problem.params)
    W_hx[1], W_hh[1], b_h[1] = (1, -1), 0, 0
    x = problem.x.copy()
    for t, *b in where:
        x[t - 1, *b] = 0.75, 0.75 - z
    problem = problem._replace(params=Params(W_hx, W_hh, W_qh, b_h, b_q), x=x)
    others = [abs(v) for s in problem.sequences() for v in oracles.textbook_forward(s)[0].flat if abs(v - z) > 1e-9]
    assert min(others) > 1e-3
    return problem


@for_each(
    ("B", "where"),
    [(None, [(1,)]), (None, [(3,)]), (None, [(2,), (5,)]), (3, [(4, 1)]), (3, [(1, 0), (2, 2), (2, 0)])],
)
def test_a_state_on_a_kink_is_found_and_has_three_answers(B, where):
    """The literal complex step with a relu whose slope at 0 is set to 0, 1/2 and 1."""
    problem = on_kinks(where, B)
    answers, kinks = reference.along_states(trace_of(problem), problem.y)
    assert [tuple(kink) for kink in kinks.tolist()] == [(t, *b, 1) for t, *b in sorted(where)]
    assert len(answers) == 3
    for answer, kink_slope in zip(answers, (0, 0.5, 1), strict=True):
        assert_same(answer, literal(problem, kink_slope))
    assert np.abs(answers[2]["b_h"] - answers[0]["b_h"]).max() > 1e-3


def test_a_gradient_with_another_slope_at_the_kink_lies_between_the_answers():
    problem = on_kinks([(3,)])
    answers, _ = reference.along_states(trace_of(problem), problem.y)
    for kink_slope in (0, 0.3, 0.5, 1):
        for name, rows in literal(problem, kink_slope).items():
            low, high = (pick([answer[name] for answer in answers], 0) for pick in (np.min, np.max))
            rounding = 1e-14 * np.abs(rows).max()
            assert (rows >= low - rounding).all() and (rows <= high + rounding).all(), name


@for_each(
    ("dtype", "z", "found"),
    [
        (float, EPS / 2, True),
        (float, -EPS / 2, True),
        (float, 1e-12, False),  # 0.75 - 0.75: some 1e-15 may be lost
        (np.float32, 2.0**-24, True),
        (np.float32, -(2.0**-24), True),
        (np.float32, 2.0**-16, False),
    ],
)
def test_what_rounding_could_carry_to_the_kink_counts(dtype, z, found):
    problem = on_kinks([(3,)], z=z, dtype=dtype)
    trace = trace_of(problem)
    answers, kinks = reference.along_states(trace, problem.y)
    assert (trace.h[3, 1] > 0) == (z > 0)  # the difference is exact, so that it stands beside the kink, not on it
    assert kinks.tolist() == [[3, 1]] * found and len(answers) == (3 if found else 1)


def test_units_at_rest_stand_on_the_kink():
    problem = case("relu", bias=False, with_h0=False)
    problem = problem._replace(x=0 * problem.x)
    answers, kinks = reference.along_states(trace_of(problem), problem.y)
    assert kinks.tolist() == [[t, unit] for t in (1, 2, 3, 4) for unit in (0, 1, 2)]
    for answer, kink_slope in zip(answers, (0, 0.5, 1), strict=True):
        assert_same(answer, literal(problem, kink_slope))


@for_each("activation", ["identity", "tanh", "sigmoid"])
def test_where_phi_is_smooth_there_is_no_kink(activation):
    """The same states at z = 0."""
    problem = on_kinks([(3,)])._replace(activation=activation)
    answers, kinks = reference.along_states(trace_of(problem), problem.y)
    assert len(answers) == 1 and kinks.size == 0


# --- what overflows ---


def exploding(T):
    """One unit at rest, so that the states stay 0, with W_hh = 1e120."""
    return forward(init_params(1, 1, 1, kind="identity", scale=1e120), np.zeros((T, 1))), np.ones((T, 1))


@for_each(("T", "t"), [(4, 1), (6, 3)])
def test_an_overflow_names_the_step(T, t):
    """dL/dh_t has the size 1e120^(T - t): the third product is too large."""
    with pytest.raises(FloatingPointError, match=rf"dL/dh_t overflows float64, going back first at t = {t}$") as info:
        reference.along_states(*exploding(T))
    assert info.value.t == t


def test_just_below_overflow_every_number_is_there():
    trace, y = exploding(2)
    found = reference.along_states(trace, y)[0][0]
    # W_qh / 2 times 1, W, W^2: four operations.
    want = -trace.params.W_qh.item() / 2 * np.array([1, 1e120, 1e240])
    np.testing.assert_allclose([found["h"][1, 0], found["h"][0, 0], found["h0"][0, 0]], want, rtol=4 * EPS)


def test_an_overflow_of_h0_is_said_too():
    with pytest.raises(FloatingPointError):
        reference.along_states(*exploding(3))


def test_an_overflow_of_a_weight_is_said_too():
    """dL/dh_1 = 1e240 times x_1 = 1e100; the state 1e100 x 1e-200 stays small."""
    params = init_params(1, 1, 1, kind="identity", scale=1e120)
    trace = forward(params._replace(W_hx=np.full((1, 1), 1e-300)), np.full((3, 1), 1e100))
    with pytest.raises(FloatingPointError):
        reference.along_states(trace, np.ones((3, 1)))


@for_each(
    ("call", "error", "words"),
    [
        (lambda trace, y: reference.along_states(trace, y[1:]), ValueError, r"y has shape \(3, 2\), wanted \(T, q\)"),
        (lambda trace, y: reference.along_states(trace, y, loss="hinge"), ValueError, "loss is 'hinge', wanted one of"),
        (
            lambda trace, y: reference.along_states(trace, y, reduction="max"),
            ValueError,
            "reduction is 'max', wanted one of",
        ),
    ],
)
def test_complaints_name_what_came_and_what_was_wanted(call, error, words):
    problem = case()
    with pytest.raises(error, match=words):
        call(trace_of(problem), problem.y)


BENT = {"kinks": (-1.0, 0.5), "slopes": (0.25, 1.0, 0.5)}  # slopes left of, between, and right of the kinks
LEAKY = {"kinks": (0.0,), "slopes": (0.25, 1.0)}


def bent(kinks, slopes):
    """A piecewise linear phi with phi(0) = 0, whose slope is never 0, as an Activation."""

    def side(z):
        return np.searchsorted(kinks, np.real(z))  # on a kink, the side to the left

    def value(z, out):
        steps = [(a, b) for a, b in zip(kinks, np.diff(slopes), strict=True)]
        shape = sum((b * (z - a) * (np.real(z) > a) for a, b in steps), slopes[0] * z)
        at_zero = sum(b * -a * (a < 0) for a, b in steps)
        out[...] = shape - at_zero
        return out

    def slope(h):
        return np.array(slopes)[np.searchsorted(value(np.array(kinks), np.empty(len(kinks))), h)].astype(h.dtype)

    return ACTIVATIONS["relu"]._replace(name="bent", value=value, slope=slope, bound=max(slopes), kinks=kinks), side


def with_slopes(trace, y, slope):
    """BPTT by one loop, with phi'(z_t) as given, in T rows."""
    W_hh, W_qh, h, T = trace.params.W_hh, trace.params.W_qh, trace.h, len(y)
    do, flow, rows = (trace.o - y) / T, np.zeros(len(W_hh)), {"W_hx": [], "W_hh": [], "b_h": []}
    for t in range(T, 0, -1):
        dz = slope[t - 1] * (W_qh.T @ do[t - 1] + flow)
        for name, row in (("W_hx", np.outer(dz, trace.x[t - 1])), ("W_hh", np.outer(dz, h[t - 1])), ("b_h", dz)):
            rows[name].insert(0, row)
        flow = W_hh.T @ dz
    return {name: np.array(found) for name, found in rows.items()}


@pytest.mark.parametrize("phi", [BENT, LEAKY], ids=["two kinks", "leaky relu"])
def test_an_activation_may_have_any_kinks_and_slopes(phi, monkeypatch):
    """Unit 1 has no past, so that z_t is x_t: on each kink in turn. Oracle: a loop with the slopes of either side."""
    activation, side = bent(**phi)
    monkeypatch.setitem(ACTIVATIONS, "bent", activation)
    problem = on_kinks([])._replace(activation="bent", h0=None)
    W_hx, x = problem.params.W_hx.copy(), problem.x.copy()
    W_hx[1], x[: len(phi["kinks"]), 0] = (1, 0), phi["kinks"]
    problem = problem._replace(params=problem.params._replace(W_hx=W_hx), x=x)
    trace = forward(problem.params, problem.x, activation="bent")
    answers, kinks = reference.along_states(trace, problem.y)
    assert kinks.tolist() == [[t, 1] for t in range(1, len(phi["kinks"]) + 1)]
    z = trace.x @ W_hx.T + trace.h[:-1] @ problem.params.W_hh.T + problem.params.b_h
    on_kink, slopes = np.isin(z, phi["kinks"]), np.array(phi["slopes"])
    left, right = slopes[side(z)], slopes[side(z) + on_kink]
    for answer, share in zip(answers, (0, 0.5, 1), strict=True):
        assert_same(
            {n: answer[n] for n in ("W_hx", "W_hh", "b_h")},
            with_slopes(trace, problem.y, left + share * (right - left)),
        )
    for share, verdict in ((0, "PASS"), (0.5, "PASS"), (1, "PASS"), (-0.01, "FAIL"), (1.01, "FAIL")):

        def rows(trace, y, share=share):
            return with_slopes(trace, y, left + share * (right - left))

        report = check_gradients(problem.params, problem.x, problem.y, activation="bent", contributions=rows)
        assert report.verdict == verdict and len(report.kinks) == len(phi["kinks"]), report
    assert check_gradients(problem.params, problem.x, problem.y, activation="bent")


def test_states_on_either_side_of_a_kink_have_a_fourth_answer_with_the_stored_slopes():
    """Unit 1 stands half a unit in the last place above its kink in step 3, and as much below it in step 2."""
    problem = on_kinks([(3,)], z=EPS / 2)
    x = problem.x.copy()
    x[1] = 0.75, 0.75 + EPS / 2
    problem = problem._replace(x=x)
    trace = trace_of(problem)
    answers, kinks = reference.along_states(trace, problem.y)
    assert kinks.tolist() == [[2, 1], [3, 1]] and len(answers) == 4
    assert trace.h[2, 1] == 0 < trace.h[3, 1]
    want = with_slopes(trace, problem.y, (trace.h[1:] > 0).astype(float))
    assert_same({name: answers[3][name] for name in want}, want)
    assert all(np.abs(answers[3]["b_h"] - answer["b_h"]).max() > 1e-4 for answer in answers[:3])
    assert check_gradients(problem.params, problem.x, problem.y, h0=problem.h0, activation="relu")


def test_long_doubles_are_checked_as_float64():
    problem = case()
    params = Params(*(W.astype(np.longdouble) for W in problem.params))
    assert check_gradients(params, problem.x, problem.y, h0=problem.h0, activation="tanh").verdict == "PASS"
