"""Pyodide: its lock file with our package in it, wheels without network, and that all our code compiles there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.utils import canonicalize_name

from tools import notebooks
from tools.site import pyodide, wheels

ROOT = notebooks.ROOT
SCRIPT = Path(__file__).with_name("compile_in_pyodide.mjs")
NUMERICS = ("numpy", "scipy", "matplotlib")


# --- wheels ---


def test_a_wheel_of_what_is_installed_is_pure_and_the_same_each_time(tmp_path):
    (tmp_path / "again").mkdir()
    made = wheels.repacked("psygnal", tmp_path)  # whose modules mypyc compiles, with their sources beside them
    assert made.name == f"psygnal-{version('psygnal')}-py3-none-any.whl"
    assert made.read_bytes() == wheels.repacked("psygnal", tmp_path / "again").read_bytes()
    with zipfile.ZipFile(made) as wheel:
        names = wheel.namelist()
        (record,) = [name for name in names if name.endswith("/RECORD")]
        assert wheel.read(record).decode().split(",,\n")[:-1] == sorted(names)
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
    assert {"psygnal/__init__.py", "psygnal/_signal.py"} < set(names)


def test_a_wheel_that_was_made_can_be_imported(tmp_path):
    made = wheels.repacked("comm", tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import comm; from importlib.metadata import version; "
    code += "print(comm.__file__, version('comm'))"
    said = subprocess.run([sys.executable, "-c", code, made], capture_output=True, text=True, check=True).stdout
    assert said.startswith(str(made)) and said.split()[1] == version("comm")


@pytest.mark.parametrize("name", ["numpy", "not-installed-here"])
def test_what_is_compiled_or_missing_has_no_such_wheel(name, tmp_path):
    assert wheels.repacked(name, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_our_own_wheel_is_pure_and_has_all_modules(tmp_path):
    made = wheels.built(tmp_path)
    assert made.name.endswith("-py3-none-any.whl")
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "d2lbptt").rglob("*.py")}
    assert modules <= set(zipfile.ZipFile(made).namelist())


# --- the lock file ---


def closure(packages, names):
    """The names, and those of all that they depend on."""
    wanted, found = list(names), set()
    while wanted:
        found.add(name := canonicalize_name(wanted.pop()))
        wanted += [other for other in packages[name]["depends"] if canonicalize_name(other) not in found]
    return found


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The lock file for the Pyodide at its usual address."""
    monkeypatch.delenv(pyodide.VARIABLE, raising=False)
    pyodide.write(pyodide.chosen(), tmp_path / "made")
    return json.loads((tmp_path / "made" / pyodide.LOCK).read_text("utf-8"))["packages"], tmp_path / "made"


def test_the_lock_has_the_package_and_all_that_it_needs(lock):
    packages, _ = lock
    found = closure(packages, ["d2lbptt", *pyodide.KERNEL])
    assert {"numpy", "scipy", "matplotlib", "sympy", "ipywidgets", "anywidget", "traitlets", "tqdm"} < found
    assert not found & pyodide.WITHOUT
    assert packages["d2lbptt"]["imports"] == ["d2lbptt"]


def test_ours_lies_beside_the_lock_and_theirs_at_the_usual_address(lock):
    packages, folder = lock
    theirs = json.loads(pyodide.KNOWN.read_text("utf-8"))["packages"]
    assert theirs.keys() <= packages.keys()
    for name, entry in packages.items():
        if (folder / entry["file_name"]).is_file():
            assert entry["sha256"] == sha256((folder / entry["file_name"]).read_bytes()).hexdigest()
        else:
            assert entry == theirs[name] | {"file_name": f"{pyodide.USUAL}{theirs[name]['file_name']}"}
    assert {path.suffix for path in folder.iterdir()} == {".whl", ".json"}


