"""The explorer of remedies: its picture and its sentence; the numbers behind both in test_remedies.

Oracle: the numbers that are given, or beside it; the sentence is taken apart and compared.
"""

import itertools
import re
import sys

import numpy as np
import pytest
from driving import shown
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from steady import at_rest, blank, check_said, check_texts, frames, plain

from d2lbptt import explorers, figures
from d2lbptt.experiments import remedies
from d2lbptt.figures._remedies import _RemediesPicture

module = sys.modules["d2lbptt.explorers._remedies"]
picture = sys.modules["d2lbptt.figures._remedies"]
NAMES = ("gaussian", "window", "orthogonal", "identity", "lstm")


# --- the picture ---


def by_name(data):
    return {name: getattr(data, name) for name in NAMES}


def drawn(found, names=None):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    shown = _RemediesPicture(figure).remedies
    shown.set_limits(*picture._limits(found))
    shown.update(found, names or {name: name for name in found})
    figure.canvas.draw()
    return shown


def test_lines_are_the_numbers_given_and_the_laws_are_dashed():
    found = by_name(remedies(T=60, tau=20))
    rows = drawn(found)._rows
    for name, remedy in found.items():
        k, decades = rows[name].line.get_data()
        np.testing.assert_array_equal(k, np.arange(60))
        alive = np.isfinite(remedy.decades)
        np.testing.assert_array_equal(decades[alive], remedy.decades[alive])
        law = rows[name].law.get_ydata()
        np.testing.assert_array_equal(law[np.isfinite(law)], remedy.law[np.isfinite(remedy.law)])
        assert rows[name].law.is_dashed()
    styles = {(str(row.line.get_linestyle()), row.line.get_color()) for row in rows.values()}
    assert len({s for s, _ in styles}) >= 2 and len({c for _, c in styles}) == 5
    patterns = {str(row.line._unscaled_dash_pattern) for row in rows.values()}
    assert len(patterns) == 5


def test_a_line_that_is_zero_falls_to_the_bottom_where_it_begins_to_be():
    decades = drawn(by_name(remedies(T=60, tau=20)))._rows["window"].line.get_ydata()
    assert np.isfinite(decades[:20]).all() and decades[20] < -1e5 and np.isnan(decades[21:]).all()


CASES = [
    dict(zip(("T", "g", "tau", "b_f", "input_size"), values, strict=True))
    for values in itertools.product((10, 200, 1000), (0.0, 0.8, 3.0), (1, 10), (-2.0, 5.0, 10.0), (0.1, 1.0))
]


@pytest.mark.slow
@for_each("narrow", [False, True])
@for_each("case", CASES[::5])
def test_every_text_is_inside_and_none_covers_another(case, narrow):
    whole = blank(_RemediesPicture, narrow=narrow)
    at_rest(whole, remedies(**case))
    check_texts(whole)


@for_each("narrow", [False, True])
def test_nothing_but_the_lines_moves_while_a_slider_is_dragged(narrow):
    whole = blank(_RemediesPicture, narrow=narrow)

    def still():
        return frames(whole), [text.get_position() for row in rows for text in (row.words, row.number)]

    rows = whole.remedies._rows.values()
    at_rest(whole, remedies())
    before = still()
    changes = [{"g": g} for g in (0.0, 1.0, 1.5, 3.0)] + [{"T": T} for T in (30, 205, 1000)]
    for change in [*changes, {"b_f": 10.0}, {"b_f": 1.0}, {"tau": 1}, {"tau": 200}]:
        whole.update(remedies(**change))
        assert still() == before


def test_limits_show_every_line_and_go_in_few_steps():
    whole = blank(_RemediesPicture)
    found = {}
    for g in np.linspace(0, 3, 31):
        data = remedies(g=g)
        steps, low, high = found[g] = whole.limits(data)
        ends = np.concatenate([r.decades for r in by_name(data).values()])
        assert steps > 200 and ends[np.isfinite(ends)].min() > -low and ends.max() < high
    for each in zip(*found.values(), strict=True):
        assert len(set(each)) <= 4 and np.count_nonzero(np.diff(each)) <= 5


def test_a_name_stands_behind_a_sample_of_its_line_and_before_its_number():
    found = by_name(remedies(T=60, tau=20))
    shown = drawn({name: found[name] for name in NAMES if name != "window"})
    for key, row in shown._rows.items():
        sample, visible = row._name.sample, key != "window"
        assert (sample.get_color(), sample._unscaled_dash_pattern) == (
            row.line.get_color(),
            row.line._unscaled_dash_pattern,
        )
        assert {artist.get_visible() for artist in (*row.artists, sample)} == {visible}
        if visible:
            name, number = row.words.get_window_extent(), row.number.get_window_extent()
            end = sample.get_transform().transform(sample.get_xydata())[1]
            assert 0 < name.x0 - end[0] < 15 and name.y0 < end[1] < name.y1
            assert number.y1 <= name.y0 + 4 and abs(number.x0 - name.x0) < 5 and name.y0 - number.y1 < 15


