"""The picture of a gradient check's report: what is drawn is what was given, and it can be read. Oracle: the data."""

import importlib
import io
import itertools

import numpy as np
import pytest
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from d2lbptt import backward, check_gradient, check_gradients, figures, init_params
from d2lbptt.checking import mistakes
from d2lbptt.checking.finding import Key
from d2lbptt.checking.report import Report, Row

module = importlib.import_module("d2lbptt.figures._errors")  # figures.errors is its function
T, UNITS = 6, 5


def row(parameter, index=(0, 0), t=None, ratio=0.1, blind=False):
    return Row(parameter, 1.0, index, t, 1.0, 1.0, 1e-15, ratio, 1e-15, blind)


def report(verdict="FAIL", changed=None, **options):
    """A report of two parameters, all errors half a tolerance but those in ``changed``, by (name, *index)."""
    ratios = {Key("W_hh", True): np.full((T, UNITS, UNITS), 0.5), Key("b_h", True): np.full((T, UNITS), 0.5)}
    ratios |= {Key("W_hh"): np.full((UNITS, UNITS), 0.5), Key("b_h"): np.full(UNITS, 0.5)}
    for (key, *index), value in (changed or {}).items():
        ratios[key][tuple(index)] = value
    rows = options.pop("rows", (row("W_hh", (1, 0), 3, 5e4), row("b_h", (0,))))
    return Report(verdict, rows, ratios=ratios, **options)


def cell(picture, band, unit, column, units=UNITS):
    """The colour of a cell of the heat map; the column "sum" is set apart."""
    image = picture.sums if column == "sum" else picture.steps
    rows = module.GAP // 2 + int((unit + 0.5) / units * module.BAND)
    return image.get_array()[band * (module.BAND + module.GAP) + rows, 0 if column == "sum" else column - 1]


def cells(picture, band):
    return {(u, t): tuple(cell(picture, band, u, t)) for u in range(UNITS) for t in (*range(1, T + 1), "sum")}


def texts(picture):
    return [text.get_text() for text in picture.ax.texts if text.get_text() and text.get_visible()]


def colour(level):
    return tuple(module.PALETTE[level])


WITHIN = colour(1)


def test_one_wrong_entry_colours_one_cell_of_its_unit_and_step():
    picture = figures.errors(report(changed={(Key("W_hh", True), 2, 1, 0): 5e4}, time_steps=(3,)))
    drawn = cells(picture, 0)
    assert drawn.pop((1, 3)) == colour(3)  # 10^3 to 10^6
    assert set(drawn.values()) | set(cells(picture, 1).values()) == {WITHIN}


def test_the_sum_has_a_column_of_its_own():
    drawn = cells(figures.errors(report(changed={(Key("b_h"), 4): 2e9})), 1)
    assert drawn.pop((4, "sum")) == colour(5)
    assert set(drawn.values()) == {WITHIN}


@for_each(
    ("ratio", "level"),
    [(0, 1), (1, 1), (1.01, 2), (999, 2), (1001, 3), (2e6, 4), (2e9, 5), (2e12, 6), (2e15, 7), (1e300, 7), (np.inf, 7)],
)
def test_colours_go_by_three_decades(ratio, level):
    picture = figures.errors(report(changed={(Key("b_h", True), 0, 0): ratio}))
    assert tuple(cell(picture, 1, 0, 1)) == colour(level)


def test_colours_become_darker_for_every_eye():
    lightness = module.PALETTE[1:, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) < -15)


def test_the_worst_entry_is_ringed_and_named():
    picture = figures.errors(report(changed={(Key("W_hh", True), 2, 1, 0): 5e4}, time_steps=(3,)))
    assert "◯ worst: W_hh[1, 0] at t = 3, 5·10⁴ times the tolerance" in texts(picture)
    for ring in picture.ring:
        (x,), (y,) = ring.get_data()
        assert x == 3 and y == pytest.approx(0.5 + (1.5 / UNITS - 0.5) * module.BAND / (module.BAND + module.GAP))


def test_in_the_sum_the_ring_stands_on_its_column():
    rows = (row("W_hh", (1, 0), None, np.inf), row("b_h", (0,)))
    picture = figures.errors(report(rows=rows))
    left, right, *_ = picture.sums.get_extent()
    assert left < picture.ring[0].get_xdata()[0] < right
    assert "◯ worst: W_hh[1, 0] in the sum, not finite" in texts(picture)
    assert left > T + 0.5


