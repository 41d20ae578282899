"""The story of the start page: each number is true, each state is in the players, and its figure obeys.

Oracle of the numbers: the experiments, at the settings of each step. Oracle of the pages: the explorers.
"""

import json
import re
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pages
import pytest
from told import agrees, numbers

import d2lbptt as bptt
from d2lbptt import explorers
from tools.site import players, story
from tools.site.pages import page_of

TEXT = story.SOURCE.read_text(encoding="utf-8")
STORY = story.read(TEXT)
NUMBERS = range(1, len(STORY.steps) + 1)
each_step = pytest.mark.parametrize("number", NUMBERS)
each_state = pytest.mark.parametrize(
    ("name", "values"),
    [(step.explorer, shown.set) for step in STORY.steps for shown in (step, step.look) if shown],
)


@cache
def states(number):
    """What the explorer of a step says and knows in the step's state, and in that of its look."""
    step = STORY.steps[number - 1]
    return [_state(step.explorer, shown.set) for shown in (step, step.look) if shown]


@cache
def made(name):
    return getattr(explorers, name)()


def _state(name, values):
    explorer = made(name)
    explorer.reset()
    explorer.set(**values)
    assert explorer.error is None
    return explorer.state


def words(step):
    """All that is read in a step, but for formulas that stand alone."""
    return [step.title, *sentences(step), *([step.look.words] if step.look else [])]


def sentences(step):
    return [text for text in step.text if not text.startswith("$$")]


# --- numbers ---


def fold(decades):
    return 10 ** abs(float(decades))


def change(flow):
    return fold(flow.full[0] - flow.full[-1])


def of_vanishing(flow):
    """Also what is said without a number: the Moon and the atom, and what rounding does to the share of step 1."""
    moon, atom = 3.844e8, 1.06e-10  # metres: mean distance, and twice the Bohr radius
    assert moon / change(flow) < atom
    trace, y = _built_in(T=200, g=0.8)
    gradient = bptt.backward(trace, y, reduction="last")
    slopes = 1 - trace.h[1] ** 2
    share = np.outer(gradient.h[0] * slopes, trace.x[0])  # of dL/dW_hx, the use in step 1
    assert np.linalg.norm(share) < np.finfo(float).eps / 2 * np.linalg.norm(gradient.W_hx)
    return [change(flow), 1]


def _built_in(T, g):
    """The network of gradient_flow, made again from what its docstring says."""
    params = bptt.init_params(1, 64, 1, seed=0)
    x = 0.1 * np.random.default_rng((0, 1)).normal(size=(T, 1))
    trace = bptt.forward(params._replace(W_hh=g * params.W_hh), x, activation="tanh")
    return trace, np.ones((T, 1))


def of_exploding(flow):
    trace, y = _built_in(T=200, g=2.0)
    step = np.linalg.norm(bptt.backward(trace, y, reduction="last").W_hh)
    assert step > 1e6 * np.linalg.norm(trace.params.W_hh)  # an ordinary step is a hundredth or a tenth of it
    return [change(flow), 0.8]


def of_the_edge(flow):
    colder = bptt.experiments.gradient_flow(T=200, g=1.0)
    assert change(flow) < 1.05 < change(colder)
    assert flow.slopes.max() <= 1
    return [change(colder), 1.0, 0.9, 1.1, 0.9**200, 1.1**200]


def of_cliff(clipped, thrown):
    assert not clipped.path.left and thrown.path.left
    return [clipped.clip, len(clipped.path.norm), len(thrown.path.norm)]


def of_truncation(window, unit):
    assert unit.error > window.error
    return [window.all, window.dropped, 100 * window.error, 100 * unit.error, 1]


def of_gates(opened, half):
    assert half.lstm[-1] < half.plain[-1] < opened.lstm[-1]
    assert np.median(opened.gate.median) > 0.99
    return [fold(opened.plain[-1]), fold(opened.lstm[-1]), fold(half.lstm[-1])]


