"""What is said under a picture, and numbers in words."""

import math
import re
from typing import NamedTuple


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


def powers_of_ten(text):
    """Return a text in which numbers such as 1.2e-07 have a power of ten."""
    return re.sub(r"\d(?:\.\d+)?e[-+]\d+", lambda found: f"${tex(float(found[0]), len(found[0].split('e')[0]))}$", text)
