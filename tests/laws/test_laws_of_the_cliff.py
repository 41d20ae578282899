"""Folds and separatrix of one unit, against mpmath and the package's own gradients, which are tested elsewhere."""

import math

import mpmath
import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, backward, forward
from d2lbptt.growth.cliff import STEPS as CLIFF_STEPS
from d2lbptt.growth.cliff import TARGET as CLIFF_TARGET
from d2lbptt.growth.cliff import cut, steepest
from d2lbptt.laws import (
    folds,
    separatrix,
)

# --- the cliff of one unit ---


def sigma(x):
    return 1 / (1 + mpmath.exp(-x))


def fixed_points(w, b):
    """How many x there are with x = w sigma(x) + b, by the changes of sign on a grid that holds them all."""
    x = np.linspace(min(b, b + w) - 1.01, max(b, b + w) + 1, 200_001)
    return np.count_nonzero(np.diff(np.sign(x - w / (1 + np.exp(-x)) - b)))


@for_each("w", [4.5, 5.0, 8.0, 20.0])
def test_between_the_folds_there_are_three_fixed_points(w):
    b, x = folds(w)
    assert b[0] < b[1] and b.sum() == pytest.approx(-w)
    inward = np.array([1e-4, -1e-4])
    assert [fixed_points(w, c) for c in (*(b + inward), *(b - inward), -w / 2)] == [3, 3, 1, 1, 3]
    for c, y in zip(b, x, strict=True):
        found = mpmath.findroot(lambda x, c: [w * sigma(x) + c - x, w * sigma(x) * sigma(-x) - 1], (y + 0.01, c + 0.01))
        assert (y, c) == pytest.approx(tuple(map(float, found)), rel=1e-12)


def test_at_four_the_folds_are_one_and_below_there_are_none():
    b, x = folds(4)
    assert b.tolist() == [-2, -2] and x.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"w is 3\.99, wanted a number from 4"):
        folds(3.99)
    assert all(fixed_points(3.99, c) == 1 for c in np.linspace(-4, 0, 41))


def run(w, b, T=CLIFF_STEPS, x_0=0.5):
    x = mpmath.mpf(x_0)
    for _ in range(T):
        x = w * sigma(x) + b
    return x


@for_each("w", [4.4, 5.0, 7.0])
def test_the_wall_lies_between_the_folds_and_parts_two_basins(w):
    found, (low, high) = separatrix(w), folds(w).b
    assert low < found.b < high
    b = mpmath.mpf("0.5") - w * sigma(mpmath.mpf("0.5"))
    with mpmath.workdps(60):
        below, above = run(w, b - mpmath.mpf("1e-9"), 2000), run(w, b + mpmath.mpf("1e-9"), 2000)
    assert below < folds(w).x[1] < folds(w).x[0] < above


@for_each("w", [4.4, 5.0, 7.0, -5.0, -7.0])
@for_each("x_0", [0.5, -0.2])
def test_the_slope_on_the_wall_is_a_geometric_sum(w, x_0):
    found = separatrix(w, x_0)
    with mpmath.workdps(60):
        b = x_0 - w * sigma(mpmath.mpf(x_0))
        want = mpmath.diff(lambda b: run(mpmath.mpf(w), b, CLIFF_STEPS, x_0), b, h=mpmath.mpf("1e-35"))
    assert found.b == pytest.approx(float(b), rel=1e-14)
    assert found.slope(CLIFF_STEPS) == pytest.approx(float(want), rel=1e-9)
    assert found.slope(1) == 1


def test_bptt_on_the_wall_is_the_law():
    """E = (sigma(x_50) - 0.7)^2 as the package computes it; rounding of b grows by m^50 on its way."""
    w, law, one = 5.0, separatrix(5.0), np.ones((1, 1))
    start, y = np.array([1 / (1 + np.exp(-0.5))]), np.full((CLIFF_STEPS, 1), CLIFF_TARGET)
    params = Params(one, w * one, one, b_h=np.array([law.b]))
    trace = forward(params, np.zeros((CLIFF_STEPS, 1)), h0=start, activation="sigmoid")
    got = 2 * backward(trace, y, reduction="last").b_h.item()
    want = 2 * (start - CLIFF_TARGET) * start * (1 - start) * law.slope(CLIFF_STEPS)
    assert got == pytest.approx(want.item(), rel=law.slope(CLIFF_STEPS) * 1e-14)


