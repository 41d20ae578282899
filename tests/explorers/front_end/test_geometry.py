"""Where things are in a picture, as the page is told: axes, curves, and what sets which control.

Oracle: Matplotlib's own transforms at random points.
"""

import functools
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from d2lbptt import explorers
from d2lbptt.explorers.front_end import _geometry
from d2lbptt.explorers.front_end._layers import Layers
from d2lbptt.figures import _style as style
from d2lbptt.figures._panels import Handle, Spots

NAMES = explorers.__all__


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@functools.cache
def made(name):
    return getattr(explorers, name)()


def arranged(name, narrow):
    """One explorer for all tests, back where it starts, with its panels one way or the other."""
    explorer = made(name)
    explorer.reset()
    explorer.arrange(narrow)
    return explorer


def shares_in(box, ax, points):
    """Return where in a box, 0 to 1 to the right and upwards, data are by Matplotlib's transform."""
    left, top, width, height = box
    x, y = ax.transData.transform(points).T
    return (x - left) / width, (top + height - (ax.figure.bbox.height - y)) / height


def number_at(axis, share):
    start, end = axis["ends"]
    number = start + share * (end - start)
    return 10**number if axis["meaning"] == "log" else number


def random_data(ax, rng, n=20):
    """Return points of the data in sight, evenly spread on the page."""
    x0, x1, y0, y1 = *ax.bbox.intervalx, *ax.bbox.intervaly
    return ax.transData.inverted().transform(np.column_stack([rng.uniform(x0, x1, n), rng.uniform(y0, y1, n)]))


