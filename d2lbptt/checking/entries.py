"""Arrays by name as one row of numbers, and which of its entries are looked at.

A check that is too long may look at a random sample of n entries, without repetition: one of each array, and the others
from all arrays alike. With N entries in K arrays, of s_k each, and m wrong ones, of which m_k are in the k-th, no wrong
one is drawn with probability

    prod_k (1 - m_k / s_k)  C(N - K - m, n - K) / C(N - K, n - K)

which for one array is the hypergeometric C(N - m, n) / C(N, n), and 1 - n/N for m = 1.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _validation


class Layout(NamedTuple):
    """How arrays stand in one row.

    Attributes
    ----------
    make : callable
        Makes of a dict of arrays what the reader's functions take.
    shapes : dict of str to tuple
        By name; "theta" for one array.
    one : bool
        Whether it is one array without a name.
    """

    make: Callable
    shapes: dict
    one: bool

    @classmethod
    def of(cls, theta: Any) -> tuple[Layout, np.ndarray]:
        """Return the layout of theta and its row in float64, once they are known to be finite real numbers."""
        arrays = by_name("theta", theta)
        if one := arrays is None:
            arrays = {"theta": theta}
        found = {}
        for name, value in arrays.items():
            symbol = _symbol("theta", name, one)
            found[name] = _validation.finite(symbol, _validation.real(symbol, value)).astype(float)
            if not found[name].size:
                raise ValueError(f"{symbol} has shape {found[name].shape}, wanted at least one number")
        if not found:
            raise ValueError("theta is empty, wanted at least one array")
        layout = cls(_maker(theta), {name: array.shape for name, array in found.items()}, one)
        return layout, np.concatenate([array.ravel() for array in found.values()])

    @property
    def sizes(self) -> list[int]:
        """How many entries each array has."""
        return [math.prod(shape) for shape in self.shapes.values()]

    @property
    def starts(self) -> np.ndarray:
        """Where each array begins in the row, and at last where the row ends."""
        return np.cumsum([0, *self.sizes])

    def like_theta(self, row: np.ndarray) -> Any:
        """Return a row as the reader's functions take it."""
        start, parts = 0, {}
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            parts[name] = row[start:end].reshape(shape)
            start = end
        return parts["theta"] if self.one else self.make(parts)

    def row(self, symbol: str, value: Any) -> np.ndarray:
        """Return what should be shaped as theta as a row, once it is known to be so."""
        arrays = self._arrays(symbol, value)
        rows = []
        for name, shape in self.shapes.items():
            where, wanted = (_symbol(s, name, self.one) for s in (symbol, "theta"))
            found = _validation.shaped(where, _validation.real(where, arrays[name]), shape, f"the shape of {wanted}")
            rows.append(found.astype(float).ravel())
        return np.concatenate(rows)

    def _arrays(self, symbol, value):
        arrays = by_name(symbol, value)
        if self.one:
            if arrays is not None:
                raise TypeError(f"{symbol} is a {type(value).__name__}, wanted one array, as theta is")
            return {"theta": value}
        if arrays is None:
            raise TypeError(f"{symbol} is a {type(value).__name__}, wanted arrays by name, as theta has them")
        if isinstance(value, tuple):  # such as Gradients, which has h0, h and o besides
            arrays = {name: array for name, array in arrays.items() if name in self.shapes}
        for word, names in (("no", self.shapes.keys() - arrays), ("the name", arrays.keys() - self.shapes)):
            if names:
                raise ValueError(f"{symbol} has {word} {min(names)!r}, wanted the names of theta: {self._names()}")
        return arrays

    def _names(self):
        names = list(self.shapes)
        return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")

    def index_in(self, name: str, place: int) -> tuple[int, ...]:
        """Return the index of an entry in its array, which is entry ``place`` of the array when it is a row."""
        return tuple(map(int, np.unravel_index(place, self.shapes[name])))


