"""The lectures, from site/lectures.toml, and what TEACHING.md shows of them: `make teaching`.

`make teaching ARGS=hour` writes the notebook of a lecture, to be shown: build/lecture_hour.ipynb.

An explorer, a preset, a setting, a notebook or a task that is not there, and minutes that do not add up, are a
ValueError that names the place.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4, write

from d2lbptt import explorers
from d2lbptt.exercises._check import _tasks
from d2lbptt.explorers.front_end import Explorer

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE = Path("site/lectures.toml"), Path("TEACHING.md")
STATED, NEAR = re.compile(r"\*\*Time\.\*\* (\d+) minutes"), 15  # that a way through notebooks may be off
BLOCK = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- /made -->)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One explorer on the screen: where it stands, what is asked, what is moved then, and what stays."""

    key: str
    title: str
    explorer: str
    question: str
    answers: list[str]
    sentence: str
    note: str
    minutes: int
    preset: str = ""
    settings: Mapping[str, Any] | None = None
    moves: list[Mapping[str, Any]] | None = None

    @property
    def start(self) -> dict[str, Any]:
        """What to set before the question."""
        return ({"preset": self.preset} if self.preset else {}) | dict(self.settings or {})

    def stations(self) -> Iterable[Explorer]:
        """Yield the explorer before the question and after each move: one explorer, which moves on and is closed."""
        explorer = getattr(explorers, self.explorer)()
        try:
            for values in (self.start, *(self.moves or [])):
                explorer.set(**values)
                if explorer.error is not None:
                    raise ValueError(f"step {self.key}: {explorer.error}") from explorer.error
                yield explorer
        finally:
            explorer.close()


@dataclass(frozen=True)
class Talk:
    """What is said without an explorer."""

    minutes: int
    text: str


@dataclass(frozen=True)
class Reading:
    """A notebook on the way of those who study alone, with the minutes that it states."""

    name: str
    text: str
    minutes: int = 0


@dataclass(frozen=True)
class Way:
    """A lecture, which has steps, or a way through notebooks."""

    key: str
    title: str
    minutes: int
    opening: Talk | None
    closing: Talk | None
    steps: list[Step]
    notebooks: list[Reading]


@dataclass(frozen=True)
class Objective:
    """What students can do afterwards, and where they learn it."""

    text: str
    steps: list[Step]
    notebooks: list[str]


@dataclass(frozen=True)
class Misconception:
    """What students believe, and the step whose picture shows otherwise."""

    belief: str
    step: Step
    seen: str


@dataclass(frozen=True)
class Homework:
    """Tasks that are handed in, with the points for each."""

    title: str
    tasks: list[str]
    points: int


@dataclass(frozen=True)
class Lectures:
    """All of it."""

    steps: dict[str, Step]
    paths: list[Way]
    objectives: list[Objective]
    misconceptions: list[Misconception]
    homework: list[Homework]


# --- reading ---


def read(text: str, root: Path = ROOT) -> Lectures:
    """Return the lectures of the text of a TOML file, if all that they name is there.

    What sets an explorer is checked by `stations`, which draws it; here by name alone.
    """
    table = tomllib.loads(text)
    _only(table, {"step", "path", "objective", "misconception", "homework"}, "the file")
    steps: dict[str, Step] = {}
    for entry in table.get("step", []):
        step = _made(Step, entry, f"step {entry.get('key')}")
        if step.key in steps:
            raise ValueError(f"step {step.key} is there twice")
        _one_of(f"step {step.key}: explorer", step.explorer, explorers.__all__)
        steps[step.key] = step
    read_one = Lectures(
        steps,
        [_path(entry, steps, root) for entry in table.get("path", [])],
        [_objective(entry, steps, root) for entry in table.get("objective", [])],
        [_misconception(entry, steps) for entry in table.get("misconception", [])],
        [_homework_of(entry) for entry in table.get("homework", [])],
    )
    if unused := steps.keys() - {step.key for path in read_one.paths for step in path.steps}:
        raise ValueError(f"steps on no path: {', '.join(sorted(unused))}")
    return read_one


