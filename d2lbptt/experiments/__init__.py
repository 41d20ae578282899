"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Nothing here knows of pictures or of widgets.
"""

from ._scalar_rnn import ScalarRNN, scalar_rnn
from ._two_routes import TwoRoutes, two_routes
from ._unrolled_graph import UnrolledGraph, unrolled_graph
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "ScalarRNN",
    "TwoRoutes",
    "UnrolledGraph",
    "WithTanh",
    "scalar_rnn",
    "two_routes",
    "unrolled_graph",
    "with_tanh",
]
