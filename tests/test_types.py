"""The public names carry types, and these are what the docstrings say as far as a machine can tell."""

import inspect

from loops import for_each
from test_walk import callables, modules

EVERY = [(key, function) for name in sorted(modules()) for key, function in callables(name)]


@for_each(("key", "function"), EVERY)
def test_every_argument_and_every_result_has_a_type(key, function):
    form = inspect.signature(function)
    bare = [name for name, p in form.parameters.items() if name != "self" and p.annotation is p.empty]
    assert not bare and (form.return_annotation is not form.empty or function.__name__ == "__init__"), bare


@for_each(("key", "function"), EVERY)
def test_a_default_fits_its_type(key, function):
    for name, p in inspect.signature(function).parameters.items():
        if p.default is None:
            assert "None" in str(p.annotation) or "Any" in str(p.annotation), f"{name}: {p.annotation}"
        elif isinstance(p.default, str | bool) and p.default is not p.empty:
            assert type(p.default).__name__ in str(p.annotation), f"{name}: {p.annotation} = {p.default!r}"
