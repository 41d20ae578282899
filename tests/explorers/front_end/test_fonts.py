"""The fonts that travel along hold every letter of every explorer, and are made when a page asks."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from driving import drawn, settings
from fontTools.ttLib import TTFont

from d2lbptt import explorers, figures
from d2lbptt.explorers.front_end import _fonts


@pytest.fixture(scope="module")
def letters():
    """By family, style and weight, what each WOFF can write."""
    return {
        (family, style == "oblique", weight): set(TTFont(io.BytesIO(_fonts.woff(file))).getBestCmap())
        for file, (family, style, weight) in _fonts.FACES.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", explorers.__all__)
def test_every_letter_that_an_explorer_shows_is_there(name, letters):
    explorer = getattr(explorers, name)()
    key, control = next((key, control) for key, control in explorer.controls.items() if key != "preset")
    for value in (control.value, *settings(control)):
        explorer.set(**{key: value})
        texts = list(drawn(explorer).iter("{http://www.w3.org/2000/svg}text"))
        assert texts
        for text in texts:
            oblique, weight = text.get("font-style") in ("italic", "oblique"), int(text.get("font-weight", 400))
            face = text.get("font-family", "DejaVu Sans"), oblique, weight
            assert {letter for letter in text.text or "" if ord(letter) not in letters[face]} == set(), face


def test_every_letter_in_the_source_of_the_figures_is_there(letters):
    source = "".join(file.read_text() for file in Path(figures.__file__).parent.glob("*.py"))
    assert {letter for letter in source if ord(letter) > 126} - set(
        map(chr, letters["DejaVu Sans", False, 400])
    ) == set()


@pytest.mark.parametrize("file", _fonts.FACES)
def test_a_font_is_small_and_knows_where_it_comes_from(file):
    content = _fonts.woff(file)
    assert content[:4] == b"wOFF" and len(content) < 40_000
    assert "Bitstream" in TTFont(io.BytesIO(content))["name"].getDebugName(0)


def test_the_style_sheet_has_a_face_for_each_file():
    faces = re.findall(r"@font-face\{[^}]*url\(data:font/woff;base64,[^)]+\)\}", _fonts.style_sheet())
    assert len(faces) == len(_fonts.FACES)


def test_nothing_of_it_is_loaded_before_a_page_asks():
    code = "import sys, d2lbptt.explorers.front_end._fonts; sys.exit('fontTools.subset' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
