"""What the check says of gradients that are wrong in ways of their own: clipped, decayed, truncated, deaf to the trace.

Oracle: each is made here from the right gradient, by ``oracles.by_hand`` or by the definition of the mistake.
"""

import re
from itertools import combinations_with_replacement, cycle

import numpy as np
import pytest
from loops import for_each
from oracles import by_hand, random_problem, summed, trace_of

from d2lbptt import Params, backward, check_gradients, chunks, forward, tbptt

T = 9
NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q", "h0")


def problem(seed=0, T=T, B=None, d=3, h=5, q=4, **names):
    names = {"activation": "tanh", "loss": "squared_error", "reduction": "mean"} | names
    return random_problem(np.random.default_rng(seed), T, B, d, h, q, **names)


def checked(given, gradient=None, **more):
    options = {"h0": given.h0, "activation": given.activation, **given.options}
    return check_gradients(given.params, given.x, given.y, gradient=gradient, **options, **more)


def sums(trace, y, *mistake, **options):
    return summed(by_hand(trace, y, *mistake, **options))


def assert_said(report, *words, steps=None):
    assert report.verdict == "FAIL" and report.hint[-1] in ".?"
    assert all(word in report.hint for word in words), report
    if steps is not None:
        assert report.time_steps == steps, report


# --- nothing is tested ---


@for_each("nothing", [{}, [], (), 0, "", False, {"W_hh": np.zeros((5, 5))}, np.zeros(3)])
@for_each("word", ["gradient", "contributions"])
def test_what_is_no_function_is_never_taken_for_a_right_gradient(nothing, word):
    with pytest.raises(TypeError, match=f"{word} is .*, wanted a function"):
        checked(problem(), **{word: nothing})


@for_each("answer", [{}, {"W_hh": None}, {"h": np.zeros((T, 5))}, dict.fromkeys(NAMES)])
def test_an_answer_that_holds_no_parameter_is_refused(answer):
    with pytest.raises(ValueError, match="gradient is empty, wanted some of W_hx"):
        checked(problem(), lambda trace, y: answer)


# --- what an answer may look like ---


def test_params_are_an_answer():
    def gradient(trace, y):
        return Params(*backward(trace, y)[:5])

    assert {row.parameter for row in checked(problem(), gradient).rows} == set(NAMES) - {"h0"}


@pytest.mark.parametrize(("name", "shape"), [("W_hx", (3, 5)), ("W_qh", (5, 4))])
def test_a_shape_that_is_turned_is_said_to_be(name, shape):
    words = rf"gradient of {name} has shape \({shape[0]}, {shape[1]}\), wanted \({shape[1]}, {shape[0]}\): yours looks"
    with pytest.raises(ValueError, match=words):
        checked(problem(), lambda trace, y: {name: np.zeros(shape)})
    with pytest.raises(ValueError, match=rf"contributions to {name} has shape \(9, .*: yours looks transposed"):
        checked(problem(), contributions=lambda trace, y: {name: np.zeros((T, *shape))})


def test_masked_numbers_in_an_answer_are_refused():
    masked = np.ma.masked_array(np.zeros((5, 5)), np.eye(5))
    with pytest.raises(TypeError, match="the gradient of W_hh is a masked array, wanted a plain one"):
        checked(problem(), lambda trace, y: {"W_hh": masked})


# --- the first step alone, given as sums ---

OTHER_STARTS = {
    "h_T": lambda h: h[-1],
    "h_1": lambda h: h[1],
    "ones": lambda h: np.ones_like(h[0]),
    "anything": lambda h: np.random.default_rng(0).normal(size=h[0].shape),
    "twice": lambda h: 2 * h[0],
}
GIVEN = [{}, {"B": 2}, {"T": 40}, {"T": 2}, {"dtype": np.float32}]  # each with one of the starts, the first with all
STARTS_GIVEN = [*zip(OTHER_STARTS, GIVEN, strict=True), *((start, GIVEN[0]) for start in list(OTHER_STARTS)[1:])]


@for_each(("start", "given"), STARTS_GIVEN)
def test_another_h_0_in_the_sums_is_a_matter_of_step_1(start, given):
    def gradient(trace, y):
        right, h = sums(trace, y), trace.h.copy()
        h[0] = OTHER_STARTS[start](h)
        return right | {"W_hh": backward(trace._replace(h=h), y).W_hh}

    report = checked(problem(len(start), **given), gradient)
    assert report.verdict == "FAIL" and report.time_steps == (1,), report
    assert "Only step 1 is wrong: look at h_0" in report.hint


