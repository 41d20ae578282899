"""The computational graph, its walk, and what each use of a shared weight contributes to the gradient."""

import numpy as np
import pytest
from loops import for_each
from matplotlib.figure import Figure

from d2lbptt import backward, figures, forward, init_params
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.graph import DATA, WEIGHTS, Edge, Node, computational_graph
from d2lbptt.total_derivative import forward_accumulation, mixtures
from d2lbptt.untied import by_loss, by_pair, by_use

LENGTHS = [1, 2, 3, 6, 12, 200]
for_lengths = pytest.mark.parametrize("T", LENGTHS)


# --- the structure ---


@for_lengths
def test_counts(T):
    graph = computational_graph(T)
    kinds = [node.kind for node in graph.nodes]
    # for each step x, h, o, y; three weights; f, g, l; and once h_0 and L; and the mean
    assert [kinds.count(kind) for kind in ("variable", "parameter", "operator")] == [4 * T + 2, 3 * T, 3 * T + 1]
    assert len(set(graph.nodes)) == len(graph.nodes)
    assert len(graph.forward()) == 11 * T + 1 and len(graph.backward()) == 9 * T + 1


@for_lengths
def test_edges_are_those_of_the_books_figure(T):
    edges = {(str(s), str(t), s.t) for s, t in computational_graph(T).forward() if s.t == T and t.t == T}
    assert edges == {
        (f"x_{T}", "f", T), ("W_hx", "f", T), ("W_hh", "f", T), ("f", f"h_{T}", T),
        (f"h_{T}", "g", T), ("W_qh", "g", T), ("g", f"o_{T}", T), (f"o_{T}", "l", T), (f"y_{T}", "l", T),
    }  # fmt: skip
    assert all(Edge(Node("h", t - 1), Node("f", t)) in computational_graph(T).forward() for t in range(1, T + 1))


@for_lengths
def test_forward_walk_never_leaves_a_node_that_is_not_complete(T):
    graph, walked = computational_graph(T), set()
    for edge in graph.forward():
        assert all(Edge(source, edge.source) in walked for source in graph.inputs[edge.source])
        walked.add(edge)
    assert len(walked) == len(graph.forward())


@for_lengths
def test_backward_walk_is_the_forward_walk_reversed_without_the_data(T):
    graph = computational_graph(T)
    back = [(t, s) for s, t in reversed(graph.forward()) if s.symbol not in DATA]
    assert [tuple(edge) for edge in graph.backward()] == back
    assert graph.walk() == graph.forward() + graph.backward()


@for_lengths
def test_a_gradient_is_complete_before_it_flows_on(T):
    graph = computational_graph(T)
    order = graph.backward()
    for i, edge in enumerate(order):
        assert not any(later.target == edge.source for later in order[i:])


@for_lengths
@for_each("weight", WEIGHTS)
def test_every_use_of_a_weight_is_found(T, weight):
    graph = computational_graph(T)
    uses = graph.uses(weight)
    assert uses == tuple(node for node in graph.nodes if node.symbol == weight)
    operator = "g" if weight == "W_qh" else "f"
    assert [e.target for e in graph.forward() if e.source in uses] == [Node(operator, t) for t in range(1, T + 1)]


@pytest.mark.parametrize(("T", "words"), [(0, "T is 0, wanted a whole number from 1 on"), (2.5, "T is 2.5, wanted")])
def test_what_is_no_length_is_refused(T, words):
    with pytest.raises((TypeError, ValueError), match=words):
        computational_graph(T)


def test_an_unknown_weight_is_refused():
    with pytest.raises(ValueError, match="weight is 'W', wanted one of W_hx, W_hh, W_qh"):
        computational_graph(2).uses("W")


def test_the_graph_cannot_be_changed():
    with pytest.raises(TypeError):
        computational_graph(2).inputs[Node("x", 1)] = ()


# --- the parts of a gradient ---


def model(activation="tanh", B=None, T=5):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(T, 3) if B is None else (T, B, 3))
    h0 = rng.normal(size=(*x.shape[1:-1], 4))
    params = init_params(3, 4, 2, seed=1, bias=True)
    trace = forward(params, x, h0=h0, activation=activation)
    return trace, rng.normal(size=trace.o.shape)


def untied_loss(copies, weight, trace, y, reduction):
    """The loss with a weight of its own in each step: the model written out again, for one sequence."""
    phi = {"tanh": np.tanh, "identity": lambda z: z}[trace.activation]
    h, losses = trace.h[0], []
    for t, copy in enumerate(copies):
        W_hx, W_hh, W_qh, b_h, b_q = trace.params._replace(**{weight: copy})
        h = phi(W_hx @ trace.x[t] + W_hh @ h + b_h)
        losses.append(((W_qh @ h + b_q - y[t]) ** 2).sum() / 2)
    return sum(losses) / len(losses) if reduction == "mean" else losses[-1]


@for_each("reduction", ["mean", "last"])
@for_each("activation", ["tanh", "identity"])
@for_each("weight", WEIGHTS)
def test_by_use_is_the_gradient_of_untied_copies(weight, activation, reduction):
    # Oracle: the complex step on a network that has T different weights.
    trace, y = model(activation)
    copies = np.array([getattr(trace.params, weight)] * 5)
    untied = complex_step(lambda W: untied_loss(W, weight, trace, y, reduction), copies)
    np.testing.assert_allclose(by_use(trace, y, weight, reduction=reduction), untied, rtol=1e-12, atol=1e-15)


