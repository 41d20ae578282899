"""Time the way from a key press on a slider to the painted picture in a real browser: `make sliders`.

For each explorer a JupyterLab is started, and a notebook in it shows the explorer at the largest T that it offers. In a
headless Chromium its main slider, and T, are moved by the arrow keys and then dragged fast. The clock is the page's:
from the key event to the first task after the frame in which the picture was replaced has been painted.
Beside it, in the same page, stands the naive way: ``ipywidgets.interactive`` calls the experiment, makes a new figure
of the same picture and displays it as a PNG.

Milliseconds differ from machine to machine and with what else it does; the ratios can be compared. How long the
experiment alone takes, for each setting the first time, is measured in the kernel. Presses walk on as long as the
slider has room, because a setting that comes back may be cached.

`make sliders ARGS="gradient_flow cliff"` measures some explorers, `ARGS="--presses 100"` presses more often.
"""

import argparse
import functools
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from timeit import default_timer as clock
from unittest.mock import patch

import ipywidgets
import nbformat
from IPython.display import Image, display
from playwright.sync_api import sync_playwright

from d2lbptt import explorers
from d2lbptt.figures._paper import house, picture
from tools.lab import CHROMIUM, QUIET, run_all, serve, show

ROOT = Path(__file__).resolve().parent.parent
REST = 0.45  # seconds between two presses: axes that follow at rest do so meanwhile
WARM, NAIVE = 3, 12  # presses
DRAGS, MOVES = 6, 40
SECONDS = "seconds.txt"  # what the kernel measures
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
NUMBERS = "computing", "median", "95 %", "naive", "last drag", "worst drag"  # milliseconds
RATIOS = "95 % / median", "naive / median"


# --- in the kernel ---


def ours(name):
    """Return an explorer at its largest T, which writes down how long its experiment takes."""
    explorer, _ = _at_the_largest_T(name)
    explorer._experiment = _timed(explorer._experiment)
    return explorer


def naive(name, key):
    """Return the same picture as one would begin: a slider, and a new figure for each of its values."""
    explorer, made_of = _at_the_largest_T(name)
    control = explorer.controls[key]

    def draw(value):
        explorer._hold(lambda: explorer._change({key: value}))  # others may have to follow; it draws nothing itself
        values = explorer._values()
        data = explorer._experiment(**{name: values[name] for name in explorer._asked})
        shown = {name: values[name] for name in values if name not in (*explorer._asked, "preset")}
        new, file = picture(*made_of), io.BytesIO()
        with house():
            new.set_limits(*new.limits(data, **shown))
            new.update(data, **shown)
        new.figure.savefig(file, format="png")
        display(Image(file.getvalue()))

    slider = ipywidgets.IntSlider if isinstance(control.value, int) else ipywidgets.FloatSlider
    ends = {"min": control.min, "max": control.max, "step": control.step}
    return ipywidgets.interactive(draw, value=slider(value=control.value, **ends))


def _at_the_largest_T(name):
    """Return the explorer, and what its picture was made of."""
    with patch.object(sys.modules[f"d2lbptt.explorers._{name}"], "picture", wraps=picture) as made:
        explorer = getattr(explorers, name)()
    if "T" in explorer.controls:
        explorer.set(T=explorer.controls["T"].max)
    return explorer, made.call_args.args


def _timed(experiment):
    @functools.wraps(experiment)
    def timed(**arguments):
        start = clock()
        data = experiment(**arguments)
        seconds = clock() - start
        with open(SECONDS, "a", encoding="utf-8") as file:
            file.write(json.dumps([repr(arguments), seconds]) + "\n")
        return data

    return timed


# --- in the page ---

WATCH = """
window.benchmark = {
  // Calls back when what stands on the page now has been painted.
  painted: (done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel(); // its message comes when the frame has been painted
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  }),
  // Calls back at the first change after which this is so.
  changed(element, what, isSo, done) {
    const watcher = new MutationObserver(() => { if (isSo()) { watcher.disconnect(); done(); } });
    watcher.observe(element, what);
  },
  // Promises the milliseconds from the next key to when what `wait` waits for has been painted.
  fromKey(wait) {
    return new Promise((resolve, reject) => addEventListener("keydown", (event) => {
      setTimeout(() => reject(new Error("no new picture")), 30000);
      wait(() => this.painted((now) => resolve(now - event.timeStamp)));
    }, { capture: true, once: true }));
  },
  // The picture of another value of a control.
  ours(root, key) {
    const shown = () => JSON.parse(root.dataset.shown)[key], before = shown();
    return this.fromKey((done) => this.changed(root, { attributes: true }, () => shown() !== before, done));
  },
  // A new image.
  naive(output) {
    const image = () => output.querySelector("img"), before = image();
    return this.fromKey((done) => this.changed(output, { childList: true, subtree: true },
      () => image() && image() !== before, () => image().decode().then(done)));
  },
  // Writes down the last change of a slider and all pictures, until `end` is called.
  follow(root, key, input) {
    const seen = { last: 0, pictures: [] }, moved = (event) => (seen.last = event.timeStamp);
    const watcher = new MutationObserver(() => {
      const value = JSON.parse(root.dataset.shown)[key];
      this.painted((now) => seen.pictures.push([now, value]));
    });
    input.addEventListener("input", moved);
    watcher.observe(root, { attributes: true });
    this.end = () => { watcher.disconnect(); input.removeEventListener("input", moved); return seen; };
  },
};
"""
PLACE = """e => (e.min === undefined
  ? ["min", "now", "max"].map((name) => e.getAttribute(`aria-value${name}`)) : [e.min, e.value, e.max]).map(Number)"""


