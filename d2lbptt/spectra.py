"""The spectra of ``growth.spectra``, under the name by which scripts have always found them."""

from .growth.spectra import *  # noqa: F403
from .growth.spectra import __all__  # noqa: F401
