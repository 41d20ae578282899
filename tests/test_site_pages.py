"""What the pages of the site are made of: explorers that cells show, links, generated pages, pictures, the script."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from html.parser import HTMLParser

import pytest
from nbformat import v4

import d2lbptt as bptt
from d2lbptt import explorers
from d2lbptt.explorers.front_end._table import _Tour
from tools import notebooks
from tools.site import __main__ as command
from tools.site import cells, explorer_pages, mathjax, notebook, pages, pictures, records
from tools.site.cells import Shown
from tools.site.links import relinked
from tools.site.titles import short

ROOT = notebooks.ROOT
PATHS = notebooks.paths(ROOT)
CALL = re.compile(r"explorers\.(\w+)\(")


class Elements(HTMLParser):
    """The elements of a text in HTML, each with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, wanted):
        return [attributes for tag, attributes in self.found if tag == wanted]


# --- which explorer a cell shows ---


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("bptt.explorers.powers()", Shown("powers")),
        ("explorers.powers()", Shown("powers")),
        ("d2lbptt.explorers.powers(k=3)", Shown("powers", {"k": 3})),
        ("import numpy\n\nbptt.explorers.cliff()", Shown("cliff")),
        ("e = bptt.explorers.cliff()\ne.set(w=5, b=-3.0)\ne", Shown("cliff", {"w": 5, "b": -3.0})),
        ("e = explorers.cliff()\ne.set(w=5)\ne.set(w=6)\ndisplay(e)", Shown("cliff", {"w": 6})),
        ("e = f = explorers.cliff()\nf.set(w=5)\ne", None),
        ("e = explorers.cliff()\ne.press('step')\ne", Shown("cliff", None)),
        ("e = explorers.cliff()\nfor w in range(3):\n    e.set(w=w)\ne", Shown("cliff", None)),
        ("e = explorers.cliff()\ne.set(**values)\ne", Shown("cliff", None)),
        ("e = explorers.cliff()\ne.controls['w'].value = 5\ne", Shown("cliff", None)),
        ("e = explorers.cliff()\ne = 3\ne", None),
        ("explorers.gradient_flow(params=params, x=x)", Shown("gradient_flow", None)),
        ("if torch:\n    e = explorers.gated()\n    e.set(g=1.0)\n    display(e)", Shown("gated", {"g": 1.0})),
        ("e = explorers.cliff()\nassert e.error is None", None),
        ("experiments.powers()", None),
        ("explorers.unheard_of()", None),
        ("%pip install d2lbptt", None),
        ("", None),
    ],
)
def test_which_explorer_a_cell_shows_and_at_which_settings(source, found):
    assert cells.shown(source) == found


