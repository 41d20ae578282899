"""From the key of a task and an answer to right, or a hint."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

from .. import _validation
from ._task import Task

__all__ = ["Answer", "check"]


class Answer(NamedTuple):
    """What is said of an answer; true only if it is right.

    Attributes
    ----------
    right : bool
    hint : str
        The idea that is missing, "" where it is right; never the answer.
    """

    right: bool
    hint: str

    def __bool__(self):
        """Whether it is right."""
        return self.right

    def __str__(self):
        """Return it in words."""
        return "Right." if self.right else f"Not yet. {self.hint}"

    def __repr__(self):
        """Return the same: it is what a cell shows."""
        return str(self)

    def _repr_markdown_(self):
        return str(self)


def check(key: str, answer: Any) -> Answer:
    """Say whether an answer to a task is right, and if not, give a hint.

    Parameters
    ----------
    key : str
        The number of the notebook and of the task in it: "04.1", "07b.2".
    answer : number, array, str, function, or a tuple or dict of them
        What the task asks for; a function is called with arguments of our own. Whatever it is, nothing is raised.

    Returns
    -------
    Answer

    Raises
    ------
    ValueError
        If there is no such task. The message lists the keys.
    """
    tasks = _tasks()
    task = tasks[_validation.one_of("key", key, tasks)]
    hint = task.hint_for(answer)
    return Answer(not hint, hint)


@cache
def _tasks() -> dict[str, Task]:
    """Return all tasks by key, in the order of the notebooks."""
    names = sorted(
        found.name for found in iter_modules([str(Path(__file__).parent)]) if found.name.startswith("_tasks_")
    )
    return {task.key: task for name in names for task in import_module(f".{name}", __package__).TASKS}
