"""The stage: its page, what it says of a bad address, and a walk through the lectures with players and with a kernel.

Oracle of what is shown: the explorers at each station of `tools.lectures`.
"""

import html
import json
import re
import socket
from contextlib import nullcontext
from functools import cache

import pages
import pytest
from nbformat import read

from d2lbptt import explorers
from d2lbptt._typeset import as_html
from tools import present
from tools.site import players, stage

LECTURES = stage.read()
LONG = next(path for path in LECTURES.paths if path.key == "ninety")
SIZES = [(1280, 720), (1920, 1080)]
PATIENCE = 90_000  # ms, for a kernel on a machine that has much to do
each_step = pytest.mark.parametrize("key", LECTURES.steps)


@cache
def told(key):
    """What the explorer of a step says at each station, as it is read on the page, and where its controls stand."""
    found = []
    for explorer in LECTURES.steps[key].stations():
        values = {name: control.value for name, control in explorer.controls.items()}
        found.append((seen(explorer.answer["sentence"]), values))
    return found


@cache
def made(key):
    """The stations of a step as the site has them, and the files that go with them."""
    files = {}
    return stage.stations(LECTURES.steps[key], files.__setitem__), files


def seen(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_the_longest_lecture_has_every_step():
    assert {step.key for step in LONG.steps} == set(LECTURES.steps)


# --- the page of the site ---


@pytest.mark.slow
@each_step
def test_a_station_is_what_a_player_shows_or_a_picture(key):
    step, (found, files) = LECTURES.steps[key], made(key)
    explorer = getattr(explorers, step.explorer)()
    assert len(found) == len(told(key)) == 1 + len(step.moves)
    for station, (sentence, values) in zip(found, told(key), strict=True):
        explorer.reset()
        explorer.set(**station["set"])
        there = {name: control.value for name, control in explorer.controls.items()}
        off = {name for name in values if name != "preset" and values[name] != there[name]}
        assert bool(off) == ("still" in station)
        if off:
            assert seen(station["sentence"]) == sentence and files[station["still"]].startswith(b"<?xml")
            assert station["instead"].count(" = ") == len(off)
    explorer.close()
    assert set(files) == {station["still"] for station in found if "still" in station}


@pytest.mark.slow
def test_most_stations_are_in_the_players():
    found = [station for key in LECTURES.steps for station in made(key)[0]]
    assert sum("still" in station for station in found) < len(found) / 4


def test_the_page_has_every_word_of_the_lectures():
    page = stage.page(stage.text(stage.data(LECTURES)), "_static/")
    known = json.loads(re.search(r'<script type="application/json" id="lectures">(.*)</script>', page)[1])
    assert [lecture["steps"] for lecture in known["lectures"]] == [
        [step.key for step in path.steps] for path in LECTURES.paths if path.steps
    ]
    for key, step in LECTURES.steps.items():
        entry = known["steps"][key]
        assert len(entry["answers"]) == len(step.answers) and entry["moves"] == step.moves
        assert not re.search(
            r"[\\$]", " ".join([entry["question"], entry["sentence"], entry["note"], *entry["answers"]])
        )


def test_what_stands_in_a_script_does_not_end_it():
    assert json.loads(stage.text({"a": "</script>"})) == {"a": "</script>"}
    assert "</script" not in stage.text({"a": "</script>"})


# --- the command ---


def test_what_voila_is_given(tmp_path):
    present.make(tmp_path)
    template = tmp_path / "share" / "voila" / "templates" / present.NAME
    for file in (path for path in template.rglob("*") if path.is_file()):
        assert not re.search(r'(?:src|href)="?https?:', file.read_text("utf-8"))
    (cell,) = read(tmp_path / "stage.ipynb", as_version=4).cells
    assert cell.source == present.CELL


@pytest.mark.parametrize("words", [["--prot=1"], ["--port"], ["--port="], ["--port=-1"], ["--port=70000"], ["hour"]])
def test_words_that_are_not_known(words):
    with pytest.raises(SystemExit, match=f"^ARGS is {words[0]}, wanted --no-browser, --port= and a number up to 65535"):
        present.main(words)


def test_a_port_that_is_taken(monkeypatch):
    monkeypatch.setattr(present, "find_spec", lambda name: True)
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
        with pytest.raises(
            SystemExit, match=f"^Nothing is shown: port {port} is taken: name another, as in make present"
        ):
            present.main(["--no-browser", f"--port={port}"])


def test_a_port_for_administrators(monkeypatch):
    def refuse(self, address):
        raise PermissionError

    monkeypatch.setattr(present.socket.socket, "bind", refuse)
    with pytest.raises(ValueError, match=r"^port 80 needs an administrator: name another, "):
        present.free(80)


def test_no_browser_is_there(monkeypatch, capsys):
    def end():
        raise KeyboardInterrupt

    monkeypatch.setattr(present, "serve", lambda port: nullcontext("http://localhost:1/"))
    monkeypatch.setattr(present.webbrowser, "open", lambda address: False)
    monkeypatch.setattr(present.signal, "pause", end)
    monkeypatch.setattr(present.signal, "signal", lambda *_: None)
    present.main([])
    first, *_, browser, last = capsys.readouterr().out.splitlines()
    assert first.startswith("The lectures: http://localhost:1/ ") and last == "Ended."
    assert browser == "No browser was found here: open the address in one."


def test_voila_is_missing(monkeypatch):
    monkeypatch.setattr(present, "find_spec", lambda name: None)
    with pytest.raises(
        SystemExit, match=r"^Nothing is shown: Voila is not installed: .*pip install -e '.\[present\]'$"
    ):
        present.main(["--no-browser"])


def test_voila_does_not_start(monkeypatch, tmp_path):
    monkeypatch.setattr(present, "find_spec", lambda name: True)
    monkeypatch.setattr(present, "FOLDER", tmp_path)
    monkeypatch.setattr(present, "_command", lambda port: [present.sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(ValueError, match=r"^Voila did not start: .*log says why$"), present.serve():
        pass


# --- in a browser ---


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of the site in a folder, with the players of all lectures."""
    folder = tmp_path_factory.mktemp("stage")

    def write(name, content):
        path = folder / name.removeprefix("_extra/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    stage.write(write)
    players.write(folder / "_static" / "players", sorted({step.explorer for step in LECTURES.steps.values()}))
    return (folder / "present.html").as_uri()


@pytest.fixture(scope="module")
def kernel():
    """The address of `make present`; while a kernel starts, Voila calls the page each second."""
    pytest.importorskip("voila", reason="Voila is not installed")
    command = present._command
    with pytest.MonkeyPatch.context() as patch:
        calls = "--VoilaConfiguration.http_keep_alive_timeout=1"
        patch.setattr(present, "_command", lambda port: [*command(port), calls])
        with present.serve() as address:
            yield address


def kernels():
    """How many kernels have been started."""
    return (present.FOLDER / "log").read_text("utf-8").count("Kernel started")


class Screen:
    """A page of the stage, and what it asked of others."""

    def __init__(self, chromium, size, address, **options):
        self.context = chromium.new_context(viewport=dict(zip(("width", "height"), size, strict=True)), **options)
        self.context.set_default_timeout(PATIENCE)
        self.page, self.foreign, self.broken = self.context.new_page(), [], []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        self.page.goto(address, wait_until="commit")  # the rest of the page comes with the kernel
        self.rest()

    def _note(self, request):
        if not re.match(r"file:|data:|blob:|(?:http|ws)://localhost:", request.url):
            self.foreign.append(request.url)

    def rest(self):
        """Wait until what was asked for is shown."""
        self.page.wait_for_function("document.querySelector('.stage')?.dataset.ready")

    def press(self, key):
        self.page.keyboard.press(key)
        self.rest()

    def text(self, name):
        return self.page.locator(f".stage-{name}").inner_text().strip()

    def shown(self, part):
        return self.page.locator(f".d2l-player:not(.stage-away) {part}")

    def close(self):
        self.context.close()
        assert self.foreign == [] and self.broken == []


PARTS = [".stage-question", ".d2l-main input", ".d2l-picture", ".d2l-sentence"]
IN_SIGHT = """(parts) => parts.map((part) => {
    const element = [...document.querySelectorAll(part)].find((one) => !one.closest(".stage-away"));
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const whole = element.scrollHeight <= Math.ceil(bottom - top) + 2 && right - left > 20 && bottom - top > 10;
    const covering = document.elementFromPoint((left + right) / 2, top + Math.min(20, (bottom - top) / 2));
    const own = element.contains(covering) || covering.closest(".d2l-view")?.contains(element);
    return inside && whole && own ? "" : `${part}: ${[left, top, right, bottom]}`;
}).filter(Boolean)"""
CUT = """() => [...document.querySelectorAll(".d2l-player:not(.stage-away) .d2l-controls select")].filter((menu) => {
    const brush = document.createElement("canvas").getContext("2d"), room = 36; // padding and arrow
    brush.font = getComputedStyle(menu).font;
    return menu.checkVisibility() && brush.measureText(menu.selectedOptions[0].text).width + room > menu.clientWidth;
}).map((menu) => menu.selectedOptions[0].text)"""
BELOW = """() => {
    const bottom = document.querySelector(".stage-bar").getBoundingClientRect().top;
    const box = (line) => line.getBoundingClientRect();
    return [...document.querySelectorAll(".stage-talk li")]
        .filter((line) => box(line).bottom > bottom || box(line).right > innerWidth).map((line) => line.textContent);
}"""
TYPE = """(parts) => parts.map((part) => parseFloat(getComputedStyle(document.querySelector(part)).fontSize))"""


def in_sight(screen, *more):
    """Question, slider, picture, sentence: none is cut, covered or to be scrolled to, and the picture is large.

    So it is at each size, whichever the screen had before; the last is the one that it has then.
    """
    for width, height in SIZES:
        screen.page.set_viewport_size({"width": width, "height": height})
        assert screen.page.evaluate(IN_SIGHT, [*PARTS, *more]) == [] == screen.page.evaluate(CUT)
        assert screen.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        box = screen.shown(".d2l-picture").bounding_box()
        assert box["width"] > 0.6 * width and box["height"] > 0.4 * height
        sizes = screen.page.evaluate(TYPE, [".stage-question", ".d2l-main", ".d2l-sentence", ".d2l-controls"])
        assert all(size >= least * width / 1280 for size, least in zip(sizes, (26, 24, 22, 19), strict=True))


def walk_step(screen, step, still):
    """Go through the moves of a step by one key, up to what is taken home; some pictures stand still."""
    for i, (sentence, _) in enumerate(told(step.key)):
        assert screen.text("told").startswith("This picture stands still") == (i in still)
        assert (screen.text("told") == "") == (i not in still)
        assert screen.shown(".d2l-sentence").inner_text().replace("\n", "") == sentence
        assert screen.text("home") == "" and not screen.page.locator(".stage-note").is_visible()
        in_sight(screen)
        screen.press("PageDown")
    assert screen.text("home") == f"To take home. {seen(as_html(step.sentence))}"
    in_sight(screen, ".stage-home p")


def move_sliders(screen):
    """Move each slider that is in sight by keys, and see that it does not turn the page."""
    before = screen.page.url
    for slider in screen.shown("input[type=range]:visible:not(:disabled)").all():
        slider.focus()
        for key in ("ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home"):
            slider.press(key)
        pages.at_rest(screen.page)
        state = screen.shown(".d2l").get_attribute("data-shown")
        slider.press("ArrowRight")
        screen.page.wait_for_function(
            "(was) => document.querySelector('.d2l-player:not(.stage-away) .d2l').dataset.shown !== was", arg=state
        )
    assert screen.page.url == before and screen.shown(".d2l-error").is_hidden()


def slow(test):
    for mark in pages.MARKS:
        test = mark(test)
    return test


@slow
@pytest.mark.parametrize("place", ["address", "kernel"])
def test_a_walk_through_the_long_lecture_by_keyboard(chromium, request, place):
    """With a kernel, one answers for the whole sequence."""
    root = request.getfixturevalue(place)
    before = kernels() if place == "kernel" else 0
    screen = Screen(chromium, SIZES[0], f"{root}?lecture=ninety")
    assert screen.text("question") == "Backpropagation through time"
    screen.press("PageDown")
    for number, step in enumerate(LONG.steps, 1):
        assert f"Step {number} of 13" in screen.text("bar")
        still = (
            {i for i, station in enumerate(made(step.key)[0]) if "still" in station} if place == "address" else set()
        )
        walk_step(screen, step, still)
        move_sliders(screen)
        screen.press("n")
    assert screen.page.url.endswith("step=end")
    assert screen.page.locator(".stage-talk li").count() == len(LONG.steps)
    for width, height in SIZES:
        screen.page.set_viewport_size({"width": width, "height": height})
        assert screen.page.evaluate(BELOW) == []
    screen.press("PageDown")
    assert screen.page.url.endswith("step=end")
    screen.close()
    assert place == "address" or kernels() == before + 1


def listed(words):
    *others, last = words
    return f"{', '.join(others)} and {last}"


BAD = [
    ("?lecture=day", "There is no lecture day, only hour and ninety."),
    ("?lecture=hour&step=9", "There is no step 9, only 1 to 8 and end."),
    ("?step=one", "There is no step one, only 1 to 8 and end."),
    ("?show=gradient", f"There is no explorer gradient, only {listed(explorers.__all__)}."),
    ("?T=5", "The address has T, but only show goes with settings; lecture goes with step."),
    ("?show=", f'There is no explorer "", only {listed(explorers.__all__)}.'),
    ("?lecture=&step=2", 'There is no lecture "", only hour and ninety.'),
    ("?lecture=hour&step=2&step=3", "The address has step twice."),
    ("?lecture=<img src onerror=alert(1)>", "There is no lecture <img src onerror=alert(1)>, only hour and ninety."),
    (f"?step={'9' * 500}", f"There is no step {'9' * 40}…, only 1 to 8 and end."),
    ("?%ZZ%FF=%", "The address has %ZZ\ufffd, but only show goes with settings; lecture goes with step."),
]


def refused():
    """What is said of values that gradient_flow does not take, by what stands in the address."""
    explorer = explorers.gradient_flow()
    return [
        ("preset=flat", f"preset is flat, wanted one of {listed(explorer.presets)}."),
        ("U=5", f"There is no control U here, only {listed(explorer.controls)}."),
        ("T=long", "T is long, wanted a number."),
        ("kind=square", f"kind is square, wanted one of {listed(explorer.controls['kind'].values)}."),
        ("T=", "T is empty, wanted a number."),
        ("T=Infinity", "T is Infinity, wanted a number."),
        ("constructor=1", f"There is no control constructor here, only {listed(explorer.controls)}."),
        ("kind=constructor", f"kind is constructor, wanted one of {listed(explorer.controls['kind'].values)}."),
    ]


@slow
@pytest.mark.parametrize("makes, words", [("throw new Error('Cannot send')", "is gone"), ("", "does not answer")])
def test_a_kernel_that_starts_late_and_then_fails_is_said(chromium, tmp_path, makes, words):
    present.make(tmp_path)
    static = tmp_path / "share" / "voila" / "templates" / present.NAME / "static"
    text = stage.text(stage.data(LECTURES))
    (static / "page.html").write_text(stage.page(text, f"{static.as_uri()}/", "data-kernel"), "utf-8")
    page = chromium.new_page()
    page.clock.install()
    page.set_default_timeout(PATIENCE)
    page.goto((static / "page.html").as_uri())
    told = page.locator(".stage-told")
    assert told.inner_text() == "The kernel is starting."
    page.keyboard.press("n")
    assert told.inner_text() == "The kernel is starting." and "T = 3" in page.locator(".stage-question").inner_text()
    page.clock.fast_forward(60_000)
    assert told.inner_text().startswith("The kernel has not started: see what `make present` says")
    page.evaluate(f"d2lbptt.stage.connect(async () => {{ {makes or 'await new Promise(() => {})'} }})")
    page.clock.fast_forward(8_000)
    page.get_by_text(f"The kernel {words}").wait_for()
    page.close()


UNREACHED = {  # what each place says of what it cannot show
    "address": [("tau=50", "tau stands still on this page, where only g and T move.")],
    "kernel": [("T=5000", "T = 5000 is out of reach; it stands at 1000.")],
}


def start(**values):
    explorer = explorers.gradient_flow()
    explorer.set(**values)
    sentence = seen(explorer.answer["sentence"])
    explorer.close()
    return sentence


@slow
@pytest.mark.parametrize("place", ["address", "kernel"])
def test_what_an_address_asks_for(chromium, request, place):
    root = request.getfixturevalue(place)
    screen = Screen(chromium, SIZES[0], f"{root}?show=gradient_flow&preset=exploding&T=500")
    assert screen.shown(".d2l-sentence").inner_text() == start(preset="exploding", T=500)
    assert screen.text("question") == seen(explorers.gradient_flow().spec["question"])
    in_sight(screen)
    screen.close()


@slow
@pytest.mark.parametrize("place", ["address", "kernel"])
def test_what_an_address_has_wrong_is_said_and_the_start_is_shown(chromium, request, place):
    root = request.getfixturevalue(place)
    few = slice(None, 1 if place == "kernel" else None)  # for each a kernel starts, and the same script answers
    for query, words in BAD[few]:
        screen = Screen(chromium, SIZES[0], root + query)
        assert screen.text("told") == words and "Opening" in screen.text("bar")
        screen.close()
    for query, words in [*refused()[few], *UNREACHED[place]]:
        screen = Screen(chromium, SIZES[0], f"{root}?show=gradient_flow&{query}")
        assert screen.shown(".d2l-refused").inner_text() == words
        assert screen.shown(".d2l-sentence").inner_text() == start(**({"T": 1000} if "5000" in query else {}))
        screen.close()


@slow
def test_keys(chromium, address):
    """On and back by one thing, by a screen, and what belongs to a slider that was reached by keyboard."""
    screen = Screen(chromium, SIZES[0], f"{address}?lecture=hour&step=2")
    places = []
    for key in (
        "PageDown",
        " ",
        "ArrowRight",
        "PageDown",
        "PageUp",
        "ArrowLeft",
        "PageUp",
        "n",
        "p",
        "m",
        "Home",
        "End",
    ):
        screen.press(key)
        places.append((screen.page.locator(".stage").get_attribute("data-ready"), screen.text("home") != ""))
    assert places == [
        ("2-1", False), ("2-2", False), ("2-2", True), ("3-0", False), ("2-2", True), ("2-2", False), ("2-1", False),
        ("3-0", False), ("2-0", False), ("2-1", False), ("0-0", False), ("9-0", False),
    ]  # fmt: skip
    screen.close()


@slow
def test_a_slider_keeps_its_keys_and_not_those_of_the_clicker(chromium, address):
    screen = Screen(chromium, SIZES[0], f"{address}?lecture=hour&step=4")
    slider = screen.shown(".d2l-main input")
    slider.click(position={"x": 40, "y": 10})  # by mouse: the clicker goes on
    screen.press("PageDown")
    assert screen.page.locator(".stage").get_attribute("data-ready") == "4-1"
    screen.page.keyboard.press("ArrowRight")  # from now on by keyboard
    value = slider.input_value()
    screen.press("PageUp")
    assert screen.page.locator(".stage").get_attribute("data-ready") == "4-1" and slider.input_value() != value
    screen.press("n")
    assert "Step 5 of 8" in screen.text("bar")
    screen.shown(".d2l-main input").focus()
    screen.press("Escape")
    screen.press("PageDown")
    assert screen.page.locator(".stage").get_attribute("data-ready") == "5-1"
    screen.close()


@slow
def test_what_the_speaker_has(chromium, address):
    """Note, menu, all controls, full screen; and the same by mouse."""
    screen = Screen(chromium, SIZES[0], f"{address}?lecture=hour&step=3")
    step = LECTURES.steps["reach"]
    screen.press("s")
    for words in (step.note, *step.answers):
        assert seen(as_html(words)) in screen.page.locator(".stage-note").text_content()
    screen.press("s")
    assert not screen.page.locator(".stage-note").is_visible()
    hidden = screen.shown("[data-key=seed]")
    assert not hidden.is_visible()
    screen.press("c")
    assert hidden.is_visible()
    screen.press("f")
    screen.page.wait_for_function("document.fullscreenElement")
    screen.press("l")
    screen.page.get_by_role("button", name="A step at the cliff").last.click()
    screen.rest()
    assert screen.page.url.endswith("?lecture=ninety&step=9")
    screen.page.get_by_role("button", name="steps = 100").click()
    screen.page.get_by_role("button", name="Take home").click()
    assert screen.text("home").startswith("To take home. Clipping")
    screen.page.get_by_role("button", name="Next screen").click()
    screen.rest()
    assert "Step 10 of 13" in screen.text("bar")
    screen.close()


@slow
def test_a_picture_that_stands_still_says_so_until_a_slider_is_taken(chromium, address):
    screen = Screen(chromium, SIZES[0], f"{address}?lecture=hour&step=5")
    still = screen.shown(".stage-still")
    assert still.get_attribute("alt") == told("cliff")[0][0] and screen.text("told").startswith(
        "This picture stands still"
    )
    screen.shown(".d2l-main input").press("ArrowRight")
    still.wait_for(state="detached")
    assert screen.text("told").startswith("Now with steps = 100")
    screen.press("m")
    assert screen.shown(".d2l-sentence").inner_text() == told("cliff")[1][0] and screen.text("told") == ""
    screen.close()


@slow
@pytest.mark.parametrize("place", ["address", "kernel"])
def test_it_has_no_barriers(chromium, request, place):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    screen = Screen(chromium, SIZES[0], f"{request.getfixturevalue(place)}?lecture=hour&step=3")
    assert "Step 3 of 8" in screen.text("bar")
    for keys in (["s", "m", "t"], ["Home", "s"], ["n", "n", "c"], ["l"], ["Escape", "End"]):
        for key in keys:
            screen.press(key)
        for scheme in ("light", "dark"):
            screen.page.emulate_media(color_scheme=scheme)
            screen.page.wait_for_timeout(300)
            found = axe.run(screen.page).response["violations"]
            bad = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert bad == [], scheme
    screen.close()


@slow
def test_it_is_read_on_a_telephone(chromium, address):
    screen = Screen(chromium, (390, 844), f"{address}?lecture=hour&step=3")
    screen.press("m")
    screen.press("t")
    assert screen.page.evaluate("document.documentElement.scrollWidth") == 390
    assert screen.shown(".d2l-sentence").inner_text() == told("reach")[1][0]
    screen.close()
