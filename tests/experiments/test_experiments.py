"""What holds for every experiment: it is what its explorer asks, and it knows nothing of pictures and pages."""

import ast
import functools
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from driving import check, same
from loops import for_each

import d2lbptt
from d2lbptt import experiments, explorers
from d2lbptt.explorers.front_end import Menu
from tools import notebooks

each = for_each("name", explorers.__all__)
DISPLAY = {"preset", "decades", "step"}  # controls that change the display alone
PICTURES = "d2lbptt.figures", "d2lbptt._validation", "d2lbptt._progress", "d2lbptt._typeset"  # what draws, and helps it
ABOVE = "d2lbptt.figures", "d2lbptt.explorers", "matplotlib", "anywidget", "ipywidgets"


# --- an experiment and its explorer ---


@functools.cache
def made(name):
    return getattr(explorers, name)()


def at_the_start(name):
    """An explorer, made once, where it starts."""
    made(name).reset()
    return made(name)


@pytest.mark.slow
@each
def test_its_arguments_are_controls_and_its_defaults_are_where_they_start(name):
    explorer, parameters = made(name), inspect.signature(getattr(experiments, name)).parameters
    positional = {key: p.default for key, p in parameters.items() if p.kind is not p.KEYWORD_ONLY}
    assert positional == {key: explorer.state["controls"][key] for key in positional}
    assert set(explorer.controls) - set(positional) <= DISPLAY


@pytest.mark.slow
@each
def test_the_settings_as_python_give_the_same_data(name):
    explorer = at_the_start(name)
    for preset in explorer.presets or [None]:
        if preset:
            explorer.set(preset=preset)
        assert same(pasted(explorer), explorer.state["data"]), explorer.code


@pytest.mark.slow
@each
def test_the_settings_as_python_hold_every_control_that_was_moved(name):
    explorer = at_the_start(name)
    moved = {key: elsewhere(control) for key, control in explorer.controls.items() if key not in DISPLAY}
    explorer.set(**moved)
    check(explorer)
    assert same(pasted(explorer), explorer.state["data"]), explorer.code


def elsewhere(control):
    """The last option of a menu, one step of a slider."""
    if isinstance(control, Menu):
        return control.values[-1]
    return control.value + (control.step if control.value < control.max else -control.step)


def pasted(explorer):
    """What the settings as Python calculate, where nothing else is known."""
    names = {}
    exec(explorer.code, names)
    return names["data"]


# --- one direction ---


def imported(module):
    """Every module that the text of a module imports, anywhere in it."""
    path = Path(importlib.util.find_spec(module).origin)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def reached(start):
    """All modules of the package that some import, one by way of another: each with the one that imports it."""
    found, waiting = {}, list(start)
    while waiting:
        module = waiting.pop()
        for name in imported(module):
            if name not in found:
                found[name] = module
                if name.startswith("d2lbptt.") and is_module(name):
                    waiting.append(name)
    return found


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package: a name in a module
        return False


def files(folder):
    return sorted(Path(d2lbptt.__file__).parent.glob(f"{folder}/*.py"))


def test_no_experiment_reaches_a_picture_or_a_page():
    start = [f"d2lbptt.experiments.{path.stem}" for path in files("experiments") if path.stem != "__init__"]
    found = reached(["d2lbptt.experiments", *start])
    assert {"d2lbptt.bptt", "d2lbptt.rnn", "d2lbptt._validation", "numpy"} <= set(found)  # the search goes deep
    assert not {name: by for name, by in found.items() if name.startswith(ABOVE)}


def test_the_search_for_imports_finds_what_an_explorer_reaches():
    found = reached(["d2lbptt.explorers"])
    assert {"d2lbptt.figures", "d2lbptt.figures._style", "matplotlib.figure", "anywidget"} <= set(found)


def test_neither_matplotlib_nor_a_widget_is_loaded_by_an_experiment():
    code = (
        "import sys\n"
        "import d2lbptt.experiments as experiments\n"
        f"loaded = lambda: [name for name in {ABOVE} if name in sys.modules]\n"
        "assert not loaded(), loaded()\n"
        f"for name in {explorers.__all__}:\n"
        "    getattr(experiments, name)()\n"
        "    assert not loaded(), (name, loaded())"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def calculating(names):
    """Which of a module's names calculate: functions and modules of the package that are of no figure."""
    for name, thing in names.items():
        home = thing.__name__ if inspect.ismodule(thing) else thing.__module__ if inspect.isfunction(thing) else ""
        if home.startswith("d2lbptt.") and not home.startswith(PICTURES):
            yield name


@for_each("path", files("figures"))
def test_a_figure_calculates_nothing_with_the_numerics(path):
    module = importlib.import_module(f"d2lbptt.figures.{path.stem}".removesuffix(".__init__"))
    assert list(calculating(vars(module))) == []


def test_what_calculates_is_found():
    names = {"laws": d2lbptt.laws, "forward": d2lbptt.forward, "Trace": d2lbptt.Trace, "experiments": experiments}
    assert list(calculating(names)) == ["laws", "forward", "experiments"]


# --- notebooks ask experiments ---


DRIVES = "state", "controls", "reset", "press", "arrange"  # `set` opens a shown one at other values
PUBLIC = "_replace", "_asdict", "_fields", "__name__"  # of a named tuple and a function, in spite of their names


def driven(source):
    """What in a cell drives an explorer from code or looks behind a door: one word for each."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            if node.attr in DRIVES or (node.attr.startswith("_") and node.attr not in PUBLIC):
                yield f".{node.attr}"
            elif isinstance(node.ctx, ast.Store):
                yield f".{node.attr} ="
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            yield from (part for name in names for part in name.split(".") if part.startswith("_"))


@for_each("path", notebooks.sources())
def test_no_cell_of_a_notebook_drives_an_explorer_or_reads_a_private_name(path):
    cells = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    assert [word for source in cells for word in driven(source)] == []


@for_each(
    ("source", "words"),
    [
        ("hidden.controls['T'].value = 7", [".value =", ".controls"]),
        ("explorer.state['data'].full", [".state"]),
        ("from d2lbptt.explorers.front_end._widget import Explorer, _state", ["_widget", "_state"]),
        ("import d2lbptt._recursion", ["_recursion"]),
        ("explorer.set(T=7)", []),
        ("control.value += 1", [".value ="]),
        ("explorer.press('New draw'), explorer.arrange(True)", [".press", ".arrange"]),
        ("explorer._picture, params._replace(b_h=None)", ["._picture"]),
        ("bptt.experiments.gradient_flow(T=7).full", []),
    ],
)
def test_what_drives_an_explorer_is_found(source, words):
    assert list(driven(source)) == words
