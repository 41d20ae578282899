"""Every explorer, driven to the ends and the middle of each of its controls; a notebook runner would not notice."""

import base64
import html
import io
import itertools
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from d2lbptt import Params, backward, explorers, forward, init_params
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.explorers import _live as live
from d2lbptt.explorers._gradient_flow import size

NAMES = explorers.__all__
each_explorer = pytest.mark.parametrize("name", NAMES)


def settings(control):
    """The ends and the middle of a slider, every option of a menu."""
    if isinstance(control, widgets.Dropdown):
        return [value for _, value in control._options_full]
    middle = (control.min + control.max) / 2
    return [control.min, type(control.value)(middle), control.max]


def check(explorer):
    """The explorer is alive: no error, a picture, and a sentence, all of the present values of its controls."""
    assert explorer.error is None, explorer.state["sentence"]
    assert explorer.state["controls"] == {key: live._value(c) for key, c in explorer.controls.items()}
    page = explorer._image.value
    png = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', page)[1])
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("L")))) > 20
    assert f'alt="{html.escape(explorer.state["sentence"])}"' in page
    assert html.escape(explorer.state["sentence"]) in explorer._sentence.value
    return png


def drive(explorer):
    """Move each control to its ends and its middle, from where the others start."""
    check(explorer)
    for control in explorer.controls.values():
        for value in settings(control):
            control.value = value
            check(explorer)
        explorer.reset()
        check(explorer)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "phase_diagram")) for n in NAMES])
def test_every_control_at_its_ends_and_in_the_middle(name):
    drive(getattr(explorers, name)())


