"""Train the book's character model three times side by side: here, by the book's loop in torch, and by torch.nn.RNN.

The settings are those of the book's 0.x editions: 10,000 characters of *The Time Machine*, minibatches of 32 x 35
characters, one-hot, 512 units, learning rate 1, clipping at 1, float32. All three begin with the same weights and see
the same minibatches, and take turns epoch by epoch, on one thread, because the machine has other things to do. Only
the ratios of the times mean anything: `python benchmarks/training.py --text timemachine.txt`.
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # read when NumPy and torch are loaded

from timeit import default_timer as clock  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from d2lbptt.text.corpus import Vocab, load_text, sequential_batches  # noqa: E402
from d2lbptt.text.training import book_params, predict, train  # noqa: E402

T, B, UNITS, CHARACTERS = 35, 32, 512, 10_000
LR = CLIP = 1.0


class Ours:
    """The package's ``train``, one epoch at a time."""

    def __init__(self, corpus, V, start):
        self.corpus, self.V, self.params = corpus, V, start

    def epoch(self, seed):
        run = train(self.corpus, self.V, epochs=1, lr=LR, clip=CLIP, params=self.params, seed=seed)
        assert not run.stopped, run.stopped
        self.params = run.params
        return run.perplexity.item()


class Torch:
    """The same epoch with autograd; what the outputs and the new state are, the subclasses say."""

    def __init__(self, corpus, V, start):
        self.corpus, self.V = corpus, V
        self.weights = self.make([torch.tensor(W) for W in start])

    def epoch(self, seed):
        losses, h = [], torch.zeros(B, UNITS)
        for x, y in sequential_batches(self.corpus, B, T, np.random.default_rng((seed, 2))):
            x, y = (torch.tensor(np.ascontiguousarray(rows)) for rows in (x, y))
            o, h = self.outputs(F.one_hot(x, self.V).float(), h.detach())
            value = F.cross_entropy(o.reshape(-1, self.V), y.reshape(-1))
            value.backward()
            with torch.no_grad():
                size = torch.sqrt(sum((w.grad**2).sum() for w in self.weights))
                for w in self.weights:
                    w -= LR * min(1.0, CLIP / size.item()) * w.grad
                    w.grad = None
            losses.append(value.item())
        return float(np.exp(np.mean(losses)))


class BookLoop(Torch):
    """A matrix product for each term of each step, as in the book's own RNN from scratch."""

    def make(self, start):
        return [w.requires_grad_() for w in start]

    def outputs(self, x, h):
        W_hx, W_hh, W_qh, b_h, b_q = self.weights
        found = []
        for row in x:
            h = torch.tanh(torch.mm(row, W_hx.T) + torch.mm(h, W_hh.T) + b_h)
            found.append(torch.mm(h, W_qh.T) + b_q)
        return torch.stack(found), h


class Concise(Torch):
    """torch.nn.RNN and torch.nn.Linear."""

    def make(self, start):
        W_hx, W_hh, W_qh, b_h, b_q = start
        self.rnn, self.out = torch.nn.RNN(self.V, UNITS), torch.nn.Linear(UNITS, self.V)
        self.rnn.bias_hh_l0.requires_grad_(False).zero_()  # one bias, as in the book's equations
        with torch.no_grad():
            for own, value in zip(
                (self.rnn.weight_ih_l0, self.rnn.weight_hh_l0, self.out.weight, self.rnn.bias_ih_l0, self.out.bias),
                (W_hx, W_hh, W_qh, b_h, b_q),
                strict=True,
            ):
                own.copy_(value)
        return [w for w in (*self.rnn.parameters(), *self.out.parameters()) if w.requires_grad]

    def outputs(self, x, h):
        states, last = self.rnn(x, h[None])
        return self.out(states), last[0]


def main(text, epochs, every, seed):
    torch.set_num_threads(1)
    found = load_text(text, edition="v0.17")
    vocab = Vocab(found.characters)
    corpus = vocab[found.characters][:CHARACTERS]
    start = book_params(len(vocab), UNITS, seed)
    runs = {"ours": Ours, "book's loop": BookLoop, "torch.nn.RNN": Concise}
    runs = {name: make(corpus, len(vocab), start) for name, make in runs.items()}
    seconds, perplexity = {name: [] for name in runs}, {name: [] for name in runs}
    print(f"{found.source}; {len(corpus)} characters, {len(vocab)} tokens\nperplexity by epoch:", flush=True)
    for epoch in range(epochs):
        for name, run in runs.items():
            begin = clock()
            perplexity[name].append(run.epoch(1000 * seed + epoch))
            seconds[name].append(clock() - begin)
        if epoch < 3 or (epoch + 1) % every == 0:
            words = "  ".join(f"{name} {values[-1]:.4f}" for name, values in perplexity.items())
            print(f"{epoch + 1:4d}  {words}", flush=True)
    for name, values in seconds.items():
        ratio = np.median(np.divide(values, seconds["ours"]))
        print(f"{name:>13}: {np.median(values):.3f} s an epoch, {ratio:.2f} of ours")
    print(predict("time traveller ", 50, runs["ours"].params, vocab))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--text", help="timemachine.txt; downloaded if not given")
    options.add_argument("--epochs", type=int, default=500)
    options.add_argument("--every", type=int, default=25, help="epochs between two lines")
    options.add_argument("--seed", type=int, default=0)
    settings = options.parse_args()
    main(settings.text, settings.epochs, settings.every, settings.seed)
