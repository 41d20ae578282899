"""Nothing comes in unseen: every argument of every public function, walked with hostile values (see walk.py)."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
import walk
from loops import for_each

import d2lbptt

AREAS = ("core", "cells", "growth", "checker", "book", "text", "experiments", "pictures", "frameworks", "exercises")
SPECS = {}
for area in AREAS:
    SPECS |= importlib.import_module(f"walk_{area}").SPECS


def modules(package=d2lbptt):
    """What is public: a module without an underscore; of a folder what stands in its __all__, which may be modules."""
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    for name in names if package is d2lbptt else [name for name in names if name in package.__all__]:
        found = importlib.import_module(f"{package.__name__}.{name}")
        if hasattr(found, "__path__"):
            yield from modules(found)
        yield found.__name__


def public(name):
    """What a module or a folder opens to a reader, and no other one does: functions and classes."""
    module, open_ones = importlib.import_module(name), set(sorted(modules()))
    things = {one: getattr(module, one) for one in module.__all__}
    return {
        one: thing
        for one, thing in things.items()
        if (inspect.isfunction(thing) or inspect.isclass(thing))
        and (thing.__module__ == name or (hasattr(module, "__path__") and thing.__module__ not in open_ones))
    }


def callables(name):
    """The functions of a module's __all__, and the methods of its classes, that take arguments: name -> signature."""
    for public_name, thing in public(name).items():
        if inspect.isfunction(thing):
            yield f"{name[8:]}.{public_name}", thing
        else:
            for method, function in vars(thing).items():
                function = getattr(function, "__func__", function)  # of a class or static method
                own = inspect.isfunction(function) and function.__module__ == thing.__module__
                if own and (not method.startswith("_") or (method == "__init__" and not hasattr(thing, "_fields"))):
                    if len(inspect.signature(function).parameters) > 1:
                        yield f"{name[8:]}.{public_name}.{method}".removesuffix(".__init__"), function


def defined(name):
    """The functions and classes without underscore that a module's own text defines."""
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


@for_each("name", sorted(modules()))
def test_all_holds_what_the_module_defines(name):
    module = importlib.import_module(name)
    assert defined(name) <= set(module.__all__)
    assert all(hasattr(module, one) or importlib.import_module(f"{name}.{one}") for one in module.__all__)


def test_no_module_is_hidden_by_a_function_of_the_same_name():
    for found in pkgutil.walk_packages(d2lbptt.__path__, "d2lbptt."):
        module, (folder, _, name) = importlib.import_module(found.name), found.name.rpartition(".")
        assert getattr(importlib.import_module(folder), name) is module, found.name


@for_each("name", sorted(modules()))
def test_the_walk_leaves_out_no_argument(name):
    for key, function in callables(name):
        assert key in SPECS, f"{key} is not walked"
        wanted = [p for p in inspect.signature(function).parameters if p != "self"]
        assert sorted(SPECS[key].good) == sorted(SPECS[key].legal) == sorted(wanted), key


@pytest.mark.slow
@pytest.mark.parametrize("key", SPECS)
def test_hostile_values(key):
    if SPECS[key].needs:
        pytest.importorskip(SPECS[key].needs, reason=f"{SPECS[key].needs} is not installed: {key} is not walked")
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
