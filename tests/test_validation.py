"""The doors: what each lets in, in which form, and in which words it refuses the rest."""

import re
import sys
import types
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from loops import for_each

from d2lbptt import _validation as door
from d2lbptt._cache import cached

HUGE = 10**400  # beyond float64
MASKED = np.ma.masked_array([1.0, 2.0], [False, True])
FLOATS = "wanted float32, float64 or complex numbers"


class Tensor:
    """A torch tensor that requires a gradient, as NumPy meets it."""

    requires_grad = True

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Unreadable:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array today")


class Subclass(np.ndarray):
    pass


def itself():
    a = []
    a.append(a)
    return a


@for_each(
    ("call", "error", "words"),
    [
        (lambda: door.one_of("kind", "no", ("a", "b")), ValueError, "kind is 'no', wanted one of a, b"),
        (lambda: door.one_of("kind", ["a"], ("a", "b")), ValueError, "kind is ['a'], wanted one of a, b"),
        (lambda: door.flag("bias", "no"), TypeError, "bias is 'no', wanted True or False"),
        (lambda: door.flag("bias", 1), TypeError, "bias is 1, wanted True or False"),
        (lambda: door.instance("p", 3, float), TypeError, "p is a int, wanted float"),
        (lambda: door.instance("p", "3", (int, float)), TypeError, "p is a str, wanted int or float"),
        (lambda: door.function("f", 3), TypeError, "f is 3, wanted a function"),
        (lambda: door.generator("rng", 0), TypeError, "rng is a int, wanted a numpy.random.Generator"),
        (lambda: door.whole_number("T", 1.0, 1), TypeError, "T is 1.0, wanted a whole number from 1 on"),
        (lambda: door.whole_number("T", True, 1), TypeError, "T is True, wanted a whole number from 1 on"),
        (lambda: door.whole_number("T", np.True_, 1), TypeError, "T is np.True_, wanted a whole number from 1 on"),
        (lambda: door.whole_number("T", 0, 1), ValueError, "T is 0, wanted a whole number from 1 on"),
        (
            lambda: door.whole_number("tau", 9, 1, 5, "T = "),
            ValueError,
            "tau is 9, wanted a whole number from 1 to T = 5",
        ),
        (
            lambda: door.whole_number("T", HUGE, 1, 5),
            ValueError,
            "T is 10**400 or more, wanted a whole number from 1 to 5",
        ),
        (
            lambda: door.whole_number("T", -(10**5000), 1),
            ValueError,
            "T is -10**5000 or more, wanted a whole number from",
        ),
        (lambda: door.seed("seed", -1), ValueError, "seed is -1, wanted a whole number from 0 on"),
        (lambda: door.seed("seed", None), TypeError, "seed is None, wanted a whole number from 0 on"),
        (lambda: door.real_number("g", 1j), TypeError, "g is 1j, wanted a number"),
        (lambda: door.real_number("g", False), TypeError, "g is False, wanted a number"),
        (lambda: door.real_number("g", Decimal(1)), TypeError, "g is Decimal('1'), wanted a number"),
        (lambda: door.real_number("g", np.array(1.0)), TypeError, "g is array(1.), wanted a number"),
        (lambda: door.real_number("g", np.nan), ValueError, "g is nan, wanted a finite number"),
        (
            lambda: door.real_number("g", HUGE),
            ValueError,
            "g is 10**400 or more, wanted a number in the range of float64",
        ),
        (lambda: door.real_number("g", Fraction(HUGE, 3)), ValueError, "wanted a number in the range of float64"),
        (lambda: door.real_number("g", 0, above=0), ValueError, "g is 0.0, wanted a number above 0"),
        (lambda: door.real_number("g", 2, low=0, below=2), ValueError, "g is 2.0, wanted a number from 0 and below 2"),
        (lambda: door.real_number("g", 3, high=2), ValueError, "g is 3.0, wanted a number up to 2"),
        (lambda: door.number("w", complex(1, np.inf)), ValueError, "w is (1+infj), wanted a finite number"),
        (lambda: door.number("w", True), TypeError, "w is True, wanted a number"),
        (lambda: door.number("w", "1j"), TypeError, "w is '1j', wanted a number"),
        (lambda: door.probability("pi", 0), ValueError, "pi is 0.0, wanted above 0 and at most 1"),
        (lambda: door.probability("pi", 1.5), ValueError, "pi is 1.5, wanted above 0 and at most 1"),
        (lambda: door.probability("pi", "half"), TypeError, "pi is 'half', wanted a number"),
        (lambda: door.array("x", MASKED), TypeError, "x is a masked array, wanted a plain one"),
        (lambda: door.array("x", [[MASKED], [MASKED]]), TypeError, "x is a masked array, wanted a plain one"),
        (lambda: door.array("x", Tensor()), TypeError, "x is a tensor that requires a gradient, wanted plain numbers"),
        (lambda: door.array("x", [(Tensor(),)]), TypeError, "x is a tensor that requires a gradient, wanted"),
        (lambda: door.array("x", Unreadable()), TypeError, "x is a Unreadable that NumPy cannot read (no array today)"),
        (lambda: door.array("x", [[1], [1, 2]]), ValueError, "x is ragged, wanted an array of numbers"),
        (lambda: door.array("x", itself()), ValueError, "x is ragged, wanted an array of numbers"),
        (lambda: door.numeric("x", [HUGE, 1]), TypeError, f"x has dtype object, {FLOATS}"),
        (lambda: door.numeric("x", np.ones(2, np.float16)), TypeError, f"x has dtype float16, {FLOATS}"),
        (lambda: door.numeric("x", [True, False]), TypeError, f"x has dtype bool, {FLOATS}"),
        (lambda: door.numeric("x", np.zeros(2, "M8[D]")), TypeError, f"x has dtype datetime64[D], {FLOATS}"),
        (lambda: door.real("x", [1j]), TypeError, "x has dtype complex128, wanted real numbers"),
        (lambda: door.whole("x", [1.0]), TypeError, "x has dtype float64, wanted whole numbers"),
        (lambda: door.float_dtype("dtype", None), TypeError, "dtype is None, wanted float32 or float64"),
        (lambda: door.float_dtype("dtype", int), TypeError, "dtype is int64, wanted float32 or float64"),
        (lambda: door.float_dtype("dtype", "no"), TypeError, "dtype is 'no', wanted float32 or float64"),
        (
            lambda: door.float_dtype("dtype", np.float32(1)),
            TypeError,
            "dtype is np.float32(1.0), wanted float32 or float64",
        ),
        (
            lambda: door.shaped("x", np.ones(3), (2, 3), "(T, d)"),
            ValueError,
            "x has shape (3,), wanted (T, d) = (2, 3)",
        ),
        (
            lambda: door.shaped("x", np.ones((0, 2)), (None, 2), "(T, d)"),
            ValueError,
            "x has shape (0, 2), wanted (T, d)",
        ),
        (
            lambda: door.shaped("W", np.ones((3, 2)), (2, None), "(h, d) with h = 2"),
            ValueError,
            "W has shape (3, 2), wanted (h, d) = (2, 3): yours looks transposed",
        ),
        (
            lambda: door.shaped("x", np.ones((5, 2, 3)), (5, 3, 2), "(T, B, d)"),
            ValueError,
            "x has shape (5, 2, 3), wanted (T, B, d) = (5, 3, 2): yours looks transposed",
        ),
        (
            lambda: door.shaped("b", np.ones((4, 1)), (4,), "(h,)"),
            ValueError,
            "b has shape (4, 1), wanted (h,) = (4,): a column; ravel it",
        ),
        (
            lambda: door.series("b", np.ones((1, 4))),
            ValueError,
            "b has shape (1, 4), wanted (n,): a row; ravel it",
        ),
        (
            lambda: door.finite("x", np.array([[1, np.inf]])),
            ValueError,
            "x is inf at index (0, 1), wanted finite numbers",
        ),
        (lambda: door.real_array("x", [1, np.nan], (2,), "(n,)"), ValueError, "x is nan at index (1,), wanted finite"),
        (lambda: door.series("b", [[1.0]]), ValueError, "b has shape (1, 1), wanted (n,)"),
        (lambda: door.square("W", [[1.0, 2.0]]), ValueError, "W has shape (1, 2), wanted (n, n) = (1, 1)"),
        (lambda: door.square("W", 1.0), ValueError, "W has shape (), wanted (n, n)"),
    ],
)
def test_the_words(call, error, words):
    with pytest.raises(error) as info:
        call()
    assert words in str(info.value)
    assert type(info.value) in (error, door._Dropped)


