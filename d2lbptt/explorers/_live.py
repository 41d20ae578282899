"""The one place that knows how a slider becomes a picture in the browser.

A value changes, the experiment calculates, the picture's artists move, and the pixels go as a PNG into an HTML
widget. No pyplot, and core widgets only, so it runs wherever ipywidgets does. Two things make it fast: all that
stands still (axes, ticks, bands) is drawn once and cached, and the PNG is hardly compressed.

Recent JupyterLab calls back on a thread of its own, so one lock goes round everything from reading the
controls to handing over the picture: whoever comes last reads the last values.
"""

import base64
import html
import io
import threading
from inspect import signature
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from traitlets import TraitError

from .. import _validation
from ..figures._paper import house


class LivePicture:
    """A Matplotlib figure that is drawn again quickly when only some of its artists change.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Made without pyplot.
    artists : list of matplotlib.artist.Artist
        Those that change, back to front.
    """

    def __init__(self, figure, artists):
        self.figure, self.artists = figure, artists
        self.canvas = FigureCanvasAgg(figure)
        self._limits = self._background = None
        for artist in artists:
            artist.set_animated(True)

    def png(self):
        """Return the picture as the bytes of a PNG."""
        limits = [ax.axis() for ax in self.figure.axes]
        if limits != self._limits:
            self.canvas.draw()  # leaves the animated artists out
            self._background, self._limits = self.canvas.copy_from_bbox(self.figure.bbox), limits
        self.canvas.restore_region(self._background)
        for artist in self.artists:
            artist.axes.draw_artist(artist)
        out = io.BytesIO()
        Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB").save(out, "PNG", compress_level=1)
        return out.getvalue()

    def file(self, kind):
        """Return the picture as the bytes of a file, ``kind`` "svg" or "png", at twice the size on the screen."""
        out = io.BytesIO()
        self.figure.savefig(out, format=kind, dpi=2 * self.figure.dpi, metadata={"Date": None} if kind == "svg" else {})
        return out.getvalue()


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


def within_T(*names, less=0, then=None):
    """Return a ``link`` for an Explorer that ends these controls at T, or so many steps before.

    What a shorter T takes away comes back with a longer one. ``then(controls)`` does what else is to be done.
    """
    wanted = {}

    def link(controls):
        for name in names:
            control = controls[name]
            if name not in wanted or control.value != min(wanted[name], control.max):
                wanted[name] = control.value
            control.max = controls["T"].value - less
            control.value = min(wanted[name], control.max)
        if then is not None:
            then(controls)

    return link


