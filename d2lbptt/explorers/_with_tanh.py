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
from ._words import ratio, verdict


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
            "activation": Dropdown(options=[name for name in ACTIVATIONS if name != "identity"], description="φ"),
            "T": IntSlider(min=1, max=1000, description="length T"),
            "g": FloatSlider(min=0, max=3, step=0.01, description="scale g"),
            "input": FloatSlider(min=0, max=3, step=0.05, description="input size"),
            "kind": Dropdown(options=KINDS, description="W_hh"),
            "seed": IntSlider(min=0, max=99, description="seed"),
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
