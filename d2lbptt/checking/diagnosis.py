"""What is wrong with a gradient? One sentence, from the pattern of its errors.

First the patterns that explain every number: a constant factor, one entry, and what ``patterns`` knows, perhaps times
a factor. Each is a complete gradient, and is named only if it agrees with the one under test as well as rounding
allows. Then what is left to say from the steps alone: where the errors begin, and what works there.
"""

import math
from itertools import chain

import numpy as np

from .localization import Finding, one_entry, wrong_steps
from .patterns import known, truncations

__all__ = ["Finding", "explain", "of_one_array"]
FLOW = ("W_hx", "W_hh", "b_h", "h0")  # what dL/dh_t goes into
OUTPUT = ("W_qh", "b_q", "o")  # what dL/do_t goes into, without it
COARSER = 2.0**29  # are the numbers of float32 than those of float64


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
        if not_finite := _not_finite(finding):
            return wrong_steps(finding).steps if any(key.steps for key in finding.tested) else (), not_finite, ""
        if not _is_float32(finding):
            return _explained(finding)
        words = "its numbers are those of float32, in a problem of float64"
        coarser = finding.by_tolerances(COARSER)
        if not coarser.wrong:
            told = ((), "Only sums were given.") if finding.only_sums else (wrong_steps(finding).steps, "")
            return told[0], f"The errors are as small as those of float32: {words}.", told[1]
        steps, hint, reach = _explained(coarser)
        return steps, f"{hint.rstrip('.')}; besides, {words}.", reach


def _explained(finding):
    where = wrong_steps(finding)
    if finding.fits(finding.reference):
        return where.steps, "The errors are hardly larger than rounding: too small for a pattern.", where.reach
    if meaning := _constant(finding):
        # A factor of T is no mistake where T = 1: shorter sequences tell nothing.
        told = ((), "Only sums were given.") if finding.only_sums and where.reach else (where.steps, where.reach)
        return told[0], meaning, told[1]
    if entry := _one_entry(finding):
        return where.steps, entry, where.reach
    if found := _known(finding, where.right):
        hint, answer = found
        if not finding.only_sums:
            return where.steps, hint, where.reach
        steps = _steps_of(finding, answer)
        return steps, hint, where.reach if steps else "Only sums were given."
    return where.steps, _some_factor(finding) or _by_step(finding, where), where.reach


def _known(finding, right):
    """Return a sentence that explains every number and the gradient that it stands for, if there is one."""
    for says, answer in chain(known(finding), truncations(finding, right)):
        if finding.fits(answer):
            return says, answer
    names, factors = finding.wrong_names, {f: words for f, words in _factors(finding) if f}
    for says, answer in chain(known(finding), truncations(finding, right, factors)):
        for factor, words in factors.items():
            times = {key: factor * rows if key.name in names else rows for key, rows in answer.items()}
            if finding.fits(times):
                return f"{says.rstrip('.')}, and {_subject(finding, 'every entry')} {words.rstrip('?')}.", times
    return None


def _steps_of(finding, answer):
    """Return the steps in which a gradient that explains the errors is wrong."""
    wrong = {
        int(t) + 1
        for key, rows in answer.items()
        if key.steps and key.name not in ("h", "o")
        for t in np.flatnonzero(
            (np.abs(rows - finding.reference[key]) > finding.tolerance[key]).reshape(len(rows), -1).any(1)
        )
    }
    return tuple(sorted(wrong))


def _is_float32(finding):
    """Whether all that was given has no more digits than float32, and what is right has."""
    if finding.trace.h.dtype != np.float64:
        return False
    given = finding.given
    short, right = (
        [np.array_equal(a, a.astype(np.float32)) for a in arrays]
        for arrays in ((finding.tested[key] for key in given), (finding.reference[key] for key in given))
    )
    return all(short) and not all(right)


