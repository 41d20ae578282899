"""The walk through text, training and their pictures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from walk import Spec, choice, filled, flag, fresh, never, number, optional, shaped, whole

from d2lbptt import experiments, figures
from d2lbptt.text import corpus as text
from d2lbptt.text import training

SENTENCE = "the old clock stands by the bridge and the boat waits "
VOCAB = text.Vocab(SENTENCE)
V = len(VOCAB)
CORPUS = VOCAB[3 * SENTENCE]
PARAMS = training.book_params(V, 4)


def is_texts(value):
    """Some texts one after another; a text is one, and a mapping gives its keys."""
    some = isinstance(value, str | dict | list) or (isinstance(value, np.ndarray) and value.ndim > 0)
    return some and all(isinstance(one, str) for one in value)


def is_indices(value):
    """Numbers of the vocabulary, alone or many; none at all is no fault."""
    if isinstance(value, np.ndarray) and value.size == 0:
        return not isinstance(value, np.ma.MaskedArray)
    return value == [] if isinstance(value, list) and not value else is_tokens(value, V) or whole(0, V - 1)(value)


def is_tokens(value, V):
    """A row of such numbers."""
    row = isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim == 1 and value.size < 10**6)
    return row and not isinstance(value, np.ma.MaskedArray) and all(whole(0, V - 1)(one) for one in value)


def is_corpus(value):
    return is_tokens(value, V) and len(value) > 1


def is_text(value):
    return isinstance(value, str) and value != ""


def nothing(value):
    return value is None


def is_empty_dict(value):
    return isinstance(value, dict) and not value


def is_empty_mapping(value):
    return value is None or is_empty_dict(value)


def is_rising(value):
    """Whole numbers from 0 on, each larger than the one before."""
    row = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1)
    row = row and not isinstance(value, np.ma.MaskedArray) and 0 < len(value) < 100
    return row and all(whole(0)(one) for one in value) and all(np.diff(value) > 0)


def is_picture(result, given):
    return isinstance(result, Axes) and result is given["ax"]


AX = fresh(lambda: Figure().add_subplot())


def is_batches(result, given):
    T, B = given["num_steps"], given["batch_size"]
    pairs = list(result)
    return bool(pairs) and all(x.shape == y.shape == (T, B) and (x[1:] == y[:-1]).all() for x, y in pairs)


def is_training(result, given):
    rows = (result.perplexity, result.norm, result.clipped, result.seconds)
    right = all(row.shape == rows[0].shape for row in rows) and all(np.isfinite(W).all() for W in result.params)
    return right and (bool(result.stopped) or len(rows[0]) == given["epochs"])


ACTIVATION = choice("tanh", "identity", "sigmoid", "relu")
IS_PARAMS = filled(PARAMS, b_h=optional(lambda b: b is PARAMS.b_h), b_q=optional(lambda b: b is PARAMS.b_q))
LONG = np.tile(CORPUS, 12)  # enough for a minibatch of the book's size
BATCHES = {
    "corpus": never,  # none of the values is long enough
    "batch_size": whole(1, 10),
    "num_steps": whole(1, 10),
    "rng": never,
}

SPECS = {
    "text.corpus.load_text": Spec(
        text.load_text,
        {"source": None, "edition": "v1.0"},
        {"source": nothing, "edition": choice(*text.EDITIONS)},
        lambda result, given: set(result.characters) <= set("abcdefghijklmnopqrstuvwxyz "),
    ),
    "text.corpus.Vocab": Spec(
        text.Vocab,
        {"tokens": SENTENCE, "min_freq": 2, "reserved_tokens": ["<pad>"]},
        {"tokens": is_texts, "min_freq": whole(0), "reserved_tokens": is_texts},
        lambda result, given: result[list(result.idx_to_token)].tolist() == [*range(len(result))],
    ),
    "text.corpus.Vocab.to_tokens": Spec(
        lambda indices: VOCAB.to_tokens(indices),
        {"indices": [1, 2]},
        {"indices": is_indices},
        lambda result, given: np.array_equal(VOCAB[np.atleast_1d(result)], np.ravel(given["indices"])),
    ),
    "text.corpus.sequential_batches": Spec(
        text.sequential_batches,
        {"corpus": CORPUS, "batch_size": 3, "num_steps": 5, "rng": fresh(lambda: np.random.default_rng(0))},
        BATCHES | {"rng": nothing},
        is_batches,
    ),
    "text.corpus.random_batches": Spec(
        text.random_batches,
        {"corpus": CORPUS, "batch_size": 3, "num_steps": 5, "rng": fresh(lambda: np.random.default_rng(0))},
        BATCHES,
        is_batches,
    ),
    "text.training.train": Spec(
        training.train,
        {
            "corpus": CORPUS, "num_tokens": V, "epochs": 2, "num_hiddens": 4, "num_steps": 5, "batch_size": 3,
            "lr": 1.0, "clip": 1.0, "cut": "sequential", "scheme": "tbptt", "tau": None, "pi": None, "k1": 2, "k2": 3,
            "activation": "tanh", "params": None, "seed": 0, "dtype": float, "progress": None,
        },
        {
            "corpus": never, "num_tokens": whole(V, 10**3), "epochs": whole(1, 10**3), "num_hiddens": whole(1, 10**3),
            "num_steps": whole(3, 10), "batch_size": whole(1, 10), "lr": number(0),
            "clip": optional(number(0, open_low=True)), "cut": choice("sequential", "random"),
            "scheme": choice("tbptt"), "tau": nothing, "pi": nothing, "k1": whole(1, 3), "k2": whole(2, 5),
            "activation": ACTIVATION,
            "params": nothing, "seed": whole(0), "dtype": never, "progress": optional(flag),
        },
        is_training,
        {"num_tokens": ("num_tokens", "corpus"), "num_steps": ("num_steps", "k2"), "k2": ("k2", "k1")},
    ),
    "text.training.book_params": Spec(
        training.book_params,
        {"num_tokens": 5, "num_hiddens": 4, "seed": 0, "dtype": float},
        {"num_tokens": whole(1, 10**4), "num_hiddens": whole(1, 10**4), "seed": whole(0), "dtype": never},
        lambda result, given: result.W_hx.shape == result.W_qh.T.shape == (given["num_hiddens"], given["num_tokens"]),
    ),
    "text.training.perplexity": Spec(
        training.perplexity,
        {"params": PARAMS, "corpus": CORPUS, "num_steps": 5, "activation": "tanh"},
        {"params": IS_PARAMS, "corpus": is_corpus, "num_steps": optional(whole(1)), "activation": ACTIVATION},
        lambda result, given: isinstance(result, float) and 1 <= result < 10 * V,
        fields=("params",),
    ),
    "text.training.predict": Spec(
        training.predict,
        {"prefix": "the", "num_preds": 4, "params": PARAMS, "vocab": VOCAB, "activation": "tanh"},
        {
            "prefix": is_text, "num_preds": whole(0, 10**4), "params": IS_PARAMS,
            "vocab": never, "activation": ACTIVATION,
        },
        lambda result, given: len(result.removeprefix(given["prefix"]).replace("<unk>", "?")) == given["num_preds"],
        fields=("params",),
    ),
    "experiments.reach_in_training": Spec(
        experiments.reach_in_training,
        {
            "corpus": LONG, "held_out": LONG, "num_tokens": V, "epochs": (0, 1), "far": 2, "num_hiddens": 3,
            "cut": "random", "scheme": "randomized", "tau": None, "pi": 0.8, "seed": 0, "progress": None,
        },
        {
            "corpus": never, "held_out": never, "num_tokens": whole(V, 10**3), "epochs": is_rising,
            "far": whole(1, 10**3), "num_hiddens": whole(1, 10**3), "cut": choice("sequential", "random"),
            "scheme": choice("randomized"), "tau": nothing, "pi": lambda pi: shaped()(pi) and 0 < pi <= 1,
            "seed": whole(0), "progress": optional(flag),
        },
        lambda found, given: found.decades.shape == (len(given["epochs"]), given["far"] + 1),
        {"num_tokens": ("num_tokens", "corpus"), "far": ("far", "held_out")},
    ),
    "figures.reach_in_training": Spec(
        figures.reach_in_training,
        {"ax": AX, "data": experiments.reach_in_training(LONG, LONG, V, epochs=[0, 1], far=2, num_hiddens=3)},
        {"ax": never, "data": never},
        is_picture,
    ),
    "figures.held_out": Spec(
        figures.held_out,
        {"ax": AX, "epochs": [0, 1], "runs": {"one": [[28.0, 9.0]]}, "levels": {"a guess": 28}},
        {"ax": never, "epochs": is_rising, "runs": never, "levels": is_empty_mapping},
        is_picture,
    ),
    "figures.perplexity": Spec(
        figures.perplexity,
        {"ax": AX, "runs": {"one": [5.0, 2.0]}, "levels": {"a guess": 28}, "held_out": {"one": 9.0}},
        {"ax": never, "runs": is_empty_dict, "levels": is_empty_mapping, "held_out": is_empty_mapping},
        is_picture,
    ),
    "figures.by_seed": Spec(
        figures.by_seed,
        {"ax": AX, "runs": {"one": [5.0, 2.0]}, "levels": {"a guess": 28}},
        {"ax": never, "runs": is_empty_dict, "levels": is_empty_mapping},
        is_picture,
    ),
    "figures.cuts": Spec(
        figures.cuts,
        {"ax": AX, "carried": ["the ", "time"], "fresh": ["mach", "ine "]},
        {"ax": never, "carried": never, "fresh": never},
        is_picture,
    ),
    "figures.cost": Spec(
        figures.cost,
        {"ax": AX, "data": experiments.cost([1, 2], num_tokens=2, num_hiddens=2)},
        {"ax": never, "data": never},
        is_picture,
    ),
}  # fmt: skip
