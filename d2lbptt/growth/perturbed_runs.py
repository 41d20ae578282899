"""Two runs from initial states that are close together: their distance at each step, and what the Jacobians predict.

    h'_0 = h_0 + delta v,    d_t = |h'_t - h_t|
    d_t = |J_t J_{t-1} .. J_1 (h'_0 - h_0)|,   J_t = diag(phi'(z_t)) W_hh        as long as d_t is small     9.7.15

Shapes: one sequence; h has T + 1 rows, and so does what belongs to them; row 0 is the start.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import rescaled
from ..activations import ACTIVATIONS
from ..rnn import Params, forward

__all__ = [
    "PerturbedRuns",
    "perturbed_runs",
    "Rate",
    "rate",
]

EPS = np.finfo(float).eps.item()
SMALL, ROUNDING = 0.1, 30  # of |h_t|: where the states bend the growth; of eps |h_t|: where rounding may have added up
TINIEST = np.finfo(float).smallest_subnormal.item()
BLOCKS = 8  # of steps, whose spread gives the error of a rate


class PerturbedRuns(NamedTuple):
    """Two runs and their distance; all logarithms are natural ones, -inf for zero.

    Attributes
    ----------
    h, other : array, shape (T + 1, h)
        The states of both.
    log : array, shape (T + 1,)
        Of d_t.
    predicted : array, shape (T + 1,)
        Of what the product of the Jacobians along the first run makes of d_0.
    floor : array, shape (T + 1,)
        Of eps |h_t|, what rounding makes of h_t, or of the smallest number there is.
    """

    h: np.ndarray
    other: np.ndarray
    log: np.ndarray
    predicted: np.ndarray
    floor: np.ndarray

    @property
    def parted(self) -> int | None:
        """The first t at which the distance has grown to a tenth of |h_t| or more; None if there is none."""
        far = (self.log > self.log[0]) & (self.log >= self.floor + math.log(SMALL / EPS))
        return int(np.argmax(far)) if far.any() else None

    @property
    def lost(self) -> int | None:
        """The first t at which the distance is no more than thirty roundings of h_t, or zero; None if there is none."""
        gone = ~(self.log > self.floor + math.log(ROUNDING))
        return int(np.argmax(gone)) if gone.any() else None

    @property
    def merged(self) -> int | None:
        """The first t from which both runs are one and the same to the last digit; None if there is none."""
        return int(np.argmax(np.isneginf(self.log))) if np.isneginf(self.log).any() else None

    @property
    def linear(self) -> int:
        """The last t up to which the distance stays both small and above rounding; -1 if it never is."""
        return min(len(self.log) if t is None else t for t in (self.parted, self.lost)) - 1

    @property
    def off(self) -> float:
        """The largest |log d_t - log of what is predicted| over these steps."""
        steps = slice(self.linear + 1)
        return np.abs(self.log[steps] - self.predicted[steps]).max(initial=0).item()


def perturbed_runs(
    params: Params, x: ArrayLike, h0: ArrayLike, v: ArrayLike, delta: float, *, activation: str = "tanh"
) -> PerturbedRuns:
    """Run a network from h_0 and from h_0 + delta v.

    Parameters
    ----------
    params, x, activation
        As for ``forward``; one sequence.
    h0, v : array, shape (h,)
    delta : float

    Returns
    -------
    PerturbedRuns

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or delta v is lost when it is added to h_0.
    FloatingPointError
        If a state overflows.

    Notes
    -----
    The two run one after the other: as two rows of one matrix product they might be rounded differently, and part
    though they are the same.
    """
    h0 = _validation.series("h0", h0, "(h,)")
    v = _validation.real_array("v", v, h0.shape, "that of h0").astype(float)
    start = h0 + _validation.real_number("delta", delta) * v
    if np.array_equal(start, h0):
        raise ValueError(f"delta is {delta}, wanted one that moves h_0: h_0 + delta v is h_0")
    trace, other = (forward(params, x, h0=row, activation=activation) for row in (h0, start))
    slopes = ACTIVATIONS[activation].slope(trace.h[1:])
    with np.errstate(divide="ignore"):
        log = np.log(_lengths(other.h - trace.h))
        floor = np.log(np.maximum(EPS * _lengths(trace.h), TINIEST))
    return PerturbedRuns(trace.h, other.h, log, _product(trace.params.W_hh, slopes, start - h0), floor)


def _lengths(rows):
    # Scaled, so that squares of tiny numbers are not lost.
    size = np.abs(rows).max(1, keepdims=True)
    return size[:, 0] * np.linalg.norm(np.divide(rows, size, out=np.zeros_like(rows), where=size > 0), axis=1)


def _product(W, slopes, v):
    """Return log |J_t .. J_1 v| for t = 0 .. T."""
    rows = np.empty((len(slopes) + 1, len(v)))
    rows[0] = v

    def step(t, v):
        later = W.dot(v, rows[t + 1])
        later *= slopes[t]
        return later

    exponents = np.array([exponent for _, exponent in rescaled(step, rows[0], len(slopes))])
    with np.errstate(divide="ignore"):
        return exponents * math.log(2) + np.log(np.sqrt(np.einsum("ti,ti->t", rows, rows)))


class Rate(NamedTuple):
    """A growth rate per step, natural logarithm.

    Attributes
    ----------
    value : float
        Of the mean growth; nan without any step.
    error : float
        The standard error, from the spread of blocks of steps; nan where there are too few steps for blocks.
    """

    value: float
    error: float

    @property
    def factor(self) -> float:
        """By how much a step multiplies."""
        return math.exp(self.value)


def rate(log: ArrayLike, start: int, stop: int) -> Rate:
    """Return the mean growth of a logarithm per step, from row ``start`` to row ``stop``.

    Parameters
    ----------
    log : array, shape (T + 1,)
        Without nan.
    start, stop : int
        From 0 to T; stop may be -1, as ``PerturbedRuns.linear`` may.

    Returns
    -------
    Rate
        Of nan unless start < stop.

    Notes
    -----
    The largest Lyapunov exponent is this rate of ``PerturbedRuns.predicted`` for T without end. The error is that of
    batch means (Schmeiser 1982, Operations Research 30, 556-568): it knows nothing of a drift.
    """
    log = _validation.shaped("log", _validation.real("log", log), (None,), "(T + 1,)")
    _validation.fits_in_memory("log", log.size, log.dtype, f"shape {log.shape}")
    if np.isnan(log).any():
        raise ValueError("log has a nan, wanted logarithms")
    start = _validation.whole_number("start", start, 0, len(log) - 1, "T = ")
    stop = _validation.whole_number("stop", stop, -1, len(log) - 1, "T = ")
    steps = stop - start
    if steps < 1:
        return Rate(math.nan, math.nan)
    if not np.isfinite(log[[start, stop]]).all():
        return Rate(-math.inf, math.nan)
    edges = np.linspace(start, stop, BLOCKS + 1).round().astype(int)
    value = float(log[stop] - log[start]) / steps
    if steps < 4 * BLOCKS:
        return Rate(value, math.nan)
    return Rate(value, float(np.std(np.diff(log[edges]) / np.diff(edges), ddof=1)) / math.sqrt(BLOCKS))
