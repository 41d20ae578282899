"""Controls: which values they take, what the page is told, and how those of a shorter T come back."""

import pytest
import traitlets
from loops import for_each

from d2lbptt.explorers.front_end import Menu, Number, Slider, steps, within, within_T


def test_a_slider_stops_at_its_ends_and_keeps_its_kind_of_number():
    slider = Slider("scale g", 0, 3, 0.01)
    assert slider.value == 0 and type(slider.value) is float and not slider.whole
    slider.value = 7
    assert slider.value == 3.0 and type(slider.value) is float
    slider.value = 1 / 3
    assert slider.value == 1 / 3
    steps = Slider("length T", 1, 200, value=60)
    steps.value = 61.0
    assert steps.value == 61 and type(steps.value) is int
    steps.max = 40
    assert steps.value == 40


@for_each("wrong", ["3", None, True, float("nan"), float("inf"), 2.5, [3]])
def test_what_is_no_such_number_is_refused_in_a_sentence(wrong):
    slider = Slider("length T", 1, 200, value=60)
    with pytest.raises(traitlets.TraitError, match=r"length T is .*, wanted a whole number from 1 to 200"):
        slider.value = wrong
    assert slider.value == 60


def test_the_page_is_told_the_digits_that_the_step_has():
    assert [Slider("", 0, 3, step).digits for step in (0.1, 0.01, 0.025, 1)] == [1, 2, 3, 0]
    assert Slider("", 0, 3, 0.5, unit="steps").spec() == {"kind": "slider", "step": 0.5, "digits": 1, "unit": "steps"}
    assert Slider("", 0, 3, 0.5).now() == {"value": 0.0, "disabled": False, "min": 0, "max": 3}
    assert Number("draw", 0, 9).spec()["kind"] == "number"


def test_what_a_browser_sends_is_rounded():
    slider = Slider("", 0, 3, 0.01)
    assert slider.received(0.9099999999999999) == 0.91


def test_a_menu_is_known_by_the_places_of_its_options():
    menu = Menu("clip at", [("off", None), ("0.1", 0.1), ("1", 1.0)])
    assert menu.value is None and menu.sent() == 0 and menu.values == [None, 0.1, 1.0]
    assert menu.spec() == {"kind": "menu", "options": ["off", "0.1", "1"]}
    assert menu.received(2) == 1.0 and menu.received(0) is None
    menu.value = 1.0
    menu.value = None
    assert menu.sent() == 0
    with pytest.raises(traitlets.TraitError, match=r"clip at is 7, wanted one of None, 0.1, 1.0"):
        menu.value = 7


def test_true_is_not_one():
    assert Menu("", [1, 2]).value == 1
    with pytest.raises(traitlets.TraitError):
        Menu("", [1, 2]).value = True


def test_what_a_shorter_T_takes_away_comes_back():
    controls = {"T": Slider("T", 1, 100, value=50), "k": Slider("k", 0, 99, value=40)}
    seen, link = [], within_T("k", less=1, then=lambda controls: seen.append(controls["T"].value))
    for T, k in ((50, 40), (10, 9), (20, 19), (100, 40)):
        controls["T"].value = T
        link(controls)
        assert (controls["k"].value, controls["k"].max) == (k, T - 1)
    assert seen == [50, 10, 20, 100]


def test_one_control_ends_another_that_ends_a_third():
    controls = {name: Slider(name, 1, 100, value=value) for name, value in {"T": 50, "k2": 40, "k1": 30}.items()}
    link = within_T("k2", then=within("k2", "k1"))
    for T, k2, k1 in ((50, 40, 30), (10, 10, 10), (35, 35, 30), (100, 40, 30)):
        controls["T"].value = T
        link(controls)
        assert [controls[name].value for name in ("k2", "k1")] == [k2, k1]
        assert [controls[name].max for name in ("k2", "k1")] == [T, k2]


def test_steps_hold_both_ends_and_no_rounding():
    assert steps(0, 3) == [0, 1, 2, 3] and all(type(value) is int for value in steps(0, 3))
    assert steps(0, 0.5, 0.1) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert steps(-2, -1, 0.25) == [-2, -1.75, -1.5, -1.25, -1]
