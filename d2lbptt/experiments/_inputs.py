"""What several experiments feed their networks with."""

import numpy as np

from .. import _validation
from ..rnn import Params, forward


def noise(T, size, seed):
    """Return T inputs of one number each, normally distributed with standard deviation ``size``: shape (T, 1)."""
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("x", T, float, f"T = {_validation.shown(T)}")
    size, seed = _validation.real_number("input", size, low=0), _validation.seed("seed", seed)
    return size * np.random.default_rng((seed, 1)).normal(size=(T, 1))


def one_unit(T, g, h0, activation):
    """Return the trace and the targets of a network of one unit, in which everything is positive or zero.

    W_hx = 1/2, W_hh = g, W_qh = 1, x_t = 1 + cos(t) / 2, y_t = 0.
    """
    T = _validation.whole_number("T", T, 1)
    _validation.fits_in_memory("x", T, float, f"T = {_validation.shown(T)}")
    g, h0 = _validation.real_number("g", g, low=0), _validation.real_number("h0", h0, low=0)
    steps = np.arange(1, T + 1)[:, None]
    params = Params(np.array([[0.5]]), np.array([[g]]), np.array([[1.0]]))
    trace = forward(params, 1 + np.cos(steps) / 2, h0=np.array([h0]), activation=activation)
    return trace, np.zeros_like(trace.o)
