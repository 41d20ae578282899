"""The explorer of the unrolled network: its walk, edge by edge, in the picture and in words."""

import re

import numpy as np
import pytest
import steady
from loops import for_each

from d2lbptt import experiments, explorers, forward, loss
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.explorers._unrolled_graph import ROOM, _words
from d2lbptt.figures import _graph as drawing
from d2lbptt.figures import _paper as paper
from d2lbptt.graph import WEIGHTS, computational_graph


def said(explorer):
    """The sentence and the details, without the marks of mathematics."""
    words = _words(explorer.state["controls"], explorer.state["data"])
    return steady.plain(words.sentence), steady.plain(" ".join(words.details))


def frames(explorer):
    """How many uses are framed with dashes (waiting) and with a line (arrived), without the two in the key."""
    looks = [dashes for _, dashes in explorer._picture.graph.frames.get_linestyle()][:-2]
    return sum(dashes is not None for dashes in looks), sum(dashes is None for dashes in looks)


@pytest.mark.slow
@for_each("T", [1, 4, 12])
@for_each("weight", WEIGHTS)
def test_the_explorer_frames_every_use_and_counts_what_came_back(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    walk = explorer.state["data"].graph.walk()
    for step in range(0, 20 * T + 3, 7):
        explorer.controls["step"].value = step
        arrived = sum(edge.target.symbol == weight for edge in walk[:step])
        assert frames(explorer) == (T - arrived, arrived)
        assert len(explorer._picture.contributions.bars.get_paths()) == arrived
        told = re.search(r"so far (\d+) of", said(explorer)[0])
        assert told is None or int(told[1]) == arrived
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


@for_each("T", [1, 3, 12])
@for_each("weight", WEIGHTS)
def test_the_walk_ends_with_the_sum_over_the_uses(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    data = explorer.state["data"]
    assert explorer.controls["step"].value == len(data.graph.walk())  # the end stays the end
    sentence, details = said(explorer)
    total = f"{data.parts.sum():.3g}"
    assert sentence.endswith(f"add up to {total}." if T > 1 else f"is {total}.")
    assert sentence.startswith(f"All {20 * T + 2} edges are done: ")
    assert "differs from the gradient of the backward pass by 0 to rounding" in details


@for_each(("T", "activation"), [(1, "tanh"), (6, "sigmoid"), (12, "tanh")])
def test_what_is_said_of_every_edge_is_short_and_clean(T, activation):
    data = experiments.unrolled_graph(T=T, activation=activation)
    for step in range(len(data.graph.walk()) + 1):
        said = _words({"step": step, "T": T, "weight": "W_hh", "activation": activation, "g": 0.8}, data)
        steady.check_said(said)
        assert str(step) in said.sentence


def test_what_each_edge_brings_back_is_what_the_text_says():
    # Oracle: central values from the loss itself, moved along one node of the unrolled network.
    explorer = explorers.unrolled_graph()
    explorer.controls["activation"].value = "tanh"
    trace = explorer.state["data"].trace
    total = {t: [] for t in (1, 2, 3)}
    for step in range(35, 62):
        explorer.controls["step"].value = step
        if found := re.search(r"W_(?:qh|hh) .*= (\S+) goes to h_(\d)", said(explorer)[0]):
            if found[2] != "0":
                total[int(found[2])].append(float(found[1]))
    for t, parts in total.items():
        start = forward(trace.params, trace.x[t:], h0=trace.h[t], activation="tanh") if t < 3 else None

        def rest(h, t=t, start=start):
            own = (h**2).sum() / 2
            if start is None:
                return own / 3
            run = forward(start.params, start.x, h0=h, activation="tanh")
            return (own + loss(run, np.zeros_like(run.o), reduction="sum")) / 3

        assert len(parts) == (1 if t == 3 else 2)
        np.testing.assert_allclose(sum(parts), complex_step(rest, trace.h[t]).item(), rtol=6e-3)


# --- the picture ---


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def arranged(request):
    found = paper.picture(drawing._UnrolledGraphPicture, 9.6, 4.6, [computational_graph(T) for T in ROOM])
    found.arrange(not request.param)
    found.arrange(request.param)  # back and forth
    return found


@pytest.mark.slow
def test_axes_and_texts_are_steady_while_a_slider_moves(arranged):
    results = [experiments.unrolled_graph(T=T) for T in (6, *range(1, 13))]
    steady.check_steady(arranged, results, step=22)
    steady.check_steady(arranged, [experiments.unrolled_graph(T=12, g=g) for g in (0.0, 0.5, 1.5)], step=242)
    for step in (0, 40, 130, 242):
        steady.check_steady(arranged, [experiments.unrolled_graph(T=12, activation="tanh")], step=step)


def test_texts_are_inside_and_apart_for_every_length(arranged):
    for weight, T in [("W_hh", 1), ("W_hx", 3), ("W_qh", 6), ("W_hh", 12)]:
        data = experiments.unrolled_graph(weight, T, g=1.5)
        steady.check_rested(arranged, [data], step=20 * T + 2)


def hidden(panel):
    """What the white paper covers: a function of a point in pixels."""
    return lambda point: any(path.contains_point(point) for path in panel.cover.get_paths())


@pytest.mark.parametrize(("T", "room"), [(1, 3), (3, 3), (4, 6), (6, 6), (7, 12), (12, 12)])
def test_there_is_room_for_a_few_lengths_and_the_steps_beyond_T_are_covered(arranged, T, room):
    data = experiments.unrolled_graph(T=T)
    arranged.set_limits(*arranged.limits(data, 20 * T + 2))
    arranged.update(data, 20 * T + 2)
    layout = arranged.graph._layout
    assert layout.graph.T == room
    covered = hidden(arranged.graph)
    assert {node for node, at in layout.at.items() if covered(at)} == {n for n in layout.at if n.t > T}
    covered = hidden(arranged.contributions)
    steps = [text for text in arranged.contributions._still if hasattr(text, "get_text") and text.get_text()]
    assert [covered(np.add(text.get_position(), (2, 0))) for text in steps] == [t > T for t in range(1, room + 1)]
    assert len(arranged.graph.lines.get_segments()) == len(data.graph.forward())


@for_each("form", [drawing.WIDE, drawing.NARROW])
@for_each("T", range(1, 13))
def test_a_cover_touches_no_node_that_is_in_sight(form, T):
    layout = drawing._Layout(computational_graph(min(size for size in ROOM if size >= T)), form)
    for node, at in layout.at.items():
        for other, place in layout.at.items():
            if node.t > T >= other.t:
                reach = np.array(layout.half(node)) + 2 + np.array(layout.half(other))
                assert np.any(np.abs(at - place) > reach)


def test_the_longest_bar_is_the_largest_part_whatever_has_arrived(arranged):
    data = experiments.unrolled_graph(T=6)
    heights = {}
    for step in range(70, 123):
        arranged.set_limits(6)
        arranged.update(data, step)
        for t, path in zip(np.flatnonzero(data.arrived(step)), arranged.contributions.bars.get_paths(), strict=True):
            box = path.get_extents()
            heights.setdefault(t, set()).add(round(box.width if arranged._form.turned else box.height, 6))
    assert all(len(found) == 1 for found in heights.values())
    assert max(heights, key=lambda t: max(heights[t])) == np.argmax(data.parts)


def test_another_layout_has_other_limits(arranged):
    steady.check_limits_tell_what_stands_still(arranged, [experiments.unrolled_graph(T=T) for T in (3, 6, 12)], step=0)
