"""The explorer of the gradient check: what it says of each mistake; and the lines of code that notebook 06 accuses.

Oracle for the sentences: the mistake that was planted. For the lines: the wrong gradients in the module ``mistakes``.
"""

import re
import sys
from pathlib import Path

import driving
import numpy as np
import pytest
from loops import for_each
from matplotlib.figure import Figure
from steady import check_said, check_texts, number, plain

from d2lbptt import backward, explorers, forward, init_params
from d2lbptt.checking.finding import Key
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS, flawed, suspect
from d2lbptt.experiments._gradient_check import GradientCheck, gradient_check
from d2lbptt.explorers._words import from_plain
from d2lbptt.figures._errors import _ErrorsPicture
from tools import notebooks

module = sys.modules["d2lbptt.explorers._gradient_check"]

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_checking_gradients.ipynb"


@pytest.fixture(scope="module")
def explorer():
    return explorers.gradient_check()


def shown(explorer, **values):
    data, _ = driving.shown(explorer, **values)
    words = module._words(explorer.state["controls"], data)
    check_said(words)
    return data.report, words


def told(hint):
    """What a report says, in the plain words of an explorer."""
    return hint.replace("{", "").replace("}", "").replace("phi", "φ").replace("dL/d", "∂L/∂")


@for_each("mistake", MISTAKES)
def test_each_mistake_fails_and_is_named(explorer, mistake):
    report, (sentence, details) = shown(explorer, mistake=mistake)
    assert report.verdict == "FAIL" and plain(details[0]) == told(report.hint)
    start, name, index, where, power = re.fullmatch(
        r"At \$g = 1\.00\$, \$T = 30\$ the gradient is wrong( at \$t = .*\$|); worst is \$(.*)\$(\[.*\]) (.*), "
        r"off by (?:over \$10\^\{)?(\S+?)(?:\}\$)? tolerances\.",
        sentence,
    ).groups()
    worst = report.worst
    assert name.replace("{", "").replace("}", "").replace("h_0", "h0") == worst.parameter
    assert index == str(list(worst.index)) and where == f"at $t = {worst.t}$"
    assert (
        int(power) == np.floor(np.log10(worst.ratio))
        if worst.ratio >= 1000
        else float(power) == pytest.approx(worst.ratio, rel=0.06)
    )
    check_steps(start, report)


def check_steps(words, report):
    """The words name the wrong steps, in runs."""
    runs = re.findall(r"(\d+)(?: \.\. (\d+))?", words)
    named = [t for first, last in runs for t in range(int(first), int(last or first) + 1)]
    assert named == list(report.time_steps) and "at least" not in words


def test_a_hint_is_set_in_symbols():
    for words, wanted in {
        "The slope is phi'(z_{t-1}) for phi'(z_t): phi' is not.": (
            r"The slope is $\phi'(z_{t-1})$ for $\phi'(z_t)$: $\phi'$ is not."
        ),
        "it is W_hh^T dz_1, beside dL/dW_hh (9.7.16).": "it is $W_{hh}^T$ $dz_1$, beside $∂L/∂W_{hh}$ (9.7.16).",
        "lambda = 1.25e-05, at t = T": r"lambda = $1.25 \cdot 10^{-5}$, at t = T",
    }.items():
        assert from_plain(words) == wanted


def test_wrong_steps_in_many_runs_are_counted(explorer):
    report, _ = shown(explorer)
    assert module._where(report._replace(time_steps=(1, 3, 4, 7))) == " in 4 steps"
    assert module._where(report._replace(time_steps=(1, 3, 4))) == " at $t = 1, 3 .. 4$"
    assert module._where(report._replace(time_steps=())) == ""


@for_each("letter", SUSPECTS)
def test_a_suspect_keeps_its_secret(explorer, letter):
    report, (sentence, details) = shown(explorer, mistake=f"suspect {letter}")
    assert details[0] == f"Which mistake is suspect {letter}?"
    assert report.hint and told(report.hint) not in plain(" ".join((sentence, *details)))
    named, _ = shown(explorer, mistake=SUSPECTS[letter])
    assert report.hint == named.hint and report.time_steps == named.time_steps


@for_each("dtype", ["float64", "float32"])
@for_each("activation", ["tanh", "identity", "relu", "sigmoid"])
def test_without_a_mistake_it_passes_and_says_what_could_not_hide(explorer, activation, dtype):
    report, (sentence, details) = shown(explorer, mistake="none", activation=activation, dtype=dtype)
    assert report and sentence.endswith(" the check passes: every entry is right to within its tolerance.")
    least = re.fullmatch(r"An error of (\$.*\$) of the gradient would have shown in every entry\.", details[0])[1]
    visible = max(row.visible / row.size for row in report.rows)
    assert 0.1 * number(least) < visible <= number(least) * (1 + 1e-9)
    assert f"{activation}, orthogonal" in details[1] and f"in {dtype}, seed 0." in details[1]


