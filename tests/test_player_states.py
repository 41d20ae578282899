"""What a player shows is what the explorer shows: a share of each player's states, read back from the page's files.

Oracles: an explorer that goes through them in a random order, and new ones that were never anywhere else.
"""

import json
import re

import numpy as np
import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import Menu
from tools.site import players

SEED, NEW, SHARE = 20, 6, 1 / 6  # all of them take ten minutes, and are drawn by the same code
QUICK = {"step_size"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in explorers.__all__]


@pytest.mark.parametrize("name", NAMES)
def test_a_player_shows_what_the_explorer_shows(name, tmp_path):
    players.write(tmp_path, [name], jobs=1)
    head, chunks = players.read(tmp_path, name)
    rng, found = np.random.default_rng(SEED), list(states(head, chunks))
    assert len(found) >= 200
    for narrow in (False, True):
        explorer, some = getattr(explorers, name)(), [one for one in found if one[0] == narrow]
        explorer.arrange(narrow)
        for place in rng.permutation(len(some))[: int(SHARE * len(some))]:
            _, sent, stored = some[place]
            explorer.reset()
            assert_same(stored, explorer, sent)
        for place in rng.choice(len(some), NEW, replace=False):
            _, sent, stored = some[place]
            new = getattr(explorers, name)()
            new.arrange(narrow)
            assert_same(stored, new, sent)


def states(head, chunks):
    """All states: whether narrow, what the page would send to be there, and what it shows there."""
    nothing, main = {"pool": []}, head["leads"][0]
    for way, narrow in (("wide", False), ("narrow", True)):
        yield narrow, {}, players.state(head, nothing, head["first"][way])
        for i, scene in enumerate(head["scenes"]):
            preset = {"preset": scene["preset"]} if scene["preset"] else {}
            for j, row in enumerate(scene["rows"]):
                chunk = chunks[f"{i}-{j}-{way}"]
                for value, packed in zip(row["values"], chunk["states"], strict=True):
                    yield narrow, {**preset, **row["at"], main: value}, players.state(head, chunk, packed)
                for number, packed in chunk["presets"].items():
                    yield narrow, {"preset": int(number)}, players.state(head, chunk, packed)


def assert_same(stored, explorer, sent):
    """What is stored is what an explorer shows once it is set to what the page sends: of menus, places."""
    controls = explorer.controls
    explorer.set(**{k: controls[k].values[v] if isinstance(controls[k], Menu) else v for k, v in sent.items()})
    assert explorer.error is None, explorer.state["sentence"]
    wanted = seen(json.loads(json.dumps({**explorer.answer, "background": explorer.background})))
    found = seen(stored)
    assert found.keys() == wanted.keys()
    differ = [key for key in wanted if found[key] != wanted[key]]
    assert not differ, f"{differ} at {sent}"  # without the pictures, which pytest would compare letter by letter


def seen(answer):
    """What a reader sees of an answer: of the patterns, which stay once they have been used, those that are in use."""
    answer = {key: value for key, value in answer.items() if key not in ("number", "narrow", "unsettled", "error")}
    defs, still = re.fullmatch(r"(<defs><pattern .*?</defs>)?(.*)", answer["background"], re.DOTALL).groups()
    patterns = re.findall(r'(<pattern id="([^"]*)".*?</pattern>)', defs or "", re.DOTALL)
    used = set(re.findall(r"url\(#(§h[^)]*)\)", still + answer["foreground"]))
    assert used <= {key for _, key in patterns}
    return answer | {"background": still, "patterns": {whole for whole, key in patterns if key in used}}
