"""The explorer of the figure "comparing strategies": what it says, what it draws, and its texts.

Oracle: segments and reach found by walking over the gates one arrow at a time.
"""

import itertools
import re

import ipywidgets as widgets
import numpy as np
import pytest
from cases import STRATEGIES
from driving import shown
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from oracles import pieces, walk

from d2lbptt import chunks, explorers, figures, randomized
from d2lbptt.experiments._strategies import OPENING
from d2lbptt.figures._strategies import NAMES, _StrategiesPicture
from d2lbptt.text.corpus import VARIABLE, Text

SENTENCE = re.compile(
    r"(\d+) characters? of (.*), t = (\d+)\. "
    r"Randomized truncation \(π = (\S+), draw (\d+)\): (\d+) segments?, "
    r"the loss reaches (\d+) steps?, its own included; "
    r"on average (\S+) and (\S+) by theory, (\S+) and (\S+) over 1000 draws\. "
    r"Regular truncation \(τ = (\d+)\): (\d+) segments?, it reaches (\d+)\. "
    r"Full computation: 1 segment, it reaches (\d+)\. Sliding window: no cuts, it reaches (\d+)\."
)
START = {"T": 40, "t": 26, "tau": 8, "pi": 0.85, "draw": 0}


def gates_of(T, pi, draw, **_):
    return randomized(T, pi, np.random.default_rng(draw))


@pytest.fixture(scope="module")
def explorer():
    return explorers.strategies()


@pytest.mark.parametrize("values", STRATEGIES, ids=str)
def test_every_number_of_the_sentence(explorer, values):
    _, sentence = shown(explorer, **values)
    v = START | values
    T, t, tau, pi = v["T"], v["t"], v["tau"], v["pi"]
    gates, regular = gates_of(**v), chunks(T, tau)
    found = SENTENCE.fullmatch(sentence).groups()
    assert found[:3] == (str(T), "the opening of The Time Machine", str(t))
    assert (float(found[3]), int(found[4])) == (pi, v["draw"])
    assert (int(found[5]), int(found[6])) == (pieces(gates), walk(gates, t))
    kept = sum(pi**n for n in range(t))
    assert [float(found[7]), float(found[8])] == pytest.approx([1 + (T - 1) * (1 - pi), kept], rel=5e-3)
    assert (int(found[11]), int(found[12]), int(found[13])) == (tau, pieces(regular), walk(regular, t))
    assert (int(found[14]), int(found[15])) == (t, min(t, tau))


def test_new_draw_is_a_button_and_a_number(explorer):
    shown(explorer, draw=0)
    before = explorer.state["data"].first["randomized truncation"]
    explorer.buttons["draw"].click()
    assert explorer.controls["draw"].value == 1 and explorer.error is None
    assert not np.array_equal(explorer.state["data"].first["randomized truncation"], before)
    shown(explorer, draw=999)
    explorer.buttons["draw"].click()
    assert explorer.controls["draw"].value == 0
    row = next(child for child in explorer.children if isinstance(child, widgets.HBox))
    assert row.children[0] is explorer.buttons["draw"] and explorer.buttons["reset"] in row.children


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
    assert "the opening of The Time Machine" in explorers.strategies().state["sentence"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "1 character of a text of your own, t = 1."),
        ("hello", "5 characters of a text of your own, t = 5."),
        (Text("some words", "words of mine"), "10 characters of words of mine, t = 10."),
        (100 * "x", "40 characters of a text of your own, t = 26."),
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
    assert explorer.state["sentence"].startswith(words) and explorer.controls["T"].max <= 64


def test_texts_that_are_none():
    with pytest.raises(ValueError, match="text is empty, wanted at least one character"):
        explorers.strategies(text="")
    with pytest.raises(TypeError, match="text is a int, wanted a str or what load_text returns"):
        explorers.strategies(text=3)


# --- the picture ---


