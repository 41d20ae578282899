"""Task by task of notebook 07b: what is right, by another way, and the hint that each usual mistake gets."""

import numpy as np
from loops import for_each
from scipy.optimize import brentq

from d2lbptt.cells import lstm
from d2lbptt.exercises import check


def refused(key, answer, idea, *secrets):
    """The hint names the idea, and no answer."""
    found = check(key, answer)
    assert not found and idea in found.hint
    assert not any(secret in found.hint for secret in secrets)


# --- 07b.1: the bias for a wanted memory ---


def left_after(steps, b):
    return np.prod(np.full(steps, 1 / (1 + np.exp(-b))))


BIAS = brentq(lambda b: left_after(1000, b) - 0.5, 0, 20)


def test_the_bias():
    assert check("07b.1", BIAS) and check("07b.1", round(BIAS, 2)) and check("07b.1", np.float32(BIAS))
    assert not check("07b.1", round(BIAS))


@for_each(
    "answer, idea",
    [
        (-BIAS, "far above zero"),
        (0, "after ONE step"),
        (0.5**0.001, "b itself"),
        (np.log10(1 / (2**0.001 - 1)), "natural logarithms"),
        (np.log(999), "1/e is left"),
        (5, "one half"),
        (..., "no answer yet"),
    ],
)
def test_bias_hints(answer, idea):
    refused("07b.1", answer, idea, "7.2", "7.3")


# --- 07b.2: clipping ---


def clipped_along_a_vector(gradients, threshold):
    """All entries as one vector, made as long as the threshold, and cut apart again."""
    vector = np.concatenate([np.ravel(gradient) for gradient in gradients])
    if np.linalg.norm(vector) > threshold:
        vector = vector / np.linalg.norm(vector) * threshold
    ends = np.cumsum([np.size(gradient) for gradient in gradients])[:-1]
    return [part.reshape(np.shape(g)) for part, g in zip(np.split(vector, ends), gradients, strict=True)]


def no_if(gradients, threshold):
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in gradients]))
    return [g * threshold / norm for g in gradients]


def one_by_one(gradients, threshold):
    return [g if np.linalg.norm(g) < threshold else g * threshold / np.linalg.norm(g) for g in gradients]


def no_root(gradients, threshold):
    norm = sum(np.sum(g**2) for g in gradients)
    return [g * min(1, threshold / norm) for g in gradients]


def test_clipping():
    assert check("07b.2", clipped_along_a_vector)


@for_each(
    "function, idea",
    [
        (no_if, "stays as it is"),
        (lambda gs, c: [np.minimum(np.maximum(g, -c), c) for g in gs], "direction changes"),
        (one_by_one, "all parameters together"),
        (no_root, "the root of the sum"),
        (lambda gs, c: [1 * g for g in gs], "must be shortened"),
        (lambda gs, c: [0 * g for g in gs], "One factor for all"),
        (lambda gs, c: None, "returns nothing"),
    ],
)
def test_clipping_hints(function, idea):
    refused("07b.2", function, idea)


# --- 07b.3: on paper ---


def zero_of(factor):
    return brentq(lambda weight: factor(weight) - 1, 0, 100)


ON_PAPER = zero_of(lambda v: 0.9 + 0.5 * 0.5 * v), zero_of(lambda v: 0.9 + (1 - 0.9) * 0.5 * v)


def test_on_paper():
    assert check("07b.3", ON_PAPER) and check("07b.3", list(ON_PAPER))


def test_the_factor_on_paper_is_that_of_the_cell():
    """Of an LSTM with one unit near zero, whose f is 0.9: a step of c at rest, by a difference."""
    weight, tiny = ON_PAPER[0], 1e-6
    params = lstm.init_params(1, 1, gate_bias=np.log(9.0), seed=0)
    own = np.zeros((4, 1))
    own[2] = weight  # of the candidate; the gates have none
    params = params._replace(W_h=own)
    starts = [(np.array([0.5 * c]), np.array([c])) for c in (0.0, tiny)]
    runs = [lstm.forward(params, np.zeros((1, 1)), h0=h, c0=c).c[-1, 0] for h, c in starts]
    assert np.isclose((runs[1] - runs[0]) / tiny, 1, atol=1e-6)


@for_each(
    "answer, idea",
    [
        ((0.4, 0.1 / 0.5), "not with 1."),
        ((0.4, 0.1 / (0.9 * 0.5)), "not with z"),
        ((0.1 / 0.5, 2), "i and o"),
        ((2, 0.4), "wrong order"),
        ((1 / 0.25, 1 / 0.05), "direct way counts"),
        ((1, 1), "Set each factor to 1"),
        (0.4, "Set each factor to 1"),
    ],
)
def test_on_paper_hints(answer, idea):
    refused("07b.3", answer, idea, "0.4")


# --- 07b.4: to be found with the explorer ---


@for_each("b_f", [1.8, 2, np.float64(2.1), 8.0])
def test_a_bias_that_was_found(b_f):
    assert check("07b.4", b_f)


@for_each(
    "answer, idea",
    [
        (0.0, "vanishes"),
        (1.4, "vanishes"),
        (3.0, "through gates and candidate"),
        (5, "through gates and candidate"),
        (40.0, "slider"),
        ("high", "A number"),
        (np.nan, "slider"),
        ((1, 2), "A number"),
    ],
)
def test_hints_for_a_bias(answer, idea):
    refused("07b.4", answer, idea, "1.8", "2.0")


# --- 07b.5: doubled inputs ---


def walk(x):
    """Of one unit with the identity and relu: the states, and whether the last one moves with the first."""
    h = [0.0]
    for x_t in x:
        h.append(max(0.0, h[-1] + x_t))
    return np.array(h[1:]), all(state > 0 for state in h[2:])


def test_doubled_inputs():
    x = np.random.default_rng(0).normal(size=(200, 5))
    for row in x:
        (once, alive), (twice, still_alive) = walk(row), walk(2 * row)
        assert np.allclose(twice, 2 * once) and alive == still_alive
    assert check("07b.5", (2, 1)) and check("07b.5", [2.0, 1.0])


@for_each(
    "answer, idea",
    [
        ((2, 2), "product of slopes"),
        ((1, 1), "do not stay the same"),
        ((2, 0.5), "of a state by a state"),
        ((4, 2), "relu(2 z)"),
    ],
)
def test_doubled_input_hints(answer, idea):
    refused("07b.5", answer, idea)
