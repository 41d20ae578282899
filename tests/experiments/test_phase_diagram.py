"""The phase diagram as an experiment: its cuts, their medians and edges, and what is cached.

Oracle: one network at a time by ``forward`` and ``log10_gradient_norms`` (below the edge of chaos); the mean field
and the spectral radius, which have oracles of their own, are followed along g.
"""

import itertools
import sys

import numpy as np
import pytest
from loops import for_each

from d2lbptt import forward, init_params, laws, log10_gradient_norms
from d2lbptt.experiments import phase_diagram
from d2lbptt.growth.scales import theory

module = sys.modules["d2lbptt.experiments._phase_diagram"]


@for_each(("activation", "kind", "g"), [("tanh", "gaussian", 0.75), ("relu", "orthogonal", 1.1)])
def test_the_cut_is_that_of_single_networks(activation, kind, g):
    data = phase_diagram(activation=activation, kind=kind, g=g, T=600, input_size=0.3)
    assert data.scales[data.row] == pytest.approx(g) and data.by_lag.shape == (101, 3, 600)
    for s in range(3):
        params = init_params(1, 64, 1, scale=g, kind=kind, seed=s)
        x = 0.3 * np.random.default_rng((s, 1)).normal(size=(1000, 1))
        decades = log10_gradient_norms(forward(params, x, activation=activation), np.zeros((1000, 1)), reduction="last")
        np.testing.assert_allclose(data.by_lag[data.row, s], (decades - decades[-1])[::-1][:600], rtol=0, atol=1e-8)


@for_each("T", [100, 1000])
@for_each(("activation", "kind"), [("tanh", "gaussian"), ("identity", "orthogonal"), ("tanh", "identity")])
def test_medians_and_edges_are_those_of_the_decades(activation, kind, T):
    data = phase_diagram(activation=activation, kind=kind, T=T, units=16)
    law = theory(data.scales, range(3), 1000, num_hiddens=16, activation=activation, kind=kind)
    pairs = (data.by_lag, data.median, data.edges), (law.by_lag[..., :T], data.theory, data.law_edges)
    for decades, median, edges in pairs:
        np.testing.assert_array_equal(median, np.sort(decades, axis=1)[:, 1])
        for last, edge in zip(decades[..., -1].T, edges, strict=True):
            if np.isinf(edge):
                assert (last < 0).all() if edge > 0 else (last >= 0).all()
            else:
                crossings = np.count_nonzero(np.diff(last < 0))
                assert edge == pytest.approx(0.5 + 2.5 * (last < 0).mean(), abs=0.026 * crossings)
    assert (
        data.law
        == law.law
        == {"identity": "spectral radius"}.get(activation, "mean field" if kind == "gaussian" else "bound")
    )


def test_the_nearest_scale_is_the_row():
    for g, row in ((0.5, 0), (1.2, 28), (1.211, 28), (1.213, 29), (3.0, 100)):
        data = phase_diagram(g=g, units=16)
        assert data.row == row and data.scales[row] == pytest.approx(0.5 + 0.025 * row)


def test_the_edges_of_the_laws():
    relu = phase_diagram(activation="relu", kind="orthogonal", units=16)
    np.testing.assert_allclose([*relu.law_edges, relu.law_edge], np.sqrt(2), atol=1e-3)
    linear = phase_diagram(activation="identity", units=16)
    radii = [np.abs(np.linalg.eigvals(init_params(1, 16, 1, seed=seed).W_hh)).max() for seed in range(3)]
    np.testing.assert_allclose(linear.law_edges, 1 / np.array(radii), atol=1e-3)
    assert linear.law_edge == np.median(linear.law_edges)
    quiet, loud = (phase_diagram(input_size=size, units=16).law_edges for size in (0.1, 1.0))
    assert laws.edge_of_chaos() < quiet.min() and quiet.max() + 0.4 < loud.min()


@pytest.mark.slow
def test_many_units_are_nearer_to_the_mean_field():
    apart = {}
    for units in (16, 256):
        data = phase_diagram(units=units)
        apart[units] = np.abs(np.median(data.edges) - np.median(data.law_edges))
    assert apart[256] < 0.15 < apart[16]


def test_g_and_T_move_without_another_sweep(monkeypatch):
    phase_diagram()

    def refuse(*_, **__):
        raise AssertionError("swept again")

    monkeypatch.setattr(module, "sweep", refuse)
    for T, g in itertools.product((10, 500, 1000), (0.5, 1.7, 3.0)):
        assert phase_diagram(T=T, g=g).by_lag.shape == (101, 3, T)


def test_what_is_cached_is_bounded_and_cannot_be_changed(monkeypatch):
    monkeypatch.setattr(module, "_CACHE", {})
    monkeypatch.setattr(module, "STEPS", 10)
    for size in range(20):
        data = phase_diagram(T=10, input_size=size, units=4, seeds=1)
    assert len(module._CACHE) == 12 and ("gaussian", "tanh", 19.0, 4, 1) in module._CACHE
    for array in (data.by_lag, data.median, data.theory):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_progress_is_asked_for_what_is_not_cached(monkeypatch):
    monkeypatch.setattr(module, "_CACHE", {})
    monkeypatch.setattr(module, "STEPS", 10)
    asked = []
    for _ in range(2):
        phase_diagram(T=10, units=4, seeds=2, progress=lambda seeds: asked.append(len(seeds)) or seeds)
    assert asked == [2]
    with pytest.raises(TypeError, match="progress is 1, wanted a function"):
        phase_diagram(T=10, units=4, seeds=2, progress=1)
