"""Activations phi: value and slope side by side, and everything else that a law, a check or a sweep has to know of one.

The recursion backwards needs phi'(z_t), but a ``Trace`` stores only h_t = phi(z_t).
All four slopes can be written in h alone, so nothing else has to be stored:

========  ==================  ==============  ======  =========  ===========  ========
name      phi(z)              phi' in h       bound   sup |phi|  homogeneous  analytic
========  ==================  ==============  ======  =========  ===========  ========
identity  z                   1               1       inf        yes          yes
tanh      tanh z              1 - h^2         1       1          no           yes
sigmoid   1 / (1 + exp(-z))   h (1 - h)       1/4     1          no           yes
relu      max(z, 0)           1 if h > 0      1       inf        yes          no
========  ==================  ==============  ======  =========  ===========  ========

The bound is the largest |phi'|: Pascanu, Mikolov, Bengio (2013), section 2.1, call it gamma. No law, check or sweep
asks for an activation by its name: one more entry in ``ACTIVATIONS`` is all that a new one needs, and what does not
hold for it refuses it by name.
Shapes: elementwise, any shape. Complex arguments pass through analytically.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import _validation

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """An activation phi.

    Attributes
    ----------
    name : str
    value : callable
        ``value(z, out)`` writes phi(z) into ``out``, which may be ``z`` itself; None for a new array.
    slope : callable
        ``slope(h)`` is phi'(z) at the z for which phi(z) = h.
    bound : float
        The largest value of |phi'|.
    kinks : tuple of float
        The z at which phi has one slope from the left and another from the right.
    homogeneous : bool
        Whether phi(a z) = a phi(z) for all a > 0.
    largest : float
        The supremum of |phi|, inf if there is none.
    """

    name: str
    value: Callable
    slope: Callable
    bound: float
    kinks: tuple = ()
    homogeneous: bool = False
    largest: float = np.inf

    @property
    def analytic(self) -> bool:
        """Whether the complex step holds at every z."""
        return not self.kinks

    @property
    def linear(self) -> bool:
        """Whether phi(z) = c z, with |c| = ``bound``: homogeneous, and without a kink at 0."""
        return self.homogeneous and self.analytic

    @property
    def settles(self) -> bool:
        """Whether phi is bounded and analytic, as a mean field that comes to a variance of its own wants it."""
        return self.largest < np.inf and self.analytic


def _named(name, fits=lambda phi: True):
    """Return the activation of a name, if it is one that fits; else refuse it by name."""
    return ACTIVATIONS[_validation.one_of("activation", name, [a.name for a in ACTIVATIONS.values() if fits(a)])]


def _gaussian_moments(phi, q):
    """Return E phi(z)^2 and E phi'(z)^2 for z ~ N(0, q), each shaped as q, by value and slope alone.

    A trapezoidal sum has an error below rounding for every q if phi is analytic. (Gauss-Hermite loses digits where q is
    large: the poles of tanh(sqrt(q) x) at x = i pi / (2 sqrt(q)) come close.) If phi is homogeneous, phi(z) = z phi'(z)
    and E phi'(z)^2 = E phi(z)^2 / q: so phi, which has no jump, gives both.
    """
    q = np.asarray(q, float)
    half = int(np.ceil(45 * max(1, np.sqrt(q.max()))))
    x = np.arange(-half, half + 1) * (9 / half)  # symmetric about a kink at 0
    weights = np.exp(-(x**2) / 2)
    weights /= weights.sum()
    h = phi.value(np.sqrt(q)[..., None] * x, None)
    if phi.homogeneous:
        c = phi.value(x, None) ** 2 @ weights
        return c * q, np.full_like(q, c)
    return h**2 @ weights, phi.slope(h) ** 2 @ weights


def _tanh_slope(h):
    # Where |z| > 19, h rounds to 1 and the slope to 0: the digits are lost in h already.
    squares = h * h
    return np.subtract(1, squares, out=squares)


def _sigmoid(z, out):
    # exp of a negative number never overflows; which branch is decided by the real part.
    positive = z.real >= 0
    e = np.exp(np.where(positive, -z, z))
    return np.divide(np.where(positive, 1, e), 1 + e, out=out)


def _sigmoid_slope(h):
    return h * (1 - h)


def _relu(z, out):
    if np.iscomplexobj(z):
        return np.multiply(z, z.real > 0, out=out)
    return np.maximum(z, 0, out=out)


def _relu_slope(h):
    # phi'(0) = 0: the convention of torch and JAX.
    return (h.real > 0).astype(h.dtype)


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("identity", np.positive, np.ones_like, bound=1.0, homogeneous=True),
        Activation("tanh", np.tanh, _tanh_slope, bound=1.0, largest=1.0),
        Activation("sigmoid", _sigmoid, _sigmoid_slope, bound=0.25, largest=1.0),
        Activation("relu", _relu, _relu_slope, bound=1.0, kinks=(0.0,), homogeneous=True),
    )
}
