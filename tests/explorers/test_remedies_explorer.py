"""The explorer of remedies: its picture and its sentence; the numbers behind both in test_remedies.

Oracle: the numbers that are given, or beside it; the sentence is taken apart and compared.
"""

import itertools
import re
import sys

import numpy as np
import pytest
from driving import shown
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from d2lbptt import explorers, figures
from d2lbptt.experiments import Remedy, remedies
from d2lbptt.figures._remedies import _RemediesPicture

module = sys.modules["d2lbptt.explorers._remedies"]
picture = sys.modules["d2lbptt.figures._remedies"]
NAMES = ("gaussian", "window", "orthogonal", "identity", "gated")


# --- the picture ---


def by_name(data):
    return {name: getattr(data, name) for name in NAMES}


def drawn(found, names=None):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    shown = _RemediesPicture(figure).remedies
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
    for values in itertools.product((10, 200, 1000), (0.0, 0.8, 3.0), (1, 10), (-10.0, -5.0, 2.0), (0.1, 1.0))
]


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: "-".join(map(str, case.values())))
def test_names_stand_in_the_figure_and_apart(case):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    whole = _RemediesPicture(figure)
    whole.update(remedies(**case))
    figure.canvas.draw()
    shown = whole.remedies
    texts = [text for row in shown._rows.values() for text in (row.name, row.number)]
    boxes = [text.get_window_extent() for text in texts]
    boxes.append(next(text for text in shown.ax.texts if text.get_text() == "dashed: the law").get_window_extent())
    frame = shown.ax.figure.bbox
    for box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    for a, b in itertools.combinations(boxes, 2):
        assert not a.padded(-2).overlaps(b.padded(-2))


def test_names_stand_in_the_order_of_the_ends():
    def straight(rate):
        return Remedy(rate * np.arange(50.0), rate * np.arange(50.0), "a law")

    rates = {"gaussian": -0.5, "orthogonal": 0.3, "identity": 0.0, "gated": -0.1}
    rows = drawn({name: straight(rate) for name, rate in rates.items()})._rows
    heights = {name: rows[name].name.get_position()[1] for name in rates}
    assert sorted(heights, key=heights.get) == sorted(rates, key=rates.get)
    assert not rows["window"].line.get_visible() and not rows["window"].name.get_visible()


def test_the_function_draws_on_the_axes_and_returns_them():
    ax = Figure().add_axes((0.1, 0.1, 0.5, 0.8))
    assert figures.remedies(ax, by_name(remedies(T=20, tau=5))) is ax


@pytest.mark.parametrize(
    ("decades", "words"),
    [(-np.inf, "exactly 0"), (0.0, "1"), (-0.6, "0.25"), (-21.4, "4·10⁻²²"), (134.2, "2·10¹³⁴"), (-8.01, "1·10⁻⁸")],
)
def test_sizes_in_few_characters(decades, words):
    assert picture._size(decades) == words


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.remedies()


SENTENCE = re.compile(
    r"Of \|dL/dh_(\d+)\| there is left at h_1: gaussian W_hh (?P<gaussian>.*), orthogonal W_hh (?P<orthogonal>.*), "
    r"identity with relu (?P<identity>.*), gated cell (?P<gated>.*); "
    r"the window τ = (\d+) (keeps everything|leaves exactly 0 from h_(\d+) back)\."
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_the_sentence_is_true_at_every_corner(case):
    data, T = remedies(**case), case["T"]
    found = SENTENCE.fullmatch(module._words(case, data))
    assert found and (int(found[1]), int(found[6])) == (T, case["tau"])
    assert found[8] is None if case["tau"] == T else int(found[8]) == T - case["tau"]
    assert np.isneginf(data.window.decades[case["tau"] :]).all()
    assert case["g"] == 0 or np.isfinite(data.window.decades[: case["tau"]]).all()
    for key in ("gaussian", "orthogonal", "identity", "gated"):
        size, end = found[key], getattr(data, key).decades[-1]
        if np.isneginf(end):
            assert size == "exactly 0"
        else:
            said = float(size[3:]) if size.startswith("10^") else np.log10(float(size))
            assert said == pytest.approx(end, abs=0.51 if size.startswith("10^") else 0.03)


def test_presets_do_what_they_say(explorer):
    ends = {"vanishing": ("gaussian", -np.inf, -3), "exploding": ("gaussian", 3, np.inf)}
    ends |= {"1000 steps": ("gated", -1, 1), "an open gate": ("gated", -np.inf, -3)}
    assert list(module.PRESETS) == list(ends)
    for preset, (key, low, high) in ends.items():
        data, _ = shown(explorer, preset=preset)
        assert low < getattr(data, key).decades[-1] < high


def test_tau_stays_within_T(explorer):
    shown(explorer, T=12)
    assert explorer.controls["tau"].value == explorer.controls["tau"].max == 12
