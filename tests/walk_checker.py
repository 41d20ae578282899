"""The walk over the checks: verdicts, differences, mistakes, and the digits that survive."""

from typing import NamedTuple

import numpy as np
from walk import Spec, choice, either, filled, never, number, optional, shaped, whole
from walk_core import H0, NAMES, PARAMS, TRACE, X, Y, activation, close, loss, params, reduction, trace_like

from d2lbptt.checking import check, mistakes, step_size
from d2lbptt.checking import finite_differences as differences

PLACE = np.array([0.3, -1.2])


def one(value):
    """A number that NumPy holds, and to which a step can be added."""
    if isinstance(value, bool):
        return False
    return (isinstance(value, int) and abs(value) < 2**63) or (isinstance(value, float) and abs(value) <= 1e300)


def small(value):
    return bool(np.abs(np.asarray(value)).max() <= 1e300)


ARRAYS = either(shaped(), shaped(None), shaped(None, None))
REALS = either(one, lambda value: ARRAYS(value) and small(value))
POSITIVE = either(
    lambda value: one(value) and value > 0,
    lambda value: value == 1e308 if isinstance(value, float) else ARRAYS(value) and np.min(value) > 0,
)


def weighing(value):
    return shaped(2, dtypes="iufb")(value) and np.min(value) >= 0 and np.max(value) > 0


def f(theta):
    """A function that is linear, so that its slope is 3 wherever theta is."""
    return 3 * np.sum(theta)


def threes(theta):
    return np.full(np.shape(theta), 3.0)


class Places(NamedTuple):
    """Two arrays by name, as ``Params`` has its own."""

    a: np.ndarray
    b: np.ndarray


PLACES = Places(np.array([0.3, -1.2]), np.array(0.7))
PLACES_LIKE = filled(PLACES, a=optional(REALS), b=optional(REALS))


def f_by_name(theta):
    return sum(f(a) for a in theta if a is not None) if isinstance(theta, Places) else f(theta)


def threes_by_name(theta):
    return Places(*(None if a is None else threes(a) for a in theta)) if isinstance(theta, Places) else threes(theta)


def is_three(found, given):
    return close(found, threes(given["theta"]))


def three_with_error(found, given):
    return isinstance(found, differences.Difference) and bool((np.abs(found.value - 3) <= 4 * found.error + 1e-9).all())


def with_nan(value):
    """A gradient may well be none: it fails."""
    return type(value) is np.ndarray and value.dtype == float and value.shape == (2,)


def biases(params):
    return [name for name in ("b_h", "b_q") if getattr(params, name) is not None]


def right(report, given):
    return report.verdict in ("PASS", "BLIND") and bool(report) == (report.verdict == "PASS")


STEPS = step_size.step_sizes(PARAMS, X, Y, [1e-3, 1e-6], h0=H0)
LAW = STEPS.law["central"]
METHOD = choice(*step_size.METHODS)
FUNCTION = {"f": f, "theta": PLACE}

