"""The unrolled network as a picture, for any T: boxes, circles, and what has flowed along the arrows so far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from .. import _validation
from ..graph import WEIGHTS, Edge, Graph
from . import _style as style
from ._panels import Panel, Picture, Spots, Words, box, line, place
from ._paper import drawn
from ._style import SUBSCRIPTS, short

WIDEST = 230  # pixels: the most for a time step
NAMES = {W: f"W$_{{{W[2:]}}}$" for W in WEIGHTS} | {"mean": "Σ/T", "L": "L", "l": "ℓ"}

TO_COME = {"color": "#8A8A8A", "linewidth": 1.4, "linestyle": (0, (1, 2))}
FORWARD = {"color": style.INK, "linewidth": 1.6, "linestyle": "-"}
BACK = {"color": style.FULL["color"], "linewidth": 4, "linestyle": "-"}
LOOKS = {"to come": TO_COME, "forward": FORWARD, "back": BACK}
NOW = {"color": style.INK, "linewidth": 19}, {"color": style.NOW, "linewidth": 16}  # a pen with an edge
KEY, FRAMES = ("to come", "forward", "gradient, back"), ("a use of the weight", "its part came back")
WAITING, ARRIVED = (0, (2.5, 1.5)), "-"  # the frame of a use, before and after its part has come


class _Form(NamedTuple):
    """How the picture stands on the page: time runs to the right or, turned, down. Lengths in pixels.

    Attributes
    ----------
    size, strip : tuple of int
        Of the graph's Axes; left, bottom, width and height of those with the parts.
    turned : bool
    length, head : int
        Of the graph along time, and what the key takes before it where it is turned.
    rows : dict of str to int
        Where the nodes stand across time; "L" is the line of the losses.
    aside : dict of str to pair of int
        How far before the step's state others stand, with room for indices and without.
    first : pair of int
        What h_0 takes, with room and without.
    mean, L, tail : int
        Where those two stand behind the last step, and what they take.
    room : int
        Along time, the least for indices.
    flat : float
        The height of a node where there is no room, divided by that of the other form.
    key, frames_key : tuple of pair of int
        Places of their words.
    """

    size: tuple
    strip: tuple
    turned: bool
    length: int
    head: int
    rows: dict
    aside: dict
    first: tuple
    mean: int
    L: int
    tail: int
    room: int
    flat: float
    key: tuple
    frames_key: tuple


WIDE = _Form(
    size=(960, 372),
    strip=(0, 0, 960, 88),
    turned=False,
    length=960,
    head=0,
    rows={"x": 20, "W_hx": 58, "f": 100, "h": 100, "W_hh": 152, "g": 198, "W_qh": 198, "o": 246, "l": 294, "L": 332},
    aside={"W_hx": (50, 25), "W_qh": (62, 27), "y": (58, 31)},
    first=(32, 78),
    mean=28,
    L=82,
    tail=98,
    room=125,
    flat=1,
    key=((50, 362), (180, 362), (314, 362)),
    frames_key=((518, 362), (742, 362)),
)
NARROW = _Form(
    size=(480, 880),
    strip=(376, 0, 104, 880),
    turned=True,
    length=816,
    head=64,
    rows={"x": 22, "W_hx": 58, "f": 106, "h": 106, "W_hh": 162, "g": 222, "W_qh": 222, "o": 268, "l": 314, "L": 352},
    aside={"W_hx": (40, 25), "W_qh": (45, 27), "y": (45, 31)},
    first=(24, 26),
    mean=26,
    L=60,
    tail=76,
    room=105,
    flat=0.85,
    key=((50, 866), (180, 866), (314, 866)),
    frames_key=((40, 842), (270, 842)),
)


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
    picture = _ComputationalGraph(ax)
    picture.arrange(_Layout(graph))
    picture.update(graph, walked, weight)


class _Layout:
    """Where each node of a graph stands, in pixels from the beginning of the first step, and how large it is."""

    def __init__(self, graph, form=WIDE):
        self.graph, self.form, T = graph, form, graph.T
        self.roomy = (form.length - form.tail - form.first[0]) / T >= form.room
        free = form.length - form.tail - form.first[0 if self.roomy else 1]
        self.column = min(WIDEST, free / T)
        self.start = form.length - form.tail - (free + T * self.column) / 2
        self.origin = np.array([0, self.start] if form.turned else [-self.start, 0])  # the lower left corner
        self.fontsize = style.LABEL if self.roomy else style.NOTE
        self.at = {node: self.place(*self._along_and_across(node)) for node in graph.nodes}
        self._arrows = {}

    def place(self, along, across):
        """Return where a place in time is, counted from the left or top, and across it."""
        if self.form.turned:
            return np.add(self.origin, (across, self.form.length - along))
        return np.add(self.origin, (along, across))

    def limits(self, width, height):
        """Return the limits of Axes of this size."""
        x, y = self.origin
        return {"xlim": (x, x + width), "ylim": (y, y + height)}

    def step(self, t, across):
        """Return the pixels of the middle of step t, and across it."""
        return self.place(self.start + (t - 0.5) * self.column, across)

    def _along_and_across(self, node):
        form, end = self.form, self.start + self.graph.T * self.column
        if node.t == 0 and node.symbol != "h":
            return end + (form.mean if node.symbol == "mean" else form.L), form.rows["L"]
        aside = form.aside.get(node.symbol, (0, 0))[0 if self.roomy else 1]
        before = 0.5 if node.symbol in ("x", "f", "W_hx", "W_hh") else 0
        across = form.rows["l" if node.symbol == "y" else node.symbol]
        return self.start + (node.t - before) * self.column - aside, across

    def half(self, node):
        """Return half the width and half the height of a node."""
        if node.symbol in ("mean", "L"):
            return (18, 18) if node.symbol == "mean" else (13, 14)
        if node.kind == "operator":
            return (14, 14) if self.roomy else (10.5 * self.form.flat,) * 2
        if self.roomy:
            return (24 if node.kind == "parameter" else 19), 14
        return (8, 8) if node.kind == "parameter" else (12 if node.t else 16, 12 * self.form.flat)

    def words(self, node):
        """Return what is written in a node."""
        if node.kind == "parameter":
            return NAMES[node.symbol] if self.roomy else ""
        if node.kind == "operator" or node.symbol == "L":
            return NAMES.get(node.symbol, node.symbol)
        return f"{node.symbol}{node.t}".translate(SUBSCRIPTS) if self.roomy or not node.t else node.symbol

    def outline(self, node, margin=0):
        """Return the corners of a box, or points around a circle."""
        (x, y), (w, h) = self.at[node], self.half(node)
        if node.kind == "operator":
            turn = np.linspace(0, 2 * np.pi, 41)
            return np.column_stack([x + (w + margin) * np.cos(turn), y + (h + margin) * np.sin(turn)])
        return np.array([x, y]) + (np.array([w, h]) + margin) * [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]

    def path(self, source, target):
        """Return the line of an edge of the forward pass, from border to border."""
        a, b = self.at[source], self.at[target]
        corner = [b[0], a[1]] if self.form.turned else [a[0], b[1]]
        corners = [a, np.array(corner), b] if target.symbol == "mean" else [a, b]
        start, end = self._border(source, corners[1]), self._border(target, corners[-2])
        return np.array([start, *corners[1:-1], end])

    def arrow(self, edge, look):
        """Return the shaft and the head of an edge of the forward pass, turned round where the gradient flows."""
        if (edge, look) not in self._arrows:
            path = self.path(*edge)
            way = path[::-1] if look == "back" else path
            self._arrows[edge, look] = _arrow(way, LOOKS[look], 1 if self.roomy else 0.7)
        return self._arrows[edge, look]

    def _border(self, node, towards):
        way, half = towards - self.at[node], np.array(self.half(node))
        if node.kind == "operator":
            return self.at[node] + way * half[0] / np.hypot(*way)
        with np.errstate(divide="ignore"):
            return self.at[node] + way * np.min(half / np.abs(way))


class _ComputationalGraph(Panel):
    """The picture of ``computational_graph``, on a layout for a graph that may be longer: the rest is covered."""

    def __init__(self, ax):
        super().__init__(ax)
        self._still = []
        ax.set_axis_off()
        self.cover = ax.add_collection(PolyCollection([], facecolor="white", zorder=5.5), autolim=False)
        self.pen = [line(ax, look, solid_capstyle="butt", zorder=1) for look in NOW]
        self.lines = ax.add_collection(LineCollection([], capstyle="butt", zorder=2), autolim=False)
        self.heads = ax.add_collection(PolyCollection([], linewidth=0, zorder=3), autolim=False)
        self.frames = ax.add_collection(LineCollection([], color=BACK["color"], linewidth=3, zorder=6), autolim=False)
        self.words = [ax.text(0, 0, words, **style.SMALL | {"va": "center_baseline"}) for words in FRAMES]

    def arrange(self, layout):
        """Draw all nodes of a layout, and its key."""
        for artist in self._still:
            artist.remove()
        self._layout = layout
        self.ax.set(**layout.limits(*layout.form.size))
        nodes = layout.graph.nodes
        self._still = [self._boxes(nodes), *map(self._label, nodes), *self._key(), *self._row_names()]
        for words, at in zip(self.words, layout.form.frames_key, strict=True):
            words.set_position(layout.origin + at)

    def update(self, graph, walked=None, weight=None):
        """Show another state of the walk; see ``computational_graph``."""
        walk = graph.walk()
        done = len(graph.forward()) if walked is None else walked
        hidden = [node for node in self._layout.graph.nodes if node.t > graph.T]
        self.cover.set_verts([self._layout.outline(node, margin=2) for node in hidden])
        self._show_edges(graph, walk[:done], walk[done - 1] if walked else None)
        self._show_frames(graph.uses(weight) if weight else (), set(walk[:done]))

    def _boxes(self, nodes):
        outlines = [self._layout.outline(node) for node in nodes]
        colours = [style.SHADE if node.kind == "parameter" else "white" for node in nodes]
        boxes = PolyCollection(outlines, facecolors=colours, edgecolors=style.INK, linewidths=1.3, zorder=4)
        return self.ax.add_collection(boxes, autolim=False)

    def _label(self, node):
        return self._text(self._layout.at[node], self._layout.words(node), fontsize=self._layout.fontsize)

    def _text(self, at, words, **look):
        return self.ax.text(
            *at, words, **{"ha": "center", "va": "center_baseline", "color": style.INK} | look, zorder=5
        )

    def _row_names(self):
        layout, rows = self._layout, self._layout.form.rows
        along = layout.start - layout.form.first[1] + (10 if layout.form.turned else 24)
        names = () if layout.roomy else WEIGHTS
        return [self._text(layout.place(along, rows[W]), NAMES[W], fontsize=style.NOTE) for W in names]

    def _key(self):
        for (x, y), look, words in zip(self._layout.origin + self._layout.form.key, LOOKS.values(), KEY, strict=True):
            way = np.array([[x - 42, y], [x - 8, y]])
            shaft, head = _arrow(way[::-1] if look is BACK else way, look, 1)
            yield self.ax.plot(*shaft.T, **look, solid_capstyle="butt")[0]
            yield self.ax.fill(*head.T, color=look["color"], linewidth=0)[0]
            yield self._text((x, y), words, ha="left", fontsize=style.NOTE)

    def spots(self, graph):
        """Return the middles of the edges in sight, and how many edges are walked when one is: forwards, and back."""
        steps = {edge: i for i, edge in enumerate(graph.walk(), 1)}
        edges = [edge for edge in graph.forward() if self._in_sight(edge)]
        middles = np.array([self._layout.path(*edge)[:2].mean(0) for edge in edges])
        return middles, [[steps[way] for way in (edge, Edge(*edge[::-1])) if way in steps] for edge in edges]

    def _in_sight(self, edge):
        return edge.source in self._layout.at and edge.target in self._layout.at

    def _show_edges(self, graph, done, now):
        reached, drawn = set(done), []
        for edge in filter(self._in_sight, graph.forward()):
            look = "back" if edge[::-1] in reached else "forward" if edge in reached else "to come"
            drawn.append((*self._layout.arrow(edge, look), LOOKS[look]))
        drawn.sort(key=lambda item: item[-1]["linewidth"])  # what is done covers what is not
        self._set_lines(*zip(*drawn, strict=True))
        forwards = now is not None and now.source in graph.inputs.get(now.target, ())
        seen = now is not None and self._in_sight(now)
        path = self._layout.path(*(now if forwards else now[::-1])) if seen else np.empty((0, 2))
        for band in self.pen:
            band.set_data(*path.T)

    def _set_lines(self, shafts, heads, looks):
        self.lines.set_segments(shafts)
        self.heads.set_verts(heads)
        self.lines.set_linestyle("-")  # with as many styles as widths from now on: Matplotlib would pair all with all
        self.lines.set(**{f"{key}s": [look[key] for look in looks] for key in ("color", "linewidth", "linestyle")})
        self.heads.set_facecolor([look["color"] for look in looks])

    def _show_frames(self, uses, reached):
        arrived = {edge.target for edge in reached}
        uses = [node for node in uses if node in self._layout.at]
        frames = [self._layout.outline(node, margin=3) for node in uses]
        looks = [ARRIVED if node in arrived else WAITING for node in uses]
        if uses:
            places = self._layout.origin + self._layout.form.frames_key
            frames += [np.array(box(x - 32, y - 8, 24, 16))[[0, 1, 2, 3, 0]] for x, y in places]
            looks += [WAITING, ARRIVED]
        self.frames.set_segments(frames)
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
    """What each use of a weight contributes to its gradient: a bar beside its step, and numbers that add up.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Below the graph or, where it is turned, on its right.
    longest : int
        The largest T.
    """

    def __init__(self, ax, longest):
        super().__init__(ax)
        self._still = []
        ax.set_axis_off()
        self.cover = ax.add_collection(PolyCollection([], facecolor="white", zorder=5), autolim=False)
        self.bars = ax.add_collection(PolyCollection([], facecolor=BACK["color"], linewidth=0), autolim=False)
        self.numbers = Words(ax, longest)
        self.title = Words(ax, 1, ha="left", linespacing=1.35)
        self.sum = Words(ax, 1, linespacing=1.5, fontweight="bold")

    def arrange(self, layout):
        """Draw what stands still beside this layout."""
        for artist in self._still:
            artist.remove()
        self._layout, turned, T = layout, layout.form.turned, layout.graph.T
        self.ax.set(**layout.limits(*layout.form.strip[2:]))
        for text in (*self.numbers.texts, *self.sum.texts):
            text.set_ha("left" if turned else "right" if text in self.sum.texts else "center")
        steps = Words(self.ax, T, ha="left" if turned else "center")
        named = layout.roomy or turned
        steps.show([(*self._beside(t, 17, 12), f"t = {t}" if named else f"{t}") for t in range(1, T + 1)])
        ends = np.array([layout.step(t, 24) for t in (0.8, T + 0.5)])
        ends[:, 0] = 4 if turned else ends[:, 0]
        self._still = [*self.ax.plot(*ends.T, color=style.FAINT, linewidth=1), *steps.texts]

    def _beside(self, t, up, height):
        """Return a place at step t: so far above the middle of its bar or, below the graph, at this height."""
        x, y = self._layout.step(t, height)
        return (6, y + up) if self._layout.form.turned else (x, y)

    def _bar(self, t, share):
        x, y = self._beside(t, 0, 24)
        if self._layout.form.turned:
            return box(4, y - 6, 92 * share, 12)
        return box(x - 0.16 * self._layout.column, y, 0.32 * self._layout.column, 40 * share)

    def update(self, parts, arrived, weight):
        """Show the parts, one number for each use that has arrived; the longest bar is that of the largest part."""
        layout, T, turned = self._layout, self._layout.graph.T, self._layout.form.turned
        come = [t for t in np.flatnonzero(arrived) + 1 if t <= T]
        tallest, digits = np.abs(parts).max() or 1, 3 if layout.roomy or turned else 2
        self.bars.set_verts([self._bar(t, parts[t - 1] / tallest) for t in come])
        self.numbers.show([(*self._beside(t, -17, 74), short(parts[t - 1], digits)) for t in come])
        title, total = ((6, layout.form.length - 6), (6, 40)) if turned else ((4, 42), (954, 60))
        self.title.show([(*(layout.origin + title), f"parts of\n∂L/∂{NAMES[weight]}")])
        self.sum.show([(*(layout.origin + total), f"sum\n{short(parts[arrived].sum())}")] if arrived.any() else [])
        self.cover.set_verts([self._rest(len(parts))] if len(parts) < T else [])

    def _rest(self, T):
        """Return a box over what stands still of the steps after T."""
        (x, y), (end, below) = self._layout.step(T + 0.5, 0), self._layout.step(self._layout.graph.T + 0.6, 0)
        return box(0, below, 104, y - below - 1) if self._layout.form.turned else box(x + 1, 0, end - x, 30)


class _UnrolledGraphPicture(Picture):
    """The graph, and beside it what each use of a weight contributes to its gradient.

    There is room for one of ``graphs``, by growing T; the last is the longest to be shown.
    """

    def __init__(self, figure, graphs):
        super().__init__(figure)
        self.graph = _ComputationalGraph(figure.add_axes((0, 0, 1, 1)))
        self.contributions = _Contributions(figure.add_axes((0, 0, 1, 1)), graphs[-1].T)
        self._room = {graph.T: graph for graph in graphs}
        self._size = graphs[0].T
        self._known = None
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Let time run to the right or, where the page is narrow, down."""
        self._form = NARROW if narrow else WIDE
        (width, height), strip = self._form.size, self._form.strip
        above = 0 if narrow else strip[3]
        self.figure.set_size_inches(width / 100, (height + above) / 100)
        place(self.graph.ax, 0, above / 100, width / 100, height / 100)
        place(self.contributions.ax, *(length / 100 for length in strip))
        self.set_limits(self._size)

    def limits(self, data, step):
        """Return for how many steps there is room."""
        return (style.next_limit(data.graph.T, tuple(self._room)),)

    def set_limits(self, size):
        """Make room for so many steps."""
        self._size, layout = size, _Layout(self._room[size], self._form)
        self.graph.arrange(layout)
        self.contributions.arrange(layout)

    def update(self, data, step):
        """Show ``graph``, ``weight`` and ``parts``, attributes of data, after so many edges of the walk."""
        self.graph.update(data.graph, step, data.weight)
        self.contributions.update(data.parts, data.arrived(step), data.weight)
        self._graph, self._step = data.graph, step

    def handles(self):
        """Return the edges, each of which stands for how many are walked when it is."""
        if (key := (self._graph.T, self._size, self._form)) != self._known:
            self._known, self._spots = key, self.graph.spots(self._graph)
        places, steps = self._spots
        at = [place for place, values in zip(places, steps, strict=True) if max(self._step, 1) in values]
        return [Spots(self.graph.ax, "step", places, steps, at[0] if at else None)]
