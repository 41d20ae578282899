"""The walk through what measures growth and what theory says of it: laws, spectra, sweep, neighbours, one unit."""

import math

import numpy as np
from walk import Spec, choice, either, flag, never, number, optional, shaped, whole

import d2lbptt as bptt
from d2lbptt import laws
from d2lbptt.growth import cliff, perturbed_runs, scales, spectra

T, d, h = 6, 2, 3
ACTIVATION = choice("identity", "tanh", "sigmoid", "relu")
KIND = choice("gaussian", "orthogonal", "symmetric", "identity")
PARAMS = bptt.init_params(d, h, 1, seed=1)
X = np.random.default_rng(0).normal(size=(T, d))
TRACE = bptt.forward(PARAMS, X, activation="tanh")
W2 = np.array([[0.9, 0.3], [0.1, 0.5]])
SQUARE = shaped(2, 2)
COUNT = whole(0, 2**53)
STEPS = either(COUNT, shaped(None, dtypes="iu"))  # none of the arrays among the values has a number below 0


def empty(value):
    """The list and the arrays of no numbers among the values."""
    return (isinstance(value, list) and not value) or (
        isinstance(value, np.ndarray) and not value.size and not isinstance(value, np.ma.MaskedArray)
    )


def numbers_of(dtypes, each=lambda value: True):
    """Numbers, or an array of them of any shape, also an empty one; what no int64 holds is no array of numbers."""
    arrays = either(*(shaped(*shape, dtypes=dtypes) for shape in ((), (None,), (None, None))))
    return lambda value: empty(value) or (arrays(value) and bool(np.all(each(np.asarray(value)))))


REALS = numbers_of("iuf")
CHANCE = numbers_of("iuf", lambda p: (p > 0) & (p < 1))
MODES, ANGLE = laws.modes(W2), laws.angle([1.0, 0.5, 0.2], 3)


def near(found, wanted):
    return np.allclose(found, wanted, rtol=1e-8, atol=1e-12)


def power(W, k):
    return np.linalg.matrix_power(np.asarray(W, float), int(k))


def each_power(found, given, value):
    """Whether ``found`` holds ``value(k)`` for every k."""
    k = np.asarray(given["k"])
    return np.shape(found) == k.shape and near(found, np.reshape([value(int(one)) for one in k.ravel()], k.shape))


def log10_norm(W):
    return math.log10(np.linalg.norm(W, 2))


def drawn(found, given):
    return found.shape == (given["samples"], given["K"] + 1) and np.isfinite(found).all() and not found[:, 0].any()


def both_by_lag(found, given):
    shape = len(np.atleast_1d(given["scales"])), len(given["seeds"]), given["T"]
    return found.by_lag.shape == shape and not np.isnan(found.by_lag).any() and not found.by_lag[..., 0].any()


def unit(w, b, T):
    """The error of one unit, in Python's own numbers."""
    x = cliff.START
    for _ in range(T):
        x = w / (1 + np.exp(-x)) + b
    return (1 / (1 + np.exp(-x)) - cliff.TARGET) ** 2


def unit_error(found, given):
    with np.errstate(all="ignore"):
        w, b = (np.asarray(given[name]).astype(complex) for name in "wb")
        return np.shape(found) == np.broadcast_shapes(w.shape, b.shape) and near(found, unit(w, b, given["T"]))


def slope_of_a_wall(found, given):
    return near(found, sum(WALL.multiplier**t for t in range(given["T"])))


WALL = laws.separatrix(5.0)
SWEEP = {"scales": [0.5, 1.5], "seeds": (0, 1), "T": 5}
SWEEP |= {"num_hiddens": 4, "activation": "tanh", "kind": "gaussian", "input_size": 0.1}
SIZES = {"T": whole(1, 10**6), "num_hiddens": whole(1, 10**4)}
SWEPT = {
    "seeds": shaped(None, dtypes="iu"),
    **SIZES,
    "activation": ACTIVATION,
    "kind": KIND,
    "input_size": number(-1e6, 1e6),
}

UNIT = {"w": 5.0, "b": -2.0, "T": 5}
NUMBERS = numbers_of("iufc")


def jacobian(start, stop):
    """dh_stop/dh_start, factor by factor."""
    product = np.eye(h)
    for t in range(start + 1, (T if stop is None else stop) + 1):
        product = np.diag(1 - TRACE.h[t] ** 2) @ PARAMS.W_hh @ product
    return product


def chances(found, given):
    """P(log10 tan <= d) for each of the quantiles."""
    return [laws.angle(given["eigenvalues"], int(k)).below(row) for k, row in zip(given["k"], found, strict=True)]


