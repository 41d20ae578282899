"""The book's text, its tokens and batches, and the training loop."""

from .corpus import Vocab, load_text, random_batches, sequential_batches
from .training import perplexity, predict, train

__all__ = [
    "corpus",
    "training",
    "Vocab",
    "load_text",
    "perplexity",
    "predict",
    "random_batches",
    "sequential_batches",
    "train",
]
