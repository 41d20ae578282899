"""Where did the vanishing gradient go? Plain network, LSTM and GRU, and two ways back through one of them (9.7.14)."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._gated import _GatedPicture
from ..figures._paper import picture
from ._words import Said, fate, number, power
from .front_end import Explorer, Menu, Slider, steps

PRESETS = {
    "forget bias 5": {"T": 200, "g": 0.8, "bias": 5.0, "cell": "lstm"},
    "as initialized": {"T": 200, "g": 0.8, "bias": 0.0, "cell": "lstm"},
    "forget bias 1": {"T": 200, "g": 0.8, "bias": 1.0, "cell": "lstm"},
    "a long memory": {"T": 1000, "g": 0.8, "bias": 8.0, "cell": "gru"},
    "exploding": {"T": 1000, "g": 5.0, "bias": 1.0, "cell": "lstm"},
}
BOTH = 0.3  # decades between two ways of about the same size


def gated() -> Explorer:
    """Explore what is left of a gradient in a plain network, an LSTM and a GRU, and by which way it comes.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.gated`` as ``controls``, and preset.
    """
    sizes = [(f"{size:g}", size) for size in (0.01, 0.1, 0.3, 1.0)]
    return Explorer(
        experiments.gated,
        question="Where did the vanishing gradient go?",
        controls={
            "bias": Slider("gate bias", -2, 10, 0.1),
            "g": Slider("scale $g$", 0, 5, 0.01),
            "T": Slider("length $T$", 10, 1000, unit="steps"),
            "cell": Menu("cell", [("LSTM", "lstm"), ("GRU", "gru")]),
            "seed": Slider("seed", 0, 99),
            "units": Menu("units", [8, 64, 128]),
            "inputs": Menu("inputs", [8, 64]),
            "input_size": Menu("input size", sizes),
        },
        more=["seed", "units", "inputs", "input_size"],
        picture=picture(_GatedPicture, 9.6, 4.6),
        words=_words,
        presets=PRESETS,
        leads={"bias": steps(-2, 10, 0.5), "g": [0, 0.5, 0.8, 1, 1.5, 2, 3, 5]},
    )


def _words(values, data):
    T, name = values["T"], data.cell.upper()
    state, gate, bias = ("c", "f_t", "b_f") if data.cell == "lstm" else ("h", "z_t", "b_z")
    plain = f"At $g = {data.g:.2f}$ the plain network's gradient {fate(data.plain[-1])} over $T = {T}$ steps"
    cell = f"the {name}'s, with ${bias} = {data.bias:.1f}$, {fate(getattr(data, data.cell)[-1])}"
    inputs = f"{values['inputs']} inputs of size {values['input_size']:g}"
    return Said(
        f"{plain}; {cell}, {_way(data)}.",
        (
            _arrives(T, data),
            f"To ${state}_1$ of the {name}: directly {power(data.direct[-1])}, the rest {power(data.through[-1])}.",
            _gate(gate, bias, data),
            _law(state, data),
            "The bias is $b_f$ in the LSTM and $b_z$ in the GRU; the other gates have none, and weights of scale 1.",
            f"Seed {values['seed']}, {values['units']} units, {inputs}.",
        ),
    )


def _way(data):
    """Say by which way most of it comes to the first state."""
    apart = data.direct[-1] - data.through[-1]
    if abs(apart) < BOTH:
        return "about half by each way"
    return "most of it directly" if apart > 0 else "most of it through gates and candidate"


def _arrives(T, data):
    plain, lstm, gru = (power(decades[-1]) for decades in (data.plain, data.lstm, data.gru))
    of = f"Of $|∂L/∂h_{{{T}}}|$ there arrives"
    return f"{of}: plain, at $h_1$, {plain}; LSTM, at $c_1$, {lstm}; GRU, at $h_1$, {gru}."


def _gate(gate, bias, data):
    kept, rest = np.median(data.gate.median), 1 / (1 + np.exp(-data.bias))
    return (
        f"Of its state ${gate}$ keeps {number(kept, 4)} in a step in the median, and $σ({bias})$ is {number(rest, 4)}."
    )


def _law(state, data):
    factor = f"At rest a step back would multiply the gradient by {number(data.factor, 4)}"
    if np.isnan(data.law[-1]):
        return f"{factor}: no law holds, for the state does not stay at rest."
    return f"{factor}: by this law {power(data.law[-1])} arrives at ${state}_1$."
