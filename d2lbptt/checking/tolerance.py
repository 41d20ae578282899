"""From a spread to a tolerance: how far rounding may carry a gradient that is right.

    tolerance = c s + eps log2(2T) sum_t |what step t contributes| + floor

s is the standard deviation over perturbed copies (``perturbation``), and c Student's quantile at the wanted rate of
false alarms over all entries and steps, times one half: a perturbation moves by a whole unit in the last place, a
rounding by half a unit at most. Two numbers are policy: this rate, and from where on BLIND is said (``finding``).
"""

import numpy as np

from .finding import BLIND_ABOVE, Key
from .perturbation import spread
from .reference import STEP

PERTURBATIONS = 48  # more of them narrow Student's quantile: 15 standard deviations with 16, 9 with 32, 8 with 48
ROUNDING = 0.5
FALSE_ALARM = 1e-6
NO_LONGER_SMALL = BLIND_ABOVE**0.5  # of a number: from here on the square of a change is not to be neglected


def tolerances(deviations, reference, trace):
    """Return how far rounding may carry each entry of each table, dicts by Key; inf where it may carry it anywhere.

    Parameters
    ----------
    deviations : dict of array
        Standard deviations over the perturbed copies, of the steps and of the sums.
    reference : dict of array
    trace : Trace
        For its dtype and its length.
    """
    found = _tolerances(deviations, reference, trace)
    return {key: np.where(_lost(key, bound, reference[key]), np.inf, bound) for key, bound in found.items()}


def _tolerances(deviations, reference, trace):
    dtype, T = trace.h.dtype, len(trace.x)
    # The reference rounds in float64, and twice as often: the product with the slope, and the sum.
    finer = np.finfo(float).eps / np.finfo(dtype).eps / ROUNDING
    times, found = standard_deviations(deviations), {}
    for key, deviation in deviations.items():
        steps = Key(key.name, True)
        its_own = finer * _of_each_unit_alone(deviations[steps], key.name)
        if not key.steps:
            its_own = np.sqrt((its_own**2).sum(0))
        size = np.abs(reference[key])
        total = size if key.steps else np.abs(reference[steps]).sum(0)
        rows, terms = (len(size), 1) if key.steps else (1, T)
        found[key] = bound_of(np.hypot(deviation, its_own), times, size, total, terms, dtype, rows)
    return found


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
    """Return how many of them, estimated from the perturbed copies, an error by rounding may have."""
    from scipy.special import stdtrit  # Student's quantile; loaded when it is first used

    entries = sum(table.size for table in tables.values())
    return -ROUNDING * float(stdtrit(PERTURBATIONS - 1, FALSE_ALARM / (2 * entries)))


def bound_of(deviation, times, size, total, terms, dtype, rows=1):
    """Turn standard deviations into a tolerance; ``total`` is the sum of the sizes of so many terms.

    Adding them up costs eps log2(2 terms) times that at most, if it is done pairwise (Higham 2002, section 4.2).
    """
    # As many digits as its row has at the median.
    typical = np.maximum(deviation, _median_ratio(deviation, size, rows) * size)
    # Below tiny, digits are missing by format; so they are in what the complex step multiplies by h.
    floor = max(np.finfo(dtype).tiny, np.finfo(float).tiny / STEP)
    return times * typical + np.finfo(dtype).eps * np.log2(2 * terms) * total + floor


def _median_ratio(deviation, size, rows):
    """Return the median of deviation / size where size is not zero, for each row of the first axis or over all."""
    ratio = np.divide(deviation, size, out=np.full(size.shape, np.nan), where=size > 0).reshape(rows, -1)
    ratio.sort(1)  # nan goes to the end
    known, every = ratio.shape[1] - np.isnan(ratio).sum(1), np.arange(rows)
    median = (ratio[every, np.maximum(known - 1, 0) // 2] + ratio[every, known // 2]) / 2
    median[known == 0] = 0
    return median.reshape(-1, *[1] * (size.ndim - 1)) if rows > 1 else median[0]


def _lost(key, bound, numbers, most=1):
    """Return where the bound on rounding exceeds the part ``most`` of the largest number, by row or for all.

    There a perturbation is no small change any more, the tails of the spread are heavy, and Student's t says nothing.
    """
    widest, largest = _largest(key, bound), _largest(key, numbers)
    return _for_each_row(key, ~(widest <= most * largest) & (largest > 0), bound)


def _largest(key, table):
    return np.abs(table).reshape(len(table) if key.steps else 1, -1).max(1)


def _for_each_row(key, found, table):
    return found.reshape(-1, *[1] * (table.ndim - 1)) if key.steps else found[0]


def own_tolerances(runs, comparisons, answers, deviations, trace):
    """Return the tolerances of a gradient under test that rounds by more than ours does, by Key.

    Parameters
    ----------
    runs : iterable of dict
        What the gradient under test answers to perturbed copies.
    comparisons : dict of Key to Comparison
    answers : list of dict
        The right gradients.
    deviations : dict of array
        Of ours.
    trace : Trace
    """
    tested = {key: compared.tested for key, compared in comparisons.items()}
    starts = _starts(tested)
    decades = _decades(answers[0], tested, starts)
    runs = (one | {"decades": _decades(one, tested, starts)} for one in runs)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no size
        mean, own = spread(runs, tested | {"decades": decades})
    far, uncertain = (_by_key(row, tested) for row in (np.abs(mean["decades"] - decades), own["decades"]))
    for key, compared in comparisons.items():
        # What jumps from one side of a kink to the other does not do so by rounding: all between is right there.
        on_kink = np.ptp([answer[key] for answer in answers], 0) > compared.tolerance
        own[key] = np.where(on_kink, 0, own[key])
    wider = _tolerances(deviations | {key: np.fmax(deviations[key], own[key]) for key in tested}, answers[0], trace)
    times = standard_deviations(deviations)
    for key in tested:
        # Its answer may be an outlier among its answers to the copies, and must not make them look small.
        typical = np.fmin(np.abs(tested[key]), np.abs(mean[key]))
        lost = _lost(key, times * own[key], typical, NO_LONGER_SMALL)
        # Sizes that rounding has carried off scatter over decades, by one at least where that is all that is known.
        elsewhere = far[key] > times / ROUNDING * np.maximum(uncertain[key], 1)
        wider[key] = np.where(lost & ~_for_each_row(key, elsewhere, wider[key]), np.inf, wider[key])
    return {key: np.fmax(compared.tolerance, wider[key]) for key, compared in comparisons.items()}


def _decades(tables, like, starts):
    """Return log10 of the largest number, by row or for all of a table, of all tables in one array."""
    flat = np.abs(np.concatenate([tables.get(key, table).ravel() for key, table in like.items()]))
    return np.log10(np.maximum(np.maximum.reduceat(flat, starts), np.finfo(float).tiny))


def _starts(tables):
    """Return where each row begins, or a table that has none, when all numbers stand in one array."""
    rows = _rows(tables)
    size = np.repeat([table.size // n for table, n in zip(tables.values(), rows, strict=True)], rows)
    return np.cumsum(size) - size


def _rows(tables):
    return [len(table) if key.steps else 1 for key, table in tables.items()]


def _by_key(row, tables):
    """Return the numbers of each table from an array as of ``_decades``."""
    return dict(zip(tables, np.split(row, np.cumsum(_rows(tables))[:-1]), strict=True))
