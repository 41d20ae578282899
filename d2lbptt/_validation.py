"""What comes in from outside, looked at once: each complaint names the symbol, what came, what was wanted.

Every public function takes its arguments through one of these doors. They return the value in the form in which the
function calculates, or raise TypeError (another kind of thing) or ValueError (the right kind, but not this one).
"""

from __future__ import annotations

import cmath
import math
import numbers
import operator
import os
import reprlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

Shape = tuple[int | None, ...]  # None stands for any size but zero
SMALL = 2**20  # bytes that every machine has
_DTYPES = (np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble)


class Overflow(FloatingPointError):
    """A number left the range of its dtype; ``t`` is the time step at which it first did.

    Going forwards that is the smallest t, going backwards the largest.
    """

    def __init__(self, what, dtype, t, going="first at"):
        super().__init__(f"{what} overflows {dtype}, {going} t = {t}")
        self.t = t


def shown(value: Any) -> str:
    """Return a value as text that is short, however large it is."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = int(value)
        # Python refuses to write out whole numbers of many digits.
        return str(value) if abs(value) < 10**30 else f"{'-' * (value < 0)}10**{int(math.log10(abs(value)))} or more"
    try:
        return reprlib.repr(value)
    except Exception:
        return f"a {type(value).__name__}"


# --- words and flags ---


def one_of(symbol: str, value: Any, choices: Iterable[str]) -> str:
    """Return value if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{symbol} is {shown(value)}, wanted one of {', '.join(choices)}")
    return value


def flag(symbol: str, value: Any) -> bool:
    """Return value as a bool if it is one."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{symbol} is {shown(value)}, wanted True or False")
    return bool(value)


def instance(symbol, value, kind, wanted=None):
    """Return value if it is an instance of a class, or of one of several."""
    if not isinstance(value, kind):
        wanted = wanted or (kind.__name__ if isinstance(kind, type) else " or ".join(k.__name__ for k in kind))
        raise TypeError(f"{symbol} is a {type(value).__name__}, wanted {wanted}")
    return value


def function(symbol: str, value: Any) -> Callable:
    """Return value if it can be called."""
    if not callable(value):
        raise TypeError(f"{symbol} is {shown(value)}, wanted a function")
    return value


def generator(symbol: str, value: Any) -> np.random.Generator:
    """Return value if it is a NumPy generator of random numbers."""
    return instance(symbol, value, np.random.Generator, "a numpy.random.Generator")


def at_most_one(**given: Any) -> None:
    """Complain if more than one of several things is given."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        words = f"{', '.join(names[:-1])} and {names[-1]} are {'both' if len(names) == 2 else 'all'} given"
        raise ValueError(f"{words}, wanted at most one of them")


# --- single numbers ---


def whole_number(symbol: str, value: Any, low: int, high: int | None = None, high_name: str | None = None) -> int:
    """Return value as an int if it is a whole number from low to high."""
    bounds = f"from {low} on" if high is None else f"from {low} to {high_name or ''}{high}"
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{symbol} is {shown(value)}, wanted a whole number {bounds}")
    if number < low or (high is not None and number > high):
        raise ValueError(f"{symbol} is {shown(number)}, wanted a whole number {bounds}")
    return number


def seed(symbol: str, value: Any) -> int:
    """Return value as an int if it can be the seed of a random generator."""
    return whole_number(symbol, value, 0)


