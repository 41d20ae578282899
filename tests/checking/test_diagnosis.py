"""The sentences of the diagnosis. Oracle: bugs made in plain loops, as a reader would make them.

``oracles.by_hand`` has the mistakes that have a name; ``loop`` and ``truncated`` below have those that have none. Where
a loop is wrong, at which steps, and in which parameters, follows from how it was written.
``CASES`` lists every sentence; a test reads the source and looks for sentences that no case provokes.
"""

import ast
import inspect
import re
from collections.abc import Callable
from functools import cache, partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pytest
from loops import for_each
from oracles import by_hand, changed, random_problem, summed, trace_of

from d2lbptt import Params, backward, check_gradient, check_gradients, chunks, forward, tbptt
from d2lbptt.checking import diagnosis, localization, patterns, truncations
from d2lbptt.checking.finding import Key
from d2lbptt.checking.mistakes import MISTAKES

LENGTH = 8


def problem(seed=0, T=LENGTH, B=None, d=2, h=4, q=3, **names):
    names = {"activation": "tanh", "loss": "squared_error", "reduction": "mean"} | names
    return random_problem(np.random.default_rng(seed), T, B, d, h, q, **names)


def checked(given, bug, sums=False):
    """The report on a loop that returns what each step contributes, or on its sums alone."""
    options = {"h0": given.h0, "activation": given.activation, **given.options}
    if sums:
        return check_gradients(given.params, given.x, given.y, gradient=lambda *a: summed(bug(*a)), **options)
    return check_gradients(given.params, given.x, given.y, contributions=bug, **options)


def wrong_in(report):
    return {row.parameter for row in report.rows if row.ratio > 1}


# --- loops in which something is wrong ---

NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")


def as_it_is(T, t, value, *_):
    return value


def loop(trace, y, dz=as_it_is, flow=as_it_is, term=as_it_is):
    """9.7.11 - 9.7.16 with tanh and the mean of squared errors, for one sequence; three lines can be replaced."""
    (_, W_hh, W_qh, _, _), x, h, T = trace.params, trace.x, trace.h, len(trace.x)
    g, later = {name: [] for name in NAMES}, np.zeros(len(W_hh))
    for t in range(T, 0, -1):
        do = (trace.o[t - 1] - y[t - 1]) / T
        dh = later + W_qh.T @ do
        dz_t = dz(T, t, (1 - h[t] ** 2) * dh, dh, h[t])
        later = flow(T, t, W_hh.T @ dz_t, dh, W_hh)
        rows = {"W_hx": np.outer(dz_t, x[t - 1]), "W_hh": np.outer(dz_t, h[t - 1]), "W_qh": np.outer(do, h[t])}
        rows |= {"b_h": dz_t, "b_q": do, "h0": later if t == 1 else 0 * later}
        for name in NAMES:
            g[name].insert(0, term(T, t, rows[name], name))
    return {name: np.array(rows) for name, rows in g.items()}


def truncated(trace, y, window=10**9, chunk=10**9):
    """Each loss by itself flows back through so many steps, or not out of its chunk."""
    (_, W_hh, W_qh, _, _), x, h, T = trace.params, trace.x, trace.h, len(trace.x)
    g, flows = {name: [] for name in NAMES}, []  # from the loss of t, t + 1, ...
    for t in range(T, 0, -1):
        do = (trace.o[t - 1] - y[t - 1]) / T
        flows = [W_qh.T @ do, *flows][:window]
        through = [(1 - h[t] ** 2) * flow for flow in flows]
        dz, flows = sum(through), [W_hh.T @ flow for flow in through]
        rows = {"W_hx": np.outer(dz, x[t - 1]), "W_hh": np.outer(dz, h[t - 1]), "W_qh": np.outer(do, h[t])}
        rows |= {"b_h": dz, "b_q": do, "h0": sum(flows) if t == 1 else 0 * dz}
        if (t - 1) % chunk == 0:  # step t is the first of its chunk
            flows = []
        for name in NAMES:
            g[name].insert(0, rows[name])
    return {name: np.array(rows) for name, rows in g.items()}


def mistaken(*made, **options):
    return lambda trace, y: by_hand(trace, y, *made, **options)


def scaled(factor, *names, **options):
    """All gradients, or some, times a factor."""

    def bug(trace, y):
        found = by_hand(trace, y, **options)
        return found | {name: factor * found[name] for name in names or found}

    return bug


def put(name, change, **options):
    """One gradient is what ``change(found, trace)`` makes of the right ones."""

    def bug(trace, y):
        found = by_hand(trace, y, **options)
        return found | {name: change(found, trace)}

    return bug


def outer(left, right):
    return np.einsum("ti,tj->tij", left, right)


def entry(name, index, factor=1.0, more=0.0):
    """One entry, in every step."""

    def change(found, trace):
        found[name][(slice(None), *index)] *= factor
        found[name][(slice(None), *index)] += more
        return found[name]

    return put(name, change)


def at(back, *names, factor=1.1):
    """What step T - back contributes to some gradients, times a factor."""
    return partial(loop, term=lambda T, t, v, name: factor * v if name in names and t in (T - back,) else v)


def turned(name, **options):
    return put(name, lambda found, trace: found[name].swapaxes(1, 2), **options)


