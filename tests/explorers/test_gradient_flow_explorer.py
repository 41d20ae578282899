"""The explorer of the gradient's reach: its presets, its sentences, and a reader's own model."""

import itertools
import re
import sys

import numpy as np
import pytest
from driving import check, drive, own_model, same, shown
from loops import for_each
from steady import at_rest, blank, check_texts, frames, plain

from d2lbptt import Params, experiments, explorers, init_params
from d2lbptt.activations import ACTIVATIONS, Activation
from d2lbptt.figures._flow import _GradientFlowPicture

module = sys.modules["d2lbptt.explorers._gradient_flow"]


def said(explorer, **values):
    """Sentence and details in plain text, after these values."""
    for key, value in values.items():
        explorer.controls[key].value = value
    assert explorer.error is None
    found = module._words(explorer.state["controls"], explorer.state["data"])
    return plain(found.sentence), " ".join(map(plain, found.details))


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
    for preset, fate in {"vanishing": ["vanishes"], "edge": [], "exploding": ["explodes"]}.items():
        sentence, _ = said(explorer, preset=preset)
        assert [word for word in ("vanishes", "explodes") if f": it {word}" in sentence] == fate
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
    sentence, details = said(explorer, activation="identity", kind="identity", g=0.5, T=1000, tau=999)
    # 0.5^999 is 10^(-300.7): the identity matrix halves the gradient at each of 999 steps
    assert sentence == (
        "With the identity and g = 0.50, the gradient shrinks 10^301-fold over T = 1000 steps: it vanishes; "
        "the window τ = 999 drops the first step."
    )
    assert details == (
        "|∂L/∂h_1| is 2 · 10^-301 times |∂L/∂h_1000|. "
        "The window ends at h_2: nothing reaches the state before. "
        "ρ = 0.50 and σ_max = 0.50. With enough steps vanishing is certain: σ_max < 1 is sufficient, in every step. "
        "Theory, c ρ^k with the slopes in front, is 0.00 decades off at t = 1. "
        "W_hh: identity, seed 0. Loss: at the last step. Decades of the axis: as needed."
    )
    sentence, _ = said(explorer, g=3)
    assert "grows 10^477-fold" in sentence and "explodes" in sentence  # 999 log10 3
    sentence, details = said(explorer, g=0)
    assert "becomes exactly 0" in sentence and "it vanishes" in sentence and "|∂L/∂h_1| is exactly 0." in details
    sentence, _ = said(explorer, g=1)
    assert "keeps its size over T = 1000 steps; the window" in sentence
    assert "nothing to carry back over T = 1 step; the window τ = 1 keeps everything" in said(explorer, T=1)[0]


def test_a_loss_at_every_step_hides_the_vanishing_and_the_details_say_why():
    explorer = explorers.gradient_flow()
    sentence, details = said(explorer, reduction="mean")
    data = explorer.state["data"]
    assert "and a loss per step, the gradient grows" in sentence and "hardly changes its size" in sentence
    assert abs(data.truncated[0] - data.full[0]) < np.log10(1.005)
    assert "Every step has a loss of its own" in details
    assert "W_hh alone does not decide: σ_max > 1 is necessary to explode" in details
    alone = re.search("of that at T alone, 10\\^(-?[0-9]+) arrives", details)
    assert float(alone[1]) == pytest.approx(data.last[0] - data.last[-1], abs=0.05)
    assert "vanishing of each single loss is certain: σ_max < 1" in said(explorer, g=0.4)[1]
    sentence, _ = said(explorer, activation="identity", kind="identity", g=1.0)
    # of 200 equal losses with a weight of 1 each the window lets 30 through; the two ends are a mean over units apart
    share = 10 ** (explorer.state["data"].truncated[0] - explorer.state["data"].full[0])
    assert f"leaves {share:.3g} of it" in sentence


