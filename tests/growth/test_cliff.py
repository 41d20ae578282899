"""One unit: its error, the gradient, the search for the steepest point, and descent with and without clipping.

Oracles: the recursion once more in mpmath, with 50 digits; the complex step; the package's own forward and backward;
a loop that follows algorithm 1 of Pascanu, Mikolov and Bengio line by line, with slopes by the complex step.
"""

import math

import mpmath
import numpy as np
import pytest

from d2lbptt import Params, backward, forward, loss
from d2lbptt.growth.cliff import PLANE, START, STEPS, TARGET, cut, descend, errors, gradients, steepest, surface
from d2lbptt.laws import folds

POINTS = [(5.0, -2.6), (3.0, -1.0), (6.9, -3.86), (4.2, -2.12), (-5.0, 3.0), (0.0, 0.5)]


def exact(w, b, T):
    """E in mpmath."""
    x, w, b = mpmath.mpf(START), mpmath.mpf(w), mpmath.mpf(b)
    for _ in range(T):
        x = w / (1 + mpmath.exp(-x)) + b
    return (1 / (1 + mpmath.exp(-x)) - mpmath.mpf(TARGET)) ** 2


def amplified(w, b, T):
    """How much of the rounding of one step may be in E: 1 + m_T + m_T m_(T-1) + .., |m_t| = |w| sigma'(x_t)."""
    x, total = START, 1.0
    for _ in range(T):
        s = 1 / (1 + math.exp(-x))
        x, total = w * s + b, 1 + abs(w) * s * (1 - s) * total
    return total


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(50):
        yield


@pytest.mark.parametrize("T", [1, 2, 10, 50])
@pytest.mark.parametrize(("w", "b"), POINTS)
def test_the_error_and_its_gradient(w, b, T):
    E, dw, db = gradients(w, b, T)
    tolerance = 1e-15 * amplified(w, b, T) + 1e-16
    assert errors(w, b, T) == E == pytest.approx(float(exact(w, b, T)), abs=tolerance)
    for found, along in ((dw, (1, 0)), (db, (0, 1))):
        wanted = mpmath.diff(lambda e, along=along: exact(w + along[0] * e, b + along[1] * e, T), 0)
        # rounding of x moves the slopes as well as their product
        assert found == pytest.approx(float(wanted), rel=1e-13 + 20 * T * tolerance, abs=1e-16)
        step = errors(w + 1e-30j * along[0], b + 1e-30j * along[1], T).imag / 1e-30
        assert found == pytest.approx(step, rel=1e-12, abs=1e-16)


def one_at_a_time(w, b, T):
    """E and its gradient from the package: h_t is sigma(x_t), and E is 2 L with the loss of step T alone."""
    one, h0 = np.ones((1, 1)), np.array([1 / (1 + np.exp(-START))])
    trace = forward(Params(one, w * one, one, b_h=np.array([b])), np.zeros((T, 1)), h0=h0, activation="sigmoid")
    y = np.full((T, 1), TARGET)
    g = backward(trace, y, reduction="last")
    return 2 * loss(trace, y, reduction="last"), 2 * g.W_hh.item(), 2 * g.b_h.item()


def test_many_points_at_once_are_what_the_package_gives_one_at_a_time():
    w, b = np.linspace(3, 7, 9), np.linspace(-4.5, -1, 7)[:, None]
    found = gradients(w, b, 30)
    for shape in (E.shape for E in (*found, errors(w, b, 30))):
        assert shape == (7, 9)
    for i, j in np.ndindex(7, 9):
        got, wanted = [a[i, j] for a in found], one_at_a_time(w[j], b[i, 0], 30)
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-15)


def test_float32_stays_float32_and_whole_numbers_become_float64():
    single = np.float32(5), np.linspace(-4, -1, 5, dtype=np.float32)
    assert errors(*single).dtype == np.float32 and gradients(*single)[1].dtype == np.float32
    np.testing.assert_allclose(errors(*single), errors(5, single[1].astype(float)), atol=1e-5)
    assert errors(5, -3).dtype == np.float64 and errors(5, -3, 1) == errors(5.0, -3.0, 1)


@pytest.mark.parametrize("T", [10, 50, 200])
def test_the_surface_is_the_error_but_for_the_width_of_the_wall(T):
    (left, right), (low, high) = PLANE
    w, b = np.linspace(left, right, 241), np.linspace(low, high, 211)[:, None]
    found = surface(T)
    assert found.shape == (211, 241) and not found.flags.writeable and surface(T) is found
    close = np.abs(found - errors(w, b, T)) < 1e-4
    assert close.mean() > 0.999  # float32 moves the wall by less than the grid can see
    assert found[0, 0] > 0.4 and found[-1, -1] < 0.1  # rows go up with b


