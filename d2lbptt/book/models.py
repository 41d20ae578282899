"""Models in which a claim is tested: the network written out for small T, or one step anywhere in a sequence.

A model knows the forward recursion (9.7.1, 9.7.2, 9.7.9, 9.7.10) and SymPy's chain rule, and no other equation of the
section. f, g, l and phi are undefined functions, so that a proof holds for all of them. Vectors and matrices are made
of letters, one for each entry.
"""

import copyreg
from functools import cache, partial, reduce
from operator import add, mul
from typing import ClassVar, NamedTuple

import sympy as sp
from sympy import ImmutableMatrix, MatrixBase, NDimArray, S, Symbol, sympify

from .notation import Letters, MatrixLetters, MatrixPage, Page


class _UndefinedKind(type(sp.Function)):  # type: ignore[misc]
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

    page: type = Page
    SIZES: tuple = (None,)
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

    page = MatrixPage
    SIZES: tuple = ((1, 1, 1), (2, 2, 2), (3, 2, 1))  # d, h, q: numbers, square, not square

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
def anywhere(model, around):
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
