"""The walk through the cells: LSTM and GRU."""

import numpy as np
from walk import Spec, choice, filled, number, optional, shaped, whole

from d2lbptt.cells import gru, lstm

T = d = h = 2  # so that many of the values have the right shape
NUMBERS = "iufc"
_rng = np.random.default_rng(0)
X, DH = _rng.normal(size=(T, d)), _rng.normal(size=(T, h))
RESET = choice("after", "before")
ROWS, STATES = {"dtypes": NUMBERS}, ("x", "h", "c", "i", "f", "g", "o", "r", "z", "n")
FLOWS = ("dL/dh_t", "dL/dc_t", "dL/dW_x", "dL/dW_h", "dL/dh_0", "dL/dc_0", "W_h")
PARAMS = {cell: cell.init_params(d, h, seed=1) for cell in (lstm, gru)}
TRACES = {cell: cell.forward(PARAMS[cell], X) for cell in (lstm, gru)}


def sigma(a):
    return 1 / (1 + np.exp(-a))


def blocks(params):
    """W x + W h + b in its blocks, of which the last argument is the matrix for the state."""
    W_x, W_h, *biases = (np.asarray(a) for a in params)
    return lambda x, state: np.split(W_x @ x + W_h @ state + sum(biases), len(W_x) // h)


def close(a, b):
    """Whether a is b up to rounding; where the oracle overflows on its way it says nothing."""
    return not np.isfinite(b).all() or bool(np.allclose(a, b, rtol=1e-7, atol=1e-9 * np.max(np.abs(b))))


def start(state):
    return np.zeros(h) if state is None else np.asarray(state)


def lstm_states(trace, given):
    state, c, rows = start(given["h0"]), start(given["c0"]), []
    for x in np.asarray(given["x"]):
        i, f, g, o = blocks(given["params"])(x, state)
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        state = sigma(o) * np.tanh(c)
        rows.append(state)
    return close(trace.h[1:], rows)


def gru_states(trace, given):
    params, state, rows = given["params"], start(given["h0"]), []
    W, U, b_x, b_h = (np.asarray(a)[2 * h :] for a in params)
    for x in np.asarray(given["x"]):
        r, z, _ = (sigma(a) for a in blocks(params)(x, state))
        inner = r * (U @ state + b_h) if given["reset"] == "after" else U @ (r * state) + b_h
        state = (1 - z) * np.tanh(W @ x + b_x + inner) + z * state
        rows.append(state)
    return close(trace.h[1:], rows)


def finite(found):
    return all(np.isfinite(a).all() for a in found)


def trace_like(cell, dtypes=NUMBERS):
    """A trace of which the fields may be replaced by what has their shape; the weights have none of the values'."""
    good = TRACES[cell]
    legal = {name: shaped(*np.shape(a), dtypes=dtypes) for name, a in good._asdict().items() if name in STATES}
    return filled(good, params=filled(good.params), **legal, **({"reset": RESET} if cell is gru else {}))


def log10_size(found, given):
    with np.errstate(divide="ignore"):
        wanted = np.log10(np.linalg.norm(np.asarray(given["dh_T"], float)))
    return close(found[-1], wanted) and not np.isnan(found).any()


def specs(cell, name):
    """What both cells have in common."""
    good, trace = PARAMS[cell], TRACES[cell]
    flow = {"trace": ("trace", "dh_T", *STATES, *FLOWS), "dh_T": ("dh_T", *FLOWS)}
    of_flow = {"trace": trace_like(cell, "iuf"), "dh_T": shaped(h)}
    return {
        f"cells.{name}.init_params": Spec(
            cell.init_params,
            {"num_inputs": 2, "num_hiddens": 3, "scale": 1.0, "gate_bias": 0.0, "seed": 0},
            {
                **{"num_inputs": whole(1, 10**6), "num_hiddens": whole(1, 10**4), "scale": number()},
                **{"gate_bias": number(), "seed": whole(0)},
            },
            lambda found, given: (
                found.W_x.shape == (len(found[2]), given["num_inputs"])
                and bool((found[2].reshape(-1, given["num_hiddens"])[1] == given["gate_bias"]).all())
            ),
            {"num_hiddens": ("num_hiddens", "h"), "num_inputs": ("num_inputs", "d"), "scale": ("scale", "W_hh")},
        ),
        f"cells.{name}.backward": Spec(
            cell.backward,
            {"trace": trace, "dh": DH},
            {"trace": trace_like(cell), "dh": shaped(T, h, **ROWS)},
            lambda found, given: (
                close(found.h[-1], np.asarray(given["dh"])[-1]) and found.h0.shape == (h,) and finite(found.params)
            ),
            {"trace": ("trace", *STATES, *FLOWS), "dh": ("dh", *FLOWS)},
            ("trace",),
        ),
        f"cells.{name}.log10_norms": Spec(
            cell.log10_norms,
            {"trace": trace, "dh_T": DH[-1]},
            of_flow,
            lambda found, given: log10_size(found.h if cell is lstm else found, given),
            flow,
            ("trace",),
        ),
        f"cells.{name}.ways": Spec(
            cell.ways,
            {"trace": trace, "dh_T": DH[-1]},
            of_flow,
            lambda found, given: close(found.direct[-1], found.whole[-1]) and np.isneginf(found.through_gates[-1]),
            flow,
            ("trace",),
        ),
        f"cells.{name}.log10_memory": Spec(
            cell.log10_memory,
            {"trace": trace, "k": 1},
            {"trace": trace_like(cell, "iuf"), "k": whole(0, T)},
            lambda found, given: found.shape == (T + 1 - given["k"], h) and not found[0].any(),
            {"trace": ("trace", *STATES)},
            ("trace",),
        ),
        f"cells.{name}.resting_factor": Spec(
            cell.resting_factor,
            {"params": good, **({"reset": "after"} if cell is gru else {})},
            {"params": filled(good), **({"reset": RESET} if cell is gru else {})},
            lambda found, given: isinstance(found, float) and found >= 0,
            {},
            ("params",),
        ),
    }


SPECS = {
    **specs(lstm, "lstm"),
    **specs(gru, "gru"),
    "cells.lstm.forward": Spec(
        lstm.forward,
        {"params": PARAMS[lstm], "x": X, "h0": None, "c0": None},
        {
            "params": filled(PARAMS[lstm]),
            "x": shaped(None, d, **ROWS),
            **{"h0": optional(shaped(h, **ROWS)), "c0": optional(shaped(h, **ROWS))},
        },
        lstm_states,
        {argument: (argument, "a_t", "h") for argument in ("x", "h0", "c0")},
        ("params",),
    ),
    "cells.gru.forward": Spec(
        gru.forward,
        {"params": PARAMS[gru], "x": X, "h0": None, "reset": "after"},
        {
            "params": filled(PARAMS[gru]),
            "x": shaped(None, d, **ROWS),
            **{"h0": optional(shaped(h, **ROWS)), "reset": RESET},
        },
        gru_states,
        {argument: (argument, "a_t", "h") for argument in ("x", "h0")},
        ("params",),
    ),
}
