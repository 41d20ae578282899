"""Task by task of notebook 03: what is right, by another way, and the hint that each usual mistake gets."""

import numpy as np
from loops import for_each

from d2lbptt.exercises import check


def numerically(f, at, eps=1e-30):
    """The derivative of f at a number, by a complex step."""
    return np.array(f(at + 1j * eps)).imag / eps


def states(w_x, w_h, x, h_0, phi=lambda z: z):
    h = [h_0]
    for x_t in x:
        h.append(phi(w_x * x_t + w_h * h[-1]))
    return h[1:]


# --- 03.1: on paper ---

ON_PAPER = tuple(numerically(lambda w_h: states(1, w_h, (1, 0, -1), 1), 2))


def test_total_derivatives_on_paper():
    assert check("03.1", ON_PAPER)
    assert check("03.1", list(ON_PAPER)) and check("03.1", np.array(ON_PAPER))


@for_each(
    "answer, idea",
    [
        ((1, 3, 6), "immediate"),  # h_{t-1}, and no more
        ((3, 6, 11), "These are the states"),
        ((1, 3 + 2 * 1, 6 + 2 * 3), "its total derivative, not its immediate"),
        ((3, 6 + 2 * 3, 11 + 2 * 12), "not by h_t"),
        ((1, 2, 4), "First the states"),
        (16, "First the states"),
    ],
)
def test_on_paper_hints(answer, idea):
    found = check("03.1", answer)
    assert not found and idea in found.hint and "16" not in found.hint


# --- 03.2: the recursion ---


def written_out(b, c):
    """The sum 9.7.5, the way that is not the recursion."""
    return np.array([sum(np.prod(c[i + 1 : t + 1]) * b[i] for i in range(t + 1)) for t in range(len(b))])


def test_the_recursion():
    assert check("03.2", written_out)
    assert check("03.2", lambda b, c: list(written_out(b, c)))


def starts_with_its_own_zero(b, c):
    a = np.zeros(len(b) + 1)
    for t in range(1, len(a)):
        a[t] = b[t - 1] + c[t - 1] * a[t - 1]
    return a


def with_the_factor_of_the_step_before(b, c):
    a = b.copy()
    for t in range(1, len(b)):
        a[t] = b[t] + c[t - 1] * a[t - 1]
    return a


def one_step_back(b, c):
    a = b.copy()
    a[1:] += c[1:] * b[:-1]
    return a


@for_each(
    "function, idea",
    [
        (lambda b, c: 1 * b, "two terms"),
        (one_step_back, "the whole a_{t-1}"),
        (with_the_factor_of_the_step_before, "The factor of step t"),
        (lambda b, c: written_out(b, c)[-1], "All of a_1 to a_T"),
        (starts_with_its_own_zero, "begins with a_1"),
        (lambda b, c: np.cumsum(b), "from a_0 = 0 on"),
        (lambda b, c: None, "returns nothing"),
        (7, "A function is wanted"),
    ],
)
def test_recursion_hints(function, idea):
    found = check("03.2", function)
    assert not found and idea in found.hint


# --- 03.3: the bug ---

PRINTED = """\
def gradient(dl_do, w_o, b, c):
    a, found = 0.0, 0.0
    for t in range(len(b)):
        a = b[t] + c[t] * a
        found = found + dl_do[t] * w_o * b[t]
    return found / len(b)
"""


def test_the_line_with_the_bug():
    rng = np.random.default_rng(0)
    dl_do, b, c = rng.normal(size=(3, 4))
    want = np.mean(dl_do * 1.2 * written_out(b, c))
    names = {}
    exec(PRINTED, names)
    assert not np.isclose(names["gradient"](dl_do, 1.2, b, c), want)
    assert np.isclose(names["gradient"](dl_do[:1], 1.2, b[:1], c[:1]), dl_do[0] * 1.2 * b[0])  # T = 1 is right
    lines = PRINTED.splitlines()
    lines[5 - 1] = lines[5 - 1].replace("b[t]", "a")
    exec("\n".join(lines), names)
    assert np.isclose(names["gradient"](dl_do, 1.2, b, c), want)
    assert check("03.3", 5)


@for_each("line, idea", [(4, "used anywhere"), (6, "mean over the steps"), (2, "four products")])
def test_bug_hints(line, idea):
    found = check("03.3", line)
    assert not found and idea in found.hint and "5" not in found.hint


# --- 03.4: the other weight ---


def by_complex_step(x, h, w_h):
    """The total derivatives by w_x from the states alone: the w_x that made them is read off the first one."""
    w_x = (np.arctanh(h[1]) - w_h * h[0]) / x[0]
    assert np.allclose(np.arctanh(h[1:]) - w_h * h[:-1], w_x * x)
    return numerically(lambda w: states(w, w_h, x, h[0], np.tanh), w_x)


def student(slope_of=1, immediate=lambda x, h: x, with_slope=True, carry_slope=True):
    def answer(x, h, w_h):
        a, found = 0.0, []
        for t in range(len(x)):
            slope = 1 - h[t + slope_of] ** 2
            a = (slope if with_slope else 1) * immediate(x, h)[t] + (slope if carry_slope else 1) * w_h * a
            found.append(a)
        return np.array(found)

    return answer


def test_the_other_weight():
    assert check("03.4", student())
    x, w_h, h = np.array([1.0, -0.5, 2.0]), 0.8, [0.3]
    for x_t in x:
        h.append(np.tanh(0.6 * x_t + w_h * h[-1]))
    assert np.allclose(student()(x, np.array(h), w_h), by_complex_step(x, np.array(h), w_h))


@for_each(
    "function, idea",
    [
        (lambda x, h, w_h: x * (1 - h[1:] ** 2), "two terms"),
        (student(immediate=lambda x, h: h[:-1]), "with respect to w_h"),
        (student(with_slope=False, carry_slope=False), "slope of tanh is missing"),
        (student(with_slope=False), "immediate derivative too"),
        (student(slope_of=0), "h[t]"),
        (lambda x, h, w_h: 0 * x, "Both terms as in 9.7.4"),
    ],
)
def test_other_weight_hints(function, idea):
    found = check("03.4", function)
    assert not found and idea in found.hint


# --- 03.5: four sums ---


def paths(T):
    """Every path from a use in step k to the loss of step t, as the list of its states."""
    return [list(range(k, t + 1)) for t in range(1, T + 1) for k in range(1, t + 1)]


def test_four_sums():
    once, often = len(paths(3)), sum(map(len, paths(3)))
    within = sum(len(path) == 1 for path in paths(3))
    assert check("03.5", (once, often, within, once))
    assert check("03.5", [once, often, within, once])


@for_each(
    "answer, idea",
    [
        ((6, 4, 3, 6), "passes both ends"),
        ((6, 10, 6, 6), "within one step"),
        ((3, 10, 3, 3), "the sum of all cells"),
        ((6, 12, 3, 6), "once for each state"),
        ((6, 10, 3), "once for each state"),
    ],
)
def test_four_sums_hints(answer, idea):
    found = check("03.5", answer)
    assert not found and idea in found.hint and "10" not in found.hint
