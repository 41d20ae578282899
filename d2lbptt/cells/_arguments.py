"""What comes into a cell, looked at once, and the weights that both cells draw.

Shapes: the blocks of a matrix, one for each gate and one for the candidate, stand below each other in its rows.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import _validation
from ..rnn import _inputs, init_params


class Cell(NamedTuple):
    """What the checks have to know of a cell: its containers, the number of blocks, the fields with T + 1 rows."""

    params: type
    trace: type
    blocks: int
    states: tuple


def drawn(num_inputs, num_hiddens, scale, seed, blocks, candidate):
    """Return W_x and W_h: in one block the W_hx and W_hh of ``rnn.init_params``, elsewhere gates of scale 1."""
    plain = init_params(num_inputs, num_hiddens, 1, scale=scale, seed=seed)
    h, d = plain.W_hx.shape
    _validation.fits_in_memory("W_h", blocks * h * (h + d), float, f"h = {h}, d = {d}")
    rng, rows = np.random.default_rng((_validation.seed("seed", seed), 2)), (blocks - 1) * h
    above = slice(0, candidate * h), slice(candidate * h, None)
    gates = rng.normal(size=(rows, d)) / np.sqrt(d), rng.normal(size=(rows, h)) / np.sqrt(h)
    pairs = zip(gates, (plain.W_hx, plain.W_hh), strict=True)
    return [np.concatenate([W[above[0]], block, W[above[1]]]) for W, block in pairs]


def checked_params(params, cell):
    """Return params once its arrays are known to fit each other: finite, and in one dtype."""
    return cell.params(**_ready(_params_arrays(params, cell)))


def checked(params, cell, x, **initial) -> tuple[Any, np.ndarray, list[np.ndarray]]:
    """Return params, x and the initial states, known to fit each other and in one dtype; zeros for a state of None."""
    arrays = _params_arrays(params, cell)
    x = _inputs(x, arrays["W_x"].shape[1])
    state = (*x.shape[1:-1], arrays["W_h"].shape[1])
    names = "(h,)" if x.ndim == 2 else "(B, h)"
    arrays["x"] = x
    for symbol, value in initial.items():
        if value is not None:
            arrays[symbol] = _validation.shaped(symbol, _validation.numeric(symbol, value), state, names)
    # What the pass makes: the blocks, and the states with what is calculated on the way.
    count = (cell.blocks + 3) * len(x) * math.prod(state)
    _validation.fits_in_memory("h", count, float, f"T = {len(x)}")
    ready = _ready(arrays)
    states = [ready.get(symbol, np.zeros(state, ready["x"].dtype)) for symbol in initial]
    return cell.params(**{symbol: ready[symbol] for symbol in cell.params._fields}), ready["x"], states


def checked_trace(trace, cell, **flow):
    """Return trace, and a copy of dh or dh_T if it is given, known to fit each other and in one dtype."""
    _validation.instance("trace", trace, cell.trace, f"the {cell.trace.__name__} that forward returns")
    arrays = _params_arrays(trace.params, cell)
    arrays["x"] = x = _inputs(trace.x, arrays["W_x"].shape[1])
    (T, *batch), h = x.shape[:-1], arrays["W_h"].shape[1]
    inner = "h" if x.ndim == 2 else "B, h"
    rows = {symbol: a for symbol, a in trace._asdict().items() if symbol not in ("params", "x", "reset")}
    for symbol, value in {**rows, **flow}.items():
        array, several = _validation.numeric(symbol, value), symbol in cell.states
        shape, names = ((T + several, *batch, h), f"(T{' + 1' * several}, {inner})")
        if symbol == "dh_T":
            shape, names = (*batch, h), "(h,)" if x.ndim == 2 else "(B, h)"
        arrays[symbol] = _validation.shaped(symbol, array, shape, names)
    ready = _ready(arrays)
    params = cell.params(**{symbol: ready[symbol] for symbol in cell.params._fields})
    trace = trace._replace(params=params, x=ready["x"], **{symbol: ready[symbol] for symbol in rows})
    return trace, *(ready[symbol].copy() for symbol in flow)


def in_double(trace):
    """Return a trace of real numbers in float64."""
    parts = {symbol: a.astype(float) for symbol, a in trace._asdict().items() if isinstance(a, np.ndarray)}
    return trace._replace(params=type(trace.params)(*(a.astype(float) for a in trace.params)), **parts)


def _params_arrays(params, cell):
    """Return the arrays of params by name, once their shapes are known to fit each other."""
    _validation.instance("params", params, cell.params)
    arrays = {symbol: _validation.numeric(symbol, a) for symbol, a in params._asdict().items()}
    h = min(arrays["W_h"].shape, default=1)  # of a transposed one, too
    rows, name = cell.blocks * h, f"{cell.blocks} h"
    _validation.shaped("W_h", arrays["W_h"], (rows, h), f"({name}, h)")
    _validation.shaped("W_x", arrays["W_x"], (rows, None), f"({name}, d) with h = {h}")
    for symbol in cell.params._fields[2:]:
        _validation.shaped(symbol, arrays[symbol], (rows,), f"({name},)")
    return arrays


def _ready(arrays):
    """Return the arrays, known to be finite, in one dtype."""
    dtype = _validation.common_dtype(arrays.values())
    return {symbol: _validation.finite(symbol, a).astype(dtype, copy=False) for symbol, a in arrays.items()}
