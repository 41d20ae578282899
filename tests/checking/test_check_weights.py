"""The check where the losses have weights: padded sequences, ignored labels, a weight for each step.

Oracle: the loops of ``oracles`` for one loss at a time, which know no weights: the loss of step t as the last one of
the first t steps; then the sum over t and b with the weights, as their definition says.
"""

import numpy as np
import pytest
from loops import for_each
from oracles import by_hand, random_problem, summed, trace_of

from d2lbptt import Params, backward, check_gradients
from d2lbptt.checking import reference
from d2lbptt.checking.mistakes import MISTAKES, flawed

T, B = 7, 3
NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q")
LENGTHS = np.array([7, 4, 5])
MASK = (np.arange(T)[:, None] < LENGTHS) * 1.0


def problem(seed=0, T=T, B=B, **names):
    names = {"activation": "tanh", "loss": "squared_error", "reduction": "mean"} | names
    return random_problem(np.random.default_rng(seed), T, B, 2, 4, 3, **names)


def drawn(kind, seed=0, B=B):
    """Weights of a kind, and what they are for each sequence."""
    random = np.random.default_rng(seed).uniform(0.2, 2, (T, B or 1))
    found = {
        "mask": MASK,
        "random": random * MASK,
        "no zeros": random,
        "steps": random[:, 0] * (np.arange(T) != 2),
        "last": np.repeat([0.0, 1.0], [T - 1, 1])[:, None] * random,
    }[kind]
    return found if B else found if found.ndim == 1 else found[:, 0]


KINDS = ("mask", "random", "no zeros", "steps", "last")


def hidden(given, w):
    """Whether y is not looked at, for each label."""
    full = w if w.ndim == 2 or given.x.ndim == 2 else np.repeat(w[:, None], given.x.shape[1], 1)
    return full == 0


def padded(given, w, value):
    """The problem with something else in y where it is not looked at."""
    y = given.y.copy()
    y[hidden(given, w)] = value
    return given._replace(y=y)


def by_definition(trace, y, w, loss):
    """sum w l / sum w over all (t, b), each loss with a gradient of its own."""
    if trace.x.ndim == 2:
        trace, y = trace._replace(x=trace.x[:, None], h=trace.h[:, None], o=trace.o[:, None]), y[:, None]
    full = w if w.ndim == 2 else np.repeat(w[:, None], trace.x.shape[1], 1)
    total = dict.fromkeys(NAMES, 0.0)
    for t, b in np.ndindex(full.shape):
        steps = trace._replace(x=trace.x[: t + 1, b], h=trace.h[: t + 2, b], o=trace.o[: t + 1, b])
        alone = summed(by_hand(steps, y[: t + 1, b], loss=loss, reduction="last"))
        for name in NAMES:
            total[name] = total[name] + full[t, b] * alone[name]
    return {name: g / full.sum() for name, g in total.items()}


def checked(given, w, gradient=None, **more):
    options = {"h0": given.h0, "activation": given.activation, **given.options}
    return check_gradients(given.params, given.x, given.y, weights=w, gradient=gradient, **options, **more)


# --- what is right passes ---


@for_each("loss", ["squared_error", "cross_entropy"])
@for_each("kind", KINDS)
@for_each("B", [None, 3])
def test_the_reference_is_that_of_the_definition(kind, loss, B):
    given, w = problem(B=B, loss=loss), drawn(kind, B=B)
    want = by_definition(trace_of(given), given.y, w, loss)
    found = reference.along_states(trace_of(given), given.y, loss=loss, weights=w)[0][0]
    for name, gradient in want.items():
        np.testing.assert_allclose(found[name].sum(0), gradient, rtol=1e-11, atol=1e-15)


