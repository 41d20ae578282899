"""Text for a character model: *The Time Machine*, its characters as numbers, and two ways to cut it into minibatches.

Shapes: a corpus is (n,), the numbers of n characters. A minibatch x is (T, B), time first as everywhere in this
package, and y is x moved on by one character.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ._own_text import own_text

__all__ = ["Text", "Vocab", "load_text", "random_batches", "sequential_batches"]

FILE = "timemachine.txt"
URL = f"https://d2l-data.s3-accelerate.amazonaws.com/{FILE}"  # the book's own data address
SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"
VARIABLE = "D2LBPTT_TEXT"
EDITIONS = {"v1.0": False, "v0.17": True, "v0.14": True}  # whether the text is taken line by line
SECONDS = 10  # of silence, after which a download is given up
UNKNOWN = "<unk>"
MARK = "\ufeff"  # of the byte order, where a file begins, or where one was appended to another; it is no character


class _UnreadableError(OSError, ValueError):
    """A path with no text that could be read."""


class Text(NamedTuple):
    """A text, ready for a character model.

    Attributes
    ----------
    characters : str
        Small letters and single spaces.
    source : str
        Where it comes from, in words.
    """

    characters: str
    source: str


def load_text(source: str | None = None, *, edition: str = "v1.0") -> Text:
    """Return *The Time Machine* by H. G. Wells as the book uses it, or a text of the reader's own.

    Parameters
    ----------
    source : str or path, optional
        A text file, or a folder that holds ``timemachine.txt``. Without it, that of the environment variable
        ``D2LBPTT_TEXT``; without that too, the book's file, which is downloaded once, checked, and kept in the user's
        cache. A kernel that runs in a browser may not download it: there ``timemachine.txt`` is looked for beside the
        notebook and in the folders above.
    edition : {"v1.0", "v0.17", "v0.14"}
        Whose preprocessing it is. Both replace what are no letters by one space and make small letters. Today's does so
        for the whole text (173,428 characters of *The Time Machine*). The old ones do it line by line, cut the ends of
        the lines and join them with nothing between, so that words at the ends of lines melt together (170,580).

    Returns
    -------
    Text
        Without network, and if nothing is in the cache, a text of our own, 60,000 characters that a small grammar
        draws, always the same: ``source`` and a warning say so.

    Raises
    ------
    TypeError, ValueError
        If the source is no path, the edition is unknown, or the file of the reader is no regular file, no text in
        UTF-8, has no letters, or does not fit in memory.
    OSError
        If the file of the reader cannot be read; it is a ValueError too.
    """
    line_by_line = EDITIONS[_validation.one_of("edition", edition, EDITIONS)]
    symbol, source = _given(source)
    raw, words, trouble = _downloaded() if source is None else _local(symbol, source)
    if trouble:
        warnings.warn(trouble, UserWarning, stacklevel=2)
    characters = _only_letters(raw, line_by_line)
    if not characters.strip():
        raise ValueError(f"{symbol} is {words}, wanted a text with letters")
    return Text(characters, words)


def _given(source):
    """Return what names the reader's text in a message, and its path, or None where there is none."""
    if source is not None:
        return "source", source
    if path := os.environ.get(VARIABLE):
        return VARIABLE, path
    # A browser lets its kernel download nothing from elsewhere, so the text has its place among the notebooks.
    folders = [Path.cwd(), *Path.cwd().parents] if sys.platform == "emscripten" else []
    found = (folder / FILE for folder in folders)
    return "the text beside the notebook", next(filter(Path.is_file, found), None)


def _only_letters(raw, line_by_line):
    pieces = re.split("\r\n|\r|\n", raw) if line_by_line else [raw]  # the lines of a file: splitlines sees more
    pieces = (re.sub("[^A-Za-z]+", " ", piece).lower() for piece in pieces)
    return "".join(piece.strip() if line_by_line else piece for piece in pieces)


def _local(symbol, source):
    wanted = f"wanted the path of a text, or of a folder with {FILE} in it"
    if not isinstance(source, (str, os.PathLike)) or not isinstance(os.fspath(source), str):
        raise TypeError(f"{symbol} is {_validation.shown(source)}, {wanted}")
    came = f"{symbol} is {os.fspath(source)[:1000]!r}"
    try:
        path = Path(source).expanduser()
        path = path / FILE if path.is_dir() else path
        content = _content(symbol, path)
    except OSError as error:
        raise _UnreadableError(f"{came}, {wanted}: {error.strerror}") from None
    except (ValueError, RuntimeError) as error:  # no path can have such a character; there is no such user
        raise ValueError(f"{came}, {wanted}: {error}") from None
    words = "The Time Machine, the book's copy" if _is_the_books(content) else f"{path.name}, a text of your own"
    try:
        return content.decode("utf-8").replace(MARK, ""), words, ""
    except UnicodeDecodeError as error:
        raise ValueError(f"{symbol} is {path.name}, which is no text in UTF-8, as is wanted ({error.reason})") from None


