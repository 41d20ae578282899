"""Task by task of notebook 08: what is right, by another way, and the hint that each usual mistake gets."""

from itertools import pairwise

import numpy as np
import pytest
from loops import for_each

from d2lbptt.exercises import check
from d2lbptt.experiments import truncation


def refused(key, answer, idea, *secrets):
    """The hint names the idea, and no answer."""
    found = check(key, answer)
    assert not found and idea in found.hint
    assert not any(secret in found.hint for secret in secrets)


# --- 08.1: on paper ---

W, X, Y = 2, (0, -3, 1), (1, 2, 1)
STATES = [1]
for x_t in X:
    STATES.append(W * STATES[-1] + x_t)


def by_hand(tau=3, own=0, share=1, chunk=None):
    """The sum over the cells (t, k) that are kept; own = 1 takes h_k for h_{k-1}."""
    total = 0
    for t in (1, 2, 3):
        for k in range(1, t + 1):
            if (t - 1) // chunk == (k - 1) // chunk if chunk else t - k < tau:
                total += share * (STATES[t] - Y[t - 1]) * W ** (t - k) * STATES[k - 1 + own]
    return total


def numerically(eps=1e-30):
    """dL/dw in full, by a complex step."""
    h, L = 1, 0
    for x_t, y_t in zip(X, Y, strict=True):
        h = (W + 1j * eps) * h + x_t
        L = L + (h - y_t) ** 2 / 2
    return L.imag / eps


ON_PAPER = tuple(by_hand(tau) for tau in (1, 2, 3))


def test_windows_on_paper():
    assert np.isclose(ON_PAPER[-1], numerically())
    assert check("08.1", ON_PAPER) and check("08.1", np.array(ON_PAPER))
    assert STATES == [1, 2, 1, 3] and all(isinstance(number, int) for number in ON_PAPER)


@for_each(
    "answer, idea",
    [
        (tuple(by_hand(tau, share=1 / 3) for tau in (1, 2, 3)), "without 1/T"),
        (tuple(by_hand(tau) for tau in (2, 3, 4)), "The own step counts"),
        ((by_hand(1), by_hand(chunk=2), by_hand(3)), "these are chunks"),
        (tuple(by_hand(tau, own=1) for tau in (1, 2, 3)), "the state before"),
        (ON_PAPER[::-1], "The order"),
        (by_hand(3), "Three numbers"),
        ((0, 0, 0), "Compute the three states"),
    ],
)
def test_hints_on_paper(answer, idea):
    refused("08.1", answer, idea, *map(str, ON_PAPER[1:]))


# --- 08.2: gates of chunks ---


