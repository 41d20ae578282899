"""What comes in from outside, looked at once: each complaint names the symbol, what came, what was wanted."""

import numbers
import operator
import os

import numpy as np

_DTYPES = (np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble)


class Overflow(FloatingPointError):
    """A number left the range of its dtype; ``t`` is the time step at which it first did.

    Going forwards that is the smallest t, going backwards the largest.
    """

    def __init__(self, what, dtype, t, going="first at"):
        super().__init__(f"{what} overflows {dtype}, {going} t = {t}")
        self.t = t


def one_of(symbol, value, choices):
    """Return value if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{symbol} is {value!r}, wanted one of {', '.join(choices)}")
    return value


def whole_number(symbol, value, low, high=None, high_name=None):
    """Return value as an int if it is a whole number from low to high."""
    bounds = f"from {low} on" if high is None else f"from {low} to {high_name or ''}{high}"
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{symbol} is {value!r}, wanted a whole number {bounds}") from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{symbol} is {number}, wanted a whole number {bounds}")
    return number


def real_number(symbol, value):
    """Return value as a finite float."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{symbol} is {value!r}, wanted a number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{symbol} is {number}, wanted a finite number")
    return number


def generator(symbol, value):
    """Return value if it is a NumPy generator of random numbers."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{symbol} is a {type(value).__name__}, wanted a numpy.random.Generator")
    return value


def array(symbol, value):
    """Return value as an array."""
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{symbol} is ragged, wanted an array of numbers") from None


def numeric(symbol, value):
    """Return value as an array of whole, float32, float64 or complex numbers."""
    found = array(symbol, value)
    if found.dtype.kind not in "iu" and found.dtype not in _DTYPES:
        raise TypeError(f"{symbol} has dtype {found.dtype}, wanted float32, float64 or complex numbers")
    return found


def real(symbol, value):
    """Return value as an array of real numbers."""
    found = numeric(symbol, value)
    if np.iscomplexobj(found):
        raise TypeError(f"{symbol} has dtype {found.dtype}, wanted real numbers")
    return found


def common_dtype(arrays):
    """Return the dtype to calculate in: whole numbers take that of the rest, or float64."""
    return np.result_type(*([a.dtype for a in arrays if a.dtype.kind not in "iu"] or [np.float64]))


def shaped(symbol, array, wanted, names):
    """Return array if its shape is the wanted one, where None stands for any size but zero."""
    fits = array.ndim == len(wanted) and all(n > 0 and m in (None, n) for n, m in zip(array.shape, wanted, strict=True))
    if not fits:
        sizes = "" if None in wanted else f" = {tuple(wanted)}"
        raise ValueError(f"{symbol} has shape {array.shape}, wanted {names}{sizes}")
    return array


def finite(symbol, array):
    """Return array if all its entries are finite."""
    good = np.isfinite(array)
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        raise ValueError(f"{symbol} is {array[index]} at index {index}, wanted finite numbers")
    return array


def fits_in_memory(symbol, count, dtype, why):
    """Refuse an array that could never fit, before the machine starts to swap."""
    need = count * np.dtype(dtype).itemsize
    have = _physical_memory()
    if have is not None and need > have:
        raise ValueError(
            f"{symbol} would take {need:,} bytes ({why}), wanted no more than the {have:,} bytes of memory here"
        )


def _physical_memory():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no sysconf on Windows: there the allocation itself complains
        return None
