"""What the repository promises beside its code: set-up, packaging, addresses, licence, citation."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import d2lbptt
from tools import environment, links, notebooks

ROOT = notebooks.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="GNU Make is not installed")
in_git = pytest.mark.skipif(not (shutil.which("git") and (ROOT / ".git").exists()), reason="this is not a git checkout")


def output(*command, **options):
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- the package ---


def test_importing_the_package_loads_no_picture_proof_or_widget_library():
    heavy = {"matplotlib", "sympy", "ipywidgets", "IPython"}
    loaded = output(sys.executable, "-c", "import sys, d2lbptt; print(*sys.modules)").split()
    assert heavy & set(loaded) == set()


def test_the_wheel_is_pure_python_and_holds_the_package_alone(tmp_path):
    output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"d2lbptt-{d2lbptt.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "d2lbptt/py.typed" in names
    assert {name.split("/")[0] for name in names} == {
        "d2lbptt",
        f"d2lbptt-{d2lbptt.__version__}.dist-info",
    }


def test_dependencies_have_lower_bounds_only():
    extras = PROJECT["optional-dependencies"].values()
    needs = [Requirement(need) for group in [PROJECT["dependencies"], *extras] for need in group]
    bounded = [need for need in needs if need.name != PROJECT["name"]]
    assert {tuple(s.operator for s in need.specifier) for need in bounded} == {(">=",)}


def test_the_citation_has_the_version_and_the_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == d2lbptt.__version__
    assert citation["license"] == PROJECT["license"]


# --- conda and Binder ---


def test_environment_yml_is_what_pyproject_says():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    expected = environment.environment((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert text == expected, "run `make environment`"


def test_environment_yml_installs_the_checkout_and_all_that_it_needs():
    *packages, pip = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert pip == {"pip": ["-e ."]}  # the whole of it: Binder looks for this line
    assert {"numpy", "ipywidgets", "jupyterlab"} <= {re.split("[>=]", name)[0] for name in packages}
    assert environment.PYTHON in SpecifierSet(PROJECT["requires-python"])


# --- the Makefile ---


@needs_make
def test_make_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    shown = output("make", "--no-print-directory", cwd=ROOT)
    listed = re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE)
    assert sorted(listed) == sorted(targets.split())


def make_environment(tmp_path, **interpreters):
    """Let the Makefile look for Python on a path that holds these shell scripts alone."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    for name, script in interpreters.items():
        path = tmp_path / "bin" / name.replace("_", ".")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return subprocess.run(
        [shutil.which("make"), ".venv/bin/python"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
    )


@needs_make
def test_make_passes_over_an_interpreter_that_does_not_run(tmp_path):
    works = 'case "$*" in "-m venv"*) echo "made: $*";; esac'
    done = make_environment(tmp_path, python3="exit 127", python3_12=works)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "made: -m venv --clear .venv"


@needs_make
def test_make_says_when_there_is_no_python(tmp_path):
    done = make_environment(tmp_path, python3="exit 1")
    assert done.returncode != 0
    assert done.stderr.startswith("Python 3.11 or newer was not found")


@needs_make
def test_make_says_when_python_cannot_make_environments(tmp_path):
    done = make_environment(tmp_path, python3='case "$*" in *ensurepip*) exit 1;; esac')
    assert done.returncode != 0
    assert done.stderr.startswith("python3 cannot make environments: install its venv module")


# --- addresses ---


@pytest.fixture
def tree(tmp_path):
    """A copy of the files that show the address."""
    for name in ("README.md", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


def test_all_files_show_the_same_address_or_none():
    found = links.written(ROOT)
    assert len(set(map(frozenset, found.values()))) == 1, found


def test_links_writes_one_address_everywhere(tree):
    links.write(tree, "an-owner/a.name")
    assert set(map(frozenset, links.written(tree).values())) == {frozenset({"an-owner/a.name"})}
    badges = links.BLOCK.search((tree / "README.md").read_text(encoding="utf-8"))[0]
    assert all(path.name in badges for path in notebooks.paths(tree))


def test_links_replaces_an_earlier_address_without_a_trace(tree):
    def contents():
        return {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    links.write(tree, "an-owner/a.name")
    once = contents()
    links.write(tree, "another/one")
    assert not any(b"an-owner" in content for content in contents().values())
    links.write(tree, "an-owner/a.name")
    assert contents() == once


@pytest.mark.parametrize("arguments", [[], ["name"], ["https://github.com/a/b"], ["a/b", "c/d"]])
def test_links_refuses_what_is_not_an_owner_and_a_name(arguments):
    with pytest.raises(SystemExit, match="owner/name"):
        links.main(arguments)


# --- what is in git ---


@in_git
def test_no_file_shows_where_somebody_works():
    personal = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work)/\w|\b[A-Z]:\\+Users")
    files = output("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    shown = {
        name: match[0]
        for name in filter(None, files.split("\0"))
        if (ROOT / name).is_file()
        and (match := personal.search((ROOT / name).read_text(encoding="utf-8", errors="ignore")))
    }
    assert shown == {}
