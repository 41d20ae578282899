"""Mistakes that readers make in the backward pass, each with the gradient that comes out of it.

The right formulas are those of ``untied``:

    dL/dh_t  = W_hh^T dz_{t+1} + W_qh^T dL/do_t,    dz_t = phi'(z_t) * dL/dh_t        9.7.13, 9.7.14
    dL/dW_hx = sum_t dz_t x_t^T,    dL/dW_hh = sum_t dz_t h_{t-1}^T                   9.7.16
    dL/dW_qh = sum_t dL/do_t h_t^T                                                    9.7.12

Most mistakes put one part of them in the place of another; some happen where the steps are added up.

Shapes: what step t contributes to the gradient of a parameter stands in row t - 1 of (T, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import affine, weigh
from ..activations import ACTIVATIONS
from ..losses import LOSSES
from ..rnn import Params, Trace, checked_trace, targets
from .linearization import Linearization, adjoints, contributions, linearize, unbatched

__all__ = ["MISTAKES", "SUSPECTS", "Mistake", "flawed", "suspect"]


class Mistake(NamedTuple):
    """A mistake: what is said of it, and what it changes.

    Attributes
    ----------
    says : str
        One sentence for the reader.
    change : callable
        ``change(run) -> dict``, the wrong contributions by name of the parameter.
    """

    says: str
    change: Callable


class _Run(NamedTuple):
    """What a mistake is made on: a forward pass, its targets, and the Linearization of the right gradient.

    All with a batch axis, and perhaps with an axis of perturbed copies in front of it, and of each parameter.
    """

    activation: str
    params: Params
    y: np.ndarray
    loss: str
    reduction: str
    parts: Linearization
    mean_over: float  # what the mean over time divides by: T, or the sum of the weights
    w: np.ndarray | None = None  # of ``targets``

    def made_of(self, **changed):
        """Return the contributions when some of the parts are others; the right ones if none are."""
        p = self.parts._replace(**changed)
        return contributions(p, adjoints(p)[1])

    def flawed(self, mistake):
        """Return the contributions with a mistake, or with None."""
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows comes back as inf or nan
            found = self.made_of() if mistake is None else MISTAKES[mistake].change(self)
        return {name: rows for name, rows in found.items() if getattr(self.params, name, rows) is not None}


def flawed(
    mistake: str | None,
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
) -> dict:
    """Return what each step contributes to the gradient when a mistake is made.

    Parameters
    ----------
    mistake : str or None
        A name in ``MISTAKES``; None for the right gradient.
    trace, y, loss, reduction, weights
        As for ``backward``.

    Returns
    -------
    dict of str to array, shape (T, ...)
        By name of the parameter; row t - 1 belongs to the copy that step t uses. Biases that the network does not
        have are left out. h_0 enters in step 1 alone.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.
    """
    trace = checked_trace(trace)
    parts = linearize(trace, y, loss=loss, reduction=reduction, weights=weights)
    if mistake is not None:
        _validation.one_of("mistake", mistake, MISTAKES)
    _, y, w = targets(trace, y, loss, reduction, weights)
    y = y if trace.o.ndim == 3 else y[:, None]
    run = _Run(trace.activation, trace.params, y, loss, reduction, parts, _mean_over(weights, parts.do), w)
    return unbatched(run.flawed(mistake), trace)


def _mean_over(weights, do):
    w = np.ones(len(do)) if weights is None else np.asarray(weights)
    return float(w.sum() / (1 if w.ndim == 1 else w.shape[1]))


class _Flawed(NamedTuple):
    """The contributions with a mistake, as ``check_gradients`` takes them, with squared error and mean over time.

    It answers for many perturbed copies at once, with the same numbers as for one after the other.
    """

    mistake: str | None

    def __call__(self, trace, y):
        """Return what each step contributes."""
        return flawed(self.mistake, trace, y)

    def of_copies(self, copies, trace):
        """Return the answers to all copies, a ``perturbation.Perturbed``, of a trace."""
        params, x, h, o, y = copies
        with np.errstate(over="ignore", invalid="ignore"):
            do = weigh(LOSSES["squared_error"].slope(o, y), "mean") / o.shape[2]
        slope = ACTIVATIONS[trace.activation].slope(h[1:])
        parts = Linearization(do, slope, params.W_hh, params.W_qh, x, h[:-1], h[1:])
        found = _Run(trace.activation, params, y, "squared_error", "mean", parts, len(o)).flawed(self.mistake)
        return [unbatched({name: rows[:, k] for name, rows in found.items()}, trace) for k in range(x.shape[1])]


def _slopes_of(run, states):
    return ACTIVATIONS[run.activation].slope(states)


def _slope_after_the_transpose(run):
    """The recursion of dL/dz_t, but with dL/dh_t in it."""
    p, before = run.parts, _slopes_of(run, run.parts.before)
    dh = p.do @ p.W_qh
    for t in range(len(dh) - 1, 0, -1):
        dh[t - 1] += before[t] * (dh[t] @ p.W_hh)
    found = contributions(p, p.slope * dh)
    found["h0"][0] = before[0] * (dh[0] @ p.W_hh)
    return found


def _from_z(run):
    W_hx, W_hh, _, b_h, _ = run.params
    z = _affine(W_hx, run.parts.x) + _affine(W_hh, run.parts.before, b_h)
    return run.made_of(slope=_slopes_of(run, z))


def _affine(W, rows, bias=None):
    """As ``affine``, also where each of many copies has a W of its own."""
    if W.ndim == 2:
        return affine(W, rows, bias)
    return np.stack([affine(W[k], rows[:, k], None if bias is None else bias[k]) for k in range(len(W))], 1)


def _no_label(run):
    do = run.parts.do
    label = LOSSES[run.loss].label(do, run.y)
    return run.made_of(do=do + weigh(label.astype(do.dtype), run.reduction, run.w) / do.shape[-2])


def _last_forgotten(run):
    do = run.parts.do.copy()
    do[-1] = 0
    right = run.made_of()
    return run.made_of(do=do) | {"W_qh": right["W_qh"], "b_q": right["b_q"]}


def _cut(run):
    # What flows back to step 1 from later steps is taken away: only its own loss is left.
    p = run.parts
    dz = adjoints(p)[1]
    dz[0] = p.slope[0] * (p.do[0] @ p.W_qh)
    return contributions(p, dz)


def _longest_path_missing(run):
    p = run.parts
    last = np.zeros_like(p.do)
    last[-1] = p.do[-1]
    dz = adjoints(p)[1]
    dz[0] -= adjoints(p._replace(do=last))[1][0]
    return contributions(p, dz)


def _W_hh_from(run, before):
    return run.made_of() | {"W_hh": run.made_of(before=before)["W_hh"]}


def _no_start(run):
    before = run.parts.before.copy()
    before[0] = 0
    return _W_hh_from(run, before)


def _one_entry(run, factor):
    found = run.made_of()
    found["W_hh"][..., -1, 0] *= factor
    return found


def _first_skipped(run):
    p = run.parts
    dz = adjoints(p)[1]
    found = contributions(p, dz)
    for rows in found.values():
        rows[0] = 0
    if len(dz) > 1:  # what flowed back last stands for the gradient of h_0
        found["h0"][0] = dz[1] @ p.W_hh
    return found


def _only_first(run):
    found = run.made_of()
    for rows in found.values():
        rows[1:] = 0
    return found


MISTAKES = {
    "no slope": Mistake(
        "The slope phi'(z_t) is missing.", lambda run: run.made_of(slope=np.ones_like(run.parts.slope))
    ),
    "slope of step t - 1": Mistake(
        "The slope is that of the step before, phi'(z_{t-1}) for phi'(z_t).",
        lambda run: run.made_of(slope=_slopes_of(run, run.parts.before)),
    ),
    "slope after the transpose": Mistake(
        "On the way back the slope comes after the transpose, and from the step before: "
        "phi'(z_{t-1}) * (W_hh^T dL/dh_t) for W_hh^T (phi'(z_t) * dL/dh_t).",
        _slope_after_the_transpose,
    ),
    "slope of z": Mistake(
        "The slope is calculated from z_t with the formula that wants h_t, for tanh 1 - z_t^2 for 1 - h_t^2.", _from_z
    ),
    "W_hh untransposed": Mistake(
        "On the way back W_hh stands where its transpose belongs.",
        lambda run: run.made_of(W_hh=run.parts.W_hh.swapaxes(-1, -2)),
    ),
    "h_t for h_{t-1}": Mistake(
        "In dL/dW_hh, h_t stands where h_{t-1} belongs.", lambda run: _W_hh_from(run, run.parts.after)
    ),
    "h_0 is zero": Mistake("In dL/dW_hh, the initial state h_0 is taken as zero.", _no_start),
    "x_{t-1} for x_t": Mistake(
        "In dL/dW_hx, x_{t-1} stands where x_t belongs.", lambda run: run.made_of(x=np.roll(run.parts.x, 1, axis=0))
    ),
    "no 1/T": Mistake(
        "The factor 1/T of the mean over time is missing.",
        lambda run: run.made_of(do=(run.mean_over if run.reduction == "mean" else 1) * run.parts.do),
    ),
    "no label": Mistake("In dL/do_t, the label y_t has not been subtracted.", _no_label),
    "last output forgotten": Mistake(
        "The way back starts from nothing: in dL/dh_T the term W_qh^T dL/do_T is missing.", _last_forgotten
    ),
    "step 1 cut off": Mistake("Nothing flows back from step 2 to step 1: the sequence is cut there.", _cut),
    "window one short": Mistake(
        "The longest path is missing: nothing flows back from the last loss to step 1.", _longest_path_missing
    ),
    "step 1 skipped": Mistake("Step 1 is missing: the loop over the steps stops one too early.", _first_skipped),
    "overwriting": Mistake("Only step 1 is there: each step overwrites the sum instead of adding to it.", _only_first),
    "no bias": Mistake("The gradient of b_h is zero.", lambda run: run.made_of() | {"b_h": 0 * run.made_of()["b_h"]}),
    "a sign": Mistake("One entry has the wrong sign.", partial(_one_entry, factor=-1)),
    "one per cent": Mistake("One entry is 1 % too large.", partial(_one_entry, factor=1.01)),
}

SUSPECTS = {
    "A": "no 1/T",
    "B": "slope of step t - 1",
    "C": "overwriting",
    "D": "h_0 is zero",
    "E": "no slope",
    "F": "a sign",
    "G": "last output forgotten",
    "H": "h_t for h_{t-1}",
    "I": "window one short",
    "J": "W_hh untransposed",
}


def suspect(letter: str) -> Callable:
    """Return one of ten wrong backward passes, for the bug hunt; what is wrong with it stands in ``SUSPECTS``.

    Parameters
    ----------
    letter : {"A", ..., "J"}

    Returns
    -------
    callable
        ``contributions(trace, y)`` for ``check_gradients``, with the squared error and the mean over time.

    Raises
    ------
    ValueError
        If there is no such letter.
    """
    name = SUSPECTS[_validation.one_of("letter", letter, SUSPECTS)]

    def wrong(trace, y):
        return flawed(name, trace, y)

    return wrong
