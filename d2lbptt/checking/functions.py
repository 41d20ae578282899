"""Is the gradient of any scalar function of an array right? The reference comes from values of the function alone.

It is the complex step where f calculates with complex numbers and is analytic, else Ridders' extrapolation of
differences (``finite_differences``), which estimates its own error.

Shapes: theta has any shape; so have the gradient, its reference and the tolerance.
"""

import warnings
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._progress import patient
from . import diagnosis, perturbation
from .finding import BLIND_ABOVE, Comparison, Finding, Key
from .finite_differences import COARSE, _AlongEntries, _checked_function, _value, complex_step, ridders
from .reference import STEP
from .report import _report_on
from .tolerance import PERTURBATIONS, bound_of, standard_deviations

__all__ = ["check_gradient"]
TWICE = 8  # times: what draws may draw the same once or twice
DIRECTIONS = 4  # along which the complex step is tried
RIDDERS = 4  # times its own estimate is what the error of ridders stays below: see test_finite_differences


def check_gradient(f, theta, grad, *, method="auto", seed=0):
    """Check the gradient of any scalar function of an array.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a real number.
    theta : array of real numbers
    grad : array, shaped as theta, or callable
        The gradient under test at theta, or ``grad(theta)``, which returns it.
    method : {"auto", "complex", "ridders"}
        Where the reference comes from. The complex step wants an f that is analytic and calculates with
        complex numbers: abs, max, conj and float() are not. "auto" tries it along some directions, asks
        ``ridders`` whether the slope is right along one, and takes ``ridders`` if not, or if f stands still where
        it should move (low precision), or if the imaginary part is 0. With "complex", BLIND is said then.
    seed : int
        For the direction, and for the perturbations that measure the tolerance.

    Returns
    -------
    Report
        With one row, "theta". ``kinks`` holds the entries in which f has a slope from the left and another one from
        the right; there all between them is right.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or f returns something else than a finite number, or another one
        when it is asked again at theta, or ``grad`` another array.

    Notes
    -----
    With the complex step, the tolerance comes from 48 repetitions at a theta that is moved by one unit in the last
    place, each with a step h of its own, so that the imaginary parts round anew: 50 evaluations of f for each entry
    of theta. With ``ridders`` it is four times what that estimates of its own error, which is no statistical bound.
    """
    _validation.one_of("method", method, ("auto", "complex", "ridders"))
    f, theta = _checked_function(f, theta)
    rng = np.random.default_rng(_validation.seed("seed", seed))
    f = _Deterministic(f, theta)
    tested = f.unmoved(_given, grad, theta)
    if callable(grad) and not np.array_equal(_given(grad, theta), tested, equal_nan=True):
        raise ValueError("grad returned another array when it was called again, wanted the same")
    reference = f.unmoved(_reference, f, theta, method, rng)
    compared = Comparison.of(tested, reference.answers, reference.tolerance)
    if compared.is_wrong and reference.by_complex_step and callable(grad):
        compared = compared.within(reference.tolerance + _own_rounding(grad, theta, rng))
    comparisons = {Key("theta"): compared}
    hint = diagnosis.of_one_array(Finding(comparisons)) if compared.is_wrong else ""
    return _report_on(comparisons, reference.kinks, hint=hint, reach=reference.origin)


class _Deterministic:
    """f, asked at theta again and again: a function always returns the same number."""

    def __init__(self, f, theta):
        self.f, self.theta = f, theta
        self.here = _value(f, theta.copy())
        self.again(TWICE)

    def __call__(self, theta):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step may leave the domain of f
            return self.f(theta)

    def again(self, times=1):
        """Complain if f does not return what it did at first."""
        for found in (self(self.theta.copy()) for _ in range(times)):
            if np.ndim(found) or found != self.here:
                raise ValueError(
                    f"f returned {self.here!r}, then {found!s:.40} at the same theta, wanted the same number again: "
                    "does it draw, or remember, or is an array changed that it uses?"
                )

    def unmoved(self, function, *arguments):
        """Return what a function returns, if f is still the same afterwards."""
        found = function(*arguments)
        self.again()
        return found


def _given(grad, theta):
    found = _validation.real("grad", grad(theta.copy()) if callable(grad) else grad)
    return _validation.shaped("grad", found, theta.shape, "the shape of theta").astype(float)


