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

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._recursion import (
    all_finite,
    by_lag,
    checked_gates,
    no_overflow,
    outer_sum,
    over_rows,
    product,
    row_norms,
    slopes,
    weigh,
)
from .gates import first_kept
from .rnn import Trace, _targets, checked_trace

__all__ = ["Gradients", "backward", "itemized", "output_gradient"]


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
    _validation.at_most_one(gates=gates, window=window, first=first)
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        do = _output_gradient(trace, y, loss, reduction, weights)
        W_hh, W_qh = trace.params.W_hh, trace.params.W_qh
        slope = slopes(trace)
        if window is None and first is None:
            xi = checked_gates(gates, len(do), do.shape[1:-1])
            adjoint = _adjoint_single if do.ndim == 2 else _adjoint_batch
            dh = adjoint(_gated(slope, xi), W_hh, W_qh, do)
        else:
            dh = _truncated(slope, W_hh, product(do, W_qh), first_kept(len(do), window=window, first=first))
        no_overflow("dL/dh_t", dh)
        dz = np.multiply(slope, dh, out=slope if slope.dtype == dh.dtype else None)
        dh0 = product(dz[:1], W_hh)[0]
        if gates is not None:
            dh0 *= xi[0][..., None]
        gradients = Gradients(
            W_hx=outer_sum(dz, trace.x),
            W_hh=outer_sum(dz, trace.h[:-1]),
            W_qh=outer_sum(do, trace.h[1:]),
            b_h=None if trace.params.b_h is None else dz.reshape(-1, len(W_hh)).sum(0),
            b_q=None if trace.params.b_q is None else do.reshape(-1, len(W_qh)).sum(0),
            h0=dh0,
            h=dh,
            o=do,
        )
    all_finite(**{name: rows for name, rows in gradients._asdict().items() if name not in ("h", "o")})
    return gradients


def _adjoint_single(slope, W_hh, W_qh, do):
    # 9.7.13 and 9.7.14 with rows [phi'(z_{t+1}) * dL/dh_{t+1}, dL/do_t], so that a step is two calls.
    h = len(W_hh)
    rows = np.empty((len(do), h + do.shape[1]), do.dtype)
    rows[:, :h], rows[1:, h:] = slope, do[:-1]
    times_W, multiply = np.ascontiguousarray(np.concatenate([W_hh, W_qh]).T).dot, np.multiply
    dh = np.empty((len(do), h), do.dtype)
    dh[-1] = later = do[-1] @ W_qh
    for row, dz, current in zip(rows[:0:-1], rows[:0:-1, :h], dh[-2::-1], strict=True):
        multiply(dz, later, dz)
        later = times_W(row, current)
    return dh


def _adjoint_batch(slope, W_hh, W_qh, do):
    # 9.7.13 and 9.7.14: all W_qh^T dL/do_t at once, then what flows back is added step by step.
    dh = product(do, W_qh)
    dz, flow = np.empty_like(dh[0]), np.empty_like(dh[0])
    for step_slope, later, current in zip(slope[:0:-1], dh[:0:-1], dh[-2::-1], strict=True):
        np.multiply(step_slope, later, dz)
        dz.dot(W_hh, flow)
        np.add(current, flow, current)
    return dh


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
    do = weigh(rule.slope(trace.o, y), reduction, w)
    if do.ndim == 3:
        do /= do.shape[1]
    return do


def _gated(slope, xi):
    if xi is None:
        return slope
    return slope * over_rows(xi.astype(slope.dtype), slope)
