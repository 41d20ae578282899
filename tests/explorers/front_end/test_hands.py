"""Hands on the picture, in Chromium, by real mouse, keyboard and fingers: playing, dragging, reading.

Oracles: Matplotlib's own transforms, the numbers that the experiments return, and the answers that the explorer gave.
"""

import json
import re
from itertools import pairwise

import numpy as np
import pages
import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import table

pytestmark = pages.MARKS
PUT_TABLE = """([head, chunks]) => {
    const place = document.createElement("div");
    document.querySelector("main").append(place);
    d2l.source = d2l.fromTable(head, async (key) => chunks[key]);
    d2l.mount(d2l.source, place);
}"""


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


def put_table(page, name, leads, play=""):
    """Show an explorer on a page without a kernel; returns it."""
    explorer = getattr(explorers, name)()
    explorer.leads, explorer.spec = leads, {**explorer.spec, "play": play}
    pages.blank(page)
    page.evaluate(PUT_TABLE, json.loads(json.dumps(table(explorer, narrow=False))))
    pages.at_rest(page)
    return explorer


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
    pages.until(page, lambda: len(values) > 2)
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
    pages.until(page, lambda: len(values) > 2)
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
    page = new_page()
    put_table(page, "scalar_rnn", {"step": [0, 2, 4, 5]}, play="step")
    play_button(page).click()
    seen = []
    for _ in range(200):
        seen.append(shown(page)["step"])
        if play_button(page).count():
            break
        page.wait_for_timeout(60)
    pages.at_rest(page)
    seen.append(shown(page)["step"])
    assert sorted(set(seen)) == [0, 2, 4, 5] and seen == sorted(seen)


def test_a_program_that_moves_the_slider_stops_it(new_page):
    page = new_page()
    put_table(page, "scalar_rnn", {"step": [0, 1, 2, 3, 4, 5]}, play="step")
    play_button(page).click()
    page.wait_for_function("JSON.parse(document.querySelector('.d2l').dataset.shown).step === 1")
    page.evaluate("d2l.source.ask({ set: { step: 4 } })")
    ended(page)
    assert shown(page)["step"] == 4


def test_a_slider_that_stands_still_has_no_play(new_page):
    page = new_page()
    put_table(page, "scalar_rnn", {"w": [0.5, 1.0]}, play="step")
    assert play_button(page).is_disabled()


# --- dragging ---

ON_SCREEN = """([x, y]) => {
    const picture = document.querySelector(".d2l-picture");
    const place = new DOMPoint(x, y).matrixTransform(picture.getScreenCTM());
    return [place.x, place.y];
}"""


def place_of(page, ax, x, y):
    """Return where on the screen a place of Axes is, by Matplotlib's own transform."""
    across, up = ax.transData.transform((x, y))
    return page.evaluate(ON_SCREEN, [float(across), float(ax.figure.bbox.height - up)])


def scroll_to_picture(page):
    page.locator(".d2l-picture").evaluate("e => e.scrollIntoView({block: 'center'})")


def drag(page, *places, release=True):
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    if release:
        page.mouse.up()
    pages.at_rest(page)


def asked(page, name):
    """Let the page keep what it asks."""
    page.evaluate(
        """name => {
        const source = d2l.sources[name], ask = source.ask;
        window.questions = [];
        source.ask = (question) => (questions.push(question), ask(question));
    }""",
        name,
    )


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 844}], ids=["wide", "narrow"])
def test_the_point_on_the_cliff_goes_where_it_is_dragged(opened, screen):
    page, explorer = opened("cliff", **screen)
    pages.at_rest(page)
    scroll_to_picture(page)
    ax = explorer._picture.plane.ax
    asked(page, "cliff")
    before = page.locator(".d2l-foreground").inner_html()
    drag(page, place_of(page, ax, 5.0, -2.61), place_of(page, ax, 4.2, -3.4), place_of(page, ax, 6.1, -1.7))
    w, b = (explorer.controls[key].value for key in "wb")
    pixel = 4 / 200  # of the data, at most
    assert abs(w - 6.1) <= pixel + 0.01 and abs(b + 1.7) <= pixel + 0.01
    assert shown(page)["w"] == w and shown(page)["b"] == b
    assert page.locator(".d2l-foreground").inner_html() != before
    questions = page.evaluate("questions")
    assert questions[0]["moving"] and not questions[-1]["moving"] and len(questions) > 3
    grip = page.locator(".d2l-ring").bounding_box()
    x, y = place_of(page, ax, w, b)
    assert abs(grip["x"] + grip["width"] / 2 - x) < 1 and abs(grip["y"] + grip["height"] / 2 - y) < 1


