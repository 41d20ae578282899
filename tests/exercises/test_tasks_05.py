"""Task by task of notebook 05: what is right, by another way, and the hint that each usual mistake gets."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt.exercises import check

# --- 05.1: the recursion with tanh ---


def by_linear_system(dL_do, h, W_hh, W_qh):
    """All gradients at once: what h_t sends to h_{t+1} is a block of one large matrix."""
    T, n = len(dL_do), len(W_hh)
    sends = np.zeros((T * n, T * n))
    for t in range(1, T):
        sends[t * n : t * n + n, t * n - n : t * n] = np.diag(1 - h[t + 1] ** 2) @ W_hh
    return np.linalg.solve(np.eye(T * n) - sends.T, (dL_do @ W_qh).ravel()).reshape(T, n)


def student(slope_of=1, first_the_slope=True, W=lambda W: W.T, slope=lambda h: 1 - h**2):
    def answer(dL_do, h, W_hh, W_qh):
        found = np.zeros((len(dL_do), len(W_hh)))
        found[-1] = dL_do[-1] @ W_qh
        for t in range(len(dL_do) - 1, 0, -1):
            s, later = slope(h[t + slope_of]), found[t]
            carried = W(W_hh) @ (s * later) if first_the_slope else s * (W(W_hh) @ later)
            found[t - 1] = carried + dL_do[t - 1] @ W_qh
        return found

    return answer


@for_each(
    "function, idea",
    [
        (student(slope=lambda h: 1), "for the identity"),
        (student(slope_of=0), "h[t] belongs to step t"),
        (student(first_the_slope=False), "First the slope, then the transpose: on"),
        (student(slope_of=0, first_the_slope=False), "that of step t + 1"),
        (student(W=lambda W: W), "not its transpose"),
        (lambda dL_do, h, W, V: (1 - h[1:] ** 2) * by_linear_system(dL_do, h, W, V), "with respect to z_t"),
        (student(slope=lambda h: h**2), "passes the activation"),
    ],
)
def test_recursion_with_tanh(function, idea):
    found = check("05.1", function)
    assert check("05.1", by_linear_system) and check("05.1", student())
    assert not found and idea in found.hint


# --- 05.2: softmax minus one-hot ---


def by_complex_step(o, y):
    loss = [np.log(np.exp(o + 1e-30j * e).sum()) - (o + 1e-30j * e)[y] for e in np.eye(len(o))]
    return np.array(loss).imag / 1e-30


def probabilities(o):
    return [np.exp(one) / sum(np.exp(o)) for one in o]


@for_each(
    "function, idea",
    [
        (lambda o, y: probabilities(o), "This is the softmax"),
        (lambda o, y: np.eye(len(o))[y] - probabilities(o), "The sign"),
        (lambda o, y: np.exp(o) - np.eye(len(o))[y], "divide by the sum"),
        (lambda o, y: o - np.eye(len(o))[y], "squared error"),
        (lambda o, y: np.array(probabilities(o)) - y, "the number of a class"),
        (lambda o, y: -np.log(probabilities(o)[y]), "the loss itself"),
        (lambda o, y: 0 * o, "is the softmax; that of the other"),
    ],
)
def test_softmax_minus_one_hot(function, idea):
    found = check("05.2", function)
    assert check("05.2", by_complex_step)
    assert not found and idea in found.hint


# --- 05.3: a bias and a batch ---


def bias(slope=lambda h, t: 1 - h[t] ** 2, steps=True, sequences=True, over=1):
    def answer(dL_dh, h):
        (T, B), found = dL_dh.shape[:2], np.zeros(dL_dh.shape)
        for t in range(1, T + 1):
            for one in range(B):
                found[t - 1, one] = slope(h, t)[one] * dL_dh[t - 1, one]
        axes = tuple(axis for axis, add in ((0, steps), (1, sequences)) if add)
        return found.sum(axes) / {1: 1, "B": B, "TB": T * B}[over]

    return answer


@for_each(
    "function, idea",
    [
        (bias(slope=lambda h, t: np.ones(len(h[t]))), "acts on z_t: the slope"),
        (bias(sequences=False), "sequences share"),
        (bias(steps=False), "All steps share"),
        (bias(over="B"), "mean over the batch"),
        (bias(over="TB"), "Both means"),
        (bias(slope=lambda h, t: 1 - h[t - 1] ** 2), "which is h[t]"),
        (lambda dL_dh, h: dL_dh[0, 0], "with the input 1"),
    ],
)
def test_bias_of_a_batch(function, idea):
    found = check("05.3", function)
    assert check("05.3", bias())
    assert not found and idea in found.hint


# --- 05.4: the bug ---

PRINTED = """\
def state_gradients(o, y, h, W_hh, W_qh):
    T = len(o)
    dL_do = (o - y) / T
    dL_dh = np.zeros((T, len(W_hh)))
    dL_dh[T - 1] = W_qh.T @ dL_do[T - 1]
    for t in range(T - 1, 0, -1):
        dL_dz = (1 - h[t] ** 2) * dL_dh[t]
        dL_dh[t - 1] = W_hh.T @ dL_dz + W_qh.T @ dL_do[t - 1]
    return dL_dh
"""


def test_the_line_with_the_bug():
    rng = np.random.default_rng(0)
    o, y, h = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), np.tanh(rng.normal(size=(5, 3)))
    W_hh, W_qh = rng.normal(size=(3, 3)), rng.normal(size=(2, 3))
    want, names = by_linear_system((o - y) / 4, h, W_hh, W_qh), {"np": np}
    exec(PRINTED, names)
    assert not np.allclose(names["state_gradients"](o, y, h, W_hh, W_qh), want)
    assert np.allclose(names["state_gradients"](o[:1], y[:1], h[:2], W_hh, W_qh), W_qh.T @ (o[0] - y[0]))  # T = 1
    lines = PRINTED.splitlines()
    lines[7 - 1] = lines[7 - 1].replace("h[t]", "h[t + 1]", 1)
    exec("\n".join(lines), names)
    assert np.allclose(names["state_gradients"](o, y, h, W_hh, W_qh), want)
    assert check("05.4", 7)


@pytest.mark.parametrize(
    "line, idea", [(8, "what it is given"), (5, "9.7.13"), (6, "a step after them"), (3, "with T = 2")]
)
def test_bug_hints(line, idea):
    found = check("05.4", line)
    assert not found and idea in found.hint


# --- 05.5: a unit at rest ---


def state_at_rest():
    """Where tanh(3 h) - h changes its sign, by bisection."""
    low, high = 0.5, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.tanh(3 * middle) > middle else (low, middle)
    return low


H = state_at_rest()


def test_the_factor_at_rest():
    slope = np.tanh(3 * H + 1e-30j).imag / 1e-30
    assert check("05.5", 3 * slope) and check("05.5", 0.0305)


@for_each(
    "answer, idea",
    [
        (1 - H**2, "the slope alone"),
        (3, "where the state is 0"),
        (H, "This is the state"),
        (3 * (1 - np.tanh(H) ** 2), "without another tanh"),
        (0.5, "by the weight and by the slope"),
    ],
)
def test_at_rest_hints(answer, idea):
    found = check("05.5", answer)
    assert not found and idea in found.hint and "0.03" not in found.hint
