"""Every task: its key, its hints and what is said of answers that no one means.

What is right is made anew, another way, in ``test_tasks_NN.py``, beside the wrong answers that students give.
"""

import re
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import walk
from loops import for_each

import d2lbptt as bptt
from d2lbptt.exercises import Answer, check
from d2lbptt.exercises._check import _tasks
from d2lbptt.exercises._task import Task, Wrong

FOLDER = Path(bptt.__file__).parent / "exercises"
MODULES = sorted(FOLDER.glob("_tasks_*.py"))
TASKS = _tasks()
each_task = for_each("task", TASKS.values())


# --- the set of tasks ---


def test_there_are_forty_tasks():
    assert len(TASKS) >= 40


@for_each("module", MODULES)
def test_the_keys_of_a_notebook_are_numbered_and_all_are_tested(module):
    number = module.stem.removeprefix("_tasks_")
    keys = [task.key for task in import_module(f"d2lbptt.exercises.{module.stem}").TASKS]
    assert keys == [f"{number}.{n}" for n in range(1, len(keys) + 1)] != []
    tests = (Path(__file__).parent / f"test{module.stem}.py").read_text(encoding="utf-8")
    assert [key for key in keys if key not in tests] == []


def test_the_tasks_come_in_the_order_of_the_notebooks():
    assert [*TASKS] == sorted(TASKS, key=lambda key: (key.partition(".")[0], int(key.partition(".")[2])))


@for_each("key", ["99.1", "", "04", "04.1 ", 4.1, None, ["04.1"], np.array(["04.1"])])
def test_an_unknown_key_is_told_the_known_ones(key):
    with pytest.raises(ValueError, match=r"key is .*, wanted one of ") as raised:
        check(key, 1)
    assert str(raised.value).endswith(", ".join(TASKS))


LOADED = """\
import time, sys
begin = time.process_time()
import numpy, d2lbptt
before = time.process_time()
from d2lbptt.exercises._check import _tasks
_tasks()
print((time.process_time() - before) / (before - begin), *sys.modules)
"""


def test_the_tasks_are_there_at_once_and_load_no_other_library():
    runs = [subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True).stdout for _ in range(3)]
    share = min(float(run.split()[0]) for run in runs)
    assert {"matplotlib", "scipy", "sympy", "torch", "jax", "ipywidgets"} & set(runs[0].split()) == set()
    assert share < 1  # of the time that NumPy and the package take


# --- right answers, and hints ---


@each_task
def test_what_is_right_is_right(task):
    if task.judge is None:
        answer = check(task.key, task.right)
        assert answer.right and answer and answer.hint == ""


@each_task
def test_each_wrong_answer_provokes_its_hint(task):
    for wrong in task.wrong:
        # One that has a tolerance of its own may stand for all that is near what is right.
        if not (wrong.tolerance is not None and check(task.key, wrong.answer)):
            answer = check(task.key, wrong.answer)
            assert not answer and answer.hint == wrong.hint


@each_task
def test_there_is_a_hint_for_usual_mistakes_and_one_for_all_others(task):
    hints = [wrong.hint for wrong in task.wrong]
    assert task.judge is not None or (task.wrong and task.hint not in hints)
    for hint in [*hints, *filter(None, [task.hint])]:
        assert hint.endswith((".", "?", ")")) and len(hint) <= 160, hint


def numbers(value):
    """The numbers of an answer, or None where it is no number."""
    try:
        found = np.asarray(value)
    except ValueError:
        return None
    return found.ravel() if found.dtype.kind in "iuf" and 0 < found.size <= 20 else None


def tells(hint, right):
    """Whether a hint holds the right text, or all the right numbers, however they are rounded."""
    if isinstance(right, str):
        return re.search(rf"(?<![\w.]){re.escape(right)}(?![\w(])", hint, re.IGNORECASE) is not None
    found = numbers(right)
    if found is None:
        return False
    shown = [float(text) for text in re.findall(r"(?<![\w./^])-?\d+(?:\.\d+)?(?![\w/(]|\.\d)", hint)]
    return all(any(abs(one - other) <= 0.01 * abs(other) for one in shown) for other in found)


@each_task
def test_no_hint_holds_the_answer(task):
    for hint in [task.hint, *(wrong.hint for wrong in task.wrong)]:
        assert not tells(hint, task.right), hint


@for_each(
    ("hint", "right", "told"),
    [
        ("It is 10.", 10, True),
        ("It is 0.333, nearly.", 1 / 3, True),
        ("Look at 9.7.10 and at the 1/10 of it.", 10, False),
        ("It is 1, and then 2.", (1, 2), True),
        ("It is 1.", (1, 2), False),
        ("A symmetric one.", "symmetric", True),
        ("An asymmetric one.", "symmetric", False),
        ("A function.", lambda: 1, False),
    ],
)
def test_a_hint_that_tells_is_noticed(hint, right, told):
    assert tells(hint, right) is told


# --- answers that no one means ---


