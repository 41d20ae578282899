"""The explorer of the phase diagram: its picture, what it says, how far it is. The numbers: test_phase_diagram.

Oracle: for the picture, the numbers given; the sentence is taken apart and held against the data.
"""

import itertools
import re
import sys

import numpy as np
import pytest
from driving import shown
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from steady import check_said, check_texts, number

from d2lbptt import experiments, explorers, figures
from d2lbptt.figures._phase_diagram import _PhaseDiagram
from d2lbptt.growth import scales

computing = sys.modules["d2lbptt.experiments._phase_diagram"]
module = sys.modules["d2lbptt.explorers._phase_diagram"]
picture = sys.modules["d2lbptt.figures._phase_diagram"]
front_end = sys.modules["d2lbptt.explorers.front_end._widget"]

SCALES = np.linspace(0.5, 3, 101)
LAGS = np.arange(1000)
RATES = np.log10(SCALES)  # decades per step: the edge is at 1


# --- the picture ---


def drawn(by_lag, theory=None, scales=SCALES, g=None):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    diagram = _PhaseDiagram(figure.add_axes((0.085, 0.155, 0.455, 0.72)))
    diagram.set_limits(*picture.ends(scales), by_lag.shape[1])
    diagram.update(scales, by_lag, theory, g)
    figure.canvas.draw()
    return diagram


def colour_at(diagram, g, lag):
    """What the picture shows at a point."""
    data, (left, right, bottom, top) = diagram.image.get_array(), diagram.image.get_extent()
    rows, columns = data.shape[:2]
    row = min(int((lag - bottom) / (top - bottom) * rows), rows - 1)
    return tuple(data[row, int((g - left) / (right - left) * columns)] / 255)


def test_the_colour_is_that_of_the_decades():
    diagram = drawn(LAGS * RATES[:, None])
    limits = (-323.3, -44.85, -3, 3, 38.53, 308.25)  # zero in float64, in float32, a thousand, inf in both
    for g, lag in itertools.product((0.5, 0.7, 0.9, 1.0, 1.3, 2.0, 3.0), (5, 193, 900)):
        value = lag * np.log10(g)
        assert min(abs(value - limit) for limit in limits) > 0.01 * abs(value)
        wanted = to_rgb(picture.COLOURS[sum(value > limit for limit in limits)])
        assert colour_at(diagram, g, lag) == pytest.approx(wanted, abs=0.005)


def test_a_gradient_that_is_exactly_zero_has_the_darkest_colour_and_no_gap():
    by_lag = np.where(LAGS < 100, 0, -np.inf) * np.ones((101, 1))
    diagram = drawn(by_lag, by_lag)
    assert colour_at(diagram, 1.0, 500) == pytest.approx(to_rgb(picture.COLOURS[0]), abs=0.005)
    assert colour_at(diagram, 1.0, 50) == (1, 1, 1)


def test_theory_is_dashed_where_it_crosses_the_borders_of_the_colours():
    diagram = drawn(np.zeros((101, 1000)), LAGS * RATES[:, None])
    for line, border in zip(diagram.theory, picture.BORDERS, strict=True):
        assert line.is_dashed()
        g, lag = line.get_data()
        with np.errstate(divide="ignore", invalid="ignore"):
            exact = border / RATES
        crossed = (exact > 0) & (np.ceil(exact) < 1000)
        np.testing.assert_array_equal(g, SCALES)
        assert np.isnan(lag[~crossed]).all()
        np.testing.assert_allclose(lag[crossed], np.ceil(exact[crossed] - 1e-9))


def test_the_key_above_the_map_has_the_colours_of_the_map():
    diagram = drawn(LAGS * RATES[:, None])
    boxes = {text.get_text(): text.get_bbox_patch() for text in diagram.ax.texts}
    for name, g in (("vanishing", 0.9), ("exploding", 1.1)):  # at lag 100: beyond 1000, within float32
        assert boxes[name].get_facecolor()[:3] == pytest.approx(colour_at(diagram, g, 100), abs=0.005)
        assert boxes[name].get_window_extent().y0 > diagram.ax.get_window_extent().y1


def test_the_function_draws_on_the_axes_and_returns_them():
    ax = Figure().add_axes((0, 0, 1, 1))
    assert figures.phase_diagram(ax, SCALES, LAGS * RATES[:, None]) is ax
    assert ax.get_ylim() == (0, 999) and not any(line.get_visible() for line in ax.lines if line.get_xdata()[0] is None)


def cut(by_lag, theory, law="mean field"):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    shown = picture._Cut(figure.add_axes((0.655, 0.155, 0.335, 0.745)))
    shown.set_limits(len(theory), shown.decades(by_lag, theory, law))
    shown.update(1.2, by_lag, np.median(by_lag, 0), theory, law)
    figure.canvas.draw()
    return shown


