"""Other people's networks in our shapes: from PyTorch, from JAX and Keras, from one's own arrays, and back.

PyTorch is no dependency: it is imported when a function that needs it is called, which says so where it is missing.
JAX, Flax and Keras are not needed at all: their weights are arrays, and ``from_arrays`` reads them.
"""

from ._arrays import from_arrays
from ._function import numpy_function
from ._problem import Problem, problem_from_torch
from ._torch import from_torch, to_torch

__all__ = ["from_torch", "to_torch", "Problem", "problem_from_torch", "from_arrays", "numpy_function"]
