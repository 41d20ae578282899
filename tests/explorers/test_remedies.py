"""What keeps a gradient alive: the numbers, the picture and the explorer.

Oracles: ``backward`` and ``log10_gradient_norms`` for single networks; for the arcsine law whole numbers of unlimited
size, random walks and the networks themselves, where a mean of draws may be off by Z = 5 standard errors; for the
sentence the numbers beside it, taken apart and compared.
"""

import itertools
import re
import sys
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from driving import shown
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from d2lbptt import backward, explorers, figures, forward, init_params, laws, log10_gradient_norms
from d2lbptt.cells.gated import gated_backward, gated_forward, init_gated, resting_factor
from d2lbptt.figures._remedies import _RemediesPicture
from d2lbptt.growth.remedies import NAMES, Remedy, log10_never_at_zero, remedies

Z = 5
module = sys.modules["d2lbptt.explorers._remedies"]
picture = sys.modules["d2lbptt.figures._remedies"]


def inputs(T, seed=0, d=64, size=0.1):
    return size * np.random.default_rng((seed, 1)).normal(size=(T, d))


# --- the numbers ---


@pytest.mark.parametrize(
    ("name", "kind", "g", "activation"),
    [
        ("gaussian", "gaussian", 1.3, "tanh"),
        ("orthogonal", "orthogonal", 1.0, "tanh"),
        ("identity", "identity", 1.0, "relu"),
    ],
)
def test_plain_networks_are_those_of_backward(name, kind, g, activation):
    found = remedies(40, g=1.3, seed=2)[name].decades
    trace = forward(init_params(64, 64, 1, scale=g, kind=kind, seed=2), inputs(40, 2), activation=activation)
    norms = np.linalg.norm(backward(trace, trace.o - 1, reduction="last").h, axis=1)
    alive = norms > 0
    assert np.array_equal(np.isneginf(found), ~alive[::-1])
    np.testing.assert_allclose(found[alive[::-1]], np.log10(norms[alive] / norms[-1])[::-1], rtol=0, atol=1e-10)


