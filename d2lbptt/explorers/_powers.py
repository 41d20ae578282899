"""Where does M^k x point? The direction of M^k x, its length, and the law for many x."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._paper import picture
from ..figures._powers import _PowersPicture
from ._words import counted, ratio
from .front_end import Explorer, Menu, Slider

PRESETS = {
    "clear winner": {"n": 8, "ratio": 0.7, "k": 20, "spectrum": "equal"},
    "close race": {"n": 8, "ratio": 0.97, "k": 100, "spectrum": "equal"},
    "many dimensions": {"n": 64, "ratio": 0.7, "k": 20, "spectrum": "equal"},
}


def powers() -> Explorer:
    """Explore the direction of M^k x for a symmetric M and random x.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.powers`` as ``controls``, and preset.
    """
    kinds = [("all equal to λ₂", "equal"), ("falling, each by λ₂/λ₁", "falling"), ("from λ₂ to −λ₂", "both signs")]
    angles = [(f"{degrees:g}°", degrees) for degrees in (0.1, 1.0, 5.0, 20.0)]
    return Explorer(
        experiments.powers,
        question="Where does Mᵏx point?",
        controls={
            "k": Slider("steps k", 0, 200),
            "n": Slider("size n", 2, 64),
            "ratio": Slider("|λ₂ / λ₁|", 0.5, 0.99, 0.01),
            "seed": Slider("which x", 0, 99),
            "within": Menu("aligned", angles),
            "spectrum": Menu("other λ", kinds),
            "draws": Menu("random x", [100, 1000, 2000]),
            "lambda_1": Slider("λ₁", 0.5, 1.5, 0.01),
        },
        more=["within", "spectrum", "draws", "lambda_1"],
        picture=picture(_PowersPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
    )


def _words(values, data):
    k, (mean, spread) = data.k, data.expected
    x = {0: "x itself", 1: "M x"}.get(k, f"M^{k} x")
    places = 0 if spread >= 0.5 else 1
    one = f"{x} is {_degrees(data.curve[k])} degrees from ±v₁ and {ratio(data.length[k])} times as long as x"
    near = f"{data.count} of {len(data.crowd)} random x are within {counted(f'{data.within:g}', 'degree')}"
    law = f"the law expects {mean:.{places}f} ± {spread:.{places}f}"
    return f"k = {k}, n = {values['n']}: {one}; {near}, {law}."


def _degrees(d):
    angle = np.degrees(np.arctan(10**d))
    return f"{angle:.3g}" if angle >= 0.01 else ratio(d + np.log10(180 / np.pi))