@for_each(("shape", "wanted"), [((3, 4), (3, 5)), ((3,), (4,)), ((4, 1), (5,)), ((2, 2), (4,)), ((), (1,))])
def test_nothing_is_guessed_of_a_shape_that_fits_in_no_way(shape, wanted):
    with pytest.raises(ValueError, match=r"= \([^)]*\)$"):
        door.shaped("W", np.ones(shape), wanted, "(h, d)")


def test_the_ends_of_a_range_belong_to_it_or_not():
    assert door.whole_number("T", 1, 1, 3) == 1 and door.whole_number("T", 3, 1, 3) == 3
    assert door.real_number("g", 0, low=0, high=2) == 0 and door.real_number("g", 2, low=0, high=2) == 2
    assert door.probability("pi", 1) == 1
    for bounds in ({"above": 2}, {"below": 2}):
        with pytest.raises(ValueError, match=r"g is 2\.0, wanted a number"):
            door.real_number("g", 2, **bounds)


def test_what_comes_out():
    assert door.whole_number("T", np.int8(3), 1) == 3 and type(door.whole_number("T", np.array(3), 1)) is int
    assert door.seed("seed", HUGE) == HUGE
    assert door.real_number("g", Fraction(1, 2)) == 0.5 and type(door.real_number("g", np.float32(0.5))) is float
    assert type(door.number("w", 3)) is float and door.number("w", np.complex64(1j)) == 1j
    assert door.flag("bias", np.True_) is True
    assert (
        door.float_dtype("dtype", "float32") is np.dtype(np.float32) and door.float_dtype("dtype", float) == np.float64
    )
    assert type(door.array("x", np.ones(2).view(Subclass))) is np.ndarray
    swapped = door.real("x", np.array([1.0, 2.0], ">f8"))
    assert swapped.dtype.isnative and swapped.tolist() == [1.0, 2.0]


