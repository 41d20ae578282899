"""What is said under a picture, and numbers in words."""

import math
import re
from typing import NamedTuple

from ..figures._style import short


class Said(NamedTuple):
    """What is said of a picture. Symbols stand between dollars, in a little of TeX: ``$|∂L/∂h_1|$``, ``$10^{-19}$``.

    Attributes
    ----------
    sentence : str
        What is seen, in at most 30 words.
    details : tuple of str
        Theory, conditions and evidence, a short line each.
    """

    sentence: str
    details: tuple[str, ...] = ()


MEANINGFUL = 3  # decades between "about the same size" and "vanishing" or "exploding"


def verdict(change):
    """Return the word for a change by so many decades; three make a difference."""
    if abs(change) < MEANINGFUL:
        return "neither vanishing nor exploding"
    return "vanishing" if change < 0 else "exploding"


SAME = math.log10(1.005)  # decades


def fate(change):
    """Return what becomes of a gradient that changes by so many decades on its way."""
    if change == -math.inf:
        return "becomes exactly 0"
    if abs(change) < SAME:
        return "keeps its size"
    return f"{'shrinks' if change < 0 else 'grows'} {power(abs(change), digits=0)}-fold"


def counted(number, word):
    """Return a number, or the text of one, and its noun, which has an s for all but 1."""
    return f"{number} {word}{'s' * (str(number) != '1')}"


def symbol(name):
    """Return a name such as W_hh with its index in braces where it needs them, to stand between dollars."""
    letter, _, below = name.partition("_")
    return f"{letter}_{{{below}}}" if len(below) > 1 else name


def number(value, digits=3):
    """Return a number, between dollars where it has a minus, or a power of ten because it is far from 1."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        words = short(value, digits)
        return words if value >= 0 else f"${words}$"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return _times_ten_to(mantissa, int(exponent))


def percent(share, digits=3):
    """Return a share in per cent."""
    return f"{number(100 * share, digits)} %"


def power(decades, digits=1):
    """Return 10^decades, also where no float can hold it: far from 1 with so many digits, or as 10 to a whole power."""
    if decades == -math.inf:
        return "exactly 0"
    if -3 <= decades < 4:
        return short(10**decades)
    if not digits:
        return _times_ten_to("1", round(decades))
    mantissa, carried = f"{10 ** (decades % 1):.{digits - 1}e}".split("e")
    return _times_ten_to(mantissa, math.floor(decades) + int(carried))


def _times_ten_to(mantissa, exponent):
    times = "" if float(mantissa) == 1 else rf"{mantissa} \cdot "
    return f"${times}10^{{{exponent}}}$"


_INDEXED = r"\b(?:[A-Za-z]+/)?[A-Za-z]+_(?:\{[^}]*\}|[A-Za-z0-9]+)(?:\^[A-Za-z0-9])?"  # h_{t-1}, dL/dW_hh, W_hh^T
_PLAIN = re.compile(rf"(?P<slope>phi'(?:\({_INDEXED}\))?)|(?P<symbol>{_INDEXED})|(?P<number>\d(?:\.\d+)?e[-+]\d+)")


def from_plain(text):
    """Return plain text, such as the hint of a report, with its symbols and numbers in a little of TeX."""

    def in_tex(found):
        if found["number"]:
            digits = found[0].partition("e")[0].replace(".", "")
            return number(float(found[0]), len(digits))
        name = re.sub(r"_([A-Za-z0-9]{2,})", r"_{\1}", found[0]).replace("phi", r"\phi").replace("dL/d", "∂L/∂")
        return f"${name}$"

    return _PLAIN.sub(in_tex, text)
