"""Do two neighbouring starts stay neighbours? The distance of two runs, the product of Jacobians, and theory."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .. import _validation
from ..growth.perturbed_runs import PerturbedRuns, perturbed_runs
from ..growth.spectra import spectral_radius
from ..laws import LN10, mean_field
from ..rnn import init_params


class Butterfly(NamedTuple):
    """Two runs of one network, and what theory says of their distance.

    Attributes
    ----------
    runs : PerturbedRuns
    delta : float
        log10 of the distance at the start.
    law : float or None
        What theory says of the growth per step, natural logarithm.
    name : {"rest", "mean field", ""}
        The theory: the spectral radius, as at rest the slopes are 1, or that of very many units; "" for none.
    theory : array, shape (T + 1,), or None
        log10 of a distance that begins where that of the runs does and grows by the law; None without one, or where it
        is gone after one step.
    farthest : float
        log10 of the largest distance that two states can have: each of their units is between -1 and 1.
    """

    runs: PerturbedRuns
    delta: float
    law: float | None
    name: str
    theory: np.ndarray | None
    farthest: float


def butterfly(
    g: float = 2.5,
    delta: float = -8,
    T: int = 200,
    seed: int = 0,
    units: int = 64,
    kind: str = "gaussian",
    input: float = 0.0,
) -> Butterfly:
    """Run a tanh network from two starts that lie next to each other.

    Parameters
    ----------
    g : float
        Scale of W_hh, up to 1000.
    delta : float
        log10 of the distance at the start, from -14 to 0.
    T : int
        Length of the runs.
    seed : int
        Of the weights, the start, the direction to the other start and the inputs.
    units : int
        How many, up to 2000; there are as many inputs.
    kind : str
        Of W_hh, as for ``init_params``.
    input : float
        Standard deviation of the inputs, fresh ones at every step, up to 1000; 0 for none.

    Returns
    -------
    Butterfly

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    Without input and with a spectral radius below 1 both runs go to rest, where the radius is the law; elsewhere it is
    ``laws.mean_field`` for gaussian and orthogonal W_hh, and there is none for the others.
    """
    T, n = _validation.whole_number("T", T, 1), _validation.whole_number("units", units, 1, 2000)
    _validation.fits_in_memory("x and h", 4 * T * n, float, f"T = {_validation.shown(T)}")
    g = _validation.real_number("g", g, low=0, high=1000)
    size = _validation.real_number("input", input, low=0, high=1000)
    delta, seed = _validation.real_number("delta", delta, low=-14, high=0), _validation.seed("seed", seed)
    params, rng = init_params(n, n, 1, scale=g, kind=kind, seed=seed), np.random.default_rng((seed, 1))
    h0, v = rng.normal(size=(2, n))
    runs = perturbed_runs(params, size * rng.normal(size=(T, n)), h0, v / np.linalg.norm(v), 10.0**delta)
    law, name = _theory(g, size, n, kind, seed)
    theory = None if law is None or np.isneginf(law) else (runs.log[0] + np.arange(T + 1) * law) / LN10
    return Butterfly(runs, delta, law, name, theory, np.log10(2 * np.sqrt(n)).item())


@lru_cache(maxsize=256)
def _theory(g, size, n, kind, seed):
    """Return the growth per step that theory has, and its name; None and "" where it has none."""
    rho = g * _radius(n, kind, seed)
    if size == 0 and rho < 1:
        return (np.log(rho).item() if rho else -np.inf), "rest"
    if kind in ("gaussian", "orthogonal"):
        return mean_field(g, size**2).exponent, "mean field"
    return None, ""


@lru_cache(maxsize=256)
def _radius(n, kind, seed):
    return spectral_radius(init_params(n, n, 1, kind=kind, seed=seed).W_hh)