@for_each("loss", ["squared_error", "cross_entropy"])
@for_each("kind", KINDS)
@for_each("B", [None, 3])
def test_a_right_gradient_passes(kind, loss, B):
    for seed in range(4):
        given, w = problem(seed, B=B, loss=loss), drawn(kind, seed, B)
        for gradient in (None, lambda trace, y, w=w: by_definition(trace, y, w, loss)):
            report = checked(given, w, gradient)
            assert report.verdict == "PASS" and not report.hint, report


@for_each("reduction", ["mean", "sum", "last"])
@for_each("dtype", [float, np.float32])
def test_our_backward_passes_in_every_reduction(reduction, dtype):
    w = drawn("random") + (np.arange(T) == T - 1)[:, None]
    given = problem(reduction=reduction, dtype=dtype)
    assert checked(given, w) and checked(
        given, w, contributions=lambda trace, y: flawed(None, trace, y, **options(given, w))
    )


def options(given, w):
    return {**given.options, "weights": w}


PADDING = [("squared_error", np.nan), ("squared_error", -100.0), ("squared_error", 1e300), ("cross_entropy", -100)]


@for_each(("loss", "value"), PADDING)
@for_each("kind", ["mask", "steps"])
@for_each("B", [None, 3])
def test_what_stands_where_the_weight_is_0_is_given_to_the_reader_and_not_looked_at(loss, value, kind, B):
    """Also in the perturbed copies, which the reader is asked for where something is wrong."""
    w, seen = drawn(kind, B=B), []
    plain = problem(B=B, loss=loss)
    given, off = padded(plain, w, value), hidden(plain, w)

    def reader(factor):
        def gradient(trace, y):
            seen.append(y)
            found = backward(trace, np.where(off if y.ndim == off.ndim else off[..., None], 0, y), loss=loss, weights=w)
            return Params(*(factor * g for g in found[:5]))

        return gradient

    assert checked(given, w) and checked(given, w, reader(1))
    assert str(checked(given, w)) == str(checked(plain, w))
    assert checked(given, w, reader(2)).verdict == "FAIL"
    assert len(seen) > 48
    for y in (y for y in seen if len(y) == T):
        assert y.dtype == given.y.dtype
        np.testing.assert_array_equal(y[off], given.y[off])


# --- what is wrong fails, and it is said how ---


def unweighted(trace, y, loss="squared_error", **more):
    return backward(trace, y, loss=loss, **more)


def of_mask(y):
    """The weights as a reader makes them from y itself, for any length."""
    return (y[..., 0] if y.ndim == 3 else y) != -100


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("kind", ["mask", "random", "steps"])
@pytest.mark.parametrize("seed", range(3))
def test_forgotten_weights_are_told(loss, kind, seed):
    """The padding is counted: as the labels that it has, or as class 0."""
    given, w = problem(seed, loss=loss), drawn(kind, seed)
    for y, value in ((given, None), (padded(given, w, 0), 0), (padded(given, w, -100), 0)):
        report = checked(
            y,
            w,
            lambda trace, y, value=value: unweighted(
                trace, y if value is None else np.where(y == -100, value, y), loss
            ),
        )
        assert report.verdict == "FAIL" and report.hint == (
            "The weights are forgotten: all steps count alike, also where the weight is 0."
        )


def test_a_label_of_minus_100_may_be_counted_from_the_end():
    """As NumPy does it, if there are more than a hundred classes."""
    rng = np.random.default_rng(0)
    given = random_problem(rng, T, B, 2, 4, 103, activation="tanh", loss="cross_entropy", reduction="mean")
    report = checked(padded(given, MASK, -100), MASK, lambda trace, y: unweighted(trace, y % 103, "cross_entropy"))
    assert report.verdict == "FAIL" and "The weights are forgotten" in report.hint


FACTORS = [
    (
        "mask",
        16 / 21,
        "is 0.7619 times what it should be: the sum is divided by the number of all steps, not by the sum",
    ),
    ("mask", 16 / 3, "is 5.333 times what it should be: the division by the sum of the weights is missing."),
    ("mask", 16, "is 16 times what it should be: the divisions by the sum of the weights and by B are missing."),
    ("mask", 3 / 16, "is 0.1875 times what it should be: it was divided by the sum of the weights twice."),
    ("mask", 3, "is 3 times what it should be: the mean over the batch is missing."),
]


