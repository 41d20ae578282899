"""The book's text for all tests, where a copy of it lies beside the repository; which tests stay together."""

import gc
import os
import sys
from pathlib import Path

import pytest

import tools  # noqa: F401 - before nbformat, which some tests load: see there
from d2lbptt.text.corpus import FILE, VARIABLE

COPY = Path(__file__).resolve().parents[2] / "shared" / "data" / FILE
# Of these modules each test goes to whichever worker is free; they come last, those with the longest tests first. The
# tests of any other stay on one worker, one after the other, with what they share: fixtures, kept results, a JupyterLab
# and a browser.
SPREAD = (
    "test_notebooks",
    "test_training_claims",
    "test_colab",
    "test_player_states",
    "test_walk",
    "test_project",
    "test_torch",
)
BY_PARAMETERS = {"test_explorers"}  # and of these, those of one explorer, of which much is kept, stay together

# Modules that take ten seconds or more, the longest first.
LONGEST = (
    "test_diagnosis",
    "test_equations",
    "test_svg_beside_agg",
    "test_hands",
    "test_page",
    "test_check_patterns",
    "test_looks",
    "test_experiments",
    "test_lectures",
    "test_geometry",
    "test_check_functions",
    "test_site_pages",
    "test_questions",
    "test_figures",
    "test_players",
    "test_own_network",
    "test_check",
    "test_butterfly_explorer",
    "test_bptt",
    "test_check_weights",
    "test_phase_diagram",
    "test_gated_explorer",
    "test_check_by_name",
)
if COPY.exists():
    os.environ.setdefault(VARIABLE, str(COPY))
# These want the whole site, or the data of all players, which are made once; each by itself would make them at the same
# time. Others that want players, and are fewer tests, begin later, and find them.
TOGETHER = dict.fromkeys(["test_handout", "test_site", "test_stage"], "site")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Group tests by module. (The marks that pytest-xdist 3.8.0 has for this do nothing with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            module, parameters = Path(nodeid.partition("::")[0]).stem, nodeid.partition("[")[2]
            if module in BY_PARAMETERS:
                return f"{module}[{parameters}"
            return nodeid if module in SPREAD else TOGETHER.get(module, module)

    config.option.loadscopereorder = False  # by the number of tests, which says little of the time that they take
    return ByModule(config, log)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, and end with single tests, so that no worker is left alone with a long module."""
    every = {path: path.stem for path in {item.path for item in items}}
    first = {name: i for i, name in enumerate((*LONGEST, "any other", *SPREAD))}
    places = {path: first.get(name, len(LONGEST)) for path, name in every.items()}
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish():
    """What has been imported and collected stays: the garbage collector need not look through it again and again."""
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(autouse=True, scope="module")
def close_explorers():
    """What the tests of a module have shown is closed after the last of them: an open widget is never collected."""
    yield
    if "ipywidgets" in sys.modules:
        sys.modules["ipywidgets"].Widget.close_all()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the whole site, which is left as it is."""
    from built import build

    from tools.site import players

    folder = tmp_path_factory.mktemp("build")
    players.write(folder / "players")  # first: tests on the other worker will soon want the data of some
    return build(folder)


@pytest.fixture(scope="module")
def chromium():
    """A Chromium for the tests of a module; they skip where there is no Playwright."""
    import pages  # here, as few modules want it

    with pages.browser() as started:
        yield started
