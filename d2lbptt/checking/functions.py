"""Is the gradient of any scalar function of one array, or of several by name, right?

The reference comes from values of the function alone. It is the complex step where f calculates with complex numbers
and is analytic, else Ridders' extrapolation of differences (``finite_differences``), which estimates its own error.

Shapes: theta is one array of any shape, or several by name; so are the gradient, its reference and the tolerance. In
here all are one row of N numbers, of which n are looked at (``entries``).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from .. import _validation
from .._progress import patient
from .._recursion import row_norms
from . import diagnosis, perturbation
from .entries import Layout, Sample
from .finding import BLIND_ABOVE, Comparison, EntriesFinding, Key, any_wrong
from .finite_differences import COARSE, _along, _AlongEntries, _value
from .reference import STEP
from .report import Report, _report_on
from .tolerance import PERTURBATIONS, bound_of, standard_deviations

__all__ = ["check_gradient"]
TWICE = 8  # times: what draws may draw the same once or twice
FIRST = 12  # perturbed copies for every entry
LEAST = ((FIRST - 1) / (PERTURBATIONS - 1)) ** 0.5  # a ratio after these that cannot become 1 after all of them
FAR = 100  # a ratio that does not fall to 1
CLOSE = 0.8  # a ratio from here to its inverse is judged with all copies of all entries of its array
DIRECTIONS = 4  # along which the complex step is tried
RIDDERS = 4  # times its own estimate is what the error of ridders stays below: see test_finite_differences


def check_gradient(
    f: Callable,
    theta: Any,
    grad: Any,
    *,
    method: str = "auto",
    entries: int | None = None,
    seed: int = 0,
) -> Report:
    """Check the gradient of any scalar function of an array, or of several arrays by name.

    Parameters
    ----------
    f : callable
        Takes what theta is, in float64: an array of its shape; a dict of arrays; a Params. Returns a real number.
    theta : array of real numbers, or mapping from name to array, or named tuple of arrays
        The place. A named tuple may be ``Params``, or one of the reader's own; fields that are None are left out, and
        f gets None there.
    grad : as theta, or callable
        The gradient under test at theta, or ``grad(theta)``, which returns it: an array of the shape of theta; a
        mapping with the same names; a named tuple such as Params or ``Gradients``, of which names that are not in
        theta are left alone.
    method : {"auto", "complex", "ridders"}
        Where the reference comes from. The complex step wants an f that is analytic and calculates with
        complex numbers: abs, max, conj and float() are not. "auto" tries it along some directions, asks
        ``ridders`` whether the slope is right along one, and takes ``ridders`` if not, or if f stands still where
        it should move (low precision), or if the imaginary part is 0. With "complex", BLIND is said then.
    entries : int, optional
        Look at so many entries alone, drawn at random without repetition: at least one of each array, the others
        from all arrays alike. Without it, all are looked at.
    seed : int
        For the sample, for the direction, and for the perturbations that measure the tolerance.

    Returns
    -------
    Report
        With one row for each name, "theta" for one array. ``reach`` says where the reference comes from and, with
        ``entries``, how likely wrong entries were missed. ``kinks`` holds the entries in which f has a slope from the
        left and another one from the right; there all between them is right. ``ratios`` are nan where nothing was
        looked at.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, the names of grad are not those of theta, or f returns something
        else than a finite number, or another one when it is asked again at theta, or ``grad`` another array.

    Notes
    -----
    With the complex step, the tolerance comes from 48 repetitions at a theta that is moved by one unit in the last
    place, each with a step h of its own, so that the imaginary parts round anew. Where 12 of them tell that an entry
    is right, because 48 of them could not vary so much less, these are enough, unless it has the largest tolerance or
    ratio of its array. So it takes some 20 evaluations of f for each entry that is looked at, and 50 in an array where
    it is a close call. With ``ridders`` it is four times what that estimates of its own error, which is
    no statistical bound.

    The probability that none of n entries out of N is one of m wrong ones is C(N - m, n) / C(N, n), 1 - n/N for m = 1,
    if which are wrong does not depend on the draw. For several arrays see ``checking.entries``.
    """
    _validation.one_of("method", method, ("auto", "complex", "ridders"))
    _validation.function("f", f)
    layout, place = Layout.of(theta)
    seed = _validation.seed("seed", seed)
    sample, rng = Sample.drawn(layout, entries, seed), np.random.default_rng(seed)
    function = _Deterministic(lambda row: f(layout.like_theta(row)), place)
    under_test = _UnderTest(grad, layout)
    tested = function.unmoved(under_test, place)
    under_test.again(tested, place)
    reference = function.unmoved(_reference, function, place, tested[sample.at], sample, method, rng)
    return _judged(tested, reference, under_test, function, place, sample, rng)


def _judged(tested, reference, under_test, function, place, sample, rng):
    """Return the Report on a row under test."""
    compared = Comparison.of(tested[sample.at], reference.answers, reference.tolerance)
    if compared.is_wrong and reference.by_complex_step and callable(under_test.grad):
        compared = compared.within(reference.tolerance + _own_rounding(under_test, place, sample, rng))
    comparisons = {Key(name): Comparison(*(table[part] for table in compared)) for name, part in sample.parts.items()}
    hint = ""
    if any_wrong(comparisons):

        def right_at(places):
            return function.unmoved(reference.at, function, place, places)

        hint = diagnosis.of_arrays(EntriesFinding(comparisons, sample, right_at))
    reach = " ".join(filter(None, (reference.origin, sample.words())))
    return _in_place(_report_on(comparisons, (), hint=hint, reach=reach), tested, reference, sample)


def _in_place(report, tested, reference, sample):
    """Return a report on rows with the indices of the arrays, and the sizes of all of them."""
    layout, starts = sample.layout, dict(zip(sample.layout.shapes, sample.layout.starts.tolist(), strict=False))
    rows, ratios = [], {}
    for row in report.rows:
        places, shape = sample.places(row.parameter), layout.shapes[row.parameter]
        whole = tested[starts[row.parameter] :][: math.prod(shape)]
        index = layout.index_in(row.parameter, places[row.index[0]])
        rows.append(row._replace(index=index, size=float(row_norms(whole[None])[0])))
        key = Key(row.parameter)
        ratios[key] = np.full(shape, np.nan)
        ratios[key].flat[places] = report.ratios[key]
    return report._replace(rows=tuple(rows), ratios=ratios, kinks=tuple(_kinks(reference, sample)))


def _kinks(reference, sample):
    for name, part in sample.parts.items():
        for place in sample.places(name)[reference.kinks[part]]:
            index = sample.layout.index_in(name, place)
            yield index if sample.layout.one else (name, *index)


class _UnderTest(NamedTuple):
    """The gradient under test, as a row."""

    grad: Any
    layout: Layout

    def __call__(self, place):
        """Return it at a place."""
        given = self.grad(self.layout.like_theta(place.copy())) if callable(self.grad) else self.grad
        return self.layout.row("grad", given)

    def again(self, found, place):
        """Complain if it is another one when asked again."""
        if callable(self.grad) and not np.array_equal(self(place), found, equal_nan=True):
            raise ValueError("grad returned another array when it was called again, wanted the same")


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


class _Reference(NamedTuple):
    """Rows between which all is right, how well they are known, and where they come from, in words.

    ``at(f, theta, places)`` returns the right numbers of other entries; ``kinks`` says which entries are on one.
    """

    answers: list
    tolerance: np.ndarray
    origin: str
    kinks: np.ndarray
    at: Callable
    by_complex_step: bool = False


def _reference(f, theta, tested, sample, method, rng):
    entries = _AlongEntries(f, theta)
    why = entries.coarse() if method == "ridders" else _why_not_complex(f, theta, entries, rng)
    if method == "complex" and why:
        nothing = np.zeros(len(sample.at))
        origin = f"The complex step says nothing here: {why}."
        return _Reference([nothing], nothing + np.inf, origin, nothing > 0, _slopes)
    if method == "ridders" or why:
        origin = f"The reference is Ridders' extrapolation of differences{'; ' * bool(why)}{why}."
        return _by_differences(entries, sample, origin)
    return _by_complex_step(f, theta, tested, sample, rng)


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
    slope = entries.along(directions[0])
    return "" if abs(found[0] - slope.value) <= RIDDERS * slope.error else "f is not analytic"


def _by_complex_step(f, theta, tested, sample, rng):
    reference, half = (_slopes(f, theta, sample.at, h) for h in (STEP, STEP / 2))
    # The error of the formula falls with h^2, and is all there is where the derivative is zero.
    formula = 4 / 3 * np.abs(reference - half)
    reference = np.where(np.abs(reference) <= 2 * formula, 0, reference)
    steps = STEP * rng.uniform(0.5, 1, PERTURBATIONS)
    runs = np.full((PERTURBATIONS, len(reference)), np.nan)
    # The next entry begins with other copies, so that the median of an array is one over all of them.
    copy, entry = np.ogrid[: runs.shape[0], : runs.shape[1]]
    wanted = (copy - FIRST * entry) % PERTURBATIONS < FIRST
    while wanted.any():
        again = deepcopy(rng)  # for the same copies
        runs[wanted] = _slopes_of_copies(f, theta, sample.at, wanted, steps, again)
        # Both sides round: the gradient under test as much as the reference.
        deviation = np.sqrt(2) * np.nanstd(runs - reference, axis=0, ddof=1)
        tolerance = formula + _bound(deviation, reference, sample)
        compared, missing = Comparison.of(tested, [reference], tolerance), np.isnan(runs)
        wanted = missing & _undecided(compared, ~missing.any(0), sample)
    rng.bit_generator.state = again.bit_generator.state
    origin = "The reference is the complex step."
    return _Reference([reference], tolerance, origin, np.zeros(len(reference), bool), _slopes, by_complex_step=True)


def _moved_one_by_one(theta, rng):
    """Yield perturbed copies of a row that may be so long that not all of them fit in memory."""
    return (perturbation.moved_copies(theta, rng, 1)[0] for _ in range(PERTURBATIONS))


def _slopes_of_copies(f, theta, at, wanted, steps, rng):
    """Return the derivatives of f at perturbed copies, where they are wanted: a row for each copy."""
    copies = zip(_moved_one_by_one(theta, rng), steps, wanted, strict=True)
    slopes = (_along(f, moved, place, h) for moved, h, some in copies for place in at[some].tolist())
    return list(patient(slopes, int(wanted.sum())))


def _undecided(compared, known, sample):
    """Return the entries for which the first copies are not enough, if so many are ``known`` over all.

    A sum of squares about the mean only grows with more copies: what is below LEAST is right whatever they bring.
    A tolerance is no smaller than the median of its array makes it, so that a close call wants all of that.
    """
    found = (compared.ratio > LEAST) & (compared.ratio < FAR)
    for part in sample.parts.values():
        for table in (compared.ratio[part], compared.tolerance[part]):
            largest = table[known[part]].max(initial=-np.inf)
            above = np.flatnonzero(~known[part] & (table > largest))
            most = 1 + np.count_nonzero(known[part])  # at once: the largest of many is often large by chance
            found[part.start + above[np.argsort(table[above])[-most:]]] = True
        close = (compared.ratio[part] > CLOSE) & (compared.ratio[part] < 1 / CLOSE)
        found[part] |= (close & known[part]).any()
    return found


def _slopes(f, theta, at, h=STEP):
    """Return the derivatives with respect to some entries by the complex step."""
    return np.fromiter(patient((_along(f, theta, place, h) for place in at.tolist()), len(at)), float, len(at))


def _own_rounding(under_test, theta, sample, rng):
    """Return how far rounding carries the gradient under test, if that can be asked."""
    found = under_test(theta)[sample.at]
    runs = (under_test(moved)[sample.at] for moved in _moved_one_by_one(theta, rng))
    return _bound(_deviation(patient(runs, PERTURBATIONS), found), found, sample)


def _deviation(runs, center):
    return perturbation.spread(({"theta": run} for run in runs), {"theta": center})[1]["theta"]


def _bound(deviation, numbers, sample):
    size, times = np.abs(numbers), standard_deviations({"theta": numbers})
    parts = sample.parts.values()
    return np.concatenate([bound_of(deviation[part], times, size[part], size[part], 1, float) for part in parts])


def _by_differences(entries, sample, origin):
    found, left, right = entries.slopes(sample.at)
    coarse = bool(entries.coarse())
    times = 2 * RIDDERS if coarse else RIDDERS  # stairs are no independent noise
    unsure, answer = times * (left.error + right.error), np.abs(found.value)
    # Of a function in stairs only a large gap is a kink.
    least = np.concatenate([np.full(len(answer[p]), answer[p].max()) for p in sample.parts.values()])
    kink = np.abs(right.value - left.value) > np.maximum(unsure, coarse * BLIND_ABOVE * least)
    answers = [np.where(kink, side.value, found.value) for side in (left, right)]
    tolerance = np.where(kink, unsure, times * found.error)
    # A slope may hide behind none at all, where f hardly moves by more than it is known to.
    for part in sample.parts.values():
        nothing = not any(side[part].any() for side in answers)
        hidden = nothing and not tolerance[part].max() * entries.reach <= BLIND_ABOVE * entries.moves()
        if hidden or entries.stairs.width > 1:
            tolerance[part] = np.inf
    return _Reference(answers, tolerance, origin, kink, lambda f, theta, at: entries.slopes(at)[0].value)
