"""The phase diagram: its picture and its explorer.

Oracles: for the picture, the numbers given; for the explorer, one network at a time by ``forward`` and
``log10_gradient_norms`` (below the edge of chaos), and the sentence taken apart and held against the data.
"""

import itertools
import re
import sys

import numpy as np
import pytest
from driving import shown
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from d2lbptt import explorers, figures, forward, init_params, log10_gradient_norms
from d2lbptt.figures._phase_diagram import _PhaseDiagram
from d2lbptt.growth import scales

module = sys.modules["d2lbptt.explorers._phase_diagram"]
picture = sys.modules["d2lbptt.figures._phase_diagram"]

SCALES = np.linspace(0.5, 3, 101)
LAGS = np.arange(1000)
RATES = np.log10(SCALES)  # decades per step: the edge is at 1


# --- the picture ---


def drawn(by_lag, theory=None, scales=SCALES, g=None):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    diagram = _PhaseDiagram(figure.add_axes((0.085, 0.155, 0.455, 0.72)))
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


@pytest.mark.parametrize("T", [10, 100, 1000])
@pytest.mark.parametrize("edge", [0.2, 0.9, 1.2, 2.6, 5.0])
def test_words_stand_on_their_own_colours(edge, T):
    diagram = drawn(LAGS[:T] * (RATES - np.log10(edge))[:, None])
    frame = diagram.ax.get_window_extent()
    shown = [text for text in diagram.words if text.get_visible()]
    assert T < 1000 or shown
    for text in shown:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        own = slice(0, 3) if text.get_text() == "vanishing" else slice(4, 7)
        for corner in itertools.product((box.x0, box.x1), (box.y0, box.y1)):
            colour = colour_at(diagram, *diagram.ax.transData.inverted().transform(corner))
            assert any(colour == pytest.approx(to_rgb(name), abs=0.005) for name in picture.COLOURS[own])


def test_the_function_draws_on_the_axes_and_returns_them():
    ax = Figure().add_axes((0, 0, 1, 1))
    assert figures.phase_diagram(ax, SCALES, LAGS * RATES[:, None]) is ax
    assert ax.get_ylim() == (0, 999) and not any(line.get_visible() for line in ax.lines if line.get_xdata()[0] is None)


def cut(by_lag, theory, law="mean field"):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    shown = picture._Cut(figure.add_axes((0.655, 0.155, 0.335, 0.745)))
    shown.update(1.2, by_lag, theory, law)
    figure.canvas.draw()
    return shown


@pytest.mark.parametrize("T", [10, 1000])
@pytest.mark.parametrize("rate", [-0.6, -0.01, 0.0, 0.004, 0.3])
@pytest.mark.parametrize("law", ["mean field", "spectral radius", "bound"])
def test_the_cut_shows_each_seed_the_median_and_the_law_and_names_them(law, rate, T):
    by_lag = np.array([[rate - 0.01], [rate], [rate + 0.02]]) * LAGS[:T]
    theory = (rate + (0.3 if law == "bound" else 0.001)) * LAGS[:T]
    shown = cut(by_lag, theory, law)
    for line, decades in zip([*shown.seeds[:3], shown.median, shown.theory], [*by_lag, by_lag[1], theory], strict=True):
        np.testing.assert_array_equal(line.get_data(), (LAGS[:T], decades))
    assert not any(len(line.get_xdata()) for line in shown.seeds[3:])
    dashes = figures._style.BOUND if law == "bound" else figures._style.THEORY
    assert shown.theory._unscaled_dash_pattern == dashes["linestyle"]
    names = [text for text in shown.names if text.get_visible()]
    assert [text.get_text() for text in names] == ["median of 3", law]
    frame, others = shown.ax.get_window_extent().padded(2), [text for text in shown.bands.texts if text.get_visible()]
    boxes = [text.get_window_extent() for text in names + others]
    for box in boxes[:2]:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    assert not any(a.overlaps(b) for a in boxes[:2] for b in boxes if a is not b)


def test_the_cut_of_a_gradient_that_ends():
    by_lag = np.where(LAGS < 300, -0.1 * LAGS, -np.inf) * np.ones((3, 1))
    shown = cut(by_lag, -0.05 * LAGS)
    assert np.isfinite(shown.median.get_ydata()).sum() == 300
    assert shown.ax.get_ylim() == (-100, 100)


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.phase_diagram()


