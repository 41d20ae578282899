"""The numbers of a text, for tests of what it says."""

import re

import numpy as np

NUMBER = re.compile(r"10\^\{(-?\d+)\}|(\d+(?:\.\d+)?)(?![\d.]*-fold of)")


def numbers(text):
    """The numbers of a text, each with half a unit of its last digit, or half a decade; no index of a symbol is one."""
    text = re.sub(r"_\{?\w+\}?", "", text)
    for power, plain in NUMBER.findall(text):
        yield (10.0 ** int(power), None) if power else (float(plain), 0.5 * 10.0 ** -len(plain.partition(".")[2]))


def agrees(found, number, half):
    if half is None:
        return found > 0 and abs(np.log10(found) - np.log10(number)) <= 0.5
    return abs(found - number) <= half * (1 + 1e-9)
