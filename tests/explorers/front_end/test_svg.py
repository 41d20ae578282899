"""The SVG of each explorer is sound, small and the same again; and what no explorer draws, drawn alone."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from driving import settings
from loops import for_each
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from d2lbptt import explorers
from d2lbptt.explorers.front_end._layers import Layers
from d2lbptt.explorers.front_end._svg import MARK, SvgRenderer, _apart
from d2lbptt.figures._paper import figure, house

each_explorer = for_each("name", explorers.__all__)


def layers_of(explorer):
    return Layers(explorer._picture.figure, explorer._picture.artists)


def draw(layers):
    with house():
        return layers.draw()


def parsed(*fragments):
    return ET.fromstring(f"<svg>{''.join(fragments)}</svg>")


def fragment(artist, *more, width=4, height=3):
    """The SVG of artists on axes that fill a figure of 100 dpi and count its pixels from below."""
    paper = figure(width, height)
    with house():
        ax = paper.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, 100 * width), ylim=(0, 100 * height))
        for one in (artist, *more):
            ax.add_artist(one)
        renderer = SvgRenderer(paper)
        return renderer.fragment(lambda r: [one.draw(r) for one in (artist, *more)])


@pytest.mark.slow
@each_explorer
def test_the_svg_is_sound(name):
    explorer = getattr(explorers, name)()
    layers = layers_of(explorer)
    key, control = next((key, control) for key, control in explorer.controls.items() if key != "preset")
    for value in (control.value, *settings(control)):
        explorer.set(**{key: value})
        layers._last = None  # so that the background comes each time
        both = "".join(draw(layers))
        root = parsed(both)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(set(ids)) == len(ids)
        assert all(found.startswith(MARK) for found in ids) and both.count(MARK) >= len(ids)
        assert set(re.findall(rf"#({MARK}[^)\"]+)", both)) <= set(ids)
        numbers = [
            element.attrib[key]
            for element in root.iter()
            for key in ("d", "x", "y", "width", "transform")
            if key in element.attrib
        ]
        assert not re.search(r"nan|inf|\de[+-]?\d|\d{7}", " ".join(numbers))


@pytest.mark.slow
@each_explorer
def test_the_same_state_gives_the_same_svg_what_stands_still_once_and_what_moves_in_few_letters(name):
    explorer, fresh = getattr(explorers, name)(), getattr(explorers, name)()
    layers = layers_of(explorer)
    background, foreground = draw(layers)
    assert draw(layers_of(fresh)) == (background, foreground)
    assert draw(layers) == (None, foreground)
    what_moves_is_smaller_than_matplotlib_writes_it(layers, foreground)


def what_moves_is_smaller_than_matplotlib_writes_it(layers, own):
    out, paper = io.StringIO(), layers.figure
    with house(), matplotlib.rc_context({"svg.fonttype": "none"}):
        paper.dpi = 72
        stock = RendererSVG(72 * paper.get_figwidth(), 72 * paper.get_figheight(), out)
        for artist in layers.artists:
            artist.draw(stock)
    assert len(own) < 0.85 * len(out.getvalue())


def test_the_background_comes_again_when_limits_scales_places_or_the_size_change():
    layers = layers_of(explorers.gradient_flow())
    ax = layers.figure.axes[0]
    draw(layers)
    low, high = ax.get_xlim()
    changes = [
        lambda: ax.set_xlim(low, high + 1),
        lambda: ax.set_position((0.2, 0.2, 0.3, 0.3)),
        lambda: ax.set_xscale("symlog"),
        lambda: ax.set_visible(False),
        lambda: layers.figure.set_size_inches(4.8, 7),
    ]
    for change in changes:
        change()
        assert draw(layers)[0] is not None
        assert draw(layers)[0] is None
    assert (layers.width, layers.height) == (480, 700)


def test_a_title_that_moves_stands_above_its_axes():
    with house():
        paper = figure(4, 3)
        ax = paper.add_axes((0.1, 0.1, 0.8, 0.7))
        background, foreground = Layers(paper, [ax.set_title("moves")]).draw()
    assert "moves" not in background
    (title,) = parsed(foreground).iter("text")
    assert 0 < float(title.get("y")) < 60


def test_colours_are_variables_with_the_colour_to_fall_back_on():
    layers = layers_of(explorers.gradient_flow())
    both = "".join(draw(layers))
    variables = re.findall(r"var\(--d2l-([0-9a-f]{6}),(#[0-9a-f]{6})\)", both)
    assert variables and all(f"#{name}" == code for name, code in variables)
    assert len(variables) == len(re.findall(r"#[0-9a-f]{6}\b", both))
    assert {code for _, code in variables} == layers.colours()


@for_each("kind", ["svg", "png"])
def test_a_file_is_whole_and_leaves_the_layers_as_they_were(kind):
    layers = layers_of(explorers.truncation())
    both = draw(layers)
    content = layers.file(kind)
    assert draw(layers) == (None, both[1])
    if kind == "png":
        image = Image.open(io.BytesIO(content))
        assert image.size == (2 * layers.width, 2 * layers.height)
        for artist in layers.artists:
            artist.set_visible(False)
        assert layers.file(kind) != content
    else:
        assert ET.fromstring(content).tag.endswith("svg")


def test_words_are_escaped_and_their_spaces_kept():
    words = f"a < b & c > d  two  {MARK}"
    found = fragment(Text(50, 50, words))
    assert next(parsed(found).iter("text")).text == words.replace(" ", "\xa0")
    assert f"&#{ord(MARK)};" in found


def test_a_text_is_held_where_it_is_aligned_and_several_lines_are_several_texts():
    right, middle = (next(parsed(fragment(Text(200, 150, "words", ha=ha))).iter("text")) for ha in ("right", "center"))
    assert (right.get("x"), right.get("text-anchor"), right.get("y")) == ("200", "end", "150")
    assert (middle.get("x"), middle.get("text-anchor")) == ("200", "middle")
    lines = list(parsed(fragment(Text(200, 150, "one\nmore", rotation=90))).iter("text"))
    assert [line.text for line in lines] == ["one", "more"]
    assert all(line.get("transform").startswith("rotate(-90 ") for line in lines)


def test_lines_of_text_are_as_far_apart_as_matplotlib_has_them(monkeypatch):
    text = Text(200, 150, "one\nmore", fontsize=13, weight="bold", linespacing=1.4)
    ours = fragment(text)
    monkeypatch.delattr(SvgRenderer, "_get_font_height_metrics")
    assert fragment(Text(200, 150, "one\nmore", fontsize=13, weight="bold", linespacing=1.4)) == ours


def test_a_formula_says_where_each_letter_is():
    texts = list(parsed(fragment(Text(50, 50, r"$\frac{a}{b} = x_1$"))).iter("text"))
    assert sorted("".join(text.text for text in texts)) == sorted("ab=x1")
    assert all(len(text.get("x").split()) == len(text.text) for text in texts)
    assert {text.get("font-style") for text in texts if text.text in ("a", "b", "x")} == {"oblique"}
    assert next(parsed(fragment(Text(50, 50, r"$\frac{a}{b}$"))).iter("rect")) is not None


def test_dots_of_one_colour_are_lines_of_no_length_and_pale_ones_lie_upon_one_another():
    x, y = [10, 20, np.nan, 1e9], [30, 40, 50, 60]
    with house():
        ax = figure(1, 1).add_axes((0, 0, 1, 1))
        opaque = ax.plot(x, y, "o", ms=7.2, mew=0, color="#0072b2")[0]
        pale = ax.plot(x, y, "s", ms=7.2, mew=0, color="#0072b2", alpha=0.5)[0]
        ax.set(xlim=(0, 100), ylim=(0, 100))
        renderer = SvgRenderer(ax.figure)
        one, many = (parsed(renderer.fragment(line.draw)) for line in (opaque, pale))
    dots = one.find("g")
    assert [path.get("d") for path in dots] == ["M10.0 70.0h0M20.0 60.0h0"]
    assert (dots.get("stroke-linecap"), dots.get("stroke-width"), dots.get("stroke-opacity")) == ("round", "10", None)
    group = many.find("g")
    assert (group.get("stroke-linecap"), group.get("stroke-opacity"), len(group)) == ("square", "0.5", 2)


def test_pale_dots_that_overlap_are_in_different_paths():
    points = np.random.default_rng(2).uniform(0, 100, (300, 2))
    groups = _apart(points, 8)
    assert len(groups) < 60
    assert sorted(map(tuple, np.concatenate(groups))) == sorted(map(tuple, points))
    for group in groups:
        between = np.abs(group[:, None] - group[None]).max(axis=2)  # as squares reach
        assert np.min(between, where=~np.eye(len(group), dtype=bool), initial=np.inf) > 8


def test_an_image_goes_out_cell_by_cell_with_what_shines_through():
    cells = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    with house():
        paper = figure(4, 3)
        image = paper.add_axes((0, 0, 1, 1)).imshow(cells, interpolation="nearest", aspect="auto")
        layers = Layers(paper, [image])
        background, foreground = layers.draw()
    assert "<image" not in background
    found = next(parsed(foreground).iter("image"))
    png = base64.b64decode(found.get("href").removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), cells)
    assert found.get("transform") == "matrix(80 0 0 100 0 0)"
    assert image.get_interpolation() == "nearest"


def test_the_lines_of_a_collection_are_one_path_and_pale_or_filled_ones_are_several():
    lines = [[(10, 10), (20, 20)], [(10, 20), (20, 10)]]
    boxes = [[(10, 10), (10, 90), (90, 90)], [(30, 10), (90, 10), (90, 90)]]
    assert fragment(LineCollection(lines, color="k")).count("<path") == 1
    assert fragment(LineCollection(lines, color="k", alpha=0.5)).count("<path") == 2
    assert fragment(PolyCollection(boxes, facecolor="w", edgecolor="k")).count("<path") == 2
    assert fragment(LineCollection(lines, color=["k", "r"])).count("<path") == 2


def test_a_hatch_is_sent_with_the_background_and_once():
    with house():
        paper = figure(4, 3)
        ax = paper.add_axes((0, 0, 1, 1))
        bars = [ax.add_patch(Rectangle((x, 0), 0.2, 0.5, hatch="...", facecolor="w", visible=False)) for x in (0, 0.5)]
        layers = Layers(paper, bars)
        assert "<pattern" not in "".join(layers.draw())
        bars[0].set_visible(True)
        background, foreground = layers.draw()
        bars[1].set_visible(True)
        again, more = layers.draw()
    assert again is None and background.count("<pattern") == 1 and len(background) < 10_000
    assert (foreground.count("url(#"), more.count("url(#")) == (3, 6)  # inside and hatch are clipped


def test_what_lies_far_outside_is_cut_off():
    far = PolyCollection([[(0, 0), (1e12, 0), (1e12, 1e12), (0, 50)]])
    assert (
        max(abs(float(number)) for number in re.findall(r"-?\d+\.?\d*", parsed(fragment(far)).find(".//path").get("d")))
        < 3000
    )
    assert fragment(Text(1e12, 0, "far away")) == ""


def test_what_leaves_its_axes_is_clipped_where_they_are():
    """Matplotlib counts pixels from below, and SVG from above: 300 are 30, 180 and 90."""
    paper = figure(4, 3)
    with house():
        (line,) = paper.add_axes((0.25, 0.1, 0.5, 0.6)).plot([0, 1], [0, 1])
        drawn = parsed(SvgRenderer(paper).fragment(line.draw))
    place = drawn.find(".//clipPath/rect").attrib
    assert [float(place[key]) for key in ("x", "y", "width", "height")] == [100, 90, 200, 180]
