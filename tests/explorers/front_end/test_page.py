"""The page's half of an explorer, in Chromium, without Jupyter: the questions are answered in this process.

Oracles: boxes that the browser measures, axe-core's rules, and the answers that the explorer gave.
"""

import json
import re

import pages
import pytest

from d2lbptt import explorers

pytestmark = pages.MARKS
NAMES = explorers.__all__


@pytest.fixture
def opened(chromium):
    """Open one explorer on a page; returns both."""
    contexts = []

    def open_one(name, width=1280, height=720, ground="#fff", **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        explorer = getattr(explorers, name)()
        pages.put(page, {name: explorer}, ground)
        return page, explorer

    yield open_one
    for context in contexts:
        context.close()


def sentence(page):
    return page.locator(".d2l-sentence").inner_text()


def shown(page):
    return json.loads(page.locator(".d2l").get_attribute("data-shown"))


def slider(page, key):
    return page.locator(f"[data-key='{key}'] input")


def press(page, key, *keys):
    slider(page, key).focus()
    for one in keys:
        page.keyboard.press(one)
    pages.at_rest(page)


# --- asking and answering ---


def test_a_key_on_a_slider_changes_picture_sentence_and_details(opened):
    page, explorer = opened("gradient_flow")
    before = page.locator(".d2l-foreground").inner_html(), sentence(page)
    press(page, "g", "ArrowRight")
    assert explorer.controls["g"].value == 0.81 and shown(page)["g"] == 0.81
    assert page.locator(".d2l-foreground").inner_html() != before[0] and sentence(page) != before[1]
    assert slider(page, "g").get_attribute("aria-valuetext") == "0.81"
    assert page.locator("[data-key='g'] output").inner_text() == "0.81"
    described = page.locator("svg").get_attribute("aria-describedby")
    text = page.locator(f"[id='{described}']").text_content()
    assert re.sub(r"[_^−-]", "", text) == re.sub(r"[_^−-]", "", explorer.state["alternative"])


def test_the_last_picture_is_that_of_the_last_value_however_fast_they_come(opened):
    page, explorer = opened("gradient_flow")
    asked = []
    explorer.observe(lambda change: asked.append(change["new"]["controls"]["g"]["value"]), "answer")
    box = slider(page, "g").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 12)
    page.mouse.down()
    for x in range(60):
        page.mouse.move(box["x"] + 5 + x * (box["width"] - 10) / 60, box["y"] + 12)
    page.mouse.up()
    pages.at_rest(page)
    assert shown(page)["g"] == explorer.controls["g"].value == float(slider(page, "g").input_value()) > 2.5
    assert asked == sorted(asked)  # the newest value each time, never an older one again


def test_axes_follow_at_rest_and_never_during_a_drag(opened):
    page, explorer = opened("gradient_flow")
    box, before = slider(page, "T").bounding_box(), page.locator(".d2l-background").inner_html()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 12, steps=5)
    pages.at_rest(page)  # held still, and not let go
    assert explorer.controls["T"].value > 800
    assert page.locator(".d2l-background").inner_html() == before
    page.mouse.up()
    page.wait_for_function("(before) => document.querySelector('.d2l-background').innerHTML !== before", arg=before)


def test_a_menu_a_number_a_preset_and_reset(opened):
    page, explorer = opened("strategies")
    page.locator("[data-key='draw'] input").fill("17")
    page.keyboard.press("Enter")
    pages.at_rest(page)
    assert explorer.controls["draw"].value == 17
    page.get_by_role("button", name="New draw").click()
    pages.at_rest(page)
    assert explorer.controls["draw"].value == 18 and page.locator("[data-key='draw'] input").input_value() == "18"
    page, explorer = opened("gradient_flow")
    first = page.locator(".d2l-foreground").inner_html()
    page.locator("[data-key='preset'] select").select_option("exploding")
    pages.at_rest(page)
    assert explorer.controls["g"].value == 2.0 and shown(page)["g"] == 2.0
    press(page, "g", "ArrowLeft")
    assert page.locator("[data-key='preset'] select").evaluate("e => e.selectedOptions[0].text") == "own settings"
    page.get_by_role("button", name="Reset").click()
    pages.at_rest(page)
    assert page.locator(".d2l-foreground").inner_html() == first


