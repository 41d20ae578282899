"""The table that the explorer of the scalar RNN fills. What fills it has its own oracles in test_scalar."""

import numpy as np
from loops import for_each

from d2lbptt import experiments
from d2lbptt.checking.finite_differences import complex_step

CURVES = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: z * (z.real > 0),
}


def loss(w_v, T, phi, theta):
    """The network written out again."""
    h, total = 0, 0
    for t in range(1, T + 1):
        h = CURVES[phi](w_v[0] * h + w_v[1] * np.cos(t))
        total += (CURVES[theta](h) - np.sin(t)) ** 2 / 2 / T
    return total


@for_each("phi", CURVES)
@for_each("theta", CURVES)
def test_the_two_gradients_by_the_complex_step(phi, theta):
    table = experiments.scalar_rnn(T=7, w=-1.35, v=1.1, phi=phi, theta=theta).table
    wanted = complex_step(lambda w_v: loss(w_v, 7, phi, theta), np.array([-1.35, 1.1]))
    np.testing.assert_allclose([table.dL_dw, table.dL_dv], wanted, rtol=1e-12, atol=1e-15)


def test_each_row_is_calculated_from_the_one_below():
    data = experiments.scalar_rnn(phi="tanh", theta="sigmoid", w=-1.2)
    dh, dz = data.table.dL_dh, data.table.dL_dz
    np.testing.assert_allclose(dh, data.w * np.append(dz[1:], 0) + data.own, rtol=1e-13)
    np.testing.assert_allclose(dz, dh * data.slopes, rtol=1e-13)


@for_each("phi", CURVES)
def test_the_sums_so_far_are_those_of_weights_that_only_the_last_steps_use(phi):
    data = experiments.scalar_rnn(T=7, w=-1.35, v=1.1, phi=phi)
    for t in range(1, 8):

        def from_t_on(w_v, t=t):
            h, total = 0, 0
            for k in range(1, 8):
                w, v = w_v if k >= t else (-1.35, 1.1)
                h = CURVES[phi](w * h + v * np.cos(k))
                total += (h - np.sin(k)) ** 2 / 2 / 7
            return total

        wanted = complex_step(from_t_on, np.array([-1.35, 1.1]))
        np.testing.assert_allclose([data.dL_dw[t - 1], data.dL_dv[t - 1]], wanted, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose([data.dL_dw[0], data.dL_dv[0]], [data.table.dL_dw, data.table.dL_dv], atol=1e-15)
