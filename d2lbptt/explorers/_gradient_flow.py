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
from ._words import ratio, size, verdict
from .front_end import Explorer, Menu, Slider, within_T

LONGEST = 1000  # steps
PRESETS = {
    "vanishing": {"T": 200, "g": 0.8, "activation": "tanh", "kind": "gaussian"},
    "edge": {"T": 200, "g": 1.1, "activation": "tanh", "kind": "orthogonal"},
    "exploding": {"T": 200, "g": 2.0, "activation": "tanh", "kind": "gaussian"},
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
    )


def _controls(longest, built_in):
    losses = [("at the last step", "last"), ("at every step", "mean")]
    reach = [("as needed", None), ("±10", 10), ("±30", 30), ("±100", 100), ("±400", 400)]
    controls = {
        "activation": Menu("φ", list(ACTIVATIONS)),
        "T": Slider("length T", 1, longest),
        "g": Slider("scale g", 0, 3, 0.01),
        "tau": Slider("window τ", 1, longest),
        "reduction": Menu("loss", losses),
        "kind": Menu("W_hh", KINDS),
        "seed": Slider("seed", 0, 99),
        "decades": Menu("decades", reach),
    }
    return controls if built_in else {key: control for key, control in controls.items() if key not in ("kind", "seed")}


def _words(values, flow):
    T = len(flow.full)
    words = [f"{flow.overflow}, so T = {T} is shown."] if flow.overflow else []
    words.append(f"T = {T}, g = {values['g']:.2f}, {values['activation']}: {_reach(flow)}.")
    carried = T > 1 and np.isfinite(flow.full[-1])
    if carried:
        words.append(_why_it_does_not_vanish(flow) if flow.every_step else _what_tau_drops(flow))
    rho, sigma_max = abs(flow.eigenvalues[0]), flow.singular_values[0]
    words.append(f"ρ = {size(rho)}, σ_max = {size(sigma_max)}. {_what_is_certain(flow)}.")
    if carried:
        words.append(_how_far_theory_is_off(flow))
    return " ".join(words)


def _reach(flow):
    T = len(flow.full)
    if not np.isfinite(flow.full[-1]):
        return f"dL/dh_{T} is exactly 0, so there is nothing to carry back"
    if T == 1:
        return "one step, and nothing to carry back"
    change = flow.full[0] - flow.full[-1]
    if not np.isfinite(change):
        return "dL/dh_1 is exactly 0: vanishing"
    return f"|dL/dh_1| is {ratio(change)} of |dL/dh_{T}|: {verdict(change)}"


def _what_tau_drops(flow):
    before = len(flow.full) - flow.tau
    if not before:
        return f"The window τ = {flow.tau} keeps everything."
    states = "state" if before == 1 else f"{before} states"
    return f"The window τ = {flow.tau} ends at h_{before + 1}: nothing reaches the {states} before."


def _why_it_does_not_vanish(flow):
    alone = flow.last[0] - flow.last[-1]
    share = ratio(alone) if np.isfinite(alone) else "exactly 0"
    return f"Every step has a loss of its own, and those near t = 1 feed this end; of that at T alone, {share} arrives."


def _what_is_certain(flow):
    known, of = flow.conditions, " of each single loss" if flow.every_step else ""
    what = "W_hh alone does not decide"
    if known.vanishing == "certain":
        what = f"With enough steps vanishing{of} is certain"
    elif known.exploding.startswith("certain"):
        what = "With enough steps exploding is certain for almost every gradient"
    elif known.exploding == "excluded":
        what = f"Exploding{of} is excluded"
    by = "" if known.gamma == 1 else f"/{1 / known.gamma:.3g}"
    because = known.because.replace("gamma sigma_max", f"σ_max{by}").replace("gamma rho(|W|)", f"ρ(|W_hh|){by}")
    return f"{what}: {because.replace('rho', 'ρ')}"


def _how_far_theory_is_off(flow):
    if flow.theory is None:
        return "W_hh is not diagonalizable, or too near to such a matrix: there is no law c ρᵏ."
    found, name = flow.last[0] - flow.last[-1], "Theory, c ρᵏ with the slopes in front,"
    if flow.every_step:
        name = f"For that loss alone the theory, {name[8:]}"
    if not np.isfinite(flow.theory[0]):
        why = ": the loss has no share in the eigenvectors of ρ" if np.isfinite(found) else " as well"
        return f"{name} says 0{why}."
    if not np.isfinite(found):
        return f"{name} says {ratio(flow.theory[0])}."
    off = abs(flow.theory[0] - found)
    return f"{name} is {off:.{1 if off >= 0.1 else 2}f} decades off at t = 1."
