"""The explorer of the unrolled network: its walk, edge by edge, in the picture and in words."""

import re

import numpy as np
import pytest

from d2lbptt import explorers, forward, loss
from d2lbptt.checking.finite_differences import complex_step
from d2lbptt.graph import WEIGHTS


def frames(explorer):
    """How many uses are framed with dashes (waiting) and with a line (arrived), without the two in the key."""
    looks = [dashes for _, dashes in explorer._picture.graph.frames.get_linestyle()][:-2]
    return sum(dashes is not None for dashes in looks), sum(dashes is None for dashes in looks)


@pytest.mark.parametrize("T", [1, 4, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_explorer_frames_every_use_and_counts_what_came_back(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    walk = explorer.state["data"].graph.walk()
    for step in range(0, 20 * T + 3, 7):
        explorer.controls["step"].value = step
        arrived = sum(edge.target.symbol == weight for edge in walk[:step])
        assert frames(explorer) == (T - arrived, arrived)
        assert len(explorer._picture.contributions.bars.get_paths()) == arrived
        told = re.search(r"So far (\d+) of", explorer.state["sentence"])
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


@pytest.mark.parametrize("T", [1, 3, 12])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_walk_ends_with_the_sum_over_the_uses(T, weight):
    explorer = explorers.unrolled_graph()
    explorer.controls["weight"].value, explorer.controls["T"].value = weight, T
    data = explorer.state["data"]
    assert explorer.controls["step"].value == len(data.graph.walk())  # the end stays the end
    assert f"{weight} is used in {T} place" in explorer.state["sentence"]
    assert "|sum − backward| is 0 to rounding" in explorer.state["sentence"]


def test_what_each_edge_brings_back_is_what_the_text_says():
    # Oracle: central values from the loss itself, moved along one node of the unrolled network.
    explorer = explorers.unrolled_graph()
    explorer.controls["activation"].value = "tanh"
    trace = explorer.state["data"].trace
    total = {t: [] for t in (1, 2, 3)}
    for step in range(35, 62):
        explorer.controls["step"].value = step
        if found := re.search(r"W_(?:qh|hh) .*= (\S+) goes to h_(\d)", explorer.state["sentence"]):
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
