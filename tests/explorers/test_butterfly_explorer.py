"""The explorer of two neighbouring runs: every claim of its sentence, and its picture.

Oracles: both runs once more; the mean field and the spectral radius for the rates.
"""

import itertools
import math
import re

import numpy as np
import pytest
import steady
from cases import two_runs
from loops import for_each

from d2lbptt import experiments, forward, laws, spectral_radius
from d2lbptt.explorers import _butterfly as module
from d2lbptt.figures._butterfly import _ButterflyPicture
from d2lbptt.figures._paper import picture as new
from d2lbptt.growth.perturbed_runs import EPS

LN10 = math.log(10)


START = {"g": 2.5, "delta": -8, "T": 200, "seed": 0, "units": 64, "kind": "gaussian", "input": 0.0}
FOLDED = {"seed", "units", "kind", "input"}
NUMBER = r"((?:\d+ · )?10\^-?\d+|[.\d]+|exactly 0)"


def said_of(**values):
    values = START | values
    data = experiments.butterfly(**values)
    return values, data, module._words(values, data)


def words_of(**values):
    said = said_of(**values)[2]
    return " ".join(map(steady.plain, (said.sentence, *said.details)))


def near(said, number):
    """Whether a number is right to the digits that are said: one beside a power of ten, three elsewhere."""
    if said == "exactly 0" or number == 0:
        return said == "exactly 0" and number == 0
    mantissa, power, exponent = said.partition("10^")
    found = float(mantissa.strip(" ·") or 1) * 10.0 ** int(exponent) if power else float(said)
    return found == pytest.approx(number, rel=0.51 if power else 0.006)


def test_presets_do_what_they_say():
    words = {name: words_of(**values) for name, values in module.PRESETS.items()}
    for name in ("chaos", "slow chaos", "as near as rounding"):
        assert re.search(r"from each other part at t = \d+ of", words[name])
    assert "still neighbours" in words["calm"] and "At rest" in words["calm"]
    assert "no more than rounding" in words["input calms it"]
    assert "rounding has a say" in words["as near as rounding"]
    chaos, slow = (int(re.search(r"part at t = (\d+)", words[name])[1]) for name in ("chaos", "slow chaos"))
    assert chaos < slow / 2
    # the same network: the input alone is another
    slow, calmed = (experiments.butterfly(**module.PRESETS[name]).runs for name in ("slow chaos", "input calms it"))
    np.testing.assert_array_equal(calmed.h[0], slow.h[0])


