"""How many digits of a derivative survive: the error of a difference against its step h.

    (f(w + h) - f(w)) / h          is off by |f''| h / 2    and by rounding, of order eps |f| / h
    (f(w + h) - f(w - h)) / 2h     is off by |f'''| h^2 / 6 and by half as much rounding
    Im f(w + ih) / h               is off by |f'''| h^2 / 6 and by rounding of order eps |f'|

(Higham 2002, Accuracy and Stability of Numerical Algorithms, section 1.14, on the first; Squire and Trapp 1998,
SIAM Review 40, 110-112, on the last.) Here f is the loss L as a function of one entry w of W_hh.

Shapes: h is (K,), and so is what belongs to it; K networks that differ in one number run side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .. import _validation
from .._recursion import affine
from ..activations import ACTIVATIONS, _named
from ..bptt import backward
from ..rnn import Params, forward, loss, targets

__all__ = ["METHODS", "Law", "StepSizes", "step_sizes"]
METHODS = ("forward", "central", "complex")
SMALLEST = 1e-31  # step: float32 holds it, and what it finds, with all digits
SAMPLES = 32  # fourth differences that the rounding of L is measured from


class Law(NamedTuple):
    """What theory says of a relative error: truncation h^order and, independent of it, rounding h^power.

    Attributes
    ----------
    order, power : int
        The power is -1, or 0 for the complex step, which subtracts nothing.
    truncation, rounding : float
    """

    order: int
    power: int
    truncation: float
    rounding: float

    def terms(self, h: ArrayLike) -> tuple:
        """Return truncation and rounding at h, positive numbers of any shape."""
        h = _positive("h", h)
        with np.errstate(over="ignore"):
            return self.truncation * h**self.order, self.rounding * h**self.power

    def error(self, h: ArrayLike) -> np.ndarray:
        """Return the root of the sum of their squares, at h as for ``terms``."""
        return np.hypot(*self.terms(h))

    @property
    def best(self) -> float:
        """The h with the smallest error; for the complex step, below which rounding is all."""
        if not self.truncation:
            return np.inf
        balance = self.rounding / self.truncation / (np.sqrt(self.order) if self.power else 1)
        return balance ** (1 / (self.order - self.power))


class StepSizes(NamedTuple):
    """One entry of dL/dW_hh by three methods and many steps; the mappings are by the names in ``METHODS``.

    Attributes
    ----------
    entry : tuple of int
        The entry of W_hh that moves: the one with the largest gradient.
    h : array, shape (K,)
        In rising order.
    truth : float
        By BPTT in long double.
    found : dict of str to array, shape (K,)
    error : dict of str to array, shape (K,)
        |found - truth| / |truth|.
    typical : dict of str to array, shape (K,)
        The root mean square of the errors at all steps within a factor of 2 of h: a single one may be small by luck.
    law : dict of str to Law
    """

    entry: tuple
    h: np.ndarray
    truth: float
    found: dict
    error: dict
    typical: dict
    law: dict

    def best(self, method: str) -> float:
        """Return the h at which the typical error of a method is smallest."""
        _validation.one_of("method", method, METHODS)
        return self.h[np.argmin(self.typical[method])]

    def apart(self, method: str) -> float:
        """Return the factor between the typical error and the law, in the median over h where the law is below 0.1."""
        _validation.one_of("method", method, METHODS)
        law, typical = _typical(self.h, self.law[method].error(self.h)), self.typical[method]
        shown = (law < 0.1) & (typical > 0)
        return 10 ** np.median(np.abs(np.log10(typical[shown] / law[shown]))) if shown.any() else np.nan


def step_sizes(
    params: Params,
    x: ArrayLike,
    y: ArrayLike,
    h: ArrayLike,
    *,
    h0: ArrayLike | None = None,
    activation: str = "tanh",
    dtype: DTypeLike = float,
) -> StepSizes:
    """Return one entry of dL/dW_hh by forward and central differences and by the complex step, for many steps h.

    Parameters
    ----------
    params, x, h0
        As for ``forward``; one sequence.
    y : array, shape (T, q)
        L is the mean of the squared errors.
    h : array of numbers from 1e-31 to 1, shape (K,)
    activation : str
        Of a phi that is analytic; others are refused.
    dtype : float or numpy.float32
        What the three methods calculate in.

    Returns
    -------
    StepSizes

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or dL/dW_hh is zero, so that there is no relative error.

    Notes
    -----
    The truth is BPTT in long double, which has 64 bits on Intel machines; where it has no more than float64, errors
    below eps mean nothing. f'' and f''' of the laws are differences of that gradient. The rounding of one L, and of
    one complex step, is measured: fourth differences over steps of w of sqrt(eps) or less have a standard deviation
    of sqrt(70) times that of independent roundings, and the smooth part adds only eps^2 to them.
    """
    trace, y = _start(params, x, y, h0, activation, dtype)
    h = np.unique(_validation.series("h", h, "(K,)"))
    if not SMALLEST <= h[0] <= h[-1] <= 1:
        raise ValueError(f"h is {h[0] if h[0] < SMALLEST else h[-1]}, wanted positive numbers, from {SMALLEST} to 1")
    entry, truth, second, third = _derivatives(trace, y)
    f, w, steps = _loss_along(trace, y, entry), trace.params.W_hh[entry], h.astype(trace.h.dtype)
    here, up, down = np.split(f(np.concatenate([w[None], w + steps, w - steps])), [1, 1 + len(h)])
    found = {
        "forward": (up - here) / steps,
        "central": (up - down) / (2 * steps),
        "complex": f(w + 1j * steps).imag / steps,
    }
    error = {method: np.abs((value - truth) / truth).astype(float) for method, value in found.items()}
    tiny = w.dtype.type(1e-30)
    roundings = _rounding(f, w), _rounding(lambda w: f(w + 1j * tiny).imag / tiny, w)
    law = _laws(abs(float(truth)), second, third, *roundings)
    typical = {method: _typical(h, values) for method, values in error.items()}
    return StepSizes(entry, h, float(truth), found, error, typical, law)


def _positive(symbol, value) -> np.ndarray:
    found = _validation.finite(symbol, _validation.real(symbol, value)).astype(float)
    if not found.size or not (found > 0).all():
        raise ValueError(f"{symbol} is {_validation.shown(value)}, wanted positive numbers")
    return found


def _laws(slope, second, third, of_loss, of_slope):
    # Two roundings of L, independent of each other, make sqrt(2) of one.
    cubic = third / (6 * slope)
    return {
        "forward": Law(1, -1, second / (2 * slope), np.sqrt(2) * of_loss / slope),
        "central": Law(2, -1, cubic, np.sqrt(2) * of_loss / (2 * slope)),
        "complex": Law(2, 0, cubic, of_slope / slope),
    }


def _typical(h, error):
    near = np.abs(np.log2(h[:, None] / h)) <= 1
    return np.sqrt(near @ error**2 / near.sum(1))


def _start(params, x, y, h0, activation, dtype):
    """Return the forward pass in dtype, and y, once they are known to be of use here."""
    _named(activation, lambda phi: phi.analytic)
    dtype = _validation.float_dtype("dtype", dtype)
    trace = forward(params, x, h0=h0, activation=activation)
    _validation.all_real(**params._asdict(), x=x, h0=h0, y=y)
    if trace.x.ndim != 2:
        raise ValueError(f"x has shape {trace.x.shape}, wanted (T, d), one sequence")
    start, y = _rerun(trace, dtype), targets(trace, y, "squared_error", "mean")[1].astype(dtype)
    loss(start, y)  # complains if it overflows
    return start, y


def _rerun(trace, dtype, **changed):
    """Return the same forward pass in another dtype, perhaps with another W_hh."""
    params = trace.params._replace(**changed)
    params = Params(*(None if W is None else W.astype(dtype) for W in params))
    return forward(params, trace.x.astype(dtype), h0=trace.h[0].astype(dtype), activation=trace.activation)


def _derivatives(trace, y):
    """Return the entry w of W_hh with the largest gradient, dL/dw, |d2L/dw2| and |d3L/dw3|, by BPTT in long double."""
    y = y.astype(np.longdouble)
    here = backward(_rerun(trace, np.longdouble), y).W_hh
    entry = tuple(map(int, np.unravel_index(np.argmax(np.abs(here)), here.shape)))
    if here[entry] == 0:
        raise ValueError("dL/dW_hh is zero everywhere, wanted a gradient: there is no relative error of zero")

    def moved(by):
        W = trace.params.W_hh.astype(np.longdouble)
        W[entry] += by
        return backward(_rerun(trace, np.longdouble, W_hh=W), y).W_hh[entry]

    step = np.longdouble(1e-5)  # leaves f'' ten digits and f''' six, or more, of a gradient with sixteen
    up, down = moved(step), moved(-step)
    second, third = abs(up - down) / (2 * step), abs(up - 2 * here[entry] + down) / step**2
    return entry, here[entry], float(second), float(third)


