"""The check of a function of several arrays, by name, and of a random sample of their entries.

Oracles: derivatives on paper, the brute force of ``oracles`` for a network, and for the chance that a wrong entry is
missed the enumeration of all draws.
"""

from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import brute_force, random_problem
from scipy import stats

import d2lbptt as bptt
from d2lbptt import Gradients, Params, backward, check_gradient, forward
from d2lbptt.checking.entries import Layout, Sample
from d2lbptt.checking.finding import Key

METHODS = ("complex", "ridders")


class Two(NamedTuple):
    """Parameters of a reader's own, one of which may be missing."""

    A: np.ndarray
    c: np.ndarray
    b: np.ndarray | None = None


def place(seed=0):
    rng = np.random.default_rng(seed)
    return {"A": rng.normal(size=(4, 4)), "b": rng.normal(size=5), "c": np.array(rng.normal())}


def f(theta):
    """sum sin(A), c times the sum of b^3, and c^2."""
    return np.sin(theta["A"]).sum() + theta["c"] * (theta["b"] ** 3).sum() + theta["c"] ** 2


def gradient(theta):
    b, c = theta["b"], theta["c"]
    return {"A": np.cos(theta["A"]), "b": 3 * c * b**2, "c": (b**3).sum() + 2 * c}


def changed(**wrong):
    """The gradient, some of its arrays changed by a function."""
    right = gradient(place())
    return right | {name: change(right[name]) for name, change in wrong.items()}


def wrong_in(report):
    return {row.parameter for row in report.rows if row.ratio > 1}


# --- arrays by name ---


@pytest.mark.parametrize("method", METHODS)
def test_each_array_has_a_row_of_its_own(method):
    for grad in (gradient, gradient(place())):
        report = check_gradient(f, place(), grad, method=method)
        assert report.verdict == "PASS", report
        assert [row.parameter for row in report.rows] == ["A", "b", "c"]
        assert [row.size for row in report.rows] == pytest.approx(
            [np.linalg.norm(g) for g in gradient(place()).values()]
        )
        assert {key: ratio.shape for key, ratio in report.ratios.items()} == {
            Key(name): np.shape(array) for name, array in place().items()
        }


@for_each("method", METHODS)
@for_each("name", ["A", "b", "c"])
def test_the_array_that_is_wrong_is_named_and_no_other(name, method):
    report = check_gradient(f, place(), changed(**{name: lambda g: g * (1 + 1e-5)}), method=method)
    assert report.verdict == "FAIL" and wrong_in(report) == {name} and report.worst.parameter == name


def test_a_name_has_the_row_that_its_array_has_alone():
    """The reference is the same function; how far rounding carries it differs by what was drawn."""
    for name, array in place().items():
        alone = check_gradient(lambda a, name=name: f(place() | {name: a}), array, gradient(place())[name]).worst
        row = next(row for row in check_gradient(f, place(), gradient).rows if row.parameter == name)
        assert row.size == pytest.approx(alone.size) and row.visible == pytest.approx(alone.visible, rel=1)


HINTS = [
    ({"A": lambda g: g.T}, "The gradient of A is transposed."),
    ({"A": lambda g: -g}, "The gradient of A has the wrong sign: "),
    ({"b": lambda g: 2 * g}, "The gradient of b is twice too large."),
    ({"b": lambda g: 0 * g}, "The gradient of b is zero: "),
    ({"A": lambda g: 0.3 * g, "b": lambda g: 0.3 * g}, "The gradient of A, b is 0.3 times what it should be."),
    ({name: np.negative for name in "Abc"}, "Every entry has the wrong sign: "),
    ({"b": lambda g: g * np.array([1, 1, -1, 1, 1])}, "One entry alone is wrong, b[2]: its sign."),
    ({"A": lambda g: g * np.nan}, "The gradient of A is not finite."),
    ({"c": lambda g: 1.1 * g}, ""),  # any two numbers have a ratio
]


@for_each("method", METHODS)
@for_each(("wrong", "words"), HINTS)
def test_the_hint_names_the_arrays(wrong, words, method):
    report = check_gradient(f, place(), changed(**wrong), method=method)
    assert report.verdict == "FAIL" and wrong_in(report) == set(wrong)
    assert words in report.hint if words else not report.hint