@pytest.mark.slow
@for_each("T", [10, 1000])
@for_each("rate", [-0.6, -0.01, 0.0, 0.004, 0.3])
@for_each("law", ["mean field", "spectral radius", "bound"])
def test_the_cut_shows_each_seed_the_median_and_the_law_and_names_them(law, rate, T):
    by_lag = np.array([[rate - 0.01], [rate], [rate + 0.02]]) * LAGS[:T]
    theory = (rate + (0.3 if law == "bound" else 0.001)) * LAGS[:T]
    shown = cut(by_lag, theory, law)
    for line, decades in zip([*shown.seeds[:3], shown.median, shown.theory], [*by_lag, by_lag[1], theory], strict=True):
        np.testing.assert_array_equal(line.get_data(), (LAGS[:T], decades))
    assert not any(len(line.get_xdata()) for line in shown.seeds[3:])
    dashes = figures._style.BOUND if law == "bound" else figures._style.THEORY
    assert shown.theory._unscaled_dash_pattern == dashes["linestyle"]
    wanted = "dotted: bound" if law == "bound" else "dashed: theory"
    assert [text.get_text() for text in shown.names] == ["median of 3", wanted]
    low, high = shown.ax.get_ylim()
    inside = by_lag if law == "bound" else np.vstack([by_lag, theory])
    assert low < inside.min() and inside.max() < high and (high == 10 or 4.2 * np.abs(inside).max() > high)
    check_bands(shown)


def check_bands(shown):
    """The name of a band stands in it, on no other name."""
    names = [text for text in shown._bands.texts if text.get_visible()]
    boxes = [text.get_window_extent() for text in names]
    assert names and not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for text, box in zip(names, boxes, strict=True):
        low, high = shown.ax.transData.inverted().transform([(box.x0, box.y0), (box.x1, box.y1)])[:, 1]
        band = picture.NAMES.index(text.get_text())
        assert [np.searchsorted(picture.BORDERS, y) for y in (low, high)] == [band, band]


def test_the_cut_of_a_gradient_that_ends():
    by_lag = np.where(LAGS < 300, -0.1 * LAGS, -np.inf) * np.ones((3, 1))
    shown = cut(by_lag, -0.05 * LAGS)
    assert np.isfinite(shown.median.get_ydata()).sum() == 300
    assert shown.ax.get_ylim() == (-150, 150)


WIDEST = [{}, {"g": 3.0, "T": 300, "activation": "identity", "seeds": 10, "units": 16}, {"kind": "symmetric", "T": 10}]


@for_each("narrow", [False, True])
@for_each("values", WIDEST)
def test_no_words_overlap_or_leave_the_figure(whole, values, narrow):
    data = experiments.phase_diagram(**values)
    whole.arrange(narrow)
    whole.set_limits(*whole.limits(data))
    whole.update(data)
    check_texts(whole)


@pytest.fixture(scope="module")
def whole():
    return picture._PhaseDiagramPicture(Figure(dpi=100))


def test_while_g_moves_the_map_and_the_axes_stand_still(whole):
    def shown(**values):
        data = experiments.phase_diagram(units=16, **values)
        whole.update(data)
        return whole.limits(data)

    first = shown(g=1.0)
    whole.set_limits(*first)
    before, axes = whole.map.image.get_array(), [ax.axis() for ax in whole.figure.axes]
    wanted = {shown(g=g) for g in np.linspace(0.5, 3, 26)}
    assert whole.map.image.get_array() is before and axes == [ax.axis() for ax in whole.figure.axes]
    assert {of_the_map for of_the_map, _ in wanted} == {first[0]}
    assert len(wanted) <= 4  # of the decades of the cut, a few steps over all g
    shown(T=500)
    assert whole.map.image.get_array() is not before


@for_each("T", [10, 11, 26, 400, 1000])
def test_the_axis_of_lags_ends_soon_after_the_last_lag(whole, T):
    (*_, top), (lags, _) = whole.limits(experiments.phase_diagram(units=16, T=T))
    assert T - 1 <= top == lags <= max(10, 2.5 * T)


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.phase_diagram()


SENTENCE = re.compile(
    r"At \$g = (\S+)\$, \$T = (\d+)\$ the gradient (\d+) steps back is (\S.*) of what it was at the loss: it (.*)\."
)
LAW = re.compile(r"That is the median of 3 seeds; (?:the (.*) says (\S.*)|no gradient exceeds the (bound), (\S.*))\.")
VERBS = {-1: "vanishes", 0: "neither vanishes nor explodes", 1: "explodes"}


def settings():
    every = {
        "kind": ["gaussian", "orthogonal", "symmetric", "identity"],
        "activation": ["tanh", "identity", "relu", "sigmoid"],
        "g": [0.5, 1.2, 3.0],
        "T": [10, 1000],
        "input_size": [0.01, 1.0],
    }
    return [dict(zip(every, values, strict=True)) for values in itertools.product(*every.values())]


