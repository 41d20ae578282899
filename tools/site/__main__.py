"""Make the site in build/site: `make site`; ARGS=--open to look at it, ARGS=--lite with a kernel in the browser."""

import shutil
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

from tools.site import handout, lite, pages, players

BUILD = pages.ROOT / "build"
FLAGS = {
    "--open": "to look at the site",
    "--lite": "for a kernel in the browser",
    "--no-handout": "to print none",
}
STRICT = ["--jobs", "2", "--fail-on-warning", "--keep-going", "--quiet"]


def build(site: Path, handouts: bool = True, live: bool = False) -> None:
    """Make all of it anew in a folder. Raises ValueError, in a sentence, if something is not as it must be."""
    source, doctrees = BUILD / "source", BUILD / "doctrees"
    pages.assemble(source, BUILD / "pages")
    shutil.rmtree(site, ignore_errors=True)
    if live:  # first, since it may lack something, and the rest takes minutes
        lite.write(site)
    # In a process of its own: Sphinx and what it loads set up logs and warnings for themselves.
    command = [sys.executable, "-m", "sphinx", *STRICT, "-d", doctrees, source, site]
    if subprocess.run(command, cwd=pages.ROOT).returncode:
        shutil.rmtree(doctrees, ignore_errors=True)  # what was read with a warning would not warn again
        raise ValueError("the pages have mistakes, which are named above")
    players.write(site / "_static" / "players")
    if handouts:
        handout.write(site)
    if live:
        lite.link(site)


def main(words: list[str]) -> None:
    if unknown := [word for word in words if word not in FLAGS]:
        wanted = ", ".join(f"{flag} {what}" for flag, what in FLAGS.items())
        sys.exit(f"ARGS has {' '.join(unknown)}, wanted nothing or {wanted}")
    start, site = time.monotonic(), BUILD / "site"
    try:
        build(site, handouts="--no-handout" not in words, live="--lite" in words)
    except ValueError as error:
        sys.exit(f"The site is not made: {error}")
    index = site / "index.html"
    print(f"The site is made, in {time.monotonic() - start:.0f} s: open {index.relative_to(pages.ROOT)} in a browser.")
    if "--open" in words:
        webbrowser.open(index.as_uri())


if __name__ == "__main__":
    main(sys.argv[1:])
