"""The gradient over many weight scales, lags and seeds in one pass, and what theory says of it.

Networks that share W_0 and differ in g alone, W_hh = g W_0, run side by side. A step of all is one matrix product,

    z_t = W_hx x_t + (g h_{t-1}) W_0^T,    dL/dh_{t-1} = W_0^T (g phi'(z_t) * dL/dh_t)            9.7.9, 9.7.14

with one row for each g. The loss is that of the last step alone, so that the gradient at step t is at lag T - t.

Shapes: G scales, S seeds, T steps; the states of one seed are (T, G, h).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._recursion import rescaled
from ..activations import _gaussian_moments, _named
from ..rnn import KINDS, init_params
from .spectra import spectral_radius

__all__ = [
    "Sweep",
    "Theory",
    "sweep",
    "theory",
    "critical_scales",
]

MOST = 1e15  # the largest scale
NODES = 2000  # of the table that the mean field is interpolated in: rates are right to 1e-5
TINY = 2.0**-990
TOGETHER = 2**23  # numbers in the states that are held at once: 64 megabytes


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
    def by_lag(self) -> np.ndarray:
        """The same by lag, shape (G, S, T): entry k is step T - k."""
        return self.decades[..., ::-1]


class Theory(NamedTuple):
    """What a law says of the same networks and inputs.

    Attributes
    ----------
    law : {"mean field", "spectral radius", "bound"}
    by_lag : array, shape (G, S, T)
        log10 of |dL/dh_{T-k}| / |dL/dh_T|, entry k.
    """

    law: str
    by_lag: np.ndarray


def sweep(
    scales: ArrayLike,
    seeds: ArrayLike,
    T: int,
    *,
    num_hiddens: int = 64,
    activation: str = "tanh",
    kind: str = "gaussian",
    input_size: float = 0.1,
    progress: Callable | None = None,
) -> Sweep:
    """Return the size of the gradient for all scales and seeds.

    Parameters
    ----------
    scales : array of real numbers, shape (G,)
        From -10^15 to 10^15.
    seeds : sequence of int
        One network and one input sequence each.
    T : int
        Length of the sequence.
    num_hiddens : int
        h.
    activation, kind
        As for ``forward`` and ``init_params``.
    input_size : float
        Standard deviation of the inputs, one number a step; up to 10^6.
    progress : callable, optional
        Wrapped round the seeds as they are worked through, such as ``tqdm.auto.tqdm``: returns them one by one.

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
    forward pass is chaotic, rounding makes another trajectory of it, as good as the first. The slopes of a linear phi
    are the same whatever the states are, so none are calculated. If phi is homogeneous, as relu, the slopes do not
    depend on the size of the inputs, which are made tiny, to leave the states room to grow.
    """
    scales, seeds, T, h, size = _checked(scales, seeds, T, num_hiddens, kind, input_size)
    phi = _named(activation)
    decades, groups = np.empty((len(scales), len(seeds), T)), math.ceil(len(scales) * T * h / TOGETHER)
    for s, seed in enumerate(_watched(progress, seeds)):
        params, x = _network(seed, h, kind, T)
        for rows in np.array_split(np.arange(len(scales)), groups):
            slopes = _slopes(scales[rows], params, size * x, phi)
            decades[rows, s] = _backward(slopes, params.W_hh, params.W_qh)
    return Sweep(scales, seeds, decades)


def _checked(scales, seeds, T, h, kind, size) -> tuple[np.ndarray, tuple, int, int, float]:
    scales = _validation.series("scales", scales, "(G,)")
    if np.abs(scales).max() > MOST:
        raise ValueError(f"scales has {scales[np.abs(scales).argmax()]}, wanted numbers from -{MOST:g} to {MOST:g}")
    T, h = _validation.whole_number("T", T, 1), _validation.whole_number("num_hiddens", h, 1)
    _validation.one_of("kind", kind, KINDS)
    why = f"T = {_validation.shown(T)}, num_hiddens = {_validation.shown(h)}"
    _validation.fits_in_memory("h", h * max(2 * T, 3 * h), float, why)
    seeds = _validation.finite("seeds", _validation.shaped("seeds", _validation.whole("seeds", seeds), (None,), "(S,)"))
    seeds = tuple(_validation.seed("seeds", seed.item()) for seed in seeds)
    _validation.fits_in_memory("decades", 2 * len(scales) * len(seeds) * T, float, f"{why}, G = {len(scales)}")
    return scales, seeds, T, h, _validation.real_number("input_size", size, low=-1e6, high=1e6)


def _watched(progress, seeds):
    """Yield the seeds, through what watches them."""
    if progress is None:
        return (yield from seeds)
    watched = _validation.function("progress", progress)(seeds)
    if not isinstance(watched, Iterable):
        raise TypeError(f"progress returns {_validation.shown(watched)}, wanted an iterable of the seeds")
    handed_on = 0
    for handed_on, _ in enumerate(watched, 1):
        yield seeds[handed_on - 1]
    if handed_on < len(seeds):
        raise ValueError(f"progress hands on {handed_on} of {len(seeds)} seeds, wanted all")


def _network(seed, h, kind, T):
    """Return the network for g = 1, and its inputs for input_size = 1."""
    return init_params(1, h, 1, kind=kind, seed=seed), np.random.default_rng((seed, 1)).normal(size=(T, 1))


def _slopes(g, params, x, phi):
    """Return g phi'(z_t) for all scales, shape (T, G, h)."""
    if phi.linear:
        return np.broadcast_to(phi.bound * g[:, None], (len(x), len(g), len(params.W_hh)))
    if phi.homogeneous and x.any():
        x = x * (TINY / np.abs(x).max())
    return _forward(g, params, x, phi)


