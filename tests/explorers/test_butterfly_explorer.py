"""The explorer of two neighbouring runs: every claim of its sentence, and its picture.

Oracles: both runs once more; the mean field and the spectral radius for the rates.
"""

import itertools
import math
import re

import numpy as np
import pytest
from cases import two_runs
from driving import shown

from d2lbptt import experiments, explorers, forward, laws, spectral_radius
from d2lbptt.explorers import _butterfly as module
from d2lbptt.figures import _butterfly as figure_module
from d2lbptt.growth.perturbed_runs import EPS

LN10 = math.log(10)


@pytest.fixture(scope="module")
def explorer():
    return explorers.butterfly()


def test_presets_do_what_they_say(explorer):
    words = {name: shown(explorer, preset=name)[1] for name, _ in explorer.controls["preset"].options[1:]}
    assert "the two runs part" in words["chaos"] and "the two runs part" in words["slow chaos"]
    assert "still neighbours" in words["calm"] and "at rest" in words["calm"]
    assert "no more than rounding is left" in words["input calms it"]
    assert "rounding has a say" in words["as near as rounding"] and "the two runs part" in words["as near as rounding"]
    chaos, slow = (int(re.search(r"at t = (\d+) the two", words[name])[1]) for name in ("chaos", "slow chaos"))
    assert chaos < slow / 2
    # the same network: the input alone is another
    calmed, _ = shown(explorer, preset="input calms it")
    np.testing.assert_array_equal(calmed.runs.h[0], shown(explorer, preset="slow chaos")[0].runs.h[0])


CORNERS = list(itertools.product((0.0, 0.5, 0.99, 1.2, 3.0), (-14, -8, -1), (10, 400), (0.0, 0.05, 2.0)))


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
@pytest.mark.parametrize("units", [16, 64])
def test_the_sentence_is_true_at_every_corner(units, kind):
    for seed, (g, delta, T, s) in enumerate(CORNERS):
        values = {"g": g, "delta": delta, "T": T, "input": s, "units": units, "kind": kind, "seed": seed}
        check_claims(module._words(values, experiments.butterfly(**values)), values)


def check_claims(words, values):
    T, s = values["T"], values["input"]
    params, x, h0, v = two_runs(values["units"], values["g"], T, s, values["seed"], values["kind"])
    one, other = (forward(params, x, h0=h, activation="tanh").h for h in (h0, h0 + 10.0 ** values["delta"] * v))
    d, size = (np.hypot.reduce(rows, axis=1) for rows in (other - one, one))  # nothing underflows
    begin = re.match(r"They begin (\S+) apart", words)
    assert float(begin[1]) == pytest.approx(10.0 ** values["delta"])
    part = re.search(r"at t = (\d+) the two runs part", words)
    assert bool(part) == any((d >= 0.1 * size) & (d > d[0]))
    if part:
        t = int(part[1])
        assert d[t] >= 0.1 * size[t] and not np.any((d >= 0.1 * size) & (d > d[0]), where=np.arange(T + 1) < t)
    if one_from := re.search(r"from t = (\d+) on the two runs are one", words):
        assert not d[int(one_from[1]) :].any() and d[int(one_from[1]) - 1] > 0
    if lost := re.search(r"at t = (\d+) no more than rounding", words):
        assert 0 < d[int(lost[1])] <= 30.1 * EPS * size[int(lost[1])]
    if still := re.search(r"still neighbours, (\S+) of \|h_t\| apart", words):
        assert d[T] / size[T] == pytest.approx(float(still[1]), rel=0.06) and d[T] > 30 * EPS * size[T]
    assert sum(map(bool, (part, one_from, lost, still, "do not part" in words))) == 1
    check_rates(words, values, params, one, h0 + 10.0 ** values["delta"] * v - h0)


