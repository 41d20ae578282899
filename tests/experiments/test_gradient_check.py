"""The experiment under the explorer of the gradient check. Oracle: the same problem built anew, and checked."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, check_gradients, experiments, forward, init_params
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS, flawed

START = {"T": 30, "g": 1.0, "dtype": "float64", "activation": "tanh", "kind": "orthogonal", "seed": 0}


def problem(T, g, dtype, activation, kind, seed, targets="anywhere"):
    """The network with 3 inputs, 5 units and 2 outputs, its inputs and targets."""
    rng = np.random.default_rng((seed, 1))
    params = init_params(3, 5, 2, scale=g, kind=kind, seed=seed)
    b_h, b_q, h0 = (0.2 * rng.normal(size=n) for n in (5, 2, 5))
    x, y = np.split(rng.normal(size=(T, 5)), [3], axis=1)
    params = Params(*(W.astype(dtype) for W in params._replace(b_h=b_h, b_q=b_q)))
    x, y, h0 = (a.astype(dtype) for a in (x, y, h0))
    if targets == "almost hit":
        y = forward(params, x, h0=h0, activation=activation).o + 10 * np.finfo(dtype).eps * y
    return {"params": params, "x": x, "y": y, "h0": h0, "activation": activation}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"mistake": "none", "dtype": "float32"},
        {"mistake": "suspect G", "activation": "sigmoid", "kind": "gaussian", "seed": 7},
        {"mistake": "h_0 is zero", "given": "sums alone", "T": 77},
        {"targets": "almost hit", "mistake": "none", "g": 0.35},
        {"dtype": "float32", "activation": "identity", "T": 100, "g": 3.0, "targets": "almost hit", "mistake": "none"},
    ],
    ids=str,
)
def test_the_report_is_that_of_the_same_problem_built_anew(values):
    found = experiments.gradient_check(**values)
    asked = START | values
    mistake, given = asked.pop("mistake", "W_hh untransposed"), asked.pop("given", "every step")
    planted = SUSPECTS[mistake[-1]] if mistake.startswith("suspect") else None if mistake == "none" else mistake

    def contributions(trace, y):
        return flawed(planted, trace, y)

    def gradient(trace, y):
        return {name: rows.sum(0) for name, rows in contributions(trace, y).items()}

    told = {"gradient": gradient} if given == "sums alone" else {"contributions": contributions}
    report = check_gradients(**problem(**asked | {"T": found.T}), **told)
    assert str(report) == str(found.report)
    assert report.ratios.keys() == found.report.ratios.keys()
    for key, ratios in report.ratios.items():
        np.testing.assert_array_equal(found.report.ratios[key], ratios)


def test_what_overflows_is_checked_for_a_shorter_T():
    values = {"dtype": "float32", "activation": "identity", "g": 3.0, "mistake": "none"}
    T = experiments.gradient_check(**values, T=100).T
    assert 10 < T < 100
    with np.errstate(over="ignore"):
        longer = problem(**START | {"T": 4 * T // 3 + 1, "dtype": "float32", "activation": "identity", "g": 3.0})
        with pytest.raises(FloatingPointError):
            check_gradients(**longer)


def test_what_overflows_at_once_is_refused():
    with pytest.raises(FloatingPointError, match="overflows"):
        experiments.gradient_check(g=1e300, activation="identity", T=3)


@for_each("mistake", ["none", *MISTAKES])
def test_every_mistake_is_judged_as_it_is_by_its_letter(mistake):
    verdict = experiments.gradient_check(mistake, T=6).report.verdict
    assert verdict == ("PASS" if mistake == "none" else "FAIL")
    for letter in (key for key, name in SUSPECTS.items() if name == mistake):
        assert experiments.gradient_check(f"suspect {letter}", T=6).report.hint
