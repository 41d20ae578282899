"""How large a gradient is far outside the range of float64, and what the gates leave of it.

Shapes: rows are (T, h) or (T, B, h), row t - 1 for step t; with a batch the norm is over all of (B, h).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._recursion import no_overflow, rescaled, row_norms


class Ways(NamedTuple):
    """The gradient of a loss at step T alone, and the two ways on which it comes to step t.

    The whole is the sum of the two as vectors, so its norm is at most the sum of their norms.

    Attributes
    ----------
    whole : array, shape (T,)
        log10 of the norm of the gradient, entry t - 1 for step t.
    direct : array, shape (T,)
        log10 of the norm of the part that meets nothing but the gates that keep the state.
    through_gates : array, shape (T,)
        log10 of the norm of the rest: what has gone through a gate or the candidate at least once.
    """

    whole: np.ndarray
    direct: np.ndarray
    through_gates: np.ndarray


def followed(step, v, T):
    """Return v_1 .. v_T as rows of numbers near 1 and the exponents of two of each; ``step(t, v)`` makes v_{t-1}."""
    rows, exponents = np.empty((T, *v.shape)), np.empty((T, *v.shape[:-1]))
    found = rescaled(lambda lag, v: step(T - lag, v), v, T - 1)
    for t, (row, exponent) in zip(reversed(range(T)), found, strict=True):
        rows[t], exponents[t] = row, exponent
    return rows, exponents


def driven(keep, drive, exponents):
    """Return rest_1 .. rest_T and their exponents of two, for rest_T = 0, rest_{t-1} = keep_t * rest_t + drive_{t-1}.

    The rows of ``drive`` and ``exponents`` are those of step t as ``followed`` counts them; that of step T is left out.
    """
    rests, powers, power = np.zeros_like(drive), np.zeros_like(exponents), exponents[-1]
    for t in reversed(range(len(drive) - 1)):
        common = np.maximum(power, exponents[t])
        earlier, now = (np.exp2(one - common)[..., None] for one in (power, exponents[t]))
        rest = keep[t + 1] * rests[t + 1] * earlier + drive[t] * now
        largest = np.abs(rest).max(-1)
        shift = np.frexp(largest)[1]
        rests[t] = np.ldexp(rest, -shift[..., None])
        powers[t] = power = np.where(largest > 0, common + shift, exponents[t])
    return rests, powers


def log10_sizes(rows, exponents):
    """Return log10 of the norm at each step of rows (T, ..., n) times two to the power of exponents (T, ...)."""
    norms = row_norms(rows.reshape(-1, rows.shape[-1])).reshape(len(rows), -1)
    no_overflow("dL/dh_t", norms)
    with np.errstate(divide="ignore"):
        return root_of_squares(np.log10(norms) + np.log10(2) * exponents.reshape(norms.shape))


def root_of_squares(decades):
    """Return log10 of the root of the sum of squares over each row of numbers that are given by their log10."""
    if decades.shape[1] == 1:
        return decades[:, 0]
    return np.logaddexp.reduce(2 * np.log(10) * decades, 1) / (2 * np.log(10))


def log10_products(keep, k):
    """Return log10 of the product of rows k + 1 .. t, for t = k .. T."""
    with np.errstate(divide="ignore"):
        decades = np.log10(keep[k:])
    return np.concatenate([np.zeros_like(keep[:1]), np.cumsum(decades, 0)])


def log10_direct(keep, last, exponent):
    """Return log10 of the norm of last, times a power of two, times the product of rows t + 1 .. T, for t = 1 .. T."""
    with np.errstate(divide="ignore"):
        start = np.log10(np.abs(last)) + np.log10(2) * exponent[..., None]
    decades = start + log10_products(keep[::-1], 0)[-2::-1]
    return root_of_squares(decades.reshape(len(keep), -1))
