"""What is said under a picture is short and clean; a picture stands still, and its words stand apart.

Both are measured: words are counted in the plain text, and Matplotlib is asked where texts stand once they are drawn.
"""

import itertools
import re

import numpy as np
from driving import settings
from matplotlib.backends.backend_agg import FigureCanvasAgg

MARKUP = re.compile(r"[-A-Za-z\u0370-\u03ff0-9_^{}|/=.,' ()−±ŷ′∂]|\\cdot |\\le |\\approx |\\[a-z]+ ?")
UNCLEAN = re.compile(r"\bnan\b|\binf\b|\d[eE][-+]?\d|  |\$|\\")


def plain(text):
    """Return a text without its markup."""
    assert text.count("$") % 2 == 0, text
    for symbols in text.split("$")[1::2]:
        assert MARKUP.sub("", symbols) == "", symbols
    text = text.replace(r"\cdot", "·").replace(r"\le", "≤").replace(r"\approx", "≈")
    return re.sub(r"[${}]", "", text)


def counted(text):
    """Return how many words of a plain text contain a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def shown(control, value):
    """Return a number as its slider shows it."""
    step = 1 if isinstance(control.value, int) else control.step
    return f"{value:.{max(0, -int(np.floor(np.log10(step) + 1e-9)))}f}".replace("-", "−")


def check_said(said, explorer, values, folded=()):
    """It has at most 30 words and 2 to 6 lines more, no number that is none, and the value of every slider."""
    sentence, details = plain(said.sentence), [plain(line) for line in said.details]
    assert counted(sentence) <= 30, sentence
    assert 2 <= len(details) <= 6 and all(line.endswith((".", "?")) for line in (sentence, *details))
    assert not UNCLEAN.search(" ".join((sentence, *details))), (sentence, details)
    for key, value in values.items():
        text = " ".join(details) if key in folded else sentence
        wanted = shown(explorer.controls[key], value) if isinstance(value, int | float) else str(value)
        assert re.search(rf"(?<![\d.]){re.escape(wanted)}(?!\.?\d)", text.replace("-", "−")), (key, wanted, text)


def one_by_one(explorer, start):
    """Every control at its ends, in the middle and at all its options, from where the others start."""
    controls = {key: control for key, control in explorer.controls.items() if key != "preset"}
    return [start | {key: value} for key, control in controls.items() for value in settings(control)]


def at_random(explorer, number):
    """So many joint settings of all controls, each somewhere between its ends."""
    rng = np.random.default_rng(0)
    return [
        {key: _anywhere(control, rng) for key, control in explorer.controls.items() if key != "preset"}
        for _ in range(number)
    ]


def _anywhere(control, rng):
    if not hasattr(control, "max"):
        found = settings(control)
        return found[rng.integers(len(found))]
    steps = round((control.max - control.min) / control.step)
    return type(control.value)(round(control.min + int(rng.integers(steps + 1)) * control.step, 10))


def at_rest(picture, data, **display):
    """Show data as the front end does when no slider moves."""
    picture.set_limits(*picture.limits(data, **display))
    picture.update(data, **display)


def axes_of(picture):
    """Where all axes end."""
    return [ax.axis() for ax in picture.figure.axes]


def texts(picture):
    """Every text that is seen and where it stands, in pixels."""
    FigureCanvasAgg(picture.figure).draw()
    found = [text for ax in picture.figure.axes for text in (*ax.texts, ax.title, ax._left_title)]
    for ax in (ax for ax in picture.figure.axes if ax.axison):
        found += [ax.xaxis.label, ax.yaxis.label]
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return {text: text.get_window_extent() for text in found if text.get_text().strip() and text.get_visible()}


def check_apart(picture, slack=1):
    """No text leaves the figure, none overlaps another."""
    width, height = picture.figure.bbox.size
    found = {text: box.padded(-slack) for text, box in texts(picture).items()}
    for text, box in found.items():
        inside = 0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height
        assert inside, (text.get_text(), box)
    for (one, box), (other, second) in itertools.combinations(found.items(), 2):
        assert not box.overlaps(second), (one.get_text(), other.get_text())


def distance(text, line):
    """Return how far a text is from the part of a line that is seen, in pixels."""
    box, ax = text.get_window_extent(), line.axes
    xy = np.ma.masked_invalid(line.get_xydata()).compressed().reshape(-1, 2)
    points = line.get_transform().transform(xy)
    parts = np.linspace(points[:-1], points[1:], 200).reshape(-1, 2)
    frame = ax.get_window_extent().padded(1)
    seen = parts[np.all((parts >= frame.p0) & (parts <= frame.p1), axis=1)]
    return np.hypot(*np.maximum(0, np.maximum(box.p0 - seen, seen - box.p1)).T).min()


def check_arranged(picture):
    """A new picture is wide, 960 pixels; it can be made narrow, 480, and wide again."""

    def places():
        return picture.figure.bbox.size.tolist(), [ax.get_position().bounds for ax in picture.figure.axes]

    wide = places()
    picture.arrange(narrow=True)
    narrow = places()
    picture.arrange(narrow=False)
    assert wide == places() and wide[0][0] == 960 and narrow[0][0] == 480
