"""Players on pages that are opened from a folder, in Chromium, and the files that they read.

Oracles: the answers of the explorers, and what the page does without a player.
"""

import functools
import json
import re
import shutil

import pages
import pytest
from loops import for_each

from d2lbptt import explorers
from d2lbptt.explorers.front_end import table
from tools.site import players

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="_static/players/players.css">
<style>html[data-theme=dark] body {{ background: #121212; }}</style>
<script defer src="_static/players/players.js?v=1/2"></script></head>
<body><main><h1>A page</h1>{}</main></body></html>"""
FIGURE = """<figure class="d2l-player" data-name="gradient_flow" {}>
<img src="data:," alt="what is seen"><figcaption>What is seen.</figcaption></figure>"""
NAME = re.compile(r"^(?:export |async )*(?:const|let|function) (\w+)", re.MULTILINE)


@functools.cache
def small_table():
    return table(small())


def small():
    """An explorer with few states: two presets in the scene of its start, and one in its own."""
    explorer = explorers.gradient_flow()
    explorer.leads = {"g": [0.5, 1.0], "T": [20, 200]}
    return explorer


# --- the files ---


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of players with one small explorer."""
    folder = tmp_path_factory.mktemp("site") / "_static" / "players"
    players.write(folder, [])
    players.save(folder / "gradient_flow", "gradient_flow", small_table())
    return folder


def test_what_is_written_is_read_again(made):
    head, chunks = players.read(made, "gradient_flow")
    wanted = json.loads(json.dumps(small_table()))
    assert [head, chunks] == wanted


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_two_builds_are_the_same_and_what_is_there_is_not_computed_again(tmp_path, monkeypatch):
    found = []
    for build in ("one", "two"):
        monkeypatch.setattr(players, "KEPT", tmp_path / "kept" / build)
        (tmp_path / "kept" / build / "step_size-older").mkdir(parents=True)
        players.write(tmp_path / build, ["step_size"], jobs=1)
        found.append(contents(tmp_path / build))
        assert len(list(players.KEPT.iterdir())) == 1  # the older one is gone
    assert found[0] == found[1] and len(found[0]) > 6
    monkeypatch.setattr(players, "_compute_one", None)
    players.write(tmp_path / "three", ["step_size"])
    assert contents(tmp_path / "three") == found[0]


@for_each("name", explorers.__all__)
def test_the_key_follows_what_an_explorer_rests_on(name):
    explorer = getattr(explorers, name)()
    reached = {path.relative_to(players.PACKAGE).as_posix() for path in players._reached(players.own(name))}
    parts = (explorer._experiment, type(explorer._picture))
    used = {thing.__module__.removeprefix("d2lbptt.").replace(".", "/") + ".py" for thing in parts}
    used = {path for path in used if path.split("/")[1].startswith("_")}
    assert {f"explorers/_{name}.py", "explorers/_words.py", "figures/_style.py"} | used <= reached
    assert not any(f"explorers/_{other}.py" in reached for other in explorers.__all__ if other != name)


def test_only_what_an_explorer_rests_on_changes_its_key(tmp_path, monkeypatch):
    package = shutil.copytree(players.PACKAGE, tmp_path / "d2lbptt", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(players, "PACKAGE", package)

    def keys(changed=None):
        if changed:
            with (package / changed).open("a") as file:
                file.write("# changed\n")
        return {name: players.key(name) for name in ("cliff", "gradient_flow", "with_tanh")}

    before = keys()
    for file, rests in {
        "explorers/_cliff.py": {"cliff"},
        "experiments/_gradient_flow.py": {"gradient_flow"},
        "figures/_flow.py": {"gradient_flow", "with_tanh"},
        "bptt.py": {"cliff", "gradient_flow", "with_tanh"},
        "explorers/front_end/front_end.css": set(),
    }.items():
        after = keys(file)
        assert {name for name in after if after[name] != before[name]} == rests, file
        before = after


def test_what_another_process_has_made_meanwhile_stays(tmp_path):
    path, older = tmp_path / "step_size-1", tmp_path / "step_size-0"
    for folder in (path, older):
        folder.mkdir()
        (folder / "head.js").write_text("made by another process")
    players._compute_one("step_size", path)
    assert (path / "head.js").read_text() == "made by another process"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_explorer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="explorer is 'tanh', wanted one of butterfly, "):
        players.write(tmp_path, ["tanh"])


def test_no_name_of_one_script_hides_one_of_the_other():
    scripts = ((pages.FOLDER / file).read_text("utf-8") for file in ("front_end.js", "player.js"))
    names = [set(NAME.findall(script)) for script in scripts]
    assert len(names[0]) > 30 and len(names[1]) > 15 and not names[0] & names[1]


# --- on a page ---


@pytest.fixture
def opened(chromium, made, tmp_path):
    """Open a page with some figures from a folder; it may say nothing in the console."""
    contexts, said = [], []

    def open_one(*attributes, address="", width=1280, height=720, before=None, expected=(), **options):
        folder = shutil.copytree(made.parent.parent, tmp_path / str(len(contexts)))
        (folder / "page.html").write_text(PAGE.format("".join(map(FIGURE.format, attributes or [""]))), "utf-8")
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        if before:
            before(page, folder / "_static" / "players")
        page.goto(f"{(folder / 'page.html').as_uri()}{address}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [words for words in said if "ERR_FILE_NOT_FOUND" not in words] == []


def standing(page, i=0):
    """Wait for a player, and return its figure."""
    figure = page.locator(".d2l-player").nth(i)
    figure.evaluate("figure => d2lbptt.players.ready(figure).then(() => true)")
    return figure


def call(figure, words):
    """Do something with the `player` of a figure; of an error, its message."""
    return figure.evaluate(
        f"async (figure) => {{ const player = await d2lbptt.players.ready(figure);"
        f"try {{ return await {words}; }} catch (error) {{ return error.message; }} }}"
    )


def same(figure, explorer, **values):
    """The figure shows what the explorer would, after Reset and these values."""
    explorer.reset()
    explorer.set(**values)
    shown = json.loads(figure.locator(".d2l").get_attribute("data-shown"))
    assert shown == {key: control.sent() for key, control in explorer.controls.items()}
    assert figure.locator(".d2l-python code").text_content() == explorer.code
    assert call(figure, "player.values()") == {key: control.value for key, control in explorer.controls.items()}


def press(figure, key, *keys):
    figure.locator(f"[data-key='{key}'] input").focus()
    for one in keys:
        figure.page.keyboard.press(one)
    pages.at_rest(figure.page)


@pages.on_page
def test_a_player_takes_the_place_of_a_picture_and_moves_by_keyboard(opened):
    page, explorer = opened(), small()
    figure = standing(page)
    assert figure.locator("img, figcaption:text('What is seen.')").count() == 0
    same(figure, explorer)
    press(figure, "g", "Home")
    same(figure, explorer, g=0.5)
    press(figure, "g", "End")
    same(figure, explorer, g=2.0)
    press(figure, "T", "Home")
    same(figure, explorer, g=2.0, T=20)
    assert "scale g and length T move" in figure.locator(".d2l-moving").inner_text()
    figure.locator("[data-key='preset'] select").select_option("edge")
    pages.at_rest(page)
    same(figure, explorer, preset="edge")
    assert "only scale g moves here" in figure.locator(".d2l-moving").inner_text()
    figure.get_by_role("button", name="Reset").click()
    pages.at_rest(page)
    same(figure, explorer)
    assert page.evaluate("location.hash") == ""  # no address is kept for this one


@pages.on_page
@pytest.mark.parametrize("width, high", [(1280, 480), (390, 300)])
def test_a_player_is_arranged_for_its_width(opened, width, high):
    figure = standing(opened(width=width, height=844))
    pages.at_rest(figure.page)
    narrow = int(figure.locator(".d2l-picture").get_attribute("viewBox").split()[2]) == 480
    assert narrow == (width < 640)
    assert figure.page.evaluate("document.documentElement.scrollWidth") <= width


@pages.on_page
def test_set_takes_names_and_values_as_python_does(opened):
    figure, explorer = standing(opened()), small()
    assert call(figure, "player.set({ g: 0.5, T: 20 })") is None
    same(figure, explorer, g=0.5, T=20)
    assert call(figure, "player.set({ preset: 'edge' })") is None
    same(figure, explorer, preset="edge")
    refused = {
        "{ q: 1 }": f"There is no control q here, only {', '.join(list(explorer.controls)[:-1])} and preset.",
        "{ preset: 'none' }": "preset is none, wanted one of vanishing, edge, exploding and linear.",
        "{ g: 'one' }": "g is one, wanted a number.",
        "{ g: 0.7 }": "g = 0.7 was not computed for this page; the nearest is g = 0.5.",
        "{ T: 20 }": "T stands still with this preset, where only g moves.",
    }
    for values, words in refused.items():
        assert call(figure, f"player.set({values})") == words
        same(figure, explorer, preset="edge")
    assert call(figure, "player.reset({ T: 20 })") is None
    same(figure, explorer, T=20)
    assert call(figure, "player.set({ tau: 3 })") == "tau stands still on this page, where only g and T move."
    assert call(figure, "player.reset()") is None
    same(figure, explorer)


@pages.on_page
def test_who_listens_hears_of_each_answer(opened):
    figure = standing(opened())
    heard = "{ const seen = []; const end = player.listen(() => seen.push(player.values().g));"
    heard += "await player.set({ g: 0.5 }); await player.set({ g: 1.0 }); end();"
    heard += "await player.set({ g: 2.0 }); return seen; }"
    assert call(figure, f"(async () => {heard})()") == [0.5, 1]


@pages.on_page
def test_players_of_one_explorer_on_a_page_stand_for_themselves(opened):
    page, explorer = opened("""data-set='{"preset": "edge"}'""", """data-set='{"g": 0.5, "T": 20}'""", ""), small()
    one, two, three = (standing(page, i) for i in range(3))
    same(one, explorer, preset="edge")
    same(two, explorer, g=0.5, T=20)
    press(three, "g", "End")
    same(three, explorer, g=2.0)
    same(one, explorer, preset="edge")
    ids = page.locator("[id]").evaluate_all("found => found.map((e) => e.id)")
    assert len(set(ids)) == len(ids)


@pages.on_page
def test_what_a_figure_asks_for_in_vain_is_said(opened):
    figure = standing(opened("""data-set='{"g": 0.5, "kind": "orthogonal"}'"""))
    same(figure, small())
    assert figure.locator(".d2l-refused").inner_text() == "kind stands still on this page, where only g and T move."


# --- addresses ---


@pages.on_page
def test_an_address_leads_to_a_state_and_follows_it(opened):
    page, explorer = opened("data-address", address="#g=0.5&T=20"), small()
    figure = standing(page)
    same(figure, explorer, g=0.5, T=20)
    assert figure.locator(".d2l-refused").inner_text() == ""
    press(figure, "g", "End")
    page.wait_for_function("location.hash === '#g=2&T=20'")
    entries = page.evaluate("history.length")
    figure.locator("[data-key='preset'] select").select_option("edge")
    page.wait_for_function("location.hash === '#preset=edge'")
    press(figure, "g", "Home")
    page.wait_for_function("location.hash === '#preset=edge&g=0.5'")
    assert page.evaluate("history.length") == entries  # the way back leads to another page
    same(figure, explorer, preset="edge", g=0.5)
    page.evaluate("location.hash = '#preset=exploding'")
    page.wait_for_function("document.querySelector('.d2l').dataset.shown.includes('\"g\":2')")
    same(figure, explorer, preset="exploding")
    page.evaluate("location.hash = '#a-heading'")  # a place on the page, and no address of a state
    page.wait_for_function("document.querySelector('.d2l').dataset.shown.includes('\"g\":0.8')")


@pages.on_page
@pytest.mark.parametrize(
    "address, values, words",
    [
        ("#g=1.3", {"g": 1.0}, "g = 1.3 was not computed for this page; the nearest is g = 1."),
        ("#q=1", {}, "There is no control q here, only g, T, "),
        ("#g=0.5&kind=diagonal", {}, "kind is diagonal, wanted one of gaussian, orthogonal, symmetric and identity."),
        ("#tau=5", {}, "tau stands still on this page, where only g and T move."),
        ("#preset=edge&T=20", {}, "T stands still with this preset, where only g moves."),
        ("#g=", {}, "g is empty, wanted a number."),
        ("#g=Infinity", {}, "g is Infinity, wanted a number."),
        ("#constructor=1", {}, "There is no control constructor here, only g, T, "),
        (f"#kind={'<b>' * 100}", {}, f"kind is {('<b>' * 100)[:40]}…, wanted one of gaussian, "),
    ],
)
def test_an_address_that_leads_nowhere_is_said(opened, address, values, words):
    figure = standing(opened("data-address", address=address))
    same(figure, small(), **values)
    assert figure.locator(".d2l-refused").inner_text().startswith(words)
    press(figure, "g", "End")
    assert figure.locator(".d2l-refused").inner_text() == ""


@pages.on_page
def test_the_address_is_copied_or_shown(opened):
    def no_clipboard(page, folder):
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")

    for before, words in ((None, "Copied: "), (no_clipboard, "The address to copy: ")):
        page = opened("data-address", before=before, permissions=["clipboard-read", "clipboard-write"])
        figure = standing(page)
        press(figure, "g", "Home")
        figure.get_by_role("button", name="Link").click()
        address = f"{page.url.partition('#')[0]}#g=0.5&T=200"
        figure.locator(".d2l-address", has_text=words + address).wait_for()
        found = "getSelection().toString()" if before else "navigator.clipboard.readText()"
        assert page.evaluate(found) == address
        figure.get_by_role("button", name="As Python").click()
        figure.get_by_role("button", name="Copy").click()
        assert page.evaluate(found).strip() == figure.locator("pre code").text_content().strip()


@pages.on_page
def test_pictures_are_saved_from_a_folder(opened):
    figure = standing(opened())
    for kind, start in (("SVG", b"<svg "), ("PNG", b"\x89PNG")):
        with figure.page.expect_download() as download:
            figure.get_by_role("button", name=f"Save {kind}").click()
        content = download.value.path().read_bytes()
        assert content.startswith(start) and len(content) > 10_000


# --- data that comes late, or not at all ---


@pages.on_page
def test_a_part_that_is_missing_is_said_and_the_controls_go_back(opened):
    def without_T_20(page, folder):
        for path in (folder / "gradient_flow").glob("0-0-*"):
            path.rename(path.with_suffix(".gone"))

    page, explorer = opened("", before=without_T_20), small()
    figure = standing(page)
    press(figure, "T", "Home")
    lost = "This part of the data could not be loaded, so the picture stays as it was."
    assert figure.locator(".d2l-note").inner_text() == lost
    same(figure, explorer)
    assert figure.locator("[data-key='T'] output").inner_text() == "200"
    assert call(figure, "player.set({ T: 20 })") == lost
    press(figure, "g", "Home")  # what is there still moves
    same(figure, explorer, g=0.5)
    assert figure.locator(".d2l-note").inner_text() == ""


@pages.on_page
@pytest.mark.parametrize(
    "old, words",
    [
        (False, "This picture does not move: its data could not be loaded."),
        (True, "This picture does not move: the browser cannot unpack its data. Browsers since 2023 can."),
    ],
)
def test_without_data_the_picture_stays_and_says_why(opened, old, words):
    def before(page, folder):
        if old:
            page.add_init_script("delete globalThis.DecompressionStream")
        else:
            shutil.rmtree(folder / "gradient_flow")

    page = opened(before=before)
    page.locator(".d2l-refused").wait_for()
    assert page.locator(".d2l-refused").inner_text() == words
    assert page.locator(".d2l-player img").count() == 1 and page.locator(".d2l").count() == 0


@pages.on_page
def test_a_player_far_away_waits_and_data_is_spared_where_that_is_wished(opened):
    asked = []

    def listen(page, folder):
        page.on("request", lambda request: asked.append(request.url))
        page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")

    page = opened('style="margin-top: 5000px"', before=listen)
    page.wait_for_timeout(500)
    assert not any("gradient_flow" in url for url in asked)
    page.evaluate("scrollTo(0, 4800)")
    page.locator(".d2l").wait_for()
    page.wait_for_timeout(500)
    assert [url.rpartition("/")[2] for url in asked if "gradient_flow" in url] == ["head.js"]
    press(page.locator(".d2l-player"), "g", "End")
    assert ["0-1-wide" in url for url in asked if "gradient_flow" in url] == [False, True]


@pages.on_page
def test_what_is_near_is_brought_before_it_is_asked_for(opened):
    asked = []
    page = opened(before=lambda page, folder: page.on("request", lambda request: asked.append(request.url)))
    standing(page)
    pages.until(page, lambda: sum("gradient_flow/" in url for url in asked) > 4)
    page.wait_for_timeout(500)  # and nothing more
    names = [re.sub(r"-\w+\.js$", "", url.rpartition("/")[2]) for url in asked if "gradient_flow/" in url]
    assert names == ["head.js", "0-1-wide", "0-0-wide", "1-0-wide", "2-0-wide"]


@pages.on_page
def test_players_are_dark_where_the_page_is(opened):
    figure = standing(opened())
    assert figure.locator(".d2l-dark").count() == 0
    figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    figure.locator(".d2l-dark").wait_for()


@pages.on_page
def test_words_are_brought_their_font_where_the_reader_has_none(opened):
    def without(page, folder):
        page.add_init_script("CanvasRenderingContext2D.prototype.measureText = () => ({ width: 1 })")

    for before, brought in ((None, 0), (without, 5)):
        page = opened("", "", before=before)
        standing(page, 0)
        standing(page, 1)
        if brought:
            page.wait_for_function("document.fonts.size > 0")
        faces = page.evaluate("[...document.fonts].map(({ family }) => family.replaceAll('\"', ''))")
        assert len(faces) == brought and set(faces) <= {"DejaVu Sans", "DejaVu Sans Mono"}
