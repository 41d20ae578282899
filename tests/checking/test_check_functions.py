"""The check of one scalar function: low precision, stairs, and what is no function at all.

Oracle: the gradient of mean(tanh(A theta)^2) on paper, in float64; f is calculated as badly as a reader's might be.
"""

import numpy as np
import pytest
from loops import for_each
from scipy import stats

from d2lbptt import check_gradient
from d2lbptt.checking import functions


def problem(seed):
    rng = np.random.default_rng(seed)
    A, theta = rng.normal(size=(20, 6)), rng.normal(size=6)
    t = np.tanh(A @ theta)
    return A, theta, 2 * (t * (1 - t**2)) @ A / 20


def exactly(A, theta):
    return np.mean(np.tanh(A @ theta) ** 2)


def in_dtype(dtype):
    """All in a dtype of NumPy, which has no complex numbers here: as torch does, it drops the imaginary part."""
    return lambda A, theta: float(
        np.mean(np.tanh(A.astype(dtype) @ np.real(theta).astype(dtype)) ** 2, dtype=np.dtype(dtype))
    )


def complex64(A, theta):
    theta = theta.astype(np.complex64 if np.iscomplexobj(theta) else np.float32)
    return np.mean(np.tanh(A.astype(np.float32) @ theta) ** 2)


def bfloat16(A, theta):
    """The upper half of a float32, rounded."""
    bits = np.float32(exactly(A, np.real(theta))).view(np.uint32)
    return float(np.uint32((int(bits) + 0x8000) & 0xFFFF0000).view(np.float32))


BADLY = {
    "float32": in_dtype("f4"),
    "complex64": complex64,
    "float32 inside": lambda A, theta: complex64(A, theta) * np.float64(1.7) / 1.7,
    "float16": in_dtype("f2"),
    "bfloat16": bfloat16,
    "2 places": lambda A, theta: round(float(exactly(A, np.real(theta))), 2),
    "4 places": lambda A, theta: round(in_dtype("f4")(A, theta), 4),
    "6 places": lambda A, theta: round(float(exactly(A, np.real(theta))), 6),
    "offset in float32": lambda A, theta: float(np.float32(1e4) + np.float32(exactly(A, np.real(theta)))),
    "offset": lambda A, theta: float(1e9 + exactly(A, np.real(theta))),
    "a whole number": lambda A, theta: float(exactly(A, np.real(theta)) > 0.5),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BADLY)
def test_stairs_give_no_false_verdict(name, monkeypatch):
    """Over 20 seeds: the right gradient is never called wrong, zeros are never called right, and it is said why."""
    verdicts = {"right": [], "zeros": [], "10 % too large": []}
    made = functions._reference
    for seed in range(20):
        A, theta, right = problem(seed)
        kept = {}

        def once(*given, kept=kept):  # what takes the time knows f and theta alone: the same for all three gradients
            return kept.setdefault("reference", kept.get("reference") or made(*given))

        monkeypatch.setattr(functions, "_reference", once)
        for label, factor in zip(verdicts, (1, 0, 1.1), strict=True):
            report = check_gradient(lambda t, A=A: BADLY[name](A, t), theta, factor * right)
            verdicts[label].append(report.verdict)
            assert name == "offset" or "known to" in report.reach or "does not move" in report.reach, report
    assert "FAIL" not in verdicts["right"] and "PASS" not in verdicts["zeros"] + verdicts["10 % too large"], verdicts
    if name in ("float32", "complex64", "float32 inside", "offset"):  # there is enough left to see
        assert verdicts["right"].count("PASS") >= 15 and set(verdicts["zeros"]) == {"FAIL"}, verdicts


@for_each(
    ("name", "words"),
    [
        ("float32", "its values are numbers of float32"),
        ("float16", "its values are numbers of float16"),
        ("bfloat16", "its values are numbers of bfloat16"),
        ("4 places", "its values are rounded to 4 decimal places"),
        ("a whole number", "f does not move near theta"),
    ],
)
def test_what_the_values_are_is_said(name, words):
    A, theta, right = problem(0)
    assert words in str(check_gradient(lambda t: BADLY[name](A, t), theta, right))


@pytest.mark.parametrize("method", ["complex", "ridders"])
@pytest.mark.parametrize("name", ["float32", "4 places", "a whole number"])
def test_stairs_are_seen_whatever_the_method(name, method):
    for seed in range(5):
        A, theta, right = problem(seed)
        verdicts = [
            check_gradient(lambda t, A=A: BADLY[name](A, t), theta, factor * right, method=method).verdict
            for factor in (1, 0)
        ]
        assert verdicts[0] != "FAIL" and verdicts[1] != "PASS"


