"""The pictures of training and of influence balancing: they show what they were given, and no name is clipped."""

from itertools import accumulate

import numpy as np
import pytest
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from d2lbptt import figures
from d2lbptt.experiments._cost import _beside_lines as beside_lines
from d2lbptt.figures import _style as style
from d2lbptt.figures._labels import apart
from d2lbptt.truncation.influence import Spans, balance, partial_sums, trajectory
from d2lbptt.truncation.randomized_variance import moments, simulate, trade


def axes(width=9.6, height=4.3):
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.1, 0.16, 0.88, 0.8))


def boxes(ax):
    """The boxes of all texts in pixels, once they are known to lie inside the picture and apart from one another."""
    ax.figure.canvas.draw()
    found = [Text.get_window_extent(text) for text in ax.texts if text.get_text().strip()]
    width, height = ax.figure.bbox.size
    for i, box in enumerate(found):
        assert 0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height
        assert not any(box.overlaps(other) for other in found[:i])
    return found


def curves(ax, length):
    return [line for line in ax.lines if len(line.get_ydata()) == length]


def test_what_a_span_sees():
    sums = partial_sums(150)
    window = [float(s) / -6 for s in sums]
    chunks = [float(s) / t / -6 for t, s in enumerate(accumulate(sums), start=1)]
    ax = figures.seen_by_span(axes(), window, chunks, Spans(41, 110))
    for line, values in zip(curves(ax, 150), (window, chunks), strict=True):
        np.testing.assert_allclose(line.get_ydata(), values)
    texts = " ".join(text.get_text() for text in ax.texts)
    assert "right\nfrom τ = 41" in texts and "right\nfrom τ = 110" in texts
    low, high = ax.get_ylim()
    assert low < min(window) and high > 1
    assert boxes(ax)


def test_where_theta_goes():
    runs = {
        "forward accumulation": trajectory("full", 600),
        "chunks, τ = 50": trajectory("chunks", 600, tau=50),
        "away": np.geomspace(0.5, 1e5, 601),
        "gone": np.append(np.full(300, 0.5), np.full(301, np.nan)),
    }
    ax = figures.trajectories(axes(), runs, balance().solution)
    for line, theta in zip(curves(ax, 601), runs.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), theta)
    assert {text.get_text() for text in ax.texts} == set(runs)
    dashed = [line for line in ax.lines if line.get_color() == style.THEORY["color"]]
    assert dashed[0].get_ydata()[0] == pytest.approx(-1 / 6)
    assert len(boxes(ax)) == 4


@for_each("ends", [(2.0, 2.001, 2.002, 2.003), (1.01, 1.02, 30, 1e4), (5.0,)])
def test_perplexities_and_their_names(ends):
    runs = {f"run {i}": np.geomspace(28, end, 40) for i, end in enumerate(ends)}
    ax = figures.perplexity(axes(), runs, {"a guess": 28.0})
    for line, values in zip(curves(ax, 40), runs.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), values)
    texts = {text.get_text() for text in ax.texts}
    assert texts == {"a guess", *(f"run {i}: {end:.2f}" for i, end in enumerate(ends))}
    names = [text for text in ax.texts if text.get_text().startswith("run")]
    places = [text.get_position()[1] for text in names]
    assert places == sorted(places)
    assert len(boxes(ax)) == len(ends) + 1


def test_rings_for_text_that_was_not_learned():
    runs = {"one": np.geomspace(28, 2, 40), "two": np.geomspace(28, 4, 40)}
    held_out = {"two": 15.0, "one": 25.0, "none of the runs": 3.0}
    ax = figures.perplexity(axes(), runs, {"a guess": 28.0, "frequencies": 17.0}, held_out)
    rings = [line for line in ax.lines if line.get_marker() == "o"]
    colours = [line.get_color() for line in curves(ax, 40)]
    assert [(ring.get_ydata()[0], ring.get_color()) for ring in rings] == [(25.0, colours[0]), (15.0, colours[1])]
    assert all(ring.get_xdata()[0] > 40 for ring in rings)
    assert {text.get_text() for text in ax.texts} == {
        "a guess", "frequencies", "one: 2.00", "two: 4.00", "rings: text\nnot learned"
    }  # fmt: skip
    assert len(boxes(ax)) == 5


def test_one_mark_for_each_seed():
    runs = {"window": np.array([1.2, 1.3, 1.1]), "full": np.array([1.08, 1.07, 1.09])}
    ax = figures.by_seed(axes(), runs, {"remembers": 1.05, "forgets": 1.15})
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    for row, (line, values) in enumerate(zip(marks, runs.values(), strict=True)):
        np.testing.assert_array_equal(line.get_xdata(), values)
        assert np.all(np.abs(line.get_ydata() + row) < 0.5)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(runs)
    dashed = [line.get_xdata()[0] for line in ax.lines if line.get_color() == style.THEORY["color"]]
    assert dashed == [1.05, 1.15]
    assert ax.get_xlim()[0] < 1.05 and ax.get_xlim()[1] > 1.3
    assert len(boxes(ax)) == 2


