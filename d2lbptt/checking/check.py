"""Is this gradient right? Every entry, at every time step, at a tolerance that is measured.

The reference is the complex step along the states that the forward pass has stored (``reference``). How far rounding
alone may carry a gradient is measured on the problem at hand: every stored number is moved by one unit in the last
place, several times, and the gradient calculated anew; Student's t turns the spread into a bound. What each step brings
is compared by itself, so that a term of relative size 1e-9 stands beside its like and not beside a big neighbour.

Shapes: what step t brings to the gradient of a parameter stands in row t - 1 of (T, ...).
"""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from .. import _validation
from .._progress import patient
from .._recursion import affine, row_norms
from ..bptt import Gradients, backward
from ..rnn import Params, Trace, forward, targets
from ..untied import Key
from . import diagnosis, perturbation
from .finite_differences import COARSE, _function_at, _Lines, _number, complex_step, ridders
from .linearization import tables
from .reference import STEP, along_states
from .report import Report, Row
from .tolerance import BLIND_ABOVE, SHAKES, bound_of, sized, standard_deviations, tolerances, unless_lost, with_its_own

__all__ = ["check_gradient", "check_gradients"]
TWICE = 8  # times: what draws may draw the same once or twice
DIRECTIONS = 4  # along which the complex step is tried
RIDDERS = 4  # times its own estimate is what the error of ridders stays below: see tests/test_differences.py


