"""What the passes forwards and backwards are made of: products over rows, gates, and the look at what overflows.

Shapes: rows are (T, n) or (T, B, n), row t - 1 for step t. Nothing here looks at its arguments: the public functions
that call it have done so.
"""

import numpy as np

from . import _validation
from ._validation import Overflow
from .activations import ACTIVATIONS

SHORTEST = 32  # steps; to begin a stretch takes as long as some steps do
CACHED = 12_000  # numbers; an array of them is small enough that the system need not find new memory for it each time

# --- products over rows ---


def affine(W, rows, bias=None, out=None):
    """Return W v + bias for every row v of a (T, ..., n) array, as one matrix product."""
    shape = (*rows.shape[:-1], len(W))
    flat = None if out is None else out.reshape(-1, len(W))
    result = np.dot(rows.reshape(-1, rows.shape[-1]), W.T, out=flat)
    if bias is not None:
        result += bias
    return result.reshape(shape)


def product(rows, W):
    """Return W^T v for every row v of a (T, ..., n) array, as one matrix product."""
    return np.dot(rows.reshape(-1, rows.shape[-1]), W).reshape(*rows.shape[:-1], W.shape[1])


def multiplier(W, batch):
    """Return ``f(v, out)``, which writes W v into ``out``; with a batch, for each of the rows v."""
    return (lambda rows, out: rows.dot(W.T, out)) if batch else np.ascontiguousarray(W).dot


