"""The tasks of notebook 10: what readers ask, decided with small numbers."""

from math import comb

import numpy as np

from ..gates import chunks, first_kept
from ..rnn import Params, forward
from ..total_derivative import partials, recursion
from ._task import Task, Wrong


def _one_unit(w, h_0, inputs):
    params = Params(*np.array([[[1.0]], [[w]], [[1.0]]]))
    return forward(params, np.array(inputs, float)[:, None], h0=np.array([float(h_0)]))


ON_PAPER = _one_unit(2.0, 1.0, [1, 1, 1])
H = ON_PAPER.h[:, 0]  # H[t] is h_t
POWERS = 2.0 ** np.array([2, 1, 0])
CORRECTED, PRINTED = recursion(*partials(ON_PAPER))[-1], POWERS @ H[1:]


def _states(w, x):
    h = [0.3]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + x_t))
    return np.array(h)


def _sum(h, w, first=lambda j, T: j, slopes=True, entering=lambda j: j - 1):
    """Return the sum over j of w^{T-j} h_{j-1} and the slopes from ``first`` to T."""
    T = len(h) - 1
    slope = 1 - np.asarray(h) ** 2 if slopes else np.ones(T + 1)
    return sum(w ** (T - j) * h[entering(j)] * np.prod(slope[first(j, T) :]) for j in range(1, T + 1))


def _derivative(h, w):
    """Return dh_T/dw by the recursion 9.7.4, where h_t = tanh(w h_{t-1} + x_t)."""
    slope = 1 - np.asarray(h[1:]) ** 2
    return recursion(slope * np.asarray(h[:-1]), slope * w)[-1]


UNIT = [(_states(w, x), w) for w, x in ((0.8, [0.5, -1.0, 0.7, 0.2]), (-1.5, [0.1, 0.4, -0.3]))]


def _table(first):
    k = np.arange(1, len(first) + 1)
    return (k >= np.asarray(first)[:, None]) & (k <= k[:, None])


def _loop(T, tau):
    return _table(first_kept(T, gates=chunks(T, tau)))


def _window(T, tau):
    return _table(first_kept(T, window=tau))


STEPS = 100

TASKS = [
    Task(
        key="10.1",
        right=(PRINTED, CORRECTED),
        hint="First the states h_1, h_2, h_3. Then three products: 4 times a state, 2 times a state, 1 times a state.",
        wrong=(
            Wrong((CORRECTED, PRINTED), "The two have changed places: the printed sum is the one with h_j."),
            Wrong((PRINTED, PRINTED), "The second sum takes the state that enters step j, one earlier."),
            Wrong(
                (POWERS[::-1] @ H[1:], POWERS[::-1] @ H[:-1]),
                "The power is w^(t-j): the oldest use is carried the farthest, and has the highest power.",
            ),
            Wrong(
                (PRINTED, H[2]),
                "This is the derivative with h_2 held. It is the last term of the sum, and there are two more.",
            ),
        ),
    ),
    Task(
        key="10.2",
        right=_derivative,
        hint="Q2: in the j of the display the slopes run over i = j .. T, and the state that enters step j is h_{j-1}.",
        wrong=(
            Wrong(
                lambda h, w: _sum(h, w, slopes=False),
                "This is right for the identity. With tanh each step has a slope.",
            ),
            Wrong(
                lambda h, w: _sum(h, w, first=lambda j, T: j + 1),
                "One slope is missing in each term: the use in step j goes through the tanh of step j itself.",
            ),
            Wrong(
                lambda h, w: _sum(h, w, first=lambda j, T: T - j + 1),
                "The range t-j+1 .. t belongs to the terms w^(j-1) h_(t-j), which are counted from the end.",
            ),
            Wrong(
                lambda h, w: _sum(h, w, entering=lambda j: j),
                "The weight of step j meets the state that enters it: Q4.",
            ),
        ),
        cases=UNIT,
    ),
    Task(
        key="10.3",
        right=_loop,
        hint="t and k stand in the same minibatch, and k is not after t. Count minibatches by a whole division.",
        wrong=(
            Wrong(
                _window, "This is the sliding window. In the loop the distance to the start of the minibatch decides."
            ),
            Wrong(
                lambda T, tau: np.eye(T, dtype=bool),
                "This detaches at every step. The loop does so once per minibatch.",
            ),
            Wrong(
                lambda T, tau: _loop(T, tau).T, "Rows and columns have changed places: row t - 1 is the loss of step t."
            ),
            Wrong(
                lambda T, tau: np.arange(T)[:, None] // tau == np.arange(T) // tau,
                "Here a loss reaches steps after its own. Keep k <= t.",
            ),
            Wrong(
                lambda T, tau: _table(np.maximum(1, np.arange(1, T + 1) // tau * tau)),
                "The steps are counted from 1 on: the second minibatch begins at t = tau + 1.",
            ),
        ),
        cases=[(12, 4), (7, 3), (5, 1), (4, 4)],
    ),
    Task(
        key="10.4",
        right=(comb(STEPS, 2), STEPS),
        hint="For one i there are t - i factors c_j, and i runs from 1 to t - 1. The recursion multiplies once a step.",
        wrong=(
            Wrong(
                (comb(STEPS + 1, 2), STEPS),
                "Each product has t - i factors, and the last i is t - 1: add them once more.",
            ),
            Wrong((STEPS**2, STEPS), "The products become shorter as i rises: 99 factors, 98, and so on to 1."),
            Wrong(
                (comb(STEPS + 1, 3), STEPS),
                "These are the multiplications of all of a_1 to a_100. The question is about the last one alone.",
            ),
            Wrong((STEPS, comb(STEPS, 2)), "The two have changed places: the recursion is the cheap one."),
        ),
    ),
]