def test_where_two_arrays_are_wrong_in_two_ways_each_is_told():
    report = check_gradient(f, place(), changed(A=np.transpose, b=np.negative))
    assert "The gradient of A is transposed. The gradient of b has the wrong sign: " in report.hint
    report = check_gradient(f, place(), changed(A=lambda g: g + 1, b=np.negative))
    assert report.hint.startswith("The gradient of b has the wrong sign: ")


def test_many_square_arrays_are_no_matter_of_combinations():
    rng = np.random.default_rng(0)
    theta = {f"W{k}": rng.normal(size=(2, 2)) for k in range(24)}
    grad = {name: np.cos(W) for name, W in theta.items()}

    def many(theta):
        return sum(np.sin(W).sum() for W in theta.values())

    turned = {name: W.T for name, W in grad.items()}
    assert "are transposed." in check_gradient(many, theta, turned).hint
    some = grad | {name: turned[name] for name in ("W3", "W7", "W9", "W11")}
    other = some | {"W1": grad["W1"] + 1}
    assert "The gradients of W3, W7, W9, W11 are transposed." in check_gradient(many, theta, some).hint
    assert "The gradient of W7 is transposed." in check_gradient(many, theta, other).hint


# --- what theta and grad may be ---


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("B", [None, 2])
def test_params_and_gradients(bias, B):
    """Oracle for the numbers: the brute force over all pairs of steps."""
    problem = random_problem(
        np.random.default_rng(1), 5, B, 2, 3, 2, activation="tanh", loss="squared_error", reduction="mean", bias=bias
    )

    def value(params):
        assert type(params) is Params and (params.b_h is None) is not bias
        return bptt.loss(forward(params, problem.x, h0=problem.h0, activation="tanh"), problem.y)

    def grad(params):
        return backward(forward(params, problem.x, h0=problem.h0, activation="tanh"), problem.y)

    assert type(grad(problem.params)) is Gradients
    want = brute_force(problem)
    names = [name for name in problem.names if name != "h0"]
    for given in (grad, grad(problem.params), Params(*grad(problem.params)[:5]), {n: want[n] for n in names}):
        entries = None if given is grad else 10  # every entry once, a few for each other form of the same numbers
        report = check_gradient(value, problem.params, given, entries=entries)
        assert report.verdict == "PASS", report
        assert [row.parameter for row in report.rows] == names
        assert all(row.reference == pytest.approx(want[row.parameter][row.index]) for row in report.rows)
    wrong = grad(problem.params)._replace(W_hh=want["W_hh"].T)
    report = check_gradient(value, problem.params, wrong)
    assert wrong_in(report) == {"W_hh"} and "W_hh is transposed" in report.hint


@pytest.mark.parametrize("method", METHODS)
def test_a_named_tuple_of_the_reader_s_own(method):
    def value(theta):
        assert type(theta) is Two and theta.b is None
        return (theta.A**2).sum() + theta.c**3

    theta = Two(np.arange(6.0).reshape(2, 3), np.array(2.0))
    report = check_gradient(value, theta, lambda theta: Two(2 * theta.A, 3 * theta.c**2), method=method)
    assert report and [row.parameter for row in report.rows] == ["A", "c"]
    assert not check_gradient(value, theta, {"A": 2 * theta.A, "c": 12.1}, method=method)


def test_a_function_gets_float64_of_its_own_to_write_into():
    given = {"a": np.array([1, 2]), "b": np.array([[0.5]], np.float32)}
    before = {name: array.copy() for name, array in given.items()}

    def careless(theta):
        assert {name: array.shape for name, array in theta.items()} == {"a": (2,), "b": (1, 1)}
        assert all(array.dtype in (float, complex) for array in theta.values())
        found = (theta["a"] ** 2).sum() * theta["b"].sum()
        for array in theta.values():
            array[...] = np.nan
        return found

    assert check_gradient(careless, given, {"a": [1.0, 2.0], "b": [[5.0]]})
    assert all(np.array_equal(given[name], array) for name, array in before.items())


