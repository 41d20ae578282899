r"""Words with symbols between dollars, as HTML for the page and as plain text for those who hear it.

A little of TeX is enough for a letter with its index or power: ``$|dL/dh_{200}|$``, ``$\sigma_{max}$``,
``$10^{-19}$``.
"""

from __future__ import annotations

import html
import re

_GREEK = "alpha beta gamma delta varepsilon eta theta lambda mu xi pi rho sigma tau phi"
_SIGNS = dict(zip(_GREEK.split(), "αβγδεηθλμξπρστφ", strict=True))
_SIGNS |= {"cdot": "·", "le": "≤", "ge": "≥", "approx": "≈", "partial": "∂", "infty": "∞", "times": "×", "pm": "±"}
_SIGNS |= {"top": "⊤", "Vert": "‖", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "odot": "⊙"}
_UPRIGHT = {"max", "min", "log", "exp"}
_TOKEN = re.compile(r"(?P<script>[_^])(?:\{(?P<group>[^}]*)\}|(?P<one>.))|(?P<letters>[^\W\d_]+)|.")


def as_html(text: str) -> str:
    """Return the text as HTML: letters of mathematics as ``<var>``, indices and powers as ``<sub>`` and ``<sup>``."""
    return _each_part(text, html.escape, _formula)


def as_plain(text: str) -> str:
    """Return the text without marks: ``h_200``, ``10^-19``."""
    return _each_part(text, str, lambda tex: _signs(tex).replace("{", "").replace("}", ""))


def _each_part(text, of_words, of_symbols):
    parts = text.split("$")
    return "".join(of_symbols(part) if i % 2 else of_words(part) for i, part in enumerate(parts))


def _signs(tex):
    tex = re.sub(r"\\(?!mathbf)([A-Za-z]+)", lambda found: _SIGNS.get(found[1], found[1]), tex)
    return re.sub(r"\\mathbf(?:\{(\w+)\}| ?)", r"\1", tex)  # bold type is for the page of formulas


def _formula(tex):
    return f'<span class="d2l-math">{_marked(_signs(tex))}</span>'


def _marked(tex):
    return "".join(map(_token, _TOKEN.finditer(tex)))


def _token(found):
    if found["script"]:
        tag = "sub" if found["script"] == "_" else "sup"
        inside = found["group"] if found["group"] is not None else found["one"]
        return f"<{tag}>{_marked(inside)}</{tag}>"
    if found["letters"] and found["letters"] not in _UPRIGHT:
        return f"<var>{found['letters']}</var>"
    return html.escape(found[0].replace("-", "−"))
