"""The walk: every argument of every public function, with values that no reader means and some that one might.

An area's file (walk_core.py and its like) says for each function how it is called rightly (``good``), which values of
each argument are legal, and what it returns. ``hostile`` tries all VALUES in the place of each argument. A call must
return what is promised where the value is legal; elsewhere it must raise TypeError, ValueError or FloatingPointError
with a sentence of ours, that names the argument and says what was wanted.
"""

import re
import signal
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

SECONDS = 20  # what takes longer hangs


class _Tensor:
    """What NumPy meets in a torch tensor that requires a gradient, where torch is not installed."""

    requires_grad = True

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class _Refuses:
    """An object of another library that turns into no array."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array today")


def _matrix():
    with warnings.catch_warnings(action="ignore"):
        return np.asmatrix([[1.0, 2.0], [3.0, 4.0]])


VALUES = {
    "None": None,
    "True": True,
    "0": 0,
    "-1": -1,
    "3": 3,
    "0.5": 0.5,
    "nan": np.nan,
    "inf": np.inf,
    "1e308": 1e308,
    "1j": 1j,
    "10**30": 10**30,
    "10**400": 10**400,
    "-10**5000": -(10**5000),
    "text": "no",
    "empty text": "",
    "bytes": b"x",
    "object": object(),
    "function": lambda *args: None,
    "empty list": [],
    "empty dict": {},
    "ragged": [[1.0, 2.0], [3.0]],
    "texts": np.array(["a", "b"]),
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "objects": np.array([None, 1], object),
    "with nan": np.array([1.0, np.nan]),
    "masked": np.ma.masked_array([1.0, 2.0], [False, True]),
    "list of masked": [np.ma.masked_array([1.0, 2.0], [False, True])],
    "tensor": _Tensor(),
    "no array": _Refuses(),
    "matrix": _matrix(),
    "uint8": np.array([1, 2], np.uint8),
    "float16": np.array([1.0, 2.0], np.float16),
    "wide": np.broadcast_to(1.0, (10**7, 10**7)),
}


class Spec(NamedTuple):
    """One public function, rightly called.

    Attributes
    ----------
    function : callable
    good : dict
        Every argument of the function by name, with a legal value.
    legal : dict
        For every argument a predicate: whether a value is legal beside the other good ones.
    returns : callable
        Whether a result is what the docstring promises: ``returns(result, arguments)``.
    names : dict
        For an argument whose complaints name something else (a field of a container), those names.
    """

    function: Callable
    good: dict
    legal: dict
    returns: Callable
    names: Mapping = MappingProxyType({})


# --- which values are legal ---


def never(value):
    return False


def always(value):
    return True


def whole(low, high=np.inf):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def number(low=-np.inf, high=np.inf, *, open_low=False, open_high=False):
    def legal(value):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1.7e308:
            return False
        return (low < value if open_low else low <= value) and (value < high if open_high else value <= high)

    return legal


def choice(*choices):
    return lambda value: isinstance(value, str) and value in choices


def flag(value):
    return isinstance(value, bool)


def optional(legal):
    return lambda value: value is None or legal(value)


def either(*legal):
    return lambda value: any(one(value) for one in legal)


def shaped(*shape, dtypes="iuf"):
    """An array of finite numbers of this shape; None stands for any size."""

    def legal(value):
        if isinstance(value, str | bytes | dict | bool) or value is None or isinstance(value, np.ma.MaskedArray):
            return False
        try:
            found = np.asarray(value)
        except Exception:
            return False
        if found.dtype.kind not in dtypes or found.dtype == np.float16 or found.size > 10**6:
            return False
        fits = found.ndim == len(shape) and all(
            n > 0 and m in (None, n) for n, m in zip(found.shape, shape, strict=True)
        )
        return fits and bool(np.isfinite(found).all())

    return legal


# --- the walk itself ---


class Raw(AssertionError):
    """A call that hangs, raises something else, or raises it in words that are not ours."""


@contextmanager
def limited(seconds):
    def stop(*_):
        raise Raw(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def hostile(spec):
    """Try every value in the place of every argument: yield (argument, name of the value, what is wrong or None)."""
    for argument in spec.good:
        for label, value in VALUES.items():
            yield argument, label, complaint(spec, argument, value)


def complaint(spec, argument, value):
    """What is wrong about the call with this value, or None."""
    arguments = {name: good() if getattr(good, "fresh", False) else good for name, good in spec.good.items()}
    legal = spec.legal[argument](value)
    try:
        with limited(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = spec.function(**{**arguments, argument: value})
    except (TypeError, ValueError, FloatingPointError) as error:
        names = spec.names.get(argument, (argument,))
        text = str(error)
        if not any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names):
            return f"{type(error).__name__} does not name {argument}: {text[:200]}"
        if "wanted" not in text and not isinstance(error, FloatingPointError):
            return f"{type(error).__name__} does not say what was wanted: {text[:200]}"
        return f"refuses a legal value: {text[:200]}" if legal and not isinstance(error, FloatingPointError) else None
    except Exception as error:
        return f"raw {type(error).__name__}: {str(error)[:200]}"
    if not legal:
        return f"accepts it and returns {type(result).__name__}"
    return None if spec.returns(result, {**arguments, argument: value}) else f"returns {str(result)[:100]}"


def fresh(make):
    """A good value that is made anew for each call, as a random generator must be."""
    make.fresh = True
    return make
