"""Pictures of numbers: what is drawn is what was given, and it can be read. Oracle: the data given."""

import numpy as np
import pytest
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from d2lbptt import experiments, explorers, figures, init_params
from d2lbptt.checking import step_size
from d2lbptt.experiments._slopes import slope_bands
from d2lbptt.experiments._step_size import _looked_at as looked_at
from d2lbptt.figures._eigenvalues import _Sizes
from d2lbptt.figures._flow import _Slopes
from d2lbptt.figures._step_size import _StepSizePicture


def drawn(draw, *arguments, **options):
    """Axes after a figure function has drawn on them, and the figure laid out."""
    figure = Figure(figsize=(9.6, 4), dpi=100)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.125, 0.165, 0.54, 0.80))
    assert draw(ax, *arguments, **options) is ax
    figure.canvas.draw()
    return ax


def line(ax, look):
    return next(line for line in ax.lines if line.get_color() == look["color"] and len(line.get_xdata()) > 2)


def shown_texts(ax):
    return {text.get_text(): text for text in ax.texts if text.get_text() and text.get_visible()}


FULL = np.linspace(-40, 2, 100)  # log10 |dL/dh_t|: forty-two decades, 2 at t = T


def test_the_curve_is_the_ratio_to_the_last_step():
    ax = drawn(figures.gradient_flow, FULL)
    t, decades = line(ax, figures._style.FULL).get_data()
    np.testing.assert_array_equal(t, np.arange(1, 101))
    np.testing.assert_allclose(decades, FULL - 2)
    assert "full gradient" in shown_texts(ax)


def test_what_a_window_drops_is_hatched_up_to_the_first_step_that_is_kept():
    truncated = np.where(np.arange(1, 101) > 70, FULL, -np.inf)
    ax = drawn(figures.gradient_flow, FULL, truncated, tau=30)
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    hatched = next(box for box in boxes if box.get_hatch())
    assert hatched.get_x() + hatched.get_width() == 70.5
    assert {"dropped", "τ = 30"} <= set(shown_texts(ax))
    kept = next(box for box in boxes if box.get_height() == hatched.get_height() and box is not hatched)
    assert (kept.get_x(), kept.get_x() + kept.get_width()) == (70.5, 100.5)
    assert np.isfinite(line(ax, figures._style.TRUNCATED).get_ydata()).sum() == 30


@for_each(("decades", "limit"), [(3, 10), (28, 38), (80, 100), (399, 1000), (380, 400)])
def test_the_axis_goes_in_few_steps(decades, limit):
    ax = drawn(figures.gradient_flow, np.linspace(-decades, 0, 50))
    assert ax.get_ylim() == (-limit, limit)


def test_an_axis_that_was_asked_for_stays():
    assert drawn(figures.gradient_flow, FULL, decades=400).get_ylim() == (-400, 400)


@for_each("end", [-390, 90, -2000])
def test_bands_begin_where_the_floats_end_and_have_their_names(end):
    ax = drawn(figures.gradient_flow, np.linspace(end, 0, 50))
    spans = [
        patch.get_extents().transformed(ax.transData.inverted())
        for patch in ax.patches
        if patch.get_fill() and patch.get_visible()
    ]
    edges = sorted(edge for span in spans for edge in (span.y0, span.y1) if 1 < abs(edge) < 1e3)
    np.testing.assert_allclose(sorted({round(edge, 2) for edge in edges}), [-323.31, -44.85, 38.53, 308.25])
    within = {"vanished in float32": (-323.31, -44.85), "exploded in float32": (38.53, 308.25)}
    within |= {"vanished in float64": (-1e9, -323.31), "exploded in float64": (308.25, 1e9)}
    for words, text in shown_texts(ax).items():
        if " in float" in words:
            assert inside(ax, text)
            low, high = ax.transData.inverted().transform(text.get_window_extent())[:, 1]
            slack = 3 / ax.bbox.height * np.ptp(ax.get_ylim())  # below the letters of a text there is room for others
            assert within[words][0] - slack <= low and high <= within[words][1] + slack


