"""Task by task of notebook 11: what is right, found in another way, and the hint that each usual mistake gets.

Oracles: products of matrices one by one, angles by arccos, random draws and formulas on paper, the complex step over
forward passes written here, ways that are counted by walking them, and the package's LSTM.
"""

from itertools import product
from math import acos, atan, ceil, degrees, floor, log, log10, pi, sqrt, tan

import numpy as np
from loops import for_each

import d2lbptt as bptt
from d2lbptt.exercises import check
from d2lbptt.exercises._tasks_11 import BATCH, GATES, SKIP


def hinted(key, answer, idea):
    found = check(key, answer)
    return not found and idea in found.hint


# --- 11.1: a power of a symmetric matrix ---


def one_by_one(M, k):
    found = np.eye(len(M))
    for _ in range(k):
        found = found @ M
    return found


def by_eigenvectors(M, k, left="columns", change=lambda value, k: value**k):
    values, vectors = np.linalg.eigh(M)
    if left == "rows":
        vectors = vectors.T
    return sum(change(value, k) * np.outer(v, v) for value, v in zip(values, vectors.T, strict=True))


@for_each(
    "function, idea",
    [
        (lambda M, k: np.power(M, k), "the power of each entry"),
        (lambda M, k: by_eigenvectors(M, k, left="rows"), "are the columns"),
        (lambda M, k: by_eigenvectors(M, k, change=lambda value, k: value * k), "once more"),
        (lambda M, k: by_eigenvectors(M, k, change=lambda value, k: abs(value) ** k), "changes its sign"),
        (lambda M, k: M, "diagonal matrix"),
    ],
)
def test_a_power(function, idea):
    assert check("11.1", one_by_one) and check("11.1", by_eigenvectors)
    assert hinted("11.1", function, idea)


# --- 11.2: the angle to the first eigenvector ---


def by_angle(function):
    """A function of the angle, from a vector that is multiplied step by step."""

    def answer(eigenvalues, u, k):
        moved = np.array(u)
        for _ in range(k):
            moved = np.diag(eigenvalues) @ moved
        return function(acos(abs(moved[0]) / np.linalg.norm(moved)))

    return answer


def without_pythagoras(eigenvalues, u, k):
    shares = abs(u * eigenvalues**k)
    return sum(shares[1:]) / shares[0]


@for_each(
    "function, idea",
    [
        (by_angle(lambda angle: tan(angle) ** 2), "a length has a root"),
        (by_angle(lambda angle: 1 / tan(angle)), "its inverse"),
        (by_angle(np.sin), "the sine"),
        (without_pythagoras, "Pythagoras"),
        (lambda eigenvalues, u, k: by_angle(tan)(eigenvalues, u, min(k, 1)), "one step"),
        (by_angle(np.cos), "over what is"),
    ],
)
def test_the_tangent(function, idea):
    assert check("11.2", by_angle(tan))
    assert hinted("11.2", function, idea)


# --- 11.3: how many steps are enough ---


def enough(numerator=lambda n: sqrt(2 * (n - 1) / pi), rounded=ceil, least=0, base=log, factor=1.0):
    def answer(r, n, alpha, delta):
        k = base(alpha * delta / numerator(n)) / log(r) * factor
        return max(least, rounded(k))

    return answer


@for_each(
    "function, idea",
    [
        (enough(rounded=floor), "One step less"),
        (enough(rounded=lambda k: k), "is whole"),
        (enough(numerator=lambda n: sqrt(2 * n / pi)), "count them"),
        (enough(numerator=lambda n: 2 * (n - 1) / pi), "The mean of a root"),
        (enough(factor=0.5), "its square that shrinks"),
        (enough(base=log10), "different bases"),
        (enough(least=-10_000), "no step is needed"),
        (lambda r, n, alpha, delta: 7, "Set the bound equal to delta"),
    ],
)
def test_enough_steps(function, idea):
    assert check("11.3", enough())
    assert hinted("11.3", function, idea)


