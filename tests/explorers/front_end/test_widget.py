"""The Python half of an explorer: questions of a page, limits at rest, progress, size of messages, memory.

Oracles: the traits and messages that anywidget would send, and the memory that the system counts.
"""

import gc
import itertools
import json
import os
import subprocess
import sys

import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import _widget

NAMES = explorers.__all__


def ask(explorer, number=1, **question):
    explorer._on_question(explorer, {"number": number, **question}, [])
    return explorer.answer


@pytest.fixture
def flow():
    return explorers.gradient_flow()


def test_an_answer_carries_the_number_of_its_question_and_all_that_is_shown(flow):
    answer = ask(flow, "view-7", set={"g": 0.9099999999999999}, moving=True)
    assert answer["number"] == "view-7" and answer["controls"]["g"]["value"] == 0.91
    shown = {"foreground", "sentence", "details", "code", "error", "width", "height", "unsettled", "controls", "narrow"}
    assert shown <= answer.keys()
    json.dumps(answer)


def test_several_values_at_once_are_one_answer(flow):
    answers = []
    flow.observe(lambda change: answers.append(change["new"]), "answer")
    ask(flow, set={"T": 400, "g": 1.5, "tau": 350})
    assert len(answers) == 1
    assert [answers[0]["controls"][key]["value"] for key in ("T", "g", "tau")] == [400, 1.5, 350]


def test_a_question_without_anything_new_is_answered_too(flow):
    before = flow.answer
    assert ask(flow, "again")["number"] == "again"
    assert {**flow.answer, "number": before["number"]} == before


def test_limits_follow_at_rest_and_not_while_a_slider_moves(flow):
    before = flow.background
    answer = ask(flow, set={"T": 900}, moving=True)
    assert answer["unsettled"] and flow.background == before
    answer = ask(flow, moving=False)
    assert not answer["unsettled"] and flow.background != before
    settled = flow.background
    fresh = explorers.gradient_flow()
    fresh.set(T=900)  # from Python it is at rest
    assert fresh.background == settled and fresh.answer["foreground"] == answer["foreground"]


def test_a_preset_and_what_differs_from_it(flow):
    place = flow.controls["preset"].values.index("exploding")
    answer = ask(flow, set={"preset": place})
    assert flow.controls["g"].value == 2.0 and answer["controls"]["preset"]["value"] == place
    assert ask(flow, set={"g": 1.9})["controls"]["preset"]["value"] == flow.controls["preset"].values.index("")
    ask(flow, do="reset")
    assert flow.state == explorers.gradient_flow().state | {"data": flow.state["data"]}


def test_a_button_of_its_own():
    explorer = explorers.strategies()
    ask(explorer, do="press", button="New draw")
    assert explorer.controls["draw"].value == 1
    with pytest.raises(ValueError, match="button is 'Old draw', wanted one of New draw"):
        explorer.press("Old draw")


def test_a_narrow_page_gets_another_arrangement_and_only_the_foreground_moves(flow):
    answer = ask(flow, narrow=True)
    assert answer["narrow"] and (answer["width"], answer["height"] > answer["width"]) == (480, True)
    before = flow.background
    ask(flow, set={"g": 0.9}, moving=True)
    assert flow.background == before and flow.answer["narrow"]


def test_fonts_go_out_as_files_when_a_page_asks(flow, monkeypatch):
    sent = []
    monkeypatch.setattr(flow, "send", lambda content, buffers=None: sent.append((content, buffers)))
    before = flow.answer
    flow._on_question(flow, {"do": "fonts"}, [])
    [(content, _)] = sent
    assert content["fonts"].count("@font-face") >= 3 and len(content["fonts"]) < 250_000 and flow.answer == before


def test_work_that_takes_longer_than_a_second_says_how_far_it_is(flow, monkeypatch):
    sent, time = [], itertools.count(0, 0.6)
    monkeypatch.setattr(flow, "send", lambda content, buffers=None: sent.append(content))
    monkeypatch.setattr(_widget, "clock", lambda: next(time))
    assert list(flow._watched(range(4))) == [0, 1, 2, 3]
    assert sent == [{"done": 1, "of": 4}, {"done": 2, "of": 4}, {"done": 3, "of": 4}, {"done": 4, "of": 4}]
    sent.clear()
    monkeypatch.setattr(_widget, "clock", lambda: 0.0)
    assert list(flow._watched(range(4))) == [0, 1, 2, 3] and sent == []


@pytest.mark.parametrize("name", NAMES)
def test_messages_while_a_slider_moves_are_small(name):
    explorer = getattr(explorers, name)()
    main = next(iter(explorer.controls))
    control = explorer.controls[main]
    before = explorer.background
    for share in (0.3, 0.35, 0.4):
        value = control.min + share * (control.max - control.min)
        ask(explorer, set={main: round(value) if control.whole else value}, moving=True)
        assert explorer.error is None and explorer.background == before
        assert len(json.dumps(explorer.answer).encode()) < 64_000


# --- memory ---

MEMORY = """
import gc, os, psutil
from d2lbptt import explorers
used = lambda: psutil.Process(os.getpid()).memory_info().rss / 1e6
{warm}
gc.collect(); before = used()
{work}
gc.collect(); print(used() - before)
"""
MADE = "for _ in range({}):\n    for name in {}: getattr(explorers, name)().close()"
MOVED = """
for i in range({}):
    e.controls["g"].value = 0.5 + (i % 200) / 100
    e.controls["T"].value = 100 + i % 400
"""


def left(warm, work):
    """How many MB a process has more after this work than before."""
    code = MEMORY.format(warm=warm, work=work)
    env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.slow
def test_two_hundred_explorers_made_and_closed_leave_less_than_20_MB():
    names = [name for name in NAMES if name != "phase_diagram"]  # whose 0.4 s each are its computation
    assert left(MADE.format(3, names), MADE.format(14, names)) < 20


@pytest.mark.slow
def test_a_thousand_changes_leave_less_than_20_MB():
    warm = "e = explorers.gradient_flow()" + MOVED.format(400)
    assert left(warm, MOVED.format(500)) < 20


def test_closing_twice_is_no_error(flow):
    flow.close()
    flow.close()
    gc.collect()


def test_what_is_set_beside_a_preset_wins(flow):
    place = flow.controls["preset"].values.index("exploding")
    ask(flow, set={"preset": place, "T": 300})
    assert (flow.controls["g"].value, flow.controls["T"].value) == (2.0, 300)
