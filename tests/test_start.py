"""What an import loads, and what it costs: a start is not felt.

Oracle: Matplotlib's Agg and ipywidgets, imported without us.
"""

import os
import subprocess
import sys

import pytest

DRAWS = "matplotlib.backends.backend_agg, matplotlib.figure, ipywidgets"  # what an explorer cannot do without
LATER = {"scipy", "sympy", "pandas", "tqdm", "pooch", "requests", "torch", "jax"}  # when they are first used, if ever


def after(imports, wanted, **options):
    """What a fresh interpreter says when it has imported modules."""
    code = f"import {imports}; import sys, time; print({wanted})"
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def loaded(imports):
    """The packages that are loaded then, without those of Python itself."""
    return {name.partition(".")[0] for name in after(imports, "*sys.modules").split()} - sys.stdlib_module_names


def test_the_package_loads_numpy_alone():
    assert loaded("d2lbptt") - loaded("numpy") == {"d2lbptt"}


def test_explorers_load_nothing_beside_matplotlib_ipywidgets_and_anywidget():
    needed = loaded(f"{DRAWS}, anywidget")
    assert not needed & LATER
    assert loaded("d2lbptt.explorers") - needed == {"d2lbptt"}


def test_what_is_loaded_too_early_would_be_seen():
    assert {"scipy", "tqdm"} <= loaded("d2lbptt, scipy.special, tqdm") - loaded("numpy")


@pytest.mark.slow
def test_explorers_start_in_little_more_processor_time_than_what_they_draw_with(tmp_path):
    # As when something is started for the second time: Python has kept what it compiled.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    options = {"env": kept | {"PYTHONPYCACHEPREFIX": str(tmp_path)}}

    def seconds(imports):
        return float(after(imports, "time.process_time()", **options))

    rounds = [(seconds(DRAWS), seconds("d2lbptt.explorers")) for _ in range(6)][1:]
    alone, ours = map(min, zip(*rounds, strict=True))
    assert ours <= 1.25 * alone + 0.15, (ours, alone)