def not_finite(*names, last, value):
    """Some gradients, from step T - last backwards."""

    def bug(trace, y):
        found = by_hand(trace, y)
        for name in names:
            found[name][: max(len(trace.x) - last, 0)] = value
        return found

    return bug


def for_eight_steps(trace, y):
    """b_h with h_t for the slope, in a loop whose length is written into it."""
    found = by_hand(trace, y)
    return found | {"b_h": np.array([trace.h[t] * found["b_h"][t - 1] for t in range(1, 9)])}


# --- every sentence, and the bug that provokes it ---


class Case(NamedTuple):
    bug: Callable
    hint: str  # a part of it
    steps: tuple  # with contributions
    reach: str = "Only sums were given: "  # a part of it, with sums alone
    given: dict = {}  # noqa: RUF012 - never written to
    ways: tuple = ("steps", "sums")


ALL = tuple(range(1, LENGTH + 1))
BUT_LAST = ALL[:-1]
LOCAL = "the gradient of the last step, taken by itself, is wrong already; contributions= would tell every step."
BEFORE = "the gradient of the last step, taken by itself, is right, that of the last 2 is wrong; contributions= would"
LAST_3 = "the gradient of the last 3 steps, taken by themselves, is right, that of the last 4 is wrong; "
LAST_4 = "the gradient of the last 4 steps, taken by themselves, is right, that of the last 5 is wrong; "
FACTOR = "Only sums were given."  # and nothing more: a constant factor belongs to no step
ONE = "an error in this one step explains all of them."
CE, BATCH, SUM = {"loss": "cross_entropy"}, {"B": 3}, {"reduction": "sum"}
SQUARE = {"d": 4, "q": 4}

