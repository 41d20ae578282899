"""Which truncation gives the gradient under test: a window, chunks, an update every k1 steps, a cut in each sequence?

Each is known by the first step that the loss of each step t reaches, and its gradient is

    sum_t C[t, first_t],    C[t, k] = what the loss of step t contributes through its steps k .. t

A direction R, drawn in the space of the parameters, makes of C a table of numbers, and of the gradient under test the
number that must come out. There are some T^2 / 2 pairs (k1, k2), and T^B ways to cut each of B sequences once: they
are tried on these numbers, and only what comes close is calculated, and compared entry by entry.

Shapes: the table has T rows, one for each loss; column j holds the number for k = t - j.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np

from .._recursion import affine, by_lag
from ..bptt import _truncated
from ..gates import chunks, first_kept, tbptt
from .finding import Key
from .linearization import Linearization, adjoints, contributions, linearize, tables, unbatched
from .patterns import run_from_zero

LONG = 200  # all lengths up to this one are tried, and some beyond
NUMBERS = 2**23  # in the table, at most: 64 MiB
COMBINATIONS = 2**20  # of cuts in the sequences of a batch are tried, at most
SURE = 4  # standard deviations
TRIED = 20  # of those that come close, the ones that are named first; and as many of the closest


def truncations(finding, right, factors=(1,)):
    """Yield the truncations whose sums are those under test, perhaps times one of some factors.

    ``right`` steps at the end are right, as far as that is known: a truncation that leaves so many comes first.
    """
    names = [name for name in ("W_hx", "W_hh", "b_h") if Key(name) in finding.comparisons]
    h0 = finding.comparisons.get(Key("h0"))
    detached = h0 is not None and not h0.tested.any()
    for trace, start in _starts(finding) if names else ():
        p = linearize(trace, finding.y, **finding.options)
        p = Linearization(*(part.astype(float) for part in p))
        for words, dh in _candidates(p, finding, names, right, factors):
            found = contributions(p, p.slope * dh) | {"h": dh, "o": p.do}
            found["h0"] = found["h0"] * (not detached)
            answer = tables(unbatched(found, trace))
            if any(finding.fits({Key(name): factor * answer[Key(name)] for name in names}) for factor in factors):
                yield f"The gradient is truncated{start}: {words}.", answer


def _starts(finding):
    """Return the trace, and if the gradient does not look at it, the one that it may have made instead."""
    if finding.reads_states or not finding.trace.h[0].any():
        return [(finding.trace, "")]
    return [(finding.trace, ""), (run_from_zero(finding.trace), ", and starts from h_0 = 0")]


class _Family(NamedTuple):
    """Truncations of one kind: their lengths, (n, 1) or (n, 2), the first steps of one, its words."""

    lengths: np.ndarray
    first: Callable
    words: Callable


def _families(T, most):
    """Yield what is tried, the simplest first."""
    some = {T // k + up for k in range(2, 6) for up in (0, 1)}
    lengths = np.array(sorted({n for n in (*range(1, LONG), *some) if 0 < n < T and n <= most}), int)
    milder = lengths[::-1, None]  # where nothing flows anyway several fit
    yield _Family(lengths[:, None], lambda tau: tbptt(T, 1, tau), _window)
    yield _Family(milder, lambda tau: first_kept(T, gates=chunks(T, tau)), _chunk)
    yield _Family(milder, lambda tau: _from_the_end(T, tau), lambda tau: f"{_chunk(tau)}, where {COUNTED}")
    for k1 in lengths[1:].tolist():
        k2 = milder[milder[:, 0] >= k1]
        yield _Family(np.hstack([0 * k2 + k1, k2]), lambda k1, k2: tbptt(T, k1, k2), _update)


COUNTED = "chunks are counted from the end"


def _window(tau):
    if tau == 1:
        return "nothing flows from a step to the one before, as when the state is detached in every step: tau = 1"
    return f"each loss flows back through a window of tau = {tau}, not to step 1"


def _chunk(tau):
    return f"nothing flows from one chunk of tau = {tau} to the one before"


def _update(k1, k2):
    return f"every k1 = {k1} steps there is an update, and its losses flow back over its last k2 = {k2} steps"


def _from_the_end(T, tau):
    t = np.arange(1, T + 1)
    return np.maximum(T - ((T - t) // tau + 1) * tau + 1, 1)


def _candidates(p, finding, names, right, factors):
    """Yield (words, dL/dh_t) of the truncations that come close."""
    rng = np.random.default_rng(0)
    R = {name: rng.normal(size=finding.comparisons[Key(name)].tested.shape) for name in names}
    wanted, uncertain = _along(R, finding)

    def far(scores):
        return np.min([np.abs(factor * scores - wanted) for factor in factors], axis=0)

    for words, first in _close(p, R, far, uncertain, right):
        yield words, _truncated(p.slope, p.W_hh, p.do @ p.W_qh, first)
    for words, xi in _each_cut_once(p, R, far, uncertain):
        yield words, adjoints(p._replace(slope=p.slope * xi[..., None]))[0]


def _close(p, R, distance, uncertain, right):
    """Yield (words, first steps): such as leave ``right`` steps right come first."""
    T = len(p.do)
    table = _table(p, R, min(T, max(1, NUMBERS // T)))
    families = list(_families(T, table.shape[1]))
    scores, last = np.hstack([_scores(table, family) for family in families])
    far = distance(scores)
    near = np.flatnonzero(far <= uncertain)
    named_first = near[np.argsort(last[near] != T + 1 - (right or 0), kind="stable")]
    closest = near[np.argsort(far[near], kind="stable")]
    every = [(family, lengths) for family in families for lengths in family.lengths.tolist()]
    for n in dict.fromkeys([*named_first[:TRIED], *closest[:TRIED]]):
        family, lengths = every[n]
        yield family.words(*lengths), family.first(*lengths)


def _each_cut_once(p, R, distance, uncertain):
    """Yield (words, gates) where each sequence of a batch is cut at a step of its own, or at none."""
    T, B = p.x.shape[:2]
    if B == 1 or T**B > COMBINATIONS:
        return
    t = np.arange(T)
    first = np.where(t < t[:, None], 0, t[:, None])  # a row for each step before which is cut
    scores = [_table(_one_sequence(p, b), R, T)[t, t - first].sum(1) for b in range(B)]
    far = distance(reduce(np.add.outer, scores))
    for n in np.argsort(far, axis=None)[:TRIED]:
        if far.flat[n] <= uncertain:
            cuts = np.array(np.unravel_index(n, far.shape))
            xi = np.where((t[:, None] == cuts) & (cuts > 0), 0.0, 1.0)
            where = ", ".join(f"t = {cut + 1} in sequence {b}" for b, cut in enumerate(cuts) if cut)
            yield f"nothing flows to the step before from {where}", xi


def _one_sequence(p, b):
    parts = p._asdict().items()
    return Linearization(*(part if name.startswith("W") else part[:, b : b + 1] for name, part in parts))


def _table(p, R, lags):
    """Return what the loss of each step contributes along R through its last steps, (T, lags)."""
    T, met = len(p.do), {"W_hx": p.x, "W_hh": p.before}
    along = sum(affine(R[name], met[name]) if name in met else R[name] for name in R)
    table = np.zeros((T, lags))
    for lag, (steps, rows) in zip(range(lags), by_lag(p.slope, p.W_hh, p.do @ p.W_qh), strict=False):
        k = np.arange(T)[steps]
        table[k + lag, lag] = np.einsum("tbh,tbh->t", rows, (p.slope * along)[steps])
    return np.cumsum(table, 1, out=table)


def _scores(table, family):
    """Return the number of each truncation of a family, and the first step that its last loss reaches, (2, n)."""
    t, found = np.arange(len(table)), np.empty((2, len(family.lengths)))
    for n, lengths in enumerate(family.lengths.tolist()):
        first = family.first(*lengths)
        found[:, n] = table[t, t + 1 - first].sum(), first[-1]
    return found


def _along(R, finding):
    """Return the gradient under test along R, and how far rounding may carry that."""
    wanted, variance = 0.0, 0.0
    for name, direction in R.items():
        _, right, tolerance, *_ = compared = finding.comparisons[Key(name)]
        relative = np.divide(tolerance, np.abs(right), out=np.zeros(right.shape), where=right != 0)
        wanted += (direction * compared.tested).sum()
        variance += ((tolerance + np.median(relative) * np.abs(compared.tested)) ** 2).sum()
    return wanted, SURE * np.sqrt(variance)