@for_each(("verdict", "words"), [("PASS", "every error is within"), ("BLIND", "hatched: an error of 1 %")])
def test_without_a_failure_nothing_is_ringed(verdict, words):
    picture = figures.errors(report(verdict))
    assert verdict in texts(picture) and any(words in text for text in texts(picture))
    assert not len(picture.ring[0].get_xdata())


def test_wrong_steps_are_marked_above():
    picture = figures.errors(report(time_steps=(2, 3, 6)))
    spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in picture.wrong.get_paths()]
    assert spans == [(1.5, 3.5), (5.5, 6.5)]


def test_what_is_blind_is_hatched_and_named():
    picture = figures.errors(report("BLIND", rows=(row("W_hh"), row("b_h", (0,), blind=True))))
    boxes = [path.get_extents() for path in picture.blind.get_paths()]
    assert picture.blind.get_hatch() and len(boxes) == 2  # over the steps and over the sum
    assert all(1 < box.y0 < box.y1 < 2 for box in boxes)
    assert texts(picture).count("blind") == 1 and texts(picture).count("✓") == 1
    assert repr(picture) == "BLIND; cannot be judged: b_h"


def test_each_parameter_has_its_mark():
    rows = (row("W_hh", (1, 0), 3, 5e4), row("b_h", (0,), None, 7.24), row("h0", (0,), 1, 0.9))
    full = report(rows=rows)
    full = full._replace(ratios={**full.ratios, Key("h0", True): np.zeros((T, UNITS)), Key("h0"): np.zeros(UNITS)})
    picture = figures.errors(full)
    assert [text for text in texts(picture) if text[0] in "✗✓"] == ["✗ 5·10⁴", "✗ 7.2", "✓"]
    assert repr(picture) == "FAIL; wrong: W_hh, b_h"


def problem(steps, units, batch=None):
    rng = np.random.default_rng(steps)
    lead = (steps,) if batch is None else (steps, batch)
    params = init_params(3, units, 2, bias=True, seed=1)
    return (params, rng.normal(size=(*lead, 3)), rng.normal(size=(*lead, 2))), {
        "h0": rng.normal(size=(*lead[1:], units)),
        "activation": "tanh",
    }


def of_mistake(name, steps, units=UNITS, batch=None, sums=False):
    arguments, options = problem(steps, units, batch)

    def contributions(trace, y):
        return mistakes.flawed(name, trace, y)

    def gradient(trace, y):
        return {name: rows.sum(0) for name, rows in contributions(trace, y).items()}

    return check_gradients(
        *arguments, **options, **({"gradient": gradient} if sums else {"contributions": contributions})
    )


def test_sums_alone_leave_the_steps_empty_and_say_so():
    picture = figures.errors(of_mistake("no slope", 8, sums=True))
    assert "only sums were given: no steps to compare" in texts(picture)
    assert (picture.steps.get_array() == module.PALETTE[0]).all()
    assert (picture.sums.get_array() != module.PALETTE[0]).any()


def test_sums_alone_do_not_know_how_long_the_sequence_is():
    found = of_mistake("window one short", 8, sums=True)
    assert found.time_steps == (1,)
    picture = figures.errors(found)
    assert "t = 1" in texts(picture)
    assert not len(picture.ax.get_xticks()) and not picture.wrong.get_visible()
    picture.show(found, T=8)
    assert list(picture.ax.get_xticks()) == list(range(1, 9)) and picture.wrong.get_visible()
    assert "t = 1" not in texts(picture)


def test_the_gradients_of_the_states_have_steps_and_no_sum():
    arguments, options = problem(8, UNITS)
    picture = figures.errors(check_gradients(*arguments, **options, gradient=backward))
    assert {"h$_t$", "o$_t$"} <= set(texts(picture))
    assert tuple(cell(picture, 6, 0, 4)) == WITHIN and tuple(cell(picture, 6, 0, "sum")) == colour(0)


