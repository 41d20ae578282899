"""The gradient check: it passes what is right, names what is wrong, and says when it cannot see.

Oracle: mistakes that are planted. ``by_hand`` below is a backward pass of its own, one loop, as a reader would write
it, and each mistake is one that readers make; which parameters and steps it spoils follows from the equations.
The sentences of diagnosis are tested in ``test_diagnosis``, the reference in ``test_reference``.
"""

import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import brute_force, random_problem

import d2lbptt as bptt
from d2lbptt import backward, check_gradient, check_gradients, forward, init_params
from d2lbptt.checking.finding import Key
from d2lbptt.checking.mistakes import flawed
from d2lbptt.checking.report import Report, Row

FLOW = {"W_hx", "W_hh", "b_h", "h0"}  # what dL/dh_t goes into


def by_hand(trace, y, mistake=None):
    """9.7.11 - 9.7.16 with tanh and the mean of squared errors, for one sequence, with a mistake on demand."""
    W_hh, W_qh, h, T = trace.params.W_hh, trace.params.W_qh, trace.h, len(trace.x)
    do = (trace.o - y) / (1 if mistake == "no 1/T" else T)
    back = W_hh if mistake == "W_hh for its transpose" else W_hh.T
    g = {name: np.zeros_like(getattr(trace.params, name)) for name in ("W_hx", "W_hh", "W_qh", "b_h", "b_q")}
    flow = np.zeros(len(W_hh))
    for t in range(T, 0, -1):
        dh = flow + W_qh.T @ do[t - 1]
        dz = dh if mistake == "no slope" else (1 - h[t] ** 2) * dh
        g["W_hx"] += np.outer(dz, trace.x[t - 1])
        g["W_hh"] += np.outer(dz, h[t] if mistake == "h_t for h_{t-1}" else h[t - 1])
        g["W_qh"] += np.outer(do[t - 1], h[t])
        g["b_h"] += dz
        g["b_q"] += do[t - 1]
        flow = back @ dz
    return g | {"h0": dh if mistake == "h_0 one step late" else flow}


def arguments(problem):
    return problem.params, problem.x, problem.y


def options(problem):
    return {"h0": problem.h0, "activation": problem.activation, **problem.options}


def checked(problem, gradient=None, **more):
    return check_gradients(*arguments(problem), **options(problem), gradient=gradient, **more)


