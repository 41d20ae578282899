"""The explorer of powers that grow first: every number of its sentence, its picture, and the code that it hands out.

Oracles: W^k in fractions, entry by entry, and its norm by mpmath; the same W^T on one vector for the gradient of the
linear network; for tanh, states and Jacobians multiplied out step by step.
"""

import itertools
import math
import re
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest
from driving import shown
from matplotlib.figure import Figure

from d2lbptt import explorers, figures
from d2lbptt.figures._transient import _TransientPicture

NUMBER = r"([-+.e\d]+)"
FOLD = r"((?:10\^)?[-+.e\d]+|\(1 \+ [-+.e\d]+\))-fold"
SENTENCE = re.compile(
    rf"ρ = {NUMBER}, c = {NUMBER}: (.*) The closed form agrees to (?:{NUMBER} decades|the last digit), "
    rf"(?:no power is above κ ρᵏ, κ = {NUMBER}|there is no κ); departure from normality {NUMBER}\. "
    rf"This gradient(?:, with tanh,)? (?:(grows|has grown) {FOLD} \(k = (\d+)\)|does not grow within these steps)\."
)
TRANSIENT = re.compile(
    rf"ρ is below 1, and yet the worst gradient (?:of the identity )?(grows first|is still growing): {FOLD} "
    rf"at k = (\d+), where ρᵏ says {NUMBER}\. "
    rf"(?:From|The peak comes at k = (\d+), and from) k = (\d+) on it stays below 1\."
)
FAR = 1500  # steps that the oracle looks ahead


@pytest.fixture(scope="module")
def explorer():
    return explorers.transient()


def entries(values):
    rho, gap, c = (Fraction(str(values[key])) for key in ("rho", "gap", "c"))
    return rho, rho - gap, c


def decimal(q):
    return mpmath.mpf(q.numerator) / q.denominator


@cache
def exact_powers(a, b, c, steps):
    """Diagonal and corner of W^k for k = 0 .. steps - 1, to 60 digits; no power is rounded but by those."""
    with mpmath.workdps(60):
        a, b, c = map(decimal, (a, b, c))
        power, found = (mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(1)), []
        for _ in range(steps):
            found.append(power)
            power = a * power[0], a * power[1] + c * power[2], b * power[2]
        return found


@cache
def exact_norms(a, b, c, steps=FAR):
    """|W^k|."""
    with mpmath.workdps(60):
        found = []
        for power in exact_powers(a, b, c, steps):
            F2, D = sum(q * q for q in power), power[0] * power[2]
            found.append(mpmath.sqrt((F2 + mpmath.sqrt(F2**2 - 4 * D**2)) / 2))
        return found


def exact_gradient(a, b, c, steps, v):
    """|(W^T)^k v|."""
    with mpmath.workdps(60):
        v = [mpmath.mpf(entry) for entry in v]
        return [mpmath.hypot(p * v[0], q * v[0] + r * v[1]) for p, q, r in exact_powers(a, b, c, steps)]


def log10(numbers):
    with mpmath.workdps(60):  # mpmath 1.3: with 15 digits, the logarithm of such a number near 1/4 comes out as 0
        return np.array([float(mpmath.log10(number)) for number in numbers])


def fold(words):
    if words.startswith("(1 + "):
        return 1 + float(words[5:-1])
    return 10 ** float(words[3:]) if words.startswith("10^") else float(words)


CORNERS = [
    {"rho": rho, "gap": gap, "c": c, "T": T, "k": k}
    for (rho, gap, c), (T, k) in itertools.product(
        itertools.product((0.5, 0.9, 0.99, 1.0, 1.05), (0.0, 0.01, 0.1, 0.5, 1.0), (0.0, 0.5, 3.0, 50.0)),
        ((10, 9), (1000, 150)),
    )
]
names = {"ids": lambda values: "-".join(map(str, values.values()))}


@pytest.mark.parametrize("values", CORNERS, **names)
def test_every_number_of_the_sentence(explorer, values):
    data, sentence = shown(explorer, **values)
    (a, b, c), T = entries(values), values["T"]
    norms = exact_norms(a, b, c)
    found = SENTENCE.fullmatch(sentence)
    assert found, sentence
    assert (float(found[1]), float(found[2])) == (values["rho"], values["c"])
    check_worst(found[3], norms, a, b, c, T, values["k"])
    np.testing.assert_allclose(data.norms, log10(norms[:T]), atol=1e-12)
    assert float(found[4] or 0) < 1e-12
    check_kappa(found[5], data, norms, a, b, c)
    frobenius = math.sqrt(a**2 + b**2 + c**2)
    assert float(found[6]) == pytest.approx(float(c) / frobenius, abs=1.01e-4) and float(found[6]) < 1
    check_gradient(found, log10(exact_gradient(a, b, c, T, data.v)), data)


