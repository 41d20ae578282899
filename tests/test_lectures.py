"""The lectures can be given: what they name is there, minutes add up, and no number in them is untrue.

Oracle of the numbers: the experiments, at the settings of each step.
"""

import re
from functools import cache
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from loops import for_each
from told import agrees, numbers

import d2lbptt as bptt
from tools import lectures, notebooks

ROOT = lectures.ROOT
TEXT = (ROOT / lectures.SOURCE).read_text(encoding="utf-8")
LECTURES = lectures.read(TEXT)
STEPS = LECTURES.steps.values()


@cache
def states(key):
    """What the explorer of a step says and knows before the question, and after each move."""
    return [explorer.state for explorer in LECTURES.steps[key].stations()]


each_step = pytest.mark.parametrize("key", LECTURES.steps)


def fold(decades):
    """How many times larger or smaller, above 1."""
    return 10 ** abs(float(decades))


def off(data):
    return 100 * data.error


def shrunk(data):
    """From the end of the sequence to its beginning, as gradient_flow and with_tanh tell it."""
    return fold(data.full[0] - data.full[-1])


def of_reach(short, long, mild, steep):
    lost = long.full[-1] - long.full
    assert lost[-20] / 19 > lost[0] / 199  # the first steps back cost more
    longer = len(long.full) / len(short.full)
    return [longer, shrunk(short), shrunk(long), shrunk(short) ** longer, shrunk(mild), shrunk(steep)]


def of_right(good, bad, faint):
    wrong = bad.report.time_steps
    assert good.report and faint.report and not bad.report
    return [min(wrong), max(wrong), max(wrong) + 1]


def of_cliff(first, thrown, clipped):
    assert not first.path.left and thrown.path.left and not clipped.path.left
    return [first.path.norm[0], len(thrown.path.norm), clipped.clip, len(clipped.path.norm), clipped.path.E[-1]]


def of_random(window, first, second, wider):
    draws = [off(first), off(second), len(first.draws.along)]
    assert first.draws.along.mean() == pytest.approx(first.draws.mean_along)
    return [off(window), *draws, first.draws.mean_along, first.draws.std_along, wider.draws.std_along]


def of_cuts(*data):
    assert all(one.reach["sliding window"] == 8 for one in data)
    return [one.reach["regular truncation"] for one in data]


def of_shares(data):
    """How much too large total times total is, and how much too small immediate times immediate, per cent."""
    assert data.ratios.max() > 1 > data.ratios.min()
    return [100 * (data.ratios.max() - 1), 100 * (1 - data.ratios.min())]


# For each step: from what its experiment returns at each station to the numbers that may stand in its words.
FACTS = {
    "shared": lambda before, forward, done: [len(done.parts), *done.parts, done.parts.sum()],
    "start": lambda *data: [2 * len(data[0].table.dL_dh), data[0].table.dL_dh[-1]],
    "routes": lambda one, two, five: [2, 1, *of_shares(two), *of_shares(five), five.gradient],
    "reach": of_reach,
    "slopes": lambda *data: [
        1,
        fold(data[2].identity[0] - data[2].identity[-1]),
        shrunk(data[2]),
        np.median(data[2].slopes),
    ],
    "edge": lambda without, tanh, loud: [
        *(np.median(one.edges) for one in (without, tanh, loud)),
        tanh.law_edge,
        1.0 / 0.1,  # the sizes of the inputs, as the presets have them
    ],
    "transient": lambda normal, grows, late: [
        1,
        10 ** grows.norms.max(),
        grows.norms.argmax(),
        fold(grows.gradient[10]),
        np.flatnonzero(grows.norms >= 0).max() + 1,
    ],
    "right": of_right,
    "cliff": of_cliff,
    "window": lambda full, window, linear, one: [
        window.all - window.dropped,
        window.all,
        *map(off, (window, linear, one)),
    ],
    "cuts": of_cuts,
    "random": of_random,
    "gates": lambda five, none, one: [
        fold(none.lstm[-1]),
        fold(none.plain[-1]),
        fold(one.lstm[-1]),
        fold(five.lstm[-1]),
        np.median(five.gate.median),
    ],
}


