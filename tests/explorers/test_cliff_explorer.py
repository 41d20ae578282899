"""The explorer of the cliff: every claim of its sentence, its picture, and its lines of Python.

Oracles: the package's forward and backward, one unit at a time; the closed forms in ``laws``; for the sentence, its
claims taken apart again and held against ``one_unit``, whose own oracles are in test_one_unit.
"""

import io
import itertools
import re

import numpy as np
import pytest
from driving import shown
from matplotlib.figure import Figure
from PIL import Image

from d2lbptt import Params, backward, explorers, figures, forward, laws
from d2lbptt.explorers import _live as live
from d2lbptt.explorers._cliff import STEP, _inside, _law_of
from d2lbptt.figures._cliff import _CliffPicture, _size
from d2lbptt.growth import cliff


@pytest.fixture(scope="module")
def explorer():
    return explorers.cliff()


def package_gradient(w, b, T):
    one, h0 = np.ones((1, 1)), np.array([1 / (1 + np.exp(-0.5))])
    trace = forward(Params(one, w * one, one, b_h=np.array([b])), np.zeros((T, 1)), h0=h0, activation="sigmoid")
    g = backward(trace, np.full((T, 1), 0.7), reduction="last")
    return 2 * np.array([g.W_hh.item(), g.b_h.item()])


def test_presets_do_what_they_say(explorer):
    wall, words = shown(explorer, preset="on the wall")
    assert "goes 677 far and leaves the map." in words and "a factor of 35." in words
    assert "the steepest b of this w" in words and "4.5e-05 from the wall of theory" in words
    assert wall.path.left and not _inside(wall.step)
    thrown, words = shown(explorer, preset="thrown off")
    assert thrown.path.left and len(thrown.path.norm) > 10 and "steps leaves the map" in words
    clipped, words = shown(explorer, preset="clipped")
    assert not clipped.path.left and clipped.path.E[-1] < 0.01 * clipped.path.E[0]
    assert clipped.path.w[0] == thrown.path.w[0] and clipped.path.b[0] == thrown.path.b[0]
    assert "which shortens" in words and "the path ends at E = " in words
    calm, words = shown(explorer, preset="calm")
    assert "ends at E = 0." in words and "less than 0.1% apart" in words and calm.path.E[-1] < 1e-12
    attracts, words = shown(explorer, preset="where x_0 attracts")
    assert "Here x_0 does not repel, so there is no wall" in words and "from the fold of theory" in words
    with pytest.raises(ValueError, match="where x_0 repels"):
        laws.separatrix(attracts.path.w[0])


def test_the_slider_of_b_meets_the_wall_within_half_a_step(explorer):
    at = cliff.steepest(5.0).b
    for by, on in ((0.4, True), (-0.4, True), (0.6, False), (-0.6, False)):
        data, words = shown(explorer, w=5.0, b=at + by * STEP)
        assert (data.path.b[0] == at) == on == ("steepest b of this w" in words)
        assert on or data.path.b[0] == pytest.approx(at + by * STEP)


@pytest.mark.parametrize("T", [10, 50])
@pytest.mark.parametrize(("w", "b"), [(5.0, -2.61), (6.0, -3.0), (3.5, -2.8), (6.9, -1.1), (3.1, -4.4)])
def test_gradient_and_step_are_those_of_the_package(explorer, w, b, T):
    data, _ = shown(explorer, w=w, b=b, T=T, rate=0.0)
    start = np.array([data.path.w[0], data.path.b[0]])
    wanted = package_gradient(*start, T)
    np.testing.assert_allclose(data.path.gradient[0], wanted, rtol=1e-6)
    np.testing.assert_allclose(data.step, start - wanted, rtol=1e-6)
    assert data.cut.bptt == pytest.approx(wanted[1], rel=1e-6)
    assert data.cut.complex_step == pytest.approx(wanted[1], rel=1e-6)


CORNERS = list(itertools.product((3.1, 4.0, 4.25, 4.26, 6.9), (-4.4, -2.1, -1.1), (-3.0, 1.0), (None, 0.01, 100.0)))


@pytest.mark.parametrize("T", [10, 200])
@pytest.mark.parametrize("h", [-6.0, -1.0])
def test_the_sentence_is_true_at_every_corner(explorer, T, h):
    starts = {key: live._value(control) for key, control in explorer.controls.items()}
    walls = [(w, cliff.steepest(w, T).b, rate, clip) for w, _, rate, clip in CORNERS[::9]]
    for w, b, rate, clip in CORNERS + walls:
        values = starts | {"w": w, "b": b, "rate": rate, "clip": clip, "T": T, "h": h, "steps": 100}
        data = explorer._compute(values)
        check_claims(explorer._describe(values, data), values, data.path.b[0])


def number(pattern, words):
    return float(re.search(pattern, words)[1])


