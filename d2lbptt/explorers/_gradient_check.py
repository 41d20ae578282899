"""Where is this gradient wrong? A backward pass with a mistake of one's choice, and what the check says of it."""

from __future__ import annotations

import math

from .. import experiments
from ..activations import ACTIVATIONS
from ..experiments._gradient_check import CHOICES, GIVEN, NONE, SUSPECT, TARGETS
from ..figures._errors import _ErrorsPicture
from ..figures._paper import picture
from ..rnn import KINDS
from .front_end import Explorer, Menu, Slider

TAME = {"mistake": NONE, "T": 30, "g": 1.0, "dtype": "float64", "targets": "anywhere", "given": "every step"}
PRESETS = {
    "no transpose": TAME | {"mistake": "W_hh untransposed"},
    "nothing wrong": TAME,
    "nothing wrong, float32": TAME | {"dtype": "float32"},
    "a faint mistake": TAME | {"mistake": "window one short", "g": 0.6},
    "too faint for any check": TAME | {"mistake": "window one short", "g": 0.2},
    "sums alone": TAME | {"mistake": "h_t for h_{t-1}", "given": "sums alone"},
    "rounding hides all": TAME | {"targets": "almost hit"},
}


def gradient_check() -> Explorer:
    """Explore what the gradient check says of a backward pass with a mistake.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.gradient_check`` and preset as ``controls``.
    """
    return Explorer(
        experiments.gradient_check,
        question="Where is this gradient wrong?",
        controls={
            "mistake": Menu("mistake", list(CHOICES)),
            "T": Slider("length T", 1, 100),
            "g": Slider("scale g", 0, 3, 0.05),
            "dtype": Menu("numbers", ["float64", "float32"]),
            "activation": Menu("φ", list(ACTIVATIONS)),
            "kind": Menu("W_hh", KINDS),
            "seed": Slider("seed", 0, 99),
            "targets": Menu("targets", TARGETS),
            "given": Menu("given", GIVEN),
        },
        more=("activation", "kind", "seed", "targets", "given"),
        picture=picture(_ErrorsPicture, 9.6, 4),
        words=_words,
        presets=PRESETS,
    )


def _words(values, data):
    report, T, dtype = data.report, data.T, values["dtype"]
    shorter = f"T = {values['T']} overflows {dtype}, so T = {T} is shown. " if T < values["T"] else ""
    verdict, judged = str(report).partition("\n")[0], _judged(values["mistake"], report)
    return f"{shorter}T = {T}, g = {values['g']:.2f}, {values['activation']}, {dtype}. {verdict}. {judged}"


def _judged(mistake, report):
    """Return what the verdict means; of a suspect it does not give the hint away."""
    if report.verdict == "FAIL":
        hint = f"Which mistake is {mistake}?" if mistake.startswith(SUSPECT) else report.hint
        return " ".join(filter(None, (hint, report.reach)))
    if report.verdict == "PASS" and mistake != NONE:
        return "The mistake is there, but here it changes no number by more than rounding can."
    share = max((row.visible / row.size for row in report.rows if row.size), default=0)
    size = f"10^{math.ceil(math.log10(max(share, 1e-300)))}" if share < 1 else "the whole size"
    hides = "could hide" if report.verdict == "BLIND" else "would have shown in every entry"
    return f"An error of {size} of the gradient {hides}."
