"""The explorer of gated cells: its picture and its words; the numbers behind both in test_gated_experiment.

Oracle: the numbers that are given, or beside it; the sentence is taken apart and compared.
"""

import itertools
import re

import numpy as np
import pytest
import steady
from driving import shown
from loops import for_each
from matplotlib.figure import Figure

from d2lbptt import explorers, figures
from d2lbptt.experiments import gated
from d2lbptt.explorers import _gated as module
from d2lbptt.figures import _style as style
from d2lbptt.figures._gated import LOOKS, _GatedPicture, _kept

START = {"T": 200, "g": 0.8, "bias": 5.0, "cell": "lstm"}
FOLDED = {"seed": 0, "units": 64, "inputs": 64, "input_size": 0.1}
CASES = [
    dict(zip(START, values, strict=True))
    for values in itertools.product((10, 200, 1000), (0.0, 0.8, 5.0), (-2.0, 0.0, 5.0, 10.0), ("lstm", "gru"))
]


def curves(data):
    return {"plain": data.plain, "lstm": data.lstm, "gru": data.gru}


def finite(decades):
    return decades[np.isfinite(decades)]


# --- the picture ---


@for_each("values", CASES[::5])
def test_what_is_drawn_is_what_was_given(values):
    whole, data = steady.blank(_GatedPicture), gated(**values)
    steady.at_rest(whole, data)
    flow = whole.flow
    for key, decades in curves(data).items():
        drawn = flow.lines[key].get_ydata()
        np.testing.assert_array_equal(drawn[np.isfinite(decades)], finite(decades))
        assert (drawn[np.isneginf(decades)][:1] < -1e5).all()  # what is exactly zero falls to the bottom
    for way, decades in ((flow.direct, data.direct), (flow.through, data.through), (flow.law, data.law)):
        drawn = way.get_ydata()
        np.testing.assert_array_equal(np.isfinite(drawn), np.isfinite(decades))
        np.testing.assert_array_equal(finite(drawn), finite(decades))
    lost = 10.0 ** -whole.gate.median.get_ydata()
    np.testing.assert_allclose(lost, np.maximum(1 - data.gate.median, 1e-6), rtol=1e-9)
    np.testing.assert_array_equal(whole.gate.median.get_xdata(), values["T"] - data.gate.t)
    np.testing.assert_allclose(
        10.0 ** -np.array(whole.gate.law.get_ydata()), 1 / (1 + np.exp(values["bias"])), rtol=1e-9
    )


@for_each("cell", ["lstm", "gru"])
def test_the_chosen_cell_is_broad_and_its_ways_differ_without_colour(cell):
    whole = steady.blank(_GatedPicture)
    steady.at_rest(whole, gated(**START | {"cell": cell}))
    flow, ways = whole.flow, whole.ways
    widths = {key: line.get_linewidth() for key, line in flow.lines.items()}
    assert widths[cell] > 2 * max(width for key, width in widths.items() if key != cell)
    assert not flow.direct.is_dashed() and flow.through.is_dashed()
    for key, line in flow.lines.items():
        sample = flow.names[key].sample
        assert (sample.get_color(), sample.get_linewidth()) == (line.get_color(), line.get_linewidth())
        assert sample._unscaled_dash_pattern == line._unscaled_dash_pattern
    lines = *flow.lines.values(), flow.direct, flow.through, flow.law
    looks = [(str(line._unscaled_dash_pattern), line.get_linewidth()) for line in lines]
    assert len(set(looks)) == len(looks) and len({dashes for dashes, _ in looks}) == 4
    for one, other in ((flow.direct, ways.direct), (flow.through, ways.through)):  # the drawing is their key
        assert one.get_color() == other.get_color() == LOOKS[cell][1]
        assert one._unscaled_dash_pattern == other._unscaled_dash_pattern
    words = [text.get_text() for text in (*ways.names, ways.title)]
    assert words == (["cₜ₋₁", "cₜ"] if cell == "lstm" else ["hₜ₋₁", "hₜ"]) + [f"two ways back in the {cell.upper()}"]
    assert ("fₜ" if cell == "lstm" else "zₜ") in ways.by_gate.get_text()


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
def test_every_text_is_inside_and_none_covers_another(narrow):
    steady.check_rested(steady.blank(_GatedPicture, narrow=narrow), (gated(**values) for values in CASES[::3]))


@for_each("narrow", [False, True])
def test_axes_stand_still_while_a_slider_is_dragged(narrow):
    whole = steady.blank(_GatedPicture, narrow=narrow)
    changes = [{"bias": bias} for bias in (-2.0, 0.0, 1.0, 10.0)] + [{"g": g} for g in (0.0, 1.5, 5.0)]
    changes += [{"T": T} for T in (10, 50, 210)] + [{"cell": "gru"}]
    steady.check_steady(whole, [gated(**START | change) for change in ({}, *changes)])


def test_limits_show_all_three_networks_and_go_in_few_steps():
    whole = steady.blank(_GatedPicture)
    for key, values in (("bias", np.linspace(-2, 10, 25)), ("g", np.linspace(0, 5, 26))):
        seen = []
        for value in values:
            data = gated(**START | {key: float(value)})
            steps, low, high = whole.limits(data)
            ends = np.concatenate([finite(decades) for decades in curves(data).values()])
            assert steps > 200 and -low < ends.min() and ends.max() < high
            seen.append((low, high))
        for each in zip(*seen, strict=True):  # each end goes one way, in few steps
            assert len(set(each)) <= 5 and np.count_nonzero(np.diff(each)) <= 5


