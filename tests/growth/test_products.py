"""One vector under Gaussian matrices, and the two pictures of products.

Oracles: Newman's law for fresh matrices, Wick's theorem for repeated ones (both in ``laws``, which is tested against
brute force), and the digits in the pictures against the data that they were given.
"""

import math
import re

import numpy as np
import pytest
from chance import wick_mean
from loops import for_each
from matplotlib.figure import Figure

from d2lbptt import experiments, figures, forward, init_params, laws
from d2lbptt.experiments._product_spectrum import _of_run as of_run
from d2lbptt.figures import _style as style
from d2lbptt.growth import spectra

SIGMAS = 4.5  # a test of a true law fails once in 150,000 runs, were the seed not fixed


def test_fresh_matrices_follow_newman_and_one_that_is_repeated_does_not():
    n, K, samples = 16, 64, 1000
    law = laws.fresh_products(n)
    mean, error = K * law.exponents[0], law.spread[0] * math.sqrt(K / samples)
    fresh, repeated = (spectra.gaussian_growth(n, K, samples, repeated=kind)[:, -1] for kind in (False, True))
    assert abs(fresh.mean() - mean) < SIGMAS * error
    assert fresh.std(ddof=1) == pytest.approx(law.spread[0] * math.sqrt(K), rel=SIGMAS / math.sqrt(2 * samples))
    assert repeated.mean() - mean > 20 * error
    assert repeated.std() > 4 * fresh.std()


def test_most_repeated_draws_have_a_radius_a_little_above_g_and_a_few_carry_the_mean_square():
    """n = 64, by NumPy's eigenvalues, over 400 draws in ten parts."""
    rng = np.random.default_rng(1)
    radii = [abs(np.linalg.eigvals(rng.normal(size=(64, 64)) / 8)).max() for _ in range(400)]
    shares = (np.array(radii).reshape(10, 40) > 1).mean(1)
    assert 0.85 < shares.mean() < 0.95 and shares.min() > 0.7 and 1.03 < np.median(radii) < 1.07
    squares = np.sort(np.exp(2 * spectra.gaussian_growth(64, 64, 400, repeated=True, seed=1)[:, -1]))
    assert squares[-20:].sum() > 0.9 * squares.sum()


def test_the_raw_product_fails_by_its_digits_and_not_by_its_range():
    """Ten networks, 300 Jacobians: the largest singular value is right, and all that are 10^16 smaller are rounding."""
    for seed in range(10):
        params = init_params(1, 32, 1, scale=1.5, seed=seed)
        trace = forward(params, 0.1 * np.random.default_rng((seed, 1)).normal(size=(300, 1)), activation="tanh")
        raw = np.eye(32)
        for h in trace.h[1:]:
            raw = (1 - h[:, None] ** 2) * params.W_hh @ raw
        naive, right = np.log10(np.linalg.svd(raw, compute_uv=False)), spectra.jacobian_spectrum(trace).log10
        assert abs(naive[0] - right[0]) < 1e-6 and abs(np.log10(np.abs(raw).max())) < 100
        assert 14 < naive[0] - naive[-1] < 40 < right[0] - right[-1] - 100


@for_each("k", [2, 3])
def test_the_mean_square_of_a_repeated_matrix_is_that_of_wick_and_not_one(k):
    squares = np.exp(2 * spectra.gaussian_growth(2, k, 400_000, repeated=True, seed=k)[:, k])
    error = squares.std(ddof=1) / math.sqrt(len(squares))
    assert abs(squares.mean() - wick_mean(2, k)) < SIGMAS * error
    assert squares.mean() - 1 > 10 * error  # the popular g^2k


def test_one_number_repeated_is_its_power():
    log = spectra.gaussian_growth(1, 7, 5, repeated=True)
    np.testing.assert_allclose(log, np.arange(8) * log[:, 1:2], atol=1e-14)
    assert log.shape == (5, 8) and not log[:, 0].any()


