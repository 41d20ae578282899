"""Two neighbouring runs: distance, prediction, rates; and every claim of the explorer's sentence, and its picture.

Oracles: both runs once more in mpmath, with 60 digits; the product of the Jacobians multiplied out, in mpmath where it
leaves float64; ``lyapunov_exponents``, which has oracles of its own; mean field and spectral radius for the rates.
"""

import io
import itertools
import math
import re

import mpmath
import numpy as np
import pytest
from driving import shown
from PIL import Image

from d2lbptt import Params, explorers, forward, init_params, laws, lyapunov_exponents, spectral_radius
from d2lbptt.explorers import _live as live
from d2lbptt.figures import _butterfly as figure_module
from d2lbptt.growth.perturbed_runs import EPS, Rate, perturbed_runs, rate

LN10 = math.log(10)


def problem(n=64, g=2.0, T=200, s=0.0, seed=0, kind="gaussian"):
    rng = np.random.default_rng((seed, 1))
    params = init_params(n, n, 1, scale=g, kind=kind, seed=seed)
    h0, v = rng.normal(size=(2, n))
    return params, s * rng.normal(size=(T, n)), h0, v / np.linalg.norm(v)


def exact_distances(params, x, h0, start):
    """log d_t of the true runs, which no rounding has touched."""
    with mpmath.workdps(60):
        W, U = mpmath.matrix(params.W_hh.tolist()), mpmath.matrix(params.W_hx.tolist())
        one, other = (mpmath.matrix([mpmath.mpf(float(a)) for a in h]) for h in (h0, start))
        found = [mpmath.log(mpmath.norm(other - one))]
        for x_t in x:
            u = U * mpmath.matrix(x_t.tolist())
            one, other = (mpmath.matrix([mpmath.tanh(z) for z in W * h + u]) for h in (one, other))
            found.append(mpmath.log(mpmath.norm(other - one)))
        return np.array([float(d) for d in found])


@pytest.mark.parametrize(("g", "s", "delta"), [(1.5, 0.0, 1e-8), (0.8, 0.0, 1e-8), (2.0, 0.5, 1e-3), (0.8, 0.5, 1e-1)])
def test_the_distance_is_that_of_the_true_runs_as_long_as_it_is_above_rounding(g, s, delta):
    params, x, h0, v = problem(4, g, 25, s)
    found = perturbed_runs(params, x, h0, v, delta)
    wanted, steps = exact_distances(params, x, h0, h0 + delta * v), found.linear + 1
    assert steps > 10
    np.testing.assert_allclose(found.log[:steps], wanted[:steps], atol=0.05)
    # and there the Jacobians are right up to the first power of the distance
    off = np.abs(found.log - found.predicted)[:steps].max()
    assert found.off == off and off < 0.05 + 3 * np.exp(found.log[:steps] - found.floor[:steps]).max() * EPS


@pytest.mark.parametrize("kind", ["gaussian", "symmetric"])
@pytest.mark.parametrize(("g", "s"), [(0.5, 0.0), (1.0, 1.0), (3.0, 0.3)])
def test_the_prediction_is_the_product_of_the_jacobians(g, s, kind):
    params, x, h0, v = problem(8, g, 40, s, kind=kind)
    found = perturbed_runs(params, x, h0, v, 1e-6)
    trace = forward(params, x, h0=h0, activation="tanh")
    product = (h0 + 1e-6 * v) - h0
    for t in range(1, 41):
        product = (1 - trace.h[t] ** 2) * (params.W_hh @ product)
        assert found.predicted[t] == pytest.approx(np.log(np.linalg.norm(product)), abs=1e-10)
    np.testing.assert_array_equal(found.h, trace.h)
    np.testing.assert_array_equal(found.other, forward(params, x, h0=h0 + 1e-6 * v, activation="tanh").h)
    np.testing.assert_allclose(np.exp(found.log), np.linalg.norm(found.other - found.h, axis=1), rtol=1e-12)