SAID_OTHERWISE = {  # of a mistake that has a name, because it tells more
    "no 1/T": "Every entry is T = 8 times too large: the factor 1/T of the mean over time is missing (9.7.2).",
    "no bias": "The gradient of b_h is zero: ",
    "a sign": "One entry alone is wrong, W_hh[3, 0]: its sign.",
    "one per cent": "One entry alone is wrong, W_hh[3, 0]: it is 1.0",  # 1 in float32 has eight digits
}
WRONG_STEPS = {
    "W_hh untransposed": BUT_LAST,
    "slope after the transpose": BUT_LAST,
    "h_0 is zero": (1,),
    "step 1 cut off": (1,),
    "window one short": (1,),
    "step 1 skipped": (1,),
    "overwriting": ALL[1:],
}
REACH = {"no 1/T": FACTOR, "no bias": FACTOR}
CASES = {
    name: Case(
        mistaken(name), SAID_OTHERWISE.get(name, mistake.says), WRONG_STEPS.get(name, ALL), REACH.get(name, "Only")
    )
    for name, mistake in MISTAKES.items()
} | {
    # a constant factor
    "uphill": Case(scaled(-1), "Every entry has the wrong sign: ", ALL, FACTOR),
    "W_hh uphill": Case(scaled(-1, "W_hh"), "The gradient of W_hh has the wrong sign: ", ALL, FACTOR),
    "zero": Case(scaled(0), "Every entry is zero: it was never added to", ALL, FACTOR),
    "1/T twice": Case(
        scaled(1 / LENGTH), "Every entry is T = 8 times too small: the factor 1/T was taken", ALL, FACTOR
    ),
    "1/T in a sum": Case(scaled(1 / LENGTH, **SUM), "too small: this loss has no factor 1/T.", ALL, FACTOR, SUM),
    "T in a sum": Case(scaled(LENGTH, **SUM), "Every entry is T = 8 times too large.", ALL, FACTOR, SUM),
    "no 1/B": Case(scaled(3), "is B = 3 times too large: the mean over the batch is missing.", ALL, FACTOR, BATCH),
    "1/B twice": Case(scaled(1 / 3), "is B = 3 times too small: the mean over the batch", ALL, FACTOR, BATCH),
    "no 1/2": Case(scaled(2), "Every entry is twice too large: is the factor 1/2 of the squared", ALL, FACTOR),
    "two": Case(scaled(2, **CE), "Every entry is twice too large.", ALL, FACTOR, CE),
    "any factor": Case(scaled(0.7, "b_q", "W_qh"), "The gradient of W_qh, b_q is 0.7 times what it", ALL, LOCAL),
    "no 1/(T B)": Case(scaled(24), "is T B = 24 times too large: the means over time and", ALL, FACTOR, BATCH),
    "1/(T B) twice": Case(scaled(1 / 24), "is T B = 24 times too small: the means over time and", ALL, FACTOR, BATCH),
    "mean over q": Case(scaled(2 / 3), "is 2/q = 0.6667 times what it should be: the squares are", ALL, FACTOR),
    "1/q": Case(scaled(1 / 3), "is q = 3 times too small: the squared errors are averaged over the", ALL, FACTOR),
    "bits": Case(scaled(1 / np.log(2), **CE), "is 1/ln 2 = 1.443 times too large: it belongs to", ALL, FACTOR, CE),
    "T - 1": Case(scaled(8 / 7), "is T/(T - 1) = 1.143 times too large: the mean is over T - 1 steps", ALL, FACTOR),
    # one entry
    "a sign in W_qh": Case(entry("W_qh", (2, 1), -1), "One entry alone is wrong, W_qh[2, 1]: its sign.", ALL, LOCAL),
    "an entry of b_h": Case(entry("b_h", (3,), 0), "One entry alone is wrong, b_h[3]: it is missing.", ALL, LOCAL),
    "an entry": Case(entry("W_hx", (0, 1), 3), "W_hx[0, 1]: it is 3 times what it should be.", ALL, LOCAL),
    "an entry that is 0": Case(
        entry("W_hh", (0, 2), more=0.01), "W_hh[0, 2]: it should be zero.", (1,), "", {"T": 1, "with_h0": False}
    ),
    # a transposed block
    "W_hh turned": Case(turned("W_hh"), "The gradient of W_hh is transposed: its rows belong to dz_t", ALL, LOCAL),
    "W_hx turned": Case(turned("W_hx"), "The gradient of W_hx is transposed.", ALL, LOCAL, SQUARE),
    "W_qh turned": Case(turned("W_qh"), "The gradient of W_qh is transposed.", ALL, LOCAL, SQUARE),
    # a truncation
    "window": Case(partial(truncated, window=3), "back through a window of tau = 3, not to step 1.", ALL[:5], LAST_3),
    "chunks": Case(partial(truncated, chunk=4), "from one chunk of tau = 4 to the one before.", ALL[:4], LAST_4),
    # not a number
    "nan": Case(not_finite("W_hx", "b_h", last=3, value=np.nan), "of W_hx, b_h is not finite", ALL[:5], ""),
    "inf": Case(
        not_finite("W_hx", last=3, value=-np.inf),
        "going back, the first step where it is not is t = 5.",
        ALL[:5],
        "",
        {},
        ("steps",),
    ),
    # what the steps alone say
    "dh_1 for dh_0": Case(
        partial(loop, flow=lambda T, t, v, dh, W: dh if t == 1 else v),
        "Only the gradient of h_0 is wrong: it is W_hh^T dz_1, ",
        (1,),
        "h_0 enters in step 1 alone.",
    ),
    "no slope at t = 1": Case(
        partial(loop, dz=lambda T, t, v, dh, h: dh if t == 1 else v), "Only step 1 is wrong: look at h_0", (1,), ONE
    ),
    "slope outside the recursion": Case(
        partial(loop, flow=lambda T, t, v, dh, W: W.T @ dh),
        "Going back, the last step is right and what comes before is not: look at the recursion, at W_hh, ",
        BUT_LAST,
        BEFORE,
    ),
    "flow too large below t = 5": Case(
        partial(loop, flow=lambda T, t, v, dh, W: 1.1 * v if t == T - 3 else v),
        "Going back, the last 4 steps are right and what comes before is not: look at the recursion, at W_hh, ",
        ALL[:4],
        LAST_4,
    ),
    "1 - h": Case(partial(loop, dz=lambda T, t, v, dh, h: (1 - h) * dh), "Wrong already at t = T, before", ALL, LOCAL),
    "1 - h, again": Case(
        partial(loop, dz=lambda T, t, v, dh, h: (1 - h) * dh), "look at phi'(z_t), and at", ALL, LOCAL
    ),
    "h_{t-1} for h_t": Case(
        put("W_qh", lambda found, trace: outer(found["b_q"], trace.h[:-1])),
        "look at dL/do_t, the slope",
        ALL,
        LOCAL,
    ),
    "x_t + 1": Case(
        put("W_hx", lambda found, trace: outer(found["b_h"], trace.x + 1)), "is multiplied by, x_t.", ALL, LOCAL
    ),
    "h_{t-1}^2": Case(
        put("W_hh", lambda found, trace: outer(found["b_h"], trace.h[:-1] ** 2)),
        "is multiplied by, h_{t-1}.",
        ALL,
        LOCAL,
    ),
    "x_t + 1 and h_{t-1}^2": Case(
        lambda *a: CASES["h_{t-1}^2"].bug(*a) | {"W_hx": CASES["x_t + 1"].bug(*a)["W_hx"]},
        "before anything has flowed back: look at what dz_t is multiplied by, x_t and h_{t-1}.",
        ALL,
        LOCAL,
    ),
    "b_h without the slope": Case(
        put("b_h", lambda found, trace: found["b_h"] / (1 - trace.h[1:] ** 2)),
        "look at how dz_t is added",
        ALL,
        LOCAL,
    ),
    "two steps": Case(
        lambda *a: loop(*a) | {"W_hx": at(3, "W_hx")(*a)["W_hx"] + at(6, "W_hx")(*a)["W_hx"] - loop(*a)["W_hx"]},
        "at what dz_t is multiplied by, x_t",
        (2, 5),
        LAST_3,
    ),
    "one step": Case(at(3, "W_hx"), "in the wrong steps alone, at what dz_t is multiplied by, x_t.", (5,), ONE),
    "used wrongly": Case(at(3, "W_hx", "W_hh", "b_h"), "in the wrong steps alone, at how dz_t is used.", (5,), ONE),
}


@cache
def report_on(name, way):
    case = CASES[name]
    return checked(problem(**case.given), case.bug, way == "sums")


