"""Many configurations in one pass. Oracle: one configuration at a time, by ``forward`` and ``log10_gradient_norms``.

Where the forward pass is chaotic the two may run apart, and nothing is compared there.
"""

from timeit import default_timer as clock

import numpy as np
import pytest

from d2lbptt import forward, init_params, log10_gradient_norms
from d2lbptt.sweep import sweep


def one(g, seed, T, h=64, activation="tanh", kind="gaussian", input_size=0.1):
    params = init_params(1, h, 1, scale=g, kind=kind, seed=seed)
    x = input_size * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    trace = forward(params, x, activation=activation)
    decades = log10_gradient_norms(trace, np.zeros((T, 1)), reduction="last")
    return decades - decades[-1]


def apart(found, want):
    """Return the largest difference; both must be -inf at the same steps."""
    assert np.array_equal(np.isneginf(found), np.isneginf(want))
    known = np.isfinite(want)
    return np.abs(found[known] - want[known]).max()


@pytest.mark.parametrize("T", [1, 7, 8, 9, 300])
@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
def test_each_row_is_that_of_one_network(T, kind):
    """Below the edge of chaos rounding dies out: a few units in the last place of 300 steps in decades."""
    scales = [0.0, 0.2, 0.7, 1.0]
    found = sweep(scales, (3, 5), T, kind=kind, num_hiddens=20)
    assert found.decades.shape == (4, 2, T)
    for i, g in enumerate(scales):
        for s, seed in enumerate(found.seeds):
            assert apart(found.decades[i, s], one(g, seed, T, h=20, kind=kind)) < 1e-10


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "relu"])
def test_each_activation(activation):
    found = sweep([0.3, 0.9], (0,), 120, activation=activation, num_hiddens=16, input_size=1.0)
    for i, g in enumerate(found.scales):
        assert apart(found.decades[i, 0], one(g, 0, 120, h=16, activation=activation, input_size=1.0)) < 1e-10


def test_what_is_far_outside_of_float64_is_there():
    """Identity and W_hh = g I: the gradient is g^k at lag k, in closed form."""
    found = sweep([0.1, 0.5, 1.5], (0,), 1500, activation="identity", kind="identity", num_hiddens=4)
    lags = np.arange(1500)
    for row, g in zip(found.by_lag[:, 0], found.scales, strict=True):
        # Each step rounds once, half a unit in the last place at most.
        assert np.abs(row - lags * np.log10(g)).max() <= 1500 * np.finfo(float).eps + 1e-12


def test_dead_units_leave_minus_infinity():
    found = sweep([1.0], (0,), 30, activation="relu", num_hiddens=3, input_size=0.0)
    assert np.isneginf(found.decades[0, 0, :-1]).all() and found.decades[0, 0, -1] == pytest.approx(0, abs=1e-15)


def test_the_progress_bar_sees_every_seed():
    seen = []
    sweep([1.0], (4, 2), 3, progress=lambda seeds: (seen.append(s) or s for s in seeds))
    assert seen == [4, 2]


def test_a_state_that_overflows_is_named():
    with pytest.raises(FloatingPointError, match=r"h_t overflows float64, first at t = \d+"), np.errstate(all="ignore"):
        sweep([50.0], (0,), 500, activation="identity", input_size=1.0)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"scales": 1.0}, ValueError, ["scales", "()", "(G,)"]),
        ({"scales": [1.0, np.nan]}, ValueError, ["scales", "nan"]),
        ({"T": 0}, ValueError, ["T is 0"]),
        ({"seeds": [-1]}, ValueError, ["seed is -1"]),
        ({"activation": "swish"}, ValueError, ["activation", "'swish'"]),
        ({"kind": "dense"}, ValueError, ["kind", "'dense'"]),
        ({"input_size": "big"}, TypeError, ["input_size", "'big'"]),
        ({"T": 10**13}, ValueError, ["h would take", "T = 10000000000000"]),
    ],
)
def test_what_does_not_fit(change, error, words):
    given = {"scales": [1.0], "seeds": (0,), "T": 5} | change
    with pytest.raises(error) as info:
        sweep(given.pop("scales"), given.pop("seeds"), given.pop("T"), **given)
    assert all(word in str(info.value) for word in words), info.value


@pytest.mark.slow
def test_one_pass_takes_a_third_of_the_time_of_one_by_one():
    """101 scales, 3 seeds, 64 units, 1000 steps: the phase diagram. Both warm, in turns, the best of three."""
    scales, seeds = np.linspace(0, 3, 101), (0, 1, 2)
    best = [np.inf, np.inf]
    for _ in range(3):
        start = clock()
        sweep(scales, seeds, 1000)
        middle = clock()
        for seed in seeds:
            for g in scales:
                one(g, seed, 1000)
        best = [min(best[0], middle - start), min(best[1], clock() - middle)]
    assert best[1] >= 3 * best[0], best
