"""The tasks of notebook 11: the exercises of section 9.7, and a set that crosses the notebooks.

Proofs are for the reader's eyes; what is judged stands beside each of them, a number or a function.
"""

from __future__ import annotations

import copy

import numpy as np

from ..bptt import backward
from ..gates import tbptt
from ..rnn import forward, init_params
from ._task import Task, Wrong

# --- exercise 1: powers of a symmetric matrix ---

SYMMETRIC = np.array([[1.0, 2.0, 0.0], [2.0, -1.5, 1.0], [0.0, 1.0, 0.5]])


def _from_eigenvectors(change, turned=False):
    """Return the matrix with changed eigenvalues, as a function of M and k."""

    def power(M, k):
        values, V = np.linalg.eigh(M)
        V = V.T if turned else V
        return (V * change(values, k)) @ V.T

    return power


def _tangent(eigenvalues, u, k):
    from ..laws import log10_tan

    return 10 ** log10_tan(eigenvalues, u, k)


def _shares(eigenvalues, u, k):
    shares = np.abs(u * eigenvalues ** float(k))
    return shares[0], shares[1:]


def _sine(eigenvalues, u, k):
    first, others = _shares(eigenvalues, u, k)
    return np.linalg.norm(others) / np.hypot(first, np.linalg.norm(others))


def _enough(r, n, alpha, delta):
    """Return the first k for which the bound promises a tangent of at most alpha with probability 1 - delta."""
    from ..laws import angle

    k, eigenvalues = 0, np.array([1.0] + [r] * (n - 1))
    while angle(eigenvalues, k).bound(np.log10(alpha)) > delta:
        k += 1
    return k


def _steps(size=lambda n: np.sqrt(2 * (n - 1) / np.pi), rounded=np.ceil, per_step=1, log=np.log, least=0):
    """Return the formula for the same k, with one part of it changed."""

    def enough(r, n, alpha, delta):
        return max(rounded(log(size(n) / (alpha * delta)) / (-np.log(r) * per_step)), least)

    return enough


def _aligned(r, alpha, k):
    from ..laws import angle

    return angle([1.0, r], k).below(np.log10(alpha))


BACK, LAMBDAS = 50, (0.9, 0.6)
DECADES = np.log10(LAMBDAS)
LENGTH, TURNED = BACK * DECADES[0], BACK * (DECADES[1] - DECADES[0])