def agree(told, ax, rng):
    data = random_data(ax, rng)
    for axis, share, numbers in zip((told["x"], told["y"]), shares_in(told["box"], ax, data), data.T, strict=True):
        span = np.ptp(axis["ends"])
        found = number_at(axis, share)
        if axis["meaning"] == "log":
            found, numbers = np.log10(found), np.log10(numbers)
        assert np.abs(found - numbers).max() < 1e-3 * span  # places are told to a hundredth of a pixel


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_page_finds_the_numbers_of_straight_logarithmic_and_inverted_axes(rng, scale, inverted):
    figure = Figure(figsize=(6, 4), dpi=100)
    ax = figure.add_axes((0.2, 0.3, 0.5, 0.6))
    ax.set(xlabel="x", ylabel="y", xscale=scale, yscale=scale, xlim=(0.01, 300), ylim=(2, 5))
    if inverted:
        ax.invert_yaxis()
        ax.invert_xaxis()
    curve = ax.plot([1, 2], [3, 4], label="a curve")
    layers = Layers(figure, curve)
    layers.draw()
    (told,) = layers.axes.values()
    assert told["x"]["meaning"] == ("linear" if scale == "linear" else "log")
    agree(told, ax, rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("narrow", [False, True])
def test_the_page_finds_the_numbers_of_every_panel_and_each_place_has_its_values(rng, name, narrow):
    explorer = arranged(name, narrow)
    figure = explorer._layers.figure
    for key, told in explorer.answer["axes"].items():
        agree(told, figure.axes[int(key)], rng)
        left, top, width, height = told["box"]
        assert left >= 0 and top >= 0 and left + width <= explorer.answer["width"]
        assert top + height <= explorer.answer["height"]
    places_have_the_values_that_the_picture_means(explorer, rng)


def places_have_the_values_that_the_picture_means(explorer, rng):
    handles, told = explorer._picture.handles(), explorer.answer["touch"]
    assert len(handles) == len(told)
    for handle, touch in zip(handles, told, strict=True):
        assert set(touch.get("sets", [touch.get("key")])) <= set(explorer.controls)
        if isinstance(handle, Handle):
            data = random_data(handle.ax, rng)
            x, y = handle.ax.transData.transform(data).T
            y = handle.ax.figure.bbox.height - y
            for key, (c, a, b) in touch["sets"].items():
                C, A, B = handle.sets[key]
                values = C + A * data[:, 0] + B * data[:, 1]
                assert np.abs(c + a * x + b * y - values).max() < 1e-4 * max(np.ptp(values), 1)


def test_the_page_is_told_of_other_limits_with_the_picture_that_has_them(rng):
    explorer = explorers.gradient_flow()
    before = explorer.answer["axes"]
    explorer.set(T=900)
    assert explorer.answer["axes"] != before
    agree(explorer.answer["axes"]["0"], explorer._layers.figure.axes[0], rng)


CHANGES = {
    "cliff": [{"w": 4.3, "b": -3.3}, {"w": 6.5, "b": -1.4}],
    "strategies": [{"t": 3}, {"t": 31}],
    "truncation": [{"tau": 25}, {"scheme": "chunks", "tau": 13}, {"tau": 8, "reduction": "last"}],
    "scalar_rnn": [{"step": 2}, {"T": 8, "step": 7}],
    "powers": [{"k": 7}, {"k": 33}],
    "gradient_flow": [{"tau": 77}, {"T": 50, "tau": 12}],
    "phase_diagram": [{"g": 0.8}, {"g": 2.4}],
    "step_size": [{"h": -12.3}, {"h": -6.0}],
    "transient": [{"k": 40}, {"k": 111}],
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("narrow", [False, True])
def test_the_grip_is_where_the_present_values_are(name, narrow):
    explorer = arranged(name, narrow)
    for change in CHANGES[name]:
        explorer.set(**change)
        grips = [touch for touch in explorer.answer["touch"] if touch["at"]]
        assert grips
        for touch in grips:
            (x, y), (left, top, width, height) = touch["at"], touch["box"]
            assert left - 0.2 <= x <= left + width + 0.2 and top - 0.2 <= y <= top + height + 0.2
            for key, (c, a, b) in touch["sets"].items():
                off = abs(c + a * x + b * y - explorer.controls[key].value)
                assert off <= 0.1 * (abs(a) + abs(b)) + 0.6 * explorer.controls[key].step  # to a tenth of a pixel


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("T", [1, 3, 7])
def test_each_step_on_the_graph_has_a_spot_and_no_spot_another_edge(narrow, T):
    explorer = explorers.unrolled_graph()
    explorer.arrange(narrow)
    explorer.set(T=T)
    (touch,), (spots,) = explorer.answer["touch"], explorer._picture.handles()
    assert isinstance(spots, Spots)
    walk = explorer.state["data"].graph.walk()
    told = [value for _, _, *values in touch["spots"] for value in values]
    assert sorted(told) == list(range(1, len(walk) + 1))
    assert len({tuple(spot[:2]) for spot in touch["spots"]}) == len(touch["spots"])
    for _, _, *values in touch["spots"]:
        edges = {frozenset(walk[value - 1]) for value in values}
        assert len(edges) == 1  # the same two nodes, forwards and back
    for step in (1, len(walk) // 2, len(walk)):
        explorer.set(step=step)
        (touch,) = explorer.answer["touch"]
        here = next(spot for spot in touch["spots"] if step in spot[2:])
        assert np.hypot(touch["at"][0] - here[0], touch["at"][1] - here[1]) < 1


def test_handles_go_where_there_is_nothing_to_take_hold_of():
    explorer = explorers.truncation()
    for scheme in ("full", "randomized", "tbptt"):
        explorer.set(scheme=scheme)
        assert explorer.answer["touch"] == []
    explorer = explorers.gradient_flow()
    explorer.set(reduction="mean")
    assert explorer.answer["touch"] == []  # a loss at every step has no edge


def test_curves_say_what_they_are_called_and_markers_say_nothing():
    explorer = explorers.gradient_flow()
    named = re.findall(r'<path [^>]*data-axes="0" data-curve="([^"]*)"', explorer.answer["foreground"])
    assert named == ["upper bound", "full gradient", "truncated", "theory"]
    assert explorer.answer["foreground"].count("data-curve") == len(named) + 1  # and the slopes


def test_a_name_is_written_as_it_is_whatever_is_in_it():
    figure = Figure(figsize=(6, 4), dpi=100)
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    curve = ax.plot([1, 2], [3, 4], label='5 < 6 & "so" §')
    _, front = Layers(figure, curve).draw()
    assert 'data-curve="5 &lt; 6 &amp; &quot;so&quot; &#167;"' in front


@pytest.mark.parametrize(
    ("form", "meaning"), [(style.decade, "decades"), (style.power, "powers"), (style.nines, "nines"), (str, "")]
)
def test_what_numbers_mean_is_known_by_how_their_ticks_are_written(form, meaning):
    ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    ax.xaxis.set_major_formatter(form)
    line = ax.plot([1, 2], [3, 4], label="a")
    assert _geometry.axes(ax.figure, line)["0"]["x"]["meaning"] == meaning


def test_whole_are_axes_whose_curves_or_cells_are():
    ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    whole, other = (ax.plot(x, [3, 4], label="a") for x in ([1, 2], [1, 2.5]))
    assert _geometry.axes(ax.figure, whole)["0"]["x"]["whole"]
    assert not _geometry.axes(ax.figure, [*whole, *other])["0"]["x"]["whole"]
    cells = Figure().add_axes((0.1, 0.1, 0.8, 0.8), xlabel="k", ylabel="t")
    cells.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    assert not _geometry.axes(cells.figure, [])["0"]["x"]["whole"]
    cells.imshow([[1, 2]])
    told = _geometry.axes(cells.figure, [])["0"]
    assert told["x"]["whole"] and not told["y"]["whole"]
