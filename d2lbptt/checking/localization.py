"""Which steps of a wrong gradient are wrong?

Where each step was compared by itself, that is plain. Sums alone tell less, but something: what one step contributes
to the gradient of a weight has its rows in the span of what the weight meets in that step, x_t or h_{t-1} or h_t. And
since the states are stored, the end of a sequence is a sequence itself, of which the gradient can be asked for.
"""

from typing import NamedTuple

import numpy as np

from ..rnn import Trace
from .finding import Key
from .linearization import adjoints, linearize


class Where(NamedTuple):
    """Which steps are wrong, as far as that can be told.

    Attributes
    ----------
    steps : tuple of int
    reach : str
        How far the steps could be told apart, where that was not to the end.
    right : int or None
        So many steps at the end are right; None if that is not known.
    complete : bool
        Whether there are no other wrong steps.
    """

    steps: tuple = ()
    reach: str = ""
    right: int | None = None
    complete: bool = False


def wrong_steps(finding):
    """Return Where the gradient is wrong."""
    T = len(finding.trace.x)
    bad = steps_of({key: compared.ratio > 1 for key, compared in finding.comparisons.items() if key.steps})
    if bad:
        return Where(bad, "", T - max(bad), complete=True)
    if not finding.only_sums:
        t = _largest_step(finding)
        return Where((t,), f"No step by itself is off by more than rounding; the largest error is that of t = {t}.")
    return _from_sums(finding, T)


def steps_of(tables):
    """Return the steps in which a table of booleans, (T, ...), has a true entry."""
    return tuple(sorted({t + 1 for a in tables.values() for t in np.argwhere(a)[:, 0].tolist()}))


def one_entry(finding):
    """Return the wrong entry as (key, index) of its worst error, if one entry of one parameter is all that is wrong."""
    bad = {key: finding.comparisons[key].ratio for key in finding.wrong}
    entries = {(key.name, tuple(at)) for key, ratio in bad.items() for at in _wrong_entries(key, ratio).tolist()}
    name = next(iter(bad)).name
    if len(entries) > 1 or name in ("h", "o") or finding.comparisons[Key(name)].ratio.size == 1:
        return None
    # A step by itself tells more than the sum, where other steps may be right.
    key = max(bad)
    return key, tuple(map(int, np.unravel_index(np.argmax(bad[key]), bad[key].shape)))


def _wrong_entries(key, ratio):
    wrong = ratio > 1
    return np.argwhere(wrong.any(0) if key.steps else wrong)


def _largest_step(finding):
    """Return the step t with the largest error, by its tolerance, of the entry that is worst in the sums."""
    name, worst = max(
        ((key.name, compared.ratio) for key, compared in finding.comparisons.items() if not key.steps),
        key=lambda one: one[1].max(),
    )
    at = np.unravel_index(np.argmax(worst), worst.shape)
    return int(np.argmax(finding.comparisons[Key(name, True)].ratio[(slice(None), *at)])) + 1


def _from_sums(finding, T):
    if finding.wrong_names == ["h0"]:
        return Where((1,), "h_0 enters in step 1 alone.", T - 1, complete=True)
    # One entry that is wrong in all steps looks like one step in which only one unit was active.
    alone = [] if one_entry(finding) else _single_steps(finding, T)
    n = _shortest_failure(finding) if finding.reads_states else None
    if 1 in alone and finding.reads_states and _always_the_first(finding, T):
        alone, n = [1], None
    if len(alone) == 1 and n in (None, T + 1 - alone[0]):
        words = "Only sums were given: an error in this one step explains all of them."
        return Where(tuple(alone), words, T - alone[0], complete=True)
    if not finding.reads_states:
        words = "they do not depend on the states in the trace: contributions= would tell steps."
        return Where((), f"Only sums were given, and {words}")
    if n is None:
        return Where((), "Only sums were given: they do not say which steps are wrong; contributions= would.")
    return Where((), f"Only sums were given: {_of_the_last(n)}; contributions= would tell every step.", n - 1)


def _of_the_last(n):
    if n == 1:
        return "the gradient of the last step, taken by itself, is wrong already"
    right = "the last step, taken by itself," if n == 2 else f"the last {n - 1} steps, taken by themselves,"
    return f"the gradient of {right} is right, that of the last {n} is wrong"


# --- the end of a sequence as a sequence ---


def _wrong_at_end(finding, n):
    """Return (error, tolerance) of the sums over the last n steps, taken as a sequence, that are wrong, by name.

    None if it cannot be asked for.
    """
    trace, T = finding.trace, len(finding.trace.x)
    if not (scale := _of_the_whole_mean(finding.options, T, n)):
        return {}  # no loss of the end counts
    end = Trace(trace.params, trace.x[T - n :], trace.h[T - n :], trace.o[T - n :], trace.activation)
    try:
        found = finding.ask(end, finding.y[T - n :])
    except Exception:  # it may have been written for this one sequence
        return None
    errors = {}
    for key, value in found.items():
        # The initial state of the end is a state in the middle: what is wrong with it shows one step further back.
        if not key.steps and (key.name != "h0" or n == T):
            want, tolerance = (rows[T - n :].sum(0) for rows in finding.expected[key.name])
            errors[key.name] = value * scale - want, tolerance
    return {name: error for name, error in errors.items() if _is_wrong(*error)}


