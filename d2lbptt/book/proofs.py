"""SymPy at work on the section: a page to print its claims on, models to test them in, induction for all t.

A claim stands once, as a function ``build(m, t)`` in ``_displays.py``, in words that mean one thing on a
page and another in a model:

=================  ============  ==================================================================
word               on a page     in a model
=================  ============  ==================================================================
``h(t)``           the sign h_t  its entries, which the forward recursion defines
``total(Y, X)``    a fraction    dY/dX once every definition on the way down to X is put in
``partial(Y, X)``  the same one  dY/dX of the one line that defines Y, its other letters held
``sum, product``   the signs     written out
=================  ============  ==================================================================

A model knows the forward recursion (9.7.1, 9.7.2, 9.7.9, 9.7.10) and SymPy's chain rule, and no other
equation of the section. f, g, l and phi are undefined functions, so that a proof holds for all of them.
Matrices are compared entry by entry.

What is compared is every instance up to T = 4. Two arguments carry a claim to all T, and ``Proof.scope`` says which
of them did: induction over t where a sum solves a recursion (``induct``), and one step anywhere in a sequence
whose past and future are undefined functions (``Anywhere``).
"""

import copyreg
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial, reduce
from operator import add, mul
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy as sp
from sympy import Add, ImmutableMatrix, MatrixBase, Mul, NDimArray, Product, S, Sum, Symbol, sympify
from sympy.printing.latex import LatexPrinter

from ..rnn import Params, forward


class Chain(NamedTuple):
    """Members that are claimed to be equal or, in a definition, a name and what it stands for."""

    members: tuple
    definition: bool = False


def equal(*members):
    """Claim that the members are equal."""
    return Chain(members)


def define(name, meaning):
    """Give a name to something; nothing is claimed."""
    return Chain((name, meaning), definition=True)


def _node(name):
    return lambda self, t: self.node(name, t)


def _weight(name):
    return property(lambda self: self.weight(name))


class Letters:
    """The letters of the section; ``node``, ``weight`` and ``apply`` say what a letter stands for."""

    x, h, o, y, z, a, b, c, xi, pi = map(_node, "x h o y z a b c xi pi".split())
    L, w_h, w_o, W_hx, W_hh, W_qh, b_h = map(_weight, "L w_h w_o W_hx W_hh W_qh b_h".split())

    def f(self, t, w="w_h"):
        """f(x_t, h_{t-1}, w_h)."""
        return self.apply("f", self.x(t), self.h(t - 1), self.weight(w))

    def g(self, t, w="w_o"):
        """g(h_t, w_o)."""
        return self.apply("g", self.h(t), self.weight(w))

    def l(self, t):
        """l(y_t, o_t)."""
        return self.apply("l", self.y(t), self.o(t))

    def mean(self, total):
        """1/T times a sum over t; the old edition leaves the 1/T out."""
        return total if self.old else sympify(self.T) ** -1 * total


class MatrixLetters(Letters):
    """The same for vectors and matrices."""

    def pre(self, t):
        """z_t = W_hx x_t + W_hh h_{t-1}, with phi also + b_h."""
        z = self.W_hx * self.x(t) + self.W_hh * self.h(t - 1)
        return z + self.b_h if self.phi else z

    def f(self, t):
        """h_t = z_t, or phi(z_t)."""
        return self.activate(t) if self.phi else self.pre(t)

    def g(self, t):
        """o_t = W_qh h_t."""
        return self.W_qh * self.h(t)

    def l(self, t):
        """l(o_t, y_t)."""
        return self.apply("l", self.o(t), self.y(t))


# ------------------------------------------------------------------------------------- the page


class Sign(sp.Function):
    """A sign on the page. Signs do not commute, so that they stay in the order of writing."""

    is_commutative = False

    def _latex(self, printer, exp=None):
        text = self.form.format(*map(printer._print, self.args))
        return f"{text}^{{{exp}}}" if exp else text


def _sign(name, form):
    return type(name, (Sign,), {"form": form})


