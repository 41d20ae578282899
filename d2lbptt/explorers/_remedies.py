"""What keeps a gradient alive, and bounded? Remedies side by side, each beside its law (9.7.14, exercise 2)."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._paper import picture
from ..figures._remedies import _RemediesPicture
from ._words import Said, fate, power
from .front_end import Explorer, Menu, Slider, steps, within_T

PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "tau": 30, "b_f": 5.0},
    "exploding": {"T": 200, "g": 2.0, "tau": 30, "b_f": 5.0},
    "1000 steps": {"T": 1000, "g": 1.5, "tau": 100, "b_f": 8.0},
    "no forget bias": {"T": 200, "g": 0.8, "tau": 30, "b_f": 0.0},
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
            "g": Slider("scale $g$", 0, 3, 0.01),
            "T": Slider("length $T$", 10, 1000, unit="steps"),
            "tau": Slider("window $τ$", 1, 200, unit="steps"),
            "b_f": Slider("forget bias", -2, 10, 0.1),
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
        leads={"g": steps(0, 3, 0.1), "T": [10, 20, 50, 100, 200, 500, 1000]},
    )


def _words(values, data):
    T, tau = values["T"], data.tau
    of = f"Of $|∂L/∂h_{{{T}}}|$ there arrives at $h_1$, with a gaussian $W_{{hh}}$"
    names = {"gaussian": of, "orthogonal": "Orthogonal $W_{hh}$ with tanh", "identity": "Identity with relu"}
    names |= {"lstm": "LSTM"}
    window = "everything arrives" if tau == T else f"exactly 0 from $h_{{{T - tau}}}$ back"
    inputs = f"{values['inputs']} inputs of size {values['input_size']:g}"
    details = [_arrives(getattr(data, key), name) for key, name in names.items()]
    details.insert(1, f"The same through the window: {window}.")
    return Said(_what_is_seen(values, data), (*details, f"Seed {values['seed']}, {values['units']} units, {inputs}."))


def _what_is_seen(values, data):
    T, tau, (patient, lstm) = values["T"], data.tau, (fate(r.decades[-1]) for r in (data.gaussian, data.lstm))
    window = f"the window $τ = {tau}$ {'keeps everything' if tau == T else 'cuts it off'}"
    at = f"At $g = {data.g:.2f}$ the gradient {patient} over $T = {T}$ steps"
    return f"{at}; {window}; in the LSTM with $b_f = {data.b_f:.1f}$ it {lstm}."


def _arrives(remedy, name):
    end, law = remedy.decades[-1], {"at rest": "law at rest"}.get(remedy.name, remedy.name)
    beside = "no law holds" if np.isnan(remedy.law[-1]) else f"by the {law} {power(remedy.law[-1])}"
    return f"{name}: {power(end)} ({beside})."