class Explorer(widgets.VBox):
    """A question, some controls, a picture, and a sentence that says what is seen.

    Parameters
    ----------
    experiment : callable
        Its arguments are controls, and its defaults are where they start. What it returns is shown.
    question : str
    controls : dict of str to widget
        By the names that outside scripts use. Those that the experiment does not take go to the picture.
    picture : object
        With ``figure``, ``artists`` and ``update(data, **controls that the experiment does not take)``.
    words : callable
        ``words(values, data) -> str``, the sentence, from the values of the controls and what the experiment returned.
    more : collection of str
        Those controls that are folded away at first.
    presets : dict of str to dict, optional
        Values of controls by name of preset; adds the control ``preset``.
    link : callable, optional
        ``link(controls)``, called before each update to keep the controls consistent with one another.
    start : dict, optional
        Values of controls that start elsewhere than the experiment's defaults.
    given : dict, optional
        More arguments of the experiment, the reader's own, by name.

    Attributes
    ----------
    controls : dict of str to widget
    state : dict
        Of the last update: ``controls`` (the values used), ``sentence``, ``data`` (None if it failed).
    error : Exception or None
        Why the last update failed.
    code : str
        The settings of the last update as Python.
    """

    def __init__(
        self,
        experiment,
        *,
        question,
        controls,
        picture,
        words,
        more=(),
        presets=None,
        link=None,
        start=None,
        given=None,
    ):
        self._experiment, self._words, self._given = experiment, words, given or {}
        self._name = experiment.__name__
        self._asked = [key for key in signature(experiment).parameters if key in controls]
        self._picture, self._live = picture, LivePicture(picture.figure, picture.artists)
        width, height = picture.figure.get_size_inches() * picture.figure.dpi
        self._frame = f"width:100%;max-width:{width:.0f}px;aspect-ratio:{width:.0f}/{height:.0f}"
        self._link = link or (lambda controls: None)
        self._presets, self._lock, self._nested = presets or {}, threading.RLock(), False
        self.controls = {**_preset_control(self._presets), **controls}
        for key, value in (_defaults(experiment, self._asked) | (start or {})).items():
            self.controls[key].value = value
        self.state, self.error, self.code = {}, None, ""
        if self._presets and not self._is_preset(self.controls["preset"].value):
            self.controls["preset"].value = ""
        self._start = {key: control.value for key, control in self.controls.items()}
        self._image, self._sentence, self._message = widgets.HTML(), widgets.HTML(), widgets.HTML()
        super().__init__(self._layout(question, more))
        for key, control in self.controls.items():
            control.observe(self._apply_preset if key == "preset" else self._own_settings, "value")
        self.update()

    def update(self):
        """Calculate and draw anew from the present values of the controls."""
        with self._lock:
            if self._nested:  # the same thread, inside _set_many: it will update once, at its end
                return
            try:
                self._set_many(lambda: self._link(self.controls))
                values = {key: _value(control) for key, control in self.controls.items()}
                asked = {key: values[key] for key in self._asked}
                data = self._experiment(**asked, **self._given)
                said = self._words(values, data)
                sentence = said if isinstance(said, str) else " ".join((said.sentence, *said.details)).replace("$", "")
                display = {k: values[k] for k in values if k not in (*asked, "preset")}
                with house():
                    self._picture.set_limits(*self._picture.limits(data, **display))
                    self._picture.update(data, **display)
                    png = self._live.png()
                self._show_picture(png, sentence)
                self.state = {"controls": values, "sentence": sentence, "data": data}
                self.error, self.code = None, _as_python(self._name, asked, self._given)
                self._python.value = _code_block(self.code)
            except Exception as error:  # whatever it is, the reader must see it: the browser shows no traceback
                self._show_error(error)

    def reset(self, *_):
        """Put every control back to where it was at the start."""
        self._set_values(self._start)

    def set(self, **values):
        """Set several controls at once, by name, and draw once.

        Raises
        ------
        ValueError
            If there is no such control, or it does not take the value; then all of them stay where they were.
        """
        for key in values:
            _validation.one_of("control", key, self.controls)
        wanted = self._presets.get(values.get("preset"), {}) | values
        with self._lock:
            before = {key: control.value for key, control in self.controls.items()}
            try:
                self._set_many(lambda: self._change(wanted))
                for key, value in values.items():
                    _taken(key, self.controls[key], value)
            except ValueError:
                self._set_many(lambda: self._change(before))
                raise
        self.update()

    def save(self, kind):
        """Save the picture as a new file, ``kind`` "svg" or "png", and offer it for download."""
        _validation.one_of("kind", kind, ("svg", "png"))
        with self._lock:
            words = self._save(kind) if self.error is None else "there is no picture to save"
            self._message.value = f"<small>{words}</small>"

    def _save(self, kind):
        content, name = self._live.file(kind), f"{self._name}.{kind}"
        try:
            name = _new_file(self._name, kind, content).name
            words = f"saved as {name}"
        except OSError as error:
            words = f"not saved in this folder ({error.strerror})"
        return f"{html.escape(words)} &middot; {_download(name, kind, content)}"

    def _set_values(self, values):
        with self._lock:
            self._set_many(lambda: self._change(values))
        self.update()

    def _change(self, values):
        for key, value in 2 * list(values.items()):  # twice: the first round may widen the range of another
            try:
                self.controls[key].value = value
            except TraitError:
                _refuse(key, self.controls[key], value)
            self._link(self.controls)
        preset = self.controls.get("preset")
        if preset is not None and not self._is_preset(preset.value):
            preset.value = ""

    def _set_many(self, change):
        self._nested, before = True, self._nested
        try:
            change()
        finally:
            self._nested = before

    def _apply_preset(self, change):
        self._set_values(self._presets.get(change["new"], {}))

    def _own_settings(self, _):
        with self._lock:
            preset = self.controls.get("preset")
            if preset is not None and not self._nested and not self._is_preset(preset.value):
                self._set_many(lambda: setattr(preset, "value", ""))
        self.update()

    def _is_preset(self, name):
        wanted = self._presets.get(name, {})
        return all(_value(self.controls[key]) == value for key, value in wanted.items())

    def _show_picture(self, png, sentence):
        self._png = png
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        alt = html.escape(sentence)
        self._image.value = f'<img src="{source}" alt="{alt}" decoding="sync" style="{self._frame}">'
        style = "font-size:1.15em;line-height:1.4"
        self._sentence.value = f'<div role="status" style="{style}">{html.escape(sentence)}</div>'

    def _show_error(self, error):
        words = " ".join(f"{type(error).__name__}: {error}".split())
        values = {key: _value(control) for key, control in self.controls.items()}
        self.state = {"controls": values, "sentence": words, "data": None}
        self.error, self.code = error, ""
        # In the place of the picture, so that no old picture is taken for an answer.
        box = "display:flex;align-items:center;justify-content:center;background:#fff4ec;color:#222"
        text = f'<p style="max-width:36em;font-size:1.15em">No picture for these settings. {html.escape(words)}</p>'
        self._image.value = f'<div role="alert" style="{self._frame};{box}">{text}</div>'
        self._sentence.value = self._python.value = ""

    def _layout(self, question, more):
        in_sight = [control for key, control in self.controls.items() if key not in more]
        folded = widgets.Accordion([_grid([self.controls[key] for key in more])], selected_index=None)
        folded.set_title(0, "more")
        self._python = widgets.HTML(layout=widgets.Layout(display="none"))
        return [
            widgets.HTML(f"<b style='font-size:1.2em'>{html.escape(question)}</b>"),
            _grid(in_sight),
            self._image,
            self._sentence,
            self._buttons(),
            self._message,
            self._python,
            *([folded] if more else []),
        ]

    def _buttons(self):
        reset, svg, png = (widgets.Button(description=d) for d in ("Reset", "Save SVG", "Save PNG"))
        python = widgets.ToggleButton(description="these settings as Python", layout=widgets.Layout(width="auto"))
        reset.on_click(self.reset)
        svg.on_click(lambda _: self.save("svg"))
        png.on_click(lambda _: self.save("png"))
        python.observe(self._show_python, "value")
        self.buttons = {"reset": reset, "svg": svg, "png": png, "python": python}
        return widgets.HBox(list(self.buttons.values()), layout=widgets.Layout(flex_flow="row wrap"))

    def _show_python(self, change):
        self._python.layout.display = "" if change["new"] else "none"

    # ipywidgets 7 (Colab) has its own way of displaying itself, which would leave the picture out.
    _ipython_display_ = None

    def _repr_mimebundle_(self, **_):
        """Return the live widget and, for pages that show no widgets, the picture and the sentence."""
        bundle = {"text/plain": self.state["sentence"]}
        if self.error is None:
            bundle["image/png"] = base64.b64encode(self._png).decode()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle


