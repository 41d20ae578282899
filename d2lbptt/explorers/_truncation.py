"""What does truncation throw away? The table of all pairs (t, k), what a scheme strikes out, and the error it makes."""

from functools import lru_cache
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ..bptt import backward
from ..figures._paper import picture
from ..figures._style import short
from ..figures._truncation import ROUNDING, _TruncationPicture
from ..gates import first_kept, randomized, scheme_options
from ..rnn import KINDS, Trace, forward, init_params
from ..truncation import pairs
from ._live import Explorer, within_T
from ._words import counted

__all__ = ["truncation"]


LONGEST, MOST_UNITS, DRAWS = 200, 16, 100
MEAN, NOISE, H0 = 0.5, 0.25, 0.5  # of the inputs; of each unit of h_0
CURVE = 1 - np.logspace(-3, np.log10(0.98), 40)[::-1]  # the pi of the curve
SCHEMES = {"full gradient": "full", "window": "window", "chunks": "chunks", "randomized": "randomized"}
PRESETS = {
    "fading memory": {"g": 1.1, "activation": "tanh", "kind": "orthogonal", "units": 8},
    "one linear unit": {"g": 0.9, "activation": "identity", "kind": "identity", "units": 1},
    "chaos": {"g": 3.0, "activation": "tanh", "kind": "gaussian", "units": 16},
}
OF_THE_NETWORK = ("T", "g", "activation", "kind", "units", "seed", "reduction")


class _Network(NamedTuple):
    """A network, and what can be said of it before a scheme is chosen.

    Attributes
    ----------
    trace, y
        Of the longest sequence that does not overflow.
    overflow : str
        What overflowed, or "".
    full : array, shape (h, h)
        dL/dW_hh of ``backward``.
    cells : PairTable
    sizes : array, shape (T, T)
    blocks : VarianceTerms
    r : float
        See ``pairs.growth_per_step``.
    curves : dict of str to pair of arrays
        For window, chunks and randomized: how many steps a loss reaches on average, and the relative error; of the
        randomized scheme the root mean square, exact.
    laws : dict of str to pair of arrays
        The same for window and chunks by ``pairs.geometric_law``.
    """

    trace: Trace
    y: np.ndarray
    overflow: str
    full: np.ndarray
    cells: pairs.PairTable
    sizes: np.ndarray
    blocks: pairs.VarianceTerms
    r: float
    curves: dict
    laws: dict


class _Draws(NamedTuple):
    """Randomized truncation, drawn many times; errors and components are in parts of |dL/dW_hh|.

    Attributes
    ----------
    gates : array, shape (n, T)
    kept, error, along : array, shape (n,)
        How many steps a loss reaches on average, relative error, and component along the gradient.
    spread, spread_along : float
        In theory: the root mean square of error, the standard deviation of along.
    """

    gates: np.ndarray
    kept: np.ndarray
    error: np.ndarray
    along: np.ndarray
    spread: float
    spread_along: float


class _Truncated(NamedTuple):
    """What the explorer shows; errors and components are in parts of |dL/dW_hh|.

    Attributes
    ----------
    network : Network
    scheme : str
    T, tau : int
        As shown; smaller than the sliders' where the gradient overflows.
    first : array, shape (T,)
        See ``gates.first_kept``.
    dropped, all : int
        How many cells.
    weights : array, shape (T, T)
        See ``pairs.pair_weights``.
    gradient : array, shape (h, h)
        The truncated one, of ``backward``.
    error, cosine, along : float
        Of that gradient: relative error, cosine and component along the full one.
    kept : float
        How many steps a loss reaches, on average.
    law : float
        The relative error by ``pairs.geometric_law``.
    apart : float
        How far this gradient is from the sum of the cells that are kept, times their weights.
    products, held : int
        How many times a vector goes through a Jacobian, and how many steps have to be in memory at a time.
    draw : int
    draws : Draws or None
    """

    network: _Network
    scheme: str
    T: int
    tau: int
    first: np.ndarray
    dropped: int
    all: int
    weights: np.ndarray
    gradient: np.ndarray
    error: float
    cosine: float
    along: float
    kept: float
    law: float
    apart: float
    products: int
    held: int
    draw: int
    draws: _Draws | None


