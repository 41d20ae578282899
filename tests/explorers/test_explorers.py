"""Every explorer, driven to the ends and the middle of each of its controls; a notebook runner would not notice."""

import base64
import functools
import gc
import io
import itertools
import re
import subprocess
import sys
import threading
import weakref
import xml.etree.ElementTree as ET

import anywidget
import matplotlib
import numpy as np
import pytest
from driving import anywhere, check, drive, own_model, settings
from PIL import Image
from steady import check_said

from d2lbptt import explorers
from d2lbptt.activations import ACTIVATIONS, Activation
from d2lbptt.explorers.front_end import Menu, Slider

NAMES = explorers.__all__
each_explorer = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def made():
    """Makes explorers by name, each once, for tests that only look."""
    return functools.cache(lambda name: getattr(explorers, name)())


ANYWHERE = 40  # settings of all controls at once; that of the phase diagram goes to every corner in its own file


LONG = {"gated", "gradient_check", "phase_diagram", "remedies", "truncation"}  # many settings, or some that take long


# The others go through the same in ``heard``.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "phase_diagram")) for n in sorted(LONG)]
)
def test_every_control_at_its_ends_and_in_the_middle(name):
    drive(getattr(explorers, name)())


@each_explorer
def test_a_planted_exception_is_noticed(name, monkeypatch):
    explorer = getattr(explorers, name)()
    monkeypatch.setattr(explorer, "_words", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        drive(explorer)


# --- what is said ---


each_but_slow = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in NAMES]
)


@functools.cache
def heard(name):
    """What is said with each control at its ends, in the middle or at its options, and with all of them anywhere.

    Each time the control that moved, or None, all controls as they are shown, the plain texts, and those with marks.
    """
    explorer, found = getattr(explorers, name)(), []
    controls = {key: control for key, control in explorer.controls.items() if key != "preset"}

    def listen(moved):
        check(explorer)
        values, data = explorer.state["controls"], explorer.state["data"]
        shown = {key: as_shown(control) for key, control in controls.items() if not control.disabled}
        found.append((moved, shown, explorer.state, explorer._words(values, data)))

    for key, control in controls.items():
        for value in settings(control):
            control.value = value
            listen(key if control.value == value else None)
        explorer.reset()
        check(explorer)
    for values in anywhere(explorer, ANYWHERE if name != "phase_diagram" else 0):
        explorer._change_all(values)  # unlike ``set`` it lets those that end elsewhere, as at T, stop there
        listen(None)
    explorer.close()
    in_sight = {c["key"] for c in explorer.spec["controls"] if not c["more"] and c["kind"] != "menu"}
    return in_sight, found


def as_shown(control):
    """What the page shows of a control: a number with the digits of the step, the words of a menu or its value."""
    if isinstance(control, Menu):
        return {str(control.value), *(words for words, value in control.pairs if value == control.value)}
    return {f"{control.value:.{control.digits}f}"}


@pytest.mark.slow
@each_but_slow
def test_what_is_said_is_short_and_clean(name):
    for *_, said in heard(name)[1]:
        check_said(said)


# These menus are said in words of their own.
OTHER_WORDS = {("cliff", "clip"), ("gradient_check", "mistake"), ("truncation", "scheme")}


@each_but_slow
def test_every_control_is_mentioned(name):
    """A slider in sight in the sentence, where it moved alone; the others there or below."""
    in_sight, found = heard(name)
    for moved, shown, state, _ in found:
        for key, words in shown.items():
            if (name, key) in OTHER_WORDS:
                continue
            text = state["sentence" if key == moved and key in in_sight else "alternative"].replace("-", "−")
            assert any(stands(word.replace("-", "−"), text) for word in words), (key, words, text)


def stands(words, text):
    """Words or a number, and not a part of a longer number."""
    return re.search(rf"(?<![\d.]){re.escape(words)}(?!\.?\d)", text)


@pytest.mark.slow
@each_explorer
def test_what_is_said_is_there_as_text_and_typeset(made, name):
    explorer = made(name)
    state, answer = explorer.state, explorer.answer
    assert state["alternative"] == " ".join((state["sentence"], *state["details"]))
    assert 1 <= len(state["details"]) <= 8
    assert len(answer["details"]) == len(state["details"])
    assert '<span class="d2l-math">' in answer["sentence"]

    def text(markup):
        return "".join(ET.fromstring(f"<p>{markup}</p>").itertext()).replace("−", "-")

    bare = str.maketrans("", "", "_^")  # an index on the page is an index, and needs no mark
    for markup, plain in zip(
        (answer["sentence"], *answer["details"]), (state["sentence"], *state["details"]), strict=True
    ):
        assert text(markup).translate(bare) == plain.replace("−", "-").translate(bare)


# --- what is shown depends on the values alone ---


