"""What readers of the section ask, Q1 - Q18: each question with a computation that settles it, and its verdict.

``question("Q8").answer()`` computes the evidence, judges a claim by it and returns an answer: its ``verdict`` (right;
wrong; right, with a condition; a matter of notation), the ``statements`` that led to it, each true or false, and the
``evidence``. Nothing of it is typed in: other evidence has another verdict.
"""

from . import _validation
from ._questions import RECORDS
from ._records import Records, make_callable

__all__ = ["Table", "question", "questions"]


class Table(Records):
    """Records that show themselves as a table; a verdict stands there once its question is answered."""

    __slots__ = ()
    HEAD = ("", "about", "question", "the claim", "its verdict", "answer")

    def answer(self):
        """Answer all of them, and return the table."""
        for record in self:
            record.answer()
        return self

    def _rows(self):
        for q in self:
            yield q.key, q.about, q.question, q.claim, _verdict(q), q.answered.sentence if q.answered else ""

    def __str__(self):
        return "\n".join(f"{q.key:5}{_verdict(q):25}{q.question}" for q in self)


def _verdict(record):
    return (record.answered and record.answered.verdict) or ""


def questions():
    """Return all 18 records.

    Returns
    -------
    Table
        A tuple, Q1 first, that shows itself as a table of questions, claims, verdicts and answers;
        ``questions().answer()`` fills in the last two (in about a minute).
    """
    return Table(RECORDS)


def question(key):
    """Look up one record.

    Parameters
    ----------
    key : str
        "Q1" to "Q18".

    Returns
    -------
    Question
        With ``key``, ``about``, ``question``, ``claim``, ``answer()`` and ``verdict``, that of its last answer.

    Raises
    ------
    ValueError
        If there is no such question.
    """
    found = [record for record in RECORDS if isinstance(key, str) and record.key == key]
    if not found:
        raise ValueError(f"question is {_validation.shown(key)}, wanted {RECORDS[0].key} to {RECORDS[-1].key}")
    return found[0]


make_callable(__name__, questions)
