"""|dL/dh_t| against t, in decades: the picture of a gradient that vanishes or explodes (9.7.14, 9.7.15)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import blended_transform_factory
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._arguments import decades as logarithms
from ._eigenvalues import _Eigenvalues, _Sizes, radius
from ._panels import Handle, Name, Panel, Picture, RoomAbove, line, points_above, width
from ._paper import drawn

STEPS = (10, 20, 50, 100, 200, 500, 1000, 10**4, 10**5, 10**6)
END = {"color": style.FULL["color"], "marker": "o", "markersize": 8, "linestyle": "none"}
LENGTHS = (11, 22, 55, 110, 220, 550, 1000, 10**4, 10**5, 10**6)  # beside those that are often asked for
TRUNCATED, IDENTITY = "#A84A00", "#97446F"  # darker, of words
THEORY = "theory: ρᵏ × slopes", "theory, loss at T alone"  # the second beside a loss at every step
BOUND = "upper bound", "bound, loss at T alone"
NAMES = 35  # points above the axes: the lowest row of names, over the bar
DECADES = (10, 38, 100, 400, 1000, 2500, 10**4, 10**5, 10**6, 10**7)


@drawn
def gradient_flow(
    ax: Axes,
    full: ArrayLike,
    truncated: ArrayLike | None = None,
    *,
    tau: int | None = None,
    steps: ArrayLike | None = None,
    theory: ArrayLike | None = None,
    bound: ArrayLike | None = None,
    every_step: bool = False,
    decades: int | None = None,
) -> Axes:
    """Draw |dL/dh_t| / |dL/dh_T| against t on a log axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        They become lower: the names of the lines stand above them, in the place that they were given.
    full : array, shape (T,)
        log10 |dL/dh_t|, as ``log10_gradient_norms`` returns it.
    truncated : array, shape (T,) or (n,), optional
        The same with a window; -inf where it drops everything: there the bar above the axes is hatched.
    tau : int, optional
        The window, for its bar.
    steps : array of int, shape (n,), optional
        The t that ``truncated`` belongs to; all if it is not given.
    theory : array, shape (T,), optional
        log10 of the ratio as a law predicts it, dashed.
    bound : array, shape (T,), optional
        log10 of what the ratio cannot exceed, dotted.
    every_step : bool
        Whether ``full`` has a loss at every step: theory and bound are those of the loss at T alone, and say so.
    decades : int, optional
        How far the vertical axis reaches up and down; by default as far as the curve and theory need.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The vertical axis shows a ratio, so every curve of one model starts at 1 on the right: how large the gradient
    is at T is not seen. Theory need not start there: it is a law for the long run. A steep line may still be a slow
    one: mind the number of steps below it. The grey bands show where a number that starts at 1 leaves float32 and
    float64.
    """
    full = logarithms("full", full, (None,), "(T,)")
    T = len(full)
    steps = None if steps is None else _steps(steps, T)
    shape, names = ((T,), f"(T,) with T = {T}") if steps is None else (steps.shape, "(n,) as steps")
    if tau is not None:
        tau = _validation.whole_number("tau", tau, 1, 10**9)
    truncated = None if truncated is None else logarithms("truncated", truncated, shape, names)
    theory, bound = (
        None if value is None else logarithms(symbol, value, (T,), f"(T,) with T = {T}")
        for symbol, value in (("theory", theory), ("bound", bound))
    )
    if decades is not None:
        decades = _validation.whole_number("decades", decades, 1, DECADES[-1])
    every_step = _validation.flag("every_step", every_step)
    picture = _GradientFlow(ax)
    given = [n for n, value in zip(picture.rows, (full, theory, truncated, bound), strict=True) if value is not None]
    columns = 2 if ax.bbox.width > 4.4 * ax.figure.dpi else 1
    ax.set_axes_locator(RoomAbove(Name.rows(given, columns, up=NAMES if truncated is not None else 13)))
    picture.set_limits(*_limits(full, theory, decades=decades))
    picture.update(full, truncated, tau, steps=steps, theory=theory, bound=bound, every_step=every_step)


def _steps(steps, T):
    steps = _validation.shaped("steps", _validation.whole("steps", steps), (None,), "(n,)")
    _validation.fits_in_memory("steps", steps.size, float, f"shape {steps.shape}")
    if not (steps.min() >= 1 and steps.max() <= T and (np.diff(steps.astype(float)) > 0).all()):
        raise ValueError(f"steps is {_validation.shown(steps.tolist())}, wanted rising numbers from 1 to T = {T}")
    return steps


class _Decades(Panel):
    """Axes for the size of a gradient relative to that at t = T, in decades, against t."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "|∂L/∂h$_t$|  ÷  |∂L/∂h$_T$|", whole=6))
        style.decades(ax.yaxis, 8)
        style.baseline(ax)
        self._bands = bands(ax)

    def set_limits(self, steps, reach):
        """Let the axes show so many steps, and so many decades up and down."""
        self.ax.set(xlim=(1 - 0.02 * steps, 1.02 * steps), ylim=(-reach, reach))
        name_bands(self._bands)