def truncation():
    """Explore which cells (t, k) of the gradient a scheme of truncation drops, and what that does to the gradient.

    Returns
    -------
    Explorer
        With ``controls`` scheme, T, tau, pi, g, preset, draw (of the gates), activation, kind, units, reduction and
        seed.
    """
    return Explorer(
        name="truncation",
        question="What does truncation throw away?",
        controls=_controls(),
        more=["preset", "draw", "activation", "kind", "units", "reduction", "seed"],
        picture=picture(_TruncationPicture, 9.6, 4.4),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
        link=within_T("tau", then=_only_what_counts),
    )


def _controls():
    losses = [("at every step", "mean"), ("at the last step", "last")]
    return {
        "scheme": widgets.Dropdown(options=list(SCHEMES.items()), value="window", description="scheme"),
        "T": widgets.IntSlider(60, 1, LONGEST, description="length T"),
        "tau": widgets.IntSlider(10, 1, 60, description="steps τ"),
        "pi": widgets.FloatSlider(0.9, min=0.05, max=1, step=0.01, description="keep, π"),
        "g": widgets.FloatSlider(1.1, min=0, max=3, step=0.01, description="scale g"),
        "draw": widgets.IntSlider(0, 0, DRAWS - 1, description="draw"),
        "activation": widgets.Dropdown(options=["tanh", "identity", "relu", "sigmoid"], description="φ"),
        "kind": widgets.Dropdown(options=KINDS, value="orthogonal", description="W_hh"),
        "units": widgets.IntSlider(8, 1, MOST_UNITS, description="units"),
        "reduction": widgets.Dropdown(options=losses, description="loss"),
        "seed": widgets.IntSlider(0, 0, 99, description="seed"),
    }


def _only_what_counts(controls):
    scheme = controls["scheme"].value
    controls["tau"].disabled = scheme not in ("window", "chunks")
    controls["pi"].disabled = controls["draw"].disabled = scheme != "randomized"


def _compute(values):
    """Return the Truncated for the values of the controls."""
    network, scheme, last = _network(*map(values.get, OF_THE_NETWORK)), values["scheme"], values["reduction"] == "last"
    T, draws = len(network.y), None
    tau, losses = min(values["tau"], T), slice(T - 1 if last else None, None)
    if scheme == "randomized":
        draws = _draws(values["pi"], *map(values.get, OF_THE_NETWORK))
        how = {"gates": draws.gates[values["draw"]]}
    else:
        how = scheme_options(scheme, T, tau=tau)
    first = first_kept(T, **how)
    found = backward(network.trace, network.y, reduction=values["reduction"], **how).W_hh
    weights = pairs.pair_weights(first, 1.0 if draws is None else values["pi"])
    if last:
        weights[:-1] = 0  # no cell of these rows is in sight, so none weighs
    steps = np.arange(1, T + 1)
    part, full = (gradient / (network.cells.norm or 1.0) for gradient in (found, network.full))
    return _Truncated(
        network=network,
        scheme=scheme,
        T=T,
        tau=tau,
        first=first,
        dropped=int((first - 1)[losses].sum()),
        all=int(steps[losses].sum()),
        weights=weights,
        gradient=found,
        error=float(np.linalg.norm(part - full)),
        cosine=_cosine(part, full),
        along=float(np.sum(part * full)),
        kept=float(_mean_reach(first, last)),
        law=float(pairs.geometric_law(network.r, first, last=last)),
        apart=float(np.linalg.norm(part - network.cells.weighted_sum(weights))),
        products=pairs.jacobian_products(first, shared=scheme != "window", last=last),
        held=int((steps - first + 1)[losses].max()),
        draw=values["draw"],
        draws=draws,
    )


def _cosine(a, b):
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    return float(np.sum((a / sizes[0]) * (b / sizes[1]))) if all(sizes) else np.nan


