"""The words in which a display is written, and the page: what they mean in print, as LaTeX.

A claim stands once, as a function ``build(m, t)`` in ``displays``, in words that mean one thing on a page and another
in a model:

=================  ============  ==================================================================
word               on a page     in a model
=================  ============  ==================================================================
``h(t)``           the sign h_t  its entries, which the forward recursion defines
``total(Y, X)``    a fraction    dY/dX once every definition on the way down to X is put in
``partial(Y, X)``  the same one  dY/dX of the one line that defines Y, its other letters held
``sum, product``   the signs     written out
=================  ============  ==================================================================

f, g, l and phi are letters here and undefined functions in a model, so that a proof holds for all of them.
"""

from typing import NamedTuple

import sympy as sp
from sympy import Add, Mul, Product, Sum, Symbol, sympify
from sympy.printing.latex import LatexPrinter

SEPARATOR = r",\quad "  # between the equations of one display


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


# --- the page ---


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
