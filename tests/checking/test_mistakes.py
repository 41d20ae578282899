"""The mistakes that readers make. Oracle: ``oracles.by_hand``, a loop back over one sequence, with the mistakes.

Without a mistake the loop is held against ``backward`` and against brute force.
"""

import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import brute_force, by_hand, changed, random_problem, summed, trace_of

from d2lbptt import Params, backward, check_gradients, forward, init_params
from d2lbptt.checking import perturbation
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS, _Flawed, flawed, suspect


def case(activation="tanh", loss="squared_error", reduction="mean", B=None, T=6, **more):
    """A problem away from the kink of relu, its trace, and the options of a gradient."""
    names = {"activation": activation, "loss": loss, "reduction": reduction, **more}
    drawn = (random_problem(np.random.default_rng(seed), T, B, 2, 4, 3, **names) for seed in range(100))
    problem = next(p for p in drawn if activation != "relu" or oracles.distance_from_kink(p) > 1e-3)
    return problem, trace_of(problem), problem.options


def assert_same(got, want, rtol=1e-13):
    """Within rounding: of the largest entry these tame cases lose 2e-14 at most, and a mistake changes 2e-5 of it."""
    assert set(got) == set(want)
    for name, rows in want.items():
        assert got[name].shape == rows.shape, name
        np.testing.assert_allclose(got[name], rows, rtol=0, atol=rtol * np.abs(rows).max(), err_msg=name)


# --- the loop and the package ---

every_case = for_each(
    ("B", "bias", "with_h0"), [(None, True, True), (None, False, False), (1, True, False), (3, False, True)]
)
every_loss = for_each(
    ("loss", "reduction"), [(loss, reduction) for loss in oracles.LOSSES for reduction in oracles.REDUCTIONS]
)


@for_each("activation", oracles.ACTIVATIONS)
@every_loss
@every_case
def test_every_mistake_is_the_one_in_the_loop(activation, loss, reduction, B, bias, with_h0):
    problem, trace, options = case(activation, loss, reduction, B, bias=bias, with_h0=with_h0)
    for name in MISTAKES:
        assert_same(flawed(name, trace, problem.y, **options), by_hand(trace, problem.y, name, **options))


@for_each("activation", oracles.ACTIVATIONS)
@every_loss
@every_case
def test_without_a_mistake_it_is_the_gradient(activation, loss, reduction, B, bias, with_h0):
    problem, trace, options = case(activation, loss, reduction, B, bias=bias, with_h0=with_h0)
    found = flawed(None, trace, problem.y, **options)
    assert_same(found, by_hand(trace, problem.y, **options))
    ours, brute = backward(trace, problem.y, **options), brute_force(problem)
    assert_same(summed(found), {name: getattr(ours, name) for name in problem.names})
    assert_same(summed(found), {name: brute[name] for name in problem.names})
    assert not found["h0"][1:].any()


@for_each("reduction", ["sum", "last"])
def test_a_loss_without_a_mean_has_no_factor_to_forget(reduction):
    problem, trace, options = case(reduction=reduction)
    assert_same(flawed("no 1/T", trace, problem.y, **options), flawed(None, trace, problem.y, **options))


def test_the_dtype_of_the_network_stays():
    problem, trace, options = case(dtype=np.float32)
    for name in MISTAKES:
        found = flawed(name, trace, problem.y, **options)
        assert {rows.dtype for rows in found.values()} == {np.dtype(np.float32)}, name
        # float32 rounds eps = 1.2e-7 / 2.2e-16 times as coarsely.
        assert_same(found, by_hand(trace, problem.y, name, **options), rtol=1e-13 * 2**29)


def test_nothing_that_is_given_is_written_into():
    problem, trace, options = case(B=2)
    for a in (*trace.params, trace.x, trace.h, trace.o, problem.y):
        a.setflags(write=False)
    right = flawed(None, trace, problem.y, **options)
    for name in MISTAKES:
        flawed(name, trace, problem.y, **options)
    assert_same(flawed(None, trace, problem.y, **options), right, rtol=0)


