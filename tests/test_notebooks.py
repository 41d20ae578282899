"""The notebooks run, show what their files show, and are clean on disk."""

import copy
import json
import os
import platform
import re
import subprocess
import sys
from functools import cache

import matplotlib
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from d2lbptt.text.corpus import FILE, VARIABLE
from tools import bootstrap, notebooks

PATHS = notebooks.paths()
SOURCES = notebooks.sources()
ADDRESS = bootstrap.address(notebooks.ROOT)
FAST = ("00_start_here",)  # the others run in the slow tests, on every kernel
each_notebook = pytest.mark.parametrize("path", PATHS, ids=[f"{path.parent.name}/{path.stem}" for path in PATHS])
each_source = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])


def toy(*sources: str, tags=()):
    """A notebook of code cells under a title; all carry the tags."""
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    return new_notebook(cells=[new_markdown_cell("# A toy"), *cells])


def run(notebook, folder):
    """A clean, executed copy."""
    notebook = copy.deepcopy(notebook)
    notebooks.execute(notebook, folder)
    return notebooks.clean(notebook)


def write(folder, notebook, name="toy"):
    """Write it as a source into a folder of notebooks; the path of the source."""
    path = folder / "source" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


def saved(source):
    """What lies in the files that are made from a source."""
    return [*map(notebooks.read, notebooks.made(source))]


def differences(files, without=()):
    """Where the files of one source, run afresh, would read differently; they are left run."""
    return [line for old, new in files for line in notebooks.differences(old, notebooks.clean(new), without)]


def test_there_are_notebooks():
    assert "00_start_here" in [path.stem for path in SOURCES]


@each_source
def test_the_files_are_what_the_source_says(source):
    assert notebooks.stale(source, ADDRESS) == [], "run `make notebooks`"


def test_every_notebook_has_a_source():
    assert {path.name for path in PATHS} == {path.name for path in SOURCES}


@pytest.mark.parametrize(
    "source", [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem not in FAST)) for path in SOURCES]
)
def test_runs_and_shows_what_the_files_show(source):
    """With empty tasks, and solved: what both have runs once (`notebooks.join`)."""
    old, new = saved(source), saved(source)
    took, _ = watch(new, threads(1))
    assert took < LONGEST
    assert differences(zip(old, new, strict=True), notebooks.missing(old[0])) == []


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


# --- tasks ---

SOLVED = [source for source in SOURCES if notebooks.has_tasks(notebooks.read(source))]


def checked(notebook):
    """What the last output of each cell with a task says, by the source of the cell."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "exercises.check(" in cell.source]
    return {cell.source: cell.outputs[-1].get("data", {}).get("text/plain", "") for cell in cells}


@pytest.mark.parametrize("source", SOLVED, ids=lambda path: path.stem)
def test_every_check_passes_where_it_is_solved_and_none_where_it_is_not(source):
    """So the files say; that they show what the code gives is tested above."""
    empty, solved = map(checked, saved(source))
    assert len(empty) == len(solved) > 0
    assert {code: said for code, said in solved.items() if said != "Right."} == {}
    assert {code: said for code, said in empty.items() if not said.startswith("Not yet. ")} == {}


CODE = """\
def half(n):
    \"\"\"Return its half.\"\"\"
    ### BEGIN SOLUTION
    return n / 2
    ### END SOLUTION


seen.append(half(3))
seen"""
EMPTY = """\
def half(n):
    \"\"\"Return its half.\"\"\"
    # Your answer here.


seen.append(half(3))
seen"""
SOLUTION = """\
def half(n):
    \"\"\"Return its half.\"\"\"
    return n / 2


