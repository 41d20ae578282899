"""JupyterLite: the notebooks with a kernel that runs in the reader's browser, in the folder `lite` of the site."""

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from d2lbptt.text import corpus
from tools import notebooks
from tools.site import pyodide
from tools.site.beside import LIVE

ROOT = notebooks.ROOT
BUILD = ROOT / "build"
# Of JupyterLite, the series whose kernel runs a Pyodide with this Python.
SERIES = {"3.12": "0.6", "3.13": "0.7", "3.14": "0.8"}
KERNEL = "@jupyterlite/pyodide-kernel-extension"
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
PLACE = "static/pyodide"
# An explorer that is scrolled out of sight stays on the page.
WHOLE = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
SETTINGS = {
    "apps": ["lab"],
    "contents": ["contents"],
    "ignore_sys_prefix": True,
    "no_sourcemaps": True,
    "no_unused_shared_packages": True,
    "settings_overrides": ["overrides.json"],
    "source_date_epoch": 1767225600,  # the first of January 2026: the same each time
}


def write(site: Path) -> None:
    """Build it into the folder of a site. Raises ValueError, in a sentence, if something is not as it must be."""
    chosen = pyodide.chosen()
    prefix = _prefix(chosen)
    source, lite = BUILD / "lite", site / "lite"
    for folder in (source, lite):  # what is left over of an earlier one would go into it
        shutil.rmtree(folder, ignore_errors=True)
    _sources(source, prefix, chosen)
    _run(prefix, "-m", "jupyterlite_core", "build", "--output-dir", lite.resolve(), folder=source)
    pyodide.write(chosen, lite / PLACE)


def link(site: Path) -> None:
    """Link it from the page of each notebook of a finished site."""
    for folder in ("notebooks", "solutions"):
        for page in (site / folder).glob("[0-9]*.html"):
            page.write_text(page.read_text("utf-8").replace(LIVE, _link(folder, page.stem)), encoding="utf-8")


def _link(folder, name):
    path = f"{'notebooks/' * (folder == 'solutions')}{folder}/{name}.ipynb"
    return f'<a class="live" href="../lite/lab/index.html?path={path}">Run it live in the browser</a>'


# --- what is built ---


def _sources(folder, prefix, chosen):
    contents = folder / "contents"
    (contents / "notebooks" / "solutions").mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "notation.md", contents / "notebooks")
    for path in notebooks.paths(ROOT):
        # Its lines joined: the contents beside the notebook stay empty where a cell is a list of lines.
        (contents / path.relative_to(ROOT)).write_text(json.dumps(notebooks.read(path)), encoding="utf-8")
    if text := the_books_text():
        (contents / corpus.FILE).write_bytes(text)
    extensions = [prefix / "share/jupyter/labextensions" / KERNEL]
    extensions += [Path(sys.prefix, "share/jupyter/labextensions", name) for name in EXTENSIONS]
    config = {"LiteBuildConfig": SETTINGS | {"federated_extensions": list(map(str, extensions))}}
    kernel = {"pyodideUrl": _address(chosen), "loadPyodideOptions": _options()}
    page = {"appName": "d2lbptt", "litePluginSettings": {f"{KERNEL}:kernel": kernel}}
    for name, content in {
        "jupyter_lite_config.json": config,
        "jupyter-lite.json": {"jupyter-lite-schema-version": 0, "jupyter-config-data": page},
        "overrides.json": json.loads((ROOT / "tools" / "jupyterlab.json").read_text("utf-8")) | WHOLE,
    }.items():
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _address(chosen):
    # Up to 0.7, the worker of the kernel is a classic script, which imports no module in some browsers.
    entry = "pyodide.mjs" if SERIES[chosen.python] > "0.7" else "pyodide.js"
    return f"./{PLACE}/{entry}" if chosen.folder else f"{pyodide.USUAL}{entry}"


def _options():
    return {"lockFileURL": f"./{PLACE}/{pyodide.LOCK}", "packages": [pyodide.PACKAGE]}


def the_books_text() -> bytes | None:
    """The Time Machine, if the variable names a copy of it or one is in the user's cache."""
    import pooch

    given = os.environ.get(corpus.VARIABLE)
    for place in filter(None, (given and Path(given).expanduser(), pooch.os_cache("d2lbptt"))):
        path = place / corpus.FILE if place.is_dir() else place
        if path.is_file() and corpus._is_the_books(content := path.read_bytes()):
            return content
    return None


# --- the JupyterLite that builds it ---


def _prefix(chosen):
    """Where the JupyterLite that fits is installed: around us, or in an environment of its own in build/."""
    series = SERIES.get(chosen.python)
    if series is None:
        raise ValueError(f"{chosen.named}, with Python {chosen.python}, wanted one of {', '.join(SERIES)}")
    if _installed().startswith(f"{series}."):
        return Path(sys.prefix)
    folder = BUILD / f"jupyterlite-{series}"
    done = folder / "installed"
    if not done.exists():
        wanted = [f"jupyterlite-core[contents]=={series}.*", f"jupyterlite-pyodide-kernel=={series}.*"]
        print(f"JupyterLite {series}, which runs Python {chosen.python}, is installed in build/: this takes a minute.")
        venv.create(folder, clear=True, with_pip=True)
        _run(folder, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
        done.touch()
    return folder


def _installed():
    try:
        return version("jupyterlite-pyodide-kernel")
    except PackageNotFoundError:
        return ""


def _run(prefix, *arguments, folder=ROOT):
    own = prefix / ("Scripts" if os.name == "nt" else "bin") / "python"
    python = sys.executable if prefix == Path(sys.prefix) else own
    done = subprocess.run([python, *arguments], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise ValueError(f"this failed, as is said above: python {' '.join(map(str, arguments))}")
