"""The tasks of notebook 04: the whole backward pass, display by display."""

import numpy as np

from ..bptt import backward
from ..rnn import forward, init_params
from ._task import Task, Wrong

T, D, H, Q = 4, 2, 3, 2


def _network():
    rng = np.random.default_rng(4)
    trace = forward(init_params(D, H, Q, seed=4), rng.normal(size=(T, D)), h0=rng.normal(size=H))
    return trace, rng.normal(size=(T, Q))


TRACE, Y = _network()
GRADIENT = backward(TRACE, Y)
W_HH, W_QH = TRACE.params.W_hh, TRACE.params.W_qh
NO_OUTER = "Each step adds a column times a row: the gradient at the output of the weight, times what goes into it."
SUMMED = "The weight is used in every step, and each use adds its share: sum over t."


def _walk(start, step, carried, length=T):
    """Return the rows of a recursion backwards: the last row is start, and ``step(t, carried(later))`` the others."""
    rows = [start]
    for t in range(length - 1, 0, -1):
        rows.insert(0, step(t, carried(rows[0])))
    return np.array(rows)


def _back(dL_do, W_hh, W_qh):
    """Return dL/dh_t in T rows, from dL/do_t: a backward pass through the network of this W_hh and W_qh."""
    zero = np.zeros((len(dL_do), 1))
    params = init_params(1, len(W_hh), len(W_qh), seed=0)._replace(W_hh=W_hh, W_qh=W_qh)
    trace = forward(params, zero)
    return backward(trace, trace.o - dL_do, reduction="sum").h


def _forward_in_time(dL_do, W_hh, W_qh):
    return _back(dL_do[::-1], W_hh, W_qh)[::-1]


def _only_the_last(dL_do, W_hh, W_qh):
    return _back(np.r_[np.zeros_like(dL_do[:-1]), dL_do[-1:]], W_hh, W_qh)


def _later_alone(dL_do, W_hh, W_qh):
    """Return the recursion with the output of the step after in place of its own."""
    own = dL_do @ W_qh
    return _walk(own[-1], lambda t, carried: carried + own[t], lambda later: W_hh.T @ later, len(dL_do))


def _row(rows):
    """Return a function of t for one of rows that returns all."""
    return lambda t, dL_do, W_hh, W_qh: rows(dL_do, W_hh, W_qh)[t - 1]


def _powers(power, t, dL_do, W_hh, W_qh):
    """Return a sum over the losses s from t on, each with a power of the transpose."""
    own = dL_do @ W_qh
    return sum(np.linalg.matrix_power(W_hh.T, power(s, t)) @ own[s - 1] for s in range(t, len(own) + 1))


