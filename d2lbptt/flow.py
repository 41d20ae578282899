"""How large the gradient is at every step, in decades: for any T, also far outside the range of float64.

    log10 |dL/dh_t|,  t = 1 .. T                                    9.7.14, 9.7.15

The recursion is that of ``bptt``, but each vector is kept as a number near 1 times a power of two,
so that 0.5^1000000 is as easy as 0.5^2.

Shapes: as in ``rnn``; one number for each step, entry t - 1 for step t.
"""

import numpy as np

from . import _checks
from .activations import ACTIVATIONS
from .bptt import first_loss, no_overflow, output_gradient, product, row_norms


def log10_gradient_norms(trace, y, *, loss="squared_error", reduction="mean", window=None):
    """Return log10 |dL/dh_t| for every t.

    Parameters
    ----------
    trace, y, loss, reduction, window
        As for ``backward``.

    Returns
    -------
    array, shape (T,)
        Entry t - 1 belongs to step t; -inf where the gradient is exactly zero. With a batch, the norm
        is over all of (B, h).

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit the trace.
    FloatingPointError
        If the slope of a loss, dL/do_t, overflows.

    Notes
    -----
    Where |dL/dh_t| lies inside the range of float64 this is ``log10(norm(backward(...).h[t - 1]))``.
    The entries of one vector share their power of two: an entry that is 1e-308 of the largest is lost, and
    is missed if the larger ones end later on.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        do = output_gradient(trace, y, loss, reduction)
    if np.iscomplexobj(trace.h) or np.iscomplexobj(do):
        raise TypeError("trace or y is complex, wanted real numbers")
    no_overflow("dL/do_t", do)
    W_qh, W_hh, h = (np.asarray(a, float) for a in (trace.params.W_qh, trace.params.W_hh, trace.h[1:]))
    slope = ACTIVATIONS[trace.activation].slope(h)
    dh = product(do.astype(float), W_qh)
    tau = len(dh) if window is None else _checks.whole_number("window", window, 1, len(dh), "T = ")
    return _full(slope, W_hh, dh) if tau == len(dh) else _windowed(slope, W_hh, dh, tau)


def _full(slope, W_hh, dh):
    v, exponent = np.zeros_like(dh[0]), 0.0  # dL/dh_t = v 10^exponent
    rows, decades = np.zeros_like(dh), np.full(len(dh), -np.inf)
    has_loss = dh.reshape(len(dh), -1).any(1)
    for t in range(len(dh) - 1, -1, -1):
        if t + 1 < len(dh):
            v = np.dot(slope[t + 1] * v, W_hh)
        if not v.any():
            exponent = 0.0  # nothing is left that it belonged to
        if has_loss[t]:
            v, exponent = _add_decimal(v, exponent, dh[t])
        size = np.abs(v).max()
        if size > 0:
            v = v / size
            exponent += np.log10(size)
            rows[t], decades[t] = v, exponent
    return decades + np.log10(np.where(np.isfinite(decades), row_norms(rows), 1))


def _add_decimal(v, exponent, other):
    # Brought to the larger of the two powers: what then underflows is lost beside what stays.
    if exponent > 0:
        return v + other * 10**-exponent, exponent
    return v * 10**exponent + other, 0.0


def _windowed(slope, W_hh, dh, tau):
    T, first = len(dh), first_loss(dh)
    if first == T - 1:  # one loss only: its flow is the full one, cut after tau steps
        decades = _full(slope, W_hh, dh)
        decades[: T - tau] = -np.inf
        return decades
    total, exponents = _scaled(dh, np.zeros(T))
    rows, carried = total[first:], exponents[first:]
    for lag in range(1, tau):
        start = max(first, lag)
        flow = product(slope[start - lag + 1 : T - lag + 1] * rows[start - T :], W_hh)
        rows, carried = _scaled(flow, carried[start - T :])
        steps = slice(start - lag, T - lag)
        total[steps], exponents[steps] = _sum(total[steps], exponents[steps], rows, carried)
    with np.errstate(divide="ignore"):
        return exponents * np.log10(2) + np.log10(row_norms(total))


_ZERO = -1e300  # the exponent of a row of zeros: far below any other, and still a number to subtract


def _scaled(rows, exponents):
    """Return rows near 1 and the exponents of two that belong to them."""
    largest = np.abs(rows.reshape(len(rows), -1)).max(1)
    shift = np.clip(np.frexp(largest)[1], -1000, 1000)
    return rows * _column(np.exp2(-shift), rows), np.where(largest > 0, exponents + shift, _ZERO)


def _sum(rows, exponents, others, other_exponents):
    larger = np.maximum(exponents, other_exponents)
    left, right = np.exp2(exponents - larger), np.exp2(other_exponents - larger)
    return _scaled(rows * _column(left, rows) + others * _column(right, others), larger)


def _column(numbers, rows):
    return numbers.reshape(-1, *[1] * (rows.ndim - 1))
