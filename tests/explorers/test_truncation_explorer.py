"""The explorer of truncation: the numbers of its sentence, and its picture.

Oracles: pairs (t, k) counted one by one; the experiment, which is tested beside this.
"""

import itertools
import re

import driving
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from schemes import CASES, START, kept_pairs, options

from d2lbptt import explorers, figures, init_params
from d2lbptt.figures._truncation import _TruncationPicture

PART = re.compile(
    r"T = (\d+)(, loss at the last step)?, "
    r"(?:full gradient|window τ = \d+|chunks of τ = \d+|randomized, .*, draw \d+): "
    r"(\d+) of (\d+) cells? dropped\. (.*)"
)


@pytest.fixture(scope="module")
def explorer():
    return explorers.truncation()


def shown(explorer, **values):
    return driving.shown(explorer, **START | values)


@pytest.mark.parametrize("values", CASES, ids=str)
def test_every_number_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    how, _ = options(**values)
    T, last = data.T, values["reduction"] == "last"
    pairs = kept_pairs(T, how, last)
    total = T if last else T * (T + 1) // 2
    found = PART.fullmatch(sentence)
    assert found, sentence
    assert bool(found[2]) == last
    assert (int(found[1]), int(found[3]), int(found[4])) == (T, total - len(pairs), total)
    if data.draws is None and data.dropped:
        percent = re.search(r"They are the error: (\S+) % of the gradient \(cosine (\S+)\);", sentence)
        assert float(percent[1]) == pytest.approx(100 * data.error, rel=6e-3)
        assert float(percent[2]) == pytest.approx(data.cosine, abs=6e-5)
    if data.draws is not None:
        words = re.search(
            r"Of 100 draws .* is (\S+) on average, spread (\S+); theory: 1 and (\S+?)(?: \(what .*)?\.$", sentence
        )
        want = data.draws.along.mean(), data.draws.along.std(), data.draws.spread
        assert [float(word) for word in words.groups()] == pytest.approx(want, rel=6e-3, abs=1e-12)


def test_what_is_too_rare_to_be_drawn_is_said(explorer):
    heavy = {"scheme": "randomized", "activation": "identity", "kind": "identity", "units": 1, "g": 0.9, "T": 60}
    data, sentence = shown(explorer, **heavy, pi=0.5)  # w^2 > pi: the variance grows without bound
    assert data.draws.spread > 100 * data.draws.along.std()
    assert "draws too rare to be among these" in sentence
    data, sentence = shown(explorer, **heavy, pi=0.95)
    assert "too rare" not in sentence


def test_what_overflows_is_shown_for_a_T_that_does_not(explorer):
    big = {"units": 1, "kind": "gaussian", "activation": "identity", "g": 3.0, "T": 200, "tau": 7}
    seeds = [s for s in range(100) if abs(init_params(1, 1, 1, scale=3.0, seed=s).W_hh.item()) > 6.5]  # 6.5^400 > 1e308
    assert seeds
    for scheme in ("full", "window", "randomized"):
        data, sentence = shown(explorer, **big, scheme=scheme, seed=seeds[0])
        assert 150 < data.T < 200 and "overflows float64" in sentence and f"so T = {data.T} is shown. T = " in sentence
        assert np.isfinite([data.error, data.cosine]).all() and np.isfinite(data.network.full).all()


def test_a_gradient_that_is_zero_has_nothing_to_lose(explorer):
    """One unit with relu, no recurrence and a negative weight of the input is never active."""
    seeds = [s for s in range(100) if init_params(1, 1, 1, seed=s).W_hx.item() < 0]
    for scheme in ("full", "window", "randomized"):
        data, sentence = shown(explorer, units=1, activation="relu", g=0.0, T=1, scheme=scheme, seed=seeds[0])
        assert not data.network.full.any()
        assert sentence == "T = 1: dL/dW_hh is exactly 0 here, so there is nothing to throw away."


