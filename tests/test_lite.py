"""JupyterLite in the site: what is in it, where it is linked, and the notebooks in a real kernel of the browser."""

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import browser, on_page

from d2lbptt.text import corpus
from tools import lab, notebooks
from tools.site import __main__ as command
from tools.site import beside, lite, pyodide

ROOT = notebooks.ROOT
LIMIT = 120e6  # bytes, without a Pyodide of its own
NAMES = [path.stem for path in notebooks.paths(ROOT) if path.parent.name == "notebooks"]
SLOW_THERE = {"09_training"}  # minutes, even with a fifth of the epochs
CELLS = ".jp-Notebook .jp-CodeCell"
PROMPTS = f"[...document.querySelectorAll('{CELLS} .jp-InputPrompt')].map(e => e.textContent)"
# Errors of cells, and those that an explorer says below its picture.
WRONG = ('[data-mime-type="application/vnd.jupyter.error"]', '[data-mime-type$="stderr"]', ".d2l-error:not([hidden])")
TROUBLE = (
    f"[...document.querySelectorAll('{', '.join(f'.jp-Notebook {each}' for each in WRONG)}')].map(e => e.textContent)"
)
FONTS = "Matplotlib is building the font cache"  # where a cell loads it before the package, which would be silent
PAGE = f'<!doctype html><title>a page</title><main><p class="beside">{beside.LIVE}</p></main>'