def test_runs_without_an_epoch_are_left_out():
    ax = figures.perplexity(axes(), {"stopped at once": np.array([]), "other": np.array([3.0, 2.0])}, {"a guess": 28.0})
    assert {text.get_text() for text in ax.texts} == {"a guess", "other: 2.00"}
    assert boxes(figures.perplexity(axes(), {"stopped at once": np.array([])}, {"a guess": 28.0}))


def test_pieces_of_text_and_what_crosses():
    ax = figures.cuts(axes(9.6, 3.4), ["the ", "time", "mach"], ["ine ", "by h", "g we"])
    letters = "".join(text.get_text() for text in ax.texts if len(text.get_text()) == 1)
    assert letters == "the timemachine by hg we"
    bars = [line for line in ax.lines if line.get_linewidth() == 3]
    assert len(bars) == 4  # between three pieces, in two rows
    heads = [text.arrow_patch.get_edgecolor() for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert len(heads) == 1 + 3 + 6  # the state goes on through the first row; the gradient never does
    assert boxes(ax)


def test_the_cost_stands_beside_the_straight_line():
    T, milliseconds, megabytes = np.array([[250, 500, 1000, 2000], [1.0, 2.0, 4.0, 16.0], [0.1, 0.2, 0.4, 0.8]])
    ax = figures.cost(axes(), beside_lines(T, milliseconds, megabytes))
    time, memory = (line for line in ax.lines if line.get_marker() in ("o", "s"))
    np.testing.assert_allclose(time.get_ydata(), [1, 2, 4, 16])
    np.testing.assert_allclose(memory.get_ydata(), [0.1, 0.2, 0.4, 0.8])
    law = np.array([1, 2, 4, 8]) * 2**0.25  # the geometric mean of time / T is that of the first three, and of a double
    dashed = [line.get_ydata() for line in ax.lines if line.get_color() == style.THEORY["color"]]
    np.testing.assert_allclose(dashed, [law, megabytes])
    off = np.abs(np.array([1, 2, 4, 16]) / law - 1).max()
    texts = [text.get_text() for text in ax.texts]
    assert texts == [
        f"time, forward and back: at most\n{off:.0%} off the line",
        "memory of the states: at most\n0% off the line",
    ]
    assert len(boxes(ax)) == 2


def test_the_variance_stands_beside_its_law():
    b, t = np.ones(60), np.arange(1, 61)
    runs = {f"π = {pi}": (np.var(simulate(b, 0.8, pi, 500), 0), moments(b, 0.8, pi).variance) for pi in (0.5, 0.9)}
    ax = figures.variance(axes(), runs)
    shown = [line for line in ax.lines if line.get_color() != style.THEORY["color"]]
    laws = [line for line in ax.lines if line.get_color() == style.THEORY["color"]]
    for line, law, (sample, exact) in zip(shown, laws, runs.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), t)
        np.testing.assert_array_equal(line.get_ydata()[1:], sample[1:])
        np.testing.assert_array_equal(law.get_ydata()[1:], exact[1:])
        assert np.isnan(line.get_ydata()[0])  # z_1 has no variance, and no place on a log axis
    assert len(boxes(ax)) == 3


def test_bias_and_chance_at_equal_cost():
    data = trade(np.random.default_rng(0).normal(size=50), 0.9)
    ax = figures.trade(axes(), data)
    one, hundred, many, window = (line.get_ydata() for line in ax.lines)
    np.testing.assert_array_equal(one, data.randomized[1:-1])
    np.testing.assert_allclose(hundred, one / 10)
    np.testing.assert_allclose(many, one / 100)
    np.testing.assert_array_equal(window, data.window[1:-1])
    assert {text.get_text() for text in ax.texts} >= {"randomized: chance", "sliding window: bias"}
    assert len(boxes(ax)) == 4


@pytest.mark.parametrize("ends", [(0, 0, 0), (-5, 0.5, 40), (3, 3.2, 9.9), (9.5, 9.8, 10)])
def test_names_keep_apart_and_between_both_ends_of_the_axis(ends):
    heights = apart(np.array(ends, float), 1, 0, 10)
    assert (np.diff(heights) >= 1 - 1e-12).all() and 0 <= heights[0] and heights[-1] <= 10


def test_names_that_are_apart_stay_at_their_lines():
    np.testing.assert_array_equal(apart(np.array([0, 1, 4.5, 10]), 1, 0, 10), [0, 1, 4.5, 10])
