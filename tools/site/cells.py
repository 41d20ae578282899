"""Which explorer a cell shows and at which settings, read from its code; and which cells only check."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from d2lbptt import explorers
from d2lbptt.explorers.front_end import Explorer


@dataclass(frozen=True)
class Shown:
    """An explorer, and what it was set to; None where the code alone does not tell, as for a reader's own network."""

    name: str
    values: dict[str, Any] | None = field(default_factory=dict)


def shown(source: str) -> Shown | None:
    """The explorer that a cell shows at its end, or None."""
    try:
        statements = list(_statements(ast.parse(source).body))
    except SyntaxError:  # a magic command
        return None
    known: dict[str, Shown] = {}
    for statement in statements[:-1]:
        _follow(statement, known)
    last = statements[-1] if statements else None
    return _of(_displayed(last.value), known) if isinstance(last, ast.Expr) else None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, and those below an `if`: such a cell needs a library that may be missing."""
    for statement in body:
        yield from _statements(statement.body) if isinstance(statement, ast.If) else [statement]


def _displayed(value: ast.expr) -> ast.expr:
    is_call = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "display"
    return value.args[0] if is_call and value.args else value


def _follow(statement: ast.stmt, known: dict[str, Shown]) -> None:
    """Take note, in `known`, of an explorer that is made or set."""
    match statement:
        case ast.Assign(targets=[ast.Name(name)], value=value):
            known.pop(name, None)
            if made := _of(value, known):
                known[name] = made
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "set"), args=[])) if name in known:
            before, now = known[name], _literals(statement.value)
            both = None if before.values is None or now is None else before.values | now
            known[name] = Shown(before.name, both)
        case _:
            for node in ast.walk(statement):  # whatever else is done to it, we do not know what it shows then
                if isinstance(node, ast.Name) and node.id in known:
                    known[node.id] = Shown(known[node.id].name, None)


def _of(value: ast.expr, known: dict[str, Shown]) -> Shown | None:
    if isinstance(value, ast.Name):
        return known.get(value.id)
    match value:
        case ast.Call(ast.Attribute(home, name)) if name in explorers.__all__:
            if ast.unparse(home).split(".")[-1] == "explorers":
                return Shown(name, _literals(value))
    return None


def _literals(call: ast.Call) -> dict[str, Any] | None:
    """The arguments of a call, if all are keywords with plain values."""
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        return None
    try:
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        return None


@dataclass(frozen=True)
class Scene:
    """What moves on a page without a kernel after a preset, or at the start: see `front_end.table`."""

    base: dict[str, Any]
    settings: dict[str, Any]
    moving: dict[str, list]

    def reached(self, values: dict[str, Any]) -> dict[str, Any]:
        """Those of some settings that differ from the scene's and that its controls can be moved to."""
        return {
            key: values[key] for key, here in self.moving.items() if values[key] in here and self.differs(key, values)
        }

    def differs(self, key: str, values: dict[str, Any]) -> bool:
        return values[key] != self.settings[key]


def scenes(explorer: Explorer) -> list[Scene]:
    """All of an explorer, that of the start first. Presets that set leads alone are places of the start's scene."""
    bases = [{}, *({"preset": name} for name in explorer.presets)]
    places = [(base, settings_of(explorer, base)) for base in bases]
    leads, (_, start) = list(explorer.leads), places[0]
    near = [settings for _, settings in places if all(start[key] == settings[key] for key in start if key not in leads)]
    return [
        Scene(
            base,
            settings,
            _moving(explorer, leads, near) if settings in near else _moving(explorer, leads[:1], [settings]),
        )
        for base, settings in places
    ]


def _moving(explorer, leads, places):
    return {
        key: [*(explorer.leads[key] or explorer.controls[key].values), *(place[key] for place in places)]
        for key in leads
    }


def settings_of(explorer: Explorer, values: dict[str, Any]) -> dict[str, Any]:
    """The values of all controls but the preset, after Reset and these values."""
    explorer.reset()
    explorer.set(**values)
    return {key: control.value for key, control in explorer.controls.items() if key != "preset"}


def for_player(explorer: Explorer, values: dict[str, Any] | None) -> dict[str, Any] | None:
    """What to set the player of an explorer to, so that it shows these settings, which are as for `set`; or None."""
    if values is None or values.keys() - explorer.controls.keys():
        return None
    wanted = settings_of(explorer, values)
    for scene in sorted(scenes(explorer), key=lambda scene: scene.base.get("preset") != values.get("preset")):
        found = scene.base | scene.reached(wanted)
        if settings_of(explorer, found) == wanted:
            return found
    return None


def only_checks(source: str, later: Iterable[str]) -> bool:
    """Whether a cell without output asserts, and defines nothing that a cell after it uses."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
        used = {name for cell in later for name in _names(ast.walk(ast.parse(cell)), ast.Load)}
    except SyntaxError:
        return False
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)} | _names(nodes, ast.Store)
    return any(isinstance(node, ast.Assert) for node in nodes) and not defined & used


def _names(nodes, context):
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
