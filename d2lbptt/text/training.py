"""Training a character model as the book does, on this package's own gradients.

    x_t is one-hot,  h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h),  o_t = W_qh h_t + b_q,  cross-entropy, mean over T and B
    g <- min(1, theta / |g|) g,    W <- W - eta g          clipping by norm, SGD: the book's section 8.5 (0.x editions)

Where the loop cuts the gradient: with ``cut="sequential"`` the state goes from minibatch to minibatch, and the gradient
ends where the minibatch begins; with ``cut="random"`` the state itself begins anew. Inside a minibatch nothing is cut
unless a scheme of truncation says so. With k1 and k2 there is an update after every k1 steps, for the losses since the
one before it, which go back over at most the last k2 steps of the minibatch.

Shapes: a corpus is (n,), a minibatch (T, B); V tokens, so d = q = V.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .. import _validation
from .._progress import bar
from ..activations import ACTIVATIONS
from ..bptt import loss_and_gradients, row_norms
from ..gates import SCHEMES, scheme_options
from ..rnn import Params, Trace, checked_params, forward, loss
from .corpus import Vocab, _corpus, random_batches, sequential_batches

__all__ = ["Training", "book_params", "perplexity", "predict", "train"]

CUTS = {"sequential": sequential_batches, "random": random_batches}
TAKES = {"window": ("tau",), "chunks": ("tau",), "tbptt": ("k1", "k2"), "randomized": ("pi",)}  # of all SCHEMES
START = 0.01  # standard deviation of the weights at the start, as in the book
SMALLEST = 1e-20  # of a sum of squares in float32 that has all its digits
BLOCK = 1000  # steps of a forward pass that are held at once where no gradient is asked for


class Training(NamedTuple):
    """What a training run leaves.

    Attributes
    ----------
    params : Params
        After the last update. There is one for each minibatch; with k1, one after every k1 steps of it.
    perplexity : array, shape (epochs,)
        exp of the mean loss over all steps of each whole epoch, each before its own update.
    norm : array, shape (epochs,)
        The mean over the updates of |g|, before clipping.
    clipped : array, shape (epochs,)
        The share of updates in which clipping shortened the gradient.
    seconds : array, shape (epochs,)
    stopped : str
        Why it ended before its last epoch; "" if it did not.
    """

    params: Params
    perplexity: np.ndarray
    norm: np.ndarray
    clipped: np.ndarray
    seconds: np.ndarray
    stopped: str


def train(
    corpus: ArrayLike,
    num_tokens: int,
    *,
    epochs: int = 500,
    num_hiddens: int = 512,
    num_steps: int = 35,
    batch_size: int = 32,
    lr: float = 1.0,
    clip: float | None = 1.0,
    cut: str = "sequential",
    scheme: str = "full",
    tau: int | None = None,
    pi: ArrayLike | None = None,
    k1: int | None = None,
    k2: int | None = None,
    activation: str = "tanh",
    params: Params | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    progress: bool | None = None,
) -> Training:
    """Train a character model; the defaults are the settings of the book's 0.x editions.

    Parameters
    ----------
    corpus : array of int, shape (n,)
        As ``vocab[characters]`` gives it.
    num_tokens : int
        V, ``len(vocab)``.
    epochs : int
    num_hiddens : int
        h, where ``params`` are not given.
    num_steps, batch_size : int
        T and B of a minibatch.
    lr : float
        The learning rate eta.
    clip : float or None
        The largest norm theta of the gradient of all parameters together; None does not clip.
    cut : {"sequential", "random"}
        How the corpus is cut: the state carried over and detached, or begun anew with zeros.
    scheme, tau, pi, k1, k2
        How the gradient is truncated inside a minibatch, as for ``gates.scheme_options``; None what the scheme
        does not take. With "tbptt" there is an update after every k1 steps of a minibatch, and at its end, for the mean
        loss of the steps since the one before it. It goes back over at most the last k2 steps, k1 <= k2 <= num_steps,
        and never beyond the start of the minibatch.
    activation : str
        A name in ``ACTIVATIONS``.
    params : Params, optional
        Where to begin, of real numbers, which become ``dtype`` if that has more digits; by default weights from
        N(0, 0.01^2) and biases of zero, as in the book.
    seed : int
        Draws the weights, the offsets and order of the minibatches, and the gates of randomized truncation.
    dtype : numpy.float32 or float
    progress : bool or callable, optional
        True shows a progress bar with the perplexity; a callable is wrapped round the epochs in its place.

    Returns
    -------
    Training
        A run that the reader interrupts, or whose numbers overflow, ends with what it has reached; ``stopped`` says so.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, the corpus is too short for one minibatch, or the one-hot tokens
        or the parameters do not fit in memory.

    Notes
    -----
    Pascanu, Mikolov, Bengio 2013, algorithm 1, for clipping by norm. Williams and Peng 1990, Neural Computation 2,
    490-501, for k1 and k2: an update goes back along the states as they were stored. Those of older steps belong to
    older parameters, so that it is not quite the gradient of a loss. It comes near it where the learning rate is small.
    """
    epochs = _at_most_in_memory("epochs", _validation.whole_number("epochs", epochs, 1), 4, float)
    V, dtype = _validation.whole_number("num_tokens", num_tokens, 1), _validation.float_dtype("dtype", dtype)
    one_hot = _one_hot("num_tokens", V, dtype)
    cutter = CUTS[_validation.one_of("cut", cut, CUTS)]
    corpus = _numbered(corpus, V)
    cutter(corpus, batch_size, num_steps, np.random.default_rng(0))  # complains now, not in the first epoch
    updates, options = _truncation(scheme, num_steps, tau, pi, k1, k2)
    num_hiddens = _validation.whole_number("num_hiddens", num_hiddens, 1)
    rng = np.random.default_rng((_validation.seed("seed", seed), 2))
    params = book_params(V, num_hiddens, seed, dtype) if params is None else _given(params, dtype, V)
    lr = _validation.real_number("lr", lr, low=0)
    clip = np.inf if clip is None else _validation.real_number("clip", clip, above=0)
    activation = _validation.one_of("activation", activation, ACTIVATIONS)
    loop = _Loop(params, lr, clip, activation, cut == "sequential", updates, lambda: options(rng))
    stopped = loop.run(_bar(progress, epochs), lambda: cutter(corpus, batch_size, num_steps, rng), one_hot)
    losses, norms, clipped, seconds = np.reshape(loop.rows, (-1, 4)).T
    with np.errstate(over="ignore"):
        return Training(loop.params, np.exp(losses), norms, clipped, seconds, stopped)


class _Loop:
    """The training loop: what it does with each minibatch, and what it has reached."""

    def __init__(self, params, lr, clip, activation, carries, updates, options):
        self.params, self.lr, self.clip, self.activation = params, lr, clip, activation
        self.carries, self.options = carries, options  # whether the state goes on; draws how backward truncates
        self.k1, self.k2 = updates
        self.rows = []  # of each whole epoch: loss, |g|, share that was clipped, seconds

    def run(self, epochs, batches, one_hot):
        """Train; return why it ended too early, or ""."""
        try:
            for _ in epochs:
                self.rows.append(self.epoch(batches(), one_hot))
                if hasattr(epochs, "set_postfix"):
                    epochs.set_postfix(perplexity=f"{np.exp(self.rows[-1][0]):.2f}")
        except KeyboardInterrupt:
            return "interrupted"
        except FloatingPointError as error:
            return str(error)
        return ""

    def epoch(self, batches, one_hot):
        start, found, h0 = time.perf_counter(), [], None
        for x, y in batches:
            trace = None
            for t in range(0, len(x), self.k1):
                new = forward(self.params, one_hot[x[t : t + self.k1]], h0=h0, activation=self.activation)
                trace, h0 = _last_steps(trace, new, self.k2), new.h[-1]
                found.append(self.update(trace, y[: t + self.k1][-len(trace.x) :], len(new.x)))
            h0 = h0 if self.carries else None  # the state as a number, without its past
        losses, sizes, clipped, steps = np.transpose(found)
        return np.average(losses, weights=steps), sizes.mean(), clipped.mean(), time.perf_counter() - start

    def update(self, trace, y, steps):
        """Learn from the last steps; return their mean loss, |g|, whether it was clipped, and how many they are."""
        weights = None if steps == len(y) else (np.arange(len(y)) >= len(y) - steps) * 1.0
        value, gradients = loss_and_gradients(trace, y, loss="cross_entropy", weights=weights, **self.options())
        size = _norm(gradients)
        self.params = _sgd_step(self.params, gradients, self.lr * min(1, self.clip / size) if size else self.lr)
        return value, size, size > self.clip, steps


def _last_steps(old, new, count):
    """Return the last steps of two traces, one behind the other, with the parameters of the new one."""
    if old is None:
        return new
    x, h, o = (np.concatenate(rows) for rows in ((old.x, new.x), (old.h, new.h[1:]), (old.o, new.o)))
    return Trace(new.params, x[-count:], h[-count - 1 :], o[-count:], new.activation)


def book_params(num_tokens: int, num_hiddens: int, seed: int = 0, dtype: DTypeLike = np.float32) -> Params:
    """Return the book's start: weights from N(0, 0.01^2), biases of zero.

    Parameters
    ----------
    num_tokens, num_hiddens : int
        V and h.
    seed : int
    dtype : numpy.float32 or float

    Returns
    -------
    Params
        Of V inputs, h units and V outputs.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the parameters do not fit in memory.

    Notes
    -----
    In the book, section 8.5 of the 0.x editions.
    """
    V = _validation.whole_number("num_tokens", num_tokens, 1)
    h = _validation.whole_number("num_hiddens", num_hiddens, 1)
    rng, dtype = np.random.default_rng(_validation.seed("seed", seed)), _validation.float_dtype("dtype", dtype)
    _at_most_in_memory("num_hiddens", h, h, float)
    _at_most_in_memory("num_tokens", V, 2 * h, float)
    W_hx, W_hh, W_qh = (rng.normal(0, START, shape).astype(dtype) for shape in ((h, V), (h, h), (V, h)))
    return Params(W_hx, W_hh, W_qh, np.zeros(h, dtype), np.zeros(V, dtype))


def _norm(gradients):
    """Return |g|, the Euclidean norm of the gradient of all parameters together; h_0 is none of them."""
    each = [g for name, g in gradients._asdict().items() if name in Params._fields and g is not None]
    with np.errstate(over="ignore"):
        squares = sum(float(np.vdot(g, g)) for g in each)
    if SMALLEST < squares < np.inf:
        return float(np.sqrt(squares))
    sizes = np.array([[row_norms(g[None])[0] for g in each]], float)
    return float(row_norms(sizes)[0])  # no square overflows


def _sgd_step(params, gradients, step):
    """Return the parameters after one step of gradient descent, W - step g; FloatingPointError if one overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = {
            name: None if W is None else W - W.dtype.type(step) * getattr(gradients, name)
            for name, W in params._asdict().items()
        }
    for name, W in moved.items():
        if W is not None and not _validation.is_finite(W):
            raise FloatingPointError(f"{name} overflows {W.dtype}")
    return Params(**moved)


