"""Derivatives from values alone: two oracles that know nothing of backpropagation.

    df/dtheta_i ~ (f(theta + h e_i) - f(theta - h e_i)) / 2h        central difference
    df/dtheta_i ~ Im f(theta + i h e_i) / h                         complex step

The complex step subtracts nothing, so h can be tiny and only rounding is left. It needs an f that is analytic
and calculates with complex numbers (Squire and Trapp 1998). The central difference needs neither, but
loses digits twice: to the step, which should be small, and to the subtraction, which wants it large.

Shapes: theta has any shape; so have the derivative and its error.
"""

from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """A derivative and an estimate of its own error, both shaped as theta."""

    value: np.ndarray
    error: np.ndarray


def complex_step(f, theta, h=1e-30):
    """Return the gradient of f at theta by the complex step.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a number.
    theta : array of real numbers
    h : float
        The step along the imaginary axis.

    Returns
    -------
    array
        Shaped as theta, float64.
    """
    return _each_entry(theta, lambda step: np.imag(f(theta + 1j * h * step)) / h)


def central_difference(f, theta):
    """Return the gradient of f at theta by central differences, with an estimate of its error.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a number.
    theta : array of real numbers

    Returns
    -------
    Difference

    Notes
    -----
    The step is h = eps^(1/3) max(|theta_i|, 1), where the error of the formula, of order h^2, and the
    rounding, of order eps / h, balance. The error is estimated from both: the formula's from a second
    difference with 2h (Richardson: a third of what the two differ by), the rounding's as eps |f| / h.
    Sharp turns between the points are not seen by such an estimate, nor is rounding inside f.
    """
    theta = np.asarray(theta, float)
    eps = np.finfo(float).eps
    h = eps ** (1 / 3) * np.maximum(np.abs(theta), 1)
    near = _each_entry(theta, lambda step: f(theta + h * step) - f(theta - h * step)) / (2 * h)
    far = _each_entry(theta, lambda step: f(theta + 2 * h * step) - f(theta - 2 * h * step)) / (4 * h)
    return Difference(near, np.abs(far - near) / 3 + eps * abs(f(theta)) / h)


def _each_entry(theta, derivative):
    result = np.empty(np.shape(theta))
    for index in np.ndindex(result.shape):
        step = np.zeros(result.shape)
        step[index] = 1
        result[index] = derivative(step)
    return result
