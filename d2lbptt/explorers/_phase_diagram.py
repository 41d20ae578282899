"""For which weight scale does the gradient neither vanish nor explode? Scales, lags, seeds at once (9.7.14, 9.7.15)."""

from timeit import default_timer as clock
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np
from tqdm.notebook import tqdm

from .._progress import unwatched
from ..figures._paper import picture
from ..figures._phase_diagram import _PhaseDiagramPicture
from ..growth.scales import critical_scales, sweep, theory
from ..laws import edge_of_chaos
from ..rnn import KINDS
from ._live import Explorer
from ._words import ratio, verdict

__all__ = ["phase_diagram"]


SCALES = np.linspace(0.5, 3, 101)
STEPS = 1000
PRESETS = {
    "tanh": {"activation": "tanh", "kind": "gaussian", "input_size": 0.1, "g": 1.2, "T": 1000},
    "orthogonal": {"activation": "tanh", "kind": "orthogonal", "input_size": 0.1, "g": 1.2, "T": 1000},
    "louder input": {"activation": "tanh", "kind": "gaussian", "input_size": 1.0, "g": 1.8, "T": 1000},
    "relu": {"activation": "relu", "kind": "orthogonal", "input_size": 0.1, "g": 1.4, "T": 1000},
    "without φ": {"activation": "identity", "kind": "gaussian", "input_size": 0.1, "g": 1.0, "T": 1000},
    "symmetric": {"activation": "tanh", "kind": "symmetric", "input_size": 0.1, "g": 2.0, "T": 1000},
}


class _Phase(NamedTuple):
    """What the explorer shows; T steps, G scales, S seeds; decades are log10 |dL/dh_{T-k}| / |dL/dh_T|, entry k.

    Attributes
    ----------
    scales : array, shape (G,)
    row : int
        Which of them is g.
    law : str
        What the theory is.
    by_lag, theory : array, shape (G, S, T)
        Decades, found and by the law.
    medians : tuple of array, shape (G, T)
        Of both, over the seeds.
    edges, law_edges : array, shape (S,)
        The g at which the gradient at the largest lag is as large as at the loss; inf where it is smaller for every g.
    """

    scales: np.ndarray
    row: int
    law: str
    by_lag: np.ndarray
    theory: np.ndarray
    medians: tuple
    edges: np.ndarray
    law_edges: np.ndarray


def phase_diagram():
    """Explore the size of the gradient over weight scale and lag, with the law that holds for the kind of W_hh.

    Returns
    -------
    Explorer
        With ``controls`` preset, g, T (steps of the 1000 that are shown), activation, kind, input_size, seeds, units.
    """
    stage = widgets.VBox()
    explorer = Explorer(
        name="phase_diagram",
        question="For which weight scale does the gradient neither vanish nor explode?",
        controls=_controls(),
        more=["kind", "seeds", "units"],
        picture=picture(_PhaseDiagramPicture, 9.6, 4.5),
        compute=lambda values: _compute(values, _bar_on(stage)),
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
    )
    explorer.children = (*explorer.children[:4], stage, *explorer.children[4:])  # below the sentence
    return explorer


def _controls():
    sizes = [(f"{size:g}", size) for size in (0.01, 0.1, 0.3, 1.0, 3.0)]
    low, high, step = SCALES[0], SCALES[-1], SCALES[1] - SCALES[0]
    return {
        "g": widgets.FloatSlider(1.2, min=low, max=high, step=step, description="scale g", readout_format=".3f"),
        "T": widgets.IntSlider(STEPS, 10, STEPS, step=10, description="steps T"),
        "activation": widgets.Dropdown(options=["tanh", "identity", "relu", "sigmoid"], description="φ"),
        "kind": widgets.Dropdown(options=KINDS, description="W_hh"),
        "input_size": widgets.Dropdown(options=sizes, value=0.1, description="input size"),
        "seeds": widgets.Dropdown(options=[3, 10], description="seeds"),
        "units": widgets.Dropdown(options=[16, 64, 256], value=64, description="units"),
    }


def _bar_on(stage):
    """Return what shows a bar on the stage once the work has taken a second, and takes it away at the end.

    A bar that displayed itself would be stored in the output of the cell; from a slider it would reach no page at all.
    """

    def progress(seeds):
        start, bar = clock(), None
        for done, seed in enumerate(seeds):
            if bar is None and clock() - start > 1:
                look = {"desc": "networks", "display": False, "leave": False, "mininterval": 0}
                bar = unwatched(tqdm)(total=len(seeds), initial=done, **look)
                stage.children = [bar.container]
            yield seed
            if bar is not None:
                bar.update()
        stage.children = []
        if bar is not None:
            bar.close()

    return progress


_KEPT = {}  # by settings, the latest ones: law, decades found and by the law, and their medians; all g, all lags


