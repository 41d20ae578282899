"""Where a training loop cuts: pieces of text as the model reads them, what crosses from piece to piece and what not."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .. import _validation
from . import _style as style
from ._paper import drawn

STATE, GRADIENT = style.FULL["color"], style.TRUNCATED["color"]
CUT = {"color": style.INK, "linewidth": 3, "solid_capstyle": "butt"}
ROW, GAP = 4.4, 0.9  # heights: of one of the two rows; of the gap between two pieces, in characters


@drawn
def cuts(ax: Axes, carried: list, fresh: list) -> Axes:
    """Draw the pieces that one row of a minibatch reads one after another, and how state and gradient go.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Wide.
    carried, fresh : list of str
        What ``sequential_batches`` and ``random_batches`` give to row b of the first minibatches, as characters.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A minibatch has B such rows side by side; one is shown. Real pieces are longer: 35 characters in the book.
    """
    carried, fresh = _pieces("carried", carried), _pieces("fresh", fresh)
    rows = (
        (carried, True, "in order: the state goes on, the gradient stops"),
        (fresh, False, "in random order: both begin anew"),
    )
    longest = max(sum(map(len, pieces)) + GAP * len(pieces) for pieces, *_ in rows)
    style.bare(ax, (-0.5, longest), (-len(rows) * ROW + 1.4, 1.9))
    for i, (pieces, goes_on, title) in enumerate(rows):
        y, x = -ROW * i, 0.0
        ax.text(0, y + 1.5, title, color=style.INK, va="center", **style.BOLD)
        for j, piece in enumerate(pieces):
            _piece(ax, x, y, piece)
            if j:
                ax.plot([x - GAP / 2] * 2, [y - 1, y + (0.5 if goes_on else 1)], **CUT)
            if not goes_on:
                _arrow(ax, (x, y + 0.72), (x + len(piece), y + 0.72), STATE, "-")
            x += len(piece) + GAP
        if goes_on:
            _arrow(ax, (0, y + 0.72), (x - GAP, y + 0.72), STATE, "-")
    bottom = -len(rows) * ROW + 1.9
    ax.text(0, bottom, "state →", color=STATE, va="center", **style.BOLD)
    ax.text(0.2 * longest, bottom, "← gradient", color=GRADIENT, va="center", **style.BOLD)


def _pieces(symbol, pieces):
    wanted = "wanted a list of texts, one or more"
    if isinstance(pieces, str) or not isinstance(pieces, Sequence):
        raise TypeError(f"{symbol} is {_validation.shown(pieces)}, {wanted}")
    if not pieces or not all(isinstance(piece, str) for piece in pieces):
        raise ValueError(f"{symbol} is {_validation.shown(pieces)}, {wanted}")
    return pieces


def _piece(ax, x, y, piece):
    for k, character in enumerate(piece):
        ax.add_patch(_box(x + k, y))
        ax.text(x + k + 0.5, y, character, ha="center", va="center_baseline", **style.SMALL)
    _arrow(ax, (x + len(piece), y - 0.72), (x, y - 0.72), GRADIENT, (0, (2.5, 1.2)))


def _box(x, y):
    return Rectangle((x, y - 0.5), 1, 1, facecolor="white", edgecolor=style.SHADE)


def _arrow(ax, start, end, colour, linestyle):
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.5, "linestyle": linestyle, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look | {"mutation_scale": 16})