@pytest.mark.slow
@for_each(("name", "way"), [(name, way) for name, case in CASES.items() for way in case.ways])
def test_a_bug_provokes_its_sentence(name, way):
    case, report = CASES[name], report_on(name, way)
    assert report.verdict == "FAIL"
    assert case.hint in report.hint and report.hint in str(report), report
    if way == "steps":
        assert report.time_steps == case.steps and report.reach == ""
    else:
        assert case.reach in report.reach and report.reach in str(report), report
        assert set(report.time_steps) <= set(case.steps)
        if case.reach == FACTOR:
            assert report.reach == FACTOR and report.time_steps == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize(
    "given",
    [{"B": 3}, CE, {"reduction": "sum", "dtype": np.float32}, {"activation": "sigmoid", "B": 2, "T": 5, **CE}],
    ids=["batch", "cross-entropy", "float32", "sigmoid"],
)
def test_a_mistake_is_known_in_other_problems_too(name, given):
    given = problem(**given)
    bug, right = mistaken(name, **given.options), by_hand(trace_of(given), given.y, **given.options)
    if not changed(bug(trace_of(given), given.y), right):
        assert name == "no 1/T" and given.reduction == "sum"
        return
    said = SAID_OTHERWISE.get(name, MISTAKES[name].says).replace("T = 8", f"T = {len(given.x)}")
    assert said in checked(given, bug).hint
    assert said in checked(given, bug, sums=True).hint


# --- no sentence without a test ---


def sentences(module):
    """Every piece of text in the source of a module that has two words, and is no docstring."""
    tree = ast.parse(inspect.getsource(module))
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.FunctionDef | ast.ClassDef)]
    docstrings = {id(n.body[0].value) for n in scopes if n.body and isinstance(n.body[0], ast.Expr)}
    strings = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {n.value for n in strings if id(n) not in docstrings and re.search(r"[\w']+ [\w']+", n.value)}


def sums_of_ours(trace, y, gates):
    """What ``backward`` returns with gates, as ``loop`` would: a single row."""
    found = backward(trace, y, gates=gates if len(y) == len(gates) else None)._asdict()
    return {name: found[name][None] for name in NAMES}


@cache
def others():
    """Reports on sums that test_check_patterns looks at one by one."""
    given = problem(T=7)
    trace, right = trace_of(given), summed(loop(trace_of(given), given.y))
    norm, zero = np.sqrt(sum((g**2).sum() for g in right.values())), forward(given.params, given.x, activation="tanh")
    half = float(f"{norm / 2:.1g}")
    from_the_end = {"gates": np.where(np.arange(7, 0, -1) % 3 == 0, 0.0, 1.0)}
    answers = [
        {name: g * half / norm for name, g in right.items()},
        {name: g * 0.01 / np.linalg.norm(g) for name, g in right.items()},
        {name: g.clip(-0.01, 0.01) for name, g in right.items()},
        {name: g + 0.01 * getattr(given.params, name, 0) for name, g in right.items()},
        {name: g.astype(np.float32) for name, g in right.items()},
        {name: g.astype(np.float32) for name, g in summed(by_hand(trace, given.y, "no slope")).items()},
        {name: g + 0.1 * np.arange(g.size).reshape(g.shape) ** 2 for name, g in right.items()},
        {name: -g for name, g in summed(by_hand(trace, given.y, "no slope")).items()},
        summed(loop(zero, given.y)),
        backward(trace, given.y, **from_the_end)._asdict(),
        backward(trace, given.y, first=tbptt(7, 2, 4))._asdict(),
        backward(trace, given.y, window=1)._asdict(),
        backward(zero, given.y, gates=chunks(7, 3))._asdict(),
    ]
    answers[-4:] = [{name: g for name, g in one.items() if name in NAMES} for one in answers[-4:]]
    options = {"h0": given.h0, "activation": "tanh", **given.options}
    reports = [
        check_gradients(given.params, given.x, given.y, gradient=lambda *_, one=one: one, **options) for one in answers
    ]
    batch = problem(T=7, B=2)
    gates = np.where(np.arange(1, 8)[:, None] == [3, 6], 0.0, 1.0)
    reports.append(checked(batch, lambda trace, y: sums_of_ours(trace, y, gates), sums=True))
    square = problem(T=7, q=4)
    turned = summed(loop(trace_of(square), square.y))
    turned |= {name: turned[name].T for name in ("W_hh", "W_qh")}
    return [*reports, checked(square, lambda *_: {name: g[None] for name, g in turned.items()}, sums=True)]


def of_samples():
    """Reports on samples of the entries of arrays, which test_check_by_name looks at one by one."""
    theta = {"A": np.ones((3, 3)), "b": np.ones(3)}
    right = {name: 2 * a for name, a in theta.items()}
    one = {"A": 2.0 + np.eye(1, 9).reshape(3, 3), "b": right["b"]}
    wrongs = ({name: 2 * g for name, g in right.items()}, right | {"A": -right["A"]}, one)
    return [
        check_gradient(lambda theta: sum((a**2).sum() for a in theta.values()), theta, wrong, entries=11, seed=seed)
        for seed, wrong in product(range(3), wrongs)
    ]