def test_the_gated_cell_is_that_of_gated_backward():
    found = remedies(40, g=1.3, gate_bias=-1.5, seed=2)["gated"]
    params = init_gated(64, 64, scale=1.3, gate_bias=-1.5, seed=2)
    dh = np.zeros((40, 64))
    dh[-1] = init_params(64, 64, 1, seed=2).W_qh[0]
    norms = np.linalg.norm(gated_backward(gated_forward(params, inputs(40, 2)), dh).h, axis=1)
    np.testing.assert_allclose(found.decades, np.log10(norms / norms[-1])[::-1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.law, np.arange(40) * np.log10(resting_factor(params)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("tau", [1, 7, 40])
def test_the_window_is_that_of_truncation(tau):
    found = remedies(40, g=1.3, tau=tau)["window"]
    trace = forward(init_params(64, 64, 1, scale=1.3), inputs(40), activation="tanh")
    wanted = log10_gradient_norms(trace, trace.o - 1, reduction="last", window=tau)[::-1]
    np.testing.assert_allclose(found.decades, wanted - wanted[0], rtol=0, atol=1e-10)
    assert np.array_equal(np.isneginf(found.law), np.arange(40) >= tau)


def test_the_laws_are_those_of_their_modules():
    found = remedies(500, g=1.4, input_size=0.3)
    lags = np.arange(500)
    for name, g in (("gaussian", 1.4), ("orthogonal", 1.0)):
        wanted = lags * laws.mean_field(g, 0.09).exponent / np.log(10)
        np.testing.assert_allclose(found[name].law, wanted, rtol=1e-12)
    assert {name: remedy.name for name, remedy in found.items()} == {
        "gaussian": "mean field",
        "window": "mean field",
        "orthogonal": "mean field",
        "identity": "arcsine law",
        "gated": "at rest",
    }
    assert tuple(found) == NAMES


@pytest.mark.parametrize("g", [0.5, 0.8])
def test_near_rest_the_patient_goes_with_its_own_spectral_radius(g):
    """The rate by NumPy's eigenvalues and the slopes that the forward pass met; both laws at the end, ten networks."""
    off, off_mean_field = [], []
    for seed in range(10):
        found, params = remedies(200, g=g, seed=seed)["gaussian"], init_params(64, 64, 1, scale=g, seed=seed)
        slopes = 1 - forward(params, inputs(200, seed), activation="tanh").h[2:] ** 2
        rate = np.log10(abs(np.linalg.eigvals(params.W_hh)).max()) + np.log10((slopes**2).mean(1)).mean() / 2
        assert found.name == "spectral radius"
        np.testing.assert_allclose(found.law, np.arange(200) * rate, rtol=0.05)  # mean-field slopes
        off.append(abs(found.decades[-1] - found.law[-1]))
        off_mean_field.append(abs(found.decades[-1] - 199 * laws.mean_field(g, 0.01).exponent / np.log(10)))
    # Seen: 0.3 to 1.1 decades off, and 0.03 to 9.9.
    assert max(off) < 2 < np.median(off_mean_field) and max(off_mean_field) > 5


@pytest.mark.parametrize(("g", "size"), [(0.8, 1.0), (1.5, 0.1)])
def test_a_patient_that_is_kept_moving_goes_with_the_mean_field(g, size):
    """By loud inputs, or by chaos: the spectral radius would be off by far more, in the median of ten networks."""
    off, off_radius = [], []
    for seed in range(10):
        found = remedies(200, g=g, seed=seed, input_size=size)["gaussian"]
        W = init_params(64, 64, 1, scale=g, seed=seed).W_hh
        assert found.name == "mean field"
        off.append(abs(found.decades[-1] - found.law[-1]))
        off_radius.append(abs(found.decades[-1] - 199 * np.log10(abs(np.linalg.eigvals(W)).max())))
    assert 5 * np.median(off) < np.median(off_radius)


def test_no_law_where_the_cell_does_not_rest():
    assert np.isnan(remedies(20, g=3.0, gate_bias=0.0)["gated"].law).all()
    assert np.isfinite(remedies(20, g=3.0, gate_bias=-4.0)["gated"].law).all()


def test_without_weights_nothing_goes_back_and_the_law_says_so():
    patient = remedies(20, g=0.0)["gaussian"]
    for decades in patient[:2]:
        assert decades[0] == 0 and np.isneginf(decades[1:]).all()


def test_orthogonal_alone_is_no_remedy_for_1000_steps_with_tanh_and_the_mean_field_says_why():
    found = [remedies(1000, seed=seed)["orthogonal"] for seed in range(5)]
    assert all(remedy.decades[-1] < -20 for remedy in found)
    apart = [abs(remedy.decades[-1] / remedy.law[-1] - 1) for remedy in found]
    assert max(apart) < 0.1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"tau": 41}, ValueError, "tau is 41, wanted a whole number from 1 to T = 40"),
        ({"T": 0}, ValueError, "T is 0"),
        ({"g": "x"}, TypeError, "g is 'x', wanted a number"),
        ({"g": -1.0}, ValueError, "g is -1.0"),
        ({"gate_bias": np.inf}, ValueError, "gate_bias is inf"),
        ({"input_size": None}, TypeError, "input_size is None"),
        ({"num_hiddens": 0}, ValueError, "num_hiddens is 0"),
    ],
)
def test_what_does_not_fit(change, error, words):
    given = {"T": 40} | change
    with pytest.raises(error, match=words):
        remedies(given.pop("T"), **given)


@pytest.mark.parametrize("name", ["gaussian", "orthogonal", "gated"])
def test_what_is_kept_cannot_be_changed(name):
    for array in remedies(20)[name][:2]:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


# --- the arcsine law ---


def test_what_is_left_at_h_1_is_a_power_of_T_and_against_the_lag_there_is_no_power():
    """The share of minima at steps 0 and 1 in whole numbers, and the arcsine in floats."""
    for T in (100, 1000, 10_000):
        share = Fraction(comb(2 * T, T), 4**T) + Fraction(comb(2 * T - 2, T - 1), 2 * 4 ** (T - 1))
        assert log10_never_at_zero(T)[-1] == pytest.approx(np.log10(float(share)) / 2, abs=1e-9)
        assert 10 ** log10_never_at_zero(T)[-1] == pytest.approx(np.sqrt(1.5) / (np.pi * T) ** 0.25, rel=2 / T)
    T, k = 1000, np.arange(1000)
    law = log10_never_at_zero(T)
    np.testing.assert_allclose(law[:-1], np.log10(2 / np.pi * np.arcsin(np.sqrt(1 - k[:-1] / T))) / 2, atol=0.035)
    local = np.diff(law[1:]) / np.diff(np.log10(k[1:]))  # the exponent, were it a power of k
    assert -0.02 < local[0] < 0 and local[-1] < -50 and local[500] > -1


