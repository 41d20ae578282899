"""For which weight scale does the gradient neither vanish nor explode? Scales, lags, seeds at once, and their law."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._phase_diagram import _PhaseDiagramPicture
from ..rnn import KINDS
from ._words import Said, counted, power, verdict
from .front_end import Explorer, Menu, Slider, steps

PRESETS = {
    "tanh": {"activation": "tanh", "kind": "gaussian", "input_size": 0.1, "g": 1.2, "T": 1000},
    "orthogonal": {"activation": "tanh", "kind": "orthogonal", "input_size": 0.1, "g": 1.2, "T": 1000},
    "louder input": {"activation": "tanh", "kind": "gaussian", "input_size": 1.0, "g": 1.8, "T": 1000},
    "relu": {"activation": "relu", "kind": "orthogonal", "input_size": 0.1, "g": 1.4, "T": 1000},
    "without φ": {"activation": "identity", "kind": "gaussian", "input_size": 0.1, "g": 1.0, "T": 1000},
    "symmetric": {"activation": "tanh", "kind": "symmetric", "input_size": 0.1, "g": 2.0, "T": 1000},
}


def phase_diagram() -> Explorer:
    """Explore the size of the gradient over weight scale and lag, with the law that holds for the kind of W_hh.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.phase_diagram``, but for progress, as ``controls``, and preset.
    """
    sizes = [(f"{size:g}", size) for size in (0.01, 0.1, 0.3, 1.0, 3.0)]
    return Explorer(
        experiments.phase_diagram,
        question="For which weight scale does the gradient neither vanish nor explode?",
        controls={
            "g": Slider("scale $g$", 0.5, 3, 0.025),
            "T": Slider("steps $T$", 10, 1000, 10, unit="steps"),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
            "kind": Menu("$W_{hh}$", KINDS),
            "input_size": Menu("input size", sizes),
            "seeds": Menu("seeds", [3, 10]),
            "units": Menu("units", [16, 64, 256]),
        },
        more=["kind", "seeds", "units"],
        picture=picture(_PhaseDiagramPicture, 9.6, 4.5),
        words=_words,
        presets=PRESETS,
        leads={"g": [*steps(0.5, 0.8, 0.1), *steps(0.85, 1.5, 0.05), *steps(1.6, 3, 0.1)], "activation": []},
    )


def _words(values, data):
    k = data.by_lag.shape[-1] - 1
    found = data.median[data.row, k]
    at = f"At $g = {values['g']:.3f}$, $T = {values['T']}$ the gradient {counted(k, 'step')} back"
    return Said(
        f"{at} is {power(found, 2)} of what it was at the loss: it {_verb(found)}.", tuple(_details(values, data))
    )


def _verb(decades):
    word = verdict(decades)
    return {"vanishing": "vanishes", "exploding": "explodes"}.get(word, "neither vanishes nor explodes")


def _details(values, data):
    law, seeds = power(data.theory[data.row, -1], 2), data.by_lag.shape[1]
    says = f"no gradient exceeds the bound, {law}" if data.law == "bound" else f"the {data.law} says {law}"
    yield f"That is the median of {seeds} seeds; {says}."
    yield _edge(data)
    yield "A gradient is said to vanish or to explode once it has changed by a factor of 1000."
    yield f"$\\phi$ is {values['activation']}; $W_{{hh}}$ is {values['kind']}, {values['units']} units."
    yield f"Inputs have the size {values['input_size']:g}. Every run has 1000 steps, of which the last $T$ are shown."


def _edge(data):
    (low, found, high), law = np.quantile(data.edges, [0, 0.5, 1], method="nearest"), data.law_edge
    keeps = f"The gradient keeps its size at $g = {found:.2f}$ (seeds: {_scale(low)} to {_scale(high)})"
    if not np.isfinite(found):
        keeps = f"The gradient {_throughout(found)}"
    if not np.isfinite(law):
        return (
            f"{keeps}, as the {data.law} says."
            if law == found
            else f"{keeps}; by the {data.law} it {_throughout(law)}."
        )
    by_law = "the bound lets none grow below" if data.law == "bound" else f"by the {data.law} at"
    return f"{keeps}; {by_law} $g = {law:.2f}$."


def _throughout(edge):
    return f"{'shrinks' if edge > 0 else 'grows'} for every $g$ from 0.5 to 3"


def _scale(edge):
    return f"{edge:.2f}" if np.isfinite(edge) else "beyond 3" if edge > 0 else "below 0.5"
