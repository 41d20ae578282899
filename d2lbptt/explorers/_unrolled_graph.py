"""What does it mean that the weights are shared? The graph of 9.7.9 and 9.7.10, walked forwards and back."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..activations import ACTIVATIONS
from ..bptt import Gradients, backward
from ..figures._graph import _UnrolledGraphPicture
from ..figures._paper import picture
from ..figures._style import short
from ..graph import Graph, computational_graph
from ..rnn import Params, Trace, forward, loss
from ..untied import by_use
from ._live import Explorer
from ._words import counted

__all__ = ["unrolled_graph"]


LONGEST, H0 = 12, 0.5


class _Walk(NamedTuple):
    """What the explorer shows, of a network with one unit.

    Attributes
    ----------
    graph : Graph
    walked : int
        Edges of ``graph.walk()`` that are done.
    weight : str
    parts : array, shape (T,)
        What each use of the weight brings to its gradient; nan where that has not arrived yet.
    all_parts : array, shape (T,)
    gradient : Gradients
        From ``backward``, which knows one weight only.
    trace : Trace
    loss : float
    """

    graph: Graph
    walked: int
    weight: str
    parts: np.ndarray
    all_parts: np.ndarray
    gradient: Gradients
    trace: Trace
    loss: float


def unrolled_graph():
    """Explore the unrolled network edge by edge, and the places where a shared weight occurs.

    Returns
    -------
    Explorer
        With ``controls`` T, step (how many edges are walked), weight, activation and g (the weight W_hh).
    """
    steps = len(computational_graph(3).walk())
    return Explorer(
        name="unrolled_graph",
        question="One weight, many places: what does its gradient add up?",
        controls={
            "weight": widgets.Dropdown(options=["W_hh", "W_hx", "W_qh"], description="weight"),
            "T": widgets.IntSlider(3, 1, LONGEST, description="length T"),
            "step": widgets.IntSlider(steps, 0, steps, description="edges done"),
            "activation": widgets.Dropdown(options=["identity", "tanh", "sigmoid", "relu"], description="φ"),
            "g": widgets.FloatSlider(0.8, min=0, max=1.5, step=0.01, description="W_hh = g"),
        },
        more=("activation", "g"),
        picture=picture(_UnrolledGraphPicture, 9.6, 4.6, LONGEST),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        link=_keep_step_within_the_walk,
    )


def _keep_step_within_the_walk(controls):
    step, edges = controls["step"], len(computational_graph(controls["T"].value).walk())
    at_the_end = step.value == step.max
    step.max = edges
    if at_the_end:  # whoever looks at the sum wants to see it for another T
        step.value = edges


def _one_unit(values, h0):
    """Return the trace and the targets of a network of one unit, in which everything is positive."""
    steps = np.arange(1, values["T"] + 1)[:, None]
    params = Params(np.array([[0.5]]), np.array([[values["g"]]]), np.array([[1.0]]))
    trace = forward(params, 1 + np.cos(steps) / 2, h0=np.array([h0]), activation=values["activation"])
    return trace, np.zeros_like(trace.o)


def _compute(values):
    """Return the Walk for the values of the controls."""
    graph, weight = computational_graph(values["T"]), values["weight"]
    trace, y = _one_unit(values, H0)
    all_parts = by_use(trace, y, weight)[:, 0, 0]
    reached = {edge.target for edge in graph.walk()[: values["step"]]}
    arrived = [use in reached for use in graph.uses(weight)]
    parts = np.where(arrived, all_parts, np.nan)
    return _Walk(graph, values["step"], weight, parts, all_parts, backward(trace, y), trace, loss(trace, y))


def _describe(values, walk):
    """Return the sentence that says what is seen."""
    forwards, edges, uses = len(walk.graph.forward()), walk.graph.walk(), counted(walk.graph.T, "place")
    if walk.walked == 0:
        return f"T = {walk.graph.T}: nothing is calculated yet. {walk.weight} is one number, used in {uses}."
    if walk.walked == len(edges):
        return _sum(walk, uses)
    edge = edges[walk.walked - 1]
    if walk.walked <= forwards:
        return f"Forward, edge {walk.walked} of {forwards}: {_carried(edge, walk)}."
    come = f"{np.isfinite(walk.parts).sum()} of {counted(walk.graph.T, 'part')} of dL/d{walk.weight}"
    done = walk.walked - forwards
    return f"Backward, edge {done} of {len(edges) - forwards}: {_brought_back(edge, walk)}. So far {come} came back."


def _carried(edge, walk):
    source, target = edge
    if source.kind == "operator":
        value = {"h": walk.trace.h[target.t, 0], "o": walk.trace.o[target.t - 1, 0], "L": walk.loss}.get(target.symbol)
        return f"l of step {source.t} goes into the mean" if value is None else f"{target} = {short(value)}"
    use = f", use {source.t} of {walk.graph.T}" if source.kind == "parameter" else ""
    return f"{source} goes into {target} of step {target.t}{use}"


def _brought_back(edge, walk):
    """Say what an edge of the backward pass carries, and how much of it."""
    t, trace, W = edge.source.t, walk.trace, walk.trace.params
    do, dh, h, x = (rows[t - 1, 0] for rows in (walk.gradient.o, walk.gradient.h, trace.h[1:], trace.x))
    dz, before = dh * ACTIVATIONS[trace.activation].slope(trace.h[t : t + 1])[0, 0], trace.h[t - 1, 0]
    dh_dz = "" if trace.activation == "identity" else "φ′ "
    words, value = {
        ("L", "mean"): ("dL/dL", 1.0),
        ("mean", "l"): ("1/T", 1 / walk.graph.T),
        ("l", "o"): (f"dL/do_{t}", do),
        ("o", "g"): (f"dL/do_{t}", do),
        ("g", "W_qh"): (f"dL/do_{t} h_{t}", do * h),
        ("g", "h"): (f"W_qh dL/do_{t}", W.W_qh[0, 0] * do),
        ("h", "f"): (f"all of dL/dh_{t}", dh),
        ("f", "W_hh"): (f"{dh_dz}dL/dh_{t} h_{t - 1}", dz * before),
        ("f", "h"): (f"W_hh {dh_dz}dL/dh_{t}", W.W_hh[0, 0] * dz),
        ("f", "W_hx"): (f"{dh_dz}dL/dh_{t} x_{t}", dz * x),
    }[edge.source.symbol, edge.target.symbol]
    return f"{words} = {short(value)} goes to {_place(edge.target)}"


def _place(node):
    if node.symbol in ("mean", "L"):
        return f"the {node}"
    if node.kind == "parameter":
        return f"the copy of {node} in step {node.t}"
    return str(node) if node.kind == "variable" else f"{node} of step {node.t}"


def _sum(walk, uses):
    parts, gradient = walk.all_parts, getattr(walk.gradient, walk.weight).item()
    listed = [short(part) for part in parts]
    listed = listed if len(listed) < 7 else [*listed[:3], "...", *listed[-2:]]
    apart = abs(parts.sum() - gradient)
    apart = "0 to rounding" if apart <= 1e-13 * abs(parts).sum() else f"{apart:.1e}"
    return (
        f"{walk.weight} is used in {uses}, and dL/d{walk.weight} adds up what they bring: "
        f"{' + '.join(listed)} = {short(parts.sum())}. |sum − backward| is {apart}."
    )


def _as_python(values, walk):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(h0=H0, **values)


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.untied import by_use

params = bptt.Params(W_hx=np.array([[0.5]]), W_hh=np.array([[{g}]]), W_qh=np.array([[1.0]]))
x = 1 + np.cos(np.arange(1, {T} + 1))[:, None] / 2
y = np.zeros(({T}, 1))
trace = bptt.forward(params, x, h0=np.array([{h0}]), activation="{activation}")
parts = by_use(trace, y, "{weight}")[:, 0, 0]  # the derivative by the copy of each step
gradient = bptt.backward(trace, y).{weight}.item()  # one weight for all steps
print(" + ".join(f"{{part:.6f}}" for part in parts), f"= {{parts.sum():.6f}}; backward: {{gradient:.6f}}")
"""
