"""What is known of an activation stands in one place, and one more entry there is all that a new one needs.

A leaky relu is added, phi(z) = z for z > 0 and A z below. Oracles: its forward pass as a loop and its gradient by brute
force (oracles.py), whole trees of nested functions for every pair (t, k); its Gaussian moments by symmetry. Every
public function that takes an activation, by name or inside a trace, must then work or refuse it by name. A curve that
bends everywhere and has no bound, arsinh, shows who refuses.
"""

import importlib
import inspect

import mpmath
import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import trace_of
from test_walk import SPECS, callables, modules

from d2lbptt import Trace, backward, check_gradients, forward, init_params, laws, log10_gradient_norms, loss
from d2lbptt.activations import ACTIVATIONS, Activation, _gaussian_moments
from d2lbptt.growth.scales import sweep, theory
from d2lbptt.truncation.pairs import growth_per_step

A = 0.1


def leaky(z, out=None):
    return np.multiply(z, np.where(np.real(z) > 0, 1.0, A), out=out)


def leaky_slope(h):
    return np.where(h.real > 0, 1.0, A).astype(h.dtype)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    """Add the entries, and tell the oracles of the leaky relu."""
    new = Activation("leaky", leaky, leaky_slope, bound=1.0, kinks=(0.0,), homogeneous=True)
    monkeypatch.setitem(ACTIVATIONS, "leaky", new)
    monkeypatch.setitem(ACTIVATIONS, "arsinh", Activation("arsinh", np.arcsinh, lambda h: 1 / np.cosh(h), bound=1.0))
    monkeypatch.setitem(oracles.VALUES, "leaky", leaky)
    monkeypatch.setitem(oracles.SLOPES, "leaky", lambda z: np.where(np.real(z) > 0, 1.0, A))


def a_problem(seed=0, T=6, B=None, **names):
    names = {"activation": "leaky", "loss": "squared_error", "reduction": "mean", **names}
    return oracles.random_problem(np.random.default_rng(seed), T, B, 2, 3, 2, **names)


# --- what a field says is so ---


