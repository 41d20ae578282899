"""The explorer of exercise 1: every number of its sentence, its picture, and the code that it hands out.

Oracles: mpmath, from the eigenvalues and the random x, for angles and lengths; for the vectors that M moves, all x
multiplied by a dense M k times, and the backward pass of a linear network; for the law, the F distribution where the
other eigenvalues are equal, and Imhof's integral by mpmath where they are not. What chance does to a count has exact
binomial limits, at ALARM = 1e-6.
"""

import itertools
import re

import mpmath
import numpy as np
import pytest
from driving import shown
from matplotlib.figure import Figure
from scipy import stats

from d2lbptt import Params, backward, explorers, figures, forward
from d2lbptt.figures._powers import _PowersPicture

ALARM = 1e-6
NUMBER = r"([-+.e\d]+)"
SENTENCE = re.compile(
    rf"k = (\d+), n = (\d+), \|λ₂/λ₁\| = {NUMBER}: (.*) is {NUMBER} degrees from ±v₁\. "
    rf"Of (\d+) random x, (\d+) are within {NUMBER} degrees?; the law expects {NUMBER} ± {NUMBER} "
    rf"\(the bound(?:: at least {NUMBER} expected| says nothing yet)\)\."
    rf"(?: As a gradient that went back (\d+) steps? through W_hh = M it is (?:10\^)?{NUMBER} times as long, "
    rf"and λ₁ᵏ x₁ along v₁ makes (all but )?{NUMBER} of that length\.)?"
)


@pytest.fixture(scope="module")
def explorer():
    return explorers.powers()


def ratios(n, ratio, spectrum):
    """lambda_i / lambda_1, i >= 2, written anew."""
    if spectrum == "equal":
        return [ratio] * (n - 1)
    if spectrum == "falling":
        return [ratio**i for i in range(1, n)]
    return [ratio * (1 - 2 * i / (n - 2)) if n > 2 else ratio for i in range(n - 1)]


def truth(k, n, ratio, seed, spectrum, lambda_1=1.0):
    """The angle in degrees, and |M^k x| / |x|, of the first x."""
    x = np.random.default_rng(seed).normal(size=n)
    with mpmath.workdps(40):
        along = mpmath.mpf(lambda_1) ** k * x[0]
        rest = mpmath.sqrt(
            sum(
                (mpmath.mpf(lambda_1 * q) ** k * c) ** 2 for q, c in zip(ratios(n, ratio, spectrum), x[1:], strict=True)
            )
        )
        length = mpmath.hypot(along, rest) / mpmath.sqrt(sum(mpmath.mpf(c) ** 2 for c in x))
        lost = rest**2 / (mpmath.hypot(along, rest) * (mpmath.hypot(along, rest) + abs(along)))  # 1 - cos
        return mpmath.degrees(mpmath.atan2(rest, abs(along))), length, lost


CORNERS = [
    {"k": k, "n": n, "ratio": ratio, "spectrum": spectrum}
    for k, n, ratio, spectrum in itertools.product(
        (0, 1, 20, 200), (2, 3, 64), (0.5, 0.99), ("equal", "falling", "both signs")
    )
]
CORNERS += [{"lambda_1": 1.5, "k": 200}, {"lambda_1": 0.5, "k": 200}, {"seed": 99, "within": 20.0, "draws": 100}]
CORNERS += [{"k": 12, "seed": seed, "within": 5.0, "ratio": 0.8, "draws": 2000} for seed in range(5)]


@pytest.mark.parametrize("values", CORNERS, ids=lambda values: "-".join(map(str, values.values())))
def test_every_number_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    values = explorer.state["controls"]
    k, n, seed = (values[key] for key in ("k", "n", "seed"))
    angle, length, lost = truth(k, n, values["ratio"], seed, values["spectrum"], values["lambda_1"])
    found = SENTENCE.fullmatch(sentence)
    assert found, sentence
    assert (int(found[1]), int(found[2]), float(found[3])) == (k, n, values["ratio"])
    assert found[4] == ("x itself" if k == 0 else "M x" if k == 1 else f"M^{k} x")
    assert float(found[5]) == pytest.approx(float(angle), rel=0.06 if angle < 0.01 else 0.006)
    assert int(found[6]) == values["draws"] and float(found[8]) == values["within"]
    chance, mean = stats.binom(int(found[6]), data.probability), int(found[6]) * data.probability
    assert chance.ppf(ALARM / 2) <= int(found[7]) <= chance.ppf(1 - ALARM / 2)
    rounding = 0.051 if "." in found[9] else 0.51
    assert float(found[9]) == pytest.approx(mean, abs=rounding)
    assert float(found[10]) == pytest.approx(chance.std(), abs=rounding)
    if found[11]:
        assert float(found[11]) <= mean + 1e-9
    else:
        assert data.promise * int(found[6]) < 1
    if k == 0:
        assert found[12] is None
        return
    assert int(found[12]) == k
    assert data.length[k] == pytest.approx(float(mpmath.log10(length)), abs=1e-10)
    said = float(found[13]) if "10^" not in sentence.split("it is ")[1] else 10 ** float(found[13])
    assert said == pytest.approx(float(length), rel=0.06)
    assert float(found[15]) == pytest.approx(float(lost if found[14] else 1 - lost), rel=0.06)


