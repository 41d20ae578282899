"""Derivatives from values alone: oracles that know nothing of backpropagation.

    df/dtheta_i ~ (f(theta + h e_i) - f(theta)) / h                 forward difference
    df/dtheta_i ~ (f(theta + h e_i) - f(theta - h e_i)) / 2h        central difference
    df/dtheta_i ~ Im f(theta + i h e_i) / h                         complex step

The complex step subtracts nothing, so h can be tiny and only rounding is left. It needs an f that is analytic
and calculates with complex numbers (Squire and Trapp 1998). The differences need neither, but lose digits
twice: to the step, which should be small, and to the subtraction, which wants it large. ``ridders`` takes many
steps, extrapolates to h = 0, and takes the number that disagrees least with those it is made of.

Shapes: theta has any shape; so have the derivative and its error.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._progress import patient

__all__ = ["Difference", "central_difference", "complex_step", "ridders"]
EPS = np.finfo(float).eps
GROWTH = 4  # of the step: a power of 2, so that theta + h is exact where it can be
RAYS = 8  # how many differences the noise of f is measured from
COARSE = 64  # units in the last place: what f is known to is said from there on
WIDER = 16  # than a stair are the rays that noise is measured on
SURE = 4  # times the bound of noise: 7 standard deviations of what noise puts between two slopes, so no noise


class Difference(NamedTuple):
    """A derivative and an estimate of its own error, both shaped as theta."""

    value: np.ndarray
    error: np.ndarray


def complex_step(f: Callable, theta: ArrayLike, h: float = 1e-30) -> np.ndarray:
    """Return the gradient of f at theta by the complex step.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a number.
    theta : array of real numbers
    h : float
        The step along the imaginary axis, above 0 and up to 1.

    Returns
    -------
    array
        Shaped as theta, float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or f returns something else than a number.
    """
    f, place = _checked_function(f, theta)
    h = _validation.real_number("h", h, above=0, high=1)
    return np.array([_along(f, place, at, h) for at in np.ndindex(place.shape)]).reshape(place.shape)


def _along(f, theta, at, h):
    """Return the derivative with respect to one entry by the complex step."""
    moved = theta.astype(complex)
    moved[at] += 1j * h
    return _value(f, moved, "iufc", "a number").imag / h


def central_difference(f: Callable, theta: ArrayLike) -> Difference:
    """Return the gradient of f at theta by central differences, with an estimate of its error.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a number.
    theta : array of real numbers

    Returns
    -------
    Difference

    Raises
    ------
    TypeError, ValueError
        As for ``ridders``.

    Notes
    -----
    The step is h = eps^(1/3) max(|theta_i|, 1), where the error of the formula, of order h^2, and the
    rounding, of order eps / h, balance. The error is estimated from both: the formula's from a second
    difference with 2h (Richardson: a third of what the two differ by), the rounding's as eps |f| / h.
    Sharp turns between the points are not seen by such an estimate, nor is rounding inside f.
    """
    f, theta = _checked_function(f, theta)
    h = EPS ** (1 / 3) * np.maximum(np.abs(theta), 1)

    def slopes(h):
        return _each_entry(theta, lambda step: _value(f, theta + h * step) - _value(f, theta - h * step)) / (2 * h)

    near, far = slopes(h), slopes(2 * h)
    return Difference(near, np.abs(far - near) / 3 + EPS * abs(_value(f, theta)) / h)


def ridders(f: Callable, theta: ArrayLike) -> Difference:
    """Return the gradient of f at theta from central differences over growing steps, extrapolated to h = 0.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a real number.
    theta : array of real numbers

    Returns
    -------
    Difference
        Shaped as theta, float64.

    Raises
    ------
    TypeError, ValueError
        If theta or what f returns is not what is described above, or f is not finite at theta or next to it.

    Notes
    -----
    Ridders (1982, Advances in Engineering Software 4, 75-76). The differences D(h) = f' + c_2 h^2 + c_4 h^4 + ..
    over h_k = 4^k h_0 open Neville's table

        T_k,0 = D(h_k),    T_k,j = (c T_k-1,j-1 - T_k,j-1) / (c - 1),    c = 16^j,

    whose column j is free of the first j powers. The best entry is the one with the smallest error estimate: the
    larger difference from its two parents, plus noise. Ridders shrinks a large step; where f explodes such a
    table may settle on a wrong number. So h grows: from eps^(1/3) max(|theta_i|, 0.1), where the formula's error
    and rounding are about as large (0.1 stands for a theta_i that is zero or tiny), to max(|theta_i|, 0.1), where
    rounding costs no more than that of theta_i itself. It stops earlier when the best of a row is twice as bad
    as the best of all, or when D(h_k) moves by more than noise and then by less than 4 times that: h^2 promises 16.

    *Noise.* If s bounds the noise of f, that of D(h) is at most s/h. T_k,j takes over c/(c - 1) and 1/(c - 1) of
    what its parents have: at most the product of all (c + 1/4) / (c - 1), or 1.09, times s/h for the smallest h in
    it. s is measured, so that rounding inside f counts: from fourth differences of f along random rays, over
    h_0/4 or less. Independent noise gives them the standard deviation sqrt(70) s, the smooth part adds eps^(4/3)
    or so (Moré and Wild 2011, SIAM Journal on Scientific Computing 33, 1292-1314). It is at least eps |f| / 2,
    the rounding of the number that f returns. One measurement serves all entries.

    *Stairs.* f may stand still over small steps: it calculates in float32, or its value is rounded, or added to a
    large number. So the rays grow until half of the values of f on them are different. From there on f moves, and
    the smallest distance of two values is the height of a stair; half of it is noise, and the rays that measure the
    noise are at least 16 times as long.

    *Structure below h_0*, such as chaos or a kink close by. If the slope over a far smaller step, eps^(3/4), is
    another one, the table starts from there.

    *Kinks.* The same points give the slopes from both sides; if these differ by more than their errors, half
    of their difference is added.

    What is below eps^(3/4) cannot be told from noise, nor stairs wider than theta from a constant.
    """
    return _AlongEntries(f, theta).slopes()[0]


class _AlongEntries:
    """f when one entry of theta moves at a time; each point is calculated once."""

    def __init__(self, f, theta):
        self.f, self.theta = _checked_function(f, theta)
        self.here, self.at, self.noise = _value(self.f, self.theta.copy()), cache(self._at), cache(self._noise)
        self.seen = {_digest(self.theta): self.here}
        self.stairs = self._stairs()
        self.reach = _steps(self.theta, 0).max()
        self.stands_still = self.stairs.width / GROWTH**2  # within so large a part of theta

    def slopes(self, at=None):
        """Return three Differences of all entries: from both sides, from the left, and from the right.

        If places in a row are given, of those alone.
        """
        shape = self.theta.shape if at is None else (len(at),)
        places = np.ndindex(shape) if at is None else ((place,) for place in at.tolist())
        found = np.array([self._of_entry(index) for index in patient(places, math.prod(shape))])
        return [Difference(*found[:, side].T.reshape(2, *shape)) for side in range(3)]

    def along(self, direction):
        """Return the Difference of the slope of f in a direction."""
        return self._from_sides(cache(lambda h: _value(self.f, self.theta + h * direction)), 0.0)[0]

    def _of_entry(self, index):
        return self._from_sides(partial(self.at, index), self.theta[index].item())

    def _from_sides(self, at, x):
        both, left, right = (self._extrapolated(at, x, low, high) for low, high in ((-1, 1), (-1, 0), (0, 1)))
        gap = abs(right.value - left.value)
        if gap > left.error + right.error:
            both = Difference(both.value, both.error + gap / 2)
        return both, left, right

    def _extrapolated(self, at, x, low, high):
        """Return the Difference where x is moved, from f = at(low h) and at(high h).

        From one side it is f' + c_1 h + c_2 h^2 + .., so that c = 4^j; its noise is at most 2 s/h, that of an entry
        below 1.58 times as much.
        """
        order = high - low  # the error is of order h or, with both sides, h^2
        tiny, small, large = (_steps(x, power).item() for power in (3 / 4, 1 / 3, 0))

        def slope(h):
            a, b = low * h, high * h
            return _finite("the slope of f", (at(b) - at(a)) / ((x + b) - (x + a)), self.theta)

        def noise(h):
            return 2 / order * self.noise(1 / 3 if h >= small else 3 / 4) / h

        found = _neville(slope, noise, small, large, order)
        look = slope(tiny)
        if look != 0 and not abs(look - found.value) <= SURE * noise(tiny):
            found = _neville(slope, noise, tiny, large, order)
        return found

    def _at(self, index, h):
        if h == 0:
            return self.here
        theta = self.theta.copy()
        theta[index] += h
        return _value(self.f, theta)

    def _on_rays(self, part):
        """Return f at theta and at four points each of some rays around it, no longer than a part of theta."""
        rng, reach = np.random.default_rng(0), part / 4 * _steps(self.theta, 0)
        rays = [reach * rng.uniform(-1, 1, self.theta.shape) for _ in range(RAYS)]
        return np.array([[self.here, *(self._on_ray(self.theta + k * ray) for k in (1, 2, 3, 4))] for ray in rays])

    def _on_ray(self, theta):
        point = _digest(theta)  # where a ray is short, its points are often the same
        if point not in self.seen:
            self.seen[point] = _value(self.f, theta)
        return self.seen[point]

    def _noise(self, power):
        """Return the standard deviation of f's noise around theta, within the step eps^power."""
        least = max(EPS / 2 * abs(self.here), self.stairs.height / 2)
        if self.stairs.width > 1:
            return least
        part = max(2.0 ** np.round(power * np.log2(EPS)), min(WIDER * self.stairs.width, 1))
        try:
            values = self._on_rays(part / np.sqrt(self.theta.size))
        except (ArithmeticError, ValueError):  # so long a ray leaves the domain of f
            return least if part < WIDER * self.stairs.width else np.inf
        # Over a small step f may climb a stair or two, which look like a slope.
        with np.errstate(over="ignore", invalid="ignore"):
            fourth = values @ [1, -4, 6, -4, 1]
        return max(math.hypot(*fourth) / math.sqrt(70 * RAYS), least)

    def _stairs(self):
        """Return the _Resolution of f: rays grow until half of the values on them are different."""
        width = WIDER * EPS
        while width <= 1:
            try:
                values = self._on_rays(width)
            except (ArithmeticError, ValueError):
                break
            found = np.unique(values)
            if len(found) > 2 * RAYS:
                return _Resolution(width, np.diff(found).min(), _digits(values))
            width *= GROWTH
        return _Resolution(np.inf, 0.0, "")

    def coarse(self):
        """Return a sentence's end on what f is known to, if that is far less than float64 can hold."""
        if self.stairs.width > 1:
            return "f does not move near theta: a constant does not, nor do stairs that are wider than theta"
        noise = self.noise(1 / 3)
        return f"f is known to {noise:.0e} only{self.stairs.digits}" if noise > COARSE * EPS * abs(self.here) else ""

    def moves(self):
        """Return by how much f moves over steps as large as theta, 0 where it cannot be asked."""
        try:
            values = self._on_rays(1)
            return float(values.max()) - float(values.min())
        except (ArithmeticError, ValueError):
            return 0.0


