"""What `make bench` found, as a table in Markdown and as a picture: facts, with the versions that they hold for."""

import os
import platform
from importlib.metadata import version

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.candidates import FLOORS, NEEDS, PEERS
from d2lbptt.figures import _style as style
from d2lbptt.figures._panels import Name, RoomAbove
from d2lbptt.figures._paper import figure, house

NEW = ", new T"  # behind a name
COLUMNS = (*PEERS, f"JAX{NEW}", f"ours{NEW}", *FLOORS)


def multiple(timed, name, statistic=np.min):
    """Return the time of a candidate, divided by ours; where T is new each time, by ours with the same new T."""
    beside = f"ours{NEW}" if name == f"JAX{NEW}" else "ours"
    return statistic(timed.times[name][0]) / statistic(timed.times[beside][0])


def columns(timed):
    """Return the names of the candidates that were timed, but ours, in the order of the table."""
    return [name for name in COLUMNS if name in timed.times]


def line(timed):
    """Return one size in one line, for those who wait."""
    size = ", ".join(map(str, timed.size))
    ratios = ", ".join(f"{name} {multiple(timed, name):.3g}" for name in columns(timed))
    return f"{size} {timed.dtype}: ours {1e3 * timed.times['ours'][0].min():.3g} ms; times ours: {ratios}"


# --- the table ---


def table(timed, swept, missing):
    """Return all that was measured, in Markdown."""
    parts = [HEAD, facts(timed, missing)]
    for dtype in dict.fromkeys(one.dtype for one in timed):
        parts += [f"## {dtype}", _sizes([one for one in timed if one.dtype == dtype])]
    if swept:
        parts += [SWEEP, _sweep(swept), _long_beside_short(swept)]
    return "\n\n".join(part for part in parts if part) + "\n"


HEAD = """\
# Loss and all gradients of one pass

Made by `make bench`. tanh, softmax cross-entropy, mean, biases. The least time of many rounds and, in brackets, the
median: ours in milliseconds, all others divided by ours. The order is drawn anew in each round. JAX is a scan that is
compiled; *new T*: with a T each time that it has not seen, ours beside it with the same T. The floors compute less:
*products alone* are the matrix products that nobody can do without, *calls alone* two calls of NumPy a step, forth and
back, on two numbers."""

SWEEP = """\
## Time and memory against T

Ours with B = 1 and d = q = 28: microseconds a step, the least and, in brackets, the median; then what NumPy allocated
at most in `forward` and in `backward`, divided by the bytes of the states h_0 .. h_T. `forward` makes the states; what
`backward` allocates comes beside them."""


def facts(timed, missing):
    """Return what the numbers hold for."""
    packages = [f"NumPy {np.__version__}", *(f"{m} {version(m)}" for n, m in NEEDS.items() if n not in missing)]
    keys = ("internal_api", "version", "architecture")
    blas = {" ".join(filter(None, map(pool.get, keys))) for pool in threadpool_info() if pool["user_api"] == "blas"}
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = ", ".join([*simd["baseline"], *simd["found"]])
    busy = {name: max(_processors(one.times[name]) for one in timed) for name in timed[0].times}
    most = max(busy, key=busy.get)
    lines = [
        f"Python {platform.python_version()}, {', '.join(packages)}.",
        f"BLAS: {', '.join(sorted(blas)) or 'unknown'}. Processor: {platform.machine()} with {features}.",
        f"Threads: {threads}.",
        f"Time of all processors, divided by that of the wall: at most {busy[most]:.2f} ({most}).",
    ]
    if hasattr(os, "getloadavg"):
        lines.append(f"Load of the machine in the last five minutes: {os.getloadavg()[1]:.1f}.")
    lines += [f"{name} is not installed and was left out." for name in missing]
    return "\n".join(f"- {one}" for one in lines)


def _processors(times):
    wall, processor = times
    return np.median(processor / wall)


def _sizes(timed):
    names = columns(timed[0])
    rows = [["T, h, d, q, B", "ours, ms", *names]]
    for one in timed:
        ours = 1e3 * one.times["ours"][0]
        cells = [_both(multiple(one, name), multiple(one, name, np.median)) for name in names]
        rows.append([", ".join(map(str, one.size)), _both(ours.min(), np.median(ours)), *cells])
    return _markdown(rows)