@for_each("reduction", ["mean", "sum", "last"])
@for_each("B", [None, 3])
@for_each("weight", WEIGHTS)
@for_each("weights", [None, [0, 3, 0.5, 0, 2]])
def test_the_parts_add_up_to_the_gradient(weight, B, reduction, weights):
    trace, y = model(B=B)
    options = {"reduction": reduction, "weights": weights}
    gradient = getattr(backward(trace, y, **options), weight)
    np.testing.assert_allclose(by_use(trace, y, weight, **options).sum(0), gradient, rtol=1e-12)
    if weight != "W_qh":
        np.testing.assert_allclose(by_loss(trace, y, weight, **options).sum(0), gradient, rtol=1e-12)


@for_each("B", [None, 3])
@for_each("weight", ["W_hx", "W_hh"])
@for_each("weighed", [False, True])
def test_the_table_of_pairs_has_the_two_routes_as_its_sums(weight, B, weighed):
    # by_loss comes from total derivatives carried forwards, by_use from the recursion back: neither made the table.
    trace, y = model(B=B)
    options = {"weights": np.arange(y[..., 0].size).reshape(y.shape[:-1]) % 4} if weighed else {}
    table = by_pair(trace, y, weight, **options)
    np.testing.assert_allclose(table.sum(0), by_use(trace, y, weight, **options), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(table.sum(1), by_loss(trace, y, weight, **options), rtol=1e-11, atol=1e-15)
    assert not table[np.triu_indices(5, 1)].any()


@pytest.mark.parametrize("weight", ["W_hx", "W_hh"])
def test_a_pair_is_one_loss_by_one_copy(weight):
    # Oracle: the complex step on the loss of one step, by the copy that one step uses.
    trace, y = model()
    copies, table = np.array([getattr(trace.params, weight)] * 5), by_pair(trace, y, weight)
    for t in range(1, 6):
        alone = complex_step(lambda W, t=t: untied_loss(W[:t], weight, trace, y, "last"), copies) / 5
        np.testing.assert_allclose(table[t - 1], alone, rtol=1e-12, atol=1e-15)


def test_by_loss_is_the_gradient_of_each_loss():
    trace, y = model()
    for t in range(1, 6):
        start = forward(trace.params, trace.x[:t], h0=trace.h[0], activation="tanh")
        alone = forward_accumulation(start, y[:t], reduction="last").W_hh / 5
        np.testing.assert_allclose(by_loss(trace, y)[t - 1], alone, rtol=1e-12)


@pytest.mark.parametrize("parts", [by_loss, by_pair])
def test_the_output_weight_has_no_two_routes(parts):
    with pytest.raises(ValueError, match=r"parameter is 'W_qh', wanted one of W_hx, W_hh$"):
        parts(*model(), "W_qh")


def test_mixtures_count_the_cells_of_the_table_too_often_or_leave_them_out():
    trace, y = model()
    table, four = by_pair(trace, y), mixtures(trace, y)
    times = (
        np.subtract.outer(np.arange(5), np.arange(5)) + 1
    )  # the states on the way from the use in k to the loss of t
    np.testing.assert_allclose(four.total_state_total_loss, np.einsum("tk,tkab->ab", times, table), rtol=1e-12)
    np.testing.assert_allclose(four.immediate_state_immediate_loss, np.einsum("ttab->ab", table), rtol=1e-12)


# --- the picture ---


@for_lengths
def test_the_picture_of_any_length_has_a_box_for_every_node(T):
    graph = computational_graph(T)
    ax = Figure(figsize=(9.6, 3.72)).add_axes((0, 0, 1, 1))
    assert figures.computational_graph(ax, graph, weight="W_hh") is ax
    layout = figures._graph._Layout(graph)
    assert len(ax.collections[-1].get_paths()) == len(graph.nodes)
    assert len({tuple(place) for place in layout.at.values()}) == len(graph.nodes)


@for_each("form", [figures._graph.WIDE, figures._graph.NARROW])
@for_each("T", range(1, 13))
def test_boxes_do_not_overlap_and_stay_in_sight(T, form):
    layout = figures._graph._Layout(computational_graph(T), form)
    boxes = [(layout.at[node], np.array(layout.half(node))) for node in layout.at]
    for i, (at, half) in enumerate(boxes):
        assert np.all(at - half >= layout.origin) and np.all(at + half <= layout.origin + form.size)
        for other, other_half in boxes[:i]:
            assert np.any(np.abs(at - other) > half + other_half)


@for_lengths
def test_arrows_begin_and_end_at_their_nodes(T):
    graph = computational_graph(T)
    layout = figures._graph._Layout(graph)
    for source, target in graph.forward():
        path = layout.path(source, target)
        for node, point in ((source, path[0]), (target, path[-1])):
            assert np.all(np.abs(point - layout.at[node]) <= np.array(layout.half(node)) + 1e-9)


@pytest.mark.parametrize("parts", [by_use, by_loss, by_pair])
def test_a_part_that_overflows_is_not_returned(parts):
    trace = forward(init_params(1, 1, 1, kind="identity"), np.array([[0.0], [0.0], [1e200]]), h0=[1e200])
    with pytest.raises(FloatingPointError, match=r"dL/dW_h. overflows float64"):
        parts(trace, np.zeros((3, 1)))
