"""What a check finds: the gradient under test beside the right one, entry by entry.

Shapes: a table of sums has the shape of the parameter, a table of steps (T, ...), row t - 1 for step t.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..rnn import Trace
from .entries import Sample

BLIND_ABOVE = 0.01  # where rounding could hide an error of one part in a hundred, there is no verdict


class Key(NamedTuple):
    """What a table belongs to: a parameter's gradient, or, with ``steps``, what each step contributes to it, (T, ...).

    The names "h" and "o" stand for dL/dh_t and dL/do_t, which belong to steps and have no sum.
    """

    name: str
    steps: bool = False


class Comparison(NamedTuple):
    """A table of the gradient under test beside its reference; all arrays have one shape.

    Attributes
    ----------
    tested, reference : array
    tolerance : array
        How far rounding may carry each entry.
    ratio : array
        |tested - reference| / tolerance; above 1 the entry is wrong.
    detection_limit : array
        The tolerance of our own gradient; a gradient that rounds by more has a wider one.
    """

    tested: np.ndarray
    reference: np.ndarray
    tolerance: np.ndarray
    ratio: np.ndarray
    detection_limit: np.ndarray

    @classmethod
    def of(cls, tested, answers, tolerance):
        """Compare with the nearest right number: where several answers are right, so is all between them."""
        nearest = np.clip(tested, np.minimum.reduce(answers), np.maximum.reduce(answers))
        return cls(tested, nearest, tolerance, _ratio(tested, nearest, tolerance), tolerance)

    def within(self, tolerance):
        """Return the same with another tolerance."""
        return self._replace(tolerance=tolerance, ratio=_ratio(self.tested, self.reference, tolerance))

    @property
    def is_wrong(self):
        """Whether an entry is."""
        return bool((self.ratio > 1).any())


def _ratio(tested, reference, tolerance):
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = np.abs(tested - reference) / tolerance
    # What is not a number agrees with nothing; what has no tolerance cannot be judged.
    return np.where(np.isfinite(tested), np.where(np.isnan(ratio), 0, ratio), np.inf)


def compare(tested, answers, tolerance):
    """Return the Comparison of each table under test, by Key; answers are right gradients, mostly one."""
    return {
        key: Comparison.of(table, [answer[key] for answer in answers], tolerance[key]) for key, table in tested.items()
    }


def any_wrong(comparisons):
    """Whether an entry of some table is wrong."""
    return any(compared.is_wrong for compared in comparisons.values())


@dataclass(frozen=True)
class Finding:
    """A gradient that has failed its check.

    Attributes
    ----------
    comparisons : dict of Key to Comparison
    """

    comparisons: dict

    @property
    def reference(self):
        """The right numbers by Key."""
        return {key: compared.reference for key, compared in self.comparisons.items()}

    @property
    def wrong(self):
        """The keys of the tables that have a wrong entry."""
        return [key for key, compared in self.comparisons.items() if compared.is_wrong]

    @property
    def wrong_names(self):
        """The names of what is wrong, in the order in which they came."""
        return list(dict.fromkeys(key.name for key in self.wrong))

    @property
    def given(self):
        """The keys of what the function under test has returned itself: rows, or else sums."""
        return [key for key in self.comparisons if key.steps or Key(key.name, True) not in self.comparisons]

    @property
    def only_sums(self):
        """Whether no parameter was compared step by step."""
        return not any(key.steps for key in self.comparisons if key.name not in ("h", "o"))

    def turned(self, key):
        """Return the right numbers of a table in which the gradient stands transposed, or nothing if it is not square.

        With steps, in each of them.
        """
        right = self.reference[key]
        square = right.ndim - key.steps == 2 and right.shape[-1] == right.shape[-2]
        return right.swapaxes(-1, -2) if square else None

    def index(self, key, at):
        """Return the index of an entry of a parameter that stands so in a table."""
        return at[1:] if key.steps else at

    is_sample = False  # whether some entries were left out

    def fits(self, answer):
        """Whether another gradient, by Key, agrees with the one under test where it has a key, and has a wrong one."""
        return any(key in answer for key in self.wrong) and all(
            _agrees(self.comparisons[key], value) for key, value in answer.items() if key in self.comparisons
        )


def _agrees(compared, value):
    # The other gradient has rounding of its own: as large, relative to its size, as that of the right one.
    right, tolerance = np.abs(compared.reference), compared.tolerance
    relative = np.divide(tolerance, right, out=np.zeros(right.shape), where=right > 0)
    far = np.abs(compared.tested - value)
    return bool((np.isfinite(far) & (far <= tolerance + np.median(relative) * np.abs(value))).all())


@dataclass(frozen=True)
class EntriesFinding(Finding):
    """A gradient of a function of arrays that has failed its check; each table is a row of what was looked at.

    Attributes
    ----------
    sample : Sample
    right_at : callable
        ``right_at(places)``, the right numbers at other places of the row of all entries.
    """

    sample: Sample
    right_at: Callable

    def turned(self, key):
        """Return the right numbers where the gradient of a square array stands transposed, or nothing."""
        shape = self.sample.layout.shapes[key.name]
        if len(shape) != 2 or shape[0] != shape[1]:
            return None
        places = self.sample.places(key.name)
        start = self.sample.at[self.sample.parts[key.name]][0] - places[0]
        mirrored = places % shape[0] * shape[0] + places // shape[0]
        found, known = np.empty(len(places)), np.isin(mirrored, places)
        found[known] = self.reference[key][np.searchsorted(places, mirrored[known])]
        if not known.all():
            found[~known] = self.right_at(start + mirrored[~known])
        return found

    def index(self, key, at):
        """Return the index of an entry in its array."""
        return self.sample.layout.index_in(key.name, self.sample.places(key.name)[at[0]])

    @property
    def is_sample(self):
        """Whether some entries were left out."""
        return not self.sample.is_all

    def only(self, name):
        """Return the same where nothing but one array is wrong."""
        right = {
            key: Comparison.of(one.reference, [one.reference], one.tolerance)
            for key, one in self.comparisons.items()
            if key.name != name
        }
        return replace(self, comparisons=self.comparisons | right)


class Expected(NamedTuple):
    """What each step should contribute to one parameter, and how far rounding may carry it, both (T, ...)."""

    reference: np.ndarray
    tolerance: np.ndarray


@dataclass(frozen=True)
class NetworkFinding(Finding):
    """A gradient of a network that has failed its check.

    Attributes
    ----------
    expected : dict of str to Expected
        By name of the parameter, and for "h" and "o"; also of what was not tested.
    trace : Trace
    y : array
    options : dict
        loss and reduction.
    ask : callable
        ``ask(trace, y)``, the gradient under test for any trace.
    reads_states : bool
        Whether the answer depends on the states in the trace, so that it can be asked for the end of a sequence.
    """

    expected: dict
    trace: Trace
    y: np.ndarray
    options: dict
    ask: Callable
    reads_states: bool

    @property
    def reference(self):
        """The right numbers by Key, also of the steps where only sums were tested."""
        return {Key(name, True): rows.reference for name, rows in self.expected.items()} | super().reference

    def coarser(self, times):
        """Return the same with wider tolerances."""
        comparisons = {key: compared.within(times * compared.tolerance) for key, compared in self.comparisons.items()}
        expected = {name: Expected(rows.reference, times * rows.tolerance) for name, rows in self.expected.items()}
        return replace(self, comparisons=comparisons, expected=expected)
