"""Task by task of notebook 10: what is right, by another way, and the hint that each usual mistake gets."""

from itertools import product

import numpy as np
from loops import for_each

from d2lbptt.exercises import check


def hinted(key, answer, idea, never=()):
    found = check(key, answer)
    assert not found and idea in found.hint
    assert not any(secret in found.hint.split() for secret in never)


def end(w, x, h, phi=lambda z: z):
    for x_t in x:
        h = phi(w * h + x_t)
    return h


# --- 10.1: on paper ---

H = [1, 3, 7, 15]
RIGHT = end(2 + 1e-30j, (1, 1, 1), 1).imag / 1e-30
PRINTED = 4 * H[1] + 2 * H[2] + H[3]


@for_each(("answer", "idea"), [
    ((RIGHT, PRINTED), "changed places"),
    ((PRINTED, PRINTED), "enters step j"),
    ((H[1] + 2 * H[2] + 4 * H[3], H[0] + 2 * H[1] + 4 * H[2]), "highest power"),
    ((PRINTED, 7), "two more"),
    ((0, 0), "First the states"),
])  # fmt: skip
def test_the_sum_on_paper_and_its_hints(answer, idea):
    assert check("10.1", (PRINTED, RIGHT))
    hinted("10.1", answer, idea, (str(int(RIGHT)), str(PRINTED)))


# --- 10.2: the slopes ---


def moved(h, w):
    """By the complex step, with the inputs that made these states."""
    x = np.arctanh(h[1:]) - w * h[:-1]
    return end(w + 1e-30j, x, h[0], np.tanh).imag / 1e-30


def summed(h, w, low, state=lambda j: j - 1, slope=lambda h_i: 1 - h_i**2):
    T, total = len(h) - 1, 0.0
    for j in range(1, T + 1):
        term = w ** (T - j) * h[state(j)]
        for i in range(low(j, T), T + 1):
            term *= slope(h[i])
        total += term
    return total


@for_each(("answer", "idea"), [
    (lambda h, w: summed(h, w, lambda j, T: j, slope=lambda h_i: 1), "right for the identity"),
    (lambda h, w: summed(h, w, lambda j, T: j + 1), "One slope is missing"),
    (lambda h, w: summed(h, w, lambda j, T: T - j + 1), "counted from the end"),
    (lambda h, w: summed(h, w, lambda j, T: j, state=lambda j: j), "Q4"),
    (lambda h, w: 0.0, "Q2"),
])  # fmt: skip
def test_the_slopes_and_their_hints(answer, idea):
    assert check("10.2", moved)
    assert check("10.2", lambda h, w: summed(h, w, lambda j, T: j))
    hinted("10.2", answer, idea)


# --- 10.3: pairs of the loop ---


def table(T, keeps):
    found = np.zeros((T, T), bool)
    for t, k in product(range(1, T + 1), repeat=2):
        found[t - 1, k - 1] = keeps(t, k)
    return found


def loop(T, tau):
    """Minibatch after minibatch, a triangle each."""
    found = np.zeros((T, T), bool)
    for begin in range(0, T, tau):
        n = min(tau, T - begin)
        found[begin : begin + n, begin : begin + n] = np.tri(n, dtype=bool)
    return found


@for_each(("answer", "idea"), [
    (lambda T, tau: table(T, lambda t, k: 0 <= t - k < tau), "sliding window"),
    (lambda T, tau: table(T, lambda t, k: t == k), "at every step"),
    (lambda T, tau: loop(T, tau).T, "Rows and columns"),
    (lambda T, tau: loop(T, tau) | loop(T, tau).T, "Keep k <= t"),
    (lambda T, tau: table(T, lambda t, k: t // tau == k // tau and k <= t), "counted from 1 on"),
    (lambda T, tau: np.ones((T, T), bool), "same minibatch"),
])  # fmt: skip
def test_the_pairs_of_the_loop_and_their_hints(answer, idea):
    assert check("10.3", loop)
    hinted("10.3", answer, idea)


# --- 10.4: multiplications ---


def multiplications():
    return sum(1 for i in range(1, 100) for j in range(i + 1, 101))


@for_each(("answer", "idea"), [
    ((5050, 100), "add them once more"),
    ((10_000, 100), "shorter as i rises"),
    ((sum(t * (t - 1) // 2 for t in range(1, 101)), 100), "the last one alone"),
    ((100, 4950), "changed places"),
    ((1, 1), "t - i factors"),
])  # fmt: skip
def test_multiplications_and_their_hints(answer, idea):
    assert check("10.4", (multiplications(), 100))
    hinted("10.4", answer, idea, ("4950", "4,950"))
