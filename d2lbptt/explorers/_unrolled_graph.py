"""What does it mean that the weights are shared? The graph of 9.7.9 and 9.7.10, walked forwards and back."""

from __future__ import annotations

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._graph import _UnrolledGraphPicture
from ..figures._paper import picture
from ..graph import WEIGHTS, computational_graph
from ._words import Said, counted, number, symbol
from .front_end import Explorer, Menu, Slider, steps

ROOM = (3, 6, 12)  # steps


def unrolled_graph() -> Explorer:
    """Explore the unrolled network edge by edge, and the places where a shared weight occurs.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.unrolled_graph`` and step (how many edges are walked) as ``controls``.
    """
    edges = len(computational_graph(3).walk())
    return Explorer(
        experiments.unrolled_graph,
        question="One weight, many places: what does its gradient add up?",
        controls={
            "step": Slider("edges done", 0, edges, value=edges, unit="edges"),
            "T": Slider("length $T$", 1, ROOM[-1], unit="steps"),
            "weight": Menu("weight", WEIGHTS),
            "activation": Menu("$φ$", list(ACTIVATIONS)),
            "g": Slider("$W_{hh}$", 0, 1.5, 0.01),
        },
        more=["activation", "g"],
        picture=picture(_UnrolledGraphPicture, 9.6, 4.6, [computational_graph(T) for T in ROOM]),
        words=_words,
        link=_keep_step_within_the_walk,
        leads={"step": steps(0, edges), "weight": []},
        play="step",
    )


def _keep_step_within_the_walk(controls):
    step, edges = controls["step"], len(computational_graph(controls["T"].value).walk())
    at_the_end = step.value == step.max
    step.max = edges
    if at_the_end:  # whoever looks at the sum wants to see it for another T
        step.value = edges


def _words(values, data):
    step, T, edges, name = values["step"], values["T"], data.graph.walk(), symbol(values["weight"])
    forwards, start, uses = len(data.graph.forward()), f"Edge {step} of {len(edges)}", counted(T, "place")
    if step == 0:
        sentence = f"At edge 0 nothing is calculated yet: ${name}$ is one number, used in {uses} ($T = {T}$)."
    elif step == len(edges):
        parts = (
            f"parts of $∂L/∂{name}$ from {uses} ($T = {T}$) add up to"
            if T > 1
            else f"only part of $∂L/∂{name}$ ($T = 1$) is"
        )
        sentence = f"All {step} edges are done: the {parts} {number(data.parts.sum())}."
    elif step <= forwards:
        sentence = f"{start}, forward ($T = {T}$): {_carried(edges[step - 1], data)}."
    else:
        come = f"so far {data.arrived(step).sum()} of {counted(T, 'part')} of $∂L/∂{name}$ came back"
        sentence = f"{start}, back ($T = {T}$): {_brought_back(edges[step - 1], data)}; {come}."
    return Said(sentence, tuple(_evidence(values, data, edges, forwards)))


def _evidence(values, data, edges, forwards):
    name, step, back = symbol(data.weight), values["step"], len(edges) - forwards
    yield f"{min(step, forwards)} of {forwards} edges are done forward, {max(0, step - forwards)} of {back} back."
    yield f"${name}$ is one number, and its gradient adds up what its uses bring."
    if step == len(edges):
        listed = [number(part) for part in data.parts]
        listed = listed if len(listed) < 7 else [*listed[:3], "...", *listed[-2:]]
        if len(listed) > 1:
            yield f"{' + '.join(listed)} = {number(data.parts.sum())}."
        apart = abs(data.parts.sum() - getattr(data.gradient, data.weight).item())
        apart = "0 to rounding" if apart <= 1e-13 * abs(data.parts).sum() else number(apart)
        yield f"The sum differs from the gradient of the backward pass by {apart}."
    yield f"$φ$ is {values['activation']}, $W_{{hh}} = {values['g']:.2f}$."


def _carried(edge, data):
    source, target = edge
    if source.kind == "operator":
        value = {"h": data.trace.h[target.t, 0], "o": data.trace.o[target.t - 1, 0], "L": data.loss}.get(target.symbol)
        return f"$l$ of step {source.t} goes into the mean" if value is None else f"${target}$ = {number(value)}"
    use = f", use {source.t} of {data.graph.T}" if source.kind == "parameter" else ""
    return f"${symbol(str(source))}$ goes into ${target}$ of step {target.t}{use}"


def _brought_back(edge, data):
    """Say what an edge of the backward pass carries, and how much of it."""
    t, trace, W = edge.source.t, data.trace, data.trace.params
    do, dh, h, x = (rows[t - 1, 0] for rows in (data.gradient.o, data.gradient.h, trace.h[1:], trace.x))
    dz, before = dh * ACTIVATIONS[trace.activation].slope(trace.h[t : t + 1])[0, 0], trace.h[t - 1, 0]
    dh_dz = "" if trace.activation == "identity" else "φ' "
    words, value = {
        ("L", "mean"): ("∂L/∂L", 1.0),
        ("mean", "l"): ("1/T", 1 / data.graph.T),
        ("l", "o"): (f"∂L/∂o_{t}", do),
        ("o", "g"): (f"∂L/∂o_{t}", do),
        ("g", "W_qh"): (f"∂L/∂o_{t} h_{t}", do * h),
        ("g", "h"): (f"W_{{qh}} ∂L/∂o_{t}", W.W_qh[0, 0] * do),
        ("h", "f"): (f"∂L/∂h_{t}", dh),
        ("f", "W_hh"): (f"{dh_dz}∂L/∂h_{t} h_{t - 1}", dz * before),
        ("f", "h"): (f"W_{{hh}} {dh_dz}∂L/∂h_{t}", W.W_hh[0, 0] * dz),
        ("f", "W_hx"): (f"{dh_dz}∂L/∂h_{t} x_{t}", dz * x),
    }[edge.source.symbol, edge.target.symbol]
    whole = "all of " * (edge.source.symbol == "h")  # its parts came by several edges
    return f"{whole}${words}$ = {number(value)} goes to {_place(edge.target)}"


def _place(node):
    if node.symbol in ("mean", "L"):
        return f"the {node}"
    if node.kind == "parameter":
        return f"the copy of ${symbol(node.symbol)}$ in step {node.t}"
    return f"${node}$" if node.kind == "variable" else f"${node}$ of step {node.t}"
