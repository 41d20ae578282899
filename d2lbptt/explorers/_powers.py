"""Where does M^k x point? Nearly always along v_1: exercise 1 of the section, with its law and a bound."""

from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from .._cache import cached
from ..figures._paper import picture
from ..figures._powers import _PowersPicture
from ..figures._style import next_limit
from ..growth.spectra import power_growth
from ..laws import angle, angle_quantiles, log10_tan
from ._live import Explorer
from ._words import counted
from ._words import ratio as in_words

__all__ = ["powers"]


LONGEST, MOST_UNITS = 200, 64
ENDS = (10, 20, 50, 100, 200)  # where the axis of k may end
QUANTILES = (0.05, 0.5, 0.95)
SPECTRA = {
    "equal": lambda n, ratio: np.full(n - 1, ratio),
    "falling": lambda n, ratio: ratio ** np.arange(1, n),
    "both signs": lambda n, ratio: np.linspace(ratio, -ratio, n - 1),
}
PRESETS = {
    "clear winner": {"n": 8, "ratio": 0.7, "k": 20, "spectrum": "equal"},
    "close race": {"n": 8, "ratio": 0.97, "k": 100, "spectrum": "equal"},
    "many dimensions": {"n": 64, "ratio": 0.7, "k": 20, "spectrum": "equal"},
}


class _Powers(NamedTuple):
    """What the explorer shows; angles to v_1 as d = log10 tan, in decades.

    Attributes
    ----------
    k : int
    steps : array, shape (K + 1,)
        0 .. K, as far as the axis goes.
    curve, measured : array, shape (K + 1,)
        d of M^k x for one x: by the eigenvalues, and of the vector that is multiplied by M again and again.
    length, length_law : array, shape (K + 1,)
        log10 of |M^k x| / |x| as multiplied, and of |lambda_1^k x_1| / |x|.
    directions : array, shape (K + 1,)
        The angle of M^k x from +v_1, 0 to pi.
    crowd : array, shape (draws,)
        That of all the random x at k; x is the first of them.
    knots : array, shape (J,)
        The k of band, law and bound.
    band, theory : array, shape (J, 3)
        The quantiles 5, 50 and 95 % of d, of the draws and by law.
    bound : array, shape (J,)
        Where the bound puts 95 %.
    within, limit : float
        The angle in degrees that counts as aligned, and its d.
    count : int
        How many draws are that close.
    probability, far : float
        By law, to be that close, and not to be.
    promise : float
        By the bound, to be that close: at least so much.
    """

    k: int
    steps: np.ndarray
    curve: np.ndarray
    measured: np.ndarray
    length: np.ndarray
    length_law: np.ndarray
    directions: np.ndarray
    crowd: np.ndarray
    knots: np.ndarray
    band: np.ndarray
    theory: np.ndarray
    bound: np.ndarray
    within: float
    limit: float
    count: int
    probability: float
    far: float
    promise: float

    @property
    def expected(self):
        """How many draws the law expects to be that close, and the standard deviation of that number."""
        return len(self.crowd) * self.probability, np.sqrt(len(self.crowd) * self.probability * self.far)