class _GradientFlow(_Decades):
    """The picture of ``gradient_flow``."""

    def __init__(self, ax):
        super().__init__(ax)
        self.window = _Window(ax)
        looks = {"upper bound": style.BOUND, "full gradient": style.FULL, "truncated": style.TRUNCATED}
        self._bound, self._full, self._truncated = self.lines = [
            line(ax, look, label=name) for name, look in looks.items()
        ]
        self.end = line(ax, END)
        self.theory = line(ax, style.THEORY, zorder=self.end.get_zorder() + 1, label="theory")
        self._names = [Name(ax, style.FULL, "full gradient"), Name(ax, style.TRUNCATED, "truncated", dark=TRUNCATED)]
        self.laws = [Name(ax, look, *words) for look, words in ((style.THEORY, THEORY), (style.BOUND, BOUND))]

    @property
    def rows(self):
        """Names in the order of reading: full, theory, truncated, bound."""
        return [name for pair in zip(self._names, self.laws, strict=True) for name in pair]

    def update(self, full, truncated=None, tau=None, *, steps=None, theory=None, bound=None, every_step=False):
        """Show other curves; see ``gradient_flow``."""
        t = np.arange(1, len(full) + 1)
        curve = _relative(full, full)
        self.end.set_data(t[-1:], curve[-1:])
        self._full.set_data(t, curve)
        steps = t if steps is None else steps
        self._truncated.set_data(*([], []) if truncated is None else (steps, _relative(truncated, full)))
        self._names[1].show("" if truncated is None else "truncated")
        self._show_law(self.theory, self.laws[0], t, theory, THEORY[every_step])
        self._show_law(self._bound, self.laws[1], t, bound, BOUND[every_step])
        self.window.update(None if every_step or truncated is None else _first(truncated, steps, tau), len(full), tau)

    def _show_law(self, law, name, t, decades, words):
        known = decades is not None
        law.set_data(*(t, _relative(decades)) if known else ([], []))
        name.show(words if known else "")


class _Window(Panel):
    """A bar over the axes: the steps that a window reaches, and, hatched, those that it drops."""

    BOTTOM, TOP = 5, 22  # points above the axes

    def __init__(self, ax):
        super().__init__(ax)
        look, place = {"clip_on": False, "visible": False}, blended_transform_factory(ax.transData, points_above(ax))
        size = (0, self.BOTTOM), 0, self.TOP - self.BOTTOM
        self.edge = line(ax, {"color": style.TRUNCATED["color"], "linewidth": 1.2}, zorder=1)
        self.kept = ax.add_patch(Rectangle(*size, transform=place, color=style.TRUNCATED["color"], linewidth=0, **look))
        self.dropped = ax.add_patch(Rectangle(*size, transform=place, **style.DROPPED | {"alpha": 0.6} | look))
        font = {"fontsize": style.NOTE, "color": TRUNCATED, "va": "center_baseline"}
        middle = (self.BOTTOM + self.TOP) / 2
        self.words = ax.text(0, middle, "dropped", transform=place, ha="center", bbox=style.paper(0.1, None), **font)
        self._room = width("dropped", style.NOTE) + 10
        self.tau = ax.text(-8, middle, "", transform=points_above(ax), ha="right", fontweight="bold", **font)

    def update(self, first, T, tau):
        """Show the window tau, whose first step is this, or None."""
        for artist in self.artists:
            artist.set_visible(first is not None)
        if first is None:
            return
        low, high = self.ax.get_xlim()
        edge, end = np.clip([low if first == 1 else first - 0.5, T + 0.5], low, high)
        self.kept.set(x=edge, width=end - edge)
        self.dropped.set(x=low, width=edge - low)
        self.edge.set(data=([edge, edge], self.ax.get_ylim()), visible=low < edge < high)
        self.words.set_x((low + edge) / 2)
        self._T = T
        room = (edge - low) / (high - low) * self.ax.bbox.width * 72 / self.ax.figure.dpi
        self.words.set_visible(room > self._room)
        self.tau.set_text("" if tau is None else f"τ = {tau}")

    def handles(self):
        """Return the bar, whose places are tau, with the edge of the window."""
        if not self.kept.get_visible():
            return []
        low, high = self.ax.get_ylim()
        point = (high - low) / self.ax.bbox.height * self.ax.figure.dpi / 72
        within = (*self.ax.get_xlim(), high + (self.BOTTOM - 2) * point, high + (self.TOP + 2) * point)
        at = self.kept.get_x(), high + (self.BOTTOM + self.TOP) / 2 * point
        return [Handle(self.ax, {"tau": (self._T + 0.5, -1, 0)}, at, within)]