def check_worst(words, norms, a, b, c, T, k):
    top = max(norms)
    if a > 1:
        said = re.fullmatch(
            rf"ρ is above 1, so the worst gradient grows without end: {FOLD} at k = {T - 1}, where ρᵏ says {FOLD}\.",
            words,
        )
        assert fold(said[1]) == pytest.approx(float(norms[T - 1]), rel=0.06)
        assert fold(said[2]) == pytest.approx(float(a) ** (T - 1), rel=0.06)
        assert norms[-1] > norms[-2] > 1
    elif a == 1 and c == 0:
        assert words == "ρ is 1 and W is normal: the worst gradient keeps its size for ever."
        assert np.all(np.abs(log10(norms)) < 1e-50)
    elif a == 1 and a == b:
        said = re.search(rf"grows without end, nearly as c k: {FOLD} at k = {T - 1}\.", words)
        assert fold(said[1]) == pytest.approx(float(norms[T - 1]), rel=0.06)
        assert norms[-1] == pytest.approx(float(c) * (FAR - 1), rel=0.01)
    elif a == 1:
        said = re.fullmatch(
            rf"ρ is 1: the worst gradient grows, {FOLD} at k = {T - 1}, and tends to {FOLD} for good\.", words
        )
        assert fold(said[1]) == pytest.approx(float(norms[T - 1]), rel=0.006)
        assert fold(said[2]) == pytest.approx(float(norms[-1]), rel=0.006)
    elif top == 1:
        assert norms[1] < 1 and words.startswith("no transient, for |W| is below 1")
        sizes = re.search(rf"At k = {k}, \|Wᵏ\| = {NUMBER} and ρᵏ = {NUMBER}\.", words)
        assert float(sizes[1]) == pytest.approx(float(norms[k]), rel=0.06)
        assert float(sizes[2]) == pytest.approx(float(a) ** k, rel=0.06)
    else:
        said = TRANSIENT.fullmatch(words)
        assert said, words
        peak = norms.index(top)
        at = min(peak, T - 1)
        assert said[1] == ("grows first" if peak < T else "is still growing") and int(said[3]) == at
        assert fold(said[2]) == pytest.approx(float(norms[at]), rel=0.006)
        assert float(said[4]) == pytest.approx(float(a) ** at, rel=0.06)
        assert said[5] is None if peak < T else int(said[5]) == peak
        assert norms[int(said[6]) - 1] >= 1 > max(norms[int(said[6]) :])


def check_kappa(words, data, norms, a, b, c):
    if a == b and c:
        assert words is None
        return
    W = np.array([[a, c], [0, b]], float)
    want = 1.0 if c == 0 else np.linalg.cond(np.linalg.eig(W)[1])
    assert float(words) == pytest.approx(want, rel=0.006)
    kappa = 10 ** data.limit[0]
    assert all(norm <= kappa * (1 + 1e-12) * decimal(a) ** k for k, norm in enumerate(norms[:200]))


def check_gradient(found, decades, data):
    np.testing.assert_allclose(data.gradient, decades, atol=1e-11)
    last, at = len(decades) - 1, int(np.argmax(decades))
    if decades[last] > decades[at] - 1e-9:  # where rho is 1 it comes to rest
        at = last
    if decades[at] < 1e-12:
        assert found[7] is None
        return
    assert found[7] == ("has grown" if at == last else "grows") and int(found[9]) == at
    assert fold(found[8]) == pytest.approx(10 ** decades[at], rel=0.06)


