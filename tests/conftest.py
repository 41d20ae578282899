"""The book's text for all tests, where a copy of it lies beside the repository; nothing is downloaded then."""

import os
from pathlib import Path

from d2lbptt.text import FILE, VARIABLE

COPY = Path(__file__).resolve().parents[2] / "shared" / "data" / FILE

if COPY.exists():
    os.environ.setdefault(VARIABLE, str(COPY))
