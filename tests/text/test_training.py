"""Training a character model: the book's loop, clipping, the cuts, what stops it, and what the model says.

Oracles: a textbook loop in NumPy, which goes back from the loss of each step on its own, pair (t, k) by pair; and the
same loop in torch, with autograd and ``detach`` (it skips where torch is missing). Both see the same minibatches, in
float64; the minibatches and the gates are drawn anew from the same seeds. For k1 and k2 both hold the states as numbers
in a list, and each update goes back over the last of them.
"""

import itertools
import warnings

import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, forward, loss
from d2lbptt.bptt import backward
from d2lbptt.gates import SCHEMES, scheme_options, tbptt
from d2lbptt.text import training
from d2lbptt.text.corpus import Vocab, random_batches, sequential_batches
from d2lbptt.text.training import START, _norm, _sgd_step, book_params, perplexity, predict, train

SENTENCE = "the quick brown fox jumps over the lazy dog and the dog does not mind it at all "
VOCAB = Vocab(SENTENCE)
CORPUS = VOCAB[8 * SENTENCE]
SMALL = {"num_hiddens": 12, "num_steps": 9, "batch_size": 4, "dtype": float}


def small_run(text=CORPUS, **settings):
    return train(text, len(VOCAB), **{"epochs": 3} | SMALL | settings)


def updates(T, k1, k2):
    """Where the losses of an update begin and end, and where the steps begin over which it goes back; from 0."""
    for begin in range(0, T, k1 or T):
        end = min(begin + (k1 or T), T)
        yield begin, end, max(end - (k2 or T), 0)


