"""The gradient check: it passes what is right, names what is wrong, and says when it cannot see.

Oracle: mistakes that are planted. ``by_hand`` below is a backward pass of its own, one loop, as a reader would write
it, and each mistake is one that readers make; which parameters it spoils follows from the equations.
"""

import numpy as np
import oracles
import pytest
from oracles import brute_force, random_problem

from d2lbptt import backward, check_gradients, init_params
from d2lbptt.check import Report, Row

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


def checked(problem, gradient=None):
    return check_gradients(*arguments(problem), **options(problem), gradient=gradient)


def tanh_problem(seed=0, T=12):
    rng = np.random.default_rng(seed)
    return random_problem(rng, T, None, 2, 5, 3, activation="tanh", loss="squared_error", reduction="mean")


# --- what is right passes ---


@pytest.mark.parametrize("activation", oracles.ACTIVATIONS)
@pytest.mark.parametrize("T", [5, 28])
@pytest.mark.parametrize("g", [0.5, 1.0, 1.5])
@pytest.mark.parametrize(
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
    assert [row.parameter for row in report.rows] == problem.names
    assert all(0 <= row.ratio <= 1 and not row.blind for row in report.rows)


def test_a_reader_s_right_gradient_passes():
    assert checked(tanh_problem(), by_hand)
    assert checked(tanh_problem(), backward)


def test_the_rows_hold_what_the_oracle_says():
    problem = tanh_problem()
    want = brute_force(problem)
    for row in checked(problem).rows:
        assert row.analytic == pytest.approx(want[row.parameter][row.index], rel=1e-10)
        assert row.reference == pytest.approx(row.analytic, rel=1e-10)
        assert abs(row.central - row.reference) <= 10 * row.central_error
        assert row.size == pytest.approx(np.linalg.norm(want[row.parameter]), rel=1e-10)
        assert row.ratio == pytest.approx(abs(row.analytic - row.reference) / row.tolerance)


def test_the_tolerance_is_one_of_rounding():
    """In a problem of 12 tame steps: a few units in the last place of the gradient, some 2e-16 of its norm."""
    assert all(1e-16 < row.tolerance / row.size < 1e-13 for row in checked(tanh_problem()).rows)


def test_float32_is_checked_in_float64():
    params = init_params(2, 4, 3, dtype=np.float32)
    x = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    seen = []

    def gradient(trace, y):
        seen.append(trace.h.dtype)
        return backward(trace, y)

    assert check_gradients(params, x, np.zeros((6, 3)), gradient=gradient)
    assert set(seen) == {np.dtype(float)}


def test_the_gradient_is_called_with_the_forward_pass_and_the_targets():
    problem, seen = tanh_problem(), []

    def gradient(*given):
        seen.append(given)
        return by_hand(*given)

    checked(problem, gradient)
    for trace, y in seen:
        assert np.array_equal(trace.h, oracles.trace_of(problem).h) and y is problem.y


@pytest.mark.parametrize("some", [{"W_hh"}, {"h0", "b_q"}])
def test_some_of_the_parameters_will_do(some):
    report = checked(tanh_problem(), lambda trace, y: {n: g for n, g in by_hand(trace, y).items() if n in some})
    assert report and {row.parameter for row in report.rows} == some


def test_a_gradient_that_is_exactly_zero_passes():
    """All units of relu at rest: every state is 0, so that b_q alone matters."""
    problem = tanh_problem()._replace(activation="relu", h0=None)
    problem = problem.replaced("b_h", np.full(5, -100.0))
    report = checked(problem)
    assert report.verdict == "PASS", report
    assert {row.parameter for row in report.rows if row.size > 0} == {"b_q"}


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


# --- what is wrong fails, and is named ---


@pytest.mark.parametrize(
    ("mistake", "spoils"),
    [
        ("no slope", FLOW),
        ("h_t for h_{t-1}", {"W_hh"}),
        ("W_hh for its transpose", FLOW),
        ("no 1/T", FLOW | {"W_qh", "b_q"}),
        ("h_0 one step late", {"h0"}),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_mistake_fails_and_its_parameters_are_named(mistake, spoils, seed):
    report = checked(tanh_problem(seed), lambda trace, y: by_hand(trace, y, mistake))
    assert report.verdict == "FAIL" and not report
    assert {row.parameter for row in report.rows if row.ratio > 1} == spoils
    assert report.worst.parameter in spoils


@pytest.mark.parametrize("name", oracles.PARAMETERS)
@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, -1, 0], ids=["+1e-6", "-1e-6", "sign", "missing"])
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
    assert {row.parameter for row in report.rows if row.ratio > 1} == FLOW


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "relu"])
@pytest.mark.parametrize("B", [None, 3])
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


