"""Many configurations in one pass, and the laws beside them.

Oracle for the sweep: one configuration at a time, by ``forward`` and ``log10_gradient_norms``. Where the forward pass
is chaotic the two may run apart, and nothing is compared there. For the laws: the closed forms of the module ``laws``,
which are tested by themselves; else simulation, where a mean of draws may be off by Z = 5 standard errors, and what
holds for many units alone is extrapolated to 1/h = 0 by a straight line.
"""

from time import process_time as clock

import numpy as np
import pytest
from loops import for_each
from scipy import stats

from d2lbptt import forward, init_params, laws, log10_gradient_norms
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.growth.scales import _driven, critical_scales, sweep, theory

Z = 5


def one(g, seed, T, h=64, activation="tanh", kind="gaussian", input_size=0.1):
    params = init_params(1, h, 1, scale=g, kind=kind, seed=seed)
    x = input_size * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    trace = forward(params, x, activation=activation)
    decades = log10_gradient_norms(trace, np.zeros((T, 1)), reduction="last")
    return decades - decades[-1]


def apart(found, want):
    """Return the largest difference; both must be -inf at the same steps."""
    assert np.array_equal(np.isneginf(found), np.isneginf(want))
    known = np.isfinite(want)
    return np.abs(found[known] - want[known]).max()


