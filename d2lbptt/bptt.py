"""Backpropagation through time: the gradient of L in one pass from t = T back to t = 1.

    dL/do_t  = w_t dl(o_t, y_t)/do_t                                     9.7.11
    dL/dW_qh = sum_t dL/do_t h_t^T                                       9.7.12
    dL/dh_T  = W_qh^T dL/do_T                                            9.7.13
    dL/dh_t  = W_hh^T (phi'(z_{t+1}) * dL/dh_{t+1}) + W_qh^T dL/do_t     9.7.14
    dL/dh_t  = the same, written out as a sum over the losses at t .. T  9.7.15
    dL/dW_hx = sum_t (phi'(z_t) * dL/dh_t) x_t^T
    dL/dW_hh = sum_t (phi'(z_t) * dL/dh_t) h_{t-1}^T                     9.7.16

The slope phi'(z_t) is 1 in the book, which takes the identity for phi; with it these are the formulas for tanh.

Shapes: as in ``rnn``; dL/dh_t and dL/do_t stand in T rows, row t - 1 for step t.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._recursion import (
    CACHED,
    all_finite,
    by_lag,
    cached_stretches,
    checked_gates,
    multiplier,
    no_overflow,
    outer_sum,
    over_rows,
    product,
    row_norms,
    row_sum,
    slopes,
    weigh,
)
from .activations import ACTIVATIONS
from .gates import first_kept
from .rnn import Trace, _targets, _total, checked_trace

__all__ = ["Gradients", "backward", "itemized", "loss_and_gradients", "output_gradient"]


class Gradients(NamedTuple):
    """The gradient of L with respect to everything; each field has the shape of what it belongs to.

    Attributes
    ----------
    W_hx, W_hh, W_qh : array
        dL/dW_hx, dL/dW_hh (9.7.16) and dL/dW_qh (9.7.12).
    b_h, b_q : array, or None where there is no such bias
    h0 : array, shape (h,) or (B, h)
        dL/dh_0.
    h : array, shape (T, h) or (T, B, h)
        dL/dh_t (9.7.14): what multiplies phi'(z_t) in the weight gradients, also when truncated.
    o : array, shape (T, q) or (T, B, q)
        dL/do_t (9.7.11).
    """

    W_hx: np.ndarray
    W_hh: np.ndarray
    W_qh: np.ndarray
    b_h: np.ndarray | None
    b_q: np.ndarray | None
    h0: np.ndarray
    h: np.ndarray
    o: np.ndarray


def backward(
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
    gates: ArrayLike | None = None,
    window: int | None = None,
    first: ArrayLike | None = None,
) -> Gradients:
    """Return the gradient of L by backpropagation through time (9.7.11 - 9.7.16).

    Parameters
    ----------
    trace : Trace
        What ``forward`` returned.
    y, loss, reduction, weights
        As for ``loss``.
    gates : array, shape (T,) or (T, B), optional
        xi_t, entry t - 1, multiplies what flows from step t to step t - 1 (9.7.8); the first entry
        is the arrow to h_0. See ``chunks`` and ``randomized``.
    window : int, optional
        tau, from 1 to T: for the loss of step t only the uses of the parameters in the last tau
        steps count, k = t - tau + 1 .. t. tau = T keeps everything. h_0 enters through step 1.
    first : array of int, shape (T,), optional
        For the loss of step t, the first step whose use of the parameters counts: entry t - 1, from 1 to t. h_0 is
        reached by those that reach step 1. Every truncation that weighs nothing is of this form. See ``tbptt``.

    Returns
    -------
    Gradients

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit the trace; if more than one of gates, window and first are given.
    FloatingPointError
        If the gradient overflows. The message names the first t, going back, at which it does.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        do = _output_gradient(trace, y, loss, reduction, weights)
        return _backward(trace, do, *_cut(trace, gates, window, first))