@pytest.mark.slow
@for_each("values", settings())
def test_what_is_said_is_true_at_every_corner(values):
    data, values = experiments.phase_diagram(**values), values | {"units": 64, "seeds": 3}
    words, k = module._words(values, data), values["T"] - 1
    given = {"num_hiddens": 64} | {key: values[key] for key in ("activation", "kind", "input_size")}
    by_law = scales.theory(data.scales, range(3), 1000, **given).by_lag[..., k]
    end, law = np.median(data.by_lag[data.row, :, k]), np.median(by_law[data.row])
    found = SENTENCE.fullmatch(words.sentence)
    assert found, words
    check_said(words)
    assert (found[1], int(found[2]), int(found[3])) == (f"{values['g']:.3f}", values["T"], k)
    assert decades(found[4]) == pytest.approx(end, abs=0.025)
    assert found[5] == VERBS[int(end > 3) - int(end < -3)]
    about, edge, _, network, inputs = words.details
    found = LAW.fullmatch(about)
    assert (found[1] or found[3]) == data.law and decades(found[2] or found[4]) == pytest.approx(law, abs=0.025)
    check_edge(edge, np.sign(data.by_lag[..., k]), np.sign(by_law))
    assert network == f"$\\phi$ is {values['activation']}; $W_{{hh}}$ is {values['kind']}, 64 units."
    assert f"size {values['input_size']:g}." in inputs


def decades(words):
    """The logarithm of a number in a little of TeX, also where no float can hold it."""
    if words == "exactly 0":
        return -np.inf
    digits, _, exponent = words.strip("$").rpartition("10^{")
    return (
        np.log10(number(digits.removesuffix(" \\cdot ") or "1")) + int(exponent[:-1])
        if exponent[-1] == "}"
        else (np.log10(number(words)))
    )


def check_edge(sentence, found, law):
    """The signs, shape (G, S), say the same of the edge as the sentence."""
    if sentence.startswith("The gradient shrinks for every $g$ from 0.5 to 3"):
        assert (np.median(found, 1) < 0).mean() > 0.95
    else:
        edge = float(re.search(r"The gradient keeps its size at \$g = ([\d.]+)\$", sentence)[1])
        low, high = re.search(r"\(seeds: (.*) to (.*)\)", sentence).groups()
        below = [(column < 0).mean() for column in found.T]  # the share of scales at which it vanishes
        exact = 0.5 + 2.5 * np.median(below)
        assert edge == pytest.approx(exact, abs=0.05)
        for word, share in ((low, min(below)), (high, max(below))):
            assert share == 1 if "beyond" in word else float(word) == pytest.approx(0.5 + 2.5 * share, abs=0.05)
    of_law = re.search(r"(?:by the (?:mean field|spectral radius) at|grow below) \$g = ([\d.]+)\$\.$", sentence)
    if of_law is None:
        assert re.search(r"; by the .* it shrinks for every \$g\$ from 0.5 to 3\.$|, as the .* says\.$", sentence)
        assert (np.median(law, 1) < 0).all()
    else:
        assert float(of_law[1]) == pytest.approx(0.5 + 2.5 * np.median((law < 0).mean(0)), abs=0.05)


@pytest.mark.slow
def test_presets_do_what_they_say(explorer):
    words = {
        "tanh": "the mean field says",
        "orthogonal": "the mean field says",
        "louder input": "the mean field says",
        "relu": "by the mean field at $g = 1.41$",  # sqrt(2)
        "without φ": "the spectral radius says",
        "symmetric": "The gradient shrinks for every $g$",
    }
    assert list(module.PRESETS) == list(words)
    edges = {}
    for preset, word in words.items():
        data, _ = shown(explorer, preset=preset)
        assert word in " ".join(module._words(explorer.state["controls"], data).details)
        edges[preset] = np.median(data.law_edges)
    assert edges["louder input"] > edges["tanh"] + 0.4


# --- long work ---


@pytest.mark.parametrize(("each", "told"), [(0.6, [(1, 3), (2, 3), (3, 3)]), (0.01, [])])
def test_long_work_tells_how_far_it_is(monkeypatch, each, told):
    explorer, time, heard = explorers.phase_diagram(), itertools.count(0, each), []
    monkeypatch.setattr(computing, "_CACHE", {})
    monkeypatch.setattr(front_end, "clock", lambda: float(next(time)))  # it goes on whenever it is looked at
    monkeypatch.setattr(explorer, "send", lambda message, *_: heard.append(message))
    explorer.set(kind="orthogonal", units=16)
    assert explorer.error is None
    assert [(message["done"], message["of"]) for message in heard if "done" in message] == told
