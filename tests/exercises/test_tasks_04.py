"""Task by task of notebook 04: what is right, by loops over entries, and the hint that each usual mistake gets."""

import numpy as np
from loops import for_each

from d2lbptt.exercises import check

# --- 04.1: from the loss to an output, 9.7.11 ---


def numerically(o, y, T):
    """The slope of the loss of one step by central differences, which are exact for a square."""
    found = []
    for i in range(len(o)):
        shift = np.eye(len(o))[i]
        loss = [np.sum((o + sign * shift - y) ** 2) / (2 * T) for sign in (1, -1)]
        found.append((loss[0] - loss[1]) / 2)
    return found


@for_each(
    "function, idea",
    [
        (lambda o, y, T: o - y, "1/T of the mean"),
        (lambda o, y, T: -(o - y) / T, "The sign"),
        (lambda o, y, T: (o - y) * 2 / T, "half the squared distance"),
        (lambda o, y, T: np.sum((o - y) ** 2) / 2 / T, "This is the loss"),
        (lambda o, y, T: o, "the slope of the loss of step t alone"),
    ],
)
def test_at_the_output(function, idea):
    found = check("04.1", function)
    assert check("04.1", numerically)
    assert not found and idea in found.hint


# --- 04.2: the output weights, 9.7.12 ---


def output_weights(first=1, mean=False, only_last=False, transposed=False):
    def answer(dL_do, h):
        (T, q), n = dL_do.shape, h.shape[1]
        found = np.zeros((q, n))
        for t in range(T - 1 if only_last else 0, T):
            for a in range(q):
                for b in range(n):
                    found[a, b] += dL_do[t, a] * h[t + first, b] / (T if mean else 1)
        return found.T if transposed else found

    return answer


@for_each(
    "function, idea",
    [
        (output_weights(first=0), "h[t]"),
        (output_weights(transposed=True), "its transpose"),
        (output_weights(mean=True), "dL/do_t already"),
        (output_weights(only_last=True), "sum over t"),
        (lambda dL_do, h: dL_do.sum(0)[:, None] * h[1:].sum(0), "a column times a row"),
    ],
)
def test_output_weights(function, idea):
    found = check("04.2", function)
    assert check("04.2", output_weights())
    assert not found and idea in found.hint


# --- 04.3 and 04.4: the gradients of the states, 9.7.13 to 9.7.15 ---


def unrolled(dL_do, W_hh, W_qh):
    """The inputs of all states set free: one linear system for all gradients at once, solved."""
    T, n = len(dL_do), len(W_hh)
    later = np.kron(np.eye(T, k=1), W_hh.T)  # what h_t sends to h_{t+1}, seen from behind
    own = np.concatenate([W_qh.T @ row for row in dL_do])
    return np.linalg.solve(np.eye(T * n) - later, own).reshape(T, n)


def student(W=lambda W: W.T, own=lambda t: t, own_loss=True, carries=True):
    def answer(dL_do, W_hh, W_qh):
        found = np.zeros((len(dL_do), len(W_hh)))
        found[-1] = W_qh.T @ dL_do[-1]
        for t in range(len(dL_do) - 2, -1, -1):
            found[t] = carries * (W(W_hh) @ found[t + 1]) + own_loss * (W_qh.T @ dL_do[own(t)])
        return found

    return answer


def downwards(dL_do, W_hh, W_qh):
    """The loop in the order of time."""
    found = [W_qh.T @ dL_do[0]]
    for row in dL_do[1:]:
        found.append(W_hh.T @ found[-1] + W_qh.T @ row)
    return np.array(found)


def as_appended(dL_do, W_hh, W_qh):
    found = [W_qh.T @ dL_do[-1]]
    for row in dL_do[-2::-1]:
        found.append(W_hh.T @ found[-1] + W_qh.T @ row)
    return np.array(found)


@for_each(
    "function, idea",
    [
        (student(W=lambda W: W), "not its transpose"),
        (student(own_loss=False), "second term"),
        (student(carries=False), "first term"),
        (downwards, "from T down to 1"),
        (student(own=lambda t: t + 1), "belongs to step t"),
        (as_appended, "order of the walk"),
        (lambda dL_do, W_hh, W_qh: np.zeros((len(dL_do), len(W_hh))), "Start at T"),
        (lambda dL_do, W_hh: 0, "your function raises TypeError"),
    ],
)
def test_gradients_of_the_states(function, idea):
    found = check("04.3", function)
    assert check("04.3", unrolled) and check("04.3", student())
    assert not found and idea in found.hint


def by_powers(power=lambda T, t, i: T - i, output=lambda T, t, i: T + t - i, W=lambda W: W.T, last=0):
    def answer(t, dL_do, W_hh, W_qh):
        T, found = len(dL_do), np.zeros(len(W_hh))
        for i in range(t, T + 1 + last):
            carried = W_qh.T @ dL_do[output(T, t, i) - 1]
            for _ in range(power(T, t, i)):
                carried = W(W_hh) @ carried
            found = found + carried
        return found

    return answer


@for_each(
    "function, idea",
    [
        (by_powers(W=lambda W: W), "not of its transpose"),
        (by_powers(output=lambda T, t, i: i), "which output stands beside"),
        (by_powers(power=lambda T, t, i: T - i + 1), "One power too many"),
        (by_powers(last=-1), "with T in it"),
        (lambda t, o, W, V: np.linalg.matrix_power(W.T, len(o) - t) @ V.T @ o[-1], "of step T alone"),
        (lambda t, dL_do, W_hh, W_qh: np.zeros(len(W_hh)), "one power of the transpose"),
    ],
)
def test_written_out(function, idea):
    found = check("04.4", function)
    assert check("04.4", lambda t, *rest: unrolled(*rest)[t - 1]) and check("04.4", by_powers())
    assert not found and idea in found.hint


# --- 04.5: the weights inside the loop, 9.7.16 ---


def weights(before=True, mean=False, last=False):
    def answer(dL_dh, x, h):
        T, n = dL_dh.shape
        W_hx, W_hh = np.zeros((n, x.shape[1])), np.zeros((n, n))
        for t in range(T, 0, -1):
            W_hx += dL_dh[t - 1][:, None] * x[t - 1] / (T if mean else 1)
            W_hh += dL_dh[t - 1][:, None] * h[t - 1 if before else t] / (T if mean else 1)
            if last:
                break
        return W_hx, W_hh

    return answer


@for_each(
    "function, idea",
    [
        (weights(before=False), "h_{t-1}, not h_t"),
        (lambda *args: [W.T for W in weights()(*args)], "These are transposes"),
        (lambda *args: (weights()(*args)[0], weights()(*args)[1].T), "The second is a transpose"),
        (lambda *args: weights()(*args)[::-1], "First the one for W_hx"),
        (weights(mean=True), "dL/dh_t already"),
        (weights(last=True), "sum over t"),
        (lambda *args: weights()(*args)[1], "a column times a row"),
        (lambda dL_dh, x, h: (dL_dh @ x, dL_dh @ h), "your function raises ValueError"),
    ],
)
def test_weights(function, idea):
    found = check("04.5", function)
    assert check("04.5", weights()) and check("04.5", lambda *args: list(weights()(*args)))
    assert not found and idea in found.hint