def _first(truncated, steps, tau):
    """Return the first step that a window reaches, one more than all if there is none."""
    reached = np.isfinite(truncated)
    if reached[0]:
        return 1
    if tau is not None:
        return max(1, steps[-1] - tau + 1)
    return steps[np.argmax(reached)] if reached.any() else steps[-1] + 1


def _relative(decades, full=None):
    """Return decades below or above the end of ``full``, nan where nothing is left; None stays None."""
    if decades is None:
        return None
    base = full[-1] if full is not None and np.isfinite(full[-1]) else 0
    return np.where(np.isfinite(decades), decades - base, np.nan)


def _limits(*decades_of_curves, decades=None):
    """Return how many steps, and how many decades up and down, show the first of these curves and those beside it."""
    first, *others = decades_of_curves
    curves = [_relative(first, first), *(_relative(curve) for curve in others)]
    known = [curve for curve in curves if curve is not None and np.isfinite(curve).any()]
    reach = max((np.nanmax(np.abs(curve)) for curve in known), default=1)
    return style.next_limit(len(first), LENGTHS), decades or style.next_limit(1.04 * reach, DECADES)


def bands(ax, side="right"):
    """Shade, on an axis of decades, where a number that starts at 1 leaves float32 and float64, and return the names.

    The side of the names is that where the gradient starts: it passes their height, if at all, further on. Each is
    returned with where its band begins and ends, for ``name_bands``.
    """
    limits = [np.log10([float(f.smallest_subnormal), float(f.max)]) for f in map(np.finfo, ("f4", "f8"))]
    edges, names = [*limits, (-1e9, 1e9)], []
    look = style.ASIDE | {"transform": ax.get_yaxis_transform(), "ha": side, "clip_on": True}
    x = 0.99 if side == "right" else 0.01
    for i, float_type in enumerate(("float32", "float64")):
        for start, stop, word in zip(edges[i], edges[i + 1], ("vanished", "exploded"), strict=True):
            ax.axhspan(start, stop, color=style.BANDS[i], linewidth=0, zorder=0)
            text = ax.text(x, start, f"{word} in {float_type}", va="top" if start < 0 else "bottom", **look)
            names.append((text, start, stop))
    return names


def name_bands(names):
    """Put the name of each band where it ends or leaves the Axes: a gradient passes near its beginning."""
    for text, start, stop in names:
        low, high = np.clip(sorted((start, stop)), *text.axes.get_ylim())
        bottom, top = text.axes.transData.transform([(0, low), (0, high)])[:, 1]
        text.set(**{"y": high, "va": "top"} if stop > 0 else {"y": low, "va": "bottom"})
        text.set_visible(bool(top - bottom > 1.4 * style.NOTE * text.figure.dpi / 72))


def hold_label(ax):
    """Let the label of the vertical axis stay where it is, however wide the labels of its ticks become."""
    ax.yaxis.set_label_coords(-63, 0.5, blended_transform_factory(points_above(ax), ax.transAxes))


