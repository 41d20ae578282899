"""What the repository promises beside its code: set-up, packaging, addresses, licence, citation."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from functools import partial

import pytest
import yaml
from loops import for_each
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import d2lbptt
from tools import badges, bootstrap, environment, links, notebooks, run, workflow

ROOT = notebooks.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Where the wheel puts the setting, and whose setting it is.
SETTING, SAVES = "share/jupyter/lab/settings/overrides.d/d2lbptt.json", "@jupyter-widgets/jupyterlab-manager:plugin"

# Texts that a shell, or make, would carry out.
HOSTILE = [
    "; touch planted",
    "$(touch planted)",
    "`touch planted`",
    "$(shell touch planted)",
    "';touch planted;'",
    '";touch planted;"',
]

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="GNU Make is not installed")
in_git = pytest.mark.skipif(not (shutil.which("git") and (ROOT / ".git").exists()), reason="this is not a git checkout")


def output(*command, **options):
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- the package ---


@pytest.mark.slow
def test_nothing_rests_on_docstrings_or_assertions():
    """All that is public is used once, with and without -OO."""
    plain, stripped = (
        json.loads(output(sys.executable, *options, "tests/optimized.py", cwd=ROOT)) for options in ([], ["-OO"])
    )
    assert stripped["modules"] == plain["modules"]
    assert {key: found for key, found in stripped["called"].items() if found is not True} == {}
    assert stripped["called"] == plain["called"]
    assert [key for key in plain["said"] if not alike(plain["said"][key], stripped["said"][key])] == []


def alike(texts, others):
    return all(map(notebooks.agree, texts, others))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_is_pure_python_and_holds_the_package_and_one_setting(wheel):
    name = f"d2lbptt-{d2lbptt.__version__}"
    assert wheel.name == f"{name}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "d2lbptt/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"d2lbptt", f"{name}.data", f"{name}.dist-info"}
    assert [path for path in names if path.startswith(f"{name}.data/")] == [f"{name}.data/data/{SETTING}"]


def test_jupyterlab_keeps_what_widgets_show_where_the_wheel_is_installed(wheel, tmp_path):
    """Without it a notebook that is opened again says "Loading widget..." in the place of an explorer."""
    server, paths = (pytest.importorskip(name) for name in ("jupyterlab_server.settings_utils", "jupyter_core.paths"))
    zipfile.ZipFile(wheel).extractall(tmp_path)
    app = (tmp_path / f"d2lbptt-{d2lbptt.__version__}.data" / "data" / SETTING).parents[1]

    def kept(app):
        where = {"labextensions_path": paths.jupyter_path("labextensions")}
        found, _ = server.get_settings(str(app), "", str(tmp_path / "of the reader"), SAVES, **where)
        return found["schema"]["properties"]["saveState"]["default"]

    assert kept(tmp_path / "elsewhere") is False
    assert kept(app) is True


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


# An interpreter that writes down what it is called with, ARGS last, and makes environments with itself in them.
WRITES = """\
#!/bin/sh
echo NAME; printf '%s|' "$@" "$ARGS" >> "$CALLS"; echo >> "$CALLS"
case "$*" in "-m venv"*) rm -rf .venv; mkdir -p .venv/bin; : > .venv/pyvenv.cfg; cp "$0" .venv/bin/python;; esac
"""
ODD = "a folder, it's (odd) & #1"


def interpreter(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text(WRITES.replace("NAME", f'"{path.name}"'))
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """A folder with our Makefile, and an interpreter for it: the function that calls make there, as a reader would."""
    folder = tmp_path / ODD
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    interpreter(tmp_path / "bin" / "python3")
    calls = tmp_path / "calls"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    env = clean | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLS": str(calls)}

    def make(*arguments, where=folder, **more):
        calls.write_text("")
        done = subprocess.run(["make", *arguments], cwd=where, env=env | more, capture_output=True, text=True)
        return done, calls.read_text()

    make.folder = folder
    return make


@needs_make
def test_make_installs_once(project):
    done, calls = project("venv")
    assert done.returncode == 0 and "-m|venv|--clear|.venv|" in calls and "|--editable|.[test]|" in calls
    assert project("venv")[1] == ""
    (project.folder / "pyproject.toml").write_text("# changed\n")
    os.utime(project.folder / "pyproject.toml", (time.time() + 5,) * 2)
    calls = project("venv")[1]
    assert "|venv|" not in calls and "|--editable|.[test]|" in calls


@needs_make
@pytest.mark.parametrize("move", [shutil.move, partial(shutil.copytree, symlinks=True)], ids=["moved", "copied"])
def test_a_folder_that_was_moved_or_copied_gets_an_environment_of_its_own(project, move):
    project("venv")
    new = project.folder.parent / "new"
    move(project.folder, new)
    done, calls = project("venv", where=new)
    assert "moved or copied" in done.stdout and "-m|venv|--clear|.venv|" in calls and "|--editable|.[test]|" in calls
    assert project("venv", where=new)[1] == ""


@needs_make
@pytest.mark.parametrize(
    "target",
    [
        *("lab", "present", "test", "test-slow", "mutants", "notebooks", "lint", "bench", "checkers", "training"),
        *("sliders", "site", "teaching"),
    ],
)
@pytest.mark.parametrize("text", HOSTILE)
def test_arguments_are_text(project, target, text):
    """They go by environment to tools.run, in one piece: neither make nor a shell has read them."""
    done, calls = project(target, f"ARGS={text}")
    assert done.returncode == 0, done.stderr
    assert "-m|tools.run|" in calls and f"|{text}|\n" in calls and not list(project.folder.glob("planted*"))


@needs_make
@pytest.mark.parametrize(("words", "extra"), [("", "site"), ("--open", "site"), ("--open --lite", "lite")])
def test_the_site_installs_jupyterlite_only_where_it_is_asked_for(project, words, extra):
    calls = project("site", f"ARGS={words}")[1]
    assert re.findall(r"\|--editable\|\.\[(\w+)\]\|", calls) == [extra]


@needs_make
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["REPO", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VENV", "RUN", "QUIET", "ANY"])
def test_no_variable_is_carried_out(project, name, text):
    done, calls = project("links", f"{name}={text}")
    assert done.returncode == 0, done.stderr
    assert f"-m|tools.links|{text if name == 'REPO' else ''}|" in calls
    assert not list(project.folder.glob("planted*"))


@needs_make
@pytest.mark.parametrize("text", [*HOSTILE, "no-such-python", "/bin/false"])
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_python_that_cannot_be_used_is_named(project, text, by_environment):
    project("venv")
    done, calls = project("venv", PYTHON=text) if by_environment else project("venv", f"PYTHON={text}")
    assert done.returncode != 0 and calls == ""
    assert done.stderr.startswith(f"PYTHON is {text}, which does not run or is too old: wanted Python 3.11 or newer")
    assert not list(project.folder.glob("planted*"))


@needs_make
def test_a_python_that_is_named_is_used(project):
    """Also where .venv is there already, but of another interpreter."""
    other = project.folder / "other's python"
    interpreter(other)
    for arguments in ([], [f"PYTHON={other}"]):
        done, calls = project("venv", *arguments)
        assert done.returncode == 0 and "-m|venv|--clear|" in calls, done.stderr
    assert f"Making .venv with {other}" in done.stdout
    assert "|venv|" not in project("venv", f"PYTHON={other}")[1] and project("venv")[1] == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("-k 'a or b' -x", ["-k", "a or b", "-x"]),
        ('-k "a or b"', ["-k", "a or b"]),
        ("; touch planted", [";", "touch", "planted"]),
        ("$(touch planted) `touch planted` $HOME", ["$(touch", "planted)", "`touch", "planted`", "$HOME"]),
        ("no/such/*.py x::y[1]", ["no/such/*.py", "x::y[1]"]),
        ("tools/__init_*.py", ["tools/__init__.py"]),
    ],
)
def test_arguments_are_split_as_in_a_shell(monkeypatch, text, words):
    monkeypatch.chdir(ROOT)
    assert run.words(text) == words


def test_arguments_reach_the_program_and_those_that_cannot_be_split_are_named():
    show = [sys.executable, "-m", "tools.run", "-c", "import sys; print(sys.argv[1:])", "first"]
    assert output(*show, cwd=ROOT, env=os.environ | {"ARGS": "-k 'a or b'"}) == "['first', '-k', 'a or b']\n"
    done = subprocess.run(show, cwd=ROOT, env=os.environ | {"ARGS": "it's"}, capture_output=True, text=True)
    assert done.returncode != 0 and done.stderr.startswith('ARGS is "it\'s", wanted arguments')


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
    shown = badges.BLOCK.search((tree / "README.md").read_text(encoding="utf-8"))[0]
    assert all(path.name in shown for path in notebooks.paths(tree))


def test_what_links_wrote_is_what_the_sources_say(tree):
    links.write(tree, "an-owner/a.name")
    assert [
        line for source in notebooks.sources(tree) for line in notebooks.stale(source, bootstrap.address(tree))
    ] == []


def test_links_replaces_an_earlier_address_without_a_trace(tree):
    def contents():
        return {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    links.write(tree, "an-owner/a.name")
    once = contents()
    links.write(tree, "another/one")
    assert not any(b"an-owner" in content for content in contents().values())
    links.write(tree, "an-owner/a.name")
    assert contents() == once


def test_links_writes_a_workflow_that_publishes_what_make_site_makes(tree):
    assert not (tree / workflow.PATH).exists()
    links.write(tree, "an-owner/a.name")
    written = yaml.safe_load((tree / workflow.PATH).read_text(encoding="utf-8"))
    build, publish = written["jobs"]["build"], written["jobs"]["publish"]
    assert build["if"] == "github.repository == 'an-owner/a.name'" and publish["needs"] == "build"
    assert [step["run"] for step in build["steps"] if "run" in step][-1] == "make site"
    actions = [step["uses"].split("@")[0] for step in [*build["steps"], *publish["steps"]] if "uses" in step]
    assert actions == [f"actions/{name}" for name in "checkout setup-python upload-pages-artifact deploy-pages".split()]
    assert build["steps"][-1]["with"]["path"] == "build/site"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert publish["environment"]["url"] == "${{ steps.deployment.outputs.page_url }}"
    assert "https://an-owner.github.io/a.name/" in (tree / "README.md").read_text(encoding="utf-8")


def test_no_workflow_publishes_before_the_address_is_known():
    assert (ROOT / workflow.PATH).exists() == (bootstrap.address(ROOT) is not None)


@for_each(
    "repo, address",
    [
        ("Owner/name", "https://owner.github.io/name/"),
        ("owner/Name.x", "https://owner.github.io/Name.x/"),
        ("Owner/owner.github.io", "https://owner.github.io/"),
    ],
)
def test_the_address_of_the_site_follows_from_owner_and_name(repo, address):
    assert workflow.site(repo) == address


@for_each("name", ["a/b", "a-b/c.d", "a/.github", "A1_b/_", "a/-", "a/...", "a/" + "x" * 100, "x" * 39 + "/a"])
def test_every_name_that_a_repository_can_have_is_taken(name):
    assert links.NAME.fullmatch(name)


OTHER = [
    "name",
    "https://github.com/a/b",
    "a/..",
    "a/.",
    "é/ü",
    "a/ü",
    "٣/b",
    "a/b;touch X",
    "a/b c",
    "a/b\n",
    "a/b/c",
    "/b",
    "a/",
]
OTHER += ["-a/b", "a/b.git", "a/.git", "../b", "a/$(x)", "", "a/" + "x" * 101, "x" * 40 + "/a"]


@for_each("arguments", [[], ["a/b", "c/d"], *([name] for name in OTHER)])
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
