"""The book's full settings beside torch: the first epochs agree, and ours take no longer.

Oracle: the book's loop and torch.nn.RNN, in ``benchmarks/training.py``, on the same minibatches from the same start.
"""

from time import process_time as clock

import numpy as np
import pytest

from d2lbptt.text.corpus import Vocab, load_text
from d2lbptt.text.training import book_params

EPOCHS = 12


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.filterwarnings("ignore:The Time Machine could not be had")
def test_the_books_settings_epoch_by_epoch():
    pytest.importorskip("torch", reason="torch is not installed")
    from benchmarks import training as benchmark

    text = load_text(edition="v0.17").characters
    vocab = Vocab(text)
    corpus, V = vocab[text][: benchmark.CHARACTERS], len(vocab)
    start = book_params(V, benchmark.UNITS)
    runs = [kind(corpus, V, start) for kind in (benchmark.Ours, benchmark.BookLoop, benchmark.Concise)]
    found, seconds = np.empty((2, EPOCHS, 3))
    for epoch in range(EPOCHS):
        for i, run in enumerate(runs):
            begin = clock()
            found[epoch, i] = run.epoch(epoch)
            seconds[epoch, i] = clock() - begin
    np.testing.assert_allclose(found[:5, 1:], found[:5, :1] * [1, 1], rtol=1e-3)  # float32: later they drift apart
    np.testing.assert_allclose(found[:, 1:], found[:, :1] * [1, 1], rtol=0.05)
    assert found[-1, 0] < 0.75 * found[0, 0]
    theirs = np.median(seconds[:, 1:] / seconds[:, :1], 0)
    assert min(theirs) > 0.9  # a tenth for the noise of a shared machine
