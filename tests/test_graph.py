"""The computational graph, its walk, and what each use of a shared weight brings to the gradient."""

import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from d2lbptt import backward, explorers, figures, forward, init_params, loss
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.graph import DATA, WEIGHTS, Edge, Node, computational_graph
from d2lbptt.total_derivative import forward_accumulation
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
@pytest.mark.parametrize("weight", WEIGHTS)
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


@pytest.mark.parametrize("reduction", ["mean", "last"])
@pytest.mark.parametrize("activation", ["tanh", "identity"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_by_use_is_the_gradient_of_untied_copies(weight, activation, reduction):
    # Oracle: the complex step on a network that has T different weights.
    trace, y = model(activation)
    copies = np.array([getattr(trace.params, weight)] * 5)
    untied = complex_step(lambda W: untied_loss(W, weight, trace, y, reduction), copies)
    np.testing.assert_allclose(by_use(trace, y, weight, reduction=reduction), untied, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum", "last"])
@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_parts_add_up_to_the_gradient(weight, B, reduction):
    trace, y = model(B=B)
    gradient = getattr(backward(trace, y, reduction=reduction), weight)
    np.testing.assert_allclose(by_use(trace, y, weight, reduction=reduction).sum(0), gradient, rtol=1e-12)
    if weight != "W_qh":
        np.testing.assert_allclose(by_loss(trace, y, weight, reduction=reduction).sum(0), gradient, rtol=1e-12)


@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("weight", ["W_hx", "W_hh"])
def test_the_table_of_pairs_has_the_two_routes_as_its_sums(weight, B):
    # by_loss comes from total derivatives carried forwards, by_use from the recursion back: neither made the table.
    trace, y = model(B=B)
    table = by_pair(trace, y, weight)
    np.testing.assert_allclose(table.sum(0), by_use(trace, y, weight), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(table.sum(1), by_loss(trace, y, weight), rtol=1e-11, atol=1e-15)
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
    from d2lbptt.total_derivative import mixtures

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


@pytest.mark.parametrize("T", range(1, 13))
def test_boxes_do_not_overlap_and_stay_in_sight(T):
    layout = figures._graph._Layout(computational_graph(T))
    boxes = [(layout.at[node], np.array(layout.half(node))) for node in layout.at]
    for i, (at, half) in enumerate(boxes):
        assert np.all(at - half >= 0) and np.all(at + half <= [960, 372])
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


def frames(explorer):
    """How many uses are framed with dashes (waiting) and with a line (arrived), without the two in the key."""
    looks = [dashes for _, dashes in explorer._picture.graph.frames.get_linestyle()][:-2]
    return sum(dashes is not None for dashes in looks), sum(dashes is None for dashes in looks)


@pytest.mark.parametrize("T", [1, 4, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_explorer_frames_every_use_and_counts_what_came_back(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    for step in range(0, 20 * T + 3, 7):
        explorer.controls["step"].value = step
        arrived = int(np.isfinite(explorer.state["data"].parts).sum())
        assert frames(explorer) == (T - arrived, arrived)
    explorer.controls["step"].value = 20 * T + 2
    assert frames(explorer) == (0, T)


def test_the_walk_tells_done_current_and_to_come_apart_without_colour():
    explorer, looks = explorers.unrolled_graph(), []
    for step in (0, 20, 34, 50, 62):
        explorer.controls["step"].value = step
        lines = explorer._picture.graph.lines
        dotted = sum(dashes is not None for _, dashes in lines.get_linestyle())
        thick = sum(width > 3 for width in lines.get_linewidth())
        looks.append((dotted, thick, len(explorer._picture.graph.pen[0].get_xdata()) > 0))
    assert looks == [(34, 0, False), (14, 0, True), (0, 0, True), (0, 16, True), (0, 28, True)]


# --- the sentences ---


@pytest.mark.parametrize("T", [1, 3, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_walk_ends_with_the_sum_over_the_uses(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    walk = explorer.state["data"]
    assert explorer.controls["step"].value == len(walk.graph.walk())  # the end stays the end
    assert f"{weight} is used in {T} place" in explorer.state["sentence"]
    assert "|sum − backward| is 0 to rounding" in explorer.state["sentence"]
    np.testing.assert_allclose(np.sum(walk.parts), getattr(walk.gradient, weight).item(), rtol=1e-13)


def test_what_each_edge_brings_back_is_what_the_text_says():
    # Oracle: central values from the loss itself, moved along one node of the unrolled network.
    explorer = explorers.unrolled_graph()
    explorer.controls["activation"].value = "tanh"
    walk = explorer.state["data"]
    total = {t: [] for t in (1, 2, 3)}
    for step in range(35, 62):
        explorer.controls["step"].value = step
        if found := re.search(r"W_(?:qh|hh) .*= (\S+) goes to h_(\d)", explorer.state["sentence"]):
            if found[2] != "0":
                total[int(found[2])].append(float(found[1]))
    for t, parts in total.items():
        start = forward(walk.trace.params, walk.trace.x[t:], h0=walk.trace.h[t], activation="tanh") if t < 3 else None

        def rest(h, t=t, start=start):
            own = (h**2).sum() / 2
            if start is None:
                return own / 3
            run = forward(start.params, start.x, h0=h, activation="tanh")
            return (own + loss(run, np.zeros_like(run.o), reduction="sum")) / 3

        assert len(parts) == (1 if t == 3 else 2)
        np.testing.assert_allclose(sum(parts), complex_step(rest, walk.trace.h[t]).item(), rtol=6e-3)


def pasted(explorer, **names):
    exec(explorer.code, names)
    return names


@pytest.mark.parametrize("T", [1, 5, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_unrolled_graph_as_python_gives_the_same_numbers(T, weight, capsys):
    explorer = explorers.unrolled_graph()
    for key, value in {"T": T, "weight": weight, "activation": "sigmoid", "g": 1.37}.items():
        explorer.controls[key].value = value
    names = pasted(explorer)
    np.testing.assert_array_equal(names["parts"], explorer.state["data"].all_parts)
    assert f"= {names['parts'].sum():.6f}; backward: {names['gradient']:.6f}" in capsys.readouterr().out


@pytest.mark.parametrize("phi", ["tanh", "relu"])
@pytest.mark.parametrize("theta", ["identity", "sigmoid"])
def test_scalar_rnn_as_python_gives_the_same_numbers(phi, theta, capsys):
    explorer = explorers.scalar_rnn()
    for key, value in {"T": 7, "w": -1.35, "v": 1.1, "phi": phi, "theta": theta}.items():
        explorer.controls[key].value = value
    names, filling = pasted(explorer), explorer.state["data"]
    for mine, shown in zip(names["table"], filling.table, strict=True):
        np.testing.assert_array_equal(mine, shown)
    assert f"dL/dw = {filling.table.dL_dw:.6g}" in capsys.readouterr().out


@pytest.mark.parametrize("parameter", ["W_hh", "W_hx"])
def test_two_routes_as_python_gives_the_same_numbers(parameter, capsys):
    explorer = explorers.two_routes()
    for key, value in {"T": 6, "g": 1.21, "h0": 1.3, "parameter": parameter, "activation": "tanh"}.items():
        explorer.controls[key].value = value
    names, routes = pasted(explorer), explorer.state["data"]
    np.testing.assert_array_equal(names["table"] / routes.gradient, routes.shares)
    np.testing.assert_array_equal(names["rows"] / routes.gradient, routes.by_loss)
    np.testing.assert_array_equal(names["columns"] / routes.gradient, routes.by_use)
    out = capsys.readouterr().out
    assert f"total_state_total_loss           {routes.ratios[2] * routes.gradient:.6f}" in out


# --- the scalar table ---


def texts(table):
    return [[cell.get_text() for cell in cells] for cells in table.cells]


def test_the_scalar_table_is_filled_from_its_last_row():
    explorer = explorers.scalar_rnn()
    explorer.controls["T"].value = 4
    for filled in range(5):
        explorer.controls["step"].value = filled
        known = ["?" not in row for row in texts(explorer._picture.table)[:4]]
        assert known == [t > 4 - filled for t in (1, 2, 3, 4)]


def test_each_row_is_calculated_from_the_one_below():
    explorer = explorers.scalar_rnn()
    for key, value in {"phi": "tanh", "theta": "sigmoid", "w": -1.2}.items():
        explorer.controls[key].value = value
    filling = explorer.state["data"]
    dh, ds = filling.table.dL_dh, filling.table.dL_ds
    np.testing.assert_allclose(dh, filling.w * np.append(ds[1:], 0) + filling.own, rtol=1e-13)
    np.testing.assert_allclose(ds, dh * filling.slopes, rtol=1e-13)


def test_the_start_needs_no_later_row_and_the_end_has_both_gradients():
    explorer = explorers.scalar_rnn()
    for filled, words in enumerate(["10 question marks", "its own loss is all that h_5 reaches", "dL/dh_4 = "]):
        explorer.controls["step"].value = filled
        assert words in explorer.state["sentence"]
    explorer.controls["step"].value = 5
    assert "All rows are there: dL/dw = " in explorer.state["sentence"]


# --- the two routes ---


@pytest.mark.parametrize("parameter", ["W_hh", "W_hx"])
@pytest.mark.parametrize("T", [2, 3, 8])
def test_two_routes_agree_and_the_mixtures_do_not(T, parameter):
    explorer = explorers.two_routes()
    explorer.controls["parameter"].value, explorer.controls["T"].value = parameter, T
    routes = explorer.state["data"]
    np.testing.assert_allclose([routes.by_loss.sum(), routes.by_use.sum(), *routes.ratios[:2]], 1, rtol=1e-12)
    assert routes.ratios[2] > 1.05 and routes.ratios[3] < 0.95
    assert "apart by 0 to rounding" in explorer.state["sentence"]
    assert "too large" in explorer.state["sentence"] and "too small" in explorer.state["sentence"]


@pytest.mark.parametrize("settings", [{"T": 1}, {"g": 0.0}, {"T": 2, "h0": 0.0}])
def test_where_nothing_is_carried_all_four_agree_and_the_sentence_says_so(settings):
    explorer = explorers.two_routes()
    for key, value in settings.items():
        explorer.controls[key].value = value
    np.testing.assert_allclose(explorer.state["data"].ratios, 1, rtol=1e-12)
    assert "So do the two mixtures here" in explorer.state["sentence"]


def test_a_gradient_of_zero_has_no_shares():
    explorer = explorers.two_routes()
    explorer.controls["T"].value, explorer.controls["h0"].value = 1, 0
    assert "exactly 0" in explorer.state["sentence"]
    assert not explorer.state["data"].shares.any() and np.isnan(explorer.state["data"].ratios).all()
    assert explorer.error is None


@pytest.mark.parametrize("name", ["scalar_rnn", "two_routes", "unrolled_graph"])
def test_back_where_it_was_an_explorer_shows_what_a_new_one_shows(name):
    moved, fresh = getattr(explorers, name)(), getattr(explorers, name)()
    for key in moved.controls:
        control = moved.controls[key]
        control.value = control.options[-1] if hasattr(control, "options") else control.max
    assert moved._png != fresh._png
    moved.reset()
    assert moved._png == fresh._png
    assert moved.state["sentence"] == fresh.state["sentence"]


@pytest.mark.parametrize("name", ["scalar_rnn", "two_routes", "unrolled_graph"])
def test_the_blitted_picture_is_the_saved_picture(name):
    explorer = getattr(explorers, name)()
    explorer.controls["T"].value = 4
    blitted, saved = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for png in pictures(explorer))
    assert np.mean(np.abs(blitted - saved) > 40) < 0.002


def pictures(explorer):
    out = io.BytesIO()
    explorer._picture.figure.savefig(out, format="png")
    return explorer._png, out.getvalue()


@pytest.mark.parametrize("parts", [by_use, by_loss, by_pair])
def test_a_part_that_overflows_is_not_returned(parts):
    trace = forward(init_params(1, 1, 1, kind="identity"), np.array([[0.0], [0.0], [1e200]]), h0=[1e200])
    with pytest.raises(FloatingPointError, match=r"dL/dW_h. overflows float64"):
        parts(trace, np.zeros((3, 1)))
