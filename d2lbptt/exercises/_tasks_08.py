"""The tasks of notebook 08: what window, chunks, and a loop with k1 and k2 keep of a gradient."""

from numbers import Real

import numpy as np

from ..gates import chunks, tbptt
from ..rnn import Params, forward
from ..untied import by_pair
from ._task import Task, Wrong


def _column(*numbers):
    return np.array(numbers, float)[:, None]


TRACE = forward(Params(*(_column(weight) for weight in (1, 2, 1))), _column(0, -3, 1), h0=np.ones(1))
CELLS = by_pair(TRACE, _column(1, 2, 1), "W_hh", reduction="sum")[:, :, 0, 0]
LAG = np.subtract.outer(np.arange(3), np.arange(3))  # t - k


def _windows(cells):
    """Return dL/dw of task 08.1 with a window of 1, 2 and 3."""
    return tuple(float(cells[LAG < tau].sum()) for tau in (1, 2, 3))


RIGHT = _windows(CELLS)
ON_PAPER = Task(
    key="08.1",
    right=RIGHT,
    hint="Compute the three states, then the six cells. A window keeps those with t - k < tau: a band.",
    wrong=(
        Wrong(_windows(CELLS / 3), "Here L is a sum over the steps, without 1/T."),
        Wrong(
            (*RIGHT[1:], RIGHT[2]),
            "The own step counts: a window of 1 keeps the cells with k = t, and no others.",
        ),
        Wrong((RIGHT[0], RIGHT[1] - CELLS[2, 1], RIGHT[2]), "With tau = 2 these are chunks, not the window."),
        Wrong(
            _windows(CELLS * TRACE.h[1:, 0] / TRACE.h[:-1, 0]),
            "In step k the weight is multiplied by the state before, h_{k-1}.",
        ),
        Wrong(RIGHT[::-1], "The order: the shortest window comes first."),
        Wrong(RIGHT[2], "Three numbers are wanted, one for each window."),
    ),
)


# --- 08.2: gates ---


def _cut_at(cuts):
    def gates(T, tau):
        xi = np.ones(T)
        xi[cuts(tau)] = 0
        return xi

    return gates


GATES = Task(
    key="08.2",
    right=chunks,
    hint="T numbers, 0 or 1. Where a chunk begins the arrow back is cut: after tau steps, after two times tau, ...",
    wrong=(
        Wrong(
            _cut_at(lambda tau: slice(tau - 1, None, tau)),
            "One step early. The gate of the last step of a chunk leads into its own chunk, and is open.",
        ),
        Wrong(_cut_at(lambda tau: slice(tau + 1, None, tau)), "One step late: entry t - 1 belongs to step t."),
        Wrong(_cut_at(lambda tau: slice(0, None, tau)), "The gate of step 1 leads to h_0. It stays open."),
        Wrong(lambda T, tau: 1 - chunks(T, tau), "The other way round: an open gate is 1, a cut is 0."),
        Wrong(lambda T, tau: np.ones(T), "Nothing is cut: this is the full gradient."),
        Wrong(
            lambda T, tau: np.flatnonzero(chunks(T, tau) == 0) + 1,
            "This says where the cuts are. A gate for each of the T steps is wanted.",
        ),
    ),
    cases=[(12, 4), (10, 3), (5, 5), (6, 1)],
)


# --- 08.3: k1 and k2 ---


def _ends(T, k1):
    return -(-np.arange(1, T + 1) // k1) * k1


FIRST = Task(
    key="08.3",
    right=tbptt,
    hint="For each t: at which step e is the update to which its loss belongs? It goes back over e - k2 + 1 .. e.",
    wrong=(
        Wrong(
            lambda T, k1, k2: np.maximum(np.arange(1, T + 1) - k2 + 1, 1),
            "This is the window of k2. The losses of one update start together, at its end e.",
        ),
        Wrong(
            lambda T, k1, k2: _ends(T, k1) - k1 + 1,
            "These are chunks of k1. An update goes back over k2 steps, past the update before it.",
        ),
        Wrong(
            lambda T, k1, k2: np.minimum(_ends(T, k1), T) - k2 + 1,
            "No step lies before step 1: what would be less is 1.",
        ),
        Wrong(
            lambda T, k1, k2: np.maximum(_ends(T, k1) - k2 + 1, 1),
            "Look at the last update where k1 does not divide T: it comes after step T, not later.",
        ),
        Wrong(
            lambda T, k1, k2: np.arange(1, T + 1) - tbptt(T, k1, k2) + 1,
            "This is how many steps a loss reaches. Wanted is the first of them.",
        ),
        Wrong(
            lambda T, k1, k2: np.minimum(_ends(T, k1), T),
            "This is the step e of the update. How far back is the first?",
        ),
        Wrong(lambda T, k1, k2: tbptt(T, k1, k2) - 1, "Steps count from 1, as t does, not from 0."),
    ),
    cases=[(12, 2, 4), (12, 3, 7), (10, 4, 5), (6, 6, 6)],
)


# --- 08.4: the loop ---

DETACHES, REACHES = 5, 1


def _which_line(answer):
    """Return a hint for (line, tau), "" if both are right."""
    line, tau = answer
    if line == DETACHES and tau == REACHES:
        return ""
    if line == DETACHES:
        return "The line is right. Now follow one loss back: how many states lie between it and the first cut?"
    if line in (7, 8, 9):
        return "What comes once in 25 steps stands where it should. Which line must come once in 25 steps too?"
    if line == 10:
        return "The sum must begin anew after an update, else its losses would count twice: this line is right."
    return "Which line cuts a state off from its past? And how often does the loop come to it?"


LOOP = Task(key="08.4", right=None, hint="", judge=_which_line)


# --- 08.5: to be found with the explorer ---


def _off_by_half(g):
    """Return a hint for a g with which the window of 10 is off by 50 % or less, "" for another."""
    from ..experiments import truncation

    if not isinstance(g, Real) or isinstance(g, bool):
        return "A number is wanted: one g."
    if not 0 <= g <= 3:
        return "The slider goes from 0 to 3, and there are such g on it."
    if truncation("window", tau=10, g=float(g)).error > 0.5:
        return ""
    if g < 1.5:
        return "The far cells are still small here. What makes a gradient grow on its way back?"
    return "Not here. With so large a g tanh goes flat, or the far cells cancel: try smaller steps of the slider."


SEARCH = Task(key="08.5", right=None, hint="", judge=_off_by_half)
TASKS = [ON_PAPER, GATES, FIRST, LOOP, SEARCH]
