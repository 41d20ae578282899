"""The derivatives of L along stored states, forwards in time, by the complex step.

Let every step have copies of its own of all parameters. Move one number of one step by i h, and follow it through the
later steps: with h = 1e-30 the real parts do not change, so they are the stored states and need not be run again.

    Im h_s   = h e_i                                      the unit that is moved
    Im h_t   = phi'(z_t) * (W_hh Im h_{t-1}),  t > s      phi'(z_t) = Im phi(z_t + i h) / h
    dL/dh_s  = sum_{t >= s} dL/do_t . W_qh Im h_t / h     dL/do_t   = Im L(o_t + i h) / h

The weights follow by the chain rule of one step: dL/dW_hh through step t alone is (phi'(z_t) * dL/dh_t) h_{t-1}^T.
Nothing is subtracted, nothing runs backwards, and no slope is taken from a formula. Chaos has nothing to amplify: a
state that is a little wrong stays the state at which both gradients are asked for (Squire and Trapp 1998 for the step).

Shapes: the leading axis is the step, entry t - 1 for step t. The numbers are float64, whatever the states are.
"""

import numpy as np

from .._recursion import affine, no_overflow, weigh
from ..activations import ACTIVATIONS
from ..rnn import targets
from .linearization import Linearization, contributions, unbatched

STEP = 1e-30
BLOCK = 2**22  # numbers that are followed at once: 32 MiB


def along_states(trace, y, *, loss="squared_error", reduction="mean", weights=None):
    """Return what each step contributes to each gradient, and the states where phi has a kink.

    Parameters
    ----------
    trace, y, loss, reduction, weights
        As for ``backward``, with real numbers.

    Returns
    -------
    answers : list of dict of str to array, shape (T, ...)
        By name of the parameter; dL/dh_t and dL/do_t under "h" and "o". One answer, or three where states stand on
        a kink: with the slope of phi from the left, halfway, and from the right, the same at every kink. A fourth one
        has the slopes at the stored states, where rounding has carried some to this side and some to that.
    kinks : array of int, shape (n, 2) or (n, 3)
        (t, unit), or (t, sequence, unit) with a batch, of the states on a kink; units are counted from 0.

    Raises
    ------
    FloatingPointError
        If a derivative overflows float64.
    """
    x, h, o = (np.asarray(a if a.ndim == 3 else a[:, None], float) for a in (trace.x, trace.h, trace.o))
    W_hx, W_hh, W_qh, b_h, _ = (None if W is None else np.asarray(W, float) for W in trace.params)
    phi = ACTIVATIONS[trace.activation]
    with np.errstate(over="ignore", invalid="ignore"):
        z = affine(W_hx, x) + affine(W_hh, h[:-1], b_h)
        do = _loss_slope(trace, y, o, loss, reduction, weights)
        kinky = on_kink(phi, z, trace)
    answers = []
    for slope in _slopes(phi, z, phi.slope(h[1:]), kinky):
        p = Linearization(do, slope, W_hh, W_qh, x, h[:-1], h[1:])
        with np.errstate(over="ignore", invalid="ignore"):
            dh = _followed(p)
            found = {"h": dh, **contributions(p, slope * dh), "o": do}
        for name, rows in found.items():
            no_overflow(f"dL/d{name}_t" if name in ("h", "o") else f"what a step contributes to dL/d{name}", rows)
        answers.append(unbatched(found, trace))
    kinks = np.argwhere(kinky if trace.x.ndim == 3 else kinky[:, 0])
    kinks[:, :1] += 1
    return answers, kinks


def _slopes(phi, z, stored, kinky):
    """Return phi'(z_t) in every way in which it may be taken where z_t is on a kink."""
    slope = _slope(phi, z)
    if not kinky.any():
        return [slope]
    kinks = np.array(phi.kinks)
    nearest = kinks[np.argmin(np.abs(z[kinky][:, None] - kinks), axis=1)]
    left, right = (_slope(phi, np.nextafter(nearest, side)) for side in (-np.inf, np.inf))
    ways, stored = [left, (left + right) / 2, right], stored[kinky]
    if not any(np.allclose(stored, side) for side in (left, right)):
        ways.append(stored)
    found = [slope.copy() for _ in ways]
    for changed, way in zip(found, ways, strict=True):
        changed[kinky] = way
    return found


def _slope(phi, z):
    moved = z + 1j * STEP
    return phi.value(moved, moved).imag / STEP


def on_kink(phi, z, trace):
    """Return where a state stands on a kink of phi, as far as rounding lets one know, (T, B, h)."""
    # z is a sum of n products: rounding may carry it n eps times the sum of their sizes (Higham 2002, section 3.1).
    if not phi.kinks:
        return np.zeros(z.shape, bool)
    W_hx, W_hh, _, b_h, _ = (None if W is None else np.abs(W) for W in trace.params)
    x, h = (np.abs(a if a.ndim == 3 else a[:, None]) for a in (trace.x, trace.h[:-1]))
    terms = len(W_hh) + W_hx.shape[1] + 1
    reach = terms * np.finfo(trace.h.dtype).eps * (affine(W_hx, x) + affine(W_hh, h, b_h))
    return np.any([np.abs(z - kink) <= reach for kink in phi.kinks], axis=0)


def _loss_slope(trace, y, o, loss, reduction, weights):
    rule, y, w = targets(trace, y, loss, reduction, weights)
    y = y.astype(float) if y.dtype.kind == "f" else y
    y = y.reshape(*o.shape[: y.ndim + (trace.x.ndim == 2)])
    do = np.empty(o.shape)
    for unit in range(o.shape[-1]):
        do[..., unit] = rule.value(o + 1j * STEP * (np.arange(o.shape[-1]) == unit), y).imag / STEP
    return weigh(do, reduction, w) / o.shape[1]


def _followed(p):
    """Return dL/dh_s for every s: each unit of each h_s is moved and followed to the end."""
    T, B, h = p.slope.shape
    dh = np.zeros((T, h, B))
    size = max(1, BLOCK // (h * B * h))
    for first in range(0, T, size):
        moved = np.zeros((min(size, T - first), h, B, h))
        moved[:, np.arange(h), :, np.arange(h)] = 1
        for t in range(first, T):
            now = slice(min(t - first + 1, len(moved)))
            before = slice(min(t - first, len(moved)))
            moved[before] = affine(p.W_hh, moved[before]) * p.slope[t]
            if p.do[t].any():
                dh[first : first + now.stop] += (affine(p.W_qh, moved[now]) * p.do[t]).sum(-1)
    return dh.transpose(0, 2, 1)
