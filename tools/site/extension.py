"""What Sphinx does differently for this site: players where they are needed, no solutions in the search."""

from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx

PLAYER = 'class="d2l-player"'


def add_players(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Let a page load the script of the players only where it has one."""
    if PLAYER in context.get("body", ""):
        app.add_js_file("players/players.js", loading_method="defer")
        app.add_css_file("players/players.css")


def hide_solutions(app: Sphinx, doctree) -> None:
    """Keep what is solved out of the search, where it would give answers away."""
    if app.env.docname.startswith("solutions/"):
        app.env.metadata[app.env.docname]["nosearch"] = True


def setup(app: Sphinx) -> dict:
    """Connect all of it; pages are read anew where this machinery has changed."""
    state = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    app.add_config_value("d2lbptt_machinery", sha256(state).hexdigest(), "env")
    app.connect("html-page-context", add_players)
    app.connect("doctree-read", hide_solutions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
