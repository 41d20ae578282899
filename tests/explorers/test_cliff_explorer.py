"""The explorer of the cliff: every claim of its sentence, and its picture; the numbers behind both in test_cliff.

Oracles for the sentence: its claims taken apart again and held against ``growth.cliff``; for the picture, ``laws``.
"""

import itertools
import re

import numpy as np
import pytest
from driving import shown
from matplotlib.figure import Figure

from d2lbptt import experiments, explorers, figures, laws
from d2lbptt.explorers import _cliff as module
from d2lbptt.figures._cliff import _CliffPicture, _size
from d2lbptt.growth import cliff


@pytest.fixture(scope="module")
def explorer():
    return explorers.cliff()


def test_presets_do_what_they_say(explorer):
    wall, words = shown(explorer, preset="on the wall")
    assert "the steepest b of this w" in words and "goes 677 far, off the map." in words
    assert "dE/db is -5.75e+03 by BPTT and -166 by a central difference" in words
    assert wall.path.left and len(wall.path.norm) == 1
    thrown, words = shown(explorer, preset="thrown off")
    assert thrown.path.left and len(thrown.path.norm) > 10 and "steps leaves the map" in words
    clipped, words = shown(explorer, preset="clipped")
    assert not clipped.path.left and clipped.path.E[-1] < 0.01 * clipped.path.E[0]
    assert clipped.path.w[0] == thrown.path.w[0] and clipped.path.b[0] == thrown.path.b[0]
    assert "the path of 100 steps, clipped at 0.3, ends at E = " in words
    calm, words = shown(explorer, preset="calm")
    assert "ends at E = 0." in words and calm.path.E[-1] < 1e-12
    assert calm.cut.central == pytest.approx(calm.cut.bptt, rel=5e-4)
    attracts, words = shown(explorer, preset="where x_0 attracts")
    with pytest.raises(ValueError, match="where x_0 repels"):
        laws.separatrix(attracts.path.w[0])


CORNERS = list(itertools.product((3.1, 4.0, 4.25, 4.26, 6.9), (-4.4, -2.1, -1.1), (-3.0, 1.0), (None, 0.01, 100.0)))


@pytest.mark.parametrize("T", [10, 200])
@pytest.mark.parametrize("h", [-6.0, -1.0])
def test_the_sentence_is_true_at_every_corner(T, h):
    walls = [(w, cliff.steepest(w, T).b, rate, clip) for w, _, rate, clip in CORNERS[::9]]
    for w, b, rate, clip in CORNERS + walls:
        values = {"w": w, "b": b, "rate": rate, "clip": clip, "T": T, "h": h, "steps": 100}
        data = experiments.cliff(**values)
        check_claims(module._words(values, data), values, data.path.b[0])


def number(pattern, words):
    return float(re.search(pattern, words)[1])


def check_claims(words, values, b):
    w, T, rate, h = values["w"], values["T"], 10 ** values["rate"], 10 ** values["h"]
    path = cliff.descend(w, b, rate=rate, clip=values["clip"], T=T)
    steepest, (_, slope) = cliff.steepest(w, T), path.gradient[0]
    assert ("the steepest b of this w" in words) == (b == steepest.b)
    assert b == steepest.b or number(r"and b = (\S+) one", words) == pytest.approx(b, abs=0.006)
    assert number(r"one step with rate \S+ goes ([-+.e\d]*\d) far", words) == pytest.approx(
        rate * path.norm[0], rel=0.006
    )
    end = np.array([w, b]) - rate * path.gradient[0]
    assert ("far, off the map" in words) == (not (3 <= end[0] <= 7 and -4.5 <= end[1] <= -1))
    count = re.search(r"path of (\d+) steps?(?:, clipped at (\S+),)? (leaves the map|ends at E = (\S+))\. ", words)
    if count is None:
        assert values["clip"] is None and len(path.norm) == 1 and path.left
    else:
        assert int(count[1]) == len(path.norm) and count[2] == (
            None if values["clip"] is None else f"{values['clip']:g}"
        )
        assert (count[3] == "leaves the map") == path.left
        assert path.left or float(count[4]) == pytest.approx(path.E[-1], rel=0.06, abs=1e-12)
    E_low, E_high = cliff.errors(w, b + np.array([-h, h]), T)
    central = (E_high - E_low) / (2 * h)
    assert number(r"(\S+) by a central", words) == pytest.approx(central, rel=0.006, abs=1e-9)
    assert ("not to be trusted" in words) == (b == steepest.b and not steepest.resolved)
    if steepest.resolved or b != steepest.b:
        assert number(r"dE/db is (\S+) by BPTT", words) == pytest.approx(slope, rel=0.01)


