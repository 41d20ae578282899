"""Uses all that is public once, and writes what came of it.

Run as a program: with `python -OO`, which drops docstrings and assertions, and with the oldest of all that is needed.
"""

import inspect
import json
import sys
import warnings
from contextlib import redirect_stdout
from importlib.util import find_spec

from test_walk import SPECS, modules

from d2lbptt.book import equations, questions


def called():
    """Every function of the walk, with its good arguments: whether it returns what it promises, or what it raises."""
    for key, spec in SPECS.items():
        if spec.needs and find_spec(spec.needs) is None:
            continue
        good = {name: value() if getattr(value, "fresh", False) is True else value for name, value in spec.good.items()}
        try:
            result = spec.function(**good)
            yield key, bool(spec.returns(list(result) if inspect.isgenerator(result) else result, good))
        except Exception as error:
            yield key, repr(error)


def said():
    """What the equations, their proofs and the questions say."""
    for record in [form for one in equations.equations() for form in (one, one.with_phi, one.corrected_form) if form]:
        key = f"{record.function.__name__} {record.numbers} {record.label}"
        yield key, [str(record), record._repr_latex_(), str(record.prove())]
    for record in questions.questions():
        yield record.key, [str(record), str(record.answer())]
    yield "tables", [str(equations.equations()), str(questions.questions())]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):
        found = {"modules": sorted(modules()), "called": dict(called()), "said": dict(said())}
    json.dump(found, sys.stdout)
