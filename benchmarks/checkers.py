"""Measure gradient checkers on planted mistakes: ours and every other one that is installed.

Each checker is given a recurrent network and a gradient: the right one, or one with a mistake of `d2lbptt.mistakes`.
To accept a wrong one is a miss, not to accept the right one a false alarm. The networks come from nine regimes, and
two more with cross-entropy; the seeds are this file's own, no test has them. Everything is done in float64 and in
float32, where parameters, forward pass and gradient are all float32.

The others are used at their usual tolerances. They get the function theta -> L in the dtype at hand, theta being all
the parameters and h_0: in NumPy, or in their own arithmetic for torch. The gradient under test is planted as
the function's own derivative where a checker would otherwise differentiate by itself. Found means: the mistake is
flagged and, on the same network, the right gradient accepted, so that crying wolf earns nothing.

Two more families: what is done to a right gradient (``DONE``: clipped, decayed, transposed, another h_0, a factor
beside a mistake, stored once), on seeds of its own; and functions that are calculated badly (``BADLY``: low precision,
stairs, an offset), which each checker gets as theta -> number. There only the right gradient, zeros and one with every
entry 10 % too large are tried.

A mistake counts where it changes the gradient by more than 1e-12 (float32: 1e-5) of its largest entry. Which
parameters and time steps are wrong is known from the contributions of each step, flawed and right, in float64 along
the same states.

    python benchmarks/checkers.py [--only ours torch ...] [--seeds 901 902 903]
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when NumPy and torch are loaded

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import cache, cached_property, partial  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from typing import NamedTuple  # noqa: E402

import numpy as np  # noqa: E402

import d2lbptt as bptt  # noqa: E402
from d2lbptt.checking.mistakes import MISTAKES, flawed  # noqa: E402

SEEDS = (901, 902, 903)
COUNTS_ABOVE = {"float64": 1e-12, "float32": 1e-5}
DONE_SEEDS, BADLY_SEEDS = (921, 922, 923), tuple(range(941, 951))
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
PHI = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "identity": np.positive}
NEVER_BLIND = ("short", "vanishing", "vanishing, last loss", "critical", *CROSS_ENTROPY)


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
    def theta(self):
        """All parameters and h_0 in one row."""
        return np.concatenate([a.ravel() for a in (*self.trace.params, self.trace.h[0])])

    def __call__(self, theta):
        """Return L in the dtype of the problem; theta may have more axes in front."""
        W_hx, W_hh, W_qh, b_h, b_q, h = split(self, np.asarray(theta).astype(self.dtype))
        states = []
        for z in np.moveaxis(self.trace.x @ np.swapaxes(W_hx, -1, -2) + b_h[..., None, :], -2, 0):
            h = PHI[self.trace.activation](z + (W_hh @ h[..., None])[..., 0])
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


def total_loss(xp, o, y, loss, reduction):
    """Return L of the outputs in NumPy's or torch's arithmetic."""
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


def planted(problem, bug, trace=None, y=None):
    """Return what each step contributes to the gradient, with the mistake; None for the right gradient."""
    with np.errstate(all="ignore"):
        return flawed(bug, trace or problem.trace, problem.y if y is None else y, **problem.options)


def summed(contributions):
    """Return the gradient by parameter name."""
    with np.errstate(all="ignore"):
        return {name: rows.sum(0) for name, rows in contributions.items()}


def flat(gradient):
    """Return the gradient in one row, as theta."""
    return np.concatenate([gradient[name].ravel() for name in NAMES])


class Truth(NamedTuple):
    """What a mistake changes: how much of the largest entry, which parameters (by step; in the sum), which steps.

    ``most`` holds the steps that change the most, measured by the step's own largest entry: they must be among the
    named. Another step that is left out is no wrong name: in float32 a change of 1e-5 may be less than rounding.
    """

    effect: float
    counts: bool
    parameters: set
    summed_parameters: set
    steps: set
    most: set


def truth(problem, bug):
    """Compare flawed and right contributions in float64 along the stored states."""
    limit, trace = COUNTS_ABOVE[str(problem.dtype)], in_float64(problem.trace)
    right, wrong = planted(problem, None, trace), planted(problem, bug, trace)
    sums, wrong_sums = summed(right), summed(wrong)
    effect = float(np.abs(flat(wrong_sums) - flat(sums)).max() / np.abs(flat(sums)).max())
    change = {name: _by_step(wrong[name] - right[name]) for name in NAMES}
    share = np.max([_divided(change[name], _by_step(right[name])) for name in NAMES], axis=0)
    return Truth(
        effect,
        effect > limit,
        {name for name in NAMES if change[name].any()},
        {name for name in NAMES if (wrong_sums[name] != sums[name]).any()},
        _numbers(np.any(list(change.values()), axis=0)),
        _numbers(share == share.max()),
    )


def _divided(change, size):
    """Return change / size, also where nothing is contributed and should not be."""
    return np.divide(change, size, out=np.where(change > 0, np.inf, 0), where=size > 0)


def _by_step(rows):
    return np.abs(rows).reshape(len(rows), -1).max(1)


def _numbers(mask):
    return {int(t) + 1 for t in np.flatnonzero(mask)}


# --- ours ---


def by_step(problem, bug):
    """Return our report on what each step contributes."""
    return _ours(problem, contributions=lambda trace, y: planted(problem, bug, trace, y))


def by_sum(problem, bug):
    """Return our report on the sums alone."""
    return _ours(problem, gradient=lambda trace, y: summed(planted(problem, bug, trace, y)))


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


def _clipped(problem, trace):
    return {name: g.clip(-0.02, 0.02) for name, g in _sums(problem, trace).items()}


def _norm_one_half(problem, trace):
    right = _sums(problem, trace)
    norm = np.sqrt(sum((right[name] ** 2).sum() for name in NAMES[:5]))
    return right | {name: right[name] * (0.5 / (norm + 1e-6)) for name in NAMES[:5]}


def _decayed(problem, trace):
    return {name: g + 0.01 * getattr(trace.params, name, 0) for name, g in _sums(problem, trace).items()}


def _in_float32(problem, trace):
    return {name: g.astype(np.float32).astype(g.dtype) for name, g in _sums(problem, trace).items()}


def _transposed(problem, trace):
    right = _sums(problem, trace)
    return right | {"W_hh": right["W_hh"].T}


def _sums(problem, trace, bug=None, factor=1):
    return {name: factor * g for name, g in summed(planted(problem, bug, trace)).items()}


def _truncated(problem, trace, **how):
    found = bptt.backward(trace, problem.y, **problem.options, **how)._asdict()
    return {name: found[name] for name in NAMES}


def _window(problem, trace):
    return _truncated(problem, trace, window=min(3, len(trace.x)))


def _chunks(problem, trace):
    return _truncated(problem, trace, gates=bptt.chunks(len(trace.x), min(4, len(trace.x))))


def _updates(problem, trace):
    T = len(trace.x)
    return _truncated(problem, trace, first=bptt.tbptt(T, min(2, T), min(3, T)))


def _detached(problem, trace):
    return _truncated(problem, trace, window=1)


class Done(NamedTuple):
    """What is done to the gradient, what must be said of it, and how many steps at the beginning are wrong by it."""

    change: Callable
    words: str
    wrong: Callable = lambda T: T


DONE = {
    "h_T for h_0": Done(partial(_other_start, which="h_T"), "Only step 1 is wrong", lambda T: 1),
    "h_1 for h_0": Done(partial(_other_start, which="h_1"), "Only step 1 is wrong", lambda T: 1),
    "ones for h_0": Done(partial(_other_start, which="ones"), "Only step 1 is wrong", lambda T: 1),
    "clipped by value": Done(_clipped, "clipped by value, at 0.02", lambda T: 0),
    "clipped by norm": Done(_norm_one_half, "clipping by norm"),
    "weight decay": Done(_decayed, "lambda W with lambda = 0.01", lambda T: 0),
    "in float32": Done(_in_float32, "those of float32", lambda T: 0),
    "T times, W_hh untransposed": Done(
        lambda problem, trace: _sums(problem, trace, "W_hh untransposed", len(trace.x)),
        "transpose belongs, and every entry is T = ",
    ),
    "T/(T - 1), no slope": Done(
        lambda problem, trace: _sums(problem, trace, "no slope", len(trace.x) / (len(trace.x) - 1)),
        "and every entry is T/(T - 1) = ",
    ),
    "transposed": Done(_transposed, "W_hh is transposed"),
    "window of 3": Done(_window, "window of tau = 3", lambda T: T - 3),
    "detached in every step": Done(_detached, "tau = 1", lambda T: T - 1),
    "k1 = 2, k2 = 3": Done(_updates, "k1 = 2 steps there is an update, and its losses flow back", lambda T: T - 3),
    "chunks of 4": Done(_chunks, "chunk of tau = 4", lambda T: 4 * ((T - 1) // 4)),
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
        _scipy_jacobian.cache_clear()
    return found


def _ours_done(problem, one, stored, style):
    def gradient(trace, y):
        if style == "stored":
            return stored
        return one.change(problem, trace) if one else _sums(problem, trace)

    report = _ours(problem, gradient=gradient)
    if one is None or report.verdict != "FAIL":
        return report.verdict, ""
    right = {t for t in report.time_steps if t > one.wrong(len(problem.trace.x))}
    said = "" if one.words in report.hint else f"says {report.hint}"
    return report.verdict, said + f" names t = {_steps(right)}" * bool(right)


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


CALLED = ("scipy check_grad", "CS231n relative error", "scipy.differentiate")  # torch wants one of its own


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
        _scipy_jacobian.cache_clear()
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
def _scipy_jacobian(problem):
    from scipy.differentiate import jacobian

    return jacobian(lambda theta: problem(np.moveaxis(theta, 0, -1))[None], problem.theta)


def scipy_differentiate(problem, gradient):
    """Adaptive differences, ten times the error that they estimate."""
    found = _scipy_jacobian(problem)
    return bool((np.abs(found.df[0] - gradient) <= 10 * found.error[0]).all())


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


PEERS = {  # a checker, and the package that it needs
    "scipy check_grad": (scipy_check_grad, "scipy"),
    "CS231n relative error": (cs231n, "numpy"),
    "scipy.differentiate": (scipy_differentiate, "scipy.differentiate"),
    "torch gradcheck": (torch_gradcheck, "torch"),
    "torch gradcheck, fast": (torch_gradcheck_fast, "torch"),
}


def chosen(only=()):
    """Return the names of the checkers that are installed; of those in ``only``, which may be parts of names."""
    names = [*OURS, *(name for name, (_, package) in PEERS.items() if find_spec(package))]
    return [name for name in names if not only or name in only or any(w in name for w in set(only) - {*names})]


def accepts(name, problem, gradient):
    """Ask one of the others; its warnings are not of interest here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return bool(PEERS[name][0](problem, gradient))


