"""Set an explorer as a reader would, and take what it shows; the model of a reader's own; what is the same data."""

import xml.etree.ElementTree as ET

import numpy as np

from d2lbptt import init_params
from d2lbptt.explorers.front_end import Menu


def shown(explorer, preset=None, **values):
    """Return data and sentence after a preset, or after the start, and after these values, set in one update."""
    explorer.reset()
    explorer.set(**({} if preset is None else {"preset": preset}), **values)
    assert explorer.error is None, explorer.state["sentence"]
    return explorer.state["data"], explorer.state["sentence"]


def settings(control):
    """The ends and the middle of a slider, every option of a menu."""
    if isinstance(control, Menu):
        return control.values
    return [control.min, type(control.value)((control.min + control.max) / 2), control.max]


def anywhere(explorer, number):
    """So many settings of all controls but the preset, each on one of its steps, or one of its options."""
    rng = np.random.default_rng(0)
    for _ in range(number):
        yield {key: _anywhere(control, rng) for key, control in explorer.controls.items() if key != "preset"}


def _anywhere(control, rng):
    if isinstance(control, Menu):
        return control.values[rng.integers(len(control.values))]
    steps = round((control.max - control.min) / control.step)
    return type(control.value)(round(control.min + int(rng.integers(steps + 1)) * control.step, 10))


def check(explorer):
    """The explorer is alive: no error, and a picture and words, all of the present values of its controls."""
    assert explorer.error is None, explorer.state["sentence"]
    values = {key: control.value for key, control in explorer.controls.items()}
    assert explorer.state["controls"] == values
    answer = explorer.answer
    assert {key: control.now() for key, control in explorer.controls.items()} == answer["controls"]
    assert len(list(drawn(explorer).iter())) > 20
    assert answer["sentence"] and answer["error"] == ""
    return answer["foreground"]


def drawn(explorer):
    """The picture that the page shows, as a tree."""
    inside = explorer.background + explorer.answer["foreground"]
    return ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')


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
