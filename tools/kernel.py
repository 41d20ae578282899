"""What the kernel of the stage runs: explorers, each made when the page first asks for it."""

from __future__ import annotations

from pathlib import Path

import anywidget

from d2lbptt import explorers
from d2lbptt.explorers.front_end import Menu


class Stage(anywidget.AnyWidget):
    """The thread to the page, which sends names of explorers and gets their models; ``site/stage/kernel.js``."""

    _esm = (Path(__file__).parents[1] / "site" / "stage" / "kernel.js").read_text("utf-8")

    def __init__(self):
        super().__init__()
        self.made = {}
        self.on_msg(self._make)

    def _make(self, _, asked, buffers):
        name = asked["make"]
        explorer = self.made[name] = getattr(explorers, name)()
        menus = {key: control.values for key, control in explorer.controls.items() if isinstance(control, Menu)}
        head = {"spec": explorer.spec, "menus": menus}
        self.send({"name": name, "id": explorer.model_id, "head": head, "presets": explorer.presets})
