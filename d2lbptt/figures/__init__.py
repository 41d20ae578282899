"""Pictures: data in, Axes out. Nothing here knows of widgets, and nothing touches Matplotlib's global state.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, a class behind it draws once and ``update`` changes its artists; the function is the class used once.
"""

from .distances import distances
from .eigenvalues import Eigenvalues, eigenvalues
from .flow import GradientFlow, GradientFlowPicture, TwoFlows, gradient_flow
from .graph import ComputationalGraph, UnrolledGraphPicture, computational_graph
from .routes import Pairs, TwoRoutesPicture, pairs
from .scalar import BackwardTable, ScalarPicture, backward_table

__all__ = [
    "BackwardTable",
    "ComputationalGraph",
    "Eigenvalues",
    "GradientFlow",
    "GradientFlowPicture",
    "Pairs",
    "ScalarPicture",
    "TwoFlows",
    "TwoRoutesPicture",
    "UnrolledGraphPicture",
    "backward_table",
    "computational_graph",
    "distances",
    "eigenvalues",
    "gradient_flow",
    "pairs",
]
