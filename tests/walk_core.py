"""The walk over the network itself: what it returns is checked against sums written out here, and the complex step."""

from fractions import Fraction

import numpy as np
from walk import Spec, always, choice, filled, flag, fresh, never, number, optional, shaped, whole

from d2lbptt import bptt, gates, graph, rnn, scalar, total_derivative
from d2lbptt import untied as contributions
from d2lbptt.growth import gradient_norms
from d2lbptt.truncation import influence, pairs, randomized_variance

NUMBERS = "iufc"
PHI = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: z * (np.real(z) > 0),
}
activation, loss = choice(*PHI), choice("squared_error", "cross_entropy")
reduction = choice("mean", "sum", "last")

# --- a network with two of everything, so that many of the values have the right shape ---

T = d = h = q = 2
_rng = np.random.default_rng(0)
PARAMS = rnn.Params(*(_rng.normal(size=shape) for shape in ((h, d), (h, h), (q, h), (h,), (q,))))
X, Y, H0 = _rng.normal(size=(T, d)), _rng.normal(size=(T, q)), _rng.normal(size=h)
TRACE = rnn.forward(PARAMS, X, h0=H0, activation="tanh")
ONE = rnn.forward(rnn.init_params(1, 1, 1, seed=1), _rng.normal(size=(T, 1)), h0=[0.4], activation="tanh")


def params_like(dtypes):
    matrix, row = shaped(2, 2, dtypes=dtypes), optional(shaped(2, dtypes=dtypes))
    return {"W_hx": matrix, "W_hh": matrix, "W_qh": matrix, "b_h": row, "b_q": row}


def trace_like(dtypes=NUMBERS):
    states = shaped(T + 1, h, dtypes=dtypes)
    fields = {"x": shaped(T, d, dtypes=dtypes), "o": shaped(T, q, dtypes=dtypes), "h": states}
    return filled(TRACE, params=params(dtypes), activation=activation, **fields)


def params(dtypes=NUMBERS):
    return filled(PARAMS, **params_like(dtypes))


def close(a, b):
    """Whether a is b up to rounding; where the oracle overflows on its way it says nothing."""
    return not np.isfinite(b).all() or bool(np.allclose(a, b, rtol=1e-7, atol=1e-9 * np.max(np.abs(b))))


def states(params, x, h0, name):
    rows = [np.zeros(h) if h0 is None else np.asarray(h0)]
    W_hx, W_hh, _, b_h, _ = (0 if a is None else np.asarray(a) for a in params)
    for x_t in np.asarray(x):
        rows.append(PHI[name](W_hx @ x_t + W_hh @ rows[-1] + b_h))
    return np.array(rows)


def finite(found):
    return all(a is None or np.isfinite(a).all() for a in found)


def step_weights(given):
    """What multiplies l_t in L: one sequence, so that a mean is over the weights."""
    w = np.ones(T) if given.get("weights") is None else np.asarray(given["weights"], float)
    name = given.get("reduction", "mean")
    w = w * (np.arange(T) == T - 1) if name == "last" else w
    return w if name == "sum" else w / w.max() / np.sum(w / w.max())


def losses(o, y, name):
    if name == "squared_error":
        return ((np.asarray(o) - np.asarray(y)) ** 2).sum(-1) / 2
    return np.log(np.exp(o).sum(-1)) - np.take_along_axis(o, np.asarray(y)[:, None], -1)[:, 0]


def total(given):
    trace = given["trace"]
    return (step_weights(given) * losses(trace.o, given["y"], given["loss"])).sum()


def own_slopes(given):
    """dL/do_t of the squared error, and phi'(z_t) from h alone."""
    trace = given["trace"]._replace(h=np.asarray(given["trace"].h))
    slopes = {"identity": 0 * trace.h + 1, "tanh": 1 - trace.h**2, "sigmoid": trace.h * (1 - trace.h)}
    slope = slopes.get(trace.activation, 1.0 * (np.real(trace.h) > 0))[1:]
    return step_weights(given)[:, None] * (np.asarray(trace.o) - np.asarray(given["y"])), slope


