"""The notebooks run, show what their files show, and are clean on disk."""

import copy

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import bootstrap, notebooks

PATHS = notebooks.paths()
SLOW = ("08_truncation", "09_training", "10_readers_questions")  # a quarter of a minute and more
each_notebook = pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])


def toy(*sources: str, tags=()):
    """A notebook of code cells under a title; all carry the tags."""
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    return new_notebook(cells=[new_markdown_cell("# A toy"), *cells])


def run(notebook, folder):
    """A clean, executed copy."""
    notebook = copy.deepcopy(notebook)
    notebooks.execute(notebook, folder)
    return notebooks.clean(notebook)


def test_there_are_notebooks():
    assert "00_start_here" in [path.stem for path in PATHS]


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in SLOW)) for path in PATHS]
)
def test_runs_and_shows_what_the_file_shows(path):
    saved = notebooks.read(path)
    assert notebooks.differences(saved, run(saved, path.parent)) == []


@each_notebook
def test_the_file_is_clean(path):
    text = path.read_text(encoding="utf-8")
    cleaned = notebooks.clean(notebooks.read(path))
    assert text == nbformat.writes(cleaned) + "\n", "run `make notebooks`"
    assert len(text.encode()) < 1_000_000


@each_notebook
def test_every_cell_was_run_and_none_complained(path):
    for cell in notebooks.read(path).cells:
        outputs = cell.get("outputs", [])
        assert all(output.output_type != "error" for output in outputs), cell.source
        assert all(output.get("name") != "stderr" for output in outputs), cell.source


@each_notebook
def test_one_bootstrap_cell_from_the_template_comes_first(path):
    notebook = notebooks.read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert bootstrap.cells(notebook) == code[:1]
    assert code[0].source == bootstrap.source(bootstrap.address(notebooks.ROOT))


def test_a_stale_output_is_noticed(tmp_path):
    fresh = run(toy("print('the norm is', 0.25)"), tmp_path)
    stale = copy.deepcopy(fresh)
    stale.cells[1].outputs[0].text = "the norm is 0.26\n"
    assert notebooks.differences(fresh, fresh) == []
    assert notebooks.differences(stale, fresh) == [
        "cell 2: stdout 'the norm is 0.26\\n' against stdout 'the norm is 0.25\\n'"
    ]


def test_a_lost_output_and_a_lost_cell_are_noticed(tmp_path):
    fresh = run(toy("1 + 1"), tmp_path)
    silent = copy.deepcopy(fresh)
    silent.cells[1].outputs = []
    shorter = copy.deepcopy(fresh)
    del shorter.cells[1]
    assert len(notebooks.differences(silent, fresh)) == 1
    assert len(notebooks.differences(shorter, fresh)) == 1


def test_a_cell_that_may_vary_is_not_compared(tmp_path):
    notebook = toy("import time; print(time.perf_counter_ns())", tags=[notebooks.VARIES])
    assert notebooks.differences(run(notebook, tmp_path), run(notebook, tmp_path)) == []


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("norm 0.1234567891", "norm 0.1234567892", True),
        ("|dL/dh_1| is 3.12e-104 of it", "|dL/dh_1| is 3.13e-104 of it", True),  # a last digit
        ("|dL/dh_1| is 3.1e-104 of it", "|dL/dh_1| is 3.2e-104 of it", False),
        ("1e-300", "2e-300", False),
        ("[0.   1.5]", "[0. 1.5]", True),
        ("T = 1000000", "T = 1000001", False),
        ("0.5", "-0.5", False),
        ("0.0", "0.000", True),
        ("nan", "0.0", False),
        ("vanishing at 0.50", "exploding at 0.50", False),
        ("1 2", "1", False),
        ("a 1", "1 a", False),
    ],
)
def test_texts_agree_in_words_and_nearly_in_numbers(old, new, same):
    assert notebooks.agree(old, new) is same
    assert notebooks.agree(new, old) is same


def test_building_leaves_nothing_that_changes_from_run_to_run(tmp_path):
    path = tmp_path / "toy.ipynb"
    source = "import ipywidgets\nprint('a'); print('b')\nipywidgets.IntSlider()"
    nbformat.write(toy(source, "", "2 + 2"), path)
    notebooks.build(path, None)
    first = path.read_text(encoding="utf-8")
    notebooks.build(path, None)
    assert path.read_text(encoding="utf-8") == first
    built = notebooks.read(path)
    assert set(built.metadata) == {"kernelspec", "language_info"}
    assert notebooks.WIDGET not in first
    assert built.cells[2].outputs[0].text == "a\nb\n"
    counts = [cell.execution_count for cell in built.cells if cell.cell_type == "code"]
    assert counts == [1, 2, None, 3]


def test_nothing_is_kept_of_a_progress_bar(tmp_path):
    source = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), leave=False): pass\nprint('done')"
    built = run(toy(source), tmp_path)
    assert [output.get("text") for output in built.cells[1].outputs] == ["done\n"]


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = tmp_path / "toy.ipynb"
    nbformat.write(toy("1", "raise ValueError('planted')"), path)
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="planted"):
        notebooks.build(path, None)
    assert path.read_bytes() == before


def test_the_bootstrap_cell_says_what_to_do_where_the_package_is_missing(tmp_path):
    # A module search that finds nothing stands for an environment without the package.
    hide = "import importlib.util; importlib.util.find_spec = lambda name: None"
    with pytest.raises(CellExecutionError, match="run `make lab` or `pip install"):
        notebooks.execute(toy(hide, bootstrap.source(None)), tmp_path)


def test_the_bootstrap_cell_is_put_first_and_only_once():
    notebook = toy("x = 1", "y = 2")
    for address in (None, "https://host.example/owner/name"):
        bootstrap.place(notebook, bootstrap.source(address))
        notebook.cells.append(notebook.cells.pop(1))  # as a reader who moved it
        bootstrap.place(notebook, bootstrap.source(address))
    assert [cell.source for cell in notebook.cells] == [
        "# A toy",
        bootstrap.source("https://host.example/owner/name"),
        "x = 1",
        "y = 2",
    ]
