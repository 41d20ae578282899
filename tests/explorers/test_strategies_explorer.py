"""The explorer of the figure "comparing strategies": what it says, what it draws, and its texts.

Oracle: segments and reach found by walking over the gates one arrow at a time.
"""

import itertools
import re

import numpy as np
import pytest
import steady
from cases import STRATEGIES
from driving import shown
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from oracles import pieces, walk

from d2lbptt import chunks, experiments, explorers, figures, randomized
from d2lbptt.experiments._strategies import OPENING
from d2lbptt.explorers._strategies import _words
from d2lbptt.figures import _paper as paper
from d2lbptt.figures._strategies import NAMES, _StrategiesPicture
from d2lbptt.text.corpus import VARIABLE, Text

SENTENCE = re.compile(
    r"At t = (\d+) of T = (\d+) the loss reaches (\d+) characters? with random cuts \(π = (\S+), draw (\d+)\); "
    r"τ = (\d+) leaves (\d+) with regular cuts and (\d+) in a window\."
)
DETAILS = re.compile(
    r"The text: (\d+) characters? of (.*)\. A reach counts that of the loss\. "
    r"Randomized truncation makes (\d+) segments? here; (\S+) on average by theory, (\S+) over 1000 draws\. "
    r"With it this loss reaches (\d+) here; (\S+) on average by theory \(dashed\), (\S+) over these draws\. "
    r"Regular truncation makes (\d+) segments?; a sliding window makes no cuts\. "
    r"Full computation is 1 segment: the loss reaches (\d+), all up to its own\."
)
START = {"T": 40, "t": 26, "tau": 8, "pi": 0.85, "draw": 0}


def gates_of(T, pi, draw, **_):
    return randomized(T, pi, np.random.default_rng(draw))


@pytest.fixture(scope="module")
def explorer():
    return explorers.strategies()


@for_each("values", STRATEGIES)
def test_every_number_that_is_said(explorer, values):
    data, _ = shown(explorer, **values)
    said = _words(explorer.state["controls"], data)
    v = START | values
    T, t, tau, pi = v["T"], v["t"], v["tau"], v["pi"]
    gates, regular = gates_of(**v), chunks(T, tau)
    found = SENTENCE.fullmatch(steady.plain(said.sentence)).groups()
    assert found[:2] == (str(t), str(T)) and (float(found[3]), int(found[4]), int(found[5])) == (pi, v["draw"], tau)
    assert [int(found[i]) for i in (2, 6, 7)] == [walk(gates, t), walk(regular, t), min(t, tau)]
    found = DETAILS.fullmatch(steady.plain(" ".join(said.details))).groups()
    assert found[:2] == (str(T), "the opening of The Time Machine")
    assert [int(found[i]) for i in (2, 5, 8, 9)] == [pieces(gates), walk(gates, t), pieces(regular), t]
    kept = sum(pi**n for n in range(t))
    assert [float(found[3]), float(found[6])] == pytest.approx([1 + (T - 1) * (1 - pi), kept], rel=5e-3)
    assert [float(found[4]), float(found[7])] == pytest.approx([data.found_segments, data.found_reach], rel=5e-3)


def test_new_draw_is_a_button_and_a_number(explorer):
    shown(explorer, draw=0)
    before = explorer.state["data"].first["randomized truncation"]
    explorer.press("New draw")
    assert explorer.controls["draw"].value == 1 and explorer.error is None
    assert not np.array_equal(explorer.state["data"].first["randomized truncation"], before)
    shown(explorer, draw=999)
    explorer.press("New draw")
    assert explorer.controls["draw"].value == 0


def test_t_and_tau_stay_within_T(explorer):
    shown(explorer)
    explorer.controls["T"].value = 5
    assert explorer.controls["t"].value == explorer.controls["tau"].value == 5
    explorer.reset()
    assert explorer.controls["t"].value == 26


# --- texts ---


def test_nothing_is_downloaded_and_nothing_warned(monkeypatch):
    monkeypatch.setattr("d2lbptt.text.corpus._downloaded", lambda: pytest.fail("a download"))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert explorers.strategies().state["data"].source == "the opening of The Time Machine"


