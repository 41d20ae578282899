"""How small should the step h be? The error of three differences against h, and the digits that one h leaves."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..checking.step_size import METHODS
from ..figures._paper import picture
from ..figures._step_size import NAMES, _StepSizePicture
from ._words import counted
from .front_end import Explorer, Menu, Slider


def step_size() -> Explorer:
    """Explore the error of a difference against its step, for one entry of dL/dW_hh in a network with tanh.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.step_size`` as ``controls``.
    """
    return Explorer(
        experiments.step_size,
        question="How small should the step h be?",
        controls={
            "h": Slider("log₁₀ h", -30, -1, 0.1),
            "method": Menu("method", [(NAMES[method], method) for method in METHODS]),
            "dtype": Menu("numbers", ["float64", "float32"]),
            "T": Slider("length T", 1, 60),
            "g": Slider("scale g", 0, 3, 0.05),
            "seed": Slider("seed", 0, 99),
        },
        more=["seed"],
        picture=picture(_StepSizePicture, 9.6, 4.3),
        words=_words,
    )


def _words(values, data):
    sizes, method, h, _, right = data
    law, error = sizes.law[method], sizes.error[method][sizes.h == h][0]
    truncation, rounding = law.terms(h)
    digits = f"{counted(right, 'digit') if right else 'no digit'} of dL/dW_hh{list(sizes.entry)} right"
    why = "rounding, so h is too small" if truncation <= rounding else "the formula's error, so h is too large"
    best = f"The best h is {law.best:.0e} in theory and {sizes.best(method):.0e} as measured"
    if method == "complex":
        best, why = f"In theory any h below {law.best:.0e} will do", why.removesuffix(", so h is too small")
    factor = sizes.apart(method)
    apart = f"errors and theory are a factor {factor:.2f} apart" if np.isfinite(factor) else "no h leaves a digit"
    start = f"h = {h:.1e}, {NAMES[method]}, {values['dtype']}: {digits} (relative error {error:.1e}, mostly {why})."
    return f"{start} {best}; {apart}."
