"""The explorer of truncation: the numbers of its sentence, and its picture.

Oracles: pairs (t, k) counted one by one; the experiment, which is tested beside this.
"""

import re

import driving
import numpy as np
import pytest
import steady
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from schemes import CASES, START, kept_pairs, options

from d2lbptt import experiments, explorers, figures, init_params
from d2lbptt.explorers._truncation import _words
from d2lbptt.figures import _paper as paper
from d2lbptt.figures._truncation import LOWEST, _TruncationPicture
from d2lbptt.gates import SCHEMES

PART = re.compile(
    r"(?:Full BPTT, without a window of τ = \d+,|A window of τ = \d+|Cutting into chunks of τ = \d+|"
    r"An update every k_1 = \d+ steps, back over k_2 = τ = \d+,|"
    r"Draw \d+ at π = \S+) drops (nothing|\d+ of \d+ cells) \(T = (\d+), g = \S+\)(.*)"
)


@pytest.fixture(scope="module")
def explorer():
    return explorers.truncation()


def shown(explorer, **values):
    """Return the data of these settings, the sentence, and the details, without the marks of mathematics."""
    values = START | values
    data, _ = driving.shown(explorer, **values | {"k1": min(values["k1"], values["tau"])})
    said = _words(explorer.state["controls"], data)
    return data, steady.plain(said.sentence), steady.plain(" ".join(said.details))


@pytest.mark.slow
@for_each("values", CASES)
def test_every_number_that_is_said(explorer, values):
    data, sentence, details = shown(explorer, **values)
    how, _ = options(**values)
    T, last = data.T, values["reduction"] == "last"
    pairs = kept_pairs(T, how, last)
    total = T if last else T * (T + 1) // 2
    cells, length, rest = PART.fullmatch(sentence).groups()
    assert int(length) == T and ("loss at the last step" in details) == last
    assert cells == (f"{total - len(pairs)} of {total} cells" if len(pairs) < total else "nothing")
    if data.dropped:
        percent = re.search(r"off by (\S+) %", rest)
        assert float(percent[1]) == pytest.approx(100 * data.error, rel=6e-3)
    if data.draws is None and data.dropped:
        cosine = re.search(r"cosine .* is (\S+)\. ", details)
        assert float(cosine[1]) == pytest.approx(data.cosine, abs=6e-5)
    if data.draws is not None:
        mean = re.search(r"is (\S+) on average over 100 draws; theory: 1\.", details)
        spread = re.search(r"spread is (\S+); theory \(dashed\): (\S+)\.(?: |$)", details)
        want = data.draws.along.mean(), data.draws.along.std(), data.draws.spread
        assert [float(word) for word in (mean[1], *spread.groups())] == pytest.approx(want, rel=6e-3, abs=1e-12)
        assert not data.dropped or f"component averages {mean[1]}." in rest


def test_what_is_too_rare_to_be_drawn_is_said(explorer):
    heavy = {"scheme": "randomized", "activation": "identity", "kind": "identity", "units": 1, "g": 0.9, "T": 60}
    data, _, details = shown(explorer, **heavy, pi=0.5)  # w^2 > pi: the variance grows without bound
    assert data.draws.spread > 100 * data.draws.along.std()
    assert "draws too rare to be among these" in details
    assert "too rare" not in shown(explorer, **heavy, pi=0.95)[2]


def test_what_overflows_is_shown_for_a_T_that_does_not(explorer):
    big = {"units": 1, "kind": "gaussian", "activation": "identity", "g": 3.0, "T": 200, "tau": 7}
    seeds = [s for s in range(100) if abs(init_params(1, 1, 1, scale=3.0, seed=s).W_hh.item()) > 6.5]  # 6.5^400 > 1e308
    assert seeds
    for scheme in ("full", "window", "tbptt", "randomized"):
        data, sentence, details = shown(explorer, **big, scheme=scheme, seed=seeds[0])
        assert 150 < data.T < 200 and "overflows float64" in details and f"so T = {data.T} is shown." in details
        assert f"(T = {data.T}, g = 3.00)" in sentence and "T = 200 is too long" in details
        assert np.isfinite([data.error, data.cosine]).all() and np.isfinite(data.network.full).all()


