"""Every explorer, driven to the ends and the middle of each of its controls; a notebook runner would not notice."""

import base64
import io
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET

import ipywidgets as widgets
import numpy as np
import pytest
from driving import check, drive
from PIL import Image

from d2lbptt import explorers
from d2lbptt.activations import ACTIVATIONS, Activation
from d2lbptt.explorers import _live as live

NAMES = explorers.__all__
each_explorer = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "phase_diagram")) for n in NAMES])
def test_every_control_at_its_ends_and_in_the_middle(name):
    drive(getattr(explorers, name)())


@each_explorer
def test_a_planted_exception_is_noticed(name, monkeypatch):
    explorer = getattr(explorers, name)()
    monkeypatch.setattr(explorer, "_words", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        drive(explorer)


def test_every_sentence_and_picture_depends_on_the_values_alone():
    # Back where it was, an explorer shows to the last pixel what a new one shows: nothing stale is left over.
    moved, fresh = explorers.gradient_flow(), explorers.gradient_flow()
    for key, value in {"T": 5, "g": 2.5, "reduction": "mean", "activation": "identity", "T ": 1000}.items():
        moved.controls[key.strip()].value = value
    moved.reset()
    assert check(moved) == check(fresh)
    assert moved.state["sentence"] == fresh.state["sentence"]
    assert moved.state["controls"] == fresh.state["controls"]


@pytest.mark.parametrize("name", ["scalar_rnn", "two_routes", "unrolled_graph"])
def test_back_where_it_was_an_explorer_shows_what_a_new_one_shows(name):
    moved, fresh = getattr(explorers, name)(), getattr(explorers, name)()
    for control in moved.controls.values():
        control.value = control.options[-1] if hasattr(control, "options") else control.max
    assert check(moved) != check(fresh)
    moved.reset()
    assert check(moved) == check(fresh)
    assert moved.state["sentence"] == fresh.state["sentence"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_saving_leaves_the_picture_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explorers.gradient_flow()
    before = check(explorer)
    explorer.controls["preset"].value = "exploding"
    explorer.buttons[kind].click()
    explorer.reset()
    assert check(explorer) == before


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("gradient_flow", [{"g": 0.9}]),
        ("scalar_rnn", [{"T": 4}]),
        ("two_routes", [{"T": 4}]),
        ("unrolled_graph", [{"T": 4}]),
        ("butterfly", [{"preset": "calm"}, {"preset": "chaos"}]),  # the second after the first: nothing is left over
        ("cliff", [{"preset": "calm"}, {"preset": "on the wall"}]),
    ],
)
def test_blitted_picture_is_the_saved_picture(name, states):
    explorer = getattr(explorers, name)()
    for state in states:
        explorer.set(**state)
    blitted = np.asarray(Image.open(io.BytesIO(check(explorer))).convert("RGB")).astype(int)
    out = io.BytesIO()
    explorer._picture.figure.savefig(out, format="png")
    whole = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert np.mean(np.abs(blitted - whole) > 40) < (0.002 if len(states) == 1 else 0.004)


def test_set_takes_any_number_between_the_ends():
    explorer = explorers.gradient_flow()
    explorer.set(g=1 / 3)
    assert explorer.controls["g"].value == 1 / 3


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


def counting(explorer, monkeypatch):
    """Count the drawings of an explorer: a list that grows by its values."""
    drawn, words = [], explorer._words
    monkeypatch.setattr(explorer, "_words", lambda values, data: drawn.append(values) or words(values, data))
    return drawn


def test_set_moves_several_controls_and_draws_once(monkeypatch):
    explorer, one_by_one = explorers.gradient_flow(), explorers.gradient_flow()
    drawn, wanted = counting(explorer, monkeypatch), {"T": 900, "tau": 700, "g": 1.25, "kind": "symmetric"}
    explorer.set(**wanted)
    assert len(drawn) == 1 and drawn[0].items() >= wanted.items() and drawn[0]["preset"] == ""
    for key, value in wanted.items():
        one_by_one.controls[key].value = value
    assert check(explorer) == check(one_by_one)
    explorer.set()
    assert len(drawn) == 2 and drawn[1] == drawn[0]


@pytest.mark.parametrize("order", [("T", "tau"), ("tau", "T")])
def test_set_takes_what_another_of_its_values_makes_room_for(order):
    explorer = explorers.gradient_flow()
    explorer.set(T=10)
    assert explorer.controls["tau"].value == 10
    explorer.set(**{key: {"T": 500, "tau": 400}[key] for key in order})
    assert check(explorer) and explorer.state["controls"].items() >= {"T": 500, "tau": 400}.items()


def test_set_takes_a_preset_and_what_differs_from_it(monkeypatch):
    explorer = explorers.gradient_flow()
    drawn = counting(explorer, monkeypatch)
    explorer.set(preset="exploding")
    assert drawn[-1]["g"] == 2.0 and drawn[-1]["preset"] == "exploding"
    explorer.set(preset="edge", seed=7)
    assert drawn[-1]["kind"] == "orthogonal" and drawn[-1]["seed"] == 7 and drawn[-1]["preset"] == "edge"
    explorer.set(preset="vanishing", T=300)
    assert drawn[-1]["T"] == 300 and drawn[-1]["g"] == 0.8 and drawn[-1]["preset"] == ""
    assert len(drawn) == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"g": 1.5, "length": 3}, "control is 'length', wanted one of preset, activation, T, g, tau"),
        ({"g": 1.5, "T": 1001}, "T is 1001, wanted a whole number from 1 to 1000"),
        ({"g": 1.5, "T": 0}, "T is 0, wanted a whole number from 1 to 1000"),
        ({"g": -0.5}, "g is -0.5, wanted 0 to 3"),
        ({"T": 40, "tau": 41}, "tau is 41, wanted a whole number from 1 to 40"),
        ({"g": 1.5, "kind": "diagonal"}, "kind is 'diagonal', wanted one of gaussian, orthogonal"),
        ({"preset": "none", "g": 1.5}, "preset is 'none', wanted one of"),
        ({"g": "large", "T": 30}, "g is 'large', wanted 0 to 3"),
        ({"T": 10.5}, "T is 10.5, wanted a whole number from 1 to 1000"),
    ],
)
def test_what_set_refuses_leaves_all_as_it_was(values, words, monkeypatch):
    explorer = explorers.gradient_flow()
    explorer.set(T=150, tau=20, seed=2)
    before, picture = explorer.state, check(explorer)
    drawn = counting(explorer, monkeypatch)
    with pytest.raises(ValueError, match=words):
        explorer.set(**values)
    assert explorer.state is before and check(explorer) == picture and drawn == []
    assert explorer.controls["tau"].max == 150


@each_explorer
def test_an_activation_that_is_added_is_in_the_menu_and_is_shown(name, monkeypatch):
    def leaky(z, out):
        return np.multiply(z, np.where(z.real > 0, 1, 0.1), out=out)

    new = Activation("leaky", leaky, lambda h: np.where(h.real > 0, 1, 0.1), 1.0, kinks=(0.0,), homogeneous=True)
    monkeypatch.setitem(ACTIVATIONS, "leaky", new)
    explorer = getattr(explorers, name)()
    for key in {"activation", "phi", "theta"} & set(explorer.controls):
        explorer.set(**{key: "leaky"})
        check(explorer)
        explorer.reset()


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
    assert "g=0.91," in explorer.code


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
