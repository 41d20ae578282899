"""Training a character model as the book does, on this package's own gradients.

    x_t is one-hot,  h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h),  o_t = W_qh h_t + b_q,  cross-entropy, mean over T and B
    g <- min(1, theta / |g|) g,    W <- W - eta g          clipping by norm, SGD: the book's section 8.5 (0.x editions)

Where the loop cuts the gradient: with ``cut="sequential"`` the state goes from minibatch to minibatch, and the gradient
ends where the minibatch begins; with ``cut="random"`` the state itself begins anew. Inside a minibatch nothing is cut
unless a scheme of ``truncation`` says so.

Shapes: a corpus is (n,), a minibatch (T, B); V tokens, so d = q = V.
"""

import time
from typing import NamedTuple

import numpy as np

from . import _validation
from .bptt import backward, row_norms
from .rnn import Params, forward, loss
from .text import Vocab, random_batches, sequential_batches
from .truncation import scheme_options

CUTS = {"sequential": sequential_batches, "random": random_batches}
START = 0.01  # standard deviation of the weights at the start, as in the book


class Training(NamedTuple):
    """What a training run leaves.

    Attributes
    ----------
    params : Params
        After the last minibatch that was worked through.
    perplexity : array, shape (epochs,)
        exp of the mean loss of each whole epoch, of each minibatch before it changed the parameters.
    norm : array, shape (epochs,)
        The mean over the minibatches of |g|, before clipping.
    clipped : array, shape (epochs,)
        The share of minibatches in which clipping shortened the gradient.
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
    corpus,
    num_tokens,
    *,
    epochs=500,
    num_hiddens=512,
    num_steps=35,
    batch_size=32,
    lr=1.0,
    clip=1.0,
    cut="sequential",
    scheme="full",
    tau=None,
    pi=None,
    activation="tanh",
    params=None,
    seed=0,
    dtype=np.float32,
    progress=None,
):
    """Train a character model; the defaults are the settings of the book's 0.x editions.

    Parameters
    ----------
    corpus : array of int, shape (n,)
        As ``vocab[characters]`` gives it.
    num_tokens : int
        V, ``len(vocab)``.
    epochs : int
    num_hiddens : int
        h.
    num_steps, batch_size : int
        T and B of a minibatch.
    lr : float
        The learning rate eta.
    clip : float or None
        The largest norm theta of the gradient of all parameters together; None does not clip.
    cut : {"sequential", "random"}
        How the corpus is cut: the state carried over and detached, or begun anew with zeros.
    scheme, tau, pi
        How the gradient is truncated inside a minibatch, as for ``truncation.scheme_options``.
    activation : {"tanh", "identity", "sigmoid", "relu"}
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
        If an argument is not what is described above, or the corpus is too short for one minibatch.

    Notes
    -----
    Pascanu, Mikolov, Bengio 2013, algorithm 1, for clipping by norm.
    """
    epochs, num_tokens = (
        _validation.whole_number("epochs", epochs, 1),
        _validation.whole_number("num_tokens", num_tokens, 1),
    )
    lr, clip = _validation.real_number("lr", lr), np.inf if clip is None else _validation.real_number("clip", clip)
    if lr < 0:
        raise ValueError(f"lr is {lr}, wanted 0 or more")
    if clip <= 0:
        raise ValueError(f"clip is {clip}, wanted a number above 0, or None")
    cutter = CUTS[_validation.one_of("cut", cut, CUTS)]
    corpus = _numbered(corpus, num_tokens)
    rng = np.random.default_rng((_validation.whole_number("seed", seed, 0), 2))
    batch_size = _validation.whole_number("batch_size", batch_size, 1)
    num_steps = _validation.whole_number("num_steps", num_steps, 1)
    if params is None:
        params = book_params(num_tokens, num_hiddens, seed, dtype)
    else:
        params = _given(params, _float(dtype), num_tokens)
    scheme_options(scheme, num_steps, tau=tau, pi=pi, rng=rng)  # complains now, not in the first epoch
    one_hot, zero = np.eye(num_tokens, dtype=dtype), np.zeros((batch_size, len(params.W_hh)), dtype)
    rows, stopped = [], ""
    try:
        for _ in (bar := _bar(progress, epochs)):
            start, sums, h0 = time.perf_counter(), [], zero
            for x, y in cutter(corpus, batch_size, num_steps, rng):
                trace = forward(params, one_hot[x], h0=h0, activation=activation)
                options = scheme_options(scheme, num_steps, tau=tau, pi=pi, rng=rng)
                gradients = backward(trace, y, loss="cross_entropy", **options)
                size = norm(gradients)
                sums.append((loss(trace, y, loss="cross_entropy"), size, size > clip))
                params = descend(params, gradients, lr * min(1, clip / size) if size else lr)
                h0 = trace.h[-1] if cut == "sequential" else zero
            rows.append((*np.mean(sums, 0), time.perf_counter() - start))
            if hasattr(bar, "set_postfix"):
                bar.set_postfix(perplexity=f"{np.exp(rows[-1][0]):.2f}")
    except KeyboardInterrupt:
        stopped = "interrupted"
    except FloatingPointError as error:
        stopped = str(error)
    losses, norms, clipped, seconds = np.reshape(rows, (-1, 4)).T
    with np.errstate(over="ignore"):
        return Training(params, np.exp(losses), norms, clipped, seconds, stopped)


def book_params(num_tokens, num_hiddens, seed=0, dtype=np.float32):
    """Return the book's start: weights from N(0, 0.01^2), biases of zero."""
    rng, h, dtype = np.random.default_rng(seed), _validation.whole_number("num_hiddens", num_hiddens, 1), _float(dtype)
    shapes = (h, num_tokens), (h, h), (num_tokens, h)
    weights = (rng.normal(0, START, shape).astype(dtype) for shape in shapes)
    return Params(*weights, b_h=np.zeros(h, dtype), b_q=np.zeros(num_tokens, dtype))


