"""Why does one truncate? The memory that a pass takes, against T, for a batch and a width of one's own choice."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..bptt import backward
from ..rnn import forward, init_params
from ._cost import rising

BYTES = 8  # of a number in float64


class Memory(NamedTuple):
    """Bytes that a pass over T steps takes, for several T: by the formula for the states, and as measured.

    Attributes
    ----------
    lengths : array of int, shape (n,)
        T.
    batch_size, num_hiddens, k2 : int
        B, h, and how many steps an update goes back.
    states : array of int, shape (n,)
        (T + 1) B h times 8: the states h_0 .. h_T in float64.
    forward, there_and_back : array of int, shape (n,)
        What NumPy held at most, measured, during a pass forward, and during one forward and back.
    states_of_k2 : int
        (k2 + 1) B h times 8.
    there_and_back_of_k2 : array of int, shape (n,)
        What NumPy held at most, measured, while T steps were passed in pieces of k2, each forward and back.
    """

    lengths: np.ndarray
    batch_size: int
    num_hiddens: int
    k2: int
    states: np.ndarray
    forward: np.ndarray
    there_and_back: np.ndarray
    states_of_k2: int
    there_and_back_of_k2: np.ndarray


def memory(
    lengths: ArrayLike = (50, 100, 200, 400, 800), batch_size: int = 32, num_hiddens: int = 64, k2: int = 25
) -> Memory:
    """Measure the memory of a pass forward and back, for the whole sequence and in pieces of k2 steps.

    Parameters
    ----------
    lengths : sequence of int
        T, rising, from 1 on.
    batch_size, num_hiddens : int
        B and h. Inputs and outputs are one number each, so that hardly anything but the states takes memory.
    k2 : int
        From 1 to the shortest T.

    Returns
    -------
    Memory

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the longest sequence does not fit in memory.

    Notes
    -----
    Measured by ``tracemalloc``, which knows what NumPy allocates; x and y are there before and do not count. A pass
    back of this package returns dL/dh_t of all steps; what else it needs, it makes for a few steps at a time.
    """
    steps = rising(lengths)
    batch_size = _validation.whole_number("batch_size", batch_size, 1)
    num_hiddens = _validation.whole_number("num_hiddens", num_hiddens, 1)
    k2 = _validation.whole_number("k2", k2, 1, int(steps[0]), "the shortest T = ")
    longest, row = int(steps[-1]), batch_size * num_hiddens
    sizes = map(_validation.shown, (longest, batch_size, num_hiddens))
    why = "lengths up to {}, batch_size = {}, num_hiddens = {}".format(*sizes)
    _validation.fits_in_memory("h_t", (4 * longest + 4) * row + 4 * num_hiddens**2, float, why)
    params, x = init_params(1, num_hiddens, 1), np.ones((longest, batch_size, 1))
    _pass(params, x[:1])  # what is allocated once, in the first pass of all, belongs to none
    forward_alone = [peak(partial(forward, params, x[:T], activation="tanh")) for T in steps]
    return Memory(
        lengths=steps,
        batch_size=batch_size,
        num_hiddens=num_hiddens,
        k2=k2,
        states=(steps + 1) * row * BYTES,
        forward=np.array(forward_alone),
        there_and_back=np.array([peak(partial(_pass, params, x[:T])) for T in steps]),
        states_of_k2=(k2 + 1) * row * BYTES,
        there_and_back_of_k2=np.array([peak(partial(_pass_in_pieces, params, x[:T], k2)) for T in steps]),
    )


def _pass(params, x, h0=None):
    """Go forward and back, and return the last state."""
    trace = forward(params, x, h0=h0, activation="tanh")
    backward(trace, x)
    return trace.h[-1].copy()


def _pass_in_pieces(params, x, k2):
    h = None
    for start in range(0, len(x), k2):
        h = _pass(params, x[start : start + k2], h)


def peak(run: Callable) -> int:
    """Return how many bytes a run allocates at most, beside those that were there."""
    already = tracemalloc.is_tracing()  # by the reader, whose tracing goes on
    if not already:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not already:
            tracemalloc.stop()
