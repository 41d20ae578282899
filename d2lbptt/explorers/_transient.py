"""Can a gradient grow although every eigenvalue is below 1? Two units, whose W_hh is not normal (9.7.14, 9.7.15)."""

import itertools
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from .._cache import cached
from ..figures import _style as style
from ..figures._paper import picture
from ..figures._transient import _TransientPicture
from ..growth.gradient_norms import log10_gradient_norms
from ..growth.spectra import departure_from_normality
from ..laws import log10_bound, triangle
from ..rnn import Params, forward
from ._live import Explorer, within_T
from ._words import ratio as in_words

__all__ = ["transient"]


LONGEST = 1000
FAR = 4000  # steps: no transient of these sliders lasts as long
PRESETS = {
    "grows 100-fold first": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "identity"},
    "normal: no transient": {"rho": 0.95, "gap": 0.1, "c": 0.0, "T": 200, "k": 10, "activation": "identity"},
    "one eigenvector only": {"rho": 0.95, "gap": 0.0, "c": 5.0, "T": 200, "k": 20, "activation": "identity"},
    "tanh stops it": {"rho": 0.95, "gap": 0.1, "c": 25.0, "T": 200, "k": 10, "activation": "tanh"},
}


class _Transient(NamedTuple):
    """What the explorer shows; sizes are log10, entry k for k steps back.

    Attributes
    ----------
    T, k : int
        The length of the sequence, and the steps back of the ellipse, 0 .. T - 1.
    norms, law : array, shape (T,)
        |W^k|, the worst gradient: by multiplication, and in closed form.
    gradient : array, shape (T,)
        |dL/dh_{T-k}| / |dL/dh_T| of the network, the loss at step T alone.
    radius, limit, bound : array, shape (T,)
        rho^k, kappa rho^k (inf where W has one eigenvector only) and sigma_max^k.
    directions, sizes : array, shape (M,)
        The angle of dL/dh_T, once round, and |(W^T)^k dL/dh_T| / |dL/dh_T| for the k above.
    v : array, shape (2,)
        dL/dh_T, of length 1.
    eigenvectors : array, shape (2, 2)
        Of W^T, one in each row.
    angle : float
        Between them, in degrees; 0 if there is one only.
    departure : float
        From normality, 0 to 1.
    peak, below : int or None
        By the closed form, for any k: where |W^k| is largest, and the first k from which it stays below 1.
        None where there is none.
    activation : str
    """

    T: int
    k: int
    norms: np.ndarray
    law: np.ndarray
    gradient: np.ndarray
    radius: np.ndarray
    limit: np.ndarray
    bound: np.ndarray
    directions: np.ndarray
    sizes: np.ndarray
    v: np.ndarray
    eigenvectors: np.ndarray
    angle: float
    departure: float
    peak: int | None
    below: int | None
    activation: str


def transient():
    """Explore how far the powers of a 2 x 2 matrix grow before its eigenvalues have their way.

    Returns
    -------
    Explorer
        With ``controls`` preset, rho, c (W = [[rho, c], [0, rho - gap]]), T, k, gap, activation, seed (of dL/dh_T) and
        input (standard deviation, for tanh).
    """
    return Explorer(
        name="transient",
        question="Can a gradient grow although every eigenvalue is below 1?",
        controls={
            "rho": widgets.FloatSlider(0.95, min=0.5, max=1.05, step=0.01, description="radius ρ"),
            "c": widgets.FloatSlider(25.0, min=0, max=50, step=0.5, description="c = W₁₂"),
            "T": widgets.IntSlider(200, 10, LONGEST, description="length T"),
            "k": widgets.IntSlider(10, 0, 199, description="steps k"),
            "gap": widgets.FloatSlider(0.1, min=0, max=1, step=0.01, description="λ₁ − λ₂"),
            "activation": widgets.Dropdown(options=["identity", "tanh"], description="φ"),
            "seed": widgets.IntSlider(0, 0, 99, description="gradient"),
            "input": widgets.FloatSlider(0.1, min=0, max=1, step=0.01, description="input size"),
        },
        more=["gap", "activation", "seed", "input"],
        picture=picture(_TransientPicture, 9.6, 4.3),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
        link=within_T("k", less=1, then=_only_what_counts),
    )


