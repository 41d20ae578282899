"""The tasks of notebook 06b: right answers, and hints for wrong ones, made without the module of the tasks.

Oracle for the best steps: a search over many steps; for the slope: the complex step, and exponentials; for the kink:
the slopes read off by hand.
"""

import numpy as np
from loops import for_each

from d2lbptt.exercises import check

# --- 06b.1 ---


def searched(u, size, second, third):
    """The best steps by golden section of the two sums, over log10 of the step."""

    def smallest(error):
        low, high = -20.0, 2.0
        ratio = (np.sqrt(5) - 1) / 2
        for _ in range(200):
            left, right = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (low, right) if error(10**left) < error(10**right) else (left, high)
        return 10 ** ((low + high) / 2)

    return (
        smallest(lambda eps: eps * second / 2 + u * size / eps),
        smallest(lambda eps: eps**2 * third / 6 + u * size / eps),
    )


def by_hand(u, L, L_2, L_3):
    return (2 * u * L / L_2) ** 0.5, (3 * u * L / L_3) ** (1 / 3)


def test_the_best_steps_are_those_that_a_search_finds():
    for case in ((1e-16, 4.0, 0.5, 3.0), (1e-7, 0.3, 2.0, 7.0), (1e-10, 1.0, 1.0, 1.0)):
        np.testing.assert_allclose(by_hand(*case), searched(*case), rtol=1e-5)
    assert check("06b.1", by_hand)


@for_each(
    ("function", "idea"),
    [(lambda u, L, a, b: ((2 * u * L / a) ** 0.5, (6 * u * L / b) ** (1 / 3)), "equal"),
     (lambda u, L, a, b: (u**0.5, u ** (1 / 3)), "not all 1"),
     (lambda u, L, a, b: ((u * L / a) ** 0.5, (u * L / b) ** (1 / 3)), "factors"),
     (lambda u, L, a, b: by_hand(u, L, a, b)[::-1], "order"),
     (lambda u, L, a, b: (u * L / a, u * L / b), "derivative of each sum"),
     (lambda u, L, a, b: (2 * u * L / a) ** 0.5, "derivative of each sum")],
)  # fmt: skip
def test_other_steps_have_their_hint(function, idea):
    answer = check("06b.1", function)
    assert not answer and idea in answer.hint


# --- 06b.2 ---


def by_exponentials(z):
    return 4 / (np.exp(z) + np.exp(-z)) ** 2


def test_a_slope_without_subtraction_is_right():
    z, eps = np.array([0.5, -2.0]), 1e-30
    np.testing.assert_allclose(by_exponentials(z), np.tanh(z + 1j * eps).imag / eps, rtol=1e-13)
    assert check("06b.2", by_exponentials)
    assert check("06b.2", lambda z: (2 * np.exp(-np.abs(z)) / (1 + np.exp(-2 * np.abs(z)))) ** 2)


@for_each(
    ("function", "idea"),
    [(lambda z: 1 - np.tanh(z) * np.tanh(z), "cancels"), (lambda z: (1 + np.tanh(z)) * (1 - np.tanh(z)), "cancels"),
     (lambda z: 2 / (np.exp(z) + np.exp(-z)), "root"), (lambda z: 1 - z * z, "with z put"),
     (lambda z: np.ones_like(z), "nothing subtracted"), (np.tanh, "nothing subtracted")],
)  # fmt: skip
def test_other_slopes_have_their_hint(function, idea):
    answer = check("06b.2", function)
    assert not answer and idea in answer.hint and "cosh" not in answer.hint and "exp(" not in answer.hint


# --- 06b.3 ---


def test_the_mean_of_the_slopes_and_both_slopes_are_right():
    def f(v):
        return 3 * max(v, 0) - max(-v, 0)

    for eps in (1e-6, 0.5, 7.0):
        left, right = (f(0) - f(-eps)) / eps, f(eps) / eps
        central = (f(eps) - f(-eps)) / (2 * eps)
        np.testing.assert_allclose((central, left, right), (2, 1, 3))
    assert check("06b.3", (2, 1, 3)) and check("06b.3", (2.0, 1.0, 3.0))


@for_each(
    ("answer", "idea"),
    [((1, -1, 3), "left side"), ((2, 3, 1), "exchanged"), ((2, 2, 2), "between"), ((3, 1, 3), "slope of f left"),
     (2, "slope of f left"), ((..., 1, 3), "no answer yet")],
)  # fmt: skip
def test_other_numbers_have_their_hint(answer, idea):
    found = check("06b.3", answer)
    assert not found and idea in found.hint
