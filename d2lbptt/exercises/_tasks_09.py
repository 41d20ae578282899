"""The tasks of notebook 09: the loss of a character model, what its loop cuts, and how a run is judged."""

import numpy as np

from ..bptt import backward
from ..gates import chunks, first_kept
from ..rnn import Params, forward
from ._task import Task, Wrong

ROWS = np.array([[0.5, -1.0, 2.0], [0.0, 1.5, -0.5], [1.0, 1.0, 0.0], [-2.0, 0.5, 1.0]])
LARGE = np.array([[800.0, 0.0, -800.0], [1.0, 2.0, 3.0]])  # exp of this is no number
SLOPES = [(ROWS, np.array([2, 0, 1, 1])), (LARGE, np.array([0, 2]))]
ON_PAPER = np.log([1.0, 2.0, 3.0])


def _slopes(o, y):
    """Return dL/do_t by the package, of a network whose outputs are o: W_qh is the identity, and no step has a past."""
    V = o.shape[1]
    trace = forward(Params(np.eye(V), np.zeros((V, V)), np.eye(V)), o)
    return backward(trace, y, loss="cross_entropy").o


def _softmax(o, axis=1):
    powers = np.exp(o - o.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def _one_hot(o, y):
    return np.eye(o.shape[1])[y]


def _without_shift(o, y):
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(o)
        return (powers / powers.sum(1, keepdims=True) - _one_hot(o, y)) / len(o)


def _pairs(first):
    return int(np.sum(np.arange(1, len(first) + 1) - first + 1))


T, TAU = 6, 3
FULL, WINDOW = _pairs(first_kept(T)), _pairs(first_kept(T, window=TAU))
CHUNKS, EVERY = _pairs(first_kept(T, gates=chunks(T, TAU))), _pairs(first_kept(T, window=1))


def _norm(gradients):
    return np.sqrt(sum(np.sum(np.square(g)) for g in gradients))


def _clipped(gradients, longest):
    share = min(1.0, longest / _norm(gradients))
    return [share * g for g in gradients]


GRADIENTS = [np.array([[1.0, 2.0], [0.0, 2.0]]), np.array([0.0, 4.0])]
CLIP = [(GRADIENTS, 1.0), (GRADIENTS, 10.0), ([np.array([0.5, 0.0]), np.array([2.0])], 1.0)]
LOSSES = [([np.array([1.0, 3.0, 2.0, 2.0]), np.array([0.5])],), ([np.array([[0.0, 4.0], [1.0, 1.0]]), np.ones(3)],)]

TASKS = [
    Task(
        key="09.1",
        right=tuple(_slopes(ON_PAPER[None], np.array([1]))[0]),
        hint="First the softmax: exp of each output, divided by the sum of all. Then take the one-hot target away.",
        wrong=(
            Wrong(
                tuple(_softmax(ON_PAPER[None])[0]), "This is the softmax. The one-hot target is still to be taken off."
            ),
            Wrong(
                tuple((_one_hot(ON_PAPER[None], [1]) - _softmax(ON_PAPER[None]))[0]),
                "The sign is turned: it is softmax minus one-hot. The loss rises with the outputs of all other tokens.",
            ),
            Wrong(
                tuple((_softmax(ON_PAPER[None]) - _one_hot(ON_PAPER[None], [0]))[0]),
                "The target is the second token; here the one of its one-hot vector stands in another place.",
            ),
        ),
    ),
    Task(
        key="09.2",
        right=_slopes,
        hint="Row by row: softmax of o_t minus the one-hot target, and the share 1/T of the mean.",
        wrong=(
            Wrong(lambda o, y: len(o) * _slopes(o, y), "The factor 1/T of the mean is missing: 9.7.10."),
            Wrong(
                _without_shift,
                "Large outputs overflow in exp. A softmax stays the same if one number is taken off a whole row.",
            ),
            Wrong(
                lambda o, y: (_softmax(o, 0) - _one_hot(o, y)) / len(o),
                "The softmax runs over the tokens of one step, that is along a row, not over the steps.",
            ),
            Wrong(lambda o, y: _softmax(o) / len(o), "This is the softmax alone; the one-hot target is missing."),
            Wrong(lambda o, y: -_slopes(o, y), "The sign is turned: it is softmax minus one-hot."),
        ),
        cases=SLOPES,
    ),
    Task(
        key="09.3",
        right=(FULL, CHUNKS, WINDOW),
        hint="Write the six losses as rows and count the steps k that each one reaches, its own step included.",
        wrong=(
            Wrong(
                (FULL, WINDOW, CHUNKS),
                "The two schemes have changed places: the loop keeps fewer pairs than the window.",
            ),
            Wrong((FULL, EVERY, WINDOW), "The loop detaches once per minibatch, not at every step."),
            Wrong(
                (FULL, CHUNKS, _pairs(first_kept(T, window=TAU + 1))),
                "In this book a window of tau keeps tau steps, that of the loss itself among them: t - k < tau.",
            ),
            Wrong(
                (FULL - T, CHUNKS - T, WINDOW - T),
                "The pair (t, t) counts, too: a loss reaches the weights that its own step uses.",
            ),
        ),
    ),
    Task(
        key="09.4",
        right=_clipped,
        hint="One factor for all arrays: the smaller of 1 and the longest length divided by the length that there is.",
        wrong=(
            Wrong(
                lambda gradients, longest: [_clipped([g], longest)[0] for g in gradients],
                "Here each array has a factor of its own, which turns the direction. The length is of all together.",
            ),
            Wrong(
                lambda gradients, longest: [np.clip(g, -longest, longest) for g in gradients],
                "Here each entry is clipped, which turns the direction. The length is what is to be bounded.",
            ),
            Wrong(
                lambda gradients, longest: [longest / _norm(gradients) * g for g in gradients],
                "A gradient that is short enough stays as it is: the factor is never above 1.",
            ),
            Wrong(
                lambda gradients, longest: [min(1.0, longest / _norm(gradients) ** 2) * g for g in gradients],
                "This divides by the sum of the squares. The length is its root.",
            ),
        ),
        cases=CLIP,
    ),
    Task(
        key="09.5",
        right=lambda losses: np.exp(np.concatenate([np.ravel(one) for one in losses]).mean()),
        hint="The mean is over all characters, whatever minibatch they stand in; then take exp, once.",
        wrong=(
            Wrong(
                lambda losses: np.exp(np.mean([np.mean(one) for one in losses])),
                "A mean of means gives a short minibatch as much weight as a long one. Count characters.",
            ),
            Wrong(
                lambda losses: np.mean([np.exp(np.mean(one)) for one in losses]),
                "exp comes last: a mean of perplexities is not the perplexity of all characters.",
            ),
            Wrong(
                lambda losses: np.concatenate([np.ravel(one) for one in losses]).mean(),
                "This is the mean loss. The perplexity is exp of it.",
            ),
            Wrong(
                lambda losses: 2 ** np.concatenate([np.ravel(one) for one in losses]).mean(),
                "The losses are natural logarithms, so that the base is e.",
            ),
        ),
        cases=LOSSES,
    ),
]