@pytest.mark.slow
@each_step
def test_every_number_is_what_the_experiments_say(key):
    step = LECTURES.steps[key]
    facts = [float(fact) for fact in FACTS[key](*[state["data"] for state in states(key)])]
    settings = [
        value for state in states(key) for value in state["controls"].values() if isinstance(value, int | float)
    ]
    for text in (step.question, *step.answers, step.sentence):
        for number, half in numbers(text):
            assert any(agrees(fact, number, half) for fact in facts + settings), (number, text, facts)


def test_facts_are_about_the_steps_that_are_there():
    assert list(FACTS) == list(LECTURES.steps)


def test_a_number_that_is_wrong_is_found():
    text = r"It is 0.467 at $h_1$, 10 of them, $10^{19}$-fold, 21.5 % of 3."
    assert [number for number, _ in numbers(text)] == [0.467, 10, 1e19, 21.5, 3]
    assert agrees(0.4672, 0.467, 0.0005) and not agrees(0.466, 0.467, 0.0005)
    assert agrees(3e19, 1e19, None) and not agrees(4e19, 1e19, None)


@each_step
def test_what_is_asked_is_not_shown_before(key):
    """The first number of the answers that is no setting is not in the sentence under the picture at the start."""
    step = LECTURES.steps[key]
    start = states(key)[0]["sentence"]
    told = {number for number, _ in numbers(start)} | {number for number, _ in numbers(step.question)}
    new = [number for answer in step.answers for number, _ in numbers(answer) if number not in told]
    assert len(new) >= 1


@each_step
def test_every_move_changes_the_picture(key):
    said = [state["sentence"] for state in states(key)]
    assert len(set(said)) == len(said) > 1


@each_step
def test_the_words_are_short_and_end(key):
    step = LECTURES.steps[key]
    assert step.question.endswith("?") and step.sentence.endswith(".") and len(step.sentence.split()) <= 28
    assert all(answer.endswith(".") for answer in step.answers) and step.note.endswith(".")


@pytest.mark.slow
@each_step
def test_the_python_of_a_step_runs(key):
    """Each part of it; the numbers at the end are those of the picture at the end."""
    text = lectures._step_text(LECTURES.steps[key])
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    space = {"bptt": bptt}
    exec(code, space)
    assert space["explorer"].code.split("\n\n", 1)[1] in code
    assert type(space["data"]) is type(space["explorer"].state["data"])


def test_the_self_study_takes_the_minutes_that_its_notebooks_state():
    (alone,) = [path for path in LECTURES.paths if path.notebooks]
    for reading in alone.notebooks:
        first = notebooks.read(ROOT / "notebooks" / "source" / f"{reading.name}.ipynb").cells[0].source
        assert f"**Time.** {reading.minutes} minutes" in first
    assert abs(sum(reading.minutes for reading in alone.notebooks) - alone.minutes) <= 15


@cache
def told_by(source):
    """The sentence of the explorer that a cell makes; lectures share cells."""
    space = {}
    exec(source, space)
    return space["explorer"].state["sentence"]


@pytest.mark.parametrize("path", [path for path in LECTURES.paths if path.steps], ids=lambda path: path.key)
def test_the_notebook_of_a_lecture_has_every_step_at_its_start(path):
    cells = lectures.slides(path).cells
    first, *code = [cell.source for cell in cells if cell.cell_type == "code"]
    told = [told_by(f"{first}\n{source}") for source in code]
    assert told == [states(step.key)[0]["sentence"] for step in path.steps]
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    for step in path.steps:
        where = next(i for i, text in enumerate(texts) if step.question in text)
        assert texts[where + 1].startswith("<details>") and all(answer in texts[where + 1] for answer in step.answers)
    assert len(cells) == 3 + 3 * len(path.steps)


