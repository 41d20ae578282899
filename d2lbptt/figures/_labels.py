"""Names of lines: beside lines that move, each where it covers least, or at their ends, one above the other."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import _style as style

COLUMN, GAP = 4, 5  # between two looks at a line; between a line and its name
PLACES, TIERS = 15, 3  # places tried along a line, and away from it
CROSSING = 4  # the price of a line along the whole of a name; one more step away from its own line costs 1


class Room:
    """What the axes hold already: lines, and the boxes of names. In pixels, from the lower left of the axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits are set, its scales linear.
    lines : list of pair of arrays
        x, in rising order, and y, of each line, in data; nan where it is broken.
    texts : list of matplotlib.text.Text, optional
        Names that stand already.
    """

    def __init__(self, ax, lines, texts=()):
        self.ax, (self.width, self.height) = ax, ax.bbox.size
        self.lines = [self._heights(*self._pixels(*line)) for line in lines]
        # Each text remembers who drew it last: after an SVG was saved that would be another one, with other sizes.
        self._renderer = getattr(ax.figure.canvas, "get_renderer", lambda: None)()
        self.boxes = [self._extent(text).get_points() - ax.bbox.p0 for text in texts]

    def beside(self, text, number):
        """Put a text beside line ``number``, nearer to it than to others; hide it where there is no room."""
        text.set_visible(bool(text.get_text()))  # or it has no size
        if text.get_visible():
            width, height = size = self._extent(text).size
            places = [find(*size, *self.lines[number]) for find in (self._above_or_below, self._left_or_right)]
            left, bottom, cost = np.concatenate(places, axis=1)
            others = self.lines[:number] + self.lines[number + 1 :]
            around = bottom[:, None] - height, bottom[:, None] + 2 * height
            self._put(text, left, bottom, cost + 0.06 * self._crossed(*around, self._over(left, width), others))

    def _above_or_below(self, width, height, lowest, highest):
        left = np.linspace(GAP, self.width - width - GAP, PLACES)
        over, there = self._over(left, width), lowest <= highest
        low, high = np.where(over, lowest, np.inf).min(1), np.where(over, highest, -np.inf).max(1)
        low, high = np.where(low <= high, (low, high), -self.height)  # no line there: outside
        away = GAP + 1.2 * height * np.arange(TIERS)[:, None]
        above, below = high + away, low - away - height
        # What is between the line and its name counts as covered.
        floor = np.where(there, highest + 2, above[..., None])
        ceiling = np.where(there, lowest - 2, below[..., None] + height)
        crossed = self._crossed(floor, above[..., None] + height, over), self._crossed(below[..., None], ceiling, over)
        steep = (high - low) / self.height
        apart = 1 - (over & there).mean(1) / over.mean(1)
        cost = np.add.outer(np.arange(TIERS), 0.5 * (steep + apart))
        return np.tile(left, 2 * TIERS), np.ravel([above, below]), np.ravel([cost + part for part in crossed])

    def _left_or_right(self, width, height, lowest, highest):
        bottom = np.linspace(GAP, self.height - height - GAP, PLACES)
        level = (highest >= bottom[:, None]) & (lowest <= bottom[:, None] + height)
        first, last = np.argmax(level, 1), level.shape[1] - np.argmax(level[:, ::-1], 1)
        left = np.where(level.any(1), np.stack([first * COLUMN - GAP - width, last * COLUMN + GAP]), -self.width)
        over = np.stack([self._over(row, width) for row in left])
        crossed = self._crossed(bottom[:, None], bottom[:, None] + height, over)
        return left.ravel(), np.tile(bottom, 2), np.ravel(0.25 + crossed)

    def within(self, text, start, end):
        """Put a text between start and end, in data; to the right of the end, or across it, where there is no room."""
        text.set_visible(True)
        (width, height), (start, end) = self._extent(text).size, self._pixels(np.array([start, end]), 0.0)[0]
        places = start + GAP, end - width - GAP, end + GAP
        left = places[1] if places[1] >= places[0] else min(places[2], max(places[0], self.width - width - GAP))
        left = np.full(PLACES, left)
        bottom = np.linspace(GAP, self.height - height - GAP, PLACES)
        crossed = self._crossed(bottom[:, None], bottom[:, None] + height, self._over(left, width))
        self._put(text, left, bottom, crossed + 0.02 * np.abs(np.arange(PLACES) - 1))

    def _crossed(self, low, high, over, lines=None):
        """Return the price of the lines, all if not given, that pass between low and high in these columns."""
        crossed = sum((line[1] > low) & (line[0] < high) & over for line in (self.lines if lines is None else lines))
        return CROSSING * np.sum(crossed, -1) / np.maximum(over.sum(-1), 1)

    def _put(self, text, left, bottom, cost):
        """Put a text at the cheapest of these lower left corners that is inside the axes and on no other name."""
        width, height = self._extent(text).size
        right, top = left + width, bottom + height
        fits = (left >= 0) & (right <= self.width) & (bottom >= 0) & (top <= self.height)
        for (x0, y0), (x1, y1) in self.boxes:
            fits &= (left >= x1) | (right <= x0) | (bottom >= y1) | (top <= y0)
        text.set_visible(bool(fits.any()))
        if fits.any():
            best = np.argmin(np.where(fits, cost, np.inf))
            at = left[best], bottom[best]
            self.boxes.append(np.array([at, (right[best], top[best])]))
            text.set_position(self._data(*at))

    def _extent(self, text):
        return text.get_window_extent(self._renderer)

    def _pixels(self, x, y):
        (low, high), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        x, y = np.asarray(x, float), np.asarray(y, float)
        return (x - low) / (high - low) * self.width, (y - bottom) / (top - bottom) * self.height

    def _data(self, x, y):
        (low, high), (bottom, top) = self.ax.get_xlim(), self.ax.get_ylim()
        return low + x / self.width * (high - low), bottom + y / self.height * (top - bottom)

    def _heights(self, x, y):
        """Return the lowest and the highest point of a line in each column, (inf, -inf) where there is none."""
        edges = np.arange(0, self.width + COLUMN, COLUMN)
        at = np.interp(edges, x, y, left=np.nan, right=np.nan) if len(x) else np.full(len(edges), np.nan)
        low, high = np.fmin(at[1:], at[:-1]), np.fmax(at[1:], at[:-1])
        known = np.isfinite(y)
        column = np.clip(x[known] // COLUMN, 0, len(low) - 1).astype(int)
        np.fmin.at(low, column, y[known])
        np.fmax.at(high, column, y[known])
        seen = (high >= 0) & (low <= self.height)
        return np.where(seen, low, np.inf), np.where(seen, high, -np.inf)

    def _over(self, left, width):
        column = np.arange(len(self.lines[0][0])) * COLUMN
        return (column > left[:, None] - COLUMN) & (column < left[:, None] + width)


def apart(ends, gap, low, high):
    """Return heights near the ends, which rise, no closer than the gap and from low to high.

    Where there are too many for that, the lowest go below low.
    """
    heights = np.maximum(ends, low)
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    for i in range(len(heights) - 1, -1, -1):  # and down again, where they have left the top
        heights[i] = min(heights[i], high if i + 1 == len(heights) else heights[i + 1] - gap)
    return heights


def end_axis(ax, longest):
    """End the horizontal axis at ``longest``, before the limit of the axes: what is beyond is room for names."""
    ax.set_xticks([tick for tick in MaxNLocator(4, integer=True).tick_values(0, longest) if tick <= longest])
    ax.spines["bottom"].set_bounds(0, longest)
    ax.xaxis.set_label_coords(0.33, -0.12)


def name_ends(ax, names, longest):
    """Put names at the right edge, in the order of their lines and apart from one another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits are set.
    names : list of (str, colour, x, y)
        With the end of each line.
    longest : float
        Where the longest line ends.
    """
    ends = np.array([ax.transData.transform((x, y))[1] for *_, x, y in names])
    height = 1.5 * style.LABEL * ax.figure.dpi / 72
    order = np.argsort(ends, kind="stable")
    places = apart(ends[order], height, ax.bbox.y0 + height / 2, ax.bbox.y1 - height / 2)
    for i, place in zip(order, places, strict=True):
        name, colour, x, y = names[i]
        arrow = {"arrowstyle": "-", "color": colour, "alpha": 0.5, "relpos": (0, 0.5)}
        at = 1.06 * longest, ax.transData.inverted().transform((0, place))[1]
        ax.annotate(name, (x, y), at, color=colour, arrowprops=arrow, va="center", **style.BOLD)
