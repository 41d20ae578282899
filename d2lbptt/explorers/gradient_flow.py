"""How far back does the gradient reach? |dL/dh_t| for every t, by T, tau and g (9.7.14, 9.7.15)."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from .. import figures
from .._checks import Overflow
from ..activations import ACTIVATIONS
from ..flow import log10_gradient_norms
from ..rnn import KINDS, Params, forward, init_params
from .live import Explorer

UNITS, INPUT = 64, 0.1  # units of the built-in model; standard deviation of its inputs
LONGEST = 1000  # steps
MEANINGFUL = 3  # decades between "about the same size" and "vanishing" or "exploding"
PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "activation": "tanh", "kind": "gaussian"},
    "edge": {"T": 200, "g": 1.1, "activation": "tanh", "kind": "orthogonal"},
    "exploding": {"T": 200, "g": 2.0, "activation": "tanh", "kind": "gaussian"},
}


class Flow(NamedTuple):
    """What the explorer shows; norms are log10, entry t - 1 for step t.

    Attributes
    ----------
    T, tau : int
        As shown; T is smaller than the slider's where the states overflow.
    full, truncated : array, shape (T,)
        log10 |dL/dh_t|, all of it and with the window.
    last : array, shape (T,)
        The same for the loss at step T alone.
    eigenvalues : array, shape (h,)
    decades : int or None
        Reach of the vertical axis; None for automatic.
    overflow : str
        What overflowed, or "".
    still : bool
        Whether x and h_0 were set to zero: the identity's gradient does not depend on them.
    """

    T: int
    tau: int
    full: np.ndarray
    truncated: np.ndarray
    last: np.ndarray
    eigenvalues: np.ndarray
    decades: int | None
    overflow: str
    still: bool


def gradient_flow(*, params=None, x=None, y=None, h0=None, activation="tanh"):
    """Explore how the size of dL/dh_t changes on the way back from t = T to t = 1.

    Parameters
    ----------
    params : Params, optional
        The reader's own model; the slider g then multiplies its W_hh. Without it, a model of 64 units
        with one input, noise of standard deviation 0.1, and one output.
    x : array, shape (T, d) or (T, B, d)
        The reader's own sequence, needed with ``params``; the slider T keeps its first T steps.
    y : array, shaped as the outputs, optional
        Targets of the squared error; ones if not given.
    h0 : array, shape (h,) or (B, h), optional
    activation : {"tanh", "identity", "sigmoid", "relu"}
        Where the control starts.

    Returns
    -------
    Explorer
        With ``controls`` T, tau, g, activation, reduction, decades and, for the built-in model, preset, kind, seed.

    Raises
    ------
    TypeError, ValueError
        If the model or the sequence is not what ``forward`` takes, or only one of them is given.
    """
    own = params is not None or x is not None
    model, longest = _own_model(params, x, y, h0, activation) if own else (_built_in, LONGEST)
    controls = _controls(longest, activation)
    if own:
        controls["T"].value, controls["g"].value = longest, 1.0
        del controls["kind"], controls["seed"]
    return Explorer(
        name="gradient_flow",
        question="How far back does the gradient reach?",
        controls=controls,
        more=[key for key in ("kind", "seed", "reduction", "decades") if key in controls],
        picture=figures.GradientFlowPicture(Figure(figsize=(9.6, 4), dpi=100)),
        compute=lambda values: compute(values, *model(values)),
        describe=describe,
        as_python=lambda values, flow: as_python(values, flow, own),
        presets={} if own else PRESETS,
        link=_keep_tau_within_T,
    )


def _controls(longest, activation):
    T = min(longest, 200)
    losses = [("at the last step", "last"), ("at every step", "mean")]
    reach = [("as needed", None), ("±10", 10), ("±30", 30), ("±100", 100), ("±400", 400)]
    return {
        "activation": widgets.Dropdown(options=_activations_from(activation), description="φ"),
        "T": widgets.IntSlider(T, 1, longest, description="length T"),
        "g": widgets.FloatSlider(0.8, min=0, max=3, step=0.01, description="scale g"),
        "tau": widgets.IntSlider(min(T, 30), 1, T, description="window τ"),
        "reduction": widgets.Dropdown(options=losses, description="loss"),
        "kind": widgets.Dropdown(options=KINDS, description="W_hh"),
        "seed": widgets.IntSlider(0, 0, 99, description="seed"),
        "decades": widgets.Dropdown(options=reach, description="decades"),
    }


def _activations_from(first):
    if first not in ACTIVATIONS:
        raise ValueError(f"activation is {first!r}, wanted one of {', '.join(ACTIVATIONS)}")
    return sorted(["tanh", "identity", "relu", "sigmoid"], key=lambda name: name != first)


def _keep_tau_within_T(controls):
    controls["tau"].max = controls["T"].value


def _built_in(values):
    T, seed = values["T"], values["seed"]
    params = init_params(1, UNITS, 1, scale=values["g"], kind=values["kind"], seed=seed)
    x = INPUT * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    return params, x, np.ones((T, 1)), None


def _own_model(params, x, y, h0, activation):
    if params is None or x is None:
        raise ValueError(f"{'params' if params is None else 'x'} is missing, wanted both params and x")
    x = np.asarray(x)
    trace, *_ = _longest_run(params, x, h0, activation, "mean")
    wanted = (len(x), *trace.o.shape[1:])
    y = np.ones(wanted) if y is None else np.asarray(y)
    if y.shape != wanted:
        raise ValueError(f"y has shape {y.shape}, wanted that of the outputs, {wanted}")

    def model(values):
        T, W_hh = values["T"], values["g"] * np.asarray(params.W_hh)
        return params._replace(W_hh=W_hh), x[:T], y[:T], h0

    return model, len(x)


def compute(values, params, x, y, h0):
    """Return the Flow for the values of the controls and a model."""
    reduction = values["reduction"]
    trace, overflow, still = _longest_run(params, x, h0, values["activation"], reduction)
    T = len(trace.x)
    tau, y = min(values["tau"], T), y[:T]
    full = log10_gradient_norms(trace, y, reduction=reduction)
    return Flow(
        T=T,
        tau=tau,
        full=full,
        truncated=log10_gradient_norms(trace, y, reduction=reduction, window=tau),
        last=full if reduction == "last" else log10_gradient_norms(trace, y, reduction="last"),
        eigenvalues=np.linalg.eigvals(params.W_hh),
        decades=values["decades"],
        overflow=overflow,
        still=still,
    )


def _longest_run(params, x, h0, activation, reduction):
    """Return the trace of the longest finite run, what overflowed, and whether it was a run from zero."""
    try:
        return forward(params, x, h0=h0, activation=activation), "", False
    except Overflow as error:
        single_output = x.ndim == 2 and len(params.W_qh) == 1
        if activation == "identity" and reduction == "last" and single_output:
            # All slopes are 1, and dL/dh_T is a multiple of W_qh: the ratio is the same along any states.
            still = Params(params.W_hx, params.W_hh, params.W_qh)
            return forward(still, np.zeros_like(x), activation=activation), "", True
        return forward(params, x[: error.t - 1], h0=h0, activation=activation), str(error), False


def describe(values, flow):
    """Return the sentence that says what is seen."""
    T, words = flow.T, []
    if flow.overflow:
        words.append(f"{flow.overflow}, so T = {T} is shown.")
    words.append(f"T = {T}, g = {values['g']:.2f}, {values['activation']}: {_reach(flow)}.")
    if T > 1 and np.isfinite(flow.full[-1]):
        words.append(_why_it_does_not_vanish(flow) if values["reduction"] == "mean" else _what_tau_drops(flow))
    return " ".join(words)


def _reach(flow):
    T, change = flow.T, flow.full[0] - flow.full[-1]
    if not np.isfinite(flow.full[-1]):
        return f"dL/dh_{T} is exactly 0, so there is nothing to carry back"
    if T == 1:
        return "one step, and nothing to carry back"
    if not np.isfinite(change):
        return "dL/dh_1 is exactly 0: vanishing"
    return f"|dL/dh_1| is {ratio(change)} of |dL/dh_{T}|: {verdict(change)}"


def verdict(change):
    """Return the word for a change by so many decades; three make a difference."""
    if abs(change) < MEANINGFUL:
        return "neither vanishing nor exploding"
    return "vanishing" if change < 0 else "exploding"


def ratio(decades):
    """Return 10^decades in words, also where no float can hold it."""
    if -2 <= decades < 2:
        return f"{10**decades:.2g}"
    return f"{10**decades:.1e}" if abs(decades) < 300 else f"10^{decades:.0f}"


def _what_tau_drops(flow):
    if flow.tau == flow.T:
        return f"The window τ = {flow.tau} keeps everything."
    before = flow.T - flow.tau
    states = "state" if before == 1 else f"{before} states"
    return f"The window τ = {flow.tau} ends at h_{before + 1}: nothing reaches the {states} before."


def _why_it_does_not_vanish(flow):
    alone = flow.last[0] - flow.last[-1]
    share = ratio(alone) if np.isfinite(alone) else "exactly 0"
    return (
        "Every step has a loss of its own, and those near t = 1 feed this end; "
        f"of the loss at t = {flow.T} alone, {share} arrives."
    )


def as_python(values, flow, own):
    """Return lines to paste that give the same numbers; the reader's own params, x, y and h0 keep their names."""
    model = _OWN[flow.still] if own else _BUILT_IN.replace("{x}", _INPUTS[flow.still])
    return (_IMPORTS + model + _NORMS).format(**values | {"T": flow.T, "tau": flow.tau})