# --- what is done to a right gradient ---

PARAMETERS = NAMES[:5]


def norm_of(gradient, names=PARAMETERS):
    return np.sqrt(sum((gradient[name] ** 2).sum() for name in names))


def clipped_by_norm(c):
    def gradient(trace, y):
        found = sums(trace, y)
        return found | {name: found[name] * c / (norm_of(found) + 1e-6) for name in PARAMETERS}  # as torch does

    return gradient


def each_clipped(c):
    return lambda trace, y: {name: g * c / np.linalg.norm(g) for name, g in sums(trace, y).items()}


def decayed(rate, names):
    def gradient(trace, y):
        found = sums(trace, y)
        return found | {name: found[name] + rate * getattr(trace.params, name) for name in names}

    return gradient


@pytest.mark.parametrize("seed", range(3))
def test_clipping_weight_decay_and_float32_are_said(seed):
    given = problem(seed)
    right = sums(trace_of(given), given.y)
    c = np.sort(np.abs(np.concatenate([g.ravel() for g in right.values()])))[-6]
    by_value = {name: np.clip(g, -c, c) for name, g in right.items()}
    assert_said(checked(given, lambda *a: by_value), f"Entries are clipped by value, at {c:.4g}.", steps=())
    half = float(f"{norm_of(right) / 2:.2g}")
    assert_said(checked(given, clipped_by_norm(half)), f"its norm is {half:.2g}, as clipping by norm leaves it.")
    assert_said(checked(given, each_clipped(0.01)), "Each gradient by itself is scaled to the norm 0.01: clipping")
    for names in (NAMES[:3], PARAMETERS):
        assert_said(checked(given, decayed(0.01, names)), "Weight decay is in it: lambda W with lambda = 0.01,")
    single = {name: g.astype(np.float32) for name, g in right.items()}
    assert_said(checked(given, lambda *a: single), "its numbers are those of float32, in a problem of float64.")


def test_each_step_by_itself_may_be_clipped_or_decayed_too():
    given = problem()
    right = by_hand(trace_of(given), given.y)
    clipped = {name: np.clip(rows, -0.01, 0.01) for name, rows in right.items()}
    assert_said(checked(given, contributions=lambda *a: clipped), "Entries are clipped by value, at 0.01.")
    added = {name: rows + 1e-3 * getattr(given.params, name) for name, rows in right.items() if name != "h0"}
    report = checked(given, contributions=lambda *a: added)
    assert_said(report, "lambda W with lambda = 0.001", steps=tuple(range(1, T + 1)))


def test_a_mistake_in_float32_keeps_its_name():
    def gradient(trace, y):
        return {name: g.astype(np.float32) for name, g in sums(trace, y, "W_hh untransposed").items()}

    report = checked(problem(), gradient)
    assert_said(report, "On the way back W_hh stands where its transpose belongs", "its numbers are those of float32")
    assert report.time_steps == tuple(range(1, T))


def test_a_float32_gradient_of_a_float32_network_is_no_complaint():
    assert checked(problem(dtype=np.float32), lambda trace, y: sums(trace, y))


@pytest.mark.parametrize("names", [NAMES[:3], NAMES[:2], ("W_hx", "W_qh")], ids=str)
def test_several_transposed_weights_are_named_together(names):
    given = problem(d=5, q=5)

    def gradient(trace, y):
        found = sums(trace, y)
        return found | {name: found[name].T for name in names}

    assert_said(checked(given, gradient), f"The gradients of {', '.join(names)} are transposed.")
    times = checked(given, lambda trace, y: {name: T * g for name, g in gradient(trace, y).items()})
    assert_said(times, f"The gradients of {', '.join(names)} are transposed, and every entry is T = 9 times too large")


# --- a factor ---

BATCH, BITS = {"B": 3}, {"loss": "cross_entropy"}
FACTORS = [
    (T, {}, "T = 9 times too large"),
    (1 / T, {}, "T = 9 times too small"),
    (3, BATCH, "B = 3 times too large"),
    (3 * T, BATCH, "T B = 27 times too large: the means over time and batch are missing"),
    (1 / (3 * T), BATCH, "T B = 27 times too small: the means over time and batch were taken twice"),
    (2 / 4, {}, "2/q = 0.5 times what it should be: the squares are averaged over q, without the half"),
    (1 / 4, {}, "q = 4 times too small: the squared errors are averaged over the outputs, not added"),
    (1 / np.log(2), BITS, "1/ln 2 = 1.443 times too large: it belongs to a loss in bits"),
    (T / (T - 1), {}, "T/(T - 1) = 1.125 times too large: the mean is over T - 1 steps"),
    (-1, {}, "has the wrong sign"),
]


