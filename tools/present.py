"""The lectures on a screen of their own: `make present`, or `make present ARGS="--no-browser --port=8899"`.

Voila shows a notebook of one cell by a template of ours, both made in build/stage; a kernel answers.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from nbformat import v4, write

from tools.lectures import ROOT
from tools.site import players, stage

FOLDER = ROOT / "build" / "stage"
NAME = "d2lbptt"  # of the template
CELL = "from tools.kernel import Stage\n\nStage()"
EXTENSIONS = ("@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager", "anywidget")  # no others
PORT, PATIENCE = 8866, 120  # seconds until Voila must answer


def make(folder: Path) -> None:
    """Write the notebook and Voila's template into a folder."""
    template = folder / "share" / "voila" / "templates" / NAME
    for name in ("players", "stage"):
        (template / "static" / name).mkdir(parents=True, exist_ok=True)
    (template / "conf.json").write_text('{"base_template": "base"}', "utf-8")
    (template / "index.html.j2").write_text(_template(), "utf-8")
    (template / "static" / "players" / "players.js").write_text(players.script(), "utf-8")
    (template / "static" / "players" / "players.css").write_text(players.style_sheet(), "utf-8")
    for name in ("stage.js", "stage.css"):
        (template / "static" / "stage" / name).write_bytes((stage.FOLDER / name).read_bytes())
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    write(v4.new_notebook(cells=[v4.new_code_cell(CELL)], metadata={"kernelspec": kernel}), folder / "stage.ipynb")


def _template():
    kernel = (stage.FOLDER / "kernel.html.j2").read_text("utf-8")
    attributes = 'data-kernel data-voila="voila" data-base-url="{{ resources.base_url }}voila/"'
    static = f"{{{{ resources.base_url }}}}voila/templates/{NAME}/static/"
    text = stage.text(stage.data(stage.read()))
    return stage.page("{% raw %}" + text + "{% endraw %}", static, attributes, kernel)


@contextmanager
def serve(port: int = 0) -> Iterator[str]:
    """Run Voila and yield the address of the stage. Raises ValueError, in a sentence, if it cannot."""
    if not find_spec("voila"):
        raise ValueError("Voila is not installed: .venv/bin/python -m pip install -e '.[present]'")
    port = free(port)
    make(FOLDER)
    with (FOLDER / "log").open("w") as log:
        server = subprocess.Popen(_command(port), env=_environment(), stdout=log, stderr=log, cwd=ROOT)
        try:
            _wait_for(port, server)
            yield f"http://localhost:{port}/"
        finally:
            server.terminate()
            server.wait()


def free(port: int) -> int:
    """Return the port, or any that is free for 0. Raises ValueError if somebody has it, or we may not."""
    with socket.socket() as s:
        try:
            s.bind(("localhost", port))
        except OSError as error:
            why = "needs an administrator" if isinstance(error, PermissionError) else "is taken"
            raise ValueError(f'port {port} {why}: name another, as in make present ARGS="--port=8899"') from None
        return s.getsockname()[1]


def _command(port):
    words = [f"--port={port}", "--Voila.port_retries=0", f"--template={NAME}", "--no-browser"]
    words += [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    return [sys.executable, "-m", "voila", str(FOLDER / "stage.ipynb"), *words]


def _environment():
    paths = {"JUPYTER_PATH": FOLDER / "share", "PYTHONPATH": ROOT}
    return os.environ | {
        name: os.pathsep.join(filter(None, (str(path), os.environ.get(name)))) for name, path in paths.items()
    }


def _wait_for(port, server):
    for _ in range(10 * PATIENCE):
        with socket.socket() as s:
            if s.connect_ex(("localhost", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise ValueError(f"Voila did not start: {os.path.relpath(FOLDER / 'log')} says why")


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="make present", exit_on_error=False, add_help=False, allow_abbrev=False)
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--port", type=int, default=PORT)
    try:
        known, unknown = parser.parse_known_args(words)
        if unknown or not 0 <= known.port < 65536:
            raise argparse.ArgumentError(None, "")
    except argparse.ArgumentError:
        sys.exit(f"ARGS is {' '.join(words)}, wanted --no-browser, --port= and a number up to 65535, or both")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else Voila would go on alone
    try:
        with serve(known.port) as address:
            print(f"The lectures: {address} (Ctrl-C ends them; F is full screen, L the menu with all keys)", flush=True)
            print(f"One explorer: {address}?show=gradient_flow&preset=exploding&T=500", flush=True)
            if not (known.no_browser or webbrowser.open(address)):
                print("No browser was found here: open the address in one.", flush=True)
            signal.pause() if hasattr(signal, "pause") else input()
    except ValueError as error:
        sys.exit(f"Nothing is shown: {error}")
    except KeyboardInterrupt:
        print("Ended.")


if __name__ == "__main__":
    main(sys.argv[1:])