def in_torch(*, epochs, lr, clip, cut, scheme="full", tau=None, pi=None, k1=None, k2=None, seed=0):
    """The perplexities and the last parameters of the book's loop in torch, arrows detached as the scheme says."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    F = torch.nn.functional
    T, B, V = SMALL["num_steps"], SMALL["batch_size"], len(VOCAB)
    start = book_params(V, SMALL["num_hiddens"], seed, float)
    W = {name: torch.tensor(value, requires_grad=True) for name, value in start._asdict().items()}
    rng, found_perplexity = np.random.default_rng((seed, 2)), []
    cutter = {"sequential": sequential_batches, "random": random_batches}[cut]

    def outputs(x, h):
        """The outputs of all steps, and the last state."""
        found, gates = [], scheme_options(scheme, T, tau=tau, pi=pi, rng=rng).get("gates", np.ones(T))
        z_of_x = F.one_hot(torch.tensor(x), V).double() @ W["W_hx"].T + W["b_h"]
        for t in range(T):
            if scheme == "window":  # for the loss of step t alone, run again from a detached h_{t - tau}
                later = states(z_of_x, h, t - tau + 1, t)
                found.append(later @ W["W_qh"].T + W["b_q"])
                continue
            gate = float(gates[t])
            h_in = h.detach() if gate == 0 else gate * h - (gate - 1) * h.detach()  # the same value, gate x the slope
            h = torch.tanh(z_of_x[t] + h_in @ W["W_hh"].T)
            found.append(h @ W["W_qh"].T + W["b_q"])
        return torch.stack(found), (states(z_of_x, h, 0, T - 1) if scheme == "window" else h).detach()

    def states(z_of_x, h, first, last):
        for t in range(last + 1):
            if t == first:
                h = h.detach()
            h = torch.tanh(z_of_x[t] + h @ W["W_hh"].T)
        return h

    def along(stored, x):
        """The states as they were stored, with the slopes that they had, on the present weights: z is no new one."""
        h, found = stored[0], []
        for x_t, value in zip(x, stored[1:], strict=True):
            z = W["W_hx"].T[x_t] + h @ W["W_hh"].T + W["b_h"]
            h = value + (1 - value**2) * (z - z.detach())
            found.append(h)
        return torch.stack(found)

    def learn(o, y):
        l = F.cross_entropy(o.reshape(-1, V), torch.tensor(np.ascontiguousarray(y)).reshape(-1))
        l.backward()
        with torch.no_grad():
            size = torch.sqrt(sum((w.grad**2).sum() for w in W.values()))
            for w in W.values():
                w -= lr * w.grad * (clip / size if clip and size > clip else 1)
                w.grad = None
        return l.item()

    for _ in range(epochs):
        losses, h = [], torch.zeros(B, SMALL["num_hiddens"], dtype=torch.float64)
        for x, y in cutter(CORPUS, B, T, rng):
            if cut == "random":
                h = torch.zeros_like(h)
            if scheme != "tbptt":
                o, h = outputs(x, h)
                losses.append(learn(o, y))
                continue
            stored = [h]
            for begin, end, start in updates(T, k1, k2):
                for x_t in x[begin:end]:
                    z = W["W_hx"].T[x_t] + stored[-1] @ W["W_hh"].T + W["b_h"]
                    stored.append(torch.tanh(z).detach())
                h_now = along(stored[start:], x[start:end])[begin - start :]
                losses += [learn(h_now @ W["W_qh"].T + W["b_q"], y[begin:end])] * (end - begin)
            h = stored[-1]
        found_perplexity.append(np.exp(np.mean(losses)))
    return np.array(found_perplexity), {name: w.detach().numpy() for name, w in W.items()}


def pair_weights(scheme, T, tau, pi, rng):
    """What the scheme makes of the part of the gradient that goes from the loss of step t to step k; counted from 0."""
    t, k = np.mgrid[:T, :T]
    if scheme == "window":
        return (t - k < tau) * 1.0
    if scheme == "chunks":
        return (t // tau == k // tau) * 1.0
    kept = (rng.random(T) < pi) / pi if scheme == "randomized" else np.ones(T)
    return np.array([[np.prod(kept[k + 1 : t + 1]) for k in range(T)] for t in range(T)])


def textbook_states(W, x, h):
    """The states that follow on h, (B, h), one for each step of x, (T, B)."""
    for x_t in x:
        h = np.tanh(W["W_hx"][:, x_t].T + h @ W["W_hh"].T + W["b_h"])
        yield h


def textbook_gradients(W, x, states, y, weights, count):
    """The mean loss of the last steps, as many as ``count``, and its gradients, from each loss on its own."""
    T, B = x.shape
    total, back = 0.0, {name: np.zeros_like(value) for name, value in W.items()}
    for t in range(T - count, T):
        o = states[t + 1] @ W["W_qh"].T + W["b_q"]
        p = np.exp(o) / np.exp(o).sum(1, keepdims=True)
        total -= np.log(p[np.arange(B), y[t]]).sum()
        p[np.arange(B), y[t]] -= 1
        back["W_qh"] += p.T @ states[t + 1]
        back["b_q"] += p.sum(0)
        dh = p @ W["W_qh"]
        for k in range(t, -1, -1):
            dz = dh * (1 - states[k + 1] ** 2)
            for b in range(B):
                back["W_hx"][:, x[k, b]] += weights[t, k] * dz[b]
            back["W_hh"] += weights[t, k] * dz.T @ states[k]
            back["b_h"] += weights[t, k] * dz.sum(0)
            dh = dz @ W["W_hh"]
    return total / (count * B), {name: g / (count * B) for name, g in back.items()}


def in_numpy(*, epochs, lr, clip, cut, scheme="full", tau=None, pi=None, k1=None, k2=None, seed=0):
    """What ``Training`` holds, by the textbook loop: perplexity, norm, share clipped, parameters."""
    T, B, V = SMALL["num_steps"], SMALL["batch_size"], len(VOCAB)
    W = {name: value.copy() for name, value in book_params(V, SMALL["num_hiddens"], seed, float)._asdict().items()}
    rng, rows = np.random.default_rng((seed, 2)), []
    for _ in range(epochs):
        h, found = np.zeros((B, SMALL["num_hiddens"])), []
        for x, y in {"sequential": sequential_batches, "random": random_batches}[cut](CORPUS, B, T, rng):
            states = [np.zeros_like(h) if cut == "random" else h]
            for begin, end, start in updates(T, k1, k2):
                states += textbook_states(W, x[begin:end], states[-1])
                weights, now = pair_weights(scheme, end - start, tau, pi, rng), slice(start, end)
                l, back = textbook_gradients(W, x[now], states[start:], y[now], weights, end - begin)
                size = np.sqrt(sum((g**2).sum() for g in back.values()))
                too_long = bool(clip) and size > clip
                for name, g in back.items():
                    W[name] = W[name] - lr * (g * clip / size if too_long else g)
                found.append((l * (end - begin), size, too_long, end - begin))
            h = states[-1]
        total, sizes, clipped, steps = np.sum(found, 0)
        rows.append((total / steps, sizes / len(found), clipped / len(found)))
    losses, sizes, clipped = np.array(rows).T
    return np.exp(losses), sizes, clipped, W


SCHEMES_AND_OPTIONS = (
    {},
    {"scheme": "window", "tau": 3},
    {"scheme": "chunks", "tau": 4},
    {"scheme": "tbptt", "k1": 4, "k2": 6, "lr": 0.5},  # at 2 so many updates are chaotic: rounding grows
    {"scheme": "tbptt", "k1": 1, "k2": 3, "lr": 0.1},
    {"scheme": "randomized", "pi": 0.6},
)


@pytest.mark.slow
@for_each("clip", [0.05, 0.4, None])
@for_each("cut", ["sequential", "random"])
@for_each("scheme", SCHEMES_AND_OPTIONS)
def test_each_epoch_is_that_of_the_textbook(scheme, cut, clip):
    settings = {"epochs": 3, "lr": 2.0, "clip": clip, "cut": cut, "seed": 5} | scheme
    found, sizes, clipped, params = in_numpy(**settings)
    run = small_run(**settings)
    np.testing.assert_allclose(run.perplexity, found, rtol=1e-11)
    np.testing.assert_allclose(run.norm, sizes, rtol=1e-9)
    np.testing.assert_array_equal(run.clipped, clipped)
    for name, value in params.items():
        np.testing.assert_allclose(getattr(run.params, name), value, rtol=0, atol=1e-11)
    assert bool(run.clipped.any()) == bool(clip)


@pytest.mark.slow
@for_each("clip", [0.05, None])
@for_each("cut", ["sequential", "random"])
@for_each("scheme", SCHEMES_AND_OPTIONS)
def test_each_epoch_is_that_of_torch(scheme, cut, clip):
    settings = {"epochs": 3, "lr": 2.0, "clip": clip, "cut": cut, "seed": 5} | scheme
    wanted, params = in_torch(**settings)
    run = small_run(**settings)
    np.testing.assert_allclose(run.perplexity, wanted, rtol=1e-11)
    for name, value in params.items():
        np.testing.assert_allclose(getattr(run.params, name), value, rtol=0, atol=1e-11)
    assert bool(run.clipped.any()) == bool(clip)


@for_each("cut", ["sequential", "random"])
def test_one_update_for_all_steps_is_the_full_gradient(cut):
    """The package against itself, to the bit: a minibatch is one piece, and nothing older stands before it."""
    settings = {"cut": cut, "lr": 2.0, "seed": 3}
    full, one = small_run(**settings), small_run(**settings, scheme="tbptt", k1=9, k2=9)
    for a, b in zip((*full.params, *full[1:4]), (*one.params, *one[1:4]), strict=True):
        np.testing.assert_array_equal(a, b)


@for_each(("k1", "k2"), [(1, 1), (1, 4), (2, 5), (3, 3), (4, 6), (4, 9), (9, 9)])
def test_with_small_steps_the_updates_add_up_to_a_gradient_with_first_steps(k1, k2):
    """Each update is a mean over its own steps: 1 / n of each loss, with n = k1, or fewer in the last update."""
    rng, V, T, B, lr = np.random.default_rng(0), len(VOCAB), 9, 4, 1e-7
    params = Params(*(rng.normal(size=shape) / 2 for shape in ((12, V), (12, 12), (V, 12), (12,), (V,))))
    corpus = CORPUS[: B * T + T]
    (x, y), *more = random_batches(corpus, B, T, np.random.default_rng((0, 2)))
    assert not more
    run = small_run(scheme="tbptt", k1=k1, k2=k2, cut="random", lr=lr, clip=None, params=params, epochs=1, text=corpus)
    sizes = [min(k1, T - t // k1 * k1) for t in range(T)]
    options = {"loss": "cross_entropy", "reduction": "sum", "weights": 1 / np.array(sizes)}
    want = backward(forward(params, np.eye(V)[x], activation="tanh"), y, **options, first=tbptt(T, k1, k2))
    for name, before in params._asdict().items():
        moved = (before - getattr(run.params, name)) / lr
        assert np.linalg.norm(moved - getattr(want, name)) <= 1e-5 * np.linalg.norm(getattr(want, name)), name


def test_it_learns_the_sentence_and_says_it():
    run = small_run(epochs=120, num_hiddens=32)
    assert run.perplexity[0] > 10 > 1.2 > run.perplexity[-1]
    assert predict("the quick", 40, run.params, VOCAB) == SENTENCE[:49]
    assert run.stopped == "" and len(run.perplexity) == len(run.seconds) == len(run.norm) == 120
    assert np.all(run.seconds > 0)


@for_each("cut", ["sequential", "random"])
def test_without_steps_the_perplexity_is_that_of_the_forward_pass(cut):
    params = book_params(len(VOCAB), 12, 1, float)
    run = small_run(lr=0.0, cut=cut, epochs=1, params=params)
    # The start knows nothing yet: every token is nearly as probable as any other.
    assert run.perplexity[0] == pytest.approx(len(VOCAB), rel=0.01)
    assert all(np.array_equal(a, b) for a, b in zip(run.params, params, strict=True))


def test_the_start_is_that_of_the_book():
    params = book_params(28, 512)
    for W in (params.W_hx, params.W_hh, params.W_qh):
        assert W.dtype == np.float32
        assert W.std() == pytest.approx(START, rel=4.5 / np.sqrt(2 * W.size))
    assert not params.b_h.any() and not params.b_q.any()


def test_the_norm_and_the_step():
    rng = np.random.default_rng(0)
    params = book_params(5, 4, 0, float)._replace(b_q=None)
    trace = forward(params, rng.normal(size=(6, 5)), activation="tanh")
    gradients = backward(trace, rng.integers(5, size=6), loss="cross_entropy")
    flat = np.concatenate([g.ravel() for g in gradients[:5] if g is not None])
    assert _norm(gradients) == pytest.approx(np.linalg.norm(flat), rel=1e-12)
    moved = _sgd_step(params, gradients, 0.5)
    assert moved.b_q is None
    np.testing.assert_array_equal(moved.W_hh, params.W_hh - 0.5 * gradients.W_hh)


def test_a_norm_whose_square_overflows_and_a_step_that_does():
    params = book_params(3, 2, 0, np.float32)
    huge = backward(forward(params, np.eye(3, dtype=np.float32)), np.arange(3), loss="cross_entropy")
    huge = huge._replace(W_hh=np.full((2, 2), 1e30, np.float32), b_q=np.zeros(3, np.float32))
    assert _norm(huge) == pytest.approx(2e30, rel=1e-6)
    tiny = type(huge)(*(1e-30 * np.sign(g) for g in huge))
    assert 1e30 * _norm(tiny) == pytest.approx(np.sqrt(sum(np.count_nonzero(g) for g in huge[:5])), rel=1e-6)
    assert _sgd_step(params, huge, 1e3).W_hh.dtype == np.float32
    with pytest.raises(FloatingPointError, match="W_hh overflows float32"):
        _sgd_step(params, huge, 1e30)


@pytest.mark.parametrize(("given", "dtype", "wanted"), [(np.float32, float, float), (float, np.float32, float)])
def test_given_parameters_keep_the_more_digits(given, dtype, wanted):
    run = small_run(epochs=1, params=book_params(len(VOCAB), 6, 1, given), dtype=dtype)
    assert {W.dtype for W in run.params} == {np.dtype(wanted)}


@for_each("dtype", [np.float32, float])
def test_every_scheme_stays_in_its_dtype(dtype):
    for scheme in SCHEMES_AND_OPTIONS:
        assert {W.dtype for W in small_run(epochs=1, **scheme | {"dtype": dtype}).params} == {np.dtype(dtype)}


def test_a_run_that_is_interrupted_keeps_what_it_has():
    def two(epochs):
        for epoch in epochs:
            if epoch == 2:
                raise KeyboardInterrupt
            yield epoch

    run, whole = small_run(epochs=50, progress=two), small_run(epochs=2)
    assert run.stopped == "interrupted"
    np.testing.assert_array_equal(run.perplexity, whole.perplexity)
    assert all(np.array_equal(a, b) for a, b in zip(run.params, whole.params, strict=True))


def test_the_progress_bar_says_the_perplexity(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's own, where a notebook's bar cannot be made
        run = small_run(epochs=3, progress=True)
    shown = capsys.readouterr().err
    assert "epochs" in shown and f"perplexity={run.perplexity[0]:.2f}" in shown
    assert np.array_equal(run.perplexity, small_run(epochs=3).perplexity)


def test_a_run_that_overflows_ends_with_a_word_and_what_it_has():
    run = small_run(lr=1e30, clip=None, epochs=50, activation="relu")
    assert "overflow" in run.stopped
    assert len(run.perplexity) < 50
    assert all(np.isfinite(W).all() for W in run.params)


def test_settings_that_cannot_be():
    for settings, words in (
        ({"scheme": "half"}, "scheme is 'half', wanted one of full, window, chunks, tbptt, randomized"),
        ({"tau": 3}, "tau is 3, wanted None where the scheme is full"),
        ({"scheme": "randomized", "pi": 0.5, "tau": 3}, "tau is 3, wanted None where the scheme is randomized"),
        ({"scheme": "window", "tau": 3, "pi": 0.5}, r"pi is 0\.5, wanted None where the scheme is window"),
        ({"scheme": "window"}, "tau is None, wanted a number where the scheme is window"),
        ({"scheme": "chunks", "tau": 10}, "tau is 10, wanted a whole number from 1 to T = 9"),
        ({"k1": 3}, "k1 is 3, wanted None where the scheme is full"),
        ({"scheme": "window", "tau": 3, "k2": 3}, "k2 is 3, wanted None where the scheme is window"),
        ({"scheme": "tbptt", "k1": 3, "k2": 3, "tau": 3}, "tau is 3, wanted None where the scheme is tbptt"),
        ({"scheme": "tbptt", "k2": 3}, "k1 is None, wanted a number where the scheme is tbptt"),
        ({"scheme": "tbptt", "k1": 3}, "k2 is None, wanted a number where the scheme is tbptt"),
        ({"scheme": "tbptt", "k1": 3, "k2": 2}, "k1 is 3, wanted a whole number from 1 to k2 = 2"),
        ({"scheme": "tbptt", "k1": 3, "k2": 10}, "k2 is 10, wanted a whole number from 1 to T = 9"),
        ({"scheme": "tbptt", "k1": 2.5, "k2": 9}, r"k1 is 2\.5, wanted a whole number from 1"),
        ({"scheme": "randomized"}, "pi is None, wanted a number where the scheme is randomized"),
        ({"scheme": "randomized", "pi": 0.0}, r"pi is 0\.0, wanted above 0 and at most 1"),
        ({"clip": 0}, r"clip is 0\.0, wanted a number above 0"),
        ({"cut": "never"}, "cut is 'never', wanted one of sequential, random"),
        ({"epochs": 0}, "epochs is 0"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"dtype": int}, "dtype is int64, wanted float32 or float64"),
        ({"dtype": "foo"}, "dtype is 'foo', wanted float32 or float64"),
        ({"lr": -1}, r"lr is -1\.0, wanted a number from 0"),
        ({"progress": 3}, "progress is 3, wanted True, False or a callable"),
        ({"progress": lambda epochs: 3}, "progress returned a int, wanted the epochs, one by one"),
        ({"epochs": 10**30}, "epochs would take 10.* bytes .epochs = 10.*, wanted no more than"),
        ({"num_hiddens": 10**9}, "num_hiddens would take 8,000,000,000,000,000,000 bytes"),
        ({"batch_size": 10**400}, r"corpus has 640 tokens, wanted at least 10\*\*400 or more x 9 .*batch_size"),
        ({"num_steps": 10**30}, r"corpus has 640 tokens, wanted .*num_steps"),
        ({"params": Params(*3 * [np.eye(len(VOCAB))], b_q=np.zeros(2))}, r"b_q has shape \(2,\), wanted \(q,\)"),
        ({"params": Params(None, *2 * [np.eye(3)])}, "W_hx has dtype object, wanted"),
        ({"params": Params(np.eye(3), np.eye(2), np.eye(3))}, r"W_hx has shape \(3, 3\), wanted \(h, d\) with h = 2"),
        ({"params": Params(np.eye(3), np.eye(3), np.eye(2))}, r"W_qh has shape \(2, 2\), wanted \(q, h\) with h = 3"),
        ({"params": Params(np.eye(3), np.eye(3), np.nan * np.eye(3))}, r"W_qh is nan at index \(0, 0\), wanted finite"),
        ({"params": book_params(3, 4)}, r"params has W_hx and W_qh for 3 and 3 tokens, wanted V = \d"),
        ({"params": [1, 2]}, "params is a list, wanted Params"),
        ({"batch_size": 500}, "corpus has 640 tokens, wanted at least 500 x 9"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            small_run(**settings)
    with pytest.raises(ValueError, match=r"corpus has the token 27, wanted 0 to V - 1 = 2"):
        train(CORPUS, 3, epochs=1)
    with pytest.raises(ValueError, match=r"num_tokens would take 4,000,000,000,000 bytes \(num_tokens = 1000000\)"):
        train(CORPUS, 10**6, epochs=1)


@for_each("scheme", SCHEMES)
def test_the_options_of_a_scheme_are_what_backward_takes(scheme):
    rng = np.random.default_rng(0)
    trace = forward(book_params(5, 4, 0, float), rng.normal(size=(6, 5)))
    gradients = backward(trace, np.zeros((6, 5)), **scheme_options(scheme, 6, tau=2, pi=0.5, k1=2, k2=3, rng=rng))
    full = backward(trace, np.zeros((6, 5)))
    assert np.array_equal(gradients.W_hh, full.W_hh) == (scheme == "full")


def test_prediction_is_step_by_step():
    params = small_run().params
    said = predict("dog", 15, params, VOCAB)
    for length in range(3, len(said)):
        x = np.eye(len(VOCAB))[VOCAB[said[:length]]]
        assert VOCAB.to_tokens(forward(params, x, activation="tanh").o[-1].argmax()) == said[length]
    assert predict("d", 0, params, VOCAB) == "d"
    with pytest.raises(ValueError, match="prefix is '', wanted a text"):
        predict("", 3, params, VOCAB)
    with pytest.raises(ValueError, match="num_preds would take"):
        predict("d", 10**30, params, VOCAB)
    with pytest.raises(ValueError, match=r"params has W_hx and W_qh for \d+ and \d+ tokens, wanted V = 1"):
        predict("a", 3, params, Vocab())
    with pytest.raises(TypeError, match="params is a int, wanted Params"):
        predict("a", 3, 5, VOCAB)
    with pytest.raises(TypeError, match="vocab is a int, wanted Vocab"):
        predict("a", 3, params, 5)
    assert loss(forward(params, x, activation="tanh"), np.zeros(len(x), int), loss="cross_entropy") > 0


def textbook_perplexity(W, corpus, num_steps=None):
    """Letter by letter, from the product of the probabilities."""
    h, bits = np.zeros(len(W.W_hh)), 0.0
    for i, (now, after) in enumerate(itertools.pairwise(corpus)):
        if num_steps and i % num_steps == 0:
            h = np.zeros_like(h)
        h = np.tanh(W.W_hx[:, now] + W.W_hh @ h + W.b_h)
        o = W.W_qh @ h + W.b_q
        bits -= np.log2(np.exp(o[after]) / np.exp(o).sum())
    return 2 ** (bits / (len(corpus) - 1))


@pytest.mark.parametrize("num_steps", [None, 1, 9, 20, 78, 10**30])
def test_the_perplexity_of_a_text_is_that_of_the_textbook(num_steps, monkeypatch):
    monkeypatch.setattr(training, "BLOCK", 7)  # so that the state has to be carried from block to block
    params = small_run(epochs=30, num_hiddens=16).params
    corpus = VOCAB["the dog jumps over the lazy fox " * 2 + "and the dog"]
    wanted = textbook_perplexity(params, corpus, num_steps)
    assert perplexity(params, corpus, num_steps=num_steps) == pytest.approx(wanted, rel=1e-12)
    assert perplexity(params, corpus) != pytest.approx(perplexity(params, corpus, num_steps=9), rel=1e-3)
    assert perplexity(params, corpus, num_steps=len(corpus)) == perplexity(params, corpus)


def test_perplexities_that_cannot_be():
    params = book_params(3, 4, 0, float)
    assert perplexity(params._replace(W_qh=0 * params.W_qh), [0, 1]) == pytest.approx(3, rel=1e-15)
    certain = Params(np.eye(3), np.zeros((3, 3)), -1e4 * np.eye(3))
    assert perplexity(certain, [0, 0]) == np.inf
    for call, words in (
        (lambda: perplexity(params, [1]), r"corpus has shape \(1,\), wanted two tokens or more"),
        (lambda: perplexity(params, [0, 3]), "corpus has the token 3, wanted 0 to V - 1 = 2"),
        (lambda: perplexity(params, [0, -1]), "corpus has the token -1"),
        (lambda: perplexity(params, [0, 1], num_steps=0), "num_steps is 0"),
        (
            lambda: perplexity(params._replace(W_qh=np.eye(4), b_q=None), [0, 1]),
            "params has .* for 3 and 4 tokens, wanted as many",
        ),
        (lambda: perplexity(params, [0, 1], activation="leaky"), "activation is 'leaky'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
