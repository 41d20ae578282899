"""Where does M^k x point? The direction of M^k x, its length, and the law for many x."""

from __future__ import annotations

import numpy as np

from .. import experiments
from ..figures._paper import picture
from ..figures._powers import _PowersPicture
from ._words import Said, power
from .front_end import Explorer, Menu, Slider, steps

PRESETS = {
    "clear winner": {"n": 8, "ratio": 0.7, "k": 20, "spectrum": "equal"},
    "close race": {"n": 8, "ratio": 0.97, "k": 100, "spectrum": "equal"},
    "many dimensions": {"n": 64, "ratio": 0.7, "k": 20, "spectrum": "equal"},
}
OTHERS = {"equal": "all equal to λ₂", "falling": "falling, each by λ₂/λ₁", "both signs": "of both signs, λ₂ to −λ₂"}
LINES = (
    "The band holds 5 to 95% of the random $x$; the law puts 5, 50 and 95% of all $x$ below its dashed lines.",
    "It is proved that at least 95% of all $x$ lie below the dotted line.",
)


def powers() -> Explorer:
    """Explore how the powers of a symmetric matrix turn a random vector.

    Returns
    -------
    Explorer
        With the arguments of ``experiments.powers`` as ``controls``, and preset.
    """
    kinds = [(words, kind) for kind, words in OTHERS.items()]
    angles = [(f"{degrees:g}°", degrees) for degrees in (0.1, 1.0, 5.0, 20.0)]
    return Explorer(
        experiments.powers,
        question="Where does $M^k x$ point?",
        controls={
            "k": Slider("steps $k$", 0, 200, unit="steps"),
            "n": Slider("size $n$", 2, 64),
            "ratio": Slider("$|λ_2 / λ_1|$", 0.5, 0.99, 0.01),
            "seed": Slider("which $x$", 0, 99),
            "within": Menu("aligned", angles),
            "spectrum": Menu("other $λ$", kinds),
            "draws": Menu("random $x$", [100, 1000, 2000]),
            "lambda_1": Slider("$λ_1$", 0.5, 1.5, 0.01),
        },
        more=["seed", "within", "spectrum", "draws", "lambda_1"],
        picture=picture(_PowersPicture, 9.6, 4.4),
        words=_words,
        presets=PRESETS,
        leads={"k": [*steps(0, 20), *steps(25, 200, 5)], "ratio": [0.5, 0.7, 0.9, 0.97, 0.99]},
        play="k",
    )


def _words(values, data):
    at = f"At $k = {data.k}$, $n = {values['n']}$ and $|λ_2/λ_1| = {values['ratio']:.2f}$"
    x = "$x$ itself" if data.k == 0 else "this $M^kx$"
    points = f"{x} points {_angle(data.curve[data.k])} away from the line of $v_1$"
    return Said(f"{at}, {points}; {_crowd(data)}.", (_law(data), _length(values, data), *LINES, _drawn(values)))


def _crowd(data):
    near, all_x = f"within {data.within:g}°", len(data.crowd)
    if data.count == all_x:
        return f"all {all_x} random $x$ are {near}"
    return f"{data.count or 'none'} of {all_x} random $x$ {'is' if data.count <= 1 else 'are'} {near}"


def _law(data):
    mean, spread = data.expected
    places = 0 if spread >= 0.5 else 1
    return f"The law expects {mean:.{places}f} ± {spread:.{places}f} of the {len(data.crowd)} within {data.within:g}°."


def _length(values, data):
    found, law = power(data.length[data.k]), power(data.length_law[data.k])
    return (
        f"$M^kx$ is {found} times as long as $x$; $λ_1^k|x_1|$ is {law} times, with $λ_1 = {values['lambda_1']:.2f}$."
    )


def _drawn(values):
    return f"The other eigenvalues are {OTHERS[values['spectrum']]}. This $x$ is drawn with seed {values['seed']}."


def _angle(d):
    angle = np.degrees(np.arctan(10**d))
    return f"{angle:.3g}°" if angle >= 0.01 else f"{power(d + np.log10(180 / np.pi))}°"