@for_each(("arguments", "words"), [((0, 1, 1), "n is 0"), ((1, -1, 1), "K is"), ((1, 1, 0), "samples")])
def test_bad_arguments_of_growth(arguments, words):
    with pytest.raises(ValueError, match=words):
        spectra.gaussian_growth(*arguments, repeated=True)


def lines(ax, look):
    return [line.get_ydata() for line in ax.lines if line.get_color() == look["color"]]


def words(ax):
    return " ".join(text.get_text() for text in ax.texts)


def inside(figure):
    """Whether no text leaves its Axes."""
    figure.canvas.draw()
    for ax in figure.axes:
        box = ax.get_window_extent()
        for text in ax.texts:
            if text.get_window_extent().overlaps(box):
                extent = text.get_window_extent()
                assert box.x0 <= extent.x0 and extent.x1 <= box.x1 and extent.y1 <= box.y1, text.get_text()


def test_the_picture_of_fresh_and_repeated_matrices():
    n, K = 16, 40
    data = experiments.fresh_or_repeated(n, K, samples=200)
    fresh, repeated = data.fresh, data.repeated
    figure = Figure(figsize=(9.6, 4.3), dpi=100, layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    left, right = figures.fresh_or_repeated(axes, data)
    for ax, log in ((left, fresh), (right, repeated)):
        np.testing.assert_allclose(lines(ax, style.FULL)[0], np.median(log, 0) / math.log(10))
    np.testing.assert_allclose(lines(right, style.THEORY)[0], laws.log10_repeated_bound(n, np.arange(K + 1)) / 2)
    low, middle, high = lines(left, style.THEORY)
    within = (fresh[:, -1] / math.log(10) > low[-1]) & (fresh[:, -1] / math.log(10) < high[-1])
    assert abs(within.mean() - 0.9) < SIGMAS * math.sqrt(0.09 / 200)
    off = float(re.search(r"median (\S+) decades off", words(left))[1])
    assert off == pytest.approx(abs(np.median(fresh[:, -1]) / math.log(10) - middle[-1]), abs=0.005)
    factor = float(re.search(r"(\S+) times", words(right))[1])
    assert factor == pytest.approx(math.exp(np.median(repeated[:, -1])), rel=0.05)
    inside(figure)


@for_each("g", [0.5, 1.5, 3.0])
def test_the_picture_of_a_long_product(g):
    T = 120
    params, x = init_params(1, 12, 1, scale=g), 0.1 * np.random.default_rng(1).normal(size=(T, 1))
    data = of_run(forward(params, x, activation="tanh"))
    spectrum, exponents = data.spectrum, data.exponents
    figure = Figure(figsize=(9.6, 4.3), dpi=100)
    ax = figures.product_spectrum(figure.add_subplot(), data)
    shown, expected = lines(ax, style.SINGULAR_VALUES)[0], lines(ax, style.THEORY)[0]
    np.testing.assert_allclose(shown, spectrum.log / math.log(10))
    np.testing.assert_allclose(expected, T * exponents.rate / math.log(10))
    off = float(re.search(r"at most (\S+) of", words(ax))[1])
    assert off == pytest.approx(np.abs(shown - expected).max(), abs=0.5)
    bottom, top = ax.get_ylim()
    assert bottom < min(shown.min(), expected.min(), 0) and top > max(shown.max(), expected.max(), 0)
    inside(figure)


def test_a_singular_value_of_zero_is_left_out():
    W = np.diag([0.5, 0.0, 0.25])
    data = of_run(forward(init_params(1, 3, 1)._replace(W_hh=W), np.zeros((20, 1))))
    ax = figures.product_spectrum(Figure().add_subplot(), data)
    assert np.isnan(lines(ax, style.SINGULAR_VALUES)[0]).tolist() == [False, False, True]
    assert "at most 0 of 6 decades off" in words(ax)


def test_a_product_of_zeros_has_no_picture():
    with pytest.raises(ValueError, match="data has singular values of zero alone, wanted one above it"):
        figures.product_spectrum(Figure().add_subplot(), experiments.product_spectrum(T=20, g=0.0))
