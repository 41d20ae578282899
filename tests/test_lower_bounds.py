"""The declared lower bounds are true: with the oldest of everything, tests are collected and all functions work."""

import json
import os
import tomllib
from pathlib import Path

import pytest
from environments import environment, interpreter, packages, run, said
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def lowest():
    """What the project and its tests need, in the oldest versions that it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needs = map(Requirement, [*project["dependencies"], *extras["lab"], *extras["site"], *extras["test"]])
    return {need.name: str(need.specifier)[2:] for need in needs if need.name != project["name"]}


@pytest.mark.slow
def test_all_works_with_the_oldest_of_everything(tmp_path):
    oldest = interpreter("3.11")
    if not said(oldest).startswith(("3.11.", "3.12.")):
        pytest.skip("NumPy 2.0 and Matplotlib 3.8 are not built for a Python that is here")
    wanted = [f"{name}=={version}" for name, version in lowest().items()]
    python = environment(oldest, ["--prefer-binary", *wanted], tmp_path / "oldest")
    found = packages(python)
    assert {n: v for n, v in lowest().items() if Version(found[n]) != Version(v)} == {}
    options = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    collected = run(python, "-m", "pytest", "--collect-only", "--quiet", "-m", "slow or not slow", **options)
    assert "tests collected" in collected and "error" not in collected.splitlines()[-1]
    tried = (f"tests/{name}" for name in ("test_readme.py", "test_graph.py", "figures", "explorers/test_explorers.py"))
    run(python, "-m", "pytest", *tried, **options)
    used = json.loads(run(python, "tests/optimized.py", **options))
    assert {key: found for key, found in used["called"].items() if found is not True} == {} and used["said"]