def _path(entry, steps, root):
    where = f"path {entry.get('key')}"
    entry = {"opening": None, "closing": None, "steps": [], "notebooks": []} | entry
    for name in ("opening", "closing"):
        entry[name] = entry[name] and _made(Talk, entry[name], f"{where}: {name}")
    entry["steps"] = [_step(where, key, steps) for key in entry["steps"]]
    entry["notebooks"] = [_made(Reading, one, f"{where}: notebook") for one in entry["notebooks"]]
    entry["notebooks"] = [replace(one, minutes=_stated(where, one.name, root)) for one in entry["notebooks"]]
    path = _made(Way, entry, where)
    parts = [*path.steps, *path.notebooks, *filter(None, (path.opening, path.closing))]
    if abs((total := sum(part.minutes for part in parts)) - path.minutes) > (NEAR if path.notebooks else 0):
        raise ValueError(f"{where} takes {total} minutes, wanted {path.minutes}")
    return path


def _objective(entry, steps, root):
    found = _made(Objective, entry, "objective")
    for name in found.notebooks:
        _notebook("objective", name, root)
    return Objective(found.text, [_step("objective", key, steps) for key in found.steps], found.notebooks)


def _misconception(entry, steps):
    found = _made(Misconception, entry, "misconception")
    return Misconception(found.belief, _step("misconception", found.step, steps), found.seen)


def _homework_of(entry):
    found = _made(Homework, entry, f"homework {entry.get('title')}")
    for key in found.tasks:
        _one_of(f"homework {found.title}: task", key, _tasks())
    return found


def _step(where, key, steps):
    return steps[_one_of(f"{where}: step", key, steps)]


def _notebook(where, name, root):
    if not (root / "notebooks" / f"{name}.ipynb").is_file():
        raise ValueError(f"{where}: there is no notebook {name}")


def _stated(where, name, root):
    """Return the minutes that a notebook states for what everyone needs."""
    _notebook(where, name, root)
    text = (root / "notebooks" / "source" / f"{name}.ipynb").read_text(encoding="utf-8")
    if not (found := STATED.search(text)):
        raise ValueError(f"{where}: notebook {name} states no minutes")
    return int(found[1])


def _made(kind, entry, where):
    known = {field.name for field in fields(kind)}
    _only(entry, known, where)
    try:
        return kind(**entry)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


def _only(table, known, where):
    if unknown := table.keys() - known:
        raise ValueError(f"{where} has {', '.join(sorted(unknown))}, wanted only {', '.join(sorted(known))}")


def _one_of(where, name, names):
    if name not in names:
        raise ValueError(f"{where} is {name!r}, wanted one of {', '.join(names)}")
    return name


# --- what TEACHING.md shows ---