def growth(params, h, start):
    """By how much the Jacobians along a run multiply in a step, in the mean over the steps after the first tenth."""
    v, total, T = start, 0.0, len(h) - 1
    for t in range(1, T + 1):
        v = (1 - h[t] ** 2) * (params.W_hh @ v)
        size = np.abs(v).max()
        if size == 0:
            return 0.0
        before, v = np.linalg.norm(v / size), v / size
        total += np.log(size * before) if t > T // 10 else 0
        v /= before
    return np.exp(total / (T - T // 10))


def check_rates(words, values, params, h, start):
    grown = re.search(r"A step multiplies a small distance by ([\d.e-]+)", words)
    assert float(grown[1]) == pytest.approx(growth(params, h, start), rel=0.006)
    says = re.search(r"by the (spectral radius|mean field of very many units) it is ([\d.e-]+?)\.$", words)
    radius = values["input"] == 0 and (rho := spectral_radius(params.W_hh)) < 1
    field = not radius and values["kind"] in ("gaussian", "orthogonal")
    assert ("at rest" in words, "mean field" in words) == (radius, field) and bool(says) == (radius or field)
    if not says:
        assert words.endswith("theory has no number for this W_hh.")
        return
    wanted = rho if radius else math.exp(laws.mean_field(values["g"], values["input"] ** 2).exponent)
    assert float(says[2]) == pytest.approx(wanted, rel=0.006)


# --- the picture ---


def test_runs_distance_prediction_and_theory_are_drawn(explorer):
    data, _ = shown(explorer, preset="chaos")
    unit, distance = explorer._picture.unit, explorer._picture.distance
    begin, end = unit.first.get_xdata()[[0, -1]]
    assert begin <= data.runs.parted <= end
    for line, h in ((unit.first, data.runs.h), (unit.other, data.runs.other)):
        np.testing.assert_array_equal(line.get_ydata(), h[begin : end + 1, 0])
    low, top = distance.ax.get_ylim()
    for line, log in ((distance.measured, data.runs.log), (distance.predicted, data.runs.predicted)):
        seen = (log / LN10 > low) & (log / LN10 < top)
        np.testing.assert_allclose(line.get_ydata()[seen], log[seen] / LN10)
    t, y = distance.theory.get_data()
    rise = laws.mean_field(2.5).exponent / LN10
    np.testing.assert_allclose(y[y < top], (-8 + rise * t)[y < top], atol=1e-6)
    parted = data.runs.parted
    np.testing.assert_allclose(
        distance.mark.get_xydata(), [[parted, data.runs.floor[parted] / LN10], [parted, data.runs.log[parted] / LN10]]
    )
    assert distance.at.get_text() == f"they part: t = {data.runs.parted}"


def test_the_bands_begin_where_states_and_digits_end(explorer):
    data, _ = shown(explorer, preset="chaos", units=16)
    distance = explorer._picture.distance
    assert distance.far.get_y() == pytest.approx(math.log10(2 * 4))  # two corners of the cube of 16 units
    floor = distance.floor.get_xy()[1 : len(data.runs.h) + 1, 1]
    np.testing.assert_allclose(floor, np.log10(EPS * np.linalg.norm(data.runs.h, axis=1)))


def test_what_is_exactly_zero_runs_off_the_axes(explorer):
    data, _ = shown(explorer, g=0.0)
    y, low = explorer._picture.distance.measured.get_ydata(), explorer._picture.distance.ax.get_ylim()[0]
    assert np.isneginf(data.runs.log[1:]).all() and np.all(y[1:] < low) and np.isfinite(y).all()
    assert not explorer._picture.distance.theory.get_visible()


@pytest.mark.parametrize(
    "values",
    [
        *({"preset": name} for name in ("chaos", "calm", "slow chaos", "input calms it", "as near as rounding")),
        {"g": 0.47, "T": 1000},
        {"delta": -1, "T": 10},
        {"kind": "identity", "g": 3.0, "T": 1000},
        {"g": 0.98, "T": 130, "delta": -14, "input": 0.3},
        {"g": 2.2, "T": 230, "seed": 3},
        {"g": 3.0, "delta": -1, "T": 1000, "units": 128},
    ],
)
def test_no_words_overlap_or_leave_the_figure_and_no_line_runs_through_them(explorer, values):
    shown(explorer, **values)
    figure, distance = explorer._picture.figure, explorer._picture.distance
    texts = [t for ax in figure.axes for t in (*ax.texts, ax.xaxis.label, ax.yaxis.label)]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    assert all(0 <= box.x0 and box.x1 <= 960 and 0 <= box.y0 and box.y1 <= 440 for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.padded(-1).overlaps(other)
    for text in (distance.bounds, distance.rounding):
        box = text.get_window_extent().padded(-4)
        for line in (distance.measured, distance.predicted, distance.theory):
            pixels = line.get_transform().transform(line.get_xydata())
            assert not (text.get_visible() and line.get_visible() and box.count_contains(pixels))
    frame = distance.ax.get_window_extent().padded(2)
    for text in (distance.bounds, distance.rounding, distance.at):
        box = text.get_window_extent()
        assert not text.get_visible() or (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0)


def test_the_axes_go_in_few_steps(explorer):
    limits = set()
    for g in np.linspace(0, 3, 13):
        shown(explorer, g=float(g))
        limits.add(explorer._picture.distance.ax.axis())
    assert len(limits) <= len(figure_module.BOTTOMS)
