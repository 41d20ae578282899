"""Explorers: one question each, answered by sliders. Each is one widget; see ``front_end.Explorer`` for its handles."""

from .. import figures  # noqa: F401  isort: skip  first: see there
from ._butterfly import butterfly
from ._cliff import cliff
from ._gated import gated
from ._gradient_check import gradient_check
from ._gradient_flow import gradient_flow
from ._phase_diagram import phase_diagram
from ._powers import powers
from ._remedies import remedies
from ._scalar_rnn import scalar_rnn
from ._step_size import step_size
from ._strategies import strategies
from ._transient import transient
from ._truncation import truncation
from ._two_routes import two_routes
from ._unrolled_graph import unrolled_graph
from ._with_tanh import with_tanh

__all__ = [
    "butterfly",
    "cliff",
    "gated",
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
