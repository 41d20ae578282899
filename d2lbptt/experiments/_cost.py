"""What does a long sequence cost? Time and memory of one pass forward and back, as measured here."""

from __future__ import annotations

from functools import partial
from timeit import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..bptt import backward
from ..rnn import forward, init_params

TIMES = 5  # that a pass is timed, of which the shortest counts


class Cost(NamedTuple):
    """One pass forward and back over T steps, for several T.

    Attributes
    ----------
    lengths : array of int, shape (n,)
        T.
    milliseconds, megabytes : array, shape (n,)
        Of the pass, and of the states that it stores. Times are those of this machine and this run.
    lines : array, shape (2, n)
        Proportional to T: of the milliseconds, and of the megabytes. The price of a step is the geometric mean of all.
    off : array, shape (2,)
        How far the two are from their lines at most, relative to the line.
    """

    lengths: np.ndarray
    milliseconds: np.ndarray
    megabytes: np.ndarray
    lines: np.ndarray
    off: np.ndarray


def cost(
    lengths: ArrayLike = (250, 500, 1000, 2000, 4000), num_tokens: int = 28, num_hiddens: int = 64, seed: int = 0
) -> Cost:
    """Time one pass forward and back of a character model, and measure the states that it stores.

    Parameters
    ----------
    lengths : sequence of int
        T, rising, from 1 on.
    num_tokens, num_hiddens : int
        Of the model, which has tanh, one-hot inputs and the cross-entropy.
    seed : int

    Returns
    -------
    Cost

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the longest sequence does not fit in memory.
    """
    steps = rising(lengths)
    longest = int(steps[-1])
    seed = _validation.seed("seed", seed)
    params = init_params(num_tokens, num_hiddens, num_tokens, bias=True, seed=seed)
    why = f"num_tokens = {num_tokens}, the longest of lengths = {_validation.shown(longest)}"
    _validation.fits_in_memory("x", num_tokens * (num_tokens + longest), float, why)
    tokens = np.random.default_rng((seed, 1)).integers(num_tokens, size=longest + 1)
    x, y = np.eye(num_tokens)[tokens[:-1]], tokens[1:]

    def there_and_back(T):
        trace = forward(params, x[:T], activation="tanh")
        backward(trace, y[:T], loss="cross_entropy")

    seconds = [min(repeat(partial(there_and_back, T), number=1, repeat=TIMES)) for T in steps]
    states = [forward(params, x[:T], activation="tanh").h.nbytes for T in steps]
    return _beside_lines(steps, 1000 * np.array(seconds), np.array(states) / 1e6)


def rising(lengths: ArrayLike) -> np.ndarray:
    """Return the lengths as an array of rising whole numbers, from 1 on."""
    found = _validation.shaped("lengths", _validation.whole("lengths", lengths), (None,), "(n,)").astype(int)
    for length in found.tolist():
        _validation.whole_number("lengths", length, 1)
    if not (np.diff(found) > 0).all():
        raise ValueError(f"lengths is {_validation.shown(found)}, wanted rising numbers")
    return found


def _beside_lines(lengths, milliseconds, megabytes):
    measured = np.array([milliseconds, megabytes])
    lines = np.exp(np.mean(np.log(measured / lengths), axis=1, keepdims=True)) * lengths
    return Cost(lengths, milliseconds, megabytes, lines, np.abs(measured / lines - 1).max(1))