def test_a_mistake_that_changes_nothing_is_said_to_be_there(explorer):
    for values in (
        {"mistake": "W_hh untransposed", "kind": "symmetric"},
        {"mistake": "no slope", "activation": "identity"},
        {"mistake": "no 1/T", "T": 1},
    ):
        report, (sentence, _) = shown(explorer, **values)
        assert report and sentence.endswith("the mistake is there, but changes no number by more than rounding can.")


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
    says = {"FAIL": "the gradient is wrong", "PASS": "the check passes", "BLIND": "the check is blind"}
    assert list(explorer.controls["preset"].options) == [("own settings", ""), *((name, name) for name in verdicts)]
    for preset, verdict in verdicts.items():
        report, words = shown(explorer, preset=preset)
        assert report.verdict == verdict and says[verdict] in words.sentence
    assert shown(explorer, preset="a faint mistake")[0].worst.ratio < 1000
    assert words.sentence.endswith("rounding is too large to judge any part of the gradient.")
    assert words.details[0].startswith("An error of ") and words.details[0].endswith("of the gradient could hide.")


def test_who_is_blind_for_some_parameters_is_told_which(explorer):
    report, _ = shown(explorer, preset="rounding hides all")
    rows = [row._replace(blind=row.parameter in ("W_hh", "h0")) for row in report.rows]
    words = module._hidden(None, report._replace(rows=tuple(rows)))
    assert words.endswith("to judge the gradient of $W_{hh}$, $h_0$")


def test_sums_alone_have_no_steps_and_it_is_said(explorer):
    report, (sentence, details) = shown(explorer, mistake="no slope", given="sums alone")
    assert not any(key.steps for key in report.ratios)
    assert report.reach and report.reach in map(plain, details) and " in the sum, " in sentence
    assert "The check is given sums alone: no step is compared by itself." in details


@for_each("mistake", ["none", "no slope"])
@for_each("activation", ["identity", "relu"])
@for_each("targets", ["anywhere", "almost hit"])
def test_what_overflows_is_shown_for_a_shorter_T(explorer, activation, targets, mistake):
    values = {"activation": activation, "dtype": "float32", "T": 100, "g": 3.0, "targets": targets, "mistake": mistake}
    report, (sentence, details) = shown(explorer, **values)
    T = explorer.state["data"].T
    assert 10 < T < 100 and sentence.startswith(f"At $g = 3.00$, $T = 100$, cut to {T}, the ")
    assert details[0] == f"For $T = 100$ the right gradient overflows float32, so {T} steps are checked."
    assert report.ratios[Key("W_hh", True)].shape == (T, 5, 5)


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _ErrorsPicture(Figure(dpi=100))


STATES = [
    {"T": 100},
    {"T": 1, "dtype": "float32"},
    {"mistake": "none", "T": 40},
    {"given": "sums alone", "mistake": "h_t for h_{t-1}"},
    {"targets": "almost hit", "mistake": "none"},
]


@for_each("narrow", [False, True])
@for_each("values", STATES)
def test_no_words_overlap_or_leave_the_figure(picture, values, narrow):
    data = gradient_check(**values)
    picture.arrange(narrow)
    picture.set_limits(*picture.limits(data))
    picture.update(data)
    check_texts(picture)


def test_the_axes_stand_still_while_g_moves_and_end_soon_after_T(picture):
    picture.arrange(narrow=False)
    first = picture.limits(gradient_check(T=30))
    picture.set_limits(*first)
    before = picture.ax.axis()
    for g in (0.0, 0.7, 3.0):
        data = gradient_check(T=30, g=g)
        picture.update(data)
        assert picture.limits(data) == first and picture.ax.axis() == before
    for T in range(1, 101):
        names, length = picture.limits(GradientCheck(data.report, T))
        assert names == first[0] and T <= length <= max(10, 2 * T)


@for_each("T", [8, 30, 60])
def test_while_T_moves_each_step_stays_in_its_place(picture, T):
    picture.arrange(narrow=False)
    picture.set_limits(*picture.limits(gradient_check(T=30)))
    data = gradient_check(T=T)
    picture.update(data)
    seen = min(T, 30)  # what is longer ends where the axis does, and leaves the column of the sum free
    assert picture.steps.get_extent()[:2] == [0.5, seen + 0.5] and picture.steps.get_array().shape[1] == seen
    assert picture.sums.get_extent()[0] > 30.5


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


@for_each("letter", "ABDEGHJ")
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
