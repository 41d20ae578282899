"""The script that sets formulas, from a package: it is not committed, so it is checked."""

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PACKAGE = "sphinx-mathjax-offline"
SCRIPT, CHECKSUM = "tex-svg.js", "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"


def script() -> bytes:
    """The script. Raises ValueError if the package is missing, or has another script than the one that is known."""
    try:
        (path,) = [path.locate() for path in files(PACKAGE) or [] if path.parts[-2:] == ("mathjax", SCRIPT)]
    except (PackageNotFoundError, ValueError):
        raise ValueError(f"{PACKAGE} is not installed, which has the script for formulas: run `make site`") from None
    return checked(Path(path).read_bytes())


def checked(content: bytes) -> bytes:
    """The script, if it is that of MathJax 3.2.2. Raises ValueError if not."""
    if (found := sha256(content).hexdigest()) != CHECKSUM:
        raise ValueError(f"{SCRIPT} of {PACKAGE} has the checksum {found}, wanted {CHECKSUM}, that of MathJax 3.2.2")
    return content