def _steps(theta, power):
    """Return eps^power max(|theta_i|, 0.1), rounded to powers of 2."""
    return 2.0 ** np.round(np.log2(np.maximum(np.abs(theta), 0.1)) + power * np.log2(EPS))


def _digest(theta):
    """Return what tells one theta from another in few bytes: it may be long."""
    return sha256(theta.tobytes()).digest()


class _Resolution(NamedTuple):
    """How f moves in the small: hardly within ``width``, a part of theta; then by ``height`` or more."""

    width: float
    height: float
    digits: str


def _digits(values):
    """Return what numbers these are, if they have few digits, in words."""
    mantissa, exponent = np.frexp(values)
    for bits, dtype in ((8, "bfloat16"), (11, "float16"), (24, "float32")):
        if (np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits) == values).all():
            return f": its values are numbers of {dtype}"
    for places in range(13):
        if (np.round(values, places) == values).all():
            return f": its values are rounded to {places} decimal places"
    return ""


class _Estimate(NamedTuple):
    """A number in Neville's table, how far noise may carry it, and what it differs from its parents by."""

    value: float
    noise: float
    apart: float = np.inf

    @property
    def error(self):
        return self.noise + self.apart


def _neville(slope, noise, first, last, order):
    """Return the best Difference from slopes over growing steps, extrapolated in powers of h^order."""
    row, best, moved, h = [], _Estimate(np.nan, np.inf), 0, first
    while h <= last:
        try:
            new = [_Estimate(slope(h), noise(h))]
        except (ArithmeticError, ValueError):  # a large step may leave the domain of f
            if not row:
                raise
            break
        for j, near in enumerate(row, 1):
            new.append(_child(near, new[-1], GROWTH ** (order * j)))
        found = min(new, key=lambda entry: entry.error)
        before, moved = moved, _moved(row, new)
        if found.error > 2 * best.error or moved < GROWTH ** (order / 2) * before:
            break
        row, best, h = new, min(best, found, key=lambda entry: entry.error), GROWTH * h
    return Difference(best.value if best.error < np.inf else 0.0, best.error)


