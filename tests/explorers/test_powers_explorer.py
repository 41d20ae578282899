"""The explorer of exercise 1: every number of its words, and its picture; the numbers behind both in test_powers."""

import re

import numpy as np
import pytest
import steady
from cases import POWERS
from loops import for_each
from matplotlib.figure import Figure

from d2lbptt import experiments, figures
from d2lbptt.explorers import _powers as module
from d2lbptt.figures._paper import picture as new
from d2lbptt.figures._powers import _PowersPicture

START = {"k": 20, "n": 8, "ratio": 0.7, "seed": 0, "within": 1.0, "spectrum": "equal", "draws": 1000, "lambda_1": 1.0}
FOLDED = {"seed", "within", "spectrum", "draws", "lambda_1"}
NUMBER = r"((?:\d+ · )?10\^-?\d+|[.\d]+)"
SENTENCE = re.compile(
    rf"At k = (\d+), n = (\d+) and \|λ_2/λ_1\| = ([.\d]+), (x itself|this M\^kx) points {NUMBER}° away from "
    rf"the line of v_1; (all|none of|\d+ of) (\d+) random x (?:is|are) within {NUMBER}°\."
)
LAW = re.compile(rf"The law expects {NUMBER} ± {NUMBER} of the (\d+) within {NUMBER}°\.")
LENGTH = re.compile(rf"M\^kx is {NUMBER} times as long as x; λ_1\^k\|x_1\| is {NUMBER} times, with λ_1 = [.\d]+\.")
names = {"ids": lambda values: "-".join(map(str, values.values()))}


def said_of(**values):
    values = START | values
    data = experiments.powers(**values)
    return values, data, module._words(values, data)


def near(said, log10):
    """Whether a number is right to the digits that are said: one beside a power of ten, three elsewhere."""
    mantissa, power, exponent = said.partition("10^")
    found = np.log10(float(mantissa.strip(" ·") or 1)) + int(exponent) if power else np.log10(float(said))
    return found == pytest.approx(log10, abs=0.18 if power else 0.003)


# --- the words ---


@for_each("values", POWERS)
def test_every_number_of_the_words(values):
    values, data, said = said_of(**values)
    found = SENTENCE.fullmatch(steady.plain(said.sentence))
    assert found, said.sentence
    k, n, ratio, x, angle, count, draws, within = found.groups()
    assert (int(k), int(n), float(ratio)) == (values["k"], values["n"], values["ratio"])
    assert x == ("this M^kx" if values["k"] else "x itself")
    assert near(angle, np.log10(180 / np.pi) + np.log10(np.arctan(10 ** data.curve[data.k])))
    counted = {"all": len(data.crowd), "none of": 0}.get(count) if not count[0].isdigit() else int(count.split()[0])
    assert (counted, int(draws), float(within)) == (data.count, len(data.crowd), data.within)
    mean, spread, *whole = LAW.fullmatch(steady.plain(said.details[0])).groups()
    assert [float(number) for number in whole] == [len(data.crowd), data.within]
    for words, number in zip((mean, spread), data.expected, strict=True):
        assert float(words) == pytest.approx(number, abs=0.051 if "." in words else 0.51)
    length, law = LENGTH.fullmatch(steady.plain(said.details[1])).groups()
    assert near(length, data.length[data.k]) and near(law, data.length_law[data.k])


def test_presets_do_what_they_say():
    counts = {name: experiments.powers(**values).expected[0] for name, values in module.PRESETS.items()}
    assert counts["clear winner"] > 900 > counts["many dimensions"] > 600 and counts["close race"] < 1


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return new(_PowersPicture, 9.6, 4.4)


def test_what_is_drawn_is_what_was_given(picture):
    for values in ({}, {"k": 3, "n": 2, "ratio": 0.5}, {"k": 200, "ratio": 0.5}):
        data = experiments.powers(**START | values)
        steady.at_rest(picture, data)
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


def test_the_function_draws_the_same():
    data = experiments.powers()
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.powers(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.curve) for line in ax.lines)


def test_the_panels_go_below_one_another_and_back():
    steady.check_arranged(new(_PowersPicture, 9.6, 4.4))


@for_each("narrow", [False, True])
@for_each("values", POWERS[::7])
def test_words_stand_inside_and_apart(picture, values, narrow):
    picture.arrange(narrow)
    steady.at_rest(picture, experiments.powers(**START | values))
    steady.check_texts(picture)


SWEEPS = {
    "k": (0, 20, 40, 41, 200),
    "n": (2, 8, 64),
    "ratio": (0.5, 0.75, 0.99),
    "lambda_1": (0.5, 1.0, 1.5),
    "within": (0.1, 1.0, 5.0, 20.0),
}


@pytest.mark.slow
@for_each("narrow", [False, True])
@for_each("key", SWEEPS)
def test_while_a_slider_moves_axes_and_words_stand(picture, key, narrow):
    picture.arrange(narrow)
    steady.at_rest(picture, experiments.powers(**START))
    axes, angles = steady.frames(picture), picture.angles
    words = {text: box.p0 for text, box in steady.texts(picture).items() if text is not angles.name}
    for value in SWEEPS[key]:
        picture.update(experiments.powers(**START | {key: value}))
        assert steady.frames(picture) == axes
        steady.check_texts(picture)
        assert steady.distance(angles.name, angles.limit) < 10
        assert all(np.array_equal(text.get_window_extent().p0, place) for text, place in words.items())
        for panel in (angles, picture.length):  # a point whose k is beyond the axis is not drawn beside it
            assert panel.point.get_clip_on()


def test_the_axes_go_in_few_steps(picture):
    def limits(**values):
        return picture.limits(experiments.powers(**START | values))

    assert len({limits(k=k) for k in range(0, 201, 5)}) <= 3
    assert len({limits(n=n) for n in (2, 3, 8, 20, 64)}) == 1
    assert len({limits(ratio=ratio) for ratio in np.linspace(0.5, 0.99, 50)}) <= 3