def powers():
    """Explore the direction of M^k x for a symmetric M and random x.

    Returns
    -------
    Explorer
        With ``controls`` preset, k, n, ratio (|lambda_2/lambda_1|), seed (of all x and of the eigenvectors), within
        (degrees), spectrum (of the other eigenvalues), draws and lambda_1.
    """
    kinds = [("all equal to λ₂", "equal"), ("falling, each by λ₂/λ₁", "falling"), ("from λ₂ to −λ₂", "both signs")]
    return Explorer(
        name="powers",
        question="Where does Mᵏx point?",
        controls={
            "k": widgets.IntSlider(20, 0, LONGEST, description="steps k"),
            "n": widgets.IntSlider(8, 2, MOST_UNITS, description="size n"),
            "ratio": widgets.FloatSlider(0.7, min=0.5, max=0.99, step=0.01, description="|λ₂ / λ₁|"),
            "seed": widgets.IntSlider(0, 0, 99, description="which x"),
            "within": widgets.Dropdown(
                options=[(f"{w:g}°", w) for w in (0.1, 1.0, 5.0, 20.0)], value=1.0, description="aligned"
            ),
            "spectrum": widgets.Dropdown(options=kinds, description="other λ"),
            "draws": widgets.Dropdown(options=[100, 1000, 2000], value=1000, description="random x"),
            "lambda_1": widgets.FloatSlider(1.0, min=0.5, max=1.5, step=0.01, description="λ₁"),
        },
        more=["within", "spectrum", "draws", "lambda_1"],
        picture=picture(_PowersPicture, 9.6, 4.4),
        compute=_compute,
        describe=_describe,
        as_python=_as_python,
        presets=PRESETS,
    )


def _compute(values):
    """Return the Powers for the values of the controls."""
    k, n, end = values["k"], values["n"], next_limit(values["k"], ENDS)
    system = n, values["ratio"], values["spectrum"]
    x, limit = _draws(n, values["seed"], values["draws"]), float(np.log10(np.tan(np.radians(values["within"]))))
    now, law = log10_tan(_eigenvalues(*system), x, k), angle(_eigenvalues(*system), k)
    curve = log10_tan(_eigenvalues(*system), x[0], np.arange(end + 1))
    measured, length = _multiplied(*system, values["lambda_1"], values["seed"], end)
    theory, bound = _law(*system, end)
    alone = np.log10(abs(x[0, 0]) / np.linalg.norm(x[0]))
    return _Powers(
        k=k,
        steps=np.arange(end + 1),
        curve=curve,
        measured=measured,
        length=length,
        length_law=alone + np.arange(end + 1) * np.log10(values["lambda_1"]),
        directions=_from_plus(curve, x[0, 0]),
        crowd=_from_plus(now, x[:, 0]),
        knots=_knots(end),
        band=_band(*system, values["seed"], values["draws"], end),
        theory=theory,
        bound=bound,
        within=values["within"],
        limit=limit,
        count=int(np.sum(now <= limit)),
        probability=law.below(limit).item(),
        far=law.above(limit).item(),
        promise=1 - law.bound(limit).item(),
    )


def _from_plus(d, x_1):
    turn = np.arctan(10**d)
    return np.where(x_1 > 0, turn, np.pi - turn)


# What a slider does not change is kept: only the picture moves with k, until its axis must grow.


@cached(8)
def _draws(n, seed, draws):
    """Return random x, one in each row, in coordinates along v_1 .. v_n."""
    return np.random.default_rng(seed).normal(size=(draws, n))


@cached(8)
def _eigenvalues(n, ratio, spectrum):
    """Return lambda_i / lambda_1, lambda_1 first."""
    return np.append(1.0, SPECTRA[spectrum](n, ratio))


@cached(8)
def _knots(end):
    return np.unique(np.append(0, np.rint(np.geomspace(1, end, 11)).astype(int)))


@cached(8)
def _law(n, ratio, spectrum, end):
    """Return the quantiles by law, and where the bound puts the last of them."""
    values, knots = _eigenvalues(n, ratio, spectrum), _knots(end)
    bound = [angle(values, k).bound_quantile(QUANTILES[-1]) for k in knots]
    return angle_quantiles(values, knots, QUANTILES), np.array(bound)


@cached(8)
def _band(n, ratio, spectrum, seed, draws, end):
    found = log10_tan(_eigenvalues(n, ratio, spectrum), _draws(n, seed, draws), _knots(end))
    return np.quantile(found, QUANTILES, axis=0).T