OTHER_MISTAKES = cycle(["no slope", "h_t for h_{t-1}", "W_hh untransposed"])
ALONE_AND_BESIDE = [(*factor, made) for factor in FACTORS for made in (None, next(OTHER_MISTAKES))]


@pytest.mark.slow
@for_each(("factor", "names", "words", "mistake"), ALONE_AND_BESIDE)
def test_a_factor_is_known_alone_and_beside_another_mistake(factor, names, words, mistake):
    given = problem(**names)
    made = () if mistake is None else (mistake,)

    def gradient(trace, y):
        return {name: factor * g for name, g in sums(trace, y, *made, **given.options).items()}

    assert_said(checked(given, gradient), words, *([] if mistake is None else [", and every entry "]))


def test_a_factor_beside_a_truncation():
    def gradient(trace, y):
        return {name: T * g for name, g in backward(trace, y, window=3)._asdict().items() if name in NAMES}

    assert_said(checked(problem(), gradient), "a window of tau = 3", "every entry is T = 9 times too large")


# --- truncations, and gradients that do not look at the trace ---


def looks(trace, y, **how):
    return {name: g for name, g in backward(trace, y, **how)._asdict().items() if name in NAMES}


def in_rows(trace, g):
    """What each step contributes: dL/dh_t as truncated, put together here."""
    dz = g.h * (1 - trace.h[1:] ** 2)
    first = np.zeros_like(g.h)
    first[0] = g.h0
    dz_b, do, x, h = (a.reshape(len(dz), -1, a.shape[-1]) for a in (dz, g.o, trace.x, trace.h[1:]))
    before = trace.h[:-1].reshape(h.shape)
    outer = {"W_hx": (dz_b, x), "W_hh": (dz_b, before), "W_qh": (do, h)}
    rows = {name: np.einsum("tbi,tbj->tij", *pair) for name, pair in outer.items()}
    return rows | {"b_h": dz_b.sum(1), "b_q": do.sum(1), "h0": first}


def report_on(given, style, how):
    if style == "rows":
        return checked(given, contributions=lambda trace, y: in_rows(trace, backward(trace, y, **how(len(y)))))
    if style == "stored":
        answer = looks(trace_of(given), given.y, **how(len(given.y)))
        return checked(given, lambda trace, y: answer)
    return checked(given, lambda trace, y: looks(trace, y, **how(len(y))))


