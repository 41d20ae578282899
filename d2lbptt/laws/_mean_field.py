"""The mean field of infinitely many units.

q = g^2 E phi(z)^2 + s^2,  chi_1 = g^2 E phi'(z)^2,  lambda = log(chi_1) / 2,    z ~ N(0, q)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from ..activations import _gaussian_moments, _named
from ._common import EPS


class MeanField(NamedTuple):
    """The limit of infinitely many units.

    Attributes
    ----------
    q : float
        The variance of z over the units, once it has settled.
    chi : float
        chi_1, by which the mean square of a small difference, or of a gradient, grows in each step.
    exponent : float
        log(chi_1) / 2, the largest Lyapunov exponent: natural logarithm per step, -inf for g = 0.
    """

    q: float
    chi: float
    exponent: float


def mean_field(g: float, input_variance: float = 0.0, activation: str = "tanh") -> MeanField:
    """Return the mean field of z_{t+1} = W phi(z_t) + u, with entries of W from N(0, g^2/n) and Gaussian input u.

    Parameters
    ----------
    g : float
        The weight scale, from 0 to 1000: the work grows with sqrt(q).
    input_variance : float
        s^2, the variance of each entry of u, from 0 to 10^6: drawn anew in each step, or once and held.
    activation : str
        Of a phi that is bounded and analytic, as tanh and the sigmoid are; others are refused.

    Returns
    -------
    MeanField

    Notes
    -----
    Sompolinsky, Crisanti, Sommers 1988 in continuous time; Molgedey, Schuchhardt, Schuster 1992 in discrete time with
    noise; Poole et al. 2016 for layers. With many units z is Gaussian with variance q = g^2 E phi(z)^2 + s^2, and
    chi_1 = g^2 E phi'(z)^2. The right side of the first is concave in q: it has one solution q > 0 for the sigmoid, and
    one for tanh if s > 0 or g > 1; else q = 0.

    It is right for the growth of |dh_t/dh_{t-k} v|^2, and of |dL/dh_{t-k}|^2 for a loss at t: their mean goes as
    chi_1^k, for a repeated W as for fresh ones, with k held fixed and n growing. The long run of one network of n units
    is another matter. If it is kept moving, by chaos or by fresh input, its largest Lyapunov exponent is off by chance
    and by about 1/n, most near the edge (seen in simulation, not proved). If it comes to rest, below the edge without
    input or with held input, it repeats one Jacobian and goes with the spectral radius of that, which for some hundred
    units can still be well above sqrt(chi_1). Of the other exponents the mean field says nothing.
    """
    g, s2, phi = _validation.real_number("g", g, low=0, high=1000), _variance(input_variance), _bounded(activation)
    q = _settled(g, s2, phi)
    chi = g**2 * _means(phi, q)[1]
    return MeanField(q, chi, float(np.log(chi)) / 2 if chi else -np.inf)


def edge_of_chaos(input_variance: float = 0.0, activation: str = "tanh") -> float:
    """Return the weight scale g with chi_1 = 1: in the mean field gradients vanish below it and explode above it.

    Parameters
    ----------
    input_variance, activation
        As for ``mean_field``.

    Returns
    -------
    float

    Notes
    -----
    For tanh it is 1 without input. Input moves it up, steeply at first: g = 1 + (3 s^2 / 4)^(1/3) + .. for small s^2.
    With chi_1 = 1, g^2 is 1 / E phi'^2, so that s^2 = q - E phi^2 / E phi'^2: this is solved for q.
    """
    from scipy.optimize import brentq  # loaded when it is first used

    s2, phi = _variance(input_variance), _bounded(activation)

    def excess(q):
        square, slope = _means(phi, q)
        return q - square / slope - s2

    top = 1 + s2
    while excess(top) <= 0:
        top *= 2
    q = brentq(excess, 0, top, xtol=1e-16, rtol=4 * EPS) if excess(0.0) < 0 else 0.0
    return _means(phi, q)[1] ** -0.5


def _bounded(activation):
    return _named(activation, lambda phi: phi.settles)


def _means(phi, q):
    """Return E phi(z)^2 and E phi'(z)^2, z ~ N(0, q)."""
    return [mean.item() for mean in _gaussian_moments(phi, q)]


def _settled(g, s2, phi):
    from scipy.optimize import brentq  # loaded when it is first used

    # q is at most g^2 sup phi^2 + s^2, and at least what units with z = 0 would send on.
    square, slope = _means(phi, 0.0)
    low, high = s2 + g**2 * square, s2 + (g * phi.largest) ** 2
    if low == 0:
        if g**2 * slope <= 1 + 1e-12:
            return 0.0
        low = 1e-16 * high

    def gain(log_q):
        q = np.exp(log_q)
        return (g**2 * _means(phi, q)[0] + s2) / q - 1

    return float(np.exp(brentq(gain, np.log(low) - 1e-9, np.log(high) + 1e-9, xtol=1e-15, rtol=4 * EPS)))


def _variance(value):
    return _validation.real_number("input_variance", value, low=0, high=10**6)