# --- 11.4: the exact probability for two ---


def part_of_the_circle(r, alpha, k):
    """The right probability by a fine walk once round the circle."""
    angles = (np.arange(400_000) + 0.5) * 2 * pi / 400_000
    return np.mean(np.abs(np.sin(angles)) * r**k <= alpha * np.abs(np.cos(angles)))


@for_each(
    "function, idea",
    [
        (lambda r, alpha, k: 2 / pi * atan(r**k / alpha), "not aligned"),
        (lambda r, alpha, k: atan(alpha / r**k) / pi, "that counts"),
        (lambda r, alpha, k: 2 / pi * atan(alpha * r**k), "easier to be aligned"),
        (lambda r, alpha, k: 2 / pi * atan(alpha), "at k = 0"),
        (lambda r, alpha, k: 2 / pi * degrees(atan(alpha / r**k)), "degrees"),
        (lambda r, alpha, k: 1 - alpha, "uniform on the circle"),
    ],
)
def test_the_exact_probability(function, idea):
    def on_paper(r, alpha, k):
        return 1 - 2 / pi * atan(r**k / alpha)

    for case in ((0.8, 0.1, 10), (0.5, 1.0, 3)):
        assert abs(part_of_the_circle(*case) - on_paper(*case)) < 1e-4
    assert check("11.4", on_paper)
    assert hinted("11.4", function, idea)


# --- 11.5: what it means for gradients ---


@for_each(
    "answer, idea",
    [
        ((50 * log(0.9), 50 * log(2 / 3)), "natural"),
        ((2.288, 8.805), "below 0"),
        ((-2.288, -11.09), "the share along v_2"),
        ((-8.805, -2.288), "other order"),
        ((log10(0.9), log10(0.6 / 0.9)), "one step"),
        ((0.0, 0.0), "a factor of ten"),
    ],
)
def test_two_numbers_of_a_gradient(answer, idea):
    network = bptt.Params(np.eye(2), np.diag([0.9, 0.6]), np.eye(2))
    sizes = np.abs(bptt.backward(bptt.forward(network, np.zeros((51, 2))), np.ones((51, 2)), reduction="last").h)
    first, second = np.log10(sizes[0] / sizes[-1])
    assert check("11.5", (first, second - first)) and check("11.5", (-2.29, -8.8))
    assert hinted("11.5", answer, idea)


# --- 11.6: nothing explodes ---


def stretch(W):
    """The largest factor by which a vector becomes longer, from the eigenvalues of W^T W."""
    return sqrt(np.linalg.eigvalsh(W.T @ W).max())


@for_each(
    "function, idea",
    [
        (lambda W: W / max(1, bptt.spectral_radius(W)), "in the long run"),
        (lambda W: W / max(1, sqrt((W**2).sum())), "more than needed"),
        (lambda W: W / stretch(W), "stay as it is"),
        (lambda W: W / stretch(W) ** 2, "not its square"),
        (lambda W: np.clip(W, -1, 1), "in one product with W"),
    ],
)
def test_a_tamed_matrix(function, idea):
    assert check("11.6", lambda W: W * min(1, 1 / stretch(W)))
    assert hinted("11.6", function, idea)


def test_a_matrix_whose_singular_values_are_cut_is_bounded_and_not_asked_for():
    def cut(W):
        values, vectors = np.linalg.eigh(W.T @ W)
        return W @ vectors @ np.diag(1 / np.maximum(1, np.sqrt(values))) @ vectors.T

    assert hinted("11.6", cut, "one number is asked for")


# --- 11.7: the whole backward pass ---

NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q")