def of_weights():
    """Reports on gradients with other weights, which test_check_weights looks at one by one."""
    given, rng = problem(B=2), np.random.default_rng(0)
    w, trace = rng.uniform(0.5, 2, (LENGTH, 2)), trace_of(given)
    w[5:, 1] = 0
    options = {"h0": given.h0, "activation": "tanh", **given.options, "weights": w}

    def report(y=given.y, factor=1, reduction="mean", **how):
        found = backward(trace, given.y, **{"weights": w, "reduction": reduction} | how)._asdict()
        answer = {name: factor * found[name] for name in NAMES}
        mine = options if how else options | {"reduction": reduction}
        return check_gradients(given.params, given.x, y, gradient=lambda *_: answer, **mine)

    W, steps, counting = w.sum(), w.size, (w > 0).sum()
    return [
        *(report(factor=factor) for factor in (W / 2, W, 2 / W, W / steps, W / counting, 2)),
        report(weights=None),
        report(weights=(w > 0) * 1.0),
        report(weights=w / w.sum(0), reduction="sum"),
        report(factor=2 / W, reduction="sum"),
        report(np.where(w[..., None] > 0, given.y, np.nan), np.nan),
    ]


def said():
    reports = [report_on(name, way) for name, case in CASES.items() for way in case.ways]
    reports += [
        *others(),
        *of_samples(),
        *of_weights(),
        barely_wrong(),
        wrong_in_the_sum(),
        checked(problem(), for_eight_steps, sums=True),
    ]
    return [text for report in reports for text in (report.hint, report.reach)]


@pytest.mark.slow
def test_every_sentence_has_a_bug_that_provokes_it():
    found, more = sentences(diagnosis), sentences(localization)
    assert len(found) > 30 and len(more) > 5
    found |= more | sentences(patterns) | sentences(truncations)
    assert not {piece for piece in found if not any(piece in text for text in said())}


@pytest.mark.slow
def test_every_known_mistake_is_named():
    texts = said()
    for name, mistake in MISTAKES.items():
        assert (mistake.says in texts) == (name not in SAID_OTHERWISE), name


def test_a_right_gradient_has_no_diagnosis():
    for sums in (False, True):
        report = checked(problem(), loop, sums)
        assert (report.verdict, report.time_steps, report.hint, report.reach) == ("PASS", (), "", "")


# --- errors of the size of rounding ---


def tolerances(given, bug):
    """The tolerance of every entry, from errors that are known: 1e-6 in each."""
    right = bug(trace_of(given), given.y)
    off = {name: rows + 1e-6 for name, rows in right.items()}
    ratios = checked(given, lambda trace, y: off).ratios
    return right, {name: 1e-6 / ratios[Key(name, True)] for name in right}


@cache
def barely_wrong():
    """One entry of one step is off by 1.4 tolerances."""
    right, tolerance = tolerances(problem(), loop)
    right["W_hx"][4, 0, 1] += 1.4 * tolerance["W_hx"][4, 0, 1]
    return checked(problem(), lambda trace, y: right)


@cache
def wrong_in_the_sum():
    """40 steps, each off by 0.7 tolerances to the same side, one by 0.9; rounding would err to both sides."""
    right, tolerance = tolerances(problem(T=40), loop)
    right["b_q"][:, 2] += 0.7 * tolerance["b_q"][:, 2]
    right["b_q"][29, 2] += 0.2 * tolerance["b_q"][29, 2]
    return checked(problem(T=40), lambda trace, y: right)


def test_an_error_a_little_larger_than_rounding_has_no_pattern():
    report = barely_wrong()
    assert report.verdict == "FAIL" and report.time_steps == (5,) and wrong_in(report) == {"W_hx"}
    assert "hardly larger than rounding" in report.hint and 1 < report.worst.ratio < 2


def test_an_error_that_only_the_sum_shows():
    report = wrong_in_the_sum()
    assert report.verdict == "FAIL" and wrong_in(report) == {"b_q"}
    assert all((ratio <= 1).all() for key, ratio in report.ratios.items() if key.steps)
    assert "off by more than rounding" in report.reach and "t = 30." in report.reach
    assert report.time_steps == (30,) and "hardly larger than rounding" in report.hint


# --- the step and the parameter ---


@for_each("name", NAMES[:5])
@for_each("back", [0, 3, 7])
@for_each("factor", [1.1, 1 + 1e-9])
def test_one_wrong_step_is_named(name, back, factor):
    report = checked(problem(), at(back, name, factor=factor))
    assert report.time_steps == (8 - back,) and wrong_in(report) == {name}
    assert report.worst.parameter == name and report.worst.t in (8 - back, None)


@for_each("name", NAMES[:3])
@for_each("back", [0, 3, 7])
def test_one_wrong_step_is_named_by_what_the_weight_meets_there(name, back):
    """Sums alone: every step meets another x_t or h_t, so that only one step explains the errors."""
    report = checked(problem(), at(back, name), sums=True)
    assert report.time_steps == (8 - back,) and wrong_in(report) == {name}
    assert ONE in report.reach


@for_each("name", ["b_h", "b_q"])
@for_each(
    ("back", "reach"),
    [
        (0, LOCAL),
        (3, LAST_3),
        (7, "the last 7 steps, taken by themselves, is right, that of the last 8 is wrong; "),
    ],
)
def test_the_sums_of_a_bias_do_not_tell_the_step(name, back, reach):
    """A bias meets 1 in every step; how many steps at the end are right can be told."""
    report = checked(problem(), at(back, name), sums=True)
    assert set(report.time_steps) <= {8 - back} and wrong_in(report) == {name}
    assert reach in report.reach


