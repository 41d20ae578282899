"""The wall in the error surface of one unit, where a difference sees the drop and misses the slope."""

from matplotlib.ticker import MultipleLocator

from . import style
from .step_size import LOOKS, powers
from .style import short

ZOOM = 20


def cliff(ax, data):
    """Draw a cut through the wall, with the slope by BPTT as its tangent and the central difference as a secant.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    data : precision.Cliff

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    What looks like a jump is smooth: the small picture shows the same curve with b stretched. The derivative that
    BPTT gives is right, and still a bad guide for a step of any size.
    """
    style.axes(ax, "b, in steps h from the steepest point", "error E")
    curve, reach, top = (data.b - data.point[0]) / data.h, abs(data.b[-1] - data.point[0]) / data.h, 1.3 * data.E.max()
    ax.set(xlim=(-reach, reach), ylim=(-0.06 * top, top))
    ax.xaxis.set_major_locator(MultipleLocator(1))
    look, dark = LOOKS["central"]
    ax.plot((data.ends[:, 0] - data.point[0]) / data.h, data.ends[:, 1], "o", color=look["color"], markersize=10)
    ax.axline((0, data.ends[:, 1].mean()), slope=data.central * data.h, linewidth=3, **look)
    near = ax.inset_axes((0.075, 0.13, 0.27, 0.5))
    near.set(xlim=(-reach / ZOOM, reach / ZOOM), ylim=ax.get_ylim(), xticks=[], yticks=[])
    near.set_title(f"b stretched {ZOOM} times", fontsize=style.NOTE, color=style.INK)
    for axes in (ax, near):
        axes.axline((0, data.point[1]), slope=data.bptt * data.h, **style.FULL)
        axes.plot(curve, data.E, color=style.INK, linewidth=2)
        axes.plot(0, data.point[1], "o", color=style.FULL["color"], markersize=8)
    words = {"fontsize": style.LABEL, "fontweight": "bold", "va": "center"}
    ax.text(0.2, 0.9 * top, f"BPTT: dE/db = {short(data.bptt)}".replace("-", "−"), color=style.FULL["color"], **words)
    central = f"h = {powers(data.h)}: dE/db = {short(data.central)}".replace("-", "−")
    factor = f"{short(data.bptt / data.central, 2)} times too flat"
    ax.text(0.45, 0.48 * top, f"central difference,\n{central},\n{factor}", color=dark, linespacing=1.4, **words)
    return ax
