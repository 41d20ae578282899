"""How many digits of a derivative survive.

Oracle: the same networks written once more in mpmath, with 50 digits, and differentiated there.
"""

import math

import mpmath
import numpy as np
import pytest

from d2lbptt import Params, forward, init_params, loss
from d2lbptt.checking.step_size import METHODS, Law, step_sizes

H = 10.0 ** (np.arange(-200, -9) / 10)
REAL = METHODS[:2]


def problem(T=4, units=3, g=1.0, seed=0, bias=False):
    rng = np.random.default_rng(seed)
    params = init_params(2, units, 2, scale=g, seed=seed, bias=bias)
    if bias:
        params = params._replace(b_h=rng.normal(size=units) / 2, b_q=rng.normal(size=2))
    return params, rng.normal(size=(T, 2)), rng.normal(size=(T, 2)), rng.normal(size=units)


def loss_of(entry, params, x, y, h0):
    """L as a function of one entry of W_hh, in mpmath."""
    W_hx, W_hh, W_qh = (mpmath.matrix(W.tolist()) for W in params[:3])
    b_h, b_q = (
        mpmath.matrix([0] * len(W) if b is None else b.tolist()) for W, b in zip(params[1:3], params[3:], strict=True)
    )

    def f(w):
        W, h, total = W_hh.copy(), mpmath.matrix(h0.tolist()), 0
        W[entry] = w
        for x_t, y_t in zip(x.tolist(), y.tolist(), strict=True):
            h = (W_hx * mpmath.matrix(x_t) + W * h + b_h).apply(mpmath.tanh)
            off = W_qh * h + b_q - mpmath.matrix(y_t)
            total += sum(d * d for d in off) / 2
        return total / len(x)

    return f


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(50):
        yield


# --- the step ---


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_truth_and_laws(dtype, bias):
    params, x, y, h0 = problem(bias=bias)
    sizes = step_sizes(params, x, y, H, h0=h0, dtype=dtype)
    held = [None if a is None else a.astype(dtype) for a in (*params, x, y, h0)]
    f, w = loss_of(sizes.entry, Params(*held[:5]), *held[5:]), mpmath.mpf(float(held[1][sizes.entry]))
    slope, second, third = (float(mpmath.diff(f, w, n)) for n in (1, 2, 3))
    assert sizes.truth == pytest.approx(slope, rel=1e-15)
    eps = np.finfo(dtype).eps
    assert sizes.law["forward"].truncation == pytest.approx(abs(second / slope) / 2, rel=1e-6)
    assert sizes.law["central"].truncation == pytest.approx(abs(third / slope) / 6, rel=1e-4)
    assert sizes.law["complex"][:3] == (2, 0, sizes.law["central"].truncation)
    assert 0.14 * eps <= sizes.law["complex"].rounding <= 8 * eps
    # One rounding of L is some part of eps |L| at least, and not many times as much in a network as small as this.
    rounding = sizes.law["forward"].rounding * abs(slope) / math.sqrt(2)
    assert 0.14 * eps <= rounding / float(f(w)) <= 4 * eps
    assert sizes.law["central"].rounding == pytest.approx(sizes.law["forward"].rounding / 2)


@pytest.mark.parametrize("T", [1, 4, 30])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "identity"])
def test_found_is_what_the_formulas_say(activation, T):
    params, x, y, h0 = problem(T, bias=True)
    sizes = step_sizes(params, x, y, H, h0=h0, activation=activation)

    def f(by):
        W = params.W_hh.astype(np.result_type(by, float))
        W[sizes.entry] += by
        return loss(forward(params._replace(W_hh=W), x, h0=h0, activation=activation), y)

    eps = np.finfo(float).eps
    for i in (0, 60, 120, 150, 190):
        h = sizes.h[i]
        up, here, down = f(h), f(0.0), f(-h)
        rounding = 20 * eps * here / h
        assert sizes.found["forward"][i] == pytest.approx((up - here) / h, rel=1e-9, abs=rounding)
        assert sizes.found["central"][i] == pytest.approx((up - down) / (2 * h), rel=1e-9, abs=rounding)
        assert sizes.found["complex"][i] == pytest.approx(f(1j * h).imag / h, rel=1e-12)
    for method in METHODS:
        np.testing.assert_allclose(
            sizes.error[method], abs(sizes.found[method] / sizes.truth - 1), rtol=1e-6, atol=1e-15
        )


