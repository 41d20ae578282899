"""The displays of the section as claims, one function each, and the records made of them; see ``equations``.

Each function writes one display in the words of ``notation``: its LaTeX and its proof both come from there. The
defaults are what the book prints today; the keywords make what older editions print, and what is wrong. What a
display says in a sentence stands in ``says``, not in a docstring: ``python -OO`` drops those.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module

from ..rnn import loss
from ..total_derivative import partials, recursion
from .models import Around, Matrices, Sequence
from .notation import define, equal
from .proofs import Claim, prove

EDITIONS = ("v1.0", "v0.17", "v0.14")


def says(claim):
    """Mark what a display says, in a sentence."""

    def mark(build):
        build.claim = claim
        return build

    return mark


@says("The state follows from the input and the last state, the output from the state.")
def states(m, t):
    pre = [define(m.z(t), m.pre(t))] if m.phi else []
    return [*pre, define(m.h(t), m.f(t)), define(m.o(t), m.g(t))]


@says("The objective adds up the loss of every step; today's text divides by T, the old one does not.")
def objective(m, t):
    return [define(m.objective, m.mean(m.sum("t", 1, m.T, m.l)))]


# ------------------------------------------------------------------ one weight: 9.7.3 - 9.7.8


@says("Each loss moves with w_h by a product of three slopes: of the loss, the output and, in total, the state.")
def w_h_gradient(m, t, *, w="w_o", in_between=True, moving=True):
    dh = m.total if moving else m.partial

    def by_chain_rule(t):
        return m.partial(m.l(t), m.o(t)) * m.partial(m.g(t, w), m.h(t)) * dh(m.h(t), m.w_h)

    def averaged(term):
        return m.mean(m.sum("t", 1, m.T, term))

    between = [averaged(lambda t: m.total(m.l(t), m.w_h))] if in_between else []
    return [equal(m.total(m.L, m.w_h), *between, averaged(by_chain_rule))]


@says("In total h_t moves with w_h directly and, through h_{t-1}, with every earlier use of w_h.")
def total_recursion(m, t, *, w="w_h", carry=True):
    directly = m.partial(m.f(t, w), m.w_h)
    through = m.partial(m.f(t), m.h(t - 1)) * m.total(m.h(t - 1), m.w_h)
    return [equal(m.total(m.h(t), m.w_h), directly + through if carry else directly)]


@says("If a_0 = 0 and a_t = b_t + c_t a_{t-1}, each b_i arrives multiplied by all the c_j after it.")
def sequence_in_full(m, t, *, after=1):
    def arriving(i):
        return m.product("j", i + after, t, m.c) * m.b(i)

    return [equal(m.a(t), m.b(t) + m.sum("i", 1, t - 1, arriving))]


def sequence_rule(m, t):
    """Write the recursion that ``sequence_in_full`` solves."""
    return [equal(m.a(t), m.b(t) + m.c(t) * m.a(t - 1))]


@says("By these names the recursion of the total derivative is that of the sequences a, b and c.")
def substitution(m, t, *, names="abc"):
    meanings = {
        "a": lambda t: m.total(m.h(t), m.w_h),
        "b": lambda t: m.partial(m.f(t), m.w_h),
        "c": lambda t: m.partial(m.f(t), m.h(t - 1)),
    }
    return [define(m.named(s, t, meanings[s]), meanings[s](t)) for s in names]


@says("In total each use of w_h arrives multiplied by the slopes of all the steps after it.")
def total_in_full(m, t, *, after=1):
    def directly(i):
        return m.partial(m.f(i), m.w_h)

    def arriving(i):
        slopes = m.product("j", i + after, t, lambda j: m.partial(m.f(j), m.h(j - 1)))
        return slopes * directly(i)

    return [equal(m.total(m.h(t), m.w_h), directly(t) + m.sum("i", 1, t - 1, arriving))]


@says("A random gate that is 1 on average cuts the recursion now and then, and keeps its expectation.")
def randomized_truncation(m, t, *, w="w_h", weighed=True, everywhere=False, one_gate=False):
    def law(t):
        return (0, 1 - m.pi(t)), (m.pi(t) ** -1 if weighed else 1, m.pi(t))

    def z(t):
        if t == 0:
            return 0
        earlier = m.named("z", t - 1, z) if everywhere else m.total(m.h(t - 1), m.weight(w))
        gated = m.xi(1 if one_gate else t) * m.partial(m.f(t, w), m.h(t - 1))
        return m.partial(m.f(t, w), m.weight(w)) + gated * earlier

    return [
        define(m.node("z", t), z(t)),
        *(define(m.chance(m.xi(t), value), p) for value, p in law(t)),
        equal(m.expect(m.xi(t), law), 1),
        equal(m.expect(m.named("z", t, z), law), m.total(m.h(t), m.w_h)),
    ]


# ------------------------------------------------------- vectors and matrices: 9.7.11 - 9.7.16


@says("An output enters the objective through its own loss alone, and that counts for 1/T.")
def output_slope(m, t, *, averaged=True):
    own = m.partial(m.l(t), m.o(t))
    return [equal(m.total(m.L, m.o(t)), m.mean(own) if averaged else own)]


@says("The gradient of W_qh adds up the slope of each output times its state, transposed.")
def W_qh_gradient(m, t, *, lag=0):
    def by_prod(t):
        return m.prod(m.total(m.L, m.o(t)), m.partial(m.o(t), m.W_qh))

    def outer(t):
        return m.total(m.L, m.o(t)) * m.transposed(m.h(t - lag))

    return [equal(m.total(m.L, m.W_qh), m.sum("t", 1, m.T, by_prod), m.sum("t", 1, m.T, outer))]


@says("The last state moves the objective through the last output alone.")
def last_adjoint(m, t, *, transposed=True):
    W = m.transposed(m.W_qh) if transposed else m.W_qh
    return [equal(m.total(m.L, m.h(m.T)), W * m.total(m.L, m.o(m.T)))]


@says("Any other state moves the objective through the next state and through its own output.")
def adjoint_recursion(m, t, *, transposed=True, slope_at=1):
    W = m.transposed(m.W_hh) if transposed else m.W_hh
    later = W * m.back(t + slope_at, m.total(m.L, m.h(t + 1)))
    return [equal(m.total(m.L, m.h(t)), later + m.transposed(m.W_qh) * m.total(m.L, m.o(t)))]


@says("A state moves the objective through each later output, by a power of W_hh that counts the steps to it.")
def adjoint_sum(m, t, *, start=0):
    def through_output(i):
        slope = m.transposed(m.W_qh) * m.total(m.L, m.o(m.T + t - i))
        return m.transposed(m.W_hh) ** (m.T - i) * slope

    return [equal(m.total(m.L, m.h(t)), m.sum("i", t + start, m.T, through_output))]


@says("A state moves the objective through each later output, by an ordered product of W_hh and the slopes of phi.")
def adjoint_sum_with_phi(m, t, *, slopes_in_front=False):
    def carried(i):
        if slopes_in_front:
            return m.product("j", t + 1, i, m.diagonal) * m.transposed(m.W_hh) ** (i - t)
        return m.product("j", t + 1, i, lambda j: m.transposed(m.W_hh) * m.diagonal(j))

    def through_output(i):
        return carried(i) * m.transposed(m.W_qh) * m.total(m.L, m.o(i))

    return [equal(m.total(m.L, m.h(t)), m.sum("i", t, m.T, through_output))]


@says("The gradients add up, over the steps, the slope of the state times what entered that step, transposed.")
def hidden_gradients(m, t, *, lag=1, moving=False, slopes=True):
    dh = m.total if moving else m.partial

    def by_prod(W):
        return lambda t: m.prod(m.total(m.L, m.h(t)), dh(m.h(t), W))

    def back(t):
        return m.back(t, m.total(m.L, m.h(t))) if slopes else m.total(m.L, m.h(t))

    def gradient(W, outer):
        return equal(m.total(m.L, W), m.sum("t", 1, m.T, by_prod(W)), m.sum("t", 1, m.T, outer))

    return [
        gradient(m.W_hx, lambda t: back(t) * m.transposed(m.x(t))),
        gradient(m.W_hh, lambda t: back(t) * m.transposed(m.h(t - lag))),
        *([gradient(m.b_h, back)] if m.phi else []),
    ]


# ------------------------------------------------------------------ only in the old text: v0.14


@says("The gradient of W_oh adds up the products of the slope of each loss with the state.")
def old_W_qh_gradient(m, t, *, lag=0):
    def by_prod(t):
        return m.prod(m.partial(m.l(t), m.o(t)), m.h(t - lag))

    return [equal(m.total(m.L, m.W_qh), m.sum("t", 1, m.T, by_prod))]


@says("The gradients of W_hh and W_hx multiply the slope of each loss, W_oh and, in total, that of the state.")
def old_hidden_gradients(m, t, *, moving=True):
    dh = m.total if moving else m.partial

    def by_prod(W):
        return lambda t: m.prod(m.partial(m.l(t), m.o(t)), m.W_qh, dh(m.h(t), W))

    return [equal(m.total(m.L, W), m.sum("t", 1, m.T, by_prod(W))) for W in (m.W_hh, m.W_hx)]


@says("The next state moves with this one by W_hh, transposed, and the last one by the power T - t of that.")
def old_jacobians(m, t, *, less=0):
    W = m.transposed(m.W_hh)
    last = W ** (m.T - t - less)
    return [equal(m.total(m.h(t + 1), m.h(t)), W), equal(m.total(m.h(m.T), m.h(t)), last)]


@says("In total h_t moves with the weights by a sum over the steps: a power of W_hh and what entered that step.")
def old_state_derivatives(m, t, *, lag=0, transposed=True, components=False):
    # In components, (A outer v)[a, b, c] = A[a, b] v[c] is dh_t[a]/dW[b, c].
    W = m.transposed(m.W_hh) if transposed else m.W_hh

    def summed(entering):
        def term(j):
            power, v = W ** (t - j), entering(j)
            return m.outer(power, v) if components else power * v

        return m.sum("j", 1, t, term)

    of_W_hh = equal(m.total(m.h(t), m.W_hh), summed(lambda j: m.h(j - lag)))
    return [of_W_hh, equal(m.total(m.h(t), m.W_hx), summed(m.x))]


# ------------------------------------------------------------------- definitions and the package


def _states_in_code(m, trace, y):
    times = range(1, m.T + 1)
    return [([m.h(t) for t in times], trace.h[1:]), ([m.o(t) for t in times], trace.o)]


def _objective_in_code(m, trace, y):
    return [([m.L], loss(trace, y, reduction="sum" if m.old else "mean"))]


def _slopes_in_code(m, trace, y):
    b, c = partials(trace)
    symbols = [substitution(m, t) for t in range(1, m.T + 1)]
    meanings = zip(*([chain.members[1] for chain in step] for step in symbols), strict=True)
    return list(zip(meanings, (recursion(b, c), b, c), strict=True))


# --------------------------------------------------------------------------------- the records


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Equation(Claim):
    """One numbered display: a ``Claim`` with its place in the book and in the package.

    Attributes
    ----------
    numbers : dict
        Its number in each edition that prints it.
    code : str
        The dotted name of the function of the package that computes it.
    notebook : tuple of str
        The notebook that shows it, and the heading there.
    label : str or None
        The book's own label, which never moves.
    corrected : dict or None
        The knobs of the corrected form, where what is printed is wrong.
    also : dict
        Further statements on the display, in words, and their knobs.
    agree : callable or None
        For a definition, what is compared with the code; see ``prove``.
    changes : dict or None
        What else changes with an activation phi; None where there is no such counterpart.
    """

    numbers: dict
    code: str
    notebook: tuple
    label: str | None = None
    corrected: dict | None = None
    also: dict = field(default_factory=dict)
    agree: Callable | None = None
    changes: dict | None = None

    @property
    def claim(self):
        """What it says, in a sentence."""
        return self.build.claim

    @property
    def function(self):
        """The function of the package that computes it."""
        module, _, name = self.code.rpartition(".")
        return getattr(import_module(module), name)

    @cached_property
    def with_phi(self):
        """Its counterpart for h_t = phi(z_t), with b_h in z_t, or None: 9.7.9 - 9.7.16 have one."""
        if self.changes is None:
            return None
        return replace(self, phi=True, rule=None, **{"changes": None, **self.changes})

    def __reduce_ex__(self, protocol):
        """Be pickled and copied as a place in the registry, so that what comes back is the record itself."""
        for record in RECORDS:
            for phi in (False, True):
                if self is (record.with_phi if phi else record):
                    return _registered, (*next(iter(record.numbers.items())), phi)
        return super().__reduce_ex__(protocol)

    @property
    def corrected_form(self):
        """The corrected form, or None where there is nothing to correct."""
        return None if self.corrected is None else self.but(**self.corrected)

    def prove(self):
        """Settle it; the second call returns the ``Proof`` of the first."""
        return self._proof

    @cached_property
    def _proof(self):
        also = {words: self.but(**knobs).in_each_case() for words, knobs in self.also.items()}
        return prove(self, corrected=self.corrected_form, also=also, agree=self.agree)

    def __str__(self):
        numbers = ", ".join(f"{number} in {edition}" for edition, number in self.numbers.items())
        return f"{numbers}{f' ({self.label})' if self.label else ''}: {self.claim}"

    __repr__ = __str__

    def _repr_latex_(self):
        return rf"$\displaystyle {self.latex}$"


def _registered(edition, number, phi):
    record = next(r for r in RECORDS if r.numbers.get(edition) == number)
    return record.with_phi if phi else record


def _today(n, build, code, notebook, label=None, **rest):
    numbers = {"v1.0": f"9.7.{n}", "v0.17": f"8.7.{n}"}
    return _record(numbers, build, code, notebook, label, **rest)


def _v0_14(n, build, code, notebook, label=None, **rest):
    return _record({"v0.14": f"8.7.{n}"}, build, code, notebook, label, old=True, **rest)


def _record(numbers, build, code, notebook, label, **rest):
    return Equation(build=build, numbers=numbers, code=f"d2lbptt.{code}", notebook=notebook, label=label, **rest)


def every(T):
    """Return t = 1 .. T."""
    return range(1, T + 1)


def before_the_last(T):
    """Return t = 1 .. T - 1."""
    return range(1, T)


def the_last(T):
    """Return t = T alone, for what happens up to step t and knows no T."""
    return (T,)


_MODEL = ("02_unrolling", "One line for each node")
_OBJECTIVE = ("02_unrolling", "Why divide by T?")
_TOTAL = ("03_total_derivative", "Why a plus sign?")
_SUM = ("03_total_derivative", "The recursion as a sum")
_OUTPUT = ("04_bptt_by_hand", "At the output")
_STATES = ("04_bptt_by_hand", "Back through the states")
_WEIGHTS = ("04_bptt_by_hand", "The gradients of the weights")
_RANDOM = ("08_truncation", "Randomized truncation")
_OLD = ("10_readers_questions", "The old edition")

_LAYOUTS = {
    "(dh_T/dh_t)[a, b] is dh_T[b]/dh_t[a] (denominator layout)": {"layout": "denominator"},
    "(dh_T/dh_t)[a, b] is dh_T[a]/dh_t[b] (numerator layout)": {"layout": "numerator"},
}
_PRODS = {
    "prod(a, b) is a b^T for two vectors, and A^T a for a matrix A": {},
    "prod(a, b) is b a^T for two vectors, and A a for a matrix A": {"swapped": True},
}
_AT_EVERY_STEP = {
    "randomized at every step, the gates independent": {"everywhere": True},
    "randomized at every step by one and the same gate": {"everywhere": True, "one_gate": True},
}
# What carries a display to all t and T. A loss with its past: that goes through the weights. A use of a weight with
# its future: the state that enters is held. Any other display is about one step, or two that follow each other.
_EACH_LOSS = Around(before=True)
_EACH_USE = Around(after=True)
_ONE_STEP, _TWO_STEPS, _LAST_STEP = Around(before=True, after=True), Around(steps=2, after=True), Around(last=True)
_matrices = partial(_today, model=Matrices, changes={})
_old_matrices = partial(_v0_14, model=Matrices)

RECORDS = (
    _today(1, states, "rnn.forward", _MODEL, "eq_bptt_ht_ot", agree=_states_in_code),
    _today(2, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _today(3, w_h_gradient, "total_derivative.weight_gradient", _TOTAL, "eq_bptt_partial_L_wh",
        anywhere=_EACH_LOSS),
    _today(4, total_recursion, "total_derivative.recursion", _TOTAL, "eq_bptt_partial_ht_wh_recur",
        steps=the_last, anywhere=_ONE_STEP),
    _today(5, sequence_in_full, "total_derivative.closed_sum", _SUM, "eq_bptt_at",
        model=Sequence, steps=the_last, rule=sequence_rule),
    _today(6, substitution, "total_derivative.partials", _SUM, agree=_slopes_in_code),
    _today(7, total_in_full, "total_derivative.closed_sum", _SUM, "eq_bptt_partial_ht_wh_gen",
        steps=the_last, rule=total_recursion),
    _today(8, randomized_truncation, "gates.randomized", _RANDOM,
        steps=the_last, anywhere=_ONE_STEP, also=_AT_EVERY_STEP),
    _matrices(9, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _matrices(10, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _matrices(11, output_slope, "bptt.output_gradient", _OUTPUT, "eq_bptt_partial_L_ot",
        steps=every, anywhere=_ONE_STEP),
    _matrices(12, W_qh_gradient, "bptt.backward", _OUTPUT,
        anywhere=_EACH_LOSS),
    _matrices(13, last_adjoint, "bptt.backward", _STATES, "eq_bptt_partial_L_hT_final_step",
        anywhere=_LAST_STEP),
    _matrices(14, adjoint_recursion, "bptt.backward", _STATES, "eq_bptt_partial_L_ht_recur",
        steps=before_the_last, where="t < T", anywhere=_TWO_STEPS),
    _matrices(15, adjoint_sum, "bptt.by_lag", _STATES, "eq_bptt_partial_L_ht",
        steps=every, rule=adjoint_recursion, down=True, changes={"build": adjoint_sum_with_phi}),
    _matrices(16, hidden_gradients, "bptt.backward", _WEIGHTS, anywhere=_EACH_USE),
    _v0_14(1, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _v0_14(2, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _v0_14(3, w_h_gradient, "total_derivative.weight_gradient", _OLD,
        anywhere=_EACH_LOSS, knobs={"w": "w_h", "in_between": False}, corrected={"w": "w_o"}),
    _v0_14(4, sequence_in_full, "total_derivative.closed_sum", _SUM, "eq_bptt_at",
        model=Sequence, steps=the_last, rule=sequence_rule),
    _v0_14(5, substitution, "total_derivative.recursion", _SUM,
        knobs={"names": "a"}, agree=_slopes_in_code),
    _v0_14(6, substitution, "total_derivative.partials", _SUM,
        knobs={"names": "b"}, agree=_slopes_in_code),
    _v0_14(7, substitution, "total_derivative.partials", _SUM,
        knobs={"names": "c"}, agree=_slopes_in_code),
    _v0_14(8, total_recursion, "total_derivative.recursion", _OLD,
        steps=the_last, anywhere=_ONE_STEP, knobs={"w": "w"}, corrected={"w": "w_h"}),
    _v0_14(9, total_in_full, "total_derivative.closed_sum", _SUM,
        steps=the_last, rule=total_recursion),
    _v0_14(10, randomized_truncation, "gates.randomized", _OLD,
        steps=the_last, anywhere=_ONE_STEP, knobs={"w": "w"}, corrected={"w": "w_h"}),
    _old_matrices(11, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _old_matrices(12, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _old_matrices(13, old_W_qh_gradient, "bptt.backward", _OLD,
        anywhere=_EACH_LOSS, readings=_PRODS),
    _old_matrices(14, old_hidden_gradients, "total_derivative.forward_accumulation", _OLD,
        anywhere=_EACH_LOSS, readings=_PRODS),
    _old_matrices(15, old_jacobians, "total_derivative.total_derivatives", _OLD,
        steps=before_the_last, where="t < T", readings=_LAYOUTS),
    _old_matrices(16, old_state_derivatives, "total_derivative.total_derivatives", _OLD,
        steps=the_last, corrected={"lag": 1, "components": True, "transposed": False},
        also={
            "h_{j-1} for h_j, and still a matrix times a vector": {"lag": 1},
            "in components, with h_j": {"components": True, "transposed": False},
            "in components, with W_hh transposed": {"components": True, "lag": 1},
        }),
)  # fmt: skip
