"""The first code cell of every notebook: it installs d2lbptt where it is missing, as on Colab."""

import tomllib
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

TAG = "bootstrap"

INSTALL = """\
# Installs d2lbptt where it is missing, as on Colab; elsewhere this cell does nothing.
from importlib.util import find_spec

if not find_spec("d2lbptt"):
    %pip install --quiet "d2lbptt @ git+{address}\""""

EXPLAIN = """\
# Says what to do where d2lbptt is missing; elsewhere this cell does nothing.
from importlib.util import find_spec

if not find_spec("d2lbptt"):
    raise ImportError("d2lbptt is missing: in its folder, run `make lab` or `pip install -e .`")"""


def address(root: Path) -> str | None:
    """The repository's public address, from its one source, or None before `make links`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository")


def source(address: str | None) -> str:
    """The code of the cell; `address` is anything that git can clone from."""
    return INSTALL.format(address=address) if address else EXPLAIN


def cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells tagged as bootstrap cells; a finished notebook has one."""
    return [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]


def place(notebook: NotebookNode, code: str) -> None:
    """Make `code` the notebook's first code cell, in place of any earlier bootstrap cell."""
    cell = new_code_cell(code, id=TAG, metadata={"tags": [TAG], "jupyter": {"source_hidden": True}})
    old = cells(notebook)
    rest = [other for other in notebook.cells if other not in old]
    first = next((i for i, other in enumerate(rest) if other.cell_type == "code"), len(rest))
    notebook.cells = [*rest[:first], cell, *rest[first:]]
