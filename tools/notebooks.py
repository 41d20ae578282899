"""Make the notebooks from their sources, run them and keep their files clean.

`notebooks/source/NAME.ipynb` is what is edited: solved, and without outputs. `make notebooks` makes two files from it,
in which every cell was run: `notebooks/NAME.ipynb`, where "Your answer here." stands in place of what is between
`### BEGIN SOLUTION` and `### END SOLUTION`, and, if there are such tasks, `notebooks/solutions/NAME.ipynb` with the
answers. Both get the bootstrap cell, and hold nothing that differs from run to run.

`stale` tells whether a file is still what its source says, `differences` whether its outputs are still what its code
gives. A cell that needs a library which is no dependency has its name among its tags; where that is missing, `main`
leaves the whole notebook alone.
"""

import copy
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from importlib.util import find_spec
from itertools import chain, zip_longest
from pathlib import Path, PurePath

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Unicode

from tools import badges, bootstrap

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("tags", "jupyter")  # metadata of a cell: its tags, and whether its source is folded away
VARIES = "varies"  # the tag of a cell whose output is allowed to differ, which also has one of these
REASONS = ("versions", "times", "rounding")
LIBRARIES = {"torch": "PyTorch", "jax": "JAX"}  # the tags of cells that need one, and what it is called
WIDGET = "application/vnd.jupyter.widget-view+json"
TEXTS = {"text/plain", "text/markdown", "text/latex"}
MARKS = re.compile(r"[\\`*_{}\[\]<>#|$]")  # of Markdown
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MARKER = re.compile(r"(BEGIN|END) SOLUTION")
ANSWER = {"code": "# Your answer here.", "markdown": "*Your answer here.*"}
# Where in a Markdown link a path to a file begins; [h](x) may stand in a formula, and an address has a colon first.
PATH = re.compile(r"(?<=\]\()(?=[\w./-]*\.(?:ipynb|md|py|png|svg|html)[)#])")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def paths(root: Path = ROOT) -> list[Path]:
    """The notebooks that are made: those with empty tasks, by name, then the solutions."""
    folder = root / "notebooks"
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("solutions/*.ipynb"))]


def sources(root: Path = ROOT) -> list[Path]:
    """The sources of the notebooks, by name."""
    return sorted((root / "notebooks" / "source").glob("*.ipynb"))


def source_of(path: Path) -> Path:
    """The source of a notebook that is made; that of a source is itself."""
    folder = path.parent.parent if path.parent.name in ("source", "solutions") else path.parent
    return folder / "source" / path.name


def made(source: Path) -> list[Path]:
    """The files that are made from a source: one, or two if it has tasks."""
    folder = source.parent.parent
    student, solved = folder / source.name, folder / "solutions" / source.name
    return [student, solved] if has_tasks(read(source)) else [student]


def read(path: Path) -> NotebookNode:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)


def needed(notebook: NotebookNode) -> list[str]:
    """The libraries that cells of it need, by their tags."""
    tags = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    return [name for name in LIBRARIES if name in tags]


def missing(notebook: NotebookNode) -> list[str]:
    """Those of them that are not installed here."""
    return [name for name in needed(notebook) if not find_spec(name)]


def build(source: Path, address: str | None) -> None:
    """Run what is made from a source and save all of it clean; nothing is written unless every cell ran."""
    notebook = read(source)
    files = derive(notebook, source.name, address)
    execute_all(files, source.parent.parent)
    nbformat.write(strip(notebook), source)
    (source.parent.parent / "solutions" / source.name).unlink(missing_ok=True)
    for path, file in zip(made(source), files, strict=True):
        path.parent.mkdir(exist_ok=True)
        nbformat.write(clean(file), path)


# --- from the source ---


def has_tasks(notebook: NotebookNode) -> bool:
    """Whether it has anything between markers."""
    return any(BEGIN in cell.source for cell in notebook.cells)


def derive(source: NotebookNode, name: str, address: str | None) -> list[NotebookNode]:
    """What is made from a source, not yet run: the notebook with empty tasks, and the solved one if it has tasks."""
    pairs = [split(cell) for cell in source.cells]
    files = []
    for solved in range(1 + has_tasks(source)):
        notebook = copy.deepcopy(source)
        for cell, texts in zip(notebook.cells, pairs, strict=True):
            cell.source = _from_below(cell, texts[1]) if solved else texts[0]
        bootstrap.place(notebook, bootstrap.source(address))
        badges.remove(notebook)
        if address and address.startswith(badges.HOST):
            path = PurePath("notebooks", *["solutions"] * solved, name)
            badges.add(notebook, badges.colab(address.removeprefix(badges.HOST), path))
        files.append(notebook)
    return files


