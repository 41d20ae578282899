"""What a scheme of truncation throws away: the table of all cells (t, k), and the error that it makes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, MultipleLocator, ScalarFormatter
from numpy.typing import ArrayLike

from .. import _validation
from ..experiments._truncation import ROUNDING
from . import _style as style
from ._arguments import first_steps, square
from ._panels import Handle, Panel, Picture, Words, line, place
from ._paper import drawn
from ._style import short

SHADES = LinearSegmentedColormap.from_list("decades", ["#F4F8FB", "#9CC7E0", "#0072B2", "#00263D"])
LOWEST = -7  # decades of the darkest cell's way to white
STRUCK = to_rgba(style.DROPPED["edgecolor"], 0.75)
SIZES = (10, 15, 20, 30, 40, 60, 80, 100, 150, 200)  # steps for which the table has room
STYLES = {"window": "-", "chunks": (0, (1, 1)), "tbptt": (0, (3, 1)), "randomized": (0, (5, 1, 1, 1))}
STEPS = (1, 3, 10, 30, 100)
NAMES_AT = {  # of the lines, in two rows above the Axes
    "window": (-0.157, 1.25),
    "chunks": (0.15, 1.25),
    "k₁, k₂": (0.446, 1.25),
    "randomized": (-0.157, 1.09),
    "theory": (0.26, 1.09),
}
REACH, ERRORS, SHARES = (-0.06, 2.36), (-4.2, 1.2), (-0.6, 2.6)  # decades, decades, relative to the gradient
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
    table = _CellTable(ax)
    table.set_limits(T, _only_last(sizes))
    table.update(_seen(sizes, weights), first)


def _seen(sizes, weights=None):
    """Return the decades of cells, those that are kept times their weights, masked where there are none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.log10(sizes if weights is None else sizes * np.where(weights > 0, weights, 1))
    return np.ma.masked_invalid(np.where(np.isneginf(seen), LOWEST, seen))


def _only_last(sizes):
    """Whether only the loss of the last step counts."""
    return len(sizes) > 1 and not np.nan_to_num(sizes[:-1]).any()


