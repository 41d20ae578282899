"""The checker passes the backward passes of LSTM and GRU, and finds mistakes that are planted into them.

The mistakes are planted into a backward pass that is written here, one line for each equation; without a mistake it is
the one of the package. What a mistake makes wrong is said beside it: most spread over everything on their way back.
"""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import check_gradient
from d2lbptt.cells import gru, lstm

T, B, d, h = 3, 2, 2, 2  # small: the checker looks at every entry 50 times
X, H0, C0, DH = (np.random.default_rng(3).normal(size=shape) for shape in ((T, B, d), (B, h), (B, h), (T, B, h)))


def lstm_theta():
    return {**lstm.init_params(d, h, scale=1.2, gate_bias=0.5, seed=4)._asdict(), "h0": H0, "c0": C0}


def gru_theta():
    params = gru.init_params(d, h, scale=1.2, gate_bias=0.5, seed=4)
    return {**params._replace(b_h=np.random.default_rng(6).normal(size=3 * h))._asdict(), "h0": H0}


def lstm_trace(theta):
    return lstm.forward(lstm.LSTMParams(theta["W_x"], theta["W_h"], theta["b"]), X, theta["h0"], theta["c0"])


def gru_trace(theta, reset):
    return gru.forward(gru.GRUParams(*(theta[name] for name in gru.GRUParams._fields)), X, theta["h0"], reset=reset)


def report_on(theta, trace, grad):
    """Check the gradient of a loss whose slope with respect to each h_t is DH."""
    return check_gradient(lambda theta: (DH * trace(theta).h[1:]).sum(), theta, grad)


def summed(da, rows):
    return np.einsum("tbi,tbj->ij", da, rows)


# --- the LSTM ---

OF_LSTM = {"W_x", "W_h", "b", "h0", "c0"}
LSTM_MISTAKES = {
    "slope of the output gate forgotten": OF_LSTM,
    "slope of the candidate forgotten": OF_LSTM,
    "slope of tanh(c_t) forgotten": OF_LSTM,
    "f and o swapped": OF_LSTM,
    "c_t for c_{t-1}": OF_LSTM,
    "f_t for f_{t+1}": OF_LSTM,
    "nothing from c_{t+1} to c_t": OF_LSTM,
    "nothing from h_t to c_t": OF_LSTM,
    "W_h not transposed": OF_LSTM,
    "h_t for h_{t-1} in dL/dW_h": {"W_h"},
    "b forgotten": {"b"},
    "f_1 forgotten in dL/dc_0": {"c0"},
    "h_0 forgotten": {"h0"},
}


def lstm_backward(trace, mistake=None):
    """The gradient by name, with one mistake or none."""
    (_, W_h, _), x, hs, c, i, f, g, o = trace

    def unless(name, right, wrong):
        return wrong if mistake == name else right

    dh, dc, da = np.zeros((B, h)), np.zeros((B, h)), np.zeros((T, B, 4 * h))
    for t in reversed(range(T)):
        tanh_c = np.tanh(c[t + 1])
        dh = DH[t] + dh
        into_c = dh * o[t] * unless("slope of tanh(c_t) forgotten", 1 - tanh_c**2, 1)
        dc = dc + unless("nothing from h_t to c_t", into_c, 0)
        da_i = dc * g[t] * i[t] * (1 - i[t])
        da_f = dc * unless("c_t for c_{t-1}", c[t], c[t + 1]) * f[t] * (1 - f[t])
        da_g = dc * i[t] * unless("slope of the candidate forgotten", 1 - g[t] ** 2, 1)
        da_o = dh * tanh_c * unless("slope of the output gate forgotten", o[t] * (1 - o[t]), 1)
        da[t] = np.hstack(unless("f and o swapped", (da_i, da_f, da_g, da_o), (da_i, da_o, da_g, da_f)))
        transposed = np.vstack([W.T for W in np.split(W_h, 4)])
        dh = da[t] @ unless("W_h not transposed", W_h, transposed)
        last = dc
        dc = dc * unless("f_t for f_{t+1}", f[t], f[t - 1] if t else f[t])
        dc = unless("nothing from c_{t+1} to c_t", dc, dc if t == 0 else 0 * dc)
    return {
        "W_x": summed(da, x),
        "W_h": summed(da, unless("h_t for h_{t-1} in dL/dW_h", hs[:-1], hs[1:])),
        "b": unless("b forgotten", 1, 0) * da.sum((0, 1)),
        "h0": unless("h_0 forgotten", 1, 0) * dh,
        "c0": unless("f_1 forgotten in dL/dc_0", dc, last),
    }