@cached(8)
def _multiplied(n, ratio, spectrum, lambda_1, seed, end):
    """Return d and log10 |M^k x| / |x| of an M with any eigenvectors, multiplied k times."""
    V = np.linalg.qr(np.random.default_rng((seed, 1)).normal(size=(n, n)))[0]
    M = (V * (lambda_1 * _eigenvalues(n, ratio, spectrum))) @ V.T
    growth = power_growth(M, V @ _draws(n, seed, 1)[0], end)
    along = growth.direction @ V[:, 0]
    rest = np.linalg.norm(growth.direction - np.outer(along, V[:, 0]), axis=1)
    with np.errstate(divide="ignore"):
        return np.log10(rest / np.abs(along)), growth.log10 - growth.log10[0]


def _describe(values, data):
    """Return the sentence that says what is seen."""
    k, x = data.k, {0: "x itself", 1: "M x"}.get(data.k, f"M^{data.k} x")
    mean, spread = data.expected
    places = _places(spread)
    first = f"k = {k}, n = {values['n']}, |λ₂/λ₁| = {values['ratio']:.2f}: {x} is {_degrees(data.curve[k])} from ±v₁."
    second = (
        f"Of {len(data.crowd)} random x, {data.count} are within {counted(f'{data.within:g}', 'degree')}; "
        f"the law expects {mean:.{places}f} ± {spread:.{places}f} ({_promised(data, places)})."
    )
    return " ".join([first, second, *([_as_a_gradient(data)] if k else [])])


def _places(spread):
    return 0 if spread >= 0.5 else 1


def _degrees(d):
    angle = np.degrees(np.arctan(10**d))
    return f"{angle:.3g} degrees" if angle >= 0.01 else f"{in_words(d + np.log10(180 / np.pi))} degrees"


def _promised(data, places):
    sure = np.floor(len(data.crowd) * data.promise * 10**places) / 10**places  # what is promised is never rounded up
    return f"the bound: at least {sure:.{places}f} expected" if sure > 0 else "the bound says nothing yet"


def _as_a_gradient(data):
    t, steps = 10 ** data.curve[data.k], "1 step" if data.k == 1 else f"{data.k} steps"
    lost = t**2 / (np.hypot(1, t) * (1 + np.hypot(1, t)))  # 1 - cos
    share = f"all but {lost:.1e}" if lost < 0.01 else f"{1 - lost:.2g}"
    return (
        f"As a gradient that went back {steps} through W_hh = M it is {in_words(data.length[data.k])} times as long, "
        f"and λ₁ᵏ x₁ along v₁ makes {share} of that length."
    )


def _as_python(values, data):
    """Return lines to paste that give the same numbers."""
    lines = _LINES.replace("SPECTRUM", _CODE[values["spectrum"]])
    return lines.format(**values, places=_places(data.expected[1]))


_CODE = {
    "equal": "np.full({n} - 1, {ratio})",
    "falling": "{ratio} ** np.arange(1, {n})",
    "both signs": "np.linspace({ratio}, -{ratio}, {n} - 1)",
}
_LINES = """\
import numpy as np
from d2lbptt.laws import angle, log10_tan
from d2lbptt.growth.spectra import power_growth

eigenvalues = {lambda_1} * np.append(1, SPECTRUM)
V = np.linalg.qr(np.random.default_rng(({seed}, 1)).normal(size=({n}, {n})))[0]  # v_1 is its first column
M = (V * eigenvalues) @ V.T
x = np.random.default_rng({seed}).normal(size=({draws}, {n}))  # along v_1 .. v_n
tan, limit = 10 ** log10_tan(eigenvalues, x, {k}), np.tan(np.radians({within}))
law, length = angle(eigenvalues, {k}), power_growth(M, V @ x[0], {k}).log10
print(f"{{np.degrees(np.arctan(tan[0])):.3g}} degrees, {{10 ** (length[-1] - length[0]):.2g}} times as long")
print(f"{{np.sum(tan <= limit)}} of {draws}, by law {{{draws} * law.below(np.log10(limit)):.{places}f}}")
sure = np.floor({draws} * (1 - law.bound(np.log10(limit))) * 10**{places}) / 10**{places}  # never rounded up
print(f"the bound: at least {{sure:.{places}f}}")
"""