def _only_what_counts(controls):
    controls["input"].disabled = controls["activation"].value == "identity"


def _compute(values):
    """Return the Transient for the values of the controls."""
    T, k, seed, activation = values["T"], values["k"], values["seed"], values["activation"]
    entries = values["rho"], round(values["rho"] - values["gap"], 10), values["c"]
    law, W, steps, far = triangle(*entries), _matrix(*entries), np.arange(T), _law(*entries)
    powers, norms = _powers(*entries, T)
    ends = values["rho"] < 1
    peak = int(np.argmax(far)) if ends else None
    return _Transient(
        T=T,
        k=k,
        norms=norms,
        law=far[:T],
        gradient=_gradient(*entries, T, seed, activation, values["input"]),
        radius=steps * np.log10(law.a),
        limit=np.log10(law.condition) + steps * np.log10(law.a),
        bound=log10_bound(W, steps),
        directions=(directions := _directions(powers[k])),
        sizes=_sizes(powers[k], directions),
        v=_direction(seed),
        eigenvectors=_eigenvectors(law),
        angle=law.angle,
        departure=departure_from_normality(W),
        peak=peak,
        below=1 + int(np.flatnonzero(far >= 0)[-1]) if ends else None,
        activation=activation,
    )


def _matrix(a, b, c):
    return np.array([[a, c], [0.0, b]])


def _direction(seed):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _directions(power):
    """Return angles once round the circle, more of them where the size is least: there the dent may be sharp."""
    x, y = np.linalg.svd(power.T)[2][-1]
    near = np.geomspace(1e-6, np.pi / 2, 80)
    half = np.arctan2(y, x) + np.concatenate([near, np.pi - near[::-1]])
    return np.concatenate([half, half + np.pi, half[:1]])


def _sizes(power, directions):
    with np.errstate(divide="ignore"):
        return np.log10(np.hypot(*(power.T @ [np.cos(directions), np.sin(directions)])))  # hypot: they may be 1e-301


def _eigenvectors(law):
    """Return those of W^T, one in each row; where there is one only, it is there twice."""
    size = np.hypot(law.a - law.b, law.c)
    first = [(law.a - law.b) / size, law.c / size] if size else [1.0, 0.0]
    return np.array([first, [0.0, 1.0]])


# What a slider does not change is kept: k moves the picture alone.


@cached(8)
def _law(a, b, c):
    return triangle(a, b, c).log10_norms(np.arange(FAR))


@cached(8)
def _powers(a, b, c, T):
    """Return W^k and log10 |W^k| for k = 0 .. T - 1, by multiplication."""
    W, powers = _matrix(a, b, c), np.empty((T, 2, 2))
    powers[0] = np.eye(2)
    for before, after in itertools.pairwise(powers):
        np.matmul(W, before, out=after)
    return powers, np.log10(np.linalg.norm(powers, 2, axis=(1, 2)))


@cached(8)
def _gradient(a, b, c, T, seed, activation, size):
    """Return log10 |dL/dh_{T-k}| / |dL/dh_T| of a network with two units, the loss at step T alone."""
    # All slopes of the identity are 1: its gradient is the same along the states that an empty input leaves at 0.
    x = (activation == "tanh") * size * np.random.default_rng((seed, 1)).normal(size=(T, 1))
    trace = forward(Params(np.ones((2, 1)), _matrix(a, b, c), _direction(seed)[None]), x, activation=activation)
    found = log10_gradient_norms(trace, trace.o - 1, reduction="last")[::-1]
    return found - found[0]


def _describe(values, data):
    """Return the sentence that says what is seen."""
    return f"ρ = {values['rho']:.2f}, c = {values['c']:g}: {_worst(values, data)} {_compared(data)} {_this(data)}"