@pytest.mark.parametrize("spectrum", ["equal", "falling", "both signs"])
@pytest.mark.parametrize(("k", "n", "ratio"), [(0, 5, 0.7), (3, 2, 0.8), (9, 6, 0.7), (30, 64, 0.9)])
def test_every_x_is_multiplied_by_a_dense_matrix(explorer, spectrum, k, n, ratio):
    """Signs and all: the crowd is where M, with eigenvectors of our own, sends the same x."""
    data, _ = shown(explorer, k=k, n=n, ratio=ratio, spectrum=spectrum, seed=7)
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


@pytest.mark.parametrize("spectrum", ["equal", "falling", "both signs"])
def test_the_curve_is_that_of_the_vector_that_was_multiplied(explorer, spectrum):
    data, _ = shown(explorer, k=200, n=20, ratio=0.9, lambda_1=1.3, spectrum=spectrum)
    known = data.curve > -9  # in decades; rounding of M turns v_1 by some 1e-15, and so M^k x
    assert known.sum() > 60
    np.testing.assert_allclose(data.measured[known], data.curve[known], atol=1e-5)
    np.testing.assert_allclose(np.diff(data.length)[150:], np.log10(1.3), atol=1e-9)
    assert data.length[-1] == pytest.approx(data.length_law[-1], abs=1e-9)


def test_it_is_what_a_gradient_does(explorer):
    """A linear network with W_hh = M and dL/dh_T = x: dL/dh_{T-k} by the package's backward pass."""
    data, _ = shown(explorer, k=15, n=6, ratio=0.8, lambda_1=1.1, spectrum="both signs", seed=4)
    names = {}
    exec(explorer.code, names)
    M, x = names["M"], names["V"] @ names["x"][0]
    np.testing.assert_allclose(M, M.T, atol=1e-12)
    params = Params(np.zeros((6, 1)), M, x[None])
    g = backward(forward(params, np.zeros((16, 1))), np.full((16, 1), -1.0), reduction="last").h
    np.testing.assert_allclose(g[-1], x)
    assert np.log10(np.linalg.norm(g[0]) / np.linalg.norm(x)) == pytest.approx(data.length[15], abs=1e-10)
    along = g[0] @ names["V"][:, 0]
    rest = np.linalg.norm(g[0] - along * names["V"][:, 0])
    assert np.arctan2(rest, along) == pytest.approx(data.directions[15], abs=1e-9)


def imhof(a, t):
    """P(sum a_i x_i^2 > t^2 x_1^2), with u = e^s."""
    c = [*a, -(t**2)]
    with mpmath.workdps(20):

        def integrand(s):
            terms = [mpmath.mpf(q) * mpmath.exp(s) for q in c]
            return mpmath.sin(sum(map(mpmath.atan, terms)) / 2) / mpmath.fprod((1 + q * q) ** 0.25 for q in terms)

        return float(0.5 + mpmath.quad(integrand, list(range(-30, 50, 4))) / mpmath.pi)


@pytest.mark.parametrize("within", [1.0, 5.0, 20.0])
@pytest.mark.parametrize(("spectrum", "n"), [("equal", 2), ("equal", 64), ("falling", 6), ("both signs", 5)])
def test_the_probability_by_other_routes(explorer, spectrum, n, within):
    data, _ = shown(explorer, k=8, n=n, ratio=0.7, spectrum=spectrum, within=within)
    t, a = np.tan(np.radians(within)), np.array(ratios(n, 0.7, spectrum)) ** 16
    if spectrum == "equal":
        want = stats.f(n - 1, 1).cdf(t**2 / (a[0] * (n - 1)))
    else:
        want = 1 - imhof(a[a > 0], t)
    assert data.probability == pytest.approx(want, abs=1e-8) and data.far == pytest.approx(1 - want, abs=1e-8)
    assert data.promise == pytest.approx(max(0, 1 - np.sqrt(2 * a.sum() / np.pi) / t))
    assert data.promise <= want


