"""Pictures: data in, Axes out. Nothing here knows of widgets, and nothing touches Matplotlib's global state.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, a class behind it draws once and ``update`` changes its artists; the function is the class used once.
``errors(report)`` makes a figure of its own.
"""

from . import style  # isort: skip  first: it loads Matplotlib's fonts without a red line
from .butterfly import ButterflyPicture
from .cliff import CliffPicture, cliff
from .cost import cost
from .cuts import cuts
from .distances import distances
from .eigenvalues import Eigenvalues, Sizes, eigenvalues
from .errors import ErrorsPicture, errors
from .flow import GradientFlow, GradientFlowPicture, Slopes, TwoFlows, gradient_flow
from .fresh_or_repeated import fresh_or_repeated
from .graph import ComputationalGraph, UnrolledGraphPicture, computational_graph
from .influence import seen_by_span, trajectories
from .lost_slope import lost_slope
from .phase_diagram import PhaseDiagram, PhaseDiagramPicture, phase_diagram
from .powers import PowersPicture, powers
from .product_spectrum import product_spectrum
from .remedies import Remedies, RemediesPicture, remedies
from .routes import Pairs, TwoRoutesPicture, pairs
from .scalar import BackwardTable, ScalarPicture, backward_table
from .step_size import StepSize, StepSizePicture, step_size
from .strategies import Strategies, StrategiesPicture, strategies
from .training import by_seed, perplexity
from .transient import TransientPicture, transient
from .truncation import CellTable, TruncationPicture, cells
from .variance import trade, variance

__all__ = [
    "BackwardTable",
    "ButterflyPicture",
    "CellTable",
    "CliffPicture",
    "ComputationalGraph",
    "Eigenvalues",
    "ErrorsPicture",
    "GradientFlow",
    "GradientFlowPicture",
    "Pairs",
    "PhaseDiagram",
    "PhaseDiagramPicture",
    "PowersPicture",
    "Remedies",
    "RemediesPicture",
    "ScalarPicture",
    "Sizes",
    "Slopes",
    "StepSize",
    "StepSizePicture",
    "Strategies",
    "StrategiesPicture",
    "TransientPicture",
    "TruncationPicture",
    "TwoFlows",
    "TwoRoutesPicture",
    "UnrolledGraphPicture",
    "backward_table",
    "by_seed",
    "cells",
    "cliff",
    "computational_graph",
    "cost",
    "cuts",
    "distances",
    "eigenvalues",
    "errors",
    "fresh_or_repeated",
    "gradient_flow",
    "lost_slope",
    "pairs",
    "perplexity",
    "phase_diagram",
    "powers",
    "product_spectrum",
    "remedies",
    "seen_by_span",
    "step_size",
    "strategies",
    "style",
    "trade",
    "trajectories",
    "transient",
    "variance",
]
