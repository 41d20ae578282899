"""What is said under a picture, and numbers in words."""

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
