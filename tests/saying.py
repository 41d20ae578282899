"""What is said under a picture, taken apart again: its numbers, its length, and what has no place in it."""

import re


def number(words):
    """The number that words in a little of TeX stand for."""
    words = words.strip("$")
    if words == "exactly 0":
        return 0.0
    digits, power, exponent = words.partition("10^{")
    if not power:
        return float(words)
    return float(digits.removesuffix(" \\cdot ") or 1) * 10.0 ** int(exponent[:-1])


def plain(text):
    """The text as a page without mathematics shows it."""
    return re.sub(r"[${}]", "", text)


def is_short_and_clean(said):
    """No more than 30 words in the sentence, and no number in it or in the details as only a program writes it."""
    words = [word for word in plain(said.sentence).split() if any(c.isalnum() for c in word)]
    text = plain(" ".join((said.sentence, *said.details)))
    return len(words) <= 30 and not re.search(r"\bnan\b|\binf\b|\d[eE][-+]?\d", text)
