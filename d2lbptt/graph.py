"""The unrolled network as a graph: variables, parameters and operators, and the order in which they are walked.

    x_t, W_hx, h_{t-1}, W_hh -> f -> h_t         9.7.1, 9.7.9
    h_t, W_qh                -> g -> o_t         9.7.1, 9.7.9
    o_t, y_t                 -> l                9.7.2, 9.7.10
    l of every step          -> mean -> L

A weight has one node for each of its uses: they all hold the same numbers, and the gradient is their sum.
Only names are here, no numbers; what each use contributes to the gradient is in ``untied``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from . import _validation

__all__ = ["DATA", "OPERATORS", "WEIGHTS", "Edge", "Graph", "Node", "computational_graph"]

WEIGHTS = ("W_hx", "W_hh", "W_qh")
OPERATORS = ("f", "g", "l", "mean")
DATA = ("x", "y")  # nobody asks for their gradient
NUMBERS = 200  # of eight bytes, that the nodes of one step take, more or less


class Node(NamedTuple):
    """A variable, one use of a parameter, or an operator.

    Attributes
    ----------
    symbol : str
        The book's letter: x, h, o, y, L; W_hx, W_hh, W_qh; f, g, l, mean.
    t : int
        Its time step; 0 for h_0 and for ``mean`` and L, which belong to none.
    """

    symbol: str
    t: int

    @property
    def kind(self) -> str:
        """What it is: "parameter", "operator" or "variable"."""
        if self.symbol in WEIGHTS:
            return "parameter"
        return "operator" if self.symbol in OPERATORS else "variable"

    def __str__(self):
        return f"{self.symbol}_{self.t}" if self.kind == "variable" and self.symbol != "L" else self.symbol


class Edge(NamedTuple):
    """An arrow, in the direction in which something flows."""

    source: Node
    target: Node


class Graph(NamedTuple):
    """The computation of L.

    Attributes
    ----------
    T : int
    inputs : mapping of Node to tuple of Node
        What goes into each node; nothing into x_t, y_t, h_0 and the parameters.
    """

    T: int
    inputs: Mapping

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, each after all that goes into it."""
        return tuple(self.inputs)

    def forward(self) -> tuple[Edge, ...]:
        """Return the edges in the order of the forward pass: none leaves a node that is not yet complete."""
        return tuple(Edge(source, node) for node, sources in self.inputs.items() for source in sources)

    def backward(self) -> tuple[Edge, ...]:
        """Return the edges, turned round, in the order of the backward pass; those into the data are left out."""
        flows = (Edge(target, source) for source, target in reversed(self.forward()))
        return tuple(edge for edge in flows if edge.target.symbol not in DATA)

    def walk(self) -> tuple[Edge, ...]:
        """Return the whole way: forward, then backward."""
        return self.forward() + self.backward()

    def uses(self, weight: str) -> tuple[Node, ...]:
        """Return the nodes of a weight, {"W_hx", "W_hh", "W_qh"}, one for each step."""
        _validation.one_of("weight", weight, WEIGHTS)
        return tuple(Node(weight, t) for t in range(1, self.T + 1))


def computational_graph(T: int) -> Graph:
    """Return the graph of the network, unrolled over T steps.

    Parameters
    ----------
    T : int

    Returns
    -------
    Graph

    Raises
    ------
    TypeError, ValueError
        If T is not a whole number from 1 on, or the graph does not fit in memory.
    """
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("the graph", NUMBERS * T, float, f"T = {_validation.shown(T)}")
    inputs = {Node("mean", 0): tuple(Node("l", t) for t in range(1, T + 1)), Node("L", 0): (Node("mean", 0),)}
    for t in range(1, T + 1):
        inputs |= _step(t)
    order = _inputs_first(Node("L", 0), inputs)
    return Graph(T, MappingProxyType({node: inputs.get(node, ()) for node in order}))


def _step(t):
    f, h, g, o = (Node(symbol, t) for symbol in "fhgo")
    return {
        f: (Node("x", t), Node("W_hx", t), Node("h", t - 1), Node("W_hh", t)),
        h: (f,),
        g: (h, Node("W_qh", t)),
        o: (g,),
        Node("l", t): (o, Node("y", t)),
    }


def _inputs_first(node, inputs, seen=None):
    # Depth first, a node after all its inputs. The loss of step t asks for h_t, whose h_{t-1} is there already.
    seen = set() if seen is None else seen
    if node in seen:
        return
    seen.add(node)
    for source in inputs.get(node, ()):
        yield from _inputs_first(source, inputs, seen)
    yield node