def test_every_sentence_and_picture_depends_on_the_values_alone():
    # Back where it was, an explorer shows to the last digit what a new one shows: nothing stale is left over.
    moved, fresh = explorers.gradient_flow(), explorers.gradient_flow()
    for key, value in {"T": 5, "g": 2.5, "reduction": "mean", "activation": "identity", "T ": 1000}.items():
        moved.controls[key.strip()].value = value
    moved.reset()
    assert check(moved) == check(fresh)
    assert moved.state["sentence"] == fresh.state["sentence"]
    assert moved.state["controls"] == fresh.state["controls"]


@pytest.mark.slow
@each_but_slow
def test_back_where_it_was_an_explorer_shows_what_a_new_one_shows(name):
    moved, fresh = getattr(explorers, name)(), getattr(explorers, name)()
    moved._change_all({key: settings(control)[-1] for key, control in moved.controls.items() if key != "preset"})
    assert check(moved) != check(fresh)
    moved.arrange(True)
    moved.reset()
    assert check(moved) != check(fresh)
    moved.arrange(False)
    assert check(moved) == check(fresh)
    assert moved.state["sentence"] == fresh.state["sentence"]


def test_set_takes_any_number_between_the_ends():
    explorer = explorers.gradient_flow()
    explorer.set(g=1 / 3)
    assert explorer.controls["g"].value == 1 / 3


@pytest.mark.slow
@each_explorer
def test_the_last_picture_belongs_to_the_last_value(name):
    # As when a browser's messages and a cell's code arrive on two threads.
    explorer = getattr(explorers, name)()
    control = next(c for c in explorer.controls.values() if isinstance(c, Slider) and not c.whole)

    def move(values):
        for value in values:
            control.value = float(value)

    ranges = np.linspace(control.min, control.max, 8), np.linspace(control.max, control.min, 8)
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
        assert explorer.answer["error"] == "No picture for these settings. FloatingPointError: a line with <breaks>"
        assert "foreground" not in explorer.answer and "sentence" not in explorer.answer
        assert explorer.state["data"] is None and explorer.state["controls"]["g"] == 0.5
        assert explorer.code == "" and explorer.state["sentence"] == "FloatingPointError: a line with <breaks>"
        with pytest.raises(ValueError, match="there is no picture to save"):
            explorer.save("svg")
        assert "image/png" not in explorer._repr_mimebundle_()[0]
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
        ({"g": 1.5, "length": 3}, "control is 'length', wanted one of .*tau"),
        ({"g": 1.5, "T": 1001}, "T is 1001, wanted a whole number from 1 to 1000"),
        ({"g": 1.5, "T": 0}, "T is 0, wanted a whole number from 1 to 1000"),
        ({"g": -0.5}, "g is -0.5, wanted 0 to 3"),
        ({"T": 40, "tau": 41}, "tau is 41, wanted a whole number from 1 to 40"),
        ({"g": 1.5, "kind": "diagonal"}, "kind is 'diagonal', wanted one of gaussian, orthogonal"),
        ({"preset": "none", "g": 1.5}, "preset is 'none', wanted one of"),
        ({"g": "large", "T": 30}, "g is 'large', wanted 0 to 3"),
        ({"T": 10.5}, "T is 10.5, wanted a whole number from 1 to 1000"),
        ({"T": True}, "T is True, wanted a whole number from 1 to 1000"),
        ({"g": float("nan")}, "g is nan, wanted 0 to 3"),
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


@pytest.mark.slow
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


# --- the picture as a file, and on pages without widgets ---


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_saving_leaves_the_picture_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = explorers.gradient_flow()
    before = check(explorer)
    explorer.controls["preset"].value = "exploding"
    explorer.save(kind)
    explorer.reset()
    assert check(explorer) == before


