"""A saved notebook as a page shows it: without its bootstrap cell, checks folded, players in the place of explorers."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools import badges, bootstrap
from tools.site import cells

PICTURES = "_static/pictures"
FOLDED = {"code_prompt_show": "Show the check", "code_prompt_hide": "Hide the check"}
STILL = 'This one moves in the notebook; <a href="../explorers/{name}.html">its own page</a> has one that moves here.'


def page(
    notebook: NotebookNode,
    relinked: Callable[[str], str],
    write: Callable[[str, bytes], None],
    for_player: Callable[[cells.Shown], dict[str, Any] | None],
) -> NotebookNode:
    """Change a notebook, in place, to what its page shows, and `write` its pictures, each with its name.

    `relinked` gives a text with its links as they lead from the page; `for_player` says what a player is set to where a
    cell shows an explorer, or None if it cannot show that.
    """
    badges.remove(notebook)  # their pictures are on other hosts; tools/site/beside.py links the same places
    notebook.cells = [cell for cell in notebook.cells if bootstrap.TAG not in cell.metadata.get("tags", [])]
    answered = False
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            answered = cell.source.rstrip().endswith("</details>")
            cell.source = relinked(cell.source)
        elif cell.cell_type == "code":
            later = [other.source for other in notebook.cells[number + 1 :] if other.cell_type == "code"]
            _fold(cell, later, answered)
            _show(cell, write, for_player)
    return notebook


def _fold(cell, later, answered):
    """Fold a cell that only checks. One that proves a folded answer would tell it, so it has a tag of its own."""
    proves = answered and not cell.outputs and "assert " in cell.source
    if proves or (not cell.outputs and cells.only_checks(cell.source, later)):
        cell.metadata = NotebookNode(tags=["hide-input", *["proof"] * proves], mystnb=FOLDED)


def _show(cell, write, for_player):
    """Put figures in the place of the cell's pictures; the words of an explorer become its caption."""
    explorer, outputs, shown = cells.shown(cell.source), list(cell.outputs), []
    while outputs:
        output = outputs.pop(0)
        if "image/png" not in output.get("data", {}):
            shown.append(output)
            continue
        image = _image(output, write)
        if explorer:
            words = outputs.pop(0).data["text/markdown"] if outputs else ""
            image = player(explorer.name, image, words, for_player(explorer))
        shown.append(new_output("display_data", {"text/html": image}))
    cell.outputs = shown


def _image(output, write):
    content = base64.b64decode(output.data["image/png"])
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    write(f"{PICTURES}/{name}", content)
    width, height = struct.unpack(">II", content[16:24])  # of the first chunk of a PNG
    alt = escape(output.metadata.get("image/png", {}).get("alt", ""))
    size = f'width="{width}" height="{height}" loading="lazy"'
    return f'<img class="d2l-still" src="../{PICTURES}/{name}" alt="{alt}" {size}>'


def player(name: str, image: str, words: str, values: dict[str, Any] | None) -> str:
    """The figure that a player set to these values takes the place of; without any it says where it moves."""
    words = escape(words.replace("\\", ""))  # escaped as Markdown, in which it is saved
    if values is None:
        caption = f"{words} <small>{STILL.format(name=name)}</small>"
        return f'<figure class="d2l-fixed">{image}<figcaption>{caption}</figcaption></figure>'
    wanted = f' data-set="{escape(json.dumps(values))}"' if values else ""
    head = f'<figure class="d2l-player" data-name="{name}"{wanted}>'
    return f"{head}{image}<figcaption>{words}</figcaption></figure>"