def check_claims(words, values, b):
    w, T, rate, h = values["w"], values["T"], 10 ** values["rate"], 10 ** values["h"]
    path = cliff.descend(w, b, rate=rate, clip=values["clip"], T=T)
    steepest, (_, slope) = cliff.steepest(w, T), path.gradient[0]
    assert number(r"gradient is (\S+) long", words) == pytest.approx(path.norm[0], rel=0.006)
    assert number(r"One step .* goes (\S+) far", words) == pytest.approx(rate * path.norm[0], rel=0.006)
    end = np.array([w, b]) - rate * path.gradient[0]
    out = not (3 <= end[0] <= 7 and -4.5 <= end[1] <= -1)
    assert ("far and leaves the map" in words) == out
    count = re.search(r"shortens (\d+) of (\d+) step|path of (\d+) step", words)
    if count and count[3]:
        assert values["clip"] is None and int(count[3]) == len(path.norm)
    elif count:
        assert (int(count[1]), int(count[2])) == (np.sum(path.norm >= values["clip"]), len(path.norm))
    else:
        assert values["clip"] is None and len(path.norm) == 1 and path.left and out
    if count and path.left:
        assert "leaves the map. " in words[count.end() :]
    elif count:
        assert number(r"ends at E = (\S+)\. ", words) == pytest.approx(path.E[-1], rel=0.06, abs=1e-12)
    law = [laws.separatrix(w).b] if w > 4.2553 else [laws.folds(w).b[0]] if w >= 4 else []
    assert ("wall of theory" in words, "fold of theory" in words) == (w > 4.2553, 4 <= w < 4.2553)
    assert ("theory has neither" in words) == (w < 4) and ("not to be trusted" in words) == (not steepest.resolved)
    if law and steepest.b != law[0]:
        assert number(r"steepest b is (\S+) from", words) == pytest.approx(abs(steepest.b - law[0]), rel=0.06)
    E_low, E_high = cliff.errors(w, b + np.array([-h, h]), T)
    central = (E_high - E_low) / (2 * h)
    assert number(r"(\S+) by a central", words) == pytest.approx(central, rel=0.006, abs=1e-9)
    if steepest.resolved:
        assert number(r"dE/db is (\S+) by BPTT", words) == pytest.approx(slope, rel=0.01)
        check_apart(words, slope / central)


def check_apart(words, ratio):
    if "a factor of" in words:
        assert number(r"a factor of (\S+)\.$", words) == pytest.approx(max(ratio, 1 / ratio), rel=0.06)
    elif "% apart" in words:
        assert 100 * abs(ratio - 1) < number(r"(\S+)% apart", words) + 0.06
    else:
        assert ratio < 0 and "not even the same sign" in words


def test_what_theory_has_changes_where_it_should():
    assert _law_of(3.99) is None and _law_of(4.0)[0] == "fold" and _law_of(4.255)[0] == "fold"
    assert _law_of(4.26) == ("wall", laws.separatrix(4.26).b)
    # The fold from which x_T drops is the lower one: there the upper fixed point, which x_0 goes to, is lost.
    lower, upper = (cliff.errors(4.2, _law_of(4.2)[1] + by, 2000) for by in (-0.01, 0.01))
    assert lower > 2 * upper


def test_the_wall_that_float64_cannot_hold_is_said_to_be_too_thin(explorer):
    at = cliff.steepest(6.9, 200).b
    _, words = shown(explorer, w=6.9, T=200, b=at, h=-6.0)
    assert "dE/db there is not to be trusted" in words
    assert "not to be trusted" not in shown(explorer, w=6.9, T=50, b=at)[1]


@pytest.mark.parametrize(
    "values",
    [
        {"preset": "on the wall"},
        {"preset": "clipped"},
        {"preset": "where x_0 attracts"},
        {"w": 3.1, "b": -4.4, "rate": 1.0, "T": 10, "h": -1.0},
        {"w": 6.9, "b": -1.1, "clip": 0.01, "T": 200, "h": -5.3, "steps": 7},
    ],
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, words = shown(explorer, **values)
    names = {}
    exec(explorer.code, names)
    out = capsys.readouterr().out
    np.testing.assert_array_equal(names["path"].b, data.path.b)
    for pattern in (r"gradient is (\S+) long", r"goes (\S+) far", r"dE/db is (\S+) by", r"and (\S+) by a central"):
        assert re.search(pattern, words)[1] in re.findall(r"[-\d.e+]+\d", out)
    apart = re.search(r"steepest b is (\S+) from", words)
    assert apart is None or f"steepest b: {apart[1]} from theory" in out
    assert f"{len(data.path.norm)} steps to E = {data.path.E[-1]:.2g}" in out


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _CliffPicture(Figure(figsize=(9.6, 4.6), dpi=100))


def test_theory_is_drawn_where_the_closed_forms_have_it(picture):
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


def test_the_picture_on_the_page_is_the_one_that_is_saved(explorer):
    for preset in ("calm", "on the wall"):  # the second after the first: nothing stale is left over
        shown(explorer, preset=preset)
    blitted = np.asarray(Image.open(io.BytesIO(explorer._png)).convert("RGB")).astype(int)
    out = io.BytesIO()
    explorer._picture.figure.savefig(out, format="png")
    whole = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert np.mean(np.abs(blitted - whole) > 40) < 0.004
