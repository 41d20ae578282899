"""Parts of Matplotlib's own fonts as WOFF, for a page whose machine has no DejaVu Sans."""

import base64
import io
from functools import cache
from pathlib import Path

# By file, the family, style and weight that CSS knows it by.
FACES = {
    "DejaVuSans.ttf": ("DejaVu Sans", "normal", 400),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "normal", 700),
    "DejaVuSans-Oblique.ttf": ("DejaVu Sans", "oblique", 400),
    "DejaVuSansMono.ttf": ("DejaVu Sans Mono", "normal", 400),
    "DejaVuSansMono-Bold.ttf": ("DejaVu Sans Mono", "normal", 700),
}
_RANGES = [
    (0x20, 0x7E),  # ASCII
    (0xA0, 0xFF),  # Latin-1: the degree, the dot, the times
    (0x177, 0x177),  # y with a hat
    (0x302, 0x302),  # a hat for others
    (0x391, 0x3D5),  # Greek, and its other phi
    (0x1D40, 0x1D6A),  # letters as superscripts and subscripts
    (0x2010, 0x2026),  # dashes, quotes, dots
    (0x2032, 0x2033),  # primes
    (0x2070, 0x209C),  # superscripts and subscripts
    (0x2113, 0x2113),  # the book's loss
    (0x2190, 0x2199),  # arrows
    (0x2200, 0x22C5),  # mathematics
    (0x25A0, 0x25EF),  # squares, diamonds, discs
    (0x2713, 0x2717),  # right and wrong
]
CHARACTERS = "".join(chr(code) for low, high in _RANGES for code in range(low, high + 1))


@cache
def style_sheet():
    """Return CSS that brings the fonts along, some 30 kB each."""
    return "".join(_face(*look, woff(file)) for file, look in FACES.items())


def _face(family, style, weight, content):
    source = f"url(data:font/woff;base64,{base64.b64encode(content).decode()})"
    return f'@font-face{{font-family:"{family}";font-style:{style};font-weight:{weight};src:{source}}}'


@cache
def woff(file):
    """Return the bytes of a WOFF with what our pictures may say; ``file`` is a key of ``FACES``."""
    from fontTools import subset  # here, as it takes long and most pages have the font
    from matplotlib import get_data_path

    options = subset.Options(flavor="woff", hinting=False, layout_features=["kern", "liga"])
    options.drop_tables += ["FFTM"]  # when it was made
    part, out = subset.Subsetter(options), io.BytesIO()
    part.populate(text=CHARACTERS)
    with subset.load_font(Path(get_data_path(), "fonts", "ttf", file), options) as font:
        part.subset(font)
        subset.save_font(font, out, options)
    return out.getvalue()
