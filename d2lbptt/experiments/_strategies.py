"""Where do the strategies cut a text? Randomized, regular and no truncation and the sliding window (9.7.8)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .. import _validation
from ..gates import chunks, first_kept, randomized
from ..text.corpus import Text
from ..truncation.randomized_variance import steps_kept

DRAWS = 1000
OPENING = Text(  # as text.load_text returns it; H. G. Wells (1866-1946): in the public domain
    "the time machine by h g wells i the time traveller for so it will be convenient to speak of him was ",
    "the opening of The Time Machine",
)


class Strategies(NamedTuple):
    """Where each strategy cuts, and what the loss of step t reaches.

    Attributes
    ----------
    text, source : str
        T characters, and where they come from.
    t : int
        The loss.
    first : dict of str to array, shape (T,)
        By the book's name of the strategy; see ``gates.first_kept``.
    segments : dict of str to int
        Without the sliding window, which has none.
    reach : dict of str to int
        How many characters the loss of step t reaches, its own one included.
    mean_segments, mean_reach : float
        In theory, for randomized truncation.
    found_segments, found_reach : float
        The mean over 1000 draws.
    """

    text: str
    source: str
    t: int
    first: dict
    segments: dict
    reach: dict
    mean_segments: float
    mean_reach: float
    found_segments: float
    found_reach: float


def strategies(
    T: int = 40, t: int = 26, tau: int = 8, pi: float = 0.85, draw: int = 0, *, text: str | Text | None = None
) -> Strategies:
    """Compare where randomized, regular and no truncation and the sliding window cut the first characters of a text.

    Parameters
    ----------
    T : int
        How many characters; each is a step.
    t, tau : int
        The step of the loss that is looked at, and the length of a segment or window, from 1 to T.
    pi : float
        The probability of keeping an arrow, above 0 and at most 1.
    draw : int
        Seed of the 1000 draws of gates, of which the first is shown.
    text : str or Text, optional
        Without it, the opening of *The Time Machine*, which needs no network.

    Returns
    -------
    Strategies

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If 1/pi overflows.
    """
    read = as_text(text)
    T = _validation.whole_number("T", T, 1, len(read.characters), "the length of the text, ")
    t, tau = (_validation.whole_number(symbol, steps, 1, T, "T = ") for symbol, steps in (("t", t), ("tau", tau)))
    pi = _validation.probability("pi", pi)
    gates, first_of_draws = _draws(T, pi, _validation.seed("draw", draw))
    first = {
        "randomized truncation": first_kept(T, gates=gates),
        "regular truncation": first_kept(T, gates=chunks(T, tau)),
        "full computation": first_kept(T),
        "sliding window": first_kept(T, window=tau),
    }
    return Strategies(
        text=read.characters[:T],
        source=read.source,
        t=t,
        first=first,
        segments={name: len(np.unique(rows)) for name, rows in first.items() if name != "sliding window"},
        reach={name: int(t - rows[t - 1] + 1) for name, rows in first.items()},
        mean_segments=1 + (T - 1) * (1 - pi),
        mean_reach=float(steps_kept(pi, t)),
        found_segments=float((first_of_draws == np.arange(1, T + 1)).sum(1).mean()),
        found_reach=float(np.mean(t - first_of_draws[:, t - 1] + 1)),
    )


def as_text(text):
    """Return a text, or the opening for None, as a ``Text`` if it has characters."""
    text = OPENING if text is None else text
    if isinstance(text, str):
        text = Text(text, "a text of your own")
    if not isinstance(text, Text):
        raise TypeError(f"text is a {type(text).__name__}, wanted a str or what load_text returns")
    if not text.characters:
        raise ValueError("text is empty, wanted at least one character")
    return text


@lru_cache(16)
def _draws(T, pi, draw):
    """Return the gates of a draw, and first_kept of that one and those that come after it, (n, T)."""
    rng = np.random.default_rng(draw)
    gates = np.array([randomized(T, pi, rng) for _ in range(DRAWS)])
    return gates[0], first_kept(T, gates=gates)
