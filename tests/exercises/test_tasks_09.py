"""Task by task of notebook 09: what is right, by another way, and the hint that each usual mistake gets."""

from fractions import Fraction

import numpy as np
from loops import for_each

from d2lbptt.exercises import check


def hinted(key, answer, idea, never=()):
    found = check(key, answer)
    assert not found and idea in found.hint
    assert not any(secret in found.hint for secret in never)


# --- 09.1: on paper ---

SLOPES = tuple(float(Fraction(n, 6) - (n == 2)) for n in (1, 2, 3))


def test_the_slopes_on_paper():
    assert check("09.1", SLOPES) and check("09.1", np.array(SLOPES))
    epsilon = 1e-30  # by the complex step: log of the sum minus the output of the target
    o = np.log([1.0, 2.0, 3.0]) + 1j * epsilon * np.eye(3)
    assert check("09.1", (np.log(np.exp(o).sum(1)) - o[:, 1]).imag / epsilon)


@for_each(("answer", "idea"), [
    ((1 / 6, 1 / 3, 1 / 2), "This is the softmax"),
    ((-1 / 6, 2 / 3, -1 / 2), "The sign is turned"),
    ((-5 / 6, 1 / 3, 1 / 2), "second token"),
    ((0.0, np.log(2) - 1, np.log(3)), "First the softmax"),
])  # fmt: skip
def test_hints_on_paper(answer, idea):
    hinted("09.1", answer, idea, ("1/6", "2/3", "1/2"))


# --- 09.2: the slopes of cross-entropy, in code ---


def slopes(o, y):
    """Step by step and token by token."""
    found = np.zeros_like(o, dtype=float)
    for t, row in enumerate(o):
        for j in range(len(row)):
            found[t, j] = 1 / sum(np.exp(min(700.0, other - row[j])) for other in row)
        found[t, y[t]] -= 1
    return found / len(o)


def no_shift(o, y):
    with np.errstate(all="ignore"):
        p = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
    p[np.arange(len(o)), y] -= 1
    return p / len(o)


def over_steps(o, y):
    p = np.exp(o - o.max(axis=0))
    p = p / p.sum(axis=0)
    p[np.arange(len(o)), y] -= 1
    return p / len(o)


def only_softmax(o, y):
    found = slopes(o, y)
    found[np.arange(len(o)), y] += 1 / len(o)
    return found


@for_each(("answer", "idea"), [
    (lambda o, y: slopes(o, y) * len(o), "1/T of the mean"),
    (no_shift, "overflow"),
    (over_steps, "along a row"),
    (only_softmax, "softmax alone"),
    (lambda o, y: -slopes(o, y), "sign is turned"),
    (lambda o, y: o, "Row by row"),
])  # fmt: skip
def test_the_slopes_in_code_and_their_hints(answer, idea):
    assert check("09.2", slopes)
    hinted("09.2", answer, idea)


# --- 09.3: pairs ---


def counted(keeps):
    return sum(bool(keeps(t, k)) for t in range(1, 7) for k in range(1, t + 1))


FULL = counted(lambda t, k: True)
LOOP = counted(lambda t, k: (t <= 3) == (k <= 3))
WINDOW = counted(lambda t, k: t - k in (0, 1, 2))


@for_each(("answer", "idea"), [
    ((FULL, WINDOW, LOOP), "changed places"),
    ((FULL, 6, WINDOW), "once per minibatch"),
    ((FULL, LOOP, counted(lambda t, k: t - k <= 3)), "t - k < tau"),
    ((FULL - 6, LOOP - 6, WINDOW - 6), "The pair (t, t)"),
    ((36, 18, 18), "six losses"),
])  # fmt: skip
def test_pairs_and_their_hints(answer, idea):
    assert check("09.3", (FULL, LOOP, WINDOW))
    hinted("09.3", answer, idea, (str(FULL), str(LOOP), str(WINDOW)))


# --- 09.4: clipping ---


def clip(gradients, longest):
    whole = np.concatenate([g.ravel() for g in gradients])
    length = np.linalg.norm(whole)
    return [g if length <= longest else g / length * longest for g in gradients]


@for_each(("answer", "idea"), [
    (lambda gs, c: [g * min(1, c / max(np.linalg.norm(g), 1e-12)) for g in gs], "factor of its own"),
    (lambda gs, c: [np.minimum(np.maximum(g, -c), c) for g in gs], "each entry is clipped"),
    (lambda gs, c: [c * g / np.linalg.norm(np.concatenate([h.ravel() for h in gs])) for g in gs], "short enough"),
    (lambda gs, c: [g * min(1, c / sum((h**2).sum() for h in gs)) for g in gs], "is its root"),
    (lambda gs, c: gs, "One factor for all"),
])  # fmt: skip
def test_clipping_and_its_hints(answer, idea):
    assert check("09.4", clip)
    assert check("09.4", lambda gs, c: tuple(clip(gs, c)))
    hinted("09.4", answer, idea)


# --- 09.5: perplexity ---


def perplexity(losses):
    total = number = 0
    for one in losses:
        total, number = total + one.sum(), number + one.size
    return np.exp(total / number)


@for_each(("answer", "idea"), [
    (lambda ls: np.exp(sum(one.mean() for one in ls) / len(ls)), "mean of means"),
    (lambda ls: sum(np.exp(one.mean()) for one in ls) / len(ls), "exp comes last"),
    (lambda ls: np.log(perplexity(ls)), "mean loss"),
    (lambda ls: 2 ** np.log(perplexity(ls)), "the base is e"),
    (lambda ls: np.exp(sum(one.sum() for one in ls)), "over all characters"),
])  # fmt: skip
def test_perplexity_and_its_hints(answer, idea):
    assert check("09.5", perplexity)
    hinted("09.5", answer, idea)
