"""How small should the step h be? The error of three differences against h, and the digits that one h leaves."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..checking.step_size import METHODS, StepSizes, step_sizes
from ..figures._paper import picture
from ..figures._step_size import NAMES, _right_digits, _StepSizePicture
from ..rnn import init_params
from ._live import Explorer
from ._words import counted

__all__ = ["step_size"]

UNITS, LONGEST = 5, 60
STEPS = 10.0 ** (np.arange(-300, -9) / 10)


class _Chosen(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    sizes : step_size.StepSizes
    method : str
    h : float
        The chosen one of sizes.h.
    """

    sizes: StepSizes
    method: str
    h: float


def step_size():
    """Explore the error of a difference against its step, for one entry of dL/dW_hh in a network with tanh.

    Returns
    -------
    Explorer
        With ``controls`` h (its exponent, log10 h), method, dtype, T, g and seed.
    """
    return Explorer(
        name="step_size",
        question="How small should the step h be?",
        controls={
            "h": widgets.FloatSlider(-3, min=-30, max=-1, step=0.1, description="log₁₀ h", readout_format=".1f"),
            "method": widgets.Dropdown(options=[(NAMES[m], m) for m in METHODS], value="central", description="method"),
            "dtype": widgets.Dropdown(options=["float64", "float32"], description="numbers"),
            "T": widgets.IntSlider(12, 1, LONGEST, description="length T"),
            "g": widgets.FloatSlider(1.0, min=0, max=3, step=0.05, description="scale g"),
            "seed": widgets.IntSlider(0, 0, 99, description="seed"),
        },
        more=["seed"],
        picture=picture(_StepSizePicture, 9.6, 4.3),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
    )


def _compute(values):
    """Return the _Chosen for the values of the controls."""
    T, rng, h = values["T"], np.random.default_rng((values["seed"], 1)), 10.0 ** values["h"]
    params = init_params(1, UNITS, 1, scale=values["g"], seed=values["seed"])
    x, y = rng.normal(size=(2, T, 1))
    steps = np.append(STEPS, h)
    sizes = step_sizes(params, x, y, steps, h0=np.full(UNITS, 0.5), dtype=np.dtype(values["dtype"]))
    return _Chosen(sizes, values["method"], h)


def _describe(values, chosen):
    """Return the sentence that says what is seen."""
    sizes, method, h = chosen
    law, error, right = sizes.law[method], sizes.error[method][sizes.h == h][0], _right_digits(sizes, method, h)
    truncation, rounding = law.terms(h)
    entry, digits = list(sizes.entry), "no digit" if right == 0 else counted(right, "digit")
    found = f"h = {h:.1e}, {NAMES[method]}, {values['dtype']}: {digits} of dL/dW_hh{entry} right"
    why = "the formula's error, so h is too large" if truncation > rounding else "rounding"
    if truncation <= rounding and method != "complex":
        why = "rounding, so h is too small"
    best = f"In theory any h below {law.best:.0e} will do"
    if method != "complex":
        best = f"The best h is {law.best:.0e} in theory and {sizes.best(method):.0e} as measured"
    return f"{found} (relative error {error:.1e}, mostly {why}). {best}{_apart(sizes.apart(method), method)}."


def _apart(factor, method):
    if np.isfinite(factor) and method != "complex":
        return f"; errors and theory are less than a factor {np.ceil(factor):.0f} apart"
    return f"; errors and theory are a factor {factor:.2f} apart" if np.isfinite(factor) else "; no h leaves a digit"


def _as_python(values, chosen):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(units=UNITS, **{**values, "h": chosen.h, "method": chosen.method})


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.checking.step_size import step_sizes

params = bptt.init_params(1, {units}, 1, scale={g}, seed={seed})
x, y = np.random.default_rng(({seed}, 1)).normal(size=(2, {T}, 1))
sizes = step_sizes(params, x, y, [{h!r}], h0=np.full({units}, 0.5), dtype=np.{dtype})
found, error = sizes.found["{method}"][0], sizes.error["{method}"][0]
print(f"found {{found:.9g}}, true {{sizes.truth:.9g}}, relative error {{error:.1e}}")
print(f"best h in theory: {{sizes.law['{method}'].best:.0e}}")
"""
