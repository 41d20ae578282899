"""What a scheme of truncation throws away: the table of all cells (t, k), and the error that it makes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, MultipleLocator
from numpy.typing import ArrayLike

from .. import _validation
from ..experiments._truncation import ROUNDING
from . import _style as style
from ._arguments import first_steps, square
from ._panels import Panel, Picture, Words, line
from ._paper import drawn
from ._style import short

SHADES = LinearSegmentedColormap.from_list("decades", ["#F4F8FB", "#9CC7E0", "#0072B2", "#00263D"])
LOWEST = -7  # decades of the darkest cell's way to white
STRUCK = to_rgba(style.DROPPED["edgecolor"], 0.75)
NAMES, STEPS = ("window", "chunks", "randomized"), (1, 3, 10, 30, 100)
REACH, ERRORS, SHARES = (-0.06, 2.06), (-4.2, 1.2), (-0.6, 2.6)  # decades, decades, relative to the gradient
WIDTH, HEIGHT = 0.074, 0.24  # of a character, and half of that of a label, in those units
NOTE = (0.4, -3.75, 0.45)  # where the note stands, and half its width
POINT = style.POINT | {"color": style.TRUNCATED["color"], "markersize": 12}
PAPER = style.paper(0.12, 0.85)
DARK = "#A34700"  # of words about what is truncated
DRAWS = {"color": style.TRUNCATED["color"], "marker": "o", "markersize": 5, "linestyle": "none"}
DRAWS |= {"alpha": 0.4, "markeredgewidth": 0}
THIS = {"color": "white", "marker": "o", "markersize": 9, "linestyle": "none", "zorder": 4}  # of many draws
THIS |= {"markeredgecolor": DARK, "markeredgewidth": 2.5}


@drawn
def pair_table(ax: Axes, sizes: ArrayLike, first: ArrayLike, weights: ArrayLike | None = None) -> Axes:
    """Draw the table of what the loss of step t contributes to dL/dW_hh through step k, and strike out a part of it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About square.
    sizes : array, shape (T, T)
        Row t - 1, column k - 1, relative to the norm of the gradient, as ``pairs.PairTable.norms``.
    first : array of int, shape (T,)
        The cells k < first are struck out; see ``gates.first_kept``.
    weights : array, shape (T, T), optional
        Of the cells that stay, which then are coloured by weight times size.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The colour counts decades, so half of the table may look dark although a few cells make up the gradient. It shows
    sizes: cells of the same size may cancel, and then the sum of what is struck out is smaller than it looks.
    """
    sizes = square("sizes", sizes)
    T = len(sizes)
    first = first_steps("first", first, T)
    if weights is not None:
        weights = _validation.real_array("weights", weights, (T, T), f"(T, T) with T = {T}")
    _CellTable(ax).update(sizes, first, weights)


class _CellTable(Panel):
    """The picture of ``pair_table``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "used in step k", "loss of step t"))
        self.every_step = MaxNLocator(5, integer=True, min_n_ticks=1)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        self.cells = ax.imshow([[0]], cmap=SHADES, vmin=LOWEST, vmax=0, aspect="auto", interpolation="nearest")
        self.struck = ax.add_patch(Polygon([(0, 0)] * 3, facecolor=(1, 1, 1, 0.45), edgecolor=STRUCK, hatch="//", lw=0))
        self.edge = line(ax, {"color": style.TRUNCATED["color"]}, linewidth=2)
        self.key = _decades_key(ax)
        self.words = ax.text(0.985, 0.745, "", transform=ax.transAxes, ha="right", va="top", color=DARK)
        self.words.set(fontsize=style.NOTE, fontweight="bold", linespacing=1.35)

    def update(self, sizes, first, weights=None):
        """Show other cells; see ``pair_table``."""
        T = len(sizes)
        with np.errstate(divide="ignore", invalid="ignore"):
            seen = np.log10(sizes if weights is None else sizes * np.where(weights > 0, weights, 1))
        rows = np.arange(T + 1) + 0.5
        only_last = not np.nan_to_num(sizes[:-1]).any()
        if only_last:  # one row, in the lower half: the key stands in the upper one
            seen, first, rows = seen[-1:], np.asarray(first)[-1:], rows[-2:]
        self.ax.set(xlim=(0.5, T + 0.5), ylim=(T + 0.5, T - 1.5 if only_last else 0.5))
        self.ax.yaxis.set_major_locator(FixedLocator([T]) if only_last else self.every_step)
        self.cells.set_data(np.ma.masked_invalid(np.where(np.isneginf(seen), LOWEST, seen)))
        self.cells.set_extent((0.5, T + 0.5, rows[-1], rows[0]))
        x, y = np.repeat(np.asarray(first) - 0.5, 2), np.repeat(rows, 2)[1:-1]
        self.struck.set_xy(np.vstack([(0.5, rows[0]), np.column_stack([x, y]), (0.5, rows[-1])]))
        self.edge.set_data(np.where(x > 0.5, x, np.nan), y)


