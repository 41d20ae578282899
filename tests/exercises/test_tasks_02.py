"""The tasks of notebook 02. Oracles: matrices written here, the complex step on a network whose bias is moved."""

import numpy as np
from loops import for_each

from d2lbptt.exercises import check

COPY_1 = np.array([[0, 3], [0, 1]])
COPY_2 = np.array([[3, 1], [6, 2]])


def test_the_shared_matrix():
    by_hand = [[0 + 3, 3 + 1], [0 + 6, 1 + 2]]
    assert check("02.1", by_hand) and check("02.1", np.array(by_hand, float))


def test_its_states_and_slopes_belong_to_a_network():
    """Untie W_hh, move an entry of a copy, look at the loss: this is the gradient of the task."""
    W = np.array([[0, 1], [2, 1]])

    def loss(copies):
        h, total = np.array([0, 1]), 0
        for t, (x, y) in enumerate([(2, 7), (-1, 12)]):
            h = copies[t] @ h + np.array([1, 0]) * x
            total += (h @ [1, 2] - y) ** 2 / 4
        return total

    found = np.zeros((2, 2, 2))
    for place in np.ndindex(found.shape):
        copies = np.array([W, W], complex)
        copies[place] += 1e-30j
        found[place] = loss(copies).imag / 1e-30
    np.testing.assert_allclose(found, [COPY_1, COPY_2], atol=1e-14)


@for_each(
    ("answer", "words"),
    [
        ([[3, 6], [4, 3]], "the transpose"),
        (np.outer([3, 1], [3, 1]) + np.outer([1, 2], [0, 7]), "the state before"),
        (COPY_1, "that of step 1"),
        (COPY_2, "that of step T"),
        ((COPY_1 + COPY_2) / 2, "not averaged"),
        (np.zeros((2, 2)), "as a column"),
        ([3, 4, 6, 3], "as a column"),
    ],
)
def test_wrong_matrices(answer, words):
    assert words in check("02.1", answer).hint


def test_the_uses_that_reach_a_loss():
    def loss(copies):
        h = 0.7
        for t in range(5):
            h = copies[t] * h + 1
        return h**2

    slopes = [loss(0.5 + 1e-30j * np.eye(8)[t]).imag for t in range(8)]
    assert check("02.2", np.count_nonzero(slopes))


@for_each(
    ("answer", "words"),
    [(8, "later state"), (4, "initial state"), (1, "meets one state"), (3, "after the loss"), (7, "a path")],
)
def test_wrong_numbers_of_uses(answer, words):
    assert words in check("02.2", answer).hint


LINES = """\
dW = np.zeros((n, n))
for t in range(T, 0, -1):
    part = np.outer(dL_dh[t - 1], h[t - 1])
    dW = part
"""


def test_the_line_that_forgets_the_other_uses():
    rng = np.random.default_rng(0)
    names = {"np": np, "n": 2, "T": 3, "dL_dh": rng.normal(size=(3, 2)), "h": rng.normal(size=(4, 2))}
    wanted = names["dL_dh"].T @ names["h"][:-1]
    exec(LINES, names)
    assert not np.allclose(names["dW"], wanted)
    exec(LINES.replace("dW = part", "dW = dW + part"), names)
    np.testing.assert_allclose(names["dW"], wanted)
    assert check("02.3", "d") and check("02.3", "D")


@for_each(("answer", "words"), [("a", "zeros"), ("b", "order"), ("c", "one use"), ("x", "T uses")])
def test_wrong_lines(answer, words):
    assert words in check("02.3", answer).hint


def by_complex_step(dL_dh):
    """The slopes say how a linear loss depends on each state; the bias moves all of them."""
    T, h = dL_dh.shape
    moved = 1e-30j * np.eye(h)
    return np.array([sum(dL_dh[t] @ moved[i] for t in range(T)).imag / 1e-30 for i in range(h)])


def test_the_bias():
    assert check("02.4", by_complex_step) and check("02.4", lambda dL_dh: np.ones(len(dL_dh)) @ dL_dh)


@for_each(
    ("answer", "words"),
    [
        (lambda dL_dh: sum(dL_dh) / len(dL_dh), "not averaged"),
        (lambda dL_dh: dL_dh[-1], "last step alone"),
        (lambda dL_dh: dL_dh, "untied copies"),
        (np.sum, "not over the units"),
        (lambda dL_dh: np.array([row.sum() for row in dL_dh]), "over the units"),
        (lambda dL_dh: 0 * dL_dh[0], "once in each step"),
        ("sum", "A function is wanted"),
    ],
)
def test_wrong_biases(answer, words):
    assert words in check("02.4", answer).hint


def test_the_learning_rate_of_the_mean():
    gradients = np.random.default_rng(1).normal(size=50)
    rate = 0.03 * gradients.sum() / gradients.mean()
    assert check("02.5", rate)


@for_each(("answer", "words"), [(0.0006, "wrong way round"), (0.03, "same rate"), (50, "learning rate times")])
def test_wrong_rates(answer, words):
    assert words in check("02.5", answer).hint
