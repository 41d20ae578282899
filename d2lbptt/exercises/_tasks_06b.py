"""The tasks of notebook 06b: the best step, a slope without cancellation, a kink."""

import numpy as np

from ..checking.finite_differences import central_difference
from ._task import Task, Wrong


def _best(u, size, second, third):
    """Return the zeros of the derivatives of both sums."""
    return np.sqrt(2 * u * size / second), np.cbrt(3 * u * size / third)


def _balanced(u, size, second, third):
    """Return where the two errors of each are equal."""
    return np.sqrt(2 * u * size / second), np.cbrt(6 * u * size / third)


def _without_sizes(u, *_):
    return np.sqrt(u), np.cbrt(u)


def _without_factors(u, size, second, third):
    return np.sqrt(u * size / second), np.cbrt(u * size / third)


def _reversed(u, size, second, third):
    return _best(u, size, second, third)[::-1]


def _f(v):
    return float(3 * max(v, 0) - max(-v, 0))


def _slopes(left, right):
    """Return what a central difference finds between two slopes, and the smaller and the larger of them."""
    (mean,) = central_difference(lambda v: right * max(v[0], 0) - left * max(-v[0], 0), np.zeros(1)).value
    return mean, left, right


_LEFT, _RIGHT = -_f(-1.0), _f(1.0)
TASKS = [
    Task(
        key="06b.1",
        right=_best,
        hint="Set the derivative of each sum with respect to epsilon to zero; u L / epsilon has the slope "
        "-u L / epsilon^2.",
        wrong=(
            Wrong(_balanced, "This is where the two errors are equal. The smallest sum is where its slope is zero."),
            Wrong(_without_sizes, "The sizes L, L_2 and L_3 are not all 1 here."),
            Wrong(_without_factors, "The powers are right. Which factors do 1/2 and 1/6 and the derivative leave?"),
            Wrong(_reversed, "The two are in the wrong order: the forward difference comes first."),
        ),
        cases=[(1e-16, 4.0, 0.5, 3.0), (1e-7, 0.3, 2.0, 7.0)],
    ),
    Task(
        key="06b.2",
        right=lambda z: np.cosh(z) ** -2.0,
        hint="Write the slope of tanh by exponentials, with nothing subtracted, and look at z = 0: it is 1 there.",
        wrong=(
            Wrong(
                lambda z: 1 - np.tanh(z) ** 2,
                "Digits are lost: where tanh(z) is close to 1, 1 - tanh(z) cancels them. Which other form is there?",
                1e-3,
            ),
            Wrong(lambda z: 1 / np.cosh(z), "Nearly: this is the root of the slope."),
            Wrong(lambda z: 1 - z**2, "This is the formula for the state h = tanh(z), with z put into it."),
        ),
        cases=[(np.array([0.0, 0.5, -2.0]),), (np.array([10.0, -15.0, 20.0]),)],
        tolerance=1e-12,
    ),
    Task(
        key="06b.3",
        right=_slopes(_LEFT, _RIGHT),
        hint="Find the slope of f left of 0 and right of 0. What does (f(eps) - f(-eps)) / (2 eps) make of the two?",
        wrong=(
            Wrong(_slopes(-_LEFT, _RIGHT), "Look at the left side again: the slope of -max(-v, 0) there is positive."),
            Wrong(
                (_slopes(_LEFT, _RIGHT)[0], _RIGHT, _LEFT), "The first is right; smallest and largest are exchanged."
            ),
            Wrong(
                (_slopes(_LEFT, _RIGHT)[0],) * 3, "The first is right. The check accepts all between the two slopes."
            ),
        ),
    ),
]
