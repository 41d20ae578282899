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

    ``label(o, y)``, shaped as o, is what the slope subtracts: y_t, or 1 at its class.
    """

    name: str
    value: Callable
    slope: Callable
    label: Callable


def _squared_error(o, y):
    # Half the squared distance; no conjugate, so that the complex step passes through.
    return ((o - y) ** 2).sum(-1) / 2


def _squared_error_slope(o, y):
    return o - y


def _squared_error_label(o, y):
    return y


def _shifted_exp(o):
    # The maximum of each row, taken along a contiguous axis: half the time of o.max(-1).
    shift = np.ascontiguousarray(o.real.reshape(-1, o.shape[-1]).T).max(0).reshape(*o.shape[:-1], 1)
    e = o - shift
    np.exp(e, out=e)
    return e, np.einsum("...q->...", e)[..., None], shift


def _cross_entropy(o, y):
    _, total, shift = _shifted_exp(o)
    return (np.log(total) + shift - np.take_along_axis(o, y[..., None], -1))[..., 0]


def _cross_entropy_slope(o, y):
    e, total, _ = _shifted_exp(o)
    e /= total
    label = y[..., None]
    np.put_along_axis(e, label, np.take_along_axis(e, label, -1) - 1, -1)
    return e


def _cross_entropy_label(o, y):
    return (np.arange(o.shape[-1]) == y[..., None]).astype(o.dtype)


LOSSES = {
    rule.name: rule
    for rule in (
        Loss("squared_error", _squared_error, _squared_error_slope, _squared_error_label),
        Loss("cross_entropy", _cross_entropy, _cross_entropy_slope, _cross_entropy_label),
    )
}

REDUCTIONS = ("mean", "sum", "last")
