"""What keeps a gradient alive, and bounded: four remedies beside the patient, for the same size and the same inputs.

    gaussian W_hh of scale g, tanh             the patient                        9.7.14
    the same, through a window of tau steps    truncation                         9.7.7
    orthogonal W_hh, tanh                      keeps lengths, but for the slopes
    W_hh = I, relu                             Le, Jaitly, Hinton 2015, arXiv 1504.00941
    an LSTM with a bias b_f of its forget gate ``cells.lstm``

The loss is that of the last step alone. Each comes with a law for the same numbers.

Shapes: T steps; everything is by lag, entry k for step T - k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..cells import lstm
from ..growth.gradient_norms import log10_gradient_norms
from ..growth.spectra import spectral_radius
from ..laws import mean_field
from ..rnn import forward, init_params

_NEAR_REST = 0.8  # the root mean square of the slopes of tanh, from which on a network is near rest


class Remedy(NamedTuple):
    """How a gradient fares.

    Attributes
    ----------
    decades : array, shape (T,)
        log10 of |dL/dh_{T-k}| / |dL/dh_T|, entry k; -inf where it is exactly zero.
    law : array, shape (T,)
        The same by the law; nan where none holds.
    name : str
        Of the law.
    """

    decades: np.ndarray
    law: np.ndarray
    name: str


class Remedies(NamedTuple):
    """How it fares with each remedy, and without, and three of the settings.

    Attributes
    ----------
    gaussian, window, orthogonal, identity, lstm : Remedy
    g : float
    tau : int
    b_f : float
    """

    gaussian: Remedy
    window: Remedy
    orthogonal: Remedy
    identity: Remedy
    lstm: Remedy
    g: float
    tau: int
    b_f: float


def remedies(
    T: int = 200,
    g: float = 0.8,
    tau: int = 30,
    b_f: float = 5.0,
    seed: int = 0,
    units: int = 64,
    inputs: int = 64,
    input_size: float = 0.1,
) -> Remedies:
    """Follow the gradient of the last loss back with each remedy, and without.

    Parameters
    ----------
    T : int
        Length of the sequence.
    g : float
        The weight scale of the patient, and of the candidate of the LSTM, from 0 to 1000. The orthogonal W_hh and the
        identity have the scale 1.
    tau : int
        The window, from 1 to T; T keeps everything.
    b_f : float
        The bias of the forget gate, from -100 to 100: the higher, the longer the cell keeps its state c.
    seed : int
    units, inputs : int
        h and d.
    input_size : float
        Standard deviation of the inputs, up to 1000.

    Returns
    -------
    Remedies

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    "spectral radius", for a Gaussian patient near rest: (s rho)^k, with the rho of the W_hh that was drawn and s, the
    root mean square of the slopes, from the mean field. Near rest means rho < 1 and s of 0.8 or more: there hardly
    anything turns the gradient out of the eigenvectors of W_hh. At g = 0.8 and inputs of 0.1 it is 0.3 to 1.1 decades
    off after 200 steps (ten networks of 64 units), and the mean field, which has g in place of rho, up to ten.

    "mean field", for tanh elsewhere: ``laws.mean_field``, right for many units that are kept moving and, with W_hx x_t
    taken as Gaussian of variance input_size^2, for many inputs. An orthogonal W_hh has rho = g: there the two are one.

    "at rest", for the LSTM: ``lstm.resting_factor``, right for small inputs; none where it is 1 or more. That is
    so where b_f is high, unless g is small: the input gate stays half open, and the state grows until tanh stops it.

    "arcsine law", for the identity with relu, a mean over inputs and W_qh: a unit with h_0 = 0 that is fed u_t is at
    h_t = max(0, h_{t-1} + u_t) = S_t - min(S_0 .. S_t), with the random walk S_t = u_1 + .. + u_t. Its gradient passes
    unchanged as long as h_t > 0, and is cut off for ever by the first h_t = 0 on the way back. So it reaches step T - k
    if the walk has its minimum at one of the steps 0 .. T - k. For symmetric u_t without atoms the chance of a minimum
    at m is p_m p_{T-m}, p_m = C(2m, m) / 4^m, whatever their distribution is (Sparre Andersen 1953, Mathematica
    Scandinavica 1, 263-285; Feller 1971, volume II, chapter XII). The root of the sum over m is near the root of (2/pi)
    arcsin sqrt(1 - k/T): no exponential of k and no power of it, but left at h_1 is T^(-1/4) times a constant. With few
    inputs the walks of the units go together, and one sequence may be far from it.

    The window has the patient's law as far as it reaches.
    """
    g, b_f = _validation.real_number("g", g, low=0, high=1000), _bias("b_f", b_f)
    size = _validation.real_number("input_size", input_size, low=-1000, high=1000)
    model = (*_sizes(T, seed, units, inputs), size)
    tau = _validation.whole_number("tau", tau, 1, T, "T = ")
    patient = Remedy(_plain("gaussian", g, "tanh", *model), *_patient_law(g, *model))
    reached = np.arange(T) < tau
    window = [np.where(reached, decades, -np.inf) for decades in (patient.decades, patient.law)]
    return Remedies(
        gaussian=patient,
        window=Remedy(window[0], window[1], patient.name),
        orthogonal=Remedy(_plain("orthogonal", 1.0, "tanh", *model), _mean_field(1.0, size, T), "mean field"),
        identity=Remedy(_plain("identity", 1.0, "relu", *model), _never_at_zero(T), "arcsine law"),
        lstm=_lstm(g, b_f, *model),
        g=g,
        tau=tau,
        b_f=b_f,
    )


def _sizes(T, seed, h, d):
    T, seed = _validation.whole_number("T", T, 1), _validation.seed("seed", seed)
    h, d = _validation.whole_number("units", h, 1), _validation.whole_number("inputs", d, 1)
    why = ", ".join(f"{symbol} = {_validation.shown(size)}" for symbol, size in (("T", T), ("units", h), ("inputs", d)))
    _validation.fits_in_memory("x and h", (2 * T + 4 * h) * (h + d), float, why)
    return T, seed, h, d


def _bias(symbol, bias):
    """Return the bias of a gate; beyond 100 it is open or shut in any float."""
    return _validation.real_number(symbol, bias, low=-100, high=100)


def _inputs(T, seed, d, size):
    return size * np.random.default_rng((seed, 1)).normal(size=(T, d))


@cached(16)
def _plain(kind, g, activation, T, seed, h, d, size):
    params = init_params(d, h, 1, scale=g, kind=kind, seed=seed)
    trace = forward(params, _inputs(T, seed, d, size), activation=activation)
    # A target below the output: the loss is not zero.
    return _by_lag(log10_gradient_norms(trace, trace.o - 1, reduction="last"))


@cached(16)
def _lstm(g, bias, T, seed, h, d, size) -> Remedy:
    params = lstm.init_params(d, h, scale=g, gate_bias=bias, seed=seed)
    W_qh = init_params(d, h, 1, seed=seed).W_qh
    decades = _by_lag(lstm.log10_norms(lstm.forward(params, _inputs(T, seed, d, size)), W_qh[0]).h)
    return Remedy(decades, _at_rest(lstm.resting_factor(params), T), "at rest")


def _at_rest(factor, T):
    """Return the decades by the factor of a cell at rest; nan where the state does not stay there."""
    return np.log10(factor) * np.arange(T) if 0 < factor < 1 else np.full(T, np.nan)


def _patient_law(g, T, seed, h, d, size):
    rho = spectral_radius(init_params(d, h, 1, seed=seed).W_hh)  # of g = 1
    if 0 < g * rho < 1 and mean_field(g, size**2).chi >= (_NEAR_REST * g) ** 2:
        return _mean_field(g, size, T, rho), "spectral radius"
    return _mean_field(g, size, T), "mean field"


@cached(64)
def _mean_field(g, size, T, rho=1.0):
    """Return the decades by the mean field, or, with the rho of a W_hh of scale 1, with g rho in the place of g."""
    rate = mean_field(g, size**2).exponent / np.log(10) + np.log10(rho)
    return np.append(0, rate * np.arange(1, T))


def _by_lag(norms):
    return (norms - norms[-1])[::-1]


@cached(16)
def _never_at_zero(T):
    """Return log10 of the root of E |dL/dh_{T-k}|^2 / |dL/dh_T|^2, entry k, for W_hh = I, relu and fresh inputs."""
    m = np.arange(1, T + 1)
    p = np.cumprod(np.append(1.0, (2 * m - 1) / (2 * m)))
    return np.log10(np.cumsum(p * p[::-1])[:0:-1]) / 2
