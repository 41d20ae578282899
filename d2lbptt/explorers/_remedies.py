"""What keeps a gradient alive, and bounded? Remedies side by side, each beside its law (9.7.14, exercise 2)."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..figures._paper import picture
from ..figures._remedies import _RemediesPicture
from ..growth.remedies import remedies as remedies_of
from ._live import Explorer, within_T
from ._words import MEANINGFUL, ratio, verdict

__all__ = ["remedies"]


PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "tau": 30, "b_f": -5.0},
    "exploding": {"T": 200, "g": 2.0, "tau": 30, "b_f": -5.0},
    "1000 steps": {"T": 1000, "g": 1.5, "tau": 100, "b_f": -7.0},
    "an open gate": {"T": 200, "g": 0.8, "tau": 30, "b_f": 0.0},
}


class _Compared(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    found : dict of str to remedies.Remedy
    names : dict of str to str
        What the picture calls them.
    """

    found: dict
    names: dict


def remedies():
    """Explore how much of a gradient arrives, with four remedies and without.

    Returns
    -------
    Explorer
        With ``controls`` preset, T, g (of the patient, and of the gated cell's candidate), tau, b_f (the bias of the
        gate), seed, units, inputs and input_size.
    """
    return Explorer(
        name="remedies",
        question="What keeps a gradient alive, and bounded?",
        controls=_controls(),
        more=["seed", "units", "inputs", "input_size"],
        picture=picture(_RemediesPicture, 9.6, 4.5),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
        link=within_T("tau"),
    )


def _controls():
    sizes = [(f"{size:g}", size) for size in (0.01, 0.1, 0.3, 1.0)]
    return {
        "T": widgets.IntSlider(200, 10, 1000, description="length T"),
        "g": widgets.FloatSlider(0.8, min=0, max=3, step=0.01, description="scale g"),
        "tau": widgets.IntSlider(30, 1, 200, description="window τ"),
        "b_f": widgets.FloatSlider(-5.0, min=-10, max=2, step=0.1, description="gate bias", readout_format=".1f"),
        "seed": widgets.IntSlider(0, 0, 99, description="seed"),
        "units": widgets.Dropdown(options=[8, 64, 128], value=64, description="units"),
        "inputs": widgets.Dropdown(options=[8, 64], value=64, description="inputs"),
        "input_size": widgets.Dropdown(options=sizes, value=0.1, description="input size"),
    }


def _compute(values):
    """Return the Compared for the values of the controls."""
    found = remedies_of(
        values["T"],
        g=values["g"],
        tau=values["tau"],
        gate_bias=values["b_f"],
        seed=values["seed"],
        num_hiddens=values["units"],
        num_inputs=values["inputs"],
        input_size=values["input_size"],
    )
    names = {
        "gaussian": f"gaussian, g = {values['g']:.2f}",
        "window": f"window τ = {values['tau']}",
        "orthogonal": "orthogonal, tanh",
        "identity": "identity, relu",
        "gated": f"gated, b$_f$ = {values['b_f']:.1f}".replace("-", "−"),
    }
    return _Compared(found, names)


def _describe(values, compared):
    """Return the sentence that says what is seen."""
    T, found = values["T"], compared.found
    patient = found["gaussian"]
    start = f"Of |dL/dh_{T}| there is left at h_1: gaussian W_hh, g = {values['g']:.2f}: {_says(patient)}"
    others = (f"{name}: {_says(found[key])}" for key, name in _OTHERS.items())
    few = (
        patient.name == "mean field"
        and np.isfinite(patient.decades[-1])
        and abs(patient.decades[-1] - patient.law[-1]) >= MEANINGFUL
    )
    why = f" The mean field is that of infinitely many units, not of {values['units']}." if few else ""
    return f"{start}; {'; '.join(others)}; {_window(values)}.{why}"


_OTHERS = {"orthogonal": "orthogonal W_hh", "identity": "identity with relu", "gated": "gated cell"}


def _says(remedy):
    end, law = remedy.decades[-1], remedy.law[-1]
    if np.isneginf(end):
        return f"exactly 0 (the {remedy.name} says {ratio(law)})" if np.isfinite(law) else "exactly 0"
    word = {"neither vanishing nor exploding": "alive"}.get(verdict(end), verdict(end))
    if not np.isfinite(law):
        return f"{ratio(end)}, {word} (no law holds)"
    return f"{ratio(end)}, {word} ({remedy.name}: {abs(end - law):.1f} decades off)"


def _window(values):
    T, tau = values["T"], values["tau"]
    if tau == T:
        return f"the window τ = {tau} keeps everything"
    return f"the window τ = {tau}: exactly 0 from h_{T - tau} back"


def _as_python(values, compared):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(**values)


_LINES = """\
from d2lbptt.growth.remedies import remedies

sizes = dict(num_hiddens={units}, num_inputs={inputs}, input_size={input_size})
found = remedies({T}, g={g}, tau={tau}, gate_bias={b_f}, seed={seed}, **sizes)
for name, remedy in found.items():
    print(f"{{name}}: {{remedy.decades[-1]:+.2f}} decades at h_1; {{remedy.name}}: {{remedy.law[-1]:+.2f}}")
"""
