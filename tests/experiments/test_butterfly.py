"""The butterfly as an experiment: its runs, and what theory says of them.

Oracles: the two runs with weights, starts and inputs drawn here once more; NumPy's eigenvalues, and the mean field,
which has oracles of its own, for the growth.
"""

import numpy as np
import pytest
from loops import for_each

from d2lbptt import forward, init_params, laws
from d2lbptt.experiments import butterfly


@for_each("kind", ["gaussian", "orthogonal", "symmetric", "identity"])
@for_each(("g", "delta", "size"), [(2.5, -8, 0.0), (0.8, -3, 0.0), (1.5, -14, 0.7), (0.0, -1, 0.0)])
def test_the_runs_and_their_theory(g, delta, size, kind):
    data = butterfly(g=g, delta=delta, T=60, seed=3, units=16, kind=kind, input=size)
    rng = np.random.default_rng((3, 1))
    params = init_params(16, 16, 1, scale=g, kind=kind, seed=3)
    h0, v = rng.normal(size=(2, 16))
    x = size * rng.normal(size=(60, 16))
    for found, start in ((data.runs.h, h0), (data.runs.other, h0 + 10.0**delta * (v / np.linalg.norm(v)))):
        np.testing.assert_array_equal(found, forward(params, x, h0=start, activation="tanh").h)
    rho = np.abs(np.linalg.eigvals(params.W_hh)).max()
    if size == 0 and rho < 1:
        assert data.name == "rest"
        assert np.exp(data.law) == pytest.approx(rho)
    elif kind in ("gaussian", "orthogonal"):
        assert (data.law, data.name) == (laws.mean_field(g, size**2).exponent, "mean field")
    else:
        assert (data.law, data.name) == (None, "")
    if data.law is None or g == 0:
        assert data.theory is None
    else:
        start = np.linalg.norm(data.runs.other[0] - data.runs.h[0])
        np.testing.assert_allclose(10**data.theory, start * np.exp(data.law) ** np.arange(61))
    assert data.farthest == pytest.approx(np.log10(np.linalg.norm(np.ones(16) - -np.ones(16))))


@for_each(
    ("change", "words"),
    [
        ({"delta": -15}, r"delta is -15\.0, wanted a number from -14 and up to 0"),
        ({"units": 0}, "units is 0, wanted a whole number from 1 to 2000"),
        ({"input": -1}, r"input is -1\.0, wanted"),
    ],
)
def test_what_is_no_setting_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        butterfly(**change)
