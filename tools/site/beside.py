"""The line below a title: where a notebook runs, and its handout, if there are any; and the way to the stage."""

from pathlib import PurePosixPath

from sphinx.application import Sphinx

from tools import badges, bootstrap, notebooks
from tools.site import handout

LIVE = "<!-- live -->"  # where a page has its link to the kernel in the browser, if there is one
STAGE = '<p class="beside"><a href="present.html">Present the lectures, full screen</a></p>'
FOLDERS = {"notebooks": "notebooks", "solutions": "notebooks/solutions"}  # of pages, and of the files that they show

SOME_MOVE = (
    '<p class="some-move">On this page one or two controls of each explorer move, and the others are grey. '
    "Where a prediction asks for a grey one, run the notebook, or open the answer.</p>"
)


def line(page: str, repo: str | None) -> str:
    """The line of a page, as in "notebooks/04_bptt_by_hand"; `repo` is the published owner/name, or None."""
    folder, name = page.split("/")
    file = PurePosixPath(FOLDERS[folder], f"{name}.ipynb")
    places = {"Open in Binder": badges.binder_url, "Open in Colab": badges.colab_url} if repo else {}
    links = "".join(f'<a href="{url(repo, file)}">{words}</a>' for words, url in places.items())
    return f'<p class="beside">{handout.PLACED.format("") if folder == "notebooks" else ""}{LIVE}{links}</p>'


def place(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Put the line where it belongs, on the page of a notebook and that for teachers; say that not all moves there."""
    if page.split("/")[0] in FOLDERS:
        repo = badges.repo(bootstrap.address(notebooks.ROOT))
        moves = SOME_MOVE if 'class="d2l-player"' in context["body"] else ""
        _below_title(context, line(page, repo) + moves)
    elif page == "teaching":
        _below_title(context, STAGE)


def _below_title(context, line):
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def setup(app: Sphinx) -> dict:
    """Connect it to Sphinx."""
    app.connect("html-page-context", place)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
