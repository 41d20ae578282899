"""What does each scheme of truncation keep, where does it update, and what does that cost? All of them side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..gates import first_kept, scheme_options
from ..truncation.pairs import jacobian_products, pair_weights


class SchemeCost(NamedTuple):
    """What a scheme keeps, and what a pass over T steps costs: work in products of a vector with a Jacobian.

    Attributes
    ----------
    weights : array, shape (T, T)
        Of the cells (t, k), row t - 1 and column k - 1: 0 where the scheme drops one; see ``pairs.pair_weights``.
    first : array of int, shape (T,)
        See ``gates.first_kept``.
    ends : array of int, shape (n,)
        The steps after which there can be an update: all losses since the last one have gone back.
    products : int
        In the whole pass.
    products_of_an_update : int
        In the update that goes back farthest.
    states : int
        How many states h_t are held at once for it; of full BPTT T + 1, because h_0 is one.
    """

    weights: np.ndarray
    first: np.ndarray
    ends: np.ndarray
    products: int
    products_of_an_update: int
    states: int


class Schemes(NamedTuple):
    """Every scheme on the same sequence, with a loss at every step.

    Attributes
    ----------
    T, tau, k1 : int
    pi : float
    costs : dict of str to SchemeCost
        By the names of ``gates.SCHEMES``, in the order in which they are shown.
    """

    T: int
    tau: int
    k1: int
    pi: float
    costs: dict


def schemes(T: int = 12, tau: int = 4, k1: int = 2, pi: float = 0.8, seed: int = 1) -> Schemes:
    """Compare what the schemes of truncation keep of all pairs (t, k), where they update, and what that costs.

    Parameters
    ----------
    T : int
        Length of the sequence.
    tau : int
        Of window and chunks, and k2 of the scheme with k1 and k2: so all three hold equally many states. From 1 to T.
    k1 : int
        There is an update every k1 steps, from 1 to tau.
    pi : float
        Of randomized truncation, above 0 and at most 1.
    seed : int
        Of the one draw of its gates that is shown.

    Returns
    -------
    Schemes

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or a table does not fit in memory.
    FloatingPointError
        If a weight 1/pi^(t-k) overflows.

    Notes
    -----
    Chunks and random gates cut once for all losses, so an update may follow at each cut, and its gradient is complete.
    In a window every loss goes back by itself, and may have its own update.
    """
    T = _validation.whole_number("T", T, 1)
    tau = _validation.whole_number("tau", tau, 1, T, "T = ")
    k1 = _validation.whole_number("k1", k1, 1, tau, "k2 = tau = ")
    pi, rng = _validation.probability("pi", pi), np.random.default_rng(_validation.seed("seed", seed))
    _validation.fits_in_memory("the tables of all weights", 15 * T * T, float, f"T = {T}")
    every = {"full": T, "window": 1, "tbptt": k1}  # steps from update to update; the others have one at each cut
    costs, t = {}, np.arange(1, T + 1)
    for scheme in ("full", "chunks", "window", "tbptt", "randomized"):
        first = first_kept(T, **scheme_options(scheme, T, tau=tau, k1=k1, k2=tau, pi=pi, rng=rng))
        is_end = t % every[scheme] == 0 if scheme in every else _is_cut(first)
        costs[scheme] = _cost(first, t[is_end | (t == T)], pi if scheme == "randomized" else 1.0)
    return Schemes(T, tau, k1, pi, costs)


def _is_cut(first):
    """Return for t = 1 .. T whether no later loss reaches back to step t."""
    return np.append(first[1:] > np.arange(1, len(first)), True)


def _cost(first, ends, pi):
    longest = int((ends - first[ends - 1]).max())
    return SchemeCost(
        weights=pair_weights(first, pi),
        first=first,
        ends=ends,
        products=jacobian_products(first, shared=True, ends=ends),
        products_of_an_update=longest,
        states=longest + 2,  # of the steps on the way, and the one before, which dL/dW_hh needs
    )