def textbook_loss(trace, y, w, **changed):
    """L by loops, in complex numbers if one of the parameters is."""
    p = {name: getattr(trace.params, name) for name in NAMES} | {"h0": trace.h[0]} | changed
    total, state = 0, p["h0"]
    for t, x_t in enumerate(trace.x):
        state = np.tanh(x_t @ p["W_hx"].T + state @ p["W_hh"].T + p["b_h"])
        o = state @ p["W_qh"].T + p["b_q"]
        for b, row in enumerate(o):
            total = total + w[t, b] * (np.log(np.exp(row).sum()) - row[y[t, b]])
    return total / w.sum()


def by_complex_step(trace, y, w):
    found = {}
    for name in (*NAMES, "h0"):
        value = trace.h[0] if name == "h0" else getattr(trace.params, name)
        gradient = np.empty_like(value)
        for at in np.ndindex(*value.shape):
            moved = value.astype(complex)
            moved[at] += 1e-30j
            gradient[at] = textbook_loss(trace, y, w, **{name: moved}).imag / 1e-30
        found[name] = gradient
    return found


def student(weigh=lambda do, w: do * w[..., None] / w.sum(), label=1, slope=lambda z, h: 1 - h**2, W=np.asarray, own=1):
    """A backward pass in rows, sequence by sequence, with parts that may be wrong."""

    def answer(trace, y, w):
        p, sizes = trace.params, {"h0": np.zeros_like(trace.h[0])}
        sizes |= {name: np.zeros_like(getattr(p, name)) for name in NAMES}
        softmax = np.exp(trace.o) / np.exp(trace.o).sum(-1, keepdims=True)
        do = weigh(softmax - label * np.eye(trace.o.shape[-1])[y], w)
        for b in range(y.shape[1]):
            back = np.zeros(len(p.b_h))
            for t in range(len(y) - 1, -1, -1):
                z = p.W_hx @ trace.x[t, b] + p.W_hh @ trace.h[t, b] + p.b_h
                dz = slope(z, trace.h[t + 1, b]) * (p.W_qh.T @ do[t, b] * (own or t < len(y) - 1) + back)
                sizes["W_hx"] += np.outer(dz, trace.x[t, b])
                sizes["W_hh"] += np.outer(dz, trace.h[t, b])
                sizes["W_qh"] += np.outer(do[t, b], trace.h[t + 1, b])
                sizes["b_h"] += dz
                sizes["b_q"] += do[t, b]
                back = W(p.W_hh.T) @ dz
            sizes["h0"][b] = back
        return sizes

    return answer


def changed(**functions):
    def answer(trace, y, w):
        right = by_complex_step(trace, y, w)
        return right | {name: function(right[name]) for name, function in functions.items()}

    return answer


def without(name):
    return lambda *case: {key: value for key, value in by_complex_step(*case).items() if key != name}


@for_each(
    "function, idea",
    [
        (student(weigh=lambda do, w: do / w.size), "weights of the losses are missing"),
        (student(weigh=lambda do, w: do * w[..., None]), "divide by their sum"),
        (student(weigh=lambda do, w: do * w[..., None] / w.size), "not over all steps"),
        (student(label=0), "label"),
        (student(slope=lambda z, h: 1), "slope phi'(z_t) is missing"),
        (student(slope=lambda z, h: 1 - z**2), "the formula that wants h_t"),
        (student(W=np.transpose), "where its transpose belongs"),
        (student(own=0), "The way back starts from nothing"),
        (student(weigh=lambda do, w: -do * w[..., None] / w.sum()), "softmax minus one-hot"),
        (changed(b_q=lambda g: g / 2), "b_q is used in every step"),
        (changed(W_hh=lambda g: 2 * g), "9.7.14"),
        (changed(W_hx=lambda g: 2 * g), "x_t stands for h_{t-1}"),
        (changed(b_h=lambda g: 2 * g), "with a 1 in place"),
        (changed(h0=lambda g: 2 * g), "one more step of the recursion"),
        (changed(h0=lambda g: g.sum(0)), "has shape (4,)"),
        (without("b_h"), "There is no b_h"),
        (lambda trace, y, w: trace.o, "A dict is wanted"),
    ],
)
def test_the_whole_backward_pass(function, idea):
    assert hinted("11.7", function, idea)


