"""The explorer of truncation: the numbers of its sentence, its picture, and the code that it hands out.

Oracles: the package's ``backward`` for one draw at a time (tested elsewhere) on a network built anew; pairs (t, k)
counted one by one; and, for the law of the randomized scheme, thousands of draws at a stated error rate.
"""

import itertools
import re

import driving
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from d2lbptt import backward, chunks, explorers, figures, forward, init_params, randomized
from d2lbptt.explorers._truncation import CURVE
from d2lbptt.figures._truncation import _TruncationPicture

SIGMAS = 5
PART = re.compile(
    r"T = (\d+)(, loss at the last step)?, "
    r"(?:full gradient|window τ = \d+|chunks of τ = \d+|randomized, .*, draw \d+): "
    r"(\d+) of (\d+) cells? dropped\. (.*) It takes (\d+) products? with a Jacobian(?:, as the full gradient does,"
    r"|, because each loss goes back by itself \(the full gradient (\d+)\),| \(the full gradient (\d+)\)) and holds "
    r"(\d+) of (\d+) steps? in memory\."
)
START = {"scheme": "window", "T": 30, "tau": 7, "pi": 0.8, "g": 1.1, "draw": 3, "activation": "tanh"}
START |= {"kind": "orthogonal", "units": 5, "reduction": "mean", "seed": 2}


@pytest.fixture(scope="module")
def explorer():
    return explorers.truncation()


def shown(explorer, **values):
    return driving.shown(explorer, **START | values)


def network(**values):
    """The trace, the targets and the full gradient of these settings, built anew."""
    v = START | values
    params = init_params(1, v["units"], 1, scale=v["g"], kind=v["kind"], seed=v["seed"])
    x = 0.5 + 0.25 * np.random.default_rng((v["seed"], 1)).normal(size=(v["T"], 1))
    trace = forward(params, x, h0=np.full(v["units"], 0.5), activation=v["activation"])
    y = np.ones((v["T"], 1))
    return trace, y, backward(trace, y, reduction=v["reduction"]).W_hh


def options(**values):
    v = START | values
    rng, T = np.random.default_rng((v["seed"], 2)), v["T"]
    gates = [randomized(T, v["pi"], rng) for _ in range(100)]
    return {
        "full": {},
        "window": {"window": v["tau"]},
        "chunks": {"gates": chunks(T, v["tau"])},
        "randomized": {"gates": gates[v["draw"]]},
    }[v["scheme"]], gates


def kept_pairs(T, how, last):
    """The pairs (t, k) that a scheme keeps, one by one."""
    xi = how.get("gates", np.ones(T))
    losses = [T] if last else range(1, T + 1)
    near = how.get("window", T)
    return {(t, k) for t in losses for k in range(1, t + 1) if t - k < near and all(xi[k:t])}


CASES = [
    {"scheme": scheme, "reduction": reduction, **more}
    for scheme, reduction in itertools.product(["full", "window", "chunks", "randomized"], ["mean", "last"])
    for more in (
        {},
        {"T": 1, "tau": 1},
        {"T": 12, "tau": 12, "pi": 1.0},
        {"activation": "identity", "g": 1.3, "tau": 1},
    )
]


@pytest.mark.parametrize("values", CASES, ids=str)
def test_every_count_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    how, _ = options(**values)
    T, last = data.T, values["reduction"] == "last"
    pairs = kept_pairs(T, how, last)
    total = T if last else T * (T + 1) // 2
    ways = [sum((t, k) in pairs for k in range(1, t + 1)) - 1 for t in range(1, T + 1) if (t, t) in pairs]
    arrows = {(k, k + 1) for t, k in pairs if k < t}
    products = len(arrows) if "window" not in how else sum(ways)
    found = PART.fullmatch(sentence)
    assert found, sentence
    assert bool(found[2]) == last
    assert (int(found[1]), int(found[3]), int(found[4])) == (T, total - len(pairs), total)
    assert (int(found[6]), int(found[9]), int(found[10])) == (products, max(ways) + 1, T)
    assert {found[7], found[8]} - {None} == (set() if products == T - 1 else {str(T - 1)})
    assert ("because each loss goes back" in sentence) == (products > T - 1)


