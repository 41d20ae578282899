"""What does it mean that the weights are shared? The graph of 9.7.9 and 9.7.10, and what each use contributes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..bptt import Gradients, backward
from ..graph import Graph, computational_graph
from ..rnn import Trace, loss
from ..untied import by_use
from ._inputs import one_unit

H0 = 0.5


class UnrolledGraph(NamedTuple):
    """The graph of a network with one unit, and its gradient.

    Attributes
    ----------
    graph : Graph
    weight : str
    parts : array, shape (T,)
        What each use of the weight contributes to its gradient.
    gradient : Gradients
        From ``backward``, which knows one weight only.
    trace : Trace
    loss : float
    """

    graph: Graph
    weight: str
    parts: np.ndarray
    gradient: Gradients
    trace: Trace
    loss: float

    def arrived(self, step: int) -> np.ndarray:
        """Return which uses have their part, shape (T,), once so many edges of ``graph.walk()`` are done."""
        walk = self.graph.walk()
        reached = {edge.target for edge in walk[: _validation.whole_number("step", step, 0, len(walk))]}
        return np.array([use in reached for use in self.graph.uses(self.weight)])


def unrolled_graph(weight: str = "W_hh", T: int = 3, activation: str = "identity", g: float = 0.8) -> UnrolledGraph:
    """Unroll a network of one unit, and take the gradient of a shared weight apart by its uses.

    Parameters
    ----------
    weight : {"W_hh", "W_hx", "W_qh"}
    T : int
        Length of the sequence.
    activation : str
        A name in ``ACTIVATIONS``.
    g : float
        The weight W_hh, at least 0.

    Returns
    -------
    UnrolledGraph

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If a state, the loss or a derivative overflows.
    """
    graph, (trace, y) = computational_graph(T), one_unit(T, g, H0, activation)
    parts = by_use(trace, y, weight)[:, 0, 0]
    return UnrolledGraph(graph, weight, parts, backward(trace, y), trace, loss(trace, y))
