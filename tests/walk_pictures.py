"""The walk through the pictures, but for those of training (walk_text.py), and the explorers."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from walk import Spec, choice, flag, fresh, never, number, optional, shaped, whole

import d2lbptt as bptt
from d2lbptt import experiments, explorers, figures, gates, graph, scalar
from d2lbptt.checking import step_size
from d2lbptt.explorers.front_end import Explorer
from d2lbptt.figures._strategies import NAMES
from d2lbptt.growth import cliff
from d2lbptt.text.corpus import Text
from d2lbptt.truncation import influence
from d2lbptt.truncation.randomized_variance import trade

T = 6
PARAMS = bptt.init_params(1, 3, 1, seed=1)
X = np.random.default_rng(0).normal(size=(T, 1))
TRACE = bptt.forward(PARAMS, X, activation="tanh")
FULL = np.linspace(-4.0, 0.0, T)
SHARES = np.tril(np.full((T, T), 2.0 / T / (T + 1)))
FIRST = gates.first_kept(T, window=2)
CUTS = dict.fromkeys(NAMES, FIRST)


def axes(**look):
    """New Axes on a figure of their own."""
    figure = Figure(figsize=(9.6, 4.4), dpi=100, **look)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.12, 0.16, 0.54, 0.78))


_last = []  # the Axes, and how much is on them


def unused():
    """New Axes, or those of the last call if it has drawn nothing: to make some takes longer than to refuse a value."""
    if not _last or len(_last[0].get_children()) != _last[1]:
        ax = axes()
        _last[:] = ax, len(ax.get_children())
    return _last[0]


def pair():
    """Two Axes side by side."""
    figure = Figure(figsize=(9.6, 4.4), dpi=100)
    FigureCanvasAgg(figure)
    return tuple(figure.subplots(1, 2, sharex=True, sharey=True))


def draws_on(name):
    """Whether the function gives back the Axes it was given, on which all can be drawn."""

    def returns(found, given):
        for ax in np.atleast_1d(given[name]):
            ax.figure.canvas.draw()
        return found is given[name]

    return returns


def picture(function, good, legal, ax="ax", **more):
    """The Spec of a function that draws; each call has Axes on which nothing is drawn."""
    make = pair if ax == "axes" else unused
    return Spec(function, {ax: fresh(make), **good}, {ax: never, **legal}, draws_on(ax), more)


def explorer(function, good=None, legal=None, **more):
    return Spec(
        function,
        good or {},
        legal or {},
        lambda found, given: isinstance(found, Explorer) and found.error is None,
        more,
    )


STEP_SIZES = step_size.step_sizes(PARAMS, X, TRACE.o + 1, np.logspace(-12, -1, 23))
RNN_WALK = len(graph.computational_graph(3).walk())
SPECS = {
    "figures.backward_table": picture(
        figures.backward_table,
        {"table": scalar.scalar_rnn(0.9, 0.5, [1.0, 2.0, 3.0], [0.0, 1.0, 0.0]), "filled": 2},
        {"table": never, "filled": optional(whole(0, 3))},
    ),
    "figures.pair_table": picture(
        figures.pair_table,
        {"sizes": SHARES, "first": FIRST, "weights": np.ones((T, T))},
        {"sizes": never, "first": never, "weights": optional(never)},
        sizes=("sizes", "first"),
    ),
    "figures.schemes": picture(figures.schemes, {"data": experiments.schemes()}, {"data": never}),
    "figures.memory": picture(figures.memory, {"data": experiments.memory([20, 40], 1, 2, 10)}, {"data": never}),
    "figures.cliff": picture(figures.cliff, {"data": cliff.cut(5.0, -2.6)}, {"data": never}),
    "figures.computational_graph": picture(
        figures.computational_graph,
        {"graph": graph.computational_graph(3), "walked": 5, "weight": "W_hh"},
        {"graph": never, "walked": optional(whole(0, RNN_WALK)), "weight": optional(choice("W_hx", "W_hh", "W_qh"))},
    ),
    "figures.described": Spec(
        figures.described,
        {"ax": fresh(axes), "words": "An empty frame."},
        {"ax": never, "words": lambda value: isinstance(value, str) and bool(value.strip())},
        lambda found, given: found._repr_mimebundle_()[1]["image/png"]["alt"] == str(found),
    ),
    "figures.distances": picture(
        figures.distances,
        {"runs": {"calm": (np.geomspace(1e-8, 1e-9, T), np.geomspace(1e-8, 1e-9, T))}},
        {"runs": never},
    ),
    "figures.eigenvalues": picture(
        figures.eigenvalues, {"values": np.array([0.5 + 0.5j, 0.5 - 0.5j])}, {"values": shaped(None, dtypes="iufc")}
    ),
    "figures.errors": Spec(
        figures.errors,
        {"report": bptt.check_gradients(PARAMS, X, TRACE.o + 1, activation="tanh")},
        {"report": never},
        lambda found, given: found._repr_png_()[1:4] == b"PNG",
    ),
    "figures.gradient_flow": picture(
        figures.gradient_flow,
        {
            "full": FULL,
            "truncated": FULL,
            "tau": 3,
            "steps": np.arange(1, T + 1),
            "theory": FULL,
            "bound": FULL + 1,
            "every_step": False,
            "decades": 10,
        },
        {
            "full": never,  # beside the other arguments, of T = 6
            "truncated": optional(never),
            "tau": optional(whole(1, 10**9)),
            "steps": optional(never),
            "theory": optional(never),
            "bound": optional(never),
            "every_step": flag,
            "decades": optional(whole(1, 10**7)),
        },
        full=("full", "theory", "bound", "steps"),
        steps=("steps", "truncated"),
    ),
    "figures.fresh_or_repeated": picture(
        figures.fresh_or_repeated,
        {"data": experiments.fresh_or_repeated(n=4, K=5, samples=8)},
        {"data": never},
        ax="axes",
    ),
    "figures.seen_by_span": picture(
        figures.seen_by_span,
        {"window": np.linspace(-1, 1, 5), "chunks": np.linspace(-2, 1, 5), "observed": influence.Spans(2, 3)},
        {"window": never, "chunks": never, "observed": never},
    ),
    "figures.trajectories": picture(
        figures.trajectories,
        {"runs": {"full": np.linspace(0, 1, T)}, "solution": 1.0},
        {"runs": never, "solution": number(-1e300, 1e300)},
    ),
    "figures.lost_slope": picture(figures.lost_slope, {"data": experiments.lost_slope()}, {"data": never}),
    "figures.phase_diagram": picture(
        figures.phase_diagram,
        {"scales": np.array([0.5, 1.0, 1.5]), "by_lag": np.array([-1.0, 0, 1])[:, None] * np.arange(T), "theory": None},
        {"scales": never, "by_lag": never, "theory": optional(never)},
        scales=("scales", "by_lag"),
    ),
    "figures.powers": picture(figures.powers, {"data": experiments.powers()}, {"data": never}),
    "figures.product_spectrum": picture(
        figures.product_spectrum, {"data": experiments.product_spectrum(20)}, {"data": never}
    ),
    "figures.gated": picture(figures.gated, {"data": experiments.gated(8, units=4, inputs=4)}, {"data": never}),
    "figures.remedies": picture(
        figures.remedies,
        {"found": {"lstm": experiments.remedies(8, tau=3, units=4, inputs=4).lstm}, "names": None},
        {"found": never, "names": lambda value: value is None or (isinstance(value, dict) and not value)},
    ),
    "figures.pairs": picture(
        figures.pairs,
        {"shares": SHARES},
        {"shares": lambda value: shaped(2, 2)(value) and np.abs(value).max() <= 1e300},
    ),
    "figures.step_size": picture(
        figures.step_size,
        {"sizes": STEP_SIZES, "method": "central", "h": None},
        {"sizes": never, "method": choice("forward", "central", "complex"), "h": optional(never)},
    ),
    "figures.strategies": picture(
        figures.strategies,
        {"text": "abcdef", "first": CUTS, "t": 4, "mean_reach": 2.5},
        {"text": never, "first": never, "t": whole(1, T), "mean_reach": optional(number(0, 4))},
        text=("text", "first"),
    ),
    "figures.transient": picture(figures.transient, {"data": experiments.transient()}, {"data": never}),
    "figures.variance": picture(
        figures.variance, {"runs": {"pi = 0.9": (np.geomspace(1, 9, T), np.geomspace(1, 9, T))}}, {"runs": never}
    ),
    "figures.trade": picture(figures.trade, {"data": trade(np.full(50, 0.5), 0.9)}, {"data": never}),
    **{
        f"explorers.{name}": explorer(getattr(explorers, name))
        for name in explorers.__all__
        if name not in ("gradient_flow", "strategies")
    },
    "explorers.gradient_flow": explorer(
        explorers.gradient_flow,
        {"params": PARAMS, "x": X, "y": np.ones((T, 1)), "h0": np.zeros(3), "activation": "tanh"},
        {
            "params": never,
            "x": never,
            "y": optional(never),
            "h0": optional(shaped(3)),
            "activation": choice("tanh", "identity", "sigmoid", "relu"),
        },
    ),
    "explorers.strategies": explorer(
        explorers.strategies,
        {"text": Text("time", "here")},
        {"text": lambda value: value is None or (isinstance(value, str) and value != "")},
    ),
}
