"""Measure gradient checkers on planted mistakes: ours and every other one that is installed.

Each checker is given a recurrent network and a gradient: the right one, or one with a mistake of `d2lbptt.mistakes`.
To accept a wrong one is a miss, not to accept the right one a false alarm. The networks come from nine regimes, and
two more with cross-entropy; the seeds are this file's own, no test has them. Everything is done in float64 and in
float32, where parameters, forward pass and gradient are all float32.

The others are used at their usual tolerances. They get the function theta -> L in the dtype at hand, theta being all
the parameters and h_0: in NumPy, or in their own arithmetic for torch and jax. The gradient under test is planted as
the function's own derivative where a checker would otherwise differentiate by itself. Found means: the mistake is
flagged and, on the same network, the right gradient accepted, so that crying wolf earns nothing.

Two more families: what is done to a right gradient (``DONE``: clipped, decayed, transposed, another h_0, a factor
beside a mistake, stored once), on seeds of its own; and functions that are calculated badly (``BADLY``: low precision,
stairs, an offset), which each checker gets as theta -> number. There only the right gradient, zeros and one with every
entry 10 % too large are tried.

A mistake counts where it changes the gradient by more than 1e-12 (float32: 1e-5) of its largest entry. Which
parameters and time steps are wrong is known from the contributions of each step, flawed and right, in float64 along
the same states. Times are the best of several rounds in which the checkers take turns: only ratios mean anything.

    python benchmarks/checkers.py [--quick] [--only ours torch ...] [--seeds 901 902 903]
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when NumPy and torch are loaded
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import cache, cached_property  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from timeit import default_timer as clock  # noqa: E402
from typing import NamedTuple  # noqa: E402

import numpy as np  # noqa: E402

import d2lbptt as bptt  # noqa: E402
from d2lbptt.checking.mistakes import MISTAKES, flawed  # noqa: E402

SEEDS = (901, 902, 903)
COUNTS_ABOVE = {"float64": 1e-12, "float32": 1e-5}
DONE_SEEDS, BADLY_SEEDS = (921, 922, 923), tuple(range(941, 951))
SMALL = 1e-6
NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")


# --- the networks ---


class Regime(NamedTuple):
    """A kind of network: 3 inputs, 2 outputs; ``inputs`` and ``scale`` multiply x and W_hh."""

    T: int
    scale: float
    inputs: float = 1.0
    activation: str = "tanh"
    units: int = 5
    kind: str = "orthogonal"
    loss: str = "squared_error"
    reduction: str = "mean"
    kink: bool = False


REGIMES = {
    "short": Regime(5, 1.0),
    "vanishing": Regime(28, 0.5, 0.15),
    "vanishing, last loss": Regime(28, 0.5, 0.15, reduction="last"),
    "critical": Regime(30, 1.0, 0.3),
    "exploding tanh": Regime(100, 1.5, 0.3),
    "chaotic": Regime(100, 3.0, 0.1, units=12, kind="gaussian"),
    "exploding identity": Regime(100, 1.5, activation="identity"),
    "relu": Regime(10, 1.0, activation="relu"),
    "relu on its kink": Regime(10, 1.0, activation="relu", kink=True),
}
CROSS_ENTROPY = {
    "short, cross-entropy": Regime(5, 1.0, loss="cross_entropy"),
    "critical, cross-entropy": Regime(30, 1.0, 0.3, loss="cross_entropy"),
}
NEVER_BLIND = ("short", "vanishing", "vanishing, last loss", "critical", *CROSS_ENTROPY)
TIMED = {"T = 5": "short", "T = 100": "exploding tanh"}


@dataclass(frozen=True, eq=False)
class Problem:
    """A network, its forward pass and its targets, all in one dtype."""

    regime: str
    seed: int
    trace: bptt.Trace
    y: np.ndarray
    loss: str
    reduction: str

    @property
    def options(self):
        """What ``backward`` and ``flawed`` want to know."""
        return {"loss": self.loss, "reduction": self.reduction}

    @property
    def dtype(self):
        """float64 or float32."""
        return self.trace.h.dtype

    @cached_property
    def wide(self):
        """The same numbers and states in float64."""
        y = self.y if self.loss == "cross_entropy" else self.y.astype(float)
        return Problem(self.regime, self.seed, in_float64(self.trace), y, self.loss, self.reduction)

    @cached_property
    def theta(self):
        """All parameters and h_0 in one row."""
        return np.concatenate([a.ravel() for a in (*self.trace.params, self.trace.h[0])])

    def __call__(self, theta):
        """Return L in the dtype of the problem, complex for a complex theta; theta may have more axes in front."""
        theta = np.asarray(theta)
        theta = theta.astype(np.result_type(self.dtype, np.complex64) if np.iscomplexobj(theta) else self.dtype)
        W_hx, W_hh, W_qh, b_h, b_q, h = split(self, theta)
        states = []
        for z in np.moveaxis(self.trace.x @ np.swapaxes(W_hx, -1, -2) + b_h[..., None, :], -2, 0):
            h = phi(np, self.trace.activation, z + (W_hh @ h[..., None])[..., 0])
            states.append(h)
        o = np.stack(states, -2) @ np.swapaxes(W_qh, -1, -2) + b_q[..., None, :]
        return total_loss(np, o, self.y, self.loss, self.reduction)


def in_float64(trace):
    """Return a trace with the same numbers in float64."""
    params = bptt.Params(*(a.astype(float) for a in trace.params))
    return bptt.Trace(params, *(a.astype(float) for a in (trace.x, trace.h, trace.o)), trace.activation)


def split(problem, theta):
    """Return the parameters and h_0 out of theta, of whatever library."""
    parts, start = [], 0
    for a in (*problem.trace.params, problem.trace.h[0]):
        parts.append(theta[..., start : start + a.size].reshape(*theta.shape[:-1], *a.shape))
        start += a.size
    return parts


def phi(xp, name, z):
    """Return the activation in NumPy's or jax's arithmetic."""
    if name == "relu":
        return xp.where(z.real > 0, z, 0 * z)
    return xp.tanh(z) if name == "tanh" else z


def total_loss(xp, o, y, loss, reduction):
    """Return L of the outputs in NumPy's, jax's or torch's arithmetic."""
    if loss == "cross_entropy":
        rows = xp.log(xp.exp(o).sum(-1)) - o[..., np.arange(len(y)), y]
    else:
        rows = ((o - y) ** 2).sum(-1) / 2
    return rows[..., -1] if reduction == "last" else rows.mean(-1)


