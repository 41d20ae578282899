"""The explorer of the gradient's reach: its presets, its sentences, and a reader's own model."""

import itertools
import re

import numpy as np
import pytest
from driving import check, drive, own_model, same, shown

from d2lbptt import Params, explorers, init_params
from d2lbptt.activations import ACTIVATIONS, Activation
from d2lbptt.explorers._words import size


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["last", "mean"])
@pytest.mark.parametrize("activation", ["tanh", "identity", "relu", "sigmoid"])
def test_corners_of_gradient_flow(activation, reduction):
    explorer = explorers.gradient_flow()
    explorer.controls["activation"].value = activation
    explorer.controls["reduction"].value = reduction
    corners = itertools.product([1, 2, 1000], [0.0, 1.0, 3.0], ["gaussian", "identity"], [1, 3])
    for T, g, kind, tau in corners:
        for key, value in {"T": T, "g": g, "kind": kind, "tau": min(tau, T)}.items():
            explorer.controls[key].value = value
        check(explorer)
        assert len(explorer.state["data"].full) == T or explorer.state["data"].overflow


def test_presets_do_what_they_say():
    explorer = explorers.gradient_flow()
    for preset, words in {"vanishing": ": vanishing", "edge": "neither", "exploding": ": exploding"}.items():
        explorer.controls["preset"].value = preset
        assert words in explorer.state["sentence"]
    explorer.controls["g"].value += 0.01
    assert explorer.controls["preset"].value == ""


def test_tau_follows_T_and_comes_back_with_reset():
    explorer = explorers.gradient_flow()
    explorer.controls["T"].value = 5
    assert explorer.controls["tau"].max == explorer.controls["tau"].value == 5
    explorer.reset()
    assert (explorer.controls["T"].value, explorer.controls["tau"].value) == (200, 30)


