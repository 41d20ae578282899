"""A page for each explorer, and one with all of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import quote

from d2lbptt import explorers
from d2lbptt._typeset import as_html
from d2lbptt.explorers._words import from_plain
from d2lbptt.explorers.front_end import Explorer

PICTURE = "_static/explorers/{}.svg"
INDEX = """\
# Explorers

Each answers one question, by a picture that moves with its sliders. In the notebooks, where Python runs, all controls
move, and some explorers take a network of your own; here two controls of each move, and what they show was computed
beforehand.

<ul class="d2l-gallery">
{cards}
</ul>

```{{toctree}}
:hidden:

{pages}
```
"""
CARD = """\
<li><a href="{name}.html"><img src="../{picture}" alt="" loading="lazy"><strong>{question}</strong></a>
<span>{line}</span></li>"""
PAGE = """\
---
html_theme.sidebar_secondary.remove: true
---
# {question}

<figure class="d2l-player" data-name="{name}" data-address>
<img src="../{picture}" alt="{alt}"><figcaption>{sentence}<ul>{details}</ul></figcaption>
</figure>

{presets}{line} <a href="../present.html?show={name}">Show it on the whole screen.</a>

## Where it is used

{users}

## As Python

In a notebook this explorer is `bptt.explorers.{name}()`. What it shows at the start are the numbers of

```python
{code}
```
"""


def plain(words: str) -> str:
    """Words of the front end, which are HTML, as text: Mᵏ x, hₜ, a^b, a_b."""
    words = words.replace("<sup><var>k</var></sup>", "ᵏ").replace("<sub><var>t</var></sub>", "ₜ")
    for tag, sign in (("sup", "^"), ("sub", "_")):
        words = words.replace(f"<{tag}>", sign)
    return unescape(re.sub(r"<[^>]*>", "", words))


def question(explorer: Explorer) -> str:
    """What an explorer answers, as text."""
    return plain(explorer.spec["question"])


def line(name: str) -> str:
    """What an explorer is for, in one sentence of HTML: the first of its docstring."""
    first = inspect.cleandoc(getattr(explorers, name).__doc__).split("\n\n")[0]
    return as_html(from_plain(" ".join(first.split())))


def index(made: Mapping[str, Explorer]) -> str:
    """The page with all explorers: a picture, a question and a sentence for each."""
    cards = [
        CARD.format(name=name, picture=PICTURE.format(name), question=one.spec["question"], line=line(name))
        for name, one in made.items()
    ]
    return INDEX.format(cards="\n".join(cards), pages="\n".join(f"{name.replace('_', ' ')} <{name}>" for name in made))


def page(name: str, explorer: Explorer, users: Mapping[str, str]) -> str:
    """The page of an explorer at its start; `users` has the titles of the notebooks that show it, by name."""
    links = [f"- [{title}](../notebooks/{notebook}.ipynb)" for notebook, title in users.items()]
    return PAGE.format(
        name=name,
        question=question(explorer),
        line=line(name),
        picture=PICTURE.format(name),
        alt=escape(explorer.state["sentence"]),
        sentence=explorer.answer["sentence"],
        presets=_presets(explorer),
        details="".join(f"<li>{text}</li>" for text in explorer.answer["details"]),
        users="\n".join(links) or "No notebook shows it.",
        code=explorer.code.strip(),
    )


def _presets(explorer):
    if not explorer.presets:
        return ""
    links = [f'<a href="#preset={quote(name)}">{escape(name)}</a>' for name in explorer.presets]
    return f'<p class="d2l-presets">Go to: {" ".join(links)}</p>\n\n'
