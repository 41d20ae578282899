"""The GRU by hand, in torch's form and in the book's: the forward pass, the gradient, and on which way it is kept.

Each line is an equation of the forward pass, and beside it what it becomes on the way back, for t = T .. 1. W_rx is the
block of W_x in the rows r, and so on; a_t is what goes into the three functions:

    a^r_t = W_rx x_t + b_rx + W_rh h_{t-1} + b_rh
    a^z_t = W_zx x_t + b_zx + W_zh h_{t-1} + b_zh
    r_t = sigma(a^r_t)                        dL/da^r_t = r_t (1 - r_t) * dL/dr_t
    z_t = sigma(a^z_t)                        dL/da^z_t = z_t (1 - z_t) * (h_{t-1} - n_t) * dL/dh_t
    n_t = tanh(a^n_t)                         dL/da^n_t = (1 - n_t^2) * (1 - z_t) * dL/dh_t
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}     dL/dh_{t-1} = z_t * dL/dh_t + W_rh^T dL/da^r_t + W_zh^T dL/da^z_t
                                                            + v_t + dh_{t-1}

Two forms differ in where the reset gate r_t stands. v_t is what comes to h_{t-1} through the candidate n_t:

    "after"     a^n_t = W_nx x_t + b_nx + r_t * (W_nh h_{t-1} + b_nh)
                dL/dr_t = (W_nh h_{t-1} + b_nh) * dL/da^n_t,     v_t = W_nh^T (r_t * dL/da^n_t)
                dL/dW_nh = sum_t (r_t * dL/da^n_t) h_{t-1}^T,    dL/db_nh = sum_t r_t * dL/da^n_t
    "before"    a^n_t = W_nx x_t + b_nx + W_nh (r_t * h_{t-1}) + b_nh
                dL/dr_t = h_{t-1} * (W_nh^T dL/da^n_t),          v_t = r_t * (W_nh^T dL/da^n_t)
                dL/dW_nh = sum_t dL/da^n_t (r_t * h_{t-1})^T,    dL/db_nh = sum_t dL/da^n_t

    in the other rows: dL/dW_x = sum_t dL/da_t x_t^T,    dL/dW_h = sum_t dL/da_t h_{t-1}^T,    the biases sum_t dL/da_t

dh_t is what the losses themselves contribute to h_t, W_qh^T dL/do_t. "after" is the form of torch, "before" that of the
book and of Cho et al. 2014 (arXiv 1406.1078). The book writes R, Z, and H with a tilde for r, z, n. There as here z_t
near 1 keeps the old state. (With the letters of Chung et al. 2014, arXiv 1412.3555, z_t near 1 writes a new one.) The
three blocks stand in the rows of W_x, W_h, b_x and b_h in the order r, z, n, as in torch. Both biases are needed for
"after" alone: elsewhere only their sum counts.

Shapes: x is (T, d) or (T, B, d). h has T + 1 rows, with the initial state in row 0; r, z, n have T rows, row t - 1 for
step t.
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
    "RESETS",
    "GRUParams",
    "GRUTrace",
    "GRUGradients",
    "init_params",
    "forward",
    "backward",
    "log10_norms",
    "ways",
    "log10_memory",
    "resting_factor",
]

RESETS = ("after", "before")


class GRUParams(NamedTuple):
    """The parameters of the cell, each with the blocks r, z, n below each other.

    Attributes
    ----------
    W_x : array, shape (3 h, d)
        From the input.
    W_h : array, shape (3 h, h)
        From the previous state.
    b_x, b_h : array, shape (3 h,)
        The bias beside W_x and the one beside W_h. The higher the rows z of their sum, the longer h is kept.
    """

    W_x: np.ndarray
    W_h: np.ndarray
    b_x: np.ndarray
    b_h: np.ndarray


class GRUTrace(NamedTuple):
    """A forward pass, with everything that the backward pass needs.

    Attributes
    ----------
    params : GRUParams
    x : array, shape (T, d) or (T, B, d)
    h : array, shape (T + 1, h) or (T + 1, B, h)
        h[t] is h_t; row 0 is the initial state.
    r, z, n : array, shape (T, h) or (T, B, h)
        Reset gate, update gate and candidate; row t - 1 for step t.
    reset : {"after", "before"}
    """

    params: GRUParams
    x: np.ndarray
    h: np.ndarray
    r: np.ndarray
    z: np.ndarray
    n: np.ndarray
    reset: str


class GRUGradients(NamedTuple):
    """What the backward pass returns.

    Attributes
    ----------
    params : GRUParams
        dL/dW_x and so on, of the shapes of the parameters.
    h0 : array, shape (h,) or (B, h)
        dL/dh_0.
    h : array, shape (T, h) or (T, B, h)
        dL/dh_t, row t - 1 for step t.
    """

    params: GRUParams
    h0: np.ndarray
    h: np.ndarray


_CELL = Cell(GRUParams, GRUTrace, blocks=3, states=("h",))


def init_params(
    num_inputs: int, num_hiddens: int, *, scale: float = 1.0, gate_bias: float = 0.0, seed: int = 0
) -> GRUParams:
    """Draw the parameters of a cell whose candidate has the W_hx and W_hh of ``rnn.init_params``.

    Parameters
    ----------
    num_inputs, num_hiddens : int
        d and h.
    scale : float
        g, the weight scale of the candidate's block of W_h; the gates always have the scale 1.
    gate_bias : float
        b_z: every entry of b_x in the rows of the update gate. The rest of both biases is zero.
    seed : int

    Returns
    -------
    GRUParams

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``rnn.init_params``.
    """
    b_z = _validation.real_number("gate_bias", gate_bias)
    W_x, W_h = drawn(num_inputs, num_hiddens, scale, seed, blocks=3, candidate=2)
    h = W_h.shape[1]
    return GRUParams(W_x, W_h, np.repeat([0, b_z, 0], h), np.zeros(3 * h))


# --- forwards, and the same backwards ---


def forward(params: GRUParams, x: ArrayLike, h0: ArrayLike | None = None, *, reset: str = "after") -> GRUTrace:
    """Run the cell over a sequence.

    Parameters
    ----------
    params : GRUParams
    x : array, shape (T, d) or (T, B, d)
    h0 : array, shape (h,) or (B, h), optional
        The initial state; zeros if it is not given.
    reset : {"after", "before"}
        Where the reset gate stands: after the product with W_nh, as in torch, or before it, as in the book.

    Returns
    -------
    GRUTrace
        In the dtype of the arguments (float32 or float64; complex if one of them is).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the states do not fit in memory.
    FloatingPointError
        If what goes into a gate or the candidate overflows. The message names the first t.
    """
    _validation.one_of("reset", reset, RESETS)
    params, x, (h0,) = checked(params, _CELL, x, h0=h0)
    h = np.empty((len(x) + 1, *h0.shape), h0.dtype)
    h[0] = h0
    with np.errstate(over="ignore", invalid="ignore"):
        a = affine(params.W_x, x, params.b_x)
        into_gates, into_n = np.split(a, [2 * h.shape[-1]], axis=-1)
        gates, n = np.empty_like(into_gates), np.empty_like(into_n)
        r, z = np.split(gates, 2, axis=-1)
        for rows in zip(into_gates, into_n, gates, r, z, n, h, h[1:], strict=False):
            _step(params, reset, *rows)
    first_overflow({"a_t": a, "h_t": h[1:]})
    return GRUTrace(params, x, h, r, z, n, reset)


def _step(params, reset, into_gates, into_n, gates, r, z, n, h, h_next):
    """Complete both blocks of a_t, and write the gates r and z, the candidate and the next state, in place."""
    (W_gates, W_nh), (b_gates, b_nh) = _blocks(params.W_h), _blocks(params.b_h)
    into_gates += h @ W_gates.T + b_gates
    ACTIVATIONS["sigmoid"].value(into_gates, gates)
    into_n += r * (h @ W_nh.T + b_nh) if reset == "after" else (r * h) @ W_nh.T + b_nh
    np.tanh(into_n, n)
    np.add((1 - z) * n, z * h, h_next)


def _slopes(trace):
    """Return what dL/da_t is made of, in the three blocks, for every t."""
    params, _, h, r, z, n, reset = trace
    h = h[:-1]
    W_nh, b_nh = _blocks(params.W_h)[1], _blocks(params.b_h)[1]
    of_r = r * (1 - r) * (affine(W_nh, h, b_nh) if reset == "after" else h)
    return (
        of_r,  # times dL/da^n_t for "after", W_nh^T dL/da^n_t for "before"
        z * (1 - z) * (h - n),  # times dL/dh_t
        (1 - n * n) * (1 - z),  # times dL/dh_t
    )


def _step_back(W_h, reset, dh, r, of_r, of_z, of_n):
    """Return dL/da_t in its three blocks, and what comes to h_{t-1} through the gates and the candidate."""
    W_gates, W_nh = _blocks(W_h)
    da_n, da_z = of_n * dh, of_z * dh
    if reset == "after":
        da_r = of_r * da_n
        through_n = (r * da_n) @ W_nh
    else:
        inside = da_n @ W_nh  # dL/d(r_t * h_{t-1})
        da_r = of_r * inside
        through_n = r * inside
    da = np.concatenate([da_r, da_z, da_n], axis=-1)
    return da, da[..., : len(W_gates)] @ W_gates + through_n


def _blocks(stacked):
    """Return the rows of both gates, and those of the candidate."""
    rows = len(stacked) // 3 * 2
    return stacked[:rows], stacked[rows:]


def backward(trace: GRUTrace, dh: ArrayLike) -> GRUGradients:
    """Return the gradient, by the reverse recursion.

    Parameters
    ----------
    trace : GRUTrace
    dh : array, shape (T, h) or (T, B, h)
        What the losses themselves contribute to each state: row t - 1 is W_qh^T dL/do_t. The gradients of the
        parameters are summed over the batch, so a mean over B is already in dh.

    Returns
    -------
    GRUGradients

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the gradient overflows. The message names the first t, going back, at which it does.
    """
    trace, total = _checked_trace(trace, dh=dh)
    with np.errstate(over="ignore", invalid="ignore"):
        da, later = np.empty((*total.shape[:-1], 3 * total.shape[-1]), total.dtype), np.zeros_like(total[0])
        rows = list(zip(trace.r, *_slopes(trace), strict=True))
        for t in reversed(range(len(total))):
            total[t] += later
            da[t], through = _step_back(trace.params.W_h, trace.reset, total[t], *rows[t])
            later = trace.z[t] * total[t] + through
        params = _of_params(trace, da)
    no_overflow("dL/dh_t", total)
    all_finite(**params._asdict(), h_0=later)
    return GRUGradients(params, later, total)


def _of_params(trace, da):
    """Return the gradients of the parameters from dL/da_t."""
    h, r = trace.h[:-1], trace.r
    n = slice(2 * h.shape[-1], None)
    beside_W_h = da.copy()
    if trace.reset == "after":
        beside_W_h[..., n] *= r
    W_h = outer_sum(beside_W_h, h)
    if trace.reset == "before":
        W_h[n] = outer_sum(da[..., n], r * h)
    b_x, b_h = (rows.reshape(-1, len(W_h)).sum(0) for rows in (da, beside_W_h))
    return GRUParams(outer_sum(da, trace.x), W_h, b_x, b_h)


# --- the flow, for any T ---


def log10_norms(trace: GRUTrace, dh_T: ArrayLike) -> np.ndarray:
    """Return log10 |dL/dh_t| for every t, the loss at the last step alone, for any T.

    Parameters
    ----------
    trace : GRUTrace
    dh_T : array, shape (h,) or (B, h)
        dL/dh_T, which is W_qh^T dL/do_T.

    Returns
    -------
    array, shape (T,)
        Entry t - 1 belongs to step t; -inf where the gradient is exactly zero. With a batch, the norm is over all of
        (B, h).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or is complex.
    FloatingPointError
        If a number overflows within the few steps between two looks at the size.
    """
    return ways(trace, dh_T).whole


def ways(trace: GRUTrace, dh_T: ArrayLike) -> Ways:
    """Return log10 |dL/dh_t|, the loss at the last step alone, and on which way it comes to h_t, for any T.

    Parameters
    ----------
    trace, dh_T
        As for ``log10_norms``.

    Returns
    -------
    Ways
        whole: dL/dh_t. direct: z_{t+1} * .. * z_T * dL/dh_T, from state to state alone. through_gates: the rest.

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``log10_norms``.

    Notes
    -----
    The rest follows a recursion of its own and is no difference of two numbers that may be nearly the same:

        rest_{t-1} = z_t * rest_t + W_rh^T dL/da^r_t + W_zh^T dL/da^z_t + v_t,   rest_T = 0
    """
    trace, dh = _checked_trace(trace, dh_T=dh_T)
    _validation.real("dh_T", dh)
    trace = in_double(trace)
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = trace.r, *_slopes(trace)
        by_step = list(zip(*slopes, strict=True))

        def step(t, dh):
            """Return dL/dh_{t-1} from dL/dh_t."""
            return trace.z[t - 1] * dh + _step_back(trace.params.W_h, trace.reset, dh, *by_step[t - 1])[1]

        rows, exponents = followed(step, dh.astype(float), len(by_step))
        through = np.zeros_like(rows)  # dL/dh_{t-1} without z_t * dL/dh_t, at the size of dL/dh_t
        through[:-1] = _step_back(trace.params.W_h, trace.reset, rows, *slopes)[1][1:]
    sizes = np.concatenate([exponents[1:], exponents[-1:]])
    return Ways(
        whole=log10_sizes(rows, exponents),
        direct=log10_direct(trace.z, rows[-1], exponents[-1]),
        through_gates=log10_sizes(*driven(trace.z, through, sizes)),
    )


def log10_memory(trace: GRUTrace, k: int = 0) -> np.ndarray:
    """Return how much of h_k is still in h_t, in every unit, for t = k .. T.

    Parameters
    ----------
    trace : GRUTrace
    k : int
        From 0 to T.

    Returns
    -------
    array, shape (T + 1 - k, h) or (T + 1 - k, B, h)
        Entry t - k is log10 of the product z_{k+1} .. z_t, which multiplies h_k in h_t; -inf where a gate is exactly
        zero.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or is complex.
    """
    (trace,) = _checked_trace(trace)
    _validation.real("z", trace.z)
    return log10_products(trace.z.astype(float), _validation.whole_number("k", k, 0, len(trace.z), "T = "))


def _checked_trace(trace, **flow):
    found = checked_trace(trace, _CELL, **flow)
    _validation.one_of("reset", trace.reset, RESETS)
    return found


# --- the law ---


def resting_factor(params: GRUParams, *, reset: str = "after") -> float:
    """Return by how much a gradient changes in each step, in the long run, while the state rests at zero.

    Parameters
    ----------
    params : GRUParams
        With b_x = b_h = 0 in the rows of the candidate.
    reset : {"after", "before"}
        As for ``forward``.

    Returns
    -------
    float
        The spectral radius of diag(z) + diag((1 - z) r) W_nh, or for "before" of diag(z) + diag(1 - z) W_nh diag(r),
        with r, z = sigma(b_x + b_h) in their rows.

    Raises
    ------
    TypeError, ValueError
        If params is no GRUParams, or is complex; if a bias is not zero in the rows of the candidate: then zero is no
        place to rest.

    Notes
    -----
    Without input and from h = 0 the state stays there, with n = 0. What a gate multiplies is zero, so the gates' own
    weights do not matter to first order:

        dh_t = z * dh_{t-1} + (1 - z) * dn_t,   dn_t = r * (W_nh dh_{t-1}) or W_nh (r * dh_{t-1})

    The matrix of this is the one above. If each gate has one bias for all units, both forms have the same spectral
    radius, the largest |z + (1 - z) r lambda| over the eigenvalues lambda of W_nh.

    It is right for small inputs, which hardly move the gates, and as long as it is below 1; above, the state does not
    stay at rest.
    """
    _validation.one_of("reset", reset, RESETS)
    params = checked_params(params, _CELL)
    _validation.real("params", params.W_h)
    (_, W_nh), biases = _blocks(params.W_h), (params.b_x, params.b_h)
    for symbol, b in zip(("b_x", "b_h"), biases, strict=True):
        if _blocks(b)[1].any():
            raise ValueError(f"{symbol} is not zero in the rows of the candidate, wanted a cell that rests at zero")
    gates = ACTIVATIONS["sigmoid"].value(_blocks(np.add(*biases, dtype=float))[0], None)
    r, z = np.split(gates, 2)
    inside = r[:, None] * W_nh if reset == "after" else W_nh * r
    return spectral_radius(np.diag(z) + (1 - z)[:, None] * inside)
