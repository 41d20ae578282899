"""What is said under a picture, and numbers in words."""

import math
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
