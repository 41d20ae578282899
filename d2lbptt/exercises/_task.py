"""A task: what is right, what is often answered instead, and the hint for each.

An answer is compared with the right one and then with the wrong ones: numbers and arrays by size, a text by its words,
a function by what it returns for given arguments.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Task", "Wrong"]
TINY = 1e-12  # beside the largest number of what is right, an entry that should be 0 may be as large


class Wrong(NamedTuple):
    """An answer that is often given, and the hint for it.

    Attributes
    ----------
    answer : number, array, str, function, tuple or dict
    hint : str
    tolerance : float, optional
        How near numbers must be to it; that of the task where it is None.
    """

    answer: Any
    hint: str
    tolerance: float | None = None


class Task(NamedTuple):
    """A task.

    Attributes
    ----------
    key : str
        "04.1": notebook and number.
    right : number, array, str, function, tuple or dict, or None
        What is right; of texts a tuple in ``texts`` holds all that count. None where ``judge`` says it.
    hint : str
        For a wrong answer of which no more is known.
    wrong : sequence of Wrong
        Answers that are often given, the special ones first.
    cases : sequence of tuple
        The arguments with which a function is called, one tuple for each call.
    tolerance : float
        Of numbers, relative to the largest one that is right.
    judge : callable, optional
        ``judge(answer)`` returns a hint, or "" where the answer is right: for a task with more than one right answer.
    """

    key: str
    right: Any
    hint: str
    wrong: Sequence[Wrong] = ()
    cases: Sequence[tuple] = ()
    tolerance: float = 1e-6
    judge: Callable[[Any], str] | None = None

    def hint_for(self, answer: Any) -> str:
        """Return the hint for an answer, "" if it is right; nothing is raised."""
        try:
            if _is_missing(answer):
                return "There is no answer yet."
            return self._hint_for(answer)
        except (Exception, SystemExit) as error:  # whatever a reader's object or function does
            return f"It cannot be compared: {_in_words(error)}."

    def _hint_for(self, answer):
        if callable(self.right) and not callable(answer):
            return f"A function is wanted here, and this is a {type(answer).__name__}."
        found = self._told(answer)
        if isinstance(found, str) and callable(answer):
            return found
        if self.judge is not None:
            return self.judge(answer)
        if self._same(found, self.right, self.tolerance):
            return ""
        for answer, hint, tolerance in self.wrong:
            if self._same(found, answer, self.tolerance if tolerance is None else tolerance):
                return hint
        return self.hint

    def _told(self, answer):
        """Return what there is to compare: the answer, or what a function returns; a hint if it returns nothing."""
        if not callable(answer) or not self.cases:
            return answer
        try:
            found = [answer(*copy.deepcopy(case)) for case in self.cases]
        except (Exception, SystemExit) as error:
            return f"Called with our arguments, your function raises {_in_words(error)}."
        return "Your function returns nothing yet." if any(map(_is_missing, found)) else found

    def _same(self, found, wanted, tolerance):
        if callable(wanted):
            wanted = [wanted(*copy.deepcopy(case)) for case in self.cases]
        return _agree(found, wanted, tolerance)


def _in_words(error):
    try:
        words = str(error)
    except Exception:  # a reader's class may have no words
        words = ""
    return f"{type(error).__name__}: {words[:200]}".rstrip(": .")


def _is_missing(answer):
    parts = answer if type(answer) in (tuple, list) else answer.values() if type(answer) is dict else ()
    return answer is None or answer is Ellipsis or any(part is Ellipsis for part in parts)


def _agree(found, wanted, tolerance):
    if isinstance(wanted, str):
        return isinstance(found, str) and _words(found) == _words(wanted)
    if isinstance(wanted, Mapping):
        return (
            isinstance(found, Mapping)
            and found.keys() == wanted.keys()
            and all(_agree(found[name], value, tolerance) for name, value in wanted.items())
        )
    if isinstance(wanted, (tuple, list)):
        listed = isinstance(found, (tuple, list)) or (isinstance(found, np.ndarray) and found.ndim > 0)
        same_length = listed and len(found) == len(wanted)
        return same_length and all(_agree(*pair, tolerance) for pair in zip(found, wanted, strict=True))
    return _numbers_agree(np.asarray(found), np.asarray(wanted), tolerance)


def _words(text):
    return " ".join(text.lower().replace("_", " ").split()).strip(" .")


def _numbers_agree(found, wanted, tolerance):
    if found.shape != wanted.shape or found.dtype.kind not in "biufc":
        return False
    # Of a bool only a bool says the same: 1 is no answer to a question for yes or no.
    if (found.dtype.kind == "b") != (wanted.dtype.kind == "b"):
        return False
    if wanted.dtype.kind == "b":
        return bool((found == wanted).all())
    largest = np.nanmax(np.abs(wanted), initial=0)
    close = np.abs(found - wanted) <= tolerance * np.abs(wanted) + TINY * largest
    return bool((close | (np.isnan(found) & np.isnan(wanted))).all())