NAMES = ("full gradient", "truncated", "theory: ρᵏ × slopes", "upper bound")


def places(ax, names=NAMES):
    texts = shown_texts(ax)
    return {name: tuple(texts[name].get_window_extent().bounds) for name in names}


SIZES = [(9.6, 4), (6.4, 4.8), (4, 3)]


@pytest.mark.slow
@for_each(("T", "size"), [*((T, SIZES[0]) for T in (2, 7, 100)), *((T, size) for T in (1, 1000) for size in SIZES)])
def test_names_stand_in_the_place_of_the_axes_and_are_the_same_for_any_curve(T, size):
    found = []
    for end in (-900, -5, 0, 60):
        full = np.linspace(end, 0, T)
        figure = Figure(figsize=size, dpi=100)
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
        given = ax.get_window_extent().frozen()
        figures.gradient_flow(ax, full, full, tau=T, theory=full, bound=full)
        figure.canvas.draw()
        names = [shown_texts(ax)[name] for name in NAMES]
        for box in (name.get_window_extent() for name in names):
            assert ax.bbox.y1 < box.y0 and box.y1 <= given.y1 and given.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert not overlapping(names)
        found.append(places(ax))
    assert all(place == found[0] for place in found)


def test_a_second_picture_on_the_same_axes_is_as_high_as_the_first():
    ax = drawn(figures.gradient_flow, FULL)
    before = tuple(ax.bbox.bounds)
    ax.clear()
    figures.gradient_flow(ax, FULL)
    ax.figure.canvas.draw()
    assert tuple(ax.bbox.bounds) == before


def overlapping(texts):
    boxes = [text.get_window_extent() for text in texts]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_name_has_the_colour_and_the_style_of_its_line():
    t = np.arange(1, 101)
    ax = drawn(figures.gradient_flow, FULL, FULL, tau=100, theory=0.3 * (t - 100) - 1, bound=0.1 * (100 - t))
    samples = [line for line in ax.lines if not line.get_clip_on()]
    assert len(samples) == len(NAMES)
    for name in NAMES:
        box = shown_texts(ax)[name].get_window_extent()
        middle = (box.y0 + box.y1) / 2
        ends = {sample: sample.get_transform().transform(sample.get_xydata())[1] for sample in samples}
        sample = min(ends, key=lambda s: np.hypot(box.x0 - ends[s][0], middle - ends[s][1]))
        assert 0 < box.x0 - ends[sample][0] < 15 and abs(middle - ends[sample][1]) < 4
        drawn_line = next(
            curve
            for curve in ax.lines
            if len(curve.get_xdata()) == 100
            and curve.get_color() == sample.get_color()
            and curve._unscaled_dash_pattern == sample._unscaled_dash_pattern
        )
        wanted = {"full gradient": FULL - 2, "truncated": FULL - 2, "upper bound": 0.1 * (100 - t)}
        np.testing.assert_allclose(drawn_line.get_ydata(), wanted.get(name, 0.3 * (t - 100) - 1))


def test_theory_and_bound_are_the_lines_that_were_given():
    t = np.arange(1, 101)
    theory, bound = 0.3 * (t - 100) - 1, 0.1 * (100 - t)
    theory[:10] = -np.inf
    ax = drawn(figures.gradient_flow, FULL, theory=theory, bound=bound)
    grey = [
        line for line in ax.lines if line.get_color() == figures._style.THEORY["color"] and len(line.get_xdata()) > 2
    ]
    for curve, wanted in zip(grey, (bound, np.where(t > 10, theory, np.nan)), strict=True):
        np.testing.assert_allclose(curve.get_data(), (t, wanted))
    assert figures._style.THEORY["linestyle"] != figures._style.BOUND["linestyle"]
    assert {"theory: ρᵏ × slopes", "upper bound"} <= set(shown_texts(ax))
    words = set(shown_texts(drawn(figures.gradient_flow, FULL, theory=theory, bound=bound, every_step=True)))
    assert {"theory, loss at T alone", "bound, loss at T alone"} <= words


