"""The table of all pairs (t, k), from the loss of step t to the use of W_hh in step k: what a truncation drops.

    dL/dW_hh = sum_t sum_{k <= t} cell (t, k)                                     9.7.15, 9.7.16

Each scheme keeps, for each t, the cells k = first_kept .. t, and the others, summed, are its error. Randomized
truncation weighs what it keeps with 1/pi^(t-k), and its variance is a sum over blocks of the same table.

Shapes: one sequence of T steps; a table is (T, T), row t - 1 and column k - 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import no_overflow, outer_sum, product, row_norms, slopes
from ..activations import ACTIVATIONS
from ..bptt import output_gradient
from ..gates import _first
from ..rnn import Trace, checked_trace

__all__ = [
    "pair_weights",
    "jacobian_products",
    "PairTable",
    "pair_table",
    "drawn_gradients",
    "VarianceTerms",
    "variance_terms",
    "growth_per_step",
    "geometric_law",
]


def pair_weights(first: ArrayLike, pi: float = 1.0) -> np.ndarray:
    """Return the weight of each cell (t, k), 1/pi^(t-k) if k >= first_kept, else 0: the product of its gates.

    Parameters
    ----------
    first : array of int, shape (T,)
        From ``first_kept``: entry t - 1 lies from 1 to t.
    pi : float
        Of randomized truncation, above 0 and at most 1; the other schemes have 1.

    Returns
    -------
    array, shape (T, T)
        Row t - 1, column k - 1; 0 for k > t.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the table does not fit in memory.
    FloatingPointError
        If a weight overflows.
    """
    first, pi = _first(first), _validation.probability("pi", pi)
    _validation.fits_in_memory("the table of all weights", 3 * len(first) ** 2, float, f"T = {len(first)}")
    t, k = np.ogrid[1 : len(first) + 1, 1 : len(first) + 1]
    kept = (k <= t) & (k >= first[:, None])
    with np.errstate(over="ignore"):
        weights = np.where(kept, pi ** -np.where(kept, t - k, 0.0), 0.0)
    if not np.isfinite(weights).all():
        raise FloatingPointError(f"1/pi^(t-k) overflows float64: pi is {pi}")
    return weights


def jacobian_products(first: ArrayLike, *, shared: bool, ends: ArrayLike | None = None, last: bool = False) -> int:
    """Return how many times a vector goes back through one step.

    Parameters
    ----------
    first : array of int, shape (T,)
        From ``first_kept``: entry t - 1 lies from 1 to t.
    shared : bool
        Whether losses that reach the same step go back in one sum, as in ``backward``; else each goes by itself.
    ends : array of int, shape (n,), optional
        The steps after which there is an update, rising, the last one T. Losses of different updates never go back
        together. Without it there is one update, at T.
    last : bool
        Whether the loss of step T is the only one.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    With k1 and k2 an update that ends at e goes back e - max(1, e - k2 + 1) steps, however many losses it has.
    """
    first, shared, last = _first(first), _validation.flag("shared", shared), _validation.flag("last", last)
    T = len(first)
    t, ends = np.arange(1, T + 1), _ends([T] if ends is None else ends, T)
    if last:
        return int(T - first[-1])
    if not shared:
        return int(np.sum(t - first))
    groups = np.column_stack([np.searchsorted(ends, t), first])[::-1]  # from the last loss of each on
    _, longest = np.unique(groups, axis=0, return_index=True)
    return int(np.sum((t - first)[::-1][longest]))


def _ends(ends, T):
    ends = _validation.shaped("ends", _validation.whole("ends", ends), (None,), "(n,)")
    if ends[0] < 1 or ends[-1] != T or (ends[1:] <= ends[:-1]).any():
        raise ValueError(f"ends is {_validation.shown(ends)}, wanted rising steps from 1 to T = {T}, the last one T")
    return ends.astype(np.int64)


class PairTable(NamedTuple):
    """dL/dW_hh taken apart by pairs (t, k), relative to its norm: cell (t, k) is flows[k - 1, t - 1] states[k - 1]^T.

    Attributes
    ----------
    flows : array, shape (T, T, h)
        Entry [k - 1, t - 1], from the loss of step t to z_k, times |h_{k-1}|; 0 for t < k.
    tails : array, shape (T, T + 1, h)
        Entry [k - 1, s - 1] is the sum of the flows from the losses of steps s .. T; 0 for s = T + 1.
    states : array, shape (T, h)
        h_{k-1} / |h_{k-1}|.
    norm : float
        |dL/dW_hh|, the Frobenius norm; where it is 0 the cells are relative to some other number.
    """

    flows: np.ndarray
    tails: np.ndarray
    states: np.ndarray
    norm: float

    @property
    def gradient(self) -> np.ndarray:
        """All cells summed: dL/dW_hh / |dL/dW_hh|."""
        return outer_sum(self.tails[:, 0], self.states)

    @property
    def norms(self) -> np.ndarray:
        """The norm of each cell, (T, T), row t - 1 and column k - 1; nan for k > t, where nothing can flow."""
        table = np.sqrt(np.einsum("kth,kth->tk", self.flows, self.flows))
        table[np.triu_indices(len(table), 1)] = np.nan
        return table

    def truncation_error(self, first: ArrayLike) -> np.ndarray:
        """Return the sum of the cells k < first_kept, which is the error of a scheme that weighs no cell.

        ``first`` is (T,), or (n, T) for n schemes; the result (h, h) or (n, h, h). It raises TypeError or ValueError
        if ``first`` is not such an array of whole numbers from 1 to t.
        """
        T, first = len(self.states), _first(first, many=True)
        if first.shape[-1] != T:
            raise ValueError(f"first has shape {first.shape}, wanted (T,) or (n, T) with T = {T}")
        steps = np.arange(1, T + 1)
        later = np.array([np.searchsorted(row, steps, side="right") for row in np.atleast_2d(first)])
        rows = self.tails[np.arange(T), later]  # from the first loss that does not reach k, and all after it
        found = np.matmul(rows.swapaxes(1, 2), self.states)
        return found if first.ndim == 2 else found[0]


def pair_table(trace: Trace, y: ArrayLike, *, loss: str = "squared_error", reduction: str = "mean") -> PairTable:
    """Take dL/dW_hh apart by the pairs (t, k).

    Parameters
    ----------
    trace, y, loss, reduction
        As for ``backward``; one sequence, no batch, real numbers.

    Returns
    -------
    PairTable

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the table does not fit in memory.
    FloatingPointError
        If the gradient overflows.
    """
    trace, own, slope = _own_and_slope(trace, y, loss, reduction)
    T, h = own.shape
    _validation.fits_in_memory("the table of all flows", 2 * T * (T + 1) * h, float, f"T = {T}")
    scale = np.abs(own).max() or 1
    with np.errstate(over="ignore", invalid="ignore"):
        norms = row_norms(trace.h[:-1])
        states = trace.h[:-1] / np.where(norms > 0, norms, 1)[:, None]
        # Divided by scale, so that nothing overflows where the gradient does not.
        flows, tails = _flows(own / scale, slope, trace.params.W_hh, norms)
        size = row_norms(outer_sum(tails[:, 0], states)[None])[0]
        if not np.isfinite(size * scale):
            raise FloatingPointError(f"dL/dW_hh overflows {np.dtype(float)}")
    if size > 0:
        flows /= size
        tails /= size
    return PairTable(flows, tails, states, float(size * scale))


def _flows(own, slope, W_hh, norms):
    """Return the flows and the tails of ``PairTable``, not yet relative to the norm."""
    T, h = own.shape
    flows, rows, tails = np.zeros((T, T, h)), np.empty((T, h)), np.zeros((T, T + 1, h))
    for k in range(T - 1, -1, -1):
        rows[k] = own[k]
        np.multiply(slope[k], rows[k:], out=flows[k, k:])
        np.dot(flows[k, k:], W_hh, out=rows[k:])
    flows *= norms[:, None, None]
    np.cumsum(flows[:, ::-1], axis=1, out=tails[:, T - 1 :: -1])
    return flows, tails


def _own_and_slope(trace, y, loss, reduction):
    """Return the trace of one sequence, W_qh^T dL/do_t and phi'(z_t) for t = 1 .. T, all in float64."""
    trace = checked_trace(trace)
    if trace.x.ndim == 3:
        raise ValueError(f"x has shape {trace.x.shape}, wanted (T, d): one sequence, no batch")
    _validation.real("h", trace.h)
    do = _validation.real("y", output_gradient(trace, y, loss, reduction)).astype(float)
    params = trace.params._replace(W_hh=trace.params.W_hh.astype(float))
    trace = trace._replace(params=params, h=trace.h.astype(float))
    with np.errstate(over="ignore", invalid="ignore"):
        own = product(do, trace.params.W_qh)
    no_overflow("W_qh^T dL/do_t", own)
    return trace, own, slopes(trace)