def by_step(trace, y, mistake=None):
    """What each step contributes, from ``by_hand`` on ever shorter ends of the sequence: for mistakes in no step."""
    T = len(trace.x)
    rows = {name: [] for name in ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")}
    ends = [by_hand(_end(trace, n), y[T - n :], mistake) for n in range(T, 0, -1)]
    for n, (longer, shorter) in enumerate(zip(ends, [*ends[1:], None], strict=True)):
        for name, found in rows.items():
            later = 0 if shorter is None else shorter[name] * (T - n - 1) / T
            found.append(longer[name] * (T - n) / T - later)
    first = np.zeros((T, *trace.h[0].shape))
    first[0] = ends[0]["h0"]
    return {name: np.array(found) for name, found in rows.items()} | {"h0": first}


def _end(trace, n):
    T = len(trace.x)
    return trace._replace(x=trace.x[T - n :], h=trace.h[T - n :], o=trace.o[T - n :])


def tanh_problem(seed=0, T=12):
    rng = np.random.default_rng(seed)
    return random_problem(rng, T, None, 2, 5, 3, activation="tanh", loss="squared_error", reduction="mean")


# --- what is right passes ---


@for_each("activation", oracles.ACTIVATIONS)
@for_each("T", [5, 28])
@for_each("g", [0.5, 1.0, 1.5])
@for_each(
    ("B", "loss", "reduction", "bias", "with_h0"),
    [
        (None, "squared_error", "mean", True, True),
        (None, "cross_entropy", "last", False, False),
        (3, "squared_error", "sum", False, True),
        (3, "cross_entropy", "mean", True, False),
    ],
)
def test_our_backward_pass_passes(activation, T, g, B, loss, reduction, bias, with_h0):
    names = {"activation": activation, "loss": loss, "reduction": reduction, "bias": bias, "with_h0": with_h0}
    problem = random_problem(np.random.default_rng(T), T, B, 2, 5, 3, g=g, **names)
    report = checked(problem)
    assert report.verdict == "PASS", report
    assert [row.parameter for row in report.rows] == [*problem.names, "h", "o"]
    assert all(0 <= row.ratio <= 1 and not row.blind for row in report.rows)
    assert not report.time_steps and not report.hint and not report.kinks


def test_a_reader_s_right_gradient_passes():
    assert checked(tanh_problem(), by_hand)
    assert checked(tanh_problem(), backward)


def test_what_each_step_contributes_passes():
    """Oracle: ``by_step``, which takes differences of whole gradients and knows no recursion over contributions."""
    report = checked(tanh_problem(), contributions=by_step)
    assert report.verdict == "PASS", report
    assert set(report.ratios) == {Key(name, steps) for name in oracles.PARAMETERS for steps in (False, True)}


def test_the_rows_hold_what_the_oracle_says():
    problem = tanh_problem()
    want = brute_force(problem)
    for row in checked(problem, by_hand).rows:
        assert row.analytic == pytest.approx(want[row.parameter][row.index], rel=1e-10)
        assert row.reference == pytest.approx(row.analytic, rel=1e-10)
        assert row.size == pytest.approx(np.linalg.norm(want[row.parameter]), rel=1e-10)
        assert row.ratio == pytest.approx(abs(row.analytic - row.reference) / row.tolerance)
        assert row.visible >= row.tolerance and row.t is None


def test_the_tolerance_is_one_of_rounding():
    """In a problem of 12 tame steps: a few units in the last place of the gradient, some 2e-16 of its norm."""
    assert all(1e-16 < row.visible / row.size < 1e-13 for row in checked(tanh_problem(), by_hand).rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", oracles.PARAMETERS)
def test_the_smallest_visible_error_is_just_that(name):
    """Twice as large an error in any entry fails; half as large a one passes in the entry that is hardest to see."""
    problem = tanh_problem()
    seen = {row.parameter: row.visible for row in checked(problem, by_hand).rows}[name]

    def with_error(size, index):
        def gradient(trace, y):
            found = by_hand(trace, y)
            found[name][index] += size
            return found

        return checked(problem, gradient)

    for index in np.ndindex(brute_force(problem)[name].shape):
        assert with_error(2 * seen, index).verdict == "FAIL"
    assert any(with_error(seen / 2, index) for index in np.ndindex(brute_force(problem)[name].shape))


def float32_problem(T=6, g=1.0):
    params = init_params(2, 4, 3, dtype=np.float32, scale=g)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(T, n)).astype(np.float32) for n in (2, 3))
    return params, x, y


@pytest.mark.parametrize("T", [6, 100])
def test_float32_is_judged_by_its_own_rounding(T):
    """The network stays float32, and a gradient from float32 passes; one part in a thousand is seen."""
    seen = []

    def gradient(trace, y):
        seen.append(trace.h.dtype)
        return backward(trace, y)

    def wrong(trace, y):
        found = backward(trace, y)
        return found._replace(W_hh=found.W_hh * np.float32(1.001))

    assert check_gradients(*float32_problem(T), gradient=gradient, activation="tanh")
    assert set(seen) == {np.dtype(np.float32)}
    report = check_gradients(*float32_problem(T), gradient=wrong, activation="tanh")
    assert report.verdict == "FAIL" and {r.parameter for r in report.rows if r.ratio > 1} == {"W_hh"}


def test_a_float64_gradient_of_a_float32_network_passes():
    """Along the same states the better arithmetic gives the same gradient, to the rounding of float32."""

    def gradient(trace, y):
        params = bptt.Params(*(None if W is None else W.astype(float) for W in trace.params))
        wide = bptt.Trace(params, *(a.astype(float) for a in (trace.x, trace.h, trace.o)), trace.activation)
        return backward(wide, y)

    assert check_gradients(*float32_problem(100), gradient=gradient, activation="tanh")


