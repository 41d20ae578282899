"""Pictures of explorers that stand still, for a page without script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from d2lbptt import explorers
from d2lbptt.explorers.front_end import Explorer
from d2lbptt.figures._paper import house


def write(path: Path, name: str, values: Mapping[str, Any] | None = None) -> str:
    """Write the picture of an explorer, set to some values, as SVG, and return what is seen, for its `alt`.

    Raises ValueError if the explorer does not take the values, or shows no picture for them.
    """
    explorer = getattr(explorers, name)()
    try:
        explorer.set(**(values or {}))
        content = svg(explorer)
    finally:
        explorer.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return explorer.state["sentence"]


def svg(explorer: Explorer) -> bytes:
    """The picture that an explorer shows. Raises ValueError if it shows none."""
    if explorer.error is not None:
        raise ValueError(f"{explorer.spec['name']} shows no picture: {explorer.error}")
    with house():
        return explorer._layers.file("svg")
