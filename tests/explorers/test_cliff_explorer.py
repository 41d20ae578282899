"""The explorer of the cliff: every claim of its sentence, and its picture; the numbers behind both in test_cliff.

Oracles for the sentence: its claims taken apart again and held against ``growth.cliff``; for the picture, ``laws``.
"""

import itertools
import re

import numpy as np
import pytest
from driving import shown
from loops import for_each
from matplotlib.figure import Figure
from steady import check_said, check_texts, number, plain

from d2lbptt import experiments, explorers, figures, laws
from d2lbptt.explorers import _cliff as module
from d2lbptt.figures._cliff import _CliffPicture, _size
from d2lbptt.growth import cliff


@pytest.fixture(scope="module")
def explorer():
    return explorers.cliff()


def said(explorer, **values):
    data, _ = shown(explorer, **values)
    return data, in_plain(module._words(explorer.state["controls"], data))


def in_plain(words):
    check_said(words)
    return words._replace(sentence=plain(words.sentence), details=tuple(map(plain, words.details)))


def test_what_leads_meets_the_wall_at_every_w(explorer):
    # Oracle: E on a grid of b, finer than the steps of the slider.
    b = np.linspace(*cliff.PLANE[1], 20001)
    for w, wall in module.WALL_AT.items():
        E = cliff.errors(w, b, T=50)
        assert abs(b[np.argmax(np.abs(np.diff(E)))] - wall) <= 0.006
        assert wall in explorer.leads["b"] and w in explorer.leads["w"]


def test_presets_do_what_they_say(explorer):
    wall, words = said(explorer, preset="on the wall")
    assert words.sentence.endswith("is 677 long: it leaves the map.")
    assert "dE/db is -5751 by BPTT and -166 by a central difference" in words.details[0]
    assert "right there" in words.details[1]
    assert wall.path.left and len(wall.path.norm) == 1
    thrown, words = said(explorer, preset="thrown off")
    assert thrown.path.left and len(thrown.path.norm) > 10 and words.sentence.endswith(" such steps leave the map.")
    clipped, words = said(explorer, preset="clipped")
    assert not clipped.path.left and clipped.path.E[-1] < 0.01 * clipped.path.E[0]
    assert clipped.path.w[0] == thrown.path.w[0] and clipped.path.b[0] == thrown.path.b[0]
    assert "; clipped at 0.3, 100 steps end at E = " in words.sentence
    calm, words = said(explorer, preset="calm")
    assert words.sentence.endswith("; 100 such steps end at E ≤ 10^-12.") and calm.path.E[-1] < 1e-12
    assert calm.cut.central == pytest.approx(calm.cut.bptt, rel=5e-4)
    attracts, words = said(explorer, preset="where x_0 attracts")
    assert " and leaves the map; clipped at 1, " in words.sentence
    with pytest.raises(ValueError, match="where x_0 repels"):
        laws.separatrix(attracts.path.w[0])


CORNERS = list(itertools.product((3.1, 4.0, 4.25, 4.26, 6.9), (-4.4, -2.1, -1.1), (-3.0, 1.0), (None, 0.01, 100.0)))


@pytest.mark.parametrize("T", [10, 200])
@pytest.mark.parametrize("h", [-6.0, -1.0])
def test_what_is_said_is_true_at_every_corner(T, h):
    walls = [(w, cliff.steepest(w, T).b, rate, clip) for w, _, rate, clip in CORNERS[::9]]
    for n, (w, b, rate, clip) in enumerate(CORNERS + walls):
        values = {"w": w, "b": b, "rate": rate, "clip": clip, "T": T, "h": h, "steps": (1, 100)[n % 7 > 0]}
        data = experiments.cliff(**values)
        check_claims(in_plain(module._words(values, data)), values, data.path.b[0])


SENTENCE = re.compile(
    r"At w = (\S+), b = (\S+) (a|an unclipped) step of rate 10\^(\S+) is (\S.*?) long"
    r"(?:(: it leaves the map)|( and leaves the map)?; (?:clipped at (\S+), )?(\d+) (?:such )?steps? "
    r"(leaves? the map|ends? at E (=|≤) (.*)))\."
)


def check_claims(words, values, b):
    w, T, rate, h, clip = values["w"], values["T"], 10 ** values["rate"], 10 ** values["h"], values["clip"]
    path = cliff.descend(w, b, rate=rate, clip=clip, T=T, steps=values["steps"])
    steepest, (_, slope) = cliff.steepest(w, T), path.gradient[0]
    found = SENTENCE.fullmatch(words.sentence)
    assert found, words.sentence
    assert found[1] == f"{w:.2f}" and found[2] == f"{values['b']:.2f}" and found[4] == f"{values['rate']:.1f}"
    assert (found[3] == "a") == (clip is None)
    assert number(found[5]) == pytest.approx(rate * path.norm[0], rel=0.006)
    end = np.array([w, b]) - rate * path.gradient[0]
    assert bool(found[6] or found[7]) == (not (3 <= end[0] <= 7 and -4.5 <= end[1] <= -1))
    assert bool(found[6]) == (clip is None and len(path.norm) == 1 and path.left)
    if not found[6]:
        assert found[8] == (None if clip is None else f"{clip:g}") and int(found[9]) == len(path.norm)
        assert found[10].startswith("leave") == path.left
        assert path.left or (path.E[-1] <= 1e-12 if found[11] != "=" else number(found[12]) == approx_E(path.E[-1]))
    check_details(words.details, values, b, steepest, slope, h)


