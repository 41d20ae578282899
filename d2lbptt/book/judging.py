"""Judges a claim by evidence: the records of the readers' questions, and what makes a verdict of them.

A record has a claim, a computation that gives evidence, and statements that the evidence makes true or false. Some
are ``asked``: the claim in each of its cases. The verdict is computed from those alone:

=======================  ====================================================================
right                    all of them are true
wrong                    none is
right, with a condition  some are: true in one case, false in another
a matter of notation     the same, where the cases are meanings of one and the same sign
=======================  ====================================================================

Others are ``shown``: what else the answer says. The answer is written for one outcome (``rightly``, ``wrongly``);
where the evidence has another, the Answer says so in its place, and its verdict is that of the evidence, or "open".
Evidence comes from models and numbers; nothing is counted by watching a run, and no clock is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple


class Evidence(SimpleNamespace):
    """What was computed, by name."""


class Statement(NamedTuple):
    """Something that evidence makes true or false, about what is "asked" or "shown" besides.

    ``said`` is what the written answer takes it to be, ``holds`` what the evidence makes of it.
    """

    kind: str
    said: bool
    words: str
    holds: bool


rightly, wrongly = partial(Statement, "asked", True), partial(Statement, "asked", False)
shown = partial(Statement, "shown", True)
OPEN = "open"


def _verdict(truths, meanings):
    if not truths:
        return None
    mixed = "a matter of notation" if meanings else "right, with a condition"
    return "right" if all(truths) else mixed if any(truths) else "wrong"


class Answer(NamedTuple):
    """A question, the evidence, and the statements by which its claim is judged."""

    question: "Question"
    evidence: Evidence
    statements: tuple

    @property
    def verdict(self):
        """What the evidence makes of the claim.

        "open" stands where it contradicts the answer as it is written and leads to no other verdict.
        """
        asked = [s for s in self.statements if s.kind == "asked"]
        found = _verdict([s.holds for s in asked], self.question.meanings)
        written = _verdict([s.said for s in asked], self.question.meanings)
        return OPEN if found == written and self.contradicted else found

    @property
    def contradicted(self):
        """The statements of which the evidence says something else than the answer."""
        return tuple(s for s in self.statements if s.holds is not s.said)

    @property
    def sentence(self):
        """The answer in a sentence, or what speaks against it."""
        if not self.contradicted:
            return self.question.because
        against = "; ".join(f"it is {_truth(s)} that {s.words}" for s in self.contradicted)
        return f"The evidence contradicts the answer that is written here: {against}."

    def _lines(self):
        head = f"{self.question.key}, on {self.question.about}. {self.question.question}"
        judged = [f"The claim: {self.question.claim}.", f"The verdict: {self.verdict}."] if self.statements else []
        return head, self.sentence, *judged

    def _repr_markdown_(self):
        head, *lines = self._lines()
        rows = [f"| {KINDS[s.kind]} | {s.words} | {_truth(s)} |" for s in self.statements]
        table = ["| | computed | |\n|---|---|---|", *rows]
        return "\n\n".join([f"**{head}**", *lines, *(["\n".join(table)] if rows else [])])

    def __str__(self):
        rows = [f"    {KINDS[s.kind]}, {_truth(s)}: {s.words}" for s in self.statements]
        return "\n".join([*self._lines(), *rows])

    __repr__ = __str__  # type: ignore[misc]  # mypy takes it for a field


KINDS = {"asked": "the claim", "shown": "besides"}


def _truth(statement):
    return "true" if statement.holds else "false"


@dataclass(frozen=True, eq=False, repr=False)
class Question:
    """One question.

    Attributes
    ----------
    key : str
        "Q1" to "Q18".
    about : str
        The displays; an 8.7 number stands with its edition.
    question : str
        What readers ask.
    claim : str
        What is judged, in Markdown with formulas.
    because : str
        The answer in a sentence.
    compute : callable
        ``compute() -> Evidence``.
    statements : callable
        ``statements(evidence)`` yields Statements.
    meanings : bool
        Whether what is asked is one statement in several meanings of its signs.
    """

    key: str
    about: str
    question: str
    claim: str
    because: str
    compute: Callable
    statements: Callable
    meanings: bool = False

    def answer(self):
        """Compute the evidence, judge the claim by it, and return the Answer."""
        answer = self.judge(self.compute())
        vars(self)["_answered"] = answer
        return answer

    def judge(self, evidence):
        """Return the Answer to which this evidence leads."""
        return Answer(self, evidence, tuple(s._replace(holds=bool(s.holds)) for s in self.statements(evidence)))

    @property
    def answered(self):
        """The last Answer, or None."""
        return vars(self).get("_answered")

    @property
    def verdict(self):
        """The verdict of the last answer; without one, the question is answered first."""
        return (self.answered or self.answer()).verdict

    def __reduce_ex__(self, protocol):
        """Be pickled and copied by its key, so that what comes back is the record itself."""
        return (_registered, (self.key,)) if self in RECORDS else super().__reduce_ex__(protocol)

    def __str__(self):
        return f"{self.key}, on {self.about}: {self.question}"

    __repr__ = __str__  # type: ignore[misc]  # mypy takes it for a field


RECORDS: list["Question"] = []


def _registered(key):
    return next(record for record in RECORDS if record.key == key)


def settled_by(compute, about, *, question, claim, because, meanings=False):
    # Enters a record. The function below it yields the statements, and its name, _q8, is the key, Q8.
    def enter(statements):
        key = statements.__name__.strip("_").upper()
        RECORDS.append(Question(key, about, question, claim, because, compute, statements, meanings))
        return statements

    return enter