def make_problem(name, seed, dtype="float64"):
    """Draw a network of a regime."""
    regime = (REGIMES | CROSS_ENTROPY)[name]
    params = bptt.init_params(3, regime.units, 2, scale=regime.scale, kind=regime.kind, bias=True, seed=seed)
    rng = np.random.default_rng([seed, 1])  # not the numbers of init_params once more
    params = params._replace(b_h=0.1 * rng.normal(size=regime.units), b_q=0.1 * rng.normal(size=2))
    x, h0 = regime.inputs * rng.normal(size=(regime.T, 3)), 0.1 * rng.normal(size=regime.units)
    y = rng.integers(0, 2, regime.T) if regime.loss == "cross_entropy" else rng.normal(size=(regime.T, 2)).astype(dtype)
    if regime.kink:
        params, x, h0 = _on_the_kink(params, x, h0)
    params, x, h0 = bptt.Params(*(a.astype(dtype) for a in params)), x.astype(dtype), h0.astype(dtype)
    trace = bptt.forward(params, x, h0=h0, activation=regime.activation)
    return Problem(name, seed, trace, y, regime.loss, regime.reduction)


def _on_the_kink(params, x, h0):
    # What unit 0 sums up at t = 1 is rounded to sixty-fourths: float32 too adds it up without an error, in any order.
    W_hx, W_hh, b_h, x = (a.copy() for a in (params.W_hx, params.W_hh, params.b_h, x))
    W_hx[0], W_hh[0], x[0], h0 = (np.round(64 * a) / 64 for a in (W_hx[0], W_hh[0], x[0], h0))
    b_h[0] = -(W_hx[0] @ x[0] + W_hh[0] @ h0)
    return params._replace(W_hx=W_hx, W_hh=W_hh, b_h=b_h), x, h0


# --- the truth about a mistake ---


def planted(problem, bug, trace=None):
    """Return what each step contributes to the gradient, with the mistake; None for the right gradient."""
    with np.errstate(all="ignore"):
        return flawed(bug, problem.trace if trace is None else trace, problem.y, **problem.options)


def summed(contributions):
    """Return the gradient by parameter name."""
    with np.errstate(all="ignore"):
        return {name: rows.sum(0) for name, rows in contributions.items()}


def flat(gradient):
    """Return the gradient in one row, as theta."""
    return np.concatenate([gradient[name].ravel() for name in NAMES])


class Truth(NamedTuple):
    """What a mistake changes: how much of the largest entry, which parameters (by step; in the sum), which steps.

    ``clearly`` holds the steps that change by more than the limit, measured by the step's own largest entry, and
    ``most`` those that change the most. A step that is left out is no wrong name: in float32 a change of 1e-5 may be
    less than rounding. But those that change the most must be among the named, and how many are left out is told.
    """

    effect: float
    counts: bool
    parameters: set
    summed_parameters: set
    steps: set
    clearly: set
    most: set


