"""The reader's rcParams do not reach our pictures, and ours do not reach theirs."""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import walk_pictures
import walk_text
from loops import for_each
from matplotlib import style as styles
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from d2lbptt import explorers, figures

SPECS = walk_text.SPECS | walk_pictures.SPECS
DRAWING = {
    key: spec for key, spec in SPECS.items() if key.startswith("figures") and key[8:] not in ("errors", "described")
}
FONT = {"font.size": 30, "axes.labelsize": 30, "xtick.labelsize": 30, "font.family": "monospace"}
HOSTILE = {
    "usetex": {"text.usetex": True, "axes.unicode_minus": True},
    "layout": {"figure.autolayout": True},
    "constrained": {"figure.constrained_layout.use": True},
    "type": FONT
    | {"mathtext.fontset": "stix", "axes.titlesize": 40, "text.color": "red", "axes.titlelocation": "left"},
    "frame": {
        "axes.linewidth": 6,
        "axes.grid": True,
        "grid.linewidth": 5,
        "xtick.direction": "in",
        "ytick.major.width": 6,
        "xtick.minor.visible": True,
        "ytick.right": True,
        "axes.spines.left": False,
        "axes.labelpad": 30,
        "axes.formatter.use_mathtext": True,
    },
    "lines": {
        "lines.linewidth": 9,
        "lines.marker": "x",
        "axes.prop_cycle": matplotlib.cycler(color=["red"], marker=["x"]),
        "patch.linewidth": 9,
        "hatch.linewidth": 5,
        "image.cmap": "hot",
        "image.origin": "lower",
        "axes.xmargin": 0.4,
        "axes.autolimit_mode": "round_numbers",
        "lines.dashed_pattern": (1, 1),
        "lines.scale_dashes": False,
        "path.sketch": (9, 50, 2),
    },
}
WEIGHT = {
    "font.weight": "bold",
    "axes.labelweight": "bold",
}  # on the readers' Axes, mathematics takes theirs when drawn
DARK = dict(styles.library["dark_background"])
EXPLORERS = sorted(set(explorers.__all__) - {"phase_diagram"})  # that one takes a second


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def drawn(spec, rc):
    """A picture on Axes that were made, drawn on and shown under these rcParams."""
    with matplotlib.rc_context(rc):
        figure = Figure(figsize=(9.6, 4.4), dpi=100)
        FigureCanvasAgg(figure)
        figure.set_layout_engine("none")  # the reader's layout of the reader's figure is the reader's
        if "axes" in spec.good:
            given = {"axes": tuple(figure.add_axes((0.1 + 0.45 * i, 0.2, 0.35, 0.7)) for i in range(2))}
        else:
            given = {"ax": figure.add_axes((0.14, 0.16, 0.5, 0.7))}  # with room for words above
        spec.function(**spec.good | given)
        return figure, pixels(figure)


@pytest.mark.slow
@pytest.mark.parametrize("key", DRAWING)
def test_pictures_on_the_readers_axes_look_the_same_under_any_settings(key):
    _, usual = drawn(DRAWING[key], {})
    for name, rc in HOSTILE.items():
        _, found = drawn(DRAWING[key], rc)
        assert np.mean(np.abs(found - usual).max(-1) > 40) < 3e-4, name


def test_the_settings_are_hostile():
    """Without us they change a picture."""
    for name, rc in HOSTILE.items():
        if name in ("usetex", "layout", "constrained"):  # the first needs TeX; the others are the figure's
            continue
        found = []
        for settings in ({}, rc):
            with matplotlib.rc_context(settings):
                figure = Figure()
                ax = figure.add_axes((0.3, 0.3, 0.5, 0.5))
                ax.plot([1, 3, 2])
                ax.imshow([[1, 2], [3, 4]])
                ax.set_title("$x^2$")
                found.append(pixels(figure))
        assert np.mean(np.abs(found[0] - found[1]).max(-1) > 40) > 1e-3, name


ALL = WEIGHT | {key: value for name, rc in HOSTILE.items() if name != "constrained" for key, value in rc.items()}


MADE_UP = re.compile(rb"\b[a-zC]+[0-9a-f]{10}\b")  # names inside a file, by chance