def test_beyond_the_edge_the_point_stays_at_the_end_of_its_sliders(opened):
    page, explorer = opened("cliff")
    ax = explorer._picture.plane.ax
    drag(page, place_of(page, ax, 5.0, -2.61), place_of(page, ax, 7.6, -0.6))
    assert [explorer.controls[key].value for key in "wb"] == [explorer.controls[key].max for key in "wb"]


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 844}], ids=["wide", "narrow"])
def test_the_loss_goes_along_the_text_in_each_row(opened, screen):
    page, explorer = opened("strategies", **screen)
    pages.at_rest(page)
    scroll_to_picture(page)
    picture, T = explorer._picture.strategies, explorer.controls["T"].value
    for row, t in zip(picture.rows, (3, 17, 24, T), strict=True):
        line, column = divmod(t - 1, row._columns)
        start = place_of(page, picture.ax, 2.5, row._bottom + 15)
        drag(page, start, place_of(page, picture.ax, column + 0.6, row._bottom - line * row._form.line + 15))
        in_line = 2.5 if line == 0 or start is None else None
        if in_line is not None:  # a drag stays in the line where it began
            assert explorer.controls["t"].value == t
        page.mouse.click(*place_of(page, picture.ax, column + 0.6, row._bottom - line * row._form.line + 15))
        pages.at_rest(page)
        assert explorer.controls["t"].value == t == shown(page)["t"]


@pytest.mark.parametrize(
    ("start", "place", "tau"),
    [
        ({"scheme": "window"}, (20.6, 50), 29),
        ({"scheme": "window", "reduction": "last"}, (40.6, 1), 20),
        ({"scheme": "chunks"}, (25.4, 25.4), 25),
    ],
)
def test_the_edge_of_a_window_and_of_a_chunk_is_dragged(opened, start, place, tau):
    page, explorer = opened("truncation", start=start)
    grip = page.locator(".d2l-ring").bounding_box()
    end = place_of(page, explorer._picture.table.ax, *place)
    drag(page, (grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2), end)
    assert abs(explorer.controls["tau"].value - tau) <= 1 and shown(page)["tau"] == explorer.controls["tau"].value
    grip = page.locator(".d2l-ring").bounding_box()  # on the line that is drawn
    edge, ax = explorer._picture.table.edge.get_xydata(), explorer._picture.table.ax
    edge = edge[np.isfinite(edge[:, 0])]
    along = np.linspace(0, len(edge) - 1, 400)
    points = np.column_stack([np.interp(along, np.arange(len(edge)), row) for row in edge.T])
    places = [place_of(page, ax, *point) for point in points]
    middle = (grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    assert min(abs(x - middle[0]) + abs(y - middle[1]) for x, y in places) < 12


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 1200}], ids=["wide", "narrow"])
def test_the_step_on_the_graph_follows_the_pointer_along_the_edges(opened, screen):
    page, explorer = opened("unrolled_graph", **screen)
    pages.at_rest(page)
    graph, layout = explorer.state["data"].graph, explorer._picture.graph._layout
    walk, ax = graph.walk(), explorer._picture.graph.ax

    def middle(edge):
        forwards = edge if edge in graph.forward() else type(edge)(*edge[::-1])
        return place_of(page, ax, *layout.path(*forwards)[:2].mean(0))

    back = [walk.index(edge) + 1 for edge in walk[len(graph.forward()) :] if edge.source.symbol in ("f", "h")]
    places = [middle(walk[step - 1]) for step in (len(walk), back[-4], back[4])]
    drag(page, *places)
    assert explorer.controls["step"].value == back[4]  # backwards still, not the same edge on the way forward
    page.locator("[data-key='step'] input").press("Home")
    page.locator("[data-key='step'] input").press("ArrowRight")
    pages.at_rest(page)
    assert shown(page)["step"] == 1
    drag(page, middle(walk[2]), middle(walk[8]))
    assert explorer.controls["step"].value == 9 == shown(page)["step"]
    turn = len(graph.forward())
    drag(page, middle(walk[8]), middle(walk[turn - 1]), middle(walk[turn + 2]))
    assert explorer.controls["step"].value == turn + 3  # at the loss the way turns back


