"""The experiment under the book's figure "comparing strategies".

Oracles: segments and reach found by walking over the gates one arrow at a time; simulation at a stated error rate for
the two means; the book's text, where it is, for the opening that is written down in the package.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from cases import STRATEGIES
from loops import for_each
from oracles import pieces, walk

from d2lbptt import chunks, experiments, randomized
from d2lbptt.experiments._strategies import OPENING
from d2lbptt.text.corpus import FILE, VARIABLE, Text, load_text

SIGMAS = 5
PLACES = [os.environ.get(VARIABLE), Path(__file__).parents[3] / "shared" / "data" / FILE]
BOOK = next((Path(place) for place in PLACES if place and Path(place).is_file()), None)
START = {"T": 40, "t": 26, "tau": 8, "pi": 0.85, "draw": 0}


@for_each("values", STRATEGIES)
def test_segments_and_reach_are_those_of_a_walk_over_the_gates(values):
    v = START | values
    data, T, t, tau = experiments.strategies(**v), v["T"], v["t"], v["tau"]
    drawn = randomized(T, v["pi"], np.random.default_rng(v["draw"]))
    gates = {
        "randomized truncation": drawn,
        "regular truncation": chunks(T, tau),
        "full computation": np.ones(T),
    }
    assert data.segments == {name: pieces(xi) for name, xi in gates.items()}
    assert data.reach == {name: walk(xi, t) for name, xi in gates.items()} | {"sliding window": min(t, tau)}
    for name, xi in gates.items():
        assert [s - walk(xi, s) + 1 for s in range(1, T + 1)] == data.first[name].tolist()
    assert data.first["sliding window"].tolist() == [max(1, s - tau + 1) for s in range(1, T + 1)]
    assert (data.text, data.source, data.t) == (OPENING.characters[:T], "the opening of The Time Machine", t)


@for_each("values", STRATEGIES)
def test_the_means_of_the_draws_are_near_theory(values):
    v = START | values
    data, rng = experiments.strategies(**v), np.random.default_rng(v["draw"])
    draws = [randomized(v["T"], v["pi"], rng) for _ in range(1000)]
    for found, theory, each in (
        (data.found_reach, data.mean_reach, [walk(gates, v["t"]) for gates in draws]),
        (data.found_segments, data.mean_segments, [pieces(gates) for gates in draws]),
    ):
        assert found == pytest.approx(np.mean(each))
        assert abs(found - theory) <= SIGMAS * np.std(each) / np.sqrt(1000) + 1e-12


@pytest.mark.skipif(BOOK is None, reason="The Time Machine is not here")
def test_the_opening_is_that_of_the_book():
    assert load_text(BOOK).characters.startswith(OPENING.characters)
    assert len(OPENING.characters) >= 64


def test_a_text_of_the_readers_own():
    data = experiments.strategies(5, 5, 2, text="hello world")
    assert (data.text, data.source) == ("hello", "a text of your own")
    assert experiments.strategies(3, 1, 1, text=Text("some", "mine")).source == "mine"
    with pytest.raises(ValueError, match="T is 40, wanted a whole number from 1 to the length of the text, 5"):
        experiments.strategies(text="hello")