def looks(explorer):
    """The two files, and all that the page shows of it, wide and narrow."""
    found = [MADE_UP.sub(b"", explorer.save("svg").read_bytes()), explorer.save("png").read_bytes()]
    for narrow in (False, True):
        explorer.arrange(narrow)
        assert explorer.error is None
        found += [explorer.background, explorer.answer]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPLORERS)
def test_explorers_look_the_same_under_any_settings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = looks(getattr(explorers, name)())
    with matplotlib.rc_context(DARK | ALL):
        explorer, before = getattr(explorers, name)(), dict(matplotlib.rcParams)
        assert looks(explorer) == usual
        assert dict(matplotlib.rcParams) == before


def test_the_picture_of_errors_looks_the_same_under_any_settings():
    spec = walk_pictures.SPECS["figures.errors"]
    usual = spec.function(**spec.good)._repr_png_()
    for rc in (DARK, ALL):
        with matplotlib.rc_context(rc):
            picture = spec.function(**spec.good)
            assert picture._repr_png_() == usual


@pytest.mark.slow
@for_each("key", DRAWING)
def test_the_readers_settings_come_back(key):
    spec = DRAWING[key]
    with matplotlib.rc_context(DARK | FONT):
        before = dict(matplotlib.rcParams)
        drawn(spec, {})
        assert dict(matplotlib.rcParams) == before
        with pytest.raises(TypeError):
            spec.function(**{name: object() for name in spec.good})
        assert dict(matplotlib.rcParams) == before


# --- on dark paper ---


def luminance(colour):
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgba(colour)[:3])
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    """Of two colours by the Web Content Accessibility Guidelines: from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def contrasts(figure, paper):
    """Of every text that is seen against its box or the paper, and of every line against the paper."""
    for ax in [child for parent in figure.axes for child in (parent, *parent.child_axes)]:
        for artist in ax.findobj(lambda a: a.get_visible()):
            if isinstance(artist, Text) and artist.get_text().strip():
                box = artist.get_bbox_patch()
                face = box.get_facecolor() if box is not None and box.get_alpha() != 0 else paper
                yield artist.get_text(), contrast(artist.get_color(), face)
            elif isinstance(artist, matplotlib.lines.Line2D) and len(artist.get_xdata()) > 1:
                yield "a line", contrast(artist.get_color(), paper)


@pytest.mark.slow
@for_each("key", DRAWING)
def test_on_a_dark_background_every_word_and_line_can_be_read(key):
    with matplotlib.rc_context(DARK):
        figure, found = drawn(DRAWING[key], DARK)
        assert all(ax.get_facecolor() == to_rgba("black") for ax in figure.axes)
        dark = list(contrasts(figure, "black"))
    light = list(contrasts(drawn(DRAWING[key], {})[0], "white"))
    assert len(dark) == len(light) > 0
    assert all(one >= min(3, 0.8 * other) for (_, one), (_, other) in zip(dark, light, strict=True)), dark
    assert found.mean() < 128


def test_a_dark_picture_leaves_what_the_reader_drew():
    with matplotlib.rc_context(DARK):
        ax = Figure().add_subplot()
        line, text = ax.plot([1, 2], [3, 4], color="#123456")[0], ax.text(0, 0, "mine", color="#654321")
        figures.eigenvalues(ax, np.array([1.0, 0.5]))
        assert line.get_color() == "#123456" and text.get_color() == "#654321"


# --- without docstrings and asserts ---


@pytest.mark.slow
def test_pictures_and_explorers_work_without_docstrings():
    """python -OO: one picture of each kind, and every explorer but the one that takes a second."""
    source = f"""
import numpy as np
from matplotlib.figure import Figure
from d2lbptt import explorers, figures

assert False, "asserts are off"
figures.eigenvalues(Figure().add_subplot(), np.array([0.5, 1.0])).figure.canvas.draw()
for name in {EXPLORERS}:
    explorer = getattr(explorers, name)()
    if explorer.error is not None:
        raise explorer.error
print("done")
"""
    command = [sys.executable, "-OO", "-c", source]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "done\n"