def test_without_recurrence_nothing_is_lost(explorer):
    for scheme in ("window", "chunks"):
        data, sentence = shown(explorer, g=0.0, scheme=scheme)
        assert data.dropped and "What they hold is 0 to rounding" in sentence and data.law == 0


def test_sliders_without_effect_are_disabled(explorer):
    for scheme, active in {"full": "", "window": "tau", "chunks": "tau", "randomized": "pi draw"}.items():
        shown(explorer, scheme=scheme)
        for name in ("tau", "pi", "draw"):
            assert explorer.controls[name].disabled == (name not in active.split())


def test_presets_and_back_again():
    moved, fresh = explorers.truncation(), explorers.truncation()
    for preset in ("one linear unit", "chaos"):
        moved.controls["preset"].value = preset
        assert moved.error is None
    assert moved.state["data"].law > 0.9 and moved.state["data"].error > 0.9  # chaos: the window keeps next to nothing
    moved.controls["scheme"].value = "randomized"
    moved.reset()
    assert moved._png == fresh._png and moved.state["sentence"] == fresh.state["sentence"]


# --- the picture ---


@pytest.fixture(scope="module")
def drawn(explorer):
    return lambda **values: draw(explorer, **values)


def draw(explorer, **values):
    """A picture of its own, and what it shows."""
    figure = Figure(figsize=(9.6, 4.4), dpi=100)
    FigureCanvasAgg(figure)
    picture = _TruncationPicture(figure)
    data, _ = shown(explorer, **values)
    picture.update(data)
    figure.canvas.draw()
    return picture, data


@pytest.mark.parametrize("values", [v for v in CASES if v["reduction"] == "mean"], ids=str)
def test_the_hatched_cells_are_the_dropped_ones_and_colours_are_their_decades(drawn, values):
    picture, data = drawn(**values)
    table, T = picture.table, data.T
    t, k = np.mgrid[1 : T + 1, 1 : T + 1]
    inside = table.struck.get_path().contains_points(np.column_stack([k.ravel(), t.ravel()])).reshape(T, T)
    how, _ = options(**values)
    pairs = kept_pairs(T, how, last=False)
    want = np.array([[k <= t and (t, k) not in pairs for k in range(1, T + 1)] for t in range(1, T + 1)])
    np.testing.assert_array_equal(inside, want)
    colours = table.cells.get_array()
    assert np.array_equal(np.ma.getmaskarray(colours), k > t)
    weight = np.where(want, 1, np.where(data.weights > 0, data.weights, 1))
    np.testing.assert_allclose(10 ** colours[k <= t], (data.network.table.norms * weight)[k <= t], rtol=1e-9)
    assert f"{data.dropped} of {data.all}" in table.words.get_text()


def test_a_loss_at_the_last_step_alone_has_one_row(drawn):
    picture, data = drawn(reduction="last")
    table = picture.table
    assert table.ax.get_ylim() == (30.5, 28.5) and list(table.ax.get_yticks()) == [30]  # the key above, the row below
    assert table.cells.get_array().shape == (1, 30) and list(table.cells.get_extent()) == [0.5, 30.5, 30.5, 29.5]
    assert table.struck.get_path().get_extents().extents.tolist() == [0.5, 29.5, data.first[-1] - 0.5, 30.5]


def test_the_weights_of_a_loss_at_the_last_step_are_those_of_its_cells(explorer):
    data, sentence = shown(explorer, scheme="randomized", reduction="last", T=200)
    heaviest = START["pi"] ** -float(200 - data.first[-1])
    assert data.weights.max() == pytest.approx(heaviest)
    assert f"weigh up to {heaviest:.3g}," in sentence


