"""For which weight scale does the gradient neither vanish nor explode? Scales, lags, seeds at once (9.7.14, 9.7.15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..activations import ACTIVATIONS
from ..growth.scales import critical_scales, sweep, theory
from ..rnn import KINDS

SCALES = np.linspace(0.5, 3, 101)
STEPS = 1000


class PhaseDiagram(NamedTuple):
    """The gradient over scales and lags; T steps, G scales, S seeds; decades: log10 |dL/dh_{T-k}| / |dL/dh_T|, entry k.

    Attributes
    ----------
    scales : array, shape (G,)
    row : int
        Which of them is g.
    law : str
        What the theory is.
    by_lag : array, shape (G, S, T)
        Decades.
    median, theory : array, shape (G, T)
        Medians over the seeds, of the decades and of those by the law.
    edges, law_edges : array, shape (S,)
        The g at which the gradient at the largest lag is as large as at the loss; inf where it is smaller for every g.
    law_edge : float
        The median of law_edges.
    """

    scales: np.ndarray
    row: int
    law: str
    by_lag: np.ndarray
    median: np.ndarray
    theory: np.ndarray
    edges: np.ndarray
    law_edges: np.ndarray
    law_edge: float


def phase_diagram(
    g: float = 1.2,
    T: int = 1000,
    activation: str = "tanh",
    kind: str = "gaussian",
    input_size: float = 0.1,
    seeds: int = 3,
    units: int = 64,
    *,
    progress: Callable | None = None,
) -> PhaseDiagram:
    """Follow the gradient back through networks of 101 weight scales, from 0.5 to 3.

    Parameters
    ----------
    g : float
        From 0.5 to 3; the nearest of the scales is taken.
    T : int
        How many of the last steps are returned, up to 1000: there are always 1000.
    activation, kind
        As for ``forward`` and ``init_params``.
    input_size : float
        Standard deviation of the inputs, one number a step; up to 10^6.
    seeds : int
        How many, up to 1000: one network and one input sequence each.
    units : int
        h, up to 2000.
    progress : callable, optional
        As for ``growth.scales.sweep``; it is not called for what is cached.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the states do not fit in memory.
    FloatingPointError
        If a state overflows.

    Notes
    -----
    Which law holds for which kind and activation: ``growth.scales.theory``.
    """
    g = _validation.real_number("g", g, low=SCALES[0], high=SCALES[-1])
    T = _validation.whole_number("T", T, 1, STEPS)
    size = _validation.real_number("input_size", input_size, low=-1e6, high=1e6)
    seeds, units = _validation.whole_number("seeds", seeds, 1, 1000), _validation.whole_number("units", units, 1, 2000)
    _validation.one_of("activation", activation, ACTIVATIONS)
    _validation.one_of("kind", kind, KINDS)
    if progress is not None:
        _validation.function("progress", progress)
    settings = kind, activation, size, units, seeds
    law = _swept(*settings, progress)[0]
    row = int(np.argmin(np.abs(SCALES - g)))
    return PhaseDiagram(SCALES, row, law, *_last_steps(settings, T))


@cached(16)
def _last_steps(settings, T):
    """Return what does not depend on g: the decades of the last T steps, and their edges."""
    _, *both = _swept(*settings, None)
    (found, median), (expected, law_median) = ([decades[..., :T] for decades in pair] for pair in both)
    edges, law_edges = (critical_scales(SCALES, decades[..., -1]) for decades in (found, expected))
    return found, median, law_median, edges, law_edges, np.median(law_edges).item()


# By settings, the latest ones: law, decades found and by the law, and their medians; all g, all lags
_CACHE: dict[tuple, tuple] = {}


def _swept(kind, activation, size, units, seeds, progress):
    settings = kind, activation, size, units, seeds
    if settings in _CACHE:
        return _CACHE[settings]
    given = {"num_hiddens": units, "activation": activation, "kind": kind, "input_size": size}
    expected = theory(SCALES, range(seeds), STEPS, **given)  # first: it may refuse the activation
    found = sweep(SCALES, range(seeds), STEPS, **given, progress=progress).by_lag
    while len(_CACHE) >= 12:
        _CACHE.pop(next(iter(_CACHE)))
    _CACHE[settings] = expected.law, *(_with_median(decades) for decades in (found, expected.by_lag))
    return _CACHE[settings]


def _with_median(by_lag):
    decades = by_lag, np.median(by_lag, 1)
    for array in decades:
        array.flags.writeable = False
    return decades
