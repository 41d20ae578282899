"""A real Chromium opens JupyterLab, runs a notebook, moves a slider and sees the picture and the sentence change.

Only this finds a slider that is dead in the browser: everywhere else its callbacks may be well.
"""

import itertools
import shutil
import time
from pathlib import Path

import pytest

from tools.lab import CHROMIUM, QUIET, run_all, serve, show

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
workspaces = itertools.count()

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path"),
    # Playwright's own event loop, and the transports it leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of our own on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    with serve(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_and_run(lab, browser):
    """Open a notebook in a page of its own, run all its cells, and wait until the kernel is idle."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})

    def run(name):
        run_all(page, lab.format(next(workspaces), f"notebooks/{name}"), "[role=status]")
        assert page.locator("[data-mime-type='application/vnd.jupyter.error'], [role=alert]").count() == 0
        show(page.locator("[role=status]").first)
        return page

    yield run
    page.close()


def seen(page):
    """The picture and the sentence of the first explorer, as they are on the page."""
    return page.locator("img[alt]").first.get_attribute("src"), sentence(page)


def sentence(page):
    return page.locator("[role=status]").first.inner_text()


def slider(page, name):
    row = page.locator(".widget-hslider", has=page.locator(f"label:text-is('{name}')")).first
    show(row)
    return row


def changed(page, before):
    """Wait until picture and sentence are both others than before."""
    for _ in range(100):
        now = seen(page)
        if now[0] != before[0] and now[1] != before[1]:
            return now
        time.sleep(0.1)
    raise AssertionError(f"still as before: {before[1]}")


def test_a_key_on_the_slider_changes_picture_and_sentence(open_and_run):
    page = open_and_run("00_start_here.ipynb")
    handle = slider(page, "scale g").locator(".noUi-handle")
    before = seen(page)
    assert "g = 0.80" in before[1] and ": vanishing" in before[1]
    handle.focus()
    page.keyboard.press("ArrowRight")
    after = changed(page, before)
    assert "g = 0.81" in after[1]
    page.keyboard.press("End")
    after = changed(page, after)
    assert "g = 3.00" in after[1] and ": exploding" in after[1]
    assert page.locator("img[alt]").first.get_attribute("alt") == after[1]
    natural = page.locator("img[alt]").first.evaluate("image => [image.complete, image.naturalWidth]")
    assert natural == [True, 960]


@pytest.mark.slow
def test_after_a_drag_the_picture_belongs_to_the_last_value(open_and_run):
    page = open_and_run("00_start_here.ipynb")
    row = slider(page, "length T")
    box = row.locator(".noUi-handle").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(40):
        page.mouse.move(x + 4 * i, y)
    page.mouse.up()
    before = None
    while (now := seen(page)) != before:  # until it stands still
        before = now
        time.sleep(1)
    T = int(row.locator(".widget-readout").inner_text())
    assert T > 400
    assert now[1].startswith(f"T = {T}, ")


@pytest.mark.slow
def test_preset_reset_python_and_save_by_mouse(open_and_run):
    page = open_and_run("00_start_here.ipynb")
    first = seen(page)
    row = page.locator(".widget-dropdown", has=page.locator("label:text-is('preset')")).first
    row.locator("select").select_option("exploding")
    exploding = changed(page, first)
    assert "g = 2.00" in exploding[1] and ": exploding" in exploding[1]
    page.get_by_role("button", name="these settings as Python").first.click()
    assert "g=2.0," in page.locator("pre", has_text="experiments.gradient_flow").first.inner_text()
    page.get_by_role("button", name="Save SVG").first.click()
    page.get_by_text("saved as gradient_flow.svg").first.wait_for(timeout=30_000)
    page.get_by_role("button", name="Reset").first.click()
    assert changed(page, exploding) == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "label", "key", "words"),
    [
        ("01_scalar_rnn", "rows filled", "End", "All rows are there"),
        ("02_unrolling", "length T", "End", "W_hh is used in 12 places"),
        ("03_total_derivative", "W_hh = g", "Home", "T = 5"),
        ("05_with_tanh", "input size", "Home", "The median slope φ′ is 1.00"),
        ("06_checking_gradients", "log₁₀ h", "Home", "no digit"),
    ],
)
def test_the_explorer_of_each_notebook_answers(open_and_run, notebook, label, key, words):
    page = open_and_run(f"{notebook}.ipynb")
    before = seen(page)
    slider(page, label).locator(".noUi-handle").focus()
    page.keyboard.press(key)
    assert words in changed(page, before)[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "explorers"),
    [
        (
            "07_vanishing_exploding",
            [
                ("Where does Mᵏx point?", "steps k", "End", "k = 200, n = 8"),
                ("Can a gradient grow although every eigenvalue is below 1?", "c = W₁₂", "Home", "no transient"),
                ("How far back does the gradient reach?", "scale g", "Home", "dL/dh_1 is exactly 0: vanishing"),
                ("For which weight scale does the gradient neither", "scale g", "End", "g = 3: 999 steps back"),
            ],
        ),
        (
            "07b_remedies",
            [
                ("Do two neighbouring starts stay neighbours?", "length T", "Home", "at t = 10"),
                ("What does a gradient step do at a cliff?", "w", "Home", "At w = 3.10"),
                ("What keeps a gradient alive, and bounded?", "length T", "Home", "Of |dL/dh_10|"),
            ],
        ),
        (
            "08_truncation",
            [
                (
                    "Where do the strategies cut the text?",
                    "steps τ",
                    "Home",
                    "Sliding window: no cuts, it reaches 1.",
                ),
                ("What does truncation throw away?", "steps τ", "Home", "window τ = 1: 1770 of 1830 cells dropped"),
            ],
        ),
    ],
)
def test_every_explorer_of_a_notebook_answers(open_and_run, notebook, explorers):
    page = open_and_run(f"{notebook}.ipynb")
    for question, label, key, words in explorers:
        explorer = page.locator(".widget-vbox", has=page.get_by_text(question)).last
        show(explorer)
        status, picture = explorer.locator("[role=status]"), explorer.locator("img[alt]")
        assert words not in status.inner_text()
        before = picture.get_attribute("src")
        row = explorer.locator(".widget-hslider", has=page.locator(f"label:text-is('{label}')")).first
        show(row)
        row.locator(".noUi-handle").focus()
        page.keyboard.press(key)
        status.filter(has_text=words).wait_for(timeout=30_000)
        assert picture.get_attribute("src") != before


@pytest.mark.slow
def test_the_gradient_check_answers_and_the_answers_of_the_hunt_are_folded(open_and_run):
    page = open_and_run("06_checking_gradients.ipynb")
    explorer = page.locator(".widget-vbox", has=page.get_by_text("Where is this gradient wrong?")).last
    show(explorer)
    status, picture = explorer.locator("[role=status]"), explorer.locator("img[alt]")
    assert "FAIL" in status.inner_text() and "W_hh stands where its transpose belongs" in status.inner_text()
    mistake = explorer.locator(".widget-dropdown", has=page.locator("label:text-is('mistake')")).locator("select")
    mistake.select_option("window one short")
    status.filter(has_text="The longest path is missing").wait_for(timeout=30_000)
    before = picture.get_attribute("src")
    scale = explorer.locator(".widget-hslider", has=page.locator("label:text-is('scale g')"))
    scale.locator(".noUi-handle").focus()
    page.keyboard.press("Home")
    status.filter(has_text="here it changes no number").wait_for(timeout=30_000)
    assert "g = 0.00" in status.inner_text() and picture.get_attribute("src") != before
    answers = page.locator("details")
    assert answers.count() == 10
    assert not answers.first.locator("pre").is_visible()
    show(answers.first)
    answers.first.locator("summary").click()
    assert "+ do = (trace.o - y) / T" in answers.first.locator("pre").inner_text()
