"""Matplotlib's artists as SVG: short strings, written quickly, some thirty times a second while a slider moves.

What Matplotlib's own ``RendererSVG`` writes stands by itself, to be kept. This one writes fragments for a page that
knows the rest: the font, and what colours become in the dark.
"""

import base64
import io

import numpy as np
from matplotlib import _path  # private, and what Matplotlib's own SVG backend uses; the public way is ten times slower
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_hex
from matplotlib.font_manager import findfont, get_font, ttfFontProperty, weight_dict
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

MARK = "§"  # begins every id; the page puts what is unique to a view in its place, as all ids share one page
SMOOTH = "smooth"  # the gid of images whose cells the page blends
FONT = "DejaVu Sans"  # the page's, so that no text has to name it

_COMMANDS = [b"M", b"L", b"Q", b"C", b"z"]
_CAPS = {"butt": "", "round": ' stroke-linecap="round"', "projecting": ' stroke-linecap="square"'}
_ANCHORS = {"center": ' text-anchor="middle"', "right": ' text-anchor="end"'}
_FAR = 2000  # pixels beyond the edge, where nothing reaches into sight


class SvgRenderer(RendererBase):
    """Writes what artists draw as the inside of an ``<svg>``.

    One is kept as long as its figure, as Matplotlib remembers the sizes of texts by renderer.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    layer : str
        A letter, so that the ids of several renderers of one page differ.
    patterns : dict, optional
        Where hatches are collected, ``<pattern>`` by id. They are long, few, and always the same: the
        owner sends them once, for all fragments.
    """

    def __init__(self, figure, layer="", patterns=None):
        super().__init__()
        self._text2path = text_to_path  # one for all: it remembers the formulas that it has parsed
        self._figure, self._layer = figure, layer
        self.patterns = {} if patterns is None else patterns
        self._css, self._fonts, self._heights = {}, _Kept(100), _Kept(100)
        self._images, self._sources = _Kept(8), _Kept(8)
        self._formulas, self._caps = _Kept(500), _Kept(100)
        self.curve = None  # the number of its Axes and the name of what is drawn now, if it is a curve to be read
        self._begin()

    def fragment(self, draw):
        """Return the SVG of what ``draw(renderer)`` draws."""
        self._begin()
        draw(self)
        defs = f"<defs>{''.join(self._defs)}</defs>" if self._defs else ""
        return defs + "".join(self._out)

    def colours(self):
        """Return the colours that have been written, as "#rrggbb"."""
        return {css[-8:-1] for css in self._css.values()}

    def _begin(self):
        self.dpi = self._figure.dpi
        self.width, self.height = self._figure.get_size_inches() * self.dpi
        self._flip = np.array([[1, 0, 0], [0, -1, self.height], [0, 0, 1]])  # SVG counts downwards
        self._out, self._defs, self._ids = [], [], {}

    def _id(self, key, make):
        if key not in self._ids:
            self._ids[key] = name = f"{MARK}{self._layer}{len(self._ids)}"
            self._defs.append(make(name))
        return self._ids[key]

    # What Matplotlib asks a renderer

    def points_to_pixels(self, points):
        return points * self.dpi / 72

    def get_canvas_width_height(self):
        return self.width, self.height

    def option_scale_image(self):
        return True  # the page does, cell by cell

    def option_image_nocomposite(self):
        return True

    def _get_font_height_metrics(self, prop):
        """Return ascent, descent and gap of a font's lines: Matplotlib 3.11 would read them for each text anew."""
        return self._heights.of(hash(prop), lambda: self._line_of(prop))

    def _line_of(self, prop):
        font = get_font(findfont(prop))
        table = font.get_sfnt_table("OS/2")
        if table is None:
            return None, None, None
        scale = self.points_to_pixels(prop.get_size_in_points()) / font.get_sfnt_table("head")["unitsPerEm"]
        return table["sTypoAscender"] * scale, -table["sTypoDescender"] * scale, table["sTypoLineGap"] * scale

    # Looks

    def _colour(self, rgb):
        rgb = tuple(rgb[:3])
        if rgb not in self._css:
            code = to_hex(rgb)
            self._css[rgb] = f"var(--d2l-{code[1:]},{code})"
        return self._css[rgb]

    def _fill(self, gc, face):
        if face is None:
            return ' fill="none"'
        pale = len(face) == 4 and face[3] != 1 and not gc.get_forced_alpha()
        return f' fill="{self._colour(face)}"' + (f' fill-opacity="{_number(face[3], 2)}"' if pale else "")

    def _stroke(self, gc):
        width, (offset, dashes) = self.points_to_pixels(gc.get_linewidth()), gc.get_dashes()
        if not width:
            return ""
        rgb = gc.get_rgb()
        look = f' stroke="{self._colour(rgb)}" stroke-width="{_number(width, 2)}"{_CAPS[gc.get_capstyle()]}'
        if rgb[3] != 1 and not gc.get_forced_alpha():
            look += f' stroke-opacity="{_number(rgb[3], 2)}"'
        if gc.get_joinstyle() != "miter":
            look += f' stroke-linejoin="{gc.get_joinstyle()}"'
        if dashes is not None:
            look += f' stroke-dasharray="{_numbers(self.points_to_pixels(np.asarray(dashes)), 3)}"'
            look += f' stroke-dashoffset="{_number(self.points_to_pixels(offset))}"' if offset else ""
        return look

    def _opacity(self, gc):
        alpha = gc.get_alpha() if gc.get_forced_alpha() else 1
        return f' opacity="{_number(alpha, 2)}"' if alpha != 1 else ""

    def _style(self, gc, face):
        return self._fill(gc, face) + self._stroke(gc) + self._opacity(gc)

    def _clip(self, gc):
        path, transform = gc.get_clip_path()
        if path is not None:
            shape = f'<path d="{_d(path, self._seen(transform))}"/>'
        elif (box := gc.get_clip_rectangle()) is not None:
            x, y, width, height = box.bounds
            place = f'x="{_number(x)}" y="{_number(self.height - y - height)}"'
            shape = f'<rect {place} width="{_number(width)}" height="{_number(height)}"/>'
        else:
            return ""
        name = self._id(shape, lambda name: f'<clipPath id="{name}">{shape}</clipPath>')
        return f' clip-path="url(#{name})"'

    def _hatch(self, gc):
        """Return the id of the pattern of a hatch."""
        colour, size = gc.get_hatch_color(), self.dpi
        width = _number(self.points_to_pixels(gc.get_hatch_linewidth()), 2)
        css, alpha = self._colour(colour), 1 if gc.get_forced_alpha() else colour[3]
        name = f"{MARK}h{'-'.join(str(ord(c)) for c in gc.get_hatch())}-{css[-7:-1]}-{_number(100 * alpha, 0)}-{width}"
        if name not in self.patterns:
            shape = _hatch_shape(gc.get_hatch_path(), size, float(width))
            look = f'fill="{css}" stroke="{css}" opacity="{_number(alpha, 2)}"'
            box = f'width="{size:g}" height="{size:g}" patternUnits="userSpaceOnUse"'
            self.patterns[name] = f'<pattern id="{name}" {box}><g {look}>{shape}</g></pattern>'
        return name

    # Shapes

    def _seen(self, transform):
        """Return the matrix that leads to SVG's pixels."""
        return self._flip @ transform.get_matrix()

    def _outline(self, gc, path, matrix, face):
        sketch = gc.get_sketch_params()
        if face is None and gc.get_hatch() is None:
            edges = (0.0, 0.0, self.width, self.height)
            return _d(path, matrix, edges, path.should_simplify, sketch)
        if _is_far(path, matrix):
            around = Bbox([[-_FAR, -_FAR], [self.width + _FAR, self.height + _FAR]])
            path, matrix = path.transformed(Affine2D(matrix)).clip_to_bbox(around), None
        return _d(path, matrix, sketch=sketch)

    def draw_path(self, gc, path, transform, rgbFace=None):
        d = self._outline(gc, path, self._seen(transform), rgbFace)
        if not d:
            return
        clip = self._clip(gc)
        if gc.get_hatch() is not None:
            if rgbFace is not None:
                self._out.append(f'<path d="{d}"{self._fill(gc, rgbFace)}{self._opacity(gc)}{clip}/>')
            look = f' fill="url(#{self._hatch(gc)})"{self._stroke(gc)}{self._opacity(gc)}'
        else:
            look = self._style(gc, rgbFace)
        self._out.append(f'<path d="{d}"{look}{clip}{self._name()}/>')

    def _name(self):
        if self.curve is None:
            return ""
        number, name = self.curve
        return f' data-axes="{number}" data-curve="{_escaped(name).replace(chr(34), "&quot;")}"'

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        points = trans.transform(path.vertices)
        points = points[np.all((points > -100) & (points < (self.width + 100, self.height + 100)), axis=1)]
        self.curve = None  # markers are no curve
        if len(points) == 1:
            self.draw_path(gc, marker_path, marker_trans + Affine2D().translate(*points[0]), rgbFace)
        elif len(points):
            points = points * (1, -1) + (0, self.height)
            cap = self._cap(gc, marker_path, rgbFace)
            draw = self._stamps if cap is None else self._dots
            draw(gc, (marker_path, marker_trans), points, rgbFace, cap)

    def _cap(self, gc, path, face):
        """Return the line cap that draws a marker, where it is a disc or a square of one colour, else None."""
        if face is None or (gc.get_linewidth() and tuple(gc.get_rgb()[:3]) != tuple(face[:3])):
            return None
        return self._caps.of(path.vertices.tobytes(), lambda: _cap(path))

    def _dots(self, gc, marker, points, face, cap):
        """Draw discs or squares as lines of no length: a browser is slow with many ``<use>``."""
        box = marker[0].get_extents(marker[1])
        width = max(box.width, box.height) + self.points_to_pixels(gc.get_linewidth())
        look = f'stroke="{self._colour(face)}" stroke-width="{_number(width, 2)}" stroke-linecap="{cap}"'
        alpha = gc.get_alpha() if gc.get_forced_alpha() else face[3] if len(face) == 4 else 1
        if alpha != 1:
            look += f' stroke-opacity="{_number(alpha, 2)}"'
        groups = [points] if alpha == 1 else _apart(points, width)
        paths = [f'<path d="{"".join(f"M{x:.1f} {y:.1f}h0" for x, y in group.tolist())}"/>' for group in groups]
        self._out.append(f"<g {look}{self._clip(gc)}>{''.join(paths)}</g>")

    def _stamps(self, gc, marker, points, face, _):
        """Draw markers that are written once and used at each point."""
        d = _d(marker[0], np.diag([1, -1, 1]) @ marker[1].get_matrix(), places=2)
        shape = f'd="{d}"{self._style(gc, face)}'
        name = self._id(shape, lambda name: f'<path id="{name}" {shape}/>')
        uses = "".join(f'<use href="#{name}" x="{x:.1f}" y="{y:.1f}"/>' for x, y in points.tolist())
        self._out.append(f"<g{self._clip(gc)}>{uses}</g>")

    def draw_path_collection(self, gc, master_transform, paths, all_transforms, offsets, *more, **last):
        _, faces, edges, widths, dashes, *_ = more
        alike = all(len(each) < 2 for each in (all_transforms, faces, edges, widths, dashes))
        if len(paths) < 2 or not alike or np.any(offsets) or gc.get_hatch() is not None:
            return super().draw_path_collection(gc, master_transform, paths, all_transforms, offsets, *more, **last)
        transform = (Affine2D(all_transforms[0]) if len(all_transforms) else Affine2D()) + master_transform
        matrix, (look, face) = self._seen(transform), self._one_look(gc, faces, edges, widths, dashes)
        shapes = [d for path in paths if (d := self._outline(look, path, matrix, face))]
        if face is None and look.get_rgb()[3] == 1:
            shapes = ["".join(shapes)]
        inside = "".join(f'<path d="{d}"/>' for d in shapes)
        self._out.append(f"<g{self._style(look, face)}{self._clip(gc)}>{inside}</g>")

    def _one_look(self, gc, faces, edges, widths, dashes):
        """Return what all shapes of a collection look like: a graphics context, and the colour inside or None."""
        look = self.new_gc()
        look.copy_properties(gc)
        if len(edges) and edges[0][3]:
            look.set_foreground(edges[0], isRGBA=True)
            look.set_linewidth(widths[0] if len(widths) else gc.get_linewidth())
        else:
            look.set_linewidth(0)
        if len(dashes):
            look.set_dashes(*dashes[0])
        return look, faces[0] if len(faces) and faces[0][3] else None

    def draw_quad_mesh(self, *args, **kwargs):
        self._out.append('<g shape-rendering="crispEdges">')  # else there are light seams between the cells
        super().draw_quad_mesh(*args, **kwargs)
        self._out.append("</g>")

    # Images

    def draw_image(self, gc, x, y, im, transform=None):
        height, width = im.shape[:2]
        if not (height and width):
            return
        if transform is None:
            place = Affine2D().translate(x, y)
        else:
            place = Affine2D().scale(1 / width, 1 / height) + transform + Affine2D().translate(x, y)
        (a, c, e), (b, d, f) = (self._flip @ place.get_matrix())[:2]
        cells = "" if gc.get_gid() == SMOOTH else "image-rendering:pixelated;"
        self._out.append(
            f'<g{self._clip(gc)}><image width="{width}" height="{height}" preserveAspectRatio="none" '
            f'transform="matrix({_numbers((a, b, c, d, e, f), 4)})" href="{self._source(im)}" '
            f'style="{cells}filter:var(--d2l-image,none)"/></g>'
        )

    def _source(self, pixels):
        """Return the address of an image. Matplotlib gives the same array again while nothing has changed."""
        array = pixels.__array_interface__["data"][0], pixels.shape, pixels.strides  # kept, so nothing else gets there
        return self._images.of(array, lambda: (pixels, self._same(pixels)))[1]

    def _same(self, pixels):
        return self._sources.of((pixels.shape, pixels.tobytes()), lambda: _png(pixels))

    # Words

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        if not (-_FAR < x < self.width + _FAR and -_FAR < y < self.height + _FAR):
            return
        if ismath and self._glyphs(s, prop) is None:
            return self._outlined(gc, x, y, s, prop, angle)
        alpha = gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[3]
        ink = f' fill="{self._colour(gc.get_rgb())}"' + (f' opacity="{_number(alpha, 2)}"' if alpha != 1 else "")
        clip = self._clip(gc)
        words = (self._formula if ismath else self._words)(x, y, s, prop, angle, ink, mtext)
        self._out.append(f"<g{clip}>{words}</g>" if clip else words)  # on the text itself it would turn along

    def _words(self, x, y, s, prop, angle, ink, text):
        anchor = ""
        if text is not None and text.get_ha() in _ANCHORS and (angle == 0 or text.get_rotation_mode() == "anchor"):
            x, y = self._anchor(x, y, angle, text)
            anchor = _ANCHORS[text.get_ha()]
        x, y = _number(x), _number(y)
        turn = f' transform="rotate({_number(-angle)} {x} {y})"' if angle else ""
        return f'<text x="{x}" y="{y}"{self._font(prop)}{anchor}{turn}{ink}>{_escaped(s)}</text>'

    def _anchor(self, x, y, angle, text):
        """Return the point of the base line that the text is centred on, or ends at: a browser's text is as wide."""
        there = text.get_transform().transform(text.get_unitless_position())
        along = np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
        return (x, y) + ((there[0] - x, self.height - there[1] - y) @ along) * along

    def _font(self, prop):
        return self._fonts.of(hash(prop), lambda: self._font_of(prop))

    def _font_of(self, prop):
        weight = weight_dict.get(prop.get_weight(), prop.get_weight())
        family = get_font(findfont(prop)).family_name
        return self._type(family, prop.get_size_in_points(), prop.get_style(), weight)

    def _type(self, family, size, style, weight):
        look = f' font-size="{_number(self.points_to_pixels(size), 2)}"'
        look += f' font-family="{family}"' if family != FONT else ""
        look += f' font-style="{style}"' if style != "normal" else ""
        return look + (f' font-weight="{weight}"' if weight != 400 else "")

    def _formula(self, x, y, s, prop, angle, ink, _):
        turn = f" rotate({_number(-angle)})" if angle else ""
        place = f"translate({_number(x)} {_number(y)}){turn}"
        return f'<g transform="{place}"{ink}>{self._glyphs(s, prop)}</g>'

    def _outlined(self, gc, x, y, s, prop, angle):
        letters, ink = Path(*self._text2path.get_text_path(prop, s, ismath=True)), self.new_gc()
        size = self.points_to_pixels(prop.get_size_in_points()) / self._text2path.FONT_SCALE
        ink.copy_properties(gc)
        ink.set_linewidth(0)
        place = Affine2D().scale(size).rotate_deg(angle).translate(x, self.height - y)
        self.draw_path(ink, letters, place, gc.get_rgb())

    def _glyphs(self, s, prop):
        return self._formulas.of((s, hash(prop)), lambda: self._glyphs_of(s, prop))

    def _glyphs_of(self, s, prop):
        """Return MathText as texts that say where each letter is, or None if the page's font lacks some."""
        _, _, _, glyphs, bars = self._text2path.mathtext_parser.parse(s, self.dpi, prop)[:5]
        runs = {}
        for font, size, code, *_, x, y in glyphs:  # since Matplotlib 3.11 there is the number of the glyph, too
            entry = ttfFontProperty(font)
            if entry.name != FONT:
                return None
            key = _number(-y), self._type(entry.name, size, entry.style, entry.weight)
            runs.setdefault(key, []).append((x, "\xa0" if code == 32 else chr(code)))
        texts = []
        for (y, look), run in runs.items():
            places, letters = zip(*sorted(run), strict=True)
            texts.append(f'<text y="{y}" x="{_numbers(places)}"{look}>{_escaped("".join(letters))}</text>')
        return "".join(texts) + "".join(_bar(*bar) for bar in bars)


