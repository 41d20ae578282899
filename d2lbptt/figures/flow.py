"""|dL/dh_t| against t, in decades: the picture of a gradient that vanishes or explodes (9.7.14, 9.7.15)."""

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style
from .eigenvalues import Eigenvalues

STEPS = (10, 20, 50, 100, 200, 500, 1000, 10**4, 10**5, 10**6)
DECADES = (10, 30, 100, 400, 1000, 2500, 10**4, 10**5, 10**6, 10**7)


def gradient_flow(ax, full, truncated=None, *, tau=None, decades=None):
    """Draw |dL/dh_t| / |dL/dh_T| against t on a log axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    full : array, shape (T,)
        log10 |dL/dh_t|, as ``log10_gradient_norms`` returns it.
    truncated : array, shape (T,), optional
        The same with a window; -inf where it drops everything, which is drawn hatched.
    tau : int, optional
        The window, for the label.
    decades : int, optional
        How far the vertical axis reaches up and down; by default as far as the curve needs.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The vertical axis shows a ratio, so every curve of one model starts at 1 on the right: how large the gradient
    is at T is not seen. A steep line may still be a slow one: mind the number of steps below it.
    The grey bands show where a number that starts at 1 leaves float32 and float64.
    """
    GradientFlow(ax, decades).update(full, truncated, tau)
    return ax


class GradientFlow:
    """The picture of ``gradient_flow``, drawn once; ``update`` moves its artists.

    Attributes
    ----------
    artists : list
        What ``update`` changes, back to front; everything else stands still.
    """

    def __init__(self, ax, decades=None):
        self.ax, self.decades = _decade_axes(ax), decades
        self.dropped = ax.axvspan(0, 0, **style.DROPPED)
        self.full = _Curve(ax, style.FULL, above=True)
        self.truncated = _Curve(ax, style.TRUNCATED, above=False)
        (self.end,) = ax.plot([], [], "o", color=style.FULL["color"], markersize=8)
        lines, labels = zip(*(curve.artists for curve in (self.full, self.truncated)), strict=True)
        self.artists = [self.dropped, *lines, self.end, *labels]

    def update(self, full, truncated=None, tau=None):
        """Show other curves; see ``gradient_flow``."""
        curve = _relative(full, full)
        _set_limits(self.ax, [curve], self.decades)
        self.full.update(curve, "full gradient")
        self.end.set_data([len(curve)], curve[-1:])
        self._show_truncated(_relative(truncated, full) if truncated is not None else None, tau)

    def _show_truncated(self, curve, tau):
        for artist in (*self.truncated.artists, self.dropped):
            artist.set_visible(curve is not None)
        if curve is None:
            return
        self.truncated.update(curve, f"truncated, τ = {tau}")
        kept = np.isfinite(curve)
        first = int(np.argmax(kept)) if kept.any() else len(curve)
        (low, high), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        edge = 0.5 + first if first else low
        self.dropped.set_bounds(low, bottom, edge - low, top - bottom)
        if first:
            # In the hatched block, or beside it where it is narrow.
            side, sign = ("right", -1) if edge - low > 0.45 * (high - low) else ("left", 1)
            position = edge + sign * 0.015 * (high - low), 0.7 * bottom
            self.truncated.label.set(text=f"dropped by τ = {tau}", position=position, ha=side, va="center")


class _Curve:
    """A line and its label, which follows it."""

    def __init__(self, ax, look, above):
        (self.line,) = ax.plot([], [], **look)
        box = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
        font = {"color": look["color"], "fontsize": style.LABEL, "fontweight": "bold"}
        self.label = ax.text(0, 0, "", bbox=box, **font)
        self.above, self.artists = above, (self.line, self.label)

    def update(self, curve, words):
        t = np.arange(1, len(curve) + 1)
        self.line.set_data(t, curve)
        _follow(self.label, t, curve, words, self.above)


def _relative(decades, full):
    base = full[-1] if np.isfinite(full[-1]) else 0
    return np.where(np.isfinite(decades), decades - base, np.nan)


def _decade_axes(ax):
    style.axes(ax, "time step t", "|∂L/∂h$_t$|  ÷  |∂L/∂h$_T$|")
    ax.yaxis.set_major_formatter(FuncFormatter(style.decade))
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_label_coords(-0.155, 0.5)
    ax.axhline(0, color=style.FAINT, linewidth=1)
    _bands(ax)
    return ax