def _decades_key(ax):
    """Return a key of the colours, on paper, in the half of the table that is empty for all but the shortest T."""
    paper = ax.add_patch(Rectangle((0.5, 0.53), 0.495, 0.465, transform=ax.transAxes, facecolor="white", alpha=0.9))
    key = ax.inset_axes((0.47, 0.855, 0.49, 0.05))
    bar = key.imshow([np.linspace(LOWEST, 0, 128)], cmap=SHADES, aspect="auto", extent=(LOWEST, 0, 0, 1))
    key.set_axis_off()
    look = style.SMALL | {"ha": "center"}
    caption = key.text(LOWEST / 2, 1.25, "size ÷ |∂L/∂W$_{hh}$|", va="bottom", **look)
    return [paper, bar, caption, *(key.text(x, -0.3, style.decade(x), va="top", **look) for x in (-6, -4, -2, 0))]


class _Curves(Panel):
    """Relative error of dL/dW_hh against the reach of a loss for three schemes, one of them strong, with its theory."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "mean reach of a loss, in steps", "relative error"))
        ax.set(xlim=REACH, ylim=ERRORS)
        ax.xaxis.set(major_locator=FixedLocator(np.log10(STEPS)), major_formatter=FixedFormatter(STEPS))
        ax.yaxis.set(major_locator=MultipleLocator(1), major_formatter=style.decade)
        style.baseline(ax)
        self.cloud = line(ax, DRAWS)
        self.lines = {name: line(ax, {"color": style.TRUNCATED["color"]}) for name in NAMES}
        self.theory = line(ax, style.THEORY)
        self.point = line(ax, POINT, clip_on=False)
        self.this = line(ax, THIS, clip_on=False)
        look = {"fontsize": style.NOTE, "ha": "center", "va": "center_baseline"}
        self.note = ax.text(*NOTE[:2], "dashed: theory", color=style.FAINT, bbox=PAPER, **look)
        self.labels = {name: ax.text(0, 0, name, color=DARK, **look) for name in NAMES}

    def update(self, curves, scheme, point, theory=None, cloud=((), ()), this=None):
        """Show other curves: steps and errors by scheme; the point of one, its theory, its draws, which is ``this``."""
        curves = {name: _decades(*curve) for name, curve in curves.items()}
        for name, curve in self.lines.items():
            curve.set_data(*curves[name])
            curve.set(**{"linewidth": 3, "alpha": 1} if name == scheme else {"linewidth": 1.5, "alpha": 0.45})
            curve.set_visible(name != scheme or scheme != "randomized")
        theory = curves[scheme] if scheme == "randomized" else _decades(*theory or ((), ()))
        self.theory.set_data(*theory)
        self.note.set_visible(len(theory[0]) > 1)
        self.cloud.set_data(*_decades(*cloud))
        x, y = _decades(*([number] for number in point))
        self.point.set_data(x, np.clip(y, *ERRORS))
        x, y = _decades(*(([], []) if this is None else ([numbers[this]] for numbers in cloud)))
        self.this.set_data(x, np.clip(y, *ERRORS))
        self._name([*curves.values(), theory], curves, scheme)

    def _name(self, lines, curves, scheme):
        """Write each name beside its curve where there is room, the strong one first."""
        points = np.vstack([self.cloud.get_xydata(), self.point.get_xydata()])
        taken = np.vstack([np.column_stack([points, np.full(len(points), 0.05)]), NOTE])
        lines = [*lines, (np.array(REACH), np.zeros(2))]
        for name in sorted(NAMES, key=lambda name: name != scheme):
            half = WIDTH * len(name) / 2
            place = next(_free_places(curves[name], lines, taken, half), None)
            self.labels[name].set(visible=place is not None, fontweight="bold" if name == scheme else "normal")
            if place is not None:
                self.labels[name].set_position(place)
                taken = np.vstack([taken, [*place, half]])


def _free_places(curve, lines, taken, half):
    """Yield places beside a curve for a label, 2 half wide, that no line crosses and no label or point is near."""
    for x, y in _places(curve, half):
        inside = REACH[0] < x - half and x + half < REACH[1] and ERRORS[0] < y - HEIGHT and y + HEIGHT < ERRORS[1]
        near = (np.abs(x - taken[:, 0]) < half + taken[:, 2]) & (np.abs(y - taken[:, 1]) < 2 * HEIGHT)
        if inside and not near.any() and not any(_crosses(line, x, y, half) for line in lines if len(line[0])):
            yield x, y


def _places(curve, half):
    """Yield places above, below and right of a curve, from its middle outwards."""
    if len(curve[0]) < 4:
        return
    for x in np.linspace(*REACH, 25)[np.argsort(np.abs(np.linspace(-0.6, 0.4, 25)))]:
        low, high = _span(curve, x, half)
        yield from ((x, high + 1.4 * HEIGHT), (x, low - 1.4 * HEIGHT))
    for y in (0.5, 0.8, -1, -2, -3):
        if curve[1].min() < y < curve[1].max():
            yield np.interp(-y, -curve[1], curve[0]) + half + 0.08, y


def _span(line, x, half):
    """Return the lowest and the highest point of a line between x - half and x + half; nan if it is not there."""
    between = (line[0] > x - half) & (line[0] < x + half)
    ends = np.interp([x - half, x + half], *line, left=np.nan, right=np.nan)
    heights = np.append(line[1][between], ends)
    return np.fmin.reduce(heights), np.fmax.reduce(heights)


def _crosses(line, x, y, half):
    low, high = _span(line, x, half)
    return low < y + HEIGHT and high > y - HEIGHT  # False where the line is not there


def _decades(x, y):
    """Return log10 of steps and errors, in rising order, clipped near the picture."""
    with np.errstate(divide="ignore"):
        x, y = np.log10(np.asarray(x, float)), np.log10(np.asarray(y, float))
    order = np.argsort(x, kind="stable")
    return x[order], np.clip(y, ERRORS[0] - 1, ERRORS[1] + 1)[order]


class _Share(Panel):
    """The component of the truncated gradient along the full one: the bias of one scheme, the chance of another."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "component along the full gradient", ""))
        ax.set(xlim=SHARES, ylim=(0, 1), yticks=[])
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MultipleLocator(1))
        ax.plot([1, 1], [0, 1], color=style.FULL["color"], linewidth=3)
        ax.text(0.97, 1.05, "full gradient", color=style.FULL["color"], fontsize=style.NOTE, va="bottom")
        self.draws = line(ax, DRAWS)
        self.theory = line(ax, style.THEORY, linewidth=2.5)
        ends = {"color": style.THEORY["color"], "markeredgewidth": 2.5, "linestyle": "none", "clip_on": False}
        self.ends = line(ax, ends, marker="|", markersize=18)
        self.beyond = [line(ax, ends, marker=arrow, markersize=11) for arrow in "><"]
        self.point = line(ax, POINT)
        self.this = line(ax, THIS)
        self.note = ax.text(SHARES[0], 1.05, "", fontsize=style.NOTE, color=DARK, va="bottom")
        self.words = Words(ax, 2, bbox=PAPER)

    def update(self, along, theory, draws=None, this=None):
        """Show a component, and theory's; with draws: their mean, theory's standard deviation from 1, and ``this``."""
        low, high = SHARES
        self.point.set_data([np.clip(along, low, high)], [0.5])
        spread = np.array([1 - theory, 1 + theory] if draws is not None else [])
        seen = spread[(spread >= low) & (spread <= high)]
        self.theory.set_data(*([np.clip([theory] * 2, low, high), [0, 1]] if draws is None else [spread, [0.5, 0.5]]))
        self.ends.set_data(seen, np.full(len(seen), 0.5))
        for arrow, end, out in zip(self.beyond, (high, low), (spread > high, spread < low), strict=True):
            arrow.set_data([end] * any(out), [0.5] * any(out))
        self.note.set_text("" if draws is None else "● all   ○ this draw")
        self.this.set_data([] if this is None else np.clip([draws[this]], low, high), [] if this is None else [0.5])
        draws = np.array([]) if draws is None else draws
        heights = 0.12 + 0.76 * (np.arange(len(draws)) * 0.618 % 1)
        seen = (draws > low) & (draws < high)
        self.draws.set_data(draws[seen], heights[seen])
        self.words.show(
            [(high - 0.42, 0.84, _beyond(draws > high, "{} →")), (low + 0.3, 0.84, _beyond(draws < low, "← {}"))]
        )


