"""What a reader sets: sliders, fields and menus. They hold values and say what the page needs to know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from numbers import Integral, Real

import traitlets

from ... import _validation
from ..._typeset import as_plain


class _Value(traitlets.Any):
    allow_none = False  # so that None is looked at as any other value


class Control(traitlets.HasTraits):
    """A value with a name. ``observe`` it as any trait.

    Parameters
    ----------
    label : str
        A few letters, as they stand before it on the page.
    """

    value = _Value()
    disabled = traitlets.Bool(False)
    label = traitlets.Unicode()

    def spec(self) -> dict:
        """Return what the page is told once."""
        raise NotImplementedError

    def now(self) -> dict:
        """Return what the page is told with each answer."""
        return {"value": self.sent(), "disabled": self.disabled}

    def sent(self):
        """Return the value as the page knows it."""
        return self.value

    def received(self, sent):
        """Return the value that the page has sent."""
        return sent

    def wanted(self) -> str:
        """Say which values it takes."""
        raise NotImplementedError


class Slider(Control):
    """A number between two ends; a value beyond one of them becomes that end.

    Parameters
    ----------
    min, max, step : int or float
        The value is whole if all three are.
    unit : str
        Said to those who hear the value and do not see it, as in "12 steps".
    """

    min, max, step = traitlets.Any(0), traitlets.Any(), traitlets.Any(1)
    unit = traitlets.Unicode()
    kind = "slider"

    def __init__(self, label: str, min: float, max: float, step: float = 1, *, unit: str = "", value=None):
        self.whole = all(isinstance(number, Integral) for number in (min, max, step))
        super().__init__(label=label, min=min, max=max, step=step, unit=unit)
        self.value = min if value is None else value

    @traitlets.validate("value")
    def _within(self, proposal):
        found = proposal["value"]
        number = isinstance(found, Real) and not isinstance(found, bool) and isfinite(found)
        if not number or (self.whole and found != int(found)):
            raise traitlets.TraitError(f"{as_plain(self.label)} is {_validation.shown(found)}, wanted {self.wanted()}")
        found = int(found) if self.whole else float(found)
        return type(found)(min(max(found, self.min), self.max))

    @traitlets.observe("min", "max")
    def _back_within(self, _):
        if self.value is not None:
            self.value = self.value

    @property
    def digits(self) -> int:
        """How many digits after the point the step has."""
        return 0 if self.whole else len(f"{self.step:.6f}".rstrip("0").partition(".")[2])

    def spec(self):
        return {"kind": self.kind, "step": self.step, "digits": self.digits, "unit": self.unit}

    def now(self):
        return super().now() | {"min": self.min, "max": self.max}

    def received(self, sent):
        return round(sent, 10)  # a browser says 0.9099999999999999 for a slider that stands at 0.91

    def wanted(self):
        return f"{'a whole number from ' * self.whole}{self.min:g} to {self.max:g}"


class Number(Slider):
    """The same, as a field to type into."""

    kind = "number"


class Menu(Control):
    """One of several values.

    Parameters
    ----------
    options : iterable
        Values, or pairs of words and a value, as ``options`` of the menus of ipywidgets.
    """

    options = traitlets.Any()

    def __init__(self, label: str, options: Iterable, value=None):
        super().__init__(label=label, options=tuple(options))
        self.value = self.values[0] if value is None else value

    @property
    def pairs(self) -> list:
        """Words and value of each option."""
        return [option if isinstance(option, tuple) else (str(option), option) for option in self.options]

    @property
    def values(self) -> list:
        """The values alone."""
        return [value for _, value in self.pairs]

    @traitlets.validate("value")
    def _known(self, proposal):
        found = proposal["value"]
        for value in self.values:
            if value == found and isinstance(found, bool) == isinstance(value, bool):
                return value
        raise traitlets.TraitError(f"{as_plain(self.label)} is {_validation.shown(found)}, wanted {self.wanted()}")

    def spec(self):
        return {"kind": "menu", "options": [words for words, _ in self.pairs]}

    def sent(self):  # by its place, so that None is no special value
        return self.values.index(self.value)

    def received(self, sent):
        return self.values[sent]

    def wanted(self):
        return f"one of {', '.join(map(str, self.values))}"


def steps(low: float, high: float, step: float = 1) -> list:
    """Return the values from one end to the other, which lies so many steps away: ``leads`` of an Explorer."""
    return [round(low + i * step, 10) for i in range(round((high - low) / step) + 1)]


def within_T(*names: str, less: int = 0, then: Callable | None = None) -> Callable:
    """Return a ``link`` for an Explorer that ends these controls at T, or so many steps before: ``within`` T."""
    return within("T", *names, less=less, then=then)


def within(longest: str, *names: str, less: int = 0, then: Callable | None = None) -> Callable:
    """Return a ``link`` for an Explorer that ends these controls where another one stands, or so many steps before.

    What a smaller value of that one takes away comes back with a larger one. ``then(controls)`` does what else is to be
    done.
    """
    wanted: dict[str, float] = {}

    def link(controls):
        for name in names:
            control = controls[name]
            if name not in wanted or control.value != min(wanted[name], control.max):
                wanted[name] = control.value
            control.max = controls[longest].value - less
            control.value = min(wanted[name], control.max)
        if then is not None:
            then(controls)

    return link