def test_a_window_that_was_calculated_at_some_steps_is_drawn_at_these():
    steps = np.array([1, 30, 60, 90, 100])
    ax = drawn(figures.gradient_flow, FULL, FULL[steps - 1] - 1, tau=7, steps=steps, every_step=True)
    np.testing.assert_allclose(line(ax, figures._style.TRUNCATED).get_data(), (steps, FULL[steps - 1] - 3))
    cut = np.array([-np.inf, -np.inf, 0, 0, 0])
    ax = drawn(figures.gradient_flow, FULL, cut, tau=41, steps=steps)
    hatched = next(patch for patch in ax.patches if patch.get_hatch())
    assert hatched.get_x() + hatched.get_width() == 59.5


def test_a_gradient_that_is_exactly_zero_draws_no_line_and_no_error():
    full = np.array([-np.inf, -np.inf, 0.0])
    assert np.isfinite(line(drawn(figures.gradient_flow, full), figures._style.FULL).get_ydata()).sum() == 1
    drawn(figures.gradient_flow, np.full(3, -np.inf))


def test_eigenvalues_stand_where_they_are_with_the_unit_circle():
    values = np.array([0.5 + 0.5j, -1.2, 3j])
    ax = drawn(figures.eigenvalues, values)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xydata(), [[0.5, 0.5], [-1.2, 0], [0, 3]])
    circle = next(patch for patch in ax.patches if not patch.get_fill())
    assert circle.center == (0, 0) and circle.radius == 1
    assert circle.get_zorder() > points.get_zorder()  # or the points would hide it
    assert ax.get_xlim()[1] >= 3


def test_sizes_are_sorted_and_the_largest_have_their_numbers():
    values, singular = np.array([1.5, -1.2, 0.5j, 0.1]), np.array([2.25, 1.0, 0.7, 0.01])
    figure = Figure()
    FigureCanvasAgg(figure)
    sizes = _Sizes(figure.add_axes((0.1, 0.1, 0.3, 0.8)))
    sizes.set_limits(2.5)
    sizes.update(values, singular)
    for curve, wanted in zip(sizes.rows, (singular, np.abs(values)), strict=True):
        np.testing.assert_allclose(curve.get_ydata(), wanted)
    assert [point.get_ydata()[0] for point in sizes.largest] == [2.25, 1.5]
    assert {"σₘₐₓ = 2.25", "ρ = 1.50"} <= set(shown_texts(sizes.ax))
    assert sizes.ax.get_ylim() == (-2.5, 2.5)
    assert any(np.all(line.get_ydata() == 1) for line in sizes.ax.lines)


def test_both_panels_of_one_matrix_have_the_same_scale():
    explorer = explorers.gradient_flow()
    for g in (0.0, 0.3, 1.0, 3.0):
        explorer.controls["g"].value = g
        picture = explorer._picture
        plane, sizes = picture.eigenvalues.ax, picture.sizes.ax
        assert plane.get_ylim() == sizes.get_ylim() and plane.bbox.height == pytest.approx(sizes.bbox.height)
        assert explorer.state["data"].singular_values[0] <= plane.get_ylim()[1]


def test_slopes_are_shown_by_median_and_band_and_those_of_relu_by_their_share():
    slopes = np.random.default_rng(0).random((40, 30))
    figure = Figure()
    FigureCanvasAgg(figure)
    picture = _Slopes(figure.add_axes((0.1, 0.1, 0.8, 0.8)))
    picture.update(slope_bands(slopes))
    np.testing.assert_array_equal(picture.median.get_data(), (np.arange(1, 41), np.median(slopes, axis=1)))
    band = picture.band.get_xy()
    low, high = band[band[:, 0] == 10, 1].min(), band[band[:, 0] == 10, 1].max()
    assert np.mean((slopes[9] >= low) & (slopes[9] <= high)) == 0.8
    picture.update(slope_bands((slopes > 0.3) * 1.0))
    np.testing.assert_allclose(picture.median.get_ydata(), (slopes > 0.3).mean(1))
    picture.update(slope_bands(np.repeat(slopes, 25, axis=0)))
    assert len(picture.median.get_xdata()) == 250