class _Slopes(Panel):
    """phi'(z_t) against t: the median of all units, and the band between the lowest and the highest tenth."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "", whole=3))
        ax.set(ylim=(0, 1.04))
        ax.set_title("slopes φ′(z$_t$) of all units", **style.TITLE)
        self.band = ax.fill([], [], color=style.FULL["color"], alpha=0.25, linewidth=0)[0]
        self.median = line(ax, style.FULL, label="median slope")

    def update(self, bands):
        """Show other ``experiments.SlopeBands``."""
        t, low, median, high = bands
        self.median.set_data(t, median)
        self.band.set_xy(np.column_stack([np.r_[t, t[::-1]], np.r_[low, high[::-1]]]))


class _GradientFlowPicture(Picture):
    """|dL/dh_t| against t beside what makes it: eigenvalues and singular values of W_hh, and the slopes."""

    WIDE = (0.122, 0.14, 0.47, 0.66), (0.672, 0.58, 0.165, 0.33), (0.855, 0.58, 0.14, 0.33), (0.672, 0.14, 0.318, 0.225)
    NARROW = (0.235, 0.57, 0.71, 0.315), (0.2, 0.27, 0.36, 0.195), (0.61, 0.27, 0.34, 0.195), (0.2, 0.068, 0.745, 0.095)

    def __init__(self, figure):
        super().__init__(figure)
        flow, eigenvalues, sizes, slopes = (figure.add_axes(place) for place in self.WIDE)
        self.flow, self.eigenvalues = _GradientFlow(flow), _Eigenvalues(eigenvalues)
        self.sizes, self.slopes = _Sizes(sizes), _Slopes(slopes)
        hold_label(flow)
        self.arrange(False)

    def arrange(self, narrow):
        """See ``Picture``."""
        self.place((4.8, 8.2) if narrow else (9.6, 4.8), self.NARROW if narrow else self.WIDE)
        Name.rows(self.flow.rows, 2, right=-74 if narrow else 0, up=NAMES)

    def limits(self, data, decades):
        """Return steps and decades of the gradient, and how far the eigenvalues reach."""
        flow = _limits(data.full, data.theory, decades=decades)
        return *flow, radius(max(data.singular_values[0], np.abs(data.eigenvalues[0])))

    def set_limits(self, steps, reach, radius):
        """See ``Picture``."""
        self.flow.set_limits(steps, reach)
        self.slopes.ax.set_xlim(self.flow.ax.get_xlim())
        self.eigenvalues.set_limits(radius)
        self.sizes.set_limits(radius)

    def update(self, data, decades):
        """Show the attributes of data: what ``gradient_flow`` takes, eigenvalues, singular_values and slope_bands."""
        curves = {"theory": data.theory, "bound": data.bound, "every_step": data.every_step}
        self.flow.update(data.full, data.truncated, data.tau, steps=data.steps, **curves)
        self.eigenvalues.update(data.eigenvalues)
        self.sizes.update(data.eigenvalues, data.singular_values)
        self.slopes.update(data.slope_bands)

    def handles(self):
        """Return the bar of the window."""
        return self.flow.window.handles()


class _WithTanhPicture(Picture):
    """|dL/dh_t| for the identity and for another activation, beside the slopes phi'(z_t) that make the difference."""

    WIDE = (0.122, 0.16, 0.5, 0.75), (0.71, 0.16, 0.28, 0.75)
    NARROW = (0.235, 0.5, 0.71, 0.44), (0.235, 0.1, 0.71, 0.265)

    def __init__(self, figure):
        super().__init__(figure)
        flow, slopes = (figure.add_axes(place) for place in self.WIDE)
        self._flow = _Decades(flow)
        hold_label(flow)
        self.phi, self.identity = (
            line(flow, look, label=name) for name, look in (("φ", style.FULL), ("identity", style.IDENTITY))
        )
        self.end = line(flow, END)
        self._identity = Name(flow, style.IDENTITY, "identity", dark=IDENTITY)
        self.name = Name(flow, style.FULL, "φ")
        Name.rows([self._identity, self.name], 2, up=14)
        self.slopes = _Slopes(slopes)

    def arrange(self, narrow):
        """See ``Picture``."""
        self.place((4.8, 6.4) if narrow else (9.6, 4.2), self.NARROW if narrow else self.WIDE)

    def limits(self, data):
        """Return steps and decades."""
        return _limits(data.full, data.identity - data.identity[-1])

    def set_limits(self, steps, reach):
        """See ``Picture``."""
        self._flow.set_limits(steps, reach)
        self.slopes.ax.set_xlim(self._flow.ax.get_xlim())

    def update(self, data):
        """Show an ``experiments.WithTanh``."""
        t = np.arange(1, len(data.full) + 1)
        for curve, decades in ((self.phi, data.full), (self.identity, data.identity)):
            curve.set_data(t, _relative(decades, decades))
        self.end.set_data(t[-1:], self.phi.get_ydata()[-1:])
        self.name.text.set_text(data.activation)
        self.phi.set_label(data.activation)
        self.slopes.update(data.slope_bands)
