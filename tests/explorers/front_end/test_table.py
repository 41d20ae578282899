"""Answers computed beforehand: what a table holds, and how it moves an explorer on a page, in Chromium.

Oracle: the answers of the explorer itself, set to the same values.
"""

import json

import pages
import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import table


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


def unpacked(head, chunk, state):
    """A state with what it names, read as the docstring of Table says."""
    pool = head["pool"] + chunk["pool"]

    def part(place):
        if isinstance(place, dict):
            return {key: pool[one] for key, one in place.items()}
        return [pool[one] for one in place] if isinstance(place, list) else pool[place]

    found = {key: part(place) for key, place in state.items()}
    return found | {key: "".join(found[key]) for key in ("background", "foreground")}


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
    ]
    places = [(preset["scene"], preset["at"]["g"]) for preset in head["presets"]]
    assert places == [(0, 0.8), (1, 1.1), (0, 2.0)]
    assert set(chunks) == {f"{row}-{way}" for row in ("0-0", "0-1", "1-0") for way in ("wide", "narrow")}
    assert head["menus"]["preset"] == ["", "vanishing", "edge", "exploding"]


@pytest.mark.parametrize("arrangement", ["wide", "narrow"])
def test_each_state_is_what_the_explorer_answers(made, arrangement):
    head, chunks = made
    explorer, narrow, seen = small(), arrangement == "narrow", 0
    assert unpacked(head, {"pool": []}, head["first"][arrangement]) == answered(explorer, narrow)
    for i, scene in enumerate(head["scenes"]):
        preset = {"preset": head["menus"]["preset"][scene["preset"]]} if scene["preset"] else {}
        for j, row in enumerate(scene["rows"]):
            chunk = chunks[f"{i}-{j}-{arrangement}"]
            for g, state in zip(row["values"], chunk["states"], strict=True):
                assert unpacked(head, chunk, state) == answered(explorer, narrow, **preset, **row["at"], g=g)
                seen += 1
            for number, state in chunk["presets"].items():
                name = head["menus"]["preset"][int(number)]
                assert unpacked(head, chunk, state) == answered(explorer, narrow, preset=name)
                seen += 1
    assert seen == 4 + 4 + 3 + 2


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


@pytest.mark.parametrize(
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


@pytest.fixture(scope="module")
def chromium():
    with pages.browser() as browser:
        yield browser


def on_page(test):
    for mark in pages.MARKS:
        test = mark(test)
    return test


def press(page, key, *keys):
    page.locator(f"[data-key='{key}'] input").focus()
    for one in keys:
        page.keyboard.press(one)
    pages.at_rest(page)


@on_page
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