def test_distances_and_their_prediction_stand_on_one_log_axis():
    t = np.arange(1, 31)
    runs = {"far": (2.0**t, 2.1**t), "near": (0.5**t, 0.5**t)}
    ax = drawn(figures.distances, runs)
    assert ax.get_yscale() == "log" and {"far", "near"} <= set(shown_texts(ax))
    for curve, wanted in zip(ax.lines, [2.0**t, 2.1**t, 0.5**t, 0.5**t], strict=True):
        np.testing.assert_array_equal(curve.get_data(), (t, wanted))


# --- precision ---

H = 10.0 ** (np.arange(-300, -9) / 10)


@pytest.fixture(
    scope="module", params=[(T, g, dtype) for T, g in ((1, 1), (12, 0), (12, 1), (60, 3)) for dtype in ("f8", "f4")]
)
def sizes(request):
    T, g, dtype = request.param
    x, y = np.random.default_rng(0).normal(size=(2, T, 1))
    return step_size.step_sizes(init_params(1, 5, 1, scale=g), x, y, H, h0=np.full(5, 0.5), dtype=np.dtype(dtype))


def inside(ax, text):
    frame, box = ax.get_window_extent().padded(2), text.get_window_extent()
    return frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def crossed(lines, text):
    """Whether one of the lines runs through a text."""
    box = text.get_window_extent().padded(-4)
    return any(box.count_contains(line.get_transform().transform(line.get_xydata())) for line in lines)


@for_each("method", step_size.METHODS)
def test_errors_theory_and_best_step_are_drawn(sizes, method):
    ax = drawn(figures.step_size, sizes, method=method, h=H[120])
    curves = [line for line in ax.lines if len(line.get_xdata()) == len(H)]
    for name, curve in zip(step_size.METHODS, curves, strict=True):
        x, y = curve.get_data()
        np.testing.assert_allclose(x, np.log10(H))
        seen = (y > ax.get_ylim()[0] + 0.2) & (y < ax.get_ylim()[1] - 0.2)
        np.testing.assert_allclose(10 ** y[seen], sizes.error[name][seen])
        assert (curve.get_linewidth() == 3) == (name == method)
    law = sizes.law[method]
    dashed = [
        line for line in ax.lines if line.get_color() == figures._style.THEORY["color"] and line.get_marker() == "None"
    ]
    for line, slope, at_1 in zip(dashed, (law.order, law.power), (law.truncation, law.rounding), strict=True):
        (x, x2), (y, y2) = line.get_data()
        assert (y2 - y) / (x2 - x) == pytest.approx(slope, abs=1e-9)
        assert y - slope * x == pytest.approx(np.log10(at_1))
    diamond, point = (next(line for line in ax.lines if line.get_marker() == marker) for marker in "Do")
    assert diamond.get_xdata()[0] == pytest.approx(np.log10(law.best))
    assert point.get_data()[0] == pytest.approx([np.log10(H[120])])


def test_names_stand_above_behind_a_piece_of_their_line(sizes):
    ax = drawn(figures.step_size, sizes)
    top = ax.get_window_extent().y1
    names = [text for words, text in shown_texts(ax).items() if words in ("forward", "central", "complex step")]
    pieces = [line for line in ax.lines if line.get_transform() == ax.transAxes]
    curves = [line for line in ax.lines if len(line.get_xdata()) == len(H)]
    for name, piece, curve in zip(names, pieces, curves, strict=True):
        assert piece.get_color() == curve.get_color() and piece.get_linestyle() == curve.get_linestyle()
        box, (x, y) = name.get_window_extent(), ax.transAxes.transform(piece.get_xydata()[1])
        assert 0 < box.x0 - x < 12 and top < box.y0 < y < box.y1