def test_sentence_in_words_and_numbers():
    explorer = explorers.gradient_flow()
    for key, value in {"activation": "identity", "kind": "identity", "g": 0.5, "T": 2000 // 2, "tau": 999}.items():
        explorer.controls[key].value = value
    # 0.5^999 is 10^(-300.7): the identity matrix halves the gradient at each of 999 steps
    assert explorer.state["sentence"] == (
        "T = 1000, g = 0.50, identity: |dL/dh_1| is 10^-301 of |dL/dh_1000|: vanishing. "
        "The window τ = 999 ends at h_2: nothing reaches the state before. "
        "ρ = 0.50, σ_max = 0.50. With enough steps vanishing is certain: σ_max < 1 is sufficient, in every step. "
        "Theory, c ρᵏ with the slopes in front, is 0.00 decades off at t = 1."
    )
    explorer.controls["g"].value = 3
    assert "10^477 of" in explorer.state["sentence"] and "exploding" in explorer.state["sentence"]  # 999 log10 3
    explorer.controls["g"].value = 0
    assert "dL/dh_1 is exactly 0: vanishing" in explorer.state["sentence"]
    explorer.controls["T"].value = 1
    assert "nothing to carry back" in explorer.state["sentence"]


def test_a_loss_at_every_step_hides_the_vanishing_and_the_sentence_says_why():
    explorer = explorers.gradient_flow()
    explorer.controls["reduction"].value = "mean"
    assert "Every step has a loss of its own" in explorer.state["sentence"]
    assert "W_hh alone does not decide: σ_max > 1 is necessary to explode" in explorer.state["sentence"]
    explorer.controls["g"].value = 0.4
    assert "vanishing of each single loss is certain: σ_max < 1" in explorer.state["sentence"]
    explorer.controls["g"].value = 0.8
    assert explorers.gradient_flow().state["sentence"].split("|dL/dh_1| is ")[1][:7] in explorer.state["sentence"]


def test_what_overflows_is_shown_for_the_longest_T_that_does_not():
    params = init_params(1, 8, 1, scale=10.0, kind="identity")
    explorer = explorers.gradient_flow(params=params, x=np.ones((1000, 1)), activation="relu")
    # states grow like 10^t: they pass 1.8e308 within a few steps of t = 308
    T = len(explorer.state["data"].full)
    assert 300 < T < 315
    assert f"first at t = {T + 1}, so T = {T} is shown" in explorer.state["sentence"]
    check(explorer)


@pytest.mark.parametrize(
    ("change", "certain"),
    [
        ({"g": 0.4}, "With enough steps vanishing is certain: σ_max < 1 is sufficient, in every step"),
        ({"g": 1.5, "activation": "sigmoid"}, "vanishing is certain: σ_max/4 < 1 is sufficient, in every step"),
        ({"g": 2.5, "activation": "sigmoid"}, "does not decide: σ_max/4 > 1 is necessary to explode, not sufficient"),
        ({"g": 0.8, "activation": "identity"}, "vanishing is certain: linear and ρ < 1, in the long run"),
        ({"g": 1.2, "activation": "identity"}, "exploding is certain for almost every gradient: linear and ρ > 1"),
        (
            {"g": 1.0, "kind": "identity", "activation": "relu"},
            "Exploding is excluded: σ_max = 1, no step lets it grow",
        ),
        ({"g": 0.8}, "W_hh alone does not decide: σ_max > 1 is necessary to explode, not sufficient"),
    ],
)
def test_gradient_flow_says_what_W_hh_makes_certain(change, certain):
    explorer = explorers.gradient_flow()
    for key, value in change.items():
        explorer.controls[key].value = value
    W = init_params(1, 64, 1, scale=change["g"], kind=change.get("kind", "gaussian")).W_hh
    rho, sigma_max = np.abs(np.linalg.eigvals(W)).max(), np.linalg.norm(W, 2)
    sizes = "ρ = 1, σ_max = 1." if "kind" in change else f"ρ = {rho:.2f}, σ_max = {sigma_max:.2f}."
    assert sizes in explorer.state["sentence"] and certain in explorer.state["sentence"]
    assert not re.search("gamma|sigma_max|rho", explorer.state["sentence"])


@pytest.mark.parametrize("reduction", ["last", "mean"])
@pytest.mark.parametrize(("g", "kind"), [(0.3, "gaussian"), (1.3, "orthogonal")])
@pytest.mark.parametrize("activation", ["tanh", "identity", "sigmoid"])
def test_gradient_flow_says_how_far_theory_is_off(activation, g, kind, reduction):
    settings = {"activation": activation, "kind": kind, "g": g, "T": 60, "reduction": reduction}
    data, sentence = shown(explorers.gradient_flow(), **settings)
    off = abs(data.theory[0] - (data.last[0] - data.last[-1]))
    assert f"is {off:.1f} decades off" in sentence or f"is {off:.2f} dec" in sentence


def with_weights(W_hh, W_qh, T=20):
    W_hh, W_qh = np.array(W_hh, float), np.array(W_qh, float)
    params = Params(np.ones((len(W_hh), 1)), W_hh, W_qh)
    return explorers.gradient_flow(params=params, x=np.zeros((T, 1)), activation="identity")


def test_where_there_is_no_law_of_rho_the_sentence_says_why():
    jordan = with_weights([[0.5, 1], [0, 0.5]], [[1, 1]])
    assert "W_hh is not diagonalizable" in jordan.state["sentence"] and jordan.state["data"].theory is None
    drive(jordan)
    apart = with_weights([[0.9, 0], [0, 0.5]], [[0, 1]])  # the loss knows nothing of the larger eigenvalue
    assert "says 0: the loss has no share in the eigenvectors of ρ" in apart.state["sentence"]
    drive(apart)
    single = with_weights([[0.5]], [[2]])
    assert "is 0.00 decades off" in single.state["sentence"]
    drive(single)


def test_where_the_gradient_ends_theory_says_what_it_would_be():
    explorer = explorers.gradient_flow()
    for key, value in {"T": 100, "activation": "relu", "kind": "identity", "g": 1.0}.items():
        explorer.controls[key].value = value
    theory = explorer.state["data"].theory
    assert f"slopes in front, says {10 ** theory[0]:.1e}." in explorer.state["sentence"]
    explorer.controls["g"].value = 0.0
    assert "says 0 as well." in explorer.state["sentence"]


@pytest.mark.parametrize(("number", "words"), [(0.8312, "0.83"), (1.0, "1"), (0.99996, "0.99996"), (1 + 1e-12, "1")])
def test_a_size_near_1_is_written_with_the_digits_that_tell_it_from_1(number, words):
    assert size(number) == words
    assert size(0.0) == "0" and size(1234.5) == "1.23e+03"


@pytest.mark.slow
@pytest.mark.parametrize("model", [own_model(), own_model(q=3), own_model(B=4), own_model(T=1)])
@pytest.mark.parametrize("activation", ["tanh", "identity", "relu"])
def test_the_readers_own_model(model, activation):
    explorer = explorers.gradient_flow(**model, activation=activation)
    assert explorer.state["controls"]["g"] == 1 and explorer.state["controls"]["T"] == len(model["x"])
    drive(explorer)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": None}, "x is missing"),
        ({"params": None}, "params is missing"),
        ({"x": np.ones((4, 3))}, r"x has shape \(4, 3\), wanted"),
        ({"y": np.ones((12, 2))}, r"y has shape \(12, 2\), wanted that of the outputs = \(12, 1\)"),
        ({"activation": "softplus"}, "activation is 'softplus', wanted one of"),
        ({"x": np.full((12, 2), np.nan)}, "x is nan at index"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_at_once(change, words):
    with pytest.raises(ValueError, match=words):
        explorers.gradient_flow(**own_model() | change)


@pytest.mark.parametrize("alone", [{"y": np.ones((12, 1))}, {"h0": np.zeros(4)}, {"y": 0}, {"h0": 0, "y": 0}])
def test_what_belongs_to_a_model_is_refused_without_one(alone):
    with pytest.raises(ValueError, match=f"params is missing beside {min(alone, key='yh0'.find)}, wanted both"):
        explorers.gradient_flow(**alone)


def test_a_loss_that_is_hit_has_nothing_to_carry_back():
    params = init_params(1, 8, 1)
    explorer = explorers.gradient_flow(params=params, x=np.zeros((20, 1)), y=np.zeros((20, 1)))
    assert "dL/dh_20 is exactly 0, so there is nothing to carry back. ρ = " in explorer.state["sentence"]
    check(explorer)


def test_the_largest_slope_of_any_activation_stands_in_the_condition(monkeypatch):
    half = Activation("half tanh", lambda z, out: np.tanh(z / 2, out=out), lambda h: (1 - h * h) / 2, bound=0.5)
    monkeypatch.setitem(ACTIVATIONS, "half tanh", half)
    _, sentence = shown(explorers.gradient_flow(), activation="half tanh", g=0.8)
    assert "vanishing is certain: σ_max/2 < 1 is sufficient, in every step" in sentence


def test_an_activation_that_is_added_is_shown_and_not_another_one(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "leaky", ACTIVATIONS["relu"]._replace(name="leaky"))
    explorer = explorers.gradient_flow(activation="leaky")
    assert explorer.state["controls"]["activation"] == "leaky"
    assert explorer.error is None and "leaky" in explorer.state["sentence"]


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_readers_own_model_as_python_gives_the_same_data(scale):
    model = own_model(T=300)
    model["params"] = model["params"]._replace(W_hh=scale * model["params"].W_hh)
    explorer = explorers.gradient_flow(**model, activation="identity")
    explorer.controls["T"].value = 280
    names = dict(model)
    exec(explorer.code, names)
    assert len(names["data"].full) == 280 and same(names["data"], explorer.state["data"])