Indexed = _sign("Indexed", "{}_{{{}}}")
Derived = _sign("Derived", r"\frac{{\partial {}}}{{\partial {}}}")
OldDerived = _sign("OldDerived", r"\partial_{{{1}}} {0}")
Transposed = _sign("Transposed", r"{}^\top")
Slopes = _sign("Slopes", r"\phi'\left({}\right)")
Diagonal = _sign("Diagonal", r"\mathrm{{diag}}\,\phi'\left({}\right)")
Hadamard = _sign("Hadamard", r"\left({} \odot {}\right)")
Outer = _sign("Outer", r"{} \otimes {}")
Expectation = _sign("Expectation", r"E\left[{}\right]")
Chance = _sign("Chance", r"P\left({} = {}\right)")


class Call(Sign):
    """A named function with its arguments in parentheses."""

    def _latex(self, printer, exp=None):
        name, *arguments = map(printer._print, self.args)
        return rf"{name}\left({', '.join(arguments)}\right)"


class BookPrinter(LatexPrinter):
    """LaTeX in the order of writing, without the order and the fractions of SymPy."""

    def _print_Add(self, expr, order=None):
        terms = [a for a in _flat(Add, expr) if a != 0]
        if len(terms) == 1:
            return self._print(*terms)
        return super()._print_Add(Add(*terms, evaluate=False), order="none")

    def _print_Mul(self, expr):
        if expr.is_commutative:
            return super()._print_Mul(expr)
        *front, last = [a for a in _flat(Mul, expr) if a != 1]
        front = [self._in_brackets(a, (Add, Sum, Product)) for a in front]
        return r" \, ".join([*front, self._in_brackets(last, Add)])

    def _print_Pow(self, expr):
        if isinstance(expr.base, Transposed):
            return rf"\left({self._print(expr.base)}\right)^{{{self._print(expr.exp)}}}"
        return super()._print_Pow(expr)

    def _in_brackets(self, expr, kinds):
        text = self._print(expr)
        return rf"\left({text}\right)" if isinstance(expr, kinds) else text


def _flat(kind, expr):
    return [b for a in expr.args for b in (_flat(kind, a) if isinstance(a, kind) else [a])]


class Page(Letters):
    """The printed page, on which t and T are letters; evaluated, its signs are the terms of an induction."""

    T, t = sp.symbols("T t", integer=True)
    transposed, outer, chance, bold = Transposed, Outer, Chance, ""

    def __init__(self, old=False, phi=False):
        self.old, self.phi = old, phi
        self.total = self.partial = OldDerived if old else Derived

    def weight(self, name):
        head, _, subscript = name.partition("_")
        subscript = "oh" if self.old and subscript == "qh" else subscript
        head = rf"\mathbf{{{head}}}" if head in self.bold else head
        return Symbol(f"{head}_{{{subscript}}}" if subscript else head, commutative=False)

    def node(self, name, t):
        return Indexed(self.weight(name), sympify(t))

    def apply(self, name, *arguments):
        return Call(Symbol(name), *arguments)

    @property
    def objective(self):
        """L with all that it depends on."""
        data = (v for u in (self.x, self.y) for v in (u(1), Symbol(r"\ldots"), u(self.T)))
        return self.apply("L", *data, self.w_h, self.w_o)

    def sum(self, index, low, high, term):
        i = Symbol(index, integer=True)
        return Sum(term(i), (i, low, high))

    def product(self, index, low, high, factor):
        j = Symbol(index, integer=True)
        return Product(factor(j), (j, low, high))

    def named(self, name, t, meaning):
        return self.node(name, t)

    def expect(self, value, law):
        return Expectation(value)

    def prod(self, *factors):
        return self.apply(r"\mathrm{prod}", *factors)


class MatrixPage(MatrixLetters, Page):
    """The same with vectors and matrices in bold type."""

    bold, objective = "xhozWb", MatrixLetters.L

    def activate(self, t):
        return self.apply(r"\phi", self.z(t))

    def back(self, t, v):
        return Hadamard(Slopes(self.z(t)), v) if self.phi else v

    def diagonal(self, t):
        return Diagonal(self.z(t))


