"""How small should the step ε be? The error of three differences against ε, and the digits that one ε leaves."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..checking.step_size import METHODS
from ..figures._paper import picture
from ..figures._step_size import NAMES, _StepSizePicture
from ._words import Said, counted, number
from .front_end import Explorer, Menu, Slider, steps

NEAR = 0.5  # decades between an ε and the best one that are close


def step_size() -> Explorer:
    """Explore the error of a difference against its step, for one entry of dL/dW_hh in a network with tanh.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.step_size`` as ``controls``.
    """
    return Explorer(
        experiments.step_size,
        question="How small should the step ε be?",
        controls={
            "h": Slider("$\\log_{10} ε$", -30, -1, 0.1),
            "method": Menu("method", [(NAMES[method], method) for method in METHODS]),
            "dtype": Menu("numbers", ["float64", "float32"]),
            "T": Slider("length $T$", 1, 60, unit="steps"),
            "g": Slider("scale $g$", 0, 3, 0.05),
            "seed": Slider("seed", 0, 99),
        },
        more=["seed"],
        picture=picture(_StepSizePicture, 9.6, 4.3),
        words=_words,
        leads={"h": steps(-30, -1, 0.5), "method": []},
    )


def _words(values, data):
    sizes, method, h, _, right = data
    at = f"At $T = {values['T']}$, $g = {values['g']:.2f}$ the {NAMES[method]} with $ε = 10^{{{values['h']:.1f}}}$"
    digits = counted(right, "digit") if right else "no digit"
    return Said(
        f"{at} gets {digits} of the gradient right: {_why(sizes.law[method], h, method)}.",
        tuple(_details(values, data)),
    )


def _why(law, h, method):
    """Return on which side of the best ε this one is, by theory."""
    truncation, rounding = law.terms(h)
    if method == "complex" and truncation <= rounding:
        return "only rounding is left"
    if abs(np.log10(h / law.best)) < NEAR:
        return "$ε$ is close to the best"
    return (
        "$ε$ is too small, and rounding rules"
        if truncation <= rounding
        else "$ε$ is too large, and the formula's error rules"
    )


def _details(values, data):
    sizes, method, h, *_ = data
    law, error = sizes.law[method], sizes.error[method][sizes.h == h][0]
    truncation, rounding = law.terms(h)
    size = number(error, 2) if error else "exactly 0"
    source = "rounding" if truncation <= rounding else "the formula's error"
    entry = f"$∂L/∂W_{{hh}}${list(sizes.entry)}"
    yield f"In {values['dtype']} the relative error of {entry} is {size}; by theory most of it is {source}."
    if method == "complex":
        yield f"In theory any $ε$ below {number(law.best, 1)} will do."
    else:
        yield f"The best $ε$ is {number(law.best, 1)} in theory and {number(sizes.best(method), 1)} as measured."
    factor = sizes.apart(method)
    known = f"Errors and theory are a factor of {factor:.2f} apart, in the median over $ε$."
    yield known if np.isfinite(factor) else "By theory no $ε$ leaves a digit."
    yield f"The network has 5 units with tanh, drawn with seed {values['seed']}."
