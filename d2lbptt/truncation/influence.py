"""Influence balancing: a linear network in which a truncated gradient moves its one parameter the wrong way.

    h_t = A h_{t-1} + theta s,    l_t = (h_t^1 - 1)^2 / 2,    A = I/2 + half the first superdiagonal, s = +1 or -1

n = 23 units feed one another in a row, unit 1 last. The first p = 10 of them like theta, the others, which are farther
away, do not, and there are more of them: theta h^1 < 0 in the long run, but whoever looks back only a few steps sees
the near ones alone. Tallec and Ollivier 2017, arXiv 1705.08209 and 1702.05043; the derivation of the spans is ours.

At rest, h* = theta (I - A)^-1 s, each step has the same loss slope e = h*^1 - 1, and the gradient by a window of tau is

    e S_tau,  S_tau = sum_{j<tau} (A^j s)^1,      by a chunk of tau with a loss at every step: e (S_1 + .. + S_tau)

The sign is wrong as long as these sums are above zero: 2^-j binom(j, m) s_{1+m} are fractions, so it is found exactly.

Shapes: A is (n, n), s and h_t are (n,).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from ..bptt import backward
from ..gates import randomized
from ..rnn import Params, forward

__all__ = [
    "Balance",
    "balance",
    "partial_sums",
    "Spans",
    "predicted_spans",
    "observed_span",
    "trajectory",
]

UNITS, POSITIVE = 23, 10
START, RATE = 0.5, 1e-4  # theta_0 and the learning rate of the published experiment
SCHEMES = ("full", "window", "chunks", "randomized")
FAR = 1e6  # where a theta that runs away is no longer followed


class Balance(NamedTuple):
    """The network, without its parameter theta.

    Attributes
    ----------
    A : array, shape (n, n)
    s : array, shape (n,)
    """

    A: np.ndarray
    s: np.ndarray

    @property
    def params(self) -> Params:
        """The network as the package's own: theta is its input, W_hx = s, W_hh = A, and h^1 its output."""
        n = len(self.s)
        return Params(self.s[:, None], self.A, np.eye(1, n), b_h=np.zeros(n))

    def rest(self, theta: ArrayLike) -> np.ndarray:
        """Return h*, where the network comes to rest with a number theta; FloatingPointError if it overflows."""
        theta = _validation.real_number("theta", theta)
        with np.errstate(over="ignore"):
            found = theta * np.linalg.solve(np.eye(len(self.s)) - self.A, self.s)
        if not np.isfinite(found).all():
            raise FloatingPointError(f"h* overflows float64: theta is {theta}")
        return found

    @property
    def solution(self) -> float:
        """The theta with h*^1 = 1."""
        return float(1 / self.rest(1.0)[0])


def balance(n: int = UNITS, p: int = POSITIVE) -> Balance:
    """Return the network of n units of which the first p have s = +1.

    Parameters
    ----------
    n, p : int

    Returns
    -------
    Balance

    Raises
    ------
    TypeError, ValueError
        If n or p is out of range, or the network does not fit in memory.
    """
    n, p = _sizes(n, p)
    _validation.fits_in_memory("A", 3 * n * n, float, f"n = {_validation.shown(n)}")
    return Balance((np.eye(n) + np.eye(n, k=1)) / 2, np.where(np.arange(n) < p, 1.0, -1.0))


def _sizes(n, p):
    n = _validation.whole_number("n", n, 1)
    return n, _validation.whole_number("p", p, 0, n, "n = ")