def drawn_gradients(
    trace: Trace, y: ArrayLike, gates: ArrayLike, *, loss: str = "squared_error", reduction: str = "mean"
) -> np.ndarray:
    """Return dL/dW_hh for many rows of gates at once: that of ``backward(trace, y, gates=row)`` for each row.

    Parameters
    ----------
    trace, y, loss, reduction
        As for ``backward``; one sequence, no batch, real numbers.
    gates : array, shape (n, T)

    Returns
    -------
    array, shape (n, h, h)
        In float64.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or the gradients do not fit in memory.
    FloatingPointError
        If a gradient overflows.
    """
    trace, own, slope = _own_and_slope(trace, y, loss, reduction)
    T, h = own.shape
    gates = _validation.real_array("gates", gates, (None, T), "(n, T)")
    _validation.fits_in_memory("dL/dW_hh", len(gates) * h * (T + h), float, f"n = {len(gates)}, T = {T}")
    dz, rows = np.empty((T, len(gates), h)), np.broadcast_to(own[-1], (len(gates), h))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(T - 1, -1, -1):
            np.multiply(slope[t], rows, out=dz[t])
            if t:
                rows = own[t - 1] + gates[:, t, None] * (dz[t] @ trace.params.W_hh)
        found = np.tensordot(dz, trace.h[:-1], (0, 0))
    if not np.isfinite(found).all():
        raise FloatingPointError("dL/dW_hh overflows float64 for some gates")
    return found


