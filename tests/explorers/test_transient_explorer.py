"""The explorer of powers that grow first: its words, and its picture; the numbers behind both in test_transient."""

import re

import numpy as np
import pytest
import steady
from cases import TRANSIENT as CASES
from loops import for_each
from matplotlib.figure import Figure

from d2lbptt import experiments, explorers, figures
from d2lbptt.explorers import _transient as module
from d2lbptt.figures._paper import picture as new
from d2lbptt.figures._transient import _TransientPicture

START = {"c": 25.0, "rho": 0.95, "k": 10, "T": 200, "gap": 0.1, "activation": "identity", "seed": 0, "input": 0.1}
FOLDED = {"gap", "activation", "seed", "input"}
FOLD = r"((?:\d+ · )?10\^\d+|[.\d]+)-fold"
SENTENCE = re.compile(r"At c = [.\d]+ and ρ = [.\d]+, k = \d+ steps? back from T = \d+, the gradient (.*)\.")
TRANSIENT = re.compile(
    rf"The worst gradient (?:of the identity )?(grows first|is still growing), {FOLD} at k = (\d+); "
    rf"from k = (\d+) on it stays below 1\."
)
names = {"ids": lambda values: "-".join(map(str, values.values()))}


@pytest.fixture(scope="module")
def explorer():
    return explorers.transient()


def said_of(**values):
    values = START | values
    values["k"] = min(values["k"], values["T"] - 1)
    data = experiments.transient(**values)
    return values, data, module._words(values, data)


def words_of(**values):
    _, data, said = said_of(**values)
    return data, " ".join(map(steady.plain, (said.sentence, *said.details)))


def decades(fold):
    mantissa, _, power = fold.rpartition("10^")
    return np.log10(float(mantissa.strip(" ·") or 1)) + int(power) if power != fold else np.log10(float(fold))


def near(fold, size):
    """Whether what is said of a size is right to the digits that are said: one from 10^4 on, three below."""
    return decades(fold) == pytest.approx(size, abs=0.18 if "^" in fold else 0.003)


# --- the words ---


@for_each("values", CASES)
def test_every_number_of_the_words(values):
    values, data, said = said_of(**values)
    seen = SENTENCE.fullmatch(steady.plain(said.sentence))
    assert seen, said.sentence
    check_seen(seen[1], values, data)
    check_worst(steady.plain(said.details[0]), data, values)
    this = steady.plain(said.details[1])
    if found := re.search(rf"is largest at k = (\d+), {FOLD}\.", this):
        assert data.gradient[int(found[1])] == pytest.approx(data.gradient.max(), abs=1e-9)
        assert near(found[2], data.gradient.max()) and data.gradient.max() >= np.log10(1.01)
    else:
        assert this.endswith("never grows by 1%.") and data.gradient.max() < np.log10(1.01)


def check_seen(words, values, data):
    now, most, one = data.gradient[data.k], data.gradient[: data.k + 1].max(), np.log10(1.01)
    assert words.endswith("both eigenvalues are below 1") == (now >= one and values["rho"] < 1)
    folds = re.findall(FOLD, words)
    if "has grown" in words:
        assert now >= one and near(folds[0], now)
    elif "has shrunk" in words:
        assert now <= -one and near(folds[0], -now)
        assert ("after it had grown" in words) == (most >= one) and (len(folds) == 1 or near(folds[1], most))
    else:
        assert abs(now) < one and "as large as at the start, to 1%" in words


def check_worst(words, data, values):
    last, top = data.T - 1, data.norms.max()
    if values["rho"] == 1 and values["c"] == 0:
        assert words == "ρ is 1 and W is normal: the worst gradient keeps its size for ever."
        return
    if data.peak == 0:
        assert top == 0 > data.norms[1] and words.startswith("|W| is below 1, so there is no transient")
        return
    at = re.search(rf"{FOLD} at k = (\d+)", words)
    assert near(at[1], top) and data.norms[int(at[2])] == pytest.approx(top, abs=1e-9)
    if values["rho"] >= 1:
        why = {True: ": ρ is above 1.", False: ": ρ is 1 with one eigenvector only."}[values["rho"] > 1]
        at_rest = values["rho"] == 1 and values["gap"] > 0
        assert words.endswith(", and comes to rest: ρ is 1." if at_rest else why)
        assert ("grows without end" in words) != at_rest and int(at[2]) == last
    else:
        said = TRANSIENT.fullmatch(words)
        assert said, words
        assert said[1] == ("grows first" if data.peak < data.T else "is still growing")
        assert int(said[4]) == data.below


def test_the_words_say_whose_gradient_it_is():
    _, words = words_of(activation="tanh")
    assert "The worst gradient of the identity grows first" in words and "The activation is tanh" in words
    _, words = words_of(activation="relu", input=0.0)
    assert "the gradient is exactly 0" in words


def test_presets_do_what_they_say():
    presets = {name: words_of(**values) for name, values in module.PRESETS.items()}
    data, words = presets["grows 100-fold first"]
    assert 99.5 < 10 ** data.norms.max() < 100.5 and "grows first, 100-fold at k = 10" in words
    normal, words = presets["normal: no transient"]
    assert "no transient" in words and np.all(np.diff(normal.norms) < 0)
    one, words = presets["one eigenvector only"]
    assert one.angle == 0 and np.all(np.isinf(one.limit)) and "there is one eigenvector only" in words
    tanh, words = presets["tanh stops it"]
    assert tanh.gradient[10] < data.gradient[10] - 1 and "tanh" in words


