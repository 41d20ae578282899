"""Pictures: data in, Axes out. Nothing here knows of widgets.

Each picture is a function ``name(ax, ...)`` that draws on given Axes and returns them. Where a picture also has to
move, there is a ``Panel`` behind it, which draws once and whose ``update`` changes its artists; the function is the
panel used once, and a ``Picture`` is several of them on one figure (both in ``_panels``).
``errors(report)`` makes a figure of its own. ``described(ax, words)`` shows a figure with a text alternative.

On the reader's Axes these hold, whatever their rcParams are (``plt.style.use("dark_background")``, TeX, grids, sizes):

- type, lines, ticks and words are ours; rcParams are set aside while we draw, and are what they were afterwards;
- size and place of the Axes, the layout of the figure and what the reader drew stay theirs;
- so does the background: where it is dark, our colours become as light as they are dark on white;
- what Matplotlib looks up only when the figure is shown is the reader's: the weight of mathematics, the minus sign.
"""

from . import _style  # noqa: F401  isort: skip  first: it loads Matplotlib's fonts without a red line
from ._cliff import cliff
from ._cost import cost
from ._cuts import cuts
from ._described import described
from ._distances import distances
from ._eigenvalues import eigenvalues
from ._errors import errors
from ._flow import gradient_flow
from ._fresh_or_repeated import fresh_or_repeated
from ._gated import gated
from ._graph import computational_graph
from ._influence import seen_by_span, trajectories
from ._lost_slope import lost_slope
from ._memory import memory
from ._phase_diagram import phase_diagram
from ._powers import powers
from ._product_spectrum import product_spectrum
from ._reach_in_training import held_out, reach_in_training
from ._remedies import remedies
from ._routes import pairs
from ._scalar import backward_table
from ._schemes import schemes
from ._step_size import step_size
from ._strategies import strategies
from ._training import by_seed, perplexity
from ._transient import transient
from ._truncation import pair_table
from ._variance import trade, variance

__all__ = [
    "backward_table",
    "by_seed",
    "cliff",
    "computational_graph",
    "cost",
    "cuts",
    "described",
    "distances",
    "eigenvalues",
    "errors",
    "fresh_or_repeated",
    "gated",
    "gradient_flow",
    "held_out",
    "lost_slope",
    "memory",
    "pair_table",
    "pairs",
    "perplexity",
    "phase_diagram",
    "powers",
    "product_spectrum",
    "reach_in_training",
    "remedies",
    "schemes",
    "seen_by_span",
    "step_size",
    "strategies",
    "trade",
    "trajectories",
    "transient",
    "variance",
]