@cache
def cells_with_pictures():
    """Name of the notebook and cell, of every cell that makes an explorer and shows a picture."""
    every = [(path.stem, cell) for path in PATHS for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    return [
        (name, cell)
        for name, cell in every
        if CALL.search(cell.source) and any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]


def test_every_cell_that_shows_an_explorer_is_found():
    found = [(name, (cells.shown(cell.source) or Shown("")).name) for name, cell in cells_with_pictures()]
    assert found == [(name, CALL.findall(cell.source)[-1]) for name, cell in cells_with_pictures()]
    assert {explorer for _, explorer in found} == set(explorers.__all__)


def test_no_other_cell_is_taken_for_an_explorer():
    taken = [cell.source for path in PATHS for cell in notebooks.read(path).cells if cells.shown(cell.source)]
    assert Counter(taken) == Counter(cell.source for _, cell in cells_with_pictures())


def test_the_settings_that_are_found_give_what_the_notebook_shows():
    seen = {}
    for _, cell in cells_with_pictures():
        shown = cells.shown(cell.source)
        if shown.values is not None and notebooks.VARIES not in cell.metadata.get("tags", []):
            words = next(o.data["text/markdown"] for o in cell.outputs if "text/markdown" in o.get("data", {}))
            seen[shown.name, json.dumps(shown.values)] = words.replace("\\", "")
    assert len(seen) >= 14
    for (name, values), words in seen.items():
        undrawn(name).reset()
        undrawn(name).set(**json.loads(values))
        assert notebooks.agree(undrawn(name).state["alternative"], words), (name, values)


@cache
def undrawn(name):
    """An explorer that is drawn at its start alone: controls and words are asked."""
    explorer = getattr(explorers, name)()
    explorer._draw = lambda *_: {}
    return explorer


@cache
def with_few_states():
    explorer = undrawn.__wrapped__("gradient_flow")  # one of its own
    explorer.leads = {"g": [0.5, 1.5], "T": [20, 100]}
    return explorer


FOR_PLAYER = [  # of gradient_flow, whose g and T lead: what is wanted, and what its player is set to
    ({}, {}),
    ({"g": 0.8, "T": 200, "tau": 30}, {}),
    ({"g": 1.5}, {"g": 1.5}),
    ({"T": 20}, {"T": 20}),  # which ends the window, too
    ({"preset": "exploding"}, {"preset": "exploding"}),
    ({"preset": "exploding", "T": 100}, {"preset": "exploding", "T": 100}),
    ({"preset": "edge", "g": 1.5}, {"preset": "edge", "g": 1.5}),  # its kind of weights, at another scale
    ({"activation": "identity"}, {"preset": "linear"}),
    ({"activation": "identity", "g": 1.5}, {"preset": "linear", "g": 1.5}),
    ({"preset": "edge", "T": 100}, None),
    *((values, None) for values in ({"g": 0.6}, {"T": 50}, {"activation": "relu"}, {"tau": 10}, {"params": 1}, None)),
]


@pytest.mark.parametrize(("wanted", "found"), FOR_PLAYER)
def test_a_player_is_set_as_its_leads_go(wanted, found):
    assert cells.for_player(with_few_states(), wanted) == found


def test_a_player_is_promised_where_its_table_has_the_state():
    asked = {(found.name, json.dumps(found.values)) for _, cell in cells_with_pictures() if (found := shown_in(cell))}
    promised = []
    for name, values in sorted(asked):
        explorer = undrawn(name)
        found = cells.for_player(explorer, json.loads(values))
        if found is not None:
            promised.append(name)
            assert settings(explorer, json.loads(values)) == settings(explorer, found), (name, values)
            assert settings(explorer, found) in in_table(name), (name, values)
    assert set(promised) == set(explorers.__all__)


def shown_in(cell):
    found = cells.shown(cell.source)
    return found if found.values is not None else None


@cache
def in_table(name):
    """The settings of all states that a player has."""
    explorer, found = undrawn(name), []
    tour, presets = _Tour(explorer), [{}, *({"preset": preset} for preset in explorer.presets)]
    for scene in tour.scenes:
        start = settings(explorer, presets[scene["preset"]])
        found += [start | row["at"] | {tour.main: value} for row in scene["rows"] for value in row["values"]]
    return found


def settings(explorer, values):
    explorer.reset()
    explorer.set(**values)
    return {key: control.value for key, control in explorer.controls.items() if key != "preset"}


def test_a_menu_may_lead_with_all_its_values():
    explorer = explorers.gradient_flow()
    explorer.leads = {"activation": []}
    assert cells.for_player(explorer, {"activation": "relu"}) == {"activation": "relu"}


@pytest.mark.parametrize(
    ("source", "folded"),
    [
        ("assert 1 + 1 == 2", True),
        ("n = 2\nfor k in range(n):\n    assert k < n", True),
        ("def double(x):\n    return 2 * x\n\n\nassert double(1) == 2", True),
        ("used = 2\nassert used == 2", False),
        ("def helper(x):\n    return x\n\n\nassert helper(1)", False),
        ("n = 2", False),
        ("%time assert True", False),
    ],
)
def test_a_check_is_folded_unless_a_later_cell_uses_what_it_defines(source, folded):
    assert cells.only_checks(source, ["print(used)", "helper(2)"]) == folded


# --- a notebook's page ---

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAADklEQVR4nGNgYGD4DwABBAEAfbLI3wAAAABJRU5ErkJggg=="  # 2 x 3 pixels


def saved(source, words, alt='at "g" < 1'):
    image = v4.new_output("execute_result", {"image/png": DOT}, metadata={"image/png": {"alt": alt}})
    return v4.new_code_cell(source, outputs=[image, v4.new_output("display_data", {"text/markdown": words})])


def page(*cells_of_it, for_player=lambda shown: shown.values):
    written = {}
    made = notebook.page(v4.new_notebook(cells=list(cells_of_it)), str.upper, written.__setitem__, for_player)
    return made.cells, written


def test_a_page_has_no_bootstrap_cell_its_links_and_folded_checks():
    bootstrap = v4.new_code_cell("install()", metadata={"tags": ["bootstrap"]})
    (text, check), _ = page(v4.new_markdown_cell("words"), bootstrap, v4.new_code_cell("assert True"))
    assert text.source == "WORDS"
    assert check.metadata.tags == ["hide-input"] and "Show the check" in check.metadata.mystnb.values()


def test_an_explorer_becomes_the_place_of_a_player_with_its_picture_and_words():
    source = "e = bptt.explorers.cliff()\ne.set(preset='thrown off')\ne"
    (cell,), written = page(saved(source, r"what is seen \& said, 10\^19"))
    (output,) = cell.outputs
    elements = Elements(output.data["text/html"])
    (figure,), (image,) = elements.of("figure"), elements.of("img")
    assert figure["class"] == "d2l-player" and figure["data-name"] == "cliff"
    assert json.loads(figure["data-set"]) == {"preset": "thrown off"}
    assert (image["alt"], image["width"], image["height"]) == ('at "g" < 1', "2", "3")
    assert f"_static/pictures/{image['src'].rsplit('/', 1)[1]}" in written
    assert "what is seen &amp; said, 10^19</figcaption>" in output.data["text/html"]


def test_what_no_player_has_stays_a_picture_that_says_where_it_moves():
    (cell,), _ = page(saved("bptt.explorers.cliff(w=5)", "seen"), for_player=lambda shown: None)
    text = cell.outputs[0].data["text/html"]
    assert "d2l-player" not in text and 'href="../explorers/cliff.html"' in text and "seen" in text


def test_another_picture_keeps_its_words_and_its_alternative():
    (cell,), written = page(saved("bptt.figures.described(ax, words)", r"$\tau = 3$"))
    image, words = cell.outputs
    assert Elements(image.data["text/html"]).of("img")[0]["alt"] == 'at "g" < 1'
    assert words.data["text/markdown"] == r"$\tau = 3$" and len(written) == 1


# --- links ---

FOUND = {"notebooks/a.ipynb": "notebooks/a.ipynb", "notebooks/solutions/b.ipynb": "solutions/b.ipynb"}


def led(text, here="notebooks/a.ipynb", address=None):
    return relinked(text, here, FOUND | {"TEACHING.md": "teaching.md"}, ROOT, address)


def test_links_lead_to_pages_wherever_these_lie():
    assert led("[b](solutions/b.ipynb#c)") == "[b](../solutions/b.ipynb#c)"
    assert led("[a](../a.ipynb) [t](../../TEACHING.md)", "notebooks/solutions/b.ipynb") == (
        "[a](../notebooks/a.ipynb) [t](../teaching.md)"
    )
    assert led("[a [1]](notebooks/a.ipynb)", "TEACHING.md") == "[a [1]](notebooks/a.ipynb)"


def test_a_file_without_a_page_is_linked_where_the_repository_is_or_named():
    text = "see [`bptt.py`](../d2lbptt/bptt.py) and [the licence](../LICENSE-text)."
    assert led(text) == "see `bptt.py` and the licence."
    assert "[the licence](https://host/o/n/blob/HEAD/LICENSE-text)" in led(text, address="https://host/o/n")


def test_what_is_no_link_to_a_file_stays():
    for text in ("[d2l](https://d2l.ai)", "$[h](x)$", "[below](#the-steps)"):
        assert led(text) == text


def test_a_broken_link_is_refused():
    with pytest.raises(ValueError, match=r"^notebooks/a\.ipynb links to 99_missing\.ipynb, which is not there$"):
        led("[99](99_missing.ipynb)")


# --- what is generated ---


@pytest.mark.slow
def test_the_page_of_equations_has_every_display_with_its_status():
    text, every = records.equations(), bptt.equations()
    anchors = re.findall(r"^\(((?:eq|old)-[\d-]+)\)=$", text, re.MULTILINE)
    assert anchors == [records.anchor(record) for record in every] and len(set(anchors)) == 32
    assert Counter(re.findall(r"\]\(#((?:eq|old)-[\d-]+)\)", text)) == Counter(anchors)
    assert all(record.latex in text for record in every)
    refuted = [record for record in every if record.prove().status == "refuted"]
    assert text.count("wrong as printed") == len(refuted) > 0
    assert text.count("Put right:") == sum(record.corrected_form is not None for record in every) > 0


def test_a_display_says_its_numbers_its_code_and_its_notebook():
    text = records._display(bptt.equation("9.7.9"))
    for words in ("(eq-9-7-9)=", "9.7.9 in v1.0, 8.7.9 in v0.17", "d2lbptt.rnn.forward", "02_unrolling.ipynb"):
        assert words in text


@pytest.mark.slow
def test_the_page_of_questions_has_every_question_and_its_short_answer():
    text = records.questions()
    for question in bptt.questions():
        answer = question.answer()
        assert f"({question.key.lower()})=" in text
        assert question.typeset(question.question) in text and question.typeset(answer.in_short) in text


def test_a_question_has_its_answer_in_short_first():
    question = bptt.question("Q8")
    text = records._question(question)
    places = [text.index(words) for words in ("Why a plus?", "A sum of two terms", "Computed besides")]
    assert places == sorted(places)


def test_every_explorer_has_a_page_that_the_list_leads_to():
    every = {name: undrawn(name) for name in explorers.__all__}
    listed = explorer_pages.index(every)
    users = pages.shown_by()
    for name, explorer in every.items():
        text = explorer_pages.page(name, explorer, users[name])
        (figure,) = Elements(text).of("figure")
        assert figure["data-name"] == name and "data-address" in figure
        *presets, stage = (a["href"] for a in Elements(text).of("a"))
        assert [link[:8] for link in presets] == ["#preset="] * len(explorer.presets)
        assert stage == f"../present.html?show={name}"
        assert re.search("^# (.*)$", text, re.MULTILINE)[1] == explorer_pages.question(explorer)
        assert text.count("notebooks/") == len(users[name]) > 0
        compile(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], name, "exec")
        assert f'href="{name}.html"' in listed


