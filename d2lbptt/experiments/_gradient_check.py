"""Where is this gradient wrong? A backward pass with a mistake of one's choice, and what the check says of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..bptt import backward
from ..checking.check import check_gradients
from ..checking.mistakes import MISTAKES, SUSPECTS, _Flawed
from ..checking.report import Report
from ..rnn import Params, forward, init_params

INPUTS, UNITS, OUTPUTS = 3, 5, 2
ALMOST = 10  # units in the last place between the outputs and targets that are almost hit
NONE, SUSPECT = "none", "suspect "
CHOICES = {NONE: None, **{name: name for name in MISTAKES}, **{SUSPECT + key: name for key, name in SUSPECTS.items()}}
TARGETS, GIVEN = ("anywhere", "almost hit"), ("every step", "sums alone")


class GradientCheck(NamedTuple):
    """A report, and the sequence that it is about.

    Attributes
    ----------
    report : Report
    T : int
        The length that was checked; smaller than asked for where the right gradient overflows.
    """

    report: Report
    T: int


def gradient_check(
    mistake: str = "W_hh untransposed",
    T: int = 30,
    g: float = 1.0,
    dtype: str = "float64",
    activation: str = "tanh",
    kind: str = "orthogonal",
    seed: int = 0,
    targets: str = "anywhere",
    given: str = "every step",
) -> GradientCheck:
    """Check a backward pass with a mistake, on a network with 3 inputs, 5 units and 2 outputs.

    Parameters
    ----------
    mistake : str
        "none", a name in ``MISTAKES``, or "suspect A" to "suspect J".
    T : int
        Length of the sequence.
    g : float
        Scale of W_hh.
    dtype : {"float64", "float32"}
    activation, kind : str
        As for ``forward`` and ``init_params``.
    seed : int
    targets : {"anywhere", "almost hit"}
        Almost hit, the outputs are off by some ten units in the last place.
    given : {"every step", "sums alone"}
        What the check is told: what each step contributes, or the sums over all steps.

    Returns
    -------
    GradientCheck

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the gradient overflows already for T = 1.
    """
    planted = CHOICES[_validation.one_of("mistake", mistake, CHOICES)]
    _validation.one_of("dtype", dtype, ("float64", "float32"))
    almost_hit = _validation.one_of("targets", targets, TARGETS) == "almost hit"
    sums_alone = _validation.one_of("given", given, GIVEN) == "sums alone"
    T, seed = _validation.whole_number("T", T, 1), _validation.seed("seed", seed)
    _validation.fits_in_memory("x", T * (INPUTS + OUTPUTS), float, f"T = {_validation.shown(T)}")
    params = init_params(INPUTS, UNITS, OUTPUTS, scale=g, kind=kind, seed=seed)
    while True:
        try:
            problem = _problem(params, T, dtype, activation, seed, almost_hit)
            return GradientCheck(_report(planted, activation, sums_alone, **problem), T)
        except FloatingPointError:  # the right gradient overflows
            if T == 1:
                raise
            T = 3 * T // 4


def _problem(params, T, dtype, activation, seed, almost_hit):
    """Return params, x, y and h0 by name; nothing is zero, so that no term of a formula can hide."""
    rng = np.random.default_rng((seed, 1))
    b_h, b_q, h0 = (0.2 * rng.normal(size=n) for n in (UNITS, OUTPUTS, UNITS))
    x, y = np.split(rng.normal(size=(T, INPUTS + OUTPUTS)), [INPUTS], axis=1)
    *params, x, y, h0 = (a.astype(dtype) for a in (*params[:3], b_h, b_q, x, y, h0))
    params = Params(*params)
    trace = forward(params, x, h0=h0, activation=activation)
    if almost_hit:
        y = trace.o + ALMOST * np.finfo(dtype).eps * y
    backward(trace, y)  # complains if it overflows
    return {"params": params, "x": x, "y": y, "h0": h0}


def _report(mistake, activation, sums_alone, **problem):
    asked = {"gradient": _Sums(mistake)} if sums_alone else {"contributions": _Flawed(mistake)}
    with np.errstate(over="ignore", invalid="ignore"):  # a wrong gradient may overflow where the right one does not
        return check_gradients(activation=activation, **problem, **asked)


class _Sums(_Flawed):
    """The gradient with a mistake, without what each step contributes."""

    def __call__(self, trace, y):
        return _summed(super().__call__(trace, y))

    def of_copies(self, copies, trace):
        return [_summed(one) for one in super().of_copies(copies, trace)]


def _summed(found):
    return {name: rows.sum(0) for name, rows in found.items()}
