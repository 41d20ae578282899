"""One unit over T steps: its error over the plane of (w, b), the gradient there, and what descent makes of a cliff.

    x_t = w sigma(x_{t-1}) + b,  t = 1 .. T,      E = (sigma(x_T) - y)^2       x_0 = 0.5, y = 0.7
    dE/dx_T = 2 (sigma(x_T) - y) sigma'(x_T),     dE/dx_{t-1} = w sigma'(x_{t-1}) dE/dx_t              9.7.13, 9.7.14
    dE/dw = sum_t sigma(x_{t-1}) dE/dx_t,         dE/db = sum_t dE/dx_t                                9.7.16

The unit is that of Pascanu, Mikolov and Bengio 2013, figures 3 and 6, with T = 50. Their sigma(x_t) is the package's
h_t, and E is 2 L, with the squared error of step T alone. Where theory has the cliff:
``laws.separatrix``, ``laws.folds``.

Shapes: w and b are numbers or arrays that broadcast, and so is what belongs to them; each pair is a unit of its own.
"""

from __future__ import annotations

import cmath
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._cache import cached
from ..activations import ACTIVATIONS

__all__ = [
    "PLANE",
    "START",
    "STEPS",
    "TARGET",
    "errors",
    "gradients",
    "surface",
    "Cut",
    "cut",
    "Steepest",
    "steepest",
    "Path",
    "descend",
]

STEPS, START, TARGET = 50, 0.5, 0.7
TINY = 1e-30  # of the complex step
SIGMOID = ACTIVATIONS["sigmoid"]
PLANE = (3.0, 7.0), (-4.5, -1.0)  # the part of (w, b) that is drawn


def errors(w: ArrayLike, b: ArrayLike, T: int = STEPS) -> np.ndarray:
    """Return E.

    Parameters
    ----------
    w, b : array of finite numbers
        Also float32, and complex for the complex step.
    T : int

    Returns
    -------
    array, shaped as w and b together

    Raises
    ------
    TypeError, ValueError
        If w or b has other entries, T is no whole number from 1 on, or T states of them all do not fit in memory.
    FloatingPointError
        If E overflows, as it can for complex numbers.
    """
    w, b, T = _checked(w, b, T)
    with np.errstate(all="ignore"):
        *_, h = _states(w, b, T)
        return _error(h)


def gradients(w: ArrayLike, b: ArrayLike, T: int = STEPS) -> tuple:
    """Return E, dE/dw and dE/db by BPTT.

    Parameters
    ----------
    w, b, T
        As for ``errors``.

    Returns
    -------
    tuple of three arrays, shaped as w and b together

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As ``errors`` does, and where a gradient overflows.
    """
    with np.errstate(all="ignore"):
        return _back(*_run(w, b, T))


def _checked(w, b, T):
    T = _validation.whole_number("T", T, 1)
    w, b = (_validation.finite(name, _validation.numeric(name, array)) for name, array in (("w", w), ("b", b)))
    try:
        shape = np.broadcast_shapes(w.shape, b.shape)
    except ValueError:
        raise ValueError(f"b has shape {b.shape}, wanted one that broadcasts with that of w, {w.shape}") from None
    dtype = _validation.common_dtype([w, b])
    _fits(T, math.prod(shape), dtype)
    return *(a.astype(dtype) for a in np.broadcast_arrays(w, b)), T


def _fits(T, count, dtype):
    why = f"T = {_validation.shown(T)}, and {count:,} pairs w, b"
    _validation.fits_in_memory("h", (T + 8) * count, dtype, why)


def _finite(what, array):
    if not np.isfinite(array).all():
        raise FloatingPointError(f"{what} overflows {array.dtype}, for such w and b")
    return array


def _states(w, b, T):
    """Yield sigma(x_t) for t = 0 .. T, each of them a new array."""
    h = np.full(w.shape, 1 / (1 + math.exp(-START)), w.dtype)
    yield h
    step = _complex_sigmoid if h.dtype.kind == "c" else _sigmoid
    minus_w = -w
    for _ in range(T):
        h = np.asarray(minus_w * h)
        h -= b
        step(h)
        yield h


def _sigmoid(minus_x):
    """Put sigma(x) in the place of -x; where exp(-x) overflows it is 0."""
    np.exp(minus_x, minus_x)
    minus_x += 1
    np.reciprocal(minus_x, minus_x)


def _complex_sigmoid(minus_x):
    SIGMOID.value(-minus_x, minus_x)


def _run(w, b, T):
    """Return w as an array, and the list of all states."""
    w, b, T = _checked(w, b, T)
    return w, list(_states(w, b, T))


def _error(h):
    """Return E from the last state."""
    return _finite("E", (h - h.real.dtype.type(TARGET)) ** 2)


def _back(w, h):
    """Return E, dE/dw and dE/db from all states."""
    off = h[-1] - h[-1].real.dtype.type(TARGET)
    dx = np.asarray(2 * off * SIGMOID.slope(h[-1]))  # dE/dx_T
    dw, db = np.zeros_like(dx), np.zeros_like(dx)
    for previous in h[-2::-1]:
        dw += previous * dx
        db += dx
        dx *= w * SIGMOID.slope(previous)
    return _error(h[-1]), _finite("dE/dw", dw), _finite("dE/db", db)


