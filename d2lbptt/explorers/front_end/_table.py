"""Answers computed beforehand, by which an explorer moves on a page without a kernel; ``player.js`` reads them.

A *scene* is what can be reached there: that of the start, where all leads move, and one for each preset that sets
other controls than these, where only the main lead moves. In a *row* of a scene the other leads stand still; its states
are those of the main lead. One chunk holds one row in one arrangement of the panels.
"""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any, NamedTuple

from ... import _validation
from ._controls import Menu, Number
from ._widget import Explorer

_BETWEEN_ELEMENTS = re.compile(r"(?<=>)(?=<(?!/))")
_MARKUP = ("background", "foreground")
_OF_THE_KERNEL = ("number", "narrow", "unsettled", "error")


class Table(NamedTuple):
    """What an explorer shows in all states that can be reached on a page without a kernel, as JSON can hold it.

    A state names what its fields hold by places in a pool, which is that of the head and behind it that of the chunk.
    Lists, tables and markup go there entry by entry. Values of controls are as the page knows them: of a menu, places.

    Attributes
    ----------
    head : dict
        ``spec`` of the explorer; ``menus``, the values of each; ``leads``, the main one first; ``scenes``, each with
        the number of its ``preset`` or 0, and ``rows``: where the other leads stand, ``at``, and the ``values`` of the
        main one; ``start``, the values of the leads; ``presets``, each with its ``scene`` and the same ``at``;
        ``first``, the state at the start in each arrangement, "wide" and "narrow"; ``pool``.
    chunks : dict of str to dict
        By scene, row and arrangement, as "0-3-wide": ``states``, one for each of the values; ``presets``, what is shown
        where a preset led to this row, by its number from 1 on; ``pool``.
    """

    head: dict[str, Any]
    chunks: dict[str, dict[str, Any]]


def table(explorer: Explorer, *, narrow: bool = True) -> Table:
    """Return the answers of an explorer to all values of its leads, and to its presets.

    Parameters
    ----------
    explorer : Explorer
        With leads. To their values come those of the start and of the presets. It is put back to its start.
    narrow : bool
        Whether the arrangement for narrow pages is computed as well.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there are no leads, or one of them is no slider and no menu, does not take one of its values or is moved by
        the main one, or if there is no picture for some of them.
    """
    tour, pool = _Tour(explorer), _Pool()
    first, chunks = {}, {}
    for arrangement in ("wide", "narrow")[: 1 + narrow]:
        explorer.arrange(arrangement == "narrow")
        first[arrangement] = pool.state(tour.ask())
        for key, row in tour.rows():
            chunks[f"{key}-{arrangement}"] = row
    explorer.arrange(False)
    explorer.reset()
    packed = {key: _chunk(row["states"], row["presets"], pool) for key, row in chunks.items()}
    return Table(tour.head() | {"first": first, "pool": pool.parts}, packed)