def test_a_mapping_keeps_its_none_and_a_gradient_may_have_one_too():
    def value(theta):
        assert list(theta) == ["a", "unused"] and theta["unused"] is None
        return (theta["a"] ** 2).sum()

    assert check_gradient(value, {"a": [1.0, 2.0], "unused": None}, {"a": [2.0, 4.0], "unused": None})


BAD = [
    ({"grad": {"A": 1.0, "b": 1.0}}, ValueError, "grad has no 'c', wanted the names of theta: A, b, c"),
    ({"grad": changed() | {"h0": 1.0}}, ValueError, "grad has the name 'h0', wanted the names of theta: A, b, c"),
    ({"grad": changed() | {"c": None}}, ValueError, "grad has no 'c', wanted the names of theta"),
    ({"grad": np.zeros(22)}, TypeError, "grad is a ndarray, wanted arrays by name, as theta has them"),
    ({"grad": lambda theta: None}, TypeError, "grad is a NoneType, wanted arrays by name"),
    (
        {"grad": changed(b=lambda g: g[1:])},
        ValueError,
        r"grad\['b'\] has shape \(4,\), wanted the shape of theta\['b'\]",
    ),
    ({"grad": changed(b=lambda g: 1j * g)}, TypeError, r"grad\['b'\] has dtype complex128, wanted real numbers"),
    ({"theta": {}}, ValueError, "theta is empty, wanted at least one array"),
    ({"theta": {"A": None}}, ValueError, "theta is empty, wanted at least one array"),
    ({"theta": {1: 2.0}}, TypeError, "theta has the name 1, wanted names that are text"),
    ({"theta": {"A": "no"}}, TypeError, r"theta\['A'\] has dtype <U2, wanted"),
    ({"theta": {"A": []}}, ValueError, r"theta\['A'\] has shape \(0,\), wanted at least one number"),
    ({"theta": {"A": [1.0, np.inf]}}, ValueError, r"theta\['A'\] is inf at index \(1,\), wanted finite numbers"),
    ({"theta": [1.0], "grad": {"theta": [1.0]}}, TypeError, "grad is a dict, wanted one array, as theta is"),
    ({"entries": 0}, ValueError, "entries is 0, wanted a whole number from 1 to N = 22"),
    ({"entries": 23}, ValueError, "entries is 23, wanted a whole number from 1 to N = 22"),
    ({"entries": 2}, ValueError, "entries is 2, wanted at least 3, one of each array"),
    ({"entries": 4.5}, TypeError, "entries is 4.5, wanted a whole number"),
]


@for_each(("change", "error", "words"), BAD)
def test_what_does_not_fit_is_said_in_a_sentence(change, error, words):
    def value(theta):
        return f(theta) if isinstance(theta, dict) else 0.0

    with pytest.raises(error, match=words):
        check_gradient(**({"f": value, "theta": place(), "grad": changed()} | change))


@pytest.mark.parametrize("slope", [-1, 0.5, 1])
def test_a_kink_is_named(slope):
    theta = {"theta": np.array([1.0, 0.0]), "b": np.array(-1.0)}
    grad = {"theta": np.array([1.0, slope]), "b": np.array(-1.0)}
    report = check_gradient(lambda theta: sum(np.abs(a).sum() for a in theta.values()), theta, grad)
    assert report and report.kinks == (("theta", 1),) and "right: theta[1]." in str(report)


def test_long_names_stand_in_columns():
    theta = {"encoder.layers.0.weight_ih_l0": np.ones((2, 2)), "b": np.ones(2)}
    report = check_gradient(
        lambda theta: sum((a**2).sum() for a in theta.values()), theta, {name: 2 * a for name, a in theta.items()}
    )
    head, *lines = str(report).splitlines()[-3:]
    assert len({len(line) for line in (head, *lines)}) == 1


# --- a sample of the entries ---


def layout(*sizes):
    return Layout.of({str(k): np.zeros(size) for k, size in enumerate(sizes)})[0]


