"""The explorer of the step h: what it says, and that its picture keeps its words apart and its axes still.

Oracles: the sentence is taken apart and held against the errors and the law of ``checking.step_size``; for the places
of words, Matplotlib's own sizes.
"""

import itertools
import re
import sys

import numpy as np
import pytest
from loops import for_each
from matplotlib.figure import Figure
from steady import check_said, check_texts, number, plain

from d2lbptt import experiments, explorers
from d2lbptt.figures._step_size import NAMES, _StepSizePicture

module = sys.modules["d2lbptt.explorers._step_size"]
START = {"h": -3.0, "method": "central", "dtype": "float64", "T": 12, "g": 1.0, "seed": 0}
SENTENCE = re.compile(
    r"At \$T = (\d+)\$, \$g = (\S+)\$ the (.*) with \$ε = 10\^\{(\S+)\}\$ gets (\d+|no) digits? of the gradient right: "
    r"(\$ε\$ is too small, and rounding rules|\$ε\$ is too large, and the formula's error rules|"
    r"\$ε\$ is close to the best|only rounding is left)\."
)


def said(**values):
    values = START | values
    data = experiments.step_size(**values)
    words = module._words(values, data)
    check_said(words)
    return data, values, words


SETTINGS = list(itertools.product(NAMES, ["float64", "float32"], [1, 60], [0.0, 3.0], [-30.0, -7.3, -2.1, -1.0]))


@for_each(("method", "dtype", "T", "g", "h"), SETTINGS)
def test_what_is_said_is_true_at_every_corner(method, dtype, T, g, h):
    data, _, words = said(method=method, dtype=dtype, T=T, g=g, h=h, seed=7)
    found = SENTENCE.fullmatch(words.sentence)
    assert found, words.sentence
    assert found.groups()[:4] == (str(T), f"{g:.2f}", NAMES[method], f"{h:.1f}")
    assert found[5] == (str(data.digits) if data.digits else "no")
    law, here, error = data.sizes.law[method], 10.0**h, data.sizes.error[method][data.sizes.h == 10.0**h][0]
    truncation, rounding = law.terms(here)
    check_side(found[6], method, truncation, rounding, np.log10(here / law.best))
    about, best, apart, network = map(plain, words.details)
    size = re.search(r"^In (\w+) the relative error of ∂L/∂W_hh\[\d, \d\] is (\S.*);", about)
    assert size[1] == dtype and number(size[2]) == pytest.approx(error, rel=0.06)
    assert about.endswith("rounding." if rounding >= truncation else "the formula's error.")
    steps = [number(words) for words in re.findall(r"(?:below|is|and) (\S*\d(?: · \S+)?)", best)]
    wanted = [law.best] if method == "complex" else [law.best, data.sizes.best(method)]
    assert steps == pytest.approx(wanted, rel=0.5) and ("any ε below" in best) == (method == "complex")
    factor = data.sizes.apart(method)
    assert f"a factor of {factor:.2f} apart" in apart if np.isfinite(factor) else "no ε leaves a digit" in apart
    assert network.endswith("seed 7.")


def check_side(words, method, truncation, rounding, beyond):
    """The words say on which side of the best h it is, so many decades beyond."""
    if method == "complex" and truncation <= rounding:
        assert words == "only rounding is left"
    elif abs(beyond) < 0.5:
        assert words == "$ε$ is close to the best"
    else:
        assert ("too large" in words) == (beyond > 0) == (truncation > rounding) and ("too small" in words) == (
            beyond < 0
        )


def test_on_the_way_to_a_smaller_h_the_words_change_side_once():
    sides = [said(h=h)[2].sentence.rpartition(": ")[2] for h in (-2.0, -5.2, -9.0, -25.0)]
    assert ["large" in sides[0], "close" in sides[1], "small" in sides[2], "small" in sides[3]] == [True] * 4
    assert "no digit" in said(h=-25.0)[2].sentence


def test_h_and_the_method_look_at_the_same_errors():
    first = experiments.step_size(h=-3.0)
    assert experiments.step_size(h=-7.1, method="forward").sizes is first.sizes
    assert experiments.step_size(h=-3.0, g=1.05).sizes is not first.sizes
    with pytest.raises(ValueError, match="read-only"):
        first.sizes.error["central"][0] = 0


def test_the_slider_of_h_stands_on_the_steps_that_are_remembered():
    slider = explorers.step_size().controls["h"]
    shown = {round(slider.min + tenths * slider.step, 10) for tenths in range(291)}
    assert {10.0**h for h in shown} == set(sys.modules["d2lbptt.experiments._step_size"].STEPS)


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _StepSizePicture(Figure(dpi=100))


@for_each("narrow", [False, True])
@for_each("values", [{}, {"method": "complex", "h": -20.1}, {"h": -29.9, "dtype": "float32", "g": 3.0}])
def test_no_words_overlap_or_leave_the_figure(picture, values, narrow):
    picture.arrange(narrow)
    picture.update(experiments.step_size(**values))
    right, wrong = picture.digits.right, picture.digits.wrong
    check_texts(picture, together=(right.get_text(), wrong.get_text()))
    if right.get_text():
        assert abs(right.get_window_extent().x1 - wrong.get_window_extent().x0) < 3


def test_the_axes_stand_still_and_back_and_forth_is_where_it_was(picture):
    def places():
        return [(ax.axis(), tuple(ax.get_position().bounds)) for ax in picture.figure.axes]

    picture.arrange(narrow=False)
    before = places()
    for values in ({"h": -1.0}, {"T": 60, "g": 3.0}, {"dtype": "float32", "method": "forward"}):
        data = experiments.step_size(**values)
        assert picture.limits(data) == ()
        picture.update(data)
    picture.arrange(narrow=True)
    picture.arrange(narrow=False)
    assert places() == before
