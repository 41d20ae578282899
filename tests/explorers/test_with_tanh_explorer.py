"""The explorer of a nonlinearity: what it says, and its picture, over the ranges of its controls.

Oracle: the experiment's numbers, with which words and numbers of the sentence are compared after they were read again.
"""

import re
import sys

import numpy as np
import pytest
from loops import for_each
from steady import at_rest, blank, check_texts, frames, plain

from d2lbptt import experiments, explorers
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.figures import _style as style
from d2lbptt.figures._flow import _WithTanhPicture

module = sys.modules[explorers.with_tanh.__module__]
START = {"activation": "tanh", "T": 100, "g": 1.5, "input": 0.1, "kind": "gaussian", "seed": 0}
RANGES = {"g": (0.0, 1.5, 3.0), "T": (1, 2, 500, 1000), "input": (0.0, 1.5, 3.0), "seed": (0, 50, 99)}
RANGES |= {"activation": [name for name in ACTIVATIONS if name != "identity"], "kind": ("orthogonal", "identity")}


@pytest.fixture(scope="module")
def found():
    """Each control at its ends and middle or at its options, and settings of all of them drawn at random."""
    rng = np.random.default_rng(0)
    single = [{key: value} for key, values in RANGES.items() for value in values]
    joint = [{key: values[rng.integers(len(values))] for key, values in RANGES.items()} for _ in range(20)]
    shown = [(values, experiments.with_tanh(**values)) for values in (START | change for change in single + joint)]
    assert any(data.overflow for _, data in shown)
    return shown


def change_in(words):
    """The decades that words tell, and how far they may be off."""
    if "keeps its size" in words:
        return 0, np.log10(1.005)
    if "exactly 0" in words:
        return -np.inf, 0
    power, number = re.search(r"(10\^)?([0-9.]+)-fold", words).groups()
    size, off = (float(number), 0.51) if power else (np.log10(float(number)), 0.01)
    return (-size if "shrinks" in words else size), off


def test_the_sentence_says_what_the_experiment_found(found):
    for values, data in found:
        said = module._words(values, data)
        sentence = plain(said.sentence)
        assert f"is {np.median(data.slopes):.2f};" in " ".join(said.details)
        T = len(data.full)
        assert (
            bool(data.overflow) == (T < values["T"]) == (f"over the first {T} of T = {values['T']} steps" in sentence)
        )
        assert f"T = {T} is shown." in plain(said.details[0]) or not data.overflow
        if T == 1:
            assert "leaves nothing to carry back" in sentence
            continue
        if "alike" in sentence:
            parts = [sentence, sentence]
        else:
            parts = re.split(r", (?:and|but) ", sentence)
            verb = re.search("gradient (shrinks|grows|keeps|becomes)", parts[0])[1]
            parts[1] = parts[1] if re.match("shrinks|grows|keeps|becomes", parts[1]) else f"{verb} {parts[1]}"
        for part, decades in zip(parts, (data.identity, data.full), strict=True):
            change, (told, off) = decades[0] - decades[-1], change_in(part)
            assert told == change or abs(told - change) < off, sentence


def test_what_overflows_is_shown_for_the_longest_T_that_does_not():
    """Oracle: one step more overflows."""
    data = experiments.with_tanh(activation="relu", g=3.0, kind="orthogonal", T=1000)
    T = len(data.full)
    assert f"first at t = {T + 1}" in data.overflow
    assert not experiments.with_tanh(activation="relu", g=3.0, kind="orthogonal", T=T).overflow
    assert len(experiments.with_tanh(activation="relu", g=3.0, kind="orthogonal", T=T + 1).full) == T


@for_each("narrow", [False, True])
@for_each("change", [{}, {"g": 3.0, "T": 1000}, {"g": 0.1, "activation": "relu"}, {"T": 1}])
def test_every_text_is_inside_and_none_covers_another(narrow, change):
    whole = blank(_WithTanhPicture, narrow=narrow)
    at_rest(whole, experiments.with_tanh(**change))
    check_texts(whole)


@for_each("narrow", [False, True])
def test_nothing_but_the_curves_moves_while_a_slider_is_dragged(narrow):
    whole = blank(_WithTanhPicture, narrow=narrow)
    at_rest(whole, experiments.with_tanh())
    before, place = frames(whole), whole.name.text.get_window_extent().bounds
    for change in [{"g": g} for g in np.linspace(0, 3, 7)] + [{"T": T} for T in (1, 2, 105, 1000)] + [{"input": 3.0}]:
        whole.update(experiments.with_tanh(**change))
        assert frames(whole) == before and whole.name.text.get_window_extent().bounds == place


def test_lines_are_the_numbers_given_and_have_their_names():
    whole, data = blank(_WithTanhPicture), experiments.with_tanh(activation="sigmoid", g=0.7)
    at_rest(whole, data)
    for curve, decades, look in (
        (whole.phi, data.full, style.FULL),
        (whole.identity, data.identity, style.IDENTITY),
    ):
        np.testing.assert_allclose(curve.get_ydata(), decades - decades[-1])
        assert curve.get_color() == look["color"]
        low, high = whole._flow.ax.get_ylim()
        assert low < curve.get_ydata().min() and curve.get_ydata().max() < high
    assert whole.name.text.get_text() == "sigmoid" and whole.name.sample.get_color() == style.FULL["color"]
    assert whole._identity.text.get_text() == "identity"
    assert whole._identity.sample.get_color() == style.IDENTITY["color"]
