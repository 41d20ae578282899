"""The LSTM by hand: the forward pass, the gradient, and on which way the gradient is kept.

Each line is an equation of the forward pass, and beside it what it becomes on the way back, for t = T .. 1. W_ix is the
block of W_x in the rows i, and so on; a_t = W_x x_t + W_h h_{t-1} + b has the same four blocks:

    a^i_t = W_ix x_t + W_ih h_{t-1} + b_i    dL/dh_t = W_h^T dL/da_{t+1} + dh_t
    i_t = sigma(a^i_t)                       dL/da^i_t = i_t (1 - i_t) * g_t * dL/dc_t
    f_t = sigma(a^f_t)                       dL/da^f_t = f_t (1 - f_t) * c_{t-1} * dL/dc_t
    g_t = tanh(a^g_t)                        dL/da^g_t = (1 - g_t^2) * i_t * dL/dc_t
    o_t = sigma(a^o_t)                       dL/da^o_t = o_t (1 - o_t) * tanh(c_t) * dL/dh_t
    c_t = f_t * c_{t-1} + i_t * g_t          dL/dc_t = f_{t+1} * dL/dc_{t+1} + o_t (1 - tanh(c_t)^2) * dL/dh_t
    h_t = o_t * tanh(c_t)

    dL/dW_x = sum_t dL/da_t x_t^T,    dL/dW_h = sum_t dL/da_t h_{t-1}^T,    dL/db = sum_t dL/da_t
    dL/dh_0 = W_h^T dL/da_1,          dL/dc_0 = f_1 * dL/dc_1

dh_t is what the losses themselves contribute to h_t: W_qh^T dL/do_t, where this o_t is the output of the section. In
the cell i, f, o are the input, forget and output gate, and g is the candidate; the book writes I, F, O, and C with a
tilde. The section calls z_t what is a_t here. The blocks stand in the order i, f, g, o, as in torch. Torch has two
biases, of which only the sum counts: it is b.

(Hochreiter, Schmidhuber 1997, Neural Computation 9, 1735-1780. The forget gate is from Gers, Schmidhuber, Cummins 2000,
Neural Computation 12, 2451-2471.)

Shapes: x is (T, d) or (T, B, d). h and c have T + 1 rows, with the initial state in row 0; i, f, g, o have T rows, row
t - 1 for step t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import affine, all_finite, first_overflow, no_overflow, outer_sum
from ..activations import ACTIVATIONS
from ..growth.spectra import spectral_radius
from ._arguments import Cell, checked, checked_params, checked_trace, drawn, in_double
from ._flow import Ways, driven, followed, log10_direct, log10_products, log10_sizes

__all__ = [
    "LSTMParams",
    "LSTMTrace",
    "LSTMGradients",
    "LSTMNorms",
    "init_params",
    "forward",
    "backward",
    "log10_norms",
    "ways",
    "log10_memory",
    "resting_factor",
]


class LSTMParams(NamedTuple):
    """The parameters of the cell, each with the blocks i, f, g, o below each other.

    Attributes
    ----------
    W_x : array, shape (4 h, d)
        From the input.
    W_h : array, shape (4 h, h)
        From the previous state.
    b : array, shape (4 h,)
        The higher the rows f, the longer c is kept.
    """

    W_x: np.ndarray
    W_h: np.ndarray
    b: np.ndarray


class LSTMTrace(NamedTuple):
    """A forward pass, with everything that the backward pass needs.

    Attributes
    ----------
    params : LSTMParams
    x : array, shape (T, d) or (T, B, d)
    h, c : array, shape (T + 1, h) or (T + 1, B, h)
        h[t] is h_t, c[t] is c_t; row 0 is the initial state.
    i, f, g, o : array, shape (T, h) or (T, B, h)
        Input gate, forget gate, candidate and output gate; row t - 1 for step t.
    """

    params: LSTMParams
    x: np.ndarray
    h: np.ndarray
    c: np.ndarray
    i: np.ndarray
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray


class LSTMGradients(NamedTuple):
    """What the backward pass returns.

    Attributes
    ----------
    params : LSTMParams
        dL/dW_x and so on, of the shapes of the parameters.
    h0, c0 : array, shape (h,) or (B, h)
        dL/dh_0 and dL/dc_0.
    h, c : array, shape (T, h) or (T, B, h)
        dL/dh_t and dL/dc_t, row t - 1 for step t.
    """

    params: LSTMParams
    h0: np.ndarray
    c0: np.ndarray
    h: np.ndarray
    c: np.ndarray


class LSTMNorms(NamedTuple):
    """How large the gradient is at every step.

    Attributes
    ----------
    h, c : array, shape (T,)
        log10 of the norm of dL/dh_t and of dL/dc_t, entry t - 1 for step t; -inf where it is exactly zero.
    """

    h: np.ndarray
    c: np.ndarray


_CELL = Cell(LSTMParams, LSTMTrace, blocks=4, states=("h", "c"))


def init_params(
    num_inputs: int, num_hiddens: int, *, scale: float = 1.0, gate_bias: float = 0.0, seed: int = 0
) -> LSTMParams:
    """Draw the parameters of a cell whose candidate has the W_hx and W_hh of ``rnn.init_params``.

    Parameters
    ----------
    num_inputs, num_hiddens : int
        d and h.
    scale : float
        g, the weight scale of the candidate's block of W_h; the gates always have the scale 1.
    gate_bias : float
        b_f: every entry of b in the rows of the forget gate. The rest of b is zero.
    seed : int

    Returns
    -------
    LSTMParams

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``rnn.init_params``.
    """
    b_f = _validation.real_number("gate_bias", gate_bias)
    W_x, W_h = drawn(num_inputs, num_hiddens, scale, seed, blocks=4, candidate=2)
    h = W_h.shape[1]
    return LSTMParams(W_x, W_h, np.repeat([0, b_f, 0, 0], h))


# --- forwards, and the same backwards ---


def forward(params: LSTMParams, x: ArrayLike, h0: ArrayLike | None = None, c0: ArrayLike | None = None) -> LSTMTrace:
    """Run the cell over a sequence.

    Parameters
    ----------
    params : LSTMParams
    x : array, shape (T, d) or (T, B, d)
    h0, c0 : array, shape (h,) or (B, h), optional
        The initial states; zeros if they are not given.

    Returns
    -------
    LSTMTrace
        In the dtype of the arguments (float32 or float64; complex if one of them is).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the states do not fit in memory.
    FloatingPointError
        If what goes into a gate or the candidate overflows. The message names the first t.
    """
    params, x, (h0, c0) = checked(params, _CELL, x, h0=h0, c0=c0)
    h, c = (np.empty((len(x) + 1, *h0.shape), h0.dtype) for _ in range(2))
    h[0], c[0] = h0, c0
    with np.errstate(over="ignore", invalid="ignore"):
        a = affine(params.W_x, x, params.b)
        gates = np.empty_like(a)
        blocks = np.split(gates, 4, axis=-1)
        for rows in zip(a, np.split(a, 4, axis=-1)[2], gates, *blocks, h, c, h[1:], c[1:], strict=False):
            _step(params.W_h, *rows)
    first_overflow({"a_t": a, "c_t": c[1:], "h_t": h[1:]})
    return LSTMTrace(params, x, h, c, *blocks)


def _step(W_h, a, into_g, gates, i, f, g, o, h, c, h_next, c_next):
    """Add W_h h_{t-1} to a_t, and write the gates, the candidate and the next states, in place.

    into_g, and i, f, g, o, are the blocks of a_t and of gates.
    """
    a += h @ W_h.T
    ACTIVATIONS["sigmoid"].value(a, gates)
    np.tanh(into_g, g)
    np.add(f * c, i * g, c_next)
    np.multiply(o, np.tanh(c_next), h_next)


def _slopes(trace):
    """Return what dL/da_t is made of, in the four blocks, and dh_t/dc_t with o_t held."""
    _, _, _, c, i, f, g, o = trace
    tanh_c = np.tanh(c[1:])
    blocks = [
        i * (1 - i) * g,  # times dL/dc_t
        f * (1 - f) * c[:-1],  # times dL/dc_t
        (1 - g * g) * i,  # times dL/dc_t
        o * (1 - o) * tanh_c,  # times dL/dh_t
    ]
    return np.concatenate(blocks, axis=-1), o * (1 - tanh_c * tanh_c)


def _into_gates(slopes, dh, dc):
    """Return dL/da_t from dL/dh_t and dL/dc_t."""
    return slopes * np.concatenate([dc, dc, dc, dh], axis=-1)


def backward(trace: LSTMTrace, dh: ArrayLike) -> LSTMGradients:
    """Return the gradient, by the reverse recursion.

    Parameters
    ----------
    trace : LSTMTrace
    dh : array, shape (T, h) or (T, B, h)
        What the losses themselves contribute to each state: row t - 1 is W_qh^T dL/do_t. The gradients of the
        parameters are summed over the batch, so a mean over B is already in dh.

    Returns
    -------
    LSTMGradients

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the gradient overflows. The message names the first t, going back, at which it does.
    """
    trace, total = checked_trace(trace, _CELL, dh=dh)
    W_h, f, dc = trace.params.W_h, trace.f, np.empty_like(total)
    with np.errstate(over="ignore", invalid="ignore"):
        slopes, of_c = _slopes(trace)
        da, from_h, from_c = np.empty_like(slopes), np.zeros_like(total[0]), np.zeros_like(total[0])
        for t in reversed(range(len(total))):
            total[t] += from_h
            dc[t] = from_c + of_c[t] * total[t]
            da[t] = _into_gates(slopes[t], total[t], dc[t])
            from_h, from_c = da[t] @ W_h, f[t] * dc[t]
        params = LSTMParams(
            W_x=outer_sum(da, trace.x),
            W_h=outer_sum(da, trace.h[:-1]),
            b=da.reshape(-1, len(W_h)).sum(0),
        )
    no_overflow("dL/dh_t", total)
    no_overflow("dL/dc_t", dc)
    all_finite(**params._asdict(), h_0=from_h, c_0=from_c)
    return LSTMGradients(params, from_h, from_c, total, dc)


# --- the flow, for any T ---


def log10_norms(trace: LSTMTrace, dh_T: ArrayLike) -> LSTMNorms:
    """Return log10 of the norms of dL/dh_t and dL/dc_t for every t, the loss at the last step alone, for any T.

    Parameters
    ----------
    trace : LSTMTrace
    dh_T : array, shape (h,) or (B, h)
        dL/dh_T, which is W_qh^T dL/do_T.

    Returns
    -------
    LSTMNorms
        With a batch, the norm is over all of (B, h).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or is complex.
    FloatingPointError
        If a number overflows within the few steps between two looks at the size.
    """
    _, _, dh, dc, exponents = _followed(trace, dh_T)
    return LSTMNorms(log10_sizes(dh, exponents), log10_sizes(dc, exponents))


def ways(trace: LSTMTrace, dh_T: ArrayLike) -> Ways:
    """Return log10 |dL/dc_t|, the loss at the last step alone, and on which way it comes to c_t, for any T.

    Parameters
    ----------
    trace, dh_T
        As for ``log10_norms``.

    Returns
    -------
    Ways
        whole: dL/dc_t. direct: f_{t+1} * .. * f_T * dL/dc_T, from c to c alone. through_gates: the rest.

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``log10_norms``.

    Notes
    -----
    The rest follows a recursion of its own and is no difference of two numbers that may be nearly the same:

        rest_t = f_{t+1} * rest_{t+1} + o_t (1 - tanh(c_t)^2) * dL/dh_t,   rest_T = 0
    """
    trace, of_c, dh, dc, exponents = _followed(trace, dh_T)
    return Ways(
        whole=log10_sizes(dc, exponents),
        direct=log10_direct(trace.f, dc[-1], exponents[-1]),
        through_gates=log10_sizes(*driven(trace.f, of_c * dh, exponents)),
    )


def _followed(trace, dh_T):
    """Return the trace, dh_t/dc_t with o_t held, and dL/dh_t and dL/dc_t near 1 with their exponents of two."""
    trace, dh = checked_trace(trace, _CELL, dh_T=dh_T)
    _validation.real("dh_T", dh)
    trace, h = in_double(trace), dh.shape[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        slopes, of_c = _slopes(trace)

        def step(t, v):
            """Return what belongs to step t - 1, from what belongs to step t."""
            dh, dc = v[..., :h], v[..., h:]
            earlier = _into_gates(slopes[t - 1], dh, dc) @ trace.params.W_h
            return np.concatenate([earlier, trace.f[t - 1] * dc + of_c[t - 2] * earlier], axis=-1)

        start = np.concatenate([dh, of_c[-1] * dh], axis=-1).astype(float)
        rows, exponents = followed(step, start, len(of_c))
    return trace, of_c, *np.split(rows, 2, axis=-1), exponents


def log10_memory(trace: LSTMTrace, k: int = 0) -> np.ndarray:
    """Return how much of c_k is still in c_t, in every unit, for t = k .. T.

    Parameters
    ----------
    trace : LSTMTrace
    k : int
        From 0 to T.

    Returns
    -------
    array, shape (T + 1 - k, h) or (T + 1 - k, B, h)
        Entry t - k is log10 of the product f_{k+1} .. f_t, which multiplies c_k in c_t; -inf where a gate is exactly
        zero.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or is complex.
    """
    (trace,) = checked_trace(trace, _CELL)
    _validation.real("f", trace.f)
    return log10_products(trace.f.astype(float), _validation.whole_number("k", k, 0, len(trace.f), "T = "))


# --- the law ---


def resting_factor(params: LSTMParams) -> float:
    """Return by how much a gradient changes in each step, in the long run, while the states rest at zero.

    Parameters
    ----------
    params : LSTMParams
        With b = 0 in the rows of the candidate.

    Returns
    -------
    float
        The spectral radius of diag(f) + diag(i) W_gh diag(o), with i, f, o = sigma(b) in their rows, and W_gh the rows
        g of W_h.

    Raises
    ------
    TypeError, ValueError
        If params is no LSTMParams, or is complex; if b is not zero in the rows of the candidate: then zero is no place
        to rest.

    Notes
    -----
    Without input and from h = c = 0 both states stay there, with g = 0 and tanh(c) = 0, so no gate matters to first
    order: what it multiplies is zero. There h_{t-1} = o c_{t-1} to first order, and

        dc_t = f * dc_{t-1} + i * (W_gh (o * dc_{t-1}))

    The matrix of this is the one above. If each gate has one bias for all units, its spectral radius is the largest
    |f + i o lambda| over the eigenvalues lambda of W_gh.

    It is right for small inputs, which hardly move the gates, and as long as it is below 1; above, the states do not
    stay at rest. Nothing ties the input gate to the forget gate, so it may be above 1: for i = o = 1/2 and an
    eigenvalue g of W_gh as soon as f > 1 - g/4.
    """
    params = checked_params(params, _CELL)
    _validation.real("params", params.W_h)
    h = params.W_h.shape[1]
    i, f, g, o = params.b.astype(float).reshape(4, h)
    if g.any():
        raise ValueError("b is not zero in the rows of the candidate, wanted a cell that rests at zero")
    i, f, o = ACTIVATIONS["sigmoid"].value(np.stack([i, f, o]), None)
    return spectral_radius(np.diag(f) + i[:, None] * params.W_h[2 * h : 3 * h] * o)
