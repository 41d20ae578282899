"""What does a gradient step do at a cliff? Descent over the error surface of one unit, and what a difference sees."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from .. import laws
from ..checking import step_size
from ..figures._cliff import TINY, _CliffPicture
from ..figures._paper import picture
from ..growth.cliff import PLANE, START, Path, Steepest, descend, steepest
from ._live import Explorer
from ._words import counted

__all__ = ["cliff"]


STEP = 0.01  # of the sliders w and b
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


class _Descent(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    T : int
    step : array, shape (2,)
        (w, b) after one step that is not clipped.
    clip : float or None
    path : cliff.Path
    steepest : cliff.Steepest
        For the w of the start.
    cut : step_size.Cliff
        Along b, through the start.
    """

    T: int
    step: np.ndarray
    clip: float | None
    path: Path
    steepest: Steepest
    cut: step_size.Cliff


def cliff():
    """Explore what gradient descent, clipping and a finite difference do at the cliff in the error of one unit.

    Where the steepest b of this w is within half a step of the slider b, b is that: no slider would ever hit the wall.

    Returns
    -------
    Explorer
        With ``controls`` w, b, rate (its exponent, log10), clip (the threshold, or None), T, h (its exponent), steps.
    """
    (w_low, w_high), (b_low, b_high) = PLANE + np.array([0.1, -0.1])
    thresholds = [("off", None), *((f"{threshold:g}", threshold) for threshold in THRESHOLDS)]
    return Explorer(
        name="cliff",
        question="What does a gradient step do at a cliff?",
        controls={
            "w": widgets.FloatSlider(5.0, min=w_low, max=w_high, step=STEP, description="w"),
            "b": widgets.FloatSlider(-2.61, min=b_low, max=b_high, step=STEP, description="b"),
            "rate": widgets.FloatSlider(-1, min=-3, max=1, step=0.1, description="log₁₀ rate", readout_format=".1f"),
            "clip": widgets.Dropdown(options=thresholds, description="clip at"),
            "T": widgets.IntSlider(50, 10, 200, description="length T"),
            "h": widgets.FloatSlider(-3, min=-6, max=-1, step=0.1, description="log₁₀ h", readout_format=".1f"),
            "steps": widgets.IntSlider(100, 1, 100, description="steps"),
        },
        more=["T", "h", "steps"],
        picture=picture(_CliffPicture, 9.6, 4.6),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
    )


def _compute(values):
    """Return the Descent for the values of the controls."""
    w, T, rate, clip = values["w"], values["T"], 10 ** values["rate"], values["clip"]
    at = steepest(w, T)
    b = at.b if abs(at.b - values["b"]) <= STEP / 2 else values["b"]
    path = descend(w, b, rate=rate, clip=clip, steps=values["steps"], T=T)
    cut = step_size.cliff(w, 10 ** values["h"], b=b, T=T)
    return _Descent(T, np.array([w, b]) - rate * path.gradient[0], clip, path, at, cut)


def _describe(values, descent):
    """Return the sentence that says what is seen."""
    return f"{_start(descent)} {_steps(values, descent)} {_theory(descent)} {_slopes(descent.cut)}"


def _start(descent):
    w, b = descent.path.w[0], descent.path.b[0]
    place = f"b = {b:.2f}"
    if b == descent.steepest.b:
        place = f"the steepest b of this w, {b:.7g},"
    return f"At w = {w:.2f} and {place} the gradient is {descent.path.norm[0]:.3g} long."


def _steps(values, descent):
    path, rate, many = descent.path, 10 ** values["rate"], len(descent.path.norm)
    steps = counted(many, "step")
    goes = f"One step with rate {rate:.2g} goes {rate * path.norm[0]:.3g} far"
    goes += "" if _inside(descent.step) else " and leaves the map"
    end = "leaves the map" if path.left else f"ends at E = {path.E[-1]:.2g}" if path.E[-1] > TINY else "ends at E = 0"
    if descent.clip is not None:
        clipped = np.count_nonzero(path.norm >= descent.clip)
        return f"{goes}. With clipping at {descent.clip:g}, which shortens {clipped} of {steps}, the path {end}."
    return f"{goes}." if many == 1 and path.left else f"{goes}; the path of {steps} {end}."


def _inside(point):
    """Whether (w, b) is on the map."""
    return all(low <= value <= high for value, (low, high) in zip(point, PLANE, strict=True))


def _theory(descent):
    w, (b, resolved) = descent.path.w[0], descent.steepest
    law = _law_of(w)
    if law is None:
        return "For w below 4 theory has neither a wall nor a fold."
    name, at = law
    why = "The" if name == "wall" else "Here x_0 does not repel, so there is no wall; the"
    apart = f"{abs(b - at):.1e} from" if b != at else "to the last digit that of"
    words = f"{why} steepest b is {apart} the {name} of theory."
    thin = " It is no wider than a few numbers of float64: dE/db there is not to be trusted."
    return words if resolved else words + thin


def _law_of(w):
    """Return the name and the b of what theory has at w: the wall where x_0 repels, else a fold, else None."""
    try:
        return "wall", laws.separatrix(w, START).b
    except ValueError:
        return ("fold", laws.folds(w).b[0].item()) if w >= 4 else None


def _slopes(cut):
    ratio = cut.bptt / cut.central if cut.central else np.inf
    apart = f"a factor of {max(ratio, 1 / ratio):.2g}" if ratio > 0 else "not even the same sign"
    if 0.9 < ratio < 1.1:
        apart = f"{abs(ratio - 1):.1%} apart" if abs(ratio - 1) >= 5e-4 else "less than 0.1% apart"
    if not np.isfinite(ratio):
        apart = "no slope at all"
    difference = f"{cut.central:.3g} by a central difference with h = {cut.h:.1e}"
    return f"dE/db is {cut.bptt:.3g} by BPTT and {difference}: {apart}."


def _as_python(values, descent):
    """Return lines to paste that give the same numbers."""
    w, b = descent.path.w[0].item(), descent.path.b[0].item()
    lines = _LINES.format(**values | {"w": w, "b": b, "rate": 10 ** values["rate"], "h": descent.cut.h})
    law = _law_of(w)
    return lines + _LAW.replace("LAW", {"wall": "separatrix(w).b", "fold": "folds(w).b[0]"}[law[0]]) if law else lines


_LINES = """\
from d2lbptt import laws
from d2lbptt.growth import cliff
from d2lbptt.checking import step_size

w, b, T = {w!r}, {b!r}, {T}
path = cliff.descend(w, b, rate={rate!r}, clip={clip}, steps={steps}, T=T)
print(f"gradient {{path.norm[0]:.3g}}, one step {{path.norm[0] * {rate!r}:.3g}}")
print(f"{{len(path.norm)}} steps to E = {{path.E[-1]:.2g}}", "off the map" if path.left else "on the map")
cut = step_size.cliff(w, {h!r}, b=b, T=T)
print(f"dE/db: {{cut.bptt:.3g}} by BPTT, {{cut.central:.3g}} by a difference")
"""
_LAW = """\
print(f"steepest b: {abs(cliff.steepest(w, T).b - laws.LAW):.1e} from theory")
"""
