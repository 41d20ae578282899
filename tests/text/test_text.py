"""Text: what is downloaded, kept, refused; the vocabulary; the two ways to cut a text into minibatches.

A server on this machine stands for the book's. Oracles: the SHA-1 of hashlib, the counts that the book's code gives for
the real file (tested where a copy of it lies in ../shared/data), and the positions of characters in a corpus of whole
numbers, where y is x + 1.
"""

import hashlib
import http.server
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from loops import for_each

from d2lbptt.text import corpus as text
from d2lbptt.text._own_text import own_text
from d2lbptt.text.corpus import Vocab, load_text, random_batches, sequential_batches

REAL = Path(__file__).parents[3] / "shared" / "data" / text.FILE
CONTENT = b"The Time\nMachine, by  H. G. Wells [1898]\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    answers, asked = {}, []

    def do_GET(self):
        self.asked.append(self.path)
        body, length = self.answers[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server that has the file, which is short here; a cache of our own; nothing in the environment."""
    Handler.answers = {
        "/right": (CONTENT, len(CONTENT)),
        "/other": (b"x" * 9, 9),
        "/short": (CONTENT[:20], len(CONTENT)),
    }
    Handler.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        monkeypatch.setattr(text, "SHA1", hashlib.sha1(CONTENT).hexdigest())
        monkeypatch.delenv(text.VARIABLE, raising=False)
        monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)

        def serve(path):
            monkeypatch.setattr(text, "URL", f"http://127.0.0.1:{running.server_port}/{path}")

        serve("right")
        yield serve
        running.shutdown()
        thread.join()


def test_downloaded_once_checked_and_kept(server, tmp_path):
    first = load_text()
    assert first == load_text()
    assert Handler.asked == ["/right"]
    assert first.characters == "the time machine by h g wells "
    assert (tmp_path / "cache" / "d2lbptt" / text.FILE).read_bytes() == CONTENT
    assert load_text(edition="v0.17").characters == "the timemachine by h g wells"


@pytest.mark.parametrize(("path", "words"), [("other", "another checksum"), ("short", "the download broke off")])
def test_a_download_that_is_not_the_file_is_not_used_and_not_kept(server, tmp_path, path, words):
    server(path)
    with pytest.warns(UserWarning, match=f"could not be had .*{words}.*a text of our own.*{text.VARIABLE}"):
        found = load_text()
    assert "a text of our own" in found.source and len(found.characters) > 50_000
    assert not (tmp_path / "cache" / "d2lbptt" / text.FILE).exists()
    assert re.fullmatch("[a-z ]+", found.characters)


def test_without_network_what_is_in_the_cache_is_used_and_without_both_it_is_said(server, monkeypatch, tmp_path):
    load_text()
    monkeypatch.setattr(text, "URL", "http://127.0.0.1:9/nobody")
    assert load_text().characters == "the time machine by h g wells "
    kept = tmp_path / "cache" / "d2lbptt" / text.FILE
    kept.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="no connection") as warned:
        assert "in place of The Time Machine" in load_text().source
    assert warned[0].filename == __file__  # the line that asked, not one of ours
    assert kept.read_bytes() == b"damaged"  # nothing that was there is lost


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    kept = tmp_path / "cache" / "d2lbptt" / text.FILE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"damaged")
    assert load_text().characters.startswith("the time machine")
    assert kept.read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "cache").write_text("a file, where the folder should be")
    with pytest.warns(UserWarning, match="cannot be written, so timemachine.txt is not kept"):
        found = load_text()
    assert found.characters.startswith("the time machine") and "book's copy" in found.source
    assert (tmp_path / "cache").read_text() == "a file, where the folder should be"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_cache_with_the_file_in_it(server, tmp_path):
    load_text()
    (tmp_path / "cache" / "d2lbptt").chmod(0o500)
    assert load_text().characters.startswith("the time machine")


@pytest.mark.parametrize("missing", ["pooch", "requests", "lzma"])
def test_a_python_in_which_nothing_downloads(server, monkeypatch, missing):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pooch", "requests", missing)]:
        monkeypatch.delitem(sys.modules, name)  # so that they are imported anew, as in a fresh interpreter
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.warns(UserWarning, match=f"cannot be loaded: .*{missing}"):
        assert load_text().source == "a text of our own, in place of The Time Machine"


def test_in_a_browser_the_text_lies_beside_the_notebook_or_in_a_folder_above(server, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "emscripten")
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "solutions")
    with pytest.warns(UserWarning, match=f"a browser lets no kernel download it.*put {text.FILE} beside the notebook"):
        assert load_text().source == "a text of our own, in place of The Time Machine"
    (tmp_path / text.FILE).write_bytes(CONTENT)
    assert load_text() == ("the time machine by h g wells ", "The Time Machine, the book's copy")
    (tmp_path / "notebooks" / text.FILE).write_text("Mine, and nearer.")
    assert load_text() == ("mine and nearer ", f"{text.FILE}, a text of your own")
    (tmp_path / "notebooks" / text.FILE).write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"^the text beside the notebook is .*, which is no text in UTF-8"):
        load_text()
    (tmp_path / "notebooks" / text.FILE).write_text("1895")
    with pytest.raises(ValueError, match=r"^the text beside the notebook is .*, wanted a text with letters$"):
        load_text()
    assert Handler.asked == []


def test_our_own_text_is_the_same_everywhere():
    code = "import sys; from d2lbptt.text._own_text import own_text; sys.stdout.write(own_text())"
    for seed in ("1", "2"):  # of Python's own hashing
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        assert said.stdout == own_text()
    assert len(own_text(500)) < 1500 and own_text().startswith(own_text(500))


def test_our_own_text_has_lines_and_all_letters():
    raw = own_text()
    assert max(map(len, raw.splitlines())) <= 72
    by_line, whole = (text._only_letters(raw, line_by_line) for line_by_line in (True, False))
    assert 50_000 < len(by_line) < len(whole)
    assert len(Vocab(whole)) == len(Vocab(by_line)) == 28


def test_in_our_own_text_the_verb_agrees_with_a_subject_far_before_it():
    """Oracle: another reading of the sentences, by a pattern; one and many are told by the plural s alone."""
    pattern = r"The (\w+) that (stand|wait|hang)(s?) (.*?) (turn|make|look|keep|need)(s?) [^.]*\."
    found = re.findall(pattern, own_text().replace("\n", " "))
    assert len(found) > 500
    for subject, _, first, between, _, second in found:
        assert first == second == "s" * (not subject.endswith("s"))
        assert len(between) > 10
    paragraphs = [" ".join(part.split()) for part in own_text().split("\n\n")]
    heroes = [re.search(r"So ends the day of (.*)\.$", part)[1] for part in paragraphs]
    assert all(part.lower().startswith(hero) for part, hero in zip(paragraphs, heroes, strict=True))
    assert len(set(heroes)) == 6


def test_our_own_text_is_worth_learning():
    """Oracle: the entropy of a letter, given none, one, two and three before it; each letter known makes it smaller."""
    letters = text._only_letters(own_text(), False)

    def bits(known):
        pairs = Counter(letters[i : i + known + 1] for i in range(len(letters) - known))
        before = Counter(letters[i : i + known] for i in range(len(letters) - known))
        return -sum(n * np.log2(n / before[pair[:-1]]) for pair, n in pairs.items()) / sum(pairs.values())

    entropy = [bits(known) for known in range(4)]
    assert np.all(np.diff(entropy) < -0.3) and entropy[0] > 3.5


def test_a_file_or_a_folder_of_the_readers_own(server, monkeypatch, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("Élan vital: 2 WORDS")
    assert load_text(own) == (" lan vital words", "own.txt, a text of your own")
    (tmp_path / text.FILE).write_bytes(CONTENT)
    assert "book's copy" in load_text(str(tmp_path)).source
    monkeypatch.setenv(text.VARIABLE, str(own))
    assert load_text().characters == " lan vital words"
    monkeypatch.setenv(text.VARIABLE, "")
    assert load_text().characters.startswith("the time machine")
    assert Handler.asked == ["/right"]


def test_texts_that_are_none(tmp_path, monkeypatch):
    (tmp_path / "digits.txt").write_text("1 2 3")
    (tmp_path / "latin.txt").write_bytes("Élan".encode("latin-1"))
    with pytest.raises(ValueError, match=r"source is digits.txt, a text of your own, wanted a text with letters"):
        load_text(tmp_path / "digits.txt")
    with pytest.raises(ValueError, match=r"source is latin.txt, which is no text in UTF-8"):
        load_text(tmp_path / "latin.txt")
    for kind in (OSError, ValueError):
        with pytest.raises(kind, match=r"source is '.*nowhere.txt', wanted the path of a text.*: No such file"):
            load_text(tmp_path / "nowhere.txt")
    with pytest.raises(OSError, match=r"source is .* or of a folder with timemachine.txt in it"):
        load_text(tmp_path)
    with pytest.raises(TypeError, match=r"source is 3, wanted the path of a text"):
        load_text(3)
    with pytest.raises(ValueError, match=r"source is 'a\\x00b', wanted the path of a text"):
        load_text("a\0b")
    with pytest.raises(ValueError, match="source is '~nobody-of-that-name/x', wanted the path of a text"):
        load_text("~nobody-of-that-name/x")
    with pytest.raises(TypeError, match=r"source is b'a\.txt', wanted the path of a text"):
        load_text(b"a.txt")
    monkeypatch.setenv(text.VARIABLE, str(tmp_path / "nowhere.txt"))
    with pytest.raises(OSError, match=f"{text.VARIABLE} is '.*nowhere.txt', wanted"):
        load_text()
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "home.txt").write_text("at home")
    assert load_text("~/home.txt").characters == "at home"
    with pytest.raises(ValueError, match=r"edition is 'v2', wanted one of v1.0, v0.17, v0.14"):
        load_text(edition="v2")


def test_what_is_no_regular_file_is_not_read(server, monkeypatch, tmp_path):
    """A pipe would keep us waiting for ever, and /dev/zero never ends."""
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / text.FILE)
    (tmp_path / "link").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "link", tmp_path / "socket", "/dev/zero", "/dev/null"):
        with pytest.raises(ValueError, match=r"source is '.*', wanted the path of a text.*: that is no regular file"):
            load_text(path)
    monkeypatch.setenv(text.VARIABLE, str(tmp_path / "pipe"))
    with pytest.raises(ValueError, match=rf"{text.VARIABLE} is '.*pipe', wanted .*: that is no regular file"):
        load_text()


def test_a_cache_in_which_a_pipe_lies(server, tmp_path):
    (tmp_path / "cache" / "d2lbptt").mkdir(parents=True)
    os.mkfifo(tmp_path / "cache" / "d2lbptt" / text.FILE)
    with pytest.warns(UserWarning, match="is not kept and is downloaded anew"):
        assert load_text().characters.startswith("the time machine")


def test_a_file_larger_than_the_memory_is_not_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(10**13)  # a hole: it takes no room on the disk
    with pytest.raises(ValueError, match=r"source would take 80,000,000,000,000 bytes \(10,000,000,000,000 bytes"):
        load_text(path)


def test_a_byte_order_mark_is_no_character(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_text("the\ufeff end", encoding="utf-8-sig")
    assert load_text(path).characters == "the end"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("content", [b"1 2 3", "Élan".encode("latin-1")])
def test_where_the_variable_is_wrong_it_is_named(monkeypatch, tmp_path, content):
    (tmp_path / "mine.txt").write_bytes(content)
    monkeypatch.setenv(text.VARIABLE, str(tmp_path / "mine.txt"))
    with pytest.raises(ValueError, match=rf"^{text.VARIABLE} is mine.txt, .*wanted"):
        load_text()


@pytest.mark.skipif(not REAL.exists(), reason="the book's text is not here")
@for_each(("edition", "length"), [("v1.0", 173_428), ("v0.17", 170_580), ("v0.14", 170_580)])
def test_the_real_text_has_as_many_characters_as_in_the_book(edition, length):
    found = load_text(REAL, edition=edition)
    assert len(found.characters) == length
    assert len(Vocab(found.characters)) == 28
    assert found.source == "The Time Machine, the book's copy"
    assert hashlib.sha1(REAL.read_bytes()).hexdigest() == text.SHA1


def test_lines_end_where_those_of_a_file_end(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes("one \x0c two\r\nthree \rfour \x85 five\n".encode())
    assert load_text(path, edition="v0.17").characters == "one twothreefour five"
    with path.open(encoding="utf-8") as lines:
        assert len(list(lines)) == 3


def test_the_vocabulary():
    vocab = Vocab("banana band", min_freq=2, reserved_tokens=["<pad>"])
    assert vocab.idx_to_token == ["<unk>", "<pad>", "a", "b", "n"]
    assert len(vocab) == 5 and vocab["<pad>"] == 1 and vocab["d"] == vocab.unk == 0
    assert vocab["ban?"].tolist() == [3, 2, 4, 0]
    assert vocab[["a", "<pad>", "zzz"]].tolist() == [2, 1, 0]
    assert "".join(vocab.to_tokens(vocab["nab"])) == "nab"
    assert vocab.to_tokens(3) == "b" and vocab[""].shape == (0,)
    assert len(Vocab()) == 1
    assert vocab.to_tokens([[3, 2], [4, 0]]) == [["b", "a"], ["n", "<unk>"]]
    for call, error, words in (
        (lambda: Vocab(5), TypeError, "tokens is 5, wanted a text or a sequence of tokens"),
        (lambda: Vocab([1, "a"]), TypeError, "tokens has 1 in it, wanted texts"),
        (lambda: Vocab("ab", 1.5), TypeError, r"min_freq is 1\.5, wanted a whole number from 0 on"),
        (lambda: Vocab("ab", 0, [3]), TypeError, "reserved_tokens has 3 in it"),
        (lambda: vocab[None], TypeError, "tokens is None"),
        (lambda: vocab.to_tokens(99), ValueError, "indices is 99, wanted a whole number from 0 to V - 1 = 4"),
        (lambda: vocab.to_tokens([0, -1]), ValueError, "indices is -1"),
        (lambda: vocab.to_tokens("h"), TypeError, "indices is 'h'"),
    ):
        with pytest.raises(error, match=words):
            call()


N, B, T = 1000, 4, 7
CORPUS = np.arange(N)


@for_each("seed", [None, 0, 1, 2])
def test_sequential_batches_go_on_where_they_ended(seed):
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(sequential_batches(CORPUS, B, T, rng))
    for x, y in batches:
        assert x.shape == y.shape == (T, B)
        np.testing.assert_array_equal(y, x + 1)
        np.testing.assert_array_equal(np.diff(x, axis=0), 1)
    for (before, _), (after, _) in itertools.pairwise(batches):
        np.testing.assert_array_equal(after[0], before[-1] + 1)
    first = batches[0][0][0]
    assert len(set(np.diff(first))) == 1 and first[1] - first[0] >= T * len(batches)
    assert 0 <= first[0] <= T and (seed is not None or first[0] == 0)
    assert len(batches) >= (N - T - 1) // B // T


def test_random_batches_take_every_piece_once():
    rng = np.random.default_rng(3)
    batches = list(random_batches(CORPUS, B, T, rng))
    starts = []
    for x, y in batches:
        assert x.shape == y.shape == (T, B)
        np.testing.assert_array_equal(y, x + 1)
        np.testing.assert_array_equal(np.diff(x, axis=0), 1)
        starts += x[0].tolist()
    assert len(set(starts)) == len(starts) == (N - T) // T // B * B
    assert {start % T for start in starts} == {starts[0] % T}
    assert starts != sorted(starts)


def test_the_offsets_are_those_of_the_book():
    rng = np.random.default_rng(0)
    first = {next(iter(sequential_batches(CORPUS, B, T, rng)))[0][0, 0] for _ in range(300)}
    assert first == set(range(T + 1))
    assert {next(iter(random_batches(CORPUS, B, T, rng)))[0][0, 0] % T for _ in range(300)} == set(range(T))


@for_each("cut", [sequential_batches, random_batches])
def test_a_corpus_that_is_too_short_or_none(cut):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"corpus has 20 tokens, wanted at least 4 x 7 \+ "):
        cut(np.arange(20), B, T, rng)
    with pytest.raises(ValueError, match=r"corpus has 0 tokens, wanted at least 4 x 7 \+ .* = \d+ for one minibatch"):
        cut([], B, T, rng)
    with pytest.raises(TypeError, match="corpus is a text, wanted whole numbers"):
        cut("hello", B, T, rng)
    with pytest.raises(TypeError, match="corpus has dtype float64, wanted whole numbers"):
        cut(np.zeros(99), B, T, rng)
    with pytest.raises(TypeError, match=r"rng is a int, wanted a numpy.random.Generator"):
        cut(CORPUS, B, T, 0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        cut(CORPUS, 0, T, rng)
    with pytest.raises(ValueError, match="num_steps is -1"):
        cut(CORPUS, B, -1, rng)
    with pytest.raises(ValueError, match=r"corpus has 1000 tokens, wanted at least 10\*\*400 or more x 7 \+ "):
        cut(CORPUS, 10**400, T, rng)
    assert next(iter(sequential_batches(np.arange(B * T + 1), B, T)))[0].shape == (T, B)
    assert next(iter(cut(np.arange(B * T + 1 + T), B, T, rng)))[0].shape == (T, B)