@each_explorer
def test_a_planted_exception_is_noticed(name, monkeypatch):
    explorer = getattr(explorers, name)()
    monkeypatch.setattr(explorer, "_words", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        drive(explorer)


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
        assert explorer.state["data"].T == T or explorer.state["data"].overflow


def test_every_sentence_and_picture_depends_on_the_values_alone():
    # Back where it was, an explorer shows to the last pixel what a new one shows: nothing stale is left over.
    moved, fresh = explorers.gradient_flow(), explorers.gradient_flow()
    for key, value in {"T": 5, "g": 2.5, "reduction": "mean", "activation": "identity", "T ": 1000}.items():
        moved.controls[key.strip()].value = value
    moved.reset()
    assert check(moved) == check(fresh)
    assert moved.state["sentence"] == fresh.state["sentence"]
    assert moved.state["controls"] == fresh.state["controls"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_saving_leaves_the_picture_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explorers.gradient_flow()
    before = check(explorer)
    explorer.controls["preset"].value = "exploding"
    explorer.buttons[kind].click()
    explorer.reset()
    assert check(explorer) == before


def test_blitted_picture_is_the_saved_picture():
    explorer = explorers.gradient_flow()
    explorer.controls["g"].value = 0.9
    blitted = np.asarray(Image.open(io.BytesIO(check(explorer))).convert("RGB")).astype(int)
    out = io.BytesIO()
    explorer._picture.figure.savefig(out, format="png")
    whole = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert np.mean(np.abs(blitted - whole) > 40) < 0.002


@each_explorer
def test_the_last_picture_belongs_to_the_last_value(name):
    # As when a browser's messages and a cell's code arrive on two threads.
    explorer = getattr(explorers, name)()
    control = next(c for c in explorer.controls.values() if isinstance(c, widgets.FloatSlider))

    def move(values):
        for value in values:
            control.value = float(value)

    ranges = np.linspace(control.min, control.max, 15), np.linspace(control.max, control.min, 15)
    threads = [threading.Thread(target=move, args=(values,)) for values in ranges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(explorer)


def test_failure_is_one_readable_line_in_place_of_the_picture_and_passes(monkeypatch):
    explorer = explorers.gradient_flow()

    def fail(**values):
        raise FloatingPointError("a line\nwith <breaks>")

    with monkeypatch.context() as planted:
        planted.setattr(explorer, "_experiment", fail)
        explorer.controls["g"].value = 0.5
        assert isinstance(explorer.error, FloatingPointError)
        assert "<img" not in explorer._image.value
        assert "FloatingPointError: a line with &lt;breaks&gt;" in explorer._image.value
        assert explorer.state["data"] is None and explorer.state["controls"]["g"] == 0.5
        assert explorer.code == "" and explorer._sentence.value == ""
        explorer.buttons["svg"].click()
        assert "no picture to save" in explorer._message.value
    explorer.controls["g"].value = 0.6
    check(explorer)


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
    data = explorer.state["data"]
    assert abs(data.full[0] - data.full[-1]) < 1 and data.last[0] - data.last[-1] < -15
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
    T = explorer.state["data"].T
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


def long_run(W, v, k):
    """log10 |c rho^k|, from the eigenvectors of W whose |lambda| is largest; independent of ``laws``."""
    values, vectors = np.linalg.eig(W)
    share = np.linalg.solve(vectors, v.astype(complex)) * (np.abs(values) > np.abs(values).max() * (1 - 1e-9))
    turned = vectors @ (share * (values / np.abs(values).max()) ** k)
    return np.log10(np.linalg.norm(turned.real)) + k * np.log10(np.abs(values).max())


@pytest.mark.parametrize("reduction", ["last", pytest.param("mean", marks=pytest.mark.slow)])
@pytest.mark.parametrize("g", [0.3, 1.3])
@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("activation", ["tanh", "identity", "sigmoid"])
def test_gradient_flow_says_how_far_theory_is_off(activation, kind, g, reduction):
    explorer, T = explorers.gradient_flow(), 60
    for key, value in {"activation": activation, "kind": kind, "g": g, "T": T, "reduction": reduction}.items():
        explorer.controls[key].value = value
    params = init_params(1, 64, 1, scale=g, kind=kind)
    trace = forward(params, 0.1 * np.random.default_rng((0, 1)).normal(size=(T, 1)), activation=activation)
    h = trace.h[1:]
    slopes = {"identity": np.ones_like(h), "tanh": 1 - h**2, "sigmoid": h * (1 - h)}[activation]
    theory = long_run(params.W_hh.T, params.W_qh[0], T - 1) - np.log10(np.linalg.norm(params.W_qh[0]))
    theory += np.log10(np.sqrt(np.mean(slopes[1:] ** 2, axis=1))).sum()
    full = backward(trace, np.ones((T, 1)), reduction="last").h
    found = np.log10(np.linalg.norm(full[0]) / np.linalg.norm(full[-1]))
    data, off = explorer.state["data"], abs(theory - found)
    assert data.theory[0] == pytest.approx(theory, abs=1e-8)
    assert (
        f"is {off:.1f} decades off" in explorer.state["sentence"] or f"is {off:.2f} dec" in explorer.state["sentence"]
    )
    gamma = {"identity": 1, "tanh": 1, "sigmoid": 1 / 4}[activation]
    np.testing.assert_allclose(data.bound, np.log10(gamma * np.linalg.norm(params.W_hh, 2)) * np.arange(T)[::-1])
    assert np.all(data.last - data.last[-1] <= data.bound + 1e-9)
    if activation == "identity":
        assert off < 0.5 and (kind == "gaussian" or off < 1e-9)


def test_a_window_over_many_steps_is_calculated_at_some_of_them():
    explorer = explorers.gradient_flow()
    for key, value in {"reduction": "mean", "T": 1000, "tau": 700}.items():
        explorer.controls[key].value = value
    data, steps = explorer.state["data"], explorer.state["data"].steps
    assert steps[0] == 1 and steps[-1] == 1000 and np.all(np.diff(steps) > 0)
    assert np.diff(steps).max() <= 1000 / 40 and len(steps) < 700 + 50
    trace = forward(
        init_params(1, 64, 1, scale=0.8), 0.1 * np.random.default_rng((0, 1)).normal(size=(1000, 1)), activation="tanh"
    )
    h = backward(trace, np.ones((1000, 1)), window=700).h
    np.testing.assert_allclose(data.truncated, np.log10(np.linalg.norm(h, axis=1))[steps - 1], atol=1e-9)


def with_weights(W_hh, W_qh, T=20):
    W_hh, W_qh = np.array(W_hh, float), np.array(W_qh, float)
    params = Params(np.ones((len(W_hh), 1)), W_hh, W_qh)
    return explorers.gradient_flow(params=params, x=np.zeros((T, 1)), activation="identity")


def test_where_there_is_no_law_of_rho_the_sentence_says_why():
    jordan = with_weights([[0.5, 1], [0, 0.5]], [[1, 1]])
    assert "W_hh is not diagonalizable" in jordan.state["sentence"] and jordan.state["data"].theory is None
    names = pasted(jordan, params=jordan_params(), x=np.zeros((20, 1)), y=np.ones((20, 1)), h0=None)
    assert "theory" not in names
    drive(jordan)
    apart = with_weights([[0.9, 0], [0, 0.5]], [[0, 1]])  # the loss knows nothing of the larger eigenvalue
    assert "says 0: the loss has no share in the eigenvectors of ρ" in apart.state["sentence"]
    drive(apart)
    single = with_weights([[0.5]], [[2]])
    assert "is 0.00 decades off" in single.state["sentence"]
    drive(single)


def jordan_params():
    return Params(np.ones((2, 1)), np.array([[0.5, 1], [0, 0.5]]), np.ones((1, 2)))


def test_where_the_gradient_ends_theory_says_what_it_would_be():
    explorer = explorers.gradient_flow()
    for key, value in {"T": 100, "activation": "relu", "kind": "identity", "g": 1.0}.items():
        explorer.controls[key].value = value
    data = explorer.state[
        "data"
    ]  # every unit has rested at some step: theory, that knows only how many, does not see it
    assert np.isneginf(data.full[0]) and -5 < data.theory[0] < 0
    assert f"slopes in front, says {10 ** data.theory[0]:.1e}." in explorer.state["sentence"]
    explorer.controls["g"].value = 0.0
    assert "says 0 as well." in explorer.state["sentence"]


def test_a_batch_with_several_outputs_has_the_theory_of_all_its_sequences():
    model = own_model(q=3, B=4)
    data = explorers.gradient_flow(**model, activation="tanh").state["data"]
    trace = forward(model["params"], model["x"], h0=model["h0"], activation="tanh")
    W, squares = model["params"].W_hh.T, 0
    for b, error in enumerate((trace.o[-1] - 1) / 4):
        gains = np.sqrt(np.mean((1 - trace.h[2:, b] ** 2) ** 2, axis=1))
        squares += 10 ** (2 * long_run(W, model["params"].W_qh.T @ error, 11)) * np.prod(gains) ** 2
    norm = np.linalg.norm((trace.o[-1] - 1) / 4 @ model["params"].W_qh)
    assert data.theory[0] == pytest.approx(np.log10(squares) / 2 - np.log10(norm), abs=1e-9)
    assert data.slopes.shape == (12, 20)


@pytest.mark.parametrize(("number", "words"), [(0.8312, "0.83"), (1.0, "1"), (0.99996, "0.99996"), (1 + 1e-12, "1")])
def test_a_size_near_1_is_written_with_the_digits_that_tell_it_from_1(number, words):
    assert size(number) == words
    assert size(0.0) == "0" and size(1234.5) == "1.23e+03"


def own_model(q=1, B=None, T=12):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(T, 2) if B is None else (T, B, 2))
    return {"params": init_params(2, 5, q, seed=4, bias=True), "x": x, "h0": rng.normal(size=(*x.shape[1:-1], 5))}


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


def test_an_activation_that_is_added_is_shown_and_not_another_one(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "leaky", ACTIVATIONS["relu"])
    explorer = explorers.gradient_flow(activation="leaky")
    assert explorer.state["controls"]["activation"] == "leaky"
    assert explorer.error is None and "leaky" in explorer.state["sentence"]


def pasted(explorer, **names):
    exec(explorer.code, names)
    return names


@pytest.mark.parametrize("g", [0.7, 3.0])
@pytest.mark.parametrize("reduction", ["last", "mean"])
@pytest.mark.parametrize("activation", ["tanh", "identity", "relu"])
def test_gradient_flow_as_python_gives_the_same_numbers(activation, reduction, g, capsys):
    explorer = explorers.gradient_flow()
    for key, value in {"activation": activation, "reduction": reduction, "g": g, "T": 700, "seed": 3}.items():
        explorer.controls[key].value = value
    names, data = pasted(explorer), explorer.state["data"]
    np.testing.assert_array_equal(names["full"], data.full)
    np.testing.assert_allclose(names["truncated"][data.steps - 1], data.truncated, rtol=1e-12)
    np.testing.assert_allclose(names["theory"] - names["last"][-1], data.theory, atol=1e-8)
    out = capsys.readouterr().out
    assert f"{data.full[0] - data.full[-1]:+.2f} decades" in out and str(data.conditions) in out
    assert f"rho = {data.rho:.4g}, sigma_max = {data.sigma_max:.4g};" in out
    found = data.last[0] - data.last[-1]
    assert f"{found:+.2f} decades, in theory {data.theory[0]:+.2f}: {abs(data.theory[0] - found):.2f} off" in out


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_readers_own_model_as_python_gives_the_same_numbers(scale):
    model = own_model(T=300)
    model["params"] = model["params"]._replace(W_hh=scale * model["params"].W_hh)
    explorer = explorers.gradient_flow(**model, activation="identity")
    explorer.controls["T"].value = 280
    names = pasted(explorer, **model, y=np.ones((300, 1)))
    np.testing.assert_array_equal(names["full"], explorer.state["data"].full)
    assert len(names["full"]) == 280


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", ["forward", "central", "complex"])
def test_corners_of_step_size(method, dtype):
    explorer = explorers.step_size()
    for T, g, h in itertools.product([1, 60], [0.0, 3.0], [-30.0, -7.3, -1.0]):
        explorer.set(method=method, dtype=dtype, T=T, g=g, h=h)
        check(explorer)


def test_the_sentence_of_step_size_says_on_which_side_of_the_best_step_h_is():
    explorer = explorers.step_size()
    for h, words in {-2.0: "h is too large", -9.0: "h is too small", -25.0: "no digit of dL/dW_hh"}.items():
        explorer.controls["h"].value = h
        assert words in explorer.state["sentence"]
    explorer.controls["method"].value = "complex"
    assert "mostly rounding). In theory any h below" in explorer.state["sentence"]
    data = explorer.state["data"]
    assert f"a factor {data.sizes.apart('complex'):.2f} apart" in explorer.state["sentence"]


@each_explorer
def test_saving_never_overwrites(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{name}.svg").write_text("the reader's own")
    explorer = getattr(explorers, name)()
    for kind in ("svg", "png"):
        explorer.buttons[kind].click()
        explorer.buttons[kind].click()
    assert (tmp_path / f"{name}.svg").read_text() == "the reader's own"
    assert ET.parse(tmp_path / f"{name}-2.svg").getroot().tag.endswith("svg")
    assert (tmp_path / f"{name}-2.png").read_bytes() == (tmp_path / f"{name}.png").read_bytes()
    Image.open(io.BytesIO((tmp_path / f"{name}.png").read_bytes())).verify()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [f"{name}.svg", f"{name}-2.svg", f"{name}-3.svg", f"{name}.png", f"{name}-2.png"]
    )
    assert f"saved as {name}-2.png" in explorer._message.value and "download=" in explorer._message.value
    check(explorer)


def test_a_folder_that_cannot_be_written_is_said(monkeypatch):
    explorer = explorers.gradient_flow()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(live, "_new_file", refuse)
    explorer.buttons["png"].click()
    assert "not saved" in explorer._message.value and "Permission denied" in explorer._message.value
    assert 'download="gradient_flow.png"' in explorer._message.value


@each_explorer
def test_what_is_displayed_has_a_picture_for_pages_without_widgets(name):
    explorer = getattr(explorers, name)()
    bundle = explorer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == check(explorer)
    assert bundle["text/plain"] == explorer.state["sentence"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


def test_neither_pyplot_nor_global_settings_are_touched(tmp_path):
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from d2lbptt import explorers\n"
        "for name in explorers.__all__: getattr(explorers, name)().save('svg')\n"
        "assert matplotlib.rcParams.copy() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=tmp_path)


def test_at_most_five_controls_in_sight():
    for name in NAMES:
        explorer = getattr(explorers, name)()
        in_sight = explorer.children[1].children
        assert len(in_sight) <= 5
        assert set(in_sight) <= set(explorer.controls.values())


def test_values_of_a_browser_are_rounded():
    explorer = explorers.gradient_flow()
    explorer.controls["g"].value = 0.9099999999999999
    assert explorer.state["controls"]["g"] == 0.91
    assert "scale=0.91," in explorer.code


def test_weights_of_the_readers_model_stay_as_they_are():
    model = own_model()
    before = [None if W is None else W.copy() for W in model["params"]]
    explorer = explorers.gradient_flow(**model)
    explorer.controls["g"].value = 2.0
    for W, old in zip(model["params"], before, strict=True):
        np.testing.assert_array_equal(W, old)
    assert isinstance(model["params"], Params)


@pytest.mark.parametrize(("make", "name"), [(explorers.gradient_flow, "tau"), (explorers.truncation, "tau")])
def test_what_a_shorter_T_takes_away_comes_back_with_a_longer_one(make, name):
    explorer = make()
    T, control = explorer.controls["T"], explorer.controls[name]
    start = control.value
    T.value = 3
    assert control.value == control.max == 3
    T.value = T.max
    assert control.value == start
    control.value = T.max
    T.value = 50
    T.value = 60
    assert control.value == 60
    control.value = 5
    T.value = 3
    T.value = 60
    assert control.value == 5
    T.value = 3
    explorer.reset()
    assert control.value == start