def log_of_a_quotient(found, given):
    x, values = np.asarray(given["x"], float), np.asarray(given["eigenvalues"], float)
    return near(
        found,
        np.squeeze(
            np.log10(np.abs(x[..., 1:] / x[..., :1])) - np.asarray(given["k"]) * math.log10(values[0] / values[1])
        ),
    )


def largest_root(W):
    W = np.asarray(W, float)
    return max(abs(np.roots(np.poly(W / np.abs(W).max())))) * np.abs(W).max()


SPECS = {
    # --- laws ---
    "laws.modes": Spec(
        laws.modes,
        {"W": W2},
        {"W": SQUARE},
        lambda found, given: near(found.vectors * found.values @ found.inverse, given["W"]),
    ),
    "laws.Modes.log10_norms": Spec(
        MODES.log10_norms,
        {"v": np.ones(2), "k": 3, "dominant": False},
        {"v": shaped(2), "k": STEPS, "dominant": flag},
        lambda found, given: (
            given["dominant"]
            or each_power(found, given, lambda k: math.log10(np.linalg.norm(power(W2, k) @ given["v"])))
        ),
    ),
    "laws.triangle": Spec(
        laws.triangle,
        {"a": 0.9, "b": 0.5, "c": 2.0},
        {
            "a": number(0.5, 1e308),
            "b": number(-0.9, 0.9),
            "c": number(-1e150, 1e150),
        },
        lambda found, given: found == tuple(float(given[name]) for name in "abc") and 0 <= found.angle <= 90,
        {"a": ("a", "b"), "b": ("a", "b")},
    ),
    "laws.Triangle.log10_norms": Spec(
        laws.triangle(0.9, 0.5, 2.0).log10_norms,
        {"k": 3},
        {"k": STEPS},
        lambda found, given: each_power(found, given, lambda k: log10_norm(power([[0.9, 2], [0, 0.5]], k))),
    ),
    "laws.log10_bound": Spec(
        laws.log10_bound,
        {"W": W2, "k": 3, "activation": "tanh"},
        {"W": SQUARE, "k": STEPS, "activation": ACTIVATION},
        lambda found, given: np.shape(found) == np.shape(given["k"]) and np.isfinite(found).all(),
    ),
    "laws.conditions": Spec(
        laws.conditions,
        {"W": W2, "activation": "tanh"},
        {"W": SQUARE, "activation": ACTIVATION},
        lambda found, given: (
            near(found.sigma_max, np.linalg.norm(given["W"], 2))
            and {found.vanishing, found.exploding} <= {"certain", "excluded", "undecided"}
        ),
    ),
    "laws.fresh_products": Spec(
        laws.fresh_products,
        {"n": 4, "g": 1.0},
        {"n": whole(1, 10**6), "g": number(0, open_low=True)},
        lambda found, given: (
            found.exponents.shape == found.spread.shape == (given["n"],)
            and np.isfinite(found.exponents).all()
            and (np.diff(found.exponents) < 0).all()
        ),
    ),
    "laws.log10_repeated_bound": Spec(
        laws.log10_repeated_bound,
        {"n": 4, "k": 3},
        {"n": whole(1, 2**53), "k": either(whole(0, 10**6), shaped(None, dtypes="iu"))},
        lambda found, given: np.shape(found) == np.shape(given["k"]) and (found >= -1e-12).all(),
    ),
    "laws.mean_field": Spec(
        laws.mean_field,
        {"g": 1.5, "input_variance": 0.1, "activation": "tanh"},
        {"g": number(0, 1000), "input_variance": number(0, 1e6), "activation": choice("tanh", "sigmoid")},
        lambda found, given: found.q >= 0 and 0 <= found.chi <= given["g"] ** 2,
    ),
    "laws.edge_of_chaos": Spec(
        laws.edge_of_chaos,
        {"input_variance": 0.1, "activation": "tanh"},
        {"input_variance": number(0, 1e6), "activation": choice("tanh", "sigmoid")},
        lambda found, given: near(laws.mean_field(min(found, 1000), *given.values()).chi, 1),
    ),
    "laws.folds": Spec(
        laws.folds,
        {"w": 5.0},
        {"w": number(4)},
        lambda found, given: np.allclose(
            found.x, given["w"] / (1 + np.exp(-found.x)) + found.b, atol=1e-12 * given["w"]
        ),
    ),
    "laws.separatrix": Spec(
        laws.separatrix,
        {"w": 5.0, "x_0": 0.5},
        {"w": number(5), "x_0": number(-0.9, 0.9)},
        lambda found, given: np.isclose(
            given["x_0"], given["w"] / (1 + np.exp(-float(given["x_0"]))) + found.b, atol=1e-12 * given["w"]
        ),
        {"x_0": ("x_0", "w")},  # with a large x_0 it is w that is too small
    ),
    "laws.Separatrix.slope": Spec(WALL.slope, {"T": 5}, {"T": whole(1, 10**6)}, slope_of_a_wall),
    "laws.angle": Spec(
        laws.angle,
        {"eigenvalues": [1.0, 0.5], "k": 3},
        {"eigenvalues": shaped(2), "k": COUNT},
        lambda found, given: (
            np.shape(found.log_a) == (1,)
            and near(found.log_a, -2 * given["k"] * abs(math.log(given["eigenvalues"][1] / given["eigenvalues"][0])))
        ),
    ),
    **{
        f"laws.Angle.{name}": Spec(
            getattr(ANGLE, name), {"d": 0.5}, {"d": REALS}, lambda found, given: ((found >= 0) & (found <= 1)).all()
        )
        for name in ("above", "below", "bound")
    },
    "laws.Angle.bound_quantile": Spec(
        ANGLE.bound_quantile,
        {"p": 0.25},
        {"p": CHANCE},
        lambda found, given: (ANGLE.below(found) >= np.asarray(given["p"], float) - 1e-8).all(),
    ),
    "laws.angle_quantiles": Spec(
        laws.angle_quantiles,
        {"eigenvalues": [1.0, 0.5, 0.2], "k": [0, 3], "p": [0.1, 0.5]},
        {"eigenvalues": shaped(2), "k": shaped(None, dtypes="iu"), "p": lambda p: shaped(None)(p) and CHANCE(p)},
        lambda found, given: (
            found.shape == (len(given["k"]), len(given["p"]))
            and np.allclose(chances(found, given), np.broadcast_to(given["p"], found.shape), rtol=0, atol=1e-7)
        ),
    ),
    "laws.log10_tan": Spec(
        laws.log10_tan,
        {"eigenvalues": [2.0, 1.0], "x": [1.0, 1.0], "k": 3},
        {
            # The first one has to be the largest.
            "eigenvalues": lambda value: shaped(2)(value) and np.asarray(value)[0] > np.asarray(value)[1],
            "x": either(shaped(2), shaped(None, 2)),
            "k": STEPS,
        },
        log_of_a_quotient,
    ),
    # --- spectra ---
    "growth.spectra.spectral_radius": Spec(
        spectra.spectral_radius,
        {"W": W2},
        {"W": SQUARE},
        lambda found, given: near(found, largest_root(given["W"])),
    ),
    "growth.spectra.singular_values": Spec(
        spectra.singular_values,
        {"W": W2},
        {"W": SQUARE},
        lambda found, given: near(found.prod(), abs(np.linalg.det(given["W"]))) and found[0] >= found[1],
    ),
    "growth.spectra.jacobian_spectrum": Spec(
        spectra.jacobian_spectrum,
        {"trace": TRACE, "start": 0, "stop": T},
        {"trace": never, "start": whole(0, T - 1), "stop": optional(whole(1, T))},
        lambda found, given: near(found.log, np.log(np.linalg.svd(jacobian(given["start"], given["stop"]))[1])),
    ),
    "growth.spectra.lyapunov_exponents": Spec(
        spectra.lyapunov_exponents,
        {"trace": TRACE, "discard": 0, "blocks": 2},
        {"trace": never, "discard": optional(whole(0, T - 2)), "blocks": whole(2, T)},
        lambda found, given: found.rate.shape == found.error.shape == (h,) and (np.diff(found.rate) <= 0).all(),
    ),
    "growth.spectra.power_growth": Spec(
        spectra.power_growth,
        {"M": W2, "v": np.ones(2), "K": 5},
        {"M": SQUARE, "v": shaped(2), "K": whole(0, 10**6)},
        # Powers of the matrix in parts of its size, which do not overflow.
        lambda found, given: near(
            found.log - np.arange(given["K"] + 1) * math.log(np.max(np.abs(given["M"]))),
            [
                math.log(np.linalg.norm(power(np.asarray(given["M"]) / np.max(np.abs(given["M"])), k) @ given["v"]))
                for k in range(given["K"] + 1)
            ],
        ),
    ),
    "growth.spectra.gaussian_growth": Spec(
        spectra.gaussian_growth,
        {"n": 4, "K": 3, "samples": 2, "repeated": True, "seed": 0},
        {"n": whole(1, 1000), "K": whole(0, 10**5), "samples": whole(1, 10**5), "repeated": flag, "seed": whole(0)},
        drawn,
    ),
    "growth.spectra.horizon": Spec(
        spectra.horizon,
        {"rho": 0.5, "dtype": float},
        {"rho": number(0), "dtype": never},
        lambda found, given: 1 <= found.overflow and found.subnormal <= found.zero,
    ),
    # --- sweep ---
    "growth.scales.sweep": Spec(
        scales.sweep,
        {**SWEEP, "progress": None},
        {"scales": shaped(None), **SWEPT, "progress": lambda value: value is None},
        both_by_lag,
        {"num_hiddens": ("num_hiddens", "h")},
    ),
    "growth.scales.theory": Spec(
        scales.theory,
        SWEEP,
        {"scales": shaped(None), **SWEPT},
        both_by_lag,
        {"num_hiddens": ("num_hiddens", "h")},
    ),
    "growth.scales.critical_scales": Spec(
        scales.critical_scales,
        {"scales": [1.0, 2.0], "decades": [[-1.0], [1.0]]},
        {"scales": lambda value: shaped(2)(value) and value[0] < value[1], "decades": shaped(2, None)},
        lambda found, given: found.shape == (np.shape(given["decades"])[1],) and not np.isnan(found).any(),
    ),
    # --- neighbours ---
    "growth.perturbed_runs.perturbed_runs": Spec(
        perturbed_runs.perturbed_runs,
        {"params": PARAMS, "x": X, "h0": np.zeros(h), "v": np.ones(h), "delta": 1e-6, "activation": "tanh"},
        {
            "params": never,
            "x": shaped(None, d),
            "h0": shaped(h),
            "v": shaped(h),
            "delta": lambda value: number()(value) and value != 0,
            "activation": ACTIVATION,
        },
        lambda found, given: found.h.shape == found.other.shape and len(found.log) == len(given["x"]) + 1,
        {"v": ("v", "delta")},
    ),
    "growth.perturbed_runs.rate": Spec(
        perturbed_runs.rate,
        {"log": np.arange(6.0), "start": 0, "stop": 5},
        {"log": never, "start": whole(0, 5), "stop": whole(-1, 5)},
        lambda found, given: found.value == 1 if given["stop"] > given["start"] else math.isnan(found.value),
        {"start": ("start", "stop"), "log": ("log", "start", "stop")},
    ),
    # --- one unit ---
    "growth.cliff.errors": Spec(cliff.errors, UNIT, {"w": NUMBERS, "b": NUMBERS, "T": whole(1, 10**6)}, unit_error),
    "growth.cliff.gradients": Spec(
        cliff.gradients,
        UNIT,
        {"w": NUMBERS, "b": NUMBERS, "T": whole(1, 10**6)},
        lambda found, given: unit_error(found[0], given) and all(np.isfinite(one).all() for one in found),
    ),
    "growth.cliff.surface": Spec(
        cliff.surface,
        {"T": 5, "size": (3, 2)},
        {"T": whole(1, 10**6), "size": shaped(2, dtypes="iu")},
        lambda found, given: (
            found.shape == tuple(given["size"])[::-1]
            and np.allclose(found[0, 0], unit(cliff.PLANE[0][0], cliff.PLANE[1][0], given["T"]), rtol=1e-4, atol=1e-6)
        ),
    ),
    "growth.cliff.cut": Spec(
        cliff.cut,
        {"w": 5.0, "b": -2.6, "h": 1e-3, "T": 5},
        {"w": number(), "b": number(), "h": number(0, 1, open_low=True), "T": whole(1, 10**6)},
        lambda found, given: isinstance(found, cliff.Cut) and len(found.b) == len(found.E),
    ),
    "growth.cliff.steepest": Spec(
        cliff.steepest,
        {"w": 5.0, "T": 5},
        {"w": number(-1e4, 1e4), "T": whole(1, 1000)},
        lambda found, given: -1 - abs(given["w"]) <= found.b <= 1,
    ),
    "growth.cliff.descend": Spec(
        cliff.descend,
        {"w": 5.0, "b": -2.0, "rate": 0.1, "clip": 1.0, "steps": 3, "T": 5, "within": cliff.PLANE},
        {
            "w": number(),
            "b": number(),
            "rate": number(0, open_low=True),
            "clip": optional(number(0, open_low=True)),
            "steps": whole(1, 10**6),
            "T": whole(1, 10**6),
            "within": lambda value: SQUARE(value) and bool(np.all(np.asarray(value)[:, 0] < np.asarray(value)[:, 1])),
        },
        lambda found, given: (
            all(np.isfinite(one).all() for one in found[:4])
            and len(found.w) == len(found.gradient) + 1 <= given["steps"] + 1
            and (found.left or len(found.w) == given["steps"] + 1)
        ),
    ),
}
