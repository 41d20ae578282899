"""Time the way from a key to the painted picture on the pages of the site: `make site`, then

    .venv/bin/python -m benchmarks.players

The clock is that of `make sliders`; the pages are opened from their folder, and their data is loaded before.
"""

import statistics
import sys

from playwright.sync_api import sync_playwright

from benchmarks.sliders import ROOT, WARM, WATCH, pressed
from d2lbptt import explorers
from tools.lab import CHROMIUM, QUIET

PRESSES = 40
LOADED = """() => d2lbptt.players.ready(document.querySelector(".d2l-player")).then(() => true)"""


def measured(page, key, number):
    """Return the milliseconds of so many presses on a slider of the player of an open page."""
    page.evaluate(LOADED)
    page.wait_for_load_state("networkidle")
    page.evaluate(WATCH)
    player = page.locator(".d2l")
    slider, root = player.locator(f".d2l-control[data-key={key}] input"), player.element_handle()
    pressed(page, slider, WARM, "ours", root, key)
    return pressed(page, slider, number, "ours", root, key)


def main():
    if CHROMIUM is None:
        sys.exit("There is no Chromium on the path.")
    print(f"{'milliseconds':24}{'median':>10}{'95 %':>10}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for name in sys.argv[1:] or explorers.__all__:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto((ROOT / "build" / "site" / "explorers" / f"{name}.html").as_uri())
            for key in [key for key, values in getattr(explorers, name)().leads.items() if values]:
                found = measured(page, key, PRESSES)
                row = f"{name:16}{key:8}{statistics.median(found):10.1f}{statistics.quantiles(found, n=20)[-1]:10.1f}"
                print(row, flush=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
