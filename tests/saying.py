"""What is said under a picture, taken apart again, and where the words in it stand. Oracle: Matplotlib's own sizes."""

import itertools
import re


def number(words):
    """The number that words in a little of TeX stand for."""
    words = words.strip("$")
    if words == "exactly 0":
        return 0.0
    digits, power, exponent = words.partition("10^{")
    if not power:
        return float(words)
    return float(digits.removesuffix(" \\cdot ") or 1) * 10.0 ** int(exponent[:-1])


def plain(text):
    """The text as a page without mathematics shows it."""
    return re.sub(r"[${}]", "", text)


def is_short_and_clean(said):
    """No more than 30 words in the sentence, and no number in it or in the details as only a program writes it."""
    words = [word for word in plain(said.sentence).split() if any(c.isalnum() for c in word)]
    text = plain(" ".join((said.sentence, *said.details)))
    return len(words) <= 30 and not re.search(r"\bnan\b|\binf\b|\d[eE][-+]?\d", text)


def words_in(figure):
    """The texts and tick labels that are seen, each with its box."""
    figure.draw_without_rendering()
    shown = [ax for ax in figure.axes if ax.get_visible()]
    texts = [text for ax in shown for text in (*ax.texts, ax.title)]
    for axis, which in ((axis, i) for ax in shown if ax.axison for i, axis in enumerate((ax.xaxis, ax.yaxis))):
        low, high = sorted(axis.get_view_interval())
        texts += [axis.label, *(t for t in axis.get_ticklabels() if low <= t.get_position()[which] <= high)]
    seen = [text for text in texts if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent()) for text in seen]


def all_words_have_room(figure, together=()):
    """No word leaves the figure, or stands on another one but those that belong together; says which one does."""
    words, (right, top) = words_in(figure), figure.bbox.size
    outside = [text for text, box in words if not (0 <= box.x0 and box.x1 <= right and 0 <= box.y0 and box.y1 <= top)]
    over = [
        (one, other)
        for (one, box), (other, too) in itertools.combinations(words, 2)
        if box.padded(-1).overlaps(too.padded(-1)) and (one, other) != together
    ]
    assert not outside and not over, (outside, over)
    return len(words) > 0
