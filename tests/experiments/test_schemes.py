"""The schemes of truncation side by side, and their picture.

Oracles: the pairs (t, k) that each keeps, by its own rule, and a pass written out: which arrows of the unrolled graph
and which states each update needs, one by one.
"""

import numpy as np
import pytest
from loops import for_each
from matplotlib.figure import Figure
from schemes import first_steps

from d2lbptt import experiments, figures, randomized
from d2lbptt.gates import SCHEMES

SIZES = [(T, tau, k1) for T in (1, 2, 7, 12) for tau in (1, 2, 5, 12) if tau <= T for k1 in (1, 2, 5) if k1 <= tau]


def rules(T, tau, k1, pi, seed):
    """For each scheme whether it keeps a pair, with which weight, and after which losses there is an update."""
    gates, first = randomized(T, pi, np.random.default_rng(seed)), first_steps(T, k1, tau)
    return {
        "full": (lambda t, k: 1.0, [T]),
        "chunks": (
            lambda t, k: float((t - 1) // tau == (k - 1) // tau),
            [t for t in range(1, T) if t % tau == 0] + [T],
        ),
        "window": (lambda t, k: float(t - k < tau), list(range(1, T + 1))),
        "tbptt": (lambda t, k: float(k >= first[t - 1]), [t for t in range(1, T) if t % k1 == 0] + [T]),
        "randomized": (lambda t, k: np.prod(gates[k:t]), [t for t in range(1, T) if gates[t] == 0] + [T]),
    }


@for_each(("T", "tau", "k1"), SIZES)
@for_each("seed", range(3))
def test_cells_updates_work_and_states_are_counted_one_by_one(T, tau, k1, seed):
    found = experiments.schemes(T, tau, k1, pi=0.6, seed=seed)
    assert found[:4] == (T, tau, k1, 0.6) and set(found.costs) == set(SCHEMES)
    for scheme, (weight, ends) in rules(T, tau, k1, 0.6, seed).items():
        cost = found.costs[scheme]
        want = [[weight(t, k) if k <= t else 0 for k in range(1, T + 1)] for t in range(1, T + 1)]
        np.testing.assert_allclose(cost.weights, want, rtol=1e-12)
        assert cost.ends.tolist() == ends
        assert cost.first.tolist() == [1 + np.flatnonzero(row)[0] for row in want]
        arrows, states = [], []
        for before, end in zip([0, *ends], ends, strict=False):
            kept = [(t, k) for t in range(before + 1, end + 1) for k in range(1, t + 1) if want[t - 1][k - 1]]
            arrows.append({step for t, k in kept for step in range(k + 1, t + 1)})  # from h_step to the state before
            states.append({step for t, k in kept for step in range(k - 1, t + 1)})  # h_{k-1} is in dL/dW_hh
        assert cost.products == sum(map(len, arrows)) and cost.products_of_an_update == max(map(len, arrows))
        assert cost.states == max(map(len, states))


def test_at_equal_memory_fewer_updates_are_less_work():
    costs = experiments.schemes(T=40, tau=10, k1=5).costs
    assert costs["chunks"].states == costs["window"].states == costs["tbptt"].states == 11 < costs["full"].states == 41
    assert costs["chunks"].products < costs["full"].products < costs["tbptt"].products < costs["window"].products


def test_k1_is_at_most_k2():
    with pytest.raises(ValueError, match="k1 is 3, wanted a whole number from 1 to k2 = tau = 2"):
        experiments.schemes(5, 2, 3)


@for_each(("T", "tau", "k1", "pi"), [(12, 4, 2, 0.8), (1, 1, 1, 1.0), (40, 10, 5, 0.7)])
def test_the_picture_shows_every_cell_and_every_number(T, tau, k1, pi):
    data = experiments.schemes(T, tau, k1, pi)
    ax = Figure(figsize=(9.6, 3.8)).add_axes((0, 0, 1, 1))
    assert figures.schemes(ax, data) is ax
    cells = iter(ax.collections[3:])  # the first three are the key
    for cost in data.costs.values():
        inside = np.tri(T, dtype=bool)
        counts = [len(next(cells).get_paths()) for _ in range(3)]
        kinds = cost.weights == 1, cost.weights > 1, cost.weights == 0
        assert counts == [np.count_nonzero(kind & inside) for kind in kinds] and sum(counts) == T * (T + 1) // 2
    assert len({collection.get_hatch() for collection in ax.collections[:3]}) == 3  # told apart without colour
    assert len(ax.lines) == 1 + sum(len(cost.ends) for cost in data.costs.values())
    words = [text.get_text() for text in ax.texts]
    for cost in data.costs.values():
        for number in (len(cost.ends), cost.products, cost.states):
            assert str(number) in words
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(0 <= box.x0 and box.x1 <= 960 and 0 <= box.y0 and box.y1 <= 380 for box in boxes)
    assert not any(a.overlaps(b.padded(-1)) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
