"""The clock of ``make sliders``, on a page whose pictures come after a time that is known."""

import statistics

import pytest
from loops import for_each

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import sync_playwright

from benchmarks import sliders

DELAY = 150  # ms
LATE = 300  # ms that a busy machine may add
# Both are moved by the same slider: the attributes of an explorer, and an output that gets a new image.
PAGE = """
<div class="d2l" data-shown='{"g": 5}'><input type="range" min="0" max="10" value="5" style="width: 300px"></div>
<div class="out"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="></div>
<script>
const input = document.querySelector("input"), out = document.querySelector(".out");
input.addEventListener("input", () => setTimeout((value) => {
  document.querySelector(".d2l").dataset.shown = JSON.stringify({ g: value });
  out.replaceChildren(out.firstElementChild.cloneNode());
}, DELAY, Number(input.value)));
</script>"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sliders.CHROMIUM is None, reason="no Chromium on the path"),
    # as in test_browser
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=sliders.CHROMIUM, args=sliders.QUIET)
        page = browser.new_page()
        page.set_content(PAGE.replace("DELAY", str(DELAY)))
        page.evaluate(sliders.WATCH)
        yield page
        browser.close()


@pytest.mark.slow
@for_each(("way", "element", "more"), [("ours", ".d2l", ["g"]), ("naive", ".out", [])])
def test_a_press_takes_until_its_picture_is_painted(page, way, element, more):
    found = sliders.pressed(page, page.locator("input"), 7, way, page.query_selector(element), *more)
    assert len(found) == 7  # it turned at the end: a slider that stands there would be waited for
    assert min(found) >= DELAY and statistics.median(found) < DELAY + LATE


@pytest.mark.slow
def test_a_drag_counts_from_its_last_change_to_the_picture_of_the_last_value(page):
    root, slider = page.query_selector(".d2l"), page.locator("input")
    before = slider.input_value()
    assert DELAY <= sliders.dragged(page, slider, root, "g") < DELAY + LATE
    assert slider.input_value() != before
