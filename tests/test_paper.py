"""The paper has the sections that the Journal of Open Source Education asks for, and cites what is listed."""

import re
from pathlib import Path

import yaml
from loops import for_each

ROOT = Path(__file__).parent.parent
_, FRONT, PAPER = (ROOT / "paper.md").read_text(encoding="utf-8").split("---\n", 2)
BIBLIOGRAPHY = (ROOT / "paper.bib").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", BIBLIOGRAPHY, re.MULTILINE | re.DOTALL))


def test_the_front_matter_is_complete():
    front = yaml.safe_load(FRONT)
    assert {"title", "tags", "authors", "affiliations", "date", "bibliography"} <= front.keys()
    affiliations = {one["index"] for one in front["affiliations"]}
    assert {author["affiliation"] for author in front["authors"]} <= affiliations
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert [author["name"] for author in front["authors"]] == [author["name"] for author in cited["authors"]]


@for_each("title", ["Summary", "Statement of need", "Learning objectives", "Use", "Story", "References"])
def test_it_has_the_sections(title):
    assert re.search(rf"^# {title}", PAPER, re.MULTILINE)


def test_it_is_short():
    assert 700 < len(PAPER.split()) < 1300


def test_it_cites_what_is_listed():
    assert set(re.findall(r"@(\w+)", PAPER)) == set(ENTRIES)


@for_each("key", ENTRIES)
def test_an_entry_says_who_what_when_and_where(key):
    for field in ("author", "title", "year"):
        assert re.search(rf"^  {field} +=", ENTRIES[key], re.MULTILINE)
    assert re.search(r"^  (doi|url) +=", ENTRIES[key], re.MULTILINE)
    assert key.endswith(re.search(r"year += \{(\d+)\}", ENTRIES[key])[1])


def test_the_book_is_the_one_that_the_citation_file_names():
    (book,) = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    assert book["title"] in ENTRIES["zhang2023"] and str(book["year"]) in ENTRIES["zhang2023"]
    assert all(f"{who['family-names']}, {who['given-names']}" in ENTRIES["zhang2023"] for who in book["authors"])
