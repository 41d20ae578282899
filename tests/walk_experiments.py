"""The walk through the experiments: their arguments are numbers and names, as a slider sends them."""

import numpy as np
from walk import Spec, choice, number, optional, shaped, whole

from d2lbptt import experiments
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS
from d2lbptt.gates import SCHEMES
from d2lbptt.rnn import KINDS
from d2lbptt.text.corpus import Text

SEED = whole(0)


def every(kind):
    """Whether the result is what the experiment promises: its container, with nothing in it that is not a number."""
    return lambda found, given: type(found) is kind and not any(np.isnan(a).any() for a in found if _numbers(a))


def _numbers(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


SPECS = {
    "experiments.butterfly": Spec(
        experiments.butterfly,
        {"g": 2.5, "delta": -8, "T": 5, "seed": 0, "units": 4, "kind": "gaussian", "input": 0.1},
        {
            "g": number(0, 1000),
            "delta": number(-14, 0),
            "T": whole(1, 10**6),
            "seed": SEED,
            "units": whole(1, 2000),
            "kind": choice(*KINDS),
            "input": number(0, 1000),
        },
        lambda found, given: len(found.runs.h) == given["T"] + 1 and (found.name == "") == (found.law is None),
    ),
    "experiments.cliff": Spec(
        experiments.cliff,
        {"w": 5.0, "b": -2.61, "rate": -1.0, "clip": None, "T": 5, "h": -3.0, "steps": 4},
        {
            "w": number(-1e3, 1e3),
            "b": number(-1e3, 1e3),
            "rate": number(-10, 10),
            "clip": optional(number(0, open_low=True)),
            "T": whole(1, 10**6),
            "h": number(-15, 0),
            "steps": whole(1, 10**6),
        },
        lambda found, given: type(found) is experiments.Cliff and np.isfinite(found.step).all(),
    ),
    "experiments.fresh_or_repeated": Spec(
        experiments.fresh_or_repeated,
        {"n": 3, "K": 4, "samples": 5, "seed": 0},
        {"n": whole(1, 1000), "K": whole(0, 10**6), "samples": whole(1, 10**6), "seed": SEED},
        every(experiments.FreshOrRepeated),
    ),
    "experiments.phase_diagram": Spec(
        experiments.phase_diagram,
        {
            "progress": None,  # the first: what is not cached yet asks it
            "g": 1.2,
            "T": 9,
            "activation": "tanh",
            "kind": "gaussian",
            "input_size": 0.1,
            "seeds": 1,
            "units": 2,
        },
        {
            "progress": lambda value: value is None or callable(value),
            "g": number(0.5, 3),
            "T": whole(1, 1000),
            "activation": choice(*ACTIVATIONS),
            "kind": choice(*KINDS),
            "input_size": number(-1e6, 1e6),
            "seeds": whole(1, 1000),
            "units": whole(1, 2000),
        },
        lambda found, given: (
            found.by_lag.shape == (101, given["seeds"], given["T"]) and found.theory.shape == (101, given["T"])
        ),
    ),
    "experiments.lost_slope": Spec(
        experiments.lost_slope,
        {"z": np.array([0.5, 3.0])},
        {"z": optional(lambda z: shaped(None)(z) and np.abs(z).max() <= 300)},
        lambda found, given: all(np.isfinite(law).all() for law in found.law.values()),
    ),
    "experiments.powers": Spec(
        experiments.powers,
        {"k": 3, "n": 3, "ratio": 0.7, "seed": 0, "within": 1.0, "spectrum": "equal", "draws": 9, "lambda_1": 1.0},
        {
            "k": whole(0, 200),
            "n": whole(2, 1000),
            "ratio": number(0.01, 1, open_high=True),
            "seed": SEED,
            "within": number(1e-6, 89),
            "spectrum": choice("equal", "falling", "both signs"),
            "draws": whole(1, 10**5),
            "lambda_1": number(1e-3, 1e3),
        },
        every(experiments.Powers),
    ),
    "experiments.product_spectrum": Spec(
        experiments.product_spectrum,
        {"T": 20, "g": 1.5, "activation": "tanh", "kind": "gaussian", "input": 0.1, "seed": 0},
        {
            "T": whole(20, 10**6),
            "g": number(0, 1000),
            "activation": choice(*ACTIVATIONS),
            "kind": choice(*KINDS),
            "input": number(0, 1000),
            "seed": SEED,
        },
        lambda found, given: len(found.spectrum.log) == 64 and len(found.trace.o) == found.T == given["T"],
    ),
    "experiments.remedies": Spec(
        experiments.remedies,
        {"T": 8, "g": 0.8, "tau": 3, "b_f": -5.0, "seed": 0, "units": 4, "inputs": 4, "input_size": 0.1},
        {
            "T": whole(3, 10**6),
            "g": number(0, 1000),
            "tau": whole(1, 8),
            "b_f": number(),
            "seed": SEED,
            "units": whole(1, 10**4),
            "inputs": whole(1, 10**4),
            "input_size": number(-1000, 1000),
        },
        lambda found, given: all(one.decades.shape == one.law.shape == (given["T"],) for one in found[:5]),
        {"T": ("T", "tau")},
    ),
    "experiments.transient": Spec(
        experiments.transient,
        {"rho": 0.5, "c": 2.0, "T": 6, "k": 2, "gap": 0.1, "activation": "tanh", "seed": 0, "input": 0.1},
        {
            "rho": number(0.5, 1.05),
            "c": number(0, 100),
            "T": whole(3, 1000),
            "k": whole(0, 5),
            "gap": number(0, 1),
            "activation": choice(*ACTIVATIONS),
            "seed": SEED,
            "input": number(0, 1e6),
        },
        every(experiments.Transient),
        {"T": ("T", "k")},
    ),
    "experiments.gradient_check": Spec(
        experiments.gradient_check,
        {
            "mistake": "no slope",
            "T": 5,
            "g": 1.0,
            "dtype": "float64",
            "activation": "tanh",
            "kind": "orthogonal",
            "seed": 0,
            "targets": "anywhere",
            "given": "every step",
        },
        {
            "mistake": choice("none", *MISTAKES, *(f"suspect {letter}" for letter in SUSPECTS)),
            "T": whole(1, 10**6),
            "g": number(),
            "dtype": choice("float64", "float32"),
            "activation": choice(*ACTIVATIONS),
            "kind": choice(*KINDS),
            "seed": SEED,
            "targets": choice("anywhere", "almost hit"),
            "given": choice("every step", "sums alone"),
        },
        lambda found, given: type(found) is experiments.GradientCheck and found.T == given["T"],
        {"g": ("g", "scale")},
    ),
    "experiments.step_size": Spec(
        experiments.step_size,
        {"h": -3.0, "method": "central", "dtype": "float64", "T": 5, "g": 1.0, "seed": 0},
        {
            "h": number(-30, 0),
            "method": choice("forward", "central", "complex"),
            "dtype": choice("float64", "float32"),
            "T": whole(1, 10**6),
            "g": number(-10, 10),  # beyond, tanh saturates, and dL/dW_hh is zero
            "seed": SEED,
        },
        every(experiments.StepSize),
        {"g": ("g", "scale", "dL/dW_hh")},
    ),
    "experiments.strategies": Spec(
        experiments.strategies,
        {"T": 5, "t": 4, "tau": 2, "pi": 0.5, "draw": 0, "text": Text("hello", "here")},
        {
            "T": whole(4, 5),
            "t": whole(1, 5),
            "tau": whole(1, 5),
            "pi": number(0, 1, open_low=True),
            "draw": SEED,
            "text": lambda value: value is None or (isinstance(value, str) and len(value) > 4),
        },
        every(experiments.Strategies),
        {"text": ("text", "T")},
    ),
    "experiments.truncation": Spec(
        experiments.truncation,
        {
            "scheme": "randomized",
            "T": 5,
            "tau": 2,
            "pi": 0.5,
            "g": 1.1,
            "draw": 0,
            "activation": "tanh",
            "kind": "gaussian",
            "units": 3,
            "reduction": "mean",
            "seed": 0,
        },
        {
            "scheme": choice(*SCHEMES),
            "T": whole(2, 10**6),
            "tau": whole(1, 5),
            "pi": number(0, 1, open_low=True),
            "g": number(),
            "draw": whole(0, 99),
            "activation": choice(*ACTIVATIONS),
            "kind": choice(*KINDS),
            "units": whole(1, 10**6),
            "reduction": choice("mean", "sum", "last"),
            "seed": SEED,
        },
        every(experiments.Truncation),
        {"g": ("g", "scale"), "units": ("units", "num_hiddens", "h"), "T": ("T", "tau")},
    ),
    "experiments.with_tanh": Spec(
        experiments.with_tanh,
        {"activation": "tanh", "T": 5, "g": 1.5, "input": 0.1, "kind": "gaussian", "seed": 0},
        {
            "activation": choice(*ACTIVATIONS),
            "T": whole(1, 10**6),
            "g": number(),
            "input": number(0),
            "kind": choice(*KINDS),
            "seed": SEED,
        },
        every(experiments.WithTanh),
        {"g": ("g", "scale")},
    ),
}
