"""No verdict hangs on how a matrix is multiplied: arrays of a kind that has no ``dot`` give the same numbers.

Oracle: the same call with plain arrays.
"""

import numpy as np
from loops import for_each
from oracles import by_hand, random_problem, summed, trace_of

from d2lbptt import check_gradient, check_gradients
from d2lbptt.checking import finite_differences, linearization, perturbation, reference
from d2lbptt.checking.mistakes import MISTAKES, flawed
from d2lbptt.checking.step_size import step_sizes


class NoDot(np.ndarray):
    """A matrix that multiplies by @ alone."""

    def dot(self, *args, **kwargs):
        raise AssertionError("this matrix has no dot")


def without_dot(found):
    """The same with every array in it, also in tuples and dicts, as one that has no ``dot``."""
    if isinstance(found, np.ndarray):
        return found.view(NoDot)
    if isinstance(found, dict):
        return {name: without_dot(value) for name, value in found.items()}
    if isinstance(found, tuple):
        return found._replace(**without_dot(found._asdict()))
    return found


def problem(B=None, **names):
    names = {"activation": "tanh", "loss": "squared_error", "reduction": "mean"} | names
    return random_problem(np.random.default_rng(0), 7, B, 2, 4, 3, **names)


def report(given, change, word, mistake):
    """The report on ``by_hand`` with arrays changed on the way in and on the way out."""

    def gradient(trace, y):
        found = by_hand(trace, y, *mistake, **given.options)
        return change(found if word == "contributions" else summed(found))

    params, x, y, h0 = (change(a) for a in (given.params, given.x, given.y, given.h0))
    names = {"h0": h0, "activation": given.activation, **given.options}
    return check_gradients(params, x, y, **names, **({} if word is None else {word: gradient}))


@for_each("mistake", [(), *((name,) for name in MISTAKES)])
@for_each("word", ["gradient", "contributions"])
def test_a_report_is_the_same_for_arrays_that_have_no_dot(word, mistake):
    given = problem()
    assert str(report(given, without_dot, word, mistake)) == str(report(given, lambda a: a, word, mistake))


@for_each("names", [{"B": 3}, {"loss": "cross_entropy"}, {"activation": "relu"}, {"dtype": np.float32}])
def test_so_is_that_on_our_own_gradient(names):
    given = problem(**names)
    found = report(given, without_dot, None, ())
    assert found and str(found) == str(report(given, lambda a: a, None, ()))


@for_each("method", ["auto", "complex", "ridders"])
@for_each("factor", [1.0, 1.1])
def test_so_is_that_on_a_function(method, factor):
    theta = np.random.default_rng(0).normal(size=(3, 3))

    def f(W):
        return np.sin(W @ W).sum()

    grad = factor * (np.cos(theta @ theta) @ theta.T + theta.T @ np.cos(theta @ theta))
    want = check_gradient(f, theta, grad, method=method)
    for given in (without_dot(grad), lambda W: without_dot(grad) + 0 * W):
        found = check_gradient(lambda W: f(without_dot(W)), without_dot(theta), given, method=method)
        assert found.verdict == want.verdict == ("PASS" if factor == 1 else "FAIL")
        assert found.hint == want.hint and found.reach == want.reach


def assert_same(found, want):
    assert set(found) == set(want)
    for name, rows in want.items():
        np.testing.assert_array_equal(np.asarray(found[name]), rows, err_msg=name)


@for_each("B", [None, 2])
@for_each("loss", ["squared_error", "cross_entropy"])
def test_what_the_check_is_made_of_needs_no_dot(B, loss):
    given = problem(B, loss=loss)
    trace, y = trace_of(given), given.y
    found, want = (
        {
            "reference": reference.along_states(trace, y, loss=loss)[0][0],
            "linearization": linearization.contributions(p, linearization.adjoints(p)[1]),
            "perturbed": next(perturbation.answers(copies, trace, loss, "mean", np.random.default_rng(1))),
            **{name: flawed(name, trace, y, loss=loss) for name in (None, *MISTAKES)},
        }
        for trace, y in ((without_dot(trace), without_dot(y)), (trace, y))
        for p in [linearization.linearize(trace, y, loss=loss)]
        for copies in [perturbation.perturb(trace, y, loss, np.random.default_rng(0), 3)]
    )
    for name in want:
        assert_same(found[name], want[name])


def test_derivatives_from_values_and_step_sizes_need_no_dot():
    theta, given = np.random.default_rng(0).normal(size=(2, 2)), problem()
    for find in (finite_differences.complex_step, finite_differences.central_difference, finite_differences.ridders):
        found, want = (
            find(lambda W, as_=as_: np.sin(as_(W) @ as_(W)).sum(), as_(theta)) for as_ in (without_dot, np.copy)
        )
        np.testing.assert_array_equal(np.asarray(found), want)
    h = np.logspace(-12, -1, 12)
    found, want = (
        step_sizes(change(given.params), change(given.x), change(given.y), change(h), h0=change(given.h0))
        for change in (without_dot, lambda a: a)
    )
    assert_same(found.found, want.found)
