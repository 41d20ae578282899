"""Activations phi, each with its value and its slope side by side.

The recursion backwards needs phi'(z_t), but a ``Trace`` stores only h_t = phi(z_t).
All four slopes can be written in h alone, so nothing else has to be stored:

========  ==================  ==============  ======
name      phi(z)              phi' in h       bound
========  ==================  ==============  ======
identity  z                   1               1
tanh      tanh z              1 - h^2         1
sigmoid   1 / (1 + exp(-z))   h (1 - h)       1/4
relu      max(z, 0)           1 if h > 0      1
========  ==================  ==============  ======

The bound is the largest |phi'|: Pascanu, Mikolov, Bengio (2013), section 2.1, call it gamma.
Shapes: elementwise, any shape. Complex arguments pass through analytically.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """An activation phi.

    Attributes
    ----------
    name : str
    value : callable
        ``value(z, out)`` writes phi(z) into ``out``, which may be ``z`` itself.
    slope : callable
        ``slope(h)`` is phi'(z) at the z for which phi(z) = h.
    bound : float
        The largest value of |phi'|.
    kinks : tuple of float
        The z at which phi has one slope from the left and another from the right.
    """

    name: str
    value: Callable
    slope: Callable
    bound: float
    kinks: tuple = ()


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
        Activation("identity", np.positive, np.ones_like, 1.0),
        Activation("tanh", np.tanh, _tanh_slope, 1.0),
        Activation("sigmoid", _sigmoid, _sigmoid_slope, 0.25),
        Activation("relu", _relu, _relu_slope, 1.0, kinks=(0.0,)),
    )
}