CORNERS = list(itertools.product((0.0, 0.5, 0.99, 1.2, 3.0), (-14, -8, -1), (10, 400), (0.0, 0.05, 2.0)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
@pytest.mark.parametrize("units", [16, 64])
def test_the_sentence_is_true_at_every_corner(units, kind):
    for seed, (g, delta, T, s) in enumerate(CORNERS):
        values = {"g": g, "delta": delta, "T": T, "input": s, "units": units, "kind": kind, "seed": seed}
        check_claims(words_of(**values), values)


def check_claims(words, values):
    T, s = values["T"], values["input"]
    params, x, h0, v = two_runs(values["units"], values["g"], T, s, values["seed"], values["kind"])
    one, other = (forward(params, x, h0=h, activation="tanh").h for h in (h0, h0 + 10.0 ** values["delta"] * v))
    d, size = (np.hypot.reduce(rows, axis=1) for rows in (other - one, one))  # nothing underflows
    begin = re.match(r"At g = [.\d]+, two runs that begin 10\^(-\d+) from each other ", words)
    assert int(begin[1]) == values["delta"]
    part = re.search(r"part at t = (\d+) of", words)
    assert bool(part) == any((d >= 0.1 * size) & (d > d[0]))
    if part:
        t = int(part[1])
        assert d[t] >= 0.1 * size[t] and not np.any((d >= 0.1 * size) & (d > d[0]), where=np.arange(T + 1) < t)
    if one_from := re.search(r"are one, to the last digit, from t = (\d+) of", words):
        assert not d[int(one_from[1]) :].any() and d[int(one_from[1]) - 1] > 0
    if lost := re.search(r"differ by no more than rounding at t = (\d+) of", words):
        assert 0 < d[int(lost[1])] <= 30.1 * EPS * size[int(lost[1])]
    if still := re.search(rf"are still neighbours at t = T = (\d+), {NUMBER} of \|h_t\| apart", words):
        assert int(still[1]) == T and near(still[2], d[T] / size[T]) and d[T] > 30 * EPS * size[T]
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
    grown = re.search(rf"a step multiplies a small distance by {NUMBER}[.,]", words.replace(". ", ", "))
    assert near(grown[1].rstrip("."), growth(params, h, start))
    says = re.search(rf"(spectral radius ρ|mean field of very many units), it would be {NUMBER}(?:\. |;)", words)
    radius = values["input"] == 0 and (rho := spectral_radius(params.W_hh)) < 1
    field = not radius and values["kind"] in ("gaussian", "orthogonal")
    assert ("At rest" in words, "mean field" in words) == (radius, field) and bool(says) == (radius or field)
    if not says:
        assert "Theory has no number for this W_hh." in words
        return
    wanted = rho if radius else math.exp(laws.mean_field(values["g"], values["input"] ** 2).exponent)
    assert near(says[2], wanted)


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return new(_ButterflyPicture, 9.6, 4.4)


def at_rest(picture, **values):
    data = experiments.butterfly(**START | values)
    steady.at_rest(picture, data)
    return data


def test_runs_distance_prediction_and_theory_are_drawn(picture):
    data = at_rest(picture)
    unit, distance = picture.unit, picture.distance
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


def test_the_bands_begin_where_states_and_digits_end(picture):
    data = at_rest(picture, units=16)
    distance = picture.distance
    assert distance.far.get_y() == pytest.approx(math.log10(2 * 4))  # two corners of the cube of 16 units
    floor = distance.floor.get_xy()[1 : len(data.runs.h) + 1, 1]
    np.testing.assert_allclose(floor, np.log10(EPS * np.linalg.norm(data.runs.h, axis=1)))


def test_what_is_exactly_zero_runs_off_the_axes(picture):
    data = at_rest(picture, g=0.0)
    y, low = picture.distance.measured.get_ydata(), picture.distance.ax.get_ylim()[0]
    assert np.isneginf(data.runs.log[1:]).all() and np.all(y[1:] < low) and np.isfinite(y).all()
    assert not picture.distance.theory.get_visible()


def test_the_panels_go_below_one_another_and_back():
    steady.check_arranged(new(_ButterflyPicture, 9.6, 4.4))


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        *module.PRESETS.values(),
        {"g": 0.47, "T": 1000},
        {"delta": -1, "T": 10},
        {"kind": "identity", "g": 3.0, "T": 1000},
        {"g": 0.98, "T": 130, "delta": -14, "input": 0.3},
        {"g": 2.2, "T": 230, "seed": 3},
        {"g": 3.0, "delta": -1, "T": 1000, "units": 128},
    ],
)
def test_words_stand_inside_and_apart(picture, values, narrow):
    picture.arrange(narrow)
    at_rest(picture, **values)
    steady.check_texts(picture)


SWEEPS = {"g": np.linspace(0, 3, 11), "delta": (-14, -8, -1), "T": (10, 60, 200, 201, 1000), "input": (0.0, 0.7, 2.0)}


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("key", SWEEPS)
def test_while_a_slider_moves_axes_and_words_stand_and_the_mark_keeps_its_name(picture, key, narrow):
    picture.arrange(narrow)
    at_rest(picture)
    axes, distance = steady.frames(picture), picture.distance
    moving = {distance.at, distance.law, picture.unit.name}
    words = {text: box.p0 for text, box in steady.texts(picture).items() if text not in moving}
    for value in SWEEPS[key]:
        data = experiments.butterfly(**START | {key: value})
        picture.update(data)
        assert steady.frames(picture) == axes
        steady.check_texts(picture)
        assert all(np.array_equal(text.get_window_extent().p0, place) for text, place in words.items())
        parted = data.runs.parted
        assert distance.at.get_visible() == (parted is not None and parted <= distance.ax.get_xlim()[1])
        if distance.at.get_visible():
            box, foot = distance.at.get_window_extent(), distance.ax.transData.transform(distance.mark.get_xydata()[0])
            assert box.x0 < foot[0] < box.x1 and 0 < foot[1] - box.y1 < 12


def test_the_axes_go_in_few_steps(picture):
    def limits(**values):
        return picture.limits(experiments.butterfly(**START | values))[1:]  # the window of one unit follows the parting

    assert len({limits(g=float(g)) for g in np.linspace(0, 3, 31)}) <= 3
    assert len({limits(delta=delta) for delta in range(-14, 0)}) == 1


@for_each("T", [10, 61, 200, 1000])
def test_the_window_of_one_unit_holds_the_parting_or_the_start(picture, T):
    for g in np.linspace(1.2, 3, 7):
        data = at_rest(picture, g=float(g), T=T)
        low, high = picture.unit.ax.get_xlim()
        assert low < (data.runs.parted or 0) < high and high - low < 65
        shown = picture.unit.first.get_xdata()
        assert shown[0] >= 0 and shown[-1] == min(T, int(high))