def of_check(checked):
    wrong = list(checked.report.time_steps)
    assert wrong == list(range(1, checked.T))
    return [wrong[0], wrong[-1], checked.T, 6]  # step 6 has the formula


FACTS = [
    lambda forward: [],
    lambda back: [*back.parts, back.parts.sum(), 1, 2, 3],
    lambda flow: [64, len(flow.full), change(flow), 200],
    lambda flow: [*of_vanishing(flow), 2],  # step 2 has the sum
    of_exploding,
    of_the_edge,
    of_cliff,
    of_truncation,
    of_gates,
    of_check,
]


@each_step
def test_every_number_is_what_the_experiments_say(number):
    shown = states(number)
    facts = [float(fact) for fact in FACTS[number - 1](*[state["data"] for state in shown])]
    settings = [v for state in shown for v in state["controls"].values() if isinstance(v, int | float)]
    for text in words(STORY.steps[number - 1]):
        for found, half in numbers(text):
            assert any(agrees(fact, found, half) for fact in facts + settings), (found, text, facts)


def test_what_is_said_of_another_step_is_there():
    assert "⊤" in "".join(STORY.steps[5].text) and "sum" in STORY.steps[1].title


def test_the_weight_stands_at_three_places_and_all_states_lie_between():
    data = states(1)[0]["data"]
    assert data.graph.T == 3 == len(data.parts) and data.trace.activation == "identity"


def test_the_truncated_network_and_its_grades_are_as_told():
    controls = states(8)[0]["controls"]
    assert controls["T"] == 60 and controls["reduction"] == "mean"
    assert states(8)[1]["controls"]["activation"] == "identity" and states(8)[1]["controls"]["units"] == 1


# --- the text ---


def test_it_takes_ten_minutes():
    """Two hundred words a minute, and half a minute for each picture."""
    everything = [*STORY.lead, *STORY.end.text, *(text for step in STORY.steps for text in words(step))]
    minutes = sum(len(text.split()) for text in everything) / 200 + len(STORY.steps) / 2
    assert 9 <= minutes <= 10.5


@each_step
def test_a_step_is_short_and_ends(number):
    step = STORY.steps[number - 1]
    assert 40 <= sum(len(text.split()) for text in sentences(step)) <= 90
    assert all(text.endswith((".", "?", ":")) for text in sentences(step)) and sentences(step)[-1][-1] != ":"


def test_few_formulas_stand_alone():
    alone = [text for step in STORY.steps for text in step.text if text.startswith("$$")]
    assert 2 <= len(alone) <= 4 and all(len(text) < 60 for text in alone)


def test_each_step_changes_the_picture():
    said = [states(number)[0]["sentence"] for number in NUMBERS]
    assert len(set(said)) == len(said)
    assert len(STORY.steps) == 10


@each_state
def test_every_state_can_be_led_to(name, values):
    """By a preset and by leads, and beside a preset that has a scene of its own by the main one; see _table.py."""
    explorer = made(name)
    explorer.reset()
    start, moved = {key: control.value for key, control in explorer.controls.items()}, dict(values)
    preset = explorer.presets.get(moved.pop("preset", None), {})
    own_scene = any(start[key] != value for key, value in preset.items() if key not in explorer.leads)
    assert moved.keys() <= set([*explorer.leads][: 1 if own_scene else None])
    for key, value in moved.items():
        assert value in [*(explorer.leads[key] or explorer.controls[key].values), start[key]]


# --- the page ---


