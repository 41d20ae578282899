r"""What readers of the section ask, Q1 - Q18: each question with a computation that settles it, and its verdict.

``question("Q8").answer()`` computes the evidence and returns an answer: ``in_short`` answers what was asked. Behind it
stand a claim and its ``verdict`` (right; wrong; right, with a condition; a matter of notation), the
``statements`` that led to it, each true or false, and the ``evidence``. Other evidence has another verdict, and then
the short answer is "open".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import sympy as sp

from .. import _validation
from ..bptt import backward
from ..checking.check import check_gradients
from ..checking.finite_differences import central_difference, complex_step
from ..gates import chunks
from ..graph import computational_graph
from ..growth.gradient_norms import log10_gradient_norms
from ..rnn import Params, forward, init_params, loss
from ..scalar import scalar_rnn
from ..total_derivative import closed_sum, mixtures, partials, recursion, total_derivatives
from ._records import Records
from .displays import sequence_in_full, sequence_rule, the_last
from .equations import equation
from .judging import RECORDS, Evidence, Question, rightly, settled_by, shown, wrongly
from .models import Matrices, Sequence
from .notation import equal
from .proofs import Claim, prove

__all__ = ["Table", "question", "questions"]

SEEDS = range(11)  # for what rests on a draw: more than half of them must say it, or all
ROUNDING = 1e-12  # relative: far above the rounding of these small sums, far below any mistake in them
PLAIN = 0.01  # relative: nobody takes such a difference for rounding


# ---------------------------------------------------------------------------- what many of them use


def _example(T=5):
    # Small, of three different sizes, and nothing is zero: a zero would let a wrong formula pass.
    rng = np.random.default_rng(0)
    params = init_params(3, 4, 2, bias=True)._replace(b_h=rng.normal(size=4), b_q=rng.normal(size=2))
    return params, rng.normal(size=(T, 3)), rng.normal(size=(T, 2)), rng.normal(size=4)


_ONE_UNIT = Params(*np.array([[[1.0]], [[0.5]], [[1.0]]]))


def _gap(found, wanted):
    # The difference of two arrays, relative to the norm of the second.
    return float(np.linalg.norm(np.subtract(found, wanted)) / np.linalg.norm(wanted))


def _same(found, wanted):
    # Entry by entry, up to rounding.
    return np.all(np.abs(np.subtract(found, wanted)) <= ROUNDING * np.max(np.abs(wanted)))


def _old(n):
    return equation(f"8.7.{n}", edition="v0.14")


def _all(status, *proofs):
    return all(proof.status == status for proof in proofs)


_proved, _refuted = partial(_all, "proved"), partial(_all, "refuted")


def _decades(trace, y):
    # log10 of |dL/dh_1| / |dL/dh_T|, for the loss at the last step: other losses would hide what becomes of it.
    decades = log10_gradient_norms(trace, y, reduction="last")
    return float(decades[0] - decades[-1])


def _to_what_extent(proof):
    # Proved, and for which T: what stands beside a statement that rests on a proof.
    return f"{proof.status} {proof.scope}".rstrip()


# ------------------------------------------------------------------------------------- the questions


def _both_networks():
    params, x, y, h0 = _example()
    networks = {"identity": params._replace(b_h=None, b_q=None), "tanh": params}

    def check(phi, slopes):
        def gradient(trace, y):
            return backward(trace._replace(activation=slopes), y)

        return check_gradients(networks[phi], x, y, h0=h0, activation=phi, gradient=gradient).verdict

    return Evidence(checks={pair: check(*pair) for pair in product(networks, networks)})


@settled_by(
    _both_networks,
    "8.7.11 (v0.14), 9.7.9",
    question="Recurrent networks have a tanh. Did the formula for the state lose it?",
    claim=(
        r"for $\mathbf h_t = \tanh(\mathbf W_{hh}\mathbf h_{t-1} + \mathbf W_{hx}\mathbf x_t + \mathbf b_h)$, "
        "gradients without the slopes of tanh are wrong"
    ),
    in_short=(
        "Nothing is missing from the linear network that is printed. A network with tanh needs the "
        "slopes of tanh besides."
    ),
    because=(
        "The old text lost it by an oversight, as its authors answered, and a revision then took the identity for "
        "the activation and said so; the gradients are right for the linear network that is printed, and a network "
        "with tanh needs the slopes besides."
    ),
)
def _q1(e):
    yield rightly("with tanh, gradients without its slopes are wrong", e.checks["tanh", "identity"] == "FAIL")
    yield wrongly("as printed, gradients without its slopes are wrong", e.checks["identity", "identity"] == "FAIL")
    own = [e.checks[phi, phi] for phi in ("identity", "tanh")]
    yield shown("each network passes the gradient check with its own slopes, by the same code", own == ["PASS", "PASS"])
    yield shown("the linear network fails it with those of tanh", e.checks["identity", "tanh"] == "FAIL")


def _with_slopes(m, t, *, in_front=False, from_j=True, counted_back=False):
    """In total h_t moves with W_hh by a sum over the steps j, through the slopes of phi in the steps j .. t."""

    def term(j):
        if not in_front:
            return m.product("i", 0, t - j - 1, lambda i: m.diagonal(t - i) * m.W_hh) * m.diagonal(j), j - 1
        lag, entering = (j - 1, t - j) if counted_back else (t - j, j - 1)
        return m.product("i", j if from_j else t - j + 1, t, m.diagonal) * m.W_hh**lag, entering

    def outer(j):  # (A outer v)[a, b, c] = A[a, b] v[c] is dh_t[a]/dW_hh[b, c]
        A, entering = term(j)
        return m.outer(A, m.h(entering))

    return [equal(m.total(m.h(t), m.W_hh), m.sum("j", 1, t, outer))]


class _OneUnit(Matrices):
    """The same words where every matrix is one number."""

    SIZES = ((1, 1, 1),)


IN_ORDER = Claim(_with_slopes, Matrices, phi=True, steps=the_last)
IN_FRONT = replace(IN_ORDER, model=_OneUnit, knobs={"in_front": True})
COUNTED_BACK = IN_FRONT.but(from_j=False, counted_back=True)


def _ranges_of_the_slopes():
    return Evidence(
        in_order=prove(IN_ORDER),
        one_unit=prove(IN_FRONT),
        counted_back=prove(COUNTED_BACK),
        as_quoted=prove(IN_FRONT.but(from_j=False)),
        matrices=prove(replace(IN_FRONT, model=Matrices)),
        latex=IN_ORDER.latex,
    )


@settled_by(
    _ranges_of_the_slopes,
    "8.7.16 (v0.14)",
    question="With a tanh, does every term of the sum also lack the slopes 1 - h_i^2 for i = t-j+1 .. t?",
    claim=f"$ {COUNTED_BACK.latex} $",
    in_short="Slopes are missing, yes. In the j of the display they are those of i = j .. t.",
    because=(
        "Slopes are lacking, but for this range only where the terms are w^(j-1) h_(t-j), counted from the end, and "
        "w is a number: in the j of the display they run over i = j .. t, and between matrices each has a place of "
        "its own."
    ),
)
def _q2(e):
    yield rightly("for one unit and terms w^(j-1) h_(t-j), the slopes are those of t-j+1 .. t", _proved(e.counted_back))
    yield wrongly("for one unit and terms w^(t-j) h_(j-1), the slopes are those of t-j+1 .. t", _proved(e.as_quoted))
    yield wrongly("with matrices all slopes can stand in front of the power", _proved(e.matrices))
    one, several = map(_to_what_extent, (e.one_unit, e.in_order))
    yield shown(
        f"for one unit and terms w^(t-j) h_(j-1), they are those of j .. t, for every phi ({one})", _proved(e.one_unit)
    )
    yield shown(
        f"with matrices they are those of j .. t, too, one between every two W_hh ({several})", _proved(e.in_order)
    )
    yield shown("what is wrong for matrices is right for numbers", e.matrices.shown.case.sizes == (2, 2, 2))


def _biases_in_the_weights():
    return Evidence(exact=_both_ways("identity"), tanh=_both_ways("tanh"))


def _both_ways(phi):
    # In quarters, and four steps: with the identity nothing is rounded, so that equal means equal.
    params, *data = _example(T=4)
    (W_hx, W_hh, W_qh, b_h, b_q), (x, y, h0) = ([np.round(4 * a) / 4 for a in arrays] for arrays in (params, data))
    trace = forward(Params(W_hx, W_hh, W_qh, b_h, b_q), x, h0=h0, activation=phi)
    W_h, W_q = np.column_stack([b_h, W_hx]), np.column_stack([b_q, W_qh])
    inside = forward(Params(W_h, W_hh, W_qh, None, b_q), _with_one(x), h0=h0, activation=phi)
    # The output layer is a network of its own, without memory, whose input is [1, h_t].
    layer = forward(Params(W_q, np.zeros((2, 2)), np.eye(2)), _with_one(trace.h[1:]))
    g, g_inside, g_layer = (backward(run, y) for run in (trace, inside, layer))
    return {
        "states": (inside.h, trace.h),
        "outputs": (layer.o, trace.o),
        "[b_h, W_hx]": (g_inside.W_hx, np.column_stack([g.b_h, g.W_hx])),
        "[b_q, W_qh]": (g_layer.W_hx, np.column_stack([g.b_q, g.W_qh])),
        "W_hh": (g_inside.W_hh, g.W_hh),
    }


def _with_one(rows):
    return np.column_stack([np.ones(len(rows)), rows])


@settled_by(
    _biases_in_the_weights,
    "9.7.9",
    question="Where is the bias? Can it be put into the weights?",
    claim=r"$[\mathbf b_h, \mathbf W_{hx}]$ on $[1, \mathbf x_t]$ is the same network with the same gradient",
    in_short="Yes, exactly: put a 1 in front of x_t, and in front of h_t at the output.",
    because=(
        "A bias is a weight whose input is always 1, so nothing is lost: b_h enters by [1, x_t], and b_q by [1, h_t]."
    ),
)
def _q3(e):
    equal = {name: np.array_equal(*pair) for name, pair in e.exact.items()}
    yield rightly("the states and the outputs are the same", equal["states"] and equal["outputs"])
    yield rightly("[b_h, W_hx] has, through [1, x_t], the same gradient, entry by entry", equal["[b_h, W_hx]"])
    yield rightly("[b_q, W_qh] has, through [1, h_t], the same gradient, entry by entry", equal["[b_q, W_qh]"])
    yield shown("the gradient of W_hh does not notice", equal["W_hh"])
    yield shown("with tanh all this holds up to rounding", all(_same(*pair) for pair in e.tanh.values()))


def _the_index_of_the_state():
    return Evidence(powers=_old(15).prove(), sum=_old(16).prove())


@settled_by(
    _the_index_of_the_state,
    "8.7.16 (v0.14)",
    question="Should it not be h_{j-1}, the state that enters step j, where h_j is printed?",
    claim=f"$ {_old(16).corrected_form.latex} $",
    in_short="Yes, h_{j-1}. That alone does not repair the display.",
    because=(
        "The index is j - 1; besides, a matrix times a vector has an index too few for this derivative, and in "
        "components W_hh stands without the transpose, which 8.7.15 (v0.14) has rightly in one of two layouts."
    ),
)
def _q4(e):
    also, corrected = e.sum.also, e.sum.corrected
    yield rightly(f"with h_{{j-1}}, in components, the display is {_to_what_extent(corrected)}", _proved(corrected))
    yield rightly("with h_j it is refuted, in components too", _refuted(e.sum, also["in components, with h_j"]))
    kept = also["h_{j-1} for h_j, and still a matrix times a vector"]
    yield shown("h_{j-1} does not repair a matrix times a vector", _refuted(kept))
    yield shown("the transpose in it is wrong", _refuted(also["in components, with W_hh transposed"]))
    stated = e.powers.status == "right in a stated layout" and "denominator" in e.powers.layout
    yield shown("the transpose in 8.7.15 (v0.14) is right in denominator layout", stated)


class _Unsloped(Matrices):
    """A network with phi, described by displays that know nothing of phi."""

    def back(self, t, v):
        """Leave v as it is, where the right formula multiplies by phi'."""
        return v