EXERCISE_1 = [
    Task(
        key="11.1",
        right=np.linalg.matrix_power,
        hint="M is V times a diagonal matrix times the transpose of V. Which of the three does a power change?",
        wrong=(
            Wrong(
                lambda M, k: M**k, "This takes the power of each entry. A power of a matrix is a product of matrices."
            ),
            Wrong(
                _from_eigenvectors(lambda values, k: values**k, turned=True),
                "The eigenvectors are the columns of what `eigh` returns: V comes first, its transpose last.",
            ),
            Wrong(_from_eigenvectors(lambda values, k: k * values), "A step multiplies by the eigenvalue once more."),
            Wrong(
                _from_eigenvectors(lambda values, k: np.abs(values) ** k),
                "An eigenvalue below 0 changes its sign in every step.",
            ),
        ),
        cases=[(SYMMETRIC, k) for k in (5, 2, 0)],
    ),
    Task(
        key="11.2",
        right=_tangent,
        hint="Write M^k x in the eigenvectors. The tangent is the length of all that is not along v_1, over what is.",
        wrong=(
            Wrong(
                lambda eigenvalues, u, k: _tangent(eigenvalues, u, k) ** 2,
                "This is the square of the tangent: a length has a root.",
            ),
            Wrong(lambda eigenvalues, u, k: 1 / _tangent(eigenvalues, u, k), "This is its inverse: v_1 is below."),
            Wrong(_sine, "This is the sine: the whole length is below, where the share of v_1 belongs."),
            Wrong(
                lambda eigenvalues, u, k: np.divide(*_shares(eigenvalues, u, k)[::-1]).sum(),
                "The shares stand at right angles to each other: Pythagoras adds their squares.",
            ),
            Wrong(
                lambda eigenvalues, u, k: _tangent(eigenvalues, u, 1) if k else _tangent(eigenvalues, u, 0),
                "This is one step. Each step multiplies by the eigenvalue again.",
            ),
        ),
        cases=[(np.array([-1.2, 0.9, -0.5]), np.array([0.3, -1.0, 2.0]), k) for k in (5, 1, 0)],
    ),
    Task(
        key="11.3",
        right=_enough,
        hint="Set the bound equal to delta, take logarithms, and solve for k. Then round, to the safe side.",
        wrong=(
            Wrong(_steps(rounded=np.floor), "One step less is not enough: in which direction must k be rounded?"),
            Wrong(_steps(rounded=float), "A number of steps is whole."),
            Wrong(
                _steps(size=lambda n: np.sqrt(2 * n / np.pi)), "The share of v_1 is not among those above: count them."
            ),
            Wrong(_steps(size=lambda n: 2 * (n - 1) / np.pi), "The mean of a root is at most the root of a mean."),
            Wrong(_steps(per_step=2), "The tangent shrinks by r in a step; it is its square that shrinks by r^2."),
            Wrong(_steps(log=np.log10), "Two logarithms of different bases: take the same above and below."),
            Wrong(_steps(least=-np.inf), "Where the bound is small at the start already, no step is needed."),
        ),
        cases=[(0.5, 3, 0.1, 0.05), (0.9, 64, 0.01, 0.01), (0.99, 2, 0.1, 0.5), (0.9, 2, 100.0, 0.5)],
    ),
    Task(
        key="11.4",
        right=_aligned,
        hint="The direction of (u_1, u_2) is uniform on the circle. Which part of it is near enough to the axis?",
        wrong=(
            Wrong(
                lambda r, alpha, k: 1 - _aligned(r, alpha, k), "This is the probability of the opposite: not aligned."
            ),
            Wrong(lambda r, alpha, k: _aligned(r, alpha, k) / 2, "M^k x may point along -v_1 as well: that counts."),
            Wrong(
                lambda r, alpha, k: _aligned(r, alpha * r ** (2 * k), k),
                "In k steps it becomes easier to be aligned, not harder: on which side of alpha does r^k stand?",
            ),
            Wrong(lambda r, alpha, k: _aligned(r, alpha, 0), "This is the probability at k = 0."),
            Wrong(lambda r, alpha, k: np.degrees(_aligned(r, alpha, k)), "The angle is in degrees, and pi in radians."),
        ),
        cases=[(0.8, 0.1, 0), (0.8, 0.1, 10), (0.5, 1.0, 3)],
    ),
    Task(
        key="11.5",
        right=(LENGTH, TURNED),
        hint="Each step back multiplies the share along v_i by lambda_i; a decade is a factor of ten.",
        wrong=(
            Wrong((LENGTH * np.log(10), TURNED * np.log(10)), "These are natural logarithms: decades are wanted."),
            Wrong((-LENGTH, -TURNED), "Both become smaller: the logarithm of a factor below 1 is below 0."),
            Wrong(
                (LENGTH, BACK * DECADES[1]),
                "This is what becomes of the share along v_2. The tangent holds it against the one along v_1.",
            ),
            Wrong((TURNED, LENGTH), "These two are in the other order."),
            Wrong((LENGTH / BACK, TURNED / BACK), "This is one step."),
        ),
        tolerance=5e-3,
    ),
]

# --- exercise 2: what else copes with gradients that explode ---


def _divided(size):
    return lambda W: W / max(1, size(W))


def _cut(W):
    U, sizes, V = np.linalg.svd(W)
    return (U * np.minimum(sizes, 1)) @ V


def _radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


def _norm(W):
    return np.linalg.norm(W, 2)


EXERCISE_2 = [
    Task(
        key="11.6",
        right=_divided(_norm),
        hint="Which number says how much longer a vector can become in one product with W? It is to be at most 1.",
        wrong=(
            Wrong(
                _divided(_radius),
                "The spectral radius says what happens in the long run. A gradient may still grow before: see 07.",
            ),
            Wrong(
                _divided(np.linalg.norm),
                "This is enough, but more than needed: the root of the sum of squares exceeds the largest stretch.",
            ),
            Wrong(lambda W: W / _norm(W), "A W that lets nothing grow should stay as it is."),
            Wrong(
                _cut,
                "Nothing grows with it. But its singular values shrink by different factors: one number is asked for.",
            ),
            Wrong(lambda W: W / _norm(W) ** 2, "The singular value, not its square."),
        ),
        cases=[(np.array([[0.9, 10.0], [0.0, 0.5]]),), (np.array([[0.0, 0.5], [-0.4, 0.1]]),), (3 * SYMMETRIC,)],
    ),
]

