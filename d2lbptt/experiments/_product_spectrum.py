"""How does a whole product of Jacobians stretch? Its singular values, and the Lyapunov exponents of the same run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..growth.spectra import Exponents, Spectrum, jacobian_spectrum, lyapunov_exponents
from ..laws import LN10
from ..rnn import Trace, forward, init_params
from ._inputs import noise

UNITS = 64


class ProductSpectrum(NamedTuple):
    """Singular values of dh_T/dh_0, and rates per step, of one network.

    Attributes
    ----------
    spectrum : growth.spectra.Spectrum
    exponents : growth.spectra.Exponents
        Without the first tenth of the steps.
    T : int
        The number of Jacobians.
    trace : Trace
        The run that both belong to.
    theory : array, shape (n,)
        T steps of the exponents, log10.
    apart : float
        How far it is from the singular values in decades, at most, where both are above zero; nan where none is.
    """

    spectrum: Spectrum
    exponents: Exponents
    T: int
    trace: Trace
    theory: np.ndarray
    apart: float


def product_spectrum(
    T: int = 1000, g: float = 1.5, activation: str = "tanh", kind: str = "gaussian", input: float = 0.1, seed: int = 0
) -> ProductSpectrum:
    """Take the singular values of a long product of Jacobians, and the exponents beside them.

    Parameters
    ----------
    T : int
        Length of the run, from 20 on.
    g : float
        Scale of W_hh, up to 1000.
    activation, kind : str
        As for ``forward`` and ``init_params``.
    input : float
        Standard deviation of the inputs, one number a step; up to 1000.
    seed : int

    Returns
    -------
    ProductSpectrum

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.
    FloatingPointError
        If a state overflows.
    """
    T, g = _validation.whole_number("T", T, 20), _validation.real_number("g", g, low=0, high=1000)
    x = noise(T, _validation.real_number("input", input, low=0, high=1000), seed)
    trace = forward(init_params(1, UNITS, 1, scale=g, kind=kind, seed=seed), x, activation=activation)
    return _of_run(trace)


def _of_run(trace):
    T, spectrum, exponents = len(trace.o), jacobian_spectrum(trace), lyapunov_exponents(trace)
    theory = T * exponents.rate / LN10
    both = np.isfinite(spectrum.log) & np.isfinite(theory)
    apart = np.abs(spectrum.log10[both] - theory[both])
    apart = apart.max().item() if both.any() else np.nan
    return ProductSpectrum(spectrum, exponents, T, trace, theory, apart)
