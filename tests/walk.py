"""The walk: every argument of every public function, with values that no reader means and some that one might.

An area's file (walk_core.py and its like) says for each function how it is called rightly (``good``), which values of
each argument are legal, and what it returns. ``hostile`` tries all VALUES in the place of each argument. A call must
return what is promised where the value is legal; elsewhere it must raise TypeError, ValueError or FloatingPointError
with a sentence of ours, that names the argument and says what was wanted.
"""

import inspect
import numbers
import operator
import re
import signal
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
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


class _Subclass(np.ndarray):
    """An array of another library that is still an array."""


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
    "long": np.broadcast_to(1.0, 10**12),
    "long and whole": np.broadcast_to(1, 10**12),
    "-0.0": -0.0,
    "5e-324": 5e-324,
    "1e200": 1e200,
    "np.True_": np.True_,
    "np.int64": np.int64(3),
    "np.float32": np.float32(0.5),
    "complex with nan": complex(np.nan, 1),
    "Fraction": Fraction(1, 2),
    "huge Fraction": Fraction(10**400, 3),
    "Decimal": Decimal("0.5"),
    "0-d": np.array(1.0),
    "0-d whole": np.array(3),
    "no entries": np.zeros(0),
    "no rows": np.zeros((0, 2)),
    "two whole numbers": [1, 2],
    "two numbers": (0.5, 0.25),
    "a huge one in a list": [10**400, 1],
    "beyond 64 bits in a list": [10**20, 1],
    "True in a list": [True, 0.5],
    "list of tensors": [_Tensor(), _Tensor()],
    "deep list of masked": [[np.ma.masked_array([1.0, 2.0], [False, True])]],
    "float32": np.array([1.0, 2.0], np.float32),
    "other bytes": np.array([1.0, 2.0], ">f8"),
    "complex": np.array([1j, 2.0]),
    "huge numbers": np.full((2, 2), 1e308),
    "subclass": np.array([1.0, 2.0]).view(_Subclass),
    "fields": np.zeros(2, [("a", float), ("b", int)]),
    "set": {1, 2},
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
    fields : tuple of str
        Arguments that are named tuples of arrays: the values are tried in the place of each field, too.
    needs : str
        A library without which the function is not walked.
    """

    function: Callable
    good: dict
    legal: dict
    returns: Callable
    names: Mapping = MappingProxyType({})
    fields: tuple = ()
    needs: str = ""


# --- which values are legal ---


def never(value):
    return False


def always(value):
    return True


def whole(low, high=np.inf):
    def legal(value):
        try:
            return not isinstance(value, bool) and low <= operator.index(value) <= high
        except TypeError:
            return False

    return legal


def number(low=-np.inf, high=np.inf, *, open_low=False, open_high=False):
    def legal(value):
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not abs(value) <= 1.7e308:
            return False
        return (low < value if open_low else low <= value) and (value < high if open_high else value <= high)

    return legal


def choice(*choices):
    return lambda value: isinstance(value, str) and value in choices


def flag(value):
    return isinstance(value, bool | np.bool_)


def optional(legal):
    return lambda value: value is None or legal(value)


def either(*legal):
    return lambda value: any(one(value) for one in legal)


def shaped(*shape, dtypes="iuf"):
    """An array of finite numbers of this shape; None stands for any size."""

    def legal(value):
        if isinstance(value, str | bytes | dict | bool) or value is None or _masked(value):
            return False
        if isinstance(value, list) and any(isinstance(part, np.ma.MaskedArray) for part in value):
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


def _masked(value):
    return isinstance(value, np.ma.MaskedArray) or (isinstance(value, list | tuple) and any(map(_masked, value)))


def filled(good, **legal):
    """A named tuple of the kind of a good one; for some fields what is legal is said, the others must stay."""

    def fits(value):
        if type(value) is not type(good):
            return False
        pairs = zip(good._fields, value, good, strict=True)
        return all(legal[name](one) if name in legal else one is other for name, one, other in pairs)

    return fits


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
    for argument, good in spec.good.items():
        for label, value in VALUES.items():
            yield argument, label, complaint(spec, argument, value)
        if argument in spec.fields:
            for path, label, value in replaced(good):
                # A field that was replaced may be what the others no longer fit.
                yield f"{argument}.{path}", label, complaint(spec, argument, value, named=field_names(good))


def replaced(good):
    """Yield a named tuple with every value in the place of every field, also within a field that is one itself."""
    for field in good._fields:
        for label, value in VALUES.items():
            yield field, label, good._replace(**{field: value})
        if hasattr(getattr(good, field), "_fields"):
            for path, label, value in replaced(getattr(good, field)):
                yield f"{field}.{path}", label, good._replace(**{field: value})


def field_names(good):
    nested = (field_names(part) for part in good if hasattr(part, "_fields"))
    return {*good._fields, *(name for names in nested for name in names)}


def complaint(spec, argument, value, named=()):
    """What is wrong about the call with this value, or None."""
    arguments = {name: good() if getattr(good, "fresh", False) is True else good for name, good in spec.good.items()}
    with np.errstate(all="ignore"):
        legal = spec.legal[argument](value)
    try:
        with limited(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = spec.function(**{**arguments, argument: value})
            if inspect.isgenerator(result):
                result = list(result)
    except (TypeError, ValueError, FloatingPointError) as error:
        names = (*spec.names.get(argument, (argument,)), *named)
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
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # an oracle may overflow
        return None if spec.returns(result, {**arguments, argument: value}) else f"returns {str(result)[:100]}"


def fresh(make):
    """A good value that is made anew for each call, as a random generator must be."""
    make.fresh = True
    return make