OUTPUTS = [(np.array([1.0, 2.0]), np.array([0.5, 4.0]), 4)]
STATES = [(GRADIENT.o, W_HH, W_QH)]
EACH_STATE = [(t, GRADIENT.o, W_HH, W_QH) for t in (1, 2, T)]
TASKS = [
    Task(
        key="04.1",
        right=lambda o, y, T: (o - y) / T,
        hint="dL/do_t is the slope of the loss of step t alone, times its share of L: 9.7.11.",
        wrong=(
            Wrong(lambda o, y, T: o - y, "The factor 1/T of the mean is missing: 9.7.10."),
            Wrong(lambda o, y, T: (y - o) / T, "The sign: where the output is above its target, L grows with it."),
            Wrong(lambda o, y, T: 2 * (o - y) / T, "The loss is half the squared distance: its slope has no factor 2."),
            Wrong(lambda o, y, T: ((o - y) ** 2).sum() / (2 * T), "This is the loss of the step. Its slope is wanted."),
        ),
        cases=OUTPUTS,
    ),
    Task(
        key="04.2",
        right=lambda dL_do, h: GRADIENT.W_qh,
        hint=NO_OUTER + " See 9.7.12.",
        wrong=(
            Wrong(lambda dL_do, h: dL_do.T @ h[:-1], "The output of step t is made from h_t, which is h[t]: 9.7.12."),
            Wrong(lambda dL_do, h: GRADIENT.W_qh.T, "This is its transpose: a gradient has the shape of its weight."),
            Wrong(lambda dL_do, h: GRADIENT.W_qh / T, "The 1/T is in dL/do_t already: 9.7.11."),
            Wrong(lambda dL_do, h: np.outer(dL_do[-1], h[-1]), SUMMED),
        ),
        cases=[(GRADIENT.o, TRACE.h)],
    ),
    Task(
        key="04.3",
        right=_back,
        hint="Start at T with 9.7.13. Then each h_t has two uses, and so 9.7.14 has two terms.",
        wrong=(
            Wrong(
                lambda dL_do, W_hh, W_qh: _back(dL_do, W_hh.T, W_qh),
                "This is W_hh, not its transpose: on the way back it is transposed, 9.7.14.",
            ),
            Wrong(_only_the_last, "h_t goes into its own output as well: the second term of 9.7.14 is missing."),
            Wrong(lambda dL_do, W_hh, W_qh: dL_do @ W_qh, "h_t goes into h_{t+1} as well: the first term of 9.7.14."),
            Wrong(_forward_in_time, "The recursion runs from T down to 1: the right-hand side of 9.7.14 needs t + 1."),
            Wrong(_later_alone, "Beside h_t stands its own output: row t - 1 of dL_do belongs to step t."),
            Wrong(
                lambda dL_do, W_hh, W_qh: _back(dL_do, W_hh, W_qh)[::-1],
                "The rows are in the order of the walk. Row t - 1 should belong to step t.",
            ),
        ),
        cases=STATES,
    ),
    Task(
        key="04.4",
        right=_row(_back),
        hint="Each loss from step t on is carried back to t by one power of the transpose: 9.7.15.",
        wrong=(
            Wrong(
                _row(lambda dL_do, W_hh, W_qh: _back(dL_do, W_hh.T, W_qh)),
                "These are powers of W_hh, not of its transpose: 9.7.15.",
            ),
            Wrong(
                lambda t, *rest: _powers(lambda s, t: len(rest[0]) - s, t, *rest),
                "The loss of step T goes the longest way back, that of step t none: which output stands beside T - i?",
            ),
            Wrong(
                lambda t, *rest: _powers(lambda s, t: s - t + 1, t, *rest),
                "One power too many: the loss of step t itself is not carried at all.",
            ),
            Wrong(_row(_only_the_last), "This is the loss of step T alone. Each loss from step t on counts."),
            Wrong(
                lambda t, *rest: _powers(lambda s, t: s - t, t, *rest) - (rest[0] @ rest[2])[t - 1],
                "The sum runs to i = T, with T in it: the loss of step t itself counts.",
            ),
        ),
        cases=EACH_STATE,
    ),
    Task(
        key="04.5",
        right=lambda dL_dh, x, h: (GRADIENT.W_hx, GRADIENT.W_hh),
        hint=NO_OUTER + " See 9.7.16.",
        wrong=(
            Wrong(
                lambda dL_dh, x, h: (GRADIENT.W_hx, dL_dh.T @ h[1:]),
                "In step t the weight W_hh is multiplied by the state before: h_{t-1}, not h_t (9.7.16).",
            ),
            Wrong(
                lambda dL_dh, x, h: (GRADIENT.W_hx.T, GRADIENT.W_hh.T),
                "These are transposes: each gradient has the shape of its weight, (h, d) and (h, h).",
            ),
            Wrong(lambda dL_dh, x, h: (GRADIENT.W_hx, GRADIENT.W_hh.T), "The second is a transpose: see 9.7.16."),
            Wrong(lambda dL_dh, x, h: (GRADIENT.W_hh, GRADIENT.W_hx), "First the one for W_hx, then that for W_hh."),
            Wrong(lambda dL_dh, x, h: (GRADIENT.W_hx / T, GRADIENT.W_hh / T), "The 1/T is in dL/dh_t already: 9.7.11."),
            Wrong(lambda dL_dh, x, h: (np.outer(dL_dh[-1], x[-1]), np.outer(dL_dh[-1], h[-2])), SUMMED),
        ),
        cases=[(GRADIENT.h, TRACE.x, TRACE.h)],
    ),
]