@pytest.mark.parametrize("T", [1, 2, 3, 17])
def test_the_arcsine_law_in_whole_numbers(T):
    def p(m):
        return Fraction(comb(2 * m, m), 4**m)

    wanted = [sum(p(m) * p(T - m) for m in range(T - k + 1)) for k in range(T)]
    assert wanted[0] == 1
    np.testing.assert_allclose(10 ** (2 * log10_never_at_zero(T)), [float(share) for share in wanted], rtol=1e-12)


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy"])
def test_the_minimum_of_a_random_walk_whatever_its_steps(draw):
    steps = getattr(np.random.default_rng(0), draw)(size=(20_000, 30))
    walks = np.concatenate([np.zeros((len(steps), 1)), steps.cumsum(1)], 1)
    at = walks.argmin(1)
    law = 10 ** (2 * log10_never_at_zero(30))
    for k in (1, 5, 15, 29):
        found = (at <= 30 - k).mean()
        assert abs(found - law[k]) <= Z * np.sqrt(law[k] * (1 - law[k]) / len(steps))


@pytest.mark.parametrize("d", [1, 64])
def test_the_identity_with_relu_follows_it_on_average(d):
    draws = np.array(
        [remedies(100, seed=seed, num_inputs=d, num_hiddens=16)["identity"].decades for seed in range(200)]
    )
    law = 10 ** (2 * log10_never_at_zero(100))
    for k in (1, 10, 50, 99):
        shares = 10 ** (2 * draws[:, k])
        assert abs(shares.mean() - law[k]) <= Z * stats.sem(shares)
    assert (np.diff(10**draws) <= 1e-12).all()  # never larger than before: it cannot explode


def test_far_from_the_ends_it_is_the_arcsine():
    k, T = np.array([1000, 5000, 9000]), 10_000
    np.testing.assert_allclose(
        10 ** (2 * log10_never_at_zero(T)[k]), 2 / np.pi * np.arcsin(np.sqrt(1 - k / T)), rtol=1e-3
    )


# --- the picture ---