def _content(symbol, path):
    """Return the bytes of a file; a pipe would keep us waiting, and a device may never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("that is no regular file")
    _validation.fits_in_memory(symbol, 8 * found.st_size, np.uint8, f"{found.st_size:,} bytes, taken apart")
    return path.read_bytes()


def _downloaded():
    if sys.platform == "emscripten":
        return _our_own("a browser lets no kernel download it", f"put {FILE} beside the notebook, or give its path")
    try:
        text, trouble = _from_the_cache()
        return text, "The Time Machine, the book's copy", trouble
    except (ImportError, OSError, ValueError) as error:  # ImportError: a Python without lzma; ValueError: a checksum
        return _our_own(_in_words(error), f"give the path of {FILE} or set {VARIABLE} to it")


def _our_own(reason, advice):
    trouble = f"The Time Machine could not be had ({reason}), so this is a text of our own"
    return own_text(), "a text of our own, in place of The Time Machine", f"{trouble}; to use the book's text, {advice}"


def _in_words(error):
    kinds = [kind.__name__ for kind in type(error).__mro__]  # those of requests, which need not be there
    if isinstance(error, ImportError):
        return f"what downloads it cannot be loaded: {error}"
    if "Timeout" in kinds:
        return f"no answer within {SECONDS} seconds"
    if "ChunkedEncodingError" in kinds:
        return "the download broke off"
    if "ConnectionError" in kinds:
        return "no connection"
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "what was downloaded has another checksum than the book's file"
    return " ".join(str(error).split())


def _from_the_cache():
    import pooch  # loaded when it is first used

    folder = pooch.os_cache("d2lbptt")
    if _is_kept(folder / FILE) or not _cannot_be_written(folder):
        return _retrieved(pooch, folder), ""
    with tempfile.TemporaryDirectory() as once:
        text = _retrieved(pooch, Path(once))
    return text, f"{folder} cannot be written, so {FILE} is not kept and is downloaded anew each time"


def _is_kept(path):
    try:
        return _is_the_books(_content("the cache", path))
    except (OSError, ValueError):
        return False


def _is_the_books(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest() == SHA1


def _cannot_be_written(folder):
    if (folder / FILE).exists() and not (folder / FILE).is_file():
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return False
    except OSError:
        return True


def _retrieved(pooch, folder):
    """Return the text of the file in the folder, which is downloaded if it is missing or is not what it should be."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # what matters is said by our own words
    try:
        downloader = pooch.HTTPDownloader(timeout=SECONDS)
        path = pooch.retrieve(URL, f"sha1:{SHA1}", fname=FILE, path=folder, downloader=downloader)
    finally:
        logger.setLevel(level)
    return Path(path).read_text(encoding="utf-8")


class Vocab:
    """Tokens and their numbers: number 0 is the unknown token, the others follow in sorted order.

    The tokens are those of the book, but not their order: the book's 0.x editions put frequent tokens first, and 1.0
    sorts the unknown one in with the others.

    Parameters
    ----------
    tokens : str or iterable of str
        A text, whose characters are the tokens, or tokens.
    min_freq : int
        Tokens that are rarer are unknown.
    reserved_tokens : iterable of str
        Tokens that are in the vocabulary in any case.

    Attributes
    ----------
    idx_to_token : list of str
    token_to_idx : dict of str to int
    """

    unk = 0

    def __init__(self, tokens: Iterable[str] = (), min_freq: int = 0, reserved_tokens: Iterable[str] = ()):
        min_freq = _validation.whole_number("min_freq", min_freq, 0)
        counts = Counter(_strings("tokens", tokens))
        kept = {token for token, count in counts.items() if count >= min_freq}
        kept.update(_strings("reserved_tokens", reserved_tokens))
        self.idx_to_token = [UNKNOWN, *sorted(kept - {UNKNOWN})]
        self.token_to_idx = {token: number for number, token in enumerate(self.idx_to_token)}

    def __len__(self):
        return len(self.idx_to_token)

    def __getitem__(self, tokens):
        """Return the number of a token, or of each token of a text or a sequence as an array; 0 for unknown ones.

        What is longer than one character and is no token is a text: ask for ``vocab[[word]]`` if it may be unknown.
        """
        if isinstance(tokens, str) and (len(tokens) == 1 or tokens in self.token_to_idx):
            return self.token_to_idx.get(tokens, self.unk)
        return np.array([self.token_to_idx.get(token, self.unk) for token in _strings("tokens", tokens)], int)

    def to_tokens(self, indices: ArrayLike) -> str | list[str]:
        """Return the token of a number, or the list of tokens of many."""
        found = _validation.array("indices", indices)
        _validation.fits_in_memory("indices", math.prod(found.shape), object, f"shape {found.shape}")
        if found.ndim > 0:
            return [self.to_tokens(number) for number in found]  # type: ignore[misc]  # nested as the indices are
        return self.idx_to_token[_validation.whole_number("indices", indices, 0, len(self) - 1, "V - 1 = ")]