def test_the_gradient_is_called_with_the_forward_pass_and_the_targets():
    problem, seen = tanh_problem(), []

    def gradient(*given):
        seen.append(given)
        return by_hand(*given)

    checked(problem, gradient)
    for trace, y in seen:
        assert np.array_equal(trace.h, oracles.trace_of(problem).h) and np.array_equal(y, problem.y)


@for_each("some", [{"W_hh"}, {"h0", "b_q"}])
@for_each("word", ["gradient", "contributions"])
def test_some_of_the_parameters_will_do(some, word):
    function = by_hand if word == "gradient" else by_step
    report = checked(
        tanh_problem(), **{word: lambda trace, y: {n: g for n, g in function(trace, y).items() if n in some}}
    )
    assert report and {row.parameter for row in report.rows} == some
    assert report.left_out == tuple(name for name in oracles.PARAMETERS[:5] if name not in some)
    assert f"Nothing was returned for {', '.join(report.left_out)}: not checked." in str(report)


def test_what_was_returned_for_all_is_not_said_to_be_left_out():
    for gradient in (None, by_hand, lambda trace, y: bptt.Params(*backward(trace, y)[:5])):
        report = checked(tanh_problem(), gradient)
        assert not report.left_out and "Nothing was returned" not in str(report)


def test_a_gradient_that_is_exactly_zero_passes():
    """All units of relu at rest: every state is 0, so that b_q alone matters."""
    problem = tanh_problem()._replace(activation="relu", h0=None)
    problem = problem.replaced("b_h", np.full(5, -100.0))
    report = checked(problem)
    assert report.verdict == "PASS", report
    assert {row.parameter for row in report.rows if row.size > 0} == {"b_q", "h", "o"}


def test_at_a_minimum_nothing_is_wrong():
    """With y = o every term is 0; the reference is rounding alone, so that it may see nothing."""
    problem = tanh_problem()
    report = checked(problem._replace(y=oracles.trace_of(problem).o))
    assert report.verdict in ("PASS", "BLIND") and report.worst.size == 0


def test_nothing_that_is_given_is_written_into():
    problem = tanh_problem()
    for a in (*problem.params, problem.x, problem.y, problem.h0):
        a.setflags(write=False)
    assert checked(problem)


@pytest.mark.parametrize("mistake", [None, "no slope"])
def test_a_gradient_may_write_into_what_it_is_given(mistake):
    """It gets copies: neither the check nor the reader's arrays are spoiled."""
    problem = tanh_problem()
    before = [a.copy() for a in (*problem.params, problem.x, problem.y, problem.h0)]

    def careless(trace, y):
        found = by_hand(trace, y, mistake)
        for a in (*trace.params, trace.x, trace.h, trace.o, y):
            a[:] = np.nan
        return found

    assert checked(problem, careless).verdict == ("FAIL" if mistake else "PASS")
    after = (*problem.params, problem.x, problem.y, problem.h0)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


# --- what is wrong fails, and is named ---


@for_each(
    ("mistake", "spoils"),
    [
        ("no slope", FLOW),
        ("h_t for h_{t-1}", {"W_hh"}),
        ("W_hh for its transpose", FLOW),
        ("no 1/T", FLOW | {"W_qh", "b_q"}),
        ("h_0 one step late", {"h0"}),
    ],
)
@for_each("seed", range(3))
def test_a_mistake_fails_and_its_parameters_are_named(mistake, spoils, seed):
    report = checked(tanh_problem(seed), lambda trace, y: by_hand(trace, y, mistake))
    assert report.verdict == "FAIL" and not report
    assert {row.parameter for row in report.rows if row.ratio > 1} == spoils
    assert report.worst.parameter in spoils


@for_each("name", oracles.PARAMETERS)
@for_each("factor", [1 + 1e-6, 1 - 1e-6, -1, 0])
def test_a_single_wrong_entry_fails_and_is_named(name, factor):
    problem = tanh_problem()
    gradient = {n: g.copy() for n, g in brute_force(problem).items() if n in oracles.PARAMETERS}
    index = np.unravel_index(np.argsort(np.abs(gradient[name]), axis=None)[1], gradient[name].shape)  # a small one
    gradient[name][index] *= factor
    report = checked(problem, lambda trace, y: gradient)
    assert report.verdict == "FAIL"
    assert (report.worst.parameter, report.worst.index) == (name, tuple(map(int, index)))