@for_each(
    ("kinds", "alone", "together"),
    [
        ((int, float), float, float),
        ((int, np.float32), np.float32, float),  # whole numbers do not fit float32
        ((np.float32, np.float32), np.float32, np.float32),
        ((np.float32, float), float, float),
        ((np.uint8, np.uint8), float, float),
        ((np.float32, complex), complex, complex),
        ((int, np.complex64), np.complex64, complex),
    ],
)
def test_the_dtype_comes_from_all_arguments(kinds, alone, together):
    arrays = [np.ones(2, kind) for kind in kinds]
    assert door.common_dtype(arrays) == alone  # where whole numbers are data, such as one-hot inputs
    assert {a.dtype for a in door.widest(*arrays)} == {np.dtype(together)}


# --- sizes ---


@for_each("count", [10**17, 10**30, 10**400])
def test_what_is_too_large_for_any_machine_is_refused_with_its_bytes(count):
    with pytest.raises(ValueError) as info:
        door.fits_in_memory("W", count, float, "n = n")
    bytes_ = f"{8 * count:,}" if count < 10**29 else f"10**{len(str(8 * count)) - 1} or more"
    assert str(info.value).startswith(f"W would take {bytes_} bytes (n = n), wanted no more than the ")
    assert re.search(r"the [\d,]+ bytes of memory here$", str(info.value))


def test_what_the_process_may_have_counts(monkeypatch):
    for name in ("_of_the_machine", "_of_the_process", "_of_the_container"):
        monkeypatch.setattr(door, "_of_the_machine", lambda: 10**9)
        monkeypatch.setattr(door, "_of_the_process", lambda: -1)  # RLIM_INFINITY
        monkeypatch.setattr(door, "_of_the_container", lambda: 0)
        door.fits_in_memory("W", 10**8, float, "why")
        monkeypatch.setattr(door, name, lambda: 10**7)
        with pytest.raises(ValueError, match="wanted no more than the 10,000,000 bytes of memory here"):
            door.fits_in_memory("W", 10**8, float, "why")


def test_where_nothing_says_what_the_process_may_have_the_machine_counts(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", types.ModuleType("resource"))  # as in a browser, where it is empty
    monkeypatch.setattr(door, "_of_the_machine", lambda: 10**7)
    with pytest.raises(ValueError, match="wanted no more than the 10,000,000 bytes of memory here"):
        door.fits_in_memory("W", 10**8, float, "why")


@for_each("value", [HUGE, -HUGE, [HUGE], "x" * 10**6, np.zeros(10**6), Fraction(10**5000, 3), object()])
def test_what_is_shown_is_short(value):
    assert len(door.shown(value)) < 100


# --- what is remembered ---


def test_what_is_remembered_is_not_mixed_up():
    calls = []

    @cached(4)
    def times(n, m):
        calls.append(n)
        return np.array([door.whole_number("n", n, 0) * m])

    assert times(1, 2) is times(1, 2) and calls == [1] and not times(1, 2).flags.writeable
    for wrong in (True, 1.0, [1], {}):  # two that are equal to 1, and two that cannot be looked up
        with pytest.raises(TypeError, match=r"n is .*, wanted a whole number from 0 on"):
            times(wrong, 2)
