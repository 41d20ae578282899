"""The sources of all pages, put together in one folder: copies of what the repository has, and what is generated."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import nbformat

from d2lbptt import explorers
from tools import bootstrap, notebooks
from tools.site import cells, explorer_pages, mathjax, notebook, pictures, records, stage, story
from tools.site.links import relinked
from tools.site.titles import short

ROOT = notebooks.ROOT
SITE = ROOT / "site"
TEXTS = {"notebooks/notation.md": "notation.md", "TEACHING.md": "teaching.md"}
GENERATED = {"equations.md": records.equations, "questions.md": records.questions}
LOOK_UP = {
    "explorers/index": "Explorers",
    "equations": "Equations",
    "questions": "Readers’ questions",
    "notation": "Notation",
    "solutions/index": "Tasks, solved",
    "teaching": "Teaching",
}
SOLUTIONS = """\
# Tasks, solved

The same notebooks with their tasks solved. Try first: `bptt.exercises.check` says that an answer is right, or gives a
hint. The search leaves these pages out.

"""


class Folder:
    """A folder of sources, in which only what changed is written: Sphinx reads what is newer than its pages."""

    def __init__(self, path: Path):
        self.path, self._kept = path, set()

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file, by its name in the folder."""
        path, content = self.path / name, content.encode() if isinstance(content, str) else content
        self._kept.add(path)
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def tidy(self) -> None:
        """Remove all files that were not written."""
        for path in self.path.rglob("*"):
            if path.is_file() and path not in self._kept:
                path.unlink()


def assemble(folder: Path, kept: Path) -> None:
    """Write the sources of all pages into a folder, and leave nothing else there.

    What takes long is kept from one call to the next in the folder `kept`.
    """
    sources, address, pages = Folder(folder), bootstrap.address(ROOT), page_of()
    made = {name: getattr(explorers, name)() for name in explorers.__all__}
    for name in TEXTS:
        sources.write(pages[name], relinked((ROOT / name).read_text("utf-8"), name, pages, ROOT, address))
    for path in notebooks.paths(ROOT):
        _notebook(sources, path.relative_to(ROOT).as_posix(), pages, address, made)
    _explorers(sources, made)
    for name, generate in GENERATED.items():
        sources.write(name, _remembered(kept / name, generate))
    sources.write("solutions/index.md", solutions())
    sources.write("index.md", f"{story.page(sources.write)}\n{contents()}")
    stage.write(sources.write)
    for path in [SITE / "conf.py", *SITE.glob("_*/*")]:
        sources.write(path.relative_to(SITE).as_posix(), path.read_bytes())
    for name, script in mathjax.scripts().items():
        sources.write(f"_static/{mathjax.FOLDER}/{name}", script)
    sources.tidy()


def page_of() -> dict[str, str]:
    """The source of the page of each file of the repository that has one."""
    made = [path.relative_to(ROOT).as_posix() for path in notebooks.paths(ROOT)]
    return {file: file.replace("notebooks/solutions/", "solutions/") for file in made} | TEXTS


def _notebook(sources, name, pages, address, made):
    saved = notebooks.read(ROOT / name)
    notebook.page(
        saved,
        relinked=lambda text: relinked(text, name, pages, ROOT, address),
        write=sources.write,
        for_player=lambda shown: cells.for_player(made[shown.name], shown.values),
    )
    sources.write(pages[name], nbformat.writes(saved))


# --- explorers ---


def _explorers(sources, made):
    users = shown_by()
    for name, explorer in made.items():
        explorer.reset()
        sources.write(explorer_pages.PICTURE.format(name), pictures.svg(explorer))
        sources.write(f"explorers/{name}.md", explorer_pages.page(name, explorer, users[name]))
    sources.write("explorers/index.md", explorer_pages.index(made))


def shown_by() -> dict[str, dict[str, str]]:
    """The titles of the notebooks that show an explorer, by explorer and notebook."""
    users: dict[str, dict[str, str]] = defaultdict(dict)
    for path in notebooks.paths(ROOT):
        if path.parent.name == "notebooks":
            for cell in notebooks.read(path).cells:
                if cell.cell_type == "code" and (shown := cells.shown(cell.source)):
                    users[shown.name][path.stem] = short(path.stem)
    return users


# --- what takes long ---


def _remembered(path: Path, make: Callable[[], str]) -> str:
    """What `make` returns, from a file if the code has not changed since."""
    state = _state_of_the_code()
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if found.get("state") != state:
        found = {"state": state, "text": make()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    return found["text"]


@cache
def _state_of_the_code() -> str:
    digest = sha256("".join(map(version, ("numpy", "scipy", "sympy"))).encode())
    for path in sorted([*(ROOT / "d2lbptt").rglob("*.py"), *Path(__file__).parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# --- the sidebar ---


def contents() -> str:
    """The tables of contents, which make the sidebar and the order of the pages."""
    read = {f"notebooks/{name}": short(name) for name in _names("notebooks")}
    return _tree(read, ":hidden:\n:caption: Notebooks") + _tree(LOOK_UP, ":hidden:\n:caption: To play, to look up")


def solutions() -> str:
    """The page that leads to the notebooks whose tasks are solved."""
    return SOLUTIONS + _tree({name: short(name) for name in _names("solutions")}, ":maxdepth: 1")


def _names(folder):
    return [path.stem for path in notebooks.paths(ROOT) if path.parent.name == folder]


def _tree(entries, options):
    lines = "\n".join(f"{title} <{page}>" for page, title in entries.items())
    return f"```{{toctree}}\n{options}\n\n{lines}\n```\n"