def test_the_whole_backward_pass_is_right_by_loops_and_by_the_complex_step():
    assert check("11.7", by_complex_step) and check("11.7", student())
    assert any((w == 0).any() for _, _, w in BATCH)


# --- 11.8: how L changes with a weight ---


def by_difference(l, w):
    """For a fraction of linear functions the complex step is as good as exact."""

    def L(weights):
        return (weights * l).sum() / weights.sum()

    return np.array([L(w + 1e-30j * e).imag / 1e-30 for e in np.eye(len(w))])


@for_each(
    "function, idea",
    [
        (lambda l, w: l / sum(w), "below the line has w_t"),
        (lambda l, w: l, "for the sum"),
        (lambda l, w: by_difference(l, w) * w.sum(), "over the sum of the weights"),
        (lambda l, w: (l - np.mean(l)) / sum(w), "the mean over the weights"),
        (lambda l, w: w / sum(w), "with the losses"),
        (lambda l, w: w * l, "quotient rule"),
    ],
)
def test_the_slope_of_a_weight(function, idea):
    assert check("11.8", by_difference)
    assert hinted("11.8", function, idea)


# --- 11.9 and 11.10: a skip connection ---


def skip_by_complex_step(z, dL_do, W_hh, W_qh):
    """For each state: it moves, and L = sum over t of dL_do_t . o_t is run on from there, with inputs that give z."""
    T, found = len(z), np.zeros((len(z), len(W_hh)))
    states = [np.zeros(len(W_hh))]
    for t in range(T):
        states.append(states[t] + np.tanh(z[t]))
    inputs = [z[t] - W_hh @ states[t] for t in range(T)]
    for t, j in product(range(1, T + 1), range(len(W_hh))):
        state = states[t] + 1e-30j * np.eye(len(W_hh))[j]
        L = dL_do[t - 1] @ W_qh @ state
        for later in range(t, T):
            state = state + np.tanh(inputs[later] + W_hh @ state)
            L = L + dL_do[later] @ W_qh @ state
        found[t - 1, j] = L.imag / 1e-30
    return found


def skip_student(step, slope_from=0, own=True):
    def answer(z, dL_do, W_hh, W_qh):
        rows = [W_qh.T @ dL_do[-1]]
        for t in range(len(z) - 1, 0, -1):
            slope = 1 / np.cosh(z[t - slope_from]) ** 2
            rows.insert(0, step(W_hh, slope, rows[0]) + own * (W_qh.T @ dL_do[t - 1]))
        return np.array(rows)

    return answer


@for_each(
    "function, idea",
    [
        (skip_student(lambda W, s, dh: W.T @ (s * dh)), "The way past tanh is missing"),
        (skip_student(lambda W, s, dh: s * dh + W.T @ (s * dh)), "no slope belongs to it"),
        (skip_student(lambda W, s, dh: dh + W.T @ dh), "the slope is missing"),
        (skip_student(lambda W, s, dh: dh + s * (W.T @ dh)), "The slope comes first"),
        (skip_student(lambda W, s, dh: dh + W @ (s * dh)), "not its transpose"),
        (skip_student(lambda W, s, dh: dh + W.T @ (s * dh), slope_from=1), "of the later step"),
        (skip_student(lambda W, s, dh: dh + W.T @ (s * dh), own=False), "its own output"),
        (skip_student(lambda W, s, dh: dh), "three uses"),
    ],
)
def test_a_skip(function, idea):
    assert np.shape(SKIP[0][0]) == (5, 3)
    assert check("11.9", skip_by_complex_step)
    assert hinted("11.9", function, idea)


