"""Every numbered display of the section in its three editions: what it claims, what computes it, its proof.

=======  ==============  ==============================================================
edition  numbers         text
=======  ==============  ==============================================================
v1.0     9.7.1 - 9.7.16  today's
v0.17    8.7.1 - 8.7.16  the same sixteen displays, 8.7.n = 9.7.n
v0.14    8.7.1 - 8.7.16  an older text, in which the same numbers stand at other displays
=======  ==============  ==============================================================

The displays are those of "Backpropagation Through Time" in Dive into Deep Learning. Each function below
writes one of them in the words of ``proofs``: its LaTeX and its proof both come from there. The defaults
are what the book prints today; the keywords make what older editions print, and what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module

from ._records import Records, make_callable
from .proofs import SEPARATOR, Claim, Matrices, Sequence, define, equal, prove
from .rnn import loss
from .total_derivative import partials, recursion

EDITIONS = ("v1.0", "v0.17", "v0.14")


def states(m, t):
    """The state follows from the input and the last state, the output from the state."""
    pre = [define(m.z(t), m.pre(t))] if m.phi else []
    return [*pre, define(m.h(t), m.f(t)), define(m.o(t), m.g(t))]


def objective(m, t):
    """The objective adds up the loss of every step; today's text divides by T, the old one does not."""
    return [define(m.objective, m.mean(m.sum("t", 1, m.T, m.l)))]


# ------------------------------------------------------------------ one weight: 9.7.3 - 9.7.8


def weight_gradient(m, t, *, w="w_o", in_between=True, moving=True):
    """Each loss moves with w_h by a product of three slopes: of the loss, the output and, in total, the state."""
    dh = m.total if moving else m.partial

    def by_chain_rule(t):
        return m.partial(m.l(t), m.o(t)) * m.partial(m.g(t, w), m.h(t)) * dh(m.h(t), m.w_h)

    def averaged(term):
        return m.mean(m.sum("t", 1, m.T, term))

    between = [averaged(lambda t: m.total(m.l(t), m.w_h))] if in_between else []
    return [equal(m.total(m.L, m.w_h), *between, averaged(by_chain_rule))]


def total_recursion(m, t, *, w="w_h", carry=True):
    """In total h_t moves with w_h directly and, through h_{t-1}, with every earlier use of w_h."""
    directly = m.partial(m.f(t, w), m.w_h)
    through = m.partial(m.f(t), m.h(t - 1)) * m.total(m.h(t - 1), m.w_h)
    return [equal(m.total(m.h(t), m.w_h), directly + through if carry else directly)]


def closed_sum(m, t, *, after=1):
    """If a_0 = 0 and a_t = b_t + c_t a_{t-1}, each b_i arrives multiplied by all the c_j after it."""

    def arriving(i):
        return m.product("j", i + after, t, m.c) * m.b(i)

    return [equal(m.a(t), m.b(t) + m.sum("i", 1, t - 1, arriving))]


def sequence_rule(m, t):
    """The recursion that ``closed_sum`` solves."""
    return [equal(m.a(t), m.b(t) + m.c(t) * m.a(t - 1))]


def substitution(m, t, *, names="abc"):
    """By these names the recursion of the total derivative is that of the sequences a, b and c."""
    meanings = {
        "a": lambda t: m.total(m.h(t), m.w_h),
        "b": lambda t: m.partial(m.f(t), m.w_h),
        "c": lambda t: m.partial(m.f(t), m.h(t - 1)),
    }
    return [define(m.named(s, t, meanings[s]), meanings[s](t)) for s in names]


def total_in_full(m, t, *, after=1):
    """In total each use of w_h arrives multiplied by the slopes of all the steps after it."""

    def directly(i):
        return m.partial(m.f(i), m.w_h)

    def arriving(i):
        slopes = m.product("j", i + after, t, lambda j: m.partial(m.f(j), m.h(j - 1)))
        return slopes * directly(i)

    return [equal(m.total(m.h(t), m.w_h), directly(t) + m.sum("i", 1, t - 1, arriving))]


