"""The slope of tanh from the stored state. Oracle: mpmath, with 50 digits."""

import mpmath
import numpy as np
import pytest

from d2lbptt import experiments


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(50):
        yield


def test_the_digits_of_the_slope_go_as_one_over_itself():
    data = experiments.lost_slope()
    z = data.z[data.law["float64"] < 1]
    assert np.all(data.error["float64"][: len(z)] <= 1.1 * data.law["float64"][: len(z)])
    # and the law is no excuse: the errors come close to it
    near = [
        np.max((data.error["float64"] / data.law["float64"])[(data.z > k) & (data.z <= k + 1)]) for k in range(2, 18)
    ]
    assert min(near) > 0.3


@pytest.mark.parametrize(("name", "dtype"), [("float32", np.float32), ("float64", np.float64)])
def test_errors_and_law_of_the_slope(name, dtype):
    z = np.array([-12.3, -4.0, 0.0, 0.5, 3.3, 7.7, 15.0, 22.0])
    data = experiments.lost_slope(z)
    np.testing.assert_array_equal(data.z, z)
    for i, number in enumerate(z.astype(dtype)):
        truth = 1 / mpmath.cosh(mpmath.mpf(float(number))) ** 2
        h = np.tanh(number)
        assert data.law[name][i] == pytest.approx(float(np.finfo(dtype).eps / truth), rel=1e-12)
        got = abs(mpmath.mpf(float(dtype(1) - h * h)) / truth - 1)
        assert data.error[name][i] == pytest.approx(float(got), rel=1e-6, abs=2e-19)
    gone = {"float32": 12.3, "float64": 22.0}
    assert data.gone[name] == gone[name] and data.error[name][z == 22] == 1
    assert experiments.lost_slope(np.array([1.0])).gone[name] == np.inf