def ways(end, skips=9):
    """Count the ways from state 1 to another by walking all of them."""

    def walk(at, left):
        if at >= end:
            return at == end
        return walk(at + 1, left) + (walk(at + 2, left - 1) if left else 0)

    return walk(1, skips)


@for_each(
    "answer, idea",
    [
        (ways(6, skips=1), "More than one is allowed"),
        (ways(7), "lead to h_7"),
        (2, "two ways out of each state"),
        (ways(6, skips=0), "with no skip"),
        (2**5, "Not each of the five steps is free"),
        (6, "counts once"),
    ],
)
def test_ways_over_a_skip(answer, idea):
    assert check("11.10", ways(6))
    assert hinted("11.10", answer, idea)


# --- 11.11: two numbers of truncation ---


def walked(T, k1, k2, alone=False, chunk=False, more=0, least=1, cut=True, late=0):
    """Walk over the updates, each with the losses since the one before."""
    found = []
    for t in range(1, T + 1):
        update = t + bool(late and t < T)
        while not alone and update % k1 and (update < T or not cut):
            update += 1
        start = update - k2 + 1 - more
        if chunk:
            start = next(s for s in range(t, 0, -1) if (s - 1) % k1 == 0)
        found.append(max(start, least))
    return found


@for_each(
    "changes, idea",
    [
        ({"alone": True}, "a window of k2"),
        ({"chunk": True}, "chunks of k1"),
        ({"more": 1}, "Count them"),
        ({"least": -100}, "before step 1"),
        ({"cut": False}, "The last update is at T"),
        ({"late": 1}, "has the loss of step t"),
    ],
)
def test_two_numbers_of_truncation(changes, idea):
    assert check("11.11", walked)
    assert hinted("11.11", lambda *case: walked(*case, **changes), idea)
    assert hinted("11.11", lambda T, k1, k2: [1] * T, "the step of its update")


# --- 11.12: one gate ---


def test_the_bias_of_the_forget_gate_is_right_for_the_cell_of_the_package():
    """The rows of the forget gate in what the package calculates, from its own trace; and the answer by loops."""

    def answer(f, c, dL_dc):
        found = np.zeros(f.shape[1])
        for t, row in enumerate(f):
            found += dL_dc[t] * c[t] * (row - row * row)
        return found

    lstm, rng = bptt.cells.lstm, np.random.default_rng(0)
    trace = lstm.forward(lstm.init_params(2, 3, seed=0), rng.normal(size=(6, 2)), c0=rng.normal(size=3))
    gradient = lstm.backward(trace, rng.normal(size=(6, 3)))
    np.testing.assert_allclose(answer(trace.f, trace.c, gradient.c), gradient.params.b[3:6], rtol=1e-12)
    assert check("11.12", answer)


def gate(f, c, dL_dc, before=0, slope=lambda f: f * (1 - f), total=sum):
    return total([slope(f[t]) * c[t + before] * dL_dc[t] for t in range(len(f))])


@for_each(
    "changes, idea",
    [
        ({"before": 1}, "Which row of c"),
        ({"slope": lambda f: 1}, "there is a sigmoid"),
        ({"slope": lambda f: 1 - f**2}, "slope of tanh"),
        ({"slope": lambda f: np.exp(-f) / (1 + np.exp(-f)) ** 2}, "the value of the sigmoid already"),
        ({"slope": lambda f: f}, "two factors"),
        ({"total": np.array}, "sum over t"),
        ({"total": lambda rows: sum(rows) / len(rows)}, "added up"),
        ({"slope": lambda f: -f}, "Go from L to c_t"),
    ],
)
def test_the_bias_of_the_forget_gate(changes, idea):
    assert len(GATES[1]) == len(GATES[0]) + 1
    assert hinted("11.12", lambda *case: gate(*case, **changes), idea)


# --- 11.13 to 11.15: bugs, found by mending one line ---


