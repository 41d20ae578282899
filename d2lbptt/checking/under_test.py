"""The gradient under test: it is called, its answer is checked once and put into tables of float64."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._recursion import affine
from ..bptt import Gradients, backward
from ..rnn import Params, Trace
from .entries import by_name
from .finding import Key
from .linearization import tables
from .perturbation import traces


class UnderTest(NamedTuple):
    """A gradient under test.

    Attributes
    ----------
    function : callable
        With a method ``of_copies``, if it can answer for many perturbed copies at once: see ``mistakes._Flawed``.
    word : {"gradient", "contributions"}
        Which of the two it is.
    shapes : dict of str to tuple
        Of the parameters and of h_0.
    """

    function: Callable
    word: str
    shapes: dict

    @classmethod
    def of(cls, gradient, contributions, trace, options):
        """Return the one that was given, or else our ``backward``."""

        def ours(trace, y):
            return backward(trace, y, **options)

        arrays = {**trace.params._asdict(), "h0": trace.h[0]}
        shapes = {name: a.shape for name, a in arrays.items() if a is not None}
        if contributions is not None:
            return cls(contributions, "contributions", shapes)
        return cls(ours if gradient is None else gradient, "gradient", shapes)

    def __call__(self, trace, y):
        """Return the answer by Key."""
        return self._tables(self._mapping(trace, y), trace)

    def of_copies(self, groups, trace):
        """Yield the answers to perturbed copies of a trace, those of a group at once if the function can do that."""
        at_once = getattr(self.function, "of_copies", None)
        for group in groups:
            if at_once is None:
                yield from (self(*copy) for copy in traces(group, trace))
            else:
                yield from (self._tables(found, trace) for found in at_once(group, trace))

    def _tables(self, found, trace):
        steps = self.word == "contributions"
        wanted = self.shapes if steps else {**self.shapes, "h": trace.h[1:].shape, "o": trace.o.shape}
        if unknown := set(found) - set(Gradients._fields):
            raise ValueError(f"{self.word} has the name {unknown.pop()!r}, wanted some of {', '.join(self.shapes)}")
        given = {name: found[name] for name in wanted if name in found}
        if not set(given) & set(self.shapes):
            raise ValueError(f"{self.word} is empty, wanted some of {', '.join(self.shapes)}")
        if steps:
            return tables({name: self._rows(name, value, len(trace.x)) for name, value in given.items()})
        return {
            Key(name, name not in self.shapes): _array(f"the gradient of {name}", value, wanted[name])
            for name, value in given.items()
        }

    def _mapping(self, trace, y):
        try:
            found = self.function(_copied(trace), np.array(y))  # it may write into them
        except Exception as error:
            error.add_note(f"This was raised by {self.word}, called with a trace of T = {len(trace.x)} steps and y.")
            raise
        arrays = by_name(self.word, found)
        if arrays is None:
            wanted = "wanted a mapping from parameter name to array"
            raise TypeError(f"{self.word} returned a {type(found).__name__}, {wanted}")
        return arrays

    def _rows(self, name, value, T):
        symbol, shape = f"the contributions to {name}", self.shapes[name]
        if name == "h0" and np.shape(value) == (1, *shape):
            return np.concatenate([_array(symbol, value, (1, *shape)), np.zeros((T - 1, *shape))])
        return _array(symbol, value, (T, *shape))

    def again(self, tested, trace, y):
        """Complain if the answer is another one when asked again."""
        for key, value in self(trace, y).items():
            if not np.array_equal(value, tested[key], equal_nan=True):
                raise ValueError(f"{self.word} returned another {key.name} when it was called again, wanted the same")

    def reads_states(self, tested, trace, y, seed):
        """Whether the answer is another one when the states, or else the inputs, are moved a little."""
        rng = np.random.default_rng((seed, 2))
        h, x = (a + (1e-3 * rng.normal(size=a.shape)).astype(a.dtype) for a in (trace.h, trace.x))
        moved = [trace._replace(h=h, o=affine(trace.params.W_qh, h[1:], trace.params.b_q))]
        if Key("W_hx") in tested:
            moved.append(trace._replace(x=x))
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                others = [self(one, y) for one in moved]
        except Exception:  # it may have been written for this one trace
            return False
        return not any(
            all(np.array_equal(value, tested[key], equal_nan=True) for key, value in other.items()) for other in others
        )


def _copied(trace):
    params = Params(*(None if W is None else W.copy() for W in trace.params))
    return Trace(params, *(a.copy() for a in trace[1:4]), trace.activation)


def _array(symbol, value, shape):
    found = _validation.real(symbol, value)
    if found.shape != shape:
        raise ValueError(f"{symbol} has shape {found.shape}, wanted {shape}{_validation.misfit(found.shape, shape)}")
    return found.astype(float)
