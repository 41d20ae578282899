"""What builds and publishes the repository: never installed, called from the Makefile."""

import sys

# jsonschema, which nbformat loads, would build all the grammars of this library, for 2.7 s, to check a format that no
# notebook has; it does without.
sys.modules.setdefault("rfc3987_syntax", None)