class _Reference(NamedTuple):
    """Gradients between which all is right, how well they are known, and where they come from, in words."""

    answers: list
    tolerance: np.ndarray
    origin: str
    kinks: tuple = ()
    by_complex_step: bool = False


def _reference(f, theta, method, rng):
    entries = _AlongEntries(f, theta)
    why = entries.coarse() if method == "ridders" else _why_not_complex(f, theta, entries, rng)
    if method == "complex" and why:
        nothing = np.zeros(theta.shape)
        return _Reference([nothing], nothing + np.inf, f"The complex step says nothing here: {why}.")
    if method == "ridders" or why:
        origin = f"The reference is Ridders' extrapolation of differences{'; ' * bool(why)}{why}."
        return _by_differences(entries, origin)
    return _by_complex_step(f, theta, rng)


def _why_not_complex(f, theta, entries, rng):
    """Return nothing if the complex step of f is right along some directions, else why it will not do."""
    directions = rng.choice((-1.0, 1.0), (DIRECTIONS, *theta.shape)) * np.maximum(np.abs(theta), 0.1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)  # float() of a complex number
            found = np.array([np.imag(f(theta + 1j * STEP * one)) / STEP for one in directions])
    except Exception:  # whatever it cannot do with complex numbers
        return entries.coarse() or "f does not calculate with complex numbers"
    # Where the complex step says that f climbs, it must; where it says nothing, f may have dropped it.
    if not found.any() or np.abs(found).max() * entries.stands_still > COARSE * np.spacing(abs(f.here)):
        return entries.coarse() or "f drops the imaginary part"
    slope = ridders(lambda s: f(theta + s * directions[0]), 0.0)
    return "" if abs(found[0] - slope.value) <= RIDDERS * slope.error else "f is not analytic"


def _by_complex_step(f, theta, rng):
    reference = complex_step(f, theta)
    runs = ((moved, STEP * rng.uniform(0.5, 1)) for moved in perturbation.moved_copies(theta, rng, PERTURBATIONS))
    # Both sides round: the gradient under test as much as the reference.
    deviation = np.sqrt(2) * _deviation((complex_step(f, *run) for run in runs), reference)
    # The error of the formula falls with h^2, and is all there is where the derivative is zero.
    formula = 4 / 3 * np.abs(reference - complex_step(f, theta, STEP / 2))
    reference = np.where(np.abs(reference) <= 2 * formula, 0, reference)
    tolerance = formula + _bound(deviation, reference)
    return _Reference([reference], tolerance, "The reference is the complex step.", by_complex_step=True)


def _own_rounding(grad, theta, rng):
    """Return how far rounding carries the gradient under test, if that can be asked."""
    found = _given(grad, theta)
    runs = (_given(grad, moved) for moved in perturbation.moved_copies(theta, rng, PERTURBATIONS))
    return _bound(_deviation(runs, found), found)


def _deviation(runs, center):
    tables = ({"theta": run} for run in patient(runs, PERTURBATIONS))
    return perturbation.spread(tables, {"theta": center})[1]["theta"]


def _bound(deviation, numbers):
    size = np.abs(numbers)
    return bound_of(deviation, standard_deviations({"theta": numbers}), size, size, 1, float)


def _by_differences(entries, origin):
    found, left, right = entries.slopes()
    coarse = bool(entries.coarse())
    times = 2 * RIDDERS if coarse else RIDDERS  # stairs are no independent noise
    unsure = times * (left.error + right.error)
    # Of a function in stairs only a large gap is a kink.
    least = BLIND_ABOVE * np.abs(found.value).max() if coarse else 0
    kink = np.abs(right.value - left.value) > np.maximum(unsure, least)
    answers = [np.where(kink, side.value, found.value) for side in (left, right)]
    tolerance = np.where(kink, unsure, times * found.error)
    # A slope may hide behind none at all, where f hardly moves by more than it is known to.
    hidden = not np.any(answers) and not tolerance.max() * entries.reach <= BLIND_ABOVE * entries.moves()
    if hidden or entries.stairs.width > 1:
        tolerance = np.full(tolerance.shape, np.inf)
    return _Reference(answers, tolerance, origin, np.argwhere(kink))
