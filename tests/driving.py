"""Set an explorer as a reader would, and take what it shows; the model of a reader's own; what is the same data."""

import base64
import html
import io
import re

import ipywidgets as widgets
import numpy as np
from PIL import Image

from d2lbptt import init_params
from d2lbptt.explorers import _live as live


def shown(explorer, preset=None, **values):
    """Return data and sentence after a preset, or after the start, and after these values, set in one update."""
    if preset is None:
        explorer._set_values(explorer._start | values)
    else:
        explorer.reset()
        explorer.controls["preset"].value = preset
        if values:
            explorer._set_values(values)
    assert explorer.error is None, explorer.state["sentence"]
    return explorer.state["data"], explorer.state["sentence"]


def settings(control):
    """The ends and the middle of a slider, every option of a menu."""
    if isinstance(control, widgets.Dropdown):
        return [value for _, value in control._options_full]
    middle = (control.min + control.max) / 2
    return [control.min, type(control.value)(middle), control.max]


def check(explorer):
    """The explorer is alive: no error, a picture, and a sentence, all of the present values of its controls."""
    assert explorer.error is None, explorer.state["sentence"]
    assert explorer.state["controls"] == {key: live._value(c) for key, c in explorer.controls.items()}
    page = explorer._image.value
    png = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', page)[1])
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("L")))) > 20
    assert f'alt="{html.escape(explorer.state["sentence"])}"' in page
    assert html.escape(explorer.state["sentence"]) in explorer._sentence.value
    return png


def drive(explorer):
    """Move each control to its ends and its middle, from where the others start."""
    check(explorer)
    for control in explorer.controls.values():
        for value in settings(control):
            control.value = value
            check(explorer)
        explorer.reset()
        check(explorer)


def own_model(q=1, B=None, T=12):
    """A model and a sequence of a reader, as ``gradient_flow`` takes them."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(T, 2) if B is None else (T, B, 2))
    return {"params": init_params(2, 5, q, seed=4, bias=True), "x": x, "h0": rng.normal(size=(*x.shape[1:-1], 5))}


def same(a, b):
    """Whether two containers hold the same numbers."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__dict__") and type(a).__module__.startswith("d2lbptt"):
        return same(vars(a), vars(b))
    return a == b or (a != a and b != b)
