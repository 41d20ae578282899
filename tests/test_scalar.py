"""The scalar table. Oracles: a forward pass written here with the complex step, torch, and `backward`."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import Params, backward, forward
from d2lbptt.scalar import SQUARED_ERROR, scalar_rnn

SINE = (np.sin, np.cos)
CUBE = (lambda h: h**3, lambda h: 3 * h**2)
X, Y = np.random.default_rng(4).normal(size=(2, 5))


def L_with_nudges(w, v, h0, *, z_nudge=(), h_nudge=()):
    """The loss for phi = sin and theta = cube, where z_t and h_t can be nudged at one step."""
    h, total = h0, 0
    for t, (x, y) in enumerate(zip(X, Y, strict=True), 1):
        z = w * h + v * x + dict(z_nudge).get(t, 0)
        h = np.sin(z) + dict(h_nudge).get(t, 0)
        total = total + (h**3 - y) ** 2 / 2
    return total / len(X)


STEP = 1e-30j


def test_every_entry_of_the_table_by_the_complex_step():
    table = scalar_rnn(0.8, -0.6, X, Y, h0=0.4, phi=SINE, theta=CUBE)
    at = (0.8, -0.6, 0.4)
    for t in range(1, 6):
        assert table.dL_dz[t - 1] == pytest.approx(L_with_nudges(*at, z_nudge=[(t, STEP)]).imag / 1e-30, rel=1e-12)
        assert table.dL_dh[t - 1] == pytest.approx(L_with_nudges(*at, h_nudge=[(t, STEP)]).imag / 1e-30, rel=1e-12)
    for i, ours in enumerate((table.dL_dw, table.dL_dv, table.dL_dh0)):
        nudged = [number + STEP * (i == k) for k, number in enumerate(at)]
        assert ours == pytest.approx(L_with_nudges(*nudged).imag / 1e-30, rel=1e-12)
    assert table.loss == pytest.approx(L_with_nudges(*at), rel=1e-15)


def test_the_slope_of_the_output_is_that_of_theta():
    # With phi' in its place the two answers part as soon as phi and theta differ.
    right = scalar_rnn(0.8, -0.6, X, Y, phi=SINE, theta=CUBE)
    mixed_up = scalar_rnn(0.8, -0.6, X, Y, phi=SINE, theta=(CUBE[0], SINE[1]))
    assert abs(right.dL_dw - mixed_up.dL_dw) > 0.01


def test_the_last_row_needs_no_later_one():
    table = scalar_rnn(0.8, -0.6, X, Y, phi=SINE, theta=CUBE)
    h_T = table.h[-1]
    assert table.dL_dh[-1] == pytest.approx((h_T**3 - Y[-1]) * 3 * h_T**2 / 5, rel=1e-15)


@for_each("phi", ["identity", "tanh", "sigmoid", "relu"])
def test_it_is_the_network_with_one_hidden_unit(phi):
    trace = forward(Params([[-0.6]], [[0.8]], [[1]]), X[:, None], h0=[0.4], activation=phi)
    g, table = backward(trace, Y[:, None]), scalar_rnn(0.8, -0.6, X, Y, h0=0.4, phi=phi)
    np.testing.assert_allclose(table.h, trace.h[:, 0], rtol=1e-14)
    np.testing.assert_allclose(table.dL_dh, g.h[:, 0], rtol=1e-13)
    ours = (table.dL_dw, table.dL_dv, table.dL_dh0)
    np.testing.assert_allclose(ours, (g.W_hh.item(), g.W_hx.item(), g.h0.item()), rtol=1e-13)


def test_against_torch_with_a_loss_of_our_own():
    torch = pytest.importorskip("torch")
    w, v = (torch.tensor(n, dtype=torch.float64, requires_grad=True) for n in (0.8, -0.6))
    h, L = torch.tensor(0.0, dtype=torch.float64), 0
    for x, y in zip(X, Y, strict=True):
        h = torch.tanh(w * h + v * x)
        L = L + (torch.sigmoid(h) - y) ** 4 / 5
    L.backward()
    quartic = (lambda p, y: (p - y) ** 4, lambda p, y: 4 * (p - y) ** 3)
    table = scalar_rnn(0.8, -0.6, X, Y, theta="sigmoid", loss=quartic)
    assert (table.dL_dw, table.dL_dv) == pytest.approx((w.grad.item(), v.grad.item()), rel=1e-12)


def test_complex_weights_pass_through():
    nudged = scalar_rnn(0.8 + STEP, -0.6, X, Y).loss.imag / 1e-30
    assert nudged == pytest.approx(scalar_rnn(0.8, -0.6, X, Y).dL_dw, rel=1e-12)


def test_the_table_prints_a_row_for_each_step():
    table = scalar_rnn(0.8, -0.6, X, Y)
    assert [row[0] for row in table.rows()] == [1, 2, 3, 4, 5]
    lines = str(table).splitlines()
    assert len(lines) == 7 and lines[0].split() == "t x_t z_t h_t yhat_t dL/dh_t dL/dz_t".split()
    assert lines[-1].startswith(f"dL/dw = {table.dL_dw:.6g}")
    assert table._repr_markdown_().count("\n") == 6


@for_each(
    ("arguments", "error", "words"),
    [
        ({"phi": "softplus"}, ValueError, "phi is 'softplus', wanted one of identity, tanh, sigmoid, relu"),
        ({"theta": np.tanh}, TypeError, r"theta is <ufunc 'tanh'>, wanted a name or a pair \(value, slope\)"),
        ({"loss": (1, 2)}, TypeError, r"loss is \(1, 2\), wanted a name or a pair"),
        ({"loss": 0}, TypeError, "loss is 0, wanted a name or a pair"),
        ({"loss": ()}, TypeError, r"loss is \(\), wanted a name or a pair"),
        ({"loss": "tanh"}, ValueError, "loss is 'tanh', wanted one of squared_error"),
        ({"x": X * np.nan}, ValueError, r"x is nan at index \(0,\), wanted finite numbers"),
        ({"y": [np.inf] * 5}, ValueError, r"y is inf at index \(0,\), wanted finite numbers"),
        ({"h0": np.nan}, ValueError, "h0 is nan, wanted a finite number"),
        ({"h0": 10**400}, ValueError, r"h0 is 10\*\*400 or more, wanted a number in the range of float64"),
        ({"h0": "0"}, TypeError, "h0 is '0', wanted a number"),
        ({"phi": (lambda s: None, np.cos)}, TypeError, "what phi returns has dtype object, wanted float32"),
        (
            {"theta": (np.sin, lambda h: np.ones(2))},
            ValueError,
            r"what theta returns has shape \(2,\), wanted one number",
        ),
        ({"x": X * 1e308, "y": Y}, FloatingPointError, r"z_t overflows float64, first at t = "),
        ({"y": Y[:3]}, ValueError, r"y has shape \(3,\), wanted \(T,\) = \(5,\)"),
        ({"x": []}, ValueError, r"x has shape \(0,\), wanted \(T,\)"),
        ({"x": "text"}, TypeError, "x has dtype .*, wanted float32, float64 or complex"),
    ],
)
def test_complaints_name_what_came_and_what_was_wanted(arguments, error, words):
    with pytest.raises(error, match=words):
        scalar_rnn(0.8, -16, **{"x": X, "y": Y, **arguments})


def test_a_loss_of_ones_own_may_leave_out_steps_without_a_target():
    where = (lambda p, y: 0 if np.isnan(y) else (p - y) ** 2 / 2, lambda p, y: 0 if np.isnan(y) else p - y)
    some, none = scalar_rnn(0.8, -0.6, X, [*Y[:3], np.nan, np.nan], loss=where), scalar_rnn(0.8, -0.6, X[:3], Y[:3])
    assert some.dL_dw == pytest.approx(none.dL_dw * 3 / 5, rel=1e-14)  # the mean is over all five steps
    with pytest.raises(ValueError, match=r"y is nan at index \(0,\), wanted finite numbers"):
        scalar_rnn(0.8, -0.6, X, Y * np.nan, loss=tuple(SQUARED_ERROR))
    with pytest.raises(ValueError, match=r"y is nan at index \(0,\), wanted finite numbers"):
        scalar_rnn(0.8, -0.6, X, Y * np.nan)


@for_each("name", ["w", "v", "h0"])
def test_what_is_no_number_is_named(name):
    for wrong in (True, "1", None, [1.0], np.nan, 10**400):
        with pytest.raises((TypeError, ValueError), match=rf"^{name} is .*, wanted"):
            scalar_rnn(**{"w": 0.8, "v": -0.6, "x": X, "y": Y, "h0": 0.4, name: wrong})


def test_whole_numbers_and_float32_are_calculated_in_float64():
    x, y = np.array([200, 100], np.uint8), np.array([1, 2], np.float32)
    ours, wanted = (
        scalar_rnn(2, 3, x, y, phi="identity"),
        scalar_rnn(2.0, 3.0, x.astype(float), y.astype(float), phi="identity"),
    )
    assert ours.z.tolist() == [600, 1500] and ours.dL_dh.dtype == float
    assert ours.dL_dw == wanted.dL_dw
    assert scalar_rnn(0.8, -0.6, X, Y, loss="squared_error").loss == scalar_rnn(0.8, -0.6, X, Y).loss


def test_the_squared_error_is_half_the_square():
    assert SQUARED_ERROR.value(3.0, 1.0) == 2.0 and SQUARED_ERROR.slope(3.0, 1.0) == 2.0