class Hostile:
    """Everything that can be asked of it raises."""

    def _raise(self, *args, **kwargs):
        raise RuntimeError("no")

    __array__ = __eq__ = __len__ = __iter__ = __bool__ = __float__ = __hash__ = __call__ = __getattr__ = _raise
    __str__ = __repr__ = __getitem__ = __contains__ = __lt__ = __sub__ = __abs__ = __instancecheck__ = _raise


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("nothing to say")


def raises(error):
    def answer(*args):
        raise error

    return answer


def changes(*args):
    """Spoils all that it is given."""
    for arg in args:
        if isinstance(arg, np.ndarray) and arg.dtype.kind == "f":
            arg[...] = np.nan
        if isinstance(arg, list | dict):
            arg.clear()
    return 0.0


ANSWERS = walk.VALUES | {
    "...": ...,
    "hostile": Hostile(),
    "list of hostile": [Hostile(), Hostile()],
    "class": Hostile,
    "nested": [[[[]]]],
    "long text": "x" * 10**6,
    "huge": np.zeros((1000, 1000)),
    "answer": Answer(True, ""),
    "raises": raises(ValueError("no")),
    "raises what cannot be said": raises(Unspeakable()),
    "leaves": raises(SystemExit(1)),
    "stops": raises(StopIteration()),
    "recurs": lambda *args: ANSWERS["recurs"](*args),
    "returns its arguments": lambda *args: args,
    "returns hostile": lambda *args: Hostile(),
    "returns nan": lambda *args: np.nan,
    "returns text": lambda *args: "no",
    "returns a function": lambda *args: changes,
    "changes its arguments": changes,
    "wants no argument": lambda: 0,
    "generates": lambda *args: (yield 0),
    "numpy function": np.sin,
}


SIMPLE = "two numbers", "two whole numbers", "uint8", "float16", "float32"


@for_each("key", TASKS)
def test_nothing_is_raised_whatever_the_answer_is(key):
    for name, value in ANSWERS.items():
        with warnings.catch_warnings(), walk.limited(20):
            warnings.simplefilter("error")
            answer = check(key, value)
        assert isinstance(answer, Answer) and bool(answer) is answer.right is (answer.hint == ""), name
        assert isinstance(answer.hint, str) and str(answer) and len(answer.hint) < 1000, name
        # What no one means is not right; a number or a word may be.
        assert not answer or name in SIMPLE or (not callable(value) and np.ndim(value) == 0), name


@each_task
def test_an_answer_that_changes_what_it_is_given_changes_nothing(task):
    before = [wrong.hint for wrong in task.wrong if check(task.key, wrong.answer).hint == wrong.hint]
    check(task.key, changes)
    assert task.judge is not None or check(task.key, task.right)
    assert before == [wrong.hint for wrong in task.wrong if check(task.key, wrong.answer).hint == wrong.hint]


# --- how an answer is compared ---


def asked(right, answer, **more):
    return Task(key="00.1", right=right, hint="Think.", **more).hint_for(answer)


@for_each(
    ("right", "answer", "same"),
    [
        (0.25, 0.25 + 1e-9, True),
        (0.25, 0.251, False),
        (3, 3.0, True),
        (3, np.int8(3), True),
        (3, [3], False),
        (3, "3", False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (np.array([1.0, 0.0]), [1, 1e-15], True),
        (np.array([1.0, 0.0]), [1, 1e-6], False),
        (np.array([[1.0, 2.0]]), [1, 2], False),
        ((1, "a"), [1, "A"], True),
        ((1, "a"), ["a", 1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ("W_hh", " w_hh. ", True),
        ("W_hh", "W hh", True),
        ("W_hh", "W_hx", False),
    ],
)
def test_answers_are_compared_by_what_they_say(right, answer, same):
    assert asked(right, answer) == ("" if same else "Think.")


def test_a_function_is_called_and_a_hint_belongs_to_what_it_returns():
    wrong = (Wrong(lambda a: a.sum(), "The mean is wanted."), Wrong(lambda a: a, "A number is wanted.", 0.5))
    ask = {"wrong": wrong, "cases": [(np.array([1.0, 2.0]),), (np.array([3.0, 5.0]),)]}
    assert asked(np.mean, lambda a: sum(a) / len(a), **ask) == ""
    assert asked(np.mean, lambda a: a[0] + a[1], **ask) == "The mean is wanted."
    assert asked(np.mean, lambda a: 1.1 * a, **ask) == "A number is wanted."
    assert asked(np.mean, lambda a: 7.0, **ask) == "Think."
    assert asked(np.mean, lambda a: None, **ask) == "Your function returns nothing yet."
    assert asked(np.mean, lambda: 1, **ask).startswith("Called with our arguments, your function raises TypeError")
    assert asked(np.mean, 1.5, **ask) == "A function is wanted here, and this is a float."
    assert asked(np.mean, ..., **ask) == asked(1, None) == "There is no answer yet."


def test_an_answer_shows_itself_in_words():
    right, wrong = Answer(True, ""), Answer(False, "Think.")
    assert right and not wrong
    assert str(right) == repr(right) == right._repr_markdown_() == "Right."
    assert str(wrong) == repr(wrong) == wrong._repr_markdown_() == "Not yet. Think."