@lru_cache(4)
def _network(T, g, activation, kind, units, seed, reduction):
    params = init_params(1, units, 1, scale=g, kind=kind, seed=seed)
    x = MEAN + NOISE * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    trace, y, full, overflow = _longest_run(params, x, activation, reduction)
    T, last = len(y), reduction == "last"
    cells, r = pairs.pair_table(trace, y, reduction=reduction), pairs.growth_per_step(trace, y)
    blocks = pairs.variance_terms(cells)
    curves, laws = {}, {}
    for scheme, (first, kept) in _reaches(T, last).items():
        curves[scheme] = kept, np.linalg.norm(cells.truncation_error(first), axis=(1, 2))
        laws[scheme] = kept, pairs.geometric_law(r, first, last=last)
    kept = np.cumsum(CURVE[:, None] ** np.arange(T), axis=1)  # of the loss of each step, see variance.steps_kept
    curves["randomized"] = kept[:, -1] if last else kept.mean(1), np.sqrt([blocks.variance(pi)[0] for pi in CURVE])
    return _Network(trace, y, overflow, full, cells, cells.norms, blocks, r, curves, laws)


@lru_cache(4)
def _reaches(T, last):
    """Return for window and chunks, tau = 1 .. T: first_kept, (T, T), and how many steps a loss reaches, on average."""
    reaches = {}
    for scheme in ("window", "chunks"):
        options = (scheme_options(scheme, T, tau=tau) for tau in range(1, T + 1))
        first = np.array([first_kept(T, **how) for how in options])
        reaches[scheme] = first, _mean_reach(first, last)
    return reaches


def _mean_reach(first, last):
    reach = np.arange(1, first.shape[-1] + 1) - first + 1
    return reach[..., -1] if last else reach.mean(-1)


def _longest_run(params, x, activation, reduction):
    """Return trace, y and gradient of the longest run (about) that does not overflow, and what overflowed."""
    T, overflow = len(x), ""
    while True:
        y = np.ones((T, 1))
        try:
            trace = forward(params, x[:T], h0=np.full(len(params.W_hh), H0), activation=activation)
            return trace, y, backward(trace, y, reduction=reduction).W_hh, overflow
        except FloatingPointError as error:
            overflow, T = overflow or str(error), int(0.98 * T)


@lru_cache(4)
def _draws(pi, *of_the_network):
    network = _network(*of_the_network)
    T, seed, reduction = len(network.y), of_the_network[-2], of_the_network[-1]
    rng = np.random.default_rng((seed, 2))
    gates = np.array([randomized(T, pi, rng) for _ in range(DRAWS)])
    found = pairs.drawn_gradients(network.trace, network.y, gates, reduction=reduction) / (network.cells.norm or 1.0)
    full = network.full / (network.cells.norm or 1.0)
    whole, along = network.blocks.variance(pi)
    return _Draws(
        gates=gates,
        kept=_mean_reach(first_kept(T, gates=gates), reduction == "last"),
        error=np.linalg.norm(found - full, axis=(1, 2)),
        along=np.sum(found * full, axis=(1, 2)),
        spread=np.sqrt(whole),
        spread_along=np.sqrt(along),
    )


def _describe(values, data):
    """Return the sentence that says what is seen."""
    T, losses = data.T, ", loss at the last step" if values["reduction"] == "last" else ""
    words = [f"{data.network.overflow}, so T = {T} is shown."] if data.network.overflow else []
    if not data.network.cells.norm:
        return " ".join([*words, f"T = {T}{losses}: dL/dW_hh is exactly 0 here, so there is nothing to throw away."])
    name = {"window": f"window τ = {data.tau}", "chunks": f"chunks of τ = {data.tau}", "full": "full gradient"}
    name["randomized"] = f"randomized, π = {values['pi']:.2f}, draw {data.draw}"
    words.append(f"T = {T}{losses}, {name[data.scheme]}: {data.dropped} of {counted(data.all, 'cell')} dropped.")
    words.append(_error(data) if data.draws is None else _chance(data, values["pi"]))
    return " ".join([*words, _cost(data)])


def _error(data):
    if not data.dropped:
        return f"All cells together are the gradient of BPTT, {_to_rounding(data.apart)}."
    if data.error < ROUNDING:
        return "What they hold is 0 to rounding."
    law = f"by the law r^(t-k), r = {short(data.network.r)}, it would be {_percent(data.law)}"
    cosine = f" (cosine {data.cosine:.4f})" if np.isfinite(data.cosine) else ""
    return f"They are the error: {_percent(data.error)} of the gradient{cosine}; {law}."


