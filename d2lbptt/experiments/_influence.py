"""When does truncation go the wrong way? The network of ``truncation.influence``, by span and in training."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..truncation import influence
from ..truncation.influence import Spans


class SeenBySpan(NamedTuple):
    """The truncated gradient divided by the true one, for spans of tau = 1 .. n.

    Attributes
    ----------
    window, chunks : array, shape (n,)
        From A and s alone; 1 is the true gradient, of one loss for the window and on average for the chunk.
    predicted, observed : influence.Spans
        The first tau with the right sign for good: from A and s alone, and by ``backward``.
    """

    window: np.ndarray
    chunks: np.ndarray
    predicted: Spans
    observed: Spans


def seen_by_span(longest: int = 200, n: int = influence.UNITS, p: int = influence.POSITIVE) -> SeenBySpan:
    """Truncate the gradient of n units, of which the p nearest have s = +1, at each span up to the longest.

    Parameters
    ----------
    longest : int
        The longest span; the sign must be right there.
    n, p : int

    Returns
    -------
    SeenBySpan

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or no span has the right sign.
    """
    predicted, network = influence.predicted_spans(n, p, longest), influence.balance(n, p)
    observed = Spans(*(influence.observed_span(scheme, longest=longest, network=network) for scheme in Spans._fields))
    sums, total = influence.partial_sums(longest, n, p), network.rest(1.0)[0]
    window = np.array([float(one) for one in sums]) / total
    chunks = np.array([float(one) / tau for tau, one in enumerate(accumulate(sums), start=1)]) / total
    return SeenBySpan(window, chunks, predicted, observed)


class Trajectories(NamedTuple):
    """Where theta goes as it is trained.

    Attributes
    ----------
    runs : dict of str to array, shape (steps + 1,)
        By the name of the scheme; see ``influence.trajectory``.
    solution : float
    """

    runs: dict
    solution: float


def trajectories(
    steps: int = 3000,
    windows: ArrayLike = (30, 80),
    chunks: ArrayLike = (80, 200),
    pi: ArrayLike = (0.99,),
    seed: int = 0,
) -> Trajectories:
    """Train theta from 0.5 by the full gradient, with windows and chunks of some spans, and by random gates.

    Parameters
    ----------
    steps : int
        Of time.
    windows, chunks : sequence of int
        Their spans tau.
    pi : sequence of float
        Of randomized truncation: probabilities of keeping an arrow.
    seed : int
        Of the random gates.

    Returns
    -------
    Trajectories

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the steps do not fit in memory.
    """
    runs = {"forward accumulation": influence.trajectory("full", steps)}
    for scheme, symbol, spans in (("window", "windows", windows), ("chunks", "chunks", chunks)):
        for tau in _validation.shaped(symbol, _validation.whole(symbol, spans), (None,), "(n,)").tolist():
            runs[f"{scheme}, τ = {tau}"] = influence.trajectory(scheme, steps, tau=tau)
    for probability in _validation.series("pi", pi).tolist():
        runs[f"randomized, π = {probability:g}"] = influence.trajectory("randomized", steps, pi=probability, seed=seed)
    return Trajectories(runs, influence.balance().solution)
