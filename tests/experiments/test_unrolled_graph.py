"""The unrolled network of one unit. The graph and the parts of a gradient have their own oracles in test_graph."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import experiments
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.graph import WEIGHTS, Edge, Node


def loss(weights, T):
    """The network written out again, with the sigmoid; weights are W_hx, W_hh and W_qh."""
    h, total = 0.5, 0
    for t in range(1, T + 1):
        h = 1 / (1 + np.exp(-weights[0] * (1 + np.cos(t) / 2) - weights[1] * h))
        total += (weights[2] * h) ** 2 / 2 / T
    return total


@for_each("T", [1, 5, 12])
@for_each(("i", "weight"), list(enumerate(WEIGHTS)))
def test_the_parts_add_up_to_the_gradient_by_the_complex_step(i, weight, T):
    data, at = experiments.unrolled_graph(weight, T, "sigmoid", 1.37), np.array([0.5, 1.37, 1.0])
    wanted = complex_step(lambda weights: loss(weights, T), at)[i]
    assert data.weight == weight and data.graph.T == len(data.parts) == T
    np.testing.assert_allclose([data.parts.sum(), getattr(data.gradient, weight).item()], wanted, rtol=1e-12)
    assert data.loss == pytest.approx(loss(at, T), rel=1e-14)


@for_each("weight", WEIGHTS)
def test_a_part_arrives_with_the_edge_that_leads_to_its_use(weight):
    data = experiments.unrolled_graph(weight, 4)
    walk, operator = data.graph.walk(), "g" if weight == "W_qh" else "f"
    arrivals = [walk.index(Edge(Node(operator, t), Node(weight, t))) for t in (1, 2, 3, 4)]
    for step in range(len(walk) + 1):
        assert list(data.arrived(step)) == [step > arrival for arrival in arrivals]
    assert arrivals == sorted(arrivals, reverse=True)


def test_a_step_beyond_the_walk_is_refused():
    with pytest.raises(ValueError, match="step is 63, wanted a whole number from 0 to 62"):
        experiments.unrolled_graph().arrived(63)
