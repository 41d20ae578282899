"""New environments for the tests that need other versions than those around."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


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


def environment(interpreter, wanted, folder):
    """The interpreter of a new environment with what is wanted, in the words of pip."""
    run(interpreter, "-m", "venv", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    skip_without_index(python, folder)
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
