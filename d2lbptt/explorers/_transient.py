"""Can a gradient grow although every eigenvalue is below 1? The powers of a matrix that is not normal."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._transient import _TransientPicture
from ._words import Said, power
from .front_end import Explorer, Menu, Slider, steps, within_T

PRESETS = {
    "grows 100-fold first": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "identity"},
    "normal: no transient": {"rho": 0.95, "gap": 0.1, "c": 0.0, "T": 200, "k": 10, "activation": "identity"},
    "one eigenvector only": {"rho": 0.95, "gap": 0.0, "c": 5.0, "T": 200, "k": 20, "activation": "identity"},
    "tanh stops it": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "tanh"},
}
NONE = np.log10(1.01)  # a change that is none


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
            "c": Slider("$c = W_{12}$", 0, 50, 0.5),
            "rho": Slider("radius $ρ$", 0.5, 1.05, 0.01),
            "k": Slider("steps $k$", 0, 199, unit="steps"),
            "T": Slider("length $T$", 10, 1000, unit="steps"),
            "gap": Slider("$λ_1 - λ_2$", 0, 1, 0.01),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
            "seed": Slider("gradient", 0, 99),
            "input": Slider("input size", 0, 1, 0.01),
        },
        more=["gap", "activation", "seed", "input"],
        picture=picture(_TransientPicture, 9.6, 4.3),
        words=_words,
        presets=PRESETS,
        link=within_T("k", less=1, then=_only_what_counts),
        leads={"c": steps(0, 50, 2.5), "k": [0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 199]},
    )


def _only_what_counts(controls):
    controls["input"].disabled = ACTIVATIONS[controls["activation"].value].linear


def _words(values, data):
    at = f"At $c = {values['c']:.1f}$ and $ρ = {values['rho']:.2f}$"
    back = f"$k = {data.k}$ step{'s' * (data.k != 1)} back from $T = {data.T}$"
    how = ", though both eigenvalues are below 1" if values["rho"] < 1 and data.gradient[data.k] >= NONE else ""
    theory = "$ρ^k$ is the larger eigenvalue alone. No linear network with this $W$ passes the dotted bounds."
    details = _worst(values, data), _this(data.gradient, values["seed"]), _network(values), _eigen(values, data), theory
    return Said(f"{at}, {back}, the gradient {_fate(data.gradient, data.k)}{how}.", details)


def _fate(decades, k):
    """Return what a gradient has become in k steps."""
    now, most = decades[k], decades[: k + 1].max()
    if k == 0:
        return "still has its full size"
    if np.isneginf(now):
        return "is exactly 0"
    if abs(now) < NONE:
        return "is as large as at the start, to 1%"
    if now > 0:
        return f"has grown {_fold(now)}"
    return f"has shrunk {_fold(-now)}" + (f", after it had grown {_fold(most)}" if most >= NONE else "")


def _largest(decades):
    """Return the largest of them and where it is; the end where they come to rest, as at rho = 1."""
    at = int(np.argmax(decades))
    at = len(decades) - 1 if decades[-1] > decades[at] - 1e-9 else at
    return decades[at], at


def _worst(values, data):
    worst = "The worst gradient" + (" of the identity" if data.activation != "identity" else "")
    size, at = _largest(data.norms)
    if data.peak is None:
        return _without_end(worst, f"{_fold(size)} at $k = {at}$", values)
    if data.peak == 0:
        return f"$|W|$ is below 1, so there is no transient: {worst.lower()} shrinks in every step."
    grows = "grows first" if data.peak < data.T else "is still growing"
    return f"{worst} {grows}, {_fold(size)} at $k = {at}$; from $k = {data.below}$ on it stays below 1."


def _without_end(worst, found, values):
    if values["rho"] == 1 and values["c"] == 0:
        return f"$ρ$ is 1 and $W$ is normal: {worst.lower()} keeps its size for ever."
    if values["rho"] == 1 and values["gap"] > 0:
        return f"{worst} grows, {found}, and comes to rest: $ρ$ is 1."
    why = "$ρ$ is above 1" if values["rho"] > 1 else "$ρ$ is 1 with one eigenvector only"
    return f"{worst} grows without end, {found}: {why}."


def _this(decades, seed):
    size, at = _largest(decades)
    grows = f"is largest at $k = {at}$, {_fold(size)}" if size >= NONE else "never grows by 1%"
    return f"This gradient, number {seed} of the random ones, {grows}."


def _network(values):
    phi, size = values["activation"], f"{values['input']:.2f}"
    if ACTIVATIONS[phi].linear:
        return f"The activation is {phi}, so that inputs, of size {size}, change nothing."
    return f"The activation is {phi}, the inputs are of size {size}; the worst gradient is that of the identity."


def _eigen(values, data):
    apart = f"The eigenvalues are $λ_1 - λ_2 = {values['gap']:.2f}$ apart"
    return (
        f"{apart}, their eigenvectors {data.angle:.2g}°." if data.angle else f"{apart}: there is one eigenvector only."
    )


def _fold(decades):
    return f"{power(decades)}-fold"
