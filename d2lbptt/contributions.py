"""A gradient in parts: what each use of a weight, each loss, and each pair of the two brings to it.

    dL/dW = sum_k by_use[k] = sum_t by_loss[t] = sum_t sum_{k <= t} by_pair[t, k]

    by_use[k]  = (phi'(z_k) * dL/dh_k) u_k^T             immediate derivative, total slope: 9.7.16
    by_loss[t] = W_qh^T dL/do_t  dh_t/dW                 total derivative, own slope: 9.7.3
    by_pair    : from the loss of step t alone to the copy of W that step k uses

where u_k is what W is multiplied by in step k: x_k or h_{k-1}. W_qh meets h_k, and the slope of o_k.
The two routes add up one table, by columns and by rows.

``Parts`` holds what these formulas are made of, ``sweep`` and ``uses`` put it together: all parameters at once, and
many networks side by side.

Shapes: the leading axis or axes are steps, entry t - 1 for step t; then the shape of W. A batch is summed.
"""

from typing import NamedTuple

import numpy as np

from . import _validation
from .activations import ACTIVATIONS
from .bptt import backward, by_lag, output_gradient, product
from .graph import WEIGHTS
from .total_derivative import total_derivatives


class Parts(NamedTuple):
    """What the gradient is made of; always with a batch axis, and with more axes between T and B for many networks.

    Attributes
    ----------
    do : array, shape (T, ..., B, q)
        dL/do_t.
    slope : array, shape (T, ..., B, h)
        phi'(z_t).
    W_hh : array, shape (..., h, h)
    W_qh : array, shape (..., q, h)
    x, before, after : array, shape (T, ..., B, n)
        x_t, h_{t-1} and h_t.
    """

    do: np.ndarray
    slope: np.ndarray
    W_hh: np.ndarray
    W_qh: np.ndarray
    x: np.ndarray
    before: np.ndarray
    after: np.ndarray


def parts(trace, y, *, loss="squared_error", reduction="mean"):
    """Return the Parts of a trace."""
    do = output_gradient(trace, y, loss, reduction)
    do, slope, x, h = (a if a.ndim == 3 else a[:, None] for a in (do, _slopes(trace), trace.x, trace.h))
    return Parts(do, slope, trace.params.W_hh, trace.params.W_qh, x, h[:-1], h[1:])


def sweep(p):
    """Return dL/dh_t (9.7.13, 9.7.14) and dL/dz_t = phi'(z_t) * dL/dh_t in T rows each."""
    dh = p.do @ p.W_qh
    dz = np.empty_like(dh)
    for t in range(len(dh) - 1, -1, -1):
        np.multiply(p.slope[t], dh[t], out=dz[t])
        if t:
            dh[t - 1] += dz[t] @ p.W_hh
    return dh, dz


def uses(p, dz):
    """Return what each use brings to the gradient of each parameter, by name: (T, ...) and the parameter's shape."""
    h0 = np.zeros_like(dz)
    h0[0] = dz[0] @ p.W_hh
    return {
        "W_hx": _outer(dz, p.x),
        "W_hh": _outer(dz, p.before),
        "W_qh": _outer(p.do, p.after),
        "b_h": dz.sum(-2),
        "b_q": p.do.sum(-2),
        "h0": h0,
    }


def unbatched(found, trace):
    """Take the batch axis away again from what has one, by name, if the trace has none."""
    if trace.x.ndim == 3:
        return found
    return {name: rows[:, 0] if name in ("h0", "h", "o") else rows for name, rows in found.items()}


class Key(NamedTuple):
    """What a table belongs to: a parameter's gradient, or, with ``steps``, what each step brings to it, (T, ...).

    The names "h" and "o" stand for dL/dh_t and dL/do_t, which belong to steps and have no sum.
    """

    name: str
    steps: bool = False


def tables(found):
    """Return what each step brings, arrays by name, and the sums over the steps, all by Key."""
    steps = {Key(name, True): rows for name, rows in found.items()}
    return steps | {Key(name): rows.sum(0) for name, rows in found.items() if name not in ("h", "o")}


def by_use(trace, y, parameter="W_hh", *, loss="squared_error", reduction="mean"):
    """Return what each use of a weight brings to its gradient: the gradient of T untied copies.

    Parameters
    ----------
    trace, y, loss, reduction
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
    """
    _validation.one_of("parameter", parameter, WEIGHTS)
    gradient = backward(trace, y, loss=loss, reduction=reduction)
    if parameter == "W_qh":
        return _outer_rows(gradient.o, trace.h[1:])
    return _outer_rows(_slopes(trace) * gradient.h, _entering(trace, parameter))


def by_loss(trace, y, parameter="W_hh", *, loss="squared_error", reduction="mean"):
    """Return what the loss of each step brings to the gradient of a weight, by forward accumulation.

    Parameters and errors are those of ``by_use``, without W_qh.

    Returns
    -------
    array, shape (T, ...)
        Entry t - 1 is the derivative of the part of L that belongs to step t.
    """
    _validation.one_of("parameter", parameter, WEIGHTS[:2])
    own = product(output_gradient(trace, y, loss, reduction), trace.params.W_qh)
    d = trace.params.W_hx.shape[1]
    part = slice(d) if parameter == "W_hx" else slice(d, -2)
    parts = [
        np.einsum("...a,...abc->...bc", slope, total[..., part])
        for slope, total in zip(own, total_derivatives(trace), strict=True)
    ]
    return np.array(parts if trace.x.ndim == 2 else [batch.sum(0) for batch in parts])


def by_pair(trace, y, parameter="W_hh", *, loss="squared_error", reduction="mean"):
    """Return what the loss of step t brings to the gradient through the use of a weight in step k.

    Parameters and errors are those of ``by_use``, without W_qh.

    Returns
    -------
    array, shape (T, T, ...)
        Entry [t - 1, k - 1]; zero for k > t, where nothing flows.
    """
    _validation.one_of("parameter", parameter, WEIGHTS[:2])
    own = product(output_gradient(trace, y, loss, reduction), trace.params.W_qh)
    slope, u, T = _slopes(trace), _entering(trace, parameter), len(own)
    shape = (T, T, own.shape[-1], u.shape[-1])
    _validation.fits_in_memory("the table of all pairs", int(np.prod(shape)), own.dtype, f"T = {T}")
    table = np.zeros(shape, own.dtype)
    for lag, (steps, rows) in enumerate(by_lag(slope, trace.params.W_hh, own)):
        k = np.arange(T)[steps]
        table[k + lag, k] = _outer_rows(slope[steps] * rows, u[steps])
    return table


def _slopes(trace):
    return ACTIVATIONS[trace.activation].slope(trace.h[1:])


def _entering(trace, parameter):
    return trace.x if parameter == "W_hx" else trace.h[:-1]


def _outer_rows(left, right):
    return _outer(*(rows.reshape(len(rows), -1, rows.shape[-1]) for rows in (left, right)))


def _outer(left, right):
    return np.swapaxes(left, -1, -2) @ right