def truth(problem, bug):
    """Compare flawed and right contributions in float64 along the stored states."""
    limit, trace = COUNTS_ABOVE[str(problem.dtype)], problem.wide.trace
    right, wrong = planted(problem, None, trace), planted(problem, bug, trace)
    sums, wrong_sums = summed(right), summed(wrong)
    effect = _largest(flat(wrong_sums) - flat(sums)) / _largest(flat(sums))
    change = {name: _by_step(wrong[name] - right[name]) for name in NAMES}
    share = np.max([_divided(change[name], _by_step(right[name])) for name in NAMES], axis=0)
    return Truth(
        effect,
        effect > limit,
        {name for name in NAMES if change[name].any()},
        {name for name in NAMES if (wrong_sums[name] != sums[name]).any()},
        _numbers(np.any(list(change.values()), axis=0)),
        _numbers(share > limit),
        _numbers(share == share.max()),
    )


def _divided(change, size):
    """Return change / size, also where nothing was brought and should not have been."""
    return np.divide(change, size, out=np.where(change > 0, np.inf, 0), where=size > 0)


def _largest(a):
    return float(np.abs(a).max())


def _by_step(rows):
    return np.abs(rows).reshape(len(rows), -1).max(1)


def _numbers(mask):
    return {int(t) + 1 for t in np.flatnonzero(mask)}


# --- ours ---


def by_step(problem, bug):
    """Return our report on what each step contributes."""
    return _ours(problem, contributions=lambda trace, y: _under_test(problem, bug, trace, y))


def by_sum(problem, bug):
    """Return our report on the sums alone."""
    return _ours(problem, gradient=lambda trace, y: summed(_under_test(problem, bug, trace, y)))


def _under_test(problem, bug, trace, y):
    assert trace.h.dtype == problem.dtype, f"asked for a gradient in {trace.h.dtype}, wanted {problem.dtype}"
    with np.errstate(all="ignore"):
        return flawed(bug, trace, y, **problem.options)


def _ours(problem, **under_test):
    t = problem.trace
    options = {"h0": t.h[0], "activation": t.activation, **problem.options, **under_test}
    return bptt.check_gradients(t.params, t.x, problem.y, **options)


OURS = {"ours, by step": by_step, "ours, sums": by_sum}


def complaints(report, truth, sums):
    """Return what a FAIL names wrongly, in words."""
    found, worst = [], report.worst
    if worst.parameter not in (truth.summed_parameters if sums else truth.parameters):
        found.append(f"{worst.parameter} is right")
    named = set(report.time_steps)
    if extra := (named | {worst.t} - {None}) - truth.steps:
        found.append(f"named though right: t = {_steps(extra)}")
    if not sums and truth.counts and not named & truth.most:
        found.append(f"not named: t = {_steps(truth.most)}")
    return tuple(found)


def _steps(steps):
    first = ", ".join(map(str, sorted(steps)[:4]))
    return first if len(steps) < 5 else f"{first} ... ({len(steps)} steps)"


# --- what is done to a right gradient ---


def _other_start(problem, trace, which):
    """Return the sums where dL/dW_hh is made with another h_0."""
    h = trace.h.copy()
    h[0] = {"h_T": h[-1], "h_1": h[1], "ones": np.ones_like(h[0])}[which]
    right = summed(planted(problem, None, trace))
    return right | {"W_hh": summed(planted(problem, None, trace._replace(h=h)))["W_hh"]}


def _clipped(right, c):
    return {name: g.clip(-c, c) for name, g in right.items()}


def _norm_one_half(right):
    names = NAMES[:5]
    norm = np.sqrt(sum((right[name] ** 2).sum() for name in names))
    return right | {name: right[name] * right[name].dtype.type(0.5 / (norm + 1e-6)) for name in names}


def _sums(problem, trace, bug=None, factor=1):
    return {name: g * g.dtype.type(factor) for name, g in summed(planted(problem, bug, trace)).items()}


def _truncated(problem, trace, **how):
    found = bptt.backward(trace, problem.y, **problem.options, **how)._asdict()
    return {name: found[name] for name in NAMES}


class Done(NamedTuple):
    """What is done to the gradient, what must be said of it, and which steps are wrong by it (None: no step is)."""

    change: Callable
    words: str
    steps: Callable = lambda T: None


def _all(T):
    return set(range(1, T + 1))


def _first(T):
    return {1}


