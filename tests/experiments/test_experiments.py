"""What holds for every experiment: it is what its explorer asks, and it knows nothing of pictures and pages."""

import inspect

import pytest
from driving import same

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
