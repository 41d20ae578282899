"""Explorers: one question each, answered by sliders. Each is one widget; see ``live.Explorer`` for its handles."""

from .gradient_flow import gradient_flow
from .with_tanh import with_tanh

__all__ = ["gradient_flow", "with_tanh"]