def perplexity(params: Params, corpus: ArrayLike, *, num_steps: int | None = None, activation: str = "tanh") -> float:
    """Return the perplexity of a model on a text, which it may never have seen.

    Parameters
    ----------
    params : Params
        Of as many outputs as inputs, V.
    corpus : array of int, shape (n,)
        Two tokens or more; each but the first is foretold from those before it.
    num_steps : int, optional
        After so many steps the state begins anew with zeros; without it, the state is carried through the whole text.
    activation : str
        A name in ``ACTIVATIONS``.

    Returns
    -------
    float
        exp of the mean cross-entropy of the n - 1 tokens; inf where that is beyond float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the network overflows.

    Notes
    -----
    ``Training.perplexity`` is another number: of the text that is learned, by parameters that change on the way.
    """
    params = _given(params, np.float32)
    V = len(params.W_qh)
    corpus, one_hot = _numbered(corpus, V), _one_hot("params", V, params.W_hx.dtype)
    if len(corpus) < 2:
        raise ValueError(f"corpus has shape {corpus.shape}, wanted two tokens or more")
    x, y = corpus[:-1], corpus[1:]
    length = len(y) if num_steps is None else _validation.whole_number("num_steps", num_steps, 1)
    pieces = (slice(start, start + length) for start in range(0, len(y), length))
    total = sum(_summed_loss(params, one_hot, x[piece], y[piece], activation) for piece in pieces)
    with np.errstate(over="ignore"):
        return float(np.exp(total / len(y)))