@for_each("T", [1, 7, 8, 9, 300])
@for_each("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
def test_each_row_is_that_of_one_network(T, kind):
    """Below the edge of chaos rounding dies out: a few units in the last place of 300 steps in decades."""
    scales = [0.0, 0.2, 0.7, 1.0]
    found = sweep(scales, (3, 5), T, kind=kind, num_hiddens=20)
    assert found.decades.shape == (4, 2, T)
    for i, g in enumerate(scales):
        for s, seed in enumerate(found.seeds):
            assert apart(found.decades[i, s], one(g, seed, T, h=20, kind=kind)) < 1e-10


@for_each("activation", ["identity", "sigmoid", "relu"])
def test_each_activation(activation):
    found = sweep([0.3, 0.9], (0,), 120, activation=activation, num_hiddens=16, input_size=1.0)
    for i, g in enumerate(found.scales):
        assert apart(found.decades[i, 0], one(g, 0, 120, h=16, activation=activation, input_size=1.0)) < 1e-10


def test_what_is_far_outside_of_float64_is_there():
    """Identity and W_hh = g I: the gradient is g^k at lag k, in closed form."""
    found = sweep([0.1, 0.5, 1.5], (0,), 1500, activation="identity", kind="identity", num_hiddens=4)
    lags = np.arange(1500)
    for row, g in zip(found.by_lag[:, 0], found.scales, strict=True):
        # Each step rounds once, half a unit in the last place at most.
        assert np.abs(row - lags * np.log10(g)).max() <= 1500 * np.finfo(float).eps + 1e-12


def test_dead_units_leave_minus_infinity():
    found = sweep([1.0], (0,), 30, activation="relu", num_hiddens=3, input_size=0.0)
    assert np.isneginf(found.decades[0, 0, :-1]).all() and found.decades[0, 0, -1] == pytest.approx(0, abs=1e-15)


def test_the_progress_bar_sees_every_seed():
    seen = []
    sweep([1.0], (4, 2), 3, progress=lambda seeds: (seen.append(s) or s for s in seeds))
    assert seen == [4, 2]


def test_a_state_that_overflows_is_named():
    with pytest.raises(FloatingPointError, match=r"h_t overflows float64, first at t = \d+"), np.errstate(all="ignore"):
        sweep([50.0], (0,), 500, activation="relu", input_size=1.0)


def test_the_identity_needs_no_states_and_relu_does_not_mind_the_size_of_its_inputs():
    """3^1000 is beyond float64: what grows as that is found all the same, and is the same for every size of input."""
    linear = sweep([50.0], (0,), 500, activation="identity", kind="identity", num_hiddens=3)
    np.testing.assert_allclose(linear.by_lag[0, 0], np.arange(500) * np.log10(50), rtol=0, atol=1e-9)
    one, half, other = (sweep([0.9, 3.0], (0, 1), 1000, activation="relu", input_size=size) for size in (1, 0.5, 40.0))
    np.testing.assert_array_equal(half.decades, one.decades)
    np.testing.assert_allclose(other.decades[0], one.decades[0], rtol=0, atol=1e-9)  # rounds in another way: no chaos
    assert one.by_lag[1, 0, -1] > 200


def test_scales_that_do_not_fit_together_are_taken_in_parts(monkeypatch):
    scales = np.linspace(0.1, 1, 7)
    whole = sweep(scales, (0,), 50, num_hiddens=8)
    monkeypatch.setattr("d2lbptt.growth.scales.TOGETHER", 3 * 50 * 8)
    np.testing.assert_allclose(sweep(scales, (0,), 50, num_hiddens=8).decades, whole.decades, rtol=0, atol=1e-12)


# --- theory ---


@for_each("activation", ["tanh", "sigmoid"])
@for_each("size", [0.01, 0.3, 2.0])
def test_inputs_that_change_their_sign_alone_are_those_of_the_mean_field(activation, size):
    """Then x_t^2 is the same in each step, and the rate settles at that of ``laws.mean_field``."""
    scales, signs = np.array([0.4, 1.0, 1.7, 3.0]), np.random.default_rng(0).choice([-1.0, 1.0], size=(1, 4000))
    by_lag = _driven(scales, size * signs, ACTIVATIONS[activation])[:, 0]
    rates = np.diff(by_lag[:, [0, 500]])[:, 0] / 500
    wanted = [laws.mean_field(g, size**2, activation).exponent / np.log(10) for g in scales]
    np.testing.assert_allclose(rates, wanted, rtol=0, atol=2e-5)


def ratios(h, seeds, g, lag, **given):
    """|dL/dh_{T-k}|^2 over what the law says it is, for all seeds."""
    given = {"num_hiddens": h, **given}
    found, law = (f([g], seeds, 40, **given) for f in (sweep, theory))
    assert law.law == "mean field"
    return 10 ** (2 * (found.by_lag - law.by_lag)[0, :, lag])


def extrapolated(numbers):
    """The value at 1/h = 0 of a straight line through means with standard errors, and its standard error."""
    h = np.array(list(numbers))
    mean, error = (np.array([f(draws) for draws in numbers.values()]) for f in (np.mean, stats.sem))
    rows = np.stack([np.ones(len(h)), 1 / h], 1) / error[:, None]
    cov = np.linalg.inv(rows.T @ rows)
    return (cov @ rows.T @ (mean / error))[0], np.sqrt(cov[0, 0])


@pytest.mark.parametrize("kind", ["gaussian", pytest.param("orthogonal", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("activation", "size", "g"),
    [("tanh", 0.1, 1.5), ("tanh", 1.0, 0.7), ("tanh", 1.0, 2.0), ("sigmoid", 1.0, 3.0), ("relu", 0.1, 1.3)],
)
def test_the_mean_field_with_the_inputs_that_came(activation, size, g, kind):
    """The mean of |dL/dh_{T-5}|^2 is the product of the chi_t, for many units."""
    counts = {64: 240, 128: 160, 256: 80}
    draws = {h: ratios(h, range(S), g, 5, activation=activation, kind=kind, input_size=size) for h, S in counts.items()}
    found, error = extrapolated(draws)
    assert abs(found - 1) <= Z * error and error < 0.1


def test_inputs_of_another_size_in_each_step_are_no_input_of_constant_variance():
    """With inputs of size 1 the mean of x_t^2 alone gives another rate, far outside of what chance allows."""
    rates = theory([0.7], range(20), 1000, input_size=1.0).by_lag[0, :, -1] / 999
    constant = laws.mean_field(0.7, 1.0).exponent / np.log(10)
    assert abs(rates.mean() - constant) > 4 * Z * stats.sem(rates) and abs(rates.mean() - constant) > 0.02
    quiet = theory([0.7], range(20), 1000, input_size=0.1).by_lag[0, :, -1] / 999
    assert quiet.mean() == pytest.approx(laws.mean_field(0.7, 0.01).exponent / np.log(10), abs=2e-3)


@for_each("kind", ["orthogonal", "identity"])
def test_linear_networks_that_keep_lengths_go_as_the_power_of_g(kind):
    given = {"num_hiddens": 20, "activation": "identity", "kind": kind}
    found, law = (f([0.3, 1.0, 2.5], (0, 1), 800, **given) for f in (sweep, theory))
    assert law.law == "spectral radius"
    np.testing.assert_allclose(law.by_lag, found.by_lag, rtol=0, atol=1e-9)


@for_each("kind", ["gaussian", "symmetric"])
def test_other_linear_networks_go_with_their_own_spectral_radius(kind):
    """By all modes of W_0: the two are apart by a number that no longer grows with the lag."""
    given = {"num_hiddens": 20, "activation": "identity", "kind": kind}
    found, law = (f([0.5, 1.7], (0, 1, 2), 3000, **given) for f in (sweep, theory))
    for s, seed in enumerate(found.seeds):
        params = init_params(1, 20, 1, kind=kind, seed=seed)
        modes = laws.modes(params.W_hh.T)
        lags = np.array([0, 1, 10, 300, 2999])
        exact = modes.log10_norms(params.W_qh[0] / np.linalg.norm(params.W_qh[0]), lags)
        for i, g in enumerate(found.scales):
            np.testing.assert_allclose(found.by_lag[i, s, lags], exact + lags * np.log10(g), rtol=0, atol=1e-8)
            apart = (found.by_lag - law.by_lag)[i, s]
            assert apart.max() <= np.log10(modes.condition) + 1e-8
            assert np.ptp(apart[1000:]) < 1 < 3000 * abs(np.log10(modes.radius))


@for_each("kind", ["symmetric", "identity"])
@for_each("activation", ["tanh", "relu", "sigmoid"])
def test_the_bound_is_one(kind, activation):
    given = {"num_hiddens": 20, "activation": activation, "kind": kind, "input_size": 0.3}
    found, law = (f(np.linspace(0.1, 5, 9), range(5), 400, **given) for f in (sweep, theory))
    assert law.law == "bound" and (found.by_lag <= law.by_lag + 1e-9).all()


@for_each(
    ("activation", "kind"),
    [("tanh", "gaussian"), ("relu", "gaussian"), ("identity", "symmetric"), ("tanh", "identity")],
)
def test_without_weights_nothing_goes_back(activation, kind):
    by_lag = theory([0.0, 1.0], (0,), 5, activation=activation, kind=kind).by_lag
    assert (by_lag[:, 0, 0] == 0).all() and np.isneginf(by_lag[0, 0, 1:]).all() and np.isfinite(by_lag[1]).all()


def test_scales_of_theory_are_not_negative():
    with pytest.raises(ValueError, match=r"scales has -1\.0, wanted numbers from 0 on"):
        theory([-1.0, 1.0], (0,), 5)


def test_edges_of_lines_that_cross_zero():
    scales = np.array([0.0, 1.0, 2.0, 4.0])
    columns = {
        0.75: [-3, 1, 2, 9],  # by a straight line from (0, -3) to (1, 1)
        3.0: [-9, -9, -1, 1],
        1.5: [-1, 1, -1, -0.0],  # minus from 0 to 0.5, 1.5 to 2 and 2 to 4: 3 in all
        np.inf: [-1, -np.inf, -3, -1e-9],
        -np.inf: [0, 2, np.inf, 1e-9],
    }
    found = critical_scales(scales, np.array(list(columns.values()), float).T)
    columns = [3.0 if edge == 1.5 else edge for edge in columns]
    np.testing.assert_allclose(found, columns)


@for_each(
    ("change", "error", "words"),
    [
        ({"scales": 1.0}, ValueError, ["scales", "()", "(G,)"]),
        ({"scales": [1.0, np.nan]}, ValueError, ["scales", "nan"]),
        ({"T": 0}, ValueError, ["T is 0"]),
        ({"seeds": [-1]}, ValueError, ["seeds is -1"]),
        ({"activation": "swish"}, ValueError, ["activation", "'swish'"]),
        ({"kind": "dense"}, ValueError, ["kind", "'dense'"]),
        ({"input_size": "big"}, TypeError, ["input_size", "'big'"]),
        ({"T": 10**13}, ValueError, ["h would take", "T = 10000000000000"]),
    ],
)
def test_what_does_not_fit(change, error, words):
    given = {"scales": [1.0], "seeds": (0,), "T": 5} | change
    with pytest.raises(error) as info:
        sweep(given.pop("scales"), given.pop("seeds"), given.pop("T"), **given)
    assert all(word in str(info.value) for word in words), info.value


def test_tanh_slows_an_explosion_and_does_not_end_it():
    """g = 2, small inputs, ten networks, by lag: decades from lag 99 to 799, with tanh and with the identity."""
    decades = {name: sweep([2.0], range(10), 800, activation=name).by_lag[0] for name in ("tanh", "identity")}
    grown = {name: rows[:, 799] - rows[:, 99] for name, rows in decades.items()}
    half = np.median(decades["tanh"][:, 399] - decades["tanh"][:, 99])
    assert np.median(grown["tanh"]) > 15 and half > 5
    assert np.all(grown["tanh"] < grown["identity"] / 3)


@pytest.mark.slow
def test_one_pass_takes_a_third_of_the_time_of_one_by_one():
    """101 scales, 3 seeds, 64 units, 1000 steps: the phase diagram. Both warm, in turns, the best of three."""
    scales, seeds = np.linspace(0, 3, 101), (0, 1, 2)
    best = [np.inf, np.inf]
    for _ in range(3):
        start = clock()
        sweep(scales, seeds, 1000)
        middle = clock()
        for seed in seeds:
            for g in scales:
                one(g, seed, 1000)
        best = [min(best[0], middle - start), min(best[1], clock() - middle)]
    assert best[1] >= 3 * best[0], best
