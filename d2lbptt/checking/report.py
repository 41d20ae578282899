"""What a gradient check has found, for people: the verdict, the worst entries, the wrong steps, a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .._recursion import row_norms
from .finding import BLIND_ABOVE, Key, any_wrong

__all__ = ["Report", "Row"]


class Row(NamedTuple):
    """What was found for one parameter; the entry is the one farthest from its reference.

    Attributes
    ----------
    parameter : str
        Its name; "h" and "o" stand for dL/dh_t and dL/do_t.
    size : float
        Euclidean norm of its gradient.
    index : tuple of int
        The entry, counted from 0.
    t : int or None
        The step whose use of the parameter is meant; None for the sum over all steps.
    analytic, reference : float
        The gradient under test and the reference, at this entry.
    tolerance : float
        How far rounding may carry this entry.
    ratio : float
        |analytic - reference| / tolerance; above 1 the gradient is wrong.
    visible : float
        The smallest error that would have shown in every entry of the gradient.
    blind : bool
        Whether an error of one part in a hundred of the largest entry could hide below the tolerance.
    """

    parameter: str
    size: float
    index: tuple  # type: ignore[assignment]
    t: int | None
    analytic: float
    reference: float
    tolerance: float
    ratio: float
    visible: float
    blind: bool


class Report(NamedTuple):
    """The outcome of a gradient check; true only if it passed.

    Attributes
    ----------
    verdict : {"PASS", "FAIL", "BLIND"}
        BLIND: rounding is so large here, for some parameter, that a wrong gradient could hide.
    rows : tuple of Row
        One for each parameter that was checked.
    time_steps : tuple of int
        The steps t at which it is wrong, as far as that can be told.
    hint : str
        What the pattern of the errors says, in one sentence.
    reach : str
        How far the steps could be told apart, where that was not to the end; for a function of arrays, where the
        reference comes from, and what a sample of the entries may have missed.
    kinks : tuple of tuple
        (t, unit) of the states that stand on a kink of phi, (t, sequence, unit) with a batch; for a function of one
        array, indices of its entries; of several, the name and then the index.
    ratios : dict of Key to array
        |analytic - reference| / tolerance of every entry that was compared: shaped as the parameter under
        ``Key(name)``, the sum over all steps; (T, ...) under ``Key(name, True)``, what each step contributes.
    left_out : tuple of str
        The parameters for which the gradient under test returned nothing.
    """

    verdict: str
    rows: tuple
    time_steps: tuple = ()
    hint: str = ""
    reach: str = ""
    kinks: tuple = ()
    ratios: Mapping = {}
    left_out: tuple = ()

    @property
    def worst(self) -> Row | None:
        """The Row with the largest ratio of error to tolerance."""
        return max(self.rows, key=lambda row: row.ratio)

    def __bool__(self):
        """Whether the verdict is PASS."""
        return self.verdict == "PASS"

    def __str__(self):
        """Return the verdict, what it rests on, and a table with one line for each parameter."""
        wide = max([8, *(len(row.parameter) + 1 for row in self.rows)])
        names = f"{'':{wide}}{'|gradient|':>11}  {'worst entry':<{wide + 14}}{'analytic':>14}{'reference':>14}"
        names += f"{'error/tolerance':>17}{'would show':>12}"
        left_out = f"Nothing was returned for {', '.join(self.left_out)}: not checked." if self.left_out else ""
        told = [self.hint, self.reach, _kink_words(self), left_out]
        return "\n".join([_headline(self), *filter(None, told), names, *(_line(row, wide) for row in self.rows)])

    __repr__ = __str__  # type: ignore[misc]  # mypy takes it for a field


def _report_on(comparisons, kinks, steps=(), hint="", reach=""):
    """Return the Report on the Comparisons by Key, and on what was found to explain them."""
    rows = tuple(_row(name, comparisons) for name in dict.fromkeys(key.name for key in comparisons))
    verdict = "FAIL" if any_wrong(comparisons) else "BLIND" if any(row.blind for row in rows) else "PASS"
    kinks = tuple(tuple(map(int, kink)) for kink in kinks)
    ratios = {key: compared.ratio for key, compared in comparisons.items()}
    return Report(verdict, rows, steps, hint, reach, kinks, ratios)


def _row(name, comparisons):
    keys = [key for key in (Key(name), Key(name, True)) if key in comparisons]
    key = max(keys, key=lambda key: comparisons[key].ratio.max())
    worst, whole = comparisons[key], comparisons[keys[0]]
    index = tuple(map(int, np.unravel_index(np.argmax(worst.ratio), worst.ratio.shape)))
    largest = max(np.abs(whole.tested).max(), np.abs(whole.reference).max())
    # Where all is zero there is nothing to be blind to, if that is known.
    blind = not whole.tolerance.max() <= (BLIND_ABOVE * largest or np.finfo(float).max)
    visible = whole.detection_limit if worst.ratio[index] > 1 else whole.tolerance
    where = (index[1:], index[0] + 1) if key.steps else (index, None)
    entry = (float(table[index]) for table in (worst.tested, worst.reference, worst.tolerance, worst.ratio))
    size = float(row_norms(whole.tested.reshape(1, -1))[0])
    return Row(name, size, *where, *entry, float(visible.max()), bool(blind and not keys[0].steps))


def _headline(report):
    worst = report.worst
    if report.verdict == "BLIND":
        blind = ", ".join(row.parameter for row in report.rows if row.blind)
        return f"BLIND: rounding is too large here to judge the gradient of {blind}"
    words = f"{report.verdict}: the worst entry is {_entry(worst)}, off by {_tolerances(worst.ratio)} tolerances"
    at_least = " at least" if report.reach else ""
    return words + (f"; wrong at {_steps(report.time_steps)}{at_least}" if report.time_steps else "")


def _tolerances(ratio):
    """Write a ratio with two digits, or with as many as tell it from 1: above 1 it is wrong, below it is not."""
    words = (f"{ratio:.{digits}g}" for digits in range(2, 17))
    return next((text for text in words if (float(text) > 1) == (ratio > 1)), f"{ratio!r}")


def _up(number):
    """Write a number with two digits, rounded up: an error as large as that would have shown."""
    text = f"{number:.1e}"
    if float(text) >= number or not np.isfinite(number):
        return text
    return f"{number + 0.05 * 10.0 ** int(text.partition('e')[2]):.1e}"


def _steps(steps):
    """Name steps, runs of them as t = 3 .. 7."""
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    return "t = " + ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]} .. {r[-1]}" for r in runs)


def _entry(row):
    return _entry_words(row.parameter, row.index) + ("" if row.t is None else f", t = {row.t}")


def _entry_words(name, index):
    return name + f"[{', '.join(map(str, index))}]" * bool(index)


def _line(row, wide):
    numbers = f"{row.analytic:14.6g}{row.reference:14.6g}{_tolerances(row.ratio):>17}{_up(row.visible):>12}"
    return f"{row.parameter:{wide}}{row.size:11.4g}  {_entry(row):<{wide + 14}}{numbers}"


def _kink_words(report):
    kinks = report.kinks
    if not kinks:
        return ""
    of_array = report.rows[0].parameter == "theta"
    some = [_kink(kink, of_array) for kink in kinks[:3]]
    more = f" and {len(kinks) - 3} more" if len(kinks) > 3 else ""
    return f"On a kink, where every slope from left to right is right: {'; '.join(some)}{more}."


def _kink(kink, of_array):
    if isinstance(kink[0], str):
        return _entry_words(kink[0], kink[1:])
    return _entry_words("theta", kink) if of_array else f"t = {kink[0]}, unit {kink[-1]}"