class _CellTable(Panel):
    """The picture of ``pair_table``: on Axes with room for so many steps or, as one row, for the last step alone."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "used in step k", "loss of step t"))
        self._every_step = MaxNLocator(5, integer=True, min_n_ticks=1)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        self.cells = ax.imshow([[0]], cmap=SHADES, vmin=LOWEST, vmax=0, aspect="auto", interpolation="nearest")
        self.struck = ax.add_patch(Polygon([(0, 0)] * 3, facecolor=(1, 1, 1, 0.45), edgecolor=STRUCK, hatch="//", lw=0))
        self.edge = line(ax, {"color": style.TRUNCATED["color"]}, linewidth=2)
        self._key = _decades_key(ax)
        self.words = ax.text(0.985, 0.745, "", transform=ax.transAxes, ha="right", va="top", color=DARK)
        self.words.set(fontsize=style.NOTE, fontweight="bold", linespacing=1.35)
        self._seen = None

    def set_limits(self, size, only_last):
        """Make room for so many steps, and for one row, in the lower half under the key, or for all."""
        self.only_last = only_last
        self.ax.set(xlim=(0.5, size + 0.5), ylim=(1.5, -0.5) if only_last else (size + 0.5, 0.5))
        self.ax.yaxis.set_major_locator(FixedLocator([1]) if only_last else self._every_step)
        self.ax.yaxis.set_major_formatter(FixedFormatter(["T"]) if only_last else ScalarFormatter())

    def update(self, seen, first):
        """Show other decades of cells, see ``_seen``, and strike out others; the same cells again cost nothing."""
        T = len(seen)
        rows = np.array([0.5, 1.5]) if self.only_last else np.arange(T + 1) + 0.5
        if seen is not self._seen or rows[-1] != self.cells.get_extent()[2]:
            self._seen = seen
            self.cells.set_data(seen[-1:] if self.only_last else seen)
            self.cells.set_extent((0.5, T + 0.5, rows[-1], rows[0]))
        first = np.asarray(first)[-1:] if self.only_last else np.asarray(first)
        x, y = np.repeat(first - 0.5, 2), np.repeat(rows, 2)[1:-1]
        self.struck.set_xy(np.vstack([(0.5, rows[0]), np.column_stack([x, y]), (0.5, rows[-1])]))
        self.edge.set_data(np.where(x > 0.5, x, np.nan), y)


def _decades_key(ax):
    """Draw a key of the colours, on paper, in the half of the table that is empty for all but the shortest T."""
    ax.add_patch(Rectangle((0.5, 0.7), 0.495, 0.295, transform=ax.transAxes, facecolor="white", alpha=0.9))
    key = ax.inset_axes((0.47, 0.855, 0.49, 0.05))
    key.imshow([np.linspace(LOWEST, 0, 128)], cmap=SHADES, aspect="auto", extent=(LOWEST, 0, 0, 1))
    key.set_axis_off()
    look = style.SMALL | {"ha": "center"}
    key.text(LOWEST / 2, 1.25, "size ÷ |∂L/∂W$_{hh}$|", va="bottom", **look)
    for x in (-6, -4, -2, 0):
        key.text(x, -0.3, style.decade(x), va="top", **look)


def as_said(scheme):
    """Return what a scheme is called on pictures and pages."""
    return "k₁, k₂" if scheme == "tbptt" else scheme


class _Curves(Panel):
    """Relative error of dL/dW_hh against the reach of a loss for all schemes, one of them strong, with its theory."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "mean reach of a loss, in steps", "relative error"))
        ax.set(xlim=REACH, ylim=ERRORS)
        ax.xaxis.set(major_locator=FixedLocator(np.log10(STEPS)), major_formatter=style.power)
        ax.yaxis.set(major_locator=MultipleLocator(1), major_formatter=style.decade)
        style.baseline(ax)
        self.cloud = line(ax, DRAWS)
        self.lines = {
            name: line(ax, {"color": style.TRUNCATED["color"]}, ls=ls, label=as_said(name))
            for name, ls in STYLES.items()
        }
        self.theory = line(ax, style.THEORY, label="theory")
        self.point = line(ax, POINT, clip_on=False)
        self.this = line(ax, THIS, clip_on=False)
        looks = {name: {"color": style.TRUNCATED["color"], "linestyle": dashes} for name, dashes in STYLES.items()}
        self.samples = {name: self._name(as_said(name), DARK, look) for name, look in looks.items()}
        self._name("theory", style.THEORY["color"], style.THEORY)

    def _name(self, words, ink, line_look):
        """Write the name of a line above the Axes, and return a sample of the line."""
        (x, y), look = NAMES_AT[words], {"transform": self.ax.transAxes, "clip_on": False}
        self.ax.text(x + 0.081, y, words, fontsize=style.NOTE, color=ink, va="center_baseline", **look)
        return self.ax.plot([x, x + 0.065], [y, y], **line_look | look)[0]

    def update(self, curves, scheme, point, theory=None, cloud=((), ()), this=None):
        """Show other curves: steps and errors by scheme; the point of one, its theory, its draws, which is ``this``."""
        curves = {name: _decades(*curve) for name, curve in curves.items()}
        for name, curve in self.lines.items():
            curve.set_data(*curves[name])
            for artist in (curve, self.samples[name]):
                artist.set(**{"linewidth": 3, "alpha": 1} if name == scheme else {"linewidth": 2, "alpha": 0.6})
            curve.set_visible(name != scheme or scheme != "randomized")
        self.theory.set_data(*curves[scheme] if scheme == "randomized" else _decades(*theory or ((), ())))
        self.cloud.set_data(*_decades(*cloud))
        x, y = _decades(*([number] for number in point))
        self.point.set(data=(x, np.clip(y, *ERRORS)), marker=_marker(y))
        x, y = _decades(*(([], []) if this is None else ([numbers[this]] for numbers in cloud)))
        self.this.set_data(x, np.clip(y, *ERRORS))