def drawn(found, names=None):
    figure = Figure(figsize=(9.6, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    shown = _RemediesPicture(figure).remedies
    shown.update(found, names or {name: name for name in found})
    figure.canvas.draw()
    return shown


def test_lines_are_the_numbers_given_and_the_laws_are_dashed():
    found = remedies(60, tau=20)
    rows = drawn(found).rows
    for name, remedy in found.items():
        k, decades = rows[name].line.get_data()
        np.testing.assert_array_equal(k, np.arange(60))
        alive = np.isfinite(remedy.decades)
        np.testing.assert_array_equal(decades[alive], remedy.decades[alive])
        law = rows[name].law.get_ydata()
        np.testing.assert_array_equal(law[np.isfinite(law)], remedy.law[np.isfinite(remedy.law)])
        assert rows[name].law.is_dashed()
    styles = {(str(row.line.get_linestyle()), row.line.get_color()) for row in rows.values()}
    assert len({s for s, _ in styles}) >= 2 and len({c for _, c in styles}) == 5
    patterns = {str(row.line._unscaled_dash_pattern) for row in rows.values()}
    assert len(patterns) == 5


def test_a_line_that_is_zero_falls_to_the_bottom_where_it_begins_to_be():
    decades = drawn(remedies(60, tau=20)).rows["window"].line.get_ydata()
    assert np.isfinite(decades[:20]).all() and decades[20] < -1e5 and np.isnan(decades[21:]).all()


CASES = [
    dict(zip(("T", "g", "tau", "gate_bias", "input_size"), values, strict=True))
    for values in itertools.product((10, 200, 1000), (0.0, 0.8, 3.0), (1, 10), (-10.0, -5.0, 2.0), (0.1, 1.0))
]


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: "-".join(map(str, case.values())))
def test_names_stand_in_the_figure_and_apart(case):
    values = case | {"b_f": case["gate_bias"], "seed": 0, "units": 64, "inputs": 64}
    data = module._compute(values)
    shown = drawn(data.found, data.names)
    texts = [text for row in shown.rows.values() for text in (row.name, row.number)]
    boxes = [text.get_window_extent() for text in texts]
    boxes.append(next(text for text in shown.ax.texts if text.get_text() == "dashed: the law").get_window_extent())
    frame = shown.ax.figure.bbox
    for box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    for a, b in itertools.combinations(boxes, 2):
        assert not a.padded(-2).overlaps(b.padded(-2))


def test_names_stand_in_the_order_of_the_ends():
    def straight(rate):
        return Remedy(rate * np.arange(50.0), rate * np.arange(50.0), "a law")

    rates = {"gaussian": -0.5, "orthogonal": 0.3, "identity": 0.0, "gated": -0.1}
    rows = drawn({name: straight(rate) for name, rate in rates.items()}).rows
    heights = {name: rows[name].name.get_position()[1] for name in rates}
    assert sorted(heights, key=heights.get) == sorted(rates, key=rates.get)
    assert not rows["window"].line.get_visible() and not rows["window"].name.get_visible()


def test_the_function_draws_on_the_axes_and_returns_them():
    ax = Figure().add_axes((0.1, 0.1, 0.5, 0.8))
    assert figures.remedies(ax, remedies(20, tau=5)) is ax


@pytest.mark.parametrize(
    ("decades", "words"),
    [(-np.inf, "exactly 0"), (0.0, "1"), (-0.6, "0.25"), (-21.4, "4·10⁻²²"), (134.2, "2·10¹³⁴"), (-8.01, "1·10⁻⁸")],
)
def test_sizes_in_few_characters(decades, words):
    assert picture._size(decades) == words


# --- the explorer ---


@pytest.fixture(scope="module")
def explorer():
    return explorers.remedies()


def parts_of(sentence):
    """What the sentence says of each, by its key."""
    marks = {"gaussian": "gaussian W_hh", "orthogonal": "orthogonal W_hh", "identity": "identity with relu"}
    marks |= {"gated": "gated cell", "window": "the window"}
    found = {}
    for part in sentence.split("; "):
        found |= {key: part for key, mark in marks.items() if mark in part.split(" The mean field is")[0]}
    assert found.keys() == marks.keys()
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_the_sentence_is_true_at_every_corner(case):
    values = case | {"b_f": case["gate_bias"], "seed": 0, "units": 64, "inputs": 64}
    data = module._compute(values)
    sentence = module._describe(values, data)
    parts, T = parts_of(sentence), case["T"]
    assert sentence.startswith(f"Of |dL/dh_{T}| there is left at h_1: gaussian W_hh, g = {case['g']:.2f}: ")
    for key, remedy in data.found.items():
        part, end, law = parts[key], remedy.decades[-1], remedy.law[-1]
        if key == "window":
            reach = "keeps everything" if case["tau"] == T else f"exactly 0 from h_{T - case['tau']} back"
            assert part.startswith(f"the window τ = {case['tau']}") and reach in part
            assert np.isneginf(remedy.decades[case["tau"] :]).all()
            assert case["g"] == 0 or np.isfinite(remedy.decades[: case["tau"]]).all()
        elif np.isneginf(end):
            assert "exactly 0" in part and "alive" not in part
        else:
            size = re.search(r": ([\d.e+-]+|10\^(-?\d+)), (\w+)", part)
            found = float(size[2]) if size[2] else np.log10(float(size[1]))
            assert found == pytest.approx(end, abs=0.51 if size[2] else 0.03)
            assert size[3] == ("vanishing" if end < -3 else "exploding" if end > 3 else "alive")
            if np.isfinite(law):
                off = float(re.search(r": ([\d.]+) decades off", part)[1])
                assert off == pytest.approx(abs(end - law), abs=0.06)
            else:
                assert "no law holds" in part and key == "gated" and np.isnan(law)


def test_presets_do_what_they_say(explorer):
    words = {
        "vanishing": ("gaussian", "vanishing"),
        "exploding": ("gaussian", "exploding"),
        "1000 steps": ("gated", "alive"),
        "an open gate": ("gated", "vanishing"),
    }
    assert list(module.PRESETS) == list(words)
    for preset, (key, word) in words.items():
        _, sentence = shown(explorer, preset=preset)
        assert word in parts_of(sentence)[key]


def test_tau_stays_within_T(explorer):
    shown(explorer, T=12)
    assert explorer.controls["tau"].value == explorer.controls["tau"].max == 12


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"T": 1000, "tau": 400, "g": 2.2, "b_f": -6.3, "seed": 5},
        {"units": 8, "inputs": 8, "input_size": 1.0, "b_f": 2.0, "g": 3.0},
    ],
)
def test_as_python_gives_the_same_numbers(explorer, values, capsys):
    data, _ = shown(explorer, **values)
    names = {}
    exec(explorer.code, names)
    lines = capsys.readouterr().out.splitlines()
    for line, (name, remedy) in zip(lines, data.found.items(), strict=True):
        np.testing.assert_array_equal(names["found"][name].decades, remedy.decades)
        assert line == f"{name}: {remedy.decades[-1]:+.2f} decades at h_1; {remedy.name}: {remedy.law[-1]:+.2f}"