# --- the run ---


class Outcome(NamedTuple):
    """What one checker said of one gradient.

    ``bug`` is None for the right gradient; ``complaints`` says what ours named wrongly.
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

    @property
    def case(self):
        """The network, whatever the gradient."""
        return self.checker, self.dtype, self.regime, self.seed


def run(only=(), seeds=SEEDS, dtypes=tuple(COUNTS_ABOVE), regimes=(*REGIMES, *CROSS_ENTROPY)):
    """Let every checker judge every gradient on every network, and return a list of Outcome."""
    names = chosen(only)
    outcomes = []
    for problem in (make_problem(name, seed, dtype) for dtype in dtypes for name in regimes for seed in seeds):
        for bug in (None, *MISTAKES):
            known, gradient = truth(problem, bug), flat(summed(planted(problem, bug)))
            outcomes += [judged(name, problem, bug, gradient, known) for name in names]
        _scipy_jacobian.cache_clear()
    return outcomes


def judged(name, problem, bug, gradient, known):
    """Return what one checker says of one gradient."""
    report = OURS[name](problem, bug) if name in OURS else None
    verdict = report.verdict if report is not None else "PASS" if accepts(name, problem, gradient) else "FAIL"
    by_step = name == "ours, by step"
    harmless = not (known.parameters if by_step else known.summed_parameters)
    about = (name, str(problem.dtype), problem.regime, problem.seed, bug, known.effect, known.counts)
    named = report is not None and verdict == "FAIL" and not harmless
    return Outcome(*about, harmless, verdict, complaints(report, known, not by_step) if named else ())


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


# --- the tables ---


def main():
    """Print a table for each dtype, and what ours got wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="some of the checkers: ours, torch ...")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    given = parser.parse_args()
    if not chosen(given.only):
        parser.error(f"--only is {' '.join(given.only)}, wanted parts of {'; '.join(chosen())}")
    if missing := sorted({package for _, package in PEERS.values() if not find_spec(package)}):
        print(f"Not installed and left out: {', '.join(missing)}.")
    outcomes = run(given.only, given.seeds)
    for dtype in COUNTS_ABOVE:
        print(table([o for o in outcomes if o.dtype == dtype], dtype))
    print_said("What is done to a right gradient", done(given.only))
    print_said("Functions calculated badly", badly(given.only))
    print_ours([o for o in outcomes if o.checker in OURS])


