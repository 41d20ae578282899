"""From a spread to a tolerance: how far rounding may carry a gradient that is right.

    tolerance = c s + eps log2(2T) sum_t |what step t brings| + floor

s is the standard deviation over the shakes (``perturbation``), and c Student's quantile at the wanted rate of false
alarms over all entries and steps, times one half: a shake moves by a whole unit in the last place, a rounding by
half a unit at most. Two numbers here are policy, how often a right gradient may be called wrong, and from where on
BLIND is said.
"""

import numpy as np
from scipy import stats

from ..untied import Key
from .reference import STEP

SHAKES = 48  # more of them narrow Student's quantile: 15 standard deviations with 16, 9 with 32, 8 with 48
ROUNDING = 0.5
FALSE_ALARM = 1e-6
BLIND_ABOVE = 0.01  # where rounding could hide an error of one part in a hundred, there is no verdict
NO_LONGER_SMALL = BLIND_ABOVE**0.5  # of a number: from here on the square of a change is not to be neglected


def tolerances(spread, reference, trace):
    """Return how far rounding may carry each entry of each table, dicts by Key.

    Parameters
    ----------
    spread : dict of array
        Standard deviations over the shakes, of the steps and of the sums.
    reference : dict of array
    trace : Trace
        For its dtype and its length.
    """
    dtype, T = trace.h.dtype, len(trace.x)
    # The reference rounds in float64, and twice as often: the product with the slope, and the sum.
    finer = np.finfo(float).eps / np.finfo(dtype).eps / ROUNDING
    times, tolerance = standard_deviations(spread), {}
    for key, deviation in spread.items():
        steps = Key(key.name, True)
        its_own = finer * _of_each_unit_alone(spread[steps], key.name)
        if not key.steps:
            its_own = np.sqrt((its_own**2).sum(0))
        size = np.abs(reference[key])
        brought = size if key.steps else np.abs(reference[steps]).sum(0)
        rows, terms = (len(size), 1) if key.steps else (1, T)
        tolerance[key] = bound_of(np.hypot(deviation, its_own), times, size, brought, terms, dtype, rows)
    return tolerance


def _of_each_unit_alone(deviation, name):
    """Return the spread that errors have which differ from unit to unit, as those of the reference do.

    It follows each unit of each step by itself. In ours the errors of all units come from one and the same flow, so
    that in a small entry they are small; there the reference's are as large as in any other.
    """
    unit = {"W_hx": 1, "W_hh": 1, "b_h": 1, "h0": -1, "h": -1}.get(name)
    if unit is None:
        return deviation
    return np.maximum(deviation, np.sqrt((deviation**2).mean(unit, keepdims=True)))


def standard_deviations(tables):
    """Return how many of them, estimated from the shakes, an error by rounding may have."""
    entries = sum(table.size for table in tables.values())
    return ROUNDING * stats.t.isf(FALSE_ALARM / (2 * entries), SHAKES - 1)


def bound_of(deviation, times, size, brought, terms, dtype, rows=1):
    """Turn standard deviations into a tolerance; ``brought`` is the sum of the sizes of so many terms.

    Adding them up costs eps log2(2 terms) times that at most, if it is done pairwise (Higham 2002, section 4.2).
    """
    # As many digits as its row has at the median.
    typical = np.maximum(deviation, _median_ratio(deviation, size, rows) * size)
    # Below tiny, digits are missing by format; so they are in what the complex step multiplies by h.
    floor = max(np.finfo(dtype).tiny, np.finfo(float).tiny / STEP)
    return times * typical + np.finfo(dtype).eps * np.log2(2 * terms) * brought + floor


def unless_lost(key, tolerance, bound, numbers, most):
    """Return a tolerance without bound where the bound on rounding exceeds the part ``most`` of the largest number.

    There a shake is no small change any more, the tails of the spread are heavy, and Student's t says nothing of them.
    """
    rows = len(bound) if key.steps else 1
    widest, largest = (np.abs(a).reshape(rows, -1).max(1) for a in (bound, numbers))
    lost = ~(widest <= most * largest) & (largest > 0)
    return np.where(lost.reshape(rows, *[1] * (bound.ndim - 1)) if key.steps else lost[0], np.inf, tolerance)


def _median_ratio(deviation, size, rows):
    """Return the median of deviation / size where size is not zero, for each row of the first axis or over all."""
    ratio = np.divide(deviation, size, out=np.full(size.shape, np.nan), where=size > 0).reshape(rows, -1)
    known = ~np.isnan(ratio).all(1)
    median = np.zeros(rows)
    median[known] = np.nanmedian(ratio[known], 1)
    return median.reshape(-1, *[1] * (size.ndim - 1)) if rows > 1 else median[0]


def with_its_own(mean, own, sizes, spread, tested, reference, trace):
    """Return the tolerances when the gradient under test rounds by more than ours does."""
    wider = tolerances(spread | {key: np.fmax(spread[key], own[key]) for key in tested}, reference, trace)
    times, found = standard_deviations(spread), {}
    for key in tested:
        # Its answer may be an outlier among its answers to the shakes, and must not make them look small.
        typical = np.fmin(np.abs(tested[key]), np.abs(mean[key]))
        let_go = unless_lost(key, wider[key], times * own[key], typical, NO_LONGER_SMALL)
        found[key] = np.where(_elsewhere(key, sizes[key], reference[key], times), wider[key], let_go)
    return found


def sized(answers, sizes):
    """Yield the answers, and note the decade of each row of theirs."""
    for answer in answers:
        for key, table in answer.items():
            sizes[key].append(_decades(key, table))
        yield answer


def _decades(key, table):
    largest = np.abs(table).reshape(len(table) if key.steps else 1, -1).max(1)
    return np.log10(np.maximum(largest, np.finfo(float).tiny))


def _elsewhere(key, decades, reference, times):
    """Whether all answers of the gradient under test are of quite another size than the right one.

    Sizes that rounding has carried off scatter over decades, by one at least where that is all that is known.
    """
    with np.errstate(invalid="ignore"):  # what overflows has no size
        mean, scatter = np.mean(decades, 0), np.maximum(np.std(decades, 0, ddof=1), 1)
        far = np.abs(_decades(key, reference) - mean) > times / ROUNDING * scatter
    return far.reshape(-1, *[1] * (reference.ndim - 1)) if key.steps else far[0]