def _worst(values, data):
    last, worst = data.T - 1, "the worst gradient" + (" of the identity" if data.activation == "tanh" else "")
    if data.peak is None:
        return _without_end(worst, values["rho"], values["c"], values["gap"], data)
    if data.peak == 0:
        sizes = f"|Wᵏ| = {in_words(data.norms[data.k])} and ρᵏ = {in_words(data.radius[data.k])}"
        return f"no transient, for |W| is below 1 and shrinks every gradient in every step. At k = {data.k}, {sizes}."
    still = data.peak > last
    at = last if still else int(np.argmax(data.norms))
    first = f"ρ is below 1, and yet {worst} {'is still growing' if still else 'grows first'}:"
    then = f"The peak comes at k = {data.peak}, and from" if still else "From"
    return (
        f"{first} {_fold(data.norms[at])} at k = {at}, where ρᵏ says {in_words(data.radius[at])}. "
        f"{then} k = {data.below} on it stays below 1."
    )


def _without_end(worst, rho, c, gap, data):
    last = data.T - 1
    found = f"{_fold(data.norms[-1])} at k = {last}"
    if rho > 1:
        return f"ρ is above 1, so {worst} grows without end: {found}, where ρᵏ says {_fold(data.radius[-1])}."
    if c == 0:
        return f"ρ is 1 and W is normal: {worst} keeps its size for ever."
    if gap == 0:
        return f"ρ is 1, and with one eigenvector only {worst} grows without end, nearly as c k: {found}."
    limit = 1 / np.sin(np.radians(data.angle))
    return f"ρ is 1: {worst} grows, {found}, and tends to {_fold(np.log10(limit))} for good."


def _compared(data):
    off = np.abs(data.norms - data.law).max()
    digits = f"{off:.0e} decades" if off else "the last digit"
    kappa = f"no power is above κ ρᵏ, κ = {style.short(10 ** data.limit[0])}"
    if not np.isfinite(data.limit[0]):
        kappa = "there is no κ"
    departure = f"{data.departure:.{_digits(data.departure)}f}".rstrip("0").rstrip(".")
    return f"The closed form agrees to {digits}, {kappa}; departure from normality {departure}."


def _digits(departure):
    return 4 if departure == 1 or departure < 0.99995 else 7  # 1 is for a nilpotent W alone


def _this(data):
    at, last = int(np.argmax(data.gradient)), data.T - 1
    at = last if data.gradient[-1] > data.gradient[at] - 1e-9 else at  # where rho is 1 it comes to rest
    which = "This gradient" + (", with tanh," if data.activation == "tanh" else "")
    if data.gradient[at] < 1e-12:
        return f"{which} does not grow within these steps."
    return f"{which} {'has grown' if at == last else 'grows'} {_fold(data.gradient[at])} (k = {at})."


def _fold(decades):
    """Return 10^decades of at least 1 in words."""
    if decades >= 4:
        return f"{in_words(decades)}-fold"
    factor = 10**decades
    return f"{style.short(factor)}-fold" if factor >= 1.05 else f"(1 + {factor - 1:.1g})-fold"


def _as_python(values, data):
    """Return lines to paste that give the same numbers."""
    other = round(values["rho"] - values["gap"], 10)
    size = values["input"] if data.activation == "tanh" else 0
    return _LINES.format(**{**values, "b": other, "input": size, "digits": _digits(data.departure)})


_LINES = """\
import numpy as np
import d2lbptt as bptt
from d2lbptt.laws import triangle
from d2lbptt.growth.spectra import departure_from_normality

W, law = np.array([[{rho}, {c}], [0, {b}]]), triangle({rho}, {b}, {c})
norms = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range({T})]
k = int(np.argmax(norms))
print(f"|W^k| is largest at k = {{k}}: {{norms[k]:.3g}}, by law {{10 ** law.log10_norms(k):.3g}}")
print(f"rho^k {{{rho} ** k:.2g}}, kappa {{law.condition:.4g}}, departure {{departure_from_normality(W):.{digits}f}}")

angle = np.random.default_rng({seed}).uniform(0, 2 * np.pi)
params = bptt.Params(np.ones((2, 1)), W, np.array([[np.cos(angle), np.sin(angle)]]))
x = {input} * np.random.default_rng(({seed}, 1)).normal(size=({T}, 1))
trace = bptt.forward(params, x, activation="{activation}")
gradient = bptt.log10_gradient_norms(trace, trace.o - 1, reduction="last")[::-1]
gradient = gradient - gradient[0]
print(f"this gradient is largest at k = {{gradient.argmax()}}: {{10 ** gradient.max():.3g}}")
"""
