"""What holds for every explorer: short and clean words; a picture that stands still, with texts inside it and apart.

Oracles: words are counted, and numbers read again, in the plain text; Matplotlib is asked where texts stand once they
are drawn, which no picture asks while it moves.
"""

import itertools
import math
import re

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from d2lbptt._typeset import as_plain as plain
from d2lbptt.figures._paper import picture

__all__ = ["plain"]
MARKUP = re.compile(r"[-A-Za-z\u0370-\u03ff0-9_^{}|/=.,' ()−±ŷ′∂→]|\\(cdot|le|approx|pm|times) ?|\\[a-z]+ ?")
NUMBER = r"(?<![\w.])(?:[\d.]+ · )?(?:10\^-?)?\d+(?:\.\d+)?"
UNCLEAN = re.compile(r"\b(nan|inf|None)\b|\d[eE][-+−]?\d|  |[$\\{}]")

# --- words ---


def check_said(said):
    """At most 30 words and 10 numbers, 2 to 6 lines more, and no number that only a computer would write."""
    sentence, details = plain(said.sentence), [plain(line) for line in said.details]
    assert sum(any(map(str.isalnum, word)) for word in sentence.split()) <= 30, sentence
    assert len(re.findall(NUMBER, sentence)) <= 10, sentence
    assert 2 <= len(details) <= 6 and isinstance(said.details, tuple), details
    assert all(len(line) < 150 for line in details), details
    for marked, text in zip((said.sentence, *said.details), (sentence, *details), strict=True):
        assert marked.count("$") % 2 == 0 and not MARKUP.sub("", "".join(marked.split("$")[1::2])), marked
        assert not re.search(r"[\\{}^]|_\w", "".join(marked.split("$")[::2])), marked  # no mathematics beside
        assert not UNCLEAN.search(text) and text.endswith((".", "?")), text
        assert marked[0] == "$" or not text[0].islower(), text


def decades(words):
    """The logarithm of a number in words or in a little of TeX, also where no float can hold it; its sign is left."""
    words = plain(words if "$" in words else f"${words}$").strip("− -")
    if words == "exactly 0":
        return -math.inf
    mantissa, power, exponent = words.partition("10^")
    if not power:
        return math.log10(float(words)) if float(words) else -math.inf
    return math.log10(float(mantissa.strip(" ·") or 1)) + int(exponent)


def number(words):
    """The number that words, or a little of TeX, stand for."""
    return math.copysign(10 ** decades(words), -1 if words.strip("$")[0] in "-−" else 1)


# --- pictures ---


def blank(kind, *rest, narrow=False):
    """A picture of this kind without data, wide or narrow, and back and forth before: it must not remember."""
    found = picture(kind, 9.6, 4.8, *rest)
    FigureCanvasAgg(found.figure)
    found.arrange(not narrow)
    found.arrange(narrow)
    return found


def at_rest(picture, data, **display):
    """Show data as the front end does when no slider moves."""
    picture.set_limits(*picture.limits(data, **display))
    picture.update(data, **display)


def frames(picture):
    """Where all axes end, and where they stand."""
    return [(ax.axis(), ax.get_position().bounds) for ax in picture.figure.axes]


def texts(picture):
    """Every text that is seen, those of ticks and axes among them, and where it stands, in pixels."""
    picture.figure.draw_without_rendering()
    found = []
    every = [child for parent in picture.figure.axes for child in (parent, *parent.child_axes)]
    for ax in [ax for ax in every if ax.get_visible()]:
        found += [*ax.texts, ax.title, ax._left_title]
        if ax.axison:
            for axis in (ax.xaxis, ax.yaxis):
                low, high = sorted(axis.get_view_interval())
                found += [axis.label, *(t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high)]
    seen = [text for text in found if text.get_visible() and text.get_text().strip()]
    return {text: text.get_window_extent() for text in seen}


def check_texts(picture, together=()):
    """Each is inside, large enough for a narrow page, and on no other; single letters make up a text, and may touch.

    Two that belong together are a pair of their words.
    """
    (width, height), found = picture.figure.bbox.size, texts(picture)
    assert found and width in (480, 960)
    for text, box in found.items():
        assert 0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height, (text, box)
        # Points: 11 pixels, or 10 for a letter, where the 480 are shown on 300.
        assert text.get_fontsize() >= (11.52 if is_letter(text) else 13), text
    for (one, a), (other, b) in itertools.combinations(found.items(), 2):
        words = one.get_text(), other.get_text()
        assert (is_letter(one) and is_letter(other)) or words == together or not a.padded(-1).overlaps(b.padded(-1)), (
            words
        )


def is_letter(text):
    return len(text.get_text()) == 1 and text.get_text().isalpha()


def check_steady(picture, results, **display):
    """While these are shown, at limits of the first, no axis moves, and texts stay inside and apart."""
    at_rest(picture, results[0], **display)
    before = frames(picture)
    for data in results:
        picture.update(data, **display)
        assert frames(picture) == before
        check_texts(picture)


def check_rested(picture, results, **display):
    """At limits of their own, too, texts are inside and apart."""
    for data in results:
        at_rest(picture, data, **display)
        check_texts(picture)


def check_limits_tell_what_stands_still(picture, results, **display):
    """A front end draws what stands still again when the limits of an axis change, so each choice has its own."""
    seen = {}
    for data in results:
        wanted = picture.limits(data, **display)
        picture.set_limits(*wanted)
        seen[wanted] = tuple(ax.axis() for ax in picture.figure.axes)
    assert len(seen) > 1 and len(set(seen.values())) == len(seen)


def check_arranged(picture):
    """A new picture is wide, 960 pixels; it can be made narrow, 480, and wide again."""

    def places():
        return picture.figure.bbox.size.tolist(), [ax.get_position().bounds for ax in picture.figure.axes]

    wide = places()
    picture.arrange(narrow=True)
    narrow = places()
    picture.arrange(narrow=False)
    assert wide == places() and wide[0][0] == 960 and narrow[0][0] == 480


def distance(text, line):
    """Return how far a text is from the part of a line that is seen, in pixels."""
    box, ax = text.get_window_extent(), line.axes
    xy = np.ma.masked_invalid(line.get_xydata()).compressed().reshape(-1, 2)
    points = line.get_transform().transform(xy)
    parts = np.linspace(points[:-1], points[1:], 200).reshape(-1, 2)
    frame = ax.get_window_extent().padded(1)
    seen = parts[np.all((parts >= frame.p0) & (parts <= frame.p1), axis=1)]
    return np.hypot(*np.maximum(0, np.maximum(box.p0 - seen, seen - box.p1)).T).min()
