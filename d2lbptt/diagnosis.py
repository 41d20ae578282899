"""What is wrong with a gradient? One sentence, from the pattern of its errors.

First the patterns that explain every number: a constant factor, one entry, a transposed block, one of the known
``mistakes``, a truncation. Each is a complete gradient, and is named only if it agrees with the one under test as well
as rounding allows. Then what is left to say from the steps alone: where the errors begin, and what works there.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .bptt import backward
from .contributions import Key, parts, tables, uses
from .mistakes import MISTAKES, flawed
from .rnn import Trace
from .truncation import chunks

FLOW = ("W_hx", "W_hh", "b_h", "h0")  # what dL/dh_t goes into


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
    """

    trace: Trace
    y: np.ndarray
    options: dict
    ask: Callable
    tested: dict
    reference: dict
    tolerance: dict
    ratio: dict

    @property
    def wrong(self):
        """The keys of the tables that have a wrong entry."""
        return [key for key, ratio in self.ratio.items() if (ratio > 1).any()]

    @property
    def wrong_names(self):
        """The names of what is wrong, in the order in which they came."""
        return list(dict.fromkeys(key.name for key in self.wrong))

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
        return bool((far <= tolerance + np.median(relative) * np.abs(value)).all())


def explain(finding):
    """Return the steps that are wrong, a sentence on the pattern, and how far the steps could be told apart.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    steps : tuple of int
    hint, reach : str
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a wrong gradient may be as large as it likes
        hint = _not_finite(finding)
        if hint:
            return _wrong_steps(finding), hint, ""
        steps, reach, right = _localised(finding)
        if finding.fits(finding.reference):
            return steps, "The errors are hardly larger than rounding: too small for a pattern.", reach
        for pattern in (_constant, _one_entry, _transposed, _known_mistake):
            hint = hint or pattern(finding)
        return steps, hint or _truncation(finding, right) or _by_step(finding, steps, right), reach


def of_one_array(finding):
    """Return a sentence on the pattern of the errors of one array, where there is no network behind it."""
    hint = _not_finite(finding)
    with np.errstate(over="ignore", invalid="ignore"):
        for pattern in (_constant, _one_entry, _transposed):
            hint = hint or pattern(finding)
    return hint


# --- which steps ---


def _wrong_steps(finding):
    """Return the steps t with a wrong entry, where steps were compared."""
    bad = {
        int(row) + 1
        for key, ratio in finding.ratio.items()
        if key.steps
        for row in np.flatnonzero((ratio > 1).reshape(len(ratio), -1).any(1))
    }
    return tuple(sorted(bad))


def _localised(finding):
    """Return the wrong steps, the reach of that, and how many steps at the end are right (None: not known)."""
    T, steps = len(finding.trace.x), _wrong_steps(finding)
    if steps:
        return steps, "", T - max(steps)
    if any(key.steps for key in finding.tested if key.name not in ("h", "o")):
        t = _largest_step(finding)
        return (t,), f"No step by itself is off by more than rounding; the largest error is that of t = {t}.", None
    return _from_sums(finding, T)


def _largest_step(finding):
    """Return the step t with the largest error, by its tolerance, of the entry that is worst in the sums."""
    key = max((key for key in finding.wrong if not key.steps), key=lambda key: finding.ratio[key].max())
    at = np.unravel_index(np.argmax(finding.ratio[key]), finding.ratio[key].shape)
    return int(np.argmax(finding.ratio[Key(key.name, True)][(slice(None), *at)])) + 1


def _from_sums(finding, T):
    # One entry that is wrong in all steps looks like one step in which only one unit was awake.
    one_entry, n = _one_entry(finding), _shortest_failure(finding)
    alone = [] if one_entry else _single_steps(finding, T)
    if alone and _always_the_first(finding):
        alone = [1]
    if len(alone) == 1 and (alone == [1] or n in (None, T + 1 - alone[0])):
        return tuple(alone), "Only sums were given: an error in this one step explains all of them.", T - alone[0]
    if n is None:
        return (), "Only sums were given: they do not say which steps are wrong; contributions= would.", None
    within = [T] if n == 1 else [] if one_entry else _single_steps(finding, n)
    before = f"the gradient of the last {n - 1} by themselves is right, " if n > 1 else ""
    words = f"Only sums were given: {before}that of the last {n} is wrong; contributions= would tell every step."
    return tuple(within) if len(within) == 1 else (), words, n - 1


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
    """Return the steps t of which each, by itself, could explain the errors of the sums over the last n steps."""
    T = len(finding.trace.x)
    wrong = {name: e for name, e in (_errors_at_end(finding, n) or {}).items() if _is_wrong(*e)}
    p = parts(finding.trace, finding.y, **finding.options)
    # A bias meets 1 in every step, so that it tells none from the other; h_0 is met in the first.
    entering = {"W_hx": p.x, "W_hh": p.before, "W_qh": p.after}
    last = T - n + 1 if "h0" in wrong else T
    return [
        t
        for t in range(T - n + 1, last + 1)
        if all(_explains(rows[t - 1], *wrong[name]) for name, rows in entering.items() if name in wrong)
    ]


def _explains(vectors, error, tolerance):
    # What one step brings has its rows in the span of the vectors (B, n) that W meets in that step. What is left when
    # that is taken away is rounding: of the errors, of its part in the span, and of the projection itself, which costs
    # n eps times the length of a row (Higham 2002, section 3.5).
    # B vectors that span the whole space explain everything.
    vectors = vectors.astype(float)
    span = np.linalg.pinv(vectors) @ vectors
    length = np.linalg.norm(error, axis=1, keepdims=True)
    rounding = tolerance + tolerance @ np.abs(span) + len(span) * np.finfo(float).eps * length
    return not _is_wrong(error - error @ span, rounding)


def _always_the_first(finding):
    """Whether a mistake is made wherever a sequence begins: its first step explains the errors, wherever that is."""
    T = len(finding.trace.x)
    ends = {n: _single_steps(finding, n) for n in {T, T - 1, (T + 1) // 2, 2} if 1 < n <= T and _fails(finding, n)}
    told = any(len(steps) < n for n, steps in ends.items())  # a bias alone would be explained by every step
    return told and all(T - n + 1 in steps for n, steps in ends.items())


# --- patterns that explain every number ---


def _not_finite(finding):
    steps = [
        int(row) + 1
        for key, value in finding.tested.items()
        if key.steps
        for row in np.flatnonzero(~np.isfinite(value).reshape(len(value), -1).all(1))
    ]
    names = dict.fromkeys(key.name for key, value in finding.tested.items() if not np.isfinite(value).all())
    where = f": going back, the first step where it is not is t = {max(steps)}" if steps else ""
    return f"The gradient of {', '.join(names)} is not finite{where}." if names else ""


def _constant(finding):
    names = finding.wrong_names
    largest = max(finding.wrong, key=lambda key: np.abs(finding.reference[key]).max())
    at = np.unravel_index(np.argmax(np.abs(finding.reference[largest])), finding.reference[largest].shape)
    if finding.reference[largest][at] == 0:
        return ""
    ratio = finding.tested[largest][at] / finding.reference[largest][at]
    subject = "Every entry" if _all_but_zeros(finding) <= set(names) else f"The gradient of {', '.join(names)}"
    known = _factors(finding)
    if f"{ratio:.8g}" != "1":
        known.append((ratio, f"is {ratio:.8g} times what it should be."))
    for factor, words in known:
        scaled = {k: (factor if k.name in names else 1) * finding.reference[k] for k in finding.tested}
        if finding.fits(scaled):
            return f"{subject} {words}"
    return ""


def _all_but_zeros(finding):
    return {key.name for key in finding.tested if finding.reference[key].any()}


def _factors(finding):
    """Return the factors that have a meaning, and what it is."""
    shape = finding.trace.x.shape if finding.trace else (1,)
    T, B = shape[0], shape[1] if len(shape) == 3 else 1
    found = [
        (-1, "has the wrong sign: it points uphill where it should point down, or the other way round."),
        (0, "is zero: it was never added to, or never returned."),
    ]
    if T > 1:
        found += [
            (T, f"is T = {T} times too large: the factor 1/T of the mean over time is missing (9.7.2)."),
            (1 / T, f"is T = {T} times too small: 1/T was taken twice, or the loss wants no mean over time."),
        ]
    if B > 1:
        found += [
            (B, f"is B = {B} times too large: the mean over the batch is missing."),
            (1 / B, f"is B = {B} times too small: the mean over the batch was taken twice."),
        ]
    half = (
        ": is the factor 1/2 of the squared error missing?" if finding.options.get("loss") == "squared_error" else "."
    )
    return [*found, (2, f"is twice too large{half}")]


def _one_entry(finding):
    if len(finding.wrong_names) > 1:
        return ""
    bad = [(key, index) for key in finding.wrong for index in np.argwhere(finding.ratio[key] > 1)]
    entries = {tuple(map(int, index[1:] if key.steps else index)) for key, index in bad}
    key, index = bad[-1]
    if len(entries) > 1 or finding.reference[Key(key.name)].size == 1:
        return ""
    analytic, right = finding.tested[key][tuple(index)], finding.reference[key][tuple(index)]
    entry = f"One entry alone is wrong, {key.name}[{', '.join(map(str, *entries))}]"
    near = finding.tolerance[key][tuple(index)]
    if abs(analytic + right) <= near:
        return f"{entry}: its sign."
    return (
        f"{entry}: it is missing."
        if abs(analytic) <= near
        else f"{entry}: it is {analytic / right:.8g} times what it should be."
    )


def _transposed(finding):
    names = finding.wrong_names
    shape = finding.reference[Key(names[0])].shape if names[0] not in ("h", "o") else ()
    if len(names) > 1 or len(shape) != 2 or shape[0] != shape[1]:
        return ""
    turned = {k: v.swapaxes(-1, -2) if k.name in names else v for k, v in finding.reference.items()}
    why = ": its rows belong to dz_t, its columns to h_{t-1} (9.7.16)" if names == ["W_hh"] else ""
    return f"The gradient of {names[0]} is transposed{why}." if finding.fits(turned) else ""


def _known_mistake(finding):
    for name, mistake in MISTAKES.items():
        if finding.fits(tables(flawed(name, finding.trace, finding.y, **finding.options))):
            return mistake.says
    return ""


def _truncation(finding, right):
    """Return a sentence if a truncation that leaves so many steps at the end as they are gives these numbers."""
    if not right:
        return ""
    T = len(finding.trace.x)
    if finding.fits(_truncated(finding, window=right)):
        return (
            f"The gradient is truncated: each loss flows back through a window of tau = {right} steps, not to step 1."
        )
    for tau in {right, *(d for d in range(1, T - right + 1) if (T - right) % d == 0)}:
        if finding.fits(_truncated(finding, gates=chunks(T, tau))):
            return f"The gradient is truncated: nothing flows from one chunk of tau = {tau} steps to the one before."
    return ""


def _truncated(finding, **how):
    p = parts(finding.trace, finding.y, **finding.options)
    gradient = backward(finding.trace, finding.y, **finding.options, **how)
    found = uses(p, p.slope * gradient.h.reshape(p.slope.shape))
    return tables(found | {"h0": found["h0"].reshape(len(p.do), *gradient.h0.shape), "h": gradient.h, "o": gradient.o})


# --- what the steps alone say ---


def _by_step(finding, steps, right):
    names = set(finding.wrong_names) - {"h", "o"}
    if steps == (1,) and right:
        if names == {"h0"}:
            return "Only the gradient of h_0 is wrong: it is W_hh^T dz_1, one product more than dL/dh_1."
        return "Only step 1 is wrong: look at h_0, and at where the loop over the steps ends."
    if right == 0:
        return f"Wrong already at t = T, before anything has flowed back: look at {_local(names)}."
    if right == 1:
        return "Right at t = T and wrong before: look at the recursion, at W_hh, its transpose and the slope (9.7.14)."
    if right and len(steps) == 1 + steps[-1] - steps[0] > 1:
        return f"The last {right} steps are right and those before are wrong: what flows back is lost or changed there."
    return "The errors follow no pattern that is known here."


def _local(names):
    if names & {"W_qh", "b_q"}:
        return "dL/do_t, the slope of the loss (9.7.11), and what it is multiplied by"
    if len(names & set(FLOW)) > 1:
        return "phi'(z_t), and at W_qh^T dL/do_T, where the way back begins (9.7.13)"
    where = {"W_hx": "x_t, which dz_t is multiplied by", "W_hh": "h_{t-1}, which dz_t is multiplied by"}
    return where.get(*names, "how dz_t is added up")
