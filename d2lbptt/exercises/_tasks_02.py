"""The tasks of notebook 02: shared weights, untied copies, the bias and the 1/T."""

import numpy as np

from ..bptt import backward
from ..rnn import Params, forward
from ..untied import by_use
from ._task import Task, Wrong

CASES = [(np.array([[1.0, 2.0], [0.5, -4.0], [3.0, 0.25]]),), (np.array([[-2.0], [7.0], [1.0], [0.5]]),)]
STEPS, RATE = 50, 0.03


def _two_steps():
    """Return the two parts of dL/dW_hh, and what comes out with h_t in place of h_{t-1}."""
    params = Params([[1.0], [0.0]], [[0.0, 1.0], [2.0, 1.0]], [[1.0, 2.0]])
    trace, y = forward(params, [[2.0], [-1.0]], h0=[0.0, 1.0]), [[7.0], [12.0]]
    return by_use(trace, y, "W_hh"), backward(trace, y).h.T @ trace.h[1:]


(FIRST, SECOND), SHIFTED = _two_steps()
TASKS = [
    Task(
        key="02.1",
        right=FIRST + SECOND,
        hint="Each copy has the gradient dL/dh_t as a column times h_{t-1} as a row.",
        wrong=(
            Wrong((FIRST + SECOND).T, "This is the transpose: the slope is the column, the state is the row."),
            Wrong(SHIFTED, "In step t the matrix is multiplied by the state before, not by that of step t."),
            Wrong(FIRST, "This is the gradient of one copy, that of step 1. The shared matrix is used in both steps."),
            Wrong(SECOND, "This is the gradient of one copy, that of step T. The shared matrix is used in both steps."),
            Wrong((FIRST + SECOND) / 2, "The copies are added up, not averaged. The 1/T is in the slopes already."),
        ),
    ),
    Task(
        key="02.2",
        right=5,
        hint="From which uses is there a path to this loss?",
        wrong=(
            Wrong(8, "Nothing flows from a later state to an earlier loss."),
            Wrong(4, "The first use multiplies the initial state, and that is not 0 here."),
            Wrong(
                1, "The loss meets one state, but that state was made from the states before it, by the same matrix."
            ),
            Wrong(3, "These are the uses after the loss. Which way does the state go?"),
        ),
    ),
    Task(
        key="02.3",
        right="d",
        hint="What should happen to the parts of the T uses?",
        wrong=(
            Wrong("a", "A sum begins with zeros: this line is right."),
            Wrong("b", "It visits every step once, and in a sum the order does not matter."),
            Wrong("c", "This is the part of one use: dL/dh_t as a column times h_{t-1} as a row."),
        ),
    ),
    Task(
        key="02.4",
        right=lambda dL_dh: dL_dh.sum(0),
        hint="The bias is used once in each step, with the input 1. What becomes of the parts of a shared parameter?",
        cases=CASES,
        wrong=(
            Wrong(
                lambda dL_dh: dL_dh.mean(0), "The parts are added up, not averaged. The 1/T is in the slopes already."
            ),
            Wrong(lambda dL_dh: dL_dh[-1], "This is the part of the last step alone. The bias is used in every step."),
            Wrong(lambda dL_dh: dL_dh, "These are the gradients of T untied copies. The bias is shared."),
            Wrong(
                lambda dL_dh: dL_dh.sum(),
                "Over the steps there is a sum, but not over the units: each has its own bias.",
            ),
            Wrong(lambda dL_dh: dL_dh.sum(1), "This is a sum over the units. The sum is over the steps."),
        ),
    ),
    Task(
        key="02.5",
        right=RATE * STEPS,
        hint="A step is the learning rate times the gradient. What does the change do to the gradient?",
        wrong=(
            Wrong(
                RATE / STEPS, "The wrong way round: is the gradient of the mean larger or smaller than that of the sum?"
            ),
            Wrong(RATE, "With the same rate the steps change: the gradient of the mean is not that of the sum."),
        ),
    ),
]
