"""Which steps of a wrong gradient are wrong?

Where each step was compared by itself, that is plain. Sums alone tell less, but something: what one step brings to the
gradient of a weight has its rows in the span of what the weight meets in that step, x_t or h_{t-1} or h_t. And since
the states are stored, the end of a sequence is a sequence itself, of which the gradient can be asked for.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..rnn import Trace
from ..untied import Key
from .linearization import parts, sweep


class Finding(NamedTuple):
    """A gradient that has failed its check.

    Attributes
    ----------
    trace : Trace
    y : array
    options : dict
        loss and reduction.
    ask : callable
        ``ask(trace, y)``, the gradient under test for any trace.
    tested, reference, tolerance, ratio : dict of array
        By ``check.Key``; reference and tolerance hold more keys than were tested.
    hears : bool
        Whether the answer depends on the states in the trace, so that it can be asked for the end of a sequence.
    """

    trace: Trace
    y: np.ndarray
    options: dict
    ask: Callable
    tested: dict
    reference: dict
    tolerance: dict
    ratio: dict
    hears: bool = True

    @property
    def wrong(self):
        """The keys of the tables that have a wrong entry."""
        return [key for key, ratio in self.ratio.items() if (ratio > 1).any()]

    @property
    def wrong_names(self):
        """The names of what is wrong, in the order in which they came."""
        return list(dict.fromkeys(key.name for key in self.wrong))

    def wrong_entries(self):
        """Return (key, index) of every entry that is wrong."""
        return [(key, index) for key in self.wrong for index in np.argwhere(self.ratio[key] > 1)]

    @property
    def given(self):
        """The keys of what the function under test has returned itself: rows, or else sums."""
        return [key for key in self.tested if key.steps or Key(key.name, True) not in self.tested]

    def by_tolerances(self, times):
        """Return the same with wider tolerances."""
        wider = {key: times * value for key, value in self.tolerance.items()}
        return self._replace(tolerance=wider, ratio={key: value / times for key, value in self.ratio.items()})

    @property
    def only_sums(self):
        """Whether no parameter was compared step by step."""
        return not any(key.steps for key in self.tested if key.name not in ("h", "o"))

    def fits(self, answer):
        """Whether another gradient, by Key, agrees with the one under test where it has a key, and has a wrong one."""
        return any(key in answer for key in self.wrong) and all(
            self._agrees(key, value) for key, value in answer.items() if key in self.tested
        )

    def _agrees(self, key, value):
        # The other gradient has rounding of its own: as large, relative to its size, as that of the right one.
        right, tolerance = np.abs(self.reference[key]), self.tolerance[key]
        relative = np.divide(tolerance, right, out=np.zeros(right.shape), where=right > 0)
        far = np.abs(self.tested[key] - value)
        return bool((np.isfinite(far) & (far <= tolerance + np.median(relative) * np.abs(value))).all())


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
    bad = {
        int(row) + 1
        for key, ratio in finding.ratio.items()
        if key.steps
        for row in np.flatnonzero((ratio > 1).reshape(len(ratio), -1).any(1))
    }
    if bad:
        return Where(tuple(sorted(bad)), "", T - max(bad), complete=True)
    if not finding.only_sums:
        t = _largest_step(finding)
        return Where((t,), f"No step by itself is off by more than rounding; the largest error is that of t = {t}.")
    return _from_sums(finding, T)


def one_entry(finding):
    """Return the wrong entry as (key, index) of its worst error, if one entry of one parameter is all that is wrong."""
    bad = [(finding.ratio[key][tuple(index)], key, tuple(map(int, index))) for key, index in finding.wrong_entries()]
    entries = {(key.name, index[1:] if key.steps else index) for _, key, index in bad}
    if len(entries) > 1 or bad[0][1].name in ("h", "o") or finding.reference[Key(bad[0][1].name)].size == 1:
        return None
    # A step by itself tells more than the sum, where other steps may be right.
    return max(bad, key=lambda one: (one[1].steps, one[0]))[1:]


def _largest_step(finding):
    """Return the step t with the largest error, by its tolerance, of the entry that is worst in the sums."""
    key = max((key for key in finding.wrong if not key.steps), key=lambda key: finding.ratio[key].max())
    at = np.unravel_index(np.argmax(finding.ratio[key]), finding.ratio[key].shape)
    return int(np.argmax(finding.ratio[Key(key.name, True)][(slice(None), *at)])) + 1


def _from_sums(finding, T):
    if finding.wrong_names == ["h0"]:
        return Where((1,), "h_0 enters in step 1 alone.", T - 1, complete=True)
    # One entry that is wrong in all steps looks like one step in which only one unit was awake.
    alone = [] if one_entry(finding) else _single_steps(finding, T)
    n = _shortest_failure(finding) if finding.hears else None
    if 1 in alone and finding.hears and _always_the_first(finding):
        alone, n = [1], None
    if len(alone) == 1 and n in (None, T + 1 - alone[0]):
        words = "Only sums were given: an error in this one step explains all of them."
        return Where(tuple(alone), words, T - alone[0], complete=True)
    if not finding.hears:
        words = (
            "Only sums were given, and they do not depend on the states in the trace: contributions= would tell steps."
        )
        return Where((), words)
    if n is None:
        return Where((), "Only sums were given: they do not say which steps are wrong; contributions= would.")
    words = f"Only sums were given: {_of_the_last(n)}; contributions= would tell every step."
    return Where(() if alone or one_entry(finding) else _within(finding, n, T), words, n - 1)


def _within(finding, n, T):
    """Return the step with which the errors begin, if it is that one: n is the length of the shortest wrong end.

    The first step of an end may be wrong for being the first. Then it is so in the next longer end as well.
    """
    if n < T and (not _tells(finding, n + 1) or T - n in _single_steps(finding, n + 1)):
        return ()
    steps = _single_steps(finding, n) if n > 1 else [T]
    return tuple(steps) if len(steps) == 1 else ()


def _of_the_last(n):
    if n == 1:
        return "the gradient of the last step, taken by itself, is wrong already"
    right = "the last step, taken by itself," if n == 2 else f"the last {n - 1} steps, taken by themselves,"
    return f"the gradient of {right} is right, that of the last {n} is wrong"


def _errors_at_end(finding, n):
    """Return the errors of the sums over the last n steps, taken as a sequence, and their tolerances, by name.

    The states are stored, so that the end of a sequence is a sequence itself. None if it cannot be asked for.
    """
    trace, T = finding.trace, len(finding.trace.x)
    end = Trace(trace.params, trace.x[T - n :], trace.h[T - n :], trace.o[T - n :], trace.activation)
    try:
        found = finding.ask(end, finding.y[T - n :])
    except Exception:  # it may have been written for this one sequence
        return None
    scale = T / n if finding.options["reduction"] == "mean" else 1
    errors = {}
    for key, value in found.items():
        # The initial state of the end is a state in the middle: what is wrong with it shows one step further back.
        if not key.steps and (key.name != "h0" or n == T):
            rows = Key(key.name, True)
            want, tolerance = (table[rows][T - n :].sum(0) for table in (finding.reference, finding.tolerance))
            errors[key.name] = value / scale - want, tolerance
    return errors


def _fails(finding, n):
    errors = _errors_at_end(finding, n)
    return errors and any(_is_wrong(*error) for error in errors.values())


def _is_wrong(error, tolerance):
    return not (np.abs(error) <= tolerance).all()


def _shortest_failure(finding):
    """Return the least n for which the gradient of the last n steps alone is wrong, its n - 1 last ones right.

    Found by doubling and halving; None if it cannot be asked for.
    """
    low, high, T = 0, 1, len(finding.trace.x)
    while (fails := _fails(finding, high)) is False and high < T:
        low, high = high, min(2 * high, T)
    while fails and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fails(finding, middle) else (middle, high)
    return high if fails else None


def _single_steps(finding, n):
    """Return the steps t of which each, by itself, could explain the errors of the sums over the last n steps.

    Empty where the errors tell no step from another: a bias meets 1 in every step, and B vectors that span the whole
    space explain everything.
    """
    T = len(finding.trace.x)
    wrong = {name: e for name, e in (_errors_at_end(finding, n) or {}).items() if _is_wrong(*e)}
    entering = _entering(finding)
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
    return sorted(steps | _by_what_leaves(finding, wrong, range(T - n + 1, T + 1)))


def _entering(finding):
    """Return what each weight is multiplied by, (T, B, n)."""
    p = parts(finding.trace, finding.y, **finding.options)
    return {"W_hx": p.x, "W_hh": p.before, "W_qh": p.after}


def _tell_steps(rows):
    return rows.shape[1] < rows.shape[2]


def _by_what_leaves(finding, wrong, steps):
    """Return the steps t that explain the errors of the one wrong weight if something else entered it in step t.

    Such as another h_0: then its columns are multiples of what it is that belongs there, dz_t or dL/do_t.
    """
    name = next(iter(wrong), "")
    if len(wrong) > 1 or name not in ("W_hx", "W_hh", "W_qh"):
        return set()
    p, bias = parts(finding.trace, finding.y, **finding.options), Key("b_q" if name == "W_qh" else "b_h", True)
    rows = (p.do if name == "W_qh" else sweep(p)[1]).astype(float)
    if not _tell_steps(rows):
        return set()
    error, tolerance = wrong[name]
    known, off = (np.linalg.norm(table[bias], axis=1) for table in (finding.reference, finding.tolerance))
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
    # What one step brings has its rows in the span of the vectors (B, n) that W meets in that step. What is left when
    # that is taken away is rounding: of the errors, of its part in the span, and of the projection itself, which costs
    # n eps times the length of a row (Higham 2002, section 3.5); and what the vectors themselves are known to.
    vectors = vectors.astype(float)
    span = np.linalg.pinv(vectors) @ vectors
    length = np.linalg.norm(error, axis=1, keepdims=True)
    rounding = tolerance + tolerance @ np.abs(span) + (len(span) * np.finfo(float).eps + uncertain) * length
    return not _is_wrong(error - error @ span, rounding)


def _always_the_first(finding):
    """Whether a mistake is made wherever a sequence begins: its first step explains the errors, wherever that is."""
    T = len(finding.trace.x)
    ends = [n for n in sorted({T, T - 1, (T + 1) // 2, 2}) if 1 < n <= T and _fails(finding, n)]
    return bool(ends) and all(T - n + 1 in _single_steps(finding, n) for n in ends)


def _tells(finding, n):
    """Whether the errors of the last n steps are in a weight that could tell one step from another."""
    errors = _errors_at_end(finding, n) or {}
    return any(
        name in errors and _is_wrong(*errors[name]) and _tell_steps(rows) for name, rows in _entering(finding).items()
    )
