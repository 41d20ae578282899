"""What does truncation throw away? The table of all pairs (t, k), what a scheme strikes out, and the error it makes."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..experiments._truncation import ROUNDING
from ..figures._paper import picture
from ..figures._truncation import _TruncationPicture, as_said
from ..gates import SCHEMES
from ..rnn import KINDS
from ._words import Said, counted, number, percent
from .front_end import Explorer, Menu, Slider, steps, within, within_T

LOSSES = [("at every step", "mean"), ("at the last step", "last")]
PRESETS = {
    "fading memory": {"g": 1.1, "activation": "tanh", "kind": "orthogonal", "units": 8},
    "one linear unit": {"g": 0.9, "activation": "identity", "kind": "identity", "units": 1},
    "chaos": {"g": 3.0, "activation": "tanh", "kind": "gaussian", "units": 16},
}


def truncation() -> Explorer:
    """Explore which cells (t, k) of the gradient a scheme of truncation drops, and what that does to the gradient.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.truncation`` and preset as ``controls``.
    """
    return Explorer(
        experiments.truncation,
        question="What does truncation throw away?",
        controls={
            "tau": Slider("steps $τ$, $k_2$", 1, 200, unit="steps"),
            "scheme": Menu("scheme", [(as_said(scheme), scheme) for scheme in SCHEMES]),
            "pi": Slider("keep, $π$", 0.05, 1, 0.01),
            "T": Slider("length $T$", 1, 200, unit="steps"),
            "g": Slider("scale $g$", 0, 3, 0.01),
            "k1": Slider("update, $k_1$", 1, 200, unit="steps"),
            "draw": Slider("draw", 0, 99),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
            "kind": Menu("$W_{hh}$", KINDS),
            "units": Slider("units", 1, 16),
            "reduction": Menu("loss", LOSSES),
            "seed": Slider("seed", 0, 99),
        },
        more=["preset", "k1", "draw", "activation", "kind", "units", "reduction", "seed"],
        picture=picture(_TruncationPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
        link=within_T("tau", then=within("tau", "k1", then=_only_what_counts)),
        leads={"tau": steps(1, 60), "scheme": []},
    )


def _only_what_counts(controls):
    scheme = controls["scheme"].value
    controls["tau"].disabled = scheme not in ("window", "chunks", "tbptt")
    controls["k1"].disabled = scheme != "tbptt"
    controls["pi"].disabled = controls["draw"].disabled = scheme != "randomized"


def _words(values, data):
    draws, settings = data.draws, f"$T = {data.T}$, $g = {values['g']:.2f}$"
    details = (*_overflow(values, data), *(_error(data) if draws is None else _chance(data)), *_other(values, data))
    start, few = _scheme(values, data), f"{data.dropped} of {counted(data.all, 'cell')}"
    if not data.network.table.norm:
        return Said(f"$∂L/∂W_{{hh}}$ is exactly 0 ({settings}), so {start} has nothing to throw away.", details)
    if not data.dropped:
        return Said(f"{start[0].upper()}{start[1:]} drops nothing ({settings}): this is the full gradient.", details)
    start = f"{start[0].upper()}{start[1:]} drops {few} ({settings})"
    if data.error < ROUNDING:
        return Said(f"{start}, and what they hold is 0 to rounding.", details)
    if draws is None:
        return Said(f"{start}; the gradient is then off by {percent(data.error)}.", details)
    mean = f"over {len(draws.along)} draws its component averages {_mean(draws)}"
    return Said(f"{start} and is off by {percent(data.error)}; {mean}.", details)


def _mean(draws):
    return number(draws.mean_along.round(4), 4)


def _scheme(values, data):
    """Return the scheme as the subject of a sentence."""
    spans = f"of $τ = {data.k2}$"
    names = {"full": f"full BPTT, without a window {spans},", "window": f"a window {spans}"}
    names["chunks"] = f"cutting into chunks {spans}"
    names["tbptt"] = f"an update every $k_1 = {data.k1}$ steps, back over $k_2 = τ = {data.k2}$,"
    return names.get(data.scheme, f"draw {data.draw} at $π = {values['pi']:.2f}$")


def _overflow(values, data):
    """Say why a shorter sequence is shown than was asked for, if so."""
    shorter = f"$T = {values['T']}$ is too long: {data.network.overflow}, so $T = {data.T}$ is shown."
    return [shorter] if data.network.overflow else []


def _error(data):
    if not data.network.table.norm or data.error < ROUNDING:
        return ["The cells that are kept add up to the gradient of BPTT."]
    law = (
        f"Theory (dashed): a law $r^{{t-k}}$ with $r = {number(data.network.r)}$ gives an error of {percent(data.law)}."
    )
    cosine = f"; the cosine to the full gradient is {data.cosine:.4f}" if np.isfinite(data.cosine) else ""
    return [f"The dropped cells, summed, are the error{cosine}.", law]


def _chance(data):
    draws = data.draws
    theory = number(draws.spread) if np.isfinite(draws.spread) else "beyond float64"
    rare = " What lacks comes from draws too rare to be among these." if draws.std_along < draws.spread / 2 else ""
    return [
        f"A cell that is kept weighs $1/π^{{t-k}}$, here up to {number(data.weights.max())}.",
        f"The component along the full gradient is {_mean(draws)} on average over {len(draws.along)} draws; theory: 1.",
        f"Its spread is {number(draws.std_along.round(13))}; theory (dashed): {theory}.{rare}",
    ]


def _other(values, data):
    """Say where the folded controls stand, and those that the scheme does not use."""
    losses = {value: words for words, value in LOSSES}
    network = f"$φ$ = {values['activation']}, $W_{{hh}}$ {values['kind']}, {counted(values['units'], 'unit')}"
    preset = f"Preset {values['preset']}: " if values["preset"] else ""
    yield f"{preset}{network}, loss {losses[values['reduction']]}, seed {values['seed']}."
    others = [f"$τ = {values['tau']}$"] * (data.scheme == "randomized")
    others += [f"$k_1 = {values['k1']}$"] * (data.scheme != "tbptt")
    others += [f"$π = {values['pi']:.2f}$", f"draw {values['draw']}"] * (data.scheme != "randomized")
    yield f"Without effect here: {', '.join(others)}."