seen.append(half(3))
seen"""


def test_a_source_becomes_a_notebook_with_empty_tasks_and_a_solved_one(tmp_path):
    source = toy("seen = []", CODE)
    source.cells[0].source = "# See [04, BPTT](04_b.ipynb#on), [here](#a), [there](https://x.example/y.md), $f[h](x.y)$"
    source.cells.append(new_markdown_cell("Why?\n\n### BEGIN SOLUTION\nSo. [n](notation.md)\n### END SOLUTION\nDone."))
    path = write(tmp_path, source)
    notebooks.build(path, None)
    student, solved = saved(path)
    assert [cell.source for cell in student.cells[2:]] == ["seen = []", EMPTY, "Why?\n\n*Your answer here.*\nDone."]
    assert [cell.source for cell in solved.cells[2:]] == [
        "seen = []",
        SOLUTION,
        "Why?\n\nSo. [n](../notation.md)\nDone.",
    ]
    assert student.cells[0].source == source.cells[0].source
    assert solved.cells[0].source == source.cells[0].source.replace("(04_b", "(../04_b")
    assert [cell.id for cell in student.cells] == [cell.id for cell in solved.cells]
    # What is the same ran once, and the empty task before the answer was there.
    assert student.cells[3].outputs[0].data["text/plain"] == "[None]"
    assert solved.cells[3].outputs[0].data["text/plain"] == "[None, 1.5]"
    counts = [[cell.execution_count for cell in file.cells if cell.cell_type == "code"] for file in (student, solved)]
    assert counts == [[1, 2, 3]] * 2


def test_the_source_is_left_clean_and_what_is_out_of_date_is_noticed(tmp_path):
    source = run(toy("1 + 1", CODE.replace("seen.append(half(3))\nseen", "half(3)")), tmp_path)
    bootstrap.place(source, bootstrap.source(None))
    path = write(tmp_path, source)
    assert len(notebooks.stale(path, None)) == 2 * 4
    notebooks.build(path, None)
    left = notebooks.read(path)
    assert bootstrap.cells(left) == [] and len(left.cells) == 3
    assert all(cell.outputs == [] and cell.execution_count is None for cell in left.cells[1:])
    assert notebooks.stale(path, None) == []
    assert len(notebooks.stale(path, "https://github.com/a/b")) == 2 * 2  # the badge and the bootstrap cell
    left.cells[1].source = "1 + 2"
    write(tmp_path, left)
    assert [line.partition(":")[0] for line in notebooks.stale(path, None)] == [
        "toy.ipynb, cell 3",
        "solutions/toy.ipynb, cell 3",
    ]
    left.cells[2].source = SOLUTION
    write(tmp_path, left)
    assert any("against None" in line for line in notebooks.stale(path, None))  # there is a solved one, and no task
    left.cells[2].source = "half = None"
    write(tmp_path, left)
    notebooks.build(path, None)
    assert notebooks.made(path) == [tmp_path / "toy.ipynb"] and not [*tmp_path.glob("solutions/*")]
    assert notebooks.stale(path, None) == []


def test_a_notebook_is_found_by_each_of_its_files(tmp_path):
    path = write(tmp_path, toy("1"))
    for folder in ("", "solutions", "source"):
        assert notebooks.source_of(tmp_path / folder / "toy.ipynb") == path
    with pytest.raises(SystemExit, match="a notebook is made from its source"):
        notebooks.main([str(tmp_path / "other.ipynb")])


@pytest.mark.parametrize(
    "code",
    [
        "### BEGIN SOLUTION\n1",
        "1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
        "### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION",
        "# BEGIN SOLUTION\n# END SOLUTION",
        "### BEGIN SOLUTION:\n### END SOLUTION",
        "1  ### BEGIN SOLUTION\n### END SOLUTION",
    ],
)
def test_a_marker_without_its_partner_is_refused(code, tmp_path):
    path = write(tmp_path, toy(code))
    with pytest.raises(ValueError, match="SOLUTION"):
        notebooks.split(new_code_cell(code))
    with pytest.raises(SystemExit, match=r"toy.ipynb was left as it was: .*SOLUTION"):
        notebooks.main([str(path)])
    assert [*tmp_path.rglob("*.ipynb")] == [path]


# --- on other processors ---

# OpenBLAS has a kernel for each kind of processor, NumPy has loops for each, and they round differently. An older
# processor can be asked for by environment. What is loaded may go by another name, as Prescott's kernel does. Prescott
# stands for another rounding, not for a machine of today, and is slow.
PROCESSORS = {"SkylakeX": "none", "Haswell": "AVX512|X86_V4", "Prescott": ""}  # the loops of NumPy that it lacks
ALIKE = {"Zen": "Haswell"}  # the same products by another name
BEGIN = """\
def _pace():
    import time, numpy
    a, b = numpy.full((32, 64), 0.01, "f"), numpy.full((64, 64), 0.01, "f")
    start = time.process_time()
    for _ in range(10_000):
        numpy.tanh(a @ b)
    return time.process_time() - start
