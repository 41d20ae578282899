"""The handouts: a PDF of each notebook's page, printed by Chromium where there is one.

Its command line is enough: Playwright, which the tests drive it with, would be one more package that `make site` needs.
Its time is virtual: it waits for files and for MathJax, however slow the machine, and for no clock. What is folded on
the page stays folded, so a class gets the questions with room to write, and no answers.
"""

import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

from tools import badges, bootstrap, notebooks, workflow
from tools.lab import CHROMIUM

# Where a page has its link to the handout, if there is one.
PLACE = re.compile("<!-- handout -->.*?<!-- /handout -->", re.DOTALL)
PLACED = "<!-- handout -->{}<!-- /handout -->"
OPTIONS = ["--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
OPTIONS += ["--no-pdf-header-footer", "--generate-pdf-document-outline", "--virtual-time-budget=60000"]
SECONDS = 120  # for one page, before Chromium counts as stuck

# As wide as A4 and as high as Letter: it prints on either as large as it is.
STYLE = (
    '<style>@page {{ size: 210mm 279mm; @bottom-left {{ content: "{}"; font: 8pt sans-serif; color: #444; }} }}</style>'
)
CREDIT = "d2lbptt contributors, CC BY 4.0"
SCRIPT = re.compile(r"<script\b(?:(?!mathjax).)*?</script>", re.DOTALL | re.IGNORECASE)
REFERENCE = re.compile(r'(<a\b[^>]*?) href="((?!#|https?:)[^"]*)"')
TITLE = re.compile(r"<title>(.*?)(?: &#8212;.*)?</title>", re.DOTALL)


def write(site: Path, jobs: int = 2) -> list[Path]:
    """Print the handouts of a finished site, link each from its page, and return them: all, or none."""
    pages = sorted((site / "notebooks").glob("[0-9]*.html"))
    folder = site / "handouts"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        written = _print_all(pages, folder, jobs)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"No handouts: {error}. The site stands without them.")
        written = []
    for page in pages:
        _link(page, folder / f"{page.stem}.pdf")
    return written


def _print_all(pages, folder, jobs):
    if CHROMIUM is None:
        raise FileNotFoundError("Chromium, which prints them, is not on the path")
    folder.mkdir()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profiles, ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_print, page, folder, Path(profiles)) for page in pages]
        try:
            return [each.result() for each in running]
        finally:
            pool.shutdown(cancel_futures=True)


def _print(page: Path, folder: Path, profiles: Path) -> Path:
    """Print one page. Raises OSError if Chromium does not."""
    pdf, copy = folder / f"{page.stem}.pdf", page.with_name(f"print-{page.name}")
    copy.write_text(paper(page.read_text(encoding="utf-8"), _published(page.name)), encoding="utf-8")
    sandbox = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # root has none
    command = [CHROMIUM, *OPTIONS, *sandbox, f"--user-data-dir={profiles / page.stem}", f"--print-to-pdf={pdf}"]
    try:
        subprocess.run([*command, copy.as_uri()], capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise OSError(f"Chromium took more than {SECONDS} s for {page.name}") from None
    finally:
        copy.unlink()
    if not pdf.is_file():
        raise OSError(f"Chromium printed nothing of {page.name}")
    return pdf


def _published(name):
    """Where a notebook's page is on the web, or None before that is known."""
    repo = badges.repo(bootstrap.address(notebooks.ROOT))
    return repo and f"{workflow.site(repo)}notebooks/{name}"


def paper(html: str, base: str | None) -> str:
    """What Chromium prints of a page: light, with pictures that stand still, and with links that lead from paper.

    `base` is where the page is published, or None: then its links are plain words, because paper is read far from the
    folder that it was printed from.
    """
    title = unescape(TITLE.search(html)[1]).replace("\\", "\\\\").replace('"', '\\"')
    html = SCRIPT.sub("", html).replace('data-theme="auto"', 'data-theme="light"').replace(' loading="lazy"', "")
    html = REFERENCE.sub(lambda found: f'{found[1]} href="{urljoin(base, found[2])}"' if base else found[1], html)
    return html.replace("</head>", STYLE.format(f"{title} · {CREDIT}") + "</head>", 1)


def _link(page, pdf):
    """Put the link to a handout into its place on a page, or take it away."""
    link = f'<a href="../handouts/{pdf.name}">PDF to print</a>' if pdf.is_file() else ""
    html = page.read_text(encoding="utf-8")
    page.write_text(PLACE.sub(PLACED.format(link), html), encoding="utf-8")