def _summed_loss(params, one_hot, x, y, activation):
    total, h = 0.0, None
    for start in range(0, len(y), BLOCK):
        block = slice(start, start + BLOCK)
        trace = forward(params, one_hot[x[block]], h0=h, activation=activation)
        total, h = total + loss(trace, y[block], loss="cross_entropy", reduction="sum"), trace.h[-1]
    return total


def predict(prefix: str, num_preds: int, params: Params, vocab: Vocab, *, activation: str = "tanh") -> str:
    """Return the prefix and how the model goes on: the most probable character, again and again.

    Parameters
    ----------
    prefix : str
        Not empty.
    num_preds : int
        How many characters are added.
    params : Params
    vocab : Vocab
    activation : str
        A name in ``ACTIVATIONS``.

    Returns
    -------
    str
    """
    if not isinstance(prefix, str) or not prefix:
        raise ValueError(f"prefix is {_validation.shown(prefix)}, wanted a text of one character or more")
    num_preds = _at_most_in_memory("num_preds", _validation.whole_number("num_preds", num_preds, 0), 8, float)
    V = len(_validation.instance("vocab", vocab, Vocab))
    params = _given(params, np.float32, V)
    one_hot = _one_hot("vocab", V, params.W_hx.dtype)
    trace, found = forward(params, one_hot[vocab[list(prefix)]], activation=activation), []
    for _ in range(num_preds):
        found.append(int(trace.o[-1].argmax()))
        trace = forward(params, one_hot[found[-1:]], h0=trace.h[-1], activation=activation)
    return prefix + "".join(vocab.to_tokens(found))


