"""What holds for every experiment: it is what its explorer asks, and it knows nothing of pictures and pages."""

import inspect

import numpy as np
import pytest

from d2lbptt import experiments, explorers

SHOWN = [name for name in explorers.__all__ if hasattr(experiments, name)]
each = pytest.mark.parametrize("name", SHOWN)


@each
def test_its_arguments_are_controls_and_its_defaults_are_where_they_start(name):
    explorer, parameters = getattr(explorers, name)(), inspect.signature(getattr(experiments, name)).parameters
    positional = {key: p.default for key, p in parameters.items() if p.kind is not p.KEYWORD_ONLY}
    assert positional == {key: explorer.state["controls"][key] for key in positional}
    assert set(explorer.controls) - set(positional) <= {"preset", "decades", "step"}  # these change the display alone


@each
def test_the_settings_as_python_give_the_same_data(name):
    explorer = getattr(explorers, name)()
    for preset in explorer._presets or [None]:
        if preset:
            explorer.set(preset=preset)
        names = {}
        exec(explorer.code, names)
        assert same(names["data"], explorer.state["data"]), explorer.code


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
