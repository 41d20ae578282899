"""The explorer of exercise 1: every number of its sentence, and its picture; the numbers behind both in test_powers."""

import itertools
import re

import numpy as np
import pytest
from cases import POWERS
from driving import shown
from matplotlib.figure import Figure

from d2lbptt import explorers, figures
from d2lbptt.figures._powers import _PowersPicture

NUMBER = r"([-+.e\d]+)"
SENTENCE = re.compile(
    rf"k = (\d+), n = (\d+): (.*) is {NUMBER} degrees from ±v₁ and (10\^)?{NUMBER} times as long as x; "
    rf"(\d+) of (\d+) random x are within {NUMBER} degrees?, the law expects {NUMBER} ± {NUMBER}\."
)


@pytest.fixture(scope="module")
def explorer():
    return explorers.powers()


@pytest.mark.parametrize("values", POWERS, ids=lambda values: "-".join(map(str, values.values())))
def test_every_number_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    k, n = (explorer.state["controls"][key] for key in ("k", "n"))
    found = SENTENCE.fullmatch(sentence)
    assert found, sentence
    assert (int(found[1]), int(found[2])) == (k, n)
    assert found[3] == ("x itself" if k == 0 else "M x" if k == 1 else f"M^{k} x")
    angle = 180 / np.pi * np.arctan(10 ** data.curve[k])
    assert float(found[4]) == pytest.approx(angle, rel=0.06 if angle < 0.01 else 0.006)
    length = float(found[6]) if found[5] else np.log10(float(found[6]))
    assert length == pytest.approx(data.length[k], abs=0.5 if found[5] else 0.025)
    assert (int(found[7]), int(found[8]), float(found[9])) == (data.count, len(data.crowd), data.within)
    for said, number in zip((found[10], found[11]), data.expected, strict=True):
        assert float(said) == pytest.approx(number, abs=0.051 if "." in said else 0.51)


def test_presets_do_what_they_say(explorer):
    counts = {}
    for preset in ("clear winner", "close race", "many dimensions"):
        data, _ = shown(explorer, preset=preset)
        assert explorer.controls["preset"].value == preset
        counts[preset] = data.expected[0]
    assert counts["clear winner"] > 900 > counts["many dimensions"] > 600 and counts["close race"] < 1


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _PowersPicture(Figure(figsize=(9.6, 4.4), dpi=100))


def test_what_is_drawn_is_what_was_given(explorer, picture):
    for values in ({}, {"k": 3, "n": 2, "ratio": 0.5}, {"k": 200, "ratio": 0.5}):
        data, _ = shown(explorer, **values)
        picture.update(data)
        angles, direction = picture.angles, picture.direction
        np.testing.assert_array_equal(angles.curve.get_xydata(), np.column_stack([data.steps, data.curve]))
        for line, quantile in zip(angles.law, data.theory.T, strict=True):
            assert line.is_dashed()
            np.testing.assert_array_equal(line.get_xydata(), np.column_stack([data.knots, quantile]))
        np.testing.assert_array_equal(angles.point.get_xydata()[0], [data.k, data.curve[data.k]])
        bottom, top = angles.ax.get_ylim()
        for drawn in (data.curve, data.theory, data.bound, data.band, [data.limit]):
            assert bottom < np.min(drawn) and np.max(drawn) < top
        dots = np.arctan2(direction.crowd.get_ydata(), direction.crowd.get_xdata())
        np.testing.assert_allclose(dots, data.crowd, atol=1e-12)
        end = direction.arrow._posA_posB[1]
        assert np.arctan2(*end[::-1]) == pytest.approx(data.directions[data.k])
        assert [wedge.theta2 - wedge.theta1 for wedge in direction.wedges] == [data.within] * 2
        np.testing.assert_array_equal(picture.length.curve.get_ydata(), data.length)
        np.testing.assert_array_equal(picture.length.law.get_ydata(), data.length_law)


def test_the_function_draws_the_same(explorer):
    data, _ = shown(explorer)
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.powers(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.curve) for line in ax.lines)


@pytest.mark.parametrize("values", POWERS[::7], ids=lambda values: "-".join(map(str, values.values())))
def test_words_stand_inside_and_apart(explorer, values):
    shown(explorer, **values)
    picture = explorer._picture
    picture.figure.canvas.draw()
    texts = [text for ax in picture.figure.axes for text in ax.texts if text.get_text()]
    texts += [picture.length.ax.title, *(ax._left_title for ax in picture.figure.axes)]
    boxes = [text.get_window_extent().padded(-1) for text in texts if text.get_text()]
    frame = picture.figure.bbox
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
