"""Explorers: one question each, answered by sliders. Each is one widget; see ``live.Explorer`` for its handles."""

from .gradient_check import gradient_check
from .gradient_flow import gradient_flow
from .scalar_rnn import scalar_rnn
from .step_size import step_size
from .two_routes import two_routes
from .unrolled_graph import unrolled_graph
from .with_tanh import with_tanh

__all__ = ["gradient_check", "gradient_flow", "scalar_rnn", "step_size", "two_routes", "unrolled_graph", "with_tanh"]
