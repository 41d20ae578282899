"""Write the repository's public address everywhere: `make links REPO=owner/name`.

It is kept as `Repository` under [project.urls] in pyproject.toml. README.md and the notebooks show
it as badges, the notebooks' bootstrap cells install from it, and CITATION.cff names it. A workflow is
written that publishes the site, to which README.md then leads.
"""

import re
import sys
from pathlib import Path

import nbformat
import tomlkit

from tools import badges, bootstrap, notebooks, workflow

ROOT = notebooks.ROOT
CITED = re.compile(r"^repository-code:.*\n", re.MULTILINE)
# What GitHub lets an owner and a repository be called; a repository is never ".", ".." or an address that ends in .git.
NAME = re.compile(r"[A-Za-z0-9][\w-]{0,38}/(?!\.{1,2}$)[\w.-]{1,100}(?<!\.git)", re.ASCII)
LINK = re.compile(
    r"(?:git\+https://github\.com/|repository-code: \"https://github\.com/|github\.repository == '|"
    r"mybinder\.org/v2/gh/|colab\.research\.google\.com/github/)([\w-]+/[\w.-]+)",
    re.ASCII,
)


def write(root: Path, repo: str) -> None:
    """Write `repo` (owner/name) into every file that shows it, in place of any earlier one."""
    address = f"{badges.HOST}{repo}"
    changed = {
        root / "README.md": lambda text: badges.placed(text, readme_badges(root, repo)),
        root / "CITATION.cff": lambda text: CITED.sub("", text) + f'repository-code: "{address}"\n',
        root / "pyproject.toml": lambda text: with_address(text, address),
    }
    for path, change in changed.items():
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    (root / workflow.PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / workflow.PATH).write_text(workflow.source(repo), encoding="utf-8")
    for path in notebooks.paths(root):
        notebook = notebooks.read(path)
        bootstrap.place(notebook, bootstrap.source(address))
        badges.add(notebook, badges.colab(repo, path.relative_to(root)))
        nbformat.write(notebooks.clean(notebook), path)


def with_address(pyproject: str, address: str) -> str:
    """The text of pyproject.toml with `address` in it."""
    document = tomlkit.parse(pyproject)
    document["project"].setdefault("urls", tomlkit.table())["Repository"] = address
    return tomlkit.dumps(document)


def readme_badges(root: Path, repo: str) -> str:
    """A badge for Binder, one for Colab, the site, and a Colab link for each notebook."""
    files = [path.relative_to(root) for path in notebooks.paths(root)]
    links = [f"[{path.stem}]({badges.colab_url(repo, path)})" for path in files if path.parent.name == "notebooks"]
    both = f"{badges.binder(repo, files[0])} {badges.colab(repo, files[0])}"
    site = f"[**Read it on the web**, with sliders that move]({workflow.site(repo)}): nothing to install."
    return f"{both}\n\n{site}\n\nEach notebook in Colab: {', '.join(links)}"


def written(root: Path) -> dict[str, set[str]]:
    """The repositories (owner/name) that each file leads to: the same one in all, or none."""
    files = [root / "README.md", root / "CITATION.cff", *notebooks.paths(root)]
    files += filter(Path.is_file, [root / workflow.PATH])
    found = {path.name: _repositories(path.read_text(encoding="utf-8")) for path in files}
    return found | {"pyproject.toml": _repositories(f"git+{bootstrap.address(root)}")}


def _repositories(text: str) -> set[str]:
    return set(LINK.findall(text))


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or not arguments[0]:
        sys.exit("Say where the repository is published, as in: make links REPO=owner/name")
    if not NAME.fullmatch(arguments[0]):
        sys.exit(f"REPO is {arguments[0]!r}, wanted the owner and the name of a GitHub repository, as in owner/name")
    if not badges.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8")):
        sys.exit(f"README.md has no place for the badges: put {badges.START} and {badges.END} where they belong.")
    write(ROOT, arguments[0])
    print(f"README.md, CITATION.cff, pyproject.toml and the notebooks now point to {arguments[0]}.")
    print(f"Commit and push: {workflow.PATH} publishes the site at {workflow.site(arguments[0])}")
    print("Once, in the repository's settings on GitHub, choose GitHub Actions as the source of Pages.")


if __name__ == "__main__":
    main(sys.argv[1:])