def test_the_picture_of_the_last_place_is_the_last_picture(opened):
    page, explorer = opened("cliff")
    ax = explorer._picture.plane.ax
    path = [place_of(page, ax, 3.5 + 0.03 * i, -3.9 + 0.025 * i) for i in range(100)]
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path:
        page.mouse.move(*place)
    page.mouse.up()
    pages.at_rest(page)
    assert shown(page)["w"] == explorer.controls["w"].value == pytest.approx(3.5 + 0.03 * 99, abs=0.03)
    assert shown(page)["b"] == explorer.controls["b"].value == pytest.approx(-3.9 + 0.025 * 99, abs=0.03)


def test_axes_stay_while_the_picture_is_held(opened):
    page, _ = opened("unrolled_graph", start={"T": 3})
    before = page.locator(".d2l-background").inner_html()
    spot = page.locator(".d2l-grip").bounding_box()
    place = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    drag(page, place, (place[0] + 200, place[1] - 60), release=False)
    assert page.locator(".d2l-background").inner_html() == before
    page.mouse.up()


@pytest.mark.parametrize("name", ["scalar_rnn", "powers", "gradient_flow", "phase_diagram", "step_size", "transient"])
def test_what_else_is_dragged_follows_within_a_step_or_a_pixel(opened, name):
    page, explorer = opened(name)
    key = {"scalar_rnn": "step", "gradient_flow": "tau", "phase_diagram": "g", "step_size": "h"}.get(name, "k")
    grip = page.locator(".d2l-ring").last.bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    end = (x, y - 70) if name == "scalar_rnn" else (x + 60, y) if name == "transient" else (x - 60, y)
    before = explorer.controls[key].value
    drag(page, (x, y), end)
    assert explorer.controls[key].value != before and shown(page)[key] == explorer.controls[key].value
    grip = page.locator(".d2l-ring").last.bounding_box()
    at = (grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    along = 1 if name == "scalar_rnn" else 0
    assert abs(at[along] - end[along]) < (20 if name == "scalar_rnn" else 8)  # half a row, half a step of g


def test_what_does_not_count_is_no_handle(opened):
    page, _ = opened("truncation", start={"scheme": "full"})
    assert page.locator(".d2l-region").count() == 0
    page.locator("[data-key='scheme'] select").select_option("window")
    pages.at_rest(page)
    assert page.locator(".d2l-region").count() == 1


def test_over_the_picture_the_slider_that_does_the_same_is_marked(opened):
    page, _ = opened("strategies")
    grip = page.locator(".d2l-ring").first.bounding_box()
    page.mouse.move(grip["x"] + 9, grip["y"] + 9)
    hinted = page.locator(".d2l-hinted")
    assert hinted.evaluate_all("all => all.map((e) => e.dataset.key)") == ["t"]
    assert page.locator(".d2l-region").first.evaluate("e => getComputedStyle(e).cursor") == "ew-resize"
    page.mouse.move(3, 3)
    assert hinted.count() == 0


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_a_saved_picture_has_no_hands(opened, kind, tmp_path):
    page, _ = opened("cliff")
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save {kind}").click()
    download.value.save_as(tmp_path / "saved")
    assert not re.search(b"d2l-(hands|ring|region)", (tmp_path / "saved").read_bytes())
    assert page.locator(".d2l-ring").count() == 1  # on the page it still has


# --- dragging with a finger ---


def finger(page, *places):
    """Put a finger down, move it from place to place, and lift it."""
    client = page.context.new_cdp_session(page)
    points = [[{"x": x, "y": y}] for x, y in places]
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[0]})
    for start, end in pairwise(places):
        for i in range(1, 9):
            x, y = (a + (b - a) * i / 8 for a, b in zip(start, end, strict=True))
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    pages.at_rest(page)


