"""What moves in a picture: the rule by which a panel knows its artists. Oracle: the artists, set by hand."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from d2lbptt.figures._panels import Panel, Picture, Words, above, box, line


class Curves(Panel):
    def __init__(self, ax):
        super().__init__(ax)
        self.band = ax.axvspan(0, 1)
        self._still = line(ax, {"color": "black"})
        self.lines = {"a": line(ax, {"color": "red"}), "b": line(ax, {"color": "blue"})}
        self.rows = [(ax.text(0, 0, "one"), ax.text(0, 0, "two"))]
        self.words = Words(ax, 2)
        self.limit, self.name = 3.0, "a number and a word are no artists"


def axes():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.add_axes((0.1, 0.1, 0.8, 0.8))


def test_what_is_set_moves_in_its_order_and_what_has_an_underscore_stands_still():
    curves = Curves(axes())
    wanted = [curves.band, *curves.lines.values(), *curves.rows[0], *curves.words.texts]
    assert curves.artists == wanted and len(set(map(id, wanted))) == 7
    assert curves._still in curves.ax.lines


def test_a_picture_has_the_artists_of_its_panels_and_its_own():
    class Two(Picture):
        def __init__(self, figure):
            super().__init__(figure)
            self.left, self.right = (Curves(figure.add_axes((x, 0.1, 0.4, 0.8))) for x in (0.05, 0.55))
            self.title = self.write(0.5, 0.95, "title", color="red")

    figure = Figure()
    FigureCanvasAgg(figure)
    two = Two(figure)
    assert two.artists == [*two.left.artists, *two.right.artists, two.title]
    assert two.title.axes is figure.axes[0] and two.title.get_transform() == figure.transFigure


def test_words_say_something_else_or_nothing():
    words = Words(axes(), 3, color="red")
    words.show([(1, 2, "one"), (3, 4, "two"), (5, 6, "")])
    assert [(*text.get_position(), text.get_text()) for text in words.texts[:2]] == [(1, 2, "one"), (3, 4, "two")]
    assert [text.get_visible() for text in words.texts] == [True, True, False]
    words.show([(1, 2, "again")])
    assert [text.get_visible() for text in words.texts] == [True, False, False]


def test_a_line_has_no_points_yet_and_a_box_has_its_corners():
    drawn = line(axes(), {"color": "red", "linewidth": 3}, linewidth=1)
    assert not len(drawn.get_xdata()) and drawn.get_color() == "red" and drawn.get_linewidth() == 1
    assert box(1, 2, 3, 4) == [(1, 2), (4, 2), (4, 6), (1, 6)]


def test_words_above_the_axes_stand_as_high_over_axes_of_any_size():
    for size in ((4, 3), (9, 8)):
        ax = Figure(figsize=size, dpi=100).add_axes((0.2, 0.1, 0.6, 0.5))
        FigureCanvasAgg(ax.figure)
        left, right = above(ax, 0, "left"), above(ax, 1, "right", right=True)
        boxes, frame = [text.get_window_extent() for text in (left, right)], ax.get_window_extent()
        assert abs(boxes[0].x0 - frame.x0) < 2 and abs(boxes[1].x1 - frame.x1) < 2
        heights = [(box.y0 + box.y1) / 2 - frame.y1 for box in boxes]
        assert abs(heights[0] - 12 / 0.72) < 3 and abs(heights[1] - 32 / 0.72) < 3
