"""How does the backward recursion ever start? The scalar RNN as a table, filled from its last row (9.7.13, 9.7.14)."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._scalar import _ScalarPicture
from ._words import Said, power
from .front_end import Explorer, Menu, Slider, steps, within_T

LONGEST = 8
BEFORE = "The forward pass is done: all states are known.", "Every row waits for the row below it, down to the last."


def scalar_rnn() -> Explorer:
    """Explore the backward pass of a network with one unit and one weight, row by row.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.scalar_rnn`` and step (how many rows of the slopes are filled) as
        ``controls``.
    """
    return Explorer(
        experiments.scalar_rnn,
        question="Every slope needs a later one: how does one ever start?",
        controls={
            "step": Slider("rows filled", 0, LONGEST, value=0, unit="rows"),
            "T": Slider("length $T$", 1, LONGEST, unit="steps"),
            "w": Slider("$w$", -2, 2, 0.05),
            "phi": Menu("$φ$", list(ACTIVATIONS)),
            "theta": Menu("$θ$", list(ACTIVATIONS)),
            "v": Slider("$v$", -2, 2, 0.05),
        },
        more=["v"],
        picture=picture(_ScalarPicture, 9.6, 4, LONGEST),
        words=_words,
        link=within_T("step"),
        leads={"step": steps(0, 5), "w": steps(-2, 2, 0.1)},
        play="step",
    )


def _words(values, data):
    T, step, w = values["T"], values["step"], f"$w = {values['w']:.2f}$"
    network = f"$φ$ is {values['phi']}, $θ$ is {values['theta']}, and $v = {values['v']:.2f}$."
    if not step:
        which = f"which of the {2 * T} question marks goes first"
        return Said(f"With 0 of $T = {T}$ rows filled and {w}, no slope is known: {which}?", (*BEFORE, network))
    t = T + 1 - step
    if t == 1:
        dw, dv = _number(data.table.dL_dw), _number(data.table.dL_dv)
        sentence = f"All rows are there, {step} of $T = {T}$, for {w}: $∂L/∂w$ = {dw} and $∂L/∂v$ = {dv}."
    else:
        whence = "its own loss alone" if t == T else f"$w$ times $∂L/∂z_{t + 1}$ below, and its own loss"
        dh = f"$∂L/∂h_{t}$ = {_number(data.table.dL_dh[t - 1])}"
        sentence = f"With {step} of $T = {T}$ rows filled and {w}, {dh} comes from {whence}."
    return Said(sentence, (*_row(data, t, T), network))


def _row(data, t, T):
    """Return what is said of the row that was filled last."""
    start = f"Row {t} waits for no other: its own loss is all that $h_{T}$ reaches."
    dh, dz = _number(data.table.dL_dh[t - 1]), _number(data.table.dL_dz[t - 1])
    dw, dv = _number(data.dL_dw[t - 1]), _number(data.dL_dv[t - 1])
    rows = f"Row {t} gives" if t == T else f"The rows from {t} to {T} give"
    return (
        start if t == T else f"Row {t} could be filled because row {t + 1} below it was known.",
        f"$∂L/∂h_{t}$ is {dh}; times $φ'(z_{t})$ that is $∂L/∂z_{t}$, {dz}.",
        f"{rows} {dw} of $∂L/∂w$ and {dv} of $∂L/∂v$.",
    )


def _number(number):
    return f"{'−' if number < 0 else ''}{power(np.log10(abs(number)))}" if number else "exactly 0"
