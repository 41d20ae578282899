"""How far back does the gradient reach? |dL/dh_t| for every t, computed and by theory (9.7.14, 9.7.15)."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from .. import _validation, laws
from ..activations import ACTIVATIONS
from ..figures._flow import _GradientFlowPicture
from ..figures._paper import picture
from ..growth.gradient_norms import log10_gradient_norms, log10_slopes_in_front
from ..rnn import KINDS, Params, forward, init_params
from ._live import Explorer, within_T
from ._words import ratio, size, verdict

__all__ = ["gradient_flow"]


UNITS, INPUT = 64, 0.1  # units of the built-in model; standard deviation of its inputs
LONGEST = 1000  # steps
SHOWN = 48  # steps at which a window's curve is calculated where all T would take long: a point for every ten pixels
PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "activation": "tanh", "kind": "gaussian"},
    "edge": {"T": 200, "g": 1.1, "activation": "tanh", "kind": "orthogonal"},
    "exploding": {"T": 200, "g": 2.0, "activation": "tanh", "kind": "gaussian"},
}


class _Flow(NamedTuple):
    """What the explorer shows; norms are log10.

    Attributes
    ----------
    T, tau : int
        As shown; T is smaller than the slider's where the states overflow.
    full : array, shape (T,)
        log10 |dL/dh_t|, entry t - 1 for step t.
    truncated : array, shape (n,)
        The same with the window, for the n steps t in ``steps``.
    steps : array of int, shape (n,)
    last : array, shape (T,)
        As ``full``, for the loss at step T alone.
    theory : array, shape (T,), or None
        What ``last`` would be, less last[T - 1], by the law c rho^k of W_hh with the slopes in front; None if W_hh is
        not diagonalizable.
    bound : array, shape (T,)
        No entry of ``last``, less last[T - 1], is above it.
    slopes : array, shape (T, units)
        phi'(z_t), of all sequences of a batch.
    eigenvalues, singular_values : array, shape (h,)
        Of W_hh, the largest first.
    conditions : Conditions
        What W_hh alone makes certain.
    every_step : bool
        Whether there is a loss at every step.
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
    steps: np.ndarray
    last: np.ndarray
    theory: np.ndarray | None
    bound: np.ndarray
    slopes: np.ndarray
    eigenvalues: np.ndarray
    singular_values: np.ndarray
    conditions: laws.Conditions
    every_step: bool
    decades: int | None
    overflow: str
    still: bool

    @property
    def rho(self):
        """The spectral radius of W_hh."""
        return np.abs(self.eigenvalues[0])

    @property
    def sigma_max(self):
        """The largest singular value of W_hh."""
        return self.singular_values[0]


class _Weights:
    """A network at g = 1, and what follows from its W_hh alone: it is calculated once, and scaled when g moves.

    Parameters
    ----------
    params : Params
    longest : int
        The largest T that will be asked for.
    """

    def __init__(self, params, longest):
        W, self.params = _validation.real("W_hh", params.W_hh).astype(float), params
        self.singular_values = np.linalg.svd(W, compute_uv=False)
        try:
            self.modes = laws.modes(W.T)
            self.eigenvalues = self.modes.values
        except ValueError:
            self.modes = None
            values = np.linalg.eigvals(W)
            self.eigenvalues = values[np.argsort(-np.abs(values))]
        self.conditions = lru_cache(64)(lambda g, activation: laws.conditions(g * W, activation))
        self._of_one_output = lru_cache(1)(lambda: self._long_run(_unit(params.W_qh[0]), np.arange(longest)))

    def scaled(self, g):
        """Return the network with g W_hh."""
        return self.params._replace(W_hh=g * np.asarray(self.params.W_hh))

    def law(self, g):
        """Return c rho^k of g W_hh^T as ``log10_slopes_in_front`` takes it."""

        def decades(v, k):
            # With one output every v of length 1 is the same, but for its sign.
            powers = self._of_one_output()[k] if len(self.params.W_qh) == 1 else self._long_run(v, k)
            with np.errstate(divide="ignore", invalid="ignore"):
                return powers + np.where(k == 0, 0.0, k * np.log10(g))

        return decades

    def _long_run(self, v, k):
        return self.modes.log10_norms(v, k, dominant=True)