def test_a_truncated_gradient_is_not_the_gradient():
    report = checked(tanh_problem(), lambda trace, y: backward(trace, y, window=3))
    assert {row.parameter for row in report.rows if row.ratio > 1} == FLOW | {"h"}
    assert report.time_steps == tuple(range(1, 10))


@pytest.mark.slow
@pytest.mark.parametrize("t", [1, 5, 12])
@pytest.mark.parametrize("name", ["W_hx", "W_hh", "W_qh", "b_h", "b_q"])
def test_a_wrong_step_is_named(name, t):
    """A millionth too much in one entry of one step, though other steps bring far more."""

    def contributions(trace, y):
        found = by_step(trace, y)
        row = found[name][t - 1]
        row.flat[np.argmax(np.abs(row))] *= 1 + 1e-6
        return found

    report = checked(tanh_problem(), contributions=contributions)
    assert report.verdict == "FAIL" and report.time_steps == (t,)
    assert report.worst.parameter == name and report.worst.t in (None, t)


def test_what_is_small_is_compared_with_its_like():
    """Loss at T alone, tanh, g = 0.3: step 1 contributes some 1e-12 of the gradient, and half of that is missing."""
    params = init_params(2, 5, 3, kind="orthogonal", scale=0.3, seed=1)
    x, y = 0.1 * np.random.default_rng(0).normal(size=(20, 2)), np.ones((20, 3))

    def contributions(trace, y):
        found = flawed(None, trace, y, reduction="last")
        found["W_hx"][0] /= 2
        return found

    report = check_gradients(params, x, y, activation="tanh", reduction="last", contributions=contributions)
    right = flawed(None, forward(params, x, activation="tanh"), y, reduction="last")["W_hx"]
    assert np.abs(right[0]).max() < 1e-9 * np.abs(right).max()
    assert report.verdict == "FAIL" and report.time_steps == (1,) and report.worst.parameter == "W_hx"


@for_each("activation", ["identity", "sigmoid", "relu"])
@for_each("B", [None, 3])
def test_a_wrong_entry_fails_with_every_activation(activation, B):
    rng = np.random.default_rng(1)
    problem = random_problem(rng, 12, B, 2, 5, 3, activation=activation, loss="cross_entropy", reduction="mean")

    def gradient(trace, y):
        W_hh = backward(trace, y, loss="cross_entropy").W_hh.copy()
        W_hh[np.unravel_index(np.argmax(np.abs(W_hh)), W_hh.shape)] *= 1 + 1e-6
        return {"W_hh": W_hh}

    assert checked(problem, gradient).verdict == "FAIL"


# --- where rounding hides everything ---


def chaotic(seed, h=12, T=100, g=3):
    """A network whose states remember no digit of where they came from, if h and T are large."""
    x = 0.1 * np.random.default_rng(seed).normal(size=(T, 2))
    return init_params(2, h, 1, scale=g, seed=seed), x, np.zeros((T, 1))


@for_each("seed", range(8))
def test_along_the_stored_states_chaos_does_not_blind(seed):
    """Both sides ask for the gradient at the same states, so that there is nothing for chaos to amplify."""
    report = check_gradients(*chaotic(seed), activation="tanh")
    assert report.verdict == "PASS", report

    def wrong(trace, y):
        found = backward(trace, y)
        found.h0[np.argmax(np.abs(found.h0))] *= 1 + 1e-6
        return {"h0": found.h0}

    assert check_gradients(*chaotic(seed), activation="tanh", gradient=wrong).verdict == "FAIL"


def along_other_states(trace, y):
    """A gradient that recalculates its states in another order of summation, as a second program would."""
    h = [trace.h[0]]
    W_hx, W_hh, *_ = trace.params
    for x in trace.x:
        h.append(np.tanh(sum(W_hh[:, j] * h[-1][j] for j in reversed(range(len(W_hh)))) + W_hx @ x))
    h = np.array(h)
    o = h[1:] @ trace.params.W_qh.T
    return backward(trace._replace(h=h, o=o), y)