def split(cell: NotebookNode) -> tuple[str, str]:
    """The text of a cell with empty tasks, and the solved one. Raises ValueError if a marker has no partner."""
    empty, solved, inside = [], [], False
    for line in cell.source.split("\n"):
        if not MARKER.search(line):
            solved.append(line)
            empty += [] if inside else [line]
            continue
        if line.strip() != (END if inside else BEGIN):
            raise ValueError(f"a line is {line!r}, wanted {END if inside else BEGIN!r} first: {cell.source!r}")
        inside = not inside
        if inside:
            empty.append(line.replace(BEGIN, ANSWER[cell.cell_type]))
    if inside:
        raise ValueError(f"{BEGIN!r} without {END!r}: {cell.source!r}")
    return "\n".join(empty), "\n".join(solved)


def _from_below(cell: NotebookNode, text: str) -> str:
    """The text of a cell, with links as they lead from a folder of the notebooks."""
    return PATH.sub("../", text) if cell.cell_type == "markdown" else text


def strip(source: NotebookNode) -> NotebookNode:
    """Leave, in place, what is edited: no outputs, and no cell or badge that is put in place when it is made."""
    source.cells = [cell for cell in source.cells if bootstrap.TAG not in cell.metadata.get("tags", [])]
    badges.remove(source)
    for cell in source.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    clean(source)
    for cell in source.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
    return source


def stale(source: Path, address: str | None) -> list[str]:
    """Where files are not what their source says, one line for each place; outputs do not count."""
    folder, lines = source.parent.parent, []
    wanted = dict(zip(made(source), derive(read(source), source.name, address), strict=True))
    for path in (folder / source.name, folder / "solutions" / source.name):
        new = list(map(_without_outputs, wanted[path].cells)) if path in wanted else []
        old = list(map(_without_outputs, read(path).cells)) if path.exists() else []
        pairs = enumerate(zip_longest(old, new), 1)
        lines += [f"{path.relative_to(folder)}, cell {i}: {a} against {b}" for i, (a, b) in pairs if a != b]
    return lines


def _without_outputs(cell: NotebookNode) -> dict:
    metadata = {key: value for key, value in cell.metadata.items() if key in KEPT}
    return {"id": cell.id, "type": cell.cell_type, "source": cell.source, "metadata": metadata}


# --- running ---


class _OneKernel(KernelSpecManager):
    """Knows the kernel of one interpreter, whatever kernels are registered on the machine."""

    python = Unicode()

    def get_kernel_spec(self, kernel_name):
        kernel = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quiet = "--log-level=ERROR"  # warnings about the connection say nothing of the notebook
        return KernelSpec(argv=[*kernel, quiet], display_name="Python 3", language="python")


class _Client(NotebookClient):
    python = Unicode()

    def create_kernel_manager(self):
        self.km = AsyncKernelManager(kernel_spec_manager=_OneKernel(python=self.python))
        return self.km


def execute(
    notebook: NotebookNode, folder: Path, python: str = sys.executable, env: Mapping[str, str] | None = None
) -> None:
    """Run all cells in place, in a fresh kernel of `python` that works in `folder`.

    `env` is added to the environment of the kernel. Raises the exceptions of nbclient; a cell that
    raised keeps its error among its outputs.
    """
    client = _Client(
        notebook,
        python=python,
        timeout=1800,  # seconds on the wall for one cell: a minute of the processor is long where much else runs
        record_timing=False,
        coalesce_streams=True,  # how a print is cut into messages differs from run to run
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=os.environ | (env or {}))


def execute_all(
    files: list[NotebookNode], folder: Path, python: str = sys.executable, env: Mapping[str, str] | None = None
) -> None:
    """Run what was made from one source, all cells in place: see `join`."""
    joint = join(files)
    execute(joint, folder, python, env)
    part(joint, files)


def join(files: list[NotebookNode]) -> NotebookNode:
    """One notebook that runs them: after the first come the other's cells from the one on in which they differ.

    So what is the same runs once, and no answer is there before the empty tasks have run.
    """
    student, *others = files
    joint = copy.deepcopy(student)
    for solved in others:
        joint.cells += copy.deepcopy(solved.cells[_first_difference(student, solved) :])
    for i, cell in enumerate(joint.cells):
        cell.id = f"joint-{i}"
    return joint


