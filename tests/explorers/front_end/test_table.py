"""Answers computed beforehand: what a table holds, and how it moves an explorer on a page, in Chromium.

Oracle: the answers of the explorer itself, set to the same values.
"""

import json

import pages
import pytest
from loops import for_each

from d2lbptt import explorers
from d2lbptt.explorers.front_end import table
from tools.site import players


def small():
    """An explorer with few states: two presets in the scene of its start, and one in its own."""
    explorer = explorers.gradient_flow()
    explorer.leads = {"g": [0.5, 1.0], "T": [20, 200]}
    return explorer


@pytest.fixture(scope="module")
def made():
    found = table(small())
    return json.loads(json.dumps(found, allow_nan=False))


# --- what it holds ---


def answered(explorer, narrow=False, **values):
    """What the explorer itself shows after Reset and these values."""
    explorer.arrange(narrow)
    explorer.reset()
    explorer.set(**values)
    kernel = ("number", "narrow", "unsettled", "error")
    return {key: value for key, value in explorer.answer.items() if key not in kernel} | {
        "background": explorer.background
    }


def test_the_head_says_what_can_be_reached(made):
    head, chunks = made
    values = [0.5, 0.8, 1.0, 2.0]  # of the leads, the start and the presets that set nothing else
    assert head["leads"] == ["g", "T"] and head["start"] == {"g": 0.8, "T": 200}
    assert head["scenes"] == [
        {"preset": 0, "rows": [{"at": {"T": 20}, "values": values}, {"at": {"T": 200}, "values": values}]},
        {"preset": 2, "rows": [{"at": {}, "values": [0.5, 1.0, 1.1]}]},
        {"preset": 4, "rows": [{"at": {}, "values": [0.5, 0.8, 1.0]}]},
    ]
    places = [(preset["scene"], preset["at"]["g"]) for preset in head["presets"]]
    assert places == [(0, 0.8), (1, 1.1), (0, 2.0), (2, 0.8)]
    assert set(chunks) == {f"{row}-{way}" for row in ("0-0", "0-1", "1-0", "2-0") for way in ("wide", "narrow")}
    assert head["menus"]["preset"] == ["", "vanishing", "edge", "exploding", "linear"]


@for_each("arrangement", ["wide", "narrow"])
def test_each_state_is_what_the_explorer_answers(made, arrangement):
    head, chunks = made
    explorer, narrow, seen = small(), arrangement == "narrow", 0
    assert players.state(head, {"pool": []}, head["first"][arrangement]) == answered(explorer, narrow)
    for i, scene in enumerate(head["scenes"]):
        preset = {"preset": head["menus"]["preset"][scene["preset"]]} if scene["preset"] else {}
        for j, row in enumerate(scene["rows"]):
            chunk = chunks[f"{i}-{j}-{arrangement}"]
            for g, state in zip(row["values"], chunk["states"], strict=True):
                assert players.state(head, chunk, state) == answered(explorer, narrow, **preset, **row["at"], g=g)
                seen += 1
            for number, state in chunk["presets"].items():
                name = head["menus"]["preset"][int(number)]
                assert players.state(head, chunk, state) == answered(explorer, narrow, preset=name)
                seen += 1
    assert seen == 4 + 4 + 3 + 3 + 2


def test_what_repeats_is_stored_once(made):
    head, chunks = made
    for chunk in chunks.values():
        pool = [json.dumps(part) for part in head["pool"] + chunk["pool"]]
        assert len(set(pool)) == len(pool)


def test_a_lead_that_ends_at_another_takes_the_values_up_to_there():
    explorer = explorers.unrolled_graph()
    explorer.leads = {"step": [0, 5, 1000], "T": [1, 3]}
    rows = table(explorer, narrow=False).head["scenes"][0]["rows"]
    ends = []
    for T in (1, 3):
        explorer.set(T=T)
        ends.append(explorer.controls["step"].max)
    assert 5 < ends[0] < ends[1]
    assert [row["values"] for row in rows] == [[0, 5, ends[0]], [0, 5, ends[1]]]


def test_menus_may_lead():
    explorer = explorers.gradient_flow()
    explorer.leads = {"g": [1.0], "kind": []}
    head = table(explorer, narrow=False).head
    kinds = explorer.controls["kind"].values
    assert [row["at"]["kind"] for row in head["scenes"][0]["rows"]] == list(range(len(kinds)))
    assert head["menus"]["kind"] == kinds


@for_each(
    "leads, words",
    [
        ({}, "leads of gradient_flow are empty, wanted at least one control"),
        ({"q": [1]}, "lead is 'q', wanted one of g, T, tau, "),
        ({"g": [1.0], "kind": ["none"]}, "lead kind is 'none', wanted one of gaussian, "),
        ({"T": [20], "tau": [30]}, "lead tau is 20, wanted 30: T moves it, and must not come first"),
    ],
)
def test_leads_that_cannot_be_are_refused(leads, words):
    explorer = explorers.gradient_flow()
    explorer.leads = leads
    with pytest.raises(ValueError, match=words):
        table(explorer, narrow=False)


