"""How far the gradient reaches: against the backward pass, written-out laws, and what is known by hand."""

import numpy as np
import pytest
from driving import own_model
from loops import for_each

from d2lbptt import Params, backward, experiments, forward, init_params
from d2lbptt.experiments import gradient_flow


def reached(**settings):
    """log10 of |dL/dh_1| / |dL/dh_T|."""
    full = gradient_flow(**settings).full
    return full[0] - full[-1]


def noise(T, seed=0):
    return 0.1 * np.random.default_rng((seed, 1)).normal(size=(T, 1))


def log10_rows(h):
    return np.log10(np.linalg.norm(h.reshape(len(h), -1), axis=1))


@for_each("g", [0.7, 3.0])
@for_each("reduction", ["last", "mean"])
@for_each("activation", ["tanh", "identity", "relu"])
def test_the_norms_are_those_of_the_backward_pass(activation, reduction, g):
    T, tau = 90, 25
    data = gradient_flow(T, g, tau, activation, seed=3, reduction=reduction)
    trace = forward(init_params(1, 64, 1, scale=g, seed=3), noise(T, 3), activation=activation)
    wanted = {"full": {"reduction": reduction}, "last": {"reduction": "last"}}
    for name, how in wanted.items():
        np.testing.assert_allclose(getattr(data, name), log10_rows(backward(trace, np.ones((T, 1)), **how).h))
    with np.errstate(divide="ignore"):
        cut = log10_rows(backward(trace, np.ones((T, 1)), reduction=reduction, window=tau).h)
    np.testing.assert_allclose(data.truncated, cut[data.steps - 1], atol=1e-12)
    assert data.tau == tau and data.every_step == (reduction == "mean") and data.overflow == ""
    assert list(data.steps) == list(range(1, T + 1))
    W = trace.params.W_hh
    np.testing.assert_allclose(np.abs(data.eigenvalues), np.sort(np.abs(np.linalg.eigvals(W)))[::-1])
    np.testing.assert_allclose(data.singular_values, np.linalg.svd(W, compute_uv=False))


def long_run(W, v, k):
    """log10 |c rho^k|, from the eigenvectors of W whose |lambda| is largest; independent of ``laws``."""
    values, vectors = np.linalg.eig(W)
    share = np.linalg.solve(vectors, v.astype(complex)) * (np.abs(values) > np.abs(values).max() * (1 - 1e-9))
    turned = vectors @ (share * (values / np.abs(values).max()) ** k)
    return np.log10(np.linalg.norm(turned.real)) + k * np.log10(np.abs(values).max())


@for_each("reduction", ["last", "mean"])
@for_each("g", [0.3, 1.3])
@for_each("kind", ["gaussian", "orthogonal"])
@for_each("activation", ["tanh", "identity", "sigmoid"])
def test_theory_and_bound_of_the_loss_at_the_end(activation, kind, g, reduction):
    T = 60
    data = gradient_flow(T, g, activation=activation, kind=kind, reduction=reduction)
    params = init_params(1, 64, 1, scale=g, kind=kind)
    trace = forward(params, noise(T), activation=activation)
    h = trace.h[1:]
    slopes = {"identity": np.ones_like(h), "tanh": 1 - h**2, "sigmoid": h * (1 - h)}[activation]
    theory = long_run(params.W_hh.T, params.W_qh[0], T - 1) - np.log10(np.linalg.norm(params.W_qh[0]))
    theory += np.log10(np.sqrt(np.mean(slopes[1:] ** 2, axis=1))).sum()
    full = backward(trace, np.ones((T, 1)), reduction="last").h
    found = np.log10(np.linalg.norm(full[0]) / np.linalg.norm(full[-1]))
    assert data.theory[0] == pytest.approx(theory, abs=1e-8)
    assert data.last[0] - data.last[-1] == pytest.approx(found, abs=1e-9)
    np.testing.assert_array_equal(data.slopes, slopes)
    gamma = {"identity": 1, "tanh": 1, "sigmoid": 1 / 4}[activation]
    np.testing.assert_allclose(data.bound, np.log10(gamma * np.linalg.norm(params.W_hh, 2)) * np.arange(T)[::-1])
    assert np.all(data.last - data.last[-1] <= data.bound + 1e-9)
    if activation == "identity":
        off = abs(theory - found)
        assert off < 0.5 and (kind == "gaussian" or off < 1e-9)


