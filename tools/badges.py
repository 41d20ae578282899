"""The badges that lead to Binder and Colab, in README.md and in the first cell of each notebook."""

import re
from pathlib import PurePath

from nbformat import NotebookNode

START, END = "<!-- badges -->", "<!-- /badges -->"
BLOCK = re.compile(f"{START}.*?{END}", re.DOTALL)
HOST = "https://github.com/"


def placed(text: str, badges: str) -> str:
    """The text with `badges` between its markers."""
    return BLOCK.sub(lambda _: f"{START}\n{badges}\n{END}", text)


def add(notebook: NotebookNode, badge: str) -> None:
    """Put the badge at the end of the notebook's first cell, if that is text, in place of an earlier one."""
    first = notebook.cells[0]
    if first.cell_type == "markdown":
        remove(notebook)
        first.source = placed(f"{first.source}\n\n{START}{END}", badge)


def remove(notebook: NotebookNode) -> None:
    """Leave no badge in the first cell."""
    first = notebook.cells[0]
    if BLOCK.search(first.source):
        first.source = BLOCK.sub("", first.source).rstrip()


def repo(address: str | None) -> str | None:
    """The owner/name of a public address, or None before there is one."""
    return address and address.removeprefix(HOST)


def binder(repo: str, path: PurePath) -> str:
    return f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder_url(repo, path)})"


def binder_url(repo: str, path: PurePath) -> str:
    return f"https://mybinder.org/v2/gh/{repo}/HEAD?urlpath=lab/tree/{path.as_posix()}"


def colab(repo: str, path: PurePath) -> str:
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    return f"[![Open in Colab]({image})]({colab_url(repo, path)})"


def colab_url(repo: str, path: PurePath) -> str:
    return f"https://colab.research.google.com/github/{repo}/blob/main/{path.as_posix()}"
