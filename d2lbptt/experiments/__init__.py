"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Those without an explorer are named after their
picture. Nothing here knows of pictures or of widgets.
"""

from ._butterfly import Butterfly, butterfly
from ._cliff import Cliff, cliff
from ._cost import Cost, cost
from ._cuts import Cuts, cuts
from ._gradient_check import GradientCheck, gradient_check
from ._influence import SeenBySpan, Trajectories, seen_by_span, trajectories
from ._lost_slope import LostSlope, lost_slope
from ._powers import Powers, powers
from ._step_size import StepSize, step_size
from ._strategies import Strategies, strategies
from ._transient import Transient, transient
from ._truncation import Draws, TruncatedNetwork, Truncation, truncation
from ._variance import Variance, trade, variance
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "Butterfly",
    "Cliff",
    "Cost",
    "Cuts",
    "Draws",
    "GradientCheck",
    "LostSlope",
    "Powers",
    "SeenBySpan",
    "StepSize",
    "Strategies",
    "Trajectories",
    "Transient",
    "TruncatedNetwork",
    "Truncation",
    "Variance",
    "WithTanh",
    "butterfly",
    "cliff",
    "cost",
    "cuts",
    "gradient_check",
    "lost_slope",
    "powers",
    "seen_by_span",
    "step_size",
    "strategies",
    "trade",
    "trajectories",
    "transient",
    "truncation",
    "variance",
    "with_tanh",
]
