"""Where the vanishing gradient went: one sequence through the plain network, an LSTM and a GRU, and two ways back.

    plain    h_t = tanh(W_hx x_t + W_hh h_{t-1})        the state is h_t    9.7.14
    LSTM     c_t = f_t * c_{t-1} + i_t * g_t            the state is c_t    ``cells.lstm``
    GRU      h_t = z_t * h_{t-1} + (1 - z_t) * n_t      the state is h_t    ``cells.gru``

All three have the same x and h_0, and the same W_hx and W_hh: in the LSTM and the GRU they are those of the candidate,
g_t or n_t. A gradient goes from one state to the one before directly, times the gate f_t or z_t, or through the
weights of gates and candidate. The loss is that of the last step alone.

Shapes: T steps; everything is by lag, entry k for step T - k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..cells import gru, lstm
from ..rnn import init_params
from ._remedies import _at_rest, _bias, _inputs, _plain, _sizes
from ._slopes import SlopeBands, slope_bands

CELLS = ("lstm", "gru")


class Gated(NamedTuple):
    """How a gradient fares in the three networks, and by which of the two ways in one of them.

    Attributes
    ----------
    plain, lstm, gru : array, shape (T,)
        log10 of |dL/dh_{T-k}| / |dL/dh_T|, entry k, or of |dL/dc_{T-k}| / |dL/dh_T| in the LSTM; dL/dh_T is the same
        in all three. -inf where it is exactly zero.
    direct, through : array, shape (T,)
        The same for the chosen cell by one way alone: directly, through its gates f_t or z_t alone, and all the rest,
        through gates and candidate at least once. The gradient is the sum of the two.
    law : array, shape (T,)
        The same by the factor at rest; nan where the state does not stay at rest.
    factor : float
        Of the cell at rest, ``lstm.resting_factor`` or ``gru.resting_factor``.
    gate : SlopeBands
        f_t or z_t of all units against t: the lowest tenth, the median, the highest tenth.
    cell : str
    g, bias : float
    """

    plain: np.ndarray
    lstm: np.ndarray
    gru: np.ndarray
    direct: np.ndarray
    through: np.ndarray
    law: np.ndarray
    factor: float
    gate: SlopeBands
    cell: str
    g: float
    bias: float


def gated(
    T: int = 200,
    g: float = 0.8,
    bias: float = 5.0,
    cell: str = "lstm",
    seed: int = 0,
    units: int = 64,
    inputs: int = 64,
    input_size: float = 0.1,
) -> Gated:
    """Follow the gradient of the last loss back through the three networks.

    Parameters
    ----------
    T : int
        Length of the sequence.
    g : float
        The weight scale of W_hh, from 0 to 1000. The weights of the gates have the scale 1.
    bias : float
        Of the gate that keeps the state, b_f in the LSTM and b_z in the GRU, from -100 to 100: the higher, the more
        is kept. All other biases are zero.
    cell : {"lstm", "gru"}
        Whose two ways are told apart.
    seed : int
    units, inputs : int
        h and d.
    input_size : float
        Standard deviation of the inputs, up to 1000.

    Returns
    -------
    Gated

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    The state of the LSTM is its c: h is made from it anew in each step. So its gradient is looked at there, and is
    dL/dh_T times o_T (1 - tanh(c_T)^2) at the start. That is small where c has grown large.

    The law is the factor of the cell at rest to the power of k, from where the gradient starts; there is none where the
    factor is 1 or more. It is right for small inputs.
    """
    g, bias = _validation.real_number("g", g, low=0, high=1000), _bias("bias", bias)
    _validation.one_of("cell", cell, CELLS)
    size = _validation.real_number("input_size", input_size, low=-1000, high=1000)
    model = (*_sizes(T, seed, units, inputs), size)
    by_cell = {name: _flow(name, g, bias, *model) for name in CELLS}
    chosen = by_cell[cell]
    return Gated(
        plain=_plain("gaussian", g, "tanh", *model),
        lstm=by_cell["lstm"].whole,
        gru=by_cell["gru"].whole,
        direct=chosen.direct,
        through=chosen.through,
        law=chosen.whole[0] + _at_rest(chosen.factor, T),
        factor=chosen.factor,
        gate=chosen.bands,
        cell=cell,
        g=g,
        bias=bias,
    )


class _Flow(NamedTuple):
    """What is asked of one cell; see ``Gated``."""

    whole: np.ndarray
    direct: np.ndarray
    through: np.ndarray
    factor: float
    t: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray

    @property
    def bands(self):
        """Of the gate."""
        return SlopeBands(self.t, self.low, self.median, self.high)


@cached(16)
def _flow(cell, g, bias, T, seed, h, d, size) -> _Flow:
    module = {"lstm": lstm, "gru": gru}[cell]
    params = module.init_params(d, h, scale=g, gate_bias=bias, seed=seed)
    trace = module.forward(params, _inputs(T, seed, d, size))
    dh_T = init_params(d, h, 1, seed=seed).W_qh[0]
    start = np.log10(np.linalg.norm(dh_T))
    whole, direct, through = (decades[::-1] - start for decades in module.ways(trace, dh_T))
    gate = trace.f if cell == "lstm" else trace.z
    return _Flow(whole, direct, through, module.resting_factor(params), *slope_bands(gate))
