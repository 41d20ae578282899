"""The unrolled network as a picture, for any T: boxes, circles, and what has flowed along the arrows so far."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from .. import _validation
from ..graph import WEIGHTS, Graph
from . import _style as style
from ._panels import Panel, Picture, Words, box, line
from ._paper import drawn
from ._style import SUBSCRIPTS, short

WIDTH, HEIGHT, STRIP = 960, 372, 88  # pixels: of both Axes, of the graph's, of the Axes with the parts below it
ROWS = {"x": 20, "W_hx": 58, "f": 100, "h": 100, "W_hh": 152, "g": 198, "W_qh": 198, "o": 246, "l": 294, "y": 294}
LEFT_OF_COLUMN = {"W_hx": (50, 25), "W_qh": (62, 27), "y": (58, 31)}  # pixels, with room and without
TOP, RIGHT, WIDEST, ROOM = 332, 98, 230, 125  # row of L; what L takes; most for a time step; least for indices
NAMES = {W: f"W$_{{{W[2:]}}}$" for W in WEIGHTS} | {"mean": "Σ/T", "L": "L", "l": "ℓ"}

TO_COME = {"color": "#8A8A8A", "linewidth": 1.4, "linestyle": (0, (1, 2))}
FORWARD = {"color": style.INK, "linewidth": 1.6, "linestyle": "-"}
BACK = {"color": style.FULL["color"], "linewidth": 4, "linestyle": "-"}
NOW = {"color": style.INK, "linewidth": 19}, {"color": style.NOW, "linewidth": 16}  # a pen with an edge
WAITING, ARRIVED = (0, (2.5, 1.5)), "-"  # the frame of a use, before and after its part has come
KEY, FRAMES_KEY = 362, ((518, "a use of the weight"), (742, "its part came back"))


@drawn
def computational_graph(ax: Axes, graph: Graph, *, walked: int | None = None, weight: str | None = None) -> Axes:
    """Draw the unrolled network.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About 960 x 372 pixels.
    graph : Graph
        From ``computational_graph`` of the module ``graph``.
    walked : int, optional
        How many edges of ``graph.walk()`` are done, the last of them just now. Without it the forward
        pass is done, and no edge is the current one.
    weight : {"W_hx", "W_hh", "W_qh"}, optional
        Whose uses are framed.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    White boxes are variables, shaded boxes parameters, circles operators. A box for each use of a weight does not
    mean as many weights: all boxes of one name hold the same numbers.
    """
    edges = len(_validation.instance("graph", graph, Graph).walk())
    if walked is not None:
        walked = _validation.whole_number("walked", walked, 0, edges)
    if weight is not None:
        _validation.one_of("weight", weight, WEIGHTS)
    _ComputationalGraph(ax).update(graph, walked, weight)


class _Layout:
    """Where each node stands, in pixels, and how large it is."""

    def __init__(self, graph):
        T = graph.T
        self.roomy = (WIDTH - RIGHT - 32) / T >= ROOM
        left = 32 if self.roomy else 78
        self.column = min(WIDEST, (WIDTH - RIGHT - left) / T)
        self.start = left + (WIDTH - RIGHT - left - T * self.column) / 2
        self.fontsize = style.LABEL if self.roomy else style.NOTE
        self.at = {node: np.array(self._place(node, T)) for node in graph.nodes}

    def _place(self, node, T):
        if node.t == 0 and node.symbol != "h":
            return self.start + T * self.column + (28 if node.symbol == "mean" else 82), TOP
        aside = LEFT_OF_COLUMN.get(node.symbol, (0, 0))[0 if self.roomy else 1]
        before = 0.5 if node.symbol in ("x", "f", "W_hx", "W_hh") else 0
        return self.start + (node.t - before) * self.column - aside, ROWS[node.symbol]

    def half(self, node):
        """Return half the width and half the height of a node."""
        if node.symbol in ("mean", "L"):
            return (18, 18) if node.symbol == "mean" else (13, 14)
        if node.kind == "operator":
            return (14, 14) if self.roomy else (10.5, 10.5)
        if self.roomy:
            return (24 if node.kind == "parameter" else 19), 14
        return (8, 8) if node.kind == "parameter" else (12 if node.t else 16, 12)

    def words(self, node):
        """Return what is written in a node."""
        if node.kind == "parameter":
            return NAMES[node.symbol] if self.roomy else ""
        if node.kind == "operator" or node.symbol == "L":
            return NAMES.get(node.symbol, node.symbol)
        return f"{node.symbol}{node.t}".translate(SUBSCRIPTS) if self.roomy or not node.t else node.symbol

    def units(self, points):
        """Return pixels in the units of the Axes: one time step sideways, one pixel upwards."""
        return (np.asarray(points, float) - [self.start, 0]) / [self.column, 1]

    def outline(self, node, margin=0):
        """Return the corners of a box, or points around a circle."""
        (x, y), (w, h) = self.at[node], self.half(node)
        if node.kind == "operator":
            turn = np.linspace(0, 2 * np.pi, 41)
            return np.column_stack([x + w * np.cos(turn), y + h * np.sin(turn)])
        return np.array([x, y]) + (np.array([w, h]) + margin) * [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]

    def path(self, source, target):
        """Return the line of an edge of the forward pass, from border to border."""
        a, b = self.at[source], self.at[target]
        corners = [a, np.array([a[0], TOP]), b] if target.symbol == "mean" else [a, b]
        start, end = self._border(source, corners[1]), self._border(target, corners[-2])
        return np.array([start, *corners[1:-1], end])

    def _border(self, node, towards):
        way, half = towards - self.at[node], np.array(self.half(node))
        if node.kind == "operator":
            return self.at[node] + way * half[0] / np.hypot(*way)
        with np.errstate(divide="ignore"):
            return self.at[node] + way * np.min(half / np.abs(way))


class _ComputationalGraph(Panel):
    """The picture of ``computational_graph``: another T changes what else stands still, and the limits of the Axes."""

    def __init__(self, ax):
        super().__init__(ax)
        self.T, self._still = None, []
        ax.set_axis_off()
        ax.set_ylim(0, HEIGHT)
        self.pen = [line(ax, look, solid_capstyle="butt", zorder=1) for look in NOW]
        self.lines = ax.add_collection(LineCollection([], capstyle="butt", zorder=2), autolim=False)
        self.heads = ax.add_collection(PolyCollection([], linewidth=0, zorder=3), autolim=False)
        self.frames = ax.add_collection(LineCollection([], color=BACK["color"], linewidth=3, zorder=6), autolim=False)
        look = style.SMALL | {"transform": ax.transAxes, "va": "center_baseline"}
        self.words = [ax.text(x / WIDTH, KEY / HEIGHT, words, **look) for x, words in FRAMES_KEY]

    def update(self, graph, walked=None, weight=None):
        """Show another state of the walk; see ``computational_graph``."""
        if graph.T != self.T:
            self._draw_nodes(graph)
        walk = graph.walk()
        done = len(graph.forward()) if walked is None else walked
        self._show_edges(graph, walk[:done], walk[done - 1] if walked else None)
        self._show_frames(graph.uses(weight) if weight else (), set(walk[:done]))

    def _draw_nodes(self, graph):
        for artist in self._still:
            artist.remove()
        self.T, self.layout = graph.T, _Layout(graph)
        self.ax.set_xlim(self.layout.units([[0, 0], [WIDTH, 0]])[:, 0])
        self._still = [self._boxes(graph), *map(self._label, graph.nodes), *self._key(), *self._row_names()]

    def _boxes(self, graph):
        outlines = [self.layout.units(self.layout.outline(node)) for node in graph.nodes]
        colours = [style.SHADE if node.kind == "parameter" else "white" for node in graph.nodes]
        boxes = PolyCollection(outlines, facecolors=colours, edgecolors=style.INK, linewidths=1.3, zorder=4)
        return self.ax.add_collection(boxes, autolim=False)

    def _label(self, node):
        return self._text(self.layout.at[node], self.layout.words(node), ha="center", fontsize=self.layout.fontsize)

    def _text(self, at, words, **look):
        x, y = self.layout.units([at])[0]
        return self.ax.text(x, y, words, va="center_baseline", color=style.INK, zorder=5, **look)

    def _row_names(self):
        if self.layout.roomy:
            return []
        return [self._text((24, ROWS[W]), NAMES[W], ha="center", fontsize=style.NOTE) for W in WEIGHTS]

    def _key(self):
        for x, look, words in ((8, TO_COME, "to come"), (138, FORWARD, "forward"), (272, BACK, "gradient, back")):
            way = np.array([[x, KEY], [x + 34, KEY]])
            shaft, head = _arrow(way[::-1] if look is BACK else way, look, 1)
            yield self.ax.plot(*self.layout.units(shaft).T, **look, solid_capstyle="butt")[0]
            yield self.ax.fill(*self.layout.units(head).T, color=look["color"], linewidth=0)[0]
            yield self._text((x + 42, KEY), words, ha="left", fontsize=style.NOTE)

    def _show_edges(self, graph, done, now):
        reached, drawn = set(done), []
        for edge in graph.forward():
            path = self.layout.path(*edge)
            if edge[::-1] in reached:
                drawn.append((path[::-1], BACK))
            else:
                drawn.append((path, FORWARD if edge in reached else TO_COME))
        drawn.sort(key=lambda item: item[1]["linewidth"])  # what is done covers what is not
        self._set_lines(drawn)
        forwards = now is not None and now.source in graph.inputs.get(now.target, ())
        path = [] if now is None else self.layout.path(*now) if forwards else self.layout.path(*now[::-1])
        for band in self.pen:
            band.set_data(*(self.layout.units(path).T if len(path) else ([], [])))

    def _set_lines(self, drawn):
        arrows = [_arrow(path, look, 1 if self.layout.roomy else 0.7) for path, look in drawn]
        self.lines.set_segments([self.layout.units(shaft) for shaft, _ in arrows])
        self.heads.set_verts([self.layout.units(head) for _, head in arrows])
        self.lines.set_linestyle("-")  # with as many styles as widths from now on: Matplotlib would pair all with all
        self.lines.set(**{f"{key}s": [look[key] for _, look in drawn] for key in ("color", "linewidth", "linestyle")})
        self.heads.set_facecolor([look["color"] for _, look in drawn])

    def _show_frames(self, uses, reached):
        arrived = {edge.target for edge in reached}
        frames = [self.layout.outline(node, margin=3) for node in uses]
        looks = [ARRIVED if node in arrived else WAITING for node in uses]
        if uses:
            frames += [[[x - 32, 354], [x - 8, 354], [x - 8, 370], [x - 32, 370], [x - 32, 354]] for x, _ in FRAMES_KEY]
            looks += [WAITING, ARRIVED]
        self.frames.set_segments([self.layout.units(frame) for frame in frames])
        self.frames.set_linestyle(looks or "-")
        for words in self.words:
            words.set_visible(bool(uses))


def _arrow(path, look, scale):
    """Return the shaft and the head of an arrow along a path, in pixels."""
    end, way = path[-1], path[-1] - path[-2]
    along = way / np.hypot(*way) * scale * (8 + look["linewidth"])
    across = 0.5 * along[::-1] * [-1, 1]
    base = end - along
    return np.vstack([path[:-1], base + 0.1 * along]), np.array([base + across, end, base - across])


class _Contributions(Panel):
    """What each use of a weight contributes to its gradient: a bar under its column, and numbers that add up.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About 960 x 88 pixels, below the graph.
    longest : int
        The largest T.
    """

    def __init__(self, ax, longest):
        super().__init__(ax)
        self.T, self._still = None, []
        ax.set_axis_off()
        ax.set_ylim(0, STRIP)
        self.bars = ax.add_collection(PolyCollection([], facecolor=BACK["color"], linewidth=0), autolim=False)
        self.numbers = Words(ax, longest)
        self.title = Words(ax, 1, ha="left", linespacing=1.35)
        self.sum = Words(ax, 1, ha="right", linespacing=1.5, fontweight="bold")

    def update(self, layout, parts, weight):
        """Show the parts, one number for each use, nan for those that have not come yet."""
        if len(parts) != self.T:
            self._draw_axis(layout, len(parts))
        come = np.flatnonzero(np.isfinite(parts))
        tallest, digits = np.abs(parts[come]).max(initial=0) or 1, 3 if layout.roomy else 2
        self.bars.set_verts([box(i + 0.34, 24, 0.32, 40 * parts[i] / tallest) for i in come])
        self.numbers.show([(i + 0.5, 74, short(parts[i], digits)) for i in come])
        (left, _), (right, _) = layout.units([[4, 0], [WIDTH - 6, 0]])
        self.title.show([(left, 42, f"parts of\n∂L/∂{NAMES[weight]}")])
        self.sum.show([(right, 60, f"sum\n{short(parts[come].sum())}")] if len(come) else [])

    def _draw_axis(self, layout, T):
        for artist in self._still:
            artist.remove()
        self.T = T
        self.ax.set_xlim(layout.units([[0, 0], [WIDTH, 0]])[:, 0])
        steps = Words(self.ax, T)
        steps.show([(t - 0.5, 10, f"t = {t}" if layout.roomy else f"{t}") for t in range(1, T + 1)])
        self._still = [*self.ax.plot([0.3, T], [24, 24], color=style.FAINT, linewidth=1), *steps.texts]


class _UnrolledGraphPicture(Picture):
    """The graph up to T = ``longest``, and below it what each use of a weight contributes to its gradient."""

    def __init__(self, figure, longest):
        super().__init__(figure)
        share = STRIP / (STRIP + HEIGHT)
        self.graph = _ComputationalGraph(figure.add_axes((0, share, 1, 1 - share)))
        self.contributions = _Contributions(figure.add_axes((0, 0, 1, share)), longest)

    def update(self, data, step):
        """Show ``graph``, ``weight`` and ``parts``, attributes of data, after so many edges of the walk."""
        self.graph.update(data.graph, step, data.weight)
        arrived = np.where(data.arrived(step), data.parts, np.nan)
        self.contributions.update(self.graph.layout, arrived, data.weight)
