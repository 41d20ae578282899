"""Bars for what takes long, and no red lines where threads cannot start, as in a browser without a server (Pyodide)."""

import logging
import sys
import threading
from contextlib import contextmanager
from functools import cache
from time import monotonic

PATIENCE = 2  # seconds, after which a bar appears


def bar(iterable=None, **options):
    """Return tqdm's bar for where this runs, a notebook or a terminal.

    Parameters
    ----------
    iterable : iterable, optional
    **options
        As for ``tqdm.auto.tqdm``.
    """
    from tqdm.auto import tqdm  # loaded when it is first used

    return unwatched(tqdm)(iterable, **options)


def patient(steps, total, what="checking"):
    """Yield the steps, with a bar from when they have taken long."""
    start, rest = monotonic(), iter(steps)
    for done, step in enumerate(rest, 1):
        yield step
        if monotonic() - start > PATIENCE:
            yield from bar(rest, total=total, initial=done, desc=what, leave=False)


def unwatched(kind):
    """Return a kind of bar, which starts no thread of its own where none can start: it would warn in red."""
    if kind is not None and not threads_start():
        kind.monitor_interval = 0
    return kind


@cache
def threads_start():
    """Return whether a thread can be started here."""
    if sys.platform == "emscripten":
        return False
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        return False
    return True


@contextmanager
def quiet_fonts():
    """Keep Matplotlib from saying that it looks for fonts; a timer would say so later, where threads can start."""
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(before if threads_start() else logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
