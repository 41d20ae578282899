"""Exercise 1 as an experiment: angles, lengths and counts of M^k x, and the law beside them.

Oracles: mpmath, from the eigenvalues and the random x, for angles and lengths; for the vectors that M moves, all x
multiplied by a dense M k times, and the backward pass of a linear network; for the law, the F distribution where the
other eigenvalues are equal, and Imhof's integral by mpmath where they are not. What chance does to a count has exact
binomial limits, at ALARM = 1e-6.
"""

import mpmath
import numpy as np
import pytest
from cases import POWERS
from loops import for_each
from scipy import stats

from d2lbptt import Params, backward, forward
from d2lbptt.experiments import powers

ALARM = 1e-6
START = {"n": 8, "ratio": 0.7, "seed": 0, "spectrum": "equal"}


def ratios(n, ratio, spectrum):
    """lambda_i / lambda_1, i >= 2, written anew."""
    if spectrum == "equal":
        return [ratio] * (n - 1)
    if spectrum == "falling":
        return [ratio**i for i in range(1, n)]
    return [ratio * (1 - 2 * i / (n - 2)) if n > 2 else ratio for i in range(n - 1)]


def truth(k, n, ratio, seed, spectrum, lambda_1=1.0):
    """log10 tan of the angle, and log10 of |M^k x| / |x|, of the first x."""
    x = np.random.default_rng(seed).normal(size=n)
    with mpmath.workdps(40):
        along = mpmath.mpf(lambda_1) ** k * x[0]
        rest = mpmath.sqrt(
            sum(
                (mpmath.mpf(lambda_1 * q) ** k * c) ** 2 for q, c in zip(ratios(n, ratio, spectrum), x[1:], strict=True)
            )
        )
        length = mpmath.hypot(along, rest) / mpmath.sqrt(sum(mpmath.mpf(c) ** 2 for c in x))
        return mpmath.log10(rest / abs(along)), mpmath.log10(length)


@for_each("values", POWERS)
def test_angle_length_and_count(values):
    data, k = powers(**values), values.get("k", 20)
    system = START | {key: value for key, value in values.items() if key not in ("k", "within", "draws")}
    d, length = map(float, truth(k, **system))
    assert data.k == k and data.steps[-1] in (40, 120, 200) and data.steps[-1] >= k
    assert data.curve[k] == pytest.approx(d, abs=1e-9) and data.length[k] == pytest.approx(length, abs=1e-10)
    assert len(data.crowd) == values.get("draws", 1000) and data.within == values.get("within", 1.0)
    chance = stats.binom(len(data.crowd), data.probability)
    assert chance.ppf(ALARM / 2) <= data.count <= chance.ppf(1 - ALARM / 2)
    assert data.expected == pytest.approx((chance.mean(), chance.std()))


@for_each("spectrum", ["equal", "falling", "both signs"])
@for_each(("k", "n", "ratio"), [(0, 5, 0.7), (3, 2, 0.8), (9, 6, 0.7), (30, 64, 0.9)])
def test_every_x_is_multiplied_by_a_dense_matrix(spectrum, k, n, ratio):
    """Signs and all: the crowd is where M, with eigenvectors of our own, sends the same x."""
    data = powers(k=k, n=n, ratio=ratio, spectrum=spectrum, seed=7)
    x, V = np.random.default_rng(7).normal(size=(1000, n)), stats.ortho_group.rvs(n, random_state=1)
    M, y = V @ np.diag([1.0, *ratios(n, ratio, spectrum)]) @ V.T, x @ V.T
    for _ in range(k):
        y = y @ M
    along = y @ V[:, 0]
    want = np.arctan2(np.linalg.norm(y - np.outer(along, V[:, 0]), axis=1), along)
    np.testing.assert_allclose(data.crowd, want, atol=1e-9)
    aligned = np.minimum(want, np.pi - want) <= np.radians(1)
    assert data.count == aligned.sum()
    assert data.directions[k] == pytest.approx(want[0], abs=1e-9)
    assert data.curve[k] == pytest.approx(np.log10(np.abs(np.tan(want[0]))), abs=1e-9)


@for_each("spectrum", ["equal", "falling", "both signs"])
def test_curve_and_length_step_by_step(spectrum):
    """A dense M with eigenvectors of our own moves x, which is made short again in each step."""
    data = powers(k=200, n=20, ratio=0.9, lambda_1=1.3, spectrum=spectrum)
    V, y = stats.ortho_group.rvs(20, random_state=2), np.random.default_rng(0).normal(size=20)
    M, size, found, y = 1.3 * V @ np.diag([1.0, *ratios(20, 0.9, spectrum)]) @ V.T, 0.0, [], V @ y / np.linalg.norm(y)
    for _ in data.steps:
        along = y @ V[:, 0]
        found.append((np.log10(np.linalg.norm(y - along * V[:, 0]) / abs(along)), size))
        y = M @ y
        size, y = size + np.log10(np.linalg.norm(y)), y / np.linalg.norm(y)
    measured, length = np.transpose(found)
    known = data.curve > -9  # in decades; rounding of M turns v_1 by some 1e-15, and so M^k x
    assert known.sum() > 60
    np.testing.assert_allclose(measured[known], data.curve[known], atol=1e-5)
    np.testing.assert_allclose(length, data.length, atol=1e-9)
    np.testing.assert_allclose(np.diff(data.length)[150:], np.log10(1.3), atol=1e-9)
    assert data.length[-1] == pytest.approx(data.length_law[-1], abs=1e-9)


