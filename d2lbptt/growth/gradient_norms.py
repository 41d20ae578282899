"""How large the gradient is at every step, in decades: for any T, also far outside the range of float64.

    log10 |dL/dh_t|,  t = 1 .. T                                    9.7.14, 9.7.15

The recursion is that of ``bptt``, but each vector is stored as a number near 1 times a power of two,
so that 0.5^1000000 is as easy as 0.5^2. Beside it stands the popular law with the slopes pulled out in front,

    |dL/dh_t| ~ |(W_hh^T)^(T-t) W_qh^T dL/do_T| * product over s = t+1 .. T of rms phi'(z_s)

Shapes: as in ``rnn``; one number for each step, entry t - 1 for step t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import first_loss, no_overflow, product, row_norms
from ..activations import ACTIVATIONS
from ..bptt import _output_gradient
from ..rnn import Trace, checked_trace

__all__ = ["log10_gradient_norms", "log10_slopes_in_front"]

BLOCK = 32  # steps between two looks at the size
ROOM = 400  # powers of two, to either side, that the sizes in one block may span
NUMBERS = 2**17  # in one block: what stays in a processor's cache


def log10_gradient_norms(
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
    window: int | None = None,
    steps: ArrayLike | None = None,
) -> np.ndarray:
    """Return log10 |dL/dh_t| for every t.

    Parameters
    ----------
    trace, y, loss, reduction, weights, window
        As for ``backward``.
    steps : array of int, shape (n,), optional
        Those t, from 1 to T, that are wanted: all if it is not given. With a window fewer steps take less time.

    Returns
    -------
    array, shape (T,) or (n,)
        Entry t - 1 belongs to step t, or as in ``steps``; -inf where the gradient is exactly zero. With a batch, the
        norm is over all of (B, h).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit the trace.
    FloatingPointError
        If the slope of a loss, dL/do_t, overflows.

    Notes
    -----
    Where |dL/dh_t| lies inside the range of float64 this is ``log10(norm(backward(...).h[t - 1]))``.
    The entries of one vector share their power of two: an entry that is 1e-200 of the largest may be lost, and
    is missed if the larger ones end later on.
    """
    slope, W_hh, dh = _flow(trace, y, loss, reduction, weights)
    T = len(dh)
    tau = T if window is None else _validation.whole_number("window", window, 1, T, "T = ")
    return _windowed(slope, W_hh, dh, tau, np.arange(T) if steps is None else _wanted(steps, T))


def log10_slopes_in_front(trace: Trace, y: ArrayLike, law: Callable, *, loss: str = "squared_error") -> np.ndarray:
    """Return log10 |dL/dh_t| for the loss at t = T alone, as it would be if the slopes could be pulled out in front.

    Parameters
    ----------
    trace, y, loss
        As for ``backward``.
    law : callable
        ``law(v, k)`` is log10 |(W_hh^T)^k v| for a v of shape (h,) and length 1, and an array of whole numbers k:
        such as the method ``log10_norms`` of ``laws.modes(W_hh.T)``, or what it tends to.

    Returns
    -------
    array, shape (T,)
        The law of W_qh^T dL/do_T, plus for each step on the way back log10 of the root of the mean of phi'(z_t)^2 over
        the units. In a batch each sequence has a law of its own, and their squares are added.

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``log10_gradient_norms``; also if what the law returns is not a number for each k.

    Notes
    -----
    The slopes are diagonal matrices between the factors W_hh^T, and do not commute with them: for several units this is
    exact only where all slopes of a step are equal, as they are for the identity. Otherwise it is what holds on average
    in a step if the gradient knows nothing of the slopes that it meets, E |D v|^2 = mean(phi'^2) |v|^2, and
    ``log10_gradient_norms`` says how far off it is. Slopes that change from step to step turn the gradient out of the
    eigenvectors of W_hh: there the mean field (``laws.mean_field``) has the g of a Gaussian W_hh, and not its rho.
    """
    _validation.function("law", law)
    slope, _, dh = _flow(trace, y, loss, "last")
    T, h = len(dh), dh.shape[-1]
    k, ends = np.arange(T)[::-1], dh[-1].reshape(-1, h)
    with np.errstate(over="ignore"):
        sizes = row_norms(ends)
    no_overflow("dL/dh_t", sizes)
    with np.errstate(divide="ignore"):
        gains = np.log10(row_norms(slope.reshape(-1, h)) / np.sqrt(h)).reshape(T, -1)
        powers = np.stack([_by_law(law, v, k) for v in ends / np.where(sizes > 0, sizes, 1)[:, None]], 1) + np.log10(
            sizes
        )
    gains = np.concatenate([gains[1:], np.zeros_like(gains[:1])])  # at t = T no slope has been met
    decades = powers + np.cumsum(gains[::-1], 0)[::-1]
    return np.logaddexp.reduce(2 * np.log(10) * decades, 1) / (2 * np.log(10))


def _by_law(law, v, k):
    decades = _validation.shaped("law(v, k)", _validation.real("law(v, k)", law(v, k)), k.shape, "(T,)")
    if np.isnan(decades).any():
        raise ValueError("law(v, k) is nan, wanted numbers or -inf")
    return decades


def _flow(trace, y, loss, reduction, weights=None):
    """Return phi'(z_t), W_hh and W_qh^T dL/do_t, what dL/dh_t is made of, in float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        do = _output_gradient(trace, y, loss, reduction, weights)
        if np.iscomplexobj(do):
            raise TypeError("trace or y is complex, wanted real numbers")
        no_overflow("dL/do_t", do)
        W_qh, W_hh, h = (np.asarray(a, float) for a in (trace.params.W_qh, trace.params.W_hh, trace.h[1:]))
        dh = product(do.astype(float), W_qh)
    no_overflow("W_qh^T dL/do_t", dh)
    return ACTIVATIONS[trace.activation].slope(h), W_hh, dh


def _wanted(steps, T):
    steps = _validation.array("steps", steps)
    if steps.ndim != 1 or steps.dtype.kind not in "iu":
        raise TypeError(f"steps has shape {steps.shape} and dtype {steps.dtype}, wanted a list of whole numbers")
    _validation.fits_in_memory("steps", 8 * steps.size, float, f"shape {steps.shape}")
    if np.any((steps < 1) | (steps > T)):
        raise ValueError(f"steps go from {steps.min()} to {steps.max()}, wanted whole numbers from 1 to T = {T}")
    return steps.astype(int) - 1


def _windowed(slope, W_hh, dh, tau, steps):
    """Return the decades at some steps, counted from 0: what the losses of steps t .. t + tau - 1 contribute there."""
    decades, last = np.full(len(steps), -np.inf), steps + tau - 1
    whole = last >= len(dh) - 1
    if whole.any():  # the window goes beyond T
        decades[whole] = _decades(_followed(slope, W_hh, dh, [len(dh) - 1], len(dh)))[::-1, 0][steps[whole]]
    part = np.flatnonzero(~whole & (last >= first_loss(dh)))
    for some in np.array_split(part, 1 + len(part) * dh[0].size * BLOCK // NUMBERS):
        if len(some):
            rows, exponents = deque(_followed(slope, W_hh, dh, last[some], tau), maxlen=1).pop()
            decades[some] = _decades([(rows[-1:], exponents)])[0]
    return decades


def _decades(blocks):
    """Return log10 of the norm of each row in blocks of rows and their exponents, shape (steps, R)."""
    rows, exponents = zip(*((rows, np.broadcast_to(e, rows.shape[:2])) for rows, e in blocks), strict=True)
    rows, exponents = np.concatenate(rows), np.concatenate(exponents)
    with np.errstate(divide="ignore"):
        return np.log10(row_norms(rows.reshape(-1, *rows.shape[2:]))).reshape(rows.shape[:2]) + exponents * np.log10(2)


_ZERO = -1e300  # the exponent of a row of zeros: far below any other, and still a number to subtract


def _followed(slope, W_hh, dh, ends, count):
    """Follow the losses back from several ends at once, ``count`` steps; yield blocks of rows and their exponents.

    Row r of step j is dL/dh_t at t = ends[r] - j, of the losses at t .. ends[r] alone.
    """
    ends = np.asarray(ends)
    rows, exponents = _scaled(dh[ends], np.zeros(len(ends)))
    yield rows[None], exponents
    most = int(np.clip(NUMBERS // rows.size, 1, BLOCK))
    for j in range(1, count, most):
        t = ends - np.arange(j, min(j + most, count))[:, None]
        block, shared, in_range = _block(rows, exponents, slope[t + 1], W_hh, dh[t])
        if in_range:
            rows, exponents = _scaled(block[-1], shared)
            yield block, shared
        else:
            for now in t:
                rows, exponents = _step(rows, exponents, slope[now + 1], W_hh, dh[now])
                yield rows[None], exponents


def _step(rows, exponents, slopes, W_hh, losses):
    """Return one step of 9.7.14, where no range is too wide."""
    rows, exponents = _scaled(product(slopes * rows, W_hh), exponents)
    losses, own = _scaled(losses, np.zeros(len(losses)))
    larger = np.maximum(exponents, own)
    left, right = np.exp2(exponents - larger), np.exp2(own - larger)
    return _scaled(rows * _column(left, rows) + losses * _column(right, rows), larger)


def _block(rows, exponents, slopes, W_hh, losses):
    """Return n steps of 9.7.14, the exponents they share, and whether all of them lie well inside float64."""
    largest = _largest(losses)
    own = np.where(largest > 0, np.maximum(np.frexp(largest)[1], -1000), _ZERO)
    shared = np.maximum(exponents, own.max(0))
    block = losses * _column(np.exp2(np.minimum(-shared, 1000)), rows)
    steps, now = block.reshape(len(block), -1, len(W_hh)), rows * _column(np.exp2(exponents - shared), rows)
    slopes, now = slopes.reshape(steps.shape), now.reshape(steps[0].shape)
    later, flow = np.empty_like(now), np.empty_like(now)
    with np.errstate(over="ignore", invalid="ignore"):
        for step_slope, current in zip(slopes, steps, strict=True):
            np.multiply(step_slope, now, later)
            later.dot(W_hh, flow)
            current += flow
            now = current
    sizes = _largest(block)
    in_range = (sizes > 2.0**-ROOM) & (sizes < 2.0**ROOM) | (shared == _ZERO)
    return block, shared, in_range.all()


def _largest(rows):
    """Return the largest entry of each row of an array of shape (n, R, ..., h), without its sign."""
    return np.abs(rows.reshape(*rows.shape[:2], -1)).max(-1)


def _scaled(rows, exponents):
    """Return rows near 1 and the exponents of two that belong to them."""
    largest = np.abs(rows.reshape(len(rows), -1)).max(1)
    shift = np.clip(np.frexp(largest)[1], -1000, 1000)
    return rows * _column(np.exp2(-shift), rows), np.where(largest > 0, exponents + shift, _ZERO)


def _column(numbers, rows):
    return numbers.reshape(-1, *[1] * (rows.ndim - 1))
