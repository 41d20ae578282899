"""The mistakes of ``checking.mistakes``, under the name by which scripts have always found them."""

from .checking.mistakes import *  # noqa: F403
from .checking.mistakes import __all__  # noqa: F401
