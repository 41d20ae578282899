"""The explorer of the scalar RNN: its table, filled row by row, its words, and where they stand."""

import re

import numpy as np
import pytest
import steady
from driving import anywhere
from loops import for_each

from d2lbptt import experiments, explorers
from d2lbptt.explorers import _scalar_rnn as module
from d2lbptt.figures._paper import picture as new
from d2lbptt.figures._scalar import _fixed, _ScalarPicture

START = {"step": 0, "T": 5, "w": 0.9, "phi": "tanh", "theta": "identity", "v": 0.5}
NUMBER = r"(−?(?:(?:\d+ · )?10\^-?\d+|[.\d]+)|exactly 0)"


def texts(table):
    return [[cell.get_text() for cell in cells] for cells in table.cells]


def data_of(**values):
    values = START | values
    values["step"] = min(values["step"], values["T"])
    return values, experiments.scalar_rnn(**{key: values[key] for key in values if key != "step"})


def said_of(**values):
    values, data = data_of(**values)
    said = module._words(values, data)
    return data, steady.plain(said.sentence), list(map(steady.plain, said.details))


def near(said, number):
    """Whether a number is right to the digits that are said: one beside a power of ten, three elsewhere."""
    if said == "exactly 0":
        return number == 0
    mantissa, power, exponent = said.replace("−", "").partition("10^")
    found = float(mantissa.strip(" ·") or 1) * 10.0 ** int(exponent) if power else float(mantissa)
    size = found == pytest.approx(abs(number), rel=0.51 if power else 0.006)
    return size and (number < 0) == said.startswith("−")


# --- the words ---


def test_the_start_needs_no_later_row_and_the_end_has_both_gradients():
    _, before, _ = said_of(step=0)
    assert "no slope is known: which of the 10 question marks goes first?" in before
    _, start, details = said_of(step=1)
    assert "its own loss alone" in start and "its own loss is all that h_5 reaches" in details[0]
    _, later, details = said_of(step=2)
    assert "w times ∂L/∂z_5 below, and its own loss" in later and "because row 5 below it was known" in details[0]
    data, end, _ = said_of(step=5)
    found = re.fullmatch(rf"All rows are there, 5 of T = 5, for w = 0.90: ∂L/∂w = {NUMBER} and ∂L/∂v = {NUMBER}\.", end)
    assert near(found[1], data.table.dL_dw) and near(found[2], data.table.dL_dv)


@for_each("values", [{}, {"w": -2.0, "phi": "relu"}, {"T": 8, "w": 2.0, "phi": "identity"}, {"T": 1}])
def test_every_number_of_the_words(values):
    T = (START | values)["T"]
    for step in range(1, T + 1):
        data, sentence, details = said_of(step=step, **values)
        t = T + 1 - step
        if t > 1:
            found = re.search(rf"∂L/∂h_(\d) = {NUMBER} comes from", sentence)
            assert int(found[1]) == t and near(found[2], data.table.dL_dh[t - 1])
        found = re.fullmatch(rf"∂L/∂h_{t} is {NUMBER}; times φ'\(z_{t}\) that is ∂L/∂z_{t}, {NUMBER}\.", details[1])
        assert near(found[1], data.table.dL_dh[t - 1]) and near(found[2], data.table.dL_dz[t - 1])
        found = re.search(rf"gives? {NUMBER} of ∂L/∂w and {NUMBER} of ∂L/∂v", details[2])
        # the sums once more, over the rows that are filled
        sums = (data.table.dL_dz[t - 1 :] @ entering[t - 1 :] for entering in (data.table.h[:-1], data.table.x))
        assert all(near(words, number) for words, number in zip(found.groups(), sums, strict=True))


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return new(_ScalarPicture, 9.6, 4, 8)


def show(picture, **values):
    values, data = data_of(**values)
    steady.at_rest(picture, data, step=values["step"])


def test_the_scalar_table_is_filled_from_its_last_row(picture):
    for filled in range(5):
        show(picture, T=4, step=filled)
        known = ["?" not in row for row in texts(picture.table)[:4]]
        assert known == [t > 4 - filled for t in (1, 2, 3, 4)]


@pytest.mark.slow
@for_each("narrow", [False, True])
def test_numbers_stand_inside_and_apart_and_in_their_cells(picture, narrow):
    picture.arrange(narrow)
    explorer = explorers.scalar_rnn()
    for values in anywhere(explorer, 30):
        show(picture, **values)
        steady.check_texts(picture)
        for cells in (picture.table.now, picture.table.sources):
            if cells.get_visible():
                check_in_cells(picture.table, cells)


def check_in_cells(table, cells):
    """A number of a framed cell ends inside the frame on both sides."""
    for path in cells.get_paths():
        frame = table.ax.transData.transform(path.get_extents().get_points())
        inside = [
            box
            for row in table.cells
            for text in row
            if text.get_text() and np.all(frame[0] < (box := text.get_window_extent()).get_points().mean(0))
            if np.all(box.get_points().mean(0) < frame[1])
        ]
        assert len(inside) == 1 and frame[0, 0] <= inside[0].x0 and inside[0].x1 <= frame[1, 0]


@for_each(
    ("number", "words"),
    [(-3.2e-5, "−3·10⁻⁵"), (1e-7, "10⁻⁷"), (1e-4, "0.0001"), (0.0, "0"), (-9.99, "−9.9900"), (-403.2, "−403")],
)
def test_numbers_too_small_for_their_decimals_are_powers_of_ten(number, words):
    assert _fixed(number, 4) == words


def test_the_table_goes_above_the_workings_and_back():
    steady.check_arranged(new(_ScalarPicture, 9.6, 4, 8))


def test_nothing_but_what_has_changed_moves(picture):
    picture.arrange(narrow=False)
    show(picture, T=8)
    places = [[cell.get_position() for cell in row] for row in picture.table.cells]
    limits = steady.frames(picture)
    for values in ({"step": 3}, {"T": 1}, {"w": -2.0, "step": 5}):
        show(picture, **values)
        assert places == [[cell.get_position() for cell in row] for row in picture.table.cells]
        assert limits == steady.frames(picture)
