"""The tasks of notebook 06: right answers, and hints for wrong ones, made without the module of the tasks.

Oracle for the backward passes: the text of the notebook's own cells, mended or broken line by line, and the complex
step of ``check_gradients``; for the complex step: derivatives in closed form, as code.
"""

import re
from pathlib import Path

import numpy as np
from loops import for_each

import d2lbptt as bptt
from d2lbptt.exercises import check
from tools import notebooks

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "06_checking_gradients.ipynb"
CELLS = {cell.id: cell.source for cell in notebooks.read(SOURCE).cells}
K, L = (CELLS[name].split("\n\n\n")[0] for name in ("06-T1a", "06-T2a"))
FLOW = "flow = W_hh.T @ dh  # 10"


def function(source, name):
    names = {"np": np}
    exec(source, names)
    return names[name]


def accepted(contributions):
    rng = np.random.default_rng(4)
    params = bptt.init_params(3, 4, 2, bias=True, seed=4)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    return bool(
        bptt.check_gradients(params, x, y, h0=rng.normal(size=4), activation="tanh", contributions=contributions)
    )


# --- 06.1 ---


def test_the_line_that_is_named_is_the_one_that_must_be_mended():
    assert not accepted(function(K, "suspect_k"))
    assert accepted(function(K.replace(FLOW, FLOW.replace("@ dh", "@ dz")), "suspect_k"))
    number = int(FLOW.rpartition("# ")[2])
    assert K.count(FLOW) == 1 and check("06.1", number)
    assert [int(found) for found in re.findall(r"  # (\d+)$", K, re.MULTILINE)] == list(range(1, 12))


@for_each(
    ("number", "idea"),
    [(1, "W_qh and b_q"), (2, "right start"), (3, "every step"), (4, "9.7.14"), (5, "t = T"), (6, "b_h is wrong too"),
     (7, "b_h is wrong too"), (8, "pale"), (9, "t = T"), (11, "flows to it"), (12, "between two steps"), (0, "number")],
)  # fmt: skip
def test_each_other_line_has_its_hint(number, idea):
    answer = check("06.1", number)
    assert not answer and idea in answer.hint and "10" not in answer.hint


# --- 06.2 ---

LOOP, OUTER = ("range(T, 1, -1)", "range(T, 0, -1)"), ("np.outer(dz, h[t])", "np.outer(dz, h[t - 1])")


def mended(*changes):
    source = L
    for wrong, right in changes:
        assert source.count(wrong) == 1
        source = source.replace(wrong, right)
    return function(source, "suspect_l")


def test_with_both_lines_mended_it_is_right():
    assert accepted(mended(LOOP, OUTER)) and check("06.2", mended(LOOP, OUTER))


@for_each(
    ("changes", "idea"),
    [((), "Both"), ((LOOP,), "W_hh alone"), ((OUTER,), "step 1"),
     ((LOOP, OUTER, ("W_hh.T @ dz", "W_hh @ dz")), "transpose"), ((LOOP, OUTER, (") / T", ")")), "each band")],
)  # fmt: skip
def test_what_is_left_of_the_two_mistakes_is_said(changes, idea):
    assert not accepted(mended(*changes))
    answer = check("06.2", mended(*changes))
    assert not answer and idea in answer.hint


# --- 06.3 ---


def one_by_one(f, v):
    return np.array([f(v + 1e-40j * unit).imag / 1e-40 for unit in np.eye(len(v))])


def central(f, v, eps=1e-4):
    return np.array([(f(v + eps * unit) - f(v - eps * unit)) / (2 * eps) for unit in np.eye(len(v))])


def forward(f, v):
    return np.array([(f(v + 1e-7 * unit) - f(v)) / 1e-7 for unit in np.eye(len(v))])


def undivided(f, v):
    return np.array([f(v + 1e-30j * unit).imag for unit in np.eye(len(v))])


def together(f, v):
    return f(v + 1e-30j).imag / 1e-30


def real_part(f, v):
    return np.array([f(v + 1e-30j * unit).real for unit in np.eye(len(v))])


def test_the_complex_step_of_each_entry_is_right():
    v = np.array([0.4, 2.0])
    np.testing.assert_allclose(one_by_one(lambda v: v[0] ** 2 * v[1], v), [2 * 0.4 * 2.0, 0.4**2], rtol=1e-14)
    assert check("06.3", one_by_one)


@for_each(
    ("function", "idea"),
    [(central, "subtract"), (forward, "subtract"), (undivided, "divided"), (together, "one number"),
     (real_part, "the other one"), (lambda f, v: 2 * one_by_one(f, v), "one entry at a time")],
)  # fmt: skip
def test_another_step_has_its_hint(function, idea):
    answer = check("06.3", function)
    assert not answer and idea in answer.hint


# --- 06.4 ---

MISTAKES = "W_hh untransposed", "no slope", "no 1/T"


@for_each("kind", ["symmetric", "identity"])
def test_a_test_that_shows_none_of_the_three_is_right(kind):
    # By brute force: with these settings each mistake leaves the gradient as it was.
    params = bptt.init_params(3, 5, 2, kind=kind, seed=1)
    x, y = np.random.default_rng(1).normal(size=(2, 1, 3))
    trace = bptt.forward(params, x, h0=np.ones(5))
    right, *wrong = (bptt.mistakes.flawed(name, trace, y[:, :2]) for name in (None, *MISTAKES))
    for rows in wrong:
        assert all(np.allclose(rows[name], right[name], rtol=1e-14) for name in right)
    assert check("06.4", {"T": 1, "activation": "identity", "kind": kind})


@for_each(
    ("changed", "idea"),
    [({"T": 2}, "mean over time"), ({"activation": "tanh"}, "slope"), ({"activation": "relu"}, "slope"),
     ({"kind": "orthogonal"}, "transpose"), ({"kind": ...}, "no answer yet"), ({"g": 1}, "keys"),
     ({"T": 9, "activation": "tanh", "kind": "gaussian"}, "3 of 3")],
)  # fmt: skip
def test_the_settings_that_show_a_mistake_are_told_which(changed, idea):
    answer = check("06.4", {"T": 1, "activation": "identity", "kind": "symmetric"} | changed)
    assert not answer and idea in answer.hint
    assert "symmetric" not in answer.hint and "identity" not in answer.hint


def test_hostile_settings_raise_nothing():
    for answer in ({"T": "1", "activation": 3, "kind": None}, 4, None, [], {"T": 0, "activation": "tanh", "kind": "x"}):
        assert not check("06.4", answer)