def test_a_step_that_w_does_not_feel_finds_the_slope_zero():
    for dtype in (np.float32, np.float64):
        sizes = step_sizes(*problem()[:3], [1e-30, 1e-20], dtype=dtype)
        for method in REAL:
            assert sizes.found[method].tolist() == [0, 0] and sizes.error[method].tolist() == [1, 1]
        assert np.all(sizes.error["complex"] < 8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("g", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_theory_and_measurement(seed, g, dtype):
    params, x, y, h0 = problem(12, 5, g, seed)
    sizes, eps = step_sizes(params, x, y, H, h0=h0, dtype=dtype), np.finfo(dtype).eps
    for method, power in (("forward", 1 / 2), ("central", 1 / 3)):
        assert sizes.apart(method) < 2
        # flat at the bottom: a factor of 4 in h costs the error less than one of 4
        assert 1 / 8 < sizes.best(method) / sizes.law[method].best < 8
        assert 1 / 30 < sizes.law[method].best / eps**power < 30
        assert sizes.typical[method].min() < 3 * sizes.law[method].error(sizes.law[method].best)
    assert sizes.apart("complex") < 4
    assert sizes.error["complex"][sizes.h < sizes.law["complex"].best / 10].max() < 64 * eps


@pytest.mark.parametrize("law", [Law(1, -1, 0.3, 2e-16), Law(2, -1, 7.0, 1e-8)])
def test_the_best_step_of_a_law(law):
    h = law.best * np.geomspace(1e-3, 1e3, 100001)
    assert h[np.argmin(law.error(h))] == pytest.approx(law.best, rel=1e-3)
    truncation, rounding = law.terms(1e-2)
    assert law.error(1e-2) == pytest.approx(math.sqrt(truncation**2 + rounding**2))
    assert (truncation, rounding) == pytest.approx((law.truncation * 1e-2**law.order, law.rounding * 1e2))


def test_the_complex_step_has_no_best_step_but_a_largest_one():
    law = Law(2, 0, 5.0, 1e-16)
    truncation, rounding = law.terms(law.best)
    assert truncation == pytest.approx(rounding)
    assert law.error(law.best / 100) == pytest.approx(1e-16, rel=1e-3)
    assert Law(2, -1, 0.0, 1e-16).best == np.inf


def test_typical_errors_are_root_mean_squares_over_a_factor_of_two():
    sizes = step_sizes(*problem()[:3], np.random.default_rng(0).permutation(H))
    np.testing.assert_array_equal(sizes.h, H)
    for method in METHODS:
        for h, typical in zip(H, sizes.typical[method], strict=True):
            near = (H >= h / 2) & (H <= 2 * h)
            assert typical == pytest.approx(np.sqrt(np.mean(sizes.error[method][near] ** 2)), rel=1e-9)
        assert sizes.best(method) == H[np.argmin(sizes.typical[method])]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": [1e-3, 0.0]}, ValueError, "h is 0.0, wanted positive numbers"),
        ({"h": []}, ValueError, r"h has shape \(0,\), wanted \(K,\)"),
        ({"h": [np.inf]}, ValueError, "h is inf at index"),
        ({"activation": "relu"}, ValueError, "activation is 'relu', wanted one of identity, tanh, sigmoid"),
        ({"dtype": int}, TypeError, "dtype is int64, wanted float32 or float64"),
        ({"x": np.ones((4, 1, 2)), "y": np.ones((4, 1, 2))}, ValueError, r"x has shape \(4, 1, 2\), wanted \(T, d\)"),
        ({"y": np.ones((4, 1))}, ValueError, "y has shape"),
        ({"x": 1j * np.ones((4, 2))}, TypeError, "x has dtype complex128, wanted real numbers"),
        ({"x": np.zeros((4, 2))}, ValueError, "dL/dW_hh is zero everywhere"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    params, x, y, _ = problem()
    with pytest.raises(error, match=words):
        step_sizes(**{"params": params, "x": x, "y": y, "h": H, **change})


def test_the_readers_arrays_stay_as_they_are():
    params, x, y, h0 = problem()
    before = [a.copy() for a in (*params[:3], x, y, h0)]
    step_sizes(params, x, y, H, h0=h0, dtype=np.float32)
    for a, old in zip((*params[:3], x, y, h0), before, strict=True):
        np.testing.assert_array_equal(a, old)