@pytest.mark.parametrize(("activation", "kind", "g"), [("tanh", "gaussian", 0.75), ("relu", "orthogonal", 1.1)])
def test_the_cut_is_that_of_single_networks(explorer, activation, kind, g):
    data, _ = shown(explorer, activation=activation, kind=kind, g=g, T=600, input_size=0.3)
    assert data.scales[data.row] == pytest.approx(g) and data.by_lag.shape == (101, 3, 600)
    for s in range(3):
        params = init_params(1, 64, 1, scale=g, kind=kind, seed=s)
        x = 0.3 * np.random.default_rng((s, 1)).normal(size=(1000, 1))
        decades = log10_gradient_norms(forward(params, x, activation=activation), np.zeros((1000, 1)), reduction="last")
        np.testing.assert_allclose(data.by_lag[data.row, s], (decades - decades[-1])[::-1][:600], rtol=0, atol=1e-8)


NUMBER = r"([-+]?[\d.]+(?:e[-+]\d+)?)"


def settings():
    every = {
        "kind": ["gaussian", "orthogonal", "symmetric", "identity"],
        "activation": ["tanh", "identity", "relu", "sigmoid"],
        "g": [0.5, 1.2, 3.0],
        "T": [10, 1000],
        "input_size": [0.01, 1.0],
    }
    return [dict(zip(every, values, strict=True)) for values in itertools.product(*every.values())]


@pytest.mark.parametrize("values", settings(), ids=lambda v: "-".join(map(str, v.values())))
def test_the_sentence_is_true_at_every_corner(values):
    values = values | {"units": 64, "seeds": 3}
    data = module._compute(values)
    sentence = module._describe(values, data)
    k = values["T"] - 1
    ends = np.median(data.by_lag[data.row, :, k]), np.median(data.theory[data.row, :, k])
    assert f"g = {values['g']:g}: {k} steps back" in sentence
    if "exactly 0" in sentence:
        assert np.isneginf(ends[0])
    else:
        rate = float(re.search(f"a factor {NUMBER} per step", sentence)[1])
        assert rate == pytest.approx(10 ** (ends[0] / k), abs=6e-4)
        apart = re.search(f"{NUMBER} decades apart", sentence)
        assert (apart is None) == ("the bound" in sentence)  # a bound is not a prediction
        assert apart is None or float(apart[1]) == pytest.approx(abs(ends[0] - ends[1]), abs=0.06)
        says_law = float(re.search(rf"(?:says|is) {NUMBER}[,.] ", sentence)[1])
        assert says_law == pytest.approx(10 ** (ends[1] / k), abs=6e-4)
        word = "vanishing" if ends[0] < -3 else "exploding" if ends[0] > 3 else "neither vanishing nor exploding"
        assert f"seeds): {word}." in sentence
    assert ("mean field says" in sentence) <= (values["kind"] in ("gaussian", "orthogonal"))
    check_edge(sentence, np.sign(data.by_lag[..., k]), np.sign(data.theory[..., k]))


def check_edge(sentence, found, law):
    """The signs, shape (G, S), say the same of the edge as the sentence."""
    if "It shrinks for every g" in sentence:
        assert (np.median(found, 1) < 0).mean() > 0.95
    else:
        edge = float(re.search(r"At g = ([\d.]+) the gradient stays as large as it was", sentence)[1])
        low, high = re.search(r"\(seeds: (.*) to (.*)\)", sentence).groups()
        below = [(column < 0).mean() for column in found.T]  # the share of scales at which it vanishes
        exact = 0.5 + 2.5 * np.median(below)
        assert edge == pytest.approx(exact, abs=0.05)
        for word, share in ((low, min(below)), (high, max(below))):
            assert share == 1 if "beyond" in word else float(word) == pytest.approx(0.5 + 2.5 * share, abs=0.05)
    of_law = re.search(r"(?:mean field|spectral radius) at ([\d.]+\d)|below g = ([\d.]+\d)", sentence)
    if of_law:
        edge = float(of_law[1] or of_law[2])
        assert edge == pytest.approx(0.5 + 2.5 * np.median((law < 0).mean(0)), abs=0.05)


def test_many_units_are_nearer_to_the_mean_field(explorer):
    apart = {}
    for units in (16, 256):
        data, sentence = shown(explorer, units=units)
        apart[units] = np.abs(np.median(data.edges) - np.median(data.law_edges))
        assert f"{units} units are not infinitely many." in sentence
    assert apart[256] < 0.15 < apart[16]


