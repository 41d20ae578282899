"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Nothing here knows of pictures or of widgets.
"""

from ._gradient_check import GradientCheck, gradient_check
from ._step_size import StepSize, step_size
from ._strategies import Strategies, strategies
from ._truncation import Draws, TruncatedNetwork, Truncation, truncation
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "Draws",
    "GradientCheck",
    "StepSize",
    "Strategies",
    "TruncatedNetwork",
    "Truncation",
    "WithTanh",
    "gradient_check",
    "step_size",
    "strategies",
    "truncation",
    "with_tanh",
]
