"""The cliff as an experiment: descent and one step from the start, and the cut through it.

Oracles: the package's forward and backward, one unit at a time; ``growth.cliff`` has its own.
"""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, backward, forward
from d2lbptt.experiments import cliff
from d2lbptt.growth.cliff import PLANE, descend, errors, steepest


def package_gradient(w, b, T):
    one, h0 = np.ones((1, 1)), np.array([1 / (1 + np.exp(-0.5))])
    trace = forward(Params(one, w * one, one, b_h=np.array([b])), np.zeros((T, 1)), h0=h0, activation="sigmoid")
    g = backward(trace, np.full((T, 1), 0.7), reduction="last")
    return 2 * np.array([g.W_hh.item(), g.b_h.item()])


def test_the_steepest_b_is_taken_within_half_a_step_of_a_slider():
    at = steepest(5.0).b
    for by, on in ((0.004, True), (-0.004, True), (0.006, False), (-0.006, False)):
        data = cliff(w=5.0, b=at + by)
        assert (data.path.b[0] == at) == on and data.steepest.b == at
        assert data.cut.point[0] == data.path.b[0] == pytest.approx(at if on else at + by)


@for_each("T", [10, 50])
@for_each(("w", "b"), [(5.0, -2.61), (6.0, -3.0), (3.5, -2.8), (6.9, -1.1), (3.1, -4.4)])
def test_gradient_and_step_are_those_of_the_package(w, b, T):
    data = cliff(w=w, b=b, T=T, rate=0.0)
    start = np.array([data.path.w[0], data.path.b[0]])
    wanted = package_gradient(*start, T)
    np.testing.assert_allclose(data.path.gradient[0], wanted, rtol=1e-6)
    np.testing.assert_allclose(data.step, start - wanted, rtol=1e-6)
    assert data.cut.bptt == pytest.approx(wanted[1], rel=1e-6)
    assert data.cut.complex_step == pytest.approx(wanted[1], rel=1e-6)


@for_each("clip", [None, 0.3])
def test_the_path_is_that_of_descent_and_exponents_are_exponents(clip):
    data, wanted = (
        cliff(w=6.0, b=-3.0, rate=0.5, clip=clip, steps=30, h=-2.0),
        descend(6.0, -3.0, rate=10**0.5, clip=clip, steps=30),
    )
    assert (data.T, data.clip, data.cut.h) == (50, clip, 0.01)
    for found, want in zip(data.path, wanted, strict=True):
        np.testing.assert_array_equal(found, want)


@for_each(
    ("change", "words"),
    [({"rate": 11}, "rate is 11.0, wanted"), ({"h": 1}, "h is 1.0, wanted"), ({"clip": 0}, "clip is 0.0, wanted")],
)
def test_what_is_no_setting_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        cliff(**change)


def test_wall_and_folds_are_those_of_the_fixed_points():
    data, x = cliff(), np.linspace(-8, 8, 200_001)
    w, b = data.wall
    s = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(w * s + b, 0.5)  # x_0 stays where it is
    assert w[0] * s * (1 - s) == pytest.approx(1, abs=2e-3) and w[0] * s * (1 - s) > 1 and w[-1] == 7
    w, low, high = data.folds
    assert (w[0], w[-1]) == (4, 7) and np.all(low <= high)
    for i in range(40, len(w), 80):  # fixed points are born where the b that they have is lowest or highest
        inner = np.abs(x) < 5
        of_x = (x - w[i] / (1 + np.exp(-x)))[inner]
        steps = np.diff(np.sign(np.diff(of_x))).nonzero()[0] + 1
        np.testing.assert_allclose(np.sort(of_x[steps]), [low[i], high[i]], atol=1e-6)


@for_each("T", [10, 50])
def test_the_surface_is_that_of_the_unit_over_the_plane(T):
    data = cliff(T=T)
    E, (w, b) = data.surface, (np.linspace(*ends, count) for ends, count in zip(PLANE, (241, 211), strict=True))
    np.testing.assert_allclose(E[:, 60], errors(w[60], b, T), atol=2e-4)
    np.testing.assert_allclose(E[30], errors(w, b[30], T), atol=2e-4)