def test_presets_do_what_they_say(explorer):
    words = {
        "tanh": "mean field",
        "orthogonal": "orthogonal W_hh",
        "louder input": "The mean field says",
        "relu": "at 1.41",  # sqrt(2)
        "without φ": "spectral radius",
        "symmetric": "shrinks for every g",
    }
    assert list(module.PRESETS) == list(words)
    edges = {}
    for preset, word in words.items():
        data, sentence = shown(explorer, preset=preset)
        assert word in sentence
        edges[preset] = np.median(data.law_edges)
    assert edges["louder input"] > edges["tanh"] + 0.4


def test_g_and_T_move_without_another_sweep(explorer, monkeypatch):
    shown(explorer)

    def refuse(*_, **__):
        raise AssertionError("swept again")

    monkeypatch.setattr(module, "sweep", refuse)
    for T, g in itertools.product((10, 500, 1000), (0.5, 1.7, 3.0)):
        data, _ = shown(explorer, T=T, g=g)
        assert data.by_lag.shape[-1] == T


def test_what_is_kept_is_bounded_and_cannot_be_changed(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", {})
    monkeypatch.setattr(module, "STEPS", 10)
    for size in range(20):
        module._swept(("gaussian", "tanh", float(size), 4, 1), None)
    assert len(module._KEPT) == 12 and ("gaussian", "tanh", 19.0, 4, 1) in module._KEPT
    with pytest.raises(ValueError, match="read-only"):
        next(iter(module._KEPT.values()))[1][0][:] = 0


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"kind": "symmetric", "T": 130, "g": 0.7},
        {"activation": "identity", "kind": "gaussian", "g": 2.4},
        {"activation": "relu", "kind": "orthogonal", "seeds": 10, "units": 16, "input_size": 3.0},
    ],
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, sentence = shown(explorer, **values)
    names = {}
    exec(explorer.code, names)
    np.testing.assert_array_equal(names["found"].by_lag[..., : data.by_lag.shape[-1]], data.by_lag)
    lines = capsys.readouterr().out.splitlines()
    for line, name, median, ends in zip(
        lines, ("found", data.law), data.medians, (data.edges, data.law_edges), strict=True
    ):
        k = data.by_lag.shape[-1] - 1
        assert line.startswith(
            f"{name}: g = {data.scales[data.row]:g}, {median[data.row, k]:+.2f} decades after {k} steps"
        )
        assert line.endswith(f"edge at {np.median(ends):.3f}")
    assert f"At g = {np.median(data.edges):.2f}" in sentence or "every g" in sentence


# --- the bar ---


def seconds(monkeypatch, each):
    """Let the clock go on by so many seconds whenever it is looked at."""
    time = itertools.count(0, each)
    monkeypatch.setattr(module, "clock", lambda: float(next(time)))


def worked(stage):
    """The seeds that came through, and how many bars stood on the stage while each was worked on."""
    return [(seed, len(stage.children)) for seed in module._bar_on(stage)(range(4))]


def test_a_bar_shows_after_a_second_and_leaves_nothing_behind(monkeypatch, capfd):
    seconds(monkeypatch, 0.6)
    stage = module.widgets.VBox()
    assert worked(stage) == [(0, 0), (1, 1), (2, 1), (3, 1)]
    assert stage.children == () and capfd.readouterr() == ("", "")


def test_short_work_makes_no_bar(monkeypatch, capfd):
    seconds(monkeypatch, 0.1)
    monkeypatch.setattr(module, "tqdm", None)
    assert worked(module.widgets.VBox()) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert capfd.readouterr() == ("", "")


def test_the_bar_says_how_far_the_work_is(monkeypatch):
    seconds(monkeypatch, 0.6)
    stage = module.widgets.VBox()
    for seed in module._bar_on(stage)(range(4)):
        if seed:
            bar = stage.children[0].children[1]
            assert (bar.value, bar.max) == (seed, 4)


def test_the_bar_has_a_place_in_the_explorer(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", {})
    monkeypatch.setattr(module, "STEPS", 10)
    seconds(monkeypatch, 2)
    explorer = explorers.phase_diagram()
    stages, seen = [child for child in explorer.children if type(child) is module.widgets.VBox], []
    monkeypatch.setattr(module, "sweep", lambda *a, progress, **k: scales.sweep(*a, progress=watched(progress), **k))

    def watched(progress):
        return lambda seeds: (seen.append(len(stages[0].children)) or seed for seed in progress(seeds))

    explorer.controls["kind"].value = "orthogonal"
    assert explorer.error is None and len(stages) == 1 and max(seen) == 1 and stages[0].children == ()