SPECS = {
    "checking.check.check_gradients": Spec(
        check.check_gradients,
        {
            "params": PARAMS,
            "x": X,
            "y": Y,
            "h0": H0,
            "activation": "tanh",
            "loss": "squared_error",
            "reduction": "mean",
            "weights": None,
            "gradient": None,
            "contributions": None,
            "seed": 0,
        },
        {
            "params": params("iuf"),
            "x": shaped(2, 2),
            "y": shaped(2, 2),
            "h0": optional(shaped(2)),
            "activation": activation,
            "loss": loss,
            "reduction": reduction,
            "weights": optional(weighing),
            "gradient": optional(never),
            "contributions": optional(never),
            "seed": whole(0),
        },
        lambda report, given: right(report, given) and len(report.rows) == 6 + len(biases(given["params"])),
        NAMES,
        fields=("params",),
    ),
    "checking.check.check_gradient": Spec(
        check.check_gradient,
        {**FUNCTION, "grad": threes, "method": "auto", "entries": None, "seed": 0},
        {
            "f": never,
            "theta": REALS,
            "grad": either(shaped(2), with_nan),
            "method": choice("auto", "complex", "ridders"),
            "entries": optional(whole(1, 2)),
            "seed": whole(0),
        },
        lambda report, given: (
            right(report, given) if given["grad"] is threes else report.verdict == "FAIL" and report.rows[0].reference
        ),
    ),
    "checking.check.check_gradient, by name": Spec(
        check.check_gradient,
        {"f": f_by_name, "theta": PLACES, "grad": threes_by_name, "method": "auto", "entries": None, "seed": 0},
        {
            "f": never,
            "theta": lambda value: (PLACES_LIKE if isinstance(value, Places) else REALS)(value),
            "grad": never,
            "method": choice("auto", "complex", "ridders"),
            "entries": optional(whole(2, 3)),
            "seed": whole(0),
        },
        right,
        fields=("theta",),
    ),
    "checking.finite_differences.complex_step": Spec(
        differences.complex_step,
        {**FUNCTION, "h": 1e-30},
        {"f": never, "theta": REALS, "h": number(0, 1, open_low=True)},
        is_three,
    ),
    **{
        f"checking.finite_differences.{name}": Spec(
            getattr(differences, name), FUNCTION, {"f": never, "theta": REALS}, three_with_error
        )
        for name in ("central_difference", "ridders")
    },
    "checking.mistakes.flawed": Spec(
        mistakes.flawed,
        {"mistake": None, "trace": TRACE, "y": Y, "loss": "squared_error", "reduction": "mean", "weights": None},
        {
            "mistake": optional(choice(*mistakes.MISTAKES)),
            "trace": trace_like(),
            "y": shaped(2, 2),
            "loss": loss,
            "reduction": reduction,
            "weights": optional(weighing),
        },
        lambda found, given: (
            set(found) == {"W_hx", "W_hh", "W_qh", "h0", *biases(given["trace"].params)}
            and all(len(rows) == 2 for rows in found.values())
        ),
        NAMES,
        fields=("trace",),
    ),
    "checking.mistakes.suspect": Spec(
        mistakes.suspect, {"letter": "A"}, {"letter": choice(*mistakes.SUSPECTS)}, lambda found, given: callable(found)
    ),
    "checking.step_size.step_sizes": Spec(
        step_size.step_sizes,
        {"params": PARAMS, "x": X, "y": Y, "h": [1e-3], "h0": H0, "activation": "tanh", "dtype": float},
        {
            "params": lambda value: params("iuf")(value) and all(map(small, value[:3])),
            "x": lambda value: shaped(2, 2)(value) and small(value),
            "y": shaped(2, 2),
            "h": lambda value: shaped(None)(value) and np.min(value) > 0 and np.max(value) <= 1,
            "h0": optional(shaped(2)),
            "activation": choice("tanh", "sigmoid", "identity"),
            "dtype": never,
        },
        lambda found, given: isinstance(found, step_size.StepSizes) and np.isfinite(found.truth),
        {name: (name, "dL/dW_hh", *NAMES["y"]) for name in ("params", "x", "y", "h0")},
        fields=("params",),
    ),
    "checking.step_size.Law.terms": Spec(
        LAW.terms, {"h": 1e-3}, {"h": POSITIVE}, lambda found, given: np.shape(found) == (2, *np.shape(given["h"]))
    ),
    "checking.step_size.Law.error": Spec(
        LAW.error, {"h": 1e-3}, {"h": POSITIVE}, lambda found, given: np.shape(found) == np.shape(given["h"])
    ),
    "checking.step_size.StepSizes.best": Spec(
        STEPS.best, {"method": "central"}, {"method": METHOD}, lambda h, given: h in STEPS.h
    ),
    "checking.step_size.StepSizes.apart": Spec(
        STEPS.apart, {"method": "central"}, {"method": METHOD}, lambda factor, given: np.isnan(factor) or factor >= 1
    ),
}
