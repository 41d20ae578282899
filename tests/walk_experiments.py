"""The walk through the experiments: their arguments are numbers and names, as a slider sends them."""

import numpy as np
from walk import Spec, always, choice, filled, number, optional, shaped, whole

from d2lbptt import experiments
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.checking.mistakes import MISTAKES, SUSPECTS
from d2lbptt.gates import SCHEMES
from d2lbptt.rnn import KINDS, init_params
from d2lbptt.text.corpus import Text
from d2lbptt.truncation.randomized_variance import Trade

SEED = whole(0)


def probabilities(pi):
    return shaped(None)(pi) and np.all(np.greater(pi, 0) & np.less_equal(pi, 1))


def every(kind):
    """Whether the result is what the experiment promises: its container, with nothing in it that is not a number."""
    return lambda found, given: type(found) is kind and not any(np.isnan(a).any() for a in found if _numbers(a))


def _numbers(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


FLOW = {"T": 5, "g": 0.8, "tau": 3, "activation": "tanh", "kind": "gaussian", "seed": 0, "reduction": "last"}
FLOW_LEGAL = {
    "T": whole(1, 10**6),
    "g": number(0, 10**6),
    "tau": whole(1),
    "activation": choice(*ACTIVATIONS),
    "kind": choice(*KINDS),
    "seed": SEED,
    "reduction": choice("last", "mean", "sum"),
}
OWN = {"params": init_params(1, 3, 1), "x": np.ones((5, 1)), "y": np.zeros((5, 1)), "h0": np.ones(3)}
OWN_LEGAL = {
    "params": filled(OWN["params"]),
    "x": shaped(None, 1),
    "y": optional(shaped(5, 1)),
    "h0": optional(shaped(3)),
}
OWN_NAMES = {"params": ("params", "W_hh", "W_hx", "W_qh", "b_h", "b_q"), "x": ("x", "y")}
TRUNCATION = {
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
    "k1": 1,
}
TRUNCATION_LEGAL = {
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
    "k1": whole(1),
}
TRUNCATION_NAMES = {"g": ("g", "scale"), "units": ("units", "num_hiddens", "h"), "T": ("T", "tau")}

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
    "experiments.gated": Spec(
        experiments.gated,
        {"T": 8, "g": 0.8, "bias": 5.0, "cell": "lstm", "seed": 0, "units": 4, "inputs": 4, "input_size": 0.1},
        {
            "T": whole(1, 10**6),
            "g": number(0, 1000),
            "bias": number(-100, 100),
            "cell": choice("lstm", "gru"),
            "seed": SEED,
            "units": whole(1, 10**4),
            "inputs": whole(1, 10**4),
            "input_size": number(-1000, 1000),
        },
        lambda found, given: all(len(decades) == given["T"] for decades in found[:6]),
    ),
    "experiments.remedies": Spec(
        experiments.remedies,
        {"T": 8, "g": 0.8, "tau": 3, "b_f": 5.0, "seed": 0, "units": 4, "inputs": 4, "input_size": 0.1},
        {
            "T": whole(3, 10**6),
            "g": number(0, 1000),
            "tau": whole(1, 8),
            "b_f": number(-100, 100),
            "seed": SEED,
            "units": whole(1, 10**4),
            "inputs": whole(1, 10**4),
            "input_size": number(-1000, 1000),
        },
        lambda found, given: all(one.decades.shape == one.law.shape == (given["T"],) for one in found[:5]),
        {"T": ("T", "tau")},
    ),
    "experiments.trade": Spec(
        experiments.trade,
        {"T": 5, "w": 0.9, "seed": 0},
        {"T": whole(1, 10**6), "w": number(), "seed": SEED},
        lambda found, given: type(found) is Trade and len(found.steps) == given["T"],
    ),
    "experiments.trajectories": Spec(
        experiments.trajectories,
        {"steps": 5, "windows": [3], "chunks": [2], "pi": [0.9], "seed": 0},
        {
            "steps": whole(1, 10**6),
            "windows": lambda spans: shaped(None, dtypes="iu")(spans) and np.min(spans) >= 1,
            "chunks": lambda spans: shaped(None, dtypes="iu")(spans) and np.min(spans) >= 1,
            "pi": probabilities,
            "seed": SEED,
        },
        lambda found, given: all(len(theta) == given["steps"] + 1 for theta in found.runs.values()),
        {"windows": ("windows", "tau"), "chunks": ("chunks", "tau"), "steps": ("steps", "h_t")},
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
    "experiments.cost": Spec(
        experiments.cost,
        {"lengths": [2, 3], "num_tokens": 3, "num_hiddens": 4, "seed": 0},
        {
            "lengths": lambda lengths: (
                shaped(None, dtypes="iu")(lengths) and np.min(lengths) >= 1 and np.all(np.diff(lengths) > 0)
            ),
            "num_tokens": whole(1, 10**4),
            "num_hiddens": whole(1, 10**4),
            "seed": SEED,
        },
        lambda found, given: found.milliseconds.shape == found.megabytes.shape == found.lengths.shape,
        {"num_tokens": ("num_tokens", "num_inputs", "W_hx"), "num_hiddens": ("num_hiddens", "h")},
    ),
    "experiments.cuts": Spec(
        experiments.cuts,
        {"text": "a short text", "batch_size": 2, "num_steps": 2, "row": 0, "minibatches": 2, "seed": 0},
        {
            "text": lambda value: isinstance(value, str) and len(value) > 9,
            "batch_size": whole(1, 4),
            "num_steps": whole(1, 4),
            "row": whole(0, 1),
            "minibatches": whole(1),
            "seed": SEED,
        },
        lambda found, given: all(len(piece) == given["num_steps"] for pieces in found for piece in pieces),
        {"text": ("text", "corpus"), "batch_size": ("batch_size", "corpus"), "num_steps": ("num_steps", "corpus")},
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
    "experiments.seen_by_span": Spec(
        experiments.seen_by_span,
        {"longest": 30, "n": 3, "p": 1},
        {"longest": whole(4, 5000), "n": whole(3, 3), "p": whole(0, 3)},
        every(experiments.SeenBySpan),
        {"longest": ("longest", "tau")},
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
    "experiments.schemes": Spec(
        experiments.schemes,
        {"T": 5, "tau": 2, "k1": 1, "pi": 0.5, "seed": 0},
        {"T": whole(2, 10**6), "tau": whole(1, 5), "k1": whole(1, 2), "pi": number(0, 1, open_low=True), "seed": SEED},
        lambda found, given: all(cost.products_of_an_update < given["T"] for cost in found.costs.values()),
        {"T": ("T", "tau")},
    ),
    "experiments.memory": Spec(
        experiments.memory,
        {"lengths": [2, 4], "batch_size": 1, "num_hiddens": 2, "k2": 2},
        {
            "lengths": lambda v: shaped(None, dtypes="iu")(v) and 2 <= np.min(v) and np.all(np.diff(v) > 0),
            "batch_size": whole(1, 10**6),
            "num_hiddens": whole(1, 10**6),
            "k2": whole(1, 2),
        },
        lambda found, given: np.all(found.there_and_back > 0) and found.states_of_k2 > 0,
        {"lengths": ("lengths", "T")},
    ),
    "experiments.truncation": Spec(
        experiments.truncation, TRUNCATION, TRUNCATION_LEGAL, every(experiments.Truncation), TRUNCATION_NAMES
    ),
    "experiments.truncation with k1 and k2": Spec(
        experiments.truncation,
        TRUNCATION | {"scheme": "tbptt"},
        TRUNCATION_LEGAL | {"k1": whole(1, 2)},
        every(experiments.Truncation),
        TRUNCATION_NAMES,
    ),
    "experiments.gradient_flow": Spec(
        experiments.gradient_flow,
        {**FLOW, **dict.fromkeys(OWN)},
        {**FLOW_LEGAL, **dict.fromkeys(OWN, lambda value: value is None)},
        every(experiments.GradientFlow),
        {"T": ("T", "x"), **{name: ("params", "x") for name in OWN}},
    ),
    "experiments.gradient_flow of one's own model": Spec(
        experiments.gradient_flow,
        {**FLOW, **OWN},
        {**FLOW_LEGAL, **OWN_LEGAL, "T": whole(1), "kind": always, "seed": always},
        every(experiments.GradientFlow),
        OWN_NAMES,
        fields=("params",),
    ),
    "experiments.scalar_rnn": Spec(
        experiments.scalar_rnn,
        {"T": 5, "w": 0.9, "v": 0.5, "phi": "tanh", "theta": "identity"},
        {
            "T": whole(1, 10**6),
            "w": number(),
            "v": number(),
            "phi": choice(*ACTIVATIONS),
            "theta": choice(*ACTIVATIONS),
        },
        every(experiments.ScalarRNN),
        {"T": ("T", "x"), "w": ("w", "z_t", "h_t", "dL/dh_t"), "v": ("v", "z_t")},
    ),
    "experiments.two_routes": Spec(
        experiments.two_routes,
        {"parameter": "W_hh", "activation": "identity", "T": 5, "g": 0.8, "h0": 0.5},
        {
            "parameter": choice("W_hh", "W_hx"),
            "activation": choice(*ACTIVATIONS),
            "T": whole(1, 10**6),
            "g": number(0),
            "h0": number(0),
        },
        every(experiments.TwoRoutes),
        {"g": ("g", "h_t", "dL"), "h0": ("h0", "h_t", "dL")},
    ),
    "experiments.unrolled_graph": Spec(
        experiments.unrolled_graph,
        {"weight": "W_hh", "T": 3, "activation": "identity", "g": 0.8},
        {
            "weight": choice("W_hh", "W_hx", "W_qh"),
            "T": whole(1, 10**5),
            "activation": choice(*ACTIVATIONS),
            "g": number(0),
        },
        every(experiments.UnrolledGraph),
        {"weight": ("weight", "parameter"), "g": ("g", "h_t", "l_t", "dL")},
    ),
    "experiments.UnrolledGraph.arrived": Spec(
        experiments.unrolled_graph().arrived,
        {"step": 3},
        {"step": whole(0, 62)},
        lambda found, given: found.shape == (3,) and found.dtype == bool,
    ),
    "experiments.variance": Spec(
        experiments.variance,
        {"w": 0.8, "pi": [0.7], "T": 5, "draws": 3, "seed": 0},
        {"w": number(), "pi": probabilities, "T": whole(1, 10**6), "draws": whole(1, 10**6), "seed": SEED},
        lambda found, given: all(sample.shape == law.shape == (given["T"],) for sample, law in found.runs.values()),
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
