"""The page of the equations and that of the readers' questions, from what the package proves and computes."""

from __future__ import annotations

import d2lbptt as bptt
from d2lbptt.book._words import typeset
from d2lbptt.book.displays import Equation
from d2lbptt.book.judging import Question
from tools.site.titles import short

STATUS = {
    "proved": "proved",
    "definition": "definition",
    "refuted": "wrong as printed",
    "right in a stated layout": "right in one layout",
}
OLD = "v0.14"
EQUATIONS = """\
# Equations

Every numbered display of the section, in the numbers of its three editions. Each was settled with SymPy when this page
was made, by `bptt.equations().prove()`: proved from the model, taken as a definition, or refuted by an example in small
numbers.
"""
QUESTIONS = """\
# Readers’ questions

What readers of the section ask, and what a computation says to it. `bptt.question("Q8").answer()` computes one of them
again. [Notebook 10](notebooks/10_readers_questions.ipynb) goes through them.
"""


def equations() -> str:
    """The page of all displays: a table that leads to each, and a section for each."""
    records = bptt.equations().prove()
    today = [record for record in records if OLD not in record.numbers]
    old = [record for record in records if OLD in record.numbers]
    parts = [EQUATIONS, _table(today), "The older text has other displays under the same numbers:", _table(old)]
    parts += ["## Today’s text", *map(_display, today), "## The older text, v0.14", *map(_display, old)]
    return "\n\n".join(parts) + "\n"


def _table(records):
    rows = [f"| [{_number(r)}](#{anchor(r)}) | {STATUS[r.prove().status]} | {_typeset(r.claim)} |" for r in records]
    return "\n".join(["| display | status | what it says |", "|---|---|---|", *rows])


def _number(record: Equation) -> str:
    return next(iter(record.numbers.values()))


def anchor(record: Equation) -> str:
    """Where a display stands on the page: `eq-9-7-14`, or `old-8-7-14` in the older text."""
    kind = "old" if OLD in record.numbers else "eq"
    return f"{kind}-{_number(record).replace('.', '-')}"


def _typeset(words):
    return typeset(words, bold=False)


def _display(record):
    name, section = record.notebook
    numbers = ", ".join(f"{number} in {edition}" for edition, number in record.numbers.items())
    title = _number(record) + (f" in {OLD}" if OLD in record.numbers else "")
    facts = [f"**Numbers:** {numbers}" + (f" (`{record.label}`)" if record.label else "")]
    facts += [f"**Status:** {_typeset(str(record.prove()))}"]
    facts += [f"**Computed by** `{record.code}`"]
    facts += [f"**Used in** [{short(name)}](notebooks/{name}.ipynb), *{section}*"]
    lines = [f"({anchor(record)})=\n### {title}", _typeset(record.claim), _formula(record.latex)]
    if record.corrected_form is not None:
        lines += ["Put right:", _formula(record.corrected_form.latex)]
    if record.with_phi is not None:
        lines += [r"With an activation, $\mathbf h_t = \phi(\mathbf z_t)$:", _formula(record.with_phi.latex)]
    return "\n\n".join([*lines, "\n".join(f"- {fact}" for fact in facts)])


def _formula(latex):
    return f"$$\n{latex}\n$$"


def questions() -> str:
    """The page of all questions, each with its answer in short and the whole of it."""
    return "\n\n".join([QUESTIONS, *map(_question, bptt.questions())]) + "\n"


def _question(question: Question) -> str:
    answer, typeset = question.answer(), question.typeset
    lines = [f"({question.key.lower()})=\n## {question.key}. {typeset(question.question)}"]
    lines += [f"*On {question.about}.*", f"**{typeset(answer.in_short)}**", typeset(answer.sentence)]
    lines += [typeset(answer.judgement)] if answer.judgement else []
    rows = [f"- {typeset(words)}" for words in answer.besides]
    return "\n\n".join([*lines, *(["Computed besides:", "\n".join(rows)] if rows else [])])
