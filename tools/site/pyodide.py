"""Pyodide, the Python that runs in a browser: which one the notebooks get, and its lock file with our package in it."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.site import wheels

VARIABLE = "D2LBPTT_PYODIDE"
LOCK = "pyodide-lock.json"
# As the npm package pyodide of that version has it. A browser fetches this Pyodide from its usual address.
(KNOWN,) = (wheels.ROOT / "site" / "lite").glob("pyodide-lock-*.json")
VERSION = KNOWN.stem.rsplit("-", 1)[1]
USUAL = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
ENTRY = "pyodide.mjs"
CORE = (ENTRY, "pyodide.js", "pyodide.asm.js", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")

PACKAGE = "d2lbptt"
KERNEL = ("micropip", "ipython", "jedi", "comm")  # without these the kernel of JupyterLite does not start
MODULES = ("ssl", "sqlite3")  # of Python, which are packages in some Pyodides
# A browser downloads nothing for pooch; what the page has of the widgets belongs to JupyterLite.
WITHOUT = {"pooch", "jupyterlab-widgets", "widgetsnbextension"}


@dataclass(frozen=True)
class Pyodide:
    """A distribution of Pyodide: its folder, or None for the one at the usual address, and what its lock file says."""

    folder: Path | None
    lock: dict[str, Any]

    @property
    def named(self) -> str:
        return f"{VARIABLE} is {str(self.folder)!r}" if self.folder else f"Pyodide is that of {KNOWN.name}"

    @property
    def python(self) -> str:
        """Its version of Python, as in "3.14"."""
        return ".".join(self.lock["info"]["python"].split(".")[:2])


def chosen() -> Pyodide:
    """The Pyodide in the folder that the variable names, with the packages that lie there; else the usual one."""
    given = os.environ.get(VARIABLE)
    if not given:
        return Pyodide(None, json.loads(KNOWN.read_text("utf-8")))
    folder = Path(given).expanduser().resolve()
    if not all((folder / name).is_file() for name in (LOCK, ENTRY, "pyodide.asm.wasm")):
        raise ValueError(f"{VARIABLE} is {given!r}, wanted a folder with {LOCK}, {ENTRY} and pyodide.asm.wasm in it")
    lock = json.loads((folder / LOCK).read_text("utf-8"))
    there = {name: entry for name, entry in lock["packages"].items() if (folder / entry["file_name"]).is_file()}
    return Pyodide(folder, lock | {"packages": there})


def write(pyodide: Pyodide, folder: Path) -> None:
    """Write the lock file and our wheels into a folder, and with them what Pyodide has in a folder of its own.

    Raises ValueError if Pyodide does not have what the package needs.
    """
    folder.mkdir(parents=True)
    theirs, ours = _resolved(pyodide, folder)
    if pyodide.folder:
        for name in (*CORE, *(entry["file_name"] for entry in theirs.values())):
            if (pyodide.folder / name).is_file():
                shutil.copyfile(pyodide.folder / name, folder / name)
    else:
        every = pyodide.lock["packages"].items()
        theirs = {name: entry | {"file_name": USUAL + entry["file_name"]} for name, entry in every}
    lock = pyodide.lock | {"packages": dict(sorted((theirs | ours).items()))}
    (folder / LOCK).write_text(json.dumps(lock), encoding="utf-8")


def _resolved(pyodide, folder):
    """The entries of all that package and kernel need: those that Pyodide has, and those of the wheels we make."""
    theirs, ours, missing, every = {}, {}, {}, pyodide.lock["packages"]
    wanted = [Requirement(name) for name in (PACKAGE, *KERNEL, *(name for name in MODULES if name in every))]
    for need in wanted:  # which grows on the way
        name = canonicalize_name(need.name)
        if name in {*theirs, *ours, *missing}:
            continue
        if name in every and (not need.specifier or need.specifier.contains(every[name]["version"], prereleases=True)):
            theirs[name] = every[name]
            wanted += map(Requirement, every[name]["depends"])
        elif wheel := wheels.built(folder) if name == PACKAGE else wheels.repacked(name, folder):
            needs = list(_needs(name, pyodide.python))
            ours[name] = _entry(name, wheel, [canonicalize_name(each.name) for each in needs])
            wanted += needs
        else:
            missing[name] = f"{need.name}{need.specifier}"
    if missing:
        raise ValueError(f"{pyodide.named}, where this is missing: {', '.join(missing.values())}")
    return theirs, ours


def _needs(name: str, python: str) -> Iterator[Requirement]:
    """What an installed package requires where it is to run: in a browser."""
    there = {"sys_platform": "emscripten", "platform_system": "Emscripten", "python_version": python, "extra": ""}
    for need in map(Requirement, requires(name) or []):
        if canonicalize_name(need.name) not in WITHOUT and (need.marker is None or need.marker.evaluate(there)):
            yield need


def _entry(name, wheel, depends):
    with zipfile.ZipFile(wheel) as opened:
        tops = {path.split("/")[0] for path in opened.namelist() if path.endswith(".py")}
    return {
        "name": name,
        "version": wheel.name.split("-")[1],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(top.removesuffix(".py") for top in tops if "." not in top.removesuffix(".py")),
        "depends": depends,
        "unvendored_tests": False,
    }