def _forward(g, params, x, phi):
    """Return g phi'(z_t) for all scales, shape (T, G, h), and keep no states: they would not fit in a cache."""
    slopes = np.empty((len(x), len(g), len(params.W_hh)))
    z_of_x, W_T = x @ params.W_hx.T, np.ascontiguousarray(params.W_hh.T)
    now, z, scale = np.zeros(slopes.shape[1:]), np.empty(slopes.shape[1:]), g[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        for t, row in enumerate(slopes):
            np.multiply(now, scale, out=now)
            now.dot(W_T, out=z)
            z += z_of_x[t]
            now, z = phi.value(z, z), now
            if not np.isfinite(now).all():
                raise _validation.Overflow("h_t", now.dtype, t + 1)
            np.multiply(phi.slope(now), scale, out=row)
    return slopes


def _backward(slopes, W, W_qh):
    """Return log10 |dL/dh_t| / |dL/dh_T| for all scales, shape (G, T)."""
    T, G, h = slopes.shape
    v = np.broadcast_to(W_qh[0] / np.linalg.norm(W_qh[0]), (G, h)).copy()
    squares, exponents, scaled = np.empty((T, G)), np.empty((T, G)), np.empty_like(v)

    def back(k, v):
        np.multiply(slopes[T - 1 - k], v, out=scaled)
        return scaled.dot(W, out=v)

    for k, (now, exponent) in enumerate(rescaled(back, v, T - 1)):
        np.einsum("gi,gi->g", now, now, out=squares[T - 1 - k])
        exponents[T - 1 - k] = exponent
    with np.errstate(divide="ignore"):
        return (0.5 * np.log10(squares) + np.log10(2) * exponents).T


# --- theory ---


def theory(
    scales: ArrayLike,
    seeds: ArrayLike,
    T: int,
    *,
    num_hiddens: int = 64,
    activation: str = "tanh",
    kind: str = "gaussian",
    input_size: float = 0.1,
) -> Theory:
    """Return what the law that holds for a kind of W_hh and an activation says of a sweep.

    Parameters
    ----------
    scales, seeds, T, num_hiddens, activation, kind, input_size
        As for ``sweep``; scales from 0 on.

    Returns
    -------
    Theory

    Notes
    -----
    "spectral radius", for a linear activation: W_hh is the same in each step, so that the gradient goes as
    (g rho)^k in the long run, rho that of the W_0 that was drawn. rho = 1 for orthogonal and identity, where this is
    exact for every k; it tends to 1 for the others as h grows.

    "mean field", for gaussian and orthogonal W_hh with another activation: with many units z_t is Gaussian over the
    units, and the input, one number a step, is shared by them all, so that W_hx x_t has the variance x_t^2:

        q_t = g^2 E phi(z)^2 + x_t^2,    chi_t = g^2 E phi'(z)^2,    z ~ N(0, q_t)

    and the gradient goes as the root of the product of the chi_t. That is ``laws.mean_field`` with a variance that
    changes from step to step; while the inputs are small it makes no difference (seen up to 0.1), and with
    inputs of size 1 it does: the mean of log(chi_t) is not log(chi) at the mean of x_t^2. If phi is homogeneous, chi
    does not depend on q: g^2 / 2 for relu. phi has to be that, or bounded and analytic. It is
    right for lag fixed and h large, also for orthogonal W_hh (seen in simulation). A single Gaussian network that is
    nearly at rest, g rho < 1 and small inputs, goes in the long run with its own spectral radius: see
    ``laws.mean_field`` and ``experiments.remedies``.

    "bound", for symmetric and identity W_hh with another activation, where the units are not independent enough for a
    mean field: (gamma g sigma_max)^k, which no gradient exceeds; see ``laws.log10_bound``.
    """
    scales, seeds, T, h, size = _checked(scales, seeds, T, num_hiddens, kind, input_size)
    law, phi = _law(activation, kind)
    if scales.min() < 0:
        raise ValueError(f"scales has {scales.min()}, wanted numbers from 0 on")
    networks = [_network(seed, h, kind, T) for seed in seeds]
    if law == "mean field" and not phi.homogeneous:
        inputs = size * np.array([x[:, 0] for _, x in networks]).reshape(len(seeds), T)
        return Theory(law, _driven(scales, inputs, phi))
    factors = np.array([_factor(law, phi, params.W_hh) for params, _ in networks])
    with np.errstate(divide="ignore"):
        return Theory(law, _after(np.log10(scales[:, None] * factors)[..., None] * np.ones(T - 1)))


def _law(activation, kind):
    """Return the name of the law, and the activation, of which a mean field must know the moments."""
    phi = _named(activation)
    if phi.linear:
        return "spectral radius", phi
    if kind not in ("gaussian", "orthogonal"):
        return "bound", phi
    return "mean field", _named(activation, lambda phi: phi.homogeneous or phi.settles)


def _factor(law, phi, W):
    """Return by how much the gradient grows in a step, for g = 1."""
    if law == "mean field":
        return np.sqrt(_gaussian_moments(phi, 1.0)[1])
    if law == "spectral radius":
        return phi.bound * spectral_radius(W)
    return phi.bound * np.linalg.norm(W, 2)


def _driven(g, x, phi):
    """Return the decades by lag of the mean field for the inputs x, shape (S, T)."""
    largest = float((g.max() * phi.largest) ** 2 + (x**2).max(initial=0))
    _validation.fits_in_memory("scales and input_size", 200 * NODES * math.sqrt(largest), float, "for the mean field")
    table = _moments(phi, largest)
    q, chi = np.zeros((len(g), len(x))), np.empty((x.shape[1], len(g), len(x)))
    squares = g[:, None] ** 2
    for row, x_t in zip(chi, x.T, strict=True):
        q = squares * np.interp(q, table[0], table[1]) + x_t**2
        row[:] = np.interp(q, table[0], table[2])
    with np.errstate(divide="ignore"):
        return _after(np.moveaxis(np.log10(squares * chi) / 2, 0, -1)[..., :0:-1])


def _after(steps):
    """Return the sums of 0, 1, 2 .. steps, along the last axis."""
    return np.concatenate([np.zeros((*steps.shape[:-1], 1)), np.cumsum(steps, -1)], -1)


@lru_cache(maxsize=16)
def _moments(phi, largest):
    """Return q from 0 to the largest, and E phi(z)^2 and E phi'(z)^2 for z ~ N(0, q)."""
    q = np.append(0, np.geomspace(1e-12, max(largest, 1), NODES))
    return q, *_gaussian_moments(phi, q)


def critical_scales(scales: ArrayLike, decades: ArrayLike) -> np.ndarray:
    """Return the weight scale at which decades change from minus to plus, vanishing to exploding, for each seed.

    Parameters
    ----------
    scales : array, shape (G,)
        Rising.
    decades : array, shape (G, S)
        inf and -inf too.

    Returns
    -------
    array, shape (S,)
        The first scale plus the length of all stretches with minus, by straight lines between the scales: the crossing
        where there is one, and a fair middle where there are several. inf if all are minus, -inf if none is.

    Raises
    ------
    TypeError, ValueError
        If the scales do not rise, the shapes do not fit, or decades has a nan.
    """
    scales, decades = _validation.series("scales", scales, "(G,)"), _validation.real("decades", decades)
    if not (np.diff(scales) > 0).all():
        raise ValueError(f"scales is {_validation.shown(scales.tolist())}, wanted rising numbers")
    _validation.shaped("decades", decades, (len(scales), None), f"(G, S) with G = {len(scales)}")
    if np.isnan(decades).any():
        raise ValueError("decades has a nan, wanted numbers")
    low = np.clip(decades, -1e6, 1e6)  # zero gradients are a long way down
    share = np.maximum(-low, 0)
    with np.errstate(invalid="ignore"):
        share = np.nan_to_num((share[1:] + share[:-1]) / (np.abs(low[1:]) + np.abs(low[:-1])))
    found = scales[0] + np.diff(scales) @ share
    return np.where((low < 0).all(0), np.inf, np.where((low >= 0).all(0), -np.inf, found))