def _unit(v):
    v = np.asarray(v, float)
    return v / (np.linalg.norm(v) or 1)


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
        If the model or the sequence is not what ``forward`` takes, or one of them is missing where another argument
        is given.
    """
    own = any(value is not None for value in (params, x, y, h0))
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
        picture=picture(_GradientFlowPicture, 9.6, 4.8),
        compute=lambda values: _compute(values, *model(values)),
        describe=_describe,
        as_python=lambda values, flow: _as_python(values, flow, own),
        presets={} if own else PRESETS,
        link=within_T("tau"),
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
    _validation.one_of("activation", first, ACTIVATIONS)
    return list(dict.fromkeys([first, "tanh", "identity", "relu", "sigmoid", *ACTIVATIONS]))


def _built_in(values):
    T, seed = values["T"], values["seed"]
    x = INPUT * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    return _built_in_weights(values["kind"], seed), x, np.ones((T, 1)), None


@lru_cache(16)
def _built_in_weights(kind, seed):
    return _Weights(init_params(1, UNITS, 1, kind=kind, seed=seed), LONGEST)


def _own_model(params, x, y, h0, activation):
    if params is None or x is None:
        arguments = {"params": params, "x": x, "y": y, "h0": h0}
        given = next(name for name, value in arguments.items() if value is not None)
        missing = "params" if params is None else "x"
        raise ValueError(f"{missing} is missing beside {given}, wanted both params and x")
    _validation.instance("params", params, Params)
    x = _validation.finite("x", _validation.real("x", x))
    h0 = None if h0 is None else _validation.finite("h0", _validation.real("h0", h0))
    trace, *_ = _longest_run(params, x, h0, activation, "mean")
    wanted = (len(x), *trace.o.shape[1:])
    y = np.ones(wanted) if y is None else _validation.real_array("y", y, wanted, "that of the outputs")
    weights = _Weights(params, len(x))
    return lambda values: (weights, x[: values["T"]], y[: values["T"]], h0), len(x)


def _compute(values, weights, x, y, h0):
    """Return the Flow for the values of the controls, weights and a sequence."""
    g, activation, reduction = values["g"], values["activation"], values["reduction"]
    trace, overflow, still = _longest_run(weights.scaled(g), x, h0, activation, reduction)
    T = len(trace.x)
    tau, y, k = min(values["tau"], T), y[:T], np.arange(T)[::-1]
    full = log10_gradient_norms(trace, y, reduction=reduction)
    last = full if reduction == "last" else log10_gradient_norms(trace, y, reduction="last")
    steps = _steps_shown(T, tau, reduction)
    sigma_max = g * weights.singular_values[:1, None]  # a matrix of its own
    return _Flow(
        T=T,
        tau=tau,
        full=full,
        truncated=_truncated(trace, y, reduction, tau, full, steps),
        steps=steps,
        last=last,
        theory=_theory(trace, y, weights, g, last),
        bound=laws.log10_bound(sigma_max, k, activation),
        slopes=ACTIVATIONS[activation].slope(trace.h[1:]).reshape(T, -1),
        eigenvalues=g * weights.eigenvalues,
        singular_values=g * weights.singular_values,
        conditions=weights.conditions(g, activation),
        every_step=reduction != "last",
        decades=values["decades"],
        overflow=overflow,
        still=still,
    )


def _steps_shown(T, tau, reduction):
    early = T - tau  # there the window ends before T, and with a loss at every step each t has a sum of its own
    few = early if reduction == "last" or T <= 2 * SHOWN else min(early, SHOWN * early // T + 1)
    return np.append(np.unique(np.linspace(1, early, few).astype(int)), np.arange(early + 1, T + 1))


def _truncated(trace, y, reduction, tau, full, steps):
    decades, early = full[steps - 1], steps <= len(full) - tau
    decades[early] = log10_gradient_norms(trace, y, reduction=reduction, window=tau, steps=steps[early])
    return decades


def _theory(trace, y, weights, g, last):
    if weights.modes is None:
        return None
    decades = log10_slopes_in_front(trace, y, weights.law(g))
    return decades - last[-1] if np.isfinite(last[-1]) else decades


def _longest_run(params, x, h0, activation, reduction):
    """Return the trace of the longest finite run, what overflowed, and whether it was a run from zero."""
    try:
        return forward(params, x, h0=h0, activation=activation), "", False
    except _validation.Overflow as error:
        single_output = x.ndim == 2 and len(params.W_qh) == 1
        if activation == "identity" and reduction == "last" and single_output:
            # All slopes are 1, and dL/dh_T is a multiple of W_qh: the ratio is the same along any states.
            still = Params(params.W_hx, params.W_hh, params.W_qh)
            return forward(still, np.zeros_like(x), activation=activation), "", True
        return forward(params, x[: error.t - 1], h0=h0, activation=activation), str(error), False


def _describe(values, flow):
    """Return the sentence that says what is seen."""
    T, words = flow.T, []
    if flow.overflow:
        words.append(f"{flow.overflow}, so T = {T} is shown.")
    words.append(f"T = {T}, g = {values['g']:.2f}, {values['activation']}: {_reach(flow)}.")
    carried = T > 1 and np.isfinite(flow.full[-1])
    if carried:
        words.append(_why_it_does_not_vanish(flow) if flow.every_step else _what_tau_drops(flow))
    words.append(f"ρ = {size(flow.rho)}, σ_max = {size(flow.sigma_max)}. {_what_is_certain(flow)}.")
    if carried:
        words.append(_how_far_theory_is_off(flow))
    return " ".join(words)


def _reach(flow):
    T = flow.T
    if not np.isfinite(flow.full[-1]):
        return f"dL/dh_{T} is exactly 0, so there is nothing to carry back"
    if T == 1:
        return "one step, and nothing to carry back"
    change = flow.full[0] - flow.full[-1]
    if not np.isfinite(change):
        return "dL/dh_1 is exactly 0: vanishing"
    return f"|dL/dh_1| is {ratio(change)} of |dL/dh_{T}|: {verdict(change)}"


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


def _what_is_certain(flow):
    known, of = flow.conditions, " of each single loss" if flow.every_step else ""
    what = "W_hh alone does not decide"
    if known.vanishing == "certain":
        what = f"With enough steps vanishing{of} is certain"
    elif known.exploding.startswith("certain"):
        what = "With enough steps exploding is certain for almost every gradient"
    elif known.exploding == "excluded":
        what = f"Exploding{of} is excluded"
    because = known.because
    for symbols, ours in _SYMBOLS[known.gamma].items():
        because = because.replace(symbols, ours)
    return f"{what}: {because}"


_SYMBOLS = {
    1.0: {"gamma sigma_max": "σ_max", "gamma rho(|W|)": "ρ(|W_hh|)", "rho": "ρ"},
    0.25: {"gamma sigma_max": "σ_max/4", "gamma rho(|W|)": "ρ(|W_hh|)/4", "rho": "ρ"},
}


def _how_far_theory_is_off(flow):
    if flow.theory is None:
        return "W_hh is not diagonalizable, or too near to such a matrix: there is no law c ρᵏ."
    found, name = flow.last[0] - flow.last[-1], "Theory, c ρᵏ with the slopes in front,"
    if flow.every_step:
        name = f"For that loss alone the theory, {name[8:]}"
    if not np.isfinite(flow.theory[0]):
        why = ": the loss has no share in the eigenvectors of ρ" if np.isfinite(found) else " as well"
        return f"{name} says 0{why}."
    if not np.isfinite(found):
        return f"{name} says {ratio(flow.theory[0])}."
    off = abs(flow.theory[0] - found)
    return f"{name} is {off:.{1 if off >= 0.1 else 2}f} decades off at t = 1."


def _as_python(values, flow, own):
    """Return lines to paste that give the same numbers; the reader's own params, x, y and h0 keep their names."""
    model = _OWN[flow.still] if own else _BUILT_IN.replace("{x}", _INPUTS[flow.still])
    lines = _IMPORTS + model + _NORMS + ("" if flow.theory is None else _LAW)
    return lines.format(**values | {"T": flow.T, "tau": flow.tau})


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
rho, sigma_max = bptt.spectral_radius(params.W_hh), np.linalg.norm(params.W_hh, 2)
print(f"rho = {{rho:.4g}}, sigma_max = {{sigma_max:.4g}};", bptt.laws.conditions(params.W_hh, "{activation}"))
"""
_LAW = """\
modes = bptt.laws.modes(params.W_hh.T)
theory = bptt.growth.gradient_norms.log10_slopes_in_front(trace, y, lambda v, k: modes.log10_norms(v, k, dominant=True))
last = bptt.log10_gradient_norms(trace, y, reduction="last")
found, law = last[0] - last[-1], theory[0] - last[-1]
print(f"loss at T alone: {{found:+.2f}} decades, in theory {{law:+.2f}}: {{abs(law - found):.2f}} off at t = 1")
"""
