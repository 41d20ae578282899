"""The slopes of all units in three lines. Oracle: the units counted one by one."""

import numpy as np
from loops import for_each

from d2lbptt.experiments import gradient_flow, with_tanh


@for_each("T", [1, 100, 260])
@for_each("experiment", [gradient_flow, with_tanh])
def test_eight_tenths_of_the_units_lie_in_the_band_and_half_of_them_below_the_median(experiment, T):
    data = experiment(T=T, activation="tanh")
    t, low, median, high = data.slope_bands
    assert t.tolist() == list(range(1, T + 1, 1 if T <= 250 else 2))
    for slopes, *band in zip(data.slopes[t - 1], low, median, high, strict=True):
        assert np.sum(slopes[:, None] <= band, axis=0).tolist() == [7, 32, 57]  # of 64; the tenth lies between two


def test_of_relu_the_share_of_units_that_are_on():
    data = with_tanh(activation="relu", T=40)
    on = [sum(slope == 1 for slope in row) / 64 for row in data.slopes]
    for curve in data.slope_bands[1:]:
        np.testing.assert_allclose(curve, on)