def test_what_overflows_is_shown_for_the_longest_T_that_does_not():
    params = init_params(1, 8, 1, scale=10.0, kind="identity")
    explorer = explorers.gradient_flow(params=params, x=np.ones((1000, 1)), activation="relu")
    # states grow like 10^t: they pass 1.8e308 within a few steps of t = 308
    T = len(explorer.state["data"].full)
    assert 300 < T < 315
    sentence, details = said(explorer)
    assert f"over {T} of 1000 steps, then it overflows" in sentence
    assert f"first at t = {T + 1}: T = {T} is shown." in details
    check(explorer)


@for_each(
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
    _, details = said(explorers.gradient_flow(), **change)
    W = init_params(1, 64, 1, scale=change["g"], kind=change.get("kind", "gaussian")).W_hh
    rho, sigma_max = np.abs(np.linalg.eigvals(W)).max(), np.linalg.norm(W, 2)
    sizes = "ρ = 1 and σ_max = 1." if "kind" in change else f"ρ = {rho:.2f} and σ_max = {sigma_max:.2f}."
    assert sizes in details and certain in details
    assert not re.search("gamma|sigma_max|rho|lambda", details)


@for_each("reduction", ["last", "mean"])
@for_each(("g", "kind"), [(0.3, "gaussian"), (1.3, "orthogonal")])
@for_each("activation", ["tanh", "identity", "sigmoid"])
def test_gradient_flow_says_how_far_theory_is_off(activation, g, kind, reduction):
    settings = {"activation": activation, "kind": kind, "g": g, "T": 60, "reduction": reduction}
    explorer = explorers.gradient_flow()
    data, _ = shown(explorer, **settings)
    off, (_, details) = abs(data.theory[0] - (data.last[0] - data.last[-1])), said(explorer)
    assert f"is {off:.1f} decades off" in details or f"is {off:.2f} dec" in details


def with_weights(W_hh, W_qh, T=20):
    W_hh, W_qh = np.array(W_hh, float), np.array(W_qh, float)
    params = Params(np.ones((len(W_hh), 1)), W_hh, W_qh)
    return explorers.gradient_flow(params=params, x=np.zeros((T, 1)), activation="identity")


def test_where_there_is_no_law_of_rho_the_sentence_says_why():
    jordan = with_weights([[0.5, 1], [0, 0.5]], [[1, 1]])
    assert "W_hh is not diagonalizable" in said(jordan)[1] and jordan.state["data"].theory is None
    drive(jordan)
    apart = with_weights([[0.9, 0], [0, 0.5]], [[0, 1]])  # the loss knows nothing of the larger eigenvalue
    assert "says 0: the loss has no share in the eigenvectors of ρ" in said(apart)[1]
    drive(apart)
    single = with_weights([[0.5]], [[2]])
    assert "is 0.00 decades off" in said(single)[1]
    drive(single)


def test_where_the_gradient_ends_theory_says_what_it_would_be():
    explorer = explorers.gradient_flow()
    _, details = said(explorer, T=100, activation="relu", kind="identity", g=1.0)
    says = re.search(r"slopes in front, says ([0-9.]+)( · 10\^(-?[0-9]+))?\.", details)
    decades = np.log10(float(says[1])) + int(says[3] or 0)
    assert decades == pytest.approx(explorer.state["data"].theory[0], abs=np.log10(1.5))
    assert "says 0 as well." in said(explorer, g=0.0)[1]


@for_each(("number", "words"), [(0.8312, "0.83"), (1.0, "1"), (0.99996, "0.99996"), (1 + 1e-12, "1")])
def test_a_size_near_1_is_written_with_the_digits_that_tell_it_from_1(number, words):
    assert module._size(number) == words
    assert module._size(0.0) == "0" and module._size(1234.5) == "1234" and module._size(2e-9) == r"$2.00 \cdot 10^{-9}$"


@pytest.mark.slow
@pytest.mark.parametrize("model", [own_model(), own_model(q=3), own_model(B=4), own_model(T=1)])
@pytest.mark.parametrize("activation", ["tanh", "identity", "relu"])
def test_the_readers_own_model(model, activation):
    explorer = explorers.gradient_flow(**model, activation=activation)
    assert explorer.state["controls"]["g"] == 1 and explorer.state["controls"]["T"] == len(model["x"])
    drive(explorer)


@for_each(
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


@for_each("alone", [{"y": np.ones((12, 1))}, {"h0": np.zeros(4)}, {"y": 0}, {"h0": 0, "y": 0}])
def test_what_belongs_to_a_model_is_refused_without_one(alone):
    with pytest.raises(ValueError, match=f"params is missing beside {min(alone, key='yh0'.find)}, wanted both"):
        explorers.gradient_flow(**alone)


def test_a_loss_that_is_hit_has_nothing_to_carry_back():
    params = init_params(1, 8, 1)
    explorer = explorers.gradient_flow(params=params, x=np.zeros((20, 1)), y=np.zeros((20, 1)))
    sentence, details = said(explorer)
    assert "the gradient is exactly 0 from the start, over T = 20 steps" in sentence and "ρ = " in details
    check(explorer)


def test_the_largest_slope_of_any_activation_stands_in_the_condition(monkeypatch):
    half = Activation("half tanh", lambda z, out: np.tanh(z / 2, out=out), lambda h: (1 - h * h) / 2, bound=0.5)
    monkeypatch.setitem(ACTIVATIONS, "half tanh", half)
    _, details = said(explorers.gradient_flow(), activation="half tanh", g=0.8)
    assert "vanishing is certain: σ_max/2 < 1 is sufficient, in every step" in details


def test_an_activation_that_is_added_is_shown_and_not_another_one(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "leaky", ACTIVATIONS["relu"]._replace(name="leaky"))
    explorer = explorers.gradient_flow(activation="leaky")
    assert explorer.state["controls"]["activation"] == "leaky"
    assert "With leaky and" in said(explorer)[0]


@for_each("scale", [1.0, 30.0])
def test_the_readers_own_model_as_python_gives_the_same_data(scale):
    model = own_model(T=300)
    model["params"] = model["params"]._replace(W_hh=scale * model["params"].W_hh)
    explorer = explorers.gradient_flow(**model, activation="identity")
    explorer.controls["T"].value = 280
    names = dict(model)
    exec(explorer.code, names)
    assert len(names["data"].full) == 280 and same(names["data"], explorer.state["data"])


# --- what is said, over the ranges of the controls ---

ENDS = {"g": (0.0, 1.5, 3.0), "T": (1, 500, 1000), "tau": (1, 100, 200), "seed": (0, 50, 99)}
MENUS = {"activation": list(ACTIVATIONS), "kind": ["gaussian", "orthogonal", "symmetric", "identity"]}
MENUS |= {"reduction": ["last", "mean"], "decades": [None, 10, 400]}
START = {"T": 200, "g": 0.8, "tau": 30, "activation": "tanh", "kind": "gaussian", "seed": 0, "reduction": "last"}


def settings():
    """Each control at its ends and middle or at every option, and settings of all of them drawn at random."""
    single = [{key: value} for key, values in (ENDS | MENUS).items() for value in values]
    rng = np.random.default_rng(0)
    joint = [{key: values[rng.integers(len(values))] for key, values in (ENDS | MENUS).items()} for _ in range(20)]
    for change in single + joint:
        values = START | {"decades": None} | change
        yield values | {"tau": min(values["tau"], values["T"])}


def test_the_sentence_says_what_the_experiment_found():
    """Oracle: the word and the number in the sentence, read again, against the curve."""
    for values in settings():
        asked = {key: value for key, value in values.items() if key != "decades"}
        data = experiments.gradient_flow(**asked)
        sentence = plain(module._words(values, data).sentence)
        change = data.full[0] - data.full[-1]
        assert ("it vanishes" in sentence) == (change <= -3)
        assert ("it explodes" in sentence or "it overflows" in sentence) == (change >= 3)
        told = re.search(r"(shrinks|grows) (10\^)?([0-9.]+)-fold", sentence)
        if told:
            size = float(told[3]) if told[2] else np.log10(float(told[3]))
            assert size == pytest.approx(abs(change), abs=0.51 if told[2] else 0.01)
            assert (told[1] == "grows") == (change > 0)
        else:
            assert len(data.full) == 1 or np.isneginf(change) or abs(change) < np.log10(1.005)


# --- the picture stands still, wide and narrow ---


def laid_out(narrow, **values):
    """The picture at these settings, as it is at rest."""
    whole = blank(_GradientFlowPicture, narrow=narrow)
    at_rest(whole, experiments.gradient_flow(**values), decades=None)
    return whole


@pytest.mark.slow
@for_each("narrow", [False, True])
@for_each("change", [{}, {"g": 3.0}, {"T": 1000, "tau": 990}, {"g": 0.5, "T": 1000}, {"T": 1}])
@for_each("reduction", ["last", "mean"])
def test_every_text_is_inside_and_none_covers_another(narrow, change, reduction):
    check_texts(laid_out(narrow, reduction=reduction, **change))


@for_each("narrow", [False, True])
@for_each("reduction", ["last", "mean"])
def test_nothing_but_the_curves_moves_while_a_slider_is_dragged(narrow, reduction):
    whole = laid_out(narrow, reduction=reduction)
    names = [name.text for name in (*whole.flow._names, *whole.flow.laws)]

    def still():
        return frames(whole), [tuple(name.get_window_extent().bounds) for name in names]

    before = still()
    sweeps = [{"g": g} for g in np.linspace(0, 3, 7)] + [{"T": T} for T in (1, 2, 50, 200, 210, 1000)]
    for change in [*sweeps, *({"tau": tau} for tau in (1, 2, 100, 199, 200))]:
        whole.update(experiments.gradient_flow(reduction=reduction, **change), decades=None)
        assert still() == before
        low, high = whole.flow.ax.get_xlim()
        for part in (whole.flow.window.kept, whole.flow.window.dropped):
            assert not part.get_visible() or low <= part.get_x() <= part.get_x() + part.get_width() <= high


@pytest.mark.slow
def test_the_limits_go_in_few_steps_and_none_of_them_is_where_a_slider_often_stands():
    def limits(**values):
        return blank(_GradientFlowPicture).limits(experiments.gradient_flow(**values), decades=None)

    lengths = {T: limits(T=T)[0] for T in (1, 10, 50, 100, 200, 205, 500, 1000)}
    assert all(limit > T for T, limit in lengths.items() if T < 1000) and lengths[200] == lengths[205]
    for each in zip(*(limits(g=g) for g in np.linspace(0, 3, 31)), strict=True):
        assert len(set(each)) <= 4 and np.count_nonzero(np.diff(each)) <= 5
    whole = blank(_GradientFlowPicture)
    assert whole.limits(experiments.gradient_flow(), decades=400)[1] == 400


def test_the_bar_shows_the_window_and_its_word_stands_in_what_is_dropped():
    whole = laid_out(False)
    for tau in range(1, 201, 9):
        whole.update(experiments.gradient_flow(tau=tau), decades=None)
        bar = whole.flow.window
        assert (bar.kept.get_x(), bar.kept.get_x() + bar.kept.get_width()) == (200 - tau + 0.5, 200.5)
        assert bar.tau.get_text() == f"τ = {tau}"
        assert bar.words.get_visible() or tau > 120
        if bar.words.get_visible():
            word, part = bar.words.get_window_extent(), bar.dropped.get_window_extent()
            assert part.x0 <= word.x0 and word.x1 <= part.x1 and part.y0 - 2 <= word.y0 and word.y1 <= part.y1 + 2
    whole.update(experiments.gradient_flow(tau=200), decades=None)
    assert whole.flow.window.kept.get_x() == whole.flow.ax.get_xlim()[0] and not whole.flow.window.edge.get_visible()