PHONE = {"width": 390, "height": 664, "has_touch": True, "is_mobile": True}


@pytest.fixture
def cliff_on_a_phone(opened):
    page, explorer = opened("cliff", **PHONE)
    pages.at_rest(page)
    page.evaluate("document.body.style.paddingBottom = '900px'")
    page.locator(".d2l-stage").evaluate("e => e.scrollIntoView({block: 'start'})")
    return page, explorer, explorer._picture.plane.ax


def test_a_finger_on_the_grip_drags_and_the_page_stays(cliff_on_a_phone):
    page, explorer, ax = cliff_on_a_phone
    before = page.evaluate("scrollY")
    finger(page, place_of(page, ax, 5.0, -2.61), place_of(page, ax, 5.5, -3.5))
    assert page.evaluate("scrollY") == before
    assert explorer.controls["w"].value == pytest.approx(5.5, abs=0.03) == shown(page)["w"]
    assert explorer.controls["b"].value == pytest.approx(-3.5, abs=0.03) == shown(page)["b"]


def test_a_finger_elsewhere_on_the_plane_scrolls_the_page(cliff_on_a_phone):
    page, explorer, ax = cliff_on_a_phone
    before = page.evaluate("scrollY")
    finger(page, place_of(page, ax, 6.5, -4.2), place_of(page, ax, 6.5, -1.5))
    assert abs(page.evaluate("scrollY") - before) > 50
    assert (explorer.controls["w"].value, explorer.controls["b"].value) == (5.0, -2.61)


def test_a_tap_on_the_plane_sets_the_point(cliff_on_a_phone):
    page, explorer, ax = cliff_on_a_phone
    page.touchscreen.tap(*place_of(page, ax, 4.0, -3.0))
    pages.at_rest(page)
    assert explorer.controls["w"].value == pytest.approx(4.0, abs=0.03)
    assert explorer.controls["b"].value == pytest.approx(-3.0, abs=0.03)


def test_along_the_text_a_finger_drags_across_and_scrolls_down(opened):
    page, explorer = opened("strategies", **PHONE)
    pages.at_rest(page)
    page.evaluate("document.body.style.paddingBottom = '900px'")
    page.locator(".d2l-stage").evaluate("e => e.scrollIntoView({block: 'start'})")
    row, ax = explorer._picture.strategies.rows[2], explorer._picture.strategies.ax
    y = row._bottom + 15
    finger(page, place_of(page, ax, 4.5, y), place_of(page, ax, 14.5, y))
    assert explorer.controls["t"].value == 15 == shown(page)["t"]
    before = page.evaluate("scrollY")
    x, top = place_of(page, ax, 4.5, y)
    finger(page, (x, top), (x, top - 200))
    assert page.evaluate("scrollY") - before > 50 and explorer.controls["t"].value == 15


# --- dragging on a page without a kernel ---