# ----------------------------------------------------------------------------------- the models


class _UndefinedKind(type(sp.Function)):
    """The type of undefined functions: they are classes made on the way, and pickled by what they are made of."""


class Undefined(sp.Function, metaclass=_UndefinedKind):
    """An undefined function; its slopes, undefined too, are named after the argument: f_h, phi'."""

    def fdiff(self, argindex=1):
        return undefined(self.root, self.arguments, (*self.by, argindex - 1))(*self.args)

    def example(self, formulas):
        """Return what the function is when its formula is this one."""
        letters = [Symbol(name) for name in self.arguments]
        slope = reduce(sp.diff, (letters[i] for i in self.by), sympify(formulas[self.root](*letters)))
        return slope.subs(dict(zip(letters, self.args, strict=True)), simultaneous=True)

    def _latex(self, printer, exp=None):
        name = r"\phi" + "'" * len(self.by) if self.root == "phi" else self.root
        if self.by and self.root != "phi":
            name += f"_{{{','.join(self.arguments[i] for i in self.by)}}}"
        return rf"{name}\left({', '.join(map(printer._print, self.args))}\right)"


@cache
def undefined(root, arguments, by=()):
    """Return the undefined function of the named arguments, differentiated by those whose places are in ``by``."""
    name = "_".join([root, *(arguments[i] for i in by)])
    return _UndefinedKind(name, (Undefined,), {"root": root, "arguments": arguments, "by": by})


def _remade(kind):
    # In the words in which it was asked for, so that ``undefined`` finds the same class again.
    return (
        "Undefined" if kind is Undefined else (undefined, (kind.root, kind.arguments, *([kind.by] if kind.by else [])))
    )


copyreg.pickle(_UndefinedKind, _remade)


class Scalar(Letters):
    """h_t = f(x_t, h_{t-1}, w_h), o_t = g(h_t, w_o), L = (1/T) sum_t l(y_t, o_t), unrolled.

    ``lines`` is the table of the nodes in the order of the forward pass, each with its defining line.
    """

    page, SIZES = Page, (None,)
    objective = Letters.L
    arguments: ClassVar = {"f": "xhw", "g": "hw", "l": "yo"}

    def __init__(self, T, sizes=None, old=False, phi=False):
        self.T, self.old, self.phi, self.lines, self._unrolled = T, old, phi, {}, {}
        self.unroll()

    def unroll(self):
        for t in range(1, self.T + 1):
            self.line(self.h(t), self.f(t))
            self.line(self.o(t), self.g(t))
        self.line(self.L, self.mean(sum(self.l(t) for t in range(1, self.T + 1))))

    def line(self, nodes, meaning):
        self.lines |= zip(entries(nodes), entries(meaning), strict=True)

    def weight(self, name):
        return Symbol(name)

    def node(self, name, t):
        return Symbol(f"{name}_{t}")

    def apply(self, name, *arguments):
        return undefined(name, self.arguments[name])(*arguments)

    def value(self, expr, hold=()):
        """Put in all definitions, except those of ``hold``."""
        return each(lambda e: sympify(e).xreplace(self._values(frozenset(hold))), expr)

    def _values(self, hold):
        if hold not in self._unrolled:
            values = self._unrolled[hold] = {}
            for node, meaning in self.lines.items():
                if node not in hold:
                    values[node] = meaning.xreplace(values)
        return self._unrolled[hold]

    def total(self, Y, X):
        """dY/dX, where everything between X and Y moves."""
        return self.value(slope(self.value(Y, hold=entries(X)), X))

    def partial(self, Y, X):
        """dY/dX of the line that defines Y, or of the expression Y, its other letters held."""
        return self.value(slope(each(lambda e: self.lines.get(e, e), Y), X))

    def sum(self, index, low, high, term):
        return reduce(add, [term(i) for i in range(low, high + 1)] or [S.Zero])

    def product(self, index, low, high, factor):
        return reduce(mul, map(factor, range(low, high + 1)), S.One)

    def named(self, name, t, meaning):
        return meaning(t)

    def chance(self, gate, value):
        return S.Zero  # only printed: what is proved uses the law that `expect` is given

    def expect(self, value, law):
        """Sum over the values of every gate; the gates are independent."""
        for t in range(1, self.T + 1):
            value = sum(p * value.subs(self.xi(t), v) for v, p in law(t))
        return value

    @property
    def parameters(self):
        """The weights of ``rnn.Params`` when f and g are those of IN_THE_CODE."""
        return [ImmutableMatrix([[w]]) for w in (1, self.w_h, self.w_o)]


