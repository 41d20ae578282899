"""The tool behind ``make bench``: turns, comparison, memory, and what it writes.

Oracles: a clock of the test's own, allocations of a known size, and torch.nn.RNN and JAX, where they are installed, for
the gradients. Only the last test looks at real times.
"""

import os
import subprocess
import sys
from itertools import repeat

import numpy as np
import pytest

import d2lbptt as bptt
from benchmarks import candidates, report, rnn

QUICK = ["--quick", "--sizes", "5,3,2,2,1", "6,4,2,3,2"]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""

    class Clock:
        now = 0

        def move(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(rnn, "clock", lambda: clock.now)
    return clock


@pytest.fixture
def no_peers(monkeypatch):
    """Neither torch nor JAX."""
    for module in candidates.NEEDS.values():
        monkeypatch.setitem(sys.modules, module, None)


# --- turns ---


def order(seed, rounds=30):
    said = []
    runs = {name: repeat(lambda name=name: said.append(name)) for name in "abcd"}
    rnn.take_turns(runs, 0, rounds, np.random.default_rng(seed))
    return [tuple(said[i : i + 4]) for i in range(0, len(said), 4)]


def test_each_has_its_turn_in_each_round_in_an_order_drawn_anew():
    found = order(seed=0)
    assert len(found) == 30 and {tuple(sorted(names)) for names in found} == {("a", "b", "c", "d")}
    assert len(set(found)) > 10  # of 24
    assert found == order(seed=0) != order(seed=1)


def test_a_run_is_timed_until_there_is_no_more_of_it(clock):
    runs = {"once": iter([lambda: clock.move(5)]), "always": repeat(lambda: clock.move(3))}
    times = rnn.take_turns(runs, 0, 4, np.random.default_rng(0))
    assert times["once"][0].tolist() == [5] and times["always"][0].tolist() == [3, 3, 3, 3]


def test_rounds_go_on_until_the_time_is_up(clock):
    times = rnn.take_turns({"one": repeat(lambda: clock.move(3))}, 20, 2, np.random.default_rng(0))
    assert times["one"][0].tolist() == [3] * 7


@pytest.mark.parametrize(("seconds", "runs"), [(rnn.LONG / 2, 3 + 3), (2 * rnn.LONG, 3 + 1)])
def test_a_short_run_has_run_untimed_each_time(clock, seconds, runs):
    clock_before = clock.now
    times = rnn.take_turns({"one": rnn.the_same(lambda: clock.move(seconds))}, 0, 3, np.random.default_rng(0))
    assert times["one"][0] == pytest.approx([seconds] * 3)
    assert clock.now - clock_before == pytest.approx(runs * seconds)


def test_a_new_length_is_new_each_time():
    params, x, y = candidates.problem(9, 3, 2, 2, 2)
    made = rnn.new_lengths(lambda params, x, y: (len(x), len(y)), params, x, y, 5, 4)
    assert list(made) == [(6, 6), (7, 7), (8, 8), (9, 9)]


# --- who takes part ---


@pytest.mark.parametrize("dtype", rnn.DTYPES)
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("name", ["textbook", "torch.nn.RNN", pytest.param("JAX", marks=pytest.mark.slow)])
def test_the_peers_compute_what_we_compute(name, B, dtype):
    if name in candidates.NEEDS:
        pytest.importorskip(candidates.NEEDS[name], reason=f"{name} is not installed")
    problem = candidates.problem(50, 8, 3, 4, B, dtype=dtype)
    found = candidates.PEERS[name](*problem)()
    assert {str(np.asarray(gradient).dtype) for gradient in found[1]} == {dtype}
    candidates.compare(name, found, candidates.ours(*problem)(), dtype)


@pytest.mark.slow
def test_jax_compiles_for_each_new_length_and_only_then():
    pytest.importorskip("jax", reason="jax is not installed")
    candidates._compiled.cache_clear()
    timed = rnn.measure((6, 3, 2, 2, 1), "float64", {"JAX": candidates.jax_scan}, 0, 3, np.random.default_rng(0))
    assert timed.times["JAX"].shape == timed.times["JAX, new T"].shape == timed.times["ours, new T"].shape == (2, 3)
    assert candidates._compiled()._cache_size() == 1 + 3


@pytest.mark.parametrize("dtype", rnn.DTYPES)
@pytest.mark.parametrize("symbol", ["L", "dL/dW_hx", "dL/dW_hh", "dL/dW_qh", "dL/db_h", "dL/db_q"])
def test_what_is_wrong_is_refused_by_name(symbol, dtype):
    value, gradients = reference = candidates.ours(*candidates.problem(6, 3, 2, 2, 1, dtype=dtype))()
    names = ["L", *(f"dL/d{name}" for name in bptt.Params._fields)]

    def wrong(share):
        numbers = [np.array(a, float) for a in (value, *gradients)]
        found = numbers[names.index(symbol)]
        found.flat[np.abs(found).argmax()] *= 1 + share
        return numbers[0], numbers[1:]

    tolerance = candidates.TOLERANCE[dtype]
    candidates.compare("theirs", wrong(tolerance / 2), reference, dtype)
    for share in (2 * tolerance, np.nan):
        with pytest.raises(SystemExit, match=f"^{symbol} of theirs differs from ours by .* in {dtype}, wanted at most"):
            candidates.compare("theirs", wrong(share), reference, dtype)


def test_a_gradient_of_another_shape_is_refused():
    value, gradients = reference = candidates.ours(*candidates.problem(6, 3, 2, 2, 1))()
    with pytest.raises(SystemExit, match=r"^dL/dW_hx of theirs"):
        candidates.compare("theirs", (value, [gradients[0].T, *gradients[1:]]), reference, "float64")


def test_nothing_is_timed_where_a_gradient_is_wrong(no_peers, monkeypatch, tmp_path):
    def transposed(params, x, y):
        value, gradients = candidates.textbook(params, x, y)()
        return lambda: (value, [gradients[0], gradients[1].T, *gradients[2:]])

    monkeypatch.setitem(candidates.PEERS, "textbook", transposed)
    monkeypatch.setattr(rnn, "take_turns", None)
    with pytest.raises(SystemExit, match=r"^dL/dW_hh of textbook"):
        rnn.main([*QUICK, "--to", str(tmp_path)])
    assert not list(tmp_path.iterdir())


# --- time and memory against T ---


def test_a_sweep_counts_the_seconds_of_a_step(clock, monkeypatch):
    monkeypatch.setattr(rnn, "ours", lambda params, x, y: lambda: clock.move(len(x) * 1e-6))
    found = list(rnn.sweep((10, 3 * rnn.STEPS), 4, "float32", 0, 2, np.random.default_rng(0)))
    assert [(one.T, one.h, one.dtype) for one in found] == [(10, 4, "float32"), (3 * rnn.STEPS, 4, "float32")]
    for one in found:
        assert one.seconds == pytest.approx([1e-6] * 2)


@pytest.mark.parametrize("dtype", rnn.DTYPES)
def test_memory_is_what_comes_beside_the_trace_in_sizes_of_the_states(monkeypatch, dtype):
    problem, true_forward = candidates.problem(20_000, 8, 2, 2, 1, dtype=dtype), bptt.forward

    def forward(*arguments, **options):
        np.empty(7 * 20_001 * 8, dtype)  # gone before the trace is made
        return true_forward(*arguments, **options)

    def backward(trace, y, loss):
        kept = np.empty(trace.h.size, dtype)
        np.empty(trace.h.size // 2, dtype)
        return kept, np.empty(trace.h.size, dtype)

    monkeypatch.setattr(bptt, "forward", forward)
    monkeypatch.setattr(bptt, "backward", backward)
    assert rnn.memory(*problem) == pytest.approx((7, 2), rel=0.01)


# --- what is said ---


def timed(**more):
    seconds = {"ours": [2, 4], "textbook": [6, 20], "products alone": [1, 1], "calls alone": [0.5, 3], **more}
    times = {name: np.array([numbers, numbers]) / 1000 for name, numbers in seconds.items()}
    return rnn.Timed((5, 3, 2, 2, 1), "float64", times)


JAX = {"JAX": [3, 3], "JAX, new T": [800, 1000], "ours, new T": [4, 4]}
NOT_LOOKED_UP = list(candidates.NEEDS)  # their versions, as they may not be installed


def rows(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_the_table_has_the_least_and_the_median_as_multiples_of_ours():
    head, row = rows(report.table([timed(**JAX)], [], NOT_LOOKED_UP))
    assert dict(zip(head, row, strict=True)) == {
        "T, h, d, q, B": "5, 3, 2, 2, 1",
        "ours, ms": "2.00 (3.00)",
        "textbook": "3.00 (4.33)",
        "JAX": "1.50 (1.00)",
        "JAX, new T": "200 (225)",  # of ours with a new T
        "ours, new T": "2.00 (1.33)",
        "products alone": "0.500 (0.333)",
        "calls alone": "0.250 (0.583)",
    }


def test_the_table_of_the_sweep():
    swept = [
        rnn.Swept(T, 4, dtype, np.array([3e-6, step, 5e-6]), 1.25, backward)
        for dtype, T, step, backward in [
            ("float64", 1000, 1e-6, 2),
            ("float64", 100_000, 1.5e-6, 3),
            ("float32", 1000, 2e-6, 4),
            ("float32", 100_000, 1e-6, 5),
        ]
    ]
    text = report.table([timed()], swept, NOT_LOOKED_UP)
    assert rows(text)[3:] == [
        ["4", "1,000", "1.00 (3.00)", "1.25", "2.00", "2.00 (3.00)", "1.25", "4.00"],
        ["4", "100,000", "1.50 (3.00)", "1.25", "3.00", "1.00 (3.00)", "1.25", "5.00"],
    ]
    assert "of one at T = 1,000: 1.50 (h = 4, float64), 0.50 (h = 4, float32)." in text


def test_the_picture_has_a_mark_where_the_least_times_stand():
    other = timed(**JAX)._replace(size=(7, 3, 2, 2, 4))
    other.times["textbook"] /= 6
    ax = report.picture([timed(**JAX), other, timed()._replace(dtype="float32")]).axes[0]
    marks = {
        tuple(line.get_xdata()): np.rint(line.get_ydata()).tolist() for line in ax.lines if len(line.get_xdata()) == 2
    }
    for numbers in [(3, 0.5), (1.5, 1.5), (200, 200), (0.5, 0.5)]:  # textbook, JAX, JAX with a new T, products
        assert marks[numbers] == [0, 1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["T = 5, h = 3, B = 1", "T = 7, h = 3, B = 4"]


# --- the whole ---


def test_all_that_was_measured_is_written_and_who_is_missing(no_peers, tmp_path, capsys):
    rnn.main([*QUICK, "--to", str(tmp_path)])
    text = (tmp_path / "rnn.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert [row[0] for row in rows(text)] == [*2 * ["T, h, d, q, B", "5, 3, 2, 2, 1", "6, 4, 2, 3, 2"], "h", *"4488"]
    assert "- torch.nn.RNN is not installed and was left out.\n- JAX is not installed and was left out.\n" in text
    assert (tmp_path / "rnn.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_quick_run_leaves_the_results_alone(no_peers, monkeypatch, tmp_path):
    monkeypatch.setattr(rnn, "RESULTS", tmp_path / "results")
    rnn.main([*QUICK, "--no-sweep"])
    assert not (tmp_path / "results").exists()


def test_a_size_is_five_numbers(capsys):
    for text in ("5,3,2,2", "5,3,2,2,0", "a,3,2,2,1"):
        with pytest.raises(SystemExit):
            rnn.main(["--sizes", text])
        assert f"{text!r}, wanted T,h,d,q,B" in capsys.readouterr().err


def test_there_is_one_thread_whatever_the_environment_says():
    code = "import benchmarks.rnn, threadpoolctl as t; print({pool['num_threads'] for pool in t.threadpool_info()})"
    more = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() in ("{1}", "set()")  # empty: threadpoolctl knows none of the libraries that are loaded


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("size", rnn.SIZES[:3], ids=str)
def test_for_one_sequence_ours_is_far_ahead_of_the_peers(size):
    """With half of the lead that a quiet machine shows, and with JAX where it must compile."""
    makers, missing = candidates.peers()
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    found = rnn.measure(size, "float64", makers, 3, 15, np.random.default_rng(0))
    least = {name: report.multiple(found, name) for name in report.columns(found)}
    assert least["textbook"] > 2.5 and least["torch.nn.RNN"] > 2.5 and least["JAX, new T"] > 25, least
    assert least["products alone"] < 1 and least["calls alone"] < 1, least