def _chance(data, pi):
    if pi == 1:
        return f"No arrow is cut, and every draw is the full gradient, {_to_rounding(data.apart)}."
    draws, mean, spread = data.draws, short(data.draws.along.mean().round(4), 4), data.draws.along.std()
    theory = short(draws.spread_along) if np.isfinite(draws.spread_along) else "beyond float64"
    rare = " (what lacks comes from draws too rare to be among these)" if spread < draws.spread_along / 2 else ""
    return (
        f"Those kept weigh up to {short(data.weights.max())}, and the error is {_percent(data.error)}. "
        f"Of {DRAWS} draws the component along the full gradient is {mean} on average, spread {short(spread)}; "
        f"theory: 1 and {theory}{rare}."
    )


def _cost(data):
    full, held = data.T - 1, f"holds {data.held} of {counted(data.T, 'step')} in memory"
    takes = f"It takes {counted(data.products, 'product')} with a Jacobian"
    if data.products == full:
        return f"{takes}, as the full gradient does, and {held}."
    if data.products > full:
        return f"{takes}, because each loss goes back by itself (the full gradient {full}), and {held}."
    return f"{takes} (the full gradient {full}) and {held}."


def _to_rounding(apart):
    return f"apart by {apart:.0e} of it" if apart else "to the last digit"


def _percent(part):
    if part < ROUNDING:
        return "0 to rounding"
    return f"{short(100 * part)} %" if part < 1e3 else f"{part:.1e} times"


def _as_python(values, data):
    """Return lines to paste that give the same numbers."""
    how = _SCHEME[data.scheme] + _ERROR + (_COSINE if np.isfinite(data.cosine) else "")
    how += _DRAWS if data.scheme == "randomized" else _LAW
    return (_LINES + (how if data.network.cells.norm else _NOTHING)).format(
        MEAN=MEAN,
        NOISE=NOISE,
        H0=H0,
        DRAWS=DRAWS,
        last=values["reduction"] == "last",
        **values | {"T": data.T, "tau": data.tau},
    )


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt import gates
from d2lbptt.truncation import pairs

params = bptt.init_params(1, {units}, 1, scale={g}, kind="{kind}", seed={seed})
x = {MEAN} + {NOISE} * np.random.default_rng(({seed}, 1)).normal(size=({T}, 1))
y = np.ones(({T}, 1))
trace = bptt.forward(params, x, h0=np.full({units}, {H0}), activation="{activation}")
cells = pairs.pair_table(trace, y, reduction="{reduction}")  # relative to |dL/dW_hh|, cells.norm
full = bptt.backward(trace, y, reduction="{reduction}").W_hh / (cells.norm or 1)
"""
_SCHEME = {
    "full": "how = {{}}\n",
    "window": "how = dict(window={tau})\n",
    "chunks": "how = dict(gates=bptt.chunks({T}, {tau}))\n",
    "randomized": """\
rng = np.random.default_rng(({seed}, 2))
gates = np.array([bptt.randomized({T}, {pi}, rng) for _ in range({DRAWS})])
how = dict(gates=gates[{draw}])
""",
}
_NOTHING = "print(cells.norm)\n"
_ERROR = """\
part = bptt.backward(trace, y, reduction="{reduction}", **how).W_hh / cells.norm
print(f"relative error {{np.linalg.norm(part - full):.6g}}")
"""
_COSINE = """\
print(f"cosine {{np.sum(part * full) / np.linalg.norm(part) / np.linalg.norm(full):.6f}}")
"""
_LAW = """\
r, first = pairs.growth_per_step(trace, y), gates.first_kept({T}, **how)
print(f"by the law {{pairs.geometric_law(r, first, last={last}):.6g}}")
"""
_DRAWS = """\
draws = pairs.drawn_gradients(trace, y, gates, reduction="{reduction}") / cells.norm
along, theory = np.tensordot(draws, full), pairs.variance_terms(cells).variance({pi})[1] ** 0.5
print(f"along the gradient {{along.mean():.6g}}, spread {{along.std():.6g}}, in theory {{theory:.6g}}")
"""
