"""The site, built below a folder by a process of its own, as `make site` does; without handouts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = """
import sys
from pathlib import Path
from tools.site import __main__ as command, players
command.BUILD = Path(sys.argv[1])
if sys.argv[2:]:
    players._compute_one = None
command.build(command.BUILD / "site", handouts=False)
"""


def build(folder, *more):
    """Build it; with one word more, no player may be computed. Returns the folder of the site."""
    run = subprocess.run([sys.executable, "-c", BUILD, folder, *more], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "site"
