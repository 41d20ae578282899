"""The recurrent network and its forward pass.

    z_t = W_hx x_t + W_hh h_{t-1} + b_h,    h_t = phi(z_t)          9.7.1, 9.7.9
    o_t = W_qh h_t + b_q                                            9.7.1, 9.7.9
    L   = sum_t w_t l(o_t, y_t),    w_t = 1/T for the mean          9.7.2, 9.7.10

The book's section leaves out phi (the identity) and the biases; both are here, and both may be left out.

Shapes: time runs first. x is (T, d) or, with a batch of B sequences, (T, B, d); results have the same rank.
h has T + 1 rows, and h[0] is the initial state, so that h[t] is the book's h_t.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _validation
from ._recursion import affine, cached_stretches, checked_weights, first_overflow, over_rows, weigh
from .activations import ACTIVATIONS, Activation
from .losses import LOSSES, REDUCTIONS, Loss

__all__ = [
    "KINDS",
    "Params",
    "Trace",
    "init_params",
    "forward",
    "loss",
    "checked_params",
    "checked_trace",
    "targets",
]

_FLOATS = tuple(np.dtype(kind) for kind in (np.float64, np.float32, np.complex128))
KINDS = ("gaussian", "orthogonal", "symmetric", "identity")


class Params(NamedTuple):
    """The parameters of the network.

    Attributes
    ----------
    W_hx : array, shape (h, d)
        From the input to the state.
    W_hh : array, shape (h, h)
        From the previous state to the state: the matrix whose powers vanish or explode.
    W_qh : array, shape (q, h)
        From the state to the output.
    b_h : array, shape (h,), or None
    b_q : array, shape (q,), or None
    """

    W_hx: np.ndarray
    W_hh: np.ndarray
    W_qh: np.ndarray
    b_h: np.ndarray | None = None
    b_q: np.ndarray | None = None


class Trace(NamedTuple):
    """A forward pass, with everything that the backward pass needs.

    Attributes
    ----------
    params : Params
    x : array, shape (T, d) or (T, B, d)
    h : array, shape (T + 1, h) or (T + 1, B, h)
        The states: h[0] is the initial one, h[t] the book's h_t. The slopes phi'(z_t) follow from it.
    o : array, shape (T, q) or (T, B, q)
        The outputs: o[t - 1] is the book's o_t.
    activation : str
    """

    params: Params
    x: np.ndarray
    h: np.ndarray
    o: np.ndarray
    activation: str


def init_params(
    num_inputs: int,
    num_hiddens: int,
    num_outputs: int,
    *,
    scale: float = 1.0,
    kind: str = "gaussian",
    bias: bool = False,
    seed: int = 0,
    dtype: DTypeLike = float,
) -> Params:
    """Draw the parameters of a network.

    W_hx and W_qh have Gaussian entries of variance 1/d and 1/h. For one seed, ``scale`` multiplies one
    and the same matrix. Its spectral radius is ``scale``: exactly for orthogonal and identity, and
    for gaussian and symmetric in the limit of many units (the circular law and Wigner's semicircle).

    Parameters
    ----------
    num_inputs, num_hiddens, num_outputs : int
        d, h and q.
    scale : float
        The weight scale g.
    kind : {"gaussian", "orthogonal", "symmetric", "identity"}
        W_hh: independent entries N(0, g^2/h); g times a random orthogonal matrix; a Gaussian symmetric
        matrix; g times the identity.
    bias : bool
        Whether there are b_h and b_q (zeros at the start) or None.
    seed : int
    dtype : float or numpy.float32

    Returns
    -------
    Params

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the matrices do not fit in memory.
    FloatingPointError
        If the scale takes W_hh out of the range of the dtype.
    """
    d, h, q = _sizes(num_inputs, num_hiddens, num_outputs)
    seed = _validation.seed("seed", seed)
    g = _validation.real_number("scale", scale)
    _validation.one_of("kind", kind, KINDS)
    bias, dtype = _validation.flag("bias", bias), _validation.float_dtype("dtype", dtype)
    rng = np.random.default_rng(seed)
    W_hx = rng.normal(size=(h, d)) / np.sqrt(d)
    W_qh = rng.normal(size=(q, h)) / np.sqrt(h)
    with np.errstate(over="ignore"):
        W_hh = (g * _recurrent_matrix(kind, h, rng)).astype(dtype)
    if not np.isfinite(W_hh).all():
        raise FloatingPointError(f"W_hh overflows {dtype}: scale is {g}")
    biases = (np.zeros(h, dtype), np.zeros(q, dtype)) if bias else (None, None)
    return Params(W_hx.astype(dtype), W_hh, W_qh.astype(dtype), *biases)


def _sizes(num_inputs, num_hiddens, num_outputs):
    d = _validation.whole_number("num_inputs", num_inputs, 1)
    h = _validation.whole_number("num_hiddens", num_hiddens, 1)
    q = _validation.whole_number("num_outputs", num_outputs, 1)
    why = f"h = {_validation.shown(h)}"
    _validation.fits_in_memory("W_hh", h * h, float, why)
    _validation.fits_in_memory("W_hx", h * d, float, f"{why}, d = {_validation.shown(d)}")
    _validation.fits_in_memory("W_qh", h * q, float, f"{why}, q = {_validation.shown(q)}")
    return d, h, q


def _recurrent_matrix(kind, h, rng):
    if kind == "identity":
        return np.eye(h)
    G = rng.normal(size=(h, h))
    if kind == "gaussian":
        return G / np.sqrt(h)
    if kind == "symmetric":
        # G + G^T has spectral radius 2 sqrt(2 h) in the limit (Wigner).
        return (G + G.T) / np.sqrt(8 * h)
    Q, R = np.linalg.qr(G)
    return Q * np.sign(np.diag(R))  # the signs make Q uniform over all orthogonal matrices (Mezzadri 2007)


def forward(params: Params, x: ArrayLike, *, h0: ArrayLike | None = None, activation: str = "identity") -> Trace:
    """Run the network over a sequence (9.7.1, 9.7.9).

    Parameters
    ----------
    params : Params
    x : array, shape (T, d) or (T, B, d)
    h0 : array, shape (h,) or (B, h), optional
        The initial state; zeros if it is not given.
    activation : str
        A name in ``ACTIVATIONS``: "identity", "tanh", "sigmoid" or "relu".

    Returns
    -------
    Trace
        In the dtype of the arguments (float32 or float64; complex if one of them is).

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value, or if the states do not fit in memory.
    FloatingPointError
        If a state or an output overflows. The message names the first t at which it does.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        params, x, h0, phi = _checked(params, x, h0, activation)
        h = _empty_states(len(x), h0)
        o = np.empty((*x.shape[:-1], len(params.W_qh)), h.dtype)
        h[0] = h0
        run = _single(params, phi.value) if x.ndim == 2 else _batch(params, phi.value, len(x) * len(h0))
        for start, stop in cached_stretches(len(x), h[0].size + x[0].size, params.W_hh.size // 2)[0]:
            states = h[start : stop + 1]
            run(states, x[start:stop])
            affine(params.W_qh, states[1:], params.b_q, out=o[start:stop])
            first_overflow({"h_t": states[1:], "o_t": o[start:stop]}, start + 1)
    return Trace(params, x, h, o, activation)


def _single(params, phi):
    """Return ``run(h, x)``, which goes from the state in the first row of h, writing the others."""
    # Rows [x_t, 1, h_{t-1}], so that a step is two calls: Python's share of the time is the calls.
    W = np.column_stack([a for a in (params.W_hx, params.b_h, params.W_hh) if a is not None])
    (n, width), d, times_W = W.shape, params.W_hx.shape[1], W.dot

    def run(h, x):
        rows = np.empty((len(h), width), h.dtype)
        rows[:-1, :d], rows[:, d:-n], states = x, 1, rows[:, -n:]
        states[0] = h[0]
        for row, state in zip(rows, states[1:], strict=False):
            phi(times_W(row, state), state)
        h[1:] = states[1:]

    return run


def _batch(params, phi, rows):
    """The same for a batch, with so many ``rows`` over all steps. Here the products are what costs."""
    W = params.W_hh.T
    if rows > len(W):  # else it would cost more than it gains
        W = np.ascontiguousarray(W)  # a product turns it each time, in float32 for half of its own time

    def run(h, x):
        affine(params.W_hx, x, params.b_h, out=h[1:])  # all inputs at once
        product = np.empty_like(h[0])
        for previous, state in pairwise(h):
            previous.dot(W, product)
            np.add(state, product, state)
            phi(state, state)

    return run


def loss(
    trace: Trace,
    y: ArrayLike,
    *,
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
) -> float:
    """Return L, the loss of the whole sequence (9.7.2, 9.7.10).

    Parameters
    ----------
    trace : Trace
    y : array
        The shape of o for the squared error (half the squared distance); whole numbers from 0 to
        q - 1, shape (T,) or (T, B), for the cross-entropy (of the softmax of o).
    loss : {"squared_error", "cross_entropy"}
    reduction : {"mean", "sum", "last"}
        Over time: 1/T times the sum; the sum; the loss of step T alone. A batch is averaged.
    weights : array, shape (T,) or (T, B), optional
        w, not negative, or a mask of True and False; l_t is multiplied by its weight, and (T,) holds for each sequence
        of a batch. mean: the sum of w l over the sum of w, over all t and b; sum: the sum of w l over B; last: as
        mean, with the weights of step T alone. Where a weight is 0, y is not looked at: it may be -100 or nan, as for
        padding.

    Returns
    -------
    float
        (complex if the trace is).

    Raises
    ------
    TypeError, ValueError
        If y or the weights do not fit the trace, all weights are 0, or a name is unknown.
    FloatingPointError
        If the loss overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        trace = checked_trace(trace)
        rule, y, w = _targets(trace, y, loss, reduction, weights)
        return _total(rule.value(trace.o, y), reduction, w)


def _total(per_step, reduction, w):
    """Return L, from l_t for each step, or for each step and each sequence of a batch."""
    if w is not None:
        weigh(per_step[..., None], reduction, w)
    if per_step.ndim == 2:
        per_step = per_step.mean(1)
    if w is None:
        weigh(per_step, reduction)
    total = per_step.sum()
    if not np.isfinite(total):
        first_overflow({"l_t": per_step})
        raise FloatingPointError(f"L overflows {per_step.dtype}: it is the sum of all l_t")
    return total.item()


# --- what comes in ---


def targets(
    trace: Trace, y: ArrayLike, loss: str, reduction: str, weights: ArrayLike | None = None
) -> tuple[Loss, np.ndarray, np.ndarray | None]:
    """Return the rule of a loss, y and w_t as arrays, once they are known to fit the trace.

    Parameters
    ----------
    trace, y, loss, reduction, weights
        As for ``loss``.

    Returns
    -------
    Loss, array, array or None
        y in the dtype of o, complex if y is; for the cross-entropy as whole numbers. Where its weight is 0, it is o,
        or the class 0. w_t as it multiplies l_t in L, apart from 1/B; None without weights.
    """
    return _targets(checked_trace(trace), y, loss, reduction, weights)


def _targets(trace, y, loss, reduction, weights=None):
    rule = LOSSES[_validation.one_of("loss", loss, LOSSES)]
    _validation.one_of("reduction", reduction, REDUCTIONS)
    o = trace.o
    w, counts = checked_weights(weights, reduction, len(o), o.shape[1:-1])
    counts = None if w is None or counts.all() else over_rows(counts, o)
    if loss == "cross_entropy":
        return rule, _labels(y, o, None if counts is None else counts[..., 0]), w
    y = _validation.numeric("y", y)
    _validation.shaped("y", y, o.shape, "(T, q)" if o.ndim == 2 else "(T, B, q)")
    y = y if counts is None else np.where(counts, y, o)
    dtype = np.result_type(o, y) if np.iscomplexobj(y) else o.dtype
    return rule, _validation.finite("y", y).astype(dtype, copy=False), w


def _labels(y, o, counts=None) -> np.ndarray:
    y = _validation.array("y", y)
    if y.dtype.kind not in "iu":
        raise TypeError(f"y has dtype {y.dtype}, wanted whole numbers, one class for each output")
    _validation.shaped("y", y, o.shape[:-1], "(T,)" if o.ndim == 2 else "(T, B)")
    y = y if counts is None else np.where(counts, y, 0)
    wrong = (y < 0) | (y >= o.shape[-1])
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        left_out = "; to leave steps out, give them weight 0: weights=" if y[index] < 0 else ""
        raise ValueError(
            f"y is {y[index]} at index {index}, wanted classes from 0 to q - 1 = {o.shape[-1] - 1}{left_out}"
        )
    return y


def checked_params(params: Params) -> Params:
    """Return params once its arrays are known to fit each other: finite, and in one dtype.

    Parameters
    ----------
    params : Params

    Returns
    -------
    Params

    Raises
    ------
    TypeError, ValueError
        If it is no Params, or a field has a wrong type, shape or value.
    """
    arrays = _params_arrays(params)
    return _ready_params(arrays, _validation.common_dtype(a for a in arrays.values() if a is not None))


def checked_trace(trace: Trace) -> Trace:
    """Return trace once its fields are known to fit each other: finite, in one dtype, with a known activation.

    Parameters
    ----------
    trace : Trace
        As ``forward`` returns it, or with fields that were replaced. Whether h follows from x is not looked at.

    Returns
    -------
    Trace
        The same one, or a copy in one dtype if there were several.

    Raises
    ------
    TypeError, ValueError
        If it is no Trace, or a field has a wrong type, shape or value.
    """
    _validation.instance("trace", trace, Trace, "the Trace that forward returns")
    return trace if _as_forward_makes_it(*trace) else _carefully(trace)


# The careful look takes longer than a short pass does. First comes a quick one, which knows no complaint.


def _as_forward_makes_it(params, x, h, o, activation):
    if not _plain(params, x, activation, h, o):
        return False
    (T, *batch, _), n, q = x.shape, len(params.W_hh), len(params.W_qh)
    return h.shape == (T + 1, *batch, n) and o.shape == (T, *batch, q) and _finite(x, h, o, *params)


def _plain(params, x, activation, *more):
    """Say whether all are contiguous arrays of one dtype in which the network calculates, and the parameters fit x."""
    if type(params) is not Params or type(activation) is not str or activation not in ACTIVATIONS:
        return False
    for a in (x, *params[:3], *(b for b in params[3:] if b is not None), *more):
        if type(a) is not np.ndarray or a.dtype is not x.dtype or not a.ndim or not a.flags.c_contiguous:
            return False
    return x.dtype in _FLOATS and _fit(x.shape, *(None if a is None else a.shape for a in params))


def _fit(x, W_hx, W_hh, W_qh, b_h, b_q):
    """Say whether these shapes of x and the parameters fit each other."""
    d, n, q = x[-1], W_hh[0], W_qh[0]
    weights = (W_hx, W_hh, W_qh) == ((n, d), (n, n), (q, n)) and b_h in (None, (n,)) and b_q in (None, (q,))
    return weights and len(x) in (2, 3) and 0 not in (*x, n, q)


def _finite(*arrays):
    return _validation.is_finite(*(a for a in arrays if a is not None))


def _carefully(trace):
    _validation.one_of("activation", trace.activation, ACTIVATIONS)
    arrays = _params_arrays(trace.params)
    x = _inputs(trace.x, arrays["W_hx"].shape[1])
    (T, *batch, _), (q, n), names = x.shape, arrays["W_qh"].shape, "" if x.ndim == 2 else "B, "
    h, o = (_validation.numeric(symbol, a) for symbol, a in (("h", trace.h), ("o", trace.o)))
    _validation.shaped("h", h, (T + 1, *batch, n), f"(T + 1, {names}h)")
    _validation.shaped("o", o, (T, *batch, q), f"(T, {names}q)")
    dtype = _validation.common_dtype([x, h, o, *(a for a in arrays.values() if a is not None)])
    x, h, o = (_ready(symbol, a, dtype) for symbol, a in {"x": x, "h": h, "o": o}.items())
    return Trace(_ready_params(arrays, dtype), x, h, o, trace.activation)


def _checked(params, x, h0, activation) -> tuple[Params, np.ndarray, np.ndarray, Activation]:
    if _plain(params, x, activation) if h0 is None else _plain(params, x, activation, h0):
        state = (*x.shape[1:-1], len(params.W_hh))
        start = np.zeros(state, x.dtype) if h0 is None else h0
        _validation.fits_in_memory("h", (len(x) + 1) * start.size, x.dtype, f"T = {len(x)}")
        if start.shape == state and _finite(x, start, *params):
            return params, x, start, ACTIVATIONS[activation]
    arrays = _params_arrays(params)
    phi = ACTIVATIONS[_validation.one_of("activation", activation, ACTIVATIONS)]
    x = _inputs(x, arrays["W_hx"].shape[1])
    state = (*x.shape[1:-1], len(arrays["W_hh"]))
    given = [a for a in arrays.values() if a is not None] + [x]
    if h0 is not None:
        h0 = _validation.shaped("h0", _validation.numeric("h0", h0), state, "(h,)" if x.ndim == 2 else "(B, h)")
        given.append(h0)
    dtype = _validation.common_dtype(given)
    # Before a look at every entry of x: a T that is far too long must be refused at once.
    _validation.fits_in_memory("h", (len(x) + 1) * math.prod(state), dtype, f"T = {len(x)}")
    h0 = np.zeros(state, dtype) if h0 is None else _ready("h0", h0, dtype)
    return _ready_params(arrays, dtype), _ready("x", x, dtype), h0, phi


def _params_arrays(params):
    """Return the arrays of params by name, once their shapes are known to fit each other."""
    _validation.instance("params", params, Params)
    arrays = {
        symbol: None if a is None and symbol in ("b_h", "b_q") else _validation.numeric(symbol, a)
        for symbol, a in params._asdict().items()
    }
    h = arrays["W_hh"].shape[0] if arrays["W_hh"].ndim else 1
    _validation.shaped("W_hh", arrays["W_hh"], (h, h), "(h, h)")
    _validation.shaped("W_hx", arrays["W_hx"], (h, None), f"(h, d) with h = {h}")
    q = _validation.shaped("W_qh", arrays["W_qh"], (None, h), f"(q, h) with h = {h}").shape[0]
    for symbol, size, name in (("b_h", h, "(h,)"), ("b_q", q, "(q,)")):
        if arrays[symbol] is not None:
            _validation.shaped(symbol, arrays[symbol], (size,), name)
    return arrays


def _inputs(x, d) -> np.ndarray:
    """Return x as an array, once its shape is known to fit."""
    x = _validation.numeric("x", x)
    if x.ndim == 1 and x.size and x.dtype.kind in "iu":
        one_hot = f"make them one-hot, numpy.eye(d)[x] with d = {d}"
        raise ValueError(f"x holds whole numbers: {one_hot}; it has shape {x.shape}, wanted (T, d) or (T, B, d)")
    if x.ndim not in (2, 3):
        raise ValueError(f"x has shape {x.shape}, wanted (T, d) or (T, B, d)")
    names = "(T, d)" if x.ndim == 2 else "(T, B, d)"
    return _validation.shaped("x", x, (None,) * (x.ndim - 1) + (d,), f"{names} with d = {d} and T > 0")


def _ready_params(arrays, dtype):
    return Params(**{symbol: None if a is None else _ready(symbol, a, dtype) for symbol, a in arrays.items()})


def _ready(symbol, array, dtype):
    return _validation.finite(symbol, array).astype(dtype, copy=False)


def _empty_states(T, h0):
    try:
        return np.empty((T + 1, *h0.shape), h0.dtype)
    except MemoryError:
        need = (T + 1) * h0.nbytes
        raise ValueError(f"h would take {need:,} bytes (T = {T}), wanted what fits in memory") from None