def randomized_truncation(m, t, *, w="w_h", weighed=True, everywhere=False, one_gate=False):
    """A random gate that is 1 on average cuts the recursion now and then, and keeps its expectation."""

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


def output_slope(m, t, *, averaged=True):
    """An output enters the objective through its own loss alone, and that counts for 1/T."""
    own = m.partial(m.l(t), m.o(t))
    return [equal(m.total(m.L, m.o(t)), m.mean(own) if averaged else own)]


def output_gradient(m, t, *, lag=0):
    """The gradient of W_qh adds up the slope of each output times its state, transposed."""

    def by_prod(t):
        return m.prod(m.total(m.L, m.o(t)), m.partial(m.o(t), m.W_qh))

    def outer(t):
        return m.total(m.L, m.o(t)) * m.transposed(m.h(t - lag))

    return [equal(m.total(m.L, m.W_qh), m.sum("t", 1, m.T, by_prod), m.sum("t", 1, m.T, outer))]


def last_adjoint(m, t, *, transposed=True):
    """The last state moves the objective through the last output alone."""
    W = m.transposed(m.W_qh) if transposed else m.W_qh
    return [equal(m.total(m.L, m.h(m.T)), W * m.total(m.L, m.o(m.T)))]


def adjoint_recursion(m, t, *, transposed=True, slope_at=1):
    """Any other state moves the objective through the next state and through its own output."""
    W = m.transposed(m.W_hh) if transposed else m.W_hh
    later = W * m.back(t + slope_at, m.total(m.L, m.h(t + 1)))
    return [equal(m.total(m.L, m.h(t)), later + m.transposed(m.W_qh) * m.total(m.L, m.o(t)))]


def adjoint_sum(m, t, *, start=0):
    """A state moves the objective through each later output, by a power of W_hh that counts the steps to it."""

    def through_output(i):
        slope = m.transposed(m.W_qh) * m.total(m.L, m.o(m.T + t - i))
        return m.transposed(m.W_hh) ** (m.T - i) * slope

    return [equal(m.total(m.L, m.h(t)), m.sum("i", t + start, m.T, through_output))]


def adjoint_sum_with_phi(m, t, *, slopes_in_front=False):
    """A state moves the objective through each later output, by an ordered product of W_hh and the slopes of phi."""

    def carried(i):
        if slopes_in_front:
            return m.product("j", t + 1, i, m.diagonal) * m.transposed(m.W_hh) ** (i - t)
        return m.product("j", t + 1, i, lambda j: m.transposed(m.W_hh) * m.diagonal(j))

    def through_output(i):
        return carried(i) * m.transposed(m.W_qh) * m.total(m.L, m.o(i))

    return [equal(m.total(m.L, m.h(t)), m.sum("i", t, m.T, through_output))]


def hidden_gradients(m, t, *, lag=1, moving=False, slopes=True):
    """The gradients add up, over the steps, the slope of the state times what entered that step, transposed."""
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


def old_output_gradient(m, t, *, lag=0):
    """The gradient of W_oh adds up the products of the slope of each loss with the state."""

    def by_prod(t):
        return m.prod(m.partial(m.l(t), m.o(t)), m.h(t - lag))

    return [equal(m.total(m.L, m.W_qh), m.sum("t", 1, m.T, by_prod))]


def old_hidden_gradients(m, t, *, moving=True):
    """The gradients of W_hh and W_hx multiply the slope of each loss, W_oh and, in total, that of the state."""
    dh = m.total if moving else m.partial

    def by_prod(W):
        return lambda t: m.prod(m.partial(m.l(t), m.o(t)), m.W_qh, dh(m.h(t), W))

    return [equal(m.total(m.L, W), m.sum("t", 1, m.T, by_prod(W))) for W in (m.W_hh, m.W_hx)]