# --- a mistake is one that shows ---

FLOW = {"W_hx", "W_hh", "b_h", "h0"}
EVERY = FLOW | {"W_qh", "b_q"}
SPOILED = {  # by the equations: what the wrong part goes into
    "no slope": FLOW,
    "slope of step t - 1": FLOW,
    "slope after the transpose": FLOW,
    "slope of z": FLOW,
    "W_hh untransposed": FLOW,
    "h_t for h_{t-1}": {"W_hh"},
    "h_0 is zero": {"W_hh"},
    "x_{t-1} for x_t": {"W_hx"},
    "no 1/T": EVERY,
    "no label": EVERY,
    "last output forgotten": FLOW,
    "step 1 cut off": FLOW,
    "window one short": FLOW,
    "step 1 skipped": EVERY,
    "overwriting": EVERY - {"h0"},  # h_0 is met once
    "no bias": {"b_h"},
    "a sign": {"W_hh"},
    "one per cent": {"W_hh"},
}


@for_each("mistake", MISTAKES)
@for_each("B", [None, 3])
@for_each("loss", oracles.LOSSES)
def test_a_mistake_spoils_what_the_equations_say(mistake, B, loss):
    problem, trace, options = case(loss=loss, B=B)
    got, right = (flawed(name, trace, problem.y, **options) for name in (mistake, None))
    assert changed(got, right) == SPOILED[mistake]


@for_each(
    ("mistake", "names", "why"),
    [
        ("no bias", {"bias": False}, "there is no b_h"),
        ("h_0 is zero", {"with_h0": False}, "it is"),
        ("no slope", {"activation": "identity"}, "the slope is 1"),
        ("slope of step t - 1", {"activation": "identity"}, "the slope is 1"),
        ("slope after the transpose", {"activation": "identity"}, "the slope is 1"),
        ("slope of z", {"activation": "identity"}, "z = h"),
        ("slope of z", {"activation": "relu"}, "z > 0 where h > 0"),
        ("W_hh untransposed", {"W_hh": np.array([[0.5, 1.0], [1.0, -0.5]]).repeat(2, 0).repeat(2, 1)}, "W_hh^T = W_hh"),
        ("x_{t-1} for x_t", {"T": 1}, "there is one x_t"),
        ("no 1/T", {"T": 1}, "T = 1"),
        ("no 1/T", {"reduction": "sum"}, "this loss has no factor 1/T"),
        ("no 1/T", {"reduction": "last", "B": 3}, "this loss has no factor 1/T"),
        ("step 1 cut off", {"T": 1}, "there is no step 2"),
        ("overwriting", {"T": 1}, "nothing is overwritten"),
    ],
)
def test_where_a_mistake_cannot_be_made_nothing_changes(mistake, names, why):
    problem, trace, options = case(**names)
    right = flawed(None, trace, problem.y, **options)
    assert_same(flawed(mistake, trace, problem.y, **options), right)
    assert_same(by_hand(trace, problem.y, mistake, **options), right)


def test_a_missing_label_of_zero_is_no_mistake():
    problem, trace, options = case()
    zero = 0 * problem.y
    assert_same(flawed("no label", trace, zero, **options), flawed(None, trace, zero, **options))


def test_every_mistake_says_something_else_in_one_sentence():
    said = [mistake.says for mistake in MISTAKES.values()]
    assert len(set(said)) == len(said) and set(SPOILED) == set(MISTAKES)
    assert all(words[0].isupper() and words.endswith(".") and "\n" not in words for words in said)


# --- the suspects of the bug hunt ---


@for_each("letter", SUSPECTS)
def test_a_suspect_makes_the_mistake_of_its_name(letter):
    problem, trace, _ = case()
    assert_same(suspect(letter)(trace, problem.y), by_hand(trace, problem.y, SUSPECTS[letter]))


