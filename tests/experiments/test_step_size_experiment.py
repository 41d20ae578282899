"""The experiment under the explorer of the step h. Oracle: the same network built anew, with one step alone."""

import itertools

import numpy as np
import pytest
from loops import for_each

from d2lbptt import experiments, init_params
from d2lbptt.checking.step_size import step_sizes


@for_each("dtype", ["float64", "float32"])
@for_each("method", ["forward", "central", "complex"])
def test_corners(method, dtype):
    for T, g, h in itertools.product([1, 60], [0.0, 3.0], [-30.0, -7.3, -1.0]):
        data = experiments.step_size(h, method, dtype, T, g, seed=3)
        chosen = data.sizes.h == 10.0**h
        assert chosen.sum() == 1 and data.h == 10.0**h and data.method == method
        check_digits(data, data.sizes.found[method][chosen][0], data.sizes.error[method][chosen][0])
        x, y = np.random.default_rng((3, 1)).normal(size=(2, T, 1))
        params = init_params(1, 5, 1, scale=g, seed=3)
        alone = step_sizes(params, x, y, [10.0**h], h0=np.full(5, 0.5), dtype=np.dtype(dtype))
        assert alone.truth == data.sizes.truth and alone.entry == data.sizes.entry
        # another batch of steps may round in another way
        eps, law = np.finfo(dtype).eps, data.sizes.law[method]
        assert alone.error[method] == pytest.approx(
            data.sizes.error[method][chosen], abs=30 * eps + 30 * law.rounding / 10**h
        )


def check_digits(data, found, error):
    """Of the digits as they are written, those that are right are the first n, and not one more would be."""
    places, parts = 8 if found.dtype == np.float32 else 16, []
    for words, number in zip(data.written, (found, data.sizes.truth), strict=True):
        assert float(words) == pytest.approx(number, rel=10.0**-places)
        mantissa, exponent = words.split("e")
        parts.append(((number < 0, int(exponent)), mantissa.lstrip("-").replace(".", "")))
        assert len(parts[-1][1]) == places + 1
    (size, shown), (true_size, true), n = *parts, data.digits

    def right(n):
        return n <= len(shown) and size == true_size and shown[:n] == true[:n] and error < 10.0**-n * (1 + 1e-9)

    assert (n == 0 or right(n)) and not right(n + 1)


def test_steps_are_those_of_the_slider_and_the_one_that_is_looked_at():
    decades = np.log10(experiments.step_size(h=-4.57).sizes.h)
    np.testing.assert_allclose(decades, np.sort([*np.arange(-300, -9) / 10, -4.57]), rtol=0, atol=1e-12)


def test_a_step_out_of_reach_is_refused():
    with pytest.raises(ValueError, match=r"h is -31.0, wanted a number from -30 and up to 0"):
        experiments.step_size(h=-31)