@for_each(("kind", "factor", "words"), FACTORS)
def test_a_wrong_mean_is_told(kind, factor, words):
    """The mask has 7 + 4 + 5 = 16 ones in 21 places."""
    given, w = problem(), drawn(kind)
    wrong = {name: factor * g for name, g in backward(trace_of(given), given.y, weights=w)._asdict().items()}
    report = checked(given, w, lambda trace, y: {name: wrong[name] for name in given.names})
    assert report.verdict == "FAIL" and words in report.hint, report


@pytest.mark.parametrize("seed", range(3))
def test_a_mean_over_the_steps_that_count_is_no_mean_over_the_weights(seed):
    given, w = problem(seed), drawn("random", seed)
    report = checked(
        given,
        w,
        lambda trace, y: Params(*(w.sum() / (w > 0).sum() * g for g in backward(trace, y, weights=w)[:5])),
    )
    assert report.verdict == "FAIL" and "divided by the number of steps that count, not by the sum of" in report.hint


@pytest.mark.parametrize("reduction", ["sum", "last"])
def test_the_other_reductions_have_factors_of_their_own(reduction):
    given, w = problem(reduction=reduction), drawn("no zeros")
    right = backward(trace_of(given), given.y, **options(given, w))
    n = B / w.sum() if reduction == "sum" else w[-1].sum() / B
    words = "this loss is not divided" if reduction == "sum" else "the division by the sum of the weights is missing"
    report = checked(given, w, lambda trace, y: Params(*(n * g for g in right[:5])))
    assert report.verdict == "FAIL" and words in report.hint


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_a_mean_of_each_sequence_is_told(loss):
    """Oracle: each sequence by itself, cut to its length, and the mean of their gradients."""
    given = problem(loss=loss)

    def gradient(trace, y):
        each = []
        for b, n in enumerate(LENGTHS):
            one = trace._replace(x=trace.x[:n, b], h=trace.h[: n + 1, b], o=trace.o[:n, b])
            each.append(backward(one, y[:n, b], loss=loss))
        return Params(*(sum(g) / B for g in zip(*(one[:5] for one in each), strict=True)))

    report = checked(given, MASK, gradient)
    assert report.verdict == "FAIL" and "The mean is taken over each sequence, then over the batch" in report.hint


def test_weights_that_were_taken_for_a_mask():
    given, w = problem(), drawn("random")
    report = checked(given, w, lambda trace, y: backward(trace, y, weights=MASK))
    assert report.verdict == "FAIL" and "The weights are taken for a mask" in report.hint


def test_nan_times_zero_is_told():
    given, w = padded(problem(), MASK, np.nan), MASK

    def gradient(trace, y):
        do = w[..., None] * (trace.o - y) / w.sum()
        return {"b_q": do.sum((0, 1))}

    report = checked(given, w, gradient)
    assert report.verdict == "FAIL" and report.hint.endswith(
        "Where its weight is 0, y is no number: 0 times nan is nan."
    )


@for_each("name", MISTAKES)
@for_each("kind", ["mask", "random"])
def test_a_mistake_keeps_its_name_beside_weights(name, kind):
    given, w = problem(), drawn(kind)
    for how in ("contributions", "gradient"):
        report = checked(given, w, **{how: lambda trace, y, how=how: pick(how, flawed(name, trace, y, weights=w))})
        assert report.verdict == "FAIL"
        other = {
            "no 1/T": "the division by the sum of the weights is missing.",
            "no bias": "The gradient of b_h is zero",
            "a sign": "W_hh[3, 0]: its sign.",
            "one per cent": "W_hh[3, 0]: it is 1.01 times",
        }
        assert other.get(name, MISTAKES[name].says) in report.hint, report


