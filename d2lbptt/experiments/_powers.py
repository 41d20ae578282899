"""Where does M^k x point? Nearly always along v_1: exercise 1 of the section, with its law and a bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _validation
from .._cache import cached
from ..growth.spectra import power_growth
from ..laws import angle, angle_quantiles, log10_tan

ENDS = (40, 120, 200)  # how far the curves go, at least to k
QUANTILES = (0.05, 0.5, 0.95)
SPECTRA = {
    "equal": lambda n, ratio: np.full(n - 1, ratio),
    "falling": lambda n, ratio: ratio ** np.arange(1, n),
    "both signs": lambda n, ratio: np.linspace(ratio, -ratio, n - 1),
}


class Powers(NamedTuple):
    """Directions and lengths of M^k x; angles to v_1 as d = log10 tan, in decades.

    Attributes
    ----------
    k : int
    steps : array, shape (K + 1,)
        0 .. K, with K the first of 40, 120, 200 that k does not exceed.
    curve : array, shape (K + 1,)
        d of M^k x for one x.
    length, length_law : array, shape (K + 1,)
        log10 of |M^k x| / |x| as multiplied, and of |lambda_1^k x_1| / |x|.
    directions : array, shape (K + 1,)
        The angle of M^k x from +v_1, 0 to pi.
    crowd : array, shape (draws,)
        That of all the random x at k; x is the first of them.
    knots : array, shape (J,)
        The k of band, theory and bound.
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
    """

    k: int
    steps: np.ndarray
    curve: np.ndarray
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
    count: int  # type: ignore[assignment]
    probability: float
    far: float

    @property
    def expected(self) -> tuple[float, float]:
        """How many draws the law expects to be that close, and the standard deviation of that number."""
        return len(self.crowd) * self.probability, np.sqrt(len(self.crowd) * self.probability * self.far)


def powers(
    k: int = 20,
    n: int = 8,
    ratio: float = 0.7,
    seed: int = 0,
    within: float = 1.0,
    spectrum: str = "equal",
    draws: int = 1000,
    lambda_1: float = 1.0,
) -> Powers:
    """Multiply random x by a symmetric M again and again, and compare their directions with the law of the angle.

    Parameters
    ----------
    k : int
        How many times, up to 200.
    n : int
        M is (n, n), n from 2 to 1000.
    ratio : float
        |lambda_2 / lambda_1|, from 0.01 on and below 1.
    seed : int
        Of all x, independent standard normal along v_1 .. v_n, and of the eigenvectors.
    within : float
        The angle in degrees that counts as aligned, from 1e-6 to 89.
    spectrum : {"equal", "falling", "both signs"}
        The other eigenvalues: all lambda_2, each ratio times the one before, or evenly from lambda_2 to -lambda_2.
    draws : int
        How many x, up to 100,000.
    lambda_1 : float
        From 0.001 to 1000.

    Returns
    -------
    Powers

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above.

    Notes
    -----
    The law and the bound are those of ``laws.angle``.
    """
    k, n = _validation.whole_number("k", k, 0, ENDS[-1]), _validation.whole_number("n", n, 2, 1000)
    seed, draws = _validation.seed("seed", seed), _validation.whole_number("draws", draws, 1, 10**5)
    ratio = _validation.real_number("ratio", ratio, low=0.01, below=1)
    within = _validation.real_number("within", within, low=1e-6, high=89)
    lambda_1 = _validation.real_number("lambda_1", lambda_1, low=1e-3, high=1e3)
    system = n, ratio, _validation.one_of("spectrum", spectrum, SPECTRA)
    x, end = _draws(n, seed, draws), next(end for end in ENDS if k <= end)
    limit, steps = float(np.log10(np.tan(np.radians(within)))), np.arange(end + 1)
    now, law = log10_tan(_eigenvalues(*system), x, k), angle(_eigenvalues(*system), k)
    curve = log10_tan(_eigenvalues(*system), x[0], steps)
    theory, bound = _law(*system, end)
    return Powers(
        k=k,
        steps=steps,
        curve=curve,
        length=_length(*system, lambda_1, seed, end),
        length_law=np.log10(abs(x[0, 0]) / np.linalg.norm(x[0])) + steps * np.log10(lambda_1),
        directions=_from_plus(curve, x[0, 0]),
        crowd=_from_plus(now, x[:, 0]),
        knots=_knots(end),
        band=_band(*system, seed, draws, end),
        theory=theory,
        bound=bound,
        within=within,
        limit=limit,
        count=int(np.sum(now <= limit)),
        probability=float(law.below(limit)),
        far=float(law.above(limit)),
    )


def _from_plus(d, x_1):
    turn = np.arctan(10**d)
    return np.where(x_1 > 0, turn, np.pi - turn)


# What a slider does not change is cached: k alone changes little, until the curves must go farther.


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
def _length(n, ratio, spectrum, lambda_1, seed, end):
    """Return log10 |M^k x| / |x| of an M with any eigenvectors, multiplied k times."""
    V = np.linalg.qr(np.random.default_rng((seed, 1)).normal(size=(n, n)))[0]
    M = (V * (lambda_1 * _eigenvalues(n, ratio, spectrum))) @ V.T
    found = power_growth(M, V @ _draws(n, seed, 1)[0], end).log10
    return found - found[0]
