"""What holds for every explorer: a short sentence in clean words, axes that stand still, texts inside and apart.

Oracle of what is drawn: the extents that Matplotlib measures, which no picture uses while it moves.
"""

import itertools
import re

import driving
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

UNCLEAN = re.compile(r"\bnan\b|\binf\b|\d[eE][-+]\d")


def plain(words):
    """The text without the marks of mathematics."""
    return re.sub(r"[${}]", "", words.replace("\\cdot", "·"))


def everywhere(explorer, sample=10):
    """Set each control to its ends, its middle and its options, then all of them by chance; yields what moved."""
    start = {key: control.value for key, control in explorer.controls.items() if key != "preset"}
    for key in start:
        for value in driving.settings(explorer.controls[key]):
            _set(explorer, start | {key: value})
            yield key
        _set(explorer, start)
    rng, options = np.random.default_rng(0), {key: driving.settings(explorer.controls[key]) for key in start}
    for _ in range(sample):
        _set(explorer, {key: values[rng.integers(len(values))] for key, values in options.items()})
        yield None


def _set(explorer, values):
    """Set a shorter T first, for it shortens the range of others."""
    explorer.set(**{key: values[key] for key in ("T",) if key in values})
    ends = {key: getattr(control, "max", None) for key, control in explorer.controls.items()}
    explorer.set(**{key: value if ends[key] is None else min(value, ends[key]) for key, value in values.items()})


def check_words(explorer, words, sight, folded=()):
    """At most 30 words, no number in the notation of computers; the controls in sight are said, the folded below."""
    for moved in everywhere(explorer):
        values = explorer.state["controls"]
        said = words(values, explorer.state["data"])
        sentence, details = plain(said.sentence), [plain(line) for line in said.details]
        assert sum(any(c.isalnum() for c in word) for word in sentence.split()) <= 30, sentence
        assert not UNCLEAN.search(" ".join([sentence, *details])), (sentence, details)
        assert len(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", sentence)) <= 10, sentence
        assert len(details) <= 6 and all(len(line) < 130 for line in details), details
        below = " ".join([sentence, *details])
        assert moved not in sight or shown(values[moved]) in sentence, (moved, sentence)
        assert all(shown(values[key]) in below for key in folded), below


def shown(value):
    """A value as its control shows it."""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def check_steady(picture, results, **display):
    """While these are shown at limits of the first, no axis moves, and texts stay inside the figure and apart."""
    canvas = FigureCanvasAgg(picture.figure)
    picture.set_limits(*picture.limits(results[0], **display))
    picture.update(results[0], **display)
    canvas.draw()
    before = [ax.axis() for ax in picture.figure.axes]
    for data in results:
        picture.update(data, **display)
        assert [ax.axis() for ax in picture.figure.axes] == before
        check_texts(picture.figure)


def check_rested(picture, results, **display):
    """At limits of their own, too, texts are inside and apart."""
    canvas = FigureCanvasAgg(picture.figure)
    for data in results:
        picture.set_limits(*picture.limits(data, **display))
        picture.update(data, **display)
        canvas.draw()
        check_texts(picture.figure)


def check_texts(figure):
    """No text leaves the figure, and none covers another; single letters, of which a text is made, may touch."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for words, box in boxes:
        assert figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, (words, box)
        assert figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1, (words, box)
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        letters = len(one) == len(other) == 1 and one.isalpha() and other.isalpha()
        assert letters or not a.padded(-2).overlaps(b.padded(-2)), (one, other)


def texts(figure):
    """All texts that are seen, those of ticks and axes among them."""
    found = []
    for ax in [child for parent in figure.axes for child in (parent, *parent.child_axes)]:
        found += ax.texts
        if ax.axison:
            for i, axis in enumerate((ax.xaxis, ax.yaxis)):
                found += [
                    axis.label,
                    *(text for text in axis.get_ticklabels() if in_sight(axis, text.get_position()[i])),
                ]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def in_sight(axis, place):
    """Whether a place on an axis, in data, lies between its ends."""
    low, high = sorted(axis.get_view_interval())
    return low <= place <= high


def check_limits_tell_what_stands_still(picture, results, **display):
    """A front end draws what stands still again when the limits of an axis change, so each choice has its own."""
    seen = {}
    for data in results:
        wanted = picture.limits(data, **display)
        picture.set_limits(*wanted)
        seen[wanted] = tuple(ax.axis() for ax in picture.figure.axes)
    assert len(seen) > 1 and len(set(seen.values())) == len(seen)