def test_the_draw_that_is_shown_is_marked_among_all(drawn):
    picture, data = drawn(scheme="randomized", draw=7)
    x, y = (10**v for v in picture.curves.this.get_data())
    assert (x, y) == (pytest.approx([data.draws.reach[7]]), pytest.approx([data.error]))
    assert picture.share.this.get_xdata() == pytest.approx([data.along])
    assert data.draws.along[7] == pytest.approx(data.along)
    picture, _ = drawn(scheme="window")
    assert not len(picture.curves.this.get_xdata()) and not len(picture.share.this.get_xdata())


def test_theory_beyond_the_axis_ends_in_arrows_not_in_caps(drawn):
    share = drawn(scheme="randomized", pi=0.05)[0].share
    assert not len(share.ends.get_xdata()) and [list(a.get_xdata()) for a in share.beyond] == [[2.6], [-0.6]]
    share = drawn(scheme="randomized", pi=0.9)[0].share
    assert len(share.ends.get_xdata()) == 2 and not any(len(a.get_xdata()) for a in share.beyond)


def texts(picture):
    return [t for ax in picture.figure.axes for t in ax.texts if t.get_text() and t.get_visible()]


LOOKS = [
    *(
        {"scheme": s, "T": T, "tau": max(1, T // 5)}
        for s in ("window", "chunks", "randomized", "full")
        for T in (60, 200)
    ),
    {"scheme": "randomized", "pi": 0.05},
    {"scheme": "randomized", "g": 3.0, "kind": "gaussian", "units": 16, "T": 60, "pi": 0.95},
    {"scheme": "window", "g": 0.1},
    {"scheme": "window", "g": 0.0},
    {"scheme": "window", "g": 3.0, "activation": "identity", "T": 200},
]


@pytest.mark.parametrize("values", LOOKS, ids=str)
def test_names_stand_clear_of_curves_points_and_one_another(drawn, values):
    picture, _ = drawn(**values)
    curves = picture.curves
    names = [label for label in curves.labels.values() if label.get_visible()]
    boxes = [name.get_window_extent() for name in names]
    frame = curves.ax.get_window_extent().padded(3)
    for box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    shown_lines = [line for line in (*curves.lines.values(), curves.theory) if line.get_visible()]
    for box, line in itertools.product(boxes, shown_lines):
        xy = line.get_transform().transform(line.get_xydata())
        assert not len(xy) or not box.padded(-3).count_contains(xy)


def test_a_curve_that_is_not_in_sight_has_no_name(drawn):
    picture, _ = drawn(g=0.0)
    assert not any(label.get_visible() for label in picture.curves.labels.values())


@pytest.mark.parametrize("values", LOOKS, ids=str)
def test_texts_stand_inside_the_picture(drawn, values):
    picture, _ = drawn(**values)
    whole = picture.figure.bbox
    for text in texts(picture):
        box = text.get_window_extent()
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, text.get_text()


def test_components_are_drawn_where_they_are_and_those_beyond_are_counted(drawn):
    picture, data = drawn(scheme="randomized", pi=0.6, activation="identity", kind="identity", units=1, g=0.9, T=60)
    low, high = picture.share.ax.get_xlim()
    beyond = np.sum(data.draws.along > high)
    assert beyond and f"{beyond} more →" in [t.get_text() for t in texts(picture)]
    seen = data.draws.along[(data.draws.along > low) & (data.draws.along < high)]
    np.testing.assert_allclose(picture.share.draws.get_xdata(), seen)
    picture, data = drawn(scheme="window")
    assert picture.share.point.get_xdata() == pytest.approx([data.along])
    assert picture.share.theory.get_xdata() == pytest.approx([1 - data.law] * 2)


def test_the_function_draws_a_table():
    figure = Figure()
    ax = figure.add_subplot()
    sizes = np.where(np.tri(4), 0.1, np.nan)
    assert figures.pair_table(ax, sizes, [1, 1, 2, 3]) is ax
    FigureCanvasAgg(figure).draw()
    np.testing.assert_allclose(ax.images[0].get_array().compressed(), -1)
