"""What a player shows is what the explorer shows: all states of all players, read back from what the page loads.

Oracles: a new explorer set to the same values, and one that goes through all states in a random order.
"""

import functools
import json
import re

import numpy as np
import pytest

from d2lbptt import explorers
from d2lbptt.explorers.front_end import Menu, table

SEED, SAMPLE = 20, 6
WAYS = {"wide": False, "narrow": True}
each_explorer = pytest.mark.parametrize("name", explorers.__all__)


# --- the two sides ---


@functools.cache
def stored(name):
    """Head and chunks of a player, as the page reads them."""
    explorer = getattr(explorers, name)()
    found = table(explorer)
    explorer.close()
    return json.loads(json.dumps(found, allow_nan=False))


def states(name):
    """All states of a player: whether narrow, which values to set, and where it is stored."""
    head, chunks = stored(name)
    main = head["leads"][0]
    for way, narrow in WAYS.items():
        for i, scene in enumerate(head["scenes"]):
            preset = {"preset": scene["preset"]} if scene["preset"] else {}
            for j, row in enumerate(scene["rows"]):
                chunk = chunks[f"{i}-{j}-{way}"]
                for value, state in zip(row["values"], chunk["states"], strict=True):
                    yield narrow, {**preset, **row["at"], main: value}, chunk, state
                for number, state in chunk["presets"].items():
                    yield narrow, {"preset": int(number)}, chunk, state


def unpacked(head, chunk, state):
    """What is shown in a state, which names it by places in two pools."""
    pool = [*head["pool"], *chunk["pool"]]

    def found(place):
        if isinstance(place, dict):
            return {key: pool[one] for key, one in place.items()}
        return [pool[one] for one in place] if isinstance(place, list) else pool[place]

    parts = {key: found(place) for key, place in state.items()}
    return seen({**parts, **{key: "".join(parts[key]) for key in ("background", "foreground")}})


def shown(explorer):
    """What an explorer shows, in the same form."""
    assert explorer.error is None, explorer.state["sentence"]
    return seen(json.loads(json.dumps({**explorer.answer, "background": explorer.background})))


def seen(answer):
    """What a reader sees of an answer: of the patterns, which stay once they have been used, those that are in use."""
    answer = {key: value for key, value in answer.items() if key not in ("number", "narrow", "unsettled", "error")}
    defs, still = re.fullmatch(r"(?:<defs>(.*?)</defs>)?(.*)", answer["background"], re.DOTALL).groups()
    patterns = re.findall(r'(<pattern id="([^"]*)".*?</pattern>)', defs or "", re.DOTALL)
    used = set(re.findall(r"url\(#(§h[^)]*)\)", still + answer["foreground"]))
    assert used <= {key for _, key in patterns}
    return answer | {"background": still, "patterns": {whole for whole, key in patterns if key in used}}


def put(explorer, sent):
    """Set an explorer to what the page would send: of menus, places."""
    controls = explorer.controls
    explorer.set(**{k: controls[k].values[v] if isinstance(controls[k], Menu) else v for k, v in sent.items()})


# --- are they the same ---


@each_explorer
def test_some_states_are_what_a_new_explorer_shows(name):
    found = list(states(name))
    for place in np.random.default_rng(SEED).choice(len(found), SAMPLE, replace=False):
        narrow, sent, chunk, state = found[place]
        fresh = getattr(explorers, name)()
        if narrow:
            fresh.arrange(True)
        put(fresh, sent)
        assert unpacked(stored(name)[0], chunk, state) == shown(fresh), (narrow, sent)
        fresh.close()


@pytest.mark.slow
@each_explorer
def test_every_state_is_what_an_explorer_shows_whatever_it_showed_before(name):
    explorer, (head, _), found = getattr(explorers, name)(), stored(name), list(states(name))
    np.random.default_rng(SEED).shuffle(found)
    for narrow, sent, chunk, state in sorted(found, key=lambda one: one[0]):
        if explorer.answer["narrow"] != narrow:
            explorer.arrange(narrow)
        explorer.reset()
        put(explorer, sent)
        assert unpacked(head, chunk, state) == shown(explorer), (narrow, sent)


@each_explorer
def test_a_player_begins_where_the_explorer_does(name):
    head, _ = stored(name)
    for way, narrow in WAYS.items():
        fresh = getattr(explorers, name)()
        fresh.arrange(narrow)
        assert unpacked(head, {"pool": []}, head["first"][way]) == shown(fresh)
        fresh.close()
