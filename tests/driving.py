"""Set an explorer as a reader would, and take what it shows."""


def shown(explorer, preset=None, **values):
    """Return data and sentence after a preset, or after the start, and after these values, set in one update."""
    if preset is None:
        explorer._set_values(explorer._start | values)
    else:
        explorer.reset()
        explorer.controls["preset"].value = preset
        if values:
            explorer._set_values(values)
    assert explorer.error is None, explorer.state["sentence"]
    return explorer.state["data"], explorer.state["sentence"]
