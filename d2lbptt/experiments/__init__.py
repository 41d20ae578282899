"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Nothing here knows of pictures or of widgets.
"""

from ._butterfly import Butterfly, butterfly
from ._cliff import Cliff, cliff
from ._gradient_check import GradientCheck, gradient_check
from ._lost_slope import LostSlope, lost_slope
from ._powers import Powers, powers
from ._remedies import Remedies, Remedy, remedies
from ._step_size import StepSize, step_size
from ._strategies import Strategies, strategies
from ._transient import Transient, transient
from ._truncation import Draws, TruncatedNetwork, Truncation, truncation
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "Butterfly",
    "Cliff",
    "Draws",
    "GradientCheck",
    "LostSlope",
    "Powers",
    "Remedies",
    "Remedy",
    "StepSize",
    "Strategies",
    "Transient",
    "TruncatedNetwork",
    "Truncation",
    "WithTanh",
    "butterfly",
    "cliff",
    "gradient_check",
    "lost_slope",
    "powers",
    "remedies",
    "step_size",
    "strategies",
    "transient",
    "truncation",
    "with_tanh",
]
