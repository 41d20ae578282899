"""Pictures: data in, Axes out. Nothing here knows of widgets, and nothing touches Matplotlib's global state.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, a class behind it draws once and ``update`` changes its artists; the function is the class used once.
``errors(report)`` makes a figure of its own.
"""

from .cliff import cliff
from .distances import distances
from .eigenvalues import Eigenvalues, eigenvalues
from .errors import ErrorsPicture, errors
from .flow import GradientFlow, GradientFlowPicture, TwoFlows, gradient_flow
from .graph import ComputationalGraph, UnrolledGraphPicture, computational_graph
from .lost_slope import lost_slope
from .routes import Pairs, TwoRoutesPicture, pairs
from .scalar import BackwardTable, ScalarPicture, backward_table
from .step_size import StepSize, StepSizePicture, step_size

__all__ = [
    "BackwardTable",
    "ComputationalGraph",
    "Eigenvalues",
    "ErrorsPicture",
    "GradientFlow",
    "GradientFlowPicture",
    "Pairs",
    "ScalarPicture",
    "StepSize",
    "StepSizePicture",
    "TwoFlows",
    "TwoRoutesPicture",
    "UnrolledGraphPicture",
    "backward_table",
    "cliff",
    "computational_graph",
    "distances",
    "eigenvalues",
    "errors",
    "gradient_flow",
    "lost_slope",
    "pairs",
    "step_size",
]
