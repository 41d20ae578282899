"""A whole problem of PyTorch in our terms: the network, its data and its criterion.

    MSELoss            mean: sum (o - y)^2 / (T B q),    sum: sum (o - y)^2
    CrossEntropyLoss   mean: sum w l / sum w,            sum: sum w l,            w = weight[y], 0 at ignore_index

The sums are over all t and b, and for MSELoss over the q outputs as well. Our L averages over the batch, and its
squared error has a factor 1/2 (9.7.10): their criterion is a factor times L. The formulas are those of PyTorch's
documentation.

Shapes: theirs have the batch first or time first, as ``batch_first`` says; ours have time first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation, rnn
from ..bptt import Gradients, backward
from ..rnn import Params, Trace, forward
from ._torch import NAMES, from_torch, in_numpy, in_torch, on_cpu, tensor_or_array, torch_for, without_hooks

if TYPE_CHECKING:
    from ..checking.report import Report

__all__ = ["Problem", "problem_from_torch"]
_LAST = "y has one entry for each sequence: L is the loss of step T alone."


class Problem(NamedTuple):
    """A network with its data and its loss: everything that our functions take.

    Attributes
    ----------
    params : Params
    activation : {"tanh", "relu"}
    x : array, shape (T, d) or (T, B, d)
    y : array, shape (T,) or (T, B), or the shape of o
        Where its weight is 0 a label is 0.
    h0 : array, shape (h,) or (B, h), or None
    loss : {"squared_error", "cross_entropy"}
    reduction : {"mean", "sum", "last"}
    factor : float
        Their criterion is this times L.
    notes : tuple of str
        What was added up, transposed or converted on the way, a sentence each.
    weights : array, shape (T,) or (T, B), or None
        The weights of the losses, from ``ignore_index`` and the weights of classes.
    """

    params: Params
    activation: str
    x: np.ndarray
    y: np.ndarray
    h0: np.ndarray | None
    loss: str
    reduction: str
    factor: float
    notes: tuple[str, ...]
    weights: np.ndarray | None = None

    def trace(self) -> Trace:
        """Return our forward pass.

        Returns
        -------
        Trace
        """
        return forward(self.params, self.x, h0=self.h0, activation=self.activation)

    def value(self) -> float:
        """Return what their criterion returns: the factor times L.

        Returns
        -------
        float
        """
        return self.factor * rnn.loss(self.trace(), self.y, **self._options())

    def gradients(
        self, *, gates: ArrayLike | None = None, window: int | None = None, first: ArrayLike | None = None
    ) -> Gradients:
        """Return the gradient of L by our ``backward``; ``as_torch`` makes theirs of it.

        Parameters
        ----------
        gates, window, first
            As for ``backward``: where it is truncated.

        Returns
        -------
        Gradients

        Raises
        ------
        TypeError, ValueError
            If a truncation does not fit.
        """
        return backward(self.trace(), self.y, **self._options(), gates=gates, window=window, first=first)

    def as_torch(self, gradients: Gradients) -> dict[str, np.ndarray]:
        """Return gradients of L as those of their criterion, under torch's names.

        Parameters
        ----------
        gradients : Gradients

        Returns
        -------
        dict of str to array
            ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0`` of the rnn (both dL/db_h), ``weight`` and
            ``bias`` of the head, and ``h0`` with torch's shape: the factor times ours. These are the ``grad`` of the
            parameters.

        Raises
        ------
        TypeError
            If it is no Gradients.
        """
        _validation.instance("gradients", gradients, Gradients, "the Gradients that backward returns")
        h0 = np.asarray(gradients.h0)[None]
        return {name: self.factor * np.asarray(a) for name, a in {**in_torch(gradients), "h0": h0}.items()}

    def check(self, gradient: Callable | Mapping[str, Any] | None = None, *, seed: int = 0) -> Report:
        """Check a gradient of this problem; see ``check_gradients``.

        Parameters
        ----------
        gradient : callable or mapping, optional
            A backward pass of the reader's own, as for ``check_gradients``; or what torch holds, by torch's names:
            ``{name: p.grad for name, p in rnn.named_parameters()}``, and of the head as well. Without it our
            ``backward`` is checked.
        seed : int

        Returns
        -------
        Report

        Raises
        ------
        TypeError, ValueError
            If the gradient has another name or shape, or is missing because ``backward()`` was not called.
        """
        from ..checking.check import check_gradients  # its parts are many, and a Problem may never be checked

        if isinstance(gradient, Mapping):
            given = self._in_our_terms(gradient)
            gradient = lambda trace, y: given  # noqa: E731
        options = {**self._options(), "gradient": gradient, "seed": seed}
        return check_gradients(self.params, self.x, self.y, h0=self.h0, activation=self.activation, **options)

    def _options(self) -> dict[str, Any]:
        return {"loss": self.loss, "reduction": self.reduction, "weights": self.weights}

    def _in_our_terms(self, gradient):
        """Return a gradient by torch's names as one of L by ours."""
        found, names = {}, {**NAMES, "h0": "h0"}
        for name, value in gradient.items():
            if name not in names:
                raise ValueError(f"gradient has the name {_validation.shown(name)}, wanted some of {', '.join(names)}")
            if value is None:
                raise ValueError(f"gradient of {name} is None, wanted an array: was backward() called?")
            array = tensor_or_array(name, value)
            array = (array[0] if name == "h0" and array.ndim else array) / self.factor
            if not _alike(found.setdefault(names[name], array), array):
                raise ValueError("gradient of bias_hh_l0 is not that of bias_ih_l0, wanted the same: both are added")
        return found