def _printed_displays_with_phi():
    records = [equation(f"9.7.{n}") for n in range(11, 17)]
    params = init_params(1, 16, 1, scale=3, kind="identity")
    inputs = [np.random.default_rng(seed).normal(size=(200, 1)) for seed in SEEDS]
    return Evidence(
        printed=[prove(replace(r, model=_Unsloped, phi=True, rule=None)) for r in records],
        sloped=[r.with_phi.prove() for r in records],
        radius=np.abs(np.linalg.eigvals(params.W_hh)).max(),
        decades={
            phi: np.array([_decades(forward(params, x, activation=phi), np.ones((200, 1))) for x in inputs])
            for phi in ("identity", "tanh")
        },
    )


@settled_by(
    _printed_displays_with_phi,
    "9.7.9",
    question="The section takes the identity for the activation. What holds for tanh all the same, and what is lost?",
    claim="what the section says of the identity holds for tanh, too",
    in_short="9.7.11 to 9.7.13 hold. In 9.7.14 to 9.7.16 slopes are missing, and eigenvalues alone no longer decide.",
    because=(
        "9.7.11 to 9.7.13 stand as they are, 9.7.14 to 9.7.16 need the slopes of phi, and the eigenvalues of W_hh "
        "no longer decide alone."
    ),
)
def _q5(e):
    yield rightly("9.7.11, 9.7.12 and 9.7.13 hold for every phi as printed", _proved(*e.printed[:3]))
    yield wrongly("one of 9.7.14, 9.7.15 and 9.7.16 holds for every phi as printed", not _refuted(*e.printed[3:]))
    short = ["T <= 4" in proof.scope for proof in e.sloped] == [n == 15 for n in range(11, 17)]
    words = "with the slopes all six hold for every phi (9.7.15 for T <= 4, the others for all T)"
    yield shown(words, _proved(*e.sloped) and short)
    powers = np.allclose(e.decades["identity"], 199 * np.log10(e.radius))
    yield shown("over 200 steps the identity explodes by 199 powers of the eigenvalue 3", e.radius == 3 and powers)
    vanishes = max(e.decades["tanh"]) < -100
    yield shown("with the same weights and tanh it vanishes by over 100 decades, whatever the seed of x", vanishes)


