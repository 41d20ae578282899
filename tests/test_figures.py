"""The pictures of the gradient's flow: what is drawn is what was given, and it can be read. Oracle: the data given."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from d2lbptt import figures


def drawn(draw, *arguments, **options):
    """Axes after a figure function has drawn on them, and the figure laid out."""
    figure = Figure(figsize=(9.6, 4), dpi=100)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.125, 0.165, 0.54, 0.80))
    assert draw(ax, *arguments, **options) is ax
    figure.canvas.draw()
    return ax


def line(ax, look):
    return next(line for line in ax.lines if line.get_color() == look["color"] and len(line.get_xdata()) > 1)


def shown_texts(ax):
    return {text.get_text(): text for text in ax.texts if text.get_text() and text.get_visible()}


FULL = np.linspace(-40, 2, 100)  # log10 |dL/dh_t|: forty-two decades, 2 at t = T


def test_the_curve_is_the_ratio_to_the_last_step():
    ax = drawn(figures.gradient_flow, FULL)
    t, decades = line(ax, figures.style.FULL).get_data()
    np.testing.assert_array_equal(t, np.arange(1, 101))
    np.testing.assert_allclose(decades, FULL - 2)
    assert "full gradient" in shown_texts(ax)


def test_what_a_window_drops_is_hatched_up_to_the_first_step_that_is_kept():
    truncated = np.where(np.arange(1, 101) > 70, FULL, -np.inf)
    ax = drawn(figures.gradient_flow, FULL, truncated, tau=30)
    hatched = next(patch for patch in ax.patches if patch.get_hatch())
    assert hatched.get_x() + hatched.get_width() == 70.5
    assert "dropped by τ = 30" in shown_texts(ax)
    assert np.isfinite(line(ax, figures.style.TRUNCATED).get_ydata()).sum() == 30


@pytest.mark.parametrize(("decades", "limit"), [(3, 10), (28, 30), (80, 100), (399, 1000), (380, 400)])
def test_the_axis_goes_in_few_steps(decades, limit):
    ax = drawn(figures.gradient_flow, np.linspace(-decades, 0, 50))
    assert ax.get_ylim() == (-limit, limit)


def test_an_axis_that_was_asked_for_stays():
    assert drawn(figures.gradient_flow, FULL, decades=400).get_ylim() == (-400, 400)


def test_bands_begin_where_the_floats_end():
    ax = drawn(figures.gradient_flow, np.linspace(-390, 0, 50))
    heights = {text: artist.get_position()[1] for text, artist in shown_texts(ax).items() if " in float" in text}
    want = {"vanished in float32 ": -44.85, "exploded in float32 ": 38.53}
    want |= {"vanished in float64 ": -323.3, "exploded in float64 ": 308.25}
    assert heights == pytest.approx(want, abs=0.01)


@pytest.mark.parametrize("T", [1, 2, 7, 100, 1000])
@pytest.mark.parametrize("end", [-900, -60, -5, 0, 5, 60, 900])
def test_labels_lie_inside_the_axes_whatever_the_curve(T, end):
    full = np.linspace(end, 0, T)
    ax = drawn(figures.gradient_flow, full, full, tau=T)
    frame = ax.get_window_extent()
    for words in ("full gradient", f"truncated, τ = {T}"):
        box = shown_texts(ax)[words].get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def test_a_gradient_that_is_exactly_zero_draws_no_line_and_no_error():
    full = np.array([-np.inf, -np.inf, 0.0])
    assert np.isfinite(line(drawn(figures.gradient_flow, full), figures.style.FULL).get_ydata()).sum() == 1
    drawn(figures.gradient_flow, np.full(3, -np.inf))


def test_eigenvalues_stand_where_they_are_with_the_unit_circle():
    values = np.array([0.5 + 0.5j, -1.2, 3j])
    ax = drawn(figures.eigenvalues, values)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xydata(), [[0.5, 0.5], [-1.2, 0], [0, 3]])
    circle = next(line for line in ax.lines if len(line.get_xdata()) > 100)
    np.testing.assert_allclose(np.hypot(*circle.get_data()), 1)
    assert ax.get_xlim()[1] >= 3


def test_distances_and_their_prediction_stand_on_one_log_axis():
    t = np.arange(1, 31)
    runs = {"far": (2.0**t, 2.1**t), "near": (0.5**t, 0.5**t)}
    ax = drawn(figures.distances, runs)
    assert ax.get_yscale() == "log" and {"far", "near"} <= set(shown_texts(ax))
    for curve, wanted in zip(ax.lines, [2.0**t, 2.1**t, 0.5**t, 0.5**t], strict=True):
        np.testing.assert_array_equal(curve.get_data(), (t, wanted))
