"""Links of the repository's files, as they lead from the pages that are made of them."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

# The words of a Markdown link, which may have brackets in them, a path to a file, and a place in it. [h](x) may stand
# in a formula, and an address has a colon.
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([\w./-]+\.\w+|[\w./-]*/[\w./-]+|[A-Z][\w-]+)(#[^)\s]*)?\)")


def relinked(text: str, here: str, pages: Mapping[str, str], root: Path, address: str | None) -> str:
    """The text of a file of the repository, with links as they lead from its page.

    `here` is the file and `pages` has the source of each page by file, all of them relative to `root`. A file without
    a page is linked at the public address, or, before there is one, named without a link. Raises ValueError if a file
    is not there.
    """

    def link(found):
        words, path, place = found[1], found[2], found[3] or ""
        target = normpath(PurePosixPath(here).parent / path)
        if target in pages:
            return f"[{words}]({relpath(pages[target], PurePosixPath(pages[here]).parent)}{place})"
        if not (root / target).exists():
            raise ValueError(f"{here} links to {path}, which is not there")
        return f"[{words}]({address}/blob/HEAD/{target}{place})" if address else words

    return LINK.sub(link, text)
