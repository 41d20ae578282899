"""What becomes of a claim: compared in every instance, carried to all t, or refuted by a counterexample.

What is compared is every instance up to T = 4, matrices entry by entry. Two arguments carry a claim to all T, and
``Proof.scope`` says which of them did: induction over t where a sum solves a recursion (``induct``), and one step
anywhere in a sequence whose past and future are undefined functions (``models.Anywhere``).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from sympy import Add, Product, S, Sum, Symbol

from ..rnn import Params, forward
from .models import Around, Matrices, Scalar, Undefined, anywhere, each, entries
from .notation import SEPARATOR, BookPrinter, Page


def once(T):
    """Return no t: the statement has none that is free."""
    return (None,)


@dataclass(frozen=True, eq=False)
class Claim:
    """A statement and the models in which it is tested.

    Attributes
    ----------
    build : callable
        ``build(m, t, **knobs)`` writes the statement in the words of m, as a list of Chains.
    model : type
        Scalar, Sequence or Matrices.
    steps : callable
        The values of t for a given T; (None,) where the statement has no free t.
    where : str
        The same in LaTeX, where it is not all t.
    knobs : dict
        What differs from the defaults of ``build``: this is how variants are made.
    readings : dict
        The meanings that the notation leaves open, in words, and the options of the model for each.
    rule : callable or None
        The recursion, again a ``build``, from which the statement follows for all t by induction.
    down : bool
        Whether that recursion runs from T downwards.
    anywhere : Around or None
        The surroundings of one step in which the statement is shown for all t and T; see ``Anywhere``.
    """

    build: Callable
    model: type = Scalar
    old: bool = False
    phi: bool = False
    steps: Callable = once
    where: str = ""
    knobs: dict = field(default_factory=dict)
    readings: dict = field(default_factory=lambda: {"": {}})
    rule: Callable | None = None
    down: bool = False
    anywhere: Around | None = None

    def but(self, **knobs):
        """Return the same claim with other knobs."""
        return replace(self, knobs={**self.knobs, **knobs})

    def in_each_case(self):
        """Return the same claim for T = 1 .. 4 alone."""
        return replace(self, rule=None, anywhere=None)

    def on(self, m, t):
        """Write the claim in the words of m."""
        return self.build(m, t, **self.knobs)

    def modelled(self, T, sizes=None, **reading):
        """Return the model for one T."""
        return self.model(T, sizes or self.model.SIZES[0], self.old, self.phi, **reading)

    @property
    def page(self):
        """The page it is printed on."""
        return self.model.page(self.old, self.phi)

    @cached_property
    def latex(self):
        """The claim as LaTeX, printed from what ``build`` writes on the page."""
        with sp.evaluate(False):
            chains = self.on(self.page, Page.t)
        lines = [" = ".join(map(BookPrinter().doprint, chain.members)) for chain in chains]
        return SEPARATOR.join(lines) + (rf"\quad ({self.where})" if self.where else "")

    @property
    def is_definition(self):
        """Whether no chain claims anything."""
        return all(chain.definition for chain in self.on(self.modelled(2), 1))


class Case(NamedTuple):
    """One instance: the horizon T, t if it is free, and (d, h, q) if there are matrices."""

    T: int
    t: int | None
    sizes: tuple | None

    def __str__(self):
        named = zip(("T", "t", "(d, h, q)"), self, strict=True)
        return ", ".join(f"{name} = {value}" for name, value in named if value is not None)


class Comparison(NamedTuple):
    """The two sides of one instance, and what is left when one is taken from the other."""

    case: Case
    lhs: Any
    rhs: Any
    residual: Any

    @property
    def holds(self):
        return all(e == 0 for e in entries(self.residual))


def compare(case, lhs, rhs):
    """Take one side from the other, entry by entry."""
    left, right = entries(lhs), entries(rhs)
    if len(left) == len(right) == 1:
        (lhs,), (rhs,) = left, right
    elif lhs.shape != rhs.shape:
        shapes = [r" \times ".join(map(str, side.shape)) for side in (lhs, rhs)]
        return Comparison(case, lhs, rhs, Symbol(r"\text{{shape }} {} \neq {}".format(*shapes)))
    return Comparison(case, lhs, rhs, each(sp.expand, lhs - rhs))


def tested(claim, **reading):
    """Compare the first member of each chain with the others, the smallest instance first, until one fails."""
    done = []
    for comparison in _comparisons(claim, reading):
        done.append(comparison)
        if not comparison.holds:
            break
    return done


HORIZONS = range(1, 5)


def _comparisons(claim, reading):
    for T in HORIZONS:
        for case in (Case(T, t, sizes) for t in claim.steps(T) for sizes in claim.model.SIZES):
            yield from _sides(claim, claim.modelled(T, case.sizes, **reading), case)


def _sides(claim, m, case):
    for chain in claim.on(m, case.t):
        first, *others = map(m.value, chain.members)
        yield from (compare(case, first, other) for other in others if not chain.definition)


def around(claim, **reading):
    """Compare the sides at a step t of a sequence of length T, both of them letters."""
    model, t = anywhere(claim.model, claim.anywhere), Page.t
    T = t if claim.anywhere.last else Symbol("T", positive=True)
    cases = (Case(T, t, sizes) for sizes in claim.model.SIZES)
    return tuple(
        c for case in cases for c in _sides(claim, model(T, case.sizes, claim.old, claim.phi, **reading), case)
    )


# --- a counterexample ---

EXAMPLES = {
    "f": lambda x, h, w: x + w**2 * h,
    "g": lambda h, w: w * h,
    "l": lambda *o_and_y: sum((o - o_and_y[-1]) ** 2 for o in o_and_y[:-1]) / 2,
    "phi": lambda z: z**2,
}


class Counterexample(NamedTuple):
    """Small numbers, with the formulas of EXAMPLES for f, g, l and phi, at which the two sides differ."""

    case: Case
    numbers: dict
    lhs: Any
    rhs: Any

    def __str__(self):
        numbers = ", ".join(f"{s} = {n}" for s, n in self.numbers.items())
        sides = [str(side.tolist() if hasattr(side, "tolist") else side) for side in self[2:]]
        return f"{self.case}: with {numbers} the left is {sides[0]}, the right {sides[1]}"


def counterexample(failed):
    """Find small numbers at which the sides of a comparison differ."""
    letters = sorted(_letters(failed.lhs) | _letters(failed.rhs), key=str)
    for attempt in range(1000):
        rng = random.Random(attempt)
        numbers = {s: _small(s, rng.randint(1, min(attempt + 1, 4))) for s in letters}
        sides = [at(side, numbers) for side in (failed.lhs, failed.rhs)]
        if not compare(failed.case, *sides).holds:
            return Counterexample(failed.case, numbers, *sides)
    raise ArithmeticError(f"no small numbers tell the two sides apart at {failed.case}")


def _small(letter, n):
    return sp.Rational(1, n) if letter.name.startswith("pi") else sp.Integer(n)  # pi_t is a probability


def _letters(value):
    return set().union(*(e.free_symbols for e in entries(value)))


def at(value, numbers, formulas=EXAMPLES):
    """Put in numbers for the letters and formulas for the undefined functions."""

    def number(e):
        known = e.replace(lambda n: isinstance(n, Undefined), lambda n: n.example(formulas))
        return known.xreplace(numbers)

    return each(number, value)


# --- induction over all t ---


class Induction(NamedTuple):
    """What has to vanish for a sum over i to follow its recursion at every t.

    ``base``: the first instance, with nothing before it. ``boundary``: the one term that the longer sum
    has more, less what the recursion adds. ``summand``: F(i, t+1) - c_{t+1} F(i, t), for every i.
    """

    base: sp.Expr
    boundary: sp.Expr
    summand: sp.Expr

    @property
    def holds(self):
        return all(part == 0 for part in self)


def induct(claim):
    """Derive the closed form from its recursion, on the page: no letter commutes, so that all may be matrices.

    The product enters through P(t, t) = 1 and P(t+1, i) = c_{t+1} P(t, i) alone.
    """
    m, t = claim.page, Page.t
    first, step = (m.T, -1) if claim.down else (1, 1)

    def closed(n):
        return claim.on(m, n)[0].members[-1]

    def predicted(n, before):
        unknown, recursion = claim.on(m, n - step)[0].members[0], claim.rule(m, n)[0].members[-1]
        return recursion.subs(unknown, before)

    base = _reduced(closed(first).doit() - predicted(first, 0))
    return Induction(base, *_step(closed(t + step), predicted(t + step, closed(t))))


def _step(new, old):
    loose, i, low, high, F = _opened(new)
    loose_before, k, low_before, high_before, G = _opened(old)
    shift = low_before - low
    if high - (high_before - shift) != 1:
        raise ArithmeticError("the sum does not grow by one term with each step")
    boundary = loose + F.subs(i, high) - loose_before
    return _reduced(boundary), _reduced(F - G.subs(k, i + shift))


def _opened(expr):
    # loose terms + c sum_i F(i)  ->  the loose terms, i, its limits, and c F(i)
    terms = Add.make_args(sp.expand_mul(expr))
    (summed,) = (term for term in terms if term.has(Sum))
    (inner,) = summed.atoms(Sum)
    return (Add(*terms) - summed, *inner.limits[0], summed.subs(inner, inner.function))


def _reduced(expr):
    peeled = expr.replace(lambda e: isinstance(e, Product), _peeled)
    return sp.powsimp(sp.expand_mul(expr)) if peeled == expr else _reduced(peeled)


def _peeled(product):
    j, low, high = product.limits[0]
    if high - low == -1:
        return S.One
    if not (high - Page.t).is_positive:
        return product
    return product.function.subs(j, high) * Product(product.function, (j, low, high - 1))


# --- the verdict ---


@dataclass(frozen=True, eq=False, repr=False)
class Proof:
    """What came out.

    Attributes
    ----------
    status : {"proved", "refuted", "right in a stated layout", "definition"}
    shown : Comparison
        One instance in the letters of the model: T = 2 where all hold, or the smallest that fails. Its
        ``lhs``, ``rhs`` and ``residual`` are those of the proof.
    cases : tuple of Case
        The instances that were compared.
    induction : Induction or None
        The three identities that carry the claim to all t.
    anywhere : tuple of Comparison
        The instances with letters for t and T that carry the claim to all of them; see ``Anywhere``.
    counterexample : Counterexample or None
    corrected : Proof or None
        The proof of the corrected form.
    layout, wrong_layout : str
        The reading of the notation with which the claim is right, and the one with which it is wrong.
    agreement : float or None
        For a definition: the largest relative difference between symbols and code, on random numbers.
    also : dict
        Further statements on the same display, each with its Proof.
    """

    status: str
    shown: Comparison
    cases: tuple
    induction: Induction | None = None
    anywhere: tuple = ()
    counterexample: Counterexample | None = None
    corrected: Any = None
    layout: str = ""
    wrong_layout: str = ""
    agreement: float | None = None
    also: dict = field(default_factory=dict)

    lhs = property(lambda self: self.shown.lhs)
    rhs = property(lambda self: self.shown.rhs)
    residual = property(lambda self: self.shown.residual)

    @property
    def scope(self):
        """For which T and sizes it is proved, in words; nothing where it is refuted or a definition."""
        sizes = ", ".join(dict.fromkeys(str(case.sizes) for case in self.cases if case.sizes))
        return f"{self.reach}, (d, h, q) = {sizes}" if sizes and self.reach else self.reach

    @property
    def reach(self):
        """For which T it is proved."""
        if not self.shown.holds or not self.cases:
            return ""
        if self.induction:
            return "for all t by induction"
        return "for all t and T" if self.anywhere else f"for T <= {max(case.T for case in self.cases)}"

    def _repr_latex_(self):
        sides = map(BookPrinter().doprint, self.shown[1:])
        return r"$\displaystyle {} \;-\; \left({}\right) \;=\; {}$".format(*sides)

    def __str__(self):
        notes = [
            self.layout and f"right where {self.layout}; wrong where {self.wrong_layout}",
            self.counterexample and str(self.counterexample),
            self.corrected and f"corrected form: {self.corrected.status} {self.corrected.scope}",
            self.agreement is not None and f"code and symbols agree to {self.agreement:.0e}",
            *(f"{statement}: {proof.status} {proof.scope}".rstrip() for statement, proof in self.also.items()),
        ]
        return "; ".join([f"{self.status} {self.scope}".rstrip(), *filter(None, notes)])

    __repr__ = __str__


def prove(claim, *, corrected=None, also=(), agree=None):
    """Settle a claim: compare its sides in every instance, under every reading of its notation.

    Parameters
    ----------
    claim : Claim
    corrected : Claim, optional
        The form to be proved beside it.
    also : mapping, optional
        From a statement in words to the Claim that makes it.
    agree : callable, optional
        For definitions: ``agree(m, trace, y)`` returns pairs (values of the model m, array of the package).

    Returns
    -------
    Proof

    Raises
    ------
    ArithmeticError
        If a claim holds in every instance but not for all T, or if code and symbols disagree.
    """
    beside = {
        "corrected": corrected and prove(corrected),
        "also": {statement: prove(other) for statement, other in dict(also).items()},
    }
    if claim.is_definition:
        return _defined(claim, agree, beside)
    runs = {words: tested(claim, **options) for words, options in claim.readings.items()}
    wrong, right = (next((w for w in runs if runs[w][-1].holds is holds), None) for holds in (False, True))
    run = runs[wrong if right is None else right]
    beside |= {"cases": tuple(dict.fromkeys(c.case for c in run))}
    if right is None:
        return Proof("refuted", run[-1], counterexample=counterexample(run[-1]), **beside)
    shown = next((c for c in run if c.case.T == 2 and c.case.t != 1), run[0])
    beside |= _for_all_t(claim, claim.readings[right])
    if wrong is not None:
        return Proof("right in a stated layout", shown, layout=right, wrong_layout=wrong, **beside)
    return Proof("proved", shown, **beside)


def _for_all_t(claim, reading):
    induction = claim.rule and induct(claim)
    if induction and not induction.holds:
        raise ArithmeticError(f"holds up to T = {HORIZONS[-1]}, but the induction leaves {induction}")
    anywhere = around(claim, **reading) if claim.anywhere else ()
    for comparison in anywhere:
        if not comparison.holds:
            raise ArithmeticError(f"holds up to T = {HORIZONS[-1]}, but at any step t it leaves {comparison.residual}")
    return {"induction": induction, "anywhere": anywhere}


# --- definitions and the code ---

IN_THE_CODE = EXAMPLES | {"f": lambda x, h, w: sp.tanh(x + w * h), "phi": sp.tanh}
TOLERANCE = 1e-13


def _defined(claim, agree, beside):
    m, small = claim.modelled(4, claim.model.SIZES[-1]), claim.modelled(2)
    numbers, trace, y = _network(m)
    gap = max(_gap(m, numbers, *pair) for pair in agree(m, trace, y))
    if not gap <= TOLERANCE:
        raise ArithmeticError(f"the code and the symbols of a definition differ by {gap:.1e}")
    shown = compare(Case(2, 2, None), *map(small.value, claim.on(small, 2)[-1].members))
    return Proof("definition", shown, (), agreement=gap, **beside)


def _network(m):
    # Random fractions for the letters of the model, and the package run on them.
    times = range(1, m.T + 1)
    inputs, labels, h0 = [m.x(t) for t in times], [m.y(t) for t in times], m.h(0)
    rng = random.Random(0)
    letters = set().union(*map(_letters, [*m.parameters, *inputs, *labels, h0]))
    numbers = {s: sp.Rational(rng.choice([-7, -5, -3, 2, 4, 6]), 8) for s in sorted(letters, key=str)}
    W_hx, W_hh, W_qh, *b_h = (_floats([p], numbers).reshape(p.shape) for p in m.parameters)
    params = Params(W_hx, W_hh, W_qh, *(b.ravel() for b in b_h))
    x, y, h0 = (_floats(v, numbers).reshape(len(v), -1) for v in (inputs, labels, [h0]))
    identity = isinstance(m, Matrices) and not m.phi
    trace = forward(params, x, h0=h0[0], activation="identity" if identity else "tanh")
    return numbers, trace, np.broadcast_to(y, trace.o.shape)


def _floats(values, numbers):
    return np.array([float(at(e, numbers, IN_THE_CODE)) for value in values for e in entries(value)])


def _gap(m, numbers, symbols, array):
    exact = _floats(map(m.value, symbols), numbers)
    return float(np.abs(exact - np.ravel(array)).max() / np.abs(exact).max())