def flows_of_pairs(given):
    """For each t and k the flow from the loss of step t to h_k, as products of Jacobians."""
    do, slope = own_slopes(given)
    W_hh, W_qh = np.asarray(given["trace"].params.W_hh), np.asarray(given["trace"].params.W_qh)
    found = np.zeros((T, T, h), np.result_type(do, slope, W_hh, W_qh))
    for t in range(T):
        flow = W_qh.T @ do[t]
        for k in range(t, -1, -1):
            found[t, k] = flow
            flow = W_hh.T @ (slope[k] * flow)
    return found, slope


def gradient(given, allowed=lambda t, k: 1.0):
    table, slope = flows_of_pairs(given)
    dz = sum(allowed(t, k) * np.outer(*two) for t, k, two in cells_of(table, slope, given["trace"].h))
    return dz


def cells_of(table, slope, states):
    for t in range(T):
        for k in range(t + 1):
            yield t, k, (slope[k] * table[t, k], states[k])


def right_gradient(result, given):
    if given["loss"] != "squared_error":
        return finite(result)
    gates = np.ones(T) if given.get("gates") is None else np.asarray(given["gates"], float)
    window = T if given.get("window") is None else given["window"]
    first = np.ones(T) if given.get("first") is None else np.asarray(given["first"])

    def weight(t, k):
        return np.prod(gates[k + 1 : t + 1]) * (t - k < window) * (k + 1 >= first[t])

    return close(result.W_hh, gradient(given, weight))


def table_of_pairs(given, parameter):
    table, slope = flows_of_pairs(given)
    entering = given["trace"].x if parameter == "W_hx" else given["trace"].h[:-1]
    found = np.zeros((T, T, h, 2), np.result_type(table, entering))
    for t, k, (dz, state) in cells_of(table, slope, entering):
        found[t, k] = np.outer(dz, state)
    return found


def first(v):
    return (shaped(T, dtypes="iu")(v) or shaped(None, T, dtypes="iu")(v)) and bool(
        np.all((np.asarray(v) >= 1) & (np.asarray(v) <= [1, 2]))
    )


def one_first(v):
    return shaped(T, dtypes="iu")(v) and first(v)


def loss_weights(v):
    return shaped(T, dtypes="iufb")(v) and bool(np.min(v) >= 0 and np.max(v) > 0)


OF_TRACE = {"trace": TRACE, "y": Y, "loss": "squared_error", "reduction": "mean"}
LEGAL = {
    "trace": trace_like(),
    "y": shaped(T, q, dtypes=NUMBERS),
    "loss": choice("squared_error"),
    "reduction": reduction,
    "weights": optional(loss_weights),
}
# What overflows has a symbol of its own, and names no argument; where y is as it should be, another loss says so.
LARGE = (
    "h_t",
    "o_t",
    "l_t",
    "L",
    "dh_t/dW",
    "dl_t/dh_k",
    *(f"dL/d{name}" for name in ("h_t", "o_t", "h0", "h_0", "W_hx", "W_hh", "W_qh", "b_h")),
)
NAMES = {
    "trace": ("trace", *LARGE),
    "y": ("y", *LARGE),
    "loss": ("loss", "y"),
    "weights": ("weights", *LARGE),
    "gates": ("gates", *LARGE),
    "params": ("params", *LARGE),
    "x": ("x", *LARGE),
    "h0": ("h0", *LARGE),
    "scale": ("scale",),
}


def of_trace(function, returns, good=None, legal=None, *, without=(), names=None, trace=None):
    """A function of trace, y, loss, reduction and weights, and of what is added."""
    good = {**OF_TRACE, "weights": np.array([0.5, 2.0]), **(good or {})}
    good = {name: value for name, value in good.items() if name not in without}
    legal = {**LEGAL, **(legal or {}), **({"trace": trace} if trace else {})}
    legal = {name: one for name, one in legal.items() if name in good}
    return Spec(function, good, legal, returns, {**NAMES, **(names or {})}, fields=("trace",))


