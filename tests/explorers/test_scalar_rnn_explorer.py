"""The explorer of the scalar RNN: its table, filled row by row, and its sentences."""

from d2lbptt import explorers


def texts(table):
    return [[cell.get_text() for cell in cells] for cells in table.cells]


def test_the_scalar_table_is_filled_from_its_last_row():
    explorer = explorers.scalar_rnn()
    explorer.controls["T"].value = 4
    for filled in range(5):
        explorer.controls["step"].value = filled
        known = ["?" not in row for row in texts(explorer._picture.table)[:4]]
        assert known == [t > 4 - filled for t in (1, 2, 3, 4)]


def test_the_start_needs_no_later_row_and_the_end_has_both_gradients():
    explorer = explorers.scalar_rnn()
    for filled, words in enumerate(["10 question marks", "its own loss is all that h_5 reaches", "dL/dh_4 = "]):
        explorer.controls["step"].value = filled
        assert words in explorer.state["sentence"]
    explorer.controls["step"].value = 5
    assert "All rows are there: dL/dw = " in explorer.state["sentence"]
