"""What does truncation throw away? The table of all pairs (t, k), what a scheme strikes out, and the error it makes."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..experiments._truncation import ROUNDING
from ..figures._paper import picture
from ..figures._style import short
from ..figures._truncation import _TruncationPicture
from ..gates import SCHEMES
from ..rnn import KINDS
from ._words import counted
from .front_end import Explorer, Menu, Slider, within_T

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
            "scheme": Menu("scheme", SCHEMES),
            "T": Slider("length T", 1, 200),
            "tau": Slider("steps τ", 1, 200),
            "pi": Slider("keep, π", 0.05, 1, 0.01),
            "g": Slider("scale g", 0, 3, 0.01),
            "draw": Slider("draw", 0, 99),
            "activation": Menu("φ", list(ACTIVATIONS)),
            "kind": Menu("W_hh", KINDS),
            "units": Slider("units", 1, 16),
            "reduction": Menu("loss", LOSSES),
            "seed": Slider("seed", 0, 99),
        },
        more=["preset", "draw", "activation", "kind", "units", "reduction", "seed"],
        picture=picture(_TruncationPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
        link=within_T("tau", then=_only_what_counts),
    )


def _only_what_counts(controls):
    scheme = controls["scheme"].value
    controls["tau"].disabled = scheme not in ("window", "chunks")
    controls["pi"].disabled = controls["draw"].disabled = scheme != "randomized"


def _words(values, data):
    T, overflow, tau = data.T, data.network.overflow, min(values["tau"], data.T)
    start = f"{overflow}, so T = {T} is shown. " * bool(overflow) + f"T = {T}"
    start += ", loss at the last step" * (values["reduction"] == "last")
    if not data.network.table.norm:
        return f"{start}: dL/dW_hh is exactly 0 here, so there is nothing to throw away."
    names = {"full": "full gradient", "window": f"window τ = {tau}", "chunks": f"chunks of τ = {tau}"}
    name = names.get(data.scheme, f"randomized, π = {values['pi']:.2f}, draw {data.draw}")
    cells = f"{data.dropped} of {counted(data.all, 'cell')} dropped"
    return f"{start}, {name}: {cells}. {_error(data) if data.draws is None else _chance(data)}"


def _error(data):
    if data.error < ROUNDING:
        return "What they hold is 0 to rounding." if data.dropped else "All cells together are the gradient of BPTT."
    law = f"by the law r^(t-k), r = {short(data.network.r)}, it would be {_percent(data.law)}"
    cosine = f" (cosine {data.cosine:.4f})" if np.isfinite(data.cosine) else ""
    return f"They are the error: {_percent(data.error)} of the gradient{cosine}; {law}."


def _chance(data):
    draws = data.draws
    mean, spread = short(draws.mean_along.round(4), 4), draws.std_along
    theory = short(draws.spread) if np.isfinite(draws.spread) else "beyond float64"
    rare = " (what lacks comes from draws too rare to be among these)" if spread < draws.spread / 2 else ""
    return (
        f"Those kept weigh up to {short(data.weights.max())}, and the error is {_percent(data.error)}. "
        f"Of {len(draws.along)} draws the component along the full gradient is {mean} on average, "
        f"spread {short(spread)}; theory: 1 and {theory}{rare}."
    )


def _percent(part):
    return f"{short(100 * part)} %" if part > ROUNDING else "0 to rounding"