LENGTHS = 10, 100, 400, 1000


def _mean_and_sum():
    calm, middling, wild = (np.median([_sizes(g, seed) for seed in SEEDS], 0) for g in (0.8, 2.0, 2.5))
    x = [np.random.default_rng(seed).normal(size=(LENGTHS[-1], 1)) for seed in SEEDS]
    nets = [init_params(1, 16, 1, scale=0.8, seed=seed) for seed in SEEDS]
    per_step = np.array([_lost_per_step(*pair) for pair in zip(nets, x, strict=True)])
    return Evidence(calm=calm, middling=middling, wild=wild, per_step=per_step)


def _sizes(g, seed):
    """Size of the loss and of dL/dW_hh, of the mean and of the sum, for each length: (4, 4)."""
    params, rng = init_params(2, 32, 2, scale=g, seed=seed), np.random.default_rng(seed)
    rows = []
    for T in LENGTHS:
        x, y = rng.normal(size=(2, T, 2))
        run, row = forward(params, x, activation="tanh"), []
        for reduction in ("mean", "sum"):
            row += [loss(run, y, reduction=reduction), np.linalg.norm(backward(run, y, reduction=reduction).W_hh)]
        rows.append(row)
    return rows


def _lost_per_step(params, x):
    # For the loss at T alone, which is divided by T or not: the ratio of dL/dh_1 to dL/dh_T does not know.
    return [-_decades(forward(params, x[:T], activation="tanh"), np.full((T, 1), 1.0)) / (T - 1) for T in LENGTHS[1:]]


@settled_by(
    _mean_and_sum,
    "9.7.2",
    question="Why is the loss divided by T: to average over the steps, or for something else?",
    claim=r"the $1/T$ is there to average: with it, the size of $L$ and of its gradient does not depend on $T$",
    in_short="To average.",
    because=(
        "To average, so that long and short sequences can be compared: loss and gradient keep their size at every "
        "length as long as nothing explodes; 1/T cures neither explosion nor vanishing, which go by powers of T."
    ),
)
def _q6(e):
    mean_loss, mean_gradient, sum_loss, sum_gradient = e.calm[1:].T
    steady = _spread(mean_loss) < 1.3 and _spread(mean_gradient) < 2
    words = "where nothing explodes (g = 0.8), loss and gradient of the mean keep their size from T = 100 to 1000"
    yield rightly(words, steady)
    grows = np.diff(np.log10(e.wild[:, 1])).min()
    yield wrongly("where something explodes (g = 2.5), the gradient of the mean keeps its size, too", grows < 1)
    ten = min(sizes[-1] / sizes[0] for sizes in (sum_loss, sum_gradient))
    yield shown("without 1/T (g = 0.8) both are over five times as large at T = 1000 as at T = 100", ten > 5)
    times_T = np.array(LENGTHS)[:, None] * e.calm[:, :2]
    yield shown("mean and sum differ by the factor T, and by nothing else", np.allclose(e.calm[:, 2:], times_T))
    spread = max(map(_spread, e.per_step))
    yield shown(
        "with or without 1/T, the gradient of the loss at T loses as many decades per step at every length (g = 0.8)",
        spread < 1.25,
    )


