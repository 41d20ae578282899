"""The gradient against PyTorch: 240 random networks in float64.

Oracle: autograd, on ``torch.nn.RNN`` for tanh and relu and on a loop of one time step after the other for the rest. It
is told the forward pass alone. Truncated gradients are made as a user of torch makes them, with ``detach``; weights of
the losses are its own ``ignore_index``, its weights of classes, and a mask for the lengths of padded sequences.

How near must they be? Where rounding does no harm (T <= 50, g <= 1, no unit on the kink of relu) 1e-12 of the norm.
Where it may grow, up to chaos, all stored numbers are shaken by one unit in the last place (tests/oracles.py), and the
two may differ by what such a shake does.
"""

import numpy as np
import oracles
import pytest
from loops import for_each
from oracles import random_problem, shaken_gradients, trace_of

from d2lbptt import backward, chunks, loss
from d2lbptt.gates import tbptt

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the gradients are not compared with autograd")

PHI = {"identity": lambda z: z, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}


# --- autograd ---


def leaves(problem):
    """Every parameter and h_0 as a tensor that collects a gradient."""
    return {name: torch.tensor(problem.value(name), requires_grad=True) for name in problem.names}


def each_loss(problem, o):
    """l_t for every t, and for every sequence of a batch."""
    y = torch.tensor(problem.y)
    if problem.loss == "squared_error":
        return ((o - y) ** 2).sum(-1) / 2
    return torch.nn.functional.cross_entropy(o.flatten(0, -2), y.flatten(), reduction="none").reshape(y.shape)


def losses_per_step(problem, o):
    """l_t for every t, a batch averaged."""
    l = each_loss(problem, o)
    return l if l.ndim == 1 else l.mean(1)


def reduced(problem, l):
    return {"mean": l.mean(), "sum": l.sum(), "last": l[-1]}[problem.reduction]


def step(p, activation, x_t, h):
    z = x_t @ p["W_hx"].T + h @ p["W_hh"].T
    return PHI[activation](z + p["b_h"] if "b_h" in p else z)


def states_of_a_loop(problem, p, cut=()):
    """h_1 .. h_T, detached on the arrow from step t back to step t - 1 for every t in ``cut``."""
    h, rows = p["h0"], []
    for t, x_t in enumerate(torch.tensor(problem.x), 1):
        h = step(p, problem.activation, x_t, h.detach() if t in cut else h)
        rows.append(h)
    return torch.stack(rows)


def states_of_torch(problem, p):
    """h_1 .. h_T by ``torch.nn.RNN``, whose second bias stays 0."""
    h, d = problem.params.W_hx.shape
    rnn = torch.nn.RNN(d, h, nonlinearity=problem.activation, bias="b_h" in p, dtype=torch.float64)
    given = {"weight_ih_l0": p["W_hx"], "weight_hh_l0": p["W_hh"]}
    if "b_h" in p:
        given |= {"bias_ih_l0": p["b_h"], "bias_hh_l0": torch.zeros(h, dtype=torch.float64)}
    return torch.func.functional_call(rnn, given, (torch.tensor(problem.x), p["h0"][None]))[0]


def outputs(p, h):
    o = h @ p["W_qh"].T
    return o + p["b_q"] if "b_q" in p else o


def collected(p, L):
    L.backward()
    return {name: np.zeros(tuple(a.shape)) if a.grad is None else a.grad.numpy() for name, a in p.items()}


def autograd(problem):
    p = leaves(problem)
    states = states_of_torch if problem.activation in ("tanh", "relu") else states_of_a_loop
    return collected(p, reduced(problem, losses_per_step(problem, outputs(p, states(problem, p)))))


# --- 240 networks ---