def test_k_stays_within_T(explorer):
    explorer.reset()
    explorer.set(T=50, k=49)
    explorer.controls["T"].value = 10
    assert explorer.controls["k"].value == explorer.controls["k"].max == 9
    assert explorer.error is None and explorer.state["data"].k == 9


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return new(_TransientPicture, 9.6, 4.3)


def test_what_is_drawn_is_what_was_given(picture):
    for values in ({}, {"c": 0.0, "T": 30, "k": 3}, {"rho": 1.0, "gap": 0.0}, {"T": 1000, "rho": 0.5, "k": 999}):
        data = experiments.transient(**START | values)
        steady.at_rest(picture, data)
        growth, round_ = picture.growth, picture.directions
        np.testing.assert_array_equal(growth.worst.get_ydata(), data.norms)
        np.testing.assert_array_equal(growth.gradient.get_ydata(), data.gradient)
        for name, curve in {"law": data.law, "ρᵏ": data.radius, "κ ρᵏ": data.limit, "σᵏ": data.bound}.items():
            assert growth.theory[name].is_dashed()
            np.testing.assert_array_equal(growth.theory[name].get_ydata(), curve)
        bottom, top = growth.ax.get_ylim()
        assert data.norms.max() < top and growth.ax.get_xlim()[1] > data.T - 1
        assert bottom < data.norms.min() or bottom == -20  # the far end may leave, so that the growth is seen
        radius = np.hypot(*round_.shape.get_data())
        np.testing.assert_allclose(radius, np.clip((data.sizes - bottom) / (top - bottom), 0, 1), atol=1e-9)
        np.testing.assert_allclose(np.hypot(*round_.start.get_data()), -bottom / (top - bottom))
        np.testing.assert_allclose(
            np.hypot(*round_.law.get_data()), np.clip((data.law[data.k] - bottom) / (top - bottom), 0, 1), atol=1e-9
        )
        at = np.clip((data.gradient[data.k] - bottom) / (top - bottom), 0, 1) * data.v
        np.testing.assert_allclose(np.ravel(round_.point.get_data()), at, atol=1e-9)


def test_the_function_draws_the_same():
    data = experiments.transient()
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.transient(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.norms) for line in ax.lines)


@pytest.mark.slow
@for_each("narrow", [False, True])
@for_each("values", [*CASES[::9], START | {"activation": "tanh"}])
def test_words_stand_inside_and_apart(picture, values, narrow):
    picture.arrange(narrow)
    steady.at_rest(picture, experiments.transient(**values))
    steady.check_texts(picture)


SWEEPS = {"c": (0, 50), "rho": (0.5, 1.05), "k": (0, 199), "T": (10, 1000), "gap": (0, 1)}


def along(key, number):
    """Data at so many values of a slider, from end to end."""
    for value in np.linspace(*SWEEPS[key], number):
        values = START | {key: int(value) if key in ("k", "T") else round(value, 10)}
        values["k"] = min(values["k"], values["T"] - 1)
        yield experiments.transient(**values)


@pytest.mark.slow
@for_each("narrow", [False, True])
@for_each("key", SWEEPS)
def test_while_a_slider_moves_the_axes_stand_and_names_stay_at_their_lines(picture, key, narrow):
    picture.arrange(narrow)
    steady.at_rest(picture, experiments.transient(**START))
    axes, growth = steady.frames(picture), picture.growth
    for data in along(key, 9):
        picture.update(data)
        assert steady.frames(picture) == axes
        steady.check_texts(picture)
        for name, text in growth.names.items():
            assert not text.get_visible() or steady.distance(text, growth.theory[name]) < 16


@pytest.mark.slow
@for_each(("key", "number"), [("c", 101), ("rho", 56), ("k", 200), ("T", 991), ("gap", 101)])
def test_names_move_smoothly(picture, key, number):
    picture.arrange(narrow=False)
    steady.at_rest(picture, experiments.transient(**START))
    places = []
    for data in along(key, number):
        picture.update(data)
        texts = picture.growth.names.values()
        places.append([text.get_position() if text.get_visible() else (np.nan, np.nan) for text in texts])
    pixels = picture.growth.ax.transData.transform(np.reshape(places, (-1, 2))).reshape(-1, 3, 2)
    moved = np.hypot(*np.diff(pixels, axis=0).T)
    assert np.nanmax(moved) < 60  # of 475: c from 0 to 0.5 raises kappa from 1 to 10, a decade


def test_the_axes_go_in_few_steps(picture):
    def limits(**values):
        return picture.limits(experiments.transient(**START | values))

    assert len({limits(c=c) for c in np.linspace(0, 50, 26)} | {limits(k=k) for k in range(0, 200, 20)}) == 1
    assert len({limits(rho=rho)[1:] for rho in np.linspace(0.5, 1.05, 56)}) <= 4
    assert len({limits(T=T, k=5)[1:] for T in range(10, 1001, 10)}) <= 3


def test_the_panels_go_below_one_another_and_back():
    steady.check_arranged(new(_TransientPicture, 9.6, 4.3))
