"""Is this gradient right? Every entry, against two independent derivatives, at a tolerance that is measured.

The reference is the complex step (``differences``): exact but for rounding. How far rounding alone may carry
a gradient is measured on the problem at hand: all that the model is given is shaken by one unit in the last
place, several times, and the gradient calculated anew. A central difference, which shares nothing with
the complex step but the forward pass, stands beside it as a second witness with an error estimate of its own.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from . import _checks
from .bptt import Gradients, backward
from .differences import central_difference, complex_step
from .rnn import Params, forward
from .rnn import loss as loss_of

SHAKES = 16
FALSE_ALARM = 1e-6  # how often a right gradient may be called wrong, over all its entries
BLIND_ABOVE = 0.01  # where rounding could hide an error of one part in a hundred, there is no verdict


class Row(NamedTuple):
    """What was found for one parameter; the entry is the one farthest from its reference.

    Attributes
    ----------
    parameter : str
    size : float
        Euclidean norm of its gradient.
    index : tuple of int
        The entry, counted from 0.
    analytic, reference, central : float
        The gradient under test, the complex step and the central difference, at this entry.
    central_error : float
        The central difference's own estimate of its error.
    tolerance : float
        How far rounding may carry this entry.
    ratio : float
        |analytic - reference| / tolerance; above 1 the gradient is wrong.
    blind : bool
        Whether an error of one part in a hundred of the largest entry could hide below the tolerance.
    """

    parameter: str
    size: float
    index: tuple
    analytic: float
    reference: float
    central: float
    central_error: float
    tolerance: float
    ratio: float
    blind: bool


class Report(NamedTuple):
    """The outcome of a gradient check; true only if it passed.

    Attributes
    ----------
    verdict : {"PASS", "FAIL", "BLIND"}
        BLIND: rounding is so large here, for some parameter, that a wrong gradient could hide.
    rows : tuple of Row
        One for each parameter that was checked.
    """

    verdict: str
    rows: tuple

    @property
    def worst(self):
        """The Row with the largest ratio of error to tolerance."""
        return max(self.rows, key=lambda row: row.ratio)

    def __bool__(self):
        """Whether the verdict is PASS."""
        return self.verdict == "PASS"

    def __str__(self):
        """Return a table, one line for each parameter."""
        head = f"{self.verdict}: the worst entry is {_entry(self.worst)}, off by {self.worst.ratio:.2g} tolerances"
        if self.verdict == "BLIND":
            blind = ", ".join(row.parameter for row in self.rows if row.blind)
            head = f"BLIND: rounding is too large here to judge the gradient of {blind}"
        names = f"{'':6}{'|gradient|':>12}  {'worst entry':<14}{'analytic':>15}{'complex step':>15}"
        return "\n".join([head, names + f"{'central':>15}{'tolerance':>11}", *map(_line, self.rows)])


def _entry(row):
    return f"{row.parameter}[{', '.join(map(str, row.index))}]"


def _line(row):
    numbers = f"{row.analytic:15.7g}{row.reference:15.7g}{row.central:15.7g}{row.tolerance:11.1e}"
    return f"{row.parameter:6}{row.size:12.4g}  {_entry(row):<14}{numbers}"


def check_gradients(
    params,
    x,
    y,
    *,
    h0=None,
    activation="identity",
    loss="squared_error",
    reduction="mean",
    gradient=None,
    seed=0,
):
    """Check the gradient of L with respect to every parameter and h_0.

    Parameters
    ----------
    params, x, y, h0, activation, loss, reduction
        As for ``forward`` and ``loss``.
    gradient : callable, optional
        The reader's own backward pass: ``gradient(trace, y)`` returns a mapping from parameter name to
        array (a ``Gradients`` will do; some parameters may be left out). Without it, ``backward`` is checked.
    seed : int
        For the shakes that measure the tolerance.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or the gradient under test has a wrong name or shape.

    Notes
    -----
    The tolerance of an entry is its standard deviation over 16 shakes times Student's quantile at a false-alarm
    rate of 1e-6 over all entries, plus eps (1 + log2 2T) times a bound on the sum, over the time steps, of what
    each of them contributes in absolute value. The check calculates in float64, whatever came in.
    Where L has a kink (relu at 0), the complex step takes the slope 0, as ``backward`` does.
    """
    options = {"loss": loss, "reduction": reduction}
    start = forward(params, x, h0=h0, activation=activation)
    point = _point(start)
    trace = point.run(activation)
    tested = _tested(backward(trace, y, **options) if gradient is None else gradient(trace, y), point)
    shaken = _shaken_gradients(point, y, activation, options, seed)
    tolerances = _tolerances(shaken, trace, y, options)
    rows = []
    for name, analytic in tested.items():
        f = _loss_along(point, name, y, activation, options)
        theta = getattr(point, name)
        witnesses = complex_step(f, theta), central_difference(f, theta)
        rows.append(_row(name, analytic, *witnesses, tolerances[name], shaken[name]))
    return Report(_verdict(rows), tuple(rows))


class _Point(NamedTuple):
    """All that the loss depends on."""

    W_hx: np.ndarray
    W_hh: np.ndarray
    W_qh: np.ndarray
    b_h: np.ndarray | None
    b_q: np.ndarray | None
    x: np.ndarray
    h0: np.ndarray

    def run(self, activation):
        return forward(Params(*self[:5]), self.x, h0=self.h0, activation=activation)

    def shaken(self, rng):
        eps = np.finfo(float).eps
        return _Point(*(None if a is None else a * (1 + eps * rng.integers(-1, 2, a.shape)) for a in self))


def _point(trace):
    given = dict(zip(_Point._fields, (*trace.params, trace.x, trace.h[0]), strict=True))
    # The imaginary axis is needed for the complex step.
    return _Point(*(None if a is None else _checks.real(s, a).astype(float) for s, a in given.items()))


def _loss_along(point, name, y, activation, options):
    return lambda theta: loss_of(point._replace(**{name: theta}).run(activation), y, **options)


def _names(point):
    return [name for name in ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0") if getattr(point, name) is not None]


def _tested(gradient, point):
    names = _names(point)
    found = gradient._asdict() if isinstance(gradient, Gradients) else gradient
    if not isinstance(found, Mapping):
        raise TypeError(f"gradient returned a {type(found).__name__}, wanted a mapping from parameter name to array")
    unknown = set(found) - set(Gradients._fields)
    if unknown:
        raise ValueError(f"gradient has the name {unknown.pop()!r}, wanted some of {', '.join(names)}")
    tested = {name: found[name] for name in names if found.get(name) is not None}
    if not tested:
        raise ValueError(f"gradient is empty, wanted some of {', '.join(names)}")
    return {name: _as_gradient(name, value, getattr(point, name).shape) for name, value in tested.items()}


def _as_gradient(name, value, shape):
    symbol = f"the gradient of {name}"
    return _checks.finite(symbol, _checks.shaped(symbol, _checks.real(symbol, value), shape, f"shape {shape}"))


def _shaken_gradients(point, y, activation, options, seed):
    rng = np.random.default_rng(seed)
    runs = [backward(point.shaken(rng).run(activation), y, **options) for _ in range(SHAKES)]
    return {name: np.stack([getattr(run, name) for run in runs]) for name in _names(point)}


def _tolerances(shaken, trace, y, options):
    spread = {name: np.std(runs, axis=0, ddof=1) for name, runs in shaken.items()}
    entries = sum(s.size for s in spread.values())
    quantile = stats.t.isf(FALSE_ALARM / (2 * entries), SHAKES - 1)
    floor = _summation_error(trace, y, options)
    return {name: quantile * spread[name] + floor[name] for name in spread}


def _summation_error(trace, y, options):
    """Return what adding up the contributions of all steps may cost: eps (1 + log2 2T) times their absolute sum."""
    g = backward(trace, y, **options)
    dh, do, h, x = (np.abs(a) for a in (g.h, g.o, trace.h, trace.x))  # |phi'| <= 1: |dL/dh_t| bounds |dL/dz_t|
    scale = np.finfo(float).eps * (1 + np.log2(2 * len(dh)))
    outer = {"W_hx": (dh, x), "W_hh": (dh, h[:-1]), "W_qh": (do, h[1:])}
    sums = {name: np.tensordot(a, b, [range(a.ndim - 1)] * 2) for name, (a, b) in outer.items()}
    sums["b_h"], sums["b_q"] = (a.reshape(-1, a.shape[-1]).sum(0) for a in (dh, do))
    sums["h0"] = dh[0] @ np.abs(trace.params.W_hh)
    return {name: scale * value for name, value in sums.items()}


def _row(name, analytic, reference, central, tolerance, shaken):
    error = np.abs(analytic - reference)
    ratio = np.divide(error, tolerance, out=np.where(error > 0, np.inf, 0.0), where=tolerance > 0)
    index = np.unravel_index(np.argmax(ratio), ratio.shape)
    entries = (analytic, reference, central.value, central.error, tolerance, ratio)
    numbers = [float(a[index]) for a in entries]
    blind = _is_blind(tolerance, reference, shaken)
    return Row(name, float(np.linalg.norm(analytic)), tuple(map(int, index)), *numbers, blind)


def _is_blind(tolerance, reference, shaken):
    # In chaos the gradient itself is one draw of many, perhaps a large one: the typical size counts as well.
    typical = np.median(np.abs(shaken).reshape(len(shaken), -1).max(1))
    return bool(tolerance.max() > BLIND_ABOVE * min(typical, np.abs(reference).max()) > 0)


def _verdict(rows):
    # In a blind row the spread is no longer a matter of rounding alone, and its tails are heavy: no verdict there.
    if any(row.ratio > 1 and not row.blind for row in rows):
        return "FAIL"
    return "BLIND" if any(row.blind for row in rows) else "PASS"
