"""Wheels for a kernel in the browser: the package from its source, and pure Python packages from what is installed.

So they need no network, and fit what the pages of this environment show.
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPILED = {".so", ".pyd", ".dylib"}
# What pip notes of an installation.
NOTES = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "WHEEL"}
WHEEL = "Wheel-Version: 1.0\nGenerator: d2lbptt\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def built(folder: Path) -> Path:
    """Build the wheel of this package from its source."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder.resolve()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"the wheel of d2lbptt could not be built: {done.stderr.strip().splitlines()[-1]}")
    return next(folder.glob("d2lbptt-*.whl"))


def repacked(name: str, folder: Path) -> Path | None:
    """Make a wheel of an installed package, the same each time; None if it is missing or not pure Python."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    files = [file for file in found.files or [] if _belongs(file)]
    if not _pure(files):
        return None
    return _zipped(found, [file for file in files if file.suffix not in COMPILED], folder)


def _belongs(file: PackagePath) -> bool:
    outside = file.parts[0] == ".."  # scripts, and what JupyterLab loads
    return not outside and file.suffix != ".pyc" and file.name not in NOTES


def _pure(files: Iterable[PackagePath]) -> bool:
    """Whether each compiled module has its source beside it, as what mypyc compiles for speed has."""
    sources = {file.with_suffix("") for file in files if file.suffix == ".py"}
    modules = {file.with_name(file.name.split(".")[0]) for file in files if file.suffix in COMPILED}
    return all(module in sources or module.name.endswith("__mypyc") for module in modules)


def _zipped(found: Distribution, files: list[PackagePath], folder: Path) -> Path:
    stem = f"{found.name.replace('-', '_')}-{found.version}"
    content = {file.as_posix(): Path(str(found.locate_file(file))).read_bytes() for file in files}
    info = next(name.split("/")[0] for name in content if name.endswith(".dist-info/METADATA"))
    content[f"{info}/WHEEL"] = WHEEL.encode()
    content[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in sorted([*content, f"{info}/RECORD"])).encode()
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for name in sorted(content):  # with the date that a ZipInfo has by itself, 1980
            wheel.writestr(zipfile.ZipInfo(name), content[name], zipfile.ZIP_DEFLATED)
    return Path(str(wheel.filename))
