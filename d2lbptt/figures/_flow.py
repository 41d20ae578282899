"""|dL/dh_t| against t, in decades: the picture of a gradient that vanishes or explodes (9.7.14, 9.7.15)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import _validation
from . import _style as style
from ._arguments import decades as logarithms
from ._eigenvalues import _Eigenvalues, _Sizes
from ._labels import Room
from ._panels import Panel, Picture, band, line
from ._paper import drawn

STEPS = (10, 20, 50, 100, 200, 500, 1000, 10**4, 10**5, 10**6)
END = {"color": style.FULL["color"], "marker": "o", "markersize": 8, "linestyle": "none"}
DECADES = (10, 30, 100, 400, 1000, 2500, 10**4, 10**5, 10**6, 10**7)


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
    full : array, shape (T,)
        log10 |dL/dh_t|, as ``log10_gradient_norms`` returns it.
    truncated : array, shape (T,) or (n,), optional
        The same with a window; -inf where it drops everything, which is drawn hatched.
    tau : int, optional
        The window, for the label.
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
    _validation.flag("every_step", every_step)
    picture = _GradientFlow(ax, decades)
    picture.update(full, truncated, tau, steps=steps, theory=theory, bound=bound, every_step=every_step)


def _steps(steps, T):
    steps = _validation.shaped("steps", _validation.whole("steps", steps), (None,), "(n,)")
    _validation.fits_in_memory("steps", steps.size, float, f"shape {steps.shape}")
    if not (steps.min() >= 1 and steps.max() <= T and (np.diff(steps.astype(float)) > 0).all()):
        raise ValueError(f"steps is {_validation.shown(steps.tolist())}, wanted rising numbers from 1 to T = {T}")
    return steps


class _GradientFlow(Panel):
    """The picture of ``gradient_flow``."""

    def __init__(self, ax, decades=None):
        super().__init__(_decade_axes(ax))
        self.decades, self._bands = decades, list(ax.texts)
        self.dropped = band(ax, **style.DROPPED)
        self._bound, self._theory = (_Curve(ax, look, style.NOTE) for look in (style.BOUND, style.THEORY))
        self._full, self._truncated = (_Curve(ax, look) for look in (style.FULL, style.TRUNCATED))
        curves = self._bound, self._full, self._truncated, self._theory
        self.lines = [curve.line for curve in curves[:-1]]
        self.end = line(ax, END)
        self.theory = self._theory.line
        self.theory.set_zorder(self.end.get_zorder() + 1)
        self.labels = [curve.label for curve in curves]

    def update(self, full, truncated=None, tau=None, *, steps=None, theory=None, bound=None, every_step=False):
        """Show other curves; see ``gradient_flow``."""
        t = np.arange(1, len(full) + 1)
        curve, cut = _relative(full, full), _relative(truncated, full)
        _set_limits(self.ax, [curve, _relative(theory)], self.decades)
        self.end.set_data(t[-1:], curve[-1:])
        self._full.show(t, curve, "full gradient")
        self._truncated.show(t if steps is None else steps, cut, f"truncated, τ = {tau}")
        self._theory.show_law(t, _relative(theory), "theory, loss at T alone" if every_step else "theory: ρᵏ × slopes")
        self._bound.show_law(t, _relative(bound), "bound, loss at T alone" if every_step else "no gradient lies above")
        self._name(self._hatch(*self._truncated.line.get_data()), tau)

    def _hatch(self, steps, curve):
        """Hatch what the window drops, up to the first step that it reaches; return where that ends, or None."""
        drops = len(curve) > 0 and not np.isfinite(curve[0])
        self.dropped.set_visible(drops)
        if not drops:
            return None
        reached = np.isfinite(curve)
        edge = steps[np.argmax(reached)] - 0.5 if reached.any() else steps[-1] + 0.5
        (low, _), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        self.dropped.set_bounds(low, bottom, edge - low, top - bottom)
        return edge

    def _name(self, edge, tau):
        curves = [self._full, self._truncated, self._bound, self._theory]
        lines = [curve.line.get_data() for curve in curves]
        room = Room(self.ax, [*lines, (self.ax.get_xlim(), (0, 0))], self._bands)
        for number, curve in enumerate(curves):
            if curve is self._truncated and edge is not None:
                # In the hatched block, or beside it where it is narrow.
                curve.label.set_text(f"dropped by τ = {tau}")
                room.within(curve.label, self.ax.get_xlim()[0], edge)
            else:
                room.beside(curve.label, number)


class _Curve(Panel):
    """A line and its name."""

    def __init__(self, ax, look, size=style.LABEL):
        self.line = line(ax, look)
        font = style.BOLD | {"color": look["color"], "fontsize": size}
        self.label = ax.text(0, 0, "", bbox=style.paper(0.12), ha="left", va="bottom", **font)

    def show(self, t, curve, words):
        """Show another curve and name, or nothing if there is no curve."""
        self.line.set_data(*(([], []) if curve is None else (t, curve)))
        self.label.set_text("" if curve is None else words)

    def show_law(self, t, curve, words):
        """The same for a curve without a mark at its end: of one point nothing would be seen."""
        self.show(t, None if curve is None or np.isfinite(curve).sum() < 2 else curve, words)


def _relative(decades, full=None):
    """Return decades below or above the end of ``full``, nan where nothing is left; None stays None."""
    if decades is None:
        return None
    base = full[-1] if full is not None and np.isfinite(full[-1]) else 0
    return np.where(np.isfinite(decades), decades - base, np.nan)


def _decade_axes(ax):
    style.axes(ax, "time step t", "|∂L/∂h$_t$|  ÷  |∂L/∂h$_T$|", whole=6)
    style.decades(ax.yaxis)
    ax.yaxis.set_label_coords(-0.155, 0.5)
    style.baseline(ax)
    bands(ax)
    return ax


def _set_limits(ax, curves, decades):
    known = [curve for curve in curves if curve is not None and np.isfinite(curve).any()]
    reach = max((np.nanmax(np.abs(curve)) for curve in known), default=1)
    limit = decades or style.next_limit(1.04 * reach, DECADES)
    steps = style.next_limit(len(curves[0]), STEPS)
    ax.set(xlim=(1 - 0.02 * steps, 1.02 * steps), ylim=(-limit, limit))


def bands(ax):
    """Shade and name, on an axis of decades, where a number that starts at 1 leaves float32 and float64."""
    limits = [np.log10([float(f.smallest_subnormal), float(f.max)]) for f in map(np.finfo, ("f4", "f8"))]
    edges = [*limits, (-1e9, 1e9)]
    for (low, high), (lower, higher), colour, name in zip(
        edges, edges[1:], style.BANDS, ("float32", "float64"), strict=False
    ):
        for start, stop, word in ((low, lower, "vanished"), (high, higher, "exploded")):
            ax.axhspan(start, stop, color=colour, linewidth=0, zorder=0)
            ax.text(
                0.99, start, f"{word} in {name} ", transform=ax.get_yaxis_transform(), clip_on=True,
                ha="right", va="top" if start < 0 else "bottom", **style.ASIDE,
            )  # fmt: skip


class _Slopes(Panel):
    """phi'(z_t) against t: the median of all units, and the band between the lowest and the highest tenth."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "time step t", "", whole=3))
        ax.set(ylim=(0, 1.04))
        ax.set_title("slopes φ′(z$_t$) of all units", **style.TITLE)
        self.band = ax.fill([], [], color=style.FULL["color"], alpha=0.25, linewidth=0)[0]
        self.median = line(ax, style.FULL)

    def update(self, bands, limits):
        """Show other ``experiments.SlopeBands`` on an axis with these limits."""
        t, low, median, high = bands
        self.ax.set_xlim(limits)
        self.median.set_data(t, median)
        self.band.set_xy(np.column_stack([np.r_[t, t[::-1]], np.r_[low, high[::-1]]]))


