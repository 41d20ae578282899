"""What figures are given: arrays of logarithms, tables of pairs (t, k), and mappings from names to one of these."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import _validation


def decades(symbol, value, wanted, names) -> np.ndarray:
    """Return value as an array of logarithms: numbers, -inf for zero, inf, or nan for what is not to be seen."""
    found = _validation.shaped(symbol, _validation.real(symbol, value), wanted, names)
    _validation.fits_in_memory(symbol, found.size, float, f"shape {found.shape}")
    return found.astype(float)


def named(symbol, value, kind):
    """Return value if it is a mapping from names to what ``kind(symbol, name, entry)`` makes of each entry."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{symbol} is {_validation.shown(value)}, wanted a mapping from names")
    return {name: kind(f"{symbol}[{name!r}]", entry) for name, entry in value.items()}


def pair_of_rows(symbol, value):
    """Return a pair of rows of numbers that are equally long."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{symbol} is {_validation.shown(value)}, wanted a pair of rows")
    first = decades(symbol, value[0], (None,), "(T,)")
    return first, decades(symbol, value[1], first.shape, "(T,) as the first of the pair")


def some(symbol, value):
    """Return a mapping if it is not empty."""
    if not value:
        raise ValueError(f"{symbol} is empty, wanted at least one entry")
    return value


def square(symbol, value):
    """Return a table of as many rows as columns."""
    table = decades(symbol, value, (None, None), "(T, T)")
    return _validation.shaped(symbol, table, (len(table),) * 2, "(T, T)")


def first_steps(symbol, value, T):
    """Return the first step that the loss of each step t reaches, shape (T,)."""
    row = _validation.shaped(symbol, _validation.whole(symbol, value), (T,), f"(T,) with T = {T}")
    if row.min() < 1 or (row > np.arange(1, T + 1)).any():
        raise ValueError(f"{symbol} has a step that is none of 1 .. t, wanted 1 <= first[t - 1] <= t")
    return row