def along_the_wall(w, c, y=CLIFF_TARGET):
    """(dE/db) / slope(T) at b = wall + c / slope(T), in the limit of large T.

    There x_T = Phi(c), where Phi(m c) = w sigma(Phi(c)) + b and Phi(c) = x_0 + c + .. (Koenigs)."""
    law = separatrix(w)
    steps = math.ceil(18 / math.log(law.multiplier))  # m^-steps is 1e-8, where half of all digits are left
    x, slope = 0.5 + c / law.multiplier**steps, np.ones_like(c)
    for _ in range(steps):
        s = 1 / (1 + np.exp(-x))
        x, slope = w * s + law.b, slope * (w * s * (1 - s) / law.multiplier)
    s = 1 / (1 + np.exp(-x))
    return 2 * (s - y) * s * (1 - s) * slope


@for_each("w", [4.6, 4.8, 5.0, 5.2])
def test_the_steepest_point_is_a_hair_beside_the_wall(w):
    """``steepest`` finds it where the limit of large T has it, at c / slope(T) from the wall.

    The tolerance is the next term of the expansion: m itself moves with b, and its T-th power T times as far."""
    law, found = separatrix(w), cut(w, steepest(w).b)
    hair = 1 / law.slope(CLIFF_STEPS)
    c = np.linspace(-2, 2, 40_001)
    steepness, next_term = np.abs(along_the_wall(w, c)), 3 * CLIFF_STEPS * hair
    top = np.argmax(steepness)
    assert (found.point[0] - law.b) / hair == pytest.approx(c[top], rel=next_term)
    assert abs(found.bptt) * hair == pytest.approx(steepness[top], rel=next_term)
    assert abs(c[top]) > 0.5 and steepness[top] > 5 * steepness[20_000]  # on the wall itself it is flatter


def test_where_the_start_does_not_repel_the_steep_place_is_at_a_fold():
    """w = 4.2 has folds, but w sigma'(0.5) < 1: the wall's line means nothing there."""
    w = 4.2
    with pytest.raises(ValueError, match=r"w is 4\.2, wanted \|w\| above 1/sigma'\(x_0\) = 4\.2553"):
        separatrix(w)
    b = steepest(w).b
    line = 0.5 - w / (1 + math.exp(-0.5))
    assert abs(b - folds(w).b[0]) < abs(b - line) and b < folds(w).b[0]


def test_the_wall_is_tangent_to_the_fold_where_it_begins():
    """At w_0 = 1 / sigma'(0.5); and the folds are the envelope of all walls."""
    s = 1 / (1 + math.exp(-0.5))
    w_0 = 1 / (s * (1 - s))
    gaps = np.array([separatrix(w_0 + by).b - folds(w_0 + by).b[0] for by in (1e-3, 2e-3, 4e-3)])
    assert np.all(gaps > 0)
    np.testing.assert_allclose(gaps[1:] / gaps[:-1], 4, rtol=0.01)  # of second order
    for x_0 in np.linspace(-1.9, 1.9, 9):
        s = 1 / (1 + math.exp(-x_0))
        w = 1 / (s * (1 - s)) * (1 + 1e-9)
        assert np.abs(folds(w).b - separatrix(w, x_0).b).min() < 1e-8


def test_a_negative_weight_parts_two_phases():
    w, law = -6.0, separatrix(-6.0)
    ends = [[run(w, mpmath.mpf(law.b) + by, T) for T in (1000, 1001)] for by in (-1e-6, 1e-6)]
    (a, b), (c, d) = ends
    assert abs(a - d) < 1e-3 and abs(b - c) < 1e-3 and abs(a - b) > 1
    with pytest.raises(ValueError, match="x_0 repels"):
        separatrix(-4.0)