# --- the steepest point ---


@pytest.mark.parametrize("T", [1, 10, 30])
@pytest.mark.parametrize("w", [1.0, 3.0, 4.2, 5.0, 5.6, -6.0])
def test_the_steepest_point_is_that_of_a_dense_grid(w, T):
    found, b = steepest(w, T), np.linspace(-1 - abs(w), 1, 100_001)
    slopes = np.abs(gradients(w, b, T)[2])
    top = abs(gradients(w, found.b, T)[2])
    assert found.resolved and top >= slopes.max() * (1 - 1e-9)
    # The nearest point of the dense grid may already be well down the ridge.
    assert np.min(np.abs(b[slopes > 0.5 * top] - found.b)) < 2e-4 + 0.5 / top


@pytest.mark.parametrize(("w", "T"), [(5.0, 50), (7.0, 50), (6.0, 80), (4.3, 200)])
def test_a_wall_that_no_grid_would_hit_is_found(w, T):
    found = steepest(w, T)
    with mpmath.workdps(80):
        slope = abs(mpmath.diff(lambda b: exact(w, b, T), mpmath.mpf(found.b), h=mpmath.mpf("1e-40")))
        for c in (-1e-3, -0.1, 0.1, 1e-3):  # in widths of the wall
            beside = mpmath.mpf(found.b) + c / slope
            assert abs(mpmath.diff(lambda b: exact(w, b, T), beside, h=mpmath.mpf("1e-40"))) < slope * (1 + 1e-6)
    assert found.resolved and slope > 1000
    assert abs(gradients(w, found.b, T)[2]) == pytest.approx(float(slope), rel=1e-3)


def test_a_wall_that_float64_cannot_hold_is_said_to_be_one():
    found = steepest(7.0, 200)
    assert not found.resolved
    gap = 2 * np.spacing(abs(found.b))
    low, high = errors(7.0, np.array([found.b - gap, found.b + gap]), 200)
    assert abs(high - low) > 0.3  # the whole drop, between numbers that are next to one another


# --- descent ---


def by_algorithm_1(w, b, rate, clip, steps, T):
    points = [(w, b)]
    for _ in range(steps):
        g = np.array([errors(w + 1e-30j, b, T).imag, errors(w, b + 1e-30j, T).imag]) / 1e-30
        if np.linalg.norm(g) >= clip:
            g = clip / np.linalg.norm(g) * g
        w, b = w - rate * g[0], b - rate * g[1]
        points.append((w, b))
    return np.array(points)


@pytest.mark.parametrize("clip", [None, 0.05, 0.15, 100.0])
@pytest.mark.parametrize("T", [1, 10, 50])
def test_descent_is_algorithm_1(T, clip):
    # a start from which the path meets no wall: on it rounding would decide where the path goes next
    path = descend(3.4, -2.9, rate=0.5, clip=clip, steps=12, T=T)
    wanted = by_algorithm_1(3.4, -2.9, 0.5, clip or math.inf, 12, T)
    assert not path.left and len(path.norm) == 12
    np.testing.assert_allclose(np.column_stack([path.w, path.b]), wanted, rtol=1e-9)
    np.testing.assert_allclose(path.E, errors(path.w, path.b, T), rtol=1e-9)
    np.testing.assert_allclose(path.gradient, np.column_stack(gradients(path.w, path.b, T)[1:])[:-1], rtol=1e-8)
    np.testing.assert_allclose(path.norm, np.linalg.norm(path.gradient, axis=1))
    if clip is None:
        assert path.E[-1] < path.E[0]


@pytest.mark.parametrize("clip", [0.01, 1.0])
def test_no_clipped_step_is_longer_than_rate_times_threshold_and_none_turns(clip):
    path = descend(5.0, steepest(5.0).b, rate=0.1, clip=clip)
    steps = np.column_stack([np.diff(path.w), np.diff(path.b)])
    lengths = np.linalg.norm(steps, axis=1)
    np.testing.assert_allclose(lengths, 0.1 * np.minimum(path.norm, clip), rtol=1e-9)
    turned = steps / lengths[:, None] + path.gradient / path.norm[:, None]
    assert np.abs(turned).max() < 1e-9
    assert path.norm[0] > 1000 * clip  # or nothing would have been tested