def partial_sums(tau: int, n: int = UNITS, p: int = POSITIVE) -> list:
    """Return S_1 .. S_tau as fractions, from A and s alone.

    Parameters
    ----------
    tau, n, p : int

    Returns
    -------
    list of Fraction

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the sums do not fit in memory.
    """
    (n, p), tau = _sizes(n, p), _validation.whole_number("tau", tau, 1)
    # A sum up to tau has tau bits above the line and as many below it, and so has each binomial coefficient.
    _validation.fits_in_memory("S_tau", 2 * tau * (tau // 8 + 100), np.int8, f"tau = {_validation.shown(tau)}")
    terms = (Fraction(sum(comb(j, m) * (1 if m < p else -1) for m in range(min(n, j + 1))), 2**j) for j in range(tau))
    return list(accumulate(terms))


class Spans(NamedTuple):
    """The shortest tau whose gradient has the right sign, and keeps it for all longer ones.

    Attributes
    ----------
    window, chunks : int
    """

    window: int
    chunks: int


def predicted_spans(n: int = UNITS, p: int = POSITIVE, longest: int = 400) -> Spans:
    """Return, from A and s alone, the spans at which the sign of the truncated gradient becomes right.

    Parameters
    ----------
    n, p : int
    longest : int
        The longest span that is looked at.

    Returns
    -------
    Spans

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, if the sign is right nowhere up to the longest span, or if no
        sign is right: with p = n/2 the state at rest does not depend on theta.
    """
    window = partial_sums(_validation.whole_number("longest", longest, 1), n, p)
    if 2 * p == n:
        raise ValueError(f"p is {p}, wanted another number than n/2: at rest h^1 does not depend on theta")
    total = 2 * (2 * p - n)  # S of infinitely many terms: 2 sum(s), because (I - A)^-1 is 2 in its whole upper triangle
    return Spans(*(_last_change(sums, total, longest) for sums in (window, list(accumulate(window)))))


def observed_span(scheme: str, theta: float = START, longest: int = 400, network: Balance | None = None) -> int:
    """Return the same as measured: by the sign of the package's truncated gradient at rest, theta held.

    Parameters
    ----------
    scheme : {"window", "chunks"}
    theta : float
    longest : int
    network : Balance, optional

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, if the sign is right nowhere up to the longest span, or if theta
        is the solution, where all gradients are 0.
    """
    longest, theta = _validation.whole_number("longest", longest, 1), _validation.real_number("theta", theta)
    network = _network(network)
    reduction = {"window": "last", "chunks": "sum"}[_validation.one_of("scheme", scheme, ("window", "chunks"))]
    start, slope = network.rest(theta), network.rest(theta)[0] - 1
    if abs(slope) < 1e-12:
        raise ValueError(f"theta is {theta}, wanted another number than the solution, where all gradients are 0")
    _validation.fits_in_memory("theta", 2 * longest, float, f"longest = {_validation.shown(longest)}")
    gradients = [_gradient(network, np.full(tau, theta), start, reduction) for tau in range(1, longest + 1)]
    return _last_change(np.array(gradients) / slope, network.rest(1.0)[0], longest)


def _gradient(network, theta, h0, reduction):
    """Return dL/dtheta over the tau steps from h_0 on, where theta may be another in each step, (tau,).

    What was before h_0 is detached. The loss is that of the last step (as a window has it), or the sum over all.
    """
    trace = forward(network.params, theta[:, None], h0=h0)
    return (network.s @ backward(trace, np.ones((len(theta), 1)), reduction=reduction).b_h).item()


def _network(network):
    """Return the network, the published one for None, once its arrays are known to fit each other."""
    if network is None:
        return balance()
    A = _validation.square("A", _validation.instance("network", network, Balance).A)
    return Balance(A, _validation.real_array("s", network.s, (len(A),), "(n,)").astype(float))


def _last_change(sums, total, longest):
    wrong = [tau for tau, value in enumerate(sums, start=1) if value * total <= 0]
    if wrong and wrong[-1] == longest:
        raise ValueError(f"longest is {longest}, wanted a span that is long enough for the sign to be right")
    return wrong[-1] + 1 if wrong else 1


def trajectory(
    scheme: str,
    steps: int,
    *,
    tau: int | None = None,
    pi: float | None = None,
    lr: float = RATE,
    theta: float = START,
    h0: ArrayLike | None = None,
    seed: int = 0,
    network: Balance | None = None,
) -> np.ndarray:
    """Follow theta as it is trained, one step of time after another.

    Parameters
    ----------
    scheme : {"full", "window", "chunks", "randomized"}
        Forward accumulation, which never cuts; the window of tau, theta moved in every step; disjoint chunks of tau
        with a loss at every step, theta moved at their ends by the sum; 9.7.8 with pi.
    steps : int
        Of time.
    tau : int, optional
        Wanted for "window" and "chunks"; the other schemes leave it alone.
    pi : float, optional
        From above 0 to 1, wanted for "randomized"; the other schemes leave it alone.
    lr : float
    theta : float
        Where it begins.
    h0 : array, shape (n,), optional
        Ones, as published, if not given.
    seed : int
        For the randomized scheme.
    network : Balance, optional

    Returns
    -------
    array, shape (steps + 1,)
        theta after each step; nan from where it is beyond 10^6.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or the steps do not fit in memory.
    FloatingPointError
        If a gradient overflows.
    """
    _validation.one_of("scheme", scheme, SCHEMES)
    steps = _validation.whole_number("steps", steps, 1)
    lr, theta = _validation.real_number("lr", lr), _validation.real_number("theta", theta)
    network = _network(network)
    h = np.ones(len(network.s)) if h0 is None else _validation.real_array("h0", h0, network.s.shape, "(n,)")
    # Two states, theta and a gate for each step.
    why = f"steps = {_validation.shown(steps)}"
    _validation.fits_in_memory("h_t", (steps + 1) * (2 * len(h) + 4), float, why)
    span = _validation.whole_number("tau", tau, 1) if scheme in ("window", "chunks") else 1
    gates, seed = np.ones(steps), _validation.seed("seed", seed)
    if scheme == "randomized":
        gates = randomized(steps, _validation.probability("pi", pi), np.random.default_rng(seed))
    with np.errstate(over="ignore", invalid="ignore"):
        return _followed(network, scheme, span, gates, theta, h, lr)


def _followed(network, scheme, span, gates, theta, h, lr):
    """Return theta at the start and after each step."""
    found, states = np.full(len(gates) + 1, np.nan), np.empty((len(gates) + 1, len(h)))
    found[0], states[0], influence = theta, h, np.zeros(len(h))
    for t in range(1, len(found)):
        theta = found[t - 1]
        if not abs(theta) < FAR:
            break
        states[t] = network.A @ states[t - 1] + theta * network.s
        influence = network.s + gates[t - 1] * (network.A @ influence)  # dh_t/dtheta, 9.7.4 and 9.7.8
        past = slice(max(t - span, 0), t)  # of the thetas that were used: found[t - 1] in step t
        if scheme in ("full", "randomized"):
            slope = (states[t, 0] - 1) * influence[0]
        elif scheme == "window":
            slope = _gradient(network, found[past], states[past.start], "last")
        else:
            slope = 0.0 if t % span else _gradient(network, found[past], states[past.start], "sum")
        found[t] = theta - lr * slope
    return found
