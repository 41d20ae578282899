"""The story of the start page: from site/story/story.toml to HTML, and a picture for each step.

Without script it is text with pictures; ``site/story/story.js`` makes one figure of them, which moves. A key, an
explorer or a setting that is not there is a ValueError that names the place.
"""

from __future__ import annotations

import html
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from d2lbptt import explorers
from d2lbptt._typeset import as_html
from tools.site import pictures

FOLDER = Path(__file__).resolve().parents[2] / "site" / "story"
SOURCE, STATIC = FOLDER / "story.toml", "_static/story"
PAGE = """\
---
html_theme.sidebar_secondary.remove: true
---
# {title}

```{{raw}} html
<link rel="stylesheet" href="_static/players/players.css">
<link rel="stylesheet" href="{static}/story.css">
{body}
<script defer src="_static/players/players.js"></script>
<script defer src="{static}/story.js"></script>
```
"""
Write = Callable[[str, str | bytes], None]  # a file of the sources, by its name there


@dataclass(frozen=True)
class Look:
    """Another state of a step's picture, and the words on the button that shows it."""

    words: str
    set: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One claim, and the state of an explorer that shows it."""

    title: str
    explorer: str
    set: Mapping[str, Any]
    text: list[str]
    tall: list[int]
    look: Look | None = None


@dataclass(frozen=True)
class Link:
    """Where to go on."""

    words: str
    to: str
    text: str


@dataclass(frozen=True)
class End:
    """What comes after the last step."""

    title: str
    text: list[str]
    code: str
    links: list[Link]


@dataclass(frozen=True)
class Story:
    """All of it."""

    title: str
    lead: list[str]
    steps: list[Step]
    end: End


@dataclass(frozen=True)
class Still:
    """Pictures of a state, with panels beside and below one another, their sizes, and what is seen in them."""

    wide: str
    tall: str
    wide_size: tuple[float, float]
    tall_size: tuple[float, float]
    seen: str


# --- reading ---


def read(text: str) -> Story:
    """Return the story of the text of a TOML file, if all that it names is there; `draw` sets the explorers."""
    table = tomllib.loads(text)
    steps = [_step(entry, f"step {number}") for number, entry in enumerate(table.get("step", []), 1)]
    end = table.get("end", {})
    end = _made(End, end | {"links": [_made(Link, link, "link") for link in end.get("links", [])]}, "the end")
    rest = {key: value for key, value in table.items() if key != "step"}
    return _made(Story, rest | {"steps": steps, "end": end}, "the story")


def _step(entry, where):
    look = entry.get("look")
    step = _made(Step, entry | {"look": look and _made(Look, look, f"{where}: look")}, where)
    if step.explorer not in explorers.__all__:
        raise ValueError(f"{where}: explorer is {step.explorer!r}, wanted one of {', '.join(explorers.__all__)}")
    return step


def _made(kind, entry, where):
    known = {field.name for field in fields(kind)}
    if unknown := entry.keys() - known:
        raise ValueError(f"{where} has {', '.join(sorted(unknown))}, wanted only {', '.join(sorted(known))}")
    try:
        return kind(**entry)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


# --- pictures that stand still ---


def draw(story: Story, write: Write) -> list[Still]:
    """Write the pictures of all steps, and return them."""
    return [_still(step, number, write) for number, step in enumerate(story.steps, 1)]


def _still(step, number, write):
    explorer, sizes = getattr(explorers, step.explorer)(), []
    files = [f"{STATIC}/step-{number}.svg", f"{STATIC}/step-{number}-tall.svg"]
    try:
        explorer.set(**step.set)
        for narrow, name in enumerate(files):
            explorer.arrange(bool(narrow))
            write(name, pictures.svg(explorer))
            sizes.append((explorer.answer["width"], explorer.answer["height"]))
        return Still(*files, *sizes, explorer.state["sentence"])
    finally:
        explorer.close()


# --- HTML ---


def markup(story: Story, stills: list[Still]) -> str:
    """Return the body of the page below its heading."""
    number = len(story.steps)
    steps = [
        _section(i, number, step, still) for i, (step, still) in enumerate(zip(story.steps, stills, strict=True), 1)
    ]
    parts = ['<div class="story">', f'<div class="story-lead">{_text(story.lead)}</div>']
    parts += ['<div class="story-body">', '<div class="story-steps">', *steps, "</div>", "</div>", _end(story.end)]
    return "\n".join([*parts, "</div>"])


def _section(i, number, step, still):
    top, bottom = step.tall
    shape = f"--top:{top};--bottom:{bottom};--height:{still.tall_size[1]:g}"
    attributes = f'data-name="{step.explorer}" data-set="{_json(step.set)}" style="{shape}"'
    look = step.look and f'<p class="story-look" data-set="{_json(step.look.set)}">{as_html(step.look.words)}</p>'
    parts = (
        f'<section class="story-step" id="step-{i}" aria-labelledby="title-{i}" {attributes}>',
        f'<p class="story-count">{i} of {number}</p>',
        f'<h2 id="title-{i}">{as_html(step.title)}</h2>',
        _picture(still),
        _text(step.text),
        look or "",
        _ways(i, number),
        "</section>",
    )
    return "\n".join(filter(None, parts))


def _picture(still):
    wide, tall = (f'width="{width:g}" height="{height:g}"' for width, height in (still.wide_size, still.tall_size))
    return (
        f'<figure class="story-still"><picture><source media="(max-width: 639px)" srcset="{still.tall}" {tall}>'
        f'<img src="{still.wide}" alt="{html.escape(still.seen)}" loading="lazy" {wide}></picture></figure>'
    )


def _ways(i, number):
    before = f'<a href="#step-{i - 1}">Previous step</a>' if i > 1 else ""
    after = f'<a href="#step-{i + 1}">Next step</a>' if i < number else '<a href="#story-end">Next: your own</a>'
    return f'<nav class="story-ways" aria-label="from step {i}">{before}{after}</nav>'


def _end(end):
    links = "".join(f'<li><a href="{link.to}">{link.words}</a>: {as_html(link.text)}.</li>' for link in end.links)
    return (
        f'<section class="story-end" id="story-end" aria-labelledby="title-end"><h2 id="title-end">{end.title}</h2>'
        f"{_text(end.text)}<pre><code>{html.escape(end.code)}</code></pre><ul>{links}</ul></section>"
    )


def _text(paragraphs):
    return "\n".join(map(_paragraph, paragraphs))


def _paragraph(text):
    if text.startswith("$$"):
        return f'<p class="story-formula">{as_html(text[1:-1])}</p>'
    return f"<p>{as_html(text)}</p>"


def _json(values):
    return html.escape(json.dumps(values), quote=True)


# --- the page ---


def page(write: Write) -> str:
    """Write pictures, script and style among the sources of the site, and return the text of the start page."""
    story = read(SOURCE.read_text(encoding="utf-8"))
    for name in ("story.js", "story.css"):
        write(f"{STATIC}/{name}", (FOLDER / name).read_bytes())
    return PAGE.format(title=story.title, static=STATIC, body=markup(story, draw(story, write)))