CUTS = (
    {"gates": None, "window": None, "first": None},
    {"gates": optional(shaped(T)), "window": optional(whole(1, T)), "first": optional(one_first)},
)
NETWORK = {
    "rnn.init_params": Spec(
        rnn.init_params,
        {
            **{"num_inputs": 2, "num_hiddens": 3, "num_outputs": 2, "scale": 1.0, "kind": "orthogonal"},
            **{"bias": False, "seed": 0, "dtype": float},
        },
        {
            **dict.fromkeys(("num_inputs", "num_hiddens", "num_outputs"), whole(1, 10**6)),
            **{"scale": number(), "kind": choice(*rnn.KINDS), "bias": flag, "seed": whole(0)},
            "dtype": lambda value: value is float,
        },
        lambda found, given: (
            found.W_hx.shape == (given["num_hiddens"], given["num_inputs"])
            and found.W_qh.shape == (given["num_outputs"], given["num_hiddens"])
            and (found.b_h is not None) == given["bias"]
            and (given["kind"] != "orthogonal" or close(found.W_hh.T @ found.W_hh / given["scale"] ** 2, np.eye(3)))
            if given["scale"] in (1, 3, 0.5) and given["num_hiddens"] == 3
            else finite(found)
        ),
        {"num_hiddens": ("num_hiddens", "h"), "num_inputs": ("num_inputs", "d"), "num_outputs": ("num_outputs", "q")},
    ),
    "rnn.forward": Spec(
        rnn.forward,
        {"params": PARAMS, "x": X, "h0": H0, "activation": "tanh"},
        {
            "params": params(),
            "x": shaped(None, d, dtypes=NUMBERS),
            "h0": optional(shaped(h, dtypes=NUMBERS)),
            "activation": activation,
        },
        lambda trace, given: (
            close(trace.h, states(given["params"], given["x"], given["h0"], given["activation"]))
            and trace.h.dtype == trace.o.dtype == trace.params.W_hh.dtype
        ),
        NAMES,
        fields=("params",),
    ),
    "rnn.loss": of_trace(rnn.loss, lambda L, given: close(L, total(given))),
    "rnn.targets": of_trace(rnn.targets, lambda two, given: two[0].name == given["loss"] and close(two[1], given["y"])),
    "rnn.checked_params": Spec(
        rnn.checked_params,
        {"params": PARAMS},
        {"params": params()},
        lambda found, given: all(
            a is b is None or (type(a) is np.ndarray and close(a, b))
            for a, b in zip(found, given["params"], strict=True)
        ),
        fields=("params",),
    ),
    "rnn.checked_trace": Spec(
        rnn.checked_trace,
        {"trace": TRACE},
        {"trace": trace_like()},
        lambda found, given: (
            len({found.x.dtype, found.h.dtype, found.o.dtype, found.params.W_hx.dtype}) == 1
            and close(found.h, given["trace"].h)
        ),
        fields=("trace",),
    ),
    "bptt.output_gradient": of_trace(bptt.output_gradient, lambda do, given: close(do, own_slopes(given)[0])),
    "bptt.backward": of_trace(bptt.backward, right_gradient, *CUTS),
    "bptt.loss_and_gradients": of_trace(
        bptt.loss_and_gradients,
        lambda two, given: close(two[0], total(given)) and right_gradient(two[1], given),
        *CUTS,
    ),
    "bptt.itemized": of_trace(
        bptt.itemized,
        lambda table, given: close(
            table[np.tril_indices(T)],
            np.linalg.norm(flows_of_pairs({**given, "reduction": "sum"})[0], axis=-1)[np.tril_indices(T)],
        ),
        without=("reduction",),
    ),
    "untied.by_use": of_trace(
        contributions.by_use,
        lambda found, given: (
            given["parameter"] == "W_qh" or close(found, table_of_pairs(given, given["parameter"]).sum(0))
        ),
        {"parameter": "W_hh"},
        {"parameter": choice("W_hx", "W_hh", "W_qh")},
    ),
    "untied.by_loss": of_trace(
        contributions.by_loss,
        lambda found, given: close(found, table_of_pairs(given, given["parameter"]).sum(1)),
        {"parameter": "W_hh"},
        {"parameter": choice("W_hx", "W_hh")},
    ),
    "untied.by_pair": of_trace(
        contributions.by_pair,
        lambda found, given: close(found, table_of_pairs(given, given["parameter"])),
        {"parameter": "W_hh"},
        {"parameter": choice("W_hx", "W_hh")},
    ),
    "growth.gradient_norms.log10_gradient_norms": of_trace(
        gradient_norms.log10_gradient_norms,
        lambda found, given: close(found, decades(given)),
        {"window": 2, "steps": np.array([2])},
        {
            "window": optional(whole(1, T)),
            "steps": lambda steps: steps is None or among_the_steps(steps),
            "y": shaped(T, q),
        },
        trace=trace_like("iuf"),
    ),
    "growth.gradient_norms.log10_slopes_in_front": of_trace(
        gradient_norms.log10_slopes_in_front,
        lambda found, given: found.shape == (T,) and not np.isnan(found).any(),
        {"law": lambda v, k: k * 0.5},
        {"law": never, "y": shaped(T, q)},
        without=("reduction", "weights"),
        trace=trace_like("iuf"),
    ),
    "total_derivative.total_derivatives": Spec(
        total_derivative.total_derivatives,
        {"trace": TRACE, "gates": None},
        {"trace": trace_like(), "gates": optional(shaped(T))},
        lambda found, given: len(found) == T and found[0].shape == (h, h, d + h + 2),
        NAMES,
        fields=("trace",),
    ),
    "total_derivative.forward_accumulation": of_trace(
        total_derivative.forward_accumulation,
        right_gradient,
        {"gates": None},
        {"gates": optional(shaped(T))},
        names={"trace": ("trace", "gradient", *LARGE), "y": ("y", "gradient", *LARGE), "gates": ("gates", "gradient")},
    ),
    "total_derivative.mixtures": of_trace(
        total_derivative.mixtures,
        lambda found, given: (
            close(found.immediate_state_total_loss, table_of_pairs(given, "W_hh").sum((0, 1)))
            and close(found.total_state_immediate_loss, found.immediate_state_total_loss)
        ),
        {"parameter": "W_hh"},
        {"parameter": choice("W_hx", "W_hh", "b_h")},
        without=("weights",),
    ),
    "total_derivative.partials": Spec(
        total_derivative.partials,
        {"trace": ONE},
        {"trace": filled(ONE, activation=activation, params=filled(ONE.params))},
        lambda found, given: close(found[0], (1 - ONE.h[1:, 0] ** 2) * ONE.h[:-1, 0]),
        fields=("trace",),
    ),
}


