"""Cells other than the plain one: LSTM and GRU, forward and backward by hand, and what their gates do to the gradient.

Both modules hold ``init_params``, ``forward``, ``backward``, ``log10_norms``, ``ways``, ``log10_memory`` and
``resting_factor``.
"""

from . import gru, lstm
from ._flow import Ways

__all__ = ["lstm", "gru", "Ways"]