class _GradientFlowPicture(Picture):
    """|dL/dh_t| against t beside what makes it: eigenvalues and singular values of W_hh, and the slopes."""

    def __init__(self, figure):
        super().__init__(figure)
        self.flow = _GradientFlow(figure.add_axes((0.118, 0.14, 0.462, 0.83)))
        self.flow.ax.yaxis.set_label_coords(-0.188, 0.5)
        self.eigenvalues = _Eigenvalues(figure.add_axes((0.665, 0.555, 0.18, 0.36)))
        self.sizes = _Sizes(figure.add_axes((0.857, 0.555, 0.14, 0.36)))
        self.slopes = _Slopes(figure.add_axes((0.665, 0.14, 0.325, 0.225)))

    def update(self, data, decades):
        """Show the attributes of data: what ``gradient_flow`` takes, eigenvalues, singular_values and slope_bands."""
        self.flow.decades = decades
        curves = {"theory": data.theory, "bound": data.bound, "every_step": data.every_step}
        self.flow.update(data.full, data.truncated, data.tau, steps=data.steps, **curves)
        self.eigenvalues.update(data.eigenvalues, data.singular_values[0])
        self.sizes.update(data.eigenvalues, data.singular_values, self.eigenvalues.ax.get_ylim()[1])
        self.slopes.update(data.slope_bands, self.flow.ax.get_xlim())


class _WithTanhPicture(Picture):
    """|dL/dh_t| for the identity and for another activation, beside the slopes phi'(z_t) that make the difference."""

    def __init__(self, figure):
        super().__init__(figure)
        self._flow = _decade_axes(figure.add_axes((0.125, 0.165, 0.50, 0.80)))
        self._bands = list(self._flow.texts)
        self.phi, self.identity = (_Curve(self._flow, look) for look in (style.FULL, style.IDENTITY))
        self.end = line(self._flow, END)
        self.slopes = _Slopes(figure.add_axes((0.72, 0.165, 0.27, 0.70)))

    def update(self, data):
        """Show an ``experiments.WithTanh``."""
        curves = [_relative(decades, decades) for decades in (data.identity, data.full)]
        t = np.arange(1, len(data.full) + 1)
        _set_limits(self._flow, curves, None)
        room = Room(self._flow, [*((t, curve) for curve in curves), (self._flow.get_xlim(), (0, 0))], self._bands)
        names = (self.identity, "identity"), (self.phi, data.activation)
        for number, (part, words) in enumerate(names):
            part.show(t, curves[number], words)
            room.beside(part.label, number)
        self.end.set_data(t[-1:], curves[1][-1:])
        self.slopes.update(data.slope_bands, self._flow.get_xlim())
