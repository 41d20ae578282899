"""Where do the strategies cut the text? The book's figure of four ways to truncate, redrawn from the gates (9.7.8)."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..figures._paper import picture
from ..figures._strategies import _StrategiesPicture
from ..figures._style import short
from ..gates import chunks, first_kept, randomized
from ..text.corpus import Text
from ..truncation.randomized_variance import steps_kept
from ._live import Explorer, within_T
from ._words import counted

__all__ = ["strategies"]


LONGEST, DRAWS, LAST_DRAW = 64, 1000, 999
OPENING = Text(  # as text.load_text returns it; H. G. Wells (1866-1946): in the public domain
    "the time machine by h g wells i the time traveller for so it will be convenient to speak of him was ",
    "the opening of The Time Machine",
)


class _Cuts(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    text, source : str
        T characters, and where they come from.
    t : int
        The loss.
    first : dict of str to array, shape (T,)
        By the book's name of the strategy; see ``gates.first_kept``.
    segments : dict of str to int
        Without the sliding window, which has none.
    reach : dict of str to int
        How many characters the loss of step t reaches, its own one included.
    mean_segments, mean_reach : float
        In theory, for randomized truncation.
    found_segments, found_reach : float
        The mean of many draws.
    """

    text: str
    source: str
    t: int
    first: dict
    segments: dict
    reach: dict
    mean_segments: float
    mean_reach: float
    found_segments: float
    found_reach: float


def strategies(*, text=None):
    """Explore where randomized, regular and no truncation and the sliding window cut a text.

    Parameters
    ----------
    text : str or Text, optional
        The reader's own, of which at most the first 64 characters are shown, or what ``load_text`` returns.
        Without it, the opening of *The Time Machine*, which needs no network.

    Returns
    -------
    Explorer
        With ``controls`` T, t, tau, pi and draw; the button "New draw", ``buttons["draw"]``, goes to the next draw.

    Raises
    ------
    TypeError, ValueError
        If the text is none, or is empty.
    """
    text = _checked(OPENING if text is None else text)
    longest = len(text.characters)
    explorer = Explorer(
        name="strategies",
        question="Where do the strategies cut the text?",
        controls=_controls(longest),
        picture=picture(_StrategiesPicture, 9.6, 4.4, text.characters),
        compute=lambda values: _compute(values, text),
        describe=_describe,
        as_python=_as_python,
        link=within_T("t", "tau"),
    )
    _add_new_draw(explorer)
    return explorer


def _controls(longest):
    T = min(longest, 40)
    return {
        "T": widgets.IntSlider(T, 1, longest, description="characters"),
        "t": widgets.IntSlider(min(T, 26), 1, T, description="loss at t"),
        "tau": widgets.IntSlider(min(T, 8), 1, T, description="steps τ"),
        "pi": widgets.FloatSlider(0.85, min=0.05, max=1, step=0.01, description="keep, π"),
        "draw": widgets.BoundedIntText(0, 0, LAST_DRAW, description="draw"),
    }


def _add_new_draw(explorer):
    """Put a button before the others that goes to the next draw, and after the last one to the first."""
    button, draw = widgets.Button(description="New draw"), explorer.controls["draw"]
    button.on_click(lambda _: setattr(draw, "value", (draw.value + 1) % (LAST_DRAW + 1)))
    row = next(child for child in explorer.children if isinstance(child, widgets.HBox))
    explorer.buttons["draw"] = button
    row.children = (button, *row.children)


def _checked(text):
    if isinstance(text, str):
        text = Text(text, "a text of your own")
    if not isinstance(text, Text):
        raise TypeError(f"text is a {type(text).__name__}, wanted a str or what load_text returns")
    if not text.characters:
        raise ValueError("text is empty, wanted at least one character")
    return text._replace(characters=text.characters[:LONGEST])


def _compute(values, text):
    """Return the Cuts for the values of the controls and a text."""
    T, t, tau, pi = (values[name] for name in ("T", "t", "tau", "pi"))
    gates, first_of_draws = _draws(T, pi, values["draw"])
    first = {
        "randomized truncation": first_kept(T, gates=gates),
        "regular truncation": first_kept(T, gates=chunks(T, tau)),
        "full computation": first_kept(T),
        "sliding window": first_kept(T, window=tau),
    }
    return _Cuts(
        text=text.characters[:T],
        source=text.source,
        t=t,
        first=first,
        segments={name: len(np.unique(rows)) for name, rows in first.items() if name != "sliding window"},
        reach={name: int(t - rows[t - 1] + 1) for name, rows in first.items()},
        mean_segments=1 + (T - 1) * (1 - pi),
        mean_reach=float(steps_kept(pi, t)),
        found_segments=float((first_of_draws == np.arange(1, T + 1)).sum(1).mean()),
        found_reach=float(np.mean(t - first_of_draws[:, t - 1] + 1)),
    )


@lru_cache(16)
def _draws(T, pi, draw):
    """Return the gates of a draw, and first_kept of that one and those that come after it, (n, T)."""
    rng = np.random.default_rng(draw)
    gates = np.array([randomized(T, pi, rng) for _ in range(DRAWS)])
    return gates[0], first_kept(T, gates=gates)


def _describe(values, cuts):
    """Return the sentence that says what is seen."""
    T, tau = values["T"], values["tau"]
    _, regular, full, window = cuts.reach.values()
    pieces = counted(cuts.segments["regular truncation"], "segment")
    return (
        f"{counted(T, 'character')} of {cuts.source}, t = {cuts.t}. {_random(values, cuts)} "
        f"Regular truncation (τ = {tau}): {pieces}, the loss reaches {counted(regular, 'step')}. "
        f"Full computation: 1 segment, it reaches {full}. Sliding window (τ = {tau}): no cuts, it reaches {window}."
    )


def _random(values, cuts):
    pieces = counted(cuts.segments["randomized truncation"], "segment")
    reach = f"the loss reaches {counted(cuts.reach['randomized truncation'], 'step')}, its own included"
    theory = f"{short(cuts.mean_segments)} and {short(cuts.mean_reach)} by theory"
    means = f"{short(cuts.found_segments)} and {short(cuts.found_reach)} over {DRAWS} draws"
    which = f"Randomized truncation (π = {values['pi']:.2f}, draw {values['draw']})"
    return f"{which}: {pieces}, {reach}; on average {theory}, {means}."


def _as_python(values, cuts):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(DRAWS=DRAWS, **values)


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.gates import first_kept
from d2lbptt.truncation.randomized_variance import steps_kept

T, t, tau, pi, rng = {T}, {t}, {tau}, {pi}, np.random.default_rng({draw})
draws = np.array([bptt.randomized(T, pi, rng) for _ in range({DRAWS})])
strategies = {{
    "randomized truncation": dict(gates=draws[0]),
    "regular truncation": dict(gates=bptt.chunks(T, tau)),
    "full computation": {{}},
    "sliding window": dict(window=tau),
}}
for name, how in strategies.items():
    first = first_kept(T, **how)
    pieces = "no cuts" if "window" in how else f"{{len(set(first))}} segments"
    print(f"{{name}}: {{pieces}}, the loss at t = {{t}} reaches {{t - first[t - 1] + 1}}")
first = first_kept(T, gates=draws)
print(f"segments: {{np.mean(first == np.arange(1, T + 1)) * T:.6g}}, in theory {{1 + (T - 1) * (1 - pi):.6g}}")
print(f"reach: {{np.mean(t - first[:, t - 1] + 1):.6g}}, in theory {{steps_kept(pi, t):.6g}}")
"""
