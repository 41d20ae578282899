"""Time one forward and backward pass against a textbook loop and torch.nn.RNN: `make bench`.

What is timed is the loss and the gradients of all parameters: tanh, softmax cross-entropy, mean over the steps, biases
(torch.nn.RNN has them by default), float64, one thread. The candidates take turns, and the best of many rounds counts,
because the machine has other things to do. Only the ratios mean anything. Before a candidate is timed, its gradients
are compared with the package's.
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when NumPy and torch are loaded

from timeit import default_timer as clock  # noqa: E402

import numpy as np  # noqa: E402

import d2lbptt as bptt  # noqa: E402

SIZES = {  # T, h, d, q, B
    "short": (64, 32, 28, 28, 1),
    "long": (1000, 32, 28, 28, 1),
    "wide": (35, 512, 28, 28, 32),
}
NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q")


def problem(T, h, d, q, B, seed=0):
    """Parameters, inputs and labels; with B = 1, one sequence without a batch axis."""
    rng = np.random.default_rng(seed)
    shape = (T,) if B == 1 else (T, B)
    return bptt.init_params(d, h, q, bias=True, seed=seed), rng.normal(size=(*shape, d)), rng.integers(0, q, shape)


def ours(params, x, y):
    """Return a function that computes the loss and the gradients with the package."""

    def run():
        trace = bptt.forward(params, x, activation="tanh")
        value = bptt.loss(trace, y, loss="cross_entropy")
        gradient = bptt.backward(trace, y, loss="cross_entropy")
        return value, [getattr(gradient, name) for name in NAMES]

    return run


def textbook(params, x, y):
    """Return the same as a loop over time that follows the equations one by one."""
    W_hx, W_hh, W_qh, b_h, b_q = params
    x, y = (x[:, None], y[:, None]) if x.ndim == 2 else (x, y)
    T, B = y.shape
    batch = np.arange(B)

    def run():
        h, value, slopes = [np.zeros((B, len(W_hh)))], 0.0, []
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
        return value, [dW_hx, dW_hh, dW_qh, db_h, db_q]

    return run


def torch_rnn(params, x, y):
    """Return the same with torch.nn.RNN and autograd, or None where torch is missing."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    q, h, d = len(params.W_qh), len(params.W_hh), params.W_hx.shape[1]
    rnn = torch.nn.RNN(d, h, dtype=torch.float64)
    head = torch.nn.Linear(h, q, dtype=torch.float64)
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
        return loss.item(), [weight.grad.numpy() for weight in weights]

    return run


def best_times(candidates, seconds):
    """Return the shortest time of each candidate; they take turns for so many seconds."""
    best, end = dict.fromkeys(candidates, np.inf), clock() + seconds
    while clock() < end:
        for name, run in candidates.items():
            run()  # untimed: each finds its own data and code in the cache, not its neighbour's
            start = clock()
            run()
            best[name] = min(best[name], clock() - start)
    return best


def main():
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8, help="how long to measure each size")
    seconds = parser.parse_args().seconds
    print(f"{'T, h, d, q, B':26}{'ours':>10}{'textbook':>12}{'torch.nn.RNN':>15}")
    for size in SIZES.values():
        made = {f.__name__: f(*problem(*size)) for f in (ours, textbook, torch_rnn)}
        candidates = {name: run for name, run in made.items() if run is not None}
        reference = ours(*problem(*size))()
        for run in candidates.values():
            value, gradients = run()
            np.testing.assert_allclose(value, reference[0], rtol=1e-10)
            for gradient, W in zip(gradients, reference[1], strict=True):
                np.testing.assert_allclose(gradient, W, rtol=1e-9, atol=1e-12)
        best = best_times(candidates, seconds)
        ratios = [f"x {best[name] / best['ours']:.2f}" if name in best else "-" for name in ("textbook", "torch_rnn")]
        print(f"{', '.join(map(str, size)):26}{1e3 * best['ours']:>7.2f} ms{ratios[0]:>12}{ratios[1]:>15}")
    if "torch_rnn" not in candidates:
        print("torch is not installed here, so there is no column for it: pip install torch")


if __name__ == "__main__":
    main()