def test_law_and_band_agree_as_far_as_chance_allows(explorer):
    for values in ({"n": 2}, {"n": 64, "ratio": 0.9}, {"spectrum": "falling"}, {"spectrum": "both signs", "k": 0}):
        data, _ = shown(explorer, draws=2000, **values)
        x = np.random.default_rng(0).normal(size=(2000, explorer.state["controls"]["n"]))
        others = np.array(
            ratios(x.shape[1], explorer.state["controls"]["ratio"], explorer.state["controls"]["spectrum"])
        )
        for k, band, theory, bound in zip(data.knots, data.band, data.theory, data.bound, strict=True):
            d = np.log10(x[:, 1:] ** 2 @ others ** (2 * k) / x[:, 0] ** 2) / 2
            for p, found, law in zip((0.05, 0.5, 0.95), band, theory, strict=True):
                assert found == pytest.approx(np.quantile(d, p), abs=1e-9)
                limits = stats.binomtest(int(np.sum(d <= law)), 2000).proportion_ci(1 - ALARM, "exact")
                assert limits.low <= p <= limits.high
            assert theory[2] <= bound


def test_presets_do_what_they_say(explorer):
    counts = {}
    for preset in ("clear winner", "close race", "many dimensions"):
        data, _ = shown(explorer, preset=preset)
        assert explorer.controls["preset"].value == preset
        counts[preset] = data.expected[0]
    assert counts["clear winner"] > 900 > counts["many dimensions"] > 600 and counts["close race"] < 1


def test_k_moves_nothing_but_what_belongs_to_k(explorer):
    data, _ = shown(explorer, k=12)
    moved, _ = shown(explorer, k=17)
    for name in ("steps", "curve", "band", "theory", "bound", "length"):
        np.testing.assert_array_equal(getattr(moved, name), getattr(data, name))
    assert not np.array_equal(moved.crowd, data.crowd)
    with pytest.raises(ValueError, match="read-only"):
        data.theory[0] = 0


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"k": 0},
        {"k": 200, "n": 64, "spectrum": "both signs", "lambda_1": 1.3},
        {"n": 5, "spectrum": "falling", "k": 3},
    ],
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, sentence = shown(explorer, seed=11, within=5.0, **values)
    exec(explorer.code, {})
    printed = capsys.readouterr().out
    lines = "N degrees, N times as long\nN of N, by law N\nthe bound: at least N\n"
    degrees, times, count, draws, mean, bound = re.fullmatch(lines.replace("N", NUMBER), printed).groups()
    said = SENTENCE.fullmatch(sentence)
    assert float(degrees) == pytest.approx(float(said[5]), rel=0.06)
    assert times == f"{10 ** data.length[data.k]:.2g}"
    assert (int(count), int(draws)) == (data.count, 1000)
    assert f"the law expects {mean} ±" in sentence  # one number, one rounding
    assert f"at least {bound} expected" in sentence or (float(bound) <= 0 and "says nothing yet" in sentence)


# --- the picture ---


@pytest.fixture(scope="module")
def picture():
    return _PowersPicture(Figure(figsize=(9.6, 4.4), dpi=100))


def test_what_is_drawn_is_what_was_given(explorer, picture):
    for values in ({}, {"k": 3, "n": 2, "ratio": 0.5}, {"k": 200, "ratio": 0.5}):
        data, _ = shown(explorer, **values)
        picture.update(data)
        angles, direction = picture.angles, picture.direction
        np.testing.assert_array_equal(angles.curve.get_xydata(), np.column_stack([data.steps, data.curve]))
        for line, quantile in zip(angles.law, data.theory.T, strict=True):
            assert line.is_dashed()
            np.testing.assert_array_equal(line.get_xydata(), np.column_stack([data.knots, quantile]))
        np.testing.assert_array_equal(angles.point.get_xydata()[0], [data.k, data.curve[data.k]])
        bottom, top = angles.ax.get_ylim()
        for drawn in (data.curve, data.theory, data.bound, data.band, [data.limit]):
            assert bottom < np.min(drawn) and np.max(drawn) < top
        dots = np.arctan2(direction.crowd.get_ydata(), direction.crowd.get_xdata())
        np.testing.assert_allclose(dots, data.crowd, atol=1e-12)
        end = direction.arrow._posA_posB[1]
        assert np.arctan2(*end[::-1]) == pytest.approx(data.directions[data.k])
        assert [wedge.theta2 - wedge.theta1 for wedge in direction.wedges] == [data.within] * 2
        np.testing.assert_array_equal(picture.length.curve.get_ydata(), data.length)
        np.testing.assert_array_equal(picture.length.law.get_ydata(), data.length_law)


def test_the_function_draws_the_same(explorer):
    data, _ = shown(explorer)
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.powers(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.curve) for line in ax.lines)


@pytest.mark.parametrize("values", CORNERS[::7], ids=lambda values: "-".join(map(str, values.values())))
def test_words_stand_inside_and_apart(explorer, values):
    shown(explorer, **values)
    picture = explorer._picture
    picture.figure.canvas.draw()
    texts = [text for ax in picture.figure.axes for text in ax.texts if text.get_text()]
    texts += [picture.length.ax.title, *(ax._left_title for ax in picture.figure.axes)]
    boxes = [text.get_window_extent().padded(-1) for text in texts if text.get_text()]
    frame = picture.figure.bbox
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