def test_words_of_the_front_end_become_text():
    assert explorer_pages.plain("<span><var>M</var><sup><var>k</var></sup> <var>x</var> &lt; 1</span>") == "Mᵏ x < 1"
    assert explorer_pages.plain("<var>a</var><sub>1</sub> <var>h</var><sub><var>t</var></sub>") == "a_1 hₜ"


def test_every_notebook_and_solution_has_a_page_in_the_sidebar():
    listed = re.findall(r"<(.*?)>", pages.contents() + pages.solutions())
    assert {f"notebooks/{p.stem}" for p in PATHS if p.parent.name == "notebooks"} < set(listed)
    assert {p.stem for p in PATHS if p.parent.name == "solutions"} < set(listed)
    assert short("04_bptt_by_hand") == "04 BPTT by hand"


def test_what_is_generated_is_made_again_only_if_the_code_changed(tmp_path, monkeypatch):
    calls = []

    def make():
        calls.append(1)
        return f"text {len(calls)}"

    for state, expected in (("a", "text 1"), ("a", "text 1"), ("b", "text 2")):
        monkeypatch.setattr(pages, "_state_of_the_code", lambda state=state: state)
        assert pages._remembered(tmp_path / "page.md", make) == expected


def test_only_what_changed_is_written_and_what_is_left_over_goes(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "page.md").write_text("left over")
    first = pages.Folder(tmp_path)
    first.write("a/page.md", "words")
    first.tidy()
    before = (tmp_path / "a" / "page.md").stat().st_mtime_ns
    second = pages.Folder(tmp_path)
    second.write("a/page.md", b"words")
    second.tidy()
    assert (tmp_path / "a" / "page.md").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["page.md"]


