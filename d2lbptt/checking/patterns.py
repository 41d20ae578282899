"""Gradients that readers get in place of the right one: each complete, so that it can be compared number by number.

Besides the ``mistakes`` of the backward pass these are what is done to a right gradient (transposed, clipped, decayed),
other weights of the losses, and a start from other states. For the truncations see ``truncations``.

Each is a pair (sentence, gradient by Key).
"""

from itertools import chain, combinations

import numpy as np

from ..rnn import forward
from .finding import Key
from .linearization import tables
from .mistakes import MISTAKES, flawed

MANY = 3  # square arrays, as many as a network has


def known(finding):
    """Yield what may have been done to the right gradient of a network, and the mistakes."""
    yield from transposed(finding)
    for name, mistake in MISTAKES.items():
        yield mistake.says, tables(flawed(name, finding.trace, finding.y, **finding.options))
    for change in (_weighted_otherwise, _from_zero, _decayed, _clipped, _scaled_to_one_norm):
        yield from change(finding)


def transposed(finding):
    """Yield the gradients in which some of the wrong ones that are square are transposed."""
    right, names = finding.reference, [name for name in finding.wrong_names if name not in ("h", "o")]
    turned = {key: finding.turned(key) for key in right if key.name in names}
    square = [name for name in names if turned[Key(name)] is not None]
    # More arrays than a network has are not tried in every combination.
    counts = range(1, len(square) + 1) if len(square) <= MANY else {1, len(square)}
    for names in chain.from_iterable(combinations(square, n) for n in counts):
        answer = right | {key: rows for key, rows in turned.items() if key.name in names}
        why = ": its rows belong to dz_t, its columns to h_{t-1} (9.7.16)" if names == ("W_hh",) else ""
        several = len(names) > 1
        verb = "are" if several else "is"
        yield f"The gradient{'s' * several} of {', '.join(names)} {verb} transposed{why}.", answer


def _weighted_otherwise(finding):
    """The weights of the losses are forgotten, or other ones are taken."""
    if finding.options["weights"] is None:
        return
    w = finding.options["weights"]
    alike = "The weights are forgotten: all steps count alike, also where the weight is 0."
    for y in _read_anyhow(finding, w):
        yield from _if_it_fits(alike, finding, y, weights=None)
    mask = "The weights are taken for a mask: all steps whose weight is not 0 count alike."
    yield from _if_it_fits(mask, finding, finding.y, weights=(w > 0) * 1.0)
    if w.ndim == 2 and finding.options["reduction"] == "mean":
        each = w / np.where(w.any(0), w.sum(0), 1)
        says = "The mean is taken over each sequence, then over the batch, and not over all weights at once."
        yield from _if_it_fits(says, finding, finding.y, weights=each, reduction="sum")


def _read_anyhow(finding, w):
    """Yield y as a reader may take it where its weight is 0: as it is, as 0, or as a class counted from the end."""
    y = finding.y
    yield y
    yield np.where(w.reshape(*w.shape, *[1] * (y.ndim - w.ndim)) > 0, y, 0)
    if finding.options["loss"] == "cross_entropy":
        yield np.where(y < 0, y + finding.trace.o.shape[-1], y)


def _if_it_fits(says, finding, y, **options):
    try:
        answer = flawed(None, finding.trace, y, **finding.options | options)
    except ValueError:  # what stands where the weight is 0 is no label
        return
    yield says, tables(answer)


def _from_zero(finding):
    trace = finding.trace
    if trace.h[0].any():
        answer = tables(flawed(None, run_from_zero(trace), finding.y, **finding.options))
        yield "It is the gradient of the sequence that starts from h_0 = 0, not from the h_0 that is given.", answer


def _decayed(finding):
    """What is wrong is the right gradient plus lambda W, with one lambda."""
    weights = {name: W for name, W in finding.trace.params._asdict().items() if name in finding.wrong_names}
    size = sum((W.astype(float) ** 2).sum() for W in weights.values())
    if not size:
        return
    decay = 0
    for key in finding.given:
        if key.name in weights:
            error = finding.comparisons[key].tested - finding.comparisons[key].reference
            decay += ((error.mean(0) if key.steps else error) * weights[key.name]).sum() / size
    answer = _changed(finding, lambda name, rows: rows + decay * weights[name] if name in weights else rows)
    yield f"Weight decay is in it: lambda W with lambda = {decay:.4g}, which is the slope of another loss.", answer


def _clipped(finding):
    """No entry of what was given is larger than c, and several are as large."""
    for but in (("h", "o"), ("h", "o", "h0")):  # h_0 is no parameter of a model
        given = {key.name: finding.comparisons[key] for key in finding.given if key.name not in but}
        c = max((np.abs(compared.tested).max() for compared in given.values()), default=0)
        larger = sum((np.abs(compared.reference) > c).sum() for compared in given.values())
        if larger > 1:
            answer = _changed(finding, lambda name, rows, c=c, given=given: rows.clip(-c, c) if name in given else rows)
            yield f"Entries are clipped by value, at {c:.4g}.", answer


def _scaled_to_one_norm(finding):
    """What is wrong has been scaled, each parameter by itself, to the same norm."""
    sums = [Key(name) for name in finding.wrong_names if name not in ("h", "o")]
    norms = [np.linalg.norm(finding.comparisons[key].tested) for key in sums]
    if len(sums) > 1 and np.ptp(norms) <= 1e-5 * max(norms):
        right = finding.reference
        scale = {key.name: n / np.linalg.norm(right[key]) for key, n in zip(sums, norms, strict=True)}
        answer = {key: scale.get(key.name, 1) * rows for key, rows in right.items()}
        yield f"Each gradient by itself is scaled to the norm {norms[0]:.4g}: clipping by norm.", answer


def _changed(finding, change):
    """Return the right gradient when each array of it that was given is changed."""
    answer = {}
    for key in finding.given:
        answer[key] = change(key.name, finding.comparisons[key].reference)
        if key.steps and key.name not in ("h", "o"):
            answer[Key(key.name)] = answer[key].sum(0)
    return answer


def run_from_zero(trace):
    """Return the forward pass that starts from h_0 = 0."""
    return forward(trace.params, trace.x, activation=trace.activation)
