"""Do two neighbouring starts stay neighbours? The distance of two runs, the product of Jacobians, and mean field."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from .. import laws
from ..figures._butterfly import _ButterflyPicture
from ..figures._paper import picture
from ..growth.perturbed_runs import PerturbedRuns, perturbed_runs, rate
from ..growth.spectra import spectral_radius
from ..rnn import KINDS, init_params
from ._live import Explorer

__all__ = ["butterfly"]


UNITS = [16, 32, 64, 128]
RUN = {"g": 2.5, "delta": -8, "T": 200, "units": 64, "kind": "gaussian", "input": 0.0}
SLOW = RUN | {"g": 1.5, "T": 1000, "kind": "orthogonal"}
PRESETS = {
    "chaos": RUN,
    "calm": RUN | {"g": 0.8},
    "slow chaos": SLOW,
    "input calms it": SLOW | {"input": 0.7},
    "as near as rounding": RUN | {"delta": -14},
}


class _Butterfly(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    runs : PerturbedRuns
    delta : float
        log10 of the distance at the start.
    law : float or None
        What theory says of the growth per step, natural logarithm.
    name : str
        The theory, "" without one.
    """

    runs: PerturbedRuns
    delta: float
    law: float | None
    name: str


def butterfly():
    """Explore how far apart two runs are that begin next to each other.

    Returns
    -------
    Explorer
        With ``controls`` g, delta (log10 of the distance at the start), T, seed, units, kind and input (the standard
        deviation of the inputs, fresh ones at every step; 0 for none).
    """
    return Explorer(
        name="butterfly",
        question="Do two neighbouring starts stay neighbours?",
        controls={
            "g": widgets.FloatSlider(2.5, min=0, max=3, step=0.01, description="scale g"),
            "delta": widgets.IntSlider(-8, -14, -1, description="log₁₀ δ"),
            "T": widgets.IntSlider(200, 10, 1000, description="length T"),
            "seed": widgets.IntSlider(0, 0, 99, description="seed"),
            "units": widgets.Dropdown(options=[(str(n), n) for n in UNITS], value=64, description="units"),
            "kind": widgets.Dropdown(options=KINDS, description="W_hh"),
            "input": widgets.FloatSlider(0, min=0, max=2, step=0.05, description="input size"),
        },
        more=["units", "kind", "input"],
        picture=picture(_ButterflyPicture, 9.6, 4.4),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
    )


def _compute(values):
    """Return the Butterfly for the values of the controls."""
    n, T, s, seed = values["units"], values["T"], values["input"], values["seed"]
    rng = np.random.default_rng((seed, 1))
    params = init_params(n, n, 1, scale=values["g"], kind=values["kind"], seed=seed)
    h0, v = rng.normal(size=(2, n))
    x = s * rng.normal(size=(T, n))
    runs = perturbed_runs(params, x, h0, v / np.linalg.norm(v), 10.0 ** values["delta"])
    return _Butterfly(runs, values["delta"], *_theory(values["g"], s, n, values["kind"], seed))


@lru_cache(maxsize=256)
def _theory(g, s, n, kind, seed):
    """Return the growth per step that theory has, and its name; None and "" where it has none."""
    rho = g * _radius(n, kind, seed)
    if s == 0 and rho < 1:
        return (np.log(rho).item() if rho else -np.inf), "rest"
    if kind in ("gaussian", "orthogonal"):
        return laws.mean_field(g, s**2).exponent, "mean field"
    return None, ""


@lru_cache(maxsize=256)
def _radius(n, kind, seed):
    return spectral_radius(init_params(n, n, 1, kind=kind, seed=seed).W_hh)


def _describe(values, data):
    """Return the sentence that says what is seen."""
    return " ".join(filter(None, (_fate(data), _as_predicted(data.runs), _rates(data))))


def _fate(data):
    runs, begins = data.runs, f"They begin 1e{data.delta:+03d} apart"
    T = len(runs.log) - 1
    if runs.parted is not None:
        return f"{begins}, and at t = {runs.parted} the two runs part: |h_t| / 10 or more lies between them."
    if runs.merged is not None:
        return f"{begins}, and from t = {runs.merged} on the two runs are one, to the last digit."
    if runs.lost == 0:
        return f"{begins}, and the two runs do not part."
    if runs.lost is not None:
        return f"{begins}, and at t = {runs.lost} no more than rounding is left between the two runs."
    now = np.exp(runs.log[T] - runs.floor[T]) * np.finfo(float).eps
    return f"{begins}; at t = {T} the two runs are still neighbours, {now:.1e} of |h_t| apart."


def _as_predicted(runs):
    end = runs.linear
    if end < 1:
        return "So near, rounding has a say as well as the Jacobians." if end < 0 else ""
    grown = rate(runs.log, end // 10, end)
    until = f"Up to t = {end}" if end > 1 else "In the first step"
    predicted = f"the distance that the Jacobians predict is never off by more than {_off(runs.off)}"
    return f"{until} each step multiplies the distance by {_factor(grown)}; {predicted}."


def _off(off):
    return _percent(off).removeprefix("less than ") if off < 0.3 else f"a factor of {np.exp(off):.2g}"


def _rates(data):
    T = len(data.runs.log) - 1
    grown = rate(data.runs.predicted, T // 10, T)
    words = f"From t = {T // 10} to {T} the Jacobians alone would multiply the distance by {_factor(grown)} a step"
    if data.law is None:
        return f"{words}; theory has no number for this W_hh."
    says = {"rest": "once the network is at rest, theory says", "mean field": "the mean field of very many units says"}
    apart = f", {_percent(abs(grown.value - data.law))} apart" if np.isfinite(grown.value) else ""
    return f"{words}; {says[data.name]} {np.exp(data.law):.3g}{apart}."


def _percent(off):
    return f"{np.expm1(off):.1%}" if np.expm1(off) >= 1e-3 else "less than 0.1%"


def _factor(grown):
    error = f" ± {grown.factor * grown.error:.2g}" if grown.error > 5e-4 else ""
    return f"{grown.factor:.3g}{error}"


def _as_python(values, data):
    """Return lines to paste that give the same numbers."""
    law = {"rest": _REST, "mean field": _MEAN_FIELD}.get(data.name, "")
    return (_LINES + law).format(**values, variance=values["input"] ** 2)


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.growth.perturbed_runs import perturbed_runs, rate

params = bptt.init_params({units}, {units}, 1, scale={g}, kind="{kind}", seed={seed})
rng = np.random.default_rng(({seed}, 1))
h0, v = rng.normal(size=(2, {units}))
x = {input} * rng.normal(size=({T}, {units}))
runs = perturbed_runs(params, x, h0, v / np.linalg.norm(v), 1e{delta})
print(f"parted: {{runs.parted}}, lost: {{runs.lost}}, merged: {{runs.merged}}, off by {{np.expm1(runs.off):.1%}}")
print(f"up to t = {{runs.linear}}: {{rate(runs.log, runs.linear // 10, runs.linear).factor:.3g}} a step")
print(f"over all steps: {{rate(runs.predicted, {T} // 10, {T}).factor:.3g}} a step")
"""
_REST = """\
print(f"theory: {{bptt.spectral_radius(params.W_hh):.3g}}")
"""
_MEAN_FIELD = """\
print(f"theory: {{np.exp(bptt.laws.mean_field({g}, {variance!r}).exponent):.3g}}")
"""
