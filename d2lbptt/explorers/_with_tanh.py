"""What does a nonlinearity change? The same weights with the identity and with tanh, side by side."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..activations import ACTIVATIONS
from ..figures._flow import _TwoFlows
from ..figures._paper import picture
from ..growth.gradient_norms import log10_gradient_norms
from ..rnn import KINDS, forward, init_params
from ._live import Explorer
from ._words import ratio, verdict

__all__ = ["with_tanh"]


UNITS = 64


class _TwoRuns(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    identity, full : array, shape (T,)
        log10 |dL/dh_t| with the identity and with phi, for the loss at t = T.
    slopes : array, shape (T, h)
        phi'(z_t).
    activation : str
    """

    identity: np.ndarray
    full: np.ndarray
    slopes: np.ndarray
    activation: str


def with_tanh():
    """Explore what tanh makes of the gradient of a linear network.

    Returns
    -------
    Explorer
        With ``controls`` T, g, activation, kind, input (the standard deviation of the inputs) and seed.
    """
    return Explorer(
        name="with_tanh",
        question="What does a nonlinearity change?",
        controls={
            "activation": widgets.Dropdown(options=["tanh", "sigmoid"], description="φ"),
            "T": widgets.IntSlider(100, 1, 1000, description="length T"),
            "g": widgets.FloatSlider(1.5, min=0, max=3, step=0.01, description="scale g"),
            "input": widgets.FloatSlider(0.1, min=0, max=3, step=0.05, description="input size"),
            "kind": widgets.Dropdown(options=KINDS, description="W_hh"),
            "seed": widgets.IntSlider(0, 0, 99, description="seed"),
        },
        more=["seed"],
        picture=picture(_TwoFlows, 9.6, 4),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
    )


def _compute(values):
    """Return the TwoRuns for the values of the controls."""
    T, seed, activation = values["T"], values["seed"], values["activation"]
    params = init_params(1, UNITS, 1, scale=values["g"], kind=values["kind"], seed=seed)
    x = values["input"] * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    # All slopes of the identity are 1: its gradient is the same along the states that an empty input leaves at 0.
    traces = forward(params, np.zeros_like(x)), forward(params, x, activation=activation)
    identity, full = (log10_gradient_norms(trace, np.ones((T, 1)), reduction="last") for trace in traces)
    return _TwoRuns(identity, full, ACTIVATIONS[activation].slope(traces[1].h[1:]), activation)


def _describe(values, runs):
    """Return the sentence that says what is seen."""
    T, slope = len(runs.full), np.median(runs.slopes)
    first = f"T = {T}, g = {values['g']:.2f}: of |dL/dh_{T}|, h_1 gets "
    ends = (("the identity", runs.identity), (runs.activation, runs.full))
    parts = [f"{_share(decades)} with {name}" for name, decades in ends]
    return first + " and ".join(parts) + f". The median slope φ′ is {slope:.2f} (1 for the identity)."


def _share(decades):
    change = decades[0] - decades[-1]
    return f"{ratio(change)} ({verdict(change)})" if np.isfinite(change) else "exactly 0"


def _as_python(values, runs):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(units=UNITS, **values)


_LINES = """\
import numpy as np
import d2lbptt as bptt

params = bptt.init_params(1, {units}, 1, scale={g}, kind="{kind}", seed={seed})
x = {input} * np.random.default_rng(({seed}, 1)).normal(size=({T}, 1))
y = np.ones(({T}, 1))
for activation, inputs in (("identity", 0 * x), ("{activation}", x)):  # the identity's gradient ignores the states
    trace = bptt.forward(params, inputs, activation=activation)
    decades = bptt.log10_gradient_norms(trace, y, reduction="last")
    print(f"{{activation}}: {{decades[0] - decades[-1]:+.2f}} decades from h_{{len(x)}} to h_1")
"""
