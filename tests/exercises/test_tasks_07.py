"""The tasks of notebook 07: right answers, and hints for wrong ones, made without the module of the tasks.

Oracles: powers multiplied out entry by entry, gradients that are flowed back by random slopes, and counting.
"""

import numpy as np
from loops import for_each

from d2lbptt import laws
from d2lbptt.exercises import check


def power(W, k):
    found = np.eye(len(W))
    for _ in range(k):
        found = found @ W
    return found


# --- 07.1 ---


@for_each(
    "W",
    [[[0.9, 600], [0, 0.8]], [[0.99, 0], [150, -0.2 + 0.7]], [[0.95, 1000], [0, 0.95]], [[50, -100], [24.9, -49.8]]],
)
def test_a_matrix_that_grows_a_thousandfold_first_is_right(W):
    a, b, c, d = np.ravel(W)
    roots = np.roots([1, -(a + d), a * d - b * c])  # the eigenvalues, by the characteristic polynomial
    stretched = max(np.linalg.norm(power(np.array(W, float), 10) @ u) for u in np.eye(2))
    assert (np.abs(roots).max() < 1 and stretched > 1000) == bool(check("07.1", W))


def test_two_of_them_are_right():
    assert check("07.1", [[0.9, 600], [0, 0.8]]) and check("07.1", np.array([[0.95, 1000], [0, 0.95]]))


@for_each(
    ("W", "idea"),
    [([[2, 0], [0, 0]], "not below 1"), ([[0.9, 0], [0, 0.8]], "singular value"), ([[0.95, 25], [0, 0.85]], "grows"),
     ([[0.1, 100], [0, 0.1]], "closer to 1"), ([[..., ...], [..., ...]], "no answer yet"), (0.5, "shape (2, 2)"),
     ([[0.9, "c"], [0, 0.8]], "shape (2, 2)"), ([[np.nan, 0], [0, 0]], "finite"), (np.eye(3), "shape (2, 2)")],
)  # fmt: skip
def test_another_matrix_has_its_hint(W, idea):
    answer = check("07.1", W)
    assert not answer and idea in answer.hint


# --- 07.2 ---


def by_the_gram_matrix(W, gamma, k):
    return k * np.log10(gamma * np.sqrt(np.linalg.eigvalsh(W.T @ W).max()))


def test_the_bound_is_right_and_no_gradient_crosses_it():
    rng = np.random.default_rng(2)
    W, gamma, k = rng.normal(size=(4, 4)), 0.25, 12
    bound = by_the_gram_matrix(W, gamma, k)
    assert np.isclose(bound, laws.log10_bound(W, k, "sigmoid"))
    for _ in range(200):
        u = flowed = rng.normal(size=4)
        for slopes in rng.uniform(0, gamma, (k, 4)):
            flowed = W.T @ (slopes * flowed)
        assert np.log10(np.linalg.norm(flowed) / np.linalg.norm(u)) < bound
    assert check("07.2", by_the_gram_matrix)


def radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


@for_each(
    ("function", "idea"),
    [(lambda W, gamma, k: k * np.log10(gamma * radius(W)), "spectral radius"),
     (lambda W, gamma, k: k * np.log10(np.linalg.norm(W, 2)), "gamma is missing"),
     (lambda W, gamma, k: np.log10(gamma * np.linalg.norm(W, 2) ** k), "k slopes"),
     (lambda W, gamma, k: np.log10(gamma * np.linalg.norm(W, 2)), "one step"),
     (lambda W, gamma, k: k * np.log(gamma * np.linalg.norm(W, 2)), "natural"),
     (lambda W, gamma, k: (gamma * np.linalg.norm(W, 2)) ** k, "factor"),
     (lambda W, gamma, k: k * np.log10(gamma * np.sqrt((W**2).sum())), "not the best"),
     (lambda W, gamma, k: k * gamma, "slope and by the transpose")],
)  # fmt: skip
def test_another_bound_has_its_hint(function, idea):
    answer = check("07.2", function)
    assert not answer and idea in answer.hint


# --- 07.3 ---

RIGHT = ("vanishes", "vanishes", "vanishes", "undecided")


def test_what_is_known_of_four_networks():
    # 1 and 2: the largest slope times the largest singular value; 3: the long run by multiplying out.
    sigmoid = max(np.diff(1 / (1 + np.exp(-np.linspace(-3, 3, 60001)))) / 1e-4)
    assert sigmoid * 3 < 1
    assert np.linalg.norm(power(np.array([[0.9, 4.85], [0, 0.5]]), 200), 2) < 1e-6
    assert check("07.3", RIGHT) and check("07.3", [word.upper() for word in RIGHT])


@for_each("n", range(4))
def test_the_first_that_is_wrong_has_its_hint(n):
    answer = list(RIGHT)
    answer[n:] = ["explodes"] * (4 - n)
    found = check("07.3", answer)
    assert not found and found.hint.startswith(f"{n + 1}: ")


@for_each("answer", ["vanishes", ("yes",) * 4, RIGHT[:3], 4, [[1], [2], [3], [4]]])
def test_what_is_no_answer_is_told_the_words(answer):
    assert "Four words" in check("07.3", answer).hint


# --- 07.4 ---


def test_the_steps_are_counted():
    M = np.diag([1.0, 0.9])
    gradient, steps = np.ones(2), 0
    while abs(gradient[1] / gradient[0]) > 0.01:
        gradient, steps = M.T @ gradient, steps + 1
    assert check("07.4", steps) and check("07.4", float(steps))
    for wrong, idea in ((steps - 1, "too early"), (steps + 1, "before"), (np.log(100) / np.log(1 / 0.9), "whole")):
        answer = check("07.4", wrong)
        assert not answer and idea in answer.hint and str(steps) not in answer.hint


@for_each(("number", "idea"), [(22, "squares"), (100, "k-th powers"), ("44", "k-th powers")])
def test_another_number_has_its_hint(number, idea):
    answer = check("07.4", number)
    assert not answer and idea in answer.hint


# --- 07.5 ---


def test_a_matrix_whose_gradients_are_gone_after_three_steps_is_right():
    for W in (
        [[0, 0, 0], [12, 0, 0], [0, 0, 0]],
        [[0, 10, 7], [0, 0, 3], [0, 0, 0]],
        [[0, 10, 0], [0, 0, 0], [0, 0, 0]],
    ):
        gradients = np.random.default_rng(0).normal(size=(3, 5))
        for _ in range(3):
            gradients = np.array(W).T @ gradients
        assert not gradients.any() and check("07.5", W)


@for_each(
    ("W", "idea"),
    [([[0, 1, 0], [0, 0, 1], [0, 0, 0]], "below 10"), (10 * np.eye(3), "third power"),
     ([[0.1, 10, 0], [0, 0, 0], [0, 0, 0]], "third power"), ([[0, 10], [0, 0]], "shape (3, 3)"),
     (np.full((3, 3), ...), "no answer yet")],
)  # fmt: skip
def test_a_matrix_that_refutes_nothing_has_its_hint(W, idea):
    answer = check("07.5", W)
    assert not answer and idea in answer.hint