@for_each(
    ("text", "words"),
    [
        ("a", "1 character of a text of your own."),
        ("hello", "5 characters of a text of your own."),
        (Text("some words", "words of mine"), "10 characters of words of mine."),
        (100 * "x", "40 characters of a text of your own."),
        ("你 $a_b$\n\t\\frac{1}{2} \U0001f642", "22 characters of a text of your own"),
    ],
)
def test_a_text_of_the_readers_own(text, words):
    explorer = explorers.strategies(text=text)
    for name, control in explorer.controls.items():
        for value in (control.min, control.max):
            control.value = value
            assert explorer.error is None, (name, explorer.state["sentence"])
        explorer.reset()
    details = _words(explorer.state["controls"], explorer.state["data"]).details
    assert details[0].startswith(f"The text: {words}") and explorer.controls["T"].max <= 64


def test_texts_that_are_none():
    with pytest.raises(ValueError, match="text is empty, wanted at least one character"):
        explorers.strategies(text="")
    with pytest.raises(TypeError, match="text is a int, wanted a str or what load_text returns"):
        explorers.strategies(text=3)


# --- the picture ---


@pytest.fixture
def picture():
    found = paper.picture(_StrategiesPicture, 9.6, 4.4, OPENING.characters[:64])
    FigureCanvasAgg(found.figure)
    return found


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def arranged(request, picture):
    picture.arrange(not request.param)
    picture.arrange(request.param)  # back and forth
    return picture


def show(picture, data):
    picture.set_limits(*picture.limits(data))
    picture.update(data)
    picture.figure.canvas.draw()


def columns(collection):
    """The characters, from 1 on, under a collection of boxes."""
    boxes = [path.get_extents() for path in collection.get_paths()]
    return {k for box in boxes for k in range(round(box.x0) + 1, round(box.x1) + 1)}


@pytest.mark.parametrize("values", STRATEGIES, ids=str)
def test_what_a_loss_reaches_is_filled_and_what_it_does_not_is_hatched(explorer, picture, values):
    data, _ = shown(explorer, **values)
    show(picture, data)
    v = START | values
    T, t, tau = v["T"], v["t"], v["tau"]
    reach = [walk(gates_of(**v), t), walk(chunks(T, tau), t), t, min(t, tau)]
    for row, steps in zip(picture.strategies.rows, reach, strict=True):
        assert columns(row.here) == {t}
        assert columns(row.reached) == set(range(t - steps + 1, t))
        assert columns(row.struck) == set(range(1, t - steps + 1))
        assert len(row.cells.get_paths()) == T
        assert row.letter.get_text() == OPENING.characters[t - 1]
    cuts = [{round(s[0][0]) for s in row.cuts.get_segments()} for row in picture.strategies.rows]
    drawn, regular = gates_of(**v), chunks(T, tau)
    want = [{j for j in range(1, T) if xi[j] == 0} for xi in (drawn, regular, np.ones(T))]
    assert cuts == [*want, set()]
    (_, _, left, right), _ = picture.strategies.theory.get_data()
    assert right - left == pytest.approx(sum(v["pi"] ** n for n in range(t)))


def test_arrows_go_from_the_end_of_a_piece_to_its_beginning(explorer, picture):
    data, _ = shown(explorer, tau=8)
    show(picture, data)
    _, regular, full, window = picture.strategies.rows
    ends = [
        sorted((round(s[0][0] + 0.5), round(s[1][0] + 0.5)) for s in row.ways.get_segments()) for row in (regular, full)
    ]
    assert ends == [[(1, 8), (9, 16), (17, 24), (25, 32), (33, 40)], [(1, 40)]]
    ways = [(round(s[0][0] + 0.5), round(s[1][0] + 0.5), s[0][1]) for s in window.ways.get_segments()]
    assert all(start == max(1, t - 7) for start, t, _ in ways) and (19, 26) in {(start, t) for start, t, _ in ways}
    for a, b in itertools.combinations(ways, 2):  # side by side, or one after the other
        assert a[2] != b[2] or a[1] < b[0] or b[1] < a[0]


@pytest.mark.slow
def test_lanes_of_the_window_never_run_into_one_another(arranged):
    for T, tau in itertools.product((24, 40, 64), (1, 2, 5, 6, 13, 24)):
        show(arranged, experiments.strategies(T=T, t=20, tau=tau))
        ways = [(s[0][0], s[1][0], s[0][1]) for s in arranged.strategies.rows[-1].ways.get_segments()]
        assert all(a[2] != b[2] or a[1] < b[0] or b[1] < a[0] for a, b in itertools.combinations(ways, 2))