def test_the_initial_state_is_met_in_step_1():
    for sums in (False, True):
        report = checked(problem(), at(7, "h0"), sums)
        assert report.time_steps in ([(1,), ()] if sums else [(1,)]) and wrong_in(report) == {"h0"}


@for_each("back", [1, 2, 3, 5])
def test_the_shortest_end_that_fails(back):
    """What flows out of step T - back is too large: the steps before it are wrong."""
    bug = partial(loop, flow=lambda T, t, v, dh, W: 1.1 * v if t == T - back else v)
    assert checked(problem(), bug).time_steps == tuple(range(1, 8 - back))
    report = checked(problem(), bug, sums=True)
    assert f"last {back + 1} steps, taken by themselves, is right, that of the last {back + 2} is wrong" in report.reach
    assert set(report.time_steps) <= set(range(1, 8 - back))


def test_a_loop_for_one_length_cannot_be_asked_about_others():
    assert checked(problem(), for_eight_steps).time_steps == ALL
    report = checked(problem(), for_eight_steps, sums=True)
    assert "they do not say which steps are wrong; contributions= would." in report.reach
    assert report.time_steps == () and wrong_in(report) == {"b_h"}
    assert report.hint == "The errors follow no pattern that is known here."


@for_each("T", [2, 7, 8])
@for_each("sums", [False, True])
def test_a_truncation_is_known_with_its_length(T, sums):
    """A window of T - 1 misses the longest path alone, and has a sentence of its own; chunks of 1 are a window of 1."""
    for tau in range(1, T - 1):
        report = checked(problem(T=T), partial(truncated, window=tau), sums)
        words = (
            f"through a window of tau = {tau}, not to step 1." if tau > 1 else "from a step to the one before, as when"
        )
        assert words in report.hint
        assert sums or report.time_steps == tuple(range(1, T - tau + 1))
    for tau in range(2, T):
        report = checked(problem(T=T), partial(truncated, chunk=tau), sums)
        assert f"from one chunk of tau = {tau} to" in report.hint
        assert sums or report.time_steps == tuple(range(1, tau * ((T - 1) // tau) + 1))
    said = checked(problem(T=T), partial(truncated, window=T - 1), sums).hint
    assert said in (MISTAKES["window one short"].says, MISTAKES["step 1 cut off"].says)


# --- two mistakes ---

PAIRS = list(combinations(MISTAKES, 2))


@pytest.mark.slow
@for_each(("sums", "pairs"), [(False, PAIRS[::2]), (True, PAIRS[1::2])])
def test_of_two_mistakes_none_is_named_alone(sums, pairs):
    """Unless one is lost in the other, as in 8 pairs of 153: then the loop with one alone gives the same."""
    given, named = problem(T=4), 0
    trace = trace_of(given)
    for pair in pairs:
        hint = checked(given, mistaken(*pair), sums).hint
        for name, mistake in MISTAKES.items():
            if hint == mistake.says:
                assert not changed(by_hand(trace, given.y, name), by_hand(trace, given.y, *pair)), (pair, name)
                named += 1
    assert 0 < named < 8


# --- one array, without a network ---


@for_each(
    ("wrong", "words"),
    [
        (lambda g: -g, "Every entry has the wrong sign: "),
        (lambda g: 0 * g, "Every entry is zero: "),
        (lambda g: 2 * g, "Every entry is twice too large."),
        (lambda g: 0.3 * g, "Every entry is 0.3 times what it should be."),
        (
            lambda g: g * np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]]),
            "One entry alone is wrong, theta[1, 1]: its sign.",
        ),
        (lambda g: g * np.array([[1, 1, 1], [1, 1, 1], [1, 0, 1]]), "wrong, theta[2, 1]: it is missing."),
        (lambda g: g * np.array([[1, 1, 1], [1, 1, 4], [1, 1, 1]]), "theta[1, 2]: it is 4 times what it should be."),
        (lambda g: g.T, "The gradient of theta is transposed."),
        (lambda g: g + np.arange(9).reshape(3, 3), None),
    ],
)
@for_each("method", ["complex", "ridders"])
def test_one_array(wrong, words, method):
    """f = the sum of a_ij theta_ij^3, with the gradient 3 a_ij theta_ij^2."""
    a, theta = np.random.default_rng(0).normal(size=(2, 3, 3))
    report = check_gradient(lambda v: (a * v**3).sum(), theta, wrong(3 * a * theta**2), method=method)
    assert report.verdict == "FAIL" and report.time_steps == ()
    assert report.hint == "" if words is None else words in report.hint


@for_each("method", ["complex", "ridders"])
def test_one_number_has_no_factor(method):
    """Any two numbers have a ratio. Of those that mean something, like -1, it may be said."""
    theta = np.array([[2.0]])
    for factor, hint in ((0.25, ""), (-1, "Every entry has the wrong sign: ")):
        report = check_gradient(lambda v: (v**3).sum(), theta, factor * 3 * theta**2, method=method)
        assert report.verdict == "FAIL" and (hint in report.hint if hint else report.hint == "")


# --- a factor ---