def table(outcomes, title):
    """Return a row for each checker: of how many right gradients accepted, and mistakes found, in all and by regime."""
    regimes = dict.fromkeys(o.regime for o in outcomes)
    count = len({(o.regime, o.seed, o.bug) for o in outcomes if o.counts})
    rows = []
    for checker in dict.fromkeys(o.checker for o in outcomes):
        mine = [o for o in outcomes if o.checker == checker]
        by_regime = [[o for o in mine if o.regime == regime] for regime in regimes]
        rows.append([checker, len(misses(mine)), len(blind(mine)), *map(_score, [mine, *by_regime])])
    head = ["right accepted; useful", "missed", "BLIND", "all", *regimes]
    return f"\n## {title}: {count} mistakes that count\n\n{_markdown(head, rows)}"


def _markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _score(outcomes):
    """Write how many right gradients were accepted, and how many mistakes flagged where the right one was."""
    right, wrong = [o for o in outcomes if o.bug is None], [o for o in outcomes if o.counts]
    good = {o.case for o in right if o.verdict == "PASS"}
    found = [o for o in wrong if o.verdict == "FAIL" and o.case in good]
    return f"{len(good)}/{len(right)}; {len(found)}/{len(wrong)}"


def print_said(title, found):
    """Print what each checker said of right and of wrong gradients, and where ours gave a wrong reason."""
    rows = []
    for checker in dict.fromkeys(one.checker for one in found):
        mine = [one for one in found if one.checker == checker]
        right, wrong = ([one for one in mine if (one.gradient == "right") == is_right] for is_right in (True, False))
        counted = [(part, verdict) for part in (right, wrong) for verdict in ("PASS", "FAIL", "BLIND")]
        rows.append([checker, *(f"{sum(one.verdict == v for one in part)}/{len(part)}" for part, v in counted)])
    head = [f"{gradient}: {verdict}" for gradient in ("right", "wrong") for verdict in ("PASS", "FAIL", "BLIND")]
    print(f"\n## {title}\n\n{_markdown(['checker', *head], rows)}")
    print(*dict.fromkeys(f"\n- {one.checker}, {one.case}: {one.complaint}" for one in found if one.complaint))


def print_ours(outcomes):
    """Print how many mistakes ours finds and names, and every case that it got wrong."""
    print("\n## Ours" * bool(outcomes))
    for about in dict.fromkeys((o.checker, o.dtype) for o in outcomes):
        found = [o for o in outcomes if (o.checker, o.dtype) == about and o.verdict == "FAIL" and o.counts]
        print(f"- {', '.join(about)}: {len(found)} found, {sum(not o.complaints for o in found)} without a wrong name")
    cannot_see = [o for o in blind(outcomes) if o.regime not in NEVER_BLIND]
    for title, wrong in {
        "False alarms": false_alarms(outcomes),
        "Misses": misses(outcomes),
        "Wrong names": wrong_names(outcomes),
        "BLIND where it must see": [o for o in blind(outcomes) if o not in cannot_see],
        "BLIND elsewhere": cannot_see,
    }.items():
        cases = [", ".join([o.checker, o.dtype, o.regime, o.bug or "right gradient", *o.complaints]) for o in wrong]
        print(
            f"\n{title}: {len(wrong)}",
            *(f"{case} ({cases.count(case)} times)" for case in sorted({*cases})),
            sep="\n- ",
        )


if __name__ == "__main__":
    main()
