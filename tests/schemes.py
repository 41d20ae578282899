"""The network under the explorer of truncation, built anew, and what each scheme tells ``backward``.

Pairs (t, k) are counted one by one.
"""

import itertools

import numpy as np

from d2lbptt import backward, chunks, forward, init_params, randomized
from d2lbptt.gates import SCHEMES

START = {"scheme": "window", "T": 30, "tau": 7, "pi": 0.8, "g": 1.1, "draw": 3, "activation": "tanh"}
START |= {"kind": "orthogonal", "units": 5, "reduction": "mean", "seed": 2, "k1": 3}
CASES = [
    {"scheme": scheme, "reduction": reduction, **more}
    for scheme, reduction in itertools.product(SCHEMES, ["mean", "last"])
    for more in (
        {},
        {"T": 1, "tau": 1, "k1": 1},
        {"T": 12, "tau": 12, "pi": 1.0},
        {"activation": "identity", "g": 1.3, "tau": 1, "k1": 1},
    )
]


def network(**values):
    """The trace, the targets and the full gradient of these settings, built anew."""
    v = START | values
    params = init_params(1, v["units"], 1, scale=v["g"], kind=v["kind"], seed=v["seed"])
    x = 0.5 + 0.25 * np.random.default_rng((v["seed"], 1)).normal(size=(v["T"], 1))
    trace = forward(params, x, h0=np.full(v["units"], 0.5), activation=v["activation"])
    y = np.ones((v["T"], 1))
    return trace, y, backward(trace, y, reduction=v["reduction"]).W_hh


def options(**values):
    v = START | values
    rng, T = np.random.default_rng((v["seed"], 2)), v["T"]
    gates = [randomized(T, v["pi"], rng) for _ in range(100)]
    return {
        "full": {},
        "window": {"window": v["tau"]},
        "chunks": {"gates": chunks(T, v["tau"])},
        "tbptt": {"first": first_steps(T, v["k1"], v["tau"])},
        "randomized": {"gates": gates[v["draw"]]},
    }[v["scheme"]], gates


def first_steps(T, k1, k2):
    """The first step that each loss reaches in a training loop: an update after every k1 losses, back over k2 steps."""
    first, waiting = [], 0
    for t in range(1, T + 1):
        waiting += 1
        if waiting == k1 or t == T:
            first += [max(1, t - k2 + 1)] * waiting
            waiting = 0
    return first


def kept_pairs(T, how, last):
    """The pairs (t, k) that a scheme keeps, one by one."""
    xi, near, first = how.get("gates", np.ones(T)), how.get("window", T), how.get("first", np.ones(T))
    losses = [T] if last else range(1, T + 1)
    return {(t, k) for t in losses for k in range(1, t + 1) if k >= first[t - 1] and t - k < near and all(xi[k:t])}