def _sweep(swept):
    dtypes = list(dict.fromkeys(one.dtype for one in swept))
    rows = [["h", "T", *(f"{dtype}: {what}" for dtype in dtypes for what in ("µs a step", "forward", "backward"))]]
    for h, T in dict.fromkeys((one.h, one.T) for one in swept):
        cells = [str(h), f"{T:,}"]
        for one in (one for one in swept if (one.h, one.T) == (h, T)):
            cells.append(_both(1e6 * one.seconds.min(), 1e6 * np.median(one.seconds)))
            cells += [f"{one.forward:.2f}", f"{one.backward:.2f}"]
        rows.append(cells)
    return _markdown(rows)


def _long_beside_short(swept, long=100_000, short=1000):
    least = {(one.h, one.dtype, one.T): one.seconds.min() for one in swept}
    found = [
        f"{least[h, dtype, long] / least[h, dtype, short]:.2f} (h = {h}, {dtype})"
        for h, dtype, T in least
        if T == long and (h, dtype, short) in least
    ]
    return f"A step at T = {long:,} takes, as a multiple of one at T = {short:,}: {', '.join(found)}." if found else ""


def _both(least, median):
    return f"{_short(least)} ({_short(median)})"


def _short(number):
    return f"{number:.0f}" if number >= 99.5 else f"{number:#.3g}"


def _markdown(rows):
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


# --- the picture ---

PEER = {"markersize": 10, "markeredgewidth": 2, "linestyle": "none"}
JAX = {**PEER, "marker": "o", "color": style.EIGENVALUES["color"]}
FLOOR = {**PEER, "marker": "|", "markersize": 18, "markeredgewidth": 3, "color": style.THEORY["color"]}
LOOKS = {  # the look, the words, how much below the middle of its row
    "textbook": ({**PEER, "marker": "s", "color": "#B26B00"}, "loop of a textbook", -0.13),
    "torch.nn.RNN": ({**PEER, "marker": "D", "color": style.SINGULAR_VALUES["color"]}, "torch.nn.RNN", 0.13),
    "JAX": (JAX, "JAX, the same T again", 0),
    f"JAX{NEW}": ({**JAX, "markerfacecolor": "white"}, "JAX, a new T", 0),
    "floor": (FLOOR, "floor of NumPy", 0),
}
TICKS = [step * 10.0**n for n in range(-3, 6) for step in (1, 3)]


def picture(timed):
    """Return a figure of the multiples in the first dtype: a row a size, a mark a candidate, time on a log axis."""
    shown = [one for one in timed if one.dtype == timed[0].dtype]
    found = {name: [multiple(one, name) for one in shown] for name in columns(shown[0]) if name in LOOKS}
    found["floor"] = [max(multiple(one, name) for name in FLOORS) for one in shown]
    ends = [(min(1, *numbers), max(1, *numbers)) for numbers in zip(*found.values(), strict=True)]
    with house():
        paper = figure(10, 1.9 + 0.5 * len(shown))
        ax = style.axes(paper.add_axes((0.27, 0.15, 0.71, 0.84)), "time, as a multiple of ours", "")
        ax.set(xscale="log", xlim=(min(0.28, np.min(ends) / 1.3), np.max(ends) * 1.3), ylim=(len(shown) - 0.5, -0.5))
        style.logarithmic(ax.xaxis, TICKS)
        ax.yaxis.set_ticks(range(len(shown)), [_words(one) for one in shown])
        ax.tick_params(left=False)
        ax.spines["left"].set_visible(False)
        ax.hlines(range(len(shown)), *zip(*ends, strict=True), color=style.SHADE, linewidth=1.5, zorder=0)
        ax.axvline(1, **style.FULL, zorder=1)
        for name, numbers in found.items():
            look, _, down = LOOKS[name]
            ax.plot(numbers, down + np.arange(len(shown)), **look, zorder=3)
        names = [Name(ax, style.FULL, "ours"), *(Name(ax, *LOOKS[name][:2]) for name in found)]
        for name in names[1:]:
            name.sample.set(markevery=[0])
        ax.set_axes_locator(RoomAbove(Name.rows(names, 3, right=-130)))
    return paper


def _words(timed):
    T, h, _, _, B = timed.size
    return f"T = {T}, h = {h}, B = {B}"
