"""A picture with a text alternative. Oracles: a parser of HTML, and pyplot's own list of figures."""

import base64
import io
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest
from loops import for_each
from matplotlib.figure import Figure
from PIL import Image

from d2lbptt import figures

WORDS = r"The curve <falls> at $\tau = 3$ & stays there."
PLAIN = "The curve <falls> at τ = 3 & stays there."


class Page(HTMLParser):
    """The attributes of the image, and what is said under it."""

    def __init__(self, text):
        super().__init__()
        self.said, self.image = "", {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.image = dict(attributes)

    def handle_data(self, data):
        self.said += data


@pytest.fixture
def agg():
    before = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def test_every_form_has_the_words(agg):
    figure, ax = plt.subplots(figsize=(3, 2))
    shown = figures.described(ax, WORDS)
    forms, metadata = shown._repr_mimebundle_()
    assert set(forms) == {"image/png", "text/html", "text/markdown", "text/plain"}
    assert forms["text/plain"] == metadata["image/png"]["alt"] == str(shown) == PLAIN
    assert forms["text/markdown"] == WORDS
    page = Page(forms["text/html"])
    assert page.image["alt"] == page.said == PLAIN
    assert page.image["src"] == "data:image/png;base64," + forms["image/png"]
    assert Image.open(io.BytesIO(base64.b64decode(forms["image/png"]))).width > 100
    assert shown.figure is figure


def test_pyplot_does_not_show_the_figure_again(agg):
    _, axes = plt.subplots(1, 2)
    other = plt.figure()
    figures.described(axes, "Two frames.")
    assert plt.get_fignums() == [other.number]


def test_axes_of_a_part_of_a_figure_show_the_whole():
    figure = Figure()
    ax = figure.subfigures(1, 2)[0].subplots()
    assert figures.described([ax], "A frame.").figure is figure


def test_the_words_may_stand_on_several_lines():
    assert str(figures.described(Figure().add_subplot(), "  A frame,\n    and nothing in it.\n")) == (
        "A frame, and nothing in it."
    )


@for_each("ax", [[], [None], object(), Figure()])
def test_what_is_no_axes_is_refused(ax):
    with pytest.raises(TypeError, match=r"ax is .*, wanted Matplotlib's Axes, one or several"):
        figures.described(ax, "A frame.")


def test_two_figures_are_refused():
    with pytest.raises(ValueError, match="ax lies in 2 figures, wanted Axes of one"):
        figures.described([Figure().add_subplot(), Figure().add_subplot()], "A frame.")


def test_words_are_needed():
    with pytest.raises(ValueError, match="words is empty, wanted a sentence that says what is seen"):
        figures.described(Figure().add_subplot(), " \n")
    with pytest.raises(TypeError, match="words is a int, wanted text"):
        figures.described(Figure().add_subplot(), 3)
