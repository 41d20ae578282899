"""The tasks of notebook 01. Oracles: fractions by hand, central differences, the complex step."""

from fractions import Fraction

import numpy as np
from loops import for_each

from d2lbptt.exercises import check
from d2lbptt.exercises._tasks_01 import CASES

X, Y = (1, -1, 2), (4, -2, -2)


def loss(z_moved=(0, 0, 0), w=Fraction(2), v=Fraction(1)):
    """The loss of the network on paper, in exact numbers; z_t may be moved by something."""
    h, total = Fraction(0), Fraction(0)
    for x, y, moved in zip(X, Y, z_moved, strict=True):
        h = w * h + v * x + moved
        total += (h - y) ** 2 / 2 / 3
    return total


def difference(f):
    """The slope at 0 of a polynomial of degree 6 at most: exact in fractions."""
    weights = {1: Fraction(3, 4), 2: Fraction(-3, 20), 3: Fraction(1, 60)}
    return sum(c * (f(k) - f(-k)) for k, c in weights.items())


PAPER = (
    *(difference(lambda e, t=t: loss([e * (t == k) for k in range(3)])) for t in range(3)),
    difference(lambda e: loss(w=2 + Fraction(e))),
    difference(lambda e: loss(v=1 + Fraction(e))),
)


def test_on_paper():
    assert all(number.denominator == 1 for number in PAPER)
    whole = [int(number) for number in PAPER]
    assert check("01.1", tuple(whole)) and check("01.1", whole) and check("01.1", np.array(whole))


@for_each(
    ("answer", "words"),
    [
        ((27, 15, 6, 21, 24), "mean over the steps"),
        ((-1, 1, 2, 3, 2), "the second way is missing"),
        ((9, 5, 2, 9 * 1 + 5 * 1 + 2 * 4, 8), "the state before"),
        ((2, 5, 9, 7, 8), "in which order"),
        ((1, 1, 4, 7, 8), "the last row"),
        ((9, 5, 2), "the last row"),
        (9, "the last row"),
    ],
)
def test_wrong_on_paper(answer, words):
    assert words in check("01.1", answer).hint.lower()


def by_complex_step(w, h, y):
    """dL/dz_t, from a network whose z_t are moved; it has the states h."""
    z = np.arctanh(h[1:])

    def loss(moved):
        state, total, before = h[0], 0, h[0]
        for t in range(len(y)):
            state = np.tanh(z[t] + w * (state - before) + moved[t])
            before = h[t + 1]
            total += (state - y[t]) ** 2 / 2 / len(y)
        return total

    return np.array([loss(1e-30j * np.eye(len(y))[t]).imag / 1e-30 for t in range(len(y))])


def slopes(w, h, y):
    """The same by the recursion, as a student writes it."""
    T = len(y)
    dz = np.zeros(T + 2)
    for t in range(T, 0, -1):
        dz[t] = (w * dz[t + 1] + (h[t] - y[t - 1]) / T) * (1 - h[t] * h[t])
    return dz[1:-1]


def test_a_backward_pass():
    assert check("01.2", by_complex_step) and check("01.2", slopes)
    assert check("01.2", lambda w, h, y: list(slopes(w, h, y)))


def no_mean(w, h, y):
    return slopes(w, h, y) * len(y)


def tanh_twice(w, h, y):
    dz, T = np.zeros(len(y) + 2), len(y)
    for t in range(T, 0, -1):
        dz[t] = (w * dz[t + 1] + (h[t] - y[t - 1]) / T) / np.cosh(h[t]) ** 2
    return dz[1:-1]


def no_slope(w, h, y):
    dz, T = np.zeros(len(y) + 2), len(y)
    for t in range(T, 0, -1):
        dz[t] = w * dz[t + 1] + (h[t] - y[t - 1]) / T
    return dz[1:-1]


def own_loss_only(w, h, y):
    return (h[1:] - y) / len(y) * (1 - h[1:] ** 2)


def slope_at_the_end(w, h, y):
    return no_slope(w, h, y) * (1 - h[1:] ** 2)


@for_each(
    ("answer", "words"),
    [
        (no_mean, "1/T"),
        (tanh_twice, "without another tanh"),
        (no_slope, "slope of phi is missing"),
        (own_loss_only, "its own loss alone"),
        (slope_at_the_end, "dL/dz_{t+1}; here it is"),
        (lambda w, h, y: slopes(w, h, y)[::-1], "Turn them round"),
        (lambda w, h, y: 1 - h, "Begin with t = T"),
        (lambda w, h, y: None, "returns nothing yet"),
        (3.0, "A function is wanted"),
    ],
)
def test_wrong_backward_passes(answer, words):
    assert words in check("01.2", answer).hint


def test_the_cases_tell_the_rows_apart():
    assert all(len(h) == len(y) + 1 > 3 for _, h, y in CASES)


def test_the_line_that_loses_the_imaginary_part():
    """The lines of the task are run here: with the right one mended the complex step works."""
    lines = {
        "a": "z = w * h + v * x_t",
        "b": "h = np.tanh(z)",
        "c": "error = abs(h - y_t)",
        "d": "L = L + error * error / 2",
    }

    def slope(lines):
        names = {"np": np, "w": 0.9 + 1e-30j, "v": 0.5, "h": 0.3, "L": 0, "x_t": 0.7, "y_t": 1.0}
        exec("\n".join(lines.values()), names)
        return np.imag(names["L"]) / 1e-30

    assert slope(lines) == 0
    mended = lines | {"c": "error = h - y_t"}
    assert abs(slope(mended)) > 0.01 and check("01.3", "c") and check("01.3", " C.")


@for_each(("answer", "words"), [("a", "products"), ("b", "tanh"), ("d", "a square"), ("e", "each line")])
def test_wrong_lines(answer, words):
    assert words in check("01.3", answer).hint.lower()


def test_seven_factors():
    h = [1.0 + 0j]
    for _ in range(7):
        h.append(h[-1] / 2)
    assert check("01.4", abs(h[-1])) and check("01.4", 1 / 128)


@for_each(
    ("answer", "words"),
    [(1 / 256, "Count the arrows"), (128, "Upside down"), (0.5, "one step"), (0.0, "each step back")],
)
def test_wrong_factors(answer, words):
    assert words in check("01.4", answer).hint
