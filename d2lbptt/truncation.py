"""Truncation as gates: xi_t on the arrow from h_t back to h_{t-1} (9.7.8).

    dL/dh_{t-1} = xi_t W_hh^T (phi'(z_t) * dL/dh_t) + W_qh^T dL/do_{t-1}

xi_t = 1 is the full gradient, xi_t = 0 detaches, xi_t in {0, 1/pi} is randomized truncation. The sliding
window is no gate, because it asks how far back the LOSS is: ``backward(..., window=tau)``.

Shapes: T gates, entry t - 1 is xi_t; the first one is the arrow to h_0.
"""

import numpy as np

from . import _checks


def chunks(T, tau):
    """Return the gates that cut a sequence into chunks of tau steps, as detaching does.

    Parameters
    ----------
    T : int
        Length of the sequence.
    tau : int
        Length of a chunk, from 1 to T.

    Returns
    -------
    array, shape (T,)
        xi_t = 0 where a chunk begins, t = tau + 1, 2 tau + 1, ...; 1 elsewhere, also at t = 1.

    Raises
    ------
    TypeError, ValueError
        If T or tau is not such a number.
    """
    T = _checks.whole_number("T", T, 1)
    tau = _checks.whole_number("tau", tau, 1, T, "T = ")
    xi = np.ones(T)
    xi[tau::tau] = 0
    return xi


def randomized(T, pi, rng):
    """Draw the gates of randomized truncation (9.7.8): 1/pi with probability pi, else 0, so that E[xi] = 1.

    Parameters
    ----------
    T : int
        Length of the sequence.
    pi : float or array, shape (T,)
        Probability of keeping an arrow, above 0 and at most 1; pi_t is entry t - 1.
    rng : numpy.random.Generator

    Returns
    -------
    array, shape (T,)

    Raises
    ------
    TypeError, ValueError
        If T, pi or rng is not such a thing. pi = 0, which the book allows, would make E[xi] = 0.
    """
    T = _checks.whole_number("T", T, 1)
    pi = _checks.real("pi", pi)
    if pi.ndim:
        _checks.shaped("pi", pi, (T,), "a number or (T,)")
    outside = ~((pi > 0) & (pi <= 1))
    if outside.any():
        raise ValueError(f"pi is {pi[outside].flat[0]}, wanted above 0 and at most 1")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is a {type(rng).__name__}, wanted a numpy.random.Generator")
    return (rng.random(T) < pi) / pi
