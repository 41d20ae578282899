"""Losses l(o_t, y_t), value and slope side by side, and their average over time.

    L = sum_t w_t l(o_t, y_t)                                       9.7.10
    dL/do_t = w_t dl(o_t, y_t)/do_t                                 9.7.11

with w_t = 1/T (``mean``, the book's choice), 1 (``sum``), or 1 at t = T alone (``last``). Weights of the reader's own
multiply l_t in the sum; the mean is then over the weights, as frameworks take it where labels are ignored.

Shapes: o is (T, q) or (T, B, q). y has the shape of o for the squared error; for the cross-entropy it
holds whole numbers, one class for each output: (T,) or (T, B). A batch is averaged.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["LOSSES", "REDUCTIONS", "Loss"]


class Loss(NamedTuple):
    """A loss of one output: ``value(o, y)`` without the last axis, ``slope(o, y)`` shaped as o.

    ``both(o, y)`` returns the two, and computes once what they share. ``label(o, y)``, shaped as o, is what the slope
    subtracts: y_t, or 1 at its class.
    """

    name: str
    both: Callable
    value: Callable
    slope: Callable
    label: Callable


def _squared_error(o, y):
    slope = o - y
    return _half_square(slope), slope


def _squared_error_value(o, y):
    return _half_square(o - y)


def _half_square(v):
    # No conjugate, so that the complex step passes through.
    return (v**2).sum(-1) / 2


def _squared_error_label(o, y):
    return y


def _cross_entropy(o, y):
    e, total, shift = _shifted_exp(o)
    return _log_of_sum(o, y, total, shift), _softmax_less_label(e, y, total)


def _cross_entropy_value(o, y):
    _, total, shift = _shifted_exp(o)
    return _log_of_sum(o, y, total, shift)


def _cross_entropy_slope(o, y):
    e, total, _ = _shifted_exp(o)
    return _softmax_less_label(e, y, total)


def _shifted_exp(o):
    # The maximum of each row, taken along a contiguous axis: half the time of o.max(-1).
    shift = np.ascontiguousarray(o.real.reshape(-1, o.shape[-1]).T).max(0).reshape(*o.shape[:-1], 1)
    e = o - shift
    np.exp(e, out=e)  # so that e is contiguous, whatever o is
    return e, np.einsum("...q->...", e)[..., None], shift


def _log_of_sum(o, y, total, shift):
    return np.log(total[..., 0]) + shift[..., 0] - o.reshape(-1, o.shape[-1])[_labels(y)].reshape(y.shape)


def _softmax_less_label(e, y, total):
    e /= total
    e.reshape(-1, e.shape[-1])[_labels(y)] -= 1
    return e


def _labels(y):
    return np.arange(y.size), y.reshape(-1)


def _cross_entropy_label(o, y):
    return (np.arange(o.shape[-1]) == y[..., None]).astype(o.dtype)


LOSSES = {
    rule.name: rule
    for rule in (
        Loss("squared_error", _squared_error, _squared_error_value, np.subtract, _squared_error_label),
        Loss("cross_entropy", _cross_entropy, _cross_entropy_value, _cross_entropy_slope, _cross_entropy_label),
    )
}

REDUCTIONS = ("mean", "sum", "last")