def test_a_table_leaves_the_explorer_where_it_started():
    explorer = small()
    before = explorer.answer | {"number": 0}
    table(explorer)
    assert explorer.answer == before


# --- how it moves an explorer on a page ---

AS_TEXT = """([tag, space, markup]) => {
    const element = document.createElementNS(space, tag);
    element.innerHTML = markup;
    return element.textContent;
}"""
MOUNT = """([head, chunks]) => {
    const place = document.createElement("div");
    document.querySelector("main").append(place);
    d2l.mount(d2l.fromTable(head, async (key) => chunks[key]), place);
}"""


def press(page, key, *keys):
    page.locator(f"[data-key='{key}'] input").focus()
    for one in keys:
        page.keyboard.press(one)
    pages.at_rest(page)


@pages.on_page
def test_a_table_of_answers_moves_an_explorer_without_a_kernel(chromium, made):
    explorer = small()
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    pages.blank(page)
    page.evaluate(MOUNT, made)

    def same(**values):
        """The page shows what the explorer would answer."""
        explorer.reset()
        explorer.set(**values)
        answer = explorer.answer
        markup = page.evaluate(AS_TEXT, ["p", "http://www.w3.org/1999/xhtml", answer["sentence"]])
        assert page.locator(".d2l-sentence").inner_text() == markup
        assert page.locator("code").text_content() == explorer.code
        live = page.evaluate(AS_TEXT, ["g", "http://www.w3.org/2000/svg", answer["foreground"]])
        assert page.locator(".d2l-foreground").text_content() == live
        values = {key: control.sent() for key, control in explorer.controls.items()}
        assert json.loads(page.locator(".d2l").get_attribute("data-shown")) == values

    def disabled(key):
        return page.locator(f"[data-key='{key}']").locator("input, select").is_disabled()

    same()
    press(page, "g", "End")
    same(g=2.0)  # of a preset
    press(page, "T", "Home")
    same(g=2.0, T=20)
    assert disabled("tau") and not disabled("T")
    page.locator("[data-key='preset'] select").select_option("edge")
    pages.at_rest(page)
    same(preset="edge")
    assert disabled("T") and not disabled("g")
    press(page, "g", "Home")
    same(preset="edge", g=0.5)
    page.locator("[data-key='preset'] select").select_option("exploding")
    pages.at_rest(page)
    same(preset="exploding")
    page.get_by_role("button", name="Reset").click()
    pages.at_rest(page)
    same()
    page.set_viewport_size({"width": 400, "height": 800})
    pages.at_rest(page)
    explorer.arrange(True)
    same()
    assert page.locator(".d2l-picture").get_attribute("viewBox").split()[2] == "480"
    page.close()


LATE = """([head, chunks]) => {
    const place = document.createElement("div");
    document.querySelector("main").append(place);
    window.asked = [];
    const load = (key) => new Promise((resolve, reject) =>
        asked.push({ key, bring: () => resolve(chunks[key]), lose: () => reject(new Error("gone")) }));
    d2l.mount(d2l.fromTable(head, load), place);
}"""


@pages.on_page
def test_the_last_picture_is_that_of_the_last_value_however_late_the_others_come(chromium, made):
    explorer = small()
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    pages.blank(page)
    page.evaluate(LATE, made)
    value = "document.querySelector('[data-key=T] input').value"

    def sentence():
        return page.locator(".d2l-sentence").inner_text()

    start = sentence()
    page.locator("[data-key='T'] input").press("Home")  # T = 20
    page.locator("progress").wait_for()  # it is on its way
    page.locator("[data-key='preset'] select").select_option("edge")
    page.wait_for_function("asked.length === 2")
    assert page.evaluate("asked.map(({ key }) => key)") == ["0-0-wide", "1-0-wide"] and sentence() == start
    page.evaluate("asked[1].bring()")
    pages.at_rest(page)
    explorer.set(preset="edge")
    assert "1.10" in sentence() and page.locator("code").text_content() == explorer.code
    page.evaluate("asked[0].bring()")  # of a question that nobody asks any more
    pages.at_rest(page)
    assert page.locator("code").text_content() == explorer.code and page.locator("progress").is_hidden()
    page.get_by_role("button", name="Reset").click()
    page.locator("[data-key='g'] input").press("End")
    page.wait_for_function("asked.at(-1).key === '0-1-wide'")
    page.evaluate("asked.at(-1).lose()")
    pages.at_rest(page)
    assert "could not be loaded" in page.locator(".d2l-note").inner_text() and sentence() == start
    assert page.locator("[data-key='g'] output").inner_text() == "0.80" and page.evaluate(value) == "1"
    page.close()
