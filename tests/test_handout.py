"""The handouts, as they stand in the PDFs; what is said where none is printed; where the links of the pages lead."""

import re
import shutil
import sys
import unicodedata
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from loops import for_each
from nbformat import v4
from pages import MARKS, browser

from tools import badges, bootstrap, notebooks
from tools.site import beside, handout, notebook

ROOT = notebooks.ROOT
NAMES = [path.stem for path in notebooks.paths(ROOT) if path.parent.name == "notebooks"]
CITED = {"d2l.ai", "mybinder.readthedocs.io"}
PAGE = """<!DOCTYPE html>
<html data-theme="auto"><head><title>A "title" \\ of one &#8212; the site</title>
<script>window.MathJax = {}</script><script defer src="../_static/mathjax/tex-svg.js"></script>
<script defer src="../_static/players/players.js"></script></head>
<body><h1>A title</h1><p class="beside"><!-- handout --><!-- /handout --></p><img loading="lazy" src="a.png">
<a class="x" href="05_b.html#c">next</a> <a href="#part">part</a> <a href="https://d2l.ai/x">book</a></body></html>"""
# What stands in for Chromium notes its options beside the PDF that it "prints"; a page with the word fails.
STAND_IN = """#!{python}
import pathlib, sys, urllib.parse, urllib.request
page = pathlib.Path(urllib.request.url2pathname(urllib.parse.urlsplit(sys.argv[-1]).path)).read_text()
(pdf,) = [pathlib.Path(word.partition("=")[2]) for word in sys.argv if word.startswith("--print-to-pdf=")]
if "fails" not in page:
    pdf.write_text(" ".join(sys.argv))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A site of two notebooks, and a page that is none; and a program in the place of Chromium."""
    (tmp_path / "notebooks").mkdir()
    for name in ("01_a", "02_b", "notation"):
        (tmp_path / "notebooks" / f"{name}.html").write_text(PAGE, encoding="utf-8")
    program = tmp_path / "chromium"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr(handout, "CHROMIUM", str(program))
    return tmp_path


def linked(folder):
    return [path.stem for path in sorted(folder.glob("notebooks/*.html")) if ".pdf" in path.read_text("utf-8")]


# --- what is printed ---


def test_each_notebook_has_a_handout_and_its_page_a_link_to_it(folder):
    assert handout.write(folder) == [folder / "handouts" / f"{name}.pdf" for name in ("01_a", "02_b")]
    assert linked(folder) == ["01_a", "02_b"]
    assert '<a href="../handouts/01_a.pdf">' in (folder / "notebooks" / "01_a.html").read_text("utf-8")
    assert len(list((folder / "notebooks").iterdir())) == 3  # no copy stays


def test_a_second_time_changes_no_page(folder):
    handout.write(folder)
    once = (folder / "notebooks" / "01_a.html").read_text("utf-8")
    handout.write(folder)
    assert (folder / "notebooks" / "01_a.html").read_text("utf-8") == once


@pytest.mark.parametrize("user", [0, 1000])
def test_chromium_goes_without_its_sandbox_only_where_root_runs_it(folder, monkeypatch, user):
    monkeypatch.setattr(handout.os, "geteuid", lambda: user, raising=False)
    (first, _) = handout.write(folder)
    assert ("--no-sandbox" in first.read_text()) == (user == 0)


def test_paper_is_light_and_nothing_moves_on_it():
    html = handout.paper(PAGE, None)
    assert 'data-theme="light"' in html and "lazy" not in html
    assert html.count("<script") == 2 and "players.js" not in html
    assert 'content: "A \\"title\\" \\\\ of one · d2lbptt contributors, CC BY 4.0"' in html


def test_links_of_paper_lead_to_the_published_page_or_are_plain_words():
    assert re.findall('href="(.*?)"', handout.paper(PAGE, None)) == ["#part", "https://d2l.ai/x"]
    base = "https://owner.github.io/name/notebooks/04_a.html"
    assert "https://owner.github.io/name/notebooks/05_b.html#c" in handout.paper(PAGE, base)


# --- what is said where none is printed ---


def without(folder, capsys):
    """What is said when no handout is written."""
    assert handout.write(folder) == []
    assert linked(folder) == [] and not (folder / "handouts").exists()
    return capsys.readouterr().out