def norm(gradients):
    """Return |g|, the Euclidean norm of the gradient of all parameters together; h_0 is none of them."""
    each = (g for name, g in gradients._asdict().items() if name in Params._fields and g is not None)
    sizes = np.array([[row_norms(g[None])[0] for g in each]], float)
    return float(row_norms(sizes)[0])  # no square overflows


def descend(params, gradients, step):
    """Return the parameters after one step of gradient descent, W - step g; FloatingPointError if one overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = {
            name: None if W is None else W - W.dtype.type(step) * getattr(gradients, name)
            for name, W in params._asdict().items()
        }
    for name, W in moved.items():
        if W is not None and not np.isfinite(W).all():
            raise FloatingPointError(f"{name} overflows {W.dtype}")
    return Params(**moved)


def predict(prefix, num_preds, params, vocab, *, activation="tanh"):
    """Return the prefix and how the model goes on: the most probable character, again and again.

    Parameters
    ----------
    prefix : str
        Not empty.
    num_preds : int
        How many characters are added.
    params : Params
    vocab : Vocab
    activation : {"tanh", "identity", "sigmoid", "relu"}

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    """
    if not isinstance(prefix, str) or not prefix:
        raise ValueError(f"prefix is {prefix!r}, wanted a text of one character or more")
    num_preds = _validation.whole_number("num_preds", num_preds, 0)
    if not isinstance(vocab, Vocab):
        raise TypeError(f"vocab is {vocab!r}, wanted a Vocab")
    params = _given(params, np.float32, len(vocab))
    one_hot = np.eye(len(vocab), dtype=params.W_hx.dtype)
    trace, found = forward(params, one_hot[vocab[list(prefix)]], activation=activation), []
    for _ in range(num_preds):
        found.append(int(trace.o[-1].argmax()))
        trace = forward(params, one_hot[found[-1:]], h0=trace.h[-1], activation=activation)
    return prefix + "".join(vocab.to_tokens(found))


def _bar(progress, epochs):
    if progress is True:
        from tqdm.auto import tqdm  # loaded when it is first used

        return tqdm(range(epochs), desc="epochs", leave=False)
    if not progress:
        return range(epochs)
    if not callable(progress):
        raise TypeError(f"progress is {progress!r}, wanted True, False or a callable")
    return progress(range(epochs))


def _float(dtype):
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found not in (np.float32, np.float64):
        raise TypeError(f"dtype is {dtype!r}, wanted float32 or float64")
    return found


def _given(params, dtype, num_tokens):
    """Return the parameters as real numbers of at least this dtype, if they are those of so many tokens."""
    if not isinstance(params, Params):
        raise TypeError(f"params is a {type(params).__name__}, wanted Params")
    arrays = {name: None if W is None else _validation.real(name, W) for name, W in params._asdict().items()}
    tokens = arrays["W_hx"].shape[-1], arrays["W_qh"].shape[0]
    if tokens != (num_tokens,) * 2:
        raise ValueError(f"params has W_hx and W_qh for {tokens[0]} and {tokens[1]} tokens, wanted V = {num_tokens}")
    return Params(**{name: None if W is None else W.astype(np.result_type(W, dtype)) for name, W in arrays.items()})


def _numbered(corpus, num_tokens):
    corpus = _validation.array("corpus", corpus)
    if corpus.dtype.kind in "iu" and corpus.size and not 0 <= corpus.min() <= corpus.max() < num_tokens:
        wrong = corpus.min() if corpus.min() < 0 else corpus.max()
        raise ValueError(f"corpus has the token {wrong}, wanted 0 to V - 1 = {num_tokens - 1}")
    return corpus