def _loss_along(trace, y, entry):
    """Return L as a function of one entry of W_hh: many values at once, calculated in their own dtype."""
    (W_hx, W_hh, W_qh, b_h, b_q), (i, j) = trace.params, entry
    others, phi = W_hh.copy(), ACTIVATIONS[trace.activation].value
    others[entry] = 0
    inputs = affine(W_hx, trace.x, b_h)

    # No BLAS for what depends on w: it may round one and the same row in another way in another place.
    def times(W, rows):
        return np.einsum("ij,kj->ki", W, rows)

    def f(w):
        h, total = np.broadcast_to(trace.h[0], (len(w), len(W_hh))).astype(w.dtype), 0
        for input, target in zip(inputs, y, strict=True):
            z = times(others, h) + input
            z[:, i] += w * h[:, j]
            h = phi(z, z)
            total += ((times(W_qh, h) + (0 if b_q is None else b_q) - target) ** 2).sum(1) / 2
        return total / len(y)

    return f


def _rounding(f, w):
    """Return the standard deviation of the rounding of f(w), measured, but no less than that of its last bit."""
    eps, rng = np.finfo(w.dtype).eps.item(), np.random.default_rng(0)
    steps = (np.sqrt(eps) * max(abs(w), 0.1) * rng.uniform(-1, 1, SAMPLES)).astype(w.dtype)
    values = f((w + np.outer(np.arange(5, dtype=w.dtype), steps)).ravel()).reshape(5, -1).astype(float)
    spread = np.sqrt(np.mean(np.square([1, -4, 6, -4, 1] @ values)) / 70)
    return max(spread, eps * np.abs(values).max() / np.sqrt(48))  # the last bit is eps |f| / 2 or more: / sqrt(12)
