"""The walk over other people's networks: modules are given as they are, all else is tried. Oracle: torch."""

import numpy as np
from walk import Spec, choice, either, flag, never, optional, shaped, whole
from walk_core import H0, NAMES, PARAMS, X, Y, close, gradient, params

from d2lbptt import frameworks, rnn
from d2lbptt.bptt import Gradients

try:
    import torch
except ImportError:  # what needs it is not walked then
    RNN = HEAD = MSE = WEIGHT = None
    PROBLEM = frameworks.Problem(PARAMS, "tanh", X, Y, H0, "squared_error", "mean", 1.0, ())
else:
    RNN, HEAD = frameworks.to_torch(PARAMS)
    MSE = torch.nn.MSELoss()
    PROBLEM = frameworks.problem_from_torch(RNN, HEAD, X, Y, MSE, H0[None])
    WEIGHT = torch.ones(2, requires_grad=True)
GRADIENTS = PROBLEM.gradients()


def outputs_are_torchs(found, given):
    """What came out gives the outputs that torch gives to X."""
    with torch.no_grad():
        wanted = given["head"](given["rnn"](torch.tensor(X))[0]).numpy()
    return close(rnn.forward(found[0], X, activation=found[1]).o, wanted)


def outputs_are_ours(found, given):
    inputs = torch.tensor(X, dtype=found[0].weight_hh_l0.dtype)[None if given["batch_first"] else slice(None)]
    o = found[1](found[0](inputs)[0]).detach().numpy()
    try:
        ours = rnn.forward(given["params"], X, activation=given["activation"]).o
    except FloatingPointError:
        return True
    return np.allclose(o.reshape(ours.shape), ours, rtol=1e-5, atol=1e-5)


def value_is_torchs(problem, given):
    with torch.no_grad():
        x, y = (torch.tensor(np.asarray(given[name], float)) for name in ("x", "y"))
        h0 = None if given["h0"] is None else torch.tensor(given["h0"])
        o = given["head"](given["rnn"](x, h0)[0])
        wanted = given["criterion"](o if y.ndim == 2 else o[-1], y).item()
    return close(problem.value(), wanted)


def truncated(found, given):
    gates = np.ones(2) if given["gates"] is None else np.asarray(given["gates"], float)
    window = given["window"] or 2
    first = np.ones(2) if given["first"] is None else np.asarray(given["first"])
    of = {"trace": PROBLEM.trace(), "y": Y}
    allowed = lambda t, k: np.prod(gates[k + 1 : t + 1]) * (t - k < window) * (k + 1 >= first[t])  # noqa: E731
    return close(found.W_hh, gradient(of, allowed))


def first_steps(value):
    return shaped(2, dtypes="iu")(value) and value[0] == 1 and value[1] in (1, 2)


MAPPING = {"Wxh": PARAMS.W_hx, "Whh": PARAMS.W_hh, "Why": PARAMS.W_qh, "bh": PARAMS.b_h}
TORCH = {"rnn": RNN, "head": HEAD}
NEVER = {"rnn": never, "head": never}
SPECS = {
    "frameworks.from_torch": Spec(frameworks.from_torch, TORCH, NEVER, outputs_are_torchs, needs="torch"),
    "frameworks.to_torch": Spec(
        frameworks.to_torch,
        {"params": PARAMS, "activation": "tanh", "batch_first": False},
        {"params": params("iuf"), "activation": choice("tanh", "relu"), "batch_first": flag},
        outputs_are_ours,
        NAMES,
        fields=("params",),
        needs="torch",
    ),
    "frameworks.problem_from_torch": Spec(
        frameworks.problem_from_torch,
        {**TORCH, "x": X, "y": Y, "criterion": MSE, "h0": H0[None]},
        {
            **NEVER,
            "x": shaped(2, 2),
            "y": either(shaped(2, 2), shaped(2)),
            "criterion": never,
            "h0": optional(shaped(1, 2)),
        },
        value_is_torchs,
        NAMES,
        needs="torch",
    ),
    "frameworks.Problem.gradients": Spec(
        PROBLEM.gradients,
        {"gates": None, "window": None, "first": None},
        {"gates": optional(shaped(2)), "window": optional(whole(1, 2)), "first": optional(first_steps)},
        truncated,
        NAMES,
    ),
    "frameworks.Problem.as_torch": Spec(
        PROBLEM.as_torch,
        {"gradients": GRADIENTS},
        {"gradients": lambda value: isinstance(value, Gradients)},
        lambda found, given: close(found["weight_hh_l0"], PROBLEM.factor * GRADIENTS.W_hh),
    ),
    "frameworks.Problem.check": Spec(
        PROBLEM.check,
        {"gradient": None, "seed": 0},
        {"gradient": optional(never), "seed": whole(0)},
        lambda report, given: report.verdict == "PASS",
        needs="torch",
    ),
    "frameworks.from_arrays": Spec(
        frameworks.from_arrays,
        {"mapping": MAPPING, "rows": False, "order": None},
        {"mapping": never, "rows": flag, "order": optional(never)},
        lambda found, given: np.array_equal(found.W_hx, PARAMS.W_hx.T if given["rows"] else PARAMS.W_hx),
    ),
    "frameworks.numpy_function": Spec(
        frameworks.numpy_function,
        {"loss": lambda: 3 * WEIGHT.sum(), "parameters": {"W": WEIGHT}},
        {"loss": never, "parameters": never},
        lambda found, given: found[0](found[1]) == 6 and (found[2](found[1])["W"] == 3).all(),
        needs="torch",
    ),
}
