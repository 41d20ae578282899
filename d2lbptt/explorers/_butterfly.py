"""Do two neighbouring starts stay neighbours? One unit of two runs, their distance, and what Jacobians make of it."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._butterfly import _ButterflyPicture
from ..figures._paper import picture
from ..growth.perturbed_runs import rate
from ..rnn import KINDS
from .front_end import Explorer, Menu, Slider

RUN = {"g": 2.5, "delta": -8, "T": 200, "units": 64, "kind": "gaussian", "input": 0.0}
SLOW = RUN | {"g": 1.5, "T": 1000, "kind": "orthogonal"}
PRESETS = {
    "chaos": RUN,
    "calm": RUN | {"g": 0.8},
    "slow chaos": SLOW,
    "input calms it": SLOW | {"input": 0.7},
    "as near as rounding": RUN | {"delta": -14},
}


def butterfly() -> Explorer:
    """Explore how far apart two runs are that begin next to each other.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.butterfly`` as ``controls``, and preset.
    """
    return Explorer(
        experiments.butterfly,
        question="Do two neighbouring starts stay neighbours?",
        controls={
            "g": Slider("scale g", 0, 3, 0.01),
            "delta": Slider("log₁₀ δ", -14, -1),
            "T": Slider("length T", 10, 1000),
            "seed": Slider("seed", 0, 99),
            "units": Menu("units", [16, 32, 64, 128]),
            "kind": Menu("W_hh", KINDS),
            "input": Slider("input size", 0, 2, 0.05),
        },
        more=["units", "kind", "input"],
        picture=picture(_ButterflyPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
    )


def _words(values, data):
    near = " So near, rounding has a say as well as the Jacobians." if data.runs.linear < 0 else ""
    return f"They begin 1e{data.delta:+03.0f} apart{_fate(data.runs)}.{near} {_growth(data)}"


def _fate(runs):
    if runs.parted is not None:
        return f", and at t = {runs.parted} the two runs part: |h_t| / 10 or more lies between them"
    if runs.merged is not None:
        return f", and from t = {runs.merged} on the two runs are one, to the last digit"
    if runs.lost == 0:
        return ", and the two runs do not part"
    if runs.lost is not None:
        return f", and at t = {runs.lost} no more than rounding is left between the two runs"
    now = np.exp(runs.log[-1] - runs.floor[-1]) * np.finfo(float).eps
    return f"; at t = {len(runs.log) - 1} the two runs are still neighbours, {now:.1e} of |h_t| apart"


def _growth(data):
    T = len(data.runs.log) - 1
    found = rate(data.runs.predicted, T // 10, T)
    error = f" ± {found.factor * found.error:.2g}" if found.error > 5e-4 else ""
    words = f"A step multiplies a small distance by {found.factor:.3g}{error}"
    if data.law is None:
        return f"{words}; theory has no number for this W_hh."
    says = {"rest": "at rest by the spectral radius", "mean field": "by the mean field of very many units"}
    return f"{words}; {says[data.name]} it is {np.exp(data.law):.3g}."