def _alike(a, b):
    """Whether two arrays differ by rounding at most: torch adds up each of two like gradients by itself."""
    if a is b or a.shape != b.shape:
        return a is b
    return np.allclose(a, b, rtol=0, atol=np.sqrt(np.finfo(b.dtype).eps) * np.abs(b).max(initial=0), equal_nan=True)


def problem_from_torch(rnn: Any, head: Any, x: Any, y: Any, criterion: Any, h0: Any = None) -> Problem:
    """Return a network of PyTorch with its data and its criterion, in our terms.

    Parameters
    ----------
    rnn, head
        As for ``from_torch``.
    x : tensor, shape (T, B, d), (B, T, d) if the rnn has ``batch_first``, or (T, d)
        What the rnn is called with; or an array of NumPy.
    y : tensor
        What the criterion is called with, in the order of ``head(rnn(x)[0])``: of its shape for MSELoss; without
        the last axis for CrossEntropyLoss, whole numbers. Time and batch may be one flattened axis. With one entry for
        each sequence, of shape (B, q) or (B,), it is the loss of the last step alone.
    criterion : torch.nn.MSELoss or torch.nn.CrossEntropyLoss
        With reduction "mean" or "sum". ``ignore_index`` and the weights of classes become ``weights``.
    h0 : tensor, shape (1, B, h), or (1, h) without a batch, optional

    Returns
    -------
    Problem
        With copies; its ``notes`` say what was added up, transposed or converted.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError, ValueError
        If ``from_torch`` refuses the modules, an array does not fit them, the criterion is another one or has reduction
        "none", label smoothing or class probabilities, or no label counts.
    FloatingPointError
        If the forward pass or the loss overflows.
    """
    torch = torch_for("problem_from_torch")
    params, activation = from_torch(rnn, head)
    loss = _loss_of(torch, criterion)
    x, y, h0 = _arrays(torch, params, loss, x, y, h0)
    axes = _axes(params, x, rnn.batch_first)
    h0 = None if h0 is None else _validation.shaped("h0", h0, axes.of_h0(), f"(1, {'B, ' * axes.batched}h)")[0]
    rows, last, said = axes.rows(y, (len(params.W_qh),) if loss == "squared_error" else ())
    reduction = "last" if last else criterion.reduction
    if loss == "squared_error":
        weights, labels = None, ()
        factor, why = _of_squares(criterion, axes, len(params.W_qh))
    else:
        rows, weights, labels = _labels(torch, criterion, rows, len(params.W_qh), last)
        factor, why = _of_cross_entropy(criterion, axes, weights, last)
    biases = ("b_h is bias_ih_l0 + bias_hh_l0; each of the two has the gradient dL/db_h.",) if rnn.bias else ()
    notes = (*biases, *axes.notes(), *said, *labels, *why, *_of_h0(h0), *_of_dtype(params))
    problem = Problem(params, activation, axes.time_first(x), rows, h0, loss, reduction, factor, notes, weights)
    problem.value()  # looks at every array, in our terms
    return problem