class Sequence(Scalar):
    """a_t = b_t + c_t a_{t-1}, a_0 = 0: nothing but the recursion."""

    def unroll(self):
        self.line(self.a(0), S.Zero)
        for t in range(1, self.T + 1):
            self.line(self.a(t), self.b(t) + self.c(t) * self.a(t - 1))


class Matrices(MatrixLetters, Scalar):
    """h_t = W_hx x_t + W_hh h_{t-1}, o_t = W_qh h_t; with phi, h_t = phi(W_hx x_t + W_hh h_{t-1} + b_h).

    Two options settle what the old notation leaves open: the layout of a Jacobian, and whether prod
    multiplies by the next factor as it stands (``swapped``) or transposed.
    """

    page, SIZES = MatrixPage, ((1, 1, 1), (2, 2, 2), (3, 2, 1))  # d, h, q: numbers, square, not square

    def __init__(self, T, sizes=(3, 2, 1), old=False, phi=False, layout="numerator", swapped=False):
        self.layout, self.swapped = layout, swapped
        self.size = dict(zip("dhq", sizes, strict=True))
        self.size["x"] = self.size["d"]
        outputs = tuple(f"o{k + 1}" for k in range(self.size["q"]))
        self.arguments = {"l": (*outputs, "y"), "phi": "z"}
        super().__init__(T, sizes, old, phi)

    def node(self, name, t):
        size = {"x": "d", "o": "q", "h": "h"}.get(name)
        return self._letters(f"{name}_{t}", self.size[size], 1) if size else Symbol(f"{name}_{t}")

    def weight(self, name):
        _, _, sizes = name.partition("_")
        shape = [self.size[s] for s in sizes]
        return self._letters(name, *shape, *[1] * (2 - len(shape))) if shape else Symbol(name)

    def _letters(self, name, rows, columns):
        index = (lambda r, c: f"_{r + 1}") if columns == 1 else (lambda r, c: f"_{r + 1}{c + 1}")
        named = (lambda r, c: name) if rows == columns == 1 else lambda r, c: name + index(r, c)
        return ImmutableMatrix(rows, columns, lambda r, c: Symbol(named(r, c)))

    def apply(self, name, *arguments):
        return super().apply(name, *(e for v in arguments for e in entries(v)))

    def activate(self, t):
        return self.pre(t).applyfunc(undefined("phi", "z"))

    def slopes(self, t):
        return self.value(self.pre(t).applyfunc(undefined("phi", "z", (0,))))

    def back(self, t, v):
        return self.slopes(t).multiply_elementwise(v) if self.phi else v

    def diagonal(self, t):
        return sp.diag(*self.slopes(t))

    def total(self, Y, X):
        J = super().total(Y, X)
        jacobian = isinstance(Y, MatrixBase) and X.cols == 1
        return J.T if jacobian and self.layout == "denominator" else J

    def transposed(self, A):
        return A.T

    def outer(self, A, v):
        """(A outer v)[a, b, c] = A[a, b] v[c]."""
        return sp.tensorproduct(sp.Array(A), sp.Array(list(v)))

    def prod(self, first, *factors):
        return reduce(partial(_prod, swapped=self.swapped), map(self.value, factors), first)

    @property
    def parameters(self):
        return [self.W_hx, self.W_hh, self.W_qh, *([self.b_h] if self.phi else [])]


