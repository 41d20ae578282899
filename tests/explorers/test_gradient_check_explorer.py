"""The explorer of the gradient check: what it says of each mistake; and the lines of code that notebook 06 accuses.

Oracle for the sentences: the mistake that was planted. For the lines: the wrong gradients in the module ``mistakes``.
"""

import re
from pathlib import Path

import driving
import numpy as np
import pytest

from d2lbptt import backward, explorers, forward, init_params
from d2lbptt.checking.finding import Key
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS, flawed, suspect
from tools import notebooks

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_checking_gradients.ipynb"


@pytest.fixture(scope="module")
def explorer():
    return explorers.gradient_check()


def shown(explorer, **values):
    data, sentence = driving.shown(explorer, **values)
    return data.report, sentence


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_fails_and_is_named(explorer, mistake):
    report, sentence = shown(explorer, mistake=mistake)
    assert report.verdict == "FAIL"
    assert "T = 30, g = 1.00, tanh, float64. FAIL: the worst entry is " in sentence
    assert report.hint and report.hint in sentence
    assert re.search(r"wrong at t = \d", sentence)


@pytest.mark.parametrize("letter", SUSPECTS)
def test_a_suspect_keeps_its_secret(explorer, letter):
    report, sentence = shown(explorer, mistake=f"suspect {letter}")
    assert sentence.endswith(f" Which mistake is suspect {letter}?")
    assert report.hint and report.hint not in sentence
    named, _ = shown(explorer, mistake=SUSPECTS[letter])
    assert report.hint == named.hint and report.time_steps == named.time_steps


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["tanh", "identity", "relu", "sigmoid"])
def test_without_a_mistake_it_passes_and_says_what_could_not_hide(explorer, activation, dtype):
    report, sentence = shown(explorer, mistake="none", activation=activation, dtype=dtype)
    assert report and ". PASS: " in sentence
    assert "of the gradient would have shown in every entry." in sentence


def test_a_mistake_that_changes_nothing_is_said_to_be_there(explorer):
    for values in (
        {"mistake": "W_hh untransposed", "kind": "symmetric"},
        {"mistake": "no slope", "activation": "identity"},
        {"mistake": "no 1/T", "T": 1},
    ):
        report, sentence = shown(explorer, **values)
        assert report and sentence.endswith("here it changes no number by more than rounding can.")


def test_presets_do_what_they_say(explorer):
    verdicts = {
        "no transpose": "FAIL",
        "nothing wrong": "PASS",
        "nothing wrong, float32": "PASS",
        "a faint mistake": "FAIL",
        "too faint for any check": "PASS",
        "sums alone": "FAIL",
        "rounding hides all": "BLIND",
    }
    assert list(explorer.controls["preset"].options) == [("own settings", ""), *((name, name) for name in verdicts)]
    for preset, verdict in verdicts.items():
        report, sentence = shown(explorer, preset=preset)
        assert report.verdict == verdict and f". {verdict}: " in sentence
    assert shown(explorer, preset="a faint mistake")[0].worst.ratio < 1000
    assert "An error of " in sentence and "of the gradient could hide." in sentence


def test_sums_alone_have_no_steps_and_the_sentence_says_so(explorer):
    report, sentence = shown(explorer, mistake="no slope", given="sums alone")
    assert not any(key.steps for key in report.ratios)
    assert report.reach and report.reach in sentence


@pytest.mark.parametrize("mistake", ["none", "no slope"])
@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("targets", ["anywhere", "almost hit"])
def test_what_overflows_is_shown_for_a_shorter_T(explorer, activation, targets, mistake):
    values = {"activation": activation, "dtype": "float32", "T": 100, "g": 3.0, "targets": targets, "mistake": mistake}
    report, sentence = shown(explorer, **values)
    T = explorer.state["data"].T
    assert 10 < T < 100 and sentence.startswith(f"T = 100 overflows float32, so T = {T} is shown. T = {T}, g = 3.00")
    assert report.ratios[Key("W_hh", True)].shape == (T, 5, 5)


# --- the lines of code in notebook 06 ---

CELLS = {cell.id: cell.source for cell in notebooks.read(NOTEBOOK).cells}
MINE = CELLS["06-25"].split("\n\n\n")[0]
LINES = {letter: re.search(r"```diff\n- (.*)\n\+ (.*)\n```", CELLS[f"06-{letter}2"]).groups() for letter in SUSPECTS}


def run(source, name="mine"):
    names = {"np": np}
    exec(source, names)
    return names[name]


def case():
    rng = np.random.default_rng(8)
    params = init_params(3, 5, 2, bias=True, seed=8)
    trace = forward(params, rng.normal(size=(7, 3)), h0=rng.normal(size=5), activation="tanh")
    return trace, rng.normal(size=(7, 2))


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in found:
        one, other = (rows[name].sum(0) for rows in (found, wanted))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15, err_msg=name)


def test_the_backward_pass_of_the_notebook_is_right():
    same(run(MINE)(*case()), flawed(None, *case()))


@pytest.mark.parametrize("letter", "ABDEGHJ")
def test_the_wrong_line_makes_the_suspect(letter):
    wrong, right = LINES[letter]
    assert MINE.count(right) == 1
    same(run(MINE.replace(right, wrong))(*case()), suspect(letter)(*case()))


def test_the_entry_that_is_written_out():
    after = '        rows["W_qh"]'
    assert MINE.count(after) == 1
    wrong, right = (run(MINE.replace(after, f"        {line}\n{after}"))(*case()) for line in LINES["F"])
    same(right, flawed(None, *case()))
    same(wrong, suspect("F")(*case()))


def test_the_sum_that_is_overwritten():
    wrong, right = LINES["C"]
    assert wrong.replace("=", "+=") == right
    # As the loop would read that keeps sums: the one of the notebook, with the rows as what is added.
    loop = """
def sums(rows):
    g = {{name: np.zeros(value.shape[1:]) for name, value in rows.items()}}
    for name, value in rows.items():
        for t in range(len(value), 0, -1):
            g[name] {sign} value[t - 1]
    return g
"""
    trace, y = case()
    rows = run(MINE)(trace, y)
    for sign, wanted in (("=", suspect("C")(trace, y)), ("+=", flawed(None, trace, y))):
        found = run(loop.format(sign=sign), "sums")(rows)
        for name, value in found.items():
            np.testing.assert_allclose(value, wanted[name].sum(0), rtol=1e-12, atol=1e-15)


def test_the_window_that_is_one_short():
    trace, y = case()
    for line, wanted in zip(LINES["I"], (suspect("I")(trace, y), flawed(None, trace, y)), strict=True):
        window = eval(re.search(r"window=(.*)\)", line)[1], {"T": len(y)})
        found = backward(trace, y, window=window)
        for name, rows in wanted.items():
            np.testing.assert_allclose(getattr(found, name), rows.sum(0), rtol=1e-12, atol=1e-15)
