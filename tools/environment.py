"""Write environment.yml, which conda and Binder read, from the dependencies in pyproject.toml."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
# Exact, because Binder understands nothing else: at ">=" it begins with an older Python.
PYTHON = "3.13"
CONDA = {"matplotlib": "matplotlib-base"}  # without a desktop toolkit
HEADER = "# Written by `make environment` from pyproject.toml: change it there.\n"


def environment(pyproject: str) -> str:
    """The text of environment.yml for the text of a pyproject.toml."""
    project = tomllib.loads(pyproject)["project"]
    needed = map(Requirement, project["dependencies"] + project["optional-dependencies"]["lab"])
    packages = [f"python={PYTHON}", "pip"]
    packages += [f"{CONDA.get(need.name, need.name)}{need.specifier}" for need in needed]
    lines = [f"name: {project['name']}", "channels:", "  - conda-forge", "dependencies:"]
    lines += [f"  - {package}" for package in packages]
    # The checkout itself; naming it also tells Binder to copy the checkout before it installs.
    lines += ["  - pip:", "      - -e ."]
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = environment((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (ROOT / "environment.yml").write_text(text, encoding="utf-8")
