"""The gradient over many weight scales, lags and seeds in one pass.

Networks that share W_0 and differ in g alone, W_hh = g W_0, run side by side. A step of all is one matrix product,

    z_t = W_hx x_t + (g h_{t-1}) W_0^T,    dL/dh_{t-1} = W_0^T (g phi'(z_t) * dL/dh_t)            9.7.9, 9.7.14

with one row for each g. The loss is that of the last step alone, so that the gradient at step t is at lag T - t.

Shapes: G scales, S seeds, T steps; the states of one seed are (T, G, h).
"""

from typing import NamedTuple

import numpy as np

from . import _checks
from .activations import ACTIVATIONS
from .rnn import init_params

EVERY = 8  # steps between two looks at the size: 1e38 a step could be borne


class Sweep(NamedTuple):
    """How large the gradient is, for every scale, seed and step.

    Attributes
    ----------
    scales : array, shape (G,)
        g, as in ``init_params``.
    seeds : tuple of int
    decades : array, shape (G, S, T)
        log10 of |dL/dh_t| / |dL/dh_T|, the loss at step T alone; entry t - 1 for step t. -inf where it is zero.
    """

    scales: np.ndarray
    seeds: tuple
    decades: np.ndarray

    @property
    def by_lag(self):
        """The same by lag, shape (G, S, T): entry k is step T - k."""
        return self.decades[..., ::-1]


def sweep(scales, seeds, T, *, num_hiddens=64, activation="tanh", kind="gaussian", input_size=0.1, progress=None):
    """Return the size of the gradient for all scales and seeds.

    Parameters
    ----------
    scales : array of real numbers, shape (G,)
    seeds : sequence of int
        One network and one input sequence each.
    T : int
        Length of the sequence.
    num_hiddens : int
        h.
    activation, kind
        As for ``forward`` and ``init_params``.
    input_size : float
        Standard deviation of the inputs, one number a step.
    progress : callable, optional
        Wrapped round the seeds as they are worked through, such as ``tqdm.auto.tqdm``.

    Returns
    -------
    Sweep

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the states do not fit in memory.
    FloatingPointError
        If a state overflows; the message names the first t.

    Notes
    -----
    A row of (G, S, T) is what ``log10_gradient_norms(forward(...), y, reduction="last")`` gives, to rounding. Where the
    forward pass is chaotic, rounding makes another trajectory of it, as good as the first.
    """
    scales = _checks.finite("scales", _checks.real("scales", scales)).astype(float)
    _checks.shaped("scales", scales, (None,), "(G,)")
    T = _checks.whole_number("T", T, 1)
    h = _checks.whole_number("num_hiddens", num_hiddens, 1)
    phi = ACTIVATIONS[_checks.one_of("activation", activation, ACTIVATIONS)]
    size = _checks.real_number("input_size", input_size)
    seeds = tuple(_checks.whole_number("seed", seed, 0) for seed in seeds)
    _checks.fits_in_memory("h", T * len(scales) * h, float, f"T = {T}, G = {len(scales)}")
    decades = np.empty((len(scales), len(seeds), T))
    for s, seed in enumerate(progress(seeds) if progress else seeds):
        params = init_params(1, h, 1, kind=kind, seed=seed)
        x = size * np.random.default_rng((seed, 1)).normal(size=(T, 1))
        decades[:, s] = _one_seed(scales, params, x, phi)
    return Sweep(scales, seeds, decades)


def _one_seed(g, params, x, phi):
    slopes = _forward(g, params, x, phi)
    np.multiply(slopes, g[:, None], out=slopes)
    return _backward(slopes, params.W_hh, params.W_qh)


def _forward(g, params, x, phi):
    """Return phi'(z_t) for all scales, shape (T, G, h)."""
    states = np.empty((len(x), len(g), len(params.W_hh)))
    z_of_x, W_T, now = x @ params.W_hx.T, np.ascontiguousarray(params.W_hh.T), np.zeros(states.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        for t, z in enumerate(states):
            np.multiply(now, g[:, None], out=now)
            now.dot(W_T, out=z)
            z += z_of_x[t]
            phi.value(z, z)
            now[:] = z
    bad = ~np.isfinite(states).reshape(len(x), -1).all(1)
    if bad.any():
        raise _checks.Overflow("h_t", states.dtype, int(np.argmax(bad)) + 1)
    return phi.slope(states)


def _backward(slopes, W, W_qh):
    """Return log10 |dL/dh_t| / |dL/dh_T| for all scales, shape (G, T)."""
    T, G, h = slopes.shape
    v = np.broadcast_to(W_qh[0] / np.linalg.norm(W_qh[0]), (G, h)).copy()
    squares, exponents = np.empty((T, G)), np.zeros((T, G))
    scaled, exponent = np.empty_like(v), np.zeros(G)
    for t in range(T - 1, -1, -1):
        np.einsum("gi,gi->g", v, v, out=squares[t])
        exponents[t] = exponent
        np.multiply(slopes[t], v, out=scaled)
        scaled.dot(W, out=v)
        if t % EVERY == 0:
            shift = np.frexp(np.abs(v).max(1))[1]
            exponent = exponent + shift
            v *= np.exp2(-shift)[:, None]
    with np.errstate(divide="ignore"):
        return (0.5 * np.log10(squares) + np.log10(2) * exponents).T