def of_one_array(finding):
    """Return a sentence on the pattern of the errors of one array, where there is no network behind it."""
    with np.errstate(over="ignore", invalid="ignore"):
        hint = _not_finite(finding) or _constant(finding) or _one_entry(finding)
        turned = next((says for says, answer in known(finding) if finding.fits(answer)), "")
        return hint or turned or _some_factor(finding)


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
    """Return a sentence if all that is wrong is off by one factor that has a meaning."""
    fitting = [words for factor, words in _factors(finding) if _is_times(finding, factor)]
    words = f"{_subject(finding)} {'; or '.join(fitting)}"
    return words + "." * (not words.endswith("?")) if fitting else ""


def _some_factor(finding):
    """Return a sentence if all that is wrong is off by one factor, whatever it means."""
    several = any(np.count_nonzero(finding.reference[key]) > 1 for key in finding.wrong)
    key, at = _largest(finding)
    if not several or finding.reference[key][at] == 0:
        return ""
    ratio = finding.tested[key][at] / finding.reference[key][at]
    times = _times(ratio, finding.tolerance[key][at] / abs(finding.reference[key][at]))
    return f"{_subject(finding)} is {times} what it should be{_clipped(finding, ratio)}." * _is_times(finding, ratio)


def _clipped(finding, ratio):
    """Return words if the norm of all that is wrong is a round number, as clipping leaves it."""
    sums = [finding.tested[key] for key in finding.tested if key.name in finding.wrong_names and not key.steps]
    norm = math.sqrt(sum((a**2).sum() for a in sums))
    is_round = math.isclose(norm, float(f"{norm:.2g}"), rel_tol=1e-5)  # torch adds 1e-6 to the norm
    return f": its norm is {norm:.2g}, as clipping by norm leaves it" if is_round and 0 < ratio < 1 else ""


def _is_times(finding, factor):
    names = finding.wrong_names
    return finding.fits({k: (factor if k.name in names else 1) * finding.reference[k] for k in finding.tested})


def _subject(finding, every="Every entry"):
    names = finding.wrong_names
    nonzero = {key.name for key in finding.tested if finding.reference[key].any()}
    return every if nonzero <= set(names) else f"The gradient of {', '.join(names)}"


def _largest(finding):
    """Return key and index of the largest right number among what is wrong."""
    key = max(finding.wrong, key=lambda key: np.abs(finding.reference[key]).max())
    return key, np.unravel_index(np.argmax(np.abs(finding.reference[key])), finding.reference[key].shape)


def _times(ratio, error):
    """Write a factor with the digits that are known of it."""
    digits = int(np.clip(-math.log10(error), 2, 8)) if error > 0 else 8
    return f"{ratio:.{digits}g} times"


def _factors(finding):
    """Return the factors that have a meaning, and what it is."""
    shape = finding.trace.x.shape if finding.trace else (1,)
    T, B = shape[0], shape[1] if len(shape) == 3 else 1
    mean = finding.options.get("reduction") == "mean"
    found = [
        (-1, "has the wrong sign: it points uphill where it should point down, or the other way round"),
        (0, "is zero: it was never added to, or never returned"),
    ]
    if T > 1:
        missing = ": the factor 1/T of the mean over time is missing (9.7.2)" * mean
        extra = ": the factor 1/T was taken twice" if mean else ": this loss has no factor 1/T"
        found += [(T, f"is T = {T} times too large{missing}"), (1 / T, f"is T = {T} times too small{extra}")]
    if B > 1:
        found += [
            (B, f"is B = {B} times too large: the mean over the batch is missing"),
            (1 / B, f"is B = {B} times too small: the mean over the batch was taken twice"),
        ]
    if T > 1 and B > 1:
        found += [
            (T * B, f"is T B = {T * B} times too large: the means over time and batch are missing"),
            (1 / (T * B), f"is T B = {T * B} times too small: the means over time and batch were taken twice"),
        ]
    if T > 2 and mean:
        found.append((T / (T - 1), f"is T/(T - 1) = {T / (T - 1):.4g} times too large: the mean is over T - 1 steps"))
    return [*found, *_factors_of_the_loss(finding)]


def _factors_of_the_loss(finding):
    loss, q = finding.options.get("loss"), finding.trace.o.shape[-1] if finding.trace else 1
    found = [
        (2, "is twice too large" + ": is the factor 1/2 of the squared error missing?" * (loss == "squared_error"))
    ]
    if loss == "squared_error" and q > 2:
        found += [
            (2 / q, f"is 2/q = {2 / q:.4g} times what it should be: the squares are averaged over q, without the half"),
            (1 / q, f"is q = {q} times too small: the squared errors are averaged over the outputs, not added"),
        ]
    if loss == "cross_entropy":
        found.append((1 / math.log(2), "is 1/ln 2 = 1.443 times too large: it belongs to a loss in bits"))
    return found


def _one_entry(finding):
    found = one_entry(finding)
    if not found:
        return ""
    key, at = found
    analytic, right, near = (table[key][at] for table in (finding.tested, finding.reference, finding.tolerance))
    entry = f"One entry alone is wrong, {key.name}[{', '.join(map(str, at[1:] if key.steps else at))}]"
    if abs(analytic) <= near:
        return f"{entry}: it is missing."
    if abs(right) <= near:
        return f"{entry}: it should be zero."
    if abs(analytic + right) <= near:
        return f"{entry}: its sign."
    return f"{entry}: it is {_times(analytic / right, near / abs(right))} what it should be."


# --- what the steps alone say ---


def _by_step(finding, where):
    names, steps, right = set(finding.wrong_names), where.steps, where.right
    if names == {"h0"}:
        return "Only the gradient of h_0 is wrong: it is W_hh^T dz_1, one product more than dL/dh_1."
    if steps == (1,) and right:
        return "Only step 1 is wrong: look at h_0, and at where the loop over the steps ends."
    if right == 0:
        return f"Wrong already at t = T, before anything has flowed back: look at {_local(finding, names)}."
    if right is None and not finding.hears:
        return "The gradient does not look at the states in the trace: does it run forward by itself, another way?"
    if right is None:
        return "The errors follow no pattern that is known here."
    if where.complete and 1 not in steps:
        what = "how dz_t is used" if _is_flow(finding, names) else _local(finding, names)
        return f"What flows on to the steps before is right: look, in the wrong steps alone, at {what}."
    last = "the last step is" if right == 1 else f"the last {right} steps are"
    return f"Going back, {last} right and what comes before is not: look at {_before(finding, names)}."


def _before(finding, names):
    if _is_flow(finding, names):
        return "the recursion, at W_hh, its transpose and the slope (9.7.14)"
    return _local(finding, names) + "; the recursion is right" * bool(_flow_tested(finding) - names)


def _flow_tested(finding):
    """Return the names of what dL/dh_t goes into, of what was tested and is not all zero."""
    return {key.name for key in finding.tested if key.name in (*FLOW, "h") and finding.reference[key].any()}


def _is_flow(finding, names):
    """Whether all that dL/dh_t goes into is wrong, and nothing else."""
    return bool(names & {*FLOW, "h"}) and names >= _flow_tested(finding) - {"h0"} and not names & set(OUTPUT)


def _local(finding, names):
    if names & set(OUTPUT):
        return "dL/do_t, the slope of the loss (9.7.11), and what it is multiplied by"
    if _is_flow(finding, names):
        return "phi'(z_t), and at W_qh^T dL/do_T, where the way back begins (9.7.13)"
    meets = {"W_hx": "x_t", "W_hh": "h_{t-1}"}
    met = [meets[name] for name in ("W_hx", "W_hh") if name in names]
    return f"what dz_t is multiplied by, {' and '.join(met)}" if met else "how dz_t is added up"