class _Tour:
    """Leads an explorer through its scenes, by the questions that a page would ask."""

    def __init__(self, explorer: Explorer):
        self.explorer, self.controls = explorer, explorer.controls
        if not explorer.leads:
            raise ValueError(f"leads of {explorer.spec['name']} are empty, wanted at least one control")
        for key in explorer.leads:
            _validation.one_of("lead", key, [k for k, found in self.controls.items() if not isinstance(found, Number)])
        explorer.reset()
        self.start = {key: control.value for key, control in self.controls.items()}
        self.main, *self.others = self.leads = list(explorer.leads)
        self.presets = self._presets()
        self.scenes = [self._scene(0), *(self._scene(i) for i, p in enumerate(self.presets, 1) if p["scene"])]

    def _presets(self):
        """Return scene and leads of each preset; one that sets other controls than the leads has its own scene."""
        found, last = [], 0
        for preset in self.explorer.presets.values():
            elsewhere = any(self.start[key] != value for key, value in preset.items() if key not in self.leads)
            last += elsewhere
            at = {key: preset.get(key, self.start[key]) for key in self.leads}
            found.append({"scene": last * elsewhere, "at": at})
        return found

    def _scene(self, preset):
        """Return the number of a preset, or 0 for the start's scene, and rows that have no states yet."""
        if preset:
            places, ats = [self.presets[preset - 1]], [{}]
        else:
            places = [{"at": self.start}, *(found for found in self.presets if not found["scene"])]
            others = {key: self._values(key, places) for key in self.others}
            ats = [dict(zip(others, values, strict=True)) for values in product(*others.values())]
        main = self._values(self.main, places)
        return {"preset": preset, "rows": [{"at": at, "values": main} for at in ats]}

    def _values(self, key, places):
        """Return the values of a lead, with those of some places."""
        control, values = self.controls[key], self.explorer.leads[key]
        here = [place["at"][key] for place in places]
        if not isinstance(control, Menu):
            return sorted({*(round(value, 10) for value in values), *here})
        for value in values:
            if value not in control.values:
                raise ValueError(f"lead {key} is {_validation.shown(value)}, wanted {control.wanted()}")
        return [value for value in control.values if not values or value in [*values, *here]]

    def rows(self):
        """Go through all rows; yield each with its key."""
        for i, scene in enumerate(self.scenes):
            for j, row in enumerate(scene["rows"]):
                yield f"{i}-{j}", {"states": self._states(scene, row), "presets": self._by_preset(i, row)}

    def _states(self, scene, row):
        found = {}
        for value in row["values"]:
            answer = self.ask(scene["preset"], {**row["at"], self.main: value})
            self._check_others(row["at"])
            found.setdefault(self.controls[self.main].value, answer)  # it may have stopped where another lead ends it
        row["values"] = list(found)
        return list(found.values())

    def _by_preset(self, scene, row):
        """Return answers by preset, which some words name, for those of the start's scene that end in this row."""
        return {
            str(number): self.ask(number)
            for number, preset in enumerate(self.presets, 1)
            if preset["scene"] == scene == 0 and all(preset["at"][key] == value for key, value in row["at"].items())
        }

    def ask(self, preset=0, values=None):
        """Return the answer after Reset, a preset and these values, all in one question."""
        wanted = {"preset": preset} if preset else {}
        wanted |= {key: self._sent(key, value) for key, value in (values or {}).items()}
        self.explorer._on_question(self.explorer, {"number": 0, "do": "reset", "set": wanted}, [])
        if self.explorer.error is not None:
            raise ValueError(f"{self.explorer.spec['name']} has no picture for {values}: {self.explorer.error}")
        return {**self.explorer.answer, "background": self.explorer.background}

    def _check_others(self, at):
        for key, value in at.items():
            if (found := self.controls[key].value) != value:
                why = f"{self.main} moves it, and must not come first"
                raise ValueError(f"lead {key} is {found}, wanted {value}: {why}")

    def _sent(self, key, value):
        control = self.controls[key]
        return control.values.index(value) if isinstance(control, Menu) else value

    def _all_sent(self, values):
        return {key: self._sent(key, value) for key, value in values.items()}

    def head(self):
        """Return what the page must know before it asks for a chunk."""
        return {
            "spec": {**self.explorer.spec, "actions": []},
            "menus": {key: control.values for key, control in self.controls.items() if isinstance(control, Menu)},
            "leads": self.leads,
            "scenes": [{**scene, "rows": list(map(self._row_sent, scene["rows"]))} for scene in self.scenes],
            "start": self._all_sent({key: self.start[key] for key in self.leads}),
            "presets": [{**preset, "at": self._all_sent(preset["at"])} for preset in self.presets],
        }

    def _row_sent(self, row):
        return {"at": self._all_sent(row["at"]), "values": [self._sent(self.main, value) for value in row["values"]]}


class _Pool:
    """Each thing once, known by its place.

    Parameters
    ----------
    before : list
        What has the first places and comes from elsewhere.
    """

    def __init__(self, before=()):
        self.parts, self._places = [], {}
        for part in before:
            self._place(part)
        self.parts.clear()

    def state(self, answer):
        """Return an answer with places instead of what it holds."""
        return {key: self._placed(key, value) for key, value in answer.items() if key not in _OF_THE_KERNEL}

    def _placed(self, key, value):
        if isinstance(value, dict):
            return {name: self._place(part) for name, part in value.items()}
        if key in _MARKUP:
            value = _BETWEEN_ELEMENTS.split(value)
        return [self._place(part) for part in value] if isinstance(value, list) else self._place(value)

    def _place(self, part):
        known, new = json.dumps(part), len(self._places)
        if self._places.setdefault(known, new) == new:
            self.parts.append(part)
        return self._places[known]


def _chunk(states, presets, shared):
    pool = _Pool(shared.parts)
    packed = {"states": list(map(pool.state, states)), "presets": {key: pool.state(presets[key]) for key in presets}}
    return {**packed, "pool": pool.parts}
