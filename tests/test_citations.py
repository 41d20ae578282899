"""Every equation number that a notebook, the README or the package cites is in the registry, 8.7 with its edition."""

import re
from pathlib import Path

import nbformat
from loops import for_each

from d2lbptt.book.equations import EDITIONS, RECORDS, equation

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "TEACHING.md", "paper.md")]
FILES = [*PAGES, *sorted(ROOT.glob("d2lbptt/**/*.py")), *sorted(ROOT.glob("notebooks/source/*.ipynb"))]
NUMBER = re.compile(r"(?<![\d.])([89]\.7\.\d+)(?!\.?\d)")


def text_of(path):
    if path.suffix == ".ipynb":
        return "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    return path.read_text(encoding="utf-8")


def sentences(text):
    """Sentences, rows of tables and items of lists: what a reader takes in at once."""
    for block in re.split(r"\n\s*\n|\n(?=\s*[|*\-#=])", text):
        yield from re.split(r"(?<=[.!?:;])\s+", " ".join(block.split()))


def complaints(text):
    for sentence in sentences(text):
        # What is said is v0.14 or 0.14.3; the number of a display itself is no edition.
        editions = [e for e in EDITIONS if re.search(rf"(?<![\d.]){re.escape(e[1:])}", sentence)]
        for number in NUMBER.findall(sentence):
            if number.startswith("8") and not editions:
                yield f"{number} without its edition: {sentence}"
            try:
                equation(number, edition=None if number.startswith("9") else "v0.14")
            except ValueError as error:
                yield f"{error}: {sentence}"


@for_each("path", FILES)
def test_every_number_is_in_the_registry_and_8_7_has_its_edition(path):
    assert list(complaints(text_of(path))) == []


@for_each(
    ("text", "count"),
    [
        ("The recursion 9.7.14 and 8.7.16 (v0.14).", 0),
        ("Displays 8.7.1 to 8.7.16 of the v0.17 edition.", 0),
        ("In the editions 0.14.0 to 0.14.3 the number 8.7.3 means another.", 0),
        ("There is no 9.7.17.", 1),
        ("There is no 8.7.17 (v0.14).", 1),
        ("As 8.7.16 says.", 1),
        ("It is 8.7.16. The v0.14 edition is another matter.", 1),
        ("| 8.7.3 | a row |\n| 8.7.4 (v0.14) | another |", 1),
        ("Version 1.9.7.3 is no equation.", 0),
    ],
)
def test_the_test_notices(text, count):
    assert len(list(complaints(text))) == count


def test_there_is_something_to_look_at():
    cited = {number for path in FILES for number in NUMBER.findall(text_of(path))}
    assert {f"9.7.{n}" for n in range(9, 17)} <= cited


@for_each("record", RECORDS)
def test_the_notebook_of_a_record_has_its_heading(record):
    name, heading = record.notebook
    text = text_of(ROOT / "notebooks" / f"{name}.ipynb")
    assert re.search(rf"^#+ {re.escape(heading)}( · \*further\*)?$", text, re.MULTILINE)