def pick(how, found):
    return found if how == "contributions" else summed(found)


def test_a_truncation_is_known_beside_weights():
    given, w = problem(), drawn("random")
    assert "tau = 3" in checked(given, w, lambda trace, y: backward(trace, y, weights=w, window=3)).hint


# --- the mistakes with weights ---


@for_each("name", [None, *MISTAKES])
@for_each("reduction", ["mean", "sum", "last"])
@for_each("loss", ["squared_error", "cross_entropy"])
def test_weights_of_one_change_no_mistake(name, reduction, loss):
    """Oracle: the loops of ``oracles``, which know no weights."""
    given = problem(reduction=reduction, loss=loss)
    made = () if name is None else (name,)
    want = by_hand(trace_of(given), given.y, *made, **given.options)
    for w in (np.ones(T), np.ones((T, B))):
        found = flawed(name, trace_of(given), given.y, **options(given, w))
        for one, rows in want.items():
            np.testing.assert_allclose(found[one], rows, rtol=0, atol=1e-13 * np.abs(rows).max())


def test_the_label_that_was_not_subtracted_has_its_weight():
    """dL/do_t is w_t o_t / sum w."""
    given, w = problem(), drawn("random")
    found = flawed("no label", trace_of(given), given.y, weights=w)
    np.testing.assert_allclose(found["b_q"], np.einsum("tb,tbq->tq", w, trace_of(given).o) / w.sum(), rtol=1e-12)


# --- the end of a sequence, asked for by itself ---


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("back", [1, 2, 3])
def test_the_steps_at_the_end_are_asked_for_with_their_weights(loss, back):
    """The reader makes the weights from y; what flows out of step T - back is too large."""
    given = padded(problem(B=None, loss=loss), np.arange(T) != 1, -100)

    def gradient(trace, y):
        w = of_mask(y[:, None]) if loss == "cross_entropy" else of_mask(y[:, None, :])
        w = w[:, 0] * 1.0
        n, found = len(y), flawed(None, trace, y, loss=loss, weights=w)
        if n > back:
            found["b_h"][: n - back] *= 1.1
        return summed(found)

    report = checked(given, (np.arange(T) != 1) * 1.0, gradient)
    assert report.verdict == "FAIL"
    right = "the last step, taken by itself," if back == 1 else f"the last {back} steps, taken by themselves,"
    assert f"the gradient of {right} is right, that of the last {back + 1} is wrong" in report.reach, report


def test_where_the_end_is_padding_nothing_is_asked_of_it():
    """The last three steps do not count at all."""
    w = (np.arange(T) < 4) * 1.0
    given = padded(problem(B=None, loss="cross_entropy"), w, -100)

    def gradient(trace, y):
        found = flawed(None, trace, y, loss="cross_entropy", weights=(y != -100) * 1.0)
        return summed(found | {"b_h": found["b_h"] * np.linspace(1.1, 1.2, found["b_h"].size).reshape(-1, 4)})

    report = checked(given, w, gradient)
    assert report.verdict == "FAIL" and "that of the last 4 is wrong" in report.reach, report


# --- complaints ---


@for_each(
    ("w", "error", "words"),
    [
        (np.ones(T - 1), ValueError, r"weights has shape \(6,\), wanted \(T,\)"),
        (np.zeros(T), ValueError, "weights are all 0, wanted one above 0"),
        (-np.ones(T), ValueError, "weights has -1.0, wanted numbers from 0 on"),
        ("no", TypeError, "weights has dtype"),
        (np.ones((B, T)), ValueError, r"weights has shape \(3, 7\), wanted"),
    ],
)
def test_weights_that_do_not_fit(w, error, words):
    given = problem()
    with pytest.raises(error, match=words):
        checked(given, w)
    with pytest.raises(error, match=words):
        flawed(None, trace_of(given), given.y, weights=w)