def _beyond(which, words):
    return words.format(f"{which.sum()} more") if which.any() else ""


class _TruncationPicture(Picture):
    """The table of cells, the errors of all schemes and the component along the gradient."""

    def __init__(self, figure):
        super().__init__(figure)
        self.table = _CellTable(figure.add_axes((0.08, 0.15, 0.40, 0.82)))
        self.curves = _Curves(figure.add_axes((0.605, 0.46, 0.385, 0.455)))
        self.share = _Share(figure.add_axes((0.605, 0.15, 0.385, 0.10)))
        self.title = self.write(0.545, 0.94, color=DARK, **style.BOLD)

    def update(self, data):
        """Show an ``experiments.Truncation``."""
        network, draws, words = data.network, data.draws, f"{data.dropped} of {data.all}\ncells dropped"
        self.table.update(network.table.norms, data.first, data.weights)
        if draws is None:
            self.curves.update(
                network.curves, data.scheme, (data.mean_reach, data.error), network.laws.get(data.scheme)
            )
            self.share.update(data.along, 1 - data.law)
        else:
            words += f";\nkept: up to × {short(data.weights.max())}"
            point, cloud = (draws.mean_reach, draws.rms_error), (draws.reach, draws.error)
            self.curves.update(network.curves, data.scheme, point, cloud=cloud, this=data.draw)
            self.share.update(draws.mean_along, draws.spread, draws.along, data.draw)
        self.table.words.set_text(words)
        self.title.set_text(_verdict(data))


def _verdict(data):
    if not data.network.table.norm:
        return "the gradient is exactly 0"
    draw, digits = ("", 4) if data.draws is None else (f"draw {data.draw}: ", 3)
    error = f"{short(100 * data.error)} %" if data.error < 10 else f"× {short(data.error)}"
    error = "0 to rounding" if data.error < ROUNDING else error
    return f"{draw}error {error}" + (f", cosine {data.cosine:.{digits}f}" if np.isfinite(data.cosine) else "")