# --- the whole backward pass, and the weights of the losses ---

PARAMETERS = ("W_qh", "b_q", "W_hh", "W_hx", "b_h", "h0")
START = "Begin at the output: softmax minus one-hot, times the weight of the loss, over the sum of all weights."
PLACES = {
    "W_qh": START,
    "b_q": "b_q is used in every step of every sequence, and dL/do_t is what each use adds.",
    "W_hh": "Look at 9.7.14 with phi', at its start 9.7.13, and at the sum over steps and sequences of 9.7.16.",
    "W_hx": "W_hh is right. So is what its gradient has in common with that of W_hx: only x_t stands for h_{t-1}.",
    "b_h": "W_hh is right. The gradient of b_h is the same sum, with a 1 in place of the state before.",
    "h0": "The gradient of h_0 is one more step of the recursion; h_0 has no output, and each sequence has its own.",
}


def _batch(T, B, seed):
    """Return the arguments of the reader's function: a forward pass, labels, and weights of which some are 0."""
    rng = np.random.default_rng(seed)
    params = init_params(3, 4, 5, bias=True, seed=seed)
    params = params._replace(b_h=rng.normal(size=4), b_q=rng.normal(size=5))
    trace = forward(params, rng.normal(size=(T, B, 3)), h0=rng.normal(size=(B, 4)), activation="tanh")
    weights = rng.uniform(0.5, 2, size=(T, B))
    weights[-1, 0] = 0
    return trace, rng.integers(5, size=(T, B)), weights


BATCH = [_batch(4, 3, 0), _batch(1, 2, 1)]


def _backward(trace, y, weights):
    found = backward(trace, y, loss="cross_entropy", weights=weights)
    return {name: getattr(found, name) for name in PARAMETERS}


def _judge_backward(function):
    for case in BATCH:
        right, found = _backward(*case), function(*copy.deepcopy(case))
        if not hasattr(found, "keys"):
            return "A dict is wanted, with the gradients by the names of the parameters."
        for name in PARAMETERS:
            if name not in found:
                return f"There is no {name} in it."
            if np.shape(found[name]) != right[name].shape:
                return (
                    f"The gradient of {name} has shape {np.shape(found[name])}. That of {name} is {right[name].shape}."
                )
        wrong = [name for name in PARAMETERS if not _near(found[name], right[name])]
        if wrong:
            return f"The gradient of {wrong[0]} is not right. {_known_mistake(found, *case) or PLACES[wrong[0]]}"
    return ""


def _near(found, right):
    return np.allclose(found, right, rtol=1e-6, atol=1e-12)


def _known_mistake(found, trace, y, weights):
    """Return what is said of the mistake that gives this, or ""."""
    from ..checking.mistakes import MISTAKES, flawed

    ones = np.ones_like(weights)
    others = {
        "The weights of the losses are missing.": _backward(trace, y, ones),
        "The mean is over the weights: divide by their sum.": _scaled(_backward(trace, y, weights), weights.sum()),
        "The mean is over the weights, not over all steps of all sequences: divide by their sum.": _scaled(
            _backward(trace, y, weights), weights.sum() / weights.size
        ),
    }
    for name, mistake in MISTAKES.items():
        rows = flawed(name, trace, y, loss="cross_entropy", weights=weights)
        others.setdefault(mistake.says, {name: rows[name].sum(0) for name in PARAMETERS})
    fits = (says for says, wrong in others.items() if all(_near(found[name], wrong[name]) for name in PARAMETERS))
    return next(fits, "")


def _scaled(gradients, factor):
    return {name: factor * gradient for name, gradient in gradients.items()}


def _mean(l, w):
    return (w * l).sum() / w.sum()


WHOLE = [
    Task(key="11.7", right=_backward, hint=START, cases=BATCH, judge=_judge_backward),
    Task(
        key="11.8",
        right=lambda l, w: (l - _mean(l, w)) / w.sum(),
        hint="L is a fraction, and w_t stands above and below the line: the quotient rule has two terms.",
        wrong=(
            Wrong(lambda l, w: l / w.sum(), "The sum of the weights below the line has w_t in it as well."),
            Wrong(lambda l, w: l, "This is for the sum. L is the mean over the weights."),
            Wrong(lambda l, w: l - _mean(l, w), "The whole is over the sum of the weights still."),
            Wrong(
                lambda l, w: (l - l.mean()) / w.sum(),
                "Below the line stands what gives L itself, the mean over the weights.",
            ),
            Wrong(
                lambda l, w: w / w.sum(), "This is how L changes with the losses. How does it change with the weights?"
            ),
        ),
        cases=[(np.array([0.5, 2.0, 1.0, 0.1]), np.array([1.0, 0.0, 2.0, 0.5]))],
    ),
]

