"""LSTM and GRU against PyTorch, 100 random configurations of each in float64.

Oracle: autograd, on ``torch.nn.LSTM`` and ``torch.nn.GRU``, and for the book's GRU on a loop of one time step after the
other, for torch has no such cell. It is told the forward pass alone.
"""

import numpy as np
import pytest
from loops import for_each

from d2lbptt.cells import gru, lstm

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the cells are not compared with autograd")
TWO = ("h0", "c0")


def leaf(array):
    return torch.tensor(array, requires_grad=True)


class Drawn:
    """A configuration: sizes, whether there is a batch, whether initial states are given, weights, data and dh."""

    def __init__(self, seed):
        rng = np.random.default_rng((7, seed))
        self.T, self.d, self.h = (int(rng.integers(1, high)) for high in (31, 6, 9))
        batch = (int(rng.integers(1, 5)),) if seed % 2 else ()
        self.x, self.dh = rng.normal(size=(self.T, *batch, self.d)), rng.normal(size=(self.T, *batch, self.h))
        self.given = bool(seed // 2 % 2)
        size = rng.uniform(0.2, 1.5)
        self.starts = {name: rng.normal(size=(*batch, self.h)) if self.given else None for name in TWO}
        self.weights = lambda blocks: [
            size * rng.normal(size=shape) / np.sqrt(shape[-1])
            for shape in ((blocks * self.h, self.d), (blocks * self.h, self.h), (blocks * self.h,), (blocks * self.h,))
        ]


def of_torch(kind, drawn, weights):
    """The outputs of a torch module with these weights, and the gradients of all of them and of the initial states."""
    module = kind(drawn.d, drawn.h).double()
    with torch.no_grad():
        for parameter, weight in zip(module.parameters(), weights, strict=True):
            parameter.copy_(torch.tensor(weight))
    states = (
        [leaf(drawn.starts[name][None]) for name in TWO[: 2 if kind is torch.nn.LSTM else 1]] if drawn.given else []
    )
    start = (tuple(states) if kind is torch.nn.LSTM else states[0]) if drawn.given else None
    out, _ = module(torch.tensor(drawn.x), start)
    (out * torch.tensor(drawn.dh)).sum().backward()
    grads = [p.grad.numpy() for p in module.parameters()] + [state.grad.numpy()[0] for state in states]
    return out.detach().numpy(), grads


def of_the_books_loop(drawn, weights):
    """The same for the GRU with the reset gate before the product."""
    x, h, start = torch.tensor(drawn.x), drawn.h, drawn.starts["h0"] if drawn.given else np.zeros(drawn.dh.shape[1:])
    W_x, W_h, b_x, b_h, state = leaves = [leaf(a) for a in (*weights, start)]
    rows = []
    for x_t in x:
        into = x_t @ W_x.T + b_x + b_h
        R, Z = (torch.sigmoid(into[..., k * h : (k + 1) * h] + state @ W_h[k * h : (k + 1) * h].T) for k in (0, 1))
        candidate = torch.tanh(into[..., 2 * h :] + (R * state) @ W_h[2 * h :].T)
        state = Z * state + (1 - Z) * candidate
        rows.append(state)
    out = torch.stack(rows)
    (out * torch.tensor(drawn.dh)).sum().backward()
    return out.detach().numpy(), [a.grad.numpy() for a in leaves[: 5 if drawn.given else 4]]


def agree(found, wanted):
    """Equal to 1e-12 of the largest entry, or of 1 where all are smaller."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-12 * max(1, np.abs(wanted).max())


@for_each("seed", range(100))
def test_the_lstm_is_that_of_torch(seed):
    drawn = Drawn(seed)
    weights = drawn.weights(4)
    out, (dW_x, dW_h, db_ih, db_hh, *dstarts) = of_torch(torch.nn.LSTM, drawn, weights)
    params = lstm.LSTMParams(*weights[:2], weights[2] + weights[3])
    trace = lstm.forward(params, drawn.x, **drawn.starts)
    found = lstm.backward(trace, drawn.dh)
    agree(trace.h[1:], out)
    for one, other in zip(found.params, (dW_x, dW_h, db_ih), strict=True):
        agree(one, other)
    agree(found.params.b, db_hh)
    for one, other in zip((found.h0, found.c0), dstarts, strict=False):
        agree(one, other)


@for_each("reset", gru.RESETS)
@for_each("seed", range(100))
def test_the_gru_is_that_of_torch_and_that_of_the_book(seed, reset):
    drawn = Drawn(seed)
    weights = drawn.weights(3)
    out, grads = of_the_books_loop(drawn, weights) if reset == "before" else of_torch(torch.nn.GRU, drawn, weights)
    trace = gru.forward(gru.GRUParams(*weights), drawn.x, drawn.starts["h0"], reset=reset)
    found = gru.backward(trace, drawn.dh)
    agree(trace.h[1:], out)
    for one, other in zip([*found.params, found.h0], grads, strict=drawn.given):
        agree(one, other)