def _preset_control(presets):
    if not presets:
        return {}
    names = [("own settings", ""), *((name, name) for name in presets)]
    return {"preset": widgets.Dropdown(options=names, value=next(iter(presets)), description="preset")}


def _defaults(experiment, names):
    """Return the defaults of these arguments."""
    parameters = signature(experiment).parameters
    return {name: parameters[name].default for name in names}


def _taken(key, control, value):
    if key != "preset" and control.value != value:  # a slider stops at its end
        _refuse(key, control, value)


def _refuse(key, control, value):
    ends = (control.min, control.max) if hasattr(control, "max") else None
    wanted = f"{ends[0]:g} to {ends[1]:g}" if ends else f"one of {', '.join(map(str, control._options_values))}"
    if ends and isinstance(control.value, int):
        wanted = f"a whole number from {wanted}"
    raise ValueError(f"{key} is {_validation.shown(value)}, wanted {wanted}")


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


def _value(control):
    # Browsers send 0.9099999999999999 for a slider that stands at 0.91.
    value = control.value
    return round(value, 10) if isinstance(value, float) else value


def _grid(controls):
    for control in controls:
        control.layout.width = "98%"
    columns = widgets.Layout(grid_template_columns="repeat(2, minmax(260px, 1fr))", max_width="960px")
    return widgets.GridBox(controls, layout=columns)


def _code_block(code):
    return f'<pre style="line-height:1.35;padding:8px;background:#f6f6f6;color:#222">{html.escape(code)}</pre>'


def _download(name, kind, content):
    media = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    data = base64.b64encode(content).decode()
    return f'<a download="{html.escape(name)}" href="data:{media};base64,{data}">download</a>'