def test_ten_letters_ten_mistakes():
    assert list(SUSPECTS) == list("ABCDEFGHIJ")
    assert len(set(SUSPECTS.values())) == 10 and set(SUSPECTS.values()) <= set(MISTAKES)


# --- complaints ---


@for_each(
    ("call", "error", "words"),
    [
        (lambda trace, y: flawed("no hope", trace, y), ValueError, "mistake is 'no hope', wanted one of no slope, "),
        (lambda trace, y: flawed(1, trace, y), ValueError, "mistake is 1, wanted one of no slope, "),
        (lambda trace, y: flawed("no slope", 7, y), TypeError, "trace is a int, wanted the Trace"),
        (lambda trace, y: flawed(None, trace, y[1:]), ValueError, r"y has shape \(5, 3\), wanted \(T, q\)"),
        (lambda trace, y: flawed(None, trace, y, loss="hinge"), ValueError, "loss is 'hinge', wanted one of"),
        (lambda trace, y: flawed(None, trace, y, reduction="max"), ValueError, "reduction is 'max', wanted one of"),
        (lambda trace, y: suspect("K"), ValueError, "letter is 'K', wanted one of A, B, C, D, E, F, G, H, I, J"),
        (lambda trace, y: suspect("a"), ValueError, "letter is 'a', wanted one of A, "),
    ],
)
def test_complaints_name_what_came_and_what_was_wanted(call, error, words):
    problem, trace, _ = case()
    with pytest.raises(error, match=words):
        call(trace, problem.y)


def test_what_overflows_comes_back_without_a_warning():
    """With W_hh = 1e60 the states saturate at 1; without the slope, seven steps back grow to 1e420."""
    params = init_params(1, 1, 1, kind="identity", scale=1e60)
    problem, *_ = case()
    problem = problem._replace(params=params, x=np.ones((8, 1)), y=np.ones((8, 1)), h0=np.ones(1))
    found = flawed("no slope", trace_of(problem), problem.y)
    assert np.isinf(found["W_hh"][0]).all() and np.isfinite(found["W_hh"][-1]).all()


# --- many perturbed copies at once ---


@for_each("B", [None, 3])
@for_each("dtype", ["float64", "float32"])
@for_each("mistake", [None, *MISTAKES])
def test_the_answers_to_many_copies_at_once_are_those_to_one_after_the_other(mistake, dtype, B):
    problem, trace, _ = case(B=B, T=5)
    params = Params(*(None if W is None else W.astype(dtype) for W in trace.params))
    x, h0, y = (a.astype(dtype) for a in (trace.x, trace.h[0], problem.y))
    trace = forward(params, x, h0=h0, activation="tanh")
    (copies,) = perturbation.in_groups(trace, y, "squared_error", 0, 4)
    at_once = _Flawed(mistake).of_copies(copies, trace)
    one_by_one = [flawed(mistake, *copy) for copy in perturbation.traces(copies, trace)]
    assert len(at_once) == len(one_by_one) == 4
    for found, wanted in zip(at_once, one_by_one, strict=True):
        assert found.keys() == wanted.keys()
        for name, rows in wanted.items():
            np.testing.assert_array_equal(found[name], rows)


def test_a_check_is_the_same_whether_its_copies_are_answered_at_once():
    problem, trace, _ = case()
    given = {"h0": trace.h[0], "activation": "tanh", "seed": 3}
    for mistake in ("W_hh untransposed", "slope of z", "one per cent"):
        reports = [
            check_gradients(trace.params, trace.x, problem.y, contributions=function, **given)
            for function in (_Flawed(mistake), lambda trace, y, mistake=mistake: flawed(mistake, trace, y))
        ]
        assert str(reports[0]) == str(reports[1]) and reports[0].verdict == "FAIL"