@pytest.mark.slow
def test_it_says_that_it_is_blind():
    """A right gradient along states that have drifted away: it is not called wrong, nor is it called right."""
    reports = [check_gradients(*chaotic(s, 24, 300), activation="tanh", gradient=along_other_states) for s in range(6)]
    blind = [report for report in reports if report.verdict == "BLIND"]
    assert len(blind) >= 3 and {report.verdict for report in reports} <= {"PASS", "BLIND"}
    for report in blind:
        assert not report and str(report).startswith("BLIND") and any(row.blind for row in report.rows)


def test_it_is_blind_where_the_slopes_have_lost_their_digits():
    """At z = 17 the slope is 7e-15, and 1 - h_t^2 a multiple of 1e-16: so few digits has all that flows through it."""
    params = bptt.Params(np.full((1, 1), 16.0), np.full((1, 1), 1.0), np.ones((1, 1)))
    report = check_gradients(params, np.ones((3, 1)), np.zeros((3, 1)), activation="tanh")
    assert report.verdict == "BLIND"
    assert {row.parameter for row in report.rows if row.blind} == {"W_hx", "W_hh", "h0"}


@pytest.mark.slow
def test_a_right_gradient_never_fails_in_the_deepest_chaos():
    """300 steps of 24 units at g = 20, states stored or run anew: nothing that is known here is wrong."""
    for gradient in (backward, along_other_states):
        reports = [check_gradients(*chaotic(s, 24, 300, 20), activation="tanh", gradient=gradient) for s in range(10)]
        assert {report.verdict for report in reports} <= {"PASS", "BLIND"}


@pytest.mark.parametrize("seed", range(6))
def test_a_gradient_of_quite_another_size_is_wrong_however_it_rounds(seed):
    """1 - z^2 for 1 - h^2 makes it explode, and rounding with it; no rounding brings it near the right one."""

    def gradient(trace, y):
        return {name: rows.sum(0) for name, rows in flawed("slope of z", trace, y).items()}

    right = check_gradients(*chaotic(seed), activation="tanh")
    report = check_gradients(*chaotic(seed), activation="tanh", gradient=gradient)
    assert report.verdict == "FAIL" and report.worst.size > 1e20 * max(row.size for row in right.rows)


# --- the report ---


def test_a_report_reads_as_verdict_hint_and_a_line_for_each_parameter():
    problem = tanh_problem()
    report = checked(problem, lambda trace, y: by_hand(trace, y, "h_t for h_{t-1}"))
    first, hint, reach, _, *lines = str(report).splitlines()
    worst = f"W_hh[{report.worst.index[0]}, {report.worst.index[1]}]"
    assert first.startswith("FAIL") and worst in first and f"{report.worst.ratio:.2g}" in first
    assert hint == report.hint and reach == report.reach and repr(report) == str(report)
    assert [line.split()[0] for line in lines] == problem.names
    assert str(checked(problem)).startswith("PASS")


def test_runs_of_steps_are_named_as_runs():
    report = checked(tanh_problem(), lambda trace, y: backward(trace, y, window=3))
    assert "wrong at t = 1 .. 9" in str(report).splitlines()[0]


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "BLIND"])
def test_only_pass_is_true(verdict):
    assert bool(Report(verdict, ())) is (verdict == "PASS")


def test_the_worst_row_has_the_largest_ratio():
    rows = tuple(Row("W_hh", 1, (0, 0), None, 1, 1, 1, ratio, 1, False) for ratio in (0.1, 0.7, 0.3))
    assert Report("PASS", rows).worst is rows[1]


# --- where phi has a kink ---


def on_a_kink():
    """Unit 2 of a relu network stands at exactly 0 in step 1."""
    problem = random_problem(
        np.random.default_rng(3), 6, None, 2, 5, 3, activation="relu", loss="squared_error", reduction="mean"
    )
    b_h, h0 = problem.params.b_h.copy(), np.zeros(5)
    b_h[2], x = 0, problem.x.copy()
    x[0] = 0
    return problem.replaced("b_h", b_h)._replace(x=x, h0=h0)