def test_the_lstm_passes():
    theta = lstm_theta()
    found = lstm.backward(lstm_trace(theta), DH)
    grad = {**found.params._asdict(), "h0": found.h0, "c0": found.c0}
    report = report_on(theta, lstm_trace, grad)
    assert report.verdict == "PASS", str(report)
    for name, array in lstm_backward(lstm_trace(theta)).items():
        np.testing.assert_allclose(array, grad[name], rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@for_each("mistake", LSTM_MISTAKES)
def test_a_mistake_in_the_lstm_is_found(mistake):
    theta = lstm_theta()
    is_found(report_on(theta, lstm_trace, lstm_backward(lstm_trace(theta), mistake)), LSTM_MISTAKES[mistake])


def is_found(report, names):
    assert report.verdict == "FAIL"
    assert {row.parameter for row in report.rows if row.ratio > 1} == names
    assert report.worst.parameter in names and report.worst.parameter in str(report)


# --- the GRU ---

OF_GRU = {"W_x", "W_h", "b_x", "b_h", "h0"}
GRU_MISTAKES = {
    "slope of the update gate forgotten": OF_GRU,
    "slope of the candidate forgotten": OF_GRU,
    "reset on the wrong side": OF_GRU,
    "r and z swapped": OF_GRU,
    "z and 1 - z swapped": OF_GRU,
    "n_t - h_{t-1} for h_{t-1} - n_t": OF_GRU,
    "h_t for h_{t-1} beside the update gate": OF_GRU,
    "nothing through the reset gate": OF_GRU,
    "nothing from h_t to h_{t-1} alone": OF_GRU,
    "h_t for h_{t-1} in dL/dW_h": {"W_h"},
    "r forgotten in dL/dW_nh": {"W_h"},
    "b_x forgotten": {"b_x"},
    "h_0 forgotten": {"h0"},
}
ONLY_AFTER = {"r forgotten in dL/db_nh": {"b_h"}}


def gru_backward(trace, mistake=None):
    """The gradient by name, with one mistake or none."""
    (_, W_h, _, b_h), x, hs, r, z, n, reset = trace
    (W_r, W_z, W_n), b_n = np.split(W_h, 3), b_h[2 * h :]

    def unless(name, right, wrong):
        return wrong if mistake == name else right

    after = (reset == "after") is not (mistake == "reset on the wrong side")
    dh, da, beside = np.zeros((B, h)), np.zeros((T, B, 3 * h)), np.zeros((T, B, 3 * h))
    for t in reversed(range(T)):
        dh, before = DH[t] + dh, hs[t]
        da_n = dh * (1 - z[t]) * unless("slope of the candidate forgotten", 1 - n[t] ** 2, 1)
        difference = unless("h_t for h_{t-1} beside the update gate", before, hs[t + 1]) - n[t]
        difference = unless("n_t - h_{t-1} for h_{t-1} - n_t", difference, -difference)
        da_z = dh * difference * unless("slope of the update gate forgotten", z[t] * (1 - z[t]), 1)
        dr = (before @ W_n.T + b_n) * da_n if after else before * (da_n @ W_n)
        through = (r[t] * da_n) @ W_n if after else r[t] * (da_n @ W_n)
        da_r = unless("nothing through the reset gate", dr * r[t] * (1 - r[t]), 0 * dr)
        da_r, da_z = unless("r and z swapped", (da_r, da_z), (da_z, da_r))
        da[t] = np.hstack([da_r, da_z, da_n])
        beside[t] = np.hstack([da_r, da_z, r[t] * da_n if after else da_n])
        kept = dh * unless("z and 1 - z swapped", z[t], 1 - z[t])
        dh = unless("nothing from h_t to h_{t-1} alone", kept, 0) + da_r @ W_r + da_z @ W_z + through
    states = unless("h_t for h_{t-1} in dL/dW_h", hs[:-1], hs[1:])
    dW_h = summed(beside, states)
    if not after:
        dW_h[2 * h :] = summed(da[..., 2 * h :], r * states)
    if mistake == "r forgotten in dL/dW_nh":
        dW_h[2 * h :] = summed(da[..., 2 * h :], states)
    return {
        "W_x": summed(da, x),
        "W_h": dW_h,
        "b_x": unless("b_x forgotten", 1, 0) * da.sum((0, 1)),
        "b_h": unless("r forgotten in dL/db_nh", beside, da).sum((0, 1)),
        "h0": unless("h_0 forgotten", 1, 0) * dh,
    }


@for_each("reset", gru.RESETS)
def test_the_gru_passes(reset):
    theta = gru_theta()
    found = gru.backward(gru_trace(theta, reset), DH)
    grad = {**found.params._asdict(), "h0": found.h0}
    report = report_on(theta, lambda theta: gru_trace(theta, reset), grad)
    assert report.verdict == "PASS", str(report)
    for name, array in gru_backward(gru_trace(theta, reset)).items():
        np.testing.assert_allclose(array, grad[name], rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@for_each(
    ("reset", "mistake"),
    [(reset, mistake) for reset in gru.RESETS for mistake in GRU_MISTAKES]
    + [("after", mistake) for mistake in ONLY_AFTER],
)
def test_a_mistake_in_the_gru_is_found(reset, mistake):
    theta = gru_theta()
    grad = gru_backward(gru_trace(theta, reset), mistake)
    is_found(report_on(theta, lambda theta: gru_trace(theta, reset), grad), {**GRU_MISTAKES, **ONLY_AFTER}[mistake])
