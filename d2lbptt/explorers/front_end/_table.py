"""Answers computed beforehand, by which an explorer moves on a page without a kernel; ``fromTable`` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from ... import _validation
from ._controls import Slider
from ._widget import Explorer

_BETWEEN_ELEMENTS = re.compile(r"(?<=>)(?=<(?!/))")


def table(explorer: Explorer, leads: Mapping[str, Iterable[float]], *, narrow: bool = True) -> dict:
    """Return the answers of an explorer to all values of a few sliders, and to its presets, as JSON can hold them.

    Parameters
    ----------
    explorer : Explorer
        It is put back to its start.
    leads : dict of str to list of numbers
        Values of sliders, by name; those of the start and of the presets come to them. All other controls stay where
        they start, and do not move.
    narrow : bool
        Whether the arrangement for narrow pages is computed as well.

    Returns
    -------
    dict
        ``spec`` and ``controls`` of the start; ``leads``, each with ``key`` and ``values``; ``start``, the places of
        its values in them, and ``presets``, the same for each of them; ``states`` by places, as "3,0", or "preset 2",
        each also with " narrow" behind it. They name by number what many share: ``backgrounds``, and in ``parts`` the
        elements of the pictures.

    Raises
    ------
    ValueError
        If there is no such slider, or it does not take one of the values.
    """
    for key in leads:
        _validation.one_of("slider", key, [k for k, c in explorer.controls.items() if isinstance(c, Slider)])
    explorer.reset()
    made = _Table(explorer, {key: _with_presets(explorer, key, values) for key, values in leads.items()})
    for arrangement in (False, True)[: 1 + narrow]:
        made.add(arrangement)
    return made.result | {"narrow": narrow}


def _with_presets(explorer, key, values):
    presets = [preset[key] for preset in explorer.presets.values() if key in preset]
    return sorted({*values, *presets, explorer.controls[key].value})


class _Table:
    def __init__(self, explorer: Explorer, leads: Mapping[str, list]):
        self.explorer, self.leads = explorer, leads
        self.backgrounds: dict[str, int] = {}
        self.parts: dict[str, int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.start = {key: explorer.controls[key].value for key in leads}
        self.first = explorer.answer["controls"]

    def add(self, narrow):
        """Add all states in one of the two arrangements."""
        behind = " narrow" if narrow else ""
        self.explorer.arrange(narrow)
        for place in product(*(range(len(values)) for values in self.leads.values())):
            self.explorer.set(**{key: values[i] for i, (key, values) in zip(place, self.leads.items(), strict=True)})
            self.states[",".join(map(str, place)) + behind] = self._state()
        for i, name in enumerate(self.explorer.presets, 1):
            self.explorer.reset()
            self.explorer.set(preset=name)
            self.states[f"preset {i}{behind}"] = self._state()
        self.explorer.reset()
        self.explorer.arrange(False)

    def _state(self):
        answer, shared = self.explorer.answer, ("controls", "foreground", "number", "narrow", "unsettled")
        parts = _BETWEEN_ELEMENTS.split(answer.get("foreground", ""))
        moved = {key: now for key, now in self._controls().items() if now != self._fixed(key, self.first[key])}
        return {
            **{key: value for key, value in answer.items() if key not in shared},
            "controls": moved,
            "background": self.backgrounds.setdefault(self.explorer.background, len(self.backgrounds)),
            "foreground": [self.parts.setdefault(part, len(self.parts)) for part in parts],
        }

    def _controls(self):
        return {key: self._fixed(key, now) for key, now in self.explorer.answer["controls"].items()}

    def _fixed(self, key, now):
        return now if key in self.leads else now | {"disabled": key != "preset"}

    def _places(self, values):
        return [self.leads[key].index(values.get(key, start)) for key, start in self.start.items()]

    @property
    def result(self):
        """What the page reads."""
        spec = self.explorer.spec
        listed = [
            control | ({"values": self.leads[control["key"]]} if control["key"] in self.leads else {})
            for control in spec["controls"]
        ]
        return {
            "spec": {**spec, "controls": listed, "actions": []},
            "controls": {key: self._fixed(key, now) for key, now in self.first.items()},
            "leads": [{"key": key, "values": values} for key, values in self.leads.items()],
            "start": self._places({}),
            "presets": [self._places(preset) for preset in self.explorer.presets.values()],
            "backgrounds": list(self.backgrounds),
            "parts": list(self.parts),
            "states": self.states,
        }