def with_slope(at_kink):
    """BPTT by one loop, with a slope of relu at 0 to choose."""

    def gradient(trace, y):
        W_hh, W_qh, h = trace.params.W_hh, trace.params.W_qh, trace.h
        do, flow = (trace.o - y) / len(y), np.zeros(len(W_hh))
        g = {"W_hx": 0, "W_hh": 0, "b_h": 0}
        for t in range(len(y), 0, -1):
            slope = np.where(h[t] > 0, 1.0, 0.0)
            if t == 1:
                slope[2] = at_kink
            dz = slope * (W_qh.T @ do[t - 1] + flow)
            g["W_hx"], g["W_hh"], g["b_h"] = (
                g[n] + v
                for n, v in (("W_hx", np.outer(dz, trace.x[t - 1])), ("W_hh", np.outer(dz, h[t - 1])), ("b_h", dz))
            )
            flow = W_hh.T @ dz
        return g | {"h0": flow}

    return gradient


@for_each(("slope", "verdict"), [(0, "PASS"), (0.5, "PASS"), (1, "PASS"), (-0.01, "FAIL"), (1.01, "FAIL")])
def test_on_a_kink_every_slope_from_left_to_right_is_right(slope, verdict):
    report = checked(on_a_kink(), with_slope(slope))
    assert report.verdict == verdict
    assert report.kinks == ((1, 2),) and "t = 1, unit 2" in str(report)


def test_a_kink_does_not_widen_the_tolerance():
    """What the kink does not touch is as sharply seen as ever."""

    def wrong(trace, y):
        found = with_slope(0)(trace, y)
        found["b_h"][np.argmax(np.abs(found["b_h"]) * (np.arange(5) != 2))] *= 1 + 1e-9
        return found

    assert checked(on_a_kink(), wrong).verdict == "FAIL"


# --- any scalar function ---

SMOOTH = {
    "sin": (lambda a: np.sin(a).sum(), np.cos),
    "exp of a product": (lambda a: np.exp(a[0, 0] * a[1, 1]), lambda a: np.exp(a[0, 0] * a[1, 1]) * _swapped(a)),
    "linear": (lambda a: (3 * a).sum(), lambda a: np.full(a.shape, 3.0)),
    "fourth power of the norm": (lambda a: (a**2).sum() ** 2, lambda a: 4 * (a**2).sum() * a),
}


def _swapped(a):
    found = np.zeros(a.shape)
    found[0, 0], found[1, 1] = a[1, 1], a[0, 0]
    return found


def theta(seed=0):
    return np.random.default_rng(seed).normal(size=(3, 4))


@for_each("method", ["auto", "complex", "ridders"])
@for_each("name", SMOOTH)
@for_each("seed", range(3))
def test_the_gradient_of_any_function(name, method, seed):
    """Oracle: derivatives from the table of a calculus course."""
    f, gradient = SMOOTH[name]
    for given in (gradient, gradient(theta(seed))):
        report = check_gradient(f, theta(seed), given, method=method)
        assert report.verdict == "PASS", report
    wrong = gradient(theta(seed))
    wrong[0, 0] *= 1 + 1e-6
    report = check_gradient(f, theta(seed), wrong, method=method)
    assert report.verdict == "FAIL" and report.worst.index == (0, 0) and "One entry" in report.hint
    assert ("complex step" in report.reach) is (method != "ridders")


@for_each(
    ("f", "gradient"),
    [
        (lambda a: np.abs(a).sum(), np.sign),
        (lambda a: float((2 * a).sum()), lambda a: np.full(a.shape, 2.0)),
        (lambda a: (a * np.conj(a)).sum().real, lambda a: 2 * a),
        (lambda a: np.maximum(a, 0).sum() if a.dtype == float else np.inf, lambda a: (a > 0) * 1.0),
    ],
)
def test_what_is_not_analytic_is_noticed(f, gradient):
    """The complex step would be wrong, or cannot be taken, and nobody has said so."""
    report = check_gradient(f, theta(), gradient(theta()))
    assert report.verdict == "PASS" and "; f " in report.reach, report
    assert check_gradient(f, theta(), 1.001 * gradient(theta())).verdict == "FAIL"


