"""Where do the strategies cut the text? The book's figure of four ways to truncate, redrawn from the gates (9.7.8)."""

from __future__ import annotations

from ipywidgets import BoundedIntText, Button, FloatSlider, HBox, IntSlider

from .. import experiments
from ..experiments._strategies import DRAWS, as_text
from ..figures._paper import picture
from ..figures._strategies import _StrategiesPicture
from ..figures._style import short
from ..text.corpus import Text
from ._live import Explorer, within_T
from ._words import Said, counted

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
        With the arguments of ``experiments.strategies`` as ``controls``; the button "New draw", ``buttons["draw"]``,
        goes to the next draw.

    Raises
    ------
    TypeError, ValueError
        If it is not a text, or is empty.
    """
    characters = as_text(text).characters[:LONGEST]
    explorer = Explorer(
        experiments.strategies,
        question="Where do the strategies cut the text?",
        controls={
            "tau": IntSlider(min=1, max=len(characters), description="steps τ"),
            "pi": FloatSlider(min=0.05, max=1, step=0.01, description="keep, π"),
            "t": IntSlider(min=1, max=len(characters), description="loss at t"),
            "T": IntSlider(min=1, max=len(characters), description="characters"),
            "draw": BoundedIntText(min=0, max=LAST_DRAW, description="draw"),
        },
        picture=picture(_StrategiesPicture, 9.6, 4.4, characters),
        words=_words,
        link=within_T("t", "tau"),
        given={} if text is None else {"text": text},
    )
    _add_new_draw(explorer)
    return explorer


def _add_new_draw(explorer):
    """Put a button before the others that goes to the next draw, and after the last one to the first."""
    button, draw = Button(description="New draw"), explorer.controls["draw"]
    button.on_click(lambda _: setattr(draw, "value", (draw.value + 1) % (LAST_DRAW + 1)))
    row = next(child for child in explorer.children if isinstance(child, HBox))
    explorer.buttons["draw"] = button
    row.children = (button, *row.children)


def _words(values, data):
    drawn, regular, _, window = data.reach.values()
    start = f"At $t = {data.t}$ of $T = {values['T']}$ the loss reaches {counted(drawn, 'character')} with random cuts"
    how, spans = f"($π = {values['pi']:.2f}$, draw {values['draw']})", f"$τ = {values['tau']}$"
    sentence = f"{start} {how}; {spans} leaves {regular} with regular cuts and {window} in a window."
    return Said(sentence, tuple(_evidence(data)))


def _evidence(data):
    pieces, cuts, _ = (counted(number, "segment") for number in data.segments.values())
    yield f"The text: {counted(len(data.text), 'character')} of {data.source}. A reach counts that of the loss."
    means = f"{short(data.mean_segments)} on average by theory, {short(data.found_segments)} over {DRAWS} draws"
    yield f"Randomized truncation makes {pieces} here; {means}."
    means = f"{short(data.mean_reach)} on average by theory (dashed), {short(data.found_reach)} over these draws"
    yield f"With it this loss reaches {data.reach['randomized truncation']} here; {means}."
    yield f"Regular truncation makes {cuts}; a sliding window makes no cuts."
    yield f"Full computation is 1 segment: the loss reaches {data.t}, all up to its own."
