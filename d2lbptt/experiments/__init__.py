"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Those without an explorer are named after their
picture. Nothing here knows of pictures or of widgets.
"""

from ._butterfly import Butterfly, butterfly
from ._cliff import Cliff, cliff
from ._cost import Cost, cost
from ._cuts import Cuts, cuts
from ._fresh_or_repeated import FreshOrRepeated, fresh_or_repeated
from ._gated import Gated, gated
from ._gradient_check import GradientCheck, gradient_check
from ._gradient_flow import GradientFlow, gradient_flow
from ._influence import SeenBySpan, Trajectories, seen_by_span, trajectories
from ._lost_slope import LostSlope, lost_slope
from ._memory import Memory, memory
from ._phase_diagram import PhaseDiagram, phase_diagram
from ._powers import Powers, powers
from ._product_spectrum import ProductSpectrum, product_spectrum
from ._reach_in_training import ReachInTraining, reach_in_training
from ._remedies import Remedies, Remedy, remedies
from ._scalar_rnn import ScalarRNN, scalar_rnn
from ._schemes import SchemeCost, Schemes, schemes
from ._slopes import SlopeBands
from ._step_size import StepSize, step_size
from ._strategies import Strategies, strategies
from ._transient import Transient, transient
from ._truncation import RandomizedDraws, TruncatedNetwork, Truncation, truncation
from ._two_routes import TwoRoutes, two_routes
from ._unrolled_graph import UnrolledGraph, unrolled_graph
from ._variance import Variance, trade, variance
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "Butterfly",
    "Cliff",
    "Cost",
    "Cuts",
    "FreshOrRepeated",
    "Gated",
    "GradientCheck",
    "GradientFlow",
    "LostSlope",
    "Memory",
    "PhaseDiagram",
    "Powers",
    "ProductSpectrum",
    "RandomizedDraws",
    "ReachInTraining",
    "Remedies",
    "Remedy",
    "ScalarRNN",
    "SchemeCost",
    "Schemes",
    "SeenBySpan",
    "SlopeBands",
    "StepSize",
    "Strategies",
    "Trajectories",
    "Transient",
    "TruncatedNetwork",
    "Truncation",
    "TwoRoutes",
    "UnrolledGraph",
    "Variance",
    "WithTanh",
    "butterfly",
    "cliff",
    "cost",
    "cuts",
    "fresh_or_repeated",
    "gated",
    "gradient_check",
    "gradient_flow",
    "lost_slope",
    "memory",
    "phase_diagram",
    "powers",
    "product_spectrum",
    "reach_in_training",
    "remedies",
    "scalar_rnn",
    "schemes",
    "seen_by_span",
    "step_size",
    "strategies",
    "trade",
    "trajectories",
    "transient",
    "truncation",
    "two_routes",
    "unrolled_graph",
    "variance",
    "with_tanh",
]