def test_a_factor_without_a_meaning_wants_two_numbers():
    """In a network of one unit the sums are single numbers; with contributions there are eight."""
    for d, sums, said in ((1, True, False), (1, False, True), (2, True, True)):
        report = checked(problem(d=d, h=d, q=d), scaled(0.7, "W_hh"), sums)
        assert wrong_in(report) == {"W_hh"}
        assert ("The gradient of W_hh is 0.7 times what it should be." == report.hint) == said
        assert said or "0.7" not in report.hint


@for_each("sums", [False, True])
def test_a_mistake_that_is_a_factor_is_named_as_a_mistake(sums):
    """h_t = 0.7 h_{t-1}, so that h_t for h_{t-1} multiplies dL/dW_hh by 0.7."""
    given = problem(activation="identity", bias=False, W_hh=0.7 * np.eye(4))
    given = given._replace(x=0 * given.x)
    bug, factor = mistaken("h_t for h_{t-1}"), scaled(0.7, "W_hh")
    assert not changed(bug(trace_of(given), given.y), factor(trace_of(given), given.y))
    assert checked(given, bug, sums).hint == MISTAKES["h_t for h_{t-1}"].says


@for_each("reduction", ["sum", "last"])
def test_a_loss_without_a_mean_has_no_factor_to_forget(reduction):
    given = problem(reduction=reduction)
    for factor in (8, 1 / 8):
        hint = checked(given, scaled(factor, reduction=reduction)).hint
        assert "T = 8 times too" in hint and "mean over time" not in hint and "twice" not in hint


@pytest.mark.parametrize(
    ("given", "factor", "causes"),
    [
        ({"T": 3, "B": 3}, 3, ["T = 3 times too large: the factor 1/T of the mean", "B = 3 times too large: the mean"]),
        ({"T": 3, "B": 3}, 1 / 3, ["T = 3 times too small: ", "B = 3 times too small: "]),
        ({"T": 2}, 2, ["twice too large: is the factor 1/2 of the squared error missing?", "T = 2 times too large: "]),
    ],
    ids=["T = B = 3", "one third", "T = 2"],
)
def test_where_two_causes_would_do_both_are_said(given, factor, causes):
    hint = checked(problem(**given), scaled(factor)).hint
    assert all(cause in hint for cause in causes) and "; or is " in hint


# --- what is said is so ---


def ramp(name):
    """One gradient right at t = T and more and more wrong before; all others right."""
    return put(name, lambda found, trace: (found[name].T * np.linspace(2, 1, len(trace.x))).T)


def only(bug, *names):
    return lambda trace, y: {name: bug(trace, y)[name] for name in names}


wrong_recursion = CASES["slope outside the recursion"].bug


@for_each(
    ("name", "where"),
    [
        ("W_qh", "dL/do_t, the slope of the loss (9.7.11), and what it is multiplied by"),
        ("b_q", "dL/do_t, the slope of the loss (9.7.11), and what it is multiplied by"),
        ("W_hx", "what dz_t is multiplied by, x_t"),
        ("W_hh", "what dz_t is multiplied by, h_{t-1}"),
        ("b_h", "how dz_t is added up"),
    ],
)
def test_the_recursion_is_not_blamed_for_one_parameter(name, where):
    """What flows back goes into W_hx, W_hh and b_h alike, and not into W_qh and b_q."""
    hint = checked(problem(), ramp(name)).hint
    before = "Going back, the last step is right and what comes before is not: "
    assert hint == f"{before}look at {where}; the recursion is right."


def test_what_flows_back_is_not_blamed_for_W_qh():
    bug = put("W_qh", lambda found, trace: (found["W_qh"].T * np.repeat([1.1, 1], [5, 3])).T)
    hint = checked(problem(), bug).hint
    assert "look at dL/do_t" in hint and "look at the recursion" not in hint


def test_a_wrong_row_of_h_alone_is_no_reason_to_look_at_None():
    def gradient(trace, y):
        found = backward(trace, y)
        found.h[-1] *= 1.1
        return found

    given = problem()
    report = check_gradients(given.params, given.x, given.y, h0=given.h0, activation="tanh", gradient=gradient)
    assert report.verdict == "FAIL" and wrong_in(report) == {"h"} and report.time_steps == (8,)
    assert "None" not in report.hint


def test_one_entry_that_should_be_zero():
    """The first input is always 0, and so is its gradient."""
    given, bug = problem(), entry("W_hx", (0, 0), more=0.01)
    for sums in (False, True):
        report = checked(given._replace(x=given.x * np.array([0, 1])), bug, sums)
        assert report.hint == "One entry alone is wrong, W_hx[0, 0]: it should be zero."


def test_a_mistake_that_would_overflow_is_not_named():
    """One unit, W_hh = 3, T = 700: without the slope the gradient would be 3^700. This bug is another one."""
    one = Params(*(np.full((1, 1), v) for v in (1.0, 3.0, 1.0)), np.array([0.1]), np.array([0.2]))
    given = problem(T=700, d=1, h=1, q=1)._replace(params=one, x=np.full((700, 1), 0.1), h0=np.array([0.3]))
    more = {"W_hx": 1, "W_hh": 2, "b_h": 3}
    bug = partial(loop, term=lambda T, t, v, name: v * (1 + more.get(name, 0) * (T - t) / T))
    assert checked(given, bug, sums=True).hint not in [mistake.says for mistake in MISTAKES.values()]