def test_limits_tell_what_stands_still_and_panels_go_below_one_another_and_back():
    results = [gated(**START | change) for change in ({}, {"T": 1000}, {"g": 5.0}, {"bias": -2.0})]
    steady.check_limits_tell_what_stands_still(steady.blank(_GatedPicture), results)
    steady.check_arranged(steady.picture(_GatedPicture, 9.6, 4.6))


@for_each(("gate", "decades"), [(0.0, 0), (0.5, np.log10(2)), (0.9, 1), (0.9999, 4), (1.0, 6)])
def test_decades_of_what_a_gate_loses(gate, decades):
    assert _kept(gate) == pytest.approx(decades, abs=1e-9)


def test_the_function_draws_on_the_axes_and_returns_them():
    ax, data = Figure().add_axes((0.1, 0.1, 0.8, 0.6)), gated(T=20)
    assert figures.gated(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.lstm) for line in ax.lines)


# --- the words ---

FATE = r"(becomes exactly 0|keeps its size|(?:shrinks|grows) (?:10\^)?[0-9.]+-fold)"
SENTENCE = re.compile(
    rf"At g = ([.\d]+) the plain network's gradient {FATE} over T = (\d+) steps; "
    rf"the (LSTM|GRU)'s, with b_([fz]) = (-?[.\d]+), {FATE}, (.*)\."
)
SIZE = r"(exactly 0|[.\d]+(?: · 10\^-?\d+)?|10\^-?\d+)"
WAYS = {
    "most of it directly": (0.3, np.inf),
    "about half by each way": (-0.3, 0.3),
    "most of it through gates and candidate": (-np.inf, -0.3),
}


def words_of(values):
    data = gated(**values)
    said = module._words(FOLDED | values, data)
    steady.check_said(said)
    return data, steady.plain(said.sentence), list(map(steady.plain, said.details))


def assert_fate(words, change):
    if words == "becomes exactly 0":
        assert np.isneginf(change)
    elif words == "keeps its size":
        assert abs(change) < np.log10(1.005)
    else:
        verb, fold = words.removesuffix("-fold").split()
        assert (verb == "grows") == (change > 0)
        size = steady.decades(fold)
        assert size == pytest.approx(abs(change), abs=0.51 if "^" in fold else 0.005)


@for_each("values", CASES)
def test_what_is_said_is_true_at_every_corner(values):
    data, sentence, details = words_of(values)
    g, plain, T, cell, index, bias, fate, way = SENTENCE.fullmatch(sentence).groups()
    assert (float(g), int(T), cell.lower(), float(bias)) == tuple(values[key] for key in ("g", "T", "cell", "bias"))
    assert index == {"lstm": "f", "gru": "z"}[values["cell"]]
    assert_fate(plain, data.plain[-1])
    assert_fate(fate, getattr(data, values["cell"])[-1])
    low, high = WAYS[way]
    assert low <= data.direct[-1] - data.through[-1] <= high
    arrives, ways, gate, law, _, last = details
    sizes = re.findall(rf"_1, {SIZE}[;.]", arrives)
    for words, decades in zip(sizes, curves(data).values(), strict=True):
        assert steady.decades(words) == pytest.approx(decades[-1], abs=0.2)
    state, direct, rest = re.fullmatch(rf"To ([ch])_1 of the {cell}: directly {SIZE}, the rest {SIZE}\.", ways).groups()
    assert state == {"lstm": "c", "gru": "h"}[values["cell"]]
    assert steady.decades(direct) == pytest.approx(data.direct[-1], abs=0.2)
    assert steady.decades(rest) == pytest.approx(data.through[-1], abs=0.2)
    kept, at_rest = map(
        float, re.search(r"keeps ([.\d]+) in a step in the median, and σ\(b_[fz]\) is ([.\d]+)\.", gate).groups()
    )
    assert kept == pytest.approx(np.median(data.gate.median), rel=1e-3)
    assert at_rest == pytest.approx(1 / (1 + np.exp(-values["bias"])), rel=1e-3)
    assert float(re.search(r"by ([.\d]+):", law)[1]) == pytest.approx(data.factor, rel=1e-3)
    assert ("no law holds" in law) == np.isnan(data.law[-1])
    if "no law" not in law:
        assert steady.decades(re.search(rf"by this law {SIZE} arrives", law)[1]) == pytest.approx(data.law[-1], abs=0.2)
    assert last == "Seed 0, 64 units, 64 inputs of size 0.1."


def test_presets_do_what_they_say():
    explorer = explorers.gated()
    data = {preset: shown(explorer, preset=preset)[0] for preset in module.PRESETS}
    assert abs(data["forget bias 5"].lstm[-1]) < 3
    assert data["as initialized"].lstm[-1] < data["as initialized"].plain[-1] - 5
    assert data["as initialized"].lstm[-1] + 10 < data["forget bias 1"].lstm[-1] < -3
    assert -0.5 < data["a long memory"].gru[-1] < 0 and data["a long memory"].plain[-1] < -30
    assert data["exploding"].lstm[-1] > 10 and data["exploding"].gru[-1] > 3


def test_the_axis_of_the_gate_counts_nines():
    assert [style.nines(count) for count in (1, 2, 5)] == ["0.9", "0.99", "0.99999"]