def _spread(numbers):
    return np.max(numbers) / np.min(numbers)


def _the_weight_of_the_output():
    today = equation("9.7.3")
    return Evidence(old=_old(3).prove(), today=today.prove(), misprint=prove(today.but(w="w_h")))


@settled_by(
    _the_weight_of_the_output,
    "8.7.3 (v0.14), 8.7.3 (v0.17) up to release 0.16.1",
    question="Should the weight in the slope of the output not be w_o, where w_h is printed?",
    claim=f"$ {equation('9.7.3').latex} $",
    in_short="Yes, w_o.",
    because="The output is g(h_t, w_o), so that is where its slope is taken; today's 9.7.3 has it.",
    scalar=True,
)
def _q7(e):
    extent = _to_what_extent(e.today)
    yield rightly(f"with w_o the display is {extent}, for every f, g and l", _proved(e.today, e.old.corrected))
    yield rightly("with w_h it is refuted, in both texts", _refuted(e.old, e.misprint))


def _held_and_moving():
    params, x, _, h0 = _example()
    measured = _measured(params, x, h0, "tanh")
    carried = (D[:, :, x.shape[1] : -2].sum(0) for D in total_derivatives(forward(params, x, h0=h0, activation="tanh")))
    first_term = equation("9.7.4").but(carry=False).in_each_case()
    return Evidence(
        apart=_apart(measured),
        carried=max(_gap(D, moving) for D, (_, moving) in zip(carried, measured, strict=True)),
        from_zero=_apart(_measured(params, x, 0 * h0, "tanh")),
        relu_off=_apart(_measured(_ONE_UNIT, np.array([[1.0], [1.0], [-9.0]]), np.ones(1), "relu")),
        plus=equation("9.7.4").prove(),
        first_term=[prove(replace(first_term, steps=partial(_only, t))) for t in range(1, 5)],
    )


def _only(t, T):
    return (t,) if T == t else ()


def _measured(params, x, h0, phi):
    # By the complex step: how the sum over h_t moves with W_hh, with h_{t-1} held, and with h_{t-1} moving.
    def slope(start, inputs):
        def end(W):
            return forward(params._replace(W_hh=W), inputs, h0=start, activation=phi).h[-1].sum()

        return complex_step(end, params.W_hh)

    h = forward(params, x, h0=h0, activation=phi).h
    return [(slope(h[t - 1], x[t - 1 : t]), slope(h0, x[:t])) for t in range(1, len(h))]


def _apart(measured):
    largest = max(np.abs(moving).max() for _, moving in measured)
    return np.array([np.abs(moving - held).max() for held, moving in measured]) / largest


@settled_by(
    _held_and_moving,
    "9.7.4",
    question="Why a plus? As h_t = f(x_t, h_{t-1}, w_h), its derivative should be the first term and nothing else.",
    claim=f"$ {equation('9.7.4').but(carry=False).latex} $",
    in_short="A sum of two terms, because h_{t-1} moves, too.",
    because=(
        "The left side is the total derivative: h_{t-1} depends on w_h, too, and moves; the first term holds it, "
        "which for every f comes to the same only at t = 1."
    ),
    scalar=True,
)
def _q8(e):
    yield wrongly("the first term alone is the derivative, for every f and t", _proved(*e.first_term))
    yield shown(f"the two terms together are the derivative, for every f ({_to_what_extent(e.plus)})", _proved(e.plus))
    yield shown("the first term alone is the derivative at t = 1", _proved(e.first_term[0]))
    yield shown("at t = 2, 3, 4 it is not, for some f", _refuted(*e.first_term[1:]))
    later = e.apart[1:].min() > PLAIN
    yield shown(
        "measured on one network with h_0 not zero, the two are equal at t = 1 and apart at t = 2 .. 5",
        e.apart[0] == 0 and later,
    )
    yield shown("what 9.7.4 carries from step to step is the one that moves", e.carried < ROUNDING)
    accident = e.from_zero[1] < ROUNDING and e.from_zero[2:].min() > PLAIN
    yield shown("by an accident they are equal at t = 2 as well, if h_0 = 0", accident)
    yield shown(
        "by another accident they are equal where relu is off, here at t = 3",
        e.relu_off[2] == 0 and e.relu_off[1] > PLAIN,
    )


def _two_routes():
    params, x, y, h0 = _example()
    trace = forward(params, x, h0=h0, activation="tanh")
    short = forward(params, x[:2], activation="tanh")  # T = 2 and h_0 = 0
    one_unit = forward(_ONE_UNIT, x[:, :1], h0=np.ones(1))
    b, c = partials(one_unit)
    return Evidence(
        errors={name: mixtures(trace, y, name).errors for name in ("W_hx", "W_hh", "b_h")},
        blind=mixtures(short, y[:2], "W_hh").errors,
        held=equation("9.7.16").prove(),
        moving=prove(equation("9.7.16").but(moving=True)),
        derivatives={"immediate": b, "total": recursion(b, c), "h_{t-1}": one_unit.h[:-1, 0]},
    )


