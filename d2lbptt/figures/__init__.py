"""Pictures: data in, Axes out. Nothing here knows of widgets, and nothing touches Matplotlib's global state.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, a class behind it draws once and ``update`` changes its artists; the function is the class used once.
"""

from .eigenvalues import Eigenvalues, eigenvalues
from .flow import GradientFlow, GradientFlowPicture, TwoFlows, gradient_flow

__all__ = ["Eigenvalues", "GradientFlow", "GradientFlowPicture", "TwoFlows", "eigenvalues", "gradient_flow"]