def among_the_steps(steps):
    return shaped(None, dtypes="iu")(steps) and min(steps) >= 1 and max(steps) <= T


def decades(given):
    dh = (flows_of_pairs(given)[0] * np.tri(T)[:, :, None]).sum(0)
    with np.errstate(divide="ignore"):
        found = np.log10(np.linalg.norm(dh, axis=1))
    return found if given["steps"] is None else found[np.asarray(given["steps"]) - 1]


# --- rows of numbers ---


def exactly(b, c):
    """a_t = b_t + c_t a_{t-1} in fractions."""
    found, last = [], 0
    for one, two in zip(b, c, strict=True):
        last = (
            (Fraction(float(one)) + Fraction(float(two)) * last)
            if np.isreal(one) and np.isreal(two)
            else one + two * last
        )
        found.append(last)
    return np.array([complex(a) for a in found])


def exact(value):
    return Fraction(value) if isinstance(value, int | Fraction) else Fraction(float(value))


B, C = np.array([0.5, -1.5]), np.array([2.0, 0.25])
ROW = shaped(2, dtypes=NUMBERS)
ROWS = {"b": ROW, "c": ROW}
a_t = {"b": ("b", "a_t"), "c": ("c", "a_t")}


def right_a(found, given):
    return close(found, exactly(given["b"], given["c"]))


probability = number(0, 1, open_low=True)
DEMO = scalar.scalar_rnn(0.5, 1.0, B, C)
PAIR = (np.sin, np.cos)


def right_table(table, given):
    w, v, h0 = (complex(given[name]) for name in ("w", "v", "h0"))
    states = [h0]
    for x in np.asarray(given["x"], complex):
        states.append(np.sin(w * states[-1] + v * x))
    return close(table.h, states) and close(table.loss, np.mean((np.array(states[1:]) - given["y"]) ** 2 / 2))


def scalar_number(value):
    found = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    return number()(found) or (isinstance(found, complex) and np.isfinite(found))