def test_more_and_python_unfold_and_say_so(opened):
    page, explorer = opened("gradient_flow")
    more = page.get_by_role("button", name="more")
    assert more.get_attribute("aria-expanded") == "false" and not slider(page, "seed").is_visible()
    more.focus()
    page.keyboard.press("Enter")
    assert more.get_attribute("aria-expanded") == "true" and slider(page, "seed").is_visible()
    page.get_by_role("button", name="As Python").click()
    assert page.locator("pre").inner_text().strip() == explorer.code.strip()


def test_an_error_stands_in_place_of_the_picture_and_passes(opened, monkeypatch):
    page, explorer = opened("gradient_flow")
    with monkeypatch.context() as planted:
        planted.setattr(explorer, "_words", lambda *_: 1 / 0)
        press(page, "g", "ArrowRight")
        alert = page.locator(".d2l-error")
        assert alert.is_visible() and "No picture for these settings. ZeroDivisionError" in alert.inner_text()
        assert not page.locator(".d2l-picture").is_visible() and sentence(page) == ""
    press(page, "g", "ArrowRight")
    assert page.locator(".d2l-picture").is_visible() and not page.locator(".d2l-error").is_visible()
    assert shown(page)["g"] == 0.82


def test_without_an_answer_a_control_goes_back_and_says_why(opened):
    page, explorer = opened("gradient_flow")
    page.evaluate("() => { d2l.sources.gradient_flow.ask = () => {}; }")
    slider(page, "g").focus()
    page.keyboard.press("End")
    assert slider(page, "g").input_value() == "3"
    page.get_by_text("The kernel does not answer").wait_for(timeout=8000)
    assert slider(page, "g").input_value() == "0.8" and shown(page)["g"] == explorer.controls["g"].value == 0.8


def test_long_work_shows_how_far_it_is(opened):
    page, _ = opened("gradient_flow")
    bar = page.locator("progress")
    assert not bar.is_visible()
    page.evaluate("() => { d2l.sources.gradient_flow.heard.forEach((f) => f({ done: 2, of: 5 })); }")
    assert bar.is_visible() and bar.evaluate("e => [e.value, e.max]") == [2, 5]
    press(page, "g", "ArrowRight")
    assert not bar.is_visible()


def test_the_sentence_is_announced_once_and_at_rest(opened):
    page, _ = opened("gradient_flow")
    page.evaluate("""() => {
        window.said = [];
        const status = document.querySelector("[role=status]");
        const watcher = new MutationObserver(() => window.said.push(status.textContent));
        watcher.observe(status, { childList: true, subtree: true });
    }""")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.said") == []  # nothing has changed yet
    slider(page, "g").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.said") == [page.locator(".d2l-sentence").text_content()]


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_a_picture_is_saved_in_the_colours_of_paper(opened, kind, tmp_path):
    page, _ = opened("gradient_flow", ground="#111")
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save {kind}").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"gradient_flow.{kind.lower()}"
    if kind == "PNG":
        from PIL import Image

        image = Image.open(path).convert("RGB")
        assert image.width == 2 * 960 and image.getpixel((0, 0)) == (255, 255, 255)
    else:
        text = path.read_text()
        assert "var(" not in text and "#0072b2" in text and "<title>How far back" in text and "§" not in text


# --- screens ---

SCREENS = {"1280 x 720": (1280, 720), "1920 x 1080": (1920, 1080), "telephone": (390, 844), "320": (320, 700)}
BOXES = """() => {
    const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    const one = (s) => box(document.querySelector(`.d2l-${s}`));
    const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length;
    const all = (s) => [...document.querySelectorAll(s)].filter(visible);
    const parts = ["input", "select", "output", "label", "button", "summary", ".d2l-sentence", ".d2l-question"];
    const size = (e) => parseFloat(getComputedStyle(e).fontSize) * Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b);
    const largest = (e) => Math.max(...[...e.parentElement.querySelectorAll(":scope > text")].map(size));
    const read = (e) => (e.parentElement.matches("[class]") ? size(e) : largest(e)); // an index belongs to its formula
    const words = (e) => [e.textContent, ...box(e), read(e)];
    return {
        question: one("question"), main: one("main"), picture: one("background"), sentence: one("sentence"),
        across: document.documentElement.scrollWidth,
        parts: all(parts.map((s) => `.d2l ${s}`).join()).map(box),
        texts: all(".d2l-picture text").filter((e) => e.textContent.trim()).map(words),
        rows: all(".d2l-control").map((e) => [...e.children].map(box)),
    };
}"""


def overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


def unfold(page):
    """Open all that is folded, and wait until the page has it."""
    page.evaluate("""() => {
        document.querySelectorAll("button[aria-expanded='false']").forEach((e) => e.click());
        document.querySelectorAll("details").forEach((e) => (e.open = true));
    }""")
    pages.at_rest(page)


@pytest.mark.parametrize("name", NAMES)
def test_on_every_screen_nothing_is_cut_or_covered_and_the_picture_uses_the_room(opened, name):
    page, explorer = opened(name)
    across = {}
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        pages.at_rest(page)
        found = page.evaluate(BOXES)
        laid_out(found, width)
        across[screen] = found["picture"][2] - found["picture"][0]
        if screen == "1280 x 720":
            assert found["sentence"][3] - found["question"][1] <= 600
        assert explorer.answer["narrow"] == (width < 640)
        if width == 320:
            assert [(words, size) for words, *_, size in found["texts"] if size < 10] == []
    assert across["1920 x 1080"] > 1.3 * across["1280 x 720"]
    unfold(page)
    for width, height in SCREENS.values():
        page.set_viewport_size({"width": width, "height": height})
        pages.at_rest(page)
        laid_out(page.evaluate(BOXES), width)


def laid_out(found, width):
    assert found["across"] <= width
    for left, _, right, _ in found["parts"]:
        assert left >= -0.5 and right <= width + 0.5
    for row in found["rows"]:
        assert not any(overlap(a, b) for i, a in enumerate(row) for b in row[:i])
    assert not any(overlap(a, b) for i, a in enumerate(found["parts"]) for b in found["parts"][:i])
    left, top, right, bottom = found["picture"]
    for words, x0, y0, x1, y1, _ in found["texts"]:
        assert x0 >= left - 2 and x1 <= right + 2 and y0 >= top - 2 and y1 <= bottom + 2, f"cut: {words}"


def test_a_page_that_becomes_narrow_and_wide_again_rearranges_its_picture(opened):
    page, explorer = opened("gradient_flow")
    wide = page.locator(".d2l-background").inner_html()
    page.set_viewport_size({"width": 500, "height": 900})
    pages.at_rest(page)
    assert explorer.answer["narrow"] and page.locator(".d2l-picture").get_attribute("viewBox").split()[2] == "480"
    page.set_viewport_size({"width": 1280, "height": 720})
    pages.at_rest(page)
    assert page.locator(".d2l-background").inner_html() == wide


@pytest.mark.parametrize("name", NAMES)
def test_in_the_dark_every_colour_can_be_told_from_the_ground(opened, name):
    page, _ = opened(name, ground="#111111")
    dim = page.evaluate("""() => {
        const light = (c) => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d");
            canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
            const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        };
        const ground = light("#111");
        return [...document.querySelectorAll(".d2l-picture text")].filter((e) => e.textContent.trim())
            .map((e) => [(light(getComputedStyle(e).fill) + 0.05) / (ground + 0.05), e.textContent, e.outerHTML])
            .filter(([ratio, _, fill]) => ratio < 4.5 && !fill.includes("ffffff"));
    }""")
    assert dim == []


# --- readers who do not see, or do not use a mouse ---


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_axe_finds_nothing_on_a_page_with_every_explorer(chromium, ground):
    from axe_playwright_python.sync_playwright import Axe

    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    pages.put(page, {name: getattr(explorers, name)() for name in NAMES}, ground)
    unfold(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


FOCUSED = "document.activeElement.closest('[data-key]')?.dataset.key ?? document.activeElement.tagName"


@pytest.mark.parametrize("name", NAMES)
def test_every_control_has_a_name_one_tab_stop_and_is_heard(opened, name):
    page, explorer = opened(name)
    unfold(page)
    inputs = page.locator("input:not(:disabled), select:not(:disabled)")
    assert all(
        inputs.evaluate_all("all => all.map((e) => e.labels.length === 1 && e.labels[0].textContent.trim() !== '')")
    )
    stops = []
    page.locator("h3").evaluate("e => { e.tabIndex = -1; e.focus(); }")
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate("document.activeElement.closest('[data-key]')?.dataset.key ?? document.activeElement.tagName")
        )
        if stops[-1] == "BODY":
            break
    listed = sorted(explorer.spec["controls"], key=lambda control: control["more"])
    enabled = [control["key"] for control in listed if not explorer.controls[control["key"]].disabled]
    assert [stop for stop in stops if stop in explorer.controls] == enabled
    for key in enabled:
        if slider(page, key).count() and slider(page, key).get_attribute("type") == "range":
            assert re.fullmatch(r"−?\d+(\.\d+)?( [a-z]+)?", slider(page, key).get_attribute("aria-valuetext"))


