"""Settings of experiments and networks that the tests of the numbers and those of the words both go through."""

import itertools

import numpy as np

from d2lbptt import init_params

POWERS = [
    {"k": k, "n": n, "ratio": ratio, "spectrum": spectrum}
    for k, n, ratio, spectrum in itertools.product(
        (0, 1, 20, 200), (2, 3, 64), (0.5, 0.99), ("equal", "falling", "both signs")
    )
]
POWERS += [{"lambda_1": 1.5, "k": 200}, {"lambda_1": 0.5, "k": 200}, {"seed": 99, "within": 20.0, "draws": 100}]
POWERS += [{"k": 12, "seed": seed, "within": 5.0, "ratio": 0.8, "draws": 2000} for seed in range(5)]

TRANSIENT = [
    {"rho": rho, "gap": gap, "c": c, "T": T, "k": k}
    for (rho, gap, c), (T, k) in itertools.product(
        itertools.product((0.5, 0.9, 0.99, 1.0, 1.05), (0.0, 0.01, 0.1, 0.5, 1.0), (0.0, 0.5, 3.0, 50.0)),
        ((10, 9), (1000, 150)),
    )
]

STRATEGIES = [
    {},
    {"T": 64, "t": 64, "tau": 64, "pi": 0.97, "draw": 5},
    {"T": 1, "t": 1, "tau": 1},
    {"T": 2, "t": 1, "tau": 2, "pi": 0.05},
    {"T": 30, "t": 1, "tau": 1, "pi": 1.0, "draw": 999},
    {"T": 30, "t": 30, "tau": 7, "pi": 0.05, "draw": 2},
]


def two_runs(n=64, g=2.0, T=200, s=0.0, seed=0, kind="gaussian"):
    """Return params, x, h_0 and the direction in which the other start lies."""
    rng = np.random.default_rng((seed, 1))
    params = init_params(n, n, 1, scale=g, kind=kind, seed=seed)
    h0, v = rng.normal(size=(2, n))
    return params, s * rng.normal(size=(T, n)), h0, v / np.linalg.norm(v)
