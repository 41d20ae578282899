"""A text of our own for where The Time Machine cannot be had: sentences that a small grammar draws, always the same.

There is something to learn at every distance: the letters of a word; which words follow one another; whether the
subject is one or many, which the verb at the end of the sentence repeats; and each paragraph's hero, who comes back
in its last sentence.
"""

import numpy as np

HEROES = "the old baker", "a quiet judge", "my younger cousin", "the village doctor", "our fox", "the zealous postman"
SUBJECTS = "lamp", "river", "clock", "window", "garden", "kite", "boat", "bell"
PLACES = "by the bridge", "over the stairs", "near the quarry", "behind the jam shop", "at the edge of the wood"
STAND = "stands", "waits", "hangs"
DO = "turns slowly", "makes a low sound", "looks grey", "keeps very still", "needs a little oil"
SEE = "sees", "paints", "forgets", "follows", "explains"
WHEN = "every morning", "in the evening", "after the rain", "when the wind is sharp", "next to nothing else"
SENTENCES = 8  # in a paragraph
WIDTH = 72  # of a line


def own_text(characters=60_000):
    """Return about so many characters of paragraphs, in lines, with capitals and full stops as a book has them."""
    rng, paragraphs, length = np.random.default_rng(0), [], 0
    while length < characters:
        paragraphs.append("\n".join(_lines(_paragraph(rng))))
        length += len(paragraphs[-1]) + 2
    return "\n\n".join(paragraphs)


def _pick(rng, choices):
    return choices[int(rng.random() * len(choices))]


def _paragraph(rng):
    hero = _pick(rng, HEROES)
    middle = [_about_a_thing(rng) for _ in range(SENTENCES - 2)]
    told = [_about_a_hero(rng, hero), *middle, f"so ends the day of {hero}"]
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in told)


def _about_a_hero(rng, hero):
    number = "s" if rng.random() < 0.5 else ""
    thing = f"the {_pick(rng, SUBJECTS)}{number}"
    return f"{hero} {_pick(rng, SEE)} {thing} {_pick(rng, PLACES)} {_pick(rng, WHEN)}"


def _about_a_thing(rng):
    many = rng.random() < 0.5
    stand, (do, *rest) = _pick(rng, STAND), _pick(rng, DO).split()
    subject = f"the {_pick(rng, SUBJECTS)}{'s' * many}"
    if many:
        stand, do = stand[:-1], do[:-1]
    words = (subject, "that", stand, _pick(rng, PLACES), do, *rest, _pick(rng, WHEN))
    return " ".join(words)


def _lines(paragraph):
    lines = [""]
    for word in paragraph.split():
        if len(lines[-1]) + len(word) >= WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines
