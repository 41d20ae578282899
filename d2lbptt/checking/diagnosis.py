"""What is wrong with a gradient? One sentence, from the pattern of its errors.

First the patterns that explain every number: a constant factor, one entry, and what ``patterns`` knows, perhaps times
a factor. Each is a complete gradient, and is named only if it agrees with the one under test as well as rounding
allows. Then what is left to say from the steps alone: where the errors begin, and what works there.
"""

import math
from itertools import chain

import numpy as np

from .finding import Key
from .localization import one_entry, steps_of, wrong_steps
from .patterns import known, transposed
from .truncations import truncations

FLOW = ("W_hx", "W_hh", "b_h", "h0")  # what dL/dh_t goes into
OUTPUT = ("W_qh", "b_q", "o")  # what dL/do_t goes into, without it
COARSER = 2.0**29  # are the numbers of float32 than those of float64


def explain(finding):
    """Return the steps that are wrong, a sentence on the pattern, and how far the steps could be told apart.

    Parameters
    ----------
    finding : NetworkFinding

    Returns
    -------
    steps : tuple of int
    hint, reach : str
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a wrong gradient may be as large as it likes
        if not_finite := _not_finite(finding):
            not_finite += " Where its weight is 0, y is no number: 0 times nan is nan." * bool(
                (finding.y != finding.y).any()
            )
            by_step = any(key.steps for key in finding.comparisons)
            return wrong_steps(finding).steps if by_step else (), not_finite, ""
        if not _is_float32(finding):
            return _explained(finding)
        words = "its numbers are those of float32, in a problem of float64"
        coarser = finding.coarser(COARSER)
        if not coarser.wrong:
            told = ((), "Only sums were given.") if finding.only_sums else (wrong_steps(finding).steps, "")
            return told[0], f"The errors are as small as those of float32: {words}.", told[1]
        steps, hint, reach = _explained(coarser)
        return steps, f"{hint.rstrip('.')}; besides, {words}.", reach


def of_arrays(finding):
    """Return sentences on the pattern of the errors of arrays, where there is no network behind them.

    One for all that is wrong if there is one, else one for each array that has one.
    """
    names = finding.wrong_names
    with np.errstate(over="ignore", invalid="ignore"):
        hint = _not_finite(finding) or _of_arrays(finding)
        each = [] if hint or len(names) < 2 else [_of_arrays(finding.only(name)) for name in names]
        return hint or " ".join(filter(None, each))


def _of_arrays(finding):
    if hint := _constant(finding, [*SIGN_AND_ZERO, (2, TWICE)]) or _one_entry(finding):
        return hint
    return next((says for says, answer in transposed(finding) if finding.fits(answer)), "") or _some_factor(finding)


def _explained(finding):
    where, factors = wrong_steps(finding), _factors(finding)
    if finding.fits(finding.reference):
        return where.steps, "The errors are hardly larger than rounding: too small for a pattern.", where.reach
    if meaning := _constant(finding, factors):
        # A factor of T is no mistake where T = 1: shorter sequences tell nothing.
        told = ((), "Only sums were given.") if finding.only_sums and where.reach else (where.steps, where.reach)
        return told[0], meaning, told[1]
    if entry := _one_entry(finding):
        return where.steps, entry, where.reach
    if found := _known(finding, where.right, {f: words for f, words in factors if f}):
        hint, answer = found
        if not finding.only_sums:
            return where.steps, hint, where.reach
        steps = _wrong_in(answer, finding)
        return steps, hint, where.reach if steps else "Only sums were given."
    return where.steps, _some_factor(finding) or _by_step(finding, where), where.reach


def _known(finding, right, factors):
    """Return a sentence that explains every number and the gradient that it stands for, if there is one."""
    for says, answer in chain(known(finding), truncations(finding, right)):
        if finding.fits(answer):
            return says, answer
    names = finding.wrong_names
    for says, answer in chain(known(finding), truncations(finding, right, factors)):
        for factor, words in factors.items():
            times = {key: factor * rows if key.name in names else rows for key, rows in answer.items()}
            if finding.fits(times):
                return f"{says.rstrip('.')}, and {_subject(finding, 'every entry')} {words.rstrip('?')}.", times
    return None


def _wrong_in(answer, finding):
    """Return the steps in which a gradient that explains the errors is wrong."""
    right = {Key(name, True): rows for name, rows in finding.expected.items() if name not in ("h", "o")}
    return steps_of(
        {key: np.abs(answer[key] - rows.reference) > rows.tolerance for key, rows in right.items() if key in answer}
    )


def _is_float32(finding):
    """Whether all that was given has no more digits than float32, and what is right has."""
    if finding.trace.h.dtype != np.float64:
        return False
    given = [finding.comparisons[key] for key in finding.given]
    return all(_is_short(one.tested) for one in given) and not all(_is_short(one.reference) for one in given)


def _is_short(array):
    return np.array_equal(array, array.astype(np.float32))


# --- patterns that explain every number ---


def _not_finite(finding):
    bad = {key: ~np.isfinite(compared.tested) for key, compared in finding.comparisons.items()}
    names = dict.fromkeys(key.name for key, entries in bad.items() if entries.any())
    steps = steps_of({key: entries for key, entries in bad.items() if key.steps})
    where = f": going back, the first step where it is not is t = {max(steps)}" if steps else ""
    return f"The gradient of {', '.join(names)} is not finite{where}." if names else ""


def _constant(finding, factors):
    """Return a sentence if all that is wrong is off by one factor that has a meaning."""
    fitting = [words for factor, words in factors if _is_times(finding, factor)]
    words = f"{_subject(finding)} {'; or '.join(fitting)}"
    return words + "." * (not words.endswith("?")) if fitting else ""


def _some_factor(finding):
    """Return a sentence if all that is wrong is off by one factor, whatever it means."""
    wrong = [finding.comparisons[key] for key in finding.wrong]
    largest = max(wrong, key=lambda compared: np.abs(compared.reference).max())
    at = np.unravel_index(np.argmax(np.abs(largest.reference)), largest.reference.shape)
    tested, right, tolerance, *_ = (table[at] for table in largest)
    if right == 0 or not any(np.count_nonzero(compared.reference) > 1 for compared in wrong):
        return ""
    ratio = tested / right
    times = _times(ratio, tolerance / abs(right))
    return f"{_subject(finding)} is {times} what it should be{_clipped(finding, ratio)}." * _is_times(finding, ratio)


def _clipped(finding, ratio):
    """Return words if the norm of all that is wrong is a round number, as clipping leaves it."""
    names = finding.wrong_names
    sums = [c.tested for key, c in finding.comparisons.items() if key.name in names and not key.steps]
    norm = math.sqrt(sum((a**2).sum() for a in sums))
    is_round = math.isclose(norm, float(f"{norm:.2g}"), rel_tol=1e-5)  # torch adds 1e-6 to the norm
    return f": its norm is {norm:.2g}, as clipping by norm leaves it" if is_round and 0 < ratio < 1 else ""


def _is_times(finding, factor):
    names, right = finding.wrong_names, {key: compared.reference for key, compared in finding.comparisons.items()}
    return finding.fits({key: factor * rows if key.name in names else rows for key, rows in right.items()})


def _subject(finding, every="Every entry"):
    names = finding.wrong_names
    nonzero = {key.name for key, compared in finding.comparisons.items() if compared.reference.any()}
    if nonzero <= set(names):
        return every + " that was looked at" * finding.is_sample
    return f"The gradient of {', '.join(names)}" + ", in the entries that were looked at," * finding.is_sample


def _times(ratio, error):
    """Write a factor with the digits that are known of it."""
    digits = int(np.clip(-math.log10(error), 2, 8)) if error > 0 else 8
    return f"{ratio:.{digits}g} times"


SIGN_AND_ZERO = [
    (-1, "has the wrong sign: it points uphill where it should point down, or the other way round"),
    (0, "is zero: it was never added to, or never returned"),
]
TWICE = "is twice too large"


def _factors(finding):
    """Return the factors that have a meaning, and what it is."""
    shape, (_, reduction, w) = finding.trace.x.shape, finding.options.values()
    T, B = shape[0], shape[1] if len(shape) == 3 else 1
    means = _factors_of_means(T, B, reduction == "mean") if w is None else _factors_of_weights(w, B, reduction)
    return [*SIGN_AND_ZERO, *means, *_factors_of_the_loss(finding)]


def _factors_of_means(T, B, mean):
    forgotten = ": the factor 1/T of the mean over time is missing (9.7.2)" * mean
    again = ": the factor 1/T was taken twice" if mean else ": this loss has no factor 1/T"
    means = [("T", T, forgotten, again)] if T > 1 else []
    if B > 1:
        means.append(("B", B, ": the mean over the batch is missing", ": the mean over the batch was taken twice"))
    if T > 1 and B > 1:
        both = ": the means over time and batch"
        means.append(("T B", T * B, f"{both} are missing", f"{both} were taken twice"))
    found = []
    for symbol, n, missing, twice in means:
        found.append((n, f"is {symbol} = {n} times too large{missing}"))
        found.append((1 / n, f"is {symbol} = {n} times too small{twice}"))
    if T > 2 and mean:
        found.append((T / (T - 1), f"is T/(T - 1) = {T / (T - 1):.4g} times too large: the mean is over T - 1 steps"))
    return found


def _factors_of_weights(w, B, reduction):
    w = w[-1:] if reduction == "last" else w
    W, steps, counting = (n / w.size * len(w) for n in (w.sum(), w.size, (w > 0).sum()))  # of one sequence
    means = {
        W * B: "the divisions by the sum of the weights and by B are missing",
        1 / W: "it was divided by the sum of the weights twice",
        W / steps: "the sum is divided by the number of all steps, not by the sum of the weights",
        W / counting: "the sum is divided by the number of steps that count, not by the sum of their weights",
        W: "the division by the sum of the weights is missing",
    }
    found = {1 / W: "this loss is not divided by the sum of the weights"} if reduction == "sum" else means
    found[B] = "the mean over the batch is missing"
    return [(n, f"is {n:.4g} times what it should be: {words}") for n, words in found.items() if not math.isclose(n, 1)]


def _factors_of_the_loss(finding):
    if finding.options["loss"] == "cross_entropy":
        return [(2, TWICE), (1 / math.log(2), "is 1/ln 2 = 1.443 times too large: it belongs to a loss in bits")]
    q = finding.trace.o.shape[-1]
    found = [(2, f"{TWICE}: is the factor 1/2 of the squared error missing?")]
    if q > 2:
        found += [
            (2 / q, f"is 2/q = {2 / q:.4g} times what it should be: the squares are averaged over q, without the half"),
            (1 / q, f"is q = {q} times too small: the squared errors are averaged over the outputs, not added"),
        ]
    return found


def _one_entry(finding):
    found = one_entry(finding)
    if not found:
        return ""
    key, at = found
    analytic, right, near, *_ = (table[at] for table in finding.comparisons[key])
    looked_at = " of those that were looked at" * finding.is_sample
    entry = f"One entry{looked_at} alone is wrong, {key.name}[{', '.join(map(str, finding.index(key, at)))}]"
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
    if right is None and not finding.reads_states:
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
    nonzero = {key.name for key, compared in finding.comparisons.items() if compared.reference.any()}
    return nonzero & {*FLOW, "h"}


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
