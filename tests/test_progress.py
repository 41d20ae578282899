"""Bars, and that nothing writes a red line where threads cannot start. A machine without threads is simulated."""

import os
import subprocess
import sys

import pytest

from d2lbptt import _progress

NO_THREADS = """
import sys, threading, warnings
warnings.simplefilter("error")
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""
EMSCRIPTEN = NO_THREADS + "sys.platform = 'emscripten'\n"
# What Pyodide makes of the timer in matplotlib.font_manager: it goes off at once.
AT_ONCE = """
class Timer:
    def __init__(self, seconds, function):
        function()
    def start(self): pass
    def cancel(self): pass
threading.Timer = Timer
"""
FONTS = "building the font cache"


def errors(source, folder, **variables):
    """What a new interpreter writes to stderr."""
    environment = {**os.environ, "MPLCONFIGDIR": str(folder), **variables}
    command = [sys.executable, "-c", source]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stderr


@pytest.mark.parametrize("machine", [NO_THREADS, EMSCRIPTEN])
def test_a_bar_is_not_watched_where_threads_cannot_start(machine, tmp_path):
    run = "for _ in {}(range(3), file=sys.stdout): pass"
    ours = machine + "from d2lbptt._progress import bar\n" + run.format("bar")
    theirs = machine + "from tqdm import tqdm\n" + run.format("tqdm")
    assert errors(ours, tmp_path) == ""
    assert "disabling monitor support" in errors(theirs, tmp_path)  # so this machine is rightly simulated


@pytest.mark.slow
@pytest.mark.parametrize("module", ["figures", "explorers"])
def test_no_red_line_about_fonts_where_threads_cannot_start(module, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    assert errors(NO_THREADS + AT_ONCE + f"import d2lbptt.{module}", ours) == ""
    assert FONTS in errors(NO_THREADS + AT_ONCE + "import matplotlib.font_manager", theirs)


def test_where_threads_start_a_bar_is_as_ever(capsys):
    assert _progress.threads_start()
    assert list(_progress.bar(range(3), desc="steps")) == [0, 1, 2]
    assert "steps" in capsys.readouterr().err


def test_a_bar_without_an_iterable(capsys):
    with _progress.bar(total=4, desc="steps") as bar:
        bar.update(4)
    assert "4/4" in capsys.readouterr().err


def test_what_takes_long_gets_a_bar_that_begins_where_the_work_is(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "PATIENCE", -1)
    assert list(_progress.patient("abcd", 4)) == list("abcd")
    told = capsys.readouterr().err
    assert "1/4" in told and "0/4" not in told