_IMPORTS = """\
import numpy as np
import d2lbptt as bptt

"""
_INPUTS = {
    False: f"{INPUT} * np.random.default_rng(({{seed}}, 1)).normal(size=({{T}}, 1))",
    True: "np.zeros(({T}, 1))  # the identity's gradient ignores the states, and these stay finite",
}
_BUILT_IN = f"""\
params = bptt.init_params(1, {UNITS}, 1, scale={{g}}, kind="{{kind}}", seed={{seed}})
x = {{x}}
y = np.ones(({{T}}, 1))
trace = bptt.forward(params, x, activation="{{activation}}")
"""
_OWN = {
    False: """\
params, x, y = params._replace(W_hh={g} * params.W_hh), x[:{T}], y[:{T}]
trace = bptt.forward(params, x, h0=h0, activation="{activation}")
""",
    True: """\
params = bptt.Params(params.W_hx, {g} * params.W_hh, params.W_qh)
x, y = np.zeros_like(x[:{T}]), y[:{T}]  # the identity's gradient ignores the states, and these stay finite
trace = bptt.forward(params, x, activation="{activation}")
""",
}
_NORMS = """\
full = bptt.log10_gradient_norms(trace, y, reduction="{reduction}")
truncated = bptt.log10_gradient_norms(trace, y, reduction="{reduction}", window={tau})
print(f"{{full[0] - full[-1]:+.2f}} decades from h_{{len(full)}} to h_1")
"""
