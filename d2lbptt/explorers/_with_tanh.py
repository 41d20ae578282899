"""What does a nonlinearity change? The same weights with the identity and with tanh, side by side."""

from __future__ import annotations

import numpy as np
from ipywidgets import Dropdown, FloatSlider, IntSlider

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._flow import _WithTanhPicture
from ..figures._paper import picture
from ..rnn import KINDS
from ._live import Explorer
from ._words import Said, amount, fate, verdict


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
            "g": FloatSlider(min=0, max=3, step=0.01, description="scale g"),
            "activation": Dropdown(options=[name for name in ACTIVATIONS if name != "identity"], description="φ"),
            "T": IntSlider(min=1, max=1000, description="length T"),
            "input": FloatSlider(min=0, max=3, step=0.05, description="input size"),
            "kind": Dropdown(options=KINDS, description="W_hh"),
            "seed": IntSlider(min=0, max=99, description="seed"),
        },
        more=["seed"],
        picture=picture(_WithTanhPicture, 9.6, 4.2),
        words=_words,
    )


def _words(values, data):
    T, slope = len(data.full), np.median(data.slopes)
    details = [_arrives(data.identity, "the identity"), _arrives(data.full, data.activation)] if T > 1 else []
    details += [
        f"The median slope $φ'$ is {slope:.2f}; that of the identity is 1.",
        f"$W_{{hh}}$: {values['kind']}, seed {values['seed']}. Both networks have the same weights and inputs.",
    ]
    return Said(_what_is_seen(values, data, T), tuple(details))


def _what_is_seen(values, data, T):
    at = f"At $g = {values['g']:.2f}$ and input size ${values['input']:.2f}$"
    if T == 1:
        return f"{at}, $T = 1$ step leaves nothing to carry back, with the identity or with {data.activation}."
    linear, other = (fate(decades[0] - decades[-1]) for decades in (data.identity, data.full))
    if linear == other:
        return f"{at}, the gradient {linear} over $T = {T}$ steps, with the identity and with {data.activation} alike."
    verb = linear.split()[0]
    beside = f"and {other.removeprefix(verb + ' ')}" if other.startswith(verb) else f"but {other}"
    return f"{at}, the gradient {linear} over $T = {T}$ steps with the identity, {beside} with {data.activation}."


def _arrives(decades, phi):
    change, T = decades[0] - decades[-1], len(decades)
    if not np.isfinite(change):
        return f"With {phi}, $|dL/dh_1|$ is exactly 0: vanishing."
    return f"With {phi}, $|dL/dh_1|$ is {amount(change)} times $|dL/dh_{{{T}}}|$: {verdict(change)}."