@settled_by(
    _two_routes,
    "9.7.4, 9.7.16",
    question="9.7.4 needs a recursion for dh_t/dw_h. Does 9.7.16, which has none for dh_t/dW_hx, leave something out?",
    claim="9.7.16 leaves something out: its gradient is not that of 9.7.3 and 9.7.4",
    in_short="No, it leaves nothing out.",
    because=(
        "Time is looked through once, either in the derivative of the state (9.7.4) or in the slope of the loss "
        "(9.7.14), and both routes end in one gradient; to do it twice, or not at all, is wrong in general."
    ),
)
def _q9(e):
    forwards, _, twice, never = zip(*e.errors.values(), strict=True)
    yield wrongly("the two routes end in different gradients", max(forwards) > ROUNDING)
    yield shown(f"9.7.16 itself is {_to_what_extent(e.held)}", _proved(e.held))
    yield shown("here total derivative times total slope is off by more than 1 %", min(twice) > PLAIN)
    yield shown("here immediate derivative times immediate slope is off by more than 1 %", min(never) > PLAIN)
    yield shown("T = 2 and h_0 = 0 would not tell the first of these", e.blind.total_state_total_loss < ROUNDING)


@settled_by(
    _two_routes,
    "9.7.16",
    question="dh_t/dW_hh is not h_{t-1}, because h_{t-1} depends on W_hh itself. Is the display wrong?",
    claim=f"this is wrong: $ {equation('9.7.16').latex} $",
    in_short="No: the sign stands for the derivative with h_{t-1} held.",
    because=(
        "One sign has two meanings: the total derivative is not h_{t-1}, and in that product it would be wrong; the "
        "factor in that product is the immediate one, with h_{t-1} held, and the display is right."
    ),
    meanings=True,
)
def _q10(e):
    yield rightly("it is wrong if dh_t/dW_hh is the total derivative", _refuted(e.moving))
    yield wrongly("it is wrong if dh_t/dW_hh is the immediate one", not _proved(e.held))
    immediate, total, before = e.derivatives.values()
    yield shown("for one unit the immediate derivative is h_{t-1}", np.array_equal(immediate, before))
    yield shown("for one unit the total one is not, from t = 2 on", np.abs(total - before)[1:].min() > PLAIN)
    routes = e.errors["W_hh"]
    yield shown("the total one goes with the immediate slope of the loss", routes.total_state_immediate_loss < ROUNDING)
    yield shown(
        "the total one does not go with the total slope, which the display has", routes.total_state_total_loss > PLAIN
    )


def _where_the_loop_cuts(T=12, tau=4):
    params, x, y, h0 = _example(T)
    trace = forward(params, x, h0=h0, activation="tanh")
    schemes = {
        "full": lambda t: {},
        "minibatches": lambda t: {"gates": chunks(T, tau)[:t]},
        "window": lambda t: {"window": min(t, tau)},
        "every step": lambda t: {"gates": chunks(T, 1)[:t]},
    }
    gradients = {name: backward(trace, y, reduction="sum", **of(T)).W_hh for name, of in schemes.items()}
    gradients["loop, state carried"] = _loop(params, x, y, h0, tau, carry=True)
    gradients["loop, state fresh"] = _loop(params, x, y, h0, tau, carry=False)
    return Evidence(tau=tau, pairs={name: _pairs(trace, y, of) for name, of in schemes.items()}, gradients=gradients)


def _pairs(trace, y, scheme):
    # Row t - 1, column k - 1: whether the loss of step t, taken alone, reaches the weights that step k uses.
    table = np.zeros((len(y), len(y)), bool)
    for t in range(1, len(y) + 1):
        upto = trace._replace(x=trace.x[:t], h=trace.h[: t + 1], o=trace.o[:t])
        table[t - 1, :t] = backward(upto, y[:t], reduction="last", **scheme(t)).h.any(1)
    return table


def _loop(params, x, y, h0, tau, carry):
    # From one minibatch to the next goes the number that the state is, and nothing else: that is detaching.
    total = 0
    for begin in range(0, len(x), tau):
        trace = forward(params, x[begin : begin + tau], h0=h0, activation="tanh")
        total = total + backward(trace, y[begin : begin + tau], reduction="sum").W_hh
        h0 = trace.h[-1] if carry else None
    return total