def _of_h0(h0):
    return () if h0 is None else ("h0 has lost its first axis, which counts the layers.",)


def _of_dtype(params):
    single = params.W_hh.dtype == np.float32
    return ("All is in float32, which rounds at 1e-7: double() on modules and data gives 1e-16.",) if single else ()


# --- the data ---


def _arrays(torch, params, loss, x, y, h0):
    """Return x, y and h0 as arrays, x and h0 in the dtype of the parameters."""
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        raise TypeError(
            "x is a PackedSequence, wanted a tensor: pad_packed_sequence, and ignore_index where it is padding"
        )
    x = _in_dtype(torch, "x", x, params.W_hh.dtype)
    h0 = None if h0 is None else _in_dtype(torch, "h0", h0, params.W_hh.dtype)
    if isinstance(y, torch.Tensor):
        on_cpu("y", y)
        y = in_numpy(torch, "y", y) if y.is_floating_point() else y.detach().numpy().copy()
    y = _validation.finite("y", _validation.real("y", y)).copy()
    if loss == "cross_entropy" and y.dtype.kind == "f":
        words = "one class for each output: probabilities of classes are not read"
        raise TypeError(f"y has dtype {y.dtype}, wanted whole numbers, {words}")
    return x, y, h0


def _in_dtype(torch, symbol, value, dtype):
    if not isinstance(value, torch.Tensor):
        return _validation.finite(symbol, _validation.real(symbol, value)).astype(dtype)
    wanted = getattr(torch, dtype.name)
    if not value.is_floating_point():
        words = "make whole numbers one-hot, or take what the embedding returns"
        raise TypeError(f"{symbol} is in {value.dtype}, wanted {wanted}, that of the modules: {words}")
    array = in_numpy(torch, symbol, value)
    if value.dtype is not wanted:
        raise TypeError(f"{symbol} is in {value.dtype}, wanted {wanted}, that of the modules")
    return array


def _axes(params, x, batch_first):
    d, names = params.W_hx.shape[1], "(B, T, d)" if batch_first else "(T, B, d)"
    if x.ndim not in (2, 3):
        raise ValueError(f"x has shape {x.shape}, wanted {names} or (T, d)")
    _validation.shaped("x", x, (None,) * (x.ndim - 1) + (d,), f"{names if x.ndim == 3 else '(T, d)'} with d = {d}")
    return _Axes(x.shape[:-1], bool(batch_first), len(params.W_hh))


class _Axes(NamedTuple):
    """Where time and batch stand in their arrays."""

    leading: tuple  # of their outputs: (B, T), (T, B) or (T,)
    batch_first: bool
    h: int

    @property
    def batched(self):
        return len(self.leading) == 2

    @property
    def T(self):
        return self.leading[self.batched and self.batch_first]

    @property
    def batch(self):
        return (self.leading[not self.batch_first],) if self.batched else ()

    def of_h0(self):
        return (1, *self.batch, self.h)

    def time_first(self, rows):
        turned = self.batched and self.batch_first
        return np.ascontiguousarray(rows.swapaxes(0, 1)) if turned else rows

    def rows(self, y, rest):
        """Return y with time first, whether it holds the last step alone, and what was done, in words."""
        if y.shape == (*self.leading, *rest):
            return self.time_first(y), False, ()
        if self.batched and y.shape == (math.prod(self.leading), *rest):
            said = f"y was flattened in the order of {self.leading}, which is undone." * (self.T > 1)
            return self.time_first(y.reshape(*self.leading, *rest)), False, (said,) if said else ()
        if y.shape == (*self.batch, *rest):
            rows = np.zeros((self.T, *self.batch, *rest), y.dtype)
            rows[-1] = y
            return rows, True, (_LAST,)
        q = ", q" * len(rest)
        names = f"({'B, T' if self.batch_first else 'T, B'}{q})" if self.batched else f"(T{q or ','})"
        raise ValueError(f"y has shape {y.shape}, wanted {names} = {(*self.leading, *rest)}, the order of the outputs")

    def notes(self):
        return ("batch_first: x and y are transposed to time first.",) if self.batched and self.batch_first else ()