def folder_of(tmp_path, packages):
    """A folder as Pyodide's: a lock file of more than is there, and these packages."""
    known = json.loads(pyodide.KNOWN.read_text("utf-8"))
    (tmp_path / pyodide.LOCK).write_text(json.dumps(known))
    for name in (pyodide.ENTRY, "pyodide.asm.wasm", "pyodide.asm.mjs", "python_stdlib.zip"):
        (tmp_path / name).write_text(name)
    for name in packages:
        (tmp_path / known["packages"][name]["file_name"]).write_text(name)
    return tmp_path


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A folder with what is not pure Python and with what depends on it."""
    known = json.loads(pyodide.KNOWN.read_text("utf-8"))["packages"]
    (tmp_path / "pyodide").mkdir()
    needed = closure(known, [*NUMERICS, "micropip", "ipython"])
    monkeypatch.setenv(pyodide.VARIABLE, str(tmp_path / "pyodide"))
    return folder_of(tmp_path / "pyodide", needed | {"affine"})


@pytest.mark.slow
def test_a_folder_goes_along_with_what_is_needed(in_folder, tmp_path):
    pyodide.write(pyodide.chosen(), tmp_path / "made")
    packages = json.loads((tmp_path / "made" / pyodide.LOCK).read_text("utf-8"))["packages"]
    assert all((tmp_path / "made" / entry["file_name"]).is_file() for entry in packages.values())
    assert (tmp_path / "made" / pyodide.ENTRY).read_text() == pyodide.ENTRY
    assert "affine" not in packages and {"jedi", "sympy", "d2lbptt", *NUMERICS} < packages.keys()


@pytest.mark.slow
def test_a_pyodide_without_numpy_is_refused_in_a_sentence(in_folder, tmp_path):
    for path in in_folder.glob("numpy-*"):
        path.unlink()
    with pytest.raises(ValueError, match=rf"^{pyodide.VARIABLE} is '.*', where this is missing: numpy>=2\.0$"):
        pyodide.write(pyodide.chosen(), tmp_path / "made")


def test_a_pyodide_with_an_old_package_is_refused_and_says_which_is_wanted(in_folder, tmp_path):
    text = (in_folder / pyodide.LOCK).read_text("utf-8")
    lock = json.loads(text)
    lock["packages"]["scipy"]["version"] = "1.12.0"
    (in_folder / pyodide.LOCK).write_text(json.dumps(lock))
    with pytest.raises(ValueError, match=r"where this is missing: scipy>=1\.13$"):
        pyodide.write(pyodide.chosen(), tmp_path / "made")


def test_a_folder_that_is_none_of_pyodide_is_refused(tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setenv(pyodide.VARIABLE, str(folder))
        with pytest.raises(ValueError, match=rf"^{pyodide.VARIABLE} is '.*', wanted a folder with pyodide-lock\.json"):
            pyodide.chosen()


# --- what needs Node ---


@pytest.fixture(scope="module")
def core():
    """The folder of the npm package pyodide: the Python alone. It is kept in build/."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node and npm are not installed")
    folder = ROOT / "build" / f"pyodide-{pyodide.VERSION}"
    if not (folder / pyodide.ENTRY).exists():
        folder.mkdir(parents=True, exist_ok=True)
        pack = ["npm", "pack", "--silent", f"pyodide@{pyodide.VERSION}"]
        done = subprocess.run(pack, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.returncode and not os.environ.get("CI"):
            pytest.skip("the registry of npm cannot be reached")
        assert done.returncode == 0, done.stderr
        shutil.unpack_archive(folder / done.stdout.strip().splitlines()[-1], folder)
        shutil.copytree(folder / "package", folder, dirs_exist_ok=True)
    return folder


@pytest.mark.slow
def test_the_lock_that_we_keep_is_pyodides_own(core):
    assert pyodide.KNOWN.read_bytes() == (core / pyodide.LOCK).read_bytes()


def sources():
    """The code of all modules, and of all cells as IPython makes Python of them."""
    found = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "d2lbptt").rglob("*.py")}
    for path in notebooks.paths(ROOT):
        for number, cell in enumerate(notebooks.read(path).cells):
            if cell.cell_type == "code":
                found[f"{path.stem}, cell {number}"] = TransformerManager().transform_cell(cell.source)
    return found


@pytest.mark.slow
def test_all_code_compiles_on_pyodides_python_and_what_does_not_or_warns_is_found(core, tmp_path):
    code = sources()
    assert len(code) > 500
    said = in_pyodide(core, tmp_path, code | {"wrong": "a b", "warns": r"'\d'"})
    assert said["failed"].keys() == {"wrong", "warns"} and said["threads"] is False
    assert said["python"] == json.loads(pyodide.KNOWN.read_text("utf-8"))["info"]["python"]


def in_pyodide(core, folder, code):
    (folder / "code.json").write_text(json.dumps(code), encoding="utf-8")
    done = subprocess.run(["node", SCRIPT, core, folder / "code.json"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
