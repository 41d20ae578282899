"""Explorers on a page of their own in Chromium, without Jupyter: their questions are answered in this process."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from d2lbptt.explorers import front_end
from tools.lab import CHROMIUM, QUIET

FOLDER = Path(front_end.__file__).parent
QUICK = [  # of what drives a browser
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path"),
    # Playwright's own event loop, and the transports it leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MARKS = [*QUICK, pytest.mark.slow]  # of nearly all of it
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 0; background: {ground}; }} main {{ padding: 0 8px; }} {css}</style></head>
<body><main><h1 class="d2l-unseen">Explorers</h1><h2 class="d2l-unseen">All of them</h2></main></body></html>"""
SCRIPT = """(() => {{ {module}
window.d2l = {{ mount, fromTable, fromModel, sources: {{}} }};
}})()"""
SOURCE = """([name, first, spec]) => {
  const heard = new Set();
  let answer = first;
  const source = {
    spec, heard, answer: () => answer, fonts() {},
    ask: async (question) => {
      const next = JSON.parse(await window.askPython(name, JSON.stringify(question)));
      answer = { ...next, background: next.background ?? answer.background };
      heard.forEach((f) => f());
    },
    listen(f) { heard.add(f); return () => heard.delete(f); },
  };
  const place = document.createElement("div");
  place.id = name;
  document.querySelector("main").append(place);
  window.d2l.sources[name] = source;
  window.d2l[name] = window.d2l.mount(source, place);
}"""


def on_page(test):
    """Mark one test as one that drives a browser."""
    for mark in MARKS:
        test = mark(test)
    return test


@contextmanager
def browser():
    """A Chromium that asks nobody; the test skips where Playwright is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


def blank(page, ground="#fff"):
    """Make a page with the script and the style sheet, and nothing on it."""
    css = (FOLDER / "front_end.css").read_text("utf-8")
    module = "".join((FOLDER / name).read_text("utf-8") for name in ("front_end.js", "player.js"))
    page.set_content(PAGE.format(css=css, ground=ground))
    module = module.replace("export function", "function").replace("export default", "const widget =")
    page.evaluate(SCRIPT.format(module=module))


def put(page, explorers, ground="#fff"):
    """Show explorers, by name, on a page."""

    def ask(name, question):
        explorer = explorers[name]
        before = explorer.background
        explorer._on_question(explorer, json.loads(question), [])
        background = explorer.background if explorer.background != before else None
        return json.dumps({**explorer.answer, "background": background})

    page.expose_function("askPython", ask)
    blank(page, ground)
    for name, explorer in explorers.items():
        first = {**explorer.answer, "background": explorer.background}
        page.evaluate(SOURCE, [name, first, explorer.spec])


def until(page, there):
    """Wait until something is so, at most half a minute; what is not so after all is for the test to say."""
    for _ in range(600):
        if there():
            return
        page.wait_for_timeout(50)


def at_rest(page):
    """Wait until every explorer has the picture that it asked for, with its axes, and three frames were alike."""
    page.wait_for_function("""() => new Promise((done) => {
        let before = "", alike = 0;
        const look = () => {
            const all = [...document.querySelectorAll(".d2l")];
            const now = all.map((e) => e.dataset.shown + e.clientHeight).join();
            alike = now === before && all.every((e) => e.dataset.busy !== "true") ? alike + 1 : 0;
            before = now;
            alike < 3 ? requestAnimationFrame(look) : done(true);
        };
        requestAnimationFrame(look);
    })""")