@for_each(("slope", "verdict"), [(-1, "PASS"), (0, "PASS"), (1, "PASS"), (1.01, "FAIL"), (-1.01, "FAIL")])
def test_a_kink_of_a_function_is_recognised(slope, verdict):
    at = theta()
    at[1, 2] = 0
    found = np.sign(at)
    found[1, 2] = slope
    report = check_gradient(lambda a: np.abs(a).sum(), at, found)
    assert report.verdict == verdict and report.kinks == ((1, 2),) and "theta[1, 2]" in str(report)


def test_a_reader_s_own_network_from_end_to_end():
    """f runs forward by itself; its gradient is that of ``backward``, flattened."""
    problem = tanh_problem()
    trace = oracles.trace_of(problem)

    def f(W_hh):
        params = problem.params._replace(W_hh=W_hh)
        return bptt.loss(forward(params, problem.x, h0=problem.h0, activation="tanh"), problem.y)

    right = backward(trace, problem.y).W_hh
    assert check_gradient(f, problem.params.W_hh, right)
    report = check_gradient(f, problem.params.W_hh, right.T)
    assert report.verdict == "FAIL" and "transposed" in report.hint


def test_a_function_that_is_all_noise_blinds():
    """1e11 is added and taken away again, so that f moves in stairs of 1.5e-5, wider than the first step."""
    report = check_gradient(lambda a: float((np.sin(a).sum() + 1e11) - 1e11), theta(), np.cos(theta()))
    assert report.verdict == "BLIND"


def test_a_number_will_do_for_theta():
    assert check_gradient(np.sin, 0.3, np.cos(0.3)).worst.index == ()


@for_each(
    ("change", "error", "words"),
    [
        ({"grad": np.zeros((4, 3))}, ValueError, ["grad", "(4, 3)", "(3, 4)"]),
        ({"grad": "zero"}, TypeError, ["grad", "<U4"]),
        ({"theta": [1.0, np.nan]}, ValueError, ["theta", "nan"]),
        ({"theta": [1j]}, TypeError, ["theta", "complex"]),
        ({"method": "forward"}, ValueError, ["method", "'forward'", "auto, complex, ridders"]),
        ({"f": lambda a: a, "method": "ridders"}, TypeError, ["f returned", "(3, 4)"]),
    ],
)
def test_functions_that_do_not_fit(change, error, words):
    given = {"f": lambda a: np.sin(a).sum(), "theta": theta(), "grad": np.cos(theta())} | change
    with pytest.raises(error) as info:
        check_gradient(**given)
    assert all(word in str(info.value) for word in words), info.value


# --- what does not fit ---


@for_each(
    ("gradient", "error", "words"),
    [
        ({"W_hh": np.zeros((5, 4))}, ValueError, ["gradient of W_hh", "(5, 4)", "(5, 5)"]),
        ({"W_hx": np.zeros((2, 5))}, ValueError, ["gradient of W_hx", "(2, 5)", "(5, 2)"]),
        ({"h0": np.zeros((1, 5))}, ValueError, ["gradient of h0", "(1, 5)", "(5,)"]),
        ({"b_q": 0.0}, ValueError, ["gradient of b_q", "()", "(3,)"]),
        ({"W_hh": [[1, 2], [3]]}, ValueError, ["gradient of W_hh", "ragged"]),
        ({"W_hh": "zero"}, TypeError, ["gradient of W_hh", "dtype <U4"]),
        ({"W_oh": np.zeros((3, 5))}, ValueError, ["gradient", "'W_oh'", "W_hx, W_hh, W_qh, b_h, b_q, h0"]),
        ({}, ValueError, ["gradient", "empty", "W_hx, W_hh, W_qh, b_h, b_q, h0"]),
        ({"W_hh": None}, ValueError, ["gradient", "empty"]),
    ],
)
def test_gradients_that_do_not_fit(gradient, error, words):
    with pytest.raises(error) as info:
        checked(tanh_problem(), lambda trace, y: gradient)
    assert all(word in str(info.value) for word in words), info.value


@pytest.mark.parametrize("returned", [None, (1, 2), 3.0], ids=["nothing", "tuple", "number"])
def test_what_is_no_mapping_is_named(returned):
    with pytest.raises(TypeError, match=r"gradient"):
        checked(tanh_problem(), lambda trace, y: returned)


