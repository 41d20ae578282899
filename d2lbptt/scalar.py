"""The scalar RNN, with any phi and theta, and its backward pass as a table filled from the last row up.

    z_t = w h_{t-1} + v x_t,   h_t = phi(z_t),   yhat_t = theta(h_t),   L = (1/T) sum_t l(yhat_t, y_t)

    dL/dh_T = (1/T) l'(yhat_T) theta'(h_T)                           known: here the recursion starts
    dL/dz_t = dL/dh_t phi'(z_t)
    dL/dh_t = w dL/dz_{t+1} + (1/T) l'(yhat_t) theta'(h_t)           9.7.14 with one hidden unit
    dL/dw   = sum_t dL/dz_t h_{t-1},   dL/dv = sum_t dL/dz_t x_t     9.7.16

Shapes: all sequences are (T,), entry t - 1 for step t, but h, which begins with h_0, is (T + 1,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._recursion import first_overflow, no_overflow
from .activations import ACTIVATIONS

__all__ = ["SQUARED_ERROR", "Rule", "Table", "scalar_rnn"]


class Rule(NamedTuple):
    """A function of one number and its slope."""

    value: Callable
    slope: Callable


class Table(NamedTuple):
    """The states going down and the slopes going up.

    Attributes
    ----------
    x, z, yhat : array, shape (T,)
    h : array, shape (T + 1,)
        h[0] is the initial state.
    dL_dh, dL_dz : array, shape (T,)
    dL_dw, dL_dv, dL_dh0 : number
    loss : number
        L, the mean over t.
    """

    x: np.ndarray
    z: np.ndarray
    h: np.ndarray
    yhat: np.ndarray
    dL_dh: np.ndarray
    dL_dz: np.ndarray
    dL_dw: complex
    dL_dv: complex
    dL_dh0: complex
    loss: complex

    def rows(self) -> Iterator[tuple]:
        """Yield t, x_t, z_t, h_t, yhat_t, dL/dh_t and dL/dz_t, for t = 1 .. T."""
        columns = (self.x, self.z, self.h[1:], self.yhat, self.dL_dh, self.dL_dz)
        yield from zip(range(1, len(self.x) + 1), *columns, strict=True)

    def _repr_markdown_(self):
        names = ("t", "x_t", "z_t", "h_t", r"\hat y_t", r"\partial L/\partial h_t", r"\partial L/\partial z_t")
        lines = [[f"${name}$" for name in names], ["---:"] * len(names), *map(_text, self.rows())]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def __str__(self):
        lines = ["t x_t z_t h_t yhat_t dL/dh_t dL/dz_t".split(), *map(_text, self.rows())]
        sums = f"dL/dw = {self.dL_dw:.6g}, dL/dv = {self.dL_dv:.6g}, L = {self.loss:.6g}"
        return "\n".join(["".join(f"{cell:>13}" for cell in line) for line in lines] + [sums])

    __repr__ = __str__  # type: ignore[misc]  # mypy takes it for a field


def scalar_rnn(
    w: complex,
    v: complex,
    x: ArrayLike,
    y: ArrayLike,
    *,
    h0: complex = 0.0,
    phi: str | tuple[Callable, Callable] = "tanh",
    theta: str | tuple[Callable, Callable] = "identity",
    loss: str | tuple[Callable, Callable] | None = None,
) -> Table:
    """Run the scalar RNN forwards, then fill the table of its slopes backwards.

    Parameters
    ----------
    w, v : number
    x, y : array, shape (T,)
    h0 : number
    phi, theta : str or pair of callables
        The name of an activation of the package, or (value, slope), both functions of the argument:
        the slope of phi at z_t, that of theta at h_t.
    loss : "squared_error" or pair of callables, optional
        (value, slope) of l, both functions of yhat_t and y_t; half the squared error if not given. A y_t that is nan,
        for a step without a target, is for a pair to deal with.

    Returns
    -------
    Table
        In float64, or complex if an argument is.

    Raises
    ------
    TypeError, ValueError
        If x and y are not two rows of T finite numbers, w, v or h0 is not one, or phi, theta or loss is not such a
        thing or returns no number.
    FloatingPointError
        If a number overflows. The message names the step.
    """
    w, v, h0 = (_validation.number(symbol, value) for symbol, value in {"w": w, "v": v, "h0": h0}.items())
    x, y = _sequences(x, y)
    phi_rule, theta_rule = _activation_rule("phi", phi), _activation_rule("theta", theta)
    l = SQUARED_ERROR if loss is None else _rule("loss", loss, {"squared_error": SQUARED_ERROR})
    if l is SQUARED_ERROR:
        _validation.finite("y", y)
    with np.errstate(over="ignore", invalid="ignore"):
        z, h = _forward(w, v, x, h0, phi_rule)
        yhat = _along("theta", theta_rule.value, h[1:])
        losses = _along("loss", l.value, yhat, y)
        if np.isfinite(yhat).all() and np.isnan(losses).any():
            _validation.finite("y", y)
        first_overflow({"z_t": z, "h_t": h[1:], "yhat_t": yhat, "l_t": losses})
        own = _along("loss", l.slope, yhat, y) * _along("theta", theta_rule.slope, h[1:]) / len(x)
        dh, dz = _backward(w, own, _along("phi", phi_rule.slope, z))
        no_overflow("dL/dh_t", dh)
        no_overflow("dL/dz_t", dz)
        sums = [dz @ h[:-1], dz @ x, w * dz[0], losses.mean()]
    if not np.isfinite(sums).all():
        raise FloatingPointError("dL/dw, dL/dv, dL/dh_0 or L overflows float64")
    return Table(x, z, h, yhat, dh, dz, *sums)


def _sequences(x, y) -> tuple[np.ndarray, np.ndarray]:
    x = _validation.finite("x", _validation.shaped("x", _validation.numeric("x", x), (None,), "(T,)"))
    y = _validation.shaped("y", _validation.numeric("y", y), x.shape, "(T,)")
    return x.astype(np.result_type(x, float)), y.astype(np.result_type(y, float))


SQUARED_ERROR = Rule(lambda yhat, y: (yhat - y) ** 2 / 2, lambda yhat, y: yhat - y)


def _forward(w, v, x, h0, phi):
    z, h = [], [h0]
    for x_t in x:
        z.append(w * h[-1] + v * x_t)
        h.append(_number("phi", phi.value(z[-1])))
    return np.array(z), np.array(h)


def _backward(w, own, slopes):
    dh = own.astype(np.result_type(own, slopes, w))
    for t in reversed(range(len(own) - 1)):
        dh[t] += w * dh[t + 1] * slopes[t + 1]
    return dh, dh * slopes


def _along(symbol, function, *rows):
    return np.array([_number(symbol, function(*numbers)) for numbers in zip(*rows, strict=True)])


def _number(symbol, value):
    """Return what a function of the reader's made of a number: a number again, of float64 or complex."""
    found = _validation.numeric(f"what {symbol} returns", value)
    if found.size != 1:
        raise ValueError(f"what {symbol} returns has shape {found.shape}, wanted one number")
    return found.astype(np.result_type(found, float)).reshape(())[()]


def _rule(symbol, given, named):
    if isinstance(given, str):
        return named[_validation.one_of(symbol, given, named)]
    if not (isinstance(given, tuple) and len(given) == 2 and all(map(callable, given))):
        raise TypeError(f"{symbol} is {_validation.shown(given)}, wanted a name or a pair (value, slope) of functions")
    return Rule(*given)


def _activation_rule(symbol, given) -> Rule:
    """Return the rule of an activation's name, of one number, or the reader's own."""
    rule = _rule(symbol, given, ACTIVATIONS)
    if isinstance(rule, Rule):
        return rule

    def at(s):
        z = np.array([s], np.result_type(s, float))
        return rule.value(z, z)

    return Rule(lambda s: at(s)[0], lambda s: rule.slope(at(s))[0])


def _text(row):
    return [str(row[0]), *(f"{number:.6g}" for number in row[1:])]
