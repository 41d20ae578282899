"""Why does BPTT need no dh_t/dW? Forward accumulation and BPTT as two ways to add up one table (9.7.4, 9.7.16)."""

from __future__ import annotations

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._routes import _TwoRoutesPicture
from ..figures._style import short
from ..total_derivative import Mixtures
from .front_end import Explorer, Menu, Slider

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
        question="One derivative of h_t is total, one is immediate: how can both give the gradient?",
        controls={
            "parameter": Menu("weight", ["W_hh", "W_hx"]),
            "activation": Menu("φ", list(ACTIVATIONS)),
            "T": Slider("length T", 1, LONGEST),
            "g": Slider("W_hh = g", 0, 2, 0.01),
            "h0": Slider("h_0", 0, 2, 0.05),
        },
        picture=picture(_TwoRoutesPicture, 9.6, 4.4, LONGEST),
        words=_words,
    )


def _words(values, data):
    T, name = values["T"], f"dL/d{data.parameter}"
    if not data.gradient:
        return f"T = {T}: {name} is exactly 0, because W_hh meets only states that are 0."
    apart = abs(data.by_loss.sum() - data.by_use.sum())
    apart = "0 to rounding" if apart < 1e-12 else f"{apart:.1e} of it"
    routes = f"T = {T}: rows and columns add up to one {name} = {short(data.gradient)} (apart by {apart})"
    sums = Mixtures(*data.ratios)
    often, few = sums.total_state_total_loss, sums.immediate_state_immediate_loss
    if abs(often - 1) < 1e-12 and abs(few - 1) < 1e-12:
        return f"{routes}. So do the two mixtures here: nothing is carried from step to step."
    return f"{routes}. Total times total is {_off(often)}, immediate times immediate {_off(few)}."


def _off(ratio):
    return f"{abs(100 * (ratio - 1)):.3g} % too {'large' if ratio > 1 else 'small'}"