@pytest.mark.parametrize("where", ["x", "gradient"])
def test_complex_numbers_are_refused(where):
    """The check calculates in float64: the complex step needs the imaginary axis for itself."""
    problem = tanh_problem()
    with pytest.raises(TypeError, match=where):
        if where == "x":
            checked(problem._replace(x=problem.x + 1j))
        else:
            checked(problem, lambda trace, y: {"W_hh": backward(trace, y).W_hh + 1j})


@for_each(
    ("changed", "error", "words"),
    [
        ({"x": np.zeros((5, 3))}, ValueError, ["x", "(5, 3)", "d = 2"]),
        ({"y": np.zeros((4, 3))}, ValueError, ["y", "(4, 3)", "(12, 3)"]),
        ({"h0": np.zeros(4)}, ValueError, ["h0", "(4,)", "(5,)"]),
        ({"activation": "swish"}, ValueError, ["activation", "'swish'"]),
        ({"loss": "hinge"}, ValueError, ["loss", "'hinge'"]),
        ({"reduction": "max"}, ValueError, ["reduction", "'max'"]),
        ({"params": (1, 2, 3)}, TypeError, ["params", "tuple", "Params"]),
    ],
)
def test_problems_that_do_not_fit(changed, error, words):
    with pytest.raises(error) as info:
        checked(tanh_problem()._replace(**changed))
    assert all(word in str(info.value) for word in words), info.value


def test_one_of_two_functions_is_enough():
    with pytest.raises(ValueError, match="gradient and contributions"):
        checked(tanh_problem(), by_hand, contributions=by_step)


def test_what_a_gradient_raises_comes_through_with_a_note():
    def broken(trace, y):
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError) as info:
        checked(tanh_problem(), broken)
    assert any("gradient" in note and "T = 12" in note for note in info.value.__notes__)


def test_a_gradient_that_answers_differently_each_time_is_told_so():
    rng = np.random.default_rng(0)

    def noisy(trace, y):
        return {name: g * (1 + 1e-3 * rng.normal(size=g.shape)) for name, g in by_hand(trace, y).items()}

    with pytest.raises(ValueError, match="another W_hx when it was called again"):
        checked(tanh_problem(), noisy)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_fails(bad):
    def gradient(trace, y):
        found = by_hand(trace, y)
        found["W_hh"][1, 2] = bad
        return found

    report = checked(tanh_problem(), gradient)
    assert report.verdict == "FAIL" and "W_hh is not finite" in report.hint
    assert (report.worst.parameter, report.worst.index) == ("W_hh", (1, 2))


@for_each(
    ("changed", "words"),
    [
        ({"W_hh": np.zeros((5, 5))}, ["contributions to W_hh", "(5, 5)", "(12, 5, 5)"]),
        ({"b_q": np.zeros((11, 3))}, ["contributions to b_q", "(11, 3)", "(12, 3)"]),
        ({"h0": np.zeros((2, 5))}, ["contributions to h0", "(2, 5)", "(12, 5)"]),
        ({"h": np.zeros((12, 5))}, ["contributions is empty"]),
    ],
)
def test_contributions_that_do_not_fit(changed, words):
    with pytest.raises(ValueError) as info:
        checked(tanh_problem(), contributions=lambda trace, y: changed)
    assert all(word in str(info.value) for word in words), info.value


def test_the_contribution_of_h_0_may_be_its_one_row():
    report = checked(tanh_problem(), contributions=lambda t, y: {"h0": by_hand(t, y)["h0"][None]})
    assert report and report.worst.parameter == "h0"


def test_a_gradient_that_overflows_names_the_step():
    """float32, 1.5^k: the sums leave its range; the reference, in float64, does not."""
    x, y = np.ones((250, 1), np.float32), np.zeros((250, 1), np.float32)
    params = init_params(1, 2, 1, kind="identity", scale=1.3, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        report = check_gradients(params, x, y, contributions=lambda trace, y: flawed(None, trace, y))
    assert report.verdict == "FAIL" and "not finite" in report.hint and "t = " in report.hint
