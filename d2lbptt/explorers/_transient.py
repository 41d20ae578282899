"""Can a gradient grow although every eigenvalue is below 1? The powers of a matrix that is not normal."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures import _style as style
from ..figures._paper import picture
from ..figures._transient import _TransientPicture
from ._words import ratio
from .front_end import Explorer, Menu, Slider, within_T

PRESETS = {
    "grows 100-fold first": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "identity"},
    "normal: no transient": {"rho": 0.95, "gap": 0.1, "c": 0.0, "T": 200, "k": 10, "activation": "identity"},
    "one eigenvector only": {"rho": 0.95, "gap": 0.0, "c": 5.0, "T": 200, "k": 20, "activation": "identity"},
    "tanh stops it": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "tanh"},
}


def transient() -> Explorer:
    """Explore how far the powers of a 2 x 2 matrix grow before its eigenvalues have their way.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.transient`` as ``controls``, and preset.
    """
    return Explorer(
        experiments.transient,
        question="Can a gradient grow although every eigenvalue is below 1?",
        controls={
            "rho": Slider("radius ρ", 0.5, 1.05, 0.01),
            "c": Slider("c = W₁₂", 0, 50, 0.5),
            "T": Slider("length T", 10, 1000),
            "k": Slider("steps k", 0, 199),
            "gap": Slider("λ₁ − λ₂", 0, 1, 0.01),
            "activation": Menu("φ", list(ACTIVATIONS)),
            "seed": Slider("gradient", 0, 99),
            "input": Slider("input size", 0, 1, 0.01),
        },
        more=["gap", "activation", "seed", "input"],
        picture=picture(_TransientPicture, 9.6, 4.3),
        words=_words,
        presets=PRESETS,
        link=within_T("k", less=1, then=_only_what_counts),
    )


def _only_what_counts(controls):
    controls["input"].disabled = ACTIVATIONS[controls["activation"].value].linear


def _words(values, data):
    phi = "" if data.activation == "identity" else f", with {data.activation},"
    size, at = _largest(data.gradient)
    this = f"grows {_fold(size)} (k = {at})" if size >= np.log10(1.01) else "does not grow by 1%"
    return f"{_worst(values, data)} This gradient{phi} {this}."


def _largest(decades):
    """Return the largest of them and where it is; the end where they come to rest, as at rho = 1."""
    at = int(np.argmax(decades))
    at = len(decades) - 1 if decades[-1] > decades[at] - 1e-9 else at
    return decades[at], at


def _worst(values, data):
    worst = "The worst gradient" + (" of the identity" if data.activation != "identity" else "")
    size, at = _largest(data.norms)
    if data.peak is None:
        return _without_end(worst, f"{_fold(size)} at k = {at}", values)
    if data.peak == 0:
        return f"|W| is below 1, so there is no transient: {worst.lower()} shrinks in every step."
    grows = "grows first" if data.peak < data.T else "is still growing"
    return f"{worst} {grows}, {_fold(size)} at k = {at}, though ρ < 1; from k = {data.below} on it stays below 1."


def _without_end(worst, found, values):
    if values["rho"] == 1 and values["c"] == 0:
        return f"ρ is 1 and W is normal: {worst.lower()} keeps its size for ever."
    if values["rho"] == 1 and values["gap"] > 0:
        return f"{worst} grows, {found}, and comes to rest: ρ is 1."
    why = "ρ is above 1" if values["rho"] > 1 else "ρ is 1 with one eigenvector only"
    return f"{worst} grows without end, {found}: {why}."


def _fold(decades):
    """Return 10^decades of at least 1 in words."""
    return f"{style.short(10**decades) if decades < 4 else ratio(decades)}-fold"