@pytest.fixture
def picture():
    figure = Figure(figsize=(9.6, 4.4), dpi=100)
    FigureCanvasAgg(figure)
    return _StrategiesPicture(figure, OPENING.characters[:64])


def columns(collection):
    """The characters, from 1 on, under a collection of boxes."""
    boxes = [path.get_extents() for path in collection.get_paths()]
    return {k for box in boxes for k in range(round(box.x0) + 1, round(box.x1) + 1)}


@pytest.mark.parametrize("values", STRATEGIES, ids=str)
def test_what_a_loss_reaches_is_filled_and_what_it_does_not_is_hatched(explorer, picture, values):
    data, _ = shown(explorer, **values)
    picture.update(data)
    picture.figure.canvas.draw()
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
    (right, left, _), _ = picture.strategies.theory.get_data()
    assert right - left == pytest.approx(sum(v["pi"] ** n for n in range(t)))


def test_arrows_go_from_the_end_of_a_piece_to_its_beginning(explorer, picture):
    data, _ = shown(explorer, tau=8)
    picture.update(data)
    _, regular, full, window = picture.strategies.rows
    ends = [
        sorted((round(s[0][0] + 0.5), round(s[1][0] + 0.5)) for s in row.ways.get_segments()) for row in (regular, full)
    ]
    assert ends == [[(1, 8), (9, 16), (17, 24), (25, 32), (33, 40)], [(1, 40)]]
    ways = [(round(s[0][0] + 0.5), round(s[1][0] + 0.5), s[0][1]) for s in window.ways.get_segments()]
    assert all(start == max(1, t - 7) for start, t, _ in ways) and (19, 26) in {(start, t) for start, t, _ in ways}
    for a, b in itertools.combinations(ways, 2):  # side by side, or one after the other
        assert a[2] != b[2] or a[1] < b[0] or b[1] < a[0]


def test_lanes_of_the_window_never_run_into_one_another(explorer, picture):
    for T, tau in itertools.product((24, 40, 64), (1, 2, 5, 6, 13, 24)):
        data, _ = shown(explorer, T=T, t=20, tau=tau)
        picture.update(data)
        ways = [(s[0][0], s[1][0], s[0][1]) for s in picture.strategies.rows[-1].ways.get_segments()]
        assert all(a[2] != b[2] or a[1] < b[0] or b[1] < a[0] for a, b in itertools.combinations(ways, 2))


@pytest.mark.parametrize("T", [1, 2, 24, 64])
def test_texts_stand_inside_and_apart(explorer, picture, T):
    for t, pi in itertools.product({1, (T + 1) // 2, T}, (0.05, 0.9, 1.0)):
        data, _ = shown(explorer, T=T, t=t, tau=min(8, T), pi=pi)
        picture.update(data)
        whole, strategies = picture.figure.bbox, picture.strategies
        titles = [text for text in strategies.ax.texts if text.get_text() and len(text.get_text()) > 1]
        boxes = [text.get_window_extent() for text in titles]
        for text, box in zip(titles, boxes, strict=True):
            inside = whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
            assert inside, (text.get_text(), t, pi)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_letters_are_smaller_than_their_cells(explorer, picture):
    for T in (10, 40, 64):
        data, _ = shown(explorer, T=T, t=1, tau=1)
        picture.update(data)
        cell = 960 * 0.98 / max(T, 24)
        widths = [letter.get_window_extent().width for letter in picture.strategies.rows[0]._letters]
        assert np.median(widths) < 0.8 * cell and max(widths) < 1.2 * cell


def test_the_function_draws_the_same():
    ax = Figure(figsize=(9.6, 4.4)).add_axes((0, 0, 1, 1))
    first = {name: np.ones(5, int) for name in NAMES}
    assert figures.strategies(ax, "abcde", first, 3) is ax
    FigureCanvasAgg(ax.figure).draw()
    assert {"a", "b", "c", "d", "e"} <= {text.get_text() for text in ax.texts}
    assert not any("theory" in text.get_text() for text in ax.texts if text.get_visible())
