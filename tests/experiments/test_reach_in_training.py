"""How far the gradient reaches in training: gradients of unrolled Jacobians, runs of ``train``, and both pictures."""

import numpy as np
import pytest
from loops import for_each
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from d2lbptt import figures
from d2lbptt.experiments import reach_in_training
from d2lbptt.text.corpus import Vocab
from d2lbptt.text.training import book_params, perplexity, train

SENTENCE = "the old clock stands by the bridge and the boat waits for the wind "
VOCAB = Vocab(SENTENCE)
V, CORPUS = len(VOCAB), VOCAB[30 * SENTENCE]
SMALL = {"num_hiddens": 5, "far": 4}


def run(**settings):
    return reach_in_training(CORPUS, CORPUS[::-1].copy(), V, **SMALL | settings)


def left(params, text, far):
    """|dl_t/dh_{t-k}| / |dl_t/dh_t| for k = 0 .. far, by a product of Jacobians written out for each place."""
    W_hx, W_hh, W_qh, b_h, b_q = (W.astype(float) for W in params)
    squares = np.zeros(far + 1)
    for place in np.linspace(0, len(text) - far - 2, 100).astype(int):
        h, slopes = np.zeros(len(W_hh)), []
        for token in text[place : place + far + 1]:
            h = np.tanh(W_hx[:, token] + W_hh @ h + b_h)
            slopes.append(1 - h**2)
        o = W_qh @ h + b_q
        guess = np.exp(o) / np.exp(o).sum()
        guess[text[place + far + 1]] -= 1
        row = guess @ W_qh
        for k in range(far + 1):
            squares[k] += row @ row
            row = row @ (slopes[far - k][:, None] * W_hh)
    return np.sqrt(squares / squares[0])


def test_the_start_is_the_book_s_and_what_is_left_is_that_of_the_jacobians():
    found, text = run(epochs=[0], seed=3), CORPUS[::-1]
    start = book_params(V, 5, 3)
    assert all(np.array_equal(a, b) for a, b in zip(found.params, start, strict=True))
    np.testing.assert_allclose(10 ** found.decades[0], left(start, text, 4), rtol=1e-9)
    assert found.learned[0] == pytest.approx(V, rel=0.01) and found.stopped == ""


@for_each("options", [
    {}, {"cut": "random"}, {"scheme": "window", "tau": 2}, {"scheme": "randomized", "pi": 0.8},
])  # fmt: skip
def test_what_is_looked_at_is_the_trained_network(options):
    found = run(epochs=[0, 2, 5], **options)
    text = CORPUS[::-1]
    np.testing.assert_allclose(10 ** found.decades[-1], left(found.params, text, 4), rtol=1e-9)
    assert found.learned[-1] == perplexity(found.params, CORPUS)
    assert found.held_out[-1] == perplexity(found.params, text)
    assert found.radius[-1] == pytest.approx(np.abs(np.linalg.eigvals(found.params.W_hh.astype(float))).max())
    assert found.epochs.tolist() == [0, 2, 5] and found.learned[2] < found.learned[0]


def test_the_training_is_that_of_train_and_its_options_count():
    draws = np.random.default_rng((0, 3)).integers(2**31, size=1)
    whole = train(CORPUS, V, epochs=3, params=book_params(V, 5), seed=int(draws[0]))
    assert np.array_equal(run(epochs=[3]).params.W_hh, whole.params.W_hh)
    others = {"cut": "random"}, {"scheme": "window", "tau": 1}, {"scheme": "randomized", "pi": 0.5}, {"seed": 1}
    assert not any(np.array_equal(run(epochs=[3], **other).params.W_hh, whole.params.W_hh) for other in others)


def test_the_reach_is_the_last_step_with_a_hundredth_left():
    found = run(epochs=[0, 1, 40], far=6)
    for decades, reach in zip(found.decades, found.reach, strict=True):
        assert decades[: reach + 1].min() >= -2 and (reach == 6 or decades[reach + 1] < -2)


def test_a_run_that_is_interrupted_ends_with_what_it_has(monkeypatch):
    class Interrupts:
        """Lets the first epochs pass."""

        def __init__(self, epochs):
            self.epochs = epochs

        def __iter__(self):
            for epoch in self.epochs:
                if len(self.epochs) > 1 and epoch == 1:
                    raise KeyboardInterrupt
                yield epoch

    found = run(epochs=[0, 1, 4, 9], progress=Interrupts)
    assert found.stopped == "interrupted" and found.epochs.tolist() == [0, 1] and len(found.decades) == 2
    assert run(epochs=[1, 2]).epochs.tolist() == [1, 2]


@for_each(("settings", "message"), [
    ({"epochs": [2, 1]}, "epochs is .*, wanted whole numbers from 0 on, rising"),
    ({"epochs": []}, "epochs"),
    ({"scheme": "tbptt"}, "scheme is 'tbptt'"),
    ({"scheme": "window"}, "tau is None, wanted a number"),
    ({"far": 0}, "far is 0"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        run(**settings)


def test_texts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="held_out has 10 tokens, wanted 200 or more"):
        reach_in_training(CORPUS, CORPUS[:10], V)
    with pytest.raises(ValueError, match=f"held_out has tokens from 1 to {V}, wanted 0 to V - 1 = {V - 1}"):
        reach_in_training(CORPUS, np.arange(V, 0, -1).repeat(20), V)


def axes():
    figure = Figure(figsize=(9.6, 4.3), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.1, 0.16, 0.88, 0.8))


def test_the_picture_over_epochs_names_each_line_with_its_reach():
    found = run(epochs=[0, 3, 30], far=6)
    ax = figures.reach_in_training(axes(), found)
    ax.figure.canvas.draw()
    lines = [line for line in ax.lines if len(line.get_ydata()) == 7]
    for line, decades in zip(lines, found.decades, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), decades)
    words = [f"{reach if reach < 6 else '6 or more'}" for reach in found.reach]
    wanted = {f"epoch {e}: {w} step{'' if w == '1' else 's'}" for e, w in zip((0, 3, 30), words, strict=True)}
    assert {text.get_text() for text in ax.texts} == wanted


def test_the_picture_of_held_out_text_has_a_line_for_each_seed():
    runs = {"full": [[20.0, 9.0, 13.0], [20.0, 9.2, 13.5]], "window": [[20.0, 9.5, 11.0]]}
    ax = figures.held_out(axes(), [0, 50, 100], runs, {"frequencies": 12.0})
    ax.figure.canvas.draw()
    lines = [line.get_ydata().tolist() for line in ax.lines if len(line.get_ydata()) == 3]
    assert lines == [*runs["full"], *runs["window"]]
    assert {text.get_text() for text in ax.texts} == {"full", "window", "frequencies"}
    for wrong in ({"one": [[1.0, 2.0]]}, {"one": [[1.0, -2.0, 3.0]]}, {}):
        with pytest.raises(ValueError, match="runs"):
            figures.held_out(axes(), [0, 50, 100], wrong)