def from_chunk_to_chunk(T, tau):
    """Each step asks whether the one before it lies in another chunk."""
    number = [t // tau for t in range(T)]
    return [1] + [int(now == before) for before, now in pairwise(number)]


def at_the_end(T, tau):
    return [0 if t % tau == 0 else 1 for t in range(1, T + 1)]


def with_the_first(T, tau):
    return [0 if t % tau == 0 else 1 for t in range(T)]


def test_gates():
    assert check("08.2", from_chunk_to_chunk)
    assert check("08.2", lambda T, tau: np.array(from_chunk_to_chunk(T, tau), float))


@for_each(
    "function, idea",
    [
        (at_the_end, "One step early"),
        (lambda T, tau: [1, 1, *from_chunk_to_chunk(T, tau)[1:-1]][:T], "One step late"),
        (with_the_first, "leads to h_0"),
        (lambda T, tau: [1 - gate for gate in from_chunk_to_chunk(T, tau)], "other way round"),
        (lambda T, tau: [1] * T, "Nothing is cut"),
        (lambda T, tau: np.arange(tau + 1, T + 1, tau), "A gate for each"),
        (lambda T, tau: [0] * T, "T numbers, 0 or 1"),
        (lambda T, tau: None, "returns nothing"),
    ],
)
def test_gate_hints(function, idea):
    refused("08.2", function, idea, "tau::tau")


# --- 08.3: the first step that a loss reaches ---


def as_a_loop_runs(T, k1, k2):
    """Walk through the steps, update by update, and note for each waiting loss where its update starts."""
    first, waiting = {}, []
    for t in range(1, T + 1):
        waiting.append(t)
        if len(waiting) == k1 or t == T:
            steps = list(range(1, t + 1))[-k2:]
            first.update(dict.fromkeys(waiting, steps[0]))
            waiting = []
    return [first[t] for t in range(1, T + 1)]


def ends(T, k1):
    return [next(e for e in range(t, t + k1) if e % k1 == 0) for t in range(1, T + 1)]


def test_first_steps():
    assert check("08.3", as_a_loop_runs) and check("08.3", lambda *sizes: np.array(as_a_loop_runs(*sizes)))


@for_each(
    "function, idea",
    [
        (lambda T, k1, k2: [max(1, t - k2 + 1) for t in range(1, T + 1)], "the window of k2"),
        (lambda T, k1, k2: [(t - 1) // k1 * k1 + 1 for t in range(1, T + 1)], "chunks of k1"),
        (lambda T, k1, k2: [min(e, T) - k2 + 1 for e in ends(T, k1)], "before step 1"),
        (lambda T, k1, k2: [max(1, e - k2 + 1) for e in ends(T, k1)], "does not divide"),
        (lambda T, k1, k2: [t - k + 1 for t, k in enumerate(as_a_loop_runs(T, k1, k2), 1)], "how many steps"),
        (lambda T, k1, k2: [min(e, T) for e in ends(T, k1)], "How far back"),
        (lambda T, k1, k2: [k - 1 for k in as_a_loop_runs(T, k1, k2)], "count from 1"),
        (lambda T, k1, k2: [1] * T, "to which its loss belongs"),
    ],
)
def test_first_step_hints(function, idea):
    refused("08.3", function, idea)


# --- 08.4: the loop that detaches in the wrong place ---

PRINTED = """\
h, L = h_0, 0.0
for t in range(1, T + 1):
    h = step(W, t, h)
    L = L + loss_of(W, t, h)
    h = h.detach()
    if t % 25 == 0:
        L.backward()
        optimizer.step()
        optimizer.zero_grad()
        L = 0.0
"""


def test_the_line_that_detaches():
    torch = pytest.importorskip("torch")
    T, x = 50, np.random.default_rng(0).normal(size=50)

    def gradients(loop):
        W = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
        seen = []

        class Optimizer:
            def step(self):
                seen.append(W.grad.item())

            def zero_grad(self):
                W.grad = None

        names = {
            "T": T, "W": W, "h_0": torch.tensor(0.3, dtype=torch.float64), "optimizer": Optimizer(),
            "step": lambda W, t, h: torch.tanh(W * h + x[t - 1]), "loss_of": lambda W, t, h: (h - 1) ** 2 / 2,
        }  # fmt: skip
        exec(loop, names)
        return seen

    def windows(span):
        """The same sums, each loss by itself, from a state that is a number, after step span(t)."""
        W, seen, states = 0.9, [0.0, 0.0], [0.3]
        for t in range(1, T + 1):
            states.append(np.tanh(W * states[-1] + x[t - 1]))
            begin = span(t)
            h = states[begin]
            for k in range(begin + 1, t + 1):
                h = np.tanh((W + 1e-30j) * h + x[k - 1])
            seen[(t - 1) // 25] += ((h - 1) ** 2 / 2).imag / 1e-30
        return seen

    assert np.allclose(gradients(PRINTED), windows(lambda t: t - 1))
    lines = PRINTED.splitlines()
    detach = lines.pop(5 - 1)
    repaired = "\n".join([*lines, "    " + detach])
    assert np.allclose(gradients(repaired), windows(lambda t: (t - 1) // 25 * 25))
    assert not np.allclose(gradients(PRINTED), gradients(repaired))


def test_the_loop():
    assert check("08.4", (5, 1)) and check("08.4", [5, 1])


@for_each(
    "answer, idea",
    [
        ((5, 25), "The line is right"),
        ((5, 0), "The line is right"),
        ((7, 1), "once in 25 steps"),
        ((9, 25), "once in 25 steps"),
        ((10, 25), "begin anew"),
        ((3, 1), "cuts a state off"),
        (5, "cannot be compared"),
        ((..., ...), "no answer yet"),
    ],
)
def test_loop_hints(answer, idea):
    refused("08.4", answer, idea, "line 5", "tau = 1")


# --- 08.5: to be found with the explorer ---


@for_each("g", [1.8, np.float64(1.9)])
def test_a_g_that_was_found(g):
    assert truncation(g=float(g)).error > 0.5
    assert check("08.5", g)


@for_each(
    "answer, idea",
    [
        (0.7, "still small"),
        (1.1, "still small"),
        (3, "tanh goes flat"),
        (2.5, "tanh goes flat"),
        (5.0, "slider"),
        (np.nan, "slider"),
        ("large", "A number"),
        ([1.8], "A number"),
    ],
)
def test_hints_for_a_g(answer, idea):
    refused("08.5", answer, idea, "1.6", "1.7", "1.8", "1.9")