@pytest.mark.parametrize(("g", "s"), [(0.05, 0.0), (0.9, 0.0), (3.0, 1.0), (1.0, 2.0)])
def test_a_thousand_steps_far_outside_float64_are_those_of_mpmath(g, s):
    """Its exponents are unlimited, so the product is multiplied out as it stands."""
    params, x, h0, v = problem(32, g, 1000, s)
    found = perturbed_runs(params, x, h0, v, 1e-3)
    product, W, want = np.array([mpmath.mpf(a) for a in (h0 + 1e-3 * v) - h0]), params.W_hh.astype(object), []
    for h in forward(params, x, h0=h0, activation="tanh").h[1:]:
        product = (1 - h**2) * (W @ product)
        want.append(float(mpmath.log(sum(product**2)) / 2))
    np.testing.assert_allclose(found.predicted[1:], want, rtol=0, atol=1e-9)
    assert g > 0.5 or found.predicted[-1] < -1000 * LN10


def test_parted_lost_merged_and_linear_are_the_first_such_steps():
    for g, s, delta, kind in ((3.0, 0.0, 1e-8, "gaussian"), (0.8, 0.5, 1e-8, "gaussian"), (0.3, 0.5, 1e-8, "identity"),
                              (0.8, 0.0, 1e-1, "gaussian"), (2.0, 0.0, 1e-14, "gaussian")):  # fmt: skip
        params, x, h0, v = problem(32, g, 300, s, kind=kind)
        found = perturbed_runs(params, x, h0, v, delta)
        d, size = (np.linalg.norm(rows, axis=1) for rows in (found.other - found.h, found.h))
        parted = [t for t in range(301) if d[t] >= 0.1 * size[t] and d[t] > d[0]]
        lost = [t for t in range(301) if not d[t] > 30 * EPS * size[t]]
        merged = [t for t in range(301) if d[t] == 0]
        for got, steps in ((found.parted, parted), (found.lost, lost), (found.merged, merged)):
            assert got == (steps[0] if steps else None)
        ends = [steps[0] for steps in (parted, lost) if steps]
        assert found.linear == min([301, *ends]) - 1
        if merged:
            assert d[merged[0] :].max() == 0  # what is one stays one


def test_each_regime_is_met_in_these_tests():
    assert perturbed_runs(*problem(32, 3.0, 300), 1e-8).parted is not None
    assert perturbed_runs(*problem(32, 0.8, 300, 0.5), 1e-8).lost is not None
    assert perturbed_runs(*problem(32, 0.3, 300, 0.5, kind="identity"), 1e-8).merged is not None
    calm = perturbed_runs(*problem(32, 0.8, 300), 1e-1)  # both runs go to rest, and one is no farther off than it was
    assert calm.parted is calm.lost is None


def test_two_runs_that_come_together_do_not_part_though_the_states_go_to_rest_faster():
    one = np.eye(2)
    params = Params(one, np.diag([0.9, 0.1]), one)
    found = perturbed_runs(params, np.zeros((50, 2)), [0.001, 1.0], [1.0, 0.0], 0.01)
    assert np.all(np.diff(found.log) < 0) and found.log[-1] > found.floor[-1] - math.log(
        EPS
    )  # farther apart than |h_t|
    assert found.parted is None


def test_where_all_slopes_end_the_distance_is_exactly_zero():
    found = perturbed_runs(*problem(8, 0.0, 20), 1e-2)
    assert found.merged == found.lost == 1 and found.linear == 0 and found.off < 1e-12
    assert np.isneginf(found.predicted[1:]).all() and np.isneginf(found.log[1:]).all()


