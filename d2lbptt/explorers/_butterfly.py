"""Do two neighbouring starts stay neighbours? One unit of two runs, their distance, and what Jacobians make of it."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._butterfly import _ButterflyPicture
from ..figures._paper import picture
from ..growth.perturbed_runs import rate
from ..laws import LN10
from ..rnn import KINDS
from ._words import Said, percent, power
from .front_end import Explorer, Menu, Slider, steps

RUN = {"g": 2.5, "delta": -8, "T": 200, "units": 64, "kind": "gaussian", "input": 0.0}
SLOW = RUN | {"g": 1.5, "T": 1000, "kind": "orthogonal"}
PRESETS = {
    "chaos": RUN,
    "calm": RUN | {"g": 0.8},
    "slow chaos": SLOW,
    "input calms it": SLOW | {"input": 0.7},
    "as near as rounding": RUN | {"delta": -14},
}
PART = "Two runs have parted when $|h_t| / 10$ or more lies between them, and more than at the start."


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
            "g": Slider("scale $g$", 0, 3, 0.01),
            "delta": Slider("$\\log_{10} δ$", -14, -1),
            "T": Slider("length $T$", 10, 1000, unit="steps"),
            "seed": Slider("seed", 0, 99),
            "units": Menu("units", [16, 32, 64, 128]),
            "kind": Menu("$W_{hh}$", KINDS),
            "input": Slider("input size", 0, 2, 0.05),
        },
        more=["seed", "units", "kind", "input"],
        picture=picture(_ButterflyPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
        leads={"g": steps(0, 3, 0.1), "delta": [-14, -12, -10, -8, -6, -4, -2, -1]},
    )


def _words(values, data):
    T, runs = values["T"], data.runs
    begin = f"At $g = {values['g']:.2f}$, two runs that begin $10^{{{data.delta:.0f}}}$ from each other"
    near = ["So near, rounding has a say as well as the Jacobians."] if runs.linear < 0 else []
    network = f"There are {values['units']} units, $W_{{hh}}$ is {values['kind']}, the seed is {values['seed']}"
    details = *near, PART, _growth(data), _theory(data), f"{network}, and inputs have a size of {values['input']:.2f}."
    return Said(f"{begin} {_fate(runs, T)}.", details)


def _fate(runs, T):
    if runs.parted is not None:
        return f"part at $t = {runs.parted}$ of $T = {T}$"
    if runs.merged is not None:
        return f"are one, to the last digit, from $t = {runs.merged}$ of $T = {T}$ on"
    if runs.lost == 0:
        return f"do not part in $T = {T}$ steps"
    if runs.lost is not None:
        return f"differ by no more than rounding at $t = {runs.lost}$ of $T = {T}$"
    now = (runs.log[-1] - runs.floor[-1] + np.log(np.finfo(float).eps)) / LN10
    return f"are still neighbours at $t = T = {T}$, {power(now)} of $|h_t|$ apart"


def _growth(data):
    T = len(data.runs.log) - 1
    found = rate(data.runs.predicted, T // 10, T)
    error = f", with a standard error of {percent(found.error, 2)}" if found.error > 5e-4 else ""
    return f"By its Jacobians a step multiplies a small distance by {power(found.value / LN10)}{error}."


def _theory(data):
    if data.law is None:
        return "Theory has no number for this $W_{hh}$."
    says = {"rest": "At rest, by the spectral radius $ρ$", "mean field": "By the mean field of very many units"}
    dashed = "; only the slope of the dashed line means something" if data.theory is not None else ""
    return f"{says[data.name]}, it would be {power(data.law / LN10)}{dashed}."