def old_jacobians(m, t, *, less=0):
    """The next state moves with this one by W_hh, transposed, and the last one by the power T - t of that."""
    W = m.transposed(m.W_hh)
    last = W ** (m.T - t - less)
    return [equal(m.total(m.h(t + 1), m.h(t)), W), equal(m.total(m.h(m.T), m.h(t)), last)]


def old_state_derivatives(m, t, *, lag=0, transposed=True, components=False):
    """In total h_t moves with the weights by a sum over the steps: a power of W_hh and what entered that step.

    In components, (A outer v)[a, b, c] = A[a, b] v[c] is dh_t[a]/dW[b, c].
    """
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
    """One numbered display: a ``proofs.Claim`` with its place in the book and in the package.

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
    wrong : dict
        Variants that the prover must refute: in words what is wrong, and the knobs.
    corrected : dict or None
        The knobs of the corrected form, where what is printed is wrong.
    also : dict
        Further statements on the display, in words, and their knobs.
    agree : callable or None
        For a definition, what is compared with the code; see ``proofs.prove``.
    changes : dict or None
        What else changes with an activation phi; None where there is no such counterpart.
    """

    numbers: dict
    code: str
    notebook: tuple
    label: str | None = None
    wrong: dict = field(default_factory=dict)
    corrected: dict | None = None
    also: dict = field(default_factory=dict)
    agree: Callable | None = None
    changes: dict | None = None

    @property
    def claim(self):
        """What it says, in a sentence: the first line of the function that writes it."""
        return self.build.__doc__.partition("\n")[0]

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

    @property
    def corrected_form(self):
        """The corrected form, or None where there is nothing to correct."""
        return None if self.corrected is None else self.but(**self.corrected)

    def prove(self):
        """Settle it; the second call returns the ``proofs.Proof`` of the first."""
        return self._proof

    @cached_property
    def _proof(self):
        also = {words: self.but(**knobs) for words, knobs in self.also.items()}
        return prove(self, corrected=self.corrected_form, also=also, agree=self.agree)

    def __str__(self):
        numbers = ", ".join(f"{number} in {edition}" for edition, number in self.numbers.items())
        return f"{numbers}{f' ({self.label})' if self.label else ''}: {self.claim}"

    __repr__ = __str__

    def _repr_latex_(self):
        return rf"$\displaystyle {self.latex}$"


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
_WRONG_PRODUCT = {
    "the product begins one factor early": {"after": 0},
    "the product begins one factor late": {"after": 2},
}
_AT_EVERY_STEP = {
    "randomized at every step, the gates independent": {"everywhere": True},
    "randomized at every step by one and the same gate": {"everywhere": True, "one_gate": True},
}
_matrices = partial(_today, model=Matrices, changes={})
_old_matrices = partial(_v0_14, model=Matrices)