def with_tables(page: str, lectures: Lectures) -> str:
    """Return the page with what stands between its markers made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{MADE[found[2]](lectures)}\n{found[3]}", page)


def _objectives(lectures):
    rows = [(one.text, _links(one.steps), ", ".join(map(_notebook_link, one.notebooks))) for one in lectures.objectives]
    return _table(("Students can", "shown in", "learnt in"), rows)


def _paths(lectures):
    return "\n\n".join(f"### {path.title}\n\n{_path_table(path)}" for path in lectures.paths)


def _path_table(path):
    if path.notebooks:
        rows = [(str(one.minutes), _notebook_link(one.name), one.text) for one in path.notebooks]
        return _table(("minutes", "notebook", "for"), rows)
    parts = [path.opening, *path.steps, path.closing]
    begins = accumulate((part.minutes for part in parts), initial=0)
    rows = [(f"{at}", *_row(part)) for at, part in zip(begins, parts, strict=False)]
    return _table(("from minute", "step", "explorer", "stands at", "take home"), rows)


def _row(part):
    if isinstance(part, Talk):
        return part.text, "", "", ""
    return _links([part]), f"`{part.explorer}`", _settings(part.start), part.sentence


def _steps(lectures):
    return "\n\n".join(map(_step_text, lectures.steps.values()))


def _step_text(step):
    moves = "; then ".join(map(_settings, step.moves or []))
    then = f"**Then** {moves}.\n\n" if moves else ""
    answers = "\n".join(f"- {answer}" for answer in step.answers)
    *_, last = [explorer.code for explorer in step.stations()]
    call = last.split("\n\n", 1)[1].removeprefix("data = ").strip()
    code = [*_lines(step), ""]
    code += [f"{_set(move)}  # in a cell of its own" for move in step.moves or []]
    code += ["", "# where it ends, as numbers", f"data = {call}"]
    return (
        f"### {step.title}\n\n"
        f"`{step.explorer}`, {_settings(step.start)}. {step.minutes} minutes.\n\n"
        f"**Ask** {step.question}\n\n{then}**Expect**\n\n{answers}\n\n"
        f"**Take home** {step.sentence}\n\n*For the speaker:* {step.note}\n\n"
        "<details>\n<summary>As Python</summary>\n\n"
        "```python\n" + "\n".join(code) + "\n```\n\n</details>"
    )


def _lines(step):
    """Return the lines that put the explorer of a step on the screen."""
    return [f"explorer = bptt.explorers.{step.explorer}()", _set(step.start), "explorer"]


def _set(values):
    return f"explorer.set({', '.join(f'{name}={value!r}' for name, value in values.items())})"


def _settings(values):
    preset = [f'preset "{values["preset"]}"'] if "preset" in values else []
    return ", ".join(preset + [f"`{name}` = {value}" for name, value in values.items() if name != "preset"])


def _misconceptions(lectures):
    rows = [(one.belief, _links([one.step]), one.seen) for one in lectures.misconceptions]
    return _table(("Students believe", "the picture", "what it shows"), rows)


def _homework(lectures):
    rows = [(one.title, ", ".join(f"`{key}`" for key in one.tasks), str(one.points)) for one in lectures.homework]
    total = sum(one.points for one in lectures.homework)
    return _table(("sheet", "tasks", "points"), [*rows, ("all", "", str(total))])


def _links(steps):
    return ", ".join(f"[{step.title}](#{_anchor(step.title)})" for step in steps)


def _anchor(title):
    """Return what GitHub and Sphinx call a heading in a link."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _notebook_link(name):
    return f"[{name}](notebooks/{name}.ipynb)"


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


MADE: dict[str, Callable[[Lectures], str]] = {
    "objectives": _objectives,
    "paths": _paths,
    "steps": _steps,
    "misconceptions": _misconceptions,
    "homework": _homework,
}


# --- the notebook of a lecture ---


def slides(path: Way) -> NotebookNode:
    """Return a notebook with a question, an explorer and a folded answer for each step; code is hidden."""
    hidden = {"jupyter": {"source_hidden": True}}
    cells = [
        v4.new_markdown_cell(f"# Backpropagation through time\n\n{path.opening.text if path.opening else ''}".rstrip()),
        v4.new_code_cell("import d2lbptt as bptt", metadata=hidden),
    ]
    for step in path.steps:
        answers = "\n".join(f"- {answer}" for answer in [*step.answers, f"**{step.sentence}**"])
        folded = f"<details>\n<summary>Answer</summary>\n\n{answers}\n\n</details>"
        cells += [
            v4.new_markdown_cell(f"## {step.title}\n\n{step.question}"),
            v4.new_code_cell("\n".join(_lines(step)), metadata=hidden),
            v4.new_markdown_cell(folded),
        ]
    sentences = "\n".join(f"- {step.sentence}" for step in path.steps)
    cells.append(v4.new_markdown_cell(f"## What to take home\n\n{sentences}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def main(arguments: list[str]) -> None:
    """Write TEACHING.md anew, or the notebooks of these paths."""
    try:
        lectures = read((ROOT / SOURCE).read_text(encoding="utf-8"))
        paths = {path.key: path for path in lectures.paths if path.steps}
        chosen = [paths[_one_of("the path", key, paths)] for key in arguments]
        page = with_tables((ROOT / PAGE).read_text(encoding="utf-8"), lectures)
    except ValueError as error:
        sys.exit(f"{SOURCE}: {error}")
    for path in chosen:
        file = ROOT / "build" / f"lecture_{path.key}.ipynb"
        file.parent.mkdir(exist_ok=True)
        write(slides(path), file)
        print(f"{file.relative_to(ROOT)} is made: open it with `make lab`, and run all its cells.")
    if not chosen:
        (ROOT / PAGE).write_text(page, encoding="utf-8")
        print(f"{PAGE} is made.")


if __name__ == "__main__":
    main(sys.argv[1:])