def test_the_bug_of_the_skip_is_in_its_slope():
    rng = np.random.default_rng(5)
    x, y, W = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), rng.normal(size=(2, 2))

    def run(W):
        h = [np.array([0.5, -0.5])]
        for x_t in x:
            h.append(h[-1] + np.tanh(x_t + W @ h[-1]))
        return h

    def gradient(slope):
        h, dW, carried = run(W), 0, 0
        for t in (3, 2, 1, 0):
            dh = (h[t + 1] - y[t]) / 4 + carried
            dz = slope(h, t) * dh
            dW, carried = dW + np.outer(dz, h[t]), dh + W.T @ dz
        return dW

    def L(W):
        return ((np.array(run(W)[1:]) - y) ** 2).sum() / 8

    by_step = np.array([[L(W + 1e-30j * np.outer(a, b)).imag / 1e-30 for b in np.eye(2)] for a in np.eye(2)])
    np.testing.assert_allclose(gradient(lambda h, t: 1 - (h[t + 1] - h[t]) ** 2), by_step, rtol=1e-10)
    assert not np.allclose(gradient(lambda h, t: 1 - h[t + 1] ** 2), by_step)
    assert check("11.13", 3)


@for_each(
    "key, right, ideas",
    [
        (
            "11.13",
            3,
            {1: "as it was meant", 2: "It has both", 4: "counts from 0", 5: "Both ways", 9: "without the skip"},
        ),
        ("11.14", 3, {1: "as a number", 2: "as `bptt.train`", 4: "the same number", 5: "downhill", 6: "last state"}),
        (
            "11.15",
            8,
            {
                1: "own step",
                2: "two terms",
                3: "candidate",
                4: "c[t]",
                5: "tanh",
                6: "tanh",
                7: "four blocks",
                9: "c_{t-1}",
            },
        ),
    ],
)
def test_the_line_of_a_bug(key, right, ideas):
    assert check(key, right) and not check(key, str(right))
    for line, idea in ideas.items():
        assert hinted(key, line, idea)


@for_each("late", [0, 1])
def test_the_bug_of_the_lstm_is_in_the_gate_that_the_cell_state_goes_back_through(late):
    lstm, rng = bptt.cells.lstm, np.random.default_rng(0)
    trace, dh = lstm.forward(lstm.init_params(2, 3, seed=1), rng.normal(size=(5, 2))), rng.normal(size=(5, 3))
    _, _, _, c, i, f, g, o = trace
    db, back_h, back_c = 0, 0, 0
    for t in (4, 3, 2, 1, 0):
        at_h = dh[t] + back_h
        at_c = back_c + o[t] / np.cosh(c[t + 1]) ** 2 * at_h
        da_o = o[t] * (1 - o[t]) * np.tanh(c[t + 1]) * at_h
        da_i, da_f, da_g = (
            i[t] * (1 - i[t]) * g[t] * at_c,
            f[t] * (1 - f[t]) * c[t] * at_c,
            (1 - g[t] ** 2) * i[t] * at_c,
        )
        da = np.concatenate([da_i, da_f, da_g, da_o])
        db, back_h, back_c = db + da, trace.params.W_h.T @ da, f[t - late] * at_c
    assert np.allclose(db, lstm.backward(trace, dh).params.b) is (late == 0)


def test_clipping_each_parameter_by_itself_turns_the_step():
    params, rng = bptt.init_params(2, 4, 2, seed=1), np.random.default_rng(1)
    gradient = bptt.backward(bptt.forward(params, 3 * rng.normal(size=(5, 2))), 3 * rng.normal(size=(5, 2)))
    parts = [getattr(gradient, name).ravel() for name in ("W_hx", "W_hh", "W_qh")]
    each = np.concatenate([part * min(1, 1 / np.linalg.norm(part)) for part in parts])
    whole = np.concatenate(parts)
    assert each @ whole < 0.99 * np.linalg.norm(each) * np.linalg.norm(whole)
