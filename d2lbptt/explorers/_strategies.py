"""Where do the strategies cut the text? The book's figure of four ways to truncate, redrawn from the gates (9.7.8)."""

from __future__ import annotations

from .. import experiments
from ..experiments._strategies import DRAWS, as_text
from ..figures._paper import picture
from ..figures._strategies import _StrategiesPicture
from ..text.corpus import Text
from ._words import Said, counted, number
from .front_end import Explorer, Number, Slider, steps, within_T

LONGEST, LAST_DRAW = 64, 999


def strategies(*, text: str | Text | None = None) -> Explorer:
    """Explore where randomized, regular and no truncation and the sliding window cut a text.

    Parameters
    ----------
    text : str or Text, optional
        The reader's own, of which at most the first 64 characters are shown, or what ``load_text`` returns.
        Without it, the opening of *The Time Machine*, which needs no network.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.strategies`` as ``controls``; the button "New draw"
        (``press("New draw")``) goes to the next draw.

    Raises
    ------
    TypeError, ValueError
        If it is not a text, or is empty.
    """
    characters = as_text(text).characters[:LONGEST]
    return Explorer(
        experiments.strategies,
        question="Where do the strategies cut the text?",
        controls={
            "tau": Slider("steps $τ$", 1, len(characters), unit="steps"),
            "pi": Slider("keep, $π$", 0.05, 1, 0.01),
            "t": Slider("loss at $t$", 1, len(characters)),
            "T": Slider("characters", 1, len(characters), unit="characters"),
            "draw": Number("draw", 0, LAST_DRAW),
        },
        picture=picture(_StrategiesPicture, 9.6, 4.4, characters),
        words=_words,
        link=within_T("t", "tau"),
        actions={"New draw": _next_draw},
        given={} if text is None else {"text": text},
        leads={"t": steps(1, 40), "tau": [1, 2, 3, 4, 5, 8, 10, 16, 20, 40]} if text is None else {},
    )


def _next_draw(controls):
    """Go to the next draw, and after the last one to the first."""
    draw = controls["draw"]
    draw.value = (draw.value + 1) % (LAST_DRAW + 1)


def _words(values, data):
    drawn, regular, _, window = data.reach.values()
    start = f"At $t = {data.t}$ of $T = {values['T']}$ the loss reaches {counted(drawn, 'character')} with random cuts"
    how, spans = f"($π = {values['pi']:.2f}$, draw {values['draw']})", f"$τ = {values['tau']}$"
    sentence = f"{start} {how}; {spans} leaves {regular} with regular cuts and {window} in a window."
    return Said(sentence, tuple(_evidence(data)))


def _evidence(data):
    pieces, cuts, _ = (counted(number, "segment") for number in data.segments.values())
    yield f"The text: {counted(len(data.text), 'character')} of {data.source}. A reach counts that of the loss."
    means = f"{number(data.mean_segments)} on average by theory, {number(data.found_segments)} over {DRAWS} draws"
    yield f"Randomized truncation makes {pieces} here; {means}."
    means = f"{number(data.mean_reach)} on average by theory (dashed), {number(data.found_reach)} over these draws"
    yield f"With it this loss reaches {data.reach['randomized truncation']} here; {means}."
    yield f"Regular truncation makes {cuts}; a sliding window makes no cuts."
    yield f"Full computation is 1 segment: the loss reaches {data.t}, all up to its own."