overflow = ("z_t", "h_t", "l_t", "yhat_t", "dL/dw")
ROWS_SPECS = {
    "total_derivative.recursion": Spec(total_derivative.recursion, {"b": B, "c": C}, ROWS, right_a, a_t),
    "total_derivative.closed_sum": Spec(total_derivative.closed_sum, {"b": B, "c": C}, ROWS, right_a, a_t),
    "total_derivative.weight_gradient": Spec(
        total_derivative.weight_gradient,
        {"dl_do": B, "dg_dh": 2.0, "dh_dw": C},
        dict.fromkeys(("dl_do", "dg_dh", "dh_dw"), lambda v: ROW(v) or shaped(dtypes=NUMBERS)(v)),
        lambda found, given: close(found, np.mean(np.asarray(given["dl_do"]) * given["dg_dh"] * given["dh_dw"])),
    ),
    "scalar.scalar_rnn": Spec(
        scalar.scalar_rnn,
        {"w": 0.5, "v": 1.0, "x": B, "y": C, "h0": 0.1, "phi": PAIR, "theta": "identity", "loss": None},
        {
            **dict.fromkeys(("w", "v", "h0"), scalar_number),
            **{"x": ROW, "y": ROW, "phi": never, "theta": never, "loss": lambda value: value is None},
        },
        right_table,
        {name: (name, *overflow) for name in ("w", "v", "h0", "x", "y")},
    ),
    "graph.computational_graph": Spec(
        graph.computational_graph,
        {"T": 4},
        {"T": whole(1, 1000)},
        lambda found, given: len(found.nodes) == 10 * given["T"] + 3,
    ),
    "graph.Graph.uses": Spec(
        graph.computational_graph(3).uses,
        {"weight": "W_hh"},
        {"weight": choice("W_hx", "W_hh", "W_qh")},
        lambda found, given: len(found) == 3,
    ),
    "truncation.randomized_variance.moments": Spec(
        randomized_variance.moments,
        {"b": B, "w": 0.5, "pi": 0.5},
        {"b": shaped(None), "w": number(), "pi": probability},
        lambda found, given: (
            len(found.mean) == len(given["b"])
            and close(found.mean[-1], given["b"][1] + given["w"] * given["b"][0])
            and not np.isnan(found).any()
        ),
    ),
    "truncation.randomized_variance.is_bounded": Spec(
        randomized_variance.is_bounded,
        {"w": 0.5, "pi": 0.5},
        {"w": number(), "pi": probability},
        lambda found, given: found is (exact(given["w"]) ** 2 < exact(given["pi"]) or given["pi"] == 1),
    ),
    "truncation.randomized_variance.steps_kept": Spec(
        randomized_variance.steps_kept,
        {"pi": 0.5, "T": 3},
        {
            "pi": lambda v: (shaped()(v) or shaped(2)(v)) and bool(np.all((np.asarray(v) > 0) & (np.asarray(v) <= 1))),
            "T": whole(1, 10**300),
        },
        lambda found, given: (
            np.shape(found) == np.shape(given["pi"])
            and close(found, sum(np.asarray(given["pi"], float) ** k for k in range(min(given["T"], 2000))))
        ),
    ),
    "truncation.randomized_variance.simulate": Spec(
        randomized_variance.simulate,
        {"b": B, "w": 0.5, "pi": 0.5, "draws": 3, "seed": 0},
        {"b": shaped(None), "w": number(), "pi": probability, "draws": whole(1, 10**6), "seed": whole(0)},
        lambda found, given: found.shape == (given["draws"], len(given["b"])) and not np.isnan(found).any(),
        {"w": ("w", "w/pi"), "pi": ("pi", "w/pi")},
    ),
    "truncation.randomized_variance.trade": Spec(
        randomized_variance.trade,
        {"b": B, "w": 0.5},
        {"b": lambda v: shaped(None)(v) and np.any(v), "w": number()},
        lambda found, given: found.window[-1] == 0 and not np.isnan(found.window).any(),
    ),
}

# --- truncation ---

FIRST = np.array([1, 1])
TABLE = pairs.pair_table(TRACE, Y)
REAL = {"trace": trace_like("iuf"), "legal": {"y": shaped(T, q)}}


table_like = filled(TABLE, norm=number(0), states=shaped(T, h), flows=shaped(T, T, h), tails=shaped(T, T + 1, h))
RNG = fresh(lambda: np.random.default_rng(0))


def right_gates(found, given):
    pi = np.asarray(given["pi"], float)
    return found.shape == (given["T"],) and bool(np.all((found == 0) | np.isclose(found * pi, 1)))


def updates(T, k1, k2):
    """For each loss the first step that it reaches, update by update."""
    found, begin = [], 0
    while begin < T:
        end = min(begin + k1, T)
        found += [max(1, end - k2 + 1)] * (end - begin)
        begin = end
    return found


