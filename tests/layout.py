"""What is said in plain text, and what stands where in a picture, measured by Matplotlib's Agg."""

import itertools
import re

from matplotlib.backends.backend_agg import FigureCanvasAgg

from d2lbptt.figures._paper import picture


def plain(words):
    """Words without the marks of mathematics."""
    return re.sub(r"[${}]", "", words).replace(r"\cdot", "·")


def assert_short_and_clean(said):
    """A sentence of at most 30 words, two to six details, and no number that only a computer would write."""
    words = [word for word in plain(said.sentence).split() if re.search(r"\w", word)]
    assert len(words) <= 30, said.sentence
    assert 2 <= len(said.details) <= 6 and isinstance(said.details, tuple)
    for text in (said.sentence, *said.details):
        assert text.count("$") % 2 == 0 and not re.search(r"nan|inf\b|\de[-+]?\d", text), text


def blank(kind, narrow):
    """A picture of this kind without data, wide or narrow."""
    whole = picture(kind, 9.6, 4.8)
    FigureCanvasAgg(whole.figure)
    whole.arrange(not narrow)  # back and forth: it must not remember
    whole.arrange(narrow)
    return whole


def show(whole, data, rest, **display):
    """Draw the picture of these data: as at rest, or as while a slider is dragged."""
    if rest:
        whole.set_limits(*whole.limits(data, **display))
    whole.update(data, **display)
    whole.figure.canvas.draw()


def texts(figure):
    """Every text that is seen, with its box."""
    found = []
    for ax in figure.axes:
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            if ax.axison:
                ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
                found += [axis.label, *(tick.label1 for tick in ticks)]
        found += [ax.title, *ax.texts]
    return {text: text.get_window_extent() for text in found if text.get_visible() and text.get_text()}


def assert_readable(figure, narrow):
    """Every text is in the figure, as large as a narrow page needs, and on no other."""
    found, frame = texts(figure), figure.bbox
    assert figure.get_figwidth() == (4.8 if narrow else 9.6)
    for text, box in found.items():
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1, text
        assert text.get_fontsize() >= 13, text  # 13 points of 480 pixels are 11 pixels of 300
    for (one, a), (other, b) in itertools.combinations(found.items(), 2):
        assert not a.padded(-2).overlaps(b.padded(-2)), (one, other)


def frames(figure):
    """The limits of all Axes, and where they stand."""
    return [(ax.axis(), ax.get_position().bounds) for ax in figure.axes]
