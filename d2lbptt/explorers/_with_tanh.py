"""What does a nonlinearity change? The same weights with the identity and with tanh, side by side."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._flow import _WithTanhPicture
from ..figures._paper import picture
from ..rnn import KINDS
from ._words import ratio, verdict
from .front_end import Explorer, Menu, Slider


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
            "activation": Menu("φ", [name for name in ACTIVATIONS if name != "identity"]),
            "T": Slider("length T", 1, 1000),
            "g": Slider("scale g", 0, 3, 0.01),
            "input": Slider("input size", 0, 3, 0.05),
            "kind": Menu("W_hh", KINDS),
            "seed": Slider("seed", 0, 99),
        },
        more=["seed"],
        picture=picture(_WithTanhPicture, 9.6, 4),
        words=_words,
    )


def _words(values, data):
    T, slope = len(data.full), np.median(data.slopes)
    shares = f"{_share(data.identity)} with the identity and {_share(data.full)} with {data.activation}"
    start = f"T = {T}, g = {values['g']:.2f}: of |dL/dh_{T}|, h_1 gets {shares}."
    return f"{start} The median slope φ′ is {slope:.2f} (1 for the identity)."


def _share(decades):
    change = decades[0] - decades[-1]
    return f"{ratio(change)} ({verdict(change)})" if np.isfinite(change) else "exactly 0"