@pytest.mark.parametrize("values", CASES, ids=str)
def test_error_cosine_and_component_are_those_of_backward(explorer, values):
    data, sentence = shown(explorer, **values)
    trace, y, full = network(**values)
    how, gates = options(**values)
    part = backward(trace, y, reduction=values["reduction"], **how).W_hh
    np.testing.assert_array_equal(data.gradient, part)
    size = np.linalg.norm(full)
    assert data.error == pytest.approx(np.linalg.norm(part - full) / size, rel=1e-9, abs=1e-14)
    assert data.cosine == pytest.approx(np.sum(part * full) / size / np.linalg.norm(part), rel=1e-9)
    assert data.along == pytest.approx(np.sum(part * full) / size**2, rel=1e-9)
    assert data.apart < 1e-12  # the cells that are kept add up to it
    if data.draws is None and data.dropped:
        percent = re.search(r"They are the error: (\S+) % of the gradient \(cosine (\S+)\);", sentence)
        assert float(percent[1]) == pytest.approx(100 * data.error, rel=6e-3)
        assert float(percent[2]) == pytest.approx(data.cosine, abs=6e-5)
    if data.draws is not None:
        each = np.array([backward(trace, y, reduction=values["reduction"], gates=row).W_hh for row in gates])
        along = np.einsum("nij,ij->n", each, full) / size**2
        np.testing.assert_allclose(data.draws.along, along, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            data.draws.error, np.linalg.norm(each - full, axis=(1, 2)) / size, rtol=1e-9, atol=1e-12
        )


def test_the_dropped_cells_are_the_error(explorer):
    for scheme, tau in itertools.product(("window", "chunks"), (1, 4, 29)):
        data, _ = shown(explorer, scheme=scheme, tau=tau)
        lost = data.network.cells.truncation_error(data.first)
        off = (data.network.full - data.gradient) / data.network.cells.norm
        np.testing.assert_allclose(lost, off, atol=1e-14)
        assert np.linalg.norm(lost) == pytest.approx(data.error, rel=1e-9)


def test_the_curves_pass_through_every_point_that_is_shown(explorer):
    for scheme, last in itertools.product(("window", "chunks"), ("mean", "last")):
        for tau in (1, 5, 30):
            data, _ = shown(explorer, scheme=scheme, tau=tau, reduction=last)
            kept, error = data.network.curves[scheme]
            assert kept[tau - 1] == pytest.approx(data.kept)
            assert error[tau - 1] == pytest.approx(data.error, rel=1e-9, abs=1e-13)
            assert data.network.laws[scheme][1][tau - 1] == pytest.approx(data.law)


@pytest.mark.parametrize("reduction", ["mean", "last"])
def test_draws_spread_as_theory_says(explorer, reduction):
    values = {"scheme": "randomized", "pi": 0.85, "T": 40, "g": 1.2, "reduction": reduction}
    data, sentence = shown(explorer, **values)
    trace, y, full = network(**values)
    rng, n, size = np.random.default_rng(9), 4000, np.linalg.norm(full)
    draws = [backward(trace, y, reduction=reduction, gates=randomized(40, 0.85, rng)).W_hh / size for _ in range(n)]
    along = np.array([np.sum(draw * full) / size for draw in draws])
    squares = np.array([np.sum((draw - full / size) ** 2) for draw in draws])
    assert abs(along.mean() - 1) < SIGMAS * data.draws.spread_along / np.sqrt(n)
    for found, want in (((along - 1) ** 2, data.draws.spread_along**2), (squares, data.draws.spread**2)):
        assert abs(found.mean() - want) < SIGMAS * found.std() / np.sqrt(n)
    words = re.search(r"Of 100 draws .* is (\S+) on average, spread (\S+); theory: 1 and (\S+)\.", sentence)
    want = data.draws.along.mean(), data.draws.along.std(), data.draws.spread_along
    assert [float(word) for word in words.groups()] == pytest.approx(want, rel=6e-3)


