"""One problem, and who computes its loss and gradients: the package, a textbook loop, torch, JAX; and two floors.

The problem: tanh, softmax cross-entropy, mean over steps and batch, biases. Each candidate is a function of (params, x,
y) that prepares what need not be timed and returns a function without arguments. What that returns is the loss and the
gradients of W_hx, W_hh, W_qh, b_h and b_q, as something that NumPy reads; the floors, which compute less, return None.
"""

import sys
from functools import cache
from importlib.util import find_spec
from itertools import repeat

import numpy as np

import d2lbptt as bptt

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}  # of the largest entry of a gradient


def problem(T, h, d, q, B, dtype="float64", seed=0):
    """Parameters, inputs and labels; with B = 1, one sequence without a batch axis."""
    rng = np.random.default_rng(seed)
    shape = (T,) if B == 1 else (T, B)
    params = bptt.init_params(d, h, q, bias=True, seed=seed, dtype=np.dtype(dtype))
    return params, rng.normal(size=(*shape, d)).astype(dtype), rng.integers(0, q, shape)


# --- ours and its peers ---


def ours(params, x, y):
    """The package, by its public functions."""

    def run():
        trace = bptt.forward(params, x, activation="tanh")
        value, gradients = bptt.loss_and_gradients(trace, y, loss="cross_entropy")
        return value, gradients[:5]

    return run


def textbook(params, x, y):
    """A loop over time in NumPy that follows the equations one by one."""
    W_hx, W_hh, W_qh, b_h, b_q = params
    x, y = (x[:, None], y[:, None]) if x.ndim == 2 else (x, y)
    T, B = y.shape
    batch = np.arange(B)

    def run():
        h, value, slopes = [np.zeros((B, len(W_hh)), x.dtype)], 0.0, []
        for t in range(T):
            h.append(np.tanh(x[t] @ W_hx.T + h[t] @ W_hh.T + b_h))
            e = np.exp(h[-1] @ W_qh.T + b_q)
            p = e / e.sum(1, keepdims=True)
            value -= np.log(p[batch, y[t]]).mean() / T
            p[batch, y[t]] -= 1
            slopes.append(p / (T * B))
        dW_hx, dW_hh, dW_qh, db_h, db_q = (np.zeros_like(a) for a in params)
        dh = np.zeros_like(h[0])
        for t in reversed(range(T)):
            dh = dh + slopes[t] @ W_qh
            dz = (1 - h[t + 1] ** 2) * dh
            dW_qh += slopes[t].T @ h[t + 1]
            dW_hx += dz.T @ x[t]
            dW_hh += dz.T @ h[t]
            db_h += dz.sum(0)
            db_q += slopes[t].sum(0)
            dh = dz @ W_hh
        return value, (dW_hx, dW_hh, dW_qh, db_h, db_q)

    return run


def torch_rnn(params, x, y):
    """torch.nn.RNN, torch.nn.Linear and autograd."""
    import torch

    torch.set_num_threads(1)
    q, h, d = len(params.W_qh), len(params.W_hh), params.W_hx.shape[1]
    kind = getattr(torch, str(x.dtype))
    rnn, head = torch.nn.RNN(d, h, dtype=kind), torch.nn.Linear(h, q, dtype=kind)
    weights = (rnn.weight_ih_l0, rnn.weight_hh_l0, head.weight, rnn.bias_ih_l0, head.bias)
    with torch.no_grad():
        rnn.bias_hh_l0.zero_()  # torch has two biases where one would do
        for weight, W in zip(weights, params, strict=True):
            weight.copy_(torch.from_numpy(W))
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y).reshape(-1)

    def run():
        rnn.zero_grad()
        head.zero_grad()
        loss = torch.nn.functional.cross_entropy(head(rnn(inputs)[0]).reshape(-1, q), labels)
        loss.backward()
        return loss.item(), [weight.grad for weight in weights]

    return run


def jax_scan(params, x, y):
    """A scan in JAX, compiled; for each new T it compiles anew. Inputs and outputs are outside of the scan."""
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = _compiled()
    given = jax.block_until_ready(jax.device_put((tuple(params), x, y)))
    return lambda: jax.block_until_ready(compiled(*given))


