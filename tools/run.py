"""Run Python with what stands behind this module's name, and then with the words of the environment variable ARGS.

`make test ARGS="-k 'a or b'"` goes this way, and no shell reads ARGS: nothing in it is carried out. Words are split and
quoted as in a shell, and a word with * or ? stands for the files that it matches, if there are any.
"""

import glob
import os
import shlex
import sys


def words(text: str) -> list[str]:
    """The arguments that a text stands for."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        sys.exit(f"ARGS is {text!r}, wanted arguments as a shell splits them: {error}")
    return [name for word in found for name in sorted(glob.glob(word)) or [word]]


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, *sys.argv[1:], *words(os.environ.get("ARGS", ""))])