def test_without_chromium_one_sentence_says_so(folder, monkeypatch, capsys):
    monkeypatch.setattr(handout, "CHROMIUM", None)
    said = "No handouts: Chromium, which prints them, is not on the path. The site stands without them.\n"
    assert without(folder, capsys) == said


def test_where_one_page_fails_there_are_no_handouts_and_no_links(folder, capsys):
    assert len(handout.write(folder)) == 2
    page = folder / "notebooks" / "02_b.html"
    page.write_text(page.read_text("utf-8").replace("next", "fails"), encoding="utf-8")
    assert "No handouts: Chromium printed nothing of 02_b.html." in without(folder, capsys)


def test_a_chromium_that_cannot_run_or_hangs_is_named(folder, monkeypatch, capsys):
    monkeypatch.setattr(handout, "SECONDS", 0.2)
    program = folder / "chromium"
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    assert "No handouts: Chromium took more than 0.2 s for 01_a.html." in without(folder, capsys)
    program.chmod(0o644)
    assert "No handouts: [Errno 13] Permission denied" in without(folder, capsys)


# --- the line below a title ---


def test_a_notebook_links_nothing_before_the_address_is_known_and_then_where_it_runs():
    assert re.findall("<a", beside.line("notebooks/04_a", None) + beside.line("solutions/04_a", None)) == []
    found = re.findall('href="(.*?)"', beside.line("solutions/04_a", "an-owner/a.name"))
    assert found == [
        "https://mybinder.org/v2/gh/an-owner/a.name/HEAD?urlpath=lab/tree/notebooks/solutions/04_a.ipynb",
        "https://colab.research.google.com/github/an-owner/a.name/blob/main/notebooks/solutions/04_a.ipynb",
    ]
    assert handout.PLACE.search(beside.line("notebooks/04_a", "an-owner/a.name"))
    assert not handout.PLACE.search(beside.line("solutions/04_a", None))


def test_what_proves_a_folded_answer_is_marked_and_badges_of_other_hosts_are_left_out():
    saved = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(f"# A title\n\n{badges.START}![](https://mybinder.org/badge_logo.svg){badges.END}"),
            v4.new_code_cell("n = 2\nassert n"),
            v4.new_markdown_cell("*Predict* n.\n\n<details>\n<summary>Answer</summary>\n\nTwo.\n\n</details>"),
            v4.new_code_cell("n = 2\nassert n == 2"),
            v4.new_markdown_cell("The next text."),
            v4.new_code_cell("assert n == 2"),
            v4.new_code_cell("n", outputs=[v4.new_output("stream", text="2")]),
        ]
    )
    notebook.page(saved, relinked=str, write=lambda *_: None, for_player=lambda _: {})
    tags = [cell.metadata.get("tags", []) for cell in saved.cells if cell.cell_type == "code"]
    assert tags == [[], ["hide-input", "proof"], ["hide-input"], []]
    assert saved.cells[0].source == "# A title"


# --- the whole site ---


@pytest.fixture(scope="module")
def published(site, tmp_path_factory):
    """A copy of it, without players, which no handout has."""
    return shutil.copytree(site, tmp_path_factory.mktemp("copy") / "site", ignore=shutil.ignore_patterns("players"))


class References(HTMLParser):
    """What a page links, and what it shows or runs."""

    def __init__(self, html):
        super().__init__()
        self.links, self.loads = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        (self.links if tag == "a" else self.loads).update(filter(None, (named.get("href"), named.get("src"))))


@pytest.mark.slow
def test_no_link_of_the_site_leads_nowhere_and_no_page_asks_another_host(published):
    repo = badges.repo(bootstrap.address(ROOT))
    for page in set(published.rglob("*.html")) - set(published.rglob("_static/**/*.html")):  # the theme's templates
        found = References(page.read_text("utf-8"))
        for address in found.links | found.loads:
            host, path = urlsplit(address).netloc, unquote(urldefrag(address)[0].partition("?")[0])
            if host:
                assert address in found.links
                assert host in CITED or (repo and repo in address), f"{page.name}: {address}"
            elif path and "_static/players/" not in path and not address.startswith("data:"):
                assert (page.parent / path).is_file(), f"{page.name}: {address}"