def test_a_gradient_that_is_zero_has_nothing_to_lose(explorer):
    """One unit with relu, no recurrence and a negative weight of the input is never active."""
    seeds = [s for s in range(100) if init_params(1, 1, 1, seed=s).W_hx.item() < 0]
    dead = {"units": 1, "activation": "relu", "g": 0.0, "T": 1, "tau": 1, "k1": 1, "seed": seeds[0]}
    for scheme in SCHEMES:
        data, sentence, _ = shown(explorer, **dead, scheme=scheme)
        assert not data.network.full.any()
        assert sentence.startswith("∂L/∂W_hh is exactly 0 (T = 1, g = 0.00), so ")
        assert sentence.endswith("has nothing to throw away.")


def test_without_recurrence_nothing_is_lost(explorer):
    for scheme in ("window", "chunks", "tbptt"):
        data, sentence, _ = shown(explorer, g=0.0, scheme=scheme)
        assert data.dropped and "what they hold is 0 to rounding" in sentence and data.law == 0


def test_sliders_without_effect_are_disabled(explorer):
    active = {"full": "", "window": "tau", "chunks": "tau", "tbptt": "tau k1", "randomized": "pi draw"}
    for scheme in SCHEMES:
        shown(explorer, scheme=scheme)
        for name in ("tau", "k1", "pi", "draw"):
            assert explorer.controls[name].disabled == (name not in active[scheme].split())


def test_k1_stays_within_tau_and_tau_within_T():
    moved = explorers.truncation()
    T, tau, k1 = (moved.controls[name] for name in ("T", "tau", "k1"))
    for scheme in SCHEMES:
        moved.reset()
        moved.set(scheme=scheme, T=60, tau=20, k1=15)
        for length, longest, every in ((60, 20, 15), (8, 8, 8), (1, 1, 1), (60, 20, 15)):
            T.value = length
            assert (tau.value, tau.max, k1.value, k1.max) == (longest, length, every, longest)
        tau.value = 6
        assert (k1.value, k1.max) == (6, 6)
        tau.value = 20
        assert (k1.value, k1.max) == (15, 20) and moved.error is None
    with pytest.raises(ValueError, match="k1 is 21, wanted a whole number from 1 to 20"):
        moved.set(k1=21)


def test_what_k1_and_k2_are_is_said(explorer):
    _, sentence, details = shown(explorer, scheme="tbptt", tau=9, k1=4)
    assert sentence.startswith("An update every k_1 = 4 steps, back over k_2 = τ = 9, drops ")
    assert "k_1" not in details and "k_1 = 4" in shown(explorer, scheme="window", k1=4)[2]


def test_presets_and_back_again():
    moved, fresh = explorers.truncation(), explorers.truncation()
    for preset in ("one linear unit", "chaos"):
        moved.controls["preset"].value = preset
        assert moved.error is None
    assert moved.state["data"].law > 0.9 and moved.state["data"].error > 0.9  # chaos: the window keeps next to nothing
    moved.controls["scheme"].value = "randomized"
    moved.reset()
    assert driving.check(moved) == driving.check(fresh) and moved.state["sentence"] == fresh.state["sentence"]


# --- the picture ---


@pytest.fixture(scope="module")
def drawn(explorer):
    return lambda **values: draw(explorer, **values)


def draw(explorer, **values):
    """A picture of its own, and what it shows."""
    picture = paper.picture(_TruncationPicture, 9.6, 4.4)
    data = shown(explorer, **values)[0]
    picture.set_limits(*picture.limits(data))
    picture.update(data)
    FigureCanvasAgg(picture.figure).draw()
    return picture, data


@pytest.mark.slow
@for_each("values", [v for v in CASES if v["reduction"] == "mean"])
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
    assert table.ax.get_ylim() == (1.5, -0.5)  # the key above, the row below
    assert [tick.get_text() for tick in table.ax.get_yticklabels()] == ["T"]
    assert table.cells.get_array().shape == (1, 30) and list(table.cells.get_extent()) == [0.5, 30.5, 1.5, 0.5]
    assert table.struck.get_path().get_extents().extents.tolist() == [0.5, 0.5, data.first[-1] - 0.5, 1.5]


def test_until_the_axes_follow_the_one_row_stands_in_its_place(drawn):
    picture, data = drawn(T=20)
    one = experiments.truncation(T=20, reduction="last")
    picture.update(one)
    seen = picture.table.cells.get_array()
    assert seen.shape == (20, 20) and (seen[:-1].compressed() == LOWEST).all() and seen[-1].min() > LOWEST
    picture.set_limits(*picture.limits(one))
    picture.update(data)
    np.testing.assert_array_equal(picture.table.cells.get_array(), np.ma.log10(data.network.table.norms[-1:]))


