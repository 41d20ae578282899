"""The error of a difference against its step h: too large a step, too small a step, and the digits that are left."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from .. import _validation
from ..checking.step_size import StepSizes
from . import _style as style
from ._panels import Panel, Picture, band, handle_across, line
from ._paper import drawn
from ._style import minus, scientific

LOOKS = {  # of the lines; darker, of their words
    "forward": ({"color": "#E69F00", "linestyle": (0, (5, 1))}, "#8A5F00"),
    "central": ({"color": "#CC79A7", "linestyle": "-"}, "#97446F"),
    "complex": ({"color": "#009E73", "linestyle": "-"}, "#00694D"),
}
NAMES = {"forward": "forward difference", "central": "central difference", "complex": "complex step"}
PARTS = "truncation", "rounding"  # of the error
H, ERRORS = (-30.4, -0.6), (-18.5, 1.8)  # decades in sight
ADVANCE = 10.87  # pixels, of one character of the digits

# The size in inches, and where the errors stand and the digits.
WIDE = (9.6, 4.3), ((0.105, 0.165, 0.55, 0.745), (1 - 308 / 960, 0, 308 / 960, 1))
NARROW = (4.8, 6.1), ((0.195, 0.5, 0.775, 0.44), (0, 0, 1, 225 / 610))


@drawn
def step_size(ax: Axes, sizes: StepSizes, *, method: str = "central", h: float | None = None) -> Axes:
    """Draw the relative error of three methods against the step h, and what theory says of one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    sizes : step_size.StepSizes
    method : {"forward", "central", "complex"}
        The one whose line is strong and beside its theory: truncation and rounding, dashed; a diamond where h is best.
    h : float, optional
        One of sizes.h, to be marked.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Both axes are logarithmic. Where rounding rules, the error of one h is chance: a line that dips has been lucky.
    An error of 1 means that no digit is right; smaller steps cannot be worse, for they find the slope 0.
    """
    _validation.instance("sizes", sizes, StepSizes)
    _validation.one_of("method", method, NAMES)
    if h is not None and _validation.real_number("h", h) not in sizes.h:
        raise ValueError(f"h is {h}, wanted one of sizes.h")
    _StepSize(ax).update(sizes, method, h)


class _StepSize(Panel):
    """The picture of ``step_size``."""

    def __init__(self, ax):
        super().__init__(style.axes(ax, "step ε", "relative error"))
        ax.set(xlim=H, ylim=ERRORS)
        ax.xaxis.set_major_locator(MultipleLocator(5))
        ax.yaxis.set_major_locator(MultipleLocator(4))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(style.decade)
        style.baseline(ax)
        ax.text(H[0] + 1.2, 0.15, "no digit is right", va="bottom", **style.ASIDE)
        ax.text(H[0] + 1.2, -0.4, "dashed: theory", va="top", **style.ASIDE)
        self.now = band(ax, color=style.NOW, linewidth=0, zorder=1)
        self.lines = {method: line(ax, look, linewidth=2, label=NAMES[method]) for method, (look, _) in LOOKS.items()}
        self.theory = [line(ax, style.THEORY, linewidth=1.6, zorder=4, label=f"theory, {part}") for part in PARTS]
        self.best = line(ax, style.BEST, zorder=5)
        self.point = line(ax, style.POINT, markersize=12, zorder=6)
        for x, (method, (look, dark)) in zip((0, 0.29, 0.56), LOOKS.items(), strict=True):
            name_above(ax, x, "complex step" if method == "complex" else method, look, dark)

    def update(self, sizes, method, h=None):
        """Show other errors, or another method, or another h."""
        x = np.log10(sizes.h)
        for name, curve in self.lines.items():
            curve.set_data(x, _decades(sizes.error[name]))
            strong = {"linewidth": 3, "alpha": 1, "zorder": 3}
            curve.set(**strong if name == method else {"linewidth": 1.5, "alpha": 0.6, "zorder": 2})
        law = sizes.law[method]
        for curve, term in zip(self.theory, law.terms(np.power(10.0, H)), strict=True):
            curve.set_data(H, np.log10(np.maximum(term, 1e-300)))
        self.best.set_data([np.log10(law.best)], [_decades(law.error(law.best))])
        self._mark(sizes, method, h)

    def _mark(self, sizes, method, h):
        for artist in (self.now, self.point):
            artist.set_visible(h is not None)
        if h is not None:
            at = np.log10(h)
            self.now.set_bounds(at - 0.25, ERRORS[0], 0.5, ERRORS[1] - ERRORS[0])
            self.point.set_data([at], _decades(sizes.error[method][sizes.h == h]))
            self.point.set_markerfacecolor(LOOKS[method][0]["color"])


def name_above(ax, x, name, look, dark):
    """Write the name of a line above the axes, from the part x of their width on, behind a piece of it."""
    ax.plot([x, x + 0.05], [1.05, 1.05], transform=ax.transAxes, clip_on=False, linewidth=3, **look)
    ax.text(
        x + 0.065, 1.05, name, transform=ax.transAxes, va="center", color=dark, fontweight="bold", fontsize=style.NOTE
    )


def _decades(error):
    """Return log10 of errors, clipped to the picture."""
    low, high = ERRORS
    return np.clip(np.log10(np.maximum(error, 1e-300)), low + 0.1, high - 0.1)


class _StepSizePicture(Picture):
    """The errors against h, and the digits that one h finds beside the true ones."""

    def __init__(self, figure):
        super().__init__(figure)
        self.errors, self.digits = _StepSize(figure.add_axes((0, 0, 1, 1))), _Digits(figure.add_axes((0, 0, 1, 1)))
        self.arrange(narrow=False)

    def arrange(self, narrow):
        """Put the digits beside the errors or, where the page is narrow, below them."""
        self.place(*(NARROW if narrow else WIDE))
        self.digits.arrange(narrow)

    def update(self, data):
        """Show ``sizes``, ``method`` and ``h``, attributes of data."""
        self.errors.update(data.sizes, data.method, data.h)
        self.digits.update(data)

    def handles(self):
        """Return the errors with log10 of h across."""
        return [handle_across(self.errors.ax, "h", *self.errors.point.get_xydata()[0])]


class _Digits(Panel):
    """What a method finds with one h, digit by digit, and the best h."""

    # In pixels: the axes, and where title, subtitle, "found" and its digits, "true" and its, count and best h stand.
    WIDE = (308, 430), ((12, 395), (12, 365), (12, 318), (12, 290), (12, 248), (12, 220), (12, 165), (12, 120))
    NARROW = (480, 225), ((12, 200), (190, 200), (12, 165), (84, 165), (12, 139), (84, 139), (12, 97), (12, 75))

    def __init__(self, ax):
        super().__init__(style.bare(ax, (0, 1), (0, 1)))
        mono = {"fontsize": style.NOTE, "family": "monospace"}
        self.title, self.subtitle = (
            ax.text(0, 0, "", fontweight="bold", **style.TITLE),
            ax.text(0, 0, "", **style.TITLE),
        )
        self._found, self._true = (ax.text(0, 0, words, **style.TITLE) for words in ("found", "true"))
        self.right, self.wrong, self.true = (ax.text(0, 0, "", **mono) for _ in range(3))
        self.right.set(fontweight="bold")
        self.wrong.set(color=style.FAINT)
        self.count = ax.text(0, 0, "", fontweight="bold", fontsize=22, color=style.INK)
        self.best = ax.text(0, 0, "", va="top", linespacing=1.5, **style.TITLE)

    def arrange(self, narrow):
        """Put the words below one another or, where the page is narrow, some of them side by side."""
        (width, height), places = self.NARROW if narrow else self.WIDE
        self.ax.set(xlim=(0, width), ylim=(0, height))
        texts = self.title, self.subtitle, self._found, self.right, self._true, self.true, self.count, self.best
        for text, place in zip(texts, places, strict=True):
            text.set_position(place)

    def update(self, data):
        """Show ``written`` and ``digits`` of what was found with ``h`` by ``method``, and ``sizes``, of data."""
        sizes, method, h, written, same = data
        shown, true = map(minus, written)
        law, dtype = sizes.law[method], sizes.found[method].dtype
        end = shown.index(".") + same if same else 0
        self.title.set_text(f"ε = {scientific(h, 1)}")
        self.subtitle.set_text(f"{NAMES[method]}, {dtype}")
        self.right.set_text(shown[:end])
        x, y = self.right.get_position()
        self.wrong.set(text=shown[end:], x=x + ADVANCE * end, y=y)
        self.true.set_text(true)
        self.count.set_text(f"{same} digit{'s' * (same > 1)} right" if same else "no digit is right")
        if method == "complex":
            self.best.set_text(f"◇ any ε below {scientific(law.best)}\n    will do")
        else:
            best, found = scientific(law.best), scientific(sizes.best(method))
            self.best.set_text(f"◇ best ε, theory: {best}\n    best ε, found: {found}")