RECORDS = (
    _today(1, states, "rnn.forward", _MODEL, "eq_bptt_ht_ot", agree=_states_in_code),
    _today(2, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _today(3, weight_gradient, "total_derivative.weight_gradient", _TOTAL, "eq_bptt_partial_L_wh",
        wrong={
            "w_h stands for w_o in g, as printed up to release 0.16.1": {"w": "w_h"},
            "the derivative of h_t holds h_{t-1}": {"moving": False},
        }),
    _today(4, total_recursion, "total_derivative.recursion", _TOTAL, "eq_bptt_partial_ht_wh_recur",
        steps=the_last, wrong={"the second term is left out": {"carry": False}}),
    _today(5, closed_sum, "total_derivative.closed_sum", _SUM, "eq_bptt_at",
        model=Sequence, steps=the_last, rule=sequence_rule, wrong=_WRONG_PRODUCT),
    _today(6, substitution, "total_derivative.partials", _SUM, agree=_slopes_in_code),
    _today(7, total_in_full, "total_derivative.closed_sum", _SUM, "eq_bptt_partial_ht_wh_gen",
        steps=the_last, rule=total_recursion, wrong=_WRONG_PRODUCT),
    _today(8, randomized_truncation, "truncation.randomized", _RANDOM, steps=the_last,
        wrong={"the gate is 1 instead of 1/pi": {"weighed": False}}, also=_AT_EVERY_STEP),
    _matrices(9, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _matrices(10, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _matrices(11, output_slope, "bptt.output_gradient", _OUTPUT, "eq_bptt_partial_L_ot",
        steps=every, wrong={"1/T is left out": {"averaged": False}}),
    _matrices(12, output_gradient, "bptt.backward", _OUTPUT,
        wrong={"h_{t-1} stands for h_t": {"lag": 1}}),
    _matrices(13, last_adjoint, "bptt.backward", _STATES, "eq_bptt_partial_L_hT_final_step",
        wrong={"W_qh is not transposed": {"transposed": False}}),
    _matrices(14, adjoint_recursion, "bptt.backward", _STATES, "eq_bptt_partial_L_ht_recur",
        steps=before_the_last, where="t < T",
        wrong={"W_hh is not transposed": {"transposed": False}},
        changes={"wrong": {"the slope is that of step t": {"slope_at": 0}}}),
    _matrices(15, adjoint_sum, "bptt.by_lag", _STATES, "eq_bptt_partial_L_ht",
        steps=every, rule=adjoint_recursion, down=True,
        wrong={"the sum begins at t + 1": {"start": 1}},
        changes={
            "build": adjoint_sum_with_phi,
            "wrong": {"the slopes stand in front of the powers": {"slopes_in_front": True}},
        }),
    _matrices(16, hidden_gradients, "bptt.backward", _WEIGHTS,
        wrong={
            "h_t stands for h_{t-1}": {"lag": 0},
            "the derivative of h_t in prod is the total one": {"moving": True},
        },
        changes={"wrong": {"the slope of phi is left out": {"slopes": False}}}),
    _v0_14(1, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _v0_14(2, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _v0_14(3, weight_gradient, "total_derivative.weight_gradient", _OLD,
        knobs={"w": "w_h", "in_between": False}, corrected={"w": "w_o"}),
    _v0_14(4, closed_sum, "total_derivative.closed_sum", _SUM, "eq_bptt_at",
        model=Sequence, steps=the_last, rule=sequence_rule, wrong=_WRONG_PRODUCT),
    _v0_14(5, substitution, "total_derivative.recursion", _SUM,
        knobs={"names": "a"}, agree=_slopes_in_code),
    _v0_14(6, substitution, "total_derivative.partials", _SUM,
        knobs={"names": "b"}, agree=_slopes_in_code),
    _v0_14(7, substitution, "total_derivative.partials", _SUM,
        knobs={"names": "c"}, agree=_slopes_in_code),
    _v0_14(8, total_recursion, "total_derivative.recursion", _OLD,
        steps=the_last, knobs={"w": "w"}, corrected={"w": "w_h"}),
    _v0_14(9, total_in_full, "total_derivative.closed_sum", _SUM,
        steps=the_last, rule=total_recursion, wrong=_WRONG_PRODUCT),
    _v0_14(10, randomized_truncation, "truncation.randomized", _OLD,
        steps=the_last, knobs={"w": "w"}, corrected={"w": "w_h"}),
    _old_matrices(11, states, "rnn.forward", _MODEL, agree=_states_in_code),
    _old_matrices(12, objective, "rnn.loss", _OBJECTIVE, agree=_objective_in_code),
    _old_matrices(13, old_output_gradient, "bptt.backward", _OLD,
        readings=_PRODS, wrong={"h_{t-1} stands for h_t": {"lag": 1}}),
    _old_matrices(14, old_hidden_gradients, "total_derivative.forward_accumulation", _OLD,
        readings=_PRODS, wrong={"the derivative of h_t holds h_{t-1}": {"moving": False}}),
    _old_matrices(15, old_jacobians, "total_derivative.total_derivatives", _OLD,
        steps=before_the_last, where="t < T", readings=_LAYOUTS,
        wrong={"the power is one too low": {"less": 1}}),
    _old_matrices(16, old_state_derivatives, "total_derivative.total_derivatives", _OLD,
        steps=the_last, corrected={"lag": 1, "components": True, "transposed": False},
        also={
            "h_{j-1} for h_j, and still a matrix times a vector": {"lag": 1},
            "in components, with h_j": {"components": True, "transposed": False},
            "in components, with W_hh transposed": {"components": True, "lag": 1},
        }),
)  # fmt: skip


# ----------------------------------------------------------------------------- looking them up


class Table(Records):
    """Records that show themselves as a table; a status stands there once its record is proved."""

    __slots__ = ()
    HEAD = ("display", "status", "what it claims")

    def prove(self):
        """Prove all of them, and return the table."""
        for record in self:
            record.prove()
        return self

    def _rows(self):
        for record in self:
            numbers = [n if edition == "v1.0" else f"{n} ({edition})" for edition, n in record.numbers.items()]
            formulas = [f"${formula}$" for formula in record.latex.split(SEPARATOR)]
            place = "\n".join([*numbers, *([record.label] if record.label else [])])
            yield place, _status(record), "\n".join([record.claim, *formulas])

    def __str__(self):
        line = "{:8}{:8}{:8}{:33}{:25}{}".format
        rows = [(*(r.numbers.get(e, "") for e in EDITIONS), r.label or "", _status(r), r.claim) for r in self]
        return "\n".join(line(*row) for row in [(*EDITIONS, "label", "status", "claim"), *rows])


def _status(record):
    return record._proof.status if "_proof" in vars(record) else ""


def equations():
    """Return all 32 records, today's sixteen first.

    Returns
    -------
    Table
        A tuple; ``equations().prove()`` fills in the status of each (in half a minute).
    """
    return Table(RECORDS)


def equation(key, edition=None, *, phi=False):
    """Look up one display.

    Parameters
    ----------
    key : str
        A number, such as "9.7.14", or a label of the book, such as "eq_bptt_at".
    edition : {"v1.0", "v0.17", "v0.14"}, optional
        Needed with 8.7 numbers, which mean one thing in v0.17 and another in v0.14. A label without
        an edition is that of today's text.
    phi : bool
        Whether to return the counterpart for h_t = phi(z_t).

    Returns
    -------
    Equation

    Raises
    ------
    ValueError
        If the key or the edition is unknown, if the key is ambiguous, or if it has no counterpart.
    """
    if edition is not None and edition not in EDITIONS:
        raise ValueError(f"edition is {edition!r}, wanted one of {', '.join(EDITIONS)}")
    printed = [record for record in RECORDS if edition in (None, *record.numbers)]
    found = [record for record in printed if key in _numbers(record, edition)]
    found = found or [record for record in printed if key == record.label and key][:1]
    if not found:
        raise ValueError(f"equation is {key!r}, wanted {_wanted(printed, edition)}")
    if len(found) > 1:
        both = "; or ".join(map(str, found))
        raise ValueError(f"{key} is ambiguous without an edition: {both}")
    if phi and found[0].with_phi is None:
        raise ValueError(f"{key} has no counterpart with phi, wanted one of 9.7.9 to 9.7.16")
    return found[0].with_phi if phi else found[0]


def _numbers(record, edition):
    return record.numbers.values() if edition is None else [record.numbers[edition]]


def _wanted(printed, edition):
    numbers = [record.numbers[edition or "v1.0"] for record in printed[:16]]
    where = f"in {edition}" if edition else "(or 8.7.1 to 8.7.16 with an edition)"
    labels = ", ".join(dict.fromkeys(record.label for record in printed if record.label))
    return f"{numbers[0]} to {numbers[-1]} {where}, or a label: {labels}"


make_callable(__name__, equations)