class _Kept(dict):
    """What was made before, by what it was made from; of too many the oldest goes."""

    def __init__(self, most):
        self._most = most

    def of(self, key, make):
        if key not in self:
            if len(self) >= self._most:
                del self[next(iter(self))]
            self[key] = make()
        return self[key]


def _number(value, places=1):
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def _numbers(values, places=1):
    return " ".join(_number(value, places) for value in values)


def _bar(x, y, width, height):
    place = f'x="{_number(x)}" y="{_number(-y - height)}"'
    return f'<rect {place} width="{_number(width)}" height="{_number(height, 2)}"/>'


def _d(path, matrix, clip=None, simplify=False, sketch=None, places=1):
    """Return the ``d`` of a path."""
    d = _path.convert_to_string(path, matrix, clip, simplify, sketch, places, _COMMANDS, False)
    return (
        d.decode("ascii").replace(" \n", "").replace("\n", "").replace("M ", "M").replace("L ", "L").replace("C ", "C")
    )


def _is_far(path, matrix):
    """Whether a path has corners so far out of sight that a browser loses digits."""
    return len(path) > 0 and np.fmax.reduce(np.abs(_path.affine_transform(path.vertices, matrix)), axis=None) > 5 * _FAR


def _escaped(words):
    if "  " in words or words != words.strip():
        words = words.replace(" ", "\xa0")  # SVG would take several for one
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), (MARK, f"&#{ord(MARK)};")):
        words = words.replace(sign, code)
    return words