@pytest.mark.slow
@for_each("style", ["rows", "sums", "stored"])
@for_each("tau", [1, 3, 4])
@for_each("length", [9, 20])
def test_windows_and_chunks_are_known_in_every_style(style, tau, length):
    given = problem(T=length)
    report = report_on(given, style, lambda n: {"window": min(tau, n)})
    words = "nothing flows from a step to the one before" if tau == 1 else "each loss flows back through a window"
    assert_said(report, words, f"tau = {tau}", steps=tuple(range(1, length - tau + 1)))
    if tau > 1:
        report = report_on(given, style, lambda n: {"gates": chunks(n, min(tau, n))})
        wrong = tuple(range(1, tau * ((length - 1) // tau) + 1))
        assert_said(report, f"from one chunk of tau = {tau} to the one before.", steps=wrong)


def updated(trace, y, k1, k2):
    """Truncated BPTT in a loop: each update has a sequence of its own, where the losses of the ones before are 0."""
    T, total = len(y), dict.fromkeys(PARAMETERS, 0.0)
    for start in range(0, T, k1):
        end = min(start + k1, T)
        low = max(end - k2, 0)
        part = trace._replace(x=trace.x[low:end], h=trace.h[low : end + 1], o=trace.o[low:end])
        targets = part.o.copy()
        targets[start - low :] = y[start:end]
        found = sums(part, targets, reduction="sum")
        total = {name: total[name] + found[name] / T for name in PARAMETERS}
    return total


def first_steps(hint, T):
    """The first step that each loss reaches, by what is said: for each way to say it, from its definition."""
    t = np.arange(1, T + 1)
    if "longest path" in hint:
        return np.where(t < T, 1, 2)
    if "from step 2 to step 1" in hint:
        return np.minimum(t, 2)
    lengths = [int(n) for n in re.findall(r"(?:tau|k1|k2) = (\d+)", hint)]
    if "an update" in hint:
        k1, k2 = lengths
        return np.array([max(1, min(-(-s // k1) * k1, T) - k2 + 1) for s in t])
    (tau,) = lengths
    if "chunk" in hint:
        return np.where("end" in hint, np.maximum(T - ((T - t) // tau + 1) * tau + 1, 1), (t - 1) // tau * tau + 1)
    return np.maximum(t - tau + 1, 1)


@pytest.mark.parametrize(("style", "length"), [("looks", 6), ("stored", 9)])
def test_truncated_bptt_with_every_k1_and_k2_is_known(length, style):
    """Several (k1, k2) may be one and the same truncation, or a window or chunks: what is said must be the same one."""
    said = []
    for k1, k2 in combinations_with_replacement(range(1, length), 2):
        given = problem(k1, T=length)
        stored = updated(trace_of(given), given.y, k1, k2)
        report = checked(given, lambda trace, y, k=(k1, k2), s=stored: updated(trace, y, *k) if style == "looks" else s)
        assert report.verdict == "FAIL", report
        end = np.minimum(-(-np.arange(1, length + 1) // k1) * k1, length)
        np.testing.assert_array_equal(first_steps(report.hint, length), np.maximum(1, end - k2 + 1), str(report))
        said.append(
            f"k1 = {k1} steps there is an update, and its losses flow back over its last k2 = {k2} " in report.hint
        )
    assert sum(said) >= length - 1


@pytest.mark.slow
@pytest.mark.parametrize(("k1", "k2"), [(7, 30), (35, 35), (60, 100), (99, 150), (2, 3)])
@pytest.mark.parametrize("g", [0.5, 1.0])
def test_k1_and_k2_are_known_in_200_steps(k1, k2, g):
    """Where the gradient vanishes there are many truncations that give the same: then the sum over the steps is."""
    given = problem(T=200, g=g)
    stored = updated(trace_of(given), given.y, k1, k2)
    report = checked(given, lambda *_: stored)
    if report.verdict == "PASS":
        assert g == 0.5 and k2 > 20  # of what is left out no digit is left
        return
    named = looks(trace_of(given), given.y, first=first_steps(report.hint, 200))
    for name in PARAMETERS:
        np.testing.assert_allclose(named[name], stored[name], rtol=0, atol=1e-13 * np.abs(stored[name]).max())
    if g == 1.0:
        assert (
            f"every k1 = {k1} steps there is an update, and its losses flow back over its last k2 = {k2} "
            in report.hint
        )


@pytest.mark.parametrize("given", [{"B": 3}, {"loss": "cross_entropy"}, {"reduction": "sum"}, {"dtype": np.float32}])
@pytest.mark.parametrize("style", ["rows", "sums", "stored"])
def test_k1_and_k2_are_known_in_other_problems(given, style):
    given = problem(T=12, **given)

    def answer(trace, y):
        first = tbptt(len(y), min(2, len(y)), min(5, len(y)))
        return backward(trace, y, first=first, **given.options)

    how = {"contributions": lambda trace, y: in_rows(trace, answer(trace, y))} if style == "rows" else {}
    stored = answer(trace_of(given), given.y)
    report = checked(given, None if how else lambda trace, y: stored if style == "stored" else answer(trace, y), **how)
    assert_said(report, "k1 = 2", "k2 = 5", steps=tuple(range(1, 8)))


def cut(trace, y, cuts):
    """Each sequence in two parts, the second from the step in which it begins; their losses, each divided by T B."""
    T, B = y.shape[:2]
    total = dict.fromkeys(PARAMETERS, 0.0)
    for b, start in enumerate(cuts):
        for steps in (slice(start - 1), slice(start - 1, T)):
            part = trace._replace(
                x=trace.x[steps, b], h=trace.h[steps.start or 0 : steps.stop + 1, b], o=trace.o[steps, b]
            )
            if len(part.x):
                found = sums(part, y[steps, b], reduction="sum")
                total = {name: total[name] + found[name] / (T * B) for name in PARAMETERS}
    return total


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [(4, 9), (3, 1), (2, 5, 8), (1, 1, 6), (6, 2, 1)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_sequences_that_are_cut_at_different_steps_are_known(cuts, seed):
    given = problem(seed, T=10, B=len(cuts))
    stored = cut(trace_of(given), given.y, cuts)
    gates = np.where(np.arange(1, 11)[:, None] == cuts, 0.0, 1.0)
    for factor in (1, 10):
        report = checked(given, lambda *_, n=factor: {name: n * g for name, g in stored.items()})
        where = ", ".join(f"t = {step} in sequence {b}" for b, step in enumerate(cuts) if step > 1)
        assert_said(report, f"nothing flows to the step before from {where}", "T = 10 times" if factor > 1 else "")
    gates[0] = 1
    report = checked(given, lambda trace, y: looks(trace, y, gates=gates if len(y) == 10 else None))
    assert_said(report, "nothing flows to the step before from t = ", steps=tuple(range(1, max(cuts))))


def test_k1_and_k2_beside_a_factor():
    report = checked(problem(T=12), lambda trace, y: {name: 12 * g for name, g in updated(trace, y, 2, 5).items()})
    assert_said(report, "k1 = 2", "k2 = 5", "every entry is T = 12 times too large")


@pytest.mark.parametrize("h_0", ["as it is", "detached", "left out"])
def test_the_book_s_loop_that_detaches_every_four_steps(h_0):
    """As autograd does it: the states go on, what flows back stops; it is written for any length."""

    def gradient(trace, y):
        found = looks(trace, y, gates=chunks(len(y), min(4, len(y))))
        if h_0 != "as it is":
            found["h0"] = 0 * found["h0"]
        return found if h_0 != "left out" else {name: found[name] for name in PARAMETERS}

    assert_said(checked(problem(T=14), gradient), "from one chunk of tau = 4 to the one before.")


def test_chunks_may_be_counted_from_the_end():
    def gradient(trace, y):
        n = len(y)
        return looks(trace, y, gates=np.where((n - np.arange(n)) % 4 == 0, 0.0, 1.0))

    assert_said(checked(problem(T=14), gradient), "chunk of tau = 4", "counted from the end")


def test_a_model_that_runs_from_zeros_is_known():
    def gradient(trace, y):
        return sums(forward(trace.params, trace.x, activation="tanh"), y)

    assert_said(checked(problem(), gradient), "starts from h_0 = 0, not from the h_0 that is given.")

    def cut(trace, y):
        return looks(forward(trace.params, trace.x, activation="tanh"), y, gates=chunks(len(y), min(4, len(y))))

    assert_said(checked(problem(), cut), "starts from h_0 = 0", "chunk of tau = 4")


@pytest.mark.parametrize("seed", range(3))
def test_a_gradient_that_does_not_look_at_the_trace_is_told_so(seed):
    """Its ends are not cut, so that it is not said of the last step that it is wrong already."""
    given = problem(seed)
    answer = sums(trace_of(given), given.y)
    answer["b_h"] = answer["b_h"] + np.linspace(0.1, 0.2, 5)
    answer["W_hh"] = answer["W_hh"] * np.linspace(1, 2, 25).reshape(5, 5)
    report = checked(given, lambda trace, y: answer)
    assert_said(report, "The gradient does not look at the states in the trace", steps=())
    assert "they do not depend on the states" in report.reach


def test_a_gradient_that_runs_forward_anew_from_the_given_start_looks_at_it():
    def gradient(trace, y):
        anew = forward(trace.params, trace.x, h0=trace.h[0], activation="tanh")
        found = sums(anew, y)
        return found | {"b_h": found["b_h"] + 0.1}

    report = checked(problem(), gradient)
    assert "does not look" not in report.hint and "do not depend" not in report.reach


# --- the kink ---


def on_the_kink(seed):
    """Unit 0 of a relu network stands at exactly 0 in step 1."""
    given = problem(seed, T=10, q=2, activation="relu")
    W_hx, W_hh, b_h, x = (a.copy() for a in (given.params.W_hx, given.params.W_hh, given.params.b_h, given.x))
    W_hx[0], W_hh[0], x[0], h0 = (np.round(64 * a) / 64 for a in (W_hx[0], W_hh[0], x[0], given.h0))
    b_h[0] = -(W_hx[0] @ x[0] + W_hh[0] @ h0)
    return given._replace(params=given.params._replace(W_hx=W_hx, W_hh=W_hh, b_h=b_h), x=x, h0=h0)


@pytest.mark.parametrize("seed", range(10))
def test_only_what_depends_on_the_unit_on_its_kink_is_open(seed):
    given = on_the_kink(seed)
    for kind, pick in (("gradient", summed), ("contributions", dict)):
        made = ((), ("window one short",))
        right, bug = (lambda trace, y, m=m, pick=pick: pick(by_hand(trace, y, *m)) for m in made)
        report = checked(given, **{kind: right})
        assert report.verdict == "PASS" and report.kinks[0] == (1, 0)
        assert all(row.visible < 1e-12 * max(row.size, 1) for row in report.rows), report
        change = np.abs(bug(trace_of(given), given.y)["b_h"] - right(trace_of(given), given.y)["b_h"])
        change = change.sum(0) if kind == "contributions" else change
        report = checked(given, **{kind: bug})
        assert report.verdict == ("FAIL" if change[1:].max() > 1e-10 else "PASS")
        if report.verdict == "FAIL":
            assert report.time_steps == (1,) and "longest path" in report.hint


def test_where_rounding_puts_units_on_either_side_of_their_kinks_the_stored_slopes_are_right():
    """Several units of step 1 stand on their kinks as far as rounding knows, some of them a hair above."""
    for seed in range(10):
        given = problem(seed, T=4, activation="relu")
        x, b_h = given.x.copy(), given.params.b_h.copy()
        x[0], b_h[:3], h0 = 0, np.array([3e-17, -3e-17, 4e-17]), np.zeros(5)
        W_hh = given.params.W_hh.copy()
        h0[3], W_hh[:3, 3] = 1.0, 0.0
        given = given._replace(x=x, h0=h0, params=given.params._replace(b_h=b_h, W_hh=W_hh))
        report = checked(given)
        assert report.verdict == "PASS", report


# --- what would show ---


@for_each("size", [1e-3, 1.0, 1e6, 1e12])
def test_what_would_show_does_not_grow_with_the_error(size):
    """The wrong term varies by far more than rounding when the states are perturbed."""

    def gradient(trace, y):
        found = sums(trace, y)
        return found | {"b_q": found["b_q"] + size * np.sin(1e9 * trace.o.sum(0))}

    sharp = {row.parameter: row.visible for row in checked(problem()).rows}
    report = checked(problem(), gradient)
    row = next(row for row in report.rows if row.parameter == "b_q")
    assert report.verdict == "BLIND" or row.visible == pytest.approx(sharp["b_q"], rel=0.5)


# --- how long it takes ---


@pytest.mark.parametrize("kind", ["gradient", "function"])
def test_a_long_check_shows_a_bar_and_a_short_one_none(kind, monkeypatch, capsys):
    from d2lbptt import _progress, check_gradient

    monkeypatch.setenv("TQDM_MININTERVAL", "0")

    def check():
        if kind == "function":
            return check_gradient(lambda t: np.sin(t).sum(), np.ones(8), np.cos(np.ones(8)))
        return checked(problem(), lambda trace, y: {"b_q": 2 * looks(trace, y)["b_q"]})

    check()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "PATIENCE", 0)
    check()
    assert "checking" in capsys.readouterr().err


# --- a loop in torch ---


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(3))
def test_a_loop_in_torch_that_detaches_in_every_step_is_told_so(dtype, seed):
    """It runs forward by itself, in the dtype of the network, so that it rounds by more than ours does."""
    torch = pytest.importorskip("torch", reason="the loop is one of torch")
    given = problem(seed, dtype=np.dtype(dtype).type)

    def gradient(trace, y, detach=True):
        W_hx, W_hh, W_qh, b_h, b_q = params = [torch.tensor(W, requires_grad=True) for W in trace.params]
        h, total = torch.tensor(trace.h[0]), 0
        for x_t, y_t in zip(torch.tensor(trace.x), torch.tensor(y), strict=True):
            h = torch.tanh(W_hx @ x_t + W_hh @ (h.detach() if detach else h) + b_h)
            total = total + ((W_qh @ h + b_q - y_t) ** 2).sum() / 2 / len(y)
        total.backward()
        return {name: W.grad.numpy() for name, W in zip(PARAMETERS, params, strict=True)}

    assert checked(given, lambda trace, y: gradient(trace, y, detach=False))
    report = checked(given, gradient)
    assert_said(
        report, "nothing flows from a step to the one before, as when the state is detached in every step: tau = 1."
    )
    assert "the last step, taken by itself, is right, that of the last 2 is wrong" in report.reach