def _of_the_whole_mean(options, T, n):
    """Return what the mean over the last n steps has to be multiplied by, to be their part of the mean over T."""
    w = np.ones(T) if options["weights"] is None else options["weights"]
    if options["reduction"] == "mean":
        return w[T - n :].sum() / w.sum()
    return float(w[T - n :].any())


def _is_wrong(error, tolerance):
    return not (np.abs(error) <= tolerance).all()


def _shortest_failure(finding):
    """Return the least n for which the gradient of the last n steps alone is wrong, its n - 1 last ones right.

    Found by doubling and halving; None if it cannot be asked for.
    """
    low, high, T = 0, 1, len(finding.trace.x)
    while (wrong := _wrong_at_end(finding, high)) == {} and high < T:
        low, high = high, min(2 * high, T)
    while wrong and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _wrong_at_end(finding, middle) else (middle, high)
    return high if wrong else None


def _always_the_first(finding, T):
    """Whether a mistake is made wherever a sequence begins: its first step explains the errors, wherever that is."""
    ends = [n for n in sorted({T, T - 1, (T + 1) // 2, 2}) if 1 < n <= T and _wrong_at_end(finding, n)]
    return bool(ends) and all(T - n + 1 in _single_steps(finding, n) for n in ends)


# --- one step that explains the errors ---


def _single_steps(finding, n):
    """Return the steps t of which each, by itself, could explain the errors of the sums over the last n steps.

    Empty where the errors tell no step from another: a bias meets 1 in every step, and B vectors that span the whole
    space explain everything.
    """
    T, wrong = len(finding.trace.x), _wrong_at_end(finding, n) or {}
    p = linearize(finding.trace, finding.y, **finding.options)
    entering = {"W_hx": p.x, "W_hh": p.before, "W_qh": p.after}
    told = [name for name, rows in entering.items() if name in wrong and _tell_steps(rows)]
    last = T - n + 1 if "h0" in wrong else T  # h_0 is met in the first step
    biases = [(name, W) for name, W in (("b_h", "W_hx"), ("b_q", "W_qh")) if name in wrong]
    steps = {
        t
        for t in range(T - n + 1, last + 1)
        if told
        and all(_explains(entering[name][t - 1], *wrong[name]) for name in told)
        and all(_goes_with(wrong[name], wrong.get(W), entering[W][t - 1]) for name, W in biases)
    }
    return sorted(steps | _by_what_leaves(finding, p, wrong, range(T - n + 1, T + 1)))


def _tell_steps(rows):
    return rows.shape[1] < rows.shape[2]


def _by_what_leaves(finding, p, wrong, steps):
    """Return the steps t that explain the errors of the one wrong weight if something else entered it in step t.

    Such as another h_0: then its columns are multiples of what it is that belongs there, dz_t or dL/do_t.
    """
    name = next(iter(wrong), "")
    if len(wrong) > 1 or name not in ("W_hx", "W_hh", "W_qh"):
        return set()
    rows = (p.do if name == "W_qh" else adjoints(p)[1]).astype(float)
    if not _tell_steps(rows):
        return set()
    error, tolerance = wrong[name]
    known, off = (np.linalg.norm(table, axis=1) for table in finding.expected["b_q" if name == "W_qh" else "b_h"])
    uncertain = 2 * np.divide(off, known, out=np.zeros(len(rows)), where=known > 0)
    return {t for t in steps if _explains(rows[t - 1], error.T, tolerance.T, uncertain[t - 1])}


def _goes_with(bias, weight, vectors):
    """Whether the error of a bias is what multiplies the vectors in the error of the weight."""
    if weight is None:
        return not vectors.any()
    (error, tolerance), (b_error, b_tolerance) = weight, bias
    inverse = np.linalg.pinv(vectors.astype(float))
    rounding = b_tolerance + (tolerance @ np.abs(inverse)).sum(1)
    rounding += len(inverse) * np.finfo(float).eps * np.linalg.norm(error, axis=1) * np.abs(inverse).sum()
    return not _is_wrong(b_error - (error @ inverse).sum(1), rounding)


def _explains(vectors, error, tolerance, uncertain=0.0):
    # What one step contributes has its rows in the span of the vectors (B, n) that W meets in that step. What is left
    # when that is taken away is rounding: of the errors, of its part in the span, and of the projection itself, which
    # costs n eps times the length of a row (Higham 2002, section 3.5); and what the vectors themselves are known to.
    vectors = vectors.astype(float)
    span = np.linalg.pinv(vectors) @ vectors
    length = np.linalg.norm(error, axis=1, keepdims=True)
    rounding = tolerance + tolerance @ np.abs(span) + (len(span) * np.finfo(float).eps + uncertain) * length
    return not _is_wrong(error - error @ span, rounding)
