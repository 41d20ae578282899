"""Each picture as a browser draws our SVG, beside the same artists drawn by Agg, which shares no code with it.

Two pictures are as far apart as the greatest difference, of 255, that is left when both are blurred a little and each
pixel may be found again up to ``SHIFT`` pixels further on: the two place letters and dashes otherwise by a fraction of
a pixel. That the tolerance is sharp is tested too, on the artists of each explorer: with one missing, in another
colour, or with its words moved by 10 px, the picture is further away.
"""

import io
from contextlib import contextmanager

import matplotlib
import numpy as np
import pages
import pytest
from driving import settings
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image, ImageFilter

from d2lbptt import explorers
from d2lbptt.explorers.front_end._fonts import style_sheet
from d2lbptt.explorers.front_end._layers import Layers
from d2lbptt.figures._paper import figure, house

RATIO = 2  # of device pixels to CSS pixels
BLUR, SHIFT = 2, 3  # device pixels
TOLERANCE, MARGIN = 42, 1.2
SEEN, SHAPE, WORDS = 80, 1000, 200  # a change is in sight if so many device pixels are lighter or darker by so much
LOOK = "svg {display: block; font-family: 'DejaVu Sans'; text-rendering: geometricPrecision} body {margin: 0}"
COLOURS = {
    Line2D: ["color", "markerfacecolor", "markeredgecolor"],
    Text: ["color"],
    Patch: ["edgecolor", "facecolor"],
    Collection: ["edgecolor", "facecolor"],
}

pytestmark = pages.MARKS


@pytest.fixture(scope="module")
def page():
    with pages.browser() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1000}, device_scale_factor=RATIO)
        page.set_content(f"<style>{style_sheet()}{LOOK}</style><svg></svg>")
        yield page


@pytest.fixture(params=explorers.__all__)
def explorer(request):
    return getattr(explorers, request.param)()


def layers_of(explorer):
    return Layers(explorer._picture.figure, explorer._picture.artists)


def photograph(page, layers):
    """The pixels that the browser makes of both layers."""
    with house():
        svg = "".join(layers.draw())
    size = [layers.width, layers.height]
    page.evaluate(
        """async ([svg, width, height]) => {
            const picture = document.querySelector("svg");
            picture.setAttribute("width", width);
            picture.setAttribute("height", height);
            picture.innerHTML = svg;
            await document.fonts.ready;
            await Promise.all([...picture.querySelectorAll("image")].map((image) => image.decode()));
        }""",
        [svg, *size],
    )
    png = page.screenshot(clip={"x": 0, "y": 0, "width": size[0], "height": size[1]})
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@contextmanager
def agg(layers):
    """Give a function that returns the pixels that Agg makes of the artists as they are then."""
    figure, canvas, dpi = layers.figure, layers.figure.canvas, layers.figure.dpi
    with house(), matplotlib.rc_context({"text.hinting": "none"}):  # letters as wide as a browser's
        own = FigureCanvasAgg(figure)
        figure.dpi = RATIO * dpi
        renderer = own.get_renderer()
        Figure.draw(figure, renderer)  # and not our own, which would set the text back
        background = own.copy_from_bbox(figure.bbox)

        def picture():
            own.restore_region(background)
            for artist in layers.artists:
                artist.draw(renderer)
            return np.asarray(own.buffer_rgba())[..., :3].copy()

        try:
            yield picture
        finally:
            figure.dpi = dpi
            figure.set_canvas(canvas)


def apart(one, other):
    """How far two pictures are apart, pixel by pixel."""
    one, other = (np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(BLUR))) for p in (one, other))
    return greatest(np.maximum(beyond(one, other), beyond(other, one)))


def beyond(one, other):
    """By how much each pixel is lighter or darker than all around it in the other picture."""
    lightest, darkest = around(other, np.maximum), around(other, np.minimum)
    return np.maximum(one, lightest) - lightest + (darkest - np.minimum(one, darkest))


