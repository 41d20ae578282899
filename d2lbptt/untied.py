"""What each use of a weight, each loss, and each pair of the two contributes to a gradient.

    dL/dW = sum_k by_use[k] = sum_t by_loss[t] = sum_t sum_{k <= t} by_pair[t, k]

    by_use[k]  = (phi'(z_k) * dL/dh_k) u_k^T             immediate derivative, total slope: 9.7.16
    by_loss[t] = W_qh^T dL/do_t  dh_t/dW                 total derivative, own slope: 9.7.3
    by_pair    : from the loss of step t alone to the copy of W that step k uses

where u_k is what W is multiplied by in step k: x_k or h_{k-1}. W_qh meets h_k, and the slope of o_k.
The two routes add up one table, by columns and by rows.

Shapes: the leading axis or axes are steps, entry t - 1 for step t; then the shape of W. A batch is summed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._recursion import by_lag, no_overflow, outer, product, slopes
from .bptt import _output_gradient, backward
from .graph import WEIGHTS
from .rnn import Trace, checked_trace
from .total_derivative import total_derivatives

__all__ = ["by_loss", "by_pair", "by_use"]


def by_use(
    trace: Trace,
    y: ArrayLike,
    parameter: str = "W_hh",
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
) -> np.ndarray:
    """Return what each use of a weight contributes to its gradient: the gradient of T untied copies.

    Parameters
    ----------
    trace, y, loss, reduction, weights
        As for ``backward``.
    parameter : {"W_hx", "W_hh", "W_qh"}

    Returns
    -------
    array, shape (T, ...)
        Entry k - 1 is the derivative of L with respect to the copy that step k uses; the sum over k
        is the gradient of ``backward``.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    FloatingPointError
        If an entry overflows.
    """
    _validation.one_of("parameter", parameter, WEIGHTS)
    trace = checked_trace(trace)
    gradient = backward(trace, y, loss=loss, reduction=reduction, weights=weights)
    with np.errstate(over="ignore", invalid="ignore"):
        if parameter == "W_qh":
            found = _outer_rows(gradient.o, trace.h[1:])
        else:
            found = _outer_rows(slopes(trace) * gradient.h, _entering(trace, parameter))
    no_overflow(f"what a use contributes to dL/d{parameter}", found)
    return found


def by_loss(
    trace: Trace,
    y: ArrayLike,
    parameter: str = "W_hh",
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
) -> np.ndarray:
    """Return what the loss of each step contributes to the gradient of a weight, by forward accumulation.

    Parameters and errors are those of ``by_use``, without W_qh.

    Returns
    -------
    array, shape (T, ...)
        Entry t - 1 is the derivative of the part of L that belongs to step t.
    """
    _validation.one_of("parameter", parameter, WEIGHTS[:2])
    trace = checked_trace(trace)
    d = trace.params.W_hx.shape[1]
    part = slice(d) if parameter == "W_hx" else slice(d, -2)
    with np.errstate(over="ignore", invalid="ignore"):
        own = product(_output_gradient(trace, y, loss, reduction, weights), trace.params.W_qh)
        rows = [
            np.einsum("...a,...abc->...bc", slope, total[..., part])
            for slope, total in zip(own, total_derivatives(trace), strict=True)
        ]
        found = np.array(rows if trace.x.ndim == 2 else [batch.sum(0) for batch in rows])
    no_overflow(f"what a loss contributes to dL/d{parameter}", found)
    return found


def by_pair(
    trace: Trace,
    y: ArrayLike,
    parameter: str = "W_hh",
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
) -> np.ndarray:
    """Return what the loss of step t contributes to the gradient through the use of a weight in step k.

    Parameters and errors are those of ``by_use``, without W_qh.

    Returns
    -------
    array, shape (T, T, ...)
        Entry [t - 1, k - 1]; zero for k > t, where nothing flows.
    """
    _validation.one_of("parameter", parameter, WEIGHTS[:2])
    trace = checked_trace(trace)
    slope, u, T = slopes(trace), _entering(trace, parameter), len(trace.x)
    with np.errstate(over="ignore", invalid="ignore"):
        own = product(_output_gradient(trace, y, loss, reduction, weights), trace.params.W_qh)
        shape = (T, T, own.shape[-1], u.shape[-1])
        _validation.fits_in_memory("the table of all pairs", math.prod(shape), own.dtype, f"T = {T}")
        table = np.zeros(shape, own.dtype)
        for lag, (steps, rows) in enumerate(by_lag(slope, trace.params.W_hh, own)):
            k = np.arange(T)[steps]
            table[k + lag, k] = _outer_rows(slope[steps] * rows, u[steps])
    no_overflow(f"what a pair contributes to dL/d{parameter}", table)
    return table


def _entering(trace, parameter):
    return trace.x if parameter == "W_hx" else trace.h[:-1]


def _outer_rows(left, right):
    return outer(*(rows.reshape(len(rows), -1, rows.shape[-1]) for rows in (left, right)))
