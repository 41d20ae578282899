"""Can a gradient grow although every eigenvalue is below 1? Two units, whose W_hh is not normal (9.7.14, 9.7.15)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..activations import ACTIVATIONS
from ..growth.gradient_norms import log10_gradient_norms
from ..laws import log10_bound, triangle
from ..rnn import Params, forward
from ._inputs import noise

LONGEST = 1000
FAR = 4000  # steps, after which a transient must be over


class Transient(NamedTuple):
    """The powers of W = [[rho, c], [0, rho - gap]], and one gradient; sizes are log10, entry k for k steps back.

    Attributes
    ----------
    T, k : int
        The length of the sequence, and the steps back of directions and sizes.
    norms, law : array, shape (T,)
        |W^k|, the worst gradient: by multiplication, and in closed form.
    gradient : array, shape (T,)
        |dL/dh_{T-k}| / |dL/dh_T| of the network, the loss at step T alone.
    radius, limit, bound : array, shape (T,)
        rho^k, kappa rho^k (inf where W has one eigenvector only) and sigma_max^k.
    directions, sizes : array, shape (M,)
        The angle of dL/dh_T, once round, and |(W^T)^k dL/dh_T| / |dL/dh_T| for the k above.
    v : array, shape (2,)
        dL/dh_T, of length 1.
    eigenvectors : array, shape (2, 2)
        Of W^T, one in each row.
    angle : float
        Between them, in degrees; 0 if there is one only.
    peak, below : int or None
        By the closed form, for any k: where |W^k| is largest, and the first k from which it stays below 1.
        None where rho is 1 or more.
    activation : str
    """

    T: int
    k: int
    norms: np.ndarray
    law: np.ndarray
    gradient: np.ndarray
    radius: np.ndarray
    limit: np.ndarray
    bound: np.ndarray
    directions: np.ndarray
    sizes: np.ndarray
    v: np.ndarray
    eigenvectors: np.ndarray
    angle: float
    peak: int | None
    below: int | None
    activation: str


def transient(
    rho: float = 0.95,
    c: float = 25.0,
    T: int = 200,
    k: int = 10,
    gap: float = 0.1,
    activation: str = "identity",
    seed: int = 0,
    input: float = 0.1,
) -> Transient:
    """Follow a gradient, and the worst of all, through a W_hh whose two eigenvectors are not at right angles.

    Parameters
    ----------
    rho : float
        The larger eigenvalue, from 0.5 to 1.05.
    c : float
        W_12, from 0 to 100.
    T : int
        Length of the sequence, from 2 to 1000.
    k : int
        Steps back, below T.
    gap : float
        By how much the other eigenvalue is smaller, from 0 to 1.
    activation : str
        Of the network, a name in ``ACTIVATIONS``.
    seed : int
        Of dL/dh_T and of the inputs.
    input : float
        Standard deviation of the inputs, up to 10^6; of no effect for the identity.

    Returns
    -------
    Transient

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or rho is so close below 1 that the transient lasts more than
        4000 steps.

    Notes
    -----
    The closed form is ``laws.triangle``.
    """
    entries, T = _entries(rho, gap, c), _validation.whole_number("T", T, 2, LONGEST)
    k, seed = _validation.whole_number("k", k, 0, T - 1), _validation.seed("seed", seed)
    _validation.one_of("activation", activation, ACTIVATIONS)
    input = _validation.real_number("input", input, low=0, high=10**6)
    law, W, steps = triangle(*entries), _matrix(*entries), np.arange(T)
    powers, norms = _powers(*entries, T)
    far, (peak, below) = _law(*entries), _ends(*entries)
    return Transient(
        T=T,
        k=k,
        norms=norms,
        law=far[:T],
        gradient=_gradient(*entries, T, seed, activation, input),
        radius=steps * np.log10(law.a),
        limit=np.log10(law.condition) + steps * np.log10(law.a),
        bound=log10_bound(W, steps),
        directions=(directions := _directions(powers[k])),
        sizes=_sizes(powers[k], directions),
        v=_direction(seed),
        eigenvectors=_eigenvectors(law),
        angle=law.angle,
        peak=peak,
        below=below,
        activation=activation,
    )


def _entries(rho, gap, c):
    rho = _validation.real_number("rho", rho, low=0.5, high=1.05)
    gap = _validation.real_number("gap", gap, low=0, high=1)
    return rho, round(rho - gap, 10), _validation.real_number("c", c, low=0, high=100)


def _ends(rho, b, c):
    """Return where the closed form is largest and from where it stays below 1, None where rho is 1 or more."""
    if rho >= 1:
        return None, None
    far = _law(rho, b, c)
    if far[-1] >= 0:
        raise ValueError(f"rho is {rho}, wanted 1 or farther below it: the transient lasts more than {FAR} steps")
    return int(np.argmax(far)), 1 + int(np.flatnonzero(far >= 0)[-1])


def _matrix(a, b, c):
    return np.array([[a, c], [0.0, b]])


def _direction(seed):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _directions(power):
    """Return angles once round the circle, more of them where the size is least: there the dent may be sharp."""
    x, y = np.linalg.svd(power.T)[2][-1]
    near = np.geomspace(1e-6, np.pi / 2, 80)
    half = np.arctan2(y, x) + np.concatenate([near, np.pi - near[::-1]])
    return np.concatenate([half, half + np.pi, half[:1]])


def _sizes(power, directions):
    with np.errstate(divide="ignore"):
        return np.log10(np.hypot(*(power.T @ [np.cos(directions), np.sin(directions)])))  # hypot: they may be 1e-301


def _eigenvectors(law):
    """Return those of W^T, one in each row; where there is one only, it is there twice."""
    size = np.hypot(law.a - law.b, law.c)
    first = [(law.a - law.b) / size, law.c / size] if size else [1.0, 0.0]
    return np.array([first, [0.0, 1.0]])


# What a slider does not change is cached: k moves directions and sizes alone.


@cached(8)
def _law(a, b, c):
    return triangle(a, b, c).log10_norms(np.arange(FAR))


@cached(8)
def _powers(a, b, c, T):
    """Return W^k and log10 |W^k| for k = 0 .. T - 1, by multiplication."""
    W, powers = _matrix(a, b, c), np.empty((T, 2, 2))
    powers[0] = np.eye(2)
    for before, after in itertools.pairwise(powers):
        np.matmul(W, before, out=after)
    return powers, np.log10(np.linalg.norm(powers, 2, axis=(1, 2)))


@cached(8)
def _gradient(a, b, c, T, seed, activation, input):
    """Return log10 |dL/dh_{T-k}| / |dL/dh_T| of a network with two units, the loss at step T alone."""
    # All slopes of a linear phi are the same: so is its gradient, along the states that an empty input leaves at 0.
    x = (not ACTIVATIONS[activation].linear) * noise(T, input, seed)
    trace = forward(Params(np.ones((2, 1)), _matrix(a, b, c), _direction(seed)[None]), x, activation=activation)
    y = trace.o - np.maximum(1, np.abs(trace.o))  # dL/do_T is not 0, also where o_T is so large that o_T - 1 = o_T
    found = log10_gradient_norms(trace, y, reduction="last")[::-1]
    return found - found[0]