def part(joint: NotebookNode, files: list[NotebookNode]) -> None:
    """Give the cells of the notebooks, in place, the outputs of a joint run."""
    student, *others = files
    ran = [joint.cells[: len(student.cells)]]
    for solved in others:
        ran.append(joint.cells[: _first_difference(student, solved)] + joint.cells[len(student.cells) :])
    for notebook, cells in zip(files, ran, strict=True):
        for cell, source in zip(notebook.cells, cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = copy.deepcopy(source.outputs), source.execution_count


def _first_difference(student: NotebookNode, solved: NotebookNode) -> int:
    """The place of the first code cell in which they differ."""
    pairs = zip(student.cells, solved.cells, strict=True)
    found = (i for i, (a, b) in enumerate(pairs) if a.cell_type == "code" and a.source != b.source)
    return next(found, len(solved.cells))


# --- cleaning ---


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop, in place, what differs from run to run or only the session that ran it could use."""
    nbformat.validator.normalize(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT})
    run = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    for count, cell in enumerate(run, 1):
        cell.execution_count = count
        kept = (output for output in cell.outputs if not _is_progress(output))
        cell.outputs = list(chain.from_iterable(map(_without_widget, kept)))
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    nbformat.validate(notebook)
    return notebook


def _is_progress(output: NotebookNode) -> bool:
    """Whether it is a widget that was shown on the way and has no picture: nothing of a progress bar is kept."""
    data = output.get("data", {})
    return output.output_type == "display_data" and WIDGET in data and "image/png" not in data


def _without_widget(output: NotebookNode) -> list[NotebookNode]:
    """Keep of a widget, or a picture with words, picture and words one after the other: a page shows one form of each.

    A widget without its state is an error message on reopening.
    """
    data = output.get("data", {})
    if {"image/png", "text/markdown"} <= data.keys():  # a picture with a text alternative
        words = new_output("display_data", {"text/markdown": data["text/markdown"]})
        return [_only(output, ["image/png"]), words]
    if WIDGET not in data:
        return [output]
    if "image/png" not in data:
        return [_only(output, ["text/plain"])]
    # As Markdown, because GitHub does not wrap the long lines of plain text.
    text = new_output("display_data", {"text/markdown": MARKS.sub(r"\\\g<0>", data["text/plain"])})
    return [_only(output, ["image/png"]), text]


def _only(output: NotebookNode, kinds: list[str]) -> NotebookNode:
    for part in (output.data, output.metadata):
        for kind in part.keys() - set(kinds):
            del part[kind]
    return output


def silent_pictures(notebook: NotebookNode) -> list[str]:
    """Return the sources of the cells that show a picture without a text alternative."""
    outputs = [(cell.source, output) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [source for source, output in outputs for kind in output.get("data", {}) if _is_silent(output, kind)]


def _is_silent(output: NotebookNode, kind: str) -> bool:
    return kind.startswith("image/") and not output.metadata.get(kind, {}).get("alt", "").strip()


# --- comparing ---


def differences(old: NotebookNode, new: NotebookNode, without: Collection[str] = ()) -> list[str]:
    """Where two runs of a notebook would read differently, one line for each place.

    Words count exactly, numbers up to what another BLAS may change, pictures by being there.
    Warnings (stderr) depend on the versions around, cells tagged "varies" are meant to differ, and so are those that
    need a library which one of the runs was `without`: none of them counts.
    """
    empty = nbformat.v4.new_markdown_cell()
    pairs = zip_longest(old.cells, new.cells, fillvalue=empty)
    ignored = {VARIES, *without}
    return [line for i, (a, b) in enumerate(pairs, 1) for line in _cell_differences(i, a, b, ignored)]


def _cell_differences(number: int, old: NotebookNode, new: NotebookNode, ignored: set[str]) -> Iterator[str]:
    if old.source != new.source:
        yield f"cell {number}: source {old.source!r} against {new.source!r}"
    elif ignored.isdisjoint(old.metadata.get("tags", [])):
        for a, b in zip_longest(_shown(old), _shown(new), fillvalue=("nothing", "")):
            if a[0] != b[0] or not agree(a[1], b[1]):
                yield f"cell {number}: {a[0]} {a[1]!r} against {b[0]} {b[1]!r}"


def _shown(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """What a cell shows: pairs of kind and text, the text of a picture being empty."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            yield "error", output.ename
        if output.get("name") == "stdout":
            yield "stdout", output.text
        for kind, data in sorted(output.get("data", {}).items()):
            if kind in TEXTS:
                yield kind, data
            elif kind.startswith("image/"):
                yield kind, ""


def agree(old: str, new: str) -> bool:
    """Whether two texts have the same words, and numbers that are close."""
    words = [NUMBER.sub(" # ", text).split() for text in (old, new)]
    return words[0] == words[1] and all(map(_close, NUMBER.findall(old), NUMBER.findall(new)))


def _close(old: str, new: str) -> bool:
    """Integers exactly; others to 1e-6, or to one unit of the last digit if that is under 1 %."""
    if not re.search("[.eE]", old + new):
        return old == new
    a, b = Decimal(old), Decimal(new)
    size = max(abs(a), abs(b))
    unit = max(Decimal((0, (1,), number.as_tuple().exponent)) for number in (a, b))
    return abs(a - b) <= max(size / 10**6, unit if unit < size / 100 else 0)


def main(names: list[str]) -> None:
    for path in map(source_of, map(Path, names)) if names else sources():
        if not path.exists():
            sys.exit(f"{path} is not there: a notebook is made from its source, in notebooks/source")
        if absent := missing(read(path)):
            print(f"{path.name}: left as it was, because its cells need what is missing here: {', '.join(absent)}")
            continue
        try:
            build(path, bootstrap.address(ROOT))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            sys.exit(f"{path.name} was left as it was, because a cell failed:\n{error}")
        except ValueError as error:
            sys.exit(f"{path.name} was left as it was: {error}")
        print(f"{path.name}: run and saved")


if __name__ == "__main__":
    main(sys.argv[1:])
