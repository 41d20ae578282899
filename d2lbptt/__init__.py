"""A companion to the section "Backpropagation Through Time" of Dive into Deep Learning.

In reading order: the network and its forward pass, the gradient by hand, truncation, the other route to the same
gradient, one unit alone, the gradient check, spectra, the equations of the section with their proofs, text and
training, other people's networks. What needs SciPy, SymPy, Matplotlib or ipywidgets is loaded when it is first used.
"""

from importlib import import_module

from .rnn import Params, Trace, forward, init_params, loss  # isort: skip
from .bptt import Gradients, backward, itemized, loss_and_gradients  # isort: skip
from .growth.gradient_norms import log10_gradient_norms  # isort: skip
from .gates import chunks, randomized, tbptt  # isort: skip
from .total_derivative import forward_accumulation, mixtures  # isort: skip
from .scalar import scalar_rnn  # isort: skip

__version__ = "0.1.0"
_MODULES = ("cells", "mistakes", "laws", "experiments", "figures", "explorers", "exercises")
_NAMES = {
    "check_gradients": "checking.check",
    "check_gradient": "checking.check",
    "Report": "checking.report",
    "spectral_radius": "growth.spectra",
    "jacobian_spectrum": "growth.spectra",
    "lyapunov_exponents": "growth.spectra",
    "equations": "book.equations",
    "equation": "book.equations",
    "questions": "book.questions",
    "question": "book.questions",
    "load_text": "text.corpus",
    "Vocab": "text.corpus",
    "sequential_batches": "text.corpus",
    "random_batches": "text.corpus",
    "train": "text.training",
    "predict": "text.training",
    "perplexity": "text.training",
    "from_torch": "frameworks",
    "to_torch": "frameworks",
    "Problem": "frameworks",
    "problem_from_torch": "frameworks",
    "from_arrays": "frameworks",
    "numpy_function": "frameworks",
}

__all__ = [
    "Params",
    "init_params",
    "Trace",
    "forward",
    "loss",
    "Gradients",
    "backward",
    "loss_and_gradients",
    "itemized",
    "log10_gradient_norms",
    "chunks",
    "randomized",
    "tbptt",
    "forward_accumulation",
    "mixtures",
    "scalar_rnn",
    "check_gradients",
    "check_gradient",
    "Report",
    "spectral_radius",
    "jacobian_spectrum",
    "lyapunov_exponents",
    "equations",
    "equation",
    "questions",
    "question",
    "load_text",
    "Vocab",
    "sequential_batches",
    "random_batches",
    "train",
    "predict",
    "perplexity",
    "from_torch",
    "to_torch",
    "Problem",
    "problem_from_torch",
    "from_arrays",
    "numpy_function",
    *_MODULES,
]


def __getattr__(name):
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_MODULES, *_NAMES})
