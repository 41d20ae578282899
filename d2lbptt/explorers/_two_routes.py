"""Why does BPTT need no dh_t/dW? Forward accumulation and BPTT as two ways to add up one table (9.7.4, 9.7.16)."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..bptt import backward
from ..figures._paper import picture
from ..figures._routes import _TwoRoutesPicture
from ..figures._style import short
from ..total_derivative import Mixtures, mixtures
from ..untied import by_loss, by_pair, by_use
from ._live import Explorer
from ._unrolled_graph import _one_unit

__all__ = ["two_routes"]


LONGEST = 8


class _Routes(NamedTuple):
    """What the explorer shows, of a network with one unit; all but ``gradient`` are parts of the gradient.

    Attributes
    ----------
    shares : array, shape (T, T)
        What the loss of step t brings through the use in step k.
    by_loss, by_use : array, shape (T,)
        What forward accumulation adds up (9.7.3), and what BPTT adds up (9.7.16).
    ratios : array, shape (4,)
        What the four mixtures add up to; nan where the gradient is zero.
    gradient : float
        From ``backward``.
    parameter : str
    """

    shares: np.ndarray
    by_loss: np.ndarray
    by_use: np.ndarray
    ratios: np.ndarray
    gradient: float
    parameter: str


def two_routes():
    """Explore the two routes to one gradient, and the two mixtures that are no gradient.

    Returns
    -------
    Explorer
        With ``controls`` T, g (the weight W_hh), h0, parameter and activation.
    """
    return Explorer(
        name="two_routes",
        question="One derivative of h_t is total, one is immediate: how can both give the gradient?",
        controls={
            "parameter": widgets.Dropdown(options=["W_hh", "W_hx"], description="weight"),
            "activation": widgets.Dropdown(options=["identity", "tanh", "sigmoid", "relu"], description="φ"),
            "T": widgets.IntSlider(5, 1, LONGEST, description="length T"),
            "g": widgets.FloatSlider(0.8, min=0, max=2, step=0.01, description="W_hh = g"),
            "h0": widgets.FloatSlider(0.5, min=0, max=2, step=0.05, description="h_0"),
        },
        picture=picture(_TwoRoutesPicture, 9.6, 4.4, LONGEST),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
    )


def _compute(values):
    """Return the Routes for the values of the controls."""
    parameter = values["parameter"]
    trace, y = _one_unit(values, values["h0"])
    gradient = getattr(backward(trace, y), parameter).item()
    table, losses, uses = (parts(trace, y, parameter)[..., 0, 0] for parts in (by_pair, by_loss, by_use))
    sums = np.array([mixture.item() for mixture in mixtures(trace, y, parameter)])
    size = gradient or 1.0  # all signs are the same here: where the gradient is zero, so is every part of it
    ratios = sums / gradient if gradient else np.full(4, np.nan)
    return _Routes(table / size, losses / size, uses / size, ratios, gradient, parameter)


def _describe(values, routes):
    """Return the sentence that says what is seen."""
    T, name = values["T"], f"dL/d{routes.parameter}"
    if not routes.gradient:
        return f"T = {T}: {name} is exactly 0, because W_hh meets only states that are 0."
    apart = abs(routes.by_loss.sum() - routes.by_use.sum())
    apart = "0 to rounding" if apart < 1e-12 else f"{apart:.1e} of it"
    routes_agree = f"T = {T}: rows and columns add up to one {name} = {short(routes.gradient)} (apart by {apart})"
    often, few = (Mixtures(*routes.ratios)[i] for i in (2, 3))
    if abs(often - 1) < 1e-12 and abs(few - 1) < 1e-12:
        return f"{routes_agree}. So do the two mixtures here: nothing is carried from step to step."
    return f"{routes_agree}. Total times total is {_off(often)}, immediate times immediate {_off(few)}."


def _off(ratio):
    return f"{abs(100 * (ratio - 1)):.3g} % too {'large' if ratio > 1 else 'small'}"


def _as_python(values, routes):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(**values)


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.untied import by_loss, by_pair, by_use
from d2lbptt.total_derivative import mixtures

params = bptt.Params(W_hx=np.array([[0.5]]), W_hh=np.array([[{g}]]), W_qh=np.array([[1.0]]))
x = 1 + np.cos(np.arange(1, {T} + 1))[:, None] / 2
y = np.zeros(({T}, 1))
trace = bptt.forward(params, x, h0=np.array([{h0}]), activation="{activation}")
table = by_pair(trace, y, "{parameter}")[..., 0, 0]  # row t - 1: the loss; column k - 1: the use
rows, columns = (parts(trace, y, "{parameter}")[:, 0, 0] for parts in (by_loss, by_use))
print(f"by rows {{rows.sum():.6f}}, by columns {{columns.sum():.6f}}, the table {{table.sum():.6f}}")
for name, mixture in mixtures(trace, y, "{parameter}")._asdict().items():
    print(f"{{name:32}} {{mixture.item():.6f}}")
"""