@cache
def _compiled():
    import jax
    from jax import numpy as jnp

    def loss(params, x, y):
        W_hx, W_hh, W_qh, b_h, b_q = params

        def step(h, z):
            h = jnp.tanh(z + h @ W_hh.T)
            return h, h

        z = x @ W_hx.T + b_h
        _, h = jax.lax.scan(step, jnp.zeros_like(z[0]), z)
        return -jnp.take_along_axis(jax.nn.log_softmax(h @ W_qh.T + b_q), y[..., None], -1).mean()

    return jax.jit(jax.value_and_grad(loss))


# --- the floors ---


def products(params, x, y):
    """The matrix products that nobody can do without, into memory that is there; what they multiply stands still."""
    W_hx, W_hh, W_qh, *_ = params
    states = np.tanh(np.random.default_rng(0).normal(size=(*x.shape[:-1], len(W_hh)))).astype(x.dtype)
    flat_x, flat_h = (rows.reshape(-1, rows.shape[-1]) for rows in (x, states))
    z, o, dh, row = np.empty_like(flat_h), flat_h @ W_qh.T, np.empty_like(flat_h), np.empty_like(states[0])
    sums = [np.empty_like(W) for W in (W_hx, W_hh, W_qh)]

    def one_sequence():
        for times_W in (W_hh.dot, W_hh.T.dot):
            for state in states:
                times_W(state, row)

    turned = np.ascontiguousarray(W_hh.T)

    def batch():
        for W in (turned, W_hh):
            for state in states:
                state.dot(W, row)

    recursions = one_sequence if x.ndim == 2 else batch

    def run():
        np.dot(flat_x, W_hx.T, z)
        recursions()
        np.dot(flat_h, W_qh.T, o)
        np.dot(o, W_qh, dh)
        for left, right, out in zip((dh, dh, o), (flat_x, flat_h, flat_h), sums, strict=True):
            np.dot(left.T, right, out)

    return run


def calls(params, x, y):
    """Two calls a step on arrays of two numbers, forth and back: what Python takes by itself for one sequence."""
    T, dtype = len(x), x.dtype
    W, v, out = np.zeros((2, 2), dtype), np.zeros(2, dtype), np.zeros(2, dtype)
    times_W, tanh, multiply = W.dot, np.tanh, np.multiply

    def run():
        for _ in repeat(None, T):
            times_W(v, out)
            tanh(out, out)
        for _ in repeat(None, T):
            multiply(v, out, v)
            times_W(v, out)

    return run


PEERS = {"textbook": textbook, "torch.nn.RNN": torch_rnn, "JAX": jax_scan}
FLOORS = {"products alone": products, "calls alone": calls}
NEEDS = {"torch.nn.RNN": "torch", "JAX": "jax"}


def peers():
    """Return the peers that can be had, and the names of those that cannot."""
    missing = [name for name, module in NEEDS.items() if find_spec(module) is None]
    return {name: make for name, make in PEERS.items() if name not in missing}, missing


# --- are they right? ---


def compare(name, found, reference, dtype):
    """Stop with one sentence where the loss or a gradient is not ours, but for rounding."""
    (value, gradients), (our_value, our_gradients) = found, reference
    pairs = {"L": (value, our_value)}
    symbols = [f"dL/d{symbol}" for symbol in bptt.Params._fields]
    pairs |= dict(zip(symbols, zip(gradients, our_gradients, strict=True), strict=True))
    for symbol, (theirs, own) in pairs.items():
        theirs, own = np.asarray(theirs), np.asarray(own)
        apart = np.abs(theirs - own).max() / np.abs(own).max() if theirs.shape == own.shape else np.inf
        if not apart <= TOLERANCE[dtype]:
            sys.exit(
                f"{symbol} of {name} differs from ours by {apart:.1e} of its largest entry in {dtype}, "
                f"wanted at most {TOLERANCE[dtype]:.0e}: nothing was timed"
            )