def test_with_a_batch_the_rows_are_units_too():
    found = of_mistake("W_hh untransposed", 4, batch=3)
    picture = figures.errors(found)
    bands = {band.name: band for band in module._bands(found)}
    assert bands["h0"].steps.shape == (UNITS, 4) and bands["h0"].total.shape == (UNITS,)
    np.testing.assert_array_equal(bands["h0"].steps, found.ratios[Key("h0", True)].max(1).T)
    assert picture.ring[0].get_xdata()[0] > 0


@for_each("steps", [1, 2, 12, 13, 30, 100, 200, 999])
def test_first_and_last_step_are_labelled_and_labels_keep_apart(steps):
    picture = figures.errors(of_mistake("no 1/T", steps) if steps < 300 else of_mistake(None, steps))
    FigureCanvasAgg(picture.figure).draw()
    labels = picture.ax.get_xticklabels()
    assert (labels[0].get_text(), labels[-1].get_text()) == ("1", str(steps))
    boxes = [label.get_window_extent() for label in labels]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_one_wrong_step_among_thousands_is_still_seen():
    steps = 5000
    ratios = {Key("b_h", True): np.zeros((steps, UNITS)), Key("b_h"): np.zeros(UNITS)}
    ratios[Key("b_h", True)][3210, 2] = 1e5
    rows = (row("b_h", (2,), 3211, 1e5),)
    picture = figures.errors(Report("FAIL", rows, (3211,), ratios=ratios))
    image = picture.steps.get_array()
    assert image.shape[1] == module.COLUMNS
    assert (image == module.PALETTE[3]).all(-1).any(0).sum() == 1


@for_each("units", [1, 2, 7, 12, 64])
def test_every_unit_has_its_row(units):
    ratios = {Key("b_h", True): np.zeros((3, units)), Key("b_h"): np.zeros(units)}
    ratios[Key("b_h", True)][1, units // 2] = 1e5
    picture = figures.errors(Report("FAIL", (row("b_h", (units // 2,), 2, 1e5),), (2,), ratios=ratios))
    share = (picture.steps.get_array()[:, 1] == module.PALETTE[3]).all(-1).sum() / module.BAND
    assert share == pytest.approx(1 / min(units, module.BAND), abs=1 / module.BAND)


@pytest.mark.slow
@for_each("units", [2, 12])
@for_each("steps", [1, 5, 200])
@for_each("name", [None, "no 1/T", "window one short"])
def test_all_words_lie_in_the_figure_and_do_not_touch(name, steps, units):
    picture = figures.errors(of_mistake(name, steps, units))
    canvas = FigureCanvasAgg(picture.figure)
    canvas.draw()
    shown = [text for text in picture.ax.texts if text.get_text() and text.get_visible()]
    boxes = {text: text.get_window_extent() for text in shown}
    assert all(0 <= b.x0 and b.x1 <= 960 and 0 <= b.y0 and b.y1 <= 400 for b in boxes.values())
    for i, one in enumerate(shown):
        for other in shown[i + 1 :]:
            assert not boxes[one].overlaps(boxes[other]), (one.get_text(), other.get_text())


def test_a_notebook_shows_it_without_pyplot():
    image = Image.open(io.BytesIO(figures.errors(report())._repr_png_()))
    bundle, metadata = figures.errors(report())._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == bundle["text/plain"] == repr(figures.errors(report()))
    assert image.size == (960, 400)
    assert len(np.unique(np.asarray(image.convert("L")))) > 20


def test_update_leaves_nothing_of_the_report_before():
    picture, fresh = figures.errors(of_mistake("no slope", 30)), figures.errors(of_mistake(None, 5))
    picture.show(of_mistake(None, 5))
    assert picture._repr_png_() == fresh._repr_png_()


def test_a_report_without_steps_and_parameters_is_refused():
    of_a_function = check_gradient(lambda theta: np.sum(theta**2), np.ones(3), 2 * np.ones(3))
    with pytest.raises(ValueError, match="report is about theta, wanted a report of check_gradients"):
        figures.errors(of_a_function)
    theta = {"W_hh": np.ones((2, 2)), "W_xi": np.ones(2)}
    by_name = check_gradient(lambda theta: sum((a**2).sum() for a in theta.values()), theta, theta)
    with pytest.raises(ValueError, match="report is about W_xi, wanted a report of check_gradients"):
        figures.errors(by_name)
