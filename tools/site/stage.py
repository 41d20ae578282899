"""The stage: the lectures of site/lectures.toml as one page, with players or, for `make present`, with a kernel.

The page, its script and its style are in ``site/stage``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from d2lbptt import explorers
from d2lbptt._typeset import as_html, as_plain
from tools import lectures
from tools.site import cells, pictures

FOLDER = lectures.ROOT / "site" / "stage"
WORDS = ("title", "question", "sentence", "note")
Write = Callable[[str, str | bytes], None]  # a file of the sources, by its name there


def read() -> lectures.Lectures:
    """Return the lectures."""
    return lectures.read((lectures.ROOT / lectures.SOURCE).read_text(encoding="utf-8"))


def page(data: str, static: str, attributes: str = "", kernel: str = "") -> str:
    """Return the page with what `data` returns as text; `static` is where its files lie, `kernel` stands at its end."""
    whole = (FOLDER / "page.html").read_text("utf-8")
    return whole.format(data=data, static=static, attributes=attributes, kernel=kernel)


def text(data: dict[str, Any]) -> str:
    """Return data as they stand in a page."""
    return json.dumps(data, ensure_ascii=False).replace("</", "<\\/")


def data(told: lectures.Lectures) -> dict[str, Any]:
    """Return what the page has to know of the lectures."""
    return {
        "lectures": [_lecture(path) for path in told.paths if path.steps],
        "steps": {step.key: _step(step) for step in told.steps.values()},
        "explorers": list(explorers.__all__),
    }


def _lecture(path):
    talks = {name: _talk(getattr(path, name)) for name in ("opening", "closing")}
    return {"key": path.key, "title": as_html(path.title), **talks, "steps": [step.key for step in path.steps]}


def _talk(talk):
    return {"minutes": talk.minutes, "text": as_html(talk.text)} if talk else {"minutes": 0, "text": ""}


def _step(step):
    return {
        **{name: as_html(getattr(step, name)) for name in WORDS},
        "explorer": step.explorer,
        "answers": list(map(as_html, step.answers)),
        "minutes": step.minutes,
        "start": step.start,
        "moves": step.moves or [],
    }


# --- without a kernel


def write(write: Write) -> None:
    """Write the page of the site, with its files and the pictures that no player holds."""
    told = read()
    known = data(told)
    for step in told.steps.values():
        known["steps"][step.key]["stations"] = stations(step, write)
    for name in ("stage.js", "stage.css"):
        write(f"_static/stage/{name}", (FOLDER / name).read_bytes())
    write("_extra/present.html", page(text(known), "_static/"))


def stations(step: lectures.Step, write: Write) -> list[dict[str, Any]]:
    """Return for the start of a step and each move what a player is set to, and the picture if it does not hold it."""
    player = getattr(explorers, step.explorer)()
    scenes = cells.scenes(player)
    try:
        return [
            _station(shown, player, scenes, f"_static/stage/{step.key}-{i}.svg", write)
            for i, shown in enumerate(step.stations())
        ]
    finally:
        player.close()


def _station(shown, player, scenes, file, write):
    values = {key: control.value for key, control in shown.controls.items()}
    named = values.pop("preset", "")

    def far(scene):
        """How many controls the scene leaves elsewhere; of two that are as near, the one that is named is taken."""
        return sum(scene.differs(key, values) for key in values) - len(scene.reached(values)), scene.base.get(
            "preset", ""
        ) != named

    nearest = min(scenes, key=far)
    wanted = nearest.base | nearest.reached(values)
    off = {key: value for key, value in cells.settings_of(player, wanted).items() if value != values[key]}
    if not off:
        return {"set": wanted}
    write(file, pictures.svg(shown))
    instead = ", ".join(f"{as_plain(player.controls[key].label)} = {value}" for key, value in off.items())
    return {"set": wanted, "still": file, "sentence": shown.answer["sentence"], "instead": instead}
