"""What a gradient is made of, and how it is put together: all parameters at once, and many networks side by side.

``Linearization`` holds what the formulas of ``untied`` are made of, ``adjoints`` and ``contributions`` put it together.

Shapes: the leading axis or axes are steps, entry t - 1 for step t; then the shape of W. A batch is summed.
"""

from typing import NamedTuple

import numpy as np

from .._recursion import outer, slopes
from ..bptt import output_gradient
from .finding import Key


class Linearization(NamedTuple):
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


def linearize(trace, y, *, loss="squared_error", reduction="mean", weights=None):
    """Return the Linearization of a network along its stored states."""
    do, slope = output_gradient(trace, y, loss, reduction, weights), slopes(trace)
    do, slope, x, h = (a if a.ndim == 3 else a[:, None] for a in (do, slope, trace.x, trace.h))
    return Linearization(do, slope, trace.params.W_hh, trace.params.W_qh, x, h[:-1], h[1:])


def adjoints(p):
    """Return dL/dh_t (9.7.13, 9.7.14) and dL/dz_t = phi'(z_t) * dL/dh_t in T rows each."""
    dh = p.do @ p.W_qh
    dz = np.empty_like(dh)
    np.multiply(p.slope[-1], dh[-1], out=dz[-1])
    for after, before, slope, flow in zip(dz[:0:-1], dz[-2::-1], p.slope[-2::-1], dh[-2::-1], strict=True):
        flow += after @ p.W_hh
        np.multiply(slope, flow, out=before)
    return dh, dz


def contributions(p, dz):
    """Return what each step contributes to the gradient of each parameter, by name: (T, ...), its shape last."""
    h0 = np.zeros_like(dz)
    h0[0] = dz[0] @ p.W_hh
    return {
        "W_hx": outer(dz, p.x),
        "W_hh": outer(dz, p.before),
        "W_qh": outer(p.do, p.after),
        "b_h": dz.sum(-2),
        "b_q": p.do.sum(-2),
        "h0": h0,
    }


def unbatched(found, trace):
    """Take the batch axis away again from what has one, by name, if the trace has none."""
    if trace.x.ndim == 3:
        return found
    return {name: rows[:, 0] if name in ("h0", "h", "o") else rows for name, rows in found.items()}


def tables(found):
    """Return what each step contributes, arrays by name, and the sums over the steps, all by Key."""
    steps = {Key(name, True): rows for name, rows in found.items()}
    return steps | {Key(name): rows.sum(0) for name, rows in found.items() if name not in ("h", "o")}
