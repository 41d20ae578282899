r"""Symbols in the words of answers as formulas: ``h_{t-1}`` becomes ``$\mathbf h_{t-1}$`` where words are typeset."""

import re

INDEX = r"_(?:\{[^}]*\}|\([^)]*\)|[A-Za-z]+|\d+)"
SYMBOL = rf"[A-Za-z]{INDEX}(?:\^\d)?"
RANGE = r"(?:[ijt] = )?[\w+-]+ \.\. [tT\d]\b"
ALONE = r"(?<![\w'])[TtijwgflkvxW](?![\w'(]|\.\w)"
EQUAL = rf"(?:{SYMBOL}|[Ttgij])(?: - [jk])? (?:=|<=|<) [\w.]+(?<!\.)(?![\w.]*/)"
PATTERN = re.compile(
    "|".join(
        [
            r"\$[^$]*\$",  # a formula already
            rf"d(?:[a-zA-Z]{INDEX}|L)/d(?:[a-zA-Z]{INDEX}|w)",
            r"(?:phi|theta)'\(h_[tT]\)",
            r"[fg]\((?:[^()]*_[^()]*)\)",
            r"\([dhq, ]+\) = \([\d, ]+\)",
            rf"\[(?:1|{SYMBOL}), {SYMBOL}\]",
            rf"w\^\([^)]*\) {SYMBOL}",
            r"T\(T-1\)/2|T\^3/6|1/T(?!\w)|T \+ 1|j - 1",
            RANGE,
            rf"h_t = f\([^)]*\)|{EQUAL}",
            rf"(?:1 - )?{SYMBOL}",
            ALONE,
            r"(?<![\w'$\\])(?:theta|phi|tau)(?![\w'])",
        ]
    )
)
SIGNS = (
    (r"\(([^()]*)\)(?=_)", r"\1"),
    (r"([\^_])\(([^)]*)\)", r"\1{\2}"),  # w^(t-j) h_(j-1)
    (rf"^d({SYMBOL}|L)/d(.*)$", r"\\partial \1/\\partial \2"),
    (r"\b(phi|theta|tau)\b", r"\\\1"),
    (r"_([A-Za-z]{2,}|\d{2,})", r"_{\1}"),
    (r" \.\. ", r", \\dots, "),
    (r"<=", r"\\le"),
)


def typeset(words: str, bold: bool) -> str:
    """Return the words with every symbol between dollars; with ``bold`` states, inputs and biases are vectors."""
    return PATTERN.sub(lambda found: found[0] if found[0].startswith("$") else f"${_tex(found[0], bold)}$", words)


def _tex(symbol, bold):
    for pattern, sign in SIGNS:
        symbol = re.sub(pattern, sign, symbol)
    letters = "Wbhoxz" if bold and "w^" not in symbol else "W"
    return re.sub(rf"(?<![A-Za-z\\])([{letters}])(?=_)", r"\\mathbf \1", symbol)
