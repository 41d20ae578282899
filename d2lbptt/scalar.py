"""The scalar RNN, with any phi and theta, and its backward pass as a table filled from the last row up.

    s_t = w h_{t-1} + v x_t,   h_t = phi(s_t),   yhat_t = theta(h_t),   L = (1/T) sum_t l(yhat_t, y_t)

    dL/dh_T = (1/T) l'(yhat_T) theta'(h_T)                           known: here the recursion starts
    dL/ds_t = dL/dh_t phi'(s_t)
    dL/dh_t = w dL/ds_{t+1} + (1/T) l'(yhat_t) theta'(h_t)           9.7.14 with one hidden unit
    dL/dw   = sum_t dL/ds_t h_{t-1},   dL/dv = sum_t dL/ds_t x_t     9.7.16

Shapes: all sequences are (T,), entry t - 1 for step t, but h, which begins with h_0, is (T + 1,).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import _validation
from .activations import ACTIVATIONS


class Rule(NamedTuple):
    """A function of one number and its slope."""

    value: Callable
    slope: Callable


class Table(NamedTuple):
    """The states going down and the slopes going up.

    Attributes
    ----------
    x, s, yhat : array, shape (T,)
    h : array, shape (T + 1,)
        h[0] is the initial state.
    dL_dh, dL_ds : array, shape (T,)
    dL_dw, dL_dv, dL_dh0 : number
    loss : number
        L, the mean over t.
    """

    x: np.ndarray
    s: np.ndarray
    h: np.ndarray
    yhat: np.ndarray
    dL_dh: np.ndarray
    dL_ds: np.ndarray
    dL_dw: complex
    dL_dv: complex
    dL_dh0: complex
    loss: complex

    def rows(self):
        """Yield t, x_t, s_t, h_t, yhat_t, dL/dh_t and dL/ds_t, for t = 1 .. T."""
        columns = (self.x, self.s, self.h[1:], self.yhat, self.dL_dh, self.dL_ds)
        yield from zip(range(1, len(self.x) + 1), *columns, strict=True)

    def _repr_markdown_(self):
        names = ("t", "x_t", "s_t", "h_t", r"\hat y_t", r"\partial L/\partial h_t", r"\partial L/\partial s_t")
        lines = [[f"${name}$" for name in names], ["---:"] * len(names), *map(_text, self.rows())]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def __str__(self):
        lines = ["t x_t s_t h_t yhat_t dL/dh_t dL/ds_t".split(), *map(_text, self.rows())]
        sums = f"dL/dw = {self.dL_dw:.6g}, dL/dv = {self.dL_dv:.6g}, L = {self.loss:.6g}"
        return "\n".join(["".join(f"{cell:>13}" for cell in line) for line in lines] + [sums])

    __repr__ = __str__


def scalar_rnn(w, v, x, y, *, h0=0.0, phi="tanh", theta="identity", loss=None):
    """Run the scalar RNN forwards, then fill the table of its slopes backwards.

    Parameters
    ----------
    w, v : number
    x, y : array, shape (T,)
    h0 : number
    phi, theta : str or pair of callables
        The name of an activation of the package, or (value, slope), both functions of the argument:
        the slope of phi at s_t, that of theta at h_t.
    loss : pair of callables, optional
        (value, slope) of l, both functions of yhat_t and y_t; half the squared error if not given.

    Returns
    -------
    Table

    Raises
    ------
    TypeError, ValueError
        If x and y are not two rows of T numbers, or phi, theta or loss is not such a thing.
    """
    x, y = _validation.numeric("x", x), _validation.numeric("y", y)
    _validation.shaped("x", x, (None,), "(T,)")
    _validation.shaped("y", y, x.shape, "(T,)")
    phi, theta, l = _rule("phi", phi), _rule("theta", theta), _rule("loss", loss or SQUARED_ERROR)
    s, h = _forward(w, v, x, h0, phi)
    yhat = _along(theta.value, h[1:])
    own = _along(l.slope, yhat, y) * _along(theta.slope, h[1:]) / len(x)
    dh, ds = _backward(w, own, _along(phi.slope, s))
    L = _along(l.value, yhat, y).mean()
    return Table(x, s, h, yhat, dh, ds, ds @ h[:-1], ds @ x, w * ds[0], L)


SQUARED_ERROR = Rule(lambda yhat, y: (yhat - y) ** 2 / 2, lambda yhat, y: yhat - y)


def _forward(w, v, x, h0, phi):
    s, h = [], [h0]
    for x_t in x:
        s.append(w * h[-1] + v * x_t)
        h.append(phi.value(s[-1]))
    return np.array(s), np.array(h)


def _backward(w, own, slopes):
    dh = own.astype(np.result_type(own, slopes, w))
    for t in reversed(range(len(own) - 1)):
        dh[t] += w * dh[t + 1] * slopes[t + 1]
    return dh, dh * slopes


def _along(function, *rows):
    return np.array([function(*numbers) for numbers in zip(*rows, strict=True)])


def _rule(symbol, given):
    if isinstance(given, str):
        named = ACTIVATIONS[_validation.one_of(symbol, given, ACTIVATIONS)]
        return Rule(lambda s: _at(named, s)[0], lambda s: named.slope(_at(named, s))[0])
    if not (isinstance(given, tuple) and len(given) == 2 and all(map(callable, given))):
        raise TypeError(f"{symbol} is {given!r}, wanted a name or a pair (value, slope) of functions")
    return Rule(*given)


def _at(activation, s):
    z = np.array([s], np.result_type(s, float))
    return activation.value(z, z)


def _text(row):
    return [str(row[0]), *(f"{number:.6g}" for number in row[1:])]
