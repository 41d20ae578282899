"""Plausible bugs, planted one at a time, each of which the tests must find: `make mutants`; ARGS="-k gates" for some.

They stand in tests/mutants.toml, each with the text that it replaces, and with the test files that should find it. The
well-kept tools, mutmut and cosmic-ray, make thousands by themselves, of which few are what people get wrong in formulas
and many change nothing; pytest-mutagen, last released in 2020, takes a list of one's own, but of functions that are
written anew.

Nothing is changed here: a bug is planted in a copy of the repository in a temporary folder, which stands first on the
path of its tests.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
LIST = "tests/mutants.toml"
SPARE = 60  # seconds, beside four times what all tests take without a bug: then those are stopped that hang with one
ALL = ["-m", "not alone"]  # also those that are slow
SUITE = ["tests", "--ignore=tests/test_mutants.py"]  # which says that a planted bug is not there to be planted
QUIET = ["-q", "-x", "-rfE", "--tb=no", "--no-header", "-p", "no:cacheprovider"]
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s\[]+)", re.MULTILINE)
NOT_COPIED = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", ".ipynb_checkpoints")
WHERE = "import sys; from importlib.util import find_spec\nfor name in sys.argv[1:]: print(find_spec(name).origin)"


@dataclass(frozen=True)
class Mutant:
    """A bug: the text of a file that is replaced, by what, what it stands for, and the tests that are asked first."""

    file: str
    old: str
    new: str
    bug: str
    tests: tuple[str, ...]
    needs: str = ""  # a library without which these tests skip

    def __str__(self):
        return f"{self.file}: {self.bug}"

    def planted(self, root: Path) -> str:
        """Return the text of its file with the bug in it."""
        for name in (self.file, *self.tests):
            if not (root / name).is_file():
                raise ValueError(f"{self} There is no file {name}.")
        text = (root / self.file).read_text("utf-8")
        if (times := text.count(self.old)) != 1:
            raise ValueError(f"{self} The text that it replaces is there {times} times, wanted once: {self.old!r}")
        return text.replace(self.old, self.new)


class Outcome(NamedTuple):
    """What became of a mutant: the first test that failed, "" if none did, and how long that took."""

    mutant: Mutant
    found_by: str
    seconds: float


def read(text: str) -> list[Mutant]:
    """Return the mutants of the text of a TOML file."""
    found = []
    for number, entry in enumerate(tomllib.loads(text).get("mutant", []), 1):
        try:
            found.append(Mutant(**entry | {"tests": tuple(entry["tests"])}))
        except (KeyError, TypeError) as error:
            raise ValueError(f"mutant {number} of {LIST}: {error}") from None
    return found


# --- tests in a process of their own ---


class _Tests:
    """Some tests, running in a copy of the repository."""

    def __init__(self, copy: Path, words: Iterable[str], **env: str):
        command = [sys.executable, "-m", "pytest", *QUIET, *words]
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=copy, env=_env(copy) | env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip  # a group of its own, with whatever it starts

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def stop(self) -> None:
        """End what still runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def found_by(self, limit: float) -> str | None:
        """Return the first test that failed, "" if none did; None while they run."""
        code = self.process.poll()
        if code is None:
            return f"more than {limit:.0f} seconds" if self.seconds > limit else None
        self.log.seek(0)
        text = self.log.read()
        if code in (0, 5):  # 5: all of its tests are slow
            return ""
        if found := FAILED.search(text):
            return found[1]
        if code < 0:
            return f"a crash, {signal.Signals(-code).name}"
        raise ValueError(f"pytest ended with {code}: {text.strip()[-1000:]}")


def _env(copy):
    paths = [str(copy), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(copy.parent)}


def _passes(copy: Path, words: Sequence[str]) -> float:
    """Return how many seconds tests take where no bug is planted; complain if they fail: they would with any."""
    tests = _Tests(copy, words)
    try:
        while (found := tests.found_by(float("inf"))) is None:
            time.sleep(0.05)
        seconds = tests.seconds
    finally:
        tests.stop()
    if found:
        raise ValueError(f"{found} fails without any bug planted, and so would find all of them")
    return seconds


class _Planted:
    """A mutant in a copy, and the tests that run there."""

    def __init__(self, mutant: Mutant, copy: Path, words: Sequence[str]):
        self.mutant, self.copy, self.path = mutant, copy, copy / mutant.file
        self._text, self._stat = self.path.read_bytes(), self.path.stat()
        self.path.write_text(mutant.planted(copy), "utf-8")
        self._date(10)  # Python takes what it has compiled for a file of the same second and size
        self.tests = _Tests(copy, words, PYTHONDONTWRITEBYTECODE="1")

    def remove(self) -> None:
        """Stop the tests, and put back what was there."""
        self.tests.stop()
        self.path.write_bytes(self._text)
        self._date(0)

    def _date(self, later):
        os.utime(self.path, (self._stat.st_atime, self._stat.st_mtime + later))


