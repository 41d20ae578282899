"""Truncation: gates xi_t on the arrow from h_t back to h_{t-1} (9.7.8), or the first step that a loss reaches.

    dL/dh_{t-1} = xi_t W_hh^T (phi'(z_t) * dL/dh_t) + W_qh^T dL/do_{t-1}

xi_t = 1 is the full gradient, xi_t = 0 detaches, xi_t in {0, 1/pi} is randomized truncation. The sliding
window is no gate, because it asks how far back the LOSS is; nor is truncated BPTT with k1 and k2, where an update every
k1 steps goes back over k2. What all have that weigh nothing is one row of whole numbers: for the loss of each step, the
first step that it still reaches.

Shapes: T gates, entry t - 1 is xi_t; the first one is the arrow to h_0. The first steps are (T,) as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import at_most_one

__all__ = ["SCHEMES", "chunks", "randomized", "tbptt", "scheme_options", "first_kept"]


def chunks(T: int, tau: int) -> np.ndarray:
    """Return the gates that cut a sequence into chunks of tau steps, as detaching does.

    Parameters
    ----------
    T : int
        Length of the sequence.
    tau : int
        Length of a chunk, from 1 to T.

    Returns
    -------
    array, shape (T,)
        xi_t = 0 where a chunk begins, t = tau + 1, 2 tau + 1, ...; 1 elsewhere, also at t = 1.

    Raises
    ------
    TypeError, ValueError
        If T or tau is no whole number in its range, or the gates do not fit in memory.
    """
    T = _steps(T)
    tau = _validation.whole_number("tau", tau, 1, T, "T = ")
    xi = np.ones(T)
    xi[tau::tau] = 0
    return xi


def randomized(T: int, pi: ArrayLike, rng: np.random.Generator) -> np.ndarray:
    """Draw the gates of randomized truncation (9.7.8): 1/pi with probability pi, else 0, so that E[xi] = 1.

    Parameters
    ----------
    T : int
        Length of the sequence.
    pi : float or array, shape (T,)
        Probability of keeping an arrow, above 0 and at most 1; pi_t is entry t - 1.
    rng : numpy.random.Generator

    Returns
    -------
    array, shape (T,)

    Raises
    ------
    TypeError, ValueError
        If T, pi or rng is not as described, or the gates do not fit in memory. pi = 0, which the book allows, would
        make E[xi] = 0.
    FloatingPointError
        If 1/pi overflows.
    """
    T, pi = _steps(T, 3), _validation.real("pi", pi)
    if pi.ndim:
        _validation.shaped("pi", pi, (T,), "a number or (T,)")
    outside = ~((pi > 0) & (pi <= 1))
    if outside.any():
        raise ValueError(f"pi is {pi[outside].flat[0]}, wanted above 0 and at most 1")
    with np.errstate(over="ignore"):
        kept = 1 / pi.astype(float)
    if not np.isfinite(kept).all():
        raise FloatingPointError(f"1/pi overflows {kept.dtype}")
    return np.where(_validation.generator("rng", rng).random(T) < pi, kept, 0.0)


def tbptt(T: int, k1: int, k2: int) -> np.ndarray:
    """Return the first steps that the losses reach in truncated BPTT: an update every k1 steps, back over k2.

    Parameters
    ----------
    T : int
        Length of the sequence.
    k1 : int
        Every k1 steps there is an update, for the losses since the one before; the last one is at T. From 1 to k2.
    k2 : int
        The losses of an update flow back over its last k2 steps, from k1 to T.

    Returns
    -------
    array of int, shape (T,)
        max(1, e - k2 + 1), entry t - 1, with e the end of the update to which the loss of step t belongs:
        ``backward(trace, y, first=tbptt(T, k1, k2))`` is the sum over all updates.

    Raises
    ------
    TypeError, ValueError
        If T, k1 or k2 is no whole number in its range, or the steps do not fit in memory.

    Notes
    -----
    Williams and Peng 1990, Neural Computation 2, 490-501, call it BPTT(h; h'), with h = k2 and h' = k1. k1 = 1 is the
    sliding window of k2; k1 = k2 = k are chunks of k, if k divides T; k1 = k2 = T is the full gradient.
    """
    T = _steps(T, 3)
    k2 = _validation.whole_number("k2", k2, 1, T, "T = ")
    k1 = _validation.whole_number("k1", k1, 1, k2, "k2 = ")
    end = np.minimum(-(-np.arange(1, T + 1) // k1) * k1, T)
    return np.maximum(end - k2 + 1, 1)


def _steps(T, numbers=1) -> int:
    """Return T as an int; for each step some numbers must fit in memory."""
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("xi_t", numbers * T, float, f"T = {_validation.shown(T)}")
    return T


SCHEMES = ("full", "window", "chunks", "tbptt", "randomized")


def scheme_options(
    scheme: str,
    T: int,
    *,
    tau: int | None = None,
    pi: ArrayLike | None = None,
    k1: int | None = None,
    k2: int | None = None,
    rng: np.random.Generator | None = None,
) -> dict:
    """Return what ``backward`` has to be told for a scheme of truncation: nothing, a window, first steps, or gates.

    Parameters
    ----------
    scheme : {"full", "window", "chunks", "tbptt", "randomized"}
        The whole gradient; the sliding window of tau; chunks of tau, detached; an update every k1 steps, back over k2;
        randomized truncation with pi.
    T : int
        Length of the sequence.
    tau : int, optional
        From 1 to T, wanted for "window" and "chunks"; the other schemes leave it alone.
    pi : float or array, shape (T,), optional
        Wanted for "randomized"; the other schemes leave it alone.
    k1, k2 : int, optional
        As for ``tbptt``, wanted for "tbptt"; the other schemes leave them alone.
    rng : numpy.random.Generator, optional
        Wanted for "randomized"; the other schemes leave it alone.

    Returns
    -------
    dict
        ``backward(trace, y, **scheme_options(...))``.

    Raises
    ------
    TypeError, ValueError
        If the scheme is unknown, or what it needs is missing or out of range.
    """
    _validation.one_of("scheme", scheme, SCHEMES)
    T = _validation.whole_number("T", T, 1)
    if scheme == "window":
        return {"window": _validation.whole_number("tau", tau, 1, T, "T = ")}
    if scheme == "chunks":
        return {"gates": chunks(T, _validation.whole_number("tau", tau, 1, T, "T = "))}
    if scheme == "tbptt":
        k1, k2 = (_validation.whole_number(symbol, value, 1) for symbol, value in (("k1", k1), ("k2", k2)))
        return {"first": tbptt(T, k1, k2)}
    if scheme == "randomized":
        pi = _validation.real_number("pi", pi) if pi is None else pi
        return {"gates": randomized(T, pi, _validation.generator("rng", rng))}
    return {}


def first_kept(
    T: int, *, gates: ArrayLike | None = None, window: int | None = None, first: ArrayLike | None = None
) -> np.ndarray:
    """Return, for the loss of each step t, the first step k whose use of a parameter it still reaches.

    Parameters
    ----------
    T : int
    gates : array, shape (T,) or (n, T), optional
        As for ``backward``; with n rows, of n draws.
    window : int, optional
        As for ``backward``.
    first : array of int, shape (T,), optional
        As for ``backward``: what is returned, once it is known to fit.

    Returns
    -------
    array of int, shape (T,) or (n, T)
        Entry t - 1; it reaches k = first .. t, and its length is t - first + 1. 1 everywhere if none of them is given.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit T, more than one of them is given, or the steps do not fit in memory.
    """
    t = np.arange(1, _steps(T, 3) + 1)
    T = len(t)
    at_most_one(gates=gates, window=window, first=first)
    if first is not None:
        first = _first(first)
        return _validation.shaped("first", first, (T,), "(T,)")
    if window is not None:  # of k1 = 1 and k2 = tau, in the words of ``tbptt``
        return tbptt(T, 1, _validation.whole_number("window", window, 1, T, "T = "))
    if gates is not None:
        gates = _validation.finite("gates", _validation.real("gates", gates))
        _validation.shaped("gates", gates, (None, T) if gates.ndim == 2 else (T,), "(T,) or (n, T)")
        return np.maximum.accumulate(np.where(gates == 0, t, 1), axis=-1)
    return np.ones_like(t)


def _first(first, many=False) -> np.ndarray:
    """Return first_kept as whole numbers that fit; many says whether there may be a row for each of n draws."""
    first = _validation.whole("first", first)
    T = first.shape[-1] if first.ndim else 0
    if many and first.ndim == 2:
        _validation.shaped("first", first, (None, None), "(n, T)")
    else:
        _validation.shaped("first", first, (None,), "(T,) or (n, T)" if many else "(T,)")
    outside = (first < 1) | (first > np.arange(1, T + 1))
    if outside.any():
        raise ValueError(f"first is {first[outside].flat[0]} for a step t, wanted whole numbers from 1 to t")
    return first.astype(np.int64)