def pressed(page, slider, number, watch, *arguments):
    """Return the milliseconds of so many presses of an arrow key, which turn back at the ends of the slider."""
    show(slider)
    slider.focus()
    low, now, high = slider.evaluate(PLACE)
    key, found = "ArrowRight" if high - now > now - low else "ArrowLeft", []
    for _ in range(number):
        low, now, high = slider.evaluate(PLACE)
        key = {low: "ArrowRight", high: "ArrowLeft"}.get(now, key)
        promise = page.evaluate_handle(f"given => ({{ waited: window.benchmark.{watch}(...given) }})", list(arguments))
        page.keyboard.press(key)
        found.append(promise.evaluate("promise => promise.waited"))
        time.sleep(REST)
    return found


def dragged(page, slider, root, key):
    """Return the milliseconds from the last change of a fast drag to the picture of the last value."""
    page.evaluate("given => window.benchmark.follow(...given)", [root, key, slider.element_handle()])
    box, (low, now, high) = slider.bounding_box(), slider.evaluate(PLACE)
    at = (now - low) / (high - low)
    x, y = box["x"] + 8 + at * (box["width"] - 16), box["y"] + box["height"] / 2
    step = (0.4 if at < 0.5 else -0.4) * box["width"] / MOVES
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(1, MOVES + 1):
        page.mouse.move(x + step * i, y)
    page.mouse.up()
    time.sleep(1.5)
    seen = page.evaluate("() => window.benchmark.end()")
    _, last = seen["pictures"][-1]
    assert last == slider.evaluate(PLACE)[1], f"the last picture is that of {last}"
    return next(now for now, value in seen["pictures"] if value == last and now > seen["last"]) - seen["last"]


# --- the whole ---


def keys(name):
    """Return which sliders are moved: the first one in sight that is not T, and T."""
    spec = getattr(explorers, name)().spec["controls"]
    found = [control["key"] for control in spec if control["kind"] == "slider" and not control["more"]]
    return [*[key for key in found if key != "T"][:1], *[key for key in found if key == "T"]]


def measure(browser, name, number):
    """Yield a slider of an explorer, and its milliseconds, until all were moved."""
    sources = [f"from benchmarks import sliders\n\nsliders.ours({name!r})"]
    sources += [f"sliders.naive({name!r}, {key!r})" for key in keys(name)]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)), metadata=KERNEL)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        nbformat.write(notebook, Path(folder, "sliders.ipynb"))
        with serve(Path(folder), env={"PYTHONPATH": str(ROOT)}) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            run_all(page, address.format(name, "sliders.ipynb"), f".d2l[data-name={name}]")
            page.evaluate(WATCH)
            for order, key in enumerate(keys(name)):
                beside = page.locator(".widget-interact").nth(order)
                yield key, _measured(page, page.locator(f".d2l[data-name={name}]"), key, beside, number, folder)
            page.close()


def _measured(page, explorer, key, beside, number, folder):
    root, slider = explorer.element_handle(), explorer.locator(f".d2l-control[data-key={key}] input")
    pressed(page, slider, WARM, "ours", root, key)
    Path(folder, SECONDS).write_text("")
    found = pressed(page, slider, number, "ours", root, key)
    written = [json.loads(line) for line in Path(folder, SECONDS).read_text(encoding="utf-8").splitlines()]
    first = dict(reversed(written))  # of each setting; later ones may be cached
    lags = [dragged(page, slider, root, key) for _ in range(DRAGS)]
    show(beside)  # its slider is made when it comes into sight
    slow = pressed(page, beside.locator(".noUi-handle"), NAIVE, "naive", beside.element_handle())
    middle, high = statistics.median(found), statistics.quantiles(found, n=20)[-1]
    computing = 1000 * statistics.median(first.values())
    return computing, middle, high, statistics.median(slow), statistics.median(lags), max(lags)


def row(name, key, numbers):
    """Return a line of the table."""
    _, middle, high, slow, *_ = numbers
    cells = [f"{number:12.1f}" for number in numbers] + [f"{ratio:16.2f}" for ratio in (high / middle, slow / middle)]
    return f"{name:16}{key:>8}" + "".join(cells)


def main():
    parser = argparse.ArgumentParser(prog="sliders", description="from a key press to the painted picture")
    parser.add_argument("explorers", nargs="*", help=f"some of {', '.join(explorers.__all__)}; all if none is named")
    parser.add_argument("--presses", type=int, default=40)
    arguments = parser.parse_args()
    if unknown := set(arguments.explorers) - set(explorers.__all__):
        parser.error(f"there is no explorer {', '.join(sorted(unknown))}")
    if CHROMIUM is None:
        parser.error("there is no Chromium on the path")
    print("Milliseconds of computing, from key to picture, and from the last change of a drag to its picture; ratios.")
    print(" " * 24 + "".join(f"{word:>12}" for word in NUMBERS) + "".join(f"{word:>16}" for word in RATIOS))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for name in arguments.explorers or explorers.__all__:
            for key, numbers in measure(browser, name, arguments.presses):
                print(row(name, key, numbers), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
