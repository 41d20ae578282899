"""The tasks of notebook 03: total and immediate derivatives, and the two routes to one gradient."""

from itertools import product

import numpy as np

from .. import total_derivative
from ..rnn import Params, forward
from ._task import Task, Wrong

NEEDS_BOTH = "The total derivative has two terms: the immediate one, and what comes through the state before (9.7.4)."


def _column(*numbers):
    return np.array(numbers, float)[:, None]


def _on_paper():
    params = Params(*(_column(weight) for weight in (1, 2, 1)))
    return forward(params, _column(1, 0, -1), h0=_column(1)[0])


def _slopes(x, h, w_h):
    """Return phi'(z_t) and the states before, for tanh."""
    return 1 - h[1:] ** 2, h[:-1]


def _by_w_x(x, h, w_h):
    slope, _ = _slopes(x, h, w_h)
    return total_derivative.recursion(slope * x, slope * w_h)


def _by_w_h(x, h, w_h):
    slope, before = _slopes(x, h, w_h)
    return total_derivative.recursion(slope * before, slope * w_h)


def _one_step_back(b, c):
    return b + c * np.r_[0, b[:-1]]


def _factor_early(b, c):
    return total_derivative.recursion(b, np.r_[1, c[:-1]])


def _four_sums(T):
    """Return A, B, C, D of a table whose cells (t, k) with k <= t are all 1."""
    cells = [(t, k) for t, k in product(range(1, T + 1), repeat=2) if k <= t]
    return len(cells), sum(t - k + 1 for t, k in cells), sum(t == k for t, k in cells), len(cells)


B, C = total_derivative.partials(_on_paper())
A = total_derivative.recursion(B, C)
ROWS = [(np.array([1.0, 2.0, -1.0, 0.5]), np.array([3.0, 0.5, -2.0, 4.0]))]
ONE_UNIT = [(np.array([1.0, -0.5, 2.0, 0.3]), np.array([0.2, 0.7, -0.4, 0.6, 0.1]), 0.8)]

TASKS = [
    Task(
        key="03.1",
        right=tuple(A),
        hint="First the states, then b_t = h_{t-1} and c_t = w_h, then a_t = b_t + c_t a_{t-1} from a_0 = 0 (9.7.6).",
        wrong=(
            Wrong(tuple(B), "These are the immediate derivatives b_t. " + NEEDS_BOTH),
            Wrong(tuple(_on_paper().h[1:, 0]), "These are the states. What is asked for is how they move with w_h."),
            Wrong(tuple(_one_step_back(B, C)), "h_{t-1} passes on its total derivative, not its immediate one."),
            Wrong(
                tuple(total_derivative.recursion(_on_paper().h[1:, 0], C)),
                "In step t the weight w_h is multiplied by the state before, h_{t-1}, not by h_t.",
            ),
        ),
    ),
    Task(
        key="03.2",
        right=total_derivative.recursion,
        hint="a_t = b_t + c_t a_{t-1}, from a_0 = 0 on: 9.7.4 with the names of 9.7.6.",
        wrong=(
            Wrong(lambda b, c: b, NEEDS_BOTH),
            Wrong(_one_step_back, "c_t multiplies the whole a_{t-1}, not b_{t-1} alone."),
            Wrong(_factor_early, "The factor of step t is c_t: step t itself passes on what came before."),
            Wrong(
                lambda b, c: total_derivative.recursion(b, c)[-1],
                "All of a_1 to a_T are asked for: 9.7.3 needs each of them.",
            ),
            Wrong(
                lambda b, c: np.r_[0, total_derivative.recursion(b, c)],
                "a_0 is where the recursion starts; what is returned begins with a_1.",
            ),
        ),
        cases=ROWS,
    ),
    Task(
        key="03.3",
        right=5,
        hint="Which of the four products of the table is added up here? Exactly one factor has to look through time.",
        wrong=(
            Wrong(4, "This line is the recursion, with the counting of Python. Is what it computes used anywhere?"),
            Wrong(6, "The mean over the steps is as in 9.7.3."),
        ),
    ),
    Task(
        key="03.4",
        right=_by_w_x,
        hint="Both terms as in 9.7.4. What is w_x multiplied by in step t, and what is the slope of tanh there?",
        wrong=(
            Wrong(lambda x, h, w_h: (1 - h[1:] ** 2) * x, NEEDS_BOTH),
            Wrong(_by_w_h, "This is the derivative with respect to w_h. In step t, what is w_x multiplied by?"),
            Wrong(
                lambda x, h, w_h: total_derivative.recursion(x, np.full(len(x), w_h)),
                "The slope of tanh is missing: h_t is tanh of z_t, so both terms are multiplied by it.",
            ),
            Wrong(
                lambda x, h, w_h: total_derivative.recursion(x, _slopes(x, h, w_h)[0] * w_h),
                "The slope of tanh belongs to the immediate derivative too.",
            ),
            Wrong(
                lambda x, h, w_h: total_derivative.recursion((1 - h[:-1] ** 2) * x, (1 - h[:-1] ** 2) * w_h),
                "The slope of step t comes from the state of step t, which is h[t].",
            ),
        ),
        cases=ONE_UNIT,
    ),
    Task(
        key="03.5",
        right=_four_sums(3),
        hint="A and D count each path once. B counts it once for each state on it, C only where k = t.",
        wrong=(
            Wrong((6, 4, 3, 6), "From k to t a path passes both ends: one state more than steps between."),
            Wrong((6, 10, 6, 6), "With both factors immediate, only the paths within one step are found."),
            Wrong((3, 10, 3, 3), "Two of the four are the gradient, which is the sum of all cells, not of one row."),
        ),
    ),
]
