"""The memory of a pass, and its picture.

Oracles: bytes of the states counted by hand and those of a trace; what is measured depends on NumPy, so only what must
hold of it anywhere is asserted, with a margin.
"""

import tracemalloc

import numpy as np
import pytest
from matplotlib.figure import Figure

from d2lbptt import experiments, figures, forward, init_params

LENGTHS = [100, 200, 500]


@pytest.fixture(scope="module")
def found():
    return experiments.memory(LENGTHS, batch_size=8, num_hiddens=64, k2=25)


def test_the_formula_is_what_a_trace_holds(found):
    assert found.states.tolist() == [(T + 1) * 8 * 64 * 8 for T in LENGTHS] and found.states_of_k2 == 26 * 8 * 64 * 8
    for T, states in zip(LENGTHS, found.states, strict=True):
        assert forward(init_params(1, 64, 1), np.ones((T, 8, 1)), activation="tanh").h.nbytes == states


def test_what_is_measured_goes_with_the_length(found):
    assert np.all(found.states <= found.forward) and np.all(found.forward < found.there_and_back)
    for measured, most in ((found.forward, 1.2), (found.there_and_back, 2.3)):
        share = np.diff(measured) / np.diff(found.states)  # what does not depend on the length drops out
        assert share.max() < 1.15 * share.min() and share.max() < most


def test_pieces_take_what_k2_steps_take_whatever_the_length(found):
    held = found.there_and_back_of_k2
    assert np.all(held > found.states_of_k2) and held.max() < 1.1 * held.min()
    longer, longest = found.there_and_back[[0, -1]]
    assert held.max() < longer - 1.8 * (found.states[0] - found.states_of_k2)
    assert longest - held.max() > 1.8 * (found.states[-1] - found.states_of_k2)  # 500 steps beside 25


def test_twice_the_batch_or_the_width_takes_twice_the_memory(found):
    for more in ({"batch_size": 16}, {"num_hiddens": 128}):
        twice = experiments.memory(LENGTHS, **{"batch_size": 8, "num_hiddens": 64, "k2": 25} | more)
        assert np.array_equal(twice.states, 2 * found.states)
        assert np.all(np.abs(twice.there_and_back / found.there_and_back / 2 - 1) < 0.2)


def test_what_the_reader_traces_goes_on():
    tracemalloc.start()
    try:
        experiments.memory([3], 1, 2, 3)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    experiments.memory([3], 1, 2, 3)
    assert not tracemalloc.is_tracing()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="k2 is 9, wanted a whole number from 1 to the shortest T = 8"):
        experiments.memory([8, 16], k2=9)
    with pytest.raises(ValueError, match=r"h_t would take .* bytes \(lengths up to 4, batch_size = 10\*\*30 or more"):
        experiments.memory([4], batch_size=10**30, k2=1)
    with pytest.raises(ValueError, match=r"lengths is .*, wanted rising numbers"):
        experiments.memory([8, 8])


def test_the_picture_shows_formulas_as_lines_and_what_was_measured_as_marks(found):
    ax = Figure(figsize=(9.6, 4.6)).add_axes((0.1, 0.15, 0.85, 0.8))
    assert figures.memory(ax, found) is ax
    shown = [found.states, [found.states_of_k2] * 3, found.forward, found.there_and_back, found.there_and_back_of_k2]
    for line, wanted in zip(ax.lines, shown, strict=False):
        np.testing.assert_allclose(line.get_ydata(), np.divide(wanted, 1e6))
        assert line.get_xdata().tolist() == LENGTHS
    assert [line.get_linestyle() != "None" for line in ax.lines[:5]] == [True, True, False, False, False]
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(0 <= box.x0 and box.x1 <= 960 and 0 <= box.y0 and box.y1 <= 460 for box in boxes)
    assert not any(a.overlaps(b.padded(-1)) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
