"""The tasks of notebook 01: a network with one unit, by hand."""

import numpy as np

from ..bptt import backward
from ..rnn import Params, forward
from ..scalar import scalar_rnn
from ._task import Task, Wrong

LINES = "Ask of each line: is it made of sums, products, exp and the like, so that a complex number goes through it?"
CASES = [
    (0.9, np.array([0.3, 0.5, -0.2, 0.7]), np.array([1.0, 0.4, -0.6])),
    (-1.5, np.array([0.0, -0.4, 0.6, 0.1, 0.8]), np.array([0.2, -1.0, 0.5, 2.0])),
]


def _on_paper():
    """Return z's slopes and the two gradients, as the reader writes them, and the table they are from."""
    table = scalar_rnn(2, 1, [1, -1, 2], [4, -2, -2], phi="identity")
    return (*table.dL_dz, table.dL_dw, table.dL_dv), table


def _without_the_later_ones(table):
    own = (table.yhat - [4, -2, -2]) / 3
    return (*own, own @ table.h[:-1], own @ table.x)


def _right(w, h, y):
    """Return the slopes of the network that has these states, from inputs that lead to them."""
    x = np.arctanh(h[1:]) - w * h[:-1]
    return scalar_rnn(w, 1, x, y, h0=h[0]).dL_dz


def _backwards(share=lambda T: 1 / T, slope=lambda h: 1 - h**2, carried=lambda dh, dz: dz):
    """Return a backward pass that is right but for what is given: of the loss, of phi, of the way from row to row."""

    def slopes(w, h, y):
        T, dh, dz = len(y), 0.0, 0.0
        found = np.zeros(T)
        for t in range(T, 0, -1):
            dh = w * carried(dh, dz) + (h[t] - y[t - 1]) * share(T)
            found[t - 1] = dz = dh * slope(h[t])
        return found

    return slopes


def _far_back():
    trace = forward(Params([[1.0]], [[0.5]], [[1.0]]), np.ones((8, 1)))
    slopes = backward(trace, np.zeros((8, 1)), reduction="last").h
    return float(slopes[0, 0] / slopes[-1, 0])


RIGHT, TABLE = _on_paper()
RATIO = _far_back()
TASKS = [
    Task(
        key="01.1",
        right=RIGHT,
        hint="Write the errors beside the states first. Then fill in the last row: it needs no other.",
        wrong=(
            Wrong(
                tuple(3 * number for number in RIGHT),
                "The loss is a mean over the steps: each step has only its share of it.",
            ),
            Wrong(
                _without_the_later_ones(TABLE),
                "A state is used in its own loss and in the next state. The second way is missing: 9.7.14.",
            ),
            Wrong(
                (*RIGHT[:3], np.dot(RIGHT[:3], TABLE.h[1:]), RIGHT[4]),
                "The slopes are right. In step t the weight w multiplies the state before, not that of step t.",
            ),
            Wrong((*RIGHT[2::-1], *RIGHT[3:]), "The slopes are all there. In which order are they asked for?"),
        ),
    ),
    Task(
        key="01.2",
        right=_right,
        hint="Begin with t = T. Three things make a row: w times the slope below, its own loss, the slope of phi.",
        cases=CASES,
        wrong=(
            Wrong(_backwards(share=lambda T: 1), "The factor 1/T of the mean is missing."),
            Wrong(
                _backwards(slope=lambda h: 1 - np.tanh(h) ** 2),
                "h_t is tanh(z_t) already: the slope of phi at z_t is written in h_t without another tanh.",
            ),
            Wrong(_backwards(slope=lambda h: 1), "The slope of phi is missing: it stands between dL/dh_t and dL/dz_t."),
            Wrong(
                _backwards(carried=lambda dh, dz: dh),
                "What goes back to step t is w times dL/dz_{t+1}; here it is w times dL/dh_{t+1}.",
            ),
            Wrong(
                _backwards(carried=lambda dh, dz: 0),
                "Each row has its own loss alone: what comes from the next state is missing.",
            ),
            Wrong(
                lambda w, h, y: _right(w, h, y)[::-1],
                "The slopes are right, but they begin with step T. Turn them round.",
            ),
        ),
    ),
    Task(
        key="01.3",
        right="c",
        hint=LINES,
        wrong=(
            Wrong(
                "a", "Sums and products take complex numbers: w may have an imaginary part here, and z then has one."
            ),
            Wrong("b", "tanh takes complex numbers as well: an imaginary part of z goes on into h."),
            Wrong("d", "A square is a product. It keeps an imaginary part, if there still is one in what it gets."),
        ),
    ),
    Task(
        key="01.4",
        right=RATIO,
        hint="With one loss at the end, each step back is one factor, and the slope of the identity is one.",
        wrong=(
            Wrong(RATIO / 2, "Count the arrows between the two states, not the states."),
            Wrong(1 / RATIO, "Upside down: the earlier state is the one whose slope is asked for first."),
            Wrong(0.5, "That is the factor of one step. There are more on the way."),
        ),
    ),
]