@for_each(("sizes", "n"), [((6,), 1), ((9,), 4), ((3, 1, 5), 3), ((3, 1, 5), 6), ((2, 2), 4)])
def test_a_sample_has_n_entries_none_twice_and_one_of_each_array(sizes, n):
    drawn = [Sample.drawn(layout(*sizes), n, seed) for seed in range(200)]
    for sample in drawn:
        assert len(set(sample.at.tolist())) == len(sample.at) == n and sorted(sample.at) == list(sample.at)
        places = [sample.places(str(k)) for k in range(len(sizes))]
        assert all(len(p) and 0 <= p.min() and p.max() < size for p, size in zip(places, sizes, strict=True))
    assert {place for sample in drawn for place in sample.at.tolist()} == set(range(sum(sizes)))


def all_draws(sizes, n):
    """Every way to draw one entry of each array, and then the rest of n from the others."""
    ends = np.cumsum(sizes)
    for first in product(*(range(end - size, end) for end, size in zip(ends, sizes, strict=True))):
        others = sorted(set(range(ends[-1])) - set(first))
        for rest in combinations(others, n - len(sizes)):
            yield {*first, *rest}


@for_each(("sizes", "n"), [((7,), 1), ((7,), 3), ((7,), 7), ((4, 2), 3), ((4, 1, 2), 4), ((3, 3), 2)])
def test_the_probability_of_a_miss_is_that_of_all_draws(sizes, n):
    """All draws of the first kind are equally likely, and so are all of the second after each of them."""
    sample, draws = Sample.drawn(layout(*sizes), n, 0), list(all_draws(sizes, n))
    for wrong in range(1, sum(sizes) + 1):
        missed = [
            np.mean([not drawn & set(where) for drawn in draws]) for where in combinations(range(sum(sizes)), wrong)
        ]
        assert sample.missed(wrong) == pytest.approx(max(missed), abs=1e-12)


@for_each(("N", "n", "wrong"), [(1200, 100, 1), (1200, 100, 12), (10**6, 500, 10**4), (50, 45, 6)])
def test_of_one_array_the_probability_is_hypergeometric(N, n, wrong):
    sample = Sample.drawn(layout(N), n, 0)
    assert sample.missed(wrong) == pytest.approx(stats.hypergeom.pmf(0, N, wrong, n), rel=1e-9)
    assert sample.missed(1) == pytest.approx(1 - n / N)


def test_a_wrong_entry_is_missed_as_often_as_is_said():
    """The first entry of the largest array, over 4,000 seeds; five standard deviations are one false alarm in 10^6."""
    count = 4000
    samples = [Sample.drawn(layout(30, 10), 8, seed) for seed in range(count)]
    missed, chance = np.mean([0 not in sample.at for sample in samples]), samples[0].missed(1)
    assert abs(missed - chance) < 5 * np.sqrt(chance * (1 - chance) / count)


def test_the_report_says_what_a_sample_may_have_missed():
    theta = np.linspace(0.1, 2, 400).reshape(20, 20)
    report = check_gradient(lambda a: np.sin(a).sum(), theta, np.cos(theta), entries=100)
    assert report.verdict == "PASS" and np.isfinite(report.ratios[Key("theta")]).sum() == 100
    assert "100 of 400 entries were looked at, drawn at random: if the draw has nothing to do with" in report.reach
    four = stats.hypergeom.pmf(0, 400, 4, 100)
    assert f"missed with probability 0.75, 4 wrong ones (one in a hundred) all with {four:.2g}." in report.reach
    whole = check_gradient(lambda a: np.sin(a).sum(), theta, np.cos(theta), entries=400)
    assert "looked at" not in str(whole) and np.isfinite(whole.ratios[Key("theta")]).all()
    by_name = check_gradient(f, place(), gradient, entries=6)
    assert f"missed with probability {15 / 16 * 16 / 19:.2g} at most." in by_name.reach
    hardly = check_gradient(
        lambda a: np.sin(a).sum(), np.ones(5000), np.cos(np.ones(5000)), entries=2, method="ridders"
    )
    assert "missed with probability 0.9996, 50 wrong ones (one in a hundred) all with 0.98." in hardly.reach