@settled_by(
    _where_the_loop_cuts,
    "9.7.7",
    question="If the sum is truncated after tau steps, does the training loop detach at every time step?",
    claim=r"the training loop detaches at every time step: its gradient is that of $\xi_t = 0$ at every $t$",
    in_short="No, once per minibatch.",
    because=(
        "It cuts once per minibatch: the loop of the 0.x editions detaches the state that it carries over, that of "
        "1.0 begins afresh, and both keep every pair (t, k) inside a minibatch, which are fewer than a sliding "
        "window keeps."
    ),
)
def _q11(e):
    (t, k), g = np.indices(e.pairs["full"].shape), e.gradients
    inside, window, carried = e.pairs["minibatches"], e.pairs["window"], g["loop, state carried"]
    yield wrongly("the loop has the gradient of detaching at every step", _gap(carried, g["every step"]) < ROUNDING)
    yield shown(
        "the loop has the gradient of detaching where a minibatch begins", _gap(carried, g["minibatches"]) < ROUNDING
    )
    yield shown(
        "in the loop the pairs inside a minibatch survive", np.all(inside == ((t // e.tau == k // e.tau) & (k <= t)))
    )
    yield shown("in a window of tau those with t - k < tau survive", np.all(window == ((t - k < e.tau) & (k <= t))))
    yield shown("detaching at every step would leave t = k alone", np.all(e.pairs["every step"] == (t == k)))
    yield shown("the window keeps all pairs that the loop keeps", np.all(inside <= window))
    yield shown("the window keeps others besides", np.any(inside < window))
    apart = min(_gap(g[name], carried) for name in ("full", "window", "loop, state fresh"))
    yield shown("the full gradient, the window and fresh states have other gradients than the loop", apart > PLAIN)


@settled_by(
    Evidence,
    "the exercises of the section",
    question="Where are the solutions to the exercises?",
    claim="",
    in_short="In notebooks 07, 07b and 11.",
    because=(
        "In this companion: exercise 1 is solved in notebook 07, exercise 2 in 07b, under headings that name them; "
        "both are tasks in 11."
    ),
)
def _q12(e):
    return ()


TANH = np.tanh, lambda s: 1 - np.tanh(s) ** 2
LOGISTIC = lambda h: 1 / (1 + np.exp(-h)), lambda h: 1 / ((1 + np.exp(h)) * (1 + np.exp(-h)))
NO_TARGET = 99.0  # far from every output
WHERE_THERE_IS_A_TARGET = (
    lambda yhat, y: 0.0 if y == NO_TARGET else (yhat - y) ** 2 / 2,
    lambda yhat, y: 0.0 if y == NO_TARGET else yhat - y,
)
_W_V_H0 = np.array([0.9, 0.7, 0.3])
_X, _Y = np.random.default_rng(0).normal(size=(2, 5))


def _one_unit(w_v_h0=_W_V_H0, x=_X, y=_Y, theta=LOGISTIC, **rules):
    w, v, h0 = (np.asarray(number).item() for number in w_v_h0)  # a measurement moves them as arrays
    return scalar_rnn(w, v, x, y, h0=h0, phi=TANH, theta=theta, **rules)


def _the_table_of_one_unit():
    table, T, h, y = _one_unit(), len(_X), _one_unit().h[-1], _Y[-1]
    silent = {"x": np.append(_X, [1, 1, 1]), "y": np.append(_Y, [NO_TARGET] * 3), "loss": WHERE_THERE_IS_A_TARGET}
    longer = _one_unit(**silent)
    last = _one_unit([*_W_V_H0[:2], table.h[-2]], _X[-1:], _Y[-1:])
    return Evidence(
        table=table,
        beyond=np.concatenate([longer.dL_dh[T:], longer.dL_dz[T:]]),
        upto=(longer.dL_dz[:T] * (T + 3), table.dL_dz * T),  # each without its 1/T
        from_T_alone=(last.dL_dz[0] / T, table.dL_dz[-1]),
        filled=[table.dL_dw, table.dL_dv, table.dL_dh0],
        measured=complex_step(lambda w_v_h0: _one_unit(w_v_h0).loss, _W_V_H0),
        known=(table.yhat[-1] - y) * LOGISTIC[1](h) / T,
        moved=complex_step(lambda h: (LOGISTIC[0](h) - y) ** 2 / (2 * T), h),
        matrices=equation("9.7.13").prove(),
    )


@settled_by(
    _the_table_of_one_unit,
    "9.7.14 with one unit",
    question="dL/dz_t is defined by dL/dz_{t+1}, unknown as well. How does one ever begin? Is all beyond T zero?",
    claim=r"$\partial L/\partial z_t = 0$ for $t > T$, and step $T$ needs nothing else",
    in_short="At t = T. Yes, all slopes beyond T are zero.",
    because=(
        "No loss comes after T, so nothing comes back from there: the last row of the table needs no other, and "
        "each row only the one below it."
    ),
    scalar=True,
)
def _q13(e):
    yield rightly("beyond the last loss every slope is zero", not e.beyond.any())
    yield rightly("the slopes of step T follow from step T alone", _same(*e.from_T_alone))
    yield shown("three more steps without a loss change none of the others", _same(*e.upto))
    yield shown("what is filled in for w, v and h_0 is what the complex step says", _same(e.filled, e.measured))


def _the_slope_of_the_output():
    w, *others = _W_V_H0

    def found(theta, slope):
        return _one_unit(theta=(theta[0], slope[1])).dL_dw

    def measured(theta):
        return central_difference(lambda w: _one_unit([w, *others], theta=theta).loss, w)

    return Evidence(
        by_theta=(found(LOGISTIC, LOGISTIC), measured(LOGISTIC)),
        by_phi=(found(LOGISTIC, TANH), measured(LOGISTIC)),
        theta_is_phi=(found(TANH, TANH), measured(TANH)),
    )


@settled_by(
    _the_slope_of_the_output,
    "9.7.13 with one unit",
    question="Is the slope of the output, in the chain rule for dL/dh_t, phi'(h_t)?",
    claim=r"$\partial\hat y_t/\partial h_t = \phi'(h_t)$ where $\hat y_t = \theta(h_t)$",
    in_short="No, it is theta'(h_t).",
    because=(
        "It is theta'(h_t), the slope of the function that makes the output; nobody notices as long as theta is phi."
    ),
    scalar=True,
)
def _q14(e):
    yield wrongly(
        "the finite difference agrees with phi'(h_t), where phi is tanh and theta logistic", _agree(*e.by_phi)
    )
    yield shown("it agrees with theta'(h_t)", _agree(*e.by_theta))
    found, measured = e.by_phi
    yield shown("with phi'(h_t), dL/dw is off by more than 1 %", _gap(found, measured.value) > PLAIN)
    yield shown("phi'(h_t) passes where both are tanh", _agree(*e.theta_is_phi))


def _agree(found, measured):
    return np.abs(found - measured.value) <= 2 * measured.error


@settled_by(
    _the_table_of_one_unit,
    "9.7.13 with one unit",
    question="Is dL/dh_T a known quantity?",
    claim=r"$\frac{\partial L}{\partial h_T} = \frac1T\, l'(\hat y_T, y_T)\, \theta'(h_T)$",
    in_short="Yes, from the forward pass.",
    because=(
        "The forward pass knows it: the slope of the loss at the last prediction times theta'(h_T), and 1/T where "
        "the losses are averaged."
    ),
    scalar=True,
)
def _q15(e):
    yield rightly("it stands so in the last row of the table", _same(e.known, e.table.dL_dh[-1]))
    yield shown("it is what the complex step says, with h_T alone moved", _same(e.known, e.moved))
    yield shown(f"with matrices this is 9.7.13, {_to_what_extent(e.matrices)}", _proved(e.matrices))


# The edges of the graph on which a matrix product is made, by the symbols at their ends: W_hx x_t, W_hh h_{t-1} and
# W_qh h_t; back, what the transposed W_qh and W_hh multiply, and an outer product for each use of a weight.
FORWARDS = {("x", "f"), ("h", "f"), ("h", "g")}
BACK = {("g", "h"), ("f", "h"), ("f", "W_hx"), ("f", "W_hh"), ("g", "W_qh")}


def _a_thousand_products():
    graphs = {T: computational_graph(T) for T in (100, 1000)}
    ways = {T: ((graph.forward(), FORWARDS), (graph.backward(), BACK)) for T, graph in graphs.items()}
    return Evidence(
        products={T: [_products(*way) for way in both] for T, both in ways.items()},
        in_a_row=[_in_a_row(*way) for way in ways[1000]],
        states={T: sum(node.symbol == "h" for node in graph.nodes) for T, graph in graphs.items()},
        decades={(g, T): _decades(*_at_rest(g, T)) for g in (0.9, 1.1) for T in (100, 1000, 10_000)},
    )


def _ends(edge):
    return edge.source.symbol, edge.target.symbol


def _products(edges, made):
    return sum(_ends(edge) in made for edge in edges)


def _in_a_row(edges, made):
    # The most products on one way along the edges; they come in an order in which what enters a node comes first.
    depth = defaultdict(int)
    for edge in edges:
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + (_ends(edge) in made))
    return max(depth.values())


def _at_rest(g, T):
    # All slopes of the identity are 1: its gradient is the same along states that stay zero and cannot overflow.
    return forward(init_params(1, 16, 1, scale=g, kind="orthogonal"), np.zeros((T, 1))), np.ones((T, 1))


@settled_by(
    _a_thousand_products,
    "the introduction to the section",
    question="1000 matrix products forwards and 1000 back: what do they cost, and what do they do to the numbers?",
    claim="for T = 1000 the far end is over 1000 matrix products away, and the way back is as long",
    in_short="The cost is harmless: it grows with T and no faster. The numbers vanish or explode by powers of T.",
    because=(
        "The cost is harmless, for all products together and the states that are kept grow with T and no faster; the "
        "numbers are not: with an orthogonal W_hh, a factor of 0.9 or 1.1 at each step is 46 decades down or 41 up "
        "over 1000 steps, and beyond float64 over 10,000."
    ),
)
def _q16(e):
    forwards, back = e.in_a_row
    yield rightly("forwards there are 1001 products in a row, from x_1 to o_1000", forwards == 1001)
    yield rightly("back there are 1001 products in a row, from o_1000 to the first use of W_hx", back == 1001)
    yield shown(
        "there are three products for each step forwards, those of W_hx and W_qh counted", e.products[1000][0] == 3000
    )
    yield shown("there are five back, the outer products of the three weights counted", e.products[1000][1] == 5000)
    growth = [e.products[1000][i] / e.products[100][i] for i in (0, 1)]
    yield shown("ten times the steps take ten times the products", growth == [10, 10])
    yield shown("the states that are kept are T + 1", e.states == {T: T + 1 for T in e.products})
    law = [np.isclose(lost, (T - 1) * np.log10(g)) for (g, T), lost in e.decades.items()]
    yield shown("with an orthogonal W_hh and the identity the gradient changes by the factor g at every step", all(law))
    rounded = [round(e.decades[g, 1000]) for g in (0.9, 1.1)]
    yield shown("over 1000 steps it falls by 46 decades for g = 0.9, and rises by 41 for g = 1.1", rounded == [-46, 41])
    beyond = min(abs(e.decades[g, 10_000]) for g in (0.9, 1.1))
    yield shown("over 10,000 steps it leaves the range of float64", beyond > np.log10(np.finfo(float).max))


APART = 1e-6


def _perturbed_runs():
    grown = {g: [_distances(*_two_starts(g, seed))[-1] / APART for seed in SEEDS] for g in (0.8, 3.0)}
    return Evidence(calm=_two_runs(0.8), chaotic=_two_runs(3.0), grown=grown)


def _two_starts(g, seed=2, T=80):
    rng = np.random.default_rng(0)
    x, h0, v = 0.1 * rng.normal(size=(T, 1)), rng.normal(size=32), rng.normal(size=32)
    return init_params(1, 32, 1, scale=g, seed=seed), x, h0, v * APART / np.linalg.norm(v)


def _distances(params, x, h0, v):
    trace, other = (forward(params, x, h0=start, activation="tanh") for start in (h0, h0 + v))
    return np.linalg.norm(other.h - trace.h, axis=1)[1:]


def _two_runs(g):
    params, x, h0, v = start = _two_starts(g)
    total = total_derivatives(forward(params, x, h0=h0, activation="tanh"))
    predicted = [np.linalg.norm(D[..., -1] @ v) for D in total]  # |dh_t/dh_0 v|
    return Evidence(measured=_distances(*start), predicted=np.array(predicted))


@settled_by(
    _perturbed_runs,
    "the text on full computation",
    question="Can a tiny change of the initial state change the outcome a lot?",
    claim=r"$\lVert\mathbf h'_T - \mathbf h_T\rVert$ is more than 100 times $\lVert\mathbf h'_0 - \mathbf h_0\rVert$",
    in_short="In the chaotic regime yes, in the calm one no.",
    because=(
        "In the chaotic regime it grows by the product of the Jacobians until it is as large as the states; in the "
        "calm one the same product makes it vanish."
    ),
)
def _q17(e):
    calm, chaotic = e.grown[0.8], e.grown[3.0]
    words = (
        f"in the chaotic regime, g = 3, it is over 100 times as large after 80 steps, in each of {len(SEEDS)} networks"
    )
    yield rightly(words, min(chaotic) > 100)
    yield wrongly("in the calm regime, g = 0.8, it is over 100 times as large in one of them", max(calm) > 100)
    yield shown("in the calm regime less than a hundredth is left in each", max(calm) < 1 / 100)
    predicted = all(_predicted(run.measured, run.predicted) for run in (e.calm, e.chaotic))
    yield shown("as long as the distance is small, the product of Jacobians says its size, here", predicted)
    ended = e.chaotic.predicted[-1] > 10 * e.chaotic.measured[-1]
    yield shown("in the chaotic regime the bounds of the states end its growth, and not that of the product", ended)


def _predicted(measured, predicted):
    small = (measured > 1e-13) & (measured < 1e-3)  # above rounding, and below where tanh bends
    return small.sum() > 20 and np.allclose(measured[small], predicted[small], rtol=0.05)


TEXT, MINIBATCH = 10_000, 35  # letters


def _sum_and_recursion():
    rng = np.random.default_rng(0)
    b, c = rng.normal(size=(2, 200))
    graphs = [computational_graph(T) for T in (10, 20)]
    return Evidence(
        multiplications={
            "9.7.7, a_T alone": [_multiplications(sequence_in_full, [T]) for T in (10, 20)],
            "9.7.7, a_1 to a_T": [_multiplications(sequence_in_full, range(1, T + 1)) for T in (10, 20)],
            "9.7.4, a_1 to a_T": [_multiplications(sequence_rule, range(1, T + 1)) for T in (10, 20)],
            "forwards and back": [_products(g.forward(), FORWARDS) + _products(g.backward(), BACK) for g in graphs],
        },
        results=(closed_sum(b, c), recursion(b, c)),
        pieces={"full": _pieces(np.ones(TEXT)), "minibatches": _pieces(chunks(TEXT, MINIBATCH))},
    )


def _multiplications(display, times):
    # As many as the display has where it is printed, by SymPy, for the a_t of these times.
    sign = sp.Symbol("MUL")
    sides = (display(Sequence(t), t)[0].members[-1] for t in times)
    return sum(int(sp.count_ops(side, visual=True).coeff(sign)) for side in sides)


def _pieces(gates):
    # The lengths of the pieces that gates leave of a text: each gives one update, and its states are kept till then.
    return np.diff([0, *np.flatnonzero(gates == 0), len(gates)])


@settled_by(
    _sum_and_recursion,
    "9.7.7, 9.7.14",
    question="Is the full gradient very slow to compute?",
    claim="the full sum is slow: twice the steps are more than twice the work, or a long wait for each update",
    in_short="The sum 9.7.7 is slow, the recursion 9.7.14 is not. Learning is slow, with one update for a whole text.",
    because=(
        "The sum 9.7.7 as it is written is slow, and the recursion 9.7.14 is not: it has the same gradient for a few "
        "products at each step; what stays slow is learning, with one update for a whole text, whose states must all "
        "be kept in memory till then."
    ),
)
def _q18(e):
    growth = {name: twice / once for name, (once, twice) in e.multiplications.items()}
    work = "takes over 2.5 times the work for twice the steps"
    yield rightly(f"9.7.7, the sum as it is written, {work}", growth["9.7.7, a_T alone"] > 2.5)
    yield wrongly(f"9.7.14, with all products that go with it, {work}", growth["forwards and back"] > 2.5)
    longest, minibatch = (max(e.pieces[name]) for name in ("full", "minibatches"))
    slow = len(e.pieces["full"]) == 1 and longest > 100 * minibatch
    words = f"the full gradient has one update for the whole text, after {longest:,} steps whose states are kept"
    yield rightly(f"{words}, and a loop of minibatches one after {minibatch}", slow)
    exactly = [T * (T - 1) // 2 for T in (10, 20)], [(T - 1) * T * (T + 1) // 6 for T in (10, 20)]
    counted = [e.multiplications[name] for name in ("9.7.7, a_T alone", "9.7.7, a_1 to a_T")]
    yield shown("the sum takes T(T-1)/2 for a_T alone, and about T^3/6 for all of a_1 to a_T", counted == list(exactly))
    yield shown("9.7.4, whose solution the sum is, takes T", e.multiplications["9.7.4, a_1 to a_T"] == [10, 20])
    yield shown("the sum and the recursion have the same numbers", _same(*e.results))
    everything = e.multiplications["forwards and back"] == [80, 160]
    yield shown(
        "forwards and back there are eight products for each step, those of W_hx, W_qh and the outer ones counted",
        everything,
    )


class Table(Records):
    """Records that show themselves as a table; a verdict stands there once its question is answered."""

    __slots__ = ()
    HEAD = ("", "about", "question", "in short", "because")

    def answer(self) -> Table:
        """Answer all of them, and return the table."""
        for record in self:
            record.answer()
        return self

    def _rows(self):
        for q in self:
            found = q.answered
            words = q.question, found.in_short if found else "", found.sentence if found else ""
            yield q.key, q.about, *map(q.typeset, words)

    def __str__(self):
        return "\n".join(_line(q) for q in self)


def _line(q):
    return f"{q.key:5}{q.question}" + (f" {q.answered.in_short}" if q.answered else "")


def questions() -> Table:
    """Return all 18 records.

    Returns
    -------
    Table
        A tuple, Q1 first, that shows itself as a table of questions and answers, in short and with the reason;
        ``questions().answer()`` fills in the last two (in about a minute).
    """
    return Table(RECORDS)


def question(key: str) -> Question:
    """Look up one record.

    Parameters
    ----------
    key : str
        "Q1" to "Q18".

    Returns
    -------
    Question
        With ``key``, ``about``, ``question``, ``claim``, ``answer()`` and ``verdict``, that of its last answer.

    Raises
    ------
    ValueError
        If there is no such question.
    """
    found = [record for record in RECORDS if isinstance(key, str) and record.key == key]
    if not found:
        raise ValueError(f"question is {_validation.shown(key)}, wanted {RECORDS[0].key} to {RECORDS[-1].key}")
    return found[0]
