"""`make mutants`: its list applies to the code that is there, and the tool reports what no test finds."""

import ast
import os
import re
import tempfile
from pathlib import Path

import pytest

from tools import mutants

ROOT = mutants.ROOT
LISTED = mutants.read((ROOT / mutants.LIST).read_text(encoding="utf-8"))


# --- the list ---


def test_every_bug_can_be_planted_and_is_python():
    for mutant in LISTED:
        ast.parse(mutant.planted(ROOT), filename=str(mutant))
    assert LISTED and all(mutant.old != mutant.new for mutant in LISTED)


def test_every_folder_of_the_package_has_bugs():
    code = {path.relative_to(ROOT).parent for path in (ROOT / "d2lbptt").rglob("*.py") if path.name != "__init__.py"}
    assert code - {Path(mutant.file).parent for mutant in LISTED} == set()


def test_every_bug_is_said_in_a_sentence_of_its_own():
    said = [str(mutant) for mutant in LISTED]
    assert len(set(said)) == len(said) and all(words[-1] == "." for words in said)


# --- the tool, on a package of three functions ---

CODE = """\
def double(x):
    return 2 * x


def half(x):
    return x / 2


def last(x):
    return x[-1]
"""
TESTS = """\
from halves import double, half


def test_double():
    assert double(3) == 6


def test_half():
    assert half(0) == 0
"""
FOUND = ("return 2 * x", "return 3 * x")
SURVIVES = ("return x / 2", "return x / 3")
ELSEWHERE = ("return x[-1]", "return x[0]")
HANGS = ("return 2 * x", "open({pid!r}, 'w').write(str(__import__('os').getpid()))\n    while True: pass")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A repository of three functions, and a folder for all that is temporary."""
    root, temporary = tmp_path / "fake", tmp_path / "temporary"
    (root / "tests").mkdir(parents=True)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # pytest starts in a third of the time
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (root / "halves.py").write_text(CODE)
    (root / "tests" / "test_halves.py").write_text(TESTS)
    (root / "tests" / "test_last.py").write_text(
        "from halves import last\n\n\ndef test_last():\n    assert last([1, 2]) == 2\n"
    )
    return root


def planted(old, new, file="halves.py"):
    return mutants.Mutant(file, old, new, f"{new} stands for {old}.", ("tests/test_halves.py",))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_what_no_test_finds_is_said(fake):
    before = contents(fake)
    found = mutants.run(fake, [planted(*change) for change in (FOUND, SURVIVES, ELSEWHERE)], jobs=1)
    assert [outcome.found_by for outcome in found] == [
        "tests/test_halves.py::test_double",
        "",
        "tests/test_last.py::test_last",
    ]
    said = mutants.table(found)
    assert "NOT FOUND" in said.splitlines()[2] and said.endswith("3 planted, 1 of which no test finds.")
    assert contents(fake) == before and not list(Path(tempfile.tempdir).iterdir())


def hanging(tmp_path):
    old, new = HANGS
    return planted(old, new.format(pid=str(tmp_path / "pid")))


def ended(tmp_path):
    """Whether the process that hung is no more; it may have been stopped before it came so far."""
    try:
        os.kill(int((tmp_path / "pid").read_text()), 0)
    except (FileNotFoundError, ProcessLookupError):
        return True
    return False


def test_tests_that_hang_are_stopped_and_count_as_found(fake, tmp_path):
    (outcome,) = mutants.run(fake, [hanging(tmp_path)], jobs=1, spare=1)
    assert re.fullmatch(r"more than \d+ seconds", outcome.found_by) and ended(tmp_path)


def test_an_interrupt_leaves_nothing_behind(fake, tmp_path, monkeypatch):
    def sleep(_):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise KeyboardInterrupt

    monkeypatch.setattr(mutants.time, "sleep", sleep)
    before = contents(fake)
    with pytest.raises(KeyboardInterrupt):
        mutants.run(fake, [hanging(tmp_path)], jobs=1)
    assert ended(tmp_path) and contents(fake) == before and not list(Path(tempfile.tempdir).iterdir())


def test_tests_that_fail_without_a_bug_find_none(fake):
    (fake / "tests" / "test_halves.py").write_text("def test_nothing():\n    assert False\n")
    with pytest.raises(ValueError, match="test_nothing fails without any bug planted"):
        mutants.run(fake, [planted(*FOUND)], jobs=1)


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (planted("return 5", "return 6"), "halves.py: .* is there 0 times, wanted once: 'return 5'"),
        (planted("return ", "return -"), "halves.py: .* is there 3 times"),
        (planted("a", "b", file="quarters.py"), "quarters.py: .* There is no file quarters.py"),
    ],
)
def test_a_bug_that_no_longer_applies_is_an_error_that_names_it(fake, mutant, words):
    with pytest.raises(ValueError, match=words):
        mutants.run(fake, [mutant])


def test_a_module_from_elsewhere_is_noticed(fake, monkeypatch):
    monkeypatch.setattr(mutants, "_env", lambda copy: os.environ | {"PYTHONPATH": str(fake), "PYTHONSAFEPATH": "1"})
    with pytest.raises(ValueError, match=r"halves.py would be imported from .*fake/halves.py, wanted the copy"):
        mutants.run(fake, [planted(*FOUND)])


@pytest.mark.parametrize("text", ["[[mutant]]\nfile = 'a'", "[[mutant]]\ntests = []\ncolour = 'red'"])
def test_an_entry_that_is_not_whole_is_named(text):
    with pytest.raises(ValueError, match=r"mutant 1 of tests/mutants\.toml"):
        mutants.read(text)


@pytest.mark.parametrize(
    "words", [["-k"], ["-k", "no such words"], ["-j", "0"], ["-j", "two"], ["--colour"], ["tests/test_rnn.py"]]
)
def test_bad_arguments_get_one_sentence(words):
    with pytest.raises(SystemExit) as stopped:
        mutants.main(words)
    assert stopped.value.code.startswith("ARGS: ") and "\n" not in stopped.value.code
