"""The notebooks run on Google Colab, which has versions of its own and not this package.

A clean environment stands for Colab: its versions of the packages that we share, d2lbptt missing.
The notebooks' bootstrap cell installs it from a git address (here a local one) and must leave every
other package as it was.
"""

import shutil
import tomllib

import pytest
from environments import environment, interpreter, packages, run, said
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement

from tools import bootstrap, notebooks

ROOT = notebooks.ROOT
CURRENT = {  # August 2026
    "anywidget": "0.9.21",
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
    wanted = [*(f"{name}=={pin}" for name, pin in pins.items()), *UNKNOWN, "pip>=24.1"]  # older: no git+file
    python = environment(interpreter(version), wanted, tmp_path / "colab")
    with capsys.disabled():
        print(f"\nColab's {runtime} runtime has Python {version}; used here: {said(python)}")
    before = packages(python)
    assert pins.items() <= before.items()
    assert "d2lbptt" not in before

    # The cell is the same in all notebooks (test_notebooks.py): the first installs, the others find what is there.
    code = bootstrap.source(f"file://{clone(tmp_path / 'repository')}")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    slider = new_notebook(cells=[new_code_cell(MOVE_A_SLIDER)])
    # The past one lies between the current one and the oldest of everything, with which all that is public is used.
    sources = notebooks.sources() if runtime == "current" else notebooks.sources()[:1]
    files = ([*map(notebooks.read, notebooks.made(source))] for source in sources)
    for notebook in [slider, *map(notebooks.join, files)]:
        bootstrap.place(notebook, code)
        notebooks.execute(notebook, folder, python)
        after = packages(python)
        assert after.pop("d2lbptt")
        assert after == before


def clone(folder):
    """A git repository of the working tree as it is now, uncommitted changes included."""
    unwanted = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    git = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost"]
    run(*git, "init", "--quiet")
    run(*git, "add", ".")
    run(*git, "commit", "--quiet", "--message", "the working tree")
    return folder