def _prod(v, A, swapped):
    # v is a gradient; A is a Jacobian (its first index is that of v), a vector or a matrix.
    if isinstance(A, NDimArray):
        return reduce(add, (v[k] * sp.Matrix(A[k]) for k in range(A.shape[0])))
    if A.cols == 1:
        return A * v.T if swapped else v * A.T
    return A * v if swapped else A.T * v


class Around(NamedTuple):
    """What lies around step t in a sequence of any length.

    Attributes
    ----------
    before : bool
        Whether the state before it moves with the weights, as an undefined function of them; otherwise it is held.
    steps : int
        How many steps are written out, from t on.
    after : bool
        Whether more losses come, which are an undefined function of the last state.
    last : bool
        Whether t is T.
    """

    before: bool = False
    steps: int = 1
    after: bool = False
    last: bool = False


class Anywhere:
    """Mixed into a model: step t of a sequence of length T, where t and T are letters and ``around`` is an Around.

    A sum over all steps stands for its term at t. That is enough, because the derivative of a sum is the sum of
    the derivatives: over the losses, each with all the past before it, or over the uses of one weight, each with
    all the losses after it.
    """

    def unroll(self):
        t = Page.t
        if self.around.before:
            self.lines |= {
                unit: self._function(f"before_{unit}", self._of_the_state()) for unit in entries(self.h(t - 1))
            }
        steps = [t + k for k in range(self.around.steps)]
        for s in steps:
            self.line(self.h(s), self.f(s))
            self.line(self.o(s), self.g(s))
        after = self._function("after", entries(self.h(steps[-1]))) if self.around.after else 0
        self.line(self.L, self.mean(sum(map(self.l, steps))) + after)

    def _of_the_state(self):
        weights = (self.W_hx, self.W_hh, *([self.b_h] if self.phi else [])) if hasattr(self, "size") else (self.w_h,)
        return [e for W in weights for e in entries(W)]

    def _function(self, name, letters):
        return undefined(name, tuple(map(str, letters)))(*letters)

    def sum(self, index, low, high, term):
        if (low, high) != (1, self.T):
            raise ArithmeticError(f"the sum over {index} runs from {low} to {high}, not over all steps")
        return term(Page.t)

    def expect(self, value, law):
        return sum(p * value.subs(self.xi(Page.t), v) for v, p in law(Page.t))


@cache
def _anywhere(model, around):
    return type(f"{model.__name__}Anywhere", (Anywhere, model), {"around": around})


def slope(Y, X):
    """dY/dX, entry by entry: the shape of X, with the index of Y in front where Y is a vector."""
    if not isinstance(X, MatrixBase):
        return Y.diff(X)
    if not isinstance(Y, MatrixBase):
        return X.applyfunc(lambda e: Y.diff(e))
    return Y.jacobian(X) if X.cols == 1 else sp.Array([slope(e, X).tolist() for e in Y])


def each(function, value):
    """Apply a function to a number, or to every entry of a matrix or an array."""
    return value.applyfunc(function) if isinstance(value, (MatrixBase, NDimArray)) else function(value)


def entries(value):
    """Return the entries of a matrix or an array as a list, a number as a list of one."""
    if isinstance(value, NDimArray):
        value = value.reshape(len(value))
    return list(value) if isinstance(value, (MatrixBase, NDimArray)) else [value]


# ------------------------------------------------------------------- claims and their instances


SEPARATOR = r",\quad "  # between the equations of one display


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
    model, t = _anywhere(claim.model, claim.anywhere), Page.t
    T = t if claim.anywhere.last else Symbol("T", positive=True)
    cases = (Case(T, t, sizes) for sizes in claim.model.SIZES)
    return tuple(
        c for case in cases for c in _sides(claim, model(T, case.sizes, claim.old, claim.phi, **reading), case)
    )


# ----------------------------------------------------------------------------- a counterexample

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


# -------------------------------------------------------------------------- induction over all t


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


# ----------------------------------------------------------------------------------- the verdict


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


# ----------------------------------------------------------------------- definitions and the code

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