def test_without_clipping_the_wall_throws_it_off_the_map():
    path = descend(5.0, steepest(5.0).b, rate=0.1)
    assert path.left and len(path.norm) == 1 and len(path.w) == 2
    assert not PLANE[1][0] <= path.b[-1] <= PLANE[1][1]
    slow = descend(6.0, -3.0, rate=1.0)
    assert slow.left and 1 < len(slow.norm) < 100
    inside = [(low <= a[:-1]).all() and (a[:-1] <= high).all() for a, (low, high) in zip(slow[:2], PLANE, strict=True)]
    assert all(inside)
    assert not descend(6.0, -3.0, rate=1.0, clip=0.3).left
    wide = descend(6.0, -3.0, rate=1.0, within=((-1e9, 1e9), (-1e9, 1e9)))
    assert not wide.left and len(wide.norm) == 100


@pytest.mark.parametrize("b", [1e5, -1e5])
def test_far_from_everything_nothing_overflows(b):
    path = descend(1e5, b, rate=1.0, steps=3, T=5, within=((0, 1e6), (-1e6, 1e6)))
    assert np.isfinite(path.E).all() and np.isfinite(errors(1e5, b, 5))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: errors("5", 1.0), TypeError, "w has dtype"),
        (lambda: errors(5.0, 1.0, 0), ValueError, "T is 0, wanted a whole number from 1 on"),
        (lambda: gradients(5.0, 1.0, 1.5), TypeError, "T is 1.5, wanted a whole number from 1 on"),
        (lambda: steepest(np.nan), ValueError, "w is nan, wanted a finite number"),
        (lambda: descend(5.0, -2.0, rate=0), ValueError, "rate is 0.0, wanted a number above 0"),
        (lambda: descend(5.0, -2.0, rate=1, clip=-1), ValueError, "clip is -1.0, wanted a number above 0"),
        (lambda: descend(5.0, -2.0, rate=1, steps=0), ValueError, "steps is 0, wanted a whole number from 1 on"),
        (lambda: descend(5.0, np.inf, rate=1), ValueError, "b is inf, wanted a finite number"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_numbers_of_the_paper():
    assert (STEPS, START, TARGET) == (50, 0.5, 0.7)


# --- a cut along b ---


def at_w_5(b):
    return exact(5, b, STEPS)


def test_at_the_cliff_bptt_is_right_and_the_difference_is_not():
    found = cut(5.0, steepest(5.0).b)
    E, at = at_w_5, mpmath.mpf(found.point[0])
    slope = mpmath.diff(E, at)
    assert found.point[1] == pytest.approx(float(E(at)), rel=1e-10)
    assert found.bptt == pytest.approx(float(slope), rel=1e-10)
    assert abs(found.complex_step / found.bptt - 1) < 1e-13
    assert found.central == pytest.approx(float((E(at + found.h) - E(at - found.h)) / (2 * found.h)), rel=1e-9)
    assert found.bptt / found.central > 10  # more than an order of magnitude


def test_the_point_is_the_steepest():
    found = cut(5.0, steepest(5.0).b)
    E, at = at_w_5, mpmath.mpf(found.point[0])
    largest = abs(mpmath.diff(E, at))
    assert all(abs(mpmath.diff(E, at + by)) < largest for by in (-1e-6, 1e-6, -1e-3, 1e-3))
    assert abs(mpmath.diff(E, at, 2)) * 1e-8 < 1e-4 * largest
    slopes = [abs(mpmath.diff(E, b)) for b in np.linspace(-6, 1, 200)]
    assert max(slopes) <= largest


def test_the_cut_goes_through_the_point_and_the_ends_of_the_secant():
    found = cut(5.0, steepest(5.0).b, 1e-2)
    for b, value in [*found.ends, *zip(found.b[::400], found.E[::400], strict=True)]:
        assert value == pytest.approx(float(at_w_5(mpmath.mpf(float(b)))), rel=1e-7)
    np.testing.assert_allclose(found.ends[:, 0] - found.point[0], [-1e-2, 1e-2])
    np.testing.assert_allclose((found.b[[0, -1]] - found.point[0]) / found.h, [-2.5, 2.5])
    (low, E_low), (high, E_high) = found.ends
    assert found.central == pytest.approx((E_high - E_low) / (high - low))


def test_where_there_is_no_cliff_the_difference_is_right():
    found = cut(1.0, steepest(1.0).b)
    assert found.central == pytest.approx(found.bptt, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"), [({"h": 0}, "h is 0.0, wanted a number above 0"), ({"w": np.nan}, "w is nan")]
)
def test_a_cut_that_makes_no_sense_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        cut(**{"w": 5.0, "b": -2.6} | arguments)


def test_the_fold_from_which_the_state_drops_is_the_lower_one():
    """There the upper fixed point, which x_0 goes to, is lost; w = 4.2 has no wall."""
    lower, upper = (errors(4.2, folds(4.2).b[0] + by, 2000) for by in (-0.01, 0.01))
    assert lower > 2 * upper
