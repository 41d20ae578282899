"""For which weight scale does the gradient neither vanish nor explode? Scales, lags, seeds at once, and their law."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._phase_diagram import _PhaseDiagramPicture
from ..rnn import KINDS
from ._words import ratio, verdict
from .front_end import Explorer, Menu, Slider

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
            "g": Slider("scale g", 0.5, 3, 0.025),
            "T": Slider("steps T", 10, 1000, 10),
            "activation": Menu("φ", list(ACTIVATIONS)),
            "kind": Menu("W_hh", KINDS),
            "input_size": Menu("input size", sizes),
            "seeds": Menu("seeds", [3, 10]),
            "units": Menu("units", [16, 64, 256]),
        },
        more=["kind", "seeds", "units"],
        picture=picture(_PhaseDiagramPicture, 9.6, 4.5),
        words=_words,
        presets=PRESETS,
    )


def _words(values, data):
    k, seeds = data.by_lag.shape[-1] - 1, data.by_lag.shape[1]
    found, law = data.median[data.row, k], data.theory[data.row, k]
    left = "exactly 0" if np.isneginf(found) else ratio(found)
    says = f"median of {seeds} seeds; the {data.law} {'is' if data.law == 'bound' else 'says'} {ratio(law)}"
    start = f"g = {data.scales[data.row]:g}: {k} steps back the gradient is {left} of what it was"
    return f"{start}, {verdict(found)} ({says}). {_edge(data)}."


def _edge(data):
    (low, found, high), law = np.quantile(data.edges, [0, 0.5, 1], method="nearest"), data.law_edge
    keeps = f"It keeps its size at g = {found:.2f} (seeds: {_scale(low)} to {_scale(high)})"
    if not np.isfinite(found):
        keeps = f"It {_throughout(found)}"
    if not np.isfinite(law):
        return f"{keeps}; by the {data.law} it {_throughout(law)}"
    return f"{keeps}; {'the bound lets none grow below' if data.law == 'bound' else f'by the {data.law} at'} {law:.2f}"


def _throughout(edge):
    return f"{'shrinks' if edge > 0 else 'grows'} for every g"


def _scale(edge):
    return f"{edge:.2f}" if np.isfinite(edge) else "beyond 3" if edge > 0 else "below 0.5"