def _cap(path):
    """Return the line cap that looks like this path, or None."""
    if path.codes is not None and np.array_equal(path.codes, Path.unit_circle().codes):
        size = np.ptp(path.vertices, axis=0)
        return "round" if np.isclose(*size) else None
    corners = np.unique(path.vertices[:4], axis=0)
    upright = len(path.vertices) == 5 and len(corners) == 4 and len(np.unique(corners[:, 0])) == 2
    return "square" if upright and np.isclose(*np.ptp(corners, axis=0)) else None


def _apart(points, width):
    """Return the points in groups, in none of which two dots of this width overlap: where pale dots do, it is darker.

    A group has one point of every other cell of a grid, both ways.
    """
    cells = np.floor(points / width).astype(int)
    cell = cells @ (1, 1 << 20)
    order = np.argsort(cell, kind="stable")
    first = np.append(True, np.diff(cell[order]) != 0)
    places = np.arange(len(points))
    rank = np.empty_like(places)  # of each point in its cell
    rank[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    group = 4 * rank + cells % 2 @ (2, 1)
    order = np.argsort(group, kind="stable")
    return np.split(points[order], np.flatnonzero(np.diff(group[order])) + 1)


def _hatch_shape(path, size, width):
    """Return what is inside the pattern of a hatch, a path in the unit square."""
    circle = Path.unit_circle()
    matrix = np.array([[size, 0, 0], [0, -size, size], [0, 0, 1]])
    n, each = len(circle.codes), len(path.codes) // len(circle.codes)
    if each and np.array_equal(path.codes, np.tile(circle.codes, each)):
        discs = path.vertices.reshape(each, n, 2)
        across, middles = np.ptp(discs, axis=1), (discs.min(axis=1) + discs.max(axis=1)) / 2
        if np.allclose(across, across[0]):  # dots, and not rings; as curves they fill 90 kB
            d = "".join(f"M{_number(size * x)} {_number(size * (1 - y))}h0" for x, y in middles)
            return f'<path d="{d}" stroke-width="{_number(across[0, 0] * size + width, 2)}" stroke-linecap="round"/>'
    return f'<path d="{_d(path, matrix)}" stroke-width="{width:g}"/>'


def _png(pixels):
    """Return the address of an image that holds these pixels itself, RGBA."""
    out, image = io.BytesIO(), Image.fromarray(pixels)
    if np.all(pixels[..., 3] == 255):
        image = image.convert("RGB")
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
