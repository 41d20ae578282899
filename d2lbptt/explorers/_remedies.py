"""What keeps a gradient alive, and bounded? Remedies side by side, each beside its law (9.7.14, exercise 2)."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._paper import picture
from ..figures._remedies import _RemediesPicture
from ._words import ratio
from .front_end import Explorer, Menu, Slider, within_T

PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "tau": 30, "b_f": -5.0},
    "exploding": {"T": 200, "g": 2.0, "tau": 30, "b_f": -5.0},
    "1000 steps": {"T": 1000, "g": 1.5, "tau": 100, "b_f": -7.0},
    "an open gate": {"T": 200, "g": 0.8, "tau": 30, "b_f": 0.0},
}


def remedies() -> Explorer:
    """Explore how much of a gradient arrives, with four remedies and without.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.remedies`` as ``controls``, and preset.
    """
    sizes = [(f"{size:g}", size) for size in (0.01, 0.1, 0.3, 1.0)]
    return Explorer(
        experiments.remedies,
        question="What keeps a gradient alive, and bounded?",
        controls={
            "T": Slider("length T", 10, 1000),
            "g": Slider("scale g", 0, 3, 0.01),
            "tau": Slider("window τ", 1, 200),
            "b_f": Slider("gate bias", -10, 2, 0.1),
            "seed": Slider("seed", 0, 99),
            "units": Menu("units", [8, 64, 128]),
            "inputs": Menu("inputs", [8, 64]),
            "input_size": Menu("input size", sizes),
        },
        more=["seed", "units", "inputs", "input_size"],
        picture=picture(_RemediesPicture, 9.6, 4.5),
        words=_words,
        presets=PRESETS,
        link=within_T("tau"),
    )


def _words(values, data):
    T, tau = values["T"], data.tau
    names = {"gaussian": "gaussian W_hh", "orthogonal": "orthogonal W_hh", "identity": "identity with relu"}
    names |= {"gated": "gated cell"}
    left = ", ".join(f"{name} {_left(getattr(data, key))}" for key, name in names.items())
    window = "keeps everything" if tau == T else f"leaves exactly 0 from h_{T - tau} back"
    return f"Of |dL/dh_{T}| there is left at h_1: {left}; the window τ = {tau} {window}."


def _left(remedy):
    end = remedy.decades[-1]
    return "exactly 0" if np.isneginf(end) else ratio(end)
