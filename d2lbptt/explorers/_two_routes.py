"""Why does BPTT need no dh_t/dW? Forward accumulation and BPTT as two ways to add up one table (9.7.4, 9.7.16)."""

from __future__ import annotations

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._routes import _TwoRoutesPicture
from ._words import Said, number, percent, symbol
from .front_end import Explorer, Menu, Slider, steps

LONGEST = 8


def two_routes() -> Explorer:
    """Explore the two routes to one gradient, and the two mixtures that are no gradient.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.two_routes`` as ``controls``.
    """
    return Explorer(
        experiments.two_routes,
        question="One derivative of $h_t$ is total, one is immediate: how can both give the gradient?",
        controls={
            "g": Slider("$W_{hh}$", 0, 2, 0.01),
            "T": Slider("length $T$", 1, LONGEST, unit="steps"),
            "h0": Slider("$h_0$", 0, 2, 0.05),
            "parameter": Menu("weight", ["W_hh", "W_hx"]),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
        },
        picture=picture(_TwoRoutesPicture, 9.6, 4.4, LONGEST),
        words=_words,
        leads={"g": steps(0, 2, 0.05), "T": steps(1, LONGEST)},
    )


def _words(values, data):
    name, (often, few) = f"$∂L/∂{symbol(data.parameter)}$", data.ratios[2:] - 1
    settings = f"$W_{{hh}} = {values['g']:.2f}$, $T = {values['T']}$, $h_0 = {values['h0']:.2f}$"
    details = (*_evidence(data, name), f"$φ$ is {values['activation']}.")
    if not data.gradient:
        return Said(f"{name} is exactly 0 ({settings}): $W_{{hh}}$ meets only states that are 0.", details)
    start = f"Rows and columns both add up to {name} = {number(data.gradient)} ({settings})"
    if max(abs(often), abs(few)) < 1e-12:
        return Said(f"{start}; so do the two mixtures.", ("Nothing is carried from step to step.", *details))
    return Said(f"{start}; total times total is {_off(often)}, immediate times immediate {_off(few)}.", details)


def _evidence(data, name):
    apart = abs(data.by_loss.sum() - data.by_use.sum())
    return (
        "The sum of row $t$ is the total $∂h_t/∂W$ times the immediate $∂L/∂h_t$: forward accumulation (9.7.4).",
        "The sum of column $k$ is the total $∂L/∂h_k$ times the immediate $∂h_k/∂W$: BPTT (9.7.16).",
        f"The two sums {'agree to rounding' if apart < 1e-12 else f'differ by {number(apart)} of {name}'}.",
    )


def _off(error):
    return f"{percent(abs(error))} too {'large' if error > 0 else 'small'}"
