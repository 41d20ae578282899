"""The tasks of notebook 07: matrices that grow before they vanish, the bound, the conditions, the lost direction."""

import numpy as np

from ._task import Task, Wrong


def _matrix(answer, n):
    """Return the answer as an array of floats, or a hint."""
    found = np.asarray(answer)
    if found.dtype == object:
        return "There is no answer yet: every entry must be a number."
    if found.shape != (n, n) or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        return f"An array of finite numbers of shape ({n}, {n}) is wanted."
    return found.astype(float)


def _grows_first(answer):
    W = _matrix(answer, 2)
    if isinstance(W, str):
        return W
    radius = np.abs(np.linalg.eigvals(W)).max()
    if radius >= 1:
        return "An eigenvalue is not below 1 in size. A triangular matrix shows its eigenvalues on the diagonal."
    power = np.linalg.norm(np.linalg.matrix_power(W, 10), 2)
    if np.linalg.norm(W, 2) <= 1:
        return "The largest singular value is at most 1: no vector is stretched in any step."
    if power <= 1:
        return (
            "It stretches in the first step, and after ten steps it has vanished. Eigenvalues closer to 1 last longer."
        )
    if power <= 1000:
        return "The tenth power grows, but not a thousandfold: the eigenvectors must be more nearly parallel."
    return ""


def _largest(W, gamma, k):
    return k * np.log10(gamma * np.linalg.svd(W, compute_uv=False)[0])


def _radius(W, gamma, k):
    return k * np.log10(gamma * np.abs(np.linalg.eigvals(W)).max())


_CASES = [(np.array([[0.9, 2.0], [0.0, 0.5]]), 1.0, 7), (np.array([[0.0, 3.0], [0.2, 1.0]]), 0.25, 30)]


def _four(answer):
    """Return a hint for what is said of the four networks of 07.3, "" if all is right."""
    said = [str(word).strip().lower() for word in answer] if isinstance(answer, (tuple, list)) else []
    if len(said) != 4 or not {*said} <= {"vanishes", "explodes", "undecided"}:
        return 'Four words are wanted, each "vanishes", "explodes" or "undecided".'
    wrong = [n for n, (word, right) in enumerate(zip(said, _known(), strict=True)) if word != right]
    return _ABOUT[wrong[0]] if wrong else ""


def _known():
    """Return what ``laws.conditions`` knows of four such networks."""
    from ..laws import conditions

    gaussian = np.random.default_rng(0).normal(size=(64, 64))
    networks = (
        (np.diag([0.9, 0.3]), "tanh"),
        (np.diag([3.0, 1.0]), "sigmoid"),
        (np.array([[0.9, 4.85], [0.0, 0.5]]), "identity"),
        (1.2 * gaussian / np.abs(np.linalg.eigvals(gaussian)).max(), "tanh"),
    )
    found = [conditions(*network) for network in networks]
    return ["vanishes" if f.vanishing == "certain" else "undecided" if f.exploding != "certain" else "" for f in found]


_ABOUT = (
    "1: gamma is 1 for tanh. Is gamma sigma_max below 1, and is that sufficient or necessary?",
    "2: the slope of the sigmoid has a bound of its own. What is gamma times sigma_max?",
    "3: linear, and in the long run. Which number decides there, rho or sigma_max?",
    "4: with tanh, the slopes stand between any two factors W_hh. Do you know them before the input?",
)


def _nilpotent(answer):
    W = _matrix(answer, 3)
    if isinstance(W, str):
        return W
    if np.linalg.norm(W, 2) < 10 * (1 - 1e-12):
        return "The largest singular value is below 10: which vector does it stretch the most?"
    if np.linalg.matrix_power(W, 3).any():
        return "The third power is not exactly zero. All eigenvalues must be 0: where does that leave entries free?"
    return ""


RATIO, SHARE = 0.9, 0.01
_STEPS = next(k for k in range(1000) if RATIO**k <= SHARE)

TASKS = [
    Task(key="07.1", right=None, hint="", judge=_grows_first),
    Task(
        key="07.2",
        right=_largest,
        hint="Each step back multiplies by a slope and by the transpose of W_hh. How much can each stretch at most?",
        wrong=(
            Wrong(_radius, "This is the spectral radius. It decides about the long run, and bounds no single step."),
            Wrong(
                lambda W, gamma, k: _largest(W, 1.0, k), "gamma is missing: the slopes stand between the factors W_hh."
            ),
            Wrong(
                lambda W, gamma, k: _largest(W, 1.0, k) + np.log10(gamma),
                "There are k slopes, one in each step, and this has one.",
            ),
            Wrong(lambda W, gamma, k: _largest(W, gamma, 1) + 0 * k, "This is one step. How many are there?"),
            Wrong(
                lambda W, gamma, k: np.log(10) * _largest(W, gamma, k), "This is the natural logarithm: no decades yet."
            ),
            Wrong(lambda W, gamma, k: 10 ** _largest(W, gamma, k), "This is the factor; decades are its logarithm."),
            Wrong(
                lambda W, gamma, k: k * np.log10(gamma * np.linalg.norm(W)),
                "A bound, but not the best: this norm adds up all singular values. Take the largest alone.",
            ),
        ),
        cases=_CASES,
    ),
    Task(key="07.3", right=None, hint="", judge=_four),
    Task(
        key="07.4",
        right=_STEPS,
        hint="After k steps the two coordinates have been multiplied by the k-th powers of their eigenvalues.",
        wrong=(
            Wrong(
                np.log(SHARE) / np.log(RATIO), "Nearly: a whole number of steps is wanted, so that it is small enough."
            ),
            Wrong(_STEPS - 1, "One step too early: it is still above one per cent."),
            Wrong(_STEPS + 1, "It is at most one per cent one step before already: no step is needed for k = 0."),
            Wrong(
                next(k for k in range(1000) if RATIO ** (2 * k) <= SHARE),
                "This is the ratio of the squares. The coordinates themselves go as the k-th power.",
            ),
        ),
    ),
    Task(key="07.5", right=None, hint="", judge=_nilpotent),
]
