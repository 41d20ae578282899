"""The experiments under the static pictures of notebook 09. Oracles: the text itself, and bytes counted by hand."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import gmean

from d2lbptt import experiments, figures

TEXT = "".join(chr(97 + n % 26) if n % 7 else " " for n in range(400))


def test_pieces_in_order_go_on_where_the_last_one_ended():
    found = experiments.cuts(TEXT, batch_size=4, num_steps=10, row=1)
    assert "".join(found.carried) in TEXT and [len(piece) for piece in found.carried] == [10, 10, 10]
    assert found.carried[0] == TEXT[99:109]  # of the 399 characters that have a next one each row reads 99


def test_pieces_in_random_order_are_pieces_of_the_text():
    found, other = (experiments.cuts(TEXT, 4, 10, seed=seed) for seed in (0, 1))
    for pieces in (found.fresh, other.fresh):
        assert all(piece in TEXT and len(piece) == 10 for piece in pieces)
    assert found.fresh != other.fresh and found.carried == other.carried
    assert "".join(found.fresh) not in TEXT
    assert len(experiments.cuts(TEXT, 4, 10, minibatches=100).fresh) == 9  # no more than there are


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="corpus"):
        experiments.cuts("a", 4, 10)
    with pytest.raises(ValueError, match="row is 4, wanted a whole number from 0 to 3"):
        experiments.cuts(TEXT, 4, 10, row=4)


def test_the_memory_of_the_states_goes_with_the_length():
    found = experiments.cost(lengths=[3, 6, 50], num_tokens=4, num_hiddens=8)
    assert found.lengths.tolist() == [3, 6, 50]
    np.testing.assert_allclose(found.megabytes, (found.lengths + 1) * 8 * 8 / 1e6)  # h_0 .. h_T, of 8 bytes each
    assert np.all(found.milliseconds > 0)
    for values, line, off in zip((found.milliseconds, found.megabytes), found.lines, found.off, strict=True):
        np.testing.assert_allclose(line, gmean(values / found.lengths) * found.lengths)
        assert off == pytest.approx(max(abs(values - line) / line))


def test_lengths_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match=r"lengths is .*, wanted rising numbers"):
        experiments.cost(lengths=[4, 2], num_tokens=4, num_hiddens=8)


def test_the_pictures_take_them():
    one, other = Figure().subplots(2)
    figures.cuts(one, *experiments.cuts(TEXT, 4, 10))
    figures.cost(other, experiments.cost(lengths=[3, 6], num_tokens=4, num_hiddens=8))