def _swept(settings, progress):
    if settings not in _KEPT:
        kind, activation, input_size, units, seeds = settings
        given = {"num_hiddens": units, "activation": activation, "kind": kind, "input_size": input_size}
        found = sweep(SCALES, range(seeds), STEPS, **given, progress=progress).by_lag
        expected = theory(SCALES, range(seeds), STEPS, **given)
        while len(_KEPT) >= 12:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[settings] = expected.law, *(_with_median(decades) for decades in (found, expected.by_lag))
    return _KEPT[settings]


def _with_median(by_lag):
    decades = by_lag, np.median(by_lag, 1)
    for array in decades:
        array.flags.writeable = False
    return decades


def _compute(values, progress=None):
    """Return the Phase for the values of the controls."""
    settings = tuple(values[key] for key in ("kind", "activation", "input_size", "units", "seeds"))
    law, *both = _swept(settings, progress)
    (found, median), (expected, law_median) = ([decades[..., : values["T"]] for decades in pair] for pair in both)
    row = int(np.argmin(np.abs(SCALES - values["g"])))
    ends = (critical_scales(SCALES, decades[..., -1]) for decades in (found, expected))
    return _Phase(SCALES, row, law, found, expected, (median, law_median), *ends)


def _describe(values, phase):
    """Return the sentence that says what is seen."""
    return f"{_along_g(values, phase)} {_edge(values, phase)}"


def _along_g(values, phase):
    k, g, S = phase.by_lag.shape[-1] - 1, phase.scales[phase.row], phase.by_lag.shape[1]
    found, law = (median[phase.row, k] for median in phase.medians)
    start = f"{values['activation']}, {values['kind']} W_hh, g = {g:g}: {k} steps back the gradient is"
    if not np.isfinite(found):
        zeros = np.isneginf(phase.by_lag[phase.row, :, k]).sum()
        return f"{start} exactly 0 for {zeros} of {S} seeds."
    size = f"{start} {ratio(found)} of what it was, a factor {_per_step(found, k)} per step (median of {S} seeds)"
    apart = "" if phase.law == "bound" else f", {abs(found - law):.1f} decades apart"
    return f"{size}: {verdict(found)}. {_LAWS[phase.law]} {_per_step(law, k)}{apart}."


_LAWS = {
    "mean field": "The mean field says",
    "spectral radius": "The spectral radius of W_hh says",
    "bound": "No mean field holds for such a W_hh; the bound γ σ_max is",
}


def _per_step(decades, k):
    return f"{10 ** (decades / k):.3f}"


def _edge(values, phase):
    found, law = np.median(phase.edges), np.median(phase.law_edges)
    near = found == law or abs(found - law) < 0.02
    if phase.law == "bound":
        says = f"below g = {law:.2f}" if np.isfinite(law) else "here"
        return f"{_stays(phase.edges)}; {says} the bound lets none grow."
    if np.isfinite(law):
        says = f"by the {phase.law} at {law:.2f}"
        if phase.law == "mean field" and not near:
            says += f". {values['units']} units are not infinitely many"
    elif values["activation"] == "sigmoid":
        says = f"the mean field's edge is near {edge_of_chaos(values['input_size'] ** 2, 'sigmoid'):.0f}"
    else:
        says = f"by the {phase.law} too"
    return f"{_stays(phase.edges)}; {says}."


def _stays(ends):
    low, found, high = np.min(ends), np.median(ends), np.max(ends)
    if not np.isfinite(found):
        return f"It {'shrinks' if found > 0 else 'grows'} for every g from {SCALES[0]:g} to {SCALES[-1]:g}"
    top = f"{high:.2f}" if np.isfinite(high) else f"beyond {SCALES[-1]:g}"
    bottom = f"{low:.2f}" if np.isfinite(low) else f"below {SCALES[0]:g}"
    return f"At g = {found:.2f} the gradient stays as large as it was (seeds: {bottom} to {top})"


def _as_python(values, phase):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(**values, row=phase.row, steps=STEPS)


_LINES = """\
import numpy as np
from d2lbptt.growth.scales import critical_scales, sweep, theory

scales, k = np.linspace(0.5, 3, 101), {T} - 1
given = dict(num_hiddens={units}, activation="{activation}", kind="{kind}", input_size={input_size})
found = sweep(scales, range({seeds}), {steps}, **given)
law = theory(scales, range({seeds}), {steps}, **given)
for name, by_lag in (("found", found.by_lag), (law.law, law.by_lag)):
    decades = by_lag[..., k]  # for all scales and seeds
    print(f"{{name}}: g = {{scales[{row}]:g}}, {{np.median(decades[{row}]):+.2f}} decades after {{k}} steps", end=", ")
    print(f"edge at {{np.median(critical_scales(scales, decades)):.3f}}")
"""
