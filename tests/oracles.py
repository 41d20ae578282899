"""What the numerics are held against: slow, plain calculations that share no line with the package.

- The textbook forward pass: 9.7.1 and 9.7.2 for one sequence, one time step after the other.
- Brute force: the weights are untied, so that every pair (t, k), the loss of step t and the use of a parameter in
  step k, contributes a term of its own, and dh_t/dh_k is multiplied out as a product of matrices (9.7.15). Nothing
  is accumulated backwards. Slopes are written in z, where the package writes them in h.
- The complex step over the textbook forward pass, which knows no derivative at all.
- Gates are walked over, one arrow at a time, to see what a loss reaches.
- The shake: every stored number is moved by one unit in its last place, to see how far rounding may carry a gradient.

A batch is what its sequences are, one by one. From the package come only the containers, and in ``trace_of`` the
forward pass under test.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from d2lbptt import Params, forward

# The same examples in every run: a test that fails, fails for everybody. Without a clock, for a slow machine.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

PARAMETERS = ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu")
LOSSES = ("squared_error", "cross_entropy")
REDUCTIONS = ("mean", "sum", "last")


# --- a problem: all that a loss depends on ---


class Problem(NamedTuple):
    params: Params
    x: np.ndarray
    y: np.ndarray
    h0: np.ndarray | None
    activation: str
    loss: str
    reduction: str
    weights: np.ndarray | None = None

    @property
    def options(self):
        weights = {} if self.weights is None else {"weights": self.weights}
        return {"loss": self.loss, "reduction": self.reduction, **weights}

    @property
    def start(self):
        """h_0, also where it is not given."""
        zeros = np.zeros((*self.x.shape[1:-1], len(self.params.W_hh)))
        return zeros if self.h0 is None else self.h0

    @property
    def names(self):
        """The parameters that there are; h_0 counts as one."""
        return [n for n in PARAMETERS if n == "h0" or getattr(self.params, n) is not None]

    def value(self, name):
        return self.start if name == "h0" else getattr(self.params, name)

    def replaced(self, name, value):
        if name in ("h0", "x"):
            return self._replace(**{name: value})
        return self._replace(params=self.params._replace(**{name: value}))

    def sequences(self):
        """The sequences of a batch, each a problem of its own, whose gradients are averaged."""
        if self.x.ndim == 2:
            return [self]
        each = [self._replace(x=self.x[:, b], y=self.y[:, b], h0=self.start[b]) for b in range(self.x.shape[1])]
        if self.weights is None:
            return each
        w = self.multipliers() * len(each)  # a mean is over the weights of all sequences
        return [s._replace(reduction="sum", weights=w[:, b]) for b, s in enumerate(each)]

    def multipliers(self):
        """What multiplies the loss of each step and sequence in L, (T,) or (T, B), where there are weights."""
        steps = self.x.shape[:-1]
        w = self.weights.reshape(*self.weights.shape, *[1] * (len(steps) - self.weights.ndim)) * np.ones(steps)
        if self.reduction == "last":
            w[:-1] = 0
        return w / (w[0].size if self.reduction == "sum" else w.sum())


def trace_of(problem):
    """The forward pass UNDER TEST."""
    return forward(problem.params, problem.x, h0=problem.h0, activation=problem.activation)


def random_problem(
    rng, T, B, d, h, q, *, activation, loss, reduction, bias=True, with_h0=True, g=1.0, W_hh=None, dtype=float
):
    def normal(*shape):
        return rng.normal(size=shape).astype(dtype)

    recurrent = normal(h, h) / dtype(np.sqrt(h)) if W_hh is None else W_hh
    params = Params(
        normal(h, d) / dtype(np.sqrt(d)),
        dtype(g) * recurrent,
        normal(q, h) / dtype(np.sqrt(h)),
        *((normal(h) / 2, normal(q) / 2) if bias else (None, None)),
    )
    batch = () if B is None else (B,)
    y = rng.integers(q, size=(T, *batch)) if loss == "cross_entropy" else normal(T, *batch, q)
    h0 = normal(*batch, h) if with_h0 else None
    return Problem(params, normal(T, *batch, d), y, h0, activation, loss, reduction)


@st.composite
def problems(draw, dtypes=(np.float32, np.float64), activations=ACTIVATIONS, batches=(None, 1, 2, 3, 4)):
    """Random shapes and names; the entries come from a seed, away from the kink of relu."""
    size = st.integers(1, 5)
    shape = draw(st.tuples(st.integers(1, 8), st.sampled_from(batches), size, size, size))
    names = {
        "activation": draw(st.sampled_from(activations)),
        "loss": draw(st.sampled_from(LOSSES)),
        "reduction": draw(st.sampled_from(REDUCTIONS)),
        "bias": draw(st.booleans()),
        "with_h0": draw(st.booleans()),
        "dtype": draw(st.sampled_from(dtypes)),
    }
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    while True:
        problem = random_problem(rng, *shape, **names)
        if names["activation"] != "relu" or distance_from_kink(problem) > 1e-4:
            return problem


@st.composite
def weighted_problems(draw, **kinds):
    """The same, with weights: for each step or for each step of each sequence, some of them 0."""
    problem = draw(problems(**kinds))
    shape = problem.x.shape[: draw(st.integers(1, problem.x.ndim - 1))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    w = rng.exponential(size=shape) * (rng.random(shape) < 0.6)
    if not w[-1 if problem.reduction == "last" else slice(None)].any():
        w[-1] = 1
    return problem._replace(weights=w)


def spoiled(problem):
    """The targets, with what is no target where the weight is 0: -100, or nan and more."""
    y, ignored = problem.y.copy(), np.zeros(problem.x.shape[:-1], bool)
    ignored[problem.weights == 0] = True
    y[ignored] = -100 if problem.loss == "cross_entropy" else np.resize([np.nan, np.inf, -1e30], y.shape)[ignored]
    return y


# --- the textbook forward pass, for one sequence ---


def logistic(z):
    return 1 / (1 + np.exp(-z))


VALUES = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "sigmoid": logistic,
    "relu": lambda z: z * (np.real(z) > 0),
}

SLOPES = {
    "identity": lambda z: np.ones_like(z),
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "sigmoid": lambda z: logistic(z) * logistic(-z),
    "relu": lambda z: 1.0 * (np.real(z) > 0),
}


def wide(a):
    """The same numbers in float64, or complex128."""
    return a.astype(complex if np.iscomplexobj(a) else float)


def textbook_forward(problem):
    """z_1 .. z_T, h_0 .. h_T and o_1 .. o_T of one sequence."""
    p = problem.params
    z, h, o = [], [wide(problem.start)], []
    for x_t in wide(problem.x):
        z_t = wide(p.W_hx) @ x_t + wide(p.W_hh) @ h[-1]
        z.append(z_t if p.b_h is None else z_t + p.b_h)
        h.append(VALUES[problem.activation](z[-1]))
        o_t = wide(p.W_qh) @ h[-1]
        o.append(o_t if p.b_q is None else o_t + p.b_q)
    return np.array(z), np.array(h), np.array(o)


def distance_from_kink(problem):
    return min(np.abs(textbook_forward(s)[0]).min() for s in problem.sequences())


def exponentials(o_t):
    shift = np.real(o_t).max()
    return np.exp(o_t - shift), shift


def step_loss(problem, o_t, y_t):
    if problem.loss == "squared_error":
        return sum((o_t - y_t) ** 2) / 2
    e, shift = exponentials(o_t)
    return np.log(sum(e)) + shift - o_t[y_t]


def step_slope(problem, o_t, y_t):
    if problem.loss == "squared_error":
        return o_t - y_t
    e, _ = exponentials(o_t)
    return e / sum(e) - np.eye(len(o_t))[y_t]


def step_weights(problem):
    T = len(problem.x)
    if problem.weights is not None:
        return list(problem.multipliers())
    return {"mean": [1 / T] * T, "sum": [1.0] * T, "last": [0.0] * (T - 1) + [1.0]}[problem.reduction]


def textbook_loss(problem):
    total = 0
    for s in problem.sequences():
        o = textbook_forward(s)[2]
        total += sum(w * step_loss(s, o_t, y_t) for w, o_t, y_t in zip(step_weights(s), o, s.y, strict=True))
    return total / len(problem.sequences())


# --- the gradient by brute force ---


def every_pair(t, k):
    return 1


def gate_pairs(xi):
    """The weight of (t, k) under gates: the product of xi_j on the arrows j = k + 1 .. t; k = 0 is h_0."""
    return lambda t, k: np.prod(xi[k:t])


def window_pairs(tau):
    """Keep t - k < tau; h_0 enters through step 1, so it keeps t <= tau."""
    return lambda t, k: float(t - max(k, 1) < tau)


def first_pairs(first):
    """The loss of step t reaches back to step first[t - 1]; h_0 enters through step 1."""
    return lambda t, k: float(max(k, 1) >= first[t - 1])


def flow_by_hand(problem):
    """dl_t/dh_k of one sequence for every 0 <= k <= t, as {(t, k): vector}, and dl_t/do_t: losses without weights."""
    z, _, o = textbook_forward(problem)
    W_hh, W_qh = wide(problem.params.W_hh), wide(problem.params.W_qh)
    flow, do = {}, [step_slope(problem, o_t, y_t) for o_t, y_t in zip(o, problem.y, strict=True)]
    for t in range(1, len(z) + 1):
        jacobian = np.eye(len(W_hh))  # dh_t/dh_k
        for k in range(t, -1, -1):
            flow[t, k] = do[t - 1] @ W_qh @ jacobian
            if k:
                jacobian = jacobian @ np.diag(SLOPES[problem.activation](z[k - 1])) @ W_hh
    return flow, do


def for_each_sequence(problem, pair):
    """The weight of pairs for each sequence of a batch: a list of them, or one that holds for all."""
    return pair if isinstance(pair, list) else [pair] * len(problem.sequences())


def brute_force(problem, pair=every_pair):
    """The gradient as the sum over all pairs (t, k), weighted with pair(t, k), with the fields of ``Gradients``."""
    each = list(map(_brute_force_single, problem.sequences(), for_each_sequence(problem, pair)))
    if problem.x.ndim == 2:
        return each[0]
    mean = {name: sum(g[name] for g in each) / len(each) for name in each[0]}
    axes = {"h0": 0, "h": 1, "o": 1}
    return mean | {name: np.stack([g[name] for g in each], axis) / len(each) for name, axis in axes.items()}


def _brute_force_single(problem, pair):
    z, h, _ = textbook_forward(problem)
    flow, do = flow_by_hand(problem)
    x, T, w = wide(problem.x), len(z), step_weights(problem)
    dh = [sum(w[t - 1] * pair(t, k) * flow[t, k] for t in range(max(k, 1), T + 1)) for k in range(T + 1)]
    dz = [SLOPES[problem.activation](z[k - 1]) * dh[k] for k in range(1, T + 1)]
    do = [w[t] * do[t] for t in range(T)]
    return {
        "W_hx": sum(np.outer(dz[t], x[t]) for t in range(T)),
        "W_hh": sum(np.outer(dz[t], h[t]) for t in range(T)),
        "W_qh": sum(np.outer(do[t], h[t + 1]) for t in range(T)),
        "b_h": sum(dz),
        "b_q": sum(do),
        "h0": dh[0],
        "h": np.array(dh[1:]),
        "o": np.array(do),
    }


def larger(problem):
    """The network of absolute values, in which no two terms of a gradient can cancel and no slope is below 1.

    The bias 1 keeps its states above those of any activation; the loss, (o + 1)^2 / 2 for the cross-entropy, has
    slopes above those of the true one.
    """
    p = problem.params
    b_h = 1 + (np.zeros(len(p.W_hh)) if p.b_h is None else np.abs(p.b_h))
    b_q = None if p.b_q is None else np.abs(p.b_q)
    params = Params(np.abs(p.W_hx), np.abs(p.W_hh), np.abs(p.W_qh), b_h, b_q)
    y = -np.abs(problem.y) if problem.loss == "squared_error" else -np.ones((*problem.y.shape, len(p.W_qh)))
    names = {"activation": "identity", "loss": "squared_error", "reduction": problem.reduction}
    return Problem(params, np.abs(problem.x), y, np.abs(problem.start), **names, weights=problem.weights)


def magnitude(problem, pair=every_pair):
    """The gradient of the larger network: rounding errs by a few units in the last place of THIS, entry by entry."""
    each = [lambda t, k, one=one: np.abs(one(t, k)) for one in for_each_sequence(problem, pair)]
    return brute_force(larger(problem), each)


def assert_gradients_agree(got, problem, pair=every_pair, factor=100):
    """Hold every field of ``Gradients`` against the brute force, within rounding of the dtype it came in."""
    want, size = brute_force(problem, pair), magnitude(problem, pair)
    for name in (*problem.names, "h", "o"):
        field = getattr(got, name)
        assert field.shape == want[name].shape, name
        tolerance = factor * np.finfo(field.dtype).eps * size[name]
        excess = np.max(np.abs(field - want[name]) - tolerance)
        assert excess <= 0, f"{name} is off by {excess:.1e} more than rounding explains"


def weighted_sum(table, weights):
    """The sum of the cells of a pair table, each times its weight, (T, T): the gradient of a scheme."""
    return np.einsum("kth,tk,kj->hj", table.flows, weights, table.states)


# --- the complex step, over the textbook forward pass ---


def complex_step(problem, name, step=1e-30):
    """The derivative of the textbook loss with respect to one parameter, or h0, or x."""
    value = problem.x if name == "x" else problem.value(name)
    result = np.empty(value.shape)
    for index in np.ndindex(value.shape):
        moved = value.astype(complex)
        moved[index] += 1j * step
        result[index] = textbook_loss(problem.replaced(name, moved)).imag / step
    return result


# --- one unit in the last place ---


def shaken(a, rng):
    """Move each entry by one unit in its last place: up, down or not at all; without an rng, not at all."""
    return a if rng is None else a + np.abs(np.spacing(a)) * rng.integers(-1, 2, a.shape)


def shaken_gradients(problem, rng, draws=16):
    """``draws`` gradients, each from stored numbers that were shaken: parameters, x, h_0, the rows h_t and dL/do_t.

    Rows are shaken when they are stored, so that what comes next follows from the shaken ones. The draws stand
    side by side on a leading axis, behind it always a batch; the sweep is 9.7.14, written out once more.
    """

    def copies(a):
        return None if a is None else shaken(np.broadcast_to(a, (draws, *a.shape)), rng)

    W_hx, W_hh, W_qh, b_h, b_q = map(copies, problem.params)
    T, batched = len(problem.x), problem.x.ndim == 3
    x = copies(problem.x.reshape(T, -1, W_hx.shape[-1]))
    B = x.shape[2]
    h, slopes, do, w = [copies(problem.start.reshape(B, -1))], [], [], step_weights(problem)
    for t in range(T):
        z = x[:, t] @ W_hx.swapaxes(1, 2) + h[-1] @ W_hh.swapaxes(1, 2) + (0 if b_h is None else b_h[:, None])
        slopes.append(SLOPES[problem.activation](z))
        h.append(shaken(VALUES[problem.activation](z), rng))
        o = h[-1] @ W_qh.swapaxes(1, 2) + (0 if b_q is None else b_q[:, None])
        do.append(shaken(w[t] / B * _slopes_of_draws(problem, o, problem.y[t].reshape(B, -1)), rng))
    total, dh = dict.fromkeys(problem.names, 0), 0
    for t in range(T - 1, -1, -1):
        dh = dh + do[t] @ W_qh
        dz = slopes[t] * dh
        outer = {"W_hx": (dz, x[:, t]), "W_hh": (dz, h[t]), "W_qh": (do[t], h[t + 1])}
        term = {name: a.swapaxes(1, 2) @ b for name, (a, b) in outer.items()}
        term |= {"b_h": dz.sum(1), "b_q": do[t].sum(1), "h0": 0}
        total = {name: total[name] + term[name] for name in problem.names}
        dh = dz @ W_hh
    return total | {"h0": dh if batched else dh[:, 0]}


def _slopes_of_draws(problem, o, y_t):
    if problem.loss == "squared_error":
        return o - y_t
    e = np.exp(o - o.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) - np.eye(o.shape[-1])[y_t[:, 0]]


# --- one loop back over one sequence, in which mistakes can be made ---

IN_H = {
    "identity": lambda h: np.ones_like(h),
    "tanh": lambda h: 1 - h**2,
    "sigmoid": lambda h: h * (1 - h),
    "relu": lambda h: 1.0 * (h > 0),
}


def by_hand(trace, y, *made, loss="squared_error", reduction="mean"):
    """What each step brings to the gradient, {name: (T, ...)}, with the mistakes that are named.

    Slopes are written in z, the flow of every loss is kept by itself, and a batch is taken sequence by sequence.
    """
    if trace.x.ndim == 2:
        return _by_hand_single(trace, np.asarray(y), made, loss, reduction)
    B = trace.x.shape[1]
    singles = [trace._replace(x=trace.x[:, b], h=trace.h[:, b], o=trace.o[:, b]) for b in range(B)]
    each = [_by_hand_single(single, np.asarray(y)[:, b], made, loss, reduction) for b, single in enumerate(singles)]
    summed = {name: sum(found[name] for found in each) / B for name in each[0]}
    return summed | {"h0": np.stack([found["h0"] for found in each], 1) / B}


def _by_hand_single(trace, y, made, loss, reduction):
    (W_hx, W_hh, W_qh, b_h, b_q), x, h, T = trace.params, trace.x, trace.h, len(trace.x)
    shapes = {"W_hx": W_hx.shape, "W_hh": W_hh.shape, "W_qh": W_qh.shape, "h0": h[0].shape}
    shapes |= {name: b.shape for name, b in (("b_h", b_h), ("b_q", b_q)) if b is not None}
    g = {name: np.zeros((T, *shape)) for name, shape in shapes.items()}
    in_h, flows = IN_H[trace.activation], []  # what flows back from the loss of T, T - 1, ...
    for t in range(T, 1 if "step 1 skipped" in made else 0, -1):
        do = _loss_slope(trace.o[t - 1], y[t - 1], loss, label="no label" not in made)
        if reduction == "mean" and "no 1/T" not in made:
            do = do / T
        if reduction == "last" and t < T:
            do = 0 * do
        if "step 1 cut off" in made and t == 1:
            flows = []
        flows.append(0 * h[t] if "last output forgotten" in made and t == T else W_qh.T @ do)
        if "window one short" in made and t == 1:
            flows = flows[1:]
        z = W_hx @ x[t - 1] + W_hh @ h[t - 1] + (0 if b_h is None else b_h)
        slope = SLOPES[trace.activation](z)
        if "no slope" in made:
            slope = 1
        if "slope of step t - 1" in made:
            slope = in_h(h[t - 1])
        if "slope of z" in made:
            slope = in_h(z)
        dz = slope * sum(flows, 0 * h[t])
        before = h[t] if "h_t for h_{t-1}" in made else 0 * h[0] if "h_0 is zero" in made and t == 1 else h[t - 1]
        W_back = W_hh if "W_hh untransposed" in made else W_hh.T
        terms = {
            "W_hx": np.outer(dz, x[t - 2] if "x_{t-1} for x_t" in made else x[t - 1]),  # x[-1] at t = 1: Python wraps
            "W_hh": np.outer(dz, before),
            "W_qh": np.outer(do, h[t]),
            "b_h": 0 * dz if "no bias" in made else dz,
            "b_q": do,
        }
        terms["W_hh"][-1, 0] *= (-1 if "a sign" in made else 1) * (1.01 if "one per cent" in made else 1)
        for name in terms.keys() & g.keys():
            if "overwriting" in made:
                g[name][:] = 0
            g[name][t - 1] = terms[name]
        if "slope after the transpose" in made:
            flows = [in_h(h[t - 1]) * (W_back @ flow) for flow in flows]
        else:
            flows = [W_back @ (slope * flow) for flow in flows]
    g["h0"][0] = sum(flows, 0 * h[0])  # what flowed back last
    return g


def _loss_slope(o, y, loss, label):
    if loss == "squared_error":
        return o - y if label else o
    e = np.exp(o - o.max())
    return e / e.sum() - label * np.eye(len(o))[y]


def summed(found):
    return {name: rows.sum(0) for name, rows in found.items()}


def changed(got, right):
    """The names of the gradients that differ by more than a millionth of their largest entry."""
    right, got = summed(right), summed(got)
    return {name for name, W in right.items() if (np.abs(got[name] - W) > 1e-6 * np.abs(W).max()).any()}


def walk(gates, t):
    """How many steps the loss of step t reaches: back over the arrows, until one is cut."""
    reach = 1
    while t > 1 and gates[t - 1] != 0:
        t, reach = t - 1, reach + 1
    return reach


def pieces(gates):
    """In how many pieces gates cut a sequence."""
    return 1 + sum(gate == 0 for gate in gates[1:])
