"""What a report writes: a number that is rounded to the wrong side would say something else."""

import numpy as np
import pytest
from loops import for_each

from d2lbptt.checking.report import Report, Row


def row(ratio=0.5, visible=1e-3):
    return Row("W_hh", 1.0, (0, 1), None, 1.0, 1.0, 1e-3, ratio, visible, False)


@for_each("ratio", [1.0, 1.004, 1 + 1e-9, 0.996, 1 - 1e-9, 0.0, 0.13, 3e14, np.inf])
def test_a_ratio_above_1_reads_so_and_one_below_does_not(ratio):
    text = str(Report("FAIL" if ratio > 1 else "PASS", (row(ratio),)))
    written = float(text.partition("off by ")[2].partition(" tolerances")[0])
    assert (written > 1) == (ratio > 1) and written == pytest.approx(ratio, rel=0.06)
    assert float(text.splitlines()[-1].split()[-2]) == written


@for_each("visible", [1.14e-15, 1.16e-15, 9.96e-3, 2e-300, 1.0, 0.0, np.inf, *np.geomspace(1e-9, 1, 50)])
def test_what_would_show_is_rounded_up(visible):
    written = float(str(Report("PASS", (row(visible=visible),))).split()[-1])
    assert visible <= written <= 1.11 * visible
