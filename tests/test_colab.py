"""The notebooks run on Google Colab, which has versions of its own and not this package.

A clean environment stands for Colab: its versions of the packages that we share, d2lbptt missing.
Each notebook's bootstrap cell installs it from a git address (here a local one) and must leave
every other package as it was.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement

from tools import bootstrap, notebooks

ROOT = notebooks.ROOT
CURRENT = {  # August 2026
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10.0",
    "numpy": "2.1.3",
    "sympy": "1.14.0",
    "traitlets": "5.7.1",
}
UNKNOWN = ["scipy", "pooch", "tqdm"]  # Colab has them; we do not know which versions
RUNTIMES = {"current": ("3.13", CURRENT), "past": ("3.12", CURRENT | {"numpy": "2.0.2"})}

MOVE_A_SLIDER = """\
from d2lbptt import explorers

explorer = explorers.gradient_flow()
explorer.controls["T"].value = 7
assert explorer.error is None, explorer.error
assert explorer.state["controls"]["T"] == 7, explorer.state"""

each_runtime = pytest.mark.parametrize("runtime", RUNTIMES)


@each_runtime
def test_colab_has_all_that_the_package_needs(runtime):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for need in map(Requirement, project["dependencies"]):
        assert need.name in UNKNOWN or RUNTIMES[runtime][1][need.name] in need.specifier


@pytest.mark.slow
@each_runtime
def test_notebooks_run_on_colab_and_change_none_of_its_packages(runtime, tmp_path, capsys):
    version, pins = RUNTIMES[runtime]
    python = colab(interpreter(version), pins, tmp_path / "colab")
    with capsys.disabled():
        print(f"\nColab's {runtime} runtime has Python {version}; used here: {said(python)}")
    before = packages(python)
    assert pins.items() <= before.items()
    assert "d2lbptt" not in before

    code = bootstrap.source(f"file://{clone(tmp_path / 'repository')}")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    slider = new_notebook(cells=[new_code_cell(MOVE_A_SLIDER)])
    for notebook in [*map(notebooks.read, notebooks.paths()), slider]:
        bootstrap.place(notebook, code)
        notebooks.execute(notebook, folder, python)
        after = packages(python)
        assert after.pop("d2lbptt")
        assert after == before
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "d2lbptt")


def run(*command, **options):
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def said(python):
    """What an interpreter says its version is; empty when it does not run."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def interpreter(version):
    """An interpreter of this version, else of 3.12, else the one that runs the tests."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for wanted in (version, "3.12"):
        named = [shutil.which(f"python{wanted}"), *sorted(pyenv.glob(f"{wanted}.*/bin/python"))]
        for python in filter(None, named):
            if said(python).startswith(f"{wanted}."):
                return python
    return sys.executable


def colab(interpreter, pins, folder):
    """The interpreter of a new environment with the pinned packages."""
    run(interpreter, "-m", "venv", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    skip_without_index(python, folder)
    wanted = [f"{name}=={pin}" for name, pin in pins.items()]
    wanted += [*UNKNOWN, "pip>=24.1"]  # an older one refuses git+file addresses
    run(python, "-m", "pip", "install", "--quiet", *wanted)
    return str(python)


def skip_without_index(python, folder):
    """Skip where pip cannot reach a package index; CI has one, so there it is a failure."""
    pip = [python, "-m", "pip", "--retries", "0", "--timeout", "20", "download", "--quiet"]
    done = subprocess.run([*pip, "--no-deps", "--dest", folder, "hatchling"], capture_output=True)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr.decode()


def packages(python):
    """Names and versions of what is installed."""
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json"))
    return {package["name"].lower(): package["version"] for package in listed}


def clone(folder):
    """A git repository of the working tree as it is now, uncommitted changes included."""
    unwanted = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    git = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost"]
    run(*git, "init", "--quiet")
    run(*git, "add", ".")
    run(*git, "commit", "--quiet", "--message", "the working tree")
    return folder
