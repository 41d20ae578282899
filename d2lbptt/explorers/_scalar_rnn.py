"""How does the backward recursion ever start? The scalar RNN as a table, filled from its last row (9.7.13, 9.7.14)."""

from __future__ import annotations

from .. import experiments
from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._scalar import _ScalarPicture
from ..figures._style import short
from .front_end import Explorer, Menu, Slider, within_T

LONGEST = 8


def scalar_rnn() -> Explorer:
    """Explore the scalar RNN s_t = w h_{t-1} + v x_t, h_t = phi(s_t), yhat_t = theta(h_t), row by row.

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
            "T": Slider("length T", 1, LONGEST),
            "step": Slider("rows filled", 0, LONGEST, value=0),
            "w": Slider("w", -2, 2, 0.05),
            "phi": Menu("φ", list(ACTIVATIONS)),
            "theta": Menu("θ", list(ACTIVATIONS)),
            "v": Slider("v", -2, 2, 0.05),
        },
        more=["v"],
        picture=picture(_ScalarPicture, 9.6, 4, LONGEST),
        words=_words,
        link=within_T("step"),
    )


def _words(values, data):
    T, filled, table = values["T"], values["step"], data.table
    t = T + 1 - filled
    if not filled:
        return f"T = {T}: all states are known, no slope is. Which of the {2 * T} question marks can be filled first?"
    dh, ds = short(table.dL_dh[t - 1]), short(table.dL_ds[t - 1])
    why = f"its own loss is all that h_{T} reaches" if t == T else f"row {t + 1} below it was known"
    sums = f" All rows are there: dL/dw = {short(table.dL_dw)}, dL/dv = {short(table.dL_dv)}." if t == 1 else ""
    return f"Row {t} of {T}: dL/dh_{t} = {dh} can be filled in because {why}; dL/ds_{t} = {ds} follows.{sums}"
