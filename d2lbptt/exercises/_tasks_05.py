"""The tasks of notebook 05: the backward pass with tanh, softmax minus one-hot, and a unit at rest."""

import numpy as np

from ..activations import ACTIVATIONS
from ..bptt import backward
from ..losses import LOSSES
from ..rnn import forward, init_params
from ._task import Task, Wrong

T, B, D, H, Q = 4, 3, 2, 3, 2
SLOPE, CROSS_ENTROPY = ACTIVATIONS["tanh"].slope, LOSSES["cross_entropy"].slope


def _network(*batch):
    rng = np.random.default_rng(5)
    params = init_params(D, H, Q, bias=True, seed=5)
    trace = forward(params, rng.normal(size=(T, *batch, D)), h0=rng.normal(size=(*batch, H)), activation="tanh")
    return trace, backward(trace, rng.normal(size=(T, *batch, Q)))


TRACE, GRADIENT = _network()
BATCH, BATCH_GRADIENT = _network(B)
DL_DZ = SLOPE(BATCH.h[1:]) * BATCH_GRADIENT.h


def _recursion(back):
    """Return the walk from T down to 1; ``back(t, later, h, W_hh)`` carries dL/dh_{t+1} to h_t."""

    def walk(dL_do, h, W_hh, W_qh):
        rows = [W_qh.T @ dL_do[-1]]
        for t in range(len(dL_do) - 1, 0, -1):
            rows.insert(0, back(t, rows[0], h, W_hh) + W_qh.T @ dL_do[t - 1])
        return np.array(rows)

    return walk


def _at_rest():
    """Return the state h = tanh(3 h) > 0."""
    state = np.ones(1)
    for _ in range(100):
        state = np.tanh(3 * state)
    return state


def _slope_at(state):
    return SLOPE(state).item()


def _softmax(o):
    return CROSS_ENTROPY(o, np.array(0)) + np.eye(len(o))[0]


REST = _at_rest()
TASKS = [
    Task(
        key="05.1",
        right=lambda dL_do, h, W_hh, W_qh: GRADIENT.h,
        hint="As in notebook 04; but from h_{t+1} to h_t the gradient passes the activation of step t + 1.",
        wrong=(
            Wrong(
                _recursion(lambda t, later, h, W_hh: W_hh.T @ later),
                "This is the recursion for the identity: the slope of tanh is missing in 9.7.14.",
            ),
            Wrong(
                _recursion(lambda t, later, h, W_hh: W_hh.T @ (SLOPE(h[t]) * later)),
                "The slope is that of the step which the gradient comes from, and h[t] belongs to step t.",
            ),
            Wrong(
                _recursion(lambda t, later, h, W_hh: SLOPE(h[t + 1]) * (W_hh.T @ later)),
                "First the slope, then the transpose: on the way back z_{t+1} comes before the matrix.",
            ),
            Wrong(
                _recursion(lambda t, later, h, W_hh: SLOPE(h[t]) * (W_hh.T @ later)),
                "First the slope, then the transpose; and the slope is that of step t + 1.",
            ),
            Wrong(
                _recursion(lambda t, later, h, W_hh: W_hh @ (SLOPE(h[t + 1]) * later)),
                "This is W_hh, not its transpose: 9.7.14.",
            ),
            Wrong(
                lambda dL_do, h, W_hh, W_qh: SLOPE(h[1:]) * GRADIENT.h,
                "This is the gradient with respect to z_t: the slope of step t itself comes in 9.7.16, not here.",
            ),
        ),
        cases=[(GRADIENT.o, TRACE.h, TRACE.params.W_hh, TRACE.params.W_qh)],
    ),
    Task(
        key="05.2",
        right=lambda o, y: CROSS_ENTROPY(o, np.array(y)),
        hint="The derivative of log sum_j exp(o_j) is the softmax; that of the other term is the one-hot target.",
        wrong=(
            Wrong(lambda o, y: _softmax(o), "This is the softmax. What does the right class take off?"),
            Wrong(
                lambda o, y: -CROSS_ENTROPY(o, np.array(y)), "The sign: a larger output of the right class lowers l."
            ),
            Wrong(lambda o, y: np.exp(o) - np.eye(len(o))[y], "Probabilities add up to 1: divide by the sum."),
            Wrong(lambda o, y: o - np.eye(len(o))[y], "This is the slope of the squared error, with one-hot targets."),
            Wrong(
                lambda o, y: _softmax(o) - y, "y is the number of a class. What is subtracted is 1 at its place alone."
            ),
            Wrong(
                lambda o, y: -np.log(_softmax(o)[y]), "This is the loss itself. Its slope is wanted, for each output."
            ),
        ),
        cases=[(np.array([0.3, -1.0, 2.0, 0.5]), 2), (np.array([1.0, 0.2, -0.7]), 0)],
    ),
    Task(
        key="05.3",
        right=lambda dL_dh, h: BATCH_GRADIENT.b_h,
        hint="The bias is used in every step of every sequence, with the input 1, and it acts on z_t.",
        wrong=(
            Wrong(
                lambda dL_dh, h: dL_dh.sum((0, 1)),
                "The bias acts on z_t: the slope of step t comes first, as in 9.7.16.",
            ),
            Wrong(lambda dL_dh, h: DL_DZ.sum(0), "The sequences share the bias, so their gradients add up too."),
            Wrong(lambda dL_dh, h: DL_DZ.sum(1), "All steps share the bias, so their gradients add up too."),
            Wrong(lambda dL_dh, h: DL_DZ.sum(0).mean(0), "The mean over the batch has been taken in dL/dh_t already."),
            Wrong(lambda dL_dh, h: DL_DZ.mean((0, 1)), "Both means have been taken in dL/dh_t already: sum."),
            Wrong(
                lambda dL_dh, h: (SLOPE(h[:-1]) * dL_dh).sum((0, 1)),
                "The slope of step t comes from the state of step t, which is h[t].",
            ),
        ),
        cases=[(BATCH_GRADIENT.h, BATCH.h)],
    ),
    Task(
        key="05.4",
        right=7,
        hint="Go through it with T = 2: to which step does each row belong, and from which step does each slope come?",
        wrong=(
            Wrong(8, "This line is 9.7.14: row t - 1 is step t. Is what it is given right?"),
            Wrong(5, "This line is 9.7.13. Nothing stands between the last state and its output."),
            Wrong(6, "T - 1 down to 1 are the steps that have a step after them."),
        ),
    ),
    Task(
        key="05.5",
        right=3 * _slope_at(REST),
        hint="In a step the gradient is multiplied by the weight and by the slope, at the state where the unit rests.",
        wrong=(
            Wrong(_slope_at(REST), "This is the slope alone. The gradient passes the weight too."),
            Wrong(3.0, "This is the factor where the state is 0. The unit does not stay there."),
            Wrong(REST.item(), "This is the state. What is the slope of tanh there?"),
            Wrong(
                3 * _slope_at(np.tanh(REST)),
                "The state is tanh of z already: take the slope from it, without another tanh.",
            ),
        ),
        tolerance=5e-3,
    ),
]
