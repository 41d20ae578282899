"""How far back does the gradient reach? |dL/dh_t| for every t, computed and by theory (9.7.14, 9.7.15)."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation, laws
from ..activations import ACTIVATIONS
from ..growth.gradient_norms import log10_gradient_norms, log10_slopes_in_front
from ..rnn import Params, checked_params, forward, init_params
from ._inputs import noise
from ._slopes import SlopeBands, slope_bands

UNITS, INPUT = 64, 0.1  # units of the built-in model; standard deviation of its inputs
LARGEST = 10**6  # scale
LONGEST = 1000  # steps for which the law c rho^k is calculated at once
SHOWN = 48  # steps at which a window's curve is calculated where all T would take long: a point for every ten pixels


class GradientFlow(NamedTuple):
    """The gradient on its way back; all norms are log10.

    Attributes
    ----------
    tau : int
        The window, no longer than T; T is smaller than asked for where x is shorter, or a state overflows.
    full : array, shape (T,)
        log10 |dL/dh_t|, entry t - 1 for step t.
    truncated : array, shape (n,)
        The same with the window, for the n steps t in ``steps``.
    steps : array of int, shape (n,)
    last : array, shape (T,)
        As ``full``, for the loss at step T alone.
    theory : array, shape (T,), or None
        What ``last`` would be, less last[T - 1], by the law c rho^k of W_hh with the slopes in front; None if W_hh is
        not diagonalizable.
    bound : array, shape (T,)
        No entry of ``last``, less last[T - 1], is above it.
    slopes : array, shape (T, units)
        phi'(z_t), of all sequences of a batch.
    slope_bands : SlopeBands
    eigenvalues, singular_values : array, shape (h,)
        Of W_hh, the largest first.
    conditions : Conditions
        What W_hh alone makes certain.
    every_step : bool
        Whether there is a loss at every step.
    overflow : str
        What overflowed, or "".
    """

    tau: int
    full: np.ndarray
    truncated: np.ndarray
    steps: np.ndarray
    last: np.ndarray
    theory: np.ndarray | None
    bound: np.ndarray
    slopes: np.ndarray
    slope_bands: SlopeBands
    eigenvalues: np.ndarray
    singular_values: np.ndarray
    conditions: laws.Conditions
    every_step: bool
    overflow: str


def gradient_flow(
    T: int = 200,
    g: float = 0.8,
    tau: int = 30,
    activation: str = "tanh",
    kind: str = "gaussian",
    seed: int = 0,
    reduction: str = "last",
    *,
    params: Params | None = None,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    h0: ArrayLike | None = None,
) -> GradientFlow:
    """Follow the gradient back from t = T to t = 1, with a window and without, beside what W_hh says of it.

    Parameters
    ----------
    T : int
        Length of the sequence; of the reader's own x, the first T steps are taken.
    g : float
        Scale of W_hh, from 0 to 10^6. It multiplies the reader's own W_hh, too: 1 leaves it as it is.
    tau : int
        The window.
    activation : str
        A name in ``ACTIVATIONS``.
    kind, seed : str, int
        Of the built-in model, as for ``init_params``.
    reduction : {"last", "mean", "sum"}
        Whether the loss is at the last step or at every one.
    params : Params, optional
        The reader's own model, with x; without it the built-in one, of 64 units with one input, noise of standard
        deviation 0.1, and one output.
    x : array, shape (T, d) or (T, B, d), optional
    y : array, shaped as the outputs for all of x, optional
        Targets of the squared error; ones if not given.
    h0 : array, shape (h,) or (B, h), optional

    Returns
    -------
    GradientFlow

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or params or x is missing where another of the reader's is given.
    FloatingPointError
        If the first state or the slope of the loss overflows.
    """
    T, tau = _validation.whole_number("T", T, 1), _validation.whole_number("tau", tau, 1)
    g = _validation.real_number("g", g, low=0, high=LARGEST)
    own = {"params": params, "x": x, "y": y, "h0": h0}
    if all(value is None for value in own.values()):
        model = init_params(1, UNITS, 1, kind=kind, seed=seed), noise(T, INPUT, seed), np.ones((T, 1))
    else:
        model = _own_model(own)
    params, inputs, targets = model
    scaled = params._replace(W_hh=g * params.W_hh)
    trace, y, overflow = _longest_run(scaled, inputs[:T], targets[:T], h0, activation, reduction)
    return _flow(trace, y, reduction, tau, g, params.W_hh.astype(float).tobytes(), overflow)


def _own_model(own):
    for missing in ("params", "x"):
        if own[missing] is None:
            given = next(name for name, value in own.items() if value is not None)
            raise ValueError(f"{missing} is missing beside {given}, wanted both params and x")
    params = checked_params(own["params"])
    _validation.all_real(**params._asdict(), h0=own["h0"])
    x, d = _validation.real("x", own["x"]), params.W_hx.shape[1]
    shape = (None, None, d) if x.ndim == 3 else (None, d)
    _validation.finite("x", _validation.shaped("x", x, shape, f"(T, d) or (T, B, d) with d = {d} and T > 0"))
    wanted = (*x.shape[:-1], len(params.W_qh))
    y = np.ones(wanted) if own["y"] is None else own["y"]
    return params, x, _validation.real_array("y", y, wanted, "that of the outputs")


def _longest_run(params, x, y, h0, activation, reduction):
    """Return the trace of the longest finite run, its targets, and what overflowed."""
    try:
        return forward(params, x, h0=h0, activation=activation), y, ""
    except _validation.Overflow as error:
        if ACTIVATIONS[activation].linear and (reduction, x.ndim, len(params.W_qh)) == ("last", 2, 1):
            # All slopes are equal, and dL/dh_T is a multiple of W_qh: the ratio is the same for any states and targets.
            still = Params(params.W_hx, params.W_hh, params.W_qh)
            return forward(still, np.zeros_like(x), activation=activation), np.ones_like(y), ""
        if error.t == 1:
            raise
        T = error.t - 1
        return forward(params, x[:T], h0=h0, activation=activation), y[:T], str(error)


def _flow(trace, y, reduction, tau, g, W, overflow):
    T, activation = len(trace.x), trace.activation
    full = log10_gradient_norms(trace, y, reduction=reduction)
    last = full if reduction == "last" else log10_gradient_norms(trace, y, reduction="last")
    tau, (_, eigenvalues, singular_values) = min(tau, T), _spectra(W)
    steps, slopes = _steps_shown(T, tau, reduction), ACTIVATIONS[activation].slope(trace.h[1:]).reshape(T, -1)
    return GradientFlow(
        tau=tau,
        full=full,
        truncated=_truncated(trace, y, reduction, tau, full, steps),
        steps=steps,
        last=last,
        theory=_theory(trace, y, g, W, last),
        bound=laws.log10_bound(g * singular_values[:1, None], np.arange(T)[::-1], activation),
        slopes=slopes,
        slope_bands=slope_bands(slopes),
        eigenvalues=g * eigenvalues,
        singular_values=g * singular_values,
        conditions=_conditions(W, g, activation),
        every_step=reduction != "last",
        overflow=overflow,
    )


def _steps_shown(T, tau, reduction):
    early = T - tau  # there the window ends before T, and with a loss at every step each t has a sum of its own
    few = early if reduction == "last" or T <= 2 * SHOWN else min(early, SHOWN * early // T + 1)
    return np.append(np.unique(np.linspace(1, early, few).astype(int)), np.arange(early + 1, T + 1))


def _truncated(trace, y, reduction, tau, full, steps):
    decades, early = full[steps - 1], steps <= len(full) - tau
    decades[early] = log10_gradient_norms(trace, y, reduction=reduction, window=tau, steps=steps[early])
    return decades


def _theory(trace, y, g, W, last):
    (modes, *_), W_qh = _spectra(W), trace.params.W_qh.astype(float)
    if modes is None:
        return None

    # With one output every v of length 1 is the same, but for its sign.
    known = _powers(W, W_qh.tobytes(), max(len(last), LONGEST)) if len(W_qh) == 1 else None

    def law(v, k):
        powers = modes.log10_norms(v, k, dominant=True) if known is None else known[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            return powers + np.where(k == 0, 0.0, k * np.log10(g))

    decades = log10_slopes_in_front(trace, y, law)
    return decades - last[-1] if np.isfinite(last[-1]) else decades


# --- what follows from W_hh alone, given as bytes so that it can be looked up: calculated for g = 1, as a rule ---


def _square(W):
    return np.frombuffer(W).reshape(isqrt(len(W) // 8), -1)


@lru_cache(8)
def _spectra(W):
    """Return the modes of W_hh^T, or None where there are none, the eigenvalues and the singular values."""
    W = _square(W)
    singular_values = np.linalg.svd(W, compute_uv=False)
    try:
        modes = laws.modes(W.T)
        return modes, modes.values, singular_values
    except ValueError:
        values = np.linalg.eigvals(W)
        return None, values[np.argsort(-np.abs(values))], singular_values


@lru_cache(64)
def _conditions(W, g, activation):
    return laws.conditions(g * _square(W), activation)


@lru_cache(8)
def _powers(W, W_qh, count):
    v = np.frombuffer(W_qh)
    return _spectra(W)[0].log10_norms(v / (np.linalg.norm(v) or 1), np.arange(count), dominant=True)
