"""Hands on the picture, in Chromium, by real mouse, keyboard and fingers: playing.

Oracles: the answers that the explorer gave.
"""

import json

import pages
import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import table

pytestmark = pages.MARKS
PUT_TABLE = """table => {
    const place = document.createElement("div");
    document.querySelector("main").append(place);
    d2l.mount(d2l.fromTable(table), place);
}"""


@pytest.fixture(scope="module")
def chromium():
    with pages.browser() as browser:
        yield browser


@pytest.fixture
def new_page(chromium):
    contexts = []

    def open_page(width=1280, height=720, **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def opened(new_page):
    """Open one explorer on a page, answered by this process; returns both."""

    def open_one(name, play=None, start=None, ground="#fff", **options):
        page, explorer = new_page(**options), getattr(explorers, name)()
        if start:
            explorer.set(**start)
        if play is not None:
            explorer.spec = {**explorer.spec, "play": play}
        pages.put(page, {name: explorer}, ground)
        return page, explorer

    return open_one


def shown(page):
    return json.loads(page.locator(".d2l").get_attribute("data-shown"))


def follow(explorer, key):
    """Return the list to which each value of a control goes that the page is answered for."""
    values = []
    explorer.observe(lambda change: values.append(change["new"]["controls"][key]["value"]), "answer")
    return values


# --- playing ---


def play_button(page, words="Play"):
    return page.get_by_role("button", name=words, exact=True)


def ended(page):
    play_button(page).wait_for(timeout=20_000)


def test_play_goes_through_every_value_once_and_stops_at_the_end(opened):
    page, explorer = opened("scalar_rnn", play="step")
    values = follow(explorer, "step")
    play_button(page).click()
    play_button(page, "Pause").wait_for()
    ended(page)
    assert values == [1, 2, 3, 4, 5] == list(range(1, explorer.controls["step"].max + 1))
    assert shown(page)["step"] == 5


def test_the_whole_takes_some_ten_seconds_however_many_steps_there_are(opened):
    page, explorer = opened("powers", play="k", start={"k": 0})
    page.evaluate(
        """() => {
        const real = setInterval;
        window.beats = [];
        window.setInterval = (f, beat) => (beats.push(beat), real(f, beat));
    }"""
    )
    values = follow(explorer, "k")
    play_button(page).click()
    page.wait_for_timeout(1500)
    play_button(page, "Pause").click()
    pages.at_rest(page)
    most = explorer.controls["k"].max
    assert 6000 <= page.evaluate("beats[0]") * most / (values[1] - values[0]) <= 15000
    assert values == sorted(values) and 0 < values[-1] < most


def test_from_the_end_play_starts_over(opened):
    page, explorer = opened("unrolled_graph", play="step")
    assert explorer.controls["step"].value == explorer.controls["step"].max
    values = follow(explorer, "step")
    play_button(page).click()
    page.wait_for_timeout(1000)
    assert values[:3] == [0, 1, 2]


@pytest.mark.parametrize("what", ["key", "press", "menu", "hidden"])
def test_whatever_the_reader_does_stops_it(opened, what):
    page, explorer = opened("unrolled_graph", play="step", start={"T": 12})
    play_button(page).click()
    play_button(page, "Pause").wait_for()
    page.wait_for_timeout(300)
    if what == "key":
        page.locator("[data-key='T'] input").focus()
        page.keyboard.press("ArrowLeft")
    elif what == "press":
        page.locator(".d2l-sentence").click()
    elif what == "menu":
        page.locator("[data-key='weight'] select").select_option("W_hx")
    else:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ended(page)
    pages.at_rest(page)
    before = explorer.controls["step"].value
    page.wait_for_timeout(600)
    assert explorer.controls["step"].value == before < explorer.controls["step"].max


def test_play_asks_for_the_next_picture_only_when_it_has_the_last(opened):
    page, _ = opened("unrolled_graph", play="step", start={"T": 12})
    page.evaluate("""() => {
        const { unrolled_graph: source } = d2l.sources, ask = source.ask;
        window.asked = 0;
        source.ask = async (question) => {
            asked++;
            await new Promise((go) => setTimeout(go, 600));
            return ask(question);
        };
    }""")
    play_button(page).click()
    page.wait_for_timeout(1500)
    assert 1 <= page.evaluate("asked") <= 3


def test_the_sentence_is_announced_when_it_has_stopped_and_not_on_the_way(opened):
    page, _ = opened("scalar_rnn", play="step")
    page.evaluate("""() => {
        window.said = [];
        const status = document.querySelector("[role=status]");
        new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true, subtree: true });
    }""")
    play_button(page).click()
    ended(page)
    page.wait_for_timeout(1000)
    assert page.evaluate("said") == [page.locator(".d2l-sentence").text_content()]


def test_who_wants_no_motion_gets_one_step_at_each_press(opened):
    page, explorer = opened("scalar_rnn", play="step", reduced_motion="reduce")
    assert play_button(page).count() == 0
    for wanted in (1, 2):
        play_button(page, "Next").press("Enter")
        pages.at_rest(page)
        page.wait_for_timeout(400)
        assert shown(page)["step"] == wanted
    explorer.set(step=5)
    page.locator("[data-key='step'] input").press("End")
    pages.at_rest(page)
    play_button(page, "Next").click()
    pages.at_rest(page)
    assert shown(page)["step"] == 0


def test_play_on_a_page_without_a_kernel_goes_through_the_values_that_are_there(new_page):
    explorer, page = explorers.scalar_rnn(), new_page()
    explorer.spec = {**explorer.spec, "play": "step"}
    answers = table(explorer, {"step": [0, 2, 4, 5]}, narrow=False)
    pages.blank(page)
    page.evaluate(PUT_TABLE, json.loads(json.dumps(answers)))
    play_button(page).click()
    seen = []
    for _ in range(200):
        seen.append(shown(page)["step"])
        if play_button(page).count():
            break
        page.wait_for_timeout(60)
    assert sorted(set(seen)) == [0, 2, 4, 5] and seen == sorted(seen)


def test_a_slider_that_stands_still_has_no_play(new_page):
    explorer, page = explorers.scalar_rnn(), new_page()
    explorer.spec = {**explorer.spec, "play": "step"}
    pages.blank(page)
    page.evaluate(PUT_TABLE, json.loads(json.dumps(table(explorer, {"w": [0.5, 1.0]}, narrow=False))))
    assert play_button(page).is_disabled()
