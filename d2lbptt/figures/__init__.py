"""Pictures: data in, Axes out. Nothing here knows of widgets.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, a class behind it draws once and ``update`` changes its artists; the function is the class used once.
``errors(report)`` makes a figure of its own.

On the reader's Axes these hold, whatever their rcParams are (``plt.style.use("dark_background")``, TeX, grids, sizes):

- type, lines, ticks and words are ours; rcParams are set aside while we draw, and are what they were afterwards;
- size and place of the Axes, the layout of the figure and what the reader drew stay theirs;
- so does the background: where it is dark, our colours become as light as they are dark on white;
- what Matplotlib looks up only when the figure is shown is the reader's: the weight of mathematics, the minus sign.
"""

from . import _style  # noqa: F401  isort: skip  first: it loads Matplotlib's fonts without a red line
from .cliff import cliff
from .cost import cost
from .cuts import cuts
from .distances import distances
from .eigenvalues import eigenvalues
from .errors import errors
from .flow import gradient_flow
from .fresh_or_repeated import fresh_or_repeated
from .graph import computational_graph
from .influence import seen_by_span, trajectories
from .lost_slope import lost_slope
from .phase_diagram import phase_diagram
from .powers import powers
from .product_spectrum import product_spectrum
from .remedies import remedies
from .routes import pairs
from .scalar import backward_table
from .step_size import step_size
from .strategies import strategies
from .training import by_seed, perplexity
from .transient import transient
from .truncation import cells
from .variance import trade, variance

__all__ = [
    "backward_table",
    "by_seed",
    "cells",
    "cliff",
    "computational_graph",
    "cost",
    "cuts",
    "distances",
    "eigenvalues",
    "errors",
    "fresh_or_repeated",
    "gradient_flow",
    "lost_slope",
    "pairs",
    "perplexity",
    "phase_diagram",
    "powers",
    "product_spectrum",
    "remedies",
    "seen_by_span",
    "step_size",
    "strategies",
    "trade",
    "trajectories",
    "transient",
    "variance",
]