def test_a_sample_costs_as_much_as_it_has_entries():
    calls = []

    def counted(theta):
        calls.append(1)
        return np.sin(theta).sum()

    costs = []
    for entries in (4, 40):
        calls.clear()
        check_gradient(counted, np.linspace(0, 1, 1000), np.cos(np.linspace(0, 1, 1000)), entries=entries)
        costs.append(len(calls))
    assert 36 * 14 <= costs[1] - costs[0] <= 36 * 30 and costs[0] < 500


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_looks_at_the_same_entries(method):
    one, same, other = (check_gradient(f, place(), gradient, entries=8, seed=seed, method=method) for seed in (3, 3, 4))
    looked_at = [
        np.concatenate([np.isfinite(r).ravel() for r in report.ratios.values()]) for report in (one, same, other)
    ]
    assert str(one) == str(same) and looked_at[0].sum() == looked_at[2].sum() == 8
    assert (looked_at[0] == looked_at[1]).all() and (looked_at[0] != looked_at[2]).any()


SEEN = [
    ({"A": np.transpose}, "The gradient of A is transposed."),
    ({"A": np.negative}, "The gradient of A, in the entries that were looked at, has the wrong sign: "),
    ({name: lambda g: 2 * g for name in "Abc"}, "Every entry that was looked at is twice too large."),
    (
        {"A": lambda g: 0.3 * g},
        "The gradient of A, in the entries that were looked at, is 0.3 times what it should be.",
    ),
]


@for_each("method", METHODS)
@for_each(("wrong", "words"), SEEN)
def test_what_is_wrong_everywhere_is_known_from_a_sample(wrong, words, method):
    """12 of 22 entries: b and c have six, so that A has at least six."""
    for seed in range(5):
        report = check_gradient(f, place(), changed(**wrong), entries=12, seed=seed, method=method)
        assert report.verdict == "FAIL" and wrong_in(report) == set(wrong) and words in report.hint, report
        row = report.worst
        assert row.analytic == pytest.approx(changed(**wrong)[row.parameter][row.index])
        assert row.reference == pytest.approx(gradient(place())[row.parameter][row.index])
        assert row.size == pytest.approx(np.linalg.norm(changed(**wrong)[row.parameter]))


def test_one_wrong_entry_is_named_if_it_is_looked_at_and_passes_if_not():
    wrong = changed(A=lambda g: g + np.eye(1, 16, 6).reshape(4, 4))
    verdicts = []
    for seed in range(12):
        report = check_gradient(f, place(), wrong, entries=9, seed=seed)
        seen = np.isfinite(report.ratios[Key("A")][1, 2])
        assert report.verdict == ("FAIL" if seen else "PASS")
        assert ("One entry of those that were looked at alone is wrong, A[1, 2]: " in report.hint) == seen
        verdicts.append(report.verdict)
    assert len(set(verdicts)) == 2


# --- how long it takes ---


@pytest.mark.parametrize(("method", "total"), [("complex", "/144"), ("ridders", "/12")])
def test_the_bar_counts_what_costs_time(method, total, monkeypatch, capsys):
    from d2lbptt import _progress

    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    check_gradient(f, place(), gradient, entries=12, method=method)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "PATIENCE", 0)
    check_gradient(f, place(), gradient, entries=12, method=method)
    assert total in capsys.readouterr().err


def test_oracles_of_a_network_fit_too():
    """A whole network by name, h_0 among its arrays, against the brute force."""
    problem = random_problem(
        np.random.default_rng(2), 4, None, 2, 3, 2, activation="tanh", loss="cross_entropy", reduction="sum"
    )
    theta = {name: problem.value(name) for name in oracles.PARAMETERS}

    def value(theta):
        params = Params(**{name: a for name, a in theta.items() if name != "h0"})
        trace = forward(params, problem.x, h0=theta["h0"], activation="tanh")
        return bptt.loss(trace, problem.y, loss="cross_entropy", reduction="sum")

    want = brute_force(problem)
    assert check_gradient(value, theta, {name: want[name] for name in theta})