def surface(T: int = STEPS, size: tuple = (241, 211)) -> np.ndarray:
    """Return E on a grid over ``PLANE``, for a picture: in float32, which moves the wall by no more than 10^-6.

    Parameters
    ----------
    T : int
    size : tuple of int
        How many w and how many b.

    Returns
    -------
    array, shape (number of b, number of w)
        Read-only; rows in rising order of b.

    Raises
    ------
    TypeError, ValueError
        If T or an entry of size is no whole number from 1 on, or the grid does not fit in memory.
    """
    pair = _validation.shaped("size", _validation.whole("size", size), (2,), "(2,)")
    T, size = _validation.whole_number("T", T, 1), tuple(_validation.whole_number("size", n, 1) for n in pair)
    _validation.fits_in_memory("size", 3 * math.prod(size), np.float32, f"size {size}")
    _fits(T, 1, float)
    return _surface(T, size)


@cached(4)
def _surface(T, size):
    w, b = (np.linspace(*ends, count, dtype=np.float32) for ends, count in zip(PLANE, size, strict=True))
    h = np.full((len(b), len(w)), 1 / (1 + math.exp(-START)), np.float32)
    for _ in range(T):
        h *= -w
        h -= b[:, None]
        _sigmoid(h)
    return np.square(h - np.float32(TARGET))


class Cut(NamedTuple):
    """A cut through the error surface along b, and dE/db at one point of it by three methods.

    Attributes
    ----------
    h : float
        The step of the central difference.
    b, E : array, shape (K,)
        The cut, from 2.5 steps below the point to 2.5 above.
    point : tuple of float
        b and E there.
    ends : array, shape (2, 2)
        b and E one step below and one above.
    bptt, complex_step, central : float
    """

    h: float
    b: np.ndarray
    E: np.ndarray
    point: tuple
    ends: np.ndarray
    bptt: float
    complex_step: float
    central: float


def cut(w: float, b: float, h: float = 1e-3, T: int = STEPS) -> Cut:
    """Return a cut through the error surface along b, and what BPTT and a central difference say of dE/db.

    Parameters
    ----------
    w, b : float
    h : float
        The step of the central difference, above 0, up to 1.
    T : int

    Returns
    -------
    Cut

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    """
    w, b = _validation.real_number("w", w), _validation.real_number("b", b)
    h, T = _validation.real_number("h", h, above=0, high=1), _validation.whole_number("T", T, 1)
    return _cut(w, b, h, T)


@cached(64)
def _cut(w, b, h, T):
    along, ends = b + np.linspace(-2.5, 2.5, 2001) * h, b + np.array([-h, h])
    E = errors(w, np.concatenate([along, ends]), T)
    here, _, slope = _gradient(w, b, T)
    return Cut(
        h=h,
        b=along,
        E=E[:-2],
        point=(b, here),
        ends=np.column_stack([ends, E[-2:]]),
        bptt=_finite("dE/db", np.float64(slope)).item(),
        complex_step=_complex_step(w, b, T),
        central=((E[-1] - E[-2]) / (2 * h)).item(),
    )


class Steepest(NamedTuple):
    """Where E is steepest along b.

    Attributes
    ----------
    b : float
    resolved : bool
        Whether the cliff is some thirty times as wide as the numbers of float64 are apart there, or more: else the
        rounding of b alone takes the digits of dE/db.
    """

    b: float
    resolved: bool


def steepest(w: float, T: int = STEPS) -> Steepest:
    """Return the b from -1 - |w| to 1 where |dE/db| is largest, by search.

    Parameters
    ----------
    w : float
        From -10^4 to 10^4: the first grid is as long as |w|.
    T : int

    Returns
    -------
    Steepest

    Raises
    ------
    TypeError, ValueError
        If w is no number in this range, or T no whole number from 1 on.

    Notes
    -----
    On ever finer grids, the first with a spacing of 0.01 or so. A cliff narrower than that lies between two points of
    the grid, where dE/db does not show it, but E does: as long as a chord is steeper than every tangent, it is the
    steepest chord that is looked at more closely. A ridge without a drop would be missed; this unit has none.
    """
    return _steepest(_validation.real_number("w", w, low=-1e4, high=1e4), _validation.whole_number("T", T, 1))


@lru_cache(maxsize=256)
def _steepest(w, T):
    b = np.linspace(-1 - abs(w), 1, round(1 + (2 + abs(w)) / 0.01))
    with np.errstate(all="ignore"):
        run = _run(w, b, T)
        top, chords = _highest(_error(run[1][-1]), b)
        while not chords and b[top + 1] - b[top] > 2 * np.spacing(abs(b[top])):
            b = _finer(b, top - 1, top + 2)
            run = _run(w, b, T)
            top, chords = _highest(_error(run[1][-1]), b)
        while True:
            slope = np.abs(_back(*run)[2])
            top = int(np.argmax(slope))
            near, gap = slice(max(top - 1, 0), top + 2), np.spacing(abs(b[top]))
            if np.ptp(b[near]) <= 4 * gap or np.ptp(slope[near]) < 1e-9 * slope[top]:
                return Steepest(b[top].item(), bool(slope[top] * gap < 0.03))
            b = _finer(b, top - 1, top + 1)
            run = _run(w, b, T)