def cached_stretches(T, width, least):
    """Cut 0 .. T into (start, stop), alike in length but the last, and return them with that length.

    Rows of ``width`` numbers then stay in the cache until they are used again, unless SHORTEST of them are too many. A
    stretch has about ``least`` numbers or more, so that a matrix that is read or written once in each costs little.
    """
    pieces = max(1, round(T * width / max(CACHED, least, SHORTEST * width)))
    steps = -(-T // pieces)
    return [(start, min(start + steps, T)) for start in range(0, T, steps)], steps


def outer_sum(left, right):
    """Return the sum over all rows of left row times right row, transposed, as one matrix product."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])  # np.dot would copy cut rows


def row_sum(rows):
    """Return the sum over all rows, as one matrix product."""
    flat = rows.reshape(-1, rows.shape[-1])
    return np.ones(len(flat), flat.dtype).dot(flat)


def outer(left, right):
    """Return for each step the sum over the batch of left row times right row, transposed; rows are (T, ..., B, n)."""
    return np.swapaxes(left, -1, -2) @ right


def row_norms(rows):
    """Return the Euclidean norm of each row of a (T, ..., n) array; its squares neither overflow nor underflow."""
    flat = np.abs(rows.reshape(len(rows), -1))
    largest = flat.max(1)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)
    unit = flat / scale[:, None]
    return scale * np.sqrt(np.einsum("ti,ti->t", unit, unit))


# --- losses and gates ---


def weigh(rows, reduction, weights=None):
    """Multiply row t - 1 by w_t, in place, and return the rows: (T, q), or (T, ..., B, q) with a batch.

    ``weights`` are those of ``checked_weights``; without them the reduction says all.
    """
    if weights is not None:
        w = over_rows(weights, rows)
        rows *= w
        np.copyto(rows, 0, where=w == 0)  # also a loss that overflows
    elif reduction == "mean":
        rows /= len(rows)
    elif reduction == "last":
        rows[:-1] = 0
    return rows


def checked_weights(weights, reduction, T, batch):
    """Return w_t as it multiplies l_t in L, apart from 1/B, shape (T,) or (T, B), and where a label counts; or None."""
    if weights is None:
        return None, None
    given = _validation.array("weights", weights)
    w = _by_step("weights", given * 1.0 if given.dtype == bool else given, T, batch).astype(float)
    if (w < 0).any():
        raise ValueError(f"weights has {w[w < 0][0]}, wanted numbers from 0 on")
    counts = w > 0
    if reduction == "last":
        w[:-1] = 0
    if not w.any():
        where = " at step T, the one that counts" if reduction == "last" and counts.any() else ""
        raise ValueError(f"weights are all 0{where}, wanted one above 0")
    if reduction != "sum":
        w /= w.max()  # their sum does not overflow
        w /= w.sum() / (1 if w.ndim == 1 else w.shape[1])
    return w, counts


def checked_gates(gates, T, batch=()):
    """Return gates as an array of finite real numbers, shape (T,) or (T, B), or None."""
    return None if gates is None else _by_step("gates", gates, T, batch)


def _by_step(symbol, value, T, batch):
    """Return a finite real number for each step, or for each step and each sequence of a batch."""
    value = _validation.real(symbol, value)
    if batch and value.ndim != 1:
        return _validation.real_array(symbol, value, (T, *batch), "(T,) or (T, B)")
    return _validation.real_array(symbol, value, (T,), "(T,)")


def over_rows(numbers, rows):
    """Return numbers of shape (T,) or (T, B) such that they multiply rows of shape (T, ..., n) or (T, ..., B, n)."""
    T, *batch = numbers.shape
    between = rows.ndim - 2 - len(batch)
    return numbers.reshape(T, *[1] * between, *batch, 1)


def slopes(trace):
    """Return phi'(z_t) for t = 1 .. T, shaped as h without its first row."""
    return ACTIVATIONS[trace.activation].slope(trace.h[1:])


def by_lag(slope, W_hh, dh):
    """Follow every loss back at once (9.7.15): yield, for lag = 0 .. T - 1, the flows dl_t/dh_k with t - k = lag.

    ``dh`` holds dl_t/dh_t = W_qh^T dl_t/do_t in row t - 1. What is yielded is a slice, the rows of k, and
    an array of as many rows. Losses before the first one that counts are left out.
    """
    T, first, rows = len(dh), first_loss(dh), dh
    for lag in range(T):
        start = max(first, lag)
        rows = rows[start - T :]
        if lag:
            rows = product(slope[start - lag + 1 : T - lag + 1] * rows, W_hh)
        yield slice(start - lag, T - lag), rows


def first_loss(dh):
    """Return the first row that is not zero."""
    return int(np.argmax(dh.reshape(len(dh), -1).any(1)))


# --- far outside the range of float64 ---


def rescaled(step, v, T, every=8):
    """Multiply rows T times: yield v_0 .. v_T, each as numbers near 1 and the power of two of each row.

    ``step(t, v)`` returns v_{t+1}. Rows are (..., n); in every so many steps they are looked at, and written over.
    """
    exponents = np.zeros(v.shape[:-1], int)
    for t in range(T + 1):
        if t % every == 0:
            shift = np.frexp(np.abs(v).max(-1))[1]
            np.ldexp(v, -shift[..., None], out=v)
            exponents = exponents + shift
        yield v, exponents
        if t < T:
            v = step(t, v)


# --- what overflows ---


def first_overflow(arrays, start=1):
    """Raise Overflow for the first t at which one of the arrays, by symbol, is not finite; row 0 is t = ``start``."""
    if not _validation.is_finite(*arrays.values()):
        bad = {symbol: start + _first(rows) for symbol, rows in arrays.items() if not np.isfinite(rows).all()}
        symbol = min(bad, key=bad.get)
        raise Overflow(symbol, arrays[symbol].dtype, bad[symbol])


def _first(rows):
    return int(np.argmin(np.isfinite(rows).reshape(len(rows), -1).all(1)))


def no_overflow(symbol, rows, start=1):
    """Raise Overflow for the last row, the first one on the way back, that is not finite; row 0 is t = ``start``."""
    if not _validation.is_finite(rows):
        bad = ~np.isfinite(rows).reshape(len(rows), -1).all(1)
        raise Overflow(symbol, rows.dtype, start + int(np.flatnonzero(bad)[-1]), going="going back first at")


def all_finite(**arrays):
    """Raise FloatingPointError for an array, by symbol, that is not finite."""
    given = {symbol: array for symbol, array in arrays.items() if array is not None}
    if _validation.is_finite(*given.values()):
        return
    for symbol, array in given.items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"dL/d{symbol} overflows {array.dtype}")