# --- pictures that stand still ---


def test_a_picture_is_the_same_each_time_and_says_what_is_seen(tmp_path):
    said = [pictures.write(tmp_path / name, "transient", {"c": 0.0}) for name in ("a.svg", "b.svg")]
    one, other = ((tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    explorer = explorers.transient()
    explorer.set(c=0.0)
    assert said == [explorer.state["sentence"]] * 2
    assert one == other and len(one) < 250_000 and ET.fromstring(one).tag.endswith("svg")


def test_a_picture_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^control is 'q', wanted one of"):
        pictures.write(tmp_path / "a.svg", "transient", {"q": 1})
    assert not (tmp_path / "a.svg").exists()


# --- the script for formulas, and the command ---


def test_the_script_for_formulas_is_the_one_that_is_known():
    found = mathjax.scripts()
    assert b"MathJax" in found["tex-svg.js"]
    with pytest.raises(ValueError) as refused:
        mathjax.checked("tex-svg.js", found["tex-svg.js"] + b" ")
    wanted = rf"wanted {mathjax.CHECKSUMS['tex-svg.js']}, that of MathJax 3\.2\.2"
    said = rf"tex-svg\.js of sphinx-mathjax-offline has the sha256 [0-9a-f]{{64}}, {wanted}"
    assert re.fullmatch(said, str(refused.value))


def test_a_missing_script_is_named(monkeypatch):
    monkeypatch.setattr(mathjax, "PACKAGE", "not-installed-here")
    with pytest.raises(ValueError, match=r"^tex-svg\.js, which sets formulas, is missing: pip install not-installed"):
        mathjax.scripts()


def test_an_unknown_flag_is_refused_in_a_sentence():
    done = subprocess.run([sys.executable, "-m", "tools.site", "--fast"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stdout == ""
    wanted = "--open to look at the site, --lite for a kernel in the browser, --no-handout to print none"
    assert done.stderr == f"ARGS has --fast, wanted nothing or {wanted}\n"


def test_what_is_not_as_it_must_be_stops_the_command_with_a_sentence(monkeypatch):
    def refuse(*_, **__):
        raise ValueError("a page is missing")

    monkeypatch.setattr(command, "build", refuse)
    with pytest.raises(SystemExit, match=r"^The site is not made: a page is missing$"):
        command.main([])