def _marker(y):
    """Return a dot, or an arrow where the point lies below or above the Axes."""
    return "v" if y[0] < ERRORS[0] else "^" if y[0] > ERRORS[1] else "o"


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
        table, curves, share = (figure.add_axes((0, 0, 1, 1)) for _ in range(3))
        self.table, self.curves, self.share = _CellTable(table), _Curves(curves), _Share(share)
        self.title = self.write(0, 0, color=DARK, **style.BOLD)
        self._network = None
        self.arrange(narrow=False)
        self.set_limits(SIZES[0], False)

    def arrange(self, narrow):
        """Put the errors beside the table or, where the page is narrow, below it."""
        self.figure.set_size_inches(*((4.8, 8.4) if narrow else (9.6, 4.4)))
        place(self.table.ax, 0.77, *((4.75, 3.8, 3.25) if narrow else (0.66, 3.84, 3.6)))
        place(self.curves.ax, *((0.82, 2.0, 3.85, 1.6) if narrow else (5.81, 2.0, 3.7, 1.6)))
        place(self.share.ax, *((0.82, 0.62, 3.85, 0.44) if narrow else (5.81, 0.62, 3.7, 0.44)))
        place(self.title, *((0.2, 8.12) if narrow else (5.23, 4.13)))

    def limits(self, data):
        """Return for how many steps the table has room, and whether it has one row."""
        return style.next_limit(data.T, SIZES), _only_last(data.network.table.norms)

    def set_limits(self, size, only_last):
        """Make room for so many steps, and for one row or all."""
        self.table.set_limits(size, only_last)

    def update(self, data):
        """Show an ``experiments.Truncation``."""
        draws, words = data.draws, f"{data.dropped} of {data.all}\ncells dropped"
        self._show_cells(data)
        if draws is None:
            point, law = (data.mean_reach, data.error), data.laws.get(data.scheme)
            self.curves.update(data.curves, data.scheme, point, law)
            self.share.update(data.along, 1 - data.law)
        else:
            words += f";\nweights up to {_few(data.weights.max())}"
            point, cloud = (draws.mean_reach, draws.rms_error), (draws.reach, draws.error)
            self.curves.update(data.curves, data.scheme, point, cloud=cloud, this=data.draw)
            self.share.update(draws.mean_along, draws.spread, draws.along, data.draw)
        self._scheme, self._T, self._tau = data.scheme, data.T, data.k2
        self.table.words.set_text(words)
        self.title.set_text(_verdict(data))

    def handles(self):
        """Return the table, whose places are tau: the edge of the window or, with chunks, of the first chunk."""
        T, tau = self._T, self._tau
        if self._scheme == "window":
            t = T if self.table.only_last else (T + tau) / 2
            sets, at = (T + 0.5, -1, 0) if self.table.only_last else (0.5, -1, 1), (t - tau + 0.5, t)
        elif self._scheme == "chunks":
            sets, at = (-0.5, 1, 0), (tau + 0.5, tau + 0.5)
        else:
            return []
        at = (at[0], 1) if self.table.only_last else at
        return [Handle(self.table.ax, {"tau": sets}, at)]

    def _show_cells(self, data):
        """Show the cells; without weights they are the same as long as the network is."""
        if data.draws is not None:
            self._network, seen = None, _seen(data.network.table.norms, data.weights)
        elif data.network is not self._network:
            self._network, seen = data.network, _seen(data.network.table.norms)
        else:
            seen = self.table._seen
        self.table.update(seen, data.first)


def _few(number):
    """Return a number in few characters."""
    return short(number) if 1e-4 < number < 1e5 or not number else style.power_of_ten(np.log10(number).round())


def _verdict(data):
    if not data.network.table.norm:
        return "the gradient is exactly 0"
    draw, digits = ("", 4) if data.draws is None else (f"draw {data.draw}: ", 3)
    if data.error < ROUNDING:
        return f"{draw}error 0 to rounding"
    error = f"{_few(100 * data.error)} %" if data.error < 10 else f"× {_few(data.error)}"
    return f"{draw}error {error}" + (f", cosine {data.cosine:.{digits}f}" if np.isfinite(data.cosine) else "")