def _highest(E, b):
    """Return the number of the steepest chord, and whether a neighbour is nearly as steep, so that the grid will do."""
    chords = np.abs(np.diff(E) / np.diff(b))
    top = int(np.argmax(chords))
    return top, np.delete(chords, top)[max(top - 1, 0) : top + 1].max() > 0.9 * chords[top]


def _finer(b, first, last):
    return np.unique(np.linspace(b[max(first, 0)], b[min(last, len(b) - 1)], 401))


class Path(NamedTuple):
    """Gradient descent in the plane of (w, b).

    Attributes
    ----------
    w, b, E : array, shape (K + 1,)
        Where it went in K steps, the start first.
    gradient : array, shape (K, 2)
        (dE/dw, dE/db) at the start of each step, before it was clipped.
    left : bool
        Whether the last point is outside; descent stops there.
    """

    w: np.ndarray
    b: np.ndarray
    E: np.ndarray
    gradient: np.ndarray
    left: bool

    @property
    def norm(self) -> np.ndarray:
        """The length of the gradient, shape (K,)."""
        return np.hypot(*self.gradient.T)


def descend(
    w: float,
    b: float,
    *,
    rate: float,
    clip: float | None = None,
    steps: int = 100,
    T: int = STEPS,
    within: tuple = PLANE,
) -> Path:
    """Follow the gradient downhill from (w, b), with or without clipping.

    Parameters
    ----------
    w, b : float
    rate : float
        The learning rate, above 0.
    clip : float, optional
        The threshold, above 0: a longer gradient is made as long as that. None for none.
    steps : int
        How many at most.
    T : int
    within : pair of pairs
        The lowest and highest w, and the same of b.

    Returns
    -------
    Path

    Notes
    -----
    Clipping by norm: Pascanu, Mikolov, Bengio 2013, algorithm 1: g becomes g threshold / |g| where |g| >= threshold.
    The direction stays, so that a step is still downhill, and no step is longer than rate times the threshold.
    """
    w, b = _validation.real_number("w", w), _validation.real_number("b", b)
    rate = _validation.real_number("rate", rate, above=0)
    threshold = math.inf if clip is None else _validation.real_number("clip", clip, above=0)
    steps, T = _validation.whole_number("steps", steps, 1), _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("steps", 32 * steps, float, f"steps = {_validation.shown(steps)}")
    _fits(T, 1, float)
    return _descend(w, b, rate, threshold, steps, T, _rectangle(within))


def _rectangle(within):
    within = _validation.real_array("within", within, (2, 2), "(2, 2)").astype(float)
    if not (within[:, 0] < within[:, 1]).all():
        raise ValueError(f"within is {within.tolist()}, wanted the lower end of each pair first")
    return tuple(map(tuple, within.tolist()))


@cached(64)
def _descend(w, b, rate, threshold, steps, T, within):
    points, gradient, left = [], [], False
    while len(points) < steps and not left:
        E, *g = _gradient(w, b, T)
        points.append((w, b, E))
        gradient.append(g)
        norm = math.hypot(*g)
        step = rate * (threshold / norm if norm >= threshold else 1)
        w, b = w - step * g[0], b - step * g[1]
        left = not all(low <= value <= high for value, (low, high) in zip((w, b), within, strict=True))
    points.append((w, b, _gradient(w, b, T)[0]))
    path = Path(*np.array(points).T, np.array(gradient), left)
    for what, array in (("w", path.w), ("b", path.b), ("the gradient", path.gradient)):
        _finite(what, array)
    return path


def _gradient(w, b, T):
    # As ``gradients``, for one point: NumPy would take ten times as long over single numbers.
    now, exp = 1 / (1 + math.exp(-START)), math.exp
    h = [now]
    for _ in range(T):
        x = w * now + b
        if x >= 0:
            now = 1 / (1 + exp(-x))
        else:
            e = exp(x)
            now = e / (1 + e)
        h.append(now)
    off = h.pop() - TARGET
    E, dx, dw, db = off * off, 2 * off * (off + TARGET) * (1 - off - TARGET), 0.0, 0.0
    for previous in reversed(h):
        dw += previous * dx
        db += dx
        dx *= w * previous * (1 - previous)
    return E, dw, db


def _complex_step(w, b, T):
    """Return dE/db by the complex step, for one point."""
    h, b = 1 / (1 + math.exp(-START)), b + TINY * 1j
    for _ in range(T):
        x = w * h + b
        e = cmath.exp(-x if x.real >= 0 else x)
        h = (1 if x.real >= 0 else e) / (1 + e)
    return _finite("E", np.array((h - TARGET) ** 2)).imag.item() / TINY
