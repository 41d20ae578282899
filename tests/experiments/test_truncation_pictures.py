"""The experiments under the static pictures of notebook 08. Oracles: the recursions written out, one step at a time."""

import numpy as np
import pytest

from d2lbptt import experiments, figures
from d2lbptt.truncation import influence


def test_the_variance_of_a_sample_and_of_the_law():
    found = experiments.variance(0.8, (0.9, 0.64, 0.5), T=6, draws=50_000, seed=3)
    assert found.w == 0.8 and list(found.runs) == ["π = 0.9, w² < π", "π = 0.64, w² = π", "π = 0.5, w² > π"]
    b = np.random.default_rng(3).uniform(0.5, 1.5, 6)
    for pi, (sample, law) in zip((0.9, 0.64, 0.5), found.runs.values(), strict=True):
        values = {(0.0,): 1.0}  # all paths of z_t, and how probable they are
        for t in range(6):
            paths = [
                (b[t] + gate * 0.8 * z[0], p * q) for z, p in values.items() for gate, q in ((1 / pi, pi), (0, 1 - pi))
            ]
            values = {(z, i): p for i, (z, p) in enumerate(paths)}
            mean = sum(z[0] * p for z, p in values.items())
            square = sum((z[0] - mean) ** 2 * p for z, p in values.items())
            fourth = sum((z[0] - mean) ** 4 * p for z, p in values.items())
            assert law[t] == pytest.approx(square, rel=1e-9, abs=1e-12)
            assert abs(sample[t] - square) <= 5 * np.sqrt(max(fourth - square**2, 0) / 50_000) + 1e-4 * square + 1e-12


def test_bias_and_chance_at_equal_reach():
    found = experiments.trade(T=5, w=0.9, seed=2)
    b, a = np.random.default_rng(2).normal(size=5), [0.0]
    for b_t in b:
        a.append(b_t + 0.9 * a[-1])
    for tau in range(1, 6):
        window = [sum(0.9 ** (t - k) * b[k - 1] for k in range(max(1, t - tau + 1), t + 1)) for t in range(1, 6)]
        off = np.linalg.norm(np.subtract(window, a[1:])) / np.linalg.norm(a[1:])
        assert found.window[tau - 1] == pytest.approx(off, rel=1e-9, abs=1e-12)
    assert found.steps.tolist() == [1, 2, 3, 4, 5] and np.isinf(found.randomized[0]) and found.randomized[-1] == 0


def test_the_gradient_that_a_span_sees():
    found, network = experiments.seen_by_span(), influence.balance()
    total, start = network.rest(1.0)[0], network.rest(0.5)
    for seen, reduction in ((found.window, "last"), (found.chunks, "sum")):
        for tau in (1, 20, 41, 110, 200):
            measured = influence._gradient(network, np.full(tau, 0.5), start, reduction) / (start[0] - 1) / total
            assert seen[tau - 1] == pytest.approx(measured / (tau if reduction == "sum" else 1), rel=1e-9)
    for seen, span in ((found.window, found.observed.window), (found.chunks, found.observed.chunks)):
        assert seen[span - 2] < 0 < seen[span - 1 :].min()
    assert found.predicted == found.observed
    assert experiments.seen_by_span(60, 3, 1).window.shape == (60,)


def test_where_theta_goes():
    found = experiments.trajectories(steps=50, windows=[7], chunks=[10, 25], pi=[0.9], seed=4)
    assert list(found.runs) == [
        "forward accumulation",
        "window, τ = 7",
        "chunks, τ = 10",
        "chunks, τ = 25",
        "randomized, π = 0.9",
    ]
    assert found.solution == pytest.approx(-1 / 6)
    network, h, influenced, theta = influence.balance(), np.ones(23), np.zeros(23), 0.5
    for step in range(50):  # forward accumulation, written out
        h, influenced = network.A @ h + theta * network.s, network.s + network.A @ influenced
        theta -= 1e-4 * (h[0] - 1) * influenced[0]
        assert found.runs["forward accumulation"][step + 1] == pytest.approx(theta, rel=1e-12)
    chunks = found.runs["chunks, τ = 10"]
    assert [t for t in range(1, 51) if chunks[t] != chunks[t - 1]] == [10, 20, 30, 40, 50]
    other = experiments.trajectories(steps=50, windows=[7], chunks=[10], pi=[0.9], seed=5).runs
    assert not np.array_equal(other["randomized, π = 0.9"], found.runs["randomized, π = 0.9"])
    np.testing.assert_array_equal(other["window, τ = 7"], found.runs["window, τ = 7"])


def test_the_pictures_take_them():
    from matplotlib.figure import Figure

    axes = Figure().subplots(2, 2).ravel()
    figures.variance(axes[0], experiments.variance(T=20, draws=50).runs)
    figures.trade(axes[1], experiments.trade(T=20))
    seen = experiments.seen_by_span()
    figures.seen_by_span(axes[2], seen.window, seen.chunks, seen.observed)
    figures.trajectories(axes[3], *experiments.trajectories(steps=20))
