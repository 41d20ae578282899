"""The walk over the registry of equations and the readers' questions."""

from walk import Spec, choice, flag, optional

from d2lbptt.book.equations import EDITIONS, equation, equations
from d2lbptt.book.questions import question, questions


def found(record, given):
    numbered = given["key"] in record.numbers.values() and record.phi is bool(given["phi"])
    return numbered and record.latex and record.claim


SPECS = {
    "book.equations.equation": Spec(
        equation,
        {"key": "9.7.14", "edition": "v1.0", "phi": False},
        {"key": choice(*(f"9.7.{n}" for n in range(1, 17))), "edition": optional(choice(*EDITIONS)), "phi": flag},
        found,
        {"key": ("equation",)},  # a complaint says that an equation is asked for that does not exist
    ),
    "book.equations.equations": Spec(equations, {}, {}, lambda table, given: len(table) == 32),
    "book.questions.questions": Spec(questions, {}, {}, lambda table, given: len(table) == 18),
    "book.questions.question": Spec(
        question,
        {"key": "Q8"},
        {"key": choice(*(f"Q{n}" for n in range(1, 19)))},
        lambda record, given: record.key == given["key"] and record.question.endswith((".", "?")),
        {"key": ("question",)},
    ),
}
