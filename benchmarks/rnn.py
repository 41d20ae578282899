"""Time the loss and all gradients of one pass beside a textbook loop, torch and JAX: `make bench`.

All run on one thread. In each round the candidates take turns in an order that is drawn anew, because what ran before
decides what lies in the caches, and because the machine has other things to do; the least and the median of many
rounds count, and only ratios mean anything. Where T is new each time, as with a slider on T, JAX compiles each time. A
sweep of T shows time and memory of ours alone. Before anything is timed, the gradients are compared.

The table and the picture go to `benchmarks/results`.
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"):
    os.environ[variable] = "1"  # read when NumPy, torch and JAX are loaded
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter as clock  # noqa: E402
from time import process_time as processor_clock  # noqa: E402
from typing import NamedTuple  # noqa: E402

import numpy as np  # noqa: E402

import d2lbptt as bptt  # noqa: E402
from benchmarks import report  # noqa: E402
from benchmarks.candidates import FLOORS, compare, ours, peers, problem  # noqa: E402
from d2lbptt.experiments._memory import peak  # noqa: E402

SIZES = (  # T, h, d, q, B
    (64, 32, 28, 28, 1),
    (1000, 32, 28, 28, 1),
    (1000, 16, 8, 8, 1),
    (1000, 256, 28, 28, 1),
    (1000, 256, 28, 28, 32),
    (35, 512, 28, 28, 32),
)
DTYPES = ("float64", "float32")
WIDTHS, LENGTHS = (32, 256), (10, 100, 1000, 10_000, 100_000)
ROUNDS = 9  # at least
NEW = 7  # rounds with a new T: JAX compiles in each
LONG = 0.02  # s; a run that takes longer fills the caches by itself
STEPS = 2000  # of a sweep, in one measurement
RESULTS = Path(__file__).parent / "results"


# --- the clock ---


def the_same(run):
    """Yield the run each time it is asked for, when it has run untimed: it finds its own data in the caches."""
    start = clock()
    run()
    long = clock() - start > LONG
    while True:
        yield run
        if not long:
            run()


def new_lengths(make, params, x, y, T, number):
    """Yield runs of one candidate with so many lengths, T + 1 the first, none of them twice."""
    for length in range(T + 1, T + 1 + number):
        yield make(params, x[:length], y[:length])


def take_turns(candidates, seconds, rounds, rng):
    """Return the seconds of each run of each candidate, and those of the processor; in each round each has its turn.

    A candidate yields what is run, until it has no more; there are at least so many rounds.
    """
    times, end = {name: [] for name in candidates}, clock() + seconds
    while rounds > 0 or clock() < end:
        for name in rng.permutation(list(candidates)).tolist():
            run = next(candidates[name], None)
            if run is not None:
                start, begin = clock(), processor_clock()
                run()
                times[name].append((clock() - start, processor_clock() - begin))
        rounds -= 1
    return {name: np.array(found).T for name, found in times.items()}


# --- the sizes ---


class Timed(NamedTuple):
    """A size (T, h, d, q, B), a dtype, and by candidate the seconds of each run, by the wall and by the processor."""

    size: tuple
    dtype: str
    times: dict


def measure(size, dtype, makers, seconds, rounds, rng):
    """Compare the gradients of all candidates, and time them."""
    T = size[0]
    params, x, y = problem(T + NEW, *size[1:], dtype=dtype)
    runs = {name: make(params, x[:T], y[:T]) for name, make in ({"ours": ours} | makers | FLOORS).items()}
    reference = runs["ours"]()
    for name in makers:
        compare(name, runs[name](), reference, dtype)
    candidates = {name: the_same(run) for name, run in runs.items()}
    for name in makers.keys() & {"JAX"}:
        for new, make in {"ours": ours, name: makers[name]}.items():
            candidates[f"{new}{report.NEW}"] = new_lengths(make, params, x, y, T, min(NEW, rounds))
    return Timed(size, dtype, take_turns(candidates, seconds, rounds, rng))


# --- the sweep ---


class Swept(NamedTuple):
    """Seconds a step, of each measurement, and what NumPy allocated, as multiples of the bytes of the states."""

    T: int
    h: int
    dtype: str
    seconds: np.ndarray
    forward: float
    backward: float


def sweep(lengths, h, dtype, seconds, rounds, rng):
    """Yield time and memory of ours for each length, with B = 1."""
    params, x, y = problem(max(lengths), h, 28, 28, 1, dtype=dtype)
    number = {T: max(1, STEPS // T) for T in lengths}
    runs = {T: the_same(partial(_repeat, ours(params, x[:T], y[:T]), number[T])) for T in lengths}
    times = take_turns(runs, seconds, rounds, rng)
    for T in lengths:
        yield Swept(T, h, dtype, times[T][0] / (number[T] * T), *memory(params, x[:T], y[:T]))


def _repeat(run, number):
    for _ in range(number):
        run()


def memory(params, x, y):
    """Return what forward and backward allocate at most, as multiples of the bytes of the states h_0 .. h_T.

    Forward counts the states, which it makes; backward what comes beside the trace.
    """
    forward = partial(bptt.forward, params, x, activation="tanh")
    trace = forward()
    backward = partial(bptt.backward, trace, y, loss="cross_entropy")
    backward()  # what is allocated once, in the first pass of all, belongs to none
    return tuple(peak(run) / trace.h.nbytes for run in (forward, backward))


# --- the whole ---


def a_size(text):
    """Return the numbers of T,h,d,q,B."""
    try:
        size = tuple(map(int, text.split(",")))
    except ValueError:
        size = ()
    if len(size) != 5 or min(size) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted T,h,d,q,B, five whole numbers from 1 on")
    return size


def options():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8, help="at least so long for each size in each dtype")
    parser.add_argument("--sizes", type=a_size, nargs="+", default=SIZES, help="T,h,d,q,B of each")
    parser.add_argument("--sweep", action=argparse.BooleanOptionalAction, default=True, help="whether T is swept")
    parser.add_argument("--quick", action="store_true", help="two rounds, a short sweep: only to see that it runs")
    parser.add_argument("--to", type=Path, help="a folder for table and picture; benchmarks/results, none if quick")
    return parser


def main(arguments=None):
    """Measure, print the table, and write it with the picture."""
    given = options().parse_args(arguments)
    seconds, rounds = (0, 2) if given.quick else (given.seconds, ROUNDS)
    widths, lengths = ((4, 8), (10, 40)) if given.quick else (WIDTHS, LENGTHS)
    makers, missing = peers()
    rng, timed, swept = np.random.default_rng(0), [], []
    for dtype in DTYPES:
        for size in given.sizes:
            timed.append(measure(size, dtype, makers, seconds, rounds, rng))
            print(report.line(timed[-1]), flush=True)
        for h in widths if given.sweep else ():
            swept += sweep(lengths, h, dtype, seconds, rounds, rng)
    text = report.table(timed, swept, missing)
    print(f"\n{text}")
    folder = given.to or (None if given.quick else RESULTS)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rnn.md").write_text(text, encoding="utf-8")
        report.picture(timed).savefig(folder / "rnn.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
