"""The total derivative of the state, carried forwards: real-time recurrent learning (RTRL).

    dL/dw_h  = (1/T) sum_t dl/do_t dg/dh_t dh_t/dw_h                                 9.7.3
    dh_t/dw_h = df/dw_h + df/dh_{t-1} dh_{t-1}/dw_h                                  9.7.4
    a_t = b_t + c_t a_{t-1} = b_t + sum_{i<t} (c_t ... c_{i+1}) b_i                  9.7.5, 9.7.7
    a_t = dh_t/dw_h,  b_t = df/dw_h,  c_t = df/dh_{t-1}                              9.7.6

On the left stands the total derivative: h_{t-1} moves too. b_t is the immediate one: h_{t-1} is held.
For all parameters at once, with u_t what entered step t and delta the identity,

    dh_t[a]/dW[b, c] = phi'(z_t[a]) (delta[a, b] u_t[c] + xi_t sum_k W_hh[a, k] dh_{t-1}[k]/dW[b, c])

where W = [W_hx, W_hh, b_h, h_0] and u_t = [x_t, h_{t-1}, 1, 0]; h_0 starts with delta instead of 0.
Williams and Zipser (1989) introduced it; it takes h^4 multiplications for each step and h^3 numbers.

Shapes: a, b, c are (T,), entry t - 1 for step t. The total derivatives of one step are (h, h, d + h + 2),
with a batch (B, h, h, d + h + 2).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._recursion import all_finite, checked_gates, first_overflow, outer_sum, product, slopes
from .bptt import Gradients, _output_gradient, backward
from .rnn import Trace, checked_trace

__all__ = [
    "partials",
    "recursion",
    "closed_sum",
    "weight_gradient",
    "total_derivatives",
    "forward_accumulation",
    "Mixtures",
    "mixtures",
]


def partials(trace: Trace) -> tuple:
    """Return b_t and c_t of a network with one hidden unit, w_h being its W_hh (9.7.6).

    Parameters
    ----------
    trace : Trace
        With h = 1 and without a batch.

    Returns
    -------
    b, c : array, shape (T,)
        The immediate derivative of h_t with respect to w_h, phi'(z_t) h_{t-1}, and with respect to
        h_{t-1}, phi'(z_t) w_h.

    Raises
    ------
    TypeError, ValueError
        If the trace has a batch or more than one hidden unit.
    """
    trace = checked_trace(trace)
    if trace.h.shape[1:] != (1,):
        raise ValueError(f"h has shape {trace.h.shape}, wanted (T + 1, 1): one hidden unit, no batch")
    slope = slopes(trace)[:, 0]
    return slope * trace.h[:-1, 0], slope * trace.params.W_hh[0, 0]


def recursion(b: ArrayLike, c: ArrayLike) -> np.ndarray:
    """Return a_t = b_t + c_t a_{t-1}, a_0 = 0, step by step (9.7.4): T multiplications.

    Parameters
    ----------
    b, c : array, shape (T,)

    Returns
    -------
    array, shape (T,)
        In the wider dtype of b and c; whole numbers count as float64.

    Raises
    ------
    TypeError, ValueError
        If b and c are not two rows of T finite numbers.
    FloatingPointError
        If a_t overflows. The message names the first t.
    """
    b, c = _two_rows(b, c)
    a, last = np.empty_like(b), b.dtype.type(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(len(b)):
            a[t] = last = b[t] + c[t] * last
    first_overflow({"a_t": a})
    return a


def closed_sum(b: ArrayLike, c: ArrayLike) -> np.ndarray:
    """Return the same a_t as a sum over every earlier step (9.7.5, 9.7.7): T^2 multiplications.

    Parameters, dtype and errors are those of ``recursion``; also a product of many c_t that overflows is an error.
    """
    b, c = _two_rows(b, c)
    # For t: the products c_t, c_t c_{t-1}, ..., c_t ... c_2 belong to b_{t-1}, b_{t-2}, ..., b_1.
    with np.errstate(over="ignore", invalid="ignore"):
        a = np.array([b[t] + np.cumprod(c[t:0:-1]) @ b[:t][::-1] for t in range(len(b))])
    first_overflow({"a_t": a})
    return a


def weight_gradient(dl_do: ArrayLike, dg_dh: ArrayLike, dh_dw: ArrayLike) -> float:
    """Return dL/dw_h, the mean over t of the product of three slopes (9.7.3).

    Parameters
    ----------
    dl_do, dg_dh, dh_dw : array, shape (T,), or number
        The slope of each loss, of each output, and the total derivative of each state. A number holds for every step.

    Returns
    -------
    float
        Complex if one of them is.

    Raises
    ------
    TypeError, ValueError
        If they are not rows of T finite numbers.
    FloatingPointError
        If the gradient overflows.
    """
    given = {"dl_do": dl_do, "dg_dh": dg_dh, "dh_dw": dh_dw}
    rows = [_row(symbol, value) for symbol, value in given.items()]
    lengths = [len(row) for row in rows if row.ndim]
    for symbol, row in zip(given, rows, strict=True):
        if row.ndim:
            _validation.shaped(symbol, row, (lengths[0],), "(T,)")
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.mean(math.prod(_validation.widest(*rows))).item()
    if not np.isfinite(found):
        raise FloatingPointError("dL/dw_h overflows: the mean of dl_do dg_dh dh_dw")
    return found


def _row(symbol, value) -> np.ndarray:
    row = _validation.numeric(symbol, value)
    if row.ndim:
        _validation.shaped(symbol, row, (None,), "(T,) or a number")
    return _validation.finite(symbol, row)


def total_derivatives(trace: Trace, gates: ArrayLike | None = None) -> Iterator[np.ndarray]:
    """Yield the total derivatives of h_1, h_2, ..., h_T with respect to all that they depend on (9.7.4).

    Parameters
    ----------
    trace : Trace
    gates : array, shape (T,) or (T, B), optional
        xi_t, as for ``backward``.

    Yields
    ------
    array, shape (h, h, d + h + 2) or (B, h, h, d + h + 2)
        [..., a, b, :] is the derivative of h_t[a] with respect to row b of [W_hx, W_hh, b_h, h_0]. The
        array is written over in the next step.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the array does not fit in memory.
    FloatingPointError
        If a total derivative overflows. The message names the first t.
    """
    return _finite_ones(_total_derivatives(checked_trace(trace), gates))


def _finite_ones(steps):
    for t in itertools.count(1):
        with np.errstate(over="ignore", invalid="ignore"):
            D = next(steps, None)
        if D is None:
            return
        if not np.isfinite(D).all():
            raise _validation.Overflow("dh_t/dW", D.dtype, t)
        yield D


def _total_derivatives(trace, gates):
    """Look at the size and the gates now, and return a generator of what may overflow."""
    *batch, h = trace.h.shape[1:]
    xi = checked_gates(gates, len(trace.x), batch)
    shape = (*batch, h, h, trace.params.W_hx.shape[1] + h + 2)
    _validation.fits_in_memory("dh_t/dW", 2 * math.prod(shape), trace.h.dtype, f"h = {h}")
    return _step_by_step(trace, xi)


def _step_by_step(trace, xi):
    u, slope, W_hh = _entering(trace), slopes(trace), trace.params.W_hh
    D, units = _at_the_start(u, len(W_hh)), np.arange(len(W_hh))
    carried = np.empty_like(D)
    flat = (*D.shape[:-2], -1)
    for t in range(len(u)):
        W = W_hh if xi is None else xi[t].astype(W_hh.dtype)[..., None, None] * W_hh
        np.matmul(W, D.reshape(flat), out=carried.reshape(flat))
        carried[..., units, units, :] += u[t][..., None, :]
        np.multiply(carried, slope[t][..., None, None], out=D)
        yield D


def forward_accumulation(
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
    gates: ArrayLike | None = None,
) -> Gradients:
    """Return the gradient of L by carrying total derivatives forwards (9.7.3, 9.7.4).

    Parameters
    ----------
    trace, y, loss, reduction, weights, gates
        As for ``backward``.

    Returns
    -------
    Gradients
        The same numbers as those of ``backward``. Its ``h`` is None: dL/dh_t never occurs on this route.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit the trace, or the total derivatives do not fit in memory.
    FloatingPointError
        If the gradient overflows.
    """
    trace = checked_trace(trace)
    with np.errstate(over="ignore", invalid="ignore"):
        do = _output_gradient(trace, y, loss, reduction, weights)
        G = _accumulated(trace, product(do, trace.params.W_qh), gates)
    if not np.isfinite(G).all():
        raise FloatingPointError(f"the gradient overflows {G.dtype} on its way forwards")
    with np.errstate(over="ignore", invalid="ignore"):
        gradients = _gathered(trace, do, G)
    all_finite(**gradients._asdict())
    return gradients


def _gathered(trace, do, G):
    d, W = trace.params.W_hx.shape[1], _over_the_batch(G, trace)
    return Gradients(
        W_hx=W[:, :d],
        W_hh=W[:, d:-2],
        W_qh=outer_sum(do, trace.h[1:]),
        b_h=None if trace.params.b_h is None else W[:, -2],
        b_q=None if trace.params.b_q is None else do.reshape(-1, do.shape[-1]).sum(0),
        h0=G[..., -1],
        h=None,
        o=do,
    )


class Mixtures(NamedTuple):
    """A (total or immediate) derivative of the state times a (total or immediate) slope of the loss.

    Two of the four are the gradient: exactly one of the factors has to look through time.

    Attributes
    ----------
    total_state_immediate_loss : array, shape of the parameter
        sum_t dh_t/dW (total) times W_qh^T dL/do_t: forward accumulation, 9.7.3. The gradient.
    immediate_state_total_loss : array
        sum_t dh_t/dW (h_{t-1} held) times dL/dh_t: backpropagation through time, 9.7.16. The gradient.
    total_state_total_loss : array
        Every path is counted once for each step that it passes.
    immediate_state_immediate_loss : array
        Only the paths within one step are counted.
    """

    total_state_immediate_loss: np.ndarray
    immediate_state_total_loss: np.ndarray
    total_state_total_loss: np.ndarray
    immediate_state_immediate_loss: np.ndarray

    @property
    def errors(self) -> Mixtures:
        """For each of the four, its distance from the gradient of BPTT, relative to its norm."""
        gradient = self.immediate_state_total_loss
        with np.errstate(divide="ignore", invalid="ignore"):  # nan or inf where the gradient is zero
            size = np.linalg.norm(gradient)
            return Mixtures(*(np.asarray(np.linalg.norm(m - gradient) / size)[()] for m in self))


def mixtures(
    trace: Trace, y: ArrayLike, parameter: str = "W_hh", *, loss: str = "squared_error", reduction: str = "mean"
) -> Mixtures:
    """Combine both derivatives of the state with both slopes of the loss, for one parameter.

    Parameters
    ----------
    trace, y, loss, reduction
        As for ``backward``.
    parameter : {"W_hx", "W_hh", "b_h"}

    Returns
    -------
    Mixtures

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    FloatingPointError
        If one of them overflows.
    """
    _validation.one_of("parameter", parameter, ("W_hx", "W_hh", "b_h"))
    trace = checked_trace(trace)
    gradient = backward(trace, y, loss=loss, reduction=reduction)
    total_slope, own_slope = gradient.h, product(gradient.o, trace.params.W_qh)
    d = trace.params.W_hx.shape[1]
    part = {"W_hx": slice(d), "W_hh": slice(d, -2), "b_h": -2}[parameter]

    def total(dL_dh):
        return _over_the_batch(_accumulated(trace, dL_dh), trace)[:, part]

    def immediate(dL_dh):
        return outer_sum(slopes(trace) * dL_dh, _entering(trace))[:, part]

    with np.errstate(over="ignore", invalid="ignore"):
        found = Mixtures(total(own_slope), immediate(total_slope), total(total_slope), immediate(own_slope))
    if not all(np.isfinite(one).all() for one in found):
        raise FloatingPointError(f"a mixture for dL/d{parameter} overflows {gradient.h.dtype}")
    return found


def _accumulated(trace, dL_dh, gates=None):
    # sum_t sum_a dL/dh_t[a] dh_t[a]/dW[b, c], for each sequence of a batch by itself.
    G = 0
    for slope, D in zip(dL_dh, _total_derivatives(trace, gates), strict=True):
        G = G + np.einsum("...a,...abc->...bc", slope, D)
    return G


def _over_the_batch(G, trace):
    return G if trace.x.ndim == 2 else G.sum(0)


def _entering(trace):
    one = np.ones_like(trace.h[:-1, ..., :1])
    return np.concatenate([trace.x, trace.h[:-1], one, 0 * one], axis=-1)


def _at_the_start(u, h):
    D = np.zeros((*u.shape[1:-1], h, h, u.shape[-1]), u.dtype)
    D[..., range(h), range(h), -1] = 1
    return D


def _two_rows(b, c) -> list[np.ndarray]:
    b, c = _validation.numeric("b", b), _validation.numeric("c", c)
    _validation.finite("b", _validation.shaped("b", b, (None,), "(T,)"))
    _validation.finite("c", _validation.shaped("c", c, b.shape, "(T,)"))
    return _validation.widest(b, c)