def test_the_function_draws_on_the_axes_and_returns_them():
    ax = Figure().add_axes((0.1, 0.1, 0.5, 0.8))
    assert figures.remedies(ax, by_name(remedies(T=20, tau=5))) is ax


@for_each(
    ("decades", "words"),
    [(-np.inf, "exactly 0"), (0.0, "1"), (-0.6, "0.25"), (-21.4, "4·10⁻²²"), (134.2, "2·10¹³⁴"), (-8.01, "1·10⁻⁸")],
)
def test_sizes_in_few_characters(decades, words):
    assert picture._size(decades) == words


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.remedies()


FATE = r"(becomes exactly 0|keeps its size|(?:shrinks|grows) (?:10\^)?[0-9.]+-fold)"
SENTENCE = re.compile(
    rf"At g = (\d\.\d\d) the gradient {FATE} over T = (\d+) steps; "
    r"the window τ = (\d+) (keeps everything|cuts it off); "
    rf"in the LSTM with b_f = (-?\d+\.\d) it {FATE}\."
)


def assert_true(fate, decades):
    """Compare words such as "shrinks 10^14-fold" with a change by so many decades."""
    if np.isneginf(decades):
        assert fate == "becomes exactly 0"
    elif abs(decades) < np.log10(1.005):
        assert fate == "keeps its size"
    else:
        assert fate.startswith("shrinks" if decades < 0 else "grows")
        power, number = re.search(r"(10\^)?([0-9.]+)-fold", fate).groups()
        size, off = (float(number), 0.51) if power else (np.log10(float(number)), 0.01)
        assert size == pytest.approx(abs(decades), abs=off)


def said_size(words):
    """The decades of a number as the details write it."""
    if words == "exactly 0":
        return -np.inf
    number, _, power = words.partition("10^")
    return np.log10(float(number.strip(" ·") or 1)) + float(power or 0)


@for_each("case", CASES)
def test_what_is_said_is_short_and_true_at_every_corner(case):
    data, T, tau = remedies(**case), case["T"], case["tau"]
    said = module._words({"seed": 0, "units": 64, "inputs": 64, **case}, data)
    check_said(said)
    g, patient, *sizes, window, bias, lstm = SENTENCE.fullmatch(plain(said.sentence)).groups()
    assert (float(g), float(bias), *map(int, sizes)) == (case["g"], case["b_f"], T, tau)
    assert (window == "keeps everything") == (tau == T)
    assert_true(patient, data.gaussian.decades[-1])
    assert_true(lstm, data.lstm.decades[-1])
    first, second, *others, last = map(plain, said.details)
    assert f"exactly 0 from h_{T - tau} back" in second or (tau == T and "everything arrives" in second)
    assert np.isneginf(data.window.decades[tau:]).all()
    assert case["g"] == 0 or np.isfinite(data.window.decades[:tau]).all()
    for line, remedy in zip((first, *others), (data.gaussian, data.orthogonal, data.identity, data.lstm), strict=True):
        end, law = re.search(r": ([^:]+) \((.*)\)\.$", line).groups()
        assert end == "exactly 0" if np.isneginf(remedy.decades[-1]) else abs(said_size(end) - remedy.decades[-1]) < 0.2
        if np.isnan(remedy.law[-1]):
            assert law == "no law holds"
        else:
            told = said_size(re.search(r"(exactly 0|[0-9.]+( · 10\^-?\d+)?|10\^-?\d+)$", law)[0])
            assert remedy.name in law and (told == remedy.law[-1] or abs(told - remedy.law[-1]) < 0.2)
    assert last == f"Seed 0, 64 units, 64 inputs of size {case['input_size']:g}."


def test_presets_do_what_they_say(explorer):
    ends = {"vanishing": ("gaussian", -np.inf, -3), "exploding": ("gaussian", 3, np.inf)}
    ends |= {"1000 steps": ("lstm", -4, 4), "no forget bias": ("lstm", -np.inf, -20)}
    assert list(module.PRESETS) == list(ends)
    for preset, (key, low, high) in ends.items():
        data, _ = shown(explorer, preset=preset)
        assert low < getattr(data, key).decades[-1] < high


def test_tau_stays_within_T(explorer):
    shown(explorer, T=12)
    assert explorer.controls["tau"].value == explorer.controls["tau"].max == 12