def test_what_is_mounted_can_be_taken_away(opened):
    page, _ = opened("gradient_flow")
    page.evaluate("() => d2l.gradient_flow()")
    assert page.locator(".d2l").count() == 0


# --- widgets: each loads the script for itself, and has no more than this model ---

RENDER = """async ([script, traits]) => {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: { render } } = await import(url);
    const heard = new Map(), sent = [], el = document.createElement("div");
    const model = {
        get: (name) => traits[name],
        on: (name, f) => heard.set(f, name),
        off: (name, f) => heard.delete(f),
        send: (question) => sent.push(question),
        save_changes() {},
    };
    traits.layout = {}; // each widget has one of its own
    document.querySelector("main").append(el);
    (window.widgets ??= []).push({ sent, heard, end: render({ model, el }), traits });
}"""


def test_widgets_on_one_page_stay_apart_and_are_taken_away_whole(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    pages.blank(page)
    script = (pages.FOLDER / "front_end.js").read_text("utf-8")
    for name in ("gradient_flow", "cliff", "cliff"):
        explorer = getattr(explorers, name)()
        traits = {key: getattr(explorer, key) for key in ("spec", "answer", "background")}
        page.evaluate(RENDER, [script, traits])
    ids = page.locator("[id]").evaluate_all("found => found.map((e) => e.id)")
    assert len(set(ids)) == len(ids) > 30
    for svg in page.locator("svg").all():  # a clip of another picture would cut this one
        used = set(re.findall(r"url\(#([^)]*)\)", svg.inner_html()))
        assert used <= set(svg.locator("[id]").evaluate_all("found => found.map((e) => e.id)"))
    page.locator("[data-name='cliff'] [data-key='b'] input").last.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("widgets.map(({ sent }) => sent.filter((s) => s.set).length)") == [0, 0, 1]
    before = page.evaluate("document.head.children.length")
    page.evaluate("widgets.forEach(({ end }) => end())")
    assert page.locator(".d2l").count() == 0 and page.evaluate("widgets.every(({ heard }) => heard.size === 0)")
    page.evaluate(RENDER, [script, traits])
    assert page.evaluate("document.head.children.length") == before  # nothing is left there by each
    page.close()


SAVE_TWICE = """async ([script, spec]) => {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    class Manager {  // what JupyterLab's has: widgets by id, and the saving of those that have a kernel
        _modelsSync = new Map();
        get_state_sync() {
            return [...this._modelsSync].filter(([, model]) => model.comm_live).map(([id]) => id);
        }
        add(id, traits) {
            const model = { comm_live: false, get: (name) => traits[name], on() {}, off() {}, widget_manager: this };
            this._modelsSync.set(id, model);
            return model;
        }
    }
    const manager = new Manager(), answer = { controls: {}, foreground: "" };
    const opened = ["seen", "not yet seen", "run again"].map((id) => {
        const layout = manager.add(`layout of ${id}`, {});
        return manager.add(id, { spec, answer, background: "", layout });
    });
    manager.add("of another package", { spec: {} });
    for (const model of opened) widget.initialize({ model });
    const el = document.querySelector("main"), [first, , last] = opened;
    widget.render({ model: first, el });
    widget.render({ model: last, el })();
    const saved = manager.get_state_sync();
    return [saved, manager.get_state_sync(), opened.some((model) => model.comm_live)];
}"""


def test_what_a_reopened_notebook_shows_is_saved_with_it_again(chromium):
    page = chromium.new_page()
    pages.blank(page)
    script = (pages.FOLDER / "front_end.js").read_text("utf-8")
    spec = {**explorers.cliff().spec, "controls": explorers.cliff().spec["controls"][:1]}
    first, again, alive = page.evaluate(SAVE_TWICE, [script, spec])
    assert first == again == ["layout of seen", "seen", "layout of not yet seen", "not yet seen"] and not alive
    page.close()
