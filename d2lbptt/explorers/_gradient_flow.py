"""How far back does the gradient reach? |dL/dh_t| for every t, computed and by theory (9.7.14, 9.7.15)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation, experiments
from ..activations import ACTIVATIONS
from ..figures._flow import _GradientFlowPicture
from ..figures._paper import picture
from ..rnn import KINDS, Params
from ._words import SAME, Said, fate, number, power, verdict
from .front_end import Explorer, Menu, Slider, steps, within_T

LONGEST = 1000  # steps
LOSSES = {"last": "at the last step", "mean": "at every step"}
REACH = [("as needed", None), ("±10", 10), ("±30", 30), ("±100", 100), ("±400", 400)]
PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "activation": "tanh", "kind": "gaussian"},
    "edge": {"T": 200, "g": 1.1, "activation": "tanh", "kind": "orthogonal"},
    "exploding": {"T": 200, "g": 2.0, "activation": "tanh", "kind": "gaussian"},
    "linear": {"T": 200, "g": 0.8, "activation": "identity", "kind": "gaussian"},
}


def gradient_flow(
    *,
    params: Params | None = None,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    h0: ArrayLike | None = None,
    activation: str = "tanh",
) -> Explorer:
    """Explore how the size of dL/dh_t changes on the way back from t = T to t = 1.

    Parameters
    ----------
    params, x, y, h0 : optional
        The reader's own model, as for ``experiments.gradient_flow``. The slider g multiplies its W_hh, and the slider T
        keeps the first T steps of x.
    activation : str
        Where the control starts.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.gradient_flow``, decades and preset as ``controls``; those of the reader's
        own model lack preset, kind and seed.

    Raises
    ------
    TypeError, ValueError
        If the model or the sequence is not what ``forward`` takes, or one of them is missing where another argument
        is given.
    """
    own = {"params": params, "x": x, "y": y, "h0": h0}
    given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    start: dict[str, Any] = {"activation": _validation.one_of("activation", activation, ACTIVATIONS)}
    if given:
        experiments.gradient_flow(g=1.0, **start, **given)  # what does not fit is refused at once
        start |= {"T": len(given["x"]), "g": 1.0}
    controls = _controls(start.get("T", LONGEST), built_in=not given)
    return Explorer(
        experiments.gradient_flow,
        question="How far back does the gradient reach?",
        controls=controls,
        more=[key for key in ("kind", "seed", "reduction", "decades") if key in controls],
        picture=picture(_GradientFlowPicture, 9.6, 4.8),
        words=_words,
        presets={} if given else PRESETS,
        link=within_T("tau"),
        start=start,
        given=given,
        leads={} if given else {"g": steps(0, 3, 0.1), "T": [20, 50, 100, 200, 500, 1000]},
    )


def _controls(longest, built_in):
    controls = {
        "g": Slider("scale $g$", 0, 3, 0.01),
        "T": Slider("length $T$", 1, longest, unit="steps"),
        "tau": Slider("window $τ$", 1, longest, unit="steps"),
        "activation": Menu("$φ$", list(ACTIVATIONS)),
        "reduction": Menu("loss", [(words, name) for name, words in LOSSES.items()]),
        "kind": Menu("$W_{hh}$", KINDS),
        "seed": Slider("seed", 0, 99),
        "decades": Menu("decades", REACH),
    }
    return controls if built_in else {key: control for key, control in controls.items() if key not in ("kind", "seed")}


def _words(values, flow):
    T = len(flow.full)
    carried = T > 1 and np.isfinite(flow.full[-1])
    rho, sigma_max = _size(abs(flow.eigenvalues[0])), _size(flow.singular_values[0])
    details = [f"{flow.overflow.replace('h_t', '$h_t$')}: $T = {T}$ is shown."] if flow.overflow else []
    if carried:
        details = [" ".join([*details, _arrives(flow, T)])]
        details.append(_why_it_does_not_vanish(flow) if flow.every_step else _what_tau_drops(flow))
    details += [f"$ρ =$ {rho} and $σ_{{max}} =$ {sigma_max}.", f"{_what_is_certain(flow)}."]
    details += [_how_far_theory_is_off(flow)] if carried else []
    return Said(_what_is_seen(values, flow), (*details, _what_is_set(values)))


def _what_is_seen(values, flow):
    """Return the sentence, which has the values of all sliders in sight."""
    T, asked, phi = len(flow.full), values["T"], values["activation"]
    phi, g, window = "the identity" if phi == "identity" else phi, f"$g = {values['g']:.2f}$", f"$τ = {values['tau']}$"
    at = f"With {phi}, {g} and a loss per step" if flow.every_step else f"With {phi} and {g}"
    steps = f"$T = {T}$ step{'s' * (T != 1)}" if T == asked else f"{T} of {asked} steps, then it overflows"
    if not np.isfinite(flow.full[-1]):
        return f"{at}, the gradient is exactly 0 from the start, over {steps}; the window {window} has nothing to keep."
    if T == 1:
        return f"{at}, there is nothing to carry back over {steps}; the window {window} keeps everything."
    change = flow.full[0] - flow.full[-1]
    word = {"vanishing": ": it vanishes", "exploding": ": it explodes" * (T == asked)}.get(verdict(change), "")
    return f"{at}, the gradient {fate(change)} over {steps}{word}; the window {window} {_what_a_window_does(flow)}."


def _size(value):
    """Return a number with two places, or with as many as tell it from 1."""
    if not 0.1 <= value < 100:
        return number(value)
    words = (f"{value:.{places}f}" for places in range(2, 9))
    return next((found for found in words if float(found) != 1), "1")


def _what_a_window_does(flow):
    dropped = len(flow.full) - flow.tau
    if dropped == 0:
        return "keeps everything"
    if not flow.every_step or not np.isfinite(flow.full[0]):
        return f"drops the first {f'{dropped} steps' if dropped > 1 else 'step'}"
    kept = flow.truncated[0] - flow.full[0]
    return "hardly changes its size" if abs(kept) < SAME else f"leaves {power(kept, digits=0)} of it"


def _arrives(flow, T):
    change = flow.full[0] - flow.full[-1]
    return f"$|∂L/∂h_1|$ is {power(change)}" + (f" times $|∂L/∂h_{{{T}}}|$." if np.isfinite(change) else ".")


def _what_is_set(values):
    model = f"$W_{{hh}}$: {values['kind']}, seed {values['seed']}. " if "kind" in values else ""
    reach = next(words for words, decades in REACH if decades == values["decades"])
    return f"{model}Loss: {LOSSES[values['reduction']]}. Decades of the axis: {reach}."


def _what_tau_drops(flow):
    before = len(flow.full) - flow.tau
    if not before:
        return f"The window $τ = {flow.tau}$ reaches back to $h_1$."
    states = "state" if before == 1 else f"{before} states"
    return f"The window ends at $h_{{{before + 1}}}$: nothing reaches the {states} before."


def _why_it_does_not_vanish(flow):
    alone = power(flow.last[0] - flow.last[-1])
    near = "Every step has a loss of its own, and those near $t = 1$ feed this end"
    return f"{near}; of that at $T$ alone, {alone} arrives."


def _what_is_certain(flow):
    known, of = flow.conditions, " of each single loss" if flow.every_step else ""
    what = "$W_{hh}$ alone does not decide"
    if known.vanishing == "certain":
        what = f"With enough steps vanishing{of} is certain"
    elif known.exploding.startswith("certain"):
        what = "With enough steps exploding is certain for almost every gradient"
    elif known.exploding == "excluded":
        what = f"Exploding{of} is excluded"
    by = "" if known.gamma == 1 else f"/{1 / known.gamma:.3g}"
    names = {"gamma sigma_max": f"$σ_{{max}}{by}$", "gamma rho(|W|)": f"$ρ(|W_{{hh}}|){by}$"}
    because = known.because.replace("and rho", "and $ρ$").replace("|lambda_i|", "$|λ_i|$")
    for name, symbol in names.items():
        because = because.replace(name, symbol)
    return f"{what}: {because}"


def _how_far_theory_is_off(flow):
    if flow.theory is None:
        return "$W_{hh}$ is not diagonalizable, or too near to such a matrix: there is no law $c ρ^k$."
    found, name = flow.last[0] - flow.last[-1], "Theory, $c ρ^k$ with the slopes in front,"
    if flow.every_step:
        name = f"For that loss alone the theory, {name[8:]}"
    if not np.isfinite(flow.theory[0]):
        why = ": the loss has no share in the eigenvectors of $ρ$" if np.isfinite(found) else " as well"
        return f"{name} says 0{why}."
    if not np.isfinite(found):
        return f"{name} says {power(flow.theory[0])}."
    off = abs(flow.theory[0] - found)
    return f"{name} is {off:.{1 if off >= 0.1 else 2}f} decades off at $t = 1$."
