"""The explorer of the two routes: its sentences."""

import pytest
from driving import shown

from d2lbptt import explorers


@pytest.mark.parametrize("parameter", ["W_hh", "W_hx"])
@pytest.mark.parametrize("T", [2, 3, 8])
def test_the_sentence_says_by_how_much_the_mixtures_are_off(T, parameter):
    data, sentence = shown(explorers.two_routes(), T=T, parameter=parameter)
    assert "apart by 0 to rounding" in sentence
    assert f"Total times total is {100 * (data.ratios[2] - 1):.3g} % too large" in sentence
    assert f"immediate times immediate {100 * (1 - data.ratios[3]):.3g} % too small" in sentence


@pytest.mark.parametrize("settings", [{"T": 1}, {"g": 0.0}, {"T": 2, "h0": 0.0}])
def test_where_nothing_is_carried_the_sentence_says_so(settings):
    assert "So do the two mixtures here" in shown(explorers.two_routes(), **settings)[1]


def test_a_gradient_of_zero_has_no_shares():
    assert "exactly 0" in shown(explorers.two_routes(), T=1, h0=0.0)[1]