def test_it_is_what_a_gradient_does():
    """A linear network with W_hh = M and dL/dh_T = x: dL/dh_{T-k} by the package's backward pass."""
    data = powers(k=15, n=6, ratio=0.8, lambda_1=1.1, spectrum="both signs", seed=4)
    V = stats.ortho_group.rvs(6, random_state=3)
    M, x = 1.1 * V @ np.diag([1.0, *ratios(6, 0.8, "both signs")]) @ V.T, V @ np.random.default_rng(4).normal(size=6)
    params = Params(np.zeros((6, 1)), M, x[None])
    g = backward(forward(params, np.zeros((16, 1))), np.full((16, 1), -1.0), reduction="last").h
    np.testing.assert_allclose(g[-1], x)
    assert np.log10(np.linalg.norm(g[0]) / np.linalg.norm(x)) == pytest.approx(data.length[15], abs=1e-10)
    along = g[0] @ V[:, 0]
    rest = np.linalg.norm(g[0] - along * V[:, 0])
    assert np.arctan2(rest, along) == pytest.approx(data.directions[15], abs=1e-9)


def imhof(a, t):
    """P(sum a_i x_i^2 > t^2 x_1^2), with u = e^s."""
    c = [*a, -(t**2)]
    with mpmath.workdps(20):

        def integrand(s):
            terms = [mpmath.mpf(q) * mpmath.exp(s) for q in c]
            return mpmath.sin(sum(map(mpmath.atan, terms)) / 2) / mpmath.fprod((1 + q * q) ** 0.25 for q in terms)

        return float(0.5 + mpmath.quad(integrand, list(range(-30, 50, 4))) / mpmath.pi)


@for_each("within", [1.0, 5.0, 20.0])
@for_each(("spectrum", "n"), [("equal", 2), ("equal", 64), ("falling", 6), ("both signs", 5)])
def test_the_probability_by_other_routes(spectrum, n, within):
    data = powers(k=8, n=n, ratio=0.7, spectrum=spectrum, within=within)
    t, a = np.tan(np.radians(within)), np.array(ratios(n, 0.7, spectrum)) ** 16
    if spectrum == "equal":
        want = stats.f(n - 1, 1).cdf(t**2 / (a[0] * (n - 1)))
    else:
        want = 1 - imhof(a[a > 0], t)
    assert data.probability == pytest.approx(want, abs=1e-8) and data.far == pytest.approx(1 - want, abs=1e-8)


def test_law_and_band_agree_as_far_as_chance_allows():
    for values in ({"n": 2}, {"n": 64, "ratio": 0.9}, {"spectrum": "falling"}, {"spectrum": "both signs", "k": 0}):
        data = powers(draws=2000, **values)
        system = START | values
        x = np.random.default_rng(0).normal(size=(2000, system["n"]))
        others = np.array(ratios(system["n"], system["ratio"], system["spectrum"]))
        for k, band, theory, bound in zip(data.knots, data.band, data.theory, data.bound, strict=True):
            d = np.log10(x[:, 1:] ** 2 @ others ** (2 * k) / x[:, 0] ** 2) / 2
            for p, found, law in zip((0.05, 0.5, 0.95), band, theory, strict=True):
                assert found == pytest.approx(np.quantile(d, p), abs=1e-9)
                limits = stats.binomtest(int(np.sum(d <= law)), 2000).proportion_ci(1 - ALARM, "exact")
                assert limits.low <= p <= limits.high
            assert theory[2] <= bound == pytest.approx(np.log10(np.sqrt(2 * (others ** (2 * k)).sum() / np.pi) / 0.05))


def test_k_moves_nothing_but_what_belongs_to_k():
    data = powers(k=12)
    moved = powers(k=17)
    for name in ("steps", "curve", "band", "theory", "bound", "length"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(data, name))
    assert not np.array_equal(moved.crowd, data.crowd)
    with pytest.raises(ValueError, match="read-only"):
        data.theory[0] = 0


@for_each(
    ("change", "words"),
    [
        ({"k": 201}, "k is 201, wanted a whole number from 0 to 200"),
        ({"ratio": 1.0}, r"ratio is 1\.0, wanted"),
        ({"within": 90}, r"within is 90\.0, wanted"),
        ({"spectrum": "flat"}, "spectrum is 'flat', wanted one of equal, falling, both signs"),
    ],
)
def test_what_is_no_setting_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        powers(**change)