def _bar(progress, epochs):
    if progress is None or isinstance(progress, (bool, np.bool_)):
        return bar(range(epochs), desc="epochs", leave=False) if progress else range(epochs)
    if not callable(progress):
        raise TypeError(f"progress is {_validation.shown(progress)}, wanted True, False or a callable")
    found = progress(range(epochs))
    if not hasattr(found, "__iter__"):
        raise TypeError(f"progress returned a {type(found).__name__}, wanted the epochs, one by one")
    return found


def _at_most_in_memory(symbol, number, times, dtype):
    _validation.fits_in_memory(symbol, number * times, dtype, f"{symbol} = {_validation.shown(number)}")
    return number


def _one_hot(symbol, V, dtype):
    _at_most_in_memory(symbol, V, V, dtype)
    return np.eye(V, dtype=dtype)


def _truncation(scheme, num_steps, tau, pi, k1, k2):
    """Return k1 and k2, and a function of a generator that draws the options of ``backward``, if they are possible."""
    scheme = _validation.one_of("scheme", scheme, SCHEMES)
    given = {"tau": tau, "pi": pi, "k1": k1, "k2": k2}
    for symbol, value in given.items():
        wanted = "a number" if symbol in TAKES.get(scheme, ()) else "None"
        if (value is None) != (wanted == "None"):
            raise ValueError(f"{symbol} is {_validation.shown(value)}, wanted {wanted} where the scheme is {scheme}")

    def options(rng):
        return scheme_options(scheme, num_steps, **given, rng=rng)

    options(np.random.default_rng(0))
    return ((k1, k2), lambda rng: {}) if scheme == "tbptt" else ((num_steps, num_steps), options)


def _given(params, dtype, num_tokens=None):
    """Return the parameters as real numbers of at least this dtype, if they are those of so many tokens."""
    params = checked_params(params)
    tokens = params.W_hx.shape[1], len(params.W_qh)
    if tokens != (num_tokens or tokens[0],) * 2:
        wanted = f"V = {num_tokens}" if num_tokens else "as many"
        raise ValueError(f"params has W_hx and W_qh for {tokens[0]} and {tokens[1]} tokens, wanted {wanted}")
    dtype = np.result_type(_validation.real("params", params.W_hx), dtype)
    return Params(*(None if W is None else W.astype(dtype) for W in params))


def _numbered(corpus, num_tokens) -> np.ndarray:
    corpus = _corpus(corpus)
    if corpus.size and not 0 <= corpus.min() <= corpus.max() < num_tokens:
        wrong = corpus.min() if corpus.min() < 0 else corpus.max()
        raise ValueError(f"corpus has the token {wrong}, wanted 0 to V - 1 = {num_tokens - 1}")
    return corpus