def test_reach_of_the_randomized_scheme_in_theory(explorer):
    """The x of its curve, against the mean over draws."""
    for last in ("mean", "last"):
        data, _ = shown(explorer, scheme="randomized", T=20, reduction=last)
        kept, error = data.network.curves["randomized"]
        assert np.all(np.diff(kept) > 0) and np.all(np.diff(error) < 0)
        pi = CURVE[15]
        rng = np.random.default_rng(1)
        found = []
        for _ in range(2000):
            pairs = kept_pairs(20, {"gates": randomized(20, pi, rng)}, last == "last")
            found.append(len(pairs) / (1 if last == "last" else 20))
        assert abs(np.mean(found) - kept[15]) < SIGMAS * np.std(found) / np.sqrt(2000)


def test_what_is_too_rare_to_be_drawn_is_said(explorer):
    heavy = {"scheme": "randomized", "activation": "identity", "kind": "identity", "units": 1, "g": 0.9, "T": 60}
    data, sentence = shown(explorer, **heavy, pi=0.5)  # w^2 > pi: the variance grows without bound
    assert data.draws.spread_along > 100 * data.draws.along.std()
    assert "draws too rare to be among these" in sentence
    data, sentence = shown(explorer, **heavy, pi=0.95)
    assert "too rare" not in sentence


@pytest.mark.parametrize("values", CASES, ids=str)
def test_as_python_prints_the_numbers_of_the_sentence(explorer, values, capsys):
    data, _ = shown(explorer, **values)
    exec(explorer.code, {})
    numbers = [float(word) for word in re.findall(r"-?\d[-+.e\d]*", capsys.readouterr().out)]
    law = (
        [data.law] if data.draws is None else [data.draws.along.mean(), data.draws.along.std(), data.draws.spread_along]
    )
    assert numbers == pytest.approx([data.error, data.cosine, *law], rel=1e-5, abs=1e-12)


def test_what_overflows_is_shown_for_a_T_that_does_not(explorer):
    big = {"units": 1, "kind": "gaussian", "activation": "identity", "g": 3.0, "T": 200, "tau": 7}
    seeds = [s for s in range(100) if abs(init_params(1, 1, 1, scale=3.0, seed=s).W_hh.item()) > 6.5]  # 6.5^400 > 1e308
    assert seeds
    for scheme in ("full", "window", "randomized"):
        data, sentence = shown(explorer, **big, scheme=scheme, seed=seeds[0])
        assert 150 < data.T < 200 and "overflows float64" in sentence and f"so T = {data.T} is shown. T = " in sentence
        assert np.isfinite([data.error, data.cosine]).all() and np.isfinite(data.network.full).all()


def test_a_gradient_that_is_zero_has_nothing_to_lose(explorer, capsys):
    """One unit with relu, no recurrence and a negative weight of the input is never active."""
    seeds = [s for s in range(100) if init_params(1, 1, 1, seed=s).W_hx.item() < 0]
    for scheme in ("full", "window", "randomized"):
        data, sentence = shown(explorer, units=1, activation="relu", g=0.0, T=1, scheme=scheme, seed=seeds[0])
        assert not data.network.full.any()
        assert sentence == "T = 1: dL/dW_hh is exactly 0 here, so there is nothing to throw away."
        exec(explorer.code, {})
        assert capsys.readouterr().out == "0.0\n"


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
    np.testing.assert_allclose(10 ** colours[k <= t], (data.network.sizes * weight)[k <= t], rtol=1e-9)
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
    assert (x, y) == (pytest.approx([data.draws.kept[7]]), pytest.approx([data.error]))
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