def test_without_a_kernel_the_point_goes_to_the_nearest_values_that_are_there(new_page):
    page = new_page()
    explorer = put_table(page, "cliff", {"b": [-4.0, -3.0, -2.0], "w": [4.0, 5.0, 6.0]})
    ax = explorer._picture.plane.ax
    drag(page, place_of(page, ax, 5.0, -2.61), place_of(page, ax, 5.8, -3.2))
    assert (shown(page)["w"], shown(page)["b"]) == (6.0, -3.0)


def test_without_a_kernel_what_does_not_lead_stays(new_page):
    page = new_page()
    explorer = put_table(page, "cliff", {"b": [-4.0, -3.0, -2.0]})
    ax = explorer._picture.plane.ax
    drag(page, place_of(page, ax, 5.0, -2.61), place_of(page, ax, 5.8, -3.2))
    assert (shown(page)["w"], shown(page)["b"]) == (5.0, -3.0)
    assert page.locator(".d2l-region").evaluate("e => getComputedStyle(e).cursor") == "ns-resize"
    put_table(page, "cliff", {"rate": [-1.0, 0.0]})
    assert page.locator(".d2l-region").count() == 0


def test_without_a_kernel_the_step_on_the_graph_is_dragged(new_page):
    page = new_page()
    explorer = put_table(page, "unrolled_graph", {"step": list(range(0, 63, 2))})
    graph, layout = explorer.state["data"].graph, explorer._picture.graph._layout
    edge = graph.walk()[5]
    page.mouse.click(*place_of(page, explorer._picture.graph.ax, *layout.path(*edge)[:2].mean(0)))
    pages.at_rest(page)
    assert shown(page)["step"] in (6, graph.walk().index(type(edge)(*edge[::-1])) + 1)


# --- reading ---

IN_WORDS = """() => {
    const label = document.querySelector(".d2l-reading");
    if (label.style.display === "none") return [];
    const lines = [];
    for (const piece of label.querySelectorAll("tspan")) {
        if (piece.hasAttribute("x")) lines.push("");
        lines[lines.length - 1] += (piece.getAttribute("font-size") === "12" ? "^" : "") + piece.textContent;
    }
    return lines;
}"""
IS_ON = """name => {  // whether the dot lies on the curve of this name, as the browser draws it
    const dot = document.querySelector(".d2l-dot"), svg = document.querySelector(".d2l-picture");
    const point = Object.assign(svg.createSVGPoint(), { x: dot.cx.baseVal.value, y: dot.cy.baseVal.value });
    return [...document.querySelectorAll("[data-curve]")].filter((path) => path.dataset.curve === name).some((path) => {
        const copy = path.cloneNode();
        for (const [key, value] of Object.entries({ fill: "none", "stroke-dasharray": "none", "stroke-width": 3 }))
            copy.setAttribute(key, value);
        path.after(copy);
        const hit = copy.isPointInStroke(point);
        copy.remove();
        return hit;
    });
}"""


def read(page, place):
    page.mouse.move(*place)
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return page.evaluate(IN_WORDS)


def decades(words):
    """Return log10 of a number as it is read, such as "10^−8.3" or "0.004"."""
    words = words.replace("−", "-")
    return float(words[3:]) if words.startswith("10^") else np.log10(float(words))


def test_a_curve_says_its_number_under_the_pointer(opened):
    page, explorer = opened("with_tanh")
    data, ax = explorer.state["data"], explorer._layers.figure.axes[0]
    for t in (5, 33, 57, 100):
        for name, curve in (("identity", data.identity), ("tanh", data.full)):
            relative = curve[t - 1] - curve[-1]
            step, said = read(page, place_of(page, ax, t + 0.2, relative))
            assert step == f"time step t = {t}"
            found, _, number = said.partition(": ")
            if t < 100:  # at the end both are 1
                assert found == name
            assert abs(decades(number) - relative) < 0.35  # a pixel, and what is rounded