@pytest.mark.parametrize("c", [0.0, 1.0, 25.0])
@pytest.mark.parametrize("size", [0.0, 0.01, 1.0])
def test_tanh_step_by_step(explorer, c, size):
    T = 120
    data, sentence = shown(explorer, activation="tanh", c=c, T=T, k=5, input=size, seed=3)
    W, h, slopes = np.array([[0.95, c], [0, 0.85]]), np.zeros(2), []
    for x in size * np.random.default_rng((3, 1)).normal(size=T):
        z = W @ h + x
        h = np.tanh(z)
        slopes.append(1 / np.cosh(z) ** 2)
    v, want = data.v.copy(), [0.0]
    assert np.linalg.norm(v) == pytest.approx(1)
    for slope in slopes[:0:-1]:
        v = W.T @ (slope * v)
        want.append(np.log10(np.linalg.norm(v)))
    # 1 - h^2 has lost digits where h is near 1
    np.testing.assert_allclose(data.gradient, want, atol=1e-6)
    if size == 0:
        linear, _ = shown(explorer, c=c, T=T, k=5, seed=3)
        np.testing.assert_allclose(data.gradient, linear.gradient, atol=1e-12)
    at = int(np.argmax(want))
    said = re.search(rf"This gradient, with tanh, grows {FOLD} \(k = (\d+)\)\.$", sentence)
    if want[at] > 1e-6:
        assert int(said[2]) == at and fold(said[1]) == pytest.approx(10 ** want[at], rel=0.06)
    else:
        assert sentence.endswith("This gradient, with tanh, does not grow within these steps.")
    assert c == 0 or "the worst gradient of the identity grows first" in sentence


def test_presets_do_what_they_say(explorer):
    data, sentence = shown(explorer, preset="grows 100-fold first")
    assert 99.5 < 10 ** data.norms.max() < 100.5 and "grows first: 100-fold at k = 10" in sentence
    data, sentence = shown(explorer, preset="normal: no transient")
    assert "no transient" in sentence and data.departure == 0 and np.all(np.diff(data.norms) < 0)
    data, sentence = shown(explorer, preset="one eigenvector only")
    assert data.angle == 0 and np.all(np.isinf(data.limit)) and "there is no κ" in sentence
    tanh, sentence = shown(explorer, preset="tanh stops it")
    linear, _ = shown(explorer, preset="grows 100-fold first")
    assert tanh.gradient[10] < linear.gradient[10] - 1 and "with tanh" in sentence


def test_more_than_an_order_of_magnitude_although_every_eigenvalue_is_below_one(explorer):
    data, _ = shown(explorer)
    values = np.linalg.eigvals([[0.95, 25], [0, 0.85]])
    assert np.all(np.abs(values) < 1) and data.norms.max() > 1.9 and data.gradient.max() > 1.5 and data.norms[-1] < -1
    np.testing.assert_allclose(np.diff(data.norms)[150:], np.log10(0.95), atol=1e-6)


def test_sizes_by_direction(explorer):
    for values in ({}, {"rho": 0.5, "gap": 0.0, "T": 1000, "k": 999}, {"rho": 1.05, "T": 1000, "k": 999}, {"c": 0.0}):
        data, _ = shown(explorer, **values)
        values = explorer.state["controls"]
        power = exact_powers(*entries(values), values["k"] + 1)[-1]
        for angle, size in list(zip(data.directions, data.sizes, strict=True))[::17]:
            with mpmath.workdps(30):
                x, y = mpmath.cos(mpmath.mpf(angle)), mpmath.sin(mpmath.mpf(angle))
                want = mpmath.log10(mpmath.hypot(power[0] * x, power[1] * x + power[2] * y))
            assert size == pytest.approx(float(want), abs=1e-8)
        assert data.sizes.max() == pytest.approx(data.norms[values["k"]], abs=1e-3)
        assert data.sizes.max() <= data.norms[values["k"]] + 1e-9
        assert data.directions[-1] == data.directions[0] and np.ptp(data.directions) < 2 * np.pi
        W_T = np.array(entries(values), float)[[0, 2, 1]]
        W_T = np.array([[W_T[0], 0], [W_T[1], W_T[2]]])
        for vector, value in zip(data.eigenvectors, np.diag(W_T), strict=True):
            np.testing.assert_allclose(W_T @ vector, value * vector, atol=1e-12)