many_steps = whole(1, 10**6)


def chance(v):
    return (shaped()(v) or shaped(3)(v)) and bool(np.all((np.asarray(v) > 0) & (np.asarray(v) <= 1)))


TRUNCATION = {
    "gates.chunks": Spec(
        gates.chunks,
        {"T": 3, "tau": 2},
        {"T": whole(2, 10**6), "tau": whole(1, 3)},
        lambda found, given: found.tolist() == [float(t == 0 or t % given["tau"] > 0) for t in range(given["T"])],
        {"T": ("T", "tau")},
    ),
    "gates.randomized": Spec(
        gates.randomized,
        {"T": 3, "pi": 0.5, "rng": RNG},
        {"T": many_steps, "pi": chance, "rng": never},
        right_gates,
    ),
    "gates.scheme_options": Spec(
        gates.scheme_options,
        {"scheme": "randomized", "T": 3, "tau": None, "pi": 0.5, "k1": None, "k2": None, "rng": RNG},
        {"scheme": never, "T": many_steps, **dict.fromkeys(("tau", "k1", "k2"), always), "pi": chance, "rng": never},
        lambda found, given: right_gates(found["gates"], given),
    ),
    "gates.tbptt": Spec(
        gates.tbptt,
        {"T": 4, "k1": 2, "k2": 3},
        {"T": whole(3, 10**6), "k1": whole(1, 3), "k2": whole(2, 4)},
        lambda found, given: found.tolist() == updates(**given),
        {"T": ("T", "k2"), "k2": ("k2", "k1")},
    ),
    "gates.first_kept": Spec(
        gates.first_kept,
        {"T": 3, "gates": None, "window": None, "first": None},
        {
            "T": many_steps,
            "gates": lambda v: v is None or shaped(3)(v) or shaped(None, 3)(v),
            "window": optional(whole(1, 3)),
            "first": optional(never),  # none of the values has three whole numbers
        },
        lambda found, given: found.shape[-1] == given["T"] and found.min() >= 1,
    ),
    "truncation.pairs.pair_weights": Spec(
        pairs.pair_weights,
        {"first": FIRST, "pi": 0.5},
        {"first": one_first, "pi": probability},
        lambda found, given: (
            found[1, 1] == 1 and found[0, 1] == 0 and found[1, 0] == (1 / given["pi"] if given["first"][1] == 1 else 0)
        ),
    ),
    "truncation.pairs.jacobian_products": Spec(
        pairs.jacobian_products,
        {"first": FIRST, "shared": True, "ends": None, "last": False},
        {
            "first": one_first,
            "shared": flag,
            "ends": optional(lambda v: shaped(None, dtypes="iu")(v) and np.asarray(v).tolist() == [1, 2]),
            "last": flag,
        },
        lambda found, given: found == (given["first"][1] == 1),
    ),
    "truncation.pairs.pair_table": of_trace(
        pairs.pair_table,
        lambda found, given: close(found.gradient * found.norm, gradient(given)),
        without=("weights",),
        legal=REAL["legal"],
        trace=REAL["trace"],
    ),
    "truncation.pairs.PairTable.truncation_error": Spec(
        TABLE.truncation_error,
        {"first": FIRST},
        {"first": first},
        lambda found, given: close(
            found * TABLE.norm,
            [gradient(OF_TRACE, lambda t, k, row=row: float(k + 1 < row[t])) for row in np.atleast_2d(given["first"])],
        ),
    ),
    "truncation.pairs.drawn_gradients": of_trace(
        pairs.drawn_gradients,
        lambda found, given: close(
            found,
            [
                gradient(given, lambda t, k, xi=xi: np.prod(np.asarray(xi, float)[k + 1 : t + 1]))
                for xi in np.asarray(given["gates"])
            ],
        ),
        {"gates": np.array([[1.0, 0.5]])},
        {"gates": shaped(None, T), **REAL["legal"]},
        without=("weights",),
        trace=REAL["trace"],
    ),
    "truncation.pairs.VarianceTerms.variance": Spec(
        pairs.variance_terms(TABLE).variance,
        {"pi": 0.5},
        {"pi": probability},
        # For T = 2 there is one arrow: its cell, times a number of mean square 1/pi - 1.
        lambda found, given: close(
            found[0] * TABLE.norm**2,
            (1 / given["pi"] - 1) * np.sum(gradient(OF_TRACE, lambda t, k: float(t > k)) ** 2),
        ),
    ),
    "truncation.pairs.variance_terms": Spec(
        pairs.variance_terms,
        {"table": TABLE},
        {"table": table_like},
        lambda found, given: found.whole.shape == (T - 1,) and finite(found),
        {},
        ("table",),
    ),
    "truncation.pairs.growth_per_step": of_trace(
        pairs.growth_per_step,
        lambda found, given: found >= 0 and np.isfinite(found),
        legal=REAL["legal"],
        trace=REAL["trace"],
        without=("reduction", "weights"),
    ),
    "truncation.pairs.geometric_law": Spec(
        pairs.geometric_law,
        {"r": 0.5, "first": np.array([1, 2]), "last": False},
        {"r": number(0), "first": first, "last": flag},
        lambda found, given: close(
            found,
            [
                float(exact(given["r"]) * int(row[1] == 2) / (exact(given["r"]) + (1 if given["last"] else 2)))
                for row in np.atleast_2d(given["first"])
            ],
        ),
    ),
}

