"""Is this gradient right? Every entry, at every time step, at a tolerance that is measured.

The way: the reference by the complex step along the states that the forward pass has stored (``reference``); how far
rounding alone may carry a gradient, measured on perturbed copies of the problem at hand (``perturbation``) and turned
into a bound (``tolerance``); the comparison (``finding``); and if it fails, in which steps (``localization``), and by
which mistake (``diagnosis``). What each step contributes is compared by itself, so that a term of relative size 1e-9
stands beside its like and not beside a big neighbor.

Shapes: what step t contributes to the gradient of a parameter stands in row t - 1 of (T, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .. import _validation
from .._progress import patient
from ..rnn import Params, forward, targets
from . import diagnosis, perturbation
from .finding import Expected, Key, NetworkFinding, any_wrong, compare
from .functions import check_gradient
from .linearization import tables
from .reference import along_states
from .report import Report, _report_on
from .tolerance import PERTURBATIONS, own_tolerances, tolerances
from .under_test import UnderTest

__all__ = ["check_gradient", "check_gradients"]


def check_gradients(
    params: Params,
    x: ArrayLike,
    y: ArrayLike,
    *,
    h0: ArrayLike | None = None,
    activation: str = "identity",
    loss: str = "squared_error",
    reduction: str = "mean",
    weights: ArrayLike | None = None,
    gradient: Callable | None = None,
    contributions: Callable | None = None,
    seed: int = 0,
) -> Report:
    """Check the gradient of L with respect to every parameter and h_0.

    Parameters
    ----------
    params, x, y, h0, activation, loss, reduction, weights
        As for ``forward`` and ``loss``.
    gradient : callable, optional
        The reader's own backward pass: ``gradient(trace, y)`` returns a mapping from parameter name to
        array (a ``Gradients`` or a ``Params`` will do; some parameters may be left out). It gets y as it was given,
        also where a weight is 0. Without it, ``backward`` is checked.
    contributions : callable, optional
        The same in T rows: ``contributions(trace, y)`` returns arrays with a leading axis of T, row t - 1 the
        derivative with respect to the copy of the parameter that step t uses (h0: row 0 only).
    seed : int
        For the perturbations that measure the tolerance.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be; if the gradient under test has a wrong name or shape, or
        answers differently when asked again. What it raises itself comes through, with a note.

    Notes
    -----
    The tolerance (see ``tolerance``) comes from the spread of 48 backward passes, with every stored number moved by
    one unit in the last place, at a false-alarm rate of 1e-6 over all entries and steps; the reference's own rounding
    is added. If the gradient under test is outside, its own spread over the same copies counts where that is wider.
    Nothing is called wrong where the tolerance would exceed the number itself, or a tenth of it in the case of such
    a spread: perhaps that gradient runs forward anew, and chaos carries it along other states.
    The unit in the last place is that of the network: float32 is judged in float64, but by its own rounding and
    along its own states.
    """
    for word, given in (("gradient", gradient), ("contributions", contributions)):
        if given is not None:
            _validation.function(word, given)
    if gradient is not None and contributions is not None:
        raise ValueError("gradient and contributions are both given, wanted one of them")
    seed = _validation.seed("seed", seed)
    trace = forward(params, x, h0=h0, activation=activation)
    _validation.all_real(**params._asdict(), x=x, h0=h0, y=y)
    trace = _in_float(trace)
    looked_at = targets(trace, y, loss, reduction, weights)[1]
    weights = None if weights is None else np.array(weights, float)
    options = {"loss": loss, "reduction": reduction, "weights": weights}
    y = np.asarray(y).astype(looked_at.dtype)
    return _checked(trace, y, looked_at, options, UnderTest.of(gradient, contributions, trace, options), seed)


def _checked(trace, y, looked_at, options, under_test, seed):
    """Go the way: reference, perturbation, tolerance, comparison, finding, diagnosis, report.

    ``looked_at`` is y, with something harmless where its weight is 0.
    """
    tested = under_test(trace, y)
    found, kinks = along_states(trace, y, **options)
    answers = [tables(answer) for answer in found]
    copies = partial(perturbation.in_groups, trace, looked_at, options["loss"], seed, PERTURBATIONS)
    deviations = _deviations_of_ours(copies(), answers[0], trace, options, np.random.default_rng((seed, 1)))
    tolerance = tolerances(deviations, answers[0], trace)
    comparisons = compare(tested, answers, tolerance)
    if any_wrong(comparisons):
        under_test.again(tested, trace, y)
        groups = (perturbation.as_given(group, y, looked_at) for group in copies())
        runs = patient(under_test.of_copies(groups, trace), PERTURBATIONS)
        wider = own_tolerances(runs, comparisons, answers, deviations, trace)
        comparisons = {key: compared.within(wider[key]) for key, compared in comparisons.items()}
    explained = ()
    if any_wrong(comparisons):
        expected = {
            key.name: Expected(answers[0][key], _rounds_more(comparisons, key.name) * tolerance[key])
            for key in tolerance
            if key.steps
        }
        reads_states = under_test.reads_states(tested, trace, y, seed)
        finding = NetworkFinding(comparisons, expected, trace, y, options, under_test, reads_states)
        explained = diagnosis.explain(finding)
    left_out = tuple(name for name in under_test.shapes if Key(name) not in tested and name != "h0")
    return _report_on(comparisons, kinks, *explained)._replace(left_out=left_out)


def _rounds_more(comparisons, name):
    """Return how many times as far as ours rounding carries the gradient under test."""
    mine = [compared for key, compared in comparisons.items() if key.name == name]
    with np.errstate(over="ignore", invalid="ignore"):  # what has no tolerance at all
        return np.fmax.reduce([1.0, *(np.fmax.reduce(one.tolerance / one.detection_limit, None) for one in mine)])


def _deviations_of_ours(copies, reference, trace, options, rng):
    """Return the standard deviations of our gradient over perturbed copies."""
    ours = (tables(one) for group in copies for one in perturbation.answers(group, trace, rng=rng, **options))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no tolerance, and is said to be blind
        return perturbation.spread(ours, reference)[1]


def _in_float(trace):
    if trace.h.dtype in (np.float32, np.float64):
        return trace
    params = Params(*(None if W is None else W.astype(float) for W in trace.params))
    return forward(params, trace.x.astype(float), h0=trace.h[0].astype(float), activation=trace.activation)
