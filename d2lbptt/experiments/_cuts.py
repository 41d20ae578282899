"""Where does the training loop cut? What one row of the first minibatches reads, in order and in random order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..text.corpus import Text, Vocab, random_batches, sequential_batches
from ._strategies import as_text


class Cuts(NamedTuple):
    """Pieces of a text, as characters.

    Attributes
    ----------
    carried, fresh : list of str
        By ``sequential_batches``, which carry the state on, and by ``random_batches``, which begin anew.
    """

    carried: list
    fresh: list


def cuts(
    text: str, batch_size: int = 32, num_steps: int = 12, row: int = 0, minibatches: int = 3, seed: int = 0
) -> Cuts:
    """Cut a text into minibatches in both ways, and read what stands in one row of the first of them.

    Parameters
    ----------
    text : str or Text
    batch_size, num_steps : int
        Of a minibatch; num_steps is the length of a piece.
    row : int
        From 0 on.
    minibatches : int
        How many, at most.
    seed : int
        Of the random order.

    Returns
    -------
    Cuts

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the text is too short for one minibatch.
    """
    characters = as_text(_validation.instance("text", text, (str, Text))).characters
    vocab, rng = Vocab(characters), np.random.default_rng(_validation.seed("seed", seed))
    numbers, wanted = vocab[list(characters)], range(_validation.whole_number("minibatches", minibatches, 1))
    batch_size = _validation.whole_number("batch_size", batch_size, 1)
    row = _validation.whole_number("row", row, 0, batch_size - 1)
    carried = sequential_batches(numbers, batch_size, num_steps)
    fresh = random_batches(numbers, batch_size, num_steps, rng)
    pieces = ([x[:, row] for (x, _), _ in zip(batches, wanted, strict=False)] for batches in (carried, fresh))
    return Cuts(*(["".join(vocab.to_tokens(piece)) for piece in found] for found in pieces))