# --- a skip connection ---


def _residual(back=lambda W_hh, slope, dh: dh + W_hh.T @ (slope * dh), late=0, own=True):
    """Return dL/dh_t of the network with a skip, with one part of a step changed."""

    def gradients(z, dL_do, W_hh, W_qh):
        slope, rows = 1 - np.tanh(z) ** 2, dL_do @ W_qh
        for t in range(len(z) - 1, 0, -1):
            rows[t - 1] = rows[t - 1] * own + back(W_hh, slope[t - late], rows[t])
        return rows

    return gradients


_rng = np.random.default_rng(11)
SKIP = [(_rng.normal(size=(5, 3)), _rng.normal(size=(5, 2)), _rng.normal(size=(3, 3)), _rng.normal(size=(2, 3)))]
WAYS = np.linalg.matrix_power([[1, 1], [1, 0]], 5)  # [0, 0]: the ways over five steps

SKIPS = [
    Task(
        key="11.9",
        right=_residual(),
        hint="h_{t-1} has three uses: in its output, in z_t, and as it is in h_t. Each gives one term.",
        wrong=(
            Wrong(
                _residual(lambda W, slope, dh: W.T @ (slope * dh)),
                "This is 9.7.14 with phi'. The way past tanh is missing: h_{t-1} is in h_t as it is.",
            ),
            Wrong(
                _residual(lambda W, slope, dh: slope * dh + W.T @ (slope * dh)),
                "The skip goes past tanh: no slope belongs to it.",
            ),
            Wrong(_residual(lambda W, slope, dh: dh + W.T @ dh), "On the way through tanh the slope is missing."),
            Wrong(
                _residual(lambda W, slope, dh: dh + slope * (W.T @ dh)),
                "The slope comes first, then the transpose: z_t is between W_hh and tanh.",
            ),
            Wrong(
                _residual(lambda W, slope, dh: dh + W @ (slope * dh)),
                "This is W_hh, not its transpose: 9.7.14.",
            ),
            Wrong(
                _residual(late=1),
                "From h_t back to h_{t-1} the slope is that at z_t, the one of the later step.",
            ),
            Wrong(_residual(own=False), "h_{t-1} goes into its own output as well: W_qh^T dL/do_{t-1}."),
        ),
        cases=SKIP,
    ),
    Task(
        key="11.10",
        right=int(WAYS[0, 0]),
        hint="Each way from h_1 to h_6 counts once. The last step of a way comes from h_5 or from h_4.",
        wrong=(
            Wrong(
                5, "So many ways lead to h_5; and so many lead to h_6 with one skip at most. More than one is allowed."
            ),
            Wrong(13, "So many ways lead to h_7."),
            Wrong(2, "There are two ways out of each state, and so there are more ways in all."),
            Wrong(1, "The way with no skip is one of them."),
            Wrong(32, "Not each of the five steps is free: a skip passes over a state, and h_6 is the end."),
        ),
    ),
]

# --- something to extend ---


