"""A real Chromium opens JupyterLab, runs a notebook, moves a slider and sees the picture and the sentence change.

Only this finds a slider that is dead in the browser: everywhere else its callbacks may be well.
"""

import itertools
import json
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pages
import pytest

from tools.lab import run_all, serve, show

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
# What these compute takes half a minute of a processor and more; test_notebooks.py runs it. Here they show explorers.
LONG = ("07_vanishing_exploding", "07b_remedies", "08_truncation")
workspaces = itertools.count()

pytestmark = pages.QUICK  # an explorer in JupyterLab is what everything is for


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of our own on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    for name in LONG:
        shorten(folder / "notebooks" / f"{name}.ipynb")
    with serve(folder) as address:
        yield address


def shorten(path):
    """Empty all cells with code but the first two, which prepare, and those that show an explorer."""
    notebook = nbformat.read(path, as_version=4)
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"][2:]:
        if "explorers." not in cell.source:
            cell.source, cell.outputs = "", []
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def browser():
    with pages.browser() as started:
        yield started


@pytest.fixture
def open_and_run(lab, browser):
    """Open a notebook in a page of its own, run all its cells, and wait until the kernel is idle."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})

    def run(name):
        run_all(page, lab.format(next(workspaces), f"notebooks/{name}"), ".d2l")
        assert page.locator("[data-mime-type='application/vnd.jupyter.error'], .d2l-error:not([hidden])").count() == 0
        show(page.locator(".d2l").first)
        return page

    yield run
    page.close()


def explorer(page, question=""):
    """The explorer with this question, or the first one, scrolled into sight."""
    found = page.locator(".d2l", has=page.get_by_role("heading", name=question) if question else None).first
    show(found)
    return found


def seen(root):
    """The picture and the sentence of an explorer, as they are on the page."""
    return root.locator(".d2l-foreground").inner_html(), sentence(root)


def sentence(root):
    return root.locator(".d2l-sentence").inner_text()


def slider(root, key):
    found = root.locator(f"[data-key='{key}'] input")
    show(found)
    return found


def changed(root, before, words=""):
    """Wait until picture and sentence are both others than before, and the sentence holds these words."""
    for _ in range(100):
        now = seen(root)
        if now[0] != before[0] and now[1] != before[1] and words in now[1]:
            return now
        time.sleep(0.1)
    raise AssertionError(f"{words!r} is not in {now[1]!r}, or it is still as before: {before[1]!r}")


def test_a_key_on_the_slider_changes_picture_and_sentence(open_and_run):
    root = explorer(open_and_run("00_start_here.ipynb"))
    before = seen(root)
    assert "g = 0.80" in before[1] and "it vanishes" in before[1]
    slider(root, "g").focus()
    root.page.keyboard.press("ArrowRight")
    after = changed(root, before, "g = 0.81")
    root.page.keyboard.press("End")
    after = changed(root, after, "g = 3.00")
    assert "it explodes" in after[1]
    assert root.page.locator(".jp-Notebook.jp-mod-editMode").count() == 0  # no key was taken for a command


@pytest.mark.slow
def test_after_a_drag_the_picture_belongs_to_the_last_value(open_and_run):
    root = explorer(open_and_run("00_start_here.ipynb"))
    box = slider(root, "T").bounding_box()
    x, y, mouse = box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2, root.page.mouse
    mouse.move(x, y)
    mouse.down()
    for i in range(40):
        mouse.move(x + 0.018 * i * box["width"], y)
    mouse.up()
    before = None
    while (now := seen(root)) != before:  # until it stands still
        before = now
        time.sleep(1)
    T = int(slider(root, "T").input_value())
    assert T > 400
    assert f"T = {T} " in now[1]


@pytest.mark.slow
def test_preset_reset_python_and_save_by_mouse(open_and_run):
    root = explorer(open_and_run("00_start_here.ipynb"))
    first = seen(root)
    root.locator("[data-key='preset'] select").select_option("exploding")
    exploding = changed(root, first, "g = 2.00")
    assert "it explodes" in exploding[1]
    root.get_by_role("button", name="As Python").click()
    assert "g=2.0," in root.locator("pre").inner_text()
    with root.page.expect_download() as download:
        root.get_by_role("button", name="Save SVG").click()
    assert download.value.suggested_filename == "gradient_flow.svg"
    root.get_by_role("button", name="Reset").click()
    assert changed(root, exploding) == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "explorers"),
    [
        ("01_scalar_rnn", [("Every slope needs a later one", "step", "End", "5 of T = 5")]),
        ("02_unrolling", [("One weight, many places", "T", "End", "T = 12")]),
        ("03_total_derivative", [("One derivative of", "g", "Home", "Whh = 0.00")]),
        ("05_with_tanh", [("What does a nonlinearity change?", "g", "Home", "g = 0.00")]),
        ("06_checking_gradients", [("Where is this gradient wrong?", "T", "Home", "T = 1")]),
        (
            "06b_rounding_and_kinks",
            [
                ("How small should the step ε be?", "h", "Home", "10"),
                ("Where is this gradient wrong?", "T", "Home", "T = 1"),
            ],
        ),
        (
            "07_vanishing_exploding",
            [
                ("Where does Mk x point?", "k", "End", "k = 200"),
                ("Can a gradient grow although every eigenvalue is below 1?", "c", "Home", "c = 0.0"),
                ("How far back does the gradient reach?", "g", "Home", "exactly 0"),
                ("For which weight scale does the gradient neither", "g", "End", "g = 3.000"),
            ],
        ),
        (
            "07b_remedies",
            [
                ("Do two neighbouring starts stay neighbours?", "g", "Home", "g = 0.00"),
                ("What does a gradient step do at a cliff?", "w", "Home", "w = 3.10"),
                ("What keeps a gradient alive, and bounded?", "T", "Home", "T = 10"),
                ("Where did the vanishing gradient go?", "T", "Home", "T = 10"),
            ],
        ),
        (
            "08_truncation",
            [
                ("Where do the strategies cut the text?", "tau", "Home", "τ = 1"),
                ("What does truncation throw away?", "tau", "Home", "τ = 1"),
            ],
        ),
        (
            "12_your_own_network",
            [
                ("How far back does the gradient reach?", "g", "Home", "exactly 0"),
                ("Can a gradient grow although every eigenvalue is below 1?", "c", "End", "c = 50.0"),
                ("Where is this gradient wrong?", "T", "Home", "T = 1"),
            ],
        ),
    ],
)
def test_every_explorer_of_a_notebook_answers(open_and_run, notebook, explorers):
    page = open_and_run(f"{notebook}.ipynb")
    for question, key, press, words in explorers:
        root = explorer(page, question)
        before = seen(root)
        slider(root, key).focus()
        page.keyboard.press(press)
        changed(root, before, words)


@pytest.mark.slow
def test_the_gradient_check_answers_and_the_answers_of_the_hunt_are_folded(open_and_run):
    page = open_and_run("06_checking_gradients.ipynb")
    root = explorer(page, "Where is this gradient wrong?")
    before = seen(root)
    assert "FAIL" in root.locator(".d2l-foreground").text_content()
    root.locator("[data-key='mistake'] select").select_option("window one short")
    before = changed(root, before)
    assert "longest path is missing" in root.locator(".d2l-details").text_content()
    slider(root, "g").focus()
    page.keyboard.press("Home")
    changed(root, before, "g = 0.00")
    assert "PASS" in root.locator(".d2l-foreground").text_content()
    answers = page.locator(".jp-MarkdownOutput details").filter(has=page.locator("pre"))
    assert answers.count() == 10  # of the hunt; those of the predictions hold no code
    assert not answers.first.locator("pre").is_visible()
    show(answers.first)
    answers.first.locator("summary").click()
    assert "+ do = (trace.o - y) / T" in answers.first.locator("pre").inner_text()


@pytest.mark.slow
def test_nothing_is_asked_of_another_host(lab, browser):
    page, hosts = browser.new_page(), set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    run_all(page, lab.format(next(workspaces), "notebooks/00_start_here.ipynb"), ".d2l")
    assert hosts - {None} == {"localhost"}
    page.close()


@pytest.mark.slow
def test_notebook_7_takes_no_key_of_a_slider_for_a_command_and_asks_no_other_host(lab, browser):
    pytest.importorskip("notebook", "7", reason="Notebook 7 is not installed")
    page, hosts = browser.new_page(viewport={"width": 1280, "height": 720}), set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    parts = urlsplit(lab)  # this server has both
    run_all(page, f"{parts.scheme}://{parts.netloc}/notebooks/notebooks/00_start_here.ipynb?{parts.query}", ".d2l")
    root, cells = explorer(page), page.locator(".jp-Notebook .jp-Cell").count()
    before = seen(root)
    slider(root, "g").focus()
    page.keyboard.press("End")
    changed(root, before, "g = 3.00")
    for key in ("a", "d", "d", "m", "x", "Enter", "Escape"):  # in a notebook, each is a command
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.locator(".jp-Notebook.jp-mod-editMode, .jp-Dialog").count() == 0
    assert slider(root, "g").evaluate("e => e === document.activeElement")
    assert hosts - {None} == {"localhost"}
    page.close()


@pytest.mark.slow
def test_a_notebook_that_was_run_and_saved_shows_its_pictures_again(lab, browser):
    """Reopened with its kernel gone, and saved and reopened, a picture has the right values; a control goes back."""
    name = "notebooks/00_start_here.ipynb"
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    run_all(page, lab.format(next(workspaces), name), ".d2l")
    root = explorer(page)
    before = seen(root)
    slider(root, "g").focus()
    page.keyboard.press("ArrowRight")
    after = changed(root, before, "g = 0.81")
    time.sleep(1)
    nbformat.validate(nbformat.from_dict(saved(lab, page, name)))  # while the slider has the focus
    for again in (False, True):
        page.close()
        for session in asked(lab, "sessions"):
            asked(lab, f"sessions/{session['id']}", "DELETE")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(lab.format(next(workspaces), name))
        page.locator(".d2l").first.wait_for(state="attached", timeout=60_000)
        root = explorer(page)
        assert sentence(root) == after[1] and slider(root, "g").input_value() == "0.81"
        if not again:  # JupyterLab saves by itself what was only opened
            saved(lab, page, name)
    slider(root, "g").focus()
    page.keyboard.press("End")
    root.get_by_text("The kernel does not answer").wait_for(timeout=20_000)
    assert slider(root, "g").input_value() == "0.81"
    page.close()


def saved(lab, page, name):
    """Save a notebook by key, and return what the server then has."""
    before = asked(lab, f"contents/{name}?content=0")["last_modified"]
    page.keyboard.press("Control+s")
    for _ in range(100):
        time.sleep(0.2)
        try:
            content = asked(lab, f"contents/{name}")
        except urllib.error.HTTPError:  # it is half written
            continue
        if content["last_modified"] != before and "widgets" in content["content"]["metadata"]:
            return content["content"]
    raise AssertionError("it was not saved")


def asked(lab, path, method="GET"):
    """What the server's own interface answers."""
    parts = urlsplit(lab)
    url = f"{parts.scheme}://{parts.netloc}/api/{path}{'&' if '?' in path else '?'}{parts.query}"
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")