def test_the_wall_that_float64_cannot_hold_is_said_to_be_too_thin(explorer):
    at = cliff.steepest(6.9, 200).b
    _, words = shown(explorer, w=6.9, T=200, b=at, h=-6.0)
    assert "BPTT there is not to be trusted" in words
    assert "not to be trusted" not in shown(explorer, w=6.9, T=50, b=at)[1]


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _CliffPicture(Figure(figsize=(9.6, 4.6), dpi=100))


def test_theory_is_drawn_where_the_closed_forms_have_it(picture):
    picture.update(experiments.cliff())
    wall, *folds = (line for line in picture.plane.ax.lines if line.is_dashed())
    w, b = wall.get_data()
    assert w[0] == pytest.approx(4.26, abs=0.01) and w[-1] == 7
    np.testing.assert_allclose(b, 0.5 - w / (1 + np.exp(-0.5)))
    for line, sign in zip(folds, (1, -1), strict=True):
        w, b = line.get_data()
        s = (1 + sign * np.sqrt(1 - 4 / w)) / 2  # w s (1 - s) = 1
        assert w[0] == 4
        np.testing.assert_allclose(b[1:], (np.log(s / (1 - s)) - w * s)[1:])


def test_the_wall_of_the_surface_lies_on_that_of_theory(explorer, picture):
    picture.update(shown(explorer, preset="clipped")[0])
    E, (left, right, low, high) = picture.plane.E.get_array(), picture.plane.E.get_extent()
    b = np.linspace(low, high, len(E))
    for column, w in enumerate(np.linspace(left, right, E.shape[1])):
        if w > 4.6:
            drop = np.argmax(np.abs(np.diff(E[:, column])))
            assert b[drop] - 0.01 <= laws.separatrix(w).b <= b[drop + 1] + 0.01


def test_path_step_and_steepest_point_are_drawn_where_they_are(explorer, picture):
    data, _ = shown(explorer, preset="clipped")
    picture.update(data)
    plane = picture.plane
    np.testing.assert_array_equal(plane.path.get_xydata(), np.column_stack([data.path.w, data.path.b]))
    np.testing.assert_array_equal(plane.end.get_xydata()[0], [data.path.w[-1], data.path.b[-1]])
    assert plane.steepest.get_xydata().tolist() == [[6.0, cliff.steepest(6.0).b]]
    assert plane.path.get_color() == figures._style.CLIPPED["color"] and not plane.arrow.get_visible()
    data, _ = shown(explorer, preset="on the wall")
    picture.update(data)
    tip, start = np.array(plane.arrow.xy), np.array(plane.arrow.xyann)
    assert plane.arrow.get_visible() and tip[1] == pytest.approx(-1) and 3 < tip[0] < 7
    np.testing.assert_allclose((tip - start) / np.linalg.norm(tip - start), -data.path.gradient[0] / data.path.norm[0])
    assert plane.path.get_color() == figures._style.FULL["color"]


@pytest.mark.parametrize("number", [0, -0.0005, 0.25, -5751.2, 9.7e41, -2e-9, 1e-3, 99_999])
def test_numbers_are_short_and_right(number):
    words = _size(number)
    assert len(words) <= 11
    digits = words.replace("−", "-").replace(" · 10", "e").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float("1e" + digits[2:] if digits.startswith("10") and "e" not in digits else digits) == pytest.approx(
        number, rel=0.05
    )


@pytest.mark.parametrize(
    "values",
    [
        {"preset": "on the wall"},
        {"preset": "thrown off"},
        {"preset": "where x_0 attracts"},
        {"w": 6.9, "b": -3.79, "T": 200, "h": -6.0, "clip": 0.01},
        {"w": 3.1, "b": -4.4, "rate": -3.0, "h": -5.9, "clip": 0.01, "steps": 1},
    ],
)
def test_no_words_overlap_or_leave_the_figure(explorer, values):
    shown(explorer, **values)
    figure = explorer._picture.figure
    texts = [t for ax in figure.axes for t in (*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label) if t.get_text()]
    for axis, which in ((axis, i) for ax in figure.axes for i, axis in enumerate((ax.xaxis, ax.yaxis))):
        low, high = axis.get_view_interval()
        texts += [t for t in axis.get_ticklabels() if low <= t.get_position()[which] <= high]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    assert all(0 <= box.x0 and box.x1 <= 960 and 0 <= box.y0 and box.y1 <= 460 for box in boxes)
    rotated = [text.get_rotation() not in (0, 90) for text in texts if text.get_text() and text.get_visible()]
    for (one, turned), (other, too) in itertools.combinations(zip(boxes, rotated, strict=True), 2):
        assert turned or too or not one.padded(-1).overlaps(other)


def test_no_axis_moves(explorer):
    limits = set()
    for preset in [name for name, _ in explorer.controls["preset"].options[1:]]:
        shown(explorer, preset=preset)
        limits.add(tuple(ax.axis() for ax in explorer._picture.figure.axes))
    shown(explorer, T=200, h=-1.0)
    assert limits == {tuple(ax.axis() for ax in explorer._picture.figure.axes)}