def _first(shift=0, least=1, end=lambda t, T, k1: np.minimum(-(-t // k1) * k1, T)):
    def first(T, k1, k2):
        t = np.arange(1, T + 1)
        return np.maximum(end(t, T, k1) - k2 + 1 + shift, least)

    return first


def _forget(c_from=0, slope=lambda f: f * (1 - f), total=lambda rows: rows.sum(0)):
    def gradient(f, c, dL_dc):
        return total(slope(f) * c[c_from : c_from + len(f)] * dL_dc)

    return gradient


GATES = 1 / (1 + np.exp(-_rng.normal(size=(4, 3)))), _rng.normal(size=(5, 3)), _rng.normal(size=(4, 3))

EXTEND = [
    Task(
        key="11.11",
        right=tbptt,
        hint="For each t find first the step of its update. All losses of an update reach equally far back.",
        wrong=(
            Wrong(
                _first(end=lambda t, T, k1: t),
                "This is a window of k2: each loss goes back by itself. Here it waits for its update.",
            ),
            Wrong(
                lambda T, k1, k2: (np.arange(T) // k1) * k1 + 1,
                "This goes back to the update before: chunks of k1. It may go over k2 steps.",
            ),
            Wrong(_first(shift=-1), "This is k2 + 1 steps. Count them: the step of the update is one of them."),
            Wrong(_first(least=-np.inf), "There is no step before step 1."),
            Wrong(
                _first(end=lambda t, T, k1: -(-t // k1) * k1),
                "The last update is at T, also where k1 does not divide it.",
            ),
            Wrong(
                _first(end=lambda t, T, k1: np.minimum((t // k1 + 1) * k1, T)),
                "An update at step t has the loss of step t in it.",
            ),
        ),
        cases=[(12, 2, 4), (7, 3, 5), (5, 1, 3), (6, 6, 6)],
    ),
    Task(
        key="11.12",
        right=_forget(),
        hint="Go from L to c_t, from there to f_t, through the sigmoid, and to b_f, which every step uses.",
        wrong=(
            Wrong(
                _forget(c_from=1), "The gate f_t multiplies the cell state of the step before. Which row of c is that?"
            ),
            Wrong(
                _forget(slope=lambda f: 1), "This ends at f_t. Between f_t and b_f there is a sigmoid, with its slope."
            ),
            Wrong(_forget(slope=lambda f: 1 - f * f), "This is the slope of tanh. A gate has the sigmoid."),
            Wrong(
                _forget(slope=lambda f: 1 / (1 + np.exp(-f)) * (1 - 1 / (1 + np.exp(-f)))),
                "f is the value of the sigmoid already: its slope is to be had from f alone.",
            ),
            Wrong(_forget(slope=lambda f: f), "The slope of the sigmoid has two factors."),
            Wrong(_forget(total=lambda rows: rows), "Every step uses b_f: sum over t."),
            Wrong(_forget(total=lambda rows: rows.mean(0)), "The 1/T is in dL/dc_t already: the uses are added up."),
        ),
        cases=[GATES],
    ),
]

# --- bugs to find ---


def _in_line(key, right, hint, **others):
    """Return the task to name the line of a bug; the others are right, and the hints say why."""
    return Task(key, right, hint, [Wrong(int(line.removeprefix("line_")), why) for line, why in others.items()])


BUGS = [
    _in_line(
        key="11.13",
        right=3,
        hint="One line is made for a network without the skip. For which does it matter how h_t was made?",
        line_1="This is the network as it was meant: tanh, and the state before beside it.",
        line_2="It has both: the loss of its own step, 9.7.13, and what comes from the later ones.",
        line_4="This is 9.7.16: h[t] is the state before the step, for the loop counts from 0.",
        line_5="Both ways back are there, past tanh and through it, and W_hh is transposed.",
    ),
    _in_line(
        key="11.14",
        right=3,
        hint="A step may become shorter, but it keeps its direction. What must all its parts have in common?",
        line_1="The state is handed over as a number, so nothing flows into the minibatch before: that is meant.",
        line_2="This is the gradient of the minibatch, as `bptt.train` takes it.",
        line_4="To multiply by a number of at most 1 is right. Is it the same number for all?",
        line_5="It goes downhill: minus the rate times the gradient.",
        line_6="This is the last state, and it belongs to the minibatch that comes next.",
    ),
    _in_line(
        key="11.15",
        right=8,
        hint="Go through the equations of the cell, from the last to the first. What multiplies c_{t-1} in step t?",
        line_1="h_t has the loss of its own step, and what the gates of the next step send.",
        line_2="c_t is used in h_t and in the next cell state: two terms, as they should be.",
        line_3="The input gate multiplies the candidate, and its slope is that of the sigmoid.",
        line_4="c[t] is the cell state before the step, for the loop counts from 0: it is the one that f multiplies.",
        line_5="The candidate has tanh, and it is multiplied by the input gate.",
        line_6="The output gate multiplies tanh of the new cell state, c[t + 1].",
        line_7="All four blocks go through the transpose of W_h, in their order i, f, g, o.",
    ),
]

TASKS = [*EXERCISE_1, *EXERCISE_2, *WHOLE, *SKIPS, *EXTEND, *BUGS]
