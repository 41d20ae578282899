"""What does a gradient step do at a cliff? The error over (w, b), descent, and a cut that a difference steps across."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..experiments._cliff import TINY
from ..figures._cliff import _CliffPicture
from ..figures._paper import picture
from ..growth.cliff import PLANE
from ._words import counted
from .front_end import Explorer, Menu, Slider

THRESHOLDS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0]
WALL = {"w": 5.0, "b": -2.61, "rate": -1.0, "T": 50, "h": -3.0, "steps": 100}
FALL = WALL | {"w": 6.0, "b": -3.0, "rate": 0.0}
PRESETS = {
    "on the wall": WALL | {"clip": None},
    "thrown off": FALL | {"clip": None},
    "clipped": FALL | {"clip": 0.3},
    "calm": WALL | {"w": 3.5, "b": -2.8, "rate": -0.2, "clip": None},
    "where x_0 attracts": WALL | {"w": 4.2, "b": -2.12, "clip": 1.0},
}


def cliff() -> Explorer:
    """Explore what gradient descent, clipping and a finite difference do at the cliff in the error of one unit.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.cliff`` as ``controls``, and preset.
    """
    (w_low, w_high), (b_low, b_high) = PLANE + np.array([0.1, -0.1])
    thresholds = [("off", None), *((f"{threshold:g}", threshold) for threshold in THRESHOLDS)]
    return Explorer(
        experiments.cliff,
        question="What does a gradient step do at a cliff?",
        controls={
            "w": Slider("w", w_low, w_high, 0.01),
            "b": Slider("b", b_low, b_high, 0.01),
            "rate": Slider("log₁₀ rate", -3, 1, 0.1),
            "clip": Menu("clip at", thresholds),
            "T": Slider("length T", 10, 200),
            "h": Slider("log₁₀ h", -6, -1, 0.1),
            "steps": Slider("steps", 1, 100),
        },
        more=["T", "h", "steps"],
        picture=picture(_CliffPicture, 9.6, 4.6),
        words=_words,
        presets=PRESETS,
    )


def _words(values, data):
    path, cut, rate = data.path, data.cut, 10 ** values["rate"]
    steepest = path.b[0] == data.steepest.b
    place = "the steepest b of this w" if steepest else f"b = {path.b[0]:.2f}"
    goes = f"one step with rate {rate:.2g} goes {rate * path.norm[0]:.3g} far"
    slopes = f"dE/db is {cut.bptt:.3g} by BPTT and {cut.central:.3g} by a central difference with h = {cut.h:.1e}."
    thin = " The cliff is no wider than a few numbers of float64: BPTT there is not to be trusted."
    start = f"At w = {path.w[0]:.2f} and {place} {goes}{_end(data)}."
    return f"{start} {slopes}" + (thin if steepest and not data.steepest.resolved else "")


def _end(data):
    path, many = data.path, len(data.path.norm)
    out = "" if all(low <= at <= high for at, (low, high) in zip(data.step, PLANE, strict=True)) else ", off the map"
    if data.clip is None and many == 1 and path.left:
        return out
    clipped = "" if data.clip is None else f", clipped at {data.clip:g},"
    end = "leaves the map" if path.left else f"ends at E = {path.E[-1] if path.E[-1] > TINY else 0:.2g}"
    return f"{out}; the path of {counted(many, 'step')}{clipped} {end}"
