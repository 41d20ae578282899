"""The script that sets formulas, from a package: it is not committed, so it is checked."""

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import PurePosixPath

PACKAGE, FOLDER = "sphinx-mathjax-offline", "mathjax"
# MathJax 3.2.2: the script, and what it loads where a formula has \boldsymbol.
CHECKSUMS = {
    "tex-svg.js": "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882",
    "input/tex/extensions/boldsymbol.js": "d6771fee0772db2657796c8d0e20e1878bb3237f6d3ed1e828e1834a4ff743ca",
}


def scripts() -> dict[str, bytes]:
    """The scripts by name. Raises ValueError if the package is missing, or has others than those that are known."""
    return {name: checked(name, _content(name)) for name in CHECKSUMS}


def _content(name):
    place = PurePosixPath(FOLDER, name).parts
    try:
        (file,) = [file for file in files(PACKAGE) or [] if file.parts[-len(place) :] == place]
    except (PackageNotFoundError, ValueError):
        raise ValueError(f"{name}, which sets formulas, is missing: pip install {PACKAGE}") from None
    return file.read_binary()


def checked(name: str, content: bytes) -> bytes:
    """The script, if it is the one that is known. Raises ValueError if not."""
    if (found := sha256(content).hexdigest()) != CHECKSUMS[name]:
        raise ValueError(f"{name} of {PACKAGE} has the sha256 {found}, wanted {CHECKSUMS[name]}, that of MathJax 3.2.2")
    return content
