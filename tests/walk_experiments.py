"""The walk through the experiments: their arguments are numbers and names, as a slider sends them."""

import numpy as np
from walk import Spec, choice, number, whole

from d2lbptt import experiments
from d2lbptt.activations import ACTIVATIONS
from d2lbptt.rnn import KINDS

SEED = whole(0)


def every(kind):
    """Whether the result is what the experiment promises: its container, with nothing in it that is not a number."""
    return lambda found, given: type(found) is kind and not any(np.isnan(a).any() for a in found if _numbers(a))


def _numbers(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


SPECS = {
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
        {"T": ("T", "x"), "w": ("w", "s_t", "h_t", "dL/dh_t"), "v": ("v", "s_t")},
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