@pytest.mark.parametrize(
    "values",
    [{}, {"c": 0.0}, {"gap": 0.0, "T": 40, "k": 3}, {"activation": "tanh", "input": 0.02, "seed": 5}, {"rho": 1.05}],
    **names,
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, sentence = shown(explorer, **values)
    exec(explorer.code, {})
    lines = (
        "|W^k| is largest at k = N: N, by law N\nrho^k N, kappa (N|inf), departure N\n"
        "this gradient is largest at k = N: N\n"
    )
    pattern = re.escape(lines).replace(r"\(", "(").replace(r"\)", ")").replace(r"\|inf", "|inf").replace("N", NUMBER)
    printed = capsys.readouterr().out
    found = re.fullmatch(pattern.replace("\\\n", "\n"), printed)
    assert found, printed
    at = int(np.argmax(data.norms))
    assert int(found[1]) == at and found[2] == found[3] == f"{10 ** data.norms[at]:.3g}"
    assert found[4] == f"{values.get('rho', 0.95) ** at:.2g}"
    assert float(found[5]) == pytest.approx(10 ** data.limit[0], rel=1e-3)
    assert float(found[7]) == pytest.approx(data.departure, abs=5.1e-5)
    said = re.search(r"departure from normality ([\d.]+)\. ", sentence)[1]
    assert float(said) == float(found[7])  # one number, one rounding
    assert int(found[8]) == np.argmax(data.gradient) and found[9] == f"{10 ** data.gradient.max():.3g}"


@pytest.mark.parametrize("c", [0.0, 1.0, 13.5, 25.0, 50.0])
def test_a_departure_is_rounded_and_1_is_kept_for_a_nilpotent_matrix(explorer, c):
    data, sentence = shown(explorer, rho=0.5, gap=0.5, c=c)
    said = float(re.search(r"departure from normality ([\d.]+)\. ", sentence)[1])
    assert said == pytest.approx(data.departure, abs=5e-5) and (said < 1) == (data.departure < 1)


def test_k_stays_within_T(explorer):
    shown(explorer, T=50, k=49)
    explorer.controls["T"].value = 10
    assert explorer.controls["k"].value == explorer.controls["k"].max == 9
    assert explorer.error is None and explorer.state["data"].k == 9


# --- the picture ---


def test_what_is_drawn_is_what_was_given(explorer):
    picture = _TransientPicture(Figure(figsize=(9.6, 4.3), dpi=100))
    for values in ({}, {"c": 0.0, "T": 30, "k": 3}, {"rho": 1.0, "gap": 0.0}, {"T": 1000, "rho": 0.5, "k": 999}):
        data, _ = shown(explorer, **values)
        picture.update(data)
        growth, round_ = picture.growth, picture.directions
        np.testing.assert_array_equal(growth.worst.get_ydata(), data.norms)
        np.testing.assert_array_equal(growth.gradient.get_ydata(), data.gradient)
        for name, curve in {"law": data.law, "ρᵏ": data.radius, "κ ρᵏ": data.limit, "σᵏ": data.bound}.items():
            assert growth.theory[name].is_dashed()
            np.testing.assert_array_equal(growth.theory[name].get_ydata(), curve)
        bottom, top = growth.ax.get_ylim()
        assert data.norms.max() < top and growth.ax.get_xlim()[1] > data.T - 1
        assert bottom < data.norms.min() or top > -bottom / 11  # the far end may leave, so that the growth is seen
        radius = np.hypot(*round_.shape.get_data())
        np.testing.assert_allclose(radius, np.clip((data.sizes - bottom) / (top - bottom), 0, 1), atol=1e-9)
        np.testing.assert_allclose(np.hypot(*round_.start.get_data()), -bottom / (top - bottom))
        np.testing.assert_allclose(
            np.hypot(*round_.law.get_data()), np.clip((data.law[data.k] - bottom) / (top - bottom), 0, 1), atol=1e-9
        )
        at = np.clip((data.gradient[data.k] - bottom) / (top - bottom), 0, 1) * data.v
        np.testing.assert_allclose(np.ravel(round_.point.get_data()), at, atol=1e-9)


def test_the_function_draws_the_same(explorer):
    data, _ = shown(explorer)
    ax = Figure(figsize=(9.6, 4.4)).add_subplot()
    assert figures.transient(ax, data) is ax
    assert any(np.array_equal(line.get_ydata(), data.norms) for line in ax.lines)


@pytest.mark.parametrize("values", CORNERS[::9], **names)
def test_words_stand_inside_and_apart(explorer, values):
    shown(explorer, **values)
    picture = explorer._picture
    picture.figure.canvas.draw()
    texts = [text for ax in picture.figure.axes for text in ax.texts if text.get_text() and text.get_visible()]
    boxes = [text.get_window_extent().padded(-1) for text in texts]
    frame = picture.figure.bbox
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    clashes = [
        (s.get_text(), t.get_text())
        for (s, a), (t, b) in itertools.combinations(zip(texts, boxes, strict=True), 2)
        if a.overlaps(b)
    ]
    assert not clashes