@pytest.mark.parametrize("f", [exactly, lambda A, theta: float(exactly(A, np.real(theta)))], ids=["complex", "real"])
def test_a_large_offset_hides_nothing_where_float64_has_digits_left(f):
    A, theta, right = problem(1)
    assert check_gradient(lambda t: f(A, t) + 1e3, theta, right)
    assert check_gradient(lambda t: f(A, t) + 1e3, theta, right * (1 + 1e-4)).verdict == "FAIL"


def test_zero_is_right_at_a_minimum():
    """The imaginary part is exactly 0 there, and so is the slope."""
    theta = np.random.default_rng(0).normal(size=4)
    for f in (lambda t: np.cos(t - theta).sum(), lambda t: float(np.cos(np.real(t) - theta).sum())):
        assert check_gradient(f, theta, 0 * theta)
        assert check_gradient(f, theta, 0 * theta + 1e-6).verdict == "FAIL"


def test_a_constant_is_not_told_from_wide_stairs():
    assert check_gradient(lambda t: 3.0, np.ones(3), np.zeros(3)).verdict == "BLIND"


# --- what is no function ---


def remembers():
    state = [np.zeros(6)]

    def f(theta):
        state[0] = np.tanh(0.5 * state[0] + theta)
        return state[0].sum()

    return f


def counts():
    calls = []

    def f(theta):
        calls.append(1)
        return np.sin(theta).sum() + (len(calls) > 12)

    return f


def draws():
    rng = np.random.default_rng(0)
    return lambda theta: float(np.sum(np.real(theta) * (rng.random(6) < 0.5)))


def made_anew():
    rng = np.random.default_rng(0)
    return lambda theta: np.tanh(rng.normal(size=(4, 6)) @ theta).sum()


def half_of_the_time():
    """One unit that is dropped or not: two draws are often the same."""
    rng = np.random.default_rng(0)
    return lambda theta: np.sin(theta).sum() * (rng.random() < 0.5)


@for_each("make", [remembers, counts, draws, made_anew, half_of_the_time])
@for_each("method", ["auto", "complex", "ridders"])
@for_each("zeros", [False, True])
def test_what_is_no_function_is_told_so(make, method, zeros):
    theta = np.linspace(0.1, 1, 6)
    with pytest.raises(ValueError, match=r"f returned .* at the same theta, wanted the same number again"):
        check_gradient(make(), theta, np.cos(theta) * (not zeros), method=method)


def test_an_array_that_grad_changes():
    A, theta, right = problem(0)

    def careless(theta):
        A[:] += 0.01
        return right

    with pytest.raises(ValueError, match=r"f returned .* is an array changed that it uses"):
        check_gradient(lambda t: exactly(A, t), theta, careless)


def test_a_gradient_that_adds_up_over_its_calls():
    A, theta, right = problem(0)
    total = np.zeros(6)

    def accumulates(theta):
        total[:] += right
        return total.copy()

    with pytest.raises(ValueError, match="grad returned another array when it was called again"):
        check_gradient(lambda t: exactly(A, t), theta, accumulates)


# --- how sharply it sees ---


@for_each("size", [1e-3, 1, 1e6, 1e12])
def test_what_would_show_does_not_grow_with_the_error(size):
    A, theta, _ = problem(0)
    A, theta = A[:, :3], theta[:3]

    def grad(theta, size=0):
        t = np.tanh(A @ theta)
        return 2 * (t * (1 - t**2)) @ A / 20 + size * np.sin(1e6 * theta)

    sharp = check_gradient(lambda t: exactly(A, t), theta, grad)
    report = check_gradient(lambda t: exactly(A, t), theta, lambda theta: grad(theta, size))
    assert sharp and report.verdict == "FAIL"
    assert report.worst.visible == pytest.approx(sharp.worst.visible, rel=0.5)


# --- how often it asks ---


def wrong_by_little(seed, off):
    """A gradient that is off by so many tolerances in one entry, which varies by more than most, and which entry."""
    A, theta, right = problem(seed)
    made, references = functions._by_complex_step, []

    def watched(*arguments):
        references.append(made(*arguments))
        return references[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "FIRST", functions.PERTURBATIONS)
        patch.setattr(functions, "_by_complex_step", watched)
        check_gradient(lambda t: exactly(A, t), theta, right)
    ((answer,), tolerance, *_) = references[0]
    worst, wrong = int(np.argmax(tolerance / np.abs(right))), answer.copy()
    wrong[worst] += off * tolerance[worst]
    return A, theta, wrong, worst