def test_subnormal_states_are_no_chaos():
    params, x, h0, v = problem(16, 0.3, 1000)
    found = perturbed_runs(params, x, h0, v, 1e-8)
    assert found.parted is None and found.lost is not None and np.abs(found.h[found.lost]).max() < 1e-290


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"delta": 1e-30}, ValueError, "delta is 1e-30, wanted one that moves h_0"),
        ({"v": np.ones(3)}, ValueError, r"v has shape \(3,\), wanted that of h0 = \(8,\)"),
        ({"h0": np.full(8, np.nan)}, ValueError, "h0 is nan at index"),
        ({"delta": "1"}, TypeError, "delta is '1', wanted a number"),
        ({"x": np.ones((4, 2, 8))}, ValueError, "h0 has shape"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    params, x, h0, v = problem(8, 1.0, 4)
    with pytest.raises(error, match=words):
        perturbed_runs(**{"params": params, "x": x, "h0": h0, "v": v, "delta": 1e-3, **change})


# --- rates ---


def test_the_rate_of_a_geometric_sequence_is_exact():
    log = np.log(3.0) * np.arange(101) + 5
    assert rate(log, 10, 100) == pytest.approx((math.log(3), 0.0), abs=1e-12)
    assert rate(log, 10, 100).factor == pytest.approx(3)
    assert math.isnan(rate(log, 5, 5).value) and math.isnan(rate(log, 0, 9).error)
    log[50:] = -np.inf
    assert rate(log, 0, 100).value == -np.inf and rate(log, 0, 100).factor == 0
    assert Rate(0.0, 0.1).factor == 1


def test_the_error_of_a_rate_is_that_of_independent_steps():
    rng = np.random.default_rng(0)
    found = [rate(np.cumsum(rng.normal(size=401)), 0, 400) for _ in range(400)]
    values, errors = np.transpose(found)
    assert np.std(values) == pytest.approx(1 / 20, rel=0.1)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(1 / 20, rel=0.1)


@pytest.mark.parametrize(("g", "s"), [(2.0, 0.0), (3.0, 0.0), (1.5, 0.7)])
def test_the_rate_of_the_product_is_the_largest_lyapunov_exponent(g, s):
    params, x, h0, v = problem(32, g, 1500, s)
    found = rate(perturbed_runs(params, x, h0, v, 1e-6).predicted, 150, 1500)
    wanted = lyapunov_exponents(forward(params, x, h0=h0, activation="tanh"))
    assert found.value == pytest.approx(wanted.rate[0], abs=3e-3)
    assert 1 / 4 < found.error / wanted.error[0] < 4


@pytest.mark.parametrize(("g", "s"), [(2.0, 0.0), (2.5, 0.0), (0.8, 0.5), (1.5, 0.7), (2.5, 1.0)])
def test_the_mean_field_is_near_and_nearer_with_more_units(g, s):
    def off(n):
        found = [rate(perturbed_runs(*problem(n, g, 600, s, seed), 1e-6).predicted, 60, 600).value for seed in range(7)]
        # The median: a small network may be caught in a cycle now and then, where the mean field does not apply.
        return abs(np.median(found) - laws.mean_field(g, s**2).exponent)

    assert off(256) < 0.02 and off(256) < max(off(16), 0.01)


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
def test_at_rest_it_is_the_spectral_radius(kind):
    params, *others = problem(32, 0.7, 1500, kind=kind)
    rho = spectral_radius(params.W_hh)
    assert rho < 1
    assert rate(perturbed_runs(params, *others, 1e-3).predicted, 700, 1500).value == pytest.approx(
        np.log(rho), abs=2e-3
    )


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.butterfly()


def test_presets_do_what_they_say(explorer):
    words = {name: shown(explorer, preset=name)[1] for name, _ in explorer.controls["preset"].options[1:]}
    assert "the two runs part" in words["chaos"] and "the two runs part" in words["slow chaos"]
    assert "still neighbours" in words["calm"] and "at rest" in words["calm"]
    assert "no more than rounding is left" in words["input calms it"]
    assert "rounding has a say" in words["as near as rounding"] and "the two runs part" in words["as near as rounding"]
    chaos, slow = (int(re.search(r"at t = (\d+) the two", words[name])[1]) for name in ("chaos", "slow chaos"))
    assert chaos < slow / 2
    # the same network: the input alone is another
    calmed, _ = shown(explorer, preset="input calms it")
    np.testing.assert_array_equal(calmed.runs.h[0], shown(explorer, preset="slow chaos")[0].runs.h[0])


CORNERS = list(itertools.product((0.0, 0.5, 0.99, 1.2, 3.0), (-14, -8, -1), (10, 400), (0.0, 0.05, 2.0)))


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
@pytest.mark.parametrize("units", [16, 64])
def test_the_sentence_is_true_at_every_corner(explorer, units, kind):
    start = {key: live._value(control) for key, control in explorer.controls.items()}
    for seed, (g, delta, T, s) in enumerate(CORNERS):
        values = start | {"g": g, "delta": delta, "T": T, "input": s, "units": units, "kind": kind, "seed": seed}
        data = explorer._compute(values)
        check_claims(explorer._describe(values, data), values)


def check_claims(words, values):
    T, s = values["T"], values["input"]
    params, x, h0, v = problem(values["units"], values["g"], T, s, values["seed"], values["kind"])
    one, other = (forward(params, x, h0=h, activation="tanh").h for h in (h0, h0 + 10.0 ** values["delta"] * v))
    d, size = (np.hypot.reduce(rows, axis=1) for rows in (other - one, one))  # nothing underflows
    begin = re.match(r"They begin (\S+) apart", words)
    assert float(begin[1]) == pytest.approx(10.0 ** values["delta"])
    part = re.search(r"at t = (\d+) the two runs part", words)
    assert bool(part) == any((d >= 0.1 * size) & (d > d[0]))
    if part:
        t = int(part[1])
        assert d[t] >= 0.1 * size[t] and not np.any((d >= 0.1 * size) & (d > d[0]), where=np.arange(T + 1) < t)
    if one_from := re.search(r"from t = (\d+) on the two runs are one", words):
        assert not d[int(one_from[1]) :].any() and d[int(one_from[1]) - 1] > 0
    if lost := re.search(r"at t = (\d+) no more than rounding", words):
        assert 0 < d[int(lost[1])] <= 30.1 * EPS * size[int(lost[1])]
    if still := re.search(r"still neighbours, (\S+) of \|h_t\| apart", words):
        assert d[T] / size[T] == pytest.approx(float(still[1]), rel=0.06) and d[T] > 30 * EPS * size[T]
    assert sum(map(bool, (part, one_from, lost, still, "do not part" in words))) == 1
    check_rates(words, values, params, d)


def check_rates(words, values, params, d):
    if grown := re.search(r"Up to t = (\d+) each step multiplies the distance by ([\d.e-]+)", words):
        end = int(grown[1])
        mean = (d[end] / d[end // 10]) ** (1 / (end - end // 10))
        assert float(grown[2]) == pytest.approx(mean, rel=0.006)
    says = re.search(
        r"would multiply the distance by ([\d.e-]+)(?: ± \S+)? a step; .* says ([\d.e-]+?)(?:, |\.$)", words
    )
    radius = values["input"] == 0 and (rho := spectral_radius(params.W_hh)) < 1
    field = not radius and values["kind"] in ("gaussian", "orthogonal")
    assert ("at rest" in words, "mean field" in words) == (radius, field) and bool(says) == (radius or field)
    if not says:
        assert words.endswith("theory has no number for this W_hh.")
        return
    wanted = rho if radius else math.exp(laws.mean_field(values["g"], values["input"] ** 2).exponent)
    assert float(says[2]) == pytest.approx(wanted, rel=0.006)
    if apart := re.search(r"([\d.]+)% apart\.$", words):
        ratio = float(says[1]) / float(says[2])
        assert max(ratio, 1 / ratio) - 1 == pytest.approx(float(apart[1]) / 100, abs=0.013)
    else:
        assert values["g"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"preset": "chaos"},
        {"preset": "calm"},
        {"preset": "input calms it"},
        {"kind": "symmetric", "g": 2.0, "seed": 7, "units": 16, "T": 50},
        {"g": 0.0, "input": 2.0, "delta": -1},
    ],
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, words = shown(explorer, **values)
    names = {}
    exec(explorer.code, names)
    out = capsys.readouterr().out
    np.testing.assert_array_equal(names["runs"].log, data.runs.log)
    np.testing.assert_array_equal(names["runs"].predicted, data.runs.predicted)
    for pattern in (r"multiplies the distance by ([\d.e-]+)", r"would multiply the distance by ([\d.e-]+)"):
        if found := re.search(pattern, words):
            assert f" {found[1]} a step" in out
    says = re.search(r"says ([\d.e-]+?)(?:, |\.$)", words)
    assert (f"theory: {says[1]}\n" in out) if says else "theory" not in out
    assert f"parted: {data.runs.parted}, lost: {data.runs.lost}, merged: {data.runs.merged}" in out


# --- the picture ---


def test_runs_distance_prediction_and_theory_are_drawn(explorer):
    data, _ = shown(explorer, preset="chaos")
    unit, distance = explorer._picture.unit, explorer._picture.distance
    begin, end = unit.first.get_xdata()[[0, -1]]
    assert begin <= data.runs.parted <= end
    for line, h in ((unit.first, data.runs.h), (unit.other, data.runs.other)):
        np.testing.assert_array_equal(line.get_ydata(), h[begin : end + 1, 0])
    low, top = distance.ax.get_ylim()
    for line, log in ((distance.measured, data.runs.log), (distance.predicted, data.runs.predicted)):
        seen = (log / LN10 > low) & (log / LN10 < top)
        np.testing.assert_allclose(line.get_ydata()[seen], log[seen] / LN10)
    t, y = distance.theory.get_data()
    rise = laws.mean_field(2.5).exponent / LN10
    np.testing.assert_allclose(y[y < top], (-8 + rise * t)[y < top], atol=1e-6)
    parted = data.runs.parted
    np.testing.assert_allclose(
        distance.mark.get_xydata(), [[parted, data.runs.floor[parted] / LN10], [parted, data.runs.log[parted] / LN10]]
    )
    assert distance.at.get_text() == f"they part: t = {data.runs.parted}"


def test_the_bands_begin_where_states_and_digits_end(explorer):
    data, _ = shown(explorer, preset="chaos", units=16)
    distance = explorer._picture.distance
    assert distance.far.get_y() == pytest.approx(math.log10(2 * 4))  # two corners of the cube of 16 units
    floor = distance.floor.get_xy()[1 : len(data.runs.h) + 1, 1]
    np.testing.assert_allclose(floor, np.log10(EPS * np.linalg.norm(data.runs.h, axis=1)))


def test_what_is_exactly_zero_runs_off_the_axes(explorer):
    data, _ = shown(explorer, g=0.0)
    y, low = explorer._picture.distance.measured.get_ydata(), explorer._picture.distance.ax.get_ylim()[0]
    assert np.isneginf(data.runs.log[1:]).all() and np.all(y[1:] < low) and np.isfinite(y).all()
    assert not explorer._picture.distance.theory.get_visible()


@pytest.mark.parametrize(
    "values",
    [
        *({"preset": name} for name in ("chaos", "calm", "slow chaos", "input calms it", "as near as rounding")),
        {"g": 0.47, "T": 1000},
        {"delta": -1, "T": 10},
        {"kind": "identity", "g": 3.0, "T": 1000},
        {"g": 0.98, "T": 130, "delta": -14, "input": 0.3},
        {"g": 2.2, "T": 230, "seed": 3},
        {"g": 3.0, "delta": -1, "T": 1000, "units": 128},
    ],
)
def test_no_words_overlap_or_leave_the_figure_and_no_line_runs_through_them(explorer, values):
    shown(explorer, **values)
    figure, distance = explorer._picture.figure, explorer._picture.distance
    texts = [t for ax in figure.axes for t in (*ax.texts, ax.xaxis.label, ax.yaxis.label)]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    assert all(0 <= box.x0 and box.x1 <= 960 and 0 <= box.y0 and box.y1 <= 440 for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.padded(-1).overlaps(other)
    for text in (distance.bounds, distance.rounding):
        box = text.get_window_extent().padded(-4)
        for line in (distance.measured, distance.predicted, distance.theory):
            pixels = line.get_transform().transform(line.get_xydata())
            assert not (text.get_visible() and line.get_visible() and box.count_contains(pixels))
    frame = distance.ax.get_window_extent().padded(2)
    for text in (distance.bounds, distance.rounding, distance.at):
        box = text.get_window_extent()
        assert not text.get_visible() or (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0)


def test_the_axes_go_in_few_steps(explorer):
    limits = set()
    for g in np.linspace(0, 3, 13):
        shown(explorer, g=float(g))
        limits.add(explorer._picture.distance.ax.axis())
    assert len(limits) <= len(figure_module.BOTTOMS)


def test_the_picture_on_the_page_is_the_one_that_is_saved(explorer):
    for preset in ("calm", "chaos"):  # the second after the first: nothing stale is left over
        shown(explorer, preset=preset)
    blitted = np.asarray(Image.open(io.BytesIO(explorer._png)).convert("RGB")).astype(int)
    out = io.BytesIO()
    explorer._picture.figure.savefig(out, format="png")
    whole = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert np.mean(np.abs(blitted - whole) > 40) < 0.004