def _strings(symbol, values):
    try:
        found = iter(values)
    except TypeError:
        wanted = "wanted a text or a sequence of tokens"
        raise TypeError(f"{symbol} is {_validation.shown(values)}, {wanted}") from None
    return [_string(symbol, value) for value in found]  # complains at the first: there may be very many


def _string(symbol, value):
    if not isinstance(value, str):
        raise TypeError(f"{symbol} has {_validation.shown(value)} in it, wanted texts")
    return value


def sequential_batches(
    corpus: ArrayLike, batch_size: int, num_steps: int, rng: np.random.Generator | None = None
) -> Iterator[tuple]:
    """Cut a corpus into minibatches that follow one another: row b goes on in the next minibatch where it ended.

    So the state can be carried over, detached.

    Parameters
    ----------
    corpus : array of int, shape (n,)
    batch_size : int
        B.
    num_steps : int
        T.
    rng : numpy.random.Generator, optional
        Draws how many characters at the beginning are left out, 0 .. T as in the book; none without it.

    Returns
    -------
    iterator of (x, y)
        Each of shape (T, B).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the corpus is too short for one minibatch whatever is left
        out.

    Notes
    -----
    In the book, section 8.3 of the 0.x editions; the training loop of 8.5 carries the state over.
    """
    corpus, B, T = _cut(corpus, batch_size, num_steps)
    drawn = rng is not None
    _long_enough(corpus, B, T, 1 + drawn * T)
    offset = _validation.generator("rng", rng).integers(T + 1) if drawn else 0
    length = (len(corpus) - offset - 1) // B
    x, y = (corpus[start : start + B * length].reshape(B, length).T for start in (offset, offset + 1))
    return ((x[t : t + T], y[t : t + T]) for t in range(0, length // T * T, T))


def random_batches(corpus: ArrayLike, batch_size: int, num_steps: int, rng: np.random.Generator) -> Iterator[tuple]:
    """Cut a corpus into pieces of T characters, and put them into minibatches in random order.

    So every minibatch starts with a fresh state.

    Parameters
    ----------
    corpus, batch_size, num_steps
        As for ``sequential_batches``.
    rng : numpy.random.Generator
        Draws how many characters at the beginning are left out, 0 .. T - 1, and the order.

    Returns
    -------
    iterator of (x, y)
        Each of shape (T, B).

    Raises
    ------
    TypeError, ValueError
        As ``sequential_batches``.

    Notes
    -----
    In the book, section 8.3 of the 0.x editions.
    """
    corpus, B, T = _cut(corpus, batch_size, num_steps)
    _long_enough(corpus, B, T, T)
    offset = _validation.generator("rng", rng).integers(T)
    starts = offset + T * np.arange((len(corpus) - offset - 1) // T)
    rng.shuffle(starts)
    steps = np.arange(T)[:, None]
    batches = starts[: len(starts) // B * B].reshape(-1, B)
    return ((corpus[steps + row], corpus[steps + row + 1]) for row in batches)


def _cut(corpus, batch_size, num_steps) -> tuple[np.ndarray, int, int]:
    return (
        _corpus(corpus),
        _validation.whole_number("batch_size", batch_size, 1),
        _validation.whole_number("num_steps", num_steps, 1),
    )


def _corpus(corpus) -> np.ndarray:
    """Return a corpus as an array, (n,), of whole numbers."""
    wanted = "wanted whole numbers, as vocab[characters] gives them"
    if isinstance(corpus, str):
        raise TypeError(f"corpus is a text, {wanted}")
    corpus = _validation.array("corpus", corpus)
    if corpus.ndim != 1:
        raise ValueError(f"corpus has shape {corpus.shape}, wanted (n,)")
    if corpus.size and corpus.dtype.kind not in "iu":
        raise TypeError(f"corpus has dtype {corpus.dtype}, {wanted}")
    _validation.fits_in_memory("corpus", corpus.size, corpus.dtype, f"{corpus.size:,} tokens")
    return corpus


def _long_enough(corpus, B, T, more):
    if len(corpus) < B * T + more:
        tokens = f"{len(corpus)} token{'s' * (len(corpus) != 1)}"
        batch, steps, more, wanted = map(_validation.shown, (B, T, more, B * T + more))
        sizes = "one minibatch of batch_size x num_steps"
        raise ValueError(f"corpus has {tokens}, wanted at least {batch} x {steps} + {more} = {wanted} for {sizes}")