def _child(near, far, c):
    value = near.value + (near.value - far.value) / (c - 1)
    apart = max(abs(value - near.value), abs(value - far.value))
    return _Estimate(value, near.noise + (near.noise + far.noise) / (c - 1), apart)


def _moved(row, new):
    """Return by how much the first column moves, or 0 if that may be noise."""
    if not row:
        return 0
    moved = abs(new[0].value - row[0].value)
    return moved if moved > SURE * (new[0].noise + row[0].noise) else 0


def _value(f, theta, kinds="iuf", wanted="a real number"):
    """Return what f returns as a float, or as a complex number."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step may leave the domain of f
        value = f(theta)
    found = _validation.array("f", value)
    if found.ndim or found.dtype.kind not in kinds:
        what = f"an array of shape {found.shape}" if found.ndim else _validation.shown(value)
        raise TypeError(f"f returned {what}, wanted {wanted}")
    return _finite("f", complex(found) if "c" in kinds else float(found), np.real(theta))


def _checked_function(f, theta):
    """Return f and theta as an array of float64, once they are known to be such."""
    theta = _validation.finite("theta", _validation.real("theta", theta)).astype(float)
    if not theta.size:
        raise ValueError(f"theta has shape {theta.shape}, wanted at least one number")
    return _validation.function("f", f), theta


def _finite(symbol, number, theta):
    if not cmath.isfinite(number):
        raise ValueError(f"{symbol} is {number} at theta = {theta}, wanted a finite number")
    return number


def _each_entry(theta, derivative):
    result = np.empty(np.shape(theta))
    for index in np.ndindex(result.shape):
        step = np.zeros(result.shape)
        step[index] = 1
        result[index] = derivative(step)
    return result