def around(pixels, extreme):
    """The extreme of the square around each pixel."""
    for _ in range(SHIFT):
        wider = pixels.copy()
        extreme(wider[1:], pixels[:-1], out=wider[1:])
        extreme(wider[:-1], pixels[1:], out=wider[:-1])
        pixels = wider.copy()
        extreme(pixels[:, 1:], wider[:, :-1], out=pixels[:, 1:])
        extreme(pixels[:, :-1], wider[:, 1:], out=pixels[:, :-1])
    return pixels


def greatest(pixels):
    """The greatest of the three colours."""
    red, green, blue = np.moveaxis(pixels, 2, 0)
    return np.maximum(np.maximum(red, green), blue)


@contextmanager
def missing(artist):
    artist.set_visible(False)
    yield
    artist.set_visible(True)


@contextmanager
def in_another_colour(artist):
    names = next((names for kind, names in COLOURS.items() if isinstance(artist, kind)), [])
    before = {name: getattr(artist, f"get_{name}")() for name in names}
    for name, colours in before.items():
        getattr(artist, f"set_{name}")(other(colours))
    yield
    for name, colours in before.items():
        getattr(artist, f"set_{name}")(colours)


def other(colours):
    """Vermillion for what is blue, and blue for all else, as opaque as it was."""
    if isinstance(colours, str) and colours in ("none", "auto"):
        return colours
    rgba = to_rgba_array(colours).copy()
    is_blue = rgba[:, 2] > rgba[:, 0] + 0.2
    rgba[:, :3] = np.where(is_blue[:, None], to_rgba_array("#D55E00")[:, :3], to_rgba_array("#0072B2")[:, :3])
    return rgba[0] if len(rgba) == 1 else rgba


@contextmanager
def moved(text):
    before, aside = text.get_transform(), Affine2D().translate(10 * RATIO, 0)
    text.set_transform(before + aside)
    text.set_transform = lambda transform: Text.set_transform(text, transform + aside)  # for an annotation's own draw
    yield
    del text.set_transform
    text.set_transform(before)


def box_of(changed):
    """Where something has changed, and what a blur reaches around it."""
    reach = 4 * BLUR + SHIFT
    return tuple(slice(max(0, found.min() - reach), found.max() + reach + 1) for found in np.nonzero(changed))


def check(page, layers):
    """What the browser shows is what Agg shows; return both."""
    photo = photograph(page, layers)
    with agg(layers) as picture:
        plain = picture()
    far = apart(photo, plain)
    y, x = np.unravel_index(far.argmax(), far.shape)
    assert far.max() * MARGIN < TOLERANCE, f"{far.max()} at x = {x / RATIO:.0f}, y = {y / RATIO:.0f} CSS pixels"
    return photo, plain


def check_sharpness(layers, photo, plain, change, every):
    """The picture is too far from what Agg draws after the change, made to an artist of each kind or to every one."""
    seen = set()
    with agg(layers) as picture:
        for artist in layers.artists:
            if not artist.get_visible() or (not every and type(artist) in seen):
                continue
            if change is moved and not (isinstance(artist, Text) and artist.get_text().strip()):
                continue
            with change(artist):
                changed = picture()
            by = greatest(np.maximum(changed, plain) - np.minimum(changed, plain))
            if (by > SEEN).sum() < (WORDS if isinstance(artist, Text) else SHAPE):
                continue  # it hides behind others, is pale, or tiny
            box = box_of(by)
            far = apart(photo[box], changed[box]).max()
            assert far > MARGIN * TOLERANCE, f"{far} without or with another {artist}"
            seen.add(type(artist))
    return seen


CHANGES = missing, in_another_colour, moved


@pytest.mark.parametrize(
    "every", [pytest.param(False, id="one"), pytest.param(True, id="every", marks=pytest.mark.slow)]
)
def test_a_browser_shows_what_agg_shows_and_the_tolerance_is_sharp(explorer, page, every):
    layers = layers_of(explorer)
    photo, plain = check(page, layers)
    turn = explorers.__all__.index(explorer._name) % len(CHANGES)  # where it must be quick the explorers take turns
    for change in CHANGES if every else CHANGES[turn : turn + 1]:
        assert check_sharpness(layers, photo, plain, change, every)