def loss_and_gradients(
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
    gates: ArrayLike | None = None,
    window: int | None = None,
    first: ArrayLike | None = None,
) -> tuple[float, Gradients]:
    """Return L and its gradient, as ``loss`` and ``backward`` do, in less time: what both need is computed once.

    Parameters
    ----------
    trace, y, loss, reduction, weights, gates, window, first
        As for ``backward``.

    Returns
    -------
    float, Gradients
        L (9.7.10), complex if the trace is, and its gradient (9.7.11 - 9.7.16).

    Raises
    ------
    TypeError, ValueError
        As ``backward`` does.
    FloatingPointError
        If the loss or the gradient overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        rule, y, w = _targets(trace, y, loss, reduction, weights)
        kept = _cut(trace, gates, window, first)
        per_step, slope = rule.both(trace.o, y)
        return _total(per_step, reduction, w), _backward(trace, _weighed(slope, reduction, w), *kept)


def _cut(trace, gates, window, first):
    """Return the gates, or None, and the first step that each loss reaches, or None."""
    _validation.at_most_one(gates=gates, window=window, first=first)
    T, *batch, _ = trace.x.shape
    if window is None and first is None:
        return checked_gates(gates, T, tuple(batch)), None
    return None, first_kept(T, window=window, first=first)


def _backward(trace, do, gates=None, first=None):
    """Return the gradient that follows from dL/do_t, with gates, or with the first step that each loss reaches.

    With rows [phi'(z_{t+1}) * dL/dh_{t+1}, dL/do_t], t = T .. 0, a step back, 9.7.14, is [W_hh; W_qh]^T row, and
    9.7.12 and 9.7.16 are one product, [dL/dW_hh; dL/dW_qh] = sum_t row h_t^T. What is not there, phi'(z_{T+1}) and
    dL/do_0, is 0.
    """
    params, x, h, _, activation = trace
    (T, *batch, q), n = do.shape, len(params.W_hh)
    W, slope_of, total = np.concatenate([params.W_hh, params.W_qh]), ACTIVATIONS[activation].slope, None
    dh = np.empty((T + 1, *batch, n), do.dtype)  # dL/dh_0 .. dL/dh_T
    if first is None:
        dh[T], times_W = do[-1] @ params.W_qh, multiplier(W.T, batch)  # 9.7.13
    else:
        dh[1:] = _truncated(slopes(trace), params.W_hh, product(do, params.W_qh), first)
    stretches, longest = cached_stretches(T + 1, math.prod(batch) * (n + q), 2 * W.size)
    scratch = np.empty((longest, *batch, n + q), do.dtype)
    for start, stop in reversed(stretches):
        rows, later = scratch[: stop - start], slice(start + 1, stop + 1)
        dz = _slopes_beside(rows, h[later], slope_of, do[max(start - 1, 0) : stop - 1])
        if first is not None:
            dz *= dh[later]
        elif gates is None:
            _go_back(rows[: len(dz)], dz, times_W, dh[start : stop + 1])
        else:
            dz *= over_rows(gates[start:stop].astype(h.dtype), dz)
            _go_back(rows[: len(dz)], dz, times_W, dh[start : stop + 1])
            np.multiply(slope_of(h[later]), dh[later], out=dz)  # the gradient of the parameters has no gate
        no_overflow("dL/dh_t", dh[max(start, 1) : stop], max(start, 1))
        found = outer_sum(rows, h[start:stop]), outer_sum(x[start:stop], dz), row_sum(rows)
        total = found if total is None else [np.add(a, b, out=a) for a, b in zip(total, found, strict=True)]
    if first is not None:
        dh[0] = product(dz[:1], params.W_hh)[0]
    return _gradients(params, *total, dh, do)


def _slopes_beside(rows, h, slope_of, do):
    """Write [phi'(z_{t+1}), dL/do_t] into the rows of t; return the left part of those that have a z_{t+1}."""
    n, few, without = h.shape[-1], CACHED // math.prod(h.shape[1:]) + 1, len(rows) - len(do)
    dz, right = rows[: len(h), ..., :n], rows[..., n:]
    rows[len(h) :, ..., :n], right[:without], right[without:] = 0, 0, do
    for i in range(0, len(h), few):
        dz[i : i + few] = slope_of(h[i : i + few])
    return dz


def _go_back(rows, dz, times_W, dh):
    """Write dL/dh_t from the last row to the first, once it is there for the step after; dz is a part of the rows."""
    multiply, later = np.multiply, dh[-1]
    for row, dz_t, dh_t in zip(rows[::-1], dz[::-1], dh[-2::-1], strict=True):
        multiply(dz_t, later, dz_t)
        later = times_W(row, dh_t)


def _gradients(params, W, W_xh, b, dh, do):
    """Take [dL/dW_hh; dL/dW_qh] and [dL/db_h, dL/db_q] apart, and turn dL/dW_hx, which takes less time transposed."""
    n, h0, W_hx = len(params.W_hh), dh[0], np.ascontiguousarray(W_xh.T)
    b_h, b_q = None if params.b_h is None else b[:n], None if params.b_q is None else b[n:]
    if not _validation.is_finite(W_xh, W, b, h0):
        all_finite(W_hx=W_hx, W_hh=W[:n], W_qh=W[n:], b_h=b_h, b_q=b_q, h0=h0)
    return Gradients(W_hx, W[:n], W[n:], b_h, b_q, h0, dh[1:], do)


def _truncated(slope, W_hh, own, first):
    """Return dL/dh_t where the loss of step t reaches back to step first[t - 1]; ``own`` is W_qh^T dL/do_t."""
    # Losses that end at the same step go back together; all such groups move at once, each from its last loss on.
    ends, from_the_end = np.unique(first[::-1], return_index=True)
    start = len(first) - from_the_end
    longest_first = np.argsort(ends - start, kind="stable")
    ends, start = ends[longest_first], start[longest_first]
    dh, rows = np.zeros_like(own), np.zeros_like(own[: len(start)])
    for lag in range(start[0] - ends[0] + 1):
        groups = np.searchsorted(ends - start, -lag, side="right")  # so many reach as far back as that
        k = start[:groups] - lag
        if lag:
            rows = product(slope[k] * rows[:groups], W_hh)
        joins = first[k - 1] == ends[:groups]
        rows[joins] += own[k[joins] - 1]
        dh[k - 1] += rows
    return dh


def itemized(
    trace: Trace, y: ArrayLike, *, loss: str = "squared_error", weights: ArrayLike | None = None
) -> np.ndarray:
    """Return the size of every single flow of the gradient, from the loss of step t to the state of step k.

    Parameters
    ----------
    trace, y, loss
        As for ``backward``.
    weights : array, shape (T,) or (T, B), optional
        Each multiplies its l_t; see ``loss``.

    Returns
    -------
    array, shape (T, T)
        Row t - 1, column k - 1 holds |dl_t/dh_k|, the loss of one step taken by itself, without 1/T;
        nan for k > t, where nothing can flow. With a batch, the norm is over all of (B, h).

    Raises
    ------
    TypeError, ValueError
        If y does not fit the trace, or the table does not fit in memory.
    FloatingPointError
        If an entry overflows.

    Notes
    -----
    A window of tau keeps the diagonals t - k < tau; chunks keep the squares along the main diagonal.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        do = _output_gradient(trace, y, loss, "sum", weights)
        T, W_hh = len(do), trace.params.W_hh
        _validation.fits_in_memory("the table of |dl_t/dh_k|", T * T, float, f"T = {T}")
        table = np.zeros((T, T), do.real.dtype)
        for lag, (steps, rows) in enumerate(by_lag(slopes(trace), W_hh, product(do, trace.params.W_qh))):
            k = np.arange(T)[steps]
            table[k + lag, k] = row_norms(rows)
    no_overflow("dl_t/dh_k", table.T)
    table[np.triu_indices(T, 1)] = np.nan
    return table


def output_gradient(
    trace: Trace, y: ArrayLike, loss: str, reduction: str, weights: ArrayLike | None = None
) -> np.ndarray:
    """Return dL/do_t for every t (9.7.11).

    Parameters
    ----------
    trace, y, loss, reduction, weights
        As for ``loss``.

    Returns
    -------
    array, shaped as o
        Row t - 1 for step t.

    Raises
    ------
    TypeError, ValueError
        If y does not fit the trace, or a name is unknown.
    FloatingPointError
        If an entry overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        do = _output_gradient(checked_trace(trace), y, loss, reduction, weights)
    no_overflow("dL/do_t", do)
    return do


def _output_gradient(trace, y, loss, reduction, weights=None):
    rule, y, w = _targets(trace, y, loss, reduction, weights)
    return _weighed(rule.slope(trace.o, y), reduction, w)


def _weighed(slope, reduction, w):
    do = weigh(slope, reduction, w)
    if do.ndim == 3:
        do /= do.shape[1]
    return do