def check_gradients(
    params,
    x,
    y,
    *,
    h0=None,
    activation="identity",
    loss="squared_error",
    reduction="mean",
    gradient=None,
    contributions=None,
    seed=0,
):
    """Check the gradient of L with respect to every parameter and h_0.

    Parameters
    ----------
    params, x, y, h0, activation, loss, reduction
        As for ``forward`` and ``loss``.
    gradient : callable, optional
        The reader's own backward pass: ``gradient(trace, y)`` returns a mapping from parameter name to
        array (a ``Gradients`` will do; some parameters may be left out). Without it, ``backward`` is checked.
    contributions : callable, optional
        The same in T rows: ``contributions(trace, y)`` returns arrays with a leading axis of T, row t - 1 the
        derivative with respect to the copy of the parameter that step t uses (h0: row 0 only).
    seed : int
        For the shakes that measure the tolerance.

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
    is added. If the gradient under test is outside, its own spread over the same shakes counts where that is wider.
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
    seed, options = _validation.seed("seed", seed), {"loss": loss, "reduction": reduction}
    trace = forward(params, x, h0=h0, activation=activation)
    _validation.all_real(**params._asdict(), x=x, h0=h0, y=y)
    trace = _in_float(trace)
    y = targets(trace, y, loss, reduction)[1]
    asked = _Asked.of(gradient, contributions, trace, options)
    tested = asked(trace, y)
    answers, kinks = along_states(trace, y, **options)
    answers = [tables(answer) for answer in answers]
    shakes = partial(perturbation.in_groups, trace, y, loss, seed, SHAKES)
    spread, tolerance = _measured(shakes, trace, answers[0], options, np.random.default_rng((seed, 1)))
    reference, ratio = answers[0] | _nearest(tested, answers), _ratio(tested, answers, tolerance)
    finding = diagnosis.Finding(trace, np.asarray(y), options, asked, tested, reference, tolerance, ratio)
    steps, hint, reach = (), "", ""
    if _wrong(ratio):
        asked.again(tested, trace, y)
        wider = _with_its_own(finding, shakes, spread, answers)
        finding = finding._replace(tolerance=wider, ratio=_ratio(tested, answers, wider))
    if _wrong(finding.ratio):
        finding = finding._replace(hears=asked.hears(tested, trace, y, seed))
        steps, hint, reach = diagnosis.explain(finding)
    return _report(finding, steps, hint, reach, kinks, tolerance)


def _measured(shakes, trace, reference, options, rng):
    """Return how much our gradient varies over the shakes, and the tolerance that follows."""
    ours = (tables(one) for shaken in shakes() for one in perturbation.answers(shaken, trace, *options.values(), rng))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no tolerance, and is said to be blind
        _, spread = perturbation.spread(ours, reference)
    found = tolerances(spread, reference, trace)
    return spread, {key: unless_lost(key, value, value, reference[key], 1) for key, value in found.items()}


def _with_its_own(finding, shakes, spread, answers):
    """Return the tolerance where the gradient under test varies more over the shakes than ours."""
    trace, tested, sizes = finding.trace, finding.tested, {key: [] for key in finding.tested}
    shaken = (one for group in shakes() for one in perturbation.traces(group, trace))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, own = perturbation.spread(sized((finding.ask(*one) for one in patient(shaken, SHAKES)), sizes), tested)
    # What jumps from one side of a kink to the other does not do so by rounding: all between is right there.
    kinky = {key: np.ptp([answer[key] for answer in answers], 0) > finding.tolerance[key] for key in tested}
    own = {key: np.where(kinky[key], 0, own[key]) for key in tested}
    wider = with_its_own(mean, own, sizes, spread, tested, answers[0], trace)
    return finding.tolerance | {key: np.fmax(finding.tolerance[key], value) for key, value in wider.items()}


def check_gradient(f, theta, grad, *, method="auto", seed=0):
    """Check the gradient of any scalar function of an array.

    Parameters
    ----------
    f : callable
        Takes an array shaped as theta, returns a real number.
    theta : array of real numbers
    grad : array, shaped as theta, or callable
        The gradient under test at theta, or ``grad(theta)``, which returns it.
    method : {"auto", "complex", "ridders"}
        Where the reference comes from. The complex step wants an f that is analytic and calculates with
        complex numbers: abs, max, conj and float() are not. "auto" tries it along some directions, asks
        ``ridders`` whether the slope is right along one, and takes ``ridders`` if not, or if f stands still where
        it should move (low precision), or if the imaginary part is 0. With "complex", BLIND is said then.
    seed : int
        For the direction, and for the shakes that measure the tolerance.

    Returns
    -------
    Report
        With one row, "theta". ``kinks`` holds the entries in which f has a slope from the left and another one from
        the right; there all between them is right.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or f returns something else than a finite number, or another one
        when it is asked again at theta, or ``grad`` another array.

    Notes
    -----
    With the complex step, the tolerance comes from 48 repetitions at a theta that is moved by one unit in the last
    place, each with a step h of its own, so that the imaginary parts round anew: 50 evaluations of f for each entry
    of theta. With ``ridders`` it is four times what that estimates of its own error, which is no statistical bound.
    """
    _validation.one_of("method", method, ("auto", "complex", "ridders"))
    f, theta = _function_at(f, theta)
    key, rng = Key("theta"), np.random.default_rng(_validation.seed("seed", seed))
    f = _Steady(f, theta)
    tested = {key: f.unmoved(_given, grad, theta)}
    if callable(grad) and not np.array_equal(_given(grad, theta), tested[key], equal_nan=True):
        raise ValueError("grad returned another array when it was called again, wanted the same")
    witness = f.unmoved(_witness, f, theta, method, rng)
    answers, tolerance = [{key: answer} for answer in witness.answers], {key: witness.tolerance}
    ratio = _ratio(tested, answers, tolerance)
    finding = diagnosis.Finding(None, None, {}, None, tested, _nearest(tested, answers), tolerance, ratio)
    if witness.exact and callable(grad) and _wrong(ratio):
        wider = {key: witness.tolerance + _of_its_own(grad, theta, rng)}
        finding = finding._replace(tolerance=wider, ratio=_ratio(tested, answers, wider))
    hint = diagnosis.of_one_array(finding) if _wrong(finding.ratio) else ""
    return _report(finding, (), hint, witness.reach, witness.kinks, tolerance)


class _Steady:
    """f, which is asked at theta again and again: a function always returns the same number."""

    def __init__(self, f, theta):
        self.f, self.theta = f, theta
        self.here = _number(self(theta.copy()), theta)
        self.again(TWICE)

    def __call__(self, theta):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step may leave the domain of f
            return self.f(theta)

    def again(self, times=1):
        """Complain if f does not return what it did at first."""
        for found in (self(self.theta.copy()) for _ in range(times)):
            if np.ndim(found) or found != self.here:
                raise ValueError(
                    f"f returned {self.here!r}, then {found!s:.40} at the same theta, wanted the same number again: "
                    "does it draw, or remember, or is an array changed that it uses?"
                )

    def unmoved(self, function, *arguments):
        """Return what a function returns, if f is still the same afterwards."""
        found = function(*arguments)
        self.again()
        return found


def _given(grad, theta):
    found = _validation.real("grad", grad(theta.copy()) if callable(grad) else grad)
    return _validation.shaped("grad", found, theta.shape, "the shape of theta").astype(float)


class _Witness(NamedTuple):
    """What a gradient is compared with: numbers between which all is right, and how well they are known."""

    answers: list
    tolerance: np.ndarray
    reach: str
    kinks: tuple = ()
    exact: bool = False


def _witness(f, theta, method, rng):
    lines = _Lines(f, theta)
    why = _why_not_complex(f, theta, lines, rng) if method != "ridders" else lines.coarse()
    if method == "complex" and why:
        nothing = np.zeros(theta.shape)
        return _Witness([nothing], nothing + np.inf, f"The complex step says nothing here: {why}.")
    if method == "ridders" or why:
        return _by_differences(lines, f"The reference is Ridders' extrapolation of differences{'; ' * bool(why)}{why}.")
    return _by_complex_step(f, theta, rng)


def _why_not_complex(f, theta, lines, rng):
    """Return nothing if the complex step of f is right along some directions, else why it will not do."""
    directions = rng.choice((-1.0, 1.0), (DIRECTIONS, *theta.shape)) * np.maximum(np.abs(theta), 0.1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)  # float() of a complex number
            found = np.array([np.imag(f(theta + 1j * STEP * one)) / STEP for one in directions])
    except Exception:  # whatever it cannot do with complex numbers
        return lines.coarse() or "f does not calculate with complex numbers"
    # Where the complex step says that f climbs, it must; where it says nothing, f may have dropped it.
    if not found.any() or np.abs(found).max() * lines.stands_still > COARSE * np.spacing(abs(f.here)):
        return lines.coarse() or "f drops the imaginary part"
    slope = ridders(lambda s: f(theta + s * directions[0]), 0.0)
    return "" if abs(found[0] - slope.value) <= RIDDERS * slope.error else "f is not analytic"


def _by_complex_step(f, theta, rng):
    reference = complex_step(f, theta)
    runs = ((moved, STEP * rng.uniform(0.5, 1)) for moved in perturbation.moved_copies(theta, rng, SHAKES))
    tables = ({"f": complex_step(f, moved, h)} for moved, h in patient(runs, SHAKES))
    _, spread = perturbation.spread(tables, {"f": reference})
    # Both sides round: the gradient under test as much as the reference.
    deviation = np.sqrt(2) * spread["f"]
    # The error of the formula falls with h^2, and is all there is where the derivative is zero.
    formula = 4 / 3 * np.abs(reference - complex_step(f, theta, STEP / 2))
    reference = np.where(np.abs(reference) <= 2 * formula, 0, reference)
    return _Witness([reference], formula + _bound(deviation, reference), "The reference is the complex step.", (), True)


def _of_its_own(grad, theta, rng):
    """Return how far rounding carries the gradient under test, if that can be asked."""
    found = {"g": _given(grad, theta)}
    runs = ({"g": _given(grad, moved)} for moved in perturbation.moved_copies(theta, rng, SHAKES))
    return _bound(perturbation.spread(patient(runs, SHAKES), found)[1]["g"], found["g"])


def _bound(deviation, numbers):
    size = np.abs(numbers)
    return bound_of(deviation, standard_deviations({"f": numbers}), size, size, 1, float)


def _by_differences(lines, reach):
    found, left, right = (lines.everywhere(side) for side in (lines.two_sided, lines.left, lines.right))
    coarse = bool(lines.coarse())
    times = 2 * RIDDERS if coarse else RIDDERS  # stairs are no independent noise
    unsure = times * (left.error + right.error)
    # Of a function in stairs only a large gap is a kink.
    least = BLIND_ABOVE * np.abs(found.value).max() if coarse else 0
    kink = np.abs(right.value - left.value) > np.maximum(unsure, least)
    answers = [np.where(kink, side.value, found.value) for side in (left, right)]
    tolerance = np.where(kink, unsure, times * found.error)
    # A slope may hide behind none at all, where f hardly moves by more than it is known to.
    hidden = not np.any(answers) and not tolerance.max() * lines.reach <= BLIND_ABOVE * lines.moves()
    if hidden or lines.stairs.width > 1:
        tolerance = np.full(tolerance.shape, np.inf)
    return _Witness(answers, tolerance, reach, np.argwhere(kink))


def _in_float(trace):
    if trace.h.dtype in (np.float32, np.float64):
        return trace
    params = Params(*(None if W is None else W.astype(float) for W in trace.params))
    return forward(params, trace.x.astype(float), h0=trace.h[0].astype(float), activation=trace.activation)


class _Asked(NamedTuple):
    """The gradient under test: called, its answer looked at once and brought into float64 tables."""

    function: Callable
    steps: bool
    shapes: dict

    @classmethod
    def of(cls, gradient, contributions, trace, options):
        def ours(trace, y):
            return backward(trace, y, **options)

        params = {name: W for name, W in trace.params._asdict().items() if W is not None}
        shapes = {name: a.shape for name, a in {**params, "h0": trace.h[0]}.items()}
        return cls(contributions or gradient or ours, contributions is not None, shapes)

    def __call__(self, trace, y):
        word = "contributions" if self.steps else "gradient"
        try:
            found = self.function(_copied(trace), np.array(y))  # it may write into them
        except Exception as error:
            error.add_note(f"This was raised by {word}, called with a trace of T = {len(trace.x)} steps and y.")
            raise
        found = found._asdict() if isinstance(found, (Gradients, Params)) else found
        if not isinstance(found, Mapping):
            raise TypeError(f"{word} returned a {type(found).__name__}, wanted a mapping from parameter name to array")
        rows = {} if self.steps else {"h": trace.h[1:].shape, "o": trace.o.shape}
        wanted = {**self.shapes, **rows}
        unknown = set(found) - set(Gradients._fields)
        if unknown:
            raise ValueError(f"{word} has the name {unknown.pop()!r}, wanted some of {', '.join(self.shapes)}")
        given = {name: found[name] for name in wanted if found.get(name) is not None}
        if not set(given) & set(self.shapes):
            raise ValueError(f"{word} is empty, wanted some of {', '.join(self.shapes)}")
        if self.steps:
            answer = {name: self._steps(name, value, len(trace.x)) for name, value in given.items()}
            return tables(answer)
        return {
            Key(name, name in rows): _array(f"the gradient of {name}", value, wanted[name])
            for name, value in given.items()
        }

    def _steps(self, name, value, T):
        symbol, shape = f"the contributions to {name}", self.shapes[name]
        if name == "h0" and np.shape(value) == (1, *shape):
            return np.concatenate([_array(symbol, value, (1, *shape)), np.zeros((T - 1, *shape))])
        return _array(symbol, value, (T, *shape))

    def again(self, tested, trace, y):
        """Complain if the answer is another one when asked again."""
        for key, value in self(trace, y).items():
            if not np.array_equal(value, tested[key], equal_nan=True):
                word = "contributions" if self.steps else "gradient"
                raise ValueError(f"{word} returned another {key.name} when it was called again, wanted the same")

    def hears(self, tested, trace, y, seed):
        """Whether the answer is another one when the states, or else the inputs, are moved a little."""
        rng = np.random.default_rng((seed, 2))
        h, x = (a + (1e-3 * rng.normal(size=a.shape)).astype(a.dtype) for a in (trace.h, trace.x))
        moved = [trace._replace(h=h, o=affine(trace.params.W_qh, h[1:], trace.params.b_q))]
        moved += [trace._replace(x=x)] * (Key("W_hx") in tested)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                others = [self(one, y) for one in moved]
        except Exception:  # it may have been written for this one trace
            return False
        return not any(
            all(np.array_equal(value, tested[key], equal_nan=True) for key, value in other.items()) for other in others
        )


def _copied(trace):
    params = Params(*(None if W is None else W.copy() for W in trace.params))
    return Trace(params, *(a.copy() for a in trace[1:4]), trace.activation)


def _array(symbol, value, shape):
    found = _validation.real(symbol, value)
    if found.shape != shape:
        turned = found.ndim > 1 and found.swapaxes(-1, -2).shape == shape
        words = ": yours looks transposed" * turned
        raise ValueError(f"{symbol} has shape {found.shape}, wanted {shape}{words}")
    return found.astype(float)


def _nearest(tested, answers):
    """Return the right numbers that are nearest to those under test: where answers differ, all between is right."""
    return {
        key: np.clip(analytic, *(pick.reduce([answer[key] for answer in answers]) for pick in (np.minimum, np.maximum)))
        for key, analytic in tested.items()
    }


def _ratio(tested, answers, tolerance):
    """Return |analytic - reference| / tolerance of every entry."""
    nearest = _nearest(tested, answers)
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = {key: np.abs(analytic - nearest[key]) / tolerance[key] for key, analytic in tested.items()}
    # What is not a number agrees with nothing; what has no tolerance cannot be judged.
    return {
        key: np.where(np.isfinite(tested[key]), np.where(np.isnan(value), 0, value), np.inf)
        for key, value in ratio.items()
    }


def _wrong(ratio):
    return any((value > 1).any() for value in ratio.values())


def _report(finding, steps, hint, reach, kinks, sees):
    rows = tuple(_row(name, finding, sees) for name in dict.fromkeys(key.name for key in finding.tested))
    blind = any(row.blind for row in rows)
    verdict = "FAIL" if _wrong(finding.ratio) else "BLIND" if blind else "PASS"
    return Report(verdict, rows, steps, hint, reach, tuple(tuple(map(int, kink)) for kink in kinks), finding.ratio)


def _row(name, finding, sees):
    keys = [key for key in (Key(name), Key(name, True)) if key in finding.tested]
    key = max(keys, key=lambda key: finding.ratio[key].max())
    index = tuple(map(int, np.unravel_index(np.argmax(finding.ratio[key]), finding.ratio[key].shape)))
    tables = (finding.tested, finding.reference, finding.tolerance, finding.ratio)
    total, right, tolerance = (table[keys[0]] for table in tables[:3])
    largest = max(np.abs(total).max(), np.abs(right).max())
    # Where all is zero there is nothing to be blind to, if that is known.
    blind = not tolerance.max() <= (BLIND_ABOVE * largest or np.finfo(float).max) and not keys[0].steps
    wrong = finding.ratio[key][index] > 1
    return Row(
        name,
        float(row_norms(total.reshape(1, -1))[0]),
        index[1:] if key.steps else index,
        index[0] + 1 if key.steps else None,
        *(float(table[key][index]) for table in tables),
        float((sees[keys[0]] if wrong else tolerance).max()),
        bool(blind),
    )