@pytest.mark.parametrize("off", [0.6, 0.95, 1.05, 2, 30, 1e4])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_wrong_is_what_all_copies_of_every_entry_call_wrong(seed, off, monkeypatch):
    A, theta, wrong, worst = wrong_by_little(seed, off)
    found = check_gradient(lambda t: exactly(A, t), theta, wrong)
    monkeypatch.setattr(functions, "FIRST", functions.PERTURBATIONS)
    every = check_gradient(lambda t: exactly(A, t), theta, wrong)
    assert found.verdict == every.verdict == ("FAIL" if off > 1 else "PASS")
    assert found.worst.index == every.worst.index == (worst,)
    assert found.worst.ratio == pytest.approx(every.worst.ratio, rel=1e-9) == pytest.approx(off, rel=0.1)


@pytest.mark.parametrize("many", [1, 30])
def test_after_the_first_copies_no_spread_falls_below_what_is_allowed_for(many):
    """Copies that all agree with the mean of the first make the spread as small as it can become."""
    rng = np.random.default_rng(many)
    first = rng.normal(size=(functions.FIRST, many))
    for more in (first.mean(0), rng.normal(size=many), rng.standard_cauchy(size=many)):
        rest = np.broadcast_to(more, (functions.PERTURBATIONS - functions.FIRST, many))
        ratio = np.concatenate([first, rest]).std(0, ddof=1) / first.std(0, ddof=1)
        assert np.all(ratio >= functions.LEAST * (1 - 1e-12))
    assert functions.LEAST < 0.5


def test_an_error_that_the_first_copies_would_hide_is_found(monkeypatch):
    """Their spread is wide by chance; of two others, which are right, one looks worse and one has a wider tolerance."""
    theta, first, every = np.linspace(0.1, 1, 8), functions.FIRST, functions.PERTURBATIONS
    spread, around = np.zeros((every, 8)), np.resize([1e-9, -1e-9], every)
    spread[:first, 0], spread[:, 1], spread[:, 2] = around[:first], around, 3 * around
    copies = np.cos(theta) + spread
    monkeypatch.setattr(functions, "_slopes_of_copies", lambda *arguments: copies[arguments[3]])
    times = stats.t.isf(1e-6 / (2 * 8), every - 1) / 2 * np.sqrt(2)
    wide, narrow = spread[:first, 0].std(ddof=1), spread[:, 0].std(ddof=1)
    off = [0.6 * times * wide, 0.9 * times * spread[:, 1].std(ddof=1), *[0] * 6]
    report = check_gradient(lambda t: np.sin(t).sum(), theta, np.cos(theta) + off)
    assert report.verdict == "FAIL" and report.worst.index == (0,)
    assert report.worst.ratio == pytest.approx(0.6 * wide / narrow, rel=1e-5)


@pytest.mark.parametrize("close", [False, True])
def test_only_an_entry_that_may_be_wrong_is_followed_over_all_copies_and_all_in_a_close_call(close):
    A = np.random.default_rng(0).normal(size=(60, 30))
    theta = np.random.default_rng(1).normal(size=30)
    t = np.tanh(A @ theta)
    right, asked = 2 * (t * (1 - t**2)) @ A / 60, np.zeros(30, int)

    def f(theta):
        moved = np.flatnonzero(np.imag(theta))
        if len(moved) == 1:
            asked[moved] += 1
        return np.mean(np.tanh(A @ theta) ** 2)

    every, some = functions.PERTURBATIONS + 2, functions.FIRST + 2
    right[7] += 1e-14 * np.abs(right).max()
    ratio = check_gradient(f, theta, right).worst.ratio
    assert ratio > 2
    if close:
        asked[:] = 0
        check_gradient(f, theta, right - np.eye(30)[7] * 1e-14 * np.abs(right).max() * (1 - 1 / ratio))
        assert set(asked) == {every}
        return
    assert asked[7] == every and set(asked) == {some, every}
    assert np.median(asked) == some and asked.mean() < 25


@pytest.mark.parametrize("theta", [[], np.zeros((0, 3))])
def test_nothing_to_test_is_refused(theta):
    with pytest.raises(ValueError, match=r"theta has shape .* wanted at least one number"):
        check_gradient(lambda t: 1.0, theta, theta)


@for_each("seed", [-1, None, 0.5, "0"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises((TypeError, ValueError), match=r"seed is .*wanted a whole number from 0 on|seed is -1, wanted"):
        check_gradient(np.sin, 0.3, np.cos(0.3), seed=seed)
