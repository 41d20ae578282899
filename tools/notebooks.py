"""Run the notebooks and keep their files clean.

A notebook's .ipynb file is its source. `make notebooks` puts the bootstrap cell in place, runs
every cell in a fresh kernel and writes the file with nothing in it that differs from run to run.
`differences` tells whether the outputs in a file are still what its code gives. A cell that needs a library which is no
dependency has its name among its tags; where that is missing, `main` leaves the whole notebook alone.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from importlib.util import find_spec
from itertools import chain, zip_longest
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Unicode

from tools import bootstrap

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
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def paths(root: Path = ROOT) -> list[Path]:
    """The notebooks, in reading order, then the solutions."""
    folder = root / "notebooks"
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("solutions/*.ipynb"))]


def read(path: Path) -> NotebookNode:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)


def missing(notebook: NotebookNode) -> list[str]:
    """The libraries that cells of it need, by their tags, and that are not installed here."""
    needed = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    return [name for name in LIBRARIES if name in needed and not find_spec(name)]


def build(path: Path, address: str | None) -> None:
    """Run a notebook and save it clean; nothing is written unless every cell ran."""
    notebook = read(path)
    bootstrap.place(notebook, bootstrap.source(address))
    execute(notebook, path.parent)
    nbformat.write(clean(notebook), path)


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
    for path in map(Path, names) if names else paths():
        if absent := missing(read(path)):
            print(f"{path.name}: left as it was, because its cells need what is missing here: {', '.join(absent)}")
            continue
        try:
            build(path, bootstrap.address(ROOT))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            sys.exit(f"{path.name} was left as it was, because a cell failed:\n{error}")
        print(f"{path.name}: run and saved")


if __name__ == "__main__":
    main(sys.argv[1:])
