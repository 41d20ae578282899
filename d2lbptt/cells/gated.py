"""A gated cell: the minimal gated unit, forwards and backwards, and what its gate does to the gradient.

    f_t  = sigma(W_fx x_t + W_fh h_{t-1} + b_f)                 the gate: how much is written anew
    c_t  = tanh(W_hx x_t + W_hh (f_t * h_{t-1}) + b_h)          the candidate
    h_t  = (1 - f_t) * h_{t-1} + f_t * c_t

(Zhou, Wu, Zhang, Zhou 2016, Minimal Gated Unit for Recurrent Neural Networks, arXiv 1603.09420; their U_f, W_f, U_h,
W_h, h~ are our W_fx, W_fh, W_hx, W_hh, c.) With f_t = 1 it is the network of the section; with f_t near 0 the
state is kept, and so is the gradient.

Shapes: one sequence, x is (T, d); h has T + 1 rows, h[0] the initial state; f and c have T rows, row t - 1 for step t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import all_finite, first_overflow, no_overflow, rescaled, row_norms
from ..activations import ACTIVATIONS
from ..growth.spectra import spectral_radius
from ..rnn import init_params

__all__ = [
    "GatedParams",
    "GatedTrace",
    "GatedGradients",
    "init_gated",
    "gated_forward",
    "gated_backward",
    "log10_gated_norms",
    "resting_factor",
]


class GatedParams(NamedTuple):
    """The parameters of the cell.

    Attributes
    ----------
    W_hx, W_hh, b_h : array, shape (h, d), (h, h), (h,)
        Of the candidate.
    W_fx, W_fh, b_f : array, shape (h, d), (h, h), (h,)
        Of the gate. A very negative b_f keeps the state.
    """

    W_hx: np.ndarray
    W_hh: np.ndarray
    b_h: np.ndarray
    W_fx: np.ndarray
    W_fh: np.ndarray
    b_f: np.ndarray


class GatedTrace(NamedTuple):
    """A forward pass, with everything that the backward pass needs.

    Attributes
    ----------
    params : GatedParams
    x : array, shape (T, d)
    h : array, shape (T + 1, h)
    f, c : array, shape (T, h)
        Gate and candidate.
    """

    params: GatedParams
    x: np.ndarray
    h: np.ndarray
    f: np.ndarray
    c: np.ndarray


class GatedGradients(NamedTuple):
    """What the backward pass returns.

    Attributes
    ----------
    params : GatedParams
        dL/dW_hx and so on, of the shapes of the parameters.
    h0 : array, shape (h,)
        dL/dh_0.
    h : array, shape (T, h)
        dL/dh_t, row t - 1 for step t.
    """

    params: GatedParams
    h0: np.ndarray
    h: np.ndarray


def init_gated(
    num_inputs: int, num_hiddens: int, *, scale: float = 1.0, gate_bias: float = 0.0, seed: int = 0
) -> GatedParams:
    """Draw the parameters of a cell whose candidate has the W_hx and W_hh of ``init_params``.

    Parameters
    ----------
    num_inputs, num_hiddens : int
        d and h.
    scale : float
        g, the weight scale of W_hh; W_fh always has the scale 1.
    gate_bias : float
        Every entry of b_f; b_h is zero.
    seed : int

    Returns
    -------
    GatedParams

    Raises
    ------
    TypeError, ValueError, FloatingPointError
        As for ``init_params``.
    """
    bias = _validation.real_number("gate_bias", gate_bias)
    plain = init_params(num_inputs, num_hiddens, 1, scale=scale, seed=seed)
    rng, (h, d) = np.random.default_rng((_validation.seed("seed", seed), 2)), plain.W_hx.shape
    W_fx, W_fh = rng.normal(size=(h, d)) / np.sqrt(d), rng.normal(size=(h, h)) / np.sqrt(h)
    return GatedParams(plain.W_hx, plain.W_hh, np.zeros(h), W_fx, W_fh, np.full(h, bias))


# --- forwards ---


def gated_forward(params: GatedParams, x: ArrayLike, *, h0: ArrayLike | None = None) -> GatedTrace:
    """Run the cell over a sequence.

    Parameters
    ----------
    params : GatedParams
    x : array, shape (T, d)
    h0 : array, shape (h,), optional
        Zeros if it is not given.

    Returns
    -------
    GatedTrace
        In float64, or complex if an argument is.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the states do not fit in memory.
    FloatingPointError
        If what goes into the gate or the candidate overflows. The message names the first t.
    """
    params, x, h0 = _checked(params, x, h0)
    W_hx, W_hh, b_h, W_fx, W_fh, b_f = params
    states = np.empty((len(x) + 1, len(h0)), x.dtype)
    f, c = np.empty_like(states[1:]), np.empty_like(states[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        states[0], inputs = h0, ((x @ W_fx.T + b_f) / 2, x @ W_hx.T + b_h)
        half_W_fh = W_fh / 2
        for rows in zip(states, states[1:], f, c, *inputs, strict=False):
            _step(half_W_fh, W_hh, *rows)
    first_overflow({"f_t": f, "c_t": c, "h_t": states[1:]})
    return GatedTrace(params, x, states, f, c)


def _step(half_W_fh, W_hh, h, h_next, f, c, half_into_gate, into_candidate):
    """Write gate, candidate and next state, in place."""
    half_W_fh.dot(h, f)
    f += half_into_gate
    np.tanh(f, f)
    f += 1
    f /= 2  # sigma(z) = (1 + tanh(z/2)) / 2
    W_hh.dot(np.multiply(f, h, h_next), c)
    c += into_candidate
    np.tanh(c, c)
    np.subtract(c, h, h_next)
    h_next *= f
    h_next += h


# --- backwards ---


def _backwards(trace):
    """Yield what _step_back needs of step t, for t = T .. 1."""
    h, f, c = trace.h[:-1], trace.f, trace.c
    of_gate = f * (1 - f)
    slopes = 1 - f, f, f * (1 - c * c), of_gate * (c - h), of_gate * h
    return zip(*(rows[::-1] for rows in slopes), strict=True)


def _step_back(W_fh, W_hh, dh, keep, f, of_candidate, difference, state):
    """Return dL/dh_{t-1} from dL/dh_t, and dL/dz for what goes into the gate and into the candidate."""
    dz_c = of_candidate * dh
    inner = dz_c.dot(W_hh)  # dL/d(f_t * h_{t-1})
    dz_f = difference * dh
    dz_f += state * inner
    inner *= f
    inner += keep * dh
    inner += dz_f.dot(W_fh)
    return inner, dz_f, dz_c


def gated_backward(trace: GatedTrace, dh: ArrayLike) -> GatedGradients:
    """Return the gradient, by the reverse recursion.

    Parameters
    ----------
    trace : GatedTrace
    dh : array, shape (T, h)
        What the losses themselves contribute to each state: row t - 1 is W_qh^T dL/do_t.

    Returns
    -------
    GatedGradients

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If the gradient overflows. The message names the first t, going back, at which it does.
    """
    trace, total = _fitting(trace, dh, last=False)
    (_, W_hh, _, _, W_fh, _), x, h = trace.params, trace.x, trace.h[:-1]
    dz_f, dz_c, carried = np.empty_like(total), np.empty_like(total), np.zeros_like(total[0])
    with np.errstate(over="ignore", invalid="ignore"):
        for t, rows in zip(reversed(range(len(h))), _backwards(trace), strict=True):
            total[t] += carried
            carried, dz_f[t], dz_c[t] = _step_back(W_fh, W_hh, total[t], *rows)
        of_candidate = dz_c.T @ x, dz_c.T @ (trace.f * h), dz_c.sum(0)
        of_gate = dz_f.T @ x, dz_f.T @ h, dz_f.sum(0)
    no_overflow("dL/dh_t", total)
    found = GatedGradients(GatedParams(*of_candidate, *of_gate), carried, total)
    all_finite(**found.params._asdict(), h_0=carried)
    return found


def log10_gated_norms(trace: GatedTrace, dh: ArrayLike) -> np.ndarray:
    """Return log10 |dL/dh_t| for every t, the loss at the last step alone, for any T.

    Parameters
    ----------
    trace : GatedTrace
    dh : array, shape (h,)
        dL/dh_T, which is W_qh^T dL/do_T.

    Returns
    -------
    array, shape (T,)
        Entry t - 1 belongs to step t; -inf where the gradient is exactly zero.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or is complex.
    FloatingPointError
        If a number overflows within the few steps between two looks at the size.
    """
    trace, v = _fitting(trace, dh, last=True)
    _validation.real("dh", v)
    W_fh, W_hh = trace.params.W_fh, trace.params.W_hh
    vectors, exponents = np.empty(trace.f.shape), np.empty(len(trace.f))
    with np.errstate(over="ignore", invalid="ignore"):
        steps = _backwards(trace)
        found = rescaled(lambda _, v: _step_back(W_fh, W_hh, v, *next(steps))[0], v, len(vectors) - 1)
        for t, (row, exponent) in zip(reversed(range(len(vectors))), found, strict=True):
            vectors[t], exponents[t] = row, exponent
        norms = row_norms(vectors)
    no_overflow("dL/dh_t", norms)
    with np.errstate(divide="ignore"):
        return np.log10(norms) + np.log10(2) * exponents


# --- the law ---


def resting_factor(params: GatedParams) -> float:
    """Return by how much a gradient changes in each step, in the long run, while the state rests at zero.

    Parameters
    ----------
    params : GatedParams
        With b_h = 0.

    Returns
    -------
    float
        The spectral radius of diag(1 - f) + diag(f) W_hh diag(f), f = sigma(b_f).

    Raises
    ------
    TypeError, ValueError
        If params is no GatedParams, or is complex; if b_h is not zero: then zero is no place to rest.

    Notes
    -----
    Without input and from h = 0 the state stays there, and dh_t/dh_{t-1} is that matrix: 1 - f is what the gate
    keeps, f W_hh f what comes through the candidate. The gate's own weights do not count, for there is no difference
    between state and candidate that it could pass on. If all b_f are the same it is the largest |1 - f + f^2 lambda|
    over the eigenvalues lambda of W_hh, and as b_f falls it tends to 1 - f, whatever W_hh is.

    It is right for small inputs, which do not move f much, and as long as it is below 1; above, the state does not stay
    at rest. The mean of f over inputs of size s is larger than sigma(b_f): for b_f far below 0 by about exp(s^2 / 2).
    """
    params = _ready_params(_params_arrays(params))
    _validation.real("params", params.W_hh)
    if np.any(params.b_h):
        raise ValueError("b_h is not zero, wanted a cell that rests at zero")
    f = ACTIVATIONS["sigmoid"].value(params.b_f, None)
    return spectral_radius(np.diag(1 - f) + f[:, None] * params.W_hh * f)


# --- what comes in ---


def _fitting(trace, dh, last):
    """Return trace and dh in one dtype; the shape of dh is that of the states, or of the last of them."""
    _validation.instance("trace", trace, GatedTrace, "the GatedTrace that gated_forward returns")
    arrays = _params_arrays(trace.params)
    h, d = arrays["W_hx"].shape
    T = len(_validation.shaped("x", _validation.numeric("x", trace.x), (None, d), "(T, d)"))
    shapes = {"x": (T, d), "h": (T + 1, h), "f": (T, h), "c": (T, h), "dh": (h,) if last else (T, h)}
    names = {"x": "(T, d)", "h": "(T + 1, h)", "dh": "(h,)" if last else "(T, h)"}
    given = {"x": trace.x, "h": trace.h, "f": trace.f, "c": trace.c, "dh": dh}
    for symbol, value in given.items():
        array = _validation.numeric(symbol, value)
        arrays[symbol] = _validation.shaped(symbol, array, shapes[symbol], names.get(symbol, "(T, h)"))
    *weights, x, states, f, c, dh = _ready(arrays).values()
    return GatedTrace(GatedParams(*weights), x, states, f, c), dh.copy()


def _checked(params, x, h0) -> tuple[GatedParams, np.ndarray, np.ndarray]:
    _validation.instance("params", params, GatedParams)
    x = _validation.shaped("x", _validation.numeric("x", x), (None, None), "(T, d)")
    arrays = {**_params_arrays(params, x.shape[1]), "x": x}
    h = len(arrays["W_hh"])
    arrays["h0"] = np.zeros(h) if h0 is None else _validation.shaped("h0", _validation.numeric("h0", h0), (h,), "(h,)")
    # What the pass makes: states, gates, candidates, and what goes into them.
    _validation.fits_in_memory("h", 5 * len(arrays["x"]) * h, float, f"T = {len(arrays['x'])}")
    *weights, x, h0 = _ready(arrays).values()
    return GatedParams(*weights), x, h0


def _params_arrays(params, d=None):
    """Return the arrays of params by name, once their shapes are known to fit each other."""
    _validation.instance("params", params, GatedParams)
    arrays = {symbol: _validation.numeric(symbol, array) for symbol, array in params._asdict().items()}
    names = "(h, d)" if d is None else f"(h, d) with d = {d}"
    h, d = _validation.shaped("W_hx", arrays["W_hx"], (None, d), names).shape
    shapes = {"W_hh": (h, h), "b_h": (h,), "W_fx": (h, d), "W_fh": (h, h), "b_f": (h,)}
    for symbol, shape in shapes.items():
        names = "(h, d)" if symbol == "W_fx" else {1: "(h,)", 2: "(h, h)"}[len(shape)]
        _validation.shaped(symbol, arrays[symbol], shape, names)
    return arrays


def _ready_params(arrays):
    return GatedParams(*_ready(arrays).values())


def _ready(arrays):
    """Return the arrays, known to be finite, in float64 or, if one of them is, complex."""
    dtype = np.result_type(float, *(array.dtype for array in arrays.values()))
    return {symbol: _validation.finite(symbol, array).astype(dtype, copy=False) for symbol, array in arrays.items()}