def only_h0(trace, y):
    """The gradient whose reference takes the least time."""
    return {"h0": backward(trace, y).h0}


@pytest.mark.parametrize("seed", range(8))
def test_a_right_gradient_never_fails_in_chaos(seed):
    assert check_gradients(*chaotic(seed), activation="tanh").verdict in ("PASS", "BLIND")


def test_it_says_that_it_is_blind():
    """64 units, 150 steps: the median tolerance is half of the gradient, and 29 of 30 seeds are blind."""
    reports = [check_gradients(*chaotic(s, 64, 150), activation="tanh", gradient=only_h0) for s in range(6)]
    blind = [report for report in reports if report.verdict == "BLIND"]
    assert len(blind) >= 3
    for report in blind:
        assert not report and str(report).startswith("BLIND")
        assert report.worst.blind and report.worst.ratio <= 1


def test_it_is_not_blind_where_rounding_is_small():
    """The same network, 40 steps: it passes, and a millionth too much in one entry fails."""
    problem = chaotic(0, 64, 40)

    def wrong(trace, y):
        h0 = only_h0(trace, y)["h0"]
        h0[np.argmax(np.abs(h0))] *= 1 + 1e-6
        return {"h0": h0}

    assert check_gradients(*problem, activation="tanh", gradient=only_h0).verdict == "PASS"
    assert check_gradients(*problem, activation="tanh", gradient=wrong).verdict == "FAIL"


def test_a_right_gradient_never_fails_in_the_deepest_chaos():
    """300 steps of 24 units at g = 20: nothing is known of the gradient here, so that nothing can be wrong."""
    reports = [check_gradients(*chaotic(s, 24, 300, 20), activation="tanh", gradient=only_h0) for s in range(40)]
    assert {report.verdict for report in reports} <= {"PASS", "BLIND"}


# --- the report ---


def test_a_report_reads_as_verdict_worst_entry_and_a_line_for_each_parameter():
    problem = tanh_problem()
    report = checked(problem, lambda trace, y: by_hand(trace, y, "h_t for h_{t-1}"))
    first, _, *lines = str(report).splitlines()
    worst = f"W_hh[{report.worst.index[0]}, {report.worst.index[1]}]"
    assert first.startswith("FAIL") and worst in first and f"{report.worst.ratio:.2g}" in first
    assert [line.split()[0] for line in lines] == problem.names
    assert str(checked(problem)).startswith("PASS")


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "BLIND"])
def test_only_pass_is_true(verdict):
    assert bool(Report(verdict, ())) is (verdict == "PASS")


def test_the_worst_row_has_the_largest_ratio():
    rows = tuple(Row("W_hh", 1, (0, 0), 1, 1, 1, 0, 1, ratio, False) for ratio in (0.1, 0.7, 0.3))
    assert Report("PASS", rows).worst is rows[1]


# --- what does not fit ---


@pytest.mark.parametrize(
    ("gradient", "error", "words"),
    [
        ({"W_hh": np.zeros((5, 4))}, ValueError, ["gradient of W_hh", "(5, 4)", "(5, 5)"]),
        ({"W_hx": np.zeros((2, 5))}, ValueError, ["gradient of W_hx", "(2, 5)", "(5, 2)"]),
        ({"h0": np.zeros((1, 5))}, ValueError, ["gradient of h0", "(1, 5)", "(5,)"]),
        ({"b_q": 0.0}, ValueError, ["gradient of b_q", "()", "(3,)"]),
        ({"W_hh": np.full((5, 5), np.nan)}, ValueError, ["gradient of W_hh", "nan", "(0, 0)", "finite"]),
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


@pytest.mark.parametrize(
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
