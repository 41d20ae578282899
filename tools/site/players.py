"""Explorers that move on a page without a kernel: their script, their looks, and their data as files of a folder.

Each file of data is a classic script that hands over its name and base64 of deflated JSON, because a page that is
opened from a folder may run scripts and fetch nothing.
"""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import multiprocessing
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import d2lbptt
from d2lbptt import explorers
from d2lbptt.explorers import front_end
from d2lbptt.explorers.front_end import _fonts

PACKAGE = Path(d2lbptt.__file__).parent
FRONT_END = Path(front_end.__file__).parent
KEPT = PACKAGE.parent / "build" / "players"
SHELVES = ("explorers", "experiments", "figures")  # on which each module belongs to some explorers only
DATA = re.compile(r'd2lbptt\.players\.take\("([^"]*)", "([^"]*)"\);\n')
EXPORT = re.compile(r"^export (?:default \{.*?\};\n|)", re.MULTILINE | re.DOTALL)


def write(folder: Path, names: Iterable[str] | None = None, jobs: int = 2) -> None:
    """Write `players.js`, `players.css`, `fonts.js` and the data of explorers, all by default, into a folder.

    What was computed before is taken from build/players, unless the explorer or what it rests on has changed.
    """
    names = list(explorers.__all__ if names is None else names)
    for name in names:
        if name not in explorers.__all__:
            raise ValueError(f"explorer is {name!r}, wanted one of {', '.join(explorers.__all__)}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "players.js").write_text(script(), "utf-8")
    (folder / "players.css").write_text(style_sheet(), "utf-8")
    (folder / "fonts.js").write_text(_packed("fonts", _fonts.style_sheet()), "utf-8")
    kept = {name: KEPT / f"{name}-{key(name)}" for name in names}
    _compute({name: path for name, path in kept.items() if not path.exists()}, jobs)
    for name, path in kept.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(path, folder / name)


def read(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return head and chunks of an explorer as they are in a folder of players, and as `front_end.table` gave them."""
    found = dict(_unpacked(path) for path in sorted((folder / name).iterdir()))
    head = found.pop(f"{name}/head")
    before, behind = f"{name}/", f"-{head.pop('version')}"
    return head, {known.removeprefix(before).removesuffix(behind): chunk for known, chunk in found.items()}


def state(head: dict[str, Any], chunk: dict[str, Any], packed: dict[str, Any]) -> dict[str, Any]:
    """Return a state of a chunk, or of the head with the chunk {"pool": []}, as the explorer answered it."""
    pool = head["pool"] + chunk["pool"]

    def part(place):
        if isinstance(place, dict):
            return {key: pool[one] for key, one in place.items()}
        return [pool[one] for one in place] if isinstance(place, list) else pool[place]

    found = {key: part(place) for key, place in packed.items()}
    return found | {layer: "".join(found[layer]) for layer in ("background", "foreground")}


# ---- the files


def script() -> str:
    """The front end and the player as one classic script."""
    parts = [EXPORT.sub("", (FRONT_END / name).read_text("utf-8")) for name in ("front_end.js", "player.js")]
    return f'(() => {{\n"use strict";\n{"".join(parts)}}})();\n'


def style_sheet() -> str:
    """The look of the front end and what players add."""
    return "".join((FRONT_END / name).read_text("utf-8") for name in ("front_end.css", "player.css"))


def _packed(name, content):
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f'd2lbptt.players.take("{name}", "{packed}");\n'


def _unpacked(path):
    name, packed = DATA.fullmatch(path.read_text("utf-8")).groups()
    return name, json.loads(zlib.decompress(base64.b64decode(packed)))


# ---- the data, computed once


def _compute(missing, jobs):
    """Compute explorers, each into its folder, by so many processes at a time."""
    if not missing:
        return
    with ProcessPoolExecutor(min(jobs, len(missing)), multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_compute_one, name, path) for name, path in missing.items()]:
            done.result()


def _compute_one(name, path):
    """Compute an explorer into its folder, which is there only when it is whole, whoever else makes it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".", ignore_cleanup_errors=True) as place:
        fresh = Path(place, name)
        save(fresh, name, front_end.table(getattr(explorers, name)()))
        for old in path.parent.glob(f"{name}-*"):
            if old != path:
                shutil.rmtree(old, ignore_errors=True)
        try:
            fresh.rename(path)
        except OSError:
            if not path.is_dir():
                raise


def save(folder: Path, name: str, made: front_end.Table) -> None:
    """Write the data of one explorer into a folder of its own."""
    version = sha256(json.dumps(made).encode()).hexdigest()[:8]  # so that no page mixes what two builds have made
    folder.mkdir(parents=True)
    (folder / "head.js").write_text(_packed(f"{name}/head", {**made.head, "version": version}), "utf-8")
    for known, chunk in made.chunks.items():
        file = f"{known}-{version}"
        (folder / f"{file}.js").write_text(_packed(f"{name}/{file}", chunk), "utf-8")


def own(name: str) -> Path:
    """The module of an explorer."""
    return PACKAGE / "explorers" / f"_{name}.py"


def key(name: str) -> str:
    """What the data of an explorer rests on, as some letters: code, and the versions that draw and calculate."""
    shelves = {path for shelf in SHELVES for path in (PACKAGE / shelf).glob("_*.py") if path.name != "__init__.py"}
    files = set(PACKAGE.rglob("*.py")) - shelves | _reached(own(name))
    digest = sha256(Path(__file__).read_bytes())
    for path in sorted(files):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\n".encode() + path.read_bytes())
    for library in ("numpy", "matplotlib"):
        digest.update(f"{library} {sys.modules[library].__version__}\n".encode())
    return digest.hexdigest()[:12]


@cache
def _reached(path):
    """Return a module of the shelves and those that it reaches by import, or by the name of an experiment."""
    found, waiting = set(), {path}
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting |= set(_imported(one)) - found
    return frozenset(found)


def _imported(path) -> Iterator[Path]:
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from _on_a_shelf(module)
            for alias in node.names:
                yield from _on_a_shelf(_home(module, alias.name))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in SHELVES:
            yield from _on_a_shelf(_home(f"d2lbptt.{node.value.id}", node.attr))


def _home(module, name):
    """Return the name of the module in which something is defined."""
    thing = getattr(importlib.import_module(module), name, None)
    return thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", module)


def _on_a_shelf(module):
    _, *parts = module.split(".")
    if len(parts) == 2 and parts[0] in SHELVES and parts[1].startswith("_"):
        yield PACKAGE.joinpath(*parts).with_suffix(".py")
