"""What does a gradient step do at a cliff? The error over (w, b), descent, and a cut that a difference steps across."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..experiments._cliff import TINY
from ..figures._cliff import _CliffPicture
from ..figures._paper import picture
from ..growth.cliff import PLANE
from ._words import Said, counted, number
from .front_end import Explorer, Menu, Slider

THRESHOLDS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0]
WALL = {"w": 5.0, "b": -2.61, "rate": -1.0, "T": 50, "h": -3.0, "steps": 100}
FALL = WALL | {"w": 6.0, "b": -3.0, "rate": 0.0}
PRESETS: dict[str, dict] = {
    "on the wall": WALL | {"clip": None},
    "thrown off": FALL | {"clip": None},
    "clipped": FALL | {"clip": 0.3},
    "calm": WALL | {"w": 3.5, "b": -2.8, "rate": -0.2, "clip": None},
    "where x_0 attracts": WALL | {"w": 4.2, "b": -2.12, "clip": 1.0},
}

# By w, the b where E is steepest: so thin is the wall that on a page without a kernel, where b and w move in steps, it
# would be missed everywhere else.
WALL_AT = {
    3.1: -1.65,
    3.25: -1.7,
    3.5: -1.78,
    3.75: -1.89,
    4.0: -2.01,
    4.25: -2.15,
    4.5: -2.3,
    4.75: -2.46,
    5.0: -2.61,
    5.25: -2.77,
    5.5: -2.92,
    5.75: -3.08,
    6.0: -3.23,
    6.25: -3.39,
    6.5: -3.55,
    6.75: -3.7,
    6.9: -3.79,
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
            "b": Slider("$b$", b_low, b_high, 0.01),
            "w": Slider("$w$", w_low, w_high, 0.01),
            "rate": Slider("$\\log_{10}$ rate", -3, 1, 0.1),
            "clip": Menu("clip at", thresholds),
            "T": Slider("length $T$", 10, 200, unit="steps"),
            "h": Slider("$\\log_{10} ε$", -6, -1, 0.1),
            "steps": Slider("steps", 1, 100),
        },
        more=["T", "h", "steps"],
        picture=picture(_CliffPicture, 9.6, 4.6),
        words=_words,
        presets=PRESETS,
        leads={"b": sorted([-4.4, -4.1, *WALL_AT.values(), -1.4, -1.1]), "w": list(WALL_AT)},
    )


def _words(values, data):
    path, (w, b) = data.path, (values["w"], values["b"])
    step = "an unclipped step" if data.clip else "a step"
    far = f"{step} of rate $10^{{{values['rate']:.1f}}}$ is {_exactly(path.norm[0] * 10 ** values['rate'])} long"
    return Said(f"At $w = {w:.2f}$, $b = {b:.2f}$ {far}{_end(data)}.", tuple(_details(values, data)))


def _end(data):
    path, many = data.path, len(data.path.norm)
    out = not all(low <= at <= high for at, (low, high) in zip(data.step, PLANE, strict=True))
    if data.clip is None and many == 1 and path.left:
        return ": it leaves the map"
    steps = counted(many, "such step") if data.clip is None else f"clipped at {data.clip:g}, {counted(many, 'step')}"
    end = f"$E \\le$ {number(TINY)}" if path.E[-1] <= TINY else f"$E =$ {number(path.E[-1], 2)}"
    one = "s" * (many == 1)
    return f"{' and leaves the map' * out}; {steps} " + (f"leave{one} the map" if path.left else f"end{one} at {end}")


def _details(values, data):
    cut, at = data.cut, data.steepest
    yield (
        f"There $dE/db$ is {number(cut.bptt)} by BPTT and {_exactly(cut.central)} by a central difference "
        f"with $ε = 10^{{{values['h']:.1f}}}$."
    )
    on = data.path.b[0] == at.b
    yield f"$E$ is steepest along b {'right there' if on else 'for this w'}, at $b = {at.b:.{6 if on else 2}f}$."
    if on and not at.resolved:
        yield "The cliff is no wider there than a few numbers of float64: BPTT is not to be trusted on it."
    if data.clip is not None:
        yield f"A gradient longer than {data.clip:g} is made as long as that, and keeps its direction."
    most = counted(values["steps"], "step")
    yield f"The unit runs $T = {values['T']}$ steps. Descent ends after {most}, or where it leaves the map."


def _exactly(value):
    return number(value) if value else "exactly 0"
