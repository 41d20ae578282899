"""The explorer of powers that grow first: its sentence, and its picture; the numbers behind both in test_transient."""

import itertools
import re

import numpy as np
import pytest
from cases import TRANSIENT as CASES
from driving import shown
from matplotlib.figure import Figure

from d2lbptt import explorers, figures
from d2lbptt.figures._transient import _TransientPicture

NUMBER = r"([-+.e\d]+)"
FOLD = r"((?:10\^)?[-+.e\d]+)-fold"
SENTENCE = re.compile(rf"(.*)\. This gradient(?:, with tanh,)? (?:grows {FOLD} \(k = (\d+)\)|does not grow by 1%)\.")
TRANSIENT = re.compile(
    rf"The worst gradient (?:of the identity )?(grows first|is still growing), {FOLD} at k = (\d+), though ρ < 1; "
    rf"from k = (\d+) on it stays below 1"
)


@pytest.fixture(scope="module")
def explorer():
    return explorers.transient()


def fold(words):
    return 10 ** float(words[3:]) if words.startswith("10^") else float(words)


names = {"ids": lambda values: "-".join(map(str, values.values()))}


@pytest.mark.parametrize("values", CASES, **names)
def test_every_number_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    found = SENTENCE.fullmatch(sentence)
    assert found, sentence
    check_worst(found[1], data, values)
    check_gradient(found, data.gradient)


def check_worst(words, data, values):
    last, top = data.T - 1, data.norms.max()
    if values["rho"] == 1 and values["c"] == 0:
        assert words == "ρ is 1 and W is normal: the worst gradient keeps its size for ever"
        return
    if data.peak == 0:
        assert top == 0 > data.norms[1] and words.startswith("|W| is below 1, so there is no transient")
        return
    at = re.search(rf"{FOLD} at k = (\d+)", words)
    assert fold(at[1]) == pytest.approx(10**top, rel=0.06 if top >= 4 else 0.006)
    assert data.norms[int(at[2])] == pytest.approx(top, abs=1e-9)
    if values["rho"] >= 1:
        why = {True: ": ρ is above 1", False: ": ρ is 1 with one eigenvector only"}[values["rho"] > 1]
        at_rest = values["rho"] == 1 and values["gap"] > 0
        assert words.endswith(", and comes to rest: ρ is 1" if at_rest else why)
        assert ("grows without end" in words) != at_rest and int(at[2]) == last
    else:
        said = TRANSIENT.fullmatch(words)
        assert said, words
        assert said[1] == ("grows first" if data.peak < data.T else "is still growing")
        assert int(said[4]) == data.below


def check_gradient(found, decades):
    if found[2] is None:
        assert decades.max() < np.log10(1.01)
        return
    assert decades[int(found[3])] == pytest.approx(decades.max(), abs=1e-9)
    assert fold(found[2]) == pytest.approx(10 ** decades.max(), rel=0.06)


def test_the_sentence_says_whose_gradient_it_is(explorer):
    _, sentence = shown(explorer, activation="tanh")
    assert (
        sentence.startswith("The worst gradient of the identity grows first") and "This gradient, with tanh" in sentence
    )


def test_presets_do_what_they_say(explorer):
    data, sentence = shown(explorer, preset="grows 100-fold first")
    assert 99.5 < 10 ** data.norms.max() < 100.5 and "grows first, 100-fold at k = 10" in sentence
    data, sentence = shown(explorer, preset="normal: no transient")
    assert "no transient" in sentence and np.all(np.diff(data.norms) < 0)
    data, sentence = shown(explorer, preset="one eigenvector only")
    assert data.angle == 0 and np.all(np.isinf(data.limit))
    tanh, sentence = shown(explorer, preset="tanh stops it")
    linear, _ = shown(explorer, preset="grows 100-fold first")
    assert tanh.gradient[10] < linear.gradient[10] - 1 and "with tanh" in sentence


def test_k_stays_within_T(explorer):
    shown(explorer, T=50, k=49)
    explorer.controls["T"].value = 10
    assert explorer.controls["k"].value == explorer.controls["k"].max == 9
    assert explorer.error is None and explorer.state["data"].k == 9


# --- the picture ---


def test_what_is_drawn_is_what_was_given(explorer):
    picture = _TransientPicture(Figure(figsize=(9.6, 4.3), dpi=100))
    for values in ({}, {"c": 0.0, "T": 30, "k": 3}, {"rho": 1.0, "gap": 0.0}, {"T": 1000, "rho": 0.5, "k": 999}):
        data, _ = shown(explorer, **values)
        picture.update(data)
        growth, round_ = picture.growth, picture.directions
        np.testing.assert_array_equal(growth.worst.get_ydata(), data.norms)
        np.testing.assert_array_equal(growth.gradient.get_ydata(), data.gradient)
        for name, curve in {"law": data.law, "ρᵏ": data.radius, "κ ρᵏ": data.limit, "σᵏ": data.bound}.items():
            assert growth.theory[name].is_dashed()
            np.testing.assert_array_equal(growth.theory[name].get_ydata(), curve)
        bottom, top = growth.ax.get_ylim()
        assert data.norms.max() < top and growth.ax.get_xlim()[1] > data.T - 1
        assert bottom < data.norms.min() or top > -bottom / 11  # the far end may leave, so that the growth is seen
        radius = np.hypot(*round_.shape.get_data())
        np.testing.assert_allclose(radius, np.clip((data.sizes - bottom) / (top - bottom), 0, 1), atol=1e-9)
        np.testing.assert_allclose(np.hypot(*round_.start.get_data()), -bottom / (top - bottom))
        np.testing.assert_allclose(
            np.hypot(*round_.law.get_data()), np.clip((data.law[data.k] - bottom) / (top - bottom), 0, 1), atol=1e-9
        )
        at = np.clip((data.gradient[data.k] - bottom) / (top - bottom), 0, 1) * data.v
        np.testing.assert_allclose(np.ravel(round_.point.get_data()), at, atol=1e-9)


def test_the_function_draws_the_same(explorer):
    data, _ = shown(explorer)
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.transient(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.norms) for line in ax.lines)


@pytest.mark.parametrize("values", CASES[::9], **names)
def test_words_stand_inside_and_apart(explorer, values):
    shown(explorer, **values)
    picture = explorer._picture
    picture.figure.canvas.draw()
    texts = [text for ax in picture.figure.axes for text in ax.texts if text.get_text() and text.get_visible()]
    boxes = [text.get_window_extent().padded(-1) for text in texts]
    frame = picture.figure.bbox
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    clashes = [
        (s.get_text(), t.get_text())
        for (s, a), (t, b) in itertools.combinations(zip(texts, boxes, strict=True), 2)
        if a.overlaps(b)
    ]
    assert not clashes
