"""Judges a claim by evidence: the records of the readers' questions, and what makes a verdict of them.

A record has a claim, a computation that gives evidence, and statements that the evidence makes true or false. Some
are ``asked``: the claim in each of its cases. The verdict is computed from those alone:

=======================  ====================================================================
right                    all of them are true
wrong                    none is
right, with a condition  some are: true in one case, false in another
a matter of notation     the same, where the cases are meanings of one and the same sign
=======================  ====================================================================

Others are ``shown``: what else the answer says. The answer, in short and in a sentence, is written for one outcome
(``rightly``, ``wrongly``); where the evidence has another, the Answer says so in its place, and its verdict is that of
the evidence, or "open". Evidence comes from models and numbers; nothing is counted by watching a run, and no clock is
read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

from ._words import typeset


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

    @property
    def in_short(self):
        """The answer to the question as it was asked; "open" where the evidence contradicts what is written."""
        return OPEN.capitalize() + "." if self.contradicted else self.question.in_short

    @property
    def judgement(self):
        """The claim, its verdict and what makes it, in a sentence; "" where nothing is claimed."""
        asked = [s for s in self.statements if s.kind == "asked"]
        cases = "; ".join(f"it is {_truth(s)} that {s.words}" for s in asked)
        return f"Put as a claim: {self.question.claim}. This is {self.verdict}, for {cases}." if asked else ""

    @property
    def besides(self):
        """What else was computed, a sentence each."""
        return tuple(_sentence(s) for s in self.statements if s.kind == "shown")

    def _lines(self):
        head = f"{self.question.key}, on {self.question.about}. {self.question.question}"
        return head, self.in_short, self.sentence, *filter(None, [self.judgement])

    def _repr_markdown_(self):
        head, short, *lines = map(self.question.typeset, self._lines())
        rows = "\n".join(f"- {self.question.typeset(words)}" for words in self.besides)
        more = ["Computed besides:", rows] if rows else []
        return "\n\n".join([f"**{head}**", f"**{short}**", *lines, *more])

    def __str__(self):
        return "\n".join([*self._lines(), *(f"    - {words}" for words in self.besides)])

    __repr__ = __str__  # type: ignore[misc]  # mypy takes it for a field


def _truth(statement):
    return "true" if statement.holds else "false"


def _sentence(statement):
    words = statement.words if statement.holds else f"it is false that {statement.words}"
    return f"{words[0].upper() if words[:2].isalpha() else words[0]}{words[1:]}."  # a symbol stays as it is


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
    in_short : str
        The answer to that question in a few words.
    because : str
        The answer in a sentence.
    compute : callable
        ``compute() -> Evidence``.
    statements : callable
        ``statements(evidence)`` yields Statements.
    meanings : bool
        Whether what is asked is one statement in several meanings of its signs.
    scalar : bool
        Whether its states are numbers, as in 9.7.3 to 9.7.7, and not vectors.
    """

    key: str
    about: str
    question: str
    claim: str
    in_short: str
    because: str
    compute: Callable
    statements: Callable
    meanings: bool = False
    scalar: bool = False

    def answer(self):
        """Compute the evidence, judge the claim by it, and return the Answer."""
        answer = self.judge(self.compute())
        vars(self)["_answered"] = answer
        return answer

    def judge(self, evidence):
        """Return the Answer to which this evidence leads."""
        return Answer(self, evidence, tuple(s._replace(holds=bool(s.holds)) for s in self.statements(evidence)))

    def typeset(self, words):
        """Return words of this question with every symbol as a formula."""
        return typeset(words, bold=not self.scalar)

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


def settled_by(compute, about, *, question, claim, in_short, because, meanings=False, scalar=False):
    # Enters a record. The function below it yields the statements, and its name, _q8, is the key, Q8.
    def enter(statements):
        key = statements.__name__.strip("_").upper()
        RECORDS.append(Question(key, about, question, claim, in_short, because, compute, statements, meanings, scalar))
        return statements

    return enter