DONE = {
    "h_T for h_0": Done(lambda p, t: _other_start(p, t, "h_T"), "Only step 1 is wrong", _first),
    "h_1 for h_0": Done(lambda p, t: _other_start(p, t, "h_1"), "Only step 1 is wrong", _first),
    "ones for h_0": Done(lambda p, t: _other_start(p, t, "ones"), "Only step 1 is wrong", _first),
    "clipped by value": Done(lambda p, t: _clipped(_sums(p, t), 0.02), "clipped by value, at 0.02"),
    "clipped by norm": Done(lambda p, t: _norm_one_half(_sums(p, t)), "clipping by norm", _all),
    "weight decay": Done(
        lambda p, t: {n: g + g.dtype.type(0.01) * getattr(t.params, n, 0) for n, g in _sums(p, t).items()},
        "lambda W with lambda = 0.01",
    ),
    "in float32": Done(
        lambda p, t: {n: g.astype(np.float32).astype(g.dtype) for n, g in _sums(p, t).items()}, "those of float32"
    ),
    "T times, W_hh untransposed": Done(
        lambda p, t: _sums(p, t, "W_hh untransposed", len(t.x)), "transpose belongs, and every entry is T = ", _all
    ),
    "T/(T - 1), no slope": Done(
        lambda p, t: _sums(p, t, "no slope", len(t.x) / (len(t.x) - 1)), "and every entry is T/(T - 1) = ", _all
    ),
    "transposed": Done(
        lambda p, t: {n: g.T if n in ("W_hh", "W_hx") and g.shape == g.T.shape else g for n, g in _sums(p, t).items()},
        "W_hh is transposed",
        _all,
    ),
    "window of 3": Done(
        lambda p, t: _truncated(p, t, window=min(3, len(t.x))), "window of tau = 3", lambda T: set(range(1, T - 2))
    ),
    "chunks of 4": Done(
        lambda p, t: _truncated(p, t, gates=bptt.chunks(len(t.x), min(4, len(t.x)))),
        "chunk of tau = 4",
        lambda T: set(range(1, 4 * ((T - 1) // 4) + 1)),
    ),
}
STYLES = ("asked", "stored")


class Said(NamedTuple):
    """What a checker said of one gradient, "right" or another one; a complaint if ours gave a wrong reason."""

    checker: str
    case: str
    gradient: str
    verdict: str
    complaint: str = ""


def done(only=(), seeds=DONE_SEEDS, regimes=("short", "critical", "relu")):
    """Let every checker judge what is done to right gradients in float64, and return a list of Said."""
    found = []
    for problem in (make_problem(name, seed) for name in regimes for seed in seeds):
        for case, one in {"right": None, **DONE}.items():
            gradient = one.change(problem, problem.trace) if one else _sums(problem, problem.trace)
            for name in (name for name in chosen(only) if name not in OURS):
                found.append(Said(name, case, case, "PASS" if accepts(name, problem, flat(gradient)) else "FAIL"))
            for style in STYLES if not only or "ours" in only else ():
                found.append(Said(f"ours, {style}", case, case, *_ours_done(problem, one, gradient, style)))
        forget()
    return found


def _ours_done(problem, one, stored, style):
    def gradient(trace, y):
        if style == "stored":
            return stored
        return one.change(problem, trace) if one else _sums(problem, trace)

    report = _ours(problem, gradient=gradient)
    if one is None or report.verdict != "FAIL":
        return report.verdict, ""
    wrong = set(report.time_steps) - (one.steps(len(problem.trace.x)) or set())
    said = "" if one.words in report.hint else f"says {report.hint}"
    return report.verdict, said + f" names t = {_steps(wrong)}" * bool(wrong)


# --- functions that are calculated badly ---


def _bfloat16(number):
    bits = int(np.float32(number).view(np.uint32))
    return float(np.uint32((bits + 0x8000) & 0xFFFF0000).view(np.float32))


def _squares(A, theta, dtype=np.float64):
    return float(np.mean(np.tanh(A.astype(dtype) @ np.real(theta).astype(dtype)) ** 2, dtype=dtype))


BADLY = {
    "float64": _squares,
    "float32": lambda A, theta: _squares(A, theta, np.float32),
    "float16": lambda A, theta: _squares(A, theta, np.float16),
    "bfloat16": lambda A, theta: _bfloat16(_squares(A, theta)),
    "4 places": lambda A, theta: round(_squares(A, theta), 4),
    "offset in float32": lambda A, theta: float(np.float32(1e4) + np.float32(_squares(A, theta))),
}
ENTRIES = {"right": 1.0, "zeros": 0.0, "10 % too large": 1.1}


class Function:
    """A function of one row with its theta, as the others take a Problem: they call it, and some know its theta."""

    def __init__(self, kind, seed):
        rng = np.random.default_rng(seed)
        self.A, self.theta, self.kind = rng.normal(size=(20, 6)), rng.normal(size=6), kind
        t = np.tanh(self.A @ self.theta)
        self.right = 2 * (t * (1 - t**2)) @ self.A / 20

    def __call__(self, theta):
        """Return f, for one theta or for many in a row."""
        theta = np.asarray(theta)
        if theta.ndim == 1:
            return BADLY[self.kind](self.A, theta)
        return np.array([self(one) for one in theta.reshape(-1, theta.shape[-1])]).reshape(theta.shape[:-1])


# torch and jax want a function of their own
CALLED = ("scipy check_grad", "CS231n relative error", "numdifftools", "scipy.differentiate", "autograd check_grads")


def badly(only=(), seeds=BADLY_SEEDS):
    """Let every checker judge gradients of badly calculated functions, and return a list of Said."""
    found = []
    for kind, seed in ((kind, seed) for kind in BADLY for seed in seeds):
        f = Function(kind, seed)
        for label, factor in ENTRIES.items():
            if not only or "ours" in only:
                found.append(Said("ours", kind, label, bptt.check_gradient(f, f.theta, factor * f.right).verdict))
            for name in set(CALLED) & set(chosen(only)):
                found.append(Said(name, kind, label, "PASS" if accepts(name, f, factor * f.right) else "FAIL"))
        forget()
    return found


# --- the others: each takes a problem and a gradient in one row, and says whether it accepts it ---


def scipy_check_grad(problem, gradient):
    """A forward difference, the norm of all errors below 1e-6."""
    from scipy.optimize import check_grad

    return check_grad(problem, lambda theta: gradient, problem.theta) < 1e-6


def cs231n(problem, gradient):
    """The course's central difference and its relative error: below 1e-7, be happy."""
    theta, numeric = problem.theta.copy(), np.empty_like(gradient)
    h = theta.dtype.type(1e-5)
    for i, value in enumerate(problem.theta):
        theta[i] = value + h
        above = problem(theta)
        theta[i] = value - h
        numeric[i] = (above - problem(theta)) / (2 * h)
        theta[i] = value
    size = np.maximum(np.abs(numeric), np.abs(gradient))
    return bool((np.abs(numeric - gradient) <= 1e-7 * size).all())


@cache
def _numdifftools_gradient(problem):
    from numdifftools import Gradient

    return Gradient(problem)(problem.theta)


def numdifftools(problem, gradient):
    """Extrapolated central differences, NumPy's own tolerance."""
    return np.allclose(_numdifftools_gradient(problem), gradient)


@cache
def _scipy_jacobian(problem):
    from scipy.differentiate import jacobian

    return jacobian(lambda theta: problem(np.moveaxis(theta, 0, -1))[None], problem.theta)


def scipy_differentiate(problem, gradient):
    """Adaptive differences, ten times the error that they estimate."""
    found = _scipy_jacobian(problem)
    return bool((np.abs(found.df[0] - gradient) <= 10 * found.error[0]).all())


def statsmodels_complex_step(problem, gradient):
    """The complex step, relative tolerance 1e-10."""
    from statsmodels.tools.numdiff import approx_fprime_cs

    return np.allclose(approx_fprime_cs(problem.theta, problem), gradient, rtol=1e-10, atol=0)


def torch_gradcheck(problem, gradient, fast=False):
    """torch.autograd.gradcheck as it comes."""
    import torch

    x, y = torch.from_numpy(problem.trace.x), torch.from_numpy(problem.y)
    planted, slope = _torch_function(), torch.from_numpy(gradient)
    theta = torch.from_numpy(problem.theta).requires_grad_()
    return torch.autograd.gradcheck(
        lambda theta: planted.apply(theta, problem, x, y, slope), theta, fast_mode=fast, raise_exception=False
    )


def torch_gradcheck_fast(problem, gradient):
    """The same in its fast mode: one random direction."""
    return torch_gradcheck(problem, gradient, fast=True)


@cache
def _torch_function():
    import torch

    class Planted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, theta, problem, x, y, slope):
            ctx.save_for_backward(slope)
            return total_loss(torch, _torch_outputs(problem, theta, x), y, problem.loss, problem.reduction)

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.saved_tensors[0], None, None, None, None

    torch.set_num_threads(1)
    return Planted


def _torch_outputs(problem, theta, x):
    import torch

    W_hx, W_hh, W_qh, b_h, b_q, h = split(problem, theta)
    if problem.trace.activation == "identity":
        states = []
        for z in torch.addmm(b_h, x, W_hx.T):
            states.append(h := torch.addmv(z, W_hh, h))
        return torch.addmm(b_q, torch.stack(states), W_qh.T)
    run = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[problem.trace.activation]  # what torch.nn.RNN calls
    weights = (W_hx.contiguous(), W_hh.contiguous(), b_h, torch.zeros_like(b_h))
    states, _ = run(x[:, None], h[None, None], weights, True, 1, 0.0, False, False, False)
    return torch.addmm(b_q, states[:, 0], W_qh.T)


def jax_check_grads(problem, gradient):
    """jax.test_util.check_grads, reverse mode, as it comes."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    run, slope = _jax_loss(problem), jax.numpy.asarray(gradient)
    f = jax.custom_vjp(run)
    f.defvjp(lambda theta: (run(theta), None), lambda _, upstream: (upstream * slope,))
    return _raises_nothing(check_grads, f, (jax.numpy.asarray(problem.theta),), order=1, modes=["rev"])


@cache
def _jax_loss(problem):
    import jax

    def run(theta):
        W_hx, W_hh, W_qh, b_h, b_q, h0 = split(problem, theta)

        def step(h, z):
            h = phi(jax.numpy, problem.trace.activation, z + W_hh @ h)
            return h, h

        _, states = jax.lax.scan(step, h0, problem.trace.x @ W_hx.T + b_h)
        return total_loss(jax.numpy, states @ W_qh.T + b_q, problem.y, problem.loss, problem.reduction)

    return jax.jit(run)


def autograd_check_grads(problem, gradient):
    """autograd.test_util.check_grads, reverse mode, as it comes."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    f = primitive(lambda theta: problem(theta))
    defvjp(f, lambda value, theta: lambda upstream: upstream * gradient)
    np.random.seed(0)  # noqa: NPY002  autograd draws its direction from the global state
    return _raises_nothing(check_grads(f, modes=["rev"], order=1), problem.theta)


def _raises_nothing(check, *arguments, **options):
    try:
        check(*arguments, **options)
    except AssertionError:
        return False
    return True


class Peer(NamedTuple):
    """Another checker, and the package that it needs."""

    accepts: Callable
    package: str


PEERS = {
    "scipy check_grad": Peer(scipy_check_grad, "scipy"),
    "CS231n relative error": Peer(cs231n, "numpy"),
    "numdifftools": Peer(numdifftools, "numdifftools"),
    "scipy.differentiate": Peer(scipy_differentiate, "scipy.differentiate"),
    "statsmodels complex step": Peer(statsmodels_complex_step, "statsmodels"),
    "torch gradcheck": Peer(torch_gradcheck, "torch"),
    "torch gradcheck, fast": Peer(torch_gradcheck_fast, "torch"),
    "jax check_grads": Peer(jax_check_grads, "jax"),
    "autograd check_grads": Peer(autograd_check_grads, "autograd"),
}


def installed(package):
    """Whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def chosen(only=()):
    """Return the names of the checkers that are installed; of those in ``only``, which may be parts of names."""
    names = [*OURS, *(name for name, peer in PEERS.items() if installed(peer.package))]
    return [name for name in names if not only or name in only or any(w in name for w in set(only) - {*names})]


def accepts(name, problem, gradient):
    """Ask one of the others; its warnings are not of interest here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return bool(PEERS[name].accepts(problem, gradient))


# --- the run ---


class Outcome(NamedTuple):
    """What one checker said of one gradient.

    ``bug`` is None for the right gradient; ``complaints`` says what ours named wrongly, ``names_steps`` whether it
    named a time step at all, ``clear`` and ``left_out`` how many steps it should have named, and did not.
    """

    checker: str
    dtype: str
    regime: str
    seed: int
    bug: str | None
    effect: float
    counts: bool
    harmless: bool
    verdict: str
    complaints: tuple = ()
    names_steps: bool = False
    clear: int = 0
    left_out: int = 0

    @property
    def case(self):
        """The network, whatever the gradient."""
        return self.checker, self.dtype, self.regime, self.seed


def run(only=(), seeds=SEEDS, dtypes=tuple(COUNTS_ABOVE), regimes=(*REGIMES, *CROSS_ENTROPY), wide=False):
    """Let every checker judge every gradient on every network, and return a list of Outcome.

    ``wide`` gives the others a float32 gradient, but the function in float64.
    """
    names = chosen(only)
    outcomes = []
    for problem in (make_problem(name, seed, dtype) for dtype in dtypes for name in regimes for seed in seeds):
        for bug in (None, *MISTAKES):
            known, gradient = truth(problem, bug), flat(summed(planted(problem, bug)))
            outcomes += [judged(name, problem, bug, gradient, known, wide) for name in names]
        forget()
    return outcomes


def judged(name, problem, bug, gradient, known, wide=False):
    """Return what one checker says of one gradient."""
    about = (name, str(problem.dtype), problem.regime, problem.seed, bug, known.effect, known.counts)
    if name not in OURS:
        asked = (problem.wide, gradient.astype(float)) if wide else (problem, gradient)
        verdict = "PASS" if accepts(name, *asked) else "FAIL"
        return Outcome(*about, not known.summed_parameters, verdict)
    report, sums = OURS[name](problem, bug), name == "ours, sums"
    harmless = not (known.summed_parameters if sums else known.parameters)
    if report.verdict != "FAIL" or harmless:
        return Outcome(*about, harmless, report.verdict)
    left_out = len(known.clearly - set(report.time_steps))
    wrong = complaints(report, known, sums)
    return Outcome(*about, harmless, report.verdict, wrong, bool(report.time_steps), len(known.clearly), left_out)


def forget():
    """Throw away the derivatives that are kept, because they do not depend on the gradient under test."""
    for kept in (_numdifftools_gradient, _scipy_jacobian, _jax_loss):
        kept.cache_clear()


def false_alarms(outcomes):
    """FAIL for a gradient in which nothing is wrong."""
    return [o for o in outcomes if o.harmless and o.verdict == "FAIL"]


def misses(outcomes):
    """PASS for a mistake that counts."""
    return [o for o in outcomes if o.counts and o.verdict == "PASS"]


def wrong_names(outcomes):
    """FAIL, with a right parameter or a right step among what is named, or a wrong step left out."""
    return [o for o in outcomes if o.complaints]


def blind(outcomes):
    """BLIND, for the right gradient or a mistake that counts."""
    return [o for o in outcomes if o.verdict == "BLIND" and (o.counts or o.bug is None)]


def times(only=(), rounds=5, seed=SEEDS[0]):
    """Return the shortest time in seconds of a check of the right gradient: by column, by checker."""
    return {column: _best_times(make_problem(regime, seed), chosen(only), rounds) for column, regime in TIMED.items()}


def _best_times(problem, names, rounds):
    gradient, best = flat(summed(planted(problem, None))), dict.fromkeys(names, np.inf)
    for name in rounds * names:
        arguments = (OURS[name], problem, None) if name in OURS else (accepts, name, problem, gradient)
        _timed(*arguments)  # not counted: each finds its own data and code in the cache, and jax compiles
        best[name] = min(best[name], _timed(*arguments))
    return best


def _timed(check, *arguments):
    _forget_differences()
    start = clock()
    check(*arguments)
    return clock() - start


def _forget_differences():
    _numdifftools_gradient.cache_clear()
    _scipy_jacobian.cache_clear()


# --- the tables ---


def main():
    """Print a table for each dtype, and what ours got wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="some of the checkers: ours, torch ...")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument(
        "--wide", action="store_true", help="the others also with float32 gradients of float64 functions"
    )
    given = parser.parse_args()
    seeds = given.seeds[:1] if given.quick else given.seeds
    if not chosen(given.only):
        parser.error(f"--only is {' '.join(given.only)}, wanted parts of {'; '.join(chosen())}")
    if missing := sorted({peer.package for peer in PEERS.values() if not installed(peer.package)}):
        print(f"Not installed and left out: {', '.join(missing)}.")
    outcomes, seconds = run(given.only, seeds), times(given.only)
    for dtype in COUNTS_ABOVE:
        of_float64 = seconds if dtype == "float64" else {}
        print(table([o for o in outcomes if o.dtype == dtype], of_float64, dtype))
    others = [name for name in chosen(given.only) if name in PEERS]
    if given.wide and others:
        print(table(run(others, seeds, ("float32",), wide=True), {}, "float32 gradients, functions in float64"))
    print_more(given.only)
    print_ours([o for o in outcomes if o.checker in OURS], seconds)


def print_more(only):
    """Print who is wrong about what is done to right gradients, and about badly calculated functions."""
    for title, found in (("What is done to a right gradient", done(only)), ("Functions calculated badly", badly(only))):
        checkers = dict.fromkeys(one.checker for one in found)
        rows = [[name, *_counts([one for one in found if one.checker == name])] for name in checkers]
        head = ["checker", "right: PASS", "false alarms", "BLIND", "wrong: FAIL", "missed", "BLIND", "a wrong reason"]
        print(f"\n## {title}\n\n{_markdown(head, rows)}")
        print(*dict.fromkeys(f"\n- {one.checker}, {one.case}: {one.complaint}" for one in found if one.complaint))


def _counts(said):
    right, wrong = ([one for one in said if (one.gradient == "right") == is_right] for is_right in (True, False))
    counted = [(right, "PASS"), (right, "FAIL"), (right, "BLIND"), (wrong, "FAIL"), (wrong, "PASS"), (wrong, "BLIND")]
    numbers = [f"{sum(one.verdict == verdict for one in part)}/{len(part)}" for part, verdict in counted]
    return [*numbers, sum(bool(one.complaint) for one in said)]


def table(outcomes, seconds, title):
    """Return the table, one row for each checker, and under it the rights accepted in each regime."""
    nine, two = ([o for o in outcomes if o.regime in regimes] for regimes in (REGIMES, CROSS_ENTROPY))
    checkers = dict.fromkeys(o.checker for o in outcomes)
    count = len({(o.regime, o.seed, o.bug) for o in nine if o.counts})
    head = ["checker", "right accepted", "useful", f"effect < {SMALL:g} found", "missed", "BLIND"]
    head += ["cross-entropy: right accepted", "useful", *(f"ms at {column}" for column in seconds)]
    rows = []
    for checker in checkers:
        mine, extra = ([o for o in part if o.checker == checker] for part in (nine, two))
        small = [o for o in mine if o.bug is None or o.effect < SMALL]
        ms = [f"{1e3 * best[checker]:.3g}" for best in seconds.values()]
        said = [_accepted(mine), _percent(mine), _useful(small), len(misses(mine)), len(blind(mine))]
        rows.append([checker, *said, _accepted(extra), _percent(extra), *ms])
    by_regime = [[c, *_by_regime([o for o in outcomes if o.checker == c])] for c in checkers]
    title = f"\n## {title}: {count} mistakes that count in the nine regimes\n\n"
    regimes = dict.fromkeys(o.regime for o in outcomes)
    return title + _markdown(head, rows) + "\n\n" + _markdown(["right accepted; useful", *regimes], by_regime)


def _markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _accepted(outcomes):
    rights = [o for o in outcomes if o.bug is None]
    return f"{sum(o.verdict == 'PASS' for o in rights)}/{len(rights)}"


def useful(outcomes):
    """Return the mistakes that count and were flagged where the right gradient was accepted, and all that count."""
    good = {o.case for o in outcomes if o.bug is None and o.verdict == "PASS"}
    wrong = [o for o in outcomes if o.counts]
    return [o for o in wrong if o.verdict == "FAIL" and o.case in good], wrong


def _percent(outcomes):
    found, wrong = useful(outcomes)
    return f"{100 * len(found) / len(wrong):.3g} %" if wrong else "-"


def _by_regime(outcomes):
    parts = [[o for o in outcomes if o.regime == regime] for regime in dict.fromkeys(o.regime for o in outcomes)]
    return [f"{_accepted(part)}; {_percent(part)}" for part in parts]


def _useful(outcomes):
    found, wrong = useful(outcomes)
    return f"{len(found)}/{len(wrong)}" if wrong else "-"


def print_ours(outcomes, seconds):
    """Print how ours names things, how long it takes, and every case that it got wrong."""
    if not outcomes:
        return
    print("\n## Ours\n")
    for checker, dtype in dict.fromkeys((o.checker, o.dtype) for o in outcomes):
        print(_names([o for o in outcomes if (o.checker, o.dtype) == (checker, dtype)], checker, dtype))
    for column, best in seconds.items():
        if "torch gradcheck" in best:
            print(f"- {column}: {_ratios(best)} of torch gradcheck's time.")
    lists = {
        "False alarms": false_alarms,
        "Misses": misses,
        "Wrong names": wrong_names,
        "BLIND where it must see": _must_see,
        "BLIND elsewhere": _blind_elsewhere,
    }
    for title, pick in lists.items():
        found = pick(outcomes)
        print(f"\n{title}: {len(found)}", *_grouped(found), sep="\n- ")


def _grouped(outcomes):
    """Return a line for each checker, dtype, regime, mistake and complaint: the seeds, and the largest effect."""
    groups = {}
    for o in outcomes:
        groups.setdefault((o.checker, o.dtype, o.regime, o.bug or "right gradient", *o.complaints), []).append(o)
    return [
        f"{'; '.join(key)}: effect up to {max(o.effect for o in group):.1e}, seeds {[o.seed for o in group]}"
        for key, group in groups.items()
    ]


def _names(outcomes, checker, dtype):
    fails = [o for o in outcomes if o.verdict == "FAIL" and o.counts]
    words = [f"{len(fails)} mistakes found", f"{sum(not o.complaints for o in fails)} without a wrong name"]
    clear, left_out = (sum(getattr(o, what) for o in fails if o.counts) for what in ("clear", "left_out"))
    steps = f"; a step is named in {sum(o.names_steps for o in fails)}, and of {clear} wrong steps {clear - left_out}."
    return f"- {checker}, {dtype}: {', '.join(words)}{steps}"


def _ratios(best):
    return ", ".join(f"{name} {best[name] / best['torch gradcheck']:.2g}" for name in OURS if name in best)


def _must_see(outcomes):
    return [o for o in blind(outcomes) if o.regime in NEVER_BLIND]


def _blind_elsewhere(outcomes):
    return [o for o in blind(outcomes) if o.regime not in NEVER_BLIND]


if __name__ == "__main__":
    main()