def test_a_plane_and_a_table_say_their_coordinates(opened):
    page, explorer = opened("cliff")
    w, b = read(page, place_of(page, explorer._picture.plane.ax, 5.5, -1.5))
    assert float(w.removeprefix("w = ")) == pytest.approx(5.5, abs=0.011)
    assert float(b.removeprefix("b = ").replace("−", "-")) == pytest.approx(-1.5, abs=0.011)
    page, explorer = opened("truncation")  # whose steps t count downwards
    found = read(page, place_of(page, explorer._picture.table.ax, 12.3, 40.4))
    assert found == ["used in step k = 12", "loss of step t = 40"]


def test_numbers_are_those_that_the_ticks_stand_for(opened):
    page, explorer = opened("gated")
    data, ax = explorer.state["data"], explorer._picture.gate.ax
    t, _, median, _ = data.gate
    k = len(data.plain) - t
    at = len(k) // 2
    step, said = read(page, place_of(page, ax, k[at], -np.log10(1 - median[at]) + 0.02))
    assert step == f"steps back, k = {k[at]}"
    assert float(said.partition(": ")[2]) == pytest.approx(median[at], abs=0.0005)
    page, explorer = opened("truncation")
    reach, said = read(page, place_of(page, explorer._picture.curves.ax, np.log10(10), -1))
    assert float(reach.removeprefix("mean reach of a loss, in steps: ")) == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 844}], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", explorers.__all__)
def test_every_panel_says_something_sensible_and_the_dot_is_on_the_curve(opened, name, screen):
    page, explorer = opened(name, **screen)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    pages.at_rest(page)
    for key, told in explorer.answer["axes"].items():
        ax, heard = explorer._layers.figure.axes[int(key)], 0
        for across, up in ((0.1, 0.5), (0.35, 0.8), (0.5, 0.2), (0.8, 0.6)):
            place = ax.transAxes.transform((across, up))
            on_screen = page.evaluate(ON_SCREEN, [float(place[0]), float(ax.figure.bbox.height - place[1])])
            page.evaluate("y => scrollTo(0, scrollY + y - innerHeight / 2)", on_screen[1])
            on_screen = page.evaluate(ON_SCREEN, [float(place[0]), float(ax.figure.bbox.height - place[1])])
            lines = read(page, on_screen)
            heard += bool(lines)
            for line in lines:
                assert re.fullmatch(r"[^:=]+.*( =|:) (10\^)?−?\d+(\.\d+)?", line), line
            curves = [line.get_label() for line in ax.lines if not line.get_label().startswith("_")]
            if lines and curves:
                assert page.evaluate(IS_ON, max((c for c in curves if lines[-1].startswith(f"{c}:")), key=len))
            box = page.locator(".d2l-paper").bounding_box()
            picture = page.locator(".d2l-picture").bounding_box()
            if lines:
                assert box["x"] >= picture["x"] - 1 and box["y"] >= picture["y"] - 1
                assert box["x"] + box["width"] <= picture["x"] + picture["width"] + 1
        assert heard >= 2 or not told["x"]["label"]
    page.mouse.move(1, 1)
    assert page.evaluate(IN_WORDS) == [] and errors == []


def test_the_reading_follows_the_picture_and_goes_with_the_pointer(opened):
    page, explorer = opened("gradient_flow")
    ax = explorer._picture.flow.ax
    first = read(page, place_of(page, ax, 57, -12))
    page.locator("[data-key='g'] input").focus()
    page.keyboard.press("PageUp")
    pages.at_rest(page)
    assert page.evaluate(IN_WORDS)[0] == first[0] and page.evaluate(IN_WORDS) != first
    page.mouse.move(1, 1)
    assert page.evaluate(IN_WORDS) == []


def test_nothing_is_read_while_something_is_dragged(opened):
    page, explorer = opened("cliff")
    ax = explorer._picture.plane.ax
    drag(page, place_of(page, ax, 5, -2.61), place_of(page, ax, 6, -2), release=False)
    assert page.evaluate(IN_WORDS) == []
    page.mouse.up()


