"""Where is this gradient wrong? A backward pass with a mistake of one's choice, and what the check says of it."""

import math
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..bptt import backward
from ..checking.check import check_gradients
from ..checking.mistakes import MISTAKES, SUSPECTS, flawed
from ..checking.report import Report
from ..figures._errors import _ErrorsPicture
from ..figures._paper import picture
from ..rnn import KINDS, Params, forward, init_params
from ._live import Explorer

__all__ = ["gradient_check"]

INPUTS, UNITS, OUTPUTS, LONGEST = 3, 5, 2, 100
ALMOST = 10  # units in the last place between the outputs and targets that are almost hit
NONE, SUSPECT = "none", "suspect "
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


class _Checked(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    report : Report
    T : int
        The length; smaller than the slider's where the gradient overflows.
    """

    report: Report
    T: int


def gradient_check():
    """Explore what the gradient check says of a backward pass with a mistake.

    Returns
    -------
    Explorer
        With ``controls`` mistake ("none", a name in ``MISTAKES``, or "suspect A" to "suspect J"), T, g, dtype,
        activation, kind, seed, targets, given (what each step brings, or the sums alone) and preset.
    """
    options = [NONE, *MISTAKES, *(SUSPECT + letter for letter in SUSPECTS)]
    return Explorer(
        name="gradient_check",
        question="Where is this gradient wrong?",
        controls={
            "mistake": widgets.Dropdown(options=options, value="W_hh untransposed", description="mistake"),
            "T": widgets.IntSlider(30, 1, LONGEST, description="length T"),
            "g": widgets.FloatSlider(1.0, min=0, max=3, step=0.05, description="scale g"),
            "dtype": widgets.Dropdown(options=["float64", "float32"], description="numbers"),
            "activation": widgets.Dropdown(options=["tanh", "identity", "relu", "sigmoid"], description="φ"),
            "kind": widgets.Dropdown(options=KINDS, value="orthogonal", description="W_hh"),
            "seed": widgets.IntSlider(0, 0, 99, description="seed"),
            "targets": widgets.Dropdown(options=["anywhere", "almost hit"], description="targets"),
            "given": widgets.Dropdown(options=["every step", "sums alone"], description="given"),
        },
        more=("activation", "kind", "seed", "targets", "given"),
        picture=picture(_ErrorsPicture, 9.6, 4),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
    )


def _compute(values):
    """Return what was _Checked for the values of the controls."""
    T = values["T"]
    while True:
        try:
            return _Checked(_report(values, T), T)
        except FloatingPointError:  # the right gradient overflows
            T = 3 * T // 4


def _report(values, T):
    params, x, y, h0 = _problem(values, T)
    backward(forward(params, x, h0=h0, activation=values["activation"]), y)  # complains if it overflows
    name = _mistake(values["mistake"])

    def contributions(trace, y):
        return flawed(name, trace, y)

    def gradient(trace, y):
        return {name: rows.sum(0) for name, rows in contributions(trace, y).items()}

    asked = {"contributions": contributions} if values["given"] == "every step" else {"gradient": gradient}
    with np.errstate(over="ignore", invalid="ignore"):  # a wrong gradient may overflow where the right one does not
        return check_gradients(params, x, y, h0=h0, activation=values["activation"], **asked)


def _problem(values, T):
    """Return params, x, y and h_0; nothing is zero, so that no term of a formula can hide."""
    seed, dtype, rng = values["seed"], values["dtype"], np.random.default_rng((values["seed"], 1))
    params = init_params(INPUTS, UNITS, OUTPUTS, scale=values["g"], kind=values["kind"], seed=seed)
    b_h, b_q, h0 = (0.2 * rng.normal(size=n) for n in (UNITS, OUTPUTS, UNITS))
    x, y = np.split(rng.normal(size=(T, INPUTS + OUTPUTS)), [INPUTS], axis=1)
    *params, x, y, h0 = (a.astype(dtype) for a in (*params[:3], b_h, b_q, x, y, h0))
    params = Params(*params)
    if values["targets"] == "almost hit":
        o = forward(params, x, h0=h0, activation=values["activation"]).o
        y = o + ALMOST * np.finfo(dtype).eps * y
    return params, x, y, h0


def _mistake(value):
    if value.startswith(SUSPECT):
        return SUSPECTS[value.removeprefix(SUSPECT)]
    return None if value == NONE else value


def _describe(values, checked):
    """Return the sentence that says what is seen; of a suspect it does not give the hint away."""
    report, T, mistake = checked.report, checked.T, values["mistake"]
    words = [f"T = {values['T']} overflows {values['dtype']}, so T = {T} is shown."] if T < values["T"] else []
    words.append(f"T = {T}, g = {values['g']:.2f}, {values['activation']}, {values['dtype']}.")
    words.append(str(report).partition("\n")[0] + ".")
    if report.verdict == "FAIL":
        words.append(f"Which mistake is {mistake}?" if mistake.startswith(SUSPECT) else report.hint)
        words.append(report.reach)
    elif report.verdict == "BLIND":
        words.append(f"An error of {_hidden(report)} of the gradient could hide.")
    elif mistake == NONE:
        words.append(f"An error of {_hidden(report)} of the gradient would have shown in every entry.")
    else:
        words.append("The mistake is there, but here it changes no number by more than rounding can.")
    return " ".join(filter(None, words))


def _hidden(report):
    share = max((row.visible / row.size for row in report.rows if row.size), default=0)
    if not share < 1:
        return "the whole size"
    if share > 1e-3:
        return f"{math.ceil(1000 * share) / 10:g} %"
    return f"10^{math.ceil(math.log10(share))}" if share else "any size"


def _as_python(values, checked):
    """Return lines to paste that give the same report."""
    options = {True: "gradient=gradient", False: "contributions=contributions"}
    return "".join(
        [
            _PROBLEM.format(**values | {"T": checked.T}),
            _FLOAT32 if values["dtype"] == "float32" else "",
            _ALMOST.format(**values) if values["targets"] == "almost hit" else "",
            _FLAWED.format(mistake=_mistake(values["mistake"])),
            _SUMS if values["given"] == "sums alone" else "",
            _CHECK.format(asked=options[values["given"] == "sums alone"], **values),
        ]
    )


_PROBLEM = f"""\
import numpy as np
import d2lbptt as bptt
from d2lbptt.checking.mistakes import flawed

rng = np.random.default_rng(({{seed}}, 1))
params = bptt.init_params({INPUTS}, {UNITS}, {OUTPUTS}, scale={{g}}, kind="{{kind}}", seed={{seed}})
b_h, b_q, h0 = (0.2 * rng.normal(size=n) for n in ({UNITS}, {OUTPUTS}, {UNITS}))
params = params._replace(b_h=b_h, b_q=b_q)
x, y = np.split(rng.normal(size=({{T}}, {INPUTS + OUTPUTS})), [{INPUTS}], axis=1)
"""
_FLOAT32 = """\
params = bptt.Params(*(W.astype("float32") for W in params))
x, y, h0 = (a.astype("float32") for a in (x, y, h0))
"""
_ALMOST = f"""\
o = bptt.forward(params, x, h0=h0, activation="{{activation}}").o
y = o + {ALMOST} * np.finfo(o.dtype).eps * y
"""
_FLAWED = """

def contributions(trace, y):
    return flawed({mistake!r}, trace, y)

"""
_SUMS = """
def gradient(trace, y):
    return {name: rows.sum(0) for name, rows in contributions(trace, y).items()}

"""
_CHECK = """
report = bptt.check_gradients(params, x, y, h0=h0, activation="{activation}", {asked})
print(report)
"""