# --- influence ---

NET = influence.balance(3, 1)
net_like = filled(NET, A=never, s=shaped(3))  # the default network needs more steps
SMALL = whole(1, 200)
INFLUENCE = {
    "truncation.influence.Balance.rest": Spec(
        NET.rest,
        {"theta": 0.5},
        {"theta": number()},
        lambda found, given: (
            close(NET.A @ found + given["theta"] * NET.s, found) if abs(given["theta"]) < 1e300 else True
        ),
    ),
    "truncation.influence.balance": Spec(
        influence.balance,
        {"n": 3, "p": 1},
        {"n": whole(1, 1000), "p": whole(0, 3)},
        lambda found, given: found.A.shape == (given["n"],) * 2 and (found.s > 0).sum() == given["p"],
        {"n": ("n", "A")},
    ),
    "truncation.influence.partial_sums": Spec(
        influence.partial_sums,
        {"tau": 5, "n": 3, "p": 1},
        {"tau": SMALL, "n": whole(1), "p": whole(0, 3)},
        lambda found, given: len(found) == given["tau"] and found[0] == (1 if given["p"] else -1),
        {"tau": ("tau", "S_tau")},
    ),
    "truncation.influence.predicted_spans": Spec(
        influence.predicted_spans,
        {"n": 3, "p": 1, "longest": 50},
        {"n": whole(3), "p": whole(0, 3), "longest": whole(20, 200)},
        lambda found, given: 1 <= min(found) and max(found) <= given["longest"],
        {"n": ("n", "longest", "p"), "longest": ("longest", "tau", "S_tau")},
    ),
    "truncation.influence.observed_span": Spec(
        influence.observed_span,
        {"scheme": "window", "theta": 0.5, "longest": 30, "network": NET},
        {"scheme": never, "theta": number(-1e100, 1e100), "longest": whole(20, 200), "network": net_like},
        lambda found, given: 1 <= found <= given["longest"],
        {"network": ("network", "longest", "theta", "A"), "theta": ("theta", *LARGE)},
        ("network",),
    ),
    "truncation.influence.trajectory": Spec(
        influence.trajectory,
        {
            **{"scheme": "window", "steps": 4, "tau": 2, "pi": None, "lr": 0.1, "theta": 0.5, "h0": np.ones(3)},
            **{"seed": 0, "network": NET},
        },
        {
            **{"scheme": never, "steps": SMALL, "tau": whole(1), "pi": always, "lr": number(), "theta": number()},
            **{"h0": optional(shaped(3)), "seed": whole(0), "network": filled(NET, A=never, s=shaped(3))},
        },
        lambda found, given: (
            len(found) == given["steps"] + 1
            and found[0] == given["theta"]
            and not np.isnan(found[: 1 + (abs(found[0]) < 1e6)]).all()
        ),
        {"network": ("network", "h0", *LARGE), "h0": ("h0", *LARGE), "steps": ("steps", "xi_t")},
        ("network",),
    ),
}

SPECS = {**NETWORK, **ROWS_SPECS, **TRUNCATION, **INFLUENCE}