def test_a_browser_shows_what_agg_shows_at_both_ends_of_the_first_control_wide_and_narrow(explorer, page):
    key, control = next((key, control) for key, control in explorer.controls.items() if key != "preset")
    for narrow, end in ((False, 0), (True, -1)):
        explorer.arrange(narrow)
        explorer.set(**{key: settings(control)[end]})
        check(page, layers_of(explorer))


def words_and_markers(ax):
    ax.set(xlim=(0, 10), ylim=(0, 10))
    box = {"boxstyle": "round", "facecolor": "#ffeeaa", "alpha": 0.5}
    ax.text(1, 8.5, "two lines,\nin a box", rotation=30, bbox=box)
    ax.text(8, 8.5, "cut off at the edge", rotation=-40, rotation_mode="anchor", clip_on=True)
    ax.text(4, 8.2, r"$\sqrt{\frac{a}{b_1}} + \hat{y}$", fontsize=16)
    ax.annotate("here", (6.5, 7.5), (4, 6.3), arrowprops={"arrowstyle": "-|>", "connectionstyle": "arc3,rad=0.3"})
    x = np.linspace(0.5, 9.5, 14)
    for y, look in enumerate(("^", "*", "D", "o", "s", "+", "x")):
        ax.plot(x, np.full(14, y + 0.2), look, ms=12, mfc="#56b4e9", mec="#222222", alpha=0.5 + 0.1 * (y % 4))
    ax.plot([-5, 15], [7.2, 5.8], "--", dashes=(6, 2, 1, 2), dash_capstyle="round", lw=3)
    ax.fill_between([-1e7, 3, 1e7], [4.4, 4.6, 4.4], [4.9, 5.1, 1e9], color="#009e73", alpha=0.3)


def images_and_meshes(ax):
    rng = np.random.default_rng(1)
    ax.set(xlim=(0, 10), ylim=(0, 10))
    ax.pcolormesh(np.arange(4), 6 + np.arange(4), rng.uniform(size=(3, 3)), cmap="viridis")
    look = {"aspect": "auto", "zorder": 3}
    ax.imshow(rng.uniform(size=(4, 3, 4)), extent=(4, 6.5, 6, 9), origin="lower", interpolation="nearest", **look)
    round_one = ax.imshow(rng.uniform(size=(4, 4)), extent=(7, 9.5, 6, 9), interpolation="none", **look)
    round_one.set_clip_path(Circle((8.2, 7.5), 1.2, transform=ax.transData))
    smooth = np.add.outer(np.linspace(0, 1, 20), np.linspace(0, 1, 20) ** 2)
    ax.imshow(smooth, extent=(0.5, 3.5, 0.5, 3.5), interpolation="bilinear", cmap="Greys", **look)
    ends = rng.uniform(4, 6, (30, 2, 2)) * (1.6, 0.9)
    ax.add_collection(LineCollection(ends, colors=["#0072b2", "#d55e00"], linewidths=[1, 4], alpha=0.6))
    ax.scatter(
        rng.uniform(4.5, 7.5, 30), rng.uniform(0.5, 3.5, 30), s=np.linspace(10, 300, 30), c=np.arange(30), alpha=0.7
    )
    for x, hatch in enumerate(("//", "xx", "..", "oo", "*", "-+")):
        place = {"xy": (7 + 0.5 * x, 0.5), "width": 0.45, "height": 3.5}
        ax.add_patch(Rectangle(**place, hatch=hatch, facecolor="#ffeeaa", edgecolor="#0072b2", lw=2 * (x % 2)))


@pytest.mark.parametrize("draw", [words_and_markers, images_and_meshes])
def test_a_browser_shows_what_agg_shows_of_what_no_explorer_draws_yet(draw, page):
    with house():
        paper = figure(6, 5)
        draw(paper.add_subplot())
    check(page, Layers(paper, []))
