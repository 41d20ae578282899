"""How far rounding carries a gradient: every stored number is moved by one unit in the last place, again and again.

A floating-point number stands for all that round to it, so that a gradient can be known no better than it varies when
the numbers that it is made of move by one unit. What is stored: the parameters, x_t, h_t, o_t and y_t; and on the way
back phi'(z_t) and the two numbers whose difference is dl/do_t, for the cross-entropy the softmax and 1.

Shapes: as in ``untied``; K perturbed copies stand side by side, between T and B.
"""

from itertools import chain
from typing import NamedTuple

import numpy as np

from .._recursion import affine, checked_weights, weigh
from ..activations import ACTIVATIONS
from ..losses import LOSSES
from ..rnn import Params, Trace, targets
from .linearization import Linearization, adjoints, contributions, unbatched
from .reference import on_kink

BLOCK = 2**22  # numbers that are perturbed at once: 32 MiB for the states


class Perturbed(NamedTuple):
    """K perturbed copies of all that a trace holds, and of y.

    Attributes
    ----------
    params : Params
        Each with an axis of K in front.
    x, h, o : array, shape (T, K, B, n), T + 1 rows for h
    y : array, shape (T, K, B) or (T, K, B, q)
    """

    params: Params
    x: np.ndarray
    h: np.ndarray
    o: np.ndarray
    y: np.ndarray


def perturb(trace, y, loss, rng, count):
    """Return perturbed copies of a trace and of y; labels stay what they are."""
    y = targets(trace, y, loss, "sum")[1]
    rows = (trace.x, trace.h, trace.o, y)
    if trace.x.ndim == 2:
        rows = (a[:, None] for a in rows)
    params = (None if W is None else moved_copies(W, rng, count) for W in trace.params)
    return Perturbed(Params(*params), *(_moved(np.repeat(a[:, None], count, 1), rng) for a in rows))


def in_groups(trace, y, loss, seed, count):
    """Yield so many perturbed copies in groups that fit in memory, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    most = max(1, BLOCK // max(trace.h.size, trace.params.W_hh.size))
    for first in range(0, count, most):
        yield perturb(trace, y, loss, rng, min(most, count - first))


def moved_copies(array, rng, count):
    """Return perturbed copies of an array."""
    return _moved(np.repeat(array[None], count, 0), rng)


def _moved(a, rng):
    if a.dtype.kind != "f":
        return a
    side = np.where(rng.random(a.shape, np.float32) < 0.5, -np.inf, np.inf).astype(a.dtype)
    # A zero is exact where it comes up (h_0, relu at rest), and the number next to it no matter of rounding.
    return np.where(a == 0, a, np.nextafter(a, side))


def as_given(perturbed, y, looked_at):
    """Return perturbed copies with y as it was given where its weight is 0: there ``looked_at`` has something else."""
    hidden = y != looked_at
    if not hidden.any():
        return perturbed
    y, hidden = (rows.reshape(len(y), 1, *perturbed.y.shape[2:]) for rows in (y, hidden))
    return perturbed._replace(y=np.where(hidden, y, perturbed.y))


def answers(perturbed, trace, loss, reduction, rng, weights=None):
    """Yield the answer of our backward pass to each copy, as ``reference.along_states`` gives it."""
    params, x, h, o, y = perturbed
    with np.errstate(over="ignore", invalid="ignore"):
        slope = _moved(_slopes(perturbed, trace, rng), rng)
        w, _ = checked_weights(weights, reduction, len(o), trace.o.shape[1:-1])
        do = _moved(weigh(_slope_of_loss(LOSSES[loss], o, y, rng), reduction, w) / o.shape[2], rng)
        p = Linearization(do, slope, params.W_hh, params.W_qh, x, h[:-1], h[1:])
        dh, dz = adjoints(p)
        for k in range(x.shape[1]):
            one = Linearization(*(a[k] if name.startswith("W") else a[:, k] for name, a in p._asdict().items()))
            yield unbatched({**contributions(one, dz[:, k]), "h": dh[:, k], "o": do[:, k]}, trace)


def _slopes(perturbed, trace, rng):
    """Return phi'(z_t) at perturbed states, moved as well by as much as the stored ones are off from phi(z_t).

    phi is calculated to a few units in the last place, and z_t is a rounded sum: where phi saturates, the slope at the
    state that was stored and the slope at z_t have few digits in common, and either of them is right.
    """
    phi, wide = ACTIVATIONS[trace.activation], [None if W is None else W.astype(float) for W in trace.params]
    z = affine(wide[0], trace.x.astype(float)) + affine(wide[1], trace.h[:-1].astype(float), wide[3])
    off = (trace.h[1:] - phi.value(z, z)).astype(trace.h.dtype).reshape(len(z), 1, *perturbed.h.shape[2:])
    slope = phi.slope(perturbed.h[1:] + off * rng.choice((-1, 1), perturbed.h[1:].shape).astype(off.dtype))
    # On a kink it is no matter of rounding which slope is taken: see ``reference``.
    kink = on_kink(phi, z.reshape(len(z), *perturbed.h.shape[2:]), trace)[:, None]
    return np.where(kink, phi.slope(trace.h[1:]).reshape(off.shape), slope) if kink.any() else slope


def _slope_of_loss(rule, o, y, rng):
    label = rule.label(o, y)
    return _moved(rule.slope(o, y) + label, rng) - label


def traces(perturbed, trace):
    """Yield each perturbed trace with its y."""
    rows = perturbed[1:] if trace.x.ndim == 3 else [a[:, :, 0] for a in perturbed[1:]]
    for k in range(perturbed.x.shape[1]):
        params = Params(*(None if W is None else W[k] for W in perturbed.params))
        x, h, o, y = (a[:, k] for a in rows)
        yield Trace(params, x, h, o, trace.activation), y


def spread(tables, center):
    """Return mean and standard deviation of each entry over tables, dicts of arrays, added up around a center."""
    tables = iter(tables)
    first = next(tables)
    center = {key: center[key] for key in first}
    middle = _in_one_row(center, center)
    count, total, squares = 0, np.zeros_like(middle), np.zeros_like(middle)
    for table in chain([first], tables):
        count += 1
        far = _in_one_row(table, center) - middle
        total += far
        far *= far
        squares += far
    # Rounding may make the difference a little negative.
    variance = np.maximum(squares - total**2 / count, 0) / (count - 1)
    return _in_shape(middle + total / count, center), _in_shape(np.sqrt(variance), center)


def _in_one_row(table, like):
    """Return all numbers of a dict of arrays, those of ``like`` where it has none."""
    return np.concatenate([np.ravel(table.get(key, array)) for key, array in like.items()])


def _in_shape(row, like):
    """Return the numbers of a row as a dict of arrays."""
    ends = np.cumsum([np.size(array) for array in like.values()])[:-1]
    return {
        key: part.reshape(np.shape(array)) for (key, array), part in zip(like.items(), np.split(row, ends), strict=True)
    }
