"""The explorer of the two routes: what it says, and its picture."""

import numpy as np
import pytest
import steady
from driving import shown
from loops import for_each

from d2lbptt import experiments, explorers
from d2lbptt.explorers._two_routes import _words
from d2lbptt.figures._paper import picture
from d2lbptt.figures._routes import _TwoRoutesPicture


def said(**settings):
    explorer = explorers.two_routes()
    data, _ = shown(explorer, **settings)
    return data, _words(explorer.state["controls"], data)


@for_each("parameter", ["W_hh", "W_hx"])
@for_each("T", [2, 3, 8])
def test_the_sentence_says_by_how_much_the_mixtures_are_off(T, parameter):
    data, (sentence, details) = said(T=T, parameter=parameter)
    assert any("agree to rounding" in line for line in details)
    assert f"total times total is {100 * (data.ratios[2] - 1):.3g} % too large" in sentence
    assert f"immediate times immediate {100 * (1 - data.ratios[3]):.3g} % too small" in sentence


@for_each("settings", [{"T": 1}, {"g": 0.0}, {"T": 2, "h0": 0.0}])
def test_where_nothing_is_carried_the_sentence_says_so(settings):
    assert said(**settings)[1].sentence.endswith("so do the two mixtures.")


def test_a_gradient_of_zero_has_no_shares():
    assert "exactly 0" in said(T=1, h0=0.0)[1].sentence


# --- the picture ---


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def drawn(request):
    found = picture(_TwoRoutesPicture, 9.6, 4.4, 8)
    found.arrange(not request.param)
    found.arrange(request.param)  # back and forth
    return found


@pytest.mark.slow
@pytest.mark.parametrize("start", [{"T": 8}, {"T": 8, "activation": "tanh", "parameter": "W_hx"}])
@pytest.mark.parametrize("name", ["g", "h0"])
def test_axes_and_texts_are_steady_while_a_slider_moves(drawn, start, name):
    values = np.linspace(0, 2, 9)
    steady.check_steady(drawn, [experiments.two_routes(**start | {name: float(value)}) for value in values])


def test_a_table_of_another_T_is_cut_at_the_edge_until_the_slider_rests(drawn):
    results = [experiments.two_routes(T=T) for T in (3, *range(1, 9))]
    steady.check_steady(drawn, results)
    steady.check_rested(drawn, results)


@pytest.mark.parametrize(("T", "room"), [(1, 3), (3, 3), (4, 5), (5, 5), (6, 8), (8, 8)])
def test_there_is_room_for_a_few_numbers_of_steps(drawn, T, room):
    data = experiments.two_routes(T=T)
    drawn.set_limits(*drawn.limits(data))
    drawn.update(data)
    assert drawn.pairs.ax.get_xlim() == (0.5, room + 0.5)
    wanted = {f"{share:.0f}" for share in 100 * data.shares[np.tril_indices(T)]}
    assert {text.get_text() for text in drawn.pairs.numbers.texts if text.get_visible()} == wanted


@pytest.mark.parametrize("settings", [{}, {"T": 8, "g": 2.0}, {"T": 1}])
def test_bars_are_the_sums_of_the_table(drawn, settings):
    data = experiments.two_routes(**settings)
    drawn.set_limits(*drawn.limits(data))
    drawn.update(data)
    rows = [path.get_extents().width for path in drawn.by_loss.bars.get_paths()]
    columns = [path.get_extents().height for path in drawn.by_use.bars.get_paths()]
    np.testing.assert_allclose(rows, data.shares.sum(1), atol=1e-12)
    np.testing.assert_allclose(columns, data.shares.sum(0), atol=1e-12)
    assert drawn.by_loss.ax.get_xlim()[1] >= max(rows) and drawn.by_use.ax.get_ylim()[0] >= max(columns)


def test_another_layout_has_other_limits(drawn):
    steady.check_limits_tell_what_stands_still(
        drawn, [experiments.two_routes(T=T, g=g) for T in (3, 5, 8) for g in (0.5, 2.0)]
    )
