"""The tasks of notebook 06: find the mistake in a backward pass, and the complex step.

What is held against the repaired backward pass is ``checking.mistakes``; against the complex step, a derivative that is
known in closed form.
"""

import numpy as np

from ..checking.finite_differences import complex_step
from ..checking.mistakes import flawed
from ..rnn import forward, init_params
from ._task import Task, Wrong

MISTAKES = "W_hh untransposed", "no slope", "no 1/T"


def _problem(seed):
    rng = np.random.default_rng(seed)
    params = init_params(2, 3, 2, bias=True, seed=seed)
    x, y = rng.normal(size=(2, 4, 2))
    return forward(params, x, h0=rng.normal(size=3), activation="tanh"), y


def _with(mistake):
    def rows(trace, y):
        found = flawed(mistake, trace, y)
        return found | {"h0": found["h0"][:1]}  # h_0 is used in step 1 alone

    return rows


def _h_t_and_no_step_1(trace, y):
    rows = _with("step 1 skipped")(trace, y)
    rows["W_hh"][1:] = flawed("h_t for h_{t-1}", trace, y)["W_hh"][1:]
    return rows


def _cubes(v):
    return (v**3 * np.arange(1, len(v) + 1)).sum()


def _mixed(v):
    return np.exp(v[0]) * np.sin(v[1]) * v[2]


def _undivided(f, v):
    return 1e-30 * complex_step(f, v)


def _all_at_once(f, v):
    return complex_step(f, v).sum()


def _which_pass(answer):
    """Return a hint for the settings on which three mistakes are to pass, "" if they do."""
    if not isinstance(answer, dict) or answer.keys() != {"T", "activation", "kind"}:
        return 'A dict with the keys "T", "activation" and "kind" is wanted.'
    from ..experiments import gradient_check

    failing = [name for name in MISTAKES if gradient_check(mistake=name, **answer).report.verdict != "PASS"]
    return f"{_LOOK[failing[0]]} {len(failing)} of 3 still show." if failing else ""


_LOOK = {
    "W_hh untransposed": "Which matrices are their own transpose? Others show a missing transpose, if only in h_0.",
    "no slope": "For which phi is the slope the same number everywhere, so that leaving it out changes nothing?",
    "no 1/T": "When does the mean over time divide by nothing but one?",
}

_AT_T = "The picture is right at t = T, and this line does the same work there as before: look at what is new before T."
TASKS = [
    Task(
        key="06.1",
        right=10,
        hint="A whole number from the comments is wanted. Right at T, wrong before: what happens between two steps?",
        wrong=(
            Wrong(1, "W_qh and b_q are right, and they need nothing but dL/do_t: 9.7.11 is right."),
            Wrong(2, "What flows into step T is zero, and the picture is right at t = T: this is the right start."),
            Wrong(3, "W_qh is right in every step, so the loop visits every step."),
            Wrong(4, "Both terms of 9.7.14 are here. Is what arrives in `flow` what 9.7.14 wants?"),
            Wrong(5, _AT_T),
            Wrong(6, "b_h is wrong too, and no input is multiplied there: what flows is wrong already."),
            Wrong(7, "b_h is wrong too, and no state is multiplied there: what flows is wrong already."),
            Wrong(8, "The band of W_qh is pale: 9.7.12 is right."),
            Wrong(9, _AT_T),
            Wrong(11, "h_0 is wrong because what flows to it is wrong, in the steps after it already."),
        ),
    ),
    Task(
        key="06.2",
        right=_with(None),
        hint="Put each band beside the code: which is wrong in step 1, and which in the others, too? See `mine`.",
        wrong=(
            Wrong(
                _with("h_t for h_{t-1}"),
                "One is mended. W_hh alone is still wrong, in all steps: what is dL/dz_t multiplied by in 9.7.16?",
            ),
            Wrong(_with("step 1 skipped"), "One is mended. All is wrong in step 1: does the loop get there?"),
            Wrong(_h_t_and_no_step_1, "Both mistakes are still there."),
            Wrong(_with("W_hh untransposed"), "This is W_hh where its transpose belongs: 9.7.14."),
        ),
        cases=[_problem(1), _problem(2)],
        tolerance=1e-9,
    ),
    Task(
        key="06.3",
        right=complex_step,
        hint="Move one entry at a time by i epsilon and keep the imaginary part of f, over epsilon.",
        wrong=(
            Wrong(complex_step, "Nearly: but digits are lost. Where do you subtract, and how small is epsilon?", 1e-2),
            Wrong(_undivided, "The imaginary part still has to be divided by epsilon."),
            Wrong(_all_at_once, "This is one number: all entries have moved together, and their slopes are added up."),
            Wrong(
                lambda f, v: np.full(len(v), f(v)), "This is f itself, the real part: the slope is in the other one."
            ),
        ),
        cases=[(_cubes, np.array([0.5, -1.0, 2.0])), (_mixed, np.array([0.3, 1.1, -0.7]))],
        tolerance=1e-12,
    ),
    Task(key="06.4", right=None, hint="", judge=_which_pass),
]
