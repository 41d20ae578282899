"""How does the backward recursion ever start? The scalar RNN as a table, filled from its last row (9.7.13, 9.7.14)."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..activations import ACTIVATIONS
from ..figures._paper import picture
from ..figures._scalar import _ScalarPicture
from ..figures._style import short
from ..scalar import Table
from ..scalar import scalar_rnn as run
from ._live import Explorer, within_T

__all__ = ["scalar_rnn"]


LONGEST = 8


class _Filling(NamedTuple):
    """What the explorer shows.

    Attributes
    ----------
    table : scalar.Table
    filled : int
        Rows of the slopes that are there, from t = T backwards.
    w : float
    own : array, shape (T,)
        l'(yhat_t) theta'(h_t) / T: what the loss of step t itself does to dL/dh_t.
    slopes : array, shape (T,)
        phi'(s_t).
    """

    table: Table
    filled: int
    w: float
    own: np.ndarray
    slopes: np.ndarray


def scalar_rnn():
    """Explore the scalar RNN s_t = w h_{t-1} + v x_t, h_t = phi(s_t), yhat_t = theta(h_t), row by row.

    Returns
    -------
    Explorer
        With ``controls`` T, step (how many rows of the slopes are filled), w, v, phi and theta.
    """
    return Explorer(
        name="scalar_rnn",
        question="Every slope needs a later one: how does one ever start?",
        controls={
            "T": widgets.IntSlider(5, 1, LONGEST, description="length T"),
            "step": widgets.IntSlider(0, 0, 5, description="rows filled"),
            "w": widgets.FloatSlider(0.9, min=-2, max=2, step=0.05, description="w"),
            "phi": widgets.Dropdown(options=["tanh", "identity", "sigmoid", "relu"], description="φ"),
            "theta": widgets.Dropdown(options=["identity", "tanh", "sigmoid", "relu"], description="θ"),
            "v": widgets.FloatSlider(0.5, min=-2, max=2, step=0.05, description="v"),
        },
        more=("v",),
        picture=picture(_ScalarPicture, 9.6, 4, LONGEST),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        link=within_T("step"),
    )


def _compute(values):
    """Return the Filling for the values of the controls."""
    phi, theta, t = values["phi"], values["theta"], np.arange(1, values["T"] + 1)
    y = np.sin(t)
    table = run(values["w"], values["v"], np.cos(t), y, phi=phi, theta=theta)
    own = (table.yhat - y) * ACTIVATIONS[theta].slope(table.yhat) / len(t)
    return _Filling(table, values["step"], values["w"], own, ACTIVATIONS[phi].slope(table.h[1:]))


def _describe(values, filling):
    """Return the sentence that says what is seen."""
    T, t, table = values["T"], values["T"] + 1 - filling.filled, filling.table
    if not filling.filled:
        return f"T = {T}: all states are known, no slope is. Which of the {2 * T} question marks can be filled first?"
    dh, ds = short(table.dL_dh[t - 1]), short(table.dL_ds[t - 1])
    why = f"its own loss is all that h_{T} reaches" if t == T else f"row {t + 1} below it was known"
    sums = f" All rows are there: dL/dw = {short(table.dL_dw)}, dL/dv = {short(table.dL_dv)}." if t == 1 else ""
    return f"Row {t} of {T}: dL/dh_{t} = {dh} can be filled in because {why}; dL/ds_{t} = {ds} follows.{sums}"


def _as_python(values, filling):
    """Return lines to paste that give the same numbers."""
    return _LINES.format(**values)


_LINES = """\
import numpy as np
from d2lbptt.scalar import scalar_rnn

t = np.arange(1, {T} + 1)
table = scalar_rnn({w}, {v}, np.cos(t), np.sin(t), phi="{phi}", theta="{theta}")
print(table)
"""