def real_number(
    symbol: str,
    value: Any,
    *,
    above: float | None = None,
    low: float | None = None,
    high: float | None = None,
    below: float | None = None,
) -> float:
    """Return value as a finite float, within the bounds: above < value, low <= value <= high, value < below."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{symbol} is {shown(value)}, wanted a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{symbol} is {shown(value)}, wanted a number in the range of float64") from None
    if not math.isfinite(number):
        raise ValueError(f"{symbol} is {number}, wanted a finite number")
    bounds = {"above": above, "from": low, "up to": high, "below": below}
    fits = (above is None or number > above) and (low is None or number >= low)
    fits = fits and (high is None or number <= high) and (below is None or number < below)
    if not fits:
        words = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
        raise ValueError(f"{symbol} is {number!r}, wanted a number {words}")
    return number


def number(symbol: str, value: Any) -> float | complex:
    """Return value as a finite float or, if it is complex, as a finite complex number; also from an array of one."""
    if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, numbers.Real) or not isinstance(value, numbers.Complex):
        return real_number(symbol, value)
    if not cmath.isfinite(value):
        raise ValueError(f"{symbol} is {value}, wanted a finite number")
    return complex(value)


def probability(symbol: str, value: Any) -> float:
    """Return value as a float if it is above 0 and at most 1."""
    number = real_number(symbol, value)
    if not 0 < number <= 1:
        raise ValueError(f"{symbol} is {number}, wanted above 0 and at most 1")
    return number


# --- arrays ---


def array(symbol: str, value: Any) -> np.ndarray:
    """Return value as a plain array; a mask or a recorded gradient is not dropped in silence."""
    try:
        _nothing_is_dropped(symbol, value)
        found = np.asarray(value)
    except _Dropped:
        raise
    except (ValueError, RecursionError):
        raise ValueError(f"{symbol} is ragged, wanted an array of numbers") from None
    except Exception as error:  # whatever another library's __array__ raises
        name = type(value).__name__
        raise TypeError(f"{symbol} is a {name} that NumPy cannot read ({error}), wanted an array of numbers") from None
    return found if found.dtype.isnative else found.astype(found.dtype.newbyteorder("="))


class _Dropped(TypeError):
    """NumPy would leave out a part of what came in, without a word."""


def _nothing_is_dropped(symbol, value):
    if isinstance(value, (list, tuple)):
        for part in value:
            if type(part) not in (float, int):
                _nothing_is_dropped(symbol, part)
    elif isinstance(value, np.ma.MaskedArray):
        raise _Dropped(f"{symbol} is a masked array, wanted a plain one: fill it, or leave out what is masked")
    elif getattr(value, "requires_grad", False) is True:
        raise _Dropped(f"{symbol} is a tensor that requires a gradient, wanted plain numbers: detach() it")


def numeric(symbol: str, value: Any) -> np.ndarray:
    """Return value as an array of whole, float32, float64 or complex numbers."""
    found = array(symbol, value)
    if found.dtype.kind not in "iu" and found.dtype not in _DTYPES:
        raise TypeError(f"{symbol} has dtype {found.dtype}, wanted float32, float64 or complex numbers")
    return found


def real(symbol: str, value: Any) -> np.ndarray:
    """Return value as an array of real numbers."""
    found = numeric(symbol, value)
    if np.iscomplexobj(found):
        raise TypeError(f"{symbol} has dtype {found.dtype}, wanted real numbers")
    return found


def all_real(**given: Any) -> None:
    """Complain about the one that is complex, of what has turned out to be arrays of numbers, or None."""
    for symbol, value in given.items():
        if value is not None:
            real(symbol, value)


def whole(symbol: str, value: Any) -> np.ndarray:
    """Return value as an array of whole numbers."""
    found = array(symbol, value)
    if found.dtype.kind not in "iu":
        raise TypeError(f"{symbol} has dtype {found.dtype}, wanted whole numbers")
    _not_too_large(symbol, found)
    return found


def common_dtype(arrays: Iterable[np.ndarray]) -> np.dtype:
    """Return the dtype to calculate in: whole numbers take that of the rest, or float64."""
    return np.result_type(*([a.dtype for a in arrays if a.dtype.kind not in "iu"] or [np.dtype(float)]))


def widest(*arrays: np.ndarray) -> list[np.ndarray]:
    """Return arrays in the dtype that holds them all, where whole numbers count as float64."""
    dtype = np.result_type(*(np.float64 if a.dtype.kind in "iu" else a.dtype for a in arrays))
    return [a.astype(dtype, copy=False) for a in arrays]


def float_dtype(symbol: str, value: Any) -> np.dtype:
    """Return value as a dtype if it is float32 or float64."""
    try:
        found = np.dtype(value) if isinstance(value, (type, str, np.dtype)) else None
    except Exception:  # NumPy has many words for what is no dtype
        found = None
    if found not in (np.float32, np.float64):
        raise TypeError(f"{symbol} is {shown(value) if found is None else found}, wanted float32 or float64")
    return found


def shaped(symbol: str, array: np.ndarray, wanted: Shape, names: str) -> np.ndarray:
    """Return array if its shape is the wanted one, where None stands for any size but zero."""
    if not _fits(array.shape, wanted):
        turned = _turned(array.shape)
        if _fits(turned, wanted):
            names, wanted = names.partition(" with ")[0], turned
        sizes = "" if None in wanted else f" = {tuple(wanted)}"
        raise ValueError(f"{symbol} has shape {array.shape}, wanted {names}{sizes}{misfit(array.shape, wanted)}")
    return array


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(n > 0 and m in (None, n) for n, m in zip(shape, wanted, strict=True))


def _turned(shape):
    return (*shape[:-2], *shape[:-3:-1])


def misfit(shape: tuple[int, ...], wanted: Shape) -> str:
    """Return what may be wrong with a shape that does not fit: it is turned, or a column or a row; or nothing."""
    if _fits(_turned(shape), wanted):
        return ": yours looks transposed"
    if len(shape) == 2 and 1 in shape and _fits((shape[0] * shape[1],), wanted):
        return f": a {'column' if shape[1] == 1 else 'row'}; ravel it"
    return ""


@np.errstate(over="ignore", invalid="ignore")  # as a decorator it takes half the time
def is_finite(*arrays: np.ndarray) -> bool:
    """Say whether all entries of all arrays are finite."""
    for a in arrays:
        # One product is faster than a look at each number, and is finite only if all of them are.
        if not (cmath.isfinite(np.vdot(a, a)) or np.isfinite(a).all()):
            return False
    return True


def finite(symbol: str, array: np.ndarray) -> np.ndarray:
    """Return array if all its entries are finite."""
    _not_too_large(symbol, array)
    if not is_finite(array):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{symbol} is {array[index]} at index {index}, wanted finite numbers")
    return array


def _not_too_large(symbol, array):
    # A broadcast view may be larger than the memory: nothing could be calculated with it.
    fits_in_memory(symbol, math.prod(array.shape), array.dtype, f"shape {array.shape}")


def real_array(symbol: str, value: Any, wanted: Shape, names: str) -> np.ndarray:
    """Return value as an array of finite real numbers, of the wanted shape (see ``shaped``)."""
    return finite(symbol, shaped(symbol, real(symbol, value), wanted, names))


def series(symbol: str, value: Any, names: str = "(n,)") -> np.ndarray:
    """Return value as a row of finite float64 numbers."""
    return real_array(symbol, value, (None,), names).astype(float)


def square(symbol: str, value: Any, names: str = "(n, n)") -> np.ndarray:
    """Return value as a square matrix of finite float64 numbers."""
    found = real(symbol, value)
    n = found.shape[0] if found.ndim else 1
    return real_array(symbol, found, (n, n), names).astype(float)


# --- sizes ---


def fits_in_memory(symbol: str, count: int, dtype: DTypeLike, why: str) -> None:
    """Refuse an array that could never fit, before the machine starts to swap."""
    need = count * np.dtype(dtype).itemsize
    have = _memory() if need > SMALL else SMALL  # to ask the system takes longer than a short pass does
    if need > have:
        raise ValueError(
            f"{symbol} would take {_bytes(need)} bytes ({why}), wanted no more than the {have:,} bytes of memory here"
        )


def _bytes(need):
    return f"{need:,}" if need < 10**30 else shown(need)


def _memory():
    """Return the bytes of the machine, or what this process or its container may have of them."""
    return min(found for found in (_of_the_machine(), _of_the_process(), _of_the_container()) if found > 0)


def _of_the_machine():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**47  # no sysconf on Windows: all that a process can address there


def _of_the_process():
    try:
        import resource  # not on Windows, and in a browser it is empty

        return resource.getrlimit(resource.RLIMIT_AS)[0]
    except (ImportError, AttributeError, ValueError, OSError):
        return 0


@cache
def _of_the_container():
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # not Linux, or no limit
        return 0