def test_a_tap_reads(opened):
    page, explorer = opened("with_tanh", **PHONE)
    pages.at_rest(page)
    scroll_to_picture(page)
    page.touchscreen.tap(*place_of(page, explorer._layers.figure.axes[0], 50, 3))
    assert page.evaluate(IN_WORDS)[0] == "time step t = 50"


def reader(page):
    return page.get_by_role("slider", name="read the picture")


def test_by_keyboard_a_curve_is_read_step_by_step_and_the_next_one_and_left(opened):
    page, explorer = opened("with_tanh")
    data = explorer.state["data"]
    assert reader(page).count() == 1
    page.locator(".d2l-controls").locator("input, select").last.focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if reader(page).evaluate("e => e === document.activeElement"):
            break
    else:
        raise AssertionError("Tab does not come to the picture")

    def heard():
        where, said = re.fullmatch(r"time step t = (\d+), (.*)", reader(page).get_attribute("aria-valuetext")).groups()
        return int(where), said

    start, said = heard()
    assert said.startswith("tanh: ") and 40 <= start <= 60
    for key, wanted in (("ArrowRight", start + 1), ("ArrowLeft", start), ("PageUp", start + 10), ("Home", 1)):
        page.keyboard.press(key)
        assert heard()[0] == wanted
    page.keyboard.press("ArrowDown")
    t, said = heard()
    assert t == 1 and said.startswith("identity: ")
    assert abs(decades(said.removeprefix("identity: ")) - (data.identity[0] - data.identity[-1])) < 0.35
    assert page.evaluate(IN_WORDS) == ["time step t = 1", said]
    page.keyboard.press("End")
    assert heard()[0] == len(data.full) and reader(page).get_attribute("data-lm-suppress-shortcuts") == "true"
    page.keyboard.press("ArrowUp")
    assert heard()[1].startswith("tanh: ")
    assert explorer.controls["g"].value == explorer._start["g"]  # arrows move nothing but the reading
    page.keyboard.press("Escape")
    assert page.evaluate(IN_WORDS) == [] and page.evaluate("document.activeElement === document.body")


@pytest.mark.parametrize("name", explorers.__all__)
def test_each_curve_is_reached_by_keyboard(opened, name):
    page, explorer = opened(name)
    figure, curves = explorer._layers.figure, page.locator("[data-curve]")
    if not curves.count():
        assert reader(page).count() == 0 and page.locator(".d2l-reader").is_hidden()
        return
    reader(page).focus()
    heard = []
    for _ in range(curves.count()):
        heard.append(reader(page).get_attribute("aria-valuetext"))
        page.keyboard.press("ArrowDown")
    for line in (line for ax in figure.axes for line in ax.lines if not line.get_label().startswith("_")):
        x, y = line.get_data()
        inside = [line.axes.viewLim.contains(*point) for point in zip(x, y, strict=True)]
        if line.get_visible() and any(inside):
            assert any(f"{line.get_label()}: " in words for words in heard), (line.get_label(), heard)
    assert all(re.search(r": (10\^)?−?\d+(\.\d+)?$", words) for words in heard)


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_axe_finds_nothing_in_a_picture_that_is_read_and_played(opened, ground):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = opened("powers", play="k", ground=ground)
    reader(page).focus()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_without_a_kernel_curves_are_read_too(new_page):
    page = new_page()
    explorer = put_table(page, "with_tanh", {"g": [0.5, 1.0, 1.5]})
    ax = explorer._layers.figure.axes[0]
    assert read(page, place_of(page, ax, 50, 5))[0] == "time step t = 50"
    before = page.evaluate(IN_WORDS)
    page.locator("[data-key='g'] input").press("Home")
    pages.at_rest(page)
    assert page.evaluate(IN_WORDS)[0] == before[0] and page.evaluate(IN_WORDS) != before
