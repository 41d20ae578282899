"""What does a nonlinearity change? The same weights with the identity and with tanh, side by side."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._flow import _WithTanhPicture
from ..figures._paper import picture
from ..rnn import KINDS
from ._words import Said, fate, power, verdict
from .front_end import Explorer, Menu, Slider, steps


def with_tanh() -> Explorer:
    """Explore what tanh makes of the gradient of a linear network.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.with_tanh`` as ``controls``.
    """
    return Explorer(
        experiments.with_tanh,
        question="What does a nonlinearity change?",
        controls={
            "g": Slider("scale $g$", 0, 3, 0.01),
            "activation": Menu("$φ$", [name for name in ACTIVATIONS if name != "identity"]),
            "T": Slider("length $T$", 1, 1000, unit="steps"),
            "input": Slider("input size", 0, 3, 0.05),
            "kind": Menu("$W_{hh}$", KINDS),
            "seed": Slider("seed", 0, 99),
        },
        more=["seed"],
        picture=picture(_WithTanhPicture, 9.6, 4.2),
        words=_words,
        leads={"g": steps(0, 3, 0.05), "activation": []},
    )


def _words(values, data):
    T, slope = len(data.full), np.median(data.slopes)
    details = [f"{data.overflow.replace('h_t', '$h_t$')}: $T = {T}$ is shown."] if data.overflow else []
    details += [_arrives(data.identity, "the identity"), _arrives(data.full, data.activation)] if T > 1 else []
    details += [
        f"The median slope $φ'$ is {slope:.2f}; that of the identity is 1.",
        f"$W_{{hh}}$: {values['kind']}, seed {values['seed']}. Both networks have the same weights and inputs.",
    ]
    return Said(_what_is_seen(values, data, T), tuple(details))


def _what_is_seen(values, data, T):
    at = f"At $g = {values['g']:.2f}$ and input size ${values['input']:.2f}$"
    steps = f"$T = {T}$ steps" if T == values["T"] else f"the first {T} of $T = {values['T']}$ steps"
    if T == 1:
        return (
            f"{at}, $T = {values['T']}$ step leaves nothing to carry back, with the identity or with {data.activation}."
        )
    linear, other = (fate(decades[0] - decades[-1]) for decades in (data.identity, data.full))
    if linear == other:
        return f"{at}, the gradient {linear} over {steps}, with the identity and with {data.activation} alike."
    verb = linear.split()[0]
    beside = f"and {other.removeprefix(verb + ' ')}" if other.startswith(verb) else f"but {other}"
    return f"{at}, the gradient {linear} over {steps} with the identity, {beside} with {data.activation}."


def _arrives(decades, phi):
    change, T = decades[0] - decades[-1], len(decades)
    if not np.isfinite(change):
        return f"With {phi}, $|∂L/∂h_1|$ is exactly 0: vanishing."
    return f"With {phi}, $|∂L/∂h_1|$ is {power(change)} times $|∂L/∂h_{{{T}}}|$: {verdict(change)}."
