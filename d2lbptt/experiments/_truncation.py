"""What does truncation throw away? The pairs (t, k), which of them a scheme drops, and the error that this makes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..bptt import backward
from ..gates import SCHEMES, first_kept, randomized, scheme_options, tbptt
from ..rnn import Trace, forward, init_params
from ..truncation import pairs
from ._inputs import noise

DRAWS = 100
MEAN, NOISE, H0 = 0.5, 0.25, 0.5  # of the inputs; of each unit of h_0
ROUNDING = 1e-13  # relative to the gradient: a smaller error is called none
CURVE = 1 - np.logspace(-3, np.log10(0.98), 40)[::-1]  # the pi of the curve


class TruncatedNetwork(NamedTuple):
    """A network, and what can be said of it before a scheme is chosen.

    Attributes
    ----------
    trace, y
        Of the longest sequence that does not overflow.
    overflow : str
        What overflowed, or "".
    full : array, shape (h, h)
        dL/dW_hh of ``backward``.
    table : pairs.PairTable
        It taken apart by pairs (t, k).
    terms : pairs.VarianceTerms
    r : float
        See ``pairs.growth_per_step``.
    curves : dict of str to pair of arrays
        For window, chunks and randomized: how many steps a loss reaches on average, and the relative error; of the
        randomized scheme the root mean square, exact.
    laws : dict of str to pair of arrays
        The same for window and chunks by ``pairs.geometric_law``.
    """

    trace: Trace
    y: np.ndarray
    overflow: str
    full: np.ndarray
    table: pairs.PairTable
    terms: pairs.VarianceTerms
    r: float
    curves: dict
    laws: dict


class RandomizedDraws(NamedTuple):
    """Randomized truncation, drawn 100 times; errors and components are relative to |dL/dW_hh|.

    Attributes
    ----------
    gates : array, shape (n, T)
    reach, error, along : array, shape (n,)
        How many steps a loss reaches on average, error, and component along the gradient.
    mean_reach, rms_error : float
        The mean of reach, and the root mean square of the errors.
    mean_along, std_along : float
        Mean and standard deviation of the components.
    spread : float
        In theory: the standard deviation of along. The mean is 1.
    """

    gates: np.ndarray
    reach: np.ndarray
    error: np.ndarray
    along: np.ndarray
    mean_reach: float
    rms_error: float
    mean_along: float
    std_along: float
    spread: float


class Truncation(NamedTuple):
    """What a scheme keeps and drops; errors and components are relative to |dL/dW_hh|.

    Attributes
    ----------
    network : TruncatedNetwork
    scheme : str
    T : int
        Smaller than asked for where the gradient overflows.
    k1, k2 : int
        As large as T allows; k2 is tau.
    first : array, shape (T,)
        See ``gates.first_kept``.
    dropped, all : int
        How many cells.
    weights : array, shape (T, T)
        See ``pairs.pair_weights``.
    error, cosine, along : float
        Of the gradient that ``backward`` truncates: error, cosine and component along the full one.
    mean_reach : float
        How many steps a loss reaches, on average.
    law : float
        The error by ``pairs.geometric_law``.
    curves, laws : dict of str to pair of arrays
        Those of the network, and for "tbptt" the same with this k1 and every k2 from k1 to T.
    draw : int
    draws : RandomizedDraws or None
        None for the other schemes.
    """

    network: TruncatedNetwork
    scheme: str
    T: int
    k1: int
    k2: int
    first: np.ndarray
    dropped: int
    all: int
    weights: np.ndarray
    error: float
    cosine: float
    along: float
    mean_reach: float
    law: float
    curves: dict
    laws: dict
    draw: int
    draws: RandomizedDraws | None


def truncation(
    scheme: str = "window",
    T: int = 60,
    tau: int = 10,
    pi: float = 0.9,
    g: float = 1.1,
    draw: int = 0,
    activation: str = "tanh",
    kind: str = "orthogonal",
    units: int = 8,
    reduction: str = "mean",
    seed: int = 0,
    k1: int = 5,
) -> Truncation:
    """Truncate dL/dW_hh by a scheme, and tell which pairs (t, k) it drops and how far it is off.

    Parameters
    ----------
    scheme : {"full", "window", "chunks", "tbptt", "randomized"}
        See ``gates.scheme_options``.
    T : int
        Length of the sequence.
    tau : int
        Of window and chunks, from 1 to T. For "tbptt" it is k2: how many steps an update goes back.
    pi : float
        Of the randomized scheme: the probability of keeping an arrow, above 0 and at most 1.
    g : float
        Scale of W_hh.
    draw : int
        Which of the 100 draws of gates is shown, from 0 on.
    activation, kind : str
        As for ``forward`` and ``init_params``.
    units : int
        How many hidden units.
    reduction : {"mean", "sum", "last"}
        As for ``loss``.
    seed : int
    k1 : int
        Of "tbptt": there is an update every k1 steps, from 1 to tau, which is k2. The other schemes leave it alone.

    Returns
    -------
    Truncation

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the gradient overflows already for T = 1, or a weight 1/pi^(t-k) does.
    """
    _validation.one_of("scheme", scheme, SCHEMES)
    T, seed, pi = _validation.whole_number("T", T, 1), _validation.seed("seed", seed), _validation.probability("pi", pi)
    tau, draw = _validation.whole_number("tau", tau, 1, T, "T = "), _validation.whole_number("draw", draw, 0, DRAWS - 1)
    k1 = _validation.whole_number("k1", k1, 1, *((tau, "k2 = tau = ") if scheme == "tbptt" else ()))
    of_the_network = T, g, activation, kind, units, seed, reduction
    draws = _draws(pi, *of_the_network) if scheme == "randomized" else None
    network = _network(*of_the_network)
    T, last = len(network.y), reduction == "last"
    k2 = min(tau, T)
    k1 = min(k1, k2)
    how = {"gates": draws.gates[draw]} if draws else scheme_options(scheme, T, tau=k2, k1=k1, k2=k2)
    first, losses = first_kept(T, **how), slice(T - 1 if last else None, None)
    weights = pairs.pair_weights(first, pi if draws else 1.0)
    weights[:-1] *= not last  # no cell of these rows is in sight, so none weighs
    curve, law = _curve_of_tbptt(k1, *of_the_network)
    return Truncation(
        network=network,
        scheme=scheme,
        T=T,
        k1=k1,
        k2=k2,
        first=first,
        dropped=int((first - 1)[losses].sum()),
        all=int(np.arange(1, T + 1)[losses].sum()),
        weights=weights,
        **_beside_the_full_one(network, backward(network.trace, network.y, reduction=reduction, **how).W_hh),
        mean_reach=float(_mean_reach(first, last)),
        law=float(pairs.geometric_law(network.r, first, last=last)),
        curves=network.curves | {"tbptt": curve},
        laws=network.laws | {"tbptt": law},
        draw=draw,
        draws=draws,
    )


def _beside_the_full_one(network, gradient):
    """Return error, cosine and component along the full gradient of a truncated one, by name."""
    part, full = (gradient / (network.table.norm or 1.0) for gradient in (gradient, network.full))
    along, size = float(np.sum(part * full)), np.linalg.norm(part)
    cosine = float(along / size) if size else np.nan
    return {"error": float(np.linalg.norm(part - full)), "cosine": cosine, "along": along}


@cached(4)
def _network(T, g, activation, kind, units, seed, reduction):
    params, x = init_params(1, units, 1, scale=g, kind=kind, seed=seed), MEAN + noise(T, NOISE, seed)
    trace, y, full, overflow = _longest_run(params, x, activation, reduction)
    T, last = len(y), reduction == "last"
    table, r = pairs.pair_table(trace, y, reduction=reduction), pairs.growth_per_step(trace, y)
    terms, curves, laws = pairs.variance_terms(table), {}, {}
    for scheme in ("window", "chunks"):
        curves[scheme], laws[scheme] = _curve_and_law(table, r, _first_by_span(scheme, T), last)
    reach = np.cumsum(CURVE[:, None] ** np.arange(T), axis=1)  # of each loss, see randomized_variance.steps_kept
    curves["randomized"] = reach[:, -1] if last else reach.mean(1), np.sqrt([terms.variance(pi)[0] for pi in CURVE])
    return TruncatedNetwork(trace, y, overflow, full, table, terms, r, curves, laws)


@cached(16)
def _curve_of_tbptt(k1, *of_the_network):
    network = _network(*of_the_network)
    T, reduction = len(network.y), of_the_network[-1]
    first = np.array([tbptt(T, k1, k2) for k2 in range(k1, T + 1)])
    return _curve_and_law(network.table, network.r, first, reduction == "last")


def _curve_and_law(table, r, first, last):
    """Return of n schemes, first (n, T), the reach and the error, and the reach and the error by the geometric law."""
    reach, error = _mean_reach(first, last), np.linalg.norm(table.truncation_error(first), axis=(1, 2))
    return (reach, error), (reach, pairs.geometric_law(r, first, last=last))


@lru_cache(8)
def _first_by_span(scheme, T):
    return np.array([first_kept(T, **scheme_options(scheme, T, tau=tau)) for tau in range(1, T + 1)])


def _mean_reach(first, last):
    reach = np.arange(1, first.shape[-1] + 1) - first + 1
    return reach[..., -1] if last else reach.mean(-1)


def _longest_run(params, x, activation, reduction):
    """Return trace, y and gradient of the longest run (about) that does not overflow, and what overflowed."""
    T, overflow = len(x), ""
    while True:
        y = np.ones((T, 1))
        try:
            trace = forward(params, x[:T], h0=np.full(len(params.W_hh), H0), activation=activation)
            return trace, y, backward(trace, y, reduction=reduction).W_hh, overflow
        except FloatingPointError as error:
            if T == 1:
                raise
            overflow, T = overflow or str(error), int(0.98 * T)


@cached(4)
def _draws(pi, *of_the_network):
    network = _network(*of_the_network)
    T, seed, reduction = len(network.y), of_the_network[-2], of_the_network[-1]
    rng = np.random.default_rng((seed, 2))
    gates = np.array([randomized(T, pi, rng) for _ in range(DRAWS)])
    found = pairs.drawn_gradients(network.trace, network.y, gates, reduction=reduction)
    found, full = (gradients / (network.table.norm or 1.0) for gradients in (found, network.full))
    reach = _mean_reach(first_kept(T, gates=gates), reduction == "last")
    error, along = np.linalg.norm(found - full, axis=(1, 2)), np.sum(found * full, axis=(1, 2))
    return RandomizedDraws(
        gates=gates,
        reach=reach,
        error=error,
        along=along,
        mean_reach=reach.mean(),
        rms_error=np.sqrt(np.mean(error**2)),
        mean_along=along.mean(),
        std_along=along.std(),
        spread=np.sqrt(network.terms.variance(pi)[1]),
    )
