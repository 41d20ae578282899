"""The tasks of notebook 07b: remedies for vanishing and exploding gradients."""

import math
from numbers import Real

import numpy as np

from ._task import Task, Wrong

STEPS = 1000
HALF = 2 ** (-1 / STEPS)  # what a gate must keep in a step


def _bias(kept):
    """Return b with sigma(b) = kept."""
    return math.log(kept / (1 - kept))


def _length(arrays):
    return math.sqrt(sum((array**2).sum() for array in arrays))


def _clip(gradients, threshold):
    share = min(1.0, threshold / _length(gradients))
    return [share * gradient for gradient in gradients]


def _always_shortened(gradients, threshold):
    return [threshold / _length(gradients) * gradient for gradient in gradients]


def _by_entry(gradients, threshold):
    return [np.clip(gradient, -threshold, threshold) for gradient in gradients]


def _each_by_itself(gradients, threshold):
    return [_clip([gradient], threshold)[0] for gradient in gradients]


def _unless_squared(gradients, threshold):
    return [min(1.0, threshold / _length(gradients) ** 2) * gradient for gradient in gradients]


def _within_two_decades(b_f):
    """Return a hint for a forget bias with which more than two decades are lost or won, "" for another."""
    from ..experiments import remedies

    if not isinstance(b_f, Real) or isinstance(b_f, bool):
        return "A number is wanted: one forget bias."
    if not -2 <= b_f <= 10:
        return "The slider goes from -2 to 10, and there are such biases on it."
    decades = remedies(g=0.8, T=STEPS, b_f=float(b_f)).lstm.decades[-1]
    if abs(decades) <= 2:
        return ""
    if decades < 0:
        return "The gradient vanishes: the gates keep too little of c_t in a step. What does a higher bias do?"
    return "The gradient grows by more than two decades, through gates and candidate. Which way is back to the others?"


KEPT, OPEN = 0.9, 0.5
GRADIENTS = [np.array([[3.0, -1.0], [0.5, 2.0]]), np.array([4.0, -2.0])]
TASKS = [
    Task(
        key="07b.1",
        right=_bias(HALF),
        hint="In one step the gate must keep x, with x to the power of 1000 one half. Then solve sigma(b) = x for b.",
        wrong=(
            Wrong(-_bias(HALF), "The sign: a gate that keeps nearly all has a bias far above zero."),
            Wrong(0.0, "sigma(0) is one half: that is what would be left after ONE step."),
            Wrong(HALF, "This is what the gate keeps in a step, sigma(b). What is asked for is b itself."),
            Wrong(_bias(HALF) / math.log(10), "sigma has an exponential with the base e: take natural logarithms."),
            Wrong(_bias(1 - 1 / STEPS), "With this the gate loses a thousandth in a step: 1/e is left in the end."),
        ),
        tolerance=2e-3,
    ),
    Task(
        key="07b.2",
        right=_clip,
        hint="One factor for all entries of all arrays: 1, or threshold / norm where the norm is larger.",
        wrong=(
            Wrong(_always_shortened, "A gradient that is short enough stays as it is. This one makes it longer."),
            Wrong(_by_entry, "Entry by entry the direction changes. One factor for all of them keeps it."),
            Wrong(_each_by_itself, "The norm is that of all parameters together, else their proportion changes."),
            Wrong(_unless_squared, "The norm is the root of the sum of squares."),
            Wrong(lambda gradients, threshold: gradients, "What is longer than the threshold must be shortened."),
        ),
        cases=[(GRADIENTS, 1.5), (GRADIENTS, 100.0), ([np.array([0.6, 0.0]), np.array([0.8])], 0.9)],
    ),
    Task(
        key="07b.3",
        right=((1 - KEPT) / (OPEN * OPEN), (1 - KEPT) / ((1 - KEPT) * OPEN)),
        hint="It grows where the factor is above 1. Set each factor to 1 and solve for lambda.",
        wrong=(
            Wrong(
                ((1 - KEPT) / (OPEN * OPEN), (1 - KEPT) / OPEN),
                "In the GRU the candidate comes in with 1 - z, which is small here, and not with 1.",
            ),
            Wrong(
                ((1 - KEPT) / (OPEN * OPEN), (1 - KEPT) / (KEPT * OPEN)),
                "In the GRU the candidate comes in with 1 - z, not with z.",
            ),
            Wrong(
                ((1 - KEPT) / OPEN, (1 - KEPT) / ((1 - KEPT) * OPEN)),
                "In the LSTM two gates stand on the other way, i and o.",
            ),
            Wrong(
                ((1 - KEPT) / ((1 - KEPT) * OPEN), (1 - KEPT) / (OPEN * OPEN)),
                "These are the right two numbers in the wrong order: the LSTM comes first.",
            ),
            Wrong(
                (1 / (OPEN * OPEN), 1 / ((1 - KEPT) * OPEN)),
                "The direct way counts too: f and z are part of the factor.",
            ),
        ),
    ),
    Task(key="07b.4", right=None, hint="", judge=_within_two_decades),
    Task(
        key="07b.5",
        right=(2.0, 1.0),
        hint="relu(2 z) = 2 relu(z). What does that make of each state? And the slope of relu at 2 z?",
        wrong=(
            Wrong((2.0, 2.0), "The derivative is a product of slopes, and relu has the same slope at z and at 2 z."),
            Wrong((1.0, 1.0), "The states are sums of inputs while relu lets them pass: they do not stay the same."),
            Wrong((2.0, 0.5), "The derivative is of a state by a state, and both change by the same factor."),
        ),
    ),
]