@pytest.mark.parametrize(
    ("bug", "given"),
    [
        # B = h = 4: the states of a batch span everything, so that any step explains W_hx and W_hh, and h_0 says t = 1
        (mistaken("W_hh untransposed"), {"B": 4}),
        (mistaken("no slope"), {"B": 4}),
        pytest.param(
            *(mistaken("step 1 cut off", "no bias"), {}),
        ),
    ],
    ids=["batch, W_hh", "batch, slope", "bias"],
)
def test_one_step_does_not_explain_what_fails_without_it(bug, given):
    """The gradient of the last step alone, or of the last two, is wrong as well, and does not contain step 1."""
    steps, report = checked(problem(**given), bug).time_steps, checked(problem(**given), bug, sums=True)
    assert len(steps) > 1 and not (ONE in report.reach and report.time_steps == (1,))
    assert "Only step 1 is wrong" not in report.hint


@pytest.mark.parametrize(
    ("bug", "given"),
    [
        (mistaken("h_0 is zero"), {"B": 4, "h": 3}),
        (mistaken("h_0 is zero", "W_hh untransposed"), {}),
        (partial(loop, term=lambda T, t, v, name: 1.1 * v if (name, t) == ("W_hx", 4) else v), {}),
        pytest.param(
            *(mistaken("step 1 cut off"), {"T": 3, "d": 1, "with_h0": False}),
        ),
    ],
    ids=["h_0, batch", "h_0 and W_hh", "t = 4, counted from the beginning", "cut off, h_0 = 0, d = 1"],
)
def test_the_steps_that_sums_name_are_wrong_ones(bug, given):
    steps, report = checked(problem(**given), bug).time_steps, checked(problem(**given), bug, sums=True)
    assert set(report.time_steps) <= set(steps)


def test_a_sign_at_one_step_is_said_to_be_a_sign():
    flip = np.where(np.arange(16).reshape(4, 4) == 6, -1, 1)
    bug = partial(loop, term=lambda T, t, v, name: flip * v if (name, t) == ("W_hh", T - 3) else v)
    report = checked(problem(), bug)
    assert report.time_steps == (5,) and "W_hh[1, 2]: its sign" in report.hint


# --- what is said and is not so ---


def test_with_sums_alone_a_wrong_h_0_is_not_a_matter_of_dz():
    """``dh_1 for dh_0``: all dz_t are right, and added up."""
    report = checked(problem(), CASES["dh_1 for dh_0"].bug, sums=True)
    assert wrong_in(report) == {"h0"} and "dz_t is added up" not in report.hint


@for_each("sums", [False, True])
def test_a_wrong_recursion_is_not_called_right_when_W_qh_is_wrong_too(sums):
    def bug(trace, y):
        return wrong_recursion(trace, y) | {"W_qh": at(1, "W_qh")(trace, y)["W_qh"]}

    assert "the recursion is right" not in checked(problem(), bug, sums).hint


@for_each(
    ("bug", "words"),
    [(wrong_recursion, "the recursion is right"), (CASES["1 - h"].bug, "look at what dz_t is multiplied by, h_{t-1}")],
)
def test_without_an_input_the_recursion_and_the_slope_can_be_wrong(bug, words):
    given = problem()
    report = checked(given._replace(x=0 * given.x), bug)
    assert wrong_in(report) == {"W_hh", "b_h", "h0"} and words not in report.hint


def test_of_W_qh_alone_nothing_follows_for_the_recursion():
    assert "the recursion is right" not in checked(problem(), only(ramp("W_qh"), "W_qh", "b_q")).hint


@for_each("sums", [False, True])
def test_the_recursion_is_not_blamed_where_the_steps_before_are_right(sums):
    """dz_5 is wrong where it is used, and right where it flows on."""
    report = checked(problem(), at(3, "W_hx", "W_hh", "b_h"), sums)
    assert report.time_steps == (5,) and "look at the recursion" not in report.hint


def test_with_contributions_it_is_not_said_that_only_sums_were_given():
    """In float32, 40 terms of 1e-38: next to the smallest number each is nothing but rounding, their sum is not."""
    given, small = problem(T=40, dtype=np.float32), np.float32(1e-37)
    params = given.params._replace(W_qh=small * given.params.W_qh, b_q=small * given.params.b_q)
    report = checked(given._replace(params=params, y=small * given.y), scaled(2, "b_q"))
    assert "The gradient of b_q is twice too large" in report.hint and "Only sums" not in report.reach


def test_a_question_ends_with_its_mark():
    assert not any("?." in text or "?;" in text for text in said())


@for_each("factor", [1, 0.25])
def test_an_entry_of_zero_does_not_widen_the_tolerance_of_the_others(factor):
    """f = sum of theta_i^3 at (2, 0): for the 0 comes -1e-60, with a spread as large. The right gradient FAILs."""
    report = check_gradient(lambda v: (v**3).sum(), np.array([2.0, 0.0]), factor * np.array([12.0, 0.0]))
    assert report.verdict == ("PASS" if factor == 1 else "FAIL") and report.worst.tolerance < 1e-12
    assert "zero" not in report.hint


def test_a_derivative_of_zero_may_be_all_there_is():
    assert check_gradient(lambda v: (v**3).sum(), [0.0], [0.0])
    assert check_gradient(lambda v: (v**3).sum(), [0.0], [1e-20]).verdict == "FAIL"
