"""How far does the gradient reach while a network is trained, and what does it learn of a text that it never sees?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..growth.gradient_norms import log10_gradient_norms
from ..growth.spectra import spectral_radius
from ..rnn import Params, forward
from ..text.training import book_params, perplexity, train

TAKEN = ("full", "window", "chunks", "randomized")  # of all schemes, those of one update for each minibatch
HUNDREDTH = -2.0  # in decades: what is smaller counts as gone
PLACES = 100  # of the held-out text, at which a gradient is sent back
AT_LEAST = 2 * PLACES  # tokens of it


class ReachInTraining(NamedTuple):
    """What a training run has reached, each time that it was looked at.

    Attributes
    ----------
    epochs : array of int, shape (n,)
        After how many epochs: those asked for, or the first of them where the run stopped.
    learned, held_out : array, shape (n,)
        Perplexity of the text that is learned, and of one that is not.
    decades : array, shape (n, far + 1)
        log10 of |dl_t/dh_{t-k}| / |dl_t/dh_t|, column k: how much of the gradient of one loss is left k steps back; the
        root of the mean square over 100 places of the held-out text. It is full, whatever the training truncates.
    reach : array of int, shape (n,)
        The steps that it takes back before less than a hundredth of it is left; at most far.
    radius : array, shape (n,)
        The spectral radius of W_hh.
    params : Params
        After the last of the epochs.
    stopped : str
        Why the run ended too early, or "".
    """

    epochs: np.ndarray
    learned: np.ndarray
    held_out: np.ndarray
    decades: np.ndarray
    reach: np.ndarray
    radius: np.ndarray
    params: Params
    stopped: str


def reach_in_training(
    corpus: ArrayLike,
    held_out: ArrayLike,
    num_tokens: int,
    *,
    epochs: Sequence[int] = (0, 3, 30, 80, 150, 300),
    far: int = 35,
    num_hiddens: int = 64,
    cut: str = "sequential",
    scheme: str = "full",
    tau: int | None = None,
    pi: float | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> ReachInTraining:
    """Train as the book does, from its small weights, and look at the network after some of the epochs.

    Parameters
    ----------
    corpus, held_out : array of int, shape (n,)
        The text to learn, and one that is only asked about, of 200 tokens or more.
    num_tokens : int
        V.
    epochs : sequence of int
        When to look, rising, the first from 0 on.
    far : int
        How many steps back the gradient is followed.
    num_hiddens : int
    cut, scheme, tau, pi
        How the training cuts and truncates: as for ``train``, without "tbptt".
    seed : int
        Draws the weights, and what ``train`` draws.
    progress : bool or callable, optional
        As for ``train``.

    Returns
    -------
    ReachInTraining

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    A loss of its own is followed at each place, and none on the way: nearer losses would hide what becomes of it. The
    network has read ``far`` tokens before.
    """
    epochs = _rising(epochs)
    settings: dict[str, Any] = {"cut": cut, "scheme": _validation.one_of("scheme", scheme, TAKEN), "tau": tau, "pi": pi}
    seed = _validation.seed("seed", seed)
    params = book_params(num_tokens, num_hiddens, seed)
    train(corpus, num_tokens, epochs=1, lr=0, params=params, progress=progress, **settings)  # complains now
    x, y = _pieces(held_out, num_tokens, _validation.whole_number("far", far, 1))
    rows: list[tuple] = []
    rng, before = np.random.default_rng((seed, 3)), 0
    for epoch in epochs:
        draws, longer = int(rng.integers(2**31)), epoch - before
        run = longer and train(
            corpus, num_tokens, epochs=longer, params=params, seed=draws, progress=progress, **settings
        )
        if run and run.stopped:
            return _collected(rows, far, params, run.stopped)
        params, before = run.params if run else params, epoch
        rows.append((epoch, *_looked_at(params, corpus, held_out, x, y)))
    return _collected(rows, far, params, "")


def _rising(epochs):
    found = _validation.shaped("epochs", _validation.whole("epochs", epochs), (None,), "(n,)").tolist()
    if not found or found[0] < 0 or any(b <= a for a, b in pairwise(found)):
        raise ValueError(f"epochs is {_validation.shown(epochs)}, wanted whole numbers from 0 on, rising")
    return found


def _pieces(held_out, V, far):
    """Return what is read and what is foretold at places all over the text, each of shape (far + 1, places)."""
    text = _validation.shaped("held_out", _validation.whole("held_out", held_out), (None,), "(n,)")
    if len(text) < max(AT_LEAST, far + 2):
        raise ValueError(f"held_out has {len(text)} tokens, wanted {max(AT_LEAST, far + 2)} or more")
    if text.min() < 0 or text.max() >= V:
        raise ValueError(f"held_out has tokens from {text.min()} to {text.max()}, wanted 0 to V - 1 = {V - 1}")
    _validation.fits_in_memory("far", (far + 1) * PLACES * V, float, f"far = {_validation.shown(far)}")
    starts = np.linspace(0, len(text) - far - 2, PLACES).astype(int)
    places = starts + np.arange(far + 1)[:, None]
    return np.eye(V)[text[places]], text[places + 1]


def _looked_at(params, corpus, held_out, x, y):
    """Return the perplexities, the spectral radius, and the decades that are left k = 0, 1, ... steps back."""
    exact = Params(*(None if W is None else W.astype(float) for W in params))
    trace = forward(exact, x, activation="tanh")
    size = log10_gradient_norms(trace, y, loss="cross_entropy", reduction="last")[::-1]
    texts = perplexity(params, corpus), perplexity(params, held_out)
    return *texts, spectral_radius(exact.W_hh), *(size - size[0])


def _collected(rows, far, params, stopped):
    epochs, learned, held_out, radius, *decades = np.reshape(rows, (-1, far + 5)).T
    decades = np.reshape(decades, (far + 1, -1)).T
    reach = np.cumprod(decades >= HUNDREDTH, axis=1).sum(1) - 1
    return ReachInTraining(epochs.astype(int), learned, held_out, decades, reach, radius, params, stopped)
