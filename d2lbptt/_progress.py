"""A bar for what takes long, and nothing in red where there can be none."""

import warnings

PATIENCE = 2  # seconds before it appears


def bar(steps, total, what="checking"):
    """Return the steps, with a bar that appears when they take long."""
    from tqdm.auto import tqdm  # loaded when it is first used

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there are no widgets for it
        return _quiet(tqdm)(steps, total=total, desc=what, leave=False, delay=PATIENCE)


def _quiet(kind):
    """Return the bar without its thread, which warns where threads cannot start."""
    return type("Bar", (kind,), {"monitor_interval": 0})
