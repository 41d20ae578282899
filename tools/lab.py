"""A JupyterLab of our own and a Chromium, for the browser tests and for `make sliders`."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def serve(folder: Path, python: str = sys.executable, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run JupyterLab on a folder; its address has a place for a workspace and one for the path of a notebook.

    Each page wants a workspace of its own, or the notebooks of another come back too.
    """
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    token, places = (
        "token-of-the-test",
        {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")},
    )
    places |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "IPYTHONDIR": str(folder / "ipython")}
    command = [python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | places | (env or {}), stdout=log, stderr=log)
        try:
            _wait_for(f"http://localhost:{port}/api?token={token}", server, folder / "log")
            yield f"http://localhost:{port}/lab/workspaces/{{}}/tree/{{}}?token={token}"
        finally:
            server.terminate()
            server.wait()


def _wait_for(url, server, log):
    for _ in range(120):
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


def run_all(page, address: str, awaited: str) -> None:
    """Open a notebook in a page, run all its cells, and wait for what one of them shows, and then for rest."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    wait_until_idle(page)  # a kernel that is still starting may lose the call
    for menu, word in ((".lm-MenuBar-itemLabel", "Run"), (".lm-Menu-itemLabel", "Run All Cells")):
        page.locator(menu, has_text=re.compile(f"^{word}$")).click()
    page.locator(awaited).first.wait_for(state="attached", timeout=120_000)
    wait_until_idle(page)


def wait_until_idle(page) -> None:
    """Wait until the kernel has been idle for two seconds: between two cells it is idle too."""
    quiet = 0
    for _ in range(1200):
        idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").count()
        quiet = quiet + 1 if idle else 0
        if quiet == 20:
            return
        time.sleep(0.1)
    raise AssertionError("the kernel never came to rest")


def show(element) -> None:
    """Scroll to an element: running all leaves the page at its end, and what is far from sight is not laid out."""
    for _ in range(100):
        element.evaluate("e => e.scrollIntoView({block: 'center'})")
        if element.is_visible():
            return
        time.sleep(0.1)
    raise AssertionError("the element cannot be scrolled into sight")