def test_a_window_over_many_steps_is_calculated_at_some_of_them():
    data = gradient_flow(1000, tau=700, reduction="mean")
    steps = data.steps
    assert steps[0] == 1 and steps[-1] == 1000 and np.all(np.diff(steps) > 0)
    assert np.diff(steps).max() <= 1000 / 40 and len(steps) < 700 + 50
    trace = forward(init_params(1, 64, 1, scale=0.8), noise(1000), activation="tanh")
    h = backward(trace, np.ones((1000, 1)), window=700).h
    np.testing.assert_allclose(data.truncated, log10_rows(h)[steps - 1], atol=1e-9)


def test_what_is_known_by_hand():
    # The identity matrix, scaled by g, multiplies the gradient by g at each of 999 steps.
    for g in (0.5, 3):
        assert reached(T=1000, g=g, activation="identity", kind="identity") == pytest.approx(999 * np.log10(g))
    assert reached(T=1000, g=0, activation="identity", kind="identity") == -np.inf


def test_a_loss_at_every_step_hides_the_vanishing():
    data = gradient_flow(reduction="mean")
    assert abs(data.full[0] - data.full[-1]) < 1 and data.last[0] - data.last[-1] < -15


def test_a_linear_run_that_overflows_has_the_ratio_all_the_same():
    for y in (None, np.zeros((1000, 1))):
        params = init_params(1, 8, 1, scale=10.0, kind="identity")
        data = gradient_flow(1000, 1, params=params, x=np.ones((1000, 1)), y=y, activation="identity")
        assert data.overflow == "" and data.full[0] - data.full[-1] == pytest.approx(999)


def test_what_overflows_is_followed_for_the_longest_T_that_does_not():
    params = init_params(1, 8, 1, scale=10.0, kind="identity")
    data = gradient_flow(1000, 1.0, params=params, x=np.ones((1000, 1)), activation="relu")
    # states grow like 10^t: they pass 1.8e308 within a few steps of t = 308
    T = len(data.full)
    assert 300 < T < 315 and f"first at t = {T + 1}" in data.overflow
    assert len(data.last) == len(data.theory) == len(data.bound) == len(data.slopes) == data.steps[-1] == T
    with pytest.raises(FloatingPointError, match="h_t overflows float64, first at t = 1"):
        gradient_flow(params=params, x=np.full((9, 1), 1e308), h0=np.full(8, 1e308), activation="relu")


def with_weights(W_hh, W_qh):
    W_hh, W_qh = np.array(W_hh, float), np.array(W_qh, float)
    params = Params(np.ones((len(W_hh), 1)), W_hh, W_qh)
    return gradient_flow(g=1, params=params, x=np.zeros((20, 1)), activation="identity")


def test_where_there_is_no_law_of_rho():
    assert with_weights([[0.5, 1], [0, 0.5]], [[1, 1]]).theory is None
    apart = with_weights([[0.9, 0], [0, 0.5]], [[0, 1]])  # the loss knows nothing of the larger eigenvalue
    assert np.isneginf(apart.theory[0]) and apart.last[0] - apart.last[-1] == pytest.approx(19 * np.log10(0.5))
    single = with_weights([[0.5]], [[2]])
    np.testing.assert_allclose(single.theory, single.last - single.last[-1], atol=1e-12)


def test_where_the_gradient_ends_theory_says_what_it_would_be():
    data = gradient_flow(100, 1.0, activation="relu", kind="identity")
    # every unit has rested at some step: theory, that knows only how many, does not see it
    assert np.isneginf(data.full[0]) and -5 < data.theory[0] < 0