# --- the criterion ---


def _loss_of(torch, criterion):
    """Return our name of the loss of a criterion, if it is one of the two."""
    kinds = {torch.nn.MSELoss: "squared_error", torch.nn.CrossEntropyLoss: "cross_entropy"}
    if type(criterion) not in kinds:
        name = (
            criterion.__name__ if callable(criterion) and hasattr(criterion, "__name__") else type(criterion).__name__
        )
        words = "for any other loss there are numpy_function and check_gradient"
        raise TypeError(f"criterion is {name}, wanted a torch.nn.MSELoss() or CrossEntropyLoss(): {words}")
    if hooks := without_hooks(criterion):
        raise ValueError(f"criterion has {hooks}, wanted none: what they change is not seen here")
    if criterion.reduction not in ("mean", "sum"):
        raise ValueError(f"criterion has the reduction {criterion.reduction!r}, wanted 'mean' or 'sum'")
    if smoothing := getattr(criterion, "label_smoothing", 0):
        raise ValueError(f"criterion has label_smoothing = {smoothing}, wanted 0")
    return kinds[type(criterion)]


def _of_squares(criterion, axes, q):
    """Return the factor of MSELoss, and why."""
    if criterion.reduction == "mean":
        return 2 / q, (
            f"MSELoss averages over the q = {q} outputs too, and has no 1/2: it is 2/q = {2 / q:.6g} times L.",
        )
    B = math.prod(axes.batch)
    over = f"adds up over the B = {B} sequences, where L averages, and" if axes.batched else ""
    return 2.0 * B, (" ".join(f"MSELoss {over} has no 1/2: it is {2 * B} times L.".split()),)


def _of_cross_entropy(criterion, axes, weights, last):
    """Return the factor of CrossEntropyLoss, and why."""
    if criterion.reduction == "mean":
        return 1.0, ()
    if last and weights is not None:
        factor = weights[-1].sum().item()
        return factor, (f"CrossEntropyLoss adds up, where L is a mean over the weights: it is {factor:.6g} times L.",)
    B = math.prod(axes.batch)
    words = f"CrossEntropyLoss adds up over the B = {B} sequences, where L averages: it is {B} times L."
    return float(B), (words,) if axes.batched else ()


def _labels(torch, criterion, y, q, last):
    """Return the labels, 0 where they are ignored, the weights of their losses or None, and why."""
    counts = y != criterion.ignore_index
    y = rnn._labels(y, np.broadcast_to(0.0, (*y.shape, q)), counts)
    matter, weights, why = (np.s_[-1:] if last else np.s_[:]), counts.astype(float), []
    if not counts[matter].all():
        ignored = int((~counts[matter]).sum())
        why.append(f"ignore_index = {criterion.ignore_index}: the weight of {ignored} labels is 0.")
    if criterion.weight is not None:
        of_class = in_numpy(torch, "criterion.weight", criterion.weight)
        if (_validation.real_array("criterion.weight", of_class, (q,), "(q,)") < 0).any():
            raise ValueError(f"criterion.weight has {of_class.min()}, wanted numbers from 0 on")
        weights *= of_class[y]
        why.append("The weight of a class multiplies the losses that have this label; the mean is over the weights.")
    if not weights[matter].any():
        which = f"that is not ignore_index = {criterion.ignore_index} and whose class has a weight above 0"
        raise ValueError(f"y holds no label that counts, wanted one {which}")
    return y, (weights if why else None), tuple(why)