def _set_limits(ax, curves, decades):
    reach = max((np.nanmax(np.abs(c)) for c in curves if np.isfinite(c).any()), default=1)
    limit = decades or style.next_limit(1.04 * reach, DECADES)
    steps = style.next_limit(len(curves[0]), STEPS)
    ax.set(xlim=(1 - 0.02 * steps, 1.02 * steps), ylim=(-limit, limit))


def _bands(ax):
    limits = [np.log10([float(f.smallest_subnormal), float(f.max)]) for f in map(np.finfo, ("f4", "f8"))]
    edges = [*limits, (-1e9, 1e9)]
    for (low, high), (lower, higher), colour, name in zip(
        edges, edges[1:], style.BANDS, ("float32", "float64"), strict=False
    ):
        for start, stop, word in ((low, lower, "vanished"), (high, higher, "exploded")):
            ax.axhspan(start, stop, color=colour, linewidth=0, zorder=0)
            ax.text(
                0.99, start, f"{word} in {name} ", transform=ax.get_yaxis_transform(), clip_on=True,
                fontsize=style.NOTE, color=style.FAINT, ha="right", va="top" if start < 0 else "bottom",
            )  # fmt: skip


def _follow(label, t, curve, words, above):
    """Put a label beside a curve, on the side that the curve leaves free, inside the axes."""
    limit, longest = label.axes.get_ylim()[1], label.axes.get_xlim()[1]
    leftwards = (curve[-1] >= curve[0]) == above and len(t) > 0.7 * longest
    at = int(0.6 * len(t)) if leftwards else len(t) // 3
    height = curve[at] if np.isfinite(curve[at]) else 0
    height = np.clip(height + (0.07 if above else -0.07) * limit, -0.84 * limit, 0.84 * limit)
    label.set(text=words, position=(t[at], height), va="bottom" if above else "top")
    label.set_horizontalalignment("right" if leftwards else "left")


class GradientFlowPicture:
    """|dL/dh_t| against t beside the eigenvalues of W_hh, for one figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        About 2.4 times as wide as high.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    artists : list
        What ``update`` changes.
    """

    def __init__(self, figure):
        self.figure = figure
        self.flow = GradientFlow(figure.add_axes((0.125, 0.165, 0.54, 0.80)))
        self.eigenvalues = Eigenvalues(figure.add_axes((0.745, 0.165, 0.25, 0.70)))
        self.artists = self.flow.artists + self.eigenvalues.artists

    def update(self, data):
        """Show ``full``, ``truncated``, ``tau``, ``decades`` and ``eigenvalues``, attributes of data."""
        self.flow.decades = data.decades
        self.flow.update(data.full, data.truncated, data.tau)
        self.eigenvalues.update(data.eigenvalues)


class TwoFlows:
    """|dL/dh_t| for the identity and for another activation, beside the slopes phi'(z_t) that make the difference.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        About 2.4 times as wide as high.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    artists : list
        What ``update`` changes.
    """

    def __init__(self, figure):
        self.figure = figure
        self.flow = _decade_axes(figure.add_axes((0.125, 0.165, 0.50, 0.80)))
        self.phi = _Curve(self.flow, style.FULL, above=False)
        self.identity = _Curve(self.flow, style.IDENTITY, above=True)
        (self.end,) = self.flow.plot([], [], "o", color=style.FULL["color"], markersize=8)
        self.slopes = style.axes(figure.add_axes((0.72, 0.165, 0.27, 0.70)), "time step t", "")
        self.slopes.set(ylim=(0, 1.04))
        self.slopes.set_title("slopes φ′(z$_t$) of all units", fontsize=style.LABEL, color=style.INK)
        self.slopes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        self.band = self.slopes.fill([], [], color=style.FULL["color"], alpha=0.25, linewidth=0)[0]
        (self.median,) = self.slopes.plot([], [], **style.FULL)
        self.artists = [*self.phi.artists, *self.identity.artists, self.end, self.band, self.median]

    def update(self, data):
        """Show ``identity`` and ``full`` (log10 norms), ``activation`` and ``slopes`` (T, h), attributes of data."""
        identity, full = _relative(data.identity, data.identity), _relative(data.full, data.full)
        _set_limits(self.flow, [identity, full], None)
        self.identity.update(identity, "identity")
        self.phi.update(full, data.activation)
        self.end.set_data([len(full)], full[-1:])
        low, middle, high = np.quantile(data.slopes, [0.1, 0.5, 0.9], axis=1)
        t = np.arange(1, len(middle) + 1)
        self.slopes.set_xlim(self.flow.get_xlim())
        self.median.set_data(t, middle)
        self.band.set_xy(np.column_stack([np.r_[t, t[::-1]], np.r_[low, high[::-1]]]))