def configuration(i, *, calm):
    """The i-th network: the names take turns, all else is random."""
    rng = np.random.default_rng([i, calm])
    names = {
        "activation": oracles.ACTIVATIONS[i % 4],
        "loss": oracles.LOSSES[i // 4 % 2],
        "reduction": oracles.REDUCTIONS[i // 8 % 3],
        "bias": bool(i // 24 % 2),
        "with_h0": bool(rng.integers(2)),
    }
    B = rng.integers(1, 5) if i % 5 < 2 else None
    T, g = (rng.integers(1, 51), rng.uniform(0.1, 1)) if calm else (rng.integers(50, 201), rng.uniform(1, 3))
    d, h, q = rng.integers(1, 7), rng.integers(1, 21 if calm else 65), rng.integers(1, 6)
    drive = 1 if calm else rng.choice([0.01, 1])  # a weak input leaves the chaos of the recurrence alone
    while True:
        problem = random_problem(rng, T, B, d, h, q, g=g, **names)
        problem = problem._replace(x=drive * problem.x)
        if names["activation"] != "relu" or oracles.distance_from_kink(problem) > 1e-9:
            return problem


CALM = [configuration(i, calm=True) for i in range(144)]
WILD = [configuration(i, calm=False) for i in range(96)]


def test_there_are_more_than_two_hundred_and_every_combination_of_names():
    assert len(CALM) + len(WILD) == 240
    for problems in (CALM, WILD):
        names = {(p.activation, p.loss, p.reduction, p.params.b_h is None) for p in problems}
        assert len(names) == 4 * 2 * 3 * 2
        assert {p.x.ndim for p in problems} == {2, 3} and {p.h0 is None for p in problems} == {True, False}
    assert max(len(p.x) for p in CALM) == 50
    assert max(len(p.x) for p in WILD) > 190


@for_each("problem", CALM)
def test_calm_networks(problem):
    trace, want = trace_of(problem), autograd(problem)
    got = backward(trace, problem.y, **problem.options)
    for name in problem.names:
        difference = np.linalg.norm(getattr(got, name) - want[name])
        assert difference <= 1e-12 * np.linalg.norm(want[name]), name  # and zero where torch is


# The largest of 16 shakes is a measure, not a bound. A shake moves each stored number by at most one unit in the last
# place; a number that is summed from n products is rounded n times, and both sides do that. Over these networks and
# three sets of draws the two differ by 0.2 of it in the median and by 4.2 of it at most, in a sum over 628 terms.
SHAKES = 10


def spread(problem):
    """How far the gradient moves, at most in 16 shakes, and by how much its own last place is worth."""
    unshaken = {name: g[0] for name, g in shaken_gradients(problem, None, draws=1).items()}
    draws = shaken_gradients(problem, np.random.default_rng(0), draws=16)
    norm, eps = np.linalg.norm, np.finfo(float).eps
    return {n: max(norm(g - unshaken[n]) for g in draws[n]) + eps * norm(unshaken[n]) for n in problem.names}


@pytest.mark.slow
@for_each("problem", WILD)
def test_wild_networks(problem):
    want, allowed = autograd(problem), spread(problem)
    got = backward(trace_of(problem), problem.y, **problem.options)
    for name in problem.names:
        difference = np.linalg.norm(getattr(got, name) - want[name])
        assert difference <= SHAKES * allowed[name], (name, difference / allowed[name])


@pytest.mark.slow
def test_the_wild_networks_reach_from_tame_to_chaotic():
    """Were all of them chaotic, nothing would have been compared."""
    size = [np.linalg.norm(shaken_gradients(p, None, draws=1)["W_hh"]) for p in WILD]
    relative = np.array([spread(p)["W_hh"] / s for p, s in zip(WILD, size, strict=True) if s])
    assert np.mean(relative < 1e-11) > 0.7
    assert np.sum(relative > 1e-6) >= 3


# --- the loss, and every row ---


@for_each("problem", CALM[:48])
def test_the_loss_and_the_rows_of_the_gradient(problem):
    p = leaves(problem)
    o = outputs(p, states_of_a_loop(problem, p))
    o.retain_grad()
    L = reduced(problem, losses_per_step(problem, o))
    L.backward()
    assert loss(trace_of(problem), problem.y, **problem.options) == pytest.approx(L.item(), rel=1e-12)
    got = backward(trace_of(problem), problem.y, **problem.options).o
    assert np.linalg.norm(got - o.grad.numpy()) <= 1e-12 * np.linalg.norm(o.grad.numpy())


def test_dL_dh_is_the_gradient_of_the_state():
    problem = CALM[9]
    p, h, rows = leaves(problem), None, []
    for x_t in torch.tensor(problem.x):
        h = step(p, problem.activation, x_t, p["h0"] if h is None else h)
        h.retain_grad()
        rows.append(h)
    reduced(problem, losses_per_step(problem, outputs(p, torch.stack(rows)))).backward()
    want = np.array([row.grad.numpy() for row in rows])
    got = backward(trace_of(problem), problem.y, **problem.options).h
    assert np.linalg.norm(got - want) <= 1e-12 * np.linalg.norm(want)


# --- weights ---


def assert_same_as_torch(problem, p, L, y=None, **options):
    """The loss and every gradient, to 1e-12 of their size."""
    trace, y = trace_of(problem), problem.y if y is None else y
    assert loss(trace, y, loss=problem.loss, **options) == pytest.approx(L.item(), rel=1e-12)
    want, got = collected(p, L), backward(trace, y, loss=problem.loss, **options)
    for name in problem.names:
        assert np.linalg.norm(getattr(got, name) - want[name]) <= 1e-12 * np.linalg.norm(want[name]), name


def run(problem):
    """The leaves, and the outputs (T, ..., q) that come from them."""
    p = leaves(problem)
    return p, outputs(p, states_of_a_loop(problem, p))


CLASSES = [problem for problem in CALM if problem.loss == "cross_entropy" and len(problem.x) > 1]


def ignored(problem):
    """The labels, about a third of them -100; those of the first and the last step are left as they are."""
    y = problem.y.copy()
    y[np.random.default_rng(len(y)).random(y.shape) < 0.3] = -100
    y[0], y[-1] = problem.y[0], problem.y[-1]
    return y


@for_each("problem", CLASSES)
def test_weights_of_0_are_ignore_index(problem):
    """y is given to us as it is to torch, with -100."""
    y, F = ignored(problem), torch.nn.functional
    B = 1 if y.ndim == 1 else y.shape[1]
    for reduction, divided in (("mean", 1), ("sum", B)):
        p, o = run(problem)
        L = F.cross_entropy(o.flatten(0, -2), torch.tensor(y).flatten(), ignore_index=-100, reduction=reduction)
        assert_same_as_torch(problem, p, L / divided, y, reduction=reduction, weights=(y != -100).astype(float))


@for_each("problem", CLASSES[::3])
def test_weights_of_the_last_step_are_ignore_index_there(problem):
    y, F = problem.y.copy(), torch.nn.functional
    if y.ndim == 2:
        y[-1, 1:] = -100
    p, o = run(problem)
    L = F.cross_entropy(o[-1].reshape(-1, o.shape[-1]), torch.tensor(y[-1]).reshape(-1), ignore_index=-100)
    assert_same_as_torch(problem, p, L, y, reduction="last", weights=(y != -100).astype(float))


@for_each("problem", CLASSES)
def test_weights_of_the_classes_are_those_of_each_label(problem):
    """Torch divides by the sum of w[y] over the labels that it does not ignore."""
    y, q = ignored(problem), len(problem.params.W_qh)
    of_class = np.random.default_rng(q).uniform(0.1, 3, q)
    weights = np.where(y == -100, 0, of_class[y * (y != -100)])
    p, o = run(problem)
    L = torch.nn.functional.cross_entropy(o.flatten(0, -2), torch.tensor(y).flatten(), weight=torch.tensor(of_class))
    assert_same_as_torch(problem, p, L, y, reduction="mean", weights=weights)


BATCHES = [
    problem for problem in CALM if problem.x.ndim == 3 and problem.loss == "squared_error" and len(problem.x) > 1
]


@for_each("problem", BATCHES)
def test_padded_sequences_of_several_lengths(problem):
    """A mask of the lengths, as it is written by hand; behind the end of a sequence y is nan."""
    T, B = problem.x.shape[:2]
    lengths = np.random.default_rng(T).integers(1, T + 1, B)
    inside = np.arange(T)[:, None] < lengths
    p, o = run(problem)
    l = each_loss(problem, o)[torch.tensor(inside)]
    y = np.where(inside[..., None], problem.y, np.nan)
    assert_same_as_torch(problem, p, l.mean(), y, reduction="mean", weights=inside.astype(float))
    p, o = run(problem)
    weights = np.random.default_rng(B).exponential(size=T)
    l = each_loss(problem, o) * torch.tensor(weights)[:, None]
    assert_same_as_torch(problem, p, l.sum() / (B * weights.sum()), reduction="mean", weights=weights)


# --- truncation by detaching ---


def windowed_autograd(problem, tau):
    """For the loss of step t the last tau steps are run again, from h_{t-tau} detached, or from h_0 if t <= tau."""
    p, x = leaves(problem), torch.tensor(problem.x)
    states, o = [p["h0"], *states_of_a_loop(problem, p).detach()], []
    for t in range(1, len(x) + 1):
        h = states[max(t - tau, 0)]
        for x_k in x[max(t - tau, 0) : t]:
            h = step(p, problem.activation, x_k, h)
        o.append(outputs(p, h))
    return collected(p, reduced(problem, losses_per_step(problem, torch.stack(o))))


def chunked_autograd(problem, tau):
    p = leaves(problem)
    h = states_of_a_loop(problem, p, cut=range(tau + 1, len(problem.x) + 1, tau))
    return collected(p, reduced(problem, losses_per_step(problem, outputs(p, h))))


TRUNCATED = [problem for problem in CALM if len(problem.x) >= 8][::3]


@pytest.mark.slow
@for_each("problem", TRUNCATED)
@for_each("scheme", ["window", "chunks"])
def test_truncated_gradients_are_those_of_detached_states(problem, scheme):
    T = len(problem.x)
    for tau in {1, 2, T // 3, T - 1, T}:
        how = {"window": tau} if scheme == "window" else {"gates": chunks(T, tau)}
        got = backward(trace_of(problem), problem.y, **problem.options, **how)
        want = (windowed_autograd if scheme == "window" else chunked_autograd)(problem, tau)
        for name in problem.names:
            difference = np.linalg.norm(getattr(got, name) - want[name])
            assert difference <= 1e-12 * np.linalg.norm(want[name]), (name, tau)


def updates_by_autograd(problem, k1, k2):
    """Every k1 steps a backward pass, from the losses since the one before it, through k2 steps that are run again.

    They begin with the state before them, detached, or with h_0; the gradients of all passes are added up in .grad.
    """
    p, x, T = leaves(problem), torch.tensor(problem.x), len(problem.x)
    states = [p["h0"], *states_of_a_loop(problem, p).detach()]
    for begin in range(0, T, k1):
        end = min(begin + k1, T)
        start = max(end - k2, 0)
        h, rows = states[start], []
        for x_t in x[start:end]:
            h = step(p, problem.activation, x_t, h)
            rows.append(h)
        part = problem._replace(y=problem.y[begin:end])
        l = losses_per_step(part, outputs(p, torch.stack(rows[begin - start :])))
        w = np.array(oracles.step_weights(problem))[begin:end]
        (l * torch.tensor(w)).sum().backward()
    return {name: np.zeros(a.shape) if a.grad is None else a.grad.numpy() for name, a in p.items()}


K1_K2 = [
    *((1, 1, 1), (2, 1, 2), (3, 2, 2), (5, 1, 1), (5, 2, 3), (7, 3, 3), (7, 2, 7), (8, 4, 4), (8, 4, 6), (9, 4, 4)),
    *((10, 1, 5), (10, 3, 8), (12, 5, 5), (12, 5, 7), (20, 1, 20), (20, 7, 13), (20, 20, 20), (35, 5, 10)),
    *((35, 10, 20), (50, 7, 35)),
]


@for_each(("T", "k1", "k2"), K1_K2)
def test_k1_and_k2_are_a_loop_that_detaches_at_the_same_places(T, k1, k2):
    assert len(K1_K2) == 20
    for i, (name, reduction) in enumerate([(n, r) for n in oracles.LOSSES for r in oracles.REDUCTIONS]):
        rng, B = np.random.default_rng([T, k1, k2, i]), (None, 3)[i % 2]
        problem = random_problem(rng, T, B, 3, 6, 4, activation="tanh", loss=name, reduction=reduction, g=0.9)
        got = backward(trace_of(problem), problem.y, **problem.options, first=tbptt(T, k1, k2))
        want = updates_by_autograd(problem, k1, k2)
        for parameter in problem.names:
            difference = np.linalg.norm(getattr(got, parameter) - want[parameter])
            assert difference <= 1e-12 * np.linalg.norm(want[parameter]), parameter