def site_of(folder):
    """A site of which only the pages of two notebooks are there."""
    for name in ("notebooks/04_bptt_by_hand", "solutions/04_bptt_by_hand", "notebooks/notation"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.html").write_text(PAGE, encoding="utf-8")
    return folder


# --- what is built ---


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site with JupyterLite, whose kernel gets Pyodide from its usual address."""
    if not find_spec("jupyterlite_pyodide_kernel"):
        pytest.skip("JupyterLite is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(pyodide.VARIABLE, raising=False)
        site = site_of(tmp_path_factory.mktemp("site"))
        lite.write(site)
        lite.link(site)
    return site


@pytest.mark.slow
def test_it_has_the_notebooks_as_they_are(built):
    for path in notebooks.paths(ROOT):
        copied = built / "lite" / "files" / path.relative_to(ROOT)
        assert notebooks.read(copied) == notebooks.read(path), path
    assert (built / "lite" / "files" / "notebooks" / "notation.md").is_file()


@pytest.mark.slow
def test_its_kernel_is_told_of_the_lock_file_with_the_wheel(built):
    page = json.loads((built / "lite" / "jupyter-lite.json").read_text("utf-8"))["jupyter-config-data"]
    kernel = page["litePluginSettings"][f"{lite.KERNEL}:kernel"]
    assert kernel["pyodideUrl"] == f"{pyodide.USUAL}{pyodide.ENTRY}"
    assert kernel["loadPyodideOptions"]["packages"] == ["d2lbptt"]
    lock = built / "lite" / kernel["loadPyodideOptions"]["lockFileURL"]
    entry = json.loads(lock.read_text("utf-8"))["packages"]["d2lbptt"]
    assert (lock.parent / entry["file_name"]).is_file()
    assert {each["name"] for each in page["federated_extensions"]} == {lite.KERNEL, *lite.EXTENSIONS}


@pytest.mark.slow
def test_the_pyodide_of_the_lock_file_is_one_for_this_jupyterlite():
    constants = pytest.importorskip("jupyterlite_pyodide_kernel.constants")
    assert pyodide.chosen().python == constants.PYODIDE_PYTHON_VERSION


@pytest.mark.slow
def test_it_is_small_and_the_same_each_time(built, tmp_path):
    files = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert sum(map(len, files.values())) < LIMIT
    again = site_of(tmp_path / "site")
    lite.write(again)
    lite.link(again)
    differing = [str(name) for name, content in files.items() if (again / name).read_bytes() != content]
    assert differing == []
    assert len(files) == sum(path.is_file() for path in again.rglob("*"))


@pytest.mark.slow
def test_each_page_of_a_notebook_has_one_link_to_the_notebook(built):
    for folder, place in (("notebooks", "notebooks"), ("solutions", "notebooks/solutions")):
        page = (built / folder / "04_bptt_by_hand.html").read_text("utf-8")
        (link,) = re.findall(r'<a class="live" href="\.\./(lite/lab/index\.html)\?path=(.*?)">', page)
        assert (built / link[0]).is_file() and (built / "lite" / "files" / link[1]).is_file()
        assert link[1] == f"{place}/04_bptt_by_hand.ipynb"
    assert (built / "notebooks" / "notation.html").read_text("utf-8") == PAGE


# --- the book's text, the environment, the command ---


def test_the_books_text_goes_along_where_it_can_be_had(tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")
    monkeypatch.delenv(corpus.VARIABLE, raising=False)
    assert lite.the_books_text() is None
    monkeypatch.setattr(corpus, "SHA1", hashlib.sha1(b"The Time Machine").hexdigest())
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / corpus.FILE).write_bytes(b"The Time Machine")
    assert lite.the_books_text() == b"The Time Machine"
    (tmp_path / "mine.txt").write_bytes(b"A text of my own")
    monkeypatch.setenv(corpus.VARIABLE, str(tmp_path / "mine.txt"))
    assert lite.the_books_text() == b"The Time Machine"  # a reader's own text is not published by the way
    (tmp_path / "cache" / corpus.FILE).rename(tmp_path / corpus.FILE)
    monkeypatch.setenv(corpus.VARIABLE, str(tmp_path))
    assert lite.the_books_text() == b"The Time Machine"


def of_python(version, folder=Path("some")):
    return pyodide.Pyodide(folder, {"info": {"python": version}, "packages": {}})


def test_the_jupyterlite_that_fits_is_the_one_around_us_or_one_in_build(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(lite, "BUILD", tmp_path)
    monkeypatch.setattr(lite, "_installed", lambda: "0.8.6")
    monkeypatch.setattr(lite, "_run", lambda prefix, *words: called.append((prefix.name, words[-2:])))
    monkeypatch.setattr(lite.venv, "create", lambda folder, **_: folder.mkdir())
    assert lite._prefix(of_python("3.14.2")) == Path(sys.prefix) and called == []
    for _ in range(2):  # it is made once
        assert lite._prefix(of_python("3.12.7")) == tmp_path / "jupyterlite-0.6"
    wanted = ("jupyterlite-core[contents]==0.6.*", "jupyterlite-pyodide-kernel==0.6.*")
    assert called == [("jupyterlite-0.6", wanted)]


def test_a_pyodide_for_which_there_is_no_jupyterlite_is_refused():
    said = rf"^{pyodide.VARIABLE} is 'some', with Python 3\.11, wanted one of 3\.12, 3\.13, 3\.14$"
    with pytest.raises(ValueError, match=said):
        lite._prefix(of_python("3.11.3"))


def test_what_fails_is_said(capsys):
    with pytest.raises(ValueError, match=r"^this failed, as is said above: python -c import nowhere_to_be_found$"):
        lite._run(Path(sys.prefix), "-c", "import nowhere_to_be_found")
    assert "No module named 'nowhere_to_be_found'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--lite"]])
def test_it_is_made_where_it_is_asked_for(words, monkeypatch):
    asked = []
    monkeypatch.setattr(command, "build", lambda site, handouts, live: asked.append(live))
    command.main(words)
    assert asked == [bool(words)]


# --- on the page ---


@contextmanager
def server(folder):
    """The address of a folder on a server of ours."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://localhost:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.slow
@on_page
def test_a_page_from_a_disk_has_no_link_to_it_and_says_what_it_needs(tmp_path):
    link = lite._link("notebooks", "04_bptt_by_hand")
    script = '<script src="site.js" defer></script>'
    (tmp_path / "page.html").write_text(PAGE.replace(beside.LIVE, link) + script, encoding="utf-8")
    shutil.copy(ROOT / "site" / "_static" / "site.js", tmp_path)
    with browser() as chromium, server(tmp_path) as address:
        page = chromium.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_function("!document.querySelector('a.live')")
        assert page.locator(".beside").inner_text().endswith("(python -m http.server, in the folder of the site)")
        page.goto(f"{address}/page.html")
        page.wait_for_load_state("load")
        assert page.locator("a.live").inner_text() == "Run it live in the browser"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The address of a site whose kernel has the Pyodide of a folder, and a Chromium."""
    if not os.environ.get(pyodide.VARIABLE):
        pytest.skip(f"{pyodide.VARIABLE} names no folder with Pyodide, numpy and matplotlib")
    site = site_of(tmp_path_factory.mktemp("live"))
    lite.write(site)
    with server(site) as address, browser() as chromium:
        yield address, chromium


def run(page, address, name):
    """Open a notebook, run all its cells in the kernel of the browser, and wait until the last one is done."""
    page.goto(f"{address}/lite/lab/index.html?path=notebooks/{name}.ipynb")
    page.locator(CELLS).first.wait_for(timeout=120_000)
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    for _ in range(300):  # the sign of an idle kernel comes before it is up
        prompts = list(filter(None, page.evaluate(PROMPTS)))  # that of a folded cell is empty
        if prompts and all(re.search(r"\d", prompt) for prompt in prompts):
            return
        time.sleep(0.5)
    raise AssertionError(f"{name} never came to its end: {page.evaluate(PROMPTS)}")


def move(page, explorer):
    """Press a key on the main slider of an explorer, and wait for the next picture."""
    lab.show(explorer)
    explorer.locator("svg.d2l-picture").wait_for(timeout=60_000)
    before, slider = explorer.get_attribute("data-shown"), explorer.locator("input[type=range]").first
    slider.press("PageDown" if slider.evaluate("e => e.value === e.max") else "PageUp")
    shown = "([element, before]) => element.dataset.shown !== before"
    page.wait_for_function(shown, arg=[explorer.element_handle(), before], timeout=60_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SLOW_THERE])
@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_notebook_runs_in_the_browser_and_its_explorers_move(live, name):
    address, chromium = live
    page, foreign = chromium.new_page(viewport={"width": 1280, "height": 900}), []
    ours = (address, "data:", "blob:")
    page.context.on("request", lambda request: request.url.startswith(ours) or foreign.append(request.url))
    run(page, address, name)
    explorers = page.locator(".d2l")
    for number in range(explorers.count()):
        move(page, explorers.nth(number))
    assert [said for said in page.evaluate(TROUBLE) if FONTS not in said] == [] and foreign == []
    page.close()