def by_name(symbol: str, value: Any) -> dict | None:
    """Return the arrays of a mapping or a named tuple that are not None; None if it is neither."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if not isinstance(value, Mapping):
        return None
    for name in value:
        if not isinstance(name, str):
            raise TypeError(f"{symbol} has the name {_validation.shown(name)}, wanted names that are text")
    return {name: array for name, array in value.items() if array is not None}


def _maker(theta):
    names = theta._asdict() if hasattr(theta, "_asdict") else theta if isinstance(theta, Mapping) else ()
    empty = dict.fromkeys(names)
    if isinstance(theta, Mapping):
        return lambda parts: empty | parts
    return lambda parts: type(theta)(**(empty | parts))


def _symbol(symbol, name, one):
    return symbol if one else f"{symbol}[{name!r}]"


class Sample(NamedTuple):
    """The entries that are looked at.

    Attributes
    ----------
    layout : Layout
    at : array of int, shape (n,)
        Their places in the row of all entries, in order.
    """

    layout: Layout
    at: np.ndarray

    @classmethod
    def drawn(cls, layout: Layout, entries: Any, seed: int) -> Sample:
        """Draw so many entries, at least one of each array; all of them for None."""
        N, K = layout.starts[-1].item(), len(layout.shapes)
        if entries is None:
            return cls(layout, np.arange(N))
        n = _validation.whole_number("entries", entries, 1, N, "N = ")
        if n < K:
            raise ValueError(f"entries is {n}, wanted at least {K}, one of each array")
        rng = np.random.default_rng((seed, 3))
        one_each = layout.starts[:-1] + [int(rng.integers(size)) for size in layout.sizes]
        others = np.delete(np.arange(N), one_each)
        return cls(layout, np.sort(np.concatenate([one_each, rng.choice(others, n - K, replace=False)])))

    @property
    def parts(self) -> dict[str, slice]:
        """Where the entries of each array stand among those that are looked at."""
        ends = np.searchsorted(self.at, self.layout.starts).tolist()
        return {name: slice(*ends[k : k + 2]) for k, name in enumerate(self.layout.shapes)}

    def places(self, name: str) -> np.ndarray:
        """Return which entries of an array are looked at, counted along its own row."""
        k = list(self.layout.shapes).index(name)
        return self.at[self.parts[name]] - self.layout.starts[k]

    @property
    def is_all(self) -> bool:
        """Whether no entry is left out."""
        return len(self.at) == self.layout.starts[-1]

    def missed(self, wrong: int) -> float:
        """Return the largest probability with which so many wrong entries are missed, wherever they are."""
        sizes, n = self.layout.sizes, len(self.at)
        rest, drawn = sum(sizes) - len(sizes), n - len(sizes)
        log = sum(math.log1p(-wrong / (rest - k)) if rest - k > wrong else -math.inf for k in range(drawn))
        return math.exp(log) * _none_of_one_each(sizes, wrong)

    def words(self) -> str:
        """Say how many entries were looked at, and what that may have missed; nothing if it was all."""
        if self.is_all:
            return ""
        n, N, most = len(self.at), self.layout.starts[-1].item(), " at most" * (len(self.layout.shapes) > 1)
        some = math.ceil(N / 100)
        one = f"a single wrong one is missed with probability {_probability(self.missed(1))}{most}"
        more = f", {some:,} wrong ones (one in a hundred) all with {_probability(self.missed(some))}{most}" * (some > 1)
        return (
            f"{n:,} of {N:,} entries were looked at, drawn at random: "
            f"if the draw has nothing to do with which entries are wrong, {one}{more}."
        )


def _none_of_one_each(sizes, wrong):
    """Return the largest prod_k (1 - m_k / s_k) for m_k that add up to so many wrong entries."""
    # Each further wrong entry takes off the least where the most right ones are left.
    left, chance = [-size for size in sizes], 1.0
    heapq.heapify(left)
    for _ in range(min(wrong, sum(sizes))):
        right = -left[0]
        if right < 2:
            return 0.0
        chance *= (right - 1) / right
        heapq.heapreplace(left, 1 - right)
    return chance


def _probability(number):
    """Write a probability with two digits, or with as many as tell it from 1."""
    words = (f"{number:.{digits}g}" for digits in range(2, 17))
    return next((text for text in words if number == 1 or float(text) < 1), "1")