def test_the_weights_of_a_loss_at_the_last_step_are_those_of_its_cells(explorer):
    data, _, details = shown(explorer, scheme="randomized", reduction="last", T=200)
    heaviest = START["pi"] ** -float(200 - data.first[-1])
    assert data.weights.max() == pytest.approx(heaviest)
    assert f"up to {heaviest:.3g}." in details


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


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def arranged(request):
    found = paper.picture(_TruncationPicture, 9.6, 4.4)
    found.arrange(not request.param)
    found.arrange(request.param)  # back and forth
    return found


LOOKS = [
    *({"scheme": s, "T": 60, "tau": 12} for s in SCHEMES),
    {"T": 200, "tau": 100},
    {"T": 1, "tau": 1},
    {"scheme": "tbptt", "T": 200, "tau": 100, "k1": 100},
    {"scheme": "randomized", "T": 200, "pi": 0.95, "draw": 99},
    {"scheme": "randomized", "pi": 0.05},
    {"scheme": "randomized", "g": 3.0, "kind": "gaussian", "units": 16, "T": 60, "pi": 0.95},
    {"scheme": "randomized", "g": 0.0, "draw": 99},
    {"scheme": "window", "g": 0.1},
    {"scheme": "window", "g": 0.0},
    {"scheme": "window", "g": 3.0, "activation": "identity", "T": 200},
    {"reduction": "last"},
]


@pytest.mark.slow
def test_texts_are_inside_and_apart(arranged):
    steady.check_rested(arranged, [experiments.truncation(**values) for values in LOOKS])


MOVES = {
    "tau": ({}, (1, 2, 5, 10, 30, 60)),
    "T": ({}, (60, 10, 1, 30, 100, 200)),
    "g": ({"scheme": "chunks"}, (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)),
    "k1": ({"scheme": "tbptt", "tau": 40}, (1, 2, 5, 10, 20, 40)),
    "pi": ({"scheme": "randomized"}, (0.05, 0.3, 0.6, 0.9, 0.99, 1.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOVES)
def test_axes_and_texts_are_steady_while_a_slider_moves(arranged, name):
    start, values = MOVES[name]
    results = [experiments.truncation(**{"tau": 1} | start | {name: value}) for value in values]
    steady.check_steady(arranged, results)


@for_each(("T", "room"), [(1, 10), (10, 10), (60, 60), (61, 80), (200, 200)])
def test_there_is_room_for_a_few_lengths(drawn, T, room):
    picture, _ = drawn(T=T, tau=1)
    assert picture.table.ax.get_xlim() == (0.5, room + 0.5) and picture.table.cells.get_extent()[1] == T + 0.5


def test_the_rows_above_the_curves_name_them_by_their_look(drawn):
    for scheme in ("window", "chunks", "tbptt", "randomized"):
        curves = drawn(scheme=scheme)[0].curves
        names = [text.get_text() for text in curves.ax.texts]
        assert names == ["window", "chunks", "k₁, k₂", "randomized", "theory"]
        assert list(curves.lines) == ["window", "chunks", "tbptt", "randomized"]
        dashes = [str(sample._unscaled_dash_pattern) for sample in curves.samples.values()]
        assert (
            dashes == [str(curve._unscaled_dash_pattern) for curve in curves.lines.values()] and len(set(dashes)) == 4
        )
        assert [name for name, sample in curves.samples.items() if sample.get_linewidth() > 2] == [scheme]


def test_the_same_cells_are_the_same_array(explorer):
    """So that a front end may keep the picture of them while tau moves."""
    picture = paper.picture(_TruncationPicture, 9.6, 4.4)
    seen = []
    for tau in (3, 9):
        picture.update(experiments.truncation(T=20, tau=tau))
        seen.append(picture.table.cells.get_array())
    assert seen[0] is seen[1]


def test_an_error_below_the_axis_is_an_arrow(drawn):
    assert drawn(tau=30)[0].curves.point.get_marker() == "v" and drawn(tau=1)[0].curves.point.get_marker() == "o"


def test_components_are_drawn_where_they_are_and_those_beyond_are_counted(drawn):
    picture, data = drawn(scheme="randomized", pi=0.6, activation="identity", kind="identity", units=1, g=0.9, T=60)
    low, high = picture.share.ax.get_xlim()
    beyond = np.sum(data.draws.along > high)
    assert beyond and f"{beyond} more →" in [t.get_text() for t in steady.texts(picture)]
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


def test_another_layout_has_other_limits(arranged):
    steady.check_limits_tell_what_stands_still(
        arranged, [experiments.truncation(T=T, tau=1, reduction=how) for T in (10, 60) for how in ("mean", "last")]
    )