@for_each("method", step_size.METHODS)
def test_digits_that_are_right_are_strong_and_the_others_faint(sizes, method):
    figure = Figure(figsize=(9.6, 4.3), dpi=100)
    FigureCanvasAgg(figure)
    digits = _StepSizePicture(figure).digits
    for h in H[::10]:
        digits.update(looked_at(sizes, method, h))
        right, found = digits.right.get_text(), sizes.found[method][sizes.h == h][0]
        assert float((right + digits.wrong.get_text()).replace("−", "-")) == pytest.approx(found, rel=1e-7)
        assert float(digits.true.get_text().replace("−", "-")) == pytest.approx(sizes.truth, rel=1e-7)
        error, count = sizes.error[method][sizes.h == h][0], sum(c.isdigit() for c in right)
        assert not count or error < 10.0**-count * (1 + 1e-9)
        assert digits.true.get_text().startswith(right)  # the reader compares the two
        assert str(count) in digits.count.get_text() or digits.count.get_text() == "no digit is right"
        boxes = digits.right.get_window_extent(), digits.wrong.get_window_extent()
        assert not count or abs(boxes[0].x1 - boxes[1].x0) < 3
        assert all(inside(digits.ax, text) for text in digits.artists)


def test_the_cliff_shows_the_secant_and_the_tangent_with_their_slopes():
    data = experiments.cliff().cut
    ax = drawn(figures.cliff, data)
    curve = next(line for line in ax.lines if len(line.get_xdata()) == len(data.b))
    np.testing.assert_allclose(curve.get_ydata(), data.E)
    np.testing.assert_allclose(curve.get_xdata(), (data.b - data.point[0]) / data.h)
    secant, tangent = (
        next(line for line in ax.lines if line.get_color() == colour and line.get_marker() == "None")
        for colour in ("#CC79A7", figures._style.FULL["color"])
    )
    for line, slope in ((secant, data.central), (tangent, data.bptt)):
        (left, right), (start, end) = line.get_data()
        assert (left, right) == ax.get_xlim() and (end - start) / (right - left) == pytest.approx(slope * data.h)
    words = " ".join(shown_texts(ax)).replace("−", "-")
    assert f"dE/db = {data.bptt:.0f}" in words and f"dE/db = {data.central:.0f}" in words
    assert f"{data.bptt / data.central:.0f} times too flat" in words and "ε = 10⁻³" in words


def test_texts_of_the_static_pictures_stand_inside():
    figure = Figure(figsize=(9.6, 4), dpi=100)
    FigureCanvasAgg(figure)
    for draw, data in ((figures.cliff, experiments.cliff().cut), (figures.lost_slope, experiments.lost_slope())):
        figure.clear()
        ax = draw(figure.add_axes((0.1, 0.165, 0.88, 0.8)), data)
        figure.canvas.draw()
        assert all(inside(ax, text) for text in ax.texts)
        assert not any(crossed(ax.lines, text) for text in ax.texts)


def test_the_lost_slope_shows_errors_and_law_of_both_dtypes():
    data = experiments.lost_slope(np.linspace(-25, 25, 501))
    ax = drawn(figures.lost_slope, data)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 501]
    for curve, name in zip(curves, data.error, strict=True):
        order = np.argsort(np.abs(data.z))
        np.testing.assert_allclose(curve.get_xdata(), np.abs(data.z)[order])
        known = data.error[name][order] > 0
        np.testing.assert_allclose(10 ** curve.get_ydata()[known], data.error[name][order][known])
        assert any(f"{name}:\nslope 0 from {data.gone[name]:.3g}" == words for words in shown_texts(ax))
    for line, name in zip((a for a in ax.lines if a.is_dashed()), data.law, strict=True):
        assert np.all(line.get_ydata() <= 0) and 10 ** line.get_ydata()[0] == pytest.approx(data.law[name].min())