class Page(HTMLParser):
    """Sections by id, with the images in them, and all links."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.links, self.ids, self._open = {}, [], set(), None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        if tag == "section":
            self._open = self.sections.setdefault(found["id"], {"images": [], **found})
        elif tag == "img":
            self._open["images"].append(found)
        elif tag == "a":
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def written():
    """The text of the page, and the files that are written with it."""
    files = {}
    text = story.page(lambda name, content: files.__setitem__(name, content))
    return text, files


@pytest.mark.slow
def test_every_step_has_its_picture_and_says_what_is_seen(written):
    text, files = written
    page = Page(text)
    for number in NUMBERS:
        section = page.sections[f"step-{number}"]
        (image,) = section["images"]
        assert image["alt"] == states(number)[0]["sentence"]
        assert files[image["src"]].startswith(b"<?xml") and f"{story.STATIC}/step-{number}-tall.svg" in files
        assert json.loads(section["data-set"]) == dict(STORY.steps[number - 1].set)
    assert len(page.sections) == len(STORY.steps) + 1


def test_every_link_leads_somewhere(written):
    page = Page(written[0])
    made = {re.sub(r"\.(ipynb|md)$", ".html", name) for name in page_of().values()} | {"explorers/index.html"}
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else link in made, link
    assert {"notebooks/00_start_here.html", "notebooks/12_your_own_network.html"} <= set(page.links)


def test_the_code_at_the_end_is_a_call_that_exists():
    params, x = bptt.init_params(2, 3, 1), np.ones((5, 2))
    shown = eval(STORY.end.code, {"bptt": bptt, "params": params, "x": x})
    assert shown.error is None
    shown.close()


@pytest.mark.slow
def test_what_is_written_twice_is_the_same(written):
    files = {}
    assert story.page(lambda name, content: files.__setitem__(name, content)) == written[0]
    assert files == written[1]


STEP = '[[step]]\ntitle = "A"\nexplorer = "powers"\nset = {}\ntext = ["."]\ntall = [0, 1]\n'
END = 'title = "T"\nlead = ["."]\n[end]\ntitle = "E"\ntext = ["."]\ncode = "1"\nlinks = []\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (END + STEP.replace("powers", "power"), "step 1: explorer is 'power', wanted one of"),
        (END + STEP + 'colour = "red"\n', "step 1 has colour, wanted only"),
        (END + STEP.replace("set = {}\n", ""), "step 1: .*set"),
        (END + STEP + 'look = { words = "." }\n', "step 1: look: .*set"),
        (STEP, "the end: .*title"),
        (END.replace('lead = ["."]\n', "") + STEP, "the story: .*lead"),
    ],
)
def test_what_is_not_there_is_named(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        story.read(text)


def test_a_setting_that_an_explorer_does_not_take_is_named():
    read = story.read(END + STEP.replace("set = {}", "set = { n = 1 }"))
    with pytest.raises(ValueError, match="n is 1, wanted a whole number from 2 to 64"):
        story.draw(read, lambda name, content: None)


# --- in a browser ---

SHELL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The story</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main>{}</main></body></html>"""
AT_REST = """new Promise((done) => {
  let before = -1, still = 0;
  const look = () => {
    still = scrollY === before ? still + 1 : 0;
    before = scrollY;
    still > 15 ? done() : requestAnimationFrame(look);
  };
  look();
})"""
TELEPHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def in_browser(test):
    for mark in pages.MARKS:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def address(tmp_path_factory, written):
    """The page as it is without the theme, in a folder with its players."""
    folder = tmp_path_factory.mktemp("story")
    for name, content in written[1].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    players.write(folder / "_static" / "players", sorted({step.explorer for step in STORY.steps}))
    body = written[0].split("```{raw} html\n")[1].rsplit("```", 1)[0]
    path = folder / "index.html"
    path.write_text(SHELL.format(f"<h1>{STORY.title}</h1>{body}"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(chromium, address):
    """Opens the page, as a context of Playwright says; nothing may go wrong on it."""
    contexts, wrong = [], []

    def open_page(place="", **options):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto(address + place)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def go_to(page, number):
    page.evaluate(f"document.querySelector('#step-{number}').scrollIntoView({{block: 'center'}})")


def await_state(page, number, look=False):
    """Wait until the figure of a step shows what the explorer of the step says."""
    step = STORY.steps[number - 1]
    said = states(number)[look]["sentence"]
    page.wait_for_function(
        """([name, said]) => {
            const shown = document.querySelector(`[data-name=${name}].d2l-player:not(.story-away) figcaption`);
            const plain = (element) => [...element.childNodes].map((node) =>
                ({SUB: "_", SUP: "^"}[node.nodeName] ?? "") + (node.children ? plain(node) : node.data)).join("");
            return shown && plain(shown).replaceAll("−", "-") === said.replaceAll("−", "-");
        }""",
        arg=[step.explorer, said],
        timeout=20_000,
    )


def values_of(page, number, what="values()"):
    name = STORY.steps[number - 1].explorer
    figure = f"document.querySelector('.story-stage [data-name={name}]')"
    return page.evaluate(f"d2lbptt.players.ready({figure}).then((player) => player.{what})")


def main_slider(page):
    return page.locator(".d2l-player:not(.story-away) .d2l-main input")


@in_browser
@pytest.mark.parametrize("options", [{}, TELEPHONE], ids=["wide", "telephone"])
def test_each_step_shows_its_state(opened, options):
    page = opened(**options)
    for number in NUMBERS:
        go_to(page, number)
        await_state(page, number)
        assert page.locator(".story-place").text_content() == f"{number} of {len(STORY.steps)}"
        page.locator(".story-back").wait_for(state="hidden")
        shown, wanted = values_of(page, number), states(number)[0]["controls"]
        assert {key: shown[key] for key in wanted if key != "preset"} == {
            key: value for key, value in wanted.items() if key != "preset"
        }


@in_browser
def test_keys_that_scroll_lead_through_the_steps(opened):
    page = opened()
    await_state(page, 1)
    seen = {page.locator(".story-place").text_content()}
    for _ in range(20):
        page.keyboard.press("PageDown")
        page.evaluate(AT_REST)
        seen.add(page.locator(".story-place").text_content())
    assert len(seen) == len(STORY.steps)
    await_state(page, len(STORY.steps))


@in_browser
@pytest.mark.parametrize("options", [{}, TELEPHONE], ids=["wide", "telephone"])
def test_a_jump_over_all_steps_shows_the_last_one_and_one_back_the_first(opened, options):
    page = opened(**options)
    await_state(page, 1)
    page.evaluate("() => scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })")
    await_state(page, len(STORY.steps))
    assert page.locator(".story-place").text_content() == f"{len(STORY.steps)} of {len(STORY.steps)}"
    page.evaluate("() => scrollTo({ top: 0, behavior: 'instant' })")
    await_state(page, 1)


@in_browser
def test_the_links_of_a_step_lead_to_its_neighbours(opened):
    page = opened()
    await_state(page, 1)
    for number in (2, 3):
        page.locator(f"#step-{number - 1} a", has_text="Next step").focus()
        page.keyboard.press("Enter")
        await_state(page, number)
    page.locator("#step-3 a", has_text="Previous step").click()
    await_state(page, 2)


@in_browser
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_figure_glides_or_jumps_where_motion_is_reduced(opened, motion):
    page = opened("#step-4", reduced_motion=motion)
    await_state(page, 4)
    values_of(page, 4, "listen(() => (window.seen ??= []).push(player.values().g))")
    go_to(page, 5)
    await_state(page, 5)
    seen = page.evaluate("window.seen")
    between = [g for g in seen if 0.8 < g < 2.0]
    if motion == "reduce":
        assert between == []
    else:
        assert 3 <= len(between) <= 12 and between == sorted(between)


@in_browser
def test_a_reader_who_takes_the_slider_keeps_it_until_the_next_step(opened):
    page = opened("#step-5")
    await_state(page, 5)
    main_slider(page).press("ArrowRight")
    page.wait_for_timeout(1000)
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 40)
    page.wait_for_timeout(500)
    assert values_of(page, 5)["g"] == 2.1
    page.locator(".story-back").click()
    await_state(page, 5)
    page.locator(".story-back").wait_for(state="hidden")
    main_slider(page).press("End")
    go_to(page, 6)
    await_state(page, 6)


@in_browser
def test_a_reader_may_stop_the_glide(opened):
    page = opened("#step-1")
    await_state(page, 1)
    main_slider(page).focus()
    go_to(page, 2)
    page.wait_for_function("document.querySelector('.story-place').textContent.startsWith('2')")
    main_slider(page).press("Home")
    page.wait_for_timeout(1500)  # a glide would go on meanwhile
    pages.at_rest(page)
    assert values_of(page, 2)["step"] == 0
    assert page.locator(".story-back").is_visible()


@in_browser
@pytest.mark.parametrize("number", [number for number in NUMBERS if STORY.steps[number - 1].look])
def test_a_look_is_one_button_away_and_back(opened, number):
    page = opened(f"#step-{number}")
    await_state(page, number)
    page.evaluate(AT_REST)
    page.locator(f"#step-{number} .story-look button").press("Enter")
    await_state(page, number, look=True)
    page.locator(".story-back").wait_for()
    page.locator(".story-back").press("Enter")
    await_state(page, number)


@in_browser
def test_the_keyboard_goes_to_the_slider_and_back(opened):
    page = opened("#step-4")
    await_state(page, 4)
    page.locator("#step-4 button", has_text="Take the slider").press("Enter")
    page.wait_for_function("document.activeElement.type === 'range'")
    page.keyboard.press("ArrowUp")
    pages.at_rest(page)
    assert values_of(page, 4)["g"] == 0.9
    page.locator(".story-totext").press("Enter")
    assert page.evaluate("document.activeElement.id") == "step-4"


@in_browser
def test_all_controls_are_there_when_asked_for(opened):
    page = opened("#step-4", **TELEPHONE)
    await_state(page, 4)
    preset = page.locator(".d2l-player:not(.story-away) [data-key=preset] select")
    assert preset.is_hidden()
    page.locator(".story-more").click()
    assert preset.is_visible()
    page.keyboard.press("Escape")
    assert preset.is_hidden()


@in_browser
def test_without_script_it_is_text_with_pictures(opened):
    page = opened(java_script_enabled=False)
    images = page.locator(".story-step img")
    assert images.count() == len(STORY.steps) and page.locator(".story-stage").count() == 0
    for i in range(images.count()):
        images.nth(i).scroll_into_view_if_needed()
        assert images.nth(i).bounding_box()["height"] > 100
    assert page.locator(".story-step p", has_text="off by 27 %").is_visible()


@in_browser
def test_without_data_it_is_text_with_pictures(chromium, address):
    page = chromium.new_page()
    page.route(re.compile("head.js"), lambda route: route.abort())
    page.goto(address)
    page.wait_for_function("!document.querySelector('.story-stage')")
    assert page.locator(".story-step img").first.is_visible()
    page.close()


@in_browser
@pytest.mark.parametrize("width", [390, 320])
def test_on_a_telephone_the_figure_leaves_room_for_the_text(opened, width):
    height = 844 if width == 390 else 640
    page = opened(**TELEPHONE | {"viewport": {"width": width, "height": height}})
    for number in NUMBERS:
        page.evaluate(f"location.hash = '#step-{number}'")
        await_state(page, number)
        page.evaluate(AT_REST)
        stage = page.locator(".story-stage").bounding_box()
        title = page.locator(f"#step-{number} h2").bounding_box()
        picture = page.locator(".d2l-player:not(.story-away) .d2l-picture").bounding_box()
        assert abs(stage["y"]) < 1 and stage["height"] <= (0.455 if width == 390 else 0.51) * height
        assert stage["height"] - 2 <= title["y"] <= height - 60
        assert picture["width"] >= 0.4 * width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@in_browser
@pytest.mark.parametrize("options", [{}, TELEPHONE], ids=["wide", "telephone"])
def test_no_barriers(opened, options):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened("#step-7", **options)
    await_state(page, 7)
    found = axe.run(page, options={"preload": False}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


@each_step
def test_without_a_script_links_lead_to_the_step_before_and_the_one_after(written, number):
    (ways,) = re.findall(rf'aria-label="from step {number}">(.*?)</nav>', written[0])
    steps = [f"#step-{n}" if n in NUMBERS else "#story-end" for n in (number - 1, number + 1)]
    assert re.findall('href="(.*?)"', ways) == steps[number == 1 :]