@for_each("name", [*ACTIVATIONS, "leaky"])
def test_what_a_field_says_of_phi_is_so(name):
    phi, z = ACTIVATIONS[name], np.linspace(-8, 8, 4001)
    h = phi.value(z, None)
    slopes = phi.slope(h)
    away = np.all([np.abs(z - kink) > 1e-2 for kink in phi.kinks] or [z < np.inf], axis=0)
    difference = (phi.value(z + 1e-6, None) - phi.value(z - 1e-6, None)) / 2e-6
    np.testing.assert_allclose(slopes[away], difference[away], atol=1e-8)
    assert np.abs(slopes).max() == pytest.approx(phi.bound, rel=1e-6)
    assert np.abs(h).max() == pytest.approx(phi.largest, rel=1e-3) if phi.largest < np.inf else np.abs(h).max() > 7
    assert phi.homogeneous == np.allclose(phi.value(3 * z, None), 3 * h, rtol=1e-14)
    assert phi.linear == (np.ptp(slopes) == 0)
    left, right = (phi.slope(phi.value(np.array([kink + side for kink in phi.kinks]), None)) for side in (-1e-9, 1e-9))
    assert np.all(left != right)
    if phi.analytic:
        step = phi.value(z + 1e-30j, None).imag / 1e-30
        np.testing.assert_allclose(step, slopes, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("name", ["identity", "relu", "leaky"])
def test_the_moments_of_a_homogeneous_phi_are_those_by_symmetry(name):
    """phi^2 is z^2 on one side and c^2 z^2 on the other, and z has each sign in half of the draws."""
    c = {"identity": 1, "relu": 0, "leaky": A}[name]
    q = np.array([0, 1e-9, 0.3, 1, 50.0])
    squares, slopes = _gaussian_moments(ACTIVATIONS[name], q)
    np.testing.assert_allclose(squares, (1 + c**2) / 2 * q, rtol=1e-13)
    np.testing.assert_allclose(slopes, (1 + c**2) / 2, rtol=1e-13)


@pytest.mark.parametrize("q", [0.01, 1.0, 30.0])
def test_the_moments_of_tanh_in_many_digits(q):
    def mean(f):
        density = lambda x: mpmath.exp(-(x**2) / 2) / mpmath.sqrt(2 * mpmath.pi)  # noqa: E731
        return float(mpmath.quad(lambda x: f(mpmath.tanh(mpmath.sqrt(q) * x)) * density(x), [-12, -3, 0, 3, 12]))

    got = _gaussian_moments(ACTIVATIONS["tanh"], q)
    assert got == pytest.approx((mean(lambda h: h**2), mean(lambda h: (1 - h**2) ** 2)), rel=1e-11)


# --- the leaky relu, by independent oracles ---


@for_each("B", [None, 3])
@for_each("name", oracles.LOSSES)
def test_forward_and_backward_are_those_of_the_brute_force(B, name):
    problem = a_problem(B=B, loss=name)
    trace = trace_of(problem)
    for b, single in enumerate(problem.sequences()):
        _, h, o = oracles.textbook_forward(single)
        np.testing.assert_allclose(trace.h if B is None else trace.h[:, b], h, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(trace.o if B is None else trace.o[:, b], o, rtol=1e-13, atol=1e-15)
    assert loss(trace, problem.y, **problem.options) == pytest.approx(oracles.textbook_loss(problem), rel=1e-13)
    oracles.assert_gradients_agree(backward(trace, problem.y, **problem.options), problem)


def test_the_check_passes_what_is_right_and_finds_what_is_wrong():
    problem = a_problem()
    given = {"h0": problem.h0, "activation": "leaky"}
    assert check_gradients(problem.params, problem.x, problem.y, **given).verdict == "PASS"

    def with_slopes_of_relu(trace, y):
        return backward(trace._replace(activation="relu"), y)

    assert (
        check_gradients(problem.params, problem.x, problem.y, gradient=with_slopes_of_relu, **given).verdict == "FAIL"
    )


def test_a_sweep_is_one_network_after_the_other():
    scales, T = [0.5, 1.4], 60
    found = sweep(scales, (0, 1), T, num_hiddens=16, activation="leaky")
    for i, seed in enumerate(found.seeds):
        for row, g in zip(found.decades[:, i], scales, strict=True):
            x = 0.1 * np.random.default_rng((seed, 1)).normal(size=(T, 1))
            trace = forward(init_params(1, 16, 1, scale=g, seed=seed), x, activation="leaky")
            want = log10_gradient_norms(trace, np.zeros((T, 1)), reduction="last")
            np.testing.assert_allclose(row, want - want[-1], rtol=0, atol=1e-9)


def test_its_mean_field_is_that_of_half_the_slopes_and_its_networks_follow():
    """chi = g^2 (1 + A^2) / 2 in every step; seen in networks within a tenth of a decade a step."""
    scales, T = [0.5, 1.4], 30
    given = {"num_hiddens": 512, "activation": "leaky"}
    law = theory(scales, (0, 1), T, **given)
    want = np.arange(T) * np.log10(np.array(scales) * np.sqrt((1 + A**2) / 2))[:, None]
    assert law.law == "mean field"
    for seed in (0, 1):
        np.testing.assert_allclose(law.by_lag[:, seed], want, rtol=0, atol=1e-12)
    found = sweep(scales, (0, 1), T, **given).by_lag
    assert np.abs(found - law.by_lag)[..., 10].max() < 1


def test_the_bound_and_the_conditions_take_the_bound_of_its_slope():
    W = np.diag([0.9, 0.2])
    assert laws.log10_bound(W, 7, "leaky") == pytest.approx(7 * np.log10(0.9))
    assert laws.conditions(W, "leaky").vanishing == "certain"
    assert laws.conditions(2 * W, "leaky").exploding == "undecided"  # for the identity it would be certain


def test_a_linear_phi_of_another_slope_is_one_of_the_linear_ones(monkeypatch):
    """phi(z) = 2 z and W are the identity and 2 W."""
    double = Activation(
        "double", lambda z, out: np.multiply(2, z, out=out), lambda h: 2 * np.ones_like(h), 2.0, homogeneous=True
    )
    monkeypatch.setitem(ACTIVATIONS, "double", double)
    W = init_params(1, 5, 1, scale=0.45, seed=3).W_hh
    got, want = laws.conditions(W, "double"), laws.conditions(2 * W, "identity")
    assert (got.vanishing, got.exploding, got.because) == (want.vanishing, want.exploding, want.because)
    given = {"num_hiddens": 5, "T": 30, "seeds": (0,)}
    for function in (sweep, theory):
        one, two = function([0.4], activation="double", **given), function([0.8], activation="identity", **given)
        np.testing.assert_allclose(one.by_lag, two.by_lag, rtol=0, atol=1e-12)
    params, x = init_params(1, 5, 1, seed=3), np.ones((4, 1))
    trace, linear = (forward(params, x, activation=name) for name in ("double", "identity"))
    assert growth_per_step(trace, trace.o) == pytest.approx(2 * growth_per_step(linear, linear.o))


# --- every public function that takes one ---

REFUSED = {
    "leaky": {"laws.mean_field", "laws.edge_of_chaos", "checking.step_size.step_sizes", "frameworks.to_torch"},
    "arsinh": {
        "laws.mean_field",
        "laws.edge_of_chaos",
        "growth.scales.theory",
        "experiments.phase_diagram",
        "frameworks.to_torch",
    },
}
NAMED = ("activation", "phi", "theta")


def taking(*names):
    """The public functions with an argument of one of these names, and which: (key, name)."""
    found = [(key, function) for module in sorted(modules()) for key, function in callables(module)]
    return [(key, name) for key, f in found for name in inspect.signature(f).parameters if name in names]


OF_A_TRACE = [(key, name) for key, name in taking("trace") if isinstance(SPECS[key].good[name], Trace)]
BY_NAME = [(key, name) for key, name in taking(*NAMED) if str(SPECS[key].good[name]) in ACTIVATIONS]


def called(key, **changed):
    spec = SPECS[key]
    given = {name: good() if getattr(good, "fresh", False) is True else good for name, good in spec.good.items()}
    found = spec.function(**{**given, **changed})
    return list(found) if inspect.isgenerator(found) else found


def test_the_walk_finds_those_who_take_an_activation():
    found = {key for key, _ in BY_NAME}
    assert {
        "rnn.forward",
        "scalar.scalar_rnn",
        "laws.conditions",
        "text.training.train",
        "experiments.with_tanh",
    } <= found
    assert set.union(*REFUSED.values()) <= found


@pytest.mark.parametrize("activation", REFUSED)
@pytest.mark.parametrize(("key", "argument"), BY_NAME)
def test_who_takes_an_activation_takes_a_new_one_or_refuses_it_by_name(key, argument, activation):
    if SPECS[key].needs:
        pytest.importorskip(SPECS[key].needs, reason=f"{SPECS[key].needs} is not installed")
    if key in REFUSED[activation]:
        with pytest.raises(ValueError, match=f"^activation is '{activation}', wanted one of [a-z, ]+$") as refused:
            called(key, **{argument: activation})
        wanted = str(refused.value).partition("one of ")[2].split(", ")
        assert "tanh" in wanted and activation not in wanted
    else:
        assert called(key, **{argument: activation}) is not None


@for_each("activation", REFUSED)
@for_each(("key", "argument"), OF_A_TRACE)
def test_who_takes_a_trace_takes_that_of_a_new_activation(key, argument, activation):
    good = SPECS[key].good["trace"]
    trace = forward(good.params, good.x, h0=good.h[0], activation=activation)
    assert called(key, trace=trace) is not None


def test_a_name_that_is_none_is_refused_with_all_that_there_are():
    with pytest.raises(ValueError, match=r"^activation is 'swish', wanted one of .*, leaky, arsinh$"):
        forward(init_params(1, 1, 1), np.ones((2, 1)), activation="swish")
    assert importlib.import_module("d2lbptt.scalar").scalar_rnn(0.5, 1.0, [1.0], [0.0], phi="leaky").h[1] == 1