def test_a_batch_with_several_outputs_has_the_theory_of_all_its_sequences():
    model = own_model(q=3, B=4)
    data = gradient_flow(g=1, **model)
    trace = forward(model["params"], model["x"], h0=model["h0"], activation="tanh")
    W, squares = model["params"].W_hh.T, 0
    for b, error in enumerate((trace.o[-1] - 1) / 4):
        gains = np.sqrt(np.mean((1 - trace.h[2:, b] ** 2) ** 2, axis=1))
        squares += 10 ** (2 * long_run(W, model["params"].W_qh.T @ error, 11)) * np.prod(gains) ** 2
    norm = np.linalg.norm((trace.o[-1] - 1) / 4 @ model["params"].W_qh)
    assert data.theory[0] == pytest.approx(np.log10(squares) / 2 - np.log10(norm), abs=1e-9)
    assert data.slopes.shape == (12, 20)


@for_each("g", [1.0, 0.5])
def test_g_multiplies_the_readers_own_W_hh_and_T_takes_the_first_steps(g):
    model = own_model(T=12)
    data = gradient_flow(9, g, **model)
    params = model["params"]._replace(W_hh=g * model["params"].W_hh)
    trace = forward(params, model["x"][:9], h0=model["h0"], activation="tanh")
    np.testing.assert_allclose(data.full, log10_rows(backward(trace, np.ones((9, 1)), reduction="last").h), atol=1e-12)
    assert len(gradient_flow(**model).full) == 12


def test_weights_that_are_changed_in_place_are_seen():
    # What follows from W_hh alone is remembered: by its numbers, not by the array.
    model = own_model()
    before = gradient_flow(g=1, **model)
    model["params"].W_hh[...] *= 2
    after, wanted = gradient_flow(g=1, **model), gradient_flow(g=2, **own_model())
    np.testing.assert_allclose(after.singular_values, 2 * before.singular_values)
    np.testing.assert_allclose(after.theory, wanted.theory, atol=1e-9)
    np.testing.assert_allclose(np.abs(after.eigenvalues), np.abs(wanted.eigenvalues))


def test_weights_of_the_readers_model_stay_as_they_are():
    model = own_model()
    before = [None if W is None else W.copy() for W in model["params"]]
    gradient_flow(g=2.0, **model)
    for W, old in zip(model["params"], before, strict=True):
        np.testing.assert_array_equal(W, old)


@for_each(
    ("change", "words"),
    [
        ({"x": None}, "x is missing"),
        ({"params": None}, "params is missing"),
        ({"x": np.ones((4, 3))}, r"x has shape \(4, 3\), wanted"),
        ({"x": np.ones(())}, r"x has shape .*, wanted"),
        ({"y": np.ones((12, 2))}, r"y has shape \(12, 2\), wanted that of the outputs = \(12, 1\)"),
        ({"activation": "softplus"}, "activation is 'softplus', wanted one of"),
        ({"x": np.full((12, 2), np.nan)}, "x is nan at index"),
        ({"y": np.full((12, 1), np.nan)}, "y is nan at index"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        gradient_flow(**own_model() | change)


@for_each("alone", [{"y": np.ones((12, 1))}, {"h0": np.zeros(4)}, {"y": 0}, {"h0": 0, "y": 0}])
def test_what_belongs_to_a_model_is_refused_without_one(alone):
    with pytest.raises(ValueError, match=f"params is missing beside {min(alone, key='yh0'.find)}, wanted both"):
        experiments.gradient_flow(**alone)


@for_each("name", ["x", "h0"])
def test_what_is_complex_is_refused_by_name(name):
    model = own_model()
    with pytest.raises(TypeError, match=f"{name} has dtype complex128, wanted real numbers"):
        gradient_flow(**model | {name: model[name] + 0j})
    with pytest.raises(TypeError, match="W_hx has dtype complex128, wanted real numbers"):
        gradient_flow(**model | {"params": model["params"]._replace(W_hx=model["params"].W_hx + 0j)})