def in_chromium(test):
    """A test with the marks of those that drive a browser, all of them slow."""
    for mark in MARKS:
        test = mark(test)
    return test


# What stands beside the paper, or is cut at its edge: 178 mm are between the margins.
CUT = """() => [...document.querySelectorAll(".bd-article :is(pre, table, img, mjx-container > svg)")].filter((e) => {
  const { right, width } = e.getBoundingClientRect();
  return right > document.documentElement.clientWidth + 1 || (e.tagName === "PRE" && e.scrollWidth > width + 1);
}).map((e) => e.outerHTML.slice(0, 200))"""


@in_chromium
def test_nothing_is_cut_at_the_edge_of_the_paper_and_a_dark_page_is_light_on_it(published):
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": int(178 / 25.4 * 96), "height": 1000}, color_scheme="dark")
        page.emulate_media(media="print")
        for name in NAMES:
            page.goto((published / "notebooks" / f"{name}.html").as_uri())
            page.evaluate("MathJax.startup.promise")
            assert page.evaluate(CUT) == [], name
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            color, ground = page.evaluate("['color', 'background'].map((k) => getComputedStyle(document.body)[k])")
            assert color == "rgb(17, 17, 17)" and ground.startswith("rgb(255, 255, 255)")


@pytest.fixture(scope="module")
def printed(published):
    """The pages of each handout, as text."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    readers = {path.stem: pypdf.PdfReader(path) for path in handout.write(published)}
    return {name: [page.extract_text() for page in reader.pages] for name, reader in readers.items()}


def squeezed(text):
    """The text as it is compared: without white space, where lines may be broken, and ligatures."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def cells(name):
    """The cells of a notebook, each with whether it stands between a folded answer and the next text."""
    answered = False
    for cell in notebooks.read(ROOT / "notebooks" / f"{name}.ipynb").cells:
        if cell.cell_type == "markdown":
            answered = "</details>" in cell.source[-12:]
        yield cell, answered


def texts(printed_pages):
    """What each page says, without its footer."""
    return [squeezed(re.sub(r"\d+ / \d+.*CC BY 4\.0", "", page, count=1)) for page in printed_pages]


def stands_whole(line, pages):
    """Whether a line stands on a page, or at the end of one and the beginning of the next."""
    return any(line in page for page in pages) or any(
        line[:cut] in page and after.startswith(line[cut:])
        for page, after in pairwise(pages)
        for cut in range(1, len(line))
    )


@in_chromium
@for_each("name", NAMES)
def test_a_handout_has_every_line_of_code_whole_but_for_what_proves_an_answer(printed, name):
    pages = texts(printed[name])
    for cell, answered in cells(name):
        if cell.cell_type == "code" and bootstrap.TAG not in cell.metadata.get("tags", []):
            proves = answered and "assert " in cell.source and not cell.outputs
            missing = [line for line in cell.source.splitlines() if not stands_whole(squeezed(line), pages)]
            assert proves or not missing


@in_chromium
@for_each("name", NAMES)
def test_a_handout_has_no_answers_no_raw_formulas_and_numbered_pages(printed, name):
    text, count = "".join(texts(printed[name])), len(printed[name])
    assert not re.search(r"\\\(|\\\[|\\mathbf|\$\$", text)
    for cell, _ in cells(name):
        for answer in re.findall(r"</summary>(.*?)</details>", cell.source, re.DOTALL):
            words = max(re.split(r"\$.*?\$|[^\w ,.:;]+", answer, flags=re.DOTALL), key=len)
            assert len(words) < 20 or squeezed(words) not in text  # but for one that is a formula alone
    numbers = [re.search(rf"(\d+) / {count}(?!\d)", page)[1] for page in printed[name]]
    assert numbers == [str(number + 1) for number in range(count)]


@in_chromium
def test_the_handouts_fit_on_either_paper_and_name_no_folder(published, printed):
    pypdf = pytest.importorskip("pypdf")
    for path in (published / "handouts").glob("*.pdf"):
        for page in pypdf.PdfReader(path).pages:
            assert float(page.mediabox.width) < 595.3 and float(page.mediabox.height) < 792
            links = [note.get_object().get("/A", {}).get("/URI", "#") for note in page.get("/Annots") or []]
            assert [link for link in links if not link.startswith(("https://", "#"))] == []