class VarianceTerms(NamedTuple):
    """The sums b_n from which the variance of randomized truncation follows for every pi; entry n - 1, n = 1 .. T - 1.

    Attributes
    ----------
    whole : array, shape (T - 1,)
        For the whole gradient, relative to its norm: E |found - true|^2.
    along : array, shape (T - 1,)
        For its component along the true one.
    """

    whole: np.ndarray
    along: np.ndarray

    def variance(self, pi: float) -> tuple[float, float]:
        """Return the two variances, exact; inf beyond float64. See ``variance_terms``."""
        pi = _validation.probability("pi", pi)
        if pi == 1:
            return 0.0, 0.0
        log_c, n = np.log1p(-pi) - np.log(pi), np.arange(1, len(self.whole) + 1)  # c = 1/pi - 1
        with np.errstate(divide="ignore", over="ignore"):  # in logarithms, because the powers alone leave float64
            weights = np.where(n == 1, log_c, 2 * log_c - (n - 2) * np.log(pi))
            whole, along = (float(np.exp(weights + np.log(b)).sum()) for b in self)
        return whole, along


def variance_terms(table: PairTable) -> VarianceTerms:
    """Return what the variance of randomized truncation is made of.

    Parameters
    ----------
    table : PairTable

    Returns
    -------
    VarianceTerms

    Raises
    ------
    TypeError, ValueError
        If it is no PairTable, or a field has a wrong type, shape or value.
    FloatingPointError
        If a sum overflows.

    Notes
    -----
    A cell (t, k) is weighed with xi_{k+1} .. xi_t, where each xi is 1 + (xi - 1). Multiplied out, that is a sum over
    sets A of arrows: the product of the xi - 1 over A, times the sum of all cells whose way back goes through all of A.
    If k + 1 is the first arrow in A and s the last one, those are the cells of the block t >= s, k' <= k. Terms of
    different A are uncorrelated, for each xi - 1 has mean 0, and its variance is c = 1/pi - 1. Between k + 1 and
    s = k + n there are n - 2 arrows that may be in A or not, which makes (1 + c)^(n-2) = 1/pi^(n-2):

        Var = c b_1 + c^2 sum_{n>=2} b_n / pi^(n-2),  b_n = sum_k |block(k + n, k)|^2

    The derivation is ours.
    """
    table = _checked_table(table)
    T, h = table.states.shape
    _validation.fits_in_memory("the blocks", T * h * h, float, f"T = {T}")
    block, component = np.zeros((T, h, h)), np.zeros(T)
    b = np.zeros((2, T - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        turned = table.states @ table.gradient.T
        for k in range(T - 1):
            tails = table.tails[k, k + 1 : T]
            block[k + 1 :] += tails[:, :, None] * table.states[k]
            component[k + 1 :] += tails @ turned[k]
            b[0, : T - 1 - k] += np.einsum("tij,tij->t", block[k + 1 :], block[k + 1 :])
            b[1, : T - 1 - k] += component[k + 1 :] ** 2
    if not np.isfinite(b).all():
        raise FloatingPointError("b_n overflows float64: the cells of the table are too large")
    return VarianceTerms(*b)


def _checked_table(table):
    _validation.instance("table", table, PairTable)
    states = _validation.real_array("states", table.states, (None, None), "(T, h)")
    T, h = states.shape
    flows = _validation.real_array("flows", table.flows, (T, T, h), "(T, T, h)")
    tails = _validation.real_array("tails", table.tails, (T, T + 1, h), "(T, T + 1, h)")
    return PairTable(flows, tails, states, _validation.real_number("norm", table.norm, low=0))


def growth_per_step(trace: Trace, y: ArrayLike, *, loss: str = "squared_error") -> float:
    """Return r, by how much a gradient grows in each step back: a guess for |dl_t/dh_k| is r^(t-k) |dl_t/dh_t|.

    Parameters
    ----------
    trace, y, loss
        As for ``backward``; one sequence, no batch.

    Returns
    -------
    float
        For a linear phi |phi'| times the spectral radius of W_hh; else the geometric mean on the way from h_T to h_1 of
        the loss of step T, 0 if none of it arrives, or if T = 1.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    FloatingPointError
        If the slope of a loss, or r, overflows.
    """
    from ..growth.gradient_norms import log10_gradient_norms  # flow and spectra are loaded when they are first used
    from ..growth.spectra import spectral_radius

    trace, _, _ = _own_and_slope(trace, y, loss, "last")
    phi = ACTIVATIONS[trace.activation]
    if phi.linear:
        return phi.bound * spectral_radius(trace.params.W_hh)
    decades = log10_gradient_norms(trace, y, loss=loss, reduction="last")
    if len(decades) == 1 or not np.isfinite(decades[0]):
        return 0.0
    exponent = float((decades[0] - decades[-1]) / (len(decades) - 1))
    if exponent > np.log10(np.finfo(float).max):
        raise FloatingPointError(f"r overflows float64: it is 10^{exponent:.1f}")
    return 10**exponent


def geometric_law(r: float, first: ArrayLike, *, last: bool = False) -> float | np.ndarray:
    """Return the part of the gradient that a scheme drops, if all cells with the same t - k contributed r^(t-k).

    Parameters
    ----------
    r : float
        As ``growth_per_step`` returns it, from 0 on.
    first : array of int, shape (T,) or (n, T)
        From ``first_kept``: entry t - 1 lies from 1 to t.
    last : bool
        Whether the loss of step T is the only one.

    Returns
    -------
    float or array, shape (n,)
        From 0 to 1.

    Notes
    -----
    Exact for one linear unit whose h_t and dl_t/do_t do not change with t. In other networks cells differ in
    direction and in sign, and where r > 1 the states grow as well: it gives the order of magnitude, hardly more.
    """
    r, first = _validation.real_number("r", r, low=0), _first(first, many=True)
    losses = slice(-1 if _validation.flag("last", last) else None, None)
    t = np.arange(1, first.shape[-1] + 1)
    # Of the loss of step t, 1 + r + .. + r^(t-1); where r > 1 all of it relative to r^(T-1), which may be huge.
    q = min(r, 1 / r) if r else 0.0
    total = np.cumsum(q ** (t - 1.0))
    weight = q ** (t[-1] - t) if r > 1 else np.ones(len(t))
    way = np.zeros(first.shape) if r > 1 else t - first + 1.0
    lost = np.where(first > 1, weight * q**way * total[first - 2], 0)
    return lost[..., losses].sum(-1) / (weight * total)[losses].sum()