_paces = [_pace() for _ in range(4)]
"""
END = """\
import json, statistics, time, threadpoolctl
_took = time.process_time() / statistics.median([*_paces, *(_pace() for _ in range(4))])
_blas = [one for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
print(json.dumps([_took, sorted({(one.get("architecture"), one["num_threads"]) for one in _blas})]))
"""
# The time of the processor that a notebook may take, as a multiple of what ten thousand steps of a small network take
# in the same process, before and after it. The longest takes 2,300 of them, two minutes, when nothing else runs.
LONGEST = 4000
TRAINS = ("09_training",)  # two threads wait for each other at each step, and for long where other tests run


def threads(number):
    """The environment of a process whose products of matrices are computed by so many threads."""
    sleeps = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}  # a thread that waits is in no test's way
    return {"OMP_NUM_THREADS": str(number), "OPENBLAS_NUM_THREADS": str(number)} | sleeps


def processor(name):
    """The environment of a process that is to compute as on this processor, with one thread."""
    lacks = [f for f in __cpu_dispatch__ if __cpu_features__.get(f) and re.match(PROCESSORS[name], f)]
    return threads(1) | {"OPENBLAS_CORETYPE": name, "NPY_DISABLE_CPU_FEATURES": " ".join(lacks)}


@cache
def loaded(name=None):
    """The kernel of OpenBLAS that a process loads when it is asked for this one, or for none; None without a choice."""
    wanted = {"Haswell": "AVX2", "SkylakeX": "AVX512_SKX"}.get(name)
    if wanted and not __cpu_features__.get(wanted):
        return None  # its instructions would stop the process
    env = os.environ | (processor(name) if name else {})
    done = subprocess.run([sys.executable, "-c", BEGIN + END], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    (found,) = json.loads(done.stdout)[1]
    return found[0]


def another():
    """The newest processor whose kernel can be loaded here, and is not the one that is loaded anyway."""
    found = {name: loaded(name) for name in PROCESSORS}
    return next(name for name, kernel in found.items() if kernel not in (None, ALIKE.get(loaded(), loaded())))


def away(folder):
    """The environment of a kernel without a text, a network and a cache."""
    refuses = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    fonts = matplotlib.get_cachedir()  # not made anew each time
    return (
        refuses
        | {"no_proxy": "", "NO_PROXY": "", "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "MPLCONFIGDIR": fonts}
        | {VARIABLE: ""}
    )


def needs_text(notebook):
    return any("load_text" in cell.source for cell in notebook.cells if cell.cell_type == "code")


on_x86_64 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the names are those of x86-64")


@pytest.mark.slow
@on_x86_64
@each_source
def test_shows_the_same_on_another_processor_with_two_threads(source, tmp_path):
    """Where nobody asks for one thread there are more: the parts into which they cut a product round differently."""
    name, number = another(), 1 if source.stem in TRAINS else 2
    took, blas = shows_the_same(source, processor(name) | threads(number), tmp_path)
    assert blas == [[loaded(name), number]]
    assert took < LONGEST


def shows_the_same(source, env, folder):
    """All but the notebook that needs the text run without a text and a network here; the answers of tasks, too."""
    old, new = saved(source), saved(source)
    watched = watch(new, env | ({} if needs_text(old[-1]) else away(folder)))
    if not needs_text(old[-1]) or os.environ.get(VARIABLE):
        assert differences(zip(old, new, strict=True), notebooks.missing(old[0])) == []
    return watched


# Run by a Python when it starts: it finds these libraries no more.
BLOCK = """\
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *where: None if name in {} else find(name, *where)
"""


def block(folder, *libraries):
    """The environment of a Python in which they are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCK.format(libraries), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def spare(source):
    notebook = notebooks.read(source)
    return needs_text(notebook) or notebooks.needed(notebook)


@pytest.mark.slow
@pytest.mark.parametrize("source", [*filter(spare, SOURCES)], ids=lambda path: path.stem)
def test_runs_to_its_end_without_a_text_a_network_and_another_framework(source, tmp_path):
    old, new = saved(source), saved(source)
    watch(new, away(tmp_path) | block(tmp_path, *notebooks.LIBRARIES))
    assert not list(tmp_path.rglob(FILE))
    said = "\n".join(output.text for cell in new[0].cells for output in cell.get("outputs", []) if "text" in output)
    for name in notebooks.needed(old[0]):
        assert f"{notebooks.LIBRARIES[name]} is not installed here" in said
    if not needs_text(old[-1]):
        assert differences(zip(old, new, strict=True), notebooks.needed(old[0])) == []


@each_source
def test_a_cell_that_needs_another_framework_is_tagged_and_does_nothing_without_it(source):
    code = [cell for cell in notebooks.read(source).cells if cell.cell_type == "code"]
    for name in notebooks.LIBRARIES:
        first, *later = [cell for cell in code if re.search(rf"\b{name}\b", cell.source)] or [None]
        assert [cell for cell in code if name in cell.metadata.get("tags", [])] == [*filter(None, [first]), *later]
        assert first is None or first.source.startswith(f"try:\n    import {name}\nexcept ModuleNotFoundError:\n")
        assert all(re.match(rf"if (\w+ and )?{name}\b( and \w+)?:\n", cell.source) for cell in later)
        assert all(re.fullmatch(r"(if .*|    .*|\)|)", line) for cell in later for line in cell.source.splitlines())


def watch(files, env):
    """Run what is made from one source, in place: how long it took, and the kernels and threads of BLAS."""
    joint = notebooks.join(files)
    joint.cells = [new_code_cell(BEGIN), *joint.cells, new_code_cell(END)]
    notebooks.execute(joint, notebooks.ROOT / "notebooks", env=env)
    took, blas = json.loads(joint.cells.pop().outputs[0].text)
    del joint.cells[0]
    notebooks.part(joint, files)
    return took, blas


# --- what is compared ---


VARY = [
    pytest.param(cell, id=f"{path.stem}-{i}")
    for path in SOURCES
    for i, cell in enumerate(notebooks.read(path).cells)
    if {notebooks.VARIES, *notebooks.REASONS} & set(cell.metadata.get("tags", []))
]


@pytest.mark.parametrize("cell", VARY)
def test_a_cell_that_may_vary_says_why_and_claims_nothing(cell):
    tags = cell.metadata.tags
    assert notebooks.VARIES in tags and len(set(tags) & set(notebooks.REASONS)) == 1, tags
    assert "assert" not in cell.source


def test_few_cells_may_vary():
    assert len(VARY) <= 15


@each_notebook
def test_links_look_like_links_and_lead_somewhere(path):
    """A text in backticks, in a link, is shown as code, in a colour of its own."""
    text = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    assert not re.search(r"\[[^\]]*`[^\]]*\]\([^)]*\)", text)
    for words, target in re.findall(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#]+)(?:#[^)]*)?\)", text):
        name, _, ending = target.rpartition("/")[2].rpartition(".")
        assert ending != "ipynb" or "solutions/" in target or words.startswith(f"{name.partition('_')[0]}, "), words
        assert (path.parent / target).exists(), target


def formulas(path):
    """The formulas of a notebook, in its text and in what its cells show."""
    for cell in notebooks.read(path).cells:
        shown = [output.get("data", {}) for output in cell.get("outputs", [])]
        texts = [data.get(kind, "") for data in shown for kind in ("text/markdown", "text/latex")]
        for text in [cell.source] if cell.cell_type == "markdown" else texts:
            yield from re.findall(r"\$\$.*?\$\$|\$[^$]+\$", text, re.DOTALL)


@each_notebook
def test_no_formula_has_what_github_refuses(path):
    """It shows an error in the place of each formula with one of these; `operatorname` is the least expected."""
    refused = r"\\(operatorname|mbox|phantom|[hv]phantom|def|newcommand|renewcommand|let|require|href|class|style)\b"
    assert [formula for formula in formulas(path) if re.search(refused, formula)] == []


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


FRAMEWORK = """\
try:
    import torch
except ModuleNotFoundError:
    torch = None
print(torch is None)"""


@pytest.mark.slow
def test_a_cell_that_needs_what_is_missing_is_not_compared(tmp_path):
    notebook = toy(FRAMEWORK, tags=["torch"])
    without = copy.deepcopy(notebook)
    notebooks.execute(without, tmp_path, env=block(tmp_path, "torch"))
    assert without.cells[1].outputs[0].text == "True\n"
    with_it = copy.deepcopy(without)
    with_it.cells[1].outputs[0].text = "False\n"
    assert len(notebooks.differences(with_it, without)) == 1
    assert len(notebooks.differences(with_it, without, ["jax"])) == 1
    assert notebooks.differences(with_it, without, ["torch"]) == []


def test_a_notebook_that_needs_what_is_missing_is_left_as_it_was(tmp_path, monkeypatch, capsys):
    both = write(tmp_path, toy(FRAMEWORK, tags=["torch", "jax"]), "needs_both")
    none = write(tmp_path, toy("1 + 1"), "needs_none")
    before = both.read_bytes()
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    notebooks.main([str(tmp_path / both.name), str(none)])
    assert both.read_bytes() == before and not (tmp_path / both.name).exists()
    assert notebooks.read(tmp_path / none.name).cells[-1].execution_count == 2
    assert capsys.readouterr().out == (
        "needs_both.ipynb: left as it was, because its cells need what is missing here: torch, jax\n"
        "needs_none.ipynb: run and saved\n"
    )


def test_building_leaves_nothing_that_changes_from_run_to_run(tmp_path):
    code = "import ipywidgets\nprint('a'); print('b')\nipywidgets.IntSlider()"
    source, path = write(tmp_path, toy(code, "", "2 + 2")), tmp_path / "toy.ipynb"
    notebooks.build(source, None)
    first = path.read_text(encoding="utf-8")
    notebooks.build(source, None)
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


# Shows itself as an explorer does: a widget, and for pages without widgets a picture and what it says.
EXPLORER = """\
import base64, io
from matplotlib.figure import Figure

class Explorer:
    def _repr_mimebundle_(self, **_):
        file = io.BytesIO()
        Figure(figsize=(1, 1)).savefig(file, format="png")
        bundle = {{"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": "It *vanishes*: 2 < 3, h_1."}}
        return bundle | {{"{widget}": {{"model_id": "0"}}}}, {{"{widget}": {{}}, "image/png": {{"width": 100}}}}

"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["Explorer()", "display(Explorer())"])
def test_a_picture_and_what_is_said_are_two_outputs_and_both_are_on_a_page_without_widgets(how, tmp_path):
    source = EXPLORER.format(widget=notebooks.WIDGET)
    built = run(toy(source + how), tmp_path)
    picture, said = built.cells[1].outputs
    assert list(picture.data) == ["image/png"] and picture.metadata == {"image/png": {"width": 100}}
    assert said.output_type == "display_data" and list(said.data) == ["text/markdown"] and said.metadata == {}
    page, _ = pytest.importorskip("nbconvert").HTMLExporter().from_notebook_node(built)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert page.count(f"data:image/png;base64,{picture.data['image/png'].strip()}") == 1
    assert "It *vanishes*: 2 &lt; 3, h_1." in words
    again = notebooks.clean(copy.deepcopy(built))
    assert again == built and notebooks.differences(built, run(built, tmp_path)) == []


DESCRIBED = """\
import matplotlib.pyplot as plt
import d2lbptt as bptt
_, ax = plt.subplots(figsize=(2, 1))
ax.plot([2, 1])
"""
DESCRIBE = "bptt.figures.described(ax, r'It *falls* to $1/\\tau$: <1.')"


@pytest.mark.slow
@pytest.mark.parametrize("how", [DESCRIBE, f"display({DESCRIBE})"])
def test_a_picture_that_is_described_is_shown_once_with_its_words_below(how, tmp_path):
    built = run(toy(DESCRIBED + how), tmp_path)
    picture, said = built.cells[1].outputs
    assert list(picture.data) == ["image/png"] and picture.metadata == {"image/png": {"alt": "It *falls* to 1/τ: <1."}}
    assert list(said.data) == ["text/markdown"] and said.data["text/markdown"] == "It *falls* to $1/\\tau$: <1."
    classic = pytest.importorskip("nbconvert").HTMLExporter(template_name="classic")
    page, _ = classic.from_notebook_node(built)
    assert re.findall(r'alt="([^"]*)"', page) == ["It *falls* to 1/τ: &lt;1."]
    assert notebooks.clean(copy.deepcopy(built)) == built


@each_notebook
def test_every_picture_has_a_text_alternative(path):
    assert notebooks.silent_pictures(notebooks.read(path)) == []


def test_a_picture_without_a_text_alternative_is_found(tmp_path):
    ways = [DESCRIBED + DESCRIBE, DESCRIBED + "None", EXPLORER.format(widget=notebooks.WIDGET) + "Explorer()"]
    built = run(toy(*ways), tmp_path)
    assert notebooks.silent_pictures(built) == ways[1:]


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    path = write(tmp_path, toy("1", "raise ValueError('planted')"))
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="planted"):
        notebooks.build(path, None)
    assert path.read_bytes() == before and [*tmp_path.rglob("*.ipynb")] == [path]


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
