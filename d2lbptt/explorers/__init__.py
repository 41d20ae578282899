"""Explorers: one question each, answered by sliders. Each is one widget; see ``_live.Explorer`` for its handles."""

from .. import figures  # noqa: F401  isort: skip  first: see there
from .butterfly import butterfly
from .cliff import cliff
from .gradient_check import gradient_check
from .gradient_flow import gradient_flow
from .phase_diagram import phase_diagram
from .powers import powers
from .remedies import remedies
from .scalar_rnn import scalar_rnn
from .step_size import step_size
from .strategies import strategies
from .transient import transient
from .truncation import truncation
from .two_routes import two_routes
from .unrolled_graph import unrolled_graph
from .with_tanh import with_tanh

__all__ = [
    "butterfly",
    "cliff",
    "gradient_check",
    "gradient_flow",
    "phase_diagram",
    "powers",
    "remedies",
    "scalar_rnn",
    "step_size",
    "strategies",
    "transient",
    "truncation",
    "two_routes",
    "unrolled_graph",
    "with_tanh",
]
