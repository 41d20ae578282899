"""Products of matrices as experiments: fresh or repeated ones, and a long product of Jacobians.

Oracles: the same draws multiplied out here; the singular values of a short product, by NumPy.
"""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import lyapunov_exponents
from d2lbptt.experiments import fresh_or_repeated, product_spectrum
from d2lbptt.laws import log10_repeated_bound


def test_fresh_and_repeated_matrices_multiplied_out():
    data = fresh_or_repeated(n=5, K=6, samples=3, seed=2)
    assert data.n == 5
    for found, fresh in ((data.fresh, True), (data.repeated, False)):
        rng, v = np.random.default_rng(2), np.eye(5)[:, :1] * np.ones((3, 1, 1))
        for k in range(1, 7):
            if k == 1 or fresh:
                W = rng.normal(size=(3, 5, 5)) / np.sqrt(5)
            v = W @ v
            np.testing.assert_allclose(found[:, k], np.log(np.linalg.norm(v, axis=1)[:, 0]), atol=1e-12)
    np.testing.assert_array_equal(data.fresh[:, :2], data.repeated[:, :2])
    for log, (low, median, high) in ((data.fresh, data.fresh_quantiles), (data.repeated, data.repeated_quantiles)):
        lowest, middle, highest = np.sort(log, axis=0) / np.log(10)
        np.testing.assert_allclose(median, middle)
        np.testing.assert_allclose(low, lowest + 0.1 * (middle - lowest))  # a tenth of the way: 0.05 of two gaps
        np.testing.assert_allclose(high, highest - 0.1 * (highest - middle))


def test_the_laws_beside_the_draws():
    data, k = fresh_or_repeated(n=2, K=30, samples=2000, seed=1), np.arange(31)
    low, median, high = data.fresh_law * np.log(10)
    # log R_11 of a 2 x 2 matrix: half the log of chi^2 / 2 with two degrees, whose mean and variance are known
    np.testing.assert_allclose(median, -np.euler_gamma / 2 * k)
    spread = 1.645 * np.pi / np.sqrt(24) * np.sqrt(k)
    np.testing.assert_allclose([median - low, high - median], [spread, spread], atol=1e-12)
    within = np.mean((data.fresh[:, -1] > low[-1]) & (data.fresh[:, -1] < high[-1]))
    assert abs(within - 0.9) < 4.5 * np.sqrt(0.09 / 2000)
    assert data.apart == pytest.approx(abs(np.median(data.fresh[:, -1]) - median[-1]) / np.log(10))
    np.testing.assert_allclose(data.repeated_bound, log10_repeated_bound(2, k) / 2)


@for_each(("activation", "kind"), [("tanh", "gaussian"), ("identity", "orthogonal")])
def test_the_spectrum_of_a_short_product(activation, kind):
    data = product_spectrum(T=20, g=0.9, activation=activation, kind=kind, input=0.3, seed=4)
    W, h = data.trace.params.W_hh, data.trace.h[1:]
    np.testing.assert_array_equal(data.trace.x[:, 0], 0.3 * np.random.default_rng((4, 1)).normal(size=20))
    product = np.eye(64)
    for slope in 1 - h**2 if activation == "tanh" else np.ones_like(h):
        product = slope[:, None] * (W @ product)
    largest = np.linalg.svd(product, compute_uv=False)[:16]  # of the smallest, a plain product loses the digits
    np.testing.assert_allclose(np.exp(data.spectrum.log[:16]), largest, rtol=1e-6)
    np.testing.assert_array_equal(data.exponents.rate, lyapunov_exponents(data.trace).rate)
    assert data.T == 20
    np.testing.assert_allclose(data.theory, 20 * lyapunov_exponents(data.trace).rate / np.log(10))
    largest_of = data.theory[:16] - np.log10(largest)
    assert data.apart >= np.abs(largest_of).max() - 1e-6
    assert data.apart == pytest.approx(max(abs(data.spectrum.log / np.log(10) - data.theory)))


@for_each(("settings", "known"), [({"g": 0.0}, False), ({"activation": "relu"}, True)])
def test_singular_values_of_zero_are_not_compared(settings, known):
    data = product_spectrum(T=20, **settings)
    assert np.isneginf(data.spectrum.log).any() and np.isfinite(data.apart) == known