@pytest.mark.parametrize(("T", "narrow", "lines"), [(24, 1, 1), (32, 1, 1), (40, 1, 2), (64, 1, 2), (64, 0, 1)])
def test_a_long_text_has_two_lines_where_the_page_is_narrow(picture, T, narrow, lines):
    """Each line goes on where the one above ends: cells, and what the loss reaches, are as many as on one line."""
    picture.arrange(bool(narrow))
    data = experiments.strategies(T=T, t=T - 2, tau=T - 5)
    show(picture, data)
    for row in picture.strategies.rows:
        cells = [path.get_extents() for path in row.cells.get_paths()]
        assert len(cells) == T and len({round(cell.y0) for cell in cells}) == lines
        assert len({(round(cell.x0), round(cell.y0)) for cell in cells}) == T
        reached = sum(path.get_extents().width for path in row.reached.get_paths())
        assert reached == data.reach[row.name] - 1
        struck = sum(path.get_extents().width for path in row.struck.get_paths())
        assert struck == T - 2 - data.reach[row.name]
    x, y = (np.array(values) for values in picture.strategies.theory.get_data())
    level = np.diff(y) == 0
    assert np.sum(np.diff(x)[level]) == pytest.approx(data.mean_reach)


MOVES = {
    "tau": ({"T": 40}, (1, 2, 8, 20, 40)),
    "t": ({"T": 64}, (1, 2, 24, 33, 64)),
    "pi": ({}, (0.05, 0.5, 0.9, 0.97, 1.0)),
    "T": ({"t": 1, "tau": 1}, (40, 1, 23, 41, 64)),
    "draw": ({}, (0, 1, 999)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOVES)
def test_axes_and_texts_are_steady_while_a_slider_moves(arranged, name):
    start, values = MOVES[name]
    steady.check_steady(arranged, [experiments.strategies(**start | {name: value}) for value in values])


@pytest.mark.slow
def test_texts_are_inside_and_apart(arranged):
    ends = itertools.product((1, 2, 24, 40, 64), (0.05, 0.9, 1.0))
    results = [experiments.strategies(T=T, t=t, tau=min(8, T), pi=pi) for T, pi in ends for t in {1, T}]
    steady.check_rested(arranged, results)


def test_a_loss_beyond_the_edge_shows_no_letter(arranged):
    arranged.set_limits(24)
    arranged.update(experiments.strategies(T=64, t=60))
    assert not any(row.letter.get_visible() or len(row.here.get_paths()) for row in arranged.strategies.rows)


def test_letters_are_smaller_than_their_cells_and_large_enough_to_read(arranged):
    for T in (10, 40, 64):
        show(arranged, experiments.strategies(T=T, t=1, tau=1))
        letters = [letter for _, letter in arranged.strategies.rows[0]._letters if letter.get_visible()]
        cells = [path.get_extents().width for path in arranged.strategies.rows[0].cells.get_paths()]
        cell = cells[0] * arranged.strategies.ax.bbox.width / np.ptp(arranged.strategies.ax.get_xlim())
        widths = [letter.get_window_extent().width for letter in letters]
        assert np.median(widths) < 0.8 * cell and max(widths) < 1.25 * cell
        assert letters[0].get_fontsize() * 100 / 72 * 300 / 480 >= 10  # pixels, where 480 are shown on 300


def test_the_function_draws_the_same():
    ax = Figure(figsize=(9.6, 4.4)).add_axes((0, 0, 1, 1))
    first = {name: np.ones(5, int) for name in NAMES}
    assert figures.strategies(ax, "abcde", first, 3) is ax
    FigureCanvasAgg(ax.figure).draw()
    assert {"a", "b", "c", "d", "e"} <= {text.get_text() for text in ax.texts}
    assert not any("theory" in text.get_text() for text in ax.texts if text.get_visible())


def test_another_layout_has_other_limits(arranged):
    steady.check_limits_tell_what_stands_still(
        arranged, [experiments.strategies(T=T, t=1, tau=1) for T in (24, 32, 40, 48, 64)]
    )