def _tested(mutants, copies, words, limit) -> Iterator[Outcome]:
    """Plant mutants, one at a time in each copy; ``words(mutant)`` are the tests for it."""
    waiting, busy = list(reversed(mutants)), {}
    try:
        while waiting or busy:
            for copy in copies:
                if copy in busy and (found := _ended(busy[copy], limit)) is not None:
                    yield Outcome(busy[copy].mutant, found, busy[copy].tests.seconds)
                    busy.pop(copy).remove()
                if copy not in busy and waiting:
                    mutant = waiting.pop()
                    busy[copy] = _Planted(mutant, copy, words(mutant))
            time.sleep(0.05)
    finally:
        for planted in busy.values():
            planted.remove()


def _ended(planted, limit):
    try:
        return planted.tests.found_by(limit)
    except ValueError as error:
        raise ValueError(f"{planted.mutant} {error}") from None


# --- all of it ---


def run(root: Path, mutants: Sequence[Mutant], jobs: int = 2, spare: float = SPARE) -> list[Outcome]:
    """Plant each mutant and see which test finds it: the quick ones of its module first, then all, then the suite.

    Raises ValueError, in a sentence, if a mutant does not apply or the tests fail without it.
    """
    for mutant in mutants:
        mutant.planted(root)
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        copies = [Path(folder, str(n)) for n in range(min(jobs, len(mutants)))]
        shutil.copytree(root, copies[0], ignore=shutil.ignore_patterns(*NOT_COPIED))
        _is_imported(copies[0], mutants)
        side_by_side, found = [f"--numprocesses={jobs}"] if jobs > 1 else [], {}
        for words in (lambda mutant: mutant.tests, lambda mutant: [*ALL, *mutant.tests], lambda mutant: SUITE):
            left = [mutant for mutant in mutants if mutant not in found or not found[mutant].found_by]
            if not left:
                break
            each = dict.fromkeys(word for mutant in left for word in words(mutant))
            limit = spare + 4 * _passes(copies[0], [*side_by_side, *each])
            for copy in copies[1:]:
                if not copy.exists():  # with what is compiled by now
                    shutil.copytree(copies[0], copy)
            with (
                tqdm(total=len(left), disable=None, unit="mutant") as bar,
                closing(_tested(left, copies, words, limit)) as outcomes,
            ):
                for outcome in outcomes:
                    found[outcome.mutant] = outcome
                    bar.update()
        return [found[mutant] for mutant in mutants]


def _is_imported(copy: Path, mutants: Sequence[Mutant]) -> None:
    """Complain if tests in a copy would import a module from elsewhere."""
    files = sorted({mutant.file for mutant in mutants})
    names = [".".join(Path(file).with_suffix("").parts).removesuffix(".__init__") for file in files]
    done = subprocess.run(
        [sys.executable, "-c", WHERE, *names], cwd=copy, env=_env(copy), capture_output=True, text=True
    )
    if done.returncode:
        raise ValueError(f"a module cannot be found: {done.stderr.strip().splitlines()[-1]}")
    for file, origin in zip(files, done.stdout.splitlines(), strict=True):
        if Path(origin).resolve() != (copy / file).resolve():
            raise ValueError(f"{file} would be imported from {origin}, wanted the copy in {copy}")


def table(outcomes: Iterable[Outcome]) -> str:
    """Return a line for each mutant, and what it all comes to."""
    outcomes = list(outcomes)
    wide = max(len(outcome.found_by) for outcome in outcomes)
    lines = [f"{'seconds':>7}  {'found by':{wide}}  bug"]
    lines += [f"{seconds:7.1f}  {found_by or 'NOT FOUND':{wide}}  {mutant}" for mutant, found_by, seconds in outcomes]
    survive = sum(not outcome.found_by for outcome in outcomes)
    return "\n".join([*lines, f"{len(outcomes)} planted, {survive} of which no test finds."])


class _Arguments(argparse.ArgumentParser):
    def error(self, message):
        sys.exit(f"ARGS: {message}, wanted as in: make mutants ARGS='-k gates -j 1'")


def main(words: list[str]) -> None:
    parser = _Arguments(prog="mutants", description="plant bugs, one at a time, each of which the tests must find")
    parser.add_argument(
        "-k", metavar="WORD", default="", help="those alone that have this in their file or their words"
    )
    parser.add_argument("-j", metavar="JOBS", type=int, default=min(os.cpu_count() or 1, 4), help="how many at once")
    given = parser.parse_args(words)
    if given.j < 1:
        parser.error(f"-j is {given.j}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        mutants = [
            mutant for mutant in read((ROOT / LIST).read_text("utf-8")) if given.k.lower() in str(mutant).lower()
        ]
        if not mutants:
            parser.error(f"no mutant has {given.k!r} in its file or its words")
        there = [mutant for mutant in mutants if not mutant.needs or find_spec(mutant.needs)]
        if lacking := sorted({mutant.needs for mutant in mutants} - {mutant.needs for mutant in there}):
            print(f"{len(mutants) - len(there)} mutants are left out, which need {', '.join(lacking)}.")
        outcomes = run(ROOT, there, given.j) if there else []
    except ValueError as error:
        sys.exit(f"Stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing is left behind.")
    if outcomes:
        print(table(outcomes))
    sys.exit(int(any(not outcome.found_by for outcome in outcomes)))


if __name__ == "__main__":
    main(sys.argv[1:])
