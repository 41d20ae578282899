"""Experiments: what a slider asks, as a function of plain arguments that returns the data which its picture shows.

Each is named after its explorer; its arguments are the explorer's controls, its defaults are where they start. What is
no number of the result, such as the reach of an axis, is no argument. Nothing here knows of pictures or of widgets.
"""

from ._butterfly import Butterfly, butterfly
from ._cliff import Cliff, cliff
from ._phase_diagram import PhaseDiagram, phase_diagram
from ._powers import Powers, powers
from ._remedies import Remedies, Remedy, remedies
from ._transient import Transient, transient
from ._with_tanh import WithTanh, with_tanh

__all__ = [
    "Butterfly",
    "Cliff",
    "PhaseDiagram",
    "Powers",
    "Remedies",
    "Remedy",
    "Transient",
    "WithTanh",
    "butterfly",
    "cliff",
    "phase_diagram",
    "powers",
    "remedies",
    "transient",
    "with_tanh",
]