@pytest.mark.slow
@each_explorer
def test_every_picture_can_be_saved_and_the_settings_of_matplotlib_stay(made, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer, before = made(name), matplotlib.rcParams.copy()
    assert ET.parse(explorer.save("svg")).getroot().tag.endswith("svg")
    Image.open(explorer.save("png")).verify()
    check(explorer)
    assert matplotlib.rcParams.copy() == before


def test_saving_never_overwrites(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "powers.svg").write_text("the reader's own")
    explorer = explorers.powers()
    saved = [explorer.save(kind).name for kind in ("svg", "svg", "png", "png")]
    assert saved == ["powers-2.svg", "powers-3.svg", "powers.png", "powers-2.png"]
    assert (tmp_path / "powers.svg").read_text() == "the reader's own"
    assert ET.parse(tmp_path / "powers-2.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "powers-2.png").read_bytes() == (tmp_path / "powers.png").read_bytes()


@each_explorer
def test_what_is_displayed_has_a_picture_for_pages_without_widgets(made, name):
    explorer = made(name)
    bundle, metadata = explorer._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    size = explorer.answer["width"], explorer.answer["height"]
    assert np.allclose(picture.size, size, rtol=0, atol=1)  # Matplotlib rounds 459.99 pixels up or down
    assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert bundle["text/plain"] == explorer.state["alternative"]
    assert metadata["image/png"] == {"alt": explorer.state["sentence"]}


@pytest.mark.slow
def test_neither_pyplot_nor_global_settings_are_touched(tmp_path):
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from d2lbptt import explorers\n"
        "every = [getattr(explorers, name)() for name in explorers.__all__]\n"
        "every[0].save('svg'), every[0].save('png')\n"
        "assert matplotlib.rcParams.copy() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=tmp_path)


# --- controls ---


@each_explorer
def test_the_main_slider_comes_first_and_at_most_five_controls_are_in_sight(made, name):
    explorer = made(name)
    listed = explorer.spec["controls"]
    assert [control["key"] for control in listed] == list(explorer.controls)
    assert listed[0]["kind"] == "slider" and not listed[0]["more"]
    assert sum(not control["more"] for control in listed) <= 5
    assert all(control["label"] for control in listed)


def test_an_explorer_is_one_widget_and_its_controls_are_none():
    explorer = explorers.gradient_flow()
    assert isinstance(explorer, anywidget.AnyWidget)
    assert type(explorer.controls["g"]).__mro__[1].__module__.startswith("d2lbptt")


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


# --- what leads on a page without a kernel ---


SHORTENED = {("gradient_flow", "T"), ("remedies", "T")}  # lengths of which the shortest say nothing


def led(control, values):
    """The values that a control takes where it leads."""
    return values or control.values


def scenes(explorer):
    """What stands still in each scene of a player, the start's first, and the leads with their values in it."""
    leads = {key: led(explorer.controls[key], values) for key, values in explorer.leads.items()}
    yield {}, leads
    start, (first, _) = {key: control.value for key, control in explorer.controls.items()}, leads
    for name, preset in explorer.presets.items():
        if any(start[key] != value for key, value in preset.items() if key not in leads):
            yield {"preset": name}, {first: leads[first]}


@each_explorer
def test_two_controls_lead_from_end_to_end(made, name):
    explorer = made(name)
    assert len(explorer.leads) == 2
    assert set(explorer.leads) <= {control["key"] for control in explorer.spec["controls"] if not control["more"]}
    for key, values in explorer.leads.items():
        control = explorer.controls[key]
        assert not control.disabled and control.value in led(control, values)
        if not isinstance(control, Menu):
            assert values == sorted(set(values)) and len(values) >= 5
            assert control.min <= values[0] and values[-1] == control.max
            assert values[0] == control.min or (name, key) in SHORTENED
            places = [(value - control.min) / control.step for value in values]
            assert np.allclose(places, np.round(places), rtol=0, atol=1e-6), "the page shows the digits of the step"


@each_explorer
def test_what_plays_leads_with_every_step_or_every_step_of_the_beginning(made, name):
    explorer = made(name)
    key = explorer.spec["play"]
    assert (key == "") == (name not in ("powers", "scalar_rnn", "unrolled_graph"))
    if key:
        control = explorer.controls[key]
        assert next(iter(explorer.leads)) == key
        whole = list(range(control.min, control.max + 1))
        assert explorer.leads[key][:21] == whole[:21]
        assert explorer.leads[key] == whole or name == "powers"  # every dot moves in every step, and takes its place


@each_explorer
def test_some_hundred_states_lead(made, name):
    explorer = made(name)
    number = np.prod([len(led(explorer.controls[key], values)) for key, values in explorer.leads.items()])
    assert 100 <= number <= 400


@pytest.mark.slow
@each_explorer
def test_at_the_corners_of_every_scene_there_is_a_picture(name):
    explorer = getattr(explorers, name)()
    for fixed, leads in scenes(explorer):
        for corner in itertools.product(*((values[0], values[-1]) for values in leads.values())):
            wanted = dict(zip(leads, corner, strict=True))
            explorer.reset()
            explorer.set(**fixed, **wanted)
            check(explorer)
            assert {key: explorer.controls[key].value for key in wanted} == wanted


def test_of_a_reader_s_own_model_or_text_nothing_leads():
    assert explorers.gradient_flow(**own_model()).leads == {}
    assert explorers.strategies(text="a text of one's own").leads == {}


# --- memory ---


@pytest.mark.slow
def test_a_closed_explorer_is_collected():
    kept = {}
    for name in NAMES:
        explorer = getattr(explorers, name)()
        control = explorer.controls["T" if "T" in explorer.controls else "k"]
        kept[name] = [weakref.ref(thing) for thing in (explorer, explorer._picture.figure, control)]
        explorer.close()
    del explorer, control
    gc.collect()
    assert {name: found for name, things in kept.items() if any(found := [thing() for thing in things])} == {}
