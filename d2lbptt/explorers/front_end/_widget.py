"""The one place that knows how a control becomes a picture on a page.

A value changes, the experiment calculates, the picture's artists move, and what has moved goes out as SVG. The page
(``front_end.js``) knows nothing of Python: it asks, and each answer holds all that it shows. Questions come one at a
time; while one is answered the page keeps the newest values, so that the last picture is that of the last value.

Recent JupyterLab calls back on a thread of its own, so one lock goes round everything from reading the controls to
handing over the picture.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from inspect import signature
from pathlib import Path
from timeit import default_timer as clock
from typing import Any

import anywidget
import traitlets

from ... import _validation
from ..._typeset import as_html, as_plain
from ...figures._panels import Picture
from ...figures._paper import house
from .._words import Said
from . import _fonts, _geometry
from ._controls import Control, Menu
from ._layers import Layers

_HERE = Path(__file__).parent
_UNHURRIED = 1  # seconds of work after which the page is told how far it is


class Explorer(anywidget.AnyWidget):
    """A question, some controls, a picture, and a sentence that says what is seen.

    Parameters
    ----------
    experiment : callable
        Its arguments are controls, and its defaults are where they start. What it returns is shown. One that has an
        argument ``progress`` is given a function that yields the items of a list and tells the page how far it is.
    question : str
    controls : dict of str to Control
        By the names that outside scripts use, the main one first. Those that the experiment does not take go to the
        picture.
    picture : Picture
    words : callable
        ``words(values, data) -> Said``, from the values of the controls and what the experiment returned.
    more : collection of str
        Those controls that are folded away at first.
    presets : dict of str to dict, optional
        Values of controls by name of preset; adds the control ``preset``.
    link : callable, optional
        ``link(controls)``, called before each update to keep the controls consistent with one another.
    actions : dict of str to callable, optional
        Buttons besides Reset and Save, by their words; each is called with the controls.
    start : dict, optional
        Values of controls that start elsewhere than the experiment's defaults.
    given : dict, optional
        More arguments of the experiment, the reader's own, by name.
    leads : dict of str to collection, optional
        The controls that move on a page without a kernel, the main one first, and the values that they take there; a
        menu given an empty collection takes all of its own. The others stand still on such a page.
    play : str, optional
        The slider that a button moves by itself from end to end, because time passes along it.

    Attributes
    ----------
    controls : dict of str to Control
    presets : dict of str to dict
    leads : dict of str to list
    state : dict
        Of the last update: ``controls`` (the values used), ``sentence``, ``details`` and ``alternative`` (both, as one
        text) in plain words, ``data`` (None if it failed).
    error : Exception or None
        Why the last update failed.
    code : str
        The settings of the last update as Python.
    """

    # Traits of the class, and no paths: anywidget would keep every explorer for ever, to tell it that a file changed.
    _esm = traitlets.Unicode((_HERE / "front_end.js").read_text("utf-8")).tag(sync=True)
    _css = traitlets.Unicode((_HERE / "front_end.css").read_text("utf-8")).tag(sync=True)
    spec = traitlets.Dict(help="what never changes").tag(sync=True)
    background = traitlets.Unicode(help="what stands still in the picture").tag(sync=True)
    answer = traitlets.Dict(help="all else that is shown").tag(sync=True)

    def __init__(
        self,
        experiment: Callable,
        *,
        question: str,
        controls: Mapping[str, Control],
        picture: Picture,
        words: Callable[[dict, Any], Said],
        more: Collection[str] = (),
        presets: Mapping[str, Mapping[str, Any]] | None = None,
        link: Callable[[Mapping[str, Control]], None] | None = None,
        actions: Mapping[str, Callable] | None = None,
        start: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None,
        leads: Mapping[str, Iterable] | None = None,
        play: str = "",
    ):
        self._experiment, self._words, self._given = experiment, words, dict(given or {})
        self._name, self._picture = experiment.__name__, picture
        with house():  # to look through a figure makes its ticks
            self._layers = Layers(picture.figure, picture.artists)
        parameters = signature(experiment).parameters
        self._asked = [key for key in parameters if key in controls]
        self._unwatched = {"progress": self._watched} if "progress" in parameters else {}
        self._link = link or (lambda controls: None)
        self._actions, self.presets = dict(actions or {}), dict(presets or {})
        self._lock, self._held, self._number, self._narrow = threading.RLock(), True, 0, False
        self._limits: tuple | None = None
        self.controls = {**controls, **_preset_control(self.presets)}
        for key, value in ({key: parameters[key].default for key in self._asked} | dict(start or {})).items():
            self.controls[key].value = value
        self.state: dict[str, Any] = {}
        self.error: Exception | None = None
        self.code = ""
        self._name_the_preset()
        self._start = self._values()
        self.leads = {key: list(values) for key, values in (leads or {}).items()}
        super().__init__(spec={**self._spec(question, more), "play": play})
        for key, control in self.controls.items():
            control.observe(self._on_preset if key == "preset" else self._on_value, "value")
        self.on_msg(self._on_question)
        self._held = False
        self.update()

    # ------------------------------------------------------------ what scripts call

    def update(self) -> None:
        """Calculate and draw anew from the present values of the controls."""
        self._show(moving=False)

    def reset(self) -> None:
        """Put every control back to where it was at the start."""
        self._change_all(self._start)

    def set(self, **values) -> None:
        """Set several controls at once, by name, and draw once.

        Raises
        ------
        ValueError
            If there is no such control, or it does not take the value; then all of them stay where they were.
        """
        for key in values:
            _validation.one_of("control", key, self.controls)
        with self._lock:
            before = self._values()
            try:
                self._hold(lambda: self._change(self._with_preset(values)))
                for key, value in values.items():
                    self._check_taken(key, value)
            except ValueError:
                self._hold(lambda: self._change(before))
                raise
        self.update()

    def arrange(self, narrow: bool) -> None:
        """Put the panels below one another, for a narrow page, or beside one another."""
        with self._lock:
            self._narrow, self._limits = narrow, None
            with house():
                self._picture.arrange(narrow)
        self.update()

    def press(self, words: str) -> None:
        """Press one of the buttons that this explorer has of its own, such as "New draw"."""
        action = self._actions[_validation.one_of("button", words, self._actions)]
        with self._lock:
            self._hold(lambda: action(self.controls))
            self._name_the_preset()
        self.update()

    def save(self, kind: str) -> Path:
        """Save the picture as a new file in this folder, ``kind`` "svg" or "png", and return its path.

        Raises
        ------
        ValueError
            If there is no picture, or the kind is another.
        OSError
            If the folder cannot be written to.
        """
        _validation.one_of("kind", kind, ("svg", "png"))
        with self._lock:
            if self.error is not None:
                raise ValueError("there is no picture to save")
            with house():
                content = self._layers.file(kind)
        return _new_file(self._name, kind, content)

    def close(self) -> None:
        """Take it off the page, and let go of all that it holds."""
        super().close()
        for control in getattr(self, "controls", {}).values():  # ipywidgets 7 also closes what was never made
            control.unobserve_all()

    # ------------------------------------------------------------ from values to what is shown

    def _show(self, moving):
        with self._lock:
            if self._held:  # several are being changed: there will be one update, at the end
                return
            try:
                self._hold(lambda: self._link(self.controls))
                values = self._values()
                asked = {key: values[key] for key in self._asked}
                data = self._experiment(**asked, **self._given, **self._unwatched)
                said = self._words(values, data)
                shown = self._draw(data, {k: values[k] for k in values if k not in (*asked, "preset")}, moving)
                self.code = _as_python(self._name, asked, self._given)
                self.error, self.state = None, _state(values, said, data)
                self._tell(**shown, **_written(said), code=self.code, error="")
            except Exception as error:  # whatever it is, the reader must see it: the page shows no traceback
                self._tell_error(error)

    def _draw(self, data, display, moving):
        with house():
            wanted = self._picture.limits(data, **display)
            if not moving and wanted != self._limits:
                self._picture.set_limits(*wanted)
                self._limits = wanted
            self._picture.update(data, **display)
            background, foreground = self._layers.draw()
        size = {"width": self._layers.width, "height": self._layers.height}
        hands = {"axes": self._layers.axes, "touch": _geometry.touch(self._picture.handles())}
        return {
            "background": background,
            "foreground": foreground,
            "unsettled": wanted != self._limits,
            **size,
            **hands,
        }

    def _tell(self, background=None, **shown):
        with self.hold_sync():  # one message for both
            if background is not None:
                self.background = background
            now = {key: control.now() for key, control in self.controls.items()}
            self.answer = {"number": self._number, "controls": now, "narrow": self._narrow, **shown}

    def _tell_error(self, error):
        words = " ".join(f"{type(error).__name__}: {error}".split())
        self.error, self.code, self._limits = error, "", None
        self.state = _state(self._values(), Said(words), None)
        # In the place of the picture, so that no old picture is taken for an answer.
        size = {"width": self._layers.width, "height": self._layers.height}
        self._tell(error=f"No picture for these settings. {words}", **size)

    def _watched(self, items):
        """Yield the items, and tell the page how far the work is once it has taken a while."""
        start, told = clock(), False
        for done, item in enumerate(items):
            if clock() - start > _UNHURRIED:
                told = True
                self.send({"done": done, "of": len(items)})
            yield item
        if told:
            self.send({"done": len(items), "of": len(items)})

    # ------------------------------------------------------------ questions of the page

    def _on_question(self, _, question, buffers):
        with self._lock:
            if question.get("do") == "fonts":
                self.send({"fonts": _fonts.style_sheet()})
                return
            self._number = question["number"]
            self._hold(lambda: self._follow(question))
            self._show(question.get("moving", False))

    def _follow(self, question):
        if question.get("narrow", self._narrow) != self._narrow:
            self.arrange(question["narrow"])
        if question.get("do") == "reset":
            self._change(self._start)
        elif question.get("do") == "press":
            self._actions[question["button"]](self.controls)
        sent = {key: self.controls[key].received(value) for key, value in question.get("set", {}).items()}
        self._change(self._with_preset(sent))

    # ------------------------------------------------------------ controls

    def _values(self):
        return {key: control.value for key, control in self.controls.items()}

    def _change_all(self, values):
        with self._lock:
            self._hold(lambda: self._change(values))
        self.update()

    def _change(self, values):
        for key, value in 2 * list(values.items()):  # twice: the first round may widen the range of another
            try:
                self.controls[key].value = value
            except traitlets.TraitError as error:
                self._refuse(key, value, error)
            self._link(self.controls)
        self._name_the_preset()

    def _check_taken(self, key, value):
        if key != "preset" and self.controls[key].value != value:  # a slider stops at its end
            self._refuse(key, value)

    def _refuse(self, key, value, cause=None):
        raise ValueError(f"{key} is {_validation.shown(value)}, wanted {self.controls[key].wanted()}") from cause

    def _hold(self, change):
        """Let several controls change without an update for each."""
        before, self._held = self._held, True
        try:
            change()
        finally:
            self._held = before

    def _on_preset(self, change):
        if not self._held:
            self._change_all(self._with_preset({"preset": change["new"]}))

    def _on_value(self, _):
        with self._lock:
            if not self._held:
                self._name_the_preset()
        self.update()

    def _with_preset(self, values):
        return {**self.presets.get(values.get("preset"), {}), **values}

    def _name_the_preset(self):
        """Say "own settings" where the values are no longer those of the preset."""
        preset = self.controls.get("preset")
        wanted = self.presets.get(preset.value, {}) if preset else {}
        if any(self.controls[key].value != value for key, value in wanted.items()):
            self._hold(lambda: setattr(preset, "value", ""))

    def _spec(self, question, more):
        def one(key):
            control = self.controls[key]
            return {"key": key, "label": as_html(control.label), "more": key in more, **control.spec()}

        # A list: a saved notebook sorts the keys of what has keys.
        listed = [one(key) for key in self.controls]
        about = {"name": self._name, "question": as_html(question), "actions": list(self._actions)}
        return {**about, "controls": listed}

    # ------------------------------------------------------------ pages without widgets

    # ipywidgets 7 (Colab) has its own way of displaying itself, which would leave the picture out.
    _ipython_display_ = None

    def _repr_mimebundle_(self, **kwargs):
        """Return the live widget and, for pages that show no widgets, the picture and what is said of it."""
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = self.state["alternative"]
        if self.error is None:
            with self._lock, house():
                bundle["image/png"] = base64.b64encode(self._layers.file("png", scale=1)).decode()
            metadata = {**metadata, "image/png": {"alt": self.state["sentence"]}}  # see figures.described
        return bundle, metadata


def _state(values, said, data):
    sentence, details = as_plain(said.sentence), tuple(map(as_plain, said.details))
    alternative = " ".join((sentence, *details))
    return {"controls": values, "sentence": sentence, "details": details, "alternative": alternative, "data": data}


def _written(said):
    return {"sentence": as_html(said.sentence), "details": [as_html(line) for line in said.details]}


def _preset_control(presets):
    names = [("own settings", ""), *((name, name) for name in presets)]
    return {"preset": Menu("preset", names, next(iter(presets)))} if presets else {}


def _new_file(stem, kind, content):
    number = 1
    while True:
        path = Path(f"{stem}.{kind}" if number == 1 else f"{stem}-{number}.{kind}")
        try:
            with path.open("xb") as file:  # x: never over what is there
                file.write(content)
            return path
        except FileExistsError:
            number += 1


def _as_python(name, values, given):
    """Return the call of an experiment; the reader's own arguments keep their names."""
    arguments = [*(f"{key}={value!r}," for key, value in values.items()), *(f"{key}={key}," for key in given)]
    lines, line = [], "   "
    for argument in arguments:
        if len(line) + len(argument) > 80:
            lines, line = [*lines, line], "   "
        line += f" {argument}"
    call = "\n".join([*lines, line])
    return f"import d2lbptt as bptt\n\ndata = bptt.experiments.{name}(\n{call}\n)\n"
