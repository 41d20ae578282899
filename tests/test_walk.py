"""Nothing comes in unseen: every argument of every public function, walked with hostile values (see walk.py)."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
import walk

import d2lbptt

AREAS = ("core", "growth", "checker", "book", "text", "pictures")
SPECS = {}
for area in AREAS:
    SPECS |= importlib.import_module(f"walk_{area}").SPECS


def modules():
    """Every module without an underscore."""
    found = pkgutil.walk_packages(d2lbptt.__path__, "d2lbptt.")
    return [m.name for m in found if not any(part.startswith("_") for part in m.name.split("."))]


def public(name):
    """What a module defines without underscore: functions and classes."""
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]


def callables(name):
    """The functions of a module's __all__, and the methods of its classes, that take arguments: name -> signature."""
    module = importlib.import_module(name)
    for public_name in public(name):
        thing = getattr(module, public_name)
        if inspect.isfunction(thing):
            yield f"{name[8:]}.{public_name}", thing
        elif inspect.isclass(thing):
            for method, function in vars(thing).items():
                function = getattr(function, "__func__", function)  # of a class or static method
                own = inspect.isfunction(function) and function.__module__ == name
                if own and (not method.startswith("_") or (method == "__init__" and not hasattr(thing, "_fields"))):
                    if len(inspect.signature(function).parameters) > 1:
                        yield f"{name[8:]}.{public_name}.{method}".removesuffix(".__init__"), function


@pytest.mark.parametrize("name", modules())
def test_all_holds_what_the_module_defines(name):
    module = importlib.import_module(name)
    if public(name):
        assert set(public(name)) <= set(module.__all__)
    assert all(hasattr(module, one) for one in module.__all__)


@pytest.mark.parametrize("name", modules())
def test_the_walk_leaves_out_no_argument(name):
    for key, function in callables(name):
        assert key in SPECS, f"{key} is not walked"
        wanted = [p for p in inspect.signature(function).parameters if p != "self"]
        assert sorted(SPECS[key].good) == sorted(SPECS[key].legal) == sorted(wanted), key


@pytest.mark.parametrize("key", SPECS)
def test_hostile_values(key):
    complaints = [f"{key}({argument}={label}): {wrong}" for argument, label, wrong in walk.hostile(SPECS[key]) if wrong]
    assert not complaints, "\n".join(complaints)


def test_the_walk_finds_what_is_raw():
    """The walk itself: what lets a bad value through, complains in raw words or refuses a good one is found."""

    def careless(n):
        return [0.0] * n

    spec = walk.Spec(careless, {"n": 2}, {"n": walk.whole(0, 10)}, lambda result, given: len(result) == given["n"])
    wrong = {label for _, label, text in walk.hostile(spec) if text}
    assert {"None", "text", "-1", "10**400", "object", "True"} <= wrong
    assert not {"0", "3"} & wrong