def approx_E(E):
    return pytest.approx(E, rel=0.06) if E > 1e-12 else None


def check_details(details, values, b, steepest, slope, h):
    T = values["T"]
    bptt, central, power = re.fullmatch(
        r"There dE/db is (\S.*) by BPTT and (\S.*) by a central difference with ε = 10\^(\S+)\.", details[0]
    ).groups()
    E_low, E_high = cliff.errors(values["w"], b + np.array([-h, h]), T)
    assert number(central) == pytest.approx((E_high - E_low) / (2 * h), rel=0.006, abs=1e-9)
    assert power == f"{values['h']:.1f}"
    on = b == steepest.b
    assert ("right there" in details[1]) == on
    assert float(re.search(r"at b = (\S+)\.$", details[1])[1]) == pytest.approx(steepest.b, abs=0.006)
    assert any("not to be trusted" in line for line in details) == (on and not steepest.resolved)
    if steepest.resolved or not on:
        assert number(bptt) == pytest.approx(slope, rel=0.01)
    assert any("is made as long as that" in line for line in details) == (values["clip"] is not None)
    most = f"{values['steps']} step{'s' * (values['steps'] > 1)}"
    assert details[-1].startswith(f"The unit runs T = {T} steps. Descent ends after {most},")


def test_the_wall_that_float64_cannot_hold_is_said_to_be_too_thin(explorer):
    at = cliff.steepest(6.9, 200).b
    assert "not to be trusted" in said(explorer, w=6.9, T=200, b=at, h=-6.0)[1].details[2]
    assert not any("trusted" in line for line in said(explorer, w=6.9, T=50, b=at)[1].details)


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


@for_each("number", [0, -0.0005, 0.25, -5751.2, 9.7e41, -2e-9, 1e-3, 99_999])
def test_numbers_are_short_and_right(number):
    words = _size(number)
    assert len(words) <= 11
    digits = words.replace("−", "-").replace(" · 10", "e").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float("1e" + digits[2:] if digits.startswith("10") and "e" not in digits else digits) == pytest.approx(
        number, rel=0.05
    )


STATES = [
    {"preset": "on the wall"},
    {"preset": "thrown off"},
    {"preset": "where x_0 attracts"},
    {"w": 6.9, "b": -3.79, "T": 200, "h": -6.0, "clip": 0.01},
    {"w": 3.1, "b": -4.4, "rate": -3.0, "h": -5.9, "clip": 0.01, "steps": 1},
]


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("values", STATES)
def test_no_words_overlap_or_leave_the_figure(explorer, picture, values, narrow):
    picture.arrange(narrow)
    picture.update(shown(explorer, **values)[0])
    check_texts(picture)
    picture.arrange(narrow=False)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_names_stand_where_their_curves_end(picture, narrow):
    picture.arrange(narrow)
    picture.update(experiments.cliff())
    ends = [(line.get_xdata()[-1], line.get_ydata()[-1]) for line in (*picture.plane.folds, picture.plane.wall)]
    names = [text for text in picture.plane.ax.texts if text.get_text() in ("fold", "wall")]
    assert [text.get_text() for text in names] == ["fold", "wall", "fold"]
    for text, end in zip(names, sorted(ends, key=lambda end: -end[1]), strict=True):
        x, y = picture.plane.ax.transData.transform(end)
        box = text.get_window_extent()
        assert 0 < box.x0 - x < 12 and abs((box.y0 + box.y1) / 2 - y) < 6
    picture.arrange(narrow=False)


def test_the_longest_words_fit_on_a_narrow_page(picture):
    picture.arrange(narrow=True)
    data = experiments.cliff(w=3.1, b=-4.4, rate=-3.0, clip=0.01, h=-5.9)
    data = data._replace(path=data.path._replace(E=np.array([8.8e-12])), step=data.step + 1.234e-5)
    picture.update(data)
    assert all(text.get_window_extent().x1 < 480 for text in picture.words)
    picture.arrange(narrow=False)


def test_the_surface_is_coloured_anew_for_another_T_alone(picture):
    picture.update(experiments.cliff())
    before = picture.plane.E.get_array()
    picture.update(experiments.cliff(w=4.0, b=-2.0, rate=0.5, h=-2.0, clip=1.0))
    assert picture.plane.E.get_array() is before
    picture.update(experiments.cliff(T=60))
    assert picture.plane.E.get_array() is not before


def test_no_axis_moves(explorer):
    limits = set()
    for preset in [name for name, _ in explorer.controls["preset"].options[1:]]:
        shown(explorer, preset=preset)
        limits.add(tuple(ax.axis() for ax in explorer._picture.figure.axes))
    shown(explorer, T=200, h=-1.0)
    assert limits == {tuple(ax.axis() for ax in explorer._picture.figure.axes)}
