"""Make the site in build/site: `make site`; ARGS=--open to look at it, ARGS=--lite with a kernel in the browser."""

import argparse
import shutil
import subprocess
import sys
import time
import webbrowser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tools.site import pages

BUILD = pages.ROOT / "build"


def build(site: Path, handouts: bool = True, lite: bool = False) -> None:
    """Make all of it anew in a folder. Raises ValueError, in a sentence, if something is not as it must be."""
    source, doctrees = BUILD / "source", BUILD / "doctrees"
    pages.assemble(source, BUILD / "pages")
    shutil.rmtree(site, ignore_errors=True)
    # In a process of its own: Sphinx and what it loads set up logs and warnings for themselves.
    options = ["--jobs", "2", "--fail-on-warning", "--keep-going", "--quiet"]
    if subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "-d", doctrees, source, site], cwd=pages.ROOT
    ).returncode:
        shutil.rmtree(doctrees, ignore_errors=True)  # what was read with a warning would not warn again
        raise ValueError("the pages have mistakes, which are named above")
    _part("players", site / "_static" / "players")
    if handouts:
        _part("handout", site)
    if lite:
        _part("lite", site)


def _part(name, folder):
    """Let a part of the site write what it has to, if it is there."""
    if find_spec(f"tools.site.{name}"):
        import_module(f"tools.site.{name}").write(folder)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="make site", exit_on_error=False, add_help=False, allow_abbrev=False)
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--lite", action="store_true")
    parser.add_argument("--no-handout", action="store_true")
    known, unknown = parser.parse_known_args(words)
    if unknown:
        sys.exit(
            f"ARGS has {' '.join(unknown)}, wanted --open to look at the site, --lite for a kernel in the browser, "
            "--no-handout to print none, or some of these"
        )
    start, site = time.monotonic(), BUILD / "site"
    try:
        build(site, handouts=not known.no_handout, lite=known.lite)
    except ValueError as error:
        sys.exit(f"The site is not made: {error}")
    index = site / "index.html"
    print(f"The site is made, in {time.monotonic() - start:.0f} s: open {index.relative_to(pages.ROOT)} in a browser.")
    if known.open:
        webbrowser.open(index.as_uri())


if __name__ == "__main__":
    main(sys.argv[1:])
