"""Where is this gradient wrong? A backward pass with a mistake of one's choice, and what the check says of it."""

from __future__ import annotations

import math

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..checking.report import _tolerances
from ..experiments._gradient_check import CHOICES, GIVEN, NONE, SUSPECT, TARGETS
from ..figures._errors import _ErrorsPicture
from ..figures._paper import picture
from ..rnn import KINDS
from ._words import Said, counted, from_plain
from .front_end import Explorer, Menu, Slider

SYMBOLS = {"W_hx": "$W_{hx}$", "W_hh": "$W_{hh}$", "W_qh": "$W_{qh}$", "b_h": "$b_h$", "b_q": "$b_q$", "h0": "$h_0$"}
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
            "g": Slider("scale $g$", 0, 3, 0.05),
            "T": Slider("length $T$", 1, 100, unit="steps"),
            "mistake": Menu("mistake", list(CHOICES)),
            "dtype": Menu("numbers", ["float64", "float32"]),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
            "kind": Menu("$W_{hh}$", KINDS),
            "seed": Slider("seed", 0, 99),
            "targets": Menu("targets", TARGETS),
            "given": Menu("given", GIVEN),
        },
        more=("activation", "kind", "seed", "targets", "given"),
        picture=picture(_ErrorsPicture, 9.6, 4),
        words=_words,
        presets=PRESETS,
        # The menu first: a preset, such as sums alone, then shows every mistake.
        leads={"mistake": [], "g": [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.5, 2, 2.5, 3]},
    )


def _words(values, data):
    report, T = data.report, data.T
    at = f"At $g = {values['g']:.2f}$, $T = {values['T']}$"
    if T < values["T"]:
        at += f", cut to {T},"
    seen = {"FAIL": _wrong, "PASS": _right, "BLIND": _hidden}[report.verdict](values["mistake"], report)
    return Said(f"{at} {seen}.", tuple(_details(values, data)))


def _wrong(_, report):
    worst = report.worst
    at = "in the sum" if worst.t is None else f"at $t = {worst.t}$"
    entry = f"{SYMBOLS[worst.parameter]}{list(worst.index)}"
    return f"the gradient is wrong{_where(report)}; worst is {entry} {at}, {_far(worst.ratio)}"


def _far(ratio):
    if np.isinf(ratio):
        return "not finite"
    if ratio >= 1000:
        return f"off by over $10^{{{math.floor(math.log10(ratio))}}}$ tolerances"
    return f"off by {f'{ratio:.0f}' if ratio >= 100 else _tolerances(ratio)} tolerances"


def _where(report):
    steps = report.time_steps
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1) if steps else []
    if not 0 < len(runs) < 3:
        return f" in {len(steps)} steps" if runs else ""
    told = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} .. {run[-1]}" for run in runs)
    return f" at $t = {told}$" + " at least" * bool(report.reach)


def _right(mistake, _):
    if mistake != NONE:
        return "the check passes: the mistake is there, but changes no number by more than rounding can"
    return "the check passes: every entry is right to within its tolerance"


def _hidden(_, report):
    blind = [row.parameter for row in report.rows if row.blind]
    which = "any part of the gradient"
    if len(blind) < len(report.rows):
        which = "the gradient of " + ", ".join(SYMBOLS[name] for name in blind)
    return f"the check is blind: rounding is too large to judge {which}"


def _details(values, data):
    report, mistake, T, dtype = data.report, values["mistake"], values["T"], values["dtype"]
    if data.T < T:
        yield f"For $T = {T}$ the right gradient overflows {dtype}, so {counted(data.T, 'step')} are checked."
    if report.verdict == "FAIL":
        hint = f"Which mistake is {mistake}?" if mistake.startswith(SUSPECT) else report.hint
        yield from filter(None, map(from_plain, (hint, report.reach)))
    else:
        yield _what_would_show(report)
    yield (
        f"The network: {values['activation']}, {values['kind']} $W_{{hh}}$ of scale $g$, 3 inputs, 5 units, 2 outputs, "
        f"in {dtype}, seed {values['seed']}."
    )
    steps = "what each contributes is compared" if values["given"] == "every step" else "no step is compared by itself"
    yield f"The check is given {values['given']}: {steps}."
    almost = "almost hit: each output is off by some ten units in the last place"
    yield f"The targets {'lie anywhere' if values['targets'] == 'anywhere' else 'are ' + almost}."


def _what_would_show(report):
    share = max((row.visible / row.size for row in report.rows if row.size), default=0)
    size = f"$10^{{{math.ceil(math.log10(max(share, 1e-300)))}}}$" if share < 1 else "the whole size"
    hides = "could hide" if report.verdict == "BLIND" else "would have shown in every entry"
    return f"An error of {size} of the gradient {hides}."
