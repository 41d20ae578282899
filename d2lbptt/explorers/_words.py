"""What is said under a picture, and numbers in words."""

import math
import re
from typing import NamedTuple

from ..figures._style import short


class Said(NamedTuple):
    """What is said of a picture. Symbols stand between dollars, in a little of TeX: ``$|dL/dh_1|$``, ``$10^{-19}$``.

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


def ratio(decades):
    """Return 10^decades in words, also where no float can hold it."""
    if -2 <= decades < 2:
        return f"{10**decades:.2g}"
    return f"{10**decades:.1e}" if abs(decades) < 300 else f"10^{decades:.0f}"


def size(number):
    """Return a number with two places, or with as many as tell it from 1."""
    if not 0.1 <= number < 100:
        return f"{number:.3g}"
    words = (f"{number:.{places}f}" for places in range(2, 9))
    return next((found for found in words if float(found) != 1), "1")


def counted(number, word):
    """Return a number, or the text of one, and its noun, which has an s for all but 1."""
    return f"{number} {word}{'s' * (str(number) != '1')}"


def amount(decades):
    """Return 10^decades in few signs, with a power of ten in TeX where it is far from 1."""
    if math.isinf(decades):
        return "exactly 0"
    if -3 <= decades < 4:
        return short(10**decades)
    exponent = math.floor(decades)
    mantissa = f"{10 ** (decades - exponent):.0f}"
    if mantissa == "10":
        exponent, mantissa = exponent + 1, "1"
    times = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return f"${times}10^{{{exponent}}}$"


SAME = math.log10(1.005)  # decades


def whole_power(decades):
    """Return 10^decades in one word: far from 1 a whole power, as the axis counts."""
    return amount(decades) if abs(decades) < 3 else f"$10^{{{decades:.0f}}}$"


def fate(change):
    """Return what becomes of a gradient that changes by so many decades on its way."""
    if change == -math.inf:
        return "becomes exactly 0"
    if abs(change) < SAME:
        return "keeps its size"
    return f"{'shrinks' if change < 0 else 'grows'} {whole_power(abs(change))}-fold"


def typeset(number, digits=3):
    """Return a number in few characters, with a power of ten where it is very large or small; not between dollars."""
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return short(number, digits)
    mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"


def percent(share):
    """Return a share in per cent, in few characters."""
    return f"{typeset(100 * share)} %"


def texed(symbol):
    """Return a symbol such as W_hh with its subscript in braces where it needs them, to stand between dollars."""
    letter, _, below = symbol.partition("_")
    return f"{letter}_{{{below}}}" if len(below) > 1 else symbol


def tex(value, digits=3):
    """Return a number in a little of TeX, with a power of ten where that is shorter."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value + 0.0:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return _times_ten_to(float(mantissa), int(exponent), digits)


def power(decades, digits=2):
    """Return 10^decades in a little of TeX, also where no float can hold it."""
    if -3 <= decades < 5:
        return tex(10**decades, digits)
    exponent = math.floor(decades)
    return _times_ten_to(10 ** (decades - exponent), exponent, digits)


def _times_ten_to(mantissa, exponent, digits):
    words = f"{mantissa:.{digits - 1}f}"
    if words.startswith("10"):
        return _times_ten_to(mantissa / 10, exponent + 1, digits)
    return f"10^{{{exponent}}}" if float(words) == 1 else f"{words} \\cdot 10^{{{exponent}}}"


_INDEXED = r"\b(?:[A-Za-z]+/)?[A-Za-z]+_(?:\{[^}]*\}|[A-Za-z0-9]+)(?:\^[A-Za-z0-9])?"  # h_{t-1}, dL/dW_hh, W_hh^T
_PLAIN = re.compile(rf"(?P<slope>phi'(?:\({_INDEXED}\))?)|(?P<symbol>{_INDEXED})|(?P<number>\d(?:\.\d+)?e[-+]\d+)")


def from_plain(text):
    """Return plain text, such as the hint of a report, with its symbols and numbers in a little of TeX."""

    def in_tex(found):
        if found["number"]:
            digits = found[0].partition("e")[0].replace(".", "")
            return f"${tex(float(found[0]), len(digits))}$"
        symbol = re.sub(r"_([A-Za-z0-9]{2,})", r"_{\1}", found[0]).replace("phi", r"\phi")
        return f"${symbol}$"

    return _PLAIN.sub(in_tex, text)