def test_the_notebook_of_a_lecture_is_written(tmp_path, monkeypatch, capsys):
    for name in (lectures.SOURCE, lectures.PAGE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(lectures, "ROOT", tmp_path)
    monkeypatch.setattr(lectures, "read", lambda text: LECTURES)
    lectures.main(["hour"])
    assert "build/lecture_hour.ipynb is made" in capsys.readouterr().out
    notebooks.nbformat.validate(notebooks.read(tmp_path / "build" / "lecture_hour.ipynb"))
    with pytest.raises(SystemExit, match="the path is 'day', wanted one of hour, ninety"):
        lectures.main(["day"])


@pytest.mark.slow
def test_teaching_is_what_the_lectures_say():
    page = (ROOT / lectures.PAGE).read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- made: (\w+) -->", page)) == set(lectures.MADE)
    new = lectures.with_tables(page, LECTURES)
    # What an experiment is called with is the same everywhere; no number here depends on the machine.
    assert page == new, "run `make teaching`"


def test_links_within_teaching_lead_to_a_heading():
    page = (ROOT / lectures.PAGE).read_text(encoding="utf-8")
    headings = {lectures._anchor(title) for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= headings


@pytest.mark.parametrize("name", ["TEACHING.md", "paper.md"])
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (ROOT / target).exists()] == []


def opened_by(query):
    """The file of a copy of this repository that a link for nbgitpuller opens in JupyterLab."""
    asked = {key: one for key, (one,) in parse_qs(query, strict_parsing=True).items()}
    assert asked["repo"] == "ADDRESS" and asked.keys() <= {"repo", "branch", "urlpath"}
    return ROOT / asked["urlpath"].removeprefix("lab/tree/FOLDER/")


def test_the_links_for_a_class_open_a_notebook():
    """As nbgitpuller reads them: on Binder its whole link is quoted into one parameter."""
    page = (ROOT / lectures.PAGE).read_text(encoding="utf-8")
    (hub,) = map(urlsplit, re.findall(r"https://HUB\S*", page))
    assert hub.path == "/hub/user-redirect/git-pull" and opened_by(hub.query).is_file()
    (binder,) = map(urlsplit, re.findall(r"https://mybinder\.org/[^\s`]*", page))
    (quoted,) = parse_qs(binder.query, strict_parsing=True)["urlpath"]
    assert binder.path == "/v2/gh/OWNER/ENVIRONMENT/HEAD" and quoted.startswith("git-pull?")
    assert opened_by(quoted.removeprefix("git-pull?")).is_file()


STEP = """
[[step]]
key = "a"
title = "A"
explorer = "powers"
question = "?"
answers = ["."]
sentence = "."
note = "."
minutes = 5
"""
PATH = '[[path]]\nkey = "p"\ntitle = "P"\nminutes = 5\nsteps = ["a"]\n'


@for_each(
    ("text", "complaint"),
    [
        (STEP.replace("powers", "power") + PATH, "step a: explorer is 'power', wanted one of"),
        (STEP + 'colour = "red"\n' + PATH, "step a has colour, wanted only"),
        (STEP.replace("minutes = 5", "") + PATH, "step a: .*minutes"),
        (STEP + STEP + PATH, "step a is there twice"),
        (STEP + PATH.replace("minutes = 5", "minutes = 6"), "path p takes 5 minutes, wanted 6"),
        (STEP + PATH.replace('"a"', '"b"'), "path p: step is 'b', wanted one of a"),
        (STEP, "steps on no path: a"),
        (STEP + PATH + '[[objective]]\ntext = "."\nsteps = []\nnotebooks = ["99"]', "there is no notebook 99"),
        ("[[lecture]]\n", "the file has lecture, wanted only"),
        (
            STEP + PATH + '[[homework]]\ntitle = "H"\ntasks = ["99.1"]\npoints = 1',
            "homework H: task is '99.1', wanted one of",
        ),
    ],
)
def test_what_is_not_there_is_named(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        lectures.read(text)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ('preset = "none"\n', "preset is 'none', wanted"),
        ("settings = { n = 1 }\n", "n is 1, wanted a whole number from 2 to 64"),
        ("moves = [{ eta = 1 }]\n", "control is 'eta', wanted one of"),
    ],
)
def test_what_an_explorer_does_not_take_is_named(more, complaint):
    with pytest.raises(ValueError, match=complaint):
        for _ in lectures.read(STEP + more + PATH).steps["a"].stations():
            pass
